/* SPDX-License-Identifier: Apache-2.0 */
/* session_life.c - the session's beginning and end, its queue, and calls that end without an answer
 */
#include <errno.h>

#include "core/session_priv.h"

#define QUEUE_MAX    65536
#define TICK_STEP_NS 20000000ull

int mw_session_new(const struct mw_session_config *cfg, struct mw_session **ret)
{
	struct mw_session *s = mw_alloc_zero(cfg->alloc, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->a = cfg->alloc;
	r = mw_table_new(s->a, sizeof(uint64_t[3]), cfg->calls_max, &s->by_key);
	if (r == 0)
		r = mw_table_new(s->a, sizeof(struct mw_prockey), cfg->servers_max, &s->servers);
	if (r < 0) {
		mw_session_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mw_session_free(struct mw_session *s)
{
	struct sess_chan *sc, *sc_next;
	struct conv *cv, *next;

	if (!s)
		return;
	while (s->calls)
		mw_call_retire(s, s->calls);
	mw_call_free_gone(s);
	mw_sess_early_free(s, true);
	for (cv = s->convs; cv; cv = next) {
		next = cv->next;
		mw_alloc_free(s->a, cv, sizeof(*cv));
	}
	while (s->slots)
		mw_sess_slot_free(s, s->slots);
	for (sc = s->chans; sc; sc = sc_next) {
		sc_next = sc->next;
		mw_alloc_free(s->a, sc, sizeof(*sc));
	}
	mw_server_free_all(s);
	mw_table_free(s->by_key);
	mw_table_free(s->servers);
	mw_alloc_free(s->a, s->queue, s->q_cap * sizeof(*s->queue));
	mw_alloc_free(s->a, s, sizeof(*s));
}

/* A place at the end of the queue, or NULL: the caller's event is lost and it must say so. */
struct mw_sess_event *mw_sess_say(struct mw_session *s, enum mw_sess_kind kind)
{
	struct mw_sess_event *ev;

	if (s->q_len == s->q_cap) {
		size_t cap = s->q_cap ? s->q_cap * 2 : 64;
		void *p;

		if (cap > QUEUE_MAX)
			return NULL;
		p = s->a->resize(s->a->ctx, s->queue, s->q_cap * sizeof(*ev), cap * sizeof(*ev));
		if (!p)
			return NULL;
		s->queue = p;
		s->q_cap = cap;
	}
	ev = &s->queue[s->q_len++];
	*ev = (struct mw_sess_event){ .kind = kind, .ts_ns = s->now_ns };
	return ev;
}

int mw_sess_say_call(struct mw_session *s, enum mw_sess_kind kind, struct call *c)
{
	struct mw_sess_event *ev = mw_sess_say(s, kind);

	if (!ev)
		return -ENOMEM;
	ev->call = &c->pub;
	ev->server = c->pub.server;
	ev->s2c = c->pub.s2c;
	ev->args = c->pub.args;
	return 0;
}

int mw_sess_say_anomaly(struct mw_session *s, const char *what, const struct sess_chan *sc,
			struct mw_slice bytes, uint64_t n, struct call *c)
{
	struct mw_sess_event *ev = mw_sess_say(s, MW_SESS_ANOMALY);

	if (!ev)
		return -ENOMEM;
	ev->what = what;
	ev->s2c = sc && sc->s2c;
	ev->bytes = bytes;
	ev->bytes_n = n;
	ev->server = sc && sc->conv ? sc->conv->server : NULL;
	ev->call = c ? &c->pub : NULL;
	return 0;
}

int mw_sess_say_control(struct mw_session *s, enum mw_control_kind kind, const struct mw_chan *chan)
{
	struct mw_sess_event *ev = mw_sess_say(s, MW_SESS_CONTROL);

	if (!ev)
		return -ENOMEM;
	ev->control = (struct mw_control){ kind, chan->chan, chan->gen };
	if (!chan->chan2)
		return 0;
	ev = mw_sess_say(s, MW_SESS_CONTROL);
	if (!ev)
		return -ENOMEM;
	ev->control = (struct mw_control){ kind, chan->chan2, chan->gen2 };
	return 0;
}

int mw_sess_say_gap(struct mw_session *s, const struct conv *cv, bool s2c, uint64_t bytes,
		    enum mw_gap_reason reason)
{
	struct mw_sess_event *ev = mw_sess_say(s, MW_SESS_GAP);

	if (!ev)
		return -ENOMEM;
	ev->server = cv->server;
	ev->s2c = s2c;
	ev->gap_bytes = bytes;
	ev->reason = reason;
	return 0;
}

int mw_sess_open_call(struct mw_session *s, struct call *c)
{
	int r;

	if (c->pub.opened)
		return 0;
	r = mw_sess_say_call(s, MW_SESS_OPEN, c);
	c->pub.opened = r == 0;
	return r;
}

int mw_sess_settle_request(struct mw_session *s, struct call *c, struct mw_slice args)
{
	struct mw_sess_event *ev;
	int r;

	if (c->pub.settled)
		return 0;
	r = mw_sess_open_call(s, c);
	if (r == 0)
		r = mw_sess_say_call(s, MW_SESS_REQUEST, c);
	if (r < 0)
		return r;
	c->pub.settled = true;
	ev = &s->queue[s->q_len - 1];
	if (args.n)
		ev->args = args;
	return 0;
}

int mw_sess_end_call(struct mw_session *s, struct call *c, enum mw_call_status status,
		     const struct mw_rpc *answer)
{
	struct mw_sess_event *ev;
	int r;

	if (!c->pub.settled) {
		/* answered before its other copy came, or never seen at the other end */
		c->pub.one_sided = true;
		if (c->conv->c2s && !c->pub.s2c)
			mw_ends_alone(s->cfg.ends, c->conv->c2s);
		r = mw_sess_settle_request(s, c, mw_slice(NULL, 0));
		if (r < 0)
			return r;
	}
	if (!c->pub.answered) {
		r = mw_sess_say_call(s, MW_SESS_ANSWERED, c);
		if (r < 0)
			return r;
		c->pub.answered = true;
	}
	c->pub.status = status;
	r = mw_sess_say_call(s, MW_SESS_CALL, c);
	if (r < 0)
		return r;
	ev = &s->queue[s->q_len - 1];
	if (answer) {
		ev->result = answer->result;
		ev->error = answer->error;
	}
	mw_call_retire(s, c);
	return 0;
}

void mw_session_exit(struct mw_session *s, struct mw_prockey proc, uint64_t ts_ns)
{
	struct conv *cv;

	for (cv = s->convs; cv; cv = cv->next) {
		if (cv->server && mw_prockey_eq(cv->server->proc, proc) && !cv->server_exit_ns)
			cv->server_exit_ns = ts_ns;
		if (mw_prockey_eq(cv->client, proc) && !cv->client_exit_ns)
			cv->client_exit_ns = ts_ns;
	}
}

/* Calls of a conversation whose server or client has ended get no answer any more. */
static int end_calls(struct mw_session *s, struct conv *cv, uint64_t end_ns,
		     enum mw_call_status status)
{
	struct call *c, *next;
	int r = 0;

	for (c = cv->n_calls ? s->calls : NULL; c && r == 0; c = next) {
		next = c->next;
		if (c->conv != cv)
			continue;
		if (!c->pub.answered)
			c->pub.end_ns = end_ns;
		r = mw_sess_end_call(s, c, c->pub.cancelled ? MW_CALL_CANCELLED : status, NULL);
	}
	return r;
}

static int say_gone(struct mw_session *s, struct mw_server *sv)
{
	struct mw_sess_event *ev;

	if (!sv || !sv->said || sv->gone)
		return 0;
	ev = mw_sess_say(s, MW_SESS_SERVER_GONE);
	if (!ev)
		return -ENOMEM;
	sv->gone = true;
	ev->server = sv;
	return 0;
}

static int end_convs(struct mw_session *s, bool last)
{
	struct conv *cv;
	uint64_t end;
	int r;

	for (cv = s->convs; cv; cv = cv->next) {
		end = cv->server_exit_ns ? cv->server_exit_ns : cv->client_exit_ns;
		if (!last && (!end || s->now_ns < end + MW_SESSION_EXIT_NS))
			continue;
		r = end_calls(s, cv, end ? end : s->now_ns,
			      end ? MW_CALL_NO_RESPONSE : MW_CALL_LOST);
		if (r == 0 && cv->server_exit_ns)
			r = say_gone(s, cv->server);
		if (r < 0)
			return r;
	}
	return 0;
}

int mw_session_tick(struct mw_session *s, uint64_t now_ns)
{
	struct call *c, *next;
	int r;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	if (now_ns < s->ticked_ns + TICK_STEP_NS)
		return 0;
	s->ticked_ns = now_ns;
	for (c = s->calls; c; c = next) {
		next = c->next;
		if (!c->pub.cancelled || c->answers ||
		    now_ns < c->cancelled_ns + MW_SESSION_CANCEL_NS)
			continue;
		c->pub.end_ns = c->cancelled_ns;
		r = mw_sess_end_call(s, c, MW_CALL_CANCELLED, NULL);
		if (r < 0)
			return r;
	}
	r = mw_sess_early_tick(s, false);
	return r < 0 ? r : end_convs(s, false);
}

int mw_session_finish(struct mw_session *s, uint64_t now_ns)
{
	int r;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	r = mw_sess_early_tick(s, true);
	return r < 0 ? r : end_convs(s, true);
}

int mw_session_next(struct mw_session *s, struct mw_sess_event *ret)
{
	if (s->q_pos == s->q_len) {
		s->q_pos = s->q_len = 0;
		mw_call_free_gone(s);
		mw_sess_early_free(s, false);
		return 0;
	}
	*ret = s->queue[s->q_pos++];
	return 1;
}

size_t mw_session_open_calls(const struct mw_session *s, const struct mw_server *server,
			     uint64_t *ids, size_t max)
{
	const struct call *c;
	size_t n = 0;

	for (c = s->calls; c; c = c->next)
		if (c->pub.server == server) {
			if (n < max)
				ids[n] = c->pub.id;
			n++;
		}
	return n;
}

const struct mw_server *mw_session_server(const struct mw_session *s, struct mw_prockey proc)
{
	return mw_table_get(s->servers, &proc);
}
