/* SPDX-License-Identifier: Apache-2.0 */
/* render_priv.h - what lines (render.c) and rows (render_row.c) share */
#ifndef MW_IO_RENDER_PRIV_H
#define MW_IO_RENDER_PRIV_H

#include "io/render.h"

#define RED	 "31"
#define GREEN	 "32"
#define YELLOW	 "33"
#define BOLD	 "1"
#define BOLD_RED "1;31"
#define DIM	 "2"

/* How many effects of a call stand on its line at most. */
#define EFFECTS_SHOWN 3

/* A number member; `otherwise` where it is not there or none. */
double mw_rec_num(const struct cJSON *rec, const char *name, double otherwise);
/* The parts of a line that have no columns; each with two spaces before it, nothing where there is
 * nothing to say. `row` may be NULL. */
void mw_render_way(struct mw_line *l, const struct cJSON *rec);
void mw_render_effects(struct mw_line *l, const struct cJSON *rec,
		       const struct mw_render_row *row);
void mw_render_gap(struct mw_line *l, const struct cJSON *rec);
const char *mw_render_status_sgr(const char *status);

#endif
