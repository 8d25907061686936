/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * mcpwatch.bpf.c - the programs
 *
 * Everything hangs on the end of system calls and on the life of processes; nothing is kept between
 * the begin and the end of a call. A process without a tag leaves at the first test. `tp_btf` and
 * raw_tp load from 5.5 on, also where fentry, lsm and kprobes are refused; bpf_loop makes it 5.17.
 */
#include "maps.h"
#include "compat.h"
#include "filter.h"
#include "emit.h"
#include "path.h"
#include "chan.h"
#include "io.h"
#include "file.h"
#include "fileops.h"
#include "net.h"
#include "tcp.h"
#include "dgram.h"
#include "kernelops.h"
#include "procops.h"
#include "uring.h"
#include "uv.h"
#include "proc.h"
#include "iter.h"

/* -ERESTARTSYS .. -ERESTART_RESTARTBLOCK: the call goes on, its end comes later */
#define MW_RESTART_FIRST (-516)
#define MW_RESTART_LAST (-512)

/* Does what a call of this class is for. The class of a call on a datagram socket, for mw_dgram;
 * else 0. */
static __always_inline int mw_dispatch(struct mw_scratch *s, __u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (class < MW_C_SPLICE || class == MW_C_VMSPLICE) {
		/* of bytes that did not move, only datagrams that were not sent are told */
		if (s->call.ret <= 0)
			return mw_dgram_unsent(class);
		return mw_io_read_write(s, task, class);
	}
	if (class >= MW_C_FILE_FIRST && class <= MW_C_FILE_LAST)
		return mw_file_op(class);
	switch (class) {
	case MW_C_CLOSE:
	case MW_C_CLOSE_RANGE:
	case MW_C_DUP2:
		return mw_file_close(class);
	case MW_C_OPEN:
	case MW_C_OPENAT:
	case MW_C_OPENAT2:
	case MW_C_OPEN_HANDLE:
	case MW_C_CREAT:
		return mw_file_open(class);
	case MW_C_UNLINK:
	case MW_C_UNLINKAT:
	case MW_C_RMDIR:
		return mw_file_unlink(class);
	case MW_C_RENAME:
	case MW_C_RENAMEAT:
		return mw_file_rename(class);
	case MW_C_CONNECT:
		return mw_net_connect();
	case MW_C_EXECVE:
	case MW_C_EXECVEAT:
		return mw_file_exec_failed(class);
	case MW_C_SPLICE:
	case MW_C_SENDFILE:
	case MW_C_TEE:
		return mw_io_move(s, task, class);
	case MW_C_KILL ... MW_C_CLONE3:
		return mw_procops(class);
	case MW_C_BIND:
	case MW_C_LISTEN:
		return mw_net_bind(class);
	case MW_C_ACCEPT:
		return mw_net_accept();
	case MW_C_BPF ... MW_C_MODULE_DELETE:
		return mw_kernel_call(class);
	}
	return 0;
}

/*
 * The end of a system call of a thread that is not known to be untagged. 1: it stands in the
 * scratch; 0: there is nothing to do.
 */
static __noinline int mw_call_end(__u64 at, __s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 nr, now = *(volatile __u64 *)&epoch;
	__u32 class, tag = mw_tag_of(task->tgid); /* only after the epoch was read */
	struct mw_scratch *s;
	struct pt_regs *regs;
	bool compat, narrow, whole;

	if (!tag) {
		stacks[mw_stack_slot(at)] = at ^ now;
		return 0;
	}
	regs = cfg_cast ? bpf_rdonly_cast((void *)at, bpf_core_type_id_kernel(struct pt_regs))
			: (void *)bpf_task_pt_regs(task);
	mw_call_number(task, regs, &nr, &compat, &narrow);
	class = mw_call_class(nr, compat);
	if (class == MW_C_NONE)
		return 0;
	s = mw_scratch_get();
	if (!s)
		return 0;
	mw_call_args(regs, compat, s->call.arg);
	if (class == MW_C_SOCKETCALL)
		class = mw_socketcall(&s->call);
	whole = tag & MW_TAG_WHOLE;
	if (class == MW_C_NONE ||
	    (class <= MW_C_IO_LAST && ret <= 0 && !(whole && mw_class_sends(class))) ||
	    (class > MW_C_IO_LAST && !whole) || (ret >= MW_RESTART_FIRST && ret <= MW_RESTART_LAST))
		return 0;
	s->call.ret = ret;
	s->call.nr = nr;
	s->call.class = class;
	s->call.tag = tag;
	s->call.compat = compat;
	s->call.narrow = narrow;
	s->wake = 0;
	mw_task_forget(s);
	return 1;
}

/*
 * From the program itself, one after the other: 6.1 has 512 bytes of stack for all that call. The
 * class is read from memory: as an argument the verifier has it with each value it may have, and
 * goes all ways with each of them.
 */
static __noinline int mw_call_do(void)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 class;
	int dgram;

	if (!s)
		return 0;
	class = s->call.class;
	/* most fds that are closed moved no bytes on a file: for whom need not be known */
	if (class == MW_C_CLOSE && !mw_fd_known(s->call.arg[0]))
		return 0;
	if (class >= MW_C_SPLICE) /* of bytes that are taken it is read there, if they are wanted */
		mw_task_take();
	dgram = mw_dispatch(s, class);
	if (dgram <= 0)
		return 0;
	mw_task_take();
	return mw_dgram(dgram);
}

