/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/act.h"

static struct mw_act *new_act(void)
{
	struct mw_act *a;

	assert_int_equal(mw_act_new(&test_alloc, 4, &a), 0);
	return a;
}

/* The one action that comes of an event; borrowed until the next. */
static struct mw_action one(struct mw_act *a, struct tev_act e)
{
	struct mw_action x;

	assert_int_equal(mw_act_push(a, tev_act(e)), 0);
	assert_int_equal(mw_act_next(a, &x), 1);
	return x;
}

static void quiet(struct mw_act *a, struct tev_act e)
{
	struct mw_action x;

	assert_int_equal(mw_act_push(a, tev_act(e)), 0);
	assert_int_equal(mw_act_next(a, &x), 0);
}

/* --- modes: what it was told, in words
 * ------------------------------------------------------------ */

static void modes(void **state)
{
	static const struct {
		struct tev_act e;
		enum mw_effect_kind kind;
		const char *name, *mode;
	} t[] = {
		{ { .op = MW_OP_TRUNCATE }, MW_EFFECT_FILE_TRUNCATE, "file.truncate", "length=0" },
		{ { .op = MW_OP_TRUNCATE, .num = { 1ull << 62 } },
		  MW_EFFECT_FILE_TRUNCATE,
		  "file.truncate",
		  "length=4611686018427387904" },
		{ { .op = MW_OP_TRUNCATE, .num = { 4096, 8, 1 } },
		  MW_EFFECT_FILE_TRUNCATE,
		  "file.truncate",
		  "allocate offset=8 length=4096" },
		{ { .op = MW_OP_TRUNCATE, .flags = 3, .num = { 5, 0, 1 } },
		  MW_EFFECT_FILE_TRUNCATE,
		  "file.truncate",
		  "punch offset=0 length=5" },
		/* the longest there is: whole */
		{ { .op = MW_OP_TRUNCATE, .flags = 8, .num = { 1ull << 63, 1ull << 63, 1 } },
		  MW_EFFECT_FILE_TRUNCATE,
		  "file.truncate",
		  "collapse offset=-9223372036854775808 length=-9223372036854775808" },
		{ { .op = MW_OP_MKDIR, .mode = 0755 }, MW_EFFECT_FILE_MKDIR, "file.mkdir", "0755" },
		{ { .op = MW_OP_MKDIR, .mode = 01777 },
		  MW_EFFECT_FILE_MKDIR,
		  "file.mkdir",
		  "1777" },
		{ { .op = MW_OP_CHMOD, .mode = 0 }, MW_EFFECT_FILE_CHMOD, "file.chmod", "0000" },
		{ { .op = MW_OP_CHMOD, .mode = 04755 },
		  MW_EFFECT_FILE_CHMOD,
		  "file.chmod",
		  "4755" },
		{ { .op = MW_OP_MKNOD, .mode = S_IFIFO | 0600 },
		  MW_EFFECT_FILE_MKNOD,
		  "file.mknod",
		  "fifo 0600" },
		{ { .op = MW_OP_MKNOD, .mode = S_IFSOCK | 0600 },
		  MW_EFFECT_FILE_MKNOD,
		  "file.mknod",
		  "sock 0600" },
		{ { .op = MW_OP_MKNOD, .mode = 0640 },
		  MW_EFFECT_FILE_MKNOD,
		  "file.mknod",
		  "reg 0640" },
		{ { .op = MW_OP_MKNOD, .mode = S_IFCHR | 0666, .num = { 1ull << 32 | 3 } },
		  MW_EFFECT_FILE_MKNOD,
		  "file.mknod",
		  "chr 1:3 0666" },
		{ { .op = MW_OP_MKNOD, .mode = S_IFBLK | 0660, .num = { 8ull << 32 | 1 } },
		  MW_EFFECT_FILE_MKNOD,
		  "file.mknod",
		  "blk 8:1 0660" },
		{ { .op = MW_OP_CHOWN, .num = { 0, 5 } },
		  MW_EFFECT_FILE_CHOWN,
		  "file.chown",
		  "uid=0 gid=5" },
		{ { .op = MW_OP_CHOWN, .num = { 0xffffffff, 5 } },
		  MW_EFFECT_FILE_CHOWN,
		  "file.chown",
		  "gid=5" },
		{ { .op = MW_OP_CHOWN, .num = { 7, 0xffffffff } },
		  MW_EFFECT_FILE_CHOWN,
		  "file.chown",
		  "uid=7" },
		{ { .op = MW_OP_CHOWN, .num = { 0xffffffff, 0xffffffff } },
		  MW_EFFECT_FILE_CHOWN,
		  "file.chown",
		  "" },
		{ { .op = MW_OP_UTIMES }, MW_EFFECT_FILE_UTIMES, "file.utimes", "" },
		{ { .op = MW_OP_XATTR, .asked2 = "user.x" },
		  MW_EFFECT_FILE_XATTR,
		  "file.xattr",
		  "set" },
		{ { .op = MW_OP_XATTR, .asked2 = "user.x", .flags = 1 },
		  MW_EFFECT_FILE_XATTR,
		  "file.xattr",
		  "remove" },
		{ { .op = MW_OP_MOUNT, .num = { MS_RDONLY | MS_BIND } },
		  MW_EFFECT_FILE_MOUNT,
		  "file.mount",
		  "ro+bind" },
		/* all at once: whole */
		{ { .op = MW_OP_MOUNT, .num = { ~0ull } },
		  MW_EFFECT_FILE_MOUNT,
		  "file.mount",
		  "ro+nosuid+nodev+noexec+remount+bind+move+rec+private+unbindable+slave+shared" },
		{ { .op = MW_OP_MOUNT, .num = { 0, 1 }, .flags = 0x77 },
		  MW_EFFECT_FILE_MOUNT,
		  "file.mount",
		  "move" },
		{ { .op = MW_OP_UMOUNT, .flags = 2 },
		  MW_EFFECT_FILE_UMOUNT,
		  "file.umount",
		  "detach" },
		{ { .op = MW_OP_UMOUNT, .flags = 0xf },
		  MW_EFFECT_FILE_UMOUNT,
		  "file.umount",
		  "force+detach+expire+nofollow" },
		{ { .op = MW_OP_UMOUNT }, MW_EFFECT_FILE_UMOUNT, "file.umount", "" },
	};
	struct mw_act *a = new_act();

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct tev_act e = t[i].e;
		struct mw_action x;

		e.asked = "f";
		e.base = "/srv";
		e.proc = tp(3);
		e.ts = 9;
		e.ret = -EPERM;
		e.mntns = 77;
		x = one(a, e);
		assert_int_equal(x.kind, t[i].kind);
		assert_string_equal(mw_effect_kind_name(x.kind), t[i].name);
		assert_string_equal(x.mode, t[i].mode);
		assert_int_equal(x.ret, -EPERM);
		assert_int_equal(x.ts_ns, 9);
		assert_int_equal(x.mntns, 77);
		assert_true(mw_prockey_eq(x.proc, tp(3)));
		assert_slice_equal(x.target, "/srv/f");
		assert_slice_equal(x.asked, "f");
		assert_false(x.from_kernel);
		assert_false(x.has_bytes);
		assert_int_equal(x.target2.n, 0);
	}
	mw_act_free(a);
}

