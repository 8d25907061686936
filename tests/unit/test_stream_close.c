/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream_close.c - the two ways of a connection, who touched them, and their end */
#include "support_stream.h"

/* --- the way back ---------------------------------------------------------------------- */

static void tcp_knows_its_way_back(void **state)
{
	const struct mw_chan *there, *back;
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	there = r.chan;
	assert_null(there->back);
	/* another connection */
	tcp(&r, 300, MW_DIR_WRITE, v4(1, 80), v4(1, 5001), "x");
	assert_null(there->back);
	/* the other socket of this one */
	tcp(&r, 200, MW_DIR_WRITE, mapped(1, 80), mapped(1, 5000), "200");
	back = r.chan;
	assert_ptr_equal(there->back, back);
	assert_ptr_equal(back->back, there);
	run_done(&r);
}

static void tcp_without_addresses_too(void **state)
{
	struct mw_addr none = { 0 };
	const struct mw_chan *there;
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_READ, none, none, "GET");
	there = r.chan;
	tcp(&r, 100, MW_DIR_WRITE, none, none, "200");
	assert_ptr_equal(r.chan->back, there);
	assert_ptr_equal(there->back, r.chan);
	run_done(&r);
}

static void unix_by_the_other_channel(void **state)
{
	const struct mw_chan *there;
	struct mw_ev_io *ev;
	struct run r;

	run_init(&r, &test_alloc, 8);
	ev = ev_pipe(&r, 7, MW_DIR_WRITE, 0, "a");
	ev->kind = MW_CHAN_UNIX;
	ev->other = 8;
	give(&r);
	there = r.chan;
	/* a pipe of that number is something else */
	ev_pipe(&r, 8, MW_DIR_READ, 0, "p");
	give(&r);
	assert_null(there->back);
	ev = ev_pipe(&r, 8, MW_DIR_READ, 0, "b");
	ev->kind = MW_CHAN_UNIX;
	ev->other = 7;
	give(&r);
	assert_ptr_equal(there->back, r.chan);
	assert_ptr_equal(r.chan->back, there);
	run_done(&r);
}

/* Whichever of the two is given up, the other does not point to it any more. */
static void given_up_it_is_forgotten(void **state)
{
	const struct mw_chan *back;
	struct run r;

	run_init(&r, &test_alloc, 2);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	back = r.chan;
	assert_non_null(back->back);
	tcp(&r, 300, MW_DIR_WRITE, v4(1, 5001), v4(1, 80), "x");
	assert_null(back->back);
	assert_buf_equal(&r.out, " 1w@0:GET 2r@0:200 1! 3w@0:x");
	run_done(&r);
}

static struct mw_ev_close *ev_close(uint64_t chan, struct mw_addr local, struct mw_addr peer,
				    enum mw_close how)
{
	static struct mw_ev_close ev;

	ev = (struct mw_ev_close){ .hdr = { .len = sizeof(ev), .type = MW_EV_CLOSE, .tgid = 44 },
				   .chan = chan,
				   .gen = chan,
				   .netns = 9,
				   .local = local,
				   .peer = peer,
				   .how = how };
	return &ev;
}

static void close_it(struct run *r, struct mw_ev_close *ev)
{
	ev->hdr.ts_ns = r->ts += 1000;
	assert_int_equal(mw_stream_close(r->s, ev), 0);
	pull(r);
}

/* The port is in use again before the old answers' channel was. */
static void an_ended_one_is_nobodys_way_back(void **state)
{
	const struct mw_chan *old;
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	old = r.chan;
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH));
	tcp(&r, 101, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	assert_null(r.chan->back);
	assert_null(old->back);
	tcp(&r, 101, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	assert_non_null(r.chan->back);
	assert_buf_equal(&r.out, " 1w@0:GET 2r@0:200 2r. 1w. 1! 3w@0:GET 2! 4r@0:200");
	run_done(&r);
}

/* --- who touched it -------------------------------------------------------------------- */

static void a_candidate_until_another_comes(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	ev_pipe(&r, 1, MW_DIR_WRITE, 0, "a")->hdr.flags = MW_EVF_CANDIDATE;
	give(&r);
	assert_true(r.chan->candidate);
	ev_pipe(&r, 1, MW_DIR_READ, 0, "a")->hdr.flags = MW_EVF_STREAM;
	give(&r);
	assert_true(r.chan->candidate);
	ev_pipe(&r, 1, MW_DIR_READ, 1, "b");
	give(&r);
	assert_false(r.chan->candidate);
	ev_pipe(&r, 1, MW_DIR_WRITE, 1, "b")->hdr.flags = MW_EVF_CANDIDATE;
	give(&r);
	assert_false(r.chan->candidate);
	run_done(&r);
}

static void io_uring_is_a_reason(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	w_miss(&r, 0, "ab", 9, MW_MISS_URING);
	assert_buf_equal(&r.out, " 1w@0:ab 1w@2-7U");
	run_done(&r);
}

/* What continues a system call says so: its first byte begins nothing. */
static void inside_a_call(void **state)
{
	static const struct {
		uint32_t call_off;
		uint64_t off;
		bool inside;
	} all[] = { { 0, 0, false }, { 3, 3, true }, { 0, 4, true }, { 0, 7, false } };
	struct mw_chunk c;
	struct run r;

	run_init(&r, &test_alloc, 8);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		/* the third one overlaps what was given out: its first bytes are behind us */
		struct mw_ev_io *ev = ev_pipe(&r, 1, MW_DIR_WRITE, all[i].off, "abc");

		ev->call_off = all[i].call_off;
		assert_int_equal(mw_stream_push(r.s, ev), 0);
		assert_int_equal(mw_stream_next(r.s, &c), 1);
		assert_int_equal(c.inside, all[i].inside);
		assert_int_equal(mw_stream_next(r.s, &c), 0);
	}
	run_done(&r);
}

