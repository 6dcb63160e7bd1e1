/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/extent_map.h"
#include "cache/fetch.h"
#include "cache/inode.h"
#include "cache/io.h"
#include "cache/pack_stream.h"
#include "cache/plan.h"

/* Rows changed under one hold of the lock. */
#define SWAP_ROWS_MAX 256

/* Bytes of a file without a hole, and where they are from now on. */
struct piece {
	uint64_t ino;
	uint64_t offset;
	uint32_t length;
	uint8_t *bytes;
	struct extent_ref *refs; /* NULL: not stored */
	unsigned int refs_count;
};

/* An extent as it was gathered. */
struct gathered {
	uint64_t ino;
	uint32_t generation;
	uint64_t offset;
	uint64_t end;
	unsigned int refs_count;
	struct extent_ref *refs;
};

struct rewrite {
	struct cache *cache;
	struct pack_stream *stream;
	struct piece *pieces; /* in the order of (inode, offset) */
	size_t pieces_count;
	struct gathered *extents;
	size_t extents_count;
	uint64_t bytes; /* swapped */
};

/* Gathering. */

static void add_extent(struct rewrite *rewrite, uint64_t ino, uint32_t generation,
		       const struct extent *extent)
{
	size_t size = extent->row.refs_count * sizeof(extent->row.refs[0]);
	struct gathered *gathered =
		rewrite->extents_count ? rewrite->extents + rewrite->extents_count - 1 : NULL;

	/* It reaches from one range into the next. */
	if (gathered && gathered->ino == ino && gathered->end == extent->end)
		return;
	rewrite->extents = xrealloc(rewrite->extents,
				    (rewrite->extents_count + 1) * sizeof(*rewrite->extents));
	gathered = &rewrite->extents[rewrite->extents_count++];
	*gathered = (struct gathered){
		.ino = ino,
		.generation = generation,
		.offset = extent->offset,
		.end = extent->end,
		.refs_count = extent->row.refs_count,
		.refs = xmalloc(size),
	};
	memcpy(gathered->refs, extent->row.refs, size);
}

/* A piece for bytes [from, until), which go on the last one if they touch it. */
static void add_piece(struct rewrite *rewrite, uint64_t ino, uint64_t from, uint64_t until)
{
	struct piece *last =
		rewrite->pieces_count ? rewrite->pieces + rewrite->pieces_count - 1 : NULL;

	if (last && last->ino == ino && last->offset + last->length == from &&
	    until - last->offset <= EXTENT_LENGTH_MAX) {
		last->length = (uint32_t)(until - last->offset);
		return;
	}
	rewrite->pieces =
		xrealloc(rewrite->pieces, (rewrite->pieces_count + 1) * sizeof(*rewrite->pieces));
	rewrite->pieces[rewrite->pieces_count++] = (struct piece){
		.ino = ino,
		.offset = from,
		.length = (uint32_t)(until - from),
	};
}

static int gather(struct rewrite *rewrite, const struct rewrite_range *range)
{
	struct node *node = inode_lock_shared(rewrite->cache, range->ino);
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int result = extent_content_get(rewrite->cache->index, range->ino, &content);

	if (!result)
		result = extent_cursor_open(&cursor, rewrite->cache->index, range->ino,
					    content.generation, range->from);
	if (!result) {
		while ((result = extent_cursor_next(&cursor, &extent)) > 0 &&
		       extent.offset < range->until) {
			if (!extent.row.refs_count)
				continue; /* written since it was chosen */
			add_extent(rewrite, range->ino, content.generation, &extent);
			add_piece(rewrite, range->ino,
				  extent.offset > range->from ? extent.offset : range->from,
				  extent.end < range->until ? extent.end : range->until);
		}
		extent_cursor_close(&cursor);
	}
	inode_unlock_shared(rewrite->cache, node);
	return result < 0 ? result : 0;
}

/* Fetching. */

/* The bytes of a piece that lie in this extent. */
static int fetch_part(struct rewrite *rewrite, const struct piece *piece,
		      const struct gathered *extent)
{
	uint64_t end = piece->offset + piece->length;
	uint64_t offset = extent->offset;
	uint64_t missed = 0;
	unsigned int i;
	int result = 0;

	for (i = 0; !result && i < extent->refs_count; i++) {
		const struct extent_ref *ref = &extent->refs[i];
		uint64_t from = offset > piece->offset ? offset : piece->offset;
		uint64_t until = offset + ref->length < end ? offset + ref->length : end;

		if (from < until)
			result = fetch_read(rewrite->cache->fetch, ref->chunk,
					    ref->chunk_offset + (uint32_t)(from - offset),
					    (uint32_t)(until - from), IO_NO_CACHE,
					    piece->bytes + (from - piece->offset), &missed);
		offset += ref->length;
	}
	return result;
}

