/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * uring.h - what io_uring was asked to do, and the bytes it moved: how many, not which
 *
 * A request's buffers are reused, registered or picked by the kernel, and it ends in whatever
 * thread of the process comes by (a submitter, a worker of io-wq, SQPOLL). So its end gives an
 * event without bytes. A request with several ends (multishot) is named by them by its user_data
 * only: what it was is kept from its submission.
 */
#ifndef MW_BPF_URING_H
#define MW_BPF_URING_H

#include "io.h"
#include "net.h"

/* uapi/linux/io_uring.h; numbers of an ABI, and older kernels' BTF lacks the newer ones */
#define URING_READV		   1
#define URING_WRITEV		   2
#define URING_READ_FIXED	   4
#define URING_WRITE_FIXED	   5
#define URING_SENDMSG		   9
#define URING_RECVMSG		   10
#define URING_READ		   22
#define URING_WRITE		   23
#define URING_SEND		   26
#define URING_RECV		   27
#define URING_SPLICE		   30
#define URING_TEE		   33
#define URING_SEND_ZC		   47
#define URING_SENDMSG_ZC	   48
#define URING_READ_MULTISHOT	   49
#define URING_RECV_ZC		   58
#define URING_READV_FIXED	   59
#define URING_WRITEV_FIXED	   60
#define URING_SPLICE_F_FD_IN_FIXED (1u << 31)
#define URING_REQ_CQE_SKIP	   (1 << 6) /* REQ_F_CQE_SKIP since 5.17 */
#define URING_RECVMSG_OUT	   16	    /* struct io_uring_recvmsg_out */
#define SYS_IO_URING_ENTER	   426

/* The commands begin where the request does. Of fields that all kernels have. */
struct io_sr_msg___mw {
	struct user_msghdr *umsg;
	unsigned int msg_flags;
} __attribute__((preserve_access_index));

struct io_splice___mw {
	int splice_fd_in;
	unsigned int flags;
} __attribute__((preserve_access_index));

struct mw_uring_key {
	__u64 ctx, user_data;
};

/* A request that may have several ends. */
struct mw_uring_req {
	__u64 req; /* its file is looked up later than it is submitted */
	__u32 dir;
	__u32 head; /* bytes in front of the data of each end */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct mw_uring_key);
	__type(value, struct mw_uring_req);
} urings SEC(".maps");

/* enum mw_dir, or -1: it moves no bytes of ours */
static __always_inline int mw_uring_dir(__u32 opcode)
{
	switch (opcode) {
	case URING_READV:
	case URING_READ_FIXED:
	case URING_RECVMSG:
	case URING_READ:
	case URING_RECV:
	case URING_READ_MULTISHOT:
	case URING_RECV_ZC:
	case URING_READV_FIXED:
		return MW_DIR_READ;
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_SENDMSG:
	case URING_WRITE:
	case URING_SEND:
	case URING_SPLICE:
	case URING_TEE:
	case URING_SEND_ZC:
	case URING_SENDMSG_ZC:
	case URING_WRITEV_FIXED:
		return MW_DIR_WRITE;
	}
	return -1;
}

static __always_inline bool mw_uring_is_recv(__u32 opcode)
{
	return opcode == URING_RECV || opcode == URING_RECVMSG;
}

static __always_inline void mw_uring_moved(struct mw_scratch *s, struct task_struct *task,
					   __u32 tag, struct file *file, __s32 fd, __u32 dir,
					   __u64 moved)
{
	__u64 room;

	s->call.tag = tag;
	s->call.compat = 0;
	s->call.nr = SYS_IO_URING_ENTER;
	s->wake = 0;
	/* it ends while its thread does anything: for whom was known when it was submitted */
	mw_task_forget(s);
	if (file && mw_io_open(s, task, file, fd, dir, moved, true, &room))
		mw_io_flush(s, moved, 0, MW_MISS_URING);
}

/* --- operations ------------------------------------------------------------------------------ */

#define URING_FALLOCATE 17
#define URING_ACCEPT	13
#define URING_CONNECT	16
#define URING_OPENAT	18
#define URING_OPENAT2	28
#define URING_RENAMEAT	35
#define URING_UNLINKAT	36
#define URING_MKDIRAT	37
#define URING_SYMLINKAT 38
#define URING_LINKAT	39
#define URING_FSETXATTR 41
#define URING_SETXATTR	42
#define URING_FTRUNCATE 55
#define URING_BIND	56
#define URING_LISTEN	57
#define URING_OPCODES	128
#define URING_COUNT_NS	10000000ull /* for so long equal ones are counted */

