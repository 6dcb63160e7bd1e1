/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of read-ahead for one open file. Pure.
 *
 * Reads of an open file belong to streams: several, when several threads read
 * it, or one at several places. Each stream is a run of bytes that has been
 * read, [low, high), and a direction in which it grew last:
 *
 *	a read                               the stream
 *	begins about where a run ends        goes forward
 *	ends about where a run begins        goes backward
 *	lies within a run                    stays as it is
 *	is at none of them                   is a new one, in the place of the
 *	                                     one that was not used for longest
 *
 * "About" is READAHEAD_SLACK, as the kernel asks for parts of its own
 * read-ahead out of order, and programs that go backward read blocks; less,
 * down to READAHEAD_NEAR, for a short run that is not trusted yet. A run of more
 * than two such blocks that is trusted does not turn round. A stream is trusted when it
 * has grown READAHEAD_TRUST times in one direction, or begins with the file. So
 * random reads bring nothing ahead, and do not push out streams that are under
 * way.
 *
 * The window of a stream starts at 1 MiB and doubles with each one used, up to
 * 32 MiB; it is small again when the direction changes. The next part is asked
 * for when half of the window is used.
 */
#ifndef DRAY_CACHE_READAHEAD_H
#define DRAY_CACHE_READAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define READAHEAD_STREAMS    8
#define READAHEAD_WINDOW_MIN (1u << 20)
#define READAHEAD_WINDOW_MAX (32u << 20)
#define READAHEAD_SLACK	     (1u << 20)
#define READAHEAD_NEAR	     (256u << 10)
#define READAHEAD_TRUST	     2

enum readahead_direction {
	READAHEAD_FORWARD = 1,
	READAHEAD_BACKWARD,
};

struct readahead_stream {
	uint64_t low;
	uint64_t high;
	uint64_t asked; /* [high, asked) or [asked, low) was asked for */
	uint32_t window;
	uint32_t used; /* when it was read last, in reads of the file; 0: no stream */
	uint8_t direction;
	uint8_t grown; /* times in that direction, up to READAHEAD_TRUST */
};

/* All of an open file; zeroed at first. */
struct readahead {
	uint32_t reads;
	struct readahead_stream streams[READAHEAD_STREAMS];
};

/* What should be brought into the cache: [from, until). */
struct readahead_wish {
	uint64_t from;
	uint64_t until;
};

/*
 * Notes a read of [offset, offset + length). True when there is a wish; it is
 * of at most `room` bytes (none if that is less than READAHEAD_WINDOW_MIN) and
 * not beyond `size`, the end of the file.
 */
bool readahead_note(struct readahead *readahead, uint64_t offset, uint64_t length, uint64_t size,
		    uint64_t room, struct readahead_wish *wish);

#endif
