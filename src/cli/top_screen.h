/* SPDX-License-Identifier: Apache-2.0 */
/* top_screen.h - top's terminal: cells out, keys in (ncurses) */
#ifndef MW_CLI_TOP_SCREEN_H
#define MW_CLI_TOP_SCREEN_H

#include "io/live.h"

/* Takes the terminal over. 0, or MW_EXIT_FAIL after a line on stderr: there is none. */
int mw_top_screen_begin(void);
/* Gives it back as it was. May be called twice. */
void mw_top_screen_end(void);
/* Its size now. */
void mw_top_screen_size(unsigned int *ret_rows, unsigned int *ret_cols);
void mw_top_screen_show(const struct mw_live_grid *g);
/* The next key: a character, or one of these; -1: none. Never waits. */
enum {
	MW_TOP_KEY_UP = 1000,
	MW_TOP_KEY_DOWN,
	MW_TOP_KEY_BACKSPACE,
	MW_TOP_KEY_ENTER,
	MW_TOP_KEY_ESCAPE,
	MW_TOP_KEY_RESIZE,
};
int mw_top_screen_key(void);

#endif
