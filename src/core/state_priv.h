/* SPDX-License-Identifier: Apache-2.0 */
/* state_priv.h - shared inside state*.c, not for others: what a line of state says */
#ifndef MW_CORE_STATE_PRIV_H
#define MW_CORE_STATE_PRIV_H

#include "base/buf.h"
#include "base/hash.h"
#include "core/state.h"

/* What stands for three texts: equal ones have equal ids; others may, if somebody worked for it. */
struct mw_state_id {
	uint64_t h[2];
};
struct mw_state_id mw_state_id(struct mw_slice a, struct mw_slice b, struct mw_slice c);

/* Its texts are in short form: never longer than their line has room for. */
struct mw_state_said {
	bool shapes; /* else a pin */
	struct mw_slice server, what, name;
	uint8_t hash[32];
	int64_t first, since;
	uint64_t calls, n_set;
	const uint64_t *set;
};

struct mw_state_lines {
	const struct mw_alloc *a;
	struct mw_buf line;		  /* what put made */
	struct mw_buf server, what, name; /* that parse and name lend */
};

void mw_state_lines_init(struct mw_state_lines *l, const struct mw_alloc *a);
void mw_state_lines_done(struct mw_state_lines *l);
/* The texts of x, in short form, are borrowed from l until its next call. 0, -ENOMEM. */
int mw_state_line_name(struct mw_state_lines *l, struct mw_slice server, struct mw_slice what,
		       struct mw_slice name, struct mw_state_said *x);
/* Into l->line. 0, -ENOMEM; -E2BIG of texts that are not in short form. */
int mw_state_line_put(struct mw_state_lines *l, const struct mw_state_said *x);
/* 0: put would make the same line; its texts are borrowed from l, its set is `set`. -EINVAL,
 * -ENOMEM. */
int mw_state_line_parse(struct mw_state_lines *l, struct mw_slice line,
			uint64_t set[MW_STATE_SHAPES_MAX], struct mw_state_said *x);

#endif
