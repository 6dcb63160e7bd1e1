/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a volume of any number of files straight into a store, as fast as its
 * objects can be encoded: bench_make_volume URL FILES [FILES-A-DIRECTORY].
 *
 *	/dNNNNNN/fNNNNNNNN	1,000 in each directory, if not said otherwise
 *
 * Each file has 64 bytes that tell its number; a hundred share a chunk. The
 * volume is a checkpoint, root/1, of an empty log/1: what a volume looks like
 * whose log was removed behind its newest checkpoint.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/pack_write.h"
#include "cache/cache.h"
#include "cache/commit_encode.h"
#include "cache/cookie.h"
#include "cache/root_format.h"
#include "cache/root_merge.h"
#include "cache/row_format.h"
#include "cache/writer_format.h"

#define FILES_A_DIRECTORY_DEFAULT 1000
#define FILES_A_CHUNK		  100
#define FILE_BYTES		  64
#define CHUNKS_A_PACK		  2000

struct maker {
	struct store *store;
	struct volume_params params;
	uint64_t files;
	uint64_t files_a_directory;
	uint64_t directories;
	uint64_t chunks;
	uint64_t packs;
	struct timespec now;
	struct chunk_row *chunk_rows;
	struct pack_row *pack_rows;
	struct root_writer root;
	struct row_run_writer run;
	struct row_key first;
};

/* Numbers: root, directories, files; chunks, then packs. */
static uint64_t directory_ino(uint64_t directory)
{
	return ROOT_INO + 1 + directory;
}

static uint64_t file_ino(const struct maker *maker, uint64_t file)
{
	return ROOT_INO + 1 + maker->directories + file;
}

static uint64_t files_in(const struct maker *maker, uint64_t directory)
{
	uint64_t left = maker->files - directory * maker->files_a_directory;

	return left < maker->files_a_directory ? left : maker->files_a_directory;
}

static void check(int result)
{
	if (!result)
		return;
	fprintf(stderr, "bench_make_volume: %s\n", err_message(result));
	exit(1);
}

static void put_object(struct maker *maker, const char *name, const struct buffer *bytes)
{
	check(store_put(maker->store, name, bytes->data, bytes->length, STORE_IF_ABSENT));
}

/* Packs. */

static void add_chunk(struct maker *maker, struct pack_writer *writer, uint64_t chunk,
		      uint64_t pack)
{
	char bytes[FILES_A_CHUNK * FILE_BYTES];
	struct chunk_row *row = &maker->chunk_rows[chunk];
	struct pack_chunk placed;
	uint64_t i;

	memset(bytes, '.', sizeof(bytes));
	for (i = 0; i < FILES_A_CHUNK; i++) {
		char text[FILE_BYTES + 1];
		int length = snprintf(text, sizeof(text), "file %llu of a generated volume\n",
				      (unsigned long long)(chunk * FILES_A_CHUNK + i));

		memcpy(bytes + i * FILE_BYTES, text, (size_t)length);
	}
	check(pack_writer_add(writer, chunk + 1, bytes, sizeof(bytes), 1, &placed));
	row->pack = maker->chunks + 1 + pack;
	row->offset = placed.offset;
	row->stored_length = placed.stored_length;
	row->raw_length = placed.raw_length;
	memcpy(row->digest, placed.digest.bytes, sizeof(row->digest));
}

static void make_pack(struct maker *maker, uint64_t pack)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct pack_identity identity = {
		.volume = maker->params.uuid,
		.epoch = 1,
		.id = id_new(),
	};
	struct pack_row *row = &maker->pack_rows[pack];
	char name[OBJECT_NAME_SIZE];
	struct pack_writer writer;
	uint64_t i;

	pack_writer_init(&writer, &identity, seal_null());
	for (i = pack * CHUNKS_A_PACK; i < (pack + 1) * CHUNKS_A_PACK && i < maker->chunks; i++)
		add_chunk(maker, &writer, i, pack);
	pack_writer_finish(&writer, &bytes);
	pack_writer_release(&writer);
	object_name_pack(1, &identity.id, name);
	put_object(maker, name, &bytes);
	row->kind = PACK_KIND_OBJECT;
	row->epoch = 1;
	row->id = identity.id;
	row->length = bytes.length;
}

/* Runs. */

static void end_run(struct maker *maker)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_part_conf conf = {
		.volume = maker->params.uuid,
		.epoch = 1,
		.seal = seal_null(),
		.level = 1,
		.place = PART_OBJECT,
		.role = PART_RUN,
	};
	struct root_run run = {
		.first_key = maker->first.bytes,
		.first_key_length = maker->first.length,
		.last_key = maker->run.last_key,
		.last_key_length = maker->run.last_key_length,
	};
	char name[OBJECT_NAME_SIZE];

	check(row_part_encode(&conf, &maker->run, &bytes, &run.part));
	object_name_meta(1, &run.part.id, name);
	put_object(maker, name, &bytes);
	root_writer_add(&maker->root, &run);
	row_run_writer_clear(&maker->run);
}

