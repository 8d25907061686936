/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. A held connect is in `held` or, once it has its result, in the list `ready`, or lent; never
 *  two.
 *  2. An action that can be given at once is in `now`, its slices in the event or in `text`.
 */
#include "core/act_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/event.h"

/* A result and its connect are two events of one system call, or of the interrupt in its midst. */
#define RESULT_NEAR_NS 10000000000ull

int mw_act_new(const struct mw_alloc *a, size_t connect_max, struct mw_act **ret)
{
	struct mw_act *x = mw_alloc_zero(a, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->a = a;
	mw_buf_init(&x->text, a, MW_ACT_TEXT_MAX);
	r = mw_table_new(a, sizeof(struct mw_act_key), connect_max ? connect_max : 1, &x->held);
	if (r == 0)
		r = mw_conns_init(x);
	if (r == 0)
		r = mw_openfiles_init(x);
	if (r < 0) {
		mw_act_free(x);
		return r;
	}
	*ret = x;
	return 0;
}

static void held_free(struct mw_act *a, struct mw_act_held *h)
{
	mw_alloc_free(a->a, h, sizeof(*h));
}

void mw_act_free(struct mw_act *a)
{
	struct mw_act_held *h;
	size_t pos = 0;

	if (!a)
		return;
	while (a->held && (h = mw_table_next(a->held, &pos)))
		held_free(a, h);
	while ((h = a->ready)) {
		a->ready = h->next;
		held_free(a, h);
	}
	held_free(a, a->lent);
	mw_table_free(a->held);
	mw_conns_done(a);
	mw_openfiles_done(a);
	mw_buf_done(&a->text);
	mw_alloc_free(a->a, a, sizeof(*a));
}

/* --- actions --- */

struct mw_action mw_act_begin(enum mw_effect_kind kind, const struct mw_event_hdr *h)
{
	return (struct mw_action){
		.kind = kind,
		.ts_ns = h->ts_ns,
		.proc = mw_prockey_of(h),
		.tid = h->tid,
		.uid = h->uid,
		.candidate = h->flags & MW_EVF_CANDIDATE,
		.task = mw_task_of(h),
	};
}

int mw_act_give(struct mw_act *a, const struct mw_action *act)
{
	a->now = *act;
	a->has_now = true;
	return 0;
}

struct mw_slice mw_act_text(const struct mw_act *a, size_t from, size_t to)
{
	/* an empty text has no memory to point into */
	return to > from ? mw_slice(a->text.p + from, to - from) : mw_slice(NULL, 0);
}

static int on_exec(struct mw_act *a, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings s = mw_event_proc_strings(ev);
	struct mw_action act = mw_act_begin(MW_EFFECT_PROC_EXEC, &ev->hdr);

	act.target = s.exe;
	act.from_kernel = s.exe.n && ev->exe_state != MW_PATH_NONE;
	act.argv = s.argv;
	act.dev = ev->dev;
	act.ino = ev->ino;
	return mw_act_give(a, &act);
}

/* --- connects --- */

void mw_act_queue(struct mw_act *a, struct mw_act_held *h)
{
	h->next = NULL;
	if (a->ready)
		a->ready_tail->next = h;
	else
		a->ready = h;
	a->ready_tail = h;
}

/* 0 or -ENOMEM: the end of the connection it made will not come. */
static int make_ready(struct mw_act *a, struct mw_act_held *h, int64_t ret)
{
	mw_table_remove(a->held, &h->key);
	h->act.ret = ret;
	mw_act_queue(a, h);
	return ret == 0 && h->tcp ? mw_conn_add(a, &h->act) : 0;
}

static struct mw_act_result *result_find(struct mw_act *a, struct mw_act_key key)
{
	for (size_t i = 0; i < MW_ACT_RESULTS; i++) {
		struct mw_act_result *r = &a->results[i];

		if (r->used && r->key.chan == key.chan && r->key.gen == key.gen)
			return r;
	}
	return NULL;
}

static void result_put(struct mw_act *a, struct mw_act_result res)
{
	struct mw_act_result *old = result_find(a, res.key);

	if (!old) {
		old = &a->results[a->result_at];
		a->result_at = (a->result_at + 1) % MW_ACT_RESULTS;
	}
	*old = res;
}

/* Notes a result that is given now: asking for it again is no connect. */
static void tell(struct mw_act *a, struct mw_act_key key, const struct mw_action *act, int err)
{
	result_put(a, (struct mw_act_result){ key, act->ts_ns, act->peer, err, true, true });
}

static bool is_near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= RESULT_NEAR_NS;
}

