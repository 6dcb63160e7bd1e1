/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/outbox.h"
#include "tests/lib/unit.h"

static char *directory;

static void setup(void)
{
	directory = xstrdup("/tmp/outbox.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	CLEANUP_FREE char *command = xasprintf("rm -rf '%s'", directory);

	ck_assert_int_eq(system(command), 0);
	free(directory);
}

static struct outbox *open_outbox(void)
{
	struct outbox *outbox;

	ck_assert_int_eq(outbox_open(directory, &outbox), 0);
	return outbox;
}

START_TEST(a_commit_and_its_parts_come_back_byte_by_byte)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct outbox *outbox;
	struct id id = id_new();

	setup();
	outbox = open_outbox();
	ck_assert_int_eq(outbox_add_part(outbox, 0x1a, 3, &id, "rows", 4), 0);
	ck_assert_int_eq(outbox_add_commit(outbox, 0x1a, "commit", 6), 0);
	outbox_close(outbox);
	outbox = open_outbox();
	ck_assert_int_eq(outbox_get_commit(outbox, 0x1a, &bytes), 0);
	ck_assert_int_eq(outbox_get_part(outbox, 0x1a, 3, &id, &bytes), 0);
	ck_assert_uint_eq(bytes.length, 10);
	ck_assert_mem_eq(bytes.data, "commitrows", 10);
	ck_assert_uint_eq(outbox_bytes(outbox), 10);
	ck_assert_int_eq(outbox_get_commit(outbox, 0x1b, &bytes), -ENOENT);
	outbox_close(outbox);
	teardown();
}
END_TEST

START_TEST(commits_are_found_in_order_and_removed_with_their_parts)
{
	struct outbox *outbox;
	struct id id = id_new();

	setup();
	outbox = open_outbox();
	ck_assert_uint_eq(outbox_next(outbox, 1), 0);
	ck_assert_int_eq(outbox_add_commit(outbox, 300, "c", 1), 0);
	ck_assert_int_eq(outbox_add_part(outbox, 20, 3, &id, "p", 1), 0);
	ck_assert_int_eq(outbox_add_commit(outbox, 20, "b", 1), 0);
	ck_assert_uint_eq(outbox_next(outbox, 1), 20);
	ck_assert_uint_eq(outbox_next(outbox, 21), 300);
	ck_assert_uint_eq(outbox_next(outbox, 301), 0);
	ck_assert_int_eq(outbox_remove(outbox, 20), 0);
	ck_assert_int_eq(outbox_remove(outbox, 20), 0);
	ck_assert_uint_eq(outbox_next(outbox, 1), 300);
	ck_assert_uint_eq(outbox_bytes(outbox), 1);
	outbox_close(outbox);
	teardown();
}
END_TEST

START_TEST(parts_without_their_commit_are_removed_at_open)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct outbox *outbox;
	struct id id = id_new();
	CLEANUP_FREE char *stray = NULL;

	setup();
	outbox = open_outbox();
	ck_assert_int_eq(outbox_add_part(outbox, 7, 3, &id, "rows", 4), 0);
	outbox_close(outbox);
	stray = xasprintf("%s/outbox/%016x.new", directory, 8);
	ck_assert_int_eq(close(open(stray, O_CREAT | O_WRONLY, 0600)), 0);
	outbox = open_outbox();
	ck_assert_int_eq(outbox_get_part(outbox, 7, 3, &id, &bytes), -ENOENT);
	ck_assert_int_ne(access(stray, F_OK), 0);
	outbox_close(outbox);
	teardown();
}
END_TEST

UNIT_MAIN("outbox", a_commit_and_its_parts_come_back_byte_by_byte,
	  commits_are_found_in_order_and_removed_with_their_parts,
	  parts_without_their_commit_are_removed_at_open)
