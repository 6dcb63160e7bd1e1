/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/readahead.h"

static bool is_sequential(const struct io_stream *stream, uint64_t offset)
{
	uint64_t low =
		stream->next_offset > READAHEAD_SLACK ? stream->next_offset - READAHEAD_SLACK : 0;

	return offset >= low && offset <= stream->next_offset + READAHEAD_SLACK;
}

static void restart(struct io_stream *stream, uint64_t offset, uint64_t length)
{
	stream->window = READAHEAD_WINDOW_MIN;
	stream->ahead_until = offset + length;
	stream->next_offset = offset + length;
}

bool readahead_note(struct io_stream *stream, uint64_t offset, uint64_t length, uint64_t size,
		    uint64_t *from, uint64_t *until)
{
	uint64_t end = offset + length;

	if (!stream->window)
		stream->window = READAHEAD_WINDOW_MIN;
	if (!is_sequential(stream, offset)) {
		restart(stream, offset, length);
		return false;
	}
	if (end > stream->next_offset)
		stream->next_offset = end;
	if (stream->ahead_until < end)
		stream->ahead_until = end;
	/* Half of the window is still ahead of the reader: not yet. */
	if (stream->ahead_until - end > stream->window / 2 || stream->ahead_until >= size)
		return false;
	*from = stream->ahead_until;
	*until = end + stream->window;
	if (*until > size)
		*until = size;
	if (*until <= *from)
		return false;
	stream->ahead_until = *until;
	if (stream->window < READAHEAD_WINDOW_MAX)
		stream->window *= 2;
	return true;
}
