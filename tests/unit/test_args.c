/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/args.h"

#define MAX 65536

static enum mw_args_hit match(const char *json, const struct mw_action *act)
{
	struct mw_args_query q;
	struct mw_args *x;
	struct test_guard g;
	enum mw_args_hit hit;

	test_guard_init(&g, strlen(json) + 1);
	assert_int_equal(mw_args_new(&test_alloc, test_guard_copy(&g, mw_slice_str(json)), MAX, &x),
			 0);
	mw_args_query_init(&q, act);
	hit = mw_args_match(x, &q);
	mw_args_free(x);
	test_guard_done(&g);
	return hit;
}

/* What json says of an open of that path. */
static enum mw_args_hit path(const char *json, const char *target)
{
	struct mw_action act = { .kind = MW_EFFECT_FILE_OPEN, .target = mw_slice_str(target) };

	return match(json, &act);
}

static enum mw_args_hit addr(const char *json, struct mw_addr peer)
{
	struct mw_action act = { .kind = MW_EFFECT_NET_CONNECT, .peer = peer };

	return match(json, &act);
}

static enum mw_args_hit exec(const char *json, const char *argv, size_t n)
{
	struct mw_action act = { .kind = MW_EFFECT_PROC_EXEC,
				 .target = MW_SLICE_LIT("/usr/bin/env"),
				 .argv = mw_slice(argv, n) };

	return match(json, &act);
}

#define EXACT MW_ARGS_EXACT
#define LOOSE MW_ARGS_LOOSE
#define NONE  MW_ARGS_NONE

static void the_path_itself(void **state)
{
	assert_int_equal(path("{\"path\":\"/srv/a.txt\"}", "/srv/a.txt"), EXACT);
	assert_int_equal(path("{\"p\":[1,{\"q\":\"/srv/a.txt\"}]}", "/srv/a.txt"), EXACT);
	assert_int_equal(path("{\"path\":\"/srv/a.txt\"}", "/srv/a.txt2"), NONE);
	assert_int_equal(path("{\"path\":\"/srv/a.txt\"}", "/srv/b.txt"), NONE);
	assert_int_equal(path("{\"path\":\"/srv/a.txt\"}", "/x/srv/a.txt"), NONE);
	/* untidy, as kernels never say it */
	assert_int_equal(path("{\"path\":\"/srv//./x/../a.txt\"}", "/srv/a.txt"), EXACT);
	assert_int_equal(path("{\"path\":\"/srv/d/\"}", "/srv/d"), EXACT);
	assert_int_equal(path("{\"path\":\"/\"}", "/"), EXACT);
	assert_int_equal(path("\"/srv/a.txt\"", "/srv/a.txt"), EXACT);
	/* keys are not targets */
	assert_int_equal(path("{\"/srv/a.txt\":1}", "/srv/a.txt"), NONE);
	assert_int_equal(path("{}", "/srv/a.txt"), NONE);
	assert_int_equal(path("", "/srv/a.txt"), NONE);
	assert_int_equal(path("{\"p\":\"\"}", "/srv/a.txt"), NONE);
	assert_int_equal(path("{\"p\":\"/srv/a.txt\"}", ""), NONE);
}

static void strings_are_decoded(void **state)
{
	assert_int_equal(path("{\"p\":\"\\/srv\\u002fa\\u00e9\\n\"}", "/srv/a\xc3\xa9\n"), EXACT);
	assert_int_equal(path("{\"p\":\"/srv/\\\"q\\\"\"}", "/srv/\"q\""), EXACT);
	/* what is not UTF-8 cannot be said in JSON */
	assert_int_equal(path("{\"p\":\"/srv/\xff\"}", "/srv/\xff"), NONE);
}

static void below_a_directory(void **state)
{
	assert_int_equal(path("{\"p\":\"/home/me\"}", "/home/me/x/y"), LOOSE);
	assert_int_equal(path("{\"p\":\"/home/me/\"}", "/home/me/x"), LOOSE);
	assert_int_equal(path("{\"p\":\"/home/me\"}", "/home/meme/x"), NONE);
	/* one component says too little */
	assert_int_equal(path("{\"p\":\"/home\"}", "/home/me/x"), NONE);
	assert_int_equal(path("{\"p\":\"/home/\"}", "/home/me/x"), NONE);
	assert_int_equal(path("{\"p\":\"/\"}", "/home/me/x"), NONE);
	assert_int_equal(path("{\"p\":\"/home/./\"}", "/home/me/x"), NONE);
}

