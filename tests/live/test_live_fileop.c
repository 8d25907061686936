/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_live_fileop.c - calls on paths that change what a file is: every number, every field
 *
 * A child makes the calls of a table; what the kernel returned must be what the table and the event
 * say, and each event has the strings, numbers and flags of its row and nothing else.
 */
#include "live.h"

#include <sched.h>
#include <sys/mount.h>

/* a row says what its call has, and no more */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define SYS_fchmodat2_	   452
#define SYS_setxattrat_	   463
#define SYS_removexattrat_ 466

struct row {
	uint16_t op;
	int sysno;
	int64_t ret;
	const char *base, *asked, *base2, *asked2; /* "." is the test's directory */
	uint32_t flags, mode;
	uint64_t num[4];
	bool late; /* the kernel may not have it: then -ENOSYS */
};

/* What a result is in an event. */
static int64_t as_event(long r)
{
	return r < 0 ? -errno : r;
}

static size_t n_calls;
#define DO(...) (live.sh->v[n_calls++] = as_event(syscall(__VA_ARGS__)))

static void check_string(const char *is, const char *want)
{
	live_check_path(is, !want ? "" : strcmp(want, ".") ? want : live.dir);
}

static void check_row(const struct row *w, size_t n, int64_t ret)
{
	struct live_act a = live_act(w->op, n);

	if (!(w->late && ret == -ENOSYS))
		assert_int_equal(ret, w->ret);
	assert_int_equal(a.e->ret, ret);
	assert_int_equal(a.e->sysno, w->sysno);
	assert_int_equal(a.e->hdr.flags & MW_EVF_COMPAT, 0);
	check_string(a.base, w->base);
	assert_int_equal(a.e->base_state, w->base ? MW_PATH_FULL : MW_PATH_NONE);
	check_string(a.asked, w->asked);
	check_string(a.base2, w->base2);
	assert_int_equal(a.e->base2_state, w->base2 ? MW_PATH_FULL : MW_PATH_NONE);
	check_string(a.asked2, w->asked2);
	assert_int_equal(a.e->asked_cut, 0);
	assert_int_equal(a.e->flags, w->flags);
	assert_int_equal(a.e->mode, w->mode);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(a.e->num[i], w->num[i]);
	assert_int_equal(a.e->fd, -1);
	assert_int_equal(a.e->file, 0);
	assert_int_equal(a.e->bytes_r | a.e->bytes_w, 0);
	live_check_no_object(&a);
	live_act_done(&a);
}

static void check_rows(const struct row *rows, size_t n)
{
	size_t nth[64] = { 0 };

	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], nth[rows[i].op]++, live.sh->v[i]);
	for (uint16_t op = MW_OP_TRUNCATE; op <= MW_OP_UMOUNT; op++)
		if (nth[op])
			assert_int_equal(live_count_act(op), nth[op]);
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

static int make_file(const char *name)
{
	int fd = open(name, O_CREAT | O_RDWR, 0600);

	return fd < 0 || close(fd) ? -1 : 0;
}

/* --- sizes, directories, nodes -------------------------------------------------------------------
 */

static int sizes_nodes(void *arg)
{
	int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
	char in_tmp[96];

	(void)arg;
	if (make_file("f"))
		return 1;
	snprintf(in_tmp, sizeof(in_tmp), "%s/d2", live.dir + 5);
	DO(SYS_truncate, "f", 23L);
	DO(SYS_truncate, "none", 0L);
	DO(SYS_mkdir, "d1", 0751);
	DO(SYS_mkdir, "d1", 0700);
	DO(SYS_mkdirat, tmp, in_tmp, 01777);
	DO(SYS_mkdirat, 777, "x", 0700);
	DO(SYS_mknod, "fifo", S_IFIFO | 0640, 0L);
	DO(SYS_mknodat, AT_FDCWD, "op-plain", S_IFREG | 0604, 0L);
	/* minor 0x12345: more than the old eight bits; refused after all is read */
	DO(SYS_mknod, "d1", S_IFBLK | 0600, (long)((0x45u) | 259u << 8 | 0x123u << 20));
	return 0;
}

