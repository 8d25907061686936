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

/* The row of a record, in so many columns; its time is cut off. */
static void row(unsigned int width, const char *record, const struct mw_render_row *how,
		const char *want)
{
	struct mw_line line = { .max_cols = width };
	cJSON *rec = cJSON_Parse(record);

	assert_non_null(rec);
	assert_true(mw_render_row(&line, rec, how));
	assert_string_equal(line.p, want);
	mw_line_done(&line);
	cJSON_Delete(rec);
}

#define EFFECT HEAD "\"effect\",\"server\":{\"name\":\"s\"},\"kind\":\"file.delete\",\"target\":" \
		    "\"/srv/www/html/index.html\",\"result\":\"ok\",\"call\":\"c1\",\"link\":\"sole\",\"confidence\":\"likely\"}"

static void rows(void **state)
{
	const struct mw_render_row settled = { .call = "c2", .link = "causal", .confidence = "certain",
					       .tool = "clean" };
	const struct mw_render_row undone = { .undone = true }, open = { .open = true };

	setenv("TZ", "UTC", 1);
	row(0, EFFECT, NULL,
	    "2026-11-21 10:00:00.000  ~c1              s             file.delete         ok          "
	    "/srv/www/html/index.html  (sole, likely)");
	row(0, EFFECT, &settled,
	    "2026-11-21 10:00:00.000   c2              s             file.delete         ok          "
	    "/srv/www/html/index.html  clean  (causal, certain)");
	row(0, EFFECT, &undone,
	    "2026-11-21 10:00:00.000                   s             file.delete         ok          "
	    "/srv/www/html/index.html  (first tied to c1, not any more at its end)");
	row(0, EFFECT, &open,
	    "2026-11-21 10:00:00.000  ?c1              s             file.delete         ok          "
	    "/srv/www/html/index.html  (sole, likely; its call has not ended)");
	/* the end of a path is what stays of it */
	row(80, EFFECT, NULL,
	    "10:00:00  ~c1              s           file.delete   ok  /srv/ww…tml/index.html…");
	row(40, EFFECT, NULL, "10:00:00  file.delete  ok  /srv…ex.html…");
	row(20, EFFECT, NULL, "10:00  file.delete …");
	row(5, EFFECT, NULL, "10:0…");
	row(1, EFFECT, NULL, "…");
	row(0, CALL "\"call\":\"c1\",\"alerts\":[\"r\"],\"evidence\":\"one_sided\"}", NULL,
	    "2026-11-21 10:00:00.000   c1              s             t                   ok            1.5 ms"
	    "  ! r  [one_sided]");
	row(0,
	    ALERT
	    "\"severity\":\"low\",\"calls\":[\"c1\",\"c2\"],\"targets\":[\"/a\"],\"count\":3}",
	    NULL,
	    "2026-11-21 10:00:00.000   c1                            ALERT               low       "
	    "  "
	    "secret.read  T  /a  (3 times)  and 1 more call");
	row(0, HEAD "\"weather\",\"what\":\"rain\"}", NULL,
	    "2026-11-21 10:00:00.000                                 weather                         rain");
	/* what is no record of ours does not break it */
	row(0, HEAD "\"effect\",\"target\":7,\"call\":{},\"link\":[],\"candidates\":7}", NULL,
	    "2026-11-21 10:00:00.000");
	row(0, HEAD "\"call\",\"call\":\"\\u001b[2J\",\"tool\":\"\\u202egnp\",\"elapsed_ms\":\"x\"}", NULL,
	    "2026-11-21 10:00:00.000   \\x1b[2J                       \\u{202e}gnp");
}

static void widths(void **state)
{
	static const unsigned int all[] = { 1, 2, 7, 12, 20, 36, 40, 56, 76, 80, 100, 130, 200 };
	static const char *const records[] = {
		EFFECT,
		HEAD "\"effect\",\"kind\":\"日本日本日本日本\",\"target\":\"/日本/日本日本日本日本日本日本日本/é\",\"link\":"
		     "\"shared\",\"candidates\":[\"a\",\"b\",\"c\"]}",
		CALL "\"effects\":[{\"kind\":\"file.delete\",\"target\":\"/日本日本日本日本日本日本日本日本日本日本\\u001b\\u001b\"}]}",
		ALERT "\"severity\":\"high\",\"tool\":\"ééééééééééééééééééééééééééééé\"}",
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
			struct mw_line line = { .max_cols = all[k] };
			cJSON *rec = cJSON_Parse(records[i]);

			assert_true(mw_render_row(&line, rec, NULL));
			if (line.cols > all[k])
				fail_msg("%u columns in %u: %s", line.cols, all[k], line.p);
			mw_line_done(&line);
			cJSON_Delete(rec);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_a_call_came),
		cmocka_unit_test(gaps),
		cmocka_unit_test(alerts),
		cmocka_unit_test(rows),
		cmocka_unit_test(widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
