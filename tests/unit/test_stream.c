/* SPDX-License-Identifier: Apache-2.0 */
#include "support_stream.h"

/* --- order on one half, as scripts ----------------------------------------------------- */

/*
 * A script: "off:bytes" an event, "off:bytes+nF" one of which n more bytes moved, "t" 250 ms go by,
 * "h" 110 ms, "l" 250 ms without a tick, "." the end; words in order. " ~" behind what comes out:
 * there is more, held.
 */
static const struct {
	const char *in, *out;
} cases[] = {
	{ "0:abc 3:def 6:g", " 1w@0:abcdefg" },
	{ "0:abc 6:ghi 3:def", " 1w@0:abcdefghi" },
	{ "6:ghi 3:def 0:abc", " 1w@0:abcdefghi" },
	{ "4:e 2:c 0:a 3:d 1:b 5:f", " 1w@0:abcdef" },
	/* a hole is waited for, then it is a gap */
	{ "0:abc 6:ghi", " 1w@0:abc ~" },
	{ "0:abc 6:ghi t", " 1w@0:abc 1w@3-3L 1w@6:ghi" },
	{ "0:abc 6:ghi t 3:def 9:j", " 1w@0:abc 1w@3-3L 1w@6:ghij" },
	{ "0:abc 6:ghi .", " 1w@0:abc 1w@3-3L 1w@6:ghi" },
	{ "3:d .", " 1w@0-3L 1w@3:d" },
	{ "2:c 4:e 6:g .", " 1w@0-2L 1w@2:c 1w@3-1L 1w@4:e 1w@5-1L 1w@6:g" },
	{ "2:c 4:e t 6:g t 8:i t", " 1w@0-2L 1w@2:c 1w@3-1L 1w@4:e 1w@5-1L 1w@6:g 1w@7-1L 1w@8:i" },
	/* the hole of one is known since the first chunk behind it */
	{ "5:f h 2:c h 3:d", " 1w@0-2L 1w@2:c 1w@3-2L 1w@5:f" },
	{ "2:c h 5:f h 3:d", " 1w@0-2L 1w@2:cd ~" },
	{ "2:c h 5:f h h", " 1w@0-2L 1w@2:c 1w@3-2L 1w@5:f" },
	{ "5:f h 0:a h", " 1w@0:a 1w@1-4L 1w@5:f" },
	{ "3:def h h 0:abc", " 1w@0-3L 1w@3:def" },
	/* what fills the hole comes late, but before a tick: no gap as long as none was said */
	{ "0:a 3:de l 1:bc", " 1w@0:abcde" },
	{ "0:a 3:de l 1:b t 2:c", " 1w@0:ab 1w@2-1L 1w@3:de" },
	/* twice the same, and overlaps */
	{ "0:abc 0:abc 3:d", " 1w@0:abcd" },
	{ "0:abc 1:bcd 2:cdef 0:ab", " 1w@0:abcdef" },
	{ "4:efg 2:cde 6:gh 3:defgh 0:abc", " 1w@0:abcdefgh" },
	{ "2:cd 2:cd 2:cd 0:abc", " 1w@0:abcd" },
	/* not all captured: its own gap, at once */
	{ "0:abc+2F 5:f", " 1w@0:abc 1w@3-2F 1w@5:f" },
	{ "0:+4C 4:e", " 1w@0-4C 1w@4:e" },
	{ "0:a+3M", " 1w@0:a 1w@1-3M" },
	{ "0:a+3? 4:e", " 1w@0:a 1w@1-3L 1w@4:e" },
	{ "4:ef+2F 8:i 0:abcd", " 1w@0:abcdef 1w@6-2F 1w@8:i" },
	{ "0:abcd 2:cd+4F 8:i", " 1w@0:abcd 1w@4-4F 1w@8:i" },
	{ "0:abcd 2:c+5F 8:i", " 1w@0:abcd 1w@4-4F 1w@8:i" },
	{ "5:f+1F 0:a t", " 1w@0:a 1w@1-4L 1w@5:f 1w@6-1F" },
	/* nothing moved */
	{ "0: 0:a 5: 1:b", " 1w@0:ab" },
};

