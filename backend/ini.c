/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/ini.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/base/buffer.h"

/* Where the parser is. */
struct ini_state {
	struct ini *ini;
	size_t capacity;
	const char *section; /* NULL before the first, and after a bad header */
	const char *parent;  /* the last name without a value; NULL: none */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts white space off both ends of the text, in place. */
static char *trim(char *text)
{
	size_t length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && is_blank(text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Cuts a comment off: '#' or ';' at the start or after white space. */
static void cut_comment(char *text)
{
	char *p;

	for (p = text; *p; p++) {
		if ((*p == '#' || *p == ';') && (p == text || is_blank(p[-1]))) {
			*p = '\0';
			return;
		}
	}
}

/* Makes each run of white space one blank, in place. */
static void squeeze(char *text)
{
	char *out = text;
	char *p;

	for (p = text; *p; p++) {
		if (!is_blank(*p))
			*out++ = *p;
		else if (out == text || out[-1] != ' ')
			*out++ = ' ';
	}
	*out = '\0';
}

static bool parse_section(struct ini_state *state, char *line)
{
	char *end = strchr(line, ']');

	state->parent = NULL;
	state->section = NULL;
	if (!end)
		return false;
	*end = '\0';
	line = trim(line + 1);
	squeeze(line);
	state->section = line;
	return true;
}

static void add_entry(struct ini_state *state, struct ini_entry entry)
{
	struct ini *ini = state->ini;

	if (ini->count == state->capacity) {
		state->capacity = state->capacity ? 2 * state->capacity : 16;
		ini->entries = xrealloc(ini->entries, state->capacity * sizeof(*ini->entries));
	}
	ini->entries[ini->count++] = entry;
}

static bool parse_assignment(struct ini_state *state, char *line, bool indented)
{
	char *equals = strchr(line, '=');
	struct ini_entry entry;

	if (!equals || !state->section || (indented && !state->parent))
		return false;
	*equals = '\0';
	entry.section = state->section;
	entry.parent = indented ? state->parent : NULL;
	entry.name = trim(line);
	entry.value = trim(equals + 1);
	if (!*entry.name)
		return false;
	if (!indented)
		state->parent = *entry.value ? NULL : entry.name;
	add_entry(state, entry);
	return true;
}

/* False when the line is none of the dialect. */
static bool parse_line(struct ini_state *state, char *line)
{
	bool indented = is_blank(*line);

	cut_comment(line);
	line = trim(line);
	if (!*line)
		return true;
	if (*line == '[' && !indented)
		return parse_section(state, line);
	return parse_assignment(state, line, indented);
}

void ini_parse(struct ini *ini, const char *text, size_t length)
{
	struct ini_state state = { .ini = ini };
	unsigned int number = 0;
	char *line;
	char *next;
	char *end;

	memset(ini, 0, sizeof(*ini));
	ini->text = xmalloc(length + 1);
	if (length)
		memcpy(ini->text, text, length);
	ini->text[length] = '\0';
	end = ini->text + length;
	for (line = ini->text; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		*next = '\0';
		number++;
		if (!parse_line(&state, line) && !ini->bad_line)
			ini->bad_line = number;
	}
}

void ini_release(struct ini *ini)
{
	free(ini->entries);
	free(ini->text);
	memset(ini, 0, sizeof(*ini));
}

const char *ini_get(const struct ini *ini, const char *section, const char *parent,
		    const char *name)
{
	size_t i;

	for (i = ini->count; i > 0; i--) {
		const struct ini_entry *entry = &ini->entries[i - 1];

		if (strcmp(entry->section, section) != 0 || strcasecmp(entry->name, name) != 0)
			continue;
		if (parent ? entry->parent && strcasecmp(entry->parent, parent) == 0
			   : !entry->parent)
			return entry->value;
	}
	return NULL;
}

bool ini_has_section(const struct ini *ini, const char *section)
{
	size_t i;

	for (i = 0; i < ini->count; i++) {
		if (strcmp(ini->entries[i].section, section) == 0)
			return true;
	}
	return false;
}
