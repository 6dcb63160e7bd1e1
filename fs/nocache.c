/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/nocache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"

/* What the kernel keeps of a name (TASK_COMM_LEN), without its NUL. */
#define COMM_BYTES 15

struct nocache {
	char (*comms)[COMM_BYTES + 1];
	size_t comm_count;
	uid_t *uids;
	size_t uid_count;
};

static int add_comm(struct nocache *nocache, const char *name)
{
	if (!*name)
		return err_set(-ERR_bad_option, "mount option nocache-comm: a name is empty");
	nocache->comms =
		xrealloc(nocache->comms, (nocache->comm_count + 1) * sizeof(*nocache->comms));
	snprintf(nocache->comms[nocache->comm_count++], COMM_BYTES + 1, "%s", name);
	return 0;
}

static int add_uid(struct nocache *nocache, const char *text)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value >= UINT32_MAX)
		return err_set(-ERR_bad_option,
			       "mount option nocache-uid: \"%s\" is not the number of a user",
			       text);
	nocache->uids = xrealloc(nocache->uids, (nocache->uid_count + 1) * sizeof(*nocache->uids));
	nocache->uids[nocache->uid_count++] = (uid_t)value;
	return 0;
}

/* Calls add for each part of the list. */
static int parse(struct nocache *nocache, const char *list,
		 int (*add)(struct nocache *nocache, const char *part))
{
	CLEANUP_FREE char *copy = list ? xstrdup(list) : NULL;
	char *rest = copy;
	char *part;
	int result = 0;

	while (!result && (part = strsep(&rest, ":")))
		result = add(nocache, part);
	return result;
}

int nocache_new(const char *comms, const char *uids, struct nocache **out)
{
	struct nocache *nocache;
	int result;

	*out = NULL;
	if (!comms && !uids)
		return 0;
	nocache = xcalloc(1, sizeof(*nocache));
	result = parse(nocache, comms, add_comm);
	if (!result)
		result = parse(nocache, uids, add_uid);
	if (result)
		nocache_free(nocache);
	else
		*out = nocache;
	return result;
}

void nocache_free(struct nocache *nocache)
{
	if (!nocache)
		return;
	free(nocache->comms);
	free(nocache->uids);
	free(nocache);
}

/* A small file of /proc; false when the process is gone. */
static bool read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	CLEANUP_FD int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, out, size - 1);
	out[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static bool comm_is_listed(const struct nocache *nocache, pid_t pid)
{
	char comm[COMM_BYTES + 2]; /* with a newline */
	size_t i;

	if (!read_proc(pid, "comm", comm, sizeof(comm)))
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	for (i = 0; i < nocache->comm_count; i++) {
		if (!strcmp(nocache->comms[i], comm))
			return true;
	}
	return false;
}

/* The main thread of the process that a thread belongs to; 0: it is gone. */
static pid_t main_thread(pid_t pid)
{
	char status[512];
	const char *line;

	if (!read_proc(pid, "status", status, sizeof(status)))
		return 0;
	line = strstr(status, "\nTgid:");
	return line ? (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10) : 0;
}

bool nocache_is_for(const struct nocache *nocache, uid_t uid, pid_t pid)
{
	pid_t first;
	size_t i;

	if (!nocache)
		return false;
	for (i = 0; i < nocache->uid_count; i++) {
		if (nocache->uids[i] == uid)
			return true;
	}
	if (!nocache->comm_count || pid <= 0)
		return false;
	if (comm_is_listed(nocache, pid))
		return true;
	first = main_thread(pid);
	return first > 0 && first != pid && comm_is_listed(nocache, first);
}
