/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"

#define FIELDS_MAX 64

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Turns the kernel's "\040" back into the byte, in place. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/*
 *	36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *	 0  1 2    3     4            5          6...     - type source    options
 */
static bool parse_line(char *line, const char *path, struct mountinfo *out)
{
	char *fields[FIELDS_MAX];
	char *save = NULL;
	size_t count = 0;
	size_t dash = 6;

	for (char *field = strtok_r(line, " ", &save); field && count < FIELDS_MAX;
	     field = strtok_r(NULL, " ", &save))
		fields[count++] = field;
	while (dash < count && strcmp(fields[dash], "-"))
		dash++;
	if (dash + 2 >= count)
		return false;
	unescape(fields[4]);
	if (strcmp(fields[4], path))
		return false;
	unescape(fields[dash + 2]);
	if (sscanf(fields[2], "%u:%u", &out->major, &out->minor) != 2)
		return false;
	snprintf(out->type, sizeof(out->type), "%s", fields[dash + 1]);
	snprintf(out->source, sizeof(out->source), "%s", fields[dash + 2]);
	return true;
}

bool mountinfo_find_in(const char *text, const char *path, struct mountinfo *out)
{
	CLEANUP_FREE char *copy = xstrdup(text);
	char *save = NULL;
	bool found = false;

	/* Later mounts come later: the last one at the path is on top. */
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		found |= parse_line(line, path, out);
	return found;
}

bool mountinfo_find(const char *path, struct mountinfo *out)
{
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char part[4096];
	size_t got;

	if (!file)
		return false;
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&text, part, got);
	fclose(file);
	buffer_put_u8(&text, 0);
	return mountinfo_find_in((char *)text.data, path, out);
}
