/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_s3_error.h"

#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"

/* What a sentence ends with. */
enum advice {
	ADVICE_NONE,
	ADVICE_ALLOW,
	ADVICE_KEY,
	ADVICE_SECRET,
	ADVICE_CLOCK,
	ADVICE_TOKEN,
	ADVICE_BUCKET,
	ADVICE_NAME,
	ADVICE_REGION,
	ADVICE_DAMAGED,
	ADVICE_SPACE,
	ADVICE_CONDITION,
	ADVICE_ARCHIVED,
	ADVICE_ENDPOINT,
};

struct row {
	const char *code; /* NULL in the table of statuses */
	int status;	  /* 0 in the table of codes */
	int err;
	enum advice advice;
};

static const struct row codes[] = {
	{ "NoSuchKey", 0, -ENOENT, ADVICE_NONE },
	{ "PreconditionFailed", 0, -EEXIST, ADVICE_NONE },
	{ "InvalidRange", 0, -ERANGE, ADVICE_NONE },

	{ "AccessDenied", 0, -ERR_store_denied, ADVICE_ALLOW },
	{ "AllAccessDisabled", 0, -ERR_store_denied, ADVICE_ALLOW },
	{ "AccountProblem", 0, -ERR_store_denied, ADVICE_ALLOW },
	{ "UserSuspended", 0, -ERR_store_denied, ADVICE_ALLOW },
	{ "InvalidAccessKeyId", 0, -ERR_store_denied, ADVICE_KEY },
	{ "SignatureDoesNotMatch", 0, -ERR_store_denied, ADVICE_SECRET },
	{ "RequestTimeTooSkewed", 0, -ERR_store_denied, ADVICE_CLOCK },
	{ "RequestExpired", 0, -ERR_store_denied, ADVICE_CLOCK },
	{ "ExpiredToken", 0, -ERR_store_denied, ADVICE_TOKEN },
	{ "InvalidToken", 0, -ERR_store_denied, ADVICE_TOKEN },
	{ "TokenRefreshRequired", 0, -ERR_store_denied, ADVICE_TOKEN },

	{ "NoSuchBucket", 0, -ERR_store_no_bucket, ADVICE_BUCKET },
	{ "InvalidBucketName", 0, -ERR_store_config, ADVICE_NAME },
	{ "PermanentRedirect", 0, -ERR_store_config, ADVICE_REGION },
	{ "AuthorizationHeaderMalformed", 0, -ERR_store_config, ADVICE_REGION },
	{ "IllegalLocationConstraintException", 0, -ERR_store_config, ADVICE_REGION },
	/* A bucket that was made a moment ago is not known everywhere yet. */
	{ "TemporaryRedirect", 0, -ERR_store_busy, ADVICE_NONE },

	{ "SlowDown", 0, -ERR_store_busy, ADVICE_NONE },
	{ "ServiceUnavailable", 0, -ERR_store_busy, ADVICE_NONE },
	{ "RequestTimeout", 0, -ERR_store_busy, ADVICE_NONE },
	{ "RequestLimitExceeded", 0, -ERR_store_busy, ADVICE_NONE },
	{ "TooManyRequests", 0, -ERR_store_busy, ADVICE_NONE },
	{ "Throttling", 0, -ERR_store_busy, ADVICE_NONE },
	{ "BandwidthLimitExceeded", 0, -ERR_store_busy, ADVICE_NONE },
	{ "OperationAborted", 0, -ERR_store_busy, ADVICE_NONE },
	{ "ConditionalRequestConflict", 0, -ERR_store_busy, ADVICE_NONE },
	{ "InternalError", 0, -ERR_store_failed, ADVICE_NONE },

	{ "XAmzContentSHA256Mismatch", 0, -ERR_store_truncated, ADVICE_DAMAGED },
	{ "BadDigest", 0, -ERR_store_truncated, ADVICE_DAMAGED },
	{ "IncompleteBody", 0, -ERR_store_truncated, ADVICE_DAMAGED },

	{ "QuotaExceeded", 0, -ERR_store_full, ADVICE_SPACE },
	{ "XMinioStorageFull", 0, -ERR_store_full, ADVICE_SPACE },
	{ "InvalidObjectState", 0, -ERR_store_refused, ADVICE_ARCHIVED },
	{ "NotImplemented", 0, -ERR_store_unsupported, ADVICE_CONDITION },
};

