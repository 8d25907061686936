/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - reading rules; what is made of them all is in rules_set.c */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/embed.h"
#include "io/file.h"
#include "io/rules_priv.h"

#define ID_MAX	    48
#define PATTERN_MAX 8192  /* bytes */
#define WORD_MAX    255	  /* bytes */
#define TEXT_MAX    65536 /* bytes, of an example */
#define GROUP_MAX   64

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

MW_EMBED(mw_rules_gitleaks, "src/dist/rules/gitleaks.yaml");
MW_EMBED(mw_rules_own, "src/dist/rules/mcpwatch.yaml");
MW_EMBED(mw_rules_alerts, "src/dist/rules/alerts.yaml");

/* --- the parts of a file ------------------------------------------------------------------- */

/* Words of at least min bytes, in lower case. */
static int lower(const struct mw_yaml_read *r, const struct mw_yaml_node *list, size_t min,
		 const char ***ret, size_t *ret_n)
{
	const struct mw_yaml_node *v = list->first;
	const char **words;
	size_t i, k, n;
	char *word;
	int e;

	e = mw_yaml_texts(r, list, WORD_MAX, &words, &n);
	if (e < 0)
		return e;
	for (i = 0; i < n; i++, v = v->next) {
		k = strlen(words[i]);
		if (k < min)
			return mw_yaml_fail(r, v, "a word of less than %zu bytes", min);
		word = mw_yaml_alloc(r->y, k + 1, 1);
		if (!word)
			return mw_yaml_no_memory(r);
		while (k-- > 0)
			word[k] = (char)tolower((unsigned char)words[i][k]);
		words[i] = word;
	}
	*ret = words;
	*ret_n = n;
	return 0;
}

static int allow_patterns(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_redact_allow *a = p;
	const char **texts;
	size_t n;
	int e;

	e = mw_yaml_texts(r, v, PATTERN_MAX, &texts, &n);
	if (e < 0)
		return e;
	a->patterns = texts;
	a->n_patterns = n;
	return 0;
}

static int allow_words(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_redact_allow *a = p;
	const char **words;
	size_t n;
	int e;

	e = lower(r, v, 2, &words, &n);
	if (e < 0)
		return e;
	a->words = words;
	a->n_words = n;
	return 0;
}

static int allow_target(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const char *const names[] = {
		[MW_ALLOW_SECRET] = "secret",
		[MW_ALLOW_MATCH] = "match",
		[MW_ALLOW_LINE] = "line",
	};
	struct mw_redact_allow *a = p;
	size_t i;

	for (i = 0; v->kind == MW_YAML_TEXT && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(v->text, names[i]) == 0) {
			a->target = (unsigned int)i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'target' must be secret, match or line");
}

static int allow_all(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_redact_allow *a = p;

	return mw_yaml_bool(r, v, &a->all);
}

/* A list of allow-lists. */
static int read_allow(const struct mw_yaml_read *r, const struct mw_yaml_node *list,
		      struct mw_redact_allow **ret, size_t *ret_n)
{
	static const struct mw_yaml_field fields[] = {
		{ "patterns", allow_patterns, false },
		{ "words", allow_words, false },
		{ "target", allow_target, false },
		{ "all", allow_all, false },
	};
	const struct mw_yaml_node *v;
	struct mw_redact_allow *a;
	size_t n = 0;
	int e;

	e = mw_yaml_list(r, list);
	if (e < 0)
		return e;
	a = mw_yaml_alloc(r->y, list->n + 1, sizeof(*a));
	if (!a)
		return mw_yaml_no_memory(r);
	for (v = list->first; v; v = v->next, n++) {
		e = mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), &a[n]);
		if (e < 0)
			return e;
		if (!a[n].n_patterns && !a[n].n_words)
			return mw_yaml_fail(r, v, "an allow-list without 'patterns' and 'words'");
	}
	*ret = a;
	*ret_n = n;
	return 0;
}

