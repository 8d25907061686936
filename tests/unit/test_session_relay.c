/* SPDX-License-Identifier: Apache-2.0 */
/* calls that are passed on: one call, its hops; and what is kept back until it is clear whose it is */
#include "session_http_fx.h"

enum { RELAY = 250, RELAY2 = 251 };

/* Channels 0 and 1 between the client and the relay, 2 and 3 between the relay and the server. */
static void move(struct fx *f, int chan, uint32_t from, uint32_t to, const char *s)
{
	put(f, chan, W, from, s);
	put(f, chan, R, to, s);
}

static void there(struct fx *f, const char *s)
{
	move(f, 0, CLIENT, RELAY, s);
	move(f, 2, RELAY, SERVER, s);
}

static void back(struct fx *f, const char *s)
{
	move(f, 3, SERVER, RELAY, s);
	move(f, 1, RELAY, CLIENT, s);
}

/* --- kept back ------------------------------------------------------------------------------------- */

static void until_it_answers(void **state)
{
	struct fx f;

	begin(&f);
	send_by(&f, 0, SERVER, CALL("1", "a"));
	send_by(&f, 0, SERVER, CALL("2", "b"));
	expect(&f, "open 1 | open 2 | ");
	put(&f, 1, W, SERVER, ANSWER("2"));
	expect(&f, "answered 2 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | "
		   "request 2 \"tools/call\" {\"name\":\"b\"} | ");
	end(&f);
}

static void until_the_time_is_over(void **state)
{
	struct fx f;

	begin(&f);
	send_by(&f, 0, SERVER, CALL("1", "a"));
	wait_ns(&f, MW_SESSION_HOLD_NS - 50 * MS);
	expect(&f, "open 1 | ");
	wait_ns(&f, 100 * MS);
	expect(&f, "server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | ");
	send_by(&f, 0, SERVER, CALL("2", "b")); /* no more then */
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | ");
	end(&f);
}

static void until_it_ends(void **state)
{
	struct fx f;

	begin(&f);
	send_by(&f, 0, SERVER, CALL("1", "a"));
	finish(&f);
	expect(&f, "open 1 | server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | answered 1 | call 1 lost | ");
	end(&f);
}

/* --- passed on -------------------------------------------------------------------------------------- */

