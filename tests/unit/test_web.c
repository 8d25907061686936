/* SPDX-License-Identifier: Apache-2.0 */
#include "support_web.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define POST "POST /mcp HTTP/1.1\r\n"
#define SSE "Content-Type: text/event-stream\r\n\r\n"
#define ATTACH "POST /attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

static const struct web_case cases[] = {
	WEB_CASE("a request with a message",
		 POST "Content-Length: 8\r\n\r\n{\"a\":1}\n",
		 "head 0+41#1:41\n"
		 "body 41+8#1={\"a\":1}\n"
		 "\n"
		 "end 41+8#1:8\n"),
	WEB_CASE("an answer that says it is text",
		 OK "Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n[]",
		 "head 0+64r#1:64\n"
		 "body 64+2r#1=[]\n"
		 "end 64+2r#1:2\n"),
	WEB_CASE("no body",
		 "GET /mcp HTTP/1.1\r\n\r\n",
		 "head 0+21#1:21\n"
		 "end 21+0#1\n"),
	WEB_CASE("a body that is no message",
		 OK "Content-Length: 8\r\n\r\nAccepted",
		 "head 0+38r#1:38\n"
		 "end 38+8r#1:8\n"),
	WEB_CASE("white space, then a message",
		 OK "Content-Length: 6\r\n\r\n \n\t{ }",
		 "head 0+38r#1:38\n"
		 "body 38+6r#1= \n"
		 "\t{ }\n"
		 "end 38+6r#1:6\n"),
	WEB_CASE("only white space",
		 OK "Content-Length: 3\r\n\r\n \n ",
		 "head 0+38r#1:38\n"
		 "end 38+3r#1:3\n"),
	WEB_CASE("chunked",
		 OK "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n6\r\n\"b\":2}\r\n0\r\n\r\n",
		 "head 0+47r#1:47\n"
		 "body 47+22r#1={\"b\":2}\n"
		 "end 47+22r#1:7\n"),
	WEB_CASE("pipelined",
		 POST "Content-Length: 2\r\n\r\n{}" POST "Content-Length: 2\r\n\r\n[]" "GET / HTTP/1.1\r\n\r\n",
		 "head 0+41#1:41\n"
		 "body 41+2#1={}\n"
		 "end 41+2#1:2\n"
		 "head 43+41#2:41\n"
		 "body 84+2#2=[]\n"
		 "end 84+2#2:2\n"
		 "head 86+18#3:18\n"
		 "end 104+0#3\n"),
	WEB_CASE("until the close",
		 "HTTP/1.0 200 OK\r\n\r\n{\"c\":3}\016",
		 "head 0+19r#1:19\n"
		 "body 19+7r#1={\"c\":3}\n"
		 "end 19+7r#1:7\n"),
	WEB_CASE("until the close, which is not seen",
		 "HTTP/1.0 200 OK\r\n\r\n{\"c\":3}",
		 "head 0+19r#1:19\n"
		 "body 19+7r#1 broken={\"c\":3}\n"
		 "end 19+7r#1 partial:7\n"),
	WEB_CASE("cut by the close",
		 OK "Content-Length: 9\r\n\r\n{\"c\":3\016",
		 "head 0+38r#1:38\n"
		 "body 38+6r#1 broken={\"c\":3\n"
		 "end 38+6r#1 partial http.cut:6\n"),
	WEB_CASE("cut by the end of what was seen",
		 OK "Content-Length: 9\r\n\r\n{\"c\":3",
		 "head 0+38r#1:38\n"
		 "body 38+6r#1 broken={\"c\":3\n"
		 "end 38+6r#1 partial:6\n"),
	WEB_CASE("an answer to a HEAD, perhaps",
		 OK "Content-Length: 9\r\n\r\n\016",
		 "head 0+38r#1:38\n"
		 "end 38+0r#1 partial\n"),
	WEB_CASE("a request without its body",
		 POST "Content-Length: 2147483648\r\n\r\n\016",
		 "head 0+50#1:50\n"
		 "end 50+0#1 partial http.cut\n"),
	WEB_CASE("a length that is none",
		 POST "Content-Length: 99999999999999999999\r\n\r\n{}\016",
		 "head 0+0 broken http.length\n"
		 "body 0+62 cut broken headless:62\n"),
	WEB_CASE("a head cut by the close",
		 OK "Content-Len\016",
		 "head 0+28 broken:28\n"),
	WEB_CASE("closed between two",
		 OK "Content-Length: 0\r\n\r\n\016",
		 "head 0+38r#1:38\n"
		 "end 38+0r#1\n"),
	WEB_CASE("events",
		 OK SSE "event: message\ndata: {\"a\":1}\n\n: ping\n\ndata: {\ndata: }\n\n\016",
		 "head 0+52r#1:52\n"
		 "sse 52+30r#1={\"a\":1}\n"
		 "sse 90+17r#1={\n"
		 "}\n"
		 "end 52+55r#1:55\n"),
	WEB_CASE("events with CRLF, chunked",
		 OK "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"  "21\r\n" "event: endpoint\r\ndata: /m?s=1\r\n\r\n" "\r\n" "17\r\nid: 7\r\ndata: {\"d\":4}\r\n" "\r\n" "2\r\n\r\n\r\n0\r\n\r\n",
		 "head 0+95r#1:95\n"
		 "sse 99+32r#1 endpoint=/m?s=1\n"
		 "sse 138+23r#1={\"d\":4}\n"
		 "end 95+67r#1 partial:56\n"
		 "head 162+0r#1 broken http.chunk\n"
		 "body 162+12 cut broken headless:12\n"),
	WEB_CASE("events without a message",
		 OK SSE "id: 7\ndata: \n\ndata\ndata: \t\n\nid: 8\ndata: {}\n\n\016",
		 "head 0+52r#1:52\n"
		 "sse 80+16r#1={}\n"
		 "end 52+44r#1:44\n"),
	WEB_CASE("an event cut by the close",
		 OK SSE "data: {}\n\ndata: {\016",
		 "head 0+52r#1:52\n"
		 "sse 52+10r#1={}\n"
		 "sse 62+7r#1 broken={\n"
		 "end 52+17r#1:17\n"),
	WEB_CASE("a gap in a message",
		 POST "Content-Length: 8\r\n\r\n{\"a\003\n" POST "Content-Length: 2\r\n\r\n{}",
		 "head 0+41#1:41\n"
		 "body 41+8#1 broken={\"a\n"
		 "end 41+8#1 partial:5\n"
		 "head 49+40#2:40\n"
		 "body 89+2#2={}\n"
		 "end 89+2#2:2\n"),
	WEB_CASE("a gap in what is not kept",
		 OK "Content-Length: 8\r\n\r\nAc\003ted" OK "Content-Length: 2\r\n\r\n{}",
		 "head 0+38r#1:38\n"
		 "end 38+8r#1 partial:5\n"
		 "head 46+38r#2:38\n"
		 "body 84+2r#2={}\n"
		 "end 84+2r#2:2\n"),
	WEB_CASE("a gap in an event",
		 OK SSE "data: {\"a\002}\n\ndata: {\"b\":1}\n\n\016",
		 "head 0+52r#1:52\n"
		 "sse 52+14r#1 broken={\"a}\n"
		 "sse 66+15r#1={\"b\":1}\n"
		 "end 52+29r#1 partial:27\n"),
	WEB_CASE("a gap between events",
		 OK SSE "data: {}\n\n\002\n\ndata: {\"b\":1}\n\n\016",
		 "head 0+52r#1:52\n"
		 "sse 52+10r#1={}\n"
		 "sse 62+3r#1 broken\n"
		 "sse 66+15r#1={\"b\":1}\n"
		 "end 52+29r#1 partial:27\n"),
	WEB_CASE("a gap in a head",
		 POST "Con\004th: 2\r\n\r\n{}\010" POST "Content-Length: 2\r\n\r\n{}",
		 "head 0+23 broken:23\n"
		 "body 23+15 cut broken headless gap4:11\n"
		 "head 38+41#1:41\n"
		 "body 79+2#1={}\n"
		 "end 79+2#1:2\n"),
	WEB_CASE("a gap between two, then the middle of one",
		 POST "Content-Length: 2\r\n\r\n{}\004\010{\"x\":1}\010" POST "Content-Length: 2\r\n\r\n{}",
		 "head 0+41#1:41\n"
		 "body 41+2#1={}\n"
		 "end 41+2#1:2\n"
		 "body 43+11 cut broken headless gap4:7\n"
		 "head 54+41#2:41\n"
		 "body 95+2#2={}\n"
		 "end 95+2#2:2\n"),
	WEB_CASE("a gap that ends a chunk",
		 OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{\"\007\0100\r\n\r\n\010" OK "Content-Length: 2\r\n\r\n[]",
		 "head 0+47r#1:47\n"
		 "body 47+5r#1 broken={\"\n"
		 "end 47+5r#1 partial:2\n"
		 "body 52+12 cut broken headless gap7:5\n"
		 "head 64+38r#2:38\n"
		 "body 102+2r#2=[]\n"
		 "end 102+2r#2:2\n"),
	WEB_CASE("two gaps",
		 OK "Content-Length: 2\r\n\r\n{}\003\004\010xyz\010" OK "Content-Length: 2\r\n\r\n[]",
		 "head 0+38r#1:38\n"
		 "body 38+2r#1={}\n"
		 "end 38+2r#1:2\n"
		 "body 40+10 cut broken headless gap7:3\n"
		 "head 50+38r#2:38\n"
		 "body 88+2r#2=[]\n"
		 "end 88+2r#2:2\n"),
	WEB_CASE("lost to the end",
		 OK "Content-Length: 2\r\n\r\n{}\003\010rest",
		 "head 0+38r#1:38\n"
		 "body 38+2r#1={}\n"
		 "end 38+2r#1:2\n"
		 "body 40+7 cut broken headless gap3:4\n"),
	WEB_CASE("not HTTP any more",
		 OK "Content-Length: 2\r\n\r\n{}{\"not\":1}\n\010{}\n\010" OK "Content-Length: 2\r\n\r\n[]",
		 "head 0+38r#1:38\n"
		 "body 38+2r#1={}\n"
		 "end 38+2r#1:2\n"
		 "head 40+0r#1 broken http.start\n"
		 "body 40+13 cut broken headless:13\n"
		 "head 53+38r#2:38\n"
		 "body 91+2r#2=[]\n"
		 "end 91+2r#2:2\n"),
	WEB_CASE("two lengths",
		 POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}\010" POST "Content-Length: 2\r\n\r\n[]",
		 "head 0+0 broken http.two_lengths\n"
		 "body 0+62 cut broken headless:62\n"
		 "head 62+41#1:41\n"
		 "body 103+2#1=[]\n"
		 "end 103+2#1:2\n"),
	WEB_CASE("both kinds of length",
		 POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		 "head 0+69#1 http.length_and_transfer:69\n"
		 "body 69+12#1={}\n"
		 "end 69+12#1:2\n"),
	WEB_CASE("answered with continue",
		 "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\n{}",
		 "head 25+38r#1:38\n"
		 "body 63+2r#1={}\n"
		 "end 63+2r#1:2\n"),
	WEB_CASE("a WebSocket's answer",
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x09{\"b\":456}\x89" "\0" "\x81\x09{\"a\":123}",
		 "head 0+77r#1:77\n"
		 "end 77+0r#1\n"
		 "ws 77+11r#1={\"b\":456}\n"
		 "ws 90+11r#1={\"a\":123}\n"),
	WEB_CASE("a WebSocket's request",
		 "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x82" "ABCD" "\x3a\x3f",
		 "head 0+61#1:61\n"
		 "end 61+0#1\n"
		 "ws 61+8#1={}\n"),
	WEB_CASE("a WebSocket that is refused",
		 "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" POST "Content-Length: 2\r\n\r\n{}",
		 "head 0+61#1:61\n"
		 "end 61+0#1\n"
		 "head 61+41#2:41\n"
		 "body 102+2#2={}\n"
		 "end 102+2#2:2\n"),
	WEB_CASE("a gap in a WebSocket's message",
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x09{\"a\00323}\x81\x16[11111111111111111111]",
		 "head 0+77r#1:77\n"
		 "end 77+0r#1\n"
		 "ws 77+11r#1 broken={\"a23}\n"
		 "ws 88+24r#1=[11111111111111111111]\n"),
	WEB_CASE("a gap between WebSocket's messages",
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x09{\"a\":123}\005\010\x81\x16[11111111111111111111]",
		 "head 0+77r#1:77\n"
		 "end 77+0r#1\n"
		 "ws 77+11r#1={\"a\":123}\n"
		 "body 88+5 broken headless gap5\n"
		 "ws 93+24r#1=[11111111111111111111]\n"),
	WEB_CASE("a WebSocket that breaks off",
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x09{\"a\016",
		 "head 0+77r#1:77\n"
		 "end 77+0r#1\n"
		 "ws 77+5r#1 broken={\"a\n"),
	WEB_CASE("an upgrade to something else",
		 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" OK "\r\n{}\n",
		 "head 0+71r#1:71\n"
		 "end 71+0r#1\n"),
	WEB_CASE("lines behind a request for an upgrade",
		 ATTACH "{\"a\":1}\n\n[\003]\n{}\n{\"b\"\016",
		 "head 0+60#1:60\n"
		 "end 60+0#1\n"
		 "line 60+8={\"a\":1}\n"
		 "line 69+1 broken=[\n"
		 "line 73+2 broken headless gap3=]\n"
		 "line 75+3={}\n"
		 "line 78+4 broken={\"b\"\n"),
	WEB_CASE("something else behind such a request",
		 ATTACH "\x16{}\n{}\n\004{}\n",
		 "head 0+60#1:60\n"
		 "end 60+0#1\n"),
};

static void one_by_one(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		web_check(&cases[i]);
}

/* A head over the limit, of many fields or of one, the first thing there is. */
static void endless_head(void **state)
{
	static const char *const fields[] = { "X: 1234\r\n", "x" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct mw_buf b;
		struct web w;

		mw_buf_init(&b, &test_alloc, SIZE_MAX);
		mw_buf_append_str(&b, POST);
		mw_buf_append_str(&b, i ? "X: " : "");
		while (b.len < 70000)
			mw_buf_append_str(&b, fields[i]);
		b.len = 70000;
		for (size_t step = 0; step <= 4096; step += 1024) {
			web_init(&w, &test_alloc);
			web_feed(&w, mw_buf_slice(&b), step);
			mw_buf_append_byte(&w.out, 0);
			assert_string_equal(w.out.p, "head 0+0 broken http.head_long\n"
						     "body 0+70000 cut broken headless:70000\n");
			web_done(&w);
		}
		mw_buf_done(&b);
		assert_int_equal(test_alloc_live(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(endless_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
