/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that repeats failed calls of the store below, which it owns.
 *
 * An error of class TRANSIENT or AMBIGUOUS (err_is_transient) is repeated
 * with the same bytes, after a delay that grows with the failures of this
 * call, until it succeeds, the call's time limit has passed, or the store is
 * stopped. Any other result is returned at once. A call that failed
 * report_after times is logged, once, and again when it is answered.
 *
 * A put whose answer was lost may have been carried out. A repeated
 * STORE_IF_ABSENT put that finds the key taken therefore reads the object
 * and compares: the same bytes are this put's own success, others -EEXIST.
 *
 * A listing that breaks off goes on behind the last key handed to the
 * caller, who sees every object once.
 *
 * The lock is held for bookkeeping and while waiting, never during a call
 * below.
 */
#ifndef DRAY_STORE_RETRY_H
#define DRAY_STORE_RETRY_H

#include "backend/base/clock.h"
#include "backend/store.h"

struct store_retry_conf {
	int64_t delay_first_ns; /* longest delay after the first failure; doubles with each */
	int64_t delay_max_ns;	/* longest delay of all */
	int64_t read_limit_ns;	/* get, head, list: as below */
	int64_t write_limit_ns; /* put, remove: give up so long after the first failure; 0: never */
	unsigned int report_after; /* at least 1: failures of one call until it counts as failing */
};

/* Reads fail after a minute, for somebody waits for them; writes never. */
#define STORE_RETRY_CONF_DEFAULT                                                            \
	{                                                                                   \
		.delay_first_ns = 100 * NS_PER_MS, .delay_max_ns = 30 * NS_PER_SECOND,      \
		.read_limit_ns = 60 * NS_PER_SECOND, .write_limit_ns = 0, .report_after = 4 \
	}

struct store_retry_status {
	uint64_t retries_total;	    /* calls made again since the start */
	uint64_t failing;	    /* calls under way that failed report_after times or more */
	int64_t last_error_real_ns; /* 0: none yet */
	char last_error[512];	    /* the sentence of the last failed attempt */
};

/* Never fails; owns below. */
struct store *store_retry_new(struct store *below, const struct store_retry_conf *conf);
/* Somebody waits for the errors: until this is called with 0, reads give up
 * after limit_ns, and no failing one is logged. */
void store_retry_hurry(struct store *store, int64_t limit_ns);

/*
 * For the end of the program: wakes every waiting call and lets no call wait
 * again. What would be repeated returns -ERR_stopping.
 */
void store_retry_stop(struct store *store);

void store_retry_get_status(struct store *store, struct store_retry_status *out);

/*
 * The delay after this many failures (at least 1): exponential backoff with
 * full jitter, uniform in [0, min(delay_max, delay_first * 2^(failures - 1))].
 * random is a uniform 64-bit number. Pure.
 */
int64_t store_retry_delay_ns(const struct store_retry_conf *conf, unsigned int failures,
			     uint64_t random);

#endif
