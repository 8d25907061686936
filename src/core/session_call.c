/* SPDX-License-Identifier: Apache-2.0 */
/* session_call.c - open calls: kept, found by conversation, direction and raw id */
#include <errno.h>

#include "core/session_priv.h"

int mw_sess_copy(struct mw_session *s, struct mw_slice from, struct mw_slice *ret)
{
	uint8_t *p;

	if (!from.n) {
		*ret = mw_slice(NULL, 0);
		return 0;
	}
	p = s->a->resize(s->a->ctx, NULL, 0, from.n);
	if (!p)
		return -ENOMEM;
	memcpy(p, from.p, from.n);
	*ret = mw_slice(p, from.n);
	return 0;
}

void mw_sess_drop(struct mw_session *s, struct mw_slice *sl)
{
	mw_alloc_free(s->a, (void *)(uintptr_t)sl->p, sl->n);
	*sl = mw_slice(NULL, 0);
}

static void kept_drop(struct mw_session *s, struct mw_call *c)
{
	mw_sess_drop(s, &c->kept.tokens);
	memset(&c->kept, 0, sizeof(c->kept));
}

int mw_session_keep(struct mw_session *s, struct mw_call *call, struct mw_slice bytes)
{
	struct mw_slice copy;
	int r = mw_sess_copy(s, bytes, &copy);

	if (r < 0)
		return r;
	mw_sess_drop(s, &call->kept.tokens);
	call->kept.tokens = copy;
	return 0;
}

static void call_free(struct mw_session *s, struct call *c)
{
	size_t i;

	mw_sess_drop(s, &c->pub.rpc_id);
	mw_sess_drop(s, &c->pub.method);
	mw_sess_drop(s, &c->pub.name);
	mw_sess_drop(s, &c->pub.uri);
	mw_sess_drop(s, &c->pub.trace);
	mw_sess_drop(s, &c->pub.args);
	mw_sess_drop(s, &c->pub.task);
	kept_drop(s, &c->pub);
	for (i = 0; i < c->pub.n_rounds && i < MW_CALL_ROUNDS_MAX; i++)
		mw_sess_drop(s, &c->pub.rounds[i].rpc_id);
	mw_xchg_describe_free(s, &c->pub.http);
	mw_sess_drop(s, &c->id);
	mw_sess_drop(s, &c->task_ref);
	s->result_bytes -= c->result.n;
	mw_sess_drop(s, &c->result);
	mw_call_set_xchg(s, c, NULL);
	mw_call_set_server(s, c, NULL);
	mw_call_set_conv(s, c, NULL);
	mw_alloc_free(s->a, c, sizeof(*c));
}

/* An id as it is compared: 1.0 and 1e0 are 1, "\u0061" is "a", as for the peers; 1 is not "1".
 * Whole numbers stay as they are written: beyond 2^53 only some peers tell them apart. In tmp, or
 * the id itself. */
static struct mw_slice plain_id(struct mw_slice id, struct mw_buf *tmp)
{
	bool string = id.n && id.p[0] == '"';
	size_t i;

	for (i = 0; i < id.n; i++)
		if (string ? id.p[i] == '\\' : id.p[i] == '.' || (id.p[i] | 0x20) == 'e')
			break;
	tmp->len = 0;
	if (i == id.n || mw_json_canonical(id, tmp) < 0)
		return id;
	return mw_buf_slice(tmp);
}

static bool same_id(struct mw_session *s, struct mw_slice a, struct mw_slice b)
{
	struct mw_buf ta, tb;
	bool same;

	if (mw_slice_eq(a, b))
		return true;
	mw_buf_init(&ta, s->a, 3 * a.n + 64);
	mw_buf_init(&tb, s->a, 3 * b.n + 64);
	same = mw_slice_eq(plain_id(a, &ta), plain_id(b, &tb));
	mw_buf_done(&ta);
	mw_buf_done(&tb);
	return same;
}

static void make_key(const struct mw_session *s, uint64_t key[3], const struct conv *conv,
		     const struct xchg *x, bool s2c, struct mw_slice id)
{
	struct mw_buf tmp;

	key[0] = conv->id;
	key[1] = s2c;
	if (conv->scoped && !s2c && x)
		key[1] = x->id << 1;
	mw_buf_init(&tmp, s->a, 3 * id.n + 64);
	key[2] = mw_hash64(plain_id(id, &tmp), s->cfg.seed);
	mw_buf_done(&tmp);
}

