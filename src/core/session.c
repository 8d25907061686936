/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - messages: their first copy, their settled one */
#include <errno.h>

#include "core/session_priv.h"

static struct sess_chan *chan_of(struct mw_session *s, struct mw_chan *chan)
{
	struct sess_chan *sc = chan->session;

	if (sc)
		return sc;
	sc = mw_alloc_zero(s->a, sizeof(*sc));
	if (!sc)
		return NULL;
	sc->next = s->chans;
	if (sc->next)
		sc->next->prev = sc;
	s->chans = sc;
	sc->chan = chan;
	chan->session = sc;
	return sc;
}

static struct mw_slice moved(struct mw_slice sl, const uint8_t *from, const uint8_t *to)
{
	if (!sl.n)
		return sl;
	return mw_slice(to + (sl.p - from), sl.n);
}

/* The same text stands somewhere else now. */
static struct mw_rpc rpc_at(const struct item *it, const uint8_t *to)
{
	struct mw_rpc r = it->rpc;

	if (!to) { /* there was no room to hold it: what it is is known, not its text */
		memset(&r, 0, sizeof(r));
		r.kind = it->rpc.kind;
		r.is_error = it->rpc.is_error;
		return r;
	}
	struct mw_slice *all[] = { &r.whole,  &r.id,	    &r.method,	  &r.params,
				   &r.result, &r.error,	    &r.name,	  &r.uri,
				   &r.meta,   &r.arguments, &r.request_id };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		*all[i] = moved(*all[i], it->base, to);
	return r;
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
	if (sl->prev)
		sl->prev->next = sl->next;
	else
		s->slots = sl->next;
	if (sl->next)
		sl->next->prev = sl->prev;
	mw_alloc_free(s->a, sl, sizeof(*sl));
}

/* There is no room for one more: the oldest call ends here, and a gap says so. */
static int give_up_oldest(struct mw_session *s)
{
	struct call *c = s->calls;
	int r;

	c->pub.end_ns = s->now_ns;
	c->pub.incomplete = true;
	r = mw_sess_say_gap(s, c->conv, c->pub.s2c, 0, MW_GAP_LIMIT);
	return r < 0 ? r : mw_sess_end_call(s, c, MW_CALL_LOST, NULL);
}

static int begin_call(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		      struct item *it)
{
	const struct mw_sight *read = &m->seen[MW_END_READ], *written = &m->seen[MW_END_WRITE];
	enum mw_end trusted = sc->s2c ? MW_END_READ : MW_END_WRITE;
	struct call *c;
	int r;

	/* the server's copy came first and said something else under this id: the client's counts
	 */
	c = mw_call_find(s, sc->conv, sc->s2c, it->rpc.id, NULL);
	if (c && !c->pub.settled && c->first_end != trusted && m->end == trusted) {
		r = mw_call_set_request(s, c, &it->rpc);
		if (r < 0)
			return r;
		if (c->asks)
			c->asks->call = NULL;
		c->asks = it;
		it->call = c;
		c->first_end = trusted;
		c->pub.differs = true;
		c->pub.unconfirmed = false;
		return mw_sess_say_call(s, MW_SESS_CONFIRMED, c);
	}
	while (s->n_calls >= s->cfg.calls_max) {
		r = give_up_oldest(s);
		if (r < 0)
			return r;
	}
	r = mw_call_new(s, sc->conv, sc->s2c, &it->rpc, &c);
	if (r < 0)
		return r;
	c->asks = it;
	it->call = c;
	c->first_end = m->end;
	c->pub.chan_kind = m->chan->kind;
	c->pub.begin_ns = read->seen ? read->begin_ns : written->end_ns;
	c->pub.unconfirmed = m->end != trusted && !sc->conv->client_unseen;
	c->pub.sent = !read->seen;
	/* before its first read a server is only starting, whatever was sent to it */
	r = read->seen || sc->conv->read_seen ? mw_sess_open_call(s, c) : 0;
	return r < 0 ? r : mw_sess_early_answer(s, c);
}

static int answer_call(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct item *it)
{
	const struct mw_sight *w = &m->seen[MW_END_WRITE], *r = &m->seen[MW_END_READ];
	enum mw_end trusted = sc->s2c ? MW_END_READ : MW_END_WRITE;
	struct call *c =
	    mw_call_find(s, sc->conv, !sc->s2c, it->rpc.id, m->end == trusted ? &trusted : NULL);

	if (!c)
		return 0;
	if (c->answers) { /* the server's copy came first and said something else: this one counts
			   */
		c->answers->call = NULL;
		c->pub.differs = true;
	}
	c->answers = it;
	it->call = c;
	c->pub.end_ns = w->seen ? w->end_ns : r->end_ns;
	if (c->pub.answered)
		return 0;
	c->pub.answered = true;
	return mw_sess_say_call(s, MW_SESS_ANSWERED, c);
}

