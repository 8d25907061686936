/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_netops.c - bind, listen, accept, datagrams, and connections that their process leaves
 * open */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/uio.h>
#include <sys/un.h>

static int64_t result(long r)
{
	return r < 0 ? -errno : r;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	getsockname(fd, (void *)&a, &len);
	return ntohs(a.sin_port);
}

static int64_t ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (int64_t)st.st_ino;
}

static const uint8_t lo4[16] = { 127, 0, 0, 1 };

static void check_lo(const struct mw_addr *a, int64_t port)
{
	assert_int_equal(a->family, AF_INET);
	assert_memory_equal(a->ip, lo4, 16);
	assert_int_equal(a->port, port);
}

/* --- bind, listen, accept -------------------------------------------------------------------- */

static int serve(void *arg)
{
	struct sockaddr_in a = loopback(0);
	int64_t *v = live.sh->v;
	int l, other, c, s, c2;

	(void)arg;
	l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	other = socket(AF_INET, SOCK_STREAM, 0);
	v[0] = l;
	v[1] = ino_of(l);
	v[2] = result(bind(l, (void *)&a, sizeof(a)));
	v[3] = port_of(l);
	a = loopback((uint16_t)v[3]);
	v[4] = result(listen(l, 23));
	v[5] = result(bind(other, (void *)&a, sizeof(a)));
	v[6] = result(listen(99, 1));
	v[7] = result(accept4(l, NULL, NULL, SOCK_CLOEXEC)); /* EAGAIN: not told */
	c = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c, (void *)&a, sizeof(a)))
		return 1;
	s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	v[8] = s;
	v[9] = port_of(c);
	v[10] = ino_of(s);
	v[11] = result(accept(other, NULL, NULL));
	v[12] = result(accept(99, NULL, NULL));
	v[13] = other;
	v[14] = ino_of(c);
	if (write(c, "12345", 5) != 5 || read(s, live.sh->text, 5) != 5 ||
	    write(s, "123", 3) != 3 || read(c, live.sh->text, 3) != 3)
		return 2;
	/* a second one is closed in both ways by one end; the first one stays open to the last */
	c2 = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c2, (void *)&a, sizeof(a)) || write(c2, "x", 1) != 1)
		return 3;
	v[15] = ino_of(c2);
	close(c2);
	return 0;
}

