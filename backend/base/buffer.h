/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable run of bytes, and a cursor that reads bytes from outside.
 *
 * struct buffer owns its memory: buffer_release() or buffer_steal() ends it.
 * A zeroed struct is an empty buffer. Growing never fails: the process stops
 * when memory is exhausted, as everywhere (see xmalloc()).
 *
 * struct reader never reads past its end: a short read sets `failed` and
 * yields zeros, so that a parser checks once, at its end. All persistent
 * integers are little-endian, except in index keys, which are big-endian so
 * that memcmp() orders them.
 */
#ifndef DRAY_BASE_BUFFER_H
#define DRAY_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Allocation that ends the process with a message when memory is exhausted. */
void *xmalloc(size_t size) __attribute__((malloc));
void *xcalloc(size_t count, size_t size) __attribute__((malloc));
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *text) __attribute__((malloc));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct buffer {
	uint8_t *data;
	size_t length;
	size_t capacity;
};

#define BUFFER_INIT        \
	{                  \
		NULL, 0, 0 \
	}

void buffer_release(struct buffer *buffer);
/* Empties the buffer and keeps its memory. */
void buffer_clear(struct buffer *buffer);
/* Makes room for `extra` more bytes behind the end. */
void buffer_reserve(struct buffer *buffer, size_t extra);
/* Hands the memory to the caller, who frees it; the buffer is empty after. */
uint8_t *buffer_steal(struct buffer *buffer, size_t *length_out);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
/* Appends `length` bytes that the caller fills in; returns their place. */
uint8_t *buffer_extend(struct buffer *buffer, size_t length);
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u16(struct buffer *buffer, uint16_t value);
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
/* LEB128: 7 bits a byte, low bits first. */
void buffer_put_varint(struct buffer *buffer, uint64_t value);
void buffer_put_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct reader {
	const uint8_t *data;
	size_t length;
	size_t position;
	bool failed;
};

void reader_init(struct reader *reader, const void *data, size_t length);
size_t reader_left(const struct reader *reader);
uint8_t reader_get_u8(struct reader *reader);
uint16_t reader_get_u16(struct reader *reader);
uint32_t reader_get_u32(struct reader *reader);
uint64_t reader_get_u64(struct reader *reader);
uint64_t reader_get_varint(struct reader *reader);
/* The next `length` bytes, or NULL (and failed) when there are fewer. */
const uint8_t *reader_get_bytes(struct reader *reader, size_t length);

static inline void store_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void store_le32(uint8_t *p, uint32_t v)
{
	store_le16(p, (uint16_t)v);
	store_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void store_le64(uint8_t *p, uint64_t v)
{
	store_le32(p, (uint32_t)v);
	store_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t load_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | (uint16_t)p[1] << 8);
}

static inline uint32_t load_le32(const uint8_t *p)
{
	return load_le16(p) | (uint32_t)load_le16(p + 2) << 16;
}

static inline uint64_t load_le64(const uint8_t *p)
{
	return load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

#endif
