/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_state.c - counts, sequences, what is folded, other rules, floods */
#include "policy_fx.h"

#define RULE(more) "rules:\n  - id: r\n    title: t\n    severity: low\n" more

/* --- counts -------------------------------------------------------------------------------------
 */

static void calls_every(struct fx *x, unsigned int n, uint64_t step_ns)
{
	for (unsigned int i = 0; i < n; i++) {
		x->call.id++;
		fx_call(x, MW_FACT_CALL);
		x->ts_ns += step_ns;
	}
}

static void test_count(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: call\n    when: call.tool = read\n"
			 "    count: {by: [server, tool], over: 60s, at_least: 5}\n"));
	calls_every(&x, 40, 15 * SEC); /* four of them in any minute */
	fx_got(&x, "");
	x.ts_ns += 100 * SEC;
	calls_every(&x, 4, 14 * SEC);
	fx_got(&x, "");
	calls_every(&x, 1, 0); /* the fifth within 56 s */
	fx_got(&x, "r:low:5 ");
	assert_int_equal(x.last.window_ns, 60 * SEC);
	assert_slice_equal(x.last.detail, "5 in 60 s");
	assert_int_equal(x.last.n_calls, 5);
	assert_int_equal(x.last.n_seqs, 5);
	/* of another server, or of no tool at all, nothing was counted */
	x.server.key = S("other");
	calls_every(&x, 4, SEC);
	x.call.tool = S("");
	calls_every(&x, 9, SEC);
	fx_got(&x, "");
	fx_done(&x);
}

/* Beyond what is kept one by one: in slices, never more than there were. */
static void test_count_many(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: call\n    when: call.tool = read\n"
			 "    count: {by: [server], over: 64s, at_least: 1000}\n"));
	calls_every(&x, 5000, 70 * SEC / 1000);
	fx_got(&x, "");
	calls_every(&x, 1100, 58 * SEC / 1000);
	fx_got(&x, "r:low:1000 ");
	fx_done(&x);
}

static void test_distinct(void **state)
{
	static const char *const again[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
	char addr[32];
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: effect\n    when: effect.kind = net.connect\n"
			 "    count: {by: [server], over: 60s, at_least: 4, distinct: "
			 "effect.addr}\n"));
	for (unsigned int i = 0; i < 30; i++, x.ts_ns += SEC)
		fx_connect(&x, again[i % 3]);
	fx_got(&x, "");
	fx_connect(&x, "10.0.0.4");
	fx_got(&x, "r:low:4 ");
	assert_int_equal(x.last.n_targets, 4);
	assert_slice_equal(x.last.detail, "different 4 in 60 s");
	/* one new a minute */
	x.ts_ns += 1000 * SEC;
	for (unsigned int i = 0; i < 30; i++, x.ts_ns += 21 * SEC) {
		snprintf(addr, sizeof(addr), "10.1.0.%u", i);
		fx_connect(&x, addr);
	}
	fx_got(&x, "");
	fx_done(&x);
}

static void test_sum(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: call\n    when: call.status = ok\n"
			 "    count: {by: [server], over: 60s, at_least: 10000, sum: "
			 "call.result_bytes}\n"));
	x.call.status = S("ok");
	x.call.has_result = true;
	x.call.result_bytes = 4999;
	calls_every(&x, 2, SEC);
	fx_got(&x, "");
	x.call.has_result = false; /* not known: nothing to add */
	calls_every(&x, 2, SEC);
	fx_got(&x, "");
	x.call.has_result = true;
	calls_every(&x, 1, SEC);
	fx_got(&x, "r:low:14997 ");
	assert_slice_equal(x.last.detail, "sum 14997 in 60 s");
	x.ts_ns += 1000 * SEC;
	x.call.result_bytes = UINT64_MAX; /* hostile: no sum runs over */
	calls_every(&x, 3, SEC);
	assert_non_null(strstr(x.got, "r:low:"));
	fx_done(&x);
}

/* --- sequences ----------------------------------------------------------------------------------
 */

static const char seq_yaml[] =
    RULE("    sequence: {by: [call], over: 60s}\n"
	 "    steps:\n"
	 "      - {on: effect, when: effect.kind = file.open and effect.target under /secret}\n"
	 "      - {on: effect, when: effect.kind = net.connect}\n");