static int rule_id(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	int e;

	e = mw_yaml_text(r, v, ID_MAX, &rule->rule.id);
	if (e == 0 && strspn(v->text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != v->n)
		return mw_yaml_fail(r, v, "'id' may hold a-z, 0-9, '-' and '_' alone");
	return e;
}

static int rule_description(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;

	return mw_yaml_text(r, v, TEXT_MAX, &rule->description);
}

static int rule_pattern(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;

	rule->pattern = v;
	return mw_yaml_text(r, v, PATTERN_MAX, &rule->rule.pattern);
}

static int rule_keywords(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	const char **words;
	size_t n;
	int e;

	e = lower(r, v, 2, &words, &n);
	if (e < 0)
		return e;
	rule->rule.keywords = words;
	rule->rule.n_keywords = n;
	return 0;
}

static int rule_group(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	uint64_t n;
	int e;

	e = mw_yaml_number(r, v, GROUP_MAX, &n);
	if (e < 0)
		return e;
	rule->rule.group = (unsigned int)n;
	return 0;
}

/* "3.75": bits a byte, so at most 8. */
static int rule_entropy(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	unsigned int n = 0, unit = 1000;
	size_t i = 0;

	if (v->kind == MW_YAML_TEXT && v->n && v->text[0] >= '0' && v->text[0] <= '8') {
		n = (unsigned int)(v->text[0] - '0') * unit;
		i = 1;
		if (v->text[1] == '.')
			for (i = 2; unit > 1 && isdigit((unsigned char)v->text[i]); i++) {
				unit /= 10;
				n += (unsigned int)(v->text[i] - '0') * unit;
			}
	}
	if (!i || i != v->n || v->text[i - 1] == '.' || n > 8000)
		return mw_yaml_fail(r, v, "'entropy' must be from 0 to 8, as 3.75");
	rule->rule.entropy = n;
	return 0;
}

static int rule_allow(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	struct mw_redact_allow *a;
	size_t n;
	int e;

	e = read_allow(r, v, &a, &n);
	if (e < 0)
		return e;
	rule->rule.allow = a;
	rule->rule.n_allow = n;
	rule->allow = v;
	return 0;
}

static int tests_match(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	const char **texts;
	size_t n;

	rule->match = v;
	return mw_yaml_texts(r, v, TEXT_MAX, &texts, &n);
}

static int tests_pass(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct mw_rules_entry *rule = p;
	const char **texts;
	size_t n;

	rule->pass = v;
	return mw_yaml_texts(r, v, TEXT_MAX, &texts, &n);
}

static int rule_tests(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "match", tests_match, false },
		{ "pass", tests_pass, false },
	};

	return mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), p);
}

static int set_rules(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "id", rule_id, true },	   { "description", rule_description, false },
		{ "pattern", rule_pattern, true }, { "keywords", rule_keywords, false },
		{ "group", rule_group, false },	   { "entropy", rule_entropy, false },
		{ "allow", rule_allow, false },	   { "tests", rule_tests, false },
	};
	const struct mw_yaml_node *v;
	struct mw_rules *set = p;
	int e;

	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		struct mw_rules_entry rule = { .y = r->y, .at = v, .description = "" };

		e = mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), &rule);
		if (e < 0)
			return e;
		if (set->n == MW_RULES_MAX)
			return mw_yaml_fail(r, v, "more than %u rules in all", MW_RULES_MAX);
		e = mw_rules_push(&set->entry, &set->n, sizeof(rule), &rule);
		if (e < 0)
			return mw_yaml_no_memory(r);
	}
	return e;
}

static int set_allow(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	const struct mw_yaml_node *v;
	struct mw_redact_allow *a;
	struct mw_rules *set = p;
	size_t n;
	int e;

	e = read_allow(r, list, &a, &n);
	for (v = e == 0 ? list->first : NULL; v; v = v->next, a++) {
		struct mw_rules_allow one = { .y = r->y, .at = v, .allow = *a };

		if (mw_rules_push(&set->allow, &set->n_allow, sizeof(one), &one) < 0)
			return mw_yaml_no_memory(r);
	}
	return e;
}

