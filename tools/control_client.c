/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/control_client.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/id.h"
#include "fs/control_proto.h"
#include "fs/control_socket.h"

/* realpath() of all but the last component, so that a symlink itself can be
 * named. */
static char *absolute_path(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	CLEANUP_FREE char *directory = NULL;
	size_t length = strlen(copy);
	char *slash;

	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	slash = strrchr(copy, '/');
	if (!strcmp(copy, ".") || !strcmp(copy, "..") || !strcmp(copy, "/") ||
	    (slash && (!strcmp(slash, "/.") || !strcmp(slash, "/.."))))
		return realpath(copy, NULL);
	if (slash)
		*slash = '\0';
	directory = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
	if (!directory)
		return NULL;
	return xasprintf("%s/%s", strcmp(directory, "/") ? directory : "",
			 slash ? slash + 1 : copy);
}

/* The topmost directory of the path's file system. */
static char *find_mountpoint(const char *path)
{
	char *mountpoint = absolute_path(path);
	struct stat here;
	struct stat above;
	char *slash;

	if (!mountpoint || lstat(mountpoint, &here)) {
		free(mountpoint);
		return NULL;
	}
	while ((slash = strrchr(mountpoint, '/')) && mountpoint[1]) {
		CLEANUP_FREE char *parent = xstrdup(mountpoint);

		parent[slash == mountpoint ? 1 : slash - mountpoint] = '\0';
		if (stat(parent, &above) || above.st_dev != here.st_dev)
			break;
		memcpy(mountpoint, parent, strlen(parent) + 1);
	}
	return mountpoint;
}

static bool is_cache_directory(const char *path)
{
	CLEANUP_FREE char *file = xasprintf("%s/volume.json", path);

	return !access(file, F_OK);
}

int control_client_open(const char *path, struct control_client *client)
{
	char directory[PATH_MAX];
	ssize_t length;
	int result;

	memset(client, 0, sizeof(*client));
	client->fd = -1;
	client->mountpoint = find_mountpoint(path);
	if (!client->mountpoint)
		return err_set_errno(-ENOENT, errno, "cannot find %s", path);
	length = getxattr(client->mountpoint, CONTROL_XATTR, directory, sizeof(directory) - 1);
	if (length > 0) {
		directory[length] = '\0';
		client->cache_directory = xstrdup(directory);
	} else if (is_cache_directory(path)) {
		free(client->mountpoint);
		client->mountpoint = NULL;
		client->cache_directory = xstrdup(path);
	} else {
		return err_set(-ENOENT,
			       "%s is neither on a mounted dray volume nor a cache directory",
			       path);
	}
	result = control_socket_connect(client->cache_directory, &client->fd);
	if (result == -ENOENT || result == -ECONNREFUSED)
		return err_set(-ECONNREFUSED, "no gateway runs on the cache %s",
			       client->cache_directory);
	if (!result)
		client->lines = fdopen(client->fd, "r+");
	return result;
}

void control_client_close(struct control_client *client)
{
	if (client->lines)
		fclose(client->lines);
	free(client->cache_directory);
	free(client->mountpoint);
}

static int send_request(struct control_client *client, json_t *request)
{
	CLEANUP_FREE char *text = json_dumps(request, JSON_COMPACT);
	bool failed;

	json_decref(request);
	failed = fprintf(client->lines, "%s\n", text) < 0 || fflush(client->lines);
	return failed ? err_set_errno(-ERR_local_io, errno, "cannot ask the gateway of %s",
				      client->cache_directory)
		      : 0;
}

static int answer_error(const json_t *line)
{
	const char *code = json_string_value(json_object_get(line, CONTROL_ERROR_CODE));
	const char *message = json_string_value(json_object_get(line, CONTROL_ERROR_MESSAGE));
	bool again = code && !strcmp(code, err_name(-ERR_try_again));

	return err_set(again ? -ERR_try_again : -ERR_local_io, "%s",
		       message ? message : "the gateway refused without saying why");
}

/* 1: go on; else the end of the call. */
static int take_line(json_t *line, control_line_fn *fn, void *arg, json_t **done_out)
{
	const char *event = json_string_value(json_object_get(line, CONTROL_EVENT));
	int result;

	if (event && !strcmp(event, CONTROL_EVENT_ERROR))
		return answer_error(line);
	if (event && !strcmp(event, CONTROL_EVENT_DONE)) {
		if (done_out)
			*done_out = json_incref(line);
		return 0;
	}
	result = fn ? fn(line, arg) : 0;
	return result ? result : 1;
}

int control_client_call(struct control_client *client, json_t *request, control_line_fn *fn,
			void *arg, json_t **done_out)
{
	CLEANUP_FREE char *text = NULL;
	size_t capacity = 0;
	json_t *line;
	int result = send_request(client, request);

	if (result)
		return result;
	do {
		if (getline(&text, &capacity, client->lines) < 0)
			return err_set(-ERR_local_io,
				       "the gateway of %s went away before it had answered",
				       client->cache_directory);
		line = json_loads(text, 0, NULL);
		if (!line)
			return err_set(-ERR_local_io,
				       "the gateway of %s answered with what is not JSON",
				       client->cache_directory);
		result = take_line(line, fn, arg, done_out);
		json_decref(line);
	} while (result == 1);
	return result;
}

json_t *control_client_path(const struct control_client *client, const char *path)
{
	CLEANUP_FREE char *absolute = absolute_path(path);
	CLEANUP_FREE char *hex = NULL;
	size_t skip = client->mountpoint ? strlen(client->mountpoint) : 0;
	const char *inside;
	json_t *text;

	if (!client->mountpoint) /* a cache directory was named: the whole volume */
		return json_string("/");
	if (skip == 1)
		skip = 0;
	if (!absolute || strncmp(absolute, client->mountpoint, skip) ||
	    (absolute[skip] && absolute[skip] != '/')) {
		err_set(-ENOENT, "%s is not below the mount point %s", path, client->mountpoint);
		return NULL;
	}
	inside = absolute[skip] ? absolute + skip : "/";
	text = json_string(inside);
	if (text)
		return text;
	hex = xmalloc(2 * strlen(inside) + 1);
	hex_encode(inside, strlen(inside), hex);
	return json_pack("{s:s}", "hex", hex);
}
