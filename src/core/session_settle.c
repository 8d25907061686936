/* SPDX-License-Identifier: Apache-2.0 */
/* session_settle.c - messages that are what they are: requests, answers and notifications are said
 */
#include <errno.h>

#include "core/session_priv.h"

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
	struct mw_slice *all[] = { &r.whole, &r.id,	 &r.method,	&r.params, &r.result,
				   &r.error, &r.name,	 &r.uri,	&r.meta,   &r.arguments,
				   &r.state, &r.task_id, &r.request_id, &r.status, &r.result_type };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		*all[i] = moved(*all[i], it->base, to);
	return r;
}

static void mark(struct call *c, const struct mw_msg *m)
{
	if (c->shadow)
		c = c->lead;
	if (!c)
		return;
	c->pub.one_sided |= m->one_sided;
	c->pub.differs |= m->differs;
	c->pub.incomplete |= m->incomplete || m->cut;
}

static int learn(struct mw_session *s, struct mw_server *sv, const struct call *c,
		 const struct mw_rpc *rpc)
{
	struct mw_sess_event *ev;
	bool changed = false;
	int r;

	r = mw_server_learn(s, sv, rpc, c->pub.method, &changed);
	if (r < 0 || !changed || !sv->said)
		return r;
	ev = mw_sess_say(s, MW_SESS_SERVER);
	if (!ev)
		return -ENOMEM;
	ev->server = sv;
	ev->changed = true;
	return 0;
}

static enum mw_call_status status_of(const struct call *c, const struct item *it,
				     const struct mw_rpc *rpc)
{
	enum mw_call_status status = MW_CALL_OK;

	if (it->rpc.error.n)
		status = MW_CALL_RPC_ERROR;
	else if (rpc->is_error)
		status = MW_CALL_TOOL_ERROR;
	return c->pub.cancelled && status != MW_CALL_OK ? MW_CALL_CANCELLED : status;
}

/* An error that names no request, in an answer of HTTP that refuses one which carried none: a GET,
 * a DELETE, a notification. */
static bool is_refusal(const struct place *at, const struct item *it, const struct mw_rpc *rpc)
{
	const struct xchg *x = at->x;

	return x && at->s2c && x->asked && x->answered && x->status >= 400 && !x->doubt &&
	       !x->requests && it->rpc.error.n && (!rpc->id.n || rpc->id.p[0] == 'n');
}

int mw_sess_on_answer(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		      struct item *it, const struct mw_rpc *rpc)
{
	const struct mw_sight *w = &m->seen[MW_END_WRITE], *r = &m->seen[MW_END_READ];
	struct mw_sess_event *ev;
	struct mw_server *sv;
	struct call *c = it->call;
	int ret;

	if (!c && m->bytes.n) {
		/* the server may have written it before the end of the client's own write was seen
		 */
		c = mw_sess_find_answered(s, at, rpc, NULL);
		if (c && !c->shadow)
			c->pub.end_ns = w->seen ? w->end_ns : r->end_ns;
	}
	if (!c && (it->passed || (m->bytes.n && mw_relay_asked_below(s, at, rpc))))
		return 0;
	if (!c && mw_is_http(m) && is_refusal(at, it, rpc))
		return 0;
	if (!c) {
		ret = m->bytes.n ? mw_sess_early_hold(s, at, m, rpc) : -ENOSPC;
		if (ret != -ENOSPC)
			return ret;
		return mw_sess_say_anomaly(s, "answer.unmatched", at, rpc->whole,
					   rpc->whole.n ? rpc->whole.n : m->len, NULL);
	}
	mark(c, m);
	mw_note_sight(c, m, true);
	if (c->shadow) { /* the way back of a relay */
		struct call *lead = mw_relay_is_direct(c, at, m) ? c->lead : NULL;

		mw_call_retire(s, c);
		if (!lead)
			return 0;
		c = lead;
	}
	if (m->bytes.n && rpc->id.n && rpc->id.p[0] != 'n' && !mw_slice_eq(rpc->id, c->id)) {
		ret = mw_sess_say_anomaly(s, "id.respelled", at, rpc->id, rpc->id.n, c);
		if (ret < 0)
			return ret;
	}
	if (w->seen && r->seen)
		c->pub.end_ns = w->end_ns;
	sv = c->pub.server;
	if (sv && !c->pub.s2c) {
		/* one that is not said yet is said with what it says of itself */
		ret = learn(s, sv, c, rpc);
		if (ret == 0)
			ret = mw_sess_release(s, c);
		if (ret < 0)
			return ret;
	}
	if (sv && !c->pub.s2c && rpc->result.n && mw_json_str_eq(c->pub.method, "tools/list")) {
		ev = mw_sess_say(s, MW_SESS_TOOLS);
		if (!ev)
			return -ENOMEM;
		ev->server = sv;
		ev->call = &c->pub;
		ev->result = rpc->result;
	}
	ret = mw_task_said(s, at, c, rpc);
	if (ret == 0)
		ret = mw_round_answer(s, c, rpc);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	return mw_sess_end_call(s, c, status_of(c, it, rpc), rpc->result, rpc->error);
}

static int on_cancelled(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc)
{
	struct call *c = mw_call_find(s, at->conv, NULL, at->s2c, rpc->request_id, NULL);

	/* it comes in an exchange of its own */
	if (!c && at->conv->scoped && !at->s2c)
		c = mw_call_find_only(s, at->conv, false, rpc->request_id, NULL);
	if (!c || c->shadow || c->pub.cancelled)
		return 0;
	c->pub.cancelled = true;
	c->cancelled_ns = s->now_ns;
	s->n_cancelled++;
	return 0;
}

