/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests of commits and restores: a cache as far as these
 * need it, and operations that change its rows as the file system's would,
 * each one batch an inode. Files lie in the root directory; their content is
 * a row of blocks, each one extent, so that no overlaps have to be worked
 * out here.
 *
 * What the volume should hold is not modelled apart: state_of() digests all
 * that an index says, reading every byte, and the states of two indexes are
 * compared.
 */
#ifndef DRAY_TESTS_COMMIT_WORLD_H
#define DRAY_TESTS_COMMIT_WORLD_H

#include <check.h>

#include "backend/digest.h"
#include "backend/store_fault.h"
#include "cache/cache_int.h"
#include "cache/committer.h"
#include "cache/fence.h"

#define WORLD_FILES 40
/* Of the entry of a file in the root. */
#define WORLD_COOKIE(file) (1000 + (uint64_t)(file))
#define WORLD_TTL_NS	   (200 * NS_PER_MS)

struct world_conf {
	const char *directory; /* of the cache */
	const char *url;       /* mem://name or file:///path */
	int64_t upload_delay_ns;
	int64_t lease_ttl_ns; /* 0: WORLD_TTL_NS */
	bool takeover;
	const struct store_fault_conf *faults; /* or NULL */
	bool impatient; /* puts give up soon, and the commit is tried again */
};

struct world {
	struct cache cache;
	struct store *fault; /* NULL: none */
	struct node *held;   /* world_hold_open() */
};

/* All the way to a running committer. 0 or the code. */
int world_try_open(struct world *world, const struct world_conf *conf);
void world_open(struct world *world, const struct world_conf *conf);
/* A clean stop. */
void world_close(struct world *world);
/* As a killed process would. */
void world_kill(struct world *world);
/* Everything in the cloud. */
void world_wait(struct world *world);

/* Changes of file number `file` (0 to WORLD_FILES - 1); all are no-ops when
 * there is no such file, except create. */
void world_create(struct world *world, unsigned int file);
void world_write(struct world *world, unsigned int file, uint64_t seed, uint64_t offset,
		 uint32_t length);
/* The file is open, and was written to since its last close. */
void world_hold_open(struct world *world, unsigned int file);
void world_let_go(struct world *world);
void world_unlink(struct world *world, unsigned int file);
/* Removes the name, keeps the inode (it is open). */
void world_unlink_open(struct world *world, unsigned int file);
/* Removes what world_unlink_open() left. */
void world_reap(struct world *world);
void world_rename(struct world *world, unsigned int from, unsigned int to);
void world_chmod(struct world *world, unsigned int file, uint32_t mode);
void world_set_xattr(struct world *world, unsigned int file, uint64_t value);
/* Size 0, by a new generation of extents. */
void world_truncate(struct world *world, unsigned int file);
void world_fsync(struct world *world, unsigned int file);
uint64_t world_ino(struct world *world, unsigned int file);
/* One operation, drawn from the state. */
void world_step(struct world *world, uint64_t *state);

/* All that can be reached from the root by its names: names, attributes,
 * xattrs, contents. Asserts that references are sound on the way. */
struct digest state_of(struct world *world);
/* Asserts that the index has no rows of inodes that are not reached, and no
 * DIRTY rows: what a restore must give. */
void state_assert_tidy(struct world *world);
uint64_t dirty_rows(struct world *world);
/* Bytes of segments that are in no acknowledged pack. */
uint64_t dirty_bytes(struct world *world);

#endif
