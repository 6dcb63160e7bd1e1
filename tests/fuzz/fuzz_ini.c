/* SPDX-License-Identifier: Apache-2.0 */
/* The AWS shared files: every entry is found by its own name. */
#include "backend/ini.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini ini;
	size_t i;

	ini_parse(&ini, (const char *)data, size);
	for (i = 0; i < ini.count; i++) {
		const struct ini_entry *entry = &ini.entries[i];

		assert(*entry->name && entry->value);
		assert(!entry->parent || *entry->parent);
		assert(ini_has_section(&ini, entry->section));
		assert(ini_get(&ini, entry->section, entry->parent, entry->name));
	}
	ini_release(&ini);
	return 0;
}
