/* SPDX-License-Identifier: Apache-2.0 */
#include "support_ends.h"

static void both_ends_in_either_order(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "one\n");
	expect(&f, "first W one | ");
	put(&f, R, "one\n");
	expect(&f, "settled WR one | ");
	put(&f, R, "two\n");
	put(&f, W, "two\n");
	expect(&f, "first R two | settled WR two | ");
	/* several in one chunk, split elsewhere at the other end */
	put(&f, W, "three\nfour\nfi");
	put(&f, R, "thr");
	put(&f, R, "ee\nfour\nfive\n");
	put(&f, W, "ve\n");
	expect(&f, "first W three | first W four | settled WR three | settled WR four | "
		   "first R five | settled WR five | ");
	end(&f);
}

/* The exits of two writers overtook each other: offsets at the writing end are not the pipe's order. */
static void two_writers_swapped(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "second\n");
	put(&f, W, "first\n");
	put(&f, R, "first\n");
	put(&f, R, "second\n");
	expect(&f, "first W second | first W first | settled WR first | settled WR second | ");
	/* and what is learned of the offsets by that does not last: a gap here is not taken for one there */
	put(&f, W, "third\n");
	put(&f, R, "third\n");
	put(&f, W, "fourth\n");
	put(&f, R, "fourth\n");
	f.len = 0;
	put(&f, W, "fifth\n");
	gap(&f, R, 6);
	wait_ns(&f, 20 * MS);
	expect(&f, "first W fifth | gap R 6 | settled W fifth incomplete | ");
	end(&f);
}

static void identical_messages(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "a\na\na\n");
	put(&f, R, "a\na\na\n");
	expect(&f, "first W a | first W a | first W a | settled WR a | settled WR a | settled WR a | ");
	assert_int_equal(f.open, 0);
	end(&f);
}

static void one_end_only(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, R, "one\ntwo\n");
	wait_ns(&f, MW_ENDS_GRACE_NS - 20 * MS);
	expect(&f, "first R one | first R two | ");
	wait_ns(&f, 30 * MS);
	expect(&f, "settled R one one_sided | settled R two one_sided | ");
	put(&f, R, "three\nfour\n"); /* known now: at once */
	expect(&f, "first R three | settled R three one_sided | first R four | "
		   "settled R four one_sided | ");
	/* the other end comes after all: its copies of what is settled are passed over */
	put(&f, W, "one\ntwo\nthree\nfour\nfive\n");
	put(&f, R, "five\n");
	expect(&f, "first W five | settled WR five | ");
	end(&f);
}

/* A client that is found while its server is: what it wrote before is no difference. */
static void writer_found_late(void **state)
{
	static const char *const before[] = { "hello\n", "hello\nready\n", "a\nb\nc\n" };

	for (size_t i = 0; i < 3; i++) {
		struct fx f;

		begin(&f, &test_alloc);
		put(&f, R, before[i]);
		mw_ends_trust(f.e, &f.chan, W);
		put(&f, R, "one\n");
		put(&f, W, "one\n");
		f.len = 0;
		wait_ns(&f, MW_ENDS_GRACE_NS + 20 * MS);
		expect(&f, i == 0   ? "settled R hello one_sided | "
			   : i == 1 ? "settled R hello one_sided | settled R ready one_sided | "
				    : "settled R a one_sided | settled R b one_sided | "
				      "settled R c one_sided | ");
		/* from there on a copy that is not the other's is one */
		put(&f, W, "mine\n");
		put(&f, R, "evil\n");
		f.len = 0;
		wait_ns(&f, MW_ENDS_WAIT_NS + 20 * MS);
		expect(&f, "settled W mine differs | denied R evil | ");
		end(&f);
	}
}

