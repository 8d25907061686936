/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_cond.c - a condition's text to the tree that the policy takes
 *
 *	or    = and { "or" and }
 *	and   = not { "and" not }
 *	not   = "not" not | "(" or ")" | test
 *	test  = FIELD OP value | FIELD OP "(" value { "," value } ")" | FIELD "same" | FIELD | MACRO
 *| LIST value = WORD | LIST | 'text' | "text"
 *
 * A quote within quotes is written twice. A list alone says whether it has items. The tree is
 *written operands first, so that each index is below its own and the root is last. A macro is a
 *tree by itself and is copied in with its indexes moved, so that each is read once, and the size of
 *what comes of them is known before it is made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/rules_parse.h"

#define DEPTH_MAX 64

/* --- the tree ------------------------------------------------------------------------------ */

static int reserve(struct mw_rules_parse *p, size_t where, size_t n)
{
	struct mw_cond *grown;

	if (n > MW_RULES_COND_MAX - p->n)
		return fail_at(p, where,
			       "the condition has more than %u tests and operators, "
			       "macros written out",
			       MW_RULES_COND_MAX);
	if (n > MW_RULES_CONDS_MAX - p->set->n_conds)
		return fail_at(p, where,
			       "all conditions have more than %u tests and operators, "
			       "macros written out",
			       MW_RULES_CONDS_MAX);
	p->set->n_conds += n;
	grown = reallocarray(p->cond, p->n + n, sizeof(*grown));
	if (!grown)
		return mw_yaml_no_memory(&p->r);
	p->cond = grown;
	return 0;
}

static int emit(struct mw_rules_parse *p, size_t where, struct mw_cond c, uint32_t *ret)
{
	int e = reserve(p, where, 1);

	if (e < 0)
		return e;
	*ret = (uint32_t)p->n;
	p->cond[p->n++] = c;
	return 0;
}

/* Whether a rule of this kind can ever know the field. */
static int check_on(const struct mw_rules_parse *p, size_t where, uint32_t field, const char *macro)
{
	const struct mw_fact_field *f = mw_fact_field_at(field);

	if (!p->on || f->kinds & 1u << p->on)
		return 0;
	return fail_at(p, where, "%s%s%s'%s' is never known of %s %s", macro ? "macro '" : "",
		       macro ? macro : "", macro ? "': " : "", f->name,
		       strchr("aeiou", *mw_rules_kind_name(p->on)) ? "an" : "a",
		       mw_rules_kind_name(p->on));
}

static int macro(struct mw_rules_parse *p, size_t where, struct mw_rules_known *m, uint32_t *ret)
{
	uint32_t base = (uint32_t)p->n;
	struct mw_when *w = &m->when;
	size_t i;
	int e;

	if (m->state == MW_RULES_OPEN)
		return fail_at(p, where, "macro '%s' is made of itself", m->id);
	if (m->state == MW_RULES_RAW && p->set->depth == MW_RULES_DEPTH_MAX)
		return fail_at(p, where, "more than %u macros within each other",
			       MW_RULES_DEPTH_MAX);
	p->set->depth++;
	e = mw_rules_macro(p->set, m, p->r.err);
	p->set->depth--;
	if (e < 0)
		return e;
	e = reserve(p, where, w->n);
	for (i = 0; e == 0 && i < w->n; i++) {
		struct mw_cond c = w->cond[i];

		if (c.op == MW_COND_SAME && p->on && p->first)
			return fail_at(p, where, "macro '%s' has 'same', which needs a step before",
				       m->id);
		if (c.op <= MW_COND_NOT) {
			c.left += base;
			c.right += c.op == MW_COND_NOT ? 0 : base;
		} else {
			e = check_on(p, where, c.field, m->id);
		}
		p->cond[base + i] = c;
	}
	if (e < 0)
		return e;
	p->n += w->n;
	*ret = (uint32_t)p->n - 1;
	return 0;
}

