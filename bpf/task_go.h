/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* task_go.h - goroutines */
#ifndef MW_BPF_TASK_GO_H
#define MW_BPF_TASK_GO_H

#include "maps.h"
#include "compat.h"

/* Whether `g` may be one whose stack the thread stands on: the stack's bounds are its first words.
 */
static __always_inline bool mw_go_is_on(__u64 g, __u64 sp)
{
	__u64 stack[2];

	return g && !(g & 7) && !bpf_probe_read_user(stack, sizeof(stack), (void *)g) &&
	       stack[0] <= sp && sp <= stack[1];
}

/* The goroutine that has called C, where g is the stack its thread then runs on; 0: none. */
static __always_inline __u64 mw_go_caller(const struct mw_rt_go *rt, __u64 g)
{
	__u64 m, curg;
	__u8 in_c;

	if (bpf_probe_read_user(&m, sizeof(m), (void *)(g + rt->m)) ||
	    bpf_probe_read_user(&in_c, sizeof(in_c), (void *)(m + rt->incgo)) || in_c != 1 ||
	    bpf_probe_read_user(&curg, sizeof(curg), (void *)(m + rt->curg)))
		return 0;
	return curg;
}

static __always_inline bool mw_go_id(__u64 g, const struct mw_rt_go *rt, __u64 *ret)
{
	if (!g)
		return false; /* a thread of C's */
	if (bpf_probe_read_user(ret, sizeof(*ret), (void *)(g + rt->goid)) == 0)
		return true;
	mw_count(task_faults, 1);
	return false;
}

/*
 * From Go 1.17 on R14 has the current g on amd64 (src/cmd/compile/abi-internal.md), and a system
 * call leaves it as it was. C code has other things in it: so the stack must be that g's. The
 * runtime's own stacks (g0, gsignal) have goid 0. C runs on g0's, which then stands where the
 * thread's own memory has its g (asmcgocall in src/runtime/asm_amd64.s).
 */
static __always_inline void mw_task_go(struct mw_event_hdr *h, struct task_struct *task,
				       const struct mw_rt_go *rt)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	__u64 g = regs->r14, id, parent = 0;

	if (!mw_go_is_on(g, regs->sp)) {
		g = task->thread.fsbase + rt->tls;
		if (!rt->tls || bpf_probe_read_user(&g, sizeof(g), (void *)g))
			return;
	}
	if (!mw_go_id(g, rt, &id))
		return;
	if (!id && rt->tls) {
		g = mw_go_caller(rt, g);
		if (!mw_go_id(g, rt, &id))
			return;
	}
	if (id && rt->parent)
		bpf_probe_read_user(&parent, sizeof(parent), (void *)(g + rt->parent));
	h->task = id;
	h->task_of = parent;
}

#endif
