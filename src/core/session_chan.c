/* SPDX-License-Identifier: Apache-2.0 */
/* session_chan.c - recognition: which conversation a channel belongs to, and who speaks in it */
#include <errno.h>

#include "core/session_priv.h"

static int join(struct mw_session *s, struct mw_chan *chan, struct sess_chan *sc, struct conv *cv,
		bool s2c)
{
	struct mw_sess_event *ev;
	struct call *c;
	int r;

	sc->conv = cv;
	sc->s2c = s2c;
	if (s2c)
		cv->s2c = chan;
	else
		cv->c2s = chan;
	mw_ends_trust(s->cfg.ends, chan, s2c ? MW_END_READ : MW_END_WRITE);
	if (s2c && cv->client_unseen)
		mw_ends_alone(s->cfg.ends, chan);
	r = mw_sess_say_control(s, MW_CONTROL_CHAN_KEEP, chan);
	if (r == 0 && sc->junk_bytes)
		r = mw_sess_say_anomaly(s, "line.before", sc, mw_slice(NULL, 0), sc->junk_bytes,
					NULL);
	if (r < 0 || !sc->early_gap)
		return r;
	for (c = s->calls; c; c = c->next)
		c->pub.incomplete |= c->conv == cv;
	ev = mw_sess_say(s, MW_SESS_GAP);
	if (!ev)
		return -ENOMEM;
	ev->gap_bytes = sc->early_gap;
	ev->reason = MW_GAP_LOST;
	ev->ts_ns = sc->early_gap_ns;
	ev->s2c = s2c;
	return 0;
}

static struct conv *conv_new(struct mw_session *s)
{
	struct conv *cv = mw_alloc_zero(s->a, sizeof(*cv));

	if (!cv)
		return NULL;
	cv->id = ++s->last_conv;
	cv->next = s->convs;
	s->convs = cv;
	return cv;
}

void mw_sess_conv_free(struct mw_session *s, struct conv *cv)
{
	struct conv **at = &s->convs;

	while (*at != cv)
		at = &(*at)->next;
	*at = cv->next;
	mw_alloc_free(s->a, cv, sizeof(*cv));
}

static bool may_be(struct mw_prockey known, struct mw_prockey seen)
{
	return mw_prockey_none(known) || mw_prockey_none(seen) || mw_prockey_eq(known, seen);
}

static bool is_tcp(const struct mw_chan *c)
{
	return c && c->src.family && c->dst.family;
}

