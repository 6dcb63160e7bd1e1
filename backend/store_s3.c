/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_s3.h"

#include "backend/base/error.h"

int store_s3_open(const char *bucket, const char *prefix, const char *url, struct store **out)
{
	(void)bucket;
	(void)prefix;
	(void)out;
	return err_set(-ERR_store_unsupported, "%s: this build has no S3 store", url);
}
