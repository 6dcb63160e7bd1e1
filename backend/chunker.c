/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/chunker.h"

#include <assert.h>

#include "backend/pack_format.h"

/* The hash is shifted by one bit a byte: it forgets what is older. */
#define WINDOW 64

/* Normalization level: cuts are 2^2 rarer before the average, likelier behind. */
#define NORMALIZATION_BITS 2

/*
 * The gear table: output i of splitmix64 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", 2014) from the seed "drayfs01", computed by
 * the compiler. Another table would cut all data elsewhere and end the
 * deduplication against what is in the bucket.
 */
#define GEAR_SEED 0x6472617966733031u
#define MIX1(z)	  (((z) ^ ((z) >> 30)) * 0xbf58476d1ce4e5b9u)
#define MIX2(z)	  (((z) ^ ((z) >> 27)) * 0x94d049bb133111ebu)
#define MIX3(z)	  ((z) ^ ((z) >> 31))
#define GEAR(i)	  MIX3(MIX2(MIX1(GEAR_SEED + ((i) + 1) * 0x9e3779b97f4a7c15u)))
#define GEAR4(i)  GEAR(i), GEAR((i) + 1), GEAR((i) + 2), GEAR((i) + 3)
#define GEAR16(i) GEAR4(i), GEAR4((i) + 4), GEAR4((i) + 8), GEAR4((i) + 12)
#define GEAR64(i) GEAR16(i), GEAR16((i) + 16), GEAR16((i) + 32), GEAR16((i) + 48)

static const uint64_t gear[256] = { GEAR64(UINT64_C(0)), GEAR64(UINT64_C(64)),
				    GEAR64(UINT64_C(128)), GEAR64(UINT64_C(192)) };

bool chunker_conf_valid(const struct chunker_conf *conf)
{
	size_t average = conf->size_average;

	return conf->size_min >= WINDOW && conf->size_min < average &&
	       (average & (average - 1)) == 0 && average < conf->size_max &&
	       conf->size_max <= PACK_CHUNK_RAW_MAX;
}

/* Hashes below this have their top `count` bits zero. */
static uint64_t limit_of(int count)
{
	return UINT64_C(1) << (64 - count);
}

/*
 * The length of the chunk that is cut behind one of the bytes [from, to), or 0
 * when the hash matches behind none. The hash is carried along. Two bytes a
 * turn: the second hash does not wait for the first.
 */
static size_t scan(const uint8_t *bytes, size_t from, size_t to, uint64_t limit, uint64_t *hash)
{
	uint64_t h = *hash;
	size_t i;

	for (i = from; i + 2 <= to; i += 2) {
		uint64_t first = gear[bytes[i]];
		uint64_t both = (first << 1) + gear[bytes[i + 1]];

		if ((h << 1) + first < limit)
			return i + 1;
		h = (h << 2) + both;
		if (h < limit)
			return i + 2;
	}
	if (i < to) {
		h = (h << 1) + gear[bytes[i]];
		if (h < limit)
			return i + 1;
	}
	*hash = h;
	return 0;
}

size_t chunker_cut(const struct chunker_conf *conf, const uint8_t *bytes, size_t length)
{
	int average_bits = __builtin_ctzll(conf->size_average);
	uint64_t hash = 0;
	size_t normal;
	size_t cut;
	size_t i;

	assert(chunker_conf_valid(conf));
	if (length > conf->size_max)
		length = conf->size_max;
	if (length <= conf->size_min)
		return length;
	normal = conf->size_average < length ? conf->size_average : length;
	/* A full window from the first position on: a cut depends on the
	 * content alone, not on where the chunk began. */
	for (i = conf->size_min - WINDOW; i < conf->size_min; i++)
		hash = (hash << 1) + gear[bytes[i]];
	cut = scan(bytes, conf->size_min, normal, limit_of(average_bits + NORMALIZATION_BITS),
		   &hash);
	if (!cut)
		cut = scan(bytes, normal, length, limit_of(average_bits - NORMALIZATION_BITS),
			   &hash);
	return cut ? cut : length;
}
