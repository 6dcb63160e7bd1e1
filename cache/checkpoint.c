/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/ahead.h"
#include "cache/cache_int.h"
#include "cache/fence.h"
#include "cache/log_put.h"
#include "cache/retention.h"
#include "cache/root_read.h"
#include "cache/row_sort.h"

#define SORT_BYTES (16u << 20)

struct checkpoint {
	const struct checkpoint_conf *conf;
	struct cache *cache;
	struct checkpoint_result *result;

	struct root base; /* seq 0 in its head: none */
	struct log_position position;
	int64_t cut_real_ns;
	uint64_t cut_lsn;
	struct row_sort *changes;

	/* put by this checkpoint */
	struct row_part *parts;
	size_t parts_count;
	bool root_sent; /* and perhaps there, whatever was answered */
};

static int pause_for_others(const struct checkpoint *checkpoint)
{
	const struct checkpoint_conf *conf = checkpoint->conf;

	return conf->pause ? conf->pause(conf->pause_arg) : 0;
}

/* 1: the log. */

static int add_change(const struct row_run_row *row, void *arg)
{
	return row_sort_add(arg, row);
}

static int take_entry(struct checkpoint *checkpoint, const struct log_entry *entry)
{
	int result;

	if (!log_follows(&checkpoint->position, entry))
		return err_set(-ERR_commit_corrupt,
			       "log/%016" PRIx64 " does not continue the commit before it, or the "
			       "checkpoint that it was read behind",
			       entry->commit.head.seq);
	result = log_each_row(checkpoint->cache, NULL, entry, add_change, checkpoint->changes);
	if (!result)
		result = log_advance(&checkpoint->position, entry);
	checkpoint->cut_real_ns = entry->commit.head.cut_real_ns;
	checkpoint->cut_lsn = entry->commit.head.cut_lsn;
	checkpoint->result->commits++;
	return result;
}

static int read_log(struct checkpoint *checkpoint)
{
	uint64_t last = checkpoint->conf->seq;
	struct ahead *ahead = log_get_ahead(checkpoint->cache, checkpoint->position.seq + 1, last);
	int result = 0;

	while (!result && checkpoint->position.seq < last) {
		struct log_entry entry;

		result = pause_for_others(checkpoint);
		if (!result)
			result = ahead_next(ahead, &entry);
		if (result == -ENOENT)
			result = err_set(-ERR_object_missing, "log/%016" PRIx64 " is missing in %s",
					 checkpoint->position.seq + 1, checkpoint->cache->url);
		if (result)
			break;
		result = take_entry(checkpoint, &entry);
		log_entry_release(&entry);
	}
	ahead_stop(ahead);
	return result ? result : row_sort_finish(checkpoint->changes);
}

/* Starts from root/<seq>; 0: from the beginning of the log. */
static int begin(struct checkpoint *checkpoint, uint64_t seq)
{
	CLEANUP_FREE char *directory = xasprintf("%s/checkpoint", checkpoint->cache->directory);
	const struct commit_head *head = &checkpoint->base.head;
	int result;

	memset(&checkpoint->position, 0, sizeof(checkpoint->position));
	memset(checkpoint->result, 0, sizeof(*checkpoint->result));
	if (seq) {
		result = root_get(checkpoint->cache, seq, &checkpoint->base);
		if (result)
			return result;
		checkpoint->position =
			(struct log_position){ .seq = head->seq,
					       .hash = head->previous,
					       .epoch = head->epoch,
					       .next_ino = head->next_ino,
					       .next_chunk_id = head->next_chunk_id };
	}
	result = row_sort_new(directory, SORT_BYTES, &checkpoint->changes);
	return result ? result : read_log(checkpoint);
}

/* 2: the runs. */

static int read_run(void *arg, const struct row_part *part, struct buffer *rows_out)
{
	struct checkpoint *checkpoint = arg;
	int result = pause_for_others(checkpoint);

	return result ? result
		      : root_get_run(checkpoint->cache, checkpoint->base.head.seq, part, rows_out);
}

static int next_change(void *arg, struct row_run_row *row_out)
{
	struct checkpoint *checkpoint = arg;

	return row_sort_next_change(checkpoint->changes, row_out);
}

static int write_run(void *arg, const struct row_run_writer *run, struct row_part *part_out)
{
	struct checkpoint *checkpoint = arg;
	struct cache *cache = checkpoint->cache;
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_part_conf conf = {
		.volume = cache->conf.volume.uuid,
		.epoch = fence_epoch(cache->fence),
		.seal = cache->seal,
		.level = cache->conf.zstd_level,
		.place = PART_OBJECT,
		.role = PART_RUN,
	};
	char name[OBJECT_NAME_SIZE];
	int result = row_part_encode(&conf, run, &bytes, part_out);

	if (!result)
		result = pause_for_others(checkpoint);
	if (result)
		return result;
	checkpoint->parts = xrealloc(checkpoint->parts,
				     (checkpoint->parts_count + 1) * sizeof(*checkpoint->parts));
	checkpoint->parts[checkpoint->parts_count++] = *part_out;
	object_name_meta(part_out->epoch, &part_out->id, name);
	CRASH_POINT(checkpoint_before_run);
	result = log_put_object(cache, name, bytes.data, bytes.length);
	CRASH_POINT(checkpoint_run_put);
	if (result == -EEXIST)
		result = err_set(-ERR_diverged, "%s has other bytes than the run made here", name);
	return result;
}

