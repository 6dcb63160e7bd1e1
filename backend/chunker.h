/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-defined chunking: FastCDC (Xia et al., USENIX ATC 2016) with a
 * gear hash and normalized chunking of level 2.
 *
 * A cut falls where the hash of the last 64 bytes has its top bits zero, so
 * it depends on the content around it and not on its offset: an insertion
 * moves the cuts of its neighbourhood and no others, and equal runs in two
 * files become equal chunks.
 *
 *	0         size_min        size_average              size_max
 *	|  no cut  |  cut, top b+2  |  cut, top b-2 bits zero  | forced cut
 *	           |  bits zero     |                          |
 *
 * where 2^b = size_average: before the average a cut is made four times less
 * likely and behind it four times more likely than once in size_average
 * bytes, which draws the sizes together.
 *
 * Chunks are independent: each starts with an empty hash, so that cutting may
 * go on at any cut and finds the same cuts as one pass. The gear table is a
 * constant of the format (see chunker.c); a table by volume would hide nothing
 * (IACR eprint 2025/532 and 2025/558 recover it from chunk sizes).
 */
#ifndef DRAY_CHUNKER_H
#define DRAY_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKER_SIZE_MIN_DEFAULT     (256u << 10)
#define CHUNKER_SIZE_AVERAGE_DEFAULT (1u << 20)
#define CHUNKER_SIZE_MAX_DEFAULT     (4u << 20)

/* In bytes; 64 <= min < average < max, the average a power of two. */
struct chunker_conf {
	size_t size_min;
	size_t size_average;
	size_t size_max;
};

/* The sizes keep the rules above, and max is at most PACK_CHUNK_RAW_MAX. */
bool chunker_conf_valid(const struct chunker_conf *conf);

/*
 * The length of the first chunk of these bytes: 1 to size_max, or 0 of no
 * bytes. Give at least size_max bytes, or all that the run has left: with
 * fewer the end of the bytes counts as the end of the run.
 */
size_t chunker_cut(const struct chunker_conf *conf, const uint8_t *bytes, size_t length);

#endif