static void test_sizes_nodes(void **state)
{
	char in_tmp[96];
	const struct row rows[] = {
		{ MW_OP_TRUNCATE, SYS_truncate, 0, ".", "f", .num = { 23 } },
		{ MW_OP_TRUNCATE, SYS_truncate, -ENOENT, ".", "none" },
		{ MW_OP_MKDIR, SYS_mkdir, 0, ".", "d1", .mode = 0751 },
		{ MW_OP_MKDIR, SYS_mkdir, -EEXIST, ".", "d1", .mode = 0700 },
		{ MW_OP_MKDIR, SYS_mkdirat, 0, "/tmp", in_tmp, .mode = 01777 },
		{ MW_OP_MKDIR, SYS_mkdirat, -EBADF, NULL, "x", .mode = 0700 },
		{ MW_OP_MKNOD, SYS_mknod, 0, ".", "fifo", .mode = S_IFIFO | 0640 },
		{ MW_OP_MKNOD, SYS_mknodat, 0, ".", "op-plain", .mode = S_IFREG | 0604 },
		{ MW_OP_MKNOD, SYS_mknod, -EEXIST, ".", "d1", .mode = S_IFBLK | 0600,
		  .num = { 259ull << 32 | 0x12345 } },
	};

	(void)state;
	n_calls = 0;
	snprintf(in_tmp, sizeof(in_tmp), "%s/d2", live.dir + 5);
	live_run(sizes_nodes, NULL);
	CHECK_ROWS(rows);
}

/* --- links ---------------------------------------------------------------------------------------
 */

static int links(void *arg)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	(void)arg;
	DO(SYS_link, "f", "f2");
	DO(SYS_link, "f", "f2");
	DO(SYS_linkat, dir, "f", AT_FDCWD, "f3", AT_SYMLINK_FOLLOW);
	DO(SYS_symlink, "../../etc/passwd", "out");
	DO(SYS_symlinkat, "/etc/\nodd \x01\xff", dir, "out2");
	DO(SYS_symlinkat, "x", 777, "out3");
	return 0;
}

static void test_links(void **state)
{
	static const struct row rows[] = {
		{ MW_OP_LINK, SYS_link, 0, ".", "f", ".", "f2" },
		{ MW_OP_LINK, SYS_link, -EEXIST, ".", "f", ".", "f2" },
		{ MW_OP_LINK, SYS_linkat, 0, ".", "f", ".", "f3", .flags = AT_SYMLINK_FOLLOW },
		{ MW_OP_SYMLINK, SYS_symlink, 0, NULL, "../../etc/passwd", ".", "out" },
		{ MW_OP_SYMLINK, SYS_symlinkat, 0, NULL, "/etc/\nodd \x01\xff", ".", "out2" },
		{ MW_OP_SYMLINK, SYS_symlinkat, -EBADF, NULL, "x", NULL, "out3" },
	};

	(void)state;
	n_calls = 0;
	live_run(links, NULL);
	CHECK_ROWS(rows);
}

/* --- modes and owners, also as somebody else -----------------------------------------------------
 */

static int modes_owners(void *arg)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	(void)arg;
	DO(SYS_chmod, "f", 0640);
	DO(SYS_fchmodat, dir, "f", 04755);
	DO(SYS_fchmodat2_, dir, "f", 0600, AT_SYMLINK_NOFOLLOW);
	DO(SYS_chown, "f", 12, 34);
	DO(SYS_lchown, "out", -1, 34);
	DO(SYS_fchownat, dir, "f", 0, -1, AT_SYMLINK_NOFOLLOW);
	DO(SYS_chmod, "none", 0777);
	/* not the owner, and a directory that lets nobody in */
	live.sh->v[60] = setresuid(-1, 65534, -1);
	DO(SYS_chmod, "f", 0777);
	DO(SYS_chown, "/root/none", 0, 0);
	live.sh->v[61] = setresuid(-1, 0, -1);
	return 0;
}