static void test_bind_listen_accept(void **state)
{
	static const int want_bind[] = { 0, -EADDRINUSE }, want_listen[] = { 0, -EBADF };
	const int64_t *v = live.sh->v;
	struct live_act a;

	(void)state;
	live_run(serve, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(v[7], -EAGAIN);
	assert_int_equal(live_count_act(MW_OP_BIND), 2);
	for (size_t i = 0; i < 2; i++) {
		a = live_act(MW_OP_BIND, i);
		assert_int_equal(a.e->sysno, SYS_bind);
		assert_int_equal(a.e->ret, want_bind[i]);
		assert_int_equal(a.e->ret, v[i ? 5 : 2]);
		assert_int_equal(a.e->fd, v[i ? 13 : 0]);
		check_lo(&a.e->peer, i ? v[3] : 0);
		if (!i)
			check_lo(&a.e->local, v[3]);
		assert_int_equal(a.e->num[2], SOCK_STREAM);
		assert_int_equal(a.e->num[3], IPPROTO_TCP);
		assert_true(a.e->chan && a.e->gen);
		live_act_done(&a);
	}
	assert_int_equal(live_count_act(MW_OP_LISTEN), 2);
	for (size_t i = 0; i < 2; i++) {
		a = live_act(MW_OP_LISTEN, i);
		assert_int_equal(a.e->sysno, SYS_listen);
		assert_int_equal(a.e->ret, want_listen[i]);
		assert_int_equal(a.e->num[0], i ? 1 : 23);
		assert_int_equal(a.e->fd, i ? 99 : v[0]);
		assert_int_equal(a.e->ino, i ? 0 : v[1]);
		if (!i)
			check_lo(&a.e->local, v[3]);
		live_act_done(&a);
	}
	assert_int_equal(live_count_act(MW_OP_ACCEPT), 3);
	a = live_act(MW_OP_ACCEPT, 0);
	assert_int_equal(a.e->sysno, SYS_accept4);
	assert_int_equal(a.e->ret, v[8]);
	assert_int_equal(a.e->fd, v[8]);
	assert_int_equal(a.e->ino, v[10]);
	check_lo(&a.e->local, v[3]);
	check_lo(&a.e->peer, v[9]);
	live_act_done(&a);
	a = live_act(MW_OP_ACCEPT, 1);
	assert_int_equal(a.e->sysno, SYS_accept);
	assert_int_equal(a.e->ret, -EINVAL);
	assert_int_equal(a.e->ret, v[11]);
	assert_int_equal(a.e->fd, v[13]);
	assert_int_equal(a.e->peer.family, 0);
	live_act_done(&a);
	a = live_act(MW_OP_ACCEPT, 2);
	assert_int_equal(a.e->ret, -EBADF);
	assert_int_equal(a.e->chan, 0);
	live_act_done(&a);
}

static void test_connections_end(void **state)
{
	const int64_t *v = live.sh->v;
	const struct mw_ev_exit *exit;
	const struct mw_ev_close *e;
	unsigned int seen = 0, at_exit = 0;

	(void)state;
	live_run(serve, NULL);
	assert_int_equal(live.status, 0);
	exit = live_nth(MW_EV_EXIT, live.pid, 0);
	for (size_t i = 0; (e = live_nth(MW_EV_CLOSE, 0, i)); i++) {
		if (!e->ended)
			continue;
		seen++;
		assert_true(e->gen != 0);
		if (e->how == MW_CLOSE_EXIT) {
			at_exit++;
			assert_int_equal(e->hdr.tgid, live.pid);
			assert_true(e->hdr.ts_ns <= exit->hdr.ts_ns);
		}
		if ((int64_t)e->ino == v[14]) { /* the client's end of the first */
			assert_int_equal(e->how, MW_CLOSE_EXIT);
			assert_int_equal(e->sent, 5);
			assert_int_equal(e->received, 3);
			check_lo(&e->peer, v[3]);
		} else if ((int64_t)e->ino == v[10]) {
			assert_int_equal(e->how, MW_CLOSE_EXIT);
			assert_int_equal(e->sent, 3);
			assert_int_equal(e->received, 5);
		} else {
			assert_int_equal(e->ino, v[15]);
			assert_int_equal(e->how, MW_CLOSE_LOCAL);
			assert_int_equal(e->sent, 1);
			assert_int_equal(e->received, 0);
		}
	}
	assert_int_equal(seen, 3);
	assert_int_equal(at_exit, 2);
}

static int serve_unix(void *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "of-mine" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	int autobound = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)arg;
	if (bind(l, (void *)&a, sizeof(a)) || listen(l, 4) || connect(c, (void *)&a, sizeof(a)))
		return 1;
	live.sh->v[0] = accept(l, NULL, NULL);
	if (bind(autobound, (void *)&a, sizeof(a.sun_family)))
		return 2;
	live.sh->v[1] = result(bind(c, (void *)&a, sizeof(a)));
	unlink("of-mine");
	return 0;
}

static void test_bind_unix(void **state)
{
	static const uint16_t ops[] = { MW_OP_BIND, MW_OP_LISTEN, MW_OP_ACCEPT };
	struct live_act a;

	(void)state;
	live_run(serve_unix, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 3; i++) {
		a = live_act(ops[i], 0);
		assert_int_equal(a.e->ret, i == 2 ? live.sh->v[0] : 0);
		assert_string_equal(a.asked, "of-mine");
		assert_string_equal(a.base, live.dir);
		assert_int_equal(a.e->base_state, MW_PATH_FULL);
		assert_int_equal(a.e->path_state, MW_PATH_FULL);
		assert_int_equal(a.e->local.family, AF_UNIX);
		live_act_done(&a);
	}
	a = live_act(MW_OP_BIND, 1);
	assert_int_equal(a.e->ret, 0);
	assert_int_equal(a.e->asked_len, 6); /* NUL and five digits: unix(7) */
	assert_int_equal(a.asked[0], 0);
	live_act_done(&a);
	a = live_act(MW_OP_BIND, 2);
	assert_int_equal(a.e->ret, -EADDRINUSE);
	assert_int_equal(a.e->ret, live.sh->v[1]);
	assert_string_equal(a.asked, "of-mine");
	assert_int_equal(a.e->path_state, MW_PATH_NONE);
	live_act_done(&a);
}