/* --- tests --------------------------------------------------------------------------------- */

static bool has_op(enum mw_field_type type, enum mw_cond_op op)
{
	switch (op) {
	case MW_COND_EQ:
		return true;
	case MW_COND_SAME:
		return type != MW_FIELD_TEXTS && type != MW_FIELD_POWER;
	case MW_COND_LT:
	case MW_COND_LE:
	case MW_COND_GT:
	case MW_COND_GE:
		return type == MW_FIELD_NUMBER;
	case MW_COND_CIDR:
		return type == MW_FIELD_ADDR || type == MW_FIELD_TEXT || type == MW_FIELD_TEXTS;
	case MW_COND_STARTSWITH:
	case MW_COND_ENDSWITH:
	case MW_COND_CONTAINS:
	case MW_COND_GLOB:
		return type == MW_FIELD_TEXT || type == MW_FIELD_TEXTS || type == MW_FIELD_ENUM;
	default:
		return type == MW_FIELD_TEXT || type == MW_FIELD_TEXTS;
	}
}

static const char *type_name(enum mw_field_type type)
{
	static const char *const names[] = {
		[MW_FIELD_BOOL] = "yes or no",	      [MW_FIELD_NUMBER] = "a number",
		[MW_FIELD_TEXT] = "a text",	      [MW_FIELD_TEXTS] = "a list of texts",
		[MW_FIELD_ADDR] = "an address",	      [MW_FIELD_ENUM] = "one of a few words",
		[MW_FIELD_POWER] = "a set of powers",
	};

	return names[type];
}

static int add_value(struct mw_rules_parse *p, uint32_t field, enum mw_cond_op op,
		     struct mw_slice text, const struct mw_rules_at *list, size_t where)
{
	struct mw_rules_pattern pattern = { .at = *p->at, .offset = where };
	struct mw_cond_value v;
	struct mw_yaml_read of;
	char why[200];
	int e;

	if (p->set->n_values++ == MW_RULES_VALUES_MAX)
		return fail_at(p, where, "all tests have more than %u values, lists written out",
			       MW_RULES_VALUES_MAX);
	e = mw_rules_value(p->at->y, field, op, text, &v, why, sizeof(why));
	if (e < 0 && list) {
		of = (struct mw_yaml_read){ list->y, p->r.err };
		return mw_yaml_fail(&of, list->at, "%s: '%s' in line %u of %s tests it", why,
				    mw_fact_field_at(field)->name, p->at->at->line,
				    mw_yaml_name(p->at->y));
	}
	if (e < 0)
		return fail_at(p, where, "%s", why);
	if (mw_rules_push(&p->value, &p->n_values, sizeof(v), &v) < 0)
		return mw_yaml_no_memory(&p->r);
	if (op != MW_COND_REGEX)
		return 0;
	if (list)
		pattern = (struct mw_rules_pattern){ .at = *list, .offset = SIZE_MAX };
	pattern.cond = (struct mw_cond){ .op = op, .field = field };
	pattern.value = v;
	if (mw_rules_push(&p->set->pattern, &p->set->n_patterns, sizeof(pattern), &pattern) < 0)
		return mw_yaml_no_memory(&p->r);
	return 0;
}

/* A word of the form of lists' names that is nearly one would compare with nothing, for ever. */
static int check_near(struct mw_rules_parse *p)
{
	struct mw_rules_near near = { .name = p->text };
	char buf[128];

	if (!memchr(p->text.p, '_', p->text.n))
		return 0;
	mw_rules_near_known(p->set->lists, &near);
	if (!near.best)
		return 0;
	return fail_at(p, p->from, "there is no list '%.*s'%s (a text is put in quotes)",
		       (int)p->text.n, (const char *)p->text.p,
		       mw_rules_near_say(&near, buf, sizeof(buf)));
}

