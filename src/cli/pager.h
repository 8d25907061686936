/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager.h - where the verbs that list print to: colour, width, and a pager as git has one
 *
 * On a terminal the output goes through $MCPWATCH_PAGER, else $PAGER, else less (with LESS=FRX
 * where LESS is not set, so that what fits the screen is only printed); "cat" or an empty one is
 * none. What goes to stderr goes with it. A reader that has gone is no error: who prints asks
 * mw_pager_gone and ends.
 */
#ifndef MW_CLI_PAGER_H
#define MW_CLI_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

enum mw_colour {
	MW_COLOUR_AUTO = 0, /* on a terminal, but for NO_COLOR and TERM=dumb */
	MW_COLOUR_ALWAYS,
	MW_COLOUR_NEVER,
};

/* What mw_pager_option takes; rows of a table: filter_options.h */
enum { MW_PAGER_COLOUR = 512, MW_PAGER_NO_PAGER };

struct mw_pager {
	enum mw_colour when;
	bool no_pager;
	/* once it is open */
	bool colour;
	unsigned int width; /* columns; 0: no limit */
	pid_t pager;	    /* 0: none */
	int saved_out, saved_err; /* private */
	int err;		  /* why the output did not get out */
};

/* Takes one of them. 0, or MW_EXIT_USAGE after a line on stderr. */
int mw_pager_option(struct mw_pager *o, const char *verb, int option, const char *value);
/* Before the first byte is printed. `paged`: a pager is wanted where there is a terminal. */
void mw_pager_open(struct mw_pager *o, bool paged);
/* Whether nobody reads any more, or the user has had enough. */
bool mw_pager_gone(struct mw_pager *o);
/* Waits so long for nothing but that: a reader that goes while nothing is printed is noticed, too.
 */
void mw_pager_wait(struct mw_pager *o, int ms);
/* All is printed; waits for the pager. MW_EXIT_OK, also where the reader went; MW_EXIT_FAIL after a
 * line. */
int mw_pager_done(struct mw_pager *o);

#endif
