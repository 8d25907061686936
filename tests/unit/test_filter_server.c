/* SPDX-License-Identifier: Apache-2.0 */
#include "support_query.h"

#include "cli/filter_priv.h"

#define S(id, rest) "\"server\":{\"id\":\"" id "\",\"key\":\"/usr/bin/python3 /srv/" id ".py uid=0\"" rest "}"
#define SEEN(id, rest) "\"type\":\"server\",\"event\":\"seen\"," S(id, rest)
#define DID(rest) "\"type\":\"effect\",\"kind\":\"file.open\"," rest

static const char *const records[] = {
	/* 0 */ DID("\"pid\":7"), /* before the process began: another's */
	/* 1 */ DID("\"pid\":7"),
	/* 2 */ DID("\"pid\":8"),
	/* 3 */ SEEN("s1", ",\"pid\":7,\"start_ns\":1"),
	/* 4 */ "\"type\":\"request\",\"call\":\"c1\"," S("s1", ",\"pid\":7"),
	/* 5 */ DID("\"pid\":7," S("s1", "")),
	/* 6 */ SEEN("s1", ",\"name\":\"files\",\"pid\":7,\"start_ns\":1"),
	/* 7 */ DID("\"pid\":7"), /* behind its first record: nobody says whose it is */
	/* 8 */ SEEN("s2", ",\"pid\":9,\"start_ns\":8"),
	/* 9 */ SEEN("s2", ",\"name\":\"files\",\"pid\":9,\"start_ns\":8"),
	/* 10 */ SEEN("s1", ",\"name\":\"other\",\"pid\":7,\"start_ns\":1"),
	/* 11 */ SEEN("s3", ",\"pid\":11,\"start_ns\":9"),
	/* 12 */ DID("\"pid\":9,\"server\":\"s2\""),
	/* 13 */ "\"type\":\"gap\",\"reason\":\"x\"",
	/* 14 */ SEEN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""),
	/* 15 */ "\"type\":\"server\",\"server\":{\"id\":7,\"pid\":\"x\",\"start_ns\":-1}",
	NULL,
};

static int learn(void *arg, const struct mw_logrec *rec)
{
	return mw_filter_learn(arg, rec);
}

static void expect(const char *name, const char *want)
{
	const struct query_option options[] = { { MW_FILTER_SERVER, name }, { 0 } };
	struct mw_filter f = { 0 };
	char path[32], got[256] = "";
	struct mw_logread *l;
	struct mw_logrec rec;
	bool all = false;
	size_t n = 0;

	query_filter(&f, options);
	l = query_open(records, path);
	assert_int_equal(mw_logread_servers(l, learn, &f, &all), 0);
	assert_true(all);
	while (mw_logread_next(l, &rec) == 1)
		if (mw_filter_match(&f, &rec, NULL, NULL))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%d", n ? " " : "",
					      (int)rec.seq);
	if (strcmp(got, want) != 0)
		fail_msg("%s: '%s', not '%s'", name, got, want);
	assert_int_equal(mw_filter_missed(&f), 0);
	mw_logread_free(l);
	mw_filter_done(&f);
	unlink(path);
}

/* By a name that is said later, by either of two, of two servers that have one. */
static void test_by_name(void **state)
{
	expect("files", "1 3 4 5 6 8 9 10 12");
	expect("other", "1 3 4 5 6 10");
	expect("s2", "8 9 12");
	/* what lines show of it as long as it has no name; of one that never has one always */
	expect("s1.py", "3 4 5");
	expect("s3.py", "11");
	expect("!files", "0 2 7 11 13 14 15");
	expect("nobody", "");
}

static void part(const char *ere, const char *want)
{
	const struct mw_slice got = mw_filter_part(ere);

	if (!mw_slice_eq_str(got, want))
		fail_msg("%s: '%.*s', not '%s'", ere, (int)got.n, (const char *)got.p, want);
}

/* What must stand in a match; nothing rather than too much. */
static void test_part(void **state)
{
	part("plain text", "plain text");
	part("file-1[0-9]*7\\.c", "file-1");
	part("ab?cde", "cde");
	part("abc*", "ab");
	part("abc+de", "abc");
	part("abcx+?d", "abc");
	part("abcd{0}e", "abc");
	part("a(bcd)?ef", "ef");
	part("(a[)]b(c)d)*xy", "xy");
	part("abc|d", "");
	part("[]abc]x[^]y]zz", "zz");
	part("[[:alpha:]]q", "q");
	part("a\\wbcd", "bcd");
	part("^begin$", "begin");
	part(".*", "");
	part("", "");
	part("[", "");
	part("(", "");
	part("a{", "");
	part("\\", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
