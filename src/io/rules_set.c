/* SPDX-License-Identifier: Apache-2.0 */
/* rules_set.c - all rules together: what is in force, whether it compiles, whether its examples
 * hold */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/rules_priv.h"

int mw_rules_new(struct mw_rules **ret)
{
	struct mw_rules *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*ret = r;
	return 0;
}

/* What the trees have is their files'. */
static void keep(void *p)
{
	(void)p;
}

void mw_rules_free(struct mw_rules *r)
{
	if (!r)
		return;
	while (r->n_files)
		mw_yaml_free(r->file[--r->n_files]);
	free(r->file);
	free(r->entry);
	free(r->allow);
	free(r->name);
	free(r->disable);
	free(r->rules);
	free(r->allows);
	tdestroy(r->lists, keep);
	tdestroy(r->macros, keep);
	tdestroy(r->alerts, keep);
	free(r->alert);
	free(r->override);
	free(r->pattern);
	free(r->policy_rule);
	free(r->in_force);
	free(r);
}

int mw_rules_push(void *array, size_t *n, size_t size, const void *item)
{
	void **p = array, *grown;

	/* room grows by doubling: at each power of two */
	if ((*n & (*n - 1)) == 0) {
		grown = reallocarray(*p, *n ? *n * 2 : 1, size);
		if (!grown)
			return -ENOMEM;
		*p = grown;
	}
	memcpy((char *)*p + *n * size, item, size);
	++*n;
	return 0;
}

/* --- what is in force ---------------------------------------------------------------------- */

static int check_ids(const struct mw_rules *set, struct mw_yaml_err err)
{
	size_t i, k;

	for (i = 1; i < set->n; i++)
		for (k = 0; k < i; k++) {
			const struct mw_rules_entry *a = &set->entry[k], *b = &set->entry[i];
			struct mw_yaml_read r = { b->y, err };

			if (strcmp(a->rule.id, b->rule.id) == 0)
				return mw_yaml_fail(&r, b->at, "a rule '%s' is already in %s:%u",
						    b->rule.id, mw_yaml_name(a->y), a->at->line);
		}
	return 0;
}

static int disable(struct mw_rules *set, bool whole, struct mw_yaml_err err)
{
	size_t i, k;

	for (i = 0; i < set->n_disable; i++) {
		const struct mw_yaml_node *at = set->disable[i].at;
		struct mw_yaml_read r = { set->disable[i].y, err };

		for (k = 0; k < set->n && strcmp(set->entry[k].rule.id, at->text) != 0; k++)
			;
		if (k < set->n)
			set->entry[k].disabled = true;
		else if (whole)
			return mw_yaml_fail(&r, at, "there is no rule '%s' to disable", at->text);
	}
	return 0;
}

/* The entry behind the nth rule in force. */
static const struct mw_rules_entry *in_force(const struct mw_rules *set, size_t n)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (!set->entry[i].disabled && n-- == 0)
			return &set->entry[i];
	return NULL;
}

static int compile(const struct mw_redact_rules *rules, struct mw_redact_error *ret_error)
{
	struct mw_redact *x = NULL;
	int r;

	r = mw_redact_new(&mw_heap, rules, NULL, NULL, ret_error, &x);
	mw_redact_free(x);
	return r;
}

/* Of an allow-list's patterns the first that does not compile. */
static const struct mw_yaml_node *bad_allow(const struct mw_yaml_node *map,
					    struct mw_redact_error *ret_error)
{
	const struct mw_yaml_node *v, *p;

	for (v = map->first; v; v = v->next)
		for (p = strcmp(v->key->text, "patterns") == 0 ? v->first : NULL; p; p = p->next) {
			struct mw_redact_rule rule = { .id = "x", .pattern = p->text };
			struct mw_redact_rules one = { .rule = &rule, .n = 1 };

			if (compile(&one, ret_error) == -EINVAL)
				return p;
		}
	return NULL;
}

/* mw_redact_new says which rule; which of its patterns it is shows when each is tried alone. */
static int bad_rule(const struct mw_rules *set, const struct mw_redact_error *error,
		    struct mw_yaml_err err)
{
	const struct mw_rules_entry *entry = in_force(set, error->rule);
	const struct mw_yaml_node *v, *at = NULL;
	struct mw_redact_error e = *error;
	struct mw_yaml_read r = { NULL, err };
	size_t i;

	for (i = 0; !entry && !at && i < set->n_allow; i++) {
		r.y = set->allow[i].y;
		at = bad_allow(set->allow[i].at, &e);
	}
	if (entry) {
		struct mw_redact_rule rule = entry->rule;
		struct mw_redact_rules one = { .rule = &rule, .n = 1 };

		r.y = entry->y;
		rule.n_allow = 0;
		if (compile(&one, &e) == -EINVAL)
			return mw_yaml_fail(&r, entry->pattern,
					    "rule '%s': its pattern, at byte %zu: %s",
					    entry->rule.id, e.offset, e.why);
		for (v = entry->allow ? entry->allow->first : NULL; v && !at; v = v->next)
			at = bad_allow(v, &e);
	}
	if (!at) {
		snprintf(err.text, err.len, "the rules: %s", error->why);
		return -EINVAL;
	}
	return mw_yaml_fail(&r, at, "%s%s%san allow-list's pattern, at byte %zu: %s",
			    entry ? "rule '" : "", entry ? entry->rule.id : "", entry ? "': " : "",
			    e.offset, e.why);
}