/* --- targets
 * -------------------------------------------------------------------------------------- */

static void names_of_two(void **state)
{
	struct mw_act *a = new_act();
	struct mw_action x;

	x = one(
	    a, (struct tev_act){
		   .op = MW_OP_LINK, .base = "/a", .asked = "f", .base2 = "/b", .asked2 = "../g" });
	assert_int_equal(x.kind, MW_EFFECT_FILE_LINK);
	assert_slice_equal(x.target, "/a/f");
	assert_slice_equal(x.target2, "/g");
	assert_slice_equal(x.asked, "f");
	/* the link is what is made; what it says stays as it is */
	x = one(a, (struct tev_act){ .op = MW_OP_SYMLINK,
				     .asked = "../../etc/passwd",
				     .base2 = "/a",
				     .asked2 = "l" });
	assert_int_equal(x.kind, MW_EFFECT_FILE_SYMLINK);
	assert_slice_equal(x.target, "/a/l");
	assert_slice_equal(x.target2, "../../etc/passwd");
	assert_slice_equal(x.asked, "l");
	assert_false(x.from_kernel);
	x = one(a, (struct tev_act){ .op = MW_OP_SYMLINK, .asked = "", .asked2 = "/a/l" });
	assert_slice_equal(x.target, "/a/l");
	assert_int_equal(x.target2.n, 0);
	assert_int_equal(x.asked.n, 0);
	x = one(a, (struct tev_act){
		       .op = MW_OP_XATTR, .asked = "/f", .asked2 = "user.long \n\xff name" });
	assert_slice_equal(x.target, "/f");
	assert_slice_equal(x.object, "user.long \n\xff name");
	assert_int_equal(x.target2.n, 0);
	x = one(a,
		(struct tev_act){ .op = MW_OP_MOUNT, .asked = "/mnt", .asked2 = "//host/share" });
	assert_slice_equal(x.target, "/mnt");
	assert_slice_equal(x.object, "//host/share");
	mw_act_free(a);
}

