/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <time.h>

#include "base/json.h"
#include "core/record.h"

struct fx {
	struct mw_buf out, scratch;
	struct mw_emit_head head;
	struct mw_emit r;
};

static void begin(struct fx *f, const struct mw_alloc *a)
{
	memset(f, 0, sizeof(*f));
	mw_buf_init(&f->out, a, 4u << 20);
	mw_buf_init(&f->scratch, a, 64u << 20);
	f->head.host = mw_slice_str("h");
	mw_emit_begin(&f->r, &f->out, &f->scratch, &f->head, "t", 1500000000);
}

#define HEAD "{\"v\":1,\"seq\":0,\"time\":\"1970-01-01T00:00:01.500000000Z\",\"boot_ns\":1500000000," \
	     "\"host\":\"h\",\"type\":\"t\""

static void done(struct fx *f)
{
	mw_buf_done(&f->out);
	mw_buf_done(&f->scratch);
}

/* Ends the record and checks that it is sound; what stands behind the head. */
static const char *end(struct fx *f)
{
	unsigned int flags;

	assert_int_equal(mw_emit_end(&f->r, &f->head), 0);
	assert_true(f->out.len <= MW_RECORD_MAX);
	assert_int_equal(mw_json_check(mw_buf_slice(&f->out), 16, &flags, NULL), 0);
	assert_int_equal(flags & (MW_JSON_BAD_UTF8 | MW_JSON_DUP), 0);
	assert_int_equal(mw_buf_append_byte(&f->out, 0), 0);
	assert_int_equal(strncmp((char *)f->out.p, HEAD, strlen(HEAD)), 0);
	return (char *)f->out.p + strlen(HEAD);
}

#define expect(f, want)                                 \
	do {                                            \
		assert_string_equal(end(f), want "}");  \
		done(f);                                \
	} while (0)

static void each_builder(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0xab, 0xff };
	struct fx f;

	begin(&f, &test_alloc);
	mw_emit_str(&f.r, "a", "x y");
	mw_emit_str(&f.r, "none", "");
	mw_emit_str(&f.r, "none", NULL);
	mw_emit_u64(&f.r, "b", UINT64_MAX);
	mw_emit_i64(&f.r, "c", INT64_MIN);
	mw_emit_true(&f.r, "d", true);
	mw_emit_true(&f.r, "none", false);
	mw_emit_ms(&f.r, "e", 1234567899);
	mw_emit_ms(&f.r, "e2", 999);
	mw_emit_hex(&f.r, "f", bytes, sizeof(bytes));
	mw_emit_id(&f.r, "g", 'c', 0xbeef, 7);
	mw_emit_time(&f.r, "h", &f.head, 0);
	mw_emit_text(&f.r, "i", mw_slice("t\0u", 3));
	mw_emit_text(&f.r, "none", mw_slice(NULL, 0));
	mw_emit_argv(&f.r, "j", mw_slice("a\0b c\0", 6));
	mw_emit_argv(&f.r, "none", mw_slice(NULL, 0));
	assert_true(mw_emit_json(&f.r, "k", mw_slice_str(" { \"x\" : [1, 2.50 ] }"), 100));
	assert_true(mw_emit_json(&f.r, "none", mw_slice(NULL, 0), 100));
	assert_false(mw_emit_json(&f.r, "none", mw_slice_str("[1,2]"), 4));
	assert_true(mw_emit_json(&f.r, "k2", mw_slice_str("[1,2]"), 5));
	mw_emit_json_str(&f.r, "l", mw_slice_str("\"a\\u0062\\n\""));
	mw_emit_json_str(&f.r, "none", mw_slice_str("\"\""));
	mw_emit_open(&f.r, "m", '[');
	mw_emit_open(&f.r, NULL, '{');
	mw_emit_close(&f.r, '}');
	mw_emit_u64(&f.r, NULL, 1);
	mw_emit_str(&f.r, NULL, "s");
	mw_emit_close(&f.r, ']');
	mw_emit_escaped(&f.r, "n", mw_slice_str("\\n"));
	mw_emit_cut(&f.r, "o", 77);
	expect(&f, ",\"a\":\"x y\",\"b\":18446744073709551615,\"c\":-9223372036854775808,\"d\":true,"
		   "\"e\":1234.567,\"e2\":0.000,\"f\":\"00abff\",\"g\":\"c0000beef-7\","
		   "\"h\":\"1970-01-01T00:00:00.000000000Z\",\"i\":\"t\\u0000u\",\"j\":[\"a\",\"b c\"],"
		   "\"k\":{\"x\":[1,2.50]},\"k2\":[1,2],\"l\":\"ab\\n\",\"m\":[{},1,\"s\"],\"n\":\"\\n\","
		   "\"o\":\"[CUT:77]\"");
	assert_int_equal(f.head.seq, 1);
}