static int set_names(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	const struct mw_yaml_node *v;
	struct mw_rules *set = p;
	const char **words;
	size_t i, j, k, n;
	char *name;
	int e;

	e = lower(r, list, 1, &words, &n);
	if (e < 0)
		return e;
	for (i = 0, v = list->first; i < n; i++, v = v->next) {
		name = mw_yaml_alloc(r->y, strlen(words[i]) + 1, 1);
		if (!name)
			return mw_yaml_no_memory(r);
		for (j = k = 0; words[i][j]; j++)
			if (!strchr("-_. ", words[i][j]))
				name[k++] = words[i][j];
		if (!k || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != k)
			return mw_yaml_fail(r, v, "a name may hold letters, digits and '-_. '");
		if (mw_rules_push(&set->name, &set->n_names, sizeof(name), &name) < 0)
			return mw_yaml_no_memory(r);
	}
	return 0;
}

static int set_disable(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	const struct mw_yaml_node *v;
	struct mw_rules *set = p;
	const char **ids;
	size_t n;
	int e;

	e = mw_yaml_texts(r, list, ID_MAX, &ids, &n);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		struct mw_rules_disable one = { .y = r->y, .at = v };

		if (mw_rules_push(&set->disable, &set->n_disable, sizeof(one), &one) < 0)
			return mw_yaml_no_memory(r);
	}
	return e;
}

static int set_countries(const struct mw_yaml_read *r, const struct mw_yaml_node *list, void *p)
{
	static const struct {
		const char *name;
		enum mw_redact_country country;
	} known[] = {
		{ "us", MW_COUNTRY_US }, { "gb", MW_COUNTRY_GB }, { "de", MW_COUNTRY_DE },
		{ "fr", MW_COUNTRY_FR }, { "es", MW_COUNTRY_ES }, { "it", MW_COUNTRY_IT },
		{ "nl", MW_COUNTRY_NL }, { "pl", MW_COUNTRY_PL }, { "in", MW_COUNTRY_IN },
		{ "br", MW_COUNTRY_BR },
	};
	const struct mw_yaml_node *v;
	struct mw_rules *set = p;
	const char **names;
	size_t i, j, n;
	int e;

	e = lower(r, list, 1, &names, &n);
	if (e < 0)
		return e;
	for (i = 0, v = list->first; i < n; i++, v = v->next) {
		for (j = 0; j < sizeof(known) / sizeof(known[0]); j++)
			if (strcmp(names[i], known[j].name) == 0)
				break;
		if (j == sizeof(known) / sizeof(known[0]))
			return mw_yaml_fail(r, v,
					    "no country '%s'; known are: us, gb, de, fr, es, it, "
					    "nl, pl, in, br",
					    v->text);
		set->redact.countries |= known[j].country;
	}
	return 0;
}

static int set_off(const struct mw_yaml_read *r, const struct mw_yaml_node *v, bool *ret_off)
{
	bool yes;
	int e;

	e = mw_yaml_bool(r, v, &yes);
	if (e == 0)
		*ret_off = !yes;
	return e;
}

static int set_pii(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return set_off(r, v, &((struct mw_rules *)p)->redact.no_pii);
}

static int set_entropy(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return set_off(r, v, &((struct mw_rules *)p)->redact.no_entropy);
}

static int top_redact(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const struct mw_yaml_field fields[] = {
		{ "rules", set_rules, false },	   { "names", set_names, false },
		{ "allow", set_allow, false },	   { "countries", set_countries, false },
		{ "pii", set_pii, false },	   { "entropy", set_entropy, false },
		{ "disable", set_disable, false },
	};

	/* "redact:" with all below it commented out */
	if (v->kind == MW_YAML_TEXT && !v->n)
		return 0;
	return mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), p);
}

/* --- files --------------------------------------------------------------------------------- */

