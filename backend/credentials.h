/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials that requests are signed with, found as AWS's own tools
 * find them. The first place that has any is used:
 *
 *	1. environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps
 *	   AWS_SESSION_TOKEN
 *	2. the profile in the shared credentials and config files
 *	3. the container's role: AWS_CONTAINER_CREDENTIALS_FULL_URI or
 *	   _RELATIVE_URI (ECS, EKS pod identity)
 *	4. the instance's role: EC2's metadata service, unless
 *	   AWS_EC2_METADATA_DISABLED is "true"
 *
 * They are looked for at the first request and kept. Those of a role expire:
 * 5 minutes before that one thread fetches new ones while the others go on
 * with the old; a fetch that fails is repeated each minute until then. When
 * the server refuses the ones in use, credentials_renew() looks again: an
 * administrator may have replaced those in a file.
 *
 *	none -> fetching -> in force -> due (fetching, old still used) -> ...
 *	           `-> failed: all who wait get its error; the next call tries again
 *
 * Any thread may call. The lock is never held while a source is read or the
 * network is used.
 */
#ifndef DRAY_CREDENTIALS_H
#define DRAY_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

/* One set of credentials; credentials_key_release() frees and wipes it. */
struct credentials_key {
	char *access_key_id;
	char *secret_access_key;
	char *session_token;	/* NULL: none */
	int64_t expires_real_s; /* seconds since 1970; 0: never */
	char *source;		/* for messages: where it was found */
};

struct credentials;

/* Touches neither files nor the network. */
struct credentials *credentials_new(void);
void credentials_free(struct credentials *credentials);

/*
 * A copy of the credentials in force; may wait for a role's. Returns 0,
 * -ERR_store_config (half of a key, an unreadable file), -ERR_store_denied
 * (none found: the sentence says where was looked), or
 * -ERR_store_unreachable (those of a role have expired and new ones cannot
 * be had at present).
 */
int credentials_get(struct credentials *credentials, struct credentials_key *out);

/*
 * The server refused these: looks for others. Returns 1 when
 * credentials_get() now gives others, 0 when it would give the same, or an
 * error as credentials_get().
 */
int credentials_renew(struct credentials *credentials, const struct credentials_key *refused);

void credentials_key_release(struct credentials_key *key);

/* For tests: behaves as if the clock were ahead by that much. */
void credentials_set_clock_offset(struct credentials *credentials, int64_t seconds);

#endif
