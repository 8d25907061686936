/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_factor.c - texts of which a pattern's every match holds one
 *
 * Of each part of a pattern either all that it can be is known ("exact": a few texts), or some
 * texts of which one is in whatever it matches, or nothing. What is not understood ends it: then
 * nothing is known of the pattern. Texts are in lower case; they are looked for in any.
 */
#include <errno.h>

#include "core/policy_priv.h"
#include "core/redact_priv.h"

#define SET_MAX	  48u
#define TEXT_MAX  48u
#define DEPTH_MAX 16

struct set {
	size_t n; /* 0: nothing is known */
	bool exact;
	struct mw_slice v[SET_MAX];
};

struct parse {
	struct mw_arena *arena;
	struct mw_slice s;
	size_t i;
	int depth;
};

static void one(struct set *x, struct mw_slice s)
{
	x->n = 1;
	x->exact = true;
	x->v[0] = s;
}

static const struct set nothing;

static size_t least(const struct set *x)
{
	size_t n = x->n ? SIZE_MAX : 0;

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].n < n)
			n = x->v[i].n;
	return n;
}

/* The better of two requirements: whose shortest text is longer. */
static void consider(struct set *best, const struct set *x)
{
	if (least(x) <= least(best))
		return;
	*best = *x;
	best->exact = false;
}

static int text_new(struct parse *p, struct mw_slice a, struct mw_slice b, struct mw_slice *ret)
{
	uint8_t *t = mw_arena_zero(p->arena, a.n + b.n + 1);

	if (!t)
		return -ENOMEM;
	if (a.n)
		memcpy(t, a.p, a.n);
	if (b.n)
		memcpy(t + a.n, b.p, b.n);
	*ret = mw_slice(t, a.n + b.n);
	return 0;
}

/* 1 *a became all of a followed by all of b; 0: too many or too long. */
static int cross(struct parse *p, struct set *a, const struct set *b)
{
	struct set x = { .exact = true };
	int r;

	if (a->n * b->n > SET_MAX)
		return 0;
	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < b->n; k++) {
			if (a->v[i].n + b->v[k].n > TEXT_MAX)
				return 0;
			r = text_new(p, a->v[i], b->v[k], &x.v[x.n]);
			if (r < 0)
				return r;
			x.n++;
		}
	}
	*a = x;
	return 1;
}

static void either(struct set *a, const struct set *b)
{
	if (a->n == 0 || b->n == 0 || a->n + b->n > SET_MAX) {
		*a = nothing;
		return;
	}
	a->exact &= b->exact;
	memcpy(&a->v[a->n], b->v, b->n * sizeof(b->v[0]));
	a->n += b->n;
}

/* --- the pattern --------------------------------------------------------------------------------
 * Each: 0; -EINVAL: not understood; -ENOMEM.
 */

static int parse_either(struct parse *p, struct set *ret);

static bool at(const struct parse *p, const char *s)
{
	return mw_slice_starts(mw_slice_from(p->s, p->i), mw_slice_str(s));
}

static int letter(struct parse *p, uint8_t c, struct set *ret)
{
	struct mw_slice s;
	int r;

	c = mw_lower(c);
	r = text_new(p, mw_slice(&c, 1), mw_slice(NULL, 0), &s);
	if (r == 0)
		one(ret, s);
	return r;
}

static int parse_escape(struct parse *p, struct set *ret)
{
	static const char *const any = "dDwWsShHvVNRX", *const edge = "bBAzZG";
	uint8_t c;

	if (++p->i >= p->s.n)
		return -EINVAL;
	c = p->s.p[p->i++];
	if (c == 0)
		return -EINVAL;
	if (memchr(any, c, strlen(any)))
		*ret = nothing;
	else if (memchr(edge, c, strlen(edge)))
		one(ret, mw_slice(NULL, 0));
	else if (!mw_is_alnum(c))
		return letter(p, c, ret);
	else
		return -EINVAL;
	return 0;
}

/* A class of few letters is each of them. */
static int parse_class(struct parse *p, struct set *ret)
{
	const bool none_of = at(p, "[^");
	struct set x = { .exact = true }, l;
	bool many = none_of;
	size_t from;
	int r;

	p->i += none_of ? 2 : 1;
	for (from = p->i; p->i < p->s.n && (p->s.p[p->i] != ']' || p->i == from);) {
		const uint8_t c = p->s.p[p->i];

		if (at(p, "[:") || at(p, "[.") || at(p, "[="))
			return -EINVAL;
		l = nothing;
		if (c == '\\') {
			r = parse_escape(p, &l);
		} else {
			r = letter(p, c, &l);
			p->i++;
		}
		if (r < 0)
			return r;
		/* a range, or what stands for many */
		many |= l.n == 0 || l.v[0].n == 0 || x.n == SET_MAX ||
			(p->i + 1 < p->s.n && p->s.p[p->i] == '-' && p->s.p[p->i + 1] != ']');
		if (!many)
			x.v[x.n++] = l.v[0];
	}
	if (p->i++ >= p->s.n)
		return -EINVAL;
	*ret = many || x.n > 6 ? nothing : x;
	return 0;
}

