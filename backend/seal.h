/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam of client-side encryption: whatever goes to the bucket passes
 * seal_bytes() behind its compression, and whatever comes back passes
 * seal_open() before its decompression.
 *
 * A seal is a volume's keyring. It seals with its newest key (key_id) and
 * opens with the key whose id the object's header names. It is shaped for
 * AES-256-GCM, an AEAD whose nonce must not repeat under one key:
 *
 *	key   = HKDF(key of key_id, salt = place.object)
 *	nonce = place.position
 *	AAD   = place.volume, place.object, place.position, place.bound
 *
 * The object id is 128 random bits drawn for each encoding, so that a key
 * serves one object in one encoding only; the position is unique in it. Bytes
 * that are moved to another place, or whose header was changed, do not open.
 *
 * The null cipher (key id 0) leaves the bytes as they are: sealing adds
 * nothing and proves nothing. Checksums are the business of the formats.
 *
 * Any number of threads may use one seal at once: it does not change.
 */
#ifndef DRAY_SEAL_H
#define DRAY_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"

#define SEAL_KEY_NONE 0

/* The longest addition of any cipher: readers bound lengths by it. */
#define SEAL_OVERHEAD_MAX 64

/* Identifies a chunk's content: the key of deduplication. */
#define CHUNK_DIGEST_BYTES 16

struct chunk_digest {
	uint8_t bytes[CHUNK_DIGEST_BYTES];
};

/* Where sealed bytes belong. */
struct seal_place {
	struct id volume;
	struct id object;  /* random id of the pack, part, commit or root */
	uint64_t position; /* of these bytes in the object; used once */
	const void *bound; /* more bytes to authenticate, as a header; or NULL */
	size_t bound_length;
};

struct seal;

struct seal_ops {
	/* See seal_bytes(). */
	void (*seal)(const struct seal *seal, const struct seal_place *place, struct buffer *bytes,
		     size_t from);
	/* See seal_open(). */
	int (*open)(const struct seal *seal, uint32_t key_id, const struct seal_place *place,
		    const uint8_t *in, size_t length, struct buffer *scratch,
		    const uint8_t **plain_out, size_t *plain_length_out);
	/* See seal_digest(). */
	struct chunk_digest (*digest)(const struct seal *seal, const void *bytes, size_t length);
	/* Frees the seal and wipes its keys. */
	void (*free)(struct seal *seal);
};

struct seal {
	const struct seal_ops *ops;
	uint32_t key_id;   /* the key that seals; written into headers */
	uint32_t overhead; /* bytes that sealing adds; at most SEAL_OVERHEAD_MAX */
};

/* The null cipher. Static: seal_free() leaves it alone. */
const struct seal *seal_null(void);

/* Seals the bytes from offset `from` to the buffer's end in place, and appends
 * what the cipher adds (seal->overhead bytes). */
static inline void seal_bytes(const struct seal *seal, const struct seal_place *place,
			      struct buffer *bytes, size_t from)
{
	seal->ops->seal(seal, place, bytes, from);
}

/*
 * Opens bytes that were sealed with key_id. The result lies in scratch (which
 * is overwritten), or is `in` itself with the null cipher: valid as long as
 * both are. Returns 0; -EBADMSG when the bytes are not what was sealed at this
 * place; -ENOKEY when the keyring lacks the key. The caller knows what the bytes
 * are and sets the sentence.
 */
static inline int seal_open(const struct seal *seal, uint32_t key_id,
			    const struct seal_place *place, const uint8_t *in, size_t length,
			    struct buffer *scratch, const uint8_t **plain_out,
			    size_t *plain_length_out)
{
	return seal->ops->open(seal, key_id, place, in, length, scratch, plain_out,
			       plain_length_out);
}

/*
 * The digest of a chunk's raw bytes: the first 16 bytes of their SHA-256; of an
 * HMAC-SHA256 under a key of the volume when the seal encrypts, so that the
 * bucket tells nobody which known file is in it.
 */
static inline struct chunk_digest seal_digest(const struct seal *seal, const void *bytes,
					      size_t length)
{
	return seal->ops->digest(seal, bytes, length);
}

bool chunk_digest_equal(const struct chunk_digest *a, const struct chunk_digest *b);

static inline void seal_free(struct seal *seal)
{
	if (seal && seal->ops->free)
		seal->ops->free(seal);
}

#endif
