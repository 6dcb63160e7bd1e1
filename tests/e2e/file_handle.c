/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File handles as a server uses them that keeps no file open.
 *
 *	file_handle get PATH		prints the handle of what PATH names
 *	file_handle get-connectable PATH
 *					one that also says where it is; status 77
 *					if the kernel makes none (before 6.13)
 *	file_handle read TOP HANDLE	prints what the file holds
 *	file_handle where TOP HANDLE	prints its path, as /proc tells it
 *
 * TOP is any directory of the mount. A handle is printed as its type and its
 * bytes in hexadecimal. A failure prints the name of the error, ESTALE, and
 * ends with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef AT_HANDLE_CONNECTABLE
#define AT_HANDLE_CONNECTABLE 0x002
#endif

#define EXIT_USAGE   2
#define EXIT_SKIPPED 77

union any_handle {
	struct file_handle handle;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int fail(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return EXIT_FAILURE;
}

static int get(const char *path, int flags)
{
	union any_handle any = { .handle.handle_bytes = MAX_HANDLE_SZ };
	unsigned int i;
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &any.handle, &mount, flags)) {
		fail();
		return flags && errno == EINVAL ? EXIT_SKIPPED : EXIT_FAILURE;
	}
	printf("%d:", any.handle.handle_type);
	for (i = 0; i < any.handle.handle_bytes; i++)
		printf("%02x", any.handle.f_handle[i]);
	putchar('\n');
	return 0;
}

/* What get() printed: 0, or -1 and errno. */
static int parse(const char *text, union any_handle *out)
{
	unsigned int byte;
	int length;

	out->handle.handle_bytes = 0;
	if (sscanf(text, "%d:%n", &out->handle.handle_type, &length) < 1) {
		errno = EINVAL;
		return -1;
	}
	for (text += length; sscanf(text, "%2x", &byte) == 1; text += 2) {
		if (out->handle.handle_bytes == MAX_HANDLE_SZ) {
			errno = EOVERFLOW;
			return -1;
		}
		out->handle.f_handle[out->handle.handle_bytes++] = (unsigned char)byte;
	}
	return 0;
}

static int open_handle(const char *top, const char *text, int flags)
{
	union any_handle any;
	int mount;
	int fd;

	if (parse(text, &any))
		return -1;
	mount = open(top, O_RDONLY | O_DIRECTORY);
	if (mount < 0)
		return -1;
	fd = open_by_handle_at(mount, &any.handle, flags);
	close(mount);
	return fd;
}

static int print_file(int fd)
{
	char bytes[4096];
	ssize_t length;

	while ((length = read(fd, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)length, stdout);
	return length < 0 ? fail() : 0;
}

static int print_place(int fd)
{
	char name[64];
	char path[4096];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	length = readlink(name, path, sizeof(path));
	if (length < 0)
		return fail();
	printf("%.*s\n", (int)length, path);
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc == 3 && !strcmp(argv[1], "get"))
		return get(argv[2], 0);
	if (argc == 3 && !strcmp(argv[1], "get-connectable"))
		return get(argv[2], AT_HANDLE_CONNECTABLE);
	if (argc != 4 || (strcmp(argv[1], "read") && strcmp(argv[1], "where"))) {
		fprintf(stderr, "usage: file_handle get|get-connectable PATH\n"
				"       file_handle read|where TOP HANDLE\n");
		return EXIT_USAGE;
	}
	fd = open_handle(argv[2], argv[3], *argv[1] == 'r' ? O_RDONLY : O_PATH);
	if (fd < 0)
		return fail();
	return *argv[1] == 'r' ? print_file(fd) : print_place(fd);
}
