/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/open_volume.h"

#include "backend/base/clock.h"
#include "backend/store_retry.h"
#include "backend/store_stats.h"
#include "backend/store_unconditional.h"
#include "cache/cache.h"

#define STORE_WAIT_NS (10 * NS_PER_SECOND)

int open_volume(const char *url, bool unconditional, struct open_volume *volume)
{
	const struct store_retry_conf retry = STORE_RETRY_CONF_DEFAULT;
	struct store *bottom;
	int result = store_open(url, false, &bottom);

	if (result)
		return result;
	if (unconditional)
		bottom = store_unconditional_new(bottom);
	volume->stats = store_stats_new(bottom);
	volume->retry = store_retry_new(volume->stats, &retry);
	volume->store = volume->retry;
	store_retry_hurry(volume->retry, STORE_WAIT_NS);
	result = cache_read_volume(volume->store, url, &volume->params);
	store_retry_hurry(volume->retry, 0);
	if (result)
		store_free(volume->store);
	return result;
}
