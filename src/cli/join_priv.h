/* SPDX-License-Identifier: Apache-2.0 */
/* join_priv.h - between join.c, where records wait, and join_call.c, which knows of their calls */
#ifndef MW_CLI_JOIN_PRIV_H
#define MW_CLI_JOIN_PRIV_H

#include "base/table.h"
#include "cli/join.h"
#include "io/heap.h"

#define ID_LEN	  44
#define WORD_LEN  16
#define FACTS_MAX 8192 /* of what is kept of a call; a principal beyond it is not */

/* The key of a call or server: its id and whose log it stands in. */
struct key {
	char id[ID_LEN];
	uint32_t input;
};

struct call {
	struct key key;
	struct key server;
	uint64_t no; /* in the order they were opened */
	bool settles, has_ended;
	uint64_t ended;					  /* where its record stands */
	struct mw_slice tool, principal, session, status; /* in mem */
	char *mem;
};

struct seq_key {
	uint64_t input, seq;
};

struct item {
	struct item *next;
	struct mw_logrec rec;
	struct mw_logrec_member *members;
	struct seq_key seq;
	struct key call;  /* whose it is; id "": none */
	struct key named; /* that its own record named */
	struct key server;
	struct key blocker; /* an open call it waited for when last asked */
	uint64_t before;    /* waits for calls with a lower no */
	size_t bytes;
	bool effect, waits, waited; /* waited: it did so when it came */
	bool expired;		    /* it went on waiting for longer than any may */
	bool hidden;		    /* an effect kept for its call's sake */
	bool late;		    /* an effect, written behind its call's record */
	bool matched;		    /* a call: one of its effects passes by its own record */
	bool folded;		    /* an entry of its call's may stand for it, without naming it */
	bool indexed;		    /* it stands in by_seq */
	enum mw_tie_state tie;
	char link[WORD_LEN], confidence[WORD_LEN];
};

/* A call whose record has been read, and whose ties may follow. */
struct ending {
	struct key call;   /* id "": none */
	struct item *item; /* its record, while it is here */
	uint64_t seq;	   /* its number */
};

struct mw_join {
	const struct mw_filter *f;
	const char *const *types;
	struct mw_table *open, *ended; /* calls */
	struct mw_table *by_seq;
	struct item *head, **tail, *out;
	size_t n, bytes;
	uint64_t no;
	bool flushed;
	struct ending *ending; /* of each input */
	size_t n_inputs;
};

/* The call, or the server, that a record names; id "": none. */
struct key mw_join_call_key(const struct mw_logrec *rec);
struct key mw_join_server_key(const struct mw_logrec *rec);
/* A raw string that is one of our words; "" if it is longer. */
void mw_join_word(char ret[WORD_LEN], struct mw_slice raw);

/* As known at the record `seq`. NULL: not known, or forgotten. */
struct call *mw_join_call_get(const struct mw_join *j, const struct key *key, uint64_t seq);
/* That of a request's or call's record, with what it says; *ret NULL: it names none. 0, -ENOMEM. */
int mw_join_call_at(struct mw_join *j, const struct mw_logrec *rec, struct call **ret);
/* Into one of the two tables; the oldest there goes for it. 0, -ENOMEM. */
int mw_join_call_put(struct mw_table *t, size_t max, struct call *c);
void mw_join_call_free(struct call *c);

/* Hands the ties of a call's `effects`, of the record `seq`, to those that wait for it. *matched is
 * set where one does: it passes the filter by its own record. */
void mw_join_settle(struct mw_join *j, const struct key *call, uint64_t seq,
		    struct mw_slice effects, bool *matched);

#endif
