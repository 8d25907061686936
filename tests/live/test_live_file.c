/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_file.c - open, unlink, rmdir, rename: paths, numbers and errors */
#include "live.h"

#include <linux/openat2.h>

/* The calls themselves: libc turns open into openat, rename into whatever it likes. */
#define sys(nr, ...) syscall(SYS_##nr, ##__VA_ARGS__)

static char *full(const char *name)
{
	static char buf[8192];

	snprintf(buf, sizeof(buf), "%s/%s", live.dir, name);
	return buf;
}

/* --- open ----------------------------------------------------------------------------------------- */

static int open_ways(void *arg)
{
	struct open_how how = { .flags = O_RDWR };
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .h.handle_bytes = MAX_HANDLE_SZ };
	int dir, mount;

	(void)arg;
	live.sh->v[0] = sys(open, "made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	snprintf(live.sh->text + 1024, 1024, "%s/made", live.dir);
	live.sh->v[1] = sys(open, live.sh->text + 1024, O_RDONLY);
	live.sh->v[2] = sys(openat, AT_FDCWD, "./made", O_WRONLY | O_APPEND);
	dir = (int)sys(open, "/tmp", O_RDONLY | O_DIRECTORY);
	live.sh->v[3] = sys(openat, dir, live.dir + 5, O_RDONLY | O_DIRECTORY);
	live.sh->v[4] = sys(openat, (int)live.sh->v[3], "made", O_RDONLY);
	live.sh->v[5] = sys(openat2, AT_FDCWD, "made", &how, sizeof(how));
	live.sh->v[6] = sys(creat, "made", 0600);
	sys(name_to_handle_at, AT_FDCWD, "made", &handle.h, &mount, 0);
	live.sh->v[7] = sys(open_by_handle_at, AT_FDCWD, &handle.h, O_RDONLY);
	return 0;
}

static void test_open_ways(void **state)
{
	static const struct {
		int sysno, flags;
		const char *asked;
		bool base;
	} want[] = {
		{ SYS_open, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, "made", true },
		{ SYS_open, O_RDONLY, NULL, false },
		{ SYS_openat, O_WRONLY | O_APPEND, "./made", true },
		{ 0, 0, NULL, false },
		{ 0, 0, NULL, false },
		{ SYS_openat, O_RDONLY, "made", true },
		{ SYS_openat2, O_RDWR, "made", true },
		{ SYS_creat, O_CREAT | O_WRONLY | O_TRUNC, "made", true },
		{ SYS_open_by_handle_at, O_RDONLY, "", false },
	};
	static const int fd_of[] = { 0, 1, 2, 0, 0, 4, 5, 6, 7 };
	struct live_act a;
	struct stat st;

	(void)state;
	live_run(open_ways, NULL);
	assert_int_equal(stat(full("made"), &st), 0);
	assert_int_equal(live_count_act(MW_OP_OPEN), 9);
	for (size_t i = 0; i < 9; i++) {
		if (!want[i].sysno)
			continue;
		a = live_act(MW_OP_OPEN, i);
		assert_int_equal(a.e->sysno, want[i].sysno);
		assert_int_equal(a.e->flags, want[i].flags);
		assert_int_equal(a.e->ret, live.sh->v[fd_of[i]]);
		assert_int_equal(a.e->fd, a.e->ret);
		assert_string_equal(a.path, full("made"));
		assert_int_equal(a.e->path_state, MW_PATH_FULL);
		assert_string_equal(a.asked, want[i].asked ? want[i].asked : full("made"));
		assert_string_equal(a.base, want[i].base ? live.dir : "");
		assert_int_equal(a.e->base_state, want[i].base ? MW_PATH_FULL : MW_PATH_NONE);
		assert_int_equal(a.e->asked_cut, 0);
		assert_int_equal(a.e->base2_len + a.e->asked2_len, 0);
		live_check_ino(a.e->dev, a.e->ino, full("made"));
		assert_int_equal(a.e->mode, st.st_mode);
		live_act_done(&a);
	}
	a = live_act(MW_OP_OPEN, 4); /* relative to a descriptor of /tmp */
	assert_string_equal(a.base, "/tmp");
	assert_string_equal(a.asked, live.dir + 5);
	assert_string_equal(a.path, live.dir);
	assert_true(S_ISDIR(a.e->mode));
	live_act_done(&a);
	a = live_act(MW_OP_OPEN, 3);
	assert_string_equal(a.path, "/tmp");
	live_act_done(&a);
}

