/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store_suite/suite.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/base/id.h"
#include "backend/store_fault.h"
#include "backend/store_file.h"
#include "backend/store_mem.h"
#include "backend/store_retry.h"
#include "backend/store_stats.h"

#define MEM_NAME "suite"

static char *file_root;
static char *s3_url;

static void mem_end(void)
{
	store_mem_forget(MEM_NAME);
}

static struct store *mem_open(void)
{
	return store_mem_open(MEM_NAME);
}

static void nothing(void)
{
}

static void file_begin(void)
{
	char *here = getcwd(NULL, 0);

	file_root = xasprintf("%s/store-suite-XXXXXX", here);
	free(here);
	ck_assert_ptr_nonnull(mkdtemp(file_root));
}

static struct store *open_url(const char *url)
{
	struct store *store = NULL;
	int result = store_open(url, false, &store);

	ck_assert_msg(result == 0, "%s: %s", url, err_message(result));
	return store;
}

static struct store *file_open(void)
{
	struct store *store = NULL;

	ck_assert_int_eq(store_file_open(file_root, false, &store), 0);
	return store;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void file_end(void)
{
	ck_assert_int_eq(nftw(file_root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(file_root);
}

/* A third of all calls fail, before or after they were carried out. */
static struct store *retry_open(void)
{
	static const struct store_fault_rates rates = {
		.unreachable = 0.1,
		.busy = 0.1,
		.reply_lost = 0.15,
		.delay = 0.01,
	};
	static const struct store_retry_conf retry = { .report_after = 100 };
	struct store_fault_conf conf = { .seed = 42, .delay_max_ns = 2 * NS_PER_MS };
	int i;

	for (i = 0; i < STORE_OPERATIONS; i++)
		conf.rates[i] = rates;
	return store_retry_new(store_fault_new(mem_open(), &conf), &retry);
}

static struct store *stats_open(void)
{
	return store_stats_new(mem_open());
}

static void s3_begin(void)
{
	struct id id = id_new();
	char hex[ID_HEX_SIZE];

	id_to_hex(&id, hex);
	s3_url = xasprintf("%s/suite-%s", getenv("DRAY_TEST_S3_URL"), hex);
}

static struct store *s3_open(void)
{
	return open_url(s3_url);
}

/* The keys of a listing, one behind the other with their NULs. */
static int collect_key(const struct store_object *object, void *arg)
{
	buffer_append(arg, object->key, strlen(object->key) + 1);
	return 0;
}

static void s3_end(void)
{
	struct store *store = s3_open();
	struct buffer keys = BUFFER_INIT;
	size_t place;

	ck_assert_int_eq(store_list(store, "", NULL, collect_key, &keys), 0);
	for (place = 0; place < keys.length; place += strlen((char *)keys.data + place) + 1)
		ck_assert_int_eq(store_remove(store, (char *)keys.data + place), 0);
	buffer_release(&keys);
	store_free(store);
	free(s3_url);
}

static const struct factory factories[] = {
	{ "mem", false, nothing, mem_open, mem_end },
	{ "file", false, file_begin, file_open, file_end },
	{ "retry", false, nothing, retry_open, mem_end },
	{ "stats", false, nothing, stats_open, mem_end },
	{ "s3", true, s3_begin, s3_open, s3_end },
};

const struct factory *factory_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(factories) / sizeof(factories[0]); i++) {
		if (strcmp(factories[i].name, name) == 0)
			return &factories[i];
	}
	return NULL;
}
