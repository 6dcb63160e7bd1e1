/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX access control lists: the arithmetic of acl(5), as Linux does it.
 *
 * A list is kept as the kernel hands it over in an extended attribute,
 * little-endian:
 *
 *	u32 version (2)
 *	entries of 8 bytes, in this order:
 *		u16 tag    USER_OBJ  USER...  GROUP_OBJ  GROUP...  MASK  OTHER
 *		u16 permissions (r 4, w 2, x 1)
 *		u32 id     of USER and GROUP
 *
 * USER_OBJ, GROUP_OBJ and OTHER are there once; MASK at most once, and always
 * with a USER or GROUP. A file's mode mirrors its list: owner and others are
 * USER_OBJ and OTHER, the group's bits are MASK, or GROUP_OBJ without one.
 */
#ifndef DRAY_CACHE_ACL_H
#define DRAY_CACHE_ACL_H

#include "backend/base/buffer.h"

#define ACL_ACCESS_NAME	 "system.posix_acl_access"
#define ACL_DEFAULT_NAME "system.posix_acl_default"

/* True for a well-formed list; what the functions below are given is one. */
bool acl_is_valid(const void *bytes, size_t length);
/* The mode with the permission bits that the list says. */
uint32_t acl_mode(const struct buffer *acl, uint32_t mode);
/* The mode says all that the list does. */
bool acl_is_minimal(const struct buffer *acl);
/* chmod(2): the list says what the mode does. */
void acl_set_mode(struct buffer *acl, uint32_t mode);
/* A file is made with this mode below a directory with this default list: both
 * keep the permissions that both give. Returns the mode. */
uint32_t acl_narrow(struct buffer *acl, uint32_t mode);

#endif
