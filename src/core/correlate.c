/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. A call is in `calls` from open to forget, and in its server's list open, or closed. One that
 *     had to be given up while open is counted in its server's given_up until its close, as `lost`
 *     knows it.
 *  2. server->tie, where it is set, names exactly the calls in open.
 *  3. Of one call a server has at most one place, in one of its lists.
 * The decision itself, and its invariant, stand in correlate_tie.c.
 */
#include "core/correlate_priv.h"

#include <errno.h>

#define PROCS_DEFAULT 65536
#define LOST_MAX      16384
#define GROUPS_MAX    65536
/* Of a call that was at more servers the others are trimmed with their own next call. */
#define FORGET_TRIMS 8

static const char why_gone[] = "the call that it seemed to be of was given up";

/* --- calls --- */

static void list_add(struct mw_corr_list *l, struct mw_corr_call *call)
{
	call->prev = l->tail;
	call->next = NULL;
	if (l->tail)
		l->tail->next = call;
	else
		l->head = call;
	l->tail = call;
}

static void list_del(struct mw_corr_list *l, struct mw_corr_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		l->head = call->next;
	if (call->next)
		call->next->prev = call->prev;
	else
		l->tail = call->prev;
}

static void open_changed(struct mw_correlate *c, struct mw_kin_server *s)
{
	mw_kin_tie_unref(c->a, s->tie);
	s->tie = NULL;
}

static void call_unlink(struct mw_correlate *c, struct mw_corr_call *call)
{
	struct mw_kin_server *s = call->server;

	if (!call->open || !call->read) {
		list_del(call->open ? &s->sent : &s->closed, call);
		return;
	}
	list_del(&s->open, call);
	s->n_open--;
	open_changed(c, s);
}

/* The first one; the others went before it. */
static void call_free(struct mw_correlate *c, struct mw_corr_call *call)
{
	c->stats.effects_unlisted += call->effects.unlisted;
	mw_args_free(call->args);
	mw_kin_tie_unref(c->a, call->tie);
	mw_effects_done(&call->effects);
	mw_kin_server_unref(c->a, call->server);
	mw_alloc_free(c->a, call, sizeof(*call));
}

struct mw_corr_call *mw_corr_call(const struct mw_correlate *c, uint64_t id)
{
	return mw_table_get(c->calls, &id);
}

/* Where there is no room even for this, the server is never sure again. */
static void give_up(struct mw_correlate *c, uint64_t id, struct mw_kin_server *s)
{
	s->given_up++;
	if (mw_table_put(c->lost, &id, s) == 0)
		s->refs++;
}

static void found_again(struct mw_correlate *c, uint64_t id)
{
	struct mw_kin_server *s = mw_table_remove(c->lost, &id);

	if (!s)
		return;
	s->given_up--;
	mw_kin_server_unref(c->a, s);
}

static void place_free(struct mw_correlate *c, struct mw_corr_call *place)
{
	mw_kin_tie_unref(c->a, place->tie);
	mw_kin_server_unref(c->a, place->server);
	mw_alloc_free(c->a, place, sizeof(*place));
}

static void call_drop(struct mw_correlate *c, struct mw_corr_call *call)
{
	struct mw_corr_call *place;

	while (call->leans)
		mw_claim_lean(call->leans, NULL, MW_LINK_SHARED, MW_CONF_SHARED, false, why_gone);
	mw_table_remove(c->calls, &call->id);
	while ((place = call->also)) {
		call->also = place->also;
		call_unlink(c, place);
		place_free(c, place);
	}
	call_unlink(c, call);
	call_free(c, call);
}

/* Whether it is closed everywhere. */
static bool is_closed(const struct mw_corr_call *x)
{
	for (; x; x = x->also)
		if (x->open)
			return false;
	return true;
}

