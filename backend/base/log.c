/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static atomic_bool log_use_syslog;
static atomic_int log_fd = -1;

static const char *const level_names[] = { "", "error", "warning", "info", "debug" };
static const int level_syslog[] = { 0, LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_to_syslog(void)
{
	openlog("dray", LOG_PID, LOG_DAEMON);
	atomic_store(&log_use_syslog, true);
}

void log_to_fd(int fd)
{
	atomic_store(&log_fd, fd);
}

static void log_write(int fd, enum log_level level, const char *text)
{
	char line[1200];
	char stamp[32];
	struct timespec now;
	struct tm tm;
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	length = snprintf(line, sizeof(line), "%s.%03ldZ dray[%d] %s: %s\n", stamp,
			  now.tv_nsec / 1000000, (int)getpid(), level_names[level], text);
	if (length >= (int)sizeof(line)) {
		length = sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	/* Nothing can be done about a log that cannot be written. */
	if (write(fd, line, (size_t)length) < 0)
		return;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[1024];
	va_list args;
	int fd = atomic_load(&log_fd);

	if (level == LOG_LEVEL_DEBUG && !getenv("DRAY_DEBUG"))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (fd >= 0)
		log_write(fd, level, text);
	if (atomic_load(&log_use_syslog))
		syslog(level_syslog[level], "%s", text);
	else if (fd < 0)
		log_write(STDERR_FILENO, level, text);
}