static void test_sequence(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, seq_yaml);
	fx_connect(&x, "1.2.3.4"); /* before */
	fx_open(&x, "/secret/a");
	fx_got(&x, "");
	x.call.id = 12; /* another call */
	fx_connect(&x, "1.2.3.4");
	fx_got(&x, "");
	x.call.id = 11;
	x.ts_ns += 61 * SEC; /* too late */
	fx_connect(&x, "1.2.3.4");
	fx_got(&x, "");
	fx_open(&x, "/secret/b");
	x.ts_ns += 60 * SEC;
	fx_open(&x, "/public");
	fx_connect(&x, "1.2.3.5");
	fx_got(&x, "r:low:1 ");
	assert_int_equal(x.last.n_seqs, 2);
	assert_int_equal(x.last.n_targets, 2);
	assert_slice_equal(x.last.targets[0], "1.2.3.5:443");
	assert_slice_equal(x.last.targets[1], "/secret/b");
	assert_int_equal(x.last.window_ns, 60 * SEC);
	fx_done(&x);
}

/* What was done first is tied last. */
static void test_sequence_late(void **state)
{
	const uint64_t start = 1000 * SEC;
	struct fx x;

	(void)state;
	fx_init(&x, seq_yaml);
	x.ts_ns = start + 5 * SEC;
	fx_connect(&x, "1.2.3.4");
	x.ts_ns = start + 6 * SEC;
	x.act.kind = MW_EFFECT_FILE_OPEN;
	x.act.target = S("/secret/late");
	fx_effect(&x, MW_PHASE_TIED); /* after the connect: no */
	fx_got(&x, "");
	x.ts_ns = start + 4 * SEC;
	fx_effect(&x, MW_PHASE_TIED);
	fx_got(&x, "r:low:1 ");
	assert_int_equal(x.last.window_ns, SEC);
	fx_done(&x);
}

static const char same_yaml[] =
    RULE("    sequence: {by: [server], over: 60s}\n"
	 "    steps:\n"
	 "      - {on: effect, when: effect.kind = file.open and effect.write}\n"
	 "      - {on: effect, when: effect.kind = file.chmod and effect.target same}\n"
	 "      - {on: effect, when: effect.kind = proc.exec and effect.target same}\n");

static void do_to(struct fx *x, enum mw_effect_kind kind, const char *target)
{
	x->act.kind = kind;
	x->act.target = S(target);
	fx_effect(x, MW_PHASE_BOTH);
	x->ts_ns += SEC;
}

static void test_same(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, same_yaml);
	x.effect.write = true;
	do_to(&x, MW_EFFECT_FILE_OPEN, "/tmp/a");
	do_to(&x, MW_EFFECT_FILE_OPEN, "/tmp/b");
	do_to(&x, MW_EFFECT_FILE_CHMOD, "/tmp/a");
	do_to(&x, MW_EFFECT_FILE_CHMOD, "/tmp/c");
	do_to(&x, MW_EFFECT_PROC_EXEC, "/tmp/b");
	do_to(&x, MW_EFFECT_PROC_EXEC, "/tmp/c");
	fx_got(&x, "");
	do_to(&x, MW_EFFECT_PROC_EXEC, "/tmp/a");
	fx_got(&x, "r:low:1 ");
	assert_int_equal(x.last.n_seqs, 3);
	fx_done(&x);
}

/* A flood of first steps does not push out what a chain is made of already. */
static void test_sequence_flood(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, same_yaml);
	x.effect.write = true;
	do_to(&x, MW_EFFECT_FILE_OPEN, "/tmp/a");
	do_to(&x, MW_EFFECT_FILE_CHMOD, "/tmp/a");
	for (unsigned int i = 0; i < 500; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/tmp/%u", i);
		do_to(&x, MW_EFFECT_FILE_OPEN, path);
		x.ts_ns -= SEC;
	}
	do_to(&x, MW_EFFECT_PROC_EXEC, "/tmp/a");
	fx_got(&x, "r:low:1 ");
	fx_done(&x);
}

static void test_alert_step(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, "rules:\n"
		    "  - id: poisoned\n    title: t\n    severity: low\n    on: tool\n"
		    "    when: tool.poison\n"
		    "  - id: after\n    title: t\n    severity: high\n"
		    "    sequence: {by: [client], over: 10m}\n"
		    "    steps:\n"
		    "      - {on: alert, when: alert.rule = poisoned}\n"
		    "      - {on: effect, when: effect.target under /secret}\n");
	fx_open(&x, "/secret/a");
	fx_got(&x, "");
	x.tool.poison = TEXTS(S("hidden"));
	fx_tool(&x);
	fx_tool(&x); /* folded: the step sees it all the same */
	fx_got(&x, "poisoned:low:1 ");
	x.server.client = 78;
	fx_open(&x, "/secret/a");
	fx_got(&x, "");
	x.server.client = 77;
	fx_open(&x, "/secret/b");
	fx_got(&x, "after:high:1 ");
	assert_int_equal(x.last.n_seqs, 2);
	fx_done(&x);
}

