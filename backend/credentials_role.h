/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of a role, from the HTTP services that containers and EC2
 * instances have for it. Private to credentials.c and its tests.
 */
#ifndef DRAY_CREDENTIALS_ROLE_H
#define DRAY_CREDENTIALS_ROLE_H

#include "backend/base/buffer.h"
#include "backend/credentials.h"

/*
 * Both fill *out and return 1; return 0 when there is no such service here,
 * having appended to `looked` why; or return an error of a service that is
 * there and gave nothing usable.
 */
int credentials_from_container(struct credentials_key *out, struct buffer *looked);
int credentials_from_instance(struct credentials_key *out, struct buffer *looked);

/*
 * The answer of these services, JSON with AccessKeyId, SecretAccessKey,
 * Token and Expiration. Pure. Returns NULL and fills *out, or returns what
 * is wrong with the text.
 */
const char *credentials_parse_role(const char *text, size_t length, struct credentials_key *out);

/* True when a credentials URI may be asked: HTTPS, this host, or one of the
 * link-local addresses that ECS and EKS use. Pure. */
bool credentials_uri_allowed(const char *uri);

#endif
