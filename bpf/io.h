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
#include "openfile.h"

#define MW_WAKE_NS 1000000

#define MW_IO_BODY sizeof(struct mw_ev_io)

_Static_assert(sizeof(struct mw_ev_io) <= MW_BODY_MAX, "io body");
_Static_assert(MW_IO_CHUNK <= MW_DATA_MAX, "io data");

/* One event for `moved` bytes, `captured` of which stand in the scratch. */
static __always_inline int mw_io_send(struct mw_scratch *s, __u64 moved, __u32 captured, __u32 miss)
{
	struct mw_ev_io *e = (void *)s->ev;

	e->moved = moved;
	e->captured = captured;
	e->miss = miss;
	e->call_off = s->at.done;
	if (miss == MW_MISS_FAULT)
		mw_count(faults, moved);
	mw_emit(s, MW_IO_BODY + captured);
	e->off += moved;
	e->tcp_seq += moved;
	s->at.done += moved;
	return 0;
}

/* A return from a function may cost as much as all above: only the usual way is without. */
static __noinline int mw_io_flush(struct mw_scratch *s, __u64 moved, __u32 captured, __u32 miss)
{
	return mw_io_send(s, moved, captured, miss);
}

static __always_inline void mw_io_flush_both(struct mw_scratch *s)
{
	struct mw_io_at *at = &s->at;

	if (at->filled)
		mw_io_flush(s, at->filled, at->filled, MW_MISS_NONE);
	at->filled = 0;
	if (at->missed)
		mw_io_flush(s, at->missed, 0, MW_MISS_FAULT);
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

/* struct mmsghdr: a msghdr and, behind it, how many bytes of it were moved. */
#define MW_MMSG_LEN	     64
#define MW_MMSG_MOVED	     56
#define MW_MMSG_LEN_NARROW   32
#define MW_MMSG_MOVED_NARROW 28

static __always_inline int mw_mmsg_moved(const struct mw_io_at *at, __u32 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret),
				   (void *)at->msg +
				       (at->narrow ? MW_MMSG_MOVED_NARROW : MW_MMSG_MOVED));
}

/* The next message of sendmmsg or recvmmsg. */
static __always_inline int mw_mmsg_load(struct mw_io_at *at)
{
	__u32 moved;

	at->rem = 0;
	if (!at->n_msg || mw_mmsg_moved(at, &moved) || mw_msghdr_load(at, at->msg))
		return 1;
	at->msg_left = moved;
	at->msg += at->narrow ? MW_MMSG_LEN_NARROW : MW_MMSG_LEN;
	at->n_msg--;
	return 0;
}

static long mw_mmsg_count(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_io_at *at;
	__u32 moved;

	if (!s)
		return 1;
	at = &s->at;
	if (!at->n_msg || mw_mmsg_moved(at, &moved))
		return 1;
	at->total += moved;
	at->msg += at->narrow ? MW_MMSG_LEN_NARROW : MW_MMSG_LEN;
	at->n_msg--;
	return 0;
}

/* What the call returned is a number of messages; their bytes stand behind each. */
static __always_inline void mw_mmsg_begin(struct mw_scratch *s)
{
	struct mw_io_at *at = &s->at;

	at->msg = s->call.arg[1];
	at->n_msg = s->call.ret;
	bpf_loop(UIO_MAXIOV, mw_mmsg_count, NULL, 0);
	/* gone meanwhile: so many bytes that nobody can say how many */
	if (at->n_msg)
		mw_count(lost_table, at->n_msg);
	at->msg = s->call.arg[1];
	at->n_msg = s->call.ret - at->n_msg;
	at->msg_left = 0;
	s->call.ret = at->total;
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
	if (!at->msg_left)
		return mw_mmsg_load(at);
	if (!at->rem)
		return !at->n_iov || mw_iov_load(at);
	take = MW_IO_CHUNK - filled;
	if (take > at->rem)
		take = at->rem;
	if (take > at->left)
		take = at->left;
	if (take > at->msg_left)
		take = at->msg_left;
	if (at->by_page && take > PAGE_LEN - (at->base & (PAGE_LEN - 1)))
		take = PAGE_LEN - (at->base & (PAGE_LEN - 1));
	asm volatile("" : "+r"(filled));
	asm volatile("" : "+r"(take));
	if (filled >= MW_IO_CHUNK || take == 0 || take > MW_IO_CHUNK)
		return 1;
	if (!bpf_probe_read_user(&s->ev[MW_IO_BODY + filled], take, (void *)at->base)) {
		if (at->missed) { /* its event comes first, and writes over what was just read */
			mw_io_flush(s, at->missed, 0, MW_MISS_FAULT);
			at->missed = 0;
			return 0;
		}
		at->filled += take;
	} else if (!at->by_page) {
		at->by_page = take; /* find the page that is missing */
		return 0;
	} else {
		if (at->filled)
			mw_io_flush(s, at->filled, at->filled, MW_MISS_NONE);
		at->filled = 0;
		at->missed += take;
	}
	at->base += take;
	at->rem -= take;
	at->left -= take;
	at->msg_left -= take;
	at->by_page -= at->by_page < take ? at->by_page : take;
	if (at->filled == MW_IO_CHUNK) {
		mw_io_flush(s, MW_IO_CHUNK, MW_IO_CHUNK, MW_MISS_NONE);
		at->filled = 0;
	}
	return !at->left;
}