static int first_one(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		     struct slot *sl, struct mw_slice text)
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
	if (!sc->conv) {
		r = mw_sess_recognise(s, m->chan, sc, &rpc);
		if (r < 0 || !sc->conv)
			return r;
	}
	r = mw_sess_note_peers(s, sc->conv, m, sc->s2c);
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
		return begin_call(s, sc, m, it);
	if (rpc.kind == MW_RPC_RESPONSE)
		return answer_call(s, sc, m, it);
	return 0;
}

static int let_go(struct mw_session *s, struct sess_chan *sc, struct mw_chan *chan)
{
	sc->no_mcp = true;
	mw_ends_drop(s->cfg.ends, chan);
	return mw_sess_say_control(s, MW_CONTROL_CHAN_DROP, chan);
}

static int on_first(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct slot *sl = mw_alloc_zero(s->a, sizeof(*sl));
	struct mw_slice one;
	struct item *it, *rest, *turned = NULL;
	size_t pos = 0;
	int r;

	if (!sl)
		return -ENOMEM;
	sl->next = s->slots;
	if (sl->next)
		sl->next->prev = sl;
	s->slots = sl;
	*m->user = sl;
	if (m->cut) {
		sl->error = -E2BIG;
		return 0;
	}
	if (!mw_rpc_is_batch(m->bytes)) {
		r = first_one(s, sc, m, sl, m->bytes);
	} else {
		sl->error = mw_json_check(m->bytes, MW_JSON_DEPTH_MAX, &sl->json_flags, NULL);
		r = sl->error;
		while (r == 0 && mw_rpc_batch_next(m->bytes, &pos, &one) == 1)
			r = first_one(s, sc, m, sl, one);
		if (sl->error == r)
			r = 0;
	}
	for (it = sl->items; it; it = rest) { /* in the order they came */
		rest = it->next;
		it->next = turned;
		turned = it;
	}
	sl->items = turned;
	if (!sc->conv) {
		const bool junk = sl->error != 0;

		mw_sess_slot_free(s, sl);
		*m->user = NULL;
		if (m->state != MW_MSG_FIRST)
			return r;
		sc->seen_bytes += m->len + 1;
		sc->junk_bytes += junk ? m->len + 1 : 0;
		if (sc->seen_bytes > MW_SESSION_JUDGE_LEN && !mw_sess_relates(s, m->chan)) {
			r = let_go(s, sc, m->chan);
		}
	}
	return r;
}

static void mark(struct call *c, const struct mw_msg *m)
{
	c->pub.one_sided |= m->one_sided;
	c->pub.differs |= m->differs;
	c->pub.incomplete |= m->incomplete || m->cut;
}

int mw_sess_on_answer(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		      struct item *it, const struct mw_rpc *rpc)
{
	const struct mw_sight *w = &m->seen[MW_END_WRITE], *r = &m->seen[MW_END_READ];
	enum mw_call_status status = MW_CALL_OK;
	struct mw_server *sv = sc->conv->server;
	struct mw_sess_event *ev;
	struct call *c = it->call;
	bool changed = false;
	int ret;

	if (!c && m->bytes.n) {
		/* the server may have written it before the end of the client's own write was seen
		 */
		c = mw_call_find(s, sc->conv, !sc->s2c, rpc->id, NULL);
		if (c)
			c->pub.end_ns = w->seen ? w->end_ns : r->end_ns;
	}
	if (!c) {
		ret = m->bytes.n ? mw_sess_early_hold(s, sc, m, rpc) : -ENOSPC;
		if (ret != -ENOSPC)
			return ret;
		return mw_sess_say_anomaly(s, "answer.unmatched", sc, rpc->whole,
					   rpc->whole.n ? rpc->whole.n : m->len, NULL);
	}
	mark(c, m);
	if (m->bytes.n && !mw_slice_eq(rpc->id, c->pub.rpc_id)) {
		ret = mw_sess_say_anomaly(s, "id.respelled", sc, rpc->id, rpc->id.n, c);
		if (ret < 0)
			return ret;
	}
	if (w->seen && r->seen)
		c->pub.end_ns = w->end_ns;
	if (sv && !c->pub.s2c) {
		ret = mw_server_learn(s, sv, rpc, c->pub.method, &changed);
		if (ret < 0)
			return ret;
		if (changed && sv->said) {
			ev = mw_sess_say(s, MW_SESS_SERVER);
			if (!ev)
				return -ENOMEM;
			ev->server = sv;
			ev->changed = true;
		}
	}
	if (sv && !c->pub.s2c && rpc->result.n && mw_json_str_eq(c->pub.method, "tools/list")) {
		ev = mw_sess_say(s, MW_SESS_TOOLS);
		if (!ev)
			return -ENOMEM;
		ev->server = sv;
		ev->call = &c->pub;
		ev->result = rpc->result;
	}
	if (it->rpc.error.n)
		status = MW_CALL_RPC_ERROR;
	else if (rpc->is_error)
		status = MW_CALL_TOOL_ERROR;
	if (c->pub.cancelled && status != MW_CALL_OK)
		status = MW_CALL_CANCELLED;
	return mw_sess_end_call(s, c, status, rpc);
}

