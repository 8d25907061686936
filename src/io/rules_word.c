/* SPDX-License-Identifier: Apache-2.0 */
/* rules_word.c - the words of a condition */
#include <stdio.h>
#include <string.h>

#include "io/rules_parse.h"

static const struct mw_rules_op ops[] = {
	{ "=", MW_COND_EQ, false },
	{ "!=", MW_COND_EQ, true },
	{ "<", MW_COND_LT, false },
	{ "<=", MW_COND_LE, false },
	{ ">", MW_COND_GT, false },
	{ ">=", MW_COND_GE, false },
	{ "in", MW_COND_EQ, false },
	{ "ieq", MW_COND_IEQ, false },
	{ "contains", MW_COND_CONTAINS, false },
	{ "icontains", MW_COND_ICONTAINS, false },
	{ "startswith", MW_COND_STARTSWITH, false },
	{ "endswith", MW_COND_ENDSWITH, false },
	{ "glob", MW_COND_GLOB, false },
	{ "regex", MW_COND_REGEX, false },
	{ "under", MW_COND_UNDER, false },
	{ "cidr", MW_COND_CIDR, false },
	{ "host", MW_COND_HOST, false },
	{ "same", MW_COND_SAME, false },
};

static int quoted(struct mw_rules_parse *p, const char *s, size_t n)
{
	char quote = s[p->from], *text;
	size_t i, k = 0;

	text = mw_yaml_alloc(p->at->y, n - p->from, 1);
	if (!text)
		return mw_yaml_no_memory(&p->r);
	for (i = p->from + 1; i < n; i++) {
		if (s[i] == quote && (i + 1 == n || s[i + 1] != quote))
			break;
		i += s[i] == quote;
		text[k++] = s[i];
	}
	if (i >= n)
		return fail_at(p, p->from, "this quote has no end");
	p->token = QUOTED;
	p->text = mw_slice(text, k);
	p->pos = i + 1;
	return 0;
}

int mw_rules_next(struct mw_rules_parse *p)
{
	const char *s = p->at->at->text;
	size_t n = p->at->at->n, k;

	while (p->pos < n && strchr(" \t\r\n", s[p->pos]))
		p->pos++;
	p->from = p->pos;
	if (p->pos == n) {
		p->token = END;
		p->text = MW_SLICE_LIT("the end");
		return 0;
	}
	if (s[p->from] == '\'' || s[p->from] == '"')
		return quoted(p, s, n);
	if (strchr("(),", s[p->from])) {
		p->token = s[p->from] == '(' ? OPEN : s[p->from] == ')' ? CLOSE : COMMA;
		k = 1;
	} else if (strchr("=!<>", s[p->from])) {
		p->token = SYMBOL;
		k = s[p->from] != '=' && p->from + 1 < n && s[p->from + 1] == '=' ? 2 : 1;
	} else {
		p->token = WORD;
		k = strcspn(s + p->from, " \t\r\n(),=!<>'\"");
	}
	p->text = mw_slice(s + p->from, k);
	p->pos += k;
	return 0;
}

bool mw_rules_is(const struct mw_rules_parse *p, const char *word)
{
	return p->token == WORD && mw_slice_eq_str(p->text, word);
}

const struct mw_rules_op *mw_rules_op(const struct mw_rules_parse *p)
{
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if ((p->token == SYMBOL || p->token == WORD) &&
		    mw_slice_eq_str(p->text, ops[i].name))
			return &ops[i];
	return NULL;
}

bool mw_rules_reserved(const struct mw_rules_parse *p)
{
	return mw_rules_op(p) || mw_rules_is(p, "and") || mw_rules_is(p, "or") ||
	       mw_rules_is(p, "not");
}

int mw_rules_unexpected(const struct mw_rules_parse *p, const char *what)
{
	bool end = p->token == END;

	return fail_at(p, p->from, "expected %s, not %s%.*s%s", what, end ? "" : "'",
		       (int)(p->text.n < 64 ? p->text.n : 64), (const char *)p->text.p,
		       end ? "" : "'");
}
