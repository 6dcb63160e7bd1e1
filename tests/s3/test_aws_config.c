/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/aws_config.h"
#include "backend/base/error.h"
#include "tests/lib/unit.h"
#include "tests/s3/aws_environment.h"

static void use_files(const char *config_text, const char *credentials_text)
{
	char *config = write_file(config_text);
	char *credentials = write_file(credentials_text);

	clear_aws_environment();
	setenv("AWS_CONFIG_FILE", config, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", credentials, 1);
	free(config);
	free(credentials);
}

static struct aws_config load(void)
{
	struct aws_config config;
	int err = aws_config_load(&config);

	ck_assert_msg(err == 0, "%s", err_message(err));
	return config;
}

static void release(struct aws_config *config)
{
	unlink(config->config_path);
	unlink(config->credentials_path);
	aws_config_release(config);
}

#define CONFIG                                                                                   \
	"[default]\nregion = one\nendpoint_url = http://own\nca_bundle = /ca\n"                  \
	"[profile two]\nregion = two\nservices = local\nendpoint_url = http://unused\nshared = " \
	"c\n"                                                                                    \
	"[services local]\ns3 =\n  endpoint_url = http://service\n"

START_TEST(without_files_and_environment_nothing_is_set)
{
	struct aws_config config;

	clear_aws_environment();
	config = load();
	ck_assert_str_eq(config.profile, "default");
	ck_assert_str_eq(config.config_path, "/nonexistent/.aws/config");
	ck_assert_str_eq(config.credentials_path, "/nonexistent/.aws/credentials");
	ck_assert_ptr_null(aws_config_region(&config));
	ck_assert_ptr_null(aws_config_endpoint(&config));
	ck_assert_ptr_null(aws_config_ca_file(&config));
	aws_config_release(&config);
}
END_TEST

START_TEST(the_default_profile_is_read)
{
	struct aws_config config;

	use_files(CONFIG, "");
	config = load();
	ck_assert_str_eq(aws_config_region(&config), "one");
	ck_assert_str_eq(aws_config_endpoint(&config), "http://own");
	ck_assert_str_eq(aws_config_ca_file(&config), "/ca");
	release(&config);
}
END_TEST

START_TEST(a_named_profile_is_read_and_its_services_come_first)
{
	struct aws_config config;

	use_files(CONFIG, "[two]\nshared = k\n");
	setenv("AWS_PROFILE", "two", 1);
	config = load();
	ck_assert_str_eq(aws_config_region(&config), "two");
	ck_assert_str_eq(aws_config_endpoint(&config), "http://service");
	ck_assert_str_eq(aws_config_get(&config, "shared"), "k");
	release(&config);
}
END_TEST

START_TEST(the_environment_comes_before_the_profile)
{
	struct aws_config config;

	use_files(CONFIG, "");
	setenv("AWS_DEFAULT_REGION", "r2", 1);
	setenv("AWS_ENDPOINT_URL", "http://e2", 1);
	setenv("AWS_CA_BUNDLE", "/ca2", 1);
	config = load();
	ck_assert_str_eq(aws_config_region(&config), "r2");
	ck_assert_str_eq(aws_config_endpoint(&config), "http://e2");
	ck_assert_str_eq(aws_config_ca_file(&config), "/ca2");
	setenv("AWS_REGION", "r1", 1);
	setenv("AWS_ENDPOINT_URL_S3", "http://e1", 1);
	ck_assert_str_eq(aws_config_region(&config), "r1");
	ck_assert_str_eq(aws_config_endpoint(&config), "http://e1");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	ck_assert_ptr_null(aws_config_endpoint(&config));
	release(&config);
}
END_TEST

START_TEST(an_empty_variable_counts_as_unset)
{
	struct aws_config config;

	use_files(CONFIG, "");
	setenv("AWS_REGION", "", 1);
	setenv("AWS_PROFILE", "", 1);
	config = load();
	ck_assert_str_eq(aws_config_region(&config), "one");
	release(&config);
}
END_TEST

START_TEST(a_profile_that_is_nowhere_is_refused)
{
	struct aws_config config;
	int err;

	use_files(CONFIG, "");
	setenv("AWS_PROFILE", "three", 1);
	err = aws_config_load(&config);
	ck_assert_int_eq(err, -ERR_store_config);
	ck_assert_ptr_nonnull(strstr(err_message(err), "\"three\""));
	ck_assert_ptr_nonnull(strstr(err_message(err), config.config_path));
	release(&config);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_no_empty_file)
{
	struct aws_config config;

	clear_aws_environment();
	setenv("AWS_CONFIG_FILE", "/tmp", 1); /* a directory */
	ck_assert_int_eq(aws_config_load(&config), -ERR_store_config);
	aws_config_release(&config);
}
END_TEST

UNIT_MAIN("aws_config", without_files_and_environment_nothing_is_set, the_default_profile_is_read,
	  a_named_profile_is_read_and_its_services_come_first,
	  the_environment_comes_before_the_profile, an_empty_variable_counts_as_unset,
	  a_profile_that_is_nowhere_is_refused, a_file_that_cannot_be_read_is_no_empty_file)
