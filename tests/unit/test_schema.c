/* SPDX-License-Identifier: Apache-2.0 */
/* test_schema.c - what a schema does not allow, hostile schemas, shapes */
#include "support.h"

#include <errno.h>
#include <time.h>

#include "core/schema.h"

#define MAX 16

/* The faults, a blank between. */
static const char *faults(const char *schema, const char *args)
{
	static char out[4096];
	struct mw_slice v[MAX];
	struct mw_schema *s;
	struct mw_buf text;
	size_t n = 0;
	int r;

	assert_int_equal(mw_schema_new(&test_alloc, mw_slice_str(schema), &s), 0);
	mw_buf_init(&text, &test_alloc, 1 << 16);
	r = mw_schema_check(s, mw_slice_str(args), &text, v, MAX);
	assert_true(r >= 0);
	out[0] = '\0';
	for (int i = 0; i < r && i < MAX; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", i ? " " : "", (int)v[i].n,
				      (const char *)v[i].p);
	mw_buf_done(&text);
	mw_schema_free(s);
	return out;
}

#define check(schema, args, want) assert_string_equal(faults(schema, args), want)

static void test_types(void **state)
{
	const char *s =
	    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"n\":{\"type\":"
	    "\"integer\"},\"x\":{\"type\":[\"number\",\"null\"]},\"b\":{\"type\":\"boolean\"}},"
	    "\"required\":[\"a\"]}";

	check(s, "{\"a\":\"t\",\"n\":3,\"x\":null,\"b\":true}", "");
	check(s, "{\"a\":\"t\",\"n\":3.0,\"x\":1.5}", "");
	check(s, "{\"a\":1,\"n\":3.5,\"x\":\"1\",\"b\":0}", "type:a type:n type:x type:b");
	check(s, "{}", "missing:a");
	check(s, "", "missing:a");
	check(s, "[]", "type:");
	check(s, "{\"a\":\"t\",\"zz\":1}", "unknown:zz");
	check(s, "{\"\\u0061\":\"t\"}", "");
}

static void test_unknown(void **state)
{
	/* it says nothing of its arguments */
	check("{\"type\":\"object\"}", "{\"a\":1}", "");
	check("{\"type\":\"object\",\"properties\":{}}", "{\"a\":1}", "unknown:a");
	check("{\"properties\":{\"a\":{}},\"additionalProperties\":true}", "{\"b\":1}", "");
	check("{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":1}",
	      "unknown:b");
	check("{\"additionalProperties\":{\"type\":\"string\"}}", "{\"b\":1,\"c\":\"\"}", "type:b");
	check("{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":"
	      "false}",
	      "{\"x-a\":1,\"y\":1}", "type:x-a unknown:y");
	check("{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"p\":{}}}}}",
	      "{\"o\":{\"q\":1}}", "unknown:o.q");
	check("{\"allOf\":[{\"properties\":{\"a\":{}}},{\"properties\":{\"b\":{}}}]}",
	      "{\"a\":1,\"b\":2,\"c\":3}", "unknown:c");
	check("{\"properties\":{\"a\":{}},\"if\":{},\"then\":{\"properties\":{\"b\":{}}}}",
	      "{\"a\":1,\"b\":2}", "");
}

static void test_values(void **state)
{
	const char *s =
	    "{\"properties\":{\"e\":{\"enum\":[\"a\",\"b\",1,null,{\"x\":1,\"y\":2}]},\"c\":{"
	    "\"const\":\"k\"},"
	    "\"n\":{\"minimum\":1,\"maximum\":10.5},\"u\":{\"exclusiveMinimum\":0,"
	    "\"exclusiveMaximum\":1e2},"
	    "\"s\":{\"minLength\":2,\"maxLength\":3},\"p\":{\"pattern\":\"^[a-z]+\\\\d$\"},"
	    "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":"
	    "2},"
	    "\"t\":{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"number\"}]}}}";

	check(s,
	      "{\"e\":\"\\u0061\",\"c\":\"k\",\"n\":10.5,\"u\":99.9,\"s\":\"\\u00e4\\u00f6\",\"p\":"
	      "\"ab1\"}",
	      "");
	check(s, "{\"e\":{\"y\":2,\"x\":1}}", "");
	check(s, "{\"e\":1.0}", "");
	check(s, "{\"e\":\"c\",\"c\":\"K\",\"n\":0.99,\"u\":0,\"s\":\"abcd\",\"p\":\"ab\"}",
	      "enum:e enum:c range:n range:u range:s pattern:p");
	check(s, "{\"n\":-1e400,\"u\":100}", "range:n range:u");
	check(s, "{\"l\":[\"a\",1],\"t\":[\"a\",\"b\",3]}", "type:l.1 type:t.1");
	check(s, "{\"l\":[]}", "range:l");
	check(s, "{\"l\":[\"a\",\"b\",\"c\"]}", "range:l");
}

