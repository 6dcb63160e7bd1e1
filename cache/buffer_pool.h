/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large buffers that are used again. The allocator gives memory of this size
 * back to the kernel when it is freed, and each page of the next buffer then
 * costs a page fault: on cold reads that was a fifth of the CPU time.
 *
 * The pool keeps up to bytes_max of them. Any thread may call; its lock is a
 * LEAF.
 */
#ifndef DRAY_CACHE_BUFFER_POOL_H
#define DRAY_CACHE_BUFFER_POOL_H

#include "backend/base/buffer.h"

struct buffer_pool;

struct buffer_pool *buffer_pool_new(size_t bytes_max);
/* What was taken may come back later no more. */
void buffer_pool_free(struct buffer_pool *pool);

/* An empty buffer with room for at least so many bytes. */
struct buffer buffer_pool_take(struct buffer_pool *pool, size_t least);
/* Takes the memory over; the buffer is empty after. */
void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer);

#endif
