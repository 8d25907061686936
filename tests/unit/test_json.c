/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <time.h>

#include "base/json.h"

static struct test_guard guard;

/* A text at a guard page; one at a time. */
static struct mw_slice text(const char *s)
{
	return test_guard_copy(&guard, mw_slice_str(s));
}

static unsigned int flags_of(const char *s)
{
	unsigned int flags = 0;
	int r = mw_json_check(text(s), 64, &flags, NULL);

	if (r < 0)
		fail_msg("%s: %d", s, r);
	return flags;
}

static void fault_at(const char *s, size_t want)
{
	size_t off = SIZE_MAX;

	assert_int_equal(mw_json_check(text(s), 64, NULL, &off), -EBADMSG);
	if (off != want)
		fail_msg("%s: fault at %zu, want %zu", s, off, want);
}

static void items_are_spans_of_the_text(void **state)
{
	static const struct {
		enum mw_json_tok tok;
		const char *raw;
		unsigned int depth, flags;
	} want[] = {
		{ MW_JSON_OBJECT, "{", 0, 0 },
		{ MW_JSON_KEY, "\"id\"", 1, 0 },
		{ MW_JSON_NUMBER, "9007199254740993", 1, MW_JSON_BIGNUM },
		{ MW_JSON_KEY, "\"\\u0061\"", 1, MW_JSON_ESCAPED },
		{ MW_JSON_ARRAY, "[", 1, 0 },
		{ MW_JSON_NUMBER, "-0.5e+3", 2, 0 },
		{ MW_JSON_STRING, "\"\"", 2, 0 },
		{ MW_JSON_TRUE, "true", 2, 0 },
		{ MW_JSON_FALSE, "false", 2, 0 },
		{ MW_JSON_NULL, "null", 2, 0 },
		{ MW_JSON_OBJECT, "{", 2, 0 },
		{ MW_JSON_OBJECT_END, "}", 2, 0 },
		{ MW_JSON_ARRAY, "[", 2, 0 },
		{ MW_JSON_ARRAY_END, "]", 2, 0 },
		{ MW_JSON_ARRAY_END, "]", 1, 0 },
		{ MW_JSON_KEY, "\"z\"", 1, 0 },
		{ MW_JSON_STRING, "\"\\ud83d\\u0000\xFF\"", 1,
		  MW_JSON_ESCAPED | MW_JSON_LONE | MW_JSON_NUL | MW_JSON_BAD_UTF8 },
		{ MW_JSON_OBJECT_END, "}", 0, 0 },
	};
	struct mw_slice s = text("\t{ \"id\" :9007199254740993 , \"\\u0061\":\r\n[-0.5e+3,\"\", true,false"
				 " ,null,{ },[ ] ],\"z\":\"\\ud83d\\u0000\xFF\"} \n");
	struct mw_json_item it;
	unsigned int flags = 0;
	struct mw_json j;

	mw_json_init(&j, s, 3);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_int_equal(it.tok, want[i].tok);
		assert_slice_equal(it.raw, want[i].raw);
		assert_int_equal(it.depth, want[i].depth);
		assert_int_equal(it.flags, want[i].flags);
		assert_in_range((uintptr_t)it.raw.p, (uintptr_t)s.p, (uintptr_t)(s.p + s.n));
		flags |= it.flags;
	}
	assert_int_equal(mw_json_next(&j, &it), 0);
	assert_int_equal(mw_json_next(&j, &it), 0);
	assert_ptr_equal(j.p, s.p + s.n);
	assert_int_equal(j.flags, flags);
}

static void an_item_is_untouched_on_failure(void **state)
{
	struct mw_json_item it = { .tok = 99, .depth = 7 };
	struct mw_json j;

	mw_json_init(&j, text("\"abc"), 5);
	assert_int_equal(mw_json_next(&j, &it), -EBADMSG);
	assert_int_equal(mw_json_next(&j, &it), -EBADMSG);
	assert_int_equal(it.tok, 99);
	assert_int_equal(it.depth, 7);
	mw_json_init(&j, mw_slice(NULL, 0), 5);
	assert_int_equal(mw_json_next(&j, &it), -EBADMSG);
}

