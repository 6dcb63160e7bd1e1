/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/retention.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/log.h"
#include "backend/object_name.h"
#include "cache/cache_int.h"
#include "cache/fence.h"
#include "cache/log_read.h"
#include "cache/root_read.h"

struct part_list {
	struct row_part *parts;
	size_t count;
};

struct seq_list {
	uint64_t *seqs;
	size_t count;
	uint64_t end; /* of a listing: not this one and what follows */
};

struct retention {
	const struct retention_conf *conf;
	struct cache *cache;
	struct retention_result *result;
	struct root_list roots;
	size_t base; /* in roots */
};

static int pause_for_others(const struct retention *retention)
{
	const struct retention_conf *conf = retention->conf;

	return conf->pause ? conf->pause(conf->pause_arg) : 0;
}

static int get_root(const struct retention *retention, size_t i, struct root *out)
{
	int result = pause_for_others(retention);

	return result ? result : root_get(retention->cache, retention->roots.seqs[i], out);
}

/* Removes an object, if the epoch is still ours. */
static int remove_object(const struct retention *retention, const char *name)
{
	int result = pause_for_others(retention);

	if (!result)
		result = fence_verify(retention->cache->fence);
	CRASH_POINT(retention_before_remove);
	return result ? result : store_remove(retention->cache->store, name);
}

static int remove_part(const struct retention *retention, const struct row_part *part)
{
	char name[OBJECT_NAME_SIZE];

	object_name_meta(part->epoch, &part->id, name);
	return remove_object(retention, name);
}

/* 1: the base. */

/* Roots are made one after the other, so the first that is too young ends the
 * search. */
static int find_base(struct retention *retention)
{
	size_t i;

	for (i = 0; i + RETENTION_ROOTS < retention->roots.count; i++) {
		struct root root;
		int64_t made;
		int result = get_root(retention, i, &root);

		if (root_is_damage(result))
			continue;
		if (result)
			return result;
		made = root.head.made_real_ns;
		root_release(&root);
		if (made > retention->conf->now_real_ns - RETENTION_GRACE_NS)
			break;
		retention->base = i;
		retention->result->base_seq = retention->roots.seqs[i];
	}
	return 0;
}

/* 2: runs and roots. */

static int compare_parts(const void *a, const void *b)
{
	const struct row_part *x = a;
	const struct row_part *y = b;

	return memcmp(x->id.bytes, y->id.bytes, ID_BYTES);
}

static bool has_part(const struct part_list *list, const struct row_part *part)
{
	return list->count && bsearch(part, list->parts, list->count, sizeof(*part), compare_parts);
}

static void add_part(struct part_list *list, const struct row_part *part)
{
	if (!(list->count & (list->count + 1)))
		list->parts = xrealloc(list->parts, (2 * list->count + 2) * sizeof(*list->parts));
	list->parts[list->count++] = *part;
}

/* Adds the runs of roots [from, to). */
static int list_runs(struct retention *retention, size_t from, size_t to, bool damage_is_fine,
		     struct part_list *list)
{
	size_t i;

	for (i = from; i < to; i++) {
		struct root_run run;
		struct root root;
		int result = get_root(retention, i, &root);

		if (damage_is_fine && root_is_damage(result))
			continue;
		if (result)
			return result;
		while ((result = root_next(&root, &run)) > 0)
			add_part(list, &run.part);
		root_release(&root);
		if (result)
			return result;
	}
	if (list->count)
		qsort(list->parts, list->count, sizeof(*list->parts), compare_parts);
	return 0;
}

static int remove_runs(struct retention *retention, const struct part_list *used,
		       const struct part_list *old)
{
	size_t i;

	for (i = 0; i < old->count; i++) {
		const struct row_part *part = &old->parts[i];
		int result;

		if ((i && !compare_parts(part, part - 1)) || has_part(used, part))
			continue;
		result = remove_part(retention, part);
		if (result)
			return result;
		retention->result->runs++;
	}
	return 0;
}

static int remove_roots(struct retention *retention)
{
	struct part_list used = { 0 };
	struct part_list old = { 0 };
	char name[OBJECT_NAME_SIZE];
	size_t i;
	int result = list_runs(retention, retention->base, retention->roots.count, false, &used);

	if (!result)
		result = list_runs(retention, 0, retention->base, true, &old);
	if (!result)
		result = remove_runs(retention, &used, &old);
	for (i = 0; !result && i < retention->base; i++) {
		object_name_root(retention->roots.seqs[i], name);
		result = remove_object(retention, name);
		retention->result->roots += !result;
	}
	free(used.parts);
	free(old.parts);
	return result;
}

