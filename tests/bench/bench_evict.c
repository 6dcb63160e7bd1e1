/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well the cache's eviction chooses, without a cache:
 *
 *	bench_evict [-p PERCENT[,PERCENT...]] WORKLOAD...
 *
 * plays each workload for caches of so many percent of all the bytes that it
 * reads (default 2,10,30), and prints the hit ratios of
 *
 *	lru      single chunks, least recently used first: what a cache could do
 *	         that frees bytes one by one
 *	segment  whole segments, least recently used first
 *	policy   cache/evict_policy.h, as evict.c uses it; and how many bytes it
 *	         moved for each byte that came from the store
 *
 * A WORKLOAD is the name of a generator below, or a file:
 *
 *	*.bin    libCacheSim's oracleGeneral: u32 time, u64 id, u32 size, i64
 *	*.trace  u32 ids of blocks
 *	*.txt    lines of an id, and perhaps a size
 *
 * Blocks without a size count as 64 KiB. All numbers are little-endian.
 */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "cache/evict_policy.h"

#define BLOCK_BYTES	 65536
#define CHUNK_BYTES	 (1u << 20)
#define SEGMENTS_A_CACHE 32 /* cache_local.c */

struct access {
	uint64_t id; /* dense, from 0 on, after number_ids() */
	uint32_t size;
};

struct workload {
	struct access *accesses;
	size_t count;
	size_t capacity;
	size_t ids;
	uint64_t bytes; /* of all ids together */
};

struct outcome {
	uint64_t reads, hits;
	uint64_t bytes, hit_bytes;
	uint64_t moved;
};

/* --- workloads */

static void add(struct workload *workload, uint64_t id, uint32_t size)
{
	if (workload->count == workload->capacity) {
		workload->capacity = workload->capacity ? 2 * workload->capacity : 1 << 16;
		workload->accesses = xrealloc(workload->accesses,
					      workload->capacity * sizeof(*workload->accesses));
	}
	workload->accesses[workload->count++] = (struct access){ id, size ? size : BLOCK_BYTES };
}

/* The same numbers every time. */
static uint64_t random_below(uint64_t bound)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % bound;
}

#define ZIPF_IDS 20000

/* Chunk i of ZIPF_IDS with a probability in proportion to 1/(i + 1). */
static uint64_t random_zipf(void)
{
	static double *sums;
	double at = (double)random_below(1u << 30) / (1u << 30);
	size_t low = 0;
	size_t high = ZIPF_IDS - 1;
	size_t i;

	if (!sums) {
		sums = xcalloc(ZIPF_IDS, sizeof(*sums));
		for (i = 0; i < ZIPF_IDS; i++)
			sums[i] = (i ? sums[i - 1] : 0) + 1.0 / (double)(i + 1);
	}
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sums[middle] < at * sums[ZIPF_IDS - 1])
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_zipf(struct workload *workload)
{
	size_t i;

	for (i = 0; i < 400000; i++)
		add(workload, random_zipf(), CHUNK_BYTES);
}

/* Every tenth of the time something reads 10,000 chunks that nobody reads again. */
static void make_zipf_scan(struct workload *workload)
{
	uint64_t next = ZIPF_IDS;
	size_t i, j;

	for (i = 0; i < 400000; i++) {
		add(workload, random_zipf(), CHUNK_BYTES);
		if (i % 40000 == 20000)
			for (j = 0; j < 10000; j++)
				add(workload, next++, CHUNK_BYTES);
	}
}

/* The same chunks in the same order, over and over. */
static void make_loop(struct workload *workload)
{
	size_t i;

	for (i = 0; i < 200000; i++)
		add(workload, i % 10000, CHUNK_BYTES);
}

/* Work on 2,000 of 30,000 chunks, and each night a backup of all of them, in
 * which nobody works. */
static void make_backup(struct workload *workload)
{
	size_t day, i;

	for (day = 0; day < 10; day++) {
		for (i = 0; i < 20000; i++)
			add(workload, random_below(2000) * 15, CHUNK_BYTES);
		for (i = 0; i < 30000; i++)
			add(workload, i, CHUNK_BYTES);
	}
}

static const struct {
	const char *name;
	void (*make)(struct workload *workload);
} generators[] = {
	{ "zipf", make_zipf },
	{ "zipf+scan", make_zipf_scan },
	{ "loop", make_loop },
	{ "backup", make_backup },
};

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text);

	return length >= strlen(suffix) && !strcmp(text + length - strlen(suffix), suffix);
}

