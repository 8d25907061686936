/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_screen.h"

#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/sink_screen.h"

static SCREEN *screen;
static bool colours;

int mw_top_screen_begin(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return mw_cli_fail(
		    "top needs a terminal; 'mcpwatch top --once' prints one picture");
	/* what is shown is UTF-8, whatever the locale says: as of all verbs */
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	screen = newterm(term && *term ? term : "vt100", stdout, stdin);
	if (!screen)
		return mw_cli_fail(
		    "the terminal '%s' is not known here; try TERM=vt100, or 'mcpwatch "
		    "top --once'",
		    term ? term : "");
	set_term(screen);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	colours = mw_screen_colour(stdout) && start_color() == OK && has_colors();
	if (colours) {
		use_default_colors();
		init_pair(MW_LIVE_RED, COLOR_RED, -1);
		init_pair(MW_LIVE_YELLOW, COLOR_YELLOW, -1);
		init_pair(MW_LIVE_GREEN, COLOR_GREEN, -1);
	}
	return 0;
}

void mw_top_screen_end(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void mw_top_screen_size(unsigned int *ret_rows, unsigned int *ret_cols)
{
	int rows, cols;

	getmaxyx(stdscr, rows, cols);
	*ret_rows = rows > 0 ? (unsigned int)rows : 1;
	*ret_cols = cols > 0 ? (unsigned int)cols : 1;
}

static attr_t attr_of(enum mw_live_attr attr)
{
	switch (attr) {
	case MW_LIVE_PLAIN:
		return A_NORMAL;
	case MW_LIVE_BOLD:
		return A_BOLD;
	case MW_LIVE_DIM:
		return A_DIM;
	case MW_LIVE_TITLE:
		return A_REVERSE;
	case MW_LIVE_RED:
	case MW_LIVE_YELLOW:
	case MW_LIVE_GREEN:
		break;
	}
	/* without colours what is red or yellow still stands out */
	return colours ? (attr_t)COLOR_PAIR((int)attr) : attr == MW_LIVE_GREEN ? A_NORMAL : A_BOLD;
}

void mw_top_screen_show(const struct mw_live_grid *g)
{
	static unsigned int rows, cols;
	unsigned int row, col;

	erase();
	/* terminals differ in what they leave when their size changes: all of it is sent anew */
	if (rows != g->rows || cols != g->cols)
		clearok(stdscr, TRUE);
	rows = g->rows;
	cols = g->cols;
	for (row = 0; row < g->rows; row++)
		for (col = 0; col < g->cols; col++) {
			const struct mw_live_cell *c = &g->cell[(size_t)row * g->cols + col];

			if (!c->text[0])
				continue;
			attrset((int)attr_of(c->attr));
			/* the last column of the last row cannot be left: no error of ours */
			(void)mvaddstr((int)row, (int)col, c->text);
		}
	attrset(A_NORMAL);
	refresh();
}

int mw_top_screen_key(void)
{
	const int key = getch();

	switch (key) {
	case ERR:
		return -1;
	case KEY_UP:
		return MW_TOP_KEY_UP;
	case KEY_DOWN:
		return MW_TOP_KEY_DOWN;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		return MW_TOP_KEY_BACKSPACE;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return MW_TOP_KEY_ENTER;
	case 27:
		return MW_TOP_KEY_ESCAPE;
	case KEY_RESIZE:
		return MW_TOP_KEY_RESIZE;
	default:
		return key;
	}
}
