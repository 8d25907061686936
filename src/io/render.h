/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h - a record as one line for people
 *
 *	12:00:01.234  billing  delete_user  ok  3.1 ms  file.delete /x/y, +2
 *
 * Behind the time it took stands how the call came, where that is not plain stdio: "by http 404 via
 *relay in 2 rounds". Before an effect of a call `~` says likely and `?` shared; a certain one has
 *no mark.
 */
#ifndef MW_IO_RENDER_H
#define MW_IO_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct cJSON;
struct mw_line;

/* A string member, or the string at a path of two names; NULL if it is not there or no string. */
const char *mw_rec_str(const struct cJSON *rec, const char *name);
const char *mw_rec_str2(const struct cJSON *rec, const char *name, const char *sub);
/* What to call the server of a record: its name, configured name, package or id; NULL. */
const char *mw_rec_server(const struct cJSON *rec);
/* The id of the call a record is, or belongs to; NULL. */
const char *mw_rec_call(const struct cJSON *rec);

/* What a server's key says it runs, in one word: of "/usr/bin/python3 /opt/x/server.py uid=0"
 * server.py. */
struct mw_slice mw_render_key(struct mw_slice key);

/* Puts the line for one record; `date`: with the date, and a call with its id. False: a record of
 * no interest on a line (body, ties, seal), or damaged. */
bool mw_render_record(struct mw_line *l, const struct cJSON *rec, bool date);
/*
 * A record in columns, for lists: time, call, server, what, result, and behind them the rest. How
 * many columns there are goes by the width of the line (max_cols).
 *
 *	12:00:01.234   c1d2-7  billing       delete_user         ok             3.1 ms  ...
 *	12:00:01.230  ~c1d2-7  billing       file.delete         ok         /x/y  delete_user
 *			(sole, likely)
 *
 * Before the call of an effect ~ says that the tie is likely, ? that it is open or shared.
 */
struct mw_render_row {
	/* Of an effect, where more is known than its record says; NULL: its own word. */
	const char *call, *link, *confidence;
	const char *tool; /* of its call; NULL: not known */
	bool open;	  /* its call has not ended, which may settle it otherwise */
	bool undone;	  /* the call that it names has ended, and it is not one of its effects */
	/* Whether an entry of a call's effects is to stand first; may be NULL. */
	bool (*prefer)(void *ctx, const struct cJSON *entry);
	void *ctx;
};
/* False: a damaged record. */
bool mw_render_row(struct mw_line *l, const struct cJSON *rec, const struct mw_render_row *row);
/* Whether rows of such a width leave the date out: then who lists says it where it changes. */
bool mw_render_row_no_date(unsigned int max_cols);

/* What to call the server of a record, in one word; p NULL: it names none. */
struct mw_slice mw_render_server(const struct cJSON *rec);
/* Puts "3.1 ms" or "1.20 s". */
void mw_render_elapsed(struct mw_line *l, double ms);

#endif