struct mw_slice mw_call_args_of(const struct mw_rpc *rpc)
{
	return rpc->arguments.n ? rpc->arguments : rpc->params;
}

int mw_call_set_request(struct mw_session *s, struct call *c, const struct mw_rpc *rpc)
{
	struct mw_slice args = mw_call_args_of(rpc), trace = { NULL, 0 };
	struct mw_slice from[6] = { rpc->method, rpc->name, rpc->uri }, held[6] = { { 0 } };
	struct mw_slice *to[6] = { &c->pub.method, &c->pub.name, &c->pub.uri,
				   &c->pub.trace,  &c->pub.args, &c->task_ref };
	size_t i;
	int r = 0;

	if (rpc->meta.n)
		(void)mw_json_member(rpc->meta, "traceparent", &trace, NULL);
	if (trace.n > 2 && trace.p[0] == '"')
		from[3] = trace;
	if (args.n <= MW_SESSION_ARGS_MAX)
		from[4] = args;
	if (rpc->task_id.n <= MW_SESSION_TASK_MAX)
		from[5] = rpc->task_id;
	for (i = 0; i < 6 && r == 0; i++)
		r = mw_sess_copy(s, from[i], &held[i]);
	for (i = 0; i < 6; i++) {
		mw_sess_drop(s, r < 0 ? &held[i] : to[i]);
		if (r == 0)
			*to[i] = held[i];
	}
	if (r == 0) {
		kept_drop(s, &c->pub);
		c->pub.args_bytes = args.n;
		c->text_hash = mw_hash64(rpc->whole, s->cfg.seed);
		c->sense_hash = 0;
	}
	return r;
}

/* Its key is free or another call's: then it is one more of that id. */
static int put_key(struct mw_session *s, struct call *c)
{
	struct call *same = mw_table_get(s->by_key, c->key);
	int r;

	c->same = NULL;
	if (!same) {
		r = mw_table_put(s->by_key, c->key, c);
		c->keyed = r == 0;
		return r;
	}
	for (;; same = same->same) {
		c->pub.id_reused |= !same->waiting && mw_slice_eq(same->id, c->id);
		if (!same->same)
			break;
	}
	same->same = c;
	c->keyed = true;
	return 0;
}

void mw_call_unkey(struct mw_session *s, struct call *c)
{
	struct call *head, *p;

	if (!c->keyed)
		return;
	c->keyed = false;
	head = mw_table_get(s->by_key, c->key);
	if (head == c) {
		(void)mw_table_remove(s->by_key, c->key);
		/* cannot fail: a place has just become free */
		if (c->same)
			(void)mw_table_put(s->by_key, c->key, c->same);
	} else {
		for (p = head; p; p = p->same)
			if (p->same == c) {
				p->same = c->same;
				break;
			}
	}
	c->same = NULL;
}

int mw_call_set_id(struct mw_session *s, struct call *c, const struct place *at, struct mw_slice id)
{
	struct mw_slice held;
	int r = mw_sess_copy(s, id, &held);

	if (r < 0)
		return r;
	mw_call_unkey(s, c);
	mw_sess_drop(s, &c->id);
	c->id = held;
	make_key(s, c->key, at->conv, at->x, c->pub.s2c, id);
	return put_key(s, c);
}

void mw_call_set_conv(struct mw_session *s, struct call *c, struct conv *cv)
{
	struct conv *old = c->conv;

	if (old == cv)
		return;
	dl_del(&c->in_conv);
	c->conv = cv ? mw_conv_get(cv) : NULL;
	if (cv) {
		dl_add(&cv->calls, &c->in_conv);
		c->pub.session = cv->id;
		c->pub.transport = cv->transport;
	}
	if (c->keyed && cv) {
		mw_call_unkey(s, c);
		make_key(s, c->key, cv, c->x, c->pub.s2c, c->id);
		/* no entry was added but the one just taken out */
		(void)put_key(s, c);
	}
	mw_conv_put(s, old);
}

void mw_call_set_xchg(struct mw_session *s, struct call *c, struct xchg *x)
{
	struct xchg *old = c->x;

	if (old == x)
		return;
	dl_del(&c->in_x);
	c->x = x ? mw_xchg_get(x) : NULL;
	if (x)
		dl_add(&x->calls, &c->in_x);
	mw_xchg_put(s, old);
}

