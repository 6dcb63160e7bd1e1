/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/log_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "cache/ahead.h"
#include "cache/cache_int.h"
#include "cache/commit_decode.h"

/* Commits are small and many: what counts is the way to the bucket and back. */
#define LOG_AHEAD 16

static int decode(struct cache *cache, uint64_t seq, struct log_entry *entry)
{
	int result = commit_decode(&cache->conf.volume.uuid, seq, cache->seal, entry->bytes.data,
				   entry->bytes.length, &entry->commit);

	if (result) {
		buffer_release(&entry->bytes);
		return result;
	}
	entry->hash = commit_hash(entry->bytes.data, entry->bytes.length);
	return 0;
}

int log_get(struct cache *cache, uint64_t seq, struct log_entry *out)
{
	char name[OBJECT_NAME_SIZE];
	int result;

	memset(out, 0, sizeof(*out));
	object_name_log(seq, name);
	result = store_get(cache->store, name, 0, STORE_GET_ALL, &out->bytes);
	return result ? result : decode(cache, seq, out);
}

static int get_one(void *arg, uint64_t seq, void *out)
{
	return log_get(arg, seq, out);
}

static void release_one(void *entry)
{
	log_entry_release(entry);
}

struct ahead *log_get_ahead(struct cache *cache, uint64_t seq, uint64_t last)
{
	struct ahead_conf conf = {
		.first = seq,
		.last = last,
		.threads = LOG_AHEAD,
		.item_size = sizeof(struct log_entry),
		.get = get_one,
		.release = release_one,
		.arg = cache,
	};

	return ahead_start(&conf);
}

int log_get_outbox(struct cache *cache, struct outbox *outbox, uint64_t seq, struct log_entry *out)
{
	int result;

	memset(out, 0, sizeof(*out));
	result = outbox_get_commit(outbox, seq, &out->bytes);
	return result ? result : decode(cache, seq, out);
}

void log_entry_release(struct log_entry *entry)
{
	commit_release(&entry->commit);
	buffer_release(&entry->bytes);
}

bool log_follows(const struct log_position *position, const struct log_entry *entry)
{
	return entry->commit.head.seq == position->seq + 1 &&
	       digest_equal(&entry->commit.head.previous, &position->hash);
}

int log_advance(struct log_position *position, const struct log_entry *entry)
{
	const struct commit_head *head = &entry->commit.head;

	if (head->epoch < position->epoch)
		return err_set(-ERR_commit_corrupt,
			       "log/%016" PRIx64 " was written in epoch %" PRIu64
			       ", after a commit of epoch %" PRIu64
			       ": two gateways wrote this volume at once",
			       head->seq, head->epoch, position->epoch);
	position->seq = head->seq;
	position->hash = entry->hash;
	position->epoch = head->epoch;
	if (head->next_ino > position->next_ino)
		position->next_ino = head->next_ino;
	if (head->next_chunk_id > position->next_chunk_id)
		position->next_chunk_id = head->next_chunk_id;
	return 0;
}

/* The bytes of a part that is an object of its own. */
static int get_part(struct cache *cache, struct outbox *outbox, uint64_t seq,
		    const struct row_part *part, struct buffer *bytes)
{
	char name[OBJECT_NAME_SIZE];
	int result;

	object_name_meta(part->epoch, &part->id, name);
	if (outbox)
		result = outbox_get_part(outbox, seq, part->epoch, &part->id, bytes);
	else
		result = store_get(cache->store, name, 0, STORE_GET_ALL, bytes);
	if (result == -ENOENT)
		return err_set(-ERR_object_missing,
			       "%s is missing, a part of log/%016" PRIx64
			       ": the commit cannot be read",
			       name, seq);
	return result;
}

int log_get_part(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		 const struct commit_part *part, struct buffer *rows_out)
{
	CLEANUP_BUFFER struct buffer object = BUFFER_INIT;
	uint64_t seq = entry->commit.head.seq;
	const void *bytes = part->bytes;
	char name[OBJECT_NAME_SIZE];
	int result;

	object_name_log(seq, name);
	if (part->part.place == PART_OBJECT) {
		object_name_meta(part->part.epoch, &part->part.id, name);
		result = get_part(cache, outbox, seq, &part->part, &object);
		if (result)
			return result;
		bytes = object.data;
	}
	return row_part_decode(&part->part, &cache->conf.volume.uuid, cache->seal, name, bytes,
			       part->bytes ? part->part.stored_length : object.length, rows_out);
}

static int each_row_of_part(struct cache *cache, struct outbox *outbox,
			    const struct log_entry *entry, const struct commit_part *part,
			    log_row_fn *fn, void *arg)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader reader;
	char name[OBJECT_NAME_SIZE];
	struct row_run_row row;
	int result = log_get_part(cache, outbox, entry, part, &rows);

	if (result)
		return result;
	object_name_log(entry->commit.head.seq, name);
	row_run_reader_init(&reader, rows.data, rows.length, name);
	while ((result = row_run_reader_next(&reader, &row)) > 0) {
		result = fn(&row, arg);
		if (result)
			return result;
	}
	return result;
}

int log_each_row(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		 log_row_fn *fn, void *arg)
{
	int result = 0;
	uint32_t i;

	for (i = 0; !result && i < entry->commit.part_count; i++)
		if (entry->commit.parts[i].part.role == PART_BODY)
			result = each_row_of_part(cache, outbox, entry, &entry->commit.parts[i], fn,
						  arg);
	return result;
}
