/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act_net.c - sockets: bind, listen, accept, the first datagram, the end of a connection
 *
 * A connection that was made or accepted stands in `conns`, as the net.close that it will be, until
 * the kernel side says its end or its process ends. One that ends before it is known (what a
 * candidate does is held back, its ends are not) is remembered in `ended`.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/act_priv.h"
#include "core/event.h"

int mw_conns_init(struct mw_act *a)
{
	return mw_table_new(a->a, sizeof(struct mw_act_key), MW_ACT_CONNS_MAX, &a->conns);
}

void mw_conns_done(struct mw_act *a)
{
	struct mw_act_held *h;
	size_t pos = 0;

	while (a->conns && (h = mw_table_next(a->conns, &pos)))
		mw_alloc_free(a->a, h, sizeof(*h));
	mw_alloc_free(a->a, a->then, sizeof(*a->then));
	mw_table_free(a->conns);
}

bool mw_act_is_tcp(const struct mw_ev_act *ev)
{
	return ev->num[2] == SOCK_STREAM && ev->num[3] == IPPROTO_TCP;
}

/* --- addresses --- */

int mw_act_addr(struct mw_act *a, const struct mw_ev_act *ev, const struct mw_addr *addr,
		struct mw_action *act)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_slice name = s.asked;
	size_t off = a->text.len, from = off;
	const uint8_t *nul;
	int r;

	if (addr->family == AF_UNIX && name.n && name.p[0] != '\0') {
		/* sun_path of a file ends at its NUL; in an abstract name they count */
		nul = memchr(name.p, '\0', name.n);
		if (nul)
			name.n = (size_t)(nul - name.p);
		if (name.p[0] != '/' && mw_act_base_usable(ev->base_state) && s.base.n) {
			act->asked = name;
			r = mw_path_join(&a->text, s.base, name);
			if (r < 0)
				return r;
			from = a->text.len;
			/* both stay in text: room first, so that the name does not move */
			r = mw_buf_reserve(&a->text, from - off + sizeof("unix:"));
			if (r < 0)
				return r;
			name = mw_slice(a->text.p + off, from - off);
		}
	}
	r = mw_addr_print(&a->text, addr, name);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	act->target = mw_act_text(a, from, a->text.len);
	act->peer = *addr;
	return 1;
}

static struct mw_action begin(enum mw_effect_kind kind, const struct mw_ev_act *ev)
{
	struct mw_action act = mw_act_begin(kind, &ev->hdr);

	act.ret = ev->ret;
	act.ino = ev->ino;
	act.chan = ev->chan;
	act.gen = ev->gen;
	return act;
}

static bool addr_eq(const struct mw_addr *a, const struct mw_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* What it has is the target; what it asked for stands beside it where that is another address. */
static int on_bind(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_NET_BIND, ev);
	const bool has = ev->ret >= 0 && ev->local.family && (ev->local.port || !ev->peer.port);
	size_t off;
	int r;

	act.from_kernel = ev->local.family == AF_UNIX ? ev->path_state == MW_PATH_FULL : has;
	r = mw_act_addr(a, ev, has ? &ev->local : &ev->peer, &act);
	if (r <= 0)
		return r;
	if (has && ev->local.family != AF_UNIX && !addr_eq(&ev->local, &ev->peer)) {
		off = a->text.len;
		r = mw_addr_print(&a->text, &ev->peer, mw_slice(NULL, 0));
		if (r < 0 && r != -EINVAL)
			return r;
		act.target = mw_act_text(a, 0, off);
		act.asked = mw_act_text(a, off, a->text.len);
	}
	return mw_act_give(a, &act);
}

static int on_listen(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_NET_LISTEN, ev);
	int r = mw_act_addr(a, ev, &ev->local, &act);

	if (r < 0)
		return r;
	act.from_kernel = r == 1;
	snprintf(act.mode, sizeof(act.mode), "backlog=%lld", (long long)ev->num[0]);
	return mw_act_give(a, &act);
}

static int on_accept(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_NET_ACCEPT, ev);
	int r = mw_act_addr(a, ev, ev->peer.family ? &ev->peer : &ev->local, &act);

	if (r < 0)
		return r;
	act.from_kernel = r == 1;
	mw_act_give(a, &act);
	return r == 1 && ev->ret >= 0 && mw_act_is_tcp(ev) ? mw_conn_add(a, &act) : 0;
}