/* Commands with names: each has read them from user memory when it is submitted. */
struct io_open___mw {
	int dfd;
	struct filename *filename;
} __attribute__((preserve_access_index));
struct io_unlink___mw {
	int dfd;
	int flags;
	struct filename *filename;
} __attribute__((preserve_access_index));
struct io_mkdir___mw {
	int dfd;
	struct filename *filename;
} __attribute__((preserve_access_index));
struct io_rename___mw {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
} __attribute__((preserve_access_index));
struct io_link___mw {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
} __attribute__((preserve_access_index));
struct io_connect___mw {
	void *addr;
	int addr_len;
} __attribute__((preserve_access_index));

/* What a process has submitted and was not told of yet, by opcode. */
struct mw_uring_count {
	__u64 start_ns; /* of the process */
	__u64 told_ns[URING_OPCODES];
	__u32 n[URING_OPCODES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32); /* tgid */
	__type(value, struct mw_uring_count);
} uring_counts SEC(".maps");

/* A value to begin with: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_uring_count);
} uring_none SEC(".maps");

static __always_inline struct mw_ev_act *mw_uring_begin(struct mw_scratch *s, __u32 tag,
							__u32 opcode, __u32 n)
{
	struct mw_ev_act *e;

	s->call.tag = tag;
	s->call.compat = 0;
	s->call.nr = SYS_IO_URING_ENTER;
	s->call.ret = 0;
	s->wake = 0;
	e = mw_act_begin(s, MW_OP_URING);
	e->num[0] = opcode;
	e->num[1] = n;
	return e;
}

/* As mw_act_name, of a name that the kernel has read already. */
static __always_inline __u32 mw_uring_name(struct mw_scratch *s, __u32 off, __s32 dirfd,
					   struct filename *name, bool second)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_ev_act *e = (void *)s->ev;
	__u32 base_len = 0, asked_len = 0;
	__u8 state = MW_PATH_NONE;
	struct file *dir;
	__s64 n;

	n = bpf_probe_read_kernel_str(s->str, MW_PATH_MAX + 1, BPF_CORE_READ(name, name)) - 1;
	if (n < 0)
		return 0;
	if (s->str[0] != '/') {
		dir = dirfd == AT_FDCWD ? NULL : mw_fd_file(task, dirfd);
		if (dirfd == AT_FDCWD)
			base_len = mw_append_path(s, MW_ACT_BODY, off, &mw_as(task_struct, task)->fs->pwd, &state);
		else if (dir)
			base_len = mw_append_path(s, MW_ACT_BODY, off, &dir->f_path, &state);
	}
	if (n > 0)
		asked_len = mw_append_str(MW_ACT_BODY, off + base_len, n, 0);
	if (second) {
		e->base2_len = base_len;
		e->base2_state = state;
		e->asked2_len = asked_len;
	} else {
		e->base_len = base_len;
		e->base_state = state;
		e->asked_len = asked_len;
	}
	return base_len + asked_len;
}

