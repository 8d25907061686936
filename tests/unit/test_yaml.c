/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <unistd.h>

#include "io/yaml.h"

static struct mw_yaml *parse_ok(const char *text, const struct mw_yaml_node **root)
{
	struct mw_yaml *y = NULL;
	char text_err[512] = "";

	if (mw_yaml_parse("f", text, strlen(text), (struct mw_yaml_err){ text_err, 512 }, &y,
			  root) < 0)
		fail_msg("refused: %s", text_err);
	return y;
}

static void check_refused(const char *text, size_t n, const char *want)
{
	const struct mw_yaml_node *root = NULL;
	struct mw_yaml *y = NULL;
	char err[512] = "";

	assert_int_equal(mw_yaml_parse("f", text, n, (struct mw_yaml_err){ err, 512 }, &y, &root),
			 -EINVAL);
	assert_null(y);
	assert_null(root);
	assert_null(strchr(err, '\n'));
	if (want)
		assert_string_equal(err, want);
}

static void test_tree(void **state)
{
	const struct mw_yaml_node *root, *v;
	struct mw_yaml *y =
	    parse_ok("a: 1\nb:\n  - 'x y'\n  - {k: [], \"l\\n\": \"\"}\nc:\n", &root);

	assert_int_equal(root->kind, MW_YAML_MAP);
	assert_int_equal(root->n, 3);
	v = root->first;
	assert_string_equal(v->key->text, "a");
	assert_string_equal(v->text, "1");
	assert_true(v->plain);
	assert_int_equal(v->line, 1);
	assert_int_equal(v->column, 4);
	v = v->next;
	assert_int_equal(v->kind, MW_YAML_LIST);
	assert_int_equal(v->n, 2);
	assert_string_equal(v->first->text, "x y");
	assert_false(v->first->plain);
	assert_int_equal(v->first->line, 3);
	assert_int_equal(v->first->column, 5);
	assert_null(v->first->key);
	assert_int_equal(v->first->next->n, 2);
	assert_string_equal(v->first->next->first->key->text, "k");
	assert_int_equal(v->first->next->first->n, 0);
	assert_string_equal(v->first->next->first->next->key->text, "l\n");
	assert_null(v->first->next->next);
	v = v->next;
	assert_string_equal(v->key->text, "c");
	assert_int_equal(v->n, 0);
	assert_null(v->next);
	mw_yaml_free(y);
	mw_yaml_free(NULL);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "# only\n", "---\n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct mw_yaml_node *root = NULL;

		mw_yaml_free(parse_ok(texts[i], &root));
		assert_null(root);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' is there twice (line 1)" },
		{ "a: &x 1\n",
		  "f:1:4: anchors and aliases (&name, *name) are not taken; write the value "
		  "out, or put it in quotes" },
		{ "a: *x\n", NULL },
		{ "- !!binary x\n", "f:1:3: tags (!name) are not taken; put the value in quotes" },
		{ "[a]: 1\n", "f:1:1: a key must be a single value" },
		{ "a: \"x\\0y\"\n", "f:1:4: a text with a NUL byte" },
		{ "a: 1\n---\nb: 1\n", "f:2:1: a second document; the file may hold one" },
		{ "a: [\n", "f:2:1: not valid YAML: did not find expected node content" },
		{ "a: b: c\n",
		  "f:1:5: not valid YAML: mapping values are not allowed in this context" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].text, strlen(cases[i].text), cases[i].want);
}

static void test_hostile(void **state)
{
	static char big[1 << 20];
	size_t i;

	memset(big, '[', sizeof(big));
	check_refused(big, sizeof(big), "f:1:33: nested too deeply");
	for (i = 0; i + 2 <= sizeof(big); i += 2)
		memcpy(big + i, i ? "a," : "[[", 2);
	check_refused(big, sizeof(big), "f:1:799999: more than 400000 values in one file");
	for (i = 0; i + 8 <= sizeof(big); i += 8) {
		char key[9];

		snprintf(key, sizeof(key), "%06zu:\n", i / 8);
		memcpy(big + i, key, 8);
	}
	check_refused(big, sizeof(big), "f:257:1: more than 256 keys");
	memset(big, ' ', sizeof(big));
	memcpy(big + sizeof(big) - 4, "\n\xc3\x28\n", 4);
	check_refused(big, sizeof(big), NULL);
	check_refused("\n\xff\xfe", 3, NULL);
	check_refused("\n\x01", 2, "f:2: not valid YAML: control characters are not allowed");
}

