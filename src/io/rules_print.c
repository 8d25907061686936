/* SPDX-License-Identifier: Apache-2.0 */
/* rules_print.c - a condition as text again, macros and lists written out */
#include <string.h>

#include "io/rules_priv.h"

static const char *op_name(enum mw_cond_op op)
{
	static const char *const names[] = {
		[MW_COND_EQ] = "=",
		[MW_COND_IEQ] = "ieq",
		[MW_COND_LT] = "<",
		[MW_COND_LE] = "<=",
		[MW_COND_GT] = ">",
		[MW_COND_GE] = ">=",
		[MW_COND_CONTAINS] = "contains",
		[MW_COND_ICONTAINS] = "icontains",
		[MW_COND_STARTSWITH] = "startswith",
		[MW_COND_ENDSWITH] = "endswith",
		[MW_COND_GLOB] = "glob",
		[MW_COND_REGEX] = "regex",
		[MW_COND_UNDER] = "under",
		[MW_COND_CIDR] = "cidr",
		[MW_COND_HOST] = "host",
		[MW_COND_SAME] = "same",
	};

	return names[op];
}

static int value(struct mw_buf *out, struct mw_slice text)
{
	int r = mw_buf_append_byte(out, '\'');
	size_t i;

	for (i = 0; i < text.n && r == 0; i++) {
		if (text.p[i] == '\'')
			r = mw_buf_append_byte(out, '\'');
		if (r == 0)
			r = mw_buf_append_byte(out, text.p[i]);
	}
	return r < 0 ? r : mw_buf_append_byte(out, '\'');
}

static int test(struct mw_buf *out, const struct mw_cond *c)
{
	size_t i;
	int r;

	r = mw_buf_append_str(out, mw_fact_field_at(c->field)->name);
	if (r < 0 || c->op == MW_COND_EXISTS)
		return r;
	r = mw_buf_append_byte(out, ' ');
	if (r == 0)
		r = mw_buf_append_str(
		    out, c->op == MW_COND_EQ && c->n_values != 1 ? "in" : op_name(c->op));
	if (r == 0 && c->op != MW_COND_SAME)
		r = mw_buf_append_str(out, c->n_values == 1 ? " " : " (");
	for (i = 0; i < c->n_values && r == 0; i++) {
		if (i)
			r = mw_buf_append_str(out, ", ");
		if (r == 0)
			r = value(out, c->values[i].text);
	}
	if (r == 0 && c->op != MW_COND_SAME && c->n_values != 1)
		r = mw_buf_append_byte(out, ')');
	return r;
}

static int print(struct mw_buf *out, const struct mw_when *w, uint32_t at);

static int operand(struct mw_buf *out, const struct mw_when *w, uint32_t at, enum mw_cond_op op)
{
	const struct mw_cond *c = &w->cond[at];
	bool parens = (c->op == MW_COND_OR && op == MW_COND_AND) ||
		      (op == MW_COND_NOT && (c->op == MW_COND_OR || c->op == MW_COND_AND));
	int r = parens ? mw_buf_append_byte(out, '(') : 0;

	if (r == 0)
		r = print(out, w, at);
	return r == 0 && parens ? mw_buf_append_byte(out, ')') : r;
}

static int print(struct mw_buf *out, const struct mw_when *w, uint32_t at)
{
	const struct mw_cond *c = &w->cond[at];
	int r;

	switch (c->op) {
	case MW_COND_AND:
	case MW_COND_OR:
		r = operand(out, w, c->left, c->op);
		if (r == 0)
			r = mw_buf_append_str(out, c->op == MW_COND_AND ? " and " : " or ");
		return r < 0 ? r : operand(out, w, c->right, c->op);
	case MW_COND_NOT:
		r = mw_buf_append_str(out, "not ");
		return r < 0 ? r : operand(out, w, c->left, c->op);
	default:
		return test(out, c);
	}
}

int mw_rules_print(struct mw_buf *out, const struct mw_when *when)
{
	return when->n ? print(out, when, (uint32_t)when->n - 1) : mw_buf_append_str(out, "always");
}
