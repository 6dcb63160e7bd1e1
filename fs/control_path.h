/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths in the control protocol. JSON is UTF-8, names on Linux are any bytes:
 * a path that is not valid UTF-8 is {"hex": "<its bytes>"} instead of a string.
 */
#ifndef DRAY_FS_CONTROL_PATH_H
#define DRAY_FS_CONTROL_PATH_H

#include <jansson.h>

/* A new reference. */
json_t *path_to_json(const char *path);
/* The caller frees it. NULL: not a path in either form. */
char *path_from_json(const json_t *json);

#endif
