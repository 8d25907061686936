/* SPDX-License-Identifier: Apache-2.0 */
#include "support_query.h"

#define S1 "\"server\":{\"id\":\"s1\",\"key\":\"k\"}"
#define S2 "\"server\":{\"id\":\"s2\",\"key\":\"k2\"}"
#define REQUEST(call, tool) \
	"\"type\":\"request\",\"call\":\"" call "\"," S1 ",\"method\":\"tools/call\",\"tool\":\"" tool "\""
#define EFFECT(rest) "\"type\":\"effect\",\"kind\":\"file.open\"," S1 "," rest
#define SHARED(target) \
	EFFECT("\"target\":\"" target "\",\"link\":\"shared\",\"confidence\":\"shared\",\"candidates\":[\"c1\",\"c2\"]")
#define SOLE(call, target) \
	EFFECT("\"target\":\"" target "\",\"call\":\"" call "\",\"link\":\"argument\",\"confidence\":\"likely\"")
#define ENTRY(seq, target) \
	"{\"kind\":\"file.open\",\"target\":\"" target "\",\"seqs\":[" seq "],\"n\":1,\"link\":\"causal\",\"confidence\":\"certain\"}"
#define CALL(call, tool, status, effects) \
	"\"type\":\"call\",\"call\":\"" call "\"," S1 ",\"tool\":\"" tool "\",\"status\":\"" status \
	"\",\"effects\":[" effects "],\"effects_n\":1"

static const char *const shown[] = { "call", "effect", "alert", "gap", "anomaly", NULL };

static void put(char *got, size_t size, const struct mw_joined *item)
{
	static const char *const states[] = { "own", "settled", "undone", "open" };
	size_t n = strlen(got);

	n += (size_t)snprintf(got + n, size - n, "%s%d", n ? " " : "", (int)item->rec.seq);
	if (strcmp(item->rec.type, "effect") != 0)
		return;
	snprintf(got + n, size - n, ":%s:%.*s:%s", states[item->tie], (int)item->facts.call.n,
		 (const char *)item->facts.call.p ? (const char *)item->facts.call.p : "",
		 item->link);
}

/* What comes out, in order; `|` where a flush was needed for the rest. */
static void expect_of(const char *const *records, const struct query_option *options,
		      const char *want)
{
	struct mw_filter f = { 0 };
	struct mw_joined item;
	struct mw_logread *l;
	struct mw_logrec rec;
	struct mw_join *j;
	char path[32], got[512] = "";

	query_filter(&f, options);
	l = query_open(records, path);
	assert_int_equal(mw_join_new(&f, shown, &j), 0);
	while (mw_logread_next(l, &rec) == 1) {
		assert_int_equal(mw_join_push(j, &rec), 0);
		while (mw_join_next(j, &item))
			put(got, sizeof(got), &item);
	}
	strcat(got, " |");
	mw_join_flush(j);
	while (mw_join_next(j, &item))
		put(got, sizeof(got), &item);
	if (strcmp(got, want) != 0)
		fail_msg("%s: '%s', not '%s'", mw_filter_text(&f), got, want);
	mw_join_free(j);
	mw_logread_free(l);
	mw_filter_done(&f);
	unlink(path);
}

static const struct query_option nothing[] = { { 0 } };
#define EXPECT(records, want, ...) \
	expect_of(records, (const struct query_option[]){ __VA_ARGS__, { 0 } }, want)

static const char *const two_calls[] = {
	/* 0 */ REQUEST("c1", "a"),
	/* 1 */ REQUEST("c2", "b"),
	/* 2 */ SHARED("/x"),
	/* 3 */ SOLE("c1", "/y"),
	/* 4 */ EFFECT("\"target\":\"/z\",\"call\":\"c1\",\"link\":\"causal\",\"confidence\":\"certain\""),
	/* 5 */ EFFECT("\"target\":\"/n\",\"link\":\"none\",\"confidence\":\"none\""),
	/* 6 */ SOLE("c1", "/gone"),
	/* 7 */ CALL("c1", "a", "ok", ENTRY("4", "/z")),
	/* 8 */ "\"type\":\"ties\",\"call\":\"c1\",\"part\":1,\"of\":1,\"effects\":[" ENTRY("2", "/x") "]",
	/* 9 */ "\"type\":\"gap\",\"reason\":\"r\"",
	/* 10 */ CALL("c2", "b", "tool_error", ENTRY("3", "/y")),
	/* 11 */ SOLE("c2", "/late"),
	NULL,
};

