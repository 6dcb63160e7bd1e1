/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "fs/control_path.h"
#include "fs/control_request.h"
#include "tests/lib/unit.h"

static struct control_request request;

static void assert_parses(const char *line)
{
	int result = control_request_parse(line, strlen(line), &request);

	ck_assert_msg(result == 0, "%s: %s", line, err_message(result));
}

static void assert_refused(const char *line, const char *sentence)
{
	int result = control_request_parse(line, strlen(line), &request);

	ck_assert_msg(result == -EINVAL, "%s: %d", line, result);
	ck_assert_msg(strstr(err_message(result), sentence) != NULL, "%s: %s", line,
		      err_message(result));
}

START_TEST(each_verb_is_known)
{
	static const struct {
		const char *line;
		enum control_verb verb;
	} cases[] = {
		{ "{\"verb\":\"ping\"}", VERB_PING },
		{ "{\"verb\":\"status\"}", VERB_STATUS },
		{ "{\"verb\":\"sync\"}", VERB_SYNC },
		{ "{\"verb\":\"wait\"}", VERB_WAIT },
		{ "{\"verb\":\"ls\",\"paths\":[\"/\"]}", VERB_LS },
		{ "{\"verb\":\"evict\",\"paths\":[\"/\"]}", VERB_EVICT },
		{ "{\"verb\":\"warm\",\"paths\":[\"/\"]}", VERB_WARM },
		{ "{\"verb\":\"pin\",\"paths\":[\"/\"]}", VERB_PIN },
		{ "{\"verb\":\"unpin\",\"paths\":[\"/\"]}", VERB_UNPIN },
		{ "{\"verb\":\"remount\",\"options\":\"\"}", VERB_REMOUNT },
		{ " { \"verb\" : \"umount\", \"unknown\": [{}] } ", VERB_UMOUNT },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_parses(cases[i].line);
		ck_assert_int_eq(request.verb, cases[i].verb);
		control_request_release(&request);
	}
}
END_TEST

START_TEST(paths_come_as_text_and_as_bytes)
{
	assert_parses("{\"verb\":\"ls\",\"paths\":[\"/a b\",\"/\\u00e4\",{\"hex\":\"2f61ff\"}]}");
	ck_assert_uint_eq(request.path_count, 3);
	ck_assert_str_eq(request.paths[0], "/a b");
	ck_assert_str_eq(request.paths[1], "/\xc3\xa4");
	ck_assert_str_eq(request.paths[2], "/a\xff");
	ck_assert_uint_eq(request.filters, 0);
	control_request_release(&request);
}
END_TEST

START_TEST(filters_add_up)
{
	assert_parses("{\"verb\":\"ls\",\"paths\":[\"/\"],\"filters\":[\"dirty\",\"cached\"]}");
	ck_assert_uint_eq(request.filters, FILTER_DIRTY | FILTER_CACHED);
	control_request_release(&request);
	assert_parses("{\"verb\":\"ls\",\"paths\":[\"/\"],\"filters\":[\"pending\",\"failing\"]}");
	ck_assert_uint_eq(request.filters, FILTER_PENDING | FILTER_FAILING);
	control_request_release(&request);
}
END_TEST

START_TEST(timeouts_are_seconds)
{
	assert_parses("{\"verb\":\"wait\",\"timeout\":1.5}");
	ck_assert_int_eq(request.timeout_ns, 1500 * NS_PER_MS);
	assert_parses("{\"verb\":\"wait\",\"timeout\":0}");
	ck_assert_int_eq(request.timeout_ns, 0);
	assert_parses("{\"verb\":\"wait\"}");
	ck_assert_int_eq(request.timeout_ns, CONTROL_NO_TIMEOUT);
	assert_parses("{\"verb\":\"wait\",\"timeout\":1e300}");
	ck_assert_int_eq(request.timeout_ns, CONTROL_NO_TIMEOUT);
}
END_TEST

START_TEST(malformed_requests_are_refused_with_a_reason)
{
	assert_refused("", "not a line of JSON");
	assert_refused("{\"verb\":\"ping\"", "not a line of JSON");
	assert_refused("{\"verb\":\"ping\"} x", "not a line of JSON");
	assert_refused("[]", "has no \"verb\"");
	assert_refused("{\"verb\":7}", "has no \"verb\"");
	assert_refused("{\"verb\":\"fly\"}", "unknown verb \"fly\"");
	assert_refused("{\"verb\":\"ls\"}", "not a list of paths");
	assert_refused("{\"verb\":\"ls\",\"paths\":[]}", "not a list of paths");
	assert_refused("{\"verb\":\"ls\",\"paths\":\"/\"}", "not a list of paths");
	assert_refused("{\"verb\":\"ls\",\"paths\":[\"/\",\"a\"]}", "path 2 is not an absolute");
	assert_refused("{\"verb\":\"ls\",\"paths\":[7]}", "path 1 is not an absolute path");
	assert_refused("{\"verb\":\"ls\",\"paths\":[{\"hex\":\"2f0\"}]}", "path 1 is not");
	assert_refused("{\"verb\":\"ls\",\"paths\":[{\"hex\":\"2f0041\"}]}", "path 1 is not");
	assert_refused("{\"verb\":\"ls\",\"paths\":[\"/\\u0000\"]}", "not a line of JSON");
	assert_refused("{\"verb\":\"ls\",\"paths\":[\"/\"],\"filters\":[\"big\"]}",
		       "unknown filter \"big\"");
	assert_refused("{\"verb\":\"ls\",\"paths\":[\"/\"],\"filters\":\"dirty\"}", "not a list");
	assert_refused("{\"verb\":\"remount\"}", "not a list of mount options");
	assert_refused("{\"verb\":\"wait\",\"timeout\":-1}", "not a number of seconds");
	assert_refused("{\"verb\":\"wait\",\"timeout\":\"1\"}", "not a number of seconds");
}
END_TEST

START_TEST(a_path_survives_the_way_there_and_back)
{
	static const char *const paths[] = { "/", "/a/b", "/\xc3\xa4", "/\xff\xfe", "/\n\"" };
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		json_t *json = path_to_json(paths[i]);
		char *again = path_from_json(json);

		ck_assert_str_eq(again, paths[i]);
		free(again);
		json_decref(json);
	}
}
END_TEST

UNIT_MAIN("fs_control_request", each_verb_is_known, paths_come_as_text_and_as_bytes, filters_add_up,
	  timeouts_are_seconds, malformed_requests_are_refused_with_a_reason,
	  a_path_survives_the_way_there_and_back)