/* The oldest that is closed already, else the oldest. */
static void call_evict(struct mw_correlate *c)
{
	struct mw_corr_call *call;
	size_t pos = 0;

	while ((call = mw_table_next(c->calls, &pos)) && !is_closed(call))
		;
	if (!call) {
		call = mw_table_oldest(c->calls);
		give_up(c, call->id, call->server);
		c->stats.calls_evicted++;
		/* of the others' servers nothing is sure any more: one is known of a lost call */
		for (struct mw_corr_call *x = call->also; x; x = x->also)
			x->server->given_up += x->open;
	}
	call_drop(c, call);
}

static void *counted_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct mw_correlate *c = ctx;
	void *q = c->cfg.alloc->resize(c->cfg.alloc->ctx, p, old, n);

	c->stats.nomem += !q && n;
	return q;
}

int mw_correlate_new(const struct mw_correlate_config *cfg, struct mw_correlate **ret)
{
	struct mw_correlate *c = mw_alloc_zero(cfg->alloc, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	c->own = (struct mw_alloc){ .resize = counted_resize, .ctx = c };
	c->a = &c->own;
	r = mw_table_new(c->a, sizeof(uint64_t), cfg->calls_max ? cfg->calls_max : 1, &c->calls);
	if (r == 0)
		r = mw_table_new(c->a, sizeof(uint64_t), LOST_MAX, &c->lost);
	if (r == 0)
		r = mw_table_new(c->a, sizeof(struct mw_corr_group_key), GROUPS_MAX, &c->groups);
	if (r == 0)
		r = mw_kin_new(c->a, cfg->procs_max ? cfg->procs_max : PROCS_DEFAULT, &c->kin);
	if (r < 0) {
		mw_correlate_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void mw_correlate_free(struct mw_correlate *c)
{
	struct mw_kin_server *s;
	struct mw_corr_call *call;
	size_t pos = 0;

	if (!c)
		return;
	while (c->calls && (call = mw_table_oldest(c->calls)))
		call_drop(c, call);
	pos = 0;
	while (c->lost && (s = mw_table_next(c->lost, &pos)))
		mw_kin_server_unref(c->a, s);
	mw_table_free(c->calls);
	mw_table_free(c->lost);
	mw_kin_free(c->kin);
	mw_corr_flow_free(c);
	mw_alloc_free(c->cfg.alloc, c, sizeof(*c));
}

static int serve(struct mw_correlate *c, struct mw_prockey key, struct mw_kin_node **ret)
{
	struct mw_kin_node *n;
	int r;

	r = mw_kin_note(c->kin, key, NULL, &n);
	if (r < 0)
		return r;
	r = mw_kin_serve(c->kin, n);
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

int mw_correlate_server(struct mw_correlate *c, struct mw_prockey server, uint64_t ts_ns)
{
	struct mw_kin_node *n;

	(void)ts_ns;
	return serve(c, server, &n);
}

static void effects_restart(struct mw_correlate *c, struct mw_corr_call *x)
{
	mw_effects_done(&x->effects);
	mw_effects_init(&x->effects, c->a, c->cfg.effects_bytes_max);
}

static void now_open(struct mw_correlate *c, struct mw_corr_call *x, uint64_t begin_ns)
{
	x->read = true;
	x->begin_ns = begin_ns;
	list_add(&x->server->open, x);
	x->server->n_open++;
	open_changed(c, x->server);
}

static int add_call(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		    struct mw_slice args, uint64_t ts_ns, bool read)
{
	struct mw_kin_node *n;
	struct mw_corr_call *x;
	int r;

	if (mw_corr_call(c, call))
		return -EEXIST;
	r = serve(c, server, &n);
	if (r < 0)
		return r;
	x = mw_alloc_zero(c->a, sizeof(*x));
	if (!x) {
		give_up(c, call, n->server);
		return -ENOMEM;
	}
	x->id = call;
	x->first = x;
	while ((r = mw_table_put(c->calls, &call, x)) == -ENOSPC)
		call_evict(c);
	if (r < 0) {
		give_up(c, call, n->server);
		mw_alloc_free(c->a, x, sizeof(*x));
		return r;
	}
	x->begin_ns = ts_ns;
	x->open = true;
	x->server = n->server;
	x->server->refs++;
	mw_effects_init(&x->effects, c->a, c->cfg.effects_bytes_max);
	if (read)
		now_open(c, x, ts_ns);
	else
		list_add(&x->server->sent, x);
	return mw_args_new(c->a, args, c->cfg.args_max, &x->args);
}

int mw_correlate_open(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      struct mw_slice args, uint64_t begin_ns)
{
	return add_call(c, call, server, args, begin_ns, true);
}

int mw_correlate_open_unconfirmed(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
				  struct mw_slice args, uint64_t begin_ns)
{
	int r = add_call(c, call, server, args, begin_ns, true);
	struct mw_corr_call *x = mw_corr_call(c, call);

	if (x && r != -EEXIST)
		x->unconfirmed = true;
	return r;
}

void mw_correlate_confirm(struct mw_correlate *c, uint64_t call)
{
	struct mw_corr_call *x = mw_corr_call(c, call);

	for (; x; x = x->also)
		x->unconfirmed = false;
}

int mw_correlate_send(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      struct mw_slice args, uint64_t sent_ns)
{
	return add_call(c, call, server, args, sent_ns, false);
}

struct mw_corr_call *mw_corr_place(struct mw_corr_call *x, const struct mw_kin_server *s)
{
	while (x && x->server != s)
		x = x->also;
	return x;
}

/* One that was sent has been read here. */
static void now_read(struct mw_correlate *c, struct mw_corr_call *x, uint64_t begin_ns)
{
	list_del(&x->server->sent, x);
	/* what was done before was done before it was read; of a later round nothing was claimed */
	if (x == x->first && !x->was_end_ns)
		effects_restart(c, x);
	now_open(c, x, begin_ns);
}

int mw_correlate_read(struct mw_correlate *c, uint64_t call, uint64_t begin_ns)
{
	struct mw_corr_call *x = mw_corr_call(c, call);

	while (x && (!x->open || x->read))
		x = x->also;
	if (!x)
		return -ENOENT;
	now_read(c, x, begin_ns);
	return 0;
}

/* One more place of a call, not open yet. NULL: no memory. */
static struct mw_corr_call *add_place(struct mw_correlate *c, struct mw_corr_call *first,
				      struct mw_kin_server *s)
{
	struct mw_corr_call *x = mw_alloc_zero(c->a, sizeof(*x));

	if (!x)
		return NULL;
	x->id = first->id;
	x->first = first;
	x->server = s;
	s->refs++;
	x->also = first->also;
	first->also = x;
	return x;
}

static int open_again(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      uint64_t begin_ns, bool read)
{
	struct mw_corr_call *first = mw_corr_call(c, call), *x;
	struct mw_kin_node *n;
	int r;

	if (!first)
		return -ENOENT;
	r = serve(c, server, &n);
	if (r < 0)
		return r;
	x = mw_corr_place(first, n->server);
	if (x && x->open) {
		if (read && !x->read)
			now_read(c, x, begin_ns);
		return 0;
	}
	if (x) {
		list_del(&x->server->closed, x);
		if (x->read) {
			x->was_begin_ns = x->begin_ns;
			x->was_end_ns = x->end_ns;
		}
	} else {
		x = add_place(c, first, n->server);
		if (!x) {
			n->server->given_up++; /* nobody will find it: never sure again */
			return -ENOMEM;
		}
		x->unconfirmed = first->unconfirmed;
	}
	x->open = true;
	x->read = false;
	x->begin_ns = begin_ns;
	if (read)
		now_open(c, x, begin_ns);
	else
		list_add(&x->server->sent, x);
	return 0;
}

int mw_correlate_reopen(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
			uint64_t begin_ns)
{
	return open_again(c, call, server, begin_ns, true);
}

int mw_correlate_resend(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
			uint64_t sent_ns)
{
	return open_again(c, call, server, sent_ns, false);
}

static void close_place(struct mw_correlate *c, struct mw_corr_call *x, uint64_t end_ns)
{
	const struct mw_kin_node *n = mw_kin_get(c->kin, x->server->key);

	if (!x->open)
		return;
	call_unlink(c, x);
	x->open = false;
	x->end_ns = end_ns;
	list_add(&x->server->closed, x);
	if (x->server->mind && end_ns > x->server->mind->ended_ns)
		x->server->mind->ended_ns = end_ns;
	if (end_ns > x->server->closed_end_ns)
		x->server->closed_end_ns = end_ns;
	if (n && n->rt_kind == MW_RT_PYTHON)
		mw_corr_past_note(mw_corr_mind(c, x->server), x);
}

int mw_correlate_move(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      uint64_t begin_ns)
{
	struct mw_corr_call *first = mw_corr_call(c, call), *x;
	bool unread = false;
	int r;

	for (x = first; x; x = x->also)
		unread |= x->open && !x->read;
	r = open_again(c, call, server, begin_ns, !unread);
	for (x = first; x; x = x->also)
		if (!mw_prockey_eq(x->server->key, server))
			close_place(c, x, begin_ns);
	/* what was done where it was only sent to was claimed on the word that it went there */
	if (unread && !first->was_end_ns)
		effects_restart(c, first);
	return r;
}

void mw_correlate_doubt(struct mw_correlate *c)
{
	struct mw_corr_call *first, *x;
	size_t pos = 0;

	while ((first = mw_table_next(c->calls, &pos)))
		for (x = first; x; x = x->also) {
			if (!x->open || x->doubted)
				continue;
			x->doubted = true;
			if (x == first && (x->unconfirmed || (!x->read && !x->was_end_ns)))
				effects_restart(c, x);
		}
}

int mw_correlate_args(struct mw_correlate *c, uint64_t call, struct mw_slice args)
{
	struct mw_corr_call *x = mw_corr_call(c, call);
	struct mw_args *new;
	int r;

	if (!x)
		return -ENOENT;
	r = mw_args_new(c->a, args, c->cfg.args_max, &new);
	if (r < 0)
		return r;
	mw_args_free(x->args);
	x->args = new;
	return 0;
}

void mw_correlate_close(struct mw_correlate *c, uint64_t call, uint64_t end_ns)
{
	struct mw_corr_call *x = mw_corr_call(c, call);

	if (!x)
		found_again(c, call);
	for (; x; x = x->also)
		close_place(c, x, end_ns);
}

/* Those that overlapped it will not find it any more. */
static void note_unclean(const struct mw_corr_call *x)
{
	for (; x; x = x->also)
		for (struct mw_corr_call *y = x->server->open.head; y && !x->clean; y = y->next)
			y->others_went |= y != x && y->begin_ns <= x->end_ns;
}

void mw_correlate_forget(struct mw_correlate *c, uint64_t call)
{
	struct mw_corr_call *x = mw_corr_call(c, call);

	struct mw_kin_server *servers[FORGET_TRIMS];
	size_t n = 0;

	if (!x) {
		found_again(c, call);
		return;
	}
	for (struct mw_corr_call *place = x; place && n < FORGET_TRIMS; place = place->also) {
		servers[n] = place->server;
		servers[n++]->refs++;
	}
	note_unclean(x);
	call_drop(c, x);
	while (n--) {
		mw_claims_trim(c, servers[n]);
		mw_kin_server_unref(c->a, servers[n]);
	}
}

struct mw_corr_call *mw_corr_candidate(const struct mw_kin_server *s, uint64_t ts_ns,
				       const struct mw_corr_call *prev)
{
	bool closed = prev ? !prev->open : ts_ns <= s->closed_end_ns;
	struct mw_corr_call *x = prev ? prev->next : closed ? s->closed.head : s->open.head;

	for (;; x = x->next) {
		if (!x && closed) {
			closed = false;
			x = s->open.head;
		}
		if (!x)
			return NULL;
		if (x->read && mw_corr_was_open(x, ts_ns))
			return x;
	}
}
