/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_fault.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"

#define LIST_BREAK_OBJECTS_MAX 64

struct fault_store {
	struct store base;
	/* immutable */
	int64_t delay_max_ns;
	bool careless;

	struct lock lock;
	/* guarded by lock */
	struct store_fault_rates rates[STORE_OPERATIONS];
	uint64_t random_state;
	uint64_t calls_until_down;
	uint64_t faults;
};

/* What will befall one call; drawn before it is made. */
struct fate {
	int error; /* 0, or the code that is returned without a call */
	bool reply_lost;
	int64_t delay_ns;
	bool short_get;
	bool bit_flip;
	uint64_t random; /* for the place of the damage */
};

static const char *const operation_names[] = { "put", "get", "head", "remove", "list" };
static const struct store_ops fault_ops;

static struct fault_store *fault_store(struct store *store)
{
	assert(store->ops == &fault_ops);
	return (struct fault_store *)store;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_locked(struct fault_store *fault)
{
	uint64_t z;

	lock_assert_held(&fault->lock);
	z = fault->random_state += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* True with this probability. Always draws, so that rates do not shift the sequence. */
static bool hit_locked(struct fault_store *fault, double probability)
{
	return (double)(random_locked(fault) >> 11) * 0x1p-53 < probability;
}

static struct fate draw_locked(struct fault_store *fault, enum store_operation operation)
{
	const struct store_fault_rates *rates = &fault->rates[operation];
	bool unreachable = hit_locked(fault, rates->unreachable);
	bool busy = hit_locked(fault, rates->busy);
	struct fate fate = { 0 };

	fate.reply_lost = hit_locked(fault, rates->reply_lost);
	if (hit_locked(fault, rates->delay))
		fate.delay_ns = fault->delay_max_ns;
	fate.short_get = hit_locked(fault, rates->short_get);
	fate.bit_flip = hit_locked(fault, rates->bit_flip);
	fate.random = random_locked(fault);
	if (fate.delay_ns)
		fate.delay_ns = (int64_t)(fate.random % (uint64_t)fate.delay_ns) + 1;
	if (unreachable || !fault->calls_until_down)
		fate.error = -ERR_store_unreachable;
	else if (busy)
		fate.error = -ERR_store_busy;
	else if (fault->calls_until_down != UINT64_MAX)
		fault->calls_until_down--;
	if (fate.error || fate.reply_lost || fate.short_get || fate.bit_flip)
		fault->faults++;
	return fate;
}

/* Draws the fate of a call, sleeps, and returns the error to return at once. */
static int begin(struct fault_store *fault, enum store_operation operation, const char *key,
		 struct fate *fate_out)
{
	struct timespec delay;

	lock_acquire(&fault->lock);
	*fate_out = draw_locked(fault, operation);
	lock_release(&fault->lock);
	delay = clock_to_timespec(fate_out->delay_ns);
	if (fate_out->delay_ns)
		nanosleep(&delay, NULL);
	if (!fate_out->error)
		return 0;
	return err_set(fate_out->error, "%s %s: %s (fault injected)", operation_names[operation],
		       key, fate_out->error == -ERR_store_busy ? "503" : "no connection");
}

static int end(const struct fate *fate, enum store_operation operation, const char *key, int result)
{
	if (!fate->reply_lost)
		return result;
	return err_set(-ERR_store_timeout, "%s %s: no answer (fault injected)",
		       operation_names[operation], key);
}

static int fault_put(struct store *store, const char *key, const void *bytes, size_t length,
		     enum store_put_flags flags)
{
	struct fate fate;
	int result = begin(fault_store(store), STORE_PUT, key, &fate);

	if (result)
		return result;
	if (fault_store(store)->careless)
		flags &= ~(unsigned int)STORE_IF_ABSENT;
	result = store_put(store->below, key, bytes, length, flags);
	return end(&fate, STORE_PUT, key, result);
}

/* Spoils the bytes of a get that lie in out behind `start`. */
static void damage(const struct fate *fate, struct buffer *out, size_t start)
{
	size_t length = out->length - start;

	if (length && fate->short_get) {
		length -= 1 + (size_t)(fate->random % length);
		out->length = start + length;
	}
	if (length && fate->bit_flip)
		out->data[start + fate->random / 8 % length] ^= (uint8_t)(1 << fate->random % 8);
}

static int fault_get(struct store *store, const char *key, uint64_t offset, size_t length,
		     struct buffer *out)
{
	size_t length_before = out->length;
	struct fate fate;
	int result = begin(fault_store(store), STORE_GET, key, &fate);

	if (result)
		return result;
	result = store_get(store->below, key, offset, length, out);
	damage(&fate, out, length_before);
	result = end(&fate, STORE_GET, key, result);
	if (result)
		out->length = length_before;
	return result;
}

static int fault_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct fate fate;
	int result = begin(fault_store(store), STORE_HEAD, key, &fate);

	if (result)
		return result;
	result = store_head(store->below, key, size_out);
	return end(&fate, STORE_HEAD, key, result);
}

static int fault_remove(struct store *store, const char *key)
{
	struct fate fate;
	int result = begin(fault_store(store), STORE_REMOVE, key, &fate);

	if (result)
		return result;
	result = store_remove(store->below, key);
	return end(&fate, STORE_REMOVE, key, result);
}

/* Lets so many objects of a listing through. */
struct list_break {
	store_list_fn *fn;
	void *arg;
	uint64_t objects_left;
	bool ended_by_user;
};

static int list_object(const struct store_object *object, void *arg)
{
	struct list_break *list = arg;
	int result;

	if (!list->objects_left)
		return -ERR_store_timeout; /* the sentence is set by end() */
	list->objects_left--;
	result = list->fn(object, list->arg);
	list->ended_by_user = result != 0;
	return result;
}

static int fault_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		      void *arg)
{
	struct list_break list = { .fn = fn, .arg = arg, .objects_left = UINT64_MAX };
	struct fate fate;
	int result = begin(fault_store(store), STORE_LIST, prefix, &fate);

	if (result)
		return result;
	if (fate.reply_lost)
		list.objects_left = fate.random % LIST_BREAK_OBJECTS_MAX;
	result = store_list(store->below, prefix, after, list_object, &list);
	return list.ended_by_user ? result : end(&fate, STORE_LIST, prefix, result);
}

