/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cookie.h"

#include "backend/base/siphash.h"

uint64_t cookie_base(const uint8_t key[VOLUME_HASH_KEY_BYTES], const void *name, size_t length)
{
	/* The sign bit stays clear: cookies travel as off_t. */
	uint64_t mask = ((uint64_t)INT64_MAX) & ~(uint64_t)COOKIE_ORDINAL_MASK;
	uint64_t base = siphash24(key, name, length) & mask;

	return base ? base : COOKIE_FIRST;
}
