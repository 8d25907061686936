/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate.h - the one join: which call did this action
 *
 * Contract, section Records, table of links.
 * "Open" is always at the time of the action: a call is a candidate if it had begun by then and had
 * not ended. Only calls of the acting process's own server count: the server that it is, or that is
 * its nearest ancestor.
 *  1. causal: the runtime of the server's own process (MW_EV_RUNTIME, `reads`) says on whose behalf
 *     it was done; all on that process's word (basis runtime), and certain only where no events
 * were lost, the client sent the call, and no call of the server had to be given up.
 *      - PYTHON: the context's request has the id of exactly one open call. Of several only those
 *        are candidates. One whose id no open call has: the call that had it, `after`; if several
 *        had, of different sessions, those that ended in the last 10 s. Where such a one has ended
 *        before an open call with its id, that is certain only if its arguments name the target;
 *        once tasks were seen to act behind their calls, both are candidates for 10 s, and
 *        nothing later is certain.
 *        No request's context: none, once the variable was seen there.
 *      - GO: the goroutine that writes the answer did all it did since its answer before, or since
 *        it read exactly this request, for this call; certain where goids are known. What a
 *        goroutine below it did that came after the request, and neither reads nor answers:
 *        lineage, likely. One that acted while no call was open is of no younger one.
 *      - NODE: what the read that brought this request alone set going: likely, certain if no other
 *        call is open. The unbroken line from the answer up to that read proves what is on it, and
 *        beside it; certain if all calls that overlapped it have ended on lines of their own, and
 *        the server is not known to mix them. A line that begins nowhere: order, likely.
 *  2. lineage: a process that is started by a process with an inherited tie inherits it; one that
 *     is started by another process of a server's tree while calls are open is tied to them: to the
 *     one (likely), or to all of them, shared. It keeps the tie after the call has ended: then
 *     `after`. A shared tie settles on one call when an action of the process is named in the
 *     arguments of that one only: the action is `argument`, and later ones, also of processes it
 *     then starts, `lineage`. What a task of the runtime starts has the tie of that task, also if
 *     that is settled later.
 *  3. argument: what was done is named (args.h) in the arguments of exactly one open call. Named by
 *     several, or where arguments of another open call are not known whole: shared.
 *  4. flow: it is done on the file or connection that an effect with a tie opened, with its
 *     confidence; certain ones come before 3. On a path that was written or made at most 10 s
 *     before, while the call is open: likely.
 *  5. sole: one call is open. 6. shared: several are; all are candidates. 7. none. What the
 * server's process did while no call was open, 20 ms behind the last one: none when it does it
 * again, and its like in the same directory or at the same host is shared, not sole. What is
 * shared, or may be proven otherwise by an answer to come, waits (`pending`), bounded and counted,
 * until its candidates' records. What is proven (causal, lineage, flow) goes to that call, once;
 * two equal proofs leave it shared. What an argument names while several are open is dropped where
 * answers come from the goroutines that act and this one is another's. At last `response`: a path
 * that stands in this answer, and in the arguments of no other call that was open: likely. A call
 * is open from the moment the server was seen to read it. While none is, but some were sent to it,
 * what it does is shared with those: it may be spoiling our view of what it reads. If a call was
 * answered and its reading never seen, and it was the only one sent, its record claims what was
 * done meanwhile (sole). A request that only the server's own end has shown so far may be forged:
 * what is done while it is the only one open is shared with it, and becomes its own in its record,
 * if the client confirms it. When events were lost, a call that was open then may have ended
 * unseen, and another begun: nothing is its own as `sole` or by `lineage` any more. A process
 * without a tie that is not the server and older than every open call is tied to none of them,
 * unless the arguments of exactly one name its target itself. A process that becomes a server loses
 * what tie it had, and so does what is below it. While an open call of a server had to be given up
 * for lack of room, nothing of that server is said of one call alone, until the call is closed.
 * A call may be open at several servers' processes, each of which acts for it by the calls that are
 * open there; one that a relay passes on moves from the relay's process to the server's. A call
 * that takes several rounds is open in each of them, and not between them; of the rounds before the
 * one it is in, the last counts.
 */
#ifndef MW_CORE_CORRELATE_H
#define MW_CORE_CORRELATE_H

#include "core/act.h"
#include "core/ends.h"
#include "core/types.h"

