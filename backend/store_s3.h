/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRAY_STORE_S3_H
#define DRAY_STORE_S3_H

#include "backend/store.h"

/* The store of s3://bucket/prefix; url is for messages. */
int store_s3_open(const char *bucket, const char *prefix, const char *url, struct store **out);

#endif