static int open_fails(void *arg)
{
	(void)arg;
	for (int i = 0; i < LIVE_N; i++)
		sys(open, "not-there", O_RDONLY);
	sys(openat, 777, "x", O_RDONLY);
	sys(open, (char *)8, O_RDONLY);
	sys(open, "made", O_CREAT | O_EXCL | O_RDWR, 0600);
	return 0;
}

static void test_open_fails(void **state)
{
	struct live_act a;

	(void)state;
	live_run(open_fails, NULL);
	assert_int_equal(live_count_act(MW_OP_OPEN), LIVE_N + 3);
	for (size_t i = 0; i < LIVE_N; i++) {
		a = live_act(MW_OP_OPEN, i);
		assert_int_equal(a.e->ret, -ENOENT);
		assert_int_equal(a.e->fd, -1);
		assert_int_equal(a.e->ino, 0);
		assert_int_equal(a.e->path_state, MW_PATH_NONE);
		assert_string_equal(a.asked, "not-there");
		assert_string_equal(a.base, live.dir);
		live_act_done(&a);
	}
	a = live_act(MW_OP_OPEN, LIVE_N);
	assert_int_equal(a.e->ret, -EBADF);
	assert_string_equal(a.asked, "x");
	assert_int_equal(a.e->base_state, MW_PATH_NONE);
	live_act_done(&a);
	a = live_act(MW_OP_OPEN, LIVE_N + 1);
	assert_int_equal(a.e->ret, -EFAULT);
	assert_int_equal(a.e->asked_len, 0);
	assert_int_equal(a.e->asked_cut, 1);
	live_act_done(&a);
	a = live_act(MW_OP_OPEN, LIVE_N + 2);
	assert_int_equal(a.e->ret, -EEXIST);
	live_act_done(&a);
}

