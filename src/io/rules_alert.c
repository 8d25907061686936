/* SPDX-License-Identifier: Apache-2.0 */
/* rules_alert.c - reading rules that alert, their lists, macros and overrides */
#include <errno.h>
#include <search.h>
#include <string.h>

#include "io/rules_priv.h"

#define TITLE_MAX 256	/* bytes */
#define TEXT_MAX  65536 /* bytes, of a condition or an item */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char word_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
static const char id_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";

/* --- what is known by a name --------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void *mw_rules_find(void *root, const char *id)
{
	void *const *found = tfind(&id, &root, by_id);

	return found ? *found : NULL;
}

static int name(const struct mw_yaml_read *r, const struct mw_yaml_node *v, const char *chars,
		const char **ret)
{
	int e = mw_yaml_text(r, v, MW_RULES_ID_MAX, ret);

	if (e == 0 && strspn(v->text, chars) != v->n)
		return mw_yaml_fail(r, v, "'id' may hold a-z, 0-9, '-'%s alone",
				    chars == id_chars ? ", '_' and '.'" : " and '_'");
	return e;
}

/* Appends one more place to a row. */
static int chain(const struct mw_yaml_read *r, const struct mw_yaml_node *at,
		 struct mw_rules_at **row)
{
	struct mw_rules_at *one = mw_yaml_alloc(r->y, 1, sizeof(*one));

	if (!one)
		return mw_yaml_no_memory(r);
	one->y = r->y;
	one->at = at;
	while (*row)
		row = &(*row)->next;
	*row = one;
	return 0;
}

static int keep_text(const struct mw_yaml_read *r, const struct mw_yaml_node *v,
		     struct mw_rules_at *into)
{
	const char *text;
	int e = mw_yaml_text(r, v, TEXT_MAX, &text);

	if (e == 0)
		*into = (struct mw_rules_at){ .y = r->y, .at = v };
	return e;
}

struct known_read {
	struct mw_rules_known known;
	const struct mw_yaml_node *items;
	bool append;
};

static int known_id(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return name(r, v, word_chars, &((struct known_read *)p)->known.id);
}

static int known_items(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	const char **texts;
	size_t n;

	((struct known_read *)p)->items = v;
	return mw_yaml_texts(r, v, TEXT_MAX, &texts, &n);
}

static int known_append(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return mw_yaml_bool(r, v, &((struct known_read *)p)->append);
}

static int known_when(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keep_text(r, v, &((struct known_read *)p)->known.text);
}

/* Puts one under its id: new, or in the place of an earlier file's, or (a list) behind it. */
static int know(const struct mw_yaml_read *r, struct mw_rules *set, void **root, const char *what,
		const struct known_read *in)
{
	struct mw_rules_known *known = mw_rules_find(*root, in->known.id);
	const struct mw_yaml_node *at = in->known.at.at;
	struct mw_rules_at *part = NULL;
	int e = 0;

	if (known && known->at.y == r->y)
		return mw_yaml_fail(r, at, "a %s '%s' is already in line %u", what, known->id,
				    known->at.at->line);
	if (!known) {
		if (set->n_known++ == MW_RULES_KNOWN_MAX)
			return mw_yaml_fail(r, at, "more than %u lists and macros in all",
					    MW_RULES_KNOWN_MAX);
		known = mw_yaml_alloc(r->y, 1, sizeof(*known));
		if (!known)
			return mw_yaml_no_memory(r);
		*known = in->known;
		if (!tsearch(known, root, by_id))
			return mw_yaml_no_memory(r);
	}
	part = in->append ? known->part : NULL;
	known->at = in->known.at;
	known->text = in->known.text;
	if (in->items)
		e = chain(r, in->items, &part);
	known->part = part;
	return e;
}

static int top_known(const struct mw_yaml_read *r, const struct mw_yaml_node *list,
		     struct mw_rules *set, void **root, const char *what,
		     const struct mw_yaml_field *fields, size_t n)
{
	const struct mw_yaml_node *v;
	int e;

	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0; /* all below it commented out */
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v && e == 0; v = v->next) {
		struct known_read in = { .known.at = { .y = r->y, .at = v } };

		e = mw_yaml_fields(r, v, fields, n, &in);
		if (e == 0)
			e = know(r, set, root, what, &in);
	}
	return e;
}

