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

struct cJSON;
struct mw_line;

/* A string member, or the string at a path of two names; NULL if it is not there or no string. */
const char *mw_rec_str(const struct cJSON *rec, const char *name);
const char *mw_rec_str2(const struct cJSON *rec, const char *name, const char *sub);
/* What to call the server of a record: its name, configured name, package or id; NULL. */
const char *mw_rec_server(const struct cJSON *rec);
/* The id of the call a record is, or belongs to; NULL. */
const char *mw_rec_call(const struct cJSON *rec);

/* Puts the line for one record; `date`: with the date, and a call with its id. False: a record of no interest on a line
 * (body, ties, seal), or damaged. */
bool mw_render_record(struct mw_line *l, const struct cJSON *rec, bool date);
/* Puts "3.1 ms" or "1.20 s". */
void mw_render_elapsed(struct mw_line *l, double ms);

#endif
