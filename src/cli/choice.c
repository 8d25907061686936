/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/choice.h"

#include "io/survey.h"

int mw_choice_learn(void *arg, const struct mw_logrec *rec)
{
	struct mw_choice *c = arg;

	return mw_filter_learn(&c->filter, rec);
}

unsigned int mw_choice_match(void *arg, const struct mw_logrec *rec)
{
	struct mw_choice *c = arg;
	const struct mw_filter *f = &c->filter;
	struct mw_filter_facts facts = { 0 };
	unsigned int r = 0;

	if (mw_filter_head(f, rec, c->types)) {
		if (mw_filter_own(f, rec, &facts))
			r |= MW_SURVEY_OWN;
		facts.matched = true;
		if (!r && mw_filter_asks_effects(f) && mw_filter_own(f, rec, &facts))
			r |= MW_SURVEY_BY_EFFECT;
	}
	if (mw_filter_call(f, rec, &facts))
		r |= MW_SURVEY_WHO;
	return r;
}

void mw_choice_done(struct mw_choice *c)
{
	mw_filter_done(&c->filter);
}
