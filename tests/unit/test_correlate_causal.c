/* SPDX-License-Identifier: Apache-2.0 */
/* Ties by a runtime's tasks, and effects that wait for their proof. */
#include "causal_fx.h"

/* --- Python --- */

static void python_id_decides(void **state)
{
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{\"p\":\"/srv/decoy\"}", task(0, 0), false, 1);
	call_by(2, 1, "\"8\"", "{}", task(0, 0), false, 2);
	tie = did(1, "/x", in_request(0xa, 7), 3);
	expect(tie, "causal", 1);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	assert_true(tie.by_runtime);
	/* an argument of another call is a decoy; a string of digits is the number too */
	tie = did(1, "/srv/decoy", in_request(0xb, 8), 3);
	expect(tie, "causal", 2);
	/* the hash of the string "7" is call 1's as well */
	tie = did(1, "/y",
		  (struct mw_task){ 0xa, (MW_ID_HASH_INIT ^ '7') * MW_ID_HASH_MUL, MW_EVF_ID_STR },
		  3);
	expect(tie, "causal", 1);
	/* an id that nobody has, and no context at all */
	expect_shared(did(1, "/x", in_request(0xc, 9), 4), 2, 1, 2);
	expect_shared(did(1, "/x", task(0, 0), 4), 2, 1, 2);
	/* after its answer, in a context that was its */
	end(1, 5);
	tie = did(1, "/late", in_request(0xa, 7), 6);
	expect(tie, "causal", 1);
	assert_true(tie.after);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	/* in one that was not seen before, too: no open call has the id */
	tie = did(1, "/late", in_request(0xd, 7), 6);
	expect(tie, "causal", 1);
	assert_true(tie.after);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	/* of an id that nobody ever had it is not the only open call's */
	expect_shared(did(1, "/late", in_request(0xe, 9), 6), 1, 2, 2);
	/* also where the context lies where its own was, of a request that was not seen */
	expect_shared(did(1, "/late", in_request(0xa, 11), 6), 1, 2, 2);
}

/* A task that a handler left behind. */
static void python_left_behind(void **state)
{
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	expect(did(1, "/x", in_request(0xa, 7), 2), "causal", 1);
	end(1, 3);
	tie = did(1, "/late", in_request(0xa, 7), 4);
	expect(tie, "causal", 1);
	assert_true(tie.after);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	/* the context's address is the next one's */
	call_by(2, 1, "8", "{}", task(0, 0), false, 5);
	end(2, 6);
	tie = did(1, "/late", in_request(0xa, 8), 7);
	expect(tie, "causal", 2);
	assert_true(tie.after);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
}

/* Ids are a session's own: a task that was left behind says the id of another session's call. */
static void python_left_behind_equal_ids(void **state)
{
	const uint64_t long_after = 20000000000;
	struct mw_ev_fork *f;
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	end(1, 2);
	call_by(2, 1, "7", "{\"p\":\"/srv/mine\"}", task(0, 0), false, 3);
	tie = did(1, "/x", in_request(0xa, 7), 4);
	expect(tie, "causal", 2);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	/* that its arguments name it, too, decides */
	assert_int_equal(did(1, "/srv/mine", in_request(0xa, 7), 4).confidence, MW_CONF_CERTAIN);
	end(2, 5);
	/* of two that have ended, and what it opened */
	tie = did_on(1, "/x", in_request(0xb, 7), 100, MW_EFFECT_FILE_OPEN, 6);
	expect_shared(tie, 2, 2, 1);
	assert_true(tie.after);
	expect(did_on(1, "/x", task(0, 0), 100, MW_EFFECT_FILE_CLOSE, 6), "none", 0);
	/* it does so: from now on however long ago it was */
	call_by(3, 1, "7", "{}", task(0, 0), false, long_after);
	assert_int_equal(did(1, "/x", in_request(0xc, 7), long_after + 1).confidence,
			 MW_CONF_LIKELY);
	end(3, long_after + 2);
	/* and where it may well be */
	call_by(4, 1, "7", "{\"p\":\"/srv/mine\"}", task(0, 0), false, long_after + 3);
	expect_shared(did(1, "/x", in_request(0xd, 7), long_after + 4), 2, 3, 4);
	f = (struct mw_ev_fork *)tev_fork(tp(1), tp(5), T + long_after + 4);
	f->hdr.task = 0xd;
	f->hdr.task_of = 7;
	f->hdr.flags = MW_EVF_ID_INT;
	assert_int_equal(mw_correlate_push(corr, &f->hdr), 0);
	expect_shared(act(5, "/y", long_after + 4), 2, 3, 4);
	tie = did(1, "/srv/mine", in_request(0xd, 7), long_after + 4);
	expect(tie, "causal", 4);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	tie = did(1, "/x", in_request(0xd, 7), long_after + 5);
	expect(tie, "causal", 4);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	end(4, long_after + 6);
	/* long after both it is of neither */
	tie = did(1, "/x", in_request(0xe, 7), 3 * long_after);
	expect(tie, "none", 0);
	assert_true(tie.excluded);
	/* nor are more than are kept all candidates */
	for (uint64_t i = 5; i < 10; i++) {
		call_by(i, 1, "7", "{}", task(0, 0), false, 3 * long_after + i);
		end(i, 3 * long_after + i);
	}
	expect(did(1, "/x", in_request(0xf, 7), 3 * long_after + 20), "none", 0);
}

