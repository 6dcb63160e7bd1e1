/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/disk.h"

#include <errno.h>
#include <string.h>

#include "backend/base/lock.h"
#include "tests/lib/noise.h"
#include "tests/model/undo.h"

/* One call in so many fails; each change in so many begins the lasting ones. */
#define ERROR_ODDS 400
#define BEGIN_ODDS 300

static struct lock lock;
static bool started; /* else there is nothing to do */
/* guarded by lock */
static bool frozen;
static enum disk_trouble trouble;
static bool begun; /* of the troubles that last */
static uint64_t noise;
static uint64_t faults[DISK_CALLS];
static bool lost_a_sync;

static uint64_t draw_locked(uint64_t limit)
{
	return (noise_next(&noise) >> 11) % limit;
}

static bool takes_space(enum disk_call call)
{
	return call == DISK_WRITE || call == DISK_CREATE || call == DISK_ALLOCATE ||
	       call == DISK_COMMIT;
}

static int error_locked(struct disk_request *request)
{
	if (draw_locked(ERROR_ODDS))
		return 0;
	if (request->call == DISK_WRITE && request->length > 1 && draw_locked(2)) {
		request->length = 1 + draw_locked(request->length - 1);
		return 0;
	}
	return takes_space(request->call) && draw_locked(2) ? ENOSPC : EIO;
}

/* 0, or the errno that the call fails with; may cut a write short. */
static int trouble_locked(struct disk_request *request)
{
	switch (trouble) {
	case TROUBLE_ERRORS:
		return error_locked(request);
	case TROUBLE_FULL:
		begun = begun || (takes_space(request->call) && !draw_locked(BEGIN_ODDS));
		return begun && takes_space(request->call) ? ENOSPC : 0;
	case TROUBLE_BROKEN:
		begun = begun || (request->call != DISK_READ && !draw_locked(BEGIN_ODDS));
		return begun && request->call != DISK_READ ? EIO : 0;
	default:
		return 0;
	}
}

static int hook(struct disk_request *request, void *arg)
{
	int result = 0;

	(void)arg;
	lock_acquire(&lock);
	if (frozen && request->call != DISK_READ)
		result = EIO;
	if (!result && !frozen) {
		result = trouble_locked(request);
		faults[request->call] += result != 0;
	}
	if (result && !frozen && request->call == DISK_SYNC)
		lost_a_sync = undo_sync_failed(request->fd) || lost_a_sync;
	if (!result)
		undo_note(request);
	lock_release(&lock);
	return result;
}

void model_disk_start(const char *directory)
{
	lock_init(&lock, LOCK_RANK_LEAF);
	started = true;
	undo_start(directory);
	disk_intercept(hook, NULL);
}

void model_disk_stop(void)
{
	disk_intercept(NULL, NULL);
	model_disk_thaw();
	undo_stop();
	started = false;
	lock_destroy(&lock);
}

void model_disk_freeze(void)
{
	lock_acquire(&lock);
	frozen = true;
	lock_release(&lock);
}

void model_disk_thaw(void)
{
	if (!started)
		return;
	lock_acquire(&lock);
	frozen = false;
	begun = false;
	lost_a_sync = false;
	trouble = TROUBLE_NONE;
	lock_release(&lock);
}

void model_disk_cut(uint64_t seed)
{
	if (!started)
		return;
	undo_some(seed);
}

void model_disk_forget(void)
{
	if (!started)
		return;
	undo_forget();
}

void model_disk_trouble(enum disk_trouble wanted, uint64_t seed)
{
	lock_acquire(&lock);
	trouble = wanted;
	begun = false;
	noise = seed;
	lock_release(&lock);
}

uint64_t model_disk_faults(enum disk_call call)
{
	uint64_t count;

	lock_acquire(&lock);
	count = faults[call];
	lock_release(&lock);
	return count;
}

bool model_disk_lost_a_sync(void)
{
	bool lost;

	if (!started)
		return false;
	lock_acquire(&lock);
	lost = lost_a_sync;
	lock_release(&lock);
	return lost;
}
