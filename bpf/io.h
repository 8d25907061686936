/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * io.h - bytes that moved on pipes and stream sockets
 *
 * All is done at the end of the call: the bytes of a write and of a read stand in user memory, the
 * return value says how many. The buffers of a call (one, or those of an iovec array) are read as
 * one run of bytes and cut into events of at most MW_IO_CHUNK; small buffers share an event. A page
 * that is not there leaves an event without bytes, so that no offset is ever silently wrong.
 */
#ifndef MW_BPF_IO_H
#define MW_BPF_IO_H

#include "chan.h"
#include "filter.h"

#define MW_IO_BODY sizeof(struct mw_ev_io)

_Static_assert(sizeof(struct mw_ev_io) <= MW_BODY_MAX, "io body");
_Static_assert(MW_IO_CHUNK <= MW_DATA_MAX, "io data");

/* One event for `moved` bytes, `captured` of which stand in the scratch. */
static __noinline int mw_io_flush(__u64 moved, __u32 captured, __u32 miss)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_io *e;

	if (!s)
		return 0;
	e = (void *)s->ev;
	e->moved = moved;
	e->captured = captured;
	e->miss = miss;
	e->call_off = s->at.done;
	if (miss == MW_MISS_FAULT)
		mw_count(faults, moved);
	mw_emit(s, MW_IO_BODY + captured);
	e->off += moved;
	s->at.done += moved;
	return 0;
}

static __always_inline void mw_io_flush_both(struct mw_io_at *at)
{
	if (at->filled)
		mw_io_flush(at->filled, at->filled, MW_MISS_NONE);
	at->filled = 0;
	if (at->missed)
		mw_io_flush(at->missed, 0, MW_MISS_FAULT);
	at->missed = 0;
}

static __always_inline int mw_iov_load(struct mw_io_at *at)
{
	if (at->narrow) {
		__u32 v[2];

		if (bpf_probe_read_user(v, sizeof(v), (void *)at->iov))
			return -1;
		at->base = v[0];
		at->rem = v[1];
		at->iov += sizeof(v);
	} else {
		__u64 v[2];

		if (bpf_probe_read_user(v, sizeof(v), (void *)at->iov))
			return -1;
		at->base = v[0];
		at->rem = v[1];
		at->iov += sizeof(v);
	}
	at->n_iov--;
	return 0;
}

/* One buffer or one piece of it. */
static long mw_io_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_io_at *at;
	__u64 take, filled;

	if (!s)
		return 1;
	at = &s->at;
	filled = at->filled;
	if (!at->rem) {
		if (!at->n_iov || mw_iov_load(at))
			return 1;
		return 0;
	}
	take = MW_IO_CHUNK - filled;
	if (take > at->rem)
		take = at->rem;
	if (take > at->left)
		take = at->left;
	if (at->by_page && take > PAGE_LEN - (at->base & (PAGE_LEN - 1)))
		take = PAGE_LEN - (at->base & (PAGE_LEN - 1));
	asm volatile("" : "+r"(filled));
	asm volatile("" : "+r"(take));
	if (filled >= MW_IO_CHUNK || take == 0 || take > MW_IO_CHUNK)
		return 1;
	if (!bpf_probe_read_user(&s->ev[MW_IO_BODY + filled], take, (void *)at->base)) {
		if (at->missed) { /* its event comes first, and writes over what was just read */
			mw_io_flush(at->missed, 0, MW_MISS_FAULT);
			at->missed = 0;
			return 0;
		}
		at->filled += take;
	} else if (!at->by_page) {
		at->by_page = take; /* find the page that is missing */
		return 0;
	} else {
		if (at->filled)
			mw_io_flush(at->filled, at->filled, MW_MISS_NONE);
		at->filled = 0;
		at->missed += take;
	}
	at->base += take;
	at->rem -= take;
	at->left -= take;
	at->by_page -= at->by_page < take ? at->by_page : take;
	if (at->filled == MW_IO_CHUNK) {
		mw_io_flush(MW_IO_CHUNK, MW_IO_CHUNK, MW_MISS_NONE);
		at->filled = 0;
	}
	return !at->left;
}

/* Takes a msghdr apart into its iovec array. */
static __always_inline int mw_msghdr_load(struct mw_io_at *at, __u64 msg)
{
	if (at->narrow) {
		__u32 v[4]; /* name, namelen, iov, iovlen */

		if (bpf_probe_read_user(v, sizeof(v), (void *)msg))
			return -1;
		at->iov = v[2];
		at->n_iov = v[3];
	} else {
		__u64 v[4];

		if (bpf_probe_read_user(v, sizeof(v), (void *)msg))
			return -1;
		at->iov = v[2];
		at->n_iov = v[3];
	}
	return 0;
}

static __always_inline bool mw_class_reads(__u32 class)
{
	return class == MW_C_READ || class == MW_C_READV || class == MW_C_RECVFROM ||
	       class == MW_C_RECVMSG;
}

/* vmsplice(2) goes the way the end of the pipe goes. */
static __always_inline bool mw_fd_reads(__s32 fd)
{
	struct file *file = mw_fd_file(bpf_get_current_task_btf(), fd);

	return file && !((__u32)BPF_CORE_READ(file, f_mode) & FMODE_WRITE);
}

/*
 * The event's body for `fd` in direction `dir`, and the offset moved on by `ret`. 0: it is no channel
 * of ours, or one whose bytes nobody wants.
 */