/* One value, or those of a list. */
static int value(struct mw_rules_parse *p, uint32_t field, enum mw_cond_op op)
{
	struct mw_rules_known *list = NULL;
	struct mw_rules_at *item;
	size_t where = p->from;
	char id[MW_RULES_ID_MAX + 1];
	int e = 0;

	if ((p->token != WORD && p->token != QUOTED) || (p->token == WORD && mw_rules_reserved(p)))
		return mw_rules_unexpected(p, "a value");
	if (p->token == WORD && p->text.n < sizeof(id)) {
		memcpy(id, p->text.p, p->text.n);
		id[p->text.n] = '\0';
		list = mw_rules_find(p->set->lists, id);
		if (!list && check_near(p) < 0)
			return -EINVAL;
	}
	if (!list)
		return add_value(p, field, op, p->text, NULL, where);
	e = mw_rules_list(p->set, list, p->r.err);
	for (item = list->item; item && e == 0; item = item->next)
		e = add_value(p, field, op, mw_slice(item->at->text, item->at->n), item, where);
	return e;
}

static int values(struct mw_rules_parse *p, uint32_t field, enum mw_cond_op op)
{
	int e = mw_rules_next(p);

	if (e < 0)
		return e;
	if (p->token != OPEN) {
		e = value(p, field, op);
		return e < 0 ? e : mw_rules_next(p);
	}
	do {
		e = mw_rules_next(p);
		if (e == 0)
			e = value(p, field, op);
		if (e == 0)
			e = mw_rules_next(p);
		if (e < 0)
			return e;
	} while (p->token == COMMA);
	if (p->token != CLOSE)
		return mw_rules_unexpected(p, "',' or ')'");
	return mw_rules_next(p);
}

/* What is known and is none of these: "!=" of what is not known is as false as "=". */
static int negate(struct mw_rules_parse *p, size_t where, uint32_t field, uint32_t *at)
{
	struct mw_cond c = { .op = MW_COND_NOT, .left = *at };
	uint32_t known;
	int e;

	e = emit(p, where, c, at);
	if (e < 0 || mw_fact_field_at(field)->type == MW_FIELD_BOOL)
		return e;
	c = (struct mw_cond){ .op = MW_COND_EXISTS, .field = field };
	e = emit(p, where, c, &known);
	c = (struct mw_cond){ .op = MW_COND_AND, .left = known, .right = *at };
	return e < 0 ? e : emit(p, where, c, at);
}

/* What is true of nothing: known and not known. */
static int never(struct mw_rules_parse *p, size_t where, uint32_t field, uint32_t *ret)
{
	struct mw_cond c = { .op = MW_COND_EXISTS, .field = field };
	uint32_t known;
	int e;

	e = emit(p, where, c, &known);
	c = (struct mw_cond){ .op = MW_COND_NOT, .left = known };
	if (e == 0)
		e = emit(p, where, c, ret);
	c = (struct mw_cond){ .op = MW_COND_AND, .left = known, .right = *ret };
	return e < 0 ? e : emit(p, where, c, ret);
}

/* A list by itself: whether it has items. */
static int filled(struct mw_rules_parse *p, size_t where, struct mw_rules_known *list,
		  uint32_t *ret)
{
	int any = mw_fact_field_find(MW_SLICE_LIT("server.key")); /* of every kind */
	struct mw_cond c = { .op = MW_COND_NOT };
	int e;

	e = mw_rules_list(p->set, list, p->r.err);
	if (e == 0)
		e = never(p, where, (uint32_t)any, ret);
	if (e < 0 || !list->n)
		return e;
	c.left = *ret;
	return emit(p, where, c, ret);
}

