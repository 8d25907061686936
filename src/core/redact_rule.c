/* SPDX-License-Identifier: Apache-2.0 */
/* redact_rule.c - what the rules' patterns find in a text */
#include "core/redact_set.h"

#include <errno.h>

#define NO_MATCH (-1)

/* 0: a match, in s->data; NO_MATCH; else what mw_find says. */
static int match(struct mw_set *s, const pcre2_code *code, struct mw_slice t, size_t at,
		 uint32_t options)
{
	int r = pcre2_match(code, t.p, t.n, at, options, s->data, s->match);

	if (r >= 0)
		return 0;
	if (r == PCRE2_ERROR_NOMATCH)
		return NO_MATCH;
	return r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : MW_REDACT_UNSCANNED;
}

/* --- what is allowed ----------------------------------------------------------------------------
 */

struct found {
	struct mw_slice text; /* it was found in */
	size_t from, to;      /* of the match */
	struct mw_slice secret;
};

static struct mw_slice target_of(const struct found *f, const struct mw_redact_allow *w)
{
	size_t from = f->from, to = f->to;

	if (w->target == MW_ALLOW_SECRET)
		return f->secret;
	while (w->target == MW_ALLOW_LINE && from > 0 && f->text.p[from - 1] != '\n')
		from--;
	while (w->target == MW_ALLOW_LINE && to < f->text.n && f->text.p[to] != '\n')
		to++;
	return mw_slice(f->text.p + from, to - from);
}

/* 1: allowed. 0: not, also where a pattern met its limit. -ENOMEM. */
static int is_allowed(struct mw_set *s, const struct mw_set_allow *w, const struct found *f)
{
	const struct mw_slice target = target_of(f, w->from);
	bool by_word, by_pattern = false;
	int r;

	by_word = w->words && mw_words_any(w->words, f->secret);
	if (by_word && !(w->from->all && w->from->n_patterns))
		return 1;
	if (w->from->all && w->words && !by_word)
		return 0;
	for (size_t i = 0; i < w->from->n_patterns && !by_pattern; i++) {
		r = match(s, w->code[i], target, 0, 0);
		if (r == -ENOMEM)
			return r;
		by_pattern = r == 0;
	}
	return by_pattern;
}

static int is_any_allowed(struct mw_set *s, const struct mw_set_allow *w, size_t n,
			  const struct found *f)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = is_allowed(s, &w[i], f);
	return r;
}

/* --- one rule -----------------------------------------------------------------------------------
 */

/* The group that is the secret: the one the rule names, else the first that took part, else all. */
static struct mw_slice secret_of(const struct mw_set *s, const struct mw_set_rule *x,
				 struct mw_slice t)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
	uint32_t n = 0, i = x->from->group ? x->from->group : 1;

	(void)pcre2_pattern_info(x->code, PCRE2_INFO_CAPTURECOUNT, &n);
	for (; i <= n; i++) {
		if (v[2 * i] != PCRE2_UNSET && v[2 * i] < v[2 * i + 1])
			return mw_slice(t.p + v[2 * i], v[2 * i + 1] - v[2 * i]);
		if (x->from->group)
			break;
	}
	return mw_slice(t.p + v[0], v[1] > v[0] ? v[1] - v[0] : 0);
}

/* [\w.-] */
static bool is_context(uint8_t c)
{
	return mw_is_alnum(c) || c == '_' || c == '.' || c == '-';
}

/* What a match has found; of the text only what stands from `skip` to `end` counts. */
static int take(struct mw_redact *x, const struct mw_set_rule *rule, struct mw_slice t, size_t skip,
		size_t end, struct mw_cuts *ret)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(x->set->data);
	struct found f = { .text = t, .from = v[0], .to = v[1] > v[0] ? v[1] : v[0] };
	size_t from, to;
	int r;

	f.secret = secret_of(x->set, rule, t);
	for (int i = 0; rule->context && i < 50 && f.from > 0; i++, f.from--)
		if (!is_context(t.p[f.from - 1]))
			break;
	if (rule->from->entropy && mw_redact_entropy(f.secret) < rule->from->entropy)
		return 0;
	r = is_any_allowed(x->set, rule->allow, rule->from->n_allow, &f);
	if (r == 0)
		r = is_any_allowed(x->set, x->set->allow, x->set->n_allow, &f);
	if (r)
		return r < 0 ? r : 0;
	from = (size_t)(f.secret.p - t.p);
	to = from + f.secret.n;
	from = from > skip ? from - skip : 0;
	to = (to < end ? to : end);
	to = to > skip ? to - skip : 0;
	return mw_cuts_add(ret, from, to, rule->from->id, MW_RANK_RULE);
}

