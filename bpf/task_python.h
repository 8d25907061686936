/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * task_python.h - the MCP request that a Python thread works for, without any probe
 *
 * A thread's fsbase leads to glibc's first block of thread-specific data, a slot of that to
 * CPython's PyThreadState, that to the context (PEP 567) the thread runs in, and that to a mapping
 * of variables (HAMT, Python/hamt.c) which never changes once it is made. Each asyncio task has a
 * context of its own, a thread of anyio's pool runs in a copy of its caller's. The SDKs keep the
 * request in a variable of known name, whose value has the request's id. All of that belongs to the
 * thread that is in the system call, so nobody else changes it meanwhile.
 *
 * Layouts are those of the headers under Include/internal of 3.10 to 3.13. It is the observed
 * process's own memory: what is not as it should be gives 0, every walk is bounded, and what is
 * read can move nothing but the process's own task.
 */
#ifndef MW_BPF_TASK_PYTHON_H
#define MW_BPF_TASK_PYTHON_H

#include "maps.h"
#include "hamt.h"

/* --- the value's attribute ------------------------------------------------------------------- */

/* One of the keys of a dict. */
static long mw_py_key_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	enum mw_py_attr a;
	struct mw_py *p;
	__u64 entry, len;

	if (!s || i >= s->py.n_keys)
		return 1;
	p = &s->py;
	entry = p->keys + (__u64)i * p->key_len;
	len = mw_py_short_str(p, mw_py_word(p, entry));
	if (len == 10 && p->word[0] == MW_PY_REQUEST && p->word[1] == MW_PY_ID)
		a = MW_PY_REQUEST_ID;
	else if (len == 7 && p->word[0] == MW_PY_WORD('s', 'e', 's', 's', 'i', 'o', 'n', 0))
		a = MW_PY_SESSION;
	else if (len == 7 && p->word[0] == MW_PY_WORD('r', 'e', 'q', 'u', 'e', 's', 't', 0))
		a = MW_PY_HTTP;
	else
		return 0;
	p->place[a] = i;
	p->attr[a] = mw_py_word(p, entry + 8);
	return 0;
}

/*
 * Looks the attributes' names up among the keys of a dict: their `place`, and where the keys have
 * their values beside them, these as `attr`. Whether the request's id is there.
 */
static __always_inline bool mw_py_keys(struct mw_py *p, __u64 keys)
{
	__u64 slots;

	p->place[MW_PY_REQUEST_ID] = p->place[MW_PY_SESSION] = p->place[MW_PY_HTTP] =
	    MW_PY_KEYS_MAX;
	if (!keys || !mw_py_read(p, p->head, 40, keys))
		return false;
	if (p->rt.minor == 10) {
		/* dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries; hash, key, value */
		slots = p->head[1];
		p->n_keys = p->head[4];
		if (slots > 65536)
			return false;
		slots *= slots <= 0xff ? 1 : slots <= 0xffff ? 2 : 4;
		p->keys = keys + 40 + slots;
	} else {
		/* dk_refcnt, sizes and kind, dk_usable, dk_nentries; key, value or as above */
		slots = p->head[1] >> 8 & 0xff;
		p->n_keys = p->head[3];
		if (slots > 18)
			return false;
		p->keys = keys + 32 + (1ull << slots);
	}
	p->key_len = 16;
	/* what has a hash first has 8 bytes more */
	if (p->rt.minor == 10 || !(p->head[1] >> 16 & 0xff)) {
		p->keys += 8;
		p->key_len = 24;
	}
	bpf_loop(MW_PY_KEYS_MAX, mw_py_key_step, NULL, 0);
	return p->place[MW_PY_REQUEST_ID] < MW_PY_KEYS_MAX;
}

/* Learns of a value's class where the attribute is. 0, or -1: not a class we know. */
__noinline int mw_py_class(__u64 type, __u32 which)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 w = which, flags, keys;
	struct mw_py_var *v;
	struct mw_py *p;
	__u32 faults;

	asm volatile("" : "+r"(w));
	if (!s || w >= MW_N_PY_VARS)
		return -1;
	p = &s->py;
	faults = p->faults;
	v = &p->rt.var[w];
	if (!mw_py_class_is(p, type, w))
		return -1;
	flags = mw_py_word(p, type + MW_PY_TP_FLAGS);
	if (p->rt.minor == 10) {
		keys = mw_py_word(p, type + MW_PY_TP_DICTOFFSET);
		if (!keys || keys > 4096)
			return -1;
		v->dict = keys;
	} else {
		if (!(flags & MW_PY_FLAG_MANAGED))
			return -1;
		keys = mw_py_word(p, type + p->rt.cached_keys);
		if (!mw_py_keys(p, keys) || p->faults != faults)
			return -1;
		for (int i = 0; i < MW_N_PY_ATTRS; i++)
			v->at[i] = p->place[i];
	}
	if (p->faults != faults)
		return -1;
	v->inlined = p->rt.minor >= 13 && (flags & MW_PY_FLAG_INLINE);
	v->type = type;
	p->learned = 1;
	return 0;
}

