/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/session.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "fs/device.h"
#include "fs/mountpoint.h"
#include "fs/ops.h"

#define WAKE_SIGNAL	 SIGUSR2
#define WAKE_INTERVAL_MS 20

/* How long the kernel may take to let go of what was unmounted. */
#define LET_GO_MS 5000

struct session {
	/* immutable after open */
	struct fs *fs;
	struct fuse_session *fuse;
	char *mountpoint;
	pthread_t runner;  /* of session_run() */
	atomic_bool ended; /* the loop is over */
	/* owned by the thread of the signals */
	bool ending;
	pthread_t ender; /* when ending */
};

/*
 * Ends the loop from outside. libfuse's loop sleeps on a semaphore and looks
 * at the flag when a signal interrupts that; one signal may come a moment too
 * early, so it is repeated.
 */
static void stop_loop(struct session *session)
{
	invalidate_stop(&session->fs->invalidate);
	fuse_session_exit(session->fuse);
	while (!atomic_load(&session->ended)) {
		pthread_kill(session->runner, WAKE_SIGNAL);
		usleep(WAKE_INTERVAL_MS * 1000);
	}
}

/* What the first signal does; on a thread of its own, so that the second is
 * heard meanwhile. */
static void *end_session(void *arg)
{
	struct session *session = arg;
	int result = session_unmount(session);

	if (!result)
		return NULL;
	if (result == -EBUSY)
		log_warn("%s is in use: its open files are cut off", session->mountpoint);
	else
		log_error("%s", err_message(result));
	fs_launder_all(session->fs);
	mountpoint_unmount(session->mountpoint, true);
	stop_loop(session);
	return NULL;
}

static void take_signal(int number, void *arg)
{
	struct session *session = arg;

	log_info("%s: unmounting %s", strsignal(number), session->mountpoint);
	if (!session->ending && !pthread_create(&session->ender, NULL, end_session, session)) {
		session->ending = true;
		return;
	}
	mountpoint_unmount(session->mountpoint, true);
	stop_loop(session);
}

/* What libfuse said last; while mounting, which is done by one thread, the
 * error's sentence quotes it. Later it goes to our log. */
static char fuse_said[512];
static atomic_bool fuse_is_mounting;

static void log_from_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	char text[sizeof(fuse_said)];
	size_t length;

	vsnprintf(text, sizeof(text), format, args);
	length = strlen(text);
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	if (atomic_load(&fuse_is_mounting))
		memcpy(fuse_said, text, sizeof(text));
	else
		log_line(level <= FUSE_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s", text);
}

static int fail_to_mount(const char *mountpoint)
{
	return err_set(-ERR_bad_mountpoint, "cannot mount on %s: %s", mountpoint,
		       *fuse_said ? fuse_said : "fusermount3 failed");
}

/* Adds -o NAME=VALUE, with the commas and backslashes of VALUE escaped. */
static void add_option(struct fuse_args *args, const char *name, const char *value)
{
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

	buffer_printf(&text, "-o%s", name);
	if (value)
		buffer_put_u8(&text, '=');
	for (; value && *value; value++) {
		if (*value == ',' || *value == '\\')
			buffer_put_u8(&text, '\\');
		buffer_put_u8(&text, (uint8_t)*value);
	}
	buffer_put_u8(&text, 0);
	if (fuse_opt_add_arg(args, (char *)text.data))
		abort();
}

static struct fuse_session *new_fuse_session(struct fs *fs, const char *source)
{
	const struct mount_conf *conf = fs->conf;
	CLEANUP_FREE char *kernel =
		xasprintf("-o%.*s", (int)conf->kernel.length, (char *)conf->kernel.data);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *fuse;

	if (fuse_opt_add_arg(&args, "dray"))
		abort();
	add_option(&args, "fsname", source);
	add_option(&args, "subtype", "dray");
	if (conf->default_permissions)
		add_option(&args, "default_permissions", NULL);
	if (conf->allow_other)
		add_option(&args, "allow_other", NULL);
	if (conf->read_only)
		add_option(&args, "ro", NULL);
	if (conf->kernel.length && fuse_opt_add_arg(&args, kernel))
		abort();
	fuse = fuse_session_new(&args, &fs_operations, sizeof(fs_operations), fs);
	fuse_opt_free_args(&args);
	return fuse;
}

static void ignore_wake(int number)
{
	(void)number;
}

static void install_wake(void)
{
	struct sigaction action = { .sa_handler = ignore_wake };

	sigaction(WAKE_SIGNAL, &action, NULL);
}

/* A mounted session, or NULL. */
static struct fuse_session *mount_fuse_session(struct fs *fs, const char *mountpoint,
					       const char *source)
{
	struct fuse_session *fuse = new_fuse_session(fs, source);

	if (!fuse)
		return NULL;
	if (fuse_session_mount(fuse, mountpoint) ||
	    fuse_session_custom_io(fuse, &device_io, fuse_session_fd(fuse))) {
		fuse_session_unmount(fuse);
		fuse_session_destroy(fuse);
		return NULL;
	}
	return fuse;
}

int session_open(struct fs *fs, const char *mountpoint, const char *source, struct session **out)
{
	struct session *session;
	struct fuse_session *fuse;

	install_wake();
	fuse_set_log_func(log_from_fuse);
	atomic_store(&fuse_is_mounting, true);
	fuse = mount_fuse_session(fs, mountpoint, source);
	atomic_store(&fuse_is_mounting, false);
	if (!fuse)
		return fail_to_mount(mountpoint);
	session = xcalloc(1, sizeof(*session));
	session->fs = fs;
	session->fuse = fuse;
	session->mountpoint = xstrdup(mountpoint);
	session->runner = pthread_self();
	fs->session = fuse;
	*out = session;
	return 0;
}

int session_run(struct session *session, struct signals *signals)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int result;

	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, (unsigned int)session->fs->conf->threads);
	signals_attach(signals, take_signal, session);
	result = fuse_session_loop_mt(session->fuse, config);
	atomic_store(&session->ended, true);
	fuse_loop_cfg_destroy(config);
	signals_stop(signals);
	if (session->ending)
		pthread_join(session->ender, NULL);
	if (result < 0)
		return err_set_errno(-ERR_local_io, -result, "/dev/fuse failed");
	return 0;
}

void session_close(struct session *session)
{
	fuse_session_unmount(session->fuse);
	fuse_session_destroy(session->fuse);
	free(session->mountpoint);
	free(session);
}

/*
 * The kernel ends the loop when nothing refers to the mount any more. A copy of
 * it in another mount namespace (a container, unshare(1)) would keep the gateway
 * for as long as that lasts: it is cut off there, with what it wrote kept.
 */
static void await_let_go(struct session *session)
{
	unsigned int waited;

	for (waited = 0; waited < LET_GO_MS; waited += WAKE_INTERVAL_MS) {
		if (atomic_load(&session->ended))
			return;
		usleep(WAKE_INTERVAL_MS * 1000);
	}
	log_warn("%s: another mount namespace has it mounted still: it is cut off there",
		 session->mountpoint);
	fs_launder_all(session->fs);
	stop_loop(session);
}

int session_unmount(struct session *session)
{
	int result = mountpoint_unmount(session->mountpoint, false);

	if (!result)
		await_let_go(session);
	return result;
}

void session_launder(struct session *session)
{
	fs_launder_all(session->fs);
}
