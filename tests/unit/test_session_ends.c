/* SPDX-License-Identifier: Apache-2.0 */
/* the two copies of what is said, odd bytes, and memory that fails */
#include "session_fx.h"

/* --- what the two ends say ------------------------------------------------------------------------ */

/* The server's copy came first, with another name and other arguments. */
static void client_copy_counts(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	forget(&f);
	put(&f, 0, R, SERVER, CALL("1", "harmless"));
	put(&f, 0, W, CLIENT, CALL("1", "harmful!"));
	expect(&f, "open 1 | ");
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "anomaly ends.differ 1 | request 1 \"tools/call\" {\"name\":\"harmful!\"} | ");
	assert_null(strstr(f.log, "withdrawn"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok differs {\"r\":1} | ");
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 1);
	end(&f);
}

static void client_copy_came_first(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	forget(&f);
	put(&f, 0, W, CLIENT, CALL("1", "harmful!"));
	put(&f, 0, R, SERVER, CALL("1", "harmless"));
	put(&f, 0, R, SERVER, CALL("9", "not sent"));
	put(&f, 0, W, CLIENT, CALL("2", "also sent"));
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "withdrawn 2 | anomaly ends.differ 2 | ");
	expect_part(&f, "withdrawn 3 | anomaly ends.differ 3 | ");
	expect_part(&f, "request 1 \"tools/call\" {\"name\":\"harmful!\"} | ");
	forget(&f);
	answer(&f, ANSWER("1"));
	answer(&f, ANSWER("2"));
	expect_part(&f, "request 4 \"tools/call\" {\"name\":\"also sent\"} | ");
	expect_part(&f, "call 1 ok differs {\"r\":1} | ");
	expect_part(&f, "call 4 ok");
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 2);
	end(&f);
}

/* The answer the server showed is not the one the client got. */
static void client_answer_counts(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	forget(&f);
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}");
	put(&f, 1, R, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"b\":2}}");
	expect(&f, "answered 1 | ");
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "call 1 ok differs {\"b\":2} | ");
	expect_part(&f, "anomaly ends.differ");
	assert_null(strstr(f.log, "unmatched"));
	end(&f);
}

/* What is sent to a server that reads counts as begun: it cannot act unseen by spoiling our view of what
 * it reads. Before its first read it is only starting. */
static void read_and_confirmed(void **state)
{
	struct fx f;

	begin(&f);
	put(&f, 0, W, CLIENT, CALL("0", "z"));
	expect(&f, "");
	put(&f, 0, R, SERVER, CALL("0", "z"));
	expect(&f, "open 1 | ");
	put(&f, 0, W, CLIENT, CALL("1", "a"));
	expect(&f, "open 2 | ");
	assert_int_equal(f.n_kind[MW_SESS_READ], 0);
	put(&f, 0, R, SERVER, CALL("1", "a"));
	assert_int_equal(f.n_kind[MW_SESS_READ], 1);
	assert_int_equal(f.n_kind[MW_SESS_CONFIRMED], 0);
	put(&f, 0, R, SERVER, CALL("2", "b"));
	put(&f, 0, W, CLIENT, CALL("2", "b"));
	assert_int_equal(f.n_kind[MW_SESS_CONFIRMED], 1);
	forget(&f);
	put(&f, 0, W, CLIENT, CALL("3", "c"));
	put(&f, 0, R, SERVER, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	expect(&f, "open 4 | ");
	end(&f);
}

static void one_end_only(void **state)
{
	struct fx f;

	/* the server's: the client is on another host */
	begin(&f);
	put(&f, 0, R, SERVER, CALL("1", "a"));
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect(&f, "open 1 | answered 1 | ");
	wait_ns(&f, MW_ENDS_GRACE_NS + 25 * MS);
	expect(&f, "server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | call 1 ok one_sided {\"r\":1} | ");
	put(&f, 0, R, SERVER, CALL("2", "b"));
	put(&f, 1, W, SERVER, ANSWER("2")); /* it is known now: at once */
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | answered 2 | "
		   "call 2 ok one_sided {\"r\":2} | ");
	end(&f);

	/* the client's: the server is on another host */
	begin(&f);
	put(&f, 0, W, CLIENT, CALL("1", "a"));
	put(&f, 1, R, CLIENT, ANSWER("1"));
	wait_ns(&f, MW_ENDS_GRACE_NS + 25 * MS);
	expect_part(&f, "request 1 \"tools/call\" {\"name\":\"a\"} | ");
	expect_part(&f, "call 1 ok one_sided {\"r\":1} | ");
	end(&f);
}

/* --- odd bytes ------------------------------------------------------------------------------------ */

static void odd_lines(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	ask(&f, "nonsense");
	ask(&f, "{}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"x\":1,\"x\":2}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"x\":\"\\u0000\\ud800\xff\"}");
	expect(&f, "anomaly not_json | anomaly not_jsonrpc | open 2 | anomaly json.equal_keys 2 | "
		   "request 2 \"ping\"  | open 3 | anomaly json.nul 3 | anomaly json.not_utf8 3 | "
		   "anomaly json.lone_surrogate 3 | request 3 \"ping\"  | ");
	end(&f);
}

static void holes(void **state)
{
	struct fx f;

	begin(&f);
	gap(&f, 0, R, 100); /* before anything is known of it */
	put(&f, 0, R, SERVER, "the rest of a line");
	ask(&f, CALL("1", "a"));
	expect_part(&f, "gap 100 | ");
	forget(&f);
	gap(&f, 1, R, 7);
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect_part(&f, "answered 1 | ");
	forget(&f);
	finish(&f);
	expect_part(&f, "call 1 ok incomplete");
	end(&f);
}

