/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_cycle.h"

#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/capture.h"
#include "cache/commit_encode.h"
#include "cache/commit_rows.h"
#include "cache/commit_settle.h"
#include "cache/fence.h"
#include "cache/log_put.h"
#include "cache/upload.h"

/* How often a capture is taken again because a segment was gone. */
#define CAPTURES_MAX 8
/* Above, memory is given back to the system after the commit. */
#define LARGE_CONTENTS 4096

/* The state of one attempt. */
struct attempt {
	struct commit_cycle *cycle;
	struct cache *cache;
	struct commit_record record; /* of the commit before */
	uint64_t seq;

	struct commit_body body;
	struct commit_body ledger;
	struct capture capture;
	uint64_t *claimed;
	size_t claimed_count;
	struct inline_pack pack;
	struct digest pending_digest;
};

/* What a restore has to read of a commit, in bytes. */
static uint64_t row_bytes(const struct commit *commit)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < commit->part_count; i++)
		bytes += commit->parts[i].part.stored_length;
	return bytes;
}

/* Deadlines. */

/* Deadlines that have passed since they were counted last. */
static void count_breaches(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	struct commit_cycle *cycle = attempt->cycle;
	size_t i;

	for (i = 0; i < capture->contents_count; i++) {
		int64_t deadline_ns = capture->contents[i].deadline_ns;

		if (deadline_ns > cycle->breaches_real_ns && deadline_ns <= capture->cut_real_ns)
			cycle->breaches++;
	}
	cycle->breaches_real_ns = capture->cut_real_ns;
}

/* The deadlines of a decided commit, which may pass until it is published: by
 * this cycle or a later one. */
static void keep_deadlines(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	struct commit_cycle *cycle = attempt->cycle;
	size_t i;

	cycle->decided =
		xrealloc(cycle->decided, (capture->contents_count + 1) * sizeof(*cycle->decided));
	cycle->decided_count = 0;
	for (i = 0; i < capture->contents_count; i++)
		if (capture->contents[i].carried &&
		    capture->contents[i].deadline_ns > cycle->breaches_real_ns)
			cycle->decided[cycle->decided_count++] = capture->contents[i].deadline_ns;
}

static void count_decided(struct commit_cycle *cycle)
{
	int64_t now_ns = clock_real_ns();
	size_t i;

	for (i = 0; i < cycle->decided_count; i++)
		cycle->breaches += cycle->decided[i] <= now_ns;
	cycle->decided_count = 0;
}

/* 6 and 7. */
static int publish(struct commit_cycle *cycle, uint64_t seq, size_t pending, bool recovered)
{
	struct cache *cache = cycle->cache;
	struct log_entry entry;
	int result = log_get_outbox(cache, cycle->outbox, seq, &entry);

	if (result == -ENOENT)
		return err_set(-ERR_local_io, "commit %" PRIu64 " has vanished from %s/outbox", seq,
			       cache->directory);
	if (result)
		return result;
	result = log_put_outbox(cache, cycle->outbox, &entry);
	if (result == -EEXIST)
		result = log_explain_foreign(cache, seq);
	if (!result)
		result = fence_verify(cache->fence);
	CRASH_POINT(commit_verified);
	if (!result)
		result = commit_settle(cache, cycle->outbox, &entry, pending, recovered);
	if (!result)
		atomic_fetch_add(&cache->log_row_bytes, row_bytes(&entry.commit));
	log_entry_release(&entry);
	if (result)
		return result;
	fence_note_commit(cache->fence, seq);
	count_decided(cycle);
	cycle->commits++;
	cycle->seq = seq;
	return 0;
}

/* 1. */
static int publish_left(struct commit_cycle *cycle)
{
	struct commit_record record;
	uint64_t seq;
	int result = commit_record_get(cycle->cache->index, &record);

	if (result)
		return result;
	cycle->seq = record.seq;
	seq = outbox_next(cycle->outbox, 1);
	if (seq && seq <= record.seq + 1)
		return publish(cycle, seq, record.pending_files, true);
	return 0;
}

/* 2. */

