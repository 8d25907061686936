/* SPDX-License-Identifier: Apache-2.0 */
/* conversations over HTTP: whose a message is, and how calls end */
#include "session_http_fx.h"

/* --- whose it is ---------------------------------------------------------------------------------- */

static void a_session(void **state)
{
	struct net n;

	net_begin(&n);
	n.f.controls = true;
	post(&n, 0, "", INIT);
	reply(&n, 0, 200, SESSION, INIT_ANSWER);
	expect(&n.f, "keep | watch 300:80 | open 1 | keep | answered 1 | server 1 | request 1 \"initialize\" "
		     "{\"clientInfo\":{\"name\":\"c\"}} | changed 1 | call 1 ok {\"serverInfo\":{\"name\":\"s\"}} | ");
	n.f.controls = false;
	assert_int_equal(n.f.last.transport, MW_TRANSPORT_HTTP);
	assert_string_equal(n.f.last_path, "POST /mcp 200");
	post(&n, 0, SESSION, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	down(&n, 0, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	post(&n, 1, SESSION, CALL("1", "a")); /* another connection, the same session */
	reply(&n, 1, 200, "", ANSWER("1"));
	expect(&n.f, "notice \"notifications/initialized\" | open 2 | request 2 \"tools/call\" "
		     "{\"name\":\"a\"} | answered 2 | call 2 ok {\"r\":1} | ");
	assert_int_equal(n.f.last.session, n.f.first_session);
	end(&n.f);
}

/* Equal ids at the same time: of two sessions, of none, of two connections, of two clients. */
static void equal_ids_do_not_cross(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	n.client[3] = CLIENT + 1;
	post(&n, 0, SESSION, CALL("1", "a"));
	post(&n, 1, "Mcp-Session-Id: two\r\n", CALL("1", "b"));
	post(&n, 2, NEW_VERSION, CALL("1", "c"));
	post(&n, 3, NEW_VERSION, CALL("1", "d"));
	post(&n, 4, NEW_VERSION, CALL("1", "e"));
	forget(&n.f);
	reply(&n, 4, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"e\"}");
	reply(&n, 2, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"c\"}");
	reply(&n, 1, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"b\"}");
	reply(&n, 3, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"d\"}");
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"a\"}");
	expect(&n.f, "answered 6 | call 6 ok \"e\" | answered 4 | call 4 ok \"c\" | answered 3 | call 3 ok \"b\" | "
		     "answered 5 | call 5 ok \"d\" | answered 2 | call 2 ok \"a\" | ");
	assert_int_equal(n.f.n_kind[MW_SESS_ANOMALY], 0);
	end(&n.f);
}

static void the_same_id_twice_in_a_session(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION, CALL("1", "a"));
	post(&n, 1, SESSION, CALL("1", "b"));
	expect_part(&n.f, "anomaly id.reused 3 | ");
	forget(&n.f);
	reply(&n, 1, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"b\"}"); /* the exchange tells */
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"a\"}");
	expect(&n.f, "answered 3 | call 3 ok id_reused \"b\" | answered 2 | call 2 ok \"a\" | ");
	end(&n.f);
}

static void pipelined(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	post(&n, 0, NEW_VERSION, CALL("1", "b"));
	post(&n, 0, NEW_VERSION, CALL("1", "c"));
	forget(&n.f);
	down(&n, 0, "HTTP/1.1 100 Continue\r\n\r\n");
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"a\"}");
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"b\"}");
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"c\"}");
	expect(&n.f, "answered 2 | call 2 ok \"a\" | answered 3 | call 3 ok \"b\" | answered 4 | call 4 ok \"c\" | ");
	end(&n.f);
}

