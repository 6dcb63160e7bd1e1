/* SPDX-License-Identifier: Apache-2.0 */
/* The volume object of a store: made by init, read by every mount. */
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "cache/cache.h"
#include "cache/probe.h"

/* Where put-if-absent is ignored no volume is left. */
static int probe(struct store *store, const char *url, const struct buffer *body)
{
	CLEANUP_FREE char *why = NULL;
	int result = probe_put_if_absent(store, url, OBJECT_NAME_VOLUME, body);

	if (result != -ERR_store_unsupported)
		return result;
	why = xstrdup(err_message(result));
	if (store_remove(store, OBJECT_NAME_VOLUME))
		return err_set(result, "%s (an object %s was left)", why, OBJECT_NAME_VOLUME);
	return err_set(result, "%s", why);
}

int cache_init_volume(struct store *store, const char *url, const struct volume_params *params)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	uint64_t size;
	int result;

	volume_encode(params, &body);
	/* A store that ignores the condition would replace the volume there is. */
	result = store_head(store, OBJECT_NAME_VOLUME, &size);
	if (!result)
		result = -EEXIST;
	else if (result == -ENOENT)
		result = store_put(store, OBJECT_NAME_VOLUME, body.data, body.length,
				   STORE_IF_ABSENT);
	if (result == -EEXIST)
		return err_set(-ERR_volume_exists,
			       "%s holds a volume already, which was left as it is: mount it, or "
			       "choose another URL",
			       url);
	return result ? result : probe(store, url, &body);
}

int cache_read_volume(struct store *store, const char *url, struct volume_params *out)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	int result = store_get(store, OBJECT_NAME_VOLUME, 0, VOLUME_OBJECT_MAX + 1, &body);

	if (result == -ENOENT)
		return err_set(-ERR_volume_missing,
			       "%s holds no volume: create one with dray init %s", url, url);
	if (result)
		return result;
	result = volume_decode(body.data, body.length, out);
	if (result) {
		CLEANUP_FREE char *why = xstrdup(err_message(result));

		return err_set(result, "the object %s/" OBJECT_NAME_VOLUME ": %s", url, why);
	}
	return 0;
}
