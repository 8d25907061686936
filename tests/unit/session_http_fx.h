/* SPDX-License-Identifier: Apache-2.0 */
/* session_http_fx.h - connections of HTTP through session_fx.h, as bytes on the wire */
#ifndef MW_TESTS_SESSION_HTTP_FX_H
#define MW_TESTS_SESSION_HTTP_FX_H

#include "session_fx.h"

#define INIT                                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"clientInfo\":{"     \
	"\"name\":\"c\"}}}"
#define INIT_ANSWER "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"s\"}}}"
#define SESSION	    "Mcp-Session-Id: one\r\n"
#define NEW_VERSION "MCP-Protocol-Version: 2026-07-28\r\n"
#define STREAM	    "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
#define OLD_VERSION "MCP-Protocol-Version: 2025-06-18\r\n"

/* Connection i has the channels 2i (to the server) and 2i + 1. */
struct net {
	struct fx f;
	uint32_t client[6], server[6]; /* of each connection; 0: that end is not seen */
};

static inline void net_with(struct net *n, const struct mw_alloc *a, size_t calls_max)
{
	int i;

	if (begin_with(&n->f, a, calls_max, 64) < 0)
		return;
	for (i = 0; i < 6; i++) {
		struct mw_chan *up = &n->f.chan[2 * i], *down = up + 1;

		up->src = (struct mw_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 },
					    .port = (uint16_t)(1000 + i) };
		up->dst = (struct mw_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 80 };
		down->src = up->dst;
		down->dst = up->src;
		up->back = down;
		down->back = up;
		up->kind = down->kind = MW_CHAN_TCP4;
		n->client[i] = CLIENT;
		n->server[i] = SERVER;
	}
}

static inline void net_begin(struct net *n)
{
	net_with(n, &test_alloc, 4096);
	assert_non_null(n->f.s);
}

static inline void up(struct net *n, int i, const char *bytes)
{
	if (n->client[i])
		put_n(&n->f, 2 * i, W, n->client[i], bytes, strlen(bytes));
	if (n->server[i])
		put_n(&n->f, 2 * i, R, n->server[i], bytes, strlen(bytes));
}

static inline void down(struct net *n, int i, const char *bytes)
{
	if (n->server[i])
		put_n(&n->f, 2 * i + 1, W, n->server[i], bytes, strlen(bytes));
	if (n->client[i])
		put_n(&n->f, 2 * i + 1, R, n->client[i], bytes, strlen(bytes));
}

static inline void request(struct net *n, int i, const char *line, const char *fields,
			   const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "%s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 line, fields, strlen(body), body);
	up(n, i, text);
}

static inline void post(struct net *n, int i, const char *fields, const char *body)
{
	request(n, i, "POST /mcp", fields, body);
}

static inline void reply(struct net *n, int i, int code, const char *fields, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
		 code, fields, strlen(body), body);
	down(n, i, text);
}

static inline void stream(struct net *n, int i, const char *fields)
{
	char text[1024];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n" STREAM "%s\r\n", fields);
	down(n, i, text);
}

static inline void typed(struct net *n, int i, const char *type, const char *data)
{
	char event[4096], text[4200];

	snprintf(event, sizeof(event), "event: %s\r\ndata: %s\r\n\r\n", type, data);
	snprintf(text, sizeof(text), "%zx\r\n%s\r\n", strlen(event), event);
	down(n, i, text);
}

static inline void event(struct net *n, int i, const char *data)
{
	typed(n, i, "message", data);
}

static inline void stream_ends(struct net *n, int i)
{
	down(n, i, "0\r\n\r\n");
}

static inline void closed(struct net *n, int chan, enum mw_end end)
{
	struct mw_chunk c = { .chan = &n->f.chan[chan], .end = end, .off = n->f.off[chan][end],
			      .closed = true, .ts_ns = n->f.now };

	(void)mw_ends_push(n->f.ends, &c);
	pull(&n->f);
}

/* What close(2) says: both ways of that side's socket. */
static inline void client_closes(struct net *n, int i)
{
	if (n->client[i]) {
		closed(n, 2 * i + 1, R);
		closed(n, 2 * i, W);
	} else {
		closed(n, 2 * i, R);
	}
}

static inline void server_closes(struct net *n, int i)
{
	closed(n, 2 * i, R);
	closed(n, 2 * i + 1, W);
}

/* A session that is known, its server said. */
static inline void introduce(struct net *n, const char *answer_fields)
{
	post(n, 0, "", INIT);
	reply(n, 0, 200, answer_fields, INIT_ANSWER);
	assert_int_equal(n->f.n_kind[MW_SESS_SERVER], 2); /* seen, and its name */
	forget(&n->f);
}

#endif