/* What was written may lie there unread for long. */
static void written_only(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "one\n");
	wait_ns(&f, 100 * MW_ENDS_GRACE_NS);
	expect(&f, "first W one | ");
	mw_ends_alone(f.e, &f.chan);
	pull(&f);
	expect(&f, "settled W one one_sided | ");
	put(&f, W, "two\n");
	expect(&f, "first W two | settled W two one_sided | ");
	put(&f, R, "one\ntwo\n");
	expect(&f, "");
	mw_ends_alone(f.e, &f.chan); /* not true any more: nothing */
	put(&f, W, "three\n");
	expect(&f, "first W three | ");
	mw_ends_finish(f.e);
	pull(&f);
	expect(&f, "settled W three one_sided | ");
	end(&f);
}

static void late_copy_is_no_new_message(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	mw_ends_trust(f.e, &f.chan, W); /* not known yet: nothing */
	put(&f, W, "ok\n");
	put(&f, R, "ok\n");
	mw_ends_trust(f.e, &f.chan, W);
	put(&f, W, "mine\n");
	put(&f, R, "evil\n");
	f.len = 0;
	wait_ns(&f, MW_ENDS_WAIT_NS + 20 * MS);
	expect(&f, "settled W mine differs | denied R evil | ");
	put(&f, R, "mine\n");
	put(&f, W, "evil\n");
	expect(&f, ""); /* both are known */
	put(&f, R, "mine\n");
	put(&f, W, "mine\n");
	expect(&f, "first R mine | settled WR mine | "); /* this one is another */
	end(&f);
}

static void differing_copies(void **state)
{
	struct fx f;

	/* nobody said whom to trust: both stand */
	begin(&f, &test_alloc);
	put(&f, W, "aa\n");
	put(&f, R, "bb\n");
	wait_ns(&f, MW_ENDS_WAIT_NS - 50 * MS);
	expect(&f, "first W aa | first R bb | ");
	wait_ns(&f, 100 * MS);
	expect(&f, "settled W aa differs | settled R bb differs | ");
	end(&f);

	begin(&f, &test_alloc);
	put(&f, R, "bb\n");
	mw_ends_trust(f.e, &f.chan, R);
	put(&f, W, "aa\n");
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect(&f, "first R bb | first W aa | settled R bb differs | denied W aa | ");
	end(&f);
}

static void not_passed_yet(void **state)
{
	struct fx f;

	/* the reader is behind: that it has not read is no lie, however long it takes */
	begin(&f, &test_alloc);
	put(&f, W, "one\n");
	put(&f, R, "one\n");
	put(&f, W, "two\n");
	wait_ns(&f, 60 * MW_ENDS_WAIT_NS);
	expect(&f, "first W one | settled WR one | first W two | ");
	put(&f, R, "two\n");
	expect(&f, "settled WR two | ");
	end(&f);
}

static void drop_while_first_is_out(void **state)
{
	struct mw_msg m;
	struct fx f;
	struct mw_chunk c;

	begin(&f, &test_alloc);
	c = (struct mw_chunk){ .chan = &f.chan, .end = W, .bytes = mw_slice_str("one\ntwo\n"),
			       .ts_ns = f.now };
	assert_int_equal(mw_ends_push(f.e, &c), 0);
	assert_int_equal(mw_ends_next(f.e, &m), 1);
	assert_int_equal(m.state, MW_MSG_FIRST);
	mw_ends_drop(f.e, &f.chan);
	assert_int_equal(mw_ends_next(f.e, &m), 0);
	put(&f, W, "three\n");
	put(&f, R, "three\n");
	wait_ns(&f, 2 * MW_ENDS_WAIT_NS);
	expect(&f, "");
	mw_ends_drop(f.e, &f.chan);
	mw_ends_drop(f.e, &f.chan2); /* never seen */
	evict(&f);
	expect(&f, "evicted | ");
	end(&f);
}