static void says_where_the_fault_is(void **state)
{
	fault_at("", 0);
	fault_at("  ", 2);
	fault_at("[1,]", 3);
	fault_at("{\"a\" 1}", 5);
	fault_at("{\"a\":1,}", 7);
	fault_at("{1:2}", 1);
	fault_at("[1] x", 4);
	fault_at("[01]", 3);
	fault_at("\"ab\x01\"", 3);
	fault_at("\"ab\\x\"", 3);
	fault_at("\"ab\\u12g4\"", 3);
	fault_at("[tru]", 1);
	fault_at("[}", 1);
	fault_at("{\"a\":1]", 6);
	fault_at("\xEF\xBB\xBF{}", 0);
}

static void strings_of_every_length(void **state)
{
	static const char *const tails[] = { "", "\\n", "\xC3\xA4", "\xF0\x9F\x98\x80", "\xFF", "\\u00e4" };
	static const unsigned int want[] = { 0, MW_JSON_ESCAPED, 0, 0, MW_JSON_BAD_UTF8, MW_JSON_ESCAPED };

	for (size_t n = 0; n < 70; n++)
		for (size_t k = 0; k < 6; k++)
			for (size_t behind = 0; behind < 20; behind += 3) {
				char s[128], a[71], b[21];
				unsigned int flags = 0;

				memset(a, 'a', n);
				a[n] = 0;
				memset(b, 'b', behind);
				b[behind] = 0;
				snprintf(s, sizeof(s), "\"%s%s%s\"", a, tails[k], b);
				assert_int_equal(mw_json_check(text(s), 1, &flags, NULL), 0);
				assert_int_equal(flags, want[k]);
				for (size_t cut = 0; cut < strlen(s); cut++)
					assert_int_equal(mw_json_check(test_guard_copy(&guard, mw_slice(s, cut)),
								       1, NULL, NULL),
							 -EBADMSG);
				/* a control at any place */
				s[1 + n / 2] = '\x1f';
				assert_int_equal(mw_json_check(text(s), 1, NULL, NULL), -EBADMSG);
			}
}

static void every_byte_in_a_string(void **state)
{
	for (unsigned int c = 0; c < 256; c++) {
		char s[4] = { '"', (char)c, '"', 0 };
		unsigned int flags = 0;
		int r = mw_json_check(test_guard_copy(&guard, mw_slice(s, 3)), 1, &flags, NULL);

		assert_int_equal(r, c < 0x20 || c == '"' || c == '\\' ? -EBADMSG : 0);
		assert_int_equal(flags, c >= 0x80 ? MW_JSON_BAD_UTF8 : 0);
	}
}

