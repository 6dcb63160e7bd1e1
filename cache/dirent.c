/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/dirent.h"

#include <assert.h>
#include <dirent.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cookie.h"

/* A placeholder's name; no entry is called so. */
#define PLACEHOLDER_NAME "."

/* 0 and the row (its name points into bytes, which is emptied first), -ENOENT. */
static int row_load(struct cache *cache, uint64_t directory, uint64_t cookie, struct buffer *bytes,
		    struct dirent_row *row)
{
	struct row_key key;
	int result;

	buffer_clear(bytes);
	key_dirent(&key, directory, cookie);
	result = index_get(cache->index, &key, bytes);
	if (result)
		return result;
	return row_get_dirent(bytes->data, bytes->length, row);
}

int dirent_find(struct cache *cache, uint64_t directory, const char *name, struct dirent_place *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	size_t length = strlen(name);
	uint64_t base = cookie_base(cache->conf.volume.name_hash_key, name, length);
	unsigned int ordinal;
	struct dirent_row row;
	int result;

	memset(out, 0, sizeof(*out));
	for (ordinal = 0; ordinal < COOKIE_ORDINALS; ordinal++) {
		result = row_load(cache, directory, base + ordinal, &bytes, &row);
		if (result == -ENOENT)
			out->cookie = base + ordinal;
		if (result)
			return result;
		if (!row.ino || row.name_length != length || memcmp(row.name, name, length))
			continue;
		out->cookie = base + ordinal;
		out->ino = row.ino;
		out->type = row.type;
		return 0;
	}
	return -ENOENT;
}

void dirent_put(struct batch *batch, uint64_t directory, uint64_t cookie, const char *name,
		uint64_t ino, uint8_t type)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct dirent_row row = {
		.ino = ino,
		.type = type,
		.name_length = (uint16_t)strlen(name),
		.name = (const uint8_t *)name,
	};
	struct row_key key;

	assert(cookie >= COOKIE_FIRST);
	key_dirent(&key, directory, cookie);
	row_put_dirent(&value, &row);
	batch_put(batch, &key, &value, ROW_CLOUD);
}

static void delete_row(struct batch *batch, uint64_t directory, uint64_t cookie)
{
	struct row_key key;

	key_dirent(&key, directory, cookie);
	batch_delete(batch, &key, ROW_CLOUD);
}

int dirent_remove(struct cache *cache, struct batch *batch, uint64_t directory, uint64_t cookie)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct dirent_row row;
	int result = -ENOENT;

	if (cookie_ordinal(cookie) < COOKIE_ORDINALS - 1)
		result = row_load(cache, directory, cookie + 1, &bytes, &row);
	if (!result)
		dirent_put(batch, directory, cookie, PLACEHOLDER_NAME, 0, DT_UNKNOWN);
	if (result != -ENOENT)
		return result;
	delete_row(batch, directory, cookie);
	while (cookie_ordinal(cookie)) {
		result = row_load(cache, directory, --cookie, &bytes, &row);
		if (result || row.ino)
			return result;
		delete_row(batch, directory, cookie);
	}
	return 0;
}
