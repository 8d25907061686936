/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what lasts from run to run: pinned definitions, learned shapes of arguments
 *
 * One line of JSON each, made and read here alone (canonical, strict): the engine gives new ones
 *out as MW_OUT_STATE, io/state.h keeps them under /var/lib/mcpwatch/state, and the next run gets
 *them back as MW_EV_STATE right behind META. Every change is also a record (tool).
 *
 *	{"pin":"tool","server":KEY,"name":NAME,"hash":64 hex,"first":NS,"since":NS}
 *	{"shapes":TOOL,"server":KEY,"calls":N,"first":NS,"set":["16 hex",...]}
 *
 * A later line for the same thing replaces the earlier one. A text that is not UTF-8 or is long
 * stands there as its head and a hash of all of it: names differ where their texts do.
 *
 * A pin is (server key, what, name) -> the hash of the definition, when it was first seen and last
 * changed. The first definition seen is pinned; a changed one is said, and becomes the pin.
 * Shapes are (server key, tool) -> the hashes of the shapes seen in its first MW_STATE_LEARN_CALLS
 * calls, over at least MW_STATE_LEARN_NS; a new one after that is said once, and learned.
 *
 * What finds no room takes that of the oldest: of the same server if that has more than its share,
 * so that no server drives out the pins of all others by itself.
 */
#ifndef MW_CORE_STATE_H
#define MW_CORE_STATE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

#define MW_STATE_LINE_MAX    4096u
#define MW_STATE_PINS_MAX    65536u
#define MW_STATE_SERVER_MAX  4096u  /* pins of one server, and likewise tools with shapes */
#define MW_STATE_TOOLS_MAX   16384u /* that shapes are kept of */
#define MW_STATE_SHAPES_MAX  64u /* of one tool; beyond, shapes of it say nothing */
#define MW_STATE_LEARN_CALLS 50u
#define MW_STATE_LEARN_NS    (3600ull * 1000000000ull)
/* What comes so long after a server's first definition belongs to its first list, page by page. */
#define MW_STATE_LIST_NS (60ull * 1000000000ull)

struct mw_state;

struct mw_state_stats {
	uint64_t pins, tools; /* that there are */
	uint64_t evicted;     /* forgotten for room */
	uint64_t refused;     /* lines that were none */
};

int mw_state_new(const struct mw_alloc *a, struct mw_state **ret);
void mw_state_free(struct mw_state *s);
/* One line of an earlier run. 0, -ENOMEM, -EINVAL: it is none of ours (counted as refused). */
int mw_state_load(struct mw_state *s, struct mw_slice line);
/* 1 a line (borrowed until the next call of anything on s), 0 none: what changed since. */
int mw_state_next(struct mw_state *s, struct mw_slice *ret);
/* The end: what is only counted (calls of a tool that is being learned) is given by next, too. */
void mw_state_finish(struct mw_state *s);
/* All there is, oldest first: 1 a line, as of next, which it leaves alone; 0 the end; -ENOMEM. *at
 * is zeroed at first; nothing is to be changed meanwhile. */
struct mw_state_walk {
	size_t pos;
	bool shapes;
};
int mw_state_all(struct mw_state *s, struct mw_state_walk *at, struct mw_slice *ret);

struct mw_state_pin {
	bool known;	/* this server (key) had definitions before, in another list */
	bool pinned;	/* this one was */
	bool changed;	/* and is another now */
	uint8_t was[32];
	int64_t since; /* ns since 1970: when `was` was first seen; 0 if not pinned */
};
/* A definition was seen. now: ns since 1970. 0, -ENOMEM. */
int mw_state_pin(struct mw_state *s, struct mw_slice server, struct mw_slice what,
		 struct mw_slice name, const uint8_t hash[32], int64_t now,
		 struct mw_state_pin *ret);
/* The arguments of a call. 1: the learning is over and this shape is new; 0; -ENOMEM. */
int mw_state_shape(struct mw_state *s, struct mw_slice server, struct mw_slice tool, uint64_t shape,
		   int64_t now);
void mw_state_stats(const struct mw_state *s, struct mw_state_stats *ret);

#endif
