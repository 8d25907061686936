/* SPDX-License-Identifier: Apache-2.0 */
#include "support_ends.h"

#define OK(n) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"

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
	put_n(&f, R, " ", 1);
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

/* Both ends lose their place; it is said once a place. */
static void a_lost_place_is_said_once(void **state)
{
	static const char bad[] =
	    "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, bad);
	put(&f, R, bad);
	expect(&f, "broken W head#0 http.two_lengths | broken R head#0  | ");
	put(&f, W, "rest");
	put(&f, R, "rest");
	put(&f, W, bad);
	expect(&f, "broken W body#0  | broken W head#0 http.two_lengths | ");
	put(&f, R, bad);
	expect(&f, "broken R body#0  | broken R head#0  | ");
	f.quiet = true;
	mw_ends_finish(f.e);
	pull(&f);
	end(&f);
}

/* Equal messages: the one at the same place is the other copy, not the one that is missing there. */
static void equal_messages_go_by_place(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	f.chan.aligned = true;
	put(&f, W, "{}\n{}\n");
	gap(&f, R, 3);
	put(&f, R, "{}\n");
	expect(&f, "first W {} | first W {} | gap R 3 | settled WR {} | ");
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "settled W {} incomplete | ");
	end(&f);
}

static void close_at(struct fx *f, enum mw_end end)
{
	struct mw_chunk c = {
		.chan = &f->chan, .end = end, .off = f->off[end], .closed = true, .ts_ns = f->now
	};

	assert_int_equal(mw_ends_push(f->e, &c), 0);
	pull(f);
}

/* The reader took less of a body than was written; neither is whole. What is lost with the close
 * itself is said, too. */
static void cut_by_the_close(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	f.chan.aligned = true;
	put(&f, W, "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n<abc");
	put(&f, R, "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n<a");
	f.len = 0;
	close_at(&f, W);
	close_at(&f, R);
	expect(&f, "first W part#1  | closed W | settled WR part#1  | http.cut | closed R | ");
	assert_int_equal(f.open, 0);
	end(&f);
	begin(&f, &test_alloc);
	put(&f, W, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n<abc");
	put(&f, R, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n<a");
	f.len = 0;
	close_at(&f, R);
	expect(&f, "settled WR end#1  | closed R | ");
	end(&f);
}

/* Answers that are all alike, and a reader who is seen from the second one on. */
static void a_late_end_is_told_by_its_place(void **state)
{
	static const char answer[] = "HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n";
	struct fx f;

	(void)state;
	begin(&f, &test_alloc);
	put(&f, W, answer);
	put(&f, W, answer);
	f.len = 0;
	f.chan.aligned = true;
	f.chan.ahead = (int64_t)strlen(answer);
	f.off[R] = 0;
	put(&f, R, answer);
	expect(&f, "settled WR head#2  | settled WR end#2  | ");
	/* and where it comes to read before the writer is seen to write */
	put(&f, R, answer);
	expect(&f, "first R head#3  | first R end#3  | ");
	put(&f, W, answer);
	expect(&f, "settled WR head#3  | settled WR end#3  | ");
	end(&f);
}

/* A client that is found while its answer is on its way: its first bytes are from inside of it. */
static void reader_found_inside(void **state)
{
	static const char *const rest[] = { "{\"a\":12}", "12}", "8\r\n\r\n{\"a\":12}" };

	for (size_t i = 0; i < 3; i++) {
		const char *answer = OK(8) "{\"a\":12}";
		struct fx f;

		begin(&f, &test_alloc);
		put(&f, W, answer);
		f.chan.aligned = true;
		f.chan.ahead = (int64_t)(strlen(answer) - strlen(rest[i]));
		mw_ends_trust(f.e, &f.chan, R);
		f.len = 0;
		put(&f, R, rest[i]);
		wait_ns(&f, MW_ENDS_WAIT_NS);
		expect(&f, "settled W head#1  one_sided | settled W body#1 {\"a\":12} one_sided | "
			   "settled W end#1  one_sided | ");
		/* with the next head it knows its place */
		put(&f, W, OK(2) "{}");
		f.len = 0;
		put(&f, R, OK(2) "{}");
		assert_non_null(strstr(f.log, "settled WR head#2  | settled WR body#2 {} | "));
		f.len = 0;
		put(&f, W, OK(2) "[]");
		put(&f, R, OK(2) "{}");
		f.len = 0;
		wait_ns(&f, MW_ENDS_WAIT_NS);
		expect(&f, "denied W body#3 [] | settled R body#3 {} differs | ");
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_line_behind_a_gap),
		cmocka_unit_test(unfinished_lines_are_said_at_the_end),
		cmocka_unit_test(junk_is_said_once),
		cmocka_unit_test(gap_at_the_other_end),
		cmocka_unit_test(a_lost_place_is_said_once),
		cmocka_unit_test(equal_messages_go_by_place),
		cmocka_unit_test(cut_by_the_close),
		cmocka_unit_test(a_late_end_is_told_by_its_place),
		cmocka_unit_test(reader_found_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