static void relative_ends(void **state)
{
	assert_int_equal(path("{\"p\":\"notes.md\"}", "/srv/notes.md"), LOOSE);
	assert_int_equal(path("{\"p\":\"notes.md\"}", "/srv/mynotes.md"), NONE);
	assert_int_equal(path("{\"p\":\"d/a.c\"}", "/srv/d/a.c"), LOOSE);
	assert_int_equal(path("{\"p\":\"./d//a.c\"}", "/srv/d/a.c"), LOOSE);
	assert_int_equal(path("{\"p\":\"../../d/a.c\"}", "/d/a.c"), LOOSE);
	assert_int_equal(path("{\"p\":\"~/d/a.c\"}", "/home/me/d/a.c"), LOOSE);
	/* three bytes say too little */
	assert_int_equal(path("{\"p\":\"a.c\"}", "/srv/a.c"), NONE);
	assert_int_equal(path("{\"p\":\"./a.c\"}", "/srv/a.c"), NONE);
	assert_int_equal(path("{\"p\":\"abcd\"}", "/srv/abcd"), LOOSE);
	assert_int_equal(path("{\"p\":\"notes.md\"}", "notes.md"), EXACT);
}

static void asked_and_second_names(void **state)
{
	struct mw_action act = { .kind = MW_EFFECT_FILE_OPEN,
				 .target = MW_SLICE_LIT("/real/x"),
				 .asked = MW_SLICE_LIT("/link/d/x") };

	assert_int_equal(match("{\"p\":\"/link/d/x\"}", &act), EXACT);
	assert_int_equal(match("{\"p\":\"/link/d\"}", &act), LOOSE);
	assert_int_equal(match("{\"p\":\"/real/x\"}", &act), EXACT);
	act.kind = MW_EFFECT_FILE_RENAME;
	act.target = MW_SLICE_LIT("/d/a.txt.81.tmp");
	act.target2 = MW_SLICE_LIT("/d/a.txt");
	act.asked = mw_slice(NULL, 0);
	assert_int_equal(match("{\"p\":\"/d/a.txt\"}", &act), EXACT);
	assert_int_equal(match("{\"p\":\"/d/b.txt\"}", &act), NONE);
}

static void urls(void **state)
{
	assert_int_equal(path("{\"u\":\"file:///srv/a%20b.txt\"}", "/srv/a b.txt"), EXACT);
	assert_int_equal(path("{\"u\":\"FILE://localhost/srv/a\"}", "/srv/a"), EXACT);
	assert_int_equal(path("{\"u\":\"file:/srv/a?x#y\"}", "/srv/a"), EXACT);
	assert_int_equal(path("{\"u\":\"file:///srv/d/../a%zz%4\"}", "/srv/a%zz%4"), EXACT);
	assert_int_equal(path("{\"u\":\"file:///srv/d\"}", "/srv/d/x"), LOOSE);
	assert_int_equal(path("{\"u\":\"file://\"}", "/"), NONE);
	assert_int_equal(path("{\"u\":\"file:\"}", "/"), NONE);
	assert_int_equal(addr("{\"u\":\"http://127.0.0.1:8080/x\"}", t_addr4("127.0.0.1", 8080)),
			 EXACT);
	assert_int_equal(addr("{\"u\":\"http://127.0.0.1:8080/x\"}", t_addr4("127.0.0.1", 80)),
			 NONE);
	assert_int_equal(addr("{\"u\":\"http://127.0.0.1/x\"}", t_addr4("127.0.0.1", 80)), EXACT);
	assert_int_equal(addr("{\"u\":\"http://127.0.0.1/x\"}", t_addr6("::ffff:127.0.0.1", 80)),
			 EXACT);
	assert_int_equal(addr("{\"u\":\"https://[::1]/\"}", t_addr6("::1", 443)), EXACT);
	assert_int_equal(addr("{\"u\":\"http://localhost:3000\"}", t_addr6("::1", 3000)), EXACT);
	assert_int_equal(addr("{\"u\":\"http://localhost:3000\"}", t_addr4("127.0.1.1", 3000)),
			 EXACT);
	assert_int_equal(addr("{\"u\":\"http://localhost:3000\"}", t_addr4("10.0.1.1", 3000)),
			 NONE);
	assert_int_equal(addr("{\"u\":\"http://example.com\"}", t_addr4("10.0.1.1", 80)), NONE);
}

