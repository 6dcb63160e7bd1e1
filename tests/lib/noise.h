/* SPDX-License-Identifier: Apache-2.0 */
/* Reproducible bytes for tests. */
#ifndef DRAY_TESTS_NOISE_H
#define DRAY_TESTS_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* xorshift64*; the state is not 0. */
static inline uint64_t noise_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Bytes that do not compress. */
static inline void noise_fill(uint64_t seed, uint8_t *bytes, size_t length)
{
	uint64_t state = seed * 2 + 1;
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = (uint8_t)(noise_next(&state) >> 56);
}

/* Words of a small vocabulary: compresses well. */
static inline void noise_text(uint64_t seed, uint8_t *bytes, size_t length)
{
	static const char *const words[] = { "pack ",	"chunk ", "the ",   "journal ", "2026-",
					     "commit,", "of ",	  "inode=", "\n",	"dray " };
	uint64_t state = seed * 2 + 1;
	const char *word = "";
	size_t i;

	for (i = 0; i < length; i++) {
		while (!*word)
			word = words[noise_next(&state) % (sizeof(words) / sizeof(words[0]))];
		bytes[i] = (uint8_t)*word++;
	}
}

#endif
