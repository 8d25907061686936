/* SPDX-License-Identifier: Apache-2.0 */
/* poison_rule.c - which classes of terms near each other count how much */
#include "core/poison_priv.h"

#define T(x) (1u << MW_TERM_##x)

/*
 * All of `classes` within `window` bytes, in one sentence if so said. What is often said honestly
 * ("must", "first call", "do not show") counts little alone; what adds up is orders, of what is not
 * this tool's matter, about secrets, hidden from the user. In data (results, arguments) people
 * write about prompts, so the second figure goes for them.
 */
static const struct rule {
	uint32_t classes;
	uint16_t window;
	bool sentence;
	uint8_t points, data;
	uint8_t bits;
} rules[] = {
	/* setting other orders aside */
	{ T(OVERRIDE) | T(PRIOR) | T(INSTR), 70, true, 60, 35, MW_POISON_IMPERATIVE },
	{ T(OVERRIDE) | T(INSTR), 50, true, 25, 10, MW_POISON_IMPERATIVE },
	{ T(OVERRIDE) | T(PRIOR), 40, true, 8, 3, MW_POISON_IMPERATIVE },
	{ T(OVERRIDE) | T(USER), 24, true, 30, 8, MW_POISON_IMPERATIVE },
	{ T(RANK), 0, false, 15, 4, MW_POISON_IMPERATIVE },
	{ T(RANK) | T(USER), 90, true, 20, 8, MW_POISON_IMPERATIVE },
	{ T(FRAME), 0, false, 35, 10, MW_POISON_IMPERATIVE },
	{ T(FRAME) | T(SEND), 160, false, 15, 4, MW_POISON_IMPERATIVE | MW_POISON_SEND },
	{ T(FRAME) | T(RUN), 160, false, 15, 4, MW_POISON_IMPERATIVE },
	{ T(MARK), 0, false, 22, 8, MW_POISON_IMPERATIVE },
	{ T(MARK) | T(ORDER), 160, false, 10, 6, MW_POISON_IMPERATIVE },
	{ T(MARK) | T(MODEL), 160, false, 15, 10, MW_POISON_IMPERATIVE },
	{ T(MARK) | T(READ), 200, false, 12, 6, MW_POISON_IMPERATIVE },
	{ T(MARK) | T(SEND), 260, false, 12, 8, MW_POISON_IMPERATIVE },
	{ T(MODEL) | T(ORDER), 80, true, 15, 4, MW_POISON_IMPERATIVE },
	{ T(MODEL) | T(READ), 80, true, 10, 3, MW_POISON_IMPERATIVE },
	{ T(MODEL) | T(SEND), 100, true, 12, 6, MW_POISON_IMPERATIVE },
	{ T(MODEL) | T(RUN), 100, true, 12, 6, MW_POISON_IMPERATIVE },
	{ T(WIDE), 0, false, 4, 0, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(ORDER), 140, true, 10, 2, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(RUN), 160, false, 28, 6, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(SEND), 140, true, 12, 4, MW_POISON_IMPERATIVE | MW_POISON_SEND },
	{ T(WIDE) | T(URL), 140, false, 15, 2, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(CONCEAL), 200, false, 15, 4, MW_POISON_CONCEAL },
	{ T(APPROVE) | T(RUN), 120, false, 22, 6, MW_POISON_IMPERATIVE },
	{ T(APPROVE), 0, false, 15, 4, MW_POISON_IMPERATIVE },
	{ T(APPROVE) | T(USER), 90, true, 15, 4, MW_POISON_IMPERATIVE },
	{ T(APPROVE) | T(WIDE), 200, false, 20, 8, MW_POISON_IMPERATIVE },
	{ T(RUN) | T(URL), 90, false, 30, 10, MW_POISON_IMPERATIVE },
	{ T(RUN) | T(ORDER), 90, true, 8, 2, MW_POISON_IMPERATIVE },
	{ T(COVER), 0, false, 8, 0, MW_POISON_IMPERATIVE },
	/* not to tell */
	{ T(NOT) | T(TELL) | T(USER), 70, true, 40, 18, MW_POISON_CONCEAL },
	{ T(CONCEAL), 0, false, 18, 4, MW_POISON_CONCEAL },
	{ T(CONCEAL) | T(USER), 80, true, 20, 10, MW_POISON_CONCEAL },
	{ T(CONCEAL) | T(CHANGE), 160, false, 15, 4, MW_POISON_CONCEAL },
	{ T(CONCEAL) | T(RUN), 160, false, 20, 6, MW_POISON_CONCEAL },
	{ T(CONCEAL) | T(ORDER), 120, false, 12, 4, MW_POISON_CONCEAL },
	{ T(CONCEAL) | T(SEND), 160, false, 15, 8, MW_POISON_CONCEAL | MW_POISON_SEND },
	/* secrets */
	{ T(FILE), 0, false, 4, 2, MW_POISON_SECRET },
	{ T(FILE) | T(READ), 140, false, 10, 4, MW_POISON_SECRET },
	{ T(FILE) | T(SEND), 160, false, 18, 10, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(FILE) | T(READ) | T(SEND), 220, false, 22, 12, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(FILE) | T(READ) | T(ORDER), 160, false, 12, 4,
	  MW_POISON_SECRET | MW_POISON_IMPERATIVE },
	{ T(FILE) | T(MODEL), 140, false, 12, 6, MW_POISON_SECRET },
	{ T(FILE) | T(MODEL) | T(SEND), 200, false, 15, 25,
	  MW_POISON_SECRET | MW_POISON_IMPERATIVE },
	{ T(FILE) | T(COVER), 240, false, 12, 4, MW_POISON_SECRET },
	{ T(FILE) | T(CONCEAL), 260, false, 25, 14, MW_POISON_SECRET | MW_POISON_CONCEAL },
	{ T(SECRET) | T(SEND), 110, true, 10, 6, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(SECRET) | T(SEND) | T(ORDER), 130, true, 12, 4, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(SECRET) | T(SEND) | T(USER), 110, true, 8, 4, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(SECRET) | T(CONCEAL), 200, false, 12, 8, MW_POISON_SECRET | MW_POISON_CONCEAL },
	{ T(SECRET) | T(MODEL) | T(SEND), 140, true, 15, 8, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(SECRET) | T(URL) | T(SEND), 160, false, 15, 10, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(SEND), 120, true, 22, 10, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(SEND) | T(SIDE), 160, true, 15, 6, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(ORDER) | T(SEND), 150, true, 10, 4, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(CONCEAL), 200, false, 15, 8, MW_POISON_SECRET | MW_POISON_CONCEAL },
	{ T(CONVO) | T(URL), 160, false, 15, 8, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(COVER), 200, false, 15, 4, MW_POISON_SECRET },
	{ T(SIDE) | T(SECRET), 140, false, 12, 6, MW_POISON_SECRET },
	{ T(SIDE) | T(FILE), 200, false, 15, 12, MW_POISON_SECRET },
	{ T(SIDE) | T(MODEL), 120, true, 12, 6, MW_POISON_IMPERATIVE },
	/* a little at a time, or where nobody reads it */
	{ T(CHANNEL) | T(SECRET), 140, true, 50, 10, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CHANNEL) | T(FILE), 140, true, 46, 10, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CHANNEL) | T(CONVO), 140, true, 45, 8, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CODED) | T(CONVO), 140, true, 40, 4, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CODED) | T(FILE) | T(READ), 100, true, 20, 2, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(SEND) | T(COVER), 180, true, 10, 0, MW_POISON_SECRET | MW_POISON_SEND },
	{ T(CONVO) | T(SEND) | T(WIDE), 160, true, 15, 0, MW_POISON_SECRET | MW_POISON_SEND },
	/* of all commands, by a tool that was not called */
	{ T(WIDE) | T(URL) | T(CHANGE), 160, true, 20, 0, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(RUN) | T(COVER), 200, true, 14, 0, MW_POISON_IMPERATIVE },
	{ T(WIDE) | T(RUN) | T(RANK), 200, false, 12, 0, MW_POISON_IMPERATIVE },
	/* other tools */
	{ T(OTHER), 0, false, 8, 0, MW_POISON_OTHER_TOOL },
	{ T(OTHER) | T(ORDER), 160, false, 10, 2, MW_POISON_OTHER_TOOL | MW_POISON_IMPERATIVE },
	{ T(OTHER) | T(CHANGE), 140, false, 36, 8, MW_POISON_OTHER_TOOL },
	{ T(OTHER) | T(FIRST), 60, true, 15, 4, MW_POISON_OTHER_TOOL },
	{ T(OTHER) | T(SEND), 160, false, 12, 4, MW_POISON_OTHER_TOOL | MW_POISON_SEND },
	{ T(OTHER) | T(CONCEAL), 260, false, 20, 8, MW_POISON_OTHER_TOOL | MW_POISON_CONCEAL },
	{ T(OTHER) | T(WIDE), 120, true, 15, 4, MW_POISON_OTHER_TOOL },
	{ T(OTHER) | T(WIDE) | T(SEND), 160, false, 20, 4, MW_POISON_OTHER_TOOL | MW_POISON_SEND },
	{ T(WIDE) | T(CHANGE), 120, true, 12, 2, MW_POISON_OTHER_TOOL },
	/* what a reader does not see */
	{ T(HIDE), 0, false, 12, 0, MW_POISON_HIDDEN },
	{ T(HIDE) | T(ORDER), 200, false, 15, 6, MW_POISON_HIDDEN | MW_POISON_IMPERATIVE },
	{ T(HIDE) | T(MODEL), 200, false, 25, 15, MW_POISON_HIDDEN | MW_POISON_IMPERATIVE },
	{ T(HIDE) | T(READ), 200, false, 15, 5, MW_POISON_HIDDEN },
	{ T(HIDE) | T(SEND), 240, false, 15, 8, MW_POISON_HIDDEN | MW_POISON_SEND },
	{ T(FIRST) | T(FILE), 120, false, 12, 4, MW_POISON_SECRET | MW_POISON_IMPERATIVE },
};

