/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/read_stats.h"

void read_stats_note(struct read_stats *stats, uint64_t bytes, uint64_t missed, bool bypass)
{
	if (bypass) {
		atomic_fetch_add(&stats->cache_bypass_bytes_total, bytes);
		return;
	}
	if (missed > bytes)
		missed = bytes;
	atomic_fetch_add(&stats->cache_hit_bytes_total, bytes - missed);
	atomic_fetch_add(&stats->cache_miss_bytes_total, missed);
	if (missed)
		atomic_fetch_add(&stats->cache_miss_reads_total, 1);
	else
		atomic_fetch_add(&stats->cache_hit_reads_total, 1);
}

void read_stats_get(const struct read_stats *stats, struct read_stats_snapshot *out)
{
#define X(name, help) out->name = atomic_load(&stats->name);
	READ_COUNTERS(X)
#undef X
}
