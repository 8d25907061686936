/* SPDX-License-Identifier: Apache-2.0 */
#include "support_correlate.h"

/* --- the server's own threads --- */

static void none_sole_shared(void **state)
{
	struct mw_tie tie = act(1, "/x", 0);

	expect(tie, "none", 0);
	assert_true(mw_prockey_none(tie.server));
	serve(1);
	tie = act(1, "/x", 1);
	expect(tie, "none", 0);
	assert_true(mw_prockey_eq(tie.server, tp(1)));
	call(1, 1, "{}", 2);
	expect(act(1, "/x", 3), "sole", 1);
	call(2, 1, "{}", 4);
	expect_shared(act(1, "/x", 5), 2, 1, 2);
	/* as of when it was done */
	expect(act(1, "/x", 3), "sole", 1);
	expect(act(1, "/x", 1), "none", 0);
	end(1, 6);
	expect(act(1, "/x", 7), "sole", 2);
	expect_shared(act(1, "/x", 6), 2, 1, 2);
	mw_correlate_forget(corr, 1);
	end(2, 8);
	expect(act(1, "/x", 9), "none", 0);
	expect(act(1, "/x", 8), "sole", 2);
}

static void argument_outranks_sole(void **state)
{
	call(1, 1, "{\"path\":\"/srv/a.txt\"}", 1);
	expect(act(1, "/srv/a.txt", 2), "argument", 1);
	expect(act(1, "/srv/b.txt", 2), "sole", 1);
}

static void argument_decides_among_several(void **state)
{
	call(1, 1, "{\"path\":\"/srv/a.txt\"}", 1);
	call(2, 1, "{\"path\":\"/srv/b.txt\"}", 2);
	call(3, 1, "{\"path\":\"/srv/b.txt\"}", 3);
	expect(act(1, "/srv/a.txt", 4), "argument", 1);
	expect_shared(act(1, "/srv/b.txt", 4), 3, 1, 3);
	expect_shared(act(1, "/srv/c.txt", 4), 3, 1, 3);
	/* one of the two is not there yet */
	expect(act(1, "/srv/b.txt", 2), "argument", 2);
	/* nor any more */
	end(3, 5);
	expect(act(1, "/srv/b.txt", 6), "argument", 2);
}

static void arguments_replaced(void **state)
{
	call(1, 1, "{\"path\":\"/srv/a.txt\"}", 1);
	call(2, 1, "{}", 1);
	assert_int_equal(mw_correlate_args(corr, 2, MW_SLICE_LIT("{\"path\":\"/srv/a.txt\"}")), 0);
	assert_int_equal(mw_correlate_args(corr, 1, MW_SLICE_LIT("{\"path\":\"/srv/b.txt\"}")), 0);
	assert_int_equal(mw_correlate_args(corr, 9, MW_SLICE_LIT("{}")), -ENOENT);
	expect(act(1, "/srv/a.txt", 4), "argument", 2);
	expect(act(1, "/srv/b.txt", 4), "argument", 1);
	assert_int_equal(mw_correlate_open(corr, 1, tp(1), MW_SLICE_LIT("{}"), 1), -EEXIST);
}

static void arguments_not_known_whole(void **state)
{
	static char big[70000];

	memset(big, ' ', sizeof(big) - 1);
	memcpy(big, "{\"p\":\"/srv/z\",", 14);
	call(1, 1, "{\"path\":\"/srv/a.txt\"}", 1);
	call(2, 1, big, 2);
	/* the other may name it as well, beyond what is kept */
	expect_shared(act(1, "/srv/a.txt", 4), 2, 1, 2);
	end(1, 5);
	expect(act(1, "/srv/z", 6), "argument", 2);
	expect(act(1, "/srv/a.txt", 6), "sole", 2);
}

static void any_bytes_in_a_target(void **state)
{
	call(1, 1, "{\"path\":\"/srv/a\\nb\"}", 1);
	call(2, 1, "{\"path\":\"/srv/\xff\"}", 1);
	expect(act(1, "/srv/a\nb", 2), "argument", 1);
	expect_shared(act(1, "/srv/\xff", 2), 2, 1, 2);
	expect_shared(act(1, "", 2), 2, 1, 2);
}

static void many_open(void **state)
{
	for (uint64_t i = 1; i <= 100; i++)
		call(i, 1, "{}", 1);
	expect_shared(act(1, "/x", 2), 100, 1, 64);
	call(101, 1, "{\"p\":\"/srv/only\"}", 1);
	expect(act(1, "/srv/only", 2), "argument", 101);
	for (uint64_t i = 102; i <= 300; i++)
		call(i, 1, "{}", 1);
	/* too many to compare: less is said */
	expect_shared(act(1, "/srv/only", 2), 300, 1, 64);
}

