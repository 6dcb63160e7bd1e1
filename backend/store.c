/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/store_file.h"
#include "backend/store_mem.h"
#include "backend/store_s3.h"
#include "backend/url.h"

static bool key_byte_valid(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* One part of a key between slashes. */
static bool component_valid(const char *text, size_t length)
{
	size_t i;

	if (!length || length > STORE_KEY_COMPONENT_MAX)
		return false;
	if (text[0] == '.' && (length == 1 || (length == 2 && text[1] == '.')))
		return false;
	for (i = 0; i < length; i++) {
		if (!key_byte_valid(text[i]))
			return false;
	}
	return true;
}

bool store_key_valid(const char *key)
{
	size_t length;

	if (strnlen(key, STORE_KEY_MAX + 1) > STORE_KEY_MAX)
		return false;
	for (;;) {
		length = strcspn(key, "/");
		if (!component_valid(key, length))
			return false;
		if (!key[length])
			return true;
		key += length + 1;
	}
}

int store_key_check(const char *key)
{
	if (store_key_valid(key))
		return 0;
	return err_set(-ERR_store_refused,
		       "object key \"%.64s\" is not valid: it needs 1 to %d bytes of letters, "
		       "digits, '.', '_', '-' and single slashes",
		       key, STORE_KEY_MAX);
}

void store_init(struct store *store, const struct store_ops *ops, const char *kind, const char *url,
		struct store *below)
{
	store->ops = ops;
	store->kind = kind;
	store->url = xstrdup(url);
	store->below = below;
}

void store_release(struct store *store)
{
	store_free(store->below);
	free(store->url);
}

int store_open(const char *url, bool create, struct store **out)
{
	struct url parsed;
	int result = url_parse(url, &parsed);

	if (result)
		return result;
	switch (parsed.scheme) {
	case URL_FILE:
		result = store_file_open(parsed.path, create, out);
		break;
	case URL_S3:
		result = store_s3_open(parsed.bucket, parsed.prefix, parsed.text, out);
		break;
	case URL_MEM:
		*out = store_mem_open(parsed.name);
		break;
	case URL_INVALID:
		abort(); /* url_parse() returned 0 */
	}
	url_release(&parsed);
	return result;
}
