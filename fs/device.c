/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/device.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/statx.h"

/* The request read last by this thread, which is the one it works on: libfuse
 * reads a request and calls the operation in the same thread. NULL: none. */
static _Thread_local const struct fuse_in_header *request;

/* The kernel's INIT offered the feature and is not answered yet. There is one
 * INIT, before all else. */
static atomic_bool init_is_patched;

static ssize_t device_read(int fd, void *buffer, size_t length, void *userdata)
{
	ssize_t got;

	request = NULL;
	do {
		got = read(fd, buffer, length);
		if (got < (ssize_t)sizeof(*request))
			return got;
	} while (statx_answer(userdata, fd, buffer, (size_t)got));
	request = buffer;
	if (request->opcode == FUSE_INIT && (size_t)got >= sizeof(*request) + 16) {
		const struct fuse_init_in *init = (const void *)(request + 1);

		atomic_store(&init_is_patched, init->flags & FUSE_HANDLE_KILLPRIV_V2);
	}
	return got;
}

/* The answer to INIT: a header and fuse_init_out. */
static void patch_init(struct iovec *iov, int count)
{
	struct fuse_init_out *init;

	if (count < 2 || iov[1].iov_len < sizeof(*init))
		return;
	init = iov[1].iov_base;
	if (init->major == FUSE_KERNEL_VERSION)
		init->flags |= FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t device_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	(void)userdata;
	if (atomic_load_explicit(&init_is_patched, memory_order_relaxed)) {
		atomic_store(&init_is_patched, false);
		patch_init(iov, count);
	}
	return writev(fd, iov, count);
}

const struct fuse_custom_io device_io = {
	.writev = device_writev,
	.read = device_read,
};

bool device_write_drops_privileges(void)
{
	const struct fuse_write_in *write;

	if (!request || request->opcode != FUSE_WRITE)
		return false;
	write = (const void *)(request + 1);
	return write->write_flags & FUSE_WRITE_KILL_SUIDGID;
}
