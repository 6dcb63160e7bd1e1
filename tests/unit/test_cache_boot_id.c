/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/boot_id.h"

#include "backend/base/error.h"
#include "tests/lib/unit.h"

START_TEST(directories_of_one_mount_have_one_id)
{
	struct id a, b;

	ck_assert_int_eq(boot_id_read("/usr", &a), 0);
	ck_assert_int_eq(boot_id_read("/usr", &b), 0);
	ck_assert(id_equal(&a, &b));
}
END_TEST

START_TEST(another_mount_has_another_id)
{
	struct id a, b;

	ck_assert_int_eq(boot_id_read("/", &a), 0);
	ck_assert_int_eq(boot_id_read("/proc", &b), 0);
	ck_assert(!id_equal(&a, &b));
}
END_TEST

START_TEST(a_directory_that_is_missing_is_an_error)
{
	struct id id;

	ck_assert_int_eq(boot_id_read("/nowhere", &id), -ERR_local_io);
}
END_TEST

UNIT_MAIN("boot_id", directories_of_one_mount_have_one_id, another_mount_has_another_id,
	  a_directory_that_is_missing_is_an_error)
