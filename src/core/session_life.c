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
	size_t i;
	int r = 0;

	if (!s)
		return -ENOMEM;
	struct dl *const lists[] = { &s->gone_calls, &s->convs,	  &s->lacking, &s->ending,
				     &s->conns,	     &s->closing, &s->slots,   &s->chans,
				     &s->calls,	     &s->held,	  &s->waiting, &s->exiting };
	const struct {
		struct mw_table **table;
		size_t key_len, max;
	} tables[] = {
		{ &s->by_key, sizeof(uint64_t[3]), cfg->calls_max },
		{ &s->by_wait, sizeof(uint64_t[2]), cfg->calls_max },
		{ &s->conv_by_key, sizeof(uint64_t[2]), MW_SESSION_CONVS_MAX },
		{ &s->servers, sizeof(struct mw_prockey), cfg->servers_max },
		{ &s->addrs, sizeof(uint64_t[3]), cfg->servers_max },
		{ &s->clients, sizeof(struct mw_prockey), MW_SESSION_CONVS_MAX },
	};

	s->cfg = *cfg;
	s->a = cfg->alloc;
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		dl_init(lists[i]);
	for (i = 0; i < sizeof(tables) / sizeof(*tables) && r == 0; i++)
		r = mw_table_new(s->a, tables[i].key_len, tables[i].max, tables[i].table);
	if (r < 0) {
		mw_session_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mw_session_free(struct mw_session *s)
{
	if (!s)
		return;
	while (!dl_empty(&s->calls))
		mw_call_retire(s, MW_OF(s->calls.next, struct call, all));
	mw_call_free_gone(s);
	mw_sess_early_free(s, true);
	while (!dl_empty(&s->slots))
		mw_sess_slot_free(s, MW_OF(s->slots.next, struct slot, all));
	mw_sess_http_free_all(s);
	while (!dl_empty(&s->chans)) {
		struct sess_chan *sc = MW_OF(s->chans.next, struct sess_chan, all);

		dl_del(&sc->all);
		mw_conv_put(s, sc->conv);
		mw_alloc_free(s->a, sc, sizeof(*sc));
	}
	mw_conv_free_all(s);
	mw_server_free_all(s);
	mw_table_free(s->by_key);
	mw_table_free(s->by_wait);
	mw_table_free(s->conv_by_key);
	mw_table_free(s->servers);
	mw_table_free(s->addrs);
	mw_table_free(s->clients);
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

int mw_sess_say_anomaly(struct mw_session *s, const char *what, const struct place *at,
			struct mw_slice bytes, uint64_t n, struct call *c)
{
	struct mw_sess_event *ev = mw_sess_say(s, MW_SESS_ANOMALY);

	if (!ev)
		return -ENOMEM;
	if (c && c->shadow)
		c = c->lead;
	ev->what = what;
	ev->s2c = at && at->s2c;
	ev->bytes = bytes;
	ev->bytes_n = n;
	ev->server = at && at->conv ? at->conv->server : NULL;
	ev->call = c ? &c->pub : NULL;
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

int mw_sess_answered(struct mw_session *s, struct call *c)
{
	int r;

	if (c->pub.answered)
		return 0;
	r = mw_sess_say_call(s, MW_SESS_ANSWERED, c);
	c->pub.answered = r == 0;
	return r;
}

int mw_sess_move_call(struct mw_session *s, struct call *c, struct mw_server *sv)
{
	struct mw_server *was = c->pub.server;

	if (was == sv)
		return 0;
	mw_call_set_server(s, c, sv);
	if (!c->pub.opened || c->pub.answered || !was)
		return 0;
	return mw_sess_say_call(s, MW_SESS_MOVED, c);
}

int mw_sess_settle_request(struct mw_session *s, struct call *c, struct mw_slice args)
{
	int r;

	if (c->pub.settled)
		return 0;
	r = mw_sess_open_call(s, c);
	if (r < 0)
		return r;
	r = mw_sess_say_request(s, c, args);
	c->pub.settled |= r == 0;
	return r;
}

int mw_sess_end_call(struct mw_session *s, struct call *c, enum mw_call_status status,
		     struct mw_slice result, struct mw_slice error)
{
	struct mw_chan *up;
	struct mw_sess_event *ev;
	int r;

	if (c->shadow) {
		mw_call_retire(s, c);
		return 0;
	}
	if (!c->pub.settled) {
		/* answered before its other copy came, or never seen at the other end */
		c->pub.one_sided = true;
		up = c->x ? c->x->conn ? c->x->conn->chan[0] : NULL : c->conv->c2s;
		if (up && !c->pub.s2c)
			mw_ends_alone(s->cfg.ends, up);
		r = mw_sess_settle_request(s, c, mw_slice(NULL, 0));
		if (r < 0)
			return r;
	}
	r = mw_sess_release(s, c);
	if (r == 0 && c->pub.server) /* another one than its request was said with, perhaps */
		r = mw_sess_say_server(s, c->pub.server);
	if (r == 0)
		r = mw_sess_answered(s, c);
	if (r < 0)
		return r;
	c->pub.status = status;
	if (c->x)
		c->pub.http.status = c->x->status;
	if (c->pub.n_rounds && c->pub.n_rounds <= MW_CALL_ROUNDS_MAX)
		c->pub.rounds[c->pub.n_rounds - 1].end_ns = c->pub.end_ns;
	r = mw_sess_say_call(s, MW_SESS_CALL, c);
	if (r < 0)
		return r;
	ev = &s->queue[s->q_len - 1];
	ev->result = result;
	ev->error = error;
	if (result.n || error.n)
		mw_relay_answered(s, c);
	mw_call_retire(s, c);
	return 0;
}

int mw_sess_close_call(struct mw_session *s, struct call *c, enum mw_call_status status)
{
	int r = mw_sess_say_cut(s, c);

	if (r < 0)
		return r;
	if (c->pub.cancelled)
		status = MW_CALL_CANCELLED;
	else if (c->waiting)
		status = MW_CALL_OK;
	return mw_sess_end_call(s, c, status, c->result, mw_slice(NULL, 0));
}

void mw_session_exit(struct mw_session *s, struct mw_prockey proc, uint64_t ts_ns)
{
	struct serv *v = mw_table_get(s->servers, &proc);
	struct dl *l;

	if (v && !v->exit_ns) {
		v->exit_ns = ts_ns;
		dl_add(&s->exiting, &v->exiting);
	}
	if (!v && !mw_table_get(s->clients, &proc))
		return;
	for (l = s->convs.next; l != &s->convs; l = l->next) {
		struct conv *cv = MW_OF(l, struct conv, all);

		if (cv->server && mw_prockey_eq(cv->server->proc, proc) && !cv->server_exit_ns)
			cv->server_exit_ns = ts_ns;
		else if (mw_prockey_eq(cv->client, proc) && !cv->client_exit_ns)
			cv->client_exit_ns = ts_ns;
		else
			continue;
		dl_del(&cv->ending);
		dl_add(&s->ending, &cv->ending);
	}
}

static int say_gone(struct mw_session *s, struct serv *v)
{
	struct mw_sess_event *ev;

	dl_del(&v->exiting);
	if (!v->pub.said || v->pub.gone)
		return 0;
	ev = mw_sess_say(s, MW_SESS_SERVER_GONE);
	if (!ev)
		return -ENOMEM;
	v->pub.gone = true;
	ev->server = &v->pub;
	return 0;
}

static int end_cancelled(struct mw_session *s)
{
	struct dl *l, *next;
	int r = 0;

	for (l = s->calls.next; l != &s->calls && r == 0; l = next) {
		struct call *c = MW_OF(l, struct call, all);

		next = l->next;
		if (!c->pub.cancelled || c->shadow || c->answers ||
		    s->now_ns < c->cancelled_ns + MW_SESSION_CANCEL_NS)
			continue;
		c->pub.end_ns = c->cancelled_ns;
		r = mw_sess_close_call(s, c, MW_CALL_CANCELLED);
	}
	return r;
}

static int sweep(struct mw_session *s, bool last)
{
	struct dl *l, *next;
	int r;

	r = mw_sess_early_tick(s, last);
	if (r == 0)
		r = mw_sess_http_tick(s, last);
	if (r == 0)
		r = mw_conv_tick(s, last);
	for (l = s->exiting.next; l != &s->exiting && r == 0; l = next) {
		struct serv *v = MW_OF(l, struct serv, exiting);

		next = l->next;
		if (last || s->now_ns >= v->exit_ns + MW_SESSION_EXIT_NS)
			r = say_gone(s, v);
	}
	return r;
}

int mw_session_tick(struct mw_session *s, uint64_t now_ns)
{
	int r = 0;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	if (now_ns < s->ticked_ns + TICK_STEP_NS)
		return 0;
	s->ticked_ns = now_ns;
	if (s->n_cancelled)
		r = end_cancelled(s);
	if (r == 0)
		r = mw_sess_hold_tick(s);
	if (r == 0)
		r = mw_round_tick(s);
	return r < 0 ? r : sweep(s, false);
}

int mw_session_finish(struct mw_session *s, uint64_t now_ns)
{
	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	return sweep(s, true);
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
	const struct serv *v = (const struct serv *)server;
	const struct dl *head = server ? &v->calls : &s->calls, *l;
	size_t n = 0;

	for (l = head->next; l != head; l = l->next) {
		const struct call *c =
		    server ? MW_OF(l, struct call, in_serv) : MW_OF(l, struct call, all);

		if (c->shadow || c->pub.server != server)
			continue;
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

static const char *const transports[] = { [MW_TRANSPORT_STDIO] = "stdio",
					  [MW_TRANSPORT_STREAM] = "stream",
					  [MW_TRANSPORT_HTTP] = "http",
					  [MW_TRANSPORT_SSE] = "sse",
					  [MW_TRANSPORT_WEBSOCKET] = "websocket" };

const char *mw_transport_name(enum mw_transport t)
{
	return t >= MW_TRANSPORT_STDIO && t <= MW_TRANSPORT_WEBSOCKET ? transports[t] : "stdio";
}