/* = and != of yes or no: whether it is that. */
static int truth(struct mw_rules_parse *p, size_t where, uint32_t field, bool negated,
		 uint32_t *ret)
{
	struct mw_cond c = { .op = MW_COND_EXISTS, .field = field };
	int e = mw_rules_next(p);

	if (e < 0)
		return e;
	if (!mw_rules_is(p, "yes") && !mw_rules_is(p, "true") && !mw_rules_is(p, "no") &&
	    !mw_rules_is(p, "false"))
		return mw_rules_unexpected(p, "yes or no");
	if (mw_rules_is(p, "no") || mw_rules_is(p, "false"))
		negated = !negated;
	e = emit(p, where, c, ret);
	if (e == 0 && negated)
		e = negate(p, where, field, ret);
	return e < 0 ? e : mw_rules_next(p);
}

static int compared(struct mw_rules_parse *p, size_t where, uint32_t field,
		    const struct mw_rules_op *op, uint32_t *ret)
{
	const struct mw_fact_field *f = mw_fact_field_at(field);
	struct mw_cond c = { .op = op->op, .field = field };
	struct mw_cond_value *v;
	int e;

	if (!has_op(f->type, c.op) ||
	    (f->type == MW_FIELD_BOOL && p->token != SYMBOL && c.op != MW_COND_SAME))
		return fail_at(p, p->from, "'%s' cannot be tested with '%s': it is %s", f->name,
			       op->name, type_name(f->type));
	if (c.op == MW_COND_SAME) {
		if (p->on && p->first)
			return fail_at(p, p->from, "'same' needs a step before this one");
		e = emit(p, where, c, ret);
		return e < 0 ? e : mw_rules_next(p);
	}
	if (f->type == MW_FIELD_BOOL)
		return truth(p, where, field, op->negated, ret);
	p->n_values = 0;
	e = values(p, field, c.op);
	if (e < 0)
		return e;
	if (!p->n_values) {
		e = never(p, where, field, ret);
		return e == 0 && op->negated ? negate(p, where, field, ret) : e;
	}
	v = mw_yaml_alloc(p->at->y, p->n_values, sizeof(*v));
	if (!v)
		return mw_yaml_no_memory(&p->r);
	memcpy(v, p->value, p->n_values * sizeof(*v));
	c.values = v;
	c.n_values = p->n_values;
	e = emit(p, where, c, ret);
	return e == 0 && op->negated ? negate(p, where, field, ret) : e;
}

static int unknown(struct mw_rules_parse *p)
{
	struct mw_rules_near near = { .name = p->text };
	bool field = memchr(p->text.p, '.', p->text.n) != NULL;
	const struct mw_fact_field *f;
	char buf[128];
	uint32_t i;

	for (i = 0; (f = mw_fact_field_at(i)) != NULL; i++)
		mw_rules_near_try(&near, f->name);
	if (!field)
		mw_rules_near_known(p->set->macros, &near);
	return fail_at(p, p->from, "no %s '%.*s'%s", field ? "field" : "field or macro",
		       (int)(p->text.n < 64 ? p->text.n : 64), (const char *)p->text.p,
		       mw_rules_near_say(&near, buf, sizeof(buf)));
}

/* A field by its name, or a macro, or a list: the first that there is. */
static int test(struct mw_rules_parse *p, uint32_t *ret)
{
	struct mw_rules_known *m = NULL, *list = NULL;
	struct mw_cond c = { .op = MW_COND_EXISTS };
	char id[MW_RULES_ID_MAX + 1] = "";
	const struct mw_rules_op *op;
	size_t where = p->from;
	int e, field;

	if (p->token != WORD || mw_rules_reserved(p))
		return mw_rules_unexpected(p, "a field, a macro, 'not' or '('");
	field = mw_fact_field_find(p->text);
	if (field < 0 && p->text.n < sizeof(id)) {
		memcpy(id, p->text.p, p->text.n);
		m = mw_rules_find(p->set->macros, id);
		list = m ? NULL : mw_rules_find(p->set->lists, id);
	}
	if (field < 0 && !m && !list)
		return unknown(p);
	e = m	   ? macro(p, where, m, ret)
	    : list ? filled(p, where, list, ret)
		   : check_on(p, where, (uint32_t)field, NULL);
	if (e == 0)
		e = mw_rules_next(p);
	if (e < 0)
		return e;
	op = mw_rules_op(p);
	if (field < 0 && op)
		return fail_at(p, p->from, "%s '%s' is no field: no operator can follow",
			       m ? "macro" : "list", id);
	if (field < 0)
		return 0;
	if (op)
		return compared(p, where, (uint32_t)field, op, ret);
	c.field = (uint32_t)field;
	return emit(p, where, c, ret);
}

