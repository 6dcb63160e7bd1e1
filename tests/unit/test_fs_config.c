/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "fs/config.h"

static struct mount_conf conf;

static void setup(void)
{
	mount_conf_init(&conf);
}

static void teardown(void)
{
	mount_conf_release(&conf);
}

static void assert_parses(const char *options)
{
	int result = mount_conf_parse(&conf, options);

	ck_assert_msg(result == 0, "%s: %s", options, err_message(result));
}

static void assert_refused(const char *options, const char *sentence)
{
	int result = mount_conf_parse(&conf, options);

	ck_assert_msg(result == -ERR_bad_option, "%s: %d", options, result);
	ck_assert_msg(strstr(err_message(result), sentence) != NULL, "%s: %s", options,
		      err_message(result));
}

START_TEST(defaults_are_those_of_the_table)
{
	ck_assert_ptr_null(conf.cache);
	ck_assert_uint_eq(conf.cache_bytes, 10ULL << 30);
	ck_assert_int_eq(conf.upload_delay_ns, 5 * NS_PER_SECOND);
	ck_assert_int_eq(conf.attr_timeout_ns, 86400 * NS_PER_SECOND);
	ck_assert_int_eq(conf.zstd_level, 0);
	ck_assert_int_eq(conf.uid, -1);
	ck_assert_int_eq(conf.umask, -1);
	ck_assert(conf.default_permissions);
	ck_assert(!conf.read_only);
	ck_assert(!conf.allow_other);
	ck_assert_uint_eq(conf.kernel.length, 0);
}
END_TEST

START_TEST(each_kind_is_read)
{
	assert_parses("cache=/c,cache-size=1.5G,upload-delay=250ms,upload-threads=9,umask=027,"
		      "allow_other,uid=0");
	ck_assert_str_eq(conf.cache, "/c");
	ck_assert_uint_eq(conf.cache_bytes, 3ULL << 29);
	ck_assert_int_eq(conf.upload_delay_ns, 250 * NS_PER_MS);
	ck_assert_int_eq(conf.upload_threads, 9);
	ck_assert_int_eq(conf.umask, 027);
	ck_assert_int_eq(conf.uid, 0);
	ck_assert(conf.allow_other);
}
END_TEST

START_TEST(the_last_value_counts)
{
	assert_parses("ro,cache=/a,rw,cache=/b");
	ck_assert_str_eq(conf.cache, "/b");
	ck_assert(!conf.read_only);
	assert_parses("ro");
	ck_assert(conf.read_only);
	assert_parses("no_default_permissions");
	ck_assert(!conf.default_permissions);
	assert_parses("default_permissions");
	ck_assert(conf.default_permissions);
}
END_TEST

START_TEST(commas_in_values_are_escaped)
{
	assert_parses("fsname=a\\,b\\\\c,ro");
	ck_assert_str_eq(conf.fsname, "a,b\\c");
	ck_assert(conf.read_only);
}
END_TEST

START_TEST(options_of_fstab_are_accepted)
{
	assert_parses("rw,auto,nofail,_netdev,user,users,x-systemd.requires=network.target,"
		      "comment=mine,relatime,user=joe,defaults,,");
	ck_assert_uint_eq(conf.kernel.length, 0);
}
END_TEST

START_TEST(options_of_the_kernel_are_handed_on)
{
	assert_parses("noatime,suid,dev");
	buffer_put_u8(&conf.kernel, 0);
	ck_assert_str_eq((char *)conf.kernel.data, "noatime,suid,dev");
}
END_TEST

START_TEST(bad_options_are_named)
{
	assert_refused("cache-siz=1G", "unknown mount option cache-siz=1G");
	assert_refused("ro,frobnicate", "unknown mount option frobnicate");
	assert_refused("noatime=1", "unknown mount option noatime=1");
	assert_refused("ro=1", "ro takes no value");
	assert_refused("rw=0", "unknown mount option rw=0");
	assert_refused("cache", "cache needs a value: cache=PATH");
	assert_refused("cache=", "cache needs a value");
	assert_refused("cache-size=ten", "cache-size=ten: out of range, or not a size");
	assert_refused("cache-size=1K", "cache-size=1K: out of range");
	assert_refused("upload-delay=5x", "upload-delay=5x: out of range, or not a time");
	assert_refused("upload-threads=0", "upload-threads=0: give a number from 1 to 256");
	assert_refused("upload-threads=4q", "upload-threads=4q: give a number");
	assert_refused("umask=8", "umask=8: out of range, or not an octal number");
	assert_refused("umask=1777", "umask=1777: out of range");
	assert_refused("uid=-1", "uid=-1: give a number");
	assert_refused("comment", "unknown mount option comment");
}
END_TEST

START_TEST(only_the_limits_change_while_mounted)
{
	assert_parses("cache-size=1G,threads=9");
	ck_assert_int_eq(mount_conf_change(&conf, "remount,min-free=2G,on-full=enospc"), 0);
	ck_assert_uint_eq(conf.cache_bytes, 1ULL << 30);
	ck_assert_uint_eq(conf.min_free_bytes, 2ULL << 30);
	ck_assert_int_eq(conf.on_full, FULL_ENOSPC);
	ck_assert_int_eq(mount_conf_change(&conf, "remount,threads=3"), -ERR_bad_option);
	ck_assert(strstr(err_message(-ERR_bad_option), "threads cannot be changed while mounted"));
	ck_assert_int_eq(conf.threads, 9);
}
END_TEST

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(out);
	fclose(out);
	return text;
}

START_TEST(help_lists_every_option_within_the_width)
{
	char *text = printed(mount_options_print_help);
	char *line;

	ck_assert_ptr_nonnull(strstr(text, "  cache-size=SIZE"));
	ck_assert_ptr_nonnull(strstr(text, "[10G]"));
	ck_assert_ptr_nonnull(strstr(text, "  takeover"));
	ck_assert_ptr_null(strstr(text, "[-1]"));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		ck_assert_msg(strlen(line) <= 88, "%s", line);
	free(text);
}
END_TEST

START_TEST(the_manual_lists_every_option)
{
	char *text = printed(mount_options_print_mdoc);

	ck_assert_ptr_nonnull(strstr(text, ".It Cm upload-delay Ns = Ns Ar TIME\n"));
	ck_assert_ptr_nonnull(strstr(text, ".It Cm takeover\n"));
	ck_assert_ptr_nonnull(strstr(text, "Default: 5s.\n"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_config");
	TCase *tcase = tcase_create("fs_config");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, defaults_are_those_of_the_table);
	tcase_add_test(tcase, each_kind_is_read);
	tcase_add_test(tcase, the_last_value_counts);
	tcase_add_test(tcase, commas_in_values_are_escaped);
	tcase_add_test(tcase, options_of_fstab_are_accepted);
	tcase_add_test(tcase, options_of_the_kernel_are_handed_on);
	tcase_add_test(tcase, bad_options_are_named);
	tcase_add_test(tcase, only_the_limits_change_while_mounted);
	tcase_add_test(tcase, help_lists_every_option_within_the_width);
	tcase_add_test(tcase, the_manual_lists_every_option);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
