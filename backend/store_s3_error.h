/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer of S3 that is no success means: pure, from the HTTP status
 * and S3's own code (the <Code> of its error document) to an error code, and
 * to the sentence that tells a person what to do.
 *
 * S3's code decides where it is known, the status otherwise: some servers
 * send an error in the body of a 200. Only NoSuchKey means that an object is
 * absent: a 404 of another origin (a proxy, a web server at the wrong
 * address) must never read as absence.
 */
#ifndef DRAY_STORE_S3_ERROR_H
#define DRAY_STORE_S3_ERROR_H

#include "backend/store_s3_xml.h"

/* A refused answer, and what its sentence is to mention. */
struct s3_failure {
	const char *method;
	const char *url;
	int status;
	struct s3_error error;	   /* all empty when the body was no error document */
	const char *bucket_region; /* header x-amz-bucket-region; may be NULL */
	const char *server_date;   /* header Date; may be NULL */
	const char *region;	   /* what requests are signed for */
	const char *access_key_id;
	const char *credentials_source;
};

/*
 * Returns -ENOENT (NoSuchKey), -EEXIST (a condition failed: 412), -ERANGE
 * (an offset behind the end: 416), all bare, or an error with its sentence.
 */
int s3_failure_report(const struct s3_failure *failure);

/* True for refusals that other credentials may cure. */
bool s3_failure_is_stale_key(const struct s3_failure *failure);

#endif
