/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of read-ahead for one open file. Pure.
 *
 *	sequential   a read starts where the last one ended, give or take
 *		     READAHEAD_SLACK (the kernel reads ahead out of order)
 *	random       it does not: nothing is read ahead, the window is small again
 *
 * The window starts at 1 MiB and doubles with each window used, up to 32 MiB.
 * The next part is asked for when half of what was asked for is used.
 */
#ifndef DRAY_CACHE_READAHEAD_H
#define DRAY_CACHE_READAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/io.h"

#define READAHEAD_WINDOW_MIN (1ull << 20)
#define READAHEAD_WINDOW_MAX (32ull << 20)
#define READAHEAD_SLACK	     (1ull << 20)

/*
 * Notes a read of [offset, offset + length). True when [*from, *until) should
 * be brought into the cache now; never beyond `size`, the end of the file.
 */
bool readahead_note(struct io_stream *stream, uint64_t offset, uint64_t length, uint64_t size,
		    uint64_t *from, uint64_t *until);

#endif
