/* SPDX-License-Identifier: Apache-2.0 */
/* session_conv.c - conversations: found, counted, ended; and whose they are */
#include <errno.h>

#include "core/session_priv.h"

struct conv *mw_conv_get(struct conv *cv)
{
	cv->refs++;
	return cv;
}

static void client_put(struct mw_session *s, struct mw_prockey key)
{
	struct client *c = mw_table_get(s->clients, &key);

	if (!c || --c->n)
		return;
	(void)mw_table_remove(s->clients, &key);
	mw_alloc_free(s->a, c, sizeof(*c));
}

static void set_server(struct mw_session *s, struct conv *cv, struct mw_server *sv);

void mw_conv_put(struct mw_session *s, struct conv *cv)
{
	if (!cv || --cv->refs)
		return;
	set_server(s, cv, NULL);
	if (!mw_prockey_none(cv->client))
		client_put(s, cv->client);
	mw_alloc_free(s->a, cv, sizeof(*cv));
}

static void conv_used(struct mw_session *s, struct conv *cv)
{
	if (cv->over || s->convs.prev == &cv->all)
		return;
	dl_del(&cv->all);
	dl_add(&s->convs, &cv->all);
}

static void leave(struct mw_session *s, struct conv *cv)
{
	if (cv->over)
		return;
	cv->over = true;
	if (cv->keyed)
		(void)mw_table_remove(s->conv_by_key, cv->key);
	cv->keyed = false;
	dl_del(&cv->all);
	dl_del(&cv->lacking);
	dl_del(&cv->ending);
	s->n_convs--;
	mw_relay_conv_gone(s, cv);
	mw_conv_put(s, cv);
}

/* `all`: also those whose answer was seen and waits for its other copy. */
static int end_calls(struct mw_session *s, struct conv *cv, uint64_t end_ns,
		     enum mw_call_status status, bool all)
{
	struct dl *l, *next;
	int r = 0;

	for (l = cv->calls.next; l != &cv->calls && r == 0; l = next) {
		struct call *c = MW_OF(l, struct call, in_conv);

		next = l->next;
		if (c->answers && !all)
			continue;
		if (!c->pub.answered)
			c->pub.end_ns = end_ns;
		r = mw_sess_close_call(s, c, status);
	}
	return r;
}

int mw_conv_over(struct mw_session *s, struct conv *cv, uint64_t end_ns, enum mw_call_status status)
{
	struct mw_chan *chan[2] = { cv->c2s, cv->s2c };
	int i, r, left;

	mw_conv_get(cv);
	r = end_calls(s, cv, end_ns, status, true);
	left = mw_sess_early_leave(s, cv);
	cv->c2s = cv->s2c = NULL;
	for (i = 0; i < 2; i++) {
		struct sess_chan *sc = chan[i] ? chan[i]->session : NULL;

		if (!sc || sc->conv != cv)
			continue;
		sc->conv = NULL;
		sc->seen_bytes = sc->junk_bytes = sc->early_gap = 0;
		mw_conv_put(s, cv);
	}
	leave(s, cv);
	mw_conv_put(s, cv);
	return r < 0 ? r : left;
}

void mw_conv_free_all(struct mw_session *s)
{
	while (!dl_empty(&s->convs))
		leave(s, MW_OF(s->convs.next, struct conv, all));
}

struct conv *mw_conv_new(struct mw_session *s, enum mw_transport t)
{
	struct conv *cv;

	while (s->n_convs >= MW_SESSION_CONVS_MAX) {
		cv = MW_OF(s->convs.next, struct conv, all);
		if ((!dl_empty(&cv->calls) && mw_sess_say_gap(s, cv, false, 0, MW_GAP_LIMIT) < 0) ||
		    mw_conv_over(s, cv, s->now_ns, MW_CALL_LOST) < 0)
			return NULL;
	}
	cv = mw_alloc_zero(s->a, sizeof(*cv));
	if (!cv)
		return NULL;
	cv->id = ++s->last_conv;
	cv->refs = 1;
	cv->transport = t;
	dl_init(&cv->lacking);
	dl_init(&cv->ending);
	dl_init(&cv->calls);
	dl_init(&cv->downs);
	dl_init(&cv->down_of);
	dl_init(&cv->all);
	dl_add(&s->convs, &cv->all);
	s->n_convs++;
	return cv;
}

struct conv *mw_conv_at(struct mw_session *s, const uint64_t key[2], enum mw_transport t, bool make)
{
	struct conv *cv = mw_table_get(s->conv_by_key, key);

	if (cv || !make)
		return cv;
	cv = mw_conv_new(s, t);
	if (!cv)
		return NULL;
	cv->key[0] = key[0];
	cv->key[1] = key[1];
	if (mw_table_put(s->conv_by_key, key, cv) < 0) {
		leave(s, cv);
		return NULL;
	}
	cv->keyed = true;
	return cv;
}

static void set_server(struct mw_session *s, struct conv *cv, struct mw_server *sv)
{
	(void)s;
	if (cv->server == sv)
		return;
	if (cv->server)
		mw_serv(cv->server)->refs--;
	cv->server = sv;
	if (sv)
		mw_serv(sv)->refs++;
	cv->server_exit_ns = 0;
}