/* socketcall(2) of i386: bind, listen, accept */
static int serve32(void *arg)
{
	struct low {
		struct sockaddr_in a;
		uint32_t args[3];
	} *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		    0);
	static const long nr[] = { 2, 4, 5 };
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), c;
	long r;

	(void)arg;
	if (m == MAP_FAILED)
		return 1;
	c = socket(AF_INET, SOCK_STREAM, 0);
	m->a = loopback(0);
	for (size_t i = 0; i < 3; i++) {
		m->args[0] = (uint32_t)l;
		m->args[1] = i == 0 ? (uint32_t)(uintptr_t)&m->a : i == 1 ? 7 : 0;
		m->args[2] = i == 0 ? sizeof(m->a) : 0;
		if (i == 2) {
			m->a = loopback(port_of(l));
			if (connect(c, (void *)&m->a, sizeof(m->a)))
				return 2;
		}
		asm volatile("int $0x80"
			     : "=a"(r)
			     : "a"(102L), "b"(nr[i]), "c"(m->args)
			     : "memory");
		live.sh->v[i] = (int32_t)r;
	}
	live.sh->v[3] = port_of(l);
	return 0;
}

static void test_bind_compat(void **state)
{
	static const uint16_t ops[] = { MW_OP_BIND, MW_OP_LISTEN, MW_OP_ACCEPT };

	(void)state;
	live_run(serve32, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(ops[i], 0);

		assert_int_equal(a.e->sysno, 102);
		assert_true(a.e->hdr.flags & MW_EVF_COMPAT);
		assert_int_equal(a.e->ret, live.sh->v[i]);
		assert_true(a.e->ret >= 0);
		check_lo(&a.e->local, live.sh->v[3]);
		if (i == 1)
			assert_int_equal(a.e->num[0], 7);
		live_act_done(&a);
	}
}

/* --- datagrams ------------------------------------------------------------------------------- */

static int receiver(uint16_t *port)
{
	struct sockaddr_in a = loopback(*port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (void *)&a, sizeof(a)))
		return -1;
	*port = port_of(fd);
	return fd;
}

static uint16_t ports[4];

static int send_some(void *arg)
{
	struct sockaddr_in a = loopback(ports[0]), b = loopback(ports[1]), c = loopback(ports[2]);
	struct sockaddr_in bad = loopback(0);
	struct iovec iov = { "sixsix", 6 };
	struct msghdr m = {
		.msg_name = &b, .msg_namelen = sizeof(b), .msg_iov = &iov, .msg_iovlen = 1
	};
	struct mmsghdr mm[2] = { 0 };
	int64_t *v = live.sh->v;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), con = socket(AF_INET, SOCK_DGRAM, 0);
	int gone = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd p = { .fd = gone };

	(void)arg;
	v[0] = fd;
	v[1] = ino_of(fd);
	for (int i = 0; i < LIVE_N; i++)
		v[2] = result(sendto(fd, "four", 4, 0, (void *)&a, sizeof(a)));
	v[3] = result(sendmsg(fd, &m, 0));
	sendmsg(fd, &m, 0);
	mm[0].msg_hdr = mm[1].msg_hdr = m;
	mm[1].msg_hdr.msg_name = &c;
	v[4] = result(sendmmsg(fd, mm, 2, 0)); /* the first one went there before */
	v[5] = result(sendto(fd, "x", 1, 0, (void *)&bad, sizeof(bad)));
	if (connect(con, (void *)&a, sizeof(a)))
		return 1;
	v[6] = con;
	v[7] = result(write(con, "three", 3));
	send(con, "three", 3, 0);
	v[8] = result(sendto(con, "", 0, 0, NULL, 0));
	a = loopback(ports[3]);
	if (connect(gone, (void *)&a, sizeof(a)))
		return 2;
	v[9] = result(send(gone, "12", 2, 0));
	poll(&p, 1, 30000); /* the ICMP of it comes back */
	v[10] = result(send(gone, "12", 2, 0));
	return 0;
}

