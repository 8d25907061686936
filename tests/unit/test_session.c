/* SPDX-License-Identifier: Apache-2.0 */
/* recognition, pairing, the ends of calls */
#include "session_fx.h"

/* --- recognition ---------------------------------------------------------------------------------- */

static void by_initialize(void **state)
{
	struct fx f;

	begin(&f);
	f.controls = true;
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"clientInfo\":"
		"{\"name\":\"c\"}}}");
	expect(&f, "keep | watch 300 | open 1 | server 1 | request 1 \"initialize\" {\"clientInfo\":{\"name\":\"c\"}} | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"s\"}}}");
	expect(&f, "keep | answered 1 | changed 1 | call 1 ok {\"serverInfo\":{\"name\":\"s\"}} | ");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->name, "s");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->client_name, "c");
	assert_null(mw_session_server(f.s, proc(CLIENT)));
	end(&f);
}

static void in_the_middle(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("5", "t"));
	expect(&f, "open 1 | server 1 | request 1 \"tools/call\" {\"name\":\"t\"} | ");
	answer(&f, ANSWER("5"));
	expect(&f, "answered 1 | call 1 ok {\"r\":5} | ");
	end(&f);
}

static void by_escaped_method(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools\\/\\u0063all\",\"params\":{}}");
	expect(&f, "open 1 | server 1 | request 1 \"tools\\/\\u0063all\" {} | ");
	end(&f);
}

static void by_meta_keys(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/new\",\"params\":{\"_meta\":{"
		"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\"},"
		"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}");
	expect_part(&f, "open 1 | server 1 | request 1 ");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->client_name, "c");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->protocol, "2026-07-28");
	end(&f);
}

