/* SPDX-License-Identifier: Apache-2.0 */
/* what runs already, listeners, clients, and the configuration's lists */
#include "scope_fx.h"

#include "io/discover.h"

static struct mw_scope_found scan(struct fx *f)
{
	struct mw_scope_found found;
	int files = 1;

	assert_int_equal(mw_scope_scan(f->scope, &found, &files), 0);
	assert_int_equal(files, f->files_error);
	return found;
}

static bool took_snapshot(const struct fx *f, uint32_t pid)
{
	for (size_t i = 0; i < f->n_snapshots; i++)
		if (f->snapshots[i] == pid)
			return true;
	return false;
}

/* A server and a client that talked before the daemon came: over pipes, over a socket pair. */
static void test_running_pairs(void **state)
{
	struct fx *f = fx_new("");
	struct mw_scope_found found;

	fx_proc(f, 10, 1, "/client");
	fx_proc(f, 20, 10, "/server");
	fx_proc(f, 21, 20, "/helper");
	fx_proc(f, 30, 1, "/client2");
	fx_proc(f, 31, 30, "/server2");
	fx_proc(f, 40, 1, "/left");
	fx_proc(f, 41, 1, "/right");
	fx_pipe(f, 10, 20, 100);
	fx_pipe(f, 20, 10, 101);
	fx_pipe(f, 20, 10, 102); /* its stderr */
	fx_unix(f, 30, 31, 200);
	fx_pipe(f, 40, 41, 300); /* one way: no conversation */
	fx_pipe(f, 40, 40, 301);
	fx_pipe(f, (uint32_t)getpid(), 41, 302);
	fx_pipe(f, 41, (uint32_t)getpid(), 303);
	found = scan(f);
	assert_int_equal(found.pairs, 2);
	assert_int_equal(f->n_watched, 5);
	assert_int_equal(f->tag[10] & f->tag[20] & f->tag[30] & f->tag[31], MW_TAG_STREAM);
	assert_int_equal(f->tag[40] | f->tag[41] | f->tag[21], 0);
	assert_true(took_snapshot(f, 20) && took_snapshot(f, 10));

	/* the core recognises it: what is below comes along */
	fx_server(f, 20, 0);
	assert_int_equal(f->tag[20], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	assert_true(took_snapshot(f, 21));

	/* the other pair is none: no tag stays */
	fx_drop(f, 200);
	fx_drop(f, 201);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[30] | f->tag[31], 0);
	/* nor of the first one but what it needs */
	fx_drop(f, 102);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	/* what is found again at a reload is not counted twice */
	assert_int_equal(mw_scope_reload(f->scope, f->config), 0);
	assert_int_equal(f->n_watched, 5 + 3);
	fx_free(f);
}

/* A bus and leaked ends make no pairs. */
static void test_hubs(void **state)
{
	struct fx *f = fx_new("");
	struct mw_pair *pairs = NULL;
	size_t n = 0;

	for (uint32_t i = 0; i < MW_DISCOVER_HUB + 1; i++)
		fx_unix(f, 50, 1000 + i, 10 + 2 * i);
	assert_int_equal(mw_discover_pairs(f->files, f->n_files, 1, 1000, &pairs, &n), 0);
	assert_int_equal(n, 0);
	free(pairs);
	f->n_files -= 2;
	assert_int_equal(mw_discover_pairs(f->files, f->n_files, 1, 1000, &pairs, &n), 0);
	assert_int_equal(n, MW_DISCOVER_HUB);
	free(pairs);
	assert_int_equal(mw_discover_pairs(f->files, f->n_files, 1, 7, &pairs, &n), 0);
	assert_int_equal(n, 7);
	free(pairs);

	/* a pipe that ten hold at each end */
	f->n_files = 0;
	for (uint32_t i = 0; i < 10; i++) {
		fx_pipe(f, 100 + i, 200 + i, 7);
		fx_pipe(f, 200 + i, 100 + i, 8);
	}
	assert_int_equal(mw_discover_pairs(f->files, f->n_files, 1, 1000, &pairs, &n), 0);
	assert_int_equal(n, 0);
	free(pairs);
	assert_int_equal(mw_discover_pairs(NULL, 0, 1, 10, &pairs, &n), 0);
	assert_int_equal(n, 0);
	free(pairs);
	fx_free(f);
}

