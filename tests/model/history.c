/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/digest.h"

#define BUCKETS 1024

/* States of names and attributes, each from `operation` to the next one's. */
struct state {
	unsigned int operation;
	struct digest digest;
};

struct version {
	struct version *next; /* older */
	unsigned int operation;
	struct digest digest;
};

struct sync {
	struct sync *next; /* older */
	unsigned int operation;
};

struct content {
	struct content *next;
	uint64_t ino;
	bool blurred;
	struct version *versions;
	struct sync *syncs;
};

struct history {
	struct state *states;
	size_t count;
	size_t capacity;
	unsigned int last; /* operation */
	struct content *buckets[BUCKETS];
};

struct history *history_new(void)
{
	return xcalloc(1, sizeof(struct history));
}

static void free_content(struct content *content)
{
	struct version *version;
	struct sync *sync;

	while ((version = content->versions)) {
		content->versions = version->next;
		free(version);
	}
	while ((sync = content->syncs)) {
		content->syncs = sync->next;
		free(sync);
	}
	free(content);
}

static void clear(struct history *history)
{
	struct content *content;
	size_t i;

	history->count = 0;
	for (i = 0; i < BUCKETS; i++) {
		while ((content = history->buckets[i])) {
			history->buckets[i] = content->next;
			free_content(content);
		}
	}
}

void history_free(struct history *history)
{
	clear(history);
	free(history->states);
	free(history);
}

/* Digests. */

