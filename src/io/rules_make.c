/* SPDX-License-Identifier: Apache-2.0 */
/* rules_make.c - rules that alert, of all files together, as the policy takes them */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/heap.h"
#include "io/rules_priv.h"

struct make {
	struct mw_rules *set;
	struct mw_rules_alert *a;
	unsigned int on;
	struct mw_yaml_err err;
};

/* --- the parts of a rule ------------------------------------------------------------------- */

static int field_of(const struct make *m, const struct mw_rules_at *at, unsigned int on,
		    uint32_t *ret)
{
	struct mw_rules_near near = { .name = mw_slice(at->at->text, at->at->n) };
	struct mw_yaml_read r = { at->y, m->err };
	const struct mw_fact_field *f;
	char buf[128];
	int field;
	uint32_t i;

	field = mw_fact_field_find(near.name);
	if (field < 0) {
		for (i = 0; (f = mw_fact_field_at(i)) != NULL; i++)
			mw_rules_near_try(&near, f->name);
		return mw_yaml_fail(&r, at->at, "no field '%.64s'%s", at->at->text,
				    mw_rules_near_say(&near, buf, sizeof(buf)));
	}
	f = mw_fact_field_at((uint32_t)field);
	if (!(f->kinds & 1u << on))
		return mw_yaml_fail(&r, at->at, "'%s' is never known of kind '%s'", f->name,
				    mw_rules_kind_name(on));
	*ret = (uint32_t)field;
	return 0;
}

static int read_when(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_alert *into = p;
	const char *text;

	into->when = (struct mw_rules_at){ .y = r->y, .at = v };
	return mw_yaml_text(r, v, UINT16_MAX, &text);
}