static void discard(struct attempt *attempt)
{
	capture_release(&attempt->capture);
	commit_body_release(&attempt->body);
	commit_body_release(&attempt->ledger);
	outbox_remove(attempt->cycle->outbox, attempt->seq);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int capture_once(struct attempt *attempt)
{
	struct commit_cycle *cycle = attempt->cycle;
	uint64_t most = cycle->bytes_max;
	struct capture_conf conf = {
		.cache = attempt->cache,
		.body = &attempt->body,
		.ledger = &attempt->ledger,
		.names = cycle->names,
		.choose = { .all = cycle->all,
			    .relaxed = attempt->cache->conf.barrier_relaxed,
			    .all_bytes = most,
			    .content_bytes = smaller(most, CHOOSE_CONTENT_BYTES),
			    .due_bytes = most,
			    .total_bytes = smaller(most, CHOOSE_TOTAL_BYTES),
			    .small_bytes = CHOOSE_SMALL_BYTES,
			    .contents_max = CHOOSE_CONTENTS_MAX,
			    .quantum_ns = cycle->quantum_ns,
			    .bytes_per_second = cycle->bytes_per_second },
		.wanted = &cycle->wanted,
		.active_lsn = cycle->active_lsn,
		.busy_ino = upload_claims_close(cycle->claims),
	};

	commit_body_init(&attempt->body, attempt->cache, cycle->outbox, attempt->seq, PART_BODY);
	commit_body_init(&attempt->ledger, attempt->cache, cycle->outbox, attempt->seq,
			 PART_LEDGER);
	return capture_take(&conf, &attempt->capture);
}

static int capture(struct attempt *attempt)
{
	int tries;
	int result;

	for (tries = 0; tries < CAPTURES_MAX; tries++) {
		result = capture_once(attempt);
		if (result || !attempt->capture.missed)
			return result;
		discard(attempt);
	}
	return err_set(-ERR_segment_corrupt,
		       "segments with unsent bytes are gone in %s/segments: no commit can be made "
		       "until what refers to them is removed",
		       attempt->cache->directory);
}

/* 3. */

static struct captured_content *find_content(struct capture *capture, uint64_t ino)
{
	size_t low = 0;
	size_t high = capture->contents_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (capture->contents[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	assert(low < capture->contents_count && capture->contents[low].ino == ino);
	return &capture->contents[low];
}

static void lose_content(void *arg, uint64_t ino, int code)
{
	struct attempt *attempt = arg;
	struct commit_cycle *cycle = attempt->cycle;
	struct captured_content *content = find_content(&attempt->capture, ino);

	content->carried = false;
	content->lost = true;
	cycle->lost++;
	snprintf(cycle->lost_message, sizeof(cycle->lost_message), "%s", err_message(code));
	log_error("inode %" PRIu64 " is not uploaded, its unsent bytes are damaged: %s", ino,
		  err_message(code));
}

static void claim(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	size_t i;

	attempt->claimed = xcalloc(capture->contents_count + 1, sizeof(*attempt->claimed));
	for (i = 0; i < capture->contents_count; i++)
		if (capture->contents[i].carried && capture->contents[i].unstored_bytes)
			attempt->claimed[attempt->claimed_count++] = capture->contents[i].ino;
	upload_claims_take(attempt->cycle->claims, attempt->claimed, attempt->claimed_count);
}

static bool is_for_bulk(const struct attempt *attempt, const struct captured_content *content)
{
	return !content->carried && !content->left &&
	       (content->wanted ||
		content->unstored_bytes > smaller(attempt->cycle->bytes_max, CHOOSE_CONTENT_BYTES));
}

/* What is too large to wait for goes ahead of a later commit; first and alone
 * what somebody waits for. */
static void offer(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	struct bulk_work *works = xcalloc(capture->contents_count + 1, sizeof(*works));
	size_t count = 0;
	size_t i;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		if (!is_for_bulk(attempt, content) ||
		    (attempt->cycle->deferred && !content->wanted))
			continue;
		works[count].ino = content->ino;
		works[count].bytes = content->unstored_bytes;
		works[count].wanted = content->wanted;
		works[count++].rank = content->rank;
	}
	bulk_offer(attempt->cycle->bulk, works, count);
	free(works);
}

static int upload(struct attempt *attempt)
{
	struct pack_stream_conf conf = {
		.cache = attempt->cache,
		.pool = attempt->cycle->pool,
		.inline_seq = attempt->seq,
	};
	struct upload upload = {
		.cache = attempt->cache,
		.lost = lose_content,
		.lost_arg = attempt,
	};
	int result;

	claim(attempt);
	if (attempt->cycle->offer)
		offer(attempt);
	CRASH_POINT(commit_claimed);
	result = commit_rows_find_pieces(attempt->cache, &attempt->capture, &upload);
	if (result || !upload.pieces_count)
		goto out;
	upload.stream = pack_stream_new(&conf);
	result = upload_run(&upload);
	if (!result)
		result = pack_stream_finish(upload.stream, &attempt->pack);
	if (!result)
		commit_rows_take_refs(&attempt->capture, &upload);
	pack_stream_free(upload.stream);
out:
	free(upload.pieces);
	upload_release(&upload);
	return result;
}

/* 4 and 5. */

/* Of the files that the ledger names. */
static struct digest digest_pending(const struct attempt *attempt)
{
	struct digest_stream stream;
	struct digest digest;
	size_t i;

	digest_stream_init(&stream);
	for (i = 0; i < attempt->capture.contents_count; i++) {
		const struct captured_content *content = &attempt->capture.contents[i];

		if (!content->carried)
			digest_stream_add(&stream, &content->ino, sizeof(content->ino));
	}
	digest = digest_stream_finish(&stream);
	digest_stream_release(&stream);
	return digest;
}

static void encode(struct attempt *attempt, struct buffer *bytes)
{
	struct cache *cache = attempt->cache;
	uint32_t count = attempt->body.part_count + attempt->ledger.part_count;
	struct commit_part *parts = xcalloc(count + 1, sizeof(*parts));
	struct index_counters counters;
	struct commit commit = {
		.head = { .volume = cache->conf.volume.uuid,
			  .epoch = fence_epoch(cache->fence),
			  .seq = attempt->seq,
			  .previous = attempt->record.hash,
			  .cut_lsn = attempt->capture.cut_lsn,
			  .cut_real_ns = attempt->capture.cut_real_ns,
			  .session = *fence_session(cache->fence),
			  .salt = id_new(),
			  .logical_bytes = attempt->cycle->logical_bytes },
		.parts = parts,
		.part_count = count,
		.pack = attempt->pack.bytes.data,
		.pack_length = attempt->pack.bytes.length,
	};

	/* As of now: the chunks were numbered behind the cut. */
	index_counters_get(cache->index, &counters);
	commit.head.next_ino = counters.next_ino;
	commit.head.next_chunk_id = counters.next_chunk;
	if (attempt->body.part_count)
		memcpy(parts, attempt->body.parts, attempt->body.part_count * sizeof(*parts));
	if (attempt->ledger.part_count)
		memcpy(parts + attempt->body.part_count, attempt->ledger.parts,
		       attempt->ledger.part_count * sizeof(*parts));
	commit_encode(&commit, cache->seal, bytes);
	free(parts);
}

static int write_outbox(struct attempt *attempt)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	int result = commit_body_finish(&attempt->body);

	if (!result)
		result = commit_body_finish(&attempt->ledger);
	if (result)
		return result;
	CRASH_POINT(commit_before_flush);
	result = index_flush_all(attempt->cache->index);
	CRASH_POINT(commit_flushed);
	if (result)
		return result;
	encode(attempt, &bytes);
	return outbox_add_commit(attempt->cycle->outbox, attempt->seq, bytes.data, bytes.length);
}

/* The DEDUP rows of the inline pack, which is in the bucket now. */
static int record_notes(struct attempt *attempt)
{
	struct batch batch;
	size_t i;
	int result;

	batch_init(&batch, BATCH_ROWS, 0);
	for (i = 0; i < attempt->pack.notes_count; i++)
		dedup_note_put(&batch, &attempt->pack.notes[i]);
	result = index_commit(attempt->cache->index, &batch, NULL);
	batch_release(&batch);
	return result;
}

static void note_pending(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	struct commit_cycle *cycle = attempt->cycle;
	size_t i;

	cycle->pending = capture->pending;
	cycle->left = capture->left;
	cycle->late = capture->late;
	cycle->due = capture->due;
	cycle->oldest_pending_ns = capture->oldest_pending_ns;
	for (i = 0; i < capture->contents_count; i++)
		cycle->deferred |=
			capture->contents[i].wanted && is_for_bulk(attempt, &capture->contents[i]);
	count_breaches(attempt);
	cycle->held(cycle->held_arg, capture->held, capture->held_count);
}

/* For those who wait: what is not in the commit, also for its damage. */
static void note_left_out(struct attempt *attempt)
{
	const struct capture *capture = &attempt->capture;
	struct commit_cycle *cycle = attempt->cycle;
	size_t i;

	cycle->left_out = xrealloc(cycle->left_out,
				   (capture->pending + cycle->lost + 1) * sizeof(*cycle->left_out));
	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		if (!content->carried)
			cycle->left_out[cycle->left_out_count++] =
				(struct content_left){ content->ino, content->lost };
	}
}