/* A bad sequence never swallows the quote behind it. */
static void bad_utf8_does_not_hide_the_quote(void **state)
{
	static const char *const bad[] = { "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xF0\x9F", "\xED\xA0\x80",
					   "\xC0\x80", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
					   "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xFE" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mw_json_item it;
		struct mw_json j;
		char s[32], want[32];

		snprintf(s, sizeof(s), "[\"%s\",1]", bad[i]);
		snprintf(want, sizeof(want), "\"%s\"", bad[i]);
		mw_json_init(&j, text(s), 4);
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_slice_equal(it.raw, want);
		assert_int_equal(it.flags, MW_JSON_BAD_UTF8);
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_slice_equal(it.raw, "1");
	}
	/* the edges of what is UTF-8 */
	assert_int_equal(flags_of("\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
				  "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""),
			 0);
}

static void notes_big_numbers(void **state)
{
	static const struct {
		const char *s;
		bool big;
	} cases[] = {
		{ "9007199254740992", false },	 { "-9007199254740992", false },
		{ "9007199254740993", true },	 { "-9007199254740993", true },
		{ "10000000000000000", true },	 { "9999999999999999", true },
		{ "999999999999999", false },	 { "1e22", false },
		{ "1.7976931348623157e308", false }, { "1.7976931348623159e308", true },
		{ "17976931348623157e292", false }, { "0.0017976931348623159e311", true },
		{ "1e308", false },		 { "1e309", true },
		{ "-1e309", true },		 { "0e999999", false },
		{ "0.0e-999999", false },	 { "5e-324", false },
		{ "2.5e-324", false },		 { "2.4e-324", true },
		{ "1e-400", true },		 { "0.00001e-318", false },
		{ "1e99999999999999999999999", true }, { "1e-99999999999999999999999", true },
		{ "10000000000e298", false },	 { "10000000000e299", true },
	};
	char s[1000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (flags_of(cases[i].s) != (cases[i].big ? MW_JSON_BIGNUM : 0u))
			fail_msg("%s", cases[i].s);
	memset(s, '0', sizeof(s));
	s[1] = '.';
	snprintf(s + 900, 10, "1");
	assert_int_equal(flags_of(s), MW_JSON_BIGNUM);
	memset(s, '1', sizeof(s));
	snprintf(s + 309, 10, ".5");
	assert_int_equal(flags_of(s), 0);
	memset(s, '1', sizeof(s));
	snprintf(s + 310, 10, ".5");
	assert_int_equal(flags_of(s), MW_JSON_BIGNUM);
}

static void depth_is_bounded(void **state)
{
	static char deep[200001];
	struct mw_json_item it;
	struct mw_json j;

	for (unsigned int max = 1; max <= 70; max++)
		for (int more = -1; more <= 1; more++) {
			size_t n = max + (unsigned int)(more + 1) - 1;

			memset(deep, '[', n);
			memset(deep + n, ']', n);
			assert_int_equal(mw_json_check(mw_slice(deep, 2 * n), max, NULL, NULL),
					 n == 0 ? -EBADMSG : more > 0 ? -E2BIG : 0);
		}
	memset(deep, '[', 100000);
	memset(deep + 100000, ']', 100000);
	assert_int_equal(mw_json_check(mw_slice(deep, 200000), 1024, NULL, NULL), -E2BIG);
	mw_json_init(&j, mw_slice(deep, 200000), 100000); /* clamped */
	for (unsigned int i = 0; i < MW_JSON_DEPTH_MAX; i++) {
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_int_equal(it.depth, i);
	}
	assert_int_equal(mw_json_next(&j, &it), -E2BIG);
	assert_int_equal(mw_json_next(&j, &it), -E2BIG);
	assert_ptr_equal(j.p, deep + MW_JSON_DEPTH_MAX);
	mw_json_init(&j, mw_slice_str("[]"), 0);
	assert_int_equal(mw_json_next(&j, &it), 1);
}

static void containers_close_as_they_opened(void **state)
{
	/* each bit of the stack is set and cleared again */
	static const char s[] = "[{\"a\":[{\"a\":[{\"a\":[{\"a\":[[[{\"a\":{\"a\":{}}}]]]}]}]}]},[[[[[[[[[[]]]]]]]]]],"
				"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[]}}}}}}}}]";

	assert_int_equal(mw_json_check(text(s), 64, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(s) - 1; i++) {
		char c[sizeof(s)];

		memcpy(c, s, sizeof(s));
		if (c[i] != ']' && c[i] != '}')
			continue;
		c[i] = c[i] == ']' ? '}' : ']';
		assert_int_equal(mw_json_check(text(c), 64, NULL, NULL), -EBADMSG);
	}
}

static void skips_whole_values(void **state)
{
	struct mw_slice s = text(" {\"a\" : [1,{\"x\":[]}] , \"b\": 2,\"c\":{}, \"d\":\"e\" } "), v;
	struct mw_json_item it;
	struct mw_json j;

	mw_json_init(&j, s, 8);
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(mw_json_next(&j, &it), 1); /* "a" */
	assert_int_equal(mw_json_skip(&j, &it, &v), 0);
	assert_slice_equal(v, "[1,{\"x\":[]}]");
	assert_int_equal(mw_json_next(&j, &it), 1); /* "b" */
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(mw_json_skip(&j, &it, &v), 0);
	assert_slice_equal(v, "2");
	assert_int_equal(mw_json_next(&j, &it), 1); /* "c" */
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(mw_json_skip(&j, &it, &v), 0);
	assert_slice_equal(v, "{}");
	assert_int_equal(mw_json_next(&j, &it), 1); /* "d" */
	assert_int_equal(mw_json_skip(&j, &it, &v), 0);
	assert_slice_equal(v, "\"e\"");
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(it.tok, MW_JSON_OBJECT_END);
	assert_int_equal(mw_json_next(&j, &it), 0);

	mw_json_init(&j, s, 8);
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(mw_json_skip(&j, &it, &v), 0);
	assert_int_equal(v.n, s.n - 2);
	assert_int_equal(mw_json_next(&j, &it), 0);
}

static void skip_checks_what_it_skips(void **state)
{
	static const char s[] = "{\"a\":[1,{\"x\":[\"y\"]}],\"b\":2}";
	struct mw_slice v = { NULL, 7 };
	struct mw_json_item it;
	struct mw_json j;

	for (size_t n = 1; n < sizeof(s) - 1; n++) {
		mw_json_init(&j, test_guard_copy(&guard, mw_slice(s, n)), 8);
		assert_int_equal(mw_json_next(&j, &it), 1);
		assert_int_equal(mw_json_skip(&j, &it, &v), -EBADMSG);
		assert_int_equal(v.n, 7);
	}
	mw_json_init(&j, text("[[[]]]"), 2);
	assert_int_equal(mw_json_next(&j, &it), 1);
	assert_int_equal(mw_json_skip(&j, &it, &v), -E2BIG);
}

static void finds_equal_keys(void **state)
{
	assert_int_equal(flags_of("{\"a\":1,\"a\":2}"), MW_JSON_DUP);
	assert_int_equal(flags_of("{\"a\":1,\"\\u0061\":2}"), MW_JSON_DUP | MW_JSON_ESCAPED);
	assert_int_equal(flags_of("{\"\":1,\"\":2}"), MW_JSON_DUP);
	assert_int_equal(flags_of("{\"\xF0\x9F\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
			 MW_JSON_DUP | MW_JSON_ESCAPED);
	assert_int_equal(flags_of("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), 0);
	assert_int_equal(flags_of("[{\"a\":1},{\"a\":1},{\"b\":{\"a\":0},\"c\":{\"a\":0}}]"), 0);
	assert_int_equal(flags_of("{\"a\":{\"b\":1,\"c\":[{\"a\":0}]},\"a\":1}"), MW_JSON_DUP);
	assert_int_equal(flags_of("{\"x\":{\"b\":1,\"c\":2,\"b\":3}}"), MW_JSON_DUP);
	assert_int_equal(flags_of("{\"a\":1,\"A\":2,\"a \":3,\"a\\u0000\":4}"), MW_JSON_ESCAPED | MW_JSON_NUL);
	/* both decode to U+FFFD */
	assert_int_equal(flags_of("{\"\xFF\":1,\"\\ud800\":2}"),
			 MW_JSON_DUP | MW_JSON_ESCAPED | MW_JSON_LONE | MW_JSON_BAD_UTF8);
}

/* An escaped key longer than the chunk it is hashed in. */
static void finds_equal_keys_that_are_long(void **state)
{
	struct mw_buf b;

	for (unsigned int n = 0; n < 600; n += 7) {
		unsigned int flags = 0;

		mw_buf_init(&b, &test_alloc, 1 << 20);
		mw_buf_append_str(&b, "{\"");
		for (unsigned int i = 0; i < n; i++)
			mw_buf_append_str(&b, "\xE2\x82\xAC");
		mw_buf_append_str(&b, "\":1,\"");
		for (unsigned int i = 0; i < n; i++)
			mw_buf_append_str(&b, "\\u20ac");
		mw_buf_append_str(&b, "\":1}");
		assert_int_equal(mw_json_check(mw_buf_slice(&b), 4, &flags, NULL), 0);
		assert_int_equal(flags, MW_JSON_DUP | (n ? MW_JSON_ESCAPED : 0));
		mw_buf_done(&b);
	}
}

static unsigned int flags_of_members(unsigned int n, unsigned int again)
{
	unsigned int flags = 0;
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 1 << 22);
	mw_buf_append_byte(&b, '{');
	for (unsigned int i = 0; i < n; i++) {
		mw_buf_append_str(&b, i ? ",\"" : "\"");
		mw_buf_append_u64(&b, i);
		mw_buf_append_str(&b, "\":0");
	}
	mw_buf_append_str(&b, ",\"");
	mw_buf_append_u64(&b, again);
	mw_buf_append_str(&b, "\":0}");
	assert_int_equal(mw_json_check(mw_buf_slice(&b), 4, &flags, NULL), 0);
	mw_buf_done(&b);
	return flags;
}

static void says_where_it_did_not_look(void **state)
{
	struct mw_buf b;
	unsigned int flags = 0;

	assert_int_equal(flags_of_members(255, 1000), 0);
	assert_int_equal(flags_of_members(256, 255), MW_JSON_DUP);
	assert_int_equal(flags_of_members(256, 1000), MW_JSON_UNSURE);
	assert_int_equal(flags_of_members(5000, 255), MW_JSON_UNSURE | MW_JSON_DUP);
	assert_int_equal(flags_of_members(5000, 256), MW_JSON_UNSURE);

	/* five open objects of 250 keys each: 1024 are known, the fifth object is cut short */
	mw_buf_init(&b, &test_alloc, 1 << 22);
	for (unsigned int d = 0; d < 5; d++) {
		mw_buf_append_byte(&b, '{');
		for (unsigned int i = 0; i < 249; i++) {
			mw_buf_append_byte(&b, '"');
			mw_buf_append_u64(&b, i);
			mw_buf_append_str(&b, "\":0,");
		}
		mw_buf_append_str(&b, "\"x\":");
	}
	mw_buf_append_str(&b, "0}}}}}");
	assert_int_equal(mw_json_check(mw_buf_slice(&b), 8, &flags, NULL), 0);
	assert_int_equal(flags, MW_JSON_UNSURE);
	mw_buf_done(&b);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Texts made to be slow: each of 4 MiB takes a small part of this even with sanitizers. */
static void hostile_texts_cost_no_more(void **state)
{
	static const char *const units[] = {
		"{\"a\":", "{\"a\":0,\"b\":0,\"c\":0,\"d\":", "{\"\\u0061\":0,\"b\":", "[",
	};
	size_t n = 4 << 20;
	struct mw_buf b;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		double t = seconds();

		mw_buf_init(&b, &test_alloc, n + 100000);
		/* to the depth limit and back, again and again */
		mw_buf_append_byte(&b, '[');
		while (b.len < n) {
			size_t at = b.len;

			for (unsigned int d = 0; d < 1000; d++)
				mw_buf_append_str(&b, units[i]);
			mw_buf_append_byte(&b, '0');
			for (size_t k = b.len - 1; k-- > at;)
				if (b.p[k] == '{' || b.p[k] == '[')
					mw_buf_append_byte(&b, (uint8_t)(b.p[k] + 2));
			mw_buf_append_byte(&b, ',');
		}
		mw_buf_append_str(&b, "0]");
		assert_int_equal(mw_json_check(mw_buf_slice(&b), 1024, NULL, NULL), 0);
		mw_buf_done(&b);
		assert_true(seconds() - t < 3);
	}
	/* one object of many keys */
	{
		double t = seconds();

		flags_of_members(200000, 0);
		assert_true(seconds() - t < 3);
	}
}

static void finds_members(void **state)
{
	struct mw_slice v = { NULL, 9 }, before;
	unsigned int n = 77;

	assert_int_equal(mw_json_member(text(" {\"a\":1,\"b\":{\"a\":2},\"\\u0061\" : [3] }"), "a", &v, &n), 0);
	assert_slice_equal(v, "[3]");
	assert_int_equal(n, 2);
	assert_int_equal(mw_json_member(text("{\"a\":1}"), "a", &v, NULL), 0);
	assert_slice_equal(v, "1");
	before = v;
	n = 77;
	assert_int_equal(mw_json_member(text("{\"b\":{\"a\":2}}"), "a", &v, &n), -ENOENT);
	assert_int_equal(mw_json_member(text("{}"), "a", &v, &n), -ENOENT);
	assert_int_equal(mw_json_member(text("[\"a\",1]"), "a", &v, &n), -ENOENT);
	assert_int_equal(mw_json_member(text("\"a\""), "a", &v, &n), -ENOENT);
	assert_int_equal(mw_json_member(text("{\"a\":1"), "a", &v, &n), -EBADMSG);
	assert_int_equal(mw_json_member(text("{\"a\":1}x"), "a", &v, &n), -EBADMSG);
	assert_int_equal(mw_json_member(text("{\"a\":x}"), "a", &v, &n), -EBADMSG);
	assert_int_equal(mw_json_member(text(""), "a", &v, &n), -EBADMSG);
	assert_ptr_equal(v.p, before.p);
	assert_int_equal(n, 77);
}

static void follows_paths(void **state)
{
	struct mw_slice s = text("{\"params\":{\"_meta\":{\"x\":[1]},\"y\":2},\"_meta\":0}"), v = { NULL, 9 };

	assert_int_equal(mw_json_path(s, &v, "params", "_meta", "x", NULL), 0);
	assert_slice_equal(v, "[1]");
	assert_int_equal(mw_json_path(s, &v, "_meta", NULL), 0);
	assert_slice_equal(v, "0");
	assert_int_equal(mw_json_path(s, &v, "params", "_meta", "z", NULL), -ENOENT);
	assert_int_equal(mw_json_path(s, &v, "_meta", "x", NULL), -ENOENT);
	assert_int_equal(mw_json_path(s, &v, "params", "y", "z", NULL), -ENOENT);
	assert_slice_equal(v, "0");
	assert_int_equal(mw_json_path(s, &v, NULL), 0);
	assert_int_equal(v.n, s.n);
}

static void goes_through_containers(void **state)
{
	struct mw_slice s = text("[1, {\"a\": [2]} , \"x\"]"), name, v;
	struct mw_json_array a;
	struct mw_json_object o;

	mw_json_array_init(&a, s);
	assert_true(mw_json_array_next(&a, &v) && mw_slice_eq_str(v, "1"));
	assert_true(mw_json_array_next(&a, &v) && mw_slice_eq_str(v, "{\"a\": [2]}"));
	mw_json_object_init(&o, v);
	assert_true(mw_json_object_next(&o, &name, &s));
	assert_true(mw_slice_eq_str(name, "\"a\"") && mw_slice_eq_str(s, "[2]"));
	assert_false(mw_json_object_next(&o, &name, &s));
	assert_true(mw_json_array_next(&a, &v) && mw_slice_eq_str(v, "\"x\""));
	assert_false(mw_json_array_next(&a, &v));

	/* what is none has none, and a fault ends it */
	mw_json_array_init(&a, text("{\"a\": 1}"));
	assert_false(mw_json_array_next(&a, &v));
	mw_json_object_init(&o, text("[1]"));
	assert_false(mw_json_object_next(&o, &name, &v));
	mw_json_object_init(&o, mw_slice(NULL, 0));
	assert_false(mw_json_object_next(&o, &name, &v));
	mw_json_object_init(&o, text("{\"a\": 1, \"b\": tru}"));
	assert_true(mw_json_object_next(&o, &name, &v));
	assert_false(mw_json_object_next(&o, &name, &v));
}

static int setup(void **state)
{
	test_guard_init(&guard, 1 << 16);
	return 0;
}

static int teardown(void **state)
{
	test_guard_done(&guard);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_spans_of_the_text),
		cmocka_unit_test(an_item_is_untouched_on_failure),
		cmocka_unit_test(says_where_the_fault_is),
		cmocka_unit_test(strings_of_every_length),
		cmocka_unit_test(every_byte_in_a_string),
		cmocka_unit_test(bad_utf8_does_not_hide_the_quote),
		cmocka_unit_test(notes_big_numbers),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(containers_close_as_they_opened),
		cmocka_unit_test(skips_whole_values),
		cmocka_unit_test(skip_checks_what_it_skips),
		cmocka_unit_test(finds_equal_keys),
		cmocka_unit_test(finds_equal_keys_that_are_long),
		cmocka_unit_test(says_where_it_did_not_look),
		cmocka_unit_test(hostile_texts_cost_no_more),
		cmocka_unit_test(finds_members),
		cmocka_unit_test(follows_paths),
		cmocka_unit_test(goes_through_containers),
	};

	return cmocka_run_group_tests_name("json", tests, setup, teardown);
}
