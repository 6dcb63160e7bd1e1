/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes, empties or counts a bucket of the S3 server that the environment
 * names (AWS_ENDPOINT_URL and so on), for test scripts:
 *
 *	s3_bucket create NAME     also when it exists
 *	s3_bucket empty NAME      deletes all objects
 *	s3_bucket list NAME       prints size and key of each object
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/store_s3.h"
#include "backend/store_s3_request.h"

static int create(const char *bucket)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	struct s3_request request = { .method = "PUT" };
	struct s3_target target;
	int err = s3_target_init(&target, bucket);

	if (err)
		return err;
	err = s3_send(&target, &request, &response);
	http_response_release(&response);
	s3_target_release(&target);
	return err;
}

static int print_object(const struct store_object *object, void *arg)
{
	(void)arg;
	printf("%" PRIu64 " %s\n", object->size, object->key);
	return 0;
}

static int remove_object(const struct store_object *object, void *arg)
{
	return store_remove(arg, object->key);
}

static int for_each(const char *bucket, store_list_fn *fn)
{
	CLEANUP_FREE char *url = xasprintf("s3://%s", bucket);
	struct store *store;
	int err = store_s3_open(bucket, "", url, &store);

	if (err)
		return err;
	err = store_list(store, "", NULL, fn, store);
	store_free(store);
	return err;
}

int main(int argc, char **argv)
{
	const char *verb = argc == 3 ? argv[1] : "";
	int err;

	if (strcmp(verb, "create") == 0) {
		err = create(argv[2]);
	} else if (strcmp(verb, "empty") == 0) {
		err = for_each(argv[2], remove_object);
	} else if (strcmp(verb, "list") == 0) {
		err = for_each(argv[2], print_object);
	} else {
		fputs("usage: s3_bucket create|empty|list NAME\n", stderr);
		return 2;
	}
	if (err)
		fprintf(stderr, "s3_bucket: %s\n", err_message(err));
	return err ? 1 : 0;
}
