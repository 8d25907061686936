/* SPDX-License-Identifier: Apache-2.0 */
/* Whose tree a process is in, how many are followed, and the list of a call. */
#include "support_correlate.h"

/* --- whose tree --- */

static void calls_never_cross_servers(void **state)
{
	serve(1);
	serve(2);
	call(1, 1, "{\"p\":\"/srv/a\"}", 1);
	call(2, 2, "{\"p\":\"/srv/b\"}", 1);
	expect(act(1, "/srv/b", 2), "sole", 1);
	expect(act(2, "/srv/a", 2), "sole", 2);
	fork_(2, 3, 3);
	expect(act(3, "/srv/a", 4), "lineage", 2);
	expect(act(99, "/srv/a", 4), "none", 0);
}

static void a_server_below_a_server(void **state)
{
	struct mw_tie tie;

	/* a gateway starts npx, a shell and a server by a call */
	serve(1);
	call(1, 1, "{}", 1);
	fork_(1, 2, 2);
	fork_(2, 3, 3);
	fork_(3, 4, 4);
	fork_(4, 5, 4);
	expect(act(4, "/x", 5), "lineage", 1);
	serve(4);
	/* its own, and what is below it, are its own calls' now */
	tie = act(4, "/x", 6);
	expect(tie, "none", 0);
	assert_true(mw_prockey_eq(tie.server, tp(4)));
	expect(act(5, "/x", 6), "none", 0);
	/* above it nothing changes */
	expect(act(3, "/x", 6), "lineage", 1);
	call(2, 4, "{}", 7);
	expect(act(4, "/x", 8), "sole", 2);
	fork_(4, 6, 9);
	expect(act(6, "/x", 10), "lineage", 2);
	assert_true(mw_prockey_eq(act(6, "/x", 10).server, tp(4)));
	expect(act(1, "/x", 10), "sole", 1);
	/* the outer one again: no change below the inner */
	serve(1);
	expect(act(6, "/x", 10), "lineage", 2);
}

static void a_server_known_late(void **state)
{
	/* its processes were there first */
	fork_(1, 2, 1);
	fork_(2, 3, 2);
	expect(act(3, "/x", 3), "none", 0);
	serve(1);
	assert_true(mw_prockey_eq(act(3, "/x", 3).server, tp(1)));
	/* in use already when it was recognised: a call that had begun before the child was born */
	assert_int_equal(mw_correlate_open(corr, 1, tp(1), MW_SLICE_LIT("{}"), 5), 0);
	expect(act(3, "/x", 4), "sole", 1);
	/* and one that began after */
	call(2, 1, "{}", 5);
	expect(act(3, "/x", 6), "sole", 1);
	end(1, 7);
	expect(act(3, "/x", 8), "none", 0);
	expect(act(1, "/x", 8), "sole", 2);
}

static void parents_from_exec_and_proc(void **state)
{
	struct mw_prockey born = { T + 5, 7 }, late = { T + 20, 8 };
	struct mw_action a = action(0, "/x", 6);
	struct mw_tie tie;

	serve(1);
	call(1, 1, "{}", 2);
	/* the fork was lost */
	assert_int_equal(mw_correlate_push(corr, tev_proc((struct tev_proc){
						     .proc = born, .parent = tp(1), .ts = T + 6 })),
			 0);
	a.proc = born;
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect(tie, "lineage", 1);
	/* a helper, as /proc shows it */
	assert_int_equal(
	    mw_correlate_push(
		corr, tev_proc((struct tev_proc){
			  .type = MW_EV_PROC, .proc = tp(3), .parent = tp(1), .ts = T + 6 })),
	    0);
	expect(act(3, "/x", 7), "none", 0);
	/* a second parent is not believed */
	serve(50);
	assert_int_equal(
	    mw_correlate_push(
		corr, tev_proc((struct tev_proc){ .proc = born, .parent = tp(50), .ts = T + 7 })),
	    0);
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	assert_true(mw_prockey_eq(tie.server, tp(1)));
	/* born after the call */
	end(1, 10);
	assert_int_equal(
	    mw_correlate_push(
		corr, tev_proc((struct tev_proc){ .proc = late, .parent = tp(1), .ts = T + 21 })),
	    0);
	a = action(0, "/x", 22);
	a.proc = late;
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect(tie, "none", 0);
}