static bool same_peer(const struct mw_addr *a, const struct mw_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Holds it, or gives it as it is where there is no memory to hold it. */
static int hold(struct mw_act *a, struct mw_action *act, struct mw_act_key key, bool tcp)
{
	struct mw_act_held *h = mw_alloc_zero(a->a, sizeof(*h));
	int r;

	if (!h)
		return mw_act_give(a, act);
	h->key = key;
	h->tcp = tcp;
	while ((r = mw_table_put(a->held, &key, h)) == -ENOSPC)
		make_ready(a, mw_table_oldest(a->held), -EINPROGRESS);
	if (r < 0 || act->target.n > sizeof(h->text)) {
		if (r == 0)
			mw_table_remove(a->held, &key);
		held_free(a, h);
		return mw_act_give(a, act);
	}
	h->act = *act;
	memcpy(h->text, act->target.p, act->target.n);
	h->act.target.p = (const uint8_t *)h->text;
	return 0;
}

/* What a connect call on a socket that can be followed means, given what is known of the socket. */
static int on_connect_stream(struct mw_act *a, const struct mw_ev_act *ev, struct mw_action *act)
{
	const struct mw_act_key key = { ev->chan, ev->gen };
	struct mw_act_held *h = mw_table_get(a->held, &key);
	struct mw_act_result *res = result_find(a, key);

	if (h && act->ret == -EALREADY)
		return 0;
	if (h && act->ret != -EINPROGRESS) {
		/* the same attempt, asked again: this is its end */
		int64_t end = act->ret == -EISCONN || act->ret > 0 ? 0 : act->ret;

		if (end >= -4095)
			tell(a, key, act, (int)-end);
		return make_ready(a, h, end);
	}
	if (h) /* a new attempt: the end of the one before was not seen */
		make_ready(a, h, -EINPROGRESS);
	if (res) {
		const struct mw_act_result was = *res;

		res->used = false;
		if (was.told) {
			if (act->ret != -EINPROGRESS && same_peer(&was.peer, &act->peer) &&
			    (act->ret == -was.err || (was.err == 0 && act->ret == -EISCONN)))
				return 0;
		} else if (act->ret == -EINPROGRESS && is_near(was.ts_ns, act->ts_ns)) {
			act->ret = -was.err;
			tell(a, key, act, was.err);
			return mw_act_give(a, act);
		}
	}
	if (act->ret != -EINPROGRESS)
		return mw_act_give(a, act);
	return hold(a, act, key, mw_act_is_tcp(ev));
}

static int on_connect(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = mw_act_begin(MW_EFFECT_NET_CONNECT, &ev->hdr);
	int r;

	act.ret = ev->ret;
	act.ino = ev->ino;
	act.chan = ev->chan;
	act.gen = ev->gen;
	act.from_kernel = ev->peer_from ||
			  (ev->peer.family == AF_UNIX && ev->path_state == MW_PATH_FULL);
	mw_buf_reset(&a->text, MW_ACT_TEXT_KEEP);
	r = mw_act_addr(a, ev, &ev->peer, &act);
	if (r <= 0)
		return r;
	if (ev->peer.family == AF_UNIX || (ev->chan == 0 && ev->gen == 0))
		return mw_act_give(a, &act);
	r = on_connect_stream(a, ev, &act);
	/* given now, not held: that comes out with its result */
	if (r == 0 && a->has_now && act.ret == 0 && mw_act_is_tcp(ev))
		r = mw_conn_add(a, &act);
	return r;
}

static int on_sock(struct mw_act *a, const struct mw_ev_sock *ev)
{
	const struct mw_act_key key = { ev->chan, ev->gen };
	struct mw_act_held *h = mw_table_get(a->held, &key);
	struct mw_act_result res = { key, ev->hdr.ts_ns, ev->peer, ev->err, true, false };
	const struct mw_act_result *old = h ? NULL : result_find(a, key);
	int r = 0;

	if (old && old->told && old->err == res.err && is_near(old->ts_ns, res.ts_ns))
		return 0;
	/* a hostile capture's: no result is negative */
	if (res.err < 0 || (ev->chan == 0 && ev->gen == 0))
		return 0;
	if (h) {
		res.told = true;
		res.peer = h->act.peer;
		r = make_ready(a, h, -(int64_t)ev->err);
	}
	result_put(a, res);
	return r;
}

/* --- all together --- */

static int on_end(struct mw_act *a, const struct mw_ev_exit *ev)
{
	struct mw_action act = mw_act_begin(MW_EFFECT_PROC_EXIT, &ev->hdr);
	struct mw_act_held *h;
	size_t pos = 0;

	if (mw_table_count(a->held))
		while ((h = mw_table_next(a->held, &pos)))
			if (mw_prockey_eq(h->act.proc, act.proc))
				make_ready(a, h, -EINPROGRESS);
	mw_conn_exit(a, act.proc, act.ts_ns);
	act.signal = ev->code & 0x7f;
	act.code = act.signal ? -1 : (ev->code >> 8) & 0xff;
	return mw_act_give(a, &act);
}

static int on_act(struct mw_act *a, const struct mw_ev_act *ev)
{
	switch (ev->op) {
	case MW_OP_CONNECT:
		return on_connect(a, ev);
	case MW_OP_BIND:
	case MW_OP_LISTEN:
	case MW_OP_ACCEPT:
	case MW_OP_SEND:
		return mw_act_on_net(a, ev);
	}
	if (ev->op >= MW_OP_KILL)
		return mw_act_on_proc(a, ev);
	return mw_act_on_file(a, ev);
}

int mw_act_push(struct mw_act *a, const struct mw_event_hdr *ev)
{
	switch (ev->type) {
	case MW_EV_ACT:
		return on_act(a, (const struct mw_ev_act *)ev);
	case MW_EV_EXEC:
		return on_exec(a, (const struct mw_ev_proc *)ev);
	case MW_EV_EXIT:
		return on_end(a, (const struct mw_ev_exit *)ev);
	case MW_EV_SOCK:
		return on_sock(a, (const struct mw_ev_sock *)ev);
	case MW_EV_CLOSE:
		return mw_act_on_close(a, (const struct mw_ev_close *)ev);
	}
	return 0;
}

void mw_act_tick(struct mw_act *a, uint64_t now_ns)
{
	struct mw_act_held *h;

	while ((h = mw_table_oldest(a->held)) && now_ns > h->act.ts_ns &&
	       now_ns - h->act.ts_ns > MW_ACT_CONNECT_WAIT_NS)
		make_ready(a, h, -EINPROGRESS);
}

void mw_act_finish(struct mw_act *a)
{
	struct mw_act_held *h;

	while ((h = mw_table_oldest(a->held)))
		make_ready(a, h, -EINPROGRESS);
}

int mw_act_next(struct mw_act *a, struct mw_action *ret)
{
	struct mw_act_held *h = a->ready;

	held_free(a, a->lent);
	a->lent = NULL;
	if (h) {
		a->ready = h->next;
		a->lent = h;
		*ret = h->act;
		return 1;
	}
	if (a->has_now) {
		a->has_now = false;
		*ret = a->now;
		return 1;
	}
	h = a->then;
	if (h) {
		a->then = NULL;
		a->lent = h;
		*ret = h->act;
		return 1;
	}
	return 0;
}

uint64_t mw_act_conns_lost(const struct mw_act *a)
{
	return a->conns_lost;
}
