/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"

/* AWS allows 1024 bytes in a full key: prefix, slash and a key of 512. */
#define URL_PREFIX_MAX 511
#define URL_BUCKET_MIN 3
#define URL_BUCKET_MAX 255 /* names of early buckets; today's end at 63 */

/*
 * The components of path joined by single slashes, without one at either
 * end; NULL when a component is "..".
 */
static char *join_components(const char *path)
{
	struct buffer joined = BUFFER_INIT;
	size_t length;

	for (; *path; path += length, path += strspn(path, "/")) {
		length = strcspn(path, "/");
		if (length == 0 || (length == 1 && path[0] == '.'))
			continue;
		if (length == 2 && path[0] == '.' && path[1] == '.') {
			buffer_release(&joined);
			return NULL;
		}
		if (joined.length)
			buffer_put_u8(&joined, '/');
		buffer_append(&joined, path, length);
	}
	buffer_put_u8(&joined, '\0');
	return (char *)buffer_steal(&joined, &length);
}

static bool name_valid(const char *name)
{
	const char *p;

	for (p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	}
	return *name && isalnum((unsigned char)*name);
}

static int bad_dotdot(const char *text)
{
	return err_set(-ERR_bad_url,
		       "%s: \"..\" is not allowed in a volume URL; name the place itself", text);
}

static int parse_file(const char *text, const char *rest, struct url *out)
{
	char *joined;

	if (rest[0] != '/')
		return err_set(-ERR_bad_url,
			       "%s: the path of a file URL must be absolute, with three slashes: "
			       "file:///absolute/path",
			       text);
	joined = join_components(rest);
	if (!joined)
		return bad_dotdot(text);
	if (joined[0])
		out->path = xasprintf("/%s", joined);
	free(joined);
	if (!out->path)
		return err_set(
			-ERR_bad_url,
			"%s: the root directory cannot hold a volume; name a directory in it",
			text);
	out->text = xasprintf("file://%s", out->path);
	return 0;
}

static int check_bucket(const char *text, const char *bucket)
{
	size_t length = strlen(bucket);

	if (!length)
		return err_set(-ERR_bad_url, "%s: the bucket is missing: s3://bucket/prefix", text);
	if (length < URL_BUCKET_MIN || length > URL_BUCKET_MAX)
		return err_set(-ERR_bad_url, "%s: the bucket's name must have %d to %d characters",
			       text, URL_BUCKET_MIN, URL_BUCKET_MAX);
	if (!name_valid(bucket))
		return err_set(
			-ERR_bad_url,
			"%s: the bucket's name may hold letters, digits, '.', '_' and '-' only, "
			"and starts with a letter or digit",
			text);
	return 0;
}

static int parse_s3(const char *text, const char *rest, struct url *out)
{
	int result;

	/* Such a text may hold a secret: it is not repeated. */
	if (strchr(rest, '@'))
		return err_set(-ERR_bad_url,
			       "an s3 URL must not hold '@': give credentials by AWS_ACCESS_KEY_ID "
			       "and AWS_SECRET_ACCESS_KEY or a profile, never in the URL");
	if (strpbrk(rest, "?#"))
		return err_set(-ERR_bad_url,
			       "%s: '?' and '#' are not allowed in an s3 URL; endpoint and region "
			       "are given by AWS_ENDPOINT_URL and AWS_REGION",
			       text);
	out->bucket = xasprintf("%.*s", (int)strcspn(rest, "/"), rest);
	result = check_bucket(text, out->bucket);
	if (result)
		return result;
	out->prefix = join_components(rest + strlen(out->bucket));
	if (!out->prefix)
		return bad_dotdot(text);
	if (strlen(out->prefix) > URL_PREFIX_MAX)
		return err_set(-ERR_bad_url, "%s: the prefix is longer than %d bytes", text,
			       URL_PREFIX_MAX);
	out->text = xasprintf("s3://%s%s%s", out->bucket, out->prefix[0] ? "/" : "", out->prefix);
	return 0;
}

static int parse_mem(const char *text, const char *rest, struct url *out)
{
	if (!name_valid(rest))
		return err_set(-ERR_bad_url,
			       "%s: a mem URL needs a name of letters, digits, '.', '_' and '-'",
			       text);
	out->name = xstrdup(rest);
	out->text = xasprintf("mem://%s", rest);
	return 0;
}

static const struct {
	enum url_scheme scheme;
	const char *start;
	int (*parse)(const char *text, const char *rest, struct url *out);
} schemes[] = {
	{ URL_FILE, "file://", parse_file },
	{ URL_S3, "s3://", parse_s3 },
	{ URL_MEM, "mem://", parse_mem },
};

static int bad_scheme(const char *text)
{
	if (!text[0])
		return err_set(-ERR_bad_url,
			       "the volume URL is empty; use file:///absolute/path or "
			       "s3://bucket/prefix");
	if (text[0] == '/')
		return err_set(-ERR_bad_url,
			       "%s: a volume is named by a URL; did you mean file://%s ?", text,
			       text);
	return err_set(-ERR_bad_url,
		       "%s: unknown kind of volume URL; use file:///absolute/path or "
		       "s3://bucket/prefix",
		       text);
}

int url_parse(const char *text, struct url *out)
{
	size_t i;
	const char *p;
	int result;

	memset(out, 0, sizeof(*out));
	for (p = text; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return err_set(-ERR_bad_url,
				       "the volume URL holds a control character at "
				       "byte %zu",
				       (size_t)(p - text) + 1);
	}
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i].start);

		if (strncmp(text, schemes[i].start, length))
			continue;
		out->scheme = schemes[i].scheme;
		result = schemes[i].parse(text, text + length, out);
		if (result)
			url_release(out);
		return result;
	}
	return bad_scheme(text);
}

void url_release(struct url *url)
{
	free(url->text);
	free(url->path);
	free(url->bucket);
	free(url->prefix);
	free(url->name);
	memset(url, 0, sizeof(*url));
}