static void addresses(void **state)
{
	assert_int_equal(addr("{\"h\":\"10.0.0.1\"}", t_addr4("10.0.0.1", 5)), EXACT);
	assert_int_equal(addr("{\"h\":\"10.0.0.1:5\"}", t_addr4("10.0.0.1", 5)), EXACT);
	assert_int_equal(addr("{\"h\":\"10.0.0.1:6\"}", t_addr4("10.0.0.1", 5)), NONE);
	assert_int_equal(addr("{\"h\":\"2001:db8::1\"}", t_addr6("2001:db8::1", 5)), EXACT);
	assert_int_equal(addr("{\"h\":\"localhost\"}", t_addr4("127.0.0.1", 5)), EXACT);
	assert_int_equal(addr("{\"h\":\"see 10.0.0.1\"}", t_addr4("10.0.0.1", 5)), NONE);
	assert_int_equal(addr("{\"h\":\"a\",\"i\":\"b\",\"j\":\"1.1.1.1\",\"k\":\"2.2.2.2\",\"l\":"
			      "\"3.3.3.3\",\"m\":\"4.4.4.4\",\"n\":\"5.5.5.5\"}",
			      t_addr4("5.5.5.5", 5)),
			 EXACT);
}

static void unix_sockets(void **state)
{
	struct mw_action act = { .kind = MW_EFFECT_NET_CONNECT,
				 .peer = { .family = AF_UNIX },
				 .target = MW_SLICE_LIT("unix:/run/d.sock") };

	assert_int_equal(match("{\"s\":\"/run/d.sock\"}", &act), EXACT);
	assert_int_equal(match("{\"s\":\"unix:/run/d.sock\"}", &act), EXACT);
	assert_int_equal(match("{\"s\":\"unix:///run/d.sock\"}", &act), EXACT);
	assert_int_equal(match("{\"s\":\"/run/e.sock\"}", &act), NONE);
}

static void words_of_an_exec(void **state)
{
	assert_int_equal(exec("{\"c\":\"git status\"}", "sh\0-c\0git status\0", 17), EXACT);
	assert_int_equal(exec("{\"c\":\"a/b\"}", "cat\0a/b\0", 8), EXACT);
	assert_int_equal(exec("{\"c\":\"a/b\"}", "cat\0a/b", 7), EXACT);
	assert_int_equal(exec("{\"c\":\"-rf\"}", "rm\0-rf\0", 7), NONE);
	assert_int_equal(exec("{\"c\":\"hello\"}", "echo\0hello\0", 11), NONE);
	assert_int_equal(exec("{\"c\":\"goodbye\"}", "echo\0goodbye\0", 13), EXACT);
	assert_int_equal(exec("{\"c\":\"goodbye\"}", "echo\0goodbye!\0", 14), NONE);
	assert_int_equal(exec("{\"c\":\"/usr/bin/env\"}", "x\0", 2), EXACT);
}

/* The string in an array in a string, so many times. */
static const char *deep(int n, const char *s)
{
	static char a[4096], b[4096];
	size_t len = (size_t)snprintf(a, sizeof(a), "[\"%s\"]", s), k;

	while (n--) {
		k = 0;
		b[k++] = '[';
		b[k++] = '"';
		for (size_t i = 0; i < len; i++) {
			if (a[i] == '"' || a[i] == '\\')
				b[k++] = '\\';
			b[k++] = a[i];
		}
		b[k++] = '"';
		b[k++] = ']';
		memcpy(a, b, k);
		len = k;
		a[len] = '\0';
	}
	return a;
}

