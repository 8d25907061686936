/* SPDX-License-Identifier: Apache-2.0 */
/* redact_set.c - rules compiled, with the core's memory and nothing else's */
#include "core/redact_set.h"

#include <errno.h>

/* --- compiling ----------------------------------------------------------------------------------
 */

struct compiler {
	struct mw_set *set;
	struct mw_redact_error *error;
	size_t rule;
};

static int refuse(const struct compiler *c, size_t offset, const char *why)
{
	*c->error = (struct mw_redact_error){ .rule = c->rule, .offset = offset };
	memcpy(c->error->why, why,
	       strlen(why) < sizeof(c->error->why) ? strlen(why) : sizeof(c->error->why) - 1);
	return -EINVAL;
}

static int compile(const struct compiler *c, struct mw_slice pattern, size_t skipped,
		   pcre2_code **ret)
{
	const uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
	char why[sizeof(c->error->why)];
	PCRE2_SIZE offset;
	pcre2_code *code;
	int err;

	code = pcre2_compile(pattern.p, pattern.n, options, &err, &offset, c->set->compile);
	if (!code && err == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	if (!code) {
		(void)pcre2_get_error_message(err, (PCRE2_UCHAR *)why, sizeof(why));
		return refuse(c, skipped + offset, why);
	}
	*ret = code;
	return 0;
}

static int new_array(const struct mw_alloc *a, size_t n, size_t size, void *ret)
{
	void *p = NULL;

	if (n) {
		p = mw_alloc_zero(a, n * size);
		if (!p)
			return -ENOMEM;
	}
	memcpy(ret, &p, sizeof(p));
	return 0;
}

static int allow_init(const struct compiler *c, const struct mw_redact_allow *from,
		      struct mw_set_allow *ret)
{
	const struct mw_alloc *a = c->set->a;
	int r;

	ret->from = from;
	r = new_array(a, from->n_patterns, sizeof(ret->code[0]), &ret->code);
	for (size_t i = 0; i < from->n_patterns && r == 0; i++)
		r = compile(c, mw_slice_str(from->patterns[i]), 0, &ret->code[i]);
	if (r == 0 && from->n_words)
		r = mw_words_new(a, &ret->words);
	for (size_t i = 0; i < from->n_words && r == 0; i++) {
		r = mw_words_add(ret->words, from->words[i], (uint32_t)i);
		if (r == -EINVAL)
			r = refuse(c, 0, "a word of an allow-list is shorter than two bytes or "
					 "longer than 255");
	}
	return r;
}

static void allow_done(struct mw_set *s, struct mw_set_allow *w)
{
	if (!w->from)
		return;
	for (size_t i = 0; w->code && i < w->from->n_patterns; i++)
		pcre2_code_free(w->code[i]);
	mw_alloc_free(s->a, w->code, w->from->n_patterns * sizeof(w->code[0]));
	mw_words_free(w->words);
}

/*
 * The context that many of gitleaks' patterns allow before their keyword. It may be empty, and
 * is no part of what is taken out: without it the same is found, and only where the keyword
 * stands. Of several alternatives only the first is changed. /
 */
static struct mw_slice without_context(struct mw_slice pattern)
{
	static const char *const heads[] = { "(?i)[\\w.-]{0,50}?", "[\\w.-]{0,50}?" };

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const struct mw_slice head = mw_slice_str(heads[i]);

		if (mw_slice_starts(pattern, head))
			return mw_slice_from(pattern, head.n);
	}
	return pattern;
}

static int compile_rule(const struct compiler *c, const struct mw_redact_rule *from,
			struct mw_set_rule *ret)
{
	const struct mw_slice all = mw_slice_str(from->pattern);
	struct mw_slice lead = without_context(all);
	struct mw_buf text;
	uint32_t min = 0;
	int r = 0;