/* The names of a request that has some; the address of a connect. */
__noinline int mw_uring_named(__u64 req, __u32 opcode, __u32 tag)
{
	struct io_open___mw *open = (void *)req;
	struct io_unlink___mw *unlink = (void *)req;
	struct io_mkdir___mw *mkdir = (void *)req;
	struct io_rename___mw *rename = (void *)req;
	struct io_link___mw *link = (void *)req;
	struct io_connect___mw *connect = (void *)req;
	struct filename *name = NULL, *name2 = NULL;
	struct mw_scratch *s = mw_scratch_get();
	__s32 fd = AT_FDCWD, fd2 = AT_FDCWD;
	struct mw_ev_act *e;
	__u32 off = 0;

	if (!s)
		return 0;
	e = mw_uring_begin(s, tag, opcode, 1);
	if ((opcode == URING_OPENAT || opcode == URING_OPENAT2) &&
	    bpf_core_field_exists(open->filename)) {
		fd = BPF_CORE_READ(open, dfd);
		name = BPF_CORE_READ(open, filename);
	} else if (opcode == URING_UNLINKAT && bpf_core_field_exists(unlink->filename)) {
		fd = BPF_CORE_READ(unlink, dfd);
		name = BPF_CORE_READ(unlink, filename);
		e->flags = BPF_CORE_READ(unlink, flags);
	} else if (opcode == URING_MKDIRAT && bpf_core_field_exists(mkdir->filename)) {
		fd = BPF_CORE_READ(mkdir, dfd);
		name = BPF_CORE_READ(mkdir, filename);
	} else if (opcode == URING_RENAMEAT && bpf_core_field_exists(rename->newpath)) {
		fd = BPF_CORE_READ(rename, old_dfd);
		fd2 = BPF_CORE_READ(rename, new_dfd);
		name = BPF_CORE_READ(rename, oldpath);
		name2 = BPF_CORE_READ(rename, newpath);
	} else if ((opcode == URING_LINKAT || opcode == URING_SYMLINKAT) &&
		   bpf_core_field_exists(link->newpath)) {
		fd = opcode == URING_LINKAT ? BPF_CORE_READ(link, old_dfd) : -1;
		fd2 = BPF_CORE_READ(link, new_dfd);
		name = BPF_CORE_READ(link, oldpath);
		name2 = BPF_CORE_READ(link, newpath);
	} else if (opcode == URING_CONNECT && bpf_core_field_exists(connect->addr)) {
		off = mw_unix_append(s, mw_sockaddr_load(s, &e->peer,
							 (__u64)BPF_CORE_READ(connect, addr),
							 (__u32)BPF_CORE_READ(connect, addr_len)));
	}
	if (name)
		off = mw_uring_name(s, 0, fd, name, false);
	if (name2)
		off += mw_uring_name(s, off, fd2, name2, true);
	return mw_send(MW_ACT_BODY + off);
}

static __always_inline bool mw_uring_is_named(__u32 opcode)
{
	switch (opcode) {
	case URING_ACCEPT:
	case URING_CONNECT:
	case URING_FALLOCATE:
	case URING_OPENAT:
	case URING_OPENAT2:
	case URING_RENAMEAT ... URING_LINKAT:
	case URING_FSETXATTR:
	case URING_SETXATTR:
	case URING_FTRUNCATE ... URING_LISTEN:
		return true;
	}
	return false;
}

/* One without a name: told at once, or counted where one of its kind was told just now. */
static __always_inline void mw_uring_counted(struct mw_scratch *s, struct task_struct *task,
					     __u32 tag, __u64 opcode)
{
	__u64 now = bpf_ktime_get_boot_ns(), start = mw_start_ns(task);
	__u32 tgid = task->tgid, zero = 0, n = 1;
	struct mw_uring_count *c = bpf_map_lookup_elem(&uring_counts, &tgid), *none;

	if (!c || c->start_ns != start) {
		none = bpf_map_lookup_elem(&uring_none, &zero);
		if (none)
			bpf_map_update_elem(&uring_counts, &tgid, none, BPF_ANY);
		c = bpf_map_lookup_elem(&uring_counts, &tgid);
		if (c)
			c->start_ns = start;
	}
	asm volatile("" : "+r"(opcode));
	if (c && opcode < URING_OPCODES) {
		__sync_fetch_and_add(&c->n[opcode], 1);
		if (now - c->told_ns[opcode] < URING_COUNT_NS)
			return;
		c->told_ns[opcode] = now;
		n = __sync_lock_test_and_set(&c->n[opcode], 0);
		if (!n) /* another thread told it */
			return;
	}
	mw_uring_begin(s, tag, opcode, n);
	mw_send(MW_ACT_BODY);
}

static __always_inline void mw_uring_act(struct io_kiocb *req, __u32 opcode, __u32 tag)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	__u64 at = 0;

	if (!s)
		return;
	mw_task_take();
	bpf_probe_read_kernel(&at, sizeof(at), &req);
	if (mw_uring_is_named(opcode))
		mw_uring_named(at, opcode, tag);
	else
		mw_uring_counted(s, task, tag, opcode);
}