/* What it opened is closed where the context is not seen. */
static void python_left_behind_file(void **state)
{
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	expect(did(1, "/x", in_request(0xa, 7), 2), "causal", 1);
	end(1, 3);
	call_by(2, 1, "8", "{}", task(0, 0), false, 4);
	expect(did_on(1, "/y", in_request(0xa, 7), 100, MW_EFFECT_FILE_OPEN, 5), "causal", 1);
	tie = did_on(1, "/y", task(0, 0), 100, MW_EFFECT_FILE_CLOSE, 6);
	expect(tie, "flow", 1);
	assert_true(tie.after);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
}

static void python_equal_ids_long_after(void **state)
{
	const uint64_t long_after = 20000000000;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	expect(did(1, "/x", in_request(0xa, 7), 2), "causal", 1);
	end(1, 3);
	call_by(2, 1, "7", "{}", task(0, 0), false, long_after);
	assert_int_equal(did(1, "/x", in_request(0xb, 7), long_after + 1).confidence,
			 MW_CONF_CERTAIN);
}

/* More ids than are kept: that one is the only call's is not said any more. */
static void python_many_ids(void **state)
{
	struct mw_tie tie;
	char id[16];

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	for (uint64_t i = 1; i <= 5000; i++) {
		snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
		call_by(i, 1, id, "{}", task(0, 0), false, 2 * i);
		assert_int_equal(did(1, "/x", in_request(i, i), 2 * i).confidence, MW_CONF_CERTAIN);
		end(i, 2 * i + 1);
		mw_correlate_forget(corr, i);
	}
	tie = did(1, "/late", in_request(5000, 5000), 20000);
	expect(tie, "causal", 5000);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	tie = did(1, "/late", in_request(1, 1), 20000);
	expect(tie, "causal", 1);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
}

/* A tool that runs a server of its own in memory has ids that no wire has seen. */
static void python_second_context(void **state)
{
	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	call_by(2, 1, "8", "{}", task(0, 0), false, 1);
	assert_int_equal(did(1, "/x", in_request(0xa, 7), 3).confidence, MW_CONF_CERTAIN);
	assert_int_equal(did(1, "/y", in_request(0xb, 7), 3).confidence, MW_CONF_LIKELY);
	assert_int_equal(did(1, "/z", in_request(0xa, 7), 3).confidence, MW_CONF_CERTAIN);
}

/* A thread without a context is not the only call's, where those that serve say so. */
static void python_thread_without_context(void **state)
{
	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	expect(did(1, "/x", task(0, 0), 2), "sole", 1);
	expect(did(1, "/x", in_request(0xa, 7), 3), "causal", 1);
	expect_shared(did(1, "/y", task(0, 0), 4), 1, 1, 1);
}

static void python_not_believed(void **state)
{
	serve(1);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	call_by(2, 1, "8", "{}", task(0, 0), false, 1);
	/* nobody said that it is Python, or that it is read */
	expect_shared(did(1, "/x", in_request(0xa, 7), 3), 2, 1, 2);
	runtime(1, MW_RT_PYTHON, false, false);
	expect_shared(did(1, "/x", in_request(0xa, 7), 3), 2, 1, 2);
	runtime(1, MW_RT_PYTHON, true, true);
	expect(did(1, "/x", in_request(0xa, 7), 3), "causal", 1);
	/* events were lost: less is said */
	mw_correlate_doubt(corr);
	assert_int_equal(did(1, "/x", in_request(0xa, 7), 3).confidence, MW_CONF_LIKELY);
	/* an exec ends it */
	assert_int_equal(
	    mw_correlate_push(corr, tev_proc((struct tev_proc){ .proc = tp(1), .ts = T + 4 })), 0);
	expect_shared(did(1, "/x", in_request(0xa, 7), 5), 2, 1, 2);
}

