/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to verify cached bytes: reads of a segment with and without
 * the check of its checksums, both from the page cache, in turn.
 *
 *	bench_verify [DIRECTORY [MIB_READ]]
 *
 * Prints microseconds a read of the CPU, for reads of 4 KiB to 1 MiB, and what
 * a checksum alone takes. A read from the disk itself is slower than either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "cache/segment.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"

#define RECORD_BYTES (1u << 20)
#define RECORDS	     32
#define ROUNDS	     8

static uint8_t bytes[RECORD_BYTES];
static struct segment_place places[RECORDS];

static void check(int result, const char *what)
{
	if (!result)
		return;
	fprintf(stderr, "bench_verify: %s: %s\n", what, err_message(result));
	exit(EXIT_FAILURE);
}

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct segment_tag tag_of(unsigned int record)
{
	return (struct segment_tag){ .class = SEGMENT_CLASS_WRITTEN,
				     .number = 1 + record,
				     .offset = 0 };
}

/* Microseconds a read at random places. */
static double read_some(struct segments *segments, uint32_t length, unsigned int count,
			bool verified, uint64_t *noise)
{
	double start = cpu_us();
	unsigned int i;

	for (i = 0; i < count; i++) {
		unsigned int record = (unsigned int)(noise_next(noise) >> 33) % RECORDS;
		uint32_t delta = (uint32_t)(noise_next(noise) >> 33) % (RECORD_BYTES / length);
		struct segment_tag tag = tag_of(record);

		delta *= length;
		if (verified)
			check(segments_read(segments, places[record].segment, places[record].record,
					    &tag, delta, length, bytes),
			      "read");
		else
			check(segments_read_raw(segments, places[record].segment,
						places[record].record + delta, bytes, length),
			      "read raw");
	}
	return (cpu_us() - start) / count;
}

static void measure(struct segments *segments, uint32_t length, unsigned int total_mib)
{
	unsigned int count = (unsigned int)(((uint64_t)total_mib << 20) / length / ROUNDS) + 1;
	double raw = 0;
	double verified = 0;
	uint64_t noise = length;
	double sum;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		raw += read_some(segments, length, count, false, &noise) / ROUNDS;
		verified += read_some(segments, length, count, true, &noise) / ROUNDS;
	}
	sum = cpu_us();
	for (i = 0; i < count; i++)
		noise += crc32c(0, bytes, length);
	sum = (cpu_us() - sum) / count;
	printf("%7u KiB  raw %9.2f us  verified %9.2f us  (%.2f x)  checksum alone %9.2f us\n",
	       length >> 10, raw, verified, verified / raw, sum);
}

int main(int argc, char **argv)
{
	char *own = argc > 1 ? NULL : scratch_make();
	struct segments_conf conf = { .directory = argc > 1 ? argv[1] : own };
	unsigned int total_mib = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : 512;
	struct segments *segments;
	unsigned int i;

	check(segments_open(&conf, &segments), "open");
	check(segments_start(segments), "start");
	for (i = 0; i < RECORDS; i++) {
		struct segment_tag tag = tag_of(i);

		noise_fill(i, bytes, sizeof(bytes));
		check(segments_append(segments, &tag, bytes, RECORD_BYTES, &places[i]), "append");
	}
	measure(segments, 4 << 10, total_mib);
	measure(segments, 16 << 10, total_mib);
	measure(segments, 128 << 10, total_mib);
	measure(segments, 1 << 20, total_mib);
	for (i = 0; i < RECORDS; i++)
		segment_unpin(segments, places[i].segment);
	segments_close(segments);
	if (own)
		scratch_remove(own);
	return 0;
}