static void test_send(void **state)
{
	const int64_t *v = live.sh->v;
	int fds[3];

	(void)state;
	memset(ports, 0, sizeof(ports));
	for (size_t i = 0; i < 3; i++)
		fds[i] = receiver(&ports[i]);
	close(receiver(&ports[3]));
	live_run(send_some, NULL);
	assert_int_equal(live.status, 0);
	const struct {
		int sysno, from;
		int64_t ret;
		uint16_t port;
	} want[] = {
		{ SYS_sendto, 0, 4, ports[0] },
		{ SYS_sendmsg, 0, 6, ports[1] },
		{ SYS_sendmmsg, 0, 6, ports[2] },
		{ SYS_sendto, 0, -EINVAL, 0 },
		{ SYS_write, 1, 3, ports[0] },
		{ SYS_sendto, 1, 2, ports[3] },
		{ SYS_sendto, 1, -ECONNREFUSED, ports[3] },
	};
	assert_int_equal(v[10], -ECONNREFUSED);
	assert_int_equal(live_count_act(MW_OP_SEND), 7);
	for (size_t i = 0; i < 7; i++) {
		struct live_act a = live_act(MW_OP_SEND, i);

		assert_int_equal(a.e->sysno, want[i].sysno);
		assert_int_equal(a.e->ret, want[i].ret);
		assert_int_equal(a.e->peer_from, want[i].from);
		check_lo(&a.e->peer, want[i].port);
		assert_int_equal(a.e->num[2], SOCK_DGRAM);
		assert_int_equal(a.e->num[3], IPPROTO_UDP);
		assert_true(a.e->chan && a.e->gen);
		if (i < 4) {
			assert_int_equal(a.e->fd, v[0]);
			assert_int_equal(a.e->ino, v[1]);
		}
		live_act_done(&a);
	}
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	assert_int_equal(live_count(MW_EV_DGRAM, 0), 0);
}

static int send_unix(void *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "dgram" };
	struct sockaddr_un b = { .sun_family = AF_UNIX, .sun_path = "nowhere" };
	int r = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)arg;
	if (bind(r, (void *)&a, sizeof(a)))
		return 1;
	sendto(fd, "12345", 5, 0, (void *)&a, sizeof(a));
	sendto(fd, "1234", 4, 0, (void *)&a, sizeof(a));
	sendto(fd, "12", 2, 0, (void *)&b, sizeof(b));
	if (connect(fd, (void *)&a, sizeof(a)))
		return 2;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (connect(fd, (void *)&a, sizeof(a)) || send(fd, "123", 3, 0) != 3)
		return 3;
	return 0;
}

static void test_send_unix(void **state)
{
	static const struct {
		int ret, from;
		const char *name;
	} want[] = { { 5, 0, "dgram" }, { -ENOENT, 0, "nowhere" }, { 3, 1, "dgram" } };

	(void)state;
	live_run(send_unix, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_SEND), 3);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_SEND, i);

		assert_int_equal(a.e->ret, want[i].ret);
		assert_int_equal(a.e->peer.family, AF_UNIX);
		assert_int_equal(a.e->peer_from, want[i].from);
		assert_string_equal(a.asked, want[i].name);
		assert_string_equal(a.base, live.dir);
		live_act_done(&a);
	}
	unlink("dgram");
}

/* --- port 53 --------------------------------------------------------------------------------- */

static uint8_t big[3000];