static void streams(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	request(&n, 1, "GET /mcp", SESSION, "");
	stream(&n, 1, "");
	post(&n, 0, SESSION, CALL("1", "a"));
	stream(&n, 0, "");
	forget(&n.f);
	event(&n, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}");
	event(&n, 0, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":{}}");
	expect(&n.f, "notice s2c \"notifications/progress\" | open 3 | request 3 s2c \"elicitation/create\" {} | ");
	post(&n, 2, SESSION, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"action\":\"accept\"}}");
	down(&n, 2, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	expect(&n.f, "answered 3 | call 3 ok {\"action\":\"accept\"} | ");
	event(&n, 1, "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}");
	event(&n, 1, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	expect(&n.f, "open 4 | request 4 s2c \"ping\"  | notice s2c \"notifications/tools/list_changed\" | ");
	post(&n, 2, SESSION, "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}");
	expect(&n.f, "answered 4 | call 4 ok {} | ");
	event(&n, 0, ANSWER("1"));
	stream_ends(&n, 0);
	expect(&n.f, "answered 2 | call 2 ok {\"r\":1} | ");
	end(&n.f);
}

/* The stream broke; its answer comes on the one that resumes it. */
static void resumed(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION OLD_VERSION, CALL("1", "a"));
	stream(&n, 0, "");
	forget(&n.f);
	stream_ends(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + 50 * MS);
	expect(&n.f, "");
	request(&n, 1, "GET /mcp", SESSION "Last-Event-ID: 5\r\n", "");
	stream(&n, 1, "");
	event(&n, 1, ANSWER("1"));
	expect(&n.f, "answered 2 | call 2 ok {\"r\":1} | ");
	end(&n.f);
}

/* HTTP+SSE of 2024-11-05. */
static void the_old_pair(void **state)
{
	struct net n;
	int mid;

	for (mid = 0; mid < 2; mid++) {
		net_begin(&n);
		if (!mid)
			request(&n, 0, "GET /sse", "", "");
		stream(&n, 0, "");
		if (!mid) /* else it was before we looked */
			typed(&n, 0, "endpoint", "/messages/?session_id=1");
		expect(&n.f, "");
		request(&n, 1, "POST /messages/?session_id=1", "", CALL("1", "a"));
		down(&n, 1, "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted");
		wait_ns(&n.f, MW_SESSION_HOLD_NS + 50 * MS);
		expect(&n.f, "open 1 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | ");
		event(&n, 0, ANSWER("1"));
		expect(&n.f, "answered 1 | call 1 ok {\"r\":1} | ");
		assert_int_equal(n.f.last.transport, MW_TRANSPORT_SSE);
		/* two of them with equal ids, the second of another session */
		if (!mid) {
			request(&n, 2, "GET /sse", "", "");
			stream(&n, 2, "");
			typed(&n, 2, "endpoint", "http://h:80/messages/?session_id=2");
			request(&n, 1, "POST /messages/?session_id=2", "", CALL("2", "b"));
			down(&n, 1, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
			request(&n, 1, "POST /messages/?session_id=1", "", CALL("2", "c"));
			down(&n, 1, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
			forget(&n.f);
			event(&n, 0, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"c\"}");
			event(&n, 2, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"b\"}");
			expect(&n.f, "answered 3 | call 3 ok \"c\" | answered 2 | call 2 ok \"b\" | ");
		}
		end(&n.f);
	}
}

static void over_unix_sockets(void **state)
{
	struct net n;
	int i;

	net_begin(&n);
	for (i = 0; i < 12; i++) {
		n.f.chan[i].kind = MW_CHAN_UNIX;
		n.f.chan[i].src = n.f.chan[i].dst = (struct mw_addr){ 0 };
	}
	introduce(&n, SESSION);
	n.server[2] = SERVER2;
	post(&n, 1, SESSION, CALL("1", "a"));
	post(&n, 2, SESSION, CALL("1", "b")); /* the same session id at another server */
	forget(&n.f);
	reply(&n, 2, 200, "", ANSWER("1"));
	expect_part(&n.f, "call 3 ok {\"r\":1} | ");
	assert_int_not_equal(n.f.last.session, n.f.first_session);
	reply(&n, 1, 200, "", ANSWER("1"));
	expect_part(&n.f, "call 2 ok {\"r\":1} | ");
	assert_int_equal(n.f.last.session, n.f.first_session);
	assert_int_equal(n.f.n_kind[MW_SESS_ANOMALY], 0);
	end(&n.f);
}

static void web_sockets(void **state)
{
	struct net n;
	char frame[300];
	size_t len;
	int i;

	net_begin(&n);
	up(&n, 0, "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
		  "Sec-WebSocket-Protocol: mcp\r\nAuthorization: Bearer x\r\n\r\n");
	down(&n, 0, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	expect(&n.f, "");
	for (i = 0; i < 2; i++) {
		const char *text = i ? ANSWER("1") : CALL("1", "a");

		len = strlen(text);
		frame[0] = (char)0x81;
		frame[1] = (char)(len | (i ? 0 : 0x80));
		if (!i)
			memset(frame + 2, 0, 4); /* a mask of zeros */
		memcpy(frame + (i ? 2 : 6), text, len);
		len += i ? 2 : 6;
		put_n(&n.f, i, W, i ? SERVER : CLIENT, frame, len);
		put_n(&n.f, i, R, i ? CLIENT : SERVER, frame, len);
	}
	expect(&n.f, "open 1 | answered 1 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | "
		     "call 1 ok {\"r\":1} | ");
	assert_int_equal(n.f.last.transport, MW_TRANSPORT_WEBSOCKET);
	assert_string_equal(n.f.last_path, "GET /ws 101");
	end(&n.f);
}

static void one_end_is_elsewhere(void **state)
{
	struct net n;

	/* the client: known by its address alone */
	net_begin(&n);
	n.f.controls = true;
	n.client[0] = n.client[1] = 0;
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	post(&n, 1, NEW_VERSION, CALL("1", "b"));
	reply(&n, 1, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"b\"}");
	reply(&n, 0, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"a\"}");
	wait_ns(&n.f, MW_ENDS_GRACE_NS + 50 * MS);
	expect_part(&n.f, "call 1 ok one_sided \"a\" | ");
	expect_part(&n.f, "call 2 ok one_sided \"b\" | ");
	expect_part(&n.f, "seek client of 300 | ");
	assert_int_equal(n.f.last.client_addr.family, AF_INET);
	assert_true(n.f.last.client_addr.port >= 1000);
	end(&n.f);

	/* the server */
	net_begin(&n);
	n.server[0] = 0;
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	reply(&n, 0, 200, "", ANSWER("1"));
	wait_ns(&n.f, MW_ENDS_GRACE_NS + 50 * MS);
	expect_part(&n.f, "call 1 ok one_sided {\"r\":1} | ");
	assert_int_equal(n.f.last_server.addr.port, 80);
	assert_int_equal(n.f.last_server.proc.tgid, 0);
	assert_int_equal(n.f.last.client_addr.family, 0);
	assert_int_equal(n.f.last.client_end.family, AF_INET);
	assert_true(n.f.last.client_end.port >= 1000);
	end(&n.f);
}

/* --- what is not MCP ------------------------------------------------------------------------------ */

static void let_go(void **state)
{
	static char big[70000];
	struct net n;
	int i;

	net_begin(&n);
	n.f.controls = true;
	memset(big, 'x', sizeof(big) - 1);
	for (i = 0; i < 3; i++) {
		request(&n, 0, "GET /index.html", "", "");
		snprintf(big, 100, "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n");
		big[strlen(big)] = 'x';
		big[30000 + strlen("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n")] = '\0';
		down(&n, 0, big);
		big[strlen(big)] = 'x';
		if (i == 1)
			expect(&n.f, "");
	}
	request(&n, 0, "GET /index.html", "", "");
	down(&n, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect_part(&n.f, "drop | ");
	forget(&n.f);
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	expect(&n.f, "");

	/* never one of a server that is known */
	n.f.chan[2].candidate = n.f.chan[3].candidate = true;
	post(&n, 2, NEW_VERSION, CALL("1", "a"));
	reply(&n, 2, 200, "", ANSWER("1"));
	forget(&n.f);
	for (i = 0; i < 40; i++) {
		post(&n, 1, "", "{\"some\":\"thing\",\"padding\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
		reply(&n, 1, 200, "", "{}");
	}
	expect(&n.f, "");
	post(&n, 1, NEW_VERSION, CALL("2", "a"));
	expect(&n.f, "keep | keep | open 2 | request 2 \"tools/call\" {\"name\":\"a\"} | ");
	end(&n.f);

	/* a candidate is judged early */
	net_begin(&n);
	n.f.controls = true;
	n.f.chan[0].candidate = n.f.chan[1].candidate = true;
	for (i = 0; i < 30; i++) {
		post(&n, 0, "", "{\"some\":\"thing\",\"padding\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
		reply(&n, 0, 200, "", "{}");
	}
	expect_part(&n.f, "drop | ");
	end(&n.f);
}

/* Other things on the same server are none of ours, and nothing strange. */
static void other_things(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	request(&n, 0, "POST /register", "", "{\"client_name\":\"x\"}");
	reply(&n, 0, 201, "", "{\"client_id\":\"1\"}");
	expect(&n.f, "");
	post(&n, 0, SESSION, "{\"no\":\"message\"}");
	expect(&n.f, "anomaly not_jsonrpc | ");
	reply(&n, 0, 400, "", "");
	post(&n, 0, SESSION, CALL("1", "a"));
	reply(&n, 0, 200, "", ANSWER("1"));
	expect_part(&n.f, "call 2 ok {\"r\":1} | ");
	end(&n.f);
}

/* --- ends of calls -------------------------------------------------------------------------------- */

static void no_answers(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	/* an answer that is none */
	post(&n, 0, SESSION, CALL("1", "a"));
	forget(&n.f);
	reply(&n, 0, 500, "", "");
	expect(&n.f, "answered 2 | call 2 no_response | ");
	assert_string_equal(n.f.last_path, "POST /mcp 500");
	/* an error that names no request */
	post(&n, 0, SESSION, CALL("2", "b"));
	forget(&n.f);
	reply(&n, 0, 400, "", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600}}");
	expect(&n.f, "answered 3 | call 3 rpc_error {\"code\":-32600} | ");
	/* the connection ends */
	post(&n, 0, SESSION, CALL("3", "c"));
	forget(&n.f);
	server_closes(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + 50 * MS);
	expect(&n.f, "answered 4 | call 4 no_response | ");
	end(&n.f);
}

static void streams_that_end(void **state)
{
	struct net n;

	/* 2026-07-28: the client cancels by closing, and no stream can be resumed */
	net_begin(&n);
	introduce(&n, "");
	post(&n, 0, NEW_VERSION, CALL("1", "a"));
	stream(&n, 0, "");
	post(&n, 1, NEW_VERSION, CALL("2", "b"));
	stream(&n, 1, "");
	post(&n, 2, NEW_VERSION, CALL("3", "c"));
	stream(&n, 2, "");
	forget(&n.f);
	client_closes(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + 50 * MS);
	expect(&n.f, "answered 2 | call 2 cancelled | ");
	server_closes(&n, 1);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + 50 * MS);
	expect(&n.f, "answered 3 | call 3 no_response | ");
	stream_ends(&n, 2);
	expect(&n.f, "answered 4 | call 4 no_response | ");
	end(&n.f);

	/* without a session nothing can be resumed */
	net_begin(&n);
	introduce(&n, "");
	post(&n, 0, OLD_VERSION, CALL("1", "a"));
	stream(&n, 0, "");
	forget(&n.f);
	stream_ends(&n, 0);
	expect(&n.f, "answered 2 | call 2 no_response | ");
	end(&n.f);

	/* before: the call goes on until its session ends */
	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION OLD_VERSION, CALL("1", "a"));
	stream(&n, 0, "");
	forget(&n.f);
	client_closes(&n, 0);
	wait_ns(&n.f, 2000 * MS);
	expect(&n.f, "");
	request(&n, 1, "DELETE /mcp", SESSION, "");
	down(&n, 1, "HTTP/1.1 204 No Content\r\n\r\n");
	expect(&n.f, "answered 2 | call 2 no_response | ");
	end(&n.f);
}

static void processes_that_end(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION OLD_VERSION, CALL("1", "a"));
	forget(&n.f);
	mw_session_exit(n.f.s, proc(SERVER), n.f.now);
	wait_ns(&n.f, MW_SESSION_EXIT_NS + 50 * MS);
	expect(&n.f, "answered 2 | call 2 no_response | gone 1 | ");
	wait_ns(&n.f, MW_SESSION_LINGER_NS);
	expect(&n.f, "");
	/* the same session id is another conversation now */
	n.server[1] = SERVER2;
	post(&n, 1, SESSION, CALL("1", "a"));
	reply(&n, 1, 200, "", ANSWER("1"));
	assert_int_not_equal(n.f.last.session, n.f.first_session);
	end(&n.f);
}

/* --- what is strange ------------------------------------------------------------------------------ */

static void headers_that_lie(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, "");
	post(&n, 0, NEW_VERSION "Mcp-Method: tools/call\r\nMcp-Name: a\r\n", CALL("1", "a"));
	reply(&n, 0, 200, "", ANSWER("1"));
	post(&n, 0, NEW_VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?w6Q=?=\r\n",
	     CALL("2", "\\u00e4"));
	reply(&n, 0, 200, "", ANSWER("2"));
	assert_null(strstr(n.f.log, "anomaly"));
	post(&n, 0, NEW_VERSION "Mcp-Method: tools/list\r\n", CALL("3", "a"));
	expect_part(&n.f, "anomaly http.header_mismatch 4 | ");
	reply(&n, 0, 400, "", ANSWER("3"));
	forget(&n.f);
	post(&n, 0, NEW_VERSION "Mcp-Method: tools/call\r\nMcp-Name: b\r\n", CALL("4", "a"));
	expect_part(&n.f, "anomaly http.header_mismatch 5 | ");
	reply(&n, 0, 400, "", ANSWER("4"));
	forget(&n.f);
	up(&n, 0, "POST /mcp HTTP/1.1\r\nHost: h\r\n" NEW_VERSION
		  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	expect_part(&n.f, "anomaly http.length_and_transfer | ");
	end(&n.f);
}

/* More than are kept in the queue of a connection: what is left of it finds its answers by id. */
static void too_many_pipelined(void **state)
{
	char text[200];
	struct net n;
	int i;

	net_with(&n, &test_alloc, 8192);
	introduce(&n, SESSION);
	n.f.quiet = true;
	for (i = 1; i <= 4100; i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}", i);
		post(&n, 0, NEW_VERSION, text);
	}
	for (i = 1; i <= 4100; i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		reply(&n, 0, 200, "", text);
	}
	assert_true(n.f.n_kind[MW_SESS_CALL] >= 4097);
	n.f.quiet = false;
	finish(&n.f);
	assert_int_equal(n.f.n_kind[MW_SESS_CALL], 4101);
	end(&n.f);
}

/* Bytes of the answers are missing: what is asked meanwhile still finds its own. */
static void gaps(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION, CALL("1", "a"));
	gap(&n.f, 1, W, 200);
	gap(&n.f, 1, R, 200);
	expect_part(&n.f, "gap 200 | ");
	post(&n, 0, SESSION, CALL("2", "b"));
	forget(&n.f);
	reply(&n, 0, 200, "", ANSWER("2"));
	expect_part(&n.f, "call 3 ok");
	post(&n, 0, SESSION, CALL("3", "c"));
	reply(&n, 0, 200, "", ANSWER("3"));
	expect_part(&n.f, "call 4 ok {\"r\":3}");
	forget(&n.f);
	server_closes(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + 50 * MS);
	expect(&n.f, "answered 2 | call 2 lost incomplete | ");
	end(&n.f);
}

static void missing_pages(void **state)
{
	struct mw_chunk c;
	struct net n;
	int i;

	net_begin(&n);
	introduce(&n, SESSION);
	for (i = 0; i < 6; i++) {
		c = (struct mw_chunk){ .chan = &n.f.chan[0], .end = R, .off = n.f.off[0][R], .gap = 4096,
				       .reason = MW_GAP_FAULT, .ts_ns = n.f.now };
		assert_int_equal(mw_ends_push(n.f.ends, &c), 0);
		n.f.off[0][R] += 4096;
		pull(&n.f);
		assert_int_equal(n.f.n_kind[MW_SESS_ANOMALY], i >= 3);
	}
	expect_part(&n.f, "anomaly pages.missing");
	end(&n.f);
}

/* --- for ever -------------------------------------------------------------------------------------- */

static void churn(void **state)
{
	size_t live = 0;
	struct net n;
	int i;

	net_with(&n, &test_alloc, 64);
	n.f.quiet = true;
	for (i = 0; i < 600; i++) {
		n.client[0] = 5000 + (uint32_t)i;
		n.f.chan[0].src.port = n.f.chan[1].dst.port = (uint16_t)(2000 + i);
		post(&n, 0, i % 2 ? "" : NEW_VERSION, i % 2 ? INIT : CALL("1", "a"));
		reply(&n, 0, 200, i % 4 == 1 ? SESSION : "", i % 2 ? INIT_ANSWER : ANSWER("1"));
		client_closes(&n, 0);
		mw_session_exit(n.f.s, proc(n.client[0]), n.f.now);
		wait_ns(&n.f, MW_SESSION_LINGER_NS + 300 * MS);
		evict(&n.f, 0);
		evict(&n.f, 1);
		if (i == 50)
			live = test_alloc_live();
	}
	assert_int_equal(n.f.n_kind[MW_SESS_CALL], 600);
	assert_true(test_alloc_live() <= live + 1000);
	end(&n.f);
}

static void all_of_it(struct net *n)
{
	post(n, 0, "", INIT);
	reply(n, 0, 200, SESSION, INIT_ANSWER);
	request(n, 1, "GET /sse", "", "");
	stream(n, 1, "");
	typed(n, 1, "endpoint", "/messages/?session_id=1");
	request(n, 2, "POST /messages/?session_id=1", "", CALL("1", "a"));
	down(n, 2, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	event(n, 1, ANSWER("1"));
	post(n, 3, NEW_VERSION "Mcp-Method: tools/list\r\n", CALL("1", "b"));
	stream(n, 3, "");
	gap(&n->f, 7, R, 3);
	post(n, 0, SESSION, CALL("3", "b"));
	client_closes(n, 3);
	wait_ns(&n->f, MW_SESSION_EXIT_NS + 50 * MS);
	request(n, 4, "DELETE /mcp", SESSION, "");
	down(n, 4, "HTTP/1.1 204 No Content\r\n\r\n");
	mw_session_exit(n->f.s, proc(CLIENT), n->f.now);
	wait_ns(&n->f, MW_SESSION_LINGER_NS + 300 * MS);
	finish(&n->f);
}

static void memory_fails(void **state)
{
	static struct net n;

	TEST_EACH_FAILURE(k)
	{
		net_with(&n, &test_alloc_failing, 64);
		if (!n.f.s)
			continue;
		n.f.may_fail = true;
		all_of_it(&n);
		assert_int_equal(mw_session_open_calls(n.f.s, NULL, NULL, 0), 0);
		mw_session_free(n.f.s);
		mw_ends_free(n.f.ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session),
		cmocka_unit_test(equal_ids_do_not_cross),
		cmocka_unit_test(the_same_id_twice_in_a_session),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(streams),
		cmocka_unit_test(resumed),
		cmocka_unit_test(the_old_pair),
		cmocka_unit_test(over_unix_sockets),
		cmocka_unit_test(web_sockets),
		cmocka_unit_test(one_end_is_elsewhere),
		cmocka_unit_test(let_go),
		cmocka_unit_test(other_things),
		cmocka_unit_test(no_answers),
		cmocka_unit_test(streams_that_end),
		cmocka_unit_test(processes_that_end),
		cmocka_unit_test(headers_that_lie),
		cmocka_unit_test(too_many_pipelined),
		cmocka_unit_test(gaps),
		cmocka_unit_test(missing_pages),
		cmocka_unit_test(churn),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
