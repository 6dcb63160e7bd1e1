/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which order are the small files of a directory being read? Pure.
 *
 *	INO      in the order in which they were made: that of names, when who
 *	         made them did so by name
 *	COOKIE   in that of a listing (readdir)
 *
 * Each has a score: a file that comes behind the last one in that order adds
 * one, another takes two, so several readers at once may disturb it a little.
 * At DIR_ORDER_SURE it is believed, at 0 not any more.
 *
 * While one is believed, the files that come next are wished for: 16 at first,
 * twice as many each time, up to 512, and the next part when the reader has
 * come to the middle of the last one.
 */
#ifndef DRAY_CACHE_DIR_ORDER_H
#define DRAY_CACHE_DIR_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define DIR_ORDER_SURE	    4
#define DIR_ORDER_SCORE_MAX 8
#define DIR_ORDER_FILES_MIN 16
#define DIR_ORDER_FILES_MAX 512
/* Inode numbers that are farther apart do not follow each other. */
#define DIR_ORDER_INO_GAP 256

enum dir_order_kind { DIR_ORDER_NONE, DIR_ORDER_INO, DIR_ORDER_COOKIE };

/* One directory's; zeroed at first. */
struct dir_order {
	uint64_t last_ino;
	uint64_t last_cookie;
	int ino_score;
	int cookie_score;
	enum dir_order_kind kind; /* believed */
	/* Numbers or cookies, as the kind says: */
	uint64_t asked; /* up to which files were wished for */
	uint64_t half;	/* where to wish for more */
	unsigned int files;
	uint64_t known; /* files read or wished for, since the begin of the directory */
	uint64_t read;	/* of these, read */
};

enum dir_order_verdict {
	DIR_ORDER_QUIET,
	DIR_ORDER_WISH,	 /* see struct dir_order_wish; dir_order_asked() must follow */
	DIR_ORDER_WRONG, /* what was wished for is not read after all */
};

/* The files behind `after` in that order. */
struct dir_order_wish {
	enum dir_order_kind kind;
	uint64_t after;
	unsigned int files;
	uint64_t known; /* as many of the directory's have been read or wished for */
};

/* A file is read; cookie 0: not known. */
enum dir_order_verdict dir_order_note(struct dir_order *order, uint64_t ino, uint64_t cookie,
				      struct dir_order_wish *wish);
/* The wish was carried out up to `until` (UINT64_MAX: there are no more), and
 * `half` is the file in the middle of `files`. */
void dir_order_asked(struct dir_order *order, const struct dir_order_wish *wish, uint64_t half,
		     uint64_t until, unsigned int files);

#endif
