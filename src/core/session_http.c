/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_http.c - connections of HTTP: which answer belongs to which request
 *
 * A connection is a queue of exchanges. A request's head opens one, an answer's head takes the
 * oldest that has no answer yet, as RFC 9112 section 9.3.2 orders them. Both halves of a channel
 * number their heads; a number at one end finds the exchange that has it there, or at the other end
 * if this one has not shown it yet. Where bytes are missing the counts may disagree: exchanges that
 * were open then are in doubt, an answer does not take one of them, and what is in it finds its
 * request by its id alone, if only one open request has it.
 */
#include <errno.h>

#include "core/session_priv.h"

#define XCHGS_MAX 4096u
/* Two copies of one head are not seen further apart than this, if both ends were seen before it. */
#define COPY_NS 50000000ull

static struct conn *conn_new(struct mw_session *s)
{
	struct conn *cn;

	while (s->n_conns >= MW_SESSION_CONNS_MAX) {
		cn = MW_OF(s->conns.next, struct conn, all);
		struct mw_chan *chan[2] = { cn->chan[0], cn->chan[1] };

		for (int i = 0; i < 2; i++)
			if (chan[i])
				mw_sess_http_chan_gone(s, chan[i]->session);
	}
	cn = mw_alloc_zero(s->a, sizeof(*cn));
	if (!cn)
		return NULL;
	cn->id = ++s->last_conn;
	dl_init(&cn->closing);
	dl_init(&cn->xchgs);
	dl_init(&cn->all);
	dl_add(&s->conns, &cn->all);
	s->n_conns++;
	return cn;
}

static void conn_free(struct mw_session *s, struct conn *cn)
{
	while (!dl_empty(&cn->xchgs))
		mw_xchg_leave(s, MW_OF(cn->xchgs.next, struct xchg, in_conn));
	mw_xchg_put(s, cn->upgraded);
	dl_del(&cn->closing);
	dl_del(&cn->all);
	s->n_conns--;
	mw_alloc_free(s->a, cn, sizeof(*cn));
}

/* Both halves of a connection were known, each by itself: now they are one. */
static void merge(struct mw_session *s, struct conn *to, struct conn *from)
{
	int i;

	while (!dl_empty(&from->xchgs)) {
		struct xchg *x = MW_OF(from->xchgs.next, struct xchg, in_conn);

		dl_del(&x->in_conn);
		from->n_xchgs--;
		x->doubt = true;
		x->conn = to;
		dl_add(&to->xchgs, &x->in_conn);
		to->n_xchgs++;
	}
	for (i = 0; i < 2; i++) {
		struct sess_chan *sc = from->chan[i] ? from->chan[i]->session : NULL;

		if (!sc)
			continue;
		sc->conn = to;
		if (!to->chan[i])
			to->chan[i] = from->chan[i];
	}
	to->mcp |= from->mcp;
	to->last[0] = to->last[0] ? to->last[0] : from->last[0];
	to->last[1] = to->last[1] ? to->last[1] : from->last[1];
	conn_free(s, from);
}

static struct conn *conn_of(struct mw_session *s, struct sess_chan *sc, bool s2c)
{
	struct sess_chan *back = sc->chan->back ? sc->chan->back->session : NULL;
	struct conn *cn = sc->conn, *other = back ? back->conn : NULL;

	if (cn && other && other != cn)
		merge(s, cn, other);
	if (!cn)
		cn = other && (!other->chan[s2c] || other->chan[s2c] == sc->chan) ? other
										  : conn_new(s);
	if (!cn)
		return NULL;
	if (sc->conn == cn && cn->chan[s2c] == sc->chan)
		return cn;
	sc->conn = cn;
	if (cn->chan[!s2c] == sc->chan) /* it turned round: what seemed a request is none */
		cn->chan[!s2c] = NULL;
	cn->chan[s2c] = sc->chan;
	sc->s2c = s2c;
	cn->addr = s2c ? sc->chan->src : sc->chan->dst;
	cn->from = s2c ? sc->chan->dst : sc->chan->src;
	return cn;
}

static void note_procs(struct conn *cn, const struct mw_msg *m, bool s2c)
{
	const struct mw_sight *srv = mw_server_sight(m, s2c), *cli = mw_client_sight(m, s2c);

	if (srv->seen)
		cn->server = srv->proc;
	if (cli->seen)
		cn->client = cli->proc;
}