static void play(struct run *r, const char *in, size_t split)
{
	while (*in) {
		size_t off = 0, n = 0, more = 0;
		char bytes[64], miss = 0;

		if (*in == ' ') {
			in++;
			continue;
		}
		if (*in == 't' || *in == 'h' || *in == 'l') {
			if (*in == 'l')
				r->ts += 250 * MS;
			else
				tick(r, *in == 't' ? 250 * MS : 110 * MS);
			in++;
			continue;
		}
		if (*in == '.') {
			end(r);
			in++;
			continue;
		}
		off = strtoul(in, (char **)&in, 10);
		in++;
		while (*in && *in != ' ' && *in != '+')
			bytes[n++] = *in++;
		bytes[n] = 0;
		if (*in == '+') {
			static const char letters[] = "-FMC";
			const char *l;

			more = strtoul(in + 1, (char **)&in, 10);
			l = strchr(letters, *in++);
			miss = l ? (char)(l - letters) : 99;
		}
		if (split && split < n) {
			char first[64];

			memcpy(first, bytes, split);
			first[split] = 0;
			w(r, off, first);
			w_miss(r, off + split, bytes + split, (uint32_t)(n - split + more),
			       (uint8_t)miss);
		} else {
			w_miss(r, off, bytes, (uint32_t)(n + more), (uint8_t)miss);
		}
	}
}

static void order(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t split = 0; split < 6; split++) {
			struct mw_stream_stats st;
			struct run r;

			run_init(&r, &test_alloc, 4);
			play(&r, cases[i].in, split);
			mw_stream_stats(r.s, &st);
			assert_int_equal(st.bytes, r.n_bytes);
			assert_int_equal(st.gap_bytes, r.n_gap);
			if (st.held_bytes)
				mw_buf_append_str(&r.out, " ~");
			assert_buf_equal(&r.out, cases[i].out);
			run_done(&r);
		}
	assert_int_equal(test_alloc_live(), 0);
}

/* Without memory nothing is lost silently: bytes and gaps still cover all that came. */
static void order_without_memory(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_stream_stats good = { 0 }, st;
		struct run r;

		run_init(&r, &test_alloc, 4);
		play(&r, cases[i].in, 0);
		end(&r);
		mw_stream_stats(r.s, &good);
		run_done(&r);
		TEST_EACH_FAILURE(n)
		{
			if (run_init(&r, &test_alloc_failing, 4)) {
				play(&r, cases[i].in, 0);
				end(&r);
				mw_stream_stats(r.s, &st);
				if (st.dropped_bytes == 0)
					assert_int_equal(st.bytes + st.gap_bytes,
							 good.bytes + good.gap_bytes);
				assert_int_equal(st.held_bytes, 0);
			}
			run_done(&r);
		}
	}
}

static void in_order_is_zero_copy(void **state)
{
	struct mw_chunk c;
	size_t calls;
	struct run r;

	run_init(&r, &test_alloc, 4);
	w(&r, 0, "abc");
	calls = test_alloc_calls();
	ev_pipe(&r, 1, MW_DIR_WRITE, 3, "def");
	assert_int_equal(mw_stream_push(r.s, &r.ev.io), 0);
	assert_int_equal(mw_stream_push(r.s, &r.ev.io), -EBUSY);
	assert_int_equal(mw_stream_next(r.s, &c), 1);
	assert_ptr_equal(c.bytes.p, mw_event_io_bytes(&r.ev.io).p);
	assert_int_equal(c.off, 3);
	assert_int_equal(c.ts_ns, r.ts);
	assert_int_equal(c.tid, 20);
	assert_int_equal(c.proc.tgid, 11);
	assert_int_equal(c.proc.start_ns, 5);
	assert_int_equal(c.end, MW_END_WRITE);
	assert_int_equal(c.chan->last[MW_END_WRITE].tgid, 11);
	assert_true(mw_prockey_none(c.chan->last[MW_END_READ]));
	assert_int_equal(c.chan->ino, 77);
	assert_int_equal(c.chan->kind, MW_CHAN_PIPE);
	assert_null(c.chan->half[MW_END_READ]);
	assert_int_equal(mw_stream_next(r.s, &c), 0);
	assert_int_equal(test_alloc_calls(), calls);
	run_done(&r);
}

