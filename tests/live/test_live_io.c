/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_io.c - the bytes of read and write, whole and in pieces */
#include "live.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static uint8_t *new_buf(size_t n)
{
	uint8_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(99);
	return p;
}

/* --- one pipe, the child writes and a child of it reads -------------------------------------- */

static int write_read_pipe(void *arg)
{
	size_t n = *(size_t *)arg;
	uint8_t *buf = new_buf(n + 1);
	size_t got = 0, put = 0;
	struct stat st;
	int p[2], status;
	pid_t reader;

	live_fill(buf, n, 0);
	if (pipe(p) || fstat(p[0], &st))
		return 1;
	live.sh->v[0] = (int64_t)st.st_ino;
	live.sh->v[1] = p[1];
	/* the first byte alone: so that the channel can be kept before the rest */
	if (write(p[1], buf, 1) != 1)
		return 2;
	put = 1;
	live_stop();
	reader = fork();
	if (reader == 0) {
		uint8_t *in = new_buf(n + 1);

		close(p[1]);
		while (got < n) {
			ssize_t r = read(p[0], in + got, 65536);

			if (r <= 0)
				_exit(3);
			got += (size_t)r;
		}
		_exit(memcmp(in, buf, n) ? 4 : 0);
	}
	live.sh->v[2] = reader;
	if (n > 1 && write(p[1], buf + put, n - put) != (ssize_t)(n - put))
		return 5;
	if (waitpid(reader, &status, 0) != reader)
		return 6;
	return status ? 7 : 0;
}

static void pipe_of(size_t n)
{
	const struct mw_ev_io *w, *r;

	live.on_stop = live_keep_all;
	live_run(write_read_pipe, &n);
	assert_int_equal(live.status, 0);
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, n);
	r = live_check_stream((pid_t)live.sh->v[2], MW_DIR_READ, w->chan, n);
	live_check_hdr(&w->hdr);
	assert_int_equal(w->kind, MW_CHAN_PIPE);
	assert_int_equal(w->ino, live.sh->v[0]);
	assert_int_equal(w->fd, live.sh->v[1]);
	assert_int_equal(w->sysno, SYS_write);
	assert_int_equal(r->sysno, SYS_read);
	assert_int_equal(r->gen, w->gen);
	assert_int_equal(r->ino, w->ino);
	assert_int_equal(w->call_len, 1);
	assert_int_equal(w->netns, 0);
	assert_int_equal(w->local.family, 0);
}

static void test_pipe_1(void **state)
{
	(void)state;
	pipe_of(1);
}

static void test_pipe_300(void **state)
{
	(void)state;
	pipe_of(300);
}

static void test_pipe_chunk_minus_1(void **state)
{
	(void)state;
	pipe_of(1 + MW_IO_CHUNK - 1);
}

static void test_pipe_chunk(void **state)
{
	(void)state;
	pipe_of(1 + MW_IO_CHUNK);
}

static void test_pipe_chunk_plus_1(void **state)
{
	(void)state;
	pipe_of(1 + MW_IO_CHUNK + 1);
}

static void test_pipe_1_mib(void **state)
{
	(void)state;
	pipe_of(1 << 20);
}

static void test_pipe_10_mib(void **state)
{
	(void)state;
	pipe_of(10 << 20);
}

/* The count of events of one call is what its length asks for. */
static int write_sizes(void *arg)
{
	const size_t *n = arg;
	uint8_t *buf = new_buf(1 << 20);
	int p[2];

	if (pipe(p) || fcntl(p[1], F_SETPIPE_SZ, 1 << 20) < 0)
		return 1;
	for (; *n; n++)
		if (write(p[1], buf, *n) != (ssize_t)*n)
			return 2;
	return 0;
}

static void test_pieces_of_a_call(void **state)
{
	static const size_t n[] = { 32767, 32768, 32769, 65536, 65537, 1, 0 };
	static const size_t pieces[] = { 1, 1, 2, 2, 3, 1 };
	uint64_t off = 0;
	size_t at = 0;

	(void)state;
	live_run(write_sizes, (void *)(uintptr_t)n);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; n[i]; i++) {
		uint32_t call_off = 0;

		for (size_t j = 0; j < pieces[i]; j++) {
			const struct mw_ev_io *e = live_io(live.pid, MW_DIR_WRITE, at++);

			assert_non_null(e);
			assert_int_equal(e->call_len, n[i]);
			assert_int_equal(e->call_off, call_off);
			assert_int_equal(e->off, off);
			call_off += e->moved;
			off += e->moved;
		}
		assert_int_equal(call_off, n[i]);
	}
	assert_null(live_io(live.pid, MW_DIR_WRITE, at));
}