static void cat(void **state)
{
	struct fx f;

	begin(&f);
	there(&f, CALL("1", "a"));
	expect(&f, "open 1 | moved 1 to 300 | ");
	move(&f, 3, SERVER, RELAY, ANSWER("1"));
	expect(&f, "answered 1 | server 2 | request 1 \"tools/call\" {\"name\":\"a\"} | ");
	move(&f, 1, RELAY, CLIENT, ANSWER("1"));
	expect(&f, "call 1 ok {\"r\":1} | ");
	assert_int_equal(f.last.n_hops, 1);
	assert_int_equal(f.last.hops[0].proc.tgid, RELAY);
	assert_int_equal(f.last.hops[0].transport, MW_TRANSPORT_STDIO);
	assert_int_equal(f.last.client.tgid, CLIENT);
	assert_int_equal(f.last_server.proc.tgid, SERVER);
	/* notifications and the server's own requests likewise */
	there(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	back(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"a\":1}}");
	back(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"a\":2}}");
	expect(&f, "notice \"notifications/initialized\" | notice s2c \"notifications/message\" | "
		   "notice s2c \"notifications/message\" | ");
	back(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}");
	there(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"roots\":[]}}");
	expect(&f, "open 2 | request 2 s2c \"roots/list\"  | answered 2 | call 2 ok {\"roots\":[]} | ");
	assert_int_equal(f.last.client.tgid, CLIENT);
	assert_int_equal(f.last.n_hops, 1);
	/* the relay is never said as a server */
	wait_ns(&f, 2 * MW_SESSION_HOLD_NS);
	finish(&f);
	expect(&f, "");
	assert_int_equal(f.n_kind[MW_SESS_SERVER], 1);
	end(&f);
}

/* One that writes its own JSON, under its own ids. */
static void proxy(void **state)
{
	struct fx f;

	begin(&f);
	move(&f, 0, CLIENT, RELAY, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":"
				   "{\"name\":\"a\",\"arguments\":{\"x\":1,\"y\":[2]},\"_meta\":{\"progressToken\":7}}}");
	move(&f, 2, RELAY, SERVER, "{\"method\":\"tools/call\",\"params\":{\"arguments\":{\"y\": [2], \"x\": 1.0},"
				   "\"name\":\"a\"},\"jsonrpc\":\"2.0\",\"id\":1}");
	expect(&f, "open 1 | moved 1 to 300 | ");
	move(&f, 3, SERVER, RELAY, ANSWER("1"));
	move(&f, 1, RELAY, CLIENT, ANSWER("7"));
	expect_part(&f, "call 1 ok {\"r\":7} | ");
	forget(&f);
	/* what it asks for itself is a call of its own, and what it answers by itself too */
	move(&f, 2, RELAY, SERVER, CALL("2", "own"));
	move(&f, 3, SERVER, RELAY, ANSWER("2"));
	expect_part(&f, "call 2 ok {\"r\":2} | ");
	assert_int_equal(f.last.n_hops, 0);
	assert_int_equal(f.last.client.tgid, RELAY);
	forget(&f);
	move(&f, 0, CLIENT, RELAY, "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}");
	expect(&f, "open 3 | ");
	move(&f, 1, RELAY, CLIENT, ANSWER("8"));
	expect(&f, "answered 3 | server 1 | request 3 \"ping\"  | call 3 ok {\"r\":8} | ");
	end(&f);
}

/* Several that are equal: by id, else the oldest; and never one that another process has. */
static void which_of_several(void **state)
{
	static const char own[] = "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"a\"},\"id\":%d}";
	char text[200];
	struct fx f;

	begin(&f);
	move(&f, 0, CLIENT, RELAY, CALL("1", "a"));
	move(&f, 0, CLIENT, RELAY, CALL("2", "a"));
	move(&f, 0, CLIENT, RELAY, CALL("3", "a"));
	snprintf(text, sizeof(text), own, 3);
	move(&f, 2, RELAY, SERVER, text);
	snprintf(text, sizeof(text), own, 9);
	move(&f, 2, RELAY, SERVER, text);
	expect(&f, "open 1 | open 2 | open 3 | moved 3 to 300 | moved 1 to 300 | ");
	move(&f, 4, RELAY2, SERVER2, CALL("2", "a"));
	expect(&f, "open 4 | ");
	end(&f);
}

static void two_relays(void **state)
{
	struct fx f;

	begin(&f);
	there(&f, CALL("1", "a")); /* SERVER passes it on too */
	move(&f, 4, SERVER, SERVER2, CALL("1", "a"));
	expect(&f, "open 1 | moved 1 to 300 | moved 1 to 301 | ");
	move(&f, 5, SERVER2, SERVER, ANSWER("1"));
	back(&f, ANSWER("1"));
	expect_part(&f, "server 3 | ");
	expect_part(&f, "call 1 ok {\"r\":1} | ");
	assert_int_equal(f.last.n_hops, 2);
	assert_int_equal(f.last.hops[0].proc.tgid, RELAY);
	assert_int_equal(f.last.hops[1].proc.tgid, SERVER);
	assert_int_equal(f.last_server.proc.tgid, SERVER2);
	assert_int_equal(f.n_kind[MW_SESS_SERVER], 1);
	end(&f);
}

/* From lines to HTTP. */
static void to_http(void **state)
{
	struct mw_addr none = { 0 };
	struct net n;

	net_begin(&n);
	n.f.chan[0].kind = n.f.chan[1].kind = MW_CHAN_PIPE;
	n.f.chan[0].src = n.f.chan[0].dst = n.f.chan[1].src = n.f.chan[1].dst = none;
	n.f.chan[0].back = n.f.chan[1].back = NULL;
	n.client[1] = RELAY;
	n.server[1] = 0; /* on another host */
	move(&n.f, 0, CLIENT, RELAY, CALL("1", "a"));
	post(&n, 1, NEW_VERSION, CALL("1", "a"));
	expect(&n.f, "open 1 | ");
	reply(&n, 1, 200, "", ANSWER("1"));
	move(&n.f, 1, RELAY, CLIENT, ANSWER("1"));
	wait_ns(&n.f, MW_SESSION_HOLD_NS);
	expect_part(&n.f, "call 1 ok");
	assert_int_equal(n.f.last.hops[0].transport, MW_TRANSPORT_HTTP);
	assert_int_equal(n.f.last.transport, MW_TRANSPORT_STDIO);
	end(&n.f);
}

/* cat | server: what the server says goes past the relay. */
static void one_way_only(void **state)
{
	struct fx f;
	int order;

	for (order = 0; order < 3; order++) {
		begin(&f);
		if (order == 2) /* a socket both ways */
			f.chan[0].back = &f.chan[1], f.chan[1].back = &f.chan[0];
		there(&f, CALL("1", "a"));
		if (order == 1) { /* the read is seen first */
			put(&f, 1, R, CLIENT, ANSWER("1"));
			put(&f, 1, W, SERVER, ANSWER("1"));
		} else {
			move(&f, 1, SERVER, CLIENT, ANSWER("1"));
		}
		expect_part(&f, "answered 1 | server 2 | request 1 \"tools/call\" {\"name\":\"a\"} | call 1 ok {\"r\":1} | ");
		assert_int_equal(f.last.n_hops, 1);
		assert_int_equal(f.last.client.tgid, CLIENT);
		assert_int_equal(f.last_server.proc.tgid, SERVER);
		forget(&f);
		move(&f, 1, SERVER, CLIENT, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}");
		there(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
		expect(&f, "notice s2c \"notifications/message\" | notice \"notifications/initialized\" | ");
		move(&f, 1, SERVER, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}");
		there(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"roots\":[]}}");
		expect(&f, "open 2 | request 2 s2c \"roots/list\"  | answered 2 | call 2 ok {\"roots\":[]} | ");
		assert_int_equal(f.last.client.tgid, CLIENT);
		/* the relay is at its end, what it has passed on is not */
		there(&f, CALL("2", "b"));
		mw_session_exit(f.s, proc(RELAY), f.now);
		wait_ns(&f, 2 * MW_SESSION_EXIT_NS);
		forget(&f);
		move(&f, 1, SERVER, CLIENT, ANSWER("2"));
		expect(&f, "answered 3 | call 3 ok {\"r\":2} | ");
		wait_ns(&f, 2 * MW_SESSION_EARLY_NS);
		finish(&f);
		assert_int_equal(f.n_kind[MW_SESS_CALL], 3);
		assert_int_equal(f.n_kind[MW_SESS_SERVER], 1);
		assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 0);
		end(&f);
	}
}

/* cat | server | cat: another one is the way back. */
static void another_way_back(void **state)
{
	struct fx f;
	int order;

	for (order = 0; order < 2; order++) {
		begin(&f);
		there(&f, CALL("1", "a"));
		put(&f, 3, order ? R : W, order ? RELAY2 : SERVER, ANSWER("1"));
		put(&f, 3, order ? W : R, order ? SERVER : RELAY2, ANSWER("1"));
		put(&f, 1, order ? R : W, order ? CLIENT : RELAY2, ANSWER("1"));
		put(&f, 1, order ? W : R, order ? RELAY2 : CLIENT, ANSWER("1"));
		expect_part(&f, "call 1 ok {\"r\":1} | ");
		there(&f, CALL("2", "a"));
		move(&f, 3, SERVER, RELAY2, ANSWER("2"));
		forget(&f);
		move(&f, 1, RELAY2, CLIENT, ANSWER("2"));
		expect(&f, "call 2 ok {\"r\":2} | ");
		wait_ns(&f, 2 * MW_SESSION_EARLY_NS);
		finish(&f);
		expect(&f, "");
		assert_int_equal(f.n_kind[MW_SESS_CALL], 2);
		assert_int_equal(f.n_kind[MW_SESS_SERVER], 1);
		assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 0);
		end(&f);
	}
}

