/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/log.h"

#define MESSAGE_PROGRESS 'P'
#define MESSAGE_SERVING	 'S'
#define MESSAGE_FAILED	 'F'

#define EXIT_DONE   0
#define EXIT_FAILED 1

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t put = write(fd, bytes, length);

		/* The parent was killed; the mount goes on without it. */
		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			bytes += put;
			length -= (size_t)put;
		}
	}
}

static void send(int fd, char kind, const char *text)
{
	char line[1100];
	int length = snprintf(line, sizeof(line) - 1, "%c%s", kind, text);
	char *newline;

	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	while ((newline = strchr(line, '\n')) != NULL)
		*newline = ' ';
	line[length++] = '\n';
	write_all(fd, line, (size_t)length);
}

/* One line that is written over on a terminal; elsewhere nothing, for it is
 * not worth a line in a log. */
static void show_progress(const char *text)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s", text);
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* Follows the child's messages; the exit status that they lead to. */
static int follow(FILE *messages)
{
	char line[1200];

	while (fgets(line, sizeof(line), messages)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == MESSAGE_PROGRESS) {
			show_progress(line + 1);
			continue;
		}
		end_progress();
		if (line[0] == MESSAGE_SERVING)
			return EXIT_DONE;
		fprintf(stderr, "dray: %s\n", line + 1);
		return EXIT_FAILED;
	}
	end_progress();
	return -1;
}

static _Noreturn void be_parent(pid_t child, int fd)
{
	FILE *messages = fdopen(fd, "r");
	int result = messages ? follow(messages) : -1;
	int status = 0;

	if (result >= 0)
		_exit(result);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		fprintf(stderr, "dray: the gateway was ended by a signal (%s) before it served\n",
			strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "dray: the gateway ended before it served\n");
	_exit(EXIT_FAILED);
}

/* What the caller's shell had open would stay open as long as the mount. */
static void close_inherited(int keep)
{
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned int)keep - 1, 0);
	close_range((unsigned int)keep + 1, ~0U, 0);
}

int daemon_start(void)
{
	int fds[2];
	pid_t child;

	fflush(NULL);
	if (pipe2(fds, O_CLOEXEC)) {
		perror("dray: pipe");
		exit(EXIT_FAILED);
	}
	child = fork();
	if (child < 0) {
		perror("dray: fork");
		exit(EXIT_FAILED);
	}
	if (child) {
		close(fds[1]);
		be_parent(child, fds[0]);
	}
	close_inherited(fds[1]);
	return fds[1];
}

void daemon_progress(int ready_fd, const char *what, uint64_t done, uint64_t total)
{
	char text[256];

	if (total)
		snprintf(text, sizeof(text), "%s: %llu of %llu (%u %%)", what,
			 (unsigned long long)done, (unsigned long long)total,
			 (unsigned int)(done >= total ? 100 : (double)done * 100 / (double)total));
	else
		snprintf(text, sizeof(text), "%s", what);
	if (ready_fd == DAEMON_FOREGROUND)
		show_progress(text);
	else
		send(ready_fd, MESSAGE_PROGRESS, text);
}

static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/"))
		log_warn("cannot leave the working directory");
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
}

void daemon_serving(int ready_fd)
{
	if (ready_fd == DAEMON_FOREGROUND) {
		end_progress();
		return;
	}
	log_to_syslog();
	detach();
	send(ready_fd, MESSAGE_SERVING, "");
	close(ready_fd);
}

void daemon_failed(int ready_fd, const char *sentence)
{
	if (ready_fd == DAEMON_FOREGROUND) {
		end_progress();
		fprintf(stderr, "dray: %s\n", sentence);
		return;
	}
	send(ready_fd, MESSAGE_FAILED, sentence);
	close(ready_fd);
}