/* Many channels between two: each direction has its share. */
static void test_pair_chans(void **state)
{
	struct fx *f = fx_new("");
	struct mw_pair *pairs = NULL;
	size_t n = 0;

	for (uint32_t i = 0; i < 20; i++)
		fx_pipe(f, 10, 20, 100 + i);
	fx_pipe(f, 20, 10, 500);
	assert_int_equal(mw_discover_pairs(f->files, f->n_files, 1, 1000, &pairs, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pairs[0].a, 10);
	assert_int_equal(pairs[0].b, 20);
	assert_int_equal(pairs[0].n, 5);
	assert_int_equal(pairs[0].chans[4].chan, 500);
	assert_int_equal(pairs[0].chans[4].ino, 1500);
	free(pairs);
	fx_free(f);
}

/* Listeners, at start and new ones, until one of them proves to serve MCP. */
static void test_listeners(void **state)
{
	struct fx *f = fx_new("");

	fx_proc(f, 60, 1, "/httpd");
	fx_proc(f, 61, 60, "/worker");
	fx_listen(f, 60, 8000, 900);
	fx_listen(f, 61, 8000, 900); /* the same socket */
	fx_listen(f, 60, 8001, 901);
	assert_int_equal(scan(f).listeners, 2);
	assert_int_equal(f->listen[8000], 1);
	assert_int_equal(f->listen[8001], 1);
	assert_int_equal(f->tag[60], MW_TAG_LISTENER);
	assert_true(took_snapshot(f, 60));
	assert_int_equal(mw_scope_reload(f->scope, f->config), 0);
	assert_int_equal(f->listen[8000], 1);

	/* a new one: its first bytes wait until the core knows who it is */
	fx_proc(f, 70, 1, "/late");
	f->tag[70] = MW_TAG_LISTENER;
	f->now++;
	assert_false(fx_io(f, 70, 5, C));
	assert_int_equal(f->n_got, 0);
	assert_true(took_snapshot(f, 70));
	assert_true(fx_push(f, fx_flag(tev_proc((struct tev_proc){
					   .type = MW_EV_PROC, .proc = tp(70), .exe = "/late" }),
				       0)));
	assert_true(fx_push(f, tev_user(5, "x")));
	assert_true(fx_io(f, 70, 5, C));
	assert_int_equal(f->n_got, 4);
	assert_int_equal(f->got[0].type, MW_EV_PROC);
	assert_int_equal(f->got[2].type, MW_EV_IO);
	assert_int_equal(f->got[2].cpu, MW_CPU_NONE);
	assert_int_equal(f->got[2].flags, C);
	assert_int_equal(f->got[3].cpu, 1);

	fx_server(f, 70, 8080);
	assert_int_equal(f->tag[70], MW_TAG_OBSERVED | MW_TAG_LISTENER);
	assert_true(f->mcp[8080]);
	/* two servers on one port: it is served until the last has ended */
	fx_server(f, 61, 8080);
	fx_exit(f, 70);
	assert_true(f->mcp[8080]);
	fx_exit(f, 61);
	assert_false(f->mcp[8080]);
	fx_free(f);
}

/* One that has ended when it is to be introduced: its bytes go on at once. */
static void test_introduce_gone(void **state)
{
	struct fx *f = fx_new("");

	f->tag[70] = MW_TAG_LISTENER;
	assert_true(fx_io(f, 70, 5, C));
	assert_true(fx_io(f, 71, 5, S));
	fx_free(f);
}

/* No look at anything for the bytes of those who are observed. */
static void test_observed_io(void **state)
{
	struct fx *f = fx_new("watch:\n  - exe: /x\n");

	assert_true(fx_io(f, 80, 5, 0));
	assert_int_equal(f->n_snapshots, 0);
	assert_true(fx_act(f, 80, 0));
	fx_free(f);
}

/* The other end of a server's channel: whoever holds it, but no observed one, is seen on it. */
static void test_clients(void **state)
{
	struct fx *f = fx_new("");

	for (uint32_t pid = 10; pid < 60; pid++)
		fx_proc(f, pid, 1, "/p");
	fx_pipe(f, 10, 20, 100);
	fx_pipe(f, 20, 10, 101);
	fx_pipe(f, 21, 20, 100); /* a wrapper: observed */
	f->tag[21] = MW_TAG_OBSERVED;
	fx_unix(f, 30, 31, 200);
	fx_tcp(f, 40, 41, 8080, 5555, 300);
	fx_tcp(f, 42, 43, 8080, 5556, 310); /* another connection */

	fx_client(f, 20, 100, MW_CHAN_PIPE);
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[20], 0);
	assert_true(took_snapshot(f, 10));
	fx_client(f, 31, 201, MW_CHAN_UNIX);
	fx_client(f, 40, 300, MW_CHAN_TCP4);
	/* asked again so soon, they wait for the tick */
	assert_int_equal(f->n_asked_files, 1);
	assert_int_equal(f->tag[30] | f->tag[41], 0);
	fx_tick(f, FX_SEC / 10);
	assert_int_equal(f->n_asked_files, 2);
	assert_int_equal(f->tag[30], MW_TAG_STREAM);
	assert_int_equal(f->tag[41], MW_TAG_STREAM);
	assert_int_equal(f->tag[42] | f->tag[43], 0);
	/* a remote client's other end is not here */
	fx_client(f, 40, 999, MW_CHAN_TCP4);
	fx_tick(f, FX_SEC);
	/* the server ends: its client is left alone */
	fx_exit(f, 20);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[10], 0);
	assert_int_equal(f->tag[30], MW_TAG_STREAM);
	/* a client that ends is not remembered for whoever gets its pid */
	fx_exit(f, 30);
	fx_exit(f, 31);
	fx_tick(f, 3 * FX_SEC);
	assert_int_equal(f->tag[30], 0);

	f->files_error = -EPERM;
	fx_client(f, 20, 100, MW_CHAN_PIPE);
	fx_tick(f, FX_SEC);
	assert_int_equal(f->tag[10], 0);
	fx_free(f);
}

