/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of a volume's objects, relative to the prefix of its URL.
 *
 *	volume                          written once: format and parameters
 *	writer/<epoch>                  who may write
 *	lease/<epoch>                   liveness and floor, advice only
 *	log/<seq>                       commits, contiguous
 *	pack/<shard>/<epoch>-<id>       packs of chunks
 *	meta/<epoch>-<id>               parts of commits and runs of checkpoints
 *	root/<seq>                      checkpoints: the state as of log/<seq>
 *
 * Numbers are 16 lower-case hex digits, so that byte order is numeric order.
 * An id is 32 hex digits; the shard is its first two, which spreads the packs
 * over 256 prefixes. A name is given to one object only, ever.
 */
#ifndef DRAY_OBJECT_NAME_H
#define DRAY_OBJECT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/id.h"

/* Longer than any name, with its NUL. */
#define OBJECT_NAME_SIZE 64

#define OBJECT_NAME_VOLUME   "volume"
#define OBJECT_PREFIX_WRITER "writer/"
#define OBJECT_PREFIX_LEASE  "lease/"
#define OBJECT_PREFIX_LOG    "log/"
#define OBJECT_PREFIX_PACK   "pack/"
#define OBJECT_PREFIX_META   "meta/"
#define OBJECT_PREFIX_ROOT   "root/"

enum object_kind {
	OBJECT_INVALID = 0,
	OBJECT_VOLUME,
	OBJECT_WRITER,
	OBJECT_LEASE,
	OBJECT_LOG,
	OBJECT_PACK,
	OBJECT_META,
	OBJECT_ROOT,
};

/* A name taken apart; the fields that the kind lacks are zero. */
struct object_name {
	enum object_kind kind;
	uint64_t number; /* epoch of writer, lease, pack, meta; seq of log, root */
	struct id id;	 /* pack, meta */
};

/* Each writes the name and its NUL. */
void object_name_writer(uint64_t epoch, char text[OBJECT_NAME_SIZE]);
void object_name_lease(uint64_t epoch, char text[OBJECT_NAME_SIZE]);
void object_name_log(uint64_t seq, char text[OBJECT_NAME_SIZE]);
void object_name_pack(uint64_t epoch, const struct id *id, char text[OBJECT_NAME_SIZE]);
void object_name_meta(uint64_t epoch, const struct id *id, char text[OBJECT_NAME_SIZE]);
void object_name_root(uint64_t seq, char text[OBJECT_NAME_SIZE]);
/* The name of any kind but OBJECT_INVALID. */
void object_name_format(const struct object_name *name, char text[OBJECT_NAME_SIZE]);

/*
 * Takes a name apart. False (and kind OBJECT_INVALID) unless the text is what
 * object_name_format() writes, to the letter.
 */
bool object_name_parse(const char *text, struct object_name *out);

#endif
