/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/caller.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fields of /proc/PID/stat (proc(5)), counted behind the name. */
#define STAT_FLAGS     7
#define STAT_EXIT_CODE 50

#define FLAG_EXITING 0x4u /* PF_EXITING */

/* A file of the thread, as text; false when there is none. */
static bool read_proc(pid_t thread, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* SIGKILL waits for the thread: any deadly signal is turned into it. */
static bool has_sigkill(const char *status)
{
	const char *line = strstr(status, "\nSigPnd:");
	uint64_t pending;

	return line && sscanf(line, "\nSigPnd: %" SCNx64, &pending) == 1 &&
	       pending & (1ull << (SIGKILL - 1));
}

static uint64_t stat_field(const char *stat, unsigned int field)
{
	const char *at = strrchr(stat, ')');
	uint64_t value = 0;

	while (at && field--)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, " %" SCNu64, &value);
	return value;
}

/* It ends by a signal, and the kernel is at its files. */
static bool is_dying(const char *stat)
{
	return stat_field(stat, STAT_FLAGS) & FLAG_EXITING &&
	       stat_field(stat, STAT_EXIT_CODE) & 0x7f;
}

bool caller_is_killed(pid_t thread)
{
	char text[4096];

	if (thread <= 0)
		return false;
	if (read_proc(thread, "status", text, sizeof(text)) && has_sigkill(text))
		return true;
	return read_proc(thread, "stat", text, sizeof(text)) && is_dying(text);
}
