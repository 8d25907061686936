/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - messages: their first copy, and what else comes of a channel */
#include <errno.h>

#include "core/session_priv.h"

/* The channel's own record, made if there is none. NULL: no memory. */
static struct sess_chan *chan_of(struct mw_session *s, struct mw_chan *chan)
{
	struct sess_chan *sc = chan->session;

	if (sc)
		return sc;
	sc = mw_alloc_zero(s->a, sizeof(*sc));
	if (!sc)
		return NULL;
	dl_init(&sc->all);
	dl_add(&s->chans, &sc->all);
	sc->chan = chan;
	chan->session = sc;
	return sc;
}

void mw_sess_slot_free(struct mw_session *s, struct slot *sl)
{
	struct item *it, *next;

	for (it = sl->items; it; it = next) {
		next = it->next;
		if (it->call) {
			if (it->call->asks == it)
				it->call->asks = NULL;
			if (it->call->answers == it)
				it->call->answers = NULL;
		}
		mw_alloc_free(s->a, it, sizeof(*it));
	}
	dl_del(&sl->all);
	mw_xchg_put(s, sl->at.x);
	mw_conv_put(s, sl->at.conv);
	mw_alloc_free(s->a, sl, sizeof(*sl));
}

/* There is no room for one more: the oldest call ends here, and a gap says so. */
static int give_up_oldest(struct mw_session *s)
{
	struct call *c = MW_OF(s->calls.next, struct call, all);
	int r;

	c->pub.end_ns = s->now_ns;
	c->pub.incomplete = true;
	r = c->shadow ? 0 : mw_sess_say_gap(s, c->conv, c->pub.s2c, 0, MW_GAP_LIMIT);
	return r < 0 ? r : mw_sess_close_call(s, c, MW_CALL_LOST);
}

static int make_room(struct mw_session *s)
{
	int r = 0;

	while (s->n_calls >= s->cfg.calls_max && r == 0)
		r = give_up_oldest(s);
	return r;
}

/* A request that a relay passes on: not a call of its own. */
static int pass_on(struct mw_session *s, struct place *at, const struct mw_msg *m, struct item *it,
		   struct call *lead)
{
	struct call *c;
	int r;

	r = mw_call_new(s, at, &it->rpc, lead, &c);
	if (r < 0)
		return r;
	c->asks = it;
	it->call = c;
	c->first_end = m->end;
	mw_note_sight(c, m, false);
	mw_relay_passed(s, c, m);
	if (m->seen[at->s2c ? MW_END_WRITE : MW_END_READ].seen || at->s2c)
		r = mw_relay_read(s, c, m);
	return r < 0 ? r : mw_sess_early_answer(s, c);
}

static int begin_call(struct mw_session *s, struct place *at, const struct mw_msg *m,
		      struct item *it)
{
	const struct mw_sight *read = &m->seen[MW_END_READ], *written = &m->seen[MW_END_WRITE];
	enum mw_end trusted = at->s2c ? MW_END_READ : MW_END_WRITE;
	struct call *c;
	bool unseen;
	int r;

