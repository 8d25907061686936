/* SPDX-License-Identifier: Apache-2.0 */
/* sql_secret.c - string constants that say a secret */
#include "core/redact.h"
#include "core/sql_priv.h"

/* What stands between a secret's name and its text: IDENTIFIED WITH plugin BY 'x' AS 'x'; PASSWORD
 * FOR 'user'@'host' = 'x'; password = 'x'. */
struct secret {
	bool on, plugin, whose;
};

static void secret_word(struct secret *x, const struct token *t)
{
	if (mw_redact_name(t->s) || mw_sql_is(t, "IDENTIFIED"))
		*x = (struct secret){ .on = true };
	else if (x->on && mw_sql_is(t, "FOR"))
		x->whose = true;
	else if (x->on && t->kind == MW_SQL_WORD &&
		 mw_sql_is_any(t, WORDS("BY", "AS", "WITH", "USING", "TO")))
		x->plugin = mw_sql_is(t, "WITH");
	else if (x->on && x->plugin)
		x->plugin = false;
	else if (!x->whose)
		x->on = false;
}

static void secret_punct(struct secret *x, const struct token *t)
{
	if (is_punct(t, '='))
		x->whose = false;
	else if (!x->whose && !is_punct(t, '(') && !is_punct(t, '.') && !is_punct(t, ':'))
		x->on = false;
}

bool mw_sql_secret(struct mw_slice text, enum mw_sql_dialect d, struct mw_slice *ret)
{
	struct lexer l = { .text = text, .d = d };
	struct secret x = { 0 };
	struct token t;

	for (t = mw_sql_token(&l); t.kind != MW_SQL_END; t = mw_sql_token(&l)) {
		if (t.kind == MW_SQL_WORD || t.kind == MW_SQL_NAME)
			secret_word(&x, &t);
		else if (t.kind == MW_SQL_PUNCT)
			secret_punct(&x, &t);
		else if (x.on && !x.whose)
			break;
		if (!x.on)
			return false;
	}
	if (t.kind != MW_SQL_STRING)
		return false;
	*ret = t.s;
	return true;
}

int mw_sql_redact(struct mw_redact *redact, struct mw_buf *out, struct mw_slice text,
		  enum mw_sql_dialect d)
{
	struct lexer l = { .text = text, .d = d };
	const size_t start = out->len;
	struct secret x = { 0 };
	struct token t;
	size_t done = 0;
	int r = 0;

	for (t = mw_sql_token(&l); t.kind != MW_SQL_END && r == 0; t = mw_sql_token(&l)) {
		if (t.kind == MW_SQL_WORD || t.kind == MW_SQL_NAME) {
			secret_word(&x, &t);
		} else if (t.kind == MW_SQL_PUNCT) {
			secret_punct(&x, &t);
		} else if (!x.on) {
			continue;
		} else if (!x.whose) {
			r = mw_buf_append(out, text.p + done, t.at - done);
			if (r == 0)
				r = mw_buf_append_byte(out, '\'');
			if (r == 0)
				r = mw_redact_put_key_mark(redact, out, t.s);
			if (r == 0)
				r = mw_buf_append_byte(out, '\'');
			done = t.end;
			x.on = false;
		}
	}
	if (r == 0)
		r = mw_buf_append(out, text.p + done, text.n - done);
	if (r < 0)
		out->len = start;
	return r;
}
