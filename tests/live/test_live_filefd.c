/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_live_filefd.c - calls on an fd: the object is the kernel's own file, whatever the string
 * was; and what lies between a string and the file: links, renames, chroots, namespaces, other
 * threads
 */
#include "live.h"

#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#define SYS_fchmodat2_	452
#define SYS_setxattrat_ 463
#define AT_EMPTY	0x1000

#define sys(nr, ...) as_int(syscall(SYS_##nr, ##__VA_ARGS__))

static int as_int(long r)
{
	return (int)r;
}

static const char *full(const char *name)
{
	static char buf[512];

	snprintf(buf, sizeof(buf), "%s/%s", live.dir, name);
	return buf;
}

static int64_t as_event(long r)
{
	return r < 0 ? -errno : r;
}

/* The n-th event of an op: of the file `name` that the kernel told, on `fd`. */
static struct live_act on_fd(uint16_t op, size_t n, const char *name, int64_t fd)
{
	struct live_act a = live_act(op, n), o = live_act(MW_OP_OPEN, 0);

	live_check_object(&a, full(name), MW_PATH_FULL);
	assert_string_equal(a.asked, "");
	assert_string_equal(a.base, "");
	assert_int_equal(a.e->fd, fd);
	assert_int_equal(a.e->ret, 0);
	/* the same open file as the open's */
	assert_true(a.e->file != 0);
	assert_int_equal(a.e->file, o.e->file);
	assert_int_equal(a.e->dev, o.e->dev);
	assert_int_equal(a.e->ino, o.e->ino);
	live_act_done(&o);
	return a;
}

static int calls_on_fd(void *arg)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} at = { (uintptr_t) "v", 1, 0 };
	int fd = sys(open, "fd-file", O_CREAT | O_RDWR, 0600);

	(void)arg;
	live.sh->v[0] = fd;
	live.sh->v[1] = as_event(syscall(SYS_ftruncate, fd, 1ul << 32 | 3));
	live.sh->v[2] = as_event(syscall(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, 4096ul, 8192ul));
	live.sh->v[3] = as_event(sys(fchmod, fd, 0640));
	live.sh->v[4] = as_event(sys(fchown, fd, 3, 4));
	live.sh->v[5] = as_event(syscall(SYS_utimensat, fd, NULL, NULL, 0));
	live.sh->v[6] = as_event(syscall(SYS_utimensat, fd, "", NULL, AT_EMPTY));
	live.sh->v[7] = as_event(syscall(SYS_fsetxattr, fd, "trusted.fd", "v", 1ul, 0));
	live.sh->v[8] = as_event(sys(fremovexattr, fd, "trusted.fd"));
	live.sh->v[9] = as_event(syscall(SYS_fchownat, fd, "", 5, 6, AT_EMPTY));
	live.sh->v[10] = as_event(syscall(SYS_fchmodat2_, fd, "", 0600, AT_EMPTY));
	live.sh->v[11] =
	    as_event(syscall(SYS_setxattrat_, fd, "", AT_EMPTY, "trusted.fd", &at, sizeof(at)));
	live.sh->v[12] = as_event(syscall(SYS_linkat, fd, "", AT_FDCWD, "fd-link", AT_EMPTY));
	live.sh->v[13] = as_event(syscall(SYS_fchownat, AT_FDCWD, "", 0, 0, AT_EMPTY));
	live.sh->v[14] = as_event(syscall(SYS_ftruncate, 777, 0ul));
	live.sh->v[15] = as_event(sys(fchmod, 777, 0600));
	live.sh->v[16] = as_event(syscall(SYS_ftruncate, open("/dev/null", O_RDWR), 0ul));
	return 0;
}

