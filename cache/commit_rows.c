/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"

/* A set of numbers: filled, then sorted without doubles. */
struct number_set {
	uint64_t *numbers;
	size_t count;
	size_t capacity;
};

static void set_add(struct number_set *set, uint64_t number)
{
	if (set->count && set->numbers[set->count - 1] == number)
		return;
	if (set->count == set->capacity) {
		set->capacity = set->capacity * 2 + 64;
		set->numbers = xrealloc(set->numbers, set->capacity * sizeof(*set->numbers));
	}
	set->numbers[set->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void set_sort(struct number_set *set)
{
	size_t kept = 0;
	size_t i;

	if (set->count)
		qsort(set->numbers, set->count, sizeof(*set->numbers), compare_numbers);
	for (i = 0; i < set->count; i++)
		if (!kept || set->numbers[kept - 1] != set->numbers[i])
			set->numbers[kept++] = set->numbers[i];
	set->count = kept;
}

/* What to upload. */

static size_t add_refs(struct capture *capture, const struct extent_ref *refs, size_t count)
{
	size_t first = capture->refs_count;

	while (first + count > capture->refs_capacity) {
		capture->refs_capacity = capture->refs_capacity * 2 + 64;
		capture->refs =
			xrealloc(capture->refs, capture->refs_capacity * sizeof(*capture->refs));
	}
	memcpy(capture->refs + first, refs, count * sizeof(*refs));
	capture->refs_count += count;
	return first;
}

/* Did the extent get references since, for the same bytes? */
static int look_again(struct cache *cache, struct capture *capture, uint64_t ino,
		      struct captured_extent *extent)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row;
	struct row_key key;
	int result;

	key_extent(&key, ino, extent->generation, extent->end);
	result = index_get(cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_extent(value.data, value.length, &row);
	if (result || !row.refs_count || row.length != extent->length ||
	    row.segment != extent->segment || row.record != extent->record ||
	    row.delta != extent->delta)
		return result;
	extent->refs_first = add_refs(capture, row.refs, row.refs_count);
	extent->refs_count = row.refs_count;
	return 0;
}

int commit_rows_find_pieces(struct cache *cache, struct capture *capture, struct upload *upload)
{
	size_t capacity = 0;
	size_t i;
	size_t j;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		for (j = 0; content->carried && j < content->extents_count; j++) {
			size_t at = content->extents_first + j;
			struct captured_extent *extent = &capture->extents[at];
			int result;

			if (!extent->length || extent->refs_count)
				continue;
			result = look_again(cache, capture, content->ino, extent);
			if (result)
				return result;
			if (extent->refs_count)
				continue;
			if (upload->pieces_count == capacity) {
				capacity = capacity * 2 + 64;
				upload->pieces = xrealloc(upload->pieces,
							  capacity * sizeof(*upload->pieces));
			}
			upload->pieces[upload->pieces_count++] = (struct upload_piece){
				.ino = content->ino,
				.generation = extent->generation,
				.offset = extent->end - extent->length,
				.length = extent->length,
				.segment = extent->segment,
				.record = extent->record,
				.delta = extent->delta,
			};
		}
	}
	return 0;
}

/* The pieces were found in the order of the extents. */
void commit_rows_take_refs(struct capture *capture, const struct upload *upload)
{
	size_t piece_at = 0;
	size_t i;
	size_t j;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		if (!content->carried && !content->lost)
			continue;
		for (j = 0; j < content->extents_count; j++) {
			struct captured_extent *extent =
				&capture->extents[content->extents_first + j];
			const struct upload_piece *piece;

			if (!extent->length || extent->refs_count)
				continue;
			piece = &upload->pieces[piece_at++];
			assert(piece->ino == content->ino);
			assert(piece->offset + piece->length == extent->end);
			if (content->lost)
				continue;
			assert(piece->placed == piece->length);
			extent->refs_count = piece->refs_count;
			extent->refs_first = add_refs(capture, upload->refs + piece->refs_first,
						      piece->refs_count);
		}
	}
	assert(piece_at == upload->pieces_count);
}

/* Rows. */

static void write_contents(const struct capture *capture, struct commit_body *body)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	size_t i;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		if (!content->carried || !content->row_dirty)
			continue;
		key_content(&key, content->ino);
		buffer_clear(&value);
		if (content->row_gone) {
			commit_body_remove(body, key.bytes, key.length);
			continue;
		}
		row_put_content(&value, &content->row);
		commit_body_put(body, key.bytes, key.length, value.data, value.length);
	}
}