void mw_call_set_server(struct mw_session *s, struct call *c, struct mw_server *sv)
{
	(void)s;
	if (c->pub.server == sv)
		return;
	dl_del(&c->in_serv);
	if (c->pub.server)
		mw_serv(c->pub.server)->refs--;
	c->pub.server = sv;
	if (!sv)
		return;
	mw_serv(sv)->refs++;
	if (!c->shadow)
		dl_add(&mw_serv(sv)->calls, &c->in_serv);
}

int mw_call_new(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc,
		struct call *lead, struct call **ret)
{
	struct call *c = mw_alloc_zero(s->a, sizeof(*c));
	struct dl *links[6];
	size_t i;
	int r;

	if (!c)
		return -ENOMEM;
	links[0] = &c->all;
	links[1] = &c->in_conv;
	links[2] = &c->in_serv;
	links[3] = &c->in_x;
	links[4] = &c->held;
	links[5] = &c->waits;
	for (i = 0; i < 6; i++)
		dl_init(links[i]);
	c->lead = lead;
	c->shadow = lead != NULL;
	c->pub.s2c = at->s2c;
	mw_call_set_xchg(s, c, at->x);
	if (at->x && !at->s2c)
		at->x->requests = true;
	mw_call_set_conv(s, c, at->conv);
	r = mw_sess_copy(s, rpc->id, &c->pub.rpc_id);
	if (r == 0 && !lead)
		r = mw_call_set_request(s, c, rpc);
	if (r == 0 && !lead && at->x)
		r = mw_xchg_describe(s, at->x, &c->pub.http);
	if (r == 0)
		r = mw_call_set_id(s, c, at, rpc->id);
	if (r < 0) {
		call_free(s, c);
		return r;
	}
	c->pub.id = lead ? lead->pub.id : ++s->last_call;
	mw_call_set_server(s, c, at->conv->server);
	c->pub.client = at->conv->client;
	if (mw_prockey_none(c->pub.client))
		c->pub.client_addr = at->conv->client_addr;
	if (at->x && at->x->conn)
		c->pub.client_end = at->x->conn->from;
	dl_add(&s->calls, &c->all);
	s->n_calls++;
	*ret = c;
	return 0;
}

static bool has_answer(const struct call *c, const enum mw_end *over)
{
	return c->answers && !(over && c->answers->end != *over);
}

struct call *mw_call_find(struct mw_session *s, const struct conv *conv, const struct xchg *x,
			  bool s2c, struct mw_slice id, const enum mw_end *over)
{
	struct call *c, *best = NULL;
	int score, best_score = 0;
	uint64_t key[3];

	make_key(s, key, conv, x, s2c, id);
	for (c = mw_table_get(s->by_key, key); c; c = c->same) {
		if (has_answer(c, over))
			continue;
		score = mw_slice_eq(c->id, id) ? 2 : 0;
		if (!score && !same_id(s, c->id, id))
			continue;
		score += 1 + (x && c->x == x ? 4 : 0);
		if (score > best_score) {
			best_score = score;
			best = c;
		}
	}
	return best;
}

struct call *mw_call_find_only(struct mw_session *s, const struct conv *conv, bool s2c,
			       struct mw_slice id, const enum mw_end *over)
{
	struct call *found = NULL;
	struct dl *l;

	for (l = conv->calls.next; l != &conv->calls; l = l->next) {
		struct call *c = MW_OF(l, struct call, in_conv);

		if (!c->keyed || c->pub.s2c != s2c || has_answer(c, over) || !same_id(s, c->id, id))
			continue;
		if (found)
			return NULL;
		found = c;
	}
	return found;
}

void mw_call_retire(struct mw_session *s, struct call *c)
{
	mw_relay_forget(s, c);
	mw_round_forget(s, c);
	mw_call_unkey(s, c);
	s->n_cancelled -= c->pub.cancelled;
	dl_del(&c->all);
	dl_del(&c->in_conv);
	dl_del(&c->in_serv);
	dl_del(&c->in_x);
	dl_del(&c->held);
	s->n_calls--;
	if (c->asks)
		c->asks->call = NULL;
	if (c->answers)
		c->answers->call = NULL;
	c->asks = c->answers = NULL;
	dl_add(&s->gone_calls, &c->all);
}

void mw_call_free_gone(struct mw_session *s)
{
	while (!dl_empty(&s->gone_calls)) {
		struct call *c = MW_OF(s->gone_calls.next, struct call, all);

		dl_del(&c->all);
		call_free(s, c);
	}
}
