/* SPDX-License-Identifier: Apache-2.0 */
#include "support_web.h"

#define OK   "HTTP/1.1 200 OK\r\n"
#define POST "POST /mcp HTTP/1.1\r\n"
#define SSE  "Content-Type: text/event-stream\r\n\r\n"

static const struct web_case cases[] = {
	WEB_CASE("lines", "{\"jsonrpc\":1}\n\010GET / HTTP/1.1\r\n\r\n\010{}\n",
		 "line 0+14={\"jsonrpc\":1}\n"
		 "line 14+16=GET / HTTP/1.1\r\n"
		 "line 32+3={}\n"),
	WEB_CASE("lines behind a banner", "GET started\n{\"jsonrpc\":1}\n\010" OK "\r\n",
		 "line 0+12=GET started\n"
		 "line 12+14={\"jsonrpc\":1}\n"
		 "line 26+17=HTTP/1.1 200 OK\r\n"),
	WEB_CASE("lines that quote HTTP", "{\"a\":\"\010GET / HTTP/1.1\r\n\010\"}\n",
		 "line 0+22={\"a\":\"GET / HTTP/1.1\r\n"
		 "line 22+3=\"}\n"),
	WEB_CASE("the end of a body, then a request", ":1}\010" POST "Content-Length: 2\r\n\r\n{}",
		 "line 0+3 broken=:1}\n"
		 "head 3+41#1:41\n"
		 "body 44+2#1={}\n"
		 "end 44+2#1:2\n"),
	WEB_CASE("a whole body, then a request",
		 "{\"id\":1}\010" POST "Content-Length: 2\r\n\r\n{}",
		 "line 0+8 broken={\"id\":1}\n"
		 "head 8+41#1:41\n"
		 "body 49+2#1={}\n"
		 "end 49+2#1:2\n"),
	WEB_CASE("part of a JSON body, then what looks like a request",
		 "{\"id\":\010" POST "Content-Length: 2\r\n\r\n{}",
		 "line 0+26={\"id\":POST /mcp HTTP/1.1\r\n"
		 "line 26+19=Content-Length: 2\r\n"
		 "line 47+2 broken={}\n"),
	WEB_CASE("a start line in two system calls",
		 "PO\010ST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		 "head 0+38#1:38\n"
		 "body 38+2#1={}\n"
		 "end 38+2#1:2\n"),
	WEB_CASE("a word that is no request", "POST\010 office\n\010{}\n",
		 "line 0+12=POST office\n"
		 "line 12+3={}\n"),
	WEB_CASE("a chunk of an event stream",
		 "21\r\nevent: message\r\ndata: {\"a\":1}\r\n\r\n"
		 "\r\n0\r\n\r\n\010" OK "Content-Length: 2\r\n\r\n{}",
		 "sse 4+32r#1={\"a\":1}\n"
		 "end 0+44r#1 partial:33\n"
		 "head 44+38r#2:38\n"
		 "body 82+2r#2={}\n"
		 "end 82+2r#2:2\n"),
	WEB_CASE("an event of a stream", "event: message\ndata: {\"a\":1}\n\ndata: {}\n\n\016",
		 "sse 0+30r#1={\"a\":1}\n"
		 "sse 30+10r#1={}\n"
		 "end 0+40r#1 partial:40\n"),
	WEB_CASE("an event of another stream", "event: tick\ndata: 5\n\n",
		 "line 0+12=event: tick\n"
		 "line 12+8=data: 5\n"),
	WEB_CASE("a WebSocket's client",
		 "\x81\x82"
		 "ABCD"
		 "\x3a\x3f\x81\x80"
		 "abcd",
		 "ws 0+8={}\n"
		 "ws 8+6\n"),
	WEB_CASE("a WebSocket's server",
		 "\x81\x09{\"a\":123}\x89"
		 "\0",
		 "ws 0+11r={\"a\":123}\n"),
	WEB_CASE("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		 "line 0+16=PRI * HTTP/2.0\r\n"
		 "line 18+4=SM\r\n"),
	WEB_CASE("junk",
		 "\x16"
		 "abc",
		 "line 0+4 broken=abc\n"),
	WEB_CASE("closed, then in use again", "{}\n\016\010" OK "Content-Length: 2\r\n\r\n{}",
		 "line 0+3={}\n"
		 "head 3+38r#1:38\n"
		 "body 41+2r#1={}\n"
		 "end 41+2r#1:2\n"),
	WEB_CASE("lines, a gap, HTTP", "abc\003\010" OK "Content-Length: 2\r\n\r\n{}",
		 "line 0+3 broken=abc\n"
		 "head 6+38r#1:38\n"
		 "body 44+2r#1={}\n"
		 "end 44+2r#1:2\n"),
};

static void one_by_one(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		web_check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