static int write_n(void *arg)
{
	int p[2];

	(void)arg;
	if (pipe(p))
		return 1;
	for (int i = 0; i < LIVE_N; i++)
		if (write(p[1], "x", 1) != 1)
			return 2;
	if (write(p[1], "x", 0) != 0 || write(p[0], "x", 1) != -1 || write(77, "x", 1) != -1)
		return 3;
	return 0;
}

static void test_each_write_is_one_event(void **state)
{
	(void)state;
	live_run(write_n, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count(MW_EV_IO, live.pid), LIVE_N);
	for (size_t i = 0; i < LIVE_N; i++)
		assert_int_equal(live_io(live.pid, MW_DIR_WRITE, i)->off, i);
}

static int use_a_file(void *arg)
{
	int fd = open("plain", O_RDWR | O_CREAT, 0600);
	char c = 'x';

	(void)arg;
	if (write(fd, &c, 1) != 1 || pread(fd, &c, 1, 0) != 1 || lseek(fd, 0, SEEK_SET) ||
	    read(fd, &c, 1) != 1)
		return 1;
	return 0;
}

static void test_files_are_no_channels(void **state)
{
	(void)state;
	live_run(use_a_file, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count(MW_EV_IO, 0), 0);
}

/* --- several buffers ------------------------------------------------------------------------- */

struct vec {
	int n;	      /* elements */
	size_t len;   /* of each, and */
	int empty_at; /* each so-manieth is empty, 0 none */
};

static int vectors(void *arg)
{
	const struct vec *v = arg;
	struct iovec iov[1024];
	size_t total = 0;
	uint8_t *buf;
	int p[2];

	buf = new_buf((size_t)v->n * v->len + 1);
	for (int i = 0; i < v->n; i++) {
		iov[i].iov_base = buf + total;
		iov[i].iov_len = v->empty_at && i % v->empty_at == 0 ? 0 : v->len;
		total += iov[i].iov_len;
	}
	live_fill(buf, total, 0);
	if (pipe(p) || fcntl(p[1], F_SETPIPE_SZ, 1 << 20) < 0)
		return 1;
	if (writev(p[1], iov, v->n) != (ssize_t)total)
		return 2;
	memset(buf, 0, total);
	if (readv(p[0], iov, v->n) != (ssize_t)total)
		return 3;
	live.sh->v[0] = (int64_t)total;
	return 0;
}

static void vectors_of(int n, size_t len, int empty_at)
{
	struct vec v = { n, len, empty_at };
	const struct mw_ev_io *w, *r;
	size_t total, events;

	live_run(vectors, &v);
	assert_int_equal(live.status, 0);
	total = (size_t)live.sh->v[0];
	events = (total + MW_IO_CHUNK - 1) / MW_IO_CHUNK;
	w = live_check_stream(live.pid, MW_DIR_WRITE, 0, total);
	r = live_check_stream(live.pid, MW_DIR_READ, 0, total);
	assert_int_equal(live_count(MW_EV_IO, live.pid), 2 * events);
	assert_int_equal(w->sysno, SYS_writev);
	assert_int_equal(r->sysno, SYS_readv);
	assert_int_equal(w->call_len, total);
	assert_int_equal(w->chan, r->chan);
}

static void test_iovec_1(void **state)
{
	(void)state;
	vectors_of(1, 100, 0);
}

static void test_iovec_7(void **state)
{
	(void)state;
	vectors_of(7, 1000, 0);
}

static void test_iovec_8_large(void **state)
{
	(void)state;
	vectors_of(8, 100001, 0);
}

static void test_iovec_8_some_empty(void **state)
{
	(void)state;
	vectors_of(8, 5000, 3);
}

static void test_iovec_1024(void **state)
{
	(void)state;
	vectors_of(1024, 97, 0);
}

static void test_iovec_1024_some_empty(void **state)
{
	(void)state;
	vectors_of(1024, 613, 2);
}

/* --- what is not all there ------------------------------------------------------------------- */

