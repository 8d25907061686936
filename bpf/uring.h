/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * uring.h - bytes that io_uring moved: how many, not which
 *
 * A request's buffers are reused, registered or picked by the kernel, and it ends in whatever
 * thread of the process comes by (a submitter, a worker of io-wq, SQPOLL). So its end gives an
 * event without bytes. A request with several ends (multishot) is named by them by its user_data
 * only: what it was is kept from its submission.
 */
#ifndef MW_BPF_URING_H
#define MW_BPF_URING_H

#include "io.h"

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
	if (file && mw_io_open(s, task, file, fd, dir, moved, &room))
		mw_io_flush(s, moved, 0, MW_MISS_URING);
}

static __always_inline void mw_uring_submit(struct io_kiocb *req)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 opcode = req->opcode, tag = mw_tag_of(task->tgid);
	struct io_sr_msg___mw *msg = (void *)req;
	struct mw_uring_req keep = {};
	struct mw_uring_key key = {};
	struct user_msghdr hdr;

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