static void too_many_calls(void **state)
{
	struct mw_correlate_stats st;

	teardown(NULL);
	start(3, 1 << 20, 0);
	for (uint64_t i = 1; i <= 3; i++)
		call(i, 1, "{}", i);
	end(2, 3);
	call(4, 1, "{}", 4); /* the closed one went */
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.calls_evicted, 0);
	call(5, 1, "{}", 5); /* 1 went, open */
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.calls_evicted, 1);
	expect_shared(act(1, "/x", 6), 3, 3, 5);
	end(3, 7);
	end(4, 7);
	/* alone among those that are known */
	expect_shared(act(1, "/x", 8), 1, 5, 5);
	fork_(1, 2, 8);
	expect_shared(act(2, "/srv/a", 9), 1, 5, 5);
	assert_int_equal(mw_correlate_args(corr, 5, MW_SLICE_LIT("{\"p\":\"/srv/a\"}")), 0);
	expect_shared(act(1, "/srv/a", 9), 1, 5, 5);
	expect_shared(act(2, "/srv/a", 9), 1, 5, 5);
	/* of another server nothing was given up */
	call(9, 50, "{}", 8);
	expect(act(50, "/x", 9), "sole", 9);
	end(1, 10);
	mw_correlate_forget(corr, 1);
	expect(act(1, "/x", 11), "sole", 5);
	expect(act(1, "/srv/a", 11), "argument", 5);
	end(5, 12);
	end(9, 12);
	for (uint64_t i = 10; i <= 14; i++)
		call(i, 1, "{}", i);
	assert_false(act(2, "/x", 15).after);
}

/* --- lineage --- */

static void a_child_inherits(void **state)
{
	struct mw_tie tie;

	serve(1);
	call(1, 1, "{}", 1);
	fork_(1, 2, 2);
	fork_(2, 3, 3);
	expect(act(2, "/x", 4), "lineage", 1);
	expect(act(3, "/x", 4), "lineage", 1);
	/* also when others are open, also when its parent is gone */
	call(2, 1, "{\"p\":\"/srv/x\"}", 5);
	exit_(2, 6);
	fork_(3, 4, 7);
	expect(act(4, "/srv/x", 8), "lineage", 1);
	end(1, 9);
	tie = act(4, "/x", 9);
	assert_false(tie.after);
	tie = act(4, "/x", 10);
	expect(tie, "lineage", 1);
	assert_true(tie.after);
	mw_correlate_forget(corr, 1);
	fork_(4, 5, 11);
	tie = act(5, "/x", 12);
	expect(tie, "lineage", 1);
	assert_true(tie.after);
	assert_true(mw_prockey_eq(tie.server, tp(1)));
}

static void a_helper_has_no_tie(void **state)
{
	serve(1);
	fork_(1, 2, 1);
	expect(act(2, "/x", 2), "none", 0);
	call(1, 1, "{\"p\":\"/srv/a\",\"d\":\"/srv/dir\"}", 3);
	expect(act(2, "/x", 4), "none", 0);
	expect(act(2, "/srv/a", 4), "argument", 1);
	/* only the target itself */
	expect(act(2, "/srv/dir/b", 4), "none", 0);
	expect(act(1, "/srv/dir/b", 4), "argument", 1);
	call(2, 1, "{\"p\":\"/srv/a\"}", 4);
	expect_shared(act(2, "/srv/a", 5), 2, 1, 2);
	/* what it starts is not older than the calls, but may be its own affair */
	end(2, 6);
	fork_(2, 3, 7);
	expect_shared(act(3, "/x", 8), 1, 1, 1);
	expect(act(2, "/x", 8), "none", 0);
}

static void a_shared_tie(void **state)
{
	struct mw_tie tie;

	serve(1);
	call(1, 1, "{\"p\":\"/srv/a\"}", 1);
	call(2, 1, "{\"p\":\"/srv/b\"}", 2);
	fork_(1, 10, 3);
	fork_(1, 11, 3);
	call(3, 1, "{\"p\":\"/srv/c\"}", 4);
	fork_(10, 12, 5);
	/* of those open then, not now */
	expect_shared(act(10, "/x", 6), 2, 1, 2);
	expect_shared(act(12, "/srv/c", 6), 2, 1, 2);
	/* it settles for the process and what it then starts */
	expect(act(10, "/srv/b", 7), "argument", 2);
	fork_(10, 13, 8);
	expect(act(10, "/x", 9), "lineage", 2);
	expect(act(10, "/srv/a", 9), "lineage", 2);
	expect(act(13, "/x", 9), "lineage", 2);
	expect_shared(act(11, "/x", 9), 2, 1, 2);
	expect_shared(act(12, "/x", 9), 2, 1, 2);
	/* also by a call that has ended since */
	end(1, 10);
	tie = act(11, "/srv/a", 11);
	expect(tie, "argument", 1);
	assert_true(tie.after);
	tie = act(12, "/x", 11);
	assert_false(tie.after);
	end(2, 12);
	tie = act(12, "/x", 13);
	expect_shared(tie, 2, 1, 2);
	assert_true(tie.after);
	mw_correlate_forget(corr, 1);
	mw_correlate_forget(corr, 2);
	tie = act(12, "/srv/a", 14);
	expect_shared(tie, 2, 1, 2);
	assert_true(tie.after);
}

