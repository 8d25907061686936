/* SPDX-License-Identifier: Apache-2.0 */
#include "support_wire.h"

#define GET "GET /a?b=1 HTTP/1.1\r\nHost: example.com:8080\r\n\r\n"
#define OK0 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void one_request(void **state)
{
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n", OUT(GET),
	     IN(OK0));
	CASE("DELETE http://10.0.0.0:8080/x|http://10.0.0.0:8080/x|404|ok|\n",
	     OUT("DELETE /x HTTP/1.0\r\n\r\n"), IN("HTTP/1.0 404 Not Found\r\n\r\n<html>"));
	/* two Host fields, or one that is none: the address is sure */
	CASE("GET http://10.0.0.0:8080/|http://10.0.0.0:8080/|200|ok|\n",
	     OUT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), IN(OK0));
	CASE("GET http://10.0.0.0:8080/|http://10.0.0.0:8080/|200|ok|\n",
	     OUT("GET / HTTP/1.1\r\nHost: a/../b?\r\n\r\n"), IN(OK0));
}

static void bodies_and_pipelines(void **state)
{
	CASE("POST http://h/1|http://h/1|201|ok|\n"
	     "PUT http://h/2|http://h/2|204|ok|\n"
	     "HEAD http://h/3|http://h/3|200|ok|\n"
	     "PATCH http://h/4|http://h/4|500|ok|\n",
	     OUT("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 16\r\n\r\nGET / HTTP/1.1\r\n"
		 "PUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "5\r\nhello\r\n0\r\n\r\n"
		 "HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n"),
	     IN("HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\nHTTP/1.1 500"),
	     OUT("PATCH /4 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
	     IN("HTTP/1.1 204 No Content\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
		"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
}

static void other_forms(void **state)
{
	CASE("CONNECT api:443|api:443|200|ok|\ndrop\n",
	     OUT("CONNECT api:443 HTTP/1.1\r\nHost: api:443\r\n\r\n"),
	     IN("HTTP/1.1 200 OK\r\n\r\n"), OUT("GET /not-seen HTTP/1.1\r\n\r\n"));
	CASE("GET http://far/x?y|http://far/x|200|ok|\n",
	     OUT("GET http://far/x?y HTTP/1.1\r\nHost: far\r\n\r\n"), IN(OK0));
	CASE("OPTIONS http://h|http://h|200|ok|\n", OUT("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
	     IN(OK0));
	CASE("GET http://h/ws|http://h/ws|101|ok|\ndrop\n",
	     OUT("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
	     IN("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
	     OUT("GET /not-seen HTTP/1.1\r\n\r\n"));
	CASE("", OUT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), IN("\0\0\0\4\1\0\0\0\0"));
	CASE("", OUT("\x16\x03\x01\x02\0GET / HTTP/1.1\r\n\r\n"), IN(OK0));
}

static void no_answer(void **state)
{
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a||ECONNRESET|\n", OUT(GET),
	     CLOSE);
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a||EINPROGRESS|\n",
	     OUT(GET));
	/* late: its place is kept, so that the next has its own */
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a||EINPROGRESS|\n"
	     "GET http://h/2|http://h/2|404|ok|\n",
	     OUT(GET), TICK(11000), IN(OK0), OUT("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"),
	     IN("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"));
	/* an event stream waits for who judges it */
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n", OUT(GET),
	     IN("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"), TICK(1100));
}

static void gaps(void **state)
{
	/* inside of bodies they matter to nobody */
	CASE("PUT http://h/|http://h/|200|ok|\n"
	     "GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n",
	     OUT("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx"), GAP_OUT(999),
	     IN("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), GAP_IN(500), OUT(GET), IN(OK0));
	CASE("GET http://example.com:8080/a?b=1|http://example.com:8080/a||EINPROGRESS|\ndrop\n",
	     OUT(GET), GAP_IN(3), IN(OK0));
	CASE("drop\n", OUT("GET /a HTTP/1.1\r\nHo"), GAP_OUT(3), OUT(": x\r\n\r\n"), IN(OK0));
}

/* Who joins in the midst believes only what was answered. */
static void joined(void **state)
{
	const struct say out[] = { OUT(GET), IN(OK0), OUT(GET) };
	const struct say in[] = { IN("rest of a body"), IN(OK0), OUT(GET), IN(OK0) };
	struct wire_run r;

	wr_init(&r, &test_alloc, MW_CHAN_TCP4);
	r.off[MW_END_WRITE] = r.off[MW_END_READ] = 4711;
	for (size_t i = 0; i < 3; i++)
		wr_say(&r, &out[i], 0);
	mw_wire_finish(r.w);
	wr_pull(&r);
	assert_buf_equal(&r.out,
			 "GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n");
	wr_done(&r);

	wr_init(&r, &test_alloc, MW_CHAN_TCP4);
	r.off[MW_END_WRITE] = r.off[MW_END_READ] = 4711;
	for (size_t i = 0; i < 4; i++)
		wr_say(&r, &in[i], 0);
	assert_buf_equal(&r.out,
			 "GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n");
	wr_done(&r);
}

/* The side that answers did nothing. */
static void server_side(void **state)
{
	CASE("", IN(GET), OUT(OK0), IN(GET), OUT(OK0));
}

static void over_unix(void **state)
{
	struct {
		struct mw_ev_act act;
		char path[24];
	} ev = { .act = { .op = MW_OP_CONNECT,
			  .chan = 77,
			  .gen = 78,
			  .asked_len = 20,
			  .peer = { .family = AF_UNIX } },
		 .path = "/var/run/docker.sock" };
	const struct say s[] = { OUT("POST /v1/x HTTP/1.1\r\nHost: docker\r\n\r\n"), IN(OK0) };
	struct wire_run r;

	for (int known = 0; known < 2; known++) {
		wr_init(&r, &test_alloc, MW_CHAN_UNIX);
		if (known)
			assert_int_equal(mw_wire_connect(r.w, &ev.act), 0);
		for (size_t i = 0; i < 2; i++)
			wr_say(&r, &s[i], 0);
		assert_buf_equal(&r.out,
				 known ? "POST http://unix:/var/run/docker.sock:/v1/x|"
					 "http://unix:/var/run/docker.sock:/v1/x|200|ok|\n"
				       : "POST http://docker/v1/x|http://docker/v1/x|200|ok|\n");
		wr_done(&r);
	}
}

static void keep_and_wanted(void **state)
{
	const struct say s = OUT(GET), tls = IN("HTTP/1.1 101 X\r\n\r\n");
	struct mw_wire_event ev;
	struct mw_chunk c;
	struct wire_run r;

	wr_init(&r, &test_alloc, MW_CHAN_TCP4);
	c = wr_chunk(&r, MW_END_WRITE);
	c.bytes = mw_slice(s.p, s.n);
	assert_int_equal(mw_wire_push(r.w, &c), 0);
	assert_true(r.chan[MW_END_WRITE].wanted);
	assert_int_equal(mw_wire_next(r.w, &ev), 1);
	assert_int_equal(ev.kind, MW_WIRE_KEEP);
	assert_int_equal(ev.sock, 77);
	assert_int_equal(ev.gen, 78);
	assert_int_equal(mw_wire_next(r.w, &ev), 0);
	wr_say(&r, &tls, 0);
	assert_false(r.chan[MW_END_WRITE].wanted);
	wr_done(&r);

	/* of one seen on its MCP streams alone nothing is looked at, of a candidate nothing is kept
	 */
	wr_init(&r, &test_alloc, MW_CHAN_TCP4);
	r.flags = MW_EVF_STREAM;
	wr_say(&r, &s, 0);
	assert_false(r.chan[MW_END_WRITE].wanted);
	r.off[MW_END_WRITE] = 0;
	c = wr_chunk(&r, MW_END_WRITE);
	c.bytes = mw_slice(s.p, s.n);
	c.flags = MW_EVF_CANDIDATE;
	assert_int_equal(mw_wire_push(r.w, &c), 0);
	assert_true(r.chan[MW_END_WRITE].wanted);
	assert_int_equal(mw_wire_next(r.w, &ev), 0);
	wr_done(&r);
}

static void hurry(void **state)
{
	const struct say get = OUT(GET), ok = IN(OK0);
	struct mw_wire_event ev;
	struct wire_run r;
	uint64_t pos = 0;

	wr_init(&r, &test_alloc, MW_CHAN_TCP4);
	wr_say(&r, &get, 0);
	wr_say(&r, &get, 0);
	assert_int_equal(mw_wire_waiting(r.w, &pos, &ev), 1);
	mw_wire_hurry(r.w, ev.id);
	wr_pull(&r);
	wr_say(&r, &ok, 0);
	wr_say(&r, &ok, 0);
	pos = 0;
	assert_int_equal(mw_wire_waiting(r.w, &pos, &ev), 0);
	assert_buf_equal(
	    &r.out, "GET http://example.com:8080/a?b=1|http://example.com:8080/a||EINPROGRESS|\n"
		    "GET http://example.com:8080/a?b=1|http://example.com:8080/a|200|ok|\n");
	wr_done(&r);
}

static void evicts_the_oldest(void **state)
{
	const struct say get = OUT(GET);
	struct wire_run r[6];
	struct mw_wire_stats st;
	struct mw_wire *w;
	struct mw_wire_event ev;
	size_t n = 0;

	wr_init(&r[0], &test_alloc, MW_CHAN_TCP4);
	w = r[0].w;
	for (size_t i = 0; i < 6; i++) {
		if (i) {
			wr_init(&r[i], &test_alloc, MW_CHAN_TCP4);
			mw_wire_free(r[i].w);
			r[i].w = w;
		}
		struct mw_chunk c = wr_chunk(&r[i], MW_END_WRITE);

		c.bytes = mw_slice(get.p, get.n);
		assert_int_equal(mw_wire_push(w, &c), 0);
		while (mw_wire_next(w, &ev) == 1)
			n += ev.kind == MW_WIRE_ACTION;
	}
	mw_wire_stats(w, &st);
	assert_int_equal(st.evicted, 2);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 6; i++)
		mw_buf_done(&r[i].out);
	mw_wire_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request),
		cmocka_unit_test(bodies_and_pipelines),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(gaps),
		cmocka_unit_test(joined),
		cmocka_unit_test(server_side),
		cmocka_unit_test(over_unix),
		cmocka_unit_test(keep_and_wanted),
		cmocka_unit_test(hurry),
		cmocka_unit_test(evicts_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