static int fetch_pieces(struct rewrite *rewrite)
{
	size_t i;
	size_t j;
	int result = 0;

	for (i = 0; !result && i < rewrite->pieces_count; i++) {
		struct piece *piece = &rewrite->pieces[i];

		piece->bytes = xmalloc(piece->length);
		for (j = 0; !result && j < rewrite->extents_count; j++)
			if (rewrite->extents[j].ino == piece->ino)
				result = fetch_part(rewrite, piece, &rewrite->extents[j]);
	}
	return result;
}

/* Storing: what the plan calls. */

static int plan_read(void *arg, const struct plan_piece *planned, uint32_t from, uint32_t length,
		     void *bytes)
{
	struct rewrite *rewrite = arg;

	memcpy(bytes, rewrite->pieces[planned->cookie].bytes + from, length);
	return 0;
}

static int plan_lost(void *arg, uint64_t ino, int code)
{
	(void)arg;
	(void)ino;
	return code;
}

static uint64_t plan_new_chunk(void *arg)
{
	struct rewrite *rewrite = arg;

	return pack_stream_new_chunk(rewrite->stream);
}

/* The same bytes elsewhere are where they are to be taken from. */
static int plan_find(void *arg, const void *bytes, uint32_t length, struct chunk_digest *digest_out,
		     struct extent_ref *place_out)
{
	struct rewrite *rewrite = arg;
	int result = pack_stream_find(rewrite->stream, bytes, length, digest_out, place_out);

	return result < 0 ? result : 0;
}

static void plan_remember(void *arg, const struct chunk_digest *digest,
			  const struct extent_ref *place)
{
	struct rewrite *rewrite = arg;

	pack_stream_remember(rewrite->stream, digest, place);
}

static int plan_store(void *arg, uint64_t chunk, const void *bytes, size_t length)
{
	struct rewrite *rewrite = arg;

	return pack_stream_store(rewrite->stream, chunk, bytes, length);
}

static int plan_placed(void *arg, const struct plan_piece *planned, uint32_t length,
		       const struct extent_ref *refs, unsigned int refs_count)
{
	struct rewrite *rewrite = arg;
	struct piece *piece = &rewrite->pieces[planned->cookie];

	(void)length; /* all of it: no piece is open */
	piece->refs = xmalloc(refs_count * sizeof(*refs));
	memcpy(piece->refs, refs, refs_count * sizeof(*refs));
	piece->refs_count = refs_count;
	return 0;
}

static const struct plan_ops plan_ops = {
	.read = plan_read,
	.lost = plan_lost,
	.new_chunk = plan_new_chunk,
	.find = plan_find,
	.remember = plan_remember,
	.store = plan_store,
	.placed = plan_placed,
};

/* On return the packs are acknowledged and their rows recorded. */
static int store_pieces(struct rewrite *rewrite, struct upload_pool *pool)
{
	struct pack_stream_conf stream_conf = { .cache = rewrite->cache, .pool = pool };
	CLEANUP_FREE struct plan_piece *planned =
		xcalloc(rewrite->pieces_count + 1, sizeof(*planned));
	struct plan_conf conf;
	size_t i;
	int result;

	for (i = 0; i < rewrite->pieces_count; i++) {
		planned[i].ino = rewrite->pieces[i].ino;
		planned[i].offset = rewrite->pieces[i].offset;
		planned[i].length = rewrite->pieces[i].length;
		planned[i].cookie = i;
	}
	plan_conf_init(&conf, &rewrite->cache->conf.volume.chunker);
	conf.dedup_bytes = UINT32_MAX;
	rewrite->stream = pack_stream_new(&stream_conf);
	result = plan_run(&conf, planned, rewrite->pieces_count, &plan_ops, rewrite);
	if (!result)
		result = pack_stream_finish(rewrite->stream, NULL);
	pack_stream_free(rewrite->stream);
	return result;
}

/* Swapping. */

/* The piece that holds the byte at `offset`, or else the next one; NULL: none. */
static const struct piece *piece_at(const struct rewrite *rewrite, uint64_t ino, uint64_t offset)
{
	size_t i;

	for (i = 0; i < rewrite->pieces_count; i++) {
		const struct piece *piece = &rewrite->pieces[i];

		if (piece->ino == ino && piece->offset + piece->length > offset)
			return piece;
	}
	return NULL;
}

/* The references of the extent from now on, in row; false: they are too many.
 * *bytes_out: of how many bytes they are new. */
