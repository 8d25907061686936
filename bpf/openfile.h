/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * openfile.h - which open file it is, and how many bytes a process moved on it
 *
 * The identity of an open file is the address of its struct file and a generation: each open(2)
 * begins a new one, and so does a file at an address where another one was met. All that dup, fork
 * and passing on share is one struct file, so one identity.
 *
 * Bytes are counted for each fd of a process, in an entry made at its first byte, and told when the
 * fd is closed. At the end of close(2) the table of files has forgotten what the fd was: that is
 * what the entry is for, and nothing has to be looked at before the call. Ends that no call shows
 * (another thread was faster, io_uring, exec) are noticed at the next use of the fd, at exec and at
 * the process's end; no byte is counted twice. Regular files and block devices only; bytes that
 * io_uring moves or that are mapped are not counted.
 */
#ifndef MW_BPF_OPENFILE_H
#define MW_BPF_OPENFILE_H

#include "chan.h"
#include "filter.h"
#include "path.h"

#define MW_ACT_BODY sizeof(struct mw_ev_act)

_Static_assert(sizeof(struct mw_ev_act) <= MW_BODY_MAX, "act body");
_Static_assert(5 * (MW_PATH_MAX + 1) < MW_DATA_MAX, "act data");

/* An odd number that spreads times over all bits: 2^64 by the golden ratio. */
#define MW_SPREAD 0x9e3779b97f4a7c15ull

/* The most fds of a process that are looked through at once. */
#define MW_FDS_WALK 65536

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64); /* address of the struct file */
	__type(value, struct mw_file);
} files SEC(".maps");

struct mw_fd_key {
	__u32 tgid;
	__s32 fd;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mw_fd_key);
	__type(value, struct mw_fd);
} fds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct mw_fds);
} fd_counts SEC(".maps");

/* The body of an event in the scratch, for the call there. Global, as mw_send. */
__noinline int mw_act_fill(__u32 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;

	if (!s)
		return 0;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_ACT, mw_tag_flags(s->call.tag));
	if (s->call.compat)
		e->hdr.flags |= MW_EVF_COMPAT;
	mw_task_put(s, &e->hdr);
	e->ret = s->call.ret;
	e->fd = -1;
	e->op = op;
	e->sysno = s->call.nr;
	e->mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	return 0;
}

static __always_inline struct mw_ev_act *mw_act_begin(struct mw_scratch *s, __u16 op)
{
	mw_act_fill(op);
	return (void *)s->ev;
}

/* Addresses as numbers: the way through memory makes the verifier forget that they are pointers. */
static __always_inline __u64 mw_number(struct mw_scratch *s, const void *p)
{
	*(volatile __u64 *)&s->end.key = (__u64)p;
	return *(volatile __u64 *)&s->end.key;
}

static __always_inline __u64 mw_file_name(__u64 addr, __u64 gen)
{
	return (addr ^ cfg_secret) + gen * MW_SPREAD;
}

/*
 * The identity of the open file at `addr`. `opened`: an open(2) has just made it. *fresh: nothing
 * was known of it before.
 */
static __always_inline __u64 mw_file_id(struct mw_scratch *s, __u64 addr, bool opened, bool *fresh)
{
	struct mw_file *f = opened ? NULL : bpf_map_lookup_elem(&files, &addr);
	struct mw_file *now = &s->fresh.file;

	BPF_CORE_READ_INTO(&now->inode, (struct file *)addr, f_inode);
	BPF_CORE_READ_INTO(&now->dentry, (struct file *)addr, f_path.dentry);
	*fresh = !f || f->inode != now->inode || f->dentry != now->dentry;
	if (!*fresh)
		return mw_file_name(addr, f->gen);
	now->gen = bpf_ktime_get_boot_ns();
	if (bpf_map_update_elem(&files, &addr, now, BPF_ANY))
		mw_count(lost_table, 1);
	return mw_file_name(addr, now->gen);
}

/*
 * The open file at `addr` as the object of the event in the scratch: path, numbers and identity.
 * st_mode stands in *mode. Returns the length of the path. Global, so that the verifier looks at it
 * once.
 */
