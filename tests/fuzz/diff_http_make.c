/* SPDX-License-Identifier: Apache-2.0 */
/* diff_http_make.c - streams of requests or answers, most of them then damaged */
#include "diff_http.h"

static void put(struct mw_buf *b, const void *p, size_t n)
{
	FUZZ_CHECK(mw_buf_append(b, p, n) == 0);
}

static uint64_t rng;

void diff_seed(uint64_t seed)
{
	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	diff_random(2);
}

size_t diff_random(size_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (size_t)(rng >> 33) % n;
}

#define PICK(list) (list)[diff_random(sizeof(list) / sizeof(*(list)))]

static void text(struct mw_buf *b, const char *s)
{
	put(b, s, strlen(s));
}

static void make_body(struct mw_buf *b, size_t n)
{
	static const char *const bits[] = { "{\"jsonrpc\":\"2.0\",",
					    "data: x\r\n\r\n",
					    "0\r\n\r\n",
					    "GET / HTTP/1.1\r\n\r\n",
					    "\r\n",
					    "\n",
					    "\x1f\x8b",
					    " " };
	size_t end = b->len + n;

	while (b->len < end) {
		const char *s = PICK(bits);
		size_t len = strlen(s);

		put(b, s, len < end - b->len ? len : end - b->len);
	}
}

static void make_chunks(struct mw_buf *b)
{
	static const char *const ext[] = { "", "", "", ";a", ";a=b", ";a=\"b;c\"", "; x = y" };
	static const char *const zeros[] = { "", "", "0", "0000" };
	static const char *const trailers[] = { "", "", "X-Sum: 5\r\n", "A: b\r\nC:d\r\n" };

	for (size_t i = diff_random(4); i > 0; i--) {
		size_t n = 1 + diff_random(diff_random(3) ? 30 : 600);
		char size[32];

		text(b, PICK(zeros));
		if (diff_random(2))
			snprintf(size, sizeof(size), "%zx", n);
		else
			snprintf(size, sizeof(size), "%zX", n);
		text(b, size);
		text(b, PICK(ext));
		text(b, "\r\n");
		make_body(b, n);
		text(b, "\r\n");
	}
	text(b, "0");
	text(b, PICK(ext));
	text(b, "\r\n");
	text(b, PICK(trailers));
	text(b, "\r\n");
}

static void make_start(struct mw_buf *b, bool response)
{
	static const char *const requests[] = {
		"POST /mcp HTTP/1.1",	  "POST /mcp HTTP/1.1",	     "GET /mcp?a=b HTTP/1.1",
		"DELETE /mcp HTTP/1.1",	  "GET / HTTP/1.0",	     "OPTIONS * HTTP/1.1",
		"HEAD /x HTTP/1.1",	  "PUT http://a/b HTTP/1.1", "PATCH /%20x#y HTTP/1.1",
		"CONNECT a:443 HTTP/1.1", "M-SEARCH * HTTP/1.1",
	};
	static const char *const answers[] = {
		"HTTP/1.1 200 OK",
		"HTTP/1.1 200 OK",
		"HTTP/1.1 202 Accepted",
		"HTTP/1.1 204 No Content",
		"HTTP/1.1 304 Not",
		"HTTP/1.1 404 Not Found",
		"HTTP/1.0 200 OK",
		"HTTP/1.1 200",
		"HTTP/1.1 500 ",
		"HTTP/1.1 100 Continue",
		"HTTP/1.1 103 Early Hints",
		"HTTP/1.1 101 Switching Protocols",
	};

	text(b, response ? PICK(answers) : PICK(requests));
	text(b, "\r\n");
}

static void make_message(struct mw_buf *b, bool response)
{
	static const char *const fields[] = {
		"Host: localhost:8000\r\n",   "Accept: application/json, text/event-stream\r\n",
		"Mcp-Session-Id: 0f\r\n",     "X-Empty:\r\n",
		"X-Space:   a b  \r\n",	      "Content-Type:application/json\r\n",
		"Connection: keep-alive\r\n", "Keep-Alive: timeout=5\r\n",
		"connection: close\r\n",      "X-High: \xe4\xf6\r\n",
		"Upgrade: h2c\r\n",	      "Connection: Upgrade, HTTP2-Settings\r\n",
	};
	size_t n = diff_random(3) ? diff_random(50) : diff_random(1500);
	char length[64];
	unsigned int body = (unsigned int)diff_random(4);

	make_start(b, response);
	for (size_t i = diff_random(5); i > 0; i--)
		text(b, PICK(fields));
	if (body == 1) {
		snprintf(length, sizeof(length), "%s: %zu\r\n",
			 diff_random(2) ? "Content-Length" : "content-length", n);
		text(b, length);
	} else if (body == 2) {
		text(b, diff_random(2) ? "Transfer-Encoding: chunked\r\n"
				       : "transfer-encoding:Chunked\r\n");
	}
	for (size_t i = diff_random(3); i > 0; i--)
		text(b, PICK(fields));
	text(b, "\r\n");
	if (body == 1)
		make_body(b, n);
	else if (body == 2)
		make_chunks(b);
}

