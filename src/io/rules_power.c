/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_power.c - who may have calls of which power: `power` entries, made into two rules each
 *
 * Both say it as other rules would, in the language of conditions, so that they are listed,
 * overridden and judged like these. That the principal is one who may is an exception of them: of a
 * principal nothing is known of, it does not hold.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/power.h"
#include "io/rules_priv.h"

#define GLOB_MAX  256 /* bytes */
#define GLOBS_MAX 256
#define TEXT_MAX  65536

struct power {
	const struct mw_yaml_node *needs;
	unsigned int above; /* rank */
	unsigned int severity;
	const char **tool, **server;
	size_t n_tools, n_servers;
};

/* By the order of powers; destroying ranks as writing high. */
static const struct {
	unsigned int bit, rank; /* bit: of enum mw_power, its number */
} ranks[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 3 }, { 5, 4 } };
#define RANK_MAX 4
#define RANKS	 (sizeof(ranks) / sizeof(ranks[0]))

static int power_above(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct power *x = p;
	size_t i;

	for (i = 0; v->kind == MW_YAML_TEXT && i < RANKS; i++)
		if (strcmp(v->text, mw_power_name(ranks[i].bit)) == 0) {
			x->above = ranks[i].rank;
			if (x->above == RANK_MAX)
				return mw_yaml_fail(r, v, "no power is above '%s'", v->text);
			return 0;
		}
	return mw_yaml_fail(r, v,
			    "'above' must be read_low, read_high, write_low, write_high or "
			    "destructive");
}

static int globs(const struct mw_yaml_read *r, const struct mw_yaml_node *v, const char ***ret,
		 size_t *ret_n)
{
	int e = mw_yaml_texts(r, v, GLOB_MAX, ret, ret_n);

	if (e < 0)
		return e;
	if (!*ret_n)
		return mw_yaml_fail(r, v, "'%s' is empty", v->key->text);
	if (*ret_n > GLOBS_MAX)
		return mw_yaml_fail(r, v, "'%s' has more than %d items", v->key->text, GLOBS_MAX);
	return 0;
}

static int power_tools(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct power *x = p;

	return globs(r, v, &x->tool, &x->n_tools);
}

static int power_servers(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct power *x = p;

	return globs(r, v, &x->server, &x->n_servers);
}

static int power_needs(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	const char *text;
	int e = mw_yaml_text(r, v, TEXT_MAX, &text);

	if (e == 0)
		((struct power *)p)->needs = v;
	return e;
}