__noinline int mw_act_file(__u64 addr, __u32 opened)
{
	struct mw_scratch *s = mw_scratch_get();
	struct file *file = (void *)addr;
	struct mw_ev_act *e;
	struct inode *inode;
	bool fresh;

	if (!s || !addr)
		return 0;
	e = (void *)s->ev;
	inode = BPF_CORE_READ(file, f_inode);
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->dev = mw_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	e->mode = BPF_CORE_READ(inode, i_mode);
	e->file = mw_file_id(s, addr, opened, &fresh);
	e->path_len = mw_append_path(s, MW_ACT_BODY, 0, &file->f_path, &e->path_state);
	e->path_from = 1;
	return e->path_len;
}

/* --- bytes ------------------------------------------------------------------------------------- */

/* The entry of a process's counts; of another process that had the tgid it forgets. */
static __always_inline struct mw_fds *mw_fd_counts(struct mw_scratch *s, struct task_struct *task)
{
	__u64 start_ns = mw_start_ns(task);
	__u32 tgid = task->tgid;
	struct mw_fds *c;

	c = bpf_map_lookup_elem(&fd_counts, &tgid);
	if (c && c->start_ns == start_ns)
		return c;
	s->fresh.fds = (struct mw_fds){ .start_ns = start_ns };
	bpf_map_update_elem(&fd_counts, &tgid, &s->fresh.fds, BPF_ANY);
	return bpf_map_lookup_elem(&fd_counts, &tgid);
}

static __always_inline bool mw_fd_known(__s32 fd)
{
	struct mw_fd_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .fd = fd };

	return bpf_map_lookup_elem(&fds, &key) != NULL;
}

/* Tells of an fd that is closed, and forgets it. `why` as flags of MW_OP_CLOSE. */
static __always_inline void mw_fd_end(struct mw_scratch *s, const struct mw_fd_key *key, __u32 why)
{
	struct mw_fd *f = bpf_map_lookup_elem(&fds, key);
	__u32 tgid = key->tgid;
	struct mw_fds *count;
	struct mw_ev_act *e;

	if (!f)
		return;
	e = mw_act_begin(s, MW_OP_CLOSE);
	if (s->call.class != MW_C_CLOSE)
		e->ret = 0;
	/* a thread that opens may find what another one has closed and not told yet, or the other way
	 * round: whose close it is, the file says, not the thread */
	e->hdr.task = 0;
	e->hdr.task_of = 0;
	e->hdr.flags &= ~(MW_EVF_ID_INT | MW_EVF_ID_STR | MW_EVF_NO_REQUEST);
	e->fd = key->fd;
	e->flags = why;
	e->file = f->id;
	e->bytes_r = f->bytes[MW_DIR_READ];
	e->bytes_w = f->bytes[MW_DIR_WRITE];
	bpf_map_delete_elem(&fds, key);
	count = bpf_map_lookup_elem(&fd_counts, &tgid);
	if (count && count->n)
		__sync_fetch_and_add(&count->n, -1);
	mw_send(MW_ACT_BODY);
}

/* The fd got another file, or none. Global: asked at each open and close of an observed process. */
__noinline int mw_fd_closed(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_fd_key key = { .tgid = task->tgid, .fd = fd };
	struct mw_scratch *s = mw_scratch_get();

	if (s)
		mw_fd_end(s, &key, MW_CLOSED);
	return 0;
}

/* The entry of an fd that has moved its first byte. 1: nothing was known of its file before. */
__noinline int mw_fd_begin(__u64 addr, __u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_fd_key key = { .tgid = task->tgid, .fd = fd };
	struct mw_scratch *s = mw_scratch_get();
	struct mw_fds *count;
	struct mw_fd *now;
	bool fresh;

	if (!s)
		return 0;
	now = &s->fresh.fd;
	now->file = addr;
	now->inode = s->end.inode;
	now->id = mw_file_id(s, addr, false, &fresh);
	now->bytes[MW_DIR_READ] = 0;
	now->bytes[MW_DIR_WRITE] = 0;
	count = mw_fd_counts(s, task);
	if (!count || bpf_map_update_elem(&fds, &key, now, BPF_ANY)) {
		mw_count(lost_table, 1);
		return 0;
	}
	__sync_fetch_and_add(&count->n, 1);
	if (count->top < fd)
		count->top = fd;
	return fresh;
}

/* The path of a file whose open was not seen. */
__noinline int mw_fd_tell(__u64 addr, __u32 fd)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_FILE);
	e->ret = 0;
	e->fd = fd;
	e->flags = BPF_CORE_READ((struct file *)addr, f_flags);
	return mw_send(MW_ACT_BODY + mw_act_file(addr, 0));
}