/* Takes the value's bytes away. */
static void put_row(struct maker *maker, const struct row_key *key, struct buffer *value)
{
	if (!maker->run.rows)
		maker->first = *key;
	row_run_writer_put(&maker->run, key->bytes, key->length, value->data, value->length);
	buffer_clear(value);
	if (maker->run.bytes.length >= ROOT_RUN_BYTES)
		end_run(maker);
}

static void put_inode(struct maker *maker, uint64_t ino, uint32_t mode, uint64_t parent,
		      uint64_t children)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode_row row = {
		.mode = mode,
		.uid = 1000,
		.gid = 1000,
		.nlink = S_ISDIR(mode) ? 2 : 1,
		.generation = 1,
		.atime = maker->now,
		.mtime = maker->now,
		.ctime = maker->now,
		.btime = maker->now,
		.parent = parent,
		.children = children,
	};
	struct row_key key;

	if (ino == ROOT_INO)
		row.nlink += (uint32_t)maker->directories;
	key_inode(&key, ino);
	row_put_inode(&value, &row);
	put_row(maker, &key, &value);
}

static void put_inodes(struct maker *maker)
{
	uint64_t i;

	put_inode(maker, ROOT_INO, S_IFDIR | 0755, ROOT_INO, maker->directories);
	for (i = 0; i < maker->directories; i++)
		put_inode(maker, directory_ino(i), S_IFDIR | 0755, ROOT_INO, files_in(maker, i));
	for (i = 0; i < maker->files; i++)
		put_inode(maker, file_ino(maker, i), S_IFREG | 0644, 0, 0);
}

struct entry {
	uint64_t cookie;
	uint64_t ino;
	char name[24];
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static void put_directory(struct maker *maker, uint64_t parent, struct entry *entries, size_t count,
			  uint8_t type)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	size_t i;

	for (i = 0; i < count; i++)
		entries[i].cookie = cookie_base(maker->params.name_hash_key, entries[i].name,
						strlen(entries[i].name));
	qsort(entries, count, sizeof(*entries), compare_entries);
	for (i = 0; i < count; i++) {
		struct dirent_row row = {
			.ino = entries[i].ino,
			.type = type,
			.name_length = (uint16_t)strlen(entries[i].name),
			.name = (const uint8_t *)entries[i].name,
		};
		struct row_key key;

		if (i && entries[i].cookie == entries[i - 1].cookie)
			entries[i].cookie++;
		key_dirent(&key, parent, entries[i].cookie);
		row_put_dirent(&value, &row);
		put_row(maker, &key, &value);
	}
}

static void put_dirents(struct maker *maker)
{
	uint64_t most = maker->directories > maker->files_a_directory ? maker->directories
								      : maker->files_a_directory;
	CLEANUP_FREE struct entry *entries = xcalloc(most, sizeof(*entries));
	uint64_t directory;
	uint64_t i;

	for (i = 0; i < maker->directories; i++) {
		entries[i].ino = directory_ino(i);
		snprintf(entries[i].name, sizeof(entries[i].name), "d%06llu",
			 (unsigned long long)i);
	}
	put_directory(maker, ROOT_INO, entries, maker->directories, DT_DIR);
	for (directory = 0; directory < maker->directories; directory++) {
		uint64_t count = files_in(maker, directory);

		for (i = 0; i < count; i++) {
			uint64_t file = directory * maker->files_a_directory + i;

			entries[i].ino = file_ino(maker, file);
			snprintf(entries[i].name, sizeof(entries[i].name), "f%08llu",
				 (unsigned long long)file);
		}
		put_directory(maker, directory_ino(directory), entries, count, DT_REG);
	}
}

static void put_contents(struct maker *maker)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct content_row content = {
		.size = FILE_BYTES,
		.mtime = maker->now,
		.generation = 1,
		.mapped = FILE_BYTES,
	};
	struct row_key key;
	uint64_t i;

	for (i = 0; i < maker->files; i++) {
		key_content(&key, file_ino(maker, i));
		row_put_content(&value, &content);
		put_row(maker, &key, &value);
	}
	for (i = 0; i < maker->files; i++) {
		struct extent_row extent = { .length = FILE_BYTES, .refs_count = 1 };

		extent.refs[0].chunk = 1 + i / FILES_A_CHUNK;
		extent.refs[0].chunk_offset = (uint32_t)(i % FILES_A_CHUNK) * FILE_BYTES;
		extent.refs[0].length = FILE_BYTES;
		key_extent(&key, file_ino(maker, i), 1, FILE_BYTES);
		row_put_extent(&value, &extent);
		put_row(maker, &key, &value);
	}
}