/* The reading side of a pipe that the server writes. */
static void test_client_reads(void **state)
{
	struct fx *f = fx_new("");

	fx_proc(f, 10, 1, "/c");
	fx_proc(f, 11, 1, "/d");
	fx_pipe(f, 20, 10, 100);
	fx_file(f, 11, MW_FD_PIPE, 100)->writable = 1; /* holds the server's own end */
	fx_client(f, 20, 100, MW_CHAN_PIPE);
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	assert_int_equal(f->tag[11], 0);
	fx_free(f);
}

/* --- the lists -----------------------------------------------------------------------------------
 */

static void test_watch(void **state)
{
	struct fx *f = fx_new("watch:\n  - exe: /mine\n  - cgroup: /agents/*\n");
	struct mw_scope_found found;

	fx_proc(f, 10, 1, "/mine");
	fx_proc(f, 11, 10, "/child");
	fx_proc(f, 12, 1, "/other");
	found = scan(f);
	assert_int_equal(found.watched, 1);
	assert_int_equal(f->tag[10] & f->tag[11], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[12], 0);
	/* new ones: by what EXEC knows, and by what PROC knows */
	fx_exec(f, 20, 12, "/sh", 5, 6);
	fx_act(f, 20, C);
	fx_fork(f, 20, 21);
	fx_forget(f);
	assert_false(fx_exec(f, 21, 20, "/mine", 5, 6));
	assert_int_equal(f->tag[21], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[20], MW_TAG_CANDIDATE);
	assert_int_equal(f->n_got, 1); /* the EXEC, as of an observed one */
	assert_int_equal(f->got[0].flags, 0);
	fx_exec(f, 30, 12, "/any", 7, 8);
	fx_act(f, 30, C);
	fx_forget(f);
	assert_true(fx_facts(f, 30, "/agents/x"));
	assert_int_equal(f->tag[30], MW_TAG_OBSERVED);
	assert_int_equal(fx_count(f, MW_EV_ACT, 30, 0), 1);
	/* a listener that starts without pipes */
	fx_proc(f, 40, 12, "/mine");
	f->tag[40] = MW_TAG_LISTENER;
	assert_false(fx_io(f, 40, 9, C));
	assert_int_equal(f->tag[40], MW_TAG_LISTENER | MW_TAG_OBSERVED);
	fx_free(f);
}

