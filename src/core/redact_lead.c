/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_lead.c - whether every match of a pattern begins with a keyword
 *
 * Then the pattern need not be tried but where one stands. The pattern is read as far as its first
 * bytes go: literals, small classes, groups, alternatives, {m,n}; every way through them is
 * followed until it has spelt a keyword. What is not understood is a no, which only costs time.
 */
#include "core/redact_set.h"

#define DEPTH_MAX 200
#define STEPS_MAX 20000
/* A class of more letters than this begins no keyword. */
#define CLASS_MAX 8

struct lead {
	const struct mw_redact_rule *rule;
	const char *end;
	unsigned int steps;
};

/* What a way through the pattern has spelt, in lower case: keywords are found in any. */
struct way {
	uint8_t text[MW_SET_WORD_MAX];
	size_t n;
};

/* Whether what is spelt begins with a keyword (1), may become one (0), or never (-1). */
static int spelt(const struct lead *l, const struct way *w)
{
	int best = -1;

	for (size_t i = 0; i < l->rule->n_keywords; i++) {
		struct mw_slice k = mw_slice_str(l->rule->keywords[i]);

		if (k.n < 2)
			continue;
		if (w->n >= k.n && memcmp(w->text, k.p, k.n) == 0)
			return 1;
		if (w->n < k.n && memcmp(w->text, k.p, w->n) == 0)
			best = 0;
	}
	return best;
}

/* Behind the element at p: a class, an escape, a group or one byte. NULL: not understood. */
static const char *skip_class(const struct lead *l, const char *p)
{
	p++;
	if (p < l->end && *p == '^')
		p++;
	if (p < l->end && *p == ']')
		p++;
	for (; p < l->end && *p != ']'; p++) {
		if (*p == '[' && p + 1 < l->end && p[1] == ':')
			return NULL;
		if (*p == '\\')
			p++;
	}
	return p < l->end ? p + 1 : NULL;
}

static const char *skip_group(const struct lead *l, const char *p)
{
	unsigned int depth = 0;

	while (p && p < l->end) {
		if (*p == '\\') {
			if (p + 1 < l->end && (p[1] == 'Q' || p[1] == 'E'))
				return NULL;
			p += 2;
		} else if (*p == '[') {
			p = skip_class(l, p);
		} else {
			if (*p == '(') {
				if (p + 2 < l->end && (p[1] == '*' || (p[1] == '?' && p[2] == '#')))
					return NULL;
				depth++;
			}
			if (*p == ')' && --depth == 0)
				return p + 1;
			p++;
		}
	}
	return NULL;
}

/* An alternative's end: the '|' or ')' it ends before. */
static const char *skip_branch(const struct lead *l, const char *p)
{
	while (p && p < l->end && *p != '|' && *p != ')') {
		if (*p == '(')
			p = skip_group(l, p);
		else if (*p == '[')
			p = skip_class(l, p);
		else if (*p != '\\')
			p++;
		else if (p + 1 < l->end && p[1] == 'Q')
			return NULL;
		else
			p += 2;
	}
	return p;
}

/* {m,n}, ?, *, + behind an element: how often at least, and whether more. */
struct times {
	unsigned int least;
	bool more;
};

static const char *quantifier(const struct lead *l, const char *p, struct times *ret)
{
	*ret = (struct times){ 1, false };
	if (p >= l->end)
		return p;
	if (*p == '?' || *p == '*') {
		*ret = (struct times){ 0, true };
		p++;
	} else if (*p == '+') {
		*ret = (struct times){ 1, true };
		p++;
	} else if (*p == '{' && p + 1 < l->end && mw_is_digit((uint8_t)p[1])) {
		unsigned int n = 0;

		for (p++; p < l->end && mw_is_digit((uint8_t)*p) && n < 1000; p++)
			n = 10 * n + (unsigned int)(*p - '0');
		*ret = (struct times){ n, p < l->end && *p == ',' };
		while (p < l->end && *p != '}')
			p++;
		p += p < l->end;
	}
	if (p < l->end && (*p == '?' || *p == '+'))
		p++;
	return p;
}

/* Where the pattern goes on when the branch of a group is done. */
struct rest {
	const char *p;
	const struct rest *up;
};

static bool follow(struct lead *l, const char *p, const struct rest *up,
		   const struct way *w, unsigned int depth);

/* One byte of a class or a literal is taken. */
static bool take(struct lead *l, uint8_t c, const char *p, const struct rest *up,
		 const struct way *w, unsigned int depth)
{
	struct way next = *w;
	int r;

	if (next.n == sizeof(next.text))
		return false;
	next.text[next.n++] = mw_lower(c);
	r = spelt(l, &next);
	return r == 1 || (r == 0 && follow(l, p, up, &next, depth));
}

