/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_filebytes.c - bytes moved on open files, and how their fds come to an end */
#include "live.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

#define sys(nr, ...) as_int(syscall(SYS_##nr, ##__VA_ARGS__))

static int as_int(long r)
{
	return (int)r;
}

static char buf[65536];

static const char *full(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", live.dir, name);
	return path;
}

static void check_close(size_t n, int64_t fd, uint64_t file, uint64_t r, uint64_t w, uint32_t why)
{
	struct live_act a = live_act(MW_OP_CLOSE, n);

	assert_int_equal(a.e->fd, fd);
	assert_int_equal(a.e->ret, 0);
	assert_int_equal(a.e->bytes_r, r);
	assert_int_equal(a.e->bytes_w, w);
	assert_int_equal(a.e->file, file);
	assert_int_equal(a.e->flags, why);
	assert_string_equal(a.path, "");
	assert_string_equal(a.asked, "");
	live_act_done(&a);
}

static uint64_t file_of(size_t n_open)
{
	struct live_act a = live_act(MW_OP_OPEN, n_open);
	uint64_t file = a.e->file;

	assert_true(file != 0);
	live_act_done(&a);
	return file;
}

/* --- every call that moves bytes
 * ------------------------------------------------------------------ */

static int move_all_ways(void *arg)
{
	struct iovec v[2] = { { buf, 10 }, { buf, 13 } };
	int a, b, null;
	off_t off = 0;

	(void)arg;
	a = sys(open, "bytes-a", O_CREAT | O_RDWR, 0600);
	b = sys(open, "bytes-b", O_CREAT | O_RDWR, 0600);
	null = sys(open, "/dev/null", O_RDWR);
	live.sh->v[0] = a;
	live.sh->v[1] = b;
	/* written to a: 1000 + 7 + 23 + 23 + 23 = 1076 */
	if (write(a, buf, 1000) != 1000 || pwrite(a, buf, 7, 1000) != 7 ||
	    pwritev(a, v, 2, 1007) != 23 || pwritev2(a, v, 2, 1030, 0) != 23 ||
	    lseek(a, 1053, SEEK_SET) != 1053 || writev(a, v, 2) != 23)
		return 1;
	/* read of a: 23 times 11, 5, 23, 23, 23 */
	if (lseek(a, 0, SEEK_SET))
		return 2;
	for (int i = 0; i < LIVE_N; i++)
		if (read(a, buf, 11) != 11)
			return 3;
	if (pread(a, buf, 5, 3) != 5 || readv(a, v, 2) != 23 || preadv(a, v, 2, 9) != 23 ||
	    preadv2(a, v, 2, 9, 0) != 23)
		return 4;
	/* moved inside the kernel: 100 and 200 from a to b */
	if (copy_file_range(a, &off, b, NULL, 100, 0) != 100 || sendfile(b, a, &off, 200) != 200)
		return 5;
	/* nothing moved, and nothing that counts */
	if (read(b, buf, 10) != 0 || write(null, buf, 99) != 99 || pread(a, buf, 1, 1 << 20) != 0)
		return 6;
	/* by i386's numbers: read 3, pread64 180, write 4 */
	live.sh->v[2] = close(a);
	live.sh->v[3] = close(b);
	close(null);
	return 0;
}

static void test_move_all_ways(void **state)
{
	(void)state;
	live_run(move_all_ways, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_CLOSE), 2);
	assert_int_equal(live_count_act(MW_OP_FILE), 0);
	check_close(0, live.sh->v[0], file_of(0), LIVE_N * 11 + 5 + 3 * 23 + 300, 1076, MW_CLOSED);
	check_close(1, live.sh->v[1], file_of(1), 0, 300, MW_CLOSED);
}

/* --- every way an fd ends
 * -------------------------------------------------------------------------- */

static int end_all_ways(void *arg)
{
	int fd, other;

	(void)arg;
	other = sys(open, "/dev/null", O_RDWR); /* open 0 */
	fd = sys(open, "bytes-a", O_RDONLY);	/* 1: dup2 over it */
	live.sh->v[0] = fd;
	if (read(fd, buf, 1) != 1 || dup2(other, fd) != fd || close(fd))
		return 1;
	fd = sys(open, "bytes-a", O_RDONLY); /* 2: dup3 */
	if (read(fd, buf, 2) != 2 || dup3(other, fd, O_CLOEXEC) != fd || close(fd))
		return 2;
	fd = sys(open, "bytes-a", O_RDONLY); /* 3: close_range, marks first */
	if (read(fd, buf, 3) != 3 || syscall(SYS_close_range, fd, ~0u, 4u) ||
	    read(fd, buf, 3) != 3 || syscall(SYS_close_range, fd, ~0u, 0u))
		return 3;
	fd = sys(open, "bytes-a", O_RDONLY); /* 4: dup2 onto itself ends nothing */
	if (read(fd, buf, 4) != 4 || dup2(fd, fd) != fd || close(777) != -1)
		return 4;
	live.sh->v[1] = fd;
	/* the process's end */
	return 0;
}

