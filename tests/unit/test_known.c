/* SPDX-License-Identifier: Apache-2.0 */
#include "support_query.h"

#include "cli/known.h"

#define SERVER(id) "\"server\":{\"id\":\"" id "\",\"key\":\"k\",\"name\":\"files\"}"
#define SEEN(id, event) \
	"\"type\":\"server\",\"event\":\"" event "\"," SERVER(id) ",\"client\":{\"exe\":\"/usr/bin/agent\"}," \
	"\"principal\":{\"uid\":7},\"transport\":\"stdio\",\"tier\":{\"io\":\"clear\",\"link\":[\"go\"]}"
#define CALL(id, ms, status, power) \
	"\"type\":\"call\",\"call\":\"" id "\"," SERVER("s1") ",\"tool\":\"t\",\"status\":\"" status \
	"\",\"elapsed_ms\":" ms ",\"effects\":[],\"effects_n\":0,\"power\":" power
#define TOOL(hash, was) \
	"\"type\":\"tool\"," SERVER("s1") ",\"tool\":\"t\",\"definition\":{\"name\":\"t\",\"n\":1e2},\"hash\":\"" hash "\"" was

static struct mw_known *read_all(const char *const *records, const struct query_option *options)
{
	struct mw_filter f = { 0 };
	struct mw_joined item;
	struct mw_logread *l;
	struct mw_logrec rec;
	struct mw_known *k;
	struct mw_join *j;
	char path[32];

	query_filter(&f, options);
	l = query_open(records, path);
	assert_int_equal(mw_known_new(&k), 0);
	assert_int_equal(mw_join_new(&f, NULL, &j), 0);
	while (mw_logread_next(l, &rec) == 1) {
		mw_known_learn(k, &rec);
		assert_int_equal(mw_join_push(j, &rec), 0);
		while (mw_join_next(j, &item))
			mw_known_count(k, &item);
	}
	mw_join_flush(j);
	while (mw_join_next(j, &item))
		mw_known_count(k, &item);
	mw_join_free(j);
	mw_logread_free(l);
	mw_filter_done(&f);
	unlink(path);
	return k;
}

static const struct query_option nothing[] = { { 0 } };

static void test_server(void **state)
{
	static const char *const records[] = {
		SEEN("s1", "seen"),
		CALL("c1", "1.5", "ok", "{}"),
		SEEN("s1", "gone"),
		SEEN("s2", "seen"),
		"\"type\":\"alert\",\"rule\":\"r\",\"severity\":\"high\"," SERVER("s2"),
		"\"type\":\"gap\",\"reason\":\"r\"," SERVER("s2"),
		NULL,
	};
	struct mw_known *k = read_all(records, nothing);
	const struct mw_known_server *v = k->servers[0];

	/* one server, run twice */
	assert_int_equal(k->n_servers, 1);
	assert_int_equal(v->runs, 2);
	assert_int_equal(v->running, 1);
	assert_int_equal(mw_known_state(v), MW_KNOWN_RUNNING);
	assert_int_equal(v->calls, 1);
	assert_int_equal(v->failed, 0);
	assert_int_equal(v->alerts[2], 1);
	assert_int_equal(v->gaps, 1);
	assert_string_equal(v->clients.p[0].name, "agent");
	assert_string_equal(v->principals.p[0].name, "uid 7");
	assert_int_equal(v->tiers.n, 2);
	mw_known_free(k);
}

static void test_stopped(void **state)
{
	static const char *const records[] = { SEEN("s1", "seen"), "\"type\":\"daemon\",\"event\":\"stop\"", NULL };
	static const char *const gone[] = { SEEN("s1", "seen"), SEEN("s1", "gone"), "\"type\":\"daemon\",\"event\":\"stop\"", NULL };
	struct mw_known *k = read_all(records, nothing);

	/* nobody saw its end */
	assert_int_equal(mw_known_state(k->servers[0]), MW_KNOWN_UNWATCHED);
	mw_known_free(k);
	k = read_all(gone, nothing);
	assert_int_equal(mw_known_state(k->servers[0]), MW_KNOWN_GONE);
	mw_known_free(k);
}

