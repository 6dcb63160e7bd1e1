/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/commit/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/store_retry.h"
#include "cache/cache_local.h"
#include "cache/commit_record.h"
#include "cache/restore.h"
#include "tests/lib/noise.h"

#define BLOCK (64u << 10)

/* Opening. */

static struct store *assemble_store(struct world *world, const struct world_conf *conf)
{
	struct store_retry_conf retry = STORE_RETRY_CONF_DEFAULT;
	struct store *store;

	ck_assert_int_eq(store_open(conf->url, true, &store), 0);
	if (conf->faults) {
		store = store_fault_new(store, conf->faults);
		world->fault = store;
	}
	retry.delay_first_ns = NS_PER_MS;
	retry.delay_max_ns = 10 * NS_PER_MS;
	if (conf->impatient)
		retry.write_limit_ns = 20 * NS_PER_MS;
	return store_retry_new(store, &retry);
}

static struct id directory_id(const char *directory)
{
	struct digest digest = digest_of(directory, strlen(directory));
	struct id id;

	memcpy(id.bytes, digest.bytes, sizeof(id.bytes));
	return id;
}

static void make_root(struct cache *cache)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode_row root = { .mode = S_IFDIR | 0755, .nlink = 2, .parent = ROOT_INO };
	struct row_key key;
	struct batch batch;

	key_inode(&key, ROOT_INO);
	if (!index_get(cache->index, &key, &value))
		return;
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, ROOT_INO, &root);
	ck_assert_int_eq(index_commit(cache->index, &batch, NULL), 0);
	batch_release(&batch);
}

static void release(struct world *world)
{
	struct cache *cache = &world->cache;

	store_free(cache->store);
	cache_destroy_locks(cache);
	free(cache->directory);
	free(cache->url);
}

int world_try_open(struct world *world, const struct world_conf *conf)
{
	struct cache *cache = &world->cache;
	int result;

	memset(world, 0, sizeof(*world));
	mkdir(conf->directory, 0700);
	cache->directory = xstrdup(conf->directory);
	cache->url = xstrdup(conf->url);
	cache->cache_id = directory_id(conf->directory);
	cache->seal = seal_null();
	cache->store = assemble_store(world, conf);
	cache->conf.upload_delay_ns = conf->upload_delay_ns;
	cache->conf.lease_ttl_ns = conf->lease_ttl_ns ? conf->lease_ttl_ns : WORLD_TTL_NS;
	cache->conf.takeover = conf->takeover;
	cache->conf.zstd_level = 1;
	volume_params_init(&cache->conf.volume);
	cache->conf.volume.chunker = (struct chunker_conf){ 8192, 32768, 131072 };
	cache->conf.volume.pack_bytes = 1 << 20;
	cache_init_locks(cache);
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	{
		CLEANUP_FREE char *segments = xasprintf("%s/segments", conf->directory);
		CLEANUP_FREE char *index = xasprintf("%s/index", conf->directory);
		CLEANUP_FREE char *journal = xasprintf("%s/journal", conf->directory);

		mkdir(segments, 0700);
		mkdir(index, 0700);
		mkdir(journal, 0700);
	}
	result = cache_local_open(cache, false);
	if (result) {
		release(world);
		return result;
	}
	result = fence_open(cache, &cache->fence);
	if (!result) {
		atomic_store(&cache->epoch, (uint32_t)fence_epoch(cache->fence));
		result = restore_run(cache);
	}
	if (!result) {
		make_root(cache);
		result = committer_start(cache, &cache->committer);
	}
	if (result) {
		fence_close(cache->fence, false);
		cache_local_abandon(cache);
		release(world);
	}
	return result;
}

void world_open(struct world *world, const struct world_conf *conf)
{
	int result = world_try_open(world, conf);

	ck_assert_msg(!result, "%s", err_message(result));
}

void world_close(struct world *world)
{
	committer_stop(world->cache.committer);
	fence_close(world->cache.fence, true);
	cache_local_close(&world->cache);
	release(world);
}

void world_kill(struct world *world)
{
	if (world->fault)
		store_fault_set_down(world->fault, true);
	store_retry_stop(world->cache.store);
	committer_stop(world->cache.committer);
	fence_close(world->cache.fence, false);
	cache_local_abandon(&world->cache);
	release(world);
}

void world_wait(struct world *world)
{
	int result = cache_wait(&world->cache, INT64_MAX, NULL, NULL);

	ck_assert_msg(!result, "%s", err_message(result));
}

