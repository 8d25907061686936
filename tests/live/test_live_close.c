/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_close.c - the ends of connections, and the other way of one */
#include "watch.h"

/* --- ends of connections --------------------------------------------------------------------- */

static int close_in_turn(void *arg)
{
	uint16_t port = 0;
	int l = watch_listen_on(&port), c, s;
	char buf[8];

	(void)arg;
	for (int i = 0; i < LIVE_N; i++) {
		c = watch_connect_to(port);
		s = accept(l, NULL, NULL);
		if (write(c, "ask", 3) != 3 || read(s, buf, 8) != 3)
			return 1;
		live.sh->v[i] = (int64_t)watch_ino_of(c);
		live.sh->v[32] = (int64_t)watch_ino_of(s);
		if (shutdown(c, SHUT_WR) || read(s, buf, 8) != 0 || write(s, "end", 3) != 3)
			return 2;
		close(s);
		if (read(c, buf, 8) != 3 || read(c, buf, 8) != 0)
			return 3;
		close(c);
	}
	/* without a byte there is nothing to end but the connection itself */
	c = watch_connect_to(port);
	close(accept(l, NULL, NULL));
	close(c);
	live.sh->v[33] = port;
	return 0;
}

static const struct mw_ev_close *close_of(uint64_t ino, uint32_t how, const struct mw_ev_io *io)
{
	const struct mw_ev_close *e, *found = NULL;

	for (size_t i = 0; (e = live_nth(MW_EV_CLOSE, 0, i)); i++) {
		if (e->chan != io->chan || e->gen != io->gen || e->how != how)
			continue;
		assert_null(found); /* each once */
		found = e;
		assert_int_equal(e->ino, ino);
		assert_int_equal(e->netns, io->netns);
		assert_memory_equal(&e->local, &io->local, sizeof(e->local));
		assert_memory_equal(&e->peer, &io->peer, sizeof(e->peer));
	}
	return found;
}

static void test_close(void **state)
{
	const struct mw_ev_close *local, *peer, *both;
	size_t n = 0;

	(void)state;
	live_run(close_in_turn, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < LIVE_N; i++) {
		const struct mw_ev_io *io = NULL;

		for (size_t k = 0; (io = live_io(live.pid, MW_DIR_WRITE, k)); k++)
			if ((int64_t)io->ino == live.sh->v[i])
				break;
		assert_non_null(io);
		assert_int_equal(io->peer.port, live.sh->v[33]);
		assert_int_equal(io->other, io->chan);
		local = close_of(io->ino, MW_CLOSE_LOCAL, io);
		both = close_of(io->ino, MW_CLOSE_BOTH, io);
		assert_non_null(local);
		assert_int_equal(local->hdr.tgid, live.pid);
		assert_int_equal(local->hdr.flags, 0);
		live_check_hdr(&local->hdr);
		assert_non_null(both);
		assert_int_equal(both->hdr.tgid, 0);
		assert_true(both->hdr.ts_ns >= local->hdr.ts_ns);
	}
	for (size_t i = 0; (peer = live_nth(MW_EV_CLOSE, 0, i)); i++)
		if (peer->how == MW_CLOSE_PEER) {
			assert_int_equal(peer->local.port, live.sh->v[33]);
			n++;
		}
	assert_int_equal(n, LIVE_N);
	/* both ends of each: LOCAL and BOTH, PEER and BOTH; and the one without a byte */
	assert_int_equal(live_count(MW_EV_CLOSE, 0), 4 * LIVE_N + 2);
	/* each end of each connection is told once to be over, with its bytes */
	n = 0;
	for (size_t i = 0; (peer = live_nth(MW_EV_CLOSE, 0, i)); i++) {
		if (!peer->ended)
			continue;
		n++;
		if (n > 2 * LIVE_N) {
			assert_int_equal(peer->sent + peer->received, 0);
			continue;
		}
		assert_int_equal(peer->sent, 3);
		assert_int_equal(peer->received, 3);
	}
	assert_int_equal(n, 2 * LIVE_N + 2);
}

/* --- the other way of a connection ----------------------------------------------------------- */

static int write_ways(void *arg)
{
	int s[2], p[2];
	char c;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || pipe(p))
		return 1;
	return write(s[0], "x", 1) != 1 || read(s[1], &c, 1) != 1 || write(s[1], "y", 1) != 1 ||
	       read(s[0], &c, 1) != 1 || write(p[1], "z", 1) != 1;
}

static void test_other(void **state)
{
	const struct mw_ev_io *e[5];

	(void)state;
	live_run(write_ways, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 5; i++) {
		e[i] = live_nth(MW_EV_IO, live.pid, i);
		assert_non_null(e[i]);
	}
	assert_int_equal(e[0]->chan, e[1]->chan);
	assert_int_equal(e[2]->chan, e[3]->chan);
	assert_int_not_equal(e[0]->chan, e[2]->chan);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(e[i]->other, e[(i + 2) % 4]->chan);
	assert_int_equal(e[4]->other, 0);
}

const struct CMUnitTest live_close_tests[] = {
	cmocka_unit_test(test_close),
	cmocka_unit_test(test_other),
};
const size_t n_live_close_tests = sizeof(live_close_tests) / sizeof(*live_close_tests);