int mw_sess_http_first(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct place *ret)
{
	const enum mw_end end = m->end;
	const bool s2c = m->response, known = sc->conn != NULL;
	struct xchg *x;
	struct conn *cn;

	cn = conn_of(s, sc, s2c);
	if (!cn)
		return -ENOMEM;
	note_procs(cn, m, s2c);
	if (s->conns.prev != &cn->all) {
		dl_del(&cn->all);
		dl_add(&s->conns, &cn->all);
	}
	if (cn->mcp && !known) {
		int r = mw_sess_http_recognised(s, cn);

		if (r < 0)
			return r;
	}
	*ret = (struct place){ .chan = sc->chan, .conn = cn, .s2c = s2c };
	x = mw_xchg_at(cn, s2c, end, m->xchg);
	if (x && !x->n[s2c][end] && m->kind == MW_FRAME_IS_HEAD) {
		/* this end's own text under the number of a head that the other end has shown */
		if (x->settled[s2c] || m->seen[end].end_ns >= x->first_ns[s2c] + COPY_NS)
			x = NULL;
	} else if (!x && m->kind != MW_FRAME_IS_HEAD) {
		if (cn->last[s2c] && !cn->last[s2c]->n[s2c][end])
			x = cn->last[s2c];
	}
	ret->x = x;
	return 0;
}

/* Makes room in a queue that only grows: answers are not seen, or requests. Its answer may come
 * yet, and must not be taken for another's. */
static void make_room(struct mw_session *s, struct conn *cn, size_t max)
{
	struct xchg *oldest = MW_OF(cn->xchgs.next, struct xchg, in_conn);
	struct dl *l;

	if (cn->n_xchgs < max)
		return;
	if (oldest->asked && !oldest->answered && !oldest->doubt)
		for (l = cn->xchgs.next; l != &cn->xchgs; l = l->next)
			MW_OF(l, struct xchg, in_conn)->doubt = true;
	mw_xchg_leave(s, oldest);
}

/* The exchange that an answer's head belongs to; one of its own where that is not sure. */
static struct xchg *answered_one(struct mw_session *s, struct conn *cn)
{
	struct xchg *oldest = NULL;
	bool doubt = false, several = false;
	struct dl *l;

	for (l = cn->xchgs.next; l != &cn->xchgs; l = l->next) {
		struct xchg *x = MW_OF(l, struct xchg, in_conn);

		if (!x->asked || x->answered)
			continue;
		doubt |= x->doubt;
		several |= oldest != NULL;
		if (!oldest)
			oldest = x;
	}
	return oldest && !(doubt && several) ? oldest : mw_xchg_new(s, cn);
}

int mw_sess_http_on_head(struct mw_session *s, struct place *at, const struct mw_msg *m)
{
	struct conn *cn = at->conn;
	struct mw_http_head h;
	struct xchg *x = at->x;
	bool s2c = at->s2c;
	int r = 0;

	if (mw_http_head_parse(m->bytes, &h) < 0 || h.response != s2c)
		return 0;
	if (s2c && h.status >= 100 && h.status < 200 && h.status != 101) {
		at->x = NULL; /* the answer comes after it */
		return 0;
	}
	/* an answer of its own must not push out what it answers */
	make_room(s, cn, s2c ? 2 * XCHGS_MAX : XCHGS_MAX);
	if (x && x->settled[s2c])
		x = NULL;
	if (x) {
		/* the trusted end's text counts, whenever it comes */
		if (m->end != (s2c ? MW_END_READ : MW_END_WRITE) || x->first[s2c] == m->end)
			return 0;
	} else {
		x = s2c ? answered_one(s, cn) : mw_xchg_new(s, cn);
		if (!x)
			return -ENOMEM;
	}
	x->n[s2c][m->end] = m->xchg;
	x->first[s2c] = m->end;
	x->first_ns[s2c] = m->seen[m->end].end_ns;
	cn->last[s2c] = x;
	at->x = x;
	r = s2c ? mw_xchg_response(s, x, &h) : mw_xchg_request(s, x, &h);
	if (r < 0)
		return r;
	if (s2c && h.status == 101 && !cn->upgraded)
		cn->upgraded = mw_xchg_get(x);
	if (x->mcp && !cn->mcp)
		r = mw_sess_http_recognised(s, cn);
	if (r == 0 && cn->mcp && x->mcp)
		r = mw_sess_http_where(s, cn, x);
	at->conv = x->conv;
	return r;
}

