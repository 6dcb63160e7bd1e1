/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway does for a request of the control protocol. */
#ifndef DRAY_FS_CONTROL_VERBS_H
#define DRAY_FS_CONTROL_VERBS_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "fs/control_connection.h"
#include "fs/control_request.h"
#include "fs/session.h"

/* What requests work on; the same for all connections. */
struct control_target {
	struct cache *cache;
	struct session *session;
	const char *mountpoint;
	/* The gateway ends: requests that take long are to give up. */
	atomic_bool stopping;
};

/*
 * Carries the request out and answers it, the last line included. Returns true
 * when the request was an umount that succeeded: its last line is to come when
 * the gateway has ended.
 */
bool control_execute(struct control_target *target, struct control_connection *connection,
		     const struct control_request *request);

/* Answers with the sentence of the code. */
void control_answer_error(struct control_connection *connection, const char *code_name, int code);
/* A new "done" or other event, to be filled in. */
json_t *control_event(const char *event);

#endif