static void python_equal_ids(void **state)
{
	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	expect(did(1, "/x", in_request(0xa, 7), 2), "causal", 1);
	call_by(2, 1, "7", "{}", task(0, 0), false, 3);
	call_by(3, 1, "9", "{}", task(0, 0), false, 3);
	/* of the two that have the id, not of the third */
	expect_shared(did(1, "/x", in_request(0xb, 7), 4), 2, 1, 2);
	/* an object that was call 1's: likely no more */
	expect(did(1, "/x", in_request(0xa, 7), 4), "causal", 1);
	assert_int_equal(did(1, "/x", in_request(0xa, 7), 4).confidence, MW_CONF_LIKELY);
}

static void python_no_request(void **state)
{
	struct mw_task none = { 0, 0, MW_EVF_NO_REQUEST };

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{\"p\":\"/srv/a\"}", task(0, 0), false, 1);
	/* no request's context was ever seen here: it says nothing */
	expect(did(1, "/x", none, 2), "sole", 1);
	expect(did(1, "/x", in_request(0xa, 7), 2), "causal", 1);
	expect(did(1, "/x", none, 3), "none", 0);
	expect(did(1, "/srv/a", none, 3), "none", 0);
}

static void python_children(void **state)
{
	struct mw_ev_fork *f;
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_PYTHON, true, true);
	call_by(1, 1, "7", "{}", task(0, 0), false, 1);
	call_by(2, 1, "8", "{}", task(0, 0), false, 1);
	f = (struct mw_ev_fork *)tev_fork(tp(1), tp(5), T + 2);
	f->hdr.task = 0xa;
	f->hdr.task_of = 8;
	f->hdr.flags = MW_EVF_ID_INT;
	assert_int_equal(mw_correlate_push(corr, &f->hdr), 0);
	fork_(5, 6, 3);
	exit_(5, 3);
	tie = did(6, "/x", task(0, 0), 4);
	expect(tie, "lineage", 2);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	assert_true(tie.by_runtime);
	/* one without a task is of all */
	fork_(1, 7, 5);
	expect_shared(did(7, "/x", task(0, 0), 6), 2, 1, 2);
}

/* --- Go --- */

static void go_writer_proves(void **state)
{
	serve(1);
	runtime(1, MW_RT_GO, true, true);
	/* one goroutine reads, each call has its own, the other's target is a decoy */
	call_by(1, 1, "1", "{\"p\":\"/srv/b\"}", task(10, 1), true, 1);
	call_by(2, 1, "2", "{}", task(10, 1), true, 2);
	expect_shared(did(1, "/srv/a", task(11, 10), 3), 2, 1, 2);
	expect(did(1, "/srv/b", task(12, 10), 3), "argument", 1);
	expect_shared(did(1, "/srv/c", task(20, 11), 4), 2, 1, 2);
	expect_shared(did(1, "/srv/d", task(30, 0), 4), 2, 1, 2);
	answer_by(1, 1, task(11, 10), 5);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_CERTAIN);
	expect_listed(1, "/srv/c", "lineage", MW_CONF_LIKELY);
	expect_unlisted(1, "/srv/b");
	expect_unlisted(1, "/srv/d");
	mw_correlate_forget(corr, 1);
	/* what came late of that interval, and what is done in the next one */
	answer_by(2, 1, task(12, 10), 6);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(2, "/srv/b", "causal", MW_CONF_CERTAIN);
	expect_unlisted(2, "/srv/a");
	expect_unlisted(2, "/srv/d");
}

static void go_interval(void **state)
{
	serve(1);
	runtime(1, MW_RT_GO, true, true);
	/* one goroutine reads two at once and answers both in turn */
	call_by(1, 1, "1", "{}", task(10, 1), false, 1);
	call_by(2, 1, "2", "{}", task(10, 1), false, 1);
	(void)did(1, "/srv/a", task(10, 1), 2);
	answer_by(1, 1, task(10, 1), 3);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	/* which of the two it served first is not known */
	expect_unlisted(1, "/srv/a");
	expect(did(1, "/srv/b", task(10, 1), 4), "sole", 2);
	answer_by(2, 1, task(10, 1), 5);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(2, "/srv/b", "causal", MW_CONF_CERTAIN);
	expect_unlisted(2, "/srv/a");
	/* one that read exactly one is that call's at once */
	call_by(3, 1, "3", "{}", task(10, 1), true, 6);
	call_by(4, 1, "4", "{}", task(11, 1), true, 6);
	expect(did(1, "/srv/c", task(10, 1), 7), "causal", 3);
	expect(did(1, "/srv/c", task(11, 1), 7), "causal", 4);
	assert_int_equal(did(1, "/srv/c", task(11, 1), 7).confidence, MW_CONF_CERTAIN);
	/* until it reads another message, whatever that is */
	struct mw_sight s = sight(1, task(11, 1), 8, true);
	mw_correlate_moved(corr, &s);
	expect_shared(did(1, "/srv/d", task(11, 1), 9), 2, 3, 4);
}