static void by_the_dentry(void **state)
{
	struct mw_act *a = new_act();
	struct mw_action x;

	x = one(a, (struct tev_act){ .op = MW_OP_UNLINK,
				     .path = "/real/f",
				     .path_from = 1,
				     .dev = 5,
				     .ino = 6,
				     .base = "/srv",
				     .asked = "link/f" });
	assert_int_equal(x.kind, MW_EFFECT_FILE_DELETE);
	assert_true(x.from_kernel);
	assert_slice_equal(x.target, "/real/f");
	assert_slice_equal(x.asked, "link/f");
	assert_int_equal(x.dev, 5);
	assert_int_equal(x.ino, 6);
	x = one(a, (struct tev_act){ .op = MW_OP_RENAME,
				     .path = "/real/f",
				     .path_from = 1,
				     .base = "/srv",
				     .asked = "/real/f",
				     .base2 = "/real/g",
				     .asked2 = "link/g" });
	assert_true(x.from_kernel);
	assert_slice_equal(x.target, "/real/f");
	assert_slice_equal(x.target2, "/real/g");
	assert_int_equal(x.asked.n, 0);
	/* without the hook base2 is what the name is relative to */
	x = one(
	    a,
	    (struct tev_act){
		.op = MW_OP_RENAME, .base = "/srv", .asked = "f", .base2 = "/srv", .asked2 = "g" });
	assert_false(x.from_kernel);
	assert_slice_equal(x.target2, "/srv/g");
	mw_act_free(a);
}

