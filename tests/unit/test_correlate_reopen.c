/* SPDX-License-Identifier: Apache-2.0 */
/* calls of several rounds, and calls that a relay passes on */
#include "support_correlate.h"

static int reopen(uint64_t id, uint32_t pid, uint64_t ts)
{
	return mw_correlate_reopen(corr, id, tp(pid), T + ts);
}

static void again(uint64_t id, uint32_t pid, uint64_t ts)
{
	assert_int_equal(reopen(id, pid, ts), 0);
}

/* --- rounds --- */

static void a_round_acts_again(void **state)
{
	struct mw_call_effect ef;
	struct mw_action a = action(1, "/a", 3);
	struct mw_tie tie;
	size_t pos = 0;

	call(1, 1, "{\"path\":\"/srv/a\"}", 2);
	tie = act(1, "/a", 3);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 77), 0);
	end(1, 4);
	expect(act(1, "/a", 5), "none", 0);
	again(1, 1, 10);
	expect(act(1, "/a", 11), "sole", 1);
	expect(act(1, "/srv/a", 11), "argument", 1);
	/* as of when it was done: between the rounds it was not open */
	expect(act(1, "/a", 4), "sole", 1);
	expect(act(1, "/a", 7), "none", 0);
	expect(act(1, "/a", 1), "none", 0);
	again(1, 1, 12); /* open already: no change */
	expect(act(1, "/a", 11), "sole", 1);
	end(1, 13);
	expect(act(1, "/a", 3), "sole", 1);
	expect(act(1, "/a", 13), "sole", 1);
	expect(act(1, "/a", 14), "none", 0);
	/* what it has done is still its own */
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &ef), 1);
	assert_int_equal(ef.seqs[0], 77);
	mw_correlate_forget(corr, 1);
	assert_int_equal(reopen(1, 1, 20), -ENOENT);
	assert_int_equal(reopen(2, 1, 20), -ENOENT);
}

static void between_the_rounds_another_is_alone(void **state)
{
	call(1, 1, "{}", 2);
	end(1, 4);
	call(2, 1, "{}", 5);
	expect(act(1, "/a", 6), "sole", 2);
	again(1, 1, 10);
	expect_shared(act(1, "/a", 11), 2, 2, 1);
	expect(act(1, "/a", 6), "sole", 2);
	end(2, 12);
	expect(act(1, "/a", 13), "sole", 1);
	end(1, 14);
	again(1, 1, 20);
	expect(act(1, "/a", 21), "sole", 1);
	expect(act(1, "/a", 13), "sole", 1); /* the round before */
}

static void lineage_over_rounds(void **state)
{
	call(1, 1, "{}", 2);
	fork_(1, 2, 3);
	end(1, 4);
	assert_true(act(2, "/a", 5).after);
	fork_(1, 3, 6); /* of no call */
	again(1, 1, 10);
	expect(act(2, "/a", 11), "lineage", 1);
	assert_false(act(2, "/a", 11).after);
	assert_false(act(2, "/a", 4).after);
	assert_true(act(2, "/a", 7).after);
	expect(act(3, "/a", 11), "none", 0);
	fork_(1, 4, 12);
	expect(act(4, "/a", 13), "lineage", 1);
	end(1, 14);
	assert_true(act(4, "/a", 15).after);
	assert_false(act(2, "/a", 11).after);
	mw_correlate_forget(corr, 1);
	expect(act(4, "/a", 16), "lineage", 1);
}

static void a_loss_in_a_round(void **state)
{
	call(1, 1, "{}", 2);
	mw_correlate_doubt(corr);
	end(1, 4);
	again(1, 1, 10);
	expect_shared(act(1, "/a", 11), 1, 1, 1);
	/* one that was closed when events were lost is known to be open now */
	call(2, 50, "{}", 2);
	end(2, 4);
	mw_correlate_doubt(corr);
	again(2, 50, 12);
	expect(act(50, "/a", 13), "sole", 2);
}

static void what_was_sent_is_read(void **state)
{
	assert_int_equal(mw_correlate_send(corr, 1, tp(1), MW_SLICE_LIT("{}"), T + 2), 0);
	expect_shared(act(1, "/a", 3), 1, 1, 1);
	again(1, 1, 5);
	expect(act(1, "/a", 6), "sole", 1);
	expect(act(1, "/a", 3), "none", 0);
	/* answered and never seen to be read, then the next round is */
	assert_int_equal(mw_correlate_send(corr, 2, tp(50), MW_SLICE_LIT("{}"), T + 2), 0);
	end(2, 5);
	again(2, 50, 8);
	expect(act(50, "/a", 9), "sole", 2);
	expect(act(50, "/a", 4), "none", 0);
}