static void go_address_only(void **state)
{
	serve(1);
	runtime(1, MW_RT_GO, true, false);
	call_by(1, 1, "1", "{}", task(10, 0), true, 1);
	call_by(2, 1, "2", "{}", task(10, 0), true, 2);
	expect_shared(did(1, "/srv/a", task(11, 0), 3), 2, 1, 2);
	answer_by(1, 1, task(11, 0), 5);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_LIKELY);
}

static void go_inline_answer_of_the_reader(void **state)
{
	serve(1);
	runtime(1, MW_RT_GO, true, true);
	/* the reader starts a goroutine for call 1 and answers call 2 itself */
	call_by(1, 1, "1", "{}", task(10, 1), true, 1);
	call_by(2, 1, "2", "{}", task(10, 1), true, 2);
	expect_shared(did(1, "/srv/a", task(11, 10), 3), 2, 1, 2);
	answer_by(2, 1, task(10, 1), 4);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_unlisted(2, "/srv/a");
	answer_by(1, 1, task(11, 10), 5);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_CERTAIN);
}

static void go_children_and_late(void **state)
{
	struct mw_ev_fork *f;
	struct mw_tie tie;

	serve(1);
	runtime(1, MW_RT_GO, true, true);
	call_by(1, 1, "1", "{}", task(10, 1), true, 1);
	call_by(2, 1, "2", "{}", task(10, 1), true, 2);
	(void)did(1, "/srv/x", task(11, 10), 2);
	f = (struct mw_ev_fork *)tev_fork(tp(1), tp(5), T + 3);
	f->hdr.task = 11;
	f->hdr.task_of = 10;
	assert_int_equal(mw_correlate_push(corr, &f->hdr), 0);
	fork_(5, 6, 3);
	expect_shared(did(6, "/srv/a", task(0, 0), 4), 2, 1, 2);
	answer_by(1, 1, task(11, 10), 5);
	tie = did(6, "/srv/b", task(0, 0), 6);
	expect(tie, "lineage", 1);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	assert_true(tie.after);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "lineage", MW_CONF_CERTAIN);
	mw_correlate_forget(corr, 1);
	answer_by(2, 1, task(12, 10), 7);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	mw_correlate_forget(corr, 2);
	/* its own goroutine goes on after the answer; another one is nobody's */
	tie = did(1, "/srv/late", task(11, 10), 8);
	expect(tie, "causal", 1);
	assert_true(tie.after);
	expect(did(1, "/srv/other", task(40, 1), 8), "none", 0);
	/* and stays nobody's while a younger call is open */
	call_by(3, 1, "3", "{}", task(10, 1), true, 9);
	expect(did(1, "/srv/other", task(40, 1), 10), "none", 0);
	expect(did(1, "/srv/new", task(41, 1), 10), "sole", 3);
}

/* --- what waits --- */

static void waiting_is_bounded(void **state)
{
	struct mw_correlate_stats st;
	char path[32];

	serve(1);
	runtime(1, MW_RT_GO, true, true);
	call_by(1, 1, "1", "{}", task(10, 1), true, 1);
	call_by(2, 1, "2", "{}", task(10, 1), true, 2);
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "/srv/%d", i);
		expect_shared(did(1, path, task(11 + (uint64_t)i % 3, 10), 3), 2, 1, 2);
	}
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.claims_evicted, 20000 - 16384);
	answer_by(1, 1, task(11, 10), 4);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_unlisted(1, "/srv/0");
	expect_listed(1, "/srv/19998", "causal", MW_CONF_CERTAIN);
	/* in the order of their records */
	struct mw_call_effect e;
	uint64_t seq = 0;
	size_t pos = 0;
	while (mw_correlate_effects(corr, 1, &pos, &e) == 1) {
		assert_true(e.seqs[0] > seq);
		seq = e.seqs[0];
	}
	mw_correlate_forget(corr, 1);
	answer_by(2, 1, task(12, 10), 5);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	mw_correlate_forget(corr, 2);
	mw_correlate_stats(corr, &st);
	assert_int_equal(st.claims_waiting, 0);
}

/* --- flow --- */