/* The reader drops the pages it has read into: only at the call's end we look. */
static int missing_pages(void *arg)
{
	struct iovec iov[3];
	uint8_t *buf = new_buf(16 * 4096);
	int p[2];

	(void)arg;
	if (pipe(p) || fcntl(p[1], F_SETPIPE_SZ, 1 << 20) < 0)
		return 1;
	live_fill(buf, 16 * 4096, 0);
	/* pages 5 and 6 cannot be read: the kernel stops there, and says so by a short count */
	if (mprotect(buf + 5 * 4096, 2 * 4096, PROT_NONE))
		return 2;
	if (write(p[1], buf, 16 * 4096) != 5 * 4096)
		return 3;
	/* a buffer that never was there: an error, no event */
	if (write(p[1], buf + 5 * 4096, 100) != -1 || errno != EFAULT)
		return 4;
	iov[0] = (struct iovec){ buf + 4 * 4096, 4096 };
	iov[1] = (struct iovec){ buf + 5 * 4096, 10 };
	iov[2] = (struct iovec){ buf, 10 };
	live.sh->v[0] = writev(p[1], iov, 3);
	return 0;
}

static void test_short_write_at_a_bad_page(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live_run(missing_pages, NULL);
	assert_int_equal(live.status, 0);
	/* how much is the kernel's affair: 20 until 6.12, which fills up a page first */
	assert_true(live.sh->v[0] == 4096 || live.sh->v[0] == 20);
	e = live_io(live.pid, MW_DIR_WRITE, 0);
	assert_int_equal(e->moved, 5 * 4096);
	assert_int_equal(e->captured, 5 * 4096);
	e = live_io(live.pid, MW_DIR_WRITE, 1);
	assert_int_equal(e->moved, live.sh->v[0]);
	assert_int_equal(e->captured, e->moved);
	assert_int_equal(e->off, 5 * 4096);
	for (uint32_t i = 0; i < e->moved; i++)
		assert_int_equal(((const uint8_t *)(e + 1))[i], live_byte(4 * 4096 + i));
	assert_null(live_io(live.pid, MW_DIR_WRITE, 2));
}

/*
 * What is missing at the call's end is a page that was dropped between the copy and our look. A
 * thread blocked in a write of more than the pipe takes gives the time for it.
 */
struct blocked {
	int fd;
	uint8_t *buf;
	size_t n;
};

static void *write_blocked(void *arg)
{
	struct blocked *b = arg;

	return write(b->fd, b->buf, b->n) == (ssize_t)b->n ? NULL : b;
}

static int drop_while_blocked(void *arg)
{
	struct blocked b = { .n = 40 * 4096 };
	uint8_t sink[4096];
	pthread_t writer;
	void *failed;
	int p[2];

	(void)arg;
	b.buf = new_buf(b.n);
	live_fill(b.buf, b.n, 0);
	if (pipe(p))
		return 1;
	b.fd = p[1];
	if (pthread_create(&writer, NULL, write_blocked, &b))
		return 2;
	/* until it has filled the pipe, and waits */
	for (int i = 0, n = 0; i < 10000 && n < 16 * 4096; i++)
		if (usleep(1000) || ioctl(p[0], FIONREAD, &n))
			return 5;
	/* two pages that have been copied already */
	madvise(b.buf + 2 * 4096, 2 * 4096, MADV_DONTNEED);
	for (size_t got = 0; got < b.n;) {
		ssize_t r = read(p[0], sink, sizeof(sink));

		if (r <= 0)
			return 3;
		got += (size_t)r;
	}
	return pthread_join(writer, &failed) || failed ? 4 : 0;
}

static void test_missing_pages_are_told(void **state)
{
	const struct mw_ev_io *e;
	uint64_t off = 0, missing = 0;

	(void)state;
	live_run(drop_while_blocked, NULL);
	assert_int_equal(live.status, 0);
	for (size_t n = 0; (e = live_io(live.pid, MW_DIR_WRITE, n)); n++) {
		const uint8_t *p = (const uint8_t *)(e + 1);

		assert_int_equal(e->off, off);
		assert_int_equal(e->call_off, off);
		assert_int_equal(e->call_len, 40 * 4096);
		if (e->miss == MW_MISS_FAULT) {
			assert_int_equal(e->captured, 0);
			assert_int_equal(e->off, 2 * 4096);
			missing += e->moved;
		} else {
			assert_int_equal(e->captured, e->moved);
		}
		for (uint32_t i = 0; i < e->captured; i++)
			assert_int_equal(p[i], live_byte(off + i));
		off += e->moved;
	}
	assert_int_equal(off, 40 * 4096);
	assert_int_equal(missing, 2 * 4096);
}

