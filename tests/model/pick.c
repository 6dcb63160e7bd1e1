/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/pick.h"

#include <stdio.h>
#include <string.h>

#define FILE_SPAN  (256u << 10) /* where most writes go */
#define NAME_COUNT 14

const char *pick_name(struct run *run)
{
	static char names[NAME_COUNT][256];
	unsigned int i = (unsigned int)run_random(run, NAME_COUNT);

	if (i == 0)
		memset(names[i], 'x', 255);
	else
		snprintf(names[i], sizeof(names[i]), "n%u", i);
	return names[i];
}

bool pick_any(const struct tree_file *file)
{
	(void)file;
	return true;
}

bool pick_directory(const struct tree_file *file)
{
	return S_ISDIR(file->mode);
}

bool pick_regular(const struct tree_file *file)
{
	return S_ISREG(file->mode);
}

bool pick_symlink(const struct tree_file *file)
{
	return S_ISLNK(file->mode);
}

struct tree_file *pick(struct run *run, pick_fn *fits)
{
	struct tree_file *file;
	uint64_t count = 0;
	uint64_t chosen;

	for (file = run->tree.files; file; file = file->next)
		count += fits(file);
	if (!count)
		return NULL;
	chosen = run_random(run, count);
	for (file = run->tree.files; file; file = file->next) {
		if (fits(file) && !chosen--)
			break;
	}
	return file;
}

struct tree_file *pick_parent(struct run *run)
{
	return pick(run, run_random(run, 30) ? pick_directory : pick_any);
}

uint64_t pick_offset(struct run *run, const struct tree_file *file)
{
	switch (run_random(run, 4)) {
	case 0:
		return run_random(run, FILE_SPAN / 4096) * 4096;
	case 1:
		return file->size;
	case 2:
		return run_random(run, file->size + 1);
	default:
		return run_random(run, FILE_SPAN);
	}
}

uint64_t pick_length(struct run *run)
{
	switch (run_random(run, 8)) {
	case 0:
		return 4096;
	case 1:
		return run_random(run, 1u << 20);
	case 2:
		return 1 + run_random(run, 16);
	default:
		return 1 + run_random(run, 32768);
	}
}

bool pick_clip(uint64_t offset, uint64_t *length)
{
	if (offset >= TREE_SIZE_MAX)
		return false;
	if (*length > TREE_SIZE_MAX - offset)
		*length = TREE_SIZE_MAX - offset;
	return *length > 0;
}
