/* SPDX-License-Identifier: Apache-2.0 */
#include "support_query.h"

#define SERVER "\"server\":{\"id\":\"s1\",\"key\":\"/usr/bin/python3 /opt/x/files.py uid=0\",\"pid\":7}"

static const char *const records[] = {
	/* 0 */ "\"type\":\"request\",\"call\":\"c1\"," SERVER ",\"method\":\"tools/call\",\"tool\":\"read\"",
	/* 1 */ "\"type\":\"effect\",\"kind\":\"file.open\",\"target\":\"/etc/pass\\u0077d\",\"mode\":\"r\","
		"\"pid\":9,\"tid\":10," SERVER ",\"call\":\"c1\",\"link\":\"sole\",\"confidence\":\"likely\"",
	/* 2 */ "\"type\":\"effect\",\"kind\":\"net.connect\",\"target\":\"192.0.2.7:443\",\"name\":\"api.example.com\","
		"\"pid\":9," SERVER ",\"link\":\"none\",\"confidence\":\"none\"",
	/* 3 */ "\"type\":\"call\",\"call\":\"c1\"," SERVER ",\"principal\":{\"uid\":1000,\"user\":\"alice\","
		"\"unit\":\"agent.service\",\"tokens\":[{\"kind\":\"jwt\",\"sub\":\"auth0|7\"}]},\"session\":\"x1\","
		"\"tool\":\"read\",\"status\":\"ok\",\"effects\":[{\"kind\":\"file.open\",\"target\":\"/etc/passwd\","
		"\"seqs\":[1],\"n\":1},{\"kind\":\"file.delete\",\"target\":\"/srv/b\",\"seqs\":[],\"n\":1}],"
		"\"effects_n\":2,\"alerts\":[\"reads.key\"],\"args_hmac\":\"aa\"",
	/* 4 */ "\"type\":\"call\",\"call\":\"c2\",\"server\":{\"id\":\"s2\",\"name\":\"billing\",\"key\":\"k\"},"
		"\"tool\":\"delete_user\",\"status\":\"tool_error\",\"effects_n\":0",
	/* 5 */ "\"type\":\"alert\",\"rule\":\"reads.key\",\"severity\":\"high\",\"calls\":[\"c1\"],\"targets\":"
		"[\"/etc/passwd\"],\"tool\":\"read\"",
	/* 6 */ "\"type\":\"alert\",\"rule\":\"other\",\"severity\":\"low\"",
	/* 7 */ "\"type\":\"gap\",\"reason\":\"events_lost\",\"where\":\"s2c\"",
	/* 8 */ "\"type\":\"weather\",\"sky\":\"blue\"",
	NULL,
};
static const char *const shown[] = { "call", "effect", "alert", "gap", "anomaly", NULL };

/* The numbers of those that pass. */
static void expect(const struct query_option *options, const char *want)
{
	struct mw_filter f = { 0 };
	struct mw_logrec rec;
	struct mw_logread *l;
	char path[32], got[64] = "";
	size_t n = 0;

	query_filter(&f, options);
	l = query_open(records, path);
	while (mw_logread_next(l, &rec) == 1)
		if (mw_filter_match(&f, &rec, shown, NULL))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%d ", (int)rec.seq);
	if (n)
		got[n - 1] = '\0';
	if (strcmp(got, want) != 0)
		fail_msg("%s: '%s', not '%s'", mw_filter_text(&f), got, want);
	mw_logread_free(l);
	mw_filter_done(&f);
	unlink(path);
}

#define EXPECT(want, ...) expect((const struct query_option[]){ __VA_ARGS__, { 0 } }, want)

