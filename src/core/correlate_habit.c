/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_habit.c - what a server does while no call is open, and what stands in an answer
 *
 * Invariant: both only decide where nothing better does, and never make more than `likely`.
 */
#include "core/correlate_priv.h"

#include <errno.h>

#include "base/hash.h"

#define HABITS_MAX 4096u
/* Behind an answer its own work may end; what is done later is done without a call. */
#define QUIET_NS 20000000ull
/* Of an answer: bytes that are looked at, and paths that are taken out. */
#define TEXT_MAX  262144u
#define PATHS_MAX 1024u
/* A shorter path stands in too many texts by chance. */
#define PATH_MIN 8

static const char why_response[] =
    "what was acted on stands in this call's answer, and in the arguments of no other open call";

struct habit {
	uint64_t key[2];
};

enum { WHAT = 1, WHERE };

/* The directory of a path, the address without its port; else all of it. */
static struct mw_slice place_of(struct mw_slice target)
{
	const bool path = target.n && target.p[0] == '/';
	size_t n = target.n;

	while (n > 1 && target.p[n - 1] != (path ? '/' : ':'))
		n--;
	return n > 1 ? mw_slice(target.p, n - 1) : target;
}

static void key_of(const struct mw_action *act, int level, uint64_t key[2])
{
	const struct mw_slice s = level == WHAT ? act->target : place_of(act->target);
	const uint64_t seed = (uint64_t)act->kind << 8 | (uint64_t)level;

	key[0] = mw_hash64(s, seed);
	key[1] = mw_hash64(s, ~seed);
}

static void remember(struct mw_corr_mind *m, const uint64_t key[2])
{
	struct habit *h;

	if (!m->habits && mw_table_new(m->a, sizeof(h->key), HABITS_MAX, &m->habits) < 0)
		return;
	if (mw_table_get(m->habits, key))
		return;
	if (mw_table_count(m->habits) == HABITS_MAX) {
		h = mw_table_oldest(m->habits);
		(void)mw_table_remove(m->habits, h->key);
	} else {
		h = mw_alloc_zero(m->a, sizeof(*h));
	}
	if (!h)
		return;
	h->key[0] = key[0];
	h->key[1] = key[1];
	if (mw_table_put(m->habits, h->key, h) < 0)
		mw_alloc_free(m->a, h, sizeof(*h));
}

void mw_corr_habits_free(struct mw_corr_mind *m)
{
	struct habit *h;

	while (m->habits && (h = mw_table_oldest(m->habits))) {
		mw_table_remove(m->habits, h->key);
		mw_alloc_free(m->a, h, sizeof(*h));
	}
	mw_table_free(m->habits);
	m->habits = NULL;
}

void mw_corr_habit_note(struct mw_kin_server *s, const struct mw_action *act)
{
	struct mw_corr_mind *m = s->mind;
	uint64_t key[2];

	if (!m || !m->asked || !act->target.n || act->ts_ns < m->ended_ns + QUIET_NS)
		return;
	for (int level = WHAT; level <= WHERE; level++) {
		key_of(act, level, key);
		remember(m, key);
	}
}

enum mw_corr_habit mw_corr_habit(const struct mw_kin_server *s, const struct mw_action *act)
{
	const struct mw_corr_mind *m = s->mind;
	uint64_t key[2];

	if (!m || !m->habits || !act->target.n)
		return MW_HABIT_NO;
	key_of(act, WHAT, key);
	if (mw_table_get(m->habits, key))
		return MW_HABIT_SAME;
	key_of(act, WHERE, key);
	return mw_table_get(m->habits, key) ? MW_HABIT_ALIKE : MW_HABIT_NO;
}

/* --- answers -------------------------------------------------------------------------------------
 */

struct paths {
	uint64_t slot[2 * PATHS_MAX];
	size_t n;
};

/* What ends a path in a text, that people or JSON wrote. */
static bool ends_path(uint8_t c)
{
	return c <= ' ' || memchr("\"\\'`,;:()<>[]{}|*?", c, 18) != NULL;
}

static uint64_t hash_path(struct mw_slice s)
{
	return mw_hash64(s, 0) | 1;
}

static void paths_add(struct paths *p, struct mw_slice s)
{
	const uint64_t h = hash_path(s);
	size_t i = h % (2 * PATHS_MAX);

	while (p->slot[i] && p->slot[i] != h)
		i = (i + 1) % (2 * PATHS_MAX);
	p->n += p->slot[i] == 0;
	p->slot[i] = h;
}

static bool paths_has(const struct paths *p, struct mw_slice s)
{
	const uint64_t h = hash_path(s);
	size_t i = h % (2 * PATHS_MAX);

	while (p->slot[i] && p->slot[i] != h)
		i = (i + 1) % (2 * PATHS_MAX);
	return p->slot[i] == h;
}

static void paths_take(struct paths *p, struct mw_slice text)
{
	size_t n;

	if (text.n > TEXT_MAX)
		text.n = TEXT_MAX;
	for (size_t at = 0; at < text.n && p->n < PATHS_MAX; at += n + 1) {
		n = 0;
		if (text.p[at] != '/' || (at && !ends_path(text.p[at - 1])))
			continue;
		while (at + n < text.n && !ends_path(text.p[at + n]))
			n++;
		if (at + n == text.n && n) /* it may be cut */
			return;
		if (n > PATH_MIN && text.p[at + n - 1] == '.') /* of the sentence */
			paths_add(p, mw_slice(text.p + at, n - 1));
		if (n >= PATH_MIN)
			paths_add(p, mw_slice(text.p + at, n));
	}
}

/* Whether another call that was open may have named it. */
static bool named_elsewhere(const struct mw_claim *cl, const struct mw_corr_call *x)
{
	const struct mw_action act = { .kind = cl->kind,
				       .target = mw_slice(cl->text, cl->n_target),
				       .target2 =
					   mw_slice(cl->text + cl->n_target, cl->n_target2) };
	struct mw_args_query q;

	mw_args_query_init(&q, &act);
	for (struct mw_corr_call *y = NULL; (y = mw_corr_candidate(x->server, cl->ts_ns, y));)
		if (y->first != x->first &&
		    (!y->first->args || mw_args_match(y->first->args, &q) != MW_ARGS_NONE))
			return true;
	return false;
}

void mw_corr_by_response(struct mw_correlate *c, struct mw_corr_call *x, struct mw_slice text)
{
	struct mw_corr_mind *m = x->server->mind;
	struct mw_claim *cl, *next;
	struct paths *p;

	if (!m || !m->head || !text.n || x->doubted || x->unconfirmed || x->server->given_up)
		return;
	p = mw_alloc_zero(c->a, sizeof(*p));
	if (!p)
		return; /* less is claimed */
	paths_take(p, text);
	for (cl = p->n ? m->head : NULL; cl; cl = next) {
		struct mw_slice target = mw_slice(cl->text, cl->n_target);

		next = cl->next;
		if (cl->lean || cl->torn || target.n < PATH_MIN || target.p[0] != '/' ||
		    (cl->task && m->works) || !mw_claim_could_be(cl, x, x->server->key) ||
		    !paths_has(p, target) || named_elsewhere(cl, x))
			continue;
		mw_claim_lean(cl, x, MW_LINK_RESPONSE, MW_CONF_LIKELY, false, why_response);
		mw_corr_flow_decided(cl);
	}
	mw_alloc_free(c->a, p, sizeof(*p));
}