int mw_rules_top_lists(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "id", known_id, true },
		{ "items", known_items, true },
		{ "append", known_append, false },
	};
	struct mw_rules *set = p;

	return top_known(r, v, set, &set->lists, "list", fields, COUNT(fields));
}

int mw_rules_top_macros(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "id", known_id, true },
		{ "when", known_when, true },
	};
	struct mw_rules *set = p;

	return top_known(r, v, set, &set->macros, "macro", fields, COUNT(fields));
}

/* --- the parts of a rule ------------------------------------------------------------------- */

static const char *const kinds[MW_FACT_KINDS] = {
	[MW_FACT_REQUEST] = "request", [MW_FACT_CALL] = "call",	    [MW_FACT_EFFECT] = "effect",
	[MW_FACT_TOOL] = "tool",       [MW_FACT_SERVER] = "server", [MW_FACT_NOTICE] = "notice",
	[MW_FACT_ANOMALY] = "anomaly", [MW_FACT_GAP] = "gap",	    [MW_FACT_ALERT] = "alert",
};

unsigned int mw_rules_kind(const char *text)
{
	unsigned int i;

	for (i = MW_FACT_REQUEST; i < MW_FACT_KINDS; i++)
		if (strcmp(text, kinds[i]) == 0)
			return i;
	return 0;
}

const char *mw_rules_kind_name(unsigned int kind)
{
	return kinds[kind];
}

static int rule_id(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_alert *a = p;
	int e = name(r, v, id_chars, &a->id);

	if (e == 0)
		a->rule.id = a->id;
	return e;
}

static int rule_title(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return mw_yaml_text(r, v, TITLE_MAX, &((struct mw_rules_alert *)p)->rule.title);
}

