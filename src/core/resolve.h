/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h - what processes asked the DNS, and so the names of addresses
 *
 * Datagrams to and from port 53 in (MW_EV_DGRAM), net.dns actions out: the time, process and thread
 * are those of the question, or of the answer where the question was not seen;
 *   target  the name asked for (dns.h), verb its type ("AAAA"), object the answers of that type,
 *           with blanks between them, those of a chain of CNAME before them
 *   mode    the answer's code ("NOERROR", "NXDOMAIN"); empty: none came
 *   ret     0; NXDOMAIN -ENOENT, SERVFAIL -EAGAIN, REFUSED -ECONNREFUSED, other codes -EPROTO, no
 *           answer for MW_RESOLVE_WAIT_NS -ETIMEDOUT, none yet at the end -EINPROGRESS
 *   n       how often it was sent, if more than once
 * An answer is the one to a question of the same socket, id, name (whatever its letters' case,
 * RFC 4343) and type; from_kernel is false: the bytes are user memory's.
 *
 * Of every answer its addresses get the name that was asked for (not a CNAME's), for the process
 * that asked. An answer to a question that was not seen counts only if it came from port 53.
 */
#ifndef MW_CORE_RESOLVE_H
#define MW_CORE_RESOLVE_H

#include "core/act.h"

#define MW_RESOLVE_WAIT_NS 10000000000ull
/* How long an address keeps a name, whatever the answer says: connections are made long after. */
#define MW_RESOLVE_KEEP_NS 3600000000000ull
/* Questions without an answer, and names of addresses, at once; beyond, the oldest go. */
#define MW_RESOLVE_ASKED_MAX 1024u
#define MW_RESOLVE_NAMES_MAX 16384u
/* Names of one address that one look-up gives. */
#define MW_RESOLVE_GIVEN_MAX MW_ACT_NAMES_MAX

struct mw_resolve;

struct mw_resolve_stats {
	uint64_t asked_evicted; /* questions said without an answer, for others' room */
	uint64_t names_evicted;
	uint64_t malformed; /* datagrams that were no DNS message of one question */
};

int mw_resolve_new(const struct mw_alloc *a, struct mw_resolve **ret);
void mw_resolve_free(struct mw_resolve *r);
/* One checked event. 0 or -ENOMEM: what it says is lost. Pull until 0. */
int mw_resolve_push(struct mw_resolve *r, const struct mw_ev_dgram *ev);
void mw_resolve_tick(struct mw_resolve *r, uint64_t now_ns);
void mw_resolve_finish(struct mw_resolve *r);
/* 1 an action, borrowed until the next call of next or push; 0 none. */
int mw_resolve_next(struct mw_resolve *r, struct mw_action *ret);
/* Tells whether one process is of the other's family: an ancestor, or below it. */
typedef bool mw_resolve_kin(const void *ctx, struct mw_prockey a, struct mw_prockey b);
/*
 * The names that this address had for `proc` at now_ns: those that it asked for itself, else those
 * of its kin (kin may be NULL: nobody); the latest first. How many, at most MW_RESOLVE_GIVEN_MAX.
 * Borrowed until the next push. The port does not matter; ::ffff:a.b.c.d is a.b.c.d.
 */
size_t mw_resolve_names(const struct mw_resolve *r, const struct mw_addr *addr,
			struct mw_prockey proc, uint64_t now_ns, mw_resolve_kin *kin,
			const void *ctx, struct mw_slice ret[MW_RESOLVE_GIVEN_MAX]);
void mw_resolve_stats(const struct mw_resolve *r, struct mw_resolve_stats *ret);

#endif
