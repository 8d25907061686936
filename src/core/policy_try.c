/* SPDX-License-Identifier: Apache-2.0 */
/* policy_try.c - one test of a field, tried */
#include "core/host.h"
#include "core/policy_priv.h"
#include "core/redact_set.h"

/*
 * PCRE2's limit is one of steps for each place where a match may begin. Of longer texts it is the
 * less for each: what a text costs stays bounded. What lies behind SCAN_MAX is not looked at, and
 * counted as a pattern that could not tell.
 */
#define SCAN_MAX       16384u
#define SCAN_STEPS     4000000u
#define STEPS_EACH_MIN 1000u
#define STEPS_EACH_MAX 20000u
#define GLOB_STEPS     1000000u

/* --- texts --------------------------------------------------------------------------------------
 */

static bool icontains(struct mw_slice s, struct mw_slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (mw_slice_eq_nocase(mw_slice(s.p + i, part.n), part))
			return true;
	return part.n == 0;
}

static bool contains(const struct mw_test *t, struct mw_slice s)
{
	const bool any_case = t->op == MW_COND_ICONTAINS;
	struct mw_words_pos pos = { .text = s };
	const struct mw_word *w;

	while (t->words && (w = mw_words_next(t->words, &pos))) {
		const struct mw_slice part = t->v[w->id].text;

		if (any_case || memcmp(s.p + pos.at, part.p, part.n) == 0)
			return true;
	}
	for (size_t i = 0; !t->words && i < t->n; i++) {
		const struct mw_slice part = t->v[i].text;

		if (any_case ? icontains(s, part)
			     : part.n == 0 || (s.n && memmem(s.p, s.n, part.p, part.n)))
			return true;
	}
	return false;
}

static bool lower_has(const struct mw_test *t, struct mw_slice s)
{
	uint8_t low[MW_IEQ_MAX];

	if (s.n > t->longest)
		return false;
	for (size_t i = 0; i < s.n; i++)
		low[i] = mw_lower(s.p[i]);
	return mw_strs_has(&t->strs, mw_slice(low, s.n));
}

static bool edge(const struct mw_test *t, struct mw_slice s)
{
	const bool head = t->op == MW_COND_STARTSWITH;

	if (t->strs.n == 0) {
		for (size_t i = 0; i < t->n; i++)
			if (head ? mw_slice_starts(s, t->v[i].text)
				 : mw_slice_ends(s, t->v[i].text))
				return true;
		return false;
	}
	for (size_t i = 0; i < t->strs.n_len; i++) {
		const size_t n = t->strs.len[i];

		if (n <= s.n && mw_strs_has(&t->strs, mw_slice(s.p + (head ? 0 : s.n - n), n)))
			return true;
	}
	return false;
}

static bool globs(const struct mw_test *t, const struct mw_try *x, struct mw_slice s)
{
	uint64_t steps = GLOB_STEPS;

	for (size_t i = 0; i < t->n; i++)
		if (mw_glob(t->v[i].text, s, &steps))
			return true;
	if (steps == 0 && x)
		++*x->failed;
	return false;
}

static bool matches(const struct mw_test *t, const struct mw_try *x, struct mw_slice s)
{
	const size_t n = s.n < SCAN_MAX ? s.n : SCAN_MAX;
	const size_t each = SCAN_STEPS / (n + 1);
	const uint32_t limit = each > STEPS_EACH_MAX   ? STEPS_EACH_MAX
			       : each < STEPS_EACH_MIN ? STEPS_EACH_MIN
						       : (uint32_t)each;
	const uint32_t options = n < s.n ? PCRE2_NOTEOL : 0; /* its end is not the text's */
	static const uint8_t none[1];
	int r;

	(void)pcre2_set_match_limit(x->match, limit);
	(void)pcre2_set_depth_limit(x->match, limit);
	for (size_t i = 0; i < t->n; i++) {
		r = pcre2_match(t->code[i], s.p ? s.p : none, n, 0, options, x->data, x->match);
		if (r >= 0)
			return true;
		if (r != PCRE2_ERROR_NOMATCH || n < s.n)
			++*x->failed;
	}
	return false;
}

