/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/heap.h"
#include "io/rules.h"

static char text[512];
static const struct mw_yaml_err err = { text, sizeof(text) };

static int add(struct mw_rules *r, const char *yaml)
{
	return mw_rules_add_text(r, "f", yaml, strlen(yaml), err);
}

static struct mw_rules *rules_of(const char *yaml)
{
	struct mw_rules *r;

	assert_int_equal(mw_rules_new(&r), 0);
	if (add(r, yaml) < 0 || mw_rules_finish(r, true, err) < 0)
		fail_msg("refused: %s", text);
	return r;
}

static void check_refused(const char *yaml, const char *want)
{
	struct mw_rules *r;
	int e;

	assert_int_equal(mw_rules_new(&r), 0);
	e = add(r, yaml);
	if (e == 0)
		e = mw_rules_finish(r, true, err);
	assert_int_equal(e, -EINVAL);
	assert_string_equal(text, want);
	mw_rules_free(r);
}

static void test_all(void **state)
{
	struct mw_rules *r = rules_of("redact:\n"
				      "  pii: no\n"
				      "  entropy: no\n"
				      "  countries: [us, BR]\n"
				      "  names: [Door-Code, x_y]\n"
				      "  disable: [gone]\n"
				      "  allow:\n"
				      "  - {words: [EXAMPLE]}\n"
				      "  rules:\n"
				      "  - id: gone\n"
				      "    pattern: x\n"
				      "  - id: acme_1\n"
				      "    description: ours\n"
				      "    pattern: 'acme(-)([0-9]+)'\n"
				      "    keywords: [ACME]\n"
				      "    group: 2\n"
				      "    entropy: 3.75\n"
				      "    allow:\n"
				      "    - patterns: ['^1', '2$']\n"
				      "      words: [AX, bx]\n"
				      "      target: match\n"
				      "      all: yes\n"
				      "    - {patterns: [z], target: line}\n");
	const struct mw_redact_rules *x = mw_rules_redact(r);
	const struct mw_redact_rule *rule = x->rule;
	struct mw_rules_info info;

	assert_true(x->no_pii && x->no_entropy);
	assert_int_equal(x->countries, MW_COUNTRY_US | MW_COUNTRY_BR);
	assert_int_equal(x->n_names, 2);
	assert_string_equal(x->names[0], "doorcode");
	assert_string_equal(x->names[1], "xy");
	assert_int_equal(x->n_allow, 1);
	assert_string_equal(x->allow[0].words[0], "example");
	assert_int_equal(x->n, 1);
	assert_string_equal(rule->id, "acme_1");
	assert_string_equal(rule->pattern, "acme(-)([0-9]+)");
	assert_int_equal(rule->n_keywords, 1);
	assert_string_equal(rule->keywords[0], "acme");
	assert_int_equal(rule->group, 2);
	assert_int_equal(rule->entropy, 3750);
	assert_int_equal(rule->n_allow, 2);
	assert_int_equal(rule->allow[0].n_patterns, 2);
	assert_string_equal(rule->allow[0].patterns[1], "2$");
	assert_int_equal(rule->allow[0].n_words, 2);
	assert_string_equal(rule->allow[0].words[0], "ax");
	assert_int_equal(rule->allow[0].target, MW_ALLOW_MATCH);
	assert_true(rule->allow[0].all);
	assert_int_equal(rule->allow[1].target, MW_ALLOW_LINE);
	assert_false(rule->allow[1].all);
	assert_int_equal(mw_rules_count(r, "f"), 2);
	assert_int_equal(mw_rules_count(r, "g"), 0);
	mw_rules_info(r, 0, &info);
	assert_true(info.disabled);
	mw_rules_info(r, 1, &info);
	assert_string_equal(info.id, "acme_1");
	assert_string_equal(info.description, "ours");
	assert_string_equal(info.file, "f");
	assert_int_equal(info.line, 12);
	assert_false(info.disabled);
	mw_rules_free(r);
	mw_rules_free(NULL);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "redact:\n", "redact: {}\n",
					     "redact: {rules: [], names: [], disable: []}\n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct mw_rules *r = rules_of(texts[i]);
		const struct mw_redact_rules *x = mw_rules_redact(r);

		assert_int_equal(x->n + x->n_allow + x->n_names + x->countries, 0);
		assert_false(x->no_pii || x->no_entropy);
		mw_rules_free(r);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "redakt: {}\n",
		  "f:1:1: unknown key 'redakt'; known are: redact, lists, macros, rules, "
		  "overrides, power" },
		{ "redact: {foo: 1}\n",
		  "f:1:10: unknown key 'foo'; known are: rules, names, allow, "
		  "countries, pii, entropy, disable" },
		{ "- 1\n", "f:1:1: it must be a mapping (key: value), not a list" },
		{ "redact: {pii: perhaps}\n", "f:1:15: 'pii' must be yes or no" },
		{ "redact: {countries: [us, xx]}\n",
		  "f:1:26: no country 'xx'; known are: us, gb, de, fr, es, it, nl, pl, in, br" },
		{ "redact: {names: ['-']}\n",
		  "f:1:18: a name may hold letters, digits and '-_. '" },
		{ "redact: {disable: [x]}\n", "f:1:20: there is no rule 'x' to disable" },
		{ "redact: {rules: [{id: a}]}\n", "f:1:18: 'pattern' is missing" },
		{ "redact: {rules: [{pattern: a}]}\n", "f:1:18: 'id' is missing" },
		{ "redact: {rules: [{id: A, pattern: a}]}\n",
		  "f:1:23: 'id' may hold a-z, 0-9, '-' and '_' alone" },
		{ "redact: {rules: [{id: a, pattern: a, foo: 1}]}\n",
		  "f:1:38: unknown key 'foo'; known are: id, description, pattern, keywords, "
		  "group, "
		  "entropy, allow, tests" },
		{ "redact: {rules: [{id: a, pattern: a, entropy: 8.1}]}\n",
		  "f:1:47: 'entropy' must be from 0 to 8, as 3.75" },
		{ "redact: {rules: [{id: a, pattern: a, entropy: 3.}]}\n", NULL },
		{ "redact: {rules: [{id: a, pattern: a, entropy: 3x}]}\n", NULL },
		{ "redact: {allow: [{words: [x]}]}\n", "f:1:27: a word of less than 2 bytes" },
		{ "redact: {rules: [{id: a, pattern: a, group: 65}]}\n",
		  "f:1:45: 'group' must be a number from 0 to 64" },
		{ "redact: {rules: [{id: a, pattern: a, allow: [{all: yes}]}]}\n",
		  "f:1:46: an allow-list without 'patterns' and 'words'" },
		{ "redact: {rules: [{id: a, pattern: a, allow: [{words: [bc], target: x}]}]}\n",
		  "f:1:68: 'target' must be secret, match or line" },
		{ "redact:\n rules:\n - {id: a, pattern: a}\n - {id: b, pattern: a}\n"
		  " - {id: a, pattern: b}\n",
		  "f:5:4: a rule 'a' is already in f:3" },
		{ "redact:\n rules:\n - {id: a, pattern: a}\n - {id: b, pattern: 'x(y'}\n",
		  "f:4:21: rule 'b': its pattern, at byte 3: missing closing parenthesis" },
		{ "redact:\n rules:\n - id: a\n   pattern: a\n   allow:\n   - words: [xy]\n"
		  "   - patterns:\n     - ok\n     - '[z-a]'\n",
		  "f:9:8: rule 'a': an allow-list's pattern, at byte 3: range out of order in "
		  "character class" },
		{ "redact:\n allow:\n - words: [xy]\n - patterns: ['*']\n",
		  "f:4:15: an allow-list's pattern, at byte 0: quantifier does not follow a "
		  "repeatable item" },
		{ "redact:\n disable: [a]\n rules:\n - {id: a, pattern: a}\n - {id: b, pattern: "
		  "'+'}\n",
		  "f:5:21: rule 'b': its pattern, at byte 0: quantifier does not follow a "
		  "repeatable item" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].want) {
			check_refused(cases[i].yaml, cases[i].want);
		} else {
			struct mw_rules *r;

			assert_int_equal(mw_rules_new(&r), 0);
			assert_int_equal(add(r, cases[i].yaml), -EINVAL);
			mw_rules_free(r);
		}
	}
}

