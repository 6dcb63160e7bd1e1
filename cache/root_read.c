/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/root_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/object_name.h"
#include "cache/cache_int.h"

static int note_root(const struct store_object *object, void *arg)
{
	struct root_list *list = arg;
	struct object_name name;

	if (!object_name_parse(object->key, &name) || name.kind != OBJECT_ROOT)
		return 0;
	list->seqs = xrealloc(list->seqs, (list->count + 1) * sizeof(*list->seqs));
	list->seqs[list->count++] = name.number;
	return 0;
}

int root_list_get(struct cache *cache, struct root_list *out)
{
	int result;

	memset(out, 0, sizeof(*out));
	result = store_list(cache->store, OBJECT_PREFIX_ROOT, NULL, note_root, out);
	if (result)
		root_list_release(out);
	return result;
}

void root_list_release(struct root_list *list)
{
	free(list->seqs);
	memset(list, 0, sizeof(*list));
}

int root_get(struct cache *cache, uint64_t seq, struct root *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result;

	memset(out, 0, sizeof(*out));
	object_name_root(seq, name);
	result = store_get(cache->store, name, 0, STORE_GET_ALL, &bytes);
	if (result)
		return result;
	return root_decode(&cache->conf.volume.uuid, seq, cache->seal, bytes.data, bytes.length,
			   out);
}

int root_get_run(struct cache *cache, uint64_t seq, const struct row_part *part,
		 struct buffer *rows_out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result;

	object_name_meta(part->epoch, &part->id, name);
	result = store_get(cache->store, name, 0, STORE_GET_ALL, &bytes);
	if (result == -ENOENT)
		return err_set(-ERR_object_missing,
			       "%s is missing, a run of the checkpoint root/%016" PRIx64, name,
			       seq);
	if (result)
		return result;
	return row_part_decode(part, &cache->conf.volume.uuid, cache->seal, name, bytes.data,
			       bytes.length, rows_out);
}