static void test_modes_owners(void **state)
{
	const struct row rows[] = {
		{ MW_OP_CHMOD, SYS_chmod, 0, ".", "f", .mode = 0640 },
		{ MW_OP_CHMOD, SYS_fchmodat, 0, ".", "f", .mode = 04755 },
		{ MW_OP_CHMOD, SYS_fchmodat2_, 0, ".", "f", .mode = 0600,
		  .flags = AT_SYMLINK_NOFOLLOW, .late = true },
		{ MW_OP_CHOWN, SYS_chown, 0, ".", "f", .num = { 12, 34 } },
		{ MW_OP_CHOWN, SYS_lchown, 0, ".", "out", .num = { 0xffffffff, 34 } },
		{ MW_OP_CHOWN, SYS_fchownat, 0, ".", "f", .num = { 0, 0xffffffff },
		  .flags = AT_SYMLINK_NOFOLLOW },
		{ MW_OP_CHMOD, SYS_chmod, -ENOENT, ".", "none", .mode = 0777 },
		/* the test's directory is root's alone */
		{ MW_OP_CHMOD, SYS_chmod, -EACCES, ".", "f", .mode = 0777 },
		{ MW_OP_CHOWN, SYS_chown, -EACCES, NULL, "/root/none", .num = { 0, 0 } },
	};

	(void)state;
	n_calls = 0;
	live.other_uid = 65534;
	live_run(modes_owners, NULL);
	assert_int_equal(live.sh->v[60] | live.sh->v[61], 0);
	CHECK_ROWS(rows);
	live.other_uid = 0;
}

/* --- times and attributes ------------------------------------------------------------------------
 */

