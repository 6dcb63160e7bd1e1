/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is special of the file store: durability, left-overs, errors. The
 * promises of all stores are tested by tests/store_suite.
 *
 * This program defines some system calls itself, in place of libc's, to see
 * in which order the store makes them and to let them fail.
 */
#include "backend/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "tests/lib/unit.h"

static char *root;
static struct store *store;

/* The calls of a put, one letter each: what was called, since the last clearing. */
static char call_log[64];
static char failing_call; /* this letter fails with failing_errno */
static int failing_errno;

static bool call_fails(char letter)
{
	size_t used = strlen(call_log);

	if (used + 1 < sizeof(call_log))
		call_log[used] = letter;
	errno = failing_errno;
	return letter == failing_call;
}

int fdatasync(int fd)
{
	return call_fails('d') ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return call_fails('D') ? -1 : (int)syscall(SYS_fsync, fd);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return call_fails('L') ? -1 : (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return call_fails('R') ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	return call_fails('w') ? -1 : syscall(SYS_write, fd, bytes, length);
}

static void open_store(void)
{
	ck_assert_int_eq(store_file_open(root, false, &store), 0);
}

static void make_root_and_open(void)
{
	char *here = getcwd(NULL, 0);

	root = xasprintf("%s/store-file-XXXXXX", here);
	free(here);
	ck_assert_ptr_nonnull(mkdtemp(root));
	open_store();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(root);
}

static void close_and_remove_root(void)
{
	store_free(store);
	remove_tree();
}

static void clear_calls(void)
{
	memset(call_log, 0, sizeof(call_log));
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", root, name);
}

static void write_file(const char *name, int age_seconds)
{
	char *path = path_of(name);
	int64_t time = clock_real_ns() - age_seconds * NS_PER_SECOND;
	struct timespec times[2] = { clock_to_timespec(time), clock_to_timespec(time) };
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(futimens(fd, times), 0);
	close(fd);
	free(path);
}

static bool exists(const char *name)
{
	char *path = path_of(name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	ck_assert_msg(type != FTW_F || !strstr(path, "+tmp"), "left over: %s", path);
	return 0;
}

static void expect_no_temps(void)
{
	ck_assert_int_eq(nftw(root, count_entry, 16, FTW_PHYS), 0);
}

static int append_key(const struct store_object *object, void *arg)
{
	buffer_printf(arg, "%s ", object->key);
	return 0;
}

static void expect_listing(const char *expected)
{
	struct buffer keys = BUFFER_INIT;

	ck_assert_int_eq(store_list(store, "", NULL, append_key, &keys), 0);
	buffer_put_u8(&keys, '\0');
	ck_assert_str_eq((char *)keys.data, expected);
	buffer_release(&keys);
}

START_TEST(put_flushes_data_before_the_name_and_the_name_before_it_returns)
{
	make_root_and_open();
	clear_calls();
	ck_assert_int_eq(store_put(store, "a", "x", 1, STORE_IF_ABSENT), 0);
	ck_assert_str_eq(call_log, "wdLD");
	clear_calls();
	ck_assert_int_eq(store_put(store, "a", "y", 1, 0), 0);
	ck_assert_str_eq(call_log, "wdRD");
	close_and_remove_root();
}
END_TEST

START_TEST(new_directories_are_flushed_and_old_ones_once)
{
	make_root_and_open();
	clear_calls();
	ck_assert_int_eq(store_put(store, "p/q/a", "x", 1, 0), 0);
	ck_assert_str_eq(call_log, "DDwdRD");
	clear_calls();
	ck_assert_int_eq(store_put(store, "p/q/b", "x", 1, 0), 0);
	ck_assert_str_eq(call_log, "wdRD");
	/* after a restart nobody knows whether the directories were flushed */
	store_free(store);
	open_store();
	clear_calls();
	ck_assert_int_eq(store_put(store, "p/q/c", "x", 1, 0), 0);
	ck_assert_str_eq(call_log, "DDwdRD");
	close_and_remove_root();
}
END_TEST

START_TEST(object_that_is_reported_as_existing_is_durable)
{
	make_root_and_open();
	ck_assert_int_eq(store_put(store, "a", "x", 1, 0), 0);
	clear_calls();
	ck_assert_int_eq(store_put(store, "a", "x", 1, STORE_IF_ABSENT), -EEXIST);
	ck_assert_str_eq(call_log, "wdLD");
	expect_no_temps();
	close_and_remove_root();
}
END_TEST

START_TEST(failed_flush_fails_the_put)
{
	static const char letters[] = "wdLRD";
	uint64_t size;
	size_t i;
	int result;

	make_root_and_open();
	ck_assert_int_eq(store_put(store, "before", "x", 1, 0), 0);
	failing_errno = EIO;
	for (i = 0; letters[i]; i++) {
		failing_call = letters[i];
		result = store_put(store, "k", "x", 1, letters[i] == 'R' ? 0 : STORE_IF_ABSENT);
		ck_assert_int_eq(result, -ERR_store_failed);
		ck_assert_ptr_nonnull(strstr(err_message(result), root));
		ck_assert_ptr_nonnull(strstr(err_message(result), strerror(EIO)));
		failing_call = 0;
		/* the name may be there only when it was the last flush that failed */
		ck_assert_int_eq(store_head(store, "k", &size), letters[i] == 'D' ? 0 : -ENOENT);
		expect_no_temps();
	}
	close_and_remove_root();
}
END_TEST

START_TEST(errors_are_classed_by_what_helps)
{
	static const struct {
		int errnum;
		int code;
	} cases[] = {
		{ ENOSPC, -ERR_store_full },   { EDQUOT, -ERR_store_full },
		{ EACCES, -ERR_store_denied }, { EROFS, -ERR_store_denied },
		{ ENOMEM, -ERR_store_busy },   { EIO, -ERR_store_failed },
		{ ESTALE, -ERR_store_failed }, { EFBIG, -ERR_store_refused },
	};
	size_t i;
	int result;

	make_root_and_open();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		failing_call = 'w';
		failing_errno = cases[i].errnum;
		result = store_put(store, "k", "x", 1, 0);
		ck_assert_int_eq(result, cases[i].code);
		ck_assert_ptr_nonnull(strstr(err_message(result), strerror(cases[i].errnum)));
	}
	failing_call = 0;
	expect_listing("");
	expect_no_temps();
	close_and_remove_root();
}
END_TEST

START_TEST(file_system_without_hard_links_is_refused_with_a_reason)
{
	make_root_and_open();
	failing_call = 'L';
	failing_errno = EPERM;
	ck_assert_int_eq(store_put(store, "k", "x", 1, STORE_IF_ABSENT), -ERR_store_unsupported);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_unsupported), "hard links"));
	failing_call = 0;
	expect_no_temps();
	close_and_remove_root();
}
END_TEST