	/* the server's copy came first and said something else under this id: the client's counts
	 */
	c = mw_call_find(s, at->conv, at->x, at->s2c, it->rpc.id, NULL);
	if (c && !c->shadow && !c->pub.n_rounds && !c->pub.settled && c->first_end != trusted &&
	    m->end == trusted && c->x == at->x) {
		r = mw_call_set_request(s, c, &it->rpc);
		if (r < 0)
			return r;
		if (c->asks)
			c->asks->call = NULL;
		c->asks = it;
		it->call = c;
		c->first_end = trusted;
		mw_note_sight(c, m, false);
		c->pub.differs = true;
		c->pub.unconfirmed = false;
		if (c->pub.opened)
			return mw_sess_say_call(s, MW_SESS_CONFIRMED, c);
		return read->seen ? mw_sess_open_call(s, c) : 0;
	}
	r = make_room(s);
	if (r < 0)
		return r;
	c = mw_round_match(s, at, &it->rpc);
	if (c) {
		if (c->asks)
			c->asks->call = NULL;
		c->asks = it;
		it->call = c;
		mw_note_sight(c, m, false);
		return mw_round_begin(s, c, at, m, &it->rpc);
	}
	c = mw_relay_match(s, at, m, &it->rpc);
	if (c)
		return pass_on(s, at, m, it, c);
	if (at->s2c) { /* it speaks: it is a server by itself */
		r = mw_sess_release_conv(s, at->conv);
		if (r < 0)
			return r;
	}
	r = mw_call_new(s, at, &it->rpc, NULL, &c);
	if (r < 0)
		return r;
	c->asks = it;
	it->call = c;
	c->first_end = m->end;
	c->pub.chan_kind = m->chan->kind;
	mw_note_sight(c, m, false);
	c->pub.begin_ns = read->seen ? read->begin_ns : written->end_ns;
	unseen = at->conv->client_unseen || (at->conn && at->conn->client_unseen);
	c->pub.unconfirmed = m->end != trusted && !unseen;
	c->pub.sent = !read->seen;
	/* before its first read a server is only starting, whatever was sent to it */
	r = read->seen || at->conv->read_seen ? mw_sess_open_call(s, c) : 0;
	return r < 0 ? r : mw_sess_early_answer(s, c);
}

static int answer_call(struct mw_session *s, struct place *at, const struct mw_msg *m,
		       struct item *it)
{
	const struct mw_sight *w = &m->seen[MW_END_WRITE], *r = &m->seen[MW_END_READ];
	enum mw_end trusted = at->s2c ? MW_END_READ : MW_END_WRITE;
	struct call *c =
	    mw_sess_find_answered(s, at, &it->rpc, m->end == trusted ? &trusted : NULL);
	int ret;

	if (!c) {
		it->passed = mw_relay_asked_below(s, at, &it->rpc);
		return 0;
	}
	if (c->answers) { /* the server's copy came first and said something else: this one counts
			   */
		c->answers->call = NULL;
		c->pub.differs = true;
	}
	c->answers = it;
	it->call = c;
	mw_note_sight(c, m, true);
	if (c->shadow) {
		c = c->lead;
		if (!c || c->pub.answered)
			return 0;
	}
	c->pub.end_ns = w->seen ? w->end_ns : r->end_ns;
	if (it->rpc.is_task) /* it goes on */
		return 0;
	ret = mw_sess_answered(s, c);
	return ret < 0 ? ret : mw_sess_release(s, c);
}

static int first_one(struct mw_session *s, struct sess_chan *sc, struct place *at,
		     const struct mw_msg *m, struct slot *sl, struct mw_slice text)
{
	struct item *it;
	struct mw_rpc rpc;
	int r;

	r = mw_rpc_parse(text, &rpc, NULL);
	if (r < 0) {
		sl->error = r;
		return 0;
	}
	sl->json_flags |= rpc.json_flags;
	if (!at->conv && at->conn) {
		r = mw_sess_http_place(s, at, m, &rpc);
	} else if (!at->conv) {
		r = mw_sess_recognise(s, sc, m, &rpc);
		at->conv = sc->conv;
		at->s2c = sc->s2c;
	}
	if (r < 0 || !at->conv)
		return r;
	if (!sl->items) /* of a batch once */
		r = mw_sess_note_peers(s, at, m);
	if (r < 0)
		return r;
	it = mw_alloc_zero(s->a, sizeof(*it));
	if (!it)
		return -ENOMEM;
	it->rpc = rpc;
	it->base = m->bytes.p;
	it->end = m->end;
	it->next = sl->items;
	sl->items = it;
	if (rpc.kind == MW_RPC_REQUEST)
		return begin_call(s, at, m, it);
	if (rpc.kind == MW_RPC_RESPONSE)
		return answer_call(s, at, m, it);
	return 0;
}

