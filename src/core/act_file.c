/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act_file.c - actions on files, and which open file has which path
 *
 * Invariants
 *  1. files_bytes is the sum of what the entries of `files` were allocated with, and at most
 *     MW_ACT_FILES_BYTES.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "core/act_priv.h"
#include "core/event.h"

/* --- open files ----------------------------------------------------------------------------------
 */

struct openfile {
	uint64_t id, dev, ino, mntns;
	uint32_t path_len;
	bool deleted, folded;
	char mode[6]; /* "r", "w", "rw", "a" */
	uint8_t path[];
};

int mw_openfiles_init(struct mw_act *a)
{
	return mw_table_new(a->a, sizeof(uint64_t), MW_ACT_FILES_MAX, &a->files);
}

static void forget(struct mw_act *a, struct openfile *f)
{
	size_t size = sizeof(*f) + f->path_len;

	(void)mw_table_remove(a->files, &f->id);
	a->files_bytes -= size;
	mw_alloc_free(a->a, f, size);
}

void mw_openfiles_done(struct mw_act *a)
{
	struct openfile *f;

	while (a->files && (f = mw_table_oldest(a->files)))
		forget(a, f);
	mw_table_free(a->files);
}

static const char *access_word(uint32_t flags)
{
	static const char *const word[] = { "r", "w", "rw", "rw" };

	if ((flags & O_APPEND) && (flags & O_ACCMODE) != O_RDONLY)
		return "a";
	return word[flags & O_ACCMODE];
}

/* Keeps what an open file is. 0 or -ENOMEM: its closes will not say it. */
static int remember(struct mw_act *a, const struct mw_ev_act *ev, struct mw_slice path)
{
	const size_t size = sizeof(struct openfile) + path.n;
	struct openfile *f;
	int r;

	/* bytes are counted of no others */
	if (!ev->file || !(S_ISREG(ev->mode) || S_ISBLK(ev->mode)))
		return 0;
	f = mw_table_get(a->files, &ev->file);
	if (f)
		forget(a, f);
	while ((f = mw_table_oldest(a->files)) && (mw_table_count(a->files) >= MW_ACT_FILES_MAX ||
						   a->files_bytes + size > MW_ACT_FILES_BYTES)) {
		forget(a, f);
		a->files_evicted = true;
	}
	f = mw_alloc_zero(a->a, size);
	if (!f)
		return -ENOMEM;
	f->id = ev->file;
	f->dev = ev->dev;
	f->ino = ev->ino;
	f->mntns = ev->mntns;
	f->deleted = ev->path_state == MW_PATH_DELETED;
	f->path_len = (uint32_t)path.n;
	memcpy(f->path, path.p, path.n);
	snprintf(f->mode, sizeof(f->mode), "%s", access_word(ev->flags));
	r = mw_table_put(a->files, &f->id, f);
	if (r < 0) {
		mw_alloc_free(a->a, f, size);
		return r;
	}
	a->files_bytes += size;
	return 0;
}

void mw_act_fold(struct mw_act *a, uint64_t file)
{
	struct openfile *f = mw_table_get(a->files, &file);

	if (f)
		f->folded = true;
}

uint64_t mw_act_files_lost(const struct mw_act *a)
{
	return a->files_lost;
}

/* --- modes ---------------------------------------------------------------------------------------
 */

struct word {
	uint64_t bit;
	const char *word;
};

/* Appends the words of the bits that are set, with a + between. */
static void words(char *out, size_t size, uint64_t bits, const struct word *w, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len < size; i++)
		if (bits & w[i].bit)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "+" : "",
						w[i].word);
}

#define WORDS(act, bits, w)                                                                        \
	words((act)->mode, sizeof((act)->mode), bits, w, sizeof(w) / sizeof(*(w)))

static void mode_open(struct mw_action *act, uint32_t flags)
{
	if (flags & O_PATH) /* neither: only a place to stand on */
		return;
	snprintf(act->mode, sizeof(act->mode), "%s%s%s", access_word(flags),
		 flags & O_CREAT ? "+create" : "", flags & O_TRUNC ? "+trunc" : "");
}