START_TEST(old_left_overs_are_removed_at_open_and_never_listed)
{
	char *path;

	make_root_and_open();
	ck_assert_int_eq(store_put(store, "volume", "x", 1, 0), 0);
	path = path_of("lost+found");
	ck_assert_int_eq(mkdir(path, 0), 0);
	free(path);
	write_file("+tmp/old", 2 * 86400);
	write_file("+tmp/young", 3600);
	store_free(store);
	open_store();
	ck_assert(!exists("+tmp/old"));
	ck_assert(exists("+tmp/young"));
	expect_listing("volume ");
	close_and_remove_root();
}
END_TEST

/* Two processes may work in one +tmp: the other may remove or lack it. */
START_TEST(missing_temporary_directory_is_made_again)
{
	char *path;

	make_root_and_open();
	ck_assert_int_eq(store_put(store, "a", "x", 1, 0), 0);
	path = path_of("+tmp");
	ck_assert_int_eq(rmdir(path), 0);
	free(path);
	ck_assert_int_eq(store_put(store, "b", "x", 1, 0), 0);
	close_and_remove_root();
}
END_TEST

START_TEST(key_that_is_a_directory_of_others_is_refused)
{
	make_root_and_open();
	ck_assert_int_eq(store_put(store, "log/1", "x", 1, 0), 0);
	ck_assert_int_eq(store_put(store, "log", "x", 1, 0), -ERR_store_refused);
	ck_assert_int_eq(store_put(store, "log", "x", 1, STORE_IF_ABSENT), -ERR_store_refused);
	ck_assert_int_eq(store_put(store, "log/1/2", "x", 1, 0), -ERR_store_refused);
	ck_assert_int_eq(store_put(store, "log/1/2", "x", 1, STORE_IF_ABSENT), -ERR_store_refused);
	expect_listing("log/1 ");
	expect_no_temps();
	close_and_remove_root();
}
END_TEST

START_TEST(removed_root_is_not_an_empty_store)
{
	struct buffer out = BUFFER_INIT;
	char *away;
	uint64_t size;

	make_root_and_open();
	away = xasprintf("%s-away", root);
	/* renamed away, as by an unmount: the store goes on with its own root */
	ck_assert_int_eq(rename(root, away), 0);
	ck_assert_int_eq(mkdir(root, 0700), 0);
	ck_assert_int_eq(store_put(store, "a", "x", 1, 0), 0);
	ck_assert(!exists("a"));
	ck_assert_int_eq(rmdir(root), 0);
	ck_assert_int_eq(rename(away, root), 0);
	ck_assert(exists("a"));
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	ck_assert_int_eq(store_get(store, "a", 0, 1, &out), -ERR_store_no_bucket);
	ck_assert_int_eq(store_head(store, "a", &size), -ERR_store_no_bucket);
	ck_assert_int_eq(store_list(store, "", NULL, append_key, &out), -ERR_store_no_bucket);
	ck_assert_int_eq(store_put(store, "a", "x", 1, 0), -ERR_store_no_bucket);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_no_bucket), root));
	free(away);
	close_and_remove_root();
}
END_TEST