static void only_answers_are_seen(void **state)
{
	struct fx f;

	begin(&f);
	answer(&f, ANSWER("1")); /* of nothing we know */
	expect(&f, "");
	ask(&f, CALL("1", "t"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void by_what_a_server_says(void **state)
{
	struct fx f;

	begin(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	expect(&f, "server 1 | notice s2c \"notifications/tools/list_changed\" | ");
	ask(&f, CALL("1", "t"));
	answer(&f, ANSWER("1"));
	expect(&f, "open 1 | request 1 \"tools/call\" {\"name\":\"t\"} | answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void a_server_speaks_before_its_client_reads(void **state)
{
	static const char said[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}";
	struct fx f;

	begin(&f);
	put(&f, 1, W, SERVER, said);
	/* somebody else of it, who is no client of this conversation */
	put(&f, 2, W, SERVER, said);
	put(&f, 2, R, SERVER2, said);
	forget(&f);
	ask(&f, CALL("1", "t"));
	put(&f, 1, R, CLIENT, said);
	answer(&f, ANSWER("1"));
	expect(&f, "open 1 | request 1 \"tools/call\" {\"name\":\"t\"} | "
		   "notice s2c \"notifications/message\" | answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void other_protocols_are_none(void **state)
{
	char junk[1024];
	struct fx f;
	int i;

	begin(&f);
	f.controls = true;
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"textDocument/hover\",\"params\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
	ask(&f, "{\"id\":1,\"method\":\"tools/call\"}");
	ask(&f, "GET / HTTP/1.1");
	expect(&f, "");
	memset(junk, 'j', sizeof(junk));
	junk[sizeof(junk) - 1] = '\n';
	for (i = 0; i < 16; i++)
		put_n(&f, 0, W, CLIENT, junk, sizeof(junk));
	expect(&f, "drop | ");
	ask(&f, CALL("1", "t"));
	wait_ns(&f, 3000 * MS);
	finish(&f);
	expect(&f, "");
	end(&f);
}

/* However much a server prints beside its answers, before or after it is asked, they are seen. */
static void junk_hides_no_answer(void **state)
{
	char junk[1024];
	struct fx f;
	int i, before;

	memset(junk, 'j', sizeof(junk));
	junk[sizeof(junk) - 1] = '\n';
	for (before = 0; before < 2; before++) {
		begin(&f);
		f.controls = before;
		if (!before)
			ask(&f, CALL("1", "t"));
		for (i = 0; i < 64; i++)
			put_n(&f, 1, W, SERVER, junk, sizeof(junk));
		if (before) {
			expect(&f, "drop | ");
			ask(&f, CALL("1", "t"));
			expect_part(&f, "keep | ");
		}
		forget(&f);
		f.controls = false;
		answer(&f, ANSWER("1"));
		expect(&f, "anomaly line.before | answered 1 | call 1 ok {\"r\":1} | ");
		end(&f);
	}
}

/* A peer's JSON may spell an id its own way. */
static void respelled_ids(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1e0", "a"));
	ask(&f, CALL("\"\\u0061\"", "b"));
	ask(&f, CALL("\"1\"", "c"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"result\":1}");
	expect(&f, "answered 1 | anomaly id.respelled 1 | call 1 ok 1 | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":2}");
	expect(&f, "answered 2 | anomaly id.respelled 2 | call 2 ok 2 | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}");
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	expect(&f, "anomaly answer.unmatched | ");
	end(&f);
}

/* One socket: the requests one way, the answers the other. */
static void over_tcp(void **state)
{
	struct mw_addr a = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 1000 };
	struct mw_addr b = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 80 };
	struct mw_addr c = a;
	struct fx f;
	int i;

	/* two connections between the same two processes, the ids equal, the second answered first */
	begin(&f);
	c.port++;
	for (i = 0; i < 4; i++) {
		f.chan[i].kind = MW_CHAN_TCP4;
		f.chan[i].src = i % 2 ? b : i < 2 ? a : c;
		f.chan[i].dst = i % 2 ? i < 2 ? a : c : b;
		f.chan[i].chan2 = 200 + (uint64_t)i;
	}
	ask_of(&f, 0, SERVER, CALL("1", "a"));
	ask_of(&f, 2, SERVER, CALL("1", "b"));
	forget(&f);
	f.controls = true;
	send_by(&f, 1, SERVER, ANSWER("1"));
	expect(&f, "keep | keep | answered 1 | call 1 ok {\"r\":1} | ");
	send_by(&f, 3, SERVER, ANSWER("1"));
	expect(&f, "keep | keep | answered 2 | call 2 ok {\"r\":1} | ");
	end(&f);
}

/* --- pairing -------------------------------------------------------------------------------------- */

static void two_servers_with_equal_ids(void **state)
{
	struct fx f;

	begin(&f);
	ask_of(&f, 0, SERVER, CALL("1", "a"));
	ask_of(&f, 2, SERVER2, CALL("1", "b"));
	expect(&f, "open 1 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | "
		   "open 2 | server 2 | request 2 \"tools/call\" {\"name\":\"b\"} | ");
	/* the client's ends of both come first: whose they are is clear with the other end only */
	put(&f, 1, R, CLIENT, ANSWER("1"));
	put(&f, 3, R, CLIENT, ANSWER("1"));
	expect(&f, "");
	put(&f, 3, W, SERVER2, ANSWER("1"));
	expect(&f, "answered 2 | call 2 ok {\"r\":1} | ");
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void many_in_flight(void **state)
{
	static char text[2000 * 80];
	struct fx f;
	char *p = text;
	int i;

	begin(&f);
	for (i = 0; i < 2000; i++)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\"}\n", i);
	f.quiet = true;
	put_n(&f, 0, W, CLIENT, text, (size_t)(p - text));
	put_n(&f, 0, R, SERVER, text, (size_t)(p - text));
	wait_ns(&f, MW_SESSION_HOLD_NS + 50 * MS);
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 2000);
	assert_int_equal(mw_session_open_calls(f.s, mw_session_server(f.s, proc(SERVER)), NULL, 0), 2000);
	p = text;
	for (i = 1999; i >= 0; i--)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n", i);
	put_n(&f, 1, W, SERVER, text, (size_t)(p - text));
	put_n(&f, 1, R, CLIENT, text, (size_t)(p - text));
	assert_int_equal(f.n_kind[MW_SESS_CALL], 2000);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 0);
	end(&f);
}

static void batches(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "[" CALL("1", "a") "," CALL("2", "b") ",{\"jsonrpc\":\"2.0\",\"method\":"
		"\"notifications/initialized\"}]");
	expect(&f, "open 1 | open 2 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | "
		   "request 2 \"tools/call\" {\"name\":\"b\"} | notice \"notifications/initialized\" | ");
	answer(&f, "[" ANSWER("2") "," ANSWER("1") "]");
	expect(&f, "answered 2 | answered 1 | call 2 ok {\"r\":2} | call 1 ok {\"r\":1} | ");
	ask(&f, "[]");
	ask(&f, "[1]");
	ask(&f, "[" CALL("3", "c"));
	expect_part(&f, "anomaly not_jsonrpc | ");
	expect_part(&f, "anomaly not_json | ");
	end(&f);
}

static void ids_are_raw(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("\"1\"", "b"));
	ask(&f, CALL("1.0", "c"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"result\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	expect(&f, "answered 2 | call 2 ok {} | answered 3 | call 3 ok {} | answered 1 | call 1 ok {} | ");
	end(&f);
}

static void equal_ids_in_flight(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("1", "b"));
	expect_part(&f, "request 2 \"tools/call\" {\"name\":\"b\"} | anomaly id.reused 2 | ");
	forget(&f);
	answer(&f, ANSWER("1"));
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | answered 2 | call 2 ok id_reused {\"r\":1} | ");
	answer(&f, ANSWER("1"));
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	expect(&f, "anomaly answer.unmatched | ");
	ask(&f, CALL("1", "c")); /* used again in turn: no reuse */
	answer(&f, ANSWER("1"));
	expect(&f, "open 3 | request 3 \"tools/call\" {\"name\":\"c\"} | answered 3 | call 3 ok {\"r\":1} | ");
	end(&f);
}

/* An answer whose request is seen only later, and answers to nothing that outlive their conversation. */
static void early_answers(void **state)
{
	struct fx f;
	char text[100];
	int i;

	begin(&f);
	ask(&f, CALL("0", "t"));
	answer(&f, ANSWER("0"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "");
	ask(&f, CALL("1", "t"));
	expect_part(&f, "anomaly answer.early 2");
	expect_part(&f, "call 2 ok");
	assert_null(strstr(f.log, "unmatched"));
	forget(&f);
	for (i = 100; i < 200; i++) { /* so many are kept */
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		answer(&f, text);
	}
	evict(&f, 0);
	evict(&f, 1);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 101);
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	finish(&f);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 101);
	end(&f);
}

static void requests_of_the_server(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "t"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}");
	expect(&f, "open 2 | request 2 s2c \"sampling/createMessage\" {} | ");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"role\":\"x\"}}");
	expect(&f, "answered 2 | call 2 ok {\"role\":\"x\"} | ");
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void what_an_answer_says(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}");
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-1}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[]}}");
	expect(&f, "answered 1 | call 1 tool_error {\"isError\":true} | answered 2 | "
		   "call 2 rpc_error {\"code\":-1} | answered 3 | tools 3 | call 3 ok {\"tools\":[]} | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700}}");
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	expect(&f, "anomaly answer.unmatched | ");
	end(&f);
}

