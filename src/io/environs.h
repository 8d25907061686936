/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environs.h - the environments of processes that were asked for
 *
 * Read in other threads (looker.h), as a process may hold up who reads its memory: what does not
 * come within a few milliseconds is asked for again with each poll, for MW_ENVIRONS_NS. Of what
 * never comes is told that nothing of it is known (env_len 0, cut), but of a process that is gone
 * nothing.
 */
#ifndef MW_IO_ENVIRONS_H
#define MW_IO_ENVIRONS_H

#include "io/bpf_facts.h"

/* Waited for at once. */
#define MW_ENVIRONS_MAX 256
#define MW_ENVIRONS_NS	10000000000ull

struct mw_environs;

/* The queue gets MW_EV_ENV; borrowed. 0, -ENOMEM. */
int mw_environs_new(struct mw_evq *queue, struct mw_environs **ret);
void mw_environs_free(struct mw_environs *e); /* takes NULL */

/* Once for each process and program. */
void mw_environs_ask(struct mw_environs *e, uint32_t tgid, uint64_t start_ns);
void mw_environs_poll(struct mw_environs *e);

#endif