static bool take_class(struct lead *l, const char *p, const struct rest *up,
		       const struct way *w, unsigned int depth)
{
	const char *end = skip_class(l, p), *to;
	struct times times;
	size_t n = 0;

	if (!end)
		return false;
	to = quantifier(l, end, &times);
	if (times.least != 1 || times.more || p[1] == '^')
		return false;
	for (const char *q = p + 1; q < end - 1; q++, n++)
		if (*q == '\\' || n == CLASS_MAX || (q > p + 1 && *q == '-' && q + 1 < end - 1) ||
		    !take(l, (uint8_t)*q, to, up, w, depth + 1))
			return false;
	return n > 0;
}

/* Of ( (?: (?i: (?-i: (?P<name> what stands before the first branch; *ret_set of (?i) too. */
static const char *group_head(const struct lead *l, const char *p, bool *ret_set)
{
	*ret_set = false;
	p++;
	if (p >= l->end || *p != '?')
		return p;
	p++;
	if (p < l->end && (*p == 'P' || *p == '<')) {
		p += *p == 'P';
		if (p + 1 >= l->end || *p != '<' || p[1] == '=' || p[1] == '!')
			return NULL;
		while (p < l->end && *p != '>')
			p++;
		return p < l->end ? p + 1 : NULL;
	}
	for (; p < l->end && mw_is_in((uint8_t)*p, "-ims:)"); p++)
		if (*p == ':' || *p == ')') {
			*ret_set = *p == ')';
			return p + 1;
		}
	return NULL;
}

static bool take_group(struct lead *l, const char *p, const struct rest *up,
		       const struct way *w, unsigned int depth)
{
	const char *end = skip_group(l, p), *to, *b;
	struct times times;
	struct rest rest;
	bool set;

	if (!end)
		return false;
	b = group_head(l, p, &set);
	if (!b)
		return false;
	if (set) /* to the end of the group that it stands in */
		return follow(l, b, up, w, depth + 1);
	to = quantifier(l, end, &times);
	if (times.least > 1 || (times.more && times.least == 1))
		return false;
	if (times.least == 0 && !follow(l, to, up, w, depth + 1))
		return false;
	rest = (struct rest){ to, up };
	for (;; b++) {
		if (!follow(l, b, &rest, w, depth + 1))
			return false;
		b = skip_branch(l, b);
		if (!b || b >= l->end)
			return false;
		if (*b == ')')
			return true;
	}
}

/* Whether every way on from p spells a keyword. */
static bool follow(struct lead *l, const char *p, const struct rest *up,
		   const struct way *w, unsigned int depth)
{
	struct times times;
	const char *to;
	uint8_t c;

	if (depth > DEPTH_MAX || l->steps++ > STEPS_MAX)
		return false;
	if (p >= l->end || *p == ')' || *p == '|') /* this branch is done */
		return up && follow(l, up->p, up->up, w, depth + 1);
	if (*p == '(')
		return take_group(l, p, up, w, depth);
	if (*p == '[')
		return take_class(l, p, up, w, depth);
	c = (uint8_t)*p;
	if (c == '\\') {
		if (p + 1 >= l->end)
			return false;
		c = (uint8_t)p[1];
		if (c == 'b' && w->n == 0)
			return follow(l, p + 2, up, w, depth + 1);
		if (mw_is_alnum(c))
			return false;
		p++;
	} else if (mw_is_in(c, ".^$*+?{")) {
		return false;
	}
	to = quantifier(l, p + 1, &times);
	if (times.least > 1 || (times.least == 1 && times.more))
		return false;
	if (times.least == 0 && !follow(l, to, up, w, depth + 1))
		return false;
	return take(l, c, to, up, w, depth + 1);
}

bool mw_lead_check(const struct mw_redact_rule *rule, struct mw_slice pattern, bool *ret_bound)
{
	struct lead l = { .rule = rule, .end = (const char *)pattern.p + pattern.n };
	const char *p = (const char *)pattern.p;
	struct way w = { .n = 0 };
	const char *b;

	*ret_bound = true;
	/* alternatives outside of any group are as in one */
	for (b = p;; b++) {
		*ret_bound &= l.end - b > 2 && b[0] == '\\' && b[1] == 'b';
		if (!follow(&l, b, NULL, &w, 0))
			return false;
		b = skip_branch(&l, b);
		if (!b)
			return false;
		if (b >= l.end)
			return true;
		if (*b == ')')
			return false;
	}
}
