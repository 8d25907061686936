/* SPDX-License-Identifier: Apache-2.0 */
/* one line of a trail: formats, fields, times; arguments and targets held against the host's */
#include "support.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "io/heap.h"
#include "io/trail_args.h"
#include "io/trail_line.h"
#include "io/trail_target.h"

#define S(x) mw_slice_str(x)

static const int64_t second = 1000000000;

static struct mw_trail_parser *parser(const char *preset)
{
	struct mw_trail_parser *p;

	assert_int_equal(mw_trail_parser_new(mw_trail_preset(preset), &p), 0);
	return p;
}

static void check_slice(struct mw_slice s, const char *want)
{
	if (!mw_slice_eq_str(s, want))
		fail_msg("'%.*s', expected '%s'", (int)s.n, (const char *)s.p, want);
}

static int parse(struct mw_trail_parser *p, const char *line, struct mw_trail_entry *e)
{
	const char *why = NULL;
	size_t at = SIZE_MAX;
	int r = mw_trail_parse(p, S(line), &why, &at, e);

	if (r < 0) {
		assert_non_null(why);
		assert_true(at <= strlen(line));
	}
	return r;
}

static void test_python_json(void **state)
{
	struct mw_trail_parser *p = parser("python-json");
	struct mw_trail_entry e;

	/* python-json-logger */
	assert_int_equal(
	    parse(p,
		  "{\"asctime\": \"2026-11-21 19:08:06,535\", \"levelname\": \"INFO\", \"name\": \"audit\", "
		  "\"filename\": \"server.py\", \"message\": \"tool called\", \"request_id\": \"3\", "
		  "\"tool\": \"read_file\", \"arguments\": {\"path\": \"/a\\u00e4\", \"n\": 1.0}, "
		  "\"user\": \"bob\", \"target\": \"/a\\u00e4\", \"outcome\": \"ok\"}",
		  &e),
	    0);
	assert_true(e.is_call && e.has_time);
	check_slice(e.id, "3");
	check_slice(e.tool, "read_file");
	check_slice(e.args, "{\"n\":1,\"path\":\"/aä\"}");
	check_slice(e.user, "bob");
	assert_int_equal(e.n_targets, 1);
	check_slice(e.target[0], "/aä");
	assert_int_equal(e.outcome, MW_TRAIL_OK);
	/* structlog */
	assert_int_equal(parse(p,
			       "{\"event\":\"tool\",\"timestamp\":\"2026-11-21T19:08:06.5Z\",\"level\":"
			       "\"info\",\"tool_name\":\"x\",\"request_id\":3,\"error\":null}",
			       &e),
			 0);
	check_slice(e.id, "3");
	check_slice(e.tool, "x");
	assert_true(e.time_ns % second == second / 2);
	assert_int_equal(e.outcome, MW_TRAIL_UNSAID);
	/* nested, dotted, and JSON in the message */
	assert_int_equal(parse(p, "{\"extra\":{\"tool\":\"a\",\"request_id\":7}}", &e), 0);
	check_slice(e.tool, "a");
	check_slice(e.id, "7");
	assert_false(e.has_time);
	assert_int_equal(parse(p, "{\"mcp.tool.name\":\"b\",\"mcp\":{\"tool\":{\"name\":\"c\"}}}", &e), -EBADMSG);
	assert_int_equal(parse(p, "{\"mcp.tool.name\":\"b\",\"mcp.request.id\":\"9\"}", &e), 0);
	check_slice(e.tool, "b");
	assert_int_equal(parse(p, "{\"message\":\"{\\\"tool\\\":\\\"d\\\",\\\"id\\\":4,\\\"args\\\":{}}\"}", &e), 0);
	check_slice(e.tool, "d");
	check_slice(e.id, "4");
	check_slice(e.args, "{}");
	/* not a call; nothing of it is kept */
	assert_int_equal(parse(p, "{\"message\":\"starting\",\"request_id\":1}", &e), 0);
	assert_false(e.is_call || e.id.n);
	mw_trail_parser_free(p);
}

