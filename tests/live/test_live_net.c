/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_net.c - connect, and the end of a connect in progress */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A listening socket of this process, not of the watched one. */
static int listener(uint16_t *port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (void *)&a, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (void *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* A port nobody listens on. */
static uint16_t closed_port(void)
{
	uint16_t port;

	close(listener(&port));
	return port;
}

static int64_t ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (int64_t)st.st_ino;
}

struct target {
	uint16_t port;
	bool nonblocking;
};

static int connect_to(void *arg)
{
	const struct target *t = arg;
	struct sockaddr_in a = loopback(t->port);
	struct pollfd p = { .events = POLLOUT };
	socklen_t len = sizeof(a);

	for (int i = 0; i < LIVE_N; i++) {
		p.fd = socket(AF_INET, SOCK_STREAM | (t->nonblocking ? SOCK_NONBLOCK : 0), 0);
		live.sh->v[0] = ino_of(p.fd);
		live.sh->v[1] = connect(p.fd, (void *)&a, sizeof(a)) ? -errno : 0;
		if (t->nonblocking)
			poll(&p, 1, 5000);
		len = sizeof(a);
		getsockname(p.fd, (void *)&a, &len);
		live.sh->v[2] = ntohs(a.sin_port);
		live.sh->v[3] = p.fd;
		a = loopback(t->port);
		if (i < LIVE_N - 1)
			close(p.fd);
	}
	return 0;
}

static void connect_ends(bool open, bool nonblocking, int ret, int err)
{
	static const uint8_t lo[16] = { 127, 0, 0, 1 };
	struct target t = { .nonblocking = nonblocking };
	const struct mw_ev_sock *sock = NULL;
	struct live_act a;
	int fd = -1;

	if (open)
		fd = listener(&t.port);
	else
		t.port = closed_port();
	live_run(connect_to, &t);
	assert_int_equal(live_count_act(MW_OP_CONNECT), LIVE_N);
	assert_int_equal(live_count(MW_EV_SOCK, 0), LIVE_N);
	a = live_act(MW_OP_CONNECT, LIVE_N - 1);
	assert_int_equal(a.e->ret, ret);
	assert_int_equal(a.e->ret, live.sh->v[1]);
	assert_int_equal(a.e->fd, live.sh->v[3]);
	assert_int_equal(a.e->ino, live.sh->v[0]);
	assert_int_equal(a.e->sysno, SYS_connect);
	assert_int_equal(a.e->peer.family, AF_INET);
	assert_int_equal(a.e->peer.port, t.port);
	assert_memory_equal(a.e->peer.ip, lo, 16);
	/* a refused socket has forgotten its peer */
	if (open)
		assert_int_equal(a.e->peer_from, 1);
	assert_int_equal(a.e->asked_len, 0);
	for (size_t i = 0; i < LIVE_N; i++) {
		const struct mw_ev_sock *e = live_nth(MW_EV_SOCK, 0, i);

		assert_int_equal(e->hdr.tgid, 0);
		assert_int_equal(e->err, err);
		assert_int_equal(e->peer.port, t.port);
		assert_memory_equal(e->peer.ip, lo, 16);
		if (e->chan == a.e->chan && e->gen == a.e->gen)
			sock = e;
	}
	assert_non_null(sock);
	assert_int_equal(sock->ino, live.sh->v[0]);
	if (open) {
		assert_int_equal(sock->local.port, live.sh->v[2]);
		assert_int_equal(a.e->local.port, live.sh->v[2]);
	}
	live_act_done(&a);
	if (fd >= 0)
		close(fd);
}

static void test_connect(void **state)
{
	(void)state;
	connect_ends(true, false, 0, 0);
}

static void test_connect_refused(void **state)
{
	(void)state;
	connect_ends(false, false, -ECONNREFUSED, ECONNREFUSED);
}

static void test_connect_nonblocking(void **state)
{
	(void)state;
	connect_ends(true, true, -EINPROGRESS, 0);
}

static void test_connect_nonblocking_refused(void **state)
{
	(void)state;
	connect_ends(false, true, -EINPROGRESS, ECONNREFUSED);
}

/* An accept queue that is full drops the SYN: the connect stays open until its process gives up. */
static int connect_give_up(void *arg)
{
	struct sockaddr_in a = loopback(*(uint16_t *)arg);
	int fd;

	for (int i = 0; i < 8; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fd, (void *)&a, sizeof(a));
	}
	usleep(100000);
	live.sh->v[0] = ino_of(fd);
	close(fd);
	usleep(50000);
	return 0;
}