/* 2 to 5. *decided_out: the commit is in the outbox. */
static int decide(struct attempt *attempt, bool *decided_out)
{
	struct commit_cycle *cycle = attempt->cycle;
	int result = capture(attempt);

	if (result)
		return result;
	cycle->cut_lsn = attempt->capture.cut_lsn;
	cycle->cut_real_ns = attempt->capture.cut_real_ns;
	note_pending(attempt);
	atomic_store(&cycle->cache->uploading_lsn, cycle->cut_lsn);
	result = upload(attempt);
	if (!result)
		result = commit_rows_write(attempt->cache, &attempt->capture, &attempt->pack,
					   &attempt->body, &cycle->logical_bytes);
	if (result)
		return result;
	attempt->pending_digest = digest_pending(attempt);
	if (!attempt->body.rows && digest_equal(&attempt->pending_digest, &cycle->pending_digest))
		return 0;
	result = write_outbox(attempt);
	*decided_out = !result;
	return result;
}

static int make_commit(struct attempt *attempt)
{
	struct commit_cycle *cycle = attempt->cycle;
	bool decided = false;
	int removed;
	int result = decide(attempt, &decided);

	if (!decided) {
		removed = outbox_remove(cycle->outbox, attempt->seq);
		return result ? result : removed;
	}
	keep_deadlines(attempt);
	CRASH_POINT(commit_in_outbox);
	result = publish(cycle, attempt->seq, cycle->pending, false);
	if (result)
		return result;
	cycle->pending_digest = attempt->pending_digest;
	return record_notes(attempt);
}

