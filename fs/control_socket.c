/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "fs/control_proto.h"

#define CONTROL_BACKLOG 16

static int open_directory(const char *cache_directory)
{
	return open(cache_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void make_address(struct sockaddr_un *address, int directory)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", directory,
		 CONTROL_SOCKET_NAME);
}

static int fail(int errnum, const char *what, const char *cache_directory)
{
	return err_set_errno(-ERR_local_io, errnum, "cannot %s the control socket %s/%s", what,
			     cache_directory, CONTROL_SOCKET_NAME);
}

int control_socket_listen(const char *cache_directory, int *fd_out)
{
	CLEANUP_FD int directory = open_directory(cache_directory);
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	if (directory < 0 || fd < 0)
		return fail(errno, "create", cache_directory);
	make_address(&address, directory);
	if (unlinkat(directory, CONTROL_SOCKET_NAME, 0) && errno != ENOENT)
		return fail(errno, "replace", cache_directory);
	/* Linux gives the socket file the mode of the socket, less the umask;
	 * so nobody else can connect, not even before a later chmod. */
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(errno, "bind", cache_directory);
	if (listen(fd, CONTROL_BACKLOG))
		return fail(errno, "listen on", cache_directory);
	*fd_out = fd;
	fd = -1;
	return 0;
}

int control_socket_connect(const char *cache_directory, int *fd_out)
{
	CLEANUP_FD int directory = open_directory(cache_directory);
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	if (directory < 0 && errno == ENOENT)
		return -ENOENT;
	if (directory < 0 || fd < 0)
		return fail(errno, "reach", cache_directory);
	make_address(&address, directory);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return -errno;
		return fail(errno, "connect to", cache_directory);
	}
	*fd_out = fd;
	fd = -1;
	return 0;
}

void control_socket_remove(const char *cache_directory)
{
	CLEANUP_FD int directory = open_directory(cache_directory);

	/* A socket that stays only refuses connections; the next gateway replaces it. */
	if (directory >= 0)
		unlinkat(directory, CONTROL_SOCKET_NAME, 0);
}
