/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * hamt.h - the variables of a Python context: reading objects, and finding the variables that count
 *
 * The mapping is that of Python/hamt.c: a node has either 32 places (an array node), or those of a
 * bitmap, in pairs of key and value; a pair without a key is a node below. It never changes once it
 * is made.
 */
#ifndef MW_BPF_HAMT_H
#define MW_BPF_HAMT_H

#include "maps.h"

/* eight characters as a little-endian word */
#define MW_PY_WORD(a, b, c, d, e, f, g, h)                                                         \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

#define MW_PY_REQUEST MW_PY_WORD('r', 'e', 'q', 'u', 'e', 's', 't', '_')
#define MW_PY_FASTMCP MW_PY_WORD('f', 'a', 's', 't', 'm', 'c', 'p', '_')
#define MW_PY_CTX     MW_PY_WORD('c', 't', 'x', 0, 0, 0, 0, 0)
#define MW_PY_TIMER   MW_PY_WORD('c', 'l', 'o', 'c', 'k', 0, 0, 0)
#define MW_PY_ID      MW_PY_WORD('i', 'd', 0, 0, 0, 0, 0, 0)

/* PyTypeObject */
#define MW_PY_TP_NAME	    24
#define MW_PY_TP_FLAGS	    168
#define MW_PY_TP_DICTOFFSET 288
#define MW_PY_FLAG_INLINE   (1u << 2) /* Py_TPFLAGS_INLINE_VALUES, 3.13 */
#define MW_PY_FLAG_MANAGED  (1u << 4) /* Py_TPFLAGS_MANAGED_DICT, 3.11 */
/* PyContextVar */
#define MW_PY_VAR_HASH 56
/* struct _dictkeysobject: its entries that are looked at */
#define MW_PY_KEYS_MAX 8
/* slots of nodes that a search by name looks at */
#define MW_PY_SLOTS_MAX 256

/*
 * Memory may be swapped out: a read does not bring it back. So each one that fails is counted, and
 * nothing is remembered of what was read meanwhile.
 */
static __always_inline bool mw_py_read(struct mw_py *p, void *to, __u32 n, __u64 from)
{
	if (bpf_probe_read_user(to, n, (void *)from) == 0)
		return true;
	p->faults++;
	return false;
}

/* The 8 bytes at `from`, 0 if they are not there. */
static __always_inline __u64 mw_py_word(struct mw_py *p, __u64 from)
{
	p->one = 0; /* not on the stack: there is little of it where this is called */
	mw_py_read(p, &p->one, sizeof(p->one), from);
	return p->one;
}

/* A type's tp_name into `word`: at most 31 characters, the rest 0. */
static __always_inline bool mw_py_type_name(struct mw_py *p, __u64 type)
{
	__u64 name = mw_py_word(p, type + MW_PY_TP_NAME);

	__builtin_memset(p->word, 0, sizeof(p->word));
	if (name && bpf_probe_read_user_str(p->word, sizeof(p->word), (void *)name) > 0)
		return true;
	p->faults++;
	return false;
}

/* A string object's characters into `word`, the rest 0, and how many; 0: it is longer than a name
 * looked for here, or was not read. */
static __always_inline __u64 mw_py_short_str(struct mw_py *p, __u64 str)
{
	__u64 len;

	if (!mw_py_read(p, p->head, 40, str) || p->head[1] != p->rt.str_type)
		return 0;
	/* compact and ASCII, of one byte a character */
	if ((p->head[4] & 0x7c) != 0x64)
		return 0;
	len = p->head[2];
	asm volatile("" : "+r"(len));
	if (len > 24)
		return 0;
	__builtin_memset(p->word, 0, sizeof(p->word));
	return len && mw_py_read(p, p->word, len, str + p->rt.str_data) ? len : 0;
}

/* Whether a class is the one that the SDK of this variable uses. */
static __always_inline bool mw_py_class_is(struct mw_py *p, __u64 type, __u32 which)
{
	if (!mw_py_type_name(p, type))
		return false;
	if (which == 0)
		return p->word[0] == MW_PY_WORD('R', 'e', 'q', 'u', 'e', 's', 't', 'C') &&
		       p->word[1] == MW_PY_WORD('o', 'n', 't', 'e', 'x', 't', 0, 0);
	return p->word[0] == MW_PY_WORD('F', 'a', 's', 't', 'M', 'C', 'P', 'R') &&
	       p->word[1] == MW_PY_WORD('e', 'q', 'u', 'e', 's', 't', 'C', 'o') &&
	       p->word[2] == MW_PY_WORD('n', 't', 'e', 'x', 't', 0, 0, 0);
}

