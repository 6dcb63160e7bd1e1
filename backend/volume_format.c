/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/volume_format.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/codec.h"

/* Longer than any text value but the name. */
#define TEXT_SIZE 64

void volume_params_init(struct volume_params *params)
{
	memset(params, 0, sizeof(*params));
	params->chunker.size_min = CHUNKER_SIZE_MIN_DEFAULT;
	params->chunker.size_average = CHUNKER_SIZE_AVERAGE_DEFAULT;
	params->chunker.size_max = CHUNKER_SIZE_MAX_DEFAULT;
	params->pack_bytes = VOLUME_PACK_BYTES_DEFAULT;
	params->zstd_level = VOLUME_ZSTD_LEVEL_DEFAULT;
}

/* At least one character, no control characters. Jansson is the judge of UTF-8:
 * it makes a string of nothing else. */
static bool text_valid(const char *text)
{
	json_t *string = json_string(text);
	bool valid = string && text[0];

	json_decref(string);
	for (; *text && valid; text++)
		valid = (unsigned char)*text >= 0x20 && *text != 0x7f;
	return valid;
}

int volume_params_check(const struct volume_params *params)
{
	if (!text_valid(params->created))
		return err_set(-ERR_bad_option, "a volume needs its time of creation");
	if (!text_valid(params->name))
		return err_set(-ERR_bad_option,
			       "a volume's name is 1 to %d bytes of UTF-8 without control "
			       "characters",
			       VOLUME_NAME_MAX);
	if (!chunker_conf_valid(&params->chunker))
		return err_set(
			-ERR_bad_option,
			"chunk sizes %zu, %zu, %zu: they must ascend, the average be a power "
			"of two, the smallest at least 64 and the largest at most 64 MiB",
			params->chunker.size_min, params->chunker.size_average,
			params->chunker.size_max);
	if (params->pack_bytes < VOLUME_PACK_BYTES_MIN ||
	    params->pack_bytes > VOLUME_PACK_BYTES_MAX)
		return err_set(-ERR_bad_option, "pack size %" PRIu64 ": must be 64 KiB to 512 MiB",
			       params->pack_bytes);
	if (params->zstd_level < CODEC_LEVEL_MIN || params->zstd_level > CODEC_LEVEL_MAX)
		return err_set(-ERR_bad_option, "zstd level %d: must be %d to %d",
			       params->zstd_level, CODEC_LEVEL_MIN, CODEC_LEVEL_MAX);
	return 0;
}

void volume_encode(const struct volume_params *params, struct buffer *out)
{
	char uuid[UUID_TEXT_SIZE];
	char key[2 * VOLUME_HASH_KEY_BYTES + 1];
	json_t *root;
	char *text;

	assert(volume_params_check(params) == 0);
	id_to_uuid(&params->uuid, uuid);
	hex_encode(params->name_hash_key, VOLUME_HASH_KEY_BYTES, key);
	root = json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:s, s:n}", "drayfs", "volume",
		"format", VOLUME_FORMAT_VERSION, "uuid", uuid, "name", params->name, "created",
		params->created, "chunk_min", (json_int_t)params->chunker.size_min, "chunk_average",
		(json_int_t)params->chunker.size_average, "chunk_max",
		(json_int_t)params->chunker.size_max, "pack_bytes", (json_int_t)params->pack_bytes,
		"zstd_level", params->zstd_level, "name_hash_key", key, "encryption");
	text = root ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
	if (!text)
		abort(); /* out of memory, as in xmalloc() */
	buffer_put_text(out, text);
	buffer_put_u8(out, '\n');
	free(text);
	json_decref(root);
}

static int corrupt(const char *why)
{
	return err_set(-ERR_volume_corrupt, "the object \"volume\" is damaged: %s", why);
}

static int missing(const char *key)
{
	return err_set(-ERR_volume_corrupt,
		       "the object \"volume\" is damaged: \"%s\" is missing or not valid", key);
}

