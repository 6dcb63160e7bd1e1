/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/codec.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

/* One thread's contexts: making one costs more than compressing a small chunk. */
struct contexts {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
};

static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static void contexts_free(void *arg)
{
	struct contexts *contexts = arg;

	ZSTD_freeCCtx(contexts->compress);
	ZSTD_freeDCtx(contexts->decompress);
	free(contexts);
}

static void contexts_key_create(void)
{
	int rc = pthread_key_create(&contexts_key, contexts_free);

	assert(rc == 0);
	(void)rc;
}

static struct contexts *contexts_get(void)
{
	struct contexts *contexts;

	pthread_once(&contexts_once, contexts_key_create);
	contexts = pthread_getspecific(contexts_key);
	if (contexts)
		return contexts;
	contexts = xmalloc(sizeof(*contexts));
	contexts->compress = ZSTD_createCCtx();
	contexts->decompress = ZSTD_createDCtx();
	if (!contexts->compress || !contexts->decompress ||
	    pthread_setspecific(contexts_key, contexts) != 0)
		abort(); /* out of memory, as in xmalloc() */
	return contexts;
}

const char *codec_name(enum codec codec)
{
	switch (codec) {
	case CODEC_RAW:
		return "raw";
	case CODEC_ZSTD:
		return "zstd";
	case CODEC_INVALID:
		break;
	}
	return "unknown";
}

void codec_encode(int level, const void *in, size_t in_length, struct buffer *out,
		  enum codec *codec_out)
{
	/* zstd gives up by itself when the result outgrows this */
	size_t limit = in_length - (in_length + 49) / 50;
	size_t got;

	assert(level >= CODEC_LEVEL_MIN && level <= CODEC_LEVEL_MAX);
	buffer_reserve(out, in_length + 1);
	got = ZSTD_compressCCtx(contexts_get()->compress, out->data + out->length, limit, in,
				in_length, level);
	if (!ZSTD_isError(got)) {
		out->length += got;
		*codec_out = CODEC_ZSTD;
		return;
	}
	buffer_append(out, in, in_length);
	*codec_out = CODEC_RAW;
}

static int decode_zstd(const void *in, size_t in_length, size_t raw_length, struct buffer *out)
{
	size_t got;

	/* Both are cheap and come before the allocation: the frame's own
	 * claim, and that nothing follows the frame. */
	if (ZSTD_getFrameContentSize(in, in_length) != raw_length ||
	    ZSTD_findFrameCompressedSize(in, in_length) != in_length)
		return -EBADMSG;
	buffer_reserve(out, raw_length + 1);
	got = ZSTD_decompressDCtx(contexts_get()->decompress, out->data + out->length, raw_length,
				  in, in_length);
	if (got != raw_length)
		return -EBADMSG;
	out->length += raw_length;
	return 0;
}

int codec_decode(enum codec codec, const void *in, size_t in_length, size_t raw_length,
		 struct buffer *out)
{
	switch (codec) {
	case CODEC_RAW:
		if (in_length != raw_length)
			return -EBADMSG;
		buffer_append(out, in, in_length);
		return 0;
	case CODEC_ZSTD:
		return decode_zstd(in, in_length, raw_length, out);
	case CODEC_INVALID:
		break;
	}
	return -EBADMSG;
}