static void a_shared_tie_settles_by_argv(void **state)
{
	struct mw_action a;
	struct mw_tie tie;

	call(1, 1, "{\"cmd\":\"sleep 1\"}", 1);
	call(2, 1, "{\"cmd\":\"git status\"}", 1);
	fork_(1, 2, 2);
	a = action(2, "/bin/sh", 3);
	a.kind = MW_EFFECT_PROC_EXEC;
	a.argv = MW_SLICE_LIT("sh\0-c\0git status");
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect(tie, "argument", 2);
	expect(act(2, "/srv/.git/HEAD", 4), "lineage", 2);
}

static void many_forks_share_memory(void **state)
{
	size_t before;

	for (uint64_t i = 1; i <= 200; i++)
		call(i, 1, "{}", 1);
	fork_(1, 2, 2);
	before = test_alloc_live();
	for (uint32_t i = 0; i < 10000; i++)
		fork_(1, 10 + i, 3);
	assert_true(test_alloc_live() - before < 10000 * 300);
	expect_shared(act(10009, "/x", 4), 200, 1, 64);
	/* after a change another set is taken */
	end(1, 5);
	fork_(1, 20000, 6);
	expect_shared(act(20000, "/x", 7), 199, 2, 65);
	expect_shared(act(10, "/x", 7), 200, 1, 64);
}

/* The connect's result came after the answer: it was done while the call was open. */
static void an_action_that_comes_late(void **state)
{
	struct mw_tie tie;

	serve(1);
	call(1, 1, "{\"u\":\"http://127.0.0.1:8080/\"}", 1);
	fork_(1, 2, 1);
	end(1, 10);
	expect(act(1, "/x", 9), "sole", 1);
	tie = act(2, "/x", 9);
	expect(tie, "lineage", 1);
	assert_false(tie.after);
	mw_correlate_forget(corr, 1);
	expect(act(1, "/x", 9), "none", 0);
}

/* --- the rest --- */

static void names(void **state)
{
	assert_string_equal(mw_link_name(MW_LINK_LINEAGE), "lineage");
	assert_string_equal(mw_link_name((enum mw_link)99), "unknown");
	assert_string_equal(mw_confidence_name(MW_CONF_SHARED), "shared");
	assert_string_equal(mw_confidence_name(MW_CONF_CERTAIN), "certain");
}

/* Whatever allocation fails: no leak, no crash, and nothing is said that is not so. */
static void memory_may_fail(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_correlate_config cfg = { &test_alloc_failing, 10, 65536, 4096, 100 };
		struct mw_slice args = MW_SLICE_LIT("{\"p\":\"/srv/a\"}");
		struct mw_slice args2 = MW_SLICE_LIT("{\"p\":\"/srv/b\"}");
		struct mw_tie tie;
		struct mw_action a;
		bool lost = false;

		if (mw_correlate_new(&cfg, &corr) < 0)
			continue;
		lost |= mw_correlate_server(corr, tp(1), T) < 0;
		lost |= mw_correlate_push(corr, tev_fork(tp(1), tp(2), T)) < 0;
		lost |= mw_correlate_open(corr, 1, tp(1), args, T + 1) < 0;
		lost |= mw_correlate_push(corr, tev_fork(tp(1), tp(3), T + 2)) < 0;
		lost |= mw_correlate_open(corr, 2, tp(1), args2, T + 3) < 0;
		lost |= mw_correlate_push(corr, tev_fork(tp(1), tp(4), T + 4)) < 0;
		lost |= mw_correlate_args(corr, 2, args2) < 0;
		/* what a failure may do: say less */
		a = action(1, "/x", 5);
		assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
		assert_true(tie.link == MW_LINK_SHARED || lost);
		assert_true(tie.call == 0 || tie.n_candidates == 0);
		a = action(3, "/x", 5);
		assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
		assert_true(tie.call == 0 || tie.call == 1);
		a = action(4, "/srv/b", 5);
		assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
		assert_true(tie.call == 0 || tie.call == 2);
		if (tie.call)
			(void)mw_correlate_note(corr, &a, &tie, 1);
		a = action(4, "/x", 5);
		assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
		assert_true(tie.call == 0 || tie.call == 2);
		mw_correlate_close(corr, 1, T + 6);
		mw_correlate_forget(corr, 1);
		mw_correlate_free(corr);
	}
	corr = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(none_sole_shared),
		CASE(argument_outranks_sole),
		CASE(argument_decides_among_several),
		CASE(arguments_replaced),
		CASE(arguments_not_known_whole),
		CASE(any_bytes_in_a_target),
		CASE(many_open),
		CASE(too_many_calls),
		CASE(a_child_inherits),
		CASE(a_helper_has_no_tie),
		CASE(a_shared_tie),
		CASE(a_shared_tie_settles_by_argv),
		CASE(many_forks_share_memory),
		CASE(an_action_that_comes_late),
		cmocka_unit_test(names),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
