/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survey_pair.h - calls of different hosts' logs that are one call, seen at both its ends
 *
 * Two calls are one where one log has only the client's end and the other only the server's, their
 * keys are the same, and they began within MW_SURVEY_SKEW_NS of each other; and where no third
 * call, of whichever log, has that key within that time: what is ambiguous is not joined. Keys, the
 * first that serves: the request's traceparent; both ends of the TCP connection; its server's end
 * alone, where one log does not name the other. In each with the request's id, method and tool and,
 * without a traceparent, the length of the arguments.
 *
 * A traceparent is what the caller says: it holds across an address translation, and who copies
 * another's is joined to it where the other end was not seen. A relay that passes it on has two
 * calls of it in one log, which are not one.
 */
#ifndef MW_IO_SURVEY_PAIR_H
#define MW_IO_SURVEY_PAIR_H

#include <stddef.h>
#include <stdint.h>

struct mw_logrec;

/* Zero it before use; mw_pairs_done frees. */
struct mw_pairs {
	struct mw_pair_key {
		uint64_t key; /* seeded: what the observed writes cannot make two alike */
		uint64_t from; /* the client's end, likewise; 0: it is not named */
		int64_t begin_ns;
		uint32_t call, source;
		uint8_t level, role;
	} * keys;
	size_t n, cap;
	uint64_t seed;
};

/* Takes a `call` record, which the caller calls `call`, and whose log `source`. 0, -ENOMEM. */
int mw_pairs_add(struct mw_pairs *p, const struct mw_logrec *rec, uint32_t source, uint32_t call);
/* Says the pairs, the surest first: what was said of a call before is not taken back by later ones.
 */
void mw_pairs_finish(struct mw_pairs *p, void (*pair)(void *arg, uint32_t a, uint32_t b),
		     void *arg);
void mw_pairs_done(struct mw_pairs *p);

#endif