/* Where the values of the attributes of `value` are, in the order of its class's keys; 0: they are
 * in a dict, of which *dict is set. `before` is read. */
static __always_inline __u64 mw_py_values(struct mw_py *p, const struct mw_py_var *v, __u64 value,
					  __u64 *dict)
{
	*dict = p->before[1];
	switch (p->rt.minor) {
	case 10:
		*dict = mw_py_word(p, value + v->dict);
		return 0;
	case 11:
		return p->before[0];
	case 12:
		return *dict & 1 ? *dict + 1 : 0; /* tagged: one less */
	default:
		/* capacity, size, embedded, valid */
		return v->inlined && mw_py_word(p, value + 16) >> 24 & 0xff ? value + 24 : 0;
	}
}

/* The attributes of `value` as `attr`: addresses of objects, 0 what it has not. */
static __always_inline bool mw_py_attributes(struct mw_py *p, const struct mw_py_var *v,
					     __u64 value)
{
	__u64 dict, values = mw_py_values(p, v, value, &dict);

	__builtin_memset(p->attr, 0, sizeof(p->attr));
	if (values) {
		for (int i = 0; i < MW_N_PY_ATTRS; i++)
			if (v->at[i] < MW_PY_KEYS_MAX)
				p->attr[i] = mw_py_word(p, values + 8ull * v->at[i]);
		return true;
	}
	/* ..., ma_keys, ma_values: without the latter the values stand beside the keys */
	if (!dict || !mw_py_read(p, p->pair, sizeof(p->pair), dict + 32))
		return false;
	values = p->pair[1];
	if (!mw_py_keys(p, p->pair[0]))
		return false;
	if (!values)
		return true;
	values += p->rt.minor >= 13 ? 8 : 0;
	for (int i = 0; i < MW_N_PY_ATTRS; i++)
		p->attr[i] =
		    p->place[i] < MW_PY_KEYS_MAX ? mw_py_word(p, values + 8ull * p->place[i]) : 0;
	return true;
}

/*
 * Whether the request may be one of a conversation within the process: a server that a tool talks
 * to over memory. Its ids are not those of any wire. Of mcp 1.x only what came by HTTP says so;
 * else it must be of the one session there is. For FastMCP 4 see mw_py_is_inner.
 */
static __always_inline bool mw_py_is_doubtful(struct mw_py *p)
{
	if (p->attr[MW_PY_HTTP] && p->attr[MW_PY_HTTP] != p->rt.none) {
		if (!p->rt.many) {
			p->rt.many = 1;
			p->learned = 1;
		}
		return false;
	}
	if (!p->rt.session && !p->rt.many) {
		p->rt.session = p->attr[MW_PY_SESSION];
		p->learned = 1;
	}
	return p->rt.many || p->attr[MW_PY_SESSION] != p->rt.session;
}

/* An int of at most 60 bits. */
static __always_inline bool mw_py_int(struct mw_py *p, __s64 *ret)
{
	__u64 digits, v = 0;
	bool negative;

	if (p->rt.minor >= 12) {
		/* lv_tag: the number of digits, and 2 bits for the sign */
		negative = (p->head[2] & 3) == 2;
		digits = p->head[2] >> 3;
	} else {
		negative = (__s64)p->head[2] < 0;
		digits = negative ? -p->head[2] : p->head[2];
	}
	if (digits > 2)
		return false;
	if (digits)
		v = p->head[3] & 0x3fffffff;
	if (digits == 2)
		v |= (p->head[3] >> 32 & 0x3fffffff) << 30;
	*ret = negative ? -(__s64)v : (__s64)v;
	return true;
}

static long mw_py_str_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 at = i;

	asm volatile("" : "+r"(at));
	if (!s || at >= MW_ID_MAX)
		return 1;
	s->py.hash = (s->py.hash ^ s->py.id[at]) * MW_ID_HASH_MUL;
	return 0;
}

/* mw_id_hash of a string that is ASCII and not longer than MW_ID_MAX. */
static __always_inline bool mw_py_str(struct mw_py *p, __u64 str, __u64 *ret)
{
	__u64 len = p->head[2];

	if (len > MW_ID_MAX || (mw_py_word(p, str + 32) & 0x7c) != 0x64)
		return false;
	asm volatile("" : "+r"(len));
	if (len > MW_ID_MAX)
		return false;
	if (len && !mw_py_read(p, p->id, len, str + p->rt.str_data))
		return false;
	p->hash = MW_ID_HASH_INIT;
	bpf_loop(len, mw_py_str_step, NULL, 0);
	*ret = p->hash;
	return true;
}