/* Takes the tree. A file that is refused leaves the set of no use. */
static int add(struct mw_rules *set, struct mw_yaml *y, const struct mw_yaml_node *root,
	       bool is_config, struct mw_yaml_err err)
{
	static const struct mw_yaml_field fields[] = {
		{ "redact", top_redact, false },
		{ "lists", mw_rules_top_lists, false },
		{ "macros", mw_rules_top_macros, false },
		{ "rules", mw_rules_top_rules, false },
		{ "overrides", mw_rules_top_overrides, false },
		{ "power", mw_rules_top_power, false },
	};
	struct mw_yaml_read r = { y, err };
	const struct mw_yaml_node *v;
	size_t i;
	int e;

	e = mw_rules_push(&set->file, &set->n_files, sizeof(y), &y);
	if (e < 0) {
		mw_yaml_no_memory(&r);
		mw_yaml_free(y);
		return e;
	}
	if (!root)
		return 0;
	if (!is_config)
		return mw_yaml_fields(&r, root, fields, COUNT(fields), set);
	for (v = root->kind == MW_YAML_MAP ? root->first : NULL; v && e == 0; v = v->next)
		for (i = 0; i < COUNT(fields) && e == 0; i++)
			if (strcmp(v->key->text, fields[i].key) == 0)
				e = fields[i].fn(&r, v, set);
	return e;
}

int mw_rules_add_text(struct mw_rules *set, const char *name, const char *text, size_t n,
		      struct mw_yaml_err err)
{
	const struct mw_yaml_node *root;
	struct mw_yaml *y;
	int e;

	e = mw_yaml_parse(name, text, n, err, &y, &root);
	return e < 0 ? e : add(set, y, root, false, err);
}

bool mw_rules_default(size_t i, const char **ret_name, struct mw_slice *ret_text)
{
	const struct {
		const char *name, *text, *end;
	} files[] = {
		{ "built in: gitleaks.yaml", mw_rules_gitleaks, mw_rules_gitleaks_end },
		{ "built in: mcpwatch.yaml", mw_rules_own, mw_rules_own_end },
		{ "built in: alerts.yaml", mw_rules_alerts, mw_rules_alerts_end },
	};

	if (i >= COUNT(files))
		return false;
	*ret_name = files[i].name;
	*ret_text = mw_slice(files[i].text, (size_t)(files[i].end - files[i].text));
	return true;
}

int mw_rules_add_default(struct mw_rules *set, struct mw_yaml_err err)
{
	const char *name;
	struct mw_slice text;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && mw_rules_default(i, &name, &text); i++)
		r = mw_rules_add_text(set, name, (const char *)text.p, text.n, err);
	return r;
}

int mw_rules_add_file(struct mw_rules *set, const char *path, struct mw_yaml_err err)
{
	const struct mw_yaml_node *root;
	struct mw_yaml *y;
	int e;

	e = mw_yaml_load(path, err, &y, &root);
	return e < 0 ? e : add(set, y, root, false, err);
}

int mw_rules_add_config(struct mw_rules *set, const char *path, struct mw_yaml_err err)
{
	const struct mw_yaml_node *root;
	struct mw_yaml *y;
	int e;

	e = mw_yaml_load(path, err, &y, &root);
	return e < 0 ? e : add(set, y, root, true, err);
}

int mw_rules_is_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

int mw_rules_add_dir(struct mw_rules *set, const char *dir, struct mw_yaml_err err)
{
	_cleanup_(mw_freep) struct dirent **found = NULL;
	char path[4096];
	int i, n, e = 0;

	n = scandir(dir, &found, mw_rules_is_file, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0) {
		e = -errno;
		snprintf(err.text, err.len, "cannot read %s: %s", dir, strerror(-e));
		return e;
	}
	for (i = 0; i < n; i++) {
		if (e == 0 && (size_t)snprintf(path, sizeof(path), "%s/%s", dir,
					       found[i]->d_name) >= sizeof(path)) {
			snprintf(err.text, err.len, "%s: its name is too long", dir);
			e = -ENAMETOOLONG;
		}
		if (e == 0)
			e = mw_rules_add_file(set, path, err);
		free(found[i]);
	}
	return e;
}
