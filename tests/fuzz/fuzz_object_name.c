/* SPDX-License-Identifier: Apache-2.0 */
/* Names in a listing: what parses is what would be formatted. */
#include "backend/object_name.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	char again[OBJECT_NAME_SIZE];
	struct object_name name;

	memcpy(text, data, size);
	text[size] = '\0';
	if (object_name_parse(text, &name)) {
		object_name_format(&name, again);
		assert(strcmp(text, again) == 0);
	}
	free(text);
	return 0;
}