	/* the flags that stood before the context hold for all that follows */
	mw_buf_init(&text, c->set->a, SIZE_MAX / 2);
	ret->context = lead.n < all.n;
	if (ret->context) {
		static const char inner[] = "(?i:[\\w.-]{0,50}?";

		if (all.p[0] == '(')
			r = mw_buf_append_str(&text, "(?i)");
		if (r == 0 && mw_slice_starts(lead, MW_SLICE_LIT("(?i:[\\w.-]{0,50}?"))) {
			r = mw_buf_append_str(&text, "(?i:");
			lead = mw_slice(lead.p + sizeof(inner) - 1, lead.n - sizeof(inner) + 1);
		}
		if (r == 0)
			r = mw_buf_append(&text, lead.p, lead.n);
		lead = mw_buf_slice(&text);
	} else {
		lead = all;
	}
	if (r == 0)
		r = compile(c, lead, all.n - lead.n, &ret->code);
	if (r == 0) {
		ret->leads = mw_lead_check(from, lead, &ret->bound);
		(void)pcre2_pattern_info(ret->code, PCRE2_INFO_MINLENGTH, &min);
		ret->min = min;
	}
	mw_buf_done(&text);
	return r;
}

static int rule_init(const struct compiler *c, const struct mw_redact_rule *from,
		     struct mw_set_rule *ret)
{
	struct mw_set *s = c->set;
	int r;

	ret->from = from;
	r = compile_rule(c, from, ret);
	if (r == 0)
		r = new_array(s->a, from->n_allow, sizeof(ret->allow[0]), &ret->allow);
	for (size_t i = 0; i < from->n_allow && r == 0; i++)
		r = allow_init(c, &from->allow[i], &ret->allow[i]);
	ret->always = from->n_keywords == 0;
	for (size_t i = 0; i < from->n_keywords && r == 0; i++) {
		if (strlen(from->keywords[i]) < 2)
			ret->always = true;
		else
			r = mw_words_add(s->gate, from->keywords[i], (uint32_t)c->rule);
		if (r == -EINVAL)
			r = refuse(c, 0, "a keyword is longer than 255 bytes, or there are too "
					 "many");
	}
	ret->leads &= !ret->always;
	s->n_always += ret->always;
	if (ret->min < s->min)
		s->min = ret->min;
	return r;
}

static int contexts_init(struct mw_set *s)
{
	s->general = mw_pcre_context(s->a);
	if (!s->general)
		return -ENOMEM;
	s->compile = pcre2_compile_context_create(s->general);
	s->match = pcre2_match_context_create(s->general);
	if (!s->compile || !s->match)
		return -ENOMEM;
	(void)pcre2_set_newline(s->compile, PCRE2_NEWLINE_LF);
	(void)pcre2_set_match_limit(s->match, MW_SET_STEPS_MAX);
	(void)pcre2_set_depth_limit(s->match, MW_SET_STEPS_MAX);
	(void)pcre2_set_heap_limit(s->match, MW_SET_HEAP_KIB);
	return 0;
}

/* No command or SQL that says a secret is shorter. */
#define COMMAND_MIN 8

static int commands_init(struct mw_set *s)
{
	int r = 0;

	for (uint32_t i = 0; mw_command_keyword(i) && r == 0; i++)
		r = mw_words_add(s->gate, mw_command_keyword(i), MW_SET_RULES_MAX + i);
	if (s->min > COMMAND_MIN)
		s->min = COMMAND_MIN;
	return r;
}

static int match_data_init(struct mw_set *s)
{
	uint32_t most = 0, n;

	for (size_t i = 0; i < s->n; i++) {
		n = 0;
		(void)pcre2_pattern_info(s->rule[i].code, PCRE2_INFO_CAPTURECOUNT, &n);
		if (n > most)
			most = n;
	}
	s->data = pcre2_match_data_create(most + 1, s->general);
	return s->data ? 0 : -ENOMEM;
}

