/* SPDX-License-Identifier: Apache-2.0 */
/* policy_alert.c - what is said at once, what is folded, and which calls rules fired for */
#include <errno.h>

#include "core/policy_state.h"

#define SUPPRESS_NS   300000000000ull
#define LOOK_EVERY_NS 1000000000ull

static void emit(struct mw_policy *p, struct mw_tell *t)
{
	t->next = NULL;
	if (p->last)
		p->last->next = t;
	else
		p->first = t;
	p->last = t;
	p->stats.alerts++;
}

static void due_by(struct mw_policy *p, uint64_t ns)
{
	if (ns < p->due_ns)
		p->due_ns = ns;
}

static uint64_t after(uint64_t ns, uint64_t more)
{
	return ns > UINT64_MAX - more ? UINT64_MAX : ns + more;
}

/* --- folds --------------------------------------------------------------------------------------
 */

void mw_policy_fold_free(struct mw_policy *p, struct mw_fold *f)
{
	mw_tell_free(p, f->tell);
	mw_alloc_free(p->a, f, sizeof(*f));
}

/* Takes it out of the table; what it holds is said. */
static void fold_end(struct mw_policy *p, struct mw_fold *f)
{
	struct mw_tell *t = f->tell;

	mw_table_remove(p->folds, f->key);
	f->tell = NULL;
	mw_policy_fold_free(p, f);
	if (t)
		emit(p, t);
}

static int fold_into(struct mw_policy *p, struct mw_tell **t, uint64_t window_ns,
		     const struct mw_cause *c, const struct mw_look_at *x)
{
	int r;

	p->stats.folded++;
	if (*t) {
		mw_tell_add(p, *t, c, x);
		return 0;
	}
	r = mw_tell_new(p, c, x, t);
	if (r < 0)
		return r;
	(*t)->count = 1;
	(*t)->window_ns = window_ns;
	return 0;
}

static int fold_new(struct mw_policy *p, const uint8_t key[16], uint32_t rule, struct mw_fold **ret)
{
	struct mw_fold *f = mw_alloc_zero(p->a, sizeof(*f)), *old;
	int r;

	if (!f)
		return -ENOMEM;
	memcpy(f->key, key, sizeof(f->key));
	f->rule = rule;
	while ((r = mw_table_put(p->folds, key, f)) == -ENOSPC) {
		old = mw_table_oldest(p->folds);
		if (old->until_ns > p->now_ns)
			p->stats.evicted++;
		fold_end(p, old);
	}
	if (r < 0) {
		mw_policy_fold_free(p, f);
		return r;
	}
	*ret = f;
	return 0;
}

/* Whether one more may be said in this minute, and then counts it. */
static bool take_place(struct mw_policy *p, uint32_t rule)
{
	struct mw_burst *b = &p->burst[rule];

	if (p->now_ns - b->from_ns >= MW_MINUTE_NS && !b->tell) {
		b->from_ns = p->now_ns;
		b->n = 0;
	}
	if (p->now_ns - p->all_from_ns >= MW_MINUTE_NS) {
		p->all_from_ns = p->now_ns;
		p->all_n = 0;
	}
	if (b->n >= MW_POLICY_BURST || p->all_n >= MW_POLICY_BURST_ALL)
		return false;
	b->n++;
	p->all_n++;
	return true;
}

static unsigned int suppress_by(const struct mw_policy_rule *x)
{
	if (x->suppress_by)
		return x->suppress_by;
	return x->by && (x->at_least || x->n_steps) ? x->by
						    : MW_KEY_SERVER | MW_KEY_TOOL | MW_KEY_TARGET;
}

