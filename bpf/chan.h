/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * chan.h - from an open file to a channel: kind, identity, addresses
 *
 * The identity is the kernel object (pipe_inode_info or sock) and the time of its first touch. A
 * file descriptor, a struct file or a process says nothing: all of them change while the bytes go
 * on.
 */
#ifndef MW_BPF_CHAN_H
#define MW_BPF_CHAN_H

#include "emit.h"

static __always_inline struct file *mw_fd_file(struct task_struct *task, __s64 fd)
{
	struct fdtable *fdt = mw_as(task_struct, task)->files->fdt;
	__u32 i = fd;

	if (fd < 0 || i >= fdt->max_fds)
		return NULL;
	/* a struct of one pointer stands for the pointer itself: mw_load has fields only */
	return (void *)mw_load(hlist_head, &fdt->fd[i], first);
}

/* The entry of a kernel object, if there is one and it is not of another object that was here
 * before. */
static __always_inline struct mw_chan *mw_chan_find(const __u64 *key, __u64 ino)
{
	struct mw_chan *c = bpf_map_lookup_elem(&chans, key);

	return c && ino && c->ino && c->ino != ino ? NULL : c;
}

/* The same; made at the first touch and when the address has a new object. */
static __always_inline struct mw_chan *mw_chan_entry(const __u64 *key, __u64 ino)
{
	struct mw_chan *c = bpf_map_lookup_elem(&chans, key);
	struct mw_chan fresh = { .ino = ino };
	bool reused = c && ino && c->ino && c->ino != ino;

	if (c && !reused) {
		if (!c->ino)
			c->ino = ino;
		return c;
	}
	fresh.gen = bpf_ktime_get_boot_ns();
	/* NOEXIST: of two cpus that meet here one makes the entry, both use it */
	bpf_map_update_elem(&chans, key, &fresh, reused ? BPF_ANY : BPF_NOEXIST);
	c = bpf_map_lookup_elem(&chans, key);
	if (!c)
		mw_count(lost_table, 1);
	return c;
}

static __always_inline __u16 mw_sock_port(struct sock *sk)
{
	return mw_load(sock, sk, __sk_common.skc_num);
}

static __always_inline __u16 mw_sock_peer_port(struct sock *sk)
{
	return __builtin_bswap16(mw_load(sock, sk, __sk_common.skc_dport));
}

/* Both must be cleared. */
static __always_inline void mw_sock_addrs(struct sock *sk, __u16 family, struct mw_addr *local,
					  struct mw_addr *peer)
{
	if (family == AF_INET) {
		*(__u32 *)local->ip = mw_load(sock, sk, __sk_common.skc_rcv_saddr);
		*(__u32 *)peer->ip = mw_load(sock, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)local->ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)peer->ip, sk, __sk_common.skc_v6_daddr);
	}
	local->port = mw_sock_port(sk);
	peer->port = mw_sock_peer_port(sk);
	local->family = family;
	peer->family = family;
}

static __always_inline __u64 mw_sock_netns(struct sock *sk)
{
	struct net *net = mw_load(sock, sk, __sk_common.skc_net.net);

	return mw_load(net, net, ns.inum);
}

/*
 * What `file` is as a carrier of bytes in direction `dir`. That matters for unix sockets: what we
 * read is the channel that our peer writes. Addresses become numbers by the way through the memory
 * of the scratch: of a pointer it knows the verifier allows no arithmetic.
 */
static __always_inline void mw_end_of(struct mw_end *end, struct file *file, __u32 dir)
{
	struct inode *inode = mw_load(file, file, f_inode);
	__u16 type = mw_load(inode, inode, i_mode) & S_IFMT;
	struct sock *sk, *peer;
	struct socket *sock;
	__u16 sk_type;

	end->kind = 0;
	end->dgram = 0;
	end->sk = 0;
	end->other = 0;
	end->type = type;
	*(volatile __u64 *)&end->inode = (__u64)inode;
	if (type == S_IFIFO) {
		*(volatile __u64 *)&end->key = (__u64)mw_load(inode, inode, i_pipe);
		end->ino = mw_load(inode, inode, i_ino);
		end->kind = end->key ? MW_CHAN_PIPE : 0;
		return;
	}
	if (type != S_IFSOCK)
		return;
	sock = mw_load(file, file, private_data);
	sk = mw_load(socket, sock, sk);
	if (!sk)
		return;
	sk_type = mw_load(sock, sk, sk_type);
	end->family = mw_load(sock, sk, __sk_common.skc_family);
	*(volatile __u64 *)&end->sk = (__u64)sk;
	end->dgram = sk_type == SOCK_DGRAM || sk_type == SOCK_RAW;
	if (sk_type != SOCK_STREAM)
		return;
	*(volatile __u64 *)&end->key = (__u64)sk;
	if (end->family == AF_UNIX) {
		peer = mw_load(unix_sock, sk, peer);
		if (dir == MW_DIR_READ) {
			*(volatile __u64 *)&end->key = (__u64)peer;
			*(volatile __u64 *)&end->other = (__u64)sk;
			/* NULL once the peer has closed */
			end->ino = mw_socket_ino(mw_load(sock, peer, sk_socket));
		} else {
			*(volatile __u64 *)&end->other = (__u64)peer;
			end->ino = mw_socket_ino(sock);
		}
		end->kind = end->key ? MW_CHAN_UNIX : 0;
	} else if ((end->family == AF_INET || end->family == AF_INET6) &&
		   mw_load(sock, sk, sk_protocol) == IPPROTO_TCP) {
		end->other = end->key;
		end->ino = mw_socket_ino(sock);
		end->kind = end->family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6;
	}
}

static __always_inline __u64 mw_chan_name(__u64 key)
{
	return key ? key ^ cfg_secret : 0;
}

/* --- ports ----------------------------------------------------------------------------------- */

static __always_inline struct mw_ports *mw_ports_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ports, &zero);
}

/* clang proves the bound from the type, the verifier has lost it in a byte swap. */
static __always_inline __u64 mw_port_index(__u16 port)
{
	__u64 i = port;

	asm volatile("" : "+r"(i));
	return i & 0xffff;
}

static __always_inline bool mw_port_listens(__u16 port)
{
	struct mw_ports *p = mw_ports_get();

	return p && p->listening[mw_port_index(port)];
}

static __always_inline bool mw_port_is_mcp(__u16 port)
{
	struct mw_ports *p = mw_ports_get();

	return p && p->mcp[mw_port_index(port)];
}

#endif
