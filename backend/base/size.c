/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/size.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"

/*
 * A non-negative decimal number; returns what follows it, or NULL. What
 * strtod(3) knows beyond digits and a point (0x, exponents, inf) is refused.
 */
static const char *parse_number(const char *text, double *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*out = strtod(text, &end);
	return end == text + strspn(text, "0123456789.") ? end : NULL;
}

bool size_parse(const char *text, uint64_t *bytes_out)
{
	static const char units[] = "KMGTPE";
	const char *unit;
	double number;
	int shift = 0;

	text = parse_number(text, &number);
	if (!text)
		return false;
	unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	if (unit) {
		shift = 10 * (int)(unit - units + 1);
		text++;
		if (*text == 'i')
			text++;
	}
	if (*text == 'B')
		text++;
	number = ldexp(number, shift);
	if (*text || number >= 9.2e18)
		return false;
	*bytes_out = (uint64_t)number;
	return true;
}

void size_format(uint64_t bytes, char *text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 16, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

bool duration_parse(const char *text, int64_t *ns_out)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "", 1 },   { "s", 1 },	  { "ms", 0.001 },
		      { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	double number;
	size_t i;

	text = parse_number(text, &number);
	for (i = 0; text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].suffix) || number * units[i].seconds > 9e9)
			continue;
		*ns_out = (int64_t)(number * units[i].seconds * (double)NS_PER_SECOND);
		return true;
	}
	return false;
}

void duration_format(int64_t ns, char *text)
{
	long long s = ns / NS_PER_SECOND;

	if (s >= 86400)
		snprintf(text, 24, "%lldd%02lldh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(text, 24, "%lldh%02lldm", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(text, 24, "%lldm%02llds", s / 60, s % 60);
	else
		snprintf(text, 24, "%llds", s);
}