/* One that is ready to be given out goes with its channel; those of others stay. */
static void drop_while_others_are_ready(void **state)
{
	struct mw_msg m;
	struct fx f;
	struct mw_chunk c;

	begin(&f, &test_alloc);
	put(&f, R, "a1\na2\n");
	c = (struct mw_chunk){ .chan = &f.chan2, .end = R, .bytes = mw_slice_str("b1\nb2\n"),
			       .ts_ns = f.now };
	assert_int_equal(mw_ends_push(f.e, &c), 0);
	pull(&f);
	f.len = 0;
	mw_ends_tick(f.e, f.now + 2 * MW_ENDS_GRACE_NS);
	assert_int_equal(mw_ends_next(f.e, &m), 1);
	assert_slice_equal(m.bytes, "a1");
	mw_ends_drop(f.e, &f.chan);
	pull(&f);
	expect(&f, "settled R b1 one_sided | settled R b2 one_sided | ");
	end(&f);
}

static void eviction_settles_all(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	put(&f, W, "one\nhalf");
	put(&f, R, "oth\ner\n");
	f.len = 0;
	evict(&f);
	assert_int_equal(f.open, 0);
	assert_non_null(strstr(f.log, "evicted | "));
	put(&f, W, "new\n");
	put(&f, R, "new\n");
	assert_non_null(strstr(f.log, "evicted | first W new | settled WR new | "));
	end(&f);
}

static void eviction_of_the_unknown(void **state)
{
	struct fx f;

	begin(&f, &test_alloc);
	evict(&f);
	expect(&f, "evicted | ");
	end(&f);
}

/* Swept at once, the messages of several channels come out in the order of time. */
static void in_order_of_time(void **state)
{
	struct mw_chunk c;
	struct fx f;
	char one[2] = "a";
	int i;

	begin(&f, &test_alloc);
	for (i = 0; i < 9; i++, one[0]++) {
		char line[3] = { one[0], '\n' };

		c = (struct mw_chunk){ .chan = i * i % 3 ? &f.chan : &f.chan2, .end = R,
				       .bytes = mw_slice_str(line), .ts_ns = f.now++ };
		assert_int_equal(mw_ends_push(f.e, &c), 0);
		pull(&f);
	}
	f.len = 0;
	mw_ends_finish(f.e);
	pull(&f);
	expect(&f, "settled R a one_sided | settled R b one_sided | settled R c one_sided | "
		   "settled R d one_sided | settled R e one_sided | settled R f one_sided | "
		   "settled R g one_sided | settled R h one_sided | settled R i one_sided | ");
	end(&f);
}

/* message_max is 1: the least that is kept is head and tail. */
static void longer_than_is_kept(void **state)
{
	size_t n = MW_FRAME_HEAD + MW_FRAME_TAIL + 1;
	char *p = malloc(n + 1);
	struct fx f;

	memset(p, 'x', n);
	p[n] = '\n';
	begin(&f, &test_alloc);
	put_n(&f, W, p, n + 1);
	expect(&f, "first W xxxxxxxxxxxxxxxxxxxx cut | ");
	put_n(&f, R, p, n + 1);
	expect(&f, "settled WR xxxxxxxxxxxxxxxxxxxx cut | ");
	p[n - 10] = 'y'; /* in the tail: not equal */
	put_n(&f, W, p, n + 1);
	p[n - 10] = 'x';
	put_n(&f, R, p, n + 1);
	f.len = 0;
	wait_ns(&f, 2 * MW_ENDS_WAIT_NS);
	expect(&f, "settled W xxxxxxxxxxxxxxxxxxxx differs cut | "
		   "settled R xxxxxxxxxxxxxxxxxxxx differs cut | ");
	end(&f);
	free(p);
}

