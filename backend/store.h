/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object store: named, immutable-once-put byte strings. One vtable; the
 * file, mem and s3 stores implement it, and so do the decorators (retry,
 * stats, fault), each of which owns the store below it.
 *
 *	store_retry -> store_stats -> store_fault (tests) -> store_s3
 *
 * (in this order the counters show every request, also the repeated ones).
 *
 * Calls block, and any number of threads may call at once. A caller that
 * wants several requests in flight uses several threads.
 *
 * Keys are relative: 1 to 512 bytes of [A-Za-z0-9._/-], no empty, "." or
 * ".." component, none longer than 255 bytes. The store adds the prefix of
 * its URL. No key may name a "directory" of another ("a" beside "a/b"): the
 * file store refuses the second of them.
 *
 * What every store promises (tests/store_suite runs the same cases on all):
 *  - put is atomic: a reader sees the whole object or none, and when put
 *    returns 0 the object survives a crash of the store;
 *  - a put with STORE_IF_ABSENT of a key that exists returns -EEXIST and
 *    changes nothing, also when two callers race: exactly one gets 0;
 *  - get, head and list after a put that returned show the object;
 *  - list is sorted by byte value and complete, or fails: a failed or
 *    partial listing is never reported as success.
 */
#ifndef DRAY_STORE_H
#define DRAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"

#define STORE_KEY_MAX		512
#define STORE_KEY_COMPONENT_MAX 255
#define STORE_GET_ALL		SIZE_MAX

struct store;

enum store_put_flags {
	STORE_IF_ABSENT = 1, /* -EEXIST when the key exists */
};

struct store_object {
	const char *key; /* valid during the call that was given this struct */
	uint64_t size;
};

/* Called for each object of a listing; a non-zero result ends the listing
 * and is returned by it. */
typedef int store_list_fn(const struct store_object *object, void *arg);

struct store_ops {
	/* Stores length bytes under key. Returns 0, -EEXIST, or an error. */
	int (*put)(struct store *store, const char *key, const void *bytes, size_t length,
		   enum store_put_flags flags);
	/*
	 * Appends bytes [offset, offset + length) of the object to out, fewer
	 * when the object ends before; STORE_GET_ALL reads to the end. An
	 * offset at or behind the end appends nothing. Returns 0, -ENOENT, or
	 * an error (out is then as it was).
	 */
	int (*get)(struct store *store, const char *key, uint64_t offset, size_t length,
		   struct buffer *out);
	/* The object's size. Returns 0, -ENOENT, or an error. */
	int (*head)(struct store *store, const char *key, uint64_t *size_out);
	/* Removes the object. Returns 0 also when there was none. */
	int (*remove)(struct store *store, const char *key);
	/*
	 * Calls fn for each object whose key starts with prefix (any string,
	 * also "") and is greater than `after` (NULL: from the first), in
	 * byte order.
	 */
	int (*list)(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		    void *arg);
	/* How many more bytes it takes; an error: unknown. NULL: no limit. Only
	 * the bottom store is asked (store_space()). */
	int (*space)(struct store *store, uint64_t *free_out);
	/* Frees the store and the one below it. */
	void (*free)(struct store *store);
};

/* The first member of every store's own struct. */
struct store {
	const struct store_ops *ops;
	const char *kind;    /* "file", "mem", "s3", "retry", ... */
	char *url;	     /* for messages: what the user named; owned */
	struct store *below; /* the decorated store; NULL at the bottom; owned */
};

/*
 * Opens the bottom store of a URL: file:///absolute/path (the directory must
 * exist, or its parent when create is set), s3://bucket/prefix, mem://name
 * (tests; one per name in this process). S3 takes endpoint, region and
 * credentials from the AWS conventions. Does not touch the network.
 */
int store_open(const char *url, bool create, struct store **out);

/* True for a key of the form that the head of this file gives. */
bool store_key_valid(const char *key);

/* 0 for a valid key, or -ERR_store_refused with the sentence set. */
int store_key_check(const char *key);

/* For implementers: fills the common part (url is copied), and ends it: frees
 * the url and the store below. */
void store_init(struct store *store, const struct store_ops *ops, const char *kind, const char *url,
		struct store *below);
void store_release(struct store *store);

/*
 * The calls, as described at struct store_ops. They check the key, so that no
 * implementation sees an invalid one: keys may come from bytes of the bucket.
 */
static inline int store_put(struct store *store, const char *key, const void *bytes, size_t length,
			    enum store_put_flags flags)
{
	int result = store_key_check(key);

	return result ? result : store->ops->put(store, key, bytes, length, flags);
}

static inline int store_get(struct store *store, const char *key, uint64_t offset, size_t length,
			    struct buffer *out)
{
	int result = store_key_check(key);

	return result ? result : store->ops->get(store, key, offset, length, out);
}

static inline int store_head(struct store *store, const char *key, uint64_t *size_out)
{
	int result = store_key_check(key);

	return result ? result : store->ops->head(store, key, size_out);
}

static inline int store_remove(struct store *store, const char *key)
{
	int result = store_key_check(key);

	return result ? result : store->ops->remove(store, key);
}

static inline int store_list(struct store *store, const char *prefix, const char *after,
			     store_list_fn *fn, void *arg)
{
	return store->ops->list(store, prefix, after, fn, arg);
}

/* How many more bytes the store takes; UINT64_MAX: it sets no limit, or does
 * not tell. */
static inline uint64_t store_space(struct store *store)
{
	uint64_t bytes;

	while (store->below)
		store = store->below;
	if (!store->ops->space || store->ops->space(store, &bytes))
		return UINT64_MAX;
	return bytes;
}

static inline void store_free(struct store *store)
{
	if (store)
		store->ops->free(store);
}

#endif
