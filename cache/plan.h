/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: which bytes of files go into which chunk.
 *
 * Its input are pieces: byte ranges of files that lie in no chunk yet. Pieces
 * of one file that touch each other are a run.
 *
 *	a run of      becomes
 *	>= run_bytes  chunks cut by content (chunker.h), each a candidate of
 *		      deduplication by its digest; read as a stream
 *	less	      a part of a solid chunk: the short runs of all files, in
 *		      the order of inode numbers, up to solid_bytes together;
 *		      a run of >= dedup_bytes is a candidate by itself
 *
 * Short runs come first, then long ones, each in the order of (inode,
 * offset). A piece is told as placed only when all chunks that hold it were
 * handed to store(), so whoever works off its chunks in order may rely on it.
 *
 * A run whose last piece is `open` still grows: its end is not yet the end of
 * its content. A short one is left alone, and a long one is planned up to
 * its last cut that does not depend on where the bytes end today; the rest is
 * left for a later plan, which goes on at that cut. So a file and its copy
 * are cut alike, however slowly each was written. The piece in which the
 * plan ends is then placed in part. (Only a last rest of less than run_bytes
 * is no long run any more, and lies in a solid chunk.)
 *
 * No I/O, clock or threads of its own: bytes come and go by the callbacks.
 */
#ifndef DRAY_CACHE_PLAN_H
#define DRAY_CACHE_PLAN_H

#include "backend/chunker.h"
#include "backend/seal.h"
#include "cache/row_format.h"

#define PLAN_RUN_BYTES_DEFAULT	 (512u << 10)
#define PLAN_SOLID_BYTES_DEFAULT (256u << 10)
#define PLAN_DEDUP_BYTES_DEFAULT 512u

struct plan_conf {
	struct chunker_conf chunker;
	uint32_t run_bytes;
	uint32_t solid_bytes;
	uint32_t dedup_bytes;
	uint64_t bytes_max; /* no chunk of a long run begins behind so many bytes; 0: no limit */
};

struct plan_piece {
	uint64_t ino;
	uint64_t offset; /* in the file */
	uint32_t length; /* 1 to EXTENT_LENGTH_MAX */
	bool open;	 /* more will follow it, soon */
	bool lost;	 /* out: its inode was given up */
	size_t cookie;	 /* the caller's */
};

struct plan_ops {
	/* Bytes [from, from + length) of a piece. An error gives the inode up. */
	int (*read)(void *arg, const struct plan_piece *piece, uint32_t from, uint32_t length,
		    void *bytes);
	/* The inode's bytes cannot be read: code, with its sentence. Non-zero
	 * ends the plan; 0 goes on without the inode. */
	int (*lost)(void *arg, uint64_t ino, int code);
	/* A fresh chunk id. */
	uint64_t (*new_chunk)(void *arg);
	/* Where the same bytes are already (1), or 0; fills digest_out. */
	int (*find)(void *arg, const void *bytes, uint32_t length, struct chunk_digest *digest_out,
		    struct extent_ref *place_out);
	/* These bytes will be at that place of a chunk given to store(). */
	void (*remember)(void *arg, const struct chunk_digest *digest,
			 const struct extent_ref *place);
	/* The bytes of a new chunk. */
	int (*store)(void *arg, uint64_t chunk, const void *bytes, size_t length);
	/* The first `length` bytes of the piece (all, unless the plan ends in
	 * it: open, bytes_max) are at refs, which cover them in order. */
	int (*placed)(void *arg, const struct plan_piece *piece, uint32_t length,
		      const struct extent_ref *refs, unsigned int refs_count);
};

/*
 * Sorts the pieces, which must not overlap (asserted), and plans them all.
 * Returns 0 or the first error of find, store, placed or lost.
 */
int plan_run(const struct plan_conf *conf, struct plan_piece *pieces, size_t count,
	     const struct plan_ops *ops, void *arg);

/* The default sizes with the volume's chunker. */
void plan_conf_init(struct plan_conf *conf, const struct chunker_conf *chunker);

#endif
