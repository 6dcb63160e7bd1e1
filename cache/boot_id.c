/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/boot_id.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "backend/base/error.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
/* Linux 6.8; glibc 2.36 does not know it. */
#define MOUNT_ID_UNIQUE 0x4000u

static int read_boot(struct id *out)
{
	char text[UUID_TEXT_SIZE] = "";
	FILE *file = fopen(BOOT_ID_PATH, "re");

	if (!file)
		return err_set_errno(-ERR_local_io, errno, "cannot open %s", BOOT_ID_PATH);
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	if (!id_from_uuid(out, text))
		return err_set(-ERR_local_io, "%s does not hold a UUID", BOOT_ID_PATH);
	return 0;
}

/* An older kernel ignores the bit that it does not know. */
static int read_mount(const char *directory, uint64_t *out)
{
	struct statx st;

	if (statx(AT_FDCWD, directory, 0, STATX_MNT_ID | MOUNT_ID_UNIQUE, &st))
		return err_set_errno(-ERR_local_io, errno, "cannot inspect %s", directory);
	*out = st.stx_mnt_id;
	return 0;
}

int boot_id_read(const char *directory, struct id *out)
{
	uint64_t mount;
	size_t i;
	int result = read_boot(out);

	if (!result)
		result = read_mount(directory, &mount);
	for (i = 0; !result && i < sizeof(mount); i++)
		out->bytes[ID_BYTES - 1 - i] ^= (uint8_t)(mount >> 8 * i);
	return result;
}
