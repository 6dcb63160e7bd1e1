/* SPDX-License-Identifier: Apache-2.0 */
/* A world whose bucket is a directory, which tests of checkpoints and of their
 * removal copy, damage and restore on other machines. */
#ifndef DRAY_TESTS_COMMIT_CHECKPOINT_BOX_H
#define DRAY_TESTS_COMMIT_CHECKPOINT_BOX_H

#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "cache/checkpoint.h"
#include "cache/commit_record.h"
#include "cache/retention.h"
#include "tests/commit/world.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"

/* Small, so that few files make several runs. */
#define RUN_BYTES 1500
#define HOUR_NS	  (3600 * NS_PER_SECOND)
#define START_NS  (1000000 * HOUR_NS)

static char *scratch;
static char *directory;
static unsigned int machines;
static struct world_conf conf;

static inline void setup(void)
{
	scratch = scratch_make();
	directory = xasprintf("%s/cache", scratch);
	conf = (struct world_conf){ .directory = directory,
				    .url = xasprintf("file://%s/bucket", scratch),
				    .upload_delay_ns = 3600 * NS_PER_SECOND,
				    .takeover = true };
	machines = 0;
}

static inline void teardown(void)
{
	scratch_remove(scratch);
	free(directory);
	free((char *)(uintptr_t)conf.url);
}

static inline uint64_t committed(struct world *world)
{
	struct commit_record record;

	ck_assert_int_eq(commit_record_get(world->cache.index, &record), 0);
	return record.seq;
}

static inline int try_checkpoint(struct world *world, int64_t now_ns,
				 struct checkpoint_result *made)
{
	struct checkpoint_conf checkpoint = {
		.cache = &world->cache,
		.seq = committed(world),
		.now_real_ns = now_ns,
		.run_bytes = RUN_BYTES,
	};

	return checkpoint_make(&checkpoint, made);
}

static inline struct checkpoint_result checkpoint(struct world *world, int64_t now_ns)
{
	struct checkpoint_result made;
	int result = try_checkpoint(world, now_ns, &made);

	ck_assert_msg(!result, "%s", err_message(result));
	return made;
}

static inline void steps(struct world *world, uint64_t *state, unsigned int count)
{
	while (count--)
		world_step(world, state);
	world_wait(world);
}

static inline struct retention_result retain(struct world *world, int64_t now_ns)
{
	struct retention_conf retention = { .cache = &world->cache, .now_real_ns = now_ns };
	struct retention_result removed;
	int result = retention_run(&retention, &removed);

	ck_assert_msg(!result, "%s", err_message(result));
	return removed;
}

/* Extended attributes of a file, one batch each. */
static inline void add_xattrs(struct world *world, unsigned int file, unsigned int count,
			      size_t length)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	struct batch batch;
	unsigned int i;

	for (i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user.%04u", i);
		key_xattr(&key, world_ino(world, file), name, strlen(name));
		buffer_clear(&value);
		noise_fill(i, buffer_extend(&value, length), length);
		batch_init(&batch, BATCH_ROWS, 0);
		batch_put(&batch, &key, &value, ROW_CLOUD);
		ck_assert_int_eq(index_commit(world->cache.index, &batch, NULL), 0);
		batch_release(&batch);
	}
}

/* The bucket, copied, on a machine that never saw it. */
static inline int try_restore(struct world *world)
{
	CLEANUP_FREE char *copy = xasprintf("%s/copy-%u", scratch, ++machines);
	CLEANUP_FREE char *command =
		xasprintf("rm -rf '%s'; cp -r '%s/bucket' '%s' 2>/dev/null", copy, scratch, copy);
	CLEANUP_FREE char *url = xasprintf("file://%s", copy);
	CLEANUP_FREE char *fresh_directory = xasprintf("%s/fresh-%u", scratch, machines);
	struct world_conf fresh = conf;

	/* A lease that is replaced meanwhile lets cp fail. */
	while (system(command))
		;
	fresh.directory = fresh_directory;
	fresh.url = url;
	return world_try_open(world, &fresh);
}

static inline void assert_restores_as(const struct digest *expected)
{
	struct digest state;
	struct world world;
	int result = try_restore(&world);

	ck_assert_msg(!result, "%s", err_message(result));
	state_assert_tidy(&world);
	state = state_of(&world);
	world_close(&world);
	ck_assert_mem_eq(state.bytes, expected->bytes, DIGEST_BYTES);
}

static inline void remove_files(const char *pattern)
{
	CLEANUP_FREE char *command = xasprintf("rm %s/bucket/%s", scratch, pattern);

	ck_assert_int_eq(system(command), 0);
}

static inline unsigned int count_files(const char *folder)
{
	CLEANUP_FREE char *command =
		xasprintf("test $(ls %s/bucket/%s | wc -l) = 0", scratch, folder);
	CLEANUP_FREE char *list = xasprintf("ls %s/bucket/%s | wc -l", scratch, folder);
	unsigned int count = 0;
	FILE *pipe;

	if (!system(command))
		return 0;
	pipe = popen(list, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_int_eq(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	return count;
}

/* Flips a bit in the middle of bucket/<name>. */
static inline void damage(const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/bucket/%s", scratch, name);
	FILE *file = fopen(path, "r+b");
	int byte;

	ck_assert_ptr_nonnull(file);
	fseek(file, 0, SEEK_END);
	fseek(file, ftell(file) / 2, SEEK_SET);
	byte = fgetc(file);
	fseek(file, -1, SEEK_CUR);
	fputc(byte ^ 4, file);
	fclose(file);
}

static inline void damage_root(uint64_t seq)
{
	char name[OBJECT_NAME_SIZE];

	object_name_root(seq, name);
	damage(name);
}

#endif
