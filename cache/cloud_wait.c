/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cloud_wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"

void cloud_waits_init(struct cloud_waits *waits)
{
	memset(waits, 0, sizeof(*waits));
	lock_init(&waits->lock, LOCK_RANK_LEAF);
	condition_init(&waits->changed);
}

void cloud_waits_release(struct cloud_waits *waits)
{
	condition_destroy(&waits->changed);
	lock_destroy(&waits->lock);
}

static void finish_locked(struct cloud_waits *waits, struct cloud_wait *wait, int result,
			  const char *message)
{
	lock_assert_held(&waits->lock);
	wait->over = true;
	wait->result = result;
	snprintf(wait->message, sizeof(wait->message), "%s", message);
}

void cloud_wait_begin(struct cloud_waits *waits, struct cloud_wait *wait, uint64_t target_lsn,
		      bool all, const uint64_t *inos, size_t count)
{
	memset(wait, 0, sizeof(*wait));
	wait->target_lsn = target_lsn;
	wait->all = all;
	wait->count = count;
	wait->inos = xmalloc((count + 1) * sizeof(*inos));
	if (count)
		memcpy(wait->inos, inos, count * sizeof(*inos));
	lock_acquire(&waits->lock);
	wait->next = waits->first;
	waits->first = wait;
	if (waits->dead_code)
		finish_locked(waits, wait, waits->dead_code, waits->dead_message);
	lock_release(&waits->lock);
}

void cloud_wait_end(struct cloud_waits *waits, struct cloud_wait *wait)
{
	struct cloud_wait **at = &waits->first;

	lock_acquire(&waits->lock);
	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	lock_release(&waits->lock);
	free(wait->inos);
}

int cloud_wait_state(struct cloud_waits *waits, const struct cloud_wait *wait)
{
	char message[sizeof(wait->message)];
	int result = -EINPROGRESS;

	lock_acquire(&waits->lock);
	if (wait->over) {
		result = wait->result;
		memcpy(message, wait->message, sizeof(message));
	}
	lock_release(&waits->lock);
	return result && result != -EINPROGRESS ? err_set(result, "%s", message) : result;
}

void cloud_wait_sleep(struct cloud_waits *waits, const struct cloud_wait *wait, int64_t until_ns)
{
	lock_acquire(&waits->lock);
	while (!wait->over && condition_wait_until(&waits->changed, &waits->lock, until_ns))
		continue;
	lock_release(&waits->lock);
}

uint64_t cloud_waits_changes(struct cloud_waits *waits)
{
	uint64_t changes;

	lock_acquire(&waits->lock);
	changes = waits->changes;
	lock_release(&waits->lock);
	return changes;
}

void cloud_waits_sleep(struct cloud_waits *waits, uint64_t changes, int64_t until_ns)
{
	lock_acquire(&waits->lock);
	while (waits->changes == changes &&
	       condition_wait_until(&waits->changed, &waits->lock, until_ns))
		continue;
	lock_release(&waits->lock);
}

bool cloud_waits_any(struct cloud_waits *waits)
{
	const struct cloud_wait *wait;
	bool any = false;

	lock_acquire(&waits->lock);
	for (wait = waits->first; wait && !any; wait = wait->next)
		any = !wait->over;
	lock_release(&waits->lock);
	return any;
}

static int compare_inos(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void cloud_waits_wanted(struct cloud_waits *waits, struct wanted_set *out)
{
	const struct cloud_wait *wait;

	memset(out, 0, sizeof(*out));
	lock_acquire(&waits->lock);
	for (wait = waits->first; wait; wait = wait->next) {
		if (wait->over)
			continue;
		out->any = true;
		out->all |= wait->all;
		if (!wait->count)
			continue;
		out->inos = xrealloc(out->inos, (out->count + wait->count) * sizeof(*out->inos));
		memcpy(out->inos + out->count, wait->inos, wait->count * sizeof(*out->inos));
		out->count += wait->count;
	}
	lock_release(&waits->lock);
	if (out->count)
		qsort(out->inos, out->count, sizeof(*out->inos), compare_inos);
}

void wanted_set_release(struct wanted_set *set)
{
	free(set->inos);
	memset(set, 0, sizeof(*set));
}

bool wanted_set_has(const struct wanted_set *set, uint64_t ino)
{
	return set->all ||
	       (set->count && bsearch(&ino, set->inos, set->count, sizeof(ino), compare_inos));
}

/* Everything that was left out is what remains to be waited for. */
static void take_all(struct cloud_wait *wait, const struct content_left *left, size_t count)
{
	size_t i;

	wait->all = false;
	wait->inos = xrealloc(wait->inos, (count + 1) * sizeof(*wait->inos));
	wait->count = count;
	for (i = 0; i < count; i++)
		wait->inos[i] = left[i].ino;
}

/* What was left out of what is waited for; true when some of it is lost. */
static bool keep_left(struct cloud_wait *wait, const struct content_left *left, size_t count)
{
	bool lost = false;
	size_t kept = 0;
	size_t at = 0;
	size_t i;

	for (i = 0; i < wait->count; i++) {
		while (at < count && left[at].ino < wait->inos[i])
			at++;
		if (at == count || left[at].ino != wait->inos[i])
			continue;
		lost |= left[at].lost;
		wait->inos[kept++] = wait->inos[i];
	}
	wait->count = kept;
	return lost;
}

void cloud_waits_note(struct cloud_waits *waits, uint64_t cut_lsn, const struct content_left *left,
		      size_t count, const char *lost_message)
{
	struct cloud_wait *wait;

	lock_acquire(&waits->lock);
	for (wait = waits->first; wait; wait = wait->next) {
		if (wait->over || wait->target_lsn > cut_lsn)
			continue;
		if (wait->all)
			take_all(wait, left, count);
		if (keep_left(wait, left, count))
			finish_locked(waits, wait, -ERR_segment_corrupt, lost_message);
		else if (!wait->count)
			finish_locked(waits, wait, 0, "");
	}
	waits->changes++;
	condition_broadcast(&waits->changed);
	lock_release(&waits->lock);
}

void cloud_waits_fail(struct cloud_waits *waits, int code, const char *message)
{
	struct cloud_wait *wait;

	lock_acquire(&waits->lock);
	waits->dead_code = code;
	snprintf(waits->dead_message, sizeof(waits->dead_message), "%s", message);
	for (wait = waits->first; wait; wait = wait->next)
		if (!wait->over)
			finish_locked(waits, wait, code, message);
	waits->changes++;
	condition_broadcast(&waits->changed);
	lock_release(&waits->lock);
}