static void test_other_presets(void **state)
{
	struct mw_trail_entry e;
	struct mw_trail_parser *p = parser("pino");

	assert_int_equal(parse(p,
			       "{\"level\":30,\"time\":1763715600123,\"pid\":7,\"hostname\":\"h\",\"req\":{"
			       "\"id\":5},\"tool\":\"x\",\"args\":{\"a\":1},\"err\":{\"type\":\"Error\"},"
			       "\"msg\":\"done\"}",
			       &e),
			 0);
	assert_int_equal(e.time_ns, 1763715600123000000);
	check_slice(e.id, "5");
	assert_int_equal(e.outcome, MW_TRAIL_ERROR);
	mw_trail_parser_free(p);

	p = parser("logfmt");
	assert_int_equal(parse(p,
			       "time=2026-11-21T19:08:06Z level=info msg=\"a \\\"b\\\" \\u00e4\" tool=x id=5 "
			       "args=\"{\\\"a\\\":1}\" path=/a/b success=false flag",
			       &e),
			 0);
	check_slice(e.tool, "x");
	check_slice(e.args, "{\"a\":1}");
	check_slice(e.target[0], "/a/b");
	assert_int_equal(e.outcome, MW_TRAIL_ERROR);
	for (const char *const *bad = (const char *const[]){ "=x", "a=\"b", "a=b\"c", "a=\"b\"c", "\"a\"=b",
							     "a=\"\\", NULL };
	     *bad; bad++)
		assert_int_equal(parse(p, *bad, &e), -EBADMSG);
	mw_trail_parser_free(p);

	p = parser("mcpwatch");
	assert_int_equal(parse(p,
			       "{\"v\":1,\"seq\":5,\"type\":\"call\",\"dir\":\"c2s\",\"rpc_id\":\"\\\"a\\\"\","
			       "\"method\":\"tools/call\",\"tool\":\"x\",\"status\":\"tool_error\",\"begin\":"
			       "\"2026-11-21T18:46:10.355697962Z\",\"effects\":[{\"kind\":\"file.open\","
			       "\"target\":\"/a\"},{\"n\":1},{\"target\":\"/b\"}]}",
			       &e),
			 0);
	check_slice(e.id, "a");
	assert_int_equal(e.n_targets, 2);
	check_slice(e.target[1], "/b");
	assert_int_equal(e.outcome, MW_TRAIL_ERROR);
	assert_int_equal(parse(p, "{\"v\":1,\"type\":\"call\",\"dir\":\"s2c\",\"method\":\"tools/call\",\"tool\":\"x\"}", &e), 0);
	assert_false(e.is_call);
	assert_int_equal(parse(p, "{\"v\":2,\"type\":\"call\"}", &e), -EPROTONOSUPPORT);
	assert_int_equal(parse(p, "{\"type\":\"call\"}", &e), -EBADMSG);
	mw_trail_parser_free(p);
}