/* --- folding ------------------------------------------------------------------------------------
 */

static void tick(struct fx *x)
{
	mw_policy_tick(x->p, x->ts_ns);
	fx_pull(x);
}

static void test_suppress(void **state)
{
	struct mw_policy_stats st;
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: effect\n    when: effect.target under /etc\n"
			 "    raise: [{to: high, when: effect.write}]\n"
			 "    suppress: {by: [server], for: 10s}\n"));
	fx_open(&x, "/etc/0");
	fx_got(&x, "r:low:1 ");
	x.ts_ns += 2 * SEC;
	fx_open(&x, "/etc/1");
	x.effect.write = true;
	fx_open(&x, "/etc/2");
	x.effect.write = false;
	x.ts_ns += 7 * SEC;
	fx_open(&x, "/etc/1");
	tick(&x);
	fx_got(&x, "");
	x.server.key = S("other");
	fx_open(&x, "/etc/0");
	fx_got(&x, "r:low:1 ");
	x.ts_ns += SEC;
	tick(&x);
	fx_got(&x, "r:high:3 ");
	assert_int_equal(x.last.n_seqs, 3);
	assert_int_equal(x.last.n_targets, 2);
	assert_int_equal(x.last.window_ns, 10 * SEC);
	x.server.key = S("files-key");
	fx_open(&x, "/etc/4"); /* the time is over: said at once again */
	fx_got(&x, "r:low:1 ");
	fx_open(&x, "/etc/5");
	mw_policy_finish(x.p, x.ts_ns);
	fx_pull(&x);
	fx_got(&x, "r:low:1 ");
	mw_policy_stats(x.p, &st);
	assert_int_equal(st.folded, 4);
	assert_int_equal(st.alerts, 5);
	fx_done(&x);
}

/* Without a word about it: by server, tool and target. */
static void test_suppress_default(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: effect\n    when: effect.target under /etc\n"));
	fx_open(&x, "/etc/0");
	fx_open(&x, "/etc/0");
	fx_open(&x, "/etc/1");
	x.call.tool = S("other");
	fx_open(&x, "/etc/1");
	fx_got(&x, "r:low:1 r:low:1 r:low:1 ");
	x.ts_ns += 299 * SEC;
	tick(&x);
	fx_got(&x, "");
	x.ts_ns += SEC;
	tick(&x);
	fx_got(&x, "r:low:1 ");
	fx_done(&x);
}

/* A million that would each be an alert of its own: few are, and all are counted. */
static void test_flood(void **state)
{
	uint64_t n = 0, told = 0, most = 0, in_minute = 0;
	struct mw_policy_stats st;
	struct mw_alert a;
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: effect\n    when: effect.target under /etc\n"));
	x.f = (struct mw_fact){ .kind = MW_FACT_EFFECT,
				.phase = MW_PHASE_BOTH,
				.server = &x.server,
				.effect = &x.effect };
	for (unsigned int i = 0; i < 1000000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/etc/%u", i);
		x.act.target = S(path);
		x.f.ts_ns = x.ts_ns + i * (SEC / 5000); /* in 200 s */
		x.f.seq = i;
		mw_policy_tick(x.p, x.f.ts_ns);
		assert_int_equal(mw_policy_push(x.p, &x.f), 0);
		while (mw_policy_next(x.p, &a) == 1) {
			n++;
			told += a.count;
			in_minute++;
		}
		if (i % 300000 == 0) {
			most = in_minute > most ? in_minute : most;
			in_minute = 0;
		}
	}
	mw_policy_finish(x.p, x.f.ts_ns);
	while (mw_policy_next(x.p, &a) == 1) {
		n++;
		told += a.count;
	}
	assert_int_equal(told, 1000000);
	assert_true(n <= 4 * (MW_POLICY_BURST + 1));
	assert_true(most <= MW_POLICY_BURST + 2);
	mw_policy_stats(x.p, &st);
	assert_int_equal(st.alerts, n);
	assert_int_equal(st.folded, 1000000 - 4 * MW_POLICY_BURST);
	fx_done(&x);
}

