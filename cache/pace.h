/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pace of writers while a bounded place fills: how many bytes a second may
 * come in when `used` of `limit` bytes are taken and the store empties the
 * place at `rate`. Pure: no clock, no threads, no locks.
 *
 *	used                     bytes a second
 *	below the zone           as many as they like
 *	in the zone              rate * (1 - fill) / fill; fill: from 0 to 1
 *	at the limit             none
 *
 * The zone is the last pace_zone() bytes. In its middle writers run at the rate
 * of the uploads, and there they settle; the nearer the limit, the slower, so
 * that the limit is approached and not run into, also when the store is away.
 */
#ifndef DRAY_CACHE_PACE_H
#define DRAY_CACHE_PACE_H

#include <stdint.h>

/* A quarter of the limit; a half when that is less than PACE_ZONE_MIN, what the
 * uploads under way bring at one time. */
#define PACE_ZONE_MIN (128ull << 20)
uint64_t pace_zone(uint64_t limit);
/* UINT64_MAX: no bound. A rate of 0 (unknown yet) counts as PACE_RATE_UNKNOWN,
 * one below PACE_RATE_MIN as that. */
#define PACE_RATE_UNKNOWN (16ull << 20)
#define PACE_RATE_MIN	  (64ull << 10)
uint64_t pace_rate(uint64_t used, uint64_t limit, uint64_t rate);

/*
 * Uploads are acknowledged in lumps, of several packs that went side by side.
 * Between two of them what is under way counts little by little: so many bytes
 * fewer are `used` as `rate` brings in the time since the last lump. Not more than
 * `lump`, what such a lump has of late, and nothing when the next is long overdue.
 */
uint64_t pace_credit(uint64_t lump, uint64_t rate, int64_t since_ns);

/*
 * How fast uploads go while there are some: what they brought over the time that
 * they were under way, the past weighing half after PACE_METER_HALF_NS of that.
 */
#define PACE_METER_HALF_NS (4ll * 1000 * 1000 * 1000)
struct pace_meter {
	double bytes;
	double seconds;
	int64_t busy_ns; /* as of the last call */
};

/* `bytes` arrived; uploads were under way for busy_ns so far, which only grows. */
void pace_meter_note(struct pace_meter *meter, uint64_t bytes, int64_t busy_ns);
/* Bytes a second; 0: unknown. */
uint64_t pace_meter_rate(const struct pace_meter *meter);

/*
 * Hands out bytes by the second, at a pace that may be another at any time.
 * Nothing is saved up for later but PACE_BURST_NS worth.
 */
#define PACE_BURST_NS (50ll * 1000 * 1000)
struct pace_gate {
	int64_t then_ns; /* of the last call */
	double bytes;	 /* that may go; below 0: that went before their time */
};

/* 0: `bytes` may go now, and are counted. Otherwise how long they must wait if the
 * pace stays; INT64_MAX: for ever. */
int64_t pace_gate_try(struct pace_gate *gate, int64_t now_ns, uint64_t rate, uint64_t bytes);

#endif