static void pid_reuse(void **state)
{
	struct mw_prockey again = { T + 50, 2 };
	struct mw_action a = action(0, "/x", 60);
	struct mw_tie tie;

	call(1, 1, "{}", 1);
	fork_(1, 2, 2);
	exit_(2, 3);
	a.proc = again;
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect(tie, "none", 0);
	assert_true(mw_prockey_none(tie.server));
	expect(act(2, "/x", 4), "lineage", 1);
}

static void cycles(void **state)
{
	/* as only a hostile capture has them */
	fork_(1, 1, 1);
	fork_(1, 2, 1);
	fork_(2, 3, 1);
	fork_(3, 1, 1);
	fork_(3, 2, 1);
	assert_int_equal(
	    mw_correlate_push(corr, tev_proc((struct tev_proc){ .proc = tp(1), .parent = tp(3) })),
	    0);
	serve(3);
	serve(1);
	serve(2);
	call(1, 2, "{}", 2);
	expect(act(2, "/x", 3), "sole", 1);
	expect(act(1, "/x", 3), "none", 0);
	/* a chain too long to be walked is not joined to its end */
	for (uint32_t i = 100; i < 3100; i++)
		fork_(i, i + 1, 4);
	fork_(3100, 100, 5);
	serve(100);
	assert_true(mw_prockey_eq(act(3100, "/x", 6).server, tp(100)));
	serve(3100);
	assert_true(mw_prockey_eq(act(100, "/x", 6).server, tp(100)));
}

static void processes_are_bounded(void **state)
{
	struct mw_correlate_stats st;
	size_t before;

	teardown(NULL);
	start(10, 1 << 20, 100);
	serve(1);
	call(1, 1, "{}", 1);
	before = test_alloc_live();
	for (uint32_t i = 0; i < 10000; i++) {
		fork_(i % 2 ? 9 + i : 1, 10 + i, 2);
		expect(act(10 + i, "/x", 3), "lineage", 1);
		if (i % 3 == 0)
			exit_(10 + i, 4);
	}
	assert_true(test_alloc_live() - before < 100 * 1000);
	mw_correlate_stats(corr, &st);
	assert_true(st.procs_evicted > 5000);
	/* the server outlives them all */
	expect(act(1, "/x", 5), "sole", 1);
	/* unless there are too many */
	for (uint32_t i = 0; i < 200; i++)
		serve(50000 + i);
	assert_true(mw_prockey_none(act(1, "/x", 6).server));
	expect(act(50199, "/x", 6), "none", 0);
	/* a child whose parent is gone keeps what it has */
	call(2, 50199, "{}", 7);
	fork_(50199, 60000, 8);
	for (uint32_t i = 0; i < 20; i++) {
		fork_(7000 + i, 8000 + i, 9);
		exit_(7000 + i, 9);
	}
	exit_(50199, 10);
	fork_(60000, 60001, 10);
	for (uint32_t i = 0; i < 30; i++) {
		serve(90000 + i);
		fork_(60001, 60001 + 1 + i, 10);
	}
	expect(act(60031, "/x", 11), "lineage", 2);
}

/* --- the list of a call --- */

static void note(const struct mw_action *a, uint64_t seq, int want)
{
	struct mw_tie tie;

	assert_int_equal(mw_correlate_act(corr, a, &tie), 0);
	assert_int_equal(mw_correlate_note(corr, a, &tie, seq), want);
}