static bool same_addr(const struct mw_addr *a, const struct mw_addr *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/*
 * The conversation whose other channel this is: its two processes, as far as each is known, are
 * these, its connection is this one the other way round, and if the message is an answer, its id is
 * open there. Of several the one that fits by process. If more than one fits as well and only one
 * end of this channel has been seen: none yet, the other end will tell.
 */
static struct conv *conv_for(struct mw_session *s, const struct mw_chan *chan, bool s2c,
			     const struct mw_rpc *rpc)
{
	struct mw_prockey w = chan->last[MW_END_WRITE], r = chan->last[MW_END_READ];
	struct mw_prockey server = s2c ? w : r, client = s2c ? r : w;
	struct conv *cv, *best = NULL;
	int best_score = 1;
	bool sure = false;

	for (cv = s->convs; cv; cv = cv->next) {
		struct mw_prockey srv = cv->server ? cv->server->proc : (struct mw_prockey){ 0 };
		const struct mw_chan *back = s2c ? cv->c2s : cv->s2c;
		int score = 1;

		if (s2c ? cv->s2c != NULL : cv->c2s != NULL)
			continue;
		if (!may_be(srv, server) || !may_be(cv->client, client))
			continue;
		if (is_tcp(chan) && is_tcp(back)) {
			if (!same_addr(&chan->src, &back->dst) ||
			    !same_addr(&chan->dst, &back->src))
				continue;
			score += 8;
		}
		if (rpc->kind == MW_RPC_RESPONSE) {
			if (!mw_call_find(s, cv, !s2c, rpc->id, NULL))
				continue;
			score++;
		}
		if (!mw_prockey_none(srv) && mw_prockey_eq(srv, server))
			score += 4;
		if (!mw_prockey_none(cv->client) && mw_prockey_eq(cv->client, client))
			score += 2;
		sure = score == best_score ? false : score > best_score ? true : sure;
		if (score > best_score) {
			best = cv;
			best_score = score;
		}
	}
	return sure || (!mw_prockey_none(server) && !mw_prockey_none(client)) ? best : NULL;
}

int mw_sess_recognise(struct mw_session *s, struct mw_chan *chan, struct sess_chan *sc,
		      const struct mw_rpc *rpc)
{
	enum mw_rpc_sender sender = MW_RPC_SENDER_UNKNOWN;
	struct conv *cv;

	if (rpc->kind == MW_RPC_RESPONSE) {
		cv = conv_for(s, chan, true, rpc);
		return cv ? join(s, chan, sc, cv, true) : 0;
	}
	sender = mw_rpc_method_sender(rpc->method);
	if (sender == MW_RPC_SENDER_UNKNOWN && rpc->mcp_meta)
		sender = MW_RPC_SENDER_CLIENT;
	if (sender == MW_RPC_SENDER_UNKNOWN)
		return 0;
	if (sender != MW_RPC_SENDER_CLIENT) {
		cv = conv_for(s, chan, true, rpc);
		if (cv)
			return join(s, chan, sc, cv, true);
	}
	cv = conv_for(s, chan, sender == MW_RPC_SENDER_SERVER, rpc);
	if (!cv)
		cv = conv_new(s);
	if (!cv)
		return -ENOMEM;
	return join(s, chan, sc, cv, sender == MW_RPC_SENDER_SERVER);
}

/* The processes of a conversation become known as their ends are seen. */
bool mw_sess_relates(const struct mw_session *s, const struct mw_chan *chan)
{
	const struct conv *cv;
	int i;

	for (cv = s->convs; cv; cv = cv->next) {
		if (cv->c2s && cv->s2c)
			continue;
		for (i = 0; i < 2; i++)
			if (!mw_prockey_none(chan->last[i]) &&
			    (mw_prockey_eq(chan->last[i], cv->client) ||
			     (cv->server && mw_prockey_eq(chan->last[i], cv->server->proc))))
				return true;
	}
	return false;
}

/* Channels that were let go before anyone knew whose they are. */
static int revive(struct mw_session *s)
{
	struct sess_chan *sc;
	int r = 0;

	for (sc = s->chans; sc && r == 0; sc = sc->next) {
		if (!sc->no_mcp || !mw_sess_relates(s, sc->chan))
			continue;
		sc->no_mcp = false;
		mw_ends_revive(s->cfg.ends, sc->chan);
		r = mw_sess_say_control(s, MW_CONTROL_CHAN_KEEP, sc->chan);
	}
	return r;
}

int mw_sess_note_peers(struct mw_session *s, struct conv *cv, const struct mw_msg *m, bool s2c)
{
	const struct mw_sight *srv = &m->seen[s2c ? MW_END_WRITE : MW_END_READ];
	const struct mw_sight *cli = &m->seen[s2c ? MW_END_READ : MW_END_WRITE];
	struct mw_server *sv;
	bool learned = false;
	struct call *c;

	cv->read_seen |= !s2c && srv->seen;
	if (cli->seen && mw_prockey_none(cv->client)) {
		cv->client = cli->proc;
		learned = true;
	}
	if ((!cv->server && m->state == MW_MSG_SETTLED) ||
	    (srv->seen && (!cv->server || mw_prockey_none(cv->server->proc)))) {
		sv = mw_server_of(s, srv->seen ? srv->proc : (struct mw_prockey){ 0 });
		if (!sv)
			return -ENOMEM;
		cv->server = sv;
		learned = true;
		sv->chan_kind = m->chan->kind;
		for (c = s->calls; c; c = c->next)
			if (c->conv == cv)
				c->pub.server = cv->server;
	}
	if (cv->server && mw_prockey_none(cv->server->client))
		cv->server->client = cv->client;
	if (!s2c && m->one_sided && !cli->seen && !cv->client_unseen) {
		/* then it will not be seen to read either */
		cv->client_unseen = true;
		if (cv->s2c)
			mw_ends_alone(s->cfg.ends, cv->s2c);
	}
	return learned ? revive(s) : 0;
}