static void test_each(void **state)
{
	expect((const struct query_option[]){ { 0 } }, "1 2 3 4 5 6 7");
	EXPECT("0 1 2 3 4 5 6 7 8", { MW_FILTER_TYPE, "all" });
	EXPECT("3 4 5 6", { MW_FILTER_TYPE, "call,alert" });
	EXPECT("1 2 5 6 7", { MW_FILTER_TYPE, "!call" });
	EXPECT("0 1 2 3 4 5 6 8", { MW_FILTER_TYPE, "all,!gap" });
	/* a server by what lines call it, its key, its id, its name */
	EXPECT("1 2 3", { MW_FILTER_SERVER, "files.py" });
	EXPECT("1 2 3", { MW_FILTER_SERVER, "/usr/bin/python3*" });
	EXPECT("1 2 3", { MW_FILTER_SERVER, "s1" });
	EXPECT("4", { MW_FILTER_SERVER, "billing" });
	EXPECT("1 2 3 4", { MW_FILTER_SERVER, "billing" }, { MW_FILTER_SERVER, "s1" });
	EXPECT("3 5", { MW_FILTER_TOOL, "read" });
	EXPECT("4", { MW_FILTER_TOOL, "delete_*" });
	/* what is no call's is not of another tool */
	EXPECT("4", { MW_FILTER_TOOL, "!read" });
	EXPECT("4", { MW_FILTER_STATUS, "!ok" });
	EXPECT("", { MW_FILTER_PRINCIPAL, "!alice" });
	EXPECT("1 3", { MW_FILTER_KIND, "file.open" });
	EXPECT("1 2 3", { MW_FILTER_KIND, "file.*" }, { MW_FILTER_KIND, "net.*" });
	/* escapes are no way out */
	EXPECT("1 3 5", { MW_FILTER_TARGET, "/etc/passwd" });
	EXPECT("1 3 5", { MW_FILTER_TARGET, "passwd" });
	EXPECT("2", { MW_FILTER_TARGET, "192.0.2.0/24" });
	EXPECT("2", { MW_FILTER_TARGET, "*.example.com" });
	EXPECT("3", { MW_FILTER_PRINCIPAL, "alice" });
	EXPECT("3", { MW_FILTER_PRINCIPAL, "1000" });
	EXPECT("3", { MW_FILTER_PRINCIPAL, "agent.*" });
	EXPECT("3", { MW_FILTER_PRINCIPAL, "auth0|7" });
	EXPECT("", { MW_FILTER_PRINCIPAL, "bob" });
	EXPECT("3 5", { MW_FILTER_ALERT, "reads.*" });
	EXPECT("5", { MW_FILTER_SEVERITY, "medium" });
	EXPECT("5 6", { MW_FILTER_SEVERITY, "low" });
	EXPECT("", { MW_FILTER_SEVERITY, "critical" });
	EXPECT("3", { MW_FILTER_STATUS, "ok" });
	EXPECT("4", { MW_FILTER_STATUS, "*_error" });
	EXPECT("1 3 5", { MW_FILTER_CALL, "c1" });
	EXPECT("3", { MW_FILTER_SESSION, "x1" });
	EXPECT("1 2 3 4 5 6 7", { MW_FILTER_HOST, "h" });
	EXPECT("", { MW_FILTER_HOST, "other" });
	EXPECT("1 2", { MW_FILTER_PID, "9" });
	EXPECT("1", { MW_FILTER_PID, "10" });
	EXPECT("3", { MW_FILTER_PID, "7" });
	EXPECT("7", { MW_FILTER_GREP, "events_lost" });
	EXPECT("7", { MW_FILTER_GREP, "events_l.st" });
	EXPECT("2 3", { MW_FILTER_SINCE, "2026-11-21T10:00:02Z..2026-11-21T10:00:04Z" });
	EXPECT("6 7", { MW_FILTER_SINCE, "2026-11-21T10:00:06Z" });
	EXPECT("1", { MW_FILTER_UNTIL, "2026-11-21T10:00:02Z" });
	EXPECT("", { MW_FILTER_SINCE, "2030-01-01" });
}

static void test_together(void **state)
{
	EXPECT("3", { MW_FILTER_TOOL, "read" }, { MW_FILTER_TYPE, "call" });
	EXPECT("3", { MW_FILTER_KIND, "file.delete" }, { MW_FILTER_TARGET, "/srv/b" });
	/* of one effect, not of two of a call */
	EXPECT("", { MW_FILTER_KIND, "file.delete" }, { MW_FILTER_TARGET, "/etc/passwd" });
	EXPECT("", { MW_FILTER_TOOL, "read" }, { MW_FILTER_STATUS, "tool_error" });
	EXPECT("1 3", { MW_FILTER_TARGET, "/etc/" }, { MW_FILTER_SERVER, "s1" });
	EXPECT("2 3 4 6 7", { MW_FILTER_TARGET, "!/etc/passwd" });
}

static void test_text(void **state)
{
	struct mw_filter f = { 0 };

	assert_string_equal(mw_filter_text(&f), "");
	query_filter(&f, (const struct query_option[]){ { MW_FILTER_TOOL, "a" },
							{ MW_FILTER_SINCE, "2 hours ago" },
							{ MW_FILTER_GREP, "it's" },
							{ 0 } });
	assert_string_equal(mw_filter_text(&f), "--tool a --since '2 hours ago' --grep 'it'\\''s'");
	mw_filter_done(&f);
}

static void test_refused(void **state)
{
	static const struct query_option bad[] = {
		{ MW_FILTER_SINCE, "soon" },	    { MW_FILTER_SINCE, "..soon" },
		{ MW_FILTER_UNTIL, "" },	    { MW_FILTER_TYPE, "cal" },
		{ MW_FILTER_TYPE, "call," },	    { MW_FILTER_KIND, "file.delet" },
		{ MW_FILTER_KIND, "x.*" },	    { MW_FILTER_STATUS, "okay" },
		{ MW_FILTER_SEVERITY, "hihg" },	    { MW_FILTER_SEVERITY, "" },
		{ MW_FILTER_TARGET, "10.0.0.0/64" }, { MW_FILTER_TOOL, "" },
		{ MW_FILTER_TOOL, "!" },	    { MW_FILTER_PID, "-1" },
		{ MW_FILTER_PID, "x" },		    { MW_FILTER_GREP, "(" },
	};
	struct mw_filter f = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mw_filter_option(&f, "test", bad[i].option, bad[i].value) != MW_EXIT_USAGE)
			fail_msg("%zu: '%s' was taken", i, bad[i].value);
	assert_string_equal(mw_filter_text(&f), "");
	mw_filter_done(&f);
}

/* Between a time and an earlier one there is nothing, whichever is said first. */
static void test_since_after_until(void **state)
{
	static const char *const late = "2026-01-02", *const early = "2026-01-01";

	for (int first = 0; first < 2; first++)
		for (int same = 0; same < 2; same++) {
			struct mw_filter f = { 0 };
			const int option[] = { MW_FILTER_SINCE, MW_FILTER_UNTIL };
			const char *value[] = { late, same ? late : early };

			assert_int_equal(mw_filter_option(&f, "test", option[first], value[first]),
					 0);
			assert_int_equal(
			    mw_filter_option(&f, "test", option[!first], value[!first]),
			    same ? 0 : MW_EXIT_USAGE);
			mw_filter_done(&f);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_since_after_until),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