/* 0, -ENOMEM: its end would not be noticed. */
static int set_client(struct mw_session *s, struct conv *cv, struct mw_prockey client)
{
	struct client *c = mw_table_get(s->clients, &client);
	int r;

	if (!c) {
		c = mw_alloc_zero(s->a, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->key = client;
		r = mw_table_put(s->clients, &client, c);
		if (r < 0) {
			mw_alloc_free(s->a, c, sizeof(*c));
			return -ENOMEM;
		}
	}
	c->n++;
	if (!mw_prockey_none(cv->client))
		client_put(s, cv->client);
	cv->client = client;
	cv->client_exit_ns = 0;
	return 0;
}

static struct mw_addr addr_of(const struct place *at, const struct mw_msg *m)
{
	if (mw_is_http(m) && at->x && at->x->conn)
		return at->x->conn->addr;
	return at->s2c ? m->chan->src : m->chan->dst;
}

/* What is open in it is its server's. */
static int server_found(struct mw_session *s, const struct place *at, bool http,
			struct mw_server *sv)
{
	struct dl *head = http ? &at->x->calls : &at->conv->calls, *l, *next;
	int r = 0;

	for (l = head->next; l != head && r == 0; l = next) {
		struct call *c =
		    http ? MW_OF(l, struct call, in_x) : MW_OF(l, struct call, in_conv);

		next = l->next;
		if (!c->shadow && !c->last)
			r = mw_sess_move_call(s, c, sv);
	}
	return r;
}

static int note_server(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		       bool *learned)
{
	const struct mw_sight *srv = mw_server_sight(m, at->s2c);
	const bool http = mw_is_http(m) && at->x;
	const struct mw_addr addr = addr_of(at, m);
	struct mw_server *sv = at->conv->server;

	if (srv->seen &&
	    (!sv || mw_prockey_none(sv->proc) || (http && !mw_prockey_eq(sv->proc, srv->proc))))
		sv = mw_server_of(s, srv->proc, &addr);
	else if (!sv && m->state == MW_MSG_SETTLED)
		sv = mw_server_of(s, (struct mw_prockey){ 0 }, &addr);
	else if (!sv && http)
		sv = mw_server_at(s, &addr);
	else if (!http)
		return 0;
	if (!sv)
		return srv->seen || m->state == MW_MSG_SETTLED ? -ENOMEM : 0;
	if (sv != at->conv->server) {
		*learned = true;
		set_server(s, at->conv, sv);
		if (!sv->transport) {
			sv->transport = at->conv->transport;
			sv->chan_kind = m->chan->kind;
		}
	}
	return server_found(s, at, http, sv);
}

int mw_sess_note_peers(struct mw_session *s, const struct place *at, const struct mw_msg *m)
{
	const struct mw_sight *cli = mw_client_sight(m, at->s2c);
	const bool http = mw_is_http(m) && at->x;
	struct mw_prockey client = cli->seen ? cli->proc : (struct mw_prockey){ 0 };
	struct conv *cv = at->conv;
	bool learned = false;
	int r = 0;

	conv_used(s, cv);
	cv->read_seen |= !at->s2c && m->seen[MW_END_READ].seen;
	if (!mw_prockey_none(client) &&
	    (mw_prockey_none(cv->client) || (http && !mw_prockey_eq(cv->client, client)))) {
		r = set_client(s, cv, client);
		learned = true;
	}
	if (mw_prockey_none(cv->client))
		cv->client_addr = at->s2c ? m->chan->dst : m->chan->src;
	if (r == 0)
		r = note_server(s, at, m, &learned);
	if (r < 0)
		return r;
	if (cv->server && mw_prockey_none(cv->server->client))
		cv->server->client = cv->client;
	if (cv->server)
		r = mw_sess_control_server(s, cv->server);
	if (r == 0 && !at->s2c && m->one_sided && !cli->seen) {
		/* then it will not be seen to read either */
		r = mw_sess_control_client(s, m->chan->session, cv->server);
		if (!http && !cv->client_unseen) {
			cv->client_unseen = true;
			if (cv->s2c)
				mw_ends_alone(s->cfg.ends, cv->s2c);
		}
		if (http && at->x->conn && !at->x->conn->client_unseen) {
			at->x->conn->client_unseen = true;
			if (at->x->conn->chan[1])
				mw_ends_alone(s->cfg.ends, at->x->conn->chan[1]);
		}
	}
	return r == 0 && learned && !http ? mw_sess_revive(s) : r;
}

int mw_conv_tick(struct mw_session *s, bool last)
{
	struct dl *head = last ? &s->convs : &s->ending, *l, *next;
	uint64_t end;
	int r = 0;

	for (l = head->next; l != head && r == 0; l = next) {
		struct conv *cv = last ? MW_OF(l, struct conv, all) : MW_OF(l, struct conv, ending);

		next = l->next;
		end = mw_relay_exit_ns(cv);
		if (!last && !end) { /* another process of it goes on */
			if (!cv->server_exit_ns && !cv->client_exit_ns)
				dl_del(&cv->ending);
			continue;
		}
		if (!last && s->now_ns < end + MW_SESSION_EXIT_NS)
			continue;
		if (!last && s->now_ns >= end + MW_SESSION_LINGER_NS)
			r = mw_conv_over(s, cv, end, MW_CALL_NO_RESPONSE);
		else
			r = end_calls(s, cv, end ? end : s->now_ns,
				      end ? MW_CALL_NO_RESPONSE : MW_CALL_LOST, last);
	}
	return r;
}