static void read_oracle_general(struct workload *workload, FILE *file)
{
	uint8_t record[24];
	uint64_t id;
	uint32_t size;

	while (fread(record, sizeof(record), 1, file) == 1) {
		memcpy(&id, record + 4, sizeof(id));
		memcpy(&size, record + 12, sizeof(size));
		add(workload, id, size);
	}
}

static void read_blocks(struct workload *workload, FILE *file)
{
	uint32_t id;

	while (fread(&id, sizeof(id), 1, file) == 1)
		add(workload, id, BLOCK_BYTES);
}

static void read_lines(struct workload *workload, FILE *file)
{
	unsigned long long id;
	unsigned int size;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		size = BLOCK_BYTES;
		if (sscanf(line, "%llu %u", &id, &size) >= 1)
			add(workload, id, size);
	}
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Ids become their places among the sorted ones; each keeps its first size. */
static void number_ids(struct workload *workload)
{
	uint64_t *ids = xcalloc(workload->count, sizeof(*ids));
	uint32_t *sizes;
	size_t i;

	for (i = 0; i < workload->count; i++)
		ids[i] = workload->accesses[i].id;
	qsort(ids, workload->count, sizeof(*ids), compare_ids);
	for (i = 0; i < workload->count; i++) {
		if (!i || ids[i] != ids[workload->ids - 1])
			ids[workload->ids++] = ids[i];
	}
	sizes = xcalloc(workload->ids, sizeof(*sizes));
	for (i = 0; i < workload->count; i++) {
		struct access *access = &workload->accesses[i];
		const uint64_t *found =
			bsearch(&access->id, ids, workload->ids, sizeof(*ids), compare_ids);

		access->id = (uint64_t)(found - ids);
		if (!sizes[access->id]) {
			sizes[access->id] = access->size;
			workload->bytes += access->size;
		}
		access->size = sizes[access->id];
	}
	free(sizes);
	free(ids);
}

static void load(struct workload *workload, const char *name)
{
	FILE *file;
	size_t i;

	for (i = 0; i < sizeof(generators) / sizeof(generators[0]); i++) {
		if (!strcmp(name, generators[i].name)) {
			generators[i].make(workload);
			number_ids(workload);
			return;
		}
	}
	file = fopen(name, "rb");
	if (!file) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	if (has_suffix(name, ".bin"))
		read_oracle_general(workload, file);
	else if (has_suffix(name, ".trace"))
		read_blocks(workload, file);
	else
		read_lines(workload, file);
	fclose(file);
	number_ids(workload);
}

static void count(struct outcome *outcome, const struct access *access, bool hit)
{
	outcome->reads++;
	outcome->bytes += access->size;
	if (hit) {
		outcome->hits++;
		outcome->hit_bytes += access->size;
	}
}

/* --- lru: chunks in a list, newest first */

struct lru_chunk {
	size_t newer, older; /* index + 1; 0: none */
	uint32_t size;
	bool cached;
};

struct lru {
	struct lru_chunk *chunks;
	size_t newest, oldest;
	uint64_t used;
};

static void lru_unlink(struct lru *lru, size_t i)
{
	struct lru_chunk *chunk = &lru->chunks[i];

	*(chunk->newer ? &lru->chunks[chunk->newer - 1].older : &lru->newest) = chunk->older;
	*(chunk->older ? &lru->chunks[chunk->older - 1].newer : &lru->oldest) = chunk->newer;
}

static void lru_push(struct lru *lru, size_t i)
{
	lru->chunks[i].newer = 0;
	lru->chunks[i].older = lru->newest;
	*(lru->newest ? &lru->chunks[lru->newest - 1].newer : &lru->oldest) = i + 1;
	lru->newest = i + 1;
}

static void run_lru(const struct workload *workload, uint64_t capacity, struct outcome *outcome)
{
	struct lru lru = { .chunks = xcalloc(workload->ids, sizeof(*lru.chunks)) };
	size_t i;

	for (i = 0; i < workload->count; i++) {
		const struct access *access = &workload->accesses[i];
		struct lru_chunk *chunk = &lru.chunks[access->id];

		count(outcome, access, chunk->cached);
		if (chunk->cached) {
			lru_unlink(&lru, access->id);
		} else {
			chunk->cached = true;
			chunk->size = access->size;
			lru.used += access->size;
		}
		lru_push(&lru, access->id);
		while (lru.used > capacity) {
			size_t victim = lru.oldest - 1;

			lru_unlink(&lru, victim);
			lru.chunks[victim].cached = false;
			lru.used -= lru.chunks[victim].size;
		}
	}
	free(lru.chunks);
}