static int merge(struct checkpoint *checkpoint, struct root_writer *writer)
{
	struct root_merge_conf conf = {
		.base = checkpoint->base.head.seq ? &checkpoint->base : NULL,
		.run_bytes = checkpoint->conf->run_bytes,
		.arg = checkpoint,
		.read_run = read_run,
		.next_change = next_change,
		.write_run = write_run,
	};

	return root_merge(&conf, writer, &checkpoint->result->merge);
}

/* 3 and 4: the root. */

static int put_root(struct checkpoint *checkpoint, struct root_writer *writer)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct cache *cache = checkpoint->cache;
	char name[OBJECT_NAME_SIZE];
	int result;

	writer->head.logical_bytes = checkpoint->base.head.logical_bytes +
				     (uint64_t)checkpoint->result->merge.content_growth;
	result = root_writer_finish(writer, cache->seal, &bytes);
	if (!result)
		result = fence_verify(cache->fence);
	if (result)
		return result;
	object_name_root(checkpoint->conf->seq, name);
	CRASH_POINT(checkpoint_before_root);
	checkpoint->root_sent = true;
	result = log_put_object(cache, name, bytes.data, bytes.length);
	CRASH_POINT(checkpoint_root_put);
	if (result == -EEXIST)
		checkpoint->root_sent = false;
	if (result)
		return result;
	checkpoint->result->made = true;
	fence_note_root(cache->fence, checkpoint->conf->seq);
	return 0;
}

static int write_root(struct checkpoint *checkpoint)
{
	struct commit_head head = {
		.volume = checkpoint->cache->conf.volume.uuid,
		.epoch = checkpoint->position.epoch,
		.seq = checkpoint->position.seq,
		.previous = checkpoint->position.hash,
		.cut_lsn = checkpoint->cut_lsn,
		.cut_real_ns = checkpoint->cut_real_ns,
		.session = *fence_session(checkpoint->cache->fence),
		.salt = id_new(),
		.next_ino = checkpoint->position.next_ino,
		.next_chunk_id = checkpoint->position.next_chunk_id,
		.made_real_ns = checkpoint->conf->now_real_ns,
	};
	struct root_writer writer;
	int result;

	root_writer_init(&writer, &head);
	result = merge(checkpoint, &writer);
	if (!result && checkpoint->result->merge.rows)
		result = put_root(checkpoint, &writer);
	root_writer_release(&writer);
	return result;
}

/* Runs that no root will name. Not when the epoch is over: then nothing is
 * removed any more. Returns the result, with its sentence. */
static int remove_runs(struct checkpoint *checkpoint, int result)
{
	CLEANUP_FREE char *why = xstrdup(result ? err_message(result) : "");
	char name[OBJECT_NAME_SIZE];
	size_t i;

	for (i = 0; i < checkpoint->parts_count; i++) {
		const struct row_part *part = &checkpoint->parts[i];

		object_name_meta(part->epoch, &part->id, name);
		if (fence_verify(checkpoint->cache->fence) ||
		    store_remove(checkpoint->cache->store, name))
			break;
	}
	return result ? err_set(result, "%s", why) : 0;
}

static int attempt(const struct checkpoint_conf *conf, uint64_t base_seq,
		   struct checkpoint_result *result_out)
{
	struct checkpoint checkpoint = {
		.conf = conf,
		.cache = conf->cache,
		.result = result_out,
	};
	int result = begin(&checkpoint, base_seq);

	if (!result)
		result = write_root(&checkpoint);
	/* Another gateway's, of the same state: it will do. */
	if (result == -EEXIST)
		result = 0;
	if (!checkpoint.root_sent)
		result = remove_runs(&checkpoint, result);
	free(checkpoint.parts);
	row_sort_free(checkpoint.changes);
	root_release(&checkpoint.base);
	return result;
}

int checkpoint_make(const struct checkpoint_conf *conf, struct checkpoint_result *result_out)
{
	struct root_list roots;
	size_t first;
	size_t i;
	int result = root_list_get(conf->cache, &roots);

	memset(result_out, 0, sizeof(*result_out));
	if (result)
		return result;
	if (roots.count && roots.seqs[roots.count - 1] >= conf->seq)
		goto out;
	result = -ENOENT;
	/* Older roots may lack runs that were removed. */
	first = roots.count > RETENTION_ROOTS ? roots.count - RETENTION_ROOTS - 1 : 0;
	for (i = roots.count; i-- > first && root_is_damage(result);) {
		result = attempt(conf, roots.seqs[i], result_out);
		if (root_is_damage(result))
			log_warn("no checkpoint can be made from root/%016" PRIx64 ": %s",
				 roots.seqs[i], err_message(result));
	}
	if (root_is_damage(result))
		result = attempt(conf, 0, result_out);
out:
	root_list_release(&roots);
	return result;
}
