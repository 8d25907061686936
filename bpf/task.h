/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * task.h - on whose behalf a thread acts, in its runtime's own terms (mw_event_hdr.task)
 *
 * What is read is the memory and the registers of the observed process itself: a value is its word,
 * no more. A read that fails leaves 0.
 */
#ifndef MW_BPF_TASK_H
#define MW_BPF_TASK_H

#include "maps.h"
#include "compat.h"
#include "task_go.h"
#include "task_node.h"
#include "task_python.h"

/* Functions of their own, so that what they keep on the stack is not also Python's. */
__noinline int mw_task_of_go(struct mw_rt_go *rt)
{
	struct mw_scratch *s = mw_scratch_get();

	if (s && rt)
		mw_task_go((void *)s->ev, bpf_get_current_task_btf(), rt);
	return 0;
}

__noinline int mw_task_of_node(void)
{
	struct mw_scratch *s = mw_scratch_get();

	if (s)
		mw_task_node(s, (void *)s->ev, bpf_get_current_task_btf());
	return 0;
}

/*
 * Fills task and task_of of the header that stands in the scratch, of a process that the current
 * task is of. Global, so that the verifier looks at it once; and what it calls calls nothing more:
 * it stands where the stack of calls is nearly as deep as it may be (8).
 */
__noinline int mw_task_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_event_hdr *h;
	__u32 tgid = task->tgid;
	struct mw_runtime *rt;

	/* its registers and memory are those of the thread that made it, and of then */
	if (!s || task->flags & PF_IO_WORKER)
		return 0;
	h = (void *)s->ev;
	rt = bpf_map_lookup_elem(&runtimes, &tgid);
	if (!rt || rt->start_ns != h->start_ns)
		return 0;
	switch (rt->kind) {
	case MW_RT_GO:
		mw_task_of_go(&rt->go);
		break;
	case MW_RT_PYTHON:
		mw_task_python(s, task, &rt->python);
		if (s->py.faults)
			mw_count(task_faults, 1);
		break;
	case MW_RT_NODE:
		mw_task_of_node();
		break;
	}
	return 0;
}

/* Nothing is known of the task that acts. */
static __always_inline void mw_task_forget(struct mw_scratch *s)
{
	__builtin_memset(&s->who, 0, sizeof(s->who));
}

/*
 * Reads the task for the acts of a call, before they are made: the stack would not do from where
 * they are. What stands in the scratch's event is lost.
 */
static __noinline int mw_task_take(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_event_hdr *h;

	if (!s)
		return 0;
	h = (void *)s->ev;
	h->type = MW_EV_ACT;
	h->flags = 0;
	h->start_ns = mw_start_ns(task);
	h->task = 0;
	h->task_of = 0;
	mw_task_current();
	s->who.task = h->task;
	s->who.task_of = h->task_of;
	s->who.flags = h->flags;
	return 0;
}

/* What was read then. */
static __always_inline void mw_task_put(struct mw_scratch *s, struct mw_event_hdr *h)
{
	h->task = s->who.task;
	h->task_of = s->who.task_of;
	h->flags |= s->who.flags;
}

static __always_inline void mw_task_fill(struct mw_scratch *s, struct task_struct *task)
{
	mw_task_current();
}

#endif
