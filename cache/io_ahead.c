/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/io_ahead.h"

#include "cache/cache_int.h"
#include "cache/chunk_list.h"
#include "cache/fetch.h"
#include "cache/io.h"
#include "cache/neighbours.h"

static void ask(struct cache *cache, const struct readahead *owner,
		const struct io_ahead_read *read, const struct readahead_wish *wish)
{
	struct chunk_list list = { 0 };

	if (!chunk_list_add_file(&list, cache, read->ino, wish->from, wish->until))
		fetch_ahead(cache->fetch, owner, list.ids, list.count, read->flags);
	chunk_list_release(&list);
}

void io_ahead_note(struct cache *cache, struct readahead *readahead,
		   const struct io_ahead_read *read)
{
	uint64_t room = fetch_ahead_room(cache->fetch);
	struct node *node = node_get(cache->nodes, read->ino);
	struct readahead_wish wish;
	bool first;
	bool wished;

	lock_acquire(&node->stream_lock);
	first = !readahead->reads;
	wished = readahead_note(readahead, read->offset, read->end - read->offset, read->size, room,
				&wish);
	lock_release(&node->stream_lock);
	node_put(cache->nodes, node);
	if (wished)
		ask(cache, readahead, read, &wish);
	if (first && read->cold && !read->offset && read->size <= NEIGHBOURS_FILE_BYTES)
		neighbours_read(cache, read->ino, read->flags);
}

void io_read_end(struct cache *cache, const struct readahead *readahead)
{
	if (cache->fetch)
		fetch_cancel(cache->fetch, readahead);
}