static int open_odd(void *arg)
{
	char path[64];
	int fd, p[2], m;

	(void)arg;
	if (symlink("made", "link"))
		return 1;
	sys(open, "link", O_RDONLY);
	fd = (int)sys(open, "line\nfeed \"x\"\x01\xff", O_CREAT | O_RDWR, 0600);
	fd = (int)sys(open, "gone", O_CREAT | O_RDWR, 0600);
	sys(unlink, "gone");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	sys(open, path, O_RDONLY);
	if (pipe(p))
		return 2;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	sys(open, path, O_RDONLY);
	m = memfd_create("my-memory", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", m);
	sys(open, path, O_RDONLY);
	sys(open, "/", O_RDONLY);
	sys(open, "/proc/self/status", O_RDONLY);
	sys(open, "/dev/null", O_RDWR);
	return 0;
}

static void check_path(size_t n, const char *path, int path_state)
{
	struct live_act a = live_act(MW_OP_OPEN, n);

	assert_true(a.e->ret >= 0);
	assert_string_equal(a.path, path);
	assert_int_equal(a.e->path_state, path_state);
	live_act_done(&a);
}

static void test_open_odd(void **state)
{
	char status[64];
	struct live_act a;

	(void)state;
	live_run(open_odd, NULL);
	assert_int_equal(live.status, 0);
	check_path(0, full("made"), MW_PATH_FULL);
	a = live_act(MW_OP_OPEN, 0);
	assert_string_equal(a.asked, "link");
	live_act_done(&a);
	check_path(1, full("line\nfeed \"x\"\x01\xff"), MW_PATH_FULL);
	check_path(2, full("gone"), MW_PATH_FULL);
	check_path(3, full("gone"), MW_PATH_DELETED);
	check_path(4, "", MW_PATH_NAME);
	a = live_act(MW_OP_OPEN, 4);
	assert_true(S_ISFIFO(a.e->mode));
	live_act_done(&a);
	check_path(5, "memfd:my-memory", MW_PATH_NAME);
	check_path(6, "/", MW_PATH_FULL);
	snprintf(status, sizeof(status), "/proc/%d/status", (int)live.pid);
	check_path(7, status, MW_PATH_FULL); /* across a mount, and through a symlink */
	check_path(8, "/dev/null", MW_PATH_FULL);
}

/* A path as long as there can be: 4095 bytes, reached in steps. */
static int open_long(void *arg)
{
	char name[256], *whole = live.sh->text;
	size_t n;

	(void)arg;
	memset(name, 'd', 255);
	name[255] = '\0';
	n = (size_t)snprintf(whole, 5000, "%s", live.dir);
	while (n + 1 + 255 + 2 <= 4095) {
		if (mkdir(name, 0700) || chdir(name))
			return 1;
		n += (size_t)snprintf(whole + n, 5000 - n, "/%s", name);
	}
	memset(name, 'f', 255);
	name[4095 - n - 1] = '\0';
	live.sh->v[0] = sys(open, name, O_CREAT | O_RDWR, 0600);
	snprintf(whole + n, 5000 - n, "/%s", name);
	live.sh->v[1] = sys(open, whole, O_RDONLY);
	whole[4095] = 'x';
	whole[4096] = '\0';
	live.sh->v[2] = sys(open, whole, O_RDONLY);
	whole[4095] = '\0';
	/* deeper than a name can say */
	name[0] = '\0';
	memset(name, 'e', 255);
	name[255] = '\0';
	if (mkdir(name, 0700) || chdir(name))
		return 2;
	live.sh->v[3] = sys(open, "deep", O_CREAT | O_RDWR, 0600);
	return 0;
}

static void test_open_long(void **state)
{
	struct live_act a;
	size_t n;

	(void)state;
	live_run(open_long, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(strlen(live.sh->text), 4095);
	for (size_t i = 0; i < 2; i++) {
		a = live_act(MW_OP_OPEN, i);
		assert_true(a.e->ret >= 0);
		assert_int_equal(a.e->path_state, MW_PATH_FULL);
		assert_string_equal(a.path, live.sh->text);
		assert_int_equal(a.e->asked_cut, 0);
		if (i)
			assert_string_equal(a.asked, live.sh->text);
		live_act_done(&a);
	}
	a = live_act(MW_OP_OPEN, 2);
	assert_int_equal(a.e->ret, -ENAMETOOLONG);
	assert_int_equal(a.e->asked_len, 4096);
	assert_int_equal(a.e->asked_cut, 1);
	live_act_done(&a);
	a = live_act(MW_OP_OPEN, 3);
	assert_true(a.e->ret >= 0);
	assert_int_equal(a.e->path_state, MW_PATH_CUT);
	n = strlen(a.path);
	assert_true(n > 3800);
	assert_string_equal(a.path + n - 10, "eeeee/deep");
	assert_string_equal(a.asked, "deep");
	live_act_done(&a);
}

static int open_in_jail(void *arg)
{
	(void)arg;
	if (mkdir("jail", 0700) || chroot("jail") || chdir("/"))
		return 1;
	live.sh->v[0] = sys(open, "/inside", O_CREAT | O_RDWR, 0600);
	live.sh->v[1] = sys(open, "here", O_CREAT | O_RDWR, 0600);
	return 0;
}

static void test_chroot_shows_the_outer_path(void **state)
{
	struct live_act a;

	(void)state;
	live_run(open_in_jail, NULL);
	assert_int_equal(live.status, 0);
	check_path(0, full("jail/inside"), MW_PATH_FULL);
	check_path(1, full("jail/here"), MW_PATH_FULL);
	a = live_act(MW_OP_OPEN, 1);
	assert_string_equal(a.base, full("jail"));
	live_act_done(&a);
}

/* --- unlink, rmdir, rename ------------------------------------------------------------------------ */

static int unlink_n(void *arg)
{
	char name[32];
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	struct stat st;

	(void)arg;
	live.sh->v[0] = dir;
	for (int i = 0; i < LIVE_N; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		close(open(name, O_CREAT | O_RDWR, 0600));
		if (stat(name, &st))
			return 2;
		live.sh->v[1 + i] = live_overlay() ? 0 : (int64_t)st.st_ino;
		if (i % 2 ? sys(unlinkat, dir, name, 0) : sys(unlink, name))
			return 1;
	}
	sys(unlink, "u0");
	sys(unlink, "/etc");
	mkdir("d1", 0700);
	mkdir("d2", 0700);
	sys(rmdir, "d1");
	sys(unlinkat, AT_FDCWD, "d2", AT_REMOVEDIR);
	sys(rmdir, "/tmp");
	return 0;
}

static void test_unlink_n(void **state)
{
	struct live_act a;
	char name[32];

	(void)state;
	live_run(unlink_n, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_UNLINK), LIVE_N + 2);
	for (size_t i = 0; i < LIVE_N; i++) {
		a = live_act(MW_OP_UNLINK, i);
		snprintf(name, sizeof(name), "u%zu", i);
		assert_int_equal(a.e->ret, 0);
		assert_int_equal(a.e->sysno, i % 2 ? SYS_unlinkat : SYS_unlink);
		assert_int_equal(a.e->flags, 0);
		assert_int_equal(a.e->fd, -1);
		assert_int_equal(a.e->asked_cut, 0);
		if (live_hooks()) {
			live_check_object(&a, full(name), MW_PATH_FULL);
			if (live.sh->v[1 + i])
				assert_int_equal(a.e->ino, live.sh->v[1 + i]);
			assert_int_equal(a.e->mode, S_IFREG | 0600);
		} else {
			live_check_no_object(&a);
		}
		assert_string_equal(a.base, live.dir);
		assert_int_equal(a.e->base_state, MW_PATH_FULL);
		assert_string_equal(a.asked, name);
		live_act_done(&a);
	}
	a = live_act(MW_OP_UNLINK, LIVE_N);
	assert_int_equal(a.e->ret, -ENOENT);
	live_act_done(&a);
	a = live_act(MW_OP_UNLINK, LIVE_N + 1);
	assert_int_equal(a.e->ret, -EISDIR);
	assert_string_equal(a.asked, "/etc");
	assert_string_equal(a.base, "");
	live_act_done(&a);
	assert_int_equal(live_count_act(MW_OP_RMDIR), 3);
	a = live_act(MW_OP_RMDIR, 0);
	assert_int_equal(a.e->sysno, SYS_rmdir);
	assert_string_equal(a.asked, "d1");
	assert_int_equal(a.e->ret, 0);
	if (live_hooks()) {
		live_check_object(&a, full("d1"), MW_PATH_FULL);
		assert_int_equal(a.e->mode, S_IFDIR | 0700);
	} else {
		live_check_no_object(&a);
	}
	live_act_done(&a);
	a = live_act(MW_OP_RMDIR, 1);
	assert_int_equal(a.e->sysno, SYS_unlinkat);
	assert_int_equal(a.e->flags, AT_REMOVEDIR);
	assert_string_equal(a.asked, "d2");
	assert_int_equal(a.e->ret, 0);
	live_act_done(&a);
	a = live_act(MW_OP_RMDIR, 2);
	assert_true(a.e->ret < 0);
	live_act_done(&a);
}

static int rename_ways(void *arg)
{
	int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
	char other[128];

	(void)arg;
	close(open("r0", O_CREAT | O_RDWR, 0600));
	snprintf(other, sizeof(other), "%s/r2", live.dir + 5);
	if (sys(rename, "r0", "r1") || sys(renameat, AT_FDCWD, "r1", tmp, other) ||
	    sys(renameat2, AT_FDCWD, "r2", AT_FDCWD, "r3", 1u /* RENAME_NOREPLACE */))
		return 1;
	sys(rename, "no-r", "r4");
	return 0;
}

static void test_rename_ways(void **state)
{
	static const struct {
		int sysno, flags, ret;
		const char *asked, *asked2;
	} want[] = {
		{ SYS_rename, 0, 0, "r0", "r1" },
		{ SYS_renameat, 0, 0, "r1", NULL },
		{ SYS_renameat2, 1, 0, "r2", "r3" },
		{ SYS_rename, 0, -ENOENT, "no-r", "r4" },
	};
	char other[128], from[128], to[128];

	(void)state;
	live_run(rename_ways, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_RENAME), 4);
	snprintf(other, sizeof(other), "%s/r2", live.dir + 5);
	for (size_t i = 0; i < 4; i++) {
		struct live_act a = live_act(MW_OP_RENAME, i);

		assert_int_equal(a.e->sysno, want[i].sysno);
		assert_int_equal(a.e->flags, want[i].flags);
		assert_int_equal(a.e->ret, want[i].ret);
		assert_string_equal(a.asked, want[i].asked);
		assert_string_equal(a.asked2, want[i].asked2 ? want[i].asked2 : other);
		assert_string_equal(a.base, live.dir);
		if (live_hooks() && !want[i].ret) {
			/* the new name itself, as the kernel has it */
			snprintf(to, sizeof(to), "%s/r%zu", live.dir, i + 1);
			snprintf(from, sizeof(from), "%s/r%zu", live.dir, i);
			assert_string_equal(a.base2, to);
			live_check_object(&a, from, MW_PATH_FULL);
		} else {
			assert_string_equal(a.base2, i == 1 ? "/tmp" : live.dir);
			live_check_no_object(&a);
		}
		assert_int_equal(a.e->base_state, MW_PATH_FULL);
		assert_int_equal(a.e->base2_state, MW_PATH_FULL);
		live_act_done(&a);
	}
}

const struct CMUnitTest live_file_tests[] = {
	cmocka_unit_test(test_open_ways),
	cmocka_unit_test(test_open_fails),
	cmocka_unit_test(test_open_odd),
	cmocka_unit_test(test_open_long),
	cmocka_unit_test(test_chroot_shows_the_outer_path),
	cmocka_unit_test(test_unlink_n),
	cmocka_unit_test(test_rename_ways),
};
const size_t n_live_file_tests = sizeof(live_file_tests) / sizeof(*live_file_tests);
