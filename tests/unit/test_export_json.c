/* SPDX-License-Identifier: Apache-2.0 */
/* members of the timeline's JSON (export_json.c), and its lines of text (export_text.c) */
#include "support.h"

#include "io/export_json.h"
#include "io/export_out.h"
#include "io/export_text.h"
#include "io/heap.h"

static struct mw_outbuf got;

static struct mw_ejson begin(size_t text_max)
{
	return (struct mw_ejson){ .o = &got, .text_max = text_max };
}

static void expect(const char *want)
{
	assert_int_equal(mw_out_error(&got), 0);
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.p, want, got.len);
	mw_out_done(&got);
}

static void members_have_commas(void **state)
{
	struct mw_ejson j = begin(0);

	mw_ejson_open(&j, NULL, '{');
	mw_ejson_str(&j, "a", "x\"y");
	mw_ejson_u64(&j, "b", UINT64_MAX);
	mw_ejson_open(&j, "c", '[');
	mw_ejson_i64(&j, NULL, -5);
	mw_ejson_bool(&j, NULL, true);
	mw_ejson_close(&j, ']');
	mw_ejson_open(&j, "d", '{');
	mw_ejson_close(&j, '}');
	mw_ejson_bool(&j, "e", false);
	mw_ejson_close(&j, '}');
	expect(
	    "{\"a\":\"x\\\"y\",\"b\":18446744073709551615,\"c\":[-5,true],\"d\":{},\"e\":false}");
}

static void raw(const char *in, const char *want)
{
	struct mw_ejson j = begin(0);

	mw_ejson_raw(&j, NULL, mw_slice_str(in));
	expect(want);
}

static void raw_values_stay(void **state)
{
	raw("{\"a\":[1,\"b\\n\\u0041\\\\\"]}", "{\"a\":[1,\"b\\n\\u0041\\\\\"]}");
	raw("\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	raw("\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\"");
	raw("", "");
}

static void raw_values_trip_nobody(void **state)
{
	/* U+0085, U+2028, U+2029; white space; not UTF-8; lone surrogates */
	raw("\"\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\"", "\"\\u0085\\u2028\\u2029\"");
	raw("[1,\r\t2]", "[1,  2]");
	raw("\"a\xff\xc3\"", "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	raw("\"\\ud800\"", "\"\\ufffd\"");
	raw("\"\\uD83Dx\\udc00\\\\ud800\"", "\"\\ufffdx\\ufffd\\\\ud800\"");
	raw("\"\\ud800\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\"");
}

static void kinds_are_kept_apart(void **state)
{
	struct mw_ejson j = begin(0);

	mw_ejson_open(&j, NULL, '{');
	mw_ejson_raw_int(&j, "a", MW_SLICE_LIT("12"));
	mw_ejson_raw_int(&j, "b", MW_SLICE_LIT("-1"));
	mw_ejson_raw_int(&j, "c", MW_SLICE_LIT("9223372036854775808"));
	mw_ejson_raw_int(&j, "d", MW_SLICE_LIT("\"1\""));
	mw_ejson_raw_int(&j, "e", MW_SLICE_LIT("1.0"));
	mw_ejson_raw_str(&j, "f", MW_SLICE_LIT("-1.5"));
	mw_ejson_raw_str(&j, "g", MW_SLICE_LIT("{}"));
	mw_ejson_raw_str(&j, "h", MW_SLICE_LIT("null"));
	mw_ejson_raw_text(&j, "i", MW_SLICE_LIT("{\"x\":\"\\n\"}"));
	mw_ejson_raw_text(&j, "k", MW_SLICE_LIT("\"\\u0041\\n\""));
	mw_ejson_close(&j, '}');
	expect("{\"a\":12,\"f\":\"-1.5\",\"i\":\"{\\\"x\\\":\\\"\\\\n\\\"}\",\"k\":\"A\\u000a\"}");
}

static void long_texts_are_cut(void **state)
{
	struct mw_ejson j = begin(40);

	/* 8 bytes are left beside the mark; no character is cut in two */
	mw_ejson_text(&j, NULL,
		      MW_SLICE_LIT("1234567\xc3\xa9"
				   "bcdefghijklmnopqrstuvwxyz01234567890123456789"));
	expect("\"1234567[CUT:54]\"");
	j = begin(40);
	mw_ejson_text(&j, NULL, MW_SLICE_LIT("0123456789012345678901234567890123456789"));
	expect("\"0123456789012345678901234567890123456789\"");
	j = begin(40);
	mw_ejson_raw_str(&j, NULL, MW_SLICE_LIT("\"012345678901234567890123456789012345678901\""));
	expect("\"01234567[CUT:42]\"");
}

