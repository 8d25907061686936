/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "io/export_out.h"
#include "io/heap.h"

static struct mw_outbuf got;

/* What was written is this; and then nothing is. */
static void expect(const char *want)
{
	assert_int_equal(mw_out_error(&got), 0);
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.p, want, got.len);
	mw_out_done(&got);
}

static void test_json(void **state)
{
	static const char in[] = "a\"\\\n\x01\x7f</script>\xe2\x80\xa8\xe2\x80\xa9 \xc3\xa9 \xff"
				 "\xf0\x9f\x98\x80";

	mw_out_json(&got, mw_slice(in, sizeof(in) - 1));
	expect("\"a\\\"\\\\\\u000a\\u0001\\u007f\\u003c/script>\\u2028\\u2029 "
	       "\xc3\xa9 \\ufffd\xf0\x9f\x98\x80\"");
	mw_out_json(&got, mw_slice("a\0b", 3));
	mw_out_json_str(&got, "");
	expect("\"a\\u0000b\"\"\"");
}

static void test_csv(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a,b \"c\"", "\"a,b \"\"c\"\"\"" },
		{ "=1+1", "\"'=1+1\"" },
		{ "+1", "\"'+1\"" },
		{ "-1", "\"'-1\"" },
		{ "@SUM(1)", "\"'@SUM(1)\"" },
		{ "a=1+1-2@x", "\"a=1+1-2@x\"" },
		{ "  =1", "\"'  =1\"" },
		{ "\t=1", "\"'\\t=1\"" },
		{ "\r\n=1", "\"'\\r\\n=1\"" },
		{ "\tx", "\"\\tx\"" },
		{ "\xef\xbc\x9d" "1", "\"'\xef\xbc\x9d" "1\"" },
		{ "\xef\xbc\xa0", "\"'\xef\xbc\xa0\"" },
		{ "\xef\xbc", "\"\\xef\\xbc\"" },
		{ "a;b;=c;\t@d;;-", "\"a;b;'=c;'\\t@d;;'-\"" },
		{ "two\nlines\x1b[1m", "\"two\\nlines\\x1b[1m\"" },
		{ "c:\\x", "\"c:\\\\x\"" },
		{ "\xe2\x80\xae" "fdp", "\"\\u{202e}fdp\"" },
		{ "\xc3\xa9", "\"\xc3\xa9\"" },
	};
	static const struct {
		const char *in, *want;
	} raw[] = {
		{ "{\"a\":\t\"x\\n=\"}", "\"{\"\"a\"\": \"\"x\\n=\"\"}\"" },
		{ "-1", "\"'-1\"" },
		{ "[\"\xe2\x80\xae\"]", "\"[\"\"\\u202e\"\"]\"" },
		{ "[\"\xf3\xa0\x81\x81\"]", "\"[\"\"\\udb40\\udc41\"\"]\"" }, /* a tag character */
		{ "[\"\x7f\"]", "\"[\"\"\\u007f\"\"]\"" },
		{ "[\";=1\"]", "\"[\"\";'=1\"\"]\"" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mw_out_csv(&got, mw_slice_str(cases[i].in));
		expect(cases[i].want);
	}
	for (i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		mw_out_csv_raw(&got, mw_slice_str(raw[i].in));
		expect(raw[i].want);
	}
}

static void test_numbers(void **state)
{
	uint64_t v = 7;

	mw_out_u64(&got, 0);
	mw_out_char(&got, ' ');
	mw_out_u64(&got, UINT64_MAX);
	mw_out_char(&got, ' ');
	mw_out_i64(&got, INT64_MIN);
	mw_out_char(&got, ' ');
	mw_out_time(&got, 1000000001);
	expect("0 18446744073709551615 -9223372036854775808 "
	       "1970-01-01T00:00:01.000000001Z");
	assert_int_equal(mw_out_number(mw_slice_str("18446744073709551616"), &v), -EINVAL);
	assert_int_equal(mw_out_number(mw_slice_str("-1"), &v), -EINVAL);
	assert_int_equal(mw_out_number(mw_slice_str("1e3"), &v), -EINVAL);
	assert_int_equal(mw_out_number(mw_slice_str(""), &v), -EINVAL);
	assert_int_equal(v, 7);
	assert_int_equal(mw_out_number(mw_slice_str("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
}

static void test_values(void **state)
{
	const struct mw_slice o =
	    mw_slice_str("{\"a\":{\"b\":\"x\\u0041\"},\"l\":[1,[2,{}],\"three\"],\"n\":12}");
	struct mw_json_array a;
	struct mw_slice s;
	struct mw_buf tmp;

	mw_buf_init(&tmp, &mw_heap, 100);
	assert_int_equal(mw_out_text(mw_out_get(mw_out_get(o, "a"), "b"), &tmp, &s), 0);
	assert_true(mw_slice_eq_str(s, "xA"));
	assert_int_equal(mw_out_text(mw_out_get(o, "n"), &tmp, &s), 0);
	assert_true(mw_slice_eq_str(s, "12"));
	assert_int_equal(mw_out_text(mw_out_get(o, "none"), &tmp, &s), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(mw_out_get(mw_out_get(o, "n"), "b").n, 0);

	mw_json_array_init(&a, mw_out_get(o, "l"));
	assert_true(mw_json_array_next(&a, &s) && mw_slice_eq_str(s, "1"));
	assert_true(mw_json_array_next(&a, &s) && mw_slice_eq_str(s, "[2,{}]"));
	assert_true(mw_json_array_next(&a, &s) && mw_slice_eq_str(s, "\"three\""));
	assert_false(mw_json_array_next(&a, &s));
	assert_false(mw_json_array_next(&a, &s));
	mw_json_array_init(&a, mw_out_get(o, "a"));
	assert_false(mw_json_array_next(&a, &s));
	mw_json_array_init(&a, mw_slice(NULL, 0));
	assert_false(mw_json_array_next(&a, &s));

	/* longer than the buffer may become */
	tmp.max = 2;
	mw_buf_done(&tmp);
	assert_int_equal(mw_out_text(mw_slice_str("\"abc\\n\""), &tmp, &s), -E2BIG);
	mw_buf_done(&tmp);
}

/* Wherever in a text what is not plain stands, and whatever stands behind it. */
static void test_runs(void **state)
{
	static const uint8_t odd[] = { 0, 0x1f, '"', '\\', '<', 0x7f, 0x80, 0xff };
	struct mw_outbuf o = { 0 };
	uint8_t in[48];

	for (size_t n = 0; n <= sizeof(in); n++)
		for (size_t at = 0; at <= n; at++)
			for (size_t i = 0; i < sizeof(odd); i++) {
				memset(in, 'a', sizeof(in));
				if (at < n)
					in[at] = odd[i];
				mw_out_char(&o, '>');
				assert_ptr_equal(mw_out_run(&o, in, in + n, "\"\\<"), in + at);
				assert_int_equal(o.len, 1 + at);
				assert_memory_equal(o.p + 1, in, at);
				o.len = 0;
			}
	mw_out_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	cmocka_unit_test(test_csv),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_values),
		cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
