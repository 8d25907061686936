/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * dgram.h - datagrams: the first to each peer of a socket, and those of port 53
 *
 * A send that failed is told likewise, but for write(2), writev(2) and what would have had to wait.
 * What is received without asking for its sender, on a socket that is not connected, is of nobody.
 */
#ifndef MW_BPF_DGRAM_H
#define MW_BPF_DGRAM_H

#include "io.h"
#include "net.h"

#define MW_DGRAM_BODY sizeof(struct mw_ev_dgram)
#define MW_DGRAM_MAX  2048
#define MW_DGRAM_BUFS 64
#define MW_PORT_DNS   53
#define MW_FNV_INIT   0xcbf29ce484222325ull
#define MW_FNV_MUL    0x100000001b3ull

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mw_sent_key);
	__type(value, __s32); /* 0, or the errno it failed with last, negative */
} sent SEC(".maps");

static __always_inline bool mw_class_sends(__u32 class)
{
	return class == MW_C_SENDTO || class == MW_C_SENDMSG || class == MW_C_SENDMMSG;
}

static long mw_name_hash_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 at = i + MW_NAME_AT;

	asm volatile("" : "+r"(at));
	if (!s || at >= MW_NAME_AT + MW_NAME_MAX)
		return 1;
	s->dgram.hash = (s->dgram.hash ^ s->str[at]) * MW_FNV_MUL;
	return 0;
}

/* Whether this process has not yet sent to its peer from the socket, or with another result. */
static __always_inline bool mw_sent_first(struct mw_scratch *s, struct mw_ev_act *e, __u32 n_name)
{
	struct mw_sent_key *key = &s->dgram.to;
	__s32 now = e->ret < 0 ? e->ret : 0, *was;

	key->sk = e->chan;
	key->ino = e->ino;
	key->tgid = e->hdr.tgid;
	key->port = e->peer.port;
	key->family = e->peer.family;
	__builtin_memcpy(key->ip, e->peer.ip, sizeof(key->ip));
	if (n_name) {
		s->dgram.hash = MW_FNV_INIT;
		bpf_loop(n_name, mw_name_hash_step, NULL, 0);
		*(__u64 *)key->ip = s->dgram.hash;
	}
	was = bpf_map_lookup_elem(&sent, key);
	if (was && *was == now)
		return false;
	bpf_map_update_elem(&sent, key, &now, BPF_ANY);
	return true;
}

/* The buffers of a message behind the body of the event. */
static long mw_dgram_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_io_at *at;
	__u64 take, filled;

	if (!s)
		return 1;
	at = &s->at;
	if (!at->rem)
		return !at->n_iov || mw_iov_load(at);
	filled = at->filled;
	take = MW_DGRAM_MAX - filled;
	if (take > at->rem)
		take = at->rem;
	if (take > at->left)
		take = at->left;
	asm volatile("" : "+r"(filled));
	asm volatile("" : "+r"(take));
	if (filled >= MW_DGRAM_MAX || take == 0 || take > MW_DGRAM_MAX ||
	    bpf_probe_read_user(&s->ev[MW_DGRAM_BODY + filled], take, (void *)at->base))
		return 1;
	at->filled += take;
	at->left -= take;
	at->rem -= take;
	at->base += take;
	return !at->left;
}

static __always_inline void mw_dgram_dns(struct mw_scratch *s, struct task_struct *task)
{
	struct mw_ev_dgram *e = (void *)s->ev;

	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_DGRAM,
		    mw_tag_flags(s->call.tag) | (s->call.compat ? MW_EVF_COMPAT : 0));
	mw_task_put(s, &e->hdr);
	e->chan = s->end.sk ^ cfg_secret;
	e->netns = mw_sock_netns((void *)s->end.sk);
	e->local = s->dgram.local;
	e->peer = s->dgram.peer;
	e->len = s->dgram.ret;
	e->dir = s->dgram.dir;
	s->at.filled = 0;
	s->at.left = s->dgram.ret;
	bpf_loop(MW_DGRAM_BUFS, mw_dgram_step, NULL, 0);
	e->captured = s->at.filled;
	mw_send(MW_DGRAM_BODY + s->at.filled);
}