static int power_severity(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	unsigned int i;

	for (i = MW_SEVERITY_LOW; v->kind == MW_YAML_TEXT && i <= MW_SEVERITY_CRITICAL; i++)
		if (strcmp(v->text, mw_severity_name(i)) == 0) {
			((struct power *)p)->severity = i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'severity' must be low, medium, high or critical");
}

/* --- the rules ------------------------------------------------------------------------------ */

/* A text being put together; one that finds no room is noticed at its end. */
struct text {
	char *p;
	size_t n, len;
};

static void add(struct text *t, const char *s)
{
	for (; *s; s++, t->n++)
		if (t->n < t->len)
			t->p[t->n] = *s;
}

static void add_globs(struct text *t, const char *field, const char **glob, size_t n)
{
	const char *s;
	size_t i;

	add(t, field);
	add(t, " glob (");
	for (i = 0; i < n; i++) {
		add(t, i ? ", '" : "'");
		for (s = glob[i]; *s; s++)
			add(t, (char[3]){ *s, *s == '\'' ? '\'' : '\0', '\0' });
		add(t, "'");
	}
	add(t, ")");
}

static void put_when(struct text *t, const struct power *x, const char *field)
{
	const char *comma = "";
	size_t i;

	add(t, field);
	add(t, " in (");
	for (i = 0; i < RANKS; i++)
		if (ranks[i].rank > x->above) {
			add(t, comma);
			add(t, mw_power_name(ranks[i].bit));
			comma = ", ";
		}
	add(t, ")");
	if (x->n_tools) {
		add(t, " and ");
		add_globs(t, "call.tool", x->tool, x->n_tools);
	}
	if (x->n_servers) {
		add(t, " and (");
		add_globs(t, "server.key", x->server, x->n_servers);
		add(t, " or ");
		add_globs(t, "server.configured_name", x->server, x->n_servers);
		add(t, ")");
	}
	/* its NUL */
	if (t->n < t->len)
		t->p[t->n] = '\0';
	t->n++;
}

/* A text node at the place of another one. */
static struct mw_yaml_node *text_node(struct mw_yaml *y, const struct mw_yaml_node *at,
				      const char *text, const char *key)
{
	struct mw_yaml_node *v = mw_yaml_alloc(y, 2, sizeof(*v));

	if (!v)
		return NULL;
	v[0] = (struct mw_yaml_node){ .kind = MW_YAML_TEXT,
				      .line = at->line,
				      .column = at->column,
				      .text = text,
				      .n = strlen(text),
				      .style = '\'' };
	v[1] = v[0];
	v[1].text = key;
	v[1].n = strlen(key);
	v[0].key = &v[1];
	return v;
}

static int make_when(struct mw_yaml *y, const struct mw_yaml_node *at, const struct power *x,
		     const char *field, struct mw_rules_at *ret)
{
	struct text t = { 0 };
	struct mw_yaml_node *v;

	put_when(&t, x, field);
	t.len = t.n;
	t.p = mw_yaml_alloc(y, t.len, 1);
	if (!t.p)
		return -ENOMEM;
	t.n = 0;
	put_when(&t, x, field);
	v = text_node(y, at, t.p, "when");
	*ret = (struct mw_rules_at){ .y = y, .at = v };
	return v ? 0 : -ENOMEM;
}

/* `except`: one condition, that of `needs` as it stands in the file. */
static int make_except(struct mw_yaml *y, const struct power *x, struct mw_rules_at **ret)
{
	struct mw_yaml_node *node = mw_yaml_alloc(y, 2, sizeof(*node));
	struct mw_yaml_node *when = text_node(y, x->needs, "", "when");
	struct mw_rules_at *row = mw_yaml_alloc(y, 1, sizeof(*row));
	struct mw_yaml_node *key;

	if (!node || !when || !row)
		return -ENOMEM;
	key = when->key;
	*when = *x->needs;
	when->key = key;
	when->next = NULL;
	node[0] = (struct mw_yaml_node){ .kind = MW_YAML_LIST,
					 .line = when->line,
					 .column = when->column,
					 .n = 1,
					 .first = &node[1] };
	node[1] = node[0];
	node[1].kind = MW_YAML_MAP;
	node[1].first = when;
	*row = (struct mw_rules_at){ .y = y, .at = node };
	*ret = row;
	return 0;
}

static int make_detail(struct mw_yaml *y, const struct mw_yaml_node *at, const char *power,
		       struct mw_rules_at *ret)
{
	const char *const fields[] = { power, "principal.user", "principal.unit", "principal.sub" };
	struct mw_yaml_node *list = mw_yaml_alloc(y, 1, sizeof(*list)), **next;
	size_t i;

	if (!list)
		return -ENOMEM;
	*list =
	    (struct mw_yaml_node){ .kind = MW_YAML_LIST, .line = at->line, .column = at->column };
	next = &list->first;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++, next = &(*next)->next, list->n++) {
		*next = text_node(y, at, fields[i], "detail");
		if (!*next)
			return -ENOMEM;
	}
	*ret = (struct mw_rules_at){ .y = y, .at = list };
	return 0;
}

static int make(const struct mw_yaml_read *r, const struct mw_yaml_node *at, struct mw_rules *set,
		const struct power *x, bool declared)
{
	const char *field = declared ? "call.declared" : "call.observed";
	struct mw_rules_alert *a = mw_yaml_alloc(r->y, 1, sizeof(*a));
	char *id = mw_yaml_alloc(r->y, MW_RULES_ID_MAX, 1);
	int e;

	if (!a || !id)
		return mw_yaml_no_memory(r);
	snprintf(id, MW_RULES_ID_MAX, "power.%zu%s", set->n_powers, declared ? ".declared" : "");
	a->at = (struct mw_rules_at){ .y = r->y, .at = at };
	a->id = a->rule.id = id;
	a->rule.title = declared ? "A call was asked of a tool that may do more than its caller may"
				 : "A call did more than its caller may";
	a->rule.severity = x->severity;
	a->rule.on = declared ? MW_FACT_REQUEST : MW_FACT_CALL;
	a->rule.suppress_by = MW_KEY_SERVER | MW_KEY_TOOL | MW_KEY_PRINCIPAL;
	e = make_when(r->y, at, x, field, &a->when);
	if (e == 0)
		e = make_except(r->y, x, &a->except);
	if (e == 0)
		e = make_detail(r->y, at, field, &a->detail);
	return e < 0 ? mw_yaml_no_memory(r) : mw_rules_add_alert(r, at, set, a);
}

int mw_rules_top_power(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "above", power_above, true },	       { "needs", power_needs, true },
		{ "tools", power_tools, false },       { "servers", power_servers, false },
		{ "severity", power_severity, false },
	};
	struct mw_rules *set = p;
	const struct mw_yaml_node *v;
	int e;

	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0;
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v && e == 0; v = v->next) {
		struct power x = { .severity = MW_SEVERITY_HIGH };

		set->n_powers++;
		e = mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), &x);
		if (e == 0)
			e = make(r, v, set, &x, false);
		if (e == 0)
			e = make(r, v, set, &x, true);
	}
	return e;
}
