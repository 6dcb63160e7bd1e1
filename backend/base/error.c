/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_class { PERMANENT, TRANSIENT, AMBIGUOUS };

struct err_row {
	const char *name;
	int errnum;
	enum err_class class;
};

static const struct err_row err_table[] = {
#define X(name, errnum, class) { #name, errnum, class },
	ERR_CODES(X)
#undef X
};

static _Thread_local char err_text[1024];
static _Thread_local int err_text_code;

static const struct err_row *err_find(int code)
{
	if (-code <= ERR_before_first || -code >= ERR_after_last)
		return NULL;
	return &err_table[-code - ERR_before_first - 1];
}

int err_set(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err_text, sizeof(err_text), format, args);
	va_end(args);
	err_text_code = code;
	return code;
}

int err_set_errno(int code, int errnum, const char *format, ...)
{
	va_list args;
	size_t used;

	va_start(args, format);
	vsnprintf(err_text, sizeof(err_text), format, args);
	va_end(args);
	used = strlen(err_text);
	snprintf(err_text + used, sizeof(err_text) - used, ": %s", strerror(errnum));
	err_text_code = code;
	return code;
}

const char *err_message(int code)
{
	if (code == err_text_code && err_text[0])
		return err_text;
	return strerror(err_to_errno(code));
}

void err_clear(void)
{
	err_text[0] = '\0';
	err_text_code = 0;
}

int err_to_errno(int code)
{
	const struct err_row *row = err_find(code);

	return row ? row->errnum : -code;
}

const char *err_name(int code)
{
	const struct err_row *row = err_find(code);
	const char *name;

	if (row)
		return row->name;
	name = strerrorname_np(-code);
	return name ? name : "unknown";
}

bool err_is_transient(int code)
{
	const struct err_row *row = err_find(code);

	return row && row->class != PERMANENT;
}

bool err_is_ambiguous(int code)
{
	const struct err_row *row = err_find(code);

	return row && row->class == AMBIGUOUS;
}
