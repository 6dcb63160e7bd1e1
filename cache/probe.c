/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/probe.h"

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

int probe_put_if_absent(struct store *store, const char *url, const char *key,
			const struct buffer *bytes)
{
	CLEANUP_BUFFER struct buffer other = BUFFER_INIT;
	int result;

	buffer_append(&other, bytes->data, bytes->length);
	buffer_put_u8(&other, '\n');
	result = store_put(store, key, other.data, other.length, STORE_IF_ABSENT);
	if (result == -EEXIST)
		return 0;
	if (result)
		return result;
	return err_set(-ERR_store_unsupported,
		       "%s accepted a second conditional put of %s: it ignores put-if-absent "
		       "(If-None-Match), without which two gateways could overwrite each other's "
		       "commits; use a store that honours it, or --unsafe-single-writer if there "
		       "will never be a second gateway",
		       url, key);
}