static void mode_truncate(struct mw_action *act, const struct mw_ev_act *ev)
{
	/* linux/falloc.h; of several bits one says what happens */
	static const struct word kinds[] = {
		{ 0x02, "punch" },  { 0x08, "collapse" }, { 0x10, "zero" },
		{ 0x20, "insert" }, { 0x40, "unshare" },
	};
	const char *kind = "allocate";

	if (!ev->num[2]) {
		snprintf(act->mode, sizeof(act->mode), "length=%lld", (long long)ev->num[0]);
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ev->flags & kinds[i].bit)
			kind = kinds[i].word;
	snprintf(act->mode, sizeof(act->mode), "%s offset=%lld length=%lld", kind,
		 (long long)ev->num[1], (long long)ev->num[0]);
}

static void mode_mknod(struct mw_action *act, const struct mw_ev_act *ev)
{
	const unsigned int perm = ev->mode & 07777;
	const char *kind = "reg"; /* also what 0 makes */

	if (S_ISCHR(ev->mode) || S_ISBLK(ev->mode)) {
		snprintf(act->mode, sizeof(act->mode), "%s %u:%u %04o",
			 S_ISCHR(ev->mode) ? "chr" : "blk", (unsigned int)(ev->num[0] >> 32),
			 (unsigned int)ev->num[0], perm);
		return;
	}
	if (S_ISFIFO(ev->mode))
		kind = "fifo";
	else if (S_ISSOCK(ev->mode))
		kind = "sock";
	snprintf(act->mode, sizeof(act->mode), "%s %04o", kind, perm);
}

static void mode_chown(struct mw_action *act, const struct mw_ev_act *ev)
{
	const uint32_t uid = (uint32_t)ev->num[0], gid = (uint32_t)ev->num[1];

	if (uid != UINT32_MAX && gid != UINT32_MAX)
		snprintf(act->mode, sizeof(act->mode), "uid=%u gid=%u", uid, gid);
	else if (uid != UINT32_MAX)
		snprintf(act->mode, sizeof(act->mode), "uid=%u", uid);
	else if (gid != UINT32_MAX)
		snprintf(act->mode, sizeof(act->mode), "gid=%u", gid);
}

static void mode_mount(struct mw_action *act, const struct mw_ev_act *ev)
{
	static const struct word ms[] = {
		{ MS_RDONLY, "ro" },	   { MS_NOSUID, "nosuid" },
		{ MS_NODEV, "nodev" },	   { MS_NOEXEC, "noexec" },
		{ MS_REMOUNT, "remount" }, { MS_BIND, "bind" },
		{ MS_MOVE, "move" },	   { MS_REC, "rec" },
		{ MS_PRIVATE, "private" }, { MS_UNBINDABLE, "unbindable" },
		{ MS_SLAVE, "slave" },	   { MS_SHARED, "shared" },
	};

	/* move_mount(2) has flags of its own, that say nothing of the mount */
	WORDS(act, ev->num[1] ? MS_MOVE : ev->num[0], ms);
}

static void mode_umount(struct mw_action *act, const struct mw_ev_act *ev)
{
	static const struct word mnt[] = {
		{ MNT_FORCE, "force" },
		{ MNT_DETACH, "detach" },
		{ MNT_EXPIRE, "expire" },
		{ UMOUNT_NOFOLLOW, "nofollow" },
	};

	WORDS(act, ev->flags, mnt);
}

static void mode_of(struct mw_action *act, const struct mw_ev_act *ev)
{
	switch (ev->op) {
	case MW_OP_OPEN:
		mode_open(act, ev->flags);
		break;
	case MW_OP_TRUNCATE:
		mode_truncate(act, ev);
		break;
	case MW_OP_MKDIR:
	case MW_OP_CHMOD:
		snprintf(act->mode, sizeof(act->mode), "%04o", (unsigned int)(ev->mode & 07777));
		break;
	case MW_OP_MKNOD:
		mode_mknod(act, ev);
		break;
	case MW_OP_CHOWN:
		mode_chown(act, ev);
		break;
	case MW_OP_XATTR:
		snprintf(act->mode, sizeof(act->mode), "%s", ev->flags ? "remove" : "set");
		break;
	case MW_OP_MOUNT:
		mode_mount(act, ev);
		break;
	case MW_OP_UMOUNT:
		mode_umount(act, ev);
		break;
	}
}

static void mode_deleted(struct mw_action *act)
{
	const size_t n = strlen(act->mode);

	snprintf(act->mode + n, sizeof(act->mode) - n, "%sdeleted", n ? "+" : "");
}

