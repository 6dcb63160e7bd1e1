/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_body.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "cache/cache_int.h"
#include "cache/fence.h"

void commit_body_init(struct commit_body *body, struct cache *cache, struct outbox *outbox,
		      uint64_t seq, enum part_role role)
{
	memset(body, 0, sizeof(*body));
	body->cache = cache;
	body->outbox = outbox;
	body->seq = seq;
	body->role = role;
	body->part_bytes = COMMIT_PART_BYTES;
	row_run_writer_init(&body->run);
}

/* Encodes the run as the next part. */
static int close_part(struct commit_body *body, enum part_place place, struct buffer *bytes)
{
	struct row_part_conf conf = {
		.volume = body->cache->conf.volume.uuid,
		.epoch = fence_epoch(body->cache->fence),
		.seal = body->cache->seal,
		.level = body->cache->conf.zstd_level,
		.place = place,
		.role = body->role,
	};
	struct commit_part *part;
	int result;

	body->parts = xrealloc(body->parts, (body->part_count + 1) * sizeof(*body->parts));
	part = &body->parts[body->part_count];
	memset(part, 0, sizeof(*part));
	result = row_part_encode(&conf, &body->run, bytes, &part->part);
	if (result)
		return result;
	body->part_count++;
	row_run_writer_clear(&body->run);
	return 0;
}

static int close_object(struct commit_body *body)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	const struct row_part *part;
	int result = close_part(body, PART_OBJECT, &bytes);

	if (result)
		return result;
	part = &body->parts[body->part_count - 1].part;
	return outbox_add_part(body->outbox, body->seq, part->epoch, &part->id, bytes.data,
			       bytes.length);
}

void commit_body_added(struct commit_body *body)
{
	body->rows++;
	if (!body->result && body->run.bytes.length >= body->part_bytes)
		body->result = close_object(body);
}

void commit_body_put(struct commit_body *body, const void *key, size_t key_length,
		     const void *value, size_t value_length)
{
	if (body->result)
		return;
	row_run_writer_put(&body->run, key, key_length, value, value_length);
	commit_body_added(body);
}

void commit_body_remove(struct commit_body *body, const void *key, size_t key_length)
{
	if (body->result)
		return;
	row_run_writer_remove(&body->run, key, key_length);
	commit_body_added(body);
}

int commit_body_finish(struct commit_body *body)
{
	if (!body->result && body->run.rows) {
		body->result = close_part(body, PART_INLINE, &body->inline_bytes);
		if (!body->result)
			body->parts[body->part_count - 1].bytes = body->inline_bytes.data;
	}
	return body->result;
}

void commit_body_release(struct commit_body *body)
{
	row_run_writer_release(&body->run);
	buffer_release(&body->inline_bytes);
	free(body->parts);
	memset(body, 0, sizeof(*body));
}
