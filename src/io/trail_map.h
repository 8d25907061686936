/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_map.h - where a trail's lines hold what a call is known by
 *
 * A path is member names with dots between: "extra.request_id". A member whose name is the whole
 *path, dots and all, comes first; a string that holds a JSON object is looked into as one
 *("message.tool" where message is text); "name[]" is each item of an array ("effects[].target"). Of
 *several paths the first one that is there counts.
 *
 * As a file (YAML); every key is optional but `tool`, and what is not given is the format's own:
 *
 *	format: json|logfmt|python-json|pino|mcpwatch	json, which is python-json
 *	id: PATH|[PATH...]		the request's JSON-RPC id
 *	tool: PATH|[PATH...]		a line without one is not an entry of a call
 *	args: PATH|[PATH...]		a JSON object, or a text that is one
 *	target: PATH|[PATH...]		files, URLs, addresses; all that are there
 *	outcome: PATH|[PATH...]		what it says goes by `ok:` and `error:`
 *	failed: PATH|[PATH...]		true, or a text, number or object that is not empty: it
 *failed time: PATH|[PATH...] user: PATH|[PATH...]
 *	ok: [WORD...]			beyond ok, success, true, done, 200 to 299 and their like
 *	error: [WORD...]		beyond error, failed, false, denied, 400 to 599 and their
 *like unit: s|ms|us|ns		of a time that is a number; without it by its size zone:
 *local|UTC|+HH:MM|-HH:MM	of a time that names none; local only: {PATH: GLOB...}
 *all must hold, or the line is not an entry
 */
#ifndef MW_IO_TRAIL_MAP_H
#define MW_IO_TRAIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum mw_trail_field {
	MW_TRAIL_ID,
	MW_TRAIL_TOOL,
	MW_TRAIL_ARGS,
	MW_TRAIL_TARGET,
	MW_TRAIL_OUTCOME,
	MW_TRAIL_FAILED,
	MW_TRAIL_TIME,
	MW_TRAIL_USER,
	MW_TRAIL_N_FIELDS,
};

/* Most paths a field has, and names a path. */
#define MW_TRAIL_PATHS_MAX 16
#define MW_TRAIL_NAMES_MAX 8

struct mw_trail_words {
	const char *const *p;
	size_t n;
};

struct mw_trail_only {
	const char *path, *glob;
};

struct mw_trail_map {
	const char *name;
	bool logfmt;
	bool records; /* this project's own: their version is looked at */
	struct mw_trail_words field[MW_TRAIL_N_FIELDS];
	struct mw_trail_words ok, error;
	const struct mw_trail_only *only;
	size_t n_only;
	int64_t unit_ns; /* of a number; 0: by its size */
	bool zoned;	 /* zone_s holds; else the local zone */
	int64_t zone_s;	 /* seconds east */
};

/* One of the presets: json, logfmt, python-json, pino, mcpwatch. NULL: there is none of that name.
 */
const struct mw_trail_map *mw_trail_preset(const char *name);
/* The preset that a trail's first line speaks for; NULL: none. */
const struct mw_trail_map *mw_trail_guess(struct mw_slice line);

/* A map file. 0; -EINVAL: its content, -ENOENT and others: it cannot be read; err holds one line
 * that names file and line. To be freed. */
struct mw_trail_map_file;
int mw_trail_map_load(const char *path, char *err, size_t err_len, struct mw_trail_map_file **ret);
const struct mw_trail_map *mw_trail_map_of(const struct mw_trail_map_file *f);
void mw_trail_map_free(struct mw_trail_map_file *f);

static inline void mw_trail_map_freep(struct mw_trail_map_file **f)
{
	mw_trail_map_free(*f);
}

#endif
