/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "base/json.h"

static struct test_guard guard;

/* Bytes at a guard page; one at a time. */
static struct mw_slice text(const char *s)
{
	return test_guard_copy(&guard, mw_slice_str(s));
}

static void compares_strings_by_what_they_decode_to(void **state)
{
	assert_true(mw_json_str_eq(text("\"abc\""), "abc"));
	assert_true(mw_json_str_eq(text("\"\\u0061b\\u0063\""), "abc"));
	assert_true(mw_json_str_eq(text("\"\""), ""));
	assert_true(mw_json_str_eq(text("\"\\ud83d\\ude00\""), "\xF0\x9F\x98\x80"));
	assert_true(mw_json_str_eq(text("\"a\\/b\""), "a/b"));
	assert_false(mw_json_str_eq(text("\"abc\""), "ab"));
	assert_false(mw_json_str_eq(text("\"ab\""), "abc"));
	assert_false(mw_json_str_eq(text("\"\""), "a"));
	assert_false(mw_json_str_eq(text("\"abd\""), "abc"));
	assert_false(mw_json_str_eq(text("\"\\u0062bc\""), "abc"));
	/* no string at all */
	assert_false(mw_json_str_eq(text(""), ""));
	assert_false(mw_json_str_eq(text("\""), ""));
	assert_false(mw_json_str_eq(text("abc"), "abc"));
	assert_false(mw_json_str_eq(text("\"a\\\""), "a"));
	assert_false(mw_json_str_eq(text("\"a\"b\""), "a\"b"));
	assert_true(mw_json_str_eq_slice(text("\"a\\u0000b\""), mw_slice("a\0b", 3)));
	assert_false(mw_json_str_eq_slice(text("\"a\""), mw_slice("a\0b", 3)));
	/* exactly these bytes: not what merely looks alike */
	assert_false(mw_json_str_eq(text("\"\xFF\""), "\xFF"));
	assert_true(mw_json_str_eq(text("\"\xFF\""), "\xEF\xBF\xBD"));
	assert_true(mw_json_str_eq(text("\"\\ud800x\""), "\xEF\xBF\xBDx"));
}

static void decodes(const char *raw, const char *want, size_t n)
{
	struct mw_buf out;

	mw_buf_init(&out, &test_alloc, 1000);
	mw_buf_append_str(&out, "<");
	assert_int_equal(mw_json_str_decode(text(raw), &out), 0);
	assert_int_equal(out.len, n + 1);
	assert_memory_equal(out.p + 1, want, n);
	assert_true(mw_json_str_eq_slice(text(raw), mw_slice(want, n)));
	mw_buf_done(&out);
}

static void decodes_strings(void **state)
{
	static const char *const bad[] = { "", "\"", "x", "\"a", "\"\\\"", "\"\\x\"", "\"\\u00g0\"", "\"\x01\"",
					   "\"a\"b\"", "\"0123456789abcdef0123456789abcdef\\\"" };
	struct mw_buf out;

	decodes("\"\"", "", 0);
	decodes("\"plain text of more than sixteen bytes\"", "plain text of more than sixteen bytes", 37);
	decodes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	decodes("\"\\u0000\\u007f\\u0080\\u07ff\\u0800\\uFFFF\\uD800\\uDC00\\uDBFF\\uDFFF\"",
		"\0\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 20);
	decodes("\"\xC3\xA4\xF0\x9F\x98\x80\"", "\xC3\xA4\xF0\x9F\x98\x80", 6);
	/* each bad byte and each lone surrogate is one U+FFFD */
	decodes("\"\xFF\xE2\x82z\"", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz", 10);
	decodes("\"\\ud800\\ud800\\udc00\\udc00\\ud83dx\"",
		"\xEF\xBF\xBD\xF0\x90\x80\x80\xEF\xBF\xBD\xEF\xBF\xBDx", 14);
	mw_buf_init(&out, &test_alloc, 1000);
	mw_buf_append_str(&out, "kept");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(mw_json_str_decode(text(bad[i]), &out), -EINVAL);
		assert_buf_equal(&out, "kept");
	}
	mw_buf_done(&out);
}

static void escapes(void **state)
{
	static const char plain[] = "a\"\\\b\f\n\r\t\x01\x1f\x7f\xC3\xA4\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9/";
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 10000);
	assert_int_equal(mw_json_escape(&out, text(plain), &lossy), 0);
	assert_buf_equal(&out, "a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\xC3\xA4\xE2\x80\xA7\\u2028\\u2029/");
	assert_false(lossy);
	mw_buf_reset(&out, 0);
	assert_int_equal(mw_json_escape(&out, test_guard_copy(&guard, mw_slice("\0", 1)), NULL), 0);
	assert_buf_equal(&out, "\\u0000");
	mw_buf_reset(&out, 0);
	assert_int_equal(mw_json_escape(&out, text("x\xFF\xE2\x82"), &lossy), 0);
	assert_buf_equal(&out, "x\\ufffd\\ufffd\\ufffd");
	assert_true(lossy);
	assert_int_equal(mw_json_escape(&out, text("y"), &lossy), 0);
	assert_true(lossy);
	assert_int_equal(mw_json_escape(&out, text("\xFF"), NULL), 0);
	mw_buf_done(&out);
}