/* One message on a connection behind an upgrade, as both ends show it. */
static void line_behind(struct net *n, int chan, uint32_t from, uint32_t to, const char *text)
{
	struct mw_chan *ch = &n->f.chan[chan];
	void *slot = NULL;
	struct mw_msg m = { .state = MW_MSG_FIRST, .chan = ch, .bytes = mw_slice(text, strlen(text)),
			    .len = strlen(text), .carrier = MW_CARRIER_LINE, .end = W, .user = &slot };

	ch->last[W] = proc(from);
	m.seen[W] = (struct mw_sight){ .seen = true, .begin_ns = n->f.now, .end_ns = n->f.now, .proc = proc(from) };
	assert_int_equal(mw_session_push(n->f.s, &m), 0);
	pull(&n->f);
	ch->last[R] = proc(to);
	m.seen[R] = m.seen[W];
	m.seen[R].proc = proc(to);
	m.state = MW_MSG_SETTLED;
	assert_int_equal(mw_session_push(n->f.s, &m), 0);
	pull(&n->f);
	n->f.now += MS;
}

/* The shape of docker run -i: over a connection that was upgraded, the answers not readable there. */
static void over_an_upgraded_connection(void **state)
{
	char ask[200], answer[100];
	struct net n;
	int i;

	net_begin(&n);
	for (i = 0; i < 6; i++) {
		n.f.chan[i].kind = i / 2 == 1 ? MW_CHAN_UNIX : MW_CHAN_PIPE;
		n.f.chan[i].src = n.f.chan[i].dst = (struct mw_addr){ 0 };
		if (i / 2 != 1)
			n.f.chan[i].back = NULL;
	}
	n.client[1] = RELAY;
	n.server[1] = RELAY2;
	request(&n, 1, "POST /containers/x/attach", "Connection: Upgrade\r\nUpgrade: tcp\r\n", "{\"Cmd\":[\"x\"]}");
	down(&n, 1, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	expect(&n.f, "");
	for (i = 1; i < 70; i++) {
		snprintf(ask, sizeof(ask), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\"}", i);
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		move(&n.f, 0, CLIENT, RELAY, ask);
		line_behind(&n, 2, RELAY, RELAY2, ask);
		move(&n.f, 4, RELAY2, SERVER, ask);
		move(&n.f, 5, SERVER, RELAY2, answer);
		forget(&n.f);
		move(&n.f, 1, RELAY, CLIENT, answer);
		snprintf(ask, sizeof(ask), "call %d ok {} | ", i);
		expect(&n.f, ask);
		assert_int_equal(n.f.last.n_hops, 2);
		assert_int_equal(n.f.last.hops[0].proc.tgid, RELAY);
		assert_int_equal(n.f.last.hops[0].transport, MW_TRANSPORT_HTTP);
		assert_int_equal(n.f.last.hops[1].proc.tgid, RELAY2);
		assert_int_equal(n.f.last.hops[1].transport, MW_TRANSPORT_STDIO);
		assert_int_equal(n.f.last.transport, MW_TRANSPORT_STDIO);
		assert_int_equal(n.f.last_server.proc.tgid, SERVER);
	}
	client_closes(&n, 1);
	server_closes(&n, 1);
	wait_ns(&n.f, 2 * MW_SESSION_LINGER_NS);
	finish(&n.f);
	expect(&n.f, "");
	assert_int_equal(n.f.n_kind[MW_SESS_GAP], 0);
	assert_int_equal(n.f.n_kind[MW_SESS_ANOMALY], 0);
	assert_int_equal(n.f.n_kind[MW_SESS_SERVER], 1);
	end(&n.f);
}

/* The legs of calls that have their answer take no place from those that have none. */
static void no_leg_stays(void **state)
{
	char text[200];
	struct fx f;
	int i;

	assert_int_equal(begin_with(&f, &test_alloc, 8, 64), 0);
	there(&f, CALL("1000", "long"));
	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}", i);
		there(&f, text);
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		move(&f, 1, RELAY, CLIENT, text); /* what came to the relay is not seen */
	}
	forget(&f);
	move(&f, 1, RELAY, CLIENT, ANSWER("1000"));
	expect_part(&f, "call 1 ok {\"r\":1000} | ");
	assert_int_equal(f.n_kind[MW_SESS_GAP], 0);
	end(&f);
}

