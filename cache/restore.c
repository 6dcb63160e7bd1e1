/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/restore.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/object_name.h"
#include "cache/ahead.h"
#include "cache/cache_int.h"
#include "cache/commit_encode.h"
#include "cache/commit_settle.h"
#include "cache/fence.h"
#include "cache/fence_wait.h"
#include "cache/log_put.h"
#include "cache/restore_int.h"
#include "cache/root_read.h"

void restore_progress(struct restore *restore, const char *what, uint64_t done, uint64_t total)
{
	const struct cache_conf *conf = &restore->cache->conf;

	if (conf->progress)
		conf->progress(what, done, total > done ? total : done, conf->progress_arg);
}

static int take_entry(struct restore *restore, const struct log_entry *entry)
{
	int result = restore->rows ? restore_load_entry(restore, entry)
				   : restore_follow_entry(restore, entry);

	if (!result)
		result = log_advance(&restore->position, entry);
	restore->cut_real_ns = entry->commit.head.cut_real_ns;
	return result;
}

static int chain_broken(struct restore *restore, uint64_t seq)
{
	if (restore->rows)
		return err_set(-ERR_commit_corrupt,
			       "log/%016" PRIx64 " does not continue log/%016" PRIx64
			       " (its hash of the commit before is another): the log was "
			       "tampered with or put together from two volumes",
			       seq, seq - 1);
	return err_set(-ERR_diverged,
		       "log/%016" PRIx64 " of %s does not continue the commit %" PRIu64
		       " that this cache knows: the bucket was replaced or set back",
		       seq, restore->cache->url, seq - 1);
}

/* The commit behind the position. Once there was one, more are got ahead. */
static int get_next(struct restore *restore, struct ahead **ahead, struct log_entry *out)
{
	uint64_t seq = restore->position.seq + 1;
	int result;

	restore_progress(restore, "reading the log", seq - 1, restore->floor);
	if (*ahead) {
		result = ahead_next(*ahead, out);
	} else {
		result = log_get(restore->cache, seq, out);
		if (!result)
			*ahead = log_get_ahead(restore->cache, seq + 1, UINT64_MAX);
	}
	return result;
}

static int take_next(struct restore *restore, const struct log_entry *entry)
{
	int result = log_follows(&restore->position, entry)
			     ? take_entry(restore, entry)
			     : chain_broken(restore, entry->commit.head.seq);

	CRASH_POINT(restore_followed);
	return result;
}

/* Takes in all commits there are. */
static int follow_log(struct restore *restore)
{
	struct ahead *ahead = NULL;
	struct log_entry entry;
	bool ended = false;
	int result = 0;

	while (!result && !ended) {
		result = get_next(restore, &ahead, &entry);
		ended = result == -ENOENT;
		if (ended) {
			result = 0;
		} else if (!result) {
			result = take_next(restore, &entry);
			log_entry_release(&entry);
		}
	}
	ahead_stop(ahead);
	return result;
}

/* ... and what waits in the outbox. */
static int follow(struct restore *restore)
{
	int result;

	do {
		result = follow_log(restore);
		if (!result && !restore->rows)
			result = restore_follow_outbox(restore);
	} while (result > 0);
	return result;
}

static int check_floor(struct restore *restore)
{
	uint64_t floor = restore->floor;

	if (floor < restore->least_seq)
		floor = restore->least_seq;
	if (restore->position.seq >= floor)
		return 0;
	return err_set(-ERR_object_missing,
		       "log/%016" PRIx64 " is missing in %s, but commits up to %" PRIu64
		       " were made: the log is incomplete and nothing is served from it",
		       restore->position.seq + 1, restore->cache->url, floor);
}

static void encode_fence(struct restore *restore, struct buffer *bytes)
{
	struct cache *cache = restore->cache;
	struct index_counters counters;
	struct commit commit = {
		.head = { .flags = COMMIT_FENCE,
			  .volume = cache->conf.volume.uuid,
			  .epoch = fence_epoch(cache->fence),
			  .seq = restore->position.seq + 1,
			  .previous = restore->position.hash,
			  .cut_real_ns = clock_real_ns(),
			  .session = *fence_session(cache->fence),
			  .salt = id_new(),
			  .next_ino = restore->position.next_ino,
			  .next_chunk_id = restore->position.next_chunk_id },
	};

	index_counters_get(cache->index, &counters);
	if (!restore->rows && counters.next_ino > commit.head.next_ino)
		commit.head.next_ino = counters.next_ino;
	if (!restore->rows && counters.next_chunk > commit.head.next_chunk_id)
		commit.head.next_chunk_id = counters.next_chunk;
	commit_encode(&commit, cache->seal, bytes);
}

