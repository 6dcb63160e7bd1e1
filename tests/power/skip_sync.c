/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breaks a program's promises, to see that a test notices: preloaded
 * (LD_PRELOAD), it lets fdatasync(2) and fsync(2) of files whose path contains
 * $SKIP_SYNC succeed without doing anything.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_skipped(int fd)
{
	const char *part = getenv("SKIP_SYNC");
	char link[64];
	char path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (!part || length < 0)
		return 0;
	path[length] = '\0';
	return strstr(path, part) != NULL;
}

static int call(const char *name, int fd)
{
	int (*real)(int) = NULL;

	if (is_skipped(fd))
		return 0;
	*(void **)&real = dlsym(RTLD_NEXT, name);
	return real(fd);
}

int fdatasync(int fd)
{
	return call("fdatasync", fd);
}

int fsync(int fd)
{
	return call("fsync", fd);
}