static void depth_is_of_brackets(void **state)
{
	assert_int_equal(mw_ejson_depth(MW_SLICE_LIT("1"), 9), 0);
	assert_int_equal(mw_ejson_depth(MW_SLICE_LIT("\"[[[\""), 9), 0);
	assert_int_equal(mw_ejson_depth(MW_SLICE_LIT("{\"[\\\"{\":[[],[]]}"), 9), 3);
	assert_int_equal(mw_ejson_depth(MW_SLICE_LIT("[[[[[["), 3), 3);
}

static void line_of(const char *type, const char *members, const char *want)
{
	struct mw_logrec_member m[16];
	struct mw_logrec rec = { .type = type, .members = m };
	struct mw_export_item item = {
		.rec = &rec,
		.host = "h",
		.tie = { .call = "c1", .link = "sole", .confidence = "likely" },
		.joined = "",
	};
	struct mw_json j;
	struct mw_json_item it;
	struct mw_buf out;

	mw_buf_init(&out, &mw_heap, 1u << 20);
	mw_json_init(&j, mw_slice_str(members), 32);
	assert_int_equal(mw_json_next(&j, &it), 1);
	while (mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_KEY) {
		m[rec.n_members].key = mw_slice(it.raw.p + 1, it.raw.n - 2);
		assert_int_equal(mw_json_skip(&j, &it, &m[rec.n_members++].value), 0);
	}
	assert_int_equal(mw_etext_line(&item, &out), 0);
	assert_int_equal(out.len, strlen(want));
	assert_memory_equal(out.p, want, out.len);
	mw_buf_done(&out);
}

static void what_a_record_tells(void **state)
{
	line_of("call",
		"{\"server\":{\"id\":\"s1\",\"name\":\"s\"},\"method\":\"tools/"
		"call\",\"tool\":\"t\\u0041\","
		"\"status\":\"ok\",\"elapsed_ms\":1.5,\"effects_n\":2}",
		"s tA: ok, ms: 1.5, effects: 2");
	line_of("effect",
		"{\"kind\":\"file.open\",\"mode\":\"r\",\"target\":\"/x\",\"result\":\"ok\"}",
		"file.open r /x: ok, tie: sole to c1 (likely)");
	line_of("gap", "{\"reason\":\"events_lost\",\"events\":3}",
		"GAP: evidence is missing: events_lost, events: 3");
	line_of("alert", "{\"rule\":\"r\",\"severity\":\"high\",\"title\":\"t\"}",
		"ALERT high r: t");
	line_of("later", "{\"x\":1}", "later");
	line_of("call", "{\"server\":7,\"tool\":[],\"status\":{}}", "[]: {}");
}

static void what_the_export_is(void **state)
{
	struct mw_export_input in[2] = { { .path = "/p", .host = "h1" },
					 { .path = "/q", .host = "" } };
	struct mw_export_about about = {
		.inputs = in, .n_inputs = 2, .filter = "--tool x", .records = 5
	};
	struct mw_buf out;

	mw_buf_init(&out, &mw_heap, 1u << 20);
	assert_int_equal(mw_etext_about(&about, &out), 0);
	assert_int_equal(mw_buf_append_byte(&out, 0), 0);
	assert_non_null(strstr((char *)out.p, "from h1 (a file that nothing proves), /q"));
	assert_non_null(strstr((char *)out.p, "records 5"));
	assert_non_null(strstr((char *)out.p, "filter: --tool x"));
	about.wrong = "record 7 was edited";
	assert_int_equal(mw_etext_about(&about, &out), 0);
	assert_memory_equal(out.p, "DO NOT RELY ON THIS", 19);
	mw_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_have_commas),	  cmocka_unit_test(raw_values_stay),
		cmocka_unit_test(raw_values_trip_nobody), cmocka_unit_test(kinds_are_kept_apart),
		cmocka_unit_test(long_texts_are_cut),	  cmocka_unit_test(depth_is_of_brackets),
		cmocka_unit_test(what_a_record_tells),	  cmocka_unit_test(what_the_export_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