/* One message; its buffers stand in `at`. */
__noinline int mw_dgram_one(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct mw_dgram *d;
	struct sock *sk;
	__u32 n = 0, off;

	if (!s)
		return 0;
	d = &s->dgram;
	sk = (void *)s->end.sk;
	if (d->dir == MW_DIR_READ && s->end.family == AF_UNIX)
		return 0;
	s->call.ret = d->ret;
	e = mw_act_begin(s, MW_OP_SEND);
	e->fd = d->fd;
	if (s->end.family == AF_INET || s->end.family == AF_INET6)
		mw_sock_addrs(sk, s->end.family, &e->local, &e->peer);
	else if (s->end.family != AF_UNIX)
		return 0;
	if (d->name) {
		__builtin_memset(&e->peer, 0, sizeof(e->peer));
		n = mw_sockaddr_load(s, &e->peer, d->name, d->name_len);
	} else if (s->end.family == AF_UNIX) {
		e->peer.family = AF_UNIX;
		e->peer_from = 1;
		e->path_state = MW_PATH_FULL;
		n = mw_unix_bound(s, (void *)mw_load(unix_sock, sk, peer));
	} else {
		e->peer_from = 1;
	}
	if (s->end.family == AF_UNIX ? !n : e->peer.family != AF_INET && e->peer.family != AF_INET6)
		return 0;
	/* neither connected nor told to whom */
	if (s->end.family != AF_UNIX && e->peer_from && !e->peer.port)
		return 0;
	d->local = e->local;
	d->peer = e->peer;
	if (d->dir == MW_DIR_WRITE) {
		mw_net_socket(e);
		if (mw_sent_first(s, e, n)) {
			off = mw_unix_append(s, n);
			mw_send(MW_ACT_BODY + off);
		}
	}
	if (d->ret > 0 && s->end.family != AF_UNIX &&
	    (d->peer.port == MW_PORT_DNS || d->local.port == MW_PORT_DNS) &&
	    mw_load(sock, sk, sk_type) == SOCK_DGRAM)
		mw_dgram_dns(s, task);
	return 0;
}

/* Takes a msghdr apart: its buffers and its name. */
static __always_inline int mw_dgram_msghdr(struct mw_scratch *s, __u64 msg)
{
	__u32 len = 0;

	if (mw_msghdr_load(&s->at, msg))
		return -1;
	s->at.rem = 0;
	s->dgram.name = 0;
	if (s->at.narrow) {
		bpf_probe_read_user(&s->dgram.name, 4, (void *)msg);
		bpf_probe_read_user(&len, sizeof(len), (void *)msg + 4);
	} else {
		bpf_probe_read_user(&s->dgram.name, 8, (void *)msg);
		bpf_probe_read_user(&len, sizeof(len), (void *)msg + 8);
	}
	s->dgram.name_len = len;
	if (!len)
		s->dgram.name = 0;
	return 0;
}

static long mw_dgram_next(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 moved;

	if (!s || !s->at.n_msg || mw_mmsg_moved(&s->at, &moved) || mw_dgram_msghdr(s, s->at.msg))
		return 1;
	s->dgram.ret = moved;
	s->at.msg += s->at.narrow ? MW_MMSG_LEN_NARROW : MW_MMSG_LEN;
	s->at.n_msg--;
	mw_dgram_one();
	return 0;
}

/*
 * A call on the datagram socket in s->end. Of sendmmsg and recvmmsg at->msg and at->n_msg say which
 * messages were moved. From the program itself: below its other functions the stack would not do.
 */
__noinline int mw_dgram(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_dgram *d;
	__u32 len = 0;

	if (!s)
		return 0;
	d = &s->dgram;
	d->fd = s->call.arg[0];
	d->dir = mw_class_reads(class) ? MW_DIR_READ : MW_DIR_WRITE;
	d->ret = s->call.ret;
	d->name = 0;
	d->name_len = 0;
	s->at.narrow = s->call.narrow;
	s->at.n_iov = 0;
	s->at.rem = 0;
	switch (class) {
	case MW_C_SENDTO:
	case MW_C_RECVFROM:
		d->name = s->call.arg[4];
		d->name_len = s->call.arg[5];
		if (class == MW_C_RECVFROM && d->name) {
			bpf_probe_read_user(&len, sizeof(len), (void *)s->call.arg[5]);
			d->name_len = len;
		}
		/* fall through */
	case MW_C_READ:
	case MW_C_WRITE:
		s->at.base = s->call.arg[1];
		s->at.rem = s->call.ret > 0 ? s->call.ret : 0;
		break;
	case MW_C_READV:
	case MW_C_WRITEV:
		s->at.iov = s->call.arg[1];
		s->at.n_iov = s->call.arg[2];
		break;
	case MW_C_RECVMSG:
	case MW_C_SENDMSG:
		if (mw_dgram_msghdr(s, s->call.arg[1]))
			return 0;
		break;
	case MW_C_RECVMMSG:
	case MW_C_SENDMMSG:
		bpf_loop(UIO_MAXIOV, mw_dgram_next, NULL, 0);
		return 0;
	default:
		return 0;
	}
	return mw_dgram_one();
}

/* A send that moved nothing: an empty datagram, or an error. The class for mw_dgram, or 0. */
__noinline int mw_dgram_unsent(__u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct file *file;

	if (!s || s->call.ret == -EAGAIN)
		return 0;
	file = mw_fd_file(task, (__s32)s->call.arg[0]);
	if (!file)
		return 0;
	mw_end_of(&s->end, file, MW_DIR_WRITE);
	if (!s->end.dgram)
		return 0;
	/* of many it was the first one */
	return class == MW_C_SENDMMSG ? MW_C_SENDMSG : class;
}

#endif