static int write_past_the_limit(void *arg)
{
	size_t n = 3 << 20;
	uint8_t *buf = new_buf(n);
	int p[2], status;
	pid_t reader;

	(void)arg;
	if (pipe(p))
		return 1;
	reader = fork();
	if (reader == 0) {
		close(p[1]);
		while (read(p[0], buf, n) > 0)
			;
		_exit(0);
	}
	live_fill(buf, n, 0);
	for (int i = 0; i < 3; i++)
		if (write(p[1], buf, n) != (ssize_t)n)
			return 2;
	close(p[1]);
	waitpid(reader, &status, 0);
	return 0;
}

static void test_an_undecided_channel_has_a_limit(void **state)
{
	uint64_t off = 0, captured = 0, missed[4] = { 0 };
	const struct mw_ev_io *e;
	size_t n_missed = 0;

	(void)state;
	live_run(write_past_the_limit, NULL);
	assert_int_equal(live.status, 0);
	for (size_t n = 0; (e = live_io(live.pid, MW_DIR_WRITE, n)); n++) {
		assert_int_equal(e->off, off);
		if (e->miss) {
			assert_int_equal(e->miss, MW_MISS_LIMIT);
			assert_int_equal(e->captured, 0);
			assert_true(n_missed < 4);
			missed[n_missed++] = e->moved;
		}
		captured += e->captured;
		off += e->moved;
	}
	assert_int_equal(off, 9 << 20);
	assert_int_equal(captured, 4 << 20);
	assert_int_equal(n_missed, 2);
	assert_int_equal(missed[0], 2 << 20);
	assert_int_equal(missed[1], 3 << 20);
}

static int write_twice(void *arg)
{
	int p[2];

	(void)arg;
	if (pipe(p) || write(p[1], "first", 5) != 5)
		return 1;
	live_stop();
	if (write(p[1], "second", 6) != 6)
		return 2;
	live_stop();
	return write(p[1], "third", 5) == 5 ? 0 : 3;
}

static void drop_or_keep(void)
{
	const struct mw_ev_io *e = live_io(live.pid, MW_DIR_WRITE, 0);
	struct mw_control c = { .chan = e->chan, .gen = e->gen };
	static int n;

	c.kind = n++ % 2 ? MW_CONTROL_CHAN_KEEP : MW_CONTROL_CHAN_DROP;
	assert_int_equal(mw_source_control(live.source, &c), 0);
	/* another generation is another channel */
	c.gen++;
	assert_int_equal(mw_source_control(live.source, &c), -ENOENT);
}

static void test_dropped_then_kept(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live.on_stop = drop_or_keep;
	live_run(write_twice, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count(MW_EV_IO, live.pid), 2);
	e = live_io(live.pid, MW_DIR_WRITE, 1);
	assert_int_equal(e->off, 11); /* the offset has gone on */
	assert_memory_equal(e + 1, "third", 5);
}

/* --- other ways to move bytes ---------------------------------------------------------------- */

static int compat_write(void *arg)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;
	int p[2];

	(void)arg;
	if (low == MAP_FAILED || pipe(p))
		return 1;
	memcpy(low, "thirty-two", 10);
	/* i386: write is 4, arguments in ebx ecx edx */
	asm volatile("int $0x80"
		     : "=a"(r)
		     : "a"(4), "b"(p[1]), "c"(low), "d"(10)
		     : "memory", "r8", "r9", "r10", "r11");
	live.sh->v[0] = r;
	live.sh->v[1] = p[1];
	/* and writev (146) with structures of 32 bits */
	((uint32_t *)(void *)(low + 64))[0] = (uint32_t)(uintptr_t)low;
	((uint32_t *)(void *)(low + 64))[1] = 6;
	((uint32_t *)(void *)(low + 64))[2] = (uint32_t)(uintptr_t)low + 6;
	((uint32_t *)(void *)(low + 64))[3] = 4;
	asm volatile("int $0x80"
		     : "=a"(r)
		     : "a"(146), "b"(p[1]), "c"(low + 64), "d"(2)
		     : "memory", "r8", "r9", "r10", "r11");
	live.sh->v[2] = r;
	return 0;
}

