/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a segment file: records, one behind the other, from offset 0.
 * Between them may lie bytes of appends that failed; a record is therefore
 * known by its header, which says where it lies. Little-endian.
 *
 *	 0  4  magic "DSEG"
 *	 4  2  format version (2)
 *	 6  1  class: 1 written, 2 fetched
 *	 7  1  reserved (0)
 *	 8  8  number of this segment
 *	16  4  offset of this header in the segment
 *	20  4  length of the data, 1 to 16 MiB
 *	24  8  owner: the inode number, or the chunk id
 *	32  8  offset of the data in the owner (0 for a chunk)
 *	40  4  reserved (0)
 *	44  4  CRC-32C of bytes 0-43
 *	48     pieces, one behind the other
 *
 * A piece is the part of the data between two multiples of 4096 of the offset
 * in the owner. The first and the last piece may be shorter.
 *
 *	 0  4  CRC-32C, see below
 *	 4  2  length of the piece, 1 to 4096
 *	 6  2  reserved (0)
 *	 8     the data
 *
 * The CRC covers first what the piece is, then its data; so a piece can be
 * checked without its header, and a read of whole pages, wherever they are in
 * the record, is one read of neighbouring bytes:
 *
 *	u64 segment, u32 offset of the record, u8 class, u64 owner, u64 offset of
 *	the record's data in the owner, u32 number of the piece in the record,
 *	u16 length of the piece
 */
#ifndef DRAY_CACHE_SEGMENT_FORMAT_H
#define DRAY_CACHE_SEGMENT_FORMAT_H

#define SEGMENT_FORMAT_VERSION 2

#define SEGMENT_MAGIC	    "DSEG"
#define SEGMENT_HEADER_SIZE 48
#define SEGMENT_CRC_SIZE    4
#define SEGMENT_PIECE_HEAD  8
#define SEGMENT_PIECE_BYTES 4096u
#define SEGMENT_DATA_MAX    (16u << 20)
#define SEGMENT_PIECES_MAX  (SEGMENT_DATA_MAX / SEGMENT_PIECE_BYTES + 1)

#endif
