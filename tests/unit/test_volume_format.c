/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/volume_format.h"
#include "tests/lib/unit.h"

static const char example[] = "{\"drayfs\": \"volume\", \"format\": 1,"
			      "\"uuid\": \"4f0c8a52-0102-4304-8506-0708090a0b0c\","
			      "\"name\": \"projects\", \"created\": \"2026-11-22T21:52:16.123Z\","
			      "\"chunk_min\": 262144, \"chunk_average\": 1048576,"
			      "\"chunk_max\": 4194304, \"pack_bytes\": 16777216,"
			      "\"zstd_level\": 1,"
			      "\"name_hash_key\": \"00112233445566778899aabbccddeeff\","
			      "\"encryption\": null}";

static struct volume_params some_params(void)
{
	struct volume_params params;

	volume_params_init(&params);
	params.uuid = id_new_uuid();
	snprintf(params.name, sizeof(params.name), "B\xc3\xbc%s", "cher \"2026\"");
	snprintf(params.created, sizeof(params.created), "2026-11-22T21:52:16.123Z");
	params.zstd_level = -3;
	random_bytes(params.name_hash_key, sizeof(params.name_hash_key));
	return params;
}

START_TEST(parameters_come_back_as_they_were)
{
	CLEANUP_BUFFER struct buffer json = BUFFER_INIT;
	struct volume_params params = some_params();
	struct volume_params decoded;

	volume_encode(&params, &json);
	ck_assert_int_eq(volume_decode(json.data, json.length, &decoded), 0);
	ck_assert(id_equal(&decoded.uuid, &params.uuid));
	ck_assert_str_eq(decoded.name, params.name);
	ck_assert_str_eq(decoded.created, params.created);
	ck_assert_mem_eq(&decoded.chunker, &params.chunker, sizeof(params.chunker));
	ck_assert_uint_eq(decoded.pack_bytes, params.pack_bytes);
	ck_assert_int_eq(decoded.zstd_level, params.zstd_level);
	ck_assert_mem_eq(decoded.name_hash_key, params.name_hash_key, VOLUME_HASH_KEY_BYTES);
}
END_TEST

START_TEST(the_documented_example_is_read)
{
	struct volume_params params;
	char uuid[UUID_TEXT_SIZE];

	ck_assert_int_eq(volume_decode(example, strlen(example), &params), 0);
	id_to_uuid(&params.uuid, uuid);
	ck_assert_str_eq(uuid, "4f0c8a52-0102-4304-8506-0708090a0b0c");
	ck_assert_str_eq(params.name, "projects");
	ck_assert_uint_eq(params.chunker.size_min, 262144);
	ck_assert_uint_eq(params.chunker.size_average, 1048576);
	ck_assert_uint_eq(params.chunker.size_max, 4194304);
	ck_assert_uint_eq(params.pack_bytes, 16777216);
	ck_assert_int_eq(params.zstd_level, 1);
	ck_assert_uint_eq(params.name_hash_key[15], 0xff);
}
END_TEST

/* Decodes the example with the first `from` replaced by `to`. */
static int decode_edited(const char *from, const char *to)
{
	CLEANUP_BUFFER struct buffer json = BUFFER_INIT;
	struct volume_params params;
	const char *at = strstr(example, from);

	ck_assert_ptr_nonnull(at);
	buffer_append(&json, example, (size_t)(at - example));
	buffer_put_text(&json, to);
	buffer_put_text(&json, at + strlen(from));
	err_clear();
	return volume_decode(json.data, json.length, &params);
}

START_TEST(a_newer_format_asks_for_an_upgrade)
{
	ck_assert_int_eq(decode_edited("\"format\": 1", "\"format\": 2"), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "upgrade"));
	ck_assert_int_eq(decode_edited("null", "{\"kdf\": \"scrypt\"}"), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "encrypted"));
	/* even when nothing else is as we know it */
	ck_assert_int_eq(decode_edited("\"format\": 1,", "\"format\": 9, \"x\": [],"),
			 -ERR_format_newer);
}
END_TEST

