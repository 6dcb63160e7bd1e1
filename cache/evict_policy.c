/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict_policy.h"

#include <stdlib.h>

#include "backend/base/buffer.h"

/* Ages are told in these, in 32 bits: the difference of two is right up to
 * 16 TiB, and what is older makes room sooner or is forgotten. */
#define AGE_BYTES      4096
#define USE_APART_PART 64

struct entry {
	uint32_t tag;  /* of the chunk; 0: empty */
	uint32_t when; /* in AGE_BYTES of the table's clock */
	uint16_t uses;
	bool unread; /* since it came into the cache */
};

/* Sets of entries, found by a hash of the chunk. */
struct table {
	struct entry *entries;
	size_t sets; /* a power of two */
	uint64_t clock;
};

struct evict_policy {
	uint64_t capacity;
	struct table used; /* clock: bytes read */
	struct table gone; /* clock: bytes that left PROBATION */
};

static uint64_t hash_of(uint64_t chunk)
{
	chunk = (chunk ^ chunk >> 30) * 0xbf58476d1ce4e5b9u;
	chunk = (chunk ^ chunk >> 27) * 0x94d049bb133111ebu;
	return chunk ^ chunk >> 31;
}

static uint32_t tag_of(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	return tag ? tag : 1;
}

static uint32_t now(const struct table *table)
{
	return (uint32_t)(table->clock / AGE_BYTES);
}

static uint32_t age_of(const struct table *table, const struct entry *entry)
{
	return now(table) - entry->when;
}

static void table_init(struct table *table, size_t entries)
{
	table->sets = 1;
	while (table->sets * EVICT_SET_ENTRIES < entries)
		table->sets *= 2;
	table->entries = xcalloc(table->sets * EVICT_SET_ENTRIES, sizeof(*table->entries));
}

static struct entry *set_of(const struct table *table, uint64_t hash)
{
	return &table->entries[(hash & (table->sets - 1)) * EVICT_SET_ENTRIES];
}

static struct entry *table_find(const struct table *table, uint64_t chunk)
{
	uint64_t hash = hash_of(chunk);
	struct entry *set = set_of(table, hash);
	size_t i;

	for (i = 0; i < EVICT_SET_ENTRIES; i++) {
		if (set[i].tag == tag_of(hash))
			return &set[i];
	}
	return NULL;
}

/* The chunk's entry as of now, without a use, in place of the oldest of its
 * set if it had none. */
static struct entry *table_put(struct table *table, uint64_t chunk)
{
	uint64_t hash = hash_of(chunk);
	struct entry *entry = table_find(table, chunk);
	struct entry *set = set_of(table, hash);
	size_t i;

	for (i = 0; !entry && i < EVICT_SET_ENTRIES; i++) {
		if (!set[i].tag)
			entry = &set[i];
	}
	if (!entry) {
		entry = set;
		for (i = 1; i < EVICT_SET_ENTRIES; i++) {
			if (age_of(table, &set[i]) > age_of(table, entry))
				entry = &set[i];
		}
	}
	*entry = (struct entry){ .tag = tag_of(hash), .when = now(table) };
	return entry;
}

static void table_remove(struct table *table, uint64_t chunk)
{
	struct entry *entry = table_find(table, chunk);

	if (entry)
		*entry = (struct entry){ 0 };
}

struct evict_policy *evict_policy_new(uint64_t capacity, size_t chunks)
{
	struct evict_policy *policy = xcalloc(1, sizeof(*policy));

	policy->capacity = capacity;
	table_init(&policy->used, chunks);
	table_init(&policy->gone, chunks);
	return policy;
}

void evict_policy_free(struct evict_policy *policy)
{
	if (!policy)
		return;
	free(policy->used.entries);
	free(policy->gone.entries);
	free(policy);
}

void evict_policy_resize(struct evict_policy *policy, uint64_t capacity)
{
	policy->capacity = capacity;
}

/* The least age at which a read is another use. */
static uint32_t uses_apart(const struct evict_policy *policy)
{
	return (uint32_t)(policy->capacity / USE_APART_PART / AGE_BYTES);
}

void evict_policy_note_read(struct evict_policy *policy, uint64_t chunk, uint64_t bytes)
{
	struct entry *entry = table_find(&policy->used, chunk);
	uint32_t apart = uses_apart(policy);

	policy->used.clock += bytes;
	if (!entry) {
		table_put(&policy->used, chunk);
		return;
	}
	if (!entry->unread && age_of(&policy->used, entry) > apart && entry->uses < EVICT_USES_MAX)
		entry->uses++;
	entry->unread = false;
	entry->when = now(&policy->used);
}

enum evict_queue evict_policy_admit(struct evict_policy *policy, uint64_t chunk)
{
	struct entry *entry = table_find(&policy->gone, chunk);
	bool known = entry && age_of(&policy->gone, entry) <= policy->capacity / AGE_BYTES;

	if (entry)
		table_remove(&policy->gone, chunk);
	/* Who asked for it may have read it by now. */
	entry = table_find(&policy->used, chunk);
	if (!entry || age_of(&policy->used, entry) > uses_apart(policy))
		table_put(&policy->used, chunk)->unread = true;
	return known ? EVICT_KEPT : EVICT_PROBATION;
}

enum evict_queue evict_policy_next(uint64_t probation_bytes, uint64_t kept_bytes)
{
	uint64_t share = (probation_bytes + kept_bytes) / 100 * EVICT_PROBATION_PERCENT;

	return !kept_bytes || probation_bytes > share ? EVICT_PROBATION : EVICT_KEPT;
}

bool evict_policy_requeues(uint64_t live, uint64_t used)
{
	return used > live / 100 * EVICT_REQUEUE_PERCENT;
}

bool evict_policy_is_used(const struct evict_policy *policy, uint64_t chunk)
{
	const struct entry *entry = table_find(&policy->used, chunk);

	return entry && entry->uses;
}

bool evict_policy_judge(struct evict_policy *policy, uint64_t chunk, uint64_t bytes,
			enum evict_queue queue)
{
	struct entry *entry = table_find(&policy->used, chunk);

	if (entry && entry->uses) {
		entry->uses = queue == EVICT_PROBATION ? 0 : entry->uses - 1;
		return true;
	}
	if (entry)
		table_remove(&policy->used, chunk);
	if (queue == EVICT_PROBATION) {
		policy->gone.clock += bytes;
		table_put(&policy->gone, chunk);
	}
	return false;
}

void evict_policy_expect(struct evict_policy *policy, uint64_t chunk)
{
	table_put(&policy->gone, chunk);
}
