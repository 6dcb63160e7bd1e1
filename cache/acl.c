/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/acl.h"

#define VERSION	     2
#define HEADER_BYTES 4
#define ENTRY_BYTES  8

#define PERMISSIONS 07
#define MODE_BITS   0777

enum tag {
	TAG_USER_OBJ = 0x01,
	TAG_USER = 0x02,
	TAG_GROUP_OBJ = 0x04,
	TAG_GROUP = 0x08,
	TAG_MASK = 0x10,
	TAG_OTHER = 0x20,
};

static uint8_t *entry_at(const struct buffer *acl, size_t index)
{
	return acl->data + HEADER_BYTES + index * ENTRY_BYTES;
}

static size_t entry_count(const struct buffer *acl)
{
	return (acl->length - HEADER_BYTES) / ENTRY_BYTES;
}

/* The entry with the tag (the first), or NULL. */
static uint8_t *find(const struct buffer *acl, enum tag tag)
{
	size_t i;

	for (i = 0; i < entry_count(acl); i++) {
		if (load_le16(entry_at(acl, i)) == tag)
			return entry_at(acl, i);
	}
	return NULL;
}

/* The tags that may come after this one; after 0, the first of a list. */
static unsigned int followers(unsigned int tag)
{
	switch (tag) {
	case 0:
		return TAG_USER_OBJ;
	case TAG_USER_OBJ:
	case TAG_USER:
		return TAG_USER | TAG_GROUP_OBJ;
	case TAG_GROUP_OBJ:
	case TAG_GROUP:
		return TAG_GROUP | TAG_MASK | TAG_OTHER;
	case TAG_MASK:
		return TAG_OTHER;
	default:
		return 0;
	}
}

bool acl_is_valid(const void *bytes, size_t length)
{
	struct reader reader;
	unsigned int seen = 0;
	unsigned int last = 0;

	reader_init(&reader, bytes, length);
	if (reader_get_u32(&reader) != VERSION)
		return false;
	while (reader_left(&reader)) {
		unsigned int tag = reader_get_u16(&reader);
		unsigned int permissions = reader_get_u16(&reader);

		reader_get_u32(&reader);
		if (reader.failed || permissions & ~(unsigned int)PERMISSIONS)
			return false;
		if (!tag || tag & (tag - 1) || !(tag & followers(last)))
			return false;
		last = tag;
		seen |= tag;
	}
	if (seen & (TAG_USER | TAG_GROUP) && !(seen & TAG_MASK))
		return false;
	return last == TAG_OTHER;
}

/* The entry that the group's bits of a mode stand for. */
static uint8_t *group_entry(const struct buffer *acl)
{
	uint8_t *mask = find(acl, TAG_MASK);

	return mask ? mask : find(acl, TAG_GROUP_OBJ);
}

static uint32_t permissions_of(const uint8_t *entry)
{
	return load_le16(entry + 2);
}

static void set_permissions(uint8_t *entry, uint32_t permissions)
{
	store_le16(entry + 2, permissions & PERMISSIONS);
}

uint32_t acl_mode(const struct buffer *acl, uint32_t mode)
{
	return (mode & ~(uint32_t)MODE_BITS) | permissions_of(find(acl, TAG_USER_OBJ)) << 6 |
	       permissions_of(group_entry(acl)) << 3 | permissions_of(find(acl, TAG_OTHER));
}

bool acl_is_minimal(const struct buffer *acl)
{
	return !find(acl, TAG_USER) && !find(acl, TAG_GROUP) && !find(acl, TAG_MASK);
}

void acl_set_mode(struct buffer *acl, uint32_t mode)
{
	set_permissions(find(acl, TAG_USER_OBJ), mode >> 6);
	set_permissions(group_entry(acl), mode >> 3);
	set_permissions(find(acl, TAG_OTHER), mode);
}

uint32_t acl_narrow(struct buffer *acl, uint32_t mode)
{
	mode &= ~(uint32_t)MODE_BITS | acl_mode(acl, 0);
	acl_set_mode(acl, mode);
	return mode;
}
