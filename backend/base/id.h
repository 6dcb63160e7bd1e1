/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers and their text forms. */
#ifndef DRAY_BASE_ID_H
#define DRAY_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_BYTES       16
#define ID_HEX_SIZE    33 /* 32 digits and a NUL */
#define UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

/* 128 bits: a volume's uuid, a pack's name, a cache directory's uuid. */
struct id {
	uint8_t bytes[ID_BYTES];
};

/* Bytes from the kernel's generator; cannot fail. */
void random_bytes(void *bytes, size_t length);
uint64_t random_u64(void);

struct id id_new(void);
/* A random (version 4) UUID. */
struct id id_new_uuid(void);
bool id_equal(const struct id *a, const struct id *b);
/* 32 lower-case hex digits. */
void id_to_hex(const struct id *id, char text[ID_HEX_SIZE]);
bool id_from_hex(struct id *id, const char *text);
/* 8-4-4-4-12 form. */
void id_to_uuid(const struct id *id, char text[UUID_TEXT_SIZE]);
bool id_from_uuid(struct id *id, const char *text);

/* 2 * length lower-case digits and a NUL. */
void hex_encode(const void *bytes, size_t length, char *text);
/* Exactly 2 * length digits, then the end of the text. */
bool hex_decode(const char *text, void *bytes, size_t length);

#endif
