/* SPDX-License-Identifier: Apache-2.0 */
/* session_chan.c - recognition: which conversation a channel belongs to, and who speaks in it */
#include <errno.h>

#include "core/path.h"
#include "core/session_priv.h"

int mw_sess_say_early_gap(struct mw_session *s, struct sess_chan *sc, struct conv *cv, bool s2c)
{
	struct mw_sess_event *ev;
	struct dl *l;

	if (!sc->early_gap)
		return 0;
	for (l = cv ? cv->calls.next : NULL; l && l != &cv->calls; l = l->next)
		MW_OF(l, struct call, in_conv)->pub.incomplete = true;
	ev = mw_sess_say(s, MW_SESS_GAP);
	if (!ev)
		return -ENOMEM;
	ev->gap_bytes = sc->early_gap;
	ev->reason = MW_GAP_LOST;
	ev->ts_ns = sc->early_gap_ns;
	ev->s2c = s2c;
	sc->early_gap = 0;
	return 0;
}

static int join(struct mw_session *s, struct sess_chan *sc, struct conv *cv, bool s2c)
{
	struct place at = { .chan = sc->chan, .conv = cv, .s2c = s2c };
	int r;

	sc->conv = mw_conv_get(cv);
	sc->s2c = s2c;
	if (s2c)
		cv->s2c = sc->chan;
	else
		cv->c2s = sc->chan;
	if (cv->c2s && cv->s2c)
		dl_del(&cv->lacking);
	mw_ends_trust(s->cfg.ends, sc->chan, s2c ? MW_END_READ : MW_END_WRITE);
	if (s2c && cv->client_unseen)
		mw_ends_alone(s->cfg.ends, sc->chan);
	r = mw_sess_keep(s, sc);
	if (r == 0 && sc->junk_bytes)
		r = mw_sess_say_anomaly(s, "line.before", &at, mw_slice(NULL, 0), sc->junk_bytes,
					NULL);
	return r < 0 ? r : mw_sess_say_early_gap(s, sc, cv, s2c);
}

static bool may_be(struct mw_prockey known, struct mw_prockey seen)
{
	return mw_prockey_none(known) || mw_prockey_none(seen) || mw_prockey_eq(known, seen);
}

static bool is_tcp(const struct mw_chan *c)
{
	return c && c->src.family && c->dst.family;
}

/*
 * The conversation whose other channel this is: its two processes, as far as each is known, are
 * these, its connection is this one the other way round, and if the message is an answer, its id is
 * open there. Of several the one that fits by process. If more than one fits as well and only one
 * end of this channel has been seen: none yet, the other end will tell.
 *
 * Behind a relay that passes on one way only (cat | server) one of the two is another: the server
 * writes to the first client, or to a relay of the way back. last: the other end will not come.
 */