/* Keys that are all different: what is kept stays bounded, and what went is counted. */
static void test_keys_flood(void **state)
{
	struct mw_policy_stats st;
	size_t before;
	struct fx x;

	(void)state;
	fx_init(&x, "rules:\n"
		    "  - id: a\n    title: t\n    severity: low\n    on: effect\n"
		    "    when: effect.target under /etc\n"
		    "    count: {by: [call], over: 1h, at_least: 200, distinct: effect.target}\n"
		    "  - id: b\n    title: t\n    severity: low\n"
		    "    sequence: {by: [call], over: 1h}\n"
		    "    steps:\n"
		    "      - {on: effect, when: effect.target under /etc}\n"
		    "      - {on: effect, when: effect.target under /x}\n");
	before = test_alloc_live();
	x.f = (struct mw_fact){ .kind = MW_FACT_EFFECT,
				.phase = MW_PHASE_BOTH,
				.server = &x.server,
				.call = &x.call,
				.effect = &x.effect };
	for (unsigned int i = 0; i < 200000; i++) {
		char path[256];

		memset(path, 'x', sizeof(path));
		snprintf(path, sizeof(path), "/etc/%u", i);
		path[strlen(path)] = 'x';
		path[sizeof(path) - 1] = 0;
		x.act.target = S(path);
		x.call.id = 1 + i;
		x.f.ts_ns = x.ts_ns + i;
		x.f.seq = i;
		assert_int_equal(mw_policy_push(x.p, &x.f), 0);
		assert_true(test_alloc_live() - before < MW_STATE_BYTES + (8u << 20));
	}
	mw_policy_stats(x.p, &st);
	assert_true(st.evicted > 300000);
	assert_int_equal(st.alerts, 0);
	fx_done(&x);
}

/* What is over is no loss. */
static void test_keys_over(void **state)
{
	struct mw_policy_stats st;
	struct fx x;

	(void)state;
	fx_init(&x, RULE("    on: call\n    when: call.tool = read\n"
			 "    count: {by: [call], over: 10s, at_least: 2}\n"));
	calls_every(&x, 100000, SEC);
	fx_got(&x, "");
	mw_policy_stats(x.p, &st);
	assert_int_equal(st.evicted, 0);
	assert_true(mw_table_count(x.p->states) <= 12);
	fx_done(&x);
}

/* Of each call that is open it is known what fired for it, however many there are. */
static void test_fired_of_many(void **state)
{
	struct mw_policy_stats st;
	const char *ids[4];
	struct fx x;

	(void)state;
	fx_init(
	    &x,
	    "rules:\n"
	    "  - id: a\n    title: t\n    severity: low\n    on: call\n    when: call.tool = read\n"
	    "  - id: b\n    title: t\n    severity: low\n    on: call\n    when: call.tool = "
	    "read\n");
	for (unsigned int i = 0; i < MW_POLICY_CALLS_MAX + 2; i++) {
		x.call.id = i + 1;
		fx_call(&x, MW_FACT_CALL);
	}
	mw_policy_stats(x.p, &st);
	assert_int_equal(st.evicted, 2);
	for (unsigned int i = 0; i < MW_POLICY_CALLS_MAX + 2; i++) {
		assert_int_equal(mw_policy_fired(x.p, i + 1, ids, 4), i < 2 ? 0 : 2);
		mw_policy_forget(x.p, i + 1);
	}
	assert_int_equal(mw_policy_fired(x.p, 3, ids, 4), 0);
	fx_done(&x);
}

/* --- other rules --------------------------------------------------------------------------------
 */

static void change(struct fx *x, const char *yaml)
{
	struct mw_rules *old = x->rules;
	struct mw_policy_error e;

	x->rules = fx_rules(yaml);
	assert_int_equal(mw_policy_change(x->p, mw_rules_policy(x->rules), &e), 0);
	mw_rules_free(old);
}

#define COUNT(id, n)                                                                               \
	"  - id: " id "\n    title: t\n    severity: low\n    on: call\n"                          \
	"    when: call.tool = read\n    count: {by: [server], over: 60s, at_least: " #n "}\n"
#define SAY(id)                                                                                    \
	"  - id: " id "\n    title: t\n    severity: low\n    on: call\n    when: call.tool = "    \
		      "say\n"