static int read_to(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_alert *into = p;
	unsigned int i;

	for (i = MW_SEVERITY_LOW; v->kind == MW_YAML_TEXT && i <= MW_SEVERITY_CRITICAL; i++)
		if (strcmp(v->text, mw_severity_name(i)) == 0) {
			into->rule.severity = i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'to' must be low, medium, high or critical");
}

static int read_on(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_alert *into = p;

	into->rule.on = v->kind == MW_YAML_TEXT ? mw_rules_kind(v->text) : 0;
	if (into->rule.on)
		return 0;
	return mw_yaml_fail(r, v,
			    "'on' must be request, call, effect, tool, server, notice, "
			    "anomaly, gap or alert");
}

static size_t items(const struct mw_rules_at *row)
{
	size_t n = 0;

	for (; row; row = row->next)
		n += row->at->n;
	return n;
}

/* `except`: [{when}]. */
static int make_except(const struct make *m)
{
	static const struct mw_yaml_field fields[] = { { "when", read_when, true } };
	struct mw_policy_rule *rule = &m->a->rule;
	const struct mw_rules_at *row;
	const struct mw_yaml_node *v;
	struct mw_when *all;
	int e = 0;

	all = mw_yaml_alloc(m->a->at.y, items(m->a->except) + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	rule->except = all;
	for (row = m->a->except; row; row = row->next)
		for (v = row->at->first; v && e == 0; v = v->next) {
			struct mw_yaml_read r = { row->y, m->err };
			struct mw_rules_alert one = { 0 };

			e = mw_yaml_fields(&r, v, fields, 1, &one);
			if (e == 0)
				e = mw_rules_when(m->set, &one.when, m->on, !rule->n_steps, m->err,
						  &all[rule->n_except++]);
		}
	return e;
}

/* `raise`: [{to, when}]. */
static int make_raise(const struct make *m)
{
	static const struct mw_yaml_field fields[] = {
		{ "to", read_to, true },
		{ "when", read_when, true },
	};
	struct mw_policy_rule *rule = &m->a->rule;
	const struct mw_rules_at *row;
	const struct mw_yaml_node *v;
	struct mw_policy_raise *all;
	int e = 0;

	all = mw_yaml_alloc(m->a->at.y, items(m->a->raise) + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	rule->raise = all;
	for (row = m->a->raise; row; row = row->next)
		for (v = row->at->first; v && e == 0; v = v->next) {
			struct mw_policy_raise *to = &all[rule->n_raise++];
			struct mw_yaml_read r = { row->y, m->err };
			struct mw_rules_alert one = { 0 };

			e = mw_yaml_fields(&r, v, fields, 2, &one);
			if (e == 0)
				e = mw_rules_when(m->set, &one.when, m->on, !rule->n_steps, m->err,
						  &to->when);
			to->to = one.rule.severity;
		}
	return e;
}

static int make_steps(const struct make *m)
{
	static const struct mw_yaml_field fields[] = {
		{ "on", read_on, true },
		{ "when", read_when, false },
	};
	const struct mw_yaml_node *v = m->a->steps.at;
	struct mw_yaml_read r = { m->a->steps.y, m->err };
	struct mw_policy_rule *rule = &m->a->rule;
	struct mw_policy_step *all;
	int e = 0;

	all = mw_yaml_alloc(m->a->at.y, v->n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	rule->steps = all;
	for (v = v->first; v && e == 0; v = v->next) {
		struct mw_policy_step *step = &all[rule->n_steps];
		struct mw_rules_alert one = { 0 };

		e = mw_yaml_fields(&r, v, fields, 2, &one);
		step->on = one.rule.on;
		if (e == 0 && one.when.at)
			e = mw_rules_when(m->set, &one.when, step->on, !rule->n_steps, m->err,
					  &step->when);
		rule->on = step->on;
		rule->n_steps++;
	}
	if (e == 0 && rule->on == MW_FACT_ALERT)
		return mw_yaml_fail(&r, m->a->steps.at, "the last step cannot be on an alert");
	return e;
}

static int make_detail(const struct make *m)
{
	struct mw_policy_rule *rule = &m->a->rule;
	const struct mw_yaml_node *list = m->a->detail.at, *v;
	struct mw_yaml_read r = { m->a->detail.y, m->err };
	const char **texts;
	uint32_t *all;
	size_t n;
	int e;

	e = mw_yaml_texts(&r, list, MW_RULES_ID_MAX, &texts, &n);
	if (e < 0)
		return e;
	all = mw_yaml_alloc(r.y, n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (v = list->first; v && e == 0; v = v->next) {
		struct mw_rules_at at = { .y = r.y, .at = v };

		e = field_of(m, &at, m->on, &all[rule->n_detail++]);
	}
	rule->detail = all;
	return e;
}

/* --- keys ---------------------------------------------------------------------------------- */

/* What has to be known for a key; a tool is known by either of two. */
static bool key_known(unsigned int key, unsigned int on)
{
	static const struct {
		unsigned int key;
		const char *field;
	} needs[] = {
		{ MW_KEY_SERVER, "server.key" },	{ MW_KEY_TOOL, "call.tool" },
		{ MW_KEY_TOOL, "tool.name" },		{ MW_KEY_PRINCIPAL, "principal.uid" },
		{ MW_KEY_SESSION, "call.method" },	{ MW_KEY_CALL, "call.method" },
		{ MW_KEY_CLIENT, "server.key" },	{ MW_KEY_TARGET, "effect.target" },
		{ MW_KEY_HTTP_SESSION, "call.method" },
	};
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (needs[i].key == key &&
		    mw_fact_field_at((uint32_t)mw_fact_field_find(mw_slice_str(needs[i].field)))
			    ->kinds &
			1u << on)
			return true;
	return false;
}

static int check_keys(const struct make *m, unsigned int by, const char *what)
{
	static const char *const names[] = { "server", "tool",	 "principal", "session",
					     "call",   "client", "target",    "http_session" };
	struct mw_yaml_read r = { m->a->at.y, m->err };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (by & 1u << i && !key_known(1u << i, m->on))
			return mw_yaml_fail(
			    &r, m->a->at.at,
			    "rule '%s': %s by %s, which is never known of kind '%s'", m->a->id,
			    what, names[i], mw_rules_kind_name(m->on));
	return 0;
}

static int make_count(const struct make *m)
{
	struct mw_rules_alert *a = m->a;
	struct mw_yaml_read r;
	uint32_t field;
	int e = 0;

	if (a->distinct.at) {
		e = field_of(m, &a->distinct, m->on, &field);
		a->rule.distinct = field + 1;
	} else if (a->sum.at) {
		e = field_of(m, &a->sum, m->on, &field);
		a->rule.sum = field + 1;
		r = (struct mw_yaml_read){ a->sum.y, m->err };
		if (e == 0 && mw_fact_field_at(field)->type != MW_FIELD_NUMBER)
			return mw_yaml_fail(&r, a->sum.at, "'%s' is no number, and has no sum",
					    a->sum.at->text);
	}
	return e;
}

static int make_rule(struct mw_rules *set, struct mw_rules_alert *a, struct mw_yaml_err err)
{
	struct make m = { set, a, a->rule.on, err };
	struct mw_yaml_read r = { a->at.y, err };
	int e = 0;

	if (a->steps.at && a->rule.at_least)
		return mw_yaml_fail(&r, a->at.at, "rule '%s': a sequence has no 'count'", a->id);
	if (a->steps.at)
		e = make_steps(&m);
	m.on = a->rule.on;
	if (e == 0 && a->when.at)
		e = mw_rules_when(set, &a->when, m.on, true, err, &a->rule.when);
	if (e == 0)
		e = make_except(&m);
	if (e == 0)
		e = make_raise(&m);
	if (e == 0)
		e = make_count(&m);
	if (e == 0 && a->detail.at)
		e = make_detail(&m);
	if (e == 0)
		e = check_keys(&m, a->rule.by, a->steps.at ? "a sequence" : "a count");
	if (e == 0)
		e = check_keys(&m, a->rule.suppress_by, "suppressed");
	return e == -ENOMEM ? mw_yaml_no_memory(&r) : e;
}

/* --- all ----------------------------------------------------------------------------------- */

static int overrides(struct mw_rules *set, bool whole, struct mw_yaml_err err)
{
	const struct mw_yaml_node *id;
	struct mw_rules_alert *rule;
	size_t i;
	int e = 0;

	for (i = 0; i < set->n_overrides && e == 0; i++) {
		const struct mw_rules_at *o = &set->override[i];
		struct mw_yaml_read r = { o->y, err };

		for (id = o->at->first; strcmp(id->key->text, "id") != 0; id = id->next)
			;
		rule = mw_rules_find(set->alerts, id->text);
		if (rule)
			e = mw_rules_override(o, rule, err);
		else if (whole)
			e = mw_yaml_fail(&r, id, "there is no rule '%s' to override", id->text);
	}
	return e;
}

/* The policy says which rule it could not take; which pattern of it shows when each is tried. */
static int bad_rule(const struct mw_rules *set, const struct mw_policy_error *error,
		    struct mw_yaml_err err)
{
	const struct mw_rules_alert *a = set->in_force[error->rule];
	struct mw_yaml_read r = { a->at.y, err };
	size_t i;

	for (i = 0; i < set->n_patterns; i++) {
		const struct mw_rules_pattern *pattern = &set->pattern[i];
		const struct mw_fact_field *field = mw_fact_field_at(pattern->cond.field);
		struct mw_cond cond = pattern->cond;
		struct mw_policy_rule rule = {
			.id = "x", .title = "x", .severity = 1, .when = { &cond, 1 }
		};
		struct mw_policy_rules one = { &rule, 1 };
		struct mw_policy_error why;
		struct mw_policy *p = NULL;
		int e;

		cond.values = &pattern->value;
		cond.n_values = 1;
		rule.on = (enum mw_fact_kind)__builtin_ctz(field->kinds);
		e = mw_policy_new(&mw_heap, &one, &why, &p);
		mw_policy_free(p);
		if (e != -EINVAL)
			continue;
		r.y = pattern->at.y;
		if (pattern->offset == SIZE_MAX)
			return mw_yaml_fail_in(&r, pattern->at.at, why.offset, "regex: %s",
					       why.why);
		return mw_yaml_fail_in(&r, pattern->at.at, pattern->offset,
				       "regex, at byte %llu: %s", (unsigned long long)why.offset,
				       why.why);
	}
	return mw_yaml_fail(&r, a->at.at, "rule '%s': %s", a->id, error->why);
}

static int compile(struct mw_rules *set, struct mw_yaml_err err)
{
	struct mw_policy_error error = { 0 };
	struct mw_policy *p = NULL;
	int e;

	e = mw_policy_new(&mw_heap, &set->policy, &error, &p);
	mw_policy_free(p);
	if (e == -EINVAL)
		return bad_rule(set, &error, err);
	if (e < 0)
		snprintf(err.text, err.len, "the rules: %s", strerror(-e));
	return e;
}

int mw_rules_make(struct mw_rules *set, bool whole, struct mw_yaml_err err)
{
	size_t i;
	int e;

	e = overrides(set, whole, err);
	if (e < 0)
		return e;
	set->policy_rule = calloc(set->n_alerts + 1, sizeof(*set->policy_rule));
	set->in_force = calloc(set->n_alerts + 1, sizeof(struct mw_rules_alert *));
	if (!set->policy_rule || !set->in_force) {
		snprintf(err.text, err.len, "the rules: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	set->policy.rule = set->policy_rule;
	e = mw_rules_macros(set, err);
	for (i = 0; i < set->n_alerts && e == 0; i++) {
		/* one that is disabled has to be right too: it may be enabled elsewhere */
		e = make_rule(set, set->alert[i], err);
		if (e < 0 || set->alert[i]->disabled)
			continue;
		set->in_force[set->policy.n] = set->alert[i];
		set->policy_rule[set->policy.n++] = set->alert[i]->rule;
	}
	return e < 0 ? e : compile(set, err);
}

const struct mw_policy_rules *mw_rules_policy(const struct mw_rules *set)
{
	return &set->policy;
}