static void every_pair_of_bytes_comes_back(void **state)
{
	struct mw_buf a, b;

	mw_buf_init(&a, &test_alloc, 100);
	mw_buf_init(&b, &test_alloc, 100);
	for (unsigned int c = 0; c < 65536; c++) {
		uint8_t bytes[2] = { (uint8_t)(c >> 8), (uint8_t)c };
		unsigned int flags = 0;
		bool lossy = false;

		mw_buf_reset(&a, 100);
		mw_buf_reset(&b, 100);
		mw_buf_append_byte(&a, '"');
		assert_int_equal(mw_json_escape(&a, mw_slice(bytes, 2), &lossy), 0);
		mw_buf_append_byte(&a, '"');
		assert_int_equal(mw_json_check(mw_buf_slice(&a), 1, &flags, NULL), 0);
		assert_int_equal(flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE), 0);
		assert_int_equal(mw_json_str_decode(mw_buf_slice(&a), &b), 0);
		assert_true(lossy != mw_slice_eq(mw_buf_slice(&b), mw_slice(bytes, 2)));
	}
	mw_buf_done(&a);
	mw_buf_done(&b);
}

static void leaves_the_buffer_on_failure(void **state)
{
	static const char raw[] = "\"0123456789012345678901234567890123456789\\u20ac\\n"
				  "0123456789012345678901234567890123456789012345678901234567890\"";
	static const char bytes[] = "01234567890123456789\n\x01\xE2\x80\xA8\xFF"
				    "01234567890123456789012345678901234567890123456789";
	struct mw_buf out;

	TEST_EACH_FAILURE(n)
	{
		bool lossy = false;
		int r;

		mw_buf_init(&out, &test_alloc_failing, 1000);
		r = mw_json_str_decode(mw_slice_str(raw), &out);
		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		assert_int_equal(out.len, r ? 0 : 105);
		mw_buf_done(&out);
		mw_buf_init(&out, &test_alloc_failing, 1000);
		r = mw_json_escape(&out, mw_slice_str(bytes), &lossy);
		assert_true(r == 0 || test_alloc_failed());
		assert_int_equal(out.len, r ? 0 : 90);
		assert_int_equal(lossy, r == 0);
		mw_buf_done(&out);
	}
	for (size_t max = 1; max < 90; max++) {
		mw_buf_init(&out, &test_alloc, max);
		mw_buf_append_byte(&out, '<');
		assert_int_equal(mw_json_str_decode(mw_slice_str(raw), &out), -E2BIG);
		assert_buf_equal(&out, "<");
		assert_int_equal(mw_json_escape(&out, mw_slice_str(bytes), NULL), -E2BIG);
		assert_buf_equal(&out, "<");
		mw_buf_done(&out);
	}
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
		cmocka_unit_test(compares_strings_by_what_they_decode_to),
		cmocka_unit_test(decodes_strings),
		cmocka_unit_test(escapes),
		cmocka_unit_test(every_pair_of_bytes_comes_back),
		cmocka_unit_test(leaves_the_buffer_on_failure),
	};

	return cmocka_run_group_tests_name("json_str", tests, setup, teardown);
}