/* Both ends of each exchange are in the watched process. */
static int ask(void *arg)
{
	struct sockaddr_in srv = loopback(53), from = { 0 };
	struct iovec two[2] = { { big, 10 }, { big + 10, 13 } }, one = { big, sizeof(big) };
	struct msghdr m = {
		.msg_name = &srv, .msg_namelen = sizeof(srv), .msg_iov = two, .msg_iovlen = 2
	};
	struct mmsghdr mm[2] = { 0 };
	socklen_t len = sizeof(from);
	uint16_t port = 53;
	int s = receiver(&port), c = socket(AF_INET, SOCK_DGRAM, 0);
	static uint8_t buf[2][4096];

	(void)arg;
	if (s < 0)
		return 100;
	/* a question, unconnected, of two pieces; what is asked and by whom */
	if (sendmsg(c, &m, 0) != 23 || recvfrom(s, buf[0], 4096, 0, (void *)&from, &len) != 23)
		return 1;
	live.sh->v[0] = ntohs(from.sin_port);
	/* two answers by one call */
	m = (struct msghdr){
		.msg_name = &from, .msg_namelen = len, .msg_iov = two, .msg_iovlen = 1
	};
	mm[0].msg_hdr = mm[1].msg_hdr = m;
	mm[1].msg_hdr.msg_iovlen = 2;
	if (sendmmsg(s, mm, 2, 0) != 2)
		return 2;
	for (size_t i = 0; i < 2; i++) {
		one = (struct iovec){ buf[i], 4096 };
		two[i] = one;
		mm[i].msg_hdr = (struct msghdr){ .msg_name = &from,
						 .msg_namelen = sizeof(from),
						 .msg_iov = &two[i],
						 .msg_iovlen = 1 };
	}
	if (recvmmsg(c, mm, 2, 0, NULL) != 2)
		return 3;
	/* connected; longer than is taken */
	if (connect(c, (void *)&srv, sizeof(srv)) || write(c, big, sizeof(big)) != sizeof(big))
		return 4;
	/* whose it is was not asked, but it came to port 53 */
	return read(s, buf[0], 4096) != sizeof(big);
}

static void test_dns(void **state)
{
	static const struct {
		uint8_t dir;
		uint32_t len;
		bool of_server;
	} want[] = {
		{ MW_DIR_WRITE, 23, false },   { MW_DIR_READ, 23, true },
		{ MW_DIR_WRITE, 10, true },    { MW_DIR_WRITE, 23, true },
		{ MW_DIR_READ, 10, false },    { MW_DIR_READ, 23, false },
		{ MW_DIR_WRITE, 3000, false },
	};
	const size_t n = sizeof(want) / sizeof(*want);

	(void)state;
	live_fill(big, sizeof(big), 0);
	live_run(ask, NULL);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count(MW_EV_DGRAM, 0), n);
	for (size_t i = 0; i < n; i++) {
		const struct mw_ev_dgram *e = live_nth(MW_EV_DGRAM, live.pid, i);
		uint32_t captured = want[i].len < 2048 ? want[i].len : 2048;

		assert_non_null(e);
		live_check_hdr(&e->hdr);
		assert_int_equal(e->dir, want[i].dir);
		assert_int_equal(e->len, want[i].len);
		assert_int_equal(e->captured, captured);
		assert_memory_equal(e + 1, big, captured);
		assert_int_equal(e->hdr.len, (sizeof(*e) + captured + 7) & ~7u);
		assert_true(e->chan && e->netns);
		if (want[i].of_server) {
			assert_int_equal(e->local.port, 53);
			check_lo(&e->peer, live.sh->v[0]);
		} else {
			assert_int_equal(e->local.port, live.sh->v[0]);
			check_lo(&e->peer, 53);
		}
	}
}

const struct CMUnitTest live_netop_tests[] = {
	cmocka_unit_test(test_bind_listen_accept),
	cmocka_unit_test(test_connections_end),
	cmocka_unit_test(test_bind_unix),
	cmocka_unit_test(test_bind_compat),
	cmocka_unit_test(test_send),
	cmocka_unit_test(test_send_unix),
	cmocka_unit_test(test_dns),
};
const size_t n_live_netop_tests = sizeof(live_netop_tests) / sizeof(*live_netop_tests);
