/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_live_runtime_node.c - node's tasks: of each effect, the chain that began it
 *
 * chains.js runs many chains at once and names each one's number in all that it touches; the tests
 * walk from each effect's task up to the task its chain began with. No step may lead to another
 * chain's begin. MW_NODES: more programs to run it with, with a colon between them.
 */
#include "live.h"

#include <pthread.h>

#include "io/source_bpf_priv.h"

#define N_CHAINS 16
#define KINDS	 "write,read,handle,rename,dirs,all,callbacks,sync,stream,crypto,zlib,dns"

struct edge {
	uint64_t child, parent;
	uint32_t kind;
};

static struct {
	char node[256], script[256], args[3][256];
	int in, out; /* its standard input and output */
} run_with;

static struct {
	struct edge *edge;
	size_t n;
	uint64_t root[N_CHAINS];
	size_t right, wrong, unlinked, behind_timer, timers_linked;
} seen;

/* --- running --------------------------------------------------------------------------------- */

static void on_stop(void)
{
	mw_uv_settle(mw_bpf_source(live.source)->uv);
}

static int run_node(void *unused)
{
	dup2(run_with.in, 0);
	dup2(run_with.out, 1);
	execl(run_with.node, "node", run_with.script, run_with.args[0], run_with.args[1],
	      run_with.args[2], NULL);
	return 99;
}

/* Beside this file, whose name is as the compiler was given it; the tests run elsewhere. */
static char began_in[128];

__attribute__((constructor)) static void note_cwd(void)
{
	if (!getcwd(began_in, sizeof(began_in)))
		abort();
}

static void find_script(const char *name)
{
	snprintf(run_with.script, sizeof(run_with.script), "%s/%.*s%s", began_in,
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
}

/* --- looking --------------------------------------------------------------------------------- */

static const struct edge *edge_of(uint64_t child)
{
	for (size_t i = 0; i < seen.n; i++)
		if (seen.edge[i].child == child)
			return &seen.edge[i];
	return NULL;
}

/* The chain that a task leads back to; -1 none. */
static int chain_of(uint64_t task)
{
	for (int depth = 0; task && depth < 10000; depth++) {
		const struct edge *e = edge_of(task);

		for (int k = 0; k < N_CHAINS; k++)
			if (seen.root[k] == task)
				return k;
		task = e ? e->parent : 0;
	}
	return -1;
}

static void take_edges(void)
{
	const struct mw_ev_task *t;

	free(seen.edge);
	memset(&seen, 0, sizeof(seen));
	seen.edge = calloc(live.n_ev + 1, sizeof(*seen.edge));
	for (size_t i = 0; (t = live_nth(MW_EV_TASK, live.pid, i)); i++) {
		assert_int_equal(t->hdr.cpu, MW_CPU_NONE);
		assert_int_equal(t->hdr.len, sizeof(*t));
		assert_true(t->child > 0 && t->child != t->hdr.task);
		assert_null(edge_of(t->child));
		seen.edge[seen.n++] = (struct edge){ t->child, t->hdr.task, t->kind };
	}
}

static const char *act_name(const struct mw_ev_act *e)
{
	static char name[4096];
	size_t off = e->path_len ? 0 : (size_t)e->base_len,
	       len = e->path_len ? e->path_len : e->asked_len;

	if (len >= sizeof(name))
		return "";
	memcpy(name, (const char *)(e + 1) + off, len);
	name[len] = '\0';
	return strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
}

static void judge(int k, uint64_t task, const char *what)
{
	int got = chain_of(task);

	if (got == k)
		seen.right++;
	else if (got < 0)
		seen.unlinked++;
	else
		seen.wrong++;
	if (got >= 0 && got != k)
		print_message("chain %d: %s: task %llu leads to %d\n", k, what,
			      (unsigned long long)task, got);
}

static void judge_all(void)
{
	const struct mw_ev_act *a;
	const struct mw_ev_io *io;
	const struct mw_ev_fork *f;
	const char *name;

	for (size_t i = 0; (a = live_nth(MW_EV_ACT, live.pid, i)); i++) {
		name = act_name(a);
		if (strncmp(name, "c-", 2) == 0 && strstr(name, "-root"))
			seen.root[strtol(name + 2, NULL, 10)] = a->hdr.task;
	}
	for (size_t i = 0; (a = live_nth(MW_EV_ACT, live.pid, i)); i++) {
		name = act_name(a);
		if (strncmp(name, "c-", 2) == 0)
			judge((int)strtol(name + 2, NULL, 10), a->hdr.task, name);
		else if (strncmp(name, "t-", 2) == 0 && chain_of(a->hdr.task) >= 0)
			seen.timers_linked++;
		else if (strncmp(name, "t-", 2) == 0)
			seen.behind_timer++;
	}
	for (size_t i = 0; (io = live_nth(MW_EV_IO, live.pid, i)); i++)
		if (io->dir == MW_DIR_WRITE && io->captured > 5 && memcmp(io + 1, "done ", 5) == 0)
			judge((int)strtol((const char *)(io + 1) + 5, NULL, 10), io->hdr.task,
			      "answer");
	for (size_t i = 0; (f = live_nth(MW_EV_FORK, live.pid, i)); i++) {
		const void *exec = live_nth(MW_EV_EXEC, (pid_t)f->child_tgid, 0);
		struct live_proc p;

		if (!exec)
			continue;
		p = live_proc(exec);
		for (uint32_t n = 0; n + 3 < p.e->argv_len; n++)
			if (memcmp(p.argv + n, "/c-", 3) == 0)
				judge((int)strtol(p.argv + n + 3, NULL, 10), f->hdr.task, "fork");
		live_proc_done(&p);
	}
}

static struct mw_uv_stats stats(void)
{
	struct mw_uv_stats st;

	mw_uv_settle(mw_bpf_source(live.source)->uv);
	mw_uv_stats(mw_bpf_source(live.source)->uv, &st);
	return st;
}

static void run_script(const char *node, const char *script)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "rm -rf %s/chains; mkdir %s/chains", live.dir, live.dir);
	assert_int_equal(system(cmd), 0);
	find_script(script);
	snprintf(run_with.node, sizeof(run_with.node), "%s", node);
	snprintf(run_with.args[0], sizeof(run_with.args[0]), "%s/chains", live.dir);
	live.on_stop = on_stop;
	live_run(run_node, NULL);
	assert_true(WIFEXITED(live.status));
	assert_int_equal(WEXITSTATUS(live.status), 0);
	take_edges();
}