/* Rows. */

static bool get_row(struct world *world, const struct row_key *key, struct buffer *value)
{
	int result;

	buffer_clear(value);
	result = index_get(world->cache.index, key, value);
	ck_assert(!result || result == -ENOENT);
	return !result;
}

uint64_t world_ino(struct world *world, unsigned int file)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct dirent_row row;
	struct row_key key;

	key_dirent(&key, ROOT_INO, WORLD_COOKIE(file));
	if (!get_row(world, &key, &value))
		return 0;
	ck_assert_int_eq(row_get_dirent(value.data, value.length, &row), 0);
	return row.ino;
}

static struct inode_row get_inode(struct world *world, uint64_t ino)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode_row row;
	struct row_key key;

	key_inode(&key, ino);
	ck_assert(get_row(world, &key, &value));
	ck_assert_int_eq(row_get_inode(value.data, value.length, &row), 0);
	return row;
}

static struct content_row get_content(struct world *world, uint64_t ino)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct content_row row = { 0 };
	struct row_key key;

	key_content(&key, ino);
	if (get_row(world, &key, &value))
		ck_assert_int_eq(row_get_content(value.data, value.length, &row), 0);
	return row;
}

static void put_dirent(struct batch *batch, unsigned int file, uint64_t ino)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	char name[32];
	struct dirent_row row = { .ino = ino, .type = 8, .name = (const uint8_t *)name };
	struct row_key key;

	row.name_length = (uint16_t)snprintf(name, sizeof(name), "file-%u", file);
	key_dirent(&key, ROOT_INO, WORLD_COOKIE(file));
	row_put_dirent(&value, &row);
	batch_put(batch, &key, &value, ROW_CLOUD);
}

static void delete_dirent(struct batch *batch, unsigned int file)
{
	struct row_key key;

	key_dirent(&key, ROOT_INO, WORLD_COOKIE(file));
	batch_delete(batch, &key, ROW_CLOUD);
}

static void commit_batch(struct world *world, struct batch *batch)
{
	int result = index_commit(world->cache.index, batch, NULL);

	ck_assert_msg(!result, "%s", err_message(result));
	batch_release(batch);
}

/* Under the lock of the inode's node. */
static struct node *lock_node(struct world *world, uint64_t ino)
{
	struct node *node = node_get(world->cache.nodes, ino);

	rwlock_acquire_write(&node->lock);
	return node;
}

static void unlock_node(struct world *world, struct node *node)
{
	rwlock_release(&node->lock);
	node_put(world->cache.nodes, node);
}

void world_create(struct world *world, unsigned int file)
{
	struct inode_row row = { .mode = S_IFREG | 0644, .nlink = 1, .generation = 1 };
	uint64_t ino;
	struct batch batch;

	if (world_ino(world, file))
		return;
	ino = index_new_ino(world->cache.index);
	row.btime.tv_sec = (time_t)ino;
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, ino, &row);
	put_dirent(&batch, file, ino);
	commit_batch(world, &batch);
}

/* Puts one block's extent; the record is pinned until the batch is in. */
static uint64_t write_block(struct world *world, struct batch *batch, uint64_t ino,
			    struct content_row *content, uint64_t block, const uint8_t *bytes,
			    uint32_t length)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct segment_tag tag = { SEGMENT_CLASS_WRITTEN, ino, block * BLOCK };
	struct segment_place place;
	struct extent_row row = { .length = length };
	struct extent_row old;
	struct row_key key;

	key_extent(&key, ino, content->generation, block * BLOCK + length);
	ck_assert_int_eq(segments_append(world->cache.segments, &tag, bytes, length, &place), 0);
	if (get_row(world, &key, &value)) {
		ck_assert_int_eq(row_get_extent(value.data, value.length, &old), 0);
		content->mapped -= old.length;
		if (old.segment)
			batch_segment_use(batch, old.segment, -(int64_t)old.length,
					  old.refs_count ? 0 : -(int64_t)old.length);
	}
	row.segment = place.segment;
	row.record = place.record;
	buffer_clear(&value);
	row_put_extent(&value, &row);
	batch_put(batch, &key, &value, ROW_CLOUD);
	batch_segment_use(batch, place.segment, length, length);
	content->mapped += length;
	return place.segment;
}

