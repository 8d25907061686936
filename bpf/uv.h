/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * uv.h - libuv's requests, handles and callbacks, seen at its exported functions
 *
 * A task is a request (what a worker does for it, and its callback) or one callback of a handle.
 * While a callback runs, its task is the thread's, and all that is submitted meanwhile is born of
 * it. The end of a callback is its return; where that was not seen, its frame is known to be gone
 * by the stack pointer.
 *
 * Invariants
 *  1. A thread has a task only between the begin and the return of a callback that has a probe. One
 * whose request is not known has the task 0, also inside of another one.
 *  2. A number is given once, whatever happens to the tables: it is the host's, no process's.
 *  3. What a process claims changes its own tasks alone: every key has its tgid or tid.
 *
 * Programs on uprobes may be preempted: nothing here touches the scratch, and events carry no
 * number of their cpu. A table's entry of a thread is touched by that thread alone.
 */
#ifndef MW_BPF_UV_H
#define MW_BPF_UV_H

#include "maps.h"
#include "compat.h"
#include "emit.h"
#include "filter.h"

/* A request or handle, by its address. */
struct mw_uv_key {
	__u64 addr;
	__u64 tgid;
};

struct mw_uv_object {
	__u64 task;   /* request: its own; handle: what it calls back comes of it */
	__u64 closer; /* handle: what has closed it */
	__u8 handle;
	__u8 outside; /* handle: MW_UV_OUTSIDE */
	__u8 pad[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mw_uv_key);
	__type(value, struct mw_uv_object);
} uv_objects SEC(".maps");

/* Callbacks that user space has been told of, by their address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct mw_uv_key);
	__type(value, __u64); /* the process's start */
} uv_callbacks SEC(".maps");

/* User space listens no more. */
__u64 uv_off SEC(".data") = 0;

static __always_inline struct mw_uv_key mw_uv_key(__u64 addr)
{
	return (struct mw_uv_key){ addr, bpf_get_current_pid_tgid() >> 32 };
}

/* An event in the ring itself, without a number; NULL: counted as lost. */
static __always_inline void *mw_uv_reserve(__u64 len, __u16 type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_event_hdr *h = bpf_ringbuf_reserve(&ring, len, 0);

	if (!h) {
		mw_count(lost_ring, 1);
		return NULL;
	}
	mw_hdr_fill(h, task, type, mw_tag_flags(mw_tag_of(task->tgid)));
	h->len = len;
	h->seq = 0;
	h->cpu = MW_CPU_NONE;
	return h;
}

/* A new task that came of `parent`; its number. */
static __always_inline __u64 mw_uv_born(__u64 parent, __u64 child, __u32 kind)
{
	struct mw_ev_task *e = mw_uv_reserve(sizeof(struct mw_ev_task), MW_EV_TASK);

	if (!e)
		return child;
	e->hdr.task = parent;
	e->child = child;
	e->kind = kind;
	e->pad = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return child;
}

static __always_inline void mw_uv_learn(__u64 addr, __u64 cookie)
{
	struct mw_uv_key key = mw_uv_key(addr);
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 start = mw_start_ns(task);
	__u64 *known = bpf_map_lookup_elem(&uv_callbacks, &key);
	struct mw_uv_learn *e;

	if (known && *known == start)
		return;
	e = mw_uv_reserve(sizeof(*e), MW_EV_UV);
	if (!e)
		return;
	e->addr = addr;
	e->cookie = cookie;
	/* each callback once: soon is worth a wake-up */
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	bpf_map_update_elem(&uv_callbacks, &key, &start, BPF_ANY);
}

/* One field of the context at a time: the verifier wants to know which. */
#define MW_UV_REG(ctx, name)                                                                       \
	({                                                                                         \
		__u64 _v = (ctx)->name;                                                            \
		asm volatile("" : "+r"(_v));                                                       \
		_v;                                                                                \
	})

static __always_inline __u64 mw_uv_arg(struct pt_regs *ctx, __u32 i)
{
	__u64 v = 0;

	switch (i) {
	case 0:
		return MW_UV_REG(ctx, di);
	case 1:
		return MW_UV_REG(ctx, si);
	case 2:
		return MW_UV_REG(ctx, dx);
	case 3:
		return MW_UV_REG(ctx, cx);
	case 4:
		return MW_UV_REG(ctx, r8);
	case 5:
		return MW_UV_REG(ctx, r9);
	case 6: /* above the return address */
		bpf_probe_read_user(&v, sizeof(v), (void *)(MW_UV_REG(ctx, sp) + 8));
		return v;
	case MW_UV_OPTIONS:
		bpf_probe_read_user(&v, sizeof(v), (void *)MW_UV_REG(ctx, dx));
		return v;
	}
	return 0;
}

/*
 * Where a worker's function stands in no symbol table, it is taken from the request: the library
 * has put it there, and takes it away when the worker has done. So it is looked for a moment after
 * the submission.
 */
static __always_inline void mw_uv_look_back(struct mw_uv_thread *t)
{
	__u64 work = 0, at = t->unlearned;

	if (!at)
		return;
	t->unlearned = 0;
	bpf_probe_read_user(&work, sizeof(work), (void *)at);
	if (work)
		mw_uv_learn(work, MW_UV_WORK | (__u64)t->unlearned_off << 32);
}

