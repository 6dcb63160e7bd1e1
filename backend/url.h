/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volume URLs, as people give them on the command line:
 *
 *	file:///absolute/path      a directory
 *	s3://bucket[/prefix]       a bucket, or what lies below a prefix in it
 *	mem://name                 memory of this process, for tests
 *
 * The text after the scheme is taken as it is: '%' is not decoded. Parsing
 * normalises: repeated and trailing slashes and "." components are dropped,
 * so that URLs of one place have one text. ".." is refused.
 */
#ifndef DRAY_URL_H
#define DRAY_URL_H

enum url_scheme { URL_INVALID, URL_FILE, URL_S3, URL_MEM };

struct url {
	enum url_scheme scheme;
	char *text;   /* the normalised URL */
	char *path;   /* file: absolute, without trailing slash; else NULL */
	char *bucket; /* s3: at least 3 characters; else NULL */
	char *prefix; /* s3: "" or "a/b", no slash at either end; else NULL */
	char *name;   /* mem: not empty; else NULL */
};

/*
 * Parses text into *out, which url_release() frees. Returns 0, or
 * -ERR_bad_url with a sentence for the user; *out needs no release then.
 */
int url_parse(const char *text, struct url *out);
void url_release(struct url *url);

#endif