/* --- targets -------------------------------------------------------------------------------------
 */

bool mw_act_base_usable(uint8_t state)
{
	/* a base that is only a name is no directory that a path could go on from */
	return state == MW_PATH_FULL || state == MW_PATH_CUT || state == MW_PATH_DELETED;
}

/* Appends to text the target that a string argument means. */
static int join(struct mw_act *a, struct mw_slice base, uint8_t state, struct mw_slice asked)
{
	if (asked.n == 0) /* not readable, or "", which names nothing */
		return 0;
	if (!mw_act_base_usable(state))
		base.n = 0;
	return mw_path_join(&a->text, base, asked);
}

/* The second name of the call into text: [from, text.len). */
static int join_second(struct mw_act *a, const struct mw_ev_act *ev,
		       const struct mw_event_act_strings *s)
{
	switch (ev->op) {
	case MW_OP_RENAME:
		if (ev->path_from && s->base2.n)
			return mw_buf_append(&a->text, s->base2.p, s->base2.n);
		return join(a, s->base2, ev->base2_state, s->asked2);
	case MW_OP_LINK:
	case MW_OP_SYMLINK:
		return join(a, s->base2, ev->base2_state, s->asked2);
	}
	return 0;
}

/* Targets as the kernel says them, else as the strings do. */
static int targets(struct mw_act *a, const struct mw_ev_act *ev,
		   const struct mw_event_act_strings *s, struct mw_action *act)
{
	const bool link = ev->op == MW_OP_SYMLINK;
	struct mw_slice asked = link ? s->asked2 : s->asked, second;
	size_t mid;
	int r = 0;

	mw_buf_reset(&a->text, MW_ACT_TEXT_KEEP);
	act->from_kernel = ev->path_state != MW_PATH_NONE && s->path.n;
	if (!act->from_kernel && !link)
		r = join(a, s->base, ev->base_state, s->asked);
	if (r < 0)
		return r;
	mid = a->text.len;
	r = join_second(a, ev, s);
	if (r < 0)
		return r;
	second = mw_act_text(a, mid, a->text.len);
	if (act->from_kernel)
		act->target = s->path;
	else
		act->target = link ? second : mw_act_text(a, 0, mid);
	act->target2 = link ? s->asked : second;
	if (!mw_slice_eq(asked, act->target))
		act->asked = asked;
	if (ev->op == MW_OP_XATTR || ev->op == MW_OP_MOUNT)
		act->object = s->asked2;
	return 0;
}

/* --- an argument that was changed under its call ------------------------------------------------
 */

/* What stands behind the last slash; empty where that is a place and no name. */
static struct mw_slice last_name(struct mw_slice path)
{
	path = mw_slice_name(path);
	if (mw_slice_eq_str(path, ".") || mw_slice_eq_str(path, ".."))
		path.n = 0;
	return path;
}

/* One that a file system may know by another spelling (vfat's short names, Unicode's forms). */
static bool has_spellings(struct mw_slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 0x80 || name.p[i] == '~')
			return true;
	return name.n && (name.p[name.n - 1] == '.' || name.p[name.n - 1] == ' ');
}

/* Whether they cannot be one name. `path` is the kernel's own. */
static bool other_name(struct mw_slice path, uint8_t state, struct mw_slice asked)
{
	if (state != MW_PATH_FULL && state != MW_PATH_DELETED)
		return false;
	path = last_name(path);
	asked = last_name(asked);
	return path.n && asked.n && !has_spellings(path) && !has_spellings(asked) &&
	       !mw_slice_eq_nocase(path, asked);
}

static bool is_changed(const struct mw_ev_act *ev, const struct mw_event_act_strings *s)
{
	const uint32_t excl = O_CREAT | O_EXCL;

	if (ev->asked_cut)
		return ev->asked_cut & MW_ASKED_CHANGED;
	if (ev->ret < 0 || !ev->path_from)
		return false;
	switch (ev->op) {
	case MW_OP_OPEN:
		/* what is made without a name, or lost it, has another */
		if ((ev->flags & O_TMPFILE) == O_TMPFILE || ev->path_state != MW_PATH_FULL)
			return false;
		return (ev->flags & O_NOFOLLOW || (ev->flags & excl) == excl) &&
		       other_name(s->path, ev->path_state, s->asked);
	case MW_OP_RENAME:
		return other_name(s->path, ev->path_state, s->asked) ||
		       other_name(s->base2, ev->base2_state, s->asked2);
	case MW_OP_UNLINK:
	case MW_OP_RMDIR:
		return other_name(s->path, ev->path_state, s->asked);
	}
	return false;
}

