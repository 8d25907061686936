/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_bound.c - every carrier, around every length at which something is cut, byte for byte
 */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/uio.h>

#define VEC_MAX 1024
#define MEM_MAX ((1 << 20) + 8)

static const size_t edges[] = { 4096, MW_IO_CHUNK, 65536, 1 << 20 };
static const int vecs[] = { 1, 7, 8, VEC_MAX };

enum carrier { PIPE, FIFO, UNIX, TCP4, TCP6 };

/* fd[0] reads what fd[1] writes. */
static int connect_tcp(int family, int fd[2])
{
	struct sockaddr_storage a = { .ss_family = (sa_family_t)family };
	socklen_t len =
	    family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int l = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		((struct sockaddr_in *)(void *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)(void *)&a)->sin6_addr = in6addr_loopback;
	if (l < 0 || bind(l, (void *)&a, len) || listen(l, 1) || getsockname(l, (void *)&a, &len))
		return -1;
	fd[1] = socket(family, SOCK_STREAM, 0);
	if (fd[1] < 0 || connect(fd[1], (void *)&a, len))
		return -1;
	fd[0] = accept(l, NULL, NULL);
	close(l);
	return fd[0] < 0 ? -1 : 0;
}

static int open_carrier(enum carrier c, int fd[2])
{
	switch (c) {
	case PIPE:
		return pipe(fd);
	case FIFO:
		if (mkfifo("bound", 0600))
			return -1;
		fd[0] = open("bound", O_RDONLY | O_NONBLOCK);
		fd[1] = open("bound", O_WRONLY);
		unlink("bound");
		return fd[0] < 0 || fd[1] < 0 ? -1 : fcntl(fd[0], F_SETFL, 0);
	case UNIX:
		return socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	case TCP4:
		return connect_tcp(AF_INET, fd);
	case TCP6:
		return connect_tcp(AF_INET6, fd);
	}
	return -1;
}

