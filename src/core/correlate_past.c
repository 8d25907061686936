/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_past.c - the ids of calls that have ended, where a runtime's contexts say ids
 *
 * A handler may leave a task behind that goes on in its request's context. Its id is then no open
 * call's, or that of an open call of another session.
 */
#include "core/correlate_priv.h"

#define PAST_MAX 4096u
/* What a handler leaves behind acts this long after its answer, as far as is known. */
#define NEAR_NS 10000000000ull

enum { BY_NUMBER = 1, BY_TEXT };

static void put(struct mw_corr_mind *m, const uint64_t key[2], uint64_t call, uint64_t end_ns)
{
	struct mw_corr_past *p;

	if (!m->past && mw_table_new(m->a, sizeof(p->key), PAST_MAX, &m->past) < 0)
		return;
	p = mw_table_get(m->past, key);
	if (p) {
		if (p->of[0].call != call) { /* else it ended again: one of several rounds */
			memmove(p->of + 1, p->of, sizeof(p->of) - sizeof(p->of[0]));
			p->n++;
		}
		p->of[0].call = call;
		p->of[0].end_ns = end_ns;
		return;
	}
	if (mw_table_count(m->past) == PAST_MAX) {
		p = mw_table_oldest(m->past);
		(void)mw_table_remove(m->past, p->key);
		m->past_went = true;
	} else {
		p = mw_alloc_zero(m->a, sizeof(*p));
	}
	if (!p)
		return;
	*p = (struct mw_corr_past){ { key[0], key[1] }, { { call, end_ns } }, 1 };
	if (mw_table_put(m->past, p->key, p) < 0)
		mw_alloc_free(m->a, p, sizeof(*p));
}

void mw_corr_past_note(struct mw_corr_mind *m, const struct mw_corr_call *x)
{
	const struct mw_corr_id *id = &x->first->rpc;

	if (!m || !id->known)
		return;
	put(m, (uint64_t[]){ BY_TEXT, id->hash }, x->id, x->end_ns);
	if (id->is_int)
		put(m, (uint64_t[]){ BY_NUMBER, id->num }, x->id, x->end_ns);
}

const struct mw_corr_past *mw_corr_past(const struct mw_corr_mind *m, struct mw_task task)
{
	const uint64_t key[] = { task.flags & MW_EVF_ID_STR ? BY_TEXT : BY_NUMBER, task.of };

	return m->past ? mw_table_get(m->past, key) : NULL;
}

size_t mw_corr_past_near(const struct mw_corr_past *p, uint64_t ts_ns, uint64_t ret[])
{
	size_t n = 0;

	while (n < p->n && n < MW_PAST_KEPT && ts_ns < p->of[n].end_ns + NEAR_NS) {
		ret[n] = p->of[n].call;
		n++;
	}
	return n == MW_PAST_KEPT ? p->n : n;
}

void mw_corr_past_free(struct mw_corr_mind *m)
{
	struct mw_corr_past *p;

	while (m->past && (p = mw_table_oldest(m->past))) {
		mw_table_remove(m->past, p->key);
		mw_alloc_free(m->a, p, sizeof(*p));
	}
	mw_table_free(m->past);
	m->past = NULL;
}
