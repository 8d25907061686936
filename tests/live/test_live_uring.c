/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_uring.c - what io_uring moves: how many bytes, where in the channel */
#include "live.h"

#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/uio.h>

/* The least of a ring: one request at a time. */
struct uring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	bool polled;
};

static int uring_open(struct uring *u, unsigned int flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 50 };
	unsigned int *array;
	uint8_t *sq, *cq;

	u->fd = (int)syscall(SYS_io_uring_setup, 8, &p);
	if (u->fd < 0)
		return -errno;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
		  u->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*u->cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, u->fd, IORING_OFF_CQ_RING);
	u->sqe = mmap(NULL, p.sq_entries * sizeof(*u->sqe), PROT_READ | PROT_WRITE, MAP_SHARED,
		      u->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || u->sqe == MAP_FAILED)
		return -ENOMEM;
	u->sq_tail = (void *)(sq + p.sq_off.tail);
	u->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	u->sq_flags = (void *)(sq + p.sq_off.flags);
	array = (void *)(sq + p.sq_off.array);
	for (unsigned int i = 0; i < p.sq_entries; i++)
		array[i] = i;
	u->cq_head = (void *)(cq + p.cq_off.head);
	u->cq_tail = (void *)(cq + p.cq_off.tail);
	u->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	u->cqe = (void *)(cq + p.cq_off.cqes);
	u->polled = flags & IORING_SETUP_SQPOLL;
	return 0;
}