static int compare_entries(const void *a, const void *b)
{
	const struct tree_entry *const *x = a;
	const struct tree_entry *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int compare_xattrs(const void *a, const void *b)
{
	const struct tree_xattr *const *x = a;
	const struct tree_xattr *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void put_xattrs(struct buffer *text, const struct tree_file *file)
{
	const struct tree_xattr *sorted[64];
	const struct tree_xattr *xattr;
	size_t count = 0;
	size_t i;

	for (xattr = file->xattrs; xattr; xattr = xattr->next)
		sorted[count++] = xattr;
	qsort(sorted, count, sizeof(sorted[0]), compare_xattrs);
	for (i = 0; i < count; i++) {
		buffer_printf(text, " %s=", sorted[i]->name);
		buffer_append(text, sorted[i]->value, sorted[i]->length);
	}
}

static void put_time(struct buffer *text, const struct timespec *time)
{
	buffer_printf(text, " %lld.%ld", (long long)time->tv_sec, time->tv_nsec);
}

/* All of a file that is as of T: not size and mtime of regular files. */
static void put_file(struct buffer *text, const struct tree_file *file)
{
	buffer_printf(text, "%llu %o %u:%u links %u device %x generation %u",
		      (unsigned long long)file->ino, file->mode, file->uid, file->gid, file->nlink,
		      file->rdev, file->generation);
	put_time(text, &file->atime);
	put_time(text, &file->ctime);
	if (!S_ISREG(file->mode))
		put_time(text, &file->mtime);
	buffer_printf(text, " %s", file->target ? file->target : "");
	put_xattrs(text, file);
	buffer_put_u8(text, '\n');
}

static void put_directory(struct buffer *text, const struct tree_file *directory)
{
	CLEANUP_FREE const struct tree_entry **sorted =
		xcalloc(directory->children + 1, sizeof(struct tree_entry *));
	const struct tree_entry *entry;
	size_t count = 0;
	size_t i;

	for (entry = directory->entries; entry; entry = entry->next)
		sorted[count++] = entry;
	qsort(sorted, count, sizeof(sorted[0]), compare_entries);
	for (i = 0; i < count; i++) {
		buffer_printf(text, "%s ", sorted[i]->name);
		put_file(text, sorted[i]->file);
		if (S_ISDIR(sorted[i]->file->mode)) {
			put_directory(text, sorted[i]->file);
			buffer_printf(text, "end\n");
		}
	}
}

static struct digest digest_names(const struct tree *tree)
{
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

	put_file(&text, tree->root);
	put_directory(&text, tree->root);
	return digest_of(text.data, text.length);
}

/* Size and mtime belong to the content. */
static struct digest digest_content(const struct tree_file *file)
{
	struct digest_stream stream;
	struct digest digest;

	digest_stream_init(&stream);
	digest_stream_add(&stream, file->data, file->size);
	digest_stream_add(&stream, &file->mtime, sizeof(file->mtime));
	digest = digest_stream_finish(&stream);
	digest_stream_release(&stream);
	return digest;
}

static bool is_same(const struct digest *a, const struct digest *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Noting. */

static struct content *find_content(const struct history *history, uint64_t ino)
{
	struct content *content = history->buckets[ino % BUCKETS];

	while (content && content->ino != ino)
		content = content->next;
	return content;
}

static struct content *get_content(struct history *history, uint64_t ino)
{
	struct content *content = find_content(history, ino);

	if (!content) {
		content = xcalloc(1, sizeof(*content));
		content->ino = ino;
		content->next = history->buckets[ino % BUCKETS];
		history->buckets[ino % BUCKETS] = content;
	}
	return content;
}

static void add_version(struct history *history, unsigned int operation,
			const struct tree_file *file)
{
	struct content *content = get_content(history, file->ino);
	struct version *version = xcalloc(1, sizeof(*version));

	version->operation = operation;
	version->digest = digest_content(file);
	version->next = content->versions;
	content->versions = version;
}

static void add_state(struct history *history, unsigned int operation, const struct tree *tree)
{
	struct digest digest = digest_names(tree);

	history->last = operation;
	if (history->count && is_same(&digest, &history->states[history->count - 1].digest))
		return;
	if (history->count == history->capacity) {
		history->capacity = history->capacity ? 2 * history->capacity : 256;
		history->states =
			xrealloc(history->states, history->capacity * sizeof(struct state));
	}
	history->states[history->count++] = (struct state){ operation, digest };
}

void history_add(struct history *history, unsigned int operation, struct tree *tree)
{
	struct tree_file *file;

	for (file = tree->files; file; file = file->next) {
		/* A new file is empty at first. */
		if (S_ISREG(file->mode) && (file->changed || !find_content(history, file->ino)))
			add_version(history, operation, file);
		file->changed = false;
	}
	add_state(history, operation, tree);
}

void history_sync(struct history *history, unsigned int operation, uint64_t ino)
{
	struct content *content = get_content(history, ino);
	struct sync *sync = xcalloc(1, sizeof(*sync));

	sync->operation = operation;
	sync->next = content->syncs;
	content->syncs = sync;
}

void history_blur(struct history *history, uint64_t ino)
{
	get_content(history, ino)->blurred = true;
}

void history_resume(struct history *history, unsigned int operation, struct tree *tree)
{
	const struct content *content;
	struct tree_file *file;
	struct digest digest;

	for (file = tree->files; file; file = file->next) {
		content = find_content(history, file->ino);
		digest = digest_content(file);
		file->changed = !content || !is_same(&content->versions->digest, &digest);
	}
	history_add(history, operation, tree);
}

void history_begin(struct history *history, unsigned int operation, const struct tree *tree)
{
	const struct tree_file *file;

	clear(history);
	for (file = tree->files; file; file = file->next) {
		if (!S_ISREG(file->mode))
			continue;
		add_version(history, operation, file);
		history_sync(history, operation, file->ino);
	}
	add_state(history, operation, tree);
}

/* Judging. */

/* The content may be as it is in a commit that includes the operations up to
 * `first`, and none after `last`. */
static bool is_version(const struct content *content, const struct digest *digest,
		       unsigned int first, unsigned int last)
{
	const struct version *version;
	const struct version *needed = NULL; /* of the last sync */
	const struct sync *sync = content->syncs;

	while (sync && sync->operation > first)
		sync = sync->next;
	for (version = content->versions; version; version = version->next) {
		if (sync && !needed && version->operation <= sync->operation)
			needed = version;
		if (version->operation <= last && is_same(&version->digest, digest))
			return true;
		if (version == needed)
			return false;
	}
	return false;
}

static bool explains_contents(const struct history *history, const struct tree *tree,
			      unsigned int first, unsigned int last, char text[256])
{
	const struct tree_file *file;
	const struct content *content;
	struct digest digest;

	for (file = tree->files; file; file = file->next) {
		if (!S_ISREG(file->mode) || !file->nlink)
			continue;
		content = find_content(history, file->ino);
		digest = digest_content(file);
		if (content && (content->blurred || is_version(content, &digest, first, last)))
			continue;
		snprintf(text, 256,
			 "names as of operation %u to %u, but inode %llu (%zu bytes) never was so, "
			 "or is from before its last sync",
			 first, last, (unsigned long long)file->ino, file->size);
		return false;
	}
	return true;
}

bool history_explains(const struct history *history, const struct tree *tree, unsigned int from,
		      char text[256])
{
	struct digest digest = digest_names(tree);
	unsigned int last = history->last;
	unsigned int first;
	size_t i = history->count;

	snprintf(text, 256, "names and attributes never were so since operation %u (of %zu states)",
		 from, history->count);
	while (i-- > 0 && last >= from) {
		first = history->states[i].operation;
		if (first < from)
			first = from;
		if (is_same(&history->states[i].digest, &digest) &&
		    explains_contents(history, tree, first, last, text))
			return true;
		last = history->states[i].operation - 1;
	}
	return false;
}

bool history_was_content(const struct history *history, const struct tree_file *file)
{
	const struct content *content = find_content(history, file->ino);
	struct digest digest = digest_content(file);

	return content &&
	       (content->blurred || is_version(content, &digest, history->last, history->last));
}

bool history_is_current(const struct history *history, const struct tree *tree)
{
	struct digest digest = digest_names(tree);
	const struct tree_file *file;
	const struct content *content;

	if (!is_same(&history->states[history->count - 1].digest, &digest))
		return false;
	for (file = tree->files; file; file = file->next) {
		if (!S_ISREG(file->mode) || !file->nlink)
			continue;
		content = find_content(history, file->ino);
		digest = digest_content(file);
		if (!content || !is_same(&content->versions->digest, &digest))
			return false;
	}
	return true;
}
