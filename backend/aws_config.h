/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the AWS conventions say that settings come from: environment
 * variables, and the profile in the two shared files.
 *
 *	setting        environment, first one wins             then the profile's
 *	profile        AWS_PROFILE, AWS_DEFAULT_PROFILE        ("default")
 *	config file    AWS_CONFIG_FILE                         (~/.aws/config)
 *	credentials    AWS_SHARED_CREDENTIALS_FILE             (~/.aws/credentials)
 *	region         AWS_REGION, AWS_DEFAULT_REGION          region
 *	endpoint       AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL   services' s3, own
 *	               endpoint_url, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
 *	authorities    AWS_CA_BUNDLE                           ca_bundle
 *
 * Loading reads the files; a file that is not there is empty. An empty
 * environment variable counts as unset.
 */
#ifndef DRAY_AWS_CONFIG_H
#define DRAY_AWS_CONFIG_H

#include "backend/ini.h"

struct aws_config {
	char *profile;
	char *config_path;
	char *credentials_path;
	struct ini config;
	struct ini credentials;
};

/*
 * Loads profile and files into *out, which aws_config_release() frees, also
 * after a failure. Returns 0 or -ERR_store_config: a file cannot be read, or
 * the profile that AWS_PROFILE names is in neither.
 */
int aws_config_load(struct aws_config *out);
void aws_config_release(struct aws_config *config);

/* An environment variable, NULL when it is unset or empty. */
const char *aws_environment(const char *name);

/* A setting of the profile: from the credentials file, else from the config
 * file; NULL when it is in neither. */
const char *aws_config_get(const struct aws_config *config, const char *name);

/* The rows of the table above; NULL when nothing is set. */
const char *aws_config_region(const struct aws_config *config);
const char *aws_config_endpoint(const struct aws_config *config);
const char *aws_config_ca_file(const struct aws_config *config);

#endif
