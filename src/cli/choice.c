/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/choice.h"

#include <stdlib.h>

#include "io/export_out.h"
#include "io/survey.h"

/* Servers whose names are known; those that come later go by their ids. */
#define SERVERS_MAX 65536

/* What a record's server is called, by an earlier record if need be. Without memory: not known. */
static struct mw_slice server_name(struct mw_choice *c, const struct mw_logrec *rec)
{
	const struct mw_slice server = mw_logrec_get(rec, "server");
	const struct mw_slice id = mw_out_get(server, "id"), none = mw_slice(NULL, 0);
	const struct mw_slice name = mw_out_get(server, "name");
	uint32_t number, text;
	int r;

	if (!id.n)
		return none;
	if (!name.n) {
		r = mw_intern_find(&c->servers, (uint32_t)rec->input, id, &number);
		return r < 0 ? none : mw_slice_str(mw_intern_str(&c->names, c->name_of[number]));
	}
	if (mw_intern_find(&c->servers, (uint32_t)rec->input, id, &number) == 0 ||
	    c->servers.n == SERVERS_MAX)
		return none;
	if (c->servers.n == c->name_of_cap) {
		const size_t cap = c->name_of_cap ? 2 * c->name_of_cap : 64;
		void *p = reallocarray(c->name_of, cap, sizeof(*c->name_of));

		if (!p)
			return none;
		c->name_of = p;
		c->name_of_cap = cap;
	}
	if (mw_intern_put(&c->names, 0, name, &text) >= 0 &&
	    mw_intern_put(&c->servers, (uint32_t)rec->input, id, &number) >= 0)
		c->name_of[number] = text;
	return none;
}

unsigned int mw_choice_match(void *arg, const struct mw_logrec *rec)
{
	struct mw_choice *c = arg;
	const struct mw_filter *f = &c->filter;
	struct mw_filter_facts facts = { 0 };
	unsigned int r = 0;

	if (f->servers.n)
		facts.server_name = server_name(c, rec);
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
	mw_intern_done(&c->servers);
	mw_intern_done(&c->names);
	free(c->name_of);
}
