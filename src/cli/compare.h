/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h - what `compare` prints */
#ifndef MW_CLI_COMPARE_H
#define MW_CLI_COMPARE_H

#include "io/trail_match.h"

struct mw_redact;

struct mw_compare_out {
	const char *trail; /* its file, as named */
	struct mw_redact *redact; /* what a trail says is not printed but through it */
	bool json, all;	   /* all: what agrees too */
	bool failed;	   /* a finding could not be printed: no memory */
};

/* One finding on stdout; `ctx` is a struct mw_compare_out. */
void mw_compare_print(void *ctx, const struct mw_finding *f);
void mw_compare_print_sum(struct mw_compare_out *o, const struct mw_match_sum *sum);

#endif