static void test_connect_given_up(void **state)
{
	const struct mw_ev_sock *e;
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;
	bool found = false;

	(void)state;
	bind(fd, (void *)&a, len);
	listen(fd, 0);
	getsockname(fd, (void *)&a, &len);
	port = ntohs(a.sin_port);
	live_run(connect_give_up, &port);
	for (size_t i = 0; (e = live_nth(MW_EV_SOCK, 0, i)); i++) {
		if ((int64_t)e->ino != live.sh->v[0])
			continue;
		assert_int_equal(e->err, ECONNABORTED);
		found = true;
	}
	assert_true(found);
	close(fd);
}

static int connect_udp6(void *arg)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)arg;
	a.sin6_addr = in6addr_loopback;
	live.sh->v[0] = fd < 0 ? -errno : 0;
	live.sh->v[1] = connect(fd, (void *)&a, sizeof(a)) ? -errno : 0;
	live.sh->v[2] = connect(99, (void *)&a, sizeof(a)) ? -errno : 0;
	return 0;
}

static void test_connect_udp6_and_no_socket(void **state)
{
	static const uint8_t lo[16] = { [15] = 1 };

	(void)state;
	live_run(connect_udp6, NULL);
	if (live.sh->v[0] || live.sh->v[1])
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct live_act a = live_act(MW_OP_CONNECT, i);

		assert_int_equal(a.e->ret, i ? -EBADF : 0);
		assert_int_equal(a.e->peer.family, AF_INET6);
		assert_int_equal(a.e->peer.port, 53);
		assert_memory_equal(a.e->peer.ip, lo, 16);
		assert_int_equal(a.e->peer_from, !i);
		assert_int_equal(a.e->chan != 0, !i);
		live_act_done(&a);
	}
}

static int connect_unix(void *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)arg;
	live.sh->v[0] = connect(fd, (void *)&a, sizeof(a)) ? -errno : 0;
	memcpy(a.sun_path, "no-sock", 8);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	live.sh->v[1] = connect(fd, (void *)&a, sizeof(a)) ? -errno : 0;
	memcpy(a.sun_path, "\0mw-abstract", 12);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	live.sh->v[2] = connect(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 12) ?
				-errno : 0;
	return 0;
}

static void test_connect_unix(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const struct {
		int ret, from, state;
		const char *asked;
		size_t len;
	} want[] = {
		{ 0, 1, MW_PATH_FULL, "sock", 4 },
		{ -ENOENT, 0, MW_PATH_NONE, "no-sock", 7 },
		{ -ECONNREFUSED, 0, MW_PATH_NONE, "\0mw-abstract", 12 },
	};

	(void)state;
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	live_run(connect_unix, NULL);
	assert_int_equal(live_count_act(MW_OP_CONNECT), 3);
	for (size_t i = 0; i < 3; i++) {
		struct live_act e = live_act(MW_OP_CONNECT, i);

		assert_int_equal(e.e->ret, want[i].ret);
		assert_int_equal(e.e->peer.family, AF_UNIX);
		assert_int_equal(e.e->peer_from, want[i].from);
		assert_int_equal(e.e->path_state, want[i].state);
		assert_int_equal(e.e->asked_len, want[i].len);
		assert_memory_equal(e.asked, want[i].asked, want[i].len);
		live_act_done(&e);
	}
	close(fd);
	unlink("sock");
}

const struct CMUnitTest live_net_tests[] = {
	cmocka_unit_test(test_connect),
	cmocka_unit_test(test_connect_refused),
	cmocka_unit_test(test_connect_nonblocking),
	cmocka_unit_test(test_connect_nonblocking_refused),
	cmocka_unit_test(test_connect_given_up),
	cmocka_unit_test(test_connect_udp6_and_no_socket),
	cmocka_unit_test(test_connect_unix),
};
const size_t n_live_net_tests = sizeof(live_net_tests) / sizeof(*live_net_tests);
