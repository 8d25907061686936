/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_seen.h - the tool calls of a log, as an index that a trail is held against
 *
 * All in memory, within a budget of MW_SEEN_BYTES: about 0.45 KiB a call with two effects and short
 * arguments, so about a million calls. What does not fit is not left out but refused: a comparison
 *with half a log would accuse.
 *
 *	mw_seen_new(...);  mw_seen_add(each record);  mw_seen_finish();  then ask
 */
#ifndef MW_IO_TRAIL_SEEN_H
#define MW_IO_TRAIL_SEEN_H

#include "base/buf.h"
#include "io/trail_target.h"

#define MW_SEEN_BYTES (512ull << 20)
/* Different servers whose names are kept, to be told. */
#define MW_SEEN_SERVERS 16

struct mw_logrec;
struct mw_seen;

enum mw_seen_status {
	MW_SEEN_OK,
	MW_SEEN_ERROR,	/* tool_error, rpc_error */
	MW_SEEN_NO_END, /* cancelled, no_response, lost, or the log ends before it */
};

enum mw_seen_effect { MW_SEEN_FILE, MW_SEEN_NET, MW_SEEN_OTHER };

struct mw_seen_target {
	struct mw_slice text;
	uint8_t what; /* enum mw_seen_effect */
};

/* Groups of calls that are alike, for mw_seen_group. */
enum mw_seen_key {
	MW_SEEN_BY_ID_TOOL,
	MW_SEEN_BY_TOOL_ARGS, /* calls whose arguments are known to the byte */
	MW_SEEN_BY_TOOL,
	MW_SEEN_BY_TOOL_VAGUE, /* calls whose arguments are not known to the byte, or {} */
	MW_SEEN_BY_ID,
	MW_SEEN_KEYS,
};

struct mw_seen_call {
	int64_t begin_ns, end_ns; /* since 1970 */
	const char *call;	  /* its id */
	struct mw_slice id, tool; /* rpc_id and tool, decoded */
	struct mw_slice args;	  /* canonical; empty: not known */
	struct mw_slice status;	  /* as the log has it */
	struct mw_seen_target *target;
	uint32_t n_targets;
	uint8_t state;	       /* enum mw_seen_status */
	bool args_marked;      /* mw_trail_marked */
	bool incomplete;       /* its evidence is not `complete` */
	uint64_t effects_left; /* effects that are not among the targets */
	/* kept by who compares */
	bool again;	  /* a second line that goes on with the first was taken */
	uint8_t outcome;  /* enum mw_trail_outcome of the line that claims it */
	uint64_t claimed; /* the line of the trail that claims it; 0: none */
	uint64_t key[MW_SEEN_KEYS];
};

struct mw_seen_options {
	const char *const *servers; /* globs over name, configured name, key and id */
	size_t n_servers;	    /* 0: any */
};

/* 0, -ENOMEM. */
int mw_seen_new(const struct mw_seen_options *o, struct mw_seen **ret);
void mw_seen_free(struct mw_seen *s);

static inline void mw_seen_freep(struct mw_seen **s)
{
	mw_seen_free(*s);
}

/* Takes a record of any type; what does not matter is passed over. 0, -E2BIG: beyond the budget,
 * -ENOMEM. */
int mw_seen_add(struct mw_seen *s, const struct mw_logrec *rec);
/* All were added. 0, -E2BIG, -ENOMEM. */
int mw_seen_finish(struct mw_seen *s);

/* Different servers that answered a tool call; the names of the first MW_SEEN_SERVERS, each NUL
 * terminated. */
size_t mw_seen_servers(const struct mw_seen *s, const char *const **ret_names);
/* The calls, in the order of their begin. */
struct mw_seen_call *mw_seen_calls(struct mw_seen *s, size_t *ret_n);
/* Bytes of memory in use. */
size_t mw_seen_bytes(const struct mw_seen *s);
/* Whether one of the servers meant was seen at all, and whether what passed it could be read. */
bool mw_seen_known(const struct mw_seen *s);
bool mw_seen_unread(const struct mw_seen *s);

/* Key of a group. Parts that it does not have are not looked at. */
uint64_t mw_seen_key(const struct mw_seen *s, enum mw_seen_key key, struct mw_slice id,
		     struct mw_slice tool, struct mw_slice args);
/* Calls of a group (numbers in mw_seen_calls), in the order of their begin. */
const uint32_t *mw_seen_group(const struct mw_seen *s, enum mw_seen_key key, uint64_t value,
			      size_t *ret_n);
/* No call lasted longer. */
int64_t mw_seen_longest_ns(const struct mw_seen *s);

/* Whether the host was watched at that time, by any of the logs. */
bool mw_seen_watched(const struct mw_seen *s, int64_t ns);
/* Whether evidence is missing somewhere between. */
bool mw_seen_gap(const struct mw_seen *s, int64_t from_ns, int64_t to_ns);

/*
 * What else is known of a target's text: names of addresses, what was asked for where the object
 * was another, effects whose call is not certain. 0: nothing; 1: in that time, or at any time for
 * `net`, there is an effect on it that may be of any call; 2: of this very call.
 */
int mw_seen_around(const struct mw_seen *s, struct mw_slice text, bool net,
		   const struct mw_seen_call *call, int64_t slack_ns);

#endif