#define N_RULES (sizeof(rules) / sizeof(rules[0]))
_Static_assert(N_RULES <= MW_POISON_RULES_MAX, "a bit each");

static bool holds(const struct mw_rules_at *x, const struct rule *k, enum mw_term_class class)
{
	const size_t at = x->at[class];

	if (k->classes & ~x->seen)
		return false;
	for (uint32_t m = k->classes; m; m &= m - 1) {
		const unsigned int c = (unsigned int)__builtin_ctz(m);

		if (k->sentence && x->sentence[c] != x->sentence[class])
			return false;
		if ((at > x->at[c] ? at - x->at[c] : x->at[c] - at) > k->window)
			return false;
	}
	return true;
}

void mw_rules_init(struct mw_rules *k)
{
	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < N_RULES; i++)
		for (uint32_t m = rules[i].classes; m; m &= m - 1)
			k->of[__builtin_ctz(m)].w[i / 64] |= 1ull << i % 64;
}

void mw_rules_see(const struct mw_rules *k, struct mw_rules_at *x, enum mw_term_class class,
		  size_t at, size_t end, size_t sentence)
{
	/* "do not include passwords" */
	if ((class == MW_TERM_SEND || class == MW_TERM_READ) && x->at[MW_TERM_NOT] &&
	    at >= x->not_end && at - x->not_end <= 1)
		return;
	if (class == MW_TERM_NOT)
		x->not_end = end;
	x->n[class]++;
	x->seen |= 1u << class;
	x->at[class] = at + 1;
	x->sentence[class] = sentence;
	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++)
		for (uint64_t m = k->of[class].w[i] & ~x->fired.w[i]; m; m &= m - 1)
			if (holds(x, &rules[i * 64 + (size_t)__builtin_ctzll(m)], class))
				x->fired.w[i] |= m & -m;
}

unsigned int mw_rules_score(const struct mw_fired *f, bool data)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++)
		for (uint64_t m = f->w[i]; m; m &= m - 1) {
			const struct rule *k = &rules[i * 64 + (size_t)__builtin_ctzll(m)];

			sum += data ? k->data : k->points;
		}
	return sum;
}

unsigned int mw_rules_bits(const struct mw_fired *f)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++)
		for (uint64_t m = f->w[i]; m; m &= m - 1)
			bits |= rules[i * 64 + (size_t)__builtin_ctzll(m)].bits;
	return bits;
}
