/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fence_wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/object_name.h"

/* How many leases are tried, newest first, for the floor: an epoch has none
 * when its writer died between claim and first renewal. */
#define LEASES_TRIED 16

#define POLL_NS_MAX NS_PER_SECOND
#define POLL_NS_MIN (5 * NS_PER_MS)

int fence_get_claim(struct store *store, uint64_t epoch, struct writer_claim *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result;

	object_name_writer(epoch, name);
	result = store_get(store, name, 0, STORE_GET_ALL, &bytes);
	return result ? result : writer_claim_decode(name, bytes.data, bytes.length, out);
}

int fence_get_lease(struct store *store, uint64_t epoch, struct writer_lease *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result;

	object_name_lease(epoch, name);
	result = store_get(store, name, 0, STORE_GET_ALL, &bytes);
	return result ? result : writer_lease_decode(name, bytes.data, bytes.length, out);
}

static int note_writer(const struct store_object *object, void *arg)
{
	struct fence_wait *wait = arg;
	struct object_name name;

	if (object_name_parse(object->key, &name) && name.kind == OBJECT_WRITER &&
	    name.number > wait->newest)
		wait->newest = name.number;
	return 0;
}

/* The bytes of lease/<epoch>, empty when there is none. */
static int get_lease(struct fence_wait *wait, uint64_t epoch, struct buffer *bytes,
		     struct writer_lease *lease)
{
	char name[OBJECT_NAME_SIZE];
	int result;

	buffer_clear(bytes);
	memset(lease, 0, sizeof(*lease));
	object_name_lease(epoch, name);
	result = store_get(wait->store, name, 0, STORE_GET_ALL, bytes);
	if (result)
		return result == -ENOENT ? 0 : result;
	return writer_lease_decode(name, bytes->data, bytes->length, lease);
}

static int find_floor(struct fence_wait *wait)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct writer_lease lease;
	uint64_t epoch = wait->newest;
	int tried;

	wait->floor = wait->root_floor = 0;
	for (tried = 0; tried < LEASES_TRIED && epoch; tried++, epoch--) {
		int result = get_lease(wait, epoch, &bytes, &lease);

		if (result)
			return result;
		if (bytes.length) {
			wait->floor = lease.commit;
			wait->root_floor = lease.root;
			return 0;
		}
	}
	return 0;
}

static int in_use(struct fence_wait *wait, const struct writer_claim *owner)
{
	return err_set(-ERR_volume_in_use,
		       "%s is in use by the gateway on host %s (process %" PRId64 ", epoch %" PRIu64
		       "): unmount it there, or mount with --takeover if that machine is gone",
		       wait->url, owner->host, owner->pid, owner->epoch);
}

static bool same_bytes(const struct buffer *a, const struct buffer *b)
{
	return a->length == b->length && (!a->length || !memcmp(a->data, b->data, a->length));
}

static void report(struct fence_wait *wait, const struct writer_claim *owner, int64_t done_ns,
		   int64_t total_ns)
{
	char what[WRITER_HOST_SIZE + 64];

	if (!wait->progress)
		return;
	snprintf(what, sizeof(what), "waiting for the lease of %s", owner->host);
	wait->progress(what, (uint64_t)(done_ns / NS_PER_MS), (uint64_t)(total_ns / NS_PER_MS),
		       wait->progress_arg);
}

/* Watches the lease of another: 0 when it was released or stood still. */
static int watch(struct fence_wait *wait, const struct writer_claim *owner)
{
	CLEANUP_BUFFER struct buffer first = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer now = BUFFER_INIT;
	int64_t start = clock_boot_ns();
	int64_t ttl_ns = wait->ttl_ns;
	struct writer_lease lease;
	int64_t passed = 0;
	int result = get_lease(wait, owner->epoch, &first, &lease);

	if (result || lease.released)
		return result;
	if (lease.ttl_ms * NS_PER_MS > ttl_ns)
		ttl_ns = lease.ttl_ms * NS_PER_MS;
	while (passed < ttl_ns) {
		int64_t step = ttl_ns / 10;
		struct timespec sleep;

		step = step > POLL_NS_MAX ? POLL_NS_MAX : step < POLL_NS_MIN ? POLL_NS_MIN : step;
		sleep = clock_to_timespec(step);
		report(wait, owner, passed, ttl_ns);
		nanosleep(&sleep, NULL);
		/* The time is taken before the lease: it stood still at least so long. */
		passed = clock_boot_ns() - start;
		result = get_lease(wait, owner->epoch, &now, &lease);
		if (result || lease.released)
			return result;
		if (!same_bytes(&first, &now))
			return in_use(wait, owner);
	}
	report(wait, owner, ttl_ns, ttl_ns);
	return 0;
}

static int find_newest(struct fence_wait *wait)
{
	wait->newest = wait->floor = wait->root_floor = 0;
	return store_list(wait->store, OBJECT_PREFIX_WRITER, NULL, note_writer, wait);
}

int fence_look(struct fence_wait *wait)
{
	int result = find_newest(wait);

	return result || !wait->newest ? result : find_floor(wait);
}

int fence_wait_newest(struct fence_wait *wait)
{
	struct writer_claim owner;
	int result = find_newest(wait);

	if (result || !wait->newest)
		return result;
	if (!wait->takeover) {
		result = fence_get_claim(wait->store, wait->newest, &owner);
		if (!result && !id_equal(&owner.cache, wait->cache_id))
			result = watch(wait, &owner);
		if (result)
			return result;
	}
	return find_floor(wait);
}
