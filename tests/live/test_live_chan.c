/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_chan.c - what a channel is: the same object by whatever way it was reached */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>

/* --- unix stream sockets -------------------------------------------------------------------------- */

static int64_t ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (int64_t)st.st_ino;
}

/* v[0], v[1]: the inodes of both ends */
static int talk_both_ways(void *arg)
{
	uint8_t buf[1000], in[1000];
	int s[2], status;
	pid_t peer;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	live.sh->v[0] = ino_of(s[0]);
	live.sh->v[1] = ino_of(s[1]);
	peer = fork();
	live.sh->v[2] = peer ? peer : getpid();
	if (peer == 0) {
		close(s[0]);
		for (int i = 0; i < LIVE_N; i++) {
			if (read(s[1], in, 100) != 100)
				_exit(1);
			live_fill(buf, 30, (uint64_t)i * 30);
			if (write(s[1], buf, 30) != 30)
				_exit(2);
		}
		_exit(0);
	}
	close(s[1]);
	for (int i = 0; i < LIVE_N; i++) {
		live_fill(buf, 100, (uint64_t)i * 100);
		if (write(s[0], buf, 100) != 100 || read(s[0], in, sizeof(in)) != 30)
			return 2;
	}
	return waitpid(peer, &status, 0) != peer || status ? 3 : 0;
}

static void test_socketpair(void **state)
{
	const struct mw_ev_io *w, *r;
	pid_t peer;

	(void)state;
	live_run(talk_both_ways, NULL);
	assert_int_equal(live.status, 0);
	peer = (pid_t)live.sh->v[2];
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, 100 * LIVE_N);
	r = live_check_stream(peer, MW_DIR_READ, 0, 100 * LIVE_N);
	assert_int_equal(w->kind, MW_CHAN_UNIX);
	assert_int_equal(w->chan, r->chan);
	assert_int_equal(w->gen, r->gen);
	assert_int_equal(w->ino, live.sh->v[0]);
	assert_int_equal(r->ino, live.sh->v[0]);
	w = live_check_stream(peer, MW_DIR_WRITE, 0, 30 * LIVE_N);
	assert_int_not_equal(w->chan, r->chan);
	r = live_check_stream(live.pid, MW_DIR_READ, 0, 30 * LIVE_N);
	assert_int_equal(w->chan, r->chan);
	assert_int_equal(w->ino, live.sh->v[1]);
}

static int read_after_close(void *arg)
{
	uint8_t buf[100];
	int s[2];

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	live_fill(buf, 100, 0);
	if (write(s[0], buf, 100) != 100 || close(s[0]))
		return 2;
	return read(s[1], buf, 60) != 60 || read(s[1], buf, 60) != 40 ? 3 : 0;
}

static void test_rest_after_the_writer_closed(void **state)
{
	const struct mw_ev_io *w, *r;

	(void)state;
	live_run(read_after_close, NULL);
	assert_int_equal(live.status, 0);
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, 100);
	r = live_check_stream(live.pid, MW_DIR_READ, 0, 100);
	assert_int_equal(w->chan, r->chan);
	assert_int_equal(w->gen, r->gen);
	assert_int_equal(w->ino, r->ino);
}

static int reuse(void *arg)
{
	(void)arg;
	for (int i = 0; i < LIVE_N; i++) {
		int s[2], p[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || pipe(p) || write(s[0], "ab", 2) != 2 ||
		    write(p[1], "abc", 3) != 3)
			return 1;
		close(s[0]);
		close(s[1]);
		close(p[0]);
		close(p[1]);
	}
	return 0;
}

/* An address that is used again is another channel. */
static void test_reused_objects_begin_anew(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live_run(reuse, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 2 * LIVE_N; i++) {
		e = live_io(live.pid, MW_DIR_WRITE, i);
		assert_non_null(e);
		assert_int_equal(e->off, 0);
		for (size_t j = 0; j < i; j++) {
			const struct mw_ev_io *o = live_io(live.pid, MW_DIR_WRITE, j);

			assert_false(e->chan == o->chan && e->gen == o->gen);
		}
	}
}

/* --- the same end by other ways ------------------------------------------------------------------- */

static int pass_fd(int via, int fd)
{
	char c = 'x', room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return sendmsg(via, &m, 0) == 1 ? 0 : -1;
}

