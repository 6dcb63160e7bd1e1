/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF",
 * 2012), the keyed hash of directory entry names: without the key nobody can
 * make names that collide.
 */
#ifndef DRAY_BASE_SIPHASH_H
#define DRAY_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash24(const uint8_t key[16], const void *bytes, size_t length);

#endif
