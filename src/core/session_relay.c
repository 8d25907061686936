/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_relay.c - calls that are passed on: one call, its hops
 *
 * A process that has read a request as a server and writes it on as a client, while it is open, is
 * a relay (cat, a proxy, docker's client). The same text, or, of one that writes its own JSON, the
 * same method and the same parameters but for _meta. What it asks otherwise is its own, and what
 * nobody passes on was for itself. Of several open calls that match equally the one with the same
 * id is taken, else the oldest, always of this one process.
 *
 * The call stays that of the first conversation; each way on is a shadow of it (struct call with
 * `lead`), so that its answer is not taken for another's. The last server's answer closes it, what
 * the client gets ends it.
 */
#include <errno.h>

#include "core/session_priv.h"

/* What an object says but for _meta, whatever the order and the spelling. Never 0. */
static uint64_t sense_of(const struct mw_session *s, struct mw_slice value)
{
	struct mw_slice key, member;
	struct mw_json_object o;
	struct mw_buf b;
	uint64_t sum = 0;

	if (!value.n || value.p[0] != '{')
		return mw_hash64(value, s->cfg.seed) | 1;
	mw_buf_init(&b, s->a, 2 * MW_SESSION_ARGS_MAX);
	mw_json_object_init(&o, value);
	while (mw_json_object_next(&o, &key, &member)) {
		if (mw_json_str_eq(key, "_meta"))
			continue;
		b.len = 0;
		if (mw_json_canonical(key, &b) < 0 || mw_json_canonical(member, &b) < 0) {
			/* it has no such form: as it is written */
			sum += mw_hash64(key, s->cfg.seed) ^ mw_hash64(member, s->cfg.seed);
			continue;
		}
		sum += mw_hash64(mw_buf_slice(&b), s->cfg.seed);
	}
	mw_buf_done(&b);
	return sum | 1;
}

static bool same_sense(struct mw_session *s, struct call *c, const struct mw_rpc *rpc,
		       uint64_t *sense)
{
	if (c->pub.args.n != c->pub.args_bytes || !mw_slice_eq(c->pub.method, rpc->method) ||
	    !mw_slice_eq(c->pub.name, rpc->name) || !mw_slice_eq(c->pub.uri, rpc->uri))
		return false;
	if (!*sense)
		*sense = sense_of(s, mw_call_args_of(rpc));
	if (!c->sense_hash)
		c->sense_hash = sense_of(s, c->pub.args);
	return c->sense_hash == *sense;
}

/* How well a request passes on an open call: 0 not at all. */
static int fits(struct mw_session *s, struct call *c, const struct mw_rpc *rpc, uint64_t text,
		uint64_t *sense)
{
	if (c->pub.answered || c->waiting || c->is_task)
		return 0;
	if (c->text_hash == text)
		return 3;
	if (!same_sense(s, c, rpc, sense))
		return 0;
	return mw_slice_eq(c->id, rpc->id) ? 2 : 1;
}

static struct mw_prockey writer(const struct place *at, const struct mw_msg *m)
{
	if (m->seen[MW_END_WRITE].seen)
		return m->seen[MW_END_WRITE].proc;
	if (at->s2c)
		return at->conv->server ? at->conv->server->proc : (struct mw_prockey){ 0 };
	return at->conn ? at->conn->client : at->conv->client;
}

static struct call *match_up(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc,
			     uint64_t text, struct mw_prockey by)
{
	struct serv *v = mw_table_get(s->servers, &by);
	struct call *best = NULL;
	int fit, best_fit = 0;
	uint64_t sense = 0;
	struct dl *l;

	for (l = v ? v->calls.next : NULL; v && l != &v->calls && best_fit < 3; l = l->next) {
		struct call *c = MW_OF(l, struct call, in_serv);

		/* what it has passed on already is with another, read or not */
		if (c->pub.s2c || c->conv == at->conv ||
		    (c->last && (c->last->conv->server != &v->pub || c->last->conv == at->conv)))
			continue;
		fit = fits(s, c, rpc, text, &sense);
		if (fit > best_fit) {
			best_fit = fit;
			best = c;
		}
	}
	return best;
}

/* The other way: what a server asks its client, a relay asks its own. */
static struct call *match_down(struct mw_session *s, const struct place *at,
			       const struct mw_rpc *rpc, uint64_t text)
{
	struct call *best = NULL;
	int fit, best_fit = 0;
	uint64_t sense = 0;
	struct dl *d, *l;

	for (d = at->conv->downs.next; d != &at->conv->downs; d = d->next) {
		struct conv *cv = MW_OF(d, struct conv, down_of);

		for (l = cv->calls.next; l != &cv->calls && best_fit < 3; l = l->next) {
			struct call *c = MW_OF(l, struct call, in_conv), *lead;

			lead = c->shadow ? c->lead : c;
			if (!lead || !c->pub.s2c || (lead->last ? lead->last : lead) != c)
				continue;
			fit = fits(s, lead, rpc, text, &sense);
			if (fit > best_fit) {
				best_fit = fit;
				best = lead;
			}
		}
	}
	return best;
}

struct call *mw_relay_match(struct mw_session *s, const struct place *at, const struct mw_msg *m,
			    const struct mw_rpc *rpc)
{
	struct mw_prockey by = writer(at, m);
	uint64_t text;

	if (at->s2c ? dl_empty(&at->conv->downs)
		    : mw_prockey_none(by) || !mw_table_get(s->servers, &by))
		return NULL;
	text = mw_hash64(rpc->whole, s->cfg.seed);
	return at->s2c ? match_down(s, at, rpc, text) : match_up(s, at, rpc, text, by);
}

static void put_hop(struct mw_call *c, struct mw_prockey proc, enum mw_transport on)
{
	size_t i;

	for (i = 0; i < c->n_hops && i < MW_CALL_HOPS_MAX; i++)
		if (mw_prockey_eq(c->hops[i].proc, proc))
			return;
	if (c->s2c && c->n_hops < MW_CALL_HOPS_MAX) { /* the last one met is the client's */
		memmove(&c->hops[1], &c->hops[0], c->n_hops * sizeof(c->hops[0]));
		c->hops[0] = (struct mw_hop){ proc, on };
	} else if (c->n_hops < MW_CALL_HOPS_MAX) {
		c->hops[c->n_hops] = (struct mw_hop){ proc, on };
	}
	c->n_hops++;
}

void mw_relay_passed(struct mw_session *s, struct call *c, const struct mw_msg *m)
{
	struct place at = { .conv = c->conv, .conn = c->x ? c->x->conn : NULL, .s2c = c->pub.s2c };
	struct call *lead = c->lead, *before = lead->last ? lead->last : lead;
	struct conv *up = c->pub.s2c ? c->conv : before->conv;
	struct conv *down = c->pub.s2c ? before->conv : c->conv;
	const struct conv *above;

	(void)s;
	put_hop(&lead->pub, writer(&at, m), down->transport);
	c->last = lead->last;
	lead->last = c;
	if (lead->pub.server) { /* those that are to be passed on yet stand before it */
		dl_del(&lead->in_serv);
		dl_add(&mw_serv(lead->pub.server)->calls, &lead->in_serv);
	}
	up->relay = true;
	if (down->up || down->over || up->over)
		return;
	/* two that pass on to each other: neither is below the other */
	for (above = up; above; above = above->up)
		if (above == down)
			return;
	down->up = mw_conv_get(up);
	dl_add(&up->downs, &down->down_of);
}

int mw_relay_read(struct mw_session *s, struct call *c, const struct mw_msg *m)
{
	struct call *lead = c->lead;
	int r;

	if (!lead)
		return 0;
	if (c->pub.s2c) {
		lead->pub.client = c->conv->client;
		return 0;
	}
	if (!c->conv->server || (!m->seen[MW_END_READ].seen && m->state != MW_MSG_SETTLED))
		return 0;
	r = mw_sess_move_call(s, lead, c->conv->server);
	/* its requests follow in their order, once it has said that it is a server */
	if (r == 0 && lead->pub.server->said)
		r = mw_sess_release(s, lead);
	return r;
}

void mw_relay_forget(struct mw_session *s, struct call *c)
{
	struct call **at, *leg;

	(void)s;
	if (!c->shadow) {
		for (leg = c->last; leg; leg = leg->last)
			leg->lead = NULL;
		c->last = NULL;
		return;
	}
	if (!c->lead)
		return;
	if (!c->pub.settled && c->lead->pub.n_hops) /* nobody sent it on after all */
		c->lead->pub.n_hops--;
	for (at = &c->lead->last; *at && *at != c; at = &(*at)->last)
		;
	if (*at)
		*at = c->last;
	c->lead = c->last = NULL;
}

void mw_relay_answered(struct mw_session *s, struct call *c)
{
	struct call *leg, *next, **at = &c->last;

	for (leg = c->last; leg; leg = next) {
		next = leg->last;
		if (leg->answers || leg->conv->s2c || leg->conv->keyed) {
			at = &leg->last;
			continue;
		}
		*at = next;
		leg->lead = NULL; /* its hop stays */
		mw_call_retire(s, leg);
	}
}

/* Who reads it is further up than who asked. */
static bool goes_past(struct conv *cv, const struct mw_msg *m)
{
	const struct mw_sight *cli = mw_client_sight(m, true);
	const struct conv *up;

	if (mw_is_http(m) || !cli->seen || mw_prockey_eq(cli->proc, cv->client))
		return false;
	for (up = cv->up; up; up = up->up)
		if (mw_prockey_eq(up->client, cli->proc))
			return true;
	return false;
}

bool mw_relay_is_direct(struct call *c, const struct place *at, const struct mw_msg *m)
{
	if (!at->s2c || !goes_past(c->conv, m))
		return false;
	c->conv->direct = true;
	return c->lead && mw_prockey_eq(c->lead->conv->client, mw_client_sight(m, true)->proc);
}

bool mw_relay_asked_below(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc)
{
	struct conv *cv = at->conv;
	struct dl *d;

	if (at->s2c || !cv)
		return false;
	for (d = cv->downs.next; d != &cv->downs; d = d->next) {
		struct place below = { .conv = MW_OF(d, struct conv, down_of) };

		if (mw_call_find(s, below.conv, NULL, true, rpc->id, NULL) ||
		    mw_relay_asked_below(s, &below, rpc))
			return true;
	}
	return false;
}

uint64_t mw_relay_exit_ns(const struct conv *cv)
{
	uint64_t server = cv->server_exit_ns;
	const struct dl *d;

	for (d = cv->downs.next; d != &cv->downs; d = d->next)
		if (MW_OF(d, struct conv, down_of)->direct)
			server = MW_OF(d, struct conv, down_of)->server_exit_ns;
	return server || cv->direct ? server : cv->client_exit_ns;
}

/* Whether it was there; it is no more. */
static bool take(struct conv *cv, bool s2c, uint64_t hash)
{
	int i;

	for (i = 0; i < MW_SESS_RECENT; i++)
		if (cv->recent[s2c][i] == hash) {
			cv->recent[s2c][i] = 0;
			return true;
		}
	return false;
}

bool mw_relay_again(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc)
{
	struct conv *cv = at->conv;
	bool again = false;
	uint64_t hash;
	struct dl *d;

	if (!cv->relay && !cv->up)
		return false;
	hash = (sense_of(s, rpc->params) ^ mw_hash64(rpc->method, s->cfg.seed)) | 1;
	if (!at->s2c && cv->up)
		again = take(cv->up, false, hash);
	for (d = cv->downs.next; at->s2c && d != &cv->downs && !again; d = d->next)
		again = take(MW_OF(d, struct conv, down_of), true, hash);
	if (at->s2c ? cv->up != NULL : cv->relay)
		cv->recent[at->s2c][cv->n_recent[at->s2c]++ % MW_SESS_RECENT] = hash;
	return again;
}

void mw_relay_conv_gone(struct mw_session *s, struct conv *cv)
{
	struct conv *up = cv->up;

	cv->up = NULL;
	dl_del(&cv->down_of);
	while (!dl_empty(&cv->downs)) {
		struct conv *down = MW_OF(cv->downs.next, struct conv, down_of);

		dl_del(&down->down_of);
		down->up = NULL;
		mw_conv_put(s, cv);
	}
	mw_conv_put(s, up);
}