/* --- the mapping of variables ---------------------------------------------------------------- */

enum mw_py_node { MW_PY_NODE_OTHER = 0, MW_PY_NODE_BITMAP, MW_PY_NODE_ARRAY };

/* What a node is whose type stands in head[1]. */
static __always_inline enum mw_py_node mw_py_node_kind(struct mw_py *p)
{
	__u64 type = p->head[1];

	if (type == p->rt.bitmap_type)
		return MW_PY_NODE_BITMAP;
	return type == p->rt.array_type ? MW_PY_NODE_ARRAY : MW_PY_NODE_OTHER;
}

static __always_inline __u32 mw_py_n_bits(__u32 v)
{
	v = v - (v >> 1 & 0x55555555);
	v = (v & 0x33333333) + (v >> 2 & 0x33333333);
	v = (v + (v >> 4)) & 0x0f0f0f0f;
	return v * 0x01010101 >> 24;
}

/*
 * Looks a variable up by its hash, as the interpreter does. 1: `value` is its value; 0: it is not
 * there, or not known yet; -1: something is odd. Global, as those below, so that the verifier looks
 * at it once.
 */
__noinline int mw_py_find(__u32 which)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 node, var, w = which;
	struct mw_py *p;
	__u32 bit, hash;

	asm volatile("" : "+r"(w));
	if (!s || w >= MW_N_PY_VARS)
		return -1;
	p = &s->py;
	var = p->rt.var[w].var;
	hash = p->rt.var[w].hash;
	if (!var)
		return 0;
	node = p->root;
	/* 5 bits of the hash a level; below that are nodes of equal hashes */
	for (int i = 0; i < 7; i++, hash >>= 5) {
		if (!mw_py_read(p, p->head, 32, node))
			return -1;
		switch (mw_py_node_kind(p)) {
		case MW_PY_NODE_ARRAY:
			if (!mw_py_read(p, p->pair, 8, node + 16 + 8 * (hash & 31)))
				return -1;
			if (!p->pair[0])
				return 0;
			node = p->pair[0];
			break;
		case MW_PY_NODE_BITMAP:
			bit = 1u << (hash & 31);
			if (!((__u32)p->head[3] & bit))
				return 0;
			bit = mw_py_n_bits((__u32)p->head[3] & (bit - 1));
			if (!mw_py_read(p, p->pair, 16, node + 32 + 16 * bit))
				return -1;
			if (p->pair[0]) {
				p->value = p->pair[1];
				return p->pair[0] == var;
			}
			node = p->pair[1];
			break;
		default:
			return -1;
		}
	}
	return -1;
}

/* Begins a level of the search by name. 0, or -1: this node cannot be looked at. */
static __always_inline int mw_py_push(struct mw_py *p, __u64 node, __u64 d)
{
	struct mw_py_level *l;
	__u64 n;

	asm volatile("" : "+r"(d));
	if (d >= MW_PY_DEPTH)
		return -1;
	l = &p->level[d];
	if (!mw_py_read(p, p->head, 32, node))
		return -1;
	switch (mw_py_node_kind(p)) {
	case MW_PY_NODE_ARRAY:
		l->array = 1;
		n = 32;
		if (!mw_py_read(p, l->slot, 32 * 8, node + 16))
			return -1;
		break;
	case MW_PY_NODE_BITMAP:
		l->array = 0;
		n = 2 * mw_py_n_bits((__u32)p->head[3]);
		asm volatile("" : "+r"(n));
		if (n > 64 || n != p->head[2])
			return -1;
		if (n && !mw_py_read(p, l->slot, n * 8, node + 32))
			return -1;
		break;
	default:
		return -1;
	}
	l->at = 0;
	l->n = n;
	p->depth = d;
	return 0;
}

/* One slot of the root of a search. Loops are bpf_loop's: of one that is none each round is verified. */
static long mw_py_shape_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_py_level *l;
	__u64 at = i;

	asm volatile("" : "+r"(at));
	if (!s || at >= 64)
		return 1;
	l = &s->py.level[0];
	if (at >= l->n)
		return 1;
	if (!l->array && at & 1 && l->slot[at - 1])
		return 0;
	s->py.hash = (s->py.hash ^ l->slot[at]) * MW_ID_HASH_MUL;
	s->py.hash ^= s->py.hash >> 32;
	return 0;
}

/*
 * What the root of a search has as keys and nodes, as one number: mappings that agree in it have
 * the same variables. Values do not count.
 */
static __always_inline __u64 mw_py_shape(struct mw_py *p)
{
	p->hash = MW_ID_HASH_INIT;
	bpf_loop(64, mw_py_shape_step, NULL, 0);
	return p->hash;
}

