/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object `volume`: what a volume is, as JSON, written once by `dray init`.
 *
 *	{
 *	  "drayfs": "volume",
 *	  "format": 1,
 *	  "uuid": "4f0c8a52-...",
 *	  "name": "projects",
 *	  "created": "2026-11-22T21:52:16.123Z",
 *	  "chunk_min": 262144, "chunk_average": 1048576, "chunk_max": 4194304,
 *	  "pack_bytes": 16777216,
 *	  "zstd_level": 1,
 *	  "name_hash_key": "00112233445566778899aabbccddeeff",
 *	  "encryption": null
 *	}
 *
 * All keys are required. Unknown keys are ignored: a change that an older
 * drayfs must not overlook raises "format". A non-null "encryption" is such a
 * change, until this drayfs encrypts.
 */
#ifndef DRAY_VOLUME_FORMAT_H
#define DRAY_VOLUME_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"
#include "backend/chunker.h"

#define VOLUME_FORMAT_VERSION 1

#define VOLUME_NAME_MAX	      255 /* bytes of UTF-8 without control characters */
#define VOLUME_CREATED_SIZE   32
#define VOLUME_HASH_KEY_BYTES 16

#define VOLUME_PACK_BYTES_DEFAULT (16u << 20)
#define VOLUME_PACK_BYTES_MIN	  (64u << 10)
#define VOLUME_PACK_BYTES_MAX	  (512u << 20)
#define VOLUME_ZSTD_LEVEL_DEFAULT 1

/* The object is read whole; a longer one is refused. */
#define VOLUME_OBJECT_MAX (1u << 20)

struct volume_params {
	struct id uuid;
	char name[VOLUME_NAME_MAX + 1];	   /* 1 to VOLUME_NAME_MAX bytes */
	char created[VOLUME_CREATED_SIZE]; /* as clock_format() writes it */
	struct chunker_conf chunker;
	uint64_t pack_bytes; /* a pack is closed when it reaches this size */
	int zstd_level;
	uint8_t name_hash_key[VOLUME_HASH_KEY_BYTES]; /* SipHash key of entry names */
};

/* The defaults; uuid, name, created and name_hash_key are zero. */
void volume_params_init(struct volume_params *params);

/* Returns 0, or -ERR_bad_option with a sentence on the first bad parameter. */
int volume_params_check(const struct volume_params *params);

/* Appends the JSON of parameters that volume_params_check() accepts. */
void volume_encode(const struct volume_params *params, struct buffer *out);

/* Returns 0, -ERR_format_newer, or -ERR_volume_corrupt. */
int volume_decode(const void *bytes, size_t length, struct volume_params *out);

#endif
