/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/event.h"

union any {
	uint64_t align[MW_EVENT_MAX / 8 + 2];
	uint8_t bytes[MW_EVENT_MAX + 16];
	struct mw_event_hdr hdr;
	struct mw_ev_io io;
	struct mw_ev_proc proc;
	struct mw_ev_act act;
	struct mw_ev_meta meta;
	struct mw_ev_user user;
	struct mw_ev_state state;
	struct mw_ev_outlet outlet;
};

static union any e;

static const struct {
	uint16_t type;
	size_t body;
} types[] = {
	{ MW_EV_IO, sizeof(struct mw_ev_io) },	     { MW_EV_FORK, sizeof(struct mw_ev_fork) },
	{ MW_EV_EXEC, sizeof(struct mw_ev_proc) },   { MW_EV_EXIT, sizeof(struct mw_ev_exit) },
	{ MW_EV_ACT, sizeof(struct mw_ev_act) },     { MW_EV_SOCK, sizeof(struct mw_ev_sock) },
	{ MW_EV_META, sizeof(struct mw_ev_meta) },   { MW_EV_TICK, sizeof(struct mw_event_hdr) },
	{ MW_EV_LOST, sizeof(struct mw_ev_lost) },   { MW_EV_PROC, sizeof(struct mw_ev_proc) },
	{ MW_EV_CLOCK, sizeof(struct mw_ev_clock) }, { MW_EV_USER, sizeof(struct mw_ev_user) },
	{ MW_EV_STATE, sizeof(struct mw_ev_state) }, { MW_EV_OUTLET, sizeof(struct mw_ev_outlet) },
	{ 9999, sizeof(struct mw_event_hdr) },
};

static void fresh(uint16_t type, size_t len)
{
	memset(&e, 0, sizeof(e));
	e.hdr.type = type;
	e.hdr.len = (uint32_t)len;
	if (type == MW_EV_IO)
		e.io.kind = MW_CHAN_PIPE;
}

static void whole_or_not_yet_or_never(void **state)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t body = types[i].body;

		fresh(types[i].type, body);
		for (size_t n = 0; n < body; n++)
			assert_int_equal(mw_event_check(&e, n), 0);
		assert_int_equal(mw_event_check(&e, body), body);
		assert_int_equal(mw_event_check(&e, body + 8), body);
		e.hdr.len = (uint32_t)body - 8;
		assert_int_equal(mw_event_check(&e, body), -EBADMSG);
		/* more behind it is passed over */
		e.hdr.len = (uint32_t)body + 8;
		assert_int_equal(mw_event_check(&e, body), 0);
		assert_int_equal(mw_event_check(&e, body + 8), body + 8);
	}
}

static void reads_nothing_beyond(void **state)
{
	struct test_guard g;

	test_guard_init(&g, 4096);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fresh(types[i].type, types[i].body + 16);
		/* the contract wants p aligned, so only lengths that leave it so */
		for (size_t n = 0; n <= types[i].body + 16; n += 8) {
			struct mw_slice s = test_guard_copy(&g, mw_slice(&e, n));

			assert_int_equal(mw_event_check(s.p, s.n),
					 n < types[i].body + 16 ? 0 : (int)n);
		}
	}
	test_guard_done(&g);
}

static void refuses_bad_lengths(void **state)
{
	static const uint32_t bad[] = {
		0, 8, 48, 55, 57, 60, MW_EVENT_MAX + 8, UINT32_MAX, UINT32_MAX - 7
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh(MW_EV_TICK, bad[i]);
		assert_int_equal(mw_event_check(&e, sizeof(e)), -EBADMSG);
		assert_int_equal(mw_event_check(&e, 4), -EBADMSG);
		assert_int_equal(mw_event_check(&e, 3), 0);
	}
	fresh(9999, MW_EVENT_MAX);
	assert_int_equal(mw_event_check(&e, sizeof(e)), MW_EVENT_MAX);
}