static int on_send(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_NET_SEND, ev);
	int r = mw_act_addr(a, ev, &ev->peer, &act);

	if (r <= 0)
		return r;
	act.from_kernel = ev->peer_from;
	act.has_bytes = ev->ret >= 0;
	act.bytes_w = ev->ret >= 0 ? (uint64_t)ev->ret : 0;
	return mw_act_give(a, &act);
}

int mw_act_on_net(struct mw_act *a, const struct mw_ev_act *ev)
{
	mw_buf_reset(&a->text, MW_ACT_TEXT_KEEP);
	switch (ev->op) {
	case MW_OP_BIND:
		return on_bind(a, ev);
	case MW_OP_LISTEN:
		return on_listen(a, ev);
	case MW_OP_ACCEPT:
		return on_accept(a, ev);
	case MW_OP_SEND:
		return on_send(a, ev);
	}
	return 0;
}

/* --- ends of connections --- */

static void end_now(struct mw_act *a, struct mw_act_held *h, const struct mw_act_ended *e)
{
	h->act.ts_ns = e->ts_ns;
	h->act.has_bytes = true;
	h->act.bytes_w = e->sent;
	h->act.bytes_r = e->received;
	if (a->has_now && !a->then)
		a->then = h;
	else
		mw_act_queue(a, h);
}

int mw_conn_add(struct mw_act *a, const struct mw_action *act)
{
	struct mw_act_held *h, *old;
	size_t i;
	int r;

	if (act->target.n > sizeof(h->text))
		return 0;
	h = mw_alloc_zero(a->a, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->key = (struct mw_act_key){ act->chan, act->gen };
	h->act = *act;
	h->act.kind = MW_EFFECT_NET_CLOSE;
	h->act.ret = 0;
	h->act.mode[0] = '\0';
	h->act.asked = mw_slice(NULL, 0);
	h->act.from_kernel = true;
	if (act->target.n)
		memcpy(h->text, act->target.p, act->target.n);
	h->act.target.p = (const uint8_t *)h->text;
	for (i = 0; i < MW_ACT_RESULTS; i++) {
		struct mw_act_ended *e = &a->ended[i];

		if (!e->used || e->key.chan != h->key.chan || e->key.gen != h->key.gen)
			continue;
		e->used = false;
		end_now(a, h, e);
		return 0;
	}
	/* the socket is connected again: the end before was not seen */
	old = mw_table_remove(a->conns, &h->key);
	while ((r = mw_table_put(a->conns, &h->key, h)) == -ENOSPC) {
		mw_alloc_free(a->a, old, sizeof(*old));
		old = mw_table_remove(a->conns,
				      &((struct mw_act_held *)mw_table_oldest(a->conns))->key);
		a->conns_lost++;
	}
	mw_alloc_free(a->a, old, sizeof(*old));
	if (r < 0)
		mw_alloc_free(a->a, h, sizeof(*h));
	return r;
}

int mw_act_on_close(struct mw_act *a, const struct mw_ev_close *ev)
{
	const struct mw_act_key key = { ev->chan, ev->gen };
	const struct mw_act_ended e = { key, ev->hdr.ts_ns, ev->sent, ev->received, true };
	struct mw_act_held *h;

	if (!ev->ended || (ev->chan == 0 && ev->gen == 0))
		return 0;
	h = mw_table_remove(a->conns, &key);
	if (h) {
		end_now(a, h, &e);
		return 0;
	}
	a->ended[a->ended_at] = e;
	a->ended_at = (a->ended_at + 1) % MW_ACT_RESULTS;
	return 0;
}

void mw_conn_exit(struct mw_act *a, struct mw_prockey proc, uint64_t ts_ns)
{
	struct mw_act_held *h;
	size_t pos = 0;

	if (mw_table_count(a->conns) == 0)
		return;
	while ((h = mw_table_next(a->conns, &pos))) {
		if (!mw_prockey_eq(h->act.proc, proc))
			continue;
		mw_table_remove(a->conns, &h->key);
		h->act.ts_ns = ts_ns;
		mw_act_queue(a, h);
	}
}
