/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t length)
{
	uint8_t *place = bytes;
	ssize_t got;

	while (length) {
		got = getrandom(place, length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort(); /* no kernel that runs us lacks getrandom */
		place += got;
		length -= (size_t)got;
	}
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}

struct id id_new(void)
{
	struct id id;

	random_bytes(id.bytes, sizeof(id.bytes));
	return id;
}

struct id id_new_uuid(void)
{
	struct id id = id_new();

	id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
	id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->bytes, b->bytes, ID_BYTES) == 0;
}

void hex_encode(const void *bytes, size_t length, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	size_t i;

	for (i = 0; i < length; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	text[2 * length] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, void *bytes, size_t length)
{
	uint8_t *out = bytes;
	size_t i;

	for (i = 0; i < length; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * length] == '\0';
}

void id_to_hex(const struct id *id, char text[ID_HEX_SIZE])
{
	hex_encode(id->bytes, ID_BYTES, text);
}

bool id_from_hex(struct id *id, const char *text)
{
	return hex_decode(text, id->bytes, ID_BYTES);
}

void id_to_uuid(const struct id *id, char text[UUID_TEXT_SIZE])
{
	char hex[ID_HEX_SIZE];

	id_to_hex(id, hex);
	snprintf(text, UUID_TEXT_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
}

bool id_from_uuid(struct id *id, const char *text)
{
	char hex[ID_HEX_SIZE];
	size_t i;
	size_t used = 0;

	if (strlen(text) != UUID_TEXT_SIZE - 1)
		return false;
	for (i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
		if (!dash)
			hex[used++] = text[i];
	}
	hex[used] = '\0';
	return id_from_hex(id, hex);
}
