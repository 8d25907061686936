/* SPDX-License-Identifier: Apache-2.0 */
/* calls that one answer does not end: rounds (2026-07-28) and tasks (2025-11-25) */
#include "session_http_fx.h"

#define MORE(id, state)                                                                            \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"resultType\":\"input_required\","        \
	"\"inputRequests\":{},\"requestState\":\"" state "\"}}"
#define AGAIN(id, name, state)                                                                     \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name \
	"\",\"inputResponses\":{},\"requestState\":\"" state "\"}}"
#define TASK(id, task)                                                                             \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"task\":{\"taskId\":\"" task              \
	"\",\"status\":\"working\"}}}"
#define ABOUT(id, method, task)                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tasks/" method                            \
	"\",\"params\":{\"taskId\":\"" task "\"}}"

static void begin_said(struct fx *f)
{
	begin(f);
	ask(f, CALL("0", "a"));
	answer(f, ANSWER("0"));
	forget(f);
}

/* --- rounds ---------------------------------------------------------------------------------------- */

static void three_rounds(void **state)
{
	struct fx f;

	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, MORE("1", "x"));
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"a\"} | answered 2 | ");
	ask(&f, AGAIN("2", "a", "x"));
	expect(&f, "reopened 2 | ");
	answer(&f, MORE("2", "y"));
	expect(&f, "answered 2 | ");
	ask(&f, AGAIN("3", "a", "y"));
	answer(&f, ANSWER("3"));
	expect(&f, "reopened 2 | answered 2 | call 2 ok {\"r\":3} | ");
	assert_int_equal(f.last.n_rounds, 3);
	assert_string_equal(f.last_rounds, "1 2 3");
	assert_true(f.last.rounds[0].end_ns > f.last.rounds[0].begin_ns);
	assert_true(f.last.rounds[1].begin_ns > f.last.rounds[0].end_ns);
	assert_int_equal(f.last.rounds[2].end_ns, f.last.end_ns);
	end(&f);
}

/* Only the same question with the same state goes on. */
static void others_do_not_go_on(void **state)
{
	struct fx f;

	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, MORE("1", "x"));
	forget(&f);
	ask(&f, AGAIN("2", "a", "other"));
	ask(&f, AGAIN("3", "b", "x"));
	send_by(&f, 2, SERVER2, AGAIN("4", "a", "x"));
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"prompts/get\",\"params\":{\"name\":\"a\","
		"\"requestState\":\"x\"}}");
	expect_part(&f, "open 3 | ");
	expect_part(&f, "open 4 | ");
	expect_part(&f, "open 5 | ");
	expect_part(&f, "open 6 | ");
	assert_null(strstr(f.log, "reopened"));
	ask(&f, AGAIN("6", "a", "x"));
	expect_part(&f, "reopened 2 | ");
	end(&f);
}

static void over_http(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, "");
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	reply(&n, 0, 200, "", MORE("1", "x"));
	post(&n, 1, NEW_VERSION, AGAIN("2", "a", "x"));
	reply(&n, 1, 200, "", ANSWER("2"));
	expect(&n.f, "open 2 | request 2 \"tools/call\" {\"name\":\"a\"} | answered 2 | reopened 2 | "
		     "answered 2 | call 2 ok {\"r\":2} | ");
	assert_string_equal(n.f.last_rounds, "1 2");
	end(&n.f);
}

static void never_repeated(void **state)
{
	struct fx f;

	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, MORE("1", "x"));
	forget(&f);
	mw_session_exit(f.s, proc(SERVER), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect_part(&f, "call 2 ok {\"resultType\":\"input_required\"");
	end(&f);

	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, MORE("1", "x"));
	forget(&f);
	f.now += MW_SESSION_WAITING_NS;
	wait_ns(&f, 50 * MS);
	expect_part(&f, "call 2 ok {\"resultType\":\"input_required\"");
	end(&f);
}

static void too_many_wait(void **state)
{
	char text[300];
	struct fx f;
	unsigned int i;

	begin_said(&f);
	f.quiet = true;
	for (i = 1; i <= MW_SESSION_WAITING_MAX + 5; i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/list\"}", i);
		ask(&f, text);
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":"
			 "\"input_required\",\"requestState\":\"%u\"}}", i, i);
		answer(&f, text);
	}
	assert_int_equal(f.n_kind[MW_SESS_CALL], 1 + 5);
	end(&f);
}