static void test_guess(void **state)
{
	static const struct {
		const char *line, *name;
	} rows[] = {
		{ "{\"v\":1,\"seq\":0,\"time\":\"x\",\"boot_ns\":1}", "mcpwatch" },
		{ "{\"level\":30,\"time\":1763715600123,\"pid\":7}", "pino" },
		{ "{\"message\":\"x\"}", "python-json" },
		{ "ts=1 tool=x", "logfmt" },
		{ "hello world", NULL },
		{ "[1,2]", NULL },
		{ "\x7f" "ELF", NULL },
		{ "=", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mw_trail_map *m = mw_trail_guess(S(rows[i].line));

		if (rows[i].name)
			assert_string_equal(m ? m->name : "(none)", rows[i].name);
		else
			assert_null(m);
	}
	assert_null(mw_trail_preset("xml"));
}

static void test_hostile_lines(void **state)
{
	struct mw_trail_parser *p = parser("json");
	struct mw_trail_entry e, was;
	char *deep;

	memset(&e, 0x55, sizeof(e));
	memcpy(&was, &e, sizeof(e));
	/* readers differ on which of two counts */
	assert_int_equal(parse(p, "{\"tool\":\"a\",\"tool\":\"b\"}", &e), -EBADMSG);
	assert_int_equal(parse(p, "{\"tool\":\"a\",\"t\\u006fol\":\"b\"}", &e), -EBADMSG);
	assert_int_equal(parse(p, "{\"extra\":{\"tool\":\"a\",\"tool\":\"b\"}}", &e), -EBADMSG);
	for (const char *const *bad =
		 (const char *const[]){ "", "[]", "1", "{", "{}x", "{\"a\"}", "{\"tool\":\"x\",}", "{'a':1}",
					"{\"tool\":\"x\",\"time\":\"yesterday\"}", "\xef\xbb\xbf{}", "{\"a\":\"\x01\"}",
					NULL };
	     *bad; bad++)
		assert_int_equal(parse(p, *bad, &e), -EBADMSG);
	deep = malloc(600000);
	snprintf(deep, 600000, "{\"a\":%0*d", 200000, 0);
	memset(deep + 5, '[', 200000);
	assert_int_equal(parse(p, deep, &e), -E2BIG);
	free(deep);
	assert_memory_equal(&e, &was, sizeof(e));
	/* arguments that cannot be known are none */
	assert_int_equal(parse(p, "{\"tool\":\"x\",\"args\":{\"a\":1,\"a\":2}}", &e), 0);
	assert_int_equal(e.args.n, 0);
	assert_int_equal(parse(p, "{\"tool\":\"x\",\"args\":\"('a', 1)\",\"target\":[\"/a\",{},7,\"\",\"/b\"]}", &e), 0);
	assert_int_equal(e.args.n, 0);
	assert_int_equal(e.n_targets, 2);
	mw_trail_parser_free(p);
}

static void test_many_targets(void **state)
{
	struct mw_trail_parser *p = parser("json");
	char line[4096] = "{\"tool\":\"x\",\"targets\":[\"/0\"";
	struct mw_trail_entry e;
	size_t n = strlen(line);

	for (int i = 1; i < 100; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, ",\"/%d\"", i);
	snprintf(line + n, sizeof(line) - n, "]}");
	assert_int_equal(parse(p, line, &e), 0);
	assert_int_equal(e.n_targets, MW_TRAIL_TARGETS);
	assert_true(e.more_targets);
	mw_trail_parser_free(p);
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: none */
	} rows[] = {
		{ "2026-11-21T18:46:10Z", 1795286770000000000 },
		{ "2026-11-21T18:46:10.355697962Z", 1795286770355697962 },
		{ "2026-11-21 18:46:10,355Z", 1795286770355000000 },
		{ "2026-11-21T19:46:10+01:00", 1795286770000000000 },
		{ "2026-11-21T19:46:10+0100", 1795286770000000000 },
		{ "2026-11-21T17:46:10-01", 1795286770000000000 },
		{ "2026-11-21 18:46:10 UTC", 1795286770000000000 },
		{ "2026/11/21 20:46:10", 1795286770000000000 }, /* the map's zone: +02:00 */
		{ "1795286770", 1795286770000000000 },
		{ "1795286770.25", 1795286770250000000 },
		{ "1795286770355", 1795286770355000000 },
		{ "1795286770355.5", 1795286770355500000 },
		{ "1795286770355697", 1795286770355697000 },
		{ "1795286770355697962", 1795286770355697962 },
		{ "17952867703556979620", -1 },
		{ "1.7e9", -1 },
		{ "-1795286770", -1 },
		{ "2026-13-21T18:46:10Z", -1 },
		{ "2026-11-21T18:46:10.Z", -1 },
		{ "2026-11-21T18:46:10Zx", -1 },
		{ "2026-11-21", -1 },
		{ "1969-11-21T18:46:10Z", -1 },
		{ "", -1 },
		{ "soon", -1 },
	};
	struct mw_trail_map map = { .zoned = true, .zone_s = 7200 };
	int64_t ns;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int r = mw_trail_time(&map, S(rows[i].text), &ns);

		if (rows[i].ns < 0)
			assert_int_equal(r, -EINVAL);
		else if (r < 0 || ns != rows[i].ns)
			fail_msg("%s: %d, %lld", rows[i].text, r, (long long)ns);
	}
	map.unit_ns = 1000;
	assert_int_equal(mw_trail_time(&map, S("1000000"), &ns), 0);
	assert_int_equal(ns, second);
}

/* --- arguments --- */

static enum mw_trail_rel args(const char *trail, const char *host)
{
	struct mw_buf t, h, scratch;
	enum mw_trail_rel rel;

