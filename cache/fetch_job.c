/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fetch_job.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/pack_read.h"

/* Chunks of other packs that widening passes over. */
#define STRANGE_CHUNKS_MAX 32

static int locate_chunk(struct index *index, uint64_t chunk, struct chunk_row *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_chunk(&key, chunk);
	result = index_get(index, &key, &value);
	if (result == -ENOENT)
		return err_set(-ERR_index_corrupt,
			       "the index has an extent of chunk %" PRIu64
			       " but no row that says where it is",
			       chunk);
	return result ? result : row_get_chunk(value.data, value.length, out);
}

int fetch_locate(struct index *index, uint64_t chunk, struct chunk_row *chunk_out,
		 struct pack_row *pack_out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result = locate_chunk(index, chunk, chunk_out);

	if (result)
		return result;
	key_pack(&key, chunk_out->pack);
	result = index_get(index, &key, &value);
	if (result == -ENOENT)
		return err_set(-ERR_index_corrupt,
			       "chunk %" PRIu64 " is in pack %" PRIu64
			       ", of which the index has no row",
			       chunk, chunk_out->pack);
	return result ? result : row_get_pack(value.data, value.length, pack_out);
}

int fetch_job_new(struct index *index, uint64_t chunk, struct fetch_job **out)
{
	struct fetch_job *job = xcalloc(1, sizeof(*job));
	int result = fetch_locate(index, chunk, &job->targets[0].row, &job->pack);

	if (result) {
		free(job);
		return result;
	}
	job->targets[0].chunk = chunk;
	job->pack_number = job->targets[0].row.pack;
	job->count = 1;
	*out = job;
	return 0;
}

uint32_t fetch_job_bytes(const struct fetch_job *job)
{
	const struct chunk_row *first = &job->targets[0].row;
	const struct chunk_row *last = &job->targets[job->count - 1].row;

	return last->offset + last->stored_length - first->offset;
}

bool fetch_job_add(struct fetch_job *job, uint64_t chunk, const struct chunk_row *row)
{
	const struct chunk_row *last = &job->targets[job->count - 1].row;

	if (job->count == FETCH_JOB_CHUNKS_MAX || row->pack != job->pack_number ||
	    row->offset != last->offset + last->stored_length ||
	    fetch_job_bytes(job) + (uint64_t)row->stored_length > FETCH_JOB_BYTES_MAX)
		return false;
	job->targets[job->count].chunk = chunk;
	job->targets[job->count].row = *row;
	job->count++;
	return true;
}

void fetch_job_widen(struct fetch_job *job, struct index *index, fetch_wanted_fn *wanted, void *arg)
{
	struct chunk_row row;
	uint64_t chunk = job->targets[job->count - 1].chunk;
	unsigned int strange = 0;

	if (fetch_job_bytes(job) >= FETCH_WIDEN_BYTES / 2)
		return;
	/* A pack's chunks have ascending ids, in the order of their offsets;
	 * those of a pack that was made at the same time lie between them. */
	while (fetch_job_bytes(job) < FETCH_WIDEN_BYTES && strange < STRANGE_CHUNKS_MAX) {
		chunk++;
		if (locate_chunk(index, chunk, &row))
			return;
		if (row.pack != job->pack_number)
			strange++;
		else if (!wanted(chunk, arg) || !fetch_job_add(job, chunk, &row))
			return;
	}
}

static void object_key(const struct pack_row *pack, char name[OBJECT_NAME_SIZE])
{
	if (pack->kind == PACK_KIND_LOG)
		object_name_log(pack->seq, name);
	else
		object_name_pack(pack->epoch, &pack->id, name);
}

int fetch_job_get(struct cache *cache, const struct fetch_job *job, struct buffer *out)
{
	char name[OBJECT_NAME_SIZE];
	uint32_t want = fetch_job_bytes(job);
	uint64_t offset = job->pack.base + job->targets[0].row.offset;
	size_t before = out->length;
	int result;

	object_key(&job->pack, name);
	result = store_get(cache->store, name, offset, want, out);
	if (result == -ENOENT)
		return err_set(-ERR_object_missing,
			       "%s/%s is missing, which holds chunk %" PRIu64
			       ": look for it in the bucket's versions or backups",
			       cache->url, name, job->targets[0].chunk);
	if (result)
		return result;
	if (out->length - before != want) {
		result = err_set(-ERR_pack_corrupt,
				 "%s/%s ends before byte %" PRIu64 ", where chunk %" PRIu64
				 " should be",
				 cache->url, name, offset + want, job->targets[0].chunk);
		out->length = before;
	}
	return result;
}

int fetch_job_decode(struct cache *cache, const struct fetch_job *job, uint32_t i,
		     const struct buffer *stored, struct buffer *raw_out)
{
	char name[OBJECT_NAME_SIZE];
	const struct fetch_target *target = &job->targets[i];
	uint32_t skip = target->row.offset - job->targets[0].row.offset;
	struct pack_identity identity = {
		.volume = cache->conf.volume.uuid,
		.epoch = job->pack.epoch,
		.id = job->pack.id,
		.object = name,
	};
	struct chunk_digest digest;

	assert(i < job->count && skip + target->row.stored_length <= stored->length);
	object_key(&job->pack, name);
	memcpy(digest.bytes, target->row.digest, sizeof(digest.bytes));
	return pack_decode_chunk(&identity, cache->seal, stored->data + skip,
				 target->row.stored_length, target->chunk, &digest, raw_out);
}