/* Later switches win, lists add up, an id is of one file. */
static void test_files(void **state)
{
	char dir[] = "/tmp/mw-rules-XXXXXX", path[64];
	static const struct {
		const char *name, *yaml;
	} files[] = {
		{ "20-b.yaml", "redact: {pii: yes, names: [b], disable: [x]}\n" },
		{ "10-a.yaml", "redact: {pii: no, names: [a], rules: [{id: x, pattern: x}]}\n" },
		{ "README", "no rules\n" },
		{ ".hidden.yaml", "no rules\n" },
	};
	struct mw_rules *r;
	size_t i;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(files[i].yaml, f);
		fclose(f);
	}
	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_dir(r, dir, err), 0);
	assert_int_equal(mw_rules_finish(r, true, err), 0);
	assert_int_equal(mw_rules_redact(r)->n, 0);
	assert_int_equal(mw_rules_redact(r)->n_names, 2);
	assert_string_equal(mw_rules_redact(r)->names[0], "a");
	assert_false(mw_rules_redact(r)->no_pii);
	mw_rules_free(r);

	/* by itself the second one names a rule of another file */
	assert_int_equal(mw_rules_new(&r), 0);
	snprintf(path, sizeof(path), "%s/20-b.yaml", dir);
	assert_int_equal(mw_rules_add_file(r, path, err), 0);
	assert_int_equal(mw_rules_finish(r, false, err), 0);
	mw_rules_free(r);

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		unlink(path);
	}
	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_dir(r, dir, err), 0);
	rmdir(dir);
	assert_int_equal(mw_rules_add_dir(r, dir, err), 0);
	assert_int_equal(mw_rules_add_dir(r, "/dev/null", err), -ENOTDIR);
	mw_rules_free(r);
}