int mw_rules_finish(struct mw_rules *set, bool whole, struct mw_yaml_err err)
{
	struct mw_redact_error error = { 0 };
	size_t i;
	int r;

	r = check_ids(set, err);
	if (r == 0)
		r = disable(set, whole, err);
	if (r < 0)
		return r;
	set->rules = calloc(set->n + 1, sizeof(*set->rules));
	set->allows = calloc(set->n_allow + 1, sizeof(*set->allows));
	if (!set->rules || !set->allows)
		r = -ENOMEM;
	for (i = 0; r == 0 && i < set->n; i++)
		if (!set->entry[i].disabled)
			set->rules[set->redact.n++] = set->entry[i].rule;
	for (i = 0; r == 0 && i < set->n_allow; i++)
		set->allows[i] = set->allow[i].allow;
	set->redact.rule = set->rules;
	set->redact.allow = set->allows;
	set->redact.n_allow = set->n_allow;
	set->redact.names = set->name;
	set->redact.n_names = set->n_names;
	if (r == 0)
		r = compile(&set->redact, &error);
	if (r == -EINVAL)
		return bad_rule(set, &error, err);
	if (r < 0)
		snprintf(err.text, err.len, "the rules: %s", strerror(-r));
	return r < 0 ? r : mw_rules_make(set, whole, err);
}

const struct mw_redact_rules *mw_rules_redact(const struct mw_rules *set)
{
	return &set->redact;
}

/* --- examples ------------------------------------------------------------------------------ */

/* Each text of a list; `found`: the rule's mark must be in what comes out. */
static int prove_list(const struct mw_rules_entry *entry, struct mw_redact *x,
		      const struct mw_yaml_node *list, bool found, struct mw_yaml_err err)
{
	struct mw_yaml_read r = { entry->y, err };
	const struct mw_yaml_node *v;
	char mark[64];
	int e = 0, n;

	n = snprintf(mark, sizeof(mark), "[REDACTED:%s:", entry->rule.id);
	for (v = list ? list->first : NULL; v && e == 0; v = v->next) {
		struct mw_buf out;
		bool lossy = false;

		mw_buf_init(&out, &mw_heap, 1u << 20);
		e = mw_redact_text(x, &out, mw_slice_str(v->text), &lossy);
		if (e < 0)
			snprintf(err.text, err.len, "%s: %s", mw_yaml_name(entry->y), strerror(-e));
		else if ((memmem(out.p, out.len, mark, (size_t)n) != NULL) != found)
			e = mw_yaml_fail(&r, v, "rule '%s': %s: what comes out is: %.*s",
					 entry->rule.id,
					 found ? "does not find its secret in this example"
					       : "finds a secret where it should not",
					 (int)(out.len < 160 ? out.len : 160), (const char *)out.p);
		mw_buf_done(&out);
	}
	return e;
}

int mw_rules_prove(const struct mw_rules *set, const char *file, struct mw_yaml_err err)
{
	int r = 0;
	size_t i;

	for (i = 0; i < set->n && r == 0; i++) {
		const struct mw_rules_entry *entry = &set->entry[i];
		struct mw_redact_rules one = { .rule = &entry->rule,
					       .n = 1,
					       .allow = set->allows,
					       .n_allow = set->n_allow,
					       .no_pii = true,
					       .no_entropy = true };
		struct mw_redact_error error;
		struct mw_redact *x = NULL;

		if ((file && strcmp(mw_yaml_name(entry->y), file) != 0) ||
		    (!entry->match && !entry->pass))
			continue;
		r = mw_redact_new(&mw_heap, &one, NULL, NULL, &error, &x);
		if (r < 0) {
			snprintf(err.text, err.len, "%s: %s", mw_yaml_name(entry->y), strerror(-r));
			return r;
		}
		r = prove_list(entry, x, entry->match, true, err);
		if (r == 0)
			r = prove_list(entry, x, entry->pass, false, err);
		mw_redact_free(x);
	}
	return r;
}

/* --- listing ------------------------------------------------------------------------------- */

size_t mw_rules_count(const struct mw_rules *set, const char *file)
{
	size_t i, n = 0;

	for (i = 0; i < set->n; i++)
		n += !file || strcmp(mw_yaml_name(set->entry[i].y), file) == 0;
	for (i = 0; i < set->n_alerts; i++)
		n += !file || strcmp(mw_yaml_name(set->alert[i]->at.y), file) == 0;
	return n;
}

void mw_rules_info(const struct mw_rules *set, size_t i, struct mw_rules_info *ret)
{
	const struct mw_rules_entry *entry = &set->entry[i];
	const struct mw_rules_alert *alert;

	if (i >= set->n) {
		alert = set->alert[i - set->n];
		*ret = (struct mw_rules_info){
			.id = alert->id,
			.description = alert->rule.title,
			.file = mw_yaml_name(alert->at.y),
			.line = alert->at.at->line,
			.disabled = alert->disabled,
			.alert = &alert->rule,
		};
		return;
	}
	*ret = (struct mw_rules_info){
		.id = entry->rule.id,
		.description = entry->description,
		.file = mw_yaml_name(entry->y),
		.line = entry->at->line,
		.disabled = entry->disabled,
	};
}