static void io_holds_what_it_says(void **state)
{
	size_t len = sizeof(struct mw_ev_io) + 16;

	fresh(MW_EV_IO, len);
	e.io.moved = e.io.captured = 16;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_ptr_equal(mw_event_io_bytes(&e.io).p, e.bytes + sizeof(struct mw_ev_io));
	assert_int_equal(mw_event_io_bytes(&e.io).n, 16);
	e.io.moved = 100;
	assert_int_equal(mw_event_check(&e, len), len);
	e.io.captured = 17;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.captured = e.io.moved = UINT32_MAX;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.captured = 16;
	e.io.moved = 15;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.moved = 16;
	e.io.off = UINT64_MAX - 16;
	assert_int_equal(mw_event_check(&e, len), len);
	e.io.off++;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.off = 0;
	e.io.dir = 2;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.dir = MW_DIR_WRITE;
	e.io.kind = 0;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.kind = MW_CHAN_TCP6 + 1;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.io.kind = MW_CHAN_TCP6;
	e.io.miss = 200; /* a reason to come is no reason to refuse */
	assert_int_equal(mw_event_check(&e, len), len);
}

static void strings_fit(void **state)
{
	struct mw_slice home;
	size_t len = sizeof(struct mw_ev_proc) + 24;
	struct mw_event_proc_strings p;
	struct mw_event_act_strings a;
	struct mw_event_meta_strings m;

	fresh(MW_EV_EXEC, len);
	memcpy(e.bytes + sizeof(e.proc),
	       "/bin/ls"
	       "ls\0-l\0"
	       "/tmp"
	       "/sys.slice",
	       7 + 6 + 4 + 10);
	e.proc.exe_len = 7;
	e.proc.argv_len = 6;
	e.proc.cwd_len = 4;
	e.proc.cgroup_len = 7;
	assert_int_equal(mw_event_check(&e, len), len);
	p = mw_event_proc_strings(&e.proc);
	assert_slice_equal(p.exe, "/bin/ls");
	assert_int_equal(p.argv.n, 6);
	assert_memory_equal(p.argv.p, "ls\0-l", 6);
	assert_slice_equal(p.cwd, "/tmp");
	assert_slice_equal(p.cgroup, "/sys.sl");
	e.proc.cgroup_len = 8;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.proc.exe_len = e.proc.argv_len = e.proc.cwd_len = e.proc.cgroup_len = UINT16_MAX;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.hdr.type = MW_EV_PROC;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_act) + 16;
	fresh(MW_EV_ACT, len);
	memcpy(e.bytes + sizeof(e.act), "/a/bb/ccdddeeeee", 16);
	e.act.path_len = 2;
	e.act.base_len = 3;
	e.act.asked_len = 3;
	e.act.base2_len = 3;
	e.act.asked2_len = 5;
	assert_int_equal(mw_event_check(&e, len), len);
	a = mw_event_act_strings(&e.act);
	assert_slice_equal(a.path, "/a");
	assert_slice_equal(a.base, "/bb");
	assert_slice_equal(a.asked, "/cc");
	assert_slice_equal(a.base2, "ddd");
	assert_slice_equal(a.asked2, "eeeee");
	e.act.asked2_len = 6;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_meta) + 8;
	fresh(MW_EV_META, len);
	memcpy(e.bytes + sizeof(e.meta), "hk6.1bb0", 8);
	e.meta.host_len = 1;
	e.meta.kernel_len = 4;
	e.meta.boot_id_len = 2;
	e.meta.mcpwatch_len = 1;
	assert_int_equal(mw_event_check(&e, len), len);
	m = mw_event_meta_strings(&e.meta);
	assert_slice_equal(m.host, "h");
	assert_slice_equal(m.kernel, "k6.1");
	assert_slice_equal(m.boot_id, "bb");
	assert_slice_equal(m.mcpwatch, "0");
	assert_int_equal(m.sources.n, 0); /* an older capture has none */
	e.meta.host_len = 0;
	e.meta.sources_len = 1;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_meta_strings(&e.meta).sources, "0");
	e.meta.sources_len = 2;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.meta.sources_len = 0;
	e.meta.host_len = 1;
	e.meta.mcpwatch_len = 2;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_outlet) + 8;
	fresh(MW_EV_OUTLET, len);
	memcpy(e.bytes + sizeof(e.outlet), "journal", 7);
	e.outlet.name_len = 7;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_outlet(&e.outlet), "journal");
	e.outlet.name_len = 9;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.outlet.name_len = UINT32_MAX;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_state) + 8;
	fresh(MW_EV_STATE, len);
	memcpy(e.bytes + sizeof(e.state), "{\"x\":1}", 7);
	e.state.len = 7;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_state(&e.state), "{\"x\":1}");
	e.state.len = 9;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
	e.state.len = UINT32_MAX;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_user) + 8;
	fresh(MW_EV_USER, len);
	memcpy(e.bytes + sizeof(e.user), "root", 4);
	e.user.name_len = 4;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_user(&e.user, &home), "root");
	assert_int_equal(home.n, 0);
	e.user.home_len = 4;
	memcpy(e.bytes + sizeof(e.user) + 4, "/abc", 4);
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_user(&e.user, &home), "root");
	assert_slice_equal(home, "/abc");
	e.user.name_len = 5;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_state) + 8;
	fresh(MW_EV_STATE, len);
	memcpy(e.bytes + sizeof(e.state), "{}", 2);
	e.state.len = 2;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_state(&e.state), "{}");
	e.state.len = 9;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);

	len = sizeof(struct mw_ev_outlet) + 8;
	fresh(MW_EV_OUTLET, len);
	memcpy(e.bytes + sizeof(e.outlet), "syslog", 6);
	e.outlet.name_len = 6;
	assert_int_equal(mw_event_check(&e, len), len);
	assert_slice_equal(mw_event_outlet(&e.outlet), "syslog");
	e.outlet.name_len = 9;
	assert_int_equal(mw_event_check(&e, len), -EBADMSG);
}

