/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_early.c - answers whose request is not known yet
 *
 * A server may answer before the end of the client's own write(2) was seen, if our view of what it
 * read is spoiled. Such an answer is kept for MW_SESSION_EARLY_NS; then, or beyond EARLY_MAX of
 * them, it is an answer to nothing.
 */
#include <errno.h>

#include "core/session_priv.h"

#define EARLY_MAX	64
#define EARLY_BYTES_MAX (4u << 20)

struct early {
	struct early *next;
	struct place at;   /* its conv and exchange are counted in their refs */
	struct mw_msg msg; /* its bytes are our own copy */
	struct item item;
	uint64_t since_ns;
};

static void early_free(struct mw_session *s, struct early *e)
{
	mw_alloc_free(s->a, (void *)(uintptr_t)e->msg.bytes.p, e->msg.bytes.n);
	mw_xchg_put(s, e->at.x);
	mw_conv_put(s, e->at.conv);
	mw_alloc_free(s->a, e, sizeof(*e));
}

void mw_sess_early_free(struct mw_session *s, bool all)
{
	struct early **lists[] = { &s->early_gone, &s->early };
	struct early *e, *next;
	size_t i;

	for (i = 0; i < (all ? 2u : 1u); i++) {
		for (e = *lists[i]; e; e = next) {
			next = e->next;
			early_free(s, e);
		}
		*lists[i] = NULL;
	}
}

/* Taken out of the list; its text stays until the queue has been read. */
static void retire(struct mw_session *s, struct early **at)
{
	struct early *e = *at;

	*at = e->next;
	s->n_early--;
	s->early_bytes -= e->msg.bytes.n;
	e->next = s->early_gone;
	s->early_gone = e;
}

static int say_unmatched(struct mw_session *s, const struct early *e)
{
	return mw_sess_say_anomaly(s, "answer.unmatched", &e->at, e->item.rpc.whole,
				   e->item.rpc.whole.n, NULL);
}

int mw_sess_early_hold(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		       const struct mw_rpc *rpc)
{
	struct early *e, **end;
	uint8_t *text;
	int r;

	if (s->early_bytes + rpc->whole.n > EARLY_BYTES_MAX)
		return -ENOSPC;
	while (s->n_early >= EARLY_MAX) {
		r = say_unmatched(s, s->early);
		if (r < 0)
			return r;
		retire(s, &s->early);
	}
	e = mw_alloc_zero(s->a, sizeof(*e));
	text = e ? s->a->resize(s->a->ctx, NULL, 0, rpc->whole.n) : NULL;
	if (!text) {
		mw_alloc_free(s->a, e, sizeof(*e));
		return -ENOMEM;
	}
	memcpy(text, rpc->whole.p, rpc->whole.n);
	e->at = *at;
	e->at.conn = NULL;
	e->at.conv = at->conv ? mw_conv_get(at->conv) : NULL;
	e->at.x = at->x ? mw_xchg_get(at->x) : NULL;
	e->msg = *m;
	e->msg.bytes = mw_slice(text, rpc->whole.n);
	e->msg.user = NULL;
	/* it was a message before, so it is one now */
	(void)mw_rpc_parse(e->msg.bytes, &e->item.rpc, NULL);
	e->item.base = text;
	e->since_ns = s->now_ns;
	for (end = &s->early; *end; end = &(*end)->next)
		;
	*end = e;
	s->n_early++;
	s->early_bytes += rpc->whole.n;
	return 0;
}

static bool answers(const struct early *e, const struct call *c)
{
	if (e->at.s2c == c->pub.s2c || !mw_slice_eq(e->item.rpc.id, c->id))
		return false;
	if (c->conv->scoped && !c->pub.s2c)
		return e->at.x && e->at.x == c->x;
	return e->at.conv == c->conv;
}

int mw_sess_early_answer(struct mw_session *s, struct call *c)
{
	struct early **at, *e;
	int r;

	for (at = &s->early; (e = *at); at = &e->next)
		if (answers(e, c)) {
			retire(s, at);
			r = mw_sess_say_anomaly(s, "answer.early", &e->at, e->item.rpc.id,
						e->item.rpc.id.n, c);
			return r < 0
				   ? r
				   : mw_sess_on_answer(s, &e->at, &e->msg, &e->item, &e->item.rpc);
		}
	return 0;
}

int mw_sess_early_leave(struct mw_session *s, const struct conv *cv)
{
	struct early **at = &s->early;
	int r = 0;

	while (*at) {
		if ((*at)->at.conv != cv) {
			at = &(*at)->next;
			continue;
		}
		if (r == 0)
			r = say_unmatched(s, *at);
		retire(s, at);
	}
	return r;
}

int mw_sess_early_tick(struct mw_session *s, bool last)
{
	int r;

	while (s->early && (last || s->now_ns >= s->early->since_ns + MW_SESSION_EARLY_NS)) {
		r = say_unmatched(s, s->early);
		if (r < 0)
			return r;
		retire(s, &s->early);
	}
	return 0;
}