static int on_notice(struct mw_session *s, struct sess_chan *sc, const struct mw_rpc *rpc)
{
	struct mw_sess_event *ev;
	struct call *c;

	if (rpc->request_id.n && mw_json_str_eq(rpc->method, "notifications/cancelled")) {
		c = mw_call_find(s, sc->conv, sc->s2c, rpc->request_id, NULL);
		if (c) {
			c->pub.cancelled = true;
			c->cancelled_ns = s->now_ns;
		}
	}
	ev = mw_sess_say(s, MW_SESS_NOTICE);
	if (!ev)
		return -ENOMEM;
	ev->server = sc->conv->server;
	ev->s2c = sc->s2c;
	ev->rpc = *rpc;
	return 0;
}

static int say_server(struct mw_session *s, struct mw_server *sv)
{
	struct mw_sess_event *ev;

	if (!sv || sv->said)
		return 0;
	ev = mw_sess_say(s, MW_SESS_SERVER);
	if (!ev)
		return -ENOMEM;
	sv->said = true;
	ev->server = sv;
	return 0;
}

static const struct {
	unsigned int flag;
	const char *what;
} odd_json[] = {
	{ MW_JSON_DUP, "json.equal_keys" },
	{ MW_JSON_NUL, "json.nul" },
	{ MW_JSON_BAD_UTF8, "json.not_utf8" },
	{ MW_JSON_LONE, "json.lone_surrogate" },
};

static const char *error_name(int error)
{
	return error == -EPROTO ? "not_jsonrpc" : error == -E2BIG ? "too_deep" : "not_json";
}

static int say_oddities(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
			const struct slot *sl, struct call *c)
{
	size_t i;
	int r = 0;

	if (sl->error)
		r = mw_sess_say_anomaly(s, m->cut ? "too_long" : error_name(sl->error), sc,
					m->bytes, m->len, NULL);
	for (i = 0; i < sizeof(odd_json) / sizeof(*odd_json) && r == 0; i++)
		if (sl->json_flags & odd_json[i].flag)
			r = mw_sess_say_anomaly(s, odd_json[i].what, sc, m->bytes, m->len, c);
	if (r == 0 && m->differs) {
		r = mw_sess_say_anomaly(s, "ends.differ", sc, m->bytes, m->len, c);
	}
	return r;
}

static int settle_item(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct item *it, const struct mw_rpc *rpc)
{
	const struct mw_sight *read = &m->seen[MW_END_READ];
	struct call *c = it->call;
	int r;

	if (rpc->kind == MW_RPC_RESPONSE)
		return mw_sess_on_answer(s, sc, m, it, rpc);
	if (rpc->kind == MW_RPC_NOTIFICATION)
		return on_notice(s, sc, rpc);
	if (!c)
		return 0;
	c->pub.client = sc->conv->client;
	if (read->seen)
		c->pub.begin_ns = read->begin_ns;
	mark(c, m);
	if (!c->pub.opened) {
		c->pub.sent = !read->seen;
		r = mw_sess_open_call(s, c);
	} else if (c->pub.unconfirmed) {
		c->pub.unconfirmed = false;
		r = mw_sess_say_call(s, MW_SESS_CONFIRMED, c);
	} else if (c->pub.sent && read->seen) {
		c->pub.sent = false;
		r = mw_sess_say_call(s, MW_SESS_READ, c);
	} else {
		r = 0;
	}
	if (r < 0)
		return r;
	if (c->pub.server && !c->pub.s2c) {
		r = mw_server_learn_client(s, c->pub.server, rpc);
		if (r < 0)
			return r;
	}
	r = mw_sess_settle_request(s, c, mw_call_args_of(rpc));
	if (r == 0 && c->pub.id_reused)
		r = mw_sess_say_anomaly(s, "id.reused", sc, rpc->id, rpc->id.n, c);
	return r;
}

