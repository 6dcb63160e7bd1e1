/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and durations as people write them. */
#ifndef DRAY_BASE_SIZE_H
#define DRAY_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "512", "64K", "10G", "1.5T" (powers of 1024; an iB or B may follow). */
bool size_parse(const char *text, uint64_t *bytes_out);
/* "1.5 GiB"; text holds at least 16 bytes. */
void size_format(uint64_t bytes, char *text);
/* "5", "5s", "250ms", "2m", "1h", "3d"; a bare number is seconds. */
bool duration_parse(const char *text, int64_t *ns_out);
/* "1h02m", "35s"; text holds at least 24 bytes. */
void duration_format(int64_t ns, char *text);

#endif