	mw_buf_init(&t, &mw_heap, 1 << 20);
	mw_buf_init(&h, &mw_heap, 1 << 20);
	mw_buf_init(&scratch, &mw_heap, 1 << 20);
	if (*trail)
		assert_int_equal(mw_json_canonical(S(trail), &t), 0);
	if (*host)
		assert_int_equal(mw_json_canonical(S(host), &h), 0);
	rel = mw_trail_args(mw_buf_slice(&t), mw_buf_slice(&h), mw_trail_marked(mw_buf_slice(&h)),
			    &scratch);
	mw_buf_done(&t);
	mw_buf_done(&h);
	mw_buf_done(&scratch);
	return rel;
}

static void test_args(void **state)
{
	static const struct {
		const char *trail, *host;
		enum mw_trail_rel rel;
	} rows[] = {
		{ "", "{}", MW_REL_UNKNOWN },
		{ "{\"a\":1}", "", MW_REL_UNKNOWN },
		{ "{}", "{}", MW_REL_EQUAL },
		{ "{\"a\":1}", "{}", MW_REL_UNKNOWN },
		{ "{\"b\":2,\"a\":1}", "{\"a\":1.0,\"b\":2}", MW_REL_EQUAL },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1}", MW_REL_EQUAL }, /* a default */
		{ "{\"a\":1}", "{\"a\":1,\"b\":2}", MW_REL_UNLIKE }, /* one is left out */
		{ "{\"a\":2}", "{\"a\":1}", MW_REL_UNLIKE },
		{ "{\"a\":5}", "{\"a\":\"5\"}", MW_REL_EQUAL },
		{ "{\"a\":null}", "{\"a\":0}", MW_REL_UNLIKE },
		{ "{\"a\":[1,{\"b\":2}]}", "{\"a\":[1,{\"b\":2}]}", MW_REL_EQUAL },
		{ "{\"a\":[1,2,3]}", "{\"a\":[1,2]}", MW_REL_UNLIKE },
		{ "{\"a\":[1]}", "{\"a\":[1,2]}", MW_REL_UNLIKE },
		{ "{\"a\":{\"b\":1}}", "{\"a\":1}", MW_REL_UNLIKE },
		{ "{\"a\":1}", "{\"a\":{\"b\":1}}", MW_REL_UNLIKE },
		/* redacted by the host */
		{ "{\"password\":\"x\"}", "{\"password\":\"[REDACTED:key:1:abc]\"}", MW_REL_UNKNOWN },
		{ "{\"password\":{\"a\":1}}", "{\"password\":\"[REDACTED:key:7]\"}", MW_REL_UNKNOWN },
		{ "{\"u\":\"b\",\"password\":\"x\"}", "{\"u\":\"b\",\"password\":\"[REDACTED:key:1]\"}",
		  MW_REL_EQUAL },
		{ "{\"u\":\"c\",\"password\":\"x\"}", "{\"u\":\"b\",\"password\":\"[REDACTED:key:1]\"}",
		  MW_REL_UNLIKE },
		{ "{\"a\":1,\"t\":\"https://u:pw@h/?q=1\"}",
		  "{\"a\":1,\"t\":\"https://[REDACTED:url:4]@h/?q=1\"}", MW_REL_EQUAL },
		{ "{\"a\":1,\"t\":\"https://u:pw@h/?q=2\"}",
		  "{\"a\":1,\"t\":\"https://[REDACTED:url:4]@h/?q=1\"}", MW_REL_UNLIKE },
		{ "{\"a\":1,\"t\":\"0123456789\"}", "{\"a\":1,\"t\":\"0123[CUT:10]\"}", MW_REL_EQUAL },
		{ "{\"a\":1,\"t\":\"x123456789\"}", "{\"a\":1,\"t\":\"0123[CUT:10]\"}", MW_REL_UNLIKE },
		{ "{\"a\":1,\"t\":\"a\\\"b\"}", "{\"a\":1,\"t\":\"a[REDACTED:x:1]b\"}", MW_REL_EQUAL },
		/* and by the server */
		{ "{\"u\":\"b\",\"pin\":\"****\"}", "{\"u\":\"b\",\"pin\":\"1234\"}", MW_REL_EQUAL },
		{ "{\"u\":\"b\",\"pin\":\"<Redacted>\"}", "{\"u\":\"b\",\"pin\":1234}", MW_REL_EQUAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (args(rows[i].trail, rows[i].host) != rows[i].rel)
			fail_msg("%s against %s: %d", rows[i].trail, rows[i].host,
				 args(rows[i].trail, rows[i].host));
}

static void test_fits(void **state)
{
	assert_true(mw_trail_fits(S("a secret b"), S("a [REDACTED:x:6] b")));
	assert_true(mw_trail_fits(S("a  b"), S("a [REDACTED:x:6] b")));
	assert_false(mw_trail_fits(S("a b"), S("a [REDACTED:x:6] b")));
	assert_true(mw_trail_fits(S("1-2-3"), S("[REDACTED:x:1]-[REDACTED:x:1]-[REDACTED:x:1]")));
	assert_false(mw_trail_fits(S("1-2"), S("[REDACTED:x:1]-[REDACTED:x:1]-[REDACTED:x:1]")));
	assert_true(mw_trail_fits(S(""), S("[CUT:5")));
	assert_false(mw_trail_fits(S("ab"), S("a")));
}

/* --- targets --- */

static struct mw_target target(const char *text, struct mw_buf *b)
{
	struct mw_target t;

	b->len = 0;
	assert_int_equal(mw_target_parse(S(text), b, &t), 0);
	return t;
}

static void test_targets(void **state)
{
	static const struct {
		const char *text;
		enum mw_target_form form;
		const char *as, *host;
	} rows[] = {
		{ "/a/./b//c/../d", MW_TARGET_PATH, "/a/b/d", "" },
		{ "file:///a%20b/c", MW_TARGET_PATH, "/a b/c", "" },
		{ "FILE://localhost/a", MW_TARGET_PATH, "/a", "" },
		{ "HTTPS://User:pw@API.Example.com/x/?token=1#f", MW_TARGET_URL,
		  "https://api.example.com:443/x", "api.example.com" },
		{ "http://127.0.0.1:80/", MW_TARGET_URL, "http://127.0.0.1:80", "127.0.0.1" },
		{ "postgresql://h:5432/db", MW_TARGET_URL, "postgresql://h:5432/db", "h" },
		{ "127.0.0.1:9", MW_TARGET_ADDR, "127.0.0.1:9", "127.0.0.1" },
		{ "[::1]:9", MW_TARGET_ADDR, "[::1]:9", "[::1]" },
		{ "invoice.pdf", MW_TARGET_NAME, "invoice.pdf", "" },
		{ "user:4711", MW_TARGET_NAME, "user:4711", "" },
		{ "://", MW_TARGET_NAME, "://", "" },
		{ "http://", MW_TARGET_NAME, "http://", "" },
		{ "", MW_TARGET_NAME, "", "" },
	};
	struct mw_buf b;

	mw_buf_init(&b, &mw_heap, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mw_target t = target(rows[i].text, &b);

		if (t.form != rows[i].form)
			fail_msg("%s: form %d", rows[i].text, t.form);
		check_slice(t.text, rows[i].as);
		check_slice(t.host, rows[i].host);
	}
	mw_buf_done(&b);
	assert_true(mw_target_ends(S("/a/b.txt"), S("b.txt")));
	assert_true(mw_target_ends(S("/a/b.txt"), S("./b.txt")));
	assert_true(mw_target_ends(S("/a/b.txt"), S("a/b.txt")));
	assert_false(mw_target_ends(S("/a/bb.txt"), S("b.txt")));
	assert_false(mw_target_ends(S("/a/b.txt"), S("")));
	assert_true(mw_target_within(S("/a/b"), S("/a")));
	assert_true(mw_target_within(S("/a/b"), S("/")));
	assert_false(mw_target_within(S("/ab"), S("/a")));
	assert_true(mw_target_same_authority(S("localhost:9"), S("127.0.0.1:9")));
	assert_true(mw_target_same_authority(S("[::1]:9"), S("localhost:9")));
	assert_false(mw_target_same_authority(S("localhost:9"), S("127.0.0.1:8")));
	assert_false(mw_target_same_authority(S("localhostx:9"), S("127.0.0.1:9")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_python_json), cmocka_unit_test(test_other_presets),
		cmocka_unit_test(test_guess),	    cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_many_targets), cmocka_unit_test(test_times),
		cmocka_unit_test(test_args),	    cmocka_unit_test(test_fits),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