static void test_change(void **state)
{
	const char *ids[4];
	struct mw_policy_stats st;
	struct fx x;

	(void)state;
	fx_init(&x, "rules:\n" SAY("gone") SAY("stays") COUNT("keeps", 3) COUNT("other", 3));
	calls_every(&x, 2, SEC);
	x.call.tool = S("say");
	calls_every(&x, 2, 0); /* the second is folded */
	fx_got(&x, "gone:low:1 stays:low:1 ");
	x.call.tool = S("read");
	change(&x, "rules:\n" COUNT("other", 2) COUNT("keeps", 3) SAY("new") SAY("stays"));
	mw_policy_stats(x.p, &st);
	assert_int_equal(st.evicted, 1); /* what "gone" had folded */
	assert_int_equal(mw_policy_fired(x.p, x.call.id, ids, 4), 1);
	assert_string_equal(ids[0], "stays");
	calls_every(&x, 1, SEC);
	fx_got(&x, "keeps:low:3 "); /* "other" counts in another way now: from nothing */
	calls_every(&x, 1, SEC);
	fx_got(&x, "other:low:2 ");
	x.call.tool = S("say");
	calls_every(&x, 1, 0);
	fx_got(&x, "new:low:1 "); /* "stays" still folds */
	mw_policy_finish(x.p, x.ts_ns);
	fx_pull(&x);
	fx_got(&x, "stays:low:2 keeps:low:1 ");
	fx_done(&x);
}

static void test_change_refused(void **state)
{
	static const struct mw_policy_rule bad[] = { { .id = "b", .severity = 1, .on = 2 },
						     { .id = "b", .severity = 1, .on = 2 } };
	const struct mw_policy_rules rules = { bad, 2 };
	struct mw_policy_error e;
	struct fx x;

	(void)state;
	fx_init(&x, "rules:\n" COUNT("keeps", 3));
	calls_every(&x, 2, SEC);
	assert_int_equal(mw_policy_change(x.p, &rules, &e), -EINVAL);
	assert_int_equal(e.rule, 1);
	assert_string_equal(e.why, "two rules of this id");
	calls_every(&x, 1, SEC);
	fx_got(&x, "keeps:low:3 ");
	fx_done(&x);
}

/* --- patterns that explode, many rules ----------------------------------------------------------
 */

static void test_regex_explodes(void **state)
{
	struct mw_policy_stats st;
	char *text = malloc(1 << 20);
	struct fx x;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 1 << 20);
	fx_init(&x, RULE("    on: request\n"
			 "    when: call.args regex ('^(a+)+$', '(a|aa)+$', 'a.*a.*a.*c')\n"));
	x.call.args = mw_slice(text, 1 << 20);
	fx_call(&x, MW_FACT_REQUEST);
	text[59] = 'b';
	x.call.args = mw_slice(text, 60);
	fx_call(&x, MW_FACT_REQUEST);
	fx_got(&x, "");
	mw_policy_stats(x.p, &st);
	assert_true(st.regex_failed >= 3 + 2);
	free(text);
	fx_done(&x);
}

static void test_many_rules(void **state)
{
	const unsigned int n = 10000;
	struct mw_buf yaml;
	struct fx x;

	(void)state;
	mw_buf_init(&yaml, &test_alloc, 16 << 20);
	assert_int_equal(mw_buf_append_str(&yaml, "rules:\n"), 0);
	for (unsigned int i = 0; i < n; i++) {
		char one[256];

		snprintf(one, sizeof(one),
			 "  - {id: r%u, title: t, severity: low, on: effect, when: effect.kind = "
			 "file.open and effect.target = /etc/%u}\n",
			 i, i);
		assert_int_equal(mw_buf_append_str(&yaml, one), 0);
	}
	assert_int_equal(mw_buf_append_byte(&yaml, 0), 0);
	fx_init(&x, (const char *)yaml.p);
	mw_buf_done(&yaml);
	fx_open(&x, "/etc/9999");
	fx_got(&x, "r9999:low:1 ");
	fx_open(&x, "/etc/10000");
	fx_got(&x, "");
	assert_int_equal(x.p->set->effect[MW_EFFECT_NET_CONNECT].n, 0);
	fx_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_count_many),
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_sequence_late),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_sequence_flood),
		cmocka_unit_test(test_alert_step),
		cmocka_unit_test(test_suppress),
		cmocka_unit_test(test_suppress_default),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_keys_flood),
		cmocka_unit_test(test_fired_of_many),
		cmocka_unit_test(test_keys_over),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_refused),
		cmocka_unit_test(test_regex_explodes),
		cmocka_unit_test(test_many_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