/* A text, and which part of it is looked at for cuts. */
struct span {
	struct mw_slice text;
	size_t skip, end;
};

static int try_all(struct mw_redact *x, const struct mw_set_rule *rule, const struct span *p,
		   struct mw_cuts *ret)
{
	struct mw_set *s = x->set;
	const PCRE2_SIZE *v;
	size_t at = 0;
	int r;

	while (at <= p->text.n) {
		r = match(s, rule->code, p->text, at, 0);
		if (r)
			return r == NO_MATCH ? 0 : r;
		v = pcre2_get_ovector_pointer(s->data);
		at = v[1] > at ? v[1] : at + 1;
		r = take(x, rule, p->text, p->skip, p->end, ret);
		if (r)
			return r;
	}
	return 0;
}

static int try_at(struct mw_redact *x, const struct mw_set_rule *rule, const struct span *p,
		  size_t at, struct mw_cuts *ret)
{
	int r = match(x->set, rule->code, p->text, at, PCRE2_ANCHORED);

	if (r)
		return r == NO_MATCH ? 0 : r;
	return take(x, rule, p->text, p->skip, p->end, ret);
}

/* --- all rules ----------------------------------------------------------------------------------
 */

static bool is_word(uint8_t c)
{
	return mw_is_alnum(c) || c == '_';
}

/* \b */
static bool is_border(struct mw_slice t, size_t at)
{
	return (at > 0 && is_word(t.p[at - 1])) != is_word(t.p[at]);
}

/* look: NULL of a pair, which has been looked at for commands. */
static int find_in(struct mw_redact *x, const struct span *p, const struct mw_look *look,
		   struct mw_cuts *ret)
{
	struct mw_words_pos pos = { .text = p->text };
	struct mw_set *s = x->set;
	const struct mw_word *w;
	bool any = s->n_always > 0;
	size_t done = 0;
	int r;

	if (any)
		memset(s->wanted, 0, s->n);
	while ((w = mw_words_next(s->gate, &pos))) {
		const struct mw_set_rule *rule;

		if (w->id >= MW_SET_RULES_MAX) {
			r = look ? mw_command_look(look, w->id - MW_SET_RULES_MAX, pos.at, &done,
						   ret)
				 : 0;
			if (r)
				return r;
			continue;
		}
		rule = &s->rule[w->id];
		if (p->text.n < rule->min)
			continue;
		if (rule->leads) {
			if (rule->bound && !is_border(p->text, pos.at))
				continue;
			r = try_at(x, rule, p, pos.at, ret);
			if (r)
				return r;
			continue;
		}
		if (!any)
			memset(s->wanted, 0, s->n);
		s->wanted[w->id] = 1;
		any = true;
	}
	for (size_t i = 0; any && i < s->n; i++) {
		if (!s->wanted[i] && !s->rule[i].always)
			continue;
		r = try_all(x, &s->rule[i], p, ret);
		if (r)
			return r;
	}
	return 0;
}

size_t mw_redact_rule_min(const struct mw_redact *x)
{
	return x->set->min;
}

bool mw_redact_is_hot(const struct mw_redact *x, struct mw_slice text)
{
	return x && x->set && (x->set->n_always || mw_words_any(x->set->gate, text));
}

/* The value as it stands behind its name, for patterns that want to see both. */
static int pair(struct mw_redact *x, const struct mw_look *k, struct span *ret)
{
	struct mw_buf *b = &x->pair;
	int r;

	b->len = 0;
	r = mw_buf_append(b, k->key.p, k->key.n);
	if (r == 0)
		r = mw_buf_append_str(b, "\": \"");
	ret->skip = b->len;
	if (r == 0)
		r = mw_buf_append(b, k->text.p, k->text.n);
	ret->end = b->len;
	if (r == 0)
		r = mw_buf_append_byte(b, '"');
	ret->text = mw_buf_slice(b);
	return r == -E2BIG ? MW_REDACT_UNSCANNED : r;
}

int mw_find_rules(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	struct span p = { .text = k->text, .end = k->text.n };
	int r;

	r = k->text.n < x->set->min || k->cold ? 0 : find_in(x, &p, k, ret);
	if (r || !k->hot || k->key.n == 0 || k->decoded)
		return r;
	r = pair(x, k, &p);
	return r ? r : find_in(x, &p, NULL, ret);
}