static const struct row statuses[] = {
	{ NULL, 401, -ERR_store_denied, ADVICE_NONE },
	{ NULL, 403, -ERR_store_denied, ADVICE_NONE },
	{ NULL, 404, -ERR_store_refused, ADVICE_ENDPOINT },
	{ NULL, 408, -ERR_store_busy, ADVICE_NONE },
	{ NULL, 409, -ERR_store_busy, ADVICE_NONE },
	{ NULL, 412, -EEXIST, ADVICE_NONE },
	{ NULL, 416, -ERANGE, ADVICE_NONE },
	{ NULL, 429, -ERR_store_busy, ADVICE_NONE },
	{ NULL, 501, -ERR_store_unsupported, ADVICE_CONDITION },
	{ NULL, 503, -ERR_store_busy, ADVICE_NONE },
	{ NULL, 507, -ERR_store_full, ADVICE_SPACE },
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static struct row classify(const struct s3_failure *failure)
{
	size_t i;

	for (i = 0; i < ROWS(codes); i++) {
		if (strcmp(codes[i].code, failure->error.code) == 0)
			return codes[i];
	}
	for (i = 0; i < ROWS(statuses); i++) {
		if (statuses[i].status == failure->status)
			return statuses[i];
	}
	if (failure->status >= 500) /* the request may have been carried out */
		return (struct row){ .err = -ERR_store_failed };
	if (failure->status >= 300 && failure->status < 400)
		return (struct row){ .err = -ERR_store_config, .advice = ADVICE_REGION };
	return (struct row){ .err = -ERR_store_refused };
}

static void put_clock_advice(struct buffer *out, const struct s3_failure *failure)
{
	char now[32];

	clock_format(clock_real_ns(), now);
	buffer_printf(out,
		      "; the server's clock says %s, this machine's %s: set the one that is off",
		      failure->server_date ? failure->server_date : "otherwise", now);
}

static void put_region_advice(struct buffer *out, const struct s3_failure *failure)
{
	const char *right = failure->bucket_region;

	if (!right && failure->error.region[0])
		right = failure->error.region;
	if (right)
		buffer_printf(out,
			      "; the bucket is in region %s, requests were for %s: set "
			      "AWS_REGION=%s",
			      right, failure->region, right);
	else
		buffer_printf(out,
			      "; requests were for region %s: check AWS_REGION and the "
			      "endpoint",
			      failure->region);
}

static const char *fixed_advice(enum advice advice)
{
	switch (advice) {
	case ADVICE_BUCKET:
		return "create the bucket, or correct its name, AWS_ENDPOINT_URL or AWS_REGION";
	case ADVICE_NAME:
		return "correct the bucket's name in the URL";
	case ADVICE_DAMAGED:
		return "the bytes were damaged on the way";
	case ADVICE_SPACE:
		return "the store is full: free space in it or raise its quota";
	case ADVICE_CONDITION:
		return "drayfs needs a store that honours If-None-Match on writes";
	case ADVICE_ARCHIVED:
		return "the object was moved to an archive: restore it, and exclude this prefix "
		       "from the bucket's lifecycle rules";
	case ADVICE_ENDPOINT:
		return "is there an S3 server at this address?";
	default:
		return NULL;
	}
}

static void put_advice(struct buffer *out, const struct s3_failure *failure, enum advice advice)
{
	const char *id = failure->access_key_id;
	const char *source = failure->credentials_source;
	const char *text = fixed_advice(advice);

	if (text)
		buffer_printf(out, "; %s", text);
	else if (advice == ADVICE_ALLOW)
		buffer_printf(out,
			      "; the key %s (from %s) needs the rights to get, put, delete and "
			      "list objects here (without the right to list, S3 also says this of "
			      "objects that do not exist)",
			      id, source);
	else if (advice == ADVICE_KEY)
		buffer_printf(out, "; the server does not know the key %s (from %s)", id, source);
	else if (advice == ADVICE_SECRET)
		buffer_printf(out,
			      "; the secret of key %s (from %s) is wrong, or something on the way "
			      "changes requests",
			      id, source);
	else if (advice == ADVICE_TOKEN)
		buffer_printf(out, "; the session token of key %s (from %s) is no longer valid", id,
			      source);
	else if (advice == ADVICE_CLOCK)
		put_clock_advice(out, failure);
	else if (advice == ADVICE_REGION)
		put_region_advice(out, failure);
}

int s3_failure_report(const struct s3_failure *failure)
{
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
	struct row row = classify(failure);

	if (row.err > -ERR_CODE_FIRST)
		return row.err;
	buffer_printf(&text, "%s %s: HTTP %d", failure->method, failure->url, failure->status);
	if (failure->error.code[0])
		buffer_printf(&text, " %s", failure->error.code);
	if (failure->error.message[0])
		buffer_printf(&text, " (%s)", failure->error.message);
	put_advice(&text, failure, row.advice);
	return err_set(row.err, "%.*s", (int)text.length, (char *)text.data);
}

bool s3_failure_is_stale_key(const struct s3_failure *failure)
{
	enum advice advice = classify(failure).advice;

	return advice == ADVICE_TOKEN || advice == ADVICE_KEY || advice == ADVICE_SECRET;
}