static void a_round_is_sent_then_read(void **state)
{
	struct mw_call_effect ef;
	struct mw_action a = action(1, "/a", 3);
	struct mw_tie tie;
	size_t pos = 0;

	call(1, 1, "{}", 2);
	tie = act(1, "/a", 3);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 77), 0);
	end(1, 4);
	assert_int_equal(mw_correlate_resend(corr, 1, tp(1), T + 8), 0);
	assert_int_equal(mw_correlate_resend(corr, 1, tp(1), T + 8), 0); /* again is no change */
	tie = act(1, "/b", 9);
	expect_shared(tie, 1, 1, 1);
	expect(act(1, "/b", 7), "none", 0);
	/* its record claims none of it */
	a.target = MW_SLICE_LIT("/b");
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 78), 0);
	mw_correlate_doubt(corr);
	assert_int_equal(mw_correlate_read(corr, 1, T + 10), 0);
	assert_int_equal(mw_correlate_read(corr, 1, T + 10), -ENOENT);
	expect_shared(act(1, "/b", 11), 1, 1, 1); /* events were lost while it was open */
	expect(act(1, "/b", 9), "none", 0);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &ef), 1);
	assert_int_equal(ef.seqs[0], 77);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &ef), 0);
	assert_int_equal(mw_correlate_resend(corr, 9, tp(1), T + 8), -ENOENT);
}

/* --- relays --- */

static void moved_on(void **state)
{
	call(1, 1, "{}", 2);
	assert_int_equal(mw_correlate_move(corr, 1, tp(9), T + 4), 0);
	expect(act(1, "/a", 3), "sole", 1);
	expect(act(1, "/a", 5), "none", 0);
	expect(act(9, "/a", 5), "sole", 1);
	expect(act(9, "/a", 3), "none", 0);
	assert_int_equal(mw_correlate_move(corr, 1, tp(1), T + 6), 0);
	expect(act(1, "/a", 3), "sole", 1);
	expect(act(1, "/a", 5), "none", 0);
	expect(act(1, "/a", 7), "sole", 1);
	expect(act(9, "/a", 7), "none", 0);
	end(1, 8);
	expect(act(1, "/a", 9), "none", 0);
	assert_int_equal(mw_correlate_move(corr, 2, tp(1), T + 6), -ENOENT);
}

/* It was taken to go to one process, and another one reads it. */
static void sent_and_moved(void **state)
{
	struct mw_action a = action(1, "/a", 3);
	struct mw_tie tie;

	assert_int_equal(mw_correlate_send(corr, 1, tp(1), MW_SLICE_LIT("{}"), T + 2), 0);
	tie = act(1, "/a", 3);
	expect_shared(tie, 1, 1, 1);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 7), 0);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 1);
	assert_int_equal(mw_correlate_move(corr, 1, tp(9), T + 4), 0);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
	expect_shared(act(9, "/a", 5), 1, 1, 1);
	expect(act(1, "/a", 5), "none", 0);
	assert_int_equal(mw_correlate_read(corr, 1, T + 6), 0);
	expect(act(9, "/a", 7), "sole", 1);
	expect(act(1, "/a", 7), "none", 0);
}

static void open_at_both(void **state)
{
	struct mw_tie tie;

	call(1, 1, "{\"path\":\"/srv/a\"}", 2);
	expect(act(9, "/a", 3), "none", 0);
	again(1, 9, 4);
	tie = act(9, "/a", 5);
	expect(tie, "sole", 1);
	assert_true(mw_prockey_eq(tie.server, tp(9)));
	expect(act(9, "/srv/a", 5), "argument", 1);
	tie = act(1, "/a", 5);
	expect(tie, "sole", 1);
	assert_true(mw_prockey_eq(tie.server, tp(1)));
	expect(act(9, "/a", 3), "none", 0); /* not yet */
	/* by what is open there: another call of the relay makes its own acts shared, and no others */
	call(2, 1, "{}", 6);
	expect_shared(act(1, "/a", 7), 2, 1, 2);
	expect(act(9, "/a", 7), "sole", 1);
	again(2, 9, 8);
	expect_shared(act(9, "/a", 9), 2, 1, 2);
	end(1, 10);
	expect(act(9, "/a", 11), "sole", 2);
	expect(act(1, "/a", 11), "sole", 2);
	/* both places act again */
	again(1, 9, 12);
	expect_shared(act(9, "/a", 13), 2, 2, 1);
	expect(act(1, "/a", 13), "sole", 2);
	mw_correlate_forget(corr, 1);
	expect(act(9, "/a", 13), "sole", 2);
}