static void test_32_bit_call(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live_run(compat_write, NULL);
	assert_int_equal(live.status, 0);
	if (live.sh->v[0] == -ENOSYS)
		skip();
	assert_int_equal(live.sh->v[0], 10);
	assert_int_equal(live.sh->v[2], 10);
	for (size_t i = 0; i < 2; i++) {
		e = live_io(live.pid, MW_DIR_WRITE, i);
		assert_non_null(e);
		live_check_hdr(&e->hdr);
		assert_int_equal(e->hdr.flags, MW_EVF_COMPAT);
		assert_int_equal(e->sysno, i ? 146 : 4);
		assert_int_equal(e->fd, live.sh->v[1]);
		assert_int_equal(e->off, 10 * i);
		assert_int_equal(e->captured, 10);
		assert_memory_equal(e + 1, "thirty-two", 10);
	}
	assert_int_equal(live_count(MW_EV_IO, live.pid), 2);
}

static int carried(void *arg)
{
	int p[2], q[2], fd = open("carry", O_RDWR | O_CREAT, 0600);
	struct iovec iov = { (void *)(uintptr_t) "vmspliced", 9 };
	char buf[64];

	(void)arg;
	if (pipe(p) || pipe(q) || write(fd, "from a file", 11) != 11 || lseek(fd, 0, SEEK_SET))
		return 1;
	if (sendfile(p[1], fd, NULL, 11) != 11)
		return 2;
	if (tee(p[0], q[1], 4, 0) != 4)
		return 3;
	if (splice(p[0], NULL, q[1], NULL, 7, 0) != 7)
		return 4;
	if (vmsplice(p[1], &iov, 1, 0) != 9)
		return 5;
	if (read(p[0], buf, sizeof(buf)) != 13)
		return 6;
	return 0;
}

static void test_bytes_that_pass_by(void **state)
{
	static const struct {
		int dir, sysno, moved, off, miss;
	} want[] = {
		{ MW_DIR_WRITE, SYS_sendfile, 11, 0, MW_MISS_CARRIER },
		{ MW_DIR_WRITE, SYS_tee, 4, 0, MW_MISS_CARRIER },
		{ MW_DIR_READ, SYS_splice, 7, 0, MW_MISS_CARRIER },
		{ MW_DIR_WRITE, SYS_splice, 7, 4, MW_MISS_CARRIER },
		{ MW_DIR_WRITE, SYS_vmsplice, 9, 11, MW_MISS_NONE },
		{ MW_DIR_READ, SYS_read, 13, 7, MW_MISS_NONE },
	};

	(void)state;
	live_run(carried, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < 6; i++) {
		const struct mw_ev_io *e = live_nth(MW_EV_IO, live.pid, i);

		assert_non_null(e);
		assert_int_equal(e->sysno, want[i].sysno);
		assert_int_equal(e->dir, want[i].dir);
		assert_int_equal(e->moved, want[i].moved);
		assert_int_equal(e->off, want[i].off);
		assert_int_equal(e->miss, want[i].miss);
		assert_int_equal(e->captured, want[i].miss ? 0 : want[i].moved);
	}
	assert_int_equal(live_count(MW_EV_IO, live.pid), 6);
}

const struct CMUnitTest live_io_tests[] = {
	cmocka_unit_test(test_pipe_1), cmocka_unit_test(test_pipe_300),
	cmocka_unit_test(test_pipe_chunk_minus_1), cmocka_unit_test(test_pipe_chunk),
	cmocka_unit_test(test_pipe_chunk_plus_1), cmocka_unit_test(test_pipe_1_mib),
	cmocka_unit_test(test_pipe_10_mib), cmocka_unit_test(test_pieces_of_a_call),
	cmocka_unit_test(test_each_write_is_one_event),
	cmocka_unit_test(test_files_are_no_channels), cmocka_unit_test(test_iovec_1),
	cmocka_unit_test(test_iovec_7), cmocka_unit_test(test_iovec_8_large),
	cmocka_unit_test(test_iovec_8_some_empty), cmocka_unit_test(test_iovec_1024),
	cmocka_unit_test(test_iovec_1024_some_empty),
	cmocka_unit_test(test_short_write_at_a_bad_page),
	cmocka_unit_test(test_missing_pages_are_told),
	cmocka_unit_test(test_an_undecided_channel_has_a_limit),
	cmocka_unit_test(test_dropped_then_kept), cmocka_unit_test(test_32_bit_call),
	cmocka_unit_test(test_bytes_that_pass_by),
};
const size_t n_live_io_tests = sizeof(live_io_tests) / sizeof(*live_io_tests);
