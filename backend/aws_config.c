/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/aws_config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"

#define FILE_BYTES_MAX (1u << 20)

const char *aws_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* A path below the home directory, or NULL when there is none. */
static char *home_path(const char *name)
{
	const char *home = aws_environment("HOME");
	struct passwd user;
	struct passwd *found = NULL;
	char text[4096];

	if (!home && getpwuid_r(getuid(), &user, text, sizeof(text), &found) == 0 && found)
		home = user.pw_dir;
	return home ? xasprintf("%s/%s", home, name) : NULL;
}

/* As the shell: a leading "~/" is the home directory. */
static char *file_path(const char *variable, const char *standard)
{
	const char *path = aws_environment(variable);

	if (!path)
		return home_path(standard);
	return strncmp(path, "~/", 2) == 0 ? home_path(path + 2) : xstrdup(path);
}

static int read_file(const char *path, struct buffer *text)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_set_errno(-ERR_store_config, errno, "cannot open %s", path);
	do {
		buffer_reserve(text, 16384);
		length = read(fd, text->data + text->length, 16384);
		if (length > 0)
			text->length += (size_t)length;
	} while (length > 0 && text->length <= FILE_BYTES_MAX);
	if (length < 0)
		return err_set_errno(-ERR_store_config, errno, "cannot read %s", path);
	if (length > 0)
		return err_set(-ERR_store_config,
			       "%s is larger than %u bytes; is it the file meant?", path,
			       FILE_BYTES_MAX);
	return 0;
}

static int load_file(const char *path, struct ini *ini)
{
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
	int err = path ? read_file(path, &text) : 0;

	ini_parse(ini, (const char *)text.data, text.length);
	return err;
}

/* The profile's section of the config file; the caller frees it. */
static char *config_section(const struct aws_config *config)
{
	char *section = xasprintf("profile %s", config->profile);

	/* [profile default] is allowed too, and then stands above [default]. */
	if (strcmp(config->profile, "default") == 0 && !ini_has_section(&config->config, section)) {
		free(section);
		return xstrdup("default");
	}
	return section;
}

static int check_profile(const struct aws_config *config)
{
	CLEANUP_FREE char *section = config_section(config);

	if (strcmp(config->profile, "default") == 0 || ini_has_section(&config->config, section) ||
	    ini_has_section(&config->credentials, config->profile))
		return 0;
	return err_set(-ERR_store_config,
		       "AWS_PROFILE names the profile \"%s\", which is neither in %s nor in %s",
		       config->profile, config->config_path ? config->config_path : "(no home)",
		       config->credentials_path ? config->credentials_path : "(no home)");
}

int aws_config_load(struct aws_config *out)
{
	const char *profile = aws_environment("AWS_PROFILE");
	int err;

	memset(out, 0, sizeof(*out));
	if (!profile)
		profile = aws_environment("AWS_DEFAULT_PROFILE");
	out->profile = xstrdup(profile ? profile : "default");
	out->config_path = file_path("AWS_CONFIG_FILE", ".aws/config");
	out->credentials_path = file_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	err = load_file(out->config_path, &out->config);
	if (!err)
		err = load_file(out->credentials_path, &out->credentials);
	if (!err)
		err = check_profile(out);
	return err;
}

void aws_config_release(struct aws_config *config)
{
	free(config->profile);
	free(config->config_path);
	free(config->credentials_path);
	ini_release(&config->config);
	ini_release(&config->credentials);
	memset(config, 0, sizeof(*config));
}

const char *aws_config_get(const struct aws_config *config, const char *name)
{
	CLEANUP_FREE char *section = config_section(config);
	const char *value = ini_get(&config->credentials, config->profile, NULL, name);

	if (!value)
		value = ini_get(&config->config, section, NULL, name);
	return value && *value ? value : NULL;
}

const char *aws_config_region(const struct aws_config *config)
{
	const char *region = aws_environment("AWS_REGION");

	if (!region)
		region = aws_environment("AWS_DEFAULT_REGION");
	return region ? region : aws_config_get(config, "region");
}

static const char *configured_endpoint(const struct aws_config *config)
{
	const char *services = aws_config_get(config, "services");
	const char *url = NULL;

	if (services) {
		CLEANUP_FREE char *section = xasprintf("services %s", services);

		url = ini_get(&config->config, section, "s3", "endpoint_url");
	}
	return url && *url ? url : aws_config_get(config, "endpoint_url");
}

const char *aws_config_endpoint(const struct aws_config *config)
{
	const char *ignore = aws_environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	const char *url;

	if (ignore && strcasecmp(ignore, "true") == 0)
		return NULL;
	url = aws_environment("AWS_ENDPOINT_URL_S3");
	if (!url)
		url = aws_environment("AWS_ENDPOINT_URL");
	return url ? url : configured_endpoint(config);
}

const char *aws_config_ca_file(const struct aws_config *config)
{
	const char *path = aws_environment("AWS_CA_BUNDLE");

	return path ? path : aws_config_get(config, "ca_bundle");
}