/* 3: the log. */

static void add_seq(struct seq_list *list, uint64_t seq)
{
	if (!(list->count & (list->count + 1)))
		list->seqs = xrealloc(list->seqs, (2 * list->count + 2) * sizeof(*list->seqs));
	list->seqs[list->count++] = seq;
}

static int compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int list_packs_of_run(const struct retention *retention, const struct row_part *part,
			     struct seq_list *list)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader reader;
	struct row_run_row row;
	struct pack_row pack;
	int result = pause_for_others(retention);

	if (!result)
		result = root_get_run(retention->cache, retention->result->base_seq, part, &rows);
	if (result)
		return result;
	row_run_reader_init(&reader, rows.data, rows.length, "a run of a checkpoint");
	while ((result = row_run_reader_next(&reader, &row)) > 0) {
		if (key_table(row.key, row.key_length) != TABLE_PACK)
			continue;
		result = row_get_pack(row.value, row.value_length, &pack);
		if (result)
			return result;
		if (pack.kind == PACK_KIND_LOG)
			add_seq(list, pack.seq);
	}
	return result;
}

/* The commits that hold a pack as of the base, ascending. */
static int list_packs(const struct retention *retention, struct seq_list *list)
{
	struct root_run run;
	struct root root;
	int result = get_root(retention, retention->base, &root);

	if (result)
		return result;
	while ((result = root_next(&root, &run)) > 0) {
		if (key_table(run.first_key, run.first_key_length) > TABLE_PACK ||
		    key_table(run.last_key, run.last_key_length) < TABLE_PACK)
			continue;
		result = list_packs_of_run(retention, &run.part, list);
		if (result)
			break;
	}
	root_release(&root);
	if (list->count)
		qsort(list->seqs, list->count, sizeof(*list->seqs), compare_seqs);
	return result;
}

/* 1 ends the listing. */
static int note_commit(const struct store_object *object, void *arg)
{
	struct seq_list *list = arg;
	struct object_name name;

	if (!object_name_parse(object->key, &name) || name.kind != OBJECT_LOG)
		return 0;
	if (name.number >= list->end)
		return 1;
	add_seq(list, name.number);
	return 0;
}

static int remove_commit(struct retention *retention, uint64_t seq)
{
	char name[OBJECT_NAME_SIZE];
	struct log_entry entry;
	uint32_t i;
	int result = pause_for_others(retention);

	if (!result)
		result = log_get(retention->cache, seq, &entry);
	if (root_is_damage(result)) {
		log_warn("log/%016" PRIx64 " is no longer needed, but it cannot be read and "
			 "stays: %s",
			 seq, err_message(result));
		return 0;
	}
	if (result)
		return result;
	for (i = 0; !result && i < entry.commit.part_count; i++) {
		if (entry.commit.parts[i].part.place != PART_OBJECT)
			continue;
		result = remove_part(retention, &entry.commit.parts[i].part);
		retention->result->parts += !result;
	}
	log_entry_release(&entry);
	object_name_log(seq, name);
	if (!result)
		result = remove_object(retention, name);
	retention->result->commits += !result;
	return result;
}

static int remove_log(struct retention *retention)
{
	struct seq_list commits = { .end = retention->result->base_seq };
	struct seq_list packs = { 0 };
	size_t i;
	int result = list_packs(retention, &packs);

	if (!result)
		result = store_list(retention->cache->store, OBJECT_PREFIX_LOG, NULL, note_commit,
				    &commits);
	if (result == 1)
		result = 0;
	for (i = 0; !result && i < commits.count; i++) {
		if (packs.count && bsearch(&commits.seqs[i], packs.seqs, packs.count,
					   sizeof(*packs.seqs), compare_seqs))
			retention->result->commits_kept++;
		else
			result = remove_commit(retention, commits.seqs[i]);
	}
	free(commits.seqs);
	free(packs.seqs);
	return result;
}

int retention_run(const struct retention_conf *conf, struct retention_result *result_out)
{
	struct retention retention = { .conf = conf, .cache = conf->cache, .result = result_out };
	int result;

	memset(result_out, 0, sizeof(*result_out));
	result = root_list_get(conf->cache, &retention.roots);
	if (!result)
		result = find_base(&retention);
	if (!result && result_out->base_seq > conf->done_seq) {
		result = remove_roots(&retention);
		if (!result)
			result = remove_log(&retention);
	}
	root_list_release(&retention.roots);
	return result;
}