/* --- ends of calls -------------------------------------------------------------------------------- */

static void cancelled(void **state)
{
#define CANCEL(id) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" id "}}"
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	ask(&f, CALL("3", "c"));
	ask(&f, CANCEL("1"));
	ask(&f, CANCEL("2"));
	ask(&f, CANCEL("3"));
	ask(&f, CANCEL("99"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32800}}");
	answer(&f, ANSWER("3")); /* it was done all the same */
	expect(&f, "answered 2 | call 2 cancelled {\"code\":-32800} | answered 3 | call 3 ok {\"r\":3} | ");
	wait_ns(&f, MW_SESSION_CANCEL_NS - 100 * MS);
	expect(&f, "");
	wait_ns(&f, 200 * MS);
	expect(&f, "answered 1 | call 1 cancelled | ");
	end(&f);
}

static void server_exits(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	forget(&f);
	put(&f, 1, W, SERVER, ANSWER("2"));
	mw_session_exit(f.s, proc(SERVER), f.now);
	put(&f, 1, R, CLIENT, ANSWER("2")); /* what was written is read after the end */
	expect(&f, "answered 2 | call 2 ok {\"r\":2} | ");
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect(&f, "answered 1 | call 1 no_response | gone 1 | ");
	wait_ns(&f, 1000 * MS);
	finish(&f);
	expect(&f, "");
	end(&f);
}

