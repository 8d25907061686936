/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * net.h - the calls connect, bind, listen and accept; how a connect ends, and a connection, is in
 * tcp.h
 */
#ifndef MW_BPF_NET_H
#define MW_BPF_NET_H

#include "file.h"
#include "tcp.h"

#define MW_NAME_MAX 108 /* sun_path */

/* sun_path of `len` bytes, which stands at the start of str: its length at MW_NAME_AT. */
static __always_inline __u32 mw_unix_name(struct mw_scratch *s, __u64 len)
{
	long n;

	asm volatile("" : "+r"(len));
	if (len == 0 || len > MW_NAME_MAX)
		return 0;
	if (!s->str[0]) /* an abstract name begins with NUL and has no end but the length */
		return bpf_probe_read_kernel(s->str + MW_NAME_AT, len, s->str) ? 0 : len;
	n = bpf_probe_read_kernel_str(s->str + MW_NAME_AT, len + 1, s->str);
	return n > 1 ? n - 1 : 0;
}

/* An address in user memory. Returns the length of a unix name, which stands at MW_NAME_AT. */
static __always_inline __u32 mw_sockaddr_load(struct mw_scratch *s, struct mw_addr *addr,
					      __u64 user, __u64 len)
{
	__u8 a[28] = {}; /* struct sockaddr_in6 */
	__u64 want = len < sizeof(a) ? len : sizeof(a);
	__u16 family, port;

	asm volatile("" : "+r"(want));
	if (want < 2 || want > sizeof(a) || bpf_probe_read_user(a, want, (void *)user))
		return 0;
	family = a[0] | a[1] << 8;
	port = a[2] << 8 | a[3];
	addr->family = family;
	if (family == AF_INET) {
		__builtin_memcpy(addr->ip, &a[4], 4);
		addr->port = port;
	} else if (family == AF_INET6) {
		__builtin_memcpy(addr->ip, &a[8], 16);
		addr->port = port;
	} else if (family == AF_VSOCK) { /* struct sockaddr_vm: port, cid */
		__builtin_memcpy(addr->ip, &a[8], 4);
		__builtin_memcpy(addr->ip + 4, &a[4], 4);
	} else if (family == AF_UNIX && len > 2) {
		len -= 2;
		asm volatile("" : "+r"(len));
		if (len > MW_NAME_MAX || bpf_probe_read_user(s->str, len, (void *)user + 2))
			return 0;
		return mw_unix_name(s, len);
	}
	return 0;
}

/* The name that a unix socket is bound to, likewise. */
static __always_inline __u32 mw_unix_bound(struct mw_scratch *s, struct unix_sock *sk)
{
	struct unix_address *addr = BPF_CORE_READ(sk, addr);
	__s64 len;

	if (!addr)
		return 0;
	len = (__s64)BPF_CORE_READ(addr, len) - 2;
	asm volatile("" : "+r"(len));
	if (len <= 0 || len > MW_NAME_MAX)
		return 0;
	if (bpf_probe_read_kernel(s->str, len, &addr->name[0].sun_path))
		return 0;
	return mw_unix_name(s, len);
}

/* The unix name at MW_NAME_AT becomes `asked`, with the directory it is relative to before it. */
static __always_inline __u32 mw_unix_append(struct mw_scratch *s, __u32 n)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_ev_act *e = (void *)s->ev;
	__u8 state = MW_PATH_NONE;

	if (!n)
		return 0;
	if (s->str[MW_NAME_AT] && s->str[MW_NAME_AT] != '/') {
		e->base_len = mw_append_path(s, MW_ACT_BODY, 0, &mw_as(task_struct, task)->fs->pwd, &state);
		e->base_state = state;
	}
	e->asked_len = mw_append_str(MW_ACT_BODY, e->base_len, n, MW_NAME_AT);
	return e->base_len + e->asked_len;
}

/* The socket behind e->fd, with what identifies it. NULL: there is none. */
static __always_inline struct sock *mw_net_socket(struct mw_ev_act *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = mw_fd_file(task, e->fd);
	struct socket *sock;
	struct inode *inode;
	struct mw_chan *c;
	struct sock *sk;
	__u64 key;

	if (!file)
		return NULL;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	sock = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(sock, sk);
	if (!sk)
		return NULL;
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->num[2] = BPF_CORE_READ(sk, sk_type);
	e->num[3] = BPF_CORE_READ(sk, sk_protocol);
	key = (__u64)sk;
	c = mw_chan_entry(&key, e->ino);
	if (c) {
		e->chan = key ^ cfg_secret;
		e->gen = c->gen;
	}
	return sk;
}

