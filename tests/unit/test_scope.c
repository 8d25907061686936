/* SPDX-License-Identifier: Apache-2.0 */
/* trees of candidates: held, promoted, let go */
#include "scope_fx.h"

#include "io/hold.h"

/* Of the events so far, the k-th of a type that came out of the hold. */
static const struct fx_got *held_at(const struct fx *f, size_t k)
{
	for (size_t i = 0; i < f->n_got; i++)
		if (f->got[i].cpu == MW_CPU_NONE && f->got[i].type != MW_EV_LOST && k-- == 0)
			return &f->got[i];
	fail_msg("fewer held events");
	return NULL;
}

/* Which runtime a process has is heard at once, and again where its program is. */
static void test_runtime(void **state)
{
	static const uint16_t want[] = { MW_EV_EXEC, MW_EV_RUNTIME, MW_EV_ACT };
	struct fx *f = fx_new("");
	struct mw_ev_runtime ev = {
		.hdr = { .len = sizeof(ev), .type = MW_EV_RUNTIME, .flags = C, .cpu = MW_CPU_NONE },
		.kind = MW_RT_GO
	};
	struct mw_prockey p = tp(20);

	ev.hdr.tgid = (uint32_t)p.tgid;
	ev.hdr.start_ns = p.start_ns;
	fx_proc(f, 10, 1, "/client");
	fx_exec(f, 20, 10, "/server", 5, 6);
	fx_facts(f, 20, "/a");
	assert_true(fx_push(f, &ev.hdr));
	fx_act(f, 20, C);
	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->n_got, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->got[i].type, want[i]);
	/* what was under way then comes in its order too */
	fx_forget(f);
	assert_false(fx_act(f, 20, C));
	assert_false(fx_push(f, &ev.hdr));
	assert_int_equal(f->n_got, 2);
	assert_int_equal(f->got[1].type, MW_EV_RUNTIME);
	/* of one that no tree knows, as a listener: the core may */
	ev.hdr.tgid = 40;
	assert_true(fx_push(f, &ev.hdr));
	fx_free(f);
}

/* A client 10 starts 20, which says it is a server: all it did comes out, in order, and then goes
 * on as it comes. */
static void test_promote(void **state)
{
	struct fx *f = fx_new("");
	static const uint16_t want[] = { MW_EV_EXEC, MW_EV_ACT, MW_EV_EXEC, MW_EV_ACT, MW_EV_EXIT };

	fx_proc(f, 10, 1, "/client");
	assert_true(fx_exec(f, 20, 10, "/server", 5, 6));
	assert_true(fx_facts(f, 20, "/a"));
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	assert_false(fx_act(f, 20, C));
	assert_true(fx_fork(f, 20, 21));
	assert_true(fx_exec(f, 21, 20, "/child", 5, 0));
	assert_false(fx_act(f, 21, C));
	assert_true(fx_exit(f, 21));
	assert_true(fx_io(f, 20, 5, C));
	/* so far the core knows who they are, and nothing of what they did */
	assert_int_equal(fx_count(f, MW_EV_ACT, 20, -1) + fx_count(f, MW_EV_ACT, 21, -1), 0);
	assert_int_equal(fx_count(f, MW_EV_EXEC, 20, C), 1);
	assert_int_equal(fx_count(f, MW_EV_EXIT, 21, C), 1);
	assert_int_equal(fx_count(f, MW_EV_IO, 20, C), 1);

	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->tag[20], MW_TAG_OBSERVED);
	assert_int_equal(f->n_got, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(f->got[i].type, want[i]);
		assert_int_equal(f->got[i].flags, 0);
		assert_int_equal(f->got[i].tgid, i < 2 ? 20 : 21);
	}
	/* what was under way when the tag changed still comes out, as of an observed one */
	fx_forget(f);
	assert_false(fx_act(f, 20, C));
	assert_int_equal(fx_count(f, MW_EV_ACT, 20, 0), 1);
	/* and a child forked meanwhile is tagged by its FORK */
	f->tag[22] = MW_TAG_CANDIDATE;
	assert_false(fx_push(f, fx_flag(tev_fork(tp(20), tp(22), f->now), C)));
	assert_int_equal(f->tag[22], MW_TAG_OBSERVED);
	assert_false(fx_act(f, 22, C));
	assert_int_equal(fx_count(f, MW_EV_ACT, 22, 0), 1);
	/* from now on nothing is in the way */
	assert_true(fx_act(f, 20, 0));
	assert_true(fx_exec(f, 22, 20, "/x", 7, 8));
	assert_true(fx_exit(f, 22));
	assert_true(fx_exit(f, 20));
	fx_tick(f, 5 * FX_SEC);
	fx_tick(f, 5 * FX_SEC);
	/* nobody needs the client's tag any more */
	assert_int_equal(f->tag[10], 0);
	fx_free(f);
}