static void test_settled(void **state)
{
	/* named by one call, another's in the end; shared, and one's; no call's any more */
	expect_of(two_calls, nothing,
		  "2:settled:c1:causal 3:settled:c2:causal 4:own:c1:causal 5:own::none "
		  "6:undone::argument 7 9 10 11:own:c2:argument |");
}

static void test_by_call(void **state)
{
	EXPECT(two_calls, "2:settled:c1:causal 4:own:c1:causal 7 |", { MW_FILTER_TOOL, "a" });
	EXPECT(two_calls, "3:settled:c2:causal 10 11:own:c2:argument |", { MW_FILTER_TOOL, "b" });
	/* what named it first is said, with the word that it is not its own */
	EXPECT(two_calls, "2:settled:c1:causal 4:own:c1:causal 6:undone::argument 7 |",
	       { MW_FILTER_CALL, "c1" });
	EXPECT(two_calls, "3:settled:c2:causal 10 11:own:c2:argument |",
	       { MW_FILTER_STATUS, "*_error" });
	EXPECT(two_calls, "3:settled:c2:causal 10 |", { MW_FILTER_TARGET, "/y" });
	/* its ties say so, or an effect's own record does */
	EXPECT(two_calls, "7 |", { MW_FILTER_TARGET, "/x" }, { MW_FILTER_TYPE, "call" });
}

static void test_matched_by_name(void **state)
{
	static const char *const records[] = {
		REQUEST("c1", "a"),
		"\"type\":\"effect\",\"kind\":\"net.connect\"," S1 ",\"target\":\"192.0.2.7:443\",\"name\":"
		"\"api.example.com\",\"call\":\"c1\",\"link\":\"causal\",\"confidence\":\"certain\"",
		"\"type\":\"call\",\"call\":\"c1\"," S1 ",\"tool\":\"a\",\"status\":\"ok\",\"effects\":[{\"kind\":"
		"\"net.connect\",\"target\":\"192.0.2.7:443\",\"seqs\":[1],\"n\":1,\"link\":\"causal\"}],\"effects_n\":1",
		CALL("c2", "b", "ok", ""),
		NULL,
	};

	/* the call's own record has the address only */
	EXPECT(records, "1:settled:c1:causal 2 |", { MW_FILTER_TARGET, "api.example.com" });
	EXPECT(records, "2 |", { MW_FILTER_TARGET, "*.example.com" }, { MW_FILTER_TYPE, "call" });
}

static void test_open(void **state)
{
	static const char *const records[] = {
		REQUEST("c1", "a"),
		SOLE("c1", "/x"),
		"\"type\":\"gap\",\"reason\":\"r\"",
		"\"type\":\"effect\",\"kind\":\"file.open\"," S2 ",\"link\":\"sole\",\"confidence\":\"likely\",\"call\":\"c9\"",
		NULL,
	};

	static const char *const certain[] = {
		REQUEST("c1", "a"),
		EFFECT("\"call\":\"c1\",\"link\":\"causal\",\"confidence\":\"certain\""),
		NULL,
	};

	/* nothing goes before what waits; what no record settles says so */
	expect_of(records, nothing, " | 1:open:c1:argument 2 3:own:c9:sole");
	/* what is certain does not wait, and is not open for that */
	expect_of(certain, nothing, "1:own:c1:causal |");
}

/* Another server's calls settle nothing here. */
static void test_other_server(void **state)
{
	static const char *const records[] = {
		"\"type\":\"request\",\"call\":\"c9\"," S2 ",\"tool\":\"long\"",
		REQUEST("c1", "a"),
		SOLE("c1", "/x"),
		CALL("c1", "a", "ok", ENTRY("2", "/x")),
		"\"type\":\"gap\",\"reason\":\"r\"",
		NULL,
	};

	expect_of(records, nothing, "2:settled:c1:causal 3 4 |");
}

