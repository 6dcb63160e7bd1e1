/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/invalidate.h"

#include "backend/base/clock.h"
#include "cache/row_format.h"
#include "fs/fs.h"

#define STOP_WAIT_NS (5 * NS_PER_SECOND)

void invalidate_init(struct invalidate *invalidate)
{
	lock_init(&invalidate->lock, LOCK_RANK_SESSION);
	condition_init(&invalidate->idle);
	invalidate->busy = invalidate->stopping = false;
}

void invalidate_release(struct invalidate *invalidate)
{
	condition_destroy(&invalidate->idle);
	lock_destroy(&invalidate->lock);
}

void invalidate_stop(struct invalidate *invalidate)
{
	int64_t until = clock_boot_ns() + STOP_WAIT_NS;

	lock_acquire(&invalidate->lock);
	invalidate->stopping = true;
	while (invalidate->busy &&
	       condition_wait_until(&invalidate->idle, &invalidate->lock, until))
		;
	lock_release(&invalidate->lock);
}

static bool begin(struct invalidate *invalidate)
{
	bool go_on;

	lock_acquire(&invalidate->lock);
	go_on = invalidate->busy = !invalidate->stopping;
	lock_release(&invalidate->lock);
	return go_on;
}

static void end(struct invalidate *invalidate)
{
	lock_acquire(&invalidate->lock);
	invalidate->busy = false;
	condition_broadcast(&invalidate->idle);
	lock_release(&invalidate->lock);
}

/* From offset 0 on: all pages. A negative offset: attributes only. */
static void forget_inode(uint64_t ino, void *arg)
{
	struct fs *fs = arg;

	fuse_lowlevel_notify_inval_inode(fs->session, ino, 0, 0);
}

/* The kernel does not have it, or not any more: no harm. */
static void tell(struct fs *fs, const struct cache_change *change)
{
	bool known = change->ino == ROOT_INO || inode_table_has(fs->inodes, change->ino);

	switch (change->kind) {
	case CACHE_CHANGED_ATTRIBUTES:
		if (known)
			fuse_lowlevel_notify_inval_inode(fs->session, change->ino, -1, 0);
		break;
	case CACHE_CHANGED_CONTENT:
		if (known)
			forget_inode(change->ino, fs);
		break;
	case CACHE_CHANGED_ENTRY:
		if (known)
			fuse_lowlevel_notify_inval_entry(fs->session, change->ino, change->name,
							 change->name_length);
		break;
	case CACHE_CHANGED_MUCH:
		/* Names end with their time-out. */
		forget_inode(ROOT_INO, fs);
		inode_table_each(fs->inodes, forget_inode, fs);
		break;
	case CACHE_CHANGED_INVALID:
		break;
	}
}

void invalidate_change(const struct cache_change *change, void *arg)
{
	struct fs *fs = arg;

	if (!begin(&fs->invalidate))
		return;
	tell(fs, change);
	end(&fs->invalidate);
}
