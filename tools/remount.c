/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/remount.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "fs/control_proto.h"
#include "tools/control_client.h"

bool remount_is_asked(const char *options)
{
	CLEANUP_FREE char *list = xstrdup(options);
	char *rest = list;
	char *word;

	while ((word = strsep(&rest, ","))) {
		if (!strcmp(word, "remount"))
			return true;
	}
	return false;
}

int remount_apply(const char *options, const char *directory)
{
	json_t *request = json_pack("{s:s, s:s}", CONTROL_VERB, CONTROL_VERB_REMOUNT,
				    CONTROL_OPTIONS, options);
	struct control_client client;
	int result;

	if (!request)
		return err_set(-ERR_bad_option, "mount options %s: not in UTF-8", options);
	result = control_client_open(directory, &client);
	if (result)
		json_decref(request);
	else
		result = control_client_call(&client, request, NULL, NULL, NULL);
	control_client_close(&client);
	return result;
}
