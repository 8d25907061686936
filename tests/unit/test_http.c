/* SPDX-License-Identifier: Apache-2.0 */
#include "support_http.h"

#include <errno.h>

/* A stream: bytes, a gap at `at` (if gap), bytes, the close. `asked`: bit n: answer n is to a HEAD.
 */
struct stream {
	struct mw_slice bytes;
	size_t at;
	uint64_t gap;
	unsigned int asked;
	bool tunnel; /* answer 1 is to a CONNECT */
};

static void run(struct http_run *r, const struct mw_alloc *a, const struct stream *s, size_t split,
		size_t step)
{
	http_run_init(r, a);
	for (unsigned int n = 1; n < 32; n++)
		if (s->asked >> n & 1)
			mw_http_bodyless(&r->h, n);
	if (s->tunnel)
		mw_http_tunnel(&r->h, 1);
	for (size_t i = 0, n; i < s->bytes.n && !r->stopped; i += n) {
		if (s->gap && i == s->at)
			http_gap(r, s->gap);
		n = s->bytes.n - i < step ? s->bytes.n - i : step;
		if (i < split && n > split - i)
			n = split - i;
		if (s->gap && i < s->at && n > s->at - i)
			n = s->at - i;
		http_feed(r, mw_slice(s->bytes.p + i, n));
	}
	if (s->gap && s->at == s->bytes.n)
		http_gap(r, s->gap);
	http_close(r);
}

/* The same however it is split. */
static void check(const struct stream *s, const char *want)
{
	static const size_t steps[] = { SIZE_MAX, 1, 2, 3, 5, 64 };
	size_t live = test_alloc_live();
	struct http_run r;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		run(&r, &test_alloc, s, 0, steps[i]);
		assert_buf_equal(&r.out, want);
		http_run_done(&r);
	}
	for (size_t split = 1; split < s->bytes.n && s->bytes.n < 4000; split++) {
		run(&r, &test_alloc, s, split, SIZE_MAX);
		assert_buf_equal(&r.out, want);
		http_run_done(&r);
	}
	assert_int_equal(test_alloc_live(), live);
}

static void check_text(const char *text, const char *want)
{
	check(&(struct stream){ .bytes = mw_slice_str(text) }, want);
}

/* --- framing --------------------------------------------------------------------------- */

static void requests(void **state)
{
	check_text("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
		   "GET /x?y HTTP/1.0\r\n\r\n"
		   "\r\n\r\nDELETE * HTTP/1.1\r\nA:\r\n\r\n",
		   "1 POST /mcp 1.1\nbody hello\n1 end 55\n"
		   "2 GET /x?y 1.0\n2 end 21\n3 DELETE * 1.1\n3 end 25\n");
}

static void answers(void **state)
{
	check_text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
		   "HTTP/1.1 202\r\ncontent-length:0\r\n\r\n"
		   "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"
		   "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "HTTP/1.0 200 until the close\r\n\r\n{\"a\":1}",
		   "1 answer 200 1.1\nbody {}\n1 end 40\n2 answer 202 1.1\n2 end 34\n"
		   "3 answer 204 1.1\n3 end 46\n4 answer 304 1.1\n4 end 57\n"
		   "5 answer 200 1.0\nbody {\"a\":1}\n5 end 39\n");
}

static void chunks(void **state)
{
	check_text(
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n00A;x=\"y;z\";w\r\n 0123\r\n789\r\n1 ;e\r\n!\r\n0\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: x, , Chunked ,\r\n\r\n0;\r\nA: b\r\nC: d\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	    "1 answer 200 1.1\nbody hello 0123\r\n789!\n1 end 98\n"
	    "2 answer 200 1.1 http.transfer\n2 end 72\n3 answer 200 1.1\n3 end 38\n");
}

static void trailers(void **state)
{
	check_text(
	    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\nC: d\r\n\r\n"
	    "GET / HTTP/1.1\r\n\r\n",
	    "1 POST / 1.1\nbody x\n1 end 69 http.bare_lf\n2 GET / 1.1\n2 end 18\n");
	check_text("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnone\r\n\r\n",
		   "1 POST / 1.1\n1 end 58 partial\nbroken http.field\n");
}

