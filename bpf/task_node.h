/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* task_node.h - which libuv callback a thread is in; uv.h says when it begins and ends */
#ifndef MW_BPF_TASK_NODE_H
#define MW_BPF_TASK_NODE_H

#include "maps.h"
#include "filter.h"

#define MW_UV_DEPTH 4

/* A callback that runs. */
struct mw_uv_frame {
	__u64 sp; /* at its entry: it is gone when the stack pointer is above */
	__u64 task;
};

struct mw_uv_thread {
	__u64 start_ns; /* the thread's: of another one the entry does not hold */
	struct mw_uv_frame frame[MW_UV_DEPTH];
	__u32 depth; /* frames that are there */
	__u32 unlearned_off;
	__u64 unlearned; /* see mw_uv_look_back */
	/* what was read outside of all callbacks: the next one is told of it */
	__u64 read_task, read_buf;
	__s64 read_len;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tid */
	__type(value, struct mw_uv_thread);
} uv_threads SEC(".maps");

/* The last number given. */
__u64 uv_numbers SEC(".data") = 0;

static __always_inline __u64 mw_uv_number(void)
{
	return __sync_fetch_and_add(&uv_numbers, 1) + 1;
}

/* The entry of the current thread, or NULL. */
static __always_inline struct mw_uv_thread *mw_uv_thread(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = task->pid;
	struct mw_uv_thread *t = bpf_map_lookup_elem(&uv_threads, &tid);

	return t && t->start_ns == task->start_boottime ? t : NULL;
}

/* A new entry is a copy of this one, which stays empty: the stack has no room for it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_uv_thread);
} uv_empty SEC(".maps");

static __always_inline struct mw_uv_thread *mw_uv_thread_get(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_uv_thread *t = mw_uv_thread(), *empty;
	__u32 tid = task->pid, zero = 0;

	if (t)
		return t;
	empty = bpf_map_lookup_elem(&uv_empty, &zero);
	if (!empty || bpf_map_update_elem(&uv_threads, &tid, empty, BPF_ANY))
		mw_count(lost_table, 1);
	t = bpf_map_lookup_elem(&uv_threads, &tid);
	if (t)
		t->start_ns = task->start_boottime;
	return t;
}

/* Takes off the frames at and below `sp`: they are gone. */
static __always_inline void mw_uv_pop(struct mw_uv_thread *t, __u64 sp)
{
	__u32 d = t->depth;

	for (int i = MW_UV_DEPTH - 1; i >= 0; i--) {
		if (d > i && t->frame[i].sp <= sp)
			d = i;
	}
	t->depth = d;
}

/* Deeper than there is room, the innermost one has no task; so it is with those around it then. */
static __always_inline void mw_uv_push(struct mw_uv_thread *t, __u64 sp, __u64 task)
{
	__u64 d;

	mw_uv_pop(t, sp);
	d = t->depth;
	if (d >= MW_UV_DEPTH) {
		t->frame[MW_UV_DEPTH - 1].task = 0;
		return;
	}
	asm volatile("" : "+r"(d));
	if (d >= MW_UV_DEPTH)
		return;
	t->frame[d].sp = sp;
	t->frame[d].task = task;
	t->depth = d + 1;
}

/* Whether a callback runs. */
static __always_inline bool mw_uv_inside(const struct mw_uv_thread *t, __u64 sp)
{
	__u64 d = t->depth;

	asm volatile("" : "+r"(d));
	return d > 0 && d <= MW_UV_DEPTH && t->frame[d - 1].sp > sp;
}

static __always_inline __u64 mw_uv_current(struct mw_uv_thread *t, __u64 sp)
{
	__u64 d = t->depth;

	asm volatile("" : "+r"(d));
	return d > 0 && d <= MW_UV_DEPTH && t->frame[d - 1].sp > sp ? t->frame[d - 1].task : 0;
}

/*
 * The number that the read had which this callback is told of: same length, same buffer. 0: it is
 * told of none that was seen. `buf` is a uv_buf_t.
 */
static __always_inline __u64 mw_uv_read_taken(struct mw_uv_thread *t, __s64 len, __u64 buf)
{
	__u64 task = t->read_task, base = 0;

	t->read_task = 0;
	if (!task || t->read_len != len)
		return 0;
	bpf_probe_read_user(&base, sizeof(base), (void *)buf);
	return !t->read_buf || t->read_buf == base ? task : 0;
}

static __always_inline bool mw_uv_reads(__u32 class)
{
	return class == MW_C_READ || class == MW_C_RECVFROM || class == MW_C_RECVMSG ||
	       class == MW_C_READV;
}

static __always_inline void mw_task_node(struct mw_scratch *s, struct mw_event_hdr *h,
					 struct task_struct *task)
{
	struct mw_uv_thread *t = mw_uv_thread();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

	if (t)
		h->task = mw_uv_current(t, PT_REGS_SP_CORE(regs));
	/* libuv reads first and calls back then */
	if (h->task || h->type != MW_EV_IO || !mw_uv_reads(s->call.class) ||
	    (t && mw_uv_inside(t, PT_REGS_SP_CORE(regs))))
		return;
	t = mw_uv_thread_get();
	if (!t)
		return;
	t->read_task = h->task = mw_uv_number();
	t->read_len = s->call.ret;
	t->read_buf =
	    s->call.class == MW_C_READ || s->call.class == MW_C_RECVFROM ? s->call.arg[1] : 0;
}

#endif
