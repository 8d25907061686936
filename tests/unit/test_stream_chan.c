/* SPDX-License-Identifier: Apache-2.0 */
#include "support_stream.h"

/* --- identity -------------------------------------------------------------------------- */

static void two_ends_one_channel(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	w(&r, 0, "abc");
	ev_pipe(&r, 1, MW_DIR_READ, 0, "ab");
	give(&r);
	ev_pipe(&r, 1, MW_DIR_WRITE, 0, "u")->kind = MW_CHAN_UNIX;
	give(&r);
	assert_buf_equal(&r.out, " 1w@0:abc 1r@0:ab 2w@0:u");
	run_done(&r);
}

static void a_later_gen_is_another_channel(void **state)
{
	struct mw_stream_stats st;
	struct run r;

	run_init(&r, &test_alloc, 8);
	w(&r, 0, "abc");
	w(&r, 4, "e");
	ev_pipe(&r, 1, MW_DIR_READ, 0, "X")->gen = 2;
	give(&r);
	assert_buf_equal(&r.out, " 1w@0:abc 1w@3-1L 1w@4:e 1! 2r@0:X");
	/* and one of before is late */
	w(&r, 3, "d");
	assert_buf_equal(&r.out, " 1w@0:abc 1w@3-1L 1w@4:e 1! 2r@0:X");
	mw_stream_stats(r.s, &st);
	assert_int_equal(st.replaced, 1);
	assert_int_equal(st.evicted, 0);
	assert_int_equal(st.late_bytes, 1);
	run_done(&r);
}

static void tcp_ends_meet_by_address(void **state)
{
	struct mw_chunk c;
	struct run r;

	run_init(&r, &test_alloc, 16);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	/* the server listens on :: */
	tcp(&r, 200, MW_DIR_READ, mapped(1, 80), mapped(1, 5000), "GE");
	tcp(&r, 200, MW_DIR_WRITE, mapped(1, 80), mapped(1, 5000), "200");
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "20");
	assert_buf_equal(&r.out, " 1w@0:GET 1r@0:GE 2w@0:200 2r@0:20");
	/* other port, other address, other family */
	tcp(&r, 300, MW_DIR_WRITE, v4(1, 5001), v4(1, 80), "a");
	tcp(&r, 301, MW_DIR_WRITE, v4(2, 5000), v4(1, 80), "b");
	tcp(&r, 302, MW_DIR_WRITE, v6(1, 5000), v6(1, 80), "c");
	tcp(&r, 303, MW_DIR_READ, v6(1, 80), v6(1, 5000), "c");
	assert_buf_equal(&r.out, " 1w@0:GET 1r@0:GE 2w@0:200 2r@0:20 3w@0:a 4w@0:b 5w@0:c 5r@0:c");
	/* the identity as it is told on */
	ev_pipe(&r, 200, MW_DIR_READ, 2, "T");
	r.ev.io.kind = MW_CHAN_TCP6;
	r.ev.io.gen = 200;
	r.ev.io.netns = 9;
	r.ev.io.local = mapped(1, 80);
	r.ev.io.peer = mapped(1, 5000);
	assert_int_equal(mw_stream_push(r.s, &r.ev.io), 0);
	assert_int_equal(mw_stream_next(r.s, &c), 1);
	assert_int_equal(c.chan->id, 1);
	assert_int_equal(c.chan->kind, MW_CHAN_TCP4);
	assert_int_equal(c.chan->chan, 100);
	assert_int_equal(c.chan->chan2, 200);
	assert_int_equal(c.chan->gen2, 200);
	assert_int_equal(c.chan->src.port, 5000);
	assert_int_equal(c.chan->src.family, AF_INET);
	assert_int_equal(c.chan->dst.port, 80);
	assert_int_equal(c.chan->dst.family, AF_INET);
	assert_int_equal(c.chan->dst.ip[0], 127);
	assert_int_equal(mw_stream_next(r.s, &c), 0);
	/* another namespace is another connection */
	ev_pipe(&r, 400, MW_DIR_READ, 0, "n");
	r.ev.io.kind = MW_CHAN_TCP4;
	r.ev.io.netns = 10;
	r.ev.io.local = v4(1, 80);
	r.ev.io.peer = v4(1, 5000);
	give(&r);
	assert_slice_equal(mw_slice(r.out.p + r.out.len - 7, 7), " 6r@0:n");
	run_done(&r);
}

static void tcp_reused_ports_are_another_channel(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 16);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "a");
	tcp(&r, 200, MW_DIR_READ, v4(1, 80), v4(1, 5000), "a");
	tcp(&r, 300, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "b");
	tcp(&r, 400, MW_DIR_READ, v4(1, 80), v4(1, 5000), "b");
	tcp(&r, 200, MW_DIR_READ, v4(1, 80), v4(1, 5000), "late");
	assert_buf_equal(&r.out, " 1w@0:a 1r@0:a 1! 2w@0:b 2r@0:b");
	run_done(&r);
}

static void tcp_without_addresses(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 16);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 0), v4(1, 80), "a");
	tcp(&r, 100, MW_DIR_READ, v4(1, 0), v4(1, 80), "b");
	tcp(&r, 200, MW_DIR_WRITE, (struct mw_addr){ 0 }, (struct mw_addr){ 0 }, "c");
	assert_buf_equal(&r.out, " 1w@0:a 2r@0:b 3w@0:c");
	run_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_ends_one_channel),
		cmocka_unit_test(a_later_gen_is_another_channel),
		cmocka_unit_test(tcp_ends_meet_by_address),
		cmocka_unit_test(tcp_reused_ports_are_another_channel),
		cmocka_unit_test(tcp_without_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
