/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * chan.h - from a file descriptor to a channel: kind, identity, addresses
 *
 * The identity is the kernel object (pipe_inode_info or sock) and the time of its first touch. A
 * file descriptor, a struct file or a process says nothing: all of them change while the bytes go on.
 */
#ifndef MW_BPF_CHAN_H
#define MW_BPF_CHAN_H

#include "emit.h"

static __always_inline struct file *mw_fd_file(struct task_struct *task, __s64 fd)
{
	struct fdtable *fdt = task->files->fdt;
	struct file *file = NULL;
	__u32 i = fd;

	if (fd < 0 || i >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &fdt->fd[i]);
	return file;
}

/* The entry of a kernel object; made at the first touch and when the address has a new object. */
static __always_inline struct mw_chan *mw_chan_entry(__u64 key, __u64 ino)
{
	struct mw_chan *c = bpf_map_lookup_elem(&chans, &key);
	struct mw_chan fresh = { .ino = ino };
	bool reused = c && ino && c->ino != ino;

	if (c && !reused)
		return c;
	fresh.gen = bpf_ktime_get_boot_ns();
	/* NOEXIST: of two cpus that meet here one makes the entry, both use it */
	bpf_map_update_elem(&chans, &key, &fresh, reused ? BPF_ANY : BPF_NOEXIST);
	c = bpf_map_lookup_elem(&chans, &key);
	if (!c)
		mw_count(lost_table, 1);
	return c;
}

static __always_inline void mw_sock_addrs(struct sock *sk, __u16 family, struct mw_addr *local,
					  struct mw_addr *peer)
{
	if (family == AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)local->ip, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)peer->ip, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)local->ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)peer->ip, sk, __sk_common.skc_v6_daddr);
	}
	local->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	peer->port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	local->family = family;
	peer->family = family;
}

/* What an fd is as a carrier of bytes. */
struct mw_end {
	__u64 key; /* of the channel */
	__u64 ino;
	struct sock *sk; /* the own socket, NULL for a pipe */
	__u32 kind;	 /* enum mw_chan_kind, 0: not ours */
	__u32 family;
};

/* `dir` matters for unix sockets: what we read is the channel that our peer writes. */
static __always_inline void mw_end_of(struct file *file, __u32 dir, struct mw_end *end)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u16 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	struct socket *sock;
	struct sock *sk;

	end->kind = 0;
	end->sk = NULL;
	if (type == S_IFIFO) {
		end->key = (__u64)BPF_CORE_READ(inode, i_pipe);
		end->ino = BPF_CORE_READ(inode, i_ino);
		end->kind = end->key ? MW_CHAN_PIPE : 0;
		return;
	}
	if (type != S_IFSOCK)
		return;
	sock = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(sock, sk);
	if (!sk || BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return;
	end->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	end->sk = sk;
	end->key = (__u64)sk;
	if (end->family == AF_UNIX) {
		if (dir == MW_DIR_READ) {
			sk = BPF_CORE_READ((struct unix_sock *)sk, peer);
			sock = BPF_CORE_READ(sk, sk_socket); /* NULL once the peer has closed */
			end->key = (__u64)sk;
		}
		end->ino = mw_socket_ino(sock);
		end->kind = end->key ? MW_CHAN_UNIX : 0;
	} else if ((end->family == AF_INET || end->family == AF_INET6) &&
		   BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP) {
		end->ino = mw_socket_ino(sock);
		end->kind = end->family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6;
	}
}

#endif