/* Its answer was read, but not seen to be written: that copy waits for the other longer than an
 * exit. */
static void server_exits_and_half_of_its_answer_was_seen(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	answer(&f, ANSWER("2"));
	forget(&f);
	put(&f, 1, R, CLIENT, ANSWER("1"));
	mw_session_exit(f.s, proc(SERVER), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	assert_null(strstr(f.log, "call 1"));
	wait_ns(&f, MW_ENDS_WAIT_NS);
	finish(&f);
	expect_part(&f, "call 1 ok");
	assert_null(strstr(f.log, "unmatched"));
	end(&f);
}

static void client_exits(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	mw_session_exit(f.s, proc(CLIENT), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect(&f, "answered 1 | call 1 no_response | ");
	end(&f);
}

static void the_end(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	put(&f, 0, W, CLIENT, CALL("2", "b")); /* never read */
	forget(&f);
	finish(&f);
	expect(&f, "request 2 \"tools/call\" {\"name\":\"b\"} | answered 1 | call 1 lost | "
		   "answered 2 | call 2 lost one_sided | ");
	end(&f);
}

static void too_many_calls(void **state)
{
	struct fx f;

	assert_int_equal(begin_with(&f, &test_alloc, 2, 64), 0);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	forget(&f);
	ask(&f, CALL("3", "c"));
	expect(&f, "gap 0 | answered 1 | call 1 lost incomplete | open 3 | "
		   "request 3 \"tools/call\" {\"name\":\"c\"} | ");
	end(&f);
}

static void channel_is_given_up(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	evict(&f, 0);
	expect(&f, "answered 1 | call 1 lost incomplete | ");
	evict(&f, 1);
	ask(&f, CALL("1", "b"));
	answer(&f, ANSWER("1"));
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | answered 2 | call 2 ok {\"r\":1} | ");
	end(&f);
}

/* Conversations and servers come and go for ever: what is over takes no room. */
static void churn(void **state)
{
	size_t live = 0;
	struct fx f;
	uint32_t i;

	assert_int_equal(begin_with(&f, &test_alloc, 64, 8), 0);
	f.quiet = true;
	for (i = 0; i < 500; i++) {
		send_by(&f, 0, 1000 + i, CALL("1", "a"));
		send_by(&f, 1, 1000 + i, ANSWER("1"));
		mw_session_exit(f.s, proc(1000 + i), f.now);
		wait_ns(&f, 250 * MS);
		evict(&f, 0);
		evict(&f, 1);
		if (i == 50)
			live = test_alloc_live();
	}
	assert_int_equal(f.n_kind[MW_SESS_SERVER], 500);
	assert_int_equal(f.n_kind[MW_SESS_SERVER_GONE], 500);
	assert_int_equal(f.n_kind[MW_SESS_CALL], 500);
	assert_true(test_alloc_live() <= live + 1000);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_initialize),
		cmocka_unit_test(in_the_middle),
		cmocka_unit_test(by_escaped_method),
		cmocka_unit_test(by_meta_keys),
		cmocka_unit_test(only_answers_are_seen),
		cmocka_unit_test(by_what_a_server_says),
		cmocka_unit_test(a_server_speaks_before_its_client_reads),
		cmocka_unit_test(other_protocols_are_none),
		cmocka_unit_test(junk_hides_no_answer),
		cmocka_unit_test(respelled_ids),
		cmocka_unit_test(over_tcp),
		cmocka_unit_test(two_servers_with_equal_ids),
		cmocka_unit_test(many_in_flight),
		cmocka_unit_test(batches),
		cmocka_unit_test(ids_are_raw),
		cmocka_unit_test(equal_ids_in_flight),
		cmocka_unit_test(early_answers),
		cmocka_unit_test(requests_of_the_server),
		cmocka_unit_test(what_an_answer_says),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(server_exits),
		cmocka_unit_test(server_exits_and_half_of_its_answer_was_seen),
		cmocka_unit_test(client_exits),
		cmocka_unit_test(the_end),
		cmocka_unit_test(too_many_calls),
		cmocka_unit_test(channel_is_given_up),
		cmocka_unit_test(churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
