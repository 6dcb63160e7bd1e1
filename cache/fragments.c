/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fragments.h"

static void add_chunk(struct fragments *fragments, uint64_t chunk)
{
	unsigned int i;

	if (chunk > fragments->newest)
		fragments->newest = chunk;
	for (i = fragments->count; i > 0; i--)
		if (fragments->chunks[i - 1] == chunk)
			return;
	if (fragments->count < FRAGMENTS_CHUNKS_MAX)
		fragments->chunks[fragments->count++] = chunk;
}

void fragments_add(struct fragments *fragments, const struct extent *extent, uint64_t from,
		   uint64_t until)
{
	uint64_t offset = extent->offset;
	unsigned int i;

	fragments->dirty |= !extent->row.refs_count;
	for (i = 0; i < extent->row.refs_count && offset < until; i++) {
		offset += extent->row.refs[i].length;
		if (offset > from)
			add_chunk(fragments, extent->row.refs[i].chunk);
	}
}

bool fragments_may_be(const struct fragments *fragments, uint64_t cold)
{
	return !fragments->dirty && fragments->newest < cold &&
	       fragments->count > FRAGMENTS_PACKS_MAX;
}

bool fragments_are(const uint64_t *packs, unsigned int count)
{
	unsigned int distinct = 0;
	unsigned int i;
	unsigned int j;

	for (i = 0; i < count && distinct <= FRAGMENTS_PACKS_MAX; i++) {
		for (j = 0; j < i && packs[j] != packs[i]; j++)
			;
		distinct += j == i;
	}
	return distinct > FRAGMENTS_PACKS_MAX;
}
