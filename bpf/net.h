/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * net.h - the call connect; its end is in tcp.h
 */
#ifndef MW_BPF_NET_H
#define MW_BPF_NET_H

#include "file.h"

/* The peer as the argument names it. Returns how many bytes of a unix path it appended. */
static __always_inline __u32 mw_connect_arg(struct mw_scratch *s, struct mw_ev_act *e)
{
	__u64 user = s->call.arg[1], len = (__u32)s->call.arg[2], want;
	__u8 a[28] = {}; /* struct sockaddr_in6 */
	__u16 family, port;

	want = len < sizeof(a) ? len : sizeof(a);
	asm volatile("" : "+r"(want));
	if (want < 2 || want > sizeof(a) || bpf_probe_read_user(a, want, (void *)user))
		return 0;
	family = a[0] | a[1] << 8;
	port = a[2] << 8 | a[3];
	e->peer.family = family;
	if (family == AF_INET) {
		__builtin_memcpy(e->peer.ip, &a[4], 4);
		e->peer.port = port;
	} else if (family == AF_INET6) {
		__builtin_memcpy(e->peer.ip, &a[8], 16);
		e->peer.port = port;
	} else if (family == AF_UNIX && len > 2) {
		/* an abstract name begins with NUL and has no end but the length */
		len -= 2;
		asm volatile("" : "+r"(len));
		if (len > 108 || bpf_probe_read_user(s->str, len, (void *)user + 2))
			return 0;
		if (s->str[0]) {
			long n = bpf_probe_read_kernel_str(s->str + 128, len + 1, s->str);

			if (n <= 1)
				return 0;
			return mw_append(s, MW_ACT_BODY, 0, n - 1, s->str + 128);
		}
		return mw_append(s, MW_ACT_BODY, 0, len, s->str);
	}
	return 0;
}

/* The path the peer of a unix socket is bound to. */
static __always_inline __u32 mw_connect_unix(struct mw_scratch *s, struct sock *sk)
{
	struct unix_sock *peer = (void *)BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct unix_address *addr = BPF_CORE_READ(peer, addr);
	__s64 len;
	long n;

	if (!addr)
		return 0;
	len = (__s64)BPF_CORE_READ(addr, len) - 2;
	asm volatile("" : "+r"(len));
	if (len <= 0 || len > 108)
		return 0;
	if (bpf_probe_read_kernel(s->str, len, &addr->name[0].sun_path))
		return 0;
	if (!s->str[0])
		return mw_append(s, MW_ACT_BODY, 0, len, s->str);
	n = bpf_probe_read_kernel_str(s->str + 128, len + 1, s->str);
	return n > 1 ? mw_append(s, MW_ACT_BODY, 0, n - 1, s->str + 128) : 0;
}

__noinline int mw_net_connect(__u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct mw_chan *c;
	struct socket *sock;
	struct inode *inode;
	struct file *file;
	struct sock *sk;
	__u16 family;
	__u64 key;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_CONNECT);
	e->fd = s->call.arg[0];
	file = mw_fd_file(task, e->fd);
	if (!file)
		goto arg;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		goto arg;
	sock = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(sock, sk);
	if (!sk)
		goto arg;
	e->ino = BPF_CORE_READ(inode, i_ino);
	key = (__u64)sk;
	c = mw_chan_entry(&key, e->ino);
	if (c) {
		e->chan = key ^ cfg_secret;
		e->gen = c->gen;
	}
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX) {
		e->asked_len = mw_connect_unix(s, sk);
		if (e->asked_len) {
			e->path_state = MW_PATH_FULL;
			e->peer.family = AF_UNIX;
			e->peer_from = 1;
			goto out;
		}
	} else if (family == AF_INET || family == AF_INET6) {
		mw_sock_addrs(sk, family, &e->local, &e->peer);
		if (e->peer.port) {
			e->peer_from = 1;
			goto out;
		}
		__builtin_memset(&e->peer, 0, sizeof(e->peer));
	}
arg:
	e->asked_len = mw_connect_arg(s, e);
out:
	return mw_emit(s, MW_ACT_BODY + e->asked_len);
}

#endif
