/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cipher for tests, shaped like the real ones: its result depends on every
 * field of the place, adds 16 bytes, and opens nowhere else. Not secure.
 */
#ifndef DRAY_TESTS_TOY_SEAL_H
#define DRAY_TESTS_TOY_SEAL_H

#include <errno.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/digest.h"
#include "backend/seal.h"

#define TOY_KEY_ID   7
#define TOY_OVERHEAD 16

struct toy_seal {
	struct seal base; /* first */
	/* The next so many inputs are damaged before they are sealed, as by a
	 * bad memory cell: no checksum tells, only the comparison. */
	int *faults;
};

static inline struct digest toy_hash(const struct seal_place *place, const char *domain,
				     const void *bytes, size_t length)
{
	struct digest_stream stream;
	struct digest digest;

	digest_stream_init(&stream);
	digest_stream_add(&stream, domain, 1);
	digest_stream_add(&stream, place->volume.bytes, ID_BYTES);
	digest_stream_add(&stream, place->object.bytes, ID_BYTES);
	digest_stream_add(&stream, &place->position, sizeof(place->position));
	digest_stream_add(&stream, place->bound, place->bound_length);
	digest_stream_add(&stream, bytes, length);
	digest = digest_stream_finish(&stream);
	digest_stream_release(&stream);
	return digest;
}

static inline void toy_xor(const struct seal_place *place, uint8_t *bytes, size_t length)
{
	struct digest pad = toy_hash(place, "p", NULL, 0);
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] ^= pad.bytes[i % DIGEST_BYTES];
}

static inline void toy_seal_bytes(const struct seal *seal, const struct seal_place *place,
				  struct buffer *bytes, size_t from)
{
	const struct toy_seal *toy = (const struct toy_seal *)seal;
	size_t length = bytes->length - from;
	struct digest tag;

	if (toy->faults && *toy->faults > 0) {
		--*toy->faults;
		bytes->data[bytes->length - 1] ^= 1;
	}
	toy_xor(place, bytes->data + from, length);
	tag = toy_hash(place, "t", bytes->data + from, length);
	buffer_append(bytes, tag.bytes, TOY_OVERHEAD);
}

static inline int toy_seal_open(const struct seal *seal, uint32_t key_id,
				const struct seal_place *place, const uint8_t *in, size_t length,
				struct buffer *scratch, const uint8_t **plain_out,
				size_t *plain_length_out)
{
	struct digest tag;

	(void)seal;
	if (key_id != TOY_KEY_ID)
		return -ENOKEY;
	if (length < TOY_OVERHEAD)
		return -EBADMSG;
	length -= TOY_OVERHEAD;
	tag = toy_hash(place, "t", in, length);
	if (memcmp(tag.bytes, in + length, TOY_OVERHEAD) != 0)
		return -EBADMSG;
	buffer_clear(scratch);
	buffer_reserve(scratch, length + 1);
	buffer_append(scratch, in, length);
	toy_xor(place, scratch->data, length);
	*plain_out = scratch->data;
	*plain_length_out = length;
	return 0;
}

static inline struct chunk_digest toy_seal_digest(const struct seal *seal, const void *bytes,
						  size_t length)
{
	struct digest whole = digest_hmac("toy", 3, bytes, length);
	struct chunk_digest digest;

	(void)seal;
	memcpy(digest.bytes, whole.bytes, sizeof(digest.bytes));
	return digest;
}

static inline struct toy_seal toy_seal_make(int *faults)
{
	static const struct seal_ops ops = {
		.seal = toy_seal_bytes,
		.open = toy_seal_open,
		.digest = toy_seal_digest,
	};
	struct toy_seal toy = { { &ops, TOY_KEY_ID, TOY_OVERHEAD }, faults };

	return toy;
}

#endif