static void effects_are_folded(void **state)
{
	struct mw_call_effect e;
	struct mw_action a;
	size_t pos = 0;

	call(1, 1, "{\"p\":\"/srv/a\"}", 1);
	for (uint64_t i = 0; i < 10; i++) {
		a = action(1, "/srv/a", 2);
		a.ret = (int64_t)i; /* the fd makes it no other */
		note(&a, 100 + i, 0);
	}
	a.ret = -EACCES;
	note(&a, 200, 0);
	a = action(1, "/srv/b", 2);
	note(&a, 201, 0);
	a.kind = MW_EFFECT_FILE_RENAME;
	a.target2 = MW_SLICE_LIT("/srv/c");
	note(&a, 202, 0);
	a.target2 = MW_SLICE_LIT("/srv/d");
	note(&a, 203, 0);
	note(&a, 204, 0);

	assert_int_equal(mw_correlate_effects_n(corr, 1), 15);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 1);
	assert_int_equal(e.kind, MW_EFFECT_FILE_OPEN);
	assert_slice_equal(e.target, "/srv/a");
	assert_int_equal(e.target2.n, 0);
	assert_int_equal(e.n, 10);
	assert_int_equal(e.seqs[0], 100);
	assert_int_equal(e.seqs[7], 107);
	assert_int_equal(e.link, MW_LINK_ARGUMENT);
	assert_int_equal(e.confidence, MW_CONF_LIKELY);
	assert_non_null(e.why);
	assert_int_equal(e.ret, 0);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 1);
	assert_int_equal(e.ret, -EACCES);
	assert_int_equal(e.n, 1);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 1);
	assert_slice_equal(e.target, "/srv/b");
	assert_int_equal(e.link, MW_LINK_SOLE);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 1);
	assert_slice_equal(e.target2, "/srv/c");
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 1);
	assert_slice_equal(e.target2, "/srv/d");
	assert_int_equal(e.n, 2);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 0);

	/* closed: still to be listed and added to; forgotten: gone */
	end(1, 3);
	note(&a, 205, 0);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 16);
	fork_(1, 2, 2);
	mw_correlate_forget(corr, 1);
	a = action(2, "/x", 9);
	note(&a, 206, -ENOENT);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
	pos = 0;
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &e), 0);
	mw_correlate_forget(corr, 1);
	end(1, 3);
}

static void shared_is_in_no_list(void **state)
{
	struct mw_action a = action(1, "/x", 3);
	struct mw_correlate_stats st;

	call(1, 1, "{}", 1);
	call(2, 1, "{}", 1);
	note(&a, 1, 0);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
	/* it waits for what the answers say, and for no longer */
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.claims_waiting, 1);
	end(1, 4);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
	mw_correlate_forget(corr, 1);
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.claims_waiting, 1);
	mw_correlate_forget(corr, 2);
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.claims_waiting, 0);
}

static void a_million_opens(void **state)
{
	struct mw_correlate_stats st;
	struct mw_call_effect e;
	struct mw_action a;
	char name[64];
	size_t pos = 0, n = 0, before;

	call(1, 1, "{\"dir\":\"/srv/data\",\"query\":\"what to look for\"}", 1);
	before = test_alloc_live();
	for (uint64_t i = 0; i < 1000000; i++) {
		snprintf(name, sizeof(name), "/srv/data/%llx/file.txt", (unsigned long long)i);
		a = action(1, name, 2);
		note(&a, i, 0);
	}
	assert_true(test_alloc_live() - before <= 1 << 20);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 1000000);
	while (mw_correlate_effects(corr, 1, &pos, &e) == 1) {
		snprintf(name, sizeof(name), "/srv/data/%zx/file.txt", n++);
		assert_slice_equal(e.target, name);
	}
	assert_true(n > 2000);
	mw_correlate_forget(corr, 1);
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.effects_unlisted, 1000000 - n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(calls_never_cross_servers),
		CASE(a_server_below_a_server),
		CASE(a_server_known_late),
		CASE(parents_from_exec_and_proc),
		CASE(pid_reuse),
		CASE(cycles),
		CASE(processes_are_bounded),
		CASE(effects_are_folded),
		CASE(shared_is_in_no_list),
		CASE(a_million_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
