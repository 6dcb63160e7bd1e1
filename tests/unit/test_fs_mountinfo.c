/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fs/mountinfo.h"
#include "tests/lib/unit.h"

static const char *const text = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
				"23 22 0:21 / /proc rw,nosuid shared:5 master:1 - proc proc rw\n"
				"40 22 0:40 / /mnt/a\\040b\\134c rw,nosuid,nodev - fuse.dray "
				"s3://bucket/a\\040b rw,user_id=0\n"
				"41 22 0:41 / /mnt/twice rw - tmpfs tmpfs rw\n"
				"this line is none\n"
				"42 22 0:42 / /mnt/cut rw\n"
				"43 41 0:43 / /mnt/twice rw - fuse.dray file:///srv rw\n";

static struct mountinfo info;

START_TEST(a_mount_is_found_by_its_path)
{
	ck_assert(mountinfo_find_in(text, "/proc", &info));
	ck_assert_str_eq(info.type, "proc");
	ck_assert_uint_eq(info.major, 0);
	ck_assert_uint_eq(info.minor, 21);
	ck_assert(!mountinfo_find_in(text, "/mnt", &info));
	ck_assert(!mountinfo_find_in(text, "/proc/", &info));
	ck_assert(!mountinfo_find_in("", "/", &info));
}
END_TEST

START_TEST(escaped_bytes_are_read)
{
	ck_assert(mountinfo_find_in(text, "/mnt/a b\\c", &info));
	ck_assert_str_eq(info.type, MOUNT_TYPE);
	ck_assert_str_eq(info.source, "s3://bucket/a b");
}
END_TEST

START_TEST(the_mount_on_top_counts)
{
	ck_assert(mountinfo_find_in(text, "/mnt/twice", &info));
	ck_assert_str_eq(info.type, MOUNT_TYPE);
}
END_TEST

START_TEST(lines_of_another_form_are_passed_over)
{
	ck_assert(!mountinfo_find_in(text, "/mnt/cut", &info));
	ck_assert(!mountinfo_find_in(text, "none", &info));
}
END_TEST

START_TEST(the_mounts_of_this_process_are_read)
{
	ck_assert(mountinfo_find("/proc", &info));
	ck_assert_str_eq(info.type, "proc");
}
END_TEST

UNIT_MAIN("fs_mountinfo", a_mount_is_found_by_its_path, escaped_bytes_are_read,
	  the_mount_on_top_counts, lines_of_another_form_are_passed_over,
	  the_mounts_of_this_process_are_read)