/* --- the end --------------------------------------------------------------------------- */

static void both_sockets_say_it(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	tcp(&r, 200, MW_DIR_READ, v4(1, 80), v4(1, 5000), "GET");
	tcp(&r, 200, MW_DIR_WRITE, v4(1, 80), v4(1, 5000), "200");
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	r.out.len = 0;
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_LOCAL));
	assert_buf_equal(&r.out, " 1w.");
	assert_int_equal(r.closed_ns, r.ts);
	close_it(&r, ev_close(200, v4(1, 80), v4(1, 5000), MW_CLOSE_BOTH));
	assert_buf_equal(&r.out, " 1w. 1r. 2w.");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH));
	assert_buf_equal(&r.out, " 1w. 1r. 2w. 2r.");
	/* once */
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH));
	close_it(&r, ev_close(200, v4(1, 80), v4(1, 5000), MW_CLOSE_PEER));
	tick(&r, 10 * MW_STREAM_QUIET_NS);
	assert_buf_equal(&r.out, " 1w. 1r. 2w. 2r.");
	run_done(&r);
}

static void of_others_it_is_nothing(void **state)
{
	struct mw_ev_close *ev;
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "GET");
	r.out.len = 0;
	close_it(&r, ev_close(100, v4(1, 5001), v4(1, 80), MW_CLOSE_BOTH));
	close_it(&r, ev_close(99, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH));
	ev = ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH);
	ev->gen = 99;
	close_it(&r, ev);
	ev = ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH);
	ev->netns = 8;
	close_it(&r, ev);
	/* the end that was never seen */
	close_it(&r, ev_close(200, v4(1, 80), v4(1, 5000), MW_CLOSE_BOTH));
	assert_int_equal(r.out.len, 0);
	run_done(&r);
}

/* What the peer sent before its FIN is read afterwards, as slowly as the reader likes. */
static void what_the_peer_sent_is_read_first(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "20");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_PEER));
	tick(&r, MW_STREAM_QUIET_NS - MS);
	ev_pipe(&r, 100, MW_DIR_READ, 2, "0");
	r.ev.io.gen = 100;
	r.ev.io.netns = 9;
	r.ev.io.kind = MW_CHAN_TCP4;
	r.ev.io.local = v4(1, 5000);
	r.ev.io.peer = v4(1, 80);
	give(&r);
	tick(&r, MW_STREAM_QUIET_NS - MS);
	assert_buf_equal(&r.out, " 1r@0:200");
	tick(&r, MS);
	assert_buf_equal(&r.out, " 1r@0:200 1r.");
	/* when it was read, not when we were sure */
	assert_true(r.closed_ns < r.ts - MW_STREAM_QUIET_NS + MS);
	run_done(&r);
}

static void or_the_socket_is_closed(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_PEER));
	assert_buf_equal(&r.out, " 1r@0:200");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_BOTH));
	assert_buf_equal(&r.out, " 1r@0:200 1r.");
	tick(&r, 2 * MW_STREAM_QUIET_NS);
	assert_buf_equal(&r.out, " 1r@0:200 1r.");
	run_done(&r);
}

static void or_the_input_ends(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_PEER));
	end(&r);
	assert_buf_equal(&r.out, " 1r@0:200 1r.");
	run_done(&r);
}

static void behind_what_is_held(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	tcp(&r, 100, MW_DIR_WRITE, v4(1, 5000), v4(1, 80), "abc");
	r.ev.io.off = 5;
	r.ev.io.hdr.ts_ns = r.ts += 1000;
	give(&r);
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_LOCAL));
	assert_buf_equal(&r.out, " 1w@0:abc");
	tick(&r, MW_STREAM_WAIT_NS);
	assert_buf_equal(&r.out, " 1w@0:abc 1w@3-2L 1w@5:abc 1w.");
	run_done(&r);
}

static void given_up_while_it_waits(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 1);
	tcp(&r, 100, MW_DIR_READ, v4(1, 5000), v4(1, 80), "200");
	close_it(&r, ev_close(100, v4(1, 5000), v4(1, 80), MW_CLOSE_PEER));
	tcp(&r, 300, MW_DIR_READ, v4(1, 5001), v4(1, 80), "x");
	tick(&r, 2 * MW_STREAM_QUIET_NS);
	assert_buf_equal(&r.out, " 1r@0:200 1! 2r@0:x");
	run_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_knows_its_way_back),
		cmocka_unit_test(tcp_without_addresses_too),
		cmocka_unit_test(unix_by_the_other_channel),
		cmocka_unit_test(given_up_it_is_forgotten),
		cmocka_unit_test(an_ended_one_is_nobodys_way_back),
		cmocka_unit_test(a_candidate_until_another_comes),
		cmocka_unit_test(io_uring_is_a_reason),
		cmocka_unit_test(inside_a_call),
		cmocka_unit_test(both_sockets_say_it),
		cmocka_unit_test(of_others_it_is_nothing),
		cmocka_unit_test(what_the_peer_sent_is_read_first),
		cmocka_unit_test(or_the_socket_is_closed),
		cmocka_unit_test(or_the_input_ends),
		cmocka_unit_test(behind_what_is_held),
		cmocka_unit_test(given_up_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