static int any_of(struct mw_rules_parse *p, uint32_t *ret);

static int negated(struct mw_rules_parse *p, uint32_t *ret)
{
	struct mw_cond c = { .op = MW_COND_NOT };
	size_t where = p->from, k;
	bool no = false;
	int e;

	for (k = 0; mw_rules_is(p, "not"); k++) {
		no = !no;
		e = mw_rules_next(p);
		if (e < 0)
			return e;
	}
	if (p->token == OPEN) {
		if (++p->depth > DEPTH_MAX)
			return fail_at(p, p->from, "more than %d open '('", DEPTH_MAX);
		e = mw_rules_next(p);
		if (e == 0)
			e = any_of(p, ret);
		if (e < 0)
			return e;
		if (p->token != CLOSE)
			return mw_rules_unexpected(p, "'and', 'or' or ')'");
		p->depth--;
		e = mw_rules_next(p);
	} else {
		e = test(p, ret);
	}
	if (e < 0 || !no)
		return e;
	c.left = *ret;
	return emit(p, where, c, ret);
}

static int all_of(struct mw_rules_parse *p, uint32_t *ret)
{
	struct mw_cond c = { .op = MW_COND_AND };
	size_t where;
	int e = negated(p, ret);

	while (e == 0 && mw_rules_is(p, "and")) {
		where = p->from;
		c.left = *ret;
		e = mw_rules_next(p);
		if (e == 0)
			e = negated(p, &c.right);
		if (e == 0)
			e = emit(p, where, c, ret);
	}
	return e;
}

static int any_of(struct mw_rules_parse *p, uint32_t *ret)
{
	struct mw_cond c = { .op = MW_COND_OR };
	size_t where;
	int e = all_of(p, ret);

	while (e == 0 && mw_rules_is(p, "or")) {
		where = p->from;
		c.left = *ret;
		e = mw_rules_next(p);
		if (e == 0)
			e = all_of(p, &c.right);
		if (e == 0)
			e = emit(p, where, c, ret);
	}
	return e;
}

int mw_rules_when(struct mw_rules *set, const struct mw_rules_at *text, unsigned int on, bool first,
		  struct mw_yaml_err err, struct mw_when *ret)
{
	struct mw_rules_parse p = {
		.set = set, .r = { text->y, err }, .at = text, .on = on, .first = first
	};
	struct mw_cond *cond;
	uint32_t root;
	int e;

	e = mw_rules_next(&p);
	if (e == 0)
		e = any_of(&p, &root);
	if (e == 0 && p.token != END)
		e = mw_rules_unexpected(&p, "'and', 'or' or the end");
	cond = e == 0 ? mw_yaml_alloc(text->y, p.n, sizeof(*cond)) : NULL;
	if (e == 0 && !cond)
		e = mw_yaml_no_memory(&p.r);
	if (e == 0) {
		memcpy(cond, p.cond, p.n * sizeof(*cond));
		*ret = (struct mw_when){ .cond = cond, .n = p.n };
	}
	free(p.cond);
	free(p.value);
	return e;
}

int mw_rules_macro(struct mw_rules *set, struct mw_rules_known *macro, struct mw_yaml_err err)
{
	int e;

	if (macro->state == MW_RULES_DONE)
		return 0;
	macro->state = MW_RULES_OPEN;
	e = mw_rules_when(set, &macro->text, 0, false, err, &macro->when);
	if (e == 0)
		macro->state = MW_RULES_DONE;
	return e;
}
