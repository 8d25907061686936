/* SPDX-License-Identifier: Apache-2.0 */
/* stream_chan.c - channels: what one is found by, its two ends, its way back */
#include <errno.h>
#include <sys/socket.h>

#include "core/path.h"
#include "core/stream_priv.h"

static void lru_unlink(struct mw_stream *s, struct chan *c)
{
	*(c->newer ? &c->newer->older : &s->newest) = c->older;
	*(c->older ? &c->older->newer : &s->oldest) = c->newer;
	c->newer = c->older = NULL;
}

static void lru_link(struct mw_stream *s, struct chan *c)
{
	c->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = c;
	s->newest = c;
}

/* What a channel is found by. TCP: both addresses in the direction of the bytes. */
struct chan_name {
	uint64_t key[6];
	struct mw_addr src, dst;
	uint8_t kind;
	bool joined; /* TCP with addresses: each end has its own chan and gen */
};

/* Whose bytes, at which end of the connection. */
struct where {
	uint64_t chan, netns;
	const struct mw_addr *local, *peer;
	uint8_t kind, dir;
};

static bool is_tcp(uint8_t kind)
{
	return kind == MW_CHAN_TCP4 || kind == MW_CHAN_TCP6;
}

static void chan_name(const struct where *w, struct chan_name *n)
{
	bool out = w->dir == MW_DIR_WRITE;

	*n = (struct chan_name){ .kind = w->kind, .key = { w->kind, w->chan } };
	if (!is_tcp(w->kind))
		return;
	if (!mw_addr_normal(out ? w->local : w->peer, &n->src) ||
	    !mw_addr_normal(out ? w->peer : w->local, &n->dst)) {
		/* without addresses a socket still has its two directions */
		n->src = n->dst = (struct mw_addr){ 0 };
		n->key[2] = (uint64_t)w->dir + 1;
		return;
	}
	n->joined = true;
	n->kind = n->src.family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6;
	n->key[0] = (uint64_t)n->src.port << 48 | (uint64_t)n->dst.port << 32 |
		    (uint64_t)n->src.family << 16 | (uint64_t)n->dst.family << 8 | n->kind;
	n->key[1] = w->netns;
	memcpy(&n->key[2], n->src.ip, 16);
	memcpy(&n->key[4], n->dst.ip, 16);
}

static struct where where_of(const struct mw_ev_io *ev)
{
	return (struct where){ .chan = ev->chan,
			       .netns = ev->netns,
			       .local = &ev->local,
			       .peer = &ev->peer,
			       .kind = ev->kind,
			       .dir = ev->dir };
}

static void chan_evict(struct mw_stream *s, struct chan *c)
{
	mw_table_remove(s->table, c->key);
	lru_unlink(s, c);
	mw_stream_ending(s, &c->half[0], false);
	mw_stream_ending(s, &c->half[1], false);
	if (c->pub.back)
		c->pub.back->back = NULL;
	c->pub.back = NULL;
	s->leaving = c;
}

