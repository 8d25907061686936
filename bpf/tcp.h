/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * tcp.h - what the states of TCP sockets tell: listeners, clients of MCP ports, connects, ends
 *
 * A state changes in process context or in softirq, then on top of whatever runs; so nothing here
 * uses the scratch, and events are made in the ring itself.
 */
#ifndef MW_BPF_TCP_H
#define MW_BPF_TCP_H

#include "chan.h"
#include "filter.h"

/* The address as a number; of a pointer it knows the verifier allows no arithmetic. */
static __always_inline __u64 mw_sock_key(struct sock *sk)
{
	__u64 key = 0;

	bpf_probe_read_kernel(&key, sizeof(key), &sk);
	return key;
}

/* A socket that is closed has given its port back already, and still has it here. */
static __always_inline __u16 mw_sock_port_of_closed(struct sock *sk)
{
	return __builtin_bswap16(mw_load(inet_sock, sk, inet_sport));
}

/* --- ports ----------------------------------------------------------------------------------- */

static __always_inline void mw_listen_begin(struct sock *sk)
{
	struct mw_ports *p = mw_ports_get();
	__u64 port = mw_port_index(sk->__sk_common.skc_num);

	if (!cfg_watch_execs || !p)
		return;
	__sync_fetch_and_add(&p->listening[port], 1);
	mw_tag_add(bpf_get_current_pid_tgid() >> 32, MW_TAG_LISTENER);
}

static __always_inline void mw_listen_end(struct sock *sk)
{
	struct mw_ports *p = mw_ports_get();
	__u64 port = mw_port_index(mw_sock_port_of_closed(sk));

	/* one that listened before us and was not found may end */
	if (cfg_watch_execs && p && p->listening[port])
		__sync_fetch_and_add(&p->listening[port], -1);
}

/* --- connects -------------------------------------------------------------------------------- */

/* Somebody begins a connect: of a watched process the end will come without it. */
static __always_inline void mw_connect_begin(struct sock *sk)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, tag = mw_tag_of(tgid);
	struct mw_connect conn = {};
	struct mw_chan *c;
	__u64 key;

	if (!(tag & MW_TAG_WHOLE)) {
		if (mw_port_is_mcp(__builtin_bswap16(sk->__sk_common.skc_dport)))
			mw_tag_add(tgid, MW_TAG_STREAM);
		return;
	}
	key = mw_sock_key(sk);
	conn.ino = mw_socket_ino(mw_as(sock, sk)->sk_socket);
	c = mw_chan_entry(&key, conn.ino);
	if (!c)
		return;
	/* a socket may be connected again */
	c->closed = 0;
	conn.gen = c->gen;
	conn.tgid = tgid;
	conn.start_ns = mw_start_ns(bpf_get_current_task_btf());
	if (bpf_map_update_elem(&connects, &key, &conn, BPF_ANY))
		mw_count(lost_table, 1);
}

static __always_inline void mw_connect_end(struct sock *sk, __s32 err)
{
	__u64 key = mw_sock_key(sk);
	struct mw_connect *conn = bpf_map_lookup_elem(&connects, &key);
	struct mw_cpu *c = mw_cpu_get();
	struct mw_ev_sock *e;
	__u64 seq;
	__u32 cpu;

	if (!conn || !c)
		return;
	if (!err && bpf_map_update_elem(&conns, &key, conn, BPF_ANY))
		__sync_fetch_and_add(&c->lost_table, 1);
	seq = mw_seq_softirq(c, &cpu);
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&c->lost_ring, 1);
		goto out;
	}
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_softirq(&e->hdr, sizeof(*e), MW_EV_SOCK, seq, cpu);
	e->chan = key ^ cfg_secret;
	e->gen = conn->gen;
	e->ino = conn->ino;
	mw_sock_addrs(sk, sk->__sk_common.skc_family, &e->local, &e->peer);
	e->err = err;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
out:
	bpf_map_delete_elem(&connects, &key);
}

/* --- ends ------------------------------------------------------------------------------------ */

/*
 * What went each way. The acknowledgment of our FIN is no data, nor is the FIN that came, which
 * bytes_received counts (tcp_rcv_nxt_update with its end_seq).
 */
static __always_inline void mw_tcp_bytes(struct sock *sk, struct mw_ev_close *e)
{
	e->sent = mw_load(tcp_sock, sk, bytes_sent) - mw_load(tcp_sock, sk, bytes_retrans) +
		  (__u32)(mw_load(tcp_sock, sk, write_seq) - mw_load(tcp_sock, sk, snd_nxt));
	e->received = mw_load(tcp_sock, sk, bytes_received);
	if (mw_load(sock, sk, __sk_common.skc_flags) >> SOCK_DONE & 1 && e->received)
		e->received--;
}