static uint8_t *memory(void)
{
	uint8_t *p =
	    mmap(NULL, MEM_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(90);
	return p;
}

/* `len` bytes in n buffers, all of one length but the last. */
static int cut(struct iovec *iov, int n, uint8_t *p, size_t len)
{
	size_t each = len / (size_t)n + 1, take;
	int i;

	for (i = 0; i < n; i++) {
		take = len < each ? len : each;
		iov[i] = (struct iovec){ p, take };
		p += take;
		len -= take;
	}
	return n;
}

static void write_one(int fd, uint8_t *mem, size_t len, uint64_t off, int n)
{
	static struct iovec iov[VEC_MAX];
	ssize_t r = 0;

	live_fill(mem, len, off);
	for (size_t put = 0; put < len || len == 0; put += (size_t)r) {
		cut(iov, n, mem + put, len - put);
		r = n == 1 ? write(fd, mem + put, len - put) : writev(fd, iov, n);
		if (r < 0 || (len && !r))
			_exit(91);
		if (len == 0)
			return;
	}
}

/* Reads until the end, by turns in each number of buffers. */
static int read_all(int fd)
{
	static struct iovec iov[VEC_MAX];
	uint8_t *mem = memory();
	uint64_t off = 1;
	ssize_t r;

	for (int i = 0;; i++) {
		int n = vecs[i % 4];

		cut(iov, n, mem, 100003);
		r = n == 1 ? read(fd, mem, 100003) : readv(fd, iov, n);
		if (r < 0)
			return 1;
		if (r == 0)
			return 0;
		for (ssize_t k = 0; k < r; k += 997)
			if (mem[k] != live_byte(off + (uint64_t)k))
				return 2;
		off += (uint64_t)r;
	}
}

static int boundaries(void *arg)
{
	uint8_t *mem = memory();
	uint64_t off = 1;
	int fd[2], status;
	pid_t reader;

	if (open_carrier(*(enum carrier *)arg, fd))
		return 100;
	/* the first byte alone: so that both ends can be kept before the rest */
	write_one(fd[1], mem, 1, 0, 1);
	if (read(fd[0], mem, 1) != 1)
		return 2;
	live_stop();
	reader = fork();
	if (reader == 0) {
		close(fd[1]);
		_exit(read_all(fd[0]));
	}
	close(fd[0]);
	for (size_t v = 0; v < 4; v++) {
		for (size_t e = 0; e < 4; e++) {
			const size_t len[] = { 0, 1, edges[e] - 1, edges[e], edges[e] + 1 };

			for (size_t i = 0; i < 5; i++) {
				write_one(fd[1], mem, len[i], off, vecs[v]);
				off += len[i];
			}
		}
	}
	close(fd[1]);
	live.sh->v[1] = (int64_t)off;
	return waitpid(reader, &status, 0) != reader || status ? 1 : 0;
}

static void all_of(enum carrier c)
{
	static const uint8_t kind[] = { MW_CHAN_PIPE, MW_CHAN_PIPE, MW_CHAN_UNIX, MW_CHAN_TCP4,
					MW_CHAN_TCP6 };
	const struct mw_ev_io *w, *r;

	live.on_stop = live_keep_all;
	live_run(boundaries, &c);
	if (c == TCP6 && live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, (uint64_t)live.sh->v[1]);
	r = live_check_stream(0, MW_DIR_READ, 0, (uint64_t)live.sh->v[1]);
	assert_int_equal(w->kind, kind[c]);
	assert_int_equal(r->kind, kind[c]);
	if (c < TCP4) {
		assert_int_equal(w->chan, r->chan);
		assert_int_equal(w->gen, r->gen);
	} else {
		assert_int_equal(w->local.port, r->peer.port);
		assert_int_equal(w->peer.port, r->local.port);
		assert_int_equal(w->tcp_seq - (uint32_t)w->off, r->tcp_seq - (uint32_t)r->off);
	}
	assert_int_equal(w->has_seq, c >= TCP4);
}

static void test_bound_pipe(void **state)
{
	(void)state;
	all_of(PIPE);
}

static void test_bound_fifo(void **state)
{
	(void)state;
	all_of(FIFO);
}

static void test_bound_unix(void **state)
{
	(void)state;
	all_of(UNIX);
}

static void test_bound_tcp4(void **state)
{
	(void)state;
	all_of(TCP4);
}

static void test_bound_tcp6(void **state)
{
	(void)state;
	all_of(TCP6);
}

/* --- several messages a call ----------------------------------------------------------------- */

#define MSG_LEN 601 /* of each message, in up to three buffers */

static int many_messages(void *arg)
{
	static struct mmsghdr m[LIVE_N];
	static struct iovec iov[LIVE_N][3];
	static uint8_t out[LIVE_N * MSG_LEN], in[LIVE_N * MSG_LEN];
	size_t at = 0;
	int fd[2];

	if (open_carrier(*(enum carrier *)arg, fd))
		return 100;
	live.sh->v[0] = fd[1];
	live_fill(out, sizeof(out), 0);
	for (unsigned int i = 0; i < LIVE_N; i++) {
		unsigned int n = 1 + i % 3;

		cut(iov[i], (int)n, out + at, MSG_LEN);
		m[i].msg_hdr = (struct msghdr){ .msg_iov = iov[i], .msg_iovlen = n };
		at += MSG_LEN;
	}
	if (sendmmsg(fd[1], m, LIVE_N, 0) != LIVE_N)
		return 1;
	/* a look that takes nothing, then messages that are not all full: the room of each is
	 * larger */
	for (unsigned int i = 0; i < LIVE_N; i++)
		for (unsigned int k = 0; k < m[i].msg_hdr.msg_iovlen; k++)
			iov[i][k].iov_base = in + (iov[i][k].iov_base - (void *)out);
	if (recvmmsg(fd[0], m, 2, MSG_PEEK, NULL) < 1)
		return 2;
	for (size_t got = 0; got < sizeof(in);) {
		int r = recvmmsg(fd[0], m, 5, MSG_DONTWAIT, NULL);

		if (r <= 0)
			return 3;
		for (int i = 0; i < r; i++)
			got += m[i].msg_len;
		live.sh->v[1]++;
	}
	return 0;
}

static void messages_of(enum carrier c)
{
	const struct mw_ev_io *w, *r;
	uint64_t in_calls = 0;

	live_run(many_messages, &c);
	if (c == TCP6 && live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, LIVE_N * MSG_LEN);
	r = live_check_stream(live.pid, MW_DIR_READ, 0, LIVE_N * MSG_LEN);
	live_check_hdr(&w->hdr);
	assert_int_equal(w->sysno, SYS_sendmmsg);
	assert_int_equal(r->sysno, SYS_recvmmsg);
	assert_int_equal(w->call_len, LIVE_N * MSG_LEN);
	assert_int_equal(w->call_off, 0);
	assert_int_equal(w->fd, live.sh->v[0]);
	assert_null(live_io(live.pid, MW_DIR_WRITE, 1)); /* it fits one event */
	for (size_t i = 0; (r = live_io(live.pid, MW_DIR_READ, i)); i++) {
		assert_int_equal(r->call_off, 0);
		in_calls += r->call_len;
	}
	assert_int_equal(in_calls, LIVE_N * MSG_LEN);
	assert_int_equal(live_count(MW_EV_IO, live.pid), 1 + (size_t)live.sh->v[1]);
}

static void test_messages_unix(void **state)
{
	(void)state;
	messages_of(UNIX);
}

static void test_messages_tcp4(void **state)
{
	(void)state;
	messages_of(TCP4);
}

static void test_messages_tcp6(void **state)
{
	(void)state;
	messages_of(TCP6);
}

/* i386: sendmmsg (345), recvmmsg (337), and both by socketcall (102, 20 and 19). */
static long int80(long nr, long a, long b, long c, long d, long e)
{
	long r;

	asm volatile("int $0x80"
		     : "=a"(r)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static int narrow_messages(void *arg)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t *m = (void *)(low + 512), *iov = (void *)(low + 1024),
		 *args = (void *)(low + 2048);
	uint32_t at = (uint32_t)(uintptr_t)low;
	int s[2];

	(void)arg;
	if (low == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	memcpy(low, "thirty-two", 10);
	for (uint32_t i = 0; i < 2; i++) {
		iov[2 * i] = at + 5 * i;
		iov[2 * i + 1] = 5;
		m[8 * i + 2] = at + 1024 + 8 * i; /* msg_iov */
		m[8 * i + 3] = 1;		  /* msg_iovlen */
	}
	live.sh->v[0] = int80(345, s[0], at + 512, 2, 0, 0);
	args[0] = (uint32_t)s[0];
	args[1] = at + 512;
	args[2] = 2;
	args[3] = 0;
	args[4] = 0;
	live.sh->v[1] = int80(102, 20, at + 2048, 0, 0, 0);
	args[0] = (uint32_t)s[1];
	live.sh->v[2] = int80(102, 19, at + 2048, 0, 0, 0);
	live.sh->v[3] = int80(337, s[1], at + 512, 2, 0, 0);
	return 0;
}

static void test_messages_32_bit(void **state)
{
	static const struct {
		int dir, sysno;
		uint64_t off;
	} want[] = { { MW_DIR_WRITE, 345, 0 },
		     { MW_DIR_WRITE, 102, 10 },
		     { MW_DIR_READ, 102, 0 },
		     { MW_DIR_READ, 337, 10 } };

	(void)state;
	live_run(narrow_messages, NULL);
	assert_int_equal(live.status, 0);
	if (live.sh->v[0] == -ENOSYS)
		skip();
	for (size_t i = 0; i < 4; i++) {
		const struct mw_ev_io *e = live_nth(MW_EV_IO, live.pid, i);

		assert_int_equal(live.sh->v[i], 2);
		assert_non_null(e);
		live_check_hdr(&e->hdr);
		assert_int_equal(e->hdr.flags, MW_EVF_COMPAT);
		assert_int_equal(e->dir, want[i].dir);
		assert_int_equal(e->sysno, want[i].sysno);
		assert_int_equal(e->off, want[i].off);
		assert_int_equal(e->call_len, 10);
		assert_int_equal(e->captured, 10);
		assert_memory_equal(e + 1, "thirty-two", 10);
	}
	assert_int_equal(live_count(MW_EV_IO, live.pid), 4);
}

const struct CMUnitTest live_bound_tests[] = {
	cmocka_unit_test(test_bound_pipe),	cmocka_unit_test(test_bound_fifo),
	cmocka_unit_test(test_bound_unix),	cmocka_unit_test(test_bound_tcp4),
	cmocka_unit_test(test_bound_tcp6),	cmocka_unit_test(test_messages_unix),
	cmocka_unit_test(test_messages_tcp4),	cmocka_unit_test(test_messages_tcp6),
	cmocka_unit_test(test_messages_32_bit),
};
const size_t n_live_bound_tests = sizeof(live_bound_tests) / sizeof(*live_bound_tests);
