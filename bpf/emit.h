/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * emit.h - headers, appended data, sequence numbers and the way into the ring
 */
#ifndef MW_BPF_EMIT_H
#define MW_BPF_EMIT_H

#include "maps.h"
#include "compat.h"
#include "task.h"

static __always_inline __u16 mw_tag_flags(__u32 tag)
{
	return tag & MW_TAG_OBSERVED ? 0 : MW_EVF_CANDIDATE;
}

/* len, seq and cpu are filled by mw_emit. */
static __always_inline void mw_hdr_fill(struct mw_event_hdr *h, struct task_struct *task,
					__u16 type, __u16 flags)
{
	struct task_struct *t = mw_as(task_struct, task);

	h->type = type;
	h->flags = flags;
	h->ts_ns = bpf_ktime_get_boot_ns();
	h->start_ns = t->group_leader->start_boottime;
	h->cgroup = t->cgroups->dfl_cgrp->kn->id;
	h->tgid = task->tgid;
	h->tid = task->pid;
	h->uid = t->cred->euid.val;
	h->task = 0;
	h->task_of = 0;
}

/*
 * A wake-up is forced when the ring is a quarter full or more, and at no other time: the reader
 * looks every few ms by itself, and reads on until the ring is empty. A wake-up an event doubles
 * the cost on the observed process; asking the ring at each event would be a call more.
 */
static __always_inline __u64 mw_ring_flags(struct mw_cpu *c, __u64 len)
{
	c->unchecked += len;
	if (c->unchecked < cfg_ring_check)
		return BPF_RB_NO_WAKEUP;
	c->unchecked = 0;
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + len < cfg_ring_quarter
		   ? BPF_RB_NO_WAKEUP
		   : BPF_RB_FORCE_WAKEUP;
}

/*
 * Sends the event that stands at the scratch's start. `len` is without padding; the bytes up to the
 * next multiple of 8 are cleared here. The number is taken before the output, so that a failed one
 * leaves a hole; `emitting` tells softirq that a number is taken and not yet in the ring.
 */
static __always_inline int mw_emit(struct mw_scratch *s, __u64 len)
{
	struct mw_event_hdr *h = (void *)s->ev;
	struct mw_cpu *c = mw_cpu_get();
	__u64 flags;
	long r;

	asm volatile("" : "+r"(len));
	if (!c || len > MW_BODY_MAX + MW_DATA_MAX)
		return 0;
	__builtin_memset(&s->ev[len], 0, 8);
	len = (len + 7) & ~7ull;
	h->len = len;
	h->cpu = bpf_get_smp_processor_id();
	flags = mw_ring_flags(c, len);
	if (s->wake) {
		s->wake = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	*(volatile __u64 *)&c->emitting = 1;
	h->seq = __sync_fetch_and_add(&c->seq, 1);
	r = bpf_ringbuf_output(&ring, s->ev, len, flags);
	*(volatile __u64 *)&c->emitting = 0;
	if (r)
		__sync_fetch_and_add(&c->lost_ring, 1);
	return 0;
}

/* The same, of what is not the bytes of a call. Global, so that the verifier looks at it once. */
__noinline int mw_send(__u64 len)
{
	struct mw_scratch *s = mw_scratch_get();

	return s ? mw_emit(s, len) : 0;
}

/*
 * The header of an event that may be made in softirq, on top of a program that uses the scratch: so
 * it stands in the ring itself. If it interrupted one that has taken a number and not yet sent its
 * event, the two would come in the wrong order and look like a loss: then this one goes without a
 * number.
 */
static __always_inline void mw_hdr_softirq(struct mw_event_hdr *h, __u32 len, __u16 type, __u64 seq,
					   __u32 cpu)
{
	h->len = len;
	h->type = type;
	h->ts_ns = bpf_ktime_get_boot_ns();
	h->seq = seq;
	h->cpu = cpu;
}

/* Takes the number for it; *cpu is MW_CPU_NONE where there is to be none. */
static __always_inline __u64 mw_seq_softirq(struct mw_cpu *c, __u32 *cpu)
{
	*cpu = MW_CPU_NONE;
	if (*(volatile __u64 *)&c->emitting)
		return 0;
	*cpu = bpf_get_smp_processor_id();
	return __sync_fetch_and_add(&c->seq, 1);
}

/*
 * Appends `n` bytes of kernel memory at offset `off` behind a body of `body` bytes; returns how
 * many it appended (0 or n).
 */
static __always_inline __u32 mw_append(struct mw_scratch *s, __u32 body, __u64 off, __u64 n,
				       const void *src)
{
	asm volatile("" : "+r"(off));
	asm volatile("" : "+r"(n));
	if (off >= MW_DATA_MAX || n == 0 || n > MW_PATH_MAX)
		return 0;
	if (bpf_probe_read_kernel(&s->ev[body + off], n, src))
		return 0;
	return n;
}

/*
 * The same of the scratch's own strings: `str` from `at` on, and the path that was walked. Global:
 * in a long function the compiler has copies of these numbers on the stack from before they are
 * tested, and 6.1 does not know that they are the same.
 */
__noinline int mw_append_str(__u64 body, __u64 off, __u64 n, __u64 at)
{
	struct mw_scratch *s = mw_scratch_get();

	asm volatile("" : "+r"(body));
	asm volatile("" : "+r"(at));
	if (!s || body > MW_BODY_MAX || at > MW_NAME_AT)
		return 0;
	return mw_append(s, body, off, n, s->str + at);
}

__noinline int mw_append_walk(__u64 body, __u64 off)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 pos;

	asm volatile("" : "+r"(body));
	if (!s || body > MW_BODY_MAX)
		return 0;
	pos = s->w.pos;
	asm volatile("" : "+r"(pos));
	if (pos >= MW_PATH_MAX)
		return 0;
	return mw_append(s, body, off, MW_PATH_MAX - pos, &s->walk[pos]);
}

#endif