/* --- mw_seq ---------------------------------------------------------------------------- */

static struct mw_seq *seq_new(unsigned int n_cpu)
{
	struct mw_seq *s;

	assert_int_equal(mw_seq_new(&test_alloc, n_cpu, &s), 0);
	return s;
}

static void seq_in_order_loses_nothing(void **state)
{
	struct mw_seq *s = seq_new(2);

	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(mw_seq_push(s, 0, i), 0);
		assert_int_equal(mw_seq_push(s, 1, i), 0);
	}
	assert_int_equal(mw_seq_finish(s, 0, 1000), 0);
	assert_int_equal(mw_seq_finish(s, 1, 1003), 3);
	assert_int_equal(mw_seq_finish(s, 1, 1003), 0);
	mw_seq_free(s);
	mw_seq_free(NULL);
	assert_int_equal(test_alloc_live(), 0);
}

static void seq_hole_is_judged_a_window_later(void **state)
{
	struct mw_seq *s = seq_new(1);

	assert_int_equal(mw_seq_push(s, 0, 0), 0);
	for (uint64_t i = 3; i < 1 + MW_SEQ_WINDOW; i++)
		assert_int_equal(mw_seq_push(s, 0, i), 0);
	/* 2 comes after all, 1 is too late */
	assert_int_equal(mw_seq_push(s, 0, 2), 0);
	assert_int_equal(mw_seq_push(s, 0, 1 + MW_SEQ_WINDOW), 1);
	assert_int_equal(mw_seq_push(s, 0, 1), 0);
	assert_int_equal(mw_seq_push(s, 0, 2 + MW_SEQ_WINDOW), 0);
	assert_int_equal(mw_seq_finish(s, 0, 3 + MW_SEQ_WINDOW), 0);
	mw_seq_free(s);
}

static void seq_begins(void **state)
{
	struct mw_seq *s = seq_new(3);

	/* within the window of 0: what is before it is missing */
	assert_int_equal(mw_seq_push(s, 0, 5), 0);
	assert_int_equal(mw_seq_finish(s, 0, 6), 5);
	assert_int_equal(mw_seq_push(s, 1, MW_SEQ_WINDOW), 1);
	assert_int_equal(mw_seq_finish(s, 1, MW_SEQ_WINDOW + 1), MW_SEQ_WINDOW - 1);
	/* beyond: joined in the middle */
	assert_int_equal(mw_seq_push(s, 2, MW_SEQ_WINDOW + 1), 0);
	assert_int_equal(mw_seq_push(s, 2, MW_SEQ_WINDOW), 0);
	assert_int_equal(mw_seq_finish(s, 2, MW_SEQ_WINDOW + 2), 0);
	mw_seq_free(s);
}