static void redacted_on_the_way(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	mw_emit_text(&f.r, "a", mw_slice_str("password=hunter2"));
	mw_emit_argv(&f.r, "b", mw_slice("x\0--token\0abc\0", 14));
	assert_true(mw_emit_json(&f.r, "c", mw_slice_str("{\"api_key\":\"abc\"}"), 100));
	mw_emit_json_str(&f.r, "d", mw_slice_str("\"https://u:pass@h/\""));
	assert_null(strstr(end(&f), "hunter2"));
	assert_null(strstr((char *)f.out.p, "abc"));
	assert_null(strstr((char *)f.out.p, ":pass"));
	done(&f);
}

static void lossy_is_said(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	mw_emit_text(&f.r, "a", mw_slice_str("\xff."));
	expect(&f, ",\"a\":\"\\ufffd.\",\"lossy\":true");
}

static void the_first_error_counts(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	assert_true(mw_emit_json(&f.r, "a", mw_slice_str("{]"), 100));
	mw_emit_u64(&f.r, "b", 1);
	mw_emit_text(&f.r, "c", mw_slice_str("x"));
	mw_emit_argv(&f.r, "d", mw_slice("x\0", 2));
	mw_emit_json_str(&f.r, "e", mw_slice_str("\"x\""));
	assert_int_equal(mw_emit_end(&f.r, &f.head), -EBADMSG);
	assert_int_equal(f.out.len, 0);
	assert_int_equal(f.head.seq, 0);
	/* what is behind another record leaves that one alone */
	mw_emit_begin(&f.r, &f.out, &f.scratch, &f.head, "t", 0);
	assert_int_equal(mw_emit_end(&f.r, &f.head), 0);
	size_t len = f.out.len;
	mw_emit_begin(&f.r, &f.out, &f.scratch, &f.head, "t", 0);
	mw_emit_json_str(&f.r, "e", mw_slice_str("1"));
	assert_int_equal(mw_emit_end(&f.r, &f.head), -EINVAL);
	assert_int_equal(f.out.len, len);
	assert_int_equal(f.head.seq, 1);
	done(&f);
}

static void too_long_is_refused(void **state)
{
	char *p = malloc(70000);
	struct fx f;

	memset(p, 'x', 70000);
	begin(&f, &test_alloc);
	mw_emit_escaped(&f.r, "a", mw_slice(p, 70000));
	assert_int_equal(mw_emit_end(&f.r, &f.head), -E2BIG);
	done(&f);
	free(p);
}

/* A text of n bytes made of these; every length around the place where it is cut. */
static void cut_everywhere(const char *unit, size_t from, size_t to)
{
	size_t n = strlen(unit), i;
	uint8_t *p = malloc(to + n);
	struct fx f;
	char mark[32];

	for (i = 0; i < to + n; i++)
		p[i] = (uint8_t)unit[i % n];
	for (i = from; i < to; i++) {
		begin(&f, &test_alloc);
		/* the room before it moves the place of the cut */
		mw_emit_text_max(&f.r, "a", mw_slice(p, to), i);
		end(&f);
		snprintf(mark, sizeof(mark), "[CUT:%zu]\"", to);
		assert_non_null(strstr((char *)f.out.p, mark));
		done(&f);
	}
	free(p);
}