/*
 * The first byte: what is not nested does not add up on the stack, which six functions deep may be
 * 512 bytes in all until 6.12.
 */
static __always_inline void mw_fd_first(__u64 addr, __s32 fd)
{
	mw_fd_closed(fd);
	if (mw_fd_begin(addr, fd))
		mw_fd_tell(addr, fd);
}

/* `n` bytes were moved on `file`, which stands in the scratch's end. */
static __always_inline void mw_fd_moved(struct mw_scratch *s, struct task_struct *task,
					struct file *file, __s32 fd, __u32 dir, __u64 n)
{
	struct mw_fd_key key = { .tgid = task->tgid, .fd = fd };
	__u64 addr = mw_number(s, file);
	struct mw_fd *f;

	if ((s->end.type != S_IFREG && s->end.type != S_IFBLK) || fd < 0 ||
	    !(s->call.tag & MW_TAG_WHOLE))
		return;
	f = bpf_map_lookup_elem(&fds, &key);
	if (!f || f->file != addr || f->inode != s->end.inode) {
		mw_fd_first(addr, fd);
		f = bpf_map_lookup_elem(&fds, &key);
	}
	if (f)
		__sync_fetch_and_add(&f->bytes[dir & 1], n);
}

/* --- ends -------------------------------------------------------------------------------------- */

static long mw_fds_step(__u32 i, void *unused)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_fd_key key;
	struct mw_fd *f;

	if (!s)
		return 1;
	key.tgid = s->fds.tgid;
	key.fd = s->fds.first + i;
	f = bpf_map_lookup_elem(&fds, &key);
	if (!f)
		return 0;
	s->fds.found++;
	/* exec closes only some */
	if (s->fds.why != MW_CLOSED_EXEC || mw_number(s, mw_fd_file(task, key.fd)) != f->file)
		mw_fd_end(s, &key, s->fds.why);
	return 0;
}

/* All entries of the process from `first` to `last`. */
__noinline int mw_fds_end(__u32 first, __u32 last, __u32 why)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	__u32 tgid = task->tgid, n;
	struct mw_fds *count;

	count = bpf_map_lookup_elem(&fd_counts, &tgid);
	if (!s || !count || !count->n || count->start_ns != mw_start_ns(task))
		return 0;
	if (last > count->top)
		last = count->top;
	if (first > last)
		return 0;
	n = last - first + 1;
	s->fds.tgid = tgid;
	s->fds.first = first;
	s->fds.why = why;
	s->fds.found = 0;
	bpf_loop(n < MW_FDS_WALK ? n : MW_FDS_WALK, mw_fds_step, NULL, 0);
	return 0;
}

/* After a program has ended or another one begun: closes that no call was made for. */
static __always_inline void mw_fds_over(struct mw_scratch *s, struct task_struct *task, __u32 tag,
					__u32 why)
{
	__u32 tgid = task->tgid;
	struct mw_fds *count;

	__builtin_memset(&s->call, 0, sizeof(s->call));
	s->call.tag = tag;
	s->wake = 0;
	mw_fds_end(0, ~0u, why);
	if (why != MW_CLOSED_EXIT)
		return;
	count = bpf_map_lookup_elem(&fd_counts, &tgid);
	if (!count)
		return;
	/* there was no room for so many, or there are more than we look through */
	if (count->n && count->start_ns == mw_start_ns(task))
		mw_count(lost_table, count->n);
	bpf_map_delete_elem(&fd_counts, &tgid);
}

/* close(2), close_range(2), and a dup(2) onto an fd in use. */
__noinline int mw_file_close(__u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_fd_key key;
	struct mw_fd *f;

	if (!s || s->call.ret == -EBADF)
		return 0;
	if (class == MW_C_CLOSE)
		return mw_fd_closed(s->call.arg[0]);
	if (s->call.ret < 0)
		return 0;
	if (class == MW_C_CLOSE_RANGE) {
		if (s->call.arg[2] & CLOSE_RANGE_CLOEXEC)
			return 0;
		return mw_fds_end(s->call.arg[0], s->call.arg[1], MW_CLOSED);
	}
	key.tgid = task->tgid;
	key.fd = s->call.ret;
	f = bpf_map_lookup_elem(&fds, &key);
	if (f && mw_number(s, mw_fd_file(task, key.fd)) != f->file)
		mw_fd_end(s, &key, MW_CLOSED);
	return 0;
}

#endif