/* Its messages are not settled any more: nothing is kept of them. */
static void forget_slots(struct mw_session *s, const struct mw_chan *chan)
{
	struct dl *l, *next;

	for (l = s->slots.next; l != &s->slots; l = next) {
		struct slot *sl = MW_OF(l, struct slot, all);

		next = l->next;
		if (sl->at.chan == chan)
			mw_sess_slot_free(s, sl);
	}
}

static int let_go_one(struct mw_session *s, struct sess_chan *sc)
{
	sc->no_mcp = true;
	mw_ends_drop(s->cfg.ends, sc->chan);
	forget_slots(s, sc->chan);
	/* of TCP both ways are one socket: mw_session_unwanted makes up for it */
	if (sc->chan->wanted || (sc->chan->back && sc->chan->back->wanted))
		return 0;
	return mw_sess_say_drop(s, sc->chan);
}

/* Not a channel of ours: its bytes are passed over. */
static int let_go(struct mw_session *s, struct sess_chan *sc)
{
	struct conn *cn = sc->conn;
	struct sess_chan *other = NULL;
	int r = let_go_one(s, sc);

	if (!cn)
		return r;
	cn->no_mcp = true;
	other = cn->chan[!sc->s2c] ? cn->chan[!sc->s2c]->session : NULL;
	return r == 0 && other ? let_go_one(s, other) : r;
}

/* A channel that nobody has recognised: how much of it is waited for. */
static int judge(struct mw_session *s, struct sess_chan *sc, const struct conn *cn)
{
	uint64_t max = cn ? MW_SESSION_JUDGE_HTTP : MW_SESSION_JUDGE_LEN;

	if (sc->chan->candidate)
		max = MW_SESSION_JUDGE_CANDIDATE;
	if (sc->seen_bytes <= max ||
	    (cn ? mw_sess_http_known(s, cn) : mw_sess_relates(s, sc->chan)))
		return 0;
	return let_go(s, sc);
}

static void place_slot(struct slot *sl, const struct place *at)
{
	sl->at = *at;
	sl->at.conn = NULL;
	if (at->conv)
		mw_conv_get(at->conv);
	if (at->x)
		mw_xchg_get(at->x);
}

static int first_text(struct mw_session *s, struct sess_chan *sc, struct place *at,
		      const struct mw_msg *m, struct slot *sl)
{
	struct item *it, *rest, *turned = NULL;
	struct mw_slice one;
	size_t pos = 0;
	int r;

	if (m->cut) {
		sl->error = -E2BIG;
		at->conv = at->conv ? at->conv : at->x ? at->x->conv : NULL;
		return 0;
	}
	if (!mw_rpc_is_batch(m->bytes)) {
		r = first_one(s, sc, at, m, sl, m->bytes);
	} else {
		sl->error = mw_json_check(m->bytes, MW_JSON_DEPTH_MAX, &sl->json_flags, NULL);
		r = sl->error;
		while (r == 0 && mw_rpc_batch_next(m->bytes, &pos, &one) == 1)
			r = first_one(s, sc, at, m, sl, one);
		if (sl->error == r)
			r = 0;
	}
	/* what is no message of ours is strange only where it should be one */
	if (!at->conv && at->x && at->x->mcp)
		at->conv = at->x->conv;
	for (it = sl->items; it; it = rest) { /* in the order they came */
		rest = it->next;
		it->next = turned;
		turned = it;
	}
	sl->items = turned;
	return r;
}

static void on_first_end(struct place *at, const struct mw_msg *m)
{
	at->conv = at->x ? at->x->conv : NULL;
	if (m->partial)
		mw_sess_note_cut(at->x, m);
}