static bool make_refs(const struct rewrite *rewrite, const struct gathered *extent,
		      struct extent_row *row, uint64_t *bytes_out)
{
	struct extent_ref part[EXTENT_REFS_MAX];
	uint64_t at = extent->offset;
	unsigned int count = 0;

	while (at < extent->end) {
		const struct piece *piece = piece_at(rewrite, extent->ino, at);
		bool inside = piece && piece->offset <= at;
		uint64_t until = extent->end;
		unsigned int added;

		if (inside && piece->offset + piece->length < until)
			until = piece->offset + piece->length;
		else if (piece && !inside && piece->offset < until)
			until = piece->offset;
		if (inside)
			added = extent_refs_slice(piece->refs, piece->refs_count,
						  (uint32_t)(at - piece->offset),
						  (uint32_t)(until - at), part);
		else
			added = extent_refs_slice(extent->refs, extent->refs_count,
						  (uint32_t)(at - extent->offset),
						  (uint32_t)(until - at), part);
		if (count + added > EXTENT_REFS_MAX)
			return false;
		memcpy(row->refs + count, part, added * sizeof(part[0]));
		count += added;
		*bytes_out += inside ? until - at : 0;
		at = until;
	}
	row->refs_count = (uint8_t)count;
	return true;
}

static bool same_refs(const struct gathered *extent, const struct extent_row *row)
{
	unsigned int i;

	if (row->length != extent->end - extent->offset || row->refs_count != extent->refs_count)
		return false;
	for (i = 0; i < row->refs_count; i++)
		if (row->refs[i].chunk != extent->refs[i].chunk ||
		    row->refs[i].chunk_offset != extent->refs[i].chunk_offset ||
		    row->refs[i].length != extent->refs[i].length)
			return false;
	return true;
}

/* Into the batch, if the extent is as it was. */
static int swap_extent(struct rewrite *rewrite, const struct gathered *extent, struct batch *batch)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row;
	struct row_key key;
	uint64_t bytes = 0;
	int result;

	key_extent(&key, extent->ino, extent->generation, extent->end);
	result = index_get(rewrite->cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_extent(value.data, value.length, &row);
	if (result || !same_refs(extent, &row) || !make_refs(rewrite, extent, &row, &bytes))
		return result;
	buffer_clear(&value);
	row_put_extent(&value, &row);
	batch_put(batch, &key, &value, ROW_CLOUD);
	rewrite->bytes += bytes;
	return 0;
}

/* Some extents of one inode under one hold of its lock; *next is behind them. */
static int swap_some(struct rewrite *rewrite, size_t *next)
{
	struct cache *cache = rewrite->cache;
	uint64_t ino = rewrite->extents[*next].ino;
	struct node *node = node_get(cache->nodes, ino);
	struct batch batch;
	uint64_t lsn = 0;
	unsigned int count = 0;
	int result = 0;

	batch_init(&batch, BATCH_CONTENT, ino);
	rwlock_acquire_write(&node->lock);
	while (!result && *next < rewrite->extents_count && rewrite->extents[*next].ino == ino &&
	       count++ < SWAP_ROWS_MAX)
		result = swap_extent(rewrite, &rewrite->extents[(*next)++], &batch);
	if (!result && !batch_is_empty(&batch))
		result = index_commit_begin(cache->index, &batch, &lsn);
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	batch_release(&batch);
	if (!result && lsn)
		result = index_written(cache->index, lsn);
	return result;
}

static int swap(struct rewrite *rewrite)
{
	size_t next = 0;
	int result = 0;

	while (!result && next < rewrite->extents_count)
		result = swap_some(rewrite, &next);
	return result;
}

static void release(struct rewrite *rewrite)
{
	size_t i;

	for (i = 0; i < rewrite->pieces_count; i++) {
		free(rewrite->pieces[i].bytes);
		free(rewrite->pieces[i].refs);
	}
	for (i = 0; i < rewrite->extents_count; i++)
		free(rewrite->extents[i].refs);
	free(rewrite->pieces);
	free(rewrite->extents);
}

int rewrite_ranges(struct cache *cache, struct upload_pool *pool,
		   const struct rewrite_range *ranges, size_t count, uint64_t *bytes_out)
{
	struct rewrite rewrite = { .cache = cache };
	size_t i;
	int result = 0;

	for (i = 0; !result && i < count; i++)
		result = gather(&rewrite, &ranges[i]);
	if (!result)
		result = fetch_pieces(&rewrite);
	if (!result)
		result = store_pieces(&rewrite, pool);
	CRASH_POINT(rewrite_stored);
	if (!result)
		result = swap(&rewrite);
	CRASH_POINT(rewrite_swapped);
	*bytes_out += rewrite.bytes;
	release(&rewrite);
	return result;
}