/* Blocks are whole, except that a file's only block may be short. */
void world_write(struct world *world, unsigned int file, uint64_t seed, uint64_t offset,
		 uint32_t length)
{
	uint64_t ino = world_ino(world, file);
	CLEANUP_FREE uint8_t *bytes = xmalloc(BLOCK);
	struct content_row content;
	struct batch batch;
	struct node *node;
	uint64_t block;
	uint64_t end;

	if (!ino)
		return;
	node = lock_node(world, ino);
	content = get_content(world, ino);
	if (content.size && content.size < BLOCK) {
		offset = 0;
		length = (uint32_t)content.size;
	} else if (content.size || offset) {
		offset -= offset % BLOCK;
		length += BLOCK - 1;
		length -= length % BLOCK;
	}
	end = offset + length;
	batch_init(&batch, BATCH_CONTENT, ino);
	for (block = offset / BLOCK; block * BLOCK < end; block++) {
		uint32_t part =
			end - block * BLOCK < BLOCK ? (uint32_t)(end - block * BLOCK) : BLOCK;

		if (seed % 3)
			noise_text(seed + block, bytes, part);
		else
			noise_fill(seed + block, bytes, part);
		segment_unpin(world->cache.segments,
			      write_block(world, &batch, ino, &content, block, bytes, part));
	}
	if (end > content.size)
		content.size = end;
	content.mtime.tv_sec = (time_t)seed;
	batch_put_content(&batch, ino, &content, 0);
	commit_batch(world, &batch);
	unlock_node(world, node);
}

void world_hold_open(struct world *world, unsigned int file)
{
	world->held = lock_node(world, world_ino(world, file));
	world->held->content_lsn = UINT64_MAX;
	rwlock_release(&world->held->lock);
}

void world_let_go(struct world *world)
{
	rwlock_acquire_write(&world->held->lock);
	world->held->content_lsn = world->held->version_lsn;
	rwlock_release(&world->held->lock);
	node_put(world->cache.nodes, world->held);
	world->held = NULL;
}

/* Deletes the extents of the inode; generation UINT32_MAX: of all, otherwise
 * of all but this. */
static void delete_extents(struct world *world, struct batch *batch, uint64_t ino, uint32_t keep)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;

	key_extent(&start, ino, 0, 0);
	ck_assert_int_eq(index_cursor_open(world->cache.index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0) {
		struct row_key found = { .length = (uint16_t)key_length };
		struct extent_row row;
		uint32_t generation;
		uint64_t owner;
		uint64_t end;

		if (!key_extent_parse(key, key_length, &owner, &generation, &end) || owner != ino)
			break;
		if (generation == keep)
			continue;
		memcpy(found.bytes, key, key_length);
		ck_assert_int_eq(row_get_extent(value, value_length, &row), 0);
		if (row.segment)
			batch_segment_use(batch, row.segment, -(int64_t)row.length,
					  row.refs_count ? 0 : -(int64_t)row.length);
		batch_delete(batch, &found, ROW_CLOUD);
	}
	index_cursor_close(cursor);
}

static void delete_inode(struct world *world, struct batch *batch, uint64_t ino)
{
	struct row_key key;

	delete_extents(world, batch, ino, UINT32_MAX);
	key_content(&key, ino);
	batch_delete(batch, &key, ROW_CLOUD);
	key_xattr(&key, ino, "user.x", 6);
	batch_delete(batch, &key, ROW_CLOUD);
	key_inode(&key, ino);
	batch_delete(batch, &key, ROW_CLOUD);
	key_orphan(&key, ino);
	batch_delete(batch, &key, ROW_LOCAL);
}

void world_unlink(struct world *world, unsigned int file)
{
	uint64_t ino = world_ino(world, file);
	struct batch batch;
	struct node *node;

	if (!ino)
		return;
	node = lock_node(world, ino);
	batch_init(&batch, BATCH_ROWS, 0);
	delete_dirent(&batch, file);
	delete_inode(world, &batch, ino);
	commit_batch(world, &batch);
	unlock_node(world, node);
}

static void orphan(struct world *world, struct batch *batch, uint64_t ino)
{
	struct buffer none = BUFFER_INIT;
	struct inode_row row = get_inode(world, ino);
	struct row_key key;

	row.nlink = 0;
	batch_put_inode(batch, ino, &row);
	key_orphan(&key, ino);
	batch_put(batch, &key, &none, ROW_LOCAL);
}

void world_unlink_open(struct world *world, unsigned int file)
{
	uint64_t ino = world_ino(world, file);
	struct batch batch;

	if (!ino)
		return;
	batch_init(&batch, BATCH_ROWS, 0);
	delete_dirent(&batch, file);
	orphan(world, &batch, ino);
	commit_batch(world, &batch);
}

