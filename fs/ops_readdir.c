/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "cache/ns.h"
#include "fs/cloud_sync.h"
#include "fs/fs.h"
#include "fs/ops.h"
#include "fs/reply.h"

/* One reply's worth of a listing. */
struct listing {
	fuse_req_t req;
	bool plus; /* with attributes */
	char *bytes;
	size_t size;
	size_t used;
};

#define LISTING_FULL 1

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)ino;
	/* Directories need no handle. Kernels that know this answer never ask
	 * again, and keep listings as below. */
	if (fs->opendir_is_needless) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	fuse_reply_open(req, fi);
}

/* Adds an entry. With attributes, their place is left zero: what says that
 * there are none. fill_attributes() comes later, without the locks of the
 * listing. */
static int add_entry(const char *name_bytes, size_t name_length, uint64_t ino, uint8_t type,
		     uint64_t cookie, void *arg)
{
	struct listing *listing = arg;
	struct fuse_entry_param entry = { .attr.st_ino = ino,
					  .attr.st_mode = (mode_t)DTTOIF(type) };
	char *place = listing->bytes + listing->used;
	size_t left = listing->size - listing->used;
	char name[NAME_BYTES_MAX + 1];
	size_t length;

	memcpy(name, name_bytes, name_length);
	name[name_length] = '\0';
	if (listing->plus)
		length = fuse_add_direntry_plus(listing->req, place, left, name, &entry,
						(off_t)cookie);
	else
		length = fuse_add_direntry(listing->req, place, left, name, &entry.attr,
					   (off_t)cookie);
	if (length > left)
		return LISTING_FULL;
	listing->used += length;
	return 0;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Gives one entry its attributes, which the kernel takes for a look-up. "."
 * and ".." are none: it forgets nothing for them. An entry that is gone, or
 * cannot be read, stays without: a look-up will tell. */
static void fill_entry(struct fs *fs, fuse_req_t req, struct fuse_direntplus *place)
{
	struct fuse_dirent *dirent = &place->dirent;
	struct fuse_entry_param entry;
	struct attributes attributes;
	char name[NAME_BYTES_MAX + 1];

	memcpy(name, dirent->name, dirent->namelen);
	name[dirent->namelen] = '\0';
	if (is_dot(name) || attr_get(fs->cache, dirent->ino, &attributes))
		return;
	reply_entry_param(fs, &attributes, &entry);
	inode_table_get(fs->inodes, attributes.ino);
	fuse_add_direntry_plus(req, (char *)place, FUSE_DIRENTPLUS_SIZE(place), name, &entry,
			       (off_t)dirent->off);
}

static struct fuse_direntplus *entry_at(struct listing *listing, size_t position)
{
	return (struct fuse_direntplus *)(listing->bytes + position);
}

static void fill_attributes(struct fs *fs, struct listing *listing)
{
	size_t at;

	for (at = 0; at < listing->used; at += FUSE_DIRENTPLUS_SIZE(entry_at(listing, at)))
		fill_entry(fs, listing->req, entry_at(listing, at));
}

/* The reply did not arrive: none of its look-ups happened. */
static void take_back(struct fs *fs, struct listing *listing)
{
	size_t at;

	for (at = 0; at < listing->used; at += FUSE_DIRENTPLUS_SIZE(entry_at(listing, at))) {
		uint64_t ino = entry_at(listing, at)->entry_out.nodeid;

		if (ino && inode_table_put(fs->inodes, ino, 1))
			ns_forget(fs->cache, ino);
	}
}

/* offset is the cookie of the entry before, 0 at the start. */
static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
	struct fs *fs = fuse_req_userdata(req);
	struct listing listing = {
		.req = req, .plus = plus, .bytes = reply_scratch(size), .size = size
	};
	int result = ns_readdir(fs->cache, ino, (uint64_t)offset, add_entry, &listing);

	if (result < 0) {
		reply_result(req, "readdir", ino, NULL, result);
		return;
	}
	if (plus)
		fill_attributes(fs, &listing);
	if (fuse_reply_buf(req, listing.bytes, listing.used) && plus)
		take_back(fs, &listing);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, offset, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, offset, true);
}

/* syncfs(2) does not reach a FUSE server; this is its stand-in: all that was
 * handed over so far, in whatever directory. */
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	int result = cache_sync(fs->cache);

	(void)datasync;
	(void)fi;
	if (result)
		reply_result(req, "fsyncdir", ino, NULL, result);
	else
		cloud_sync_reply(fs->cloud_sync, req, "fsyncdir", ino);
}