/* The repeat was none: only the server's end had it. */
static void denied(void **state)
{
	struct fx f;

	begin_said(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
	ask(&f, CALL("1", "a"));
	answer(&f, MORE("1", "x"));
	forget(&f);
	put(&f, 0, R, SERVER, AGAIN("2", "a", "x"));
	put(&f, 0, W, CLIENT, AGAIN("9", "b", "x"));
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "reopened 2 | open 3 | ");
	expect_part(&f, "answered 2 | ");
	forget(&f);
	put(&f, 0, W, CLIENT, AGAIN("3", "a", "x"));
	expect(&f, "reopened 2 | ");
	assert_int_equal(f.n_kind[MW_SESS_WITHDRAWN], 0);
	end(&f);
}

/* --- tasks ----------------------------------------------------------------------------------------- */

static void a_task(void **state)
{
	struct fx f;

	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, TASK("1", "t"));
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"a\"} | "); /* it goes on */
	ask(&f, ABOUT("2", "get", "t"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"taskId\":\"t\",\"status\":\"working\"}}");
	expect_part(&f, "call 3 ok");
	ask(&f, ABOUT("3", "get", "other"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"taskId\":\"other\",\"status\":\"completed\"}}");
	assert_null(strstr(f.log, "call 2"));
	ask(&f, ABOUT("4", "result", "t"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"isError\":true}}");
	expect(&f, "answered 5 | answered 2 | call 2 tool_error {\"isError\":true} | call 5 tool_error {\"isError\":true} | ");
	end(&f);
}

static void how_tasks_end(void **state)
{
	static const struct {
		const char *ask, *answer, *want;
	} cases[] = {
		{ NULL,
		  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"t\",\"status\":\"completed\"}}",
		  "call 2 ok {\"task\"" },
		{ ABOUT("2", "get", "t"),
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"taskId\":\"t\",\"status\":\"completed\",\"result\":{\"v\":1}}}",
		  "call 2 ok {\"v\":1}" },
		{ ABOUT("2", "get", "t"),
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"taskId\":\"t\",\"status\":\"failed\",\"error\":{\"code\":5}}}",
		  "call 2 rpc_error {\"code\":5}" },
		{ ABOUT("2", "cancel", "t"),
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"taskId\":\"t\",\"status\":\"cancelled\"}}",
		  "call 2 cancelled" },
		{ ABOUT("2", "result", "t"), "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":7}}",
		  "call 2 rpc_error {\"code\":7}" },
	};
	struct fx f;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin_said(&f);
		ask(&f, CALL("1", "a"));
		answer(&f, TASK("1", "t"));
		if (cases[i].ask)
			ask(&f, cases[i].ask);
		assert_null(strstr(f.log, "call 2"));
		answer(&f, cases[i].answer);
		expect_part(&f, cases[i].want);
		finish(&f);
		end(&f);
	}
	begin_said(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"task\",\"taskId\":\"t\",\"status\":\"working\"}}");
	forget(&f);
	mw_session_exit(f.s, proc(SERVER), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect_part(&f, "answered 2 | call 2 no_response ");
	end(&f);
}

static void memory_fails(void **state)
{
	static struct fx f;

	TEST_EACH_FAILURE(n)
	{
		if (begin_with(&f, &test_alloc_failing, 64, 8) < 0)
			continue;
		ask(&f, CALL("1", "a"));
		answer(&f, MORE("1", "x"));
		ask(&f, AGAIN("2", "a", "x"));
		answer(&f, MORE("2", "y"));
		put(&f, 0, R, SERVER, AGAIN("3", "a", "y"));
		ask(&f, CALL("4", "a"));
		answer(&f, TASK("4", "t"));
		ask(&f, CALL("5", "a"));
		answer(&f, TASK("5", "u"));
		ask(&f, ABOUT("6", "get", "t"));
		answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":6,\"result\":{\"status\":\"completed\"}}");
		wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
		finish(&f);
		evict(&f, 0);
		evict(&f, 1);
		assert_int_equal(mw_session_open_calls(f.s, NULL, NULL, 0), 0);
		mw_session_free(f.s);
		mw_ends_free(f.ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_rounds),
		cmocka_unit_test(others_do_not_go_on),
		cmocka_unit_test(over_http),
		cmocka_unit_test(never_repeated),
		cmocka_unit_test(too_many_wait),
		cmocka_unit_test(denied),
		cmocka_unit_test(a_task),
		cmocka_unit_test(how_tasks_end),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