/* The last component alone tells, and only where it is no link that is followed. */
static void changed_under_the_call(void **state)
{
	static const struct {
		struct tev_act e;
		bool changed;
	} v[] = {
		/* the kernel side saw it */
		{ { .op = MW_OP_UNLINK, .asked = "/a", .asked_cut = MW_ASKED_CHANGED }, true },
		{ { .op = MW_OP_UNLINK, .asked = "/a", .asked_cut = MW_ASKED_CUT }, false },
		{ { .op = MW_OP_UNLINK, .asked = "/a" }, false },
		/* the dentry has another name */
		{ { .op = MW_OP_UNLINK, .path = "/h/key", .path_from = 1, .asked = "/h/note" }, true },
		{ { .op = MW_OP_RMDIR, .path = "/h/a", .path_from = 1, .asked = "b" }, true },
		{ { .op = MW_OP_UNLINK, .path = "/h/key", .path_from = 1, .asked = "/h/note", .ret = -2 },
		  false },
		{ { .op = MW_OP_UNLINK, .path = "/h/key", .path_from = 1, .asked = "/n",
		    .asked_cut = MW_ASKED_CUT }, false },
		/* links, "..", mounts, roots: in front of it all may differ */
		{ { .op = MW_OP_UNLINK, .path = "/real/f", .path_from = 1, .asked = "link/../x/f" }, false },
		{ { .op = MW_OP_UNLINK, .path = "/var/jail/f", .path_from = 1, .asked = "/f" }, false },
		{ { .op = MW_OP_RMDIR, .path = "/a/b", .path_from = 1, .asked = "/a/b/" }, false },
		{ { .op = MW_OP_UNLINK, .path = "fd", .path_from = 1, .asked = "/n",
		    .path_state = MW_PATH_NAME }, false },
		/* spellings of one name */
		{ { .op = MW_OP_UNLINK, .path = "/fat/READ.ME", .path_from = 1, .asked = "/fat/read.me" },
		  false },
		{ { .op = MW_OP_UNLINK, .path = "/fat/long name.txt", .path_from = 1,
		    .asked = "/fat/LONGNA~1.TXT" }, false },
		{ { .op = MW_OP_UNLINK, .path = "/a/\xc3\xa9", .path_from = 1, .asked = "/a/e\xcc\x81" },
		  false },
		/* both names of a rename */
		{ { .op = MW_OP_RENAME, .path = "/a/f", .path_from = 1, .asked = "f", .base2 = "/b/g",
		    .asked2 = "/b/g" }, false },
		{ { .op = MW_OP_RENAME, .path = "/a/f", .path_from = 1, .asked = "f", .base2 = "/b/g",
		    .asked2 = "/b/h" }, true },
		{ { .op = MW_OP_RENAME, .path = "/a/f", .path_from = 1, .asked = "e", .base2 = "/b/g",
		    .asked2 = "/b/g" }, true },
		/* an open follows links, unless it is told not to */
		{ { .op = MW_OP_OPEN, .path = "/a/key", .path_from = 1, .asked = "/a/link", .ret = 3 },
		  false },
		{ { .op = MW_OP_OPEN, .path = "/a/key", .path_from = 1, .asked = "/a/note", .ret = 3,
		    .flags = O_NOFOLLOW }, true },
		{ { .op = MW_OP_OPEN, .path = "/b/key", .path_from = 1, .asked = "/a/key", .ret = 3,
		    .flags = O_NOFOLLOW }, false },
		{ { .op = MW_OP_OPEN, .path = "/a/key", .path_from = 1, .asked = "/a/new", .ret = 3,
		    .flags = O_CREAT | O_EXCL | O_WRONLY }, true },
		{ { .op = MW_OP_OPEN, .path = "/a/#12", .path_from = 1, .asked = "/a", .ret = 3,
		    .flags = O_TMPFILE | O_EXCL | O_RDWR | O_NOFOLLOW }, false },
		{ { .op = MW_OP_OPEN, .path = "/a", .path_from = 1, .asked = "link/", .ret = 3,
		    .flags = O_NOFOLLOW | O_DIRECTORY }, false },
		{ { .op = MW_OP_OPEN, .path = "/a/b", .path_from = 1, .asked = "..", .ret = 3,
		    .flags = O_NOFOLLOW | O_DIRECTORY }, false },
	};
	struct mw_act *a = new_act();

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		if (one(a, v[i].e).asked_changed != v[i].changed)
			fail_msg("%zu: %s", i, v[i].e.asked);
	mw_act_free(a);
}

static void on_an_fd(void **state)
{
	struct mw_act *a = new_act();
	struct mw_action x;

	x = one(a, (struct tev_act){ .op = MW_OP_TRUNCATE,
				     .path = "/f",
				     .path_from = 1,
				     .file = 9,
				     .dev = 1,
				     .ino = 2,
				     .path_state = MW_PATH_DELETED });
	assert_true(x.from_kernel);
	assert_slice_equal(x.target, "/f");
	assert_int_equal(x.asked.n, 0);
	assert_string_equal(x.mode, "length=0+deleted");
	assert_int_equal(x.file, 9);
	x = one(
	    a, (struct tev_act){ .op = MW_OP_UTIMES, .path = "/f", .path_state = MW_PATH_DELETED });
	assert_string_equal(x.mode, "deleted");
	/* no such fd: nothing is known of what it was to be */
	x = one(a, (struct tev_act){ .op = MW_OP_CHMOD, .ret = -EBADF, .mode = 0600 });
	assert_int_equal(x.target.n, 0);
	assert_false(x.from_kernel);
	mw_act_free(a);
}