static void uring_submit(struct uring *u, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *u->sq_tail;

	u->sqe[tail & *u->sq_mask] = *sqe;
	__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (!u->polled)
		syscall(SYS_io_uring_enter, u->fd, 1, 0, 0, NULL, 0);
	else if (__atomic_load_n(u->sq_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
		syscall(SYS_io_uring_enter, u->fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
}

static int uring_wait(struct uring *u)
{
	unsigned int head = *u->cq_head;
	int res;

	while (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		syscall(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	res = u->cqe[head & *u->cq_mask].res;
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

static int uring_do(struct uring *u, uint8_t op, int fd, const void *addr, unsigned int len,
		    uint8_t flags)
{
	struct io_uring_sqe sqe = { .opcode = op,
				    .flags = flags,
				    .fd = fd,
				    .off = (uint64_t)-1,
				    .addr = (uint64_t)(uintptr_t)addr,
				    .len = len,
				    .user_data = 77 };

	if (op == IORING_OP_SEND || op == IORING_OP_RECV || op == IORING_OP_SENDMSG ||
	    op == IORING_OP_RECVMSG)
		sqe.off = 0;
	uring_submit(u, &sqe);
	return uring_wait(u);
}

/* What each request moves, in turn: all go over one connection. */
static const struct step {
	uint8_t op, flags;
	int dir, n;
} steps[] = {
	{ IORING_OP_WRITE, 0, MW_DIR_WRITE, 11 },
	{ IORING_OP_READ, 0, MW_DIR_READ, 11 },
	{ IORING_OP_WRITEV, 0, MW_DIR_WRITE, 13 },
	{ IORING_OP_READV, 0, MW_DIR_READ, 13 },
	{ IORING_OP_SEND, 0, MW_DIR_WRITE, 17 },
	{ IORING_OP_RECV, 0, MW_DIR_READ, 17 },
	{ IORING_OP_SENDMSG, 0, MW_DIR_WRITE, 19 },
	{ IORING_OP_RECVMSG, 0, MW_DIR_READ, 19 },
	{ IORING_OP_WRITE_FIXED, 0, MW_DIR_WRITE, 23 },
	{ IORING_OP_READ_FIXED, 0, MW_DIR_READ, 23 },
	{ IORING_OP_WRITE, IOSQE_ASYNC, MW_DIR_WRITE, 29 }, /* a worker does it */
	{ IORING_OP_READ, IOSQE_ASYNC, MW_DIR_READ, 29 },
};
#define N_STEPS (sizeof(steps) / sizeof(*steps))

static int do_steps(struct uring *u, int in, int out)
{
	static char buf[4096];
	struct iovec all = { buf, sizeof(buf) };

	if (syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_BUFFERS, &all, 1))
		return 1;
	for (size_t i = 0; i < N_STEPS; i++) {
		const struct step *s = &steps[i];
		struct iovec iov = { buf, (size_t)s->n };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		const void *addr = buf;
		unsigned int len = (unsigned int)s->n;
		int r;

		if (s->op == IORING_OP_WRITEV || s->op == IORING_OP_READV) {
			addr = &iov;
			len = 1;
		} else if (s->op == IORING_OP_SENDMSG || s->op == IORING_OP_RECVMSG) {
			addr = &m;
			len = 1;
		}
		r = uring_do(u, s->op, s->dir == MW_DIR_READ ? in : out, addr, len, s->flags);
		if (r != s->n)
			return 10 + (int)i;
	}
	/* what fails moves nothing */
	return uring_do(u, IORING_OP_WRITE, -1, buf, 5, 0) == -EBADF ? 0 : 2;
}

static int over_a_socket(void *arg)
{
	struct uring u;
	struct stat st;
	int s[2];

	if (uring_open(&u, *(unsigned int *)arg) < 0)
		return 100;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || fstat(s[1], &st))
		return 1;
	live.sh->v[0] = (int64_t)st.st_ino;
	return do_steps(&u, s[0], s[1]);
}

static void check_steps(unsigned int flags)
{
	uint64_t off[2] = { 0, 0 };
	const struct mw_ev_io *first;

	live_run(over_a_socket, &flags);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	first = live_nth(MW_EV_IO, live.pid, 0);
	for (size_t i = 0; i < N_STEPS; i++) {
		const struct mw_ev_io *e = live_nth(MW_EV_IO, live.pid, i);

		assert_non_null(e);
		assert_int_equal(e->dir, steps[i].dir);
		assert_int_equal(e->moved, steps[i].n);
		assert_int_equal(e->call_len, steps[i].n);
		assert_int_equal(e->call_off, 0);
		assert_int_equal(e->captured, 0);
		assert_int_equal(e->miss, MW_MISS_URING);
		assert_int_equal(e->off, off[e->dir]);
		off[e->dir] += e->moved;
		assert_int_equal(e->kind, MW_CHAN_UNIX);
		assert_int_equal(e->chan, first->chan);
		assert_int_equal(e->gen, first->gen);
		assert_int_equal(e->ino, live.sh->v[0]);
		assert_int_equal(e->sysno, SYS_io_uring_enter);
		assert_int_equal(e->fd, -1);
		assert_int_equal(e->hdr.flags, 0);
		assert_int_equal(e->hdr.uid, geteuid());
	}
	assert_int_equal(live_count(MW_EV_IO, 0), N_STEPS);
}

static void test_uring(void **state)
{
	(void)state;
	check_steps(0);
}

/* A thread of the kernel's takes the requests: it is one of the process. */
static void test_uring_sqpoll(void **state)
{
	(void)state;
	check_steps(IORING_SETUP_SQPOLL);
}

/* Bytes around those that io_uring moved stand at their right place. */
static int mixed(void *arg)
{
	struct uring u;
	char buf[64];
	int p[2];

	(void)arg;
	if (uring_open(&u, 0) < 0)
		return 100;
	if (pipe(p) || write(p[1], "before", 6) != 6 ||
	    uring_do(&u, IORING_OP_WRITE, p[1], "unseen", 6, 0) != 6 ||
	    write(p[1], "after", 5) != 5)
		return 1;
	if (uring_do(&u, IORING_OP_READ, p[0], buf, 3, 0) != 3 || read(p[0], buf, 64) != 14)
		return 2;
	return 0;
}

static void test_uring_between(void **state)
{
	static const struct {
		int dir, off, moved, captured, miss;
	} want[] = { { MW_DIR_WRITE, 0, 6, 6, 0 },
		     { MW_DIR_WRITE, 6, 6, 0, MW_MISS_URING },
		     { MW_DIR_WRITE, 12, 5, 5, 0 },
		     { MW_DIR_READ, 0, 3, 0, MW_MISS_URING },
		     { MW_DIR_READ, 3, 14, 14, 0 } };

	(void)state;
	live_run(mixed, NULL);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 5; i++) {
		const struct mw_ev_io *e = live_nth(MW_EV_IO, live.pid, i);

		assert_non_null(e);
		assert_int_equal(e->dir, want[i].dir);
		assert_int_equal(e->off, want[i].off);
		assert_int_equal(e->moved, want[i].moved);
		assert_int_equal(e->captured, want[i].captured);
		assert_int_equal(e->miss, want[i].miss);
	}
	assert_int_equal(live_count(MW_EV_IO, 0), 5);
}

/* One request, many ends: each names it by its user_data alone. */
static int multishot(void *arg)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_PROVIDE_BUFFERS, .user_data = 1 };
	static char buf[64][64];
	struct uring u;
	int s[2];

	(void)arg;
	if (uring_open(&u, 0) < 0)
		return 100;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	sqe.addr = (uint64_t)(uintptr_t)buf;
	sqe.len = 64;
	sqe.fd = 64;
	sqe.buf_group = 5;
	uring_submit(&u, &sqe);
	if (uring_wait(&u) < 0)
		return 2;
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_RECV,
				     .fd = s[0],
				     .flags = IOSQE_BUFFER_SELECT,
				     .ioprio = IORING_RECV_MULTISHOT,
				     .buf_group = 5,
				     .user_data = 2 };
	uring_submit(&u, &sqe);
	for (int i = 0; i < LIVE_N; i++) {
		int r;

		if (write(s[1], buf, 31) != 31)
			return 3;
		r = uring_wait(&u);
		if (r != 31)
			return r == -EINVAL ? 100 : 4;
	}
	return 0;
}

