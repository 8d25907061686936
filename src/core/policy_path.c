/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_path.c - paths, and what lies below them
 *
 * Two trees of components, of "/..." and of "~/...". Literal components are found by the hash of
 * (parent, component); those with a glob stand in a chain at their parent. Each node has one way to
 * it, so that a walk visits none twice whatever the path is.
 */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_priv.h"

/* Steps that the globs of one walk may take in all. */
#define GLOB_STEPS   100000u
#define PATH_LEN_MAX 4096u /* and so of the depth */

enum { ROOT_ABS, ROOT_HOME, N_ROOTS };

struct comp {
	struct mw_slice text;
	uint32_t parent;
	uint32_t glob; /* its first child with a glob; 0: none */
	uint32_t next; /* of its parent, likewise */
	uint32_t end;  /* 1 + the first of whose path ends here; 0: none */
};

/* Whose path ends somewhere. */
struct end {
	uint32_t id, next;
};

struct mw_paths {
	const struct mw_alloc *a;
	struct comp *v;
	size_t n, cap;
	struct mw_ids ids; /* of the literal ones */
	struct end *end;
	size_t n_ends, cap_ends;
	bool any_home;
};

int mw_paths_new(const struct mw_alloc *a, struct mw_paths **ret)
{
	struct mw_paths *x = mw_alloc_zero(a, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->a = a;
	if (mw_grow(a, &x->v, &x->cap, N_ROOTS, sizeof(*x->v)) < 0) {
		mw_alloc_free(a, x, sizeof(*x));
		return -ENOMEM;
	}
	memset(x->v, 0, N_ROOTS * sizeof(*x->v));
	x->n = N_ROOTS;
	*ret = x;
	return 0;
}

void mw_paths_free(struct mw_paths *x)
{
	if (!x)
		return;
	mw_ids_done(x->a, &x->ids);
	mw_alloc_free(x->a, x->end, x->cap_ends * sizeof(*x->end));
	mw_alloc_free(x->a, x->v, x->cap * sizeof(*x->v));
	mw_alloc_free(x->a, x, sizeof(*x));
}

/* The next component of *path, taken off it; empty at the end. */
static struct mw_slice comp_next(struct mw_slice *path)
{
	struct mw_slice c;
	const uint8_t *end;

	do {
		while (path->n && path->p[0] == '/') {
			path->p++;
			path->n--;
		}
		end = path->n ? memchr(path->p, '/', path->n) : NULL;
		c = mw_slice(path->p, end ? (size_t)(end - path->p) : path->n);
		path->p += c.n;
		path->n -= c.n;
	} while (c.n == 1 && c.p[0] == '.');
	return c;
}

static bool is_glob(struct mw_slice c)
{
	return c.n && (memchr(c.p, '*', c.n) || memchr(c.p, '?', c.n));
}

static uint32_t child_of(const struct mw_paths *x, uint32_t parent, struct mw_slice c)
{
	struct mw_ids_pos pos = { .hash = mw_hash64(c, parent) };
	uint32_t i;

	while (mw_ids_next(&x->ids, &pos, &i))
		if (x->v[i].parent == parent && mw_slice_eq(x->v[i].text, c))
			return i;
	return 0;
}

static uint32_t glob_of(const struct mw_paths *x, uint32_t parent, struct mw_slice c)
{
	uint32_t i = x->v[parent].glob;

	while (i && !mw_slice_eq(x->v[i].text, c))
		i = x->v[i].next;
	return i;
}

static int child_add(struct mw_paths *x, uint32_t parent, struct mw_slice c, uint32_t *ret)
{
	const uint32_t i = (uint32_t)x->n;
	int r = mw_grow(x->a, &x->v, &x->cap, x->n + 1, sizeof(*x->v));

	if (r == 0 && !is_glob(c))
		r = mw_ids_add(x->a, &x->ids, mw_hash64(c, parent), i);
	if (r < 0)
		return r;
	x->v[i] = (struct comp){ .text = c, .parent = parent };
	if (is_glob(c)) {
		x->v[i].next = x->v[parent].glob;
		x->v[parent].glob = i;
	}
	x->n++;
	*ret = i;
	return 0;
}

static int end_add(struct mw_paths *x, uint32_t at, uint32_t id)
{
	int r;

	for (uint32_t e = x->v[at].end; e; e = x->end[e - 1].next)
		if (x->end[e - 1].id == id)
			return 0;
	r = mw_grow(x->a, &x->end, &x->cap_ends, x->n_ends + 1, sizeof(*x->end));
	if (r < 0)
		return r;
	x->end[x->n_ends++] = (struct end){ id, x->v[at].end };
	x->v[at].end = (uint32_t)x->n_ends;
	return 0;
}

int mw_paths_add(struct mw_paths *x, struct mw_slice path, uint32_t id)
{
	uint32_t at = ROOT_ABS, child;
	struct mw_slice c;
	int r;

	if (path.n > PATH_LEN_MAX)
		return -EINVAL;
	if (path.n && path.p[0] == '~' && (path.n == 1 || path.p[1] == '/')) {
		at = ROOT_HOME;
		x->any_home = true;
		path = mw_slice_from(path, 1);
	} else if (path.n == 0 || path.p[0] != '/') {
		return -EINVAL;
	}
	while ((c = comp_next(&path)).n) {
		child = is_glob(c) ? glob_of(x, at, c) : child_of(x, at, c);
		if (!child) {
			r = child_add(x, at, c, &child);
			if (r < 0)
				return r;
		}
		at = child;
	}
	return end_add(x, at, id);
}

bool mw_glob(struct mw_slice pattern, struct mw_slice s, uint64_t *steps)
{
	size_t p = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < s.n) {
		if (*steps == 0)
			return false;
		--*steps;
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == s.p[i])) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* A path on its way down. */
struct going {
	const struct mw_paths *x;
	uint64_t steps;
	struct mw_hits *hits;
};

