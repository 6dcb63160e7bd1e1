/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the solid chunk that is being filled, to be told when it is
 * stored. */
struct solid_place {
	size_t piece;
	struct extent_ref ref;
};

struct plan {
	const struct plan_conf *conf;
	const struct plan_ops *ops;
	void *arg;
	struct plan_piece *pieces;
	size_t count;

	/* the solid chunk being filled; chunk 0: none */
	uint64_t solid_chunk;
	struct buffer solid;
	struct solid_place *places;
	size_t places_count;
	size_t places_capacity;

	/* the long run being cut */
	struct buffer window;	 /* its next bytes ... */
	size_t window_start;	 /* ... from here */
	bool run_open;		 /* its end may move */
	size_t read_piece;	 /* whose bytes are read next ... */
	uint32_t read_from;	 /* ... from here */
	size_t open_piece;	 /* the first piece not wholly in chunks ... */
	uint32_t open_done;	 /* ... of which so many bytes are */
	unsigned int refs_count; /* where they are */
	struct extent_ref refs[EXTENT_REFS_MAX];
	uint64_t long_bytes; /* of all long runs */
};

void plan_conf_init(struct plan_conf *conf, const struct chunker_conf *chunker)
{
	memset(conf, 0, sizeof(*conf));
	conf->chunker = *chunker;
	conf->run_bytes = PLAN_RUN_BYTES_DEFAULT;
	conf->solid_bytes = PLAN_SOLID_BYTES_DEFAULT;
	conf->dedup_bytes = PLAN_DEDUP_BYTES_DEFAULT;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct plan_piece *x = a;
	const struct plan_piece *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return 0;
}

/* The piece behind the last one of the run that starts at `first`. */
static size_t run_end(const struct plan *plan, size_t first, uint64_t *length_out)
{
	const struct plan_piece *pieces = plan->pieces;
	size_t i = first;

	*length_out = pieces[first].length;
	while (++i < plan->count && pieces[i].ino == pieces[first].ino) {
		uint64_t end = pieces[i - 1].offset + pieces[i - 1].length;

		assert(pieces[i].offset >= end);
		if (pieces[i].offset != end)
			break;
		*length_out += pieces[i].length;
	}
	return i;
}

/* Gives up the inode of a piece. */
static int lose(struct plan *plan, size_t piece, int code)
{
	uint64_t ino = plan->pieces[piece].ino;
	size_t i = piece;

	while (i > 0 && plan->pieces[i - 1].ino == ino)
		i--;
	for (; i < plan->count && plan->pieces[i].ino == ino; i++)
		plan->pieces[i].lost = true;
	return plan->ops->lost(plan->arg, ino, code);
}

/* Short runs. */

static int solid_flush(struct plan *plan)
{
	size_t i;
	int result = 0;

	if (!plan->solid_chunk)
		return 0;
	if (plan->solid.length)
		result = plan->ops->store(plan->arg, plan->solid_chunk, plan->solid.data,
					  plan->solid.length);
	for (i = 0; !result && i < plan->places_count; i++) {
		const struct plan_piece *piece = &plan->pieces[plan->places[i].piece];

		if (!piece->lost)
			result = plan->ops->placed(plan->arg, piece, piece->length,
						   &plan->places[i].ref, 1);
	}
	plan->solid_chunk = 0;
	plan->places_count = 0;
	buffer_clear(&plan->solid);
	return result;
}

/* The pieces of a run lie one behind the other from `place` on. */
static void solid_place_run(struct plan *plan, size_t first, size_t end, struct extent_ref place)
{
	size_t i;

	for (i = first; i < end; i++) {
		if (plan->places_count == plan->places_capacity) {
			plan->places_capacity = plan->places_capacity * 2 + 64;
			plan->places = xrealloc(plan->places,
						plan->places_capacity * sizeof(*plan->places));
		}
		place.length = plan->pieces[i].length;
		plan->places[plan->places_count].piece = i;
		plan->places[plan->places_count++].ref = place;
		place.chunk_offset += place.length;
	}
}

