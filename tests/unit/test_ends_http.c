/* SPDX-License-Identifier: Apache-2.0 */
/* test_ends_http.c - the two copies of HTTP messages, brought together */
#include "support_ends.h"

#define POST(n) "POST /mcp HTTP/1.1\r\nContent-Length: " #n "\r\n\r\n"
#define OK(n)	"HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define SSE	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

static void heads_messages_and_ends_meet(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, POST(2) "{}");
	expect(&f, "first W head#1  | first W body#1 {} | first W end#1  | ");
	put(&f, R, POST(2));
	expect(&f, "settled WR head#1  | ");
	put(&f, R, "{}");
	expect(&f, "settled WR body#1 {} | settled WR end#1  | ");
	/* of several with the same bytes each is met by its own copy */
	put(&f, W, POST(2) "{}" POST(2) "{}");
	f.len = 0;
	put(&f, R, POST(2) "{}");
	expect(&f, "settled WR head#2  | settled WR body#2 {} | settled WR end#2  | ");
	put(&f, R, POST(2) "{}");
	expect(&f, "settled WR head#3  | settled WR body#3 {} | settled WR end#3  | ");
	assert_int_equal(f.open, 0);
	end(&f);
}

static void events_keep_their_type(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, SSE "event: endpoint\ndata: /m\n\n");
	expect(&f, "first W head#1  | first W sse#1 endpoint /m | ");
	mw_ends_alone(f.e, &f.chan);
	pull(&f);
	expect(&f, "settled W head#1  one_sided | settled W sse#1 endpoint /m one_sided | ");
	put(&f, W, "data: {}\n\n");
	expect(&f, "first W sse#1 {} | settled W sse#1 {} one_sided | ");
	end(&f);
}

/* A page that was not there at the client's end is taken from the server's copy. */
static void a_missing_page_is_filled(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, POST(8));
	put(&f, R, POST(8) "{\"a\":");
	mw_ends_trust(f.e, &f.chan, W);
	f.len = 0;
	gap(&f, W, 8);
	expect(&f, "gap W 8 | first W part#1  | ");
	put(&f, R, "12}");
	expect(&f, "first R body#1 {\"a\":12} | settled WR end#1  | ");
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "settled R body#1 {\"a\":12} incomplete | ");
	assert_int_equal(f.open, 0);
	end(&f);
}

static void a_missing_page_of_lines_too(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "{\"a\":");
	gap(&f, W, 3);
	put(&f, W, "4}\n");
	f.len = 0;
	put(&f, R, "{\"a\":1234}\n");
	mw_ends_trust(f.e, &f.chan, W);
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "first R {\"a\":1234} | settled R {\"a\":1234} incomplete | ");
	/* what no gap touches is whole at both ends */
	put(&f, W, "{}\n");
	put(&f, R, "{}\n");
	expect(&f, "first W {} | settled WR {} | ");
	end(&f);
}

/* The server's end has more than its client sent: what the client never sent is not true. */
static void what_only_the_server_read_is_denied(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, POST(2) "{}");
	put(&f, R, POST(2) "[]");
	mw_ends_trust(f.e, &f.chan, W);
	f.len = 0;
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "settled W body#1 {} differs | denied R body#1 [] | ");
	assert_int_equal(f.open, 0);
	end(&f);
}

/* A half that lost its place has not seen what the other end read meanwhile. */
static void a_lost_place_denies_nothing(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, POST(2) "{}");
	put(&f, R, POST(2) "{}");
	mw_ends_trust(f.e, &f.chan, W);
	gap(&f, W, 4);
	put(&f, W, "rest of it");
	f.len = 0;
	put(&f, R, POST(2) "[]");
	wait_ns(&f, MW_ENDS_WAIT_NS);
	put(&f, W, "more of the rest, and more, and more, and more");
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "first R head#2  | first R body#2 [] | first R end#2  | settled R head#2  "
		   "incomplete | settled R body#2 [] incomplete | settled R end#2  incomplete | ");
	/* and it is found again */
	put(&f, W, POST(2) "{}");
	expect(&f, "broken W body#0  | first W head#2  | first W body#2 {} | first W end#2  | ");
	end(&f);
}