/* Beyond the limit of bytes a copy is known by its length: cut, and counted. */
static void held_bytes_have_a_limit(void **state)
{
	size_t n = 60000, i, most = MW_ENDS_BYTES_MAX / n;
	char *p = malloc(n + 1);
	uint64_t before;
	struct fx f;

	memset(p, 'x', n);
	p[n] = '\n';
	begin(&f, &test_alloc);
	f.quiet = true;
	for (i = 0; i < most; i++) {
		memcpy(p, &i, 4);
		p[3] = 'x';
		put_n(&f, W, p, n + 1);
	}
	assert_int_equal(mw_ends_nomem(f.e), 0);
	assert_true(test_alloc_live() < MW_ENDS_BYTES_MAX + (4u << 20));
	before = test_alloc_live();
	f.quiet = false;
	memset(p, 'y', n);
	put_n(&f, W, p, n + 1);
	assert_true(test_alloc_live() - before < 1000);
	assert_int_equal(mw_ends_nomem(f.e), 1);
	expect(&f, "first W yyyyyyyyyyyyyyyyyyyy | ");
	put_n(&f, R, p, n + 1); /* equal all the same, and then it is whole */
	expect(&f, "settled WR yyyyyyyyyyyyyyyyyyyy | ");
	end(&f);
	free(p);
}

static void pending_has_a_limit(void **state)
{
	struct fx f;
	char line[24];
	int i;

	begin(&f, &test_alloc);
	f.quiet = true;
	for (i = 0; i < 3 * MW_ENDS_PENDING_MAX; i++) {
		snprintf(line, sizeof(line), "w%d\n", i);
		put(&f, W, line);
		f.now -= MS; /* at one time, so that no tick comes between */
	}
	assert_int_equal(f.open, MW_ENDS_PENDING_MAX);
	assert_true(test_alloc_live() < MW_ENDS_PENDING_MAX * 512u);
	mw_ends_finish(f.e);
	pull(&f);
	assert_int_equal(f.open, 0);
	end(&f);
}

/* The other copies do not come: what is remembered of settled ones is bounded too. */
static void remembers_only_so_much(void **state)
{
	struct fx f;
	char line[24];
	size_t live, empty;
	int i;

	begin(&f, &test_alloc);
	empty = test_alloc_live();
	f.quiet = true;
	put(&f, R, "x\n");
	wait_ns(&f, 2 * MW_ENDS_GRACE_NS);
	for (i = 0; i < 20000; i++) {
		snprintf(line, sizeof(line), "r%d\n", i);
		put(&f, R, line);
	}
	live = test_alloc_live();
	assert_true(live < 272000);
	wait_ns(&f, 11000 * MS);
	assert_true(test_alloc_live() < empty + 5000);
	end(&f);
}

static void memory_fails(void **state)
{
	struct fx f;

	TEST_EACH_FAILURE(n)
	{
		memset(&f, 0, sizeof(f));
		f.now = 1000 * MS;
		if (mw_ends_new(&test_alloc_failing, 1, 42, &f.e) < 0)
			continue;
		put(&f, W, "one\ntw");
		put(&f, R, "one\n");
		put(&f, W, "o\n");
		put(&f, R, "two\n");
		put(&f, W, "mine\n");
		put(&f, R, "evil\n");
		gap(&f, R, 3);
		put(&f, R, "x\n");
		wait_ns(&f, 2 * MW_ENDS_WAIT_NS);
		mw_ends_finish(f.e);
		pull(&f);
		assert_int_equal(f.open, 0);
		if (test_alloc_failed())
			assert_true(mw_ends_nomem(f.e) > 0);
		mw_ends_free(f.e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_in_either_order),
		cmocka_unit_test(two_writers_swapped),
		cmocka_unit_test(identical_messages),
		cmocka_unit_test(one_end_only),
		cmocka_unit_test(written_only),
		cmocka_unit_test(writer_found_late),
		cmocka_unit_test(late_copy_is_no_new_message),
		cmocka_unit_test(differing_copies),
		cmocka_unit_test(not_passed_yet),
		cmocka_unit_test(drop_while_first_is_out),
		cmocka_unit_test(drop_while_others_are_ready),
		cmocka_unit_test(eviction_settles_all),
		cmocka_unit_test(eviction_of_the_unknown),
		cmocka_unit_test(in_order_of_time),
		cmocka_unit_test(longer_than_is_kept),
		cmocka_unit_test(held_bytes_have_a_limit),
		cmocka_unit_test(pending_has_a_limit),
		cmocka_unit_test(remembers_only_so_much),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
