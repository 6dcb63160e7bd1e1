/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/clock.h"

#include <stdio.h>

static int64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return clock_from_timespec(&ts);
}

int64_t clock_real_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_boot_ns(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

int64_t clock_from_timespec(const struct timespec *ts)
{
	__int128 ns = (__int128)ts->tv_sec * NS_PER_SECOND + ts->tv_nsec;

	if (ns < INT64_MIN)
		return INT64_MIN;
	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

struct timespec clock_to_timespec(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND };

	if (ts.tv_nsec < 0) {
		ts.tv_nsec += NS_PER_SECOND;
		ts.tv_sec--;
	}
	return ts;
}

void clock_format(int64_t real_ns, char *text)
{
	struct timespec ts = clock_to_timespec(real_ns);
	struct tm tm;
	size_t used;

	gmtime_r(&ts.tv_sec, &tm);
	used = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, 32 - used, ".%03dZ", (int)(ts.tv_nsec / 1000000));
}
