/* SPDX-License-Identifier: Apache-2.0 */
/* An index in a scratch directory, for tests. */
#ifndef DRAY_TESTS_INDEX_BOX_H
#define DRAY_TESTS_INDEX_BOX_H

#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "cache/index.h"
#include "tests/lib/scratch.h"

struct index_box {
	char *directory;
	char *index_directory;
	char *journal_directory;
	struct id boot_id;
	/* Directories and boot id are filled in by index_box_open(). */
	struct index_conf conf;
	struct index *index; /* NULL: closed */
};

static inline void index_box_init(struct index_box *box)
{
	memset(box, 0, sizeof(*box));
	box->directory = scratch_make();
	box->index_directory = xasprintf("%s/index", box->directory);
	box->journal_directory = xasprintf("%s/journal", box->directory);
	box->boot_id.bytes[0] = 1;
	box->conf.journal_file_bytes = 256 * 1024;
}

/* The first failure of opening and replay; then nothing is open. */
static inline int index_box_try_open(struct index_box *box)
{
	int result;

	box->conf.index_directory = box->index_directory;
	box->conf.journal_directory = box->journal_directory;
	box->conf.boot_id = &box->boot_id;
	result = index_open(&box->conf, &box->index);
	if (result)
		return result;
	result = index_open_replay(box->index);
	if (result) {
		index_abandon(box->index);
		box->index = NULL;
	}
	return result;
}

static inline struct index *index_box_open(struct index_box *box)
{
	int result = index_box_try_open(box);

	if (result)
		ck_abort_msg("%s", err_message(result));
	return box->index;
}

static inline void index_box_close(struct index_box *box)
{
	if (box->index)
		index_close(box->index);
	box->index = NULL;
}

/* As a killed process leaves it. */
static inline void index_box_kill(struct index_box *box)
{
	if (box->index)
		index_abandon(box->index);
	box->index = NULL;
}

/* The machine restarted: the boot id is another one. */
static inline void index_box_power_cut(struct index_box *box)
{
	index_box_kill(box);
	box->boot_id.bytes[0]++;
}

static inline void index_box_release(struct index_box *box)
{
	index_box_kill(box);
	scratch_remove(box->directory);
	free(box->index_directory);
	free(box->journal_directory);
}

/* Puts a u64 at the key, in a batch of its own. */
static inline uint64_t index_box_put(struct index_box *box, const struct row_key *key,
				     uint64_t value, unsigned int flags)
{
	struct buffer bytes = BUFFER_INIT;
	struct batch batch;
	uint64_t lsn;

	batch_init(&batch, BATCH_ROWS, 0);
	buffer_put_u64(&bytes, value);
	batch_put(&batch, key, &bytes, flags);
	ck_assert_int_eq(index_commit(box->index, &batch, &lsn), 0);
	buffer_release(&bytes);
	batch_release(&batch);
	return lsn;
}

/* The u64 at the key; UINT64_MAX when there is no such row. */
static inline uint64_t index_box_get(struct index_box *box, const struct row_key *key)
{
	struct buffer bytes = BUFFER_INIT;
	int result = index_get(box->index, key, &bytes);
	uint64_t value = UINT64_MAX;

	if (result && result != -ENOENT)
		ck_abort_msg("%s", err_message(result));
	if (!result)
		ck_assert_int_eq(row_get_u64(bytes.data, bytes.length, &value), 0);
	buffer_release(&bytes);
	return value;
}

static inline bool index_box_dirty(struct index_box *box, const struct row_key *key,
				   struct dirty_row *row)
{
	struct buffer bytes = BUFFER_INIT;
	struct row_key dirty_key;
	int result;

	key_dirty(&dirty_key, key->bytes, key->length);
	result = index_get(box->index, &dirty_key, &bytes);
	if (!result)
		ck_assert_int_eq(row_get_dirty(bytes.data, bytes.length, row), 0);
	else
		ck_assert_int_eq(result, -ENOENT);
	buffer_release(&bytes);
	return !result;
}

static inline void index_box_put_inode(struct index_box *box, uint64_t ino, uint32_t nlink)
{
	struct inode_row row = { .mode = S_IFREG | 0644, .nlink = nlink };
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, ino, &row);
	ck_assert_int_eq(index_commit(box->index, &batch, NULL), 0);
	batch_release(&batch);
}

static inline int index_box_get_inode(struct index_box *box, uint64_t ino)
{
	struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_inode(&key, ino);
	result = index_get(box->index, &key, &value);
	buffer_release(&value);
	return result;
}

#endif
