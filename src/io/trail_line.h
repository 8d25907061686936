/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_line.h - one line of a server's audit trail
 *
 * The line is the server's word and hostile: it is scanned strictly (base/json.h), never deeper
 * than MW_TRAIL_DEPTH, and a mapped member that stands in it twice is an error, since readers
 * differ on which of them counts.
 */
#ifndef MW_IO_TRAIL_LINE_H
#define MW_IO_TRAIL_LINE_H

#include "base/buf.h"
#include "io/trail_map.h"

/* Most bytes of a line, its newline aside. */
#define MW_TRAIL_LINE_MAX (1u << 20)
#define MW_TRAIL_DEPTH	  128u
/* Targets of one entry that are looked at. */
#define MW_TRAIL_TARGETS 64u

enum mw_trail_outcome { MW_TRAIL_UNSAID, MW_TRAIL_OK, MW_TRAIL_ERROR };

/* What a line says. Slices are of the line or of the parser, until the next line. */
struct mw_trail_entry {
	uint64_t line; /* from 1; set by who reads the file */
	bool is_call;  /* false: it says nothing of a call, and nothing below is set */
	bool has_time;
	int64_t time_ns;      /* since 1970 */
	struct mw_slice id;   /* decoded text, so that 1 and "1" are the same; empty: none */
	struct mw_slice tool; /* decoded */
	struct mw_slice args; /* a JSON object in canonical form (RFC 8785); empty: none */
	struct mw_slice user; /* decoded; empty: none */
	struct mw_slice target[MW_TRAIL_TARGETS]; /* decoded */
	size_t n_targets;
	bool more_targets; /* than MW_TRAIL_TARGETS */
	enum mw_trail_outcome outcome;
};

struct mw_trail_parser;

/* `map` is borrowed. 0, -ENOMEM. */
int mw_trail_parser_new(const struct mw_trail_map *map, struct mw_trail_parser **ret);
void mw_trail_parser_free(struct mw_trail_parser *p);

static inline void mw_trail_parser_freep(struct mw_trail_parser **p)
{
	mw_trail_parser_free(*p);
}

/*
 * Reads one line without its newline. 0; -EBADMSG: it is not what the format says, -E2BIG: nested
 * too deeply or too long, -EPROTONOSUPPORT: a record of a newer mcpwatch; then *ret_why is one
 * phrase and *ret_at the offset in the line.
 */
int mw_trail_parse(struct mw_trail_parser *p, struct mw_slice line, const char **ret_why,
		   size_t *ret_at, struct mw_trail_entry *ret);

/*
 * A line of logfmt (key=value, key="quoted \"value\"", key alone) as a JSON object whose values are
 * strings, appended to out. Escapes are those of Go's strconv.Quote; `at` is where it went wrong.
 * 0, -EBADMSG, -E2BIG, -ENOMEM.
 */
int mw_trail_logfmt(struct mw_slice line, struct mw_buf *out, size_t *ret_at);

/*
 * A time as trails write it: RFC 3339, also with ',' before the fraction, with a space for the T,
 * with +0100 for +01:00, without a zone (then map's); or a number of map's unit, by its size where
 * that is not given (below 10^11: seconds, 10^14: ms, 10^17: us). 0, -EINVAL.
 */
int mw_trail_time(const struct mw_trail_map *map, struct mw_slice text, int64_t *ret_ns);

/* The text of an id: a raw JSON string decoded (into out if it holds escapes), anything else as it
 * stands. */
struct mw_slice mw_trail_id(struct mw_slice raw, struct mw_buf *out);

#endif
