/* SPDX-License-Identifier: Apache-2.0 */
/* session_call.c - open calls: kept, found by conversation, direction and raw id */
#include <errno.h>

#include "base/hash.h"
#include "core/session_priv.h"

static int copy(struct mw_session *s, struct mw_slice from, struct mw_slice *ret)
{
	uint8_t *p;

	*ret = mw_slice(NULL, 0);
	if (!from.n)
		return 0;
	p = s->a->resize(s->a->ctx, NULL, 0, from.n);
	if (!p)
		return -ENOMEM;
	memcpy(p, from.p, from.n);
	*ret = mw_slice(p, from.n);
	return 0;
}

static void drop(struct mw_session *s, struct mw_slice *sl)
{
	mw_alloc_free(s->a, (void *)(uintptr_t)sl->p, sl->n);
	*sl = mw_slice(NULL, 0);
}

static void call_free(struct mw_session *s, struct call *c)
{
	drop(s, &c->pub.rpc_id);
	drop(s, &c->pub.method);
	drop(s, &c->pub.name);
	drop(s, &c->pub.uri);
	drop(s, &c->pub.trace);
	drop(s, &c->pub.args);
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

static void make_key(const struct mw_session *s, uint64_t key[3], const struct conv *conv, bool s2c,
		     struct mw_slice id)
{
	struct mw_buf tmp;

	key[0] = conv->id;
	key[1] = s2c;
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
	struct mw_slice from[5] = { rpc->method, rpc->name, rpc->uri }, held[5] = { { 0 } };
	struct mw_slice *to[5] = { &c->pub.method, &c->pub.name, &c->pub.uri, &c->pub.trace,
				   &c->pub.args };
	size_t i;
	int r = 0;

	if (rpc->meta.n)
		(void)mw_json_member(rpc->meta, "traceparent", &trace, NULL);
	if (trace.n > 2 && trace.p[0] == '"')
		from[3] = trace;
	if (args.n <= MW_SESSION_ARGS_MAX)
		from[4] = args;
	for (i = 0; i < 5 && r == 0; i++)
		r = copy(s, from[i], &held[i]);
	for (i = 0; i < 5; i++) {
		drop(s, r < 0 ? &held[i] : to[i]);
		if (r == 0)
			*to[i] = held[i];
	}
	if (r == 0)
		c->pub.args_bytes = args.n;
	return r;
}

int mw_call_new(struct mw_session *s, struct conv *conv, bool s2c, const struct mw_rpc *rpc,
		struct call **ret)
{
	struct call *c, *same;
	int r;

	c = mw_alloc_zero(s->a, sizeof(*c));
	if (!c)
		return -ENOMEM;
	r = copy(s, rpc->id, &c->pub.rpc_id);
	if (r == 0)
		r = mw_call_set_request(s, c, rpc);
	if (r < 0)
		goto fail;
	make_key(s, c->key, conv, s2c, rpc->id);
	same = mw_table_get(s->by_key, c->key);
	if (same) {
		for (;; same = same->same) {
			c->pub.id_reused |= mw_slice_eq(same->pub.rpc_id, rpc->id);
			if (!same->same)
				break;
		}
		same->same = c;
	} else {
		r = mw_table_put(s->by_key, c->key, c);
		if (r < 0)
			goto fail;
	}
	c->pub.id = ++s->last_call;
	c->pub.s2c = s2c;
	c->pub.session = conv->id;
	c->pub.server = conv->server;
	c->pub.client = conv->client;
	c->conv = conv;
	conv->n_calls++;
	c->prev = s->calls_tail;
	if (c->prev)
		c->prev->next = c;
	else
		s->calls = c;
	s->calls_tail = c;
	s->n_calls++;
	*ret = c;
	return 0;
fail:
	call_free(s, c);
	return r;
}

struct call *mw_call_find(struct mw_session *s, const struct conv *conv, bool s2c,
			  struct mw_slice id, const enum mw_end *over)
{
	uint64_t key[3];
	struct call *c, *other = NULL;

	make_key(s, key, conv, s2c, id);
	for (c = mw_table_get(s->by_key, key); c; c = c->same) {
		if (c->answers && !(over && c->answers->end != *over))
			continue;
		if (mw_slice_eq(c->pub.rpc_id, id))
			return c;
		if (!other && same_id(s, c->pub.rpc_id, id))
			other = c;
	}
	return other;
}

void mw_call_retire(struct mw_session *s, struct call *c)
{
	struct call *head = mw_table_get(s->by_key, c->key), *p;

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
	if (c->prev)
		c->prev->next = c->next;
	else
		s->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		s->calls_tail = c->prev;
	s->n_calls--;
	c->conv->n_calls--;
	if (c->asks)
		c->asks->call = NULL;
	if (c->answers)
		c->answers->call = NULL;
	c->next = s->gone_calls;
	s->gone_calls = c;
}

void mw_call_free_gone(struct mw_session *s)
{
	struct call *c, *next;

	for (c = s->gone_calls; c; c = next) {
		next = c->next;
		call_free(s, c);
	}
	s->gone_calls = NULL;
}