static void test_uring_multishot(void **state)
{
	(void)state;
	live_run(multishot, NULL);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < LIVE_N; i++) {
		const struct mw_ev_io *e = live_io(live.pid, MW_DIR_READ, i);

		assert_non_null(e);
		assert_int_equal(e->off, 31 * i);
		assert_int_equal(e->moved, 31);
		assert_int_equal(e->miss, MW_MISS_URING);
	}
	assert_int_equal(live_count(MW_EV_IO, live.pid), 2 * LIVE_N);
}

/* --- what was submitted ---------------------------------------------------------------------- */

static int submit_named(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct io_uring_sqe sqe;
	struct uring u;
	int fd;

	if (uring_open(&u, *(unsigned int *)arg) < 0)
		return 100;
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
				     .fd = AT_FDCWD,
				     .addr = (uintptr_t) "f",
				     .len = 0600,
				     .open_flags = O_CREAT | O_RDWR };
	uring_submit(&u, &sqe);
	fd = uring_wait(&u);
	if (fd < 0)
		return 1;
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT,
				     .fd = AT_FDCWD,
				     .addr = (uintptr_t) "f",
				     .len = (uint32_t)AT_FDCWD,
				     .addr2 = (uintptr_t) "/tmp/../tmp/mw-none/g" };
	uring_submit(&u, &sqe);
	live.sh->v[0] = uring_wait(&u);
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT,
				     .fd = AT_FDCWD,
				     .addr = (uintptr_t) "f" };
	uring_submit(&u, &sqe);
	live.sh->v[1] = uring_wait(&u);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
				     .fd = socket(AF_INET, SOCK_STREAM, 0),
				     .addr = (uintptr_t)&a,
				     .off = sizeof(a) };
	uring_submit(&u, &sqe);
	live.sh->v[2] = uring_wait(&u);
	for (int i = 0; i < LIVE_N; i++) {
		sqe = (struct io_uring_sqe){ .opcode = IORING_OP_NOP };
		uring_submit(&u, &sqe);
		uring_wait(&u);
	}
	return 0;
}

static void check_named(unsigned int flags)
{
	static const uint8_t lo[16] = { 127, 0, 0, 1 };
	static const struct {
		uint8_t op;
		const char *asked, *asked2;
	} want[] = { { IORING_OP_OPENAT, "f", "" },
		     { IORING_OP_RENAMEAT, "f", "/tmp/../tmp/mw-none/g" },
		     { IORING_OP_UNLINKAT, "f", "" },
		     { IORING_OP_CONNECT, "", "" } };
	uint64_t nops = 0;
	size_t n;

	live_run(submit_named, &flags);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 4; i++) {
		const struct mw_ev_act *e;
		const char *p;

		n = 0;
		for (size_t k = 0; (e = live_nth(MW_EV_ACT, live.pid, k)); k++)
			if (e->op == MW_OP_URING && n++ == i)
				break;
		assert_non_null(e);
		p = (const char *)(e + 1);
		assert_int_equal(e->num[0], want[i].op);
		assert_int_equal(e->num[1], 1);
		assert_int_equal(e->ret, 0);
		assert_int_equal(e->sysno, SYS_io_uring_enter);
		assert_int_equal(e->asked_len, strlen(want[i].asked));
		assert_int_equal(e->asked2_len, strlen(want[i].asked2));
		assert_int_equal(e->base_len, e->asked_len ? strlen(live.dir) : 0);
		assert_memory_equal(p, live.dir, e->base_len);
		assert_memory_equal(p + e->base_len, want[i].asked, e->asked_len);
		assert_int_equal(e->base2_len, 0);
		assert_memory_equal(p + e->base_len + e->asked_len, want[i].asked2, e->asked2_len);
		if (want[i].op != IORING_OP_CONNECT)
			continue;
		assert_int_equal(e->peer.family, AF_INET);
		assert_int_equal(e->peer.port, 9);
		assert_memory_equal(e->peer.ip, lo, 16);
	}
	/* those without a name are counted: none is lost, and not each is told by itself */
	n = 0;
	for (size_t k = 0;; k++) {
		const struct mw_ev_act *e = live_nth(MW_EV_ACT, live.pid, k);

		if (!e)
			break;
		if (e->op != MW_OP_URING || e->num[0] != IORING_OP_NOP)
			continue;
		nops += e->num[1];
		n++;
	}
	assert_int_equal(nops, LIVE_N);
	assert_true(n < LIVE_N);
}

static void test_uring_operations(void **state)
{
	(void)state;
	check_named(0);
}

static void test_uring_operations_sqpoll(void **state)
{
	(void)state;
	check_named(IORING_SETUP_SQPOLL);
}

const struct CMUnitTest live_uring_tests[] = {
	cmocka_unit_test(test_uring),
	cmocka_unit_test(test_uring_sqpoll),
	cmocka_unit_test(test_uring_between),
	cmocka_unit_test(test_uring_multishot),
	cmocka_unit_test(test_uring_operations),
	cmocka_unit_test(test_uring_operations_sqpoll),
};
const size_t n_live_uring_tests = sizeof(live_uring_tests) / sizeof(*live_uring_tests);