static __always_inline int mw_io_begin(struct mw_scratch *s, __s64 fd, __u32 dir, __u64 *room)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = mw_fd_file(task, fd);
	struct mw_ev_io *e = (void *)s->ev;
	__u64 ret = s->call.ret;
	struct mw_chan *c;
	struct mw_end end;
	struct sock *sk;
	__u64 off;

	if (!file)
		return 0;
	mw_end_of(file, dir, &end);
	if (!end.kind)
		return 0;
	c = mw_chan_entry(end.key, end.ino);
	if (!c)
		return 0;
	off = __sync_fetch_and_add(&c->off[dir & 1], ret);
	if (c->verdict == MW_VERDICT_DROP)
		return 0;

	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_IO, s->call.tag);
	if (s->call.compat)
		e->hdr.flags |= MW_EVF_COMPAT;
	e->chan = end.key ^ cfg_secret;
	e->gen = c->gen;
	e->ino = c->ino;
	e->off = off;
	e->call_len = ret;
	e->fd = fd;
	e->sysno = s->call.nr;
	e->dir = dir;
	e->kind = end.kind;
	if (end.kind >= MW_CHAN_TCP4) {
		sk = end.sk;
		e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		mw_sock_addrs(sk, end.family, &e->local, &e->peer);
	}
	*room = ret;
	if (c->verdict == MW_VERDICT_NONE && off + ret > cfg_undecided_max)
		*room = off < cfg_undecided_max ? cfg_undecided_max - off : 0;
	return 1;
}

/* A call whose bytes never were in user memory where we could read them. */
static __noinline int mw_io_carried(__s64 fd, __u32 dir)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 room;

	if (!s)
		return 0;
	s->at.done = 0;
	if (mw_io_begin(s, fd, dir, &room))
		mw_io_flush(s->call.ret, 0, MW_MISS_CARRIER);
	return 0;
}

__noinline int mw_io_read_write(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 dir = mw_class_reads(class) ? MW_DIR_READ : MW_DIR_WRITE;
	struct mw_io_at *at;
	__u64 flags = 0, room = 0;

	if (!s)
		return 0;
	at = &s->at;
	__builtin_memset(at, 0, sizeof(*at));
	if (class == MW_C_RECVFROM)
		flags = s->call.arg[3];
	else if (class == MW_C_RECVMSG)
		flags = s->call.arg[2];
	/* not taken off the stream, or not part of it */
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return 0;
	if (class == MW_C_VMSPLICE && mw_fd_reads(s->call.arg[0]))
		dir = MW_DIR_READ;
	if (!mw_io_begin(s, (__s32)s->call.arg[0], dir, &room))
		return 0;
	/* tcp(7): the bytes are thrown away, the buffer is as it was */
	if (flags & MSG_TRUNC && ((struct mw_ev_io *)s->ev)->kind >= MW_CHAN_TCP4)
		return mw_io_flush(s->call.ret, 0, MW_MISS_CARRIER);

	at->narrow = s->call.narrow;
	at->left = room;
	if (class == MW_C_READV || class == MW_C_WRITEV || class == MW_C_VMSPLICE) {
		at->iov = s->call.arg[1];
		at->n_iov = s->call.arg[2];
	} else if (class == MW_C_RECVMSG || class == MW_C_SENDMSG) {
		mw_msghdr_load(at, s->call.arg[1]);
	} else {
		at->base = s->call.arg[1];
		at->rem = s->call.ret;
	}
	/* enough for every page and every element; each step ends earlier by itself */
	if (room)
		bpf_loop(1 << 22, mw_io_step, NULL, 0);
	mw_io_flush_both(at);
	if (at->left) /* the array of buffers could not be read */
		mw_io_flush(at->left, 0, MW_MISS_FAULT);
	if (room < s->call.ret)
		mw_io_flush(s->call.ret - room, 0, MW_MISS_LIMIT);
	return 0;
}

__noinline int mw_io_move(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();

	if (!s)
		return 0;
	switch (class) {
	case MW_C_SPLICE:
		mw_io_carried((__s32)s->call.arg[0], MW_DIR_READ);
		mw_io_carried((__s32)s->call.arg[2], MW_DIR_WRITE);
		break;
	case MW_C_SENDFILE:
		mw_io_carried((__s32)s->call.arg[0], MW_DIR_WRITE);
		break;
	case MW_C_TEE: /* its source keeps the bytes */
		mw_io_carried((__s32)s->call.arg[1], MW_DIR_WRITE);
		break;
	}
	return 0;
}

/* socketcall(2): the number in the first argument, the arguments in an array. */
static __always_inline __u32 mw_socketcall(struct mw_call *call)
{
	__u64 nr = call->arg[0];
	__u32 v[6] = {}, class, n = 16;

	switch (nr) {
	case 3:
		class = MW_C_CONNECT;
		n = 12;
		break;
	case 9:
	case 11:
		class = MW_C_SENDTO;
		break;
	case 10:
	case 12:
		class = MW_C_RECVFROM;
		break;
	case 16:
		class = MW_C_SENDMSG;
		n = 12;
		break;
	case 17:
		class = MW_C_RECVMSG;
		n = 12;
		break;
	default:
		return MW_C_NONE;
	}
	asm volatile("" : "+r"(n));
	if (n > sizeof(v) || bpf_probe_read_user(v, n & 31, (void *)call->arg[1]))
		return MW_C_NONE;
	for (int i = 0; i < 6; i++)
		call->arg[i] = v[i];
	return class;
}

#endif