static struct conv *conv_for(struct mw_session *s, const struct mw_chan *chan, bool s2c,
			     const struct mw_rpc *rpc, bool last)
{
	const bool way_back_of = s2c && (rpc->kind == MW_RPC_RESPONSE ||
					 mw_rpc_method_sender(rpc->method) == MW_RPC_SENDER_SERVER);
	struct mw_prockey w = chan->last[MW_END_WRITE], r = chan->last[MW_END_READ];
	struct mw_prockey server = s2c ? w : r, client = s2c ? r : w;
	const struct sess_chan *way_back = chan->back ? chan->back->session : NULL;
	struct conv *best = NULL;
	int best_score = 1;
	bool sure = false;
	struct dl *l;

	for (l = s->lacking.next; l != &s->lacking; l = l->next) {
		struct conv *cv = MW_OF(l, struct conv, lacking);
		struct mw_prockey srv = cv->server ? cv->server->proc : (struct mw_prockey){ 0 };
		const struct mw_chan *back = s2c ? cv->c2s : cv->s2c;
		bool fits = may_be(srv, server) && may_be(cv->client, client), round = false;
		int score = 1;

		if (s2c ? cv->s2c != NULL : cv->c2s != NULL)
			continue;
		/* first touched after the server's end, by nobody known to be of it: of its next start */
		if (!s2c && mw_prockey_none(server) && cv->server_exit_ns &&
		    chan->gen >= cv->server_exit_ns)
			continue;
		if (!fits && way_back_of)
			fits = round = may_be(srv, server)
					   ? cv->up && mw_prockey_eq(srv, server)
					   : cv->relay && mw_prockey_eq(cv->client, client);
		if (!fits)
			continue;
		if (is_tcp(chan) && is_tcp(back)) {
			if (!mw_addr_same(&chan->src, &back->dst) ||
			    !mw_addr_same(&chan->dst, &back->src))
				continue;
			score += 8;
		}
		if (way_back && way_back->conv == cv && !round)
			score += 8;
		if (rpc->kind == MW_RPC_RESPONSE) {
			if (!mw_call_find(s, cv, NULL, !s2c, rpc->id, NULL))
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
	/* who reads a relay's answers does not say who wrote them */
	if (best && best->relay && s2c && mw_prockey_none(server) && !last)
		return NULL;
	return sure || (!mw_prockey_none(server) && !mw_prockey_none(client)) ? best : NULL;
}

bool mw_sess_is_mcp(const struct mw_rpc *rpc, enum mw_rpc_sender *ret)
{
	*ret = MW_RPC_SENDER_UNKNOWN;
	if (rpc->kind == MW_RPC_RESPONSE)
		return rpc->mcp_meta;
	*ret = mw_rpc_method_sender(rpc->method);
	if (*ret == MW_RPC_SENDER_UNKNOWN && rpc->mcp_meta)
		*ret = MW_RPC_SENDER_CLIENT;
	return *ret != MW_RPC_SENDER_UNKNOWN;
}

static enum mw_transport transport_of(const struct sess_chan *sc, const struct mw_msg *m)
{
	if (m->carrier == MW_CARRIER_WS)
		return MW_TRANSPORT_WEBSOCKET;
	if (sc->conn) /* lines behind an upgrade to something else */
		return MW_TRANSPORT_HTTP;
	return m->chan->kind == MW_CHAN_PIPE || m->chan->kind == MW_CHAN_UNIX ? MW_TRANSPORT_STDIO
									      : MW_TRANSPORT_STREAM;
}

int mw_sess_recognise(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		      const struct mw_rpc *rpc)
{
	const bool last = m->state == MW_MSG_SETTLED;
	enum mw_rpc_sender sender;
	struct conv *cv;

	if (rpc->kind == MW_RPC_RESPONSE) {
		cv = conv_for(s, sc->chan, true, rpc, last);
		return cv ? join(s, sc, cv, true) : 0;
	}
	if (!mw_sess_is_mcp(rpc, &sender))
		return 0;
	if (sender != MW_RPC_SENDER_CLIENT) {
		cv = conv_for(s, sc->chan, true, rpc, last);
		if (cv)
			return join(s, sc, cv, true);
	}
	cv = conv_for(s, sc->chan, sender == MW_RPC_SENDER_SERVER, rpc, last);
	if (!cv) {
		/* it may write so to anybody, before a client writes: who reads it shows which one
		 */
		if (sender == MW_RPC_SENDER_SERVER &&
		    (mw_prockey_none(sc->chan->last[MW_END_READ]) ||
		     mw_prockey_none(sc->chan->last[MW_END_WRITE])))
			return 0;
		cv = mw_conv_new(s, transport_of(sc, m));
		if (!cv)
			return -ENOMEM;
		dl_add(&s->lacking, &cv->lacking);
	}
	return join(s, sc, cv, sender == MW_RPC_SENDER_SERVER);
}

bool mw_sess_relates(const struct mw_session *s, const struct mw_chan *chan)
{
	const struct dl *l;
	int i;

	for (l = s->lacking.next; l != &s->lacking; l = l->next) {
		const struct conv *cv = MW_OF(l, struct conv, lacking);

		for (i = 0; i < 2; i++)
			if (!mw_prockey_none(chan->last[i]) &&
			    (mw_prockey_eq(chan->last[i], cv->client) ||
			     (cv->server && mw_prockey_eq(chan->last[i], cv->server->proc))))
				return true;
	}
	return false;
}

int mw_sess_revive(struct mw_session *s)
{
	struct dl *l;
	int r = 0;

	for (l = s->chans.next; l != &s->chans && r == 0; l = l->next) {
		struct sess_chan *sc = MW_OF(l, struct sess_chan, all);

		if (!sc->no_mcp || sc->conn || !mw_sess_relates(s, sc->chan))
			continue;
		sc->no_mcp = false;
		mw_ends_revive(s->cfg.ends, sc->chan);
		r = mw_sess_keep(s, sc);
	}
	return r;
}
