/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "core/http.h"
#include "core/keep.h"
#include "core/sse.h"
#include "core/tunnel.h"
#include "core/web_priv.h"
#include "core/ws.h"

/* Memory kept between two bodies. */
#define KEEP 8192

enum state { HTTP, WS, TUNNEL };
enum body { UNKNOWN, JSON, EVENTS, SKIPPED };

struct mw_web {
	const struct mw_alloc *a;
	size_t max;
	uint64_t n_nomem;
	struct mw_http http;
	struct mw_sse *sse;
	struct mw_ws *ws;
	struct mw_tunnel tunnel;
	struct mw_keep text; /* of a JSON body */
	enum state state;
	enum body body;
	bool response;
	bool open;	   /* bytes of an HTTP message came, and not its end */
	bool head_given;   /* its HEAD came out */
	bool asked;	   /* the latest head names websocket to upgrade to */
	bool torn;	   /* bytes of the body in progress are missing */
	bool short_memory; /* for lack of memory */
	bool lent, failed, finishing;
	bool part_lent; /* the parser keeps what it gave until it is called again */
	uint64_t n;	/* number of the message */
	uint64_t begin_ns, body_ns, begin_off, body_off, at, end_ns;
	uint64_t lost_off; /* where the place was lost */
	/* of the event or WebSocket message in progress; part_from: as its parser counts */
	uint64_t part_off, part_ns, part_from;
	uint64_t body_len;     /* decoded, so far */
	uint64_t ws_off;       /* where the bytes pushed into ws count from */
	struct mw_slice piece; /* of an event stream, not read yet */
	/* a place in the half less that among what was pushed into sse; not of decoded bytes */
	uint64_t sse_off;
	uint64_t sse_at; /* bytes pushed into sse */
	bool placed;	 /* sse_off is known */
	struct mw_prockey proc;
	uint32_t tid;
	struct mw_move move;
	struct mw_frame queue[2];
	unsigned int n_queue;
};

static size_t white_n(struct mw_slice s)
{
	size_t n = 0;

	while (n < s.n && is_white(s.p[n]))
		n++;
	return n;
}

/* --- life --------------------------------------------------------------------------------------
 */

