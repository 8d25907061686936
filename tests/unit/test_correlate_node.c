/* SPDX-License-Identifier: Apache-2.0 */
/* Ties by the graph of libuv's requests. */
#include "causal_fx.h"

static void edge(uint64_t parent, uint64_t child, uint32_t kind, uint64_t ts)
{
	struct mw_prockey k = tp(1);
	struct mw_ev_task ev = { .hdr = { .len = sizeof(ev),
					  .type = MW_EV_TASK,
					  .ts_ns = T + ts,
					  .start_ns = k.start_ns,
					  .tgid = (uint32_t)k.tgid,
					  .task = parent },
				 .child = child,
				 .kind = kind };

	assert_int_equal(mw_correlate_push(corr, &ev.hdr), 0);
}

static int setup_node(void **state)
{
	int r = setup_causal(state);

	serve(1);
	runtime(1, MW_RT_NODE, true, true);
	return r;
}

/* Two calls, each read alone, their lines crossing in time only. */
static void lines_of_two(void **state)
{
	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	edge(100, 101, MW_TASK_FS, 1);
	edge(100, 102, MW_TASK_FS, 1);
	call_by(2, 1, "2", "{\"p\":\"/srv/a\"}", task(200, 0), true, 2);
	edge(200, 201, MW_TASK_FS, 2);
	/* a worker's, at once likely, whatever arguments say */
	expect(did(1, "/srv/a", task(101, 0), 3), "causal", 1);
	assert_int_equal(did(1, "/srv/a", task(101, 0), 3).confidence, MW_CONF_LIKELY);
	expect(did(1, "/srv/b", task(201, 0), 3), "causal", 2);
	expect(did(1, "/srv/c", task(102, 0), 3), "causal", 1);
	/* a timer's is of nobody */
	expect_shared(did(1, "/srv/t", task(300, 0), 3), 2, 1, 2);
	edge(101, 103, MW_TASK_FS, 4);
	expect(did(1, "/srv/d", task(103, 0), 5), "causal", 1);
	answer_by(1, 1, task(103, 0), 6);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	/* another was open and had not answered: the line may yet be seen to be the other's */
	expect_listed(1, "/srv/d", "causal", MW_CONF_LIKELY);
	expect_listed(1, "/srv/c", "causal", MW_CONF_LIKELY);
	expect_unlisted(1, "/srv/t");
	mw_correlate_forget(corr, 1);
	answer_by(2, 1, task(201, 0), 7);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	/* the other one ended on a line of its own */
	expect_listed(2, "/srv/b", "causal", MW_CONF_CERTAIN);
	expect_unlisted(2, "/srv/a");
	mw_correlate_forget(corr, 2);
}

static void one_read_brought_two(void **state)
{
	call_by(1, 1, "1", "{}", task(100, 0), false, 1);
	call_by(2, 1, "2", "{}", task(100, 0), false, 1);
	edge(100, 101, MW_TASK_FS, 1);
	edge(100, 102, MW_TASK_FS, 1);
	edge(101, 103, MW_TASK_FS, 2);
	expect_shared(did(1, "/srv/sync", task(100, 0), 2), 2, 1, 2);
	expect_shared(did(1, "/srv/a", task(101, 0), 3), 2, 1, 2);
	expect_shared(did(1, "/srv/b", task(102, 0), 3), 2, 1, 2);
	expect_shared(did(1, "/srv/a2", task(103, 0), 3), 2, 1, 2);
	answer_by(2, 1, task(102, 0), 4);
	answer_by(1, 1, task(103, 0), 5);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_CERTAIN);
	expect_listed(1, "/srv/a2", "causal", MW_CONF_CERTAIN);
	expect_listed(2, "/srv/b", "causal", MW_CONF_LIKELY);
	expect_unlisted(1, "/srv/sync");
	expect_unlisted(2, "/srv/sync");
	expect_unlisted(1, "/srv/b");
}

/* A queue that lets one in at a time: call 2's work is submitted where call 1's ended. */
static void a_queue_entangles(void **state)
{
	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	call_by(2, 1, "2", "{}", task(200, 0), true, 2);
	edge(100, 101, MW_TASK_FS, 3);
	(void)did(1, "/srv/a", task(101, 0), 4);
	edge(101, 102, MW_TASK_FS, 5);
	(void)did(1, "/srv/b", task(102, 0), 6);
	answer_by(2, 1, task(102, 0), 7);
	/* it stands on call 1's line: whose it was is not known */
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	assert_int_equal(mw_correlate_effects_n(corr, 2), 0);
	answer_by(1, 1, task(101, 0), 8);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	expect_listed(1, "/srv/a", "causal", MW_CONF_LIKELY);
	expect_unlisted(1, "/srv/b");
	/* from now on lines are never certain here */
	mw_correlate_forget(corr, 1);
	mw_correlate_forget(corr, 2);
	call_by(3, 1, "3", "{}", task(400, 0), true, 9);
	edge(400, 401, MW_TASK_FS, 9);
	assert_int_equal(did(1, "/srv/c", task(401, 0), 10).confidence, MW_CONF_LIKELY);
}

