/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "fs/mountinfo.h"

#define HELPER	    "fusermount3"
#define DEVICE	    "/dev/fuse"
#define STACKED_MAX 8

static int bad(const char *path, const char *why)
{
	return err_set(-ERR_bad_mountpoint, "cannot mount on %s: %s", path, why);
}

/* The mounted file system has no process behind it any more. statfs(2) always
 * asks it; while it is being killed, the answer waits until it is dead. */
static bool is_dead(const char *path)
{
	struct statfs info;

	return statfs(path, &info) && (errno == ENOTCONN || errno == ECONNABORTED);
}

/*
 * The path without symlinks. Of a dead mount realpath() cannot look at the
 * last component; there it is the parent's path and the name.
 */
static int resolve(const char *path, char **real_out)
{
	CLEANUP_FREE char *trimmed = xstrdup(path);
	CLEANUP_FREE char *parent = NULL;
	size_t length = strlen(trimmed);
	char *name;

	while (length > 1 && trimmed[length - 1] == '/')
		trimmed[--length] = '\0';
	*real_out = realpath(trimmed, NULL);
	if (*real_out)
		return 0;
	if (errno == ENOENT)
		return bad(path, "there is no such directory, make it first");
	if (errno != ENOTCONN && errno != ECONNABORTED)
		return bad(path, strerror(errno));
	name = strrchr(trimmed, '/');
	if (name)
		*name++ = '\0';
	parent = realpath(!name ? "." : *trimmed ? trimmed : "/", NULL);
	if (!parent)
		return bad(path, strerror(errno));
	*real_out = xasprintf("%s/%s", strcmp(parent, "/") ? parent : "", name ? name : trimmed);
	return 0;
}

static int check_not_mounted(const char *path)
{
	struct mountinfo info;
	int stacked;
	int result;

	for (stacked = 0; mountinfo_find(path, &info) && stacked < STACKED_MAX; stacked++) {
		if (strcmp(info.type, MOUNT_TYPE) || !is_dead(path))
			return err_set(-ERR_bad_mountpoint,
				       "cannot mount on %s: %s (%s) is mounted there already, "
				       "unmount it first or choose another directory",
				       path, info.source, info.type);
		log_warn("%s: unmounting what a gateway that is dead left there", path);
		result = mountpoint_unmount(path, true);
		if (result)
			return result;
	}
	return 0;
}

static int check_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int entries = 0;

	/* Whoever may not list it may still be allowed to mount on it. */
	if (!directory)
		return 0;
	while (entries <= 2 && (entry = readdir(directory)) != NULL)
		entries++;
	closedir(directory);
	if (entries > 2)
		return bad(path, "the directory is not empty, choose an empty one or mount over "
				 "its entries with -o nonempty");
	return 0;
}

static int check_device(const char *path)
{
	if (access(DEVICE, F_OK))
		return bad(path, DEVICE " is missing, load the kernel module fuse (modprobe fuse) "
					"or, in a container, pass the device in");
	if (access(DEVICE, R_OK | W_OK))
		return err_set_errno(-ERR_bad_mountpoint, errno, "cannot mount on %s: " DEVICE,
				     path);
	return 0;
}

/* True when execvp() would find the program. */
static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	CLEANUP_FREE char *list = xstrdup(path ? path : "/usr/bin:/bin");
	char *save = NULL;

	for (char *directory = strtok_r(list, ":", &save); directory;
	     directory = strtok_r(NULL, ":", &save)) {
		CLEANUP_FREE char *file = xasprintf("%s/%s", directory, program);

		if (!access(file, X_OK))
			return true;
	}
	return false;
}

int mountpoint_prepare(const char *path, bool nonempty, char **real_out)
{
	CLEANUP_FREE char *real = NULL;
	struct stat stat;
	int result = resolve(path, &real);

	if (!result)
		result = check_not_mounted(real);
	if (result)
		return result;
	if (lstat(real, &stat))
		return bad(path, strerror(errno));
	if (!S_ISDIR(stat.st_mode))
		return bad(path, "it is not a directory");
	if (!nonempty)
		result = check_empty(real);
	if (!result)
		result = check_device(path);
	if (!result && geteuid() && !is_in_path(HELPER))
		result = bad(path, HELPER " is missing, without which only root can mount: install "
					  "the package fuse3");
	if (result)
		return result;
	*real_out = real;
	real = NULL;
	return 0;
}

/* What the helper writes to stderr comes back in text, without newlines. */
static void read_helper(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used + 1 < size && (got = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	while (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
}

/* Runs the helper with no signal blocked; its exit status, or -1. */
static int run_helper(char *const arguments[], char *text, size_t size)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int fds[2];
	int status = -1;
	int failed;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	failed = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!failed) {
		read_helper(fds[0], text, size);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} else {
		snprintf(text, size, "%s: %s", arguments[0], strerror(failed));
	}
	close(fds[0]);
	return !failed && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int unmount_by_helper(const char *path, bool detach)
{
	char *const arguments[] = { (char *)HELPER, (char *)(detach ? "-uz" : "-u"), (char *)"--",
				    (char *)path, NULL };
	char text[256] = "";

	if (!run_helper(arguments, text, sizeof(text)))
		return 0;
	if (strstr(text, "busy"))
		return -EBUSY;
	return err_set(-ERR_bad_mountpoint, "cannot unmount %s: %s", path, text);
}

int mountpoint_unmount(const char *path, bool detach)
{
	struct mountinfo info;

	/* Never what somebody else mounted over ours. */
	if (!mountinfo_find(path, &info) || strcmp(info.type, MOUNT_TYPE))
		return 0;
	if (!umount2(path, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0)))
		return 0;
	if (errno == EBUSY)
		return -EBUSY;
	if (errno == EPERM && geteuid())
		return unmount_by_helper(path, detach);
	return err_set_errno(-ERR_bad_mountpoint, errno, "cannot unmount %s", path);
}
