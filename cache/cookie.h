/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies: a name's place in its directory, which is its key in the DIRENT
 * table and the position that readdir(3) and NFS go on from. Pure.
 *
 *	bit 63   bits 62-8                                  bits 7-0
 *	0        keyed hash of the name (never all zeros)   ordinal
 *
 * The ordinal tells apart the names of one directory whose hashes are equal
 * (dirent.h). The hash is SipHash-2-4 with the volume's name_hash_key, so a
 * name has the same place on every machine, and nobody without the key can
 * choose names that collide.
 */
#ifndef DRAY_CACHE_COOKIE_H
#define DRAY_CACHE_COOKIE_H

#include <stddef.h>
#include <stdint.h>

#include "backend/volume_format.h"

#define COOKIE_DOT	    1	/* "." */
#define COOKIE_DOT_DOT	    2	/* ".." */
#define COOKIE_FIRST	    256 /* the smallest of a name */
#define COOKIE_ORDINALS	    256
#define COOKIE_ORDINAL_MASK (COOKIE_ORDINALS - 1)

/* The cookie of a name with ordinal 0; COOKIE_FIRST or greater. */
uint64_t cookie_base(const uint8_t key[VOLUME_HASH_KEY_BYTES], const void *name, size_t length);

static inline unsigned int cookie_ordinal(uint64_t cookie)
{
	return cookie & COOKIE_ORDINAL_MASK;
}

#endif
