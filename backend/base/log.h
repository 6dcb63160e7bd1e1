/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a message, to stderr or to syslog once the daemon is detached.
 * Thread-safe. Messages of level DEBUG are dropped unless DRAY_DEBUG is set
 * in the environment.
 */
#ifndef DRAY_BASE_LOG_H
#define DRAY_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 1, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Sends all later lines to syslog (facility daemon, ident "dray"). */
void log_to_syslog(void);
/* Sends all later lines to this file descriptor as well; -1 ends it. */
void log_to_fd(int fd);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