int mw_policy_fire(struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x)
{
	const struct mw_rule_of *o = &p->set->rule[c->rule];
	const uint64_t wait = o->from->suppress_ns ? o->from->suppress_ns : SUPPRESS_NS;
	struct mw_burst *b = &p->burst[c->rule];
	struct mw_fold *f;
	struct mw_tell *t;
	uint8_t key[16];
	int r;

	(void)mw_policy_key(o, suppress_by(o->from), x, true, key);
	f = mw_table_get(p->folds, key);
	if (f && p->now_ns < f->until_ns)
		return fold_into(p, &f->tell, wait, c, x);
	if (f)
		fold_end(p, f);
	if (b->tell && p->now_ns - b->from_ns >= MW_MINUTE_NS) {
		t = b->tell;
		b->tell = NULL;
		emit(p, t);
	}
	if (!take_place(p, c->rule)) {
		due_by(p, after(b->from_ns, MW_MINUTE_NS));
		return fold_into(p, &b->tell, MW_MINUTE_NS, c, x);
	}
	r = mw_tell_new(p, c, x, &t);
	if (r < 0)
		return r;
	emit(p, t);
	r = fold_new(p, key, c->rule, &f);
	if (r < 0)
		return r;
	f->until_ns = after(p->now_ns, wait);
	due_by(p, f->until_ns);
	return 0;
}

void mw_policy_due(struct mw_policy *p, uint64_t now_ns, bool all)
{
	struct mw_fold *f;
	struct mw_tell *t;
	size_t pos = 0;

	if (!all && (now_ns < p->due_ns || now_ns - p->looked_ns < LOOK_EVERY_NS))
		return;
	p->looked_ns = now_ns;
	p->due_ns = UINT64_MAX;
	while ((f = mw_table_next(p->folds, &pos))) {
		if (all || f->until_ns <= now_ns)
			fold_end(p, f);
		else
			due_by(p, f->until_ns);
	}
	for (size_t i = 0; i < p->set->n; i++) {
		struct mw_burst *b = &p->burst[i];

		t = b->tell;
		if (!t)
			continue;
		if (!all && now_ns - b->from_ns < MW_MINUTE_NS) {
			due_by(p, after(b->from_ns, MW_MINUTE_NS));
			continue;
		}
		b->tell = NULL;
		emit(p, t);
	}
}

/* --- which calls --------------------------------------------------------------------------------
 */

void mw_policy_fired_free(struct mw_policy *p, struct mw_fired *f)
{
	if (f)
		mw_alloc_free(p->a, f->id, f->cap_ids * sizeof(*f->id));
	mw_alloc_free(p->a, f, sizeof(*f));
}

static int fired_of(struct mw_policy *p, uint64_t call, struct mw_fired **ret)
{
	struct mw_fired *f = mw_table_get(p->fired, &call), *old;
	int r;

	if (!f) {
		f = mw_alloc_zero(p->a, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->call = call;
		while ((r = mw_table_put(p->fired, &call, f)) == -ENOSPC) {
			old = mw_table_oldest(p->fired);
			mw_table_remove(p->fired, &old->call);
			mw_policy_fired_free(p, old);
			p->stats.evicted++;
		}
		if (r < 0) {
			mw_policy_fired_free(p, f);
			return r;
		}
	}
	*ret = f;
	return 0;
}

int mw_policy_note_fired(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x)
{
	struct mw_fired *f;
	size_t k;
	int r;

	for (size_t i = 0; i < x->n_calls; i++) {
		r = fired_of(p, x->calls[i], &f);
		if (r < 0)
			return r;
		for (k = 0; k < f->n_ids && f->id[k] != rule; k++)
			;
		if (k < f->n_ids)
			continue;
		f->n++;
		if (f->n_ids == MW_FIRED_IDS_MAX)
			continue;
		r = mw_grow(p->a, &f->id, &f->cap_ids, f->n_ids + 1, sizeof(*f->id));
		if (r < 0)
			return r;
		f->id[f->n_ids++] = rule;
	}
	return 0;
}

size_t mw_policy_fired(const struct mw_policy *p, uint64_t call, const char **ids, size_t max)
{
	const struct mw_fired *f = mw_table_get(p->fired, &call);

	for (size_t i = 0; f && i < f->n_ids && i < max; i++)
		ids[i] = p->set->rule[f->id[i]].from->id;
	return f ? (size_t)f->n : 0;
}

void mw_policy_forget(struct mw_policy *p, uint64_t call)
{
	mw_policy_fired_free(p, mw_table_remove(p->fired, &call));
}