void commit_cycle_init(struct commit_cycle *cycle)
{
	memset(cycle, 0, sizeof(*cycle));
	cycle->pending_digest = digest_of(NULL, 0);
}

void commit_cycle_release(struct commit_cycle *cycle)
{
	wanted_set_release(&cycle->wanted);
	free(cycle->left_out);
	free(cycle->decided);
}

int commit_cycle_run(struct commit_cycle *cycle)
{
	struct attempt attempt = { .cycle = cycle, .cache = cycle->cache };
	bool large;
	int result;

	cycle->commits = 0;
	cycle->cut_lsn = cycle->pending = cycle->left = cycle->lost = cycle->logical_bytes = 0;
	cycle->late = cycle->breaches = cycle->left_out_count = 0;
	cycle->due = cycle->deferred = false;
	cycle->oldest_pending_ns = 0;
	cycle->lost_message[0] = '\0';
	result = publish_left(cycle);
	if (!result)
		result = commit_record_get(cycle->cache->index, &attempt.record);
	if (result)
		return result;
	attempt.seq = attempt.record.seq + 1;
	result = make_commit(&attempt);
	note_left_out(&attempt);
	large = attempt.capture.contents_count > LARGE_CONTENTS;
	atomic_store(&cycle->cache->uploading_lsn, 0);
	upload_claims_drop(cycle->claims);
	free(attempt.claimed);
	inline_pack_release(&attempt.pack);
	capture_release(&attempt.capture);
	commit_body_release(&attempt.body);
	commit_body_release(&attempt.ledger);
	/* Small pieces of memory, many of them: the heap does not shrink by itself. */
	if (large)
		malloc_trim(0);
	return result;
}