static void nested_json(void **state)
{
	const char *t = "/srv/a.txt";

	assert_int_equal(path("{\"j\":\"{\\\"p\\\":\\\"/srv/a.txt\\\"}\"}", t), EXACT);
	assert_int_equal(path("{\"j\":\"[\\\"/srv/a.txt\\\"]\"}", t), EXACT);
	/* in another; and not for ever */
	assert_int_equal(
	    path("{\"a\":\"{\\\"b\\\":\\\"[\\\\\\\"/srv/a.txt\\\\\\\"]\\\"}\"}", "/srv/a.txt"),
	    EXACT);
	assert_int_equal(path(deep(4, "/srv/a.txt"), "/srv/a.txt"), EXACT);
	assert_int_equal(path(deep(5, "/srv/a.txt"), "/srv/a.txt"), NONE);
	/* looks like it and is not; what is there before the fault counts */
	assert_int_equal(path("{\"j\":\"{/srv/a.txt\"}", t), NONE);
	assert_int_equal(path("{\"j\":\"[x]\",\"p\":\"/srv/a.txt\"}", t), EXACT);
}

static struct mw_args *take(const char *json, size_t max)
{
	struct mw_args *x;

	assert_int_equal(mw_args_new(&test_alloc, mw_slice_str(json), max, &x), 0);
	return x;
}

static void limits(void **state)
{
	size_t before = test_alloc_live(), n = 0, max = 4000000;
	struct mw_action act = { .kind = MW_EFFECT_FILE_OPEN };
	struct mw_args_query q;
	struct mw_args *x;
	char *json = malloc(max + 64);

	/* all is in */
	x = take("{\"a\":\"[x]\",\"b\":\"/c\"}", MAX);
	assert_true(mw_args_whole(x));
	mw_args_free(x);
	/* not JSON, cut */
	x = take("{\"a\":\"/b/c\",", MAX);
	assert_false(mw_args_whole(x));
	mw_args_free(x);
	x = take("{\"a\":\"/b/c\",\"d\":\"/e/f\"}", 14);
	assert_false(mw_args_whole(x));
	act.target = MW_SLICE_LIT("/b/c");
	mw_args_query_init(&q, &act);
	assert_int_equal(mw_args_match(x, &q), EXACT);
	mw_args_free(x);
	/* 1,024 strings and one more */
	n = (size_t)snprintf(json, max, "[\"/n/0\"");
	for (int i = 1; i <= 1024; i++) {
		if (i == 1024) {
			snprintf(json + n, 8, "]");
			x = take(json, MAX);
			assert_true(mw_args_whole(x));
			mw_args_free(x);
		}
		n += (size_t)snprintf(json + n, max - n, ",\"/n/%d\"", i);
	}
	snprintf(json + n, 8, "]");
	x = take(json, MAX);
	assert_false(mw_args_whole(x));
	act.target = MW_SLICE_LIT("/n/1023");
	mw_args_query_init(&q, &act);
	assert_int_equal(mw_args_match(x, &q), EXACT);
	act.target = MW_SLICE_LIT("/n/1024");
	mw_args_query_init(&q, &act);
	assert_int_equal(mw_args_match(x, &q), NONE);
	mw_args_free(x);
	/* a file's content is no name, and its bytes are not kept */
	json[0] = '[';
	json[1] = '"';
	memset(json + 2, 'a', max - 10);
	memcpy(json + max - 8, "\",\"/k\"]", 8);
	x = take(json, max);
	assert_true(mw_args_whole(x));
	assert_true(test_alloc_live() - before < 1000);
	mw_args_free(x);
	/* content that is JSON is looked into */
	memcpy(json, "[\"{", 3);
	memcpy(json + max - 12, "}", 1);
	x = take(json, max);
	mw_args_free(x);
	free(json);
}

/* Deep and hostile paths: bounded work, right answers at both ends. */
static void deep_paths(void **state)
{
	struct mw_action act = { .kind = MW_EFFECT_FILE_OPEN };
	char deep[4000];

	for (size_t i = 0; i < sizeof(deep); i += 2)
		memcpy(deep + i, "/a", 2);
	act.target = mw_slice(deep, sizeof(deep));
	assert_int_equal(match("{\"p\":\"/a/a\"}", &act), LOOSE);
	assert_int_equal(match("{\"p\":\"a/a/a\"}", &act), LOOSE);
	assert_int_equal(match("{\"p\":\"/b/a\"}", &act), NONE);
}