static int parse_group(struct parse *p, struct set *ret)
{
	static const char *const heads[] = { "(?:", "(?i:", "(?>" };
	static const char *const looks[] = { "(?=", "(?!", "(?<=", "(?<!" };
	bool looks_on = false;
	size_t head = 1;
	int r;

	if (at(p, "(?i)")) {
		p->i += 4;
		one(ret, mw_slice(NULL, 0));
		return 0;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (at(p, heads[i]))
			head = strlen(heads[i]);
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		if (at(p, looks[i])) {
			head = strlen(looks[i]);
			looks_on = true;
		}
	}
	if ((head == 1 && (at(p, "(?") || at(p, "(*"))) || p->depth >= DEPTH_MAX)
		return -EINVAL;
	p->i += head;
	p->depth++;
	r = parse_either(p, ret);
	p->depth--;
	if (r < 0)
		return r;
	if (p->i >= p->s.n || p->s.p[p->i] != ')')
		return -EINVAL;
	p->i++;
	if (looks_on) /* takes nothing */
		one(ret, mw_slice(NULL, 0));
	return 0;
}

/* "{2}", "{2,}", "{2,5}": its length, 0 for none; *ret_least its first number. */
static size_t braces(const struct parse *p, unsigned int *ret_least)
{
	size_t i = p->i;
	unsigned int n = 0;

	if (i >= p->s.n || p->s.p[i++] != '{' || i >= p->s.n || !mw_is_digit(p->s.p[i]))
		return 0;
	for (; i < p->s.n && mw_is_digit(p->s.p[i]); i++)
		n |= p->s.p[i] != '0';
	if (i < p->s.n && p->s.p[i] == ',')
		i++;
	while (i < p->s.n && mw_is_digit(p->s.p[i]))
		i++;
	if (i >= p->s.n || p->s.p[i] != '}')
		return 0;
	*ret_least = n;
	return i + 1 - p->i;
}

static void parse_times(struct parse *p, struct set *x)
{
	const uint8_t c = p->i < p->s.n ? p->s.p[p->i] : 0;
	unsigned int n = 1;
	const size_t len = braces(p, &n);

	if (c == '?') {
		if (x->exact && x->n < SET_MAX)
			x->v[x->n++] = mw_slice(NULL, 0);
		else
			*x = nothing;
	} else if (c == '*' || (len && n == 0)) {
		*x = nothing;
	} else if (c == '+' || len) {
		x->exact = false;
	} else {
		return;
	}
	p->i += len ? len : 1;
	/* as few as can be, or without going back: of no matter */
	if (p->i < p->s.n && (p->s.p[p->i] == '?' || p->s.p[p->i] == '+'))
		p->i++;
}

static int parse_atom(struct parse *p, struct set *ret)
{
	const uint8_t c = p->s.p[p->i];
	int r = 0;

	switch (c) {
	case '(':
		r = parse_group(p, ret);
		break;
	case '[':
		r = parse_class(p, ret);
		break;
	case '\\':
		r = parse_escape(p, ret);
		break;
	case '.':
		*ret = nothing;
		p->i++;
		break;
	case '^':
	case '$':
		one(ret, mw_slice(NULL, 0));
		p->i++;
		break;
	case '*':
	case '+':
	case '?':
		return -EINVAL;
	default:
		r = letter(p, c, ret);
		p->i++;
		break;
	}
	if (r == 0)
		parse_times(p, ret);
	return r;
}

static int parse_run(struct parse *p, struct set *ret)
{
	struct set best = nothing, run, x;
	bool whole = true;
	int r;

	one(&run, mw_slice(NULL, 0));
	while (p->i < p->s.n && p->s.p[p->i] != '|' && p->s.p[p->i] != ')') {
		r = parse_atom(p, &x);
		if (r < 0)
			return r;
		r = x.exact ? cross(p, &run, &x) : 0;
		if (r < 0)
			return r;
		if (r == 1)
			continue;
		whole = false;
		consider(&best, &run);
		if (x.exact) {
			run = x;
			continue;
		}
		consider(&best, &x);
		one(&run, mw_slice(NULL, 0));
	}
	if (whole) {
		*ret = run;
		return 0;
	}
	consider(&best, &run);
	*ret = best;
	return 0;
}

static int parse_either(struct parse *p, struct set *ret)
{
	struct set x;
	int r = parse_run(p, ret);

	while (r == 0 && p->i < p->s.n && p->s.p[p->i] == '|') {
		p->i++;
		r = parse_run(p, &x);
		if (r == 0)
			either(ret, &x);
	}
	return r;
}

int mw_factors(struct mw_arena *arena, struct mw_slice pattern, const struct mw_slice **ret,
	       size_t *ret_n)
{
	struct parse p = { .arena = arena, .s = pattern };
	struct mw_slice *v;
	struct set x;
	int r;

	r = parse_either(&p, &x);
	if (r == 0 && p.i < p.s.n)
		r = -EINVAL;
	if (r == 0 && least(&x) < 2)
		r = -EINVAL;
	if (r < 0)
		return r;
	v = mw_arena_zero(arena, x.n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v, x.v, x.n * sizeof(*v));
	*ret = v;
	*ret_n = x.n;
	return 0;
}
