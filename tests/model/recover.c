/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the end of a cache that nobody chose the moment of: what is left is
 * opened, perhaps with a crash in that too, read, and judged.
 *
 *	killed     just what the last operation left that returned, or also
 *	           the one under way, whole
 *	power cut  names as of one operation, not before the last fsync; of
 *	           each content a version since its last fsync
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "tests/model/run.h"

#define OPENS_MAX 20

struct match {
	struct run *run;
	bool cut;
	char why[256];
};

bool run_may_fail(const struct run *run)
{
	return atomic_load(&run->crashed) || run->trouble != TROUBLE_NONE;
}

void run_durable(struct run *run, uint64_t ino)
{
	history_sync(run->history, run->operation, ino);
	run->durable_operation = run->operation;
}

static bool differs(struct match *match, const struct tree_file *file, const char *what)
{
	snprintf(match->why, sizeof(match->why), "inode %llu: %s", (unsigned long long)file->ino,
		 what);
	return false;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool match_xattrs(const struct tree_file *want, const struct tree_file *got)
{
	const struct tree_xattr *xattr;
	const struct tree_xattr *other;
	int count = 0;

	for (xattr = want->xattrs; xattr; xattr = xattr->next, count++) {
		other = tree_xattr_find(got, xattr->name);
		if (!other || other->length != xattr->length ||
		    memcmp(other->value, xattr->value, xattr->length))
			return false;
	}
	for (xattr = got->xattrs; xattr; xattr = xattr->next)
		count--;
	return !count;
}

/* The content after the operation; or an earlier one, if there was a power cut. */
static bool match_content(struct match *match, const struct tree_file *want,
			  const struct tree_file *got)
{
	bool mtime = want->touched & TOUCH_MTIME || is_same_time(&want->mtime, &got->mtime);

	if (mtime && want->size == got->size &&
	    (!got->size || !memcmp(want->data, got->data, got->size)))
		return true;
	if (match->cut && (!want->ino ? !got->size : history_was_content(match->run->history, got)))
		return true;
	return match->run->mixed_ino == got->ino || differs(match, got, "content");
}

/* Inode number and times of what the operation made or touched are not known. */
static bool match_file(struct match *match, const struct tree_file *want,
		       const struct tree_file *got)
{
	bool fresh = !want->ino;

	if (want->mode != got->mode || want->uid != got->uid || want->gid != got->gid)
		return differs(match, got, "mode or owner");
	if (want->nlink != got->nlink)
		return differs(match, got, "links");
	if (!fresh && (want->ino != got->ino || want->generation != got->generation ||
		       want->rdev != got->rdev))
		return differs(match, got, "another inode");
	if (!fresh && !is_same_time(&want->atime, &got->atime))
		return differs(match, got, "atime");
	if (!(want->touched & TOUCH_CTIME) && !is_same_time(&want->ctime, &got->ctime))
		return differs(match, got, "ctime");
	if (!S_ISREG(want->mode) && !(want->touched & TOUCH_MTIME) &&
	    !is_same_time(&want->mtime, &got->mtime))
		return differs(match, got, "mtime");
	if (S_ISLNK(want->mode) && strcmp(want->target, got->target) != 0)
		return differs(match, got, "target");
	if (!match_xattrs(want, got))
		return differs(match, got, "xattrs");
	return !S_ISREG(want->mode) || match_content(match, want, got);
}

static bool match_directory(struct match *match, const struct tree_file *want,
			    const struct tree_file *got)
{
	const struct tree_entry *entry;
	const struct tree_file *other;

	if (want->children != got->children)
		return differs(match, got, "number of entries");
	for (entry = want->entries; entry; entry = entry->next) {
		other = tree_find(got, entry->name);
		if (!other)
			return differs(match, got, "an entry is missing");
		if (!match_file(match, entry->file, other))
			return false;
		if (S_ISDIR(entry->file->mode) && !match_directory(match, entry->file, other))
			return false;
	}
	return true;
}

static void judge(struct run *run, const struct tree *found, enum run_end how)
{
	static const char *const ends[] = { "a kill", "a power cut", "the loss of the machine" };
	struct match match = { .run = run, .cut = how != END_KILL };
	unsigned int from = how == END_LOST ? 0 : run->durable_operation;
	char why[256] = "it is not what the last operation left";

	if (how == END_KILL ? history_is_current(run->history, found)
			    : history_explains(run->history, found, from, why))
		return;
	if (match_file(&match, run->tree.root, found->root) &&
	    match_directory(&match, run->tree.root, found->root) && run->unsure)
		return;
	run_fail(run, "after %s: %s; compared with the %s: %s", ends[how], why,
		 run->unsure ? "operation under way" : "last operation", match.why);
}

enum run_end run_end_kind(struct run *run)
{
	return run_random(run, 2) ? END_KILL : END_CUT;
}

static void end(struct run *run, enum run_end how)
{
	if (run->cache)
		run_kill(run, false);
	run_disarm();
	model_disk_thaw();
	run->trouble = TROUBLE_NONE;
	atomic_store(&run->crashed, false);
	if (how == END_KILL)
		return;
	model_disk_cut(run_random(run, UINT64_MAX >> 12));
	run->boot_id = id_new_uuid();
	if (how == END_LOST)
		run_lose_directory(run);
}

/* True when the cache is open, and nothing happened meanwhile. */
static bool try_open(struct run *run, enum run_end how, bool disturbed)
{
	int result;

	if (disturbed && run->crashes)
		run_arm(run, how == END_LOST ? CRASH_AT_RESTORE : CRASH_AT_OPEN);
	if (disturbed && run->troubles && run_random(run, 2)) {
		run->trouble = TROUBLE_ERRORS;
		model_disk_trouble(run->trouble, run_random(run, UINT64_MAX >> 12));
	}
	result = run_try_open(run);
	run_disarm();
	if (result && !run_may_fail(run))
		run_fail(run, "open: %s", err_message(result));
	run_trace(run, "opened: %s", result ? err_message(result) : "ok");
	return !result && !atomic_load(&run->crashed);
}

void run_recover(struct run *run, enum run_end how)
{
	unsigned int opens = 0;
	struct tree found;

	run_trace(run, "%s",
		  how == END_KILL  ? "kill -9"
		  : how == END_CUT ? "power cut"
				   : "lose the machine");
	end(run, how);
	/* Recovery may be disturbed as well, and the one after it. */
	while (!try_open(run, how, run_random(run, 3) && opens < OPENS_MAX)) {
		enum run_end again = run_end_kind(run);

		run_trace(run,
			  again == END_KILL ? "killed during recovery" : "cut during recovery");
		end(run, again);
		if (how == END_KILL)
			how = again;
		opens++;
	}
	model_disk_thaw();
	run->trouble = TROUBLE_NONE;
	run_load(run, &found);
	judge(run, &found, how);
	tree_release(&run->tree);
	run->tree = found;
	run->unsure = false;
	run->mixed_ino = 0;
	/* The bucket may be older than this state. */
	if (run->cloud && how != END_LOST)
		history_resume(run->history, run->operation, &run->tree);
	else
		history_begin(run->history, run->operation, &run->tree);
	/* What recovery found it made durable. */
	run->durable_operation = run->operation;
	run_compare(run);
	run_check_rows(run);
}