/* The way on ends without an answer, or the relay does. */
static void broken_off(void **state)
{
	struct fx f;

	begin(&f);
	there(&f, CALL("1", "a"));
	mw_session_exit(f.s, proc(SERVER), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	forget(&f);
	move(&f, 1, RELAY, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1}}");
	expect(&f, "answered 1 | call 1 rpc_error {\"code\":-1} | ");
	end(&f);

	begin(&f);
	there(&f, CALL("1", "a"));
	mw_session_exit(f.s, proc(RELAY), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect_part(&f, "call 1 no_response | ");
	move(&f, 3, SERVER, RELAY, ANSWER("1"));
	finish(&f);
	assert_int_equal(f.n_kind[MW_SESS_CALL], 1);
	evict(&f, 0);
	evict(&f, 1);
	evict(&f, 2);
	evict(&f, 3);
	end(&f);
}

static void many_through_cat(void **state)
{
	static char text[2000 * 80];
	struct fx f;
	char *p = text;
	size_t n;
	int i;

	begin(&f);
	f.quiet = true;
	for (i = 0; i < 2000; i++)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\"}\n", i);
	n = (size_t)(p - text);
	put_n(&f, 0, W, CLIENT, text, n);
	put_n(&f, 0, R, RELAY, text, n);
	put_n(&f, 2, W, RELAY, text, n);
	put_n(&f, 2, R, SERVER, text, n);
	assert_int_equal(f.n_kind[MW_SESS_MOVED], 2000);
	p = text;
	for (i = 1999; i >= 0; i--)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n", i);
	n = (size_t)(p - text);
	put_n(&f, 3, W, SERVER, text, n);
	put_n(&f, 3, R, RELAY, text, n);
	put_n(&f, 1, W, RELAY, text, n);
	put_n(&f, 1, R, CLIENT, text, n);
	assert_int_equal(f.n_kind[MW_SESS_CALL], 2000);
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 2000);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 0);
	assert_int_equal(f.n_kind[MW_SESS_SERVER], 1);
	end(&f);
}