static void test_ignore(void **state)
{
	struct fx *f = fx_new("ignore:\n  - exe: /db\n  - cgroup: /jail/*\n");

	fx_proc(f, 10, 1, "/db");
	fx_proc(f, 11, 10, "/below");
	fx_proc(f, 12, 1, "/fine");
	fx_listen(f, 10, 8000, 900);
	fx_listen(f, 11, 8001, 901);
	fx_listen(f, 12, 8002, 902);
	fx_pipe(f, 12, 11, 100);
	fx_pipe(f, 11, 12, 101);
	assert_int_equal(scan(f).listeners, 1);
	assert_int_equal(f->tag[10] | f->tag[11], 0);
	assert_int_equal(f->tag[12], MW_TAG_LISTENER);
	assert_int_equal(f->n_watched, 0);
	/* a candidate by its own facts, and by an ancestor's */
	fx_exec(f, 20, 12, "/x", 5, 6);
	fx_fork(f, 20, 21);
	fx_act(f, 21, C);
	assert_false(fx_facts(f, 20, "/jail/1"));
	assert_int_equal(f->tag[20] | f->tag[21], 0);
	/* nor is anybody else to be seen on its channels, also not with what was under way */
	assert_int_equal(f->n_controls, 2);
	assert_int_equal(f->controls[0].kind, MW_CONTROL_CHAN_DROP);
	assert_int_equal(f->controls[0].chan, 5);
	assert_int_equal(f->controls[1].chan, 6);
	assert_false(fx_io(f, 12, 5, S));
	assert_false(fx_io(f, 12, 7, S)); /* to be introduced */
	assert_true(fx_io(f, 12, 7, S));
	assert_false(fx_io(f, 12, 6, S));
	fx_tick(f, 3 * FX_SEC); /* by then the kernel side gives none */
	assert_true(fx_io(f, 12, 5, S));
	fx_exec(f, 30, 11, "/x", 15, 16);
	assert_false(fx_facts(f, 30, "/"));
	assert_false(fx_io(f, 12, 15, S));
	fx_exec(f, 31, 12, "/fine", 15, 17); /* the address has another pipe */
	assert_true(fx_io(f, 12, 15, S));
	fx_exit(f, 31);
	assert_int_equal(f->tag[30], 0);
	/* one below a candidate that is none of it: only that */
	fx_exec(f, 40, 12, "/sh", 25, 26);
	assert_true(fx_facts(f, 40, "/"));
	fx_fork(f, 40, 41);
	fx_exec(f, 41, 40, "/db", 25, 26);
	assert_false(fx_facts(f, 41, "/"));
	assert_int_equal(f->tag[40], MW_TAG_CANDIDATE);
	assert_int_equal(f->tag[41], 0);
	/* listeners and clients that the kernel side tagged */
	fx_proc(f, 50, 10, "/y");
	f->tag[50] = MW_TAG_LISTENER;
	assert_false(fx_io(f, 50, 5, C));
	assert_int_equal(f->tag[50], 0);
	f->tag[50] = MW_TAG_STREAM;
	assert_false(fx_io(f, 50, 5, S));
	assert_int_equal(f->tag[50], 0);
	/* a server that got so far is not taken either, nor an ignored client */
	fx_server(f, 50, 9000);
	assert_int_equal(f->tag[50], 0);
	fx_tick(f, 3 * FX_SEC); /* who started a candidate has a tag for that long */
	assert_int_equal(f->tag[11], 0);
	fx_pipe(f, 11, 60, 700);
	fx_client(f, 60, 700, MW_CHAN_PIPE);
	assert_int_equal(f->tag[11], 0);
	fx_free(f);
}

