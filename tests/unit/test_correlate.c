/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>

#include "core/correlate.h"

static struct mw_correlate *corr;

/* Starts are pid + 10 (tp); times are well above, so that nothing is older than it is said to be.
 */
#define T 1000000

static void start(size_t calls_max, size_t effects_max, size_t procs_max)
{
	struct mw_correlate_config cfg = { &test_alloc, calls_max, 65536, effects_max, procs_max };

	assert_int_equal(mw_correlate_new(&cfg, &corr), 0);
}

static int setup(void **state)
{
	start(1000, 1 << 20, 0);
	return 0;
}

static int teardown(void **state)
{
	mw_correlate_free(corr);
	corr = NULL;
	return test_alloc_live() != 0;
}

static void serve(uint32_t pid)
{
	assert_int_equal(mw_correlate_server(corr, tp(pid), T), 0);
}

static void call(uint64_t id, uint32_t pid, const char *args, uint64_t ts)
{
	assert_int_equal(mw_correlate_open(corr, id, tp(pid), mw_slice_str(args), T + ts), 0);
}

static void end(uint64_t id, uint64_t ts)
{
	mw_correlate_close(corr, id, T + ts);
}

static void fork_(uint32_t parent, uint32_t child, uint64_t ts)
{
	assert_int_equal(mw_correlate_push(corr, tev_fork(tp(parent), tp(child), T + ts)), 0);
}

static void exit_(uint32_t pid, uint64_t ts)
{
	assert_int_equal(mw_correlate_push(corr, tev_exit(tp(pid), 0, T + ts)), 0);
}

static struct mw_action action(uint32_t pid, const char *target, uint64_t ts)
{
	return (struct mw_action){ .kind = MW_EFFECT_FILE_OPEN,
				   .proc = tp(pid),
				   .ts_ns = T + ts,
				   .target = mw_slice_str(target) };
}

/* The tie of an open of target by a process. */
static struct mw_tie act(uint32_t pid, const char *target, uint64_t ts)
{
	struct mw_action a = action(pid, target, ts);
	struct mw_tie tie;

	memset(&tie, 0xEE, sizeof(tie));
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	assert_non_null(tie.why);
	assert_int_equal(tie.confidence, tie.link == MW_LINK_NONE     ? MW_CONF_NONE
					 : tie.link == MW_LINK_SHARED ? MW_CONF_SHARED
								      : MW_CONF_LIKELY);
	if (tie.link == MW_LINK_NONE || tie.link == MW_LINK_SHARED)
		assert_int_equal(tie.call, 0);
	if (tie.link != MW_LINK_SHARED)
		assert_int_equal(tie.n_candidates, 0);
	return tie;
}

#define expect(tie_, link_, call_)                                                                 \
	do {                                                                                       \
		struct mw_tie t_ = (tie_);                                                         \
		assert_string_equal(mw_link_name(t_.link), link_);                                 \
		assert_int_equal(t_.call, call_);                                                  \
	} while (0)
#define expect_shared(tie_, n, first, last)                                                        \
	do {                                                                                       \
		struct mw_tie t_ = (tie_);                                                         \
		assert_string_equal(mw_link_name(t_.link), "shared");                              \
		assert_int_equal(t_.n_candidates, n);                                              \
		assert_int_equal(t_.candidates[0], first);                                         \
		assert_int_equal(t_.candidates[(n) < 64 ? (n)-1 : 63], last);                      \
	} while (0)

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
	/* what it starts is not older than the calls */
	end(2, 6);
	fork_(2, 3, 7);
	expect(act(3, "/x", 8), "lineage", 1);
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

	call(1, 1, "{}", 1);
	call(2, 1, "{}", 1);
	note(&a, 1, -ENOENT);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		cmocka_unit_test(names),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