static int on_settled(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct slot *sl = *m->user;
	struct call *first = NULL;
	struct mw_sess_event *ev;
	struct item *it;
	int r = 0;

	if (!sl && !sc->conv && !sc->no_mcp) { /* with both ends seen it may be clear whose it is */
		r = on_first(s, sc, m);
		sl = *m->user;
	}
	if (!sl || r < 0)
		return r;
	if (!sc->conv)
		goto done;
	r = mw_sess_note_peers(s, sc->conv, m, sc->s2c);
	if (r == 0)
		r = say_server(s, sc->conv->server);
	if (s->cfg.raw && r == 0) {
		ev = mw_sess_say(s, MW_SESS_RAW);
		if (ev)
			ev->bytes = m->bytes;
		else
			r = -ENOMEM;
	}
	for (it = sl->items; it && !first; it = it->next)
		first = it->call;
	if (r == 0)
		r = say_oddities(s, sc, m, sl, first);
	for (it = sl->items; it && r == 0; it = it->next) {
		struct mw_rpc rpc = rpc_at(it, m->bytes.n ? m->bytes.p : NULL);

		r = settle_item(s, sc, m, it, &rpc);
	}
done:
	mw_sess_slot_free(s, sl);
	*m->user = NULL;
	return r;
}

/* The server's end had what the client's end never sent or got. */
static int on_denied(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m)
{
	struct call *c, *first = NULL;
	struct slot *sl = *m->user;
	struct item *it;
	int r = 0;

	if (!sl)
		return 0;
	for (it = sl->items; it && r == 0; it = it->next) {
		c = it->call;
		if (!c)
			continue;
		first = first ? first : c;
		if (c->asks == it && !c->pub.settled) {
			r = mw_sess_say_call(s, MW_SESS_WITHDRAWN, c);
			mw_call_retire(s, c);
		} else if (c->answers == it) {
			c->answers = NULL;
			c->pub.differs = true;
		}
	}
	if (r == 0 && sc->conv)
		r = mw_sess_say_anomaly(s, "ends.differ", sc, m->bytes, m->len, first);
	mw_sess_slot_free(s, sl);
	*m->user = NULL;
	return r;
}

static int on_gap(struct mw_session *s, struct mw_chan *chan, struct sess_chan *sc,
		  const struct mw_msg *m)
{
	struct mw_sess_event *ev;
	struct call *c;
	int r;

	if (!sc->conv) {
		sc->early_gap += m->gap_bytes;
		sc->early_gap_ns = m->seen[m->end].end_ns;
		if (!chan->last[m->end].tgid)
			sc->early_gap_ns = s->now_ns;
		return 0;
	}
	r = mw_sess_say_gap(s, sc->conv, sc->s2c, m->gap_bytes, m->reason);
	if (r < 0)
		return r;
	ev = &s->queue[s->q_len - 1];
	ev->end = m->end;
	ev->ts_ns = m->seen[m->end].end_ns;
	for (c = s->calls; c; c = c->next)
		if (c->conv == sc->conv)
			c->pub.incomplete = true;
	return 0;
}

static int on_evicted(struct mw_session *s, struct mw_chan *chan, struct sess_chan *sc)
{
	struct conv *cv = sc->conv;
	struct call *c, *next;
	int r = 0;

	if (cv && cv->c2s == chan)
		cv->c2s = NULL;
	if (cv && cv->s2c == chan)
		cv->s2c = NULL;
	for (c = s->calls; c && cv && r == 0; c = next) {
		next = c->next;
		if (c->conv != cv)
			continue;
		c->pub.incomplete = true;
		c->pub.end_ns = s->now_ns;
		r = mw_sess_end_call(s, c, MW_CALL_LOST, NULL);
	}
	if (sc->prev)
		sc->prev->next = sc->next;
	else
		s->chans = sc->next;
	if (sc->next)
		sc->next->prev = sc->prev;
	mw_alloc_free(s->a, sc, sizeof(*sc));
	chan->session = NULL;
	if (cv && !cv->c2s && !cv->s2c && !cv->n_calls) {
		int left = mw_sess_early_leave(s, cv);

		r = r < 0 ? r : left;
		mw_sess_conv_free(s, cv);
	}
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
		return on_settled(s, sc, m);
	case MW_MSG_DENIED:
		return on_denied(s, sc, m);
	case MW_MSG_GAP:
		return on_gap(s, m->chan, sc, m);
	case MW_MSG_UNFINISHED:
		return sc->conv
			   ? mw_sess_say_anomaly(s, "line.unfinished", sc, m->bytes, m->len, NULL)
			   : 0;
	case MW_MSG_JUNK:
		return sc->conv || mw_sess_relates(s, m->chan) ? 0 : let_go(s, sc, m->chan);
	case MW_MSG_BROKEN:
		return 0; /* its gap has been said */
	case MW_MSG_EVICTED:
		return on_evicted(s, m->chan, sc);
	}
	return 0;
}