static int rule_severity(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	unsigned int i;

	for (i = MW_SEVERITY_LOW; v->kind == MW_YAML_TEXT && i <= MW_SEVERITY_CRITICAL; i++)
		if (strcmp(v->text, mw_severity_name(i)) == 0) {
			((struct mw_rules_alert *)p)->rule.severity = i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'%s' must be low, medium, high or critical", v->key->text);
}

static int rule_on(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	unsigned int kind = v->kind == MW_YAML_TEXT ? mw_rules_kind(v->text) : 0;

	if (!kind)
		return mw_yaml_fail(r, v,
				    "'on' must be request, call, effect, tool, server, "
				    "notice, anomaly, gap, or alert in a sequence's step");
	((struct mw_rules_alert *)p)->rule.on = kind;
	return 0;
}

static int rule_when(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keep_text(r, v, &((struct mw_rules_alert *)p)->when);
}

static int rule_except(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	int e = mw_yaml_list(r, v);

	return e < 0 ? e : chain(r, v, &((struct mw_rules_alert *)p)->except);
}

static int rule_raise(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	int e = mw_yaml_list(r, v);

	return e < 0 ? e : chain(r, v, &((struct mw_rules_alert *)p)->raise);
}

static int rule_steps(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	int e = mw_yaml_list(r, v);

	if (e == 0)
		((struct mw_rules_alert *)p)->steps = (struct mw_rules_at){ .y = r->y, .at = v };
	return e;
}

static int rule_detail(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	int e = mw_yaml_list(r, v);

	if (e == 0)
		((struct mw_rules_alert *)p)->detail = (struct mw_rules_at){ .y = r->y, .at = v };
	return e;
}

static int rule_disabled(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return mw_yaml_bool(r, v, &((struct mw_rules_alert *)p)->disabled);
}

static int rule_tags(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_alert *a = p;
	const struct mw_yaml_node *tag;
	const char **texts;
	size_t n;
	int e;

	e = mw_yaml_texts(r, v, MW_RULES_ID_MAX, &texts, &n);
	for (tag = e == 0 ? v->first : NULL; tag; tag = tag->next)
		if (strspn(tag->text, id_chars) != tag->n)
			return mw_yaml_fail(r, tag,
					    "a tag may hold a-z, 0-9, '-', '_' and '.' alone");
	if (e < 0)
		return e;
	a->rule.tags = texts;
	a->rule.n_tags = n;
	return 0;
}

/* --- windows ------------------------------------------------------------------------------- */

static int duration(const struct mw_yaml_read *r, const struct mw_yaml_node *v, uint64_t *ret)
{
	if (v->kind == MW_YAML_TEXT && mw_rules_duration(mw_slice(v->text, v->n), ret) == 0 && *ret)
		return 0;
	return mw_yaml_fail(r, v, "'%s' must be a time as 500ms, 60s, 5m, 1h, at most 7d",
			    v->key->text);
}

static int keys(const struct mw_yaml_read *r, const struct mw_yaml_node *list, unsigned int *ret)
{
	static const struct {
		const char *name;
		enum mw_key key;
	} known[] = {
		{ "server", MW_KEY_SERVER },	   { "tool", MW_KEY_TOOL },
		{ "principal", MW_KEY_PRINCIPAL }, { "session", MW_KEY_SESSION },
		{ "call", MW_KEY_CALL },	   { "client", MW_KEY_CLIENT },
		{ "target", MW_KEY_TARGET },	   { "http_session", MW_KEY_HTTP_SESSION },
	};
	const struct mw_yaml_node *v;
	unsigned int bits = 0;
	const char **texts;
	size_t i, n;
	int e;

	e = mw_yaml_texts(r, list, MW_RULES_ID_MAX, &texts, &n);
	if (e < 0)
		return e;
	for (v = list->first; v; v = v->next) {
		for (i = 0; i < COUNT(known) && strcmp(v->text, known[i].name) != 0; i++)
			;
		if (i == COUNT(known))
			return mw_yaml_fail(r, v,
					    "'by' may hold server, tool, principal, session, "
					    "call, client, target, http_session alone");
		bits |= known[i].key;
	}
	if (!bits)
		return mw_yaml_fail(r, list, "'by' is empty");
	*ret = bits;
	return 0;
}

static int window_by(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keys(r, v, &((struct mw_rules_alert *)p)->rule.by);
}

static int window_over(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return duration(r, v, &((struct mw_rules_alert *)p)->rule.over_ns);
}

static int count_at_least(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	int64_t n;

	/* of a sum of bytes also as 10MiB */
	if (v->kind != MW_YAML_TEXT || mw_rules_size(mw_slice(v->text, v->n), &n) < 0 || n <= 0)
		return mw_yaml_fail(r, v,
				    "'at_least' must be a number above 0, or a size as 10MiB");
	((struct mw_rules_alert *)p)->rule.at_least = (uint64_t)n;
	return 0;
}

static int count_distinct(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keep_text(r, v, &((struct mw_rules_alert *)p)->distinct);
}

static int count_sum(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keep_text(r, v, &((struct mw_rules_alert *)p)->sum);
}

static int rule_count(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "by", window_by, false },
		{ "over", window_over, false },
		{ "at_least", count_at_least, false },
		{ "distinct", count_distinct, false },
		{ "sum", count_sum, false },
	};
	struct mw_rules_alert *a = p;
	int e;

	e = mw_yaml_fields(r, v, fields, COUNT(fields), p);
	if (e < 0)
		return e;
	a->has_count = true;
	if (!a->rule.by || !a->rule.over_ns || !a->rule.at_least)
		return mw_yaml_fail(r, v, "'count' without '%s'",
				    !a->rule.by	       ? "by"
				    : !a->rule.over_ns ? "over"
						       : "at_least");
	if (a->distinct.at && a->sum.at)
		return mw_yaml_fail(r, v, "'count' with both 'distinct' and 'sum'");
	return 0;
}

static int rule_sequence(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "by", window_by, true },
		{ "over", window_over, true },
	};

	((struct mw_rules_alert *)p)->has_sequence = true;
	return mw_yaml_fields(r, v, fields, COUNT(fields), p);
}

static int suppress_by(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return keys(r, v, &((struct mw_rules_alert *)p)->rule.suppress_by);
}

static int suppress_for(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return duration(r, v, &((struct mw_rules_alert *)p)->rule.suppress_ns);
}

static int rule_suppress(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "by", suppress_by, false },
		{ "for", suppress_for, false },
	};

	return mw_yaml_fields(r, v, fields, COUNT(fields), p);
}

/* --- rules and overrides ------------------------------------------------------------------- */

static const struct mw_yaml_field rule_fields[] = {
	{ "id", rule_id, true },
	{ "title", rule_title, true },
	{ "severity", rule_severity, true },
	{ "on", rule_on, false },
	{ "when", rule_when, false },
	{ "except", rule_except, false },
	{ "raise", rule_raise, false },
	{ "count", rule_count, false },
	{ "sequence", rule_sequence, false },
	{ "steps", rule_steps, false },
	{ "suppress", rule_suppress, false },
	{ "detail", rule_detail, false },
	{ "tags", rule_tags, false },
	{ "disabled", rule_disabled, false },
};

