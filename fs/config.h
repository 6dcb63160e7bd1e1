/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mount was told: the URL, the mount point, and the options of
 * config_options.h.
 */
#ifndef DRAY_FS_CONFIG_H
#define DRAY_FS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/base/buffer.h"
#include "backend/base/clock.h"
#include "fs/config_options.h"

#define MOUNT_FIELD_TEXT     char *
#define MOUNT_FIELD_SIZE     uint64_t
#define MOUNT_FIELD_DURATION int64_t
#define MOUNT_FIELD_NUMBER   int64_t
#define MOUNT_FIELD_OCTAL    int64_t
#define MOUNT_FIELD_CHOICE   int64_t
#define MOUNT_FIELD_FLAG     bool

struct mount_conf {
	const char *url;	/* not owned */
	const char *mountpoint; /* not owned */
#define X(field, kind, name, default_value, min, max, argument, help) MOUNT_FIELD_##kind field;
	MOUNT_OPTIONS(X)
#undef X
	struct buffer kernel; /* options for the kernel: "noatime,suid", no NUL */
};

/* Fills in the defaults; mount_conf_release() ends it. */
void mount_conf_init(struct mount_conf *conf);
void mount_conf_release(struct mount_conf *conf);

/*
 * Sets one option; value is NULL when none was given. What is set last
 * counts. Returns 0, or -ERR_bad_option with a sentence that names it.
 */
int mount_conf_set(struct mount_conf *conf, const char *name, const char *value);

/* Sets what a list says: "cache-size=20G,ro"; "\," is a comma in a value. */
int mount_conf_parse(struct mount_conf *conf, const char *options);

/* Sets what a list for a mount that is there says ("remount,cache-size=20G");
 * -ERR_bad_option for an option that only a new mount can have. */
int mount_conf_change(struct mount_conf *conf, const char *options);

/* The table as text for --help, and as mdoc(7) for the manual page. */
void mount_options_print_help(FILE *out);
void mount_options_print_mdoc(FILE *out);

#endif