/* RFC 9110 section 15.2: before the final answer, and no answer themselves */
static void interim(void **state)
{
	struct stream s = { .asked = 1 << 2 };

	s.bytes = mw_slice_str("HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
			       "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
			       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
			       "HTTP/1.1 100 Continue\r\n\r\n"
			       "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"
			       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	check(&s, "1 answer 200 1.1\nbody {}\n1 end 40\n2 answer 200 1.1\n2 end 41\n"
		  "3 answer 200 1.1\n3 end 52\n");
}

static void upgrades(void **state)
{
	struct stream s = { .tunnel = true };

	check_text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02{}",
		   "1 answer 101 1.1\n1 end 56\nupgraded\n");
	/* the half of the client: what comes behind tells whether the server went along */
	check_text(
	    "GET /ws HTTP/1.1\r\nConnection: x, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x82",
	    "1 GET /ws 1.1\n1 end 64\nupgraded\n");
	check_text("GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
		   "GET / HTTP/1.1\r\n\r\n\x81",
		   "1 GET /ws 1.1\n1 end 55\n2 GET / 1.1\n2 end 18\nbroken http.start\n");
	check_text("CONNECT a:443 HTTP/1.1\r\n\r\n\x16\x03",
		   "1 CONNECT a:443 1.1\n1 end 26\nupgraded\n");
	s.bytes = mw_slice_str("HTTP/1.1 200 Established\r\nContent-Length: 5\r\n\r\n\x16\x03");
	check(&s, "1 answer 200 1.1\n1 end 47\nupgraded\n");
	s.bytes = mw_slice_str("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	check(&s, "1 answer 403 1.1\nbody no\n1 end 40\n");
}

static void bodyless_late(void **state)
{
	struct mw_slice s = mw_slice_str("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	struct mw_http_event e;
	struct mw_http h;
	size_t used;

	mw_http_init(&h, &test_alloc);
	assert_int_equal(mw_http_next(&h, s, &used, &e), MW_HTTP_HEAD);
	assert_int_equal(used, s.n);
	mw_http_bodyless(&h, 7);
	mw_http_bodyless(&h, 1);
	assert_int_equal(mw_http_next(&h, mw_slice(NULL, 0), &used, &e), MW_HTTP_END);
	assert_false(e.partial);
	assert_int_equal(mw_http_next(&h, mw_slice(NULL, 0), &used, &e), MW_HTTP_NEED);
	/* too late: its body has begun */
	assert_int_equal(mw_http_next(&h, s, &used, &e), MW_HTTP_HEAD);
	assert_int_equal(mw_http_next(&h, mw_slice_str("x"), &used, &e), MW_HTTP_BODY);
	mw_http_bodyless(&h, 2);
	assert_int_equal(mw_http_next(&h, mw_slice_str("y"), &used, &e), MW_HTTP_BODY);
	mw_http_done(&h);
}

/* --- what is taken, and said -------------------------------------------------------------------
 */

static void oddities(void **state)
{
	static const char *const cases[][2] = {
		{ "GET / HTTP/1.1\nA: b\n\n", "1 GET / 1.1 http.bare_lf\n1 end 21\n" },
		{ "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "1 GET / 1.1 http.obs_fold\n1 end 28\n" },
		{ "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "1 GET / 1.1 http.control\n1 end 24\n" },
		{ "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\ncontent-length:01\r\n\r\nx",
		  "1 POST / 1.1 http.two_lengths\nbody x\n1 end 61\n" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n0\r\n\r\n",
		  "1 POST / 1.1 http.length_and_transfer\n1 end 71\n" },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  "1 POST / 1.0 http.transfer_1_0\n1 end 52\n" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
		  "1 POST / 1.1 http.transfer\n1 end 53\n" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
		  "1 answer 200 1.1 http.transfer\n1 end 55 http.coding\n" },
		{ "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
		  "1 answer 200 1.1 http.space_colon\nbody {}\n1 end 41\n" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0;\x01\r\n\r\n",
		  "1 POST / 1.1\n1 end 54 http.control\n" },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
		  "1 answer 200 1.1\n1 end 63 http.coding\n" },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n",
		  "1 answer 200 1.1\n1 end 60\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_text(cases[i][0], cases[i][1]);
}

/* --- what is refused ---------------------------------------------------------------------------
 */

static void refused_heads(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"jsonrpc\":\"2.0\"}", "http.start" },
		{ "GET /\r\n\r\n", "http.start" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http.start" },
		{ "GET / HTTP/1.x\r\n\r\n", "http.start" },
		{ "GET / HTTP/1.1 \r\n\r\n", "http.start" },
		{ "GET  / HTTP/1.1\r\n\r\n", "http.start" },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n\r\n", "http.start" },
		{ "HTTP/1.1 099 x\r\n\r\n", "http.start" },
		{ "HTTP/1.1 2000 x\r\n\r\n", "http.start" },
		{ "HTTP/1.1\r\n\r\n", "http.start" },
		{ "\rGET / HTTP/1.1\r\n\r\n", "http.bare_cr" },
		{ "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "http.bare_cr" },
		{ "HTTP/1.1 200 a\rb\r\n\r\n", "http.bare_cr" },
		{ "GET / HTTP/1.1\r\n folded\r\n\r\n", "http.field" },
		{ "GET / HTTP/1.1\r\nno colon\r\n\r\n", "http.field" },
		{ "GET / HTTP/1.1\r\n: no name\r\n\r\n", "http.field" },
		{ "GET / HTTP/1.1\r\nA(: x\r\n\r\n", "http.field" },
		{ "POST / HTTP/1.1\r\nContent-Length : 5\r\n\r\n", "http.space_colon" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		  "http.two_lengths" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n", "http.two_lengths" },
		{ "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5,\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n", "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
		  "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
		  "http.length" },
		{ "POST / HTTP/1.1\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "http.length" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "http.transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", "http.transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked;a=b\r\n\r\n", "http.transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n",
		  "http.transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: \"a, chunked\r\n\r\n", "http.transfer" },
	};
	char want[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(want, sizeof(want), "broken %s\n", cases[i][1]);
		check_text(cases[i][0], want);
	}
	check(&(struct stream){ .bytes = MW_SLICE_LIT("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n") },
	      "broken http.nul\n");
	check_text("GET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		   "1 GET / 1.1\n1 end 18\nbroken http.direction\n");
}

static void refused_chunks(void **state)
{
	static const char *const cases[][2] = {
		{ "\r\n", "http.chunk" },
		{ "-1\r\n", "http.chunk" },
		{ "+5\r\nhello", "http.chunk" },
		{ " 5\r\nhello", "http.chunk" },
		{ "0x5\r\nhello", "http.chunk" },
		{ "5g\r\n", "http.chunk" },
		{ "5 5\r\n", "http.chunk" },
		{ "5\nhello", "http.chunk" },
		{ "5\rhello", "http.bare_cr" },
		{ "5;a\rb\r\n", "http.bare_cr" },
		{ "5;a\nb\r\n", "http.chunk" },
		{ "00000000000000005\r\n", "http.chunk" },
		{ "8000000000000000\r\n", "http.chunk" },
		{ "fffffffffffffffff\r\n", "http.chunk" },
	};
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	char text[128], want[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_run r;

		snprintf(text, sizeof(text), "%s%s", head, cases[i][0]);
		run(&r, &test_alloc, &(struct stream){ .bytes = mw_slice_str(text) }, 0, SIZE_MAX);
		snprintf(want, sizeof(want), "broken %s\n", cases[i][1]);
		assert_true(mw_slice_ends(mw_buf_slice(&r.out), mw_slice_str(want)));
		mw_buf_append_byte(&r.out, 0);
		check_text(text, (const char *)r.out.p);
		http_run_done(&r);
	}
	check_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n",
		   "1 answer 200 1.1\nbody ab\n1 end 53 partial\nbroken http.chunk\n");
}

/* The place is known without the bytes: nothing is held for them. */
static void huge_lengths(void **state)
{
	struct mw_http_event e;
	size_t live = test_alloc_live(), used;
	struct mw_http h;

	mw_http_init(&h, &test_alloc);
	assert_int_equal(mw_http_next(&h,
				      mw_slice_str("POST / HTTP/1.1\r\n"
						   "Content-Length: 9223372036854775807\r\n\r\n"),
				      &used, &e),
			 MW_HTTP_HEAD);
	assert_true(mw_http_gap(&h, INT64_MAX - 1));
	assert_int_equal(mw_http_next(&h, mw_slice_str("xGET"), &used, &e), MW_HTTP_BODY);
	assert_int_equal(used, 1);
	assert_int_equal(mw_http_next(&h, mw_slice_str("GET"), &used, &e), MW_HTTP_END);
	assert_true(e.partial);
	assert_int_equal(test_alloc_live(), live);
	mw_http_done(&h);
}

/* --- bounds ------------------------------------------------------------------------------------
 */

static void repeat(struct mw_buf *b, const char *s, size_t n)
{
	while (n--)
		mw_buf_append_str(b, s);
}

static void check_buf(struct mw_buf *b, const char *want)
{
	check(&(struct stream){ .bytes = mw_buf_slice(b) }, want);
	b->len = 0;
}

static struct mw_buf scratch(void)
{
	static uint8_t bytes[1 << 20];

	return (struct mw_buf){
		.a = &test_alloc, .p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)
	};
}

static void endless(void **state)
{
	struct mw_buf b = scratch();

	mw_buf_append_str(&b, "GET / HTTP/1.1\r\nA: ");
	repeat(&b, "xxxxxxxx", 16000);
	check_buf(&b, "broken http.head_long\n");
	mw_buf_append_str(&b, "GET /");
	repeat(&b, "xxxxxxxx", 16000);
	check_buf(&b, "broken http.head_long\n");
	/* the last that fits, and one byte more */
	mw_buf_append_str(&b, "GET / HTTP/1.1\r\nA:");
	repeat(&b, "x", MW_HTTP_HEAD_MAX - b.len - 4);
	mw_buf_append_str(&b, "\r\n\r\n");
	check_buf(&b, "1 GET / 1.1\n1 end 65536\n");
	mw_buf_append_str(&b, "GET / HTTP/1.1\r\nA:");
	repeat(&b, "x", MW_HTTP_HEAD_MAX - b.len - 3);
	mw_buf_append_str(&b, "\r\n\r\n");
	check_buf(&b, "broken http.head_long\n");

	mw_buf_append_str(&b, "GET / HTTP/1.1\r\n");
	repeat(&b, "A:\r\n", MW_HTTP_FIELDS_MAX);
	mw_buf_append_str(&b, "\r\n");
	check_buf(&b, "1 GET / 1.1\n1 end 1042\n");
	mw_buf_append_str(&b, "GET / HTTP/1.1\r\n");
	repeat(&b, "A:\r\n", MW_HTTP_FIELDS_MAX + 1);
	mw_buf_append_str(&b, "\r\n");
	check_buf(&b, "broken http.fields\n");

	mw_buf_append_str(&b, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;");
	repeat(&b, "x", 20000);
	check_buf(&b, "1 POST / 1.1\n1 end 16434 partial\nbroken http.chunk_long\n");
	mw_buf_append_str(&b, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
	repeat(&b, "A: b\r\n", 20000);
	check_buf(&b, "1 POST / 1.1\n1 end 65586 partial\nbroken http.trailer_long\n");
	repeat(&b, "\r\n", 100000);
	mw_buf_append_str(&b, "GET / HTTP/1.1\r\n\r\n");
	check_buf(&b, "1 GET / 1.1\n1 end 18\n");
}

/* --- gaps, joins, memory -----------------------------------------------------------------------
 */

static void check_gap(const char *text, size_t at, uint64_t gap, const char *want)
{
	check(&(struct stream){ .bytes = mw_slice_str(text), .at = at, .gap = gap }, want);
}

static void gaps(void **state)
{
	static const char length[] =
	    "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabGET / HTTP/1.1\r\n\r\n";
	static const char chunk[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\n0\r\n\r\n";
	static const char close[] = "HTTP/1.1 200 OK\r\n\r\nabcd";

	check_gap(length, 39, 3,
		  "1 POST / 1.1\nbody ab\n1 end 43 partial\n2 GET / 1.1\n2 end 18\n");
	check_gap(length, 40, 3,
		  "1 POST / 1.1\nbody ab\n1 end 43 partial\n2 GET / 1.1\n2 end 18\n");
	check_gap(length, 38, 6, "1 POST / 1.1\n1 end 44 partial\nbroken http.gap\n");
	check_gap(length, 10, 1, "broken http.gap\n");
	check_gap(chunk, 51, 3, "1 answer 200 1.1\nbody ab\n1 end 62 partial\n");
	check_gap(chunk, 50, 3, "1 answer 200 1.1\nbody ab\n1 end 62 partial\n");
	check_gap(chunk, 52, 4, "1 answer 200 1.1\nbody ab\n1 end 56 partial\nbroken http.gap\n");
	check_gap(chunk, 48, 1, "1 answer 200 1.1\n1 end 49 partial\nbroken http.gap\n");
	check_gap(close, 21, 1000, "1 answer 200 1.1\nbody abcd\n1 end 1023 partial\n");
	check_gap("HTTP/1.1 204 No\r\n\r\n", 19, 1,
		  "1 answer 204 1.1\n1 end 19\nbroken http.gap\n");
}

static void joins(void **state)
{
	struct http_run r;

	http_run_init(&r, &test_alloc);
	mw_http_join_chunked(&r.h);
	http_feed(&r, mw_slice_str("5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx"));
	http_close(&r);
	assert_buf_equal(&r.out,
			 "body hello\n1 end 15 partial\n2 answer 200 1.1\nbody x\n2 end 20\n");
	r.out.len = 0;
	mw_http_join_identity(&r.h);
	http_feed(&r, mw_slice_str("data: x\n\n"));
	http_close(&r);
	assert_buf_equal(&r.out, "body data: x\n\n\n3 end 9 partial\n");
	r.out.len = 0;
	/* after a resync the numbers go on */
	http_feed(&r, mw_slice_str("\x01"));
	assert_buf_equal(&r.out, "broken http.start\n");
	mw_http_resync(&r.h);
	r.stopped = false;
	http_feed(&r, mw_slice_str("GET / HTTP/1.1\r\n\r\n"));
	assert_buf_equal(&r.out, "broken http.start\n4 GET / 1.1\n4 end 18\n");
	http_run_done(&r);
}

static void closes(void **state)
{
	check_text("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
		   "1 POST / 1.1\nbody ab\n1 end 40 partial\n");
	check_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		   "1 answer 200 1.1\nbody a\n1 end 53 partial\n");
	check_text("GET / HTTP/1.1\r\nHost", "");
}

static void no_memory(void **state)
{
	static const struct stream s = {
		.bytes = MW_SLICE_LIT(
		    "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}POST / "
		    "HTTP/1.1\r\nTransfer-Encoding: chunked"
		    "\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\nPOST / HTTP/1.1\r\nContent-Encoding: "
		    "deflate\r\n"
		    "Content-Length: 10\r\n\r\n\x78\x9c\xab\xae\x05\x00\x01\x75\x00\xf9")
	};

	TEST_EACH_FAILURE(n)
	{
		struct http_run r;

		run(&r, &test_alloc_failing, &s, 0, 7);
		assert_int_equal(r.n_nomem, test_alloc_failed());
		if (r.n_nomem) {
			mw_buf_append_byte(&r.out, 0);
			/* a head that is lost, or a body that is not whole */
			assert_true(strstr((const char *)r.out.p, "partial") ||
				    strstr((const char *)r.out.p, "broken http.memory"));
		}
		http_run_done(&r);
	}
}

/* --- heads taken apart -------------------------------------------------------------------------
 */

static void fields(void **state)
{
	struct mw_slice name, value, v;
	struct mw_http_head h;
	size_t pos = 0, n;

	assert_int_equal(
	    mw_http_head_parse(
		mw_slice_str("POST /a?b HTTP/1.1\r\nHost:  x \r\n"
			     "ACCEPT: a/b;q=1, Text/Event-Stream ; x=\"y,z\"\r\n"
			     "Fold: a\r\n  b\nX-Y :1\r\nno\r\naccept:c\r\n\r\nrest: 1\r\n"),
		&h),
	    0);
	assert_false(h.response);
	assert_int_equal(h.minor, 1);
	assert_slice_equal(h.target, "/a?b");
	v = mw_http_field(&h, "Accept", &n);
	assert_int_equal(n, 2);
	assert_true(mw_http_has_token(v, "text/event-stream"));
	assert_true(mw_http_has_token(v, "A/B"));
	assert_false(mw_http_has_token(v, "z\""));
	assert_false(mw_http_has_token(v, "text"));
	assert_slice_equal(mw_http_field(&h, "fold", NULL), "a\r\n  b");
	assert_slice_equal(mw_http_field(&h, "x-y", NULL), "1");
	v = mw_http_field(&h, "rest", &n);
	assert_null(v.p);
	assert_int_equal(n, 0);
	for (n = 0; mw_http_field_next(&h, &pos, &name, &value); n++)
		if (n == 0)
			assert_slice_equal(value, "x");
		else if (n == 4)
			assert_slice_equal(name, "no");
	assert_int_equal(n, 6);

	/* without the empty line, and not a head */
	assert_int_equal(mw_http_head_parse(mw_slice_str("HTTP/1.0 404 Not Found\r\nA: b"), &h), 0);
	assert_int_equal(h.status, 404);
	assert_slice_equal(mw_http_field(&h, "a", NULL), "b");
	assert_int_equal(mw_http_head_parse(mw_slice_str("hello\r\n\r\n"), &h), -EBADMSG);
	assert_int_equal(mw_http_head_parse(mw_slice_str(""), &h), -EBADMSG);
}

static void sniff(void **state)
{
	static const struct {
		const char *text;
		enum mw_sniff want;
		bool response;
	} cases[] = {
		{ "", MW_SNIFF_MORE, false },
		{ "\r\n\r\n", MW_SNIFF_MORE, false },
		{ "\r\nGET / HTTP/1.", MW_SNIFF_YES, false },
		{ "GET / HTTP/1", MW_SNIFF_MORE, false },
		{ "HTT", MW_SNIFF_MORE, false },
		{ "HTTP/1.", MW_SNIFF_YES, true },
		{ "HTTPS / HTTP/1.1\r\n", MW_SNIFF_YES, false },
		{ "HTTP/2", MW_SNIFF_NO, false },
		{ "PRI * HTTP/2.0\r\n", MW_SNIFF_NO, false },
		{ "{\"jsonrpc\"", MW_SNIFF_NO, false },
		{ "[1]", MW_SNIFF_NO, false },
		{ "Listening on port", MW_SNIFF_NO, false },
		{ "GET /\r\n", MW_SNIFF_NO, false },
		{ " GET / HTTP/1.1", MW_SNIFF_NO, false },
		{ "\x16\x03\x01", MW_SNIFF_NO, false },
		{ "abcdefghijklmnopqrstuvwxyz0123456", MW_SNIFF_NO, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool response = !cases[i].response;

		assert_int_equal(mw_http_sniff(mw_slice_str(cases[i].text), &response),
				 cases[i].want);
		assert_int_equal(response, cases[i].want == MW_SNIFF_YES ? cases[i].response
									 : !cases[i].response);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),	 cmocka_unit_test(answers),
		cmocka_unit_test(chunks),	 cmocka_unit_test(trailers),
		cmocka_unit_test(interim),	 cmocka_unit_test(upgrades),
		cmocka_unit_test(bodyless_late), cmocka_unit_test(oddities),
		cmocka_unit_test(refused_heads), cmocka_unit_test(refused_chunks),
		cmocka_unit_test(huge_lengths),	 cmocka_unit_test(endless),
		cmocka_unit_test(gaps),		 cmocka_unit_test(joins),
		cmocka_unit_test(closes),	 cmocka_unit_test(no_memory),
		cmocka_unit_test(fields),	 cmocka_unit_test(sniff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