enum mw_link {
	MW_LINK_NONE = 0,
	MW_LINK_SHARED,
	MW_LINK_SOLE,
	MW_LINK_ARGUMENT,
	MW_LINK_LINEAGE,
	MW_LINK_CAUSAL,
	MW_LINK_FLOW,
	MW_LINK_RESPONSE,
	MW_LINK_ORDER,
};
const char *mw_link_name(enum mw_link l);

enum mw_confidence { MW_CONF_NONE = 0, MW_CONF_SHARED, MW_CONF_LIKELY, MW_CONF_CERTAIN };
const char *mw_confidence_name(enum mw_confidence c);

#define MW_CANDIDATES_MAX 64

struct mw_tie {
	enum mw_link link;
	enum mw_confidence confidence;
	uint64_t call;				/* 0 none */
	uint64_t candidates[MW_CANDIDATES_MAX]; /* link shared: open calls, oldest first */
	size_t n_candidates;			/* in all; may be more than the array holds */
	uint64_t sent;	    /* link shared: the one call whose record may claim it later; or 0 */
	enum mw_link later; /* as what: sole or argument */
	bool after;	    /* the call had ended */
	bool several;	    /* more than one call was open */
	bool excluded;	    /* link none, though calls were open: the runtime says so */
	bool elsewhere;	    /* something speaks for no open call, or for one that has ended */
	bool by_runtime;    /* basis: runtime, not kernel */
	bool pending;	    /* what becomes known until its call's record may say otherwise */
	const char *why;    /* one static sentence */
	struct mw_prockey server; /* whose tree this is; none if of no server */
};

/* One effect of a call, as its record lists it. */
struct mw_call_effect {
	enum mw_effect_kind kind;
	struct mw_slice target; /* redaction is the record's */
	struct mw_slice target2;
	uint64_t seqs[8]; /* of the first records folded here */
	size_t n_seqs;
	/* Of others, those whose own record does not say this tie; while there is room for them. */
	const uint64_t *more;
	size_t n_more;
	uint64_t n; /* how many actions are */
	enum mw_link link;
	enum mw_confidence confidence;
	bool by_runtime, after;
	const char *why;
	int64_t ret;
};

struct mw_args; /* args.h */
struct mw_correlate;

struct mw_correlate_config {
	const struct mw_alloc *alloc;
	size_t calls_max;	  /* kept; beyond, the oldest goes, closed ones first */
	size_t args_max;	  /* bytes of arguments kept a call for matching, e.g. 1 MiB */
	size_t effects_bytes_max; /* of one call's list; beyond, counted only */
	size_t procs_max;	  /* processes followed, 0: 65,536; beyond, ended ones go first */
};

int mw_correlate_new(const struct mw_correlate_config *cfg, struct mw_correlate **ret);
void mw_correlate_free(struct mw_correlate *c);

/* This process speaks MCP as a server. Again is no change. 0 or -ENOMEM. */
int mw_correlate_server(struct mw_correlate *c, struct mw_prockey server, uint64_t ts_ns);
/* A call has begun on a server: args is the raw JSON of its arguments (what matters is copied). The
 * process need not have been named a server. 0; -EEXIST; -ENOMEM: its arguments or all of it are
 * unknown here, and what is said of other calls takes it into account. */
int mw_correlate_open(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      struct mw_slice args, uint64_t begin_ns);
/* A call was sent to a server, which has not been seen to read it. As open otherwise. */
int mw_correlate_send(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      struct mw_slice args, uint64_t sent_ns);
/* As open, of a request that only the server's own end has shown so far. */
int mw_correlate_open_unconfirmed(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
				  struct mw_slice args, uint64_t begin_ns);
/* The client did send it. Does nothing to others. */
void mw_correlate_confirm(struct mw_correlate *c, uint64_t call);
/* One that was sent has now been read, from begin_ns on. -ENOENT: it was not sent, or is closed. */
int mw_correlate_read(struct mw_correlate *c, uint64_t call, uint64_t begin_ns);
/*
 * A call that was opened here acts again, or also there: closed, it is open again from begin_ns on,
 * with the effects it has (its next round was read); open at another server's process, it is now
 * open at this one as well. Where it is open there already, nothing changes; one that was sent
 * there has been read. 0; -ENOENT: it is not known (never opened, given up, or forgotten); -ENOMEM:
 * it is not followed there, and what is said of other calls takes it into account.
 */
int mw_correlate_reopen(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
			uint64_t begin_ns);
/* As reopen, of a round that was sent and not seen to be read: mw_correlate_read says when it was.
 * What is done until then is shared with it, and its record claims none of it. */
