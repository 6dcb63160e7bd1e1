/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/extent_map.h"

#include <assert.h>
#include <string.h>

#include "backend/base/cleanup.h"

static int64_t dirty_length(const struct extent_row *row)
{
	return row->segment && !row->refs_count ? row->length : 0;
}

static void use_segment(struct extent_change *change, const struct extent_row *row, int sign)
{
	if (row->segment)
		batch_segment_use(change->batch, row->segment, sign * (int64_t)row->length,
				  sign * dirty_length(row));
}

static void put_row(struct extent_change *change, const struct extent *extent)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	row_put_extent(&value, &extent->row);
	key_extent(&key, change->ino, change->generation, extent->end);
	batch_put(change->batch, &key, &value, ROW_CLOUD);
}

static void delete_row(struct extent_change *change, uint64_t end)
{
	struct row_key key;

	key_extent(&key, change->ino, change->generation, end);
	batch_delete(change->batch, &key, ROW_CLOUD);
}

unsigned int extent_refs_slice(const struct extent_ref *refs, unsigned int count, uint32_t from,
			       uint32_t length, struct extent_ref *out)
{
	unsigned int used = 0;
	unsigned int i;

	for (i = 0; i < count && length; i++) {
		uint32_t skip = from < refs[i].length ? from : refs[i].length;
		uint32_t take = refs[i].length - skip;

		from -= skip;
		if (!take)
			continue;
		if (take > length)
			take = length;
		out[used] = refs[i];
		out[used].chunk_offset += skip;
		out[used++].length = take;
		length -= take;
	}
	assert(!length);
	return used;
}

void extent_slice(const struct extent *extent, uint64_t from, uint64_t until, struct extent *out)
{
	uint32_t skip;

	if (from < extent->offset)
		from = extent->offset;
	if (until > extent->end)
		until = extent->end;
	assert(from < until);
	skip = (uint32_t)(from - extent->offset);
	out->offset = from;
	out->end = until;
	out->row.length = (uint32_t)(until - from);
	out->row.segment = extent->row.segment;
	out->row.record = extent->row.record;
	out->row.delta = extent->row.segment ? extent->row.delta + skip : 0;
	/* A dirty extent has none yet. */
	out->row.refs_count = 0;
	if (extent->row.refs_count)
		out->row.refs_count =
			(uint8_t)extent_refs_slice(extent->row.refs, extent->row.refs_count, skip,
						   out->row.length, out->row.refs);
}

void extent_map_cut(struct extent_change *change, const struct extent *extent, uint64_t from,
		    uint64_t until)
{
	bool front = extent->offset < from;
	bool back = extent->end > until;
	struct extent part;

	assert(extent->offset < until && extent->end > from);
	use_segment(change, &extent->row, -1);
	change->mapped -= extent->row.length;
	if (front) {
		extent_slice(extent, extent->offset, from, &part);
		extent_map_put(change, &part);
	}
	if (back) {
		extent_slice(extent, until, extent->end, &part);
		extent_map_put(change, &part);
	} else {
		delete_row(change, extent->end);
	}
}

void extent_map_put(struct extent_change *change, const struct extent *extent)
{
	assert(extent->end - extent->offset == extent->row.length);
	use_segment(change, &extent->row, 1);
	change->mapped += extent->row.length;
	put_row(change, extent);
}