/* -EEXIST when a commit of the writer before was faster. */
static int put_fence(struct restore *restore)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct log_entry entry;
	char name[OBJECT_NAME_SIZE];
	int result;

	encode_fence(restore, &bytes);
	object_name_log(restore->position.seq + 1, name);
	CRASH_POINT(restore_before_fence);
	result = log_put_object(restore->cache, name, bytes.data, bytes.length);
	CRASH_POINT(restore_after_fence);
	if (result)
		return result;
	result = log_get(restore->cache, restore->position.seq + 1, &entry);
	if (result)
		return result;
	result = take_entry(restore, &entry);
	log_entry_release(&entry);
	return result;
}

/* Are there checkpoints of later commits, so that the log behind the position may
 * have been removed? 1, 0 or an error. */
static int is_left_behind(struct restore *restore)
{
	struct root_list roots;
	int result = root_list_get(restore->cache, &roots);

	if (result)
		return result;
	result = roots.count && roots.seqs[roots.count - 1] > restore->position.seq;
	root_list_release(&roots);
	return result;
}

/* The commit that the cache knows must be in the bucket as it knows it. 1 when it
 * was removed because a checkpoint has taken its place. */
static int check_known(struct restore *restore)
{
	struct log_entry entry;
	uint64_t seq = restore->position.seq;
	int result = log_get(restore->cache, seq, &entry);

	if (result == -ENOENT) {
		result = is_left_behind(restore);
		if (result)
			return result;
		return err_set(-ERR_diverged,
			       "log/%016" PRIx64 " is missing in %s, but this cache knows it is "
			       "committed: the bucket was set back to an older state",
			       seq, restore->cache->url);
	}
	if (result)
		return result;
	if (!digest_equal(&entry.hash, &restore->position.hash))
		result = err_set(-ERR_diverged,
				 "log/%016" PRIx64 " of %s has other bytes than the commit this "
				 "cache knows: the bucket was replaced or set back",
				 seq, restore->cache->url);
	log_entry_release(&entry);
	return result;
}

/* Settles a commit of the outbox that is in the bucket already; one that lost
 * its place there to another goes: all it carried is still dirty. */
static int settle_left(struct restore *restore, uint64_t seq)
{
	struct log_entry there;
	struct log_entry ours;
	int result = log_get_outbox(restore->cache, restore->outbox, seq, &ours);

	if (result)
		return result;
	result = log_get(restore->cache, seq, &there);
	if (!result && digest_equal(&there.hash, &ours.hash))
		result = commit_settle(restore->cache, restore->outbox, &ours, 0, true);
	else if (!result)
		result = outbox_remove(restore->outbox, seq);
	log_entry_release(&there);
	log_entry_release(&ours);
	return result;
}

/* Where a cache that has a state stands; and what a crash left to settle. */
static int begin_known(struct restore *restore, const struct commit_record *record)
{
	struct index_counters counters;
	uint64_t seq = 0;
	int result;

	restore->position.seq = record->seq;
	restore->position.hash = record->hash;
	restore->position.epoch = record->epoch;
	restore->cut_real_ns = record->cut_real_ns;
	index_counters_get(restore->cache->index, &counters);
	if (counters.next_ino < record->least_ino || counters.next_chunk < record->least_chunk) {
		result = index_counters_raise(restore->cache->index, record->least_ino,
					      record->least_chunk);
		if (result)
			return result;
	}
	result = check_known(restore);
	while (!result && (seq = outbox_next(restore->outbox, seq + 1)) && seq <= record->seq)
		result = settle_left(restore, seq);
	return result;
}

/* Brings the position to the newest commit, and makes that one of our epoch if
 * we have one: from here on nobody else's can follow. */
static int follow_and_fence(struct restore *restore)
{
	int result;

	do {
		result = follow(restore);
		if (!result)
			result = check_floor(restore);
		if (!result && restore->epoch && restore->position.epoch != restore->epoch)
			result = put_fence(restore);
	} while (result == -EEXIST);
	return result;
}

/* A new cache begins at root/<seq>; 0: at the beginning of the log. */
static int begin_new(struct restore *restore, uint64_t seq)
{
	CLEANUP_FREE char *directory = xasprintf("%s/restore", restore->cache->directory);
	const struct commit_head *head = &restore->root.head;

	memset(&restore->position, 0, sizeof(restore->position));
	restore->cut_real_ns = 0;
	if (seq) {
		int result = root_get(restore->cache, seq, &restore->root);

		if (result)
			return result;
		restore->position = (struct log_position){ .seq = head->seq,
							   .hash = head->previous,
							   .epoch = head->epoch,
							   .next_ino = head->next_ino,
							   .next_chunk_id = head->next_chunk_id };
		restore->cut_real_ns = head->cut_real_ns;
	}
	return row_sort_new(directory, 0, &restore->rows);
}