static int solid_read_run(struct plan *plan, size_t first, size_t end)
{
	size_t start = plan->solid.length;
	size_t i;

	for (i = first; i < end; i++) {
		const struct plan_piece *piece = &plan->pieces[i];
		uint8_t *bytes = buffer_extend(&plan->solid, piece->length);
		int result = plan->ops->read(plan->arg, piece, 0, piece->length, bytes);

		if (result) {
			plan->solid.length = start;
			result = lose(plan, i, result);
			return result ? result : -EAGAIN;
		}
	}
	return 0;
}

static int plan_short_run(struct plan *plan, size_t first, size_t end, uint32_t length)
{
	struct chunk_digest digest;
	struct extent_ref place = { 0 };
	int found = 0;
	int result;

	if (plan->solid.length && plan->solid.length + length > plan->conf->solid_bytes) {
		result = solid_flush(plan);
		if (result)
			return result;
	}
	if (!plan->solid_chunk)
		plan->solid_chunk = plan->ops->new_chunk(plan->arg);
	place.chunk = plan->solid_chunk;
	place.chunk_offset = (uint32_t)plan->solid.length;
	place.length = length;
	result = solid_read_run(plan, first, end);
	if (result)
		return result == -EAGAIN ? 0 : result;
	if (length >= plan->conf->dedup_bytes) {
		found = plan->ops->find(plan->arg, plan->solid.data + place.chunk_offset, length,
					&digest, &place);
		if (found < 0)
			return found;
		if (found)
			plan->solid.length -= length;
		else
			plan->ops->remember(plan->arg, &digest, &place);
	}
	solid_place_run(plan, first, end, place);
	return 0;
}

/* Long runs. */

static size_t window_length(const struct plan *plan)
{
	return plan->window.length - plan->window_start;
}

/* Drops the bytes in front of the start, once they are worth a copy. */
static void window_compact(struct plan *plan, size_t worth)
{
	size_t length = window_length(plan);

	if (plan->window_start < worth && length)
		return;
	if (length)
		memmove(plan->window.data, plan->window.data + plan->window_start, length);
	plan->window.length = length;
	plan->window_start = 0;
}

/* Fills the window up to `need` bytes or the end of the run. */
static int window_fill(struct plan *plan, size_t end, size_t need)
{
	window_compact(plan, need);
	while (window_length(plan) < need && plan->read_piece < end) {
		const struct plan_piece *piece = &plan->pieces[plan->read_piece];
		uint32_t left = piece->length - plan->read_from;
		size_t room = need - window_length(plan);
		uint32_t length = left < room ? left : (uint32_t)room;
		uint8_t *bytes = buffer_extend(&plan->window, length);
		int result = plan->ops->read(plan->arg, piece, plan->read_from, length, bytes);

		if (result) {
			result = lose(plan, plan->read_piece, result);
			return result ? result : -EAGAIN;
		}
		plan->read_from += length;
		if (plan->read_from == piece->length) {
			plan->read_piece++;
			plan->read_from = 0;
		}
	}
	return 0;
}

/* The next `place.length` bytes of the run are at place. */
static int window_place(struct plan *plan, struct extent_ref place)
{
	uint32_t left = place.length;

	while (left) {
		const struct plan_piece *piece = &plan->pieces[plan->open_piece];
		uint32_t rest = piece->length - plan->open_done;
		struct extent_ref *ref = &plan->refs[plan->refs_count++];

		*ref = place;
		ref->length = rest < left ? rest : left;
		place.chunk_offset += ref->length;
		left -= ref->length;
		plan->open_done += ref->length;
		if (plan->open_done == piece->length) {
			int result = plan->ops->placed(plan->arg, piece, piece->length, plan->refs,
						       plan->refs_count);

			if (result)
				return result;
			plan->open_piece++;
			plan->open_done = 0;
			plan->refs_count = 0;
		}
	}
	return 0;
}

