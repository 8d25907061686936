/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "io/export_out.h"
#include "io/heap.h"

static char *got;
static size_t got_len;

static FILE *begin(void)
{
	free(got);
	got = NULL;
	return open_memstream(&got, &got_len);
}

static void test_json(void **state)
{
	static const char in[] = "a\"\\\n\x01\x7f</script>\xe2\x80\xa8\xe2\x80\xa9 \xc3\xa9 \xff"
				 "\xf0\x9f\x98\x80";
	FILE *f = begin();

	mw_out_json(f, mw_slice(in, sizeof(in) - 1));
	fclose(f);
	assert_string_equal(got, "\"a\\\"\\\\\\u000a\\u0001\\u007f\\u003c/script>\\u2028\\u2029 "
				 "\xc3\xa9 \\ufffd\xf0\x9f\x98\x80\"");
	f = begin();
	mw_out_json(f, mw_slice("a\0b", 3));
	mw_out_json_str(f, "");
	fclose(f);
	assert_string_equal(got, "\"a\\u0000b\"\"\"");
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
	FILE *f;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f = begin();
		mw_out_csv(f, mw_slice_str(cases[i].in));
		fclose(f);
		assert_string_equal(got, cases[i].want);
	}
	for (i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		f = begin();
		mw_out_csv_raw(f, mw_slice_str(raw[i].in));
		fclose(f);
		assert_string_equal(got, raw[i].want);
	}
}

static void test_numbers(void **state)
{
	uint64_t v = 7;
	FILE *f = begin();

	mw_out_u64(f, 0);
	mw_out_char(f, ' ');
	mw_out_u64(f, UINT64_MAX);
	mw_out_char(f, ' ');
	mw_out_i64(f, INT64_MIN);
	mw_out_char(f, ' ');
	mw_out_time(f, 1000000001);
	fclose(f);
	assert_string_equal(got, "0 18446744073709551615 -9223372036854775808 "
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_values),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	free(got);
	return r;
}
