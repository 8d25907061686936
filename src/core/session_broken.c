/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_broken.c - what is not whole: answers that are cut, and places where HTTP or WebSocket
 * broke
 *
 * Either end may show it. A part of an answer that came says nothing as long as the whole one may
 * come: a call that ends without it is incomplete, and "answer.cut" says how much there was. A part
 * of a request begins no call ("request.cut"). That, or a broken place, is strange on a connection
 * of MCP, or to a server of it, and on no other.
 */
#include "core/session_priv.h"

void mw_sess_note_cut(struct xchg *x, const struct mw_msg *m)
{
	/* a stream may end at any time; of its events an unfinished one is said by itself */
	if (!x || !m->response || (m->kind == MW_FRAME_IS_END && x->stream && !m->odd))
		return;
	if (!m->len && !m->odd)
		return;
	x->cut = true;
	if (m->len > x->cut_len)
		x->cut_len = m->len;
}

int mw_sess_say_cut(struct mw_session *s, struct call *c)
{
	const struct xchg *x = c->x;
	struct place at = { .conv = c->conv, .s2c = true };

	if (!x || !x->cut || c->shadow || c->pub.s2c || c->waiting || c->is_task || c->pub.answered)
		return 0;
	c->pub.incomplete = true;
	return mw_sess_say_anomaly(s, "answer.cut", &at, mw_slice(NULL, 0), x->cut_len, c);
}

int mw_sess_say_end_odd(struct mw_session *s, const struct place *at, const struct mw_msg *m)
{
	if (!m->odd || (m->kind == MW_FRAME_IS_END && at->x->odd_said))
		return 0;
	/* a cut answer is said with its call */
	if (at->x->cut && mw_slice_eq_str(mw_slice_str(m->odd), "http.cut"))
		return 0;
	at->x->odd_said |= m->kind == MW_FRAME_IS_END;
	return mw_sess_say_odd(s, at, m, NULL);
}

/* The server that is known at one of the channel's ends, or NULL. */
static struct mw_server *server_at(const struct mw_session *s, const struct sess_chan *sc,
				   const struct mw_msg *m)
{
	const struct mw_chan *ch = sc->chan;
	const struct mw_sight *seen = mw_server_sight(m, m->response);
	struct mw_server *sv = mw_server_at(s, m->response ? &ch->src : &ch->dst);
	struct mw_prockey by =
	    seen->seen ? seen->proc : ch->last[m->response ? MW_END_WRITE : MW_END_READ];

	return sv || mw_prockey_none(by) ? sv : mw_table_get(s->servers, &by);
}

/* What is strange in it, or NULL. */
static const char *oddity(const struct mw_msg *m)
{
	if (m->odd || m->state != MW_MSG_UNFINISHED || m->response || !mw_is_http(m) ||
	    m->kind != MW_FRAME_IS_MESSAGE || !m->len)
		return m->odd;
	return "request.cut";
}

static int say_odd(struct mw_session *s, struct sess_chan *sc, const struct place *at,
		   const struct mw_msg *m)
{
	struct mw_server *sv = at->conv ? at->conv->server : server_at(s, sc, m);
	int r;

	if (!at->conv && !sv && !(sc->conn && sc->conn->mcp))
		return 0;
	/* the other end shows the same place */
	if (++sc->n_odd[m->end] <= sc->n_odd_said)
		return 0;
	sc->n_odd_said++;
	r = mw_sess_say_anomaly(s, oddity(m), at, m->bytes, m->len, NULL);
	if (r == 0)
		s->queue[s->q_len - 1].server = sv;
	return r;
}

int mw_sess_on_broken(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct place at = { .chan = m->chan, .conv = sc->conv, .s2c = sc->s2c };

	if (mw_is_http(m)) {
		if (sc->conn)
			at.x = mw_xchg_at(sc->conn, sc->s2c, m->end, m->xchg);
		if (sc->conn && !at.x) /* it broke behind a head: that one's */
			at.x = sc->conn->last[sc->s2c];
		if (at.x)
			at.conv = at.x->conv;
		if (m->kind == MW_FRAME_IS_MESSAGE || m->odd)
			mw_sess_note_cut(at.x, m);
	}
	if (oddity(m))
		return say_odd(s, sc, &at, m);
	if (m->state == MW_MSG_UNFINISHED && sc->conv)
		return mw_sess_say_anomaly(s, "line.unfinished", &at, m->bytes, m->len, NULL);
	return 0; /* its gap has been said */
}