void world_reap(struct world *world)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t ino = 0;
	struct batch batch;
	struct node *node;

	key_orphan(&start, 0);
	ck_assert_int_eq(index_cursor_open(world->cache.index, &start, &cursor), 0);
	if (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0 &&
	    key_table(key, key_length) == TABLE_ORPHAN)
		ino = key_number(key, key_length);
	index_cursor_close(cursor);
	if (!ino)
		return;
	node = lock_node(world, ino);
	batch_init(&batch, BATCH_ROWS, 0);
	delete_inode(world, &batch, ino);
	commit_batch(world, &batch);
	unlock_node(world, node);
}

void world_rename(struct world *world, unsigned int from, unsigned int to)
{
	uint64_t ino = world_ino(world, from);
	uint64_t replaced = world_ino(world, to);
	struct content_row content;
	struct batch batch;

	if (!ino || from == to)
		return;
	content = get_content(world, ino);
	batch_init(&batch, BATCH_ROWS, 0);
	if (replaced)
		orphan(world, &batch, replaced);
	delete_dirent(&batch, from);
	put_dirent(&batch, to, ino);
	if (replaced && content.size)
		batch_put_content(&batch, ino, &content, ROW_BARRIER);
	commit_batch(world, &batch);
}

void world_chmod(struct world *world, unsigned int file, uint32_t mode)
{
	uint64_t ino = world_ino(world, file);
	struct inode_row row;
	struct batch batch;

	if (!ino)
		return;
	row = get_inode(world, ino);
	row.mode = S_IFREG | mode;
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, ino, &row);
	commit_batch(world, &batch);
}

void world_set_xattr(struct world *world, unsigned int file, uint64_t number)
{
	uint64_t ino = world_ino(world, file);
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	struct batch batch;

	if (!ino)
		return;
	buffer_put_u64(&value, number);
	key_xattr(&key, ino, "user.x", 6);
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put(&batch, &key, &value, ROW_CLOUD);
	commit_batch(world, &batch);
}

void world_truncate(struct world *world, unsigned int file)
{
	uint64_t ino = world_ino(world, file);
	struct content_row content;
	struct batch batch;
	struct node *node;

	if (!ino)
		return;
	node = lock_node(world, ino);
	content = get_content(world, ino);
	content.size = content.mapped = 0;
	content.generation++;
	batch_init(&batch, BATCH_CONTENT, ino);
	batch_put_content(&batch, ino, &content, 0);
	commit_batch(world, &batch);
	/* Sometimes reaped at once, sometimes by the next truncation. */
	if (content.generation % 2) {
		batch_init(&batch, BATCH_CONTENT, ino);
		delete_extents(world, &batch, ino, content.generation);
		commit_batch(world, &batch);
	}
	unlock_node(world, node);
}

void world_fsync(struct world *world, unsigned int file)
{
	uint64_t ino = world_ino(world, file);
	struct content_row content;
	struct batch batch;
	struct node *node;

	if (!ino)
		return;
	node = lock_node(world, ino);
	content = get_content(world, ino);
	batch_init(&batch, BATCH_CONTENT, ino);
	batch_put_content(&batch, ino, &content, ROW_BARRIER);
	commit_batch(world, &batch);
	unlock_node(world, node);
}

void world_step(struct world *world, uint64_t *state)
{
	unsigned int file = (unsigned int)(noise_next(state) % WORLD_FILES);
	unsigned int other = (unsigned int)(noise_next(state) % WORLD_FILES);
	uint64_t random = noise_next(state);

	switch (noise_next(state) % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
		world_create(world, file);
		break;
	case 4:
	case 5:
	case 6:
		world_write(world, file, random % 20, 0, (uint32_t)(random >> 20) % 3000 + 1);
		break;
	case 7:
	case 8:
		world_write(world, file, random, ((random >> 8) % 6) * BLOCK, BLOCK);
		break;
	case 9:
		world_unlink(world, file);
		break;
	case 10:
		world_unlink_open(world, file);
		break;
	case 11:
		world_reap(world);
		break;
	case 12:
		world_rename(world, file, other);
		break;
	case 13:
		world_chmod(world, file, (uint32_t)random & 0777);
		break;
	case 14:
		world_set_xattr(world, file, random);
		break;
	default:
		if (random % 2)
			world_truncate(world, file);
		else
			world_fsync(world, file);
		break;
	}
}