static void held_keeps_its_own_time_and_owner(void **state)
{
	struct mw_chunk c;
	struct run r;

	run_init(&r, &test_alloc, 4);
	ev_pipe(&r, 1, MW_DIR_WRITE, 3, "def")->hdr.tid = 99;
	r.ev.io.hdr.ts_ns = 7;
	give(&r);
	ev_pipe(&r, 1, MW_DIR_WRITE, 0, "abc");
	assert_int_equal(mw_stream_push(r.s, &r.ev.io), 0);
	assert_int_equal(mw_stream_next(r.s, &c), 1);
	assert_int_equal(c.tid, 20);
	assert_int_equal(mw_stream_next(r.s, &c), 1);
	assert_slice_equal(c.bytes, "def");
	assert_int_equal(c.tid, 99);
	assert_int_equal(c.ts_ns, 7);
	run_done(&r);
}

/* --- limits ---------------------------------------------------------------------------- */

static void chunks_held_are_limited(void **state)
{
	struct mw_stream_stats st;
	struct run r;

	run_init(&r, &test_alloc, 4);
	for (uint64_t i = 0; i < MW_STREAM_HELD_CHUNKS; i++)
		w(&r, 10 + 2 * i, "x");
	assert_buf_equal(&r.out, "");
	/* one more, between them: only the holes before it are given up */
	w(&r, 13, "y");
	assert_buf_equal(&r.out, " 1w@0-10L 1w@10:x 1w@11-1L 1w@12:xyx");
	mw_stream_stats(r.s, &st);
	assert_true(st.held_bytes > 0);
	end(&r);
	mw_stream_stats(r.s, &st);
	assert_int_equal(st.held_bytes, 0);
	assert_int_equal(st.bytes, MW_STREAM_HELD_CHUNKS + 1);
	assert_int_equal(st.bytes + st.gap_bytes, 10 + 2 * (MW_STREAM_HELD_CHUNKS - 1) + 1);
	run_done(&r);
}

static void big(struct run *r, uint64_t chan, uint64_t off)
{
	struct mw_ev_io *ev = ev_pipe(r, chan, MW_DIR_WRITE, off, "");

	memset(r->ev.bytes + sizeof(*ev), 'x', MW_IO_CHUNK);
	ev->moved = ev->captured = MW_IO_CHUNK;
	give(r);
}

static void bytes_held_are_limited(void **state)
{
	uint64_t off = 1;
	struct mw_stream_stats st;
	struct run r;

	run_init(&r, &test_alloc, 100);
	for (; r.out.len == 0; off += MW_IO_CHUNK) {
		big(&r, 1, off);
		mw_stream_stats(r.s, &st);
		assert_true(st.held_bytes <= MW_STREAM_HELD_MAX);
		assert_true(off <= MW_STREAM_HELD_MAX);
	}
	assert_true(off > MW_STREAM_HELD_MAX - 2 * MW_IO_CHUNK);
	assert_int_equal(r.n_gap, 1);
	assert_int_equal(r.n_bytes, off - 1);
	mw_buf_reset(&r.out, 0);
	/* and over all channels together */
	for (uint64_t chan = 2; r.out.len == 0; chan++)
		for (off = 1; off + MW_IO_CHUNK < MW_STREAM_HELD_MAX - 100000 && r.out.len == 0;
		     off += MW_IO_CHUNK) {
			big(&r, chan, off);
			mw_stream_stats(r.s, &st);
			assert_true(st.held_bytes <= MW_STREAM_HELD_TOTAL);
			assert_true(chan < 12);
		}
	assert_true(st.held_bytes > MW_STREAM_HELD_TOTAL - (8u << 20));
	run_done(&r);
	assert_int_equal(test_alloc_live(), 0);
}