/*
 * How the arguments of a class stand. A table and its bits, as of comparisons with the class the
 * verifier makes a state each, and goes the whole way with each of them.
 */
#define MW_HOW_READS  1
#define MW_HOW_PLAIN  2	 /* one buffer: argument 1 */
#define MW_HOW_MSGHDR 4	 /* argument 1 */
#define MW_HOW_MMSG   8	 /* argument 1, so many of them: argument 2 */
#define MW_HOW_FLAGS2 16 /* argument 2 has flags, */
#define MW_HOW_FLAGS3 32 /* argument 3 has */
#define MW_HOW_EITHER 64 /* the file says which way */

static const __u8 mw_hows[MW_C_IO_LAST + 1] = {
	[MW_C_READ] = MW_HOW_READS | MW_HOW_PLAIN,
	[MW_C_WRITE] = MW_HOW_PLAIN,
	[MW_C_READV] = MW_HOW_READS,
	[MW_C_RECVFROM] = MW_HOW_READS | MW_HOW_PLAIN | MW_HOW_FLAGS3,
	[MW_C_SENDTO] = MW_HOW_PLAIN,
	[MW_C_RECVMSG] = MW_HOW_READS | MW_HOW_MSGHDR | MW_HOW_FLAGS2,
	[MW_C_SENDMSG] = MW_HOW_MSGHDR,
	[MW_C_RECVMMSG] = MW_HOW_READS | MW_HOW_MMSG | MW_HOW_FLAGS3,
	[MW_C_SENDMMSG] = MW_HOW_MMSG,
	[MW_C_VMSPLICE] = MW_HOW_EITHER,
};

static __always_inline bool mw_class_reads(__u32 class)
{
	return class == MW_C_READ || class == MW_C_READV || class == MW_C_RECVFROM ||
	       class == MW_C_RECVMSG || class == MW_C_RECVMMSG;
}

/* vmsplice(2) goes the way the end of the pipe goes. */
static __always_inline bool mw_file_reads(struct file *file)
{
	return !((__u32)mw_load(file, file, f_mode) & FMODE_WRITE);
}

/* The sequence number behind the last byte written or read. */
static __always_inline __u32 mw_tcp_end_seq(void *sk, __u32 dir)
{
	return dir == MW_DIR_WRITE ? mw_load(tcp_sock, sk, write_seq) :
				     mw_load(tcp_sock, sk, copied_seq);
}

/*
 * The entry of the scratch's end if events of it are wanted of a process with this tag, and how
 * they are to be marked; loader.h says which.
 */
static __always_inline struct mw_chan *mw_io_wanted(struct mw_end *end, __u32 tag, __u16 *flags)
{
	bool tcp = end->kind >= MW_CHAN_TCP4;
	struct mw_chan *c;

	if (tag & MW_TAG_WHOLE ||
	    (tag & MW_TAG_LISTENER && tcp && mw_port_listens(mw_sock_port((void *)end->sk)))) {
		*flags = mw_tag_flags(tag);
		return mw_chan_entry(&end->key, end->ino);
	}
	if (!(tag & MW_TAG_STREAM))
		return NULL;
	*flags = MW_EVF_STREAM;
	c = mw_chan_find(&end->key, end->ino);
	if (!c && tcp && mw_port_is_mcp(mw_sock_peer_port((void *)end->sk)))
		c = mw_chan_entry(&end->key, end->ino);
	return c;
}