/* The depth is that of the tree at most. */
static void walk(struct going *g, uint32_t at, struct mw_slice path)
{
	const struct mw_paths *x = g->x;
	struct mw_slice c;

	for (;;) {
		for (uint32_t e = x->v[at].end; e; e = x->end[e - 1].next)
			mw_hit(g->hits, x->end[e - 1].id);
		c = comp_next(&path);
		if (c.n == 0)
			return;
		for (uint32_t i = x->v[at].glob; i; i = x->v[i].next)
			if (mw_glob(x->v[i].text, c, &g->steps))
				walk(g, i, path);
		at = child_of(x, at, c);
		if (!at)
			return;
	}
}

/* Takes folder off the head of *path, if that is it or lies below it. */
static bool take_off(struct mw_slice *path, struct mw_slice folder)
{
	while (folder.n && folder.p[folder.n - 1] == '/')
		folder.n--;
	if (!mw_slice_starts(*path, folder) || (path->n > folder.n && path->p[folder.n] != '/'))
		return false;
	*path = mw_slice_from(*path, folder.n);
	return true;
}

struct mw_homes mw_homes_of(const struct mw_fact *fact)
{
	struct mw_homes h = { 0 };

	if (fact->effect)
		h.v[0] = fact->effect->home;
	if (fact->server)
		h.v[1] = fact->server->home;
	return h;
}

void mw_paths_mark(const struct mw_paths *x, struct mw_slice path, struct mw_homes home,
		   struct mw_hits *hits)
{
	struct going g = { x, GLOB_STEPS, hits };
	struct mw_slice rest;

	if (path.n == 0 || path.p[0] != '/')
		return;
	walk(&g, ROOT_ABS, path);
	if (!x->any_home)
		return;
	for (size_t i = 0; i < sizeof(home.v) / sizeof(*home.v); i++) {
		rest = path;
		if (home.v[i].n > 1 && take_off(&rest, home.v[i]))
			walk(&g, ROOT_HOME, rest);
	}
	rest = path;
	if (take_off(&rest, MW_SLICE_LIT("/root")) ||
	    (take_off(&rest, MW_SLICE_LIT("/home")) && comp_next(&rest).n))
		walk(&g, ROOT_HOME, rest);
}