/* The string under key, shorter than size; jansson lets no NUL into it. */
static int get_text(const json_t *root, const char *key, char *text, size_t size)
{
	const json_t *value = json_object_get(root, key);
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= size)
		return missing(key);
	memcpy(text, json_string_value(value), length + 1);
	return 0;
}

static int get_integer(const json_t *root, const char *key, int64_t low, int64_t high, int64_t *out)
{
	const json_t *value = json_object_get(root, key);

	if (!json_is_integer(value) || json_integer_value(value) < low ||
	    json_integer_value(value) > high)
		return missing(key);
	*out = json_integer_value(value);
	return 0;
}

static int get_size(const json_t *root, const char *key, size_t *out)
{
	int64_t value;
	int rc = get_integer(root, key, 1, INT32_MAX, &value);

	if (!rc)
		*out = (size_t)value;
	return rc;
}

static int get_identity(const json_t *root, struct volume_params *out)
{
	char text[TEXT_SIZE];

	if (get_text(root, "uuid", text, sizeof(text)) || !id_from_uuid(&out->uuid, text))
		return missing("uuid");
	if (get_text(root, "name_hash_key", text, sizeof(text)) ||
	    !hex_decode(text, out->name_hash_key, VOLUME_HASH_KEY_BYTES))
		return missing("name_hash_key");
	if (get_text(root, "name", out->name, sizeof(out->name)))
		return missing("name");
	return get_text(root, "created", out->created, sizeof(out->created));
}

static int get_sizes(const json_t *root, struct volume_params *out)
{
	size_t pack_bytes = 0;
	int64_t level = 0;
	int rc;

	rc = get_size(root, "chunk_min", &out->chunker.size_min);
	if (!rc)
		rc = get_size(root, "chunk_average", &out->chunker.size_average);
	if (!rc)
		rc = get_size(root, "chunk_max", &out->chunker.size_max);
	if (!rc)
		rc = get_size(root, "pack_bytes", &pack_bytes);
	if (!rc)
		rc = get_integer(root, "zstd_level", CODEC_LEVEL_MIN, CODEC_LEVEL_MAX, &level);
	out->pack_bytes = pack_bytes;
	out->zstd_level = (int)level;
	return rc;
}

/* That it is a volume, in a format which we understand. */
static int check_format(const json_t *root)
{
	char text[TEXT_SIZE];
	int64_t format = 0;
	const json_t *encryption = json_object_get(root, "encryption");

	if (!json_is_object(root) || get_text(root, "drayfs", text, sizeof(text)) ||
	    strcmp(text, "volume") != 0)
		return corrupt("it does not describe a volume of drayfs");
	if (get_integer(root, "format", 1, INT64_MAX, &format))
		return missing("format");
	if (format > VOLUME_FORMAT_VERSION)
		return err_set(-ERR_format_newer,
			       "the volume has format %" PRId64
			       ": written by a newer drayfs: upgrade",
			       format);
	if (!encryption)
		return missing("encryption");
	if (!json_is_null(encryption))
		return err_set(-ERR_format_newer,
			       "the volume is encrypted, which this drayfs cannot read: upgrade");
	return 0;
}

static int decode_json(const json_t *root, struct volume_params *out)
{
	int rc = check_format(root);
	char *why;

	if (!rc)
		rc = get_identity(root, out);
	if (!rc)
		rc = get_sizes(root, out);
	if (rc || volume_params_check(out) == 0)
		return rc;
	why = xstrdup(err_message(-ERR_bad_option));
	rc = corrupt(why);
	free(why);
	return rc;
}

int volume_decode(const void *bytes, size_t length, struct volume_params *out)
{
	json_error_t error;
	json_t *root;
	int rc;

	memset(out, 0, sizeof(*out));
	if (length > VOLUME_OBJECT_MAX)
		return corrupt("it is too long");
	root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_set(-ERR_volume_corrupt,
			       "the object \"volume\" is damaged: not JSON at line %d: %s",
			       error.line, error.text);
	rc = decode_json(root, out);
	json_decref(root);
	return rc;
}
