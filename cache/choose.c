/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/choose.h"

#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/clock.h"

struct candidate {
	struct choose_item *item;
	struct choose_rank rank;
};

/* What goes into one commit so far. */
struct load {
	uint64_t bytes;
	size_t contents;
};

struct choose_rank choose_rank(const struct choose_conf *conf, const struct choose_item *item)
{
	struct choose_rank rank = { .wanted = item->wanted, .bytes = item->unstored_bytes };
	int64_t time = item->deadline_ns;
	double seconds;

	if (conf->bytes_per_second) {
		seconds = (double)item->unstored_bytes / (double)conf->bytes_per_second;
		if ((double)(time - conf->now_ns) < seconds * (double)NS_PER_SECOND)
			time = conf->now_ns + (int64_t)(seconds * (double)NS_PER_SECOND);
	}
	rank.time = time / conf->quantum_ns;
	return rank;
}

int choose_rank_compare(const struct choose_rank *a, const struct choose_rank *b)
{
	if (a->wanted != b->wanted)
		return a->wanted ? -1 : 1;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? -1 : 1;
	return 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;
	int result = choose_rank_compare(&x->rank, &y->rank);

	return result ? result : x->item < y->item ? -1 : x->item > y->item;
}

static bool holds_the_cut(const struct choose_conf *conf, const struct choose_item *item)
{
	if (!item->barrier)
		return false;
	return !conf->relaxed || item->replaces || item->unstored_bytes <= conf->content_bytes;
}

static bool may_carry(const struct choose_conf *conf, const struct choose_item *item)
{
	bool due = item->wanted || item->due_ns <= conf->now_ns;
	uint64_t limit = conf->content_bytes;

	if (item->busy || (item->growing && !due))
		return false;
	if (due && conf->due_bytes > limit)
		limit = conf->due_bytes;
	return item->unstored_bytes <= limit;
}

/* Are all that are wanted to be carried? */
static bool carries_wanted(const struct choose_conf *conf, const struct choose_item *items,
			   size_t count)
{
	uint64_t total = 0;
	size_t contents = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!items[i].wanted)
			continue;
		total += items[i].unstored_bytes;
		contents += items[i].unstored_bytes > 0;
	}
	return conf->all || (total <= conf->all_bytes && contents <= conf->contents_max);
}

/* Those that nobody is asked about; returns how many candidates there are besides. */
static size_t carry_musts(const struct choose_conf *conf, struct choose_item *items, size_t count,
			  struct candidate *candidates)
{
	bool wanted = carries_wanted(conf, items, count);
	size_t candidates_count = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct choose_item *item = &items[i];

		item->left = false;
		item->carried = !item->unstored_bytes || holds_the_cut(conf, item) ||
				(wanted && item->wanted);
		if (item->carried || !may_carry(conf, item))
			continue;
		candidates[candidates_count].item = item;
		candidates[candidates_count++].rank = choose_rank(conf, item);
	}
	return candidates_count;
}

/* Carries what fits; one that is alone fits always, or it would never go. */
static void carry(const struct choose_conf *conf, struct choose_item *item, uint64_t bytes_max,
		  struct load *load)
{
	if (item->carried || load->contents >= conf->contents_max ||
	    (load->bytes && load->bytes + item->unstored_bytes > bytes_max))
		return;
	item->carried = true;
	load->contents++;
	load->bytes += item->unstored_bytes;
}

size_t choose(const struct choose_conf *conf, struct choose_item *items, size_t count)
{
	struct candidate *candidates = xmalloc((count + 1) * sizeof(*candidates));
	size_t candidates_count = carry_musts(conf, items, count, candidates);
	struct load small = { 0 };
	struct load load = { 0 };
	size_t left = 0;
	size_t i;

	qsort(candidates, candidates_count, sizeof(*candidates), compare_candidates);
	for (i = 0; i < candidates_count; i++)
		if (candidates[i].item->unstored_bytes <= conf->small_bytes)
			carry(conf, candidates[i].item, conf->total_bytes / 2, &small);
	load.contents = small.contents;
	for (i = 0; i < candidates_count; i++)
		carry(conf, candidates[i].item, conf->total_bytes - small.bytes, &load);
	for (i = 0; i < candidates_count; i++) {
		candidates[i].item->left = !candidates[i].item->carried;
		left += candidates[i].item->left;
	}
	free(candidates);
	return left;
}