/* sh and npx around a server: all of it is its tree. */
static void test_wrappers(void **state)
{
	struct fx *f = fx_new("");

	fx_proc(f, 10, 1, "/client");
	fx_exec(f, 20, 10, "/bin/sh", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/npx", 5, 6);
	fx_fork(f, 21, 22);
	fx_exec(f, 22, 21, "/node", 5, 6);
	fx_fork(f, 22, 23);
	/* cat in front of it has one end of the tree */
	fx_fork(f, 20, 24);
	fx_exec(f, 24, 20, "/cat", 5, 9);
	fx_act(f, 20, C);
	fx_forget(f);
	fx_server(f, 22, 0);
	for (uint32_t pid = 20; pid <= 24; pid++)
		assert_int_equal(f->tag[pid], MW_TAG_OBSERVED);
	assert_int_equal(f->got[0].tgid, 20);
	assert_int_equal(f->got[0].type, MW_EV_EXEC);
	assert_int_equal(held_at(f, 4)->type, MW_EV_ACT);
	fx_free(f);
}

/* An agent that is a candidate itself starts a server on channels of its own: only that is. */
static void test_nested(void **state)
{
	struct fx *f = fx_new("");

	fx_proc(f, 10, 1, "/ide");
	fx_exec(f, 20, 10, "/agent", 5, 6);
	fx_act(f, 20, C);
	fx_fork(f, 20, 21);
	fx_act(f, 21, C);
	fx_exec(f, 21, 20, "/server", 7, 8);
	fx_act(f, 21, C);
	fx_forget(f);
	fx_server(f, 21, 0);
	assert_int_equal(f->tag[20], MW_TAG_CANDIDATE | MW_TAG_STREAM);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	/* what the child did before its exec it did as the agent */
	assert_int_equal(f->n_got, 2);
	assert_int_equal(fx_count(f, MW_EV_ACT, 20, -1), 0);
	/* the agent's own channels are no MCP: it is let go, but seen on its server's streams */
	fx_drop(f, 6);
	assert_int_equal(f->tag[20], MW_TAG_STREAM);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(fx_count(f, MW_EV_EXIT, 20, -1), 0);
	fx_exit(f, 21);
	fx_tick(f, 3 * FX_SEC);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[20], 0);
	fx_free(f);

	/* the other way round: the agent serves, and what it has started goes with it */
	f = fx_new("");
	fx_proc(f, 10, 1, "/ide");
	fx_exec(f, 20, 10, "/agent", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/tool", 7, 8);
	fx_fork(f, 21, 22);
	fx_exec(f, 22, 21, "/tool2", 17, 18);
	fx_act(f, 22, C);
	fx_server(f, 20, 0);
	for (uint32_t pid = 20; pid <= 22; pid++)
		assert_int_equal(f->tag[pid], MW_TAG_OBSERVED);
	assert_int_equal(fx_count(f, MW_EV_ACT, 22, 0), 1);
	fx_free(f);
}

/* What is no MCP is let go with all that inherited the bit, and nothing of it is kept. */
static void test_let_go(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_stats st;

	fx_proc(f, 10, 1, "/cron");
	fx_exec(f, 20, 10, "/make", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/cc", 0, 6);
	fx_act(f, 20, C);
	fx_act(f, 21, C);
	fx_forget(f);
	fx_drop(f, 6);
	assert_int_equal(f->n_controls, 1); /* the kernel side hears of it, too */
	assert_int_equal(f->tag[20] | f->tag[21], 0);
	/* for the core they have ended: it will not hear of them again */
	assert_int_equal(f->n_got, 2);
	assert_int_equal(fx_count(f, MW_EV_EXIT, 20, C) + fx_count(f, MW_EV_EXIT, 21, C), 2);
	fx_forget(f);
	/* one that was forked before the tags were gone, and what it did meanwhile */
	f->tag[22] = MW_TAG_CANDIDATE;
	assert_false(fx_push(f, fx_flag(tev_fork(tp(21), tp(22), f->now), C)));
	assert_int_equal(f->tag[22], 0);
	assert_false(fx_act(f, 22, C));
	assert_false(fx_act(f, 21, C));
	assert_false(fx_io(f, 21, 6, C));
	assert_int_equal(f->n_got, 0);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.held_bytes, 0);
	assert_int_equal(st.let_go, 1);
	/* a server that is recognised after all is taken as one that runs already */
	fx_server(f, 21, 0);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	fx_tick(f, 3 * FX_SEC);
	fx_tick(f, 3 * FX_SEC);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.members, 0);
	assert_int_equal(st.trees, 0);
	assert_int_equal(f->tag[10], 0);
	fx_free(f);
}

