/* SPDX-License-Identifier: Apache-2.0 */
/* survey_names.c - servers, tools and principals by how often they called or were called */
#include <errno.h>
#include <stdlib.h>

#include "io/survey_priv.h"

int64_t mw_survey_name(struct mw_survey *s, unsigned int kind, struct mw_slice text)
{
	struct survey_names *n = &s->names[kind];
	uint32_t number = 0;
	int r;

	if (!text.n)
		return 0;
	if (n->texts.n < MW_SURVEY_NAMES_MAX) {
		r = mw_intern_put(&n->texts, 0, text, &number);
		if (r < 0)
			return r;
	} else {
		/* full: it is one of those that are known, or of all the others */
		if (mw_intern_find(&n->texts, 0, text, &number) < 0)
			number = MW_SURVEY_NAMES_MAX;
	}
	r = mw_survey_grow(&n->counts, number, &n->cap, sizeof(*n->counts));
	if (r < 0)
		return r;
	for (; n->n_counts <= number; n->n_counts++)
		n->counts[n->n_counts] = (struct survey_count){ 0 };
	return (int64_t)number + 1;
}

void mw_survey_names_done(struct survey_names *n)
{
	mw_intern_done(&n->texts);
	free(n->counts);
	free(n->top);
	free(n->text);
}

struct order {
	uint64_t calls, alerts;
	uint32_t number;
};

/* The most first; of as many, the one seen first. */
static int by_count(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	if (x->alerts != y->alerts)
		return x->alerts > y->alerts ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* The n first of those counted. 0, -ENOMEM. */
static int take_top(struct survey_names *names, const struct order *order, size_t n)
{
	size_t i, len = 0, text_len;

	for (i = 0; i < n; i++)
		len += names->texts.e[order[i].number].len + 1;
	names->top = calloc(n ? n : 1, sizeof(*names->top));
	names->text = malloc(len ? len : 1);
	if (!names->top || !names->text)
		return -ENOMEM;
	for (i = len = 0; i < n; i++, len += text_len) {
		char *text = names->text + len, *p;

		text_len = names->texts.e[order[i].number].len + 1;
		memcpy(text, mw_intern_str(&names->texts, order[i].number), text_len);
		/* what follows a NUL would be lost without a sign of it */
		for (p = text; p + 1 < text + text_len; p++)
			if (!*p)
				*p = '\x1a';
		names->top[i] = (struct mw_export_name){ text, order[i].calls, order[i].alerts };
	}
	return 0;
}

/* Those counted: how many there are in all in *ret_more, but for the first ones. */
static int finish(struct survey_names *names, size_t *ret_n, uint64_t *ret_more)
{
	struct order *order = calloc(names->n_counts + 1, sizeof(*order));
	size_t i, n = 0, all;
	int r;

	if (!order)
		return -ENOMEM;
	for (i = 0; i < names->texts.n; i++)
		if (names->counts[i].calls || names->counts[i].alerts)
			order[n++] = (struct order){ names->counts[i].calls,
						     names->counts[i].alerts, (uint32_t)i };
	all = n + (names->n_counts > MW_SURVEY_NAMES_MAX &&
		   (names->counts[MW_SURVEY_NAMES_MAX].calls ||
		    names->counts[MW_SURVEY_NAMES_MAX].alerts));
	qsort(order, n, sizeof(*order), by_count);
	n = n < MW_EXPORT_NAMES_MAX ? n : MW_EXPORT_NAMES_MAX;
	r = take_top(names, order, n);
	free(order);
	*ret_n = n;
	*ret_more = all - n;
	return r;
}

int mw_survey_names_finish(struct mw_survey *s)
{
	struct mw_export_about *a = &s->about;
	int r;

	r = finish(&s->names[NAME_SERVER], &a->n_servers, &a->more_servers);
	if (r == 0)
		r = finish(&s->names[NAME_TOOL], &a->n_tools, &a->more_tools);
	if (r == 0)
		r = finish(&s->names[NAME_PRINCIPAL], &a->n_principals, &a->more_principals);
	a->servers = s->names[NAME_SERVER].top;
	a->tools = s->names[NAME_TOOL].top;
	a->principals = s->names[NAME_PRINCIPAL].top;
	return r;
}
