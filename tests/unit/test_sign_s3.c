/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published vectors of Signature Version 4: AWS's signing test suite
 * (cases that do not rest on path normalization, which S3 does not do), and
 * the four examples of the S3 documentation, "Signature Calculations for the
 * Authorization Header". Each row is a request and the signature published
 * for it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/sign_s3.h"

#define PAIRS_MAX 8

struct vector {
	const char *name;
	const char *method;
	const char *path; /* before encoding */
	struct sign_s3_pair query[PAIRS_MAX];
	struct sign_s3_pair headers[PAIRS_MAX]; /* host and x-amz-date are added */
	const char *body;
	const char *signature;
};

#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SESSION_TOKEN                                                                              \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmx" \
	"fpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0K" \
	"PkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZb" \
	"qBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

/* clang-format off */
static const struct vector suite_vectors[] = {
	{ "get-vanilla", "GET", "/", {}, {}, "",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-header-key-duplicate", "GET", "/", {},
	  { { "my-header1", "value2" }, { "my-header1", "value2" }, { "my-header1", "value1" } },
	  "",
	  "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "get-header-value-multiline", "GET", "/", {},
	  { { "my-header1", "value1\n  value2\n     value3" } }, "",
	  "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd" },
	{ "get-header-value-order", "GET", "/", {},
	  { { "my-header1", "value4" }, { "my-header1", "value1" },
	    { "my-header1", "value3" }, { "my-header1", "value2" } }, "",
	  "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ "get-header-value-trim", "GET", "/", {},
	  { { "my-header1", " value1" }, { "my-header2", " \"a   b   c\"" } }, "",
	  "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "get-relative-unnormalized", "GET", "/example/..", {}, {}, "",
	  "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282" },
	{ "get-slash-dot-slash-unnormalized", "GET", "/./", {}, {}, "",
	  "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145" },
	{ "get-slashes-unnormalized", "GET", "//example//", {}, {}, "",
	  "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5" },
	{ "get-space-unnormalized", "GET", "/example space/", {}, {}, "",
	  "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ "get-unreserved", "GET", "/" UNRESERVED, {}, {}, "",
	  "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "get-utf8", "GET", "/\341\210\264", {}, {}, "",
	  "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-vanilla-empty-query-key", "GET", "/", { { "Param1", "value1" } }, {}, "",
	  "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ "get-vanilla-query-order-key-case", "GET", "/",
	  { { "Param2", "value2" }, { "Param1", "value1" } }, {}, "",
	  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-query-order-encoded", "GET", "/",
	  { { "Param-3", "Value3" }, { "Param", "Value2" }, { "\341\210\264", "Value1" } }, {}, "",
	  "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
	{ "get-vanilla-query-unreserved", "GET", "/", { { UNRESERVED, UNRESERVED } }, {}, "",
	  "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
	{ "get-vanilla-utf8-query", "GET", "/", { { "\341\210\264", "bar" } }, {}, "",
	  "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
	{ "get-vanilla-with-session-token", "GET", "/", {},
	  { { "x-amz-security-token",
	      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267" } }, "",
	  "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
	{ "post-vanilla", "POST", "/", {}, {}, "",
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "post-vanilla-query", "POST", "/", { { "Param1", "value1" } }, {}, "",
	  "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ "post-header-key-sort", "POST", "/", {}, { { "my-header1", "value1" } }, "",
	  "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ "post-header-value-case", "POST", "/", {}, { { "my-header1", "VALUE1" } }, "",
	  "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
	{ "post-sts-header-before", "POST", "/", {},
	  { { "x-amz-security-token", SESSION_TOKEN } }, "",
	  "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
	{ "post-x-www-form-urlencoded", "POST", "/", {},
	  { { "content-type", "application/x-www-form-urlencoded" }, { "content-length", "13" },
	    { "x-amz-content-sha256",
	      "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e" } },
	  "Param1=value1",
	  "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b" },
};

#define EMPTY_HASH   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME_HASH "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const struct vector s3_vectors[] = {
	{ "GET object, range", "GET", "/test.txt", {},
	  { { "range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY_HASH } }, "",
	  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT object", "PUT", "/test$file.text", {},
	  { { "date", "Fri, 24 May 2013 00:00:00 GMT" },
	    { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
	    { "x-amz-content-sha256", WELCOME_HASH } },
	  "Welcome to Amazon S3.",
	  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET bucket lifecycle", "GET", "/", { { "lifecycle", "" } },
	  { { "x-amz-content-sha256", EMPTY_HASH } }, "",
	  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "GET bucket (list objects)", "GET", "/", { { "prefix", "J" }, { "max-keys", "2" } },
	  { { "x-amz-content-sha256", EMPTY_HASH } }, "",
	  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};
/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct sign_s3_key suite_key = {
	.access_key_id = "AKIDEXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
	.service = "service",
};

static const struct sign_s3_key s3_key = {
	.access_key_id = "AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
	.service = "s3",
};

static size_t count_pairs(const struct sign_s3_pair pairs[PAIRS_MAX])
{
	size_t count = 0;

	while (count < PAIRS_MAX && pairs[count].name)
		count++;
	return count;
}

/* Signs the row's request; the caller frees the header's value. */
static char *authorize(const struct vector *row, const char *host, const char *time,
		       const struct sign_s3_key *key)
{
	CLEANUP_BUFFER struct buffer path = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer query = BUFFER_INIT;
	struct buffer value = BUFFER_INIT;
	struct sign_s3_pair parameters[PAIRS_MAX];
	struct sign_s3_pair headers[PAIRS_MAX + 2];
	size_t count = count_pairs(row->headers);
	struct sign_s3_request request = { .method = row->method };
	size_t length;

	memcpy(parameters, row->query, sizeof(parameters));
	memcpy(headers, row->headers, sizeof(row->headers));
	headers[count++] = (struct sign_s3_pair){ "x-amz-date", time };
	headers[count++] = (struct sign_s3_pair){ "host", host };
	sign_s3_encode_path(&path, row->path);
	buffer_put_u8(&path, '\0');
	sign_s3_encode_query(&query, parameters, count_pairs(row->query));
	buffer_put_u8(&query, '\0');
	request.path = (char *)path.data;
	request.query = (char *)query.data;
	request.headers = headers;
	request.header_count = count;
	request.payload = digest_of(row->body, strlen(row->body));
	sign_s3_authorization(&request, key, time, &value);
	buffer_put_u8(&value, '\0');
	return (char *)buffer_steal(&value, &length);
}

static void assert_signature(const struct vector *row, const char *host, const char *time,
			     const struct sign_s3_key *key)
{
	CLEANUP_FREE char *value = authorize(row, host, time, key);
	const char *signature = strstr(value, "Signature=");

	ck_assert_msg(signature && strcmp(signature + strlen("Signature="), row->signature) == 0,
		      "%s: %s, expected %s", row->name, value, row->signature);
}

START_TEST(the_vectors_of_the_signing_test_suite_hold)
{
	assert_signature(&suite_vectors[_i], "example.amazonaws.com", "20150830T123600Z",
			 &suite_key);
}
END_TEST

START_TEST(the_examples_of_the_s3_documentation_hold)
{
	assert_signature(&s3_vectors[_i], "examplebucket.s3.amazonaws.com", "20130524T000000Z",
			 &s3_key);
}
END_TEST

START_TEST(the_header_names_algorithm_scope_and_signed_headers)
{
	CLEANUP_FREE char *value = authorize(&s3_vectors[0], "examplebucket.s3.amazonaws.com",
					     "20130524T000000Z", &s3_key);

	ck_assert_str_eq(value,
			 "AWS4-HMAC-SHA256 "
			 "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
			 "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature="
			 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}
END_TEST

START_TEST(canonical_request_and_string_to_sign_are_those_of_the_documentation)
{
	static const struct sign_s3_pair headers[] = {
		{ "x-amz-date", "20130524T000000Z" },
		{ "x-amz-content-sha256", EMPTY_HASH },
		{ "host", "examplebucket.s3.amazonaws.com" },
	};
	struct sign_s3_request request = {
		.method = "GET",
		.path = "/",
		.query = "lifecycle=",
		.headers = headers,
		.header_count = ROWS(headers),
		.payload = digest_of("", 0),
	};
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

	sign_s3_canonical_request(&request, &text);
	buffer_put_u8(&text, '\0');
	ck_assert_str_eq((char *)text.data, "GET\n/\nlifecycle=\n"
					    "host:examplebucket.s3.amazonaws.com\n"
					    "x-amz-content-sha256:" EMPTY_HASH "\n"
					    "x-amz-date:20130524T000000Z\n"
					    "\n"
					    "host;x-amz-content-sha256;x-amz-date\n" EMPTY_HASH);
	buffer_clear(&text);
	sign_s3_string_to_sign(&request, &s3_key, "20130524T000000Z", &text);
	buffer_put_u8(&text, '\0');
	ck_assert_str_eq((char *)text.data,
			 "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
			 "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca");
}
END_TEST

START_TEST(header_names_that_prefix_each_other_are_sorted_by_name)
{
	static const struct sign_s3_pair headers[] = {
		{ "x-amz-copy-source-range", "b" },
		{ "x-amz-copy-source", "a" },
		{ "host", "h" },
	};
	struct sign_s3_request request = {
		.method = "PUT",
		.path = "/",
		.query = "",
		.headers = headers,
		.header_count = 3,
		.payload = digest_of("", 0),
	};
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

	sign_s3_canonical_request(&request, &text);
	buffer_put_u8(&text, '\0');
	ck_assert_ptr_nonnull(
		strstr((char *)text.data, "\nx-amz-copy-source:a\nx-amz-copy-source-range:b\n"));
}
END_TEST

START_TEST(every_byte_but_the_unreserved_is_encoded)
{
	struct sign_s3_pair pair = { "a=&b", "/ +*%\x7f\xff" };
	CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

	sign_s3_encode_path(&text, "/a b/!'()*+,;=:@&$~\x01");
	buffer_put_u8(&text, ' ');
	sign_s3_encode_query(&text, &pair, 1);
	buffer_put_u8(&text, '\0');
	ck_assert_str_eq((char *)text.data, "/a%20b/%21%27%28%29%2A%2B%2C%3B%3D%3A%40%26%24~%01 "
					    "a%3D%26b=%2F%20%2B%2A%25%7F%FF");
}
END_TEST

START_TEST(times_are_utc_and_padded)
{
	char text[SIGN_S3_TIME_SIZE];

	sign_s3_format_time(0, text);
	ck_assert_str_eq(text, "19700101T000000Z");
	sign_s3_format_time(1369353600, text);
	ck_assert_str_eq(text, "20130524T000000Z");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sign_s3");
	TCase *tcase = tcase_create("sign_s3");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, the_vectors_of_the_signing_test_suite_hold, 0,
			    ROWS(suite_vectors));
	tcase_add_loop_test(tcase, the_examples_of_the_s3_documentation_hold, 0, ROWS(s3_vectors));
	tcase_add_test(tcase, the_header_names_algorithm_scope_and_signed_headers);
	tcase_add_test(tcase, canonical_request_and_string_to_sign_are_those_of_the_documentation);
	tcase_add_test(tcase, header_names_that_prefix_each_other_are_sorted_by_name);
	tcase_add_test(tcase, every_byte_but_the_unreserved_is_encoded);
	tcase_add_test(tcase, times_are_utc_and_padded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
