/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/aws_config.h"
#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"
#include "backend/credentials_role.h"

#define DUE_BEFORE_S	  300 /* before they expire, new ones are looked for */
#define UNUSABLE_BEFORE_S 10  /* a request under way must not outlive them */
#define RETRY_AFTER_S	  60

struct credentials {
	struct lock lock;
	/* guarded by lock */
	struct condition fetched;
	struct credentials_key key; /* access_key_id is NULL: none yet */
	bool fetching;
	uint64_t fetches;     /* how many have ended */
	int64_t retry_real_s; /* no renewal before, after one that failed */
	int failed_code;      /* of the last fetch, 0 when it went well */
	char failed_message[1024];
	int64_t clock_offset_s; /* 0 but in tests */
};

struct credentials *credentials_new(void)
{
	struct credentials *credentials = xcalloc(1, sizeof(*credentials));

	lock_init(&credentials->lock, LOCK_RANK_CREDENTIALS);
	condition_init(&credentials->fetched);
	return credentials;
}

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	credentials_key_release(&credentials->key);
	condition_destroy(&credentials->fetched);
	lock_destroy(&credentials->lock);
	free(credentials);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credentials_key_release(struct credentials_key *key)
{
	wipe(key->access_key_id);
	wipe(key->secret_access_key);
	wipe(key->session_token);
	free(key->source);
	memset(key, 0, sizeof(*key));
}

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void copy_key(struct credentials_key *to, const struct credentials_key *from)
{
	to->access_key_id = copy_text(from->access_key_id);
	to->secret_access_key = copy_text(from->secret_access_key);
	to->session_token = copy_text(from->session_token);
	to->expires_real_s = from->expires_real_s;
	to->source = copy_text(from->source);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_key(const struct credentials_key *a, const struct credentials_key *b)
{
	return same_text(a->access_key_id, b->access_key_id) &&
	       same_text(a->secret_access_key, b->secret_access_key) &&
	       same_text(a->session_token, b->session_token);
}

/* What goes into a header must be one line of visible characters. */
static bool is_header_text(const char *text)
{
	const char *p;

	for (p = text ? text : ""; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return true;
}

static int check_key(const struct credentials_key *key)
{
	if (is_header_text(key->access_key_id) && is_header_text(key->session_token))
		return 0;
	return err_set(-ERR_store_config,
		       "%s: the access key or the session token holds a blank or a control "
		       "character; was it pasted with more than itself?",
		       key->source);
}

/* As credentials_from_container(). */
static int from_environment(struct credentials_key *out, struct buffer *looked)
{
	const char *id = aws_environment("AWS_ACCESS_KEY_ID");
	const char *secret = aws_environment("AWS_SECRET_ACCESS_KEY");
	const char *token = aws_environment("AWS_SESSION_TOKEN");

	if (!id && !secret) {
		buffer_put_text(looked, "AWS_ACCESS_KEY_ID in the environment");
		return 0;
	}
	if (!id || !secret)
		return err_set(-ERR_store_config, "%s is set in the environment, but %s is not",
			       id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			       id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	out->access_key_id = xstrdup(id);
	out->secret_access_key = xstrdup(secret);
	out->session_token = copy_text(token);
	out->source = xstrdup("the environment");
	return 1;
}

/* What the profile has in place of keys, that other tools understand. */
static const char *unsupported_setting(const struct aws_config *config)
{
	static const char *const names[] = { "credential_process", "role_arn", "sso_session",
					     "sso_start_url", "web_identity_token_file" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (aws_config_get(config, names[i]))
			return names[i];
	}
	return NULL;
}

static void say_no_profile(const struct aws_config *config, struct buffer *looked)
{
	const char *setting = unsupported_setting(config);

	buffer_printf(looked, "profile \"%s\" in %s and %s", config->profile,
		      config->credentials_path ? config->credentials_path : "(no home)",
		      config->config_path ? config->config_path : "(no home)");
	if (setting)
		buffer_printf(looked, " (its %s is not supported)", setting);
	if (config->credentials.bad_line)
		buffer_printf(looked, " (line %u of the former is not understood)",
			      config->credentials.bad_line);
}

static int take_profile(const struct aws_config *config, struct credentials_key *out,
			struct buffer *looked)
{
	const char *id = aws_config_get(config, "aws_access_key_id");
	const char *secret = aws_config_get(config, "aws_secret_access_key");

	if (!id && !secret) {
		say_no_profile(config, looked);
		return 0;
	}
	if (!id || !secret)
		return err_set(-ERR_store_config, "profile \"%s\" has %s, but no %s",
			       config->profile, id ? "aws_access_key_id" : "aws_secret_access_key",
			       id ? "aws_secret_access_key" : "aws_access_key_id");
	out->access_key_id = xstrdup(id);
	out->secret_access_key = xstrdup(secret);
	out->session_token = copy_text(aws_config_get(config, "aws_session_token"));
	out->source = xasprintf("profile \"%s\"", config->profile);
	return 1;
}

static int from_profile(struct credentials_key *out, struct buffer *looked)
{
	struct aws_config config;
	int result = aws_config_load(&config);

	if (!result)
		result = take_profile(&config, out, looked);
	aws_config_release(&config);
	return result;
}

/* Goes through the chain. Returns 0 or an error. */
static int fetch(struct credentials_key *out)
{
	static int (*const sources[])(struct credentials_key *, struct buffer *) = {
		from_environment,
		from_profile,
		credentials_from_container,
		credentials_from_instance,
	};
	CLEANUP_BUFFER struct buffer looked = BUFFER_INIT;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		int result;

		if (i)
			buffer_put_text(&looked, "; ");
		result = sources[i](out, &looked);
		if (result)
			return result < 0 ? result : check_key(out);
	}
	return err_set(-ERR_store_denied,
		       "no S3 credentials found: set AWS_ACCESS_KEY_ID and "
		       "AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE; looked for: %.*s",
		       (int)looked.length, (char *)looked.data);
}

static int64_t now_s_locked(const struct credentials *credentials)
{
	lock_assert_held(&credentials->lock);
	return clock_real_ns() / NS_PER_SECOND + credentials->clock_offset_s;
}

static bool usable_locked(const struct credentials *credentials, int64_t now)
{
	const struct credentials_key *key = &credentials->key;

	lock_assert_held(&credentials->lock);
	return key->access_key_id &&
	       (!key->expires_real_s || now < key->expires_real_s - UNUSABLE_BEFORE_S);
}

static bool due_locked(const struct credentials *credentials, int64_t now)
{
	const struct credentials_key *key = &credentials->key;

	lock_assert_held(&credentials->lock);
	return key->expires_real_s && now >= key->expires_real_s - DUE_BEFORE_S &&
	       now >= credentials->retry_real_s;
}

/* Takes over what a fetch brought; *key is given away. */
static void fetched_locked(struct credentials *credentials, int result, struct credentials_key *key)
{
	lock_assert_held(&credentials->lock);
	credentials->fetching = false;
	credentials->fetches++;
	credentials->failed_code = result;
	condition_broadcast(&credentials->fetched);
	if (!result) {
		credentials_key_release(&credentials->key);
		credentials->key = *key;
		/* Ones that come with little time left are not asked for at
		 * every request. */
		credentials->retry_real_s = now_s_locked(credentials) + RETRY_AFTER_S;
		return;
	}
	snprintf(credentials->failed_message, sizeof(credentials->failed_message), "%s",
		 err_message(result));
	credentials->retry_real_s = now_s_locked(credentials) + RETRY_AFTER_S;
	credentials_key_release(key);
}

/* Runs a fetch, or waits for the one under way; the lock is released
 * meanwhile. Returns that fetch's result. */
static int fetch_locked(struct credentials *credentials)
{
	struct credentials_key key;
	uint64_t fetches = credentials->fetches;
	int result;

	lock_assert_held(&credentials->lock);
	if (credentials->fetching) {
		while (credentials->fetches == fetches)
			condition_wait(&credentials->fetched, &credentials->lock);
		if (!credentials->failed_code)
			return 0;
		return err_set(credentials->failed_code, "%s", credentials->failed_message);
	}
	credentials->fetching = true;
	lock_release(&credentials->lock);
	result = fetch(&key);
	lock_acquire(&credentials->lock);
	fetched_locked(credentials, result, &key);
	return result;
}

static int get_locked(struct credentials *credentials)
{
	int64_t now = now_s_locked(credentials);
	bool usable = usable_locked(credentials, now);
	bool had_role = credentials->key.expires_real_s != 0;
	int result;

	if (usable && (!due_locked(credentials, now) || credentials->fetching))
		return 0;
	result = fetch_locked(credentials);
	if (!result || !had_role)
		return result;
	if (usable) {
		log_warn("S3 credentials expire soon and could not be renewed: %s",
			 credentials->failed_message);
		return 0;
	}
	/* There was a role: its service will be back. */
	return err_set(-ERR_store_unreachable,
		       "the S3 credentials have expired and cannot be renewed: %s",
		       credentials->failed_message);
}

int credentials_get(struct credentials *credentials, struct credentials_key *out)
{
	int result;

	memset(out, 0, sizeof(*out));
	lock_acquire(&credentials->lock);
	result = get_locked(credentials);
	if (!result)
		copy_key(out, &credentials->key);
	lock_release(&credentials->lock);
	return result;
}

int credentials_renew(struct credentials *credentials, const struct credentials_key *refused)
{
	int result = 0;

	lock_acquire(&credentials->lock);
	if (same_key(&credentials->key, refused))
		result = fetch_locked(credentials);
	if (!result)
		result = !same_key(&credentials->key, refused);
	lock_release(&credentials->lock);
	return result;
}

void credentials_set_clock_offset(struct credentials *credentials, int64_t seconds)
{
	lock_acquire(&credentials->lock);
	credentials->clock_offset_s = seconds;
	lock_release(&credentials->lock);
}