static void least_used_channel_is_evicted(void **state)
{
	struct mw_stream_stats st;
	struct run r;

	run_init(&r, &test_alloc, 2);
	w(&r, 0, "a");
	w(&r, 5, "f");
	ev_pipe(&r, 2, MW_DIR_WRITE, 0, "A");
	give(&r);
	w(&r, 1, "b");
	ev_pipe(&r, 2, MW_DIR_WRITE, 3, "D");
	give(&r);
	ev_pipe(&r, 3, MW_DIR_WRITE, 0, "z");
	give(&r);
	/* channel 1 was used before 2: it gives what it holds, says goodbye, then the new one */
	assert_buf_equal(&r.out, " 1w@0:a 2w@0:A 1w@1:b 1w@2-3L 1w@5:f 1! 3w@0:z");
	/* back again: a new channel, and all before is missing */
	w(&r, 6, "g");
	tick(&r, 250 * MS);
	assert_buf_equal(&r.out, " 1w@0:a 2w@0:A 1w@1:b 1w@2-3L 1w@5:f 1! 3w@0:z 2w@1-2L 2w@3:D 2!"
				 " 4w@0-6L 4w@6:g");
	mw_stream_stats(r.s, &st);
	assert_int_equal(st.evicted, 2);
	assert_int_equal(st.replaced, 0);
	run_done(&r);
	/* one channel only, and freed while one is on its way out */
	run_init(&r, &test_alloc, 1);
	w(&r, 3, "d");
	ev_pipe(&r, 2, MW_DIR_WRITE, 0, "A");
	assert_int_equal(mw_stream_push(r.s, &r.ev.io), 0);
	mw_stream_tick(r.s, UINT64_MAX);
	mw_stream_finish(r.s);
	run_done(&r);
	assert_int_equal(test_alloc_live(), 0);
}

/* The rest of an event's own gap, an eviction and held chunks of two channels, all pending at once.
 */
static void tick_and_finish_reach_every_half(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 8);
	for (uint64_t c = 1; c <= 3; c++) {
		ev_pipe(&r, c, MW_DIR_WRITE, 1, "w");
		give(&r);
		ev_pipe(&r, c, MW_DIR_READ, 2, "r");
		give(&r);
	}
	assert_buf_equal(&r.out, "");
	tick(&r, 250 * MS);
	assert_int_equal(r.n_gap, 3 * (1 + 2));
	assert_int_equal(r.n_bytes, 6);
	for (uint64_t c = 1; c <= 3; c++) {
		ev_pipe(&r, c, MW_DIR_WRITE, 12, "w");
		give(&r);
	}
	assert_int_equal(r.n_bytes, 6);
	end(&r);
	assert_int_equal(r.n_bytes, 9);
	assert_int_equal(r.n_gap, 9 + 30);
	run_done(&r);
}

/* --- memory ---------------------------------------------------------------------------- */

static void no_memory_to_hold_gives_up_the_hole(void **state)
{
	struct run r;

	assert_true(run_init(&r, &test_alloc_failing, 4));
	w(&r, 0, "a");
	w(&r, 5, "f");
	test_alloc_fail_at(1);
	w(&r, 8, "i"); /* its bytes are not lost */
	assert_true(test_alloc_failed());
	assert_int_equal(r.r, 0);
	assert_buf_equal(&r.out, " 1w@0:a 1w@1-4L 1w@5:f 1w@6-2L 1w@8:i");
	test_alloc_fail_at(0);
	run_done(&r);
}

static void no_memory_for_a_channel(void **state)
{
	struct mw_stream_stats st;
	struct mw_stream *none = (void *)&st;
	struct run r;

	assert_int_equal(mw_stream_new(&test_alloc, 0, &none), -EINVAL);
	assert_ptr_equal(none, &st);
	assert_true(run_init(&r, &test_alloc_failing, 1));
	test_alloc_fail_at(1);
	w(&r, 0, "abc");
	assert_int_equal(r.r, -ENOMEM);
	mw_stream_stats(r.s, &st);
	assert_int_equal(st.dropped_bytes, 3);
	w(&r, 3, "def");
	end(&r);
	assert_buf_equal(&r.out, " 1w@0-3L 1w@3:def");
	test_alloc_fail_at(1);
	ev_pipe(&r, 2, MW_DIR_WRITE, 0, "x");
	give(&r);
	assert_int_equal(r.r, -ENOMEM);
	test_alloc_fail_at(0);
	run_done(&r);
	mw_stream_free(NULL);
	assert_int_equal(test_alloc_live(), 0);
}

/* --- at random ------------------------------------------------------------------------- */

