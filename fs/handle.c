/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/handle.h"

#include <stdlib.h>

#include "backend/base/buffer.h"

struct handle *handle_new(struct inode_table *inodes, uint64_t ino, int flags)
{
	struct handle *handle = xcalloc(1, sizeof(*handle));

	handle->ino = ino;
	handle->writable = (flags & O_ACCMODE) != O_RDONLY;
	if (handle->writable)
		inode_table_writer_add(inodes, ino);
	return handle;
}

void handle_free(struct inode_table *inodes, struct handle *handle)
{
	if (handle->writable)
		inode_table_writer_remove(inodes, handle->ino);
	free(handle);
}