static void run_chains(const char *node, const char *kinds)
{
	struct mw_uv_stats st;
	int p[2];

	assert_int_equal(pipe(p), 0);
	snprintf(run_with.args[1], sizeof(run_with.args[1]), "%d", N_CHAINS);
	snprintf(run_with.args[2], sizeof(run_with.args[2]), "%s", kinds);
	run_with.in = 0;
	run_with.out = p[1];
	run_script(node, "chains.js");
	close(p[0]);
	close(p[1]);
	judge_all();
	st = stats();
	print_message(
	    "%s: tasks %zu, right %zu, wrong %zu, unlinked %zu, behind timers %zu; begun %llu "
	    "learned %llu failed %llu refused %llu, attach %.1f ms detach %.1f ms\n",
	    node, seen.n, seen.right, seen.wrong, seen.unlinked, seen.behind_timer,
	    (unsigned long long)st.begun, (unsigned long long)st.learned,
	    (unsigned long long)st.failed, (unsigned long long)st.refused,
	    (double)st.attach_ns / 1e6, (double)st.detach_ns / 1e6);
}

static void each_node(void (*fn)(const char *node))
{
	const char *more = getenv("MW_NODES");
	char one[256];
	size_t len;

	fn("/usr/bin/node");
	while (more && *more) {
		len = strcspn(more, ":");
		snprintf(one, sizeof(one), "%.*s", (int)len, more);
		fn(one);
		more += len + (more[len] == ':');
	}
}

/* --- tests ----------------------------------------------------------------------------------- */

static void chains(const char *node)
{
	run_chains(node, KINDS);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.timers_linked, 0);
	assert_int_equal(seen.behind_timer, 2 * N_CHAINS);
	assert_int_equal(seen.unlinked, 0);
	assert_true(seen.right > 100);
}

static void test_chains(void **state)
{
	each_node(chains);
}

static void chains_net(const char *node)
{
	run_chains(node, "write,child,http");
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.timers_linked, 0);
	assert_int_equal(seen.unlinked, 0);
	assert_true(seen.right > 100);
}

static void test_chains_net(void **state)
{
	each_node(chains_net);
}

/*
 * From undici 6 on (node 22) a request that is to reuse a connection waits for a setImmediate after
 * the answer before it: nothing leads through that. But no chain may take another one's.
 */
static void chains_fetch(const char *node)
{
	run_chains(node, "write,fetch");
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.timers_linked, 0);
	assert_true(seen.right > 2 * N_CHAINS);
}

static void test_chains_fetch(void **state)
{
	each_node(chains_fetch);
}