/*
 * Every system call of every process comes by here, so what stands before the test is counted in
 * nanoseconds: no call, nothing saved on the stack. The rest is a function of its own, as its
 * registers and stack would be paid for here. Not tp_btf: there the address of the registers is no
 * number.
 */
SEC("raw_tp/sys_exit")
int mw_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 at = ctx->args[0];

	if (stacks[mw_stack_slot(at)] == (at ^ epoch))
		return 0;
	/* most calls of a watched process are none of ours either */
	if (cfg_cast && !mw_call_may(at))
		return 0;
	return mw_call_end(at, ctx->args[1]) ? mw_call_do() : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(mw_sched_fork, struct task_struct *parent, struct task_struct *child)
{
	mw_fork(parent, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(mw_sched_exec, struct task_struct *task)
{
	mw_exec(task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(mw_sched_exit, struct task_struct *task)
{
	mw_exit(task);
	return 0;
}

/*
 * Two programs for one thing: a program does not run on top of itself, and softirq that
 * interrupts it may bring the ends of a whole batch of connects. What one of the two misses so,
 * the other does.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(mw_sock_state, struct sock *sk, int oldstate, int newstate)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	/*
	 * These three are in process context, where nothing of the kind is below us. What leaves
	 * TCP_LISTEN otherwise is a new connection: it begins as a copy of its listener.
	 */
	if (newstate == TCP_SYN_SENT)
		mw_connect_begin(sk);
	else if (newstate == TCP_LISTEN)
		mw_listen_begin(sk);
	else if (oldstate == TCP_LISTEN && newstate == TCP_CLOSE)
		mw_listen_end(sk);
	else if (oldstate != TCP_LISTEN) /* an accepted one is a copy of its listener at first */
		mw_sock_changed(sk, oldstate, newstate);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(mw_sock_state_2, struct sock *sk, int oldstate, int newstate)
{
	if (sk->sk_protocol == IPPROTO_TCP && oldstate != TCP_LISTEN)
		mw_sock_changed(sk, oldstate, newstate);
	return 0;
}

/* --- what unlink and rename act on: loaded where the kernel allows fentry --------------------- */

SEC("fentry/security_path_unlink")
int BPF_PROG(mw_path_unlink, const struct path *dir, struct dentry *dentry)
{
	mw_hook_one(dir, dentry);
	return 0;
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(mw_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	mw_hook_one(dir, dentry);
	return 0;
}

SEC("fentry/security_path_rename")
int BPF_PROG(mw_path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry)
{
	mw_hook_two(old_dir, old_dentry, new_dir, new_dentry);
	return 0;
}

/* --- io_uring: each loaded where the kernel has it ------------------------------------------- */

/* 6.3 and later */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(mw_uring_submit_req, struct io_kiocb *req)
{
	mw_uring_submit(req);
	return 0;
}

SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(mw_uring_submit_sqe, struct io_kiocb *req)
{
	mw_uring_submit(req);
	return 0;
}

/*
 * Arguments: the ring, the request or NULL for one of several ends, and until 6.15 user_data and
 * result, later the struct io_uring_cqe they stand in.
 */
SEC("tp_btf/io_uring_complete")
int mw_uring_complete(__u64 *ctx)
{
	struct io_uring_cqe *cqe;
	void *req = (void *)ctx[1];

	if (req) {
		mw_uring_end(req);
	} else if (cfg_uring_cqe) {
		cqe = (void *)ctx[2];
		mw_uring_more((void *)ctx[0], cqe->user_data, cqe->res);
	} else {
		mw_uring_more((void *)ctx[0], ctx[2], (__s32)ctx[3]);
	}
	return 0;
}

/* --- libuv: attached to the processes that have it; how, says loader.h ------------------------ */

SEC("uprobe")
int mw_uv_call(struct pt_regs *ctx)
{
	return mw_uv_wanted() ? mw_uv_called(ctx, bpf_get_attach_cookie(ctx)) : 0;
}

SEC("uprobe")
int mw_uv_begin(struct pt_regs *ctx)
{
	return mw_uv_wanted() ? mw_uv_began(ctx, bpf_get_attach_cookie(ctx)) : 0;
}

SEC("uretprobe")
int mw_uv_end(struct pt_regs *ctx)
{
	return mw_uv_wanted() ? mw_uv_ended(ctx) : 0;
}

/* --- asked by user space, run in its context ------------------------------------------------- */

/* Remembers the caller's root directory; tells it its pid as we see it. */
SEC("syscall")
int mw_init(struct mw_init_arg *arg)
{
	struct task_struct *task = bpf_get_current_task_btf();

	own_root_mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);
	own_root_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	arg->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/* In place, as an update from user space would undo offsets that moved meanwhile. */
SEC("syscall")
int mw_chan_decide(struct mw_decide *arg)
{
	__u64 key = arg->chan ^ cfg_secret;
	struct mw_chan *c = bpf_map_lookup_elem(&chans, &key);

	if (!c || (arg->gen && c->gen != arg->gen))
		return 1;
	c->verdict = arg->verdict;
	return 0;
}

SEC("syscall")
int mw_chan_watch(struct mw_watch *arg)
{
	__u64 key = arg->chan ^ cfg_secret;

	return mw_chan_entry(&key, arg->ino) ? 0 : 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
