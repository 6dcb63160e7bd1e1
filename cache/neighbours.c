/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/neighbours.h"

#include <dirent.h>
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "cache/cache_int.h"
#include "cache/chunk_list.h"
#include "cache/dir_order.h"
#include "cache/fetch.h"
#include "cache/inode.h"
#include "cache/ns_page.h"

#define HINTS	       4096
#define FOLLOWED       8
#define BATCH_FILES    16	  /* between looks at the budget */
#define ROOM_BYTES_MIN (1u << 20) /* of the budget, for another batch */

struct hint {
	uint64_t ino; /* 0: none */
	uint64_t directory;
	uint64_t cookie;
};

/* A directory being read; 0: of files whose directory is not known. */
struct followed {
	uint64_t directory;
	uint64_t used; /* in reads of all; 0: free */
	bool busy;     /* someone carries a wish out */
	struct dir_order order;
};

struct neighbours {
	struct lock lock;
	/* guarded by lock */
	struct hint hints[HINTS];
	struct followed followed[FOLLOWED];
	uint64_t reads;
};

/* A wish being carried out. */
struct pursuit {
	struct cache *cache;
	struct followed *owner; /* only its address is used */
	struct dir_order_wish wish;
	unsigned int flags;
	struct chunk_list chunks;
	unsigned int files; /* so far */
	uint64_t half;
	uint64_t until;
	bool full; /* the budget is used up */
};

struct neighbours *neighbours_new(void)
{
	struct neighbours *neighbours = xcalloc(1, sizeof(*neighbours));

	lock_init(&neighbours->lock, LOCK_RANK_LEAF);
	return neighbours;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	lock_destroy(&neighbours->lock);
	free(neighbours);
}

void neighbours_named(struct cache *cache, uint64_t directory, uint64_t cookie, uint64_t ino)
{
	struct neighbours *neighbours = cache->neighbours;

	if (!neighbours)
		return;
	lock_acquire(&neighbours->lock);
	neighbours->hints[ino % HINTS] =
		(struct hint){ .ino = ino, .directory = directory, .cookie = cookie };
	lock_release(&neighbours->lock);
}

/* The directory's place, or that of one that was not read for longest; NULL:
 * that one is busy. */
static struct followed *follow_locked(struct neighbours *neighbours, uint64_t directory)
{
	struct followed *oldest = &neighbours->followed[0];
	unsigned int i;

	lock_assert_held(&neighbours->lock);
	for (i = 0; i < FOLLOWED; i++) {
		struct followed *followed = &neighbours->followed[i];

		if (followed->used && followed->directory == directory)
			return followed;
		if (followed->used < oldest->used)
			oldest = followed;
	}
	if (oldest->busy)
		return NULL;
	*oldest = (struct followed){ .directory = directory };
	return oldest;
}

/* What is to be done about a read of the file. */
static enum dir_order_verdict judge(struct neighbours *neighbours, uint64_t ino,
				    struct pursuit *pursuit)
{
	enum dir_order_verdict verdict = DIR_ORDER_QUIET;
	struct hint hint;
	struct followed *followed;

	lock_acquire(&neighbours->lock);
	hint = neighbours->hints[ino % HINTS];
	if (hint.ino != ino)
		hint = (struct hint){ 0 };
	followed = follow_locked(neighbours, hint.directory);
	if (followed && !followed->busy) {
		followed->used = ++neighbours->reads;
		verdict = dir_order_note(&followed->order, ino, hint.cookie, &pursuit->wish);
		followed->busy = verdict == DIR_ORDER_WISH;
	}
	pursuit->owner = followed;
	lock_release(&neighbours->lock);
	return verdict;
}

static int compare_chunks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Asks for what was gathered: in the order of chunks, so that those which lie
 * together come together. */
static void ask(struct pursuit *pursuit)
{
	struct fetch *fetch = pursuit->cache->fetch;
	struct chunk_list *chunks = &pursuit->chunks;

	if (chunks->count) {
		qsort(chunks->ids, chunks->count, sizeof(*chunks->ids), compare_chunks);
		fetch_ahead(fetch, pursuit->owner, chunks->ids, chunks->count, pursuit->flags);
		chunk_list_clear(chunks);
	}
	pursuit->full = fetch_ahead_room(fetch) < ROOM_BYTES_MIN;
}

