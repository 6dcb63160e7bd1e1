/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check_memory(void *pointer)
{
	if (!pointer) {
		fputs("dray: out of memory\n", stderr);
		abort();
	}
	return pointer;
}

void *xmalloc(size_t size)
{
	return check_memory(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return check_memory(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *pointer, size_t size)
{
	return check_memory(realloc(pointer, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return check_memory(strdup(text));
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	return check_memory(length < 0 ? NULL : text);
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
}

void buffer_reserve(struct buffer *buffer, size_t extra)
{
	size_t need = buffer->length + extra;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;

	if (need <= buffer->capacity)
		return;
	while (capacity < need)
		capacity += capacity / 2;
	buffer->data = xrealloc(buffer->data, capacity);
	buffer->capacity = capacity;
}

uint8_t *buffer_steal(struct buffer *buffer, size_t *length_out)
{
	uint8_t *data = buffer->data;

	*length_out = buffer->length;
	memset(buffer, 0, sizeof(*buffer));
	return data;
}

uint8_t *buffer_extend(struct buffer *buffer, size_t length)
{
	uint8_t *place;

	buffer_reserve(buffer, length);
	place = buffer->data + buffer->length;
	buffer->length += length;
	return place;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (length)
		memcpy(buffer_extend(buffer, length), bytes, length);
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
	*buffer_extend(buffer, 1) = value;
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
	store_le16(buffer_extend(buffer, 2), value);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
	store_le32(buffer_extend(buffer, 4), value);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
	store_le64(buffer_extend(buffer, 8), value);
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
	while (value >= 0x80) {
		buffer_put_u8(buffer, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	buffer_put_u8(buffer, (uint8_t)value);
}

void buffer_put_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	va_list again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	buffer_reserve(buffer, (size_t)length + 1);
	vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, again);
	va_end(again);
	buffer->length += (size_t)length;
}

void reader_init(struct reader *reader, const void *data, size_t length)
{
	reader->data = data;
	reader->length = length;
	reader->position = 0;
	reader->failed = false;
}

size_t reader_left(const struct reader *reader)
{
	return reader->length - reader->position;
}

const uint8_t *reader_get_bytes(struct reader *reader, size_t length)
{
	const uint8_t *place = reader->data + reader->position;

	if (reader->failed || reader_left(reader) < length) {
		reader->failed = true;
		return NULL;
	}
	reader->position += length;
	return place;
}

uint8_t reader_get_u8(struct reader *reader)
{
	const uint8_t *p = reader_get_bytes(reader, 1);

	return p ? *p : 0;
}

uint16_t reader_get_u16(struct reader *reader)
{
	const uint8_t *p = reader_get_bytes(reader, 2);

	return p ? load_le16(p) : 0;
}

uint32_t reader_get_u32(struct reader *reader)
{
	const uint8_t *p = reader_get_bytes(reader, 4);

	return p ? load_le32(p) : 0;
}

uint64_t reader_get_u64(struct reader *reader)
{
	const uint8_t *p = reader_get_bytes(reader, 8);

	return p ? load_le64(p) : 0;
}

uint64_t reader_get_varint(struct reader *reader)
{
	uint64_t value = 0;
	uint8_t byte;
	unsigned int shift;

	for (shift = 0; shift < 64; shift += 7) {
		byte = reader_get_u8(reader);
		if (shift == 63 && byte > 1)
			break; /* more than 64 bits */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader->failed = true;
	return 0;
}