static void put_places(struct maker *maker)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	uint64_t i;

	for (i = 0; i < maker->chunks; i++) {
		key_chunk(&key, i + 1);
		row_put_chunk(&value, &maker->chunk_rows[i]);
		put_row(maker, &key, &value);
	}
	for (i = 0; i < maker->packs; i++) {
		key_pack(&key, maker->chunks + 1 + i);
		row_put_pack(&value, &maker->pack_rows[i]);
		put_row(maker, &key, &value);
	}
}

/* The empty commit, whose state the root claims to be. */
static void make_log(struct maker *maker, struct commit_head *head)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct commit commit = { .head = *head };
	char name[OBJECT_NAME_SIZE];

	commit.head.flags = COMMIT_FENCE;
	commit_encode(&commit, seal_null(), &bytes);
	object_name_log(1, name);
	put_object(maker, name, &bytes);
	head->previous = commit_hash(bytes.data, bytes.length);
}

static void make_writer(struct maker *maker, const struct id *session)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct writer_lease lease = {
		.claim = { .epoch = 1, .cache = id_new(), .session = *session, .host = "bench" },
		.ttl_ms = 1000,
		.commit = 1,
		.root = 1,
		.released = true,
	};
	char name[OBJECT_NAME_SIZE];

	writer_claim_encode(&lease.claim, &bytes);
	object_name_writer(1, name);
	put_object(maker, name, &bytes);
	buffer_clear(&bytes);
	writer_lease_encode(&lease, &bytes);
	object_name_lease(1, name);
	put_object(maker, name, &bytes);
}

static void make_root(struct maker *maker)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct commit_head head = {
		.volume = maker->params.uuid,
		.epoch = 1,
		.seq = 1,
		.cut_real_ns = clock_real_ns(),
		.session = id_new(),
		.salt = id_new(),
		.next_ino = file_ino(maker, maker->files),
		.next_chunk_id = maker->chunks + maker->packs + 1,
	};
	char name[OBJECT_NAME_SIZE];

	make_writer(maker, &head.session);
	make_log(maker, &head);
	head.logical_bytes = maker->files * FILE_BYTES;
	head.made_real_ns = head.cut_real_ns;
	root_writer_init(&maker->root, &head);
	row_run_writer_init(&maker->run);
	put_inodes(maker);
	put_dirents(maker);
	put_contents(maker);
	put_places(maker);
	if (maker->run.rows)
		end_run(maker);
	check(root_writer_finish(&maker->root, seal_null(), &bytes));
	object_name_root(1, name);
	put_object(maker, name, &bytes);
	root_writer_release(&maker->root);
	row_run_writer_release(&maker->run);
}

static void init_volume(struct maker *maker, const char *url)
{
	struct volume_params *params = &maker->params;

	volume_params_init(params);
	params->uuid = id_new_uuid();
	random_bytes(params->name_hash_key, sizeof(params->name_hash_key));
	clock_format(clock_real_ns(), params->created);
	snprintf(params->name, sizeof(params->name), "bench");
	check(store_open(url, true, &maker->store));
	check(cache_init_volume(maker->store, url, params));
}

int main(int argc, char **argv)
{
	struct maker maker = { .files_a_directory = FILES_A_DIRECTORY_DEFAULT };
	uint64_t i;

	if (argc == 4)
		maker.files_a_directory = strtoull(argv[3], NULL, 10);
	if (argc < 3 || argc > 4 || !maker.files_a_directory ||
	    !(maker.files = strtoull(argv[2], NULL, 10))) {
		fprintf(stderr, "usage: bench_make_volume URL FILES [FILES-A-DIRECTORY]\n");
		return 2;
	}
	maker.directories = (maker.files + maker.files_a_directory - 1) / maker.files_a_directory;
	maker.chunks = (maker.files + FILES_A_CHUNK - 1) / FILES_A_CHUNK;
	maker.packs = (maker.chunks + CHUNKS_A_PACK - 1) / CHUNKS_A_PACK;
	maker.chunk_rows = xcalloc(maker.chunks, sizeof(*maker.chunk_rows));
	maker.pack_rows = xcalloc(maker.packs, sizeof(*maker.pack_rows));
	clock_gettime(CLOCK_REALTIME, &maker.now);
	init_volume(&maker, argv[1]);
	for (i = 0; i < maker.packs; i++)
		make_pack(&maker, i);
	make_root(&maker);
	store_free(maker.store);
	free(maker.chunk_rows);
	free(maker.pack_rows);
	return 0;
}
