/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/io_ahead.h"

#include "cache/cache_int.h"
#include "cache/chunk_list.h"
#include "cache/fetch.h"
#include "cache/io.h"

static bool note(struct cache *cache, uint64_t ino, struct readahead *readahead, uint64_t offset,
		 uint64_t end, uint64_t size, struct readahead_wish *wish)
{
	uint64_t room = fetch_ahead_room(cache->fetch);
	struct node *node = node_get(cache->nodes, ino);
	bool wished;

	lock_acquire(&node->stream_lock);
	wished = readahead_note(readahead, offset, end - offset, size, room, wish);
	lock_release(&node->stream_lock);
	node_put(cache->nodes, node);
	return wished;
}

void io_ahead_note(struct cache *cache, uint64_t ino, struct readahead *readahead, uint64_t offset,
		   uint64_t end, uint64_t size, unsigned int flags)
{
	struct chunk_list list = { 0 };
	struct readahead_wish wish;

	if (!note(cache, ino, readahead, offset, end, size, &wish))
		return;
	if (!chunk_list_add_file(&list, cache, ino, wish.from, wish.until))
		fetch_ahead(cache->fetch, readahead, list.ids, list.count, flags);
	chunk_list_release(&list);
}

void io_read_end(struct cache *cache, const struct readahead *readahead)
{
	if (cache->fetch)
		fetch_cancel(cache->fetch, readahead);
}