/* --- segments: a log for each queue */

struct segment {
	enum evict_queue queue;
	uint64_t position; /* in its queue */
	uint64_t last_used;
	uint64_t bytes;
	size_t *ids;
	uint32_t *sizes;
	size_t count;
	size_t capacity;
	bool open;
};

struct log {
	uint64_t segment_bytes;
	struct segment **table;
	size_t count;
	size_t capacity;
	struct segment *open[EVICT_KEPT + 1];
	struct segment **where; /* by id; NULL: not cached */
	uint64_t bytes[EVICT_KEPT + 1];
	uint64_t next_position;
	uint64_t tick;
};

static struct segment *log_begin(struct log *log, enum evict_queue queue)
{
	struct segment *segment = xcalloc(1, sizeof(*segment));

	if (log->open[queue])
		log->open[queue]->open = false;
	segment->queue = queue;
	segment->position = ++log->next_position;
	segment->open = true;
	if (log->count == log->capacity) {
		log->capacity = log->capacity ? 2 * log->capacity : 64;
		log->table = xrealloc(log->table, log->capacity * sizeof(struct segment *));
	}
	log->table[log->count++] = segment;
	log->open[queue] = segment;
	return segment;
}

static void log_append(struct log *log, enum evict_queue queue, size_t id, uint32_t size)
{
	struct segment *segment = log->open[queue];

	if (!segment || segment->bytes + size > log->segment_bytes)
		segment = log_begin(log, queue);
	if (segment->count == segment->capacity) {
		segment->capacity = segment->capacity ? 2 * segment->capacity : 64;
		segment->ids = xrealloc(segment->ids, segment->capacity * sizeof(size_t));
		segment->sizes = xrealloc(segment->sizes, segment->capacity * sizeof(uint32_t));
	}
	segment->ids[segment->count] = id;
	segment->sizes[segment->count++] = size;
	segment->bytes += size;
	segment->last_used = ++log->tick;
	log->bytes[queue] += size;
	log->where[id] = segment;
}

static void log_drop(struct log *log, struct segment *segment)
{
	size_t i;

	for (i = 0; i < segment->count; i++) {
		if (log->where[segment->ids[i]] == segment)
			log->where[segment->ids[i]] = NULL;
	}
	log->bytes[segment->queue] -= segment->bytes;
	for (i = 0; log->table[i] != segment; i++)
		;
	log->table[i] = log->table[--log->count];
	if (log->open[segment->queue] == segment)
		log->open[segment->queue] = NULL;
	free(segment->ids);
	free(segment->sizes);
	free(segment);
}

static uint64_t log_used(const struct log *log)
{
	return log->bytes[EVICT_PROBATION] + log->bytes[EVICT_KEPT];
}

static void log_release(struct log *log)
{
	while (log->count)
		log_drop(log, log->table[0]);
	free(log->table);
	free(log->where);
}

/* The segment with the least key of a queue (0: any). */
static struct segment *log_least(const struct log *log, enum evict_queue queue, bool by_use)
{
	struct segment *least = NULL;
	size_t i;

	for (i = 0; i < log->count; i++) {
		struct segment *segment = log->table[i];

		if (segment->open || (queue && segment->queue != queue))
			continue;
		if (!least || (by_use ? segment->last_used < least->last_used
				      : segment->position < least->position))
			least = segment;
	}
	return least;
}

static void run_segment(const struct workload *workload, uint64_t capacity, struct outcome *outcome)
{
	struct log log = { .segment_bytes = capacity / SEGMENTS_A_CACHE,
			   .where = xcalloc(workload->ids, sizeof(struct segment *)) };
	size_t i;

	for (i = 0; i < workload->count; i++) {
		const struct access *access = &workload->accesses[i];
		struct segment *segment = log.where[access->id];

		count(outcome, access, segment != NULL);
		if (segment)
			segment->last_used = ++log.tick;
		else
			log_append(&log, EVICT_PROBATION, access->id, access->size);
		while (log_used(&log) > capacity && (segment = log_least(&log, 0, true)))
			log_drop(&log, segment);
	}
	log_release(&log);
}