/* An entry that stands for more than it names: of the others each keeps its own word. A call that was
 * never settled. */
static void test_folded_and_lost(void **state)
{
	static const char *const records[] = {
		REQUEST("c1", "a"),
		SOLE("c1", "/x"),
		SOLE("c1", "/x"),
		EFFECT("\"target\":\"/x\",\"call\":\"c1\",\"link\":\"response\",\"confidence\":\"likely\""),
		"\"type\":\"call\",\"call\":\"c1\"," S1 ",\"status\":\"ok\",\"effects\":[{\"kind\":\"file.open\",\"target\":"
		"\"/x\",\"seqs\":[1],\"n\":3,\"link\":\"response\",\"confidence\":\"likely\"}],\"effects_n\":3",
		REQUEST("c2", "a"),
		SOLE("c2", "/y"),
		"\"type\":\"call\",\"call\":\"c2\"," S1 ",\"status\":\"lost\"",
		"\"type\":\"gap\",\"reason\":\"r\"",
		NULL,
	};

	expect_of(records, nothing,
		  "1:settled:c1:response 2:own:c1:argument 3:settled:c1:response 4 6:own:c2:argument 7 8 |");
}

/* What is not a record of ours does no harm. */
static void test_odd(void **state)
{
	static const char *const records[] = {
		"\"type\":\"call\",\"call\":7,\"effects\":{}",
		"\"type\":\"call\",\"call\":\"c1\",\"effects\":[1,{\"seqs\":7,\"link\":1},{\"seqs\":[\"x\",-1,1e9,"
		"99999999999999999999],\"link\":\"y\"}],\"effects_n\":1",
		"\"type\":\"effect\",\"call\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"link\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"server\":[]",
		"\"type\":\"effect\"",
		"\"type\":\"ties\",\"effects\":[[]]",
		"\"type\":\"gap\"",
		NULL,
	};

	expect_of(records, nothing, "0 1 2:own:: 3:own:: 5 |");
}

/* More than may wait goes out, in order. */
static void test_bound(void **state)
{
	struct mw_filter f = { 0 };
	char line[512];
	struct mw_logrec_member members[4];
	struct mw_logrec rec = { .file = "f", .line = line };
	struct mw_joined item;
	struct mw_join *j;
	uint64_t next = 1;

	assert_int_equal(mw_join_new(&f, NULL, &j), 0);
	snprintf(line, sizeof(line), "{\"call\":\"c1\",\"server\":\"s1\"}");
	members[0] = (struct mw_logrec_member){ mw_slice(line + 2, 4), mw_slice(line + 8, 4) };
	members[1] = (struct mw_logrec_member){ mw_slice(line + 14, 6), mw_slice(line + 22, 4) };
	rec.len = strlen(line);
	rec.type = "request";
	rec.members = members;
	rec.n_members = 2;
	assert_int_equal(mw_join_push(j, &rec), 0);
	assert_true(mw_join_next(j, &item));
	snprintf(line, sizeof(line),
		 "{\"call\":\"c1\",\"server\":\"s1\",\"link\":\"sole\",\"confidence\":\"likely\"}");
	members[2] = (struct mw_logrec_member){ mw_slice(line + 28, 4), mw_slice(line + 34, 6) };
	members[3] = (struct mw_logrec_member){ mw_slice(line + 42, 10), mw_slice(line + 54, 8) };
	rec.len = strlen(line);
	rec.type = "effect";
	rec.n_members = 4;
	for (rec.seq = 1; rec.seq <= MW_JOIN_SPAN + 100; rec.seq++) {
		assert_int_equal(mw_join_push(j, &rec), 0);
		while (mw_join_next(j, &item)) {
			assert_int_equal(item.rec.seq, next++);
			assert_int_equal(item.tie, MW_TIE_OPEN);
		}
	}
	assert_int_equal(next, 100);
	mw_join_free(j);
	mw_filter_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled),	     cmocka_unit_test(test_by_call),
		cmocka_unit_test(test_matched_by_name), cmocka_unit_test(test_open),
		cmocka_unit_test(test_other_server), cmocka_unit_test(test_folded_and_lost),
		cmocka_unit_test(test_odd),	     cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