/* A text that ends anywhere is read or refused, and nothing is read behind it. */
static void test_cut(void **state)
{
	static const char text[] =
	    "a: {b: [1, 'x', \"\\u00e9\"], c: |\n  text\n}\nd:\n- \xc3\xa9\n";
	char err[512];
	size_t n;

	for (n = 0; n < sizeof(text); n++) {
		const struct mw_yaml_node *root;
		struct mw_yaml *y = NULL;
		char *copy = malloc(n ? n : 1);

		memcpy(copy, text, n);
		(void)mw_yaml_parse("f", copy, n, (struct mw_yaml_err){ err, 512 }, &y, &root);
		free(copy);
		mw_yaml_free(y);
	}
}

struct got {
	const char *text;
	bool yes;
	uint64_t n;
	const char **list;
	size_t n_list;
};

static int get_text(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct got *g = p;

	return mw_yaml_text(r, v, 5, &g->text);
}

static int get_yes(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct got *g = p;

	return mw_yaml_bool(r, v, &g->yes);
}

static int get_n(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct got *g = p;

	return mw_yaml_number(r, v, 1000, &g->n);
}

static int get_list(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct got *g = p;

	return mw_yaml_texts(r, v, 5, &g->list, &g->n_list);
}

static int read_got(const char *text, struct got *g, struct mw_yaml **y, char err[512])
{
	static const struct mw_yaml_field fields[] = {
		{ "text", get_text, true },
		{ "yes", get_yes, false },
		{ "n", get_n, false },
		{ "list", get_list, false },
	};
	const struct mw_yaml_node *root;
	struct mw_yaml_read r = { .err = { err, 512 } };

	*y = r.y = parse_ok(text, &root);
	return mw_yaml_fields(&r, root, fields, 4, g);
}

static void test_fields(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "text: a\nfoo: 1\n", "f:2:1: unknown key 'foo'; known are: text, yes, n, list" },
		{ "yes: no\n", "f:1:1: 'text' is missing" },
		{ "\"a\\nb\": 1\n", "f:1:1: unknown key 'a b'; known are: text, yes, n, list" },
		{ "[]\n", "f:1:1: it must be a mapping (key: value), not a list" },
		{ "text: [a]\n", "f:1:7: 'text' must be a single value, not a list" },
		{ "text:\n", "f:1:6: 'text' has no value" },
		{ "text: abcdef\n", "f:1:7: 'text' is longer than 5 bytes" },
		{ "text: a\nyes: maybe\n", "f:2:6: 'yes' must be yes or no" },
		{ "text: a\nn: 1001\n", "f:2:4: 'n' must be a number from 0 to 1000" },
		{ "text: a\nn: -1\n", "f:2:4: 'n' must be a number from 0 to 1000" },
		{ "text: a\nn: 99999999999999999999\n", NULL },
		{ "text: a\nn: {}\n", NULL },
		{ "text: a\nlist: b\n", "f:2:7: 'list' must be a list, not a single value" },
		{ "text: a\nlist:\n", "f:2:6: 'list' must be a list, not nothing" },
		{ "text: a\nlist: [b, {}]\n",
		  "f:2:11: it must be a single value, not a mapping (key: value)" },
	};
	struct got g = { 0 };
	struct mw_yaml *y;
	char err[512] = "";
	size_t i;

	assert_int_equal(read_got("text: ab\nyes: TRUE\nn: 42\nlist: [x, y]\n", &g, &y, err), 0);
	assert_string_equal(g.text, "ab");
	assert_true(g.yes);
	assert_int_equal(g.n, 42);
	assert_int_equal(g.n_list, 2);
	assert_string_equal(g.list[1], "y");
	mw_yaml_free(y);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_got(bad[i].text, &g, &y, err), -EINVAL);
		if (bad[i].want)
			assert_string_equal(err, bad[i].want);
		mw_yaml_free(y);
	}
}

static void test_file(void **state)
{
	char path[] = "/tmp/mw-yaml-XXXXXX", text[512] = "", want[600];
	struct mw_yaml_err err = { text, sizeof(text) };
	const struct mw_yaml_node *root = NULL;
	struct mw_yaml *y = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: b\n", 5), 5);
	assert_int_equal(mw_yaml_load(path, err, &y, &root), 0);
	assert_string_equal(root->first->text, "b");
	assert_string_equal(mw_yaml_name(y), path);
	mw_yaml_free(y);
	assert_int_equal(ftruncate(fd, MW_YAML_FILE_MAX + 1), 0);
	assert_int_equal(mw_yaml_load(path, err, &y, &root), -EINVAL);
	snprintf(want, sizeof(want), "%s: longer than 8 MiB", path);
	assert_string_equal(text, want);
	close(fd);
	unlink(path);
	assert_int_equal(mw_yaml_load(path, err, &y, &root), -ENOENT);
	snprintf(want, sizeof(want), "cannot read %s: No such file or directory", path);
	assert_string_equal(text, want);
	assert_int_equal(mw_yaml_load("/tmp", err, &y, &root), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),	cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_fields),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
