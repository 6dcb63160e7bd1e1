/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "backend/base/lock.h"

struct signals {
	pthread_t thread; /* immutable */
	struct lock lock;
	/* guarded by lock */
	signals_fn *fn;
	void *arg;
	bool stopping;
};

static void the_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

/* As if the signal were not handled. */
static _Noreturn void die_by(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	_exit(1);
}

static void *take_signals(void *arg)
{
	struct signals *signals = arg;
	sigset_t set;
	int number;

	the_signals(&set);
	while (!sigwait(&set, &number)) {
		signals_fn *fn;
		void *fn_arg;
		bool stopping;

		lock_acquire(&signals->lock);
		fn = signals->fn;
		fn_arg = signals->arg;
		stopping = signals->stopping;
		lock_release(&signals->lock);
		if (stopping)
			break;
		if (!fn)
			die_by(number);
		fn(number, fn_arg);
	}
	return NULL;
}

struct signals *signals_start(void)
{
	struct signals *signals = xcalloc(1, sizeof(*signals));
	sigset_t set;

	the_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	lock_init(&signals->lock, LOCK_RANK_LEAF);
	/* Without the thread the process could not be asked to end. */
	if (pthread_create(&signals->thread, NULL, take_signals, signals))
		abort();
	return signals;
}

void signals_attach(struct signals *signals, signals_fn *fn, void *arg)
{
	lock_acquire(&signals->lock);
	signals->fn = fn;
	signals->arg = arg;
	lock_release(&signals->lock);
}

void signals_stop(struct signals *signals)
{
	lock_acquire(&signals->lock);
	signals->stopping = true;
	lock_release(&signals->lock);
	/* Any of the signals, to this thread only, makes it look. */
	pthread_kill(signals->thread, SIGTERM);
	pthread_join(signals->thread, NULL);
	lock_destroy(&signals->lock);
	free(signals);
}
