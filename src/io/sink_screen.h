/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_screen.h - a readable line for each call, alert, gap and anomaly (render.h says how)
 *
 * Other records are passed over. One write a line, so that lines of the observed program's own output
 * are not torn apart. On a terminal a line is cut to its width, and coloured unless NO_COLOR is set.
 */
#ifndef MW_IO_SINK_SCREEN_H
#define MW_IO_SINK_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include <mcpwatch/sink.h>

/* `f` is borrowed for the sink's life. A write to it that fails is not an error of the observation:
 * the sink goes quiet. 0, -ENOMEM. */
int mw_sink_screen_new(FILE *f, struct mw_sink **ret);

/* Whether to colour what goes to f; and its width in columns, 0: no limit. */
bool mw_screen_colour(FILE *f);
unsigned int mw_screen_width(FILE *f);

#endif