/*
 * The event's body for `file` in direction `dir`, and the offset moved on by `moved`. 0: it is no
 * channel of ours, or one whose bytes nobody wants. `taken`: its task stands in the scratch, else
 * it is read here. *room: how many of them may be taken.
 */
static __always_inline int mw_io_open(struct mw_scratch *s, struct task_struct *task,
				      struct file *file, __s32 fd, __u32 dir, __u64 moved,
				      bool taken, __u64 *room)
{
	struct mw_ev_io *e = (void *)s->ev;
	struct mw_end *end = &s->end;
	__u64 off, limit;
	struct mw_chan *c;
	__u16 flags = 0;

	mw_end_of(end, file, dir);
	if (!end->kind) {
		mw_fd_moved(s, task, file, fd, dir, moved);
		return 0;
	}
	c = mw_io_wanted(end, s->call.tag, &flags);
	if (!c)
		return 0;
	off = __sync_fetch_and_add(&c->off[dir & 1], moved);
	if (s->call.tag & MW_TAG_OBSERVED) {
		if (!c->observed)
			c->observed = 1;
	} else if (!c->woken && !(flags & MW_EVF_STREAM)) {
		/* whether it is a server is to be known before it has gone on */
		c->woken = 1;
		s->wake = 1;
	}
	if (c->verdict == MW_VERDICT_DROP)
		return 0;

	mw_hdr_fill(&e->hdr, task, MW_EV_IO, flags | (s->call.compat ? MW_EVF_COMPAT : 0));
	/*
	 * What a server has read is to be in the log before it can do anything about that: it may
	 * end the reader. Once a millisecond: a conversation in a tight loop must not pay for it.
	 */
	if (dir == MW_DIR_READ && c->verdict == MW_VERDICT_KEEP &&
	    e->hdr.ts_ns - s->woken_ns >= MW_WAKE_NS) {
		s->woken_ns = e->hdr.ts_ns;
		s->wake = 1;
	}
	if (taken)
		mw_task_put(s, &e->hdr);
	else if (s->call.tag & MW_TAG_WHOLE)
		mw_task_fill(s, task);
	e->chan = end->key ^ cfg_secret;
	e->gen = c->gen;
	e->ino = c->ino;
	e->off = off;
	__builtin_memset(&e->netns, 0,
			 offsetof(struct mw_ev_io, moved) - offsetof(struct mw_ev_io, netns));
	if (end->kind >= MW_CHAN_TCP4) {
		e->netns = mw_sock_netns((void *)end->sk);
		mw_sock_addrs((void *)end->sk, end->family, &e->local, &e->peer);
	}
	e->has_seq = end->kind >= MW_CHAN_TCP4;
	e->tcp_seq = e->has_seq ? mw_tcp_end_seq((void *)end->sk, dir) - (__u32)moved : 0;
	e->call_len = moved;
	e->fd = fd;
	e->sysno = s->call.nr;
	e->dir = dir;
	e->kind = end->kind;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	e->other = mw_chan_name(end->other);
	s->at.done = 0;
	*room = moved;
	limit = c->observed ? cfg_undecided_max : cfg_candidate_max;
	if (c->verdict == MW_VERDICT_NONE && off + moved > limit)
		*room = off < limit ? limit - off : 0;
	return 1;
}

/* A call whose bytes never were in user memory where we could read them. */
static __noinline int mw_io_carried(struct mw_scratch *s, struct task_struct *task, __s64 fd,
				    __u32 dir)
{
	struct file *file = mw_fd_file(task, fd);
	__u64 room;

	if (file && mw_io_open(s, task, file, fd, dir, s->call.ret, true, &room))
		mw_io_flush(s, s->call.ret, 0, MW_MISS_CARRIER);
	return 0;
}

/* The buffers of a call, as one run of `room` bytes. */
static __always_inline void mw_io_take(struct mw_scratch *s, __u64 room)
{
	struct mw_io_at *at = &s->at;

	at->left = room;
	/* enough for every page and every element; each step ends earlier by itself */
	if (room)
		bpf_loop(1 << 22, mw_io_step, NULL, 0);
	mw_io_flush_both(s);
	if (at->left) /* the array of buffers could not be read */
		mw_io_flush(s, at->left, 0, MW_MISS_FAULT);
}

