/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/log_put.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "cache/cache_int.h"
#include "cache/fence.h"

int log_put_object(struct cache *cache, const char *key, const void *bytes, size_t length)
{
	CLEANUP_BUFFER struct buffer there = BUFFER_INIT;
	int result = store_put(cache->store, key, bytes, length, STORE_IF_ABSENT);

	if (result != -EEXIST)
		return result;
	result = store_get(cache->store, key, 0, STORE_GET_ALL, &there);
	if (result == -ENOENT)
		return err_set(-ERR_object_missing, "%s exists when it is put, but cannot be read",
			       key);
	if (result)
		return result;
	return there.length == length && !memcmp(there.data, bytes, length) ? 0 : -EEXIST;
}

static int put_part(struct cache *cache, struct outbox *outbox, uint64_t seq,
		    const struct row_part *part)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result = outbox_get_part(outbox, seq, part->epoch, &part->id, &bytes);

	object_name_meta(part->epoch, &part->id, name);
	if (result == -ENOENT)
		return err_set(-ERR_object_missing,
			       "a part of commit %" PRIu64 " is missing in %s/outbox (%s)", seq,
			       cache->directory, name);
	if (!result)
		result = log_put_object(cache, name, bytes.data, bytes.length);
	if (result == -EEXIST)
		return err_set(-ERR_diverged, "%s has other bytes than the part made here", name);
	return result;
}

int log_put_outbox(struct cache *cache, struct outbox *outbox, const struct log_entry *entry)
{
	uint64_t seq = entry->commit.head.seq;
	char name[OBJECT_NAME_SIZE];
	uint32_t i;
	int result;

	for (i = 0; i < entry->commit.part_count; i++) {
		const struct row_part *part = &entry->commit.parts[i].part;

		if (part->place != PART_OBJECT)
			continue;
		result = put_part(cache, outbox, seq, part);
		if (result)
			return result;
		CRASH_POINT(commit_part_put);
	}
	object_name_log(seq, name);
	CRASH_POINT(commit_before_put);
	result = log_put_object(cache, name, entry->bytes.data, entry->bytes.length);
	CRASH_POINT(commit_after_put);
	return result;
}

int log_explain_foreign(struct cache *cache, uint64_t seq)
{
	struct log_entry entry;
	uint64_t epoch;
	int result = log_get(cache, seq, &entry);

	if (result)
		return result;
	epoch = entry.commit.head.epoch;
	log_entry_release(&entry);
	if (epoch > fence_epoch(cache->fence))
		return fence_explain(cache->fence, epoch);
	return err_set(-ERR_diverged,
		       "log/%016" PRIx64 " of %s is a commit of epoch %" PRIu64
		       " that was not made here: the bucket and this cache have parted ways",
		       seq, cache->url, epoch);
}
