/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/flight.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"

static struct flight **bucket_of(struct flight_table *table, uint64_t chunk)
{
	return &table->buckets[chunk % FLIGHT_BUCKETS];
}

struct flight *flight_find(struct flight_table *table, uint64_t chunk)
{
	struct flight *flight = *bucket_of(table, chunk);

	while (flight && flight->chunk != chunk)
		flight = flight->next;
	return flight;
}

struct flight *flight_get(struct flight *flight)
{
	flight->references++;
	return flight;
}

void flight_put(struct flight *flight)
{
	if (--flight->references)
		return;
	chunk_bytes_put(flight->bytes);
	free(flight);
}

void flight_add(struct flight_table *table, uint64_t chunk, struct fetch_job *job, bool keep)
{
	struct flight **bucket = bucket_of(table, chunk);
	struct flight *flight = xcalloc(1, sizeof(*flight));

	flight->chunk = chunk;
	flight->job = job;
	flight->state = FLIGHT_WANTED;
	flight->references = 1;
	flight->keep = keep;
	flight->next = *bucket;
	*bucket = flight;
}

void flight_land(struct flight *flight, struct chunk_bytes *bytes, int code)
{
	assert(flight->state == FLIGHT_WANTED);
	if (bytes) {
		flight->state = FLIGHT_READY;
		flight->bytes = chunk_bytes_get(bytes);
		return;
	}
	flight->state = FLIGHT_FAILED;
	flight->code = code;
	snprintf(flight->message, sizeof(flight->message), "%s", err_message(code));
}

void flight_remove(struct flight_table *table, uint64_t chunk)
{
	struct flight **link = bucket_of(table, chunk);
	struct flight *flight;

	while ((*link)->chunk != chunk)
		link = &(*link)->next;
	flight = *link;
	*link = flight->next;
	flight->over = true;
	table->over++;
	flight_put(flight);
}