static int take_fd(int via)
{
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(via, &m, 0) != 1)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static int many_names(void *arg)
{
	char path[64];
	int p[2], s[2], fd, status;
	pid_t pid;

	(void)arg;
	if (pipe(p) || socketpair(AF_UNIX, SOCK_DGRAM, 0, s))
		return 1;
	live.sh->v[0] = ino_of(p[1]);
	if (write(p[1], "own", 3) != 3)
		return 2;
	fd = dup2(p[1], 200);
	if (write(fd, "dup", 3) != 3)
		return 3;
	pid = fork();
	if (pid == 0)
		_exit(write(p[1], "frk", 3) != 3);
	waitpid(pid, &status, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	fd = open(path, O_WRONLY); /* another struct file */
	if (write(fd, "pro", 3) != 3)
		return 4;
	if (pass_fd(s[0], p[1]))
		return 5;
	fd = take_fd(s[1]);
	if (write(fd, "scm", 3) != 3)
		return 6;
	return status;
}

static void test_one_channel_many_ways(void **state)
{
	static const char *const want[] = { "own", "dup", "frk", "pro", "scm" };
	const struct mw_ev_io *e, *first = live_nth(MW_EV_IO, 0, 0);

	(void)state;
	live_run(many_names, NULL);
	assert_int_equal(live.status, 0);
	first = live_nth(MW_EV_IO, 0, 0);
	for (size_t i = 0; i < 5; i++) {
		e = live_nth(MW_EV_IO, 0, i);
		assert_non_null(e);
		assert_int_equal(e->chan, first->chan);
		assert_int_equal(e->gen, first->gen);
		assert_int_equal(e->ino, live.sh->v[0]);
		assert_int_equal(e->off, 3 * i);
		assert_memory_equal(e + 1, want[i], 3);
	}
	/* datagrams are no channel */
	assert_int_equal(live_count(MW_EV_IO, 0), 5);
}

static int named_fifo(void *arg)
{
	int fd;

	(void)arg;
	if (mkfifo("fifo", 0600))
		return 1;
	fd = open("fifo", O_RDWR);
	return write(fd, "fifo", 4) != 4 ? 2 : 0;
}

static void test_named_fifo(void **state)
{
	const struct mw_ev_io *e;
	struct stat st;

	(void)state;
	live_run(named_fifo, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(stat("fifo", &st), 0);
	e = live_io(live.pid, MW_DIR_WRITE, 0);
	assert_int_equal(e->kind, MW_CHAN_PIPE);
	assert_int_equal(e->ino, st.st_ino);
	unlink("fifo");
}

/* --- TCP ------------------------------------------------------------------------------------------ */

struct any_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

static int tcp_listen(int family, struct any_addr *a)
{
	int fd = socket(family, SOCK_STREAM, 0);

	memset(a, 0, sizeof(*a));
	a->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a->len = sizeof(a->v4);
	} else {
		a->v6.sin6_addr = in6addr_loopback;
		a->len = sizeof(a->v6);
	}
	if (fd < 0 || bind(fd, &a->sa, a->len) || listen(fd, 8) || getsockname(fd, &a->sa, &a->len))
		return -1;
	return fd;
}

static int tcp_talk(void *arg)
{
	int family = *(int *)arg, l, c, s;
	struct any_addr a, local;
	uint8_t out[5000], in[5000];
	struct iovec iov[2] = { { out, 2000 }, { out + 2000, 3000 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct stat st;

	l = tcp_listen(family, &a);
	if (l < 0)
		return 100;
	c = socket(family, SOCK_STREAM, 0);
	if (connect(c, &a.sa, a.len))
		return 2;
	local.len = sizeof(local.v6);
	getsockname(c, &local.sa, &local.len);
	s = accept(l, NULL, NULL);
	live.sh->v[0] = ntohs(local.v4.sin_port); /* at the same place in both families */
	live.sh->v[1] = ntohs(a.v4.sin_port);
	live.sh->v[2] = ino_of(c);
	live.sh->v[3] = ino_of(s);
	stat("/proc/self/ns/net", &st);
	live.sh->v[4] = (int64_t)st.st_ino;
	live_fill(out, sizeof(out), 0);
	/* client to server: write, sendto, sendmsg; 5000 bytes in all by each */
	if (write(c, out, 5000) != 5000 || recv(s, in, 5000, MSG_WAITALL) != 5000)
		return 3;
	live_fill(out, sizeof(out), 5000);
	if (send(c, out, 5000, 0) != 5000 || recv(s, in, 5000, MSG_PEEK | MSG_WAITALL) != 5000 ||
	    recv(s, in, 5000, MSG_WAITALL) != 5000)
		return 4;
	live_fill(out, sizeof(out), 10000);
	if (sendmsg(c, &m, 0) != 5000)
		return 5;
	iov[0].iov_base = in;
	iov[1].iov_base = in + 2000;
	if (recvmsg(s, &m, MSG_WAITALL) != 5000)
		return 6;
	/* and back */
	live_fill(out, sizeof(out), 0);
	if (write(s, out, 700) != 700 || read(c, in, 5000) != 700)
		return 7;
	return 0;
}

static void check_tcp_addrs(const struct mw_ev_io *e, int family, int64_t local, int64_t peer)
{
	static const uint8_t lo4[16] = { 127, 0, 0, 1 }, lo6[16] = { [15] = 1 };

	assert_int_equal(e->kind, family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6);
	assert_int_equal(e->local.family, family);
	assert_int_equal(e->peer.family, family);
	assert_memory_equal(e->local.ip, family == AF_INET ? lo4 : lo6, 16);
	assert_memory_equal(e->peer.ip, family == AF_INET ? lo4 : lo6, 16);
	assert_int_equal(e->local.port, local);
	assert_int_equal(e->peer.port, peer);
	assert_int_equal(e->netns, live.sh->v[4]);
}

static void tcp_of(int family)
{
	const struct mw_ev_io *cw, *sr, *sw, *cr;

	live_run(tcp_talk, &family);
	if (family == AF_INET6 && live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	cw = live_io(live.pid, MW_DIR_WRITE, 0);
	sr = live_io(live.pid, MW_DIR_READ, 0);
	cw = live_check_stream(live.pid, MW_DIR_WRITE, cw->chan, 15000);
	sr = live_check_stream(live.pid, MW_DIR_READ, sr->chan, 15000);
	sw = live_check_stream(live.pid, MW_DIR_WRITE, sr->chan, 700);
	cr = live_check_stream(live.pid, MW_DIR_READ, cw->chan, 700);
	check_tcp_addrs(cw, family, live.sh->v[0], live.sh->v[1]);
	check_tcp_addrs(cr, family, live.sh->v[0], live.sh->v[1]);
	check_tcp_addrs(sr, family, live.sh->v[1], live.sh->v[0]);
	check_tcp_addrs(sw, family, live.sh->v[1], live.sh->v[0]);
	assert_int_equal(cw->ino, live.sh->v[2]);
	assert_int_equal(sr->ino, live.sh->v[3]);
	assert_int_equal(cw->gen, cr->gen);
	assert_int_equal(sr->gen, sw->gen);
	/* both ends count alike */
	assert_true(cw->has_seq && cr->has_seq && sw->has_seq && sr->has_seq);
	assert_int_equal(cw->tcp_seq - (uint32_t)cw->off, sr->tcp_seq - (uint32_t)sr->off);
	assert_int_equal(sw->tcp_seq - (uint32_t)sw->off, cr->tcp_seq - (uint32_t)cr->off);
	assert_int_not_equal(cw->tcp_seq, 0);
	assert_int_equal(live_io(live.pid, MW_DIR_WRITE, 1)->sysno, SYS_sendto);
	assert_int_equal(live_io(live.pid, MW_DIR_WRITE, 2)->sysno, SYS_sendmsg);
	/* what was only looked at has no event */
	assert_int_equal(live_count(MW_EV_IO, live.pid), 8);
}

static void test_tcp4(void **state)
{
	(void)state;
	tcp_of(AF_INET);
}

static void test_tcp6(void **state)
{
	(void)state;
	tcp_of(AF_INET6);
}

static int tcp_throw_away(void *arg)
{
	struct any_addr a;
	int l = tcp_listen(AF_INET, &a), c = socket(AF_INET, SOCK_STREAM, 0), s;

	(void)arg;
	if (connect(c, &a.sa, a.len))
		return 1;
	s = accept(l, NULL, NULL);
	if (write(c, "0123456789", 10) != 10 || recv(s, NULL, 6, MSG_TRUNC) != 6)
		return 2;
	return recv(s, &a, 4, 0) != 4;
}

static void test_tcp_bytes_thrown_away(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live_run(tcp_throw_away, NULL);
	assert_int_equal(live.status, 0);
	e = live_io(live.pid, MW_DIR_READ, 0);
	assert_int_equal(e->moved, 6);
	assert_int_equal(e->captured, 0);
	assert_int_equal(e->miss, MW_MISS_CARRIER);
	e = live_io(live.pid, MW_DIR_READ, 1);
	assert_int_equal(e->off, 6);
	assert_memory_equal(e + 1, "6789", 4);
}

const struct CMUnitTest live_chan_tests[] = {
	cmocka_unit_test(test_socketpair),
	cmocka_unit_test(test_rest_after_the_writer_closed),
	cmocka_unit_test(test_reused_objects_begin_anew),
	cmocka_unit_test(test_one_channel_many_ways),
	cmocka_unit_test(test_named_fifo),
	cmocka_unit_test(test_tcp4),
	cmocka_unit_test(test_tcp6),
	cmocka_unit_test(test_tcp_bytes_thrown_away),
};
const size_t n_live_chan_tests = sizeof(live_chan_tests) / sizeof(*live_chan_tests);