/* --- closes
 * --------------------------------------------------------------------------------------- */

static struct tev_act open_of(uint64_t file, const char *path, uint32_t flags)
{
	return (struct tev_act){ .op = MW_OP_OPEN,
				 .proc = tp(1),
				 .path = path,
				 .asked = path,
				 .flags = flags,
				 .mode = S_IFREG | 0644,
				 .dev = 3,
				 .ino = 4,
				 .file = file,
				 .mntns = 5,
				 .path_from = 1 };
}

static struct tev_act close_of(uint64_t file, uint64_t r, uint64_t w)
{
	return (struct tev_act){ .op = MW_OP_CLOSE,
				 .proc = tp(1),
				 .ts = 8,
				 .file = file,
				 .bytes_r = r,
				 .bytes_w = w,
				 .mntns = 6 };
}

static void close_names_its_file(void **state)
{
	struct mw_act *a = new_act();
	struct mw_action x;

	one(a, open_of(11, "/srv/one", O_RDONLY));
	one(a, open_of(12, "/srv/two", O_WRONLY | O_CREAT | O_TRUNC));
	x = one(a, close_of(11, 100, 0));
	assert_int_equal(x.kind, MW_EFFECT_FILE_CLOSE);
	assert_string_equal(mw_effect_kind_name(x.kind), "file.close");
	assert_slice_equal(x.target, "/srv/one");
	assert_true(x.from_kernel);
	assert_string_equal(x.mode, "r");
	assert_true(x.has_bytes);
	assert_int_equal(x.bytes_r, 100);
	assert_int_equal(x.bytes_w, 0);
	assert_int_equal(x.dev, 3);
	assert_int_equal(x.ino, 4);
	assert_int_equal(x.mntns, 5); /* that of the path */
	assert_int_equal(x.file, 11);
	assert_int_equal(x.ret, 0);
	assert_int_equal(x.ts_ns, 8);
	assert_false(x.folded);
	x = one(a, close_of(12, 0, 7));
	assert_string_equal(x.mode, "w"); /* how it was open, not how it came to be */
	assert_int_equal(x.bytes_w, 7);
	/* another fd of the same file */
	x = one(a, close_of(11, 1, 2));
	assert_slice_equal(x.target, "/srv/one");
	/* one that nothing is known of */
	x = one(a, close_of(99, 5, 6));
	assert_int_equal(x.target.n, 0);
	assert_false(x.from_kernel);
	assert_string_equal(x.mode, "");
	assert_int_equal(x.bytes_r, 5);
	assert_int_equal(x.bytes_w, 6);
	assert_int_equal(mw_act_files_lost(a), 0); /* nothing was forgotten */
	mw_act_free(a);
}

static void file_is_named_without_an_action(void **state)
{
	struct mw_act *a = new_act();
	struct tev_act e = open_of(21, "/var/log/x", O_WRONLY | O_APPEND);
	struct mw_action x;

	e.op = MW_OP_FILE;
	quiet(a, e);
	x = one(a, close_of(21, 0, 3));
	assert_slice_equal(x.target, "/var/log/x");
	assert_string_equal(x.mode, "a");
	/* named again: the later name holds */
	e.path = "memfd:x";
	e.path_state = MW_PATH_NAME;
	e.flags = O_RDWR;
	quiet(a, e);
	x = one(a, close_of(21, 1, 0));
	assert_slice_equal(x.target, "memfd:x");
	assert_string_equal(x.mode, "rw");
	e.path_state = MW_PATH_DELETED;
	quiet(a, e);
	x = one(a, close_of(21, 1, 0));
	assert_string_equal(x.mode, "rw+deleted");
	/* only a file that bytes are counted of; only an open that succeeded */
	e = open_of(22, "/srv", O_RDONLY | O_DIRECTORY);
	e.mode = S_IFDIR | 0755;
	one(a, e);
	x = one(a, close_of(22, 1, 0));
	assert_int_equal(x.target.n, 0);
	e = open_of(23, "/srv/f", O_RDONLY);
	e.ret = -EACCES;
	one(a, e);
	x = one(a, close_of(23, 1, 0));
	assert_int_equal(x.target.n, 0);
	mw_act_free(a);
}

