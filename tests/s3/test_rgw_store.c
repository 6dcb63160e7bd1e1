/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 store on a real server, beyond what the conformance suite covers.
 * Run by tests/lib/with_rgw.sh. */
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/store_s3.h"
#include "tests/lib/unit.h"

static struct store *open_store(const char *prefix)
{
	const char *bucket = getenv("DRAY_TEST_S3_BUCKET");
	CLEANUP_FREE char *url = xasprintf("s3://%s/%s", bucket, prefix);
	struct store *store = NULL;

	ck_assert_int_eq(store_s3_open(bucket, prefix, url, &store), 0);
	return store;
}

static void assert_err(int err, int expected, const char *part)
{
	ck_assert_msg(err == expected, "%s: %s", err_name(err), err_message(err));
	ck_assert_msg(strstr(err_message(err), part) != NULL, "\"%s\" does not say \"%s\"",
		      err_message(err), part);
}

static int ignore(const struct store_object *object, void *arg)
{
	(void)object;
	(void)arg;
	return 0;
}

/* Each call of the store must give the same error. */
static void assert_all_fail(struct store *store, int expected, const char *part)
{
	struct buffer out = BUFFER_INIT;
	uint64_t size;

	assert_err(store_put(store, "k", "a", 1, 0), expected, part);
	assert_err(store_put(store, "k", "a", 1, STORE_IF_ABSENT), expected, part);
	assert_err(store_get(store, "k", 0, STORE_GET_ALL, &out), expected, part);
	assert_err(store_get(store, "k", 5, 10, &out), expected, part);
	assert_err(store_head(store, "k", &size), expected, part);
	assert_err(store_remove(store, "k"), expected, part);
	assert_err(store_list(store, "", NULL, ignore, NULL), expected, part);
	ck_assert_uint_eq(out.length, 0);
	buffer_release(&out);
}

START_TEST(a_wrong_secret_is_denied)
{
	struct store *store;

	setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
	store = open_store("t");
	assert_all_fail(store, -ERR_store_denied, "SignatureDoesNotMatch");
	store_free(store);
}
END_TEST

START_TEST(an_unknown_key_is_denied)
{
	struct store *store;

	setenv("AWS_ACCESS_KEY_ID", "unknown", 1);
	store = open_store("t");
	assert_all_fail(store, -ERR_store_denied, "does not know the key unknown");
	store_free(store);
}
END_TEST

START_TEST(a_missing_bucket_is_told_from_a_missing_object)
{
	struct store *store;

	setenv("DRAY_TEST_S3_BUCKET", "dray-test-no-such-bucket", 1);
	store = open_store("t");
	assert_all_fail(store, -ERR_store_no_bucket, "create the bucket");
	store_free(store);
}
END_TEST

START_TEST(a_clock_that_is_off_is_named)
{
	struct store *store = open_store("t");

	store_s3_set_clock_offset(store, 20 * 60);
	assert_all_fail(store, -ERR_store_denied, "clock");
	store_s3_set_clock_offset(store, -20 * 60);
	assert_all_fail(store, -ERR_store_denied, "clock");
	store_s3_set_clock_offset(store, 5 * 60);
	ck_assert_int_eq(store_put(store, "k", "a", 1, 0), 0);
	store_s3_set_clock_offset(store, -5 * 60);
	ck_assert_int_eq(store_remove(store, "k"), 0);
	store_free(store);
}
END_TEST

static int collect(const struct store_object *object, void *arg)
{
	buffer_printf(arg, "%s:%llu ", object->key, (unsigned long long)object->size);
	return 0;
}

START_TEST(a_prefix_of_any_characters_works)
{
	static const char *const prefixes[] = {
		"a b+c%20d", "\303\251/\344\270\255", "!'()*,;:@&=$~", "x<y>&amp;\"z",
		"a?b#c",     "back\\slash|^`{}[]",
	};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct store *store = open_store(prefixes[i]);
		struct buffer text = BUFFER_INIT;
		uint64_t size = 0;

		ck_assert_int_eq(store_put(store, "log/1", "abc", 3, STORE_IF_ABSENT), 0);
		ck_assert_int_eq(store_put(store, "log/1", "abc", 3, STORE_IF_ABSENT), -EEXIST);
		ck_assert_int_eq(store_put(store, "log/2", "", 0, STORE_IF_ABSENT), 0);
		ck_assert_int_eq(store_head(store, "log/1", &size), 0);
		ck_assert_uint_eq(size, 3);
		ck_assert_int_eq(store_list(store, "log/", NULL, collect, &text), 0);
		buffer_put_u8(&text, '\0');
		ck_assert_str_eq((char *)text.data, "log/1:3 log/2:0 ");
		ck_assert_int_eq(store_remove(store, "log/1"), 0);
		ck_assert_int_eq(store_remove(store, "log/2"), 0);
		buffer_release(&text);
		store_free(store);
	}
}
END_TEST

START_TEST(tls_works_with_the_servers_authority_and_not_without)
{
	struct store *store;
	struct buffer out = BUFFER_INIT;

	setenv("AWS_ENDPOINT_URL", getenv("DRAY_TEST_S3_TLS_ENDPOINT"), 1);
	store = open_store("tls");
	assert_all_fail(store, -ERR_store_config, "AWS_CA_BUNDLE");
	store_free(store);
	setenv("AWS_CA_BUNDLE", getenv("DRAY_TEST_S3_TLS_CA"), 1);
	store = open_store("tls");
	ck_assert_int_eq(store_put(store, "k", "abc", 3, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_put(store, "k", "abc", 3, STORE_IF_ABSENT), -EEXIST);
	ck_assert_int_eq(store_get(store, "k", 1, 1, &out), 0);
	ck_assert_mem_eq(out.data, "b", 1);
	buffer_release(&out);
	store_free(store);
}
END_TEST

UNIT_MAIN("rgw_store", a_wrong_secret_is_denied, an_unknown_key_is_denied,
	  a_missing_bucket_is_told_from_a_missing_object, a_clock_that_is_off_is_named,
	  a_prefix_of_any_characters_works, tls_works_with_the_servers_authority_and_not_without)
