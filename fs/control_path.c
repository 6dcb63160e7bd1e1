/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_path.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/id.h"

#define PATH_HEX "hex"

json_t *path_to_json(const char *path)
{
	CLEANUP_FREE char *hex = NULL;
	json_t *json = json_string(path);

	if (json)
		return json;
	hex = xmalloc(2 * strlen(path) + 1);
	hex_encode(path, strlen(path), hex);
	json = json_object();
	json_object_set_new(json, PATH_HEX, json_string(hex));
	return json;
}

char *path_from_json(const json_t *json)
{
	const char *text = json_string_value(json);
	const char *hex = json_string_value(json_object_get(json, PATH_HEX));
	size_t length;
	char *path;

	if (text)
		return xstrdup(text);
	if (!hex || strlen(hex) % 2)
		return NULL;
	length = strlen(hex) / 2;
	path = xmalloc(length + 1);
	path[length] = '\0';
	if (!hex_decode(hex, path, length) || strlen(path) != length) {
		free(path);
		return NULL;
	}
	return path;
}