static long mw_uring_exit_op(__u32 i, void *unused)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	__u32 tgid = task->tgid, n;
	struct mw_uring_count *c = bpf_map_lookup_elem(&uring_counts, &tgid);
	__u64 opcode = i;

	asm volatile("" : "+r"(opcode));
	if (!s || !c || opcode >= URING_OPCODES)
		return 1;
	n = c->n[opcode];
	if (!n)
		return 0;
	mw_uring_begin(s, s->call.tag, opcode, n);
	mw_send(MW_ACT_BODY);
	return 0;
}

/* What was counted of a process that ends. The call's tag in the scratch is its. */
static __always_inline void mw_uring_exit(struct mw_scratch *s, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct mw_uring_count *c = bpf_map_lookup_elem(&uring_counts, &tgid);

	if (!c)
		return;
	/* of many, maybe */
	mw_task_forget(s);
	if (c->start_ns == mw_start_ns(task))
		bpf_loop(URING_OPCODES, mw_uring_exit_op, NULL, 0);
	bpf_map_delete_elem(&uring_counts, &tgid);
}

/* --- bytes ----------------------------------------------------------------------------------- */

static __always_inline void mw_uring_submit(struct io_kiocb *req)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 opcode = req->opcode, tag = mw_tag_of(task->tgid);
	struct io_sr_msg___mw *msg = (void *)req;
	struct mw_uring_req keep = {};
	struct mw_uring_key key = {};
	struct user_msghdr hdr;

	if (tag & MW_TAG_WHOLE)
		mw_uring_act(req, opcode, tag);
	if (!tag || mw_uring_dir(opcode) < 0)
		return;
	/* without an end nobody can say how many bytes */
	if (req->flags & URING_REQ_CQE_SKIP)
		mw_count(lost_table, 1);
	if (!mw_uring_is_recv(opcode) && opcode != URING_READ_MULTISHOT && opcode != URING_RECV_ZC)
		return;
	bpf_probe_read_kernel(&key.ctx, sizeof(key.ctx), &req->ctx);
	key.user_data = req->cqe.user_data;
	bpf_probe_read_kernel(&keep.req, sizeof(keep.req), &req);
	keep.dir = MW_DIR_READ;
	if (opcode == URING_RECVMSG && bpf_core_field_exists(msg->umsg) &&
	    !bpf_probe_read_user(&hdr, sizeof(hdr), BPF_CORE_READ(msg, umsg)))
		keep.head = URING_RECVMSG_OUT + hdr.msg_namelen + hdr.msg_controllen;
	bpf_map_update_elem(&urings, &key, &keep, BPF_ANY);
}

/* One of several ends. */
static __always_inline void mw_uring_more(void *ctx, __u64 user_data, __s32 res)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_uring_key key = { .user_data = user_data };
	struct mw_scratch *s = mw_scratch_get();
	__u32 tag = mw_tag_of(task->tgid);
	struct mw_uring_req *r;
	__u64 req;

	if (!tag || !s || res <= 0)
		return;
	bpf_probe_read_kernel(&key.ctx, sizeof(key.ctx), &ctx);
	r = bpf_map_lookup_elem(&urings, &key);
	if (!r || res <= r->head)
		return;
	req = r->req;
	mw_uring_moved(s, task, tag, mw_load(io_kiocb, req, file), -1, r->dir, res - r->head);
}

static __always_inline void mw_uring_end(void *req)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct io_splice___mw *splice = (void *)req;
	struct io_sr_msg___mw *msg = (void *)req;
	__u32 tag = mw_tag_of(task->tgid), opcode = mw_load(io_kiocb, req, opcode);
	__s32 res = mw_load(io_kiocb, req, cqe.res), fd;
	int dir = mw_uring_dir(opcode);

	if (!tag || !s || res <= 0 || dir < 0)
		return;
	if (mw_uring_is_recv(opcode) && BPF_CORE_READ(msg, msg_flags) & MSG_PEEK)
		return;
	mw_uring_moved(s, task, tag, mw_load(io_kiocb, req, file), -1, dir, res);
	if (opcode != URING_SPLICE || BPF_CORE_READ(splice, flags) & URING_SPLICE_F_FD_IN_FIXED)
		return;
	fd = BPF_CORE_READ(splice, splice_fd_in);
	mw_uring_moved(s, task, tag, mw_fd_file(task, fd), fd, MW_DIR_READ, res);
}

#endif