/* --- actions -------------------------------------------------------------------------------------
 */

static enum mw_effect_kind kind_of(uint16_t op)
{
	switch (op) {
	case MW_OP_OPEN:
		return MW_EFFECT_FILE_OPEN;
	case MW_OP_UNLINK:
		return MW_EFFECT_FILE_DELETE;
	case MW_OP_RMDIR:
		return MW_EFFECT_FILE_RMDIR;
	case MW_OP_RENAME:
		return MW_EFFECT_FILE_RENAME;
	case MW_OP_EXEC:
		return MW_EFFECT_PROC_EXEC;
	case MW_OP_TRUNCATE:
		return MW_EFFECT_FILE_TRUNCATE;
	case MW_OP_MKDIR:
		return MW_EFFECT_FILE_MKDIR;
	case MW_OP_MKNOD:
		return MW_EFFECT_FILE_MKNOD;
	case MW_OP_LINK:
		return MW_EFFECT_FILE_LINK;
	case MW_OP_SYMLINK:
		return MW_EFFECT_FILE_SYMLINK;
	case MW_OP_CHMOD:
		return MW_EFFECT_FILE_CHMOD;
	case MW_OP_CHOWN:
		return MW_EFFECT_FILE_CHOWN;
	case MW_OP_UTIMES:
		return MW_EFFECT_FILE_UTIMES;
	case MW_OP_XATTR:
		return MW_EFFECT_FILE_XATTR;
	case MW_OP_MOUNT:
		return MW_EFFECT_FILE_MOUNT;
	case MW_OP_UMOUNT:
		return MW_EFFECT_FILE_UMOUNT;
	}
	return 0;
}

static int on_close(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = mw_act_begin(MW_EFFECT_FILE_CLOSE, &ev->hdr);
	const struct openfile *f = mw_table_get(a->files, &ev->file);

	act.ret = ev->ret;
	act.file = ev->file;
	act.mntns = ev->mntns;
	act.has_bytes = true;
	act.bytes_r = ev->bytes_r;
	act.bytes_w = ev->bytes_w;
	if (!f) {
		a->files_lost += a->files_evicted;
		return mw_act_give(a, &act);
	}
	/* into text: the entry may go while the action is out */
	mw_buf_reset(&a->text, MW_ACT_TEXT_KEEP);
	if (mw_buf_append(&a->text, f->path, f->path_len) < 0)
		return -ENOMEM;
	act.target = mw_act_text(a, 0, a->text.len);
	act.from_kernel = true;
	act.dev = f->dev;
	act.ino = f->ino;
	act.mntns = f->mntns;
	act.folded = f->folded;
	snprintf(act.mode, sizeof(act.mode), "%s", f->mode);
	if (f->deleted)
		mode_deleted(&act);
	return mw_act_give(a, &act);
}

int mw_act_on_file(struct mw_act *a, const struct mw_ev_act *ev)
{
	const struct mw_event_act_strings s = mw_event_act_strings(ev);
	const enum mw_effect_kind kind = kind_of(ev->op);
	struct mw_action act;
	int r, kept = 0;

	if (ev->op == MW_OP_CLOSE)
		return on_close(a, ev);
	if (ev->op == MW_OP_FILE)
		return remember(a, ev, s.path);
	if (!kind)
		return 0;
	if (ev->op == MW_OP_OPEN && ev->ret >= 0)
		kept = remember(a, ev, s.path);
	act = mw_act_begin(kind, &ev->hdr);
	act.ret = ev->ret;
	act.dev = ev->dev;
	act.ino = ev->ino;
	act.file = ev->file;
	act.mntns = ev->mntns;
	act.is_dir = kind == MW_EFFECT_FILE_OPEN && S_ISDIR(ev->mode);
	mode_of(&act, ev);
	r = targets(a, ev, &s, &act);
	if (r < 0)
		return r;
	act.asked_changed = is_changed(ev, &s);
	if (act.from_kernel && ev->path_state == MW_PATH_DELETED)
		mode_deleted(&act);
	mw_act_give(a, &act);
	return kept;
}
