/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"

static const char *const folders[] = { "journal", "index", "segments", "outbox" };

/* mkdir -p with mode 0700 for what it makes. */
static int make_path(const char *path)
{
	CLEANUP_FREE char *part = xstrdup(path);
	char *slash = part;

	while (slash) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return err_set_errno(-ERR_local_io, errno,
					     "cannot make the cache directory %s", part);
		if (slash)
			*slash = '/';
	}
	return 0;
}

/* What a cache directory may hold before it has a volume.json. */
static bool is_ours(const char *name)
{
	static const char *const files[] = { ".",	   "..",	  "lock", "volume.json.new",
					     "lost+found", "control.sock" };
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!strcmp(name, folders[i]))
			return true;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!strcmp(name, files[i]))
			return true;
	return false;
}

/* A directory that is to become a cache holds nothing of anybody else. */
static int check_unused(const char *directory)
{
	CLEANUP_FREE char *identity = xasprintf("%s/volume.json", directory);
	DIR *stream = opendir(directory);
	struct dirent *entry;
	int result = 0;

	if (!stream && errno == ENOENT)
		return 0;
	if (!stream)
		return err_set_errno(-ERR_local_io, errno, "cannot read the directory %s",
				     directory);
	while (access(identity, F_OK) && !result && (entry = readdir(stream)))
		if (!is_ours(entry->d_name))
			result = err_set(-ERR_cache_foreign,
					 "%s is no dray cache and not empty (it holds \"%s\"): "
					 "choose an empty directory for --cache",
					 directory, entry->d_name);
	closedir(stream);
	return result;
}

static int make_folders(const char *directory)
{
	size_t i;
	int result = make_path(directory);

	for (i = 0; !result && i < sizeof(folders) / sizeof(folders[0]); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", directory, folders[i]);

		result = make_path(path);
	}
	return result;
}

int cache_directory_lock(const char *directory, bool read_only)
{
	CLEANUP_FREE char *path = xasprintf("%s/lock", directory);
	int result = read_only ? 0 : check_unused(directory);
	int fd;

	if (!result && !read_only)
		result = make_folders(directory);

	if (result)
		return result;
	fd = open(path, read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(-ERR_local_io, errno,
				     read_only ? "%s is not a cache directory: cannot open its lock"
					       : "cannot open %s",
				     read_only ? directory : path);
	if (flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB)) {
		result = errno == EWOULDBLOCK
				 ? err_set(-ERR_cache_busy,
					   "the cache %s is in use by another dray process: "
					   "umount that one first, or choose another --cache",
					   directory)
				 : err_set_errno(-ERR_local_io, errno, "cannot lock %s", path);
		close(fd);
		return result;
	}
	return fd;
}

static int identity_corrupt(const char *path, const char *why)
{
	return err_set(-ERR_cache_foreign,
		       "%s is not the description of a dray cache (%s): choose another --cache, "
		       "or move the directory away if it holds nothing you need",
		       path, why);
}

static int identity_decode(const char *path, const json_t *root, struct cache_identity *out)
{
	CLEANUP_FREE char *volume_text = NULL;
	const char *kind;
	const char *cache;
	const char *url;
	json_int_t format;
	json_int_t epoch;
	json_t *volume;
	int restored;

	if (json_unpack((json_t *)root, "{s:s, s:I}", "drayfs", &kind, "format", &format) ||
	    strcmp(kind, "cache"))
		return identity_corrupt(path, "no \"drayfs\": \"cache\"");
	if (format > CACHE_FORMAT_VERSION)
		return err_set(-ERR_format_newer,
			       "%s was written by a newer drayfs (format %lld, this one knows %d): "
			       "upgrade drayfs",
			       path, (long long)format, CACHE_FORMAT_VERSION);
	if (json_unpack((json_t *)root, "{s:s, s:s, s:I, s:b, s:o}", "cache", &cache, "url", &url,
			"epoch", &epoch, "restored", &restored, "volume", &volume) ||
	    !id_from_hex(&out->cache, cache) || epoch < 0)
		return identity_corrupt(path, "fields are missing");
	volume_text = json_dumps(volume, JSON_COMPACT);
	if (!volume_text)
		return identity_corrupt(path, "the volume is not an object");
	out->epoch = (uint64_t)epoch;
	out->restored = restored;
	if (volume_decode(volume_text, strlen(volume_text), &out->volume))
		return identity_corrupt(path, err_message(-ERR_volume_corrupt));
	out->url = xstrdup(url);
	return 0;
}

int cache_identity_read(const char *directory, struct cache_identity *out)
{
	CLEANUP_FREE char *path = xasprintf("%s/volume.json", directory);
	json_error_t json_error;
	json_t *root;
	int result;

	memset(out, 0, sizeof(*out));
	if (access(path, F_OK)) {
		if (errno == ENOENT)
			return -ENOENT;
		return err_set_errno(-ERR_local_io, errno, "cannot read %s", path);
	}
	root = json_load_file(path, 0, &json_error);
	if (!root)
		return identity_corrupt(path, json_error.text);
	result = identity_decode(path, root, out);
	json_decref(root);
	return result;
}

static json_t *identity_encode(const struct cache_identity *identity)
{
	CLEANUP_BUFFER struct buffer volume = BUFFER_INIT;
	char cache[ID_HEX_SIZE];

	id_to_hex(&identity->cache, cache);
	volume_encode(&identity->volume, &volume);
	return json_pack("{s:s, s:i, s:s, s:s, s:I, s:b, s:o}", "drayfs", "cache", "format",
			 CACHE_FORMAT_VERSION, "cache", cache, "url", identity->url, "epoch",
			 (json_int_t)identity->epoch, "restored", (int)identity->restored, "volume",
			 json_loadb((char *)volume.data, volume.length, 0, NULL));
}

static int sync_path(const char *path, int flags)
{
	CLEANUP_FD int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 || disk_fsync(fd))
		return err_set_errno(-ERR_local_io, errno, "cannot make %s durable", path);
	return 0;
}

/* Durable, but for its name. */
static int write_text(const char *path, const char *text)
{
	CLEANUP_FD int fd =
		disk_create(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t length = strlen(text);
	size_t done = 0;

	while (fd >= 0 && done < length) {
		ssize_t n = disk_pwrite(fd, text + done, length - done, (off_t)done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (fd < 0 || done < length || disk_fsync(fd))
		return err_set_errno(errno == ENOSPC ? -ERR_cache_full : -ERR_local_io, errno,
				     "cannot write %s", path);
	return 0;
}

int cache_identity_write(const char *directory, const struct cache_identity *identity)
{
	CLEANUP_FREE char *path = xasprintf("%s/volume.json", directory);
	CLEANUP_FREE char *fresh = xasprintf("%s/volume.json.new", directory);
	json_t *root = identity_encode(identity);
	CLEANUP_FREE char *text = json_dumps(root, JSON_INDENT(2));
	int result;

	json_decref(root);
	result = write_text(fresh, text);
	CRASH_POINT(identity_written);
	if (!result && disk_rename(AT_FDCWD, fresh, path))
		result = err_set_errno(-ERR_local_io, errno, "cannot rename %s to %s", fresh, path);
	return result ? result : sync_path(directory, O_RDONLY | O_DIRECTORY);
}

void cache_identity_release(struct cache_identity *identity)
{
	free(identity->url);
	identity->url = NULL;
}