static void test_calls_on_fd(void **state)
{
	struct live_act a;
	int64_t fd;

	(void)state;
	live_run(calls_on_fd, NULL);
	fd = live.sh->v[0];
	a = on_fd(MW_OP_TRUNCATE, 0, "fd-file", fd);
	assert_int_equal(a.e->sysno, SYS_ftruncate);
	assert_int_equal(a.e->num[0], 1ull << 32 | 3);
	assert_int_equal(a.e->num[2], 0);
	assert_int_equal(a.e->mode, S_IFREG | 0600);
	live_check_ino(a.e->dev, a.e->ino, full("fd-file"));
	live_act_done(&a);
	a = on_fd(MW_OP_TRUNCATE, 1, "fd-file", fd);
	assert_int_equal(a.e->sysno, SYS_fallocate);
	assert_int_equal(a.e->num[0], 8192);
	assert_int_equal(a.e->num[1], 4096);
	assert_int_equal(a.e->num[2], 1);
	assert_int_equal(a.e->flags, FALLOC_FL_KEEP_SIZE);
	live_act_done(&a);
	a = on_fd(MW_OP_CHMOD, 0, "fd-file", fd);
	assert_int_equal(a.e->sysno, SYS_fchmod);
	assert_int_equal(a.e->mode, 0640);
	live_act_done(&a);
	a = on_fd(MW_OP_CHOWN, 0, "fd-file", fd);
	assert_int_equal(a.e->sysno, SYS_fchown);
	assert_int_equal(a.e->num[0], 3);
	assert_int_equal(a.e->num[1], 4);
	live_act_done(&a);
	for (size_t i = 0; i < 2; i++) {
		a = on_fd(MW_OP_UTIMES, i, "fd-file", fd);
		assert_int_equal(a.e->flags, i ? AT_EMPTY : 0);
		live_act_done(&a);
	}
	for (size_t i = 0; i < 2; i++) {
		a = on_fd(MW_OP_XATTR, i, "fd-file", fd);
		assert_string_equal(a.asked2, "trusted.fd");
		assert_int_equal(a.e->flags, i);
		live_act_done(&a);
	}
	a = on_fd(MW_OP_CHOWN, 1, "fd-file", fd);
	assert_int_equal(a.e->sysno, SYS_fchownat);
	assert_int_equal(a.e->flags, AT_EMPTY);
	assert_int_equal(a.e->num[0], 5);
	live_act_done(&a);
	if (live.sh->v[10] != -ENOSYS) { /* 6.6 */
		a = on_fd(MW_OP_CHMOD, 1, "fd-file", fd);
		assert_int_equal(a.e->sysno, SYS_fchmodat2_);
		assert_int_equal(a.e->mode, 0600);
		live_act_done(&a);
	}
	if (live.sh->v[11] != -ENOSYS) { /* 6.13 */
		a = on_fd(MW_OP_XATTR, 2, "fd-file", fd);
		assert_string_equal(a.asked2, "trusted.fd");
		live_act_done(&a);
	}
	a = on_fd(MW_OP_LINK, 0, "fd-file", fd);
	assert_string_equal(a.asked2, "fd-link");
	assert_string_equal(a.base2, live.dir);
	live_act_done(&a);
	/* "" below the working directory is that */
	a = live_act(MW_OP_CHOWN, 2);
	live_check_object(&a, live.dir, MW_PATH_FULL);
	assert_int_equal(a.e->fd, -1);
	live_check_ino(a.e->dev, a.e->ino, live.dir);
	live_act_done(&a);
	/* no such fd: no object */
	a = live_act(MW_OP_TRUNCATE, 2);
	assert_int_equal(a.e->ret, -EBADF);
	assert_int_equal(a.e->fd, 777);
	assert_int_equal(a.e->file, 0);
	live_check_no_object(&a);
	live_act_done(&a);
	a = live_act(MW_OP_CHMOD, 2);
	assert_int_equal(a.e->ret, -EBADF);
	live_check_no_object(&a);
	live_act_done(&a);
	a = live_act(MW_OP_TRUNCATE, 3);
	assert_int_equal(a.e->ret, -EINVAL);
	live_check_object(&a, "/dev/null", MW_PATH_FULL);
	live_act_done(&a);
}

/* --- i386, where lengths come in two registers ---------------------------------------------------
 */