static void test_end_all_ways(void **state)
{
	int64_t fd;

	(void)state;
	live_run(end_all_ways, NULL);
	assert_int_equal(live.status, 0);
	fd = live.sh->v[0];
	assert_int_equal(live_count_act(MW_OP_CLOSE), 4);
	check_close(0, fd, file_of(1), 1, 0, MW_CLOSED);
	check_close(1, fd, file_of(2), 2, 0, MW_CLOSED);
	check_close(2, fd, file_of(3), 6, 0, MW_CLOSED);
	check_close(3, live.sh->v[1], file_of(4), 4, 0, MW_CLOSED_EXIT);
	assert_int_not_equal(file_of(1), file_of(2)); /* the same file, another open one */
}

static int end_by_exec(void *arg)
{
	int stays = sys(open, "bytes-a", O_RDONLY),
	    goes = sys(open, "bytes-a", O_RDONLY | O_CLOEXEC);

	(void)arg;
	live.sh->v[0] = stays;
	live.sh->v[1] = goes;
	if (read(stays, buf, 10) != 10 || read(goes, buf, 20) != 20)
		return 1;
	execl("/bin/true", "true", NULL);
	return 2;
}

static void test_end_by_exec(void **state)
{
	struct live_act a;
	size_t n = 0;

	(void)state;
	live_run(end_by_exec, NULL);
	assert_int_equal(live.status, 0);
	/* of what the new program reads itself (its libraries) we ask nothing */
	for (size_t i = 0; i < live_count_act(MW_OP_CLOSE); i++) {
		a = live_act(MW_OP_CLOSE, i);
		if (a.e->file == file_of(1)) {
			check_close(i, live.sh->v[1], file_of(1), 20, 0, MW_CLOSED_EXEC);
			n++;
		} else if (a.e->file == file_of(0)) {
			check_close(i, live.sh->v[0], file_of(0), 10, 0, MW_CLOSED_EXIT);
			n++;
		}
		live_act_done(&a);
	}
	assert_int_equal(n, 2);
}

/* --- one open file, several fds and processes
 * ----------------------------------------------------- */

static int shared_file(void *arg)
{
	int fd = sys(open, "bytes-s", O_CREAT | O_RDWR, 0600), two, p[2];
	pid_t pid;
	char c;

	(void)arg;
	live.sh->v[0] = fd;
	live.sh->v[1] = two = dup(fd);
	if (write(fd, buf, 5) != 5 || write(two, buf, 50) != 50 || pipe(p))
		return 1;
	pid = fork();
	if (!pid)
		_exit(write(fd, buf, 500) != 500 || close(fd) || write(p[1], "x", 1) != 1);
	live.sh->v[2] = pid;
	if (read(p[0], &c, 1) != 1 || waitpid(pid, NULL, 0) != pid || close(fd) || close(two))
		return 2;
	/* a new one at the same number, maybe at the same address */
	fd = sys(open, "bytes-s", O_RDONLY);
	if (read(fd, buf, 7) != 7 || close(fd))
		return 3;
	return 0;
}

static void test_shared_file(void **state)
{
	const struct mw_ev_act *e;
	uint64_t file;
	size_t n = 0;

	(void)state;
	live_run(shared_file, NULL);
	assert_int_equal(live.status, 0);
	file = file_of(0);
	assert_int_equal(live_count_act(MW_OP_CLOSE), 3);
	check_close(0, live.sh->v[0], file, 0, 5, MW_CLOSED);
	check_close(1, live.sh->v[1], file, 0, 50, MW_CLOSED);
	assert_int_not_equal(file_of(1), file);
	check_close(2, live.sh->v[0], file_of(1), 7, 0, MW_CLOSED);
	/* the child's bytes are the child's, on the same open file; it is named once */
	for (size_t i = 0; (e = live_nth(MW_EV_ACT, (pid_t)live.sh->v[2], i)); i++) {
		assert_int_not_equal(e->op, MW_OP_FILE);
		if (e->op != MW_OP_CLOSE)
			continue;
		assert_int_equal(e->file, file);
		assert_int_equal(e->bytes_w, 500);
		n++;
	}
	assert_int_equal(n, 1);
}

