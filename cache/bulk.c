/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/bulk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/extent_cursor.h"
#include "cache/upload.h"

/* Damaged inodes that were logged already. */
#define LOST_MAX 64

struct bulk {
	struct bulk_conf conf;
	pthread_t thread;

	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	struct bulk_work *works; /* in order */
	size_t works_count;
	bool working;
	uint64_t offers; /* how many there were */

	/* owned by the thread */
	uint64_t lost[LOST_MAX];
	unsigned int lost_count;
};

/* A slice: the pieces of one inode, and the pins that keep them. */
struct slice {
	struct bulk *bulk;
	struct cache *cache;
	uint64_t ino;
	uint64_t from; /* what is before it in the file is on its way */
	bool wanted;
	struct upload upload;
	size_t pieces_capacity;
	uint64_t bytes;
	uint64_t *pins;
	size_t pins_count;
	bool growing; /* open, and changed since its last close */
	bool cut_off; /* there is more than was gathered */
};

static int compare_works(const void *a, const void *b)
{
	const struct bulk_work *x = a;
	const struct bulk_work *y = b;
	int result = choose_rank_compare(&x->rank, &y->rank);

	if (result)
		return result;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Gathering, under the node's lock. */

static bool has_pin(const struct slice *slice, uint64_t segment)
{
	size_t i = slice->pins_count;

	while (i > 0)
		if (slice->pins[--i] == segment)
			return true;
	return false;
}

/* False when the segment is gone: the extent will be, too. */
static bool pin(struct slice *slice, uint64_t segment)
{
	if (has_pin(slice, segment))
		return true;
	if (segment_pin(slice->cache->segments, segment))
		return false;
	slice->pins = xrealloc(slice->pins, (slice->pins_count + 1) * sizeof(*slice->pins));
	slice->pins[slice->pins_count++] = segment;
	return true;
}

static void add_piece(struct slice *slice, uint32_t generation, const struct extent *extent)
{
	struct upload *upload = &slice->upload;
	uint32_t cut = extent->offset < slice->from ? (uint32_t)(slice->from - extent->offset) : 0;

	if (upload->pieces_count == slice->pieces_capacity) {
		slice->pieces_capacity = slice->pieces_capacity * 2 + 64;
		upload->pieces =
			xrealloc(upload->pieces, slice->pieces_capacity * sizeof(*upload->pieces));
	}
	upload->pieces[upload->pieces_count++] = (struct upload_piece){
		.ino = slice->ino,
		.generation = generation,
		.offset = extent->offset + cut,
		.length = extent->row.length - cut,
		.segment = extent->row.segment,
		.record = extent->row.record,
		.delta = extent->row.delta + cut,
	};
	slice->bytes += extent->row.length - cut;
}

static int gather_extents(struct slice *slice)
{
	uint64_t limit = BULK_SLICE_BYTES + 2 * slice->cache->conf.volume.chunker.size_max;
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int result = extent_content_get(slice->cache->index, slice->ino, &content);

	if (result)
		return result;
	result = extent_cursor_open(&cursor, slice->cache->index, slice->ino, content.generation,
				    slice->from);
	if (result)
		return result;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0) {
		if (extent.row.refs_count || !pin(slice, extent.row.segment))
			continue;
		if (slice->bytes >= limit) {
			slice->cut_off = true;
			result = 0;
			break;
		}
		add_piece(slice, content.generation, &extent);
	}
	extent_cursor_close(&cursor);
	return result;
}

static int gather(struct slice *slice)
{
	struct cache *cache = slice->cache;
	struct node *node = node_get(cache->nodes, slice->ino);
	int result;

	rwlock_acquire_read(&node->lock);
	slice->growing = !slice->wanted && node->content_lsn > node->version_lsn;
	result = gather_extents(slice);
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	return result;
}

/* Was this piece written just now? */
static int is_recent(const struct slice *slice, const struct upload_piece *piece, bool *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key dirty_key;
	struct row_key key;
	struct dirty_row row;
	int result;

	key_extent(&key, piece->ino, piece->generation, piece->offset + piece->length);
	key_dirty(&dirty_key, key.bytes, key.length);
	result = index_get(slice->cache->index, &dirty_key, &value);
	*out = false;
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_dirty(value.data, value.length, &row);
	*out = row.lsn > atomic_load(slice->bulk->conf.active_lsn);
	return result;
}