static void write_extent(const struct capture *capture, uint64_t ino,
			 const struct captured_extent *extent, struct commit_body *body,
			 struct number_set *chunks)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row = { .length = extent->length,
				  .refs_count = (uint8_t)extent->refs_count };
	struct row_key key;
	uint32_t i;

	key_extent(&key, ino, extent->generation, extent->end);
	if (!extent->length) {
		commit_body_remove(body, key.bytes, key.length);
		return;
	}
	for (i = 0; i < extent->refs_count; i++) {
		row.refs[i] = capture->refs[extent->refs_first + i];
		set_add(chunks, row.refs[i].chunk);
	}
	row_put_extent(&value, &row);
	commit_body_put(body, key.bytes, key.length, value.data, value.length);
}

static void write_extents(const struct capture *capture, struct commit_body *body,
			  struct number_set *chunks, uint64_t *logical_bytes)
{
	size_t i;
	size_t j;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		for (j = 0; content->carried && j < content->extents_count; j++) {
			const struct captured_extent *extent =
				&capture->extents[content->extents_first + j];

			write_extent(capture, content->ino, extent, body, chunks);
			*logical_bytes += extent->length;
		}
	}
}

static const struct pack_chunk *find_inline(const struct inline_pack *pack, uint64_t chunk)
{
	uint32_t i;

	for (i = 0; i < pack->chunk_count; i++)
		if (pack->chunks[i].chunk_id == chunk)
			return &pack->chunks[i];
	return NULL;
}

/* The row of a chunk that no commit has named: 1, or 0 when one has. */
static int get_unnamed(struct cache *cache, const struct inline_pack *pack, uint64_t chunk,
		       struct chunk_row *row)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	const struct pack_chunk *in_commit = find_inline(pack, chunk);
	struct row_key key;
	int result;

	if (in_commit) {
		chunk_row_of(pack->number, in_commit, row);
		return 1;
	}
	key_stored(&key, chunk);
	result = index_get(cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	key_chunk(&key, chunk);
	buffer_clear(&value);
	result = index_get(cache->index, &key, &value);
	if (result == -ENOENT)
		return err_set(-ERR_index_corrupt, "chunk %llu is marked as stored, but has no row",
			       (unsigned long long)chunk);
	if (!result)
		result = row_get_chunk(value.data, value.length, row);
	return result ? result : 1;
}

static int write_chunks(struct cache *cache, const struct inline_pack *pack,
			const struct number_set *chunks, struct commit_body *body,
			struct number_set *packs)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct chunk_row row;
	struct row_key key;
	size_t i;

	for (i = 0; i < chunks->count; i++) {
		int result = get_unnamed(cache, pack, chunks->numbers[i], &row);

		if (result < 0)
			return result;
		if (!result)
			continue;
		key_chunk(&key, chunks->numbers[i]);
		buffer_clear(&value);
		row_put_chunk(&value, &row);
		commit_body_put(body, key.bytes, key.length, value.data, value.length);
		set_add(packs, row.pack);
	}
	return 0;
}

static int write_packs(struct cache *cache, const struct inline_pack *pack,
		       const struct number_set *packs, struct commit_body *body)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	size_t i;

	for (i = 0; i < packs->count; i++) {
		int result = 0;

		key_pack(&key, packs->numbers[i]);
		buffer_clear(&value);
		if (pack->bytes.length && packs->numbers[i] == pack->number)
			row_put_pack(&value, &pack->row);
		else
			result = index_get(cache->index, &key, &value);
		if (result == -ENOENT)
			return err_set(-ERR_index_corrupt, "pack %llu has chunks, but no row",
				       (unsigned long long)packs->numbers[i]);
		if (result)
			return result;
		commit_body_put(body, key.bytes, key.length, value.data, value.length);
	}
	return 0;
}

int commit_rows_write(struct cache *cache, const struct capture *capture,
		      const struct inline_pack *pack, struct commit_body *body,
		      uint64_t *logical_bytes)
{
	struct number_set chunks = { 0 };
	struct number_set packs = { 0 };
	int result;

	write_contents(capture, body);
	write_extents(capture, body, &chunks, logical_bytes);
	set_sort(&chunks);
	result = write_chunks(cache, pack, &chunks, body, &packs);
	set_sort(&packs);
	if (!result)
		result = write_packs(cache, pack, &packs, body);
	free(chunks.numbers);
	free(packs.numbers);
	return result ? result : body->result;
}