static int load_new(struct restore *restore, uint64_t seq)
{
	int result = begin_new(restore, seq);

	if (!result)
		result = follow_and_fence(restore);
	if (!result)
		result = restore->compare ? restore_compare_finish(restore)
					  : restore_load_finish(restore);
	row_sort_free(restore->rows);
	restore->rows = NULL;
	root_release(&restore->root);
	return result;
}

/* From the newest checkpoint; where that is damaged, from the one before and
 * the log behind it, as long as they are there. */
static int run_new(struct restore *restore)
{
	CLEANUP_FREE char *why = NULL;
	struct root_list roots;
	int first = 0;
	size_t i;
	int result = root_list_get(restore->cache, &roots);

	if (result)
		return result;
	restore->least_seq = restore->root_floor;
	if (roots.count && roots.seqs[roots.count - 1] > restore->least_seq)
		restore->least_seq = roots.seqs[roots.count - 1];
	result = roots.count ? -ENOENT : load_new(restore, 0);
	for (i = roots.count; i-- > 0 && root_is_damage(result);) {
		result = load_new(restore, roots.seqs[i]);
		if (!root_is_damage(result))
			break;
		log_warn("no restore from the checkpoint root/%016" PRIx64
			 " (trying an older one): %s",
			 roots.seqs[i], err_message(result));
		if (!first)
			why = xstrdup(err_message(result));
		first = first ? first : result;
	}
	if (roots.count && root_is_damage(result)) {
		result = load_new(restore, 0);
		if (root_is_damage(result))
			result = err_set(first, "%s", why);
	}
	root_list_release(&roots);
	return result;
}

/* A cache that was away for longer than the log is kept. */
static int run_left_behind(struct restore *restore)
{
	int result = restore_check_clean(restore, restore->floor, restore->epoch - 1);

	if (result)
		return result;
	log_info("the log behind commit %" PRIu64 " of this cache was removed meanwhile: it is "
		 "compared with the newest checkpoint",
		 restore->position.seq);
	restore->compare = true;
	return run_new(restore);
}

static int run_known(struct restore *restore, const struct commit_record *record)
{
	int result = begin_known(restore, record);
	int behind;

	if (!result)
		result = follow_and_fence(restore);
	if (result == -ERR_object_missing) {
		CLEANUP_FREE char *why = xstrdup(err_message(result));

		behind = is_left_behind(restore);
		result = behind ? behind : err_set(result, "%s", why);
	}
	return result > 0 ? run_left_behind(restore) : result;
}

static int run(struct restore *restore)
{
	struct commit_record record;
	int result = commit_record_get(restore->cache->index, &record);

	if (result == -ENOENT)
		return run_new(restore);
	return result ? result : run_known(restore, &record);
}

int restore_run(struct cache *cache)
{
	struct restore restore = {
		.cache = cache,
		.floor = fence_floor(cache->fence),
		.root_floor = fence_root_floor(cache->fence),
		.epoch = fence_epoch(cache->fence),
	};
	int result = outbox_open(cache->directory, &restore.outbox);

	if (!result)
		result = run(&restore);
	if (!result)
		fence_note_commit(cache->fence, restore.position.seq);
	outbox_close(restore.outbox);
	return result;
}

int restore_run_follower(struct cache *cache)
{
	struct restore restore = { .cache = cache };
	struct fence_wait writer = { .store = cache->store, .url = cache->url };
	int result = fence_look(&writer);

	restore.floor = writer.floor;
	restore.root_floor = writer.root_floor;
	if (!result)
		result = outbox_open(cache->directory, &restore.outbox);
	if (!result)
		result = run(&restore);
	outbox_close(restore.outbox);
	return result;
}

int restore_find_differences(struct cache *cache, uint64_t root, uint64_t floor,
			     struct row_sort *differences, struct log_position *position_out,
			     int64_t *cut_real_ns_out)
{
	struct restore restore = {
		.cache = cache,
		.floor = floor,
		.least_seq = root,
		.compare = true,
		.differences = differences,
	};
	int result = load_new(&restore, root);

	*position_out = restore.position;
	*cut_real_ns_out = restore.cut_real_ns;
	return result;
}
