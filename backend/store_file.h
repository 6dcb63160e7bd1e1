/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of file:///root: an object is a file, its key the path below the
 * root directory.
 *
 *	root/volume  root/log/00000001 ...   objects
 *	root/+tmp/<random>                   files being written
 *
 * '+' is not a character of keys: a listing skips every name that is no part
 * of a key (+tmp, lost+found), and no key can reach into +tmp.
 *
 * Put: write root/+tmp/<random>, fdatasync it, then give it its name by
 * link(2) (STORE_IF_ABSENT) or rename(2), then fsync the directory. An
 * object is therefore whole at every instant, and after put returned 0, or
 * -EEXIST, the object survives a power cut. A crash leaves at most files in
 * +tmp; those older than a day are removed when the store is opened.
 * A removal is not flushed: after a power cut the object may be back.
 *
 * The root is held open by descriptor, so that a file system that is
 * unmounted or replaced below a running gateway is never mistaken for an
 * empty volume. Directories are made as needed and never removed. Files and
 * directories are for their owner only: they hold what the volume holds.
 *
 * Fit for local file systems. On NFS link(2) is atomic too, but one server
 * must hold the volume.
 */
#ifndef DRAY_STORE_FILE_H
#define DRAY_STORE_FILE_H

#include "backend/store.h"

/*
 * Opens the store in the directory root (absolute path). With create, makes
 * the directory when its parent exists. Returns 0, -ERR_store_no_bucket when
 * it does not exist, or -ERR_store_denied, -ERR_store_failed.
 */
int store_file_open(const char *root, bool create, struct store **out);

#endif
