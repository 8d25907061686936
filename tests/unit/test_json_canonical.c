/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <inttypes.h>

#include "base/json.h"

static int canonical(const char *text, struct mw_buf *out)
{
	mw_buf_init(out, &test_alloc, 1 << 20);
	return mw_json_canonical(mw_slice_str(text), out);
}

static void same(const char *text, const char *want)
{
	struct mw_buf out, again;
	int r = canonical(text, &out);

	if (r < 0)
		fail_msg("%s: %d", text, r);
	assert_buf_equal(&out, want);
	mw_buf_init(&again, &test_alloc, 1 << 20);
	assert_int_equal(mw_json_canonical(mw_buf_slice(&out), &again), 0);
	assert_buf_equal(&again, want);
	mw_buf_done(&again);
	mw_buf_done(&out);
}

static void refused(const char *text, int want)
{
	struct mw_buf out;
	int r = canonical(text, &out);

	if (r != want)
		fail_msg("%s: %d", text, r);
	assert_int_equal(out.len, 0);
	mw_buf_done(&out);
}

/* RFC 8785, 3.2.2 and 3.2.3 */
static void the_examples_of_the_rfc(void **state)
{
	same("{\n\"numbers\": [333333333.33333329, 1E30, 4.50,\n2e-3, 0.000000000000000000000000001],\n"
	     "\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
	     "\"literals\": [null, true, false]\n}",
	     "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
	     "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
	same("{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", \"\\ufb33\": \"Hebrew\", \"1\": "
	     "\"One\", \"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\", "
	     "\"\\u00f6\": \"Latin\"}",
	     "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"\xC3\xB6\":\"Latin\","
	     "\"\xE2\x82\xAC\":\"Euro Sign\",\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
	     "\"\xEF\xAC\xB3\":\"Hebrew\"}");
}

/* RFC 8785, appendix B, given to 17 digits and exactly */
static void the_numbers_of_the_rfc(void **state)
{
	static const struct {
		uint64_t bits;
		const char *want;
	} cases[] = {
		{ 0x0000000000000000, "0" },
		{ 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" },
		{ 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" },
		{ 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
		{ 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
		{ 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
		{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" },
		{ 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" },
		{ 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" },
		{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
		/* beyond the RFC: where the nearest of the fewest digits is not good enough */
		{ 0x3d30000000000000, "5.684341886080802e-14" },
		{ 0x0010000000000000, "2.2250738585072014e-308" },
		{ 0x000fffffffffffff, "2.225073858507201e-308" },
		{ 0x0000000000000002, "1e-323" },
		{ 0x0000000000000003, "1.5e-323" },
		{ 0x3ff0000000000000, "1" },
		{ 0x3ff8000000000000, "1.5" },
		{ 0x4059000000000000, "100" },
		{ 0x3fb999999999999a, "0.1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[1200];
		double v;

		memcpy(&v, &cases[i].bits, sizeof(v));
		snprintf(text, sizeof(text), "%.17g", v);
		same(text, cases[i].want);
		snprintf(text, sizeof(text), "%.1100f", v);
		same(text, cases[i].want);
	}
}

static void numbers(void **state)
{
	char text[3000];

	same("-0", "0");
	same("-0.0", "0");
	same("0e0", "0");
	same("0e999999999999999999999999", "0");
	same("-0E-5", "0");
	same("1.0", "1");
	same("10", "10");
	same("-123456789012345", "-123456789012345");
	same("1234567890123456", "1234567890123456");
	same("9007199254740993", "9007199254740992");
	same("100e-2", "1");
	same("1e20", "100000000000000000000");
	same("1e21", "1e+21");
	same("123456e16", "1.23456e+21");
	same("1.5e-6", "0.0000015");
	same("1.5e-7", "1.5e-7");
	same("1e-400", "0");
	same("1e-999999999999999999999999", "0");
	same("1.7976931348623158079e308", "1.7976931348623157e+308");
	refused("1.797693134862315808e308", -EINVAL);
	refused("1e309", -EINVAL);
	refused("-1e309", -EINVAL);
	refused("[1e999999999999999999999999]", -EINVAL);

	/* half way between 1 and the next double, and a trace more in the 2000th place */
	memset(text, '0', sizeof(text));
	memcpy(text, "1.00000000000000011102230246251565404236316680908203125", 55);
	text[2000] = 0;
	same(text, "1");
	text[2000] = '1';
	text[2001] = 0;
	same(text, "1.0000000000000002");
	/* a long way round to 1 */
	memset(text, '0', sizeof(text));
	text[0] = '1';
	snprintf(text + 2000, 100, "e-1999");
	same(text, "1");
	memset(text, '0', sizeof(text));
	text[1] = '.';
	snprintf(text + 2000, 100, "12345E+1999");
	same(text, "1.2345");
}

static void containers(void **state)
{
	same("[ ]", "[]");
	same(" { } ", "{}");
	same("[[],{},[[]],{\"a\":{}}]", "[[],{},[[]],{\"a\":{}}]");
	same("{\"b\":[2,{\"d\":1,\"c\":{\"z\":0,\"y\":[]}}],\"a\":{\"\":1}}",
	     "{\"a\":{\"\":1},\"b\":[2,{\"c\":{\"y\":[],\"z\":0},\"d\":1}]}");
	same("{\"c\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2,\"c\":1}");
	same("{\"aa\":1,\"a\":2,\"\":3,\"ab\":4}", "{\"\":3,\"a\":2,\"aa\":1,\"ab\":4}");
	same("{\"\\u0062\":1,\"a\":2}", "{\"a\":2,\"b\":1}");
	same("\"x\"", "\"x\"");
	same("null", "null");
	same("\"\\u007f\\u2028\\/\"", "\"\x7F\xE2\x80\xA8/\"");
	/* U+FFFF is behind U+10000, U+D7FF before */
	same("{\"\\uffff\":1,\"\\ud800\\udc00\":2,\"\\ud7ff\":3,\"\\ue000\":4}",
	     "{\"\xED\x9F\xBF\":3,\"\xF0\x90\x80\x80\":2,\"\xEE\x80\x80\":4,\"\xEF\xBF\xBF\":1}");
}

static void what_has_no_canonical_form(void **state)
{
	refused("", -EBADMSG);
	refused("[1,]", -EBADMSG);
	refused("{\"a\":1", -EBADMSG);
	refused("{\"a\":1,\"a\":1}", -EINVAL);
	refused("{\"a\":1,\"b\":2,\"c\":{\"x\":0,\"y\":0,\"\\u0078\":1}}", -EINVAL);
	refused("\"\\ud800\"", -EINVAL);
	refused("{\"\\udc00\":1}", -EINVAL);
	refused("[\"\xFF\"]", -EINVAL);
	refused("[\"\xFF\"", -EBADMSG);
	refused("[{\"a\":1,\"a\":1},]", -EBADMSG);
}

static void depth(void **state)
{
	static char text[2 * 1025 + 1];
	struct mw_buf out;

	memset(text, '[', 1024);
	memset(text + 1024, ']', 1024);
	same(text, text);
	memset(text, '[', 1025);
	memset(text + 1025, ']', 1025);
	assert_int_equal(canonical(text, &out), -E2BIG);
	mw_buf_done(&out);
}

static void sorts_many(void **state)
{
	enum { N = 1000 };
	struct mw_buf in, want;
	char member[32];

	mw_buf_init(&in, &test_alloc, 1 << 20);
	mw_buf_init(&want, &test_alloc, 1 << 20);
	for (unsigned int i = 0; i < N; i++) {
		/* 7919 is prime to N: every number once */
		snprintf(member, sizeof(member), "%c\"%04u\":%u", i ? ',' : '{', i * 7919 % N, i);
		mw_buf_append_str(&in, member);
	}
	for (unsigned int k = 0; k < N; k++)
		for (unsigned int i = 0; i < N; i++)
			if (i * 7919 % N == k) {
				snprintf(member, sizeof(member), "%c\"%04u\":%u", k ? ',' : '{', k, i);
				mw_buf_append_str(&want, member);
			}
	mw_buf_append(&in, "}", 2);
	mw_buf_append(&want, "}", 2);
	same((char *)in.p, (char *)want.p);
	mw_buf_done(&in);
	mw_buf_done(&want);
}

static void leaves_the_buffer_on_failure(void **state)
{
	static const char text[] =
		"{\"b\":[1,2,3,4.5,{\"x\":\"\\n\"}],\"a\":\"0123456789012345678901234567890123456789"
		"01234567890123456789\"}";
	static const char want[] =
		"old{\"a\":\"012345678901234567890123456789012345678901234567890123456789\",\"b\":[1,2,3,"
		"4.5,{\"x\":\"\\n\"}]}";
	struct mw_buf out;

	TEST_EACH_FAILURE(n)
	{
		int r;

		mw_buf_init(&out, &test_alloc_failing, 1 << 20);
		if (mw_buf_append_str(&out, "old") == 0) {
			r = mw_json_canonical(mw_slice_str(text), &out);
			assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
			assert_buf_equal(&out, r < 0 ? "old" : want);
		}
		mw_buf_done(&out);
	}
	for (size_t max = 3; max < sizeof(want) - 1; max++) {
		mw_buf_init(&out, &test_alloc, max);
		mw_buf_append_str(&out, "old");
		assert_int_equal(mw_json_canonical(mw_slice_str(text), &out), -E2BIG);
		assert_buf_equal(&out, "old");
		mw_buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(the_numbers_of_the_rfc),
		cmocka_unit_test(numbers),
		cmocka_unit_test(containers),
		cmocka_unit_test(what_has_no_canonical_form),
		cmocka_unit_test(depth),
		cmocka_unit_test(sorts_many),
		cmocka_unit_test(leaves_the_buffer_on_failure),
	};

	return cmocka_run_group_tests_name("json_canonical", tests, NULL, NULL);
}
