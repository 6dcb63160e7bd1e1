/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/choose.h"

#include <stdlib.h>

#include "backend/base/buffer.h"

/* A MiB more counts as much as a second less of age. */
#define NS_PER_BYTE 1000

struct candidate {
	struct choose_item *item;
	int64_t rank;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static bool must_carry(bool all, const struct choose_item *item)
{
	return all || item->barrier || !item->unstored_bytes;
}

static bool may_carry(const struct choose_conf *conf, const struct choose_item *item)
{
	return !item->busy && !item->growing && item->unstored_bytes <= conf->content_bytes;
}

static bool carries_all(const struct choose_conf *conf, const struct choose_item *items,
			size_t count)
{
	uint64_t total = 0;
	size_t contents = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		total += items[i].unstored_bytes;
		contents += items[i].unstored_bytes > 0;
	}
	return conf->all || (total <= conf->all_bytes && contents <= conf->contents_max);
}

size_t choose(const struct choose_conf *conf, struct choose_item *items, size_t count)
{
	struct candidate *candidates = xmalloc((count + 1) * sizeof(*candidates));
	size_t candidates_count = 0;
	bool all = carries_all(conf, items, count);
	uint64_t total = 0;
	size_t left = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct choose_item *item = &items[i];

		item->left = false;
		item->carried = must_carry(all, item);
		if (!item->carried && may_carry(conf, item)) {
			candidates[candidates_count].item = item;
			candidates[candidates_count++].rank =
				item->since_ns + (int64_t)item->unstored_bytes * NS_PER_BYTE;
		}
	}
	qsort(candidates, candidates_count, sizeof(*candidates), compare_candidates);
	for (i = 0; i < candidates_count; i++) {
		struct choose_item *item = candidates[i].item;

		item->carried =
			i < conf->contents_max && total + item->unstored_bytes <= conf->total_bytes;
		item->left = !item->carried;
		if (item->carried)
			total += item->unstored_bytes;
		else
			left++;
	}
	free(candidates);
	return left;
}
