/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression of one chunk or one run of rows: the only home of zstd.
 *
 * Each thread has one compression and one decompression context, made at the
 * first use and freed when the thread ends.
 */
#ifndef DRAY_CODEC_H
#define DRAY_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"

/* Persistent values: never renumber. */
enum codec {
	CODEC_INVALID = 0,
	CODEC_RAW = 1,
	CODEC_ZSTD = 2, /* one zstd frame that states its content size */
};

#define CODEC_LEVEL_MIN (-5)
#define CODEC_LEVEL_MAX 19

/* "raw", "zstd"; "unknown" of any other value. */
const char *codec_name(enum codec codec);

/*
 * Appends the bytes in compressed form, or as they are when that would save
 * less than 2 %; tells which. Level: CODEC_LEVEL_MIN to CODEC_LEVEL_MAX.
 * Cannot fail.
 */
void codec_encode(int level, const void *in, size_t in_length, struct buffer *out,
		  enum codec *codec_out);

/*
 * Appends the raw_length bytes that codec_encode() was given. Returns
 * -EBADMSG, with out as it was, when the bytes are not the encoding of exactly
 * raw_length bytes or the codec is unknown. The caller knows what the bytes are
 * and sets the sentence. Allocates raw_length bytes only when the frame
 * itself states this size; the caller bounds it all the same.
 */
int codec_decode(enum codec codec, const void *in, size_t in_length, size_t raw_length,
		 struct buffer *out);

#endif
