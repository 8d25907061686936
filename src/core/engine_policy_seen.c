/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy_seen.c - what a server did before: files that it made, and what it does again
 *
 * Opened with O_CREAT counts as made, unless the server was seen to have it open before: whether it
 * was there already is not known. Habits that go for others' room are new again, and no more.
 */
#include "core/engine_policy.h"

#include <errno.h>

#include "base/hash.h"

struct made {
	uint64_t key[2]; /* server, hash of the path */
	uint64_t dev, ino;
	bool found; /* it was there before */
};

struct habit {
	uint64_t key[2];
	uint64_t call; /* 0: none */
	bool several;  /* or it is not sure which */
};

static void key_of(const struct mw_engine *e, const struct pol_server *ps, uint64_t what,
		   struct mw_slice text, uint64_t ret[2])
{
	ret[0] = ps->id;
	ret[1] = mw_hash64(text, e->run_id ^ what << 32);
}

/* Puts one, the oldest going for it. NULL: no memory. */
static void *put(struct mw_engine *e, struct mw_table *t, size_t max, size_t size,
		 const uint64_t key[2])
{
	uint64_t *v, *old;

	if (mw_table_count(t) == max) {
		old = mw_table_oldest(t);
		(void)mw_table_remove(t, old);
		if (t == e->policy->made && !((struct made *)(void *)old)->found)
			e->policy->lost.made++;
		mw_alloc_free(e->a, old, size);
	}
	v = mw_alloc_zero(e->a, size);
	if (v) {
		v[0] = key[0];
		v[1] = key[1];
	}
	if (!v || mw_table_put(t, v, v) < 0) {
		mw_alloc_free(e->a, v, size);
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	return v;
}

static void forget(struct mw_engine *e, struct mw_table *t, const uint64_t key[2], size_t size)
{
	void *v = mw_table_remove(t, key);

	mw_alloc_free(e->a, v, size);
}

/* --- files --------------------------------------------------------------------------------------
 */

static struct made *made_get(struct mw_engine *e, const struct pol_server *ps, struct mw_slice path)
{
	uint64_t key[2];

	key_of(e, ps, 0, path, key);
	return mw_table_get(e->policy->made, key);
}

static void made_put(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act,
		     struct mw_slice path, bool found)
{
	struct made *m = made_get(e, ps, path);
	uint64_t key[2];

	if (!path.n)
		return;
	if (!m) {
		key_of(e, ps, 0, path, key);
		m = put(e, e->policy->made, MW_POL_MADE_MAX, sizeof(*m), key);
		if (!m)
			return;
		m->found = found;
	}
	m->dev = act->dev;
	m->ino = act->ino;
}

static void made_drop(struct mw_engine *e, const struct pol_server *ps, struct mw_slice path)
{
	uint64_t key[2];

	key_of(e, ps, 0, path, key);
	forget(e, e->policy->made, key, sizeof(struct made));
}

static bool is_made(const struct made *m, const struct mw_action *act)
{
	if (!m || m->found)
		return false;
	return !m->ino || !act->ino || (m->ino == act->ino && m->dev == act->dev);
}

/* What this leaves there. */
static void make(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act,
		 bool own)
{
	const struct mw_slice mode = mw_slice_str(act->mode);

	switch (act->kind) {
	case MW_EFFECT_FILE_OPEN:
		if (!act->is_dir)
			made_put(e, ps, act, act->target, !memmem(mode.p, mode.n, "+create", 7));
		break;
	case MW_EFFECT_FILE_MKDIR:
	case MW_EFFECT_FILE_MKNOD:
	case MW_EFFECT_FILE_SYMLINK:
		made_drop(e, ps, act->target);
		made_put(e, ps, act, act->target, false);
		break;
	case MW_EFFECT_FILE_LINK:
		made_put(e, ps, act, act->target2, false);
		break;
	case MW_EFFECT_FILE_RENAME:
		made_drop(e, ps, act->target);
		made_drop(e, ps, act->target2);
		made_put(e, ps, act, act->target2, !own);
		break;
	case MW_EFFECT_FILE_DELETE:
	case MW_EFFECT_FILE_RMDIR:
		made_drop(e, ps, act->target);
		break;
	default:
		break;
	}
}

bool mw_pol_made(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act)
{
	bool own;

	if (act->kind > MW_EFFECT_FILE_UMOUNT || !act->target.n)
		return false;
	own = is_made(made_get(e, ps, act->target), act);
	if (act->ret >= 0)
		make(e, ps, act, own);
	return own;
}

/* --- habits -------------------------------------------------------------------------------------
 */

/* The same to the same: of connections to the same address, whatever the port on this side. */
static void habit_key(const struct mw_engine *e, const struct pol_server *ps,
		      const struct mw_action *act, uint64_t ret[2])
{
	key_of(e, ps, act->kind, act->target, ret);
}

static bool is_candidate(const struct mw_tie *tie, uint64_t call)
{
	for (size_t i = 0; i < tie->n_candidates && i < MW_CANDIDATES_MAX; i++)
		if (tie->candidates[i] == call)
			return true;
	return tie->n_candidates > MW_CANDIDATES_MAX;
}

bool mw_pol_habit(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act,
		  const struct mw_tie *tie)
{
	const bool unsure = tie->pending || tie->link == MW_LINK_SHARED;
	struct habit *h;
	uint64_t key[2];
	bool before;

	if (!act->target.n)
		return false;
	habit_key(e, ps, act, key);
	h = mw_table_get(e->policy->habits, key);
	if (!h) {
		h = put(e, e->policy->habits, MW_POL_HABITS_MAX, sizeof(*h), key);
		if (h) {
			h->call = tie->call;
			h->several = unsure;
		}
		return false;
	}
	before = !h->several && h->call != tie->call && !is_candidate(tie, h->call);
	if (h->several && !unsure) {
		/* from now on it is known of one */
		h->call = tie->call;
		h->several = false;
	}
	return before || (!tie->call && !unsure);
}

void mw_pol_seen_free(struct mw_engine *e)
{
	struct mw_table *t[2] = { e->policy->made, e->policy->habits };
	const size_t size[2] = { sizeof(struct made), sizeof(struct habit) };
	uint64_t *v;

	for (size_t i = 0; i < 2; i++) {
		while (t[i] && (v = mw_table_oldest(t[i]))) {
			(void)mw_table_remove(t[i], v);
			mw_alloc_free(e->a, v, size[i]);
		}
		mw_table_free(t[i]);
	}
}
