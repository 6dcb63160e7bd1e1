/* SPDX-License-Identifier: Apache-2.0 */
/* The volume object: what is accepted can be written and read again. */
#include "backend/base/cleanup.h"
#include "backend/volume_format.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUFFER struct buffer json = BUFFER_INIT;
	struct volume_params params;
	struct volume_params again;
	int rc;

	if (volume_decode(data, size, &params))
		return 0;
	assert(volume_params_check(&params) == 0);
	volume_encode(&params, &json);
	rc = volume_decode(json.data, json.length, &again);
	assert(rc == 0);
	assert(strcmp(params.name, again.name) == 0);
	assert(id_equal(&params.uuid, &again.uuid));
	assert(memcmp(&params.chunker, &again.chunker, sizeof(params.chunker)) == 0);
	return 0;
}