static void new_arguments_count_at_both(void **state)
{
	call(1, 1, "{}", 2);
	call(2, 9, "{}", 2);
	again(1, 9, 3);
	assert_int_equal(mw_correlate_args(corr, 1, MW_SLICE_LIT("{\"p\":\"/srv/z\"}")), 0);
	expect(act(9, "/srv/z", 4), "argument", 1);
	expect(act(1, "/srv/z", 4), "argument", 1);
}

static void children_of_both(void **state)
{
	fork_(1, 9, 1); /* the relay starts the server */
	serve(1);
	serve(9);
	call(1, 1, "{}", 2);
	again(1, 9, 3);
	fork_(9, 10, 4);
	fork_(1, 2, 4);
	end(1, 6);
	expect(act(10, "/a", 5), "lineage", 1);
	expect(act(2, "/a", 5), "lineage", 1);
	assert_false(act(10, "/a", 5).after);
	assert_true(act(10, "/a", 7).after);
	assert_true(mw_prockey_eq(act(10, "/a", 7).server, tp(9)));
}

static void unconfirmed_at_both(void **state)
{
	struct mw_call_effect ef;
	struct mw_action a = action(9, "/a", 5);
	struct mw_tie tie;
	size_t pos = 0;

	assert_int_equal(
	    mw_correlate_open_unconfirmed(corr, 1, tp(1), MW_SLICE_LIT("{}"), T + 2), 0);
	again(1, 9, 3);
	tie = act(9, "/a", 5);
	expect_shared(tie, 1, 1, 1);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 7), 0);
	mw_correlate_confirm(corr, 1);
	expect(act(9, "/a", 6), "sole", 1);
	assert_int_equal(mw_correlate_effects(corr, 1, &pos, &ef), 1);
	assert_int_equal(ef.link, MW_LINK_SOLE);
	mw_correlate_doubt(corr);
	expect_shared(act(9, "/a", 7), 1, 1, 1);
	expect_shared(act(1, "/a", 7), 1, 1, 1);
}

/* A call that is given up while it is open anywhere leaves every one of its servers unsure. */
static void given_up_at_both(void **state)
{
	struct mw_correlate_stats st;

	teardown(NULL);
	start(2, 1 << 20, 0);
	call(1, 1, "{}", 1);
	again(1, 9, 2);
	call(2, 9, "{}", 3);
	call(3, 9, "{}", 4); /* 1 goes */
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.calls_evicted, 1);
	end(2, 5);
	expect_shared(act(9, "/a", 6), 1, 3, 3);
	assert_int_equal(reopen(1, 9, 7), -ENOENT);
	end(1, 8);
	expect_shared(act(9, "/a", 9), 1, 3, 3);
}

static void no_memory(void **state)
{
	size_t n_seen = 0;

	TEST_EACH_FAILURE(n)
	{
		struct mw_correlate_config cfg = { &test_alloc_failing, 100, 65536, 65536, 0 };
		struct mw_correlate *c;
		int r;

		if (mw_correlate_new(&cfg, &c) < 0)
			continue;
		(void)mw_correlate_open(c, 1, tp(1), MW_SLICE_LIT("{\"a\":\"/x\"}"), 5);
		bool known = mw_correlate_server(c, tp(9), 5) == 0;

		r = mw_correlate_reopen(c, 1, tp(9), 6);
		assert_true(r == 0 || r == -ENOMEM || r == -ENOENT);
		if (r == -ENOMEM && known) {
			struct mw_action a = action(9, "/b", 0);
			struct mw_tie tie;

			/* nothing is claimed of one call alone where one is not followed */
			if (mw_correlate_open(c, 2, tp(9), MW_SLICE_LIT("{}"), 7) == 0) {
				a.ts_ns = 8;
				assert_int_equal(mw_correlate_act(c, &a, &tie), 0);
				assert_int_equal(tie.link, MW_LINK_SHARED);
				n_seen++;
			}
		}
		mw_correlate_close(c, 1, 9);
		(void)mw_correlate_reopen(c, 1, tp(1), 10);
		mw_correlate_free(c);
	}
	assert_int_equal(n_seen, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_round_acts_again),
		CASE(between_the_rounds_another_is_alone),
		CASE(lineage_over_rounds),
		CASE(a_loss_in_a_round),
		CASE(what_was_sent_is_read),
		CASE(a_round_is_sent_then_read),
		CASE(moved_on),
		CASE(sent_and_moved),
		CASE(open_at_both),
		CASE(new_arguments_count_at_both),
		CASE(children_of_both),
		CASE(unconfirmed_at_both),
		CASE(given_up_at_both),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
