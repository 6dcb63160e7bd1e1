/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/object_name.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_DIGITS 16
#define ID_DIGITS     (ID_HEX_SIZE - 1)

/* Prefix and shape of each kind's names. */
static const struct {
	const char *prefix;
	bool sharded; /* "<shard>/" before the number */
	bool has_id;  /* "-<id>" behind it */
} shapes[] = {
	[OBJECT_WRITER] = { OBJECT_PREFIX_WRITER, false, false },
	[OBJECT_LEASE] = { OBJECT_PREFIX_LEASE, false, false },
	[OBJECT_LOG] = { OBJECT_PREFIX_LOG, false, false },
	[OBJECT_PACK] = { OBJECT_PREFIX_PACK, true, true },
	[OBJECT_META] = { OBJECT_PREFIX_META, false, true },
	[OBJECT_ROOT] = { OBJECT_PREFIX_ROOT, false, false },
};

#define SHAPES_COUNT (sizeof(shapes) / sizeof(shapes[0]))

void object_name_format(const struct object_name *name, char text[OBJECT_NAME_SIZE])
{
	char hex[ID_HEX_SIZE];
	int used;

	assert(name->kind != OBJECT_INVALID && name->kind < SHAPES_COUNT);
	if (name->kind == OBJECT_VOLUME) {
		snprintf(text, OBJECT_NAME_SIZE, "%s", OBJECT_NAME_VOLUME);
		return;
	}
	id_to_hex(&name->id, hex);
	used = snprintf(text, OBJECT_NAME_SIZE, "%s", shapes[name->kind].prefix);
	if (shapes[name->kind].sharded)
		used += snprintf(text + used, OBJECT_NAME_SIZE - (size_t)used, "%.2s/", hex);
	used += snprintf(text + used, OBJECT_NAME_SIZE - (size_t)used, "%016" PRIx64, name->number);
	if (shapes[name->kind].has_id)
		used += snprintf(text + used, OBJECT_NAME_SIZE - (size_t)used, "-%s", hex);
	assert(used < OBJECT_NAME_SIZE);
}

static void format_number(enum object_kind kind, uint64_t number, char text[OBJECT_NAME_SIZE])
{
	struct object_name name = { .kind = kind, .number = number };

	object_name_format(&name, text);
}

void object_name_writer(uint64_t epoch, char text[OBJECT_NAME_SIZE])
{
	format_number(OBJECT_WRITER, epoch, text);
}

void object_name_lease(uint64_t epoch, char text[OBJECT_NAME_SIZE])
{
	format_number(OBJECT_LEASE, epoch, text);
}

void object_name_log(uint64_t seq, char text[OBJECT_NAME_SIZE])
{
	format_number(OBJECT_LOG, seq, text);
}

void object_name_root(uint64_t seq, char text[OBJECT_NAME_SIZE])
{
	format_number(OBJECT_ROOT, seq, text);
}

void object_name_pack(uint64_t epoch, const struct id *id, char text[OBJECT_NAME_SIZE])
{
	struct object_name name = { .kind = OBJECT_PACK, .number = epoch, .id = *id };

	object_name_format(&name, text);
}

void object_name_meta(uint64_t epoch, const struct id *id, char text[OBJECT_NAME_SIZE])
{
	struct object_name name = { .kind = OBJECT_META, .number = epoch, .id = *id };

	object_name_format(&name, text);
}

/* Reads the 16 digits at text, if that many are left. */
static bool parse_number(const char *text, uint64_t *number_out)
{
	char digits[NUMBER_DIGITS + 1] = "";
	uint8_t bytes[NUMBER_DIGITS / 2];
	size_t i;

	strncpy(digits, text, NUMBER_DIGITS);
	if (!hex_decode(digits, bytes, sizeof(bytes)))
		return false;
	*number_out = 0;
	for (i = 0; i < sizeof(bytes); i++)
		*number_out = *number_out << 8 | bytes[i];
	return true;
}

/* Takes the fields from where the shape puts them; the caller compares the
 * whole name, so that nothing else needs a check here. */
static bool parse_fields(const char *text, struct object_name *out)
{
	size_t at = strlen(shapes[out->kind].prefix);

	if (shapes[out->kind].sharded)
		at += strlen("ff/");
	if (strlen(text) < at || !parse_number(text + at, &out->number))
		return false;
	at += NUMBER_DIGITS;
	return !shapes[out->kind].has_id ||
	       (text[at] == '-' && id_from_hex(&out->id, text + at + 1));
}

static enum object_kind parse_kind(const char *text)
{
	size_t kind;

	if (strcmp(text, OBJECT_NAME_VOLUME) == 0)
		return OBJECT_VOLUME;
	for (kind = OBJECT_WRITER; kind < SHAPES_COUNT; kind++)
		if (strncmp(text, shapes[kind].prefix, strlen(shapes[kind].prefix)) == 0)
			return (enum object_kind)kind;
	return OBJECT_INVALID;
}

bool object_name_parse(const char *text, struct object_name *out)
{
	char canonical[OBJECT_NAME_SIZE];

	memset(out, 0, sizeof(*out));
	out->kind = parse_kind(text);
	if (out->kind == OBJECT_VOLUME)
		return true;
	if (out->kind != OBJECT_INVALID && parse_fields(text, out)) {
		object_name_format(out, canonical);
		if (strcmp(text, canonical) == 0)
			return true;
	}
	memset(out, 0, sizeof(*out));
	return false;
}