/* --- ends
 * ------------------------------------------------------------------------------------------
 */

/* When a side ended its sending, as its own end says, or else the other one's. */
static uint64_t closed_ns(const struct conn *cn, bool s2c)
{
	const uint64_t *by = cn->closed_ns[s2c];

	return by[MW_END_WRITE] ? by[MW_END_WRITE] : by[MW_END_READ];
}

/* A socket that is closed both ways ends its reading too: that says nothing of the other side. */
static bool client_first(const struct conn *cn)
{
	uint64_t client = closed_ns(cn, false), server = closed_ns(cn, true);

	if (!client || !server || client != server)
		return client && (!server || client < server);
	return cn->closed_ns[0][MW_END_WRITE] != 0;
}

/* What became of a call whose exchange is over without an answer. False: it may still come. */
static bool fate(const struct conn *cn, const struct xchg *x, const struct call *c,
		 enum mw_call_status *ret)
{
	const bool accepted = x->status >= 200 && x->status < 300;

	if (c->pub.answered || c->pub.s2c || c->waiting || c->is_task)
		return false;
	if (accepted && (c->conv->transport == MW_TRANSPORT_SSE || x->status == 202))
		return false; /* it comes on the other connection */
	if (x->stream && accepted && !x->closes && !c->conv->scoped)
		return false; /* the stream may be resumed (Last-Event-ID) */
	*ret = MW_CALL_NO_RESPONSE;
	if (x->doubt)
		*ret = MW_CALL_LOST; /* it may lie in the gap */
	else if (!x->ended && x->closes && client_first(cn))
		*ret = MW_CALL_CANCELLED; /* closing the stream is how 2026-07-28 cancels */
	return true;
}

static int end_calls(struct mw_session *s, const struct conn *cn, struct xchg *x, uint64_t end_ns)
{
	enum mw_call_status status;
	struct dl *l, *next;
	int r = 0;

	for (l = x->calls.next; l != &x->calls && r == 0; l = next) {
		struct call *c = MW_OF(l, struct call, in_x);

		next = l->next;
		if (!fate(cn, x, c, &status))
			continue;
		c->pub.end_ns = end_ns;
		r = mw_sess_close_call(s, c, status);
	}
	return r;
}

static int on_end(struct mw_session *s, const struct place *at, const struct mw_msg *m)
{
	const struct mw_sight *w = &m->seen[MW_END_WRITE], *r = &m->seen[MW_END_READ];
	struct xchg *x = at->x;
	int ret;

	if (!at->s2c || !x || !x->conn)
		return 0;
	if (m->partial) /* a gap or the close cut it: that decides */
		return 0;
	x->ended = true;
	mw_xchg_get(x);
	ret = end_calls(s, x->conn, x, w->seen ? w->end_ns : r->end_ns);
	/* a session ends by DELETE (2025-03-26 to 2025-11-25) */
	if (ret == 0 && x->del && x->session.n && x->conv && x->status < 300 && !x->conv->over)
		ret =
		    mw_conv_over(s, x->conv, w->seen ? w->end_ns : r->end_ns, MW_CALL_NO_RESPONSE);
	mw_xchg_leave(s, x);
	mw_xchg_put(s, x);
	return ret;
}

int mw_sess_http_settled(struct mw_session *s, struct slot *sl, const struct mw_msg *m)
{
	struct place *at = &sl->at;
	struct conv *cv;
	int r = 0;

	if (at->x && at->x->conn) {
		note_procs(at->x->conn, m, at->s2c);
		if (m->kind == MW_FRAME_IS_HEAD)
			at->x->settled[at->s2c] = true;
		/* what has been learned may say it better */
		if (at->x->conn->mcp && at->x->conv)
			r = mw_sess_http_where(s, at->x->conn, at->x);
		if (r == 0 && at->x->conv && at->conv && at->conv != at->x->conv) {
			cv = at->conv;
			at->conv = mw_conv_get(at->x->conv);
			mw_conv_put(s, cv);
		}
	}
	if (r == 0 && m->kind != MW_FRAME_IS_MESSAGE && at->x && at->x->conv)
		r = mw_sess_say_end_odd(s, at, m);
	if (r == 0 && m->kind == MW_FRAME_IS_END)
		r = on_end(s, at, m);
	return r;
}