static void same_again(void **state)
{
	char json[40000];
	size_t n = 1;

	json[0] = '[';
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "\"/same/path\",\"else/where\",");
	snprintf(json + n - 1, 4, "]");
	assert_int_equal(path(json, "/same/path"), EXACT);
	assert_int_equal(path(json, "/x/else/where"), LOOSE);
}

static void memory_may_fail(void **state)
{
	struct mw_slice json =
	    MW_SLICE_LIT("{\"a\":\"/x/../y\",\"b\":\"{\\\"c\\\":\\\"file:///%41\\\"}\","
			 "\"d\":\"http://1.2.3.4\",\"e\":\"relative/x\",\"f\":\"1\","
			 "\"g\":\"2\",\"h\":\"3\",\"i\":\"4\",\"j\":\"5\"}");

	TEST_EACH_FAILURE(n)
	{
		struct mw_args *x = NULL;
		int r = mw_args_new(&test_alloc_failing, json, MAX, &x);

		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		if (r < 0)
			assert_null(x);
		mw_args_free(x);
	}
}

static void values_of_options(void **state)
{
	assert_int_equal(path("[\"--file=/srv/a.txt\"]", "/srv/a.txt"), EXACT);
	assert_int_equal(path("[\"-o=x/a.txt\"]", "/srv/x/a.txt"), LOOSE);
	assert_int_equal(path("[\"--file=\"]", "/srv/a.txt"), NONE);
	assert_int_equal(addr("[\"--url=http://127.0.0.1:80/\"]", t_addr4("127.0.0.1", 80)), EXACT);
}

static enum mw_args_hit named(const char *json, const char *name, uint16_t port)
{
	struct mw_action act = { .kind = MW_EFFECT_NET_CONNECT,
				 .peer = t_addr4("93.184.216.34", port),
				 .names = { MW_SLICE_LIT("other.org"), mw_slice_str(name) },
				 .n_names = 2 };

	return match(json, &act);
}

static void hosts_by_name(void **state)
{
	struct mw_action dns = { .kind = MW_EFFECT_NET_DNS,
				 .target = MW_SLICE_LIT("api.example.com") };

	assert_int_equal(named("[\"api.example.com\"]", "API.example.com", 443), EXACT);
	assert_int_equal(named("[\"https://u:p@Api.Example.com/x?y\"]", "api.example.com", 443),
			 EXACT);
	assert_int_equal(named("[\"https://api.example.com/x\"]", "api.example.com", 80), NONE);
	assert_int_equal(named("[\"http://api.example.com:8443/\"]", "api.example.com", 8443),
			 EXACT);
	assert_int_equal(named("[\"db:5432\"]", "db", 5432), EXACT);
	assert_int_equal(named("[\"db\"]", "db", 5432), NONE); /* any word could be a host */
	assert_int_equal(named("[\"postgresql://db/x\"]", "db", 5432), EXACT);
	assert_int_equal(named("[\"example.com\"]", "api.example.com", 80), NONE);
	assert_int_equal(named("[\"other.org.\"]", "api.example.com", 80), EXACT);
	assert_int_equal(match("[\"https://api.example.com/x\"]", &dns), EXACT);
	assert_int_equal(match("[\"https://example.com/x\"]", &dns), NONE);
}

static enum mw_args_hit request(const char *json, const char *url)
{
	struct mw_slice all = mw_slice_str(url);
	struct mw_action act = { .kind = MW_EFFECT_NET_HTTP,
				 .peer = t_addr4("10.0.0.1", 80),
				 .object = all,
				 .target = mw_slice(url, strcspn(url, "?")) };

	return match(json, &act);
}