int mw_correlate_resend(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
			uint64_t sent_ns);
/* As reopen, and from begin_ns on it is open nowhere else: another process has it now. One that was
 * only sent so far has only been sent there. */
int mw_correlate_move(struct mw_correlate *c, uint64_t call, struct mw_prockey server,
		      uint64_t begin_ns);
/* Events were lost: which calls are open is not known any more. */
void mw_correlate_doubt(struct mw_correlate *c);
/* The arguments as the trusted end has them replace those of open (the ends differed). 0, -ENOENT,
 * -ENOMEM: those of open stay. */
int mw_correlate_args(struct mw_correlate *c, uint64_t call, struct mw_slice args);
/* A process read messages of MCP, of whatever kind: `read` is its end's sight of one. */
void mw_correlate_moved(struct mw_correlate *c, const struct mw_sight *read);
/* The server's own read that brought this call's request; rpc_id: its raw JSON id. Again: the
 * latest counts. */
void mw_correlate_brought(struct mw_correlate *c, uint64_t call, const struct mw_sight *read,
			  struct mw_slice rpc_id);
/* The server's own write of its answer: what its task proves is proven now. Once each. */
void mw_correlate_wrote(struct mw_correlate *c, uint64_t call, const struct mw_sight *wrote);
/* Before its record: what waited and is the call's, by the best that is known, joins its effects.
 * text: its result, or error, as it stands in the answer. */
void mw_correlate_settle(struct mw_correlate *c, uint64_t call, struct mw_slice text);
/* Its answer was written: it is open no more, anywhere. Its effects stay to be listed. */
void mw_correlate_close(struct mw_correlate *c, uint64_t call, uint64_t end_ns);
/* Its record is written: the list is freed. Lineage keeps the number. */
void mw_correlate_forget(struct mw_correlate *c, uint64_t call);

/* FORK, EXIT, and of EXEC and PROC the parent: ancestry and inherited ties. Others are ignored. 0
 * or -ENOMEM. */
int mw_correlate_push(struct mw_correlate *c, const struct mw_event_hdr *ev);
/* Whose tasks tie what a process does: enum mw_runtime_kind. */
uint32_t mw_correlate_runtime(const struct mw_correlate *c, struct mw_prockey proc);
/* The tie of one action, as known now. The processes' events up to the action were pushed. Always
 * 0. */
int mw_correlate_act(struct mw_correlate *c, const struct mw_action *act, struct mw_tie *ret);
/* Adds a tied action (ret of mw_correlate_act with link lineage, argument or sole) to its call's
 * list under its record's number; equal kind, targets, link and result are folded. -ENOENT: the
 * call is gone or the tie is to none; -ENOMEM: it is counted only. */
int mw_correlate_note(struct mw_correlate *c, const struct mw_action *act, const struct mw_tie *tie,
		      uint64_t seq);
/* The effects of a call, oldest first: *pos starts at 0. 1, 0 the end (also of a call that is not
 * known). The slices are borrowed until forget. */
int mw_correlate_effects(const struct mw_correlate *c, uint64_t call, size_t *pos,
			 struct mw_call_effect *ret);
/* How many actions in all, folded or over the limit included. */
uint64_t mw_correlate_effects_n(const struct mw_correlate *c, uint64_t call);

/* The strings of a call's arguments; NULL: not known. Borrowed until the next change. */
const struct mw_args *mw_correlate_args_of(const struct mw_correlate *c, uint64_t call);
/* The same, before forget: they are the caller's now, to be freed by mw_args_free. */
struct mw_args *mw_correlate_args_take(struct mw_correlate *c, uint64_t call);

/* What they show of the call's power: bits of enum mw_power. */
unsigned int mw_correlate_power(const struct mw_correlate *c, uint64_t call);

struct mw_correlate_stats {
	uint64_t calls_evicted;	   /* given up while open, for others' room */
	uint64_t procs_evicted;	   /* given up while living */
	uint64_t effects_unlisted; /* counted only */
	uint64_t claims_evicted;   /* effects that waited for proof, and had to be let go */
	uint64_t claims_waiting;   /* now */
	uint64_t nomem;		   /* times that there was no memory: less is known */
	uint64_t flows_evicted;	   /* files, connections and paths whose tie was given up */
};
void mw_correlate_stats(const struct mw_correlate *c, struct mw_correlate_stats *ret);

#endif
