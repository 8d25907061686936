/* SPDX-License-Identifier: Apache-2.0 */
#include "support_ends.h"

/* The rest of a line behind a gap is no message; a whole one is. */
static void whole_line_behind_a_gap(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	gap(&f, R, 4);
	put(&f, R, "{\"a\":{\"b\":1}}\n");
	gap(&f, R, 4);
	put(&f, R, "{\"b\":1}}\n");
	gap(&f, R, 4);
	put(&f, R, "[1]\n{\"c\":1}\n");
	expect(&f, "gap R 4 | first R {\"a\":{\"b\":1}} | gap R 4 | broken R {\"b\":1}} | "
		   "gap R 4 | broken R [1] | first R {\"c\":1} | ");
	mw_ends_finish(f.e);
	pull(&f);
	end(&f);
}

static void unfinished_lines_are_said_at_the_end(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, R, "one\nhalf");
	put(&f, W, "one\n");
	f.len = 0;
	mw_ends_finish(f.e);
	pull(&f);
	expect(&f, "unfinished R half | ");
	end(&f);
}

/* Bytes without a line feed are judged before they are a line, unless they begin like JSON. */
static void junk_is_said_once(void **state)
{
	static char text[MW_ENDS_JUNK];
	struct fx f;

	memset(text, 'x', sizeof(text));
	begin(&f, &test_alloc);
	put_n(&f, R, text, sizeof(text) - 1);
	expect(&f, "");
	put_n(&f, R, text, 1);
	put_n(&f, R, text, 1);
	expect(&f, "junk 16384 | ");
	end(&f);
	begin(&f, &test_alloc);
	put(&f, R, "{");
	put_n(&f, R, text, sizeof(text));
	expect(&f, "");
	end(&f);
	begin(&f, &test_alloc);
	put(&f, R, "{}\n");
	mw_ends_trust(f.e, &f.chan, R);
	expect(&f, "first R {} | ");
	put_n(&f, R, text, sizeof(text));
	expect(&f, "");
	mw_ends_finish(f.e);
	f.quiet = true;
	pull(&f);
	end(&f);
}

static void gap_at_the_other_end(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "one\n");
	put(&f, R, "one\n");
	f.len = 0;
	put(&f, W, "two\nthree\n");
	gap(&f, R, 4);
	put(&f, R, "three\n");
	/* after a gap nobody knows where a line begins */
	expect(&f, "first W two | first W three | gap R 4 | broken R three | ");
	wait_ns(&f, 20 * MS);
	expect(&f, "settled W two incomplete | ");
	put(&f, W, "four\n");
	put(&f, R, "four\n");
	f.len = 0;
	wait_ns(&f, MW_ENDS_WAIT_NS + 20 * MS);
	assert_int_equal(f.open, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_line_behind_a_gap),
		cmocka_unit_test(unfinished_lines_are_said_at_the_end),
		cmocka_unit_test(junk_is_said_once),
		cmocka_unit_test(gap_at_the_other_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