static void test_branches(void **state)
{
	const char *opt =
	    "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\",\"enum\":[\"x\"]},{\"type\":"
	    "\"null\"}]}}}";
	const char *not = "{\"properties\":{\"a\":{\"not\":{\"type\":\"string\"}}}}";

	check(opt, "{\"a\":null}", "");
	check(opt, "{\"a\":\"x\"}", "");
	check(opt, "{\"a\":\"y\"}", "enum:a");
	check(opt, "{\"a\":1}", "type:a");
	check(not, "{\"a\":\"x\"}", "type:a");
	check(not, "{\"a\":1}", "");
	check("{\"properties\":{\"a\":false}}", "{\"a\":1}", "type:a");
}

static void test_refs(void **state)
{
	const char *tree =
	    "{\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
	    "\"kids\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
	    "n\"}}},\"required\":[\"v\"]}}"
	    ",\"$ref\":\"#/$defs/n\"}";

	check(tree, "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[{\"v\":3}]}]}", "");
	check(tree, "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[{\"v\":\"3\"},{\"w\":1}]}]}",
	      "type:kids.0.kids.0.v unknown:kids.0.kids.1.w missing:kids.0.kids.1.v");
	check("{\"properties\":{\"a\":{\"$ref\":\"#/definitions/x~1y\"}},\"definitions\":{\"x/"
	      "y\":{\"type\":"
	      "\"string\"}}}",
	      "{\"a\":1}", "type:a");
	/* what is not here allows everything */
	check("{\"properties\":{\"a\":{\"$ref\":\"https://example.com/x\"}}}", "{\"a\":1}", "");
	check("{\"properties\":{\"a\":{\"$ref\":\"#/nowhere\"}}}", "{\"a\":1}", "");
	check("{\"$ref\":\"#\"}", "{\"a\":1}", "");
	check("{\"properties\":{\"a\":{\"$ref\":\"#/properties/b\"},\"b\":{\"$ref\":\"#/properties/"
	      "a\"}}}",
	      "{\"a\":1,\"b\":{}}", "");
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run(const char *what, const struct mw_buf *schema, const struct mw_buf *args, int want)
{
	const double t = seconds();
	struct mw_slice v[MAX];
	struct mw_schema *s;
	struct mw_buf text;
	int r;

	assert_int_equal(mw_schema_new(&test_alloc, mw_buf_slice(schema), &s), 0);
	mw_buf_init(&text, &test_alloc, 1 << 16);
	r = mw_schema_check(s, mw_buf_slice(args), &text, v, MAX);
	if (r != want)
		fail_msg("%s: %d faults", what, r);
	mw_buf_done(&text);
	mw_schema_free(s);
	/* a slow machine, with sanitizers */
	if (seconds() - t > 5)
		fail_msg("%s: %.1f s", what, seconds() - t);
}

static void put(struct mw_buf *b, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_int_equal(mw_buf_append_str(b, s), 0);
}

static void test_hostile(void **state)
{
	struct mw_buf s, a;

	mw_buf_init(&s, &test_alloc, 8 << 20);
	mw_buf_init(&a, &test_alloc, 8 << 20);
	/* each branch twice, 40 deep: 2^40 ways */
	put(&s, "{\"$defs\":{\"x0\":{\"type\":\"string\"}", 1);
	for (int i = 1; i < 40; i++) {
		char t[128];

		snprintf(
		    t, sizeof(t),
		    ",\"x%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/x%d\"},{\"$ref\":\"#/$defs/x%d\"}]}",
		    i, i - 1, i - 1);
		put(&s, t, 1);
	}
	put(&s, "},\"properties\":{\"a\":{\"$ref\":\"#/$defs/x39\"}}}", 1);
	put(&a, "{\"a\":1}", 1);
	run("branches", &s, &a, 0); /* the steps ran out */

	s.len = a.len = 0;
	put(&s, "{\"properties\":{\"a\":", 300);
	put(&s, "{}", 1);
	put(&s, "}}", 300);
	put(&a, "{\"a\":", 1000);
	put(&a, "1", 1);
	put(&a, "}", 1000);
	run("depth", &s, &a, 0);

	s.len = a.len = 0;
	put(&s, "{\"properties\":{\"a\":{\"enum\":[\"\"", 1);
	put(&s, ",\"aaaaaaaa\"", 60000);
	put(&s,
	    "]},\"b\":{\"pattern\":\"^(a+)+$\"},\"c\":{\"pattern\":\"((((((a{1,99}){1,99}){1,99})))"
	    "))\"}}}",
	    1);
	put(&a, "{\"a\":\"b\",\"b\":\"", 1);
	put(&a, "a", 4000);
	put(&a, "!\",\"c\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", 1);
	/* an explosion is no fault that is known */
	run("enum, patterns", &s, &a, 1);

	s.len = a.len = 0;
	put(&s, "{\"type\":\"array\",\"items\":{\"required\":[\"q\"", 1);
	for (int i = 0; i < 15000; i++) {
		char t[32];

		snprintf(t, sizeof(t), ",\"r%d\"", i);
		put(&s, t, 1);
	}
	put(&s, "]}}", 1);
	put(&a, "[{}", 1);
	put(&a, ",{}", 200000);
	put(&a, "]", 1);
	{
		struct mw_slice v[MAX];
		struct mw_schema *x;
		struct mw_buf text;

		assert_int_equal(mw_schema_new(&test_alloc, mw_buf_slice(&s), &x), 0);
		mw_buf_init(&text, &test_alloc, 1 << 16);
		assert_true(mw_schema_check(x, mw_buf_slice(&a), &text, v, MAX) > MAX);
		mw_buf_done(&text);
		mw_schema_free(x);
	}

	s.len = a.len = 0;
	put(&s, "{\"a\":{\"b\":{\"type\":\"string\"}},\"allOf\":[{}", 1);
	put(&s, ",{\"$ref\":\"#/a/b\"}", 40000);
	put(&s, "]}", 1);
	put(&a, "{}", 1);
	/* each says that it is no string, as far as nodes go */
	assert_true(mw_buf_slice(&s).n < 1 << 20);
	{
		struct mw_schema *x;

		assert_int_equal(mw_schema_new(&test_alloc, mw_buf_slice(&s), &x), 0);
		mw_schema_free(x);
	}
	mw_buf_done(&s);
	mw_buf_done(&a);
}

static void test_faulty(void **state)
{
	static const char *const none[] = { "", "[]", "1", "{\"a\":", "\"x\"" };
	struct mw_schema *s = NULL;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(mw_schema_new(&test_alloc, mw_slice_str(none[i]), &s), -EINVAL);
	assert_null(s);
	/* members of the wrong kind ask nothing */
	check("{\"type\":5,\"enum\":3,\"required\":{},\"properties\":[],\"items\":1,\"anyOf\":{},"
	      "\"$ref\":1,"
	      "\"minimum\":\"1\",\"pattern\":\"(\",\"minLength\":null}",
	      "{\"a\":1}", "");
}

static void test_memory(void **state)
{
	const struct mw_slice schema =
	    MW_SLICE_LIT("{\"properties\":{\"a\":{\"enum\":[\"x\"],\"pattern\":\"^x\"},\"b\":{"
			 "\"anyOf\":[{\"$ref\":\"#\"},{\"type"
			 "\":\"null\"}]}},\"patternProperties\":{\"^z\":{\"type\":\"string\"}},"
			 "\"required\":[\"a\",\"c\"]}");
	const struct mw_slice args = MW_SLICE_LIT("{\"a\":\"y\",\"b\":{\"q\":1},\"z\":1}");
	struct mw_slice v[MAX];
	struct mw_schema *s;
	struct mw_buf text;

	TEST_EACH_FAILURE(n)
	{
		if (mw_schema_new(&test_alloc_failing, schema, &s) < 0)
			continue;
		mw_buf_init(&text, &test_alloc_failing, 1 << 16);
		(void)mw_schema_check(s, args, &text, v, MAX);
		mw_buf_done(&text);
		mw_schema_free(s);
	}
}

static bool same(const char *a, const char *b)
{
	return mw_shape(mw_slice_str(a), 7) == mw_shape(mw_slice_str(b), 7);
}

static void test_shape(void **state)
{
	assert_true(same("{\"a\":1,\"b\":\"one two\"}", "{\"b\":\"three four five\",\"a\":-2.5}"));
	assert_false(same("{\"a\":1}", "{\"b\":1}"));
	assert_false(same("{\"a\":1}", "{\"a\":\"x\"}"));
	assert_false(same("{\"a\":1}", "{\"a\":null}"));
	assert_true(same("{\"a\":[1,2,3]}", "{\"a\":[4]}"));
	assert_true(same("{\"a\":[1,\"x\"]}", "{\"a\":[\"y\",2,\"z\"]}"));
	assert_false(same("{\"a\":[1]}", "{\"a\":[\"y\"]}"));
	assert_false(same("{\"a\":[{\"x\":1}]}", "{\"a\":[{\"y\":1}]}"));
	assert_true(same("", "{}"));
	/* what strings are */
	assert_true(same("{\"a\":\"/etc/hosts\"}", "{\"a\":\"/var/log/syslog\"}"));
	assert_true(same("{\"a\":\"https://a.example/\"}", "{\"a\":\"http://b.example/x?y\"}"));
	assert_false(same("{\"a\":\"/etc/hosts\"}", "{\"a\":\"https://a.example/\"}"));
	assert_false(same("{\"a\":\"example.com\"}", "{\"a\":\"example.com; rm -rf /\"}"));
	assert_false(same("{\"a\":\"example.com\"}", "{\"a\":\"example.com;id\"}"));
	assert_false(same("{\"a\":\"x\"}", "{\"a\":\"$(id)\"}"));
	assert_false(same("{\"a\":\"me@a.example\"}", "{\"a\":\"a.example\"}"));
	assert_false(same("{\"a\":\"12345\"}", "{\"a\":\"abcde\"}"));
	assert_false(same("{\"a\":\"\"}", "{\"a\":\"abcde\"}"));
	assert_true(mw_shape(mw_slice_str("{}"), 1) != mw_shape(mw_slice_str("{}"), 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),  cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_values), cmocka_unit_test(test_branches),
		cmocka_unit_test(test_refs),   cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_faulty), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
