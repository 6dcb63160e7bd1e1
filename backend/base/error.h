/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one table of codes, and the sentence that explains the failure.
 *
 * A function that can fail returns 0 or a negative code. The code is either
 * a bare -errno for an outcome the caller expects (-ENOENT of a lookup,
 * -EEXIST of a put-if-absent), or -ERR_<name> from the table below.
 *
 * The first function that sees a failure calls err_set(): it records one
 * sentence (what, which object, why, what to do) for this thread and returns
 * the code. Nobody above re-words it or logs it again. Three places report:
 * the FUSE edge, the loops of the worker threads, and main() of the tool.
 *
 * Errno appears only at the edge: err_to_errno().
 */
#ifndef DRAY_BASE_ERROR_H
#define DRAY_BASE_ERROR_H

#include <errno.h>
#include <stdbool.h>

/*
 * X(name, errno at the edge, class). Class TRANSIENT: the same call may
 * succeed later and the retry decorator repeats it. AMBIGUOUS: as transient,
 * and the request may have been carried out although no answer came.
 */
#define ERR_CODES(X)                                \
	X(local_io, EIO, PERMANENT)                 \
	X(cache_full, ENOSPC, PERMANENT)            \
	X(cache_busy, EBUSY, PERMANENT)             \
	X(cache_foreign, EINVAL, PERMANENT)         \
	X(read_only, EROFS, PERMANENT)              \
	X(fenced, EROFS, PERMANENT)                 \
	X(diverged, EROFS, PERMANENT)               \
	X(bad_url, EINVAL, PERMANENT)               \
	X(bad_option, EINVAL, PERMANENT)            \
	X(bad_mountpoint, EINVAL, PERMANENT)        \
	X(volume_exists, EEXIST, PERMANENT)         \
	X(volume_missing, ENOENT, PERMANENT)        \
	X(volume_in_use, EBUSY, PERMANENT)          \
	X(format_newer, EIO, PERMANENT)             \
	X(journal_corrupt, EIO, PERMANENT)          \
	X(index_corrupt, EIO, PERMANENT)            \
	X(segment_corrupt, EIO, PERMANENT)          \
	X(volume_corrupt, EIO, PERMANENT)           \
	X(pack_corrupt, EIO, PERMANENT)             \
	X(chunk_corrupt, EIO, PERMANENT)            \
	X(commit_corrupt, EIO, PERMANENT)           \
	X(object_missing, EIO, PERMANENT)           \
	X(store_config, EINVAL, PERMANENT)          \
	X(store_denied, EACCES, PERMANENT)          \
	X(store_no_bucket, ENOENT, PERMANENT)       \
	X(store_refused, EIO, PERMANENT)            \
	X(store_unsupported, EOPNOTSUPP, PERMANENT) \
	X(store_busy, EIO, TRANSIENT)               \
	X(store_full, ENOSPC, TRANSIENT)            \
	X(store_unreachable, EIO, TRANSIENT)        \
	X(store_failed, EIO, AMBIGUOUS)             \
	X(store_timeout, EIO, AMBIGUOUS)            \
	X(store_truncated, EIO, TRANSIENT)          \
	X(try_again, EAGAIN, PERMANENT)             \
	X(stopping, ECANCELED, PERMANENT)

#define ERR_CODE_FIRST 10000

enum err_code {
	ERR_before_first = ERR_CODE_FIRST,
#define X(name, errnum, class) ERR_##name,
	ERR_CODES(X)
#undef X
		ERR_after_last
	};

/* Records the sentence for this thread and returns code (negative). */
int err_set(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_set(), and ": " plus strerror(errnum) is appended. */
int err_set_errno(int code, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The sentence of the last err_set() on this thread. For a bare -errno,
 * which has none, the text of strerror(). Valid until the next err_set().
 */
const char *err_message(int code);

/* Forgets this thread's sentence. */
void err_clear(void);

/* Positive errno for any negative code; 0 for 0. */
int err_to_errno(int code);

/* The name in the table ("store_busy"), or strerrorname for a bare errno. */
const char *err_name(int code);

/* The same call may succeed later. */
bool err_is_transient(int code);

/* The request may have been carried out although it was reported failed. */
bool err_is_ambiguous(int code);

#endif