static long compat(long nr, long a, long b, long c, long d, long e)
{
	long r;

	asm volatile("int $0x80"
		     : "=a"(r)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static int compat_on_fd(void *arg)
{
	int fd = sys(open, "fd-compat", O_CREAT | O_RDWR, 0600);

	(void)arg;
	live.sh->v[0] = fd;
	live.sh->v[1] = compat(93, fd, 9, 0, 0, 0);	   /* ftruncate */
	live.sh->v[2] = compat(194, fd, 5, 2, 0, 0);	   /* ftruncate64 */
	live.sh->v[3] = compat(324, fd, 1, 7, 0, 4096);	   /* fallocate; ebp is what it is */
	live.sh->v[4] = compat(94, fd, 0604, 0, 0, 0);	   /* fchmod */
	live.sh->v[5] = compat(95, fd, 7, 0xffff, 0, 0);   /* fchown16 */
	live.sh->v[6] = compat(207, fd, 8, 0x12345, 0, 0); /* fchown */
	return 0;
}

static void test_compat_on_fd(void **state)
{
	struct live_act a;
	int64_t fd;

	(void)state;
	live_run(compat_on_fd, NULL);
	fd = live.sh->v[0];
	a = on_fd(MW_OP_TRUNCATE, 0, "fd-compat", fd);
	assert_int_equal(a.e->num[0], 9);
	assert_int_equal(a.e->hdr.flags & MW_EVF_COMPAT, MW_EVF_COMPAT);
	live_act_done(&a);
	a = on_fd(MW_OP_TRUNCATE, 1, "fd-compat", fd);
	assert_int_equal(a.e->num[0], 5 | 2ull << 32);
	live_act_done(&a);
	a = live_act(MW_OP_TRUNCATE, 2);
	assert_int_equal(a.e->ret, live.sh->v[3]);
	assert_int_equal((uint32_t)a.e->num[0], 4096);
	assert_int_equal(a.e->num[1], 7);
	live_act_done(&a);
	a = on_fd(MW_OP_CHMOD, 0, "fd-compat", fd);
	assert_int_equal(a.e->mode, 0604);
	live_act_done(&a);
	a = on_fd(MW_OP_CHOWN, 0, "fd-compat", fd);
	assert_int_equal(a.e->num[0], 7);
	assert_int_equal(a.e->num[1], 0xffffffff);
	live_act_done(&a);
	a = on_fd(MW_OP_CHOWN, 1, "fd-compat", fd);
	assert_int_equal(a.e->num[0], 8);
	assert_int_equal(a.e->num[1], 0x12345);
	live_act_done(&a);
}

/* --- from the string to the file -----------------------------------------------------------------
 */

/* The open that has just been made has this path; asked stands beside it. */
static void check_open(size_t n, const char *path, int path_state, const char *asked)
{
	struct live_act a = live_act(MW_OP_OPEN, n);

	assert_true(a.e->ret >= 0);
	live_check_object(&a, path, path_state);
	assert_string_equal(a.asked, asked);
	assert_true(a.e->file != 0);
	live_act_done(&a);
}

static int ways_to_a_file(void *arg)
{
	char self[64];
	int fd, dir;

	(void)arg;
	if (mkdir("in", 0700) || mkdir("in/sub", 0700) || symlink("../secret", "in/out"))
		return 1;
	fd = sys(open, "secret", O_CREAT | O_RDWR, 0600);  /* 0 */
	sys(open, "in/out", O_RDONLY);			   /* 1: a link out of the folder */
	sys(open, "in/sub/../../secret", O_RDONLY);	   /* 2: .. */
	dir = sys(open, "in/sub", O_RDONLY | O_DIRECTORY); /* 3 */
	if (fchdir(dir))
		return 2;
	sys(open, "../out", O_RDONLY); /* 4: relative, after fchdir */
	if (chdir(live.dir))
		return 3;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (rename("secret", "renamed"))
		return 4;
	snprintf(live.sh->text, sizeof(live.sh->text), "%s", self);
	sys(open, live.sh->text, O_RDONLY); /* 5: renamed since */
	if (unlink("renamed"))
		return 5;
	sys(open, live.sh->text, O_RDONLY); /* 6: and gone */
	live.sh->v[0] = as_event(syscall(SYS_ftruncate, fd, 0ul));
	return 0;
}

static void test_ways_to_a_file(void **state)
{
	char path[512];
	struct live_act a;

	(void)state;
	live_run(ways_to_a_file, NULL);
	assert_int_equal(live.status, 0);
	snprintf(path, sizeof(path), "%s", full("secret"));
	check_open(0, path, MW_PATH_FULL, "secret");
	check_open(1, path, MW_PATH_FULL, "in/out");
	check_open(2, path, MW_PATH_FULL, "in/sub/../../secret");
	check_open(4, path, MW_PATH_FULL, "../out");
	a = live_act(MW_OP_OPEN, 4);
	assert_string_equal(a.base, full("in/sub"));
	live_act_done(&a);
	snprintf(path, sizeof(path), "%s", full("renamed"));
	check_open(5, path, MW_PATH_FULL, live.sh->text);
	check_open(6, path, MW_PATH_DELETED, live.sh->text);
	a = live_act(MW_OP_TRUNCATE, 0);
	live_check_object(&a, path, MW_PATH_DELETED);
	live_act_done(&a);
}

/* What unlink is told to take away, and what it takes away: with and without the hooks. */
static int unlink_through_links(void *arg)
{
	int dir;

	(void)arg;
	if (mkdir("ud", 0700) || mkdir("ud/x", 0700) || symlink("ud/x", "ulink"))
		return 1;
	close(open("ud/x/f", O_CREAT | O_RDWR, 0600));
	close(open("ud/x/g\n\x1b[2J\xff", O_CREAT | O_RDWR, 0600));
	dir = open("ud", O_RDONLY | O_DIRECTORY);
	if (unlink("ulink/f") || syscall(SYS_unlinkat, dir, "./x/../x/g\n\x1b[2J\xff", 0) ||
	    rename("ud/x", "ulink2") || rmdir("./ulink2/"))
		return 2;
	/* refused only after the dentry was found */
	if (mkdir("full", 0700) || mkdir("full/x", 0700))
		return 3;
	live.sh->v[0] = as_event(rmdir("full"));
	return 0;
}

static void test_unlink_through_links(void **state)
{
	struct live_act a;

	(void)state;
	live_run(unlink_through_links, NULL);
	assert_int_equal(live.status, 0);
	a = live_act(MW_OP_UNLINK, 0);
	assert_string_equal(a.asked, "ulink/f");
	if (live_hooks())
		live_check_object(&a, full("ud/x/f"), MW_PATH_FULL);
	else
		live_check_no_object(&a);
	live_act_done(&a);
	a = live_act(MW_OP_UNLINK, 1);
	assert_string_equal(a.asked, "./x/../x/g\n\x1b[2J\xff");
	assert_string_equal(a.base, full("ud"));
	if (live_hooks())
		live_check_object(&a, full("ud/x/g\n\x1b[2J\xff"), MW_PATH_FULL);
	live_act_done(&a);
	a = live_act(MW_OP_RENAME, 0);
	if (live_hooks()) {
		live_check_object(&a, full("ud/x"), MW_PATH_FULL);
		assert_string_equal(a.base2, full("ulink2"));
	}
	assert_string_equal(a.asked2, "ulink2");
	live_act_done(&a);
	a = live_act(MW_OP_RMDIR, 0);
	assert_string_equal(a.asked, "./ulink2/");
	if (live_hooks())
		live_check_object(&a, full("ulink2"), MW_PATH_FULL);
	live_act_done(&a);
	a = live_act(MW_OP_RMDIR, 1);
	assert_int_equal(a.e->ret, -ENOTEMPTY);
	if (live_hooks())
		live_check_object(&a, full("full"), MW_PATH_FULL);
	live_act_done(&a);
	assert_int_equal(live.sh->v[0], -ENOTEMPTY);
}

/* --- chroot, mount namespace ---------------------------------------------------------------------
 */

static int own_namespace(void *arg)
{
	struct stat st;
	int fd;

	(void)arg;
	if (mkdir("ns", 0700) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmp", "ns", "tmpfs", 0, NULL) || stat("/proc/self/ns/mnt", &st))
		return 1;
	live.sh->v[0] = (int64_t)st.st_ino;
	fd = sys(open, "ns/file", O_CREAT | O_RDWR, 0600);
	live.sh->v[1] = as_event(sys(fchmod, fd, 0644));
	live.sh->v[2] = as_event(sys(unlink, "ns/file"));
	if (fstat(fd, &st))
		return 2;
	live.sh->v[3] = (int64_t)st.st_ino;
	return 0;
}

static void test_own_namespace(void **state)
{
	struct live_act a;
	struct stat st;

	(void)state;
	live.other_mntns = true;
	live_run(own_namespace, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_not_equal(live.sh->v[0], st.st_ino);
	a = live_act(MW_OP_OPEN, 0);
	live_check_object(&a, full("ns/file"), MW_PATH_FULL);
	assert_int_equal(a.e->mntns, live.sh->v[0]);
	assert_int_equal(a.e->ino, live.sh->v[3]);
	live_act_done(&a);
	a = live_act(MW_OP_CHMOD, 0);
	live_check_object(&a, full("ns/file"), MW_PATH_FULL);
	assert_int_equal(a.e->mntns, live.sh->v[0]);
	live_act_done(&a);
	a = live_act(MW_OP_UNLINK, 0);
	assert_int_equal(a.e->mntns, live.sh->v[0]);
	if (live_hooks()) {
		live_check_object(&a, full("ns/file"), MW_PATH_FULL);
		assert_int_equal(a.e->ino, live.sh->v[3]);
	}
	live_act_done(&a);
	live.other_mntns = false;
}

static int in_a_chroot(void *arg)
{
	int fd;

	(void)arg;
	if (mkdir("cage", 0700) || chroot("cage") || chdir("/"))
		return 1;
	fd = sys(open, "/in", O_CREAT | O_RDWR, 0600);
	live.sh->v[0] = as_event(sys(fchmod, fd, 0644));
	live.sh->v[1] = as_event(sys(chmod, "in", 0600));
	live.sh->v[2] = as_event(sys(unlink, "in"));
	return 0;
}

static void test_in_a_chroot(void **state)
{
	struct live_act a;

	(void)state;
	live_run(in_a_chroot, NULL);
	assert_int_equal(live.status, 0);
	a = live_act(MW_OP_CHMOD, 0);
	live_check_object(&a, full("cage/in"), MW_PATH_FULL);
	live_act_done(&a);
	a = live_act(MW_OP_CHMOD, 1);
	assert_string_equal(a.base, full("cage"));
	assert_string_equal(a.asked, "in");
	live_act_done(&a);
	a = live_act(MW_OP_UNLINK, 0);
	if (live_hooks())
		live_check_object(&a, full("cage/in"), MW_PATH_FULL);
	live_act_done(&a);
}

/* --- a second thread that swaps the path
 * ---------------------------------------------------------- */

static struct {
	char name[64];
	volatile bool stop;
	volatile unsigned long turns;
} swap;

static void *swapper(void *arg)
{
	(void)arg;
	while (!swap.stop) {
		*(volatile char *)&swap.name[5] ^= 'a' ^ 'b';
		swap.turns++;
	}
	return NULL;
}

#define N_SWAPS 400

#define N_MEANWHILE 50

/* Calls in which the other thread ran on another processor, if there is one. */
static void unlink_meanwhile(void)
{
	struct timespec begin, now;
	unsigned long t, before;

	sys(unlink, "swap-a");
	sys(unlink, "swap-b");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		t = swap.turns;
		for (volatile int i = 0; i < 500; i++)
			;
		before = swap.turns;
		if (before == t)
			continue;
		sys(unlink, swap.name);
		live.sh->v[1]++;
		live.sh->v[2] += swap.turns != before;
	} while (live.sh->v[1] < 4 * N_MEANWHILE && live.sh->v[2] < N_MEANWHILE &&
		 now.tv_sec - begin.tv_sec < 10);
}

static int open_swapped(void *arg)
{
	struct stat st[2], is;
	pthread_t t;
	int n_b = 0;

	(void)arg;
	close(open("swap-a", O_CREAT | O_RDWR, 0600));
	close(open("swap-b", O_CREAT | O_RDWR, 0600));
	if (stat("swap-a", &st[0]) || stat("swap-b", &st[1]))
		return 1;
	memcpy(swap.name, "swap-a", 7);
	if (pthread_create(&t, NULL, swapper, NULL))
		return 2;
	for (int i = 0; i < N_SWAPS; i++) {
		int fd;

		sched_yield(); /* on a busy machine the other thread would not come to run */
		fd = sys(open, swap.name, O_RDONLY);
		if (fd < 0 || fstat(fd, &is))
			return 3;
		/* one letter of text for each: which file it was */
		live.sh->text[i] = is.st_ino == st[1].st_ino ? 'b' : 'a';
		n_b += is.st_ino == st[1].st_ino;
		close(fd);
	}
	/* and one is taken away by a name that is swapped likewise */
	for (int i = 0; i < N_SWAPS; i++) {
		bool a, b;

		close(open("swap-a", O_CREAT | O_RDWR, 0600));
		close(open("swap-b", O_CREAT | O_RDWR, 0600));
		if (sys(unlink, swap.name))
			return 4;
		a = !access("swap-a", F_OK);
		b = !access("swap-b", F_OK);
		if (a == b)
			return 5;
		live.sh->text[N_SWAPS + i] = a ? 'b' : 'a';
	}
	unlink_meanwhile();
	swap.stop = true;
	pthread_join(t, NULL);
	live.sh->v[0] = n_b;
	return 0;
}

static void test_open_swapped(void **state)
{
	size_t n = 0, n_differ = 0, n_seen = 0;

	(void)state;
	live_run(open_swapped, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; n < N_SWAPS; i++) {
		struct live_act a = live_act(MW_OP_OPEN, i);

		if (a.e->flags == O_RDONLY) {
			assert_string_equal(a.path,
					    full(live.sh->text[n++] == 'b' ? "swap-b" : "swap-a"));
			n_differ += strcmp(a.asked, strrchr(a.path, '/') + 1) != 0;
		}
		live_act_done(&a);
	}
	assert_int_equal(n, N_SWAPS);
	print_message("%d of %d opens got the other file, in %zu the string says another\n",
		      (int)live.sh->v[0], N_SWAPS, n_differ);
	/* else nothing was tested */
	assert_true(live.sh->v[0] > 0 && live.sh->v[0] < N_SWAPS);
	n = N_SWAPS + 2 + (size_t)live.sh->v[1];
	assert_int_equal(live_count_act(MW_OP_UNLINK), n);
	for (size_t i = N_SWAPS + 2; i < n; i++) {
		struct live_act a = live_act(MW_OP_UNLINK, i);

		assert_int_equal(a.e->ret, -ENOENT);
		n_seen += a.e->asked_cut == MW_ASKED_CHANGED;
		live_act_done(&a);
	}
	print_message("%zu of %d that were swapped meanwhile were seen to be\n", n_seen,
		      (int)live.sh->v[2]);
	assert_true(live.sh->v[2] < N_MEANWHILE / 2 || n_seen > 0);
	for (size_t i = 0; live_hooks() && i < N_SWAPS; i++) {
		struct live_act a = live_act(MW_OP_UNLINK, i);

		live_check_object(&a, full(live.sh->text[N_SWAPS + i] == 'b' ? "swap-b" : "swap-a"),
				  MW_PATH_FULL);
		live_act_done(&a);
	}
}

const struct CMUnitTest live_filefd_tests[] = {
	cmocka_unit_test(test_calls_on_fd),    cmocka_unit_test(test_compat_on_fd),
	cmocka_unit_test(test_ways_to_a_file), cmocka_unit_test(test_unlink_through_links),
	cmocka_unit_test(test_own_namespace),  cmocka_unit_test(test_in_a_chroot),
	cmocka_unit_test(test_open_swapped),
};
const size_t n_live_filefd_tests = sizeof(live_filefd_tests) / sizeof(*live_filefd_tests);