/* A line beyond what is kept: no request is made of a part of one. */
static void too_long(void **state)
{
	size_t n = MW_FRAME_HEAD + MW_FRAME_TAIL + 100;
	char *p = malloc(n + 1);
	struct fx f;
	int head;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	memset(p, ' ', n);
	head = sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"params\":{}");
	p[head] = ' ';
	p[n - 1] = '}';
	p[n] = '\n';
	put_n(&f, 0, W, CLIENT, p, n + 1);
	put_n(&f, 0, R, SERVER, p, n + 1);
	expect(&f, "anomaly too_long | ");
	free(p);
	end(&f);
}

/* Arguments beyond what a call keeps: their text is there when the request settles, their length after. */
static void long_arguments(void **state)
{
	size_t n = MW_SESSION_ARGS_MAX + 100;
	char *p = malloc(n + 200);
	struct mw_sess_event ev;
	struct mw_msg m;
	struct fx f;
	int i, seen = 0;

	begin(&f);
	mw_ends_free(f.ends);
	mw_session_free(f.s);
	assert_int_equal(mw_ends_new(&test_alloc, 4u << 20, 42, &f.ends), 0);
	struct mw_session_config cfg = { .alloc = &test_alloc, .ends = f.ends, .calls_max = 8,
					 .servers_max = 8 };
	assert_int_equal(mw_session_new(&cfg, &f.s), 0);
	i = sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"arguments\":\"");
	memset(p + i, 'x', n);
	strcpy(p + (size_t)i + n, "\"}}\n");
	for (i = 0; i < 2; i++) {
		struct mw_chunk c = { .chan = &f.chan[0], .end = i ? R : W, .ts_ns = f.now,
				      .bytes = mw_slice_str(p), .proc = proc(i ? SERVER : CLIENT) };

		assert_int_equal(mw_ends_push(f.ends, &c), 0);
		while (mw_ends_next(f.ends, &m) == 1) {
			assert_int_equal(mw_session_push(f.s, &m), 0);
			while (mw_session_next(f.s, &ev) == 1)
				if (ev.kind == MW_SESS_REQUEST) {
					assert_int_equal(ev.args.n, n + 2);
					assert_int_equal(ev.call->args.n, 0);
					assert_int_equal(ev.call->args_bytes, n + 2);
					seen++;
				}
		}
	}
	assert_int_equal(seen, 1);
	free(p);
	end(&f);
}

/* --- memory --------------------------------------------------------------------------------------- */

/* There was no room to hold the first copies: what a message is is known, its text is not. */
static void copies_that_could_not_be_held(void **state)
{
	static const size_t sizes[] = { 60000, 5000, 500, 50, 10 };
	char *p = malloc(sizes[0] + 1);
	uint64_t nomem;
	uint32_t k = 0;
	struct fx f;
	size_t i;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	forget(&f);
	f.quiet = true;
	memset(p, 'x', sizes[0]);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p[sizes[i]] = '\n';
		for (nomem = mw_ends_nomem(f.ends); mw_ends_nomem(f.ends) == nomem; k++) {
			snprintf(p, 9, "%08x", k);
			p[8] = 'x';
			put_n(&f, 0, W, CLIENT, p, sizes[i] + 1);
		}
	}
	put(&f, 0, W, CLIENT, CALL("3", "c"));
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"isError\":true}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
	f.quiet = false;
	f.no_junk = true;
	finish(&f);
	expect_part(&f, "request 3 \"tools/call\" {\"name\":\"c\"} | ");
	expect_part(&f, "call 1 rpc_error incomplete one_sided | ");
	expect_part(&f, "call 2 tool_error incomplete one_sided | ");
	expect_part(&f, "call 3 lost incomplete one_sided | ");
	expect_part(&f, "anomaly answer.unmatched | ");
	free(p);
	end(&f);
}

static void conversation(struct fx *f)
{
	put(f, 0, W, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			     "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}");
	put(f, 0, R, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			     "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}");
	answer(f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"s\"}}}");
	ask(f, "[" CALL("1", "a") "," CALL("1", "b") "]");
	put(f, 0, R, SERVER, CALL("2", "fake"));
	put(f, 0, W, CLIENT, CALL("2", "true"));
	answer(f, ANSWER("1"));
	put(f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}");
	put(f, 1, R, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"b\":2}}");
	ask(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	wait_ns(f, MW_ENDS_WAIT_NS + 50 * MS);
	gap(f, 1, R, 3);
	mw_session_exit(f->s, proc(SERVER), f->now);
	wait_ns(f, MW_SESSION_EXIT_NS + 50 * MS);
	finish(f);
	evict(f, 0);
	evict(f, 1);
}

static void memory_fails(void **state)
{
	static struct fx f;

	TEST_EACH_FAILURE(n)
	{
		if (begin_with(&f, &test_alloc_failing, 64, 8) < 0)
			continue;
		conversation(&f);
		assert_int_equal(mw_session_open_calls(f.s, NULL, NULL, 0), 0);
		mw_session_free(f.s);
		mw_ends_free(f.ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_copy_counts),
		cmocka_unit_test(client_copy_came_first),
		cmocka_unit_test(client_answer_counts),
		cmocka_unit_test(read_and_confirmed),
		cmocka_unit_test(one_end_only),
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(holes),
		cmocka_unit_test(too_long),
		cmocka_unit_test(long_arguments),
		cmocka_unit_test(copies_that_could_not_be_held),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
