/* SPDX-License-Identifier: Apache-2.0 */
/* dray init: creates a volume in an empty place of a store. */
#include <stdio.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/store_retry.h"
#include "backend/store_unconditional.h"
#include "cache/cache.h"
#include "tools/command.h"

struct init_options {
	const char *name;
	long zstd_level;
	uint64_t pack_bytes;
	bool unsafe_single_writer;
};

/* What is behind the last "/" of the URL. */
static const char *default_name(const char *url)
{
	const char *slash = strrchr(url, '/');

	return slash && slash[1] ? slash + 1 : "volume";
}

static void fill_params(struct volume_params *params, const char *url,
			const struct init_options *options)
{
	volume_params_init(params);
	params->uuid = id_new_uuid();
	random_bytes(params->name_hash_key, sizeof(params->name_hash_key));
	clock_format(clock_real_ns(), params->created);
	snprintf(params->name, sizeof(params->name), "%s",
		 options->name ? options->name : default_name(url));
	if (options->zstd_level)
		params->zstd_level = (int)options->zstd_level;
	if (options->pack_bytes)
		params->pack_bytes = options->pack_bytes;
}

static int create_volume(const char *url, const struct init_options *options)
{
	struct store_retry_conf retry = STORE_RETRY_CONF_DEFAULT;
	struct volume_params params;
	char uuid[UUID_TEXT_SIZE];
	struct store *store;
	int result;

	fill_params(&params, url, options);
	result = volume_params_check(&params);
	if (result)
		return result;
	result = store_open(url, true, &store);
	if (result)
		return result;
	retry.write_limit_ns = retry.read_limit_ns = 20 * NS_PER_SECOND;
	if (options->unsafe_single_writer)
		store = store_unconditional_new(store);
	store = store_retry_new(store, &retry);
	result = cache_init_volume(store, url, &params);
	store_free(store);
	if (result)
		return result;
	id_to_uuid(&params.uuid, uuid);
	printf("created volume %s \"%s\" in %s\n", uuid, params.name, url);
	return 0;
}

static int run_init(const struct command *command, int argc, char **argv)
{
	struct init_options values = { 0 };
	const struct command_option options[] = {
		{ OPTION_TEXT, 0, "name", "NAME", "a name for people (default: the URL's end)",
		  &values.name },
		{ OPTION_NUMBER, 0, "zstd-level", "N", "compression, 1 to 19 (default 1)",
		  &values.zstd_level },
		{ OPTION_SIZE, 0, "pack-size", "SIZE", "bytes of a pack object (default 16M)",
		  &values.pack_bytes },
		{ OPTION_FLAG, 0, "unsafe-single-writer", NULL,
		  "the store need not honour conditional writes; only one gateway may ever run",
		  &values.unsafe_single_writer },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	int count;
	int result;
	int status = command_parse_counted(command, options, argc, argv, 1, 1, &count);

	if (status != -1)
		return status;
	result = create_volume(argv[0], &values);
	return result ? command_failed(result) : STATUS_DONE;
}

const struct command command_init = {
	.name = "init",
	.usage = "URL [OPTION...]",
	.summary = "create a volume",
	.description =
		"Creates a volume: an object store that `dray mount` presents as a directory.\n"
		"The bucket (s3://) or the parent directory (file://) must exist; a volume that "
		"is\n"
		"there already is refused and left as it is.",
	.run = run_init,
};