START_TEST(directory_that_cannot_be_opened_is_explained)
{
	struct store *other = NULL;
	char *path;

	make_root_and_open();
	write_file("file", 0);
	path = path_of("none");
	ck_assert_int_eq(store_file_open(path, false, &other), -ERR_store_no_bucket);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_no_bucket), path));
	free(path);
	path = path_of("none/below");
	ck_assert_int_eq(store_file_open(path, true, &other), -ERR_store_no_bucket);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_no_bucket), "parent"));
	free(path);
	path = path_of("file");
	ck_assert_int_eq(store_file_open(path, false, &other), -ERR_store_refused);
	ck_assert_int_eq(store_file_open(path, true, &other), -ERR_store_refused);
	free(path);
	ck_assert_ptr_null(other);
	close_and_remove_root();
}
END_TEST

START_TEST(created_root_is_flushed_and_private)
{
	struct store *other;
	struct stat st;
	char *path;

	make_root_and_open();
	path = path_of("new");
	clear_calls();
	ck_assert_int_eq(store_file_open(path, true, &other), 0);
	ck_assert_str_eq(call_log, "D");
	store_free(other);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(store_file_open(path, true, &other), 0);
	store_free(other);
	free(path);
	close_and_remove_root();
}
END_TEST

/* Acknowledges each put by one byte, until it is killed. */
static _Noreturn void put_for_ever(int acknowledge)
{
	static char bytes[50000];
	char key[32];
	int i;

	for (i = 0;; i++) {
		snprintf(key, sizeof(key), "log/%d", i);
		memset(bytes, 'a' + i % 26, sizeof(bytes));
		if (store_put(store, key, bytes, sizeof(bytes), i % 2 ? STORE_IF_ABSENT : 0) ||
		    write(acknowledge, "x", 1) != 1)
			_exit(1);
	}
}

static int check_whole(const struct store_object *object, void *arg)
{
	(void)arg;
	ck_assert_msg(object->size == 50000, "%s is torn", object->key);
	return 0;
}

START_TEST(killed_writer_leaves_whole_objects_and_all_acknowledged_ones)
{
	enum { ACKNOWLEDGED = 40 };
	char byte;
	char key[32];
	uint64_t size;
	int pipe_fds[2];
	pid_t child;
	int i;

	make_root_and_open();
	ck_assert_int_eq(pipe(pipe_fds), 0);
	child = fork();
	if (!child)
		put_for_ever(pipe_fds[1]);
	for (i = 0; i < ACKNOWLEDGED; i++)
		ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	store_free(store);
	open_store();
	for (i = 0; i < ACKNOWLEDGED; i++) {
		snprintf(key, sizeof(key), "log/%d", i);
		ck_assert_int_eq(store_head(store, key, &size), 0);
	}
	ck_assert_int_eq(store_list(store, "", NULL, check_whole, NULL), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close_and_remove_root();
}
END_TEST

START_TEST(unreadable_directory_fails_the_listing)
{
	struct buffer keys = BUFFER_INIT;
	char *path;

	make_root_and_open();
	ck_assert_int_eq(store_put(store, "a/1", "x", 1, 0), 0);
	ck_assert_int_eq(store_put(store, "b/1", "x", 1, 0), 0);
	path = path_of("a");
	/* root may read everything: give that up for the listing */
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_eq(chmod(path, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(store_list(store, "", NULL, append_key, &keys), -ERR_store_denied);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_denied), path));
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
	buffer_release(&keys);
	free(path);
	close_and_remove_root();
}
END_TEST

UNIT_MAIN("store_file", put_flushes_data_before_the_name_and_the_name_before_it_returns,
	  new_directories_are_flushed_and_old_ones_once,
	  object_that_is_reported_as_existing_is_durable, failed_flush_fails_the_put,
	  errors_are_classed_by_what_helps, file_system_without_hard_links_is_refused_with_a_reason,
	  old_left_overs_are_removed_at_open_and_never_listed,
	  missing_temporary_directory_is_made_again, key_that_is_a_directory_of_others_is_refused,
	  removed_root_is_not_an_empty_store, directory_that_cannot_be_opened_is_explained,
	  created_root_is_flushed_and_private,
	  killed_writer_leaves_whole_objects_and_all_acknowledged_ones,
	  unreadable_directory_fails_the_listing)