/* One more file was looked at. */
static void count_file(struct pursuit *pursuit, uint64_t position)
{
	pursuit->until = position;
	if (++pursuit->files <= pursuit->wish.files / 2)
		pursuit->half = position;
	if (pursuit->files % BATCH_FILES == 0)
		ask(pursuit);
}

static bool is_done(const struct pursuit *pursuit)
{
	return pursuit->full || pursuit->files >= pursuit->wish.files;
}

/* The files that follow in the directory. */
static void pursue_cookies(struct pursuit *pursuit)
{
	struct ns_page page = { 0 };
	struct ns_page_entry entry;

	if (ns_page_read(pursuit->cache, pursuit->owner->directory, pursuit->wish.after,
			 pursuit->wish.files, &page))
		page.last = true;
	while (!is_done(pursuit) && ns_page_next(&page, &entry)) {
		if (entry.type == DT_REG &&
		    chunk_list_add_file(&pursuit->chunks, pursuit->cache, entry.ino, 0,
					NEIGHBOURS_FILE_BYTES))
			break;
		count_file(pursuit, entry.cookie);
	}
	if (!is_done(pursuit) && page.last)
		pursuit->until = UINT64_MAX;
	ns_page_release(&page);
}

/* The inode of the next extent; 0: there is none. */
static uint64_t next_inode(struct cache *cache, uint64_t after)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t ino = 0;

	key_extent(&start, after + 1, 0, 0);
	if (index_cursor_open(cache->index, &start, &cursor))
		return 0;
	if (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0 &&
	    key_table(key, key_length) == TABLE_EXTENT)
		ino = key_number(key, key_length);
	index_cursor_close(cursor);
	return ino;
}

/* The files that were made after it. */
static void pursue_numbers(struct pursuit *pursuit)
{
	uint64_t ino = pursuit->wish.after;

	while (!is_done(pursuit)) {
		ino = next_inode(pursuit->cache, ino);
		if (!ino) {
			pursuit->until = UINT64_MAX;
			return;
		}
		if (chunk_list_add_file(&pursuit->chunks, pursuit->cache, ino, 0,
					NEIGHBOURS_FILE_BYTES))
			return;
		count_file(pursuit, ino);
	}
}

/* Not more files than the directory has left: numbers go on behind it. */
static void clip_to_directory(struct pursuit *pursuit)
{
	struct inode directory = { 0 };
	uint64_t left = DIR_ORDER_FILES_MIN;

	if (!inode_load(pursuit->cache, pursuit->owner->directory, &directory))
		left = directory.row.children > pursuit->wish.known
			       ? directory.row.children - pursuit->wish.known
			       : 0;
	inode_release(&directory);
	if (pursuit->wish.files > left)
		pursuit->wish.files = (unsigned int)left;
	if (!left)
		pursuit->until = UINT64_MAX;
}

static void pursue(struct neighbours *neighbours, struct pursuit *pursuit)
{
	pursuit->half = pursuit->until = pursuit->wish.after;
	clip_to_directory(pursuit);
	if (pursuit->wish.files && pursuit->wish.kind == DIR_ORDER_COOKIE)
		pursue_cookies(pursuit);
	else if (pursuit->wish.files)
		pursue_numbers(pursuit);
	ask(pursuit);
	chunk_list_release(&pursuit->chunks);
	lock_acquire(&neighbours->lock);
	dir_order_asked(&pursuit->owner->order, &pursuit->wish, pursuit->half, pursuit->until,
			pursuit->files);
	pursuit->owner->busy = false;
	lock_release(&neighbours->lock);
}

void neighbours_read(struct cache *cache, uint64_t ino, unsigned int flags)
{
	struct pursuit pursuit = { .cache = cache, .flags = flags };

	if (!cache->neighbours)
		return;
	switch (judge(cache->neighbours, ino, &pursuit)) {
	case DIR_ORDER_QUIET:
		break;
	case DIR_ORDER_WISH:
		pursue(cache->neighbours, &pursuit);
		break;
	case DIR_ORDER_WRONG:
		fetch_cancel(cache->fetch, pursuit.owner);
		break;
	}
}