void mw_sess_http_denied(struct mw_session *s, struct slot *sl, const struct mw_msg *m)
{
	struct xchg *x = sl->at.x;

	/* nobody sent such a request: no answer is taken for its answer */
	if (x && m->kind == MW_FRAME_IS_HEAD && !sl->at.s2c && x->first[0] == m->end)
		mw_xchg_leave(s, x);
}

int mw_sess_http_gap(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct conn *cn = sc->conn;
	struct mw_sess_event *ev;
	struct conv *cv = NULL;
	struct dl *l, *k;

	for (l = cn->xchgs.next; l != &cn->xchgs; l = l->next) {
		struct xchg *x = MW_OF(l, struct xchg, in_conn);

		cv = x->conv ? x->conv : cv;
		if (x->ended)
			continue;
		x->doubt = true;
		for (k = x->calls.next; k != &x->calls; k = k->next)
			MW_OF(k, struct call, in_x)->pub.incomplete = true;
		if (!x->conv || !x->get)
			continue;
		for (k = x->conv->calls.next; k != &x->conv->calls; k = k->next)
			MW_OF(k, struct call, in_conv)->pub.incomplete = true;
	}
	ev = mw_sess_say(s, MW_SESS_GAP);
	if (!ev)
		return -ENOMEM;
	ev->server = cv ? cv->server : mw_server_at(s, &cn->addr);
	ev->s2c = sc->s2c;
	ev->gap_bytes = m->gap_bytes;
	ev->reason = m->reason;
	ev->end = m->end;
	ev->ts_ns = m->seen[m->end].end_ns;
	return 0;
}

int mw_sess_http_closed(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct conn *cn = sc->conn;
	uint64_t *at = &cn->closed_ns[sc->s2c][m->end];

	if (!*at)
		*at = m->seen[m->end].end_ns ? m->seen[m->end].end_ns : s->now_ns + 1;
	if (dl_empty(&cn->closing))
		dl_add(&s->closing, &cn->closing);
	return 0;
}

static int judge(struct mw_session *s, struct conn *cn, uint64_t end_ns)
{
	int r = 0;

	while (!dl_empty(&cn->xchgs) && r == 0) {
		struct xchg *x = MW_OF(cn->xchgs.next, struct xchg, in_conn);

		r = end_calls(s, cn, x, end_ns);
		mw_xchg_leave(s, x);
	}
	return r;
}

int mw_sess_http_tick(struct mw_session *s, bool last)
{
	struct dl *l, *next;
	int r = 0;

	for (l = s->closing.next; l != &s->closing && r == 0; l = next) {
		struct conn *cn = MW_OF(l, struct conn, closing);
		uint64_t client = closed_ns(cn, false), server = closed_ns(cn, true);
		uint64_t end = !client || (server && server < client) ? server : client;

		next = l->next;
		if (!last && s->now_ns < end + MW_SESSION_CLOSE_NS)
			continue;
		/* one that still answers after the client has ended its sending is not over */
		if (!last && !server && s->now_ns < end + MW_SESSION_LINGER_NS)
			continue;
		dl_del(&cn->closing);
		r = judge(s, cn, end);
	}
	return r;
}

void mw_sess_http_chan_gone(struct mw_session *s, struct sess_chan *sc)
{
	struct conn *cn = sc->conn;
	struct dl *l;
	int i;

	if (!cn)
		return;
	sc->conn = NULL;
	for (i = 0; i < 2; i++)
		if (cn->chan[i] == sc->chan)
			cn->chan[i] = NULL;
	if (cn->chan[0] || cn->chan[1])
		return;
	for (l = cn->xchgs.next; l != &cn->xchgs; l = l->next)
		MW_OF(l, struct xchg, in_conn)->doubt |= !MW_OF(l, struct xchg, in_conn)->ended;
	/* without memory to say so, its calls end with their conversation */
	(void)judge(s, cn, s->now_ns);
	conn_free(s, cn);
}

void mw_sess_http_free_all(struct mw_session *s)
{
	while (!dl_empty(&s->conns))
		conn_free(s, MW_OF(s->conns.next, struct conn, all));
}
