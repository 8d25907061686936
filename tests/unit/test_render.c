/* SPDX-License-Identifier: Apache-2.0 */
/* records as lines for people (render.c) */
#include "support.h"

#include <cjson/cJSON.h>

#include "io/escape.h"
#include "io/render.h"

#define HEAD "{\"time\":\"2026-11-21T10:00:00.000000000Z\",\"type\":"

/* The line of a record, behind its time. */
static void expect(const char *record, const char *want)
{
	struct mw_line line = { 0 };
	cJSON *rec = cJSON_Parse(record);
	const char *text;

	assert_non_null(rec);
	assert_int_equal(mw_render_record(&line, rec, false), want != NULL);
	if (want) {
		text = strstr(line.p, "  ");
		assert_non_null(text);
		assert_string_equal(text + 2, want);
	}
	mw_line_done(&line);
	cJSON_Delete(rec);
}

#define CALL HEAD "\"call\",\"server\":{\"name\":\"s\"},\"tool\":\"t\",\"status\":\"ok\",\"elapsed_ms\":1.5,"

static void how_a_call_came(void **state)
{
	expect(CALL "\"transport\":\"stdio\"}", "s  t  ok  1.5 ms");
	expect(CALL "\"transport\":\"http\",\"http\":{\"method\":\"POST\",\"status\":200}}",
	       "s  t  ok  1.5 ms  by http");
	expect(CALL "\"transport\":\"sse\",\"http\":{\"method\":\"POST\",\"status\":404}}",
	       "s  t  ok  1.5 ms  by sse 404");
	expect(CALL "\"transport\":\"http\",\"http\":{\"method\":\"POST\"},\"hops\":[{\"pid\":1,\"exe\":"
		    "\"/usr/bin/mcp-proxy\"},{\"pid\":2},{\"pid\":3,\"exe\":\"cat\"}]}",
	       "s  t  ok  1.5 ms  by http  via mcp-proxy  via unknown  via cat");
	expect(CALL "\"rounds\":[{\"rpc_id\":\"1\"},{\"rpc_id\":\"2\"}]}", "s  t  ok  1.5 ms  in 2 rounds");
	expect(CALL "\"rounds\":[{}],\"rounds_n\":99}", "s  t  ok  1.5 ms  in 99 rounds");
	/* what is no record of ours does not break it */
	expect(CALL "\"transport\":1,\"http\":[],\"hops\":{},\"rounds\":\"x\"}", "s  t  ok  1.5 ms");
	expect(CALL "\"transport\":\"\\u001b[31m\",\"hops\":[{\"exe\":\"/\\u001b\"}]}",
	       "s  t  ok  1.5 ms  by \\x1b[31m  via \\x1b");
}

static void gaps(void **state)
{
	expect(HEAD "\"gap\",\"reason\":\"restarted\",\"where\":\"mcpwatch\",\"from\":"
		    "\"2026-11-21T09:59:58.000000000Z\",\"to\":\"2026-11-21T10:00:00.500000000Z\"}",
	       "GAP  restarted  mcpwatch  nothing was watched for 2.50 s");
	expect(HEAD "\"gap\",\"reason\":\"restarted\",\"from\":\"x\",\"to\":\"y\"}", "GAP  restarted");
	expect(HEAD "\"gap\",\"reason\":\"table_full\",\"where\":\"channels\",\"events\":3,\"from\":"
		    "\"2026-11-21T09:59:58.000000000Z\",\"to\":\"2026-11-21T10:00:00.500000000Z\"}",
	       "GAP  table_full  channels  3 events missing");
	expect(HEAD "\"body\"}", NULL);
}

#define ALERT HEAD "\"alert\",\"rule\":\"secret.read\",\"title\":\"T\","

static void alerts(void **state)
{
	struct mw_line line = { .colour = true };
	cJSON *rec = cJSON_Parse(ALERT "\"severity\":\"high\"}");

	expect(ALERT "\"severity\":\"low\",\"calls\":[\"c1\"],\"server\":{\"name\":\"s\"},"
		     "\"tool\":\"t\",\"targets\":[\"/a\",\"/b\"],\"count\":1}",
	       "ALERT  low  secret.read  T  s  t  /a  /b  call c1");
	expect(ALERT "\"severity\":\"high\",\"calls\":[\"c1\",\"c2\",\"c3\"],\"count\":7}",
	       "ALERT  high  secret.read  T  (7 times)  call c1, +2");
	expect(ALERT "\"severity\":\"medium\",\"tool\":\"\\u001b[2J\",\"targets\":[\"/x\\ny\",3]}",
	       "ALERT  medium  secret.read  T  \\x1b[2J  /x\\ny");
	expect(ALERT "\"severity\":1,\"calls\":{},\"targets\":\"x\",\"count\":\"2\"}",
	       "ALERT  secret.read  T");
	assert_true(mw_render_record(&line, rec, false));
	assert_non_null(strstr(line.p, "  \x1b[1;31mhigh\x1b[0m  "));
	mw_line_done(&line);
	cJSON_Delete(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_a_call_came),
		cmocka_unit_test(gaps),
		cmocka_unit_test(alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