static uint64_t rnd_state;
static uint32_t rnd(uint32_t n)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(rnd_state >> 33) % n;
}

/* Two halves in random pieces, swapped, doubled and dropped: what comes out has every byte in its
 * place once or says that it is missing. */
static void at_random(void **state, const struct mw_alloc *a)
{
	struct piece {
		uint32_t off, n, cap;
		uint8_t dir;
	} in[400];

	for (uint32_t seed = 1; seed < 150; seed++) {
		uint32_t at[2] = { 0, 0 }, dropped = 0;
		uint64_t want[2] = { 0, 0 };
		struct mw_chunk c;
		struct run r;

		rnd_state = seed;
		test_alloc_fail_at(seed % 3 ? 0 : 8 + seed % 50);
		if (!run_init(&r, a, 4))
			continue;
		for (size_t i = 0; i < 400; i++) {
			in[i].dir = (uint8_t)rnd(2);
			in[i].n = 1 + rnd(40);
			in[i].cap = rnd(10) ? in[i].n : rnd(in[i].n);
			in[i].off = at[in[i].dir];
			at[in[i].dir] += in[i].n;
		}
		for (size_t i = 0; i + 8 < 400; i++)
			if (rnd(3) == 0) {
				size_t k = i + rnd(8);
				struct piece t = in[i];

				in[i] = in[k];
				in[k] = t;
			}
		for (size_t i = 0; i < 400; i++) {
			struct mw_ev_io *ev;

			if (rnd(30) == 0) {
				dropped++;
				continue;
			}
			ev = ev_pipe(&r, 1, in[i].dir, in[i].off, "");
			ev->moved = in[i].n;
			ev->captured = in[i].cap;
			ev->miss = MW_MISS_FAULT;
			for (uint32_t k = 0; k < in[i].cap; k++)
				r.ev.bytes[sizeof(*ev) + k] =
				    (uint8_t)((in[i].off + k) * 7 + in[i].dir);
			assert_true(mw_stream_push(r.s, ev) >= -ENOMEM);
			if (rnd(60) == 0)
				i--; /* once more */
			if (i % 64 == 63)
				mw_stream_finish(r.s);
			while (mw_stream_next(r.s, &c) == 1) {
				assert_int_equal(c.off, want[c.end]);
				want[c.end] += c.bytes.n + c.gap;
				assert_true(want[c.end] <= at[c.end]);
				for (size_t k = 0; k < c.bytes.n; k++)
					assert_int_equal(c.bytes.p[k],
							 (uint8_t)((c.off + k) * 7 + c.end));
			}
		}
		run_done(&r);
	}
	test_alloc_fail_at(0);
	assert_int_equal(test_alloc_live(), 0);
}

static void random_pieces(void **state)
{
	at_random(state, &test_alloc);
}

static void random_pieces_without_memory(void **state)
{
	at_random(state, &test_alloc_failing);
}

static void hostile_numbers(void **state)
{
	struct run r;

	run_init(&r, &test_alloc, 4);
	ev_pipe(&r, 1, MW_DIR_WRITE, UINT64_MAX - 1, "x");
	r.ev.io.hdr.ts_ns = UINT64_MAX;
	give(&r);
	w(&r, 5, "y");
	tick(&r, 0);
	end(&r);
	assert_buf_equal(&r.out,
			 " 1w@0-5L 1w@5:y 1w@6-18446744073709551608L 1w@18446744073709551614:x");
	w(&r, UINT64_MAX - 1, "z");
	end(&r);
	run_done(&r);
	assert_int_equal(test_alloc_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(order_without_memory),
		cmocka_unit_test(in_order_is_zero_copy),
		cmocka_unit_test(held_keeps_its_own_time_and_owner),
		cmocka_unit_test(chunks_held_are_limited),
		cmocka_unit_test(bytes_held_are_limited),
		cmocka_unit_test(least_used_channel_is_evicted),
		cmocka_unit_test(tick_and_finish_reach_every_half),
		cmocka_unit_test(no_memory_to_hold_gives_up_the_hole),
		cmocka_unit_test(no_memory_for_a_channel),
		cmocka_unit_test(random_pieces),
		cmocka_unit_test(random_pieces_without_memory),
		cmocka_unit_test(hostile_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