static void folded_open_folded_close(void **state)
{
	struct mw_act *a = new_act();

	one(a, open_of(31, "/usr/lib/x.so", O_RDONLY));
	one(a, open_of(32, "/srv/y", O_RDONLY));
	mw_act_fold(a, 31);
	mw_act_fold(a, 999); /* not known: nothing */
	assert_true(one(a, close_of(31, 1, 0)).folded);
	assert_true(one(a, close_of(31, 1, 0)).folded);
	assert_false(one(a, close_of(32, 1, 0)).folded);
	/* opened anew */
	one(a, open_of(31, "/usr/lib/x.so", O_RDONLY));
	assert_false(one(a, close_of(31, 1, 0)).folded);
	mw_act_free(a);
}

static void files_are_forgotten(void **state)
{
	static char path[MW_PATH_MAX];
	const size_t fit = MW_ACT_FILES_BYTES / MW_PATH_MAX;
	struct mw_act *a = new_act();
	struct mw_action x;

	/* by number */
	for (uint64_t i = 1; i <= MW_ACT_FILES_MAX; i++)
		one(a, open_of(i, "/f", O_RDONLY));
	x = one(a, close_of(1, 1, 0));
	assert_slice_equal(x.target, "/f");
	one(a, open_of(MW_ACT_FILES_MAX + 1, "/f", O_RDONLY));
	assert_int_equal(mw_act_files_lost(a), 0);
	x = one(a, close_of(1, 1, 0));
	assert_int_equal(x.target.n, 0);
	assert_int_equal(mw_act_files_lost(a), 1);
	x = one(a, close_of(2, 1, 0));
	assert_slice_equal(x.target, "/f");
	/* by bytes */
	memset(path, 'p', sizeof(path) - 1);
	for (uint64_t i = 0; i < fit; i++)
		one(a, open_of(100000 + i, path, O_RDONLY));
	x = one(a, close_of(MW_ACT_FILES_MAX, 1, 0));
	assert_int_equal(x.target.n, 0);
	x = one(a, close_of(100000, 1, 0));
	assert_int_equal(x.target.n, 0);
	x = one(a, close_of(100000 + fit - 1, 1, 0));
	assert_int_equal(x.target.n, sizeof(path) - 1);
	assert_int_equal(mw_act_files_lost(a), 3);
	mw_act_free(a);
}

static void memory_may_fail(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		const struct mw_event_hdr *ev[4];
		struct mw_action x;
		struct mw_act *a;
		int r, n_out = 0, n_lost = 0;

		r = mw_act_new(&test_alloc_failing, 4, &a);
		if (r < 0)
			continue;
		ev[0] = tev_act(open_of(1, "/f", O_RDONLY));
		ev[1] = tev_act(close_of(1, 1, 0));
		ev[2] = tev_act((struct tev_act){
		    .op = MW_OP_LINK, .base = "/a", .asked = "b", .base2 = "/c", .asked2 = "d" });
		ev[3] = tev_act(open_of(1, "/g", O_RDONLY));
		for (int i = 0; i < 4; i++) {
			r = mw_act_push(a, ev[i]);
			assert_true(r == 0 || r == -ENOMEM);
			while (mw_act_next(a, &x)) {
				n_out++;
				/* an open comes out though its close will not say it */
				n_lost -= r < 0;
			}
			n_lost += r < 0;
		}
		assert_int_equal(n_out + n_lost, 4);
		mw_act_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(names_of_two),
		cmocka_unit_test(by_the_dentry),
		cmocka_unit_test(changed_under_the_call),
		cmocka_unit_test(on_an_fd),
		cmocka_unit_test(close_names_its_file),
		cmocka_unit_test(file_is_named_without_an_action),
		cmocka_unit_test(folded_open_folded_close),
		cmocka_unit_test(files_are_forgotten),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
