/* SPDX-License-Identifier: Apache-2.0 */
/* rules_names.c - lists in lists, and names that are nearly right */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "io/rules_priv.h"

static int add_item(struct mw_rules *set, struct mw_rules_known *list, struct mw_rules_at ***end,
		    struct mw_yaml *y, const struct mw_yaml_node *at, struct mw_yaml_err err)
{
	struct mw_yaml_read r = { y, err };
	struct mw_rules_at *one;

	if (set->n_values++ == MW_RULES_VALUES_MAX)
		return mw_yaml_fail(&r, at,
				    "all lists have more than %u items, lists within "
				    "written out",
				    MW_RULES_VALUES_MAX);
	one = mw_yaml_alloc(y, 1, sizeof(*one));
	if (!one)
		return mw_yaml_no_memory(&r);
	*one = (struct mw_rules_at){ .y = y, .at = at };
	**end = one;
	*end = &one->next;
	list->n++;
	return 0;
}

/* A list's items are borrowed from where they stand: an inner one's are copied as places. */
static int add_list(struct mw_rules *set, struct mw_rules_known *list, struct mw_rules_at ***end,
		    struct mw_rules_known *inner, const struct mw_yaml_read *r,
		    const struct mw_yaml_node *at)
{
	const struct mw_rules_at *item;
	int e;

	if (inner->state == MW_RULES_OPEN)
		return mw_yaml_fail(r, at, "list '%s' has itself in it", inner->id);
	if (set->depth == MW_RULES_DEPTH_MAX)
		return mw_yaml_fail(r, at, "more than %u lists within each other",
				    MW_RULES_DEPTH_MAX);
	set->depth++;
	e = mw_rules_list(set, inner, r->err);
	set->depth--;
	for (item = inner->item; item && e == 0; item = item->next)
		e = add_item(set, list, end, item->y, item->at, r->err);
	return e;
}

int mw_rules_list(struct mw_rules *set, struct mw_rules_known *list, struct mw_yaml_err err)
{
	struct mw_rules_at **end = &list->item;
	const struct mw_yaml_node *v;
	const struct mw_rules_at *part;
	struct mw_rules_known *inner;
	int e = 0;

	if (list->state == MW_RULES_DONE)
		return 0;
	list->state = MW_RULES_OPEN;
	for (part = list->part; part; part = part->next)
		for (v = part->at->first; v && e == 0; v = v->next) {
			struct mw_yaml_read r = { part->y, err };

			inner = v->plain ? mw_rules_find(set->lists, v->text) : NULL;
			e = inner ? add_list(set, list, &end, inner, &r, v)
				  : add_item(set, list, &end, part->y, v, err);
		}
	list->state = MW_RULES_DONE;
	return e;
}

static void try_one(const void *node, VISIT visit, void *near)
{
	if (visit == postorder || visit == leaf)
		mw_rules_near_try(near, (*(struct mw_rules_known *const *)node)->id);
}

void mw_rules_near_known(const void *root, struct mw_rules_near *near)
{
	twalk_r(root, try_one, near);
}

struct macros {
	struct mw_rules *set;
	struct mw_yaml_err err;
	int e;
};

static void make_one(const void *node, VISIT visit, void *p)
{
	struct macros *all = p;

	if ((visit == postorder || visit == leaf) && all->e == 0)
		all->e = mw_rules_macro(all->set, *(struct mw_rules_known *const *)node, all->err);
}

int mw_rules_macros(struct mw_rules *set, struct mw_yaml_err err)
{
	struct macros all = { set, err, 0 };

	twalk_r(set->macros, make_one, &all);
	return all.e;
}