/* What is written to or registered comes of `task` from now on. */
static __always_inline void mw_uv_touch(__u64 addr, __u64 task, bool closing)
{
	struct mw_uv_key key = mw_uv_key(addr);
	struct mw_uv_object *o = bpf_map_lookup_elem(&uv_objects, &key), new = { .handle = 1 };

	if (o && o->handle) {
		if (closing)
			o->closer = task;
		else
			o->task = task;
		return;
	}
	if (closing)
		new.closer = task;
	else
		new.task = task;
	if (bpf_map_update_elem(&uv_objects, &key, &new, BPF_ANY))
		mw_count(lost_table, 1);
}

static __always_inline void mw_uv_outside(__u64 addr)
{
	struct mw_uv_key key = mw_uv_key(addr);
	struct mw_uv_object new = { .handle = 1, .outside = 1 };

	if (bpf_map_update_elem(&uv_objects, &key, &new, BPF_ANY))
		mw_count(lost_table, 1);
}

static __always_inline void mw_uv_forget(__u64 addr)
{
	struct mw_uv_key key = mw_uv_key(addr);

	bpf_map_delete_elem(&uv_objects, &key);
}

static __always_inline void mw_uv_submit(__u64 addr, __u64 parent, __u32 kind)
{
	struct mw_uv_key key = mw_uv_key(addr);
	struct mw_uv_object new = { .task = mw_uv_number() };

	if (bpf_map_update_elem(&uv_objects, &key, &new, BPF_ANY))
		mw_count(lost_table, 1);
	mw_uv_born(parent, new.task, kind);
}

static __always_inline int mw_uv_called(struct pt_regs *ctx, __u64 cookie)
{
	__u32 call = cookie >> 24 & 15, kind = cookie >> 16 & 15, begin = cookie >> 20 & 15;
	__u32 written = cookie >> 4 & 15, off = cookie >> 32;
	struct mw_uv_thread *t = mw_uv_thread();
	__u64 task = t ? mw_uv_current(t, PT_REGS_SP(ctx)) : 0;
	__u64 x = mw_uv_arg(ctx, cookie & 15), cb = mw_uv_arg(ctx, cookie >> 8 & 15), work;

	if (t)
		mw_uv_look_back(t);
	if (call == MW_UV_OUTSIDE) {
		mw_uv_outside(x);
		return 0;
	}
	if (written != MW_UV_NONE)
		mw_uv_touch(mw_uv_arg(ctx, written), task, false);
	/* not called back: done when it returns, or of no interest to who asked */
	if (!cb) {
		if (call == MW_UV_CLOSING || off)
			mw_uv_forget(x);
		return 0;
	}
	if (call == MW_UV_SUBMIT)
		mw_uv_submit(x, task, kind);
	else
		mw_uv_touch(x, task, call == MW_UV_CLOSING);
	mw_uv_learn(cb, begin);
	if (off && t) {
		t->unlearned = x + off;
		t->unlearned_off = off;
	}
	if ((cookie >> 12 & 15) == MW_UV_NONE)
		return 0;
	work = mw_uv_arg(ctx, cookie >> 12 & 15);
	if (work)
		mw_uv_learn(work, MW_UV_WORK);
	return 0;
}

/* The task of a callback of a handle. */
static __always_inline __u64 mw_uv_again(struct pt_regs *ctx, struct mw_uv_thread *t,
					 struct mw_uv_object *o, __u32 begin)
{
	__u64 parent = o && o->handle && !o->outside ? o->task : 0, child = 0;

	if (begin == MW_UV_CLOSED)
		return mw_uv_born(o && o->handle ? o->closer : 0, mw_uv_number(), MW_TASK_CLOSE);
	if (begin == MW_UV_EXIT)
		return mw_uv_born(parent, mw_uv_number(), MW_TASK_EXIT);
	if (begin == MW_UV_ACCEPT)
		return mw_uv_born(0, mw_uv_number(), MW_TASK_READ);
	child = mw_uv_read_taken(t, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	return mw_uv_born(parent, child ? child : mw_uv_number(), MW_TASK_READ);
}

static __always_inline int mw_uv_began(struct pt_regs *ctx, __u64 cookie)
{
	struct mw_uv_key key = mw_uv_key(PT_REGS_PARM1(ctx) - (cookie >> 32));
	struct mw_uv_object *o = bpf_map_lookup_elem(&uv_objects, &key);
	struct mw_uv_thread *t = mw_uv_thread_get();
	__u32 begin = cookie & 15;
	__u64 task;

	if (!t)
		return 0;
	if (begin == MW_UV_WORK && (!o || o->handle)) {
		/*
		 * Of a request without a callback, done on the spot: it is whose callback it is
		 * done in. In a worker: of one not known; what it did before is over.
		 */
		mw_uv_pop(t, PT_REGS_SP(ctx));
		return 0;
	}
	if (begin == MW_UV_DONE || begin == MW_UV_WORK)
		task = o && !o->handle ? o->task : 0;
	else
		task = mw_uv_again(ctx, t, o, begin);
	if ((begin == MW_UV_DONE && o && !o->handle) || begin == MW_UV_CLOSED)
		bpf_map_delete_elem(&uv_objects, &key);
	mw_uv_push(t, PT_REGS_SP(ctx), task);
	return 0;
}

static __always_inline int mw_uv_ended(struct pt_regs *ctx)
{
	struct mw_uv_thread *t = mw_uv_thread();

	if (!t)
		return 0;
	mw_uv_look_back(t);
	mw_uv_pop(t, PT_REGS_SP(ctx) - 1);
	return 0;
}

/* Whether the process that a probe was met in is observed at all: a child may have inherited it. */
static __always_inline bool mw_uv_wanted(void)
{
	return !uv_off && mw_tag_of(bpf_get_current_pid_tgid() >> 32) & MW_TAG_WHOLE;
}

#endif