/* A process that was let go may become a candidate again by what it runs next. */
static void test_again(void **state)
{
	struct fx *f = fx_new("");

	fx_exec(f, 20, 10, "/sh", 5, 6);
	fx_drop(f, 6);
	assert_int_equal(f->tag[20], 0);
	/* an EXEC from before */
	assert_false(fx_push(f, fx_flag(tev_proc((struct tev_proc){
					    .proc = tp(20), .parent = tp(10), .exe = "/late" }),
					C)));
	assert_true(fx_exec(f, 20, 10, "/server", 15, 16));
	assert_false(fx_act(f, 20, C));
	fx_tick(f, 3 * FX_SEC);
	fx_tick(f, 3 * FX_SEC);
	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->tag[20], MW_TAG_OBSERVED);
	assert_int_equal(f->n_got, 2);
	fx_free(f);
}

/* Nobody holds the channels any more: a daemon that a session left behind. */
static void test_nobody_on(void **state)
{
	struct fx *f = fx_new("");

	fx_exec(f, 20, 10, "/sh", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/daemon", 0, 0);
	fx_act(f, 21, C);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[21], MW_TAG_CANDIDATE);
	fx_exit(f, 20);
	fx_tick(f, FX_SEC);
	assert_int_equal(f->tag[21], MW_TAG_CANDIDATE);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[21], 0);
	fx_free(f);

	/* a wrapper that ends while the server goes on changes nothing */
	f = fx_new("");
	fx_exec(f, 20, 10, "/sh", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/server", 5, 6);
	fx_exit(f, 20);
	fx_tick(f, 9 * FX_SEC);
	fx_forget(f);
	fx_server(f, 21, 0);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(fx_count(f, MW_EV_EXEC, 21, 0), 1);
	fx_free(f);
}

/* It ended before it was recognised: what it did still comes out. Later it does not. */
static void test_short_lived(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_stats st;

	fx_exec(f, 20, 10, "/server", 5, 6);
	fx_act(f, 20, C);
	fx_exit(f, 20);
	fx_tick(f, FX_SEC);
	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->n_got, 3);
	assert_int_equal(f->got[2].type, MW_EV_EXIT);
	assert_int_equal(f->tag[20], 0);
	fx_exec(f, 30, 10, "/other", 7, 8);
	fx_exit(f, 30);
	fx_tick(f, 3 * FX_SEC);
	fx_tick(f, 3 * FX_SEC);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.members, 0);
	assert_int_equal(st.held_bytes, 0);
	fx_forget(f);
	fx_server(f, 30, 0);
	assert_int_equal(f->n_got, 0);
	fx_free(f);
}

/* A connect's result belongs to its action. */
static void test_connect(void **state)
{
	struct tev_act act = { .op = MW_OP_CONNECT, .ret = -EINPROGRESS, .chan = 77, .gen = 1 };
	struct fx *f = fx_new("");

	fx_exec(f, 20, 10, "/server", 5, 6);
	act.proc = tp(20);
	assert_false(fx_push(f, fx_flag(tev_act(act), C)));
	assert_false(fx_push(f, tev_sock(77, 1, 0, 5)));
	assert_true(fx_push(f, tev_sock(78, 1, 0, 5))); /* another's */
	act.chan = 79;
	assert_false(fx_push(f, fx_flag(tev_act(act), C)));
	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->n_got, 4);
	assert_int_equal(f->got[1].type, MW_EV_ACT);
	assert_int_equal(f->got[2].type, MW_EV_SOCK);
	assert_int_equal(f->got[3].type, MW_EV_ACT);
	assert_true(fx_push(f, tev_sock(79, 1, 0, 5)));
	/* of one that was let go it is not seen */
	fx_exec(f, 30, 10, "/x", 7, 8);
	act.proc = tp(30);
	act.chan = 80;
	assert_false(fx_push(f, fx_flag(tev_act(act), C)));
	fx_drop(f, 7);
	assert_false(fx_push(f, tev_sock(80, 1, 0, 5)));
	assert_true(fx_push(f, tev_sock(80, 1, 0, 5)));
	fx_free(f);
}

