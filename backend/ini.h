/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INI dialect of the AWS shared files (~/.aws/config, credentials):
 *
 *	# comment, also with ';'
 *	[profile work]
 *	region = eu-west-1        # a comment after white space
 *	services = local
 *	[services local]
 *	s3 =
 *	  endpoint_url = http://127.0.0.1:7480
 *
 * An indented line below a name without a value is a name of its own, inside
 * that parent. Lines that are none of these are skipped, and the first of
 * them is remembered. Pure: text in, entries out; any bytes are parsed.
 */
#ifndef DRAY_INI_H
#define DRAY_INI_H

#include <stdbool.h>
#include <stddef.h>

struct ini_entry {
	const char *section; /* white space inside the brackets made single */
	const char *parent;  /* NULL at the top */
	const char *name;
	const char *value; /* "" when there is none */
};

struct ini {
	struct ini_entry *entries;
	size_t count;
	unsigned int bad_line; /* number of the first skipped line; 0: none */
	char *text;	       /* private: what the entries point into */
};

/* Parses the text into *ini, which ini_release() frees. Never fails. */
void ini_parse(struct ini *ini, const char *text, size_t length);
void ini_release(struct ini *ini);

/* The value of a name (any case) in a section, inside parent unless that is
 * NULL; the last one of several; NULL when there is none. */
const char *ini_get(const struct ini *ini, const char *section, const char *parent,
		    const char *name);
/* True when any entry belongs to the section. */
bool ini_has_section(const struct ini *ini, const char *section);

#endif