static void flow_by_file(void **state)
{
	struct mw_tie tie;

	serve(1);
	call_by(1, 1, "1", "{\"p\":\"/srv/a\"}", task(0, 0), false, 1);
	call_by(2, 1, "2", "{}", task(0, 0), false, 1);
	expect(did_on(1, "/srv/a", task(0, 0), 77, MW_EFFECT_FILE_OPEN, 2), "argument", 1);
	/* by whatever name */
	tie = did_on(1, "/srv/b", task(0, 0), 77, MW_EFFECT_FILE_CLOSE, 3);
	expect(tie, "flow", 1);
	assert_int_equal(tie.confidence, MW_CONF_LIKELY);
	/* another open file, another life of this one, another server */
	expect_shared(did_on(1, "/srv/b", task(0, 0), 78, MW_EFFECT_FILE_CLOSE, 3), 2, 1, 2);
	expect_shared(did_on(1, "/srv/c", task(0, 0), 77, MW_EFFECT_FILE_OPEN, 3), 2, 1, 2);
	expect_shared(did_on(1, "/srv/c", task(0, 0), 77, MW_EFFECT_FILE_CLOSE, 3), 2, 1, 2);
	call_by(3, 2, "1", "{}", task(0, 0), false, 1);
	call_by(4, 2, "2", "{}", task(0, 0), false, 1);
	expect_shared(did_on(2, "/srv/a", task(0, 0), 77, MW_EFFECT_FILE_CLOSE, 4), 2, 3, 4);
}

static void flow_settles_together(void **state)
{
	serve(1);
	runtime(1, MW_RT_GO, true, true);
	call_by(1, 1, "1", "{}", task(10, 1), true, 1);
	call_by(2, 1, "2", "{}", task(10, 1), true, 1);
	expect_shared(did_on(1, "/srv/a", task(11, 10), 5, MW_EFFECT_FILE_OPEN, 2), 2, 1, 2);
	/* closed by a goroutine of nobody's */
	expect_shared(did_on(1, "/srv/a", task(0, 0), 5, MW_EFFECT_FILE_CLOSE, 3), 2, 1, 2);
	/* one file, used by two calls: each keeps its own, the third is neither's */
	(void)did_on(1, "/srv/b", task(11, 10), 6, MW_EFFECT_FILE_OPEN, 3);
	(void)did_on(1, "/srv/b", task(12, 10), 6, MW_EFFECT_FILE_TRUNCATE, 3);
	(void)did_on(1, "/srv/b3", task(0, 0), 6, MW_EFFECT_FILE_CLOSE, 3);
	answer_by(1, 1, task(11, 10), 4);
	answer_by(2, 1, task(12, 10), 4);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_CERTAIN);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 3);
	expect_listed(2, "/srv/b", "causal", MW_CONF_CERTAIN);
	expect_unlisted(1, "/srv/b3");
	expect_unlisted(2, "/srv/b3");
}

static void flow_by_path(void **state)
{
	struct mw_action a;
	struct mw_tie tie;

	serve(1);
	call_by(1, 1, "1", "{\"p\":\"/srv/a.txt\"}", task(0, 0), false, 1);
	call_by(2, 1, "2", "{}", task(0, 0), false, 1);
	a = action(1, "/srv/a.txt.9f.tmp", 2);
	snprintf(a.mode, sizeof(a.mode), "w+create");
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect_shared(tie, 2, 1, 2);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 1), 0);
	/* the name that it gets is the one that the arguments name */
	a = action(1, "/srv/a.txt.9f.tmp", 3);
	a.kind = MW_EFFECT_FILE_RENAME;
	a.target2 = MW_SLICE_LIT("/srv/a.txt");
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	expect(tie, "argument", 1);
	assert_int_equal(mw_correlate_note(corr, &a, &tie, 2), 0);
	end(1, 4);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	enum mw_confidence conf;
	assert_int_equal(mw_correlate_effects_n(corr, 1), 2);
	assert_string_equal(listed(1, "/srv/a.txt.9f.tmp", &conf), "flow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define C(f) cmocka_unit_test_setup_teardown(f, setup_causal, teardown)
		C(python_id_decides),
		C(python_not_believed),
		C(python_left_behind),
		C(python_left_behind_equal_ids),
		C(python_left_behind_file),
		C(python_equal_ids_long_after),
		C(python_many_ids),
		C(python_second_context),
		C(python_thread_without_context),
		C(python_equal_ids),
		C(python_no_request),
		C(python_children),
		C(go_writer_proves),
		C(go_interval),
		C(go_address_only),
		C(go_inline_answer_of_the_reader),
		C(go_children_and_late),
		C(waiting_is_bounded),
		C(flow_by_file),
		C(flow_settles_together),
		C(flow_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