/* The hold of a tree is bounded: the oldest goes, and that is said when it comes out. */
static void test_hold_bound(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_stats st;
	const size_t n = 20000;
	size_t k;

	fx_exec(f, 20, 10, "/server", 5, 6);
	for (k = 0; k < n; k++) {
		f->now++;
		fx_act(f, 20, C);
	}
	mw_scope_stats(f->scope, &st);
	assert_in_range(st.held_bytes, MW_HOLD_EACH_MAX - 1024, MW_HOLD_EACH_MAX);
	fx_forget(f);
	fx_server(f, 20, 0);
	assert_int_equal(f->got[0].type, MW_EV_LOST);
	assert_int_equal(f->got[0].count, n + 1 - (f->n_got - 1));
	assert_int_equal(f->got[f->n_got - 1].ts, f->now);
	for (k = 2; k < f->n_got; k++)
		assert_int_equal(f->got[k].ts, f->got[k - 1].ts + 1);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.held_bytes, 0);
	fx_free(f);
}

/* 33 trees that fill theirs: all together have a bound, too. */
static void test_hold_all(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_stats st;

	for (uint32_t pid = 100; pid < 140; pid++) {
		fx_exec(f, pid, 10, "/x", pid, pid + 1000);
		for (int k = 0; k < 6000; k++)
			fx_act(f, pid, C);
	}
	mw_scope_stats(f->scope, &st);
	assert_in_range(st.held_bytes, 31u << 20, 32u << 20);
	assert_true(st.dropped > 0);
	/* the youngest holds what there was room for, at least says what is missing */
	fx_forget(f);
	fx_server(f, 139, 0);
	assert_int_equal(f->got[0].type, MW_EV_LOST);
	for (uint32_t pid = 100; pid < 139; pid++)
		fx_drop(f, pid);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.held_bytes, 0);
	fx_free(f);
}

/* More undecided trees than the table holds: the oldest is let go, and said. */
static void test_trees_bound(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_stats st;
	uint64_t lost = 0;

	for (uint32_t pid = 100; pid < 100 + MW_SCOPE_TREES_MAX + 3; pid++) {
		fx_exec(f, pid, 10, "/x", pid, pid + 10000);
		if (pid < 102) /* these have ended, and go first */
			fx_exit(f, pid);
	}
	for (uint32_t pid = 102; pid < 100 + MW_SCOPE_TREES_MAX + 3; pid++)
		assert_int_equal(f->tag[pid], pid == 102 ? 0 : MW_TAG_CANDIDATE);
	for (size_t i = 0; i < f->n_got; i++)
		lost += f->got[i].type == MW_EV_LOST ? f->got[i].count : 0;
	assert_int_equal(lost, 1);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.refused, 1);
	fx_free(f);
}

/* Members without a tree: their fork was lost. Their bit is taken back. */
static void test_strangers(void **state)
{
	struct fx *f = fx_new("");

	f->tag[20] = MW_TAG_CANDIDATE;
	assert_false(fx_act(f, 20, C));
	assert_int_equal(f->tag[20], 0);
	f->tag[21] = MW_TAG_OBSERVED; /* decided long ago, and a late event */
	assert_false(fx_act(f, 21, C));
	assert_int_equal(fx_count(f, MW_EV_ACT, 21, 0), 1);
	f->tag[22] = MW_TAG_LISTENER;
	assert_false(fx_push(f, fx_flag(tev_fork(tp(22), tp(23), 5), C)));
	assert_int_equal(f->tag[22], MW_TAG_LISTENER);
	assert_true(fx_push(f, fx_flag(tev_exit(tp(22), 0, 5), C)));
	fx_free(f);
}