/* --- a file whose open was not seen
 * ---------------------------------------------------------------- */

static int unseen_fd, unseen_memory;

static int use_unseen(void *arg)
{
	(void)arg;
	if (write(unseen_fd, buf, 12) != 12 || write(unseen_fd, buf, 12) != 12 ||
	    write(unseen_memory, buf, 3) != 3 || close(unseen_fd))
		return 1;
	return 0;
}

static void test_use_unseen(void **state)
{
	struct live_act a;
	uint64_t file;

	(void)state;
	unseen_fd = open("bytes-u", O_CREAT | O_WRONLY | O_APPEND, 0640);
	unseen_memory = memfd_create("bytes", 0);
	live_run(use_unseen, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_OPEN), 0);
	assert_int_equal(live_count_act(MW_OP_FILE), 2);
	a = live_act(MW_OP_FILE, 0);
	live_check_object(&a, full("bytes-u"), MW_PATH_FULL);
	live_check_ino(a.e->dev, a.e->ino, full("bytes-u"));
	assert_int_equal(a.e->mode, S_IFREG | 0640);
	assert_int_equal(a.e->flags & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	assert_int_equal(a.e->fd, unseen_fd);
	assert_int_equal(a.e->ret, 0);
	file = a.e->file;
	assert_true(file != 0);
	live_act_done(&a);
	check_close(0, unseen_fd, file, 0, 24, MW_CLOSED);
	a = live_act(MW_OP_FILE, 1);
	assert_string_equal(a.path, "memfd:bytes");
	assert_int_equal(a.e->path_state, MW_PATH_NAME);
	file = a.e->file;
	live_act_done(&a);
	check_close(1, unseen_memory, file, 0, 3, MW_CLOSED_EXIT);
	close(unseen_fd);
	close(unseen_memory);
}

/* --- many
 * ------------------------------------------------------------------------------------------ */

#define N_MANY 211

static int many_files(void *arg)
{
	(void)arg;
	for (int i = 0; i < N_MANY; i++) {
		int fd = sys(open, "bytes-a", O_RDONLY);

		/* not in order: every third is left open */
		if (fd < 0 || pread(fd, buf, (size_t)i % 97 + 1, 0) != i % 97 + 1)
			return 1;
		live.sh->text[fd] = 1;
		if (i % 3)
			close(fd);
	}
	return 0;
}

static void test_many_files(void **state)
{
	uint64_t read_n = 0, want = 0;

	(void)state;
	live_run(many_files, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_OPEN), N_MANY);
	assert_int_equal(live_count_act(MW_OP_CLOSE), N_MANY);
	for (size_t i = 0; i < N_MANY; i++) {
		struct live_act a = live_act(MW_OP_CLOSE, i), o;

		read_n += a.e->bytes_r;
		want += i % 97 + 1;
		live_act_done(&a);
		o = live_act(MW_OP_OPEN, i);
		for (size_t j = 0; j < i; j += 50) {
			a = live_act(MW_OP_OPEN, j);
			assert_int_not_equal(a.e->file, o.e->file);
			live_act_done(&a);
		}
		live_act_done(&o);
	}
	assert_int_equal(read_n, want);
}

/* A candidate's files are counted as well: it may turn out to be a server. */
static int as_candidate(void *arg)
{
	int fd = sys(open, "bytes-a", O_RDONLY);

	(void)arg;
	return read(fd, buf, 9) != 9 || close(fd);
}

static void test_as_candidate(void **state)
{
	unsigned int tag = live.tag;

	(void)state;
	live.tag = MW_SOURCE_CANDIDATE;
	live_run(as_candidate, NULL);
	assert_int_equal(live.status, 0);
	check_close(0, live_act(MW_OP_OPEN, 0).e->fd, file_of(0), 9, 0, MW_CLOSED);
	live.tag = tag;
}

const struct CMUnitTest live_filebytes_tests[] = {
	cmocka_unit_test(test_move_all_ways), cmocka_unit_test(test_end_all_ways),
	cmocka_unit_test(test_end_by_exec),   cmocka_unit_test(test_shared_file),
	cmocka_unit_test(test_use_unseen),    cmocka_unit_test(test_many_files),
	cmocka_unit_test(test_as_candidate),
};
const size_t n_live_filebytes_tests = sizeof(live_filebytes_tests) / sizeof(*live_filebytes_tests);