static void cuts_never_split(void **state)
{
	cut_everywhere("\\", 0, 40);
	cut_everywhere("\\", 5000, 5010);
	cut_everywhere("\"a", 0, 40);
	cut_everywhere("\x01", 0, 40);
	cut_everywhere("\\u0041", 0, 40);
	cut_everywhere("a\\\x01\\\\", 0, 60);
	cut_everywhere("\xc3\xa9", 0, 40);
	cut_everywhere("\xe2\x82\xac", 0, 40);
	cut_everywhere("\xf0\x9f\x98\x80", 0, 40);
	cut_everywhere("\xff", 0, 40);
	cut_everywhere("\xe2\x80\xa8", 0, 40);
	cut_everywhere("x\xf0\x9f\x98\x80\\", 0, 60);
}

static void cut_argv(void **state)
{
	char *p = malloc(100000);
	const char *s;
	struct fx f;
	size_t i, n;

	/* whole arguments, then the mark */
	for (i = 0; i < 8192; i++)
		p[i] = i % 2 ? '\0' : '\x01';
	begin(&f, &test_alloc);
	mw_emit_argv(&f.r, "a", mw_slice(p, 8192));
	s = end(&f);
	assert_non_null(strstr(s, "\"\\u0001\",\"[CUT:8192]\"]"));
	done(&f);
	/* one that is too long alone */
	memset(p, 'x', 100000);
	p[99999] = '\0';
	begin(&f, &test_alloc);
	mw_emit_argv(&f.r, "a", mw_slice(p, 100000));
	expect(&f, ",\"a\":[\"[CUT:100000]\"]");
	/* at every length */
	for (n = MW_EMIT_TEXT_MAX - 40; n < MW_EMIT_TEXT_MAX + 10; n++) {
		for (i = 0; i < n; i++)
			p[i] = i % 7 == 6 ? '\0' : 'y';
		p[n - 1] = '\0';
		begin(&f, &test_alloc);
		mw_emit_argv(&f.r, "a", mw_slice(p, n));
		end(&f);
		done(&f);
	}
	free(p);
}

/* Whatever its contents, a record with many texts is never too long. */
static void always_fits(void **state)
{
	static const uint8_t fill[] = { 0x01, 0xff, '\\', 'x', '"', 0x00 };
	uint8_t *p = malloc(4095);
	char *big = malloc(30000);
	char key[8];
	struct fx f;
	size_t i, k;

	memset(big, '7', 30000);
	for (i = 0; i < sizeof(fill); i++) {
		memset(p, fill[i], 4095);
		begin(&f, &test_alloc);
		for (k = 0; k < 40; k++) {
			snprintf(key, sizeof(key), "k%zu", k);
			mw_emit_text(&f.r, key, mw_slice(p, 4095));
			if (k == 3 || k == 20)
				(void)mw_emit_json(&f.r, k == 3 ? "j" : "j2", mw_slice(big, 14336), 14336);
			if (k == 5)
				mw_emit_argv(&f.r, "argv", mw_slice(p, 4095));
		}
		assert_true(mw_emit_room(&f.r) <= MW_RECORD_MAX);
		end(&f);
		done(&f);
	}
	free(p);
	free(big);
}