int mw_web_new(const struct mw_alloc *a, size_t max, struct mw_web **ret)
{
	struct mw_web *w = mw_alloc_zero(a, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->a = a;
	w->max = max;
	mw_http_init(&w->http, a);
	mw_keep_init(&w->text, a, max, MW_FRAME_HEAD, MW_FRAME_TAIL);
	*ret = w;
	return 0;
}

/* What a body or an upgraded connection needed. */
static void let_go(struct mw_web *w)
{
	mw_sse_free(w->sse);
	w->sse = NULL;
	mw_ws_free(w->ws);
	w->ws = NULL;
	mw_tunnel_done(&w->tunnel);
	mw_keep_reset(&w->text, KEEP);
	w->piece = mw_slice(NULL, 0);
	w->body = UNKNOWN;
	w->body_len = 0;
	w->torn = w->short_memory = w->lent = w->part_lent = false;
}

void mw_web_free(struct mw_web *w)
{
	if (!w)
		return;
	let_go(w);
	mw_keep_done(&w->text);
	mw_http_done(&w->http);
	mw_alloc_free(w->a, w, sizeof(*w));
}

uint64_t mw_web_nomem(const struct mw_web *w)
{
	return w->n_nomem + w->tunnel.line.n_nomem;
}

uint64_t mw_web_lost(const struct mw_web *w)
{
	return w->lost_off;
}

void mw_web_bodyless(struct mw_web *w, uint64_t n)
{
	mw_http_bodyless(&w->http, n);
}

/* --- out ---------------------------------------------------------------------------------------
 */

static struct mw_frame frame_of(const struct mw_web *w, enum mw_frame_kind kind,
				enum mw_carrier carrier, uint64_t off, uint64_t begin_ns)
{
	return (struct mw_frame){ .kind = kind,
				  .carrier = carrier,
				  .response = w->response,
				  .xchg = w->n,
				  .off = off,
				  .span = w->at - off,
				  .begin_ns = begin_ns,
				  .end_ns = w->end_ns,
				  .proc = w->proc,
				  .tid = w->tid,
				  .move = w->move };
}

static struct mw_frame event_frame(struct mw_web *w, const struct mw_sse_event *e, uint64_t end)
{
	struct mw_frame f =
	    frame_of(w, MW_FRAME_IS_MESSAGE, MW_CARRIER_SSE, w->part_off, w->part_ns);

	f.bytes = e->data;
	f.len = e->len;
	f.span = end - w->part_off;
	f.store = e->store;
	f.event = mw_slice_eq_str(e->type, "message") ? mw_slice(NULL, 0) : e->type;
	f.cut = e->cut;
	f.broken = e->broken;
	if (e->broken && w->short_memory) {
		w->n_nomem++;
		w->short_memory = false;
	}
	return f;
}

static struct mw_frame ws_frame(struct mw_web *w, const struct mw_ws_message *m)
{
	struct mw_frame f =
	    frame_of(w, MW_FRAME_IS_MESSAGE, MW_CARRIER_WS, w->part_off, w->part_ns);

	f.bytes = m->bytes;
	f.store = m->store;
	f.len = m->len;
	f.cut = m->cut;
	f.broken = m->broken;
	f.odd = m->odd;
	if (m->broken && w->short_memory) {
		w->n_nomem++;
		w->short_memory = false;
	}
	return f;
}

/* The body in progress and the END of its message come out. */
static void queue_end(struct mw_web *w, bool partial, const char *odd)
{
	bool torn = w->torn || partial;
	struct mw_sse_event e;
	struct mw_frame f;

	if (w->body == EVENTS && mw_sse_finish(w->sse, &e) == 1)
		w->queue[w->n_queue++] = event_frame(w, &e, w->at);
	else if (w->body == JSON || (w->torn && w->short_memory)) {
		f = frame_of(w, MW_FRAME_IS_MESSAGE, MW_CARRIER_BODY, w->body_off, w->body_ns);
		f.bytes = mw_keep_slice(&w->text);
		f.store = &w->text.buf;
		f.len = w->body_len;
		f.broken = torn;
		f.cut = w->text.cut || w->short_memory;
		w->n_nomem += w->short_memory;
		w->queue[w->n_queue++] = f;
	}
	if (w->head_given) {
		f = frame_of(w, MW_FRAME_IS_END, MW_CARRIER_BODY, w->body_off, w->body_ns);
		f.len = w->body_len;
		f.partial = partial;
		f.odd = odd;
		w->queue[w->n_queue++] = f;
	}
	w->open = w->head_given = false;
	w->lent = true;
}

/* The place is lost: what there is comes out, then -EBADMSG. */
static void fail(struct mw_web *w, const char *odd)
{
	struct mw_ws_message m;
	struct mw_frame f;

	w->failed = w->lent = true;
	w->lost_off = w->at;
	if (w->head_given) {
		queue_end(w, true, odd);
		return;
	}
	if (w->state == TUNNEL) {
		if (mw_tunnel_finish(&w->tunnel, &f) == 0)
			f = frame_of(w, MW_FRAME_IS_MESSAGE, MW_CARRIER_LINE, w->at, w->end_ns);
	} else if (w->state != WS) {
		f = frame_of(w, MW_FRAME_IS_HEAD, MW_CARRIER_BODY, w->at, w->end_ns);
		f.bytes = mw_buf_slice(&w->http.head);
		f.off = f.bytes.n ? w->at - f.bytes.n : w->open ? w->begin_off : w->at;
		f.len = f.span = f.bytes.n;
		if (!f.bytes.n && w->open)
			w->lost_off = w->begin_off; /* the parser let go of its head */
	} else if (w->ws && mw_ws_finish(w->ws, &m) == 1) {
		f = ws_frame(w, &m);
	} else {
		f = frame_of(w, MW_FRAME_IS_MESSAGE, MW_CARRIER_WS, w->at, w->end_ns);
	}
	w->open = false;
	if (!f.bytes.n && !odd && !w->short_memory)
		return; /* nothing was in progress */
	f.broken = true;
	f.odd = odd;
	w->n_nomem += w->short_memory;
	w->short_memory = false;
	w->queue[w->n_queue++] = f;
}

static bool pop(struct mw_web *w, struct mw_frame *ret)
{
	if (!w->n_queue)
		return false;
	*ret = w->queue[0];
	memmove(&w->queue[0], &w->queue[1], --w->n_queue * sizeof(w->queue[0]));
	return true;
}

/* --- beginnings --------------------------------------------------------------------------------
 */

static void events_new(struct mw_web *w)
{
	w->body = EVENTS;
	w->sse_at = 0;
	w->placed = false;
	w->part_off = w->body_off;
	w->part_from = UINT64_MAX;
	w->part_ns = w->end_ns;
	if (mw_sse_new(w->a, w->max, MW_FRAME_HEAD, MW_FRAME_TAIL, &w->sse) == 0)
		return;
	w->sse = NULL;
	w->body = SKIPPED;
	w->torn = w->short_memory = true;
}

/* Behind here come WebSocket frames, from this offset on. */
static void ws_begin(struct mw_web *w, bool from_client, uint64_t off)
{
	let_go(w);
	w->open = w->head_given = false;
	w->state = WS;
	w->response = !from_client;
	w->ws_off = off;
	w->part_off = off;
	w->part_from = UINT64_MAX;
	w->part_ns = w->end_ns;
	if (mw_ws_new(w->a, from_client, w->max, MW_FRAME_HEAD, MW_FRAME_TAIL, &w->ws) < 0) {
		w->ws = NULL;
		w->short_memory = true;
		fail(w, NULL);
	}
}

/* Something else comes behind here. */
static void tunnel_begin(struct mw_web *w)
{
	let_go(w);
	w->open = w->head_given = false;
	w->state = TUNNEL;
	mw_tunnel_init(&w->tunnel, w->a, w->max, w->response);
}

void mw_web_begin(struct mw_web *w, enum mw_web_start start, uint64_t off)
{
	let_go(w);
	mw_http_resync(&w->http);
	w->open = w->head_given = w->asked = w->failed = w->finishing = false;
	w->n_queue = 0;
	w->state = HTTP;
	w->at = off;
	if (start == MW_WEB_WS_CLIENT || start == MW_WEB_WS_SERVER)
		ws_begin(w, start == MW_WEB_WS_CLIENT, off);
	if (start != MW_WEB_CHUNKED && start != MW_WEB_EVENTS)
		return;
	if (start == MW_WEB_CHUNKED)
		mw_http_join_chunked(&w->http);
	else
		mw_http_join_identity(&w->http);
	w->n = w->http.n;
	w->response = true;
	w->open = w->head_given = true;
	w->body_off = off;
	events_new(w);
}

/* --- heads and bodies --------------------------------------------------------------------------
 */

static void on_head(struct mw_web *w, const struct mw_http_event *ev, struct mw_frame *ret)
{
	struct mw_slice type = mw_http_field(&ev->head, "content-type", NULL);

	w->n = ev->n;
	w->response = ev->head.response;
	w->head_given = true;
	w->asked = mw_http_has_token(mw_http_field(&ev->head, "upgrade", NULL), "websocket");
	*ret = frame_of(w, MW_FRAME_IS_HEAD, MW_CARRIER_BODY, w->at - ev->bytes.n, w->begin_ns);
	ret->bytes = ev->bytes;
	ret->len = ev->bytes.n;
	ret->odd = ev->odd;
	w->body_off = w->at;
	w->body_ns = w->end_ns;
	if (mw_http_has_token(type, "text/event-stream"))
		events_new(w);
}

/* A piece of a body that is one message, or not worth keeping. */
static void on_text(struct mw_web *w, struct mw_slice s)
{
	size_t n;

	if (w->body == UNKNOWN) {
		n = white_n(s);
		if (n < s.n && !is_json(s.p[n])) {
			w->body = SKIPPED;
			mw_keep_reset(&w->text, KEEP);
		} else if (n < s.n) {
			w->body = JSON;
		}
	}
	if (w->body == SKIPPED || w->torn)
		return;
	if (mw_keep_add(&w->text, s.p, s.n) < 0) {
		w->torn = w->short_memory = true;
		mw_keep_done(&w->text);
	}
}

static void on_body(struct mw_web *w, const struct mw_chunk *c, struct mw_slice s)
{
	if (w->body_len == 0)
		w->body_ns = c->ts_ns;
	w->body_len += s.n;
	if (w->body != EVENTS) {
		on_text(w, s);
		return;
	}
	w->piece = s;
	w->placed = s.p >= c->bytes.p && s.p < c->bytes.p + c->bytes.n;
	if (w->placed)
		w->sse_off = c->off + (uint64_t)(s.p - c->bytes.p) - w->sse_at;
}

/* An event or a message is in progress: if it is another one, it began with this chunk. */
static void part_begin(struct mw_web *w, const struct mw_chunk *c, uint64_t from, uint64_t off)
{
	if (from == w->part_from)
		return;
	w->part_from = from;
	w->part_off = off;
	w->part_ns = c->ts_ns;
}

/* Such an event names an id to resume behind (MCP, "Streamable HTTP"), and is no message. */
static bool is_blank(const struct mw_sse_event *e)
{
	return !e->broken && !e->cut && white_n(e->data) == e->data.n;
}

static bool next_event(struct mw_web *w, const struct mw_chunk *c, struct mw_frame *ret)
{
	while (w->sse && (w->piece.n || w->part_lent)) {
		uint64_t from = 0;
		struct mw_sse_event e;
		size_t used;
		int r;

		r = mw_sse_next(w->sse, w->piece, &used, &e);
		w->part_lent = r == 1;
		w->piece = behind(w->piece, used);
		w->sse_at += used;
		if (r == -ENOMEM)
			w->short_memory = true;
		if (r == 1)
			from = e.from;
		if (r == 1 || mw_sse_open(w->sse, &from))
			part_begin(w, c, from, w->placed ? w->sse_off + from : w->body_off);
		if (r == 1 && !is_blank(&e)) {
			*ret = event_frame(w, &e, w->placed ? w->sse_off + w->sse_at : w->at);
			return true;
		}
	}
	return false;
}

/* --- behind an upgrade -------------------------------------------------------------------------
 */

static bool next_ws(struct mw_web *w, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret)
{
	while (*pos < c->bytes.n || w->part_lent) {
		uint64_t from = 0;
		struct mw_ws_message m;
		size_t used;
		int r;

		r = mw_ws_next(w->ws, behind(c->bytes, *pos), &used, &m);
		w->part_lent = r == 1;
		*pos += used;
		w->at = c->off + *pos;
		if (r == -ENOMEM)
			w->short_memory = true;
		if (r == 1)
			from = m.from;
		if (r == 1 || mw_ws_open(w->ws, &from))
			part_begin(w, c, from, w->ws_off + from);
		if (r == -EBADMSG) {
			fail(w, "ws.broken");
			return false;
		}
		if (r == 1) {
			*ret = ws_frame(w, &m);
			return true;
		}
	}
	return false;
}

/* --- in ----------------------------------------------------------------------------------------
 */

/* 1 a frame, 0 all is used or more is queued. */
static int next_http(struct mw_web *w, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret)
{
	/* behind a gap there is nothing, but maybe an end */
	struct mw_slice s = c->gap ? MW_SLICE_LIT("") : behind(c->bytes, *pos);
	struct mw_http_event ev;
	size_t used;
	int r;

	if (!w->open && s.n) {
		w->open = true;
		w->begin_ns = c->ts_ns;
		w->begin_off = w->at;
	}
	r = mw_http_next(&w->http, s, &used, &ev);
	*pos += used;
	w->at = c->off + c->gap + *pos;
	switch (r) {
	case MW_HTTP_HEAD:
		on_head(w, &ev, ret);
		return 1;
	case MW_HTTP_BODY:
		on_body(w, c, ev.bytes);
		return 0;
	case MW_HTTP_END:
		queue_end(w, ev.partial, ev.odd);
		return 0;
	case MW_HTTP_UPGRADED:
		if (w->open)
			queue_end(w, false, NULL);
		if (w->asked)
			ws_begin(w, !w->response, w->at);
		else
			tunnel_begin(w);
		return 0;
	case MW_HTTP_BROKEN:
		fail(w, w->short_memory ? NULL : ev.odd);
		return 0;
	case -ENOMEM: /* of a head: then BROKEN is next */
		w->torn = w->short_memory = true;
		return 0;
	default:
		return -EAGAIN;
	}
}

static void on_gap(struct mw_web *w, const struct mw_chunk *c)
{
	uint64_t from;
	bool kept = true;

	if (w->state == HTTP && w->open && !w->head_given) {
		fail(w, NULL); /* a head, which the parser would forget */
		return;
	}
	if (w->state == WS) {
		kept = mw_ws_gap(w->ws, c->gap);
		w->ws_off += c->gap;
	} else if (w->state == HTTP) {
		kept = mw_http_gap(&w->http, c->gap);
		w->torn = true;
		if (w->body == EVENTS) {
			mw_sse_gap(w->sse);
			if (mw_sse_open(w->sse, &from) && from == w->sse_at)
				part_begin(w, c, from, c->off);
		}
	}
	if (!kept)
		fail(w, NULL);
	w->at = c->off + c->gap;
}

int mw_web_next(struct mw_web *w, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret)
{
	int r;

	if (!c->gap) {
		w->end_ns = c->ts_ns;
		w->proc = c->proc;
		w->tid = c->tid;
		w->move = c->move;
	}
	for (;;) {
		if (pop(w, ret))
			return 1;
		if (w->lent)
			let_go(w);
		if (w->failed) {
			w->failed = false;
			return -EBADMSG;
		}
		if (w->state == TUNNEL) {
			r = mw_tunnel_next(&w->tunnel, c, pos, ret);
			w->at = c->off + *pos + (r == 0 ? c->gap : 0);
			if (r >= 0)
				return r;
			fail(w, c->gap ? NULL : "tunnel.frame");
			continue;
		}
		if (c->gap && w->at < c->off + c->gap) {
			on_gap(w, c);
			continue;
		}
		if (next_event(w, c, ret))
			return 1;
		if (w->state == WS) {
			if (next_ws(w, c, pos, ret))
				return 1;
			if (!w->failed)
				return 0;
			continue;
		}
		r = next_http(w, c, pos, ret);
		if (r)
			return r > 0;
	}
}

int mw_web_finish(struct mw_web *w, bool closed, struct mw_frame *ret)
{
	struct mw_http_event ev;
	struct mw_ws_message m;
	bool cut = closed && w->state == HTTP && mw_http_is_short(&w->http);

	if (!w->finishing) {
		w->finishing = true;
		if (w->lent)
			let_go(w);
		if (w->state == WS && mw_ws_finish(w->ws, &m) == 1)
			w->queue[w->n_queue++] = ws_frame(w, &m);
		else if (w->state == TUNNEL && mw_tunnel_finish(&w->tunnel, &w->queue[0]) == 1)
			w->n_queue = 1;
		else if (w->state == HTTP && w->head_given && mw_http_close(&w->http, &ev) == 1)
			queue_end(w, ev.partial || !closed, ev.odd || !cut ? ev.odd : "http.cut");
		else if (w->state == HTTP && w->http.head.len)
			fail(w, NULL);
	}
	if (pop(w, ret))
		return 1;
	let_go(w);
	w->failed = w->finishing = false;
	return 0;
}