static void rule_done(struct mw_set *s, struct mw_set_rule *x)
{
	pcre2_code_free(x->code);
	for (size_t i = 0; x->allow && i < x->from->n_allow; i++)
		allow_done(s, &x->allow[i]);
	if (x->allow)
		mw_alloc_free(s->a, x->allow, x->from->n_allow * sizeof(x->allow[0]));
}

static void set_free(struct mw_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->rule && i < s->n; i++)
		rule_done(s, &s->rule[i]);
	mw_alloc_free(s->a, s->rule, s->n * sizeof(s->rule[0]));
	for (size_t i = 0; i < s->n_allow; i++)
		allow_done(s, &s->allow[i]);
	mw_alloc_free(s->a, s->allow, s->n_allow * sizeof(s->allow[0]));
	mw_alloc_free(s->a, s->wanted, s->n);
	mw_words_free(s->gate);
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->match);
	pcre2_compile_context_free(s->compile);
	pcre2_general_context_free(s->general);
	mw_alloc_free(s->a, s, sizeof(*s));
}

static int set_new(const struct mw_alloc *a, const struct mw_redact_rules *rules,
		   struct mw_redact_error *ret_error, struct mw_set **ret)
{
	struct compiler c = { .error = ret_error };
	struct mw_set *s;
	int r;

	if (rules->n > MW_SET_RULES_MAX)
		return refuse(&c, 0, "too many rules");
	s = c.set = mw_alloc_zero(a, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->a = a;
	s->n = rules->n;
	s->min = SIZE_MAX;
	r = contexts_init(s);
	if (r == 0)
		r = mw_words_new(a, &s->gate);
	if (r == 0)
		r = new_array(a, s->n, 1, &s->wanted);
	if (r == 0)
		r = new_array(a, s->n, sizeof(s->rule[0]), &s->rule);
	for (c.rule = 0; c.rule < s->n && r == 0; c.rule++)
		r = rule_init(&c, &rules->rule[c.rule], &s->rule[c.rule]);
	if (r == 0)
		r = match_data_init(s);
	if (r == 0)
		r = commands_init(s);
	if (r == 0)
		r = new_array(a, rules->n_allow, sizeof(s->allow[0]), &s->allow);
	if (r == 0)
		s->n_allow = rules->n_allow;
	c.rule = rules->n;
	for (size_t i = 0; i < s->n_allow && r == 0; i++)
		r = allow_init(&c, &rules->allow[i], &s->allow[i]);
	if (r < 0) {
		set_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

#define DECODED_MAX (64u << 20)

int mw_redact_new(const struct mw_alloc *a, const struct mw_redact_rules *rules,
		  void (*mac)(void *ctx, enum mw_mac_use use, const void *p, size_t n,
			      uint8_t out[32]),
		  void *mac_ctx, struct mw_redact_error *ret_error, struct mw_redact **ret)
{
	struct mw_redact *x = mw_alloc_zero(a, sizeof(*x));
	int r = 0;

	if (!x)
		return -ENOMEM;
	x->a = x->cuts.a = x->inner.a = a;
	x->mac = mac;
	x->mac_ctx = mac_ctx;
	if (rules) {
		x->given = *rules;
		x->rules = &x->given;
	}
	mw_buf_init(&x->decoded, a, DECODED_MAX);
	mw_buf_init(&x->pair, a, DECODED_MAX);
	if (rules)
		r = set_new(a, rules, ret_error, &x->set);
	if (r < 0) {
		mw_redact_free(x);
		return r;
	}
	*ret = x;
	return 0;
}

void mw_redact_free(struct mw_redact *x)
{
	if (!x)
		return;
	set_free(x->set);
	mw_cuts_done(&x->cuts);
	mw_cuts_done(&x->inner);
	mw_buf_done(&x->decoded);
	mw_buf_done(&x->pair);
	mw_alloc_free(x->a, x, sizeof(*x));
}
