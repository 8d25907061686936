/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - connections: whose they are, what they speak, what waits for an answer
 *
 * Invariants
 *  1. chan->wire[end] is the connection that this end of it belongs to, NULL, or `w` itself: nobody
 *     wants it any more.
 *  2. A connection is in the list `newest` from its making to its end, and in `waiting` exactly
 * while it has actions in its list.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/wire_priv.h"

/* Bytes from which it must be told what a connection speaks. */
#define START_MAX 16384u

int mw_wire_new(const struct mw_alloc *a, size_t conns_max, struct mw_wire **ret)
{
	struct mw_wire *w = mw_alloc_zero(a, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->under = a;
	w->conns_max = conns_max ? conns_max : MW_WIRE_CONNS_MAX;
	mw_budget_init(&w->budget, a, MW_WIRE_MEMORY_MAX);
	mw_buf_init(&w->scratch, wire_mem(w), 4 * MW_WIRE_TEXT_MAX);
	r = mw_wire_unix_new(w);
	if (r < 0) {
		mw_alloc_free(a, w, sizeof(*w));
		return r;
	}
	*ret = w;
	return 0;
}

/* --- actions -----------------------------------------------------------------------------------
 */

static void act_put(struct mw_wire *w, struct wire_act *x)
{
	if (x && !x->listed && !x->out)
		mw_alloc_free(wire_mem(w), x, sizeof(*x) + x->n_text);
}

static void give_back(struct mw_wire *w)
{
	struct wire_act *x = w->lent;

	w->lent = NULL;
	if (x)
		x->out = false;
	act_put(w, x);
}

static void say(struct mw_wire *w, struct wire_act *x, int64_t ret)
{
	if (x->said)
		return;
	x->said = true;
	if (x->confirm || x->barrier)
		return;
	if (!x->answered)
		x->act.ret = ret;
	x->out = true;
	x->ready_next = NULL;
	*(w->ready ? &w->ready_last->ready_next : &w->ready) = x;
	w->ready_last = x;
}

static void wait_link(struct mw_wire *w, struct wire_conn *c)
{
	c->wait_prev = NULL;
	c->wait_next = w->waiting;
	if (c->wait_next)
		c->wait_next->wait_prev = c;
	w->waiting = c;
}

static void wait_unlink(struct mw_wire *w, struct wire_conn *c)
{
	*(c->wait_prev ? &c->wait_prev->wait_next : &w->waiting) = c->wait_next;
	if (c->wait_next)
		c->wait_next->wait_prev = c->wait_prev;
	c->wait_prev = c->wait_next = NULL;
}

int mw_wire_add(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		enum mw_effect_kind kind, size_t n_text, struct wire_act **ret)
{
	struct wire_act *x;

	if (c->n_acts >= MW_WIRE_PENDING_MAX) {
		w->stats.pending++;
		return -EPROTO;
	}
	x = mw_alloc_zero(wire_mem(w), sizeof(*x) + n_text);
	if (!x)
		return -ENOMEM;
	x->n_text = n_text;
	x->listed = true;
	x->id = ++w->last_id;
	x->chan = c->chan[MW_END_WRITE];
	x->left = 1;
	x->act = (struct mw_action){ .kind = kind,
				     .ts_ns = ch->ts_ns,
				     .proc = ch->proc,
				     .tid = ch->tid,
				     .candidate = ch->flags & MW_EVF_CANDIDATE,
				     .peer = c->peer,
				     .chan = c->sock,
				     .gen = c->gen,
				     .task = ch->move.task };
	if (!c->first)
		wait_link(w, c);
	*(c->first ? &c->last->next : &c->first) = x;
	c->last = x;
	c->n_acts++;
	c->idle = 0;
	*ret = x;
	return 0;
}

void mw_wire_done(struct mw_wire *w, struct wire_conn *c, int64_t ret)
{
	struct wire_act *x = c->first;

	c->first = x->next;
	x->next = NULL;
	x->listed = false;
	c->n_acts--;
	if (!c->first)
		wait_unlink(w, c);
	say(w, x, ret);
	act_put(w, x);
}

/* --- connections -------------------------------------------------------------------------------
 */

static void control(struct mw_wire *w, enum mw_wire_kind kind, struct mw_chan *chan, uint64_t sock,
		    uint64_t gen)
{
	if (w->n_ctl == sizeof(w->ctl) / sizeof(w->ctl[0]))
		return;
	w->ctl[w->n_ctl].kind = kind;
	w->ctl[w->n_ctl].chan = chan;
	w->ctl[w->n_ctl].sock = sock;
	w->ctl[w->n_ctl++].gen = gen;
}

static void lru_link(struct mw_wire *w, struct wire_conn *c)
{
	c->newer = NULL;
	c->older = w->newest;
	*(w->newest ? &w->newest->newer : &w->oldest) = c;
	w->newest = c;
}

static void lru_unlink(struct mw_wire *w, struct wire_conn *c)
{
	*(c->newer ? &c->newer->older : &w->newest) = c->older;
	*(c->older ? &c->older->newer : &w->oldest) = c->newer;
}

static void proto_done(struct mw_wire *w, struct wire_conn *c)
{
	if (c->proto == WIRE_HTTP)
		mw_wire_http_done(c);
	else if (c->proto != WIRE_NEW)
		mw_wire_db_done(w, c);
	c->proto = WIRE_NEW;
}

/* Ends a connection: what waits comes out with ret, and its channels' ends become `mark`. */
static void conn_end(struct mw_wire *w, struct wire_conn *c, int64_t ret, void *mark)
{
	while (c->first)
		mw_wire_done(w, c, ret);
	proto_done(w, c);
	mw_buf_done(&c->start);
	for (int i = 0; i < 2; i++) {
		struct mw_chan *chan = c->chan[i];

		if (!chan)
			continue;
		chan->wire[i] = mark;
		chan->wanted = false;
	}
	lru_unlink(w, c);
	w->n_conns--;
	mw_alloc_free(wire_mem(w), c, sizeof(*c));
}

/* Nobody wants it any more; what only began strangely may still come to HTTP, however it was cut.
 */
static void let_go(struct mw_wire *w, struct wire_conn *c, int64_t ret)
{
	struct mw_chan *out = c->chan[MW_END_WRITE], *in = c->chan[MW_END_READ];
	const bool known = c->proto != WIRE_NEW;

	conn_end(w, c, ret, known ? w : NULL);
	if (known)
		control(w, MW_WIRE_DROP, out ? out : in, 0, 0);
}

static struct wire_conn *conn_new(struct mw_wire *w)
{
	struct wire_conn *c;

	if (w->n_conns >= w->conns_max) {
		w->stats.evicted++;
		let_go(w, w->oldest, -EINPROGRESS);
	}
	c = mw_alloc_zero(wire_mem(w), sizeof(*c));
	if (!c)
		return NULL;
	mw_buf_init(&c->start, wire_mem(w), START_MAX);
	lru_link(w, c);
	w->n_conns++;
	return c;
}

static void attach(struct wire_conn *c, const struct mw_chunk *ch)
{
	if (c->chan[ch->end])
		return;
	c->chan[ch->end] = ch->chan;
	ch->chan->wire[ch->end] = c;
	if (c->proto != WIRE_NEW)
		ch->chan->wanted = true;
	if (ch->end == MW_END_WRITE || !c->sock) {
		const bool unix_ = ch->chan->kind == MW_CHAN_UNIX;

		/* of a unix socket what is read is named by who wrote it */
		if (!unix_ || ch->end == MW_END_WRITE) {
			c->sock = ch->sock;
			c->gen = ch->gen;
		}
		c->peer = ch->end == MW_END_WRITE ? ch->chan->dst : ch->chan->src;
	}
}

/* The connection of the end of this chunk, if it is known. */
static struct wire_conn *conn_of(struct mw_wire *w, const struct mw_chunk *ch)
{
	const struct mw_chan *back = ch->chan->back;
	void *own = ch->chan->wire[ch->end];
	void *other = back ? back->wire[!ch->end] : NULL;

	if (own)
		return own == w ? NULL : own;
	if (other == w) {
		ch->chan->wire[ch->end] = w;
		return NULL;
	}
	if (other)
		attach(other, ch);
	return other;
}

/* --- what it speaks ----------------------------------------------------------------------------
 */

struct guess {
	enum wire_proto proto; /* WIRE_NEW: none */
	bool more;	       /* too few bytes to tell */
	bool serves;	       /* this side answers */
};

static struct guess guess(struct mw_slice s, enum mw_end end, bool first)
{
	struct guess g = { .proto = WIRE_NEW };
	enum mw_opaque what;
	enum mw_sniff r;
	bool response = false;

	r = mw_http_sniff(s, &response);
	if (r == MW_SNIFF_YES) {
		g.serves = response == (end == MW_END_WRITE);
		g.proto = g.serves ? WIRE_NEW : WIRE_HTTP;
		return g;
	}
	g.more = r == MW_SNIFF_MORE;
	if (!first) /* in its midst only what begins HTTP tells anything */
		return (struct guess){ .proto = WIRE_NEW };
	r = end == MW_END_WRITE ? mw_wire_pg_sniff(s) : mw_wire_mysql_sniff(s);
	if (r == MW_SNIFF_YES)
		g.proto = end == MW_END_WRITE ? WIRE_PG : WIRE_MYSQL;
	g.more |= r == MW_SNIFF_MORE;
	/* what is not read is known for that by its answer */
	g.more |= g.proto == WIRE_NEW && mw_wire_sniff_opaque(s, &what) != MW_SNIFF_NO;
	return g;
}

static int begin(struct mw_wire *w, struct wire_conn *c, enum wire_proto proto)
{
	c->proto = proto;
	for (int i = 0; i < 2; i++)
		if (c->chan[i])
			c->chan[i]->wanted = true;
	if (proto == WIRE_HTTP)
		return mw_wire_http_begin(w, c);
	mw_wire_db_begin(w, c);
	return 0;
}

static int feed(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
{
	if (c->proto == WIRE_HTTP)
		return mw_wire_http_push(w, c, ch);
	if (c->proto == WIRE_PG)
		return mw_wire_pg_push(w, c, ch);
	return mw_wire_mysql_push(w, c, ch);
}

/* More of what a connection begins with. */
static int on_start(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
{
	struct mw_chunk all = *ch;
	enum mw_opaque what;
	struct guess g;
	int r;

	if (ch->gap || ch->closed || ch->end != c->start_end) {
		mw_wire_note_opaque(w, c, ch);
		return -ENODATA;
	}
	if (mw_wire_sniff_opaque(mw_buf_slice(&c->start), &what) == MW_SNIFF_YES)
		return 0;
	r = mw_buf_append(&c->start, ch->bytes.p, ch->bytes.n);
	if (r == -E2BIG)
		mw_wire_note_opaque(w, c, ch);
	if (r < 0)
		return r == -E2BIG ? -ENODATA : r;
	all.bytes = mw_buf_slice(&c->start);
	g = guess(all.bytes, ch->end, true);
	if (g.proto == WIRE_NEW)
		return g.more ? 0 : -ENODATA;
	r = begin(w, c, g.proto);
	if (r == 0)
		r = feed(w, c, &all);
	mw_buf_done(&c->start);
	return r;
}

static int on_unknown(struct mw_wire *w, const struct mw_chunk *ch)
{
	const bool first = ch->off == 0;
	struct wire_conn *c;
	struct guess g;

	if (ch->gap || ch->closed || ch->inside || ch->bytes.n == 0)
		return 0;
	g = guess(ch->bytes, ch->end, first);
	if (g.serves) {
		ch->chan->wire[ch->end] = w;
		return 0;
	}
	if (g.proto == WIRE_NEW && !(g.more && first))
		return 0;
	c = conn_new(w);
	if (!c)
		return -ENOMEM;
	c->start_end = ch->end;
	c->start_proc = ch->proc;
	c->joined = !first;
	attach(c, ch);
	if (g.proto == WIRE_NEW)
		return mw_buf_append(&c->start, ch->bytes.p,
				     ch->bytes.n < START_MAX ? ch->bytes.n : START_MAX);
	return begin(w, c, g.proto) < 0 ? -ENOMEM : 1;
}

/* --- in ----------------------------------------------------------------------------------------
 */

static void on_evicted(struct mw_wire *w, struct mw_chan *chan)
{
	for (int i = 0; i < 2; i++) {
		void *c = chan->wire[i];

		if (c && c != w)
			conn_end(w, c, -EINPROGRESS, NULL);
		chan->wire[i] = NULL;
	}
}

static void keep(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
{
	if (c->kept[ch->end] || c->proto == WIRE_NEW || ch->flags & MW_EVF_CANDIDATE)
		return;
	c->kept[ch->end] = true;
	if (ch->chan->kind != MW_CHAN_UNIX) /* both ways are one socket */
		c->kept[!ch->end] = true;
	control(w, MW_WIRE_KEEP, ch->chan, ch->sock, ch->gen);
}

int mw_wire_push(struct mw_wire *w, const struct mw_chunk *ch)
{
	struct wire_conn *c;
	int r = 0;

	give_back(w);
	if (ch->ts_ns > w->now_ns)
		w->now_ns = ch->ts_ns;
	if (ch->evicted) {
		on_evicted(w, ch->chan);
		return 0;
	}
	if (ch->chan->kind == MW_CHAN_PIPE || ch->flags & MW_EVF_STREAM ||
	    ch->chan->wire[ch->end] == w)
		return 0;
	c = conn_of(w, ch);
	if (!c) {
		if (ch->chan->wire[ch->end] == w)
			return 0;
		r = on_unknown(w, ch);
		c = ch->chan->wire[ch->end] == w ? NULL : ch->chan->wire[ch->end];
		if (!c)
			return r < 0 ? r : 0;
		if (r == 0) /* it waits for more, and has these bytes */
			return 0;
	} else if (c->proto == WIRE_NEW) {
		r = on_start(w, c, ch);
		if (r == 0) {
			keep(w, c, ch);
			return 0;
		}
	}
	if (r >= 0) {
		if (w->newest != c) {
			lru_unlink(w, c);
			lru_link(w, c);
		}
		c->idle += ch->bytes.n;
		keep(w, c, ch);
		r = feed(w, c, ch);
	}
	if (r == 0 && c->idle > MW_WIRE_IDLE_MAX) {
		w->stats.long_idle++;
		r = -ENODATA;
	}
	if (r == -ENODATA || r == -EPROTO || r == -ENOMEM) {
		w->stats.lost += r != -ENODATA && c->proto != WIRE_NEW && !c->joined &&
				 !(ch->flags & MW_EVF_CANDIDATE);
		let_go(w, c, -EINPROGRESS);
	} else if (ch->closed && ch->end == MW_END_READ) {
		conn_end(w, c, -ECONNRESET, NULL);
	}
	return r == -ENOMEM ? r : 0;
}

void mw_wire_tick(struct mw_wire *w, uint64_t now_ns)
{
	struct wire_conn *c, *after;
	struct wire_act *x;

	give_back(w);
	if (now_ns > w->now_ns)
		w->now_ns = now_ns;
	for (c = w->waiting; c; c = after) {
		after = c->wait_next;
		for (x = c->first; x; x = x->next)
			if (!x->answered && now_ns > x->act.ts_ns &&
			    now_ns - x->act.ts_ns > MW_WIRE_WAIT_NS)
				say(w, x, -EINPROGRESS);
		while (c->first && c->first->answered && c->first->judge_ns <= now_ns)
			mw_wire_done(w, c, 0);
	}
}

void mw_wire_finish(struct mw_wire *w)
{
	give_back(w);
	for (struct wire_conn *c = w->waiting; c; c = c->wait_next)
		for (struct wire_act *x = c->first; x; x = x->next)
			say(w, x, -EINPROGRESS);
}

/* --- out ---------------------------------------------------------------------------------------
 */

static void fill(struct mw_wire_event *ret, const struct wire_act *x)
{
	*ret = (struct mw_wire_event){ .kind = MW_WIRE_ACTION,
				       .chan = x->chan,
				       .act = x->act,
				       .asked_n = x->asked_n,
				       .id = x->id };
}

int mw_wire_next(struct mw_wire *w, struct mw_wire_event *ret)
{
	struct wire_act *x = w->ready;

	give_back(w);
	if (x) {
		w->ready = x->ready_next;
		w->lent = x;
		fill(ret, x);
		return 1;
	}
	if (w->opaque.kind) {
		*ret = w->opaque;
		w->opaque.kind = 0;
		return 1;
	}
	if (w->n_ctl) {
		w->n_ctl--;
		*ret = (struct mw_wire_event){ .kind = w->ctl[w->n_ctl].kind,
					       .chan = w->ctl[w->n_ctl].chan,
					       .sock = w->ctl[w->n_ctl].sock,
					       .gen = w->ctl[w->n_ctl].gen };
		return 1;
	}
	return 0;
}

int mw_wire_waiting(const struct mw_wire *w, uint64_t *pos, struct mw_wire_event *ret)
{
	const struct wire_act *best = NULL;

	/* by their numbers, so that the order is that of their making */
	for (const struct wire_conn *c = w->waiting; c; c = c->wait_next)
		for (const struct wire_act *x = c->first; x; x = x->next)
			if (!x->said && !x->confirm && !x->barrier && x->id > *pos &&
			    (!best || x->id < best->id))
				best = x;
	if (!best)
		return 0;
	*pos = best->id;
	fill(ret, best);
	return 1;
}

void mw_wire_hurry(struct mw_wire *w, uint64_t id)
{
	give_back(w);
	for (struct wire_conn *c = w->waiting; c; c = c->wait_next)
		for (struct wire_act *x = c->first; x; x = x->next)
			if (x->id == id)
				say(w, x, -EINPROGRESS);
}

void mw_wire_stats(const struct mw_wire *w, struct mw_wire_stats *ret)
{
	*ret = w->stats;
}

void mw_wire_free(struct mw_wire *w)
{
	struct wire_act *x;

	if (!w)
		return;
	while (w->newest)
		conn_end(w, w->newest, -EINPROGRESS, NULL);
	give_back(w);
	while ((x = w->ready)) {
		w->ready = x->ready_next;
		x->out = false;
		act_put(w, x);
	}
	mw_wire_unix_free(w);
	mw_buf_done(&w->scratch);
	mw_alloc_free(w->under, w, sizeof(*w));
}
