/* SPDX-License-Identifier: Apache-2.0 */
/* dray drain: uploads what a gateway left in its cache, without a mount. */
#include <inttypes.h>
#include <stdio.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cache.h"
#include "cache/cache_directory.h"
#include "tools/command.h"
#include "tools/open_volume.h"
#include "tools/progress.h"

/* Nothing needs to make room: clean bytes stay for the next mount. */
#define CACHE_BYTES (UINT64_C(1) << 50)

struct drain {
	const char *directory;
	int64_t timeout_ns; /* 0: none */
	bool takeover;
	bool unsafe_single_writer;

	struct cache *cache;
	uint64_t most_bytes; /* the greatest amount seen: the bar's whole */
};

static void show_opening(const char *what, uint64_t done, uint64_t total, void *arg)
{
	(void)arg;
	progress_count(what, done, total);
}

static int show_uploading(void *arg)
{
	struct drain *drain = arg;
	struct cache_status status;

	cache_status_get(drain->cache, &status);
	if (status.dirty_bytes > drain->most_bytes)
		drain->most_bytes = status.dirty_bytes;
	progress_bytes("uploading", drain->most_bytes - status.dirty_bytes, drain->most_bytes,
		       status.eta_ns < 0 ? -1 : (double)status.eta_ns / NS_PER_SECOND);
	return 0;
}

static int upload(struct drain *drain)
{
	int64_t deadline = INT64_MAX;
	struct cache_status status;
	int result;

	if (drain->timeout_ns)
		deadline = clock_boot_ns() + drain->timeout_ns;
	show_uploading(drain);
	result = cache_wait(drain->cache, deadline, show_uploading, drain);
	progress_clear();
	if (result)
		return result;
	cache_status_get(drain->cache, &status);
	printf("all of %s is in %s (commit %" PRIu64 ")\n", drain->directory, status.url,
	       status.committed_seq);
	return 0;
}

static int open_and_upload(struct drain *drain, const char *url)
{
	struct open_volume volume;
	struct cache_conf conf;
	int result = open_volume(url, drain->unsafe_single_writer, &volume);

	if (result)
		return result;
	conf = (struct cache_conf){
		.directory = drain->directory,
		.url = url,
		.store = volume.store,
		.stats = volume.stats,
		.retry = volume.retry,
		.volume = volume.params,
		.cache_bytes = CACHE_BYTES,
		.upload_delay_ns = NS_PER_SECOND,
		.takeover = drain->takeover,
		.progress = show_opening,
	};
	result = cache_open(&conf, &drain->cache);
	progress_clear();
	if (result) {
		store_free(volume.store);
		return result;
	}
	result = upload(drain);
	if (result) {
		CLEANUP_FREE char *why = xstrdup(err_message(result));

		cache_close(drain->cache);
		return err_set(result, "%s", why);
	}
	cache_close(drain->cache);
	return 0;
}

static int drain_cache(struct drain *drain)
{
	struct cache_identity identity;
	int result = cache_identity_read(drain->directory, &identity);

	if (result == -ENOENT)
		return err_set(-ERR_cache_foreign, "%s holds no dray cache", drain->directory);
	if (!result)
		result = open_and_upload(drain, identity.url);
	cache_identity_release(&identity);
	return result;
}

static int run_drain(const struct command *command, int argc, char **argv)
{
	struct drain drain = { 0 };
	const struct command_option options[] = {
		{ OPTION_DURATION, 0, "timeout", "SECONDS",
		  "give up after this long (status 75); what was uploaded counts",
		  &drain.timeout_ns },
		{ OPTION_FLAG, 0, "takeover", NULL,
		  "do not wait for another machine's lease: take the volume over now",
		  &drain.takeover },
		{ OPTION_FLAG, 0, "unsafe-single-writer", NULL,
		  "go on with a store that does not honour conditional writes",
		  &drain.unsafe_single_writer },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	int count;
	int result;
	int status = command_parse_counted(command, options, argc, argv, 1, 1, &count);

	if (status != -1)
		return status;
	drain.directory = argv[0];
	result = drain_cache(&drain);
	return result ? command_failed(result) : STATUS_DONE;
}

const struct command command_drain = {
	.name = "drain",
	.usage = "CACHE [OPTION...]",
	.summary = "upload what a gateway left in its cache, without a mount",
	.description =
		"Uploads all that the cache directory CACHE holds and the cloud lacks, for "
		"instance "
		"after the\n"
		"machine came up but shall not serve any more, or when its disk was moved to "
		"another\n"
		"machine. Recovers the directory as a mount would. A cache in use is refused (use "
		"dray wait\n"
		"there), and one whose volume another gateway has changed since: dray export gets "
		"its files.\n"
		"Exit status 75: time-out, try again.",
	.run = run_drain,
};