static void alone_is_certain(void **state)
{
	struct mw_tie tie;

	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	edge(100, 101, MW_TASK_FS, 1);
	edge(100, 110, MW_TASK_READ, 1);
	edge(110, 111, MW_TASK_FS, 1);
	tie = did(1, "/srv/a", task(101, 0), 2);
	expect(tie, "causal", 1);
	assert_int_equal(tie.confidence, MW_CONF_CERTAIN);
	/* a stream may have been another's before */
	assert_int_equal(did(1, "/srv/b", task(111, 0), 2).confidence, MW_CONF_LIKELY);
	answer_by(1, 1, task(101, 0), 3);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
	mw_correlate_forget(corr, 1);
	edge(101, 102, MW_TASK_FS, 4);
	/* late, while no other is open */
	tie = did(1, "/srv/late", task(102, 0), 5);
	expect(tie, "causal", 1);
	assert_true(tie.after);
	call_by(2, 1, "2", "{}", task(200, 0), true, 6);
	expect_shared(did(1, "/srv/late", task(102, 0), 7), 1, 2, 2);
}

static void a_timer_breaks_the_line(void **state)
{
	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	call_by(2, 1, "2", "{}", task(200, 0), true, 1);
	edge(0, 300, MW_TASK_OTHER, 2);
	edge(300, 301, MW_TASK_FS, 2);
	expect_shared(did(1, "/srv/a", task(301, 0), 3), 2, 1, 2);
	answer_by(2, 1, task(301, 0), 4);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(2, "/srv/a", "order", MW_CONF_LIKELY);
	/* one that began before the call is of something else */
	edge(0, 400, MW_TASK_OTHER, 5);
	call_by(3, 1, "3", "{}", task(500, 0), true, 6);
	edge(400, 401, MW_TASK_FS, 7);
	expect_shared(did(1, "/srv/b", task(401, 0), 8), 2, 1, 3);
	answer_by(3, 1, task(401, 0), 9);
	mw_correlate_settle(corr, 3, MW_SLICE_LIT(""));
	expect_unlisted(3, "/srv/b");
}

static void children(void **state)
{
	struct mw_ev_fork *f;

	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	call_by(2, 1, "2", "{}", task(200, 0), true, 1);
	edge(200, 201, MW_TASK_FS, 2);
	f = (struct mw_ev_fork *)tev_fork(tp(1), tp(5), T + 3);
	f->hdr.task = 201;
	assert_int_equal(mw_correlate_push(corr, &f->hdr), 0);
	expect(did(5, "/srv/a", task(0, 0), 4), "lineage", 2);
	/* without a task it is of both */
	fork_(1, 6, 4);
	expect_shared(did(6, "/srv/b", task(0, 0), 5), 2, 1, 2);
	answer_by(1, 1, task(100, 0), 6);
	answer_by(2, 1, task(201, 0), 6);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT(""));
	expect_listed(2, "/srv/a", "lineage", MW_CONF_CERTAIN);
}

/* Long lines and hostile graphs cost what they cost, and no more. */
static void long_and_round(void **state)
{
	call_by(1, 1, "1", "{}", task(100, 0), true, 1);
	for (uint64_t i = 0; i < 40000; i++)
		edge(100 + i, 101 + i, MW_TASK_FS, 2);
	(void)did(1, "/srv/a", task(40100, 0), 3);
	edge(40100, 100, MW_TASK_FS, 3);
	edge(7, 7, MW_TASK_FS, 3);
	edge(8, 9, MW_TASK_FS, 3);
	edge(9, 8, MW_TASK_FS, 3);
	answer_by(1, 1, task(9, 0), 4);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define C(f) cmocka_unit_test_setup_teardown(f, setup_node, teardown)
		C(lines_of_two),     C(one_read_brought_two),	 C(a_queue_entangles),
		C(alone_is_certain), C(a_timer_breaks_the_line), C(children),
		C(long_and_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