static void test_tool(void **state)
{
	static const char *const records[] = {
		TOOL("aa", ",\"annotations\":{\"readOnlyHint\":true}"),
		"\"type\":\"request\",\"call\":\"c1\"," SERVER("s1") ",\"tool\":\"t\"",
		"\"type\":\"effect\",\"kind\":\"file.open\",\"mode\":\"w+create\",\"target\":\"/w\"," SERVER("s1")
		",\"call\":\"c1\",\"link\":\"causal\",\"confidence\":\"certain\"",
		"\"type\":\"effect\",\"kind\":\"file.open\",\"mode\":\"r\",\"target\":\"/r\",\"n\":3," SERVER("s1")
		",\"call\":\"c1\",\"link\":\"sole\",\"confidence\":\"likely\"",
		"\"type\":\"effect\",\"kind\":\"net.connect\",\"target\":\"[::1]:80\"," SERVER("s1")
		",\"call\":\"c1\",\"link\":\"causal\",\"confidence\":\"certain\"",
		/* nobody's */
		"\"type\":\"effect\",\"kind\":\"file.delete\",\"target\":\"/d\"," SERVER("s1")
		",\"link\":\"shared\",\"confidence\":\"shared\",\"candidates\":[\"c1\"]",
		"\"type\":\"call\",\"call\":\"c1\"," SERVER("s1") ",\"tool\":\"t\",\"status\":\"ok\",\"elapsed_ms\":3,"
		"\"effects\":[{\"kind\":\"file.open\",\"target\":\"/r\",\"seqs\":[3],\"n\":3,\"link\":\"sole\","
		"\"confidence\":\"likely\"}],\"effects_n\":5,\"power\":{\"declared\":[\"read_low\"],\"observed\":"
		"[\"read_low\",\"write_low\"]}",
		CALL("c2", "1", "rpc_error", "{\"declared\":[\"undeclared\"],\"observed\":[\"execute\"]}"),
		CALL("c3", "100", "ok", "{\"declared\":[\"read_low\"],\"observed\":[\"read_low\"]}"),
		TOOL("bb", ",\"was\":\"aa\",\"pinned\":true"),
		"\"type\":\"gap\",\"reason\":\"r\"",
		NULL,
	};
	struct mw_known *k = read_all(records, nothing);
	struct mw_known_tool *t = k->tools[0];
	double median;

	assert_int_equal(k->n_tools, 1);
	assert_int_equal(t->calls, 3);
	assert_int_equal(t->failed, 1);
	assert_int_equal(t->exceeded, 1);
	assert_true(mw_known_median(t, &median));
	assert_true(median == 3 && t->max_ms == 100);
	assert_string_equal(t->hash, "bb");
	assert_string_equal(t->was, "aa");
	assert_int_equal(t->changes, 1);
	assert_true(t->pinned);
	assert_null(t->annotations);
	assert_string_equal(t->definition, "{\"name\":\"t\",\"n\":1e2}");
	mw_known_names_sort(&t->kinds);
	assert_int_equal(t->kinds.n, 2);
	assert_string_equal(t->kinds.p[0].name, "file.open");
	assert_int_equal(t->kinds.p[0].n, 4);
	assert_int_equal(t->kinds.p[0].certain, 1);
	assert_int_equal(t->written.n, 1);
	assert_string_equal(t->written.p[0].name, "/w");
	assert_string_equal(t->hosts.p[0].name, "::1");
	mw_known_free(k);
	/* the filter says what is counted, not what is known */
	k = read_all(records, (const struct query_option[]){ { MW_FILTER_STATUS, "rpc_error" }, { 0 } });
	assert_int_equal(k->tools[0]->calls, 1);
	assert_string_equal(k->tools[0]->hash, "bb");
	mw_known_free(k);
}

/* Of more times than are kept the median stays close, and the longest exact. */
static void test_many_times(void **state)
{
	struct mw_known_tool *t;
	struct mw_known *k = read_all((const char *const[]){ CALL("c1", "1", "ok", "{}"), NULL }, nothing);
	struct mw_logrec_member members[4];
	struct mw_joined item = { .link = "", .confidence = "" };
	char ms[16];
	double median;

	members[0] = (struct mw_logrec_member){ MW_SLICE_LIT("server"), MW_SLICE_LIT("{\"id\":\"s1\"}") };
	members[1] = (struct mw_logrec_member){ MW_SLICE_LIT("tool"), MW_SLICE_LIT("\"t\"") };
	members[2] = (struct mw_logrec_member){ MW_SLICE_LIT("status"), MW_SLICE_LIT("\"ok\"") };
	item.rec = (struct mw_logrec){ .type = "call", .members = members, .n_members = 4 };
	for (int i = 1; i <= 3 * MW_KNOWN_TIMES_MAX; i++) {
		snprintf(ms, sizeof(ms), "%d", i);
		members[3] = (struct mw_logrec_member){ MW_SLICE_LIT("elapsed_ms"), mw_slice_str(ms) };
		mw_known_count(k, &item);
	}
	t = k->tools[0];
	assert_true(mw_known_median(t, &median));
	assert_true(t->n_times <= MW_KNOWN_TIMES_MAX);
	assert_true(median > 1.45 * MW_KNOWN_TIMES_MAX && median < 1.55 * MW_KNOWN_TIMES_MAX);
	assert_true(t->max_ms == 3.0 * MW_KNOWN_TIMES_MAX);
	mw_known_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_tool),
		cmocka_unit_test(test_many_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