/* watch wins over ignore, and the nearest ancestor over those above it. */
static void test_order_of_lists(void **state)
{
	struct fx *f = fx_new("watch:\n  - exe: /agent\nignore:\n  - exe: '/a*'\n");

	fx_proc(f, 10, 1, "/all");
	fx_proc(f, 11, 10, "/agent");
	fx_proc(f, 12, 11, "/below");
	fx_proc(f, 13, 12, "/apart");
	fx_proc(f, 14, 10, "/below2");
	fx_listen(f, 14, 8000, 900);
	fx_listen(f, 12, 8001, 901);
	assert_int_equal(scan(f).watched, 1);
	assert_int_equal(f->tag[11], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[12], MW_TAG_OBSERVED | MW_TAG_LISTENER);
	assert_int_equal(f->tag[13], 0);
	assert_int_equal(f->tag[14] | f->tag[10], 0);
	fx_free(f);
}

static void test_discover_off(void **state)
{
	struct fx *f = fx_new("discover: no\nwatch:\n  - exe: /mine\n");

	fx_proc(f, 10, 1, "/x");
	fx_listen(f, 10, 8000, 900);
	assert_int_equal(scan(f).listeners, 0);
	assert_int_equal(f->n_asked_files, 0);
	fx_exec(f, 20, 10, "/server", 5, 6);
	assert_false(fx_facts(f, 20, "/"));
	assert_int_equal(f->tag[20], 0);
	f->tag[10] = MW_TAG_LISTENER;
	assert_false(fx_io(f, 10, 99, C));
	assert_int_equal(f->tag[10], 0);
	assert_int_equal(f->n_controls, 2);
	/* what a watched process starts is let go, but the watched one is seen on all it has */
	f->tag[9] = MW_TAG_OBSERVED;
	fx_exec(f, 21, 9, "/server", 35, 36);
	assert_false(fx_facts(f, 21, "/"));
	assert_int_equal(f->n_controls, 2);
	fx_exec(f, 30, 10, "/mine", 7, 8);
	assert_int_equal(f->tag[30], MW_TAG_OBSERVED);
	/* the client of what is watched is seen on its streams */
	f->tag[10] = MW_TAG_STREAM;
	assert_false(fx_io(f, 10, 7, S)); /* it waits to be introduced */
	assert_int_equal(f->tag[10], MW_TAG_STREAM);
	fx_free(f);
}

static void test_reload(void **state)
{
	struct mw_config *fresh = fx_config("ignore:\n  - exe: /server\nwatch:\n  - exe: /w\n");
	struct mw_config *off = fx_config("discover: no\nwatch:\n  - exe: /w\n");
	struct fx *f = fx_new("");

	fx_proc(f, 9, 1, "/w");
	fx_proc(f, 10, 1, "/c");
	fx_exec(f, 20, 10, "/server", 5, 6);
	fx_exec(f, 21, 10, "/server", 15, 16);
	fx_exec(f, 22, 10, "/free", 25, 26);
	fx_server(f, 20, 0);
	fx_act(f, 21, C);
	fx_forget(f);
	assert_int_equal(mw_scope_reload(f->scope, fresh), 0);
	fx_held(f);
	assert_int_equal(f->tag[9], MW_TAG_OBSERVED);
	assert_int_equal(f->tag[20] | f->tag[21], 0);
	assert_int_equal(f->tag[22], MW_TAG_CANDIDATE);
	/* the core is told that of the server nothing more comes */
	assert_int_equal(fx_count(f, MW_EV_EXIT, 20, C), 1);
	assert_int_equal(fx_count(f, MW_EV_ACT, 21, -1), 0);
	assert_int_equal(mw_scope_reload(f->scope, off), 0);
	assert_int_equal(f->tag[22], 0);
	assert_int_equal(f->tag[9], MW_TAG_OBSERVED);
	fx_free(f);
	mw_config_free(fresh);
	mw_config_free(off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_running_pairs),  cmocka_unit_test(test_hubs),
		cmocka_unit_test(test_pair_chans),     cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_introduce_gone), cmocka_unit_test(test_observed_io),
		cmocka_unit_test(test_clients),	       cmocka_unit_test(test_client_reads),
		cmocka_unit_test(test_watch),	       cmocka_unit_test(test_ignore),
		cmocka_unit_test(test_order_of_lists), cmocka_unit_test(test_discover_off),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
