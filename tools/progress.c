/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/size.h"

#define BAR_WIDTH 24

static bool progress_drawn;

static bool progress_wanted(void)
{
	return isatty(STDERR_FILENO);
}

static void draw_bar(uint64_t done, uint64_t total)
{
	char bar[BAR_WIDTH + 1];
	size_t filled = total ? (size_t)((double)done / (double)total * BAR_WIDTH) : 0;

	if (filled > BAR_WIDTH)
		filled = BAR_WIDTH;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "  [%s]", bar);
}

void progress_bytes(const char *label, uint64_t done, uint64_t total, double eta_seconds)
{
	char text[24];

	if (!progress_wanted())
		return;
	fprintf(stderr, "\r\033[K%s", label);
	if (total)
		draw_bar(done, total);
	size_format(done, text);
	fprintf(stderr, "  %s", text);
	if (total) {
		size_format(total, text);
		fprintf(stderr, " of %s", text);
	}
	if (eta_seconds >= 0) {
		duration_format((int64_t)(eta_seconds * (double)NS_PER_SECOND), text);
		fprintf(stderr, "  eta %s", text);
	}
	fflush(stderr);
	progress_drawn = true;
}

void progress_count(const char *label, uint64_t done, uint64_t total)
{
	if (!progress_wanted())
		return;
	fprintf(stderr, "\r\033[K%s", label);
	if (total)
		draw_bar(done, total);
	fprintf(stderr, "  %" PRIu64, done);
	if (total)
		fprintf(stderr, " of %" PRIu64, total);
	fflush(stderr);
	progress_drawn = true;
}

void progress_clear(void)
{
	if (progress_drawn)
		fputs("\r\033[K", stderr);
	progress_drawn = false;
}
