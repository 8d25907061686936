/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "io/escape.h"

static void check(const char *in, size_t n, const char *want)
{
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	mw_escape_print(f, in, n);
	fclose(f);
	assert_string_equal(got, want);
	free(got);
}

static void test_escapes(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain ~ text", "plain ~ text" },
		{ "Grüße 日本", "Grüße 日本" },
		{ "\x1b[31mred\x1b]0;t\x07", "\\x1b[31mred\\x1b]0;t\\x07" },
		{ "a\nb\rc\td", "a\\nb\\rc\\td" },
		{ "a\\x1b", "a\\\\x1b" },
		{ "\x7f\x08", "\\x7f\\x08" },
		{ "\xc2\x9b" "31m", "\\x9b31m" },		  /* C1 CSI as UTF-8 */
		{ "\x9b" "31m", "\\x9b31m" },		  /* and as a byte */
		{ "a\xff" "b\xc3", "a\\xffb\\xc3" },		  /* not UTF-8 */
		{ "\xc0\x80\xed\xa0\x80", "\\xc0\\x80\\xed\\xa0\\x80" }, /* overlong, surrogate */
		{ "a\xe2\x80\xae" "b", "a\\u{202e}b" },		  /* right-to-left override */
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}" },
		{ "\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf", "\\u{200b}\\u{200d}\\u{feff}" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}" },		  /* tag characters */
		{ "\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}" },
		{ "\xc2\xa0\xc2\xad", "\\xa0\\xad" },		  /* no-break space, soft hyphen */
		{ "\xee\x80\x80", "\\u{e000}" },		  /* private use */
		{ "\xe3\x85\xa4", "\\u{3164}" },		  /* Hangul filler: invisible */
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].in, strlen(cases[i].in), cases[i].want);
	check("a\0b", 3, "a\\x00b");
	check("", 0, "");
}

/* Whatever the bytes: nothing but printable text comes out, and no byte is read beyond the end. */
static void test_every_pair(void **state)
{
	struct test_guard guard;
	unsigned int a, b;

	test_guard_init(&guard, 8);
	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			uint8_t in[2] = { (uint8_t)a, (uint8_t)b };
			struct mw_slice s = test_guard_copy(&guard, mw_slice(in, 2));
			char esc[MW_ESCAPE_MAX];
			unsigned int cols;
			size_t used, k;

			while (s.n > 0) {
				used = mw_escape_next((const char *)s.p, s.n, esc, &cols);
				assert_true(used >= 1 && used <= s.n);
				assert_true(strlen(esc) < MW_ESCAPE_MAX);
				for (k = 0; esc[k]; k++)
					assert_true((uint8_t)esc[k] >= 0x20 && esc[k] != 0x7f);
				s = mw_slice(s.p + used, s.n - used);
			}
		}
	test_guard_done(&guard);
}

static void test_line(void **state)
{
	struct mw_line l = { .max_cols = 10 };

	mw_line_puts(&l, "31", "12345");
	mw_line_printf(&l, NULL, "%d", 678);
	assert_string_equal(l.p, "12345678");
	assert_false(l.full);
	mw_line_puts(&l, NULL, "日x");
	assert_string_equal(l.p, "12345678…");
	assert_true(l.full);
	mw_line_puts(&l, NULL, "more");
	assert_string_equal(l.p, "12345678…");
	mw_line_done(&l);

	l = (struct mw_line){ .colour = true };
	mw_line_puts(&l, "31", "a\x1b");
	mw_line_puts(&l, NULL, "b");
	mw_line_puts(&l, "31", "");
	assert_string_equal(l.p, "\x1b[31ma\\x1b\x1b[0mb");
	assert_int_equal(l.cols, 6);
	mw_line_done(&l);

	/* an escape that does not fit is not cut in two */
	l = (struct mw_line){ .max_cols = 6 };
	mw_line_puts(&l, NULL, "abc\x1bx");
	assert_string_equal(l.p, "abc…");
	mw_line_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