static void requests(void **state)
{
	assert_int_equal(request("[\"HTTP://Host:80/a/#x\"]", "http://host/a"), EXACT);
	assert_int_equal(request("[\"http://host/a?b=1\"]", "http://host/a?b=1"), EXACT);
	assert_int_equal(request("[\"http://host/a?b=2\"]", "http://host/a?b=1"), NONE);
	assert_int_equal(request("[\"http://host/a\"]", "http://host/a?b=1"), EXACT);
	assert_int_equal(request("[\"http://host/a\"]", "http://host/b"), NONE);
	assert_int_equal(request("[\"http://host/a\"]", "http://host/ab"), NONE);
	assert_int_equal(request("[\"http://host/a\"]", "http://other/a"), NONE);
	assert_int_equal(request("[\"http://host/a/\"]", "http://host/a/b"), LOOSE);
	assert_int_equal(request("[\"http://host\"]", "http://host/a/b"), LOOSE);
	assert_int_equal(request("[\"host\"]", "http://host/a/b"), NONE);
	assert_int_equal(request("[\"order-77\"]", "http://host/v1/order-77"), LOOSE);
	assert_int_equal(request("[\"/v1/x\"]", "http://host/v1/x"), EXACT);
}

static enum mw_args_hit sql(const char *json, const char *text)
{
	struct mw_action act = { .kind = MW_EFFECT_DB_STATEMENT,
				 .target = MW_SLICE_LIT("postgresql://127.0.0.1:5432/x"),
				 .peer = t_addr4("127.0.0.1", 5432),
				 .asked = mw_slice_str(text) };

	return match(json, &act);
}

static void statements(void **state)
{
	assert_int_equal(sql("[\"SELECT a\\n  FROM t ;\"]", "SELECT  a FROM t"), EXACT);
	assert_int_equal(sql("[\"SELECT a FROM tt\"]", "SELECT a FROM t"), NONE);
	assert_int_equal(sql("[\"BEGIN; DELETE FROM t; COMMIT\"]", "DELETE FROM t"), EXACT);
	assert_int_equal(sql("[\"ord-4711\"]", "DELETE FROM t WHERE id='ord-4711'"), LOOSE);
	assert_int_equal(sql("[\"ord-1\"]", "DELETE FROM t WHERE id='ord-1'"), NONE);
	assert_int_equal(sql("[48213]", "DELETE FROM t WHERE id = 48213"), LOOSE);
	assert_int_equal(sql("[\"48213\"]", "DELETE FROM t WHERE id = 48213"), LOOSE);
	assert_int_equal(sql("[4821]", "DELETE FROM t WHERE id = 4821"), NONE);
	assert_int_equal(sql("[\"hello\"]", ""), NONE);
}

static void mentioned(void **state)
{
	static const struct {
		const char *json, *path;
		bool is;
	} t[] = {
		{ "{\"command\":\"rm -f notes.txt && ls\"}", "/home/ann/notes.txt", true },
		{ "{\"command\":\"rm 'old/notes.txt'\"}", "/home/ann/old/notes.txt", true },
		{ "{\"command\":\"rm notes.txt\"}", "/home/ann/notes", false },
		{ "{\"command\":\"rm my-notes.txt\"}", "/home/ann/notes.txt", false },
		{ "{\"command\":\"rm notes.txt.bak\"}", "/home/ann/notes.txt", false },
		{ "{\"a\":\"rm notes\",\"b\":\".txt\"}", "/home/ann/notes.txt", false },
		{ "{\"command\":\"rm a.c\"}", "/home/ann/a.c", false }, /* too short */
		{ "{\"command\":\"rm -r build\"}", "/home/ann/build/", false },
		{ "{}", "/home/ann/notes.txt", false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct mw_args *x;

		assert_int_equal(mw_args_new(&test_alloc, mw_slice_str(t[i].json), 65536, &x), 0);
		if (mw_args_mention(x, mw_slice_str(t[i].path)) != t[i].is)
			fail_msg("%s: %s", t[i].json, t[i].path);
		mw_args_free(x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_itself),
		cmocka_unit_test(mentioned),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(below_a_directory),
		cmocka_unit_test(relative_ends),
		cmocka_unit_test(asked_and_second_names),
		cmocka_unit_test(urls),
		cmocka_unit_test(addresses),
		cmocka_unit_test(unix_sockets),
		cmocka_unit_test(words_of_an_exec),
		cmocka_unit_test(nested_json),
		cmocka_unit_test(values_of_options),
		cmocka_unit_test(hosts_by_name),
		cmocka_unit_test(requests),
		cmocka_unit_test(statements),
		cmocka_unit_test(limits),
		cmocka_unit_test(deep_paths),
		cmocka_unit_test(same_again),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