static void replace(struct mw_buf *b, size_t at, size_t n_old, const void *p, size_t n)
{
	struct mw_buf to;

	mw_buf_init(&to, &fuzz_alloc, SIZE_MAX);
	put(&to, b->p, at);
	put(&to, p, n);
	put(&to, b->p + at + n_old, b->len - at - n_old);
	mw_buf_done(b);
	*b = to;
}

/* Where a line begins, near a random place. */
static size_t line_near(const struct mw_buf *b)
{
	size_t at = diff_random(b->len);

	while (at && b->p[at - 1] != '\n')
		at--;
	return at;
}

static void damage(struct mw_buf *b)
{
	static const char *const lines[] = {
		"Content-Length: 5\r\n",
		"Content-Length: 0\r\n",
		"Content-Length: 5, 5\r\n",
		"Content-Length: +5\r\n",
		"Content-Length: 0x5\r\n",
		"Content-Length: -1\r\n",
		"Content-Length:\r\n",
		"Content-Length : 5\r\n",
		"Content-Length: 5 5\r\n",
		"Content-Length: 2147483648\r\n",
		"Content-Length: 18446744073709551615\r\n",
		"Content-Length: 18446744073709551616\r\n",
		"Content-Length: 00005\r\n",
		"Content-Length: 9223372036854775808\r\n",
		"Content-Length: 5,\r\n",
		"Transfer-Encoding: chunked\r\n",
		"Transfer-Encoding: identity\r\n",
		"Transfer-Encoding: chunked, identity\r\n",
		"Transfer-Encoding: x, chunked\r\n",
		"Transfer-Encoding: chunked, chunked\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding:\r\n chunked\r\n",
		"Transfer-Encoding:\r\n",
		"Transfer-Encoding: chunked;a=b\r\n",
		"Transfer-Encoding : chunked\r\n",
		" folded\r\n",
		"\tfolded\r\n",
		"No colon\r\n",
		": no name\r\n",
		"A B: c\r\n",
		"X: a\rb\r\n",
		"X: a\nY: b\r\n",
		"X: \x01\r\n",
		"X: \x7f\r\n",
		"\r\n",
		"\n",
		"\r",
		"Connection: close\r\n",
		"Upgrade: websocket\r\nConnection: upgrade\r\n",
		"FOO / HTTP/1.1\r\n\r\n",
		"GET /  HTTP/1.1\r\n\r\n",
		"GET  / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.2\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET /\r\n\r\n",
		"HTTP/1.1 99 x\r\n\r\n",
		"HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"5\r\nhello\r\n",
		"5 \r\nhello\r\n",
		"0x5\r\nhello\r\n",
		"5;\r\nhello\r\n",
		"fffffffffffffffff\r\n",
		"ffffffffffffffff\r\n",
		"7fffffffffffffff\r\n",
		"-1\r\n",
		"g\r\n",
		"0;a=\x01\r\n",
		"00000000000000005\r\nhello\r\n",
	};
	static const uint8_t bytes[] = { 0,   '\r', '\n', ' ', '\t', ':',  ',', ';', '0',
					 '5', 'f',  'G',  '"', 0x7f, 0x80, 1,	'/', '.' };
	size_t at = diff_random(b->len), n;
	const char *s;
	uint8_t c;

	switch (diff_random(6)) {
	case 0:
		b->p[at] = PICK(bytes);
		break;
	case 1:
		n = 1 + diff_random(4);
		replace(b, at, n < b->len - at ? n : b->len - at, "", 0);
		break;
	case 2:
		c = PICK(bytes);
		replace(b, at, 0, &c, 1);
		break;
	case 3: /* a line end of another kind */
		for (; at < b->len && b->p[at] != '\r'; at++)
			;
		if (at < b->len)
			replace(b, at, 1, "", 0);
		break;
	default:
		s = PICK(lines);
		replace(b, line_near(b), 0, s, strlen(s));
	}
	if (b->len == 0)
		text(b, "\n");
}

void diff_stream_make(struct mw_buf *b, bool response)
{
	b->len = 0;
	for (size_t i = 1 + diff_random(4); i > 0; i--) {
		if (diff_random(8) == 0)
			text(b, "\r\n");
		make_message(b, response);
	}
	if (diff_random(3))
		for (size_t i = 1 + diff_random(2); i > 0; i--)
			damage(b);
	FUZZ_CHECK(b->len && b->len < DIFF_STREAM_MAX);
}