__noinline int mw_net_connect(void)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct sock *sk;
	__u16 family;
	__u32 off;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_CONNECT);
	e->fd = s->call.arg[0];
	sk = mw_net_socket(e);
	family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (family == AF_UNIX) {
		off = mw_unix_append(
		    s, mw_unix_bound(s, (void *)BPF_CORE_READ((struct unix_sock *)sk, peer)));
		if (off) {
			e->path_state = MW_PATH_FULL;
			e->peer.family = AF_UNIX;
			e->peer_from = 1;
			goto out;
		}
	} else if (family == AF_INET || family == AF_INET6) {
		mw_sock_addrs(sk, family, &e->local, &e->peer);
		if (e->peer.port) {
			e->peer_from = 1;
			off = 0;
			goto out;
		}
		__builtin_memset(&e->peer, 0, sizeof(e->peer));
	}
	off =
	    mw_unix_append(s, mw_sockaddr_load(s, &e->peer, s->call.arg[1], (__u32)s->call.arg[2]));
out:
	return mw_send(MW_ACT_BODY + off);
}

/* bind tells what was asked for as `peer`; both tell what the socket has as `local`. */
__noinline int mw_net_bind(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct mw_addr none = {};
	struct sock *sk;
	__u32 n = 0, bound = 0;
	__u16 family;

	if (!s)
		return 0;
	e = mw_act_begin(s, class == MW_C_BIND ? MW_OP_BIND : MW_OP_LISTEN);
	e->fd = s->call.arg[0];
	if (class == MW_C_LISTEN)
		e->num[0] = (__s64)(__s32)s->call.arg[1];
	sk = mw_net_socket(e);
	family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (family == AF_INET || family == AF_INET6) {
		mw_sock_addrs(sk, family, &e->local, &e->peer);
		e->peer = none;
	}
	if (class == MW_C_BIND)
		n = mw_sockaddr_load(s, &e->peer, s->call.arg[1], (__u32)s->call.arg[2]);
	if (family == AF_UNIX) {
		e->local.family = AF_UNIX;
		if (s->call.ret == 0)
			bound = mw_unix_bound(s, (void *)sk);
	}
	if (bound) /* by itself, too: an autobind has no other name */
		e->path_state = MW_PATH_FULL;
	return mw_send(MW_ACT_BODY + mw_unix_append(s, bound ? bound : n));
}

__noinline int mw_net_accept(void)
{
	struct mw_scratch *s = mw_scratch_get();
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_connect conn = {};
	struct mw_ev_act *e;
	bool tcp = false;
	struct sock *sk;
	__u16 family;
	__u32 off = 0;
	__u64 key;

	/* how an event loop learns that nobody is there */
	if (!s || s->call.ret == -EAGAIN)
		return 0;
	e = mw_act_begin(s, MW_OP_ACCEPT);
	e->fd = s->call.ret >= 0 ? s->call.ret : s->call.arg[0];
	sk = mw_net_socket(e);
	family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (family == AF_INET || family == AF_INET6) {
		mw_sock_addrs(sk, family, &e->local, &e->peer);
		tcp = s->call.ret >= 0 && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
		if (s->call.ret < 0)
			__builtin_memset(&e->peer, 0, sizeof(e->peer));
	} else if (family == AF_UNIX) {
		/* who connects seldom has a name: the one it came by */
		e->local.family = AF_UNIX;
		e->path_state = MW_PATH_FULL;
		off = mw_unix_append(s, mw_unix_bound(s, (void *)sk));
	}
	conn.gen = e->gen;
	conn.ino = e->ino;
	conn.tgid = task->tgid;
	conn.start_ns = e->hdr.start_ns;
	mw_send(MW_ACT_BODY + off);
	if (!tcp)
		return 0;
	key = (__u64)sk;
	if (bpf_map_update_elem(&conns, &key, &conn, BPF_ANY))
		mw_count(lost_table, 1);
	else if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		mw_close(key, conn.ino, MW_CLOSE_BOTH); /* before it was accepted */
	return 0;
}

#endif