static void fault_free(struct store *store)
{
	struct fault_store *fault = fault_store(store);

	store_release(store);
	lock_destroy(&fault->lock);
	free(fault);
}

static const struct store_ops fault_ops = {
	.put = fault_put,
	.get = fault_get,
	.head = fault_head,
	.remove = fault_remove,
	.list = fault_list,
	.free = fault_free,
};

struct store *store_fault_new(struct store *below, const struct store_fault_conf *conf)
{
	struct fault_store *fault = xcalloc(1, sizeof(*fault));

	store_init(&fault->base, &fault_ops, "fault", below->url, below);
	lock_init(&fault->lock, LOCK_RANK_STORE);
	fault->delay_max_ns = conf->delay_max_ns;
	fault->careless = conf->careless;
	fault->random_state = conf->seed;
	fault->calls_until_down = UINT64_MAX;
	store_fault_set_rates(&fault->base, conf->rates);
	return &fault->base;
}

void store_fault_set_rates(struct store *store, const struct store_fault_rates *rates)
{
	struct fault_store *fault = fault_store(store);
	int i;

	lock_acquire(&fault->lock);
	for (i = 0; i < STORE_OPERATIONS; i++)
		fault->rates[i] = rates[i];
	lock_release(&fault->lock);
}

void store_fault_set_down(struct store *store, bool down)
{
	store_fault_set_down_after(store, down ? 0 : UINT64_MAX);
}

void store_fault_set_down_after(struct store *store, uint64_t calls)
{
	struct fault_store *fault = fault_store(store);

	lock_acquire(&fault->lock);
	fault->calls_until_down = calls;
	lock_release(&fault->lock);
}

uint64_t store_fault_count(struct store *store)
{
	struct fault_store *fault = fault_store(store);
	uint64_t faults;

	lock_acquire(&fault->lock);
	faults = fault->faults;
	lock_release(&fault->lock);
	return faults;
}
