/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/lost.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "cache/cache_int.h"
#include "cache/log_read.h"

static int note_newest(const struct store_object *object, void *arg)
{
	struct object_name name;

	if (object_name_parse(object->key, &name) && name.kind == OBJECT_LOG)
		*(uint64_t *)arg = name.number;
	return 0;
}

/* Of another machine: not asked for, or without a ledger. */
static bool is_passed_over(const struct commit_head *head, uint64_t epoch_max)
{
	return head->flags & COMMIT_FENCE || (epoch_max && head->epoch > epoch_max);
}

/* From log/<seq> backwards. -ENOENT when there is none. */
static int find_commit(struct cache *reader, uint64_t seq, uint64_t epoch_max,
		       struct log_entry *entry)
{
	for (; seq > 0; seq--) {
		int result = log_get(reader, seq, entry);

		if (result || !is_passed_over(&entry->commit.head, epoch_max))
			return result;
		log_entry_release(entry);
	}
	return -ENOENT;
}

static int read_part(struct cache *reader, const struct log_entry *entry,
		     const struct commit_part *part, lost_fn *fn, void *arg)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader run;
	struct ledger_row row;
	int result = log_get_part(reader, NULL, entry, part, &rows);

	if (result)
		return result;
	row_run_reader_init(&run, rows.data, rows.length, "the loss ledger");
	while ((result = ledger_next(&run, &row)) > 0) {
		result = fn(&row, arg);
		if (result)
			return result;
	}
	return result;
}

int lost_read(struct store *store, const char *url, const struct volume_params *volume,
	      uint64_t epoch_max, struct lost_commit *commit_out, lost_fn *fn, void *arg)
{
	/* As much of a cache as reading the log needs. */
	struct cache reader = {
		.url = (char *)(uintptr_t)url,
		.store = store,
		.seal = seal_null(),
		.conf = { .volume = *volume },
	};
	struct log_entry entry;
	uint64_t newest = 0;
	uint32_t i;
	int result = store_list(store, OBJECT_PREFIX_LOG, NULL, note_newest, &newest);

	memset(commit_out, 0, sizeof(*commit_out));
	if (!result)
		result = find_commit(&reader, newest, epoch_max, &entry);
	if (result)
		return result == -ENOENT ? 0 : result;
	commit_out->seq = entry.commit.head.seq;
	commit_out->epoch = entry.commit.head.epoch;
	commit_out->cut_real_ns = entry.commit.head.cut_real_ns;
	for (i = 0; !result && i < entry.commit.part_count; i++)
		if (entry.commit.parts[i].part.role == PART_LEDGER)
			result = read_part(&reader, &entry, &entry.commit.parts[i], fn, arg);
	log_entry_release(&entry);
	return result;
}