/* A raw string of any length: a name of 2 MiB does not lose the record it stands in. */
static void long_raw_strings(void **state)
{
	size_t n = 2u << 20, i;
	char *p = malloc(n + 2);
	struct fx f;
	static const char *const units[] = { "x", "\\u0041", "\\\\", "\xc3\xa9", "\\ud83d\\ude00", "\xff" };

	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t u = strlen(units[i]), k, len = n / u * u;

		p[0] = '"';
		for (k = 0; k < len; k++)
			p[1 + k] = units[i][k % u];
		p[1 + len] = '"';
		begin(&f, &test_alloc);
		mw_emit_json_str(&f.r, "a", mw_slice(p, len + 2));
		mw_emit_u64(&f.r, "b", 1);
		assert_non_null(strstr(end(&f), "[CUT:"));
		done(&f);
	}
	free(p);
}

/* --- bodies --------------------------------------------------------------------------------------- */

/* The parts, decoded and joined, are the exact redacted text. */
static void check_body(const char *value, size_t n, const char *want, size_t want_n, size_t want_parts)
{
	struct mw_buf text, scratch, joined, part;
	bool lossy = false;
	size_t parts, i;

	mw_buf_init(&text, &test_alloc, 64u << 20);
	mw_buf_init(&scratch, &test_alloc, 64u << 20);
	mw_buf_init(&joined, &test_alloc, 64u << 20);
	mw_buf_init(&part, &test_alloc, 64u << 20);
	assert_int_equal(mw_emit_body(NULL, &text, &scratch, mw_slice(value, n), &lossy, &parts), 0);
	assert_false(lossy);
	if (want_parts)
		assert_int_equal(parts, want_parts);
	for (i = 0; i < parts; i++) {
		struct mw_slice s = mw_emit_body_part(mw_buf_slice(&text), i);

		assert_true(s.n > 0 && s.n <= MW_EMIT_PART_MAX);
		part.len = 0;
		assert_int_equal(mw_buf_append_byte(&part, '"'), 0);
		assert_int_equal(mw_buf_append(&part, s.p, s.n), 0);
		assert_int_equal(mw_buf_append_byte(&part, '"'), 0);
		assert_int_equal(mw_json_check(mw_buf_slice(&part), 2, NULL, NULL), 0);
		assert_int_equal(mw_json_str_decode(mw_buf_slice(&part), &joined), 0);
	}
	assert_int_equal(mw_emit_body_part(mw_buf_slice(&text), parts).n, 0);
	assert_int_equal(joined.len, want_n);
	assert_memory_equal(joined.p, want, want_n);
	mw_buf_done(&text);
	mw_buf_done(&scratch);
	mw_buf_done(&joined);
	mw_buf_done(&part);
}

static void bodies_join(void **state)
{
	static const char *const units[] = { "x", "\\\\", "\\u0001", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\\"" };
	char *p = malloc(400000);
	size_t i, n, u, k;

	check_body("[1]", 3, "[1]", 3, 1);
	check_body(" [ 1 ] ", 7, "[1]", 3, 1);
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		u = strlen(units[i]);
		for (n = 59990; n < 60010; n++) {
			size_t len = n / u * u, at = n % 3;

			memset(p, 'a', at + 1); /* moves it by a byte or two */
			p[0] = '"';
			for (k = 0; k < len; k++)
				p[1 + at + k] = units[i][k % u];
			p[1 + at + len] = '"';
			check_body(p, len + at + 2, p, len + at + 2, 0);
		}
		size_t len = 300000 / u * u;
		p[0] = '"';
		for (k = 0; k < len; k++)
			p[1 + k] = units[i][k % u];
		p[1 + len] = '"';
		check_body(p, len + 2, p, len + 2, 0);
	}
	free(p);
}