static int on_first(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct place at = { .chan = m->chan, .conv = sc->conv, .s2c = sc->s2c };
	const bool http = mw_is_http(m);
	struct slot *sl;
	bool junk;
	int r = 0;

	if (http)
		r = mw_sess_http_first(s, sc, m, &at);
	else if (sc->conn)
		at.x = sc->conn->upgraded;
	if (r < 0)
		return r;
	sl = mw_alloc_zero(s->a, sizeof(*sl));
	if (!sl)
		return -ENOMEM;
	dl_init(&sl->all);
	dl_add(&s->slots, &sl->all);
	*m->user = sl;
	if (m->kind == MW_FRAME_IS_HEAD)
		r = mw_sess_http_on_head(s, &at, m);
	else if (m->kind == MW_FRAME_IS_END)
		on_first_end(&at, m);
	else if (m->carrier == MW_CARRIER_SSE && mw_slice_eq_str(m->event, "endpoint"))
		r = mw_sess_http_endpoint(s, &at, m->bytes);
	else
		r = first_text(s, sc, &at, m, sl);
	place_slot(sl, &at);
	if (at.conv || (http && at.conn->mcp)) /* HTTP may carry other things too */
		return r;
	junk = sl->error != 0;
	if (m->kind == MW_FRAME_IS_MESSAGE) {
		mw_sess_slot_free(s, sl);
		*m->user = NULL;
	}
	if (m->state != MW_MSG_FIRST)
		return r;
	if (http) {
		sc->seen_bytes = m->seen[m->end].off + m->len;
	} else {
		sc->seen_bytes += m->len + 1;
		sc->junk_bytes += junk ? m->len + 1 : 0;
	}
	return r < 0 ? r : judge(s, sc, at.conn);
}

/* The server's end had what the client's end never sent or got. */
static int on_denied(struct mw_session *s, const struct mw_msg *m)
{
	struct call *c, *first = NULL;
	struct slot *sl = *m->user;
	struct item *it;
	int r = 0;

	if (!sl)
		return 0;
	if (mw_is_http(m))
		mw_sess_http_denied(s, sl, m);
	for (it = sl->items; it && r == 0; it = it->next) {
		c = it->call;
		if (!c)
			continue;
		first = first ? first : c;
		if (c->asks == it && c->pub.n_rounds > 1 && !c->shadow) {
			c->asks = NULL;
			it->call = NULL;
			r = mw_round_denied(s, c);
		} else if (c->asks == it && !c->pub.settled) {
			if (!c->shadow)
				r = mw_sess_say_call(s, MW_SESS_WITHDRAWN, c);
			mw_call_retire(s, c);
		} else if (c->answers == it) {
			c->answers = NULL;
			c->pub.differs = true;
		}
	}
	/* where it is cut each end sees for itself */
	if (r == 0 && sl->at.conv && m->kind == MW_FRAME_IS_END && m->partial)
		r = mw_sess_say_end_odd(s, &sl->at, m);
	else if (r == 0 && sl->at.conv)
		r = mw_sess_say_anomaly(s, "ends.differ", &sl->at, m->bytes, m->len, first);
	mw_sess_slot_free(s, sl);
	*m->user = NULL;
	return r;
}

static int on_gap(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct place at = { .chan = m->chan, .conv = sc->conv, .s2c = sc->s2c };
	const bool ours = sc->conv || (sc->conn && sc->conn->mcp);
	struct mw_sess_event *ev;
	struct dl *l;
	int r = 0;

	if (m->reason == MW_GAP_FAULT && ++sc->n_faults == MW_SESSION_FAULTS_MAX + 1 && ours)
		r = mw_sess_say_anomaly(s, "pages.missing", &at, mw_slice(NULL, 0), m->gap_bytes,
					NULL);
	if (r < 0)
		return r;
	if (!ours) {
		sc->early_gap += m->gap_bytes;
		sc->early_gap_ns = m->seen[m->end].end_ns;
		if (!sc->chan->last[m->end].tgid)
			sc->early_gap_ns = s->now_ns;
		return 0;
	}
	if (!sc->conv)
		return mw_sess_http_gap(s, sc, m);
	r = mw_sess_say_gap(s, sc->conv, sc->s2c, m->gap_bytes, m->reason);
	if (r < 0)
		return r;
	ev = &s->queue[s->q_len - 1];
	ev->end = m->end;
	ev->ts_ns = m->seen[m->end].end_ns;
	for (l = sc->conv->calls.next; l != &sc->conv->calls; l = l->next) {
		struct call *c = MW_OF(l, struct call, in_conv);

		c->pub.incomplete = true;
		if (c->shadow && c->lead)
			c->lead->pub.incomplete = true;
	}
	return 0;
}