static void seq_hostile(void **state)
{
	struct mw_seq *s = seq_new(1);

	assert_int_equal(mw_seq_push(s, 0, 0), 0);
	assert_true(mw_seq_push(s, 0, UINT64_MAX) == UINT64_MAX - MW_SEQ_WINDOW);
	assert_int_equal(mw_seq_push(s, 0, 1), 0);
	assert_int_equal(mw_seq_push(s, 0, UINT64_MAX), 0);
	assert_int_equal(mw_seq_finish(s, 0, 0), 0);
	assert_int_equal(mw_seq_finish(s, 0, UINT64_MAX), MW_SEQ_WINDOW - 1);
	assert_int_equal(mw_seq_unfollowed(s), 0);
	assert_int_equal(mw_seq_push(s, 1, 7), 0);
	assert_int_equal(mw_seq_push(s, MW_CPU_NONE, 7), 0);
	assert_int_equal(mw_seq_finish(s, 1, 7), 0);
	assert_int_equal(mw_seq_unfollowed(s), 3);
	mw_seq_free(s);
	s = seq_new(1);
	assert_int_equal(mw_seq_finish(s, 0, 23), 23); /* nothing of it ever came */
	mw_seq_free(s);
}

static uint64_t rnd_state;
static uint32_t rnd(uint32_t n)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(rnd_state >> 33) % n;
}

/* Drops and swaps at random: every drop is counted once, no swap ever. */
static void seq_counts_exactly(void **state)
{
	for (rnd_state = 1; rnd_state < 200; rnd_state = rnd_state + 1) {
		uint64_t keep = rnd_state, dropped = 0, lost = 0, in[2000];
		struct mw_seq *s = seq_new(1);
		size_t n = 0;

		for (uint64_t i = 0; i < 2000; i++) {
			if (i % 97 == 96 && rnd(4) == 0) {
				uint64_t burst = rnd(300);

				if (burst > 2000 - i)
					burst = 2000 - i;
				dropped += burst;
				i += burst;
				if (i >= 2000)
					break;
			}
			in[n++] = i;
		}
		for (size_t i = 0; i + 1 < n; i++)
			if (rnd(3) == 0 && in[i + 1] - in[i] < MW_SEQ_WINDOW / 2) {
				uint64_t t = in[i];

				in[i] = in[i + 1];
				in[i + 1] = t;
				i++;
			}
		for (size_t i = 0; i < n; i++)
			lost += mw_seq_push(s, 0, in[i]);
		lost += mw_seq_finish(s, 0, 2000);
		assert_int_equal(lost, dropped);
		mw_seq_free(s);
		rnd_state = keep;
	}
}

static void seq_without_memory(void **state)
{
	struct mw_seq *s = (void *)&e;

	test_alloc_fail_at(1);
	assert_int_equal(mw_seq_new(&test_alloc_failing, 4, &s), -ENOMEM);
	assert_ptr_equal(s, &e);
	test_alloc_fail_at(0);
}

/* A hole shows at once, before it is declared, and is gone when it is filled. */
static void a_hole_shows_at_once(void **state)
{
	struct mw_seq *s;
	uint64_t i;

	assert_int_equal(mw_seq_new(&test_alloc, 2, &s), 0);
	assert_false(mw_seq_broken(s, 0));
	for (i = 0; i < 200; i++) {
		assert_int_equal(mw_seq_push(s, 0, i), 0);
		assert_false(mw_seq_broken(s, 0));
	}
	assert_int_equal(mw_seq_push(s, 0, 201), 0);
	assert_true(mw_seq_broken(s, 0));
	assert_false(mw_seq_broken(s, 1));
	assert_int_equal(mw_seq_push(s, 0, 200), 0);
	assert_false(mw_seq_broken(s, 0));
	assert_false(mw_seq_broken(s, 7));
	mw_seq_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_or_not_yet_or_never),
		cmocka_unit_test(reads_nothing_beyond),
		cmocka_unit_test(refuses_bad_lengths),
		cmocka_unit_test(io_holds_what_it_says),
		cmocka_unit_test(strings_fit),
		cmocka_unit_test(seq_in_order_loses_nothing),
		cmocka_unit_test(seq_hole_is_judged_a_window_later),
		cmocka_unit_test(seq_begins),
		cmocka_unit_test(seq_hostile),
		cmocka_unit_test(seq_counts_exactly),
		cmocka_unit_test(a_hole_shows_at_once),
		cmocka_unit_test(seq_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
