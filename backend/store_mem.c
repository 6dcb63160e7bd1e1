/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_mem.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"

struct mem_object {
	char *key;
	uint8_t *bytes;
	size_t length;
};

/* All objects of one name; never moved, emptied by store_mem_forget(). */
struct mem_volume {
	/* immutable */
	char *name;
	struct mem_volume *next;

	struct lock lock;
	/* guarded by lock */
	struct mem_object *objects; /* sorted by key */
	size_t count;
	size_t capacity;
};

struct mem_store {
	struct store base;
	struct mem_volume *volume;
};

static pthread_mutex_t volumes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mem_volume *volumes;

static struct mem_volume *volume_of(struct store *store)
{
	return ((struct mem_store *)store)->volume;
}

/* The place of the first object whose key is not below this one. */
static size_t find_place_locked(const struct mem_volume *volume, const char *key)
{
	size_t low = 0;
	size_t high = volume->count;

	lock_assert_held(&volume->lock);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(volume->objects[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The object of this key, or NULL. */
static struct mem_object *find_locked(const struct mem_volume *volume, const char *key)
{
	size_t place = find_place_locked(volume, key);

	if (place == volume->count || strcmp(volume->objects[place].key, key) != 0)
		return NULL;
	return &volume->objects[place];
}

static void insert_locked(struct mem_volume *volume, const char *key, uint8_t *bytes, size_t length)
{
	size_t place = find_place_locked(volume, key);
	struct mem_object *object;

	if (volume->count == volume->capacity) {
		volume->capacity = volume->capacity ? 2 * volume->capacity : 64;
		volume->objects =
			xrealloc(volume->objects, volume->capacity * sizeof(volume->objects[0]));
	}
	object = &volume->objects[place];
	memmove(object + 1, object, (volume->count - place) * sizeof(*object));
	object->key = xstrdup(key);
	object->bytes = bytes;
	object->length = length;
	volume->count++;
}

static int mem_put(struct store *store, const char *key, const void *bytes, size_t length,
		   enum store_put_flags flags)
{
	struct mem_volume *volume = volume_of(store);
	CLEANUP_FREE uint8_t *unused = NULL;
	struct mem_object *object;
	uint8_t *copy = xmalloc(length);
	int result = 0;

	if (length)
		memcpy(copy, bytes, length);
	lock_acquire(&volume->lock);
	object = find_locked(volume, key);
	if (!object) {
		insert_locked(volume, key, copy, length);
	} else if (flags & STORE_IF_ABSENT) {
		unused = copy;
		result = -EEXIST;
	} else {
		unused = object->bytes;
		object->bytes = copy;
		object->length = length;
	}
	lock_release(&volume->lock);
	return result;
}

static int mem_get(struct store *store, const char *key, uint64_t offset, size_t length,
		   struct buffer *out)
{
	struct mem_volume *volume = volume_of(store);
	struct mem_object *object;
	size_t left;

	lock_acquire(&volume->lock);
	object = find_locked(volume, key);
	if (object && offset < object->length) {
		left = object->length - (size_t)offset;
		buffer_append(out, object->bytes + offset, length < left ? length : left);
	}
	lock_release(&volume->lock);
	return object ? 0 : -ENOENT;
}

static int mem_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct mem_volume *volume = volume_of(store);
	struct mem_object *object;

	lock_acquire(&volume->lock);
	object = find_locked(volume, key);
	if (object)
		*size_out = object->length;
	lock_release(&volume->lock);
	return object ? 0 : -ENOENT;
}

static int mem_remove(struct store *store, const char *key)
{
	struct mem_volume *volume = volume_of(store);
	struct mem_object *object;

	lock_acquire(&volume->lock);
	object = find_locked(volume, key);
	if (object) {
		free(object->key);
		free(object->bytes);
		volume->count--;
		memmove(object, object + 1,
			(size_t)(volume->objects + volume->count - object) * sizeof(*object));
	}
	lock_release(&volume->lock);
	return 0;
}

/* Copies the next object of a listing behind *after; false at the end. */
static bool list_next(struct mem_volume *volume, const char *prefix, const char *after,
		      struct store_object *object_out, char *key_out)
{
	const char *from = after && strcmp(after, prefix) > 0 ? after : prefix;
	const struct mem_object *object;
	bool found = false;
	size_t place;

	lock_acquire(&volume->lock);
	place = find_place_locked(volume, from);
	if (place < volume->count && after && strcmp(volume->objects[place].key, after) == 0)
		place++;
	object = place < volume->count ? &volume->objects[place] : NULL;
	if (object && strncmp(object->key, prefix, strlen(prefix)) == 0) {
		memcpy(key_out, object->key, strlen(object->key) + 1);
		object_out->key = key_out;
		object_out->size = object->length;
		found = true;
	}
	lock_release(&volume->lock);
	return found;
}

static int mem_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		    void *arg)
{
	char keys[2][STORE_KEY_MAX + 1];
	struct store_object object;
	unsigned int turn = 0;
	int result = 0;

	while (!result && list_next(volume_of(store), prefix, after, &object, keys[turn])) {
		after = keys[turn];
		turn = !turn;
		result = fn(&object, arg);
	}
	return result;
}

static void mem_free(struct store *store)
{
	store_release(store);
	free(store);
}

static const struct store_ops mem_ops = {
	.put = mem_put,
	.get = mem_get,
	.head = mem_head,
	.remove = mem_remove,
	.list = mem_list,
	.free = mem_free,
};

/* Finds or makes the volume of this name. */
static struct mem_volume *volume_find(const char *name)
{
	struct mem_volume *volume;

	pthread_mutex_lock(&volumes_lock);
	for (volume = volumes; volume; volume = volume->next) {
		if (strcmp(volume->name, name) == 0)
			break;
	}
	if (!volume) {
		volume = xcalloc(1, sizeof(*volume));
		volume->name = xstrdup(name);
		lock_init(&volume->lock, LOCK_RANK_STORE);
		volume->next = volumes;
		volumes = volume;
	}
	pthread_mutex_unlock(&volumes_lock);
	return volume;
}

struct store *store_mem_open(const char *name)
{
	struct mem_store *mem = xcalloc(1, sizeof(*mem));
	CLEANUP_FREE char *url = xasprintf("mem://%s", name);

	store_init(&mem->base, &mem_ops, "mem", url, NULL);
	mem->volume = volume_find(name);
	return &mem->base;
}

void store_mem_forget(const char *name)
{
	struct mem_volume *volume = volume_find(name);
	size_t i;

	lock_acquire(&volume->lock);
	for (i = 0; i < volume->count; i++) {
		free(volume->objects[i].key);
		free(volume->objects[i].bytes);
	}
	free(volume->objects);
	volume->objects = NULL;
	volume->count = 0;
	volume->capacity = 0;
	lock_release(&volume->lock);
}