/* The oldest segment goes, as evict.c does it. */
static void policy_evict(struct log *log, struct evict_policy *policy, struct segment *segment,
			 struct outcome *outcome)
{
	uint64_t used = 0;
	bool requeue;
	size_t i;

	for (i = 0; i < segment->count; i++) {
		if (evict_policy_is_used(policy, segment->ids[i]))
			used += segment->sizes[i];
	}
	requeue = evict_policy_requeues(segment->bytes, used);
	for (i = 0; i < segment->count; i++) {
		if (requeue && !evict_policy_is_used(policy, segment->ids[i]))
			continue;
		if (!evict_policy_judge(policy, segment->ids[i], segment->sizes[i],
					segment->queue) ||
		    requeue)
			continue;
		log_append(log, EVICT_KEPT, segment->ids[i], segment->sizes[i]);
		outcome->moved += segment->sizes[i];
	}
	if (requeue) {
		log->bytes[segment->queue] -= segment->bytes;
		segment->queue = EVICT_KEPT;
		log->bytes[segment->queue] += segment->bytes;
		segment->position = ++log->next_position;
	} else {
		log_drop(log, segment);
	}
}

static void run_policy(const struct workload *workload, uint64_t capacity, struct outcome *outcome)
{
	struct evict_policy *policy = evict_policy_new(capacity, 1u << 20);
	struct log log = { .segment_bytes = capacity / SEGMENTS_A_CACHE,
			   .where = xcalloc(workload->ids, sizeof(struct segment *)) };
	enum evict_queue queue;
	size_t i;

	for (i = 0; i < workload->count; i++) {
		const struct access *access = &workload->accesses[i];
		struct segment *segment = log.where[access->id];

		count(outcome, access, segment != NULL);
		if (!segment)
			log_append(&log, evict_policy_admit(policy, access->id), access->id,
				   access->size);
		evict_policy_note_read(policy, access->id, access->size);
		while (log_used(&log) > capacity) {
			queue = evict_policy_next(log.bytes[EVICT_PROBATION],
						  log.bytes[EVICT_KEPT]);
			segment = log_least(&log, queue, false);
			if (!segment)
				segment = log_least(&log, 0, false);
			if (!segment)
				break;
			policy_evict(&log, policy, segment, outcome);
		}
	}
	log_release(&log);
	evict_policy_free(policy);
}

/* --- the table */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void play(const char *name, const struct workload *workload, double share)
{
	uint64_t capacity = (uint64_t)((double)workload->bytes * share / 100);
	struct outcome lru = { 0 };
	struct outcome segment = { 0 };
	struct outcome policy = { 0 };
	const char *base = strrchr(name, '/');

	run_lru(workload, capacity, &lru);
	run_segment(workload, capacity, &segment);
	run_policy(workload, capacity, &policy);
	printf("| %s | %zu | %g | %.1f | %.1f | **%.1f** | %.1f | %.1f | **%.1f** | %.2f |\n",
	       base ? base + 1 : name, workload->count, share, percent(lru.hits, lru.reads),
	       percent(segment.hits, segment.reads), percent(policy.hits, policy.reads),
	       percent(lru.hit_bytes, lru.bytes), percent(segment.hit_bytes, segment.bytes),
	       percent(policy.hit_bytes, policy.bytes),
	       (double)policy.moved / (double)(policy.bytes - policy.hit_bytes));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char shares[64] = "2,10,30";
	int option;
	int i;

	while ((option = getopt(argc, argv, "p:")) == 'p')
		snprintf(shares, sizeof(shares), "%s", optarg);
	if (option != -1 || optind == argc) {
		fprintf(stderr, "usage: bench_evict [-p PERCENT,...] WORKLOAD...\n");
		return 2;
	}
	puts("| workload | reads | cache, % of its bytes | reads: lru | segment | policy "
	     "| bytes: lru | segment | policy | moved / fetched "
	     "|\n|---|---|---|---|---|---|---|---|---|---|");
	for (i = optind; i < argc; i++) {
		struct workload workload = { 0 };
		char copy[sizeof(shares)];
		char *rest = copy;
		char *share;

		load(&workload, argv[i]);
		memcpy(copy, shares, sizeof(copy));
		while ((share = strsep(&rest, ",")))
			play(argv[i], &workload, strtod(share, NULL));
		free(workload.accesses);
	}
	return EXIT_SUCCESS;
}