/* Of a configuration only its own key is read. */
static void test_config(void **state)
{
	char path[] = "/tmp/mw-rules-XXXXXX";
	static const char yaml[] = "ring: 1MiB\nredact:\n  names: [a]\n  what: 1\n";
	int fd = mkstemp(path);
	struct mw_rules *r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, sizeof(yaml) - 1), sizeof(yaml) - 1);
	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_config(r, path, err), -EINVAL);
	assert_non_null(strstr(text, ":4:3: unknown key 'what'"));
	mw_rules_free(r);
	assert_int_equal(ftruncate(fd, (off_t)(strstr(yaml, "  what") - yaml)), 0);
	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_config(r, path, err), 0);
	assert_int_equal(mw_rules_finish(r, true, err), 0);
	assert_int_equal(mw_rules_redact(r)->n_names, 1);
	mw_rules_free(r);
	close(fd);
	unlink(path);
}

static void test_prove(void **state)
{
	static const char rule[] = "redact:\n  rules:\n  - id: acme\n"
				   "    pattern: 'acme_([0-9a-f]{8})'\n    keywords: [acme_]\n"
				   "    tests:\n";
	static const struct {
		const char *tests, *want;
	} cases[] = {
		{ "      match: ['x acme_0123abcd y', 'ACME_ acme_00000001']\n"
		  "      pass: ['acme_0123abc', 'nothing']\n",
		  NULL },
		{ "      match: ['acme_0123abcd', 'acme_no']\n",
		  "f:7:32: rule 'acme': does not find its secret in this example: what comes out "
		  "is: acme_no" },
		{ "      pass: ['acme_0123abcd']\n",
		  "f:7:14: rule 'acme': finds a secret where it should not: what comes out is: "
		  "acme_[REDACTED:acme:8]" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_rules *r;
		char yaml[512];

		snprintf(yaml, sizeof(yaml), "%s%s", rule, cases[i].tests);
		r = rules_of(yaml);
		assert_int_equal(mw_rules_prove(r, "g", err), 0);
		assert_int_equal(mw_rules_prove(r, "f", err), cases[i].want ? -EINVAL : 0);
		if (cases[i].want)
			assert_string_equal(text, cases[i].want);
		mw_rules_free(r);
	}
}

/* The rules of the program: all there, and each in force. */
static void test_default(void **state)
{
	struct mw_redact_error error;
	struct mw_redact *x = NULL;
	struct mw_rules *r;

	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_default(r, err), 0);
	if (mw_rules_finish(r, true, err) < 0)
		fail_msg("%s", text);
	assert_int_equal(mw_rules_count(r, "built in: gitleaks.yaml"), 221);
	assert_true(mw_rules_count(r, "built in: mcpwatch.yaml") > 0);
	assert_int_equal(mw_rules_redact(r)->n + mw_rules_policy(r)->n, mw_rules_count(r, NULL));
	if (mw_rules_prove(r, NULL, err) < 0)
		fail_msg("%s", text);
	assert_int_equal(mw_rules_redact(r)->n_allow, 1);
	assert_int_equal(mw_rules_redact(r)->allow[0].n_patterns, 13);
	assert_int_equal(mw_redact_new(&mw_heap, mw_rules_redact(r), NULL, NULL, &error, &x), 0);
	mw_redact_free(x);
	mw_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_files),
		cmocka_unit_test(test_config),	cmocka_unit_test(test_prove),
		cmocka_unit_test(test_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