static int window_store(struct plan *plan, size_t length)
{
	const uint8_t *bytes = plan->window.data + plan->window_start;
	struct chunk_digest digest;
	struct extent_ref place = { 0 };
	int result;

	result = plan->ops->find(plan->arg, bytes, (uint32_t)length, &digest, &place);
	if (result < 0)
		return result;
	if (!result) {
		place.chunk = plan->ops->new_chunk(plan->arg);
		place.length = (uint32_t)length;
		result = plan->ops->store(plan->arg, place.chunk, bytes, length);
		if (result)
			return result;
		plan->ops->remember(plan->arg, &digest, &place);
	}
	plan->window_start += length;
	plan->long_bytes += length;
	return window_place(plan, place);
}

/* The length of the next chunk, given a full window: 0 when its end would be
 * a held tail. */
static size_t window_cut(const struct plan *plan, bool at_end, uint32_t must)
{
	const struct chunker_conf *chunker = &plan->conf->chunker;
	size_t cut;

	if (at_end && plan->run_open && window_length(plan) < chunker->size_max)
		return 0;
	cut = chunker_cut(chunker, plan->window.data + plan->window_start, window_length(plan));
	return cut < must ? must : cut;
}

static int plan_long_run(struct plan *plan, size_t first, size_t end)
{
	const struct plan_conf *conf = plan->conf;
	int result = 0;

	buffer_clear(&plan->window);
	plan->window_start = 0;
	plan->run_open = plan->pieces[end - 1].open;
	plan->read_piece = plan->open_piece = first;
	plan->read_from = plan->open_done = plan->refs_count = 0;
	while (!conf->bytes_max || plan->long_bytes < conf->bytes_max) {
		size_t need = conf->chunker.size_max;
		uint32_t must = 0;
		size_t cut;

		/* The last reference that a piece has room for takes its rest:
		 * only very small chunks get there. */
		if (plan->refs_count == EXTENT_REFS_MAX - 1)
			must = plan->pieces[plan->open_piece].length - plan->open_done;
		result = window_fill(plan, end, need < must ? must : need);
		if (result || !window_length(plan))
			break;
		cut = window_cut(plan, plan->read_piece == end, must);
		if (!cut)
			break;
		result = window_store(plan, cut);
		if (result)
			return result;
	}
	if (result)
		return result == -EAGAIN ? 0 : result;
	if (plan->open_done)
		return plan->ops->placed(plan->arg, &plan->pieces[plan->open_piece],
					 plan->open_done, plan->refs, plan->refs_count);
	return 0;
}

static int plan_pass(struct plan *plan, bool long_runs)
{
	size_t i = 0;
	int result = 0;

	while (!result && i < plan->count) {
		uint64_t length;
		size_t end = run_end(plan, i, &length);

		if (plan->pieces[i].lost || (length >= plan->conf->run_bytes) != long_runs)
			result = 0;
		else if (long_runs)
			result = plan_long_run(plan, i, end);
		else if (!plan->pieces[end - 1].open)
			result = plan_short_run(plan, i, end, (uint32_t)length);
		i = end;
	}
	return result;
}

int plan_run(const struct plan_conf *conf, struct plan_piece *pieces, size_t count,
	     const struct plan_ops *ops, void *arg)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	int result;

	plan->conf = conf;
	plan->ops = ops;
	plan->arg = arg;
	plan->pieces = pieces;
	plan->count = count;
	qsort(pieces, count, sizeof(*pieces), compare_pieces);
	result = plan_pass(plan, false);
	if (!result)
		result = solid_flush(plan);
	if (!result)
		result = plan_pass(plan, true);
	buffer_release(&plan->solid);
	buffer_release(&plan->window);
	free(plan->places);
	free(plan);
	return result;
}
