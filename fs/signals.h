/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals that ask for an end: SIGTERM, SIGINT, SIGHUP. They are blocked
 * in every thread and taken by one thread of this module, so that what they
 * cause is ordinary code.
 *
 * Until a function is attached, a signal ends the process as it would without
 * us. That is what Ctrl-C during a long start means, and no worse than a kill
 * at any other moment.
 */
#ifndef DRAY_FS_SIGNALS_H
#define DRAY_FS_SIGNALS_H

struct signals;

/* Called for each signal, one at a time, without locks. */
typedef void signals_fn(int number, void *arg);

/* Call it before other threads are made. SIGPIPE is ignored from then on. */
struct signals *signals_start(void);
void signals_attach(struct signals *signals, signals_fn *fn, void *arg);
/* No fn runs when it returns. The signals stay blocked. */
void signals_stop(struct signals *signals);

#endif