static int on_evicted(struct mw_session *s, struct sess_chan *sc)
{
	struct conv *cv = sc->conv;
	struct dl *l, *next;
	int r = 0, over;

	mw_sess_http_chan_gone(s, sc);
	for (l = cv ? cv->calls.next : NULL; cv && l != &cv->calls && r == 0; l = next) {
		struct call *c = MW_OF(l, struct call, in_conv);

		next = l->next;
		c->pub.incomplete = true;
		c->pub.end_ns = s->now_ns;
		r = mw_sess_close_call(s, c, MW_CALL_LOST);
	}
	if (cv) {
		if (cv->c2s == sc->chan)
			cv->c2s = NULL;
		if (cv->s2c == sc->chan)
			cv->s2c = NULL;
		if (!cv->c2s && !cv->s2c && !cv->over) {
			over = mw_conv_over(s, cv, s->now_ns, MW_CALL_LOST);
			r = r < 0 ? r : over;
		} else if (!cv->over && dl_empty(&cv->lacking)) {
			dl_add(&s->lacking, &cv->lacking);
		}
	}
	dl_del(&sc->all);
	sc->chan->session = NULL;
	mw_conv_put(s, sc->conv);
	mw_alloc_free(s->a, sc, sizeof(*sc));
	return r;
}

static int on_settled(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct slot *sl = *m->user;
	int r = 0;

	/* with both ends seen it may be clear whose it is */
	if (!sl && !sc->conv && !mw_is_http(m)) {
		r = on_first(s, sc, m);
		sl = *m->user;
	}
	if (!sl || r < 0)
		return r;
	r = mw_sess_on_settled(s, sc, m, sl);
	mw_sess_slot_free(s, sl);
	*m->user = NULL;
	return r;
}

int mw_session_push(struct mw_session *s, const struct mw_msg *m)
{
	struct sess_chan *sc = chan_of(s, m->chan);
	uint64_t read = m->seen[MW_END_READ].end_ns, written = m->seen[MW_END_WRITE].end_ns;
	uint64_t at = read > written ? read : written;

	if (!sc)
		return -ENOMEM;
	if (at > s->now_ns)
		s->now_ns = at;
	switch (m->state) {
	case MW_MSG_FIRST:
		return sc->no_mcp ? 0 : on_first(s, sc, m);
	case MW_MSG_SETTLED:
		return sc->no_mcp ? 0 : on_settled(s, sc, m);
	case MW_MSG_DENIED:
		return on_denied(s, m);
	case MW_MSG_GAP:
		return on_gap(s, sc, m);
	case MW_MSG_UNFINISHED:
	case MW_MSG_BROKEN:
		return sc->no_mcp ? 0 : mw_sess_on_broken(s, sc, m);
	case MW_MSG_JUNK:
		return sc->conv || sc->conn || mw_sess_relates(s, m->chan) ? 0 : let_go(s, sc);
	case MW_MSG_CLOSED:
		return sc->conn ? mw_sess_http_closed(s, sc, m) : 0;
	case MW_MSG_EVICTED:
		return on_evicted(s, sc);
	}
	return 0;
}

void mw_session_count(const struct mw_session *s, struct mw_session_counts *ret)
{
	*ret = (struct mw_session_counts){ .calls = s->n_calls,
					   .convs = s->n_convs,
					   .conns = s->n_conns,
					   .servers = s->n_servers };
}