/* The symbol table is a help, no more: without one all callbacks are learned, and remembered. */
static void test_chains_stripped(void **state)
{
	char node[128], cmd[512];
	struct mw_uv_stats before, after;

	snprintf(node, sizeof(node), "%s/node", live.dir);
	snprintf(cmd, sizeof(cmd), "strip -s -o %s /usr/bin/node", node);
	assert_int_equal(system(cmd), 0);
	before = stats();
	run_chains(node, KINDS ",child,http");
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.timers_linked, 0);
	after = stats();
	assert_true(after.learned > before.learned + 5);
	run_chains(node, KINDS ",child,http");
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.unlinked, 0);
	assert_int_equal(seen.timers_linked, 0);
	assert_int_equal(stats().failed, before.failed);
	unlink(node);
}

static uint64_t task_at(const char *name)
{
	const struct mw_ev_act *a;

	for (size_t i = 0; (a = live_nth(MW_EV_ACT, live.pid, i)); i++)
		if (a->op == MW_OP_OPEN && strcmp(act_name(a), name) == 0)
			return a->hdr.task;
	fail_msg("%s was not opened", name);
	return 0;
}

/* Whether `task` came of `from`, by whatever number of steps. */
static bool comes_of(uint64_t task, uint64_t from)
{
	for (int depth = 0; task && depth < 10000; depth++) {
		const struct edge *e = edge_of(task);

		if (task == from)
			return true;
		task = e ? e->parent : 0;
	}
	return false;
}

static uint64_t task_of_read(const char *text)
{
	const struct mw_ev_io *io;

	for (size_t i = 0; (io = live_nth(MW_EV_IO, live.pid, i)); i++)
		if (io->dir == MW_DIR_READ && io->captured >= strlen(text) &&
		    memcmp(io + 1, text, strlen(text)) == 0)
			return io->hdr.task;
	fail_msg("%s was not read", text);
	return 0;
}

/* Answers what the script says on its standard output with a line on its standard input. */
static void *converse(void *arg)
{
	const int *fd = arg;
	char buf[64];
	ssize_t n;

	while ((n = read(fd[0], buf, sizeof(buf))) > 0) {
		const char *say = buf[0] == 'r' ? "first\n" : "second\n";

		if (write(fd[1], say, strlen(say)) < 0)
			break;
	}
	return NULL;
}

static void kinds(const char *node)
{
	int in[2], out[2], talk[2];
	const struct mw_ev_fork *f;
	pthread_t thread;
	uint64_t t;

	assert_int_equal(pipe(in) | pipe(out), 0);
	talk[0] = out[0];
	talk[1] = in[1];
	assert_int_equal(pthread_create(&thread, NULL, converse, talk), 0);
	run_with.in = in[0];
	run_with.out = out[1];
	run_script(node, "tasks.js");
	close(in[0]);
	close(out[1]);
	pthread_join(thread, NULL);
	close(in[1]);
	close(out[0]);

	/* the read and the callback that is told of it are one; nothing begot it */
	t = task_of_read("first");
	assert_true(t != 0);
	assert_int_equal(task_at("stdin-read"), t);
	assert_non_null(edge_of(t));
	assert_int_equal(edge_of(t)->parent, 0);
	assert_int_equal(edge_of(t)->kind, MW_TASK_READ);
	assert_true(comes_of(task_at("stdin-write"), t));
	assert_true(comes_of(task_at("stdin-wrote"), t));
	assert_int_equal(task_of_read("second"), task_at("stdin-again"));
	assert_false(comes_of(task_at("stdin-again"), t));
	assert_int_equal(edge_of(task_at("stdin-again"))->parent, 0);

	/* a child, its output and its end */
	t = task_at("child-begin");
	f = live_nth(MW_EV_FORK, live.pid, 0);
	assert_non_null(f);
	assert_int_equal(f->hdr.task, t);
	assert_int_equal(task_of_read("child-says"), task_at("child-read"));
	assert_int_equal(edge_of(task_at("child-read"))->parent, t);
	assert_int_equal(edge_of(task_at("child-read"))->kind, MW_TASK_READ);
	assert_int_equal(edge_of(task_at("child-exit"))->parent, t);
	assert_int_equal(edge_of(task_at("child-exit"))->kind, MW_TASK_EXIT);

	/* a thread with a loop of its own */
	t = task_at("worker-begin");
	assert_true(t != 0);
	assert_int_equal(edge_of(t)->kind, MW_TASK_FS);
	assert_true(comes_of(task_at("worker-end"), t));
}

static void test_kinds(void **state)
{
	each_node(kinds);
}

const struct CMUnitTest live_runtime_node_tests[] = {
	cmocka_unit_test(test_chains),	     cmocka_unit_test(test_chains_net),
	cmocka_unit_test(test_chains_fetch), cmocka_unit_test(test_chains_stripped),
	cmocka_unit_test(test_kinds),
};
const size_t n_live_runtime_node_tests =
    sizeof(live_runtime_node_tests) / sizeof(live_runtime_node_tests[0]);
