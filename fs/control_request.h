/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of the control protocol (control_proto.h), taken apart. The
 * line comes from outside: everything about it is checked here. Pure.
 */
#ifndef DRAY_FS_CONTROL_REQUEST_H
#define DRAY_FS_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_verb {
	VERB_INVALID,
	VERB_PING,
	VERB_STATUS,
	VERB_SYNC,
	VERB_WAIT,
	VERB_LS,
	VERB_EVICT,
	VERB_WARM,
	VERB_PIN,
	VERB_UNPIN,
	VERB_REMOUNT,
	VERB_UMOUNT,
};

enum control_filter {
	FILTER_DIRTY = 1,
	FILTER_PENDING = 2,
	FILTER_FAILING = 4,
	FILTER_CACHED = 8,
};

#define CONTROL_NO_TIMEOUT (-1)

struct control_request {
	enum control_verb verb;
	char **paths; /* at least one for the verbs that take paths */
	size_t path_count;
	unsigned int filters; /* of enum control_filter; 0: all files */
	int64_t timeout_ns;   /* or CONTROL_NO_TIMEOUT */
	char *options;	      /* remount: a list of mount options */
};

/*
 * Takes apart a line (without its newline). Returns 0, and
 * control_request_release() ends *out; or -EINVAL with a sentence.
 */
int control_request_parse(const char *line, size_t length, struct control_request *out);
void control_request_release(struct control_request *request);

struct file_state;
/* Does a file pass all of the filters? failing: uploads fail now. */
bool control_filters_pass(unsigned int filters, const struct file_state *state, bool failing);

#endif