static void bodies_are_cut(void **state)
{
	size_t n = 3u << 20, parts, i, total = 0;
	struct mw_buf text, scratch;
	char *p = malloc(n);
	bool lossy = false;

	for (i = 0; i < n; i++)
		p[i] = "\xc3\xa9"[i % 2];
	p[0] = p[n - 1] = '"';
	p[1] = 'x';
	p[n - 2] = 'x';
	mw_buf_init(&text, &test_alloc, 64u << 20);
	mw_buf_init(&scratch, &test_alloc, 64u << 20);
	assert_int_equal(mw_emit_body(NULL, &text, &scratch, mw_slice(p, n), &lossy, &parts), 0);
	assert_false(lossy);
	for (i = 0; i < parts; i++)
		total += mw_emit_body_part(mw_buf_slice(&text), i).n;
	assert_int_equal(total, text.len);
	assert_true(text.len < MW_EMIT_BODY_MAX + 100 && text.len > MW_EMIT_BODY_MAX - 100);
	assert_memory_equal(text.p + text.len - 13, "[CUT:3145728]", 13);
	mw_buf_done(&text);
	mw_buf_done(&scratch);
	free(p);
}

/* --- time ----------------------------------------------------------------------------------------- */

static void times(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} known[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ -1000000000, "1969-12-31T23:59:59.000000000Z" },
		{ 951782399999999999, "2000-02-28T23:59:59.999999999Z" },
		{ 951782400000000000, "2000-02-29T00:00:00.000000000Z" },
		{ 1709164800000000000, "2024-02-29T00:00:00.000000000Z" },
		{ 1709251200000000000, "2024-03-01T00:00:00.000000000Z" },
		{ 1735689599000000001, "2024-12-31T23:59:59.000000001Z" },
		{ 4107542400000000000, "2100-03-01T00:00:00.000000000Z" }, /* no leap year */
		{ 4107542399000000000, "2100-02-28T23:59:59.000000000Z" },
		{ 1795251600123456789, "2026-11-21T09:00:00.123456789Z" },
		{ -2208988800000000000, "1900-01-01T00:00:00.000000000Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};
	char text[MW_TIME_LEN + 1], want[MW_TIME_LEN + 1];
	int64_t day;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		mw_time_print(known[i].ns, text);
		assert_string_equal(text, known[i].text);
	}
	for (day = -100000; day < 100000; day += 13) { /* against the C library */
		time_t t = (time_t)day * 86400 + 12345;
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm), MW_TIME_LEN);
		mw_time_print((int64_t)t * 1000000000, text);
		assert_string_equal(text, want);
	}
}

static void time_beyond_the_end(void **state)
{
	char text[MW_TIME_LEN + 1];
	struct fx f;

	begin(&f, &test_alloc);
	f.head.realtime_ns = INT64_MAX;
	mw_emit_time(&f.r, "a", &f.head, UINT64_MAX / 2); /* a hostile capture: any time, no crash */
	mw_emit_time(&f.r, "b", &f.head, UINT64_MAX);
	end(&f);
	done(&f);
	mw_time_print(INT64_MIN, text);
}

static void memory_fails(void **state)
{
	struct fx f;

	TEST_EACH_FAILURE(n)
	{
		begin(&f, &test_alloc_failing);
		mw_emit_text(&f.r, "a", mw_slice_str("password=x"));
		mw_emit_argv(&f.r, "b", mw_slice("x\0--token\0y\0", 12));
		(void)mw_emit_json(&f.r, "c", mw_slice_str("{\"x\":\"{\\\"token\\\":1}\"}"), 100);
		mw_emit_json_str(&f.r, "d", mw_slice_str("\"x\""));
		int r = mw_emit_end(&f.r, &f.head);

		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		assert_int_equal(f.head.seq, r == 0);
		assert_true(r == 0 || f.out.len == 0);
		done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_builder),
		cmocka_unit_test(redacted_on_the_way),
		cmocka_unit_test(lossy_is_said),
		cmocka_unit_test(the_first_error_counts),
		cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(cuts_never_split),
		cmocka_unit_test(cut_argv),
		cmocka_unit_test(always_fits),
		cmocka_unit_test(long_raw_strings),
		cmocka_unit_test(bodies_join),
		cmocka_unit_test(bodies_are_cut),
		cmocka_unit_test(times),
		cmocka_unit_test(time_beyond_the_end),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
