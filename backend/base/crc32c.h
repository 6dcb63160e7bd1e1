/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): polynomial 0x1EDC6F41,
 * reflected, initial value and final xor 0xFFFFFFFF.
 */
#ifndef DRAY_BASE_CRC32C_H
#define DRAY_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 at the start) over the bytes; chaining is allowed. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

#endif
