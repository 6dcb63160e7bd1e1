/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/readahead.h"

#include <stddef.h>

/* Reads in between that a trusted stream outlives. */
#define TRUSTED_PATIENCE 64

static bool is_trusted(const struct readahead_stream *stream)
{
	return stream->grown >= READAHEAD_TRUST;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* How far from its edge a read may be: the longer the run, the farther. */
static uint64_t slack_of(const struct readahead_stream *stream)
{
	uint64_t length = stream->high - stream->low;

	if (is_trusted(stream) || length > READAHEAD_SLACK)
		return READAHEAD_SLACK;
	return length > READAHEAD_NEAR ? length : READAHEAD_NEAR;
}

/* A long run goes on as it went. */
static bool may_grow(const struct readahead_stream *stream, enum readahead_direction direction)
{
	return stream->direction == direction || !is_trusted(stream) ||
	       stream->high - stream->low <= 2 * READAHEAD_SLACK;
}

/* Does a read of [offset, end) belong to the stream? */
static bool belongs(const struct readahead_stream *stream, uint64_t offset, uint64_t end)
{
	uint64_t slack = slack_of(stream);

	if (!stream->used)
		return false;
	if (offset < stream->low)
		return may_grow(stream, READAHEAD_BACKWARD) && stream->low <= end + slack;
	if (distance(offset, stream->high) <= slack)
		return may_grow(stream, READAHEAD_FORWARD);
	/* Within the last block of a program that goes backward. */
	return stream->direction == READAHEAD_BACKWARD && offset - stream->low <= slack;
}

static struct readahead_stream *find(struct readahead *readahead, uint64_t offset, uint64_t end)
{
	unsigned int i;

	for (i = 0; i < READAHEAD_STREAMS; i++)
		if (belongs(&readahead->streams[i], offset, end))
			return &readahead->streams[i];
	return NULL;
}

static uint32_t age(const struct readahead *readahead, const struct readahead_stream *stream)
{
	uint32_t reads = readahead->reads - stream->used;

	if (!stream->used)
		return UINT32_MAX;
	return is_trusted(stream) && reads <= TRUSTED_PATIENCE ? 0 : reads;
}

static struct readahead_stream *replace(struct readahead *readahead)
{
	struct readahead_stream *oldest = &readahead->streams[0];
	unsigned int i;

	for (i = 1; i < READAHEAD_STREAMS; i++)
		if (age(readahead, &readahead->streams[i]) > age(readahead, oldest))
			oldest = &readahead->streams[i];
	return oldest;
}

static void turn(struct readahead_stream *stream, enum readahead_direction direction)
{
	stream->direction = (uint8_t)direction;
	stream->grown = 0;
	stream->window = READAHEAD_WINDOW_MIN;
	stream->asked = direction == READAHEAD_FORWARD ? stream->high : stream->low;
}

static void grow(struct readahead_stream *stream, enum readahead_direction direction)
{
	if (stream->direction != direction)
		turn(stream, direction);
	if (!is_trusted(stream))
		stream->grown++;
}

static void begin(struct readahead_stream *stream, uint64_t offset, uint64_t end)
{
	stream->low = offset;
	stream->high = end;
	turn(stream, READAHEAD_FORWARD);
	if (!offset)
		stream->grown = READAHEAD_TRUST;
}

static void extend(struct readahead_stream *stream, uint64_t offset, uint64_t end)
{
	if (end > stream->high) {
		grow(stream, READAHEAD_FORWARD);
		stream->high = end;
	}
	if (offset < stream->low) {
		grow(stream, READAHEAD_BACKWARD);
		stream->low = offset;
	}
}

static bool wish_forward(struct readahead_stream *stream, uint64_t size, uint64_t room,
			 struct readahead_wish *wish)
{
	uint64_t until = stream->high + stream->window;

	if (stream->asked < stream->high)
		stream->asked = stream->high;
	/* Half of the window is still ahead of the reader: not yet. */
	if (stream->asked - stream->high > stream->window / 2)
		return false;
	if (until > size)
		until = size;
	if (until > stream->asked + room)
		until = stream->asked + room;
	if (until <= stream->asked)
		return false;
	wish->from = stream->asked;
	wish->until = until;
	stream->asked = until;
	return true;
}

static bool wish_backward(struct readahead_stream *stream, uint64_t room,
			  struct readahead_wish *wish)
{
	uint64_t from = stream->low > stream->window ? stream->low - stream->window : 0;

	if (stream->asked > stream->low)
		stream->asked = stream->low;
	if (stream->low - stream->asked > stream->window / 2)
		return false;
	if (stream->asked > room && from < stream->asked - room)
		from = stream->asked - room;
	if (from >= stream->asked)
		return false;
	wish->from = from;
	wish->until = stream->asked;
	stream->asked = from;
	return true;
}

bool readahead_note(struct readahead *readahead, uint64_t offset, uint64_t length, uint64_t size,
		    uint64_t room, struct readahead_wish *wish)
{
	uint64_t end = offset + length;
	struct readahead_stream *stream;
	bool wished;

	if (++readahead->reads == UINT32_MAX)
		*readahead = (struct readahead){ .reads = 1 };
	stream = find(readahead, offset, end);
	if (stream) {
		extend(stream, offset, end);
	} else {
		stream = replace(readahead);
		begin(stream, offset, end);
	}
	stream->used = readahead->reads;
	if (!is_trusted(stream) || room < READAHEAD_WINDOW_MIN)
		return false;
	if (stream->direction == READAHEAD_FORWARD)
		wished = wish_forward(stream, size, room, wish);
	else
		wished = wish_backward(stream, room, wish);
	if (wished && stream->window < READAHEAD_WINDOW_MAX)
		stream->window *= 2;
	return wished;
}