/* One end joined later: its numbers are others. */
static void numbers_are_those_of_one_end(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "GET / HTTP/1.1\r\n\r\n" POST(2) "[]");
	f.len = 0;
	put(&f, R, POST(2) "[]");
	expect(&f, "settled WR head#2  | settled WR body#2 [] | settled WR end#2  | ");
	put(&f, R, POST(0));
	expect(&f, "first R head#3  | first R end#3  | ");
	put(&f, W, POST(0));
	expect(&f, "settled WR head#3  | settled WR end#3  | ");
	end(&f);
}

static void answers_to_head_have_no_body(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	f.chan.back = &f.chan2;
	f.chan2.back = &f.chan;
	put(&f, W, "GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
	put(&f, R, "GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n");
	f.len = 0;
	put2(&f, W, OK(2) "{}" OK(9) OK(2) "[]");
	expect(&f, "first W head#1  | first W body#1 {} | first W end#1  | first W head#2  | "
		   "first W end#2  | first W head#3  | first W body#3 [] | first W end#3  | ");
	put2(&f, R, OK(2) "{}" OK(9) OK(2) "[]");
	expect(&f, "settled WR head#1  | settled WR body#1 {} | settled WR end#1  | settled WR "
		   "head#2  | settled WR end#2  | settled WR head#3  | settled WR body#3 [] | "
		   "settled WR end#3  | ");
	/* one that comes while answers pass */
	put(&f, R, "GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n");
	f.len = 0;
	put2(&f, W, OK(9) OK(2) "[]");
	expect(&f, "first W head#4  | first W end#4  | first W head#5  | first W body#5 [] | "
		   "first W end#5  | ");
	end(&f);
}

static void closed_behind_the_last(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "HTTP/1.0 200 OK\r\n\r\n{}");
	f.len = 0;
	closed(&f, W);
	expect(&f, "first W body#1 {} | first W end#1  | closed W | ");
	end(&f);
	/* a body cut by it */
	begin(&f, &test_alloc);
	put(&f, R, OK(9) "{\"a\"");
	f.len = 0;
	closed(&f, R);
	expect(&f, "unfinished R body#1 {\"a\" | first R part#1  | closed R | ");
	end(&f);
	/* a line without its LF, and nothing at all */
	begin(&f, &test_alloc);
	put(&f, R, "{}\n{");
	f.len = 0;
	closed(&f, R);
	expect(&f, "unfinished R { | closed R | ");
	closed(&f, W);
	expect(&f, "closed W | ");
	end(&f);
}

/* The reader closed without having read it: nothing more is to come. */
static void not_read_before_the_close(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "{}\n");
	put(&f, R, "{}\n");
	put(&f, W, "{\"b\":1}\n");
	closed(&f, R);
	f.len = 0;
	wait_ns(&f, MW_ENDS_WAIT_NS);
	expect(&f, "settled W {\"b\":1} one_sided | ");
	end(&f);
}

static void no_junk_of_http(void **state)
{
	static char text[2 * MW_ENDS_JUNK];
	struct fx f;

	memset(text, 'x', sizeof(text));
	begin(&f, &test_alloc);
	put(&f, R, OK(99999));
	f.len = 0;
	put_n(&f, R, text, sizeof(text));
	gap(&f, R, 1u << 20);
	put_n(&f, R, text, sizeof(text));
	expect(&f, "gap R 1048576 | first R part#1  | ");
	end(&f);
}

/* The end of input: what stands open comes out, each END with its other copy. */
static void at_the_end_of_input(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, SSE "data: {}\n\nda");
	put(&f, R, SSE "data: {}\n\nda");
	f.len = 0;
	mw_ends_finish(f.e);
	pull(&f);
	expect(&f, "first R part#1  | settled WR part#1  | ");
	assert_int_equal(f.open, 0);
	end(&f);
}