static int on_notice(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc)
{
	struct mw_sess_event *ev;
	int r = 0;

	if (rpc->request_id.n && mw_json_str_eq(rpc->method, "notifications/cancelled"))
		r = on_cancelled(s, at, rpc);
	if (r < 0 || mw_relay_again(s, at, rpc))
		return r;
	r = mw_sess_release_conv(s, at->conv);
	if (r == 0)
		r = mw_task_said(s, at, NULL, rpc);
	if (r < 0)
		return r;
	ev = mw_sess_say(s, MW_SESS_NOTICE);
	if (!ev)
		return -ENOMEM;
	ev->server = at->conv->server;
	ev->s2c = at->s2c;
	ev->rpc = *rpc;
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

int mw_sess_say_odd(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		    struct call *c)
{
	return m->odd ? mw_sess_say_anomaly(s, m->odd, at, m->bytes, m->len, c) : 0;
}

static int say_oddities(struct mw_session *s, const struct mw_msg *m, const struct slot *sl,
			struct call *c)
{
	size_t i;
	int r = mw_sess_say_odd(s, &sl->at, m, c);

	if (r == 0 && sl->error)
		r = mw_sess_say_anomaly(s, m->cut ? "too_long" : error_name(sl->error), &sl->at,
					m->bytes, m->len, NULL);
	for (i = 0; i < sizeof(odd_json) / sizeof(*odd_json) && r == 0; i++)
		if (sl->json_flags & odd_json[i].flag)
			r = mw_sess_say_anomaly(s, odd_json[i].what, &sl->at, m->bytes, m->len, c);
	if (r == 0 && m->differs)
		r = mw_sess_say_anomaly(s, "ends.differ", &sl->at, m->bytes, m->len, c);
	return r;
}

static void note_client(struct call *c, const struct place *at, const struct mw_msg *m)
{
	const struct conn *cn = at->x && mw_is_http(m) ? at->x->conn : NULL;

	c->pub.client = cn && !mw_prockey_none(cn->client) ? cn->client : at->conv->client;
	if (!cn && at->s2c && m->seen[MW_END_READ].seen) /* it may go past a relay */
		c->pub.client = m->seen[MW_END_READ].proc;
	memset(&c->pub.client_addr, 0, sizeof(c->pub.client_addr));
	if (mw_prockey_none(c->pub.client))
		c->pub.client_addr = cn ? cn->from : at->conv->client_addr;
	if (cn)
		c->pub.client_end = cn->from;
}

static int settle_request(struct mw_session *s, const struct place *at, const struct mw_msg *m,
			  struct call *c, const struct mw_rpc *rpc)
{
	const struct mw_sight *read = &m->seen[MW_END_READ];
	int r = 0;

	note_client(c, at, m);
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
	}
	if (r == 0 && c->pub.server && !c->pub.s2c)
		r = mw_server_learn_client(s, c->pub.server, rpc);
	if (r == 0)
		r = mw_sess_settle_request(s, c, mw_call_args_of(rpc));
	return r;
}

static int settle_item(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		       struct item *it, const struct mw_rpc *rpc)
{
	const struct mw_sight *read = &m->seen[MW_END_READ];
	struct call *c = it->call;
	int r = 0;

	if (rpc->kind == MW_RPC_RESPONSE)
		return mw_sess_on_answer(s, at, m, it, rpc);
	if (rpc->kind == MW_RPC_NOTIFICATION)
		return on_notice(s, at, rpc);
	if (!c)
		return 0;
	mw_note_sight(c, m, false);
	if (c->shadow) {
		mark(c, m);
		c->pub.settled = true;
		if (at->conv->server && !at->s2c)
			r = mw_server_learn_client(s, at->conv->server, rpc);
		return r < 0 ? r : mw_relay_read(s, c, m);
	}
	if (c->pub.n_rounds > 1) { /* the request was said with its first round */
		mark(c, m);
		if (c->pub.sent && read->seen) {
			c->pub.sent = false;
			r = mw_sess_say_call(s, MW_SESS_READ, c);
		}
	} else {
		r = settle_request(s, at, m, c, rpc);
	}
	if (r == 0 && c->pub.id_reused)
		r = mw_sess_say_anomaly(s, "id.reused", at, rpc->id, rpc->id.n, c);
	if (r == 0 && at->x && mw_is_http(m) && rpc->method.n && !at->s2c &&
	    !mw_xchg_says(s, at->x, rpc))
		r = mw_sess_say_anomaly(s, "http.header_mismatch", at, rpc->method, rpc->method.n,
					c);
	return r;
}

int mw_sess_on_settled(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct slot *sl)
{
	struct call *first = NULL;
	struct mw_sess_event *ev;
	struct item *it;
	int r = 0;

	if (mw_is_http(m))
		r = mw_sess_http_settled(s, sl, m);
	if (r < 0 || !sl->at.conv || m->kind != MW_FRAME_IS_MESSAGE)
		return r;
	if (sc->kept[0] && !sc->kept[1])
		r = mw_sess_keep(s, sc);
	if (r == 0)
		r = mw_sess_note_peers(s, &sl->at, m);
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
		r = say_oddities(s, m, sl, first);
	for (it = sl->items; it && r == 0; it = it->next) {
		struct mw_rpc rpc = rpc_at(it, m->bytes.n ? m->bytes.p : NULL);

		r = settle_item(s, &sl->at, m, it, &rpc);
	}
	return r;
}
