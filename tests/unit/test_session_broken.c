/* SPDX-License-Identifier: Apache-2.0 */
/* conversations over HTTP: answers that refuse, that are cut, and what is no HTTP */
#include "session_http_fx.h"

#define NAMELESS(id) "{\"jsonrpc\":\"2.0\"," id "\"error\":{\"code\":-32000}}"

/* An error that names no request: of the only one that the exchange carries, or of none. */
static void refused(void **state)
{
	static const char *const errors[] = { NAMELESS("\"id\":null,"), NAMELESS("") };
	struct net n;
	int i;

	for (i = 0; i < 2; i++) {
		net_begin(&n);
		introduce(&n, SESSION);
		request(&n, 1, "GET /mcp", SESSION, "");
		reply(&n, 1, 405, "", errors[i]);
		request(&n, 1, "DELETE /mcp", SESSION, "");
		reply(&n, 1, 405, "", errors[i]);
		post(&n, 1, SESSION, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
		reply(&n, 1, 400, "", errors[i]);
		wait_ns(&n.f, 2 * MW_SESSION_EARLY_NS);
		expect(&n.f, "notice \"notifications/initialized\" | ");
		post(&n, 1, SESSION, CALL("1", "a"));
		reply(&n, 1, 400, "", errors[i]);
		expect_part(&n.f, "call 2 rpc_error {\"code\":-32000} | ");
		forget(&n.f);
		/* one that is no refusal answers nothing, and one that may be of two neither */
		request(&n, 1, "GET /mcp", SESSION, "");
		reply(&n, 1, 200, "", errors[i]);
		wait_ns(&n.f, 2 * MW_SESSION_EARLY_NS);
		expect(&n.f, "anomaly answer.unmatched | ");
		post(&n, 1, SESSION, "[" CALL("1", "a") "," CALL("2", "a") "]");
		reply(&n, 1, 400, "", errors[i]);
		wait_ns(&n.f, 2 * MW_SESSION_EARLY_NS);
		expect_part(&n.f, "anomaly answer.unmatched | ");
		end(&n.f);
	}
}

/* A part of an answer came: it is not complete, and it is said. */
static void cut(void **state)
{
	struct net n;
	int i;

	net_begin(&n);
	introduce(&n, "");
	for (i = 0; i < 2; i++) {
		post(&n, i, i ? NEW_VERSION : "", CALL("1", "a"));
		forget(&n.f);
		down(&n, i, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu");
		if (i)
			client_closes(&n, i);
		else
			server_closes(&n, i);
		wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
		expect(&n.f, i ? "anomaly answer.cut 3 | answered 3 | call 3 cancelled incomplete | "
			       : "anomaly answer.cut 2 | answered 2 | call 2 no_response incomplete | ");
	}
	/* nothing came, or whole events: no part of an answer */
	post(&n, 2, NEW_VERSION, CALL("1", "a"));
	forget(&n.f);
	stream(&n, 2, "");
	server_closes(&n, 2);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
	expect(&n.f, "answered 4 | call 4 no_response | ");
	post(&n, 3, NEW_VERSION, CALL("1", "a"));
	stream(&n, 3, "");
	event(&n, 3, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}");
	forget(&n.f);
	down(&n, 3, "20\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,");
	server_closes(&n, 3);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
	expect(&n.f, "anomaly answer.cut 5 | answered 5 | call 5 no_response incomplete | ");
	end(&n.f);

	/* its stream is resumed, and brings the whole: nothing to say */
	net_begin(&n);
	introduce(&n, SESSION);
	post(&n, 0, SESSION OLD_VERSION, CALL("1", "a"));
	stream(&n, 0, "");
	forget(&n.f);
	down(&n, 0, "20\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,");
	server_closes(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
	request(&n, 1, "GET /mcp", SESSION "Last-Event-ID: 5\r\n", "");
	stream(&n, 1, "");
	event(&n, 1, ANSWER("1"));
	expect(&n.f, "answered 2 | call 2 ok {\"r\":1} | ");
	end(&n.f);
}

/* What came behind the head is no body: it may have been the answer. */
static void no_body(void **state)
{
	struct net n;

	net_begin(&n);
	introduce(&n, "");
	post(&n, 0, "", CALL("1", "a"));
	forget(&n.f);
	down(&n, 0, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "fffffffffffffffff\r\n" ANSWER("1") "\r\n0\r\n\r\n");
	server_closes(&n, 0);
	client_closes(&n, 0);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
	expect(&n.f, "anomaly http.chunk | anomaly answer.cut 2 | answered 2 | call 2 no_response incomplete | ");
	end(&n.f);
}

/* A part of a request came, and the connection ended. */
static void cut_request(void **state)
{
	struct net n;
	int i;

	net_begin(&n);
	introduce(&n, SESSION);
	for (i = 0; i < 2; i++) {
		up(&n, i, "POST /mcp HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
			  "Content-Length: 2147483648\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"to");
		client_closes(&n, i);
		server_closes(&n, i);
		wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
		expect(&n.f, "anomaly request.cut | ");
		assert_int_equal(n.f.anomaly_server, 1);
	}
	for (i = 4; i < 8; i++) /* to somebody else */
		n.f.chan[i].src.port = n.f.chan[i].dst.port = 99;
	n.server[2] = SERVER2;
	up(&n, 2, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2147483648\r\n\r\n{\"jsonrpc\"");
	client_closes(&n, 2);
	wait_ns(&n.f, MW_SESSION_CLOSE_NS + MW_ENDS_WAIT_NS + 100 * MS);
	expect(&n.f, "");
	end(&n.f);
}

static void broken(struct net *n, int chan, enum mw_end end, uint32_t pid, const char *odd)
{
	struct mw_msg m = { .state = MW_MSG_BROKEN, .chan = &n->f.chan[chan], .end = end,
			    .kind = MW_FRAME_IS_HEAD, .carrier = MW_CARRIER_BODY,
			    .response = chan % 2, .odd = odd };

	m.seen[end] = (struct mw_sight){ .seen = true, .end_ns = n->f.now, .proc = proc(pid) };
	assert_int_equal(mw_session_push(n->f.s, &m), 0);
	pull(&n->f);
}

/* A place where HTTP broke: said once, of a server that is known, or of none. */
static void broken_places(void **state)
{
	struct mw_addr other = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 81 };
	struct net n;
	int i;

	net_begin(&n);
	introduce(&n, SESSION);
	for (i = 0; i < 2; i++) { /* of a conversation; of a connection that brought nothing else */
		broken(&n, 2 * i, W, CLIENT, "http.length");
		broken(&n, 2 * i, R, SERVER, "http.length");
		expect(&n.f, "anomaly http.length | ");
		broken(&n, 2 * i, W, CLIENT, "http.head");
		broken(&n, 2 * i, W, CLIENT, "http.head");
		expect(&n.f, "anomaly http.head | anomaly http.head | ");
		broken(&n, 2 * i, R, SERVER, "http.head");
		broken(&n, 2 * i, R, SERVER, "http.head");
		expect(&n.f, "");
	}
	assert_int_equal(n.f.anomaly_server, 1);
	broken(&n, 5, W, SERVER, "http.head"); /* an answer of it */
	expect(&n.f, "anomaly http.head | ");
	assert_int_equal(n.f.anomaly_server, 1);
	/* the same process, elsewhere */
	n.f.chan[6].dst = n.f.chan[7].src = n.f.chan[8].dst = n.f.chan[9].src = other;
	broken(&n, 6, R, SERVER, "http.head");
	expect(&n.f, "anomaly http.head | ");
	/* nobody knows it, or nothing is strange */
	broken(&n, 8, R, SERVER2, "http.head");
	broken(&n, 4, W, CLIENT, NULL);
	expect(&n.f, "");
	assert_int_equal(n.f.n_kind[MW_SESS_SERVER], 2);
	/* an honest call on the same connection afterwards */
	post(&n, 1, SESSION, CALL("1", "a"));
	reply(&n, 1, 200, "", ANSWER("1"));
	expect_part(&n.f, "call 2 ok {\"r\":1} | ");
	end(&n.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(cut),
		cmocka_unit_test(no_body),
		cmocka_unit_test(cut_request),
		cmocka_unit_test(broken_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
