/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/store_s3_error.h"
#include "tests/lib/unit.h"

#define URL "http://host/bucket/key"

static struct s3_failure failure_of(int status, const char *code)
{
	struct s3_failure failure = {
		.method = "PUT",
		.url = URL,
		.status = status,
		.region = "us-east-1",
		.access_key_id = "AKID",
		.credentials_source = "the environment",
	};

	snprintf(failure.error.code, sizeof(failure.error.code), "%s", code);
	return failure;
}

struct expected {
	int status;
	const char *code; /* "" when the body is no error document */
	int err;
};

static const struct expected outcomes[] = {
	{ 404, "NoSuchKey", -ENOENT }, { 412, "PreconditionFailed", -EEXIST },
	{ 412, "", -EEXIST },	       { 416, "InvalidRange", -ERANGE },
	{ 416, "", -ERANGE },
};

START_TEST(expected_outcomes_are_bare)
{
	size_t i;

	for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct s3_failure failure = failure_of(outcomes[i].status, outcomes[i].code);

		ck_assert_int_eq(s3_failure_report(&failure), outcomes[i].err);
	}
}
END_TEST

static const struct expected refusals[] = {
	{ 400, "", -ERR_store_refused },
	{ 400, "InvalidArgument", -ERR_store_refused },
	{ 400, "ExpiredToken", -ERR_store_denied },
	{ 400, "RequestTimeout", -ERR_store_busy },
	{ 400, "XAmzContentSHA256Mismatch", -ERR_store_truncated },
	{ 400, "BadDigest", -ERR_store_truncated },
	{ 400, "AuthorizationHeaderMalformed", -ERR_store_config },
	{ 301, "PermanentRedirect", -ERR_store_config },
	{ 301, "", -ERR_store_config },
	{ 307, "TemporaryRedirect", -ERR_store_busy },
	{ 403, "", -ERR_store_denied },
	{ 403, "AccessDenied", -ERR_store_denied },
	{ 403, "SignatureDoesNotMatch", -ERR_store_denied },
	{ 403, "InvalidAccessKeyId", -ERR_store_denied },
	{ 403, "RequestTimeTooSkewed", -ERR_store_denied },
	{ 403, "QuotaExceeded", -ERR_store_full },
	{ 404, "", -ERR_store_refused },
	{ 404, "NoSuchBucket", -ERR_store_no_bucket },
	{ 409, "OperationAborted", -ERR_store_busy },
	{ 409, "ConditionalRequestConflict", -ERR_store_busy },
	{ 429, "", -ERR_store_busy },
	{ 500, "InternalError", -ERR_store_failed },
	{ 500, "", -ERR_store_failed },
	{ 501, "NotImplemented", -ERR_store_unsupported },
	{ 502, "", -ERR_store_failed },
	{ 503, "SlowDown", -ERR_store_busy },
	{ 503, "", -ERR_store_busy },
	{ 504, "", -ERR_store_failed },
	{ 507, "", -ERR_store_full },
	{ 599, "", -ERR_store_failed },
	{ 200, "InternalError", -ERR_store_failed },
	{ 200, "SlowDown", -ERR_store_busy },
	{ 418, "", -ERR_store_refused },
};

START_TEST(refusals_have_a_sentence_with_object_status_and_code)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct s3_failure failure = failure_of(refusals[i].status, refusals[i].code);
		int err = s3_failure_report(&failure);
		char start[64];

		snprintf(start, sizeof(start), "PUT " URL ": HTTP %d", refusals[i].status);
		ck_assert_msg(err == refusals[i].err, "%d %s gave %s", refusals[i].status,
			      refusals[i].code, err_name(err));
		ck_assert_msg(strncmp(err_message(err), start, strlen(start)) == 0, "%s",
			      err_message(err));
		ck_assert_ptr_nonnull(strstr(err_message(err), refusals[i].code));
	}
}
END_TEST

START_TEST(repetition_is_for_what_may_pass)
{
	static const struct expected rows[] = {
		{ 500, "InternalError", 2 },
		{ 502, "", 2 },
		{ 504, "", 2 },
		{ 503, "", 1 },
		{ 409, "", 1 },
		{ 429, "", 1 },
		{ 403, "", 0 },
		{ 404, "", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct s3_failure failure = failure_of(rows[i].status, rows[i].code);
		int err = s3_failure_report(&failure);

		ck_assert_int_eq(err_is_transient(err) + err_is_ambiguous(err), rows[i].err);
	}
}
END_TEST

static void assert_says(const struct s3_failure *failure, const char *part)
{
	int err = s3_failure_report(failure);

	ck_assert_msg(strstr(err_message(err), part) != NULL, "%s: does not say \"%s\"",
		      err_message(err), part);
}

START_TEST(a_wrong_region_names_the_right_one)
{
	struct s3_failure failure = failure_of(301, "PermanentRedirect");

	assert_says(&failure, "us-east-1");
	failure.bucket_region = "eu-west-1";
	assert_says(&failure, "AWS_REGION=eu-west-1");
	failure = failure_of(400, "AuthorizationHeaderMalformed");
	strcpy(failure.error.region, "ap-south-1");
	assert_says(&failure, "AWS_REGION=ap-south-1");
}
END_TEST

START_TEST(a_clock_that_is_off_is_named_with_both_times)
{
	struct s3_failure failure = failure_of(403, "RequestTimeTooSkewed");

	failure.server_date = "Sun, 22 Nov 2026 22:00:00 GMT";
	assert_says(&failure, "Sun, 22 Nov 2026 22:00:00 GMT");
	assert_says(&failure, "clock");
}
END_TEST

START_TEST(a_key_in_doubt_is_named_with_its_source_and_never_its_secret)
{
	struct s3_failure failure = failure_of(403, "SignatureDoesNotMatch");

	assert_says(&failure, "AKID");
	assert_says(&failure, "the environment");
	ck_assert(s3_failure_is_stale_key(&failure));
	failure = failure_of(403, "InvalidAccessKeyId");
	assert_says(&failure, "AKID");
	ck_assert(s3_failure_is_stale_key(&failure));
	failure = failure_of(400, "ExpiredToken");
	ck_assert(s3_failure_is_stale_key(&failure));
	failure = failure_of(403, "AccessDenied");
	assert_says(&failure, "AKID");
	ck_assert(!s3_failure_is_stale_key(&failure));
}
END_TEST

START_TEST(the_servers_message_is_passed_on)
{
	struct s3_failure failure = failure_of(400, "InvalidArgument");

	strcpy(failure.error.message, "X is not Y");
	assert_says(&failure, "(X is not Y)");
}
END_TEST

UNIT_MAIN("store_s3_error", expected_outcomes_are_bare,
	  refusals_have_a_sentence_with_object_status_and_code, repetition_is_for_what_may_pass,
	  a_wrong_region_names_the_right_one, a_clock_that_is_off_is_named_with_both_times,
	  a_key_in_doubt_is_named_with_its_source_and_never_its_secret,
	  the_servers_message_is_passed_on)