/* The pipe's end of a wrapper that inherits: an HTTP server below a shell is one by itself. */
static void test_http_in_tree(void **state)
{
	struct fx *f = fx_new("");

	fx_exec(f, 20, 10, "/ci", 5, 6);
	fx_act(f, 20, C);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/httpd", 0, 6);
	fx_fork(f, 20, 22);
	fx_exec(f, 22, 20, "/test", 0, 6);
	fx_fork(f, 21, 23);
	fx_act(f, 23, C);
	fx_act(f, 21, C);
	fx_act(f, 22, C);
	fx_forget(f);
	fx_server(f, 21, 8080);
	assert_true(f->mcp[8080]);
	assert_int_equal(f->tag[20] | f->tag[22], MW_TAG_CANDIDATE);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[23], MW_TAG_OBSERVED);
	assert_int_equal(f->n_got, 3);
	assert_int_equal(f->got[0].type, MW_EV_EXEC);
	assert_int_equal(f->got[1].tgid, 23);
	assert_int_equal(f->got[2].tgid, 21);
	/* the rest is decided by itself */
	fx_drop(f, 6);
	assert_int_equal(f->tag[20] | f->tag[22], 0);
	assert_int_equal(f->tag[21] & f->tag[23], MW_TAG_OBSERVED);
	fx_exit(f, 21);
	assert_false(f->mcp[8080]);
	fx_free(f);
}

/* Whatever comes in whatever order: nothing is left when all have ended. Memory checkers look on.
 */
static void test_random(void **state)
{
	struct mw_scope_stats st;
	uint64_t seed = 12345;
	struct fx *f = fx_new("watch:\n  - exe: /w\nignore:\n  - exe: /i\n");
	static const char *const exes[] = { "/a", "/b", "/c", "/d", "/e", "/f", "/w", "/i" };
	uint32_t pid, other, r;

	for (pid = 1; pid < 64; pid++)
		fx_proc(f, pid, pid / 2, "/a");
	for (int i = 0; i < 60000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		r = (uint32_t)(seed >> 33);
		pid = 1 + r % 63;
		other = 1 + (r >> 6) % 63;
		f->n_got = f->n_controls = f->n_snapshots = 0;
		switch ((r >> 12) % 12) {
		case 0:
		case 1:
			fx_exec(f, pid, other, exes[(r >> 16) % 8], (r >> 20) % 8, (r >> 23) % 8);
			break;
		case 2:
			if (f->proc[pid].there)
				fx_facts(f, pid, "/");
			break;
		case 3:
			if (pid != other)
				fx_fork(f, pid, other);
			break;
		case 4:
			fx_exit(f, pid);
			break;
		case 5:
			fx_io(f, pid, r % 8, (r >> 20) % 8);
			break;
		case 6:
			fx_server(f, pid, r & 0x100000 ? 80 : 0);
			break;
		case 7:
			fx_client(f, pid, r % 8, MW_CHAN_PIPE);
			break;
		case 8:
			fx_drop(f, r % 8);
			break;
		case 9:
			fx_tick(f, FX_SEC / 10);
			break;
		default:
			fx_act(f, pid, f->tag[pid] & MW_TAG_CANDIDATE ? C : 0);
		}
	}
	for (pid = 1; pid < 64; pid++) {
		f->n_got = 0;
		fx_exit(f, pid);
	}
	for (int i = 0; i < 4; i++)
		fx_tick(f, 3 * FX_SEC);
	mw_scope_stats(f->scope, &st);
	assert_int_equal(st.trees, 0);
	assert_int_equal(st.members, 0);
	assert_int_equal(st.held_bytes, 0);
	assert_true(st.promoted > 100 && st.let_go > 100);
	fx_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promote),	  cmocka_unit_test(test_runtime),
		cmocka_unit_test(test_wrappers),  cmocka_unit_test(test_nested),
		cmocka_unit_test(test_let_go),	  cmocka_unit_test(test_again),
		cmocka_unit_test(test_nobody_on), cmocka_unit_test(test_short_lived),
		cmocka_unit_test(test_connect),	  cmocka_unit_test(test_hold_bound),
		cmocka_unit_test(test_hold_all),  cmocka_unit_test(test_trees_bound),
		cmocka_unit_test(test_strangers), cmocka_unit_test(test_http_in_tree),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
