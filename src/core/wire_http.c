/* SPDX-License-Identifier: Apache-2.0 */
/* wire_http.c - requests of HTTP/1 that a process sends, and the status of their answers */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/wire_priv.h"

int mw_wire_http_begin(struct mw_wire *w, struct wire_conn *c)
{
	for (int i = 0; i < 2; i++) {
		mw_http_init(&c->http.half[i], wire_mem(w));
		mw_http_heads_only(&c->http.half[i]);
	}
	return 0;
}

void mw_wire_http_done(struct wire_conn *c)
{
	mw_http_done(&c->http.half[0]);
	mw_http_done(&c->http.half[1]);
	memset(&c->http, 0, sizeof(c->http));
}

/* --- the URL -----------------------------------------------------------------------------------
 */

/* Whether a Host field's value may stand in a URL: reg-name, IP literal, port (RFC 3986, 3.2). */
static bool is_host(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || memchr("/?#@\\\"<>^`{|}", s.p[i], 13))
			return false;
	return s.n > 0;
}

static bool has_scheme(struct mw_slice s)
{
	return s.n > 7 && memmem(s.p, s.n < 16 ? s.n : 16, "://", 3);
}

/* Appends what fits. */
static int put(struct mw_buf *b, struct mw_slice s)
{
	const size_t room = MW_WIRE_TEXT_MAX > b->len ? MW_WIRE_TEXT_MAX - b->len : 0;

	return mw_buf_append(b, s.p, s.n < room ? s.n : room);
}

static int put_origin(struct mw_wire *w, const struct wire_conn *c, const struct mw_http_head *h,
		      struct mw_buf *b)
{
	struct mw_slice host;
	size_t n = 0;
	int r = put(b, MW_SLICE_LIT("http://"));

	if (r == 0 && c->peer.family == 0) {
		r = mw_wire_put_peer(w, c, b);
		if (r != -ENOENT)
			return r;
		r = 0;
	}
	host = mw_http_field(h, "host", &n);
	if (r == 0 && n == 1 && is_host(host))
		return put(b, host);
	if (r == 0 && c->peer.family)
		r = mw_wire_put_peer(w, c, b);
	return r == -EINVAL ? 0 : r;
}

static int put_url(struct mw_wire *w, const struct wire_conn *c, const struct mw_http_head *h,
		   struct mw_buf *b)
{
	int r;

	if (mw_slice_eq_str(h->method, "CONNECT") || has_scheme(h->target))
		return put(b, h->target);
	r = put_origin(w, c, h, b);
	/* OPTIONS * is of no path (RFC 9112, section 3.2.4) */
	return r < 0 || mw_slice_eq_str(h->target, "*") ? r : put(b, h->target);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static size_t path_end(struct mw_slice url)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] == '?' || url.p[i] == '#')
			return i;
	return url.n;
}

/* Which number the answer to the latest request has in its half. */
static uint64_t answer_number(const struct wire_conn *c)
{
	const uint64_t begun = c->http.half[MW_END_READ].n;

	if (c->http.has_early)
		return begun;
	return begun + c->n_acts - (c->first && c->first->answered);
}

static int on_request(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		      const struct mw_http_event *ev)
{
	struct mw_http *in = &c->http.half[MW_END_READ];
	const struct mw_http_head *h = &ev->head;
	struct wire_act *x;
	struct mw_slice url;
	int r;

	mw_buf_reset(&w->scratch, MW_WIRE_TEXT_MAX);
	r = put_url(w, c, h, &w->scratch);
	if (r < 0)
		return r;
	url = mw_buf_slice(&w->scratch);
	r = mw_wire_add(w, c, ch, MW_EFFECT_NET_HTTP, url.n + h->method.n, &x);
	if (r < 0)
		return r;
	if (url.n)
		memcpy(x->text, url.p, url.n);
	memcpy(x->text + url.n, h->method.p, h->method.n);
	x->act.object = mw_slice(x->text, url.n);
	x->act.target = mw_slice(x->text, path_end(x->act.object));
	x->act.verb = mw_slice(x->text + url.n, h->method.n);
	x->confirm = c->joined;
	if (mw_slice_eq_str(h->method, "HEAD"))
		mw_http_bodyless(in, answer_number(c));
	else if (mw_slice_eq_str(h->method, "CONNECT"))
		mw_http_tunnel(in, answer_number(c));
	return 0;
}

static void on_answer(struct mw_wire *w, struct wire_conn *c, unsigned int status, bool stream)
{
	struct wire_act *x = c->first;

	snprintf(x->act.mode, sizeof(x->act.mode), "%u", status);
	x->confirm = false;
	x->answered = true;
	x->act.ret = 0;
	/* the answer of the old MCP's stream is known as such by its first event only */
	if (stream && mw_slice_eq_str(x->act.verb, "GET"))
		x->judge_ns = w->now_ns + MW_WIRE_JUDGE_NS;
	else
		mw_wire_done(w, c, 0);
}

static void early(struct mw_wire *w, struct wire_conn *c)
{
	/* two threads: the answer was read before the end of the request's system call was seen */
	if (c->http.has_early && c->first && c->first->act.ts_ns <= c->http.early_ns)
		on_answer(w, c, c->http.early_status, false);
	c->http.has_early = false;
}

static void on_response(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
			const struct mw_http_event *ev)
{
	struct mw_slice type = mw_http_field(&ev->head, "content-type", NULL);

	if (c->first && c->first->answered)
		mw_wire_done(w, c, 0);
	if (c->first) {
		on_answer(w, c, ev->head.status, mw_http_has_token(type, "text/event-stream"));
		return;
	}
	c->http.has_early = true;
	c->http.early_status = ev->head.status;
	c->http.early_ns = ch->ts_ns;
}

static int on_event(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		    const struct mw_http_event *ev)
{
	const bool out = ch->end == MW_END_WRITE;
	int r;

	switch (ev->kind) {
	case MW_HTTP_HEAD:
		if (ev->head.response == out)
			return -EPROTO;
		if (!out) {
			on_response(w, c, ch, ev);
			return 0;
		}
		r = on_request(w, c, ch, ev);
		if (r == 0)
			early(w, c);
		return r;
	case MW_HTTP_END:
		if (!out && c->first && c->first->answered)
			mw_wire_done(w, c, 0);
		return 0;
	case MW_HTTP_UPGRADED:
		if (!out)
			return -ENODATA;
		c->http.out_done = true;
		return 0;
	case MW_HTTP_BROKEN:
		if (out || !c->joined || c->http.half[MW_END_READ].n)
			return -EPROTO;
		/* joined inside of an answer */
		mw_http_resync(&c->http.half[MW_END_READ]);
		return 1;
	default:
		return 0;
	}
}

int mw_wire_http_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
{
	struct mw_http *h = &c->http.half[ch->end];
	struct mw_slice in = ch->bytes;
	struct mw_http_event ev;
	size_t used;
	int kind, r;

	if (ch->end == MW_END_WRITE && c->http.out_done)
		return 0;
	if (ch->gap)
		return mw_http_gap(h, ch->gap) ? 0 : -EPROTO;
	do {
		kind = mw_http_next(h, in, &used, &ev);
		if (kind < 0)
			return -ENOMEM;
		in = mw_slice_from(in, used);
		r = on_event(w, c, ch, &ev);
	} while (r == 0 && kind != MW_HTTP_NEED && kind != MW_HTTP_UPGRADED);
	return r < 0 ? r : 0;
}