/* Looks whether a key is one of the variables, with a value of its SDK's class. */
static __always_inline void mw_py_meet(struct mw_py *p, __u64 key, __u64 value)
{
	__u64 len;
	__u32 which;

	if (!mw_py_read(p, p->head, 24, key) || p->head[1] != p->rt.var_type) {
		p->odd = 1;
		return;
	}
	len = mw_py_short_str(p, p->head[2]);
	if (len == 11 && p->word[0] == MW_PY_REQUEST && p->word[1] == MW_PY_CTX)
		which = MW_PY_MCP1;
	else if (len == 19 && p->word[0] == MW_PY_FASTMCP && p->word[1] == MW_PY_REQUEST &&
		 p->word[2] == MW_PY_CTX)
		which = MW_PY_FASTMCP4;
	else if (len == 13 && p->word[0] == MW_PY_REQUEST && p->word[1] == MW_PY_TIMER) {
		p->clock = key;
		p->clock_value = value;
		return;
	} else {
		return;
	}
	if (!mw_py_read(p, p->head, 16, value) || !mw_py_class_is(p, p->head[1], which)) {
		p->odd = 1; /* somebody else's of the same name, or one that has no request now */
		return;
	}
	p->var = key;
	p->value = value;
	p->which = which;
}

/* One slot. 1: the search is over. */
static long mw_py_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();
	__u64 at, d, key = 0, value;
	struct mw_py_level *l;
	struct mw_py *p;

	if (!s)
		return 1;
	p = &s->py;
	d = p->depth;
	asm volatile("" : "+r"(d));
	if (d >= MW_PY_DEPTH)
		return 1;
	l = &p->level[d];
	at = l->at;
	asm volatile("" : "+r"(at));
	if (at >= l->n || at > 62) {
		p->depth = d - 1;
		p->whole = d == 0;
		return d == 0;
	}
	if (l->array) {
		l->at = at + 1;
		value = l->slot[at];
		if (!value)
			return 0;
	} else {
		l->at = at + 2;
		key = l->slot[at];
		value = l->slot[at + 1];
	}
	if (key)
		mw_py_meet(p, key, value);
	else if (mw_py_push(p, value, d + 1) < 0)
		p->odd = 1;
	return 0;
}

/* Remembers a variable, and its hash as the mapping uses it. */
__noinline int mw_py_remember(__u64 var, __u32 which)
{
	__u64 hash, w = which;
	__u32 folded, faults;
	struct mw_scratch *s = mw_scratch_get();
	struct mw_py_var *v;
	struct mw_py *p;

	asm volatile("" : "+r"(w));
	if (!s || w >= MW_N_PY_VARS)
		return 0;
	p = &s->py;
	v = &p->rt.var[w];
	faults = p->faults;
	hash = mw_py_word(p, var + MW_PY_VAR_HASH);
	if (p->faults != faults)
		return 0;
	folded = (__u32)hash ^ (__u32)(hash >> 32);
	if (v->var && v->var != var) /* two of a name: what was looked through may have the other */
		__builtin_memset(p->rt.seen, 0, sizeof(p->rt.seen));
	v->var = var;
	v->hash = folded == ~0u ? ~1u : folded;
	v->type = 0;
	p->learned = 1;
	return 0;
}

/*
 * Looks all variables through, by name, and remembers what is met; once for each mapping. 1:
 * `value` is the request, of variable `which`; 0: all is known now, and nothing new was met; -1:
 * something is odd.
 */
static __always_inline int mw_py_search(struct mw_py *p)
{
	__u32 faults = p->faults;
	__u64 shape, slot;

	p->var = 0;
	p->clock = 0;
	p->odd = 0;
	p->whole = 0;
	if (mw_py_push(p, p->root, 0) < 0)
		return -1;
	shape = mw_py_shape(p);
	slot = shape & (MW_N_PY_SEEN - 1);
	asm volatile("" : "+r"(slot));
	if (slot >= MW_N_PY_SEEN)
		return -1;
	if (p->rt.seen[slot] == shape)
		return 0;
	bpf_loop(MW_PY_SLOTS_MAX, mw_py_step, NULL, 0);
	if (p->clock)
		mw_py_remember(p->clock, MW_PY_CLOCK);
	if (p->var)
		mw_py_remember(p->var, p->which);
	if (!p->whole || p->odd || p->faults != faults)
		return p->var ? 1 : -1;
	p->rt.seen[slot] = shape;
	p->learned = 1;
	return p->var ? 1 : 0;
}

#endif