static void memory_fails(void **state)
{
	static struct fx f;

	TEST_EACH_FAILURE(n)
	{
		if (begin_with(&f, &test_alloc_failing, 64, 8) < 0)
			continue;
		there(&f, CALL("1", "a"));
		back(&f, ANSWER("1"));
		there(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
		back(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}");
		there(&f, CALL("2", "a"));
		wait_ns(&f, 300 * MS);
		finish(&f);
		evict(&f, 0);
		evict(&f, 1);
		evict(&f, 2);
		evict(&f, 3);
		assert_int_equal(mw_session_open_calls(f.s, NULL, NULL, 0), 0);
		mw_session_free(f.s);
		mw_ends_free(f.ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_it_answers),
		cmocka_unit_test(until_the_time_is_over),
		cmocka_unit_test(until_it_ends),
		cmocka_unit_test(cat),
		cmocka_unit_test(proxy),
		cmocka_unit_test(which_of_several),
		cmocka_unit_test(two_relays),
		cmocka_unit_test(to_http),
		cmocka_unit_test(one_way_only),
		cmocka_unit_test(another_way_back),
		cmocka_unit_test(over_an_upgraded_connection),
		cmocka_unit_test(no_leg_stays),
		cmocka_unit_test(broken_off),
		cmocka_unit_test(many_through_cat),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
