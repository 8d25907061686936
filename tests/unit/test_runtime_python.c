/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_runtime_python.c - what is found in a Python that runs: types that it does not export
 *
 * Each interpreter of 3.10 to 3.13 there is says itself where they are. tests/live/python_tasks.py
 * has the kernel side follow what is found.
 */
#include "support.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/runtime.h"

/* Changes what argv[1] says, prints two addresses, and waits to be ended. */
static const char script[] =
    "import contextvars, ctypes, os, signal, sys\n"
    "signal.alarm(120)\n"
    "word = lambda at: ctypes.c_uint64.from_address(at)\n"
    "v = [contextvars.ContextVar('v%d' % i) for i in range(40)]\n"
    "few, many = contextvars.Context(), contextvars.Context()\n"
    "few.run(v[0].set, 0)\n"
    "many.run(lambda: [x.set(0) for x in v])\n"
    "node = lambda c: word(word(word(id(c) + 24).value + 16).value + 8).value\n"
    "a, b = node(few), node(many)\n"
    "if sys.argv[1] == 'name':\n"
    "    word(a + 24).value = word(id(int) + 24).value\n"
    "if sys.argv[1] == 'type':\n"
    "    word(b + 8).value = id(int)\n"
    "os.write(1, b'%d %d\\n' % (a, b))\n"
    "os.read(0, 1)\n";

struct child {
	pid_t pid;
	FILE *out;
	int in;
	unsigned long long bitmap, array;
};

static struct child begin(const char *python, const char *change)
{
	int in[2], out[2];
	struct child c;

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(python, python, "-c", script, change, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c.in = in[1];
	c.out = fdopen(out[0], "r");
	assert_non_null(c.out);
	if (fscanf(c.out, "%llu %llu", &c.bitmap, &c.array) != 2)
		fail_msg("%s does not run", python);
	return c;
}

/* What was changed is not to be used by it once more. */
static void end(struct child *c)
{
	int status;

	assert_int_equal(kill(c->pid, SIGKILL), 0);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->in);
	fclose(c->out);
}

static size_t looked;

/* A library's file, and where Yama says so another's memory, are for root: false. */
static bool look(const char *python, const char *change, struct mw_runtime_found *ret,
		 struct child *c)
{
	int r;

	*c = begin(python, change);
	*ret = (struct mw_runtime_found){ .reads = true };
	r = mw_runtime_python((uint32_t)c->pid, ret);
	end(c);
	if (geteuid() != 0 && (r < 0 || !ret->reads))
		return false;
	assert_int_equal(r, 0);
	assert_int_equal(ret->rt.kind, MW_RT_PYTHON);
	return true;
}

static void one(const char *python)
{
	struct mw_runtime_found f;
	struct child c;

	if (!look(python, "", &f, &c))
		return;
	if (!f.reads)
		fail_msg("%s: %s", python, f.note);
	assert_int_equal(f.rt.python.bitmap_type, c.bitmap);
	assert_int_equal(f.rt.python.array_type, c.array);
	looked++;
	/* what looks like one of them is not taken for it */
	for (int i = 0; i < 2; i++) {
		if (!look(python, i ? "type" : "name", &f, &c))
			continue;
		assert_false(f.reads);
		assert_non_null(strstr(f.note, "not found"));
	}
}

static void test_types(void **state)
{
	const char *home = getenv("HOME");
	char pattern[256];
	glob_t g = { 0 };

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python3.1[0-3]",
		 home ? home : "/root");
	glob("/usr/bin/python3.1[0-3]", 0, NULL, &g);
	glob(pattern, GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		one(g.gl_pathv[i]);
	globfree(&g);
	if (!looked)
		skip();
}

/* This program is none. */
static void test_other(void **state)
{
	struct mw_runtime_found f = { .reads = false };

	(void)state;
	assert_int_equal(mw_runtime_python((uint32_t)getpid(), &f), 0);
	assert_int_equal(f.rt.kind, MW_RT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