/* Which runs may get longer: told at the last piece of each. */
static int mark_open(struct slice *slice)
{
	struct upload *upload = &slice->upload;
	size_t i;
	int result = 0;

	for (i = 0; slice->growing && !result && i < upload->pieces_count; i++) {
		struct upload_piece *piece = &upload->pieces[i];

		if (i + 1 == upload->pieces_count ||
		    piece->offset + piece->length != piece[1].offset)
			result = is_recent(slice, piece, &piece->open);
	}
	if (slice->cut_off && upload->pieces_count)
		upload->pieces[upload->pieces_count - 1].open = true;
	return result;
}

static void lose_inode(void *arg, uint64_t ino, int code)
{
	struct slice *slice = arg;
	struct bulk *bulk = slice->bulk;
	unsigned int i;

	for (i = 0; i < bulk->lost_count; i++)
		if (bulk->lost[i] == ino)
			return;
	if (bulk->lost_count < LOST_MAX)
		bulk->lost[bulk->lost_count++] = ino;
	log_error("inode %" PRIu64 " is not uploaded further, its unsent bytes are damaged: %s",
		  ino, err_message(code));
}

static void slice_release(struct slice *slice)
{
	size_t i;

	for (i = 0; i < slice->pins_count; i++)
		segment_unpin(slice->cache->segments, slice->pins[i]);
	free(slice->pins);
	free(slice->upload.pieces);
	upload_release(&slice->upload);
}

/*
 * How much is on its way, from the slice's first byte to its first that is not:
 * there the next slice begins. False when some of what lies behind is on its way,
 * too, so that only its arrival tells what is left.
 */
static bool find_next(const struct slice *slice, uint64_t *placed_out, uint64_t *next_out)
{
	const struct upload *upload = &slice->upload;
	bool gap = false;
	bool clear = true;
	size_t i;

	*placed_out = 0;
	for (i = 0; i < upload->pieces_count; i++) {
		const struct upload_piece *piece = &upload->pieces[i];

		*placed_out += piece->placed;
		if (gap)
			clear = clear && !piece->placed;
		else
			*next_out = piece->offset + piece->placed;
		gap = gap || piece->placed < piece->length;
	}
	return clear;
}

/* Gathers a slice and hands it to the stream. *goes_on_out: the next slice can
 * follow at once, from *from on. */
static int upload_slice(struct bulk *bulk, struct pack_stream *stream, const struct bulk_work *work,
			uint64_t *from, uint64_t *placed_out, bool *goes_on_out)
{
	struct slice slice = {
		.bulk = bulk,
		.cache = bulk->conf.cache,
		.ino = work->ino,
		.from = *from,
		.wanted = work->wanted,
		.upload = { .cache = bulk->conf.cache,
			    .stream = stream,
			    .bytes_max = BULK_SLICE_BYTES,
			    .lost = lose_inode },
	};
	int result = gather(&slice);

	slice.upload.lost_arg = &slice;
	if (!result)
		result = mark_open(&slice);
	CRASH_POINT(bulk_gathered);
	if (!result && slice.upload.pieces_count)
		result = upload_run(&slice.upload);
	*goes_on_out = find_next(&slice, placed_out, from) && *placed_out && !result;
	slice_release(&slice);
	return result;
}

/* The thread. */

/* Is the work still what comes first? A new offer may say so, too. */
static bool is_first(struct bulk *bulk, struct bulk_work *work, uint64_t *offers, uint64_t *done)
{
	bool same;

	lock_acquire(&bulk->lock);
	same = !bulk->stopping && bulk->works_count && bulk->works[0].ino == work->ino;
	if (same && bulk->offers != *offers) {
		*work = bulk->works[0];
		*offers = bulk->offers;
		*done = 0;
	}
	lock_release(&bulk->lock);
	return same;
}

/*
 * Slices of the work through one stream, so that the link is not idle between two
 * of them; until all that the work had is on its way, something else comes first,
 * or the committer needs a word.
 */