static int times_attrs(void *arg)
{
	/* struct xattr_args: value, size, flags */
	struct {
		uint64_t value;
		uint32_t size, flags;
	} at = { (uintptr_t) "v", 1, 0 };
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	char name[300];

	(void)arg;
	memset(name, 'a', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[255] = '\0';
	DO(SYS_utime, "f", NULL);
	DO(SYS_utimes, "f", NULL);
	DO(SYS_futimesat, dir, "f", NULL);
	DO(SYS_utimensat, dir, "f", NULL, AT_SYMLINK_NOFOLLOW);
	DO(SYS_utimensat, AT_FDCWD, "none", NULL, 0);
	DO(SYS_setxattr, "f", "trusted.x", "v", 1L, 0);
	DO(SYS_lsetxattr, "f", name, "v", 1L, 0);
	DO(SYS_setxattrat_, dir, "f", 0, "trusted.y", &at, sizeof(at));
	DO(SYS_removexattr, "f", "trusted.x");
	DO(SYS_lremovexattr, "f", name);
	DO(SYS_removexattrat_, dir, "f", 0, "trusted.y");
	DO(SYS_removexattr, "f", "trusted.x");
	DO(SYS_setxattr, "f", "odd\n.\xff", "v", 1L, 0);
	return 0;
}

static void test_times_attrs(void **state)
{
	char name[300];
	const struct row rows[] = {
		{ MW_OP_UTIMES, SYS_utime, 0, ".", "f" },
		{ MW_OP_UTIMES, SYS_utimes, 0, ".", "f" },
		{ MW_OP_UTIMES, SYS_futimesat, 0, ".", "f" },
		{ MW_OP_UTIMES, SYS_utimensat, 0, ".", "f", .flags = AT_SYMLINK_NOFOLLOW },
		{ MW_OP_UTIMES, SYS_utimensat, -ENOENT, ".", "none" },
		{ MW_OP_XATTR, SYS_setxattr, 0, ".", "f", NULL, "trusted.x" },
		{ MW_OP_XATTR, SYS_lsetxattr, 0, ".", "f", NULL, name },
		{ MW_OP_XATTR, SYS_setxattrat_, 0, ".", "f", NULL, "trusted.y", .late = true },
		{ MW_OP_XATTR, SYS_removexattr, 0, ".", "f", NULL, "trusted.x", .flags = 1 },
		{ MW_OP_XATTR, SYS_lremovexattr, 0, ".", "f", NULL, name, .flags = 1 },
		{ MW_OP_XATTR, SYS_removexattrat_, 0, ".", "f", NULL, "trusted.y", .flags = 1,
		  .late = true },
		{ MW_OP_XATTR, SYS_removexattr, -ENODATA, ".", "f", NULL, "trusted.x", .flags = 1 },
		{ MW_OP_XATTR, SYS_setxattr, -EOPNOTSUPP, ".", "f", NULL, "odd\n.\xff" },
	};

	(void)state;
	n_calls = 0;
	memset(name, 'a', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[255] = '\0';
	live_run(times_attrs, NULL);
	CHECK_ROWS(rows);
}

/* --- mounts, in a namespace of the child's own ---------------------------------------------------
 */

static int mounts(void *arg)
{
	int dir;

	(void)arg;
	if (syscall(SYS_unshare, CLONE_NEWNS) || mkdir("m", 0700) || mkdir("m2", 0700))
		return 1;
	DO(SYS_mount, "none", "/", NULL, (unsigned long)(MS_REC | MS_PRIVATE), NULL);
	DO(SYS_mount, "some-source", "m", "tmpfs", (unsigned long)(MS_NOSUID | MS_NODEV), "");
	DO(SYS_mount, "m", "m2", NULL, (unsigned long)MS_BIND, NULL);
	DO(SYS_umount2, "m2", MNT_DETACH);
	DO(SYS_mount, "x", "none", "tmpfs", 0ul, NULL);
	dir = open("m2", O_PATH | O_DIRECTORY);
	DO(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "m2", 0);
	DO(SYS_umount2, "m2", 0);
	DO(SYS_umount2, "m2", UMOUNT_NOFOLLOW);
	close(dir);
	return 0;
}

static void test_mounts(void **state)
{
	static const struct row rows[] = {
		{ MW_OP_MOUNT, SYS_mount, 0, NULL, "/", NULL, "none",
		  .num = { MS_REC | MS_PRIVATE } },
		{ MW_OP_MOUNT, SYS_mount, 0, ".", "m", NULL, "some-source",
		  .num = { MS_NOSUID | MS_NODEV } },
		{ MW_OP_MOUNT, SYS_mount, 0, ".", "m2", NULL, "m", .num = { MS_BIND } },
		{ MW_OP_UMOUNT, SYS_umount2, 0, ".", "m2", .flags = MNT_DETACH },
		{ MW_OP_MOUNT, SYS_mount, -ENOENT, ".", "none", NULL, "x" },
		{ MW_OP_MOUNT, SYS_move_mount, 0, ".", "m2", ".", "m", .num = { 0, 1 } },
		{ MW_OP_UMOUNT, SYS_umount2, 0, ".", "m2" },
		{ MW_OP_UMOUNT, SYS_umount2, -EINVAL, ".", "m2", .flags = UMOUNT_NOFOLLOW },
	};

	(void)state;
	n_calls = 0;
	live.other_mntns = true;
	live_run(mounts, NULL);
	CHECK_ROWS(rows);
	live.other_mntns = false;
}

/* --- the other two ways into the kernel ----------------------------------------------------------
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

/* i386's number, its five arguments (1, 2: the two names), what is expected. */
struct compat_row {
	int nr;
	int arg[5];
	struct row row;
};
#define N1 (-1001) /* "f" */
#define N2 (-1002) /* "n2", and no name twice */
#define NX (-1003) /* "trusted.z" */

static const struct compat_row compat_rows[] = {
	{ 92, { N1, 5 }, { MW_OP_TRUNCATE, 92, 0, ".", "f", .num = { 5 } } },
	{ 193, { N1, 7, 1 }, { MW_OP_TRUNCATE, 193, 0, ".", "f", .num = { 7 | 1ull << 32 } } },
	{ 39, { N2, 0711 }, { MW_OP_MKDIR, 39, 0, ".", "n2", .mode = 0711 } },
	{ 296, { AT_FDCWD, N2, 0711 }, { MW_OP_MKDIR, 296, -EEXIST, ".", "n2", .mode = 0711 } },
	{ 14,
	  { N2, S_IFIFO | 0600, 0 },
	  { MW_OP_MKNOD, 14, -EEXIST, ".", "n2", .mode = S_IFIFO | 0600 } },
	{ 297,
	  { AT_FDCWD, N2, S_IFCHR | 0600, 0x103 },
	  { MW_OP_MKNOD, 297, -EEXIST, ".", "n2", .mode = S_IFCHR | 0600,
	    .num = { 1ull << 32 | 3 } } },
	{ 9, { N1, N2 }, { MW_OP_LINK, 9, -EEXIST, ".", "f", ".", "n2" } },
	{ 303,
	  { AT_FDCWD, N1, AT_FDCWD, N2, 0 },
	  { MW_OP_LINK, 303, -EEXIST, ".", "f", ".", "n2" } },
	{ 83, { N1, N2 }, { MW_OP_SYMLINK, 83, -EEXIST, NULL, "f", ".", "n2" } },
	{ 304, { N1, AT_FDCWD, N2 }, { MW_OP_SYMLINK, 304, -EEXIST, NULL, "f", ".", "n2" } },
	{ 15, { N1, 0604 }, { MW_OP_CHMOD, 15, 0, ".", "f", .mode = 0604 } },
	{ 306, { AT_FDCWD, N1, 0606 }, { MW_OP_CHMOD, 306, 0, ".", "f", .mode = 0606 } },
	{ 182, { N1, 0xffff, 5 }, { MW_OP_CHOWN, 182, 0, ".", "f", .num = { 0xffffffff, 5 } } },
	{ 16, { N1, 6, 0xffff }, { MW_OP_CHOWN, 16, 0, ".", "f", .num = { 6, 0xffffffff } } },
	{ 212, { N1, 0, 0x10001 }, { MW_OP_CHOWN, 212, 0, ".", "f", .num = { 0, 0x10001 } } },
	{ 198, { N1, -1, 0 }, { MW_OP_CHOWN, 198, 0, ".", "f", .num = { 0xffffffff, 0 } } },
	{ 298, { AT_FDCWD, N1, 0, 0, 0 }, { MW_OP_CHOWN, 298, 0, ".", "f" } },
	{ 30, { N1, 0 }, { MW_OP_UTIMES, 30, 0, ".", "f" } },
	{ 271, { N1, 0 }, { MW_OP_UTIMES, 271, 0, ".", "f" } },
	{ 299, { AT_FDCWD, N1, 0 }, { MW_OP_UTIMES, 299, 0, ".", "f" } },
	{ 320, { AT_FDCWD, N1, 0, 0 }, { MW_OP_UTIMES, 320, 0, ".", "f" } },
	{ 412, { AT_FDCWD, N1, 0, 0 }, { MW_OP_UTIMES, 412, 0, ".", "f" } },
	{ 226, { N1, NX, N1, 1, 0 }, { MW_OP_XATTR, 226, 0, ".", "f", NULL, "trusted.z" } },
	{ 227, { N1, NX, N1, 1, 0 }, { MW_OP_XATTR, 227, 0, ".", "f", NULL, "trusted.z" } },
	{ 235, { N1, NX }, { MW_OP_XATTR, 235, 0, ".", "f", NULL, "trusted.z", .flags = 1 } },
	{ 236,
	  { N1, NX },
	  { MW_OP_XATTR, 236, -ENODATA, ".", "f", NULL, "trusted.z", .flags = 1 } },
	{ 21, { N1, N2, N1, 0, 0 }, { MW_OP_MOUNT, 21, -ENODEV, ".", "n2", NULL, "f" } },
	{ 22, { N2, 77 }, { MW_OP_UMOUNT, 22, -EINVAL, ".", "n2" } },
	{ 52, { N2, 2 }, { MW_OP_UMOUNT, 52, -EINVAL, ".", "n2", .flags = 2 } },
};
#define N_COMPAT (sizeof(compat_rows) / sizeof(*compat_rows))

static int compat_calls(void *arg)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	(void)arg;
	if (low == MAP_FAILED || make_file("f"))
		return 1;
	strcpy(low, "f");
	strcpy(low + 16, "n2");
	strcpy(low + 32, "trusted.z");
	for (size_t i = 0; i < N_COMPAT; i++) {
		long v[5];

		for (int j = 0; j < 5; j++) {
			int x = compat_rows[i].arg[j];

			v[j] = x == N1	 ? (long)low
			       : x == N2 ? (long)low + 16
			       : x == NX ? (long)low + 32
					 : x;
		}
		live.sh->v[i] = (int32_t)compat(compat_rows[i].nr, v[0], v[1], v[2], v[3], v[4]);
	}
	return 0;
}

static void test_compat_calls(void **state)
{
	size_t nth[64] = { 0 };

	(void)state;
	live_run(compat_calls, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < N_COMPAT; i++) {
		const struct row *w = &compat_rows[i].row;
		struct live_act a = live_act(w->op, nth[w->op]++);

		assert_int_equal(a.e->sysno, w->sysno);
		assert_int_equal(a.e->hdr.flags & MW_EVF_COMPAT, MW_EVF_COMPAT);
		assert_int_equal(live.sh->v[i], w->ret);
		assert_int_equal(a.e->ret, w->ret);
		check_string(a.base, w->base);
		check_string(a.asked, w->asked);
		check_string(a.base2, w->base2);
		check_string(a.asked2, w->asked2);
		assert_int_equal(a.e->flags, w->flags);
		assert_int_equal(a.e->mode, w->mode);
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(a.e->num[j], w->num[j]);
		live_act_done(&a);
	}
}

/* x32 is often switched off: then the call fails, and is seen like any that does. */
static int x32_call(void *arg)
{
	(void)arg;
	/* not a constant: no page of those may have been touched, and the kernel reads none */
	strcpy(live.sh->text, "x32");
	live.sh->v[0] = as_event(syscall(0x40000000L | SYS_mkdir, live.sh->text, 0705));
	return 0;
}

static void test_x32_call(void **state)
{
	struct live_act a;

	(void)state;
	live_run(x32_call, NULL);
	assert_int_equal(live_count_act(MW_OP_MKDIR), 1);
	a = live_act(MW_OP_MKDIR, 0);
	assert_true(live.sh->v[0] == 0 || live.sh->v[0] == -ENOSYS);
	assert_int_equal(a.e->ret, live.sh->v[0]);
	assert_int_equal(a.e->sysno, SYS_mkdir);
	assert_int_equal(a.e->mode, 0705);
	assert_string_equal(a.asked, "x32");
	assert_string_equal(a.base, live.dir);
	live_act_done(&a);
}

/* A name as long as there can be, and strings that cannot be read. */
static int long_names(void *arg)
{
	char *p = live.sh->text;

	(void)arg;
	memset(p, '/', 4096);
	memcpy(p + 4090, "gone\n", 5);
	p[4095] = '\0';
	DO(SYS_chmod, p, 0600);
	DO(SYS_symlink, p, "none/x");
	DO(SYS_chmod, (char *)8, 0600);
	return 0;
}

static void test_long_names(void **state)
{
	struct live_act a;

	(void)state;
	n_calls = 0;
	live_run(long_names, NULL);
	a = live_act(MW_OP_CHMOD, 0);
	assert_int_equal(a.e->ret, -ENOENT);
	assert_int_equal(a.e->asked_len, 4095);
	assert_string_equal(a.asked, live.sh->text);
	assert_int_equal(a.e->asked_cut, 0);
	live_act_done(&a);
	a = live_act(MW_OP_SYMLINK, 0);
	assert_int_equal(a.e->ret, -ENOENT);
	assert_string_equal(a.asked, live.sh->text);
	assert_string_equal(a.asked2, "none/x");
	assert_string_equal(a.base2, live.dir);
	live_act_done(&a);
	a = live_act(MW_OP_CHMOD, 1);
	assert_int_equal(a.e->ret, -EFAULT);
	assert_int_equal(a.e->asked_len, 0);
	assert_int_equal(a.e->asked_cut, 1);
	live_act_done(&a);
}

const struct CMUnitTest live_fileop_tests[] = {
	cmocka_unit_test(test_sizes_nodes),  cmocka_unit_test(test_links),
	cmocka_unit_test(test_modes_owners), cmocka_unit_test(test_times_attrs),
	cmocka_unit_test(test_mounts),	     cmocka_unit_test(test_compat_calls),
	cmocka_unit_test(test_x32_call),     cmocka_unit_test(test_long_names),
};
const size_t n_live_fileop_tests = sizeof(live_fileop_tests) / sizeof(*live_fileop_tests);
