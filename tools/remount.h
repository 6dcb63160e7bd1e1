/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dray mount -o remount: what can be changed of a mount that is there.
 */
#ifndef DRAY_TOOLS_REMOUNT_H
#define DRAY_TOOLS_REMOUNT_H

#include <stdbool.h>

/* Does a list of mount options ask for it? */
bool remount_is_asked(const char *options);
/*
 * Changes the limits of the cache that the list names ("remount,cache-size=20G")
 * for the gateway that serves this directory; other options are
 * -ERR_bad_option.
 */
int remount_apply(const char *options, const char *directory);

#endif