static int chan_add(struct mw_stream *s, const struct mw_ev_io *ev, const struct chan_name *n,
		    struct chan **ret)
{
	struct chan *c = mw_alloc_zero(s->a, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	if (mw_table_count(s->table) >= s->chan_max) {
		s->stats.evicted++;
		chan_evict(s, s->oldest);
	}
	memcpy(c->key, n->key, sizeof(c->key));
	r = mw_table_put(s->table, c->key, c);
	if (r < 0) {
		mw_alloc_free(s->a, c, sizeof(*c));
		return r;
	}
	c->pub = (struct mw_chan){ .id = ++s->last_id,
				   .kind = n->kind,
				   .chan = ev->chan,
				   .gen = ev->gen,
				   .candidate = true,
				   .src = n->src,
				   .dst = n->dst };
	for (uint8_t i = 0; i < 2; i++) {
		c->half[i].of = c;
		c->half[i].end = i;
	}
	lru_link(s, c);
	*ret = c;
	return 0;
}

int mw_stream_chan_of(struct mw_stream *s, const struct mw_ev_io *ev, struct chan **ret)
{
	struct where w = where_of(ev);
	struct chan_name n;
	struct chan *c;
	uint64_t chan, gen;

	chan_name(&w, &n);
	c = mw_table_get(s->table, n.key);
	if (!c)
		return chan_add(s, ev, &n, ret);
	if (!n.joined) {
		chan = c->pub.chan;
		gen = c->pub.gen;
	} else if (c->pub.half[ev->dir]) {
		chan = c->half[ev->dir].chan;
		gen = c->half[ev->dir].gen;
	} else {
		chan = ev->chan;
		gen = ev->gen;
	}
	if (gen != ev->gen || chan != ev->chan) {
		if (ev->gen < gen)
			return 1;
		s->stats.replaced++;
		chan_evict(s, c);
		return chan_add(s, ev, &n, ret);
	}
	lru_unlink(s, c);
	lru_link(s, c);
	*ret = c;
	return 0;
}

/* The other direction's channel, if it lives and nothing of it has ended: two that meet belong to
 * one connection, but the name of an ended one may be in use again. */
static void find_back(struct mw_stream *s, struct chan *c, const struct mw_ev_io *ev)
{
	struct where w = where_of(ev);
	struct chan_name n;
	struct chan *b;

	if (!is_tcp(ev->kind))
		w.chan = ev->other;
	if (c->pub.back || w.chan == 0 || ev->kind == MW_CHAN_PIPE)
		return;
	w.dir = ev->dir == MW_DIR_READ ? MW_DIR_WRITE : MW_DIR_READ;
	chan_name(&w, &n);
	b = mw_table_get(s->table, n.key);
	if (!b || b == c || b->pub.back || b->half[0].close_ns || b->half[1].close_ns)
		return;
	b->pub.back = &c->pub;
	c->pub.back = &b->pub;
}

/* Modulo 2^32: the ends of a connection are never as far apart. */
static void align(struct chan *c, struct mw_half *h, const struct mw_ev_io *ev)
{
	const struct mw_half *r = &c->half[MW_END_READ], *w = &c->half[MW_END_WRITE];

	if (!ev->has_seq)
		return;
	h->has_seq = true;
	h->seq0 = ev->tcp_seq - (uint32_t)ev->off;
	c->pub.aligned = r->has_seq && w->has_seq;
	if (c->pub.aligned)
		c->pub.ahead = (int32_t)(r->seq0 - w->seq0);
}

struct mw_half *mw_stream_touch(struct mw_stream *s, struct chan *c, const struct mw_ev_io *ev)
{
	struct mw_half *h = &c->half[ev->dir];

	if (!c->pub.half[ev->dir]) {
		c->pub.half[ev->dir] = h;
		h->chan = ev->chan;
		h->gen = ev->gen;
		if (ev->chan != c->pub.chan || ev->gen != c->pub.gen) {
			c->pub.chan2 = ev->chan;
			c->pub.gen2 = ev->gen;
		}
	}
	h->last_ns = ev->hdr.ts_ns;
	h->closed = false;
	if (c->pub.ino == 0)
		c->pub.ino = ev->ino;
	if (!(ev->hdr.flags & (MW_EVF_CANDIDATE | MW_EVF_STREAM)))
		c->pub.candidate = false;
	find_back(s, c, ev);
	align(c, h, ev);
	if (ev->hdr.tgid)
		c->pub.last[ev->dir] = mw_prockey_of(&ev->hdr);
	return h;
}

struct mw_half *mw_stream_half_of(struct mw_stream *s, const struct mw_ev_close *ev,
				  enum mw_dir dir)
{
	static const uint8_t kinds[] = { MW_CHAN_TCP4, MW_CHAN_TCP6 };

	/* with addresses both are one name */
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct where w = { .chan = ev->chan,
				   .netns = ev->netns,
				   .local = &ev->local,
				   .peer = &ev->peer,
				   .kind = kinds[i],
				   .dir = (uint8_t)dir };
		struct chan_name n;
		struct chan *c;

		chan_name(&w, &n);
		c = mw_table_get(s->table, n.key);
		if (c && c->pub.half[dir] && c->half[dir].chan == ev->chan &&
		    c->half[dir].gen == ev->gen)
			return &c->half[dir];
	}
	return NULL;
}