START_TEST(damage_is_named)
{
	static const char *const edits[][2] = {
		{ "{", "" },
		{ "}", "" },
		{ "}", "}}" },
		{ "\"volume\"", "\"pack\"" },
		{ "\"drayfs\"", "\"otherfs\"" },
		{ "\"format\": 1", "\"format\": 0" },
		{ "\"format\": 1", "\"format\": \"1\"" },
		{ "4f0c8a52-", "4f0c8a5-2" },
		{ "\"projects\"", "\"\"" },
		{ "\"projects\"", "\"a\\u0000b\"" },
		{ "\"projects\"", "\"a\\nb\"" },
		{ "\"projects\"", "7" },
		{ "262144", "0" },
		{ "262144", "-1" },
		{ "262144", "262144.0" },
		{ "262144", "99999999999999999999" },
		{ "262144", "4294967296" },
		{ "1048576", "1048577" },
		{ "4194304", "1048576" },
		{ "16777216", "1" },
		{ "\"zstd_level\": 1", "\"zstd_level\": 99" },
		{ "\"zstd_level\": 1", "\"zstd_lvl\": 1" },
		{ "00112233", "0011223" },
		{ "00112233", "0011223x" },
		{ "\"encryption\"", "\"decryption\"" },
		{ "\"name\": \"projects\"", "\"name\": \"a\", \"name\": \"b\"" },
	};
	size_t i;

	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		ck_assert_msg(decode_edited(edits[i][0], edits[i][1]) == -ERR_volume_corrupt,
			      "%s -> %s", edits[i][0], edits[i][1]);
		ck_assert_ptr_nonnull(
			strstr(err_message(-ERR_volume_corrupt), "\"volume\" is damaged: "));
	}
}
END_TEST

START_TEST(unknown_keys_are_ignored)
{
	ck_assert_int_eq(decode_edited("\"format\": 1", "\"format\": 1, \"note\": {}"), 0);
}
END_TEST

START_TEST(an_absurdly_long_object_is_not_parsed)
{
	struct volume_params params;
	char *spaces = xmalloc(VOLUME_OBJECT_MAX + 1);

	memset(spaces, ' ', VOLUME_OBJECT_MAX + 1);
	memcpy(spaces, example, strlen(example));
	ck_assert_int_eq(volume_decode(spaces, VOLUME_OBJECT_MAX, &params), 0);
	ck_assert_int_eq(volume_decode(spaces, VOLUME_OBJECT_MAX + 1, &params),
			 -ERR_volume_corrupt);
	free(spaces);
}
END_TEST

START_TEST(bad_parameters_are_refused_before_they_are_written)
{
	struct volume_params params = some_params();

	ck_assert_int_eq(volume_params_check(&params), 0);
	params.name[0] = '\xff';
	ck_assert_int_eq(volume_params_check(&params), -ERR_bad_option);
	params = some_params();
	params.created[0] = '\0';
	ck_assert_int_eq(volume_params_check(&params), -ERR_bad_option);
	params = some_params();
	params.chunker.size_max = 1;
	ck_assert_int_eq(volume_params_check(&params), -ERR_bad_option);
	params = some_params();
	params.pack_bytes = 1;
	ck_assert_int_eq(volume_params_check(&params), -ERR_bad_option);
	params = some_params();
	params.zstd_level = 20;
	ck_assert_int_eq(volume_params_check(&params), -ERR_bad_option);
}
END_TEST

UNIT_MAIN("volume_format", parameters_come_back_as_they_were, the_documented_example_is_read,
	  a_newer_format_asks_for_an_upgrade, damage_is_named, unknown_keys_are_ignored,
	  an_absurdly_long_object_is_not_parsed, bad_parameters_are_refused_before_they_are_written)