/* The host, without a port and the dot at its end. */
static bool is_host(const struct mw_test *t, struct mw_slice s)
{
	uint8_t low[MW_HOST_MAX];
	const uint8_t *colon = s.n ? memchr(s.p, ':', s.n) : NULL;

	if (colon)
		s.n = (size_t)(colon - s.p);
	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n > sizeof(low))
		return false;
	for (size_t i = 0; i < s.n; i++)
		low[i] = mw_lower(s.p[i]);
	for (size_t i = 0; i < s.n; i++)
		if ((i == 0 || low[i - 1] == '.') &&
		    mw_strs_has(&t->strs, mw_slice(low + i, s.n - i)))
			return true;
	return false;
}

static bool in_nets(const struct mw_test *t, const uint8_t addr[16])
{
	uint8_t key[17];

	for (size_t i = 0; i < t->n_bits; i++) {
		mw_net_key(addr, t->bits[i], key);
		if (mw_strs_has(&t->strs, mw_slice(key, sizeof(key))))
			return true;
	}
	return false;
}

static bool text_in_nets(const struct mw_test *t, struct mw_slice s)
{
	struct mw_addr a;
	uint8_t addr[16];

	return mw_host_parse(s, 0, &a) && mw_fact_addr(&a, addr) && in_nets(t, addr);
}

static bool is_under(const struct mw_test *t, const struct mw_try *x, struct mw_slice s)
{
	static const struct mw_homes nowhere;
	uint32_t at = 0, v;
	struct mw_hits hits = { .at = &at, .epoch = 1, .v = &v };

	mw_paths_mark(t->paths, s, x ? mw_homes_of(x->fact) : nowhere, &hits);
	return hits.n > 0;
}

bool mw_test_text(const struct mw_test *t, const struct mw_try *x, struct mw_slice s)
{
	switch (t->op) {
	case MW_COND_EQ:
		return mw_strs_has(&t->strs, s);
	case MW_COND_IEQ:
		return lower_has(t, s);
	case MW_COND_CONTAINS:
	case MW_COND_ICONTAINS:
		return contains(t, s);
	case MW_COND_STARTSWITH:
	case MW_COND_ENDSWITH:
		return edge(t, s);
	case MW_COND_GLOB:
		return globs(t, x, s);
	case MW_COND_REGEX:
		return matches(t, x, s);
	case MW_COND_UNDER:
		return is_under(t, x, s);
	case MW_COND_CIDR:
		return text_in_nets(t, s);
	case MW_COND_HOST:
		return is_host(t, s);
	default:
		return false;
	}
}

/* --- all types ----------------------------------------------------------------------------------
 */

static bool number(const struct mw_test *t, int64_t n)
{
	switch (t->op) {
	case MW_COND_EQ:
		if (t->n == 1)
			return n == t->v[0].number;
		return mw_strs_has(&t->strs, mw_slice(&n, sizeof(n)));
	case MW_COND_LT:
		return n < t->v[0].number;
	case MW_COND_LE:
		return n <= t->v[0].number;
	case MW_COND_GT:
		return n > t->v[0].number;
	case MW_COND_GE:
		return n >= t->v[0].number;
	default:
		return false;
	}
}

static bool any_text(const struct mw_test *t, const struct mw_try *x, struct mw_texts v)
{
	for (size_t i = 0; i < v.n; i++)
		if (mw_test_text(t, x, v.v[i]))
			return true;
	return false;
}

bool mw_test_try(const struct mw_test *t, const struct mw_try *x)
{
	struct mw_value v;

	mw_fact_get(x->fact, x->kind, t->field, &v);
	if (!v.known)
		return false;
	if (t->op == MW_COND_EXISTS)
		return t->type != MW_FIELD_BOOL || v.truth;
	switch (t->type) {
	case MW_FIELD_BOOL:
		return t->mask >> v.truth & 1;
	case MW_FIELD_NUMBER:
		return number(t, v.number);
	case MW_FIELD_TEXT:
		return mw_test_text(t, x, v.text);
	case MW_FIELD_TEXTS:
		return any_text(t, x, v.texts);
	case MW_FIELD_ENUM:
		return v.ord < 64 && t->mask >> v.ord & 1;
	case MW_FIELD_POWER:
		return (t->mask & v.ord) != 0;
	case MW_FIELD_ADDR:
		return t->op == MW_COND_CIDR ? in_nets(t, v.addr)
					     : mw_strs_has(&t->strs, mw_slice(v.addr, 16));
	}
	return false;
}
