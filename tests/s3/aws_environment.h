/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An environment without any AWS setting of the machine: each test starts
 * with it and sets what it needs. Check runs every test in a process of its
 * own, so nothing needs to be undone.
 */
#ifndef DRAY_TESTS_AWS_ENVIRONMENT_H
#define DRAY_TESTS_AWS_ENVIRONMENT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Writes text into a new file; the caller frees the path and removes it. */
static inline char *write_file(const char *text)
{
	char *path = strdup("/tmp/dray-test-XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static inline void clear_aws_environment(void)
{
	char name[128];
	size_t i = 0;

	while (environ[i]) {
		size_t length = strcspn(environ[i], "=");

		if (strncmp(environ[i], "AWS_", 4) != 0 || length >= sizeof(name)) {
			i++;
			continue;
		}
		memcpy(name, environ[i], length);
		name[length] = '\0';
		unsetenv(name);
	}
	setenv("HOME", "/nonexistent", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("no_proxy", "127.0.0.1", 1);
}

#endif