/* The class, if dgram.h is to look at the call; else 0. */
static __always_inline int mw_io_read_write(struct mw_scratch *s, struct task_struct *task,
					    __u32 class)
{
	__u64 flags = 0, room = 0, n, i = class;
	__s64 fd = (__s32)s->call.arg[0];
	struct mw_io_at *at = &s->at;
	struct file *file;
	__u32 how, dir;

	asm volatile("" : "+r"(i));
	if (i > MW_C_IO_LAST)
		return 0;
	how = mw_hows[i];
	dir = how & MW_HOW_READS ? MW_DIR_READ : MW_DIR_WRITE;
	if (how & MW_HOW_FLAGS3)
		flags = s->call.arg[3];
	else if (how & MW_HOW_FLAGS2)
		flags = s->call.arg[2];
	/* not taken off the stream, or not part of it */
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return 0;
	file = mw_fd_file(task, fd);
	if (!file)
		return 0;
	if (!(how & MW_HOW_PLAIN)) {
		__builtin_memset(at, 0, sizeof(*at));
		at->narrow = s->call.narrow;
		at->msg_left = ~0ull;
		if (how & MW_HOW_MMSG) {
			mw_mmsg_begin(s);
			if (!s->call.ret)
				return 0;
		}
		if (how & MW_HOW_EITHER && mw_file_reads(file))
			dir = MW_DIR_READ;
	}
	if (!mw_io_open(s, task, file, fd, dir, s->call.ret, false, &room))
		return s->end.dgram && s->call.tag & MW_TAG_WHOLE ? class : 0;
	/* tcp(7): the bytes are thrown away, the buffer is as it was */
	if (flags & MSG_TRUNC && s->end.kind >= MW_CHAN_TCP4)
		return mw_io_flush(s, s->call.ret, 0, MW_MISS_CARRIER);

	if (how & MW_HOW_PLAIN) {
		n = room && room <= MW_IO_CHUNK ? room : MW_IO_CHUNK + 1;
		asm volatile("" : "+r"(n));
		if (n <= MW_IO_CHUNK &&
		    !bpf_probe_read_user(&s->ev[MW_IO_BODY], n, (void *)s->call.arg[1])) {
			mw_io_send(s, n, n, MW_MISS_NONE);
			goto limit;
		}
		__builtin_memset(at, 0, sizeof(*at));
		at->msg_left = ~0ull;
		at->base = s->call.arg[1];
		at->rem = s->call.ret;
	} else if (how & MW_HOW_MSGHDR) {
		mw_msghdr_load(at, s->call.arg[1]);
	} else if (!(how & MW_HOW_MMSG)) {
		at->iov = s->call.arg[1];
		at->n_iov = s->call.arg[2];
	}
	mw_io_take(s, room);
limit:
	if (room < s->call.ret)
		mw_io_flush(s, s->call.ret - room, 0, MW_MISS_LIMIT);
	return 0;
}

static __noinline int mw_io_move(struct mw_scratch *s, struct task_struct *task, __u32 class)
{
	switch (class) {
	case MW_C_SPLICE:
		mw_io_carried(s, task, (__s32)s->call.arg[0], MW_DIR_READ);
		mw_io_carried(s, task, (__s32)s->call.arg[2], MW_DIR_WRITE);
		break;
	case MW_C_SENDFILE:
		mw_io_carried(s, task, (__s32)s->call.arg[1], MW_DIR_READ);
		mw_io_carried(s, task, (__s32)s->call.arg[0], MW_DIR_WRITE);
		break;
	case MW_C_TEE: /* its source keeps the bytes */
		mw_io_carried(s, task, (__s32)s->call.arg[1], MW_DIR_WRITE);
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
	case 2:
		class = MW_C_BIND;
		n = 12;
		break;
	case 3:
		class = MW_C_CONNECT;
		n = 12;
		break;
	case 4:
		class = MW_C_LISTEN;
		n = 8;
		break;
	case 5:
		class = MW_C_ACCEPT;
		n = 12;
		break;
	case 18:
		class = MW_C_ACCEPT;
		break;
	case 9:
	case 11:
		class = MW_C_SENDTO;
		n = nr == 11 ? 24 : 16; /* send has no address */
		break;
	case 10:
	case 12:
		class = MW_C_RECVFROM;
		n = nr == 12 ? 24 : 16;
		break;
	case 16:
		class = MW_C_SENDMSG;
		n = 12;
		break;
	case 17:
		class = MW_C_RECVMSG;
		n = 12;
		break;
	case 19:
		class = MW_C_RECVMMSG;
		break;
	case 20:
		class = MW_C_SENDMMSG;
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