/* 8192 of one end wait; their copies are found at once, and a tick does not compare them all. */
static void many_are_found_quickly(void **state)
{
	char line[64];
	struct fx f;
	int i;

	begin(&f, &test_alloc);
	f.quiet = true;
	for (i = 0; i < 8000; i++) {
		snprintf(line, sizeof(line), "{\"id\":%d}\n", i);
		put(&f, W, line);
	}
	/* from the last to the first: the worst order for a list */
	for (i = 7999; i >= 0; i--) {
		snprintf(line, sizeof(line), "{\"id\":%d}\n", i);
		f.off[R] = 0;
		f.now -= MS;
		put(&f, R, line);
	}
	assert_int_equal(f.open, 0);
	end(&f);
}

/* A large message is kept once, not once more for the wait. */
static void a_large_message_is_taken_over(void **state)
{
	size_t n = 1u << 20, before;
	char *text = malloc(n + 2);
	struct fx f;

	memset(text, 'x', n);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + n - 2, "\"}\n", 4);
	begin(&f, &test_alloc);
	mw_ends_free(f.e);
	assert_int_equal(mw_ends_new(&test_alloc, 4u << 20, 42, &f.e), 0);
	f.quiet = true;
	before = test_alloc_live();
	put_n(&f, W, text, n / 2);
	put_n(&f, W, text + n / 2, n / 2 + 1);
	assert_in_range(test_alloc_live() - before, n, n + 8192);
	put_n(&f, R, text, n / 2);
	put_n(&f, R, text + n / 2, n / 2 + 1);
	assert_int_equal(f.open, 0);
	assert_in_range(test_alloc_live() - before, 0, 32768);
	free(text);
	end(&f);
}

static void memory_fails(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_ends *e;
		struct fx f = { .chan.id = 1, .chan2.id = 2, .now = 1000 * MS };

		f.quiet = true;
		f.chan.back = &f.chan2;
		f.chan2.back = &f.chan;
		if (mw_ends_new(&test_alloc_failing, 0, 42, &e) < 0)
			continue;
		f.e = e;
		for (int end_ = 0; end_ < 2; end_++) {
			static const char text[] = "HEAD / HTTP/1.1\r\n\r\n" POST(2) "{}" POST(
			    9) "xxxxxxxxx" POST(4) "[[]]";
			static const char back[] = OK(7) SSE "data: {}\n\ndata: {\"a\":1}\n\nda";

			/* in two pieces, so that something must be kept */
			put_n(&f, end_, text, 70);
			put_n(&f, end_, text + 70, sizeof(text) - 1 - 70);
			for (size_t i = 0; i < sizeof(back) - 1; i += 9) {
				struct mw_chunk c = { .chan = &f.chan2,
						      .end = end_,
						      .off = i,
						      .bytes = mw_slice(back + i, 9),
						      .inside = i > 0,
						      .ts_ns = f.now += MS };

				if (c.bytes.n > sizeof(back) - 1 - i)
					c.bytes.n = sizeof(back) - 1 - i;
				mw_ends_push(f.e, &c);
				pull(&f);
			}
			closed(&f, end_);
		}
		mw_ends_finish(f.e);
		pull(&f);
		/* what could not be kept was said */
		assert_true(!f.open);
		mw_ends_free(f.e);
	}
	assert_int_equal(test_alloc_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_messages_and_ends_meet),
		cmocka_unit_test(events_keep_their_type),
		cmocka_unit_test(a_missing_page_is_filled),
		cmocka_unit_test(a_missing_page_of_lines_too),
		cmocka_unit_test(what_only_the_server_read_is_denied),
		cmocka_unit_test(a_lost_place_denies_nothing),
		cmocka_unit_test(numbers_are_those_of_one_end),
		cmocka_unit_test(answers_to_head_have_no_body),
		cmocka_unit_test(closed_behind_the_last),
		cmocka_unit_test(not_read_before_the_close),
		cmocka_unit_test(no_junk_of_http),
		cmocka_unit_test(at_the_end_of_input),
		cmocka_unit_test(many_are_found_quickly),
		cmocka_unit_test(a_large_message_is_taken_over),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