static __always_inline void mw_close_fill(struct mw_ev_close *e, __u64 key, __u32 how)
{
	struct sock *sk = (void *)key;

	e->chan = key ^ cfg_secret;
	e->netns = mw_sock_netns(sk);
	mw_sock_addrs(sk, mw_load(sock, sk, __sk_common.skc_family), &e->local, &e->peer);
	e->local.port = mw_sock_port_of_closed(sk);
	e->how = how;
	mw_tcp_bytes(sk, e);
}

/*
 * The entry of the channel stays: what was received before may still be read. Of a stream bytes are
 * known, and somebody wants them; a socket at the address of an older one that has no inode yet
 * (not accepted) is told by the bit: the older one had its end. A connection ends when its process
 * is done with it in both ways.
 */
static __always_inline void mw_close(__u64 key, __u64 ino, __u32 how)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_connect *conn = bpf_map_lookup_elem(&conns, &key), was = {};
	bool over = how == MW_CLOSE_BOTH ||
		    mw_load(sock, key, sk_shutdown) == (RCV_SHUTDOWN | SEND_SHUTDOWN);
	struct mw_chan *c = mw_chan_find(&key, ino);
	struct mw_cpu *counters = mw_cpu_get();
	__u32 cpu, tag, bit = 1u << how;
	bool stream, ended = false;
	struct mw_ev_close *e;
	__u64 seq;

	if (!counters)
		return;
	stream = c && c->off[0] | c->off[1] && c->verdict != MW_VERDICT_DROP && c->closed < bit &&
		 !(__sync_fetch_and_or(&c->closed, bit) & bit);
	if (conn && over) {
		was = *conn;
		ended = !bpf_map_delete_elem(&conns, &key);
	}
	if (!stream && !ended)
		return;
	seq = mw_seq_softirq(counters, &cpu);
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&counters->lost_ring, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	/* only a process ends its own side, and it does so itself */
	tag = how == MW_CLOSE_LOCAL ? mw_tag_of(task->tgid) : 0;
	if (tag)
		mw_hdr_fill(&e->hdr, task, MW_EV_CLOSE,
			    tag & (MW_TAG_WHOLE | MW_TAG_LISTENER) ? mw_tag_flags(tag)
								   : MW_EVF_STREAM);
	mw_hdr_softirq(&e->hdr, sizeof(*e), MW_EV_CLOSE, seq, cpu);
	mw_close_fill(e, key, how);
	e->gen = c ? c->gen : was.gen;
	e->ino = c ? c->ino : was.ino;
	e->ended = ended;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* --- connections of a process that ends ------------------------------------------------------ */

/* So many fds of it are looked at. */
#define MW_FDS_EXIT 65536

static long mw_exit_fd(__u32 fd, void *unused)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_close *e;
	struct mw_connect *conn;
	struct file *file;
	__u64 gen, ino, key;

	if (!s || fd >= mw_as(task_struct, task)->files->fdt->max_fds)
		return 1;
	file = mw_fd_file(task, fd);
	if (!file)
		return 0;
	mw_end_of(&s->end, file, MW_DIR_WRITE);
	if (s->end.kind < MW_CHAN_TCP4)
		return 0;
	conn = bpf_map_lookup_elem(&conns, &s->end.key);
	if (!conn || conn->tgid != task->tgid)
		return 0;
	gen = conn->gen;
	ino = conn->ino;
	if (bpf_map_delete_elem(&conns, &s->end.key))
		return 0;
	key = s->end.key;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_CLOSE, mw_tag_flags(s->call.tag));
	mw_close_fill(e, key, MW_CLOSE_EXIT);
	e->gen = gen;
	e->ino = ino;
	e->ended = 1;
	mw_send(sizeof(*e));
	return 0;
}

/* --- states ---------------------------------------------------------------------------------- */

/* What both programs do; see mcpwatch.bpf.c. Each thing is done by the first of them. */
static __always_inline void mw_sock_changed(struct sock *sk, int oldstate, int newstate)
{
	if (oldstate == TCP_SYN_SENT || oldstate == TCP_SYN_RECV) {
		/* closed without an error: it was the process that gave up */
		if (newstate == TCP_ESTABLISHED)
			mw_connect_end(sk, 0);
		else if (newstate == TCP_CLOSE)
			mw_connect_end(sk, sk->sk_err ? sk->sk_err : ECONNABORTED);
		return;
	}
	if (newstate == TCP_FIN_WAIT1)
		mw_close(mw_sock_key(sk), mw_socket_ino(mw_as(sock, sk)->sk_socket), MW_CLOSE_LOCAL);
	else if (newstate == TCP_CLOSE_WAIT)
		mw_close(mw_sock_key(sk), mw_socket_ino(mw_as(sock, sk)->sk_socket), MW_CLOSE_PEER);
	else if (newstate == TCP_CLOSE)
		mw_close(mw_sock_key(sk), mw_socket_ino(mw_as(sock, sk)->sk_socket), MW_CLOSE_BOTH);
}

#endif
