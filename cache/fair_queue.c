/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fair_queue.h"

#include <assert.h>

static size_t place_of(uint64_t flow)
{
	return (flow * 0x9e3779b97f4a7c15ull) >> 58;
}

static uint64_t end_of(const struct fair_item *item)
{
	return item->start + item->bytes;
}

/* Where the flow comes to its turn again. */
static uint64_t start_of(const struct fair_queue *queue, uint64_t flow)
{
	const struct fair_item *item;
	size_t place = place_of(flow);
	uint64_t start = queue->now;

	if (queue->remembered[place].flow == flow && queue->remembered[place].end > start)
		start = queue->remembered[place].end;
	for (item = queue->first; item; item = item->next)
		if (item->flow == flow && end_of(item) > start)
			start = end_of(item);
	return start;
}

void fair_queue_add(struct fair_queue *queue, struct fair_item *item)
{
	struct fair_item **at = &queue->first;

	item->start = start_of(queue, item->flow);
	while (*at && (*at)->start <= item->start)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	queue->bytes += item->bytes;
}

struct fair_item *fair_queue_first(const struct fair_queue *queue)
{
	return queue->first;
}

struct fair_item *fair_queue_take(struct fair_queue *queue)
{
	struct fair_item *item = queue->first;
	size_t place;

	assert(item);
	place = place_of(item->flow);
	queue->first = item->next;
	queue->now = item->start;
	queue->bytes -= item->bytes;
	queue->remembered[place].flow = item->flow;
	queue->remembered[place].end = end_of(item);
	return item;
}