/* Fills the header from `value`, the request of variable `which`, of a class that is known. */
__noinline int mw_py_fill(__u32 which, __u32 inner)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_event_hdr *h;
	struct mw_py_var *v;
	__u64 w = which, id;
	struct mw_py *p;
	__u32 faults;

	asm volatile("" : "+r"(w));
	if (!s || w >= MW_N_PY_VARS)
		return 0;
	p = &s->py;
	h = (void *)s->ev;
	v = &p->rt.var[w];
	h->task = p->value;
	faults = p->faults;
	if (inner || !mw_py_attributes(p, v, p->value) || p->faults != faults ||
	    (w == 0 && mw_py_is_doubtful(p)))
		return 0;
	id = p->attr[MW_PY_REQUEST_ID];
	/* all there is of a short int: behind an object there may be nothing */
	if (!id || !mw_py_read(p, p->head, 32, id))
		return 0;
	if (p->head[1] == p->rt.int_type) {
		if (mw_py_int(p, (__s64 *)&h->task_of))
			h->flags |= MW_EVF_ID_INT;
	} else if (p->head[1] == p->rt.str_type) {
		if (mw_py_str(p, id, &h->task_of))
			h->flags |= MW_EVF_ID_STR;
	}
	return 0;
}

static __always_inline void mw_py_request(struct mw_py *p, __u64 w, bool inner)
{
	__u64 type;

	asm volatile("" : "+r"(w));
	if (w >= MW_N_PY_VARS || !mw_py_read(p, p->before, sizeof(p->before), p->value - 32))
		return;
	type = p->before[5];
	if (type && (type == p->rt.var[w].type || mw_py_class(type, w) == 0))
		mw_py_fill(w, inner);
}

/*
 * Fills the header in the scratch; `p->root` and `entered` are of the thread's context.
 *
 * mcp 2.x's client keeps a clock in the context that its request is sent from, and a server reached
 * over memory works in that context: then what FastMCP has as its request may be of that
 * conversation. So it may while a tool sends something over HTTP; then no more is lost than the id.
 */
static __always_inline void mw_py_context(struct mw_scratch *s, bool entered)
{
	struct mw_event_hdr *h = (void *)s->ev;
	struct mw_py *p = &s->py;
	int r;

	p->which = MW_PY_MCP1;
	r = mw_py_find(MW_PY_MCP1);
	if (r == 0) {
		p->which = MW_PY_FASTMCP4;
		r = mw_py_find(MW_PY_FASTMCP4);
	}
	if (r < 0)
		return;
	p->clock = 0;
	if (r == 0 || (p->which == MW_PY_FASTMCP4 && !p->rt.var[MW_PY_CLOCK].var)) {
		p->kept = r ? p->value : 0;
		r = mw_py_search(p);
		if (r < 0)
			return;
		if (p->kept) {
			p->which = MW_PY_FASTMCP4;
			p->value = p->kept;
		} else if (r == 0) {
			if (entered && (p->rt.var[MW_PY_MCP1].var || p->rt.var[MW_PY_FASTMCP4].var))
				h->flags |= MW_EVF_NO_REQUEST;
			return;
		}
	} else if (p->which == MW_PY_FASTMCP4) {
		p->kept = p->value;
		if (mw_py_find(MW_PY_CLOCK)) {
			p->clock = 1;
			p->clock_value = p->value;
		}
		p->value = p->kept;
	}
	mw_py_request(p, p->which,
		      p->which == MW_PY_FASTMCP4 &&
			  (p->faults || (p->clock && p->clock_value != p->rt.none)));
}

/*
 * Fills task, task_of and flags of the header that stands in the scratch; `task` is the current
 * one. A thread that nobody gave a context has none, or one of its own (loop.run_in_executor): then
 * whom it works for is not known. Only of a context that was entered, as a task's is, it is known
 * that it is of no request.
 */
static __always_inline void mw_task_python(struct mw_scratch *s, struct task_struct *task,
					   struct mw_rt_python *rt)
{
#ifdef __TARGET_ARCH_x86
	__u64 fsbase = task->thread.fsbase, state, context, i;
	struct mw_py *p = &s->py;
	bool entered;

	p->faults = 0;
	if (!fsbase)
		return; /* another program, whose first steps these are */
	state = mw_py_word(p, fsbase + rt->tls);
	if (!state)
		return;
	__builtin_memcpy(&p->rt, rt, sizeof(p->rt));
	if (!mw_py_read(p, p->span, sizeof(p->span), state + p->rt.thread_id) ||
	    p->span[0] != fsbase)
		return;
	i = (__u64)(p->rt.context - p->rt.thread_id) >> 3;
	asm volatile("" : "+r"(i));
	if (i >= sizeof(p->span) / 8)
		return;
	context = p->span[i];
	/* ..., ctx_prev, ctx_vars, ctx_weakreflist, ctx_entered */
	if (!context || !mw_py_read(p, p->head, 48, context) || p->head[1] != p->rt.context_type)
		return;
	entered = (__u32)p->head[5] == 1;
	/* ..., h_root */
	if (!mw_py_read(p, p->head, 24, p->head[3]))
		return;
	p->root = p->head[2];
	p->learned = 0;
	mw_py_context(s, entered);
	if (p->learned) {
		/* what is learned stands behind the rest */
		__builtin_memcpy(rt->var, p->rt.var,
				 sizeof(*rt) - offsetof(struct mw_rt_python, var));
	}
#endif
}

#endif