/* What another file may change of a rule; lists of conditions are added to. */
static const struct mw_yaml_field override_fields[] = {
	{ "id", rule_id, true },
	{ "title", rule_title, false },
	{ "severity", rule_severity, false },
	{ "except", rule_except, false },
	{ "raise", rule_raise, false },
	{ "count", rule_count, false },
	{ "suppress", rule_suppress, false },
	{ "detail", rule_detail, false },
	{ "tags", rule_tags, false },
	{ "disabled", rule_disabled, false },
};

/* What can be said of a rule before the other files are known. */
static int check_rule(const struct mw_yaml_read *r, const struct mw_rules_alert *a)
{
	const struct mw_yaml_node *at = a->at.at;

	if (!a->steps.at != !a->has_sequence)
		return mw_yaml_fail(r, at,
				    a->steps.at ? "'steps' without 'sequence'"
						: "'sequence' without 'steps'");
	if (a->steps.at && a->steps.at->n < 2)
		return mw_yaml_fail(r, a->steps.at, "a sequence has two steps or more");
	if (a->steps.at && (a->rule.on || a->when.at || a->has_count))
		return mw_yaml_fail(r, at, "a sequence has no '%s' beside its steps",
				    a->rule.on	 ? "on"
				    : a->when.at ? "when"
						 : "count");
	if (!a->steps.at && !a->rule.on)
		return mw_yaml_fail(r, at, "'on' is missing");
	if (a->rule.on == MW_FACT_ALERT)
		return mw_yaml_fail(r, at, "'on: alert' may stand in a sequence's step alone");
	return 0;
}

int mw_rules_add_alert(const struct mw_yaml_read *r, const struct mw_yaml_node *v,
		       struct mw_rules *set, struct mw_rules_alert *a)
{
	const struct mw_rules_alert *old = mw_rules_find(set->alerts, a->id);

	if (old && old->at.y == r->y)
		return mw_yaml_fail(r, v, "a rule '%s' is already in line %u", a->id,
				    old->at.at->line);
	if (old)
		return mw_yaml_fail(r, v, "a rule '%s' is already in %s:%u; 'overrides' changes it",
				    a->id, mw_yaml_name(old->at.y), old->at.at->line);
	if (set->n_alerts == MW_POLICY_RULES_MAX)
		return mw_yaml_fail(r, v, "more than %u rules in all", MW_POLICY_RULES_MAX);
	if (!tsearch(a, &set->alerts, by_id) ||
	    mw_rules_push(&set->alert, &set->n_alerts, sizeof(a), &a) < 0)
		return mw_yaml_no_memory(r);
	return 0;
}

int mw_rules_top_rules(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	const struct mw_yaml_node *v;
	struct mw_rules_alert *a;
	struct mw_rules *set = p;
	int e;

	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0;
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		a = mw_yaml_alloc(r->y, 1, sizeof(*a));
		if (!a)
			return mw_yaml_no_memory(r);
		a->at = (struct mw_rules_at){ .y = r->y, .at = v };
		e = mw_yaml_fields(r, v, rule_fields, COUNT(rule_fields), a);
		if (e == 0)
			e = check_rule(r, a);
		if (e < 0)
			return e;
		e = mw_rules_add_alert(r, v, set, a);
		if (e < 0)
			return e;
	}
	return e;
}

int mw_rules_top_overrides(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	const struct mw_yaml_node *v;
	struct mw_rules *set = p;
	int e;

	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0;
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		struct mw_rules_at one = { .y = r->y, .at = v };
		/* for faults that are this file's own; a count is merged into another later */
		struct mw_rules_alert scratch = { .rule = {
						      .by = 1, .over_ns = 1, .at_least = 1 } };

		e = mw_yaml_fields(r, v, override_fields, COUNT(override_fields), &scratch);
		if (e < 0)
			return e;
		if (mw_rules_push(&set->override, &set->n_overrides, sizeof(one), &one) < 0)
			return mw_yaml_no_memory(r);
	}
	return e;
}

int mw_rules_override(const struct mw_rules_at *override, struct mw_rules_alert *rule,
		      struct mw_yaml_err err)
{
	struct mw_yaml_read r = { override->y, err };

	return mw_yaml_fields(&r, override->at, override_fields, COUNT(override_fields), rule);
}