static int upload_slices(struct bulk *bulk, struct bulk_work *work, uint64_t *offers,
			 uint64_t *done)
{
	struct pack_stream_conf conf = { .cache = bulk->conf.cache, .pool = bulk->conf.pool };
	struct pack_stream *stream = pack_stream_new(&conf);
	uint64_t before = *done;
	uint64_t from = 0;
	uint64_t sent = 0;
	uint64_t placed;
	bool more;
	int result;

	do {
		result = upload_slice(bulk, stream, work, &from, &placed, &more);
		sent += placed;
		*done += placed;
	} while (!result && more && *done < work->bytes && sent < BULK_STREAM_BYTES &&
		 !upload_claims_are_contended(bulk->conf.claims) &&
		 is_first(bulk, work, offers, done));
	if (!result)
		result = pack_stream_finish(stream, NULL);
	/* Nothing could be sent, or all of it was changed meanwhile. */
	if (!pack_stream_stored_bytes(stream) && *done == before)
		*done = work->bytes;
	pack_stream_free(stream);
	return result;
}

/* All that the work had, unless there is a new offer of something else. */
static int upload_work(struct bulk *bulk, struct bulk_work *work, uint64_t *offers)
{
	uint64_t done = 0;
	int result;

	do {
		if (!upload_claims_begin(bulk->conf.claims, work->ino))
			return 0;
		result = upload_slices(bulk, work, offers, &done);
		upload_claims_end(bulk->conf.claims);
	} while (!result && done < work->bytes && is_first(bulk, work, offers, &done));
	return result;
}

static void drop_first_locked(struct bulk *bulk)
{
	lock_assert_held(&bulk->lock);
	bulk->works_count--;
	memmove(bulk->works, bulk->works + 1, bulk->works_count * sizeof(*bulk->works));
}

static void *bulk_main(void *arg)
{
	struct bulk *bulk = arg;

	lock_acquire(&bulk->lock);
	while (!bulk->stopping) {
		struct bulk_work work;
		uint64_t offers = bulk->offers;
		int result;

		if (!bulk->works_count) {
			condition_wait(&bulk->wake, &bulk->lock);
			continue;
		}
		work = bulk->works[0];
		bulk->working = true;
		lock_release(&bulk->lock);
		result = upload_work(bulk, &work, &offers);
		lock_acquire(&bulk->lock);
		bulk->working = false;
		if (result)
			bulk->works_count = 0;
		else if (bulk->offers == offers)
			drop_first_locked(bulk);
		lock_release(&bulk->lock);
		bulk->conf.done(bulk->conf.done_arg, result);
		lock_acquire(&bulk->lock);
	}
	lock_release(&bulk->lock);
	return NULL;
}

struct bulk *bulk_start(const struct bulk_conf *conf)
{
	struct bulk *bulk = xcalloc(1, sizeof(*bulk));

	bulk->conf = *conf;
	lock_init(&bulk->lock, LOCK_RANK_COMMIT);
	condition_init(&bulk->wake);
	if (pthread_create(&bulk->thread, NULL, bulk_main, bulk))
		abort(); /* out of threads, as out of memory */
	return bulk;
}

void bulk_stop(struct bulk *bulk)
{
	if (!bulk)
		return;
	lock_acquire(&bulk->lock);
	bulk->stopping = true;
	condition_broadcast(&bulk->wake);
	lock_release(&bulk->lock);
	pthread_join(bulk->thread, NULL);
	condition_destroy(&bulk->wake);
	lock_destroy(&bulk->lock);
	free(bulk->works);
	free(bulk);
}

void bulk_offer(struct bulk *bulk, const struct bulk_work *works, size_t count)
{
	lock_acquire(&bulk->lock);
	free(bulk->works);
	bulk->works = xmalloc((count + 1) * sizeof(*works));
	memcpy(bulk->works, works, count * sizeof(*works));
	qsort(bulk->works, count, sizeof(*works), compare_works);
	bulk->works_count = count;
	bulk->offers++;
	condition_broadcast(&bulk->wake);
	lock_release(&bulk->lock);
}

bool bulk_is_idle(struct bulk *bulk)
{
	bool idle;

	lock_acquire(&bulk->lock);
	idle = !bulk->works_count && !bulk->working;
	lock_release(&bulk->lock);
	return idle;
}
