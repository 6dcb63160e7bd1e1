/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main function of a fuzz target without libFuzzer: runs it on each file
 * that is given, or that lies in a folder which is given.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "tests/fuzz/fuzz.h"

static int replay_file(const char *path)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	uint8_t *exact;

	if (fuzz_read_file(path, &bytes))
		return 1;
	/* no byte more than the input: a sanitizer sees each read behind it */
	exact = xmalloc(bytes.length);
	memcpy(exact, bytes.data, bytes.length);
	LLVMFuzzerTestOneInput(exact, bytes.length);
	free(exact);
	return 0;
}

static int replay_folder(const char *path, unsigned int *count)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!folder) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(folder)) && !rc) {
		CLEANUP_FREE char *file = xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		rc = replay_file(file);
		++*count;
	}
	closedir(folder);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned int count = 0;
	struct stat st;
	int rc = 0;
	int i;

	for (i = 1; i < argc && !rc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			rc = replay_folder(argv[i], &count);
		else if (!(rc = replay_file(argv[i])))
			count++;
	}
	printf("%u inputs replayed\n", count);
	return rc || count == 0;
}
