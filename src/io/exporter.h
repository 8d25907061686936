/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.h - a log as another form: html, csv, jsonl, timesketch, trace, ocsf, otlp
 *
 * The log is read twice. The first reading (survey.h) verifies it and learns what stands behind
 * what it belongs to: counts and names for a head, and the ties that calls' records settle after
 * their effects were written. The second hands each record over, in the log's order, and a format
 * writes as it goes: what it keeps is bounded, or grows with the number of servers and sessions
 * only.
 *
 *	begin() once, item() for each record that the filters let through, end() once.
 *
 * What they write they append to `out`; who calls them takes it from there to `to`, in that order
 * (mw_survey_export). Of a format that has `twin` several write parts of the log side by side.
 *
 * Everything in a record comes from the observed world: a format escapes all of it for its reader.
 * Raw values (mw_logrec_get) are valid JSON and may be copied into JSON as they are.
 */
#ifndef MW_IO_EXPORTER_H
#define MW_IO_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/export_out.h"
#include "io/logread.h"
#include "io/verify.h"

/* One log that is read. Strings are NUL-terminated; "" what is not known. */
struct mw_export_input {
	const char *path;
	const char *host;    /* of its first record */
	const char *version; /* of the mcpwatch that wrote its newest `daemon` record with one */
	uint64_t n;	     /* its records, exported or not */
	int64_t first_ns, last_ns;
	/* NULL: a file of records, which nothing proves. Else what is proved, as verify says it. */
	const struct mw_verify_report *report;
	const char *checkpoint; /* the newest signed note, verbatim */
};

/* A server, tool or principal, by how often it called or was called; most first. */
struct mw_export_name {
	const char *name;
	uint64_t calls, alerts;
};

/* What an export says of itself. Owned by the survey. */
struct mw_export_about {
	const struct mw_export_input *inputs;
	size_t n_inputs;
	const char *filter;	   /* as it was typed, words apart; "" none: all of it */
	int64_t made_ns;	   /* since 1970 */
	int64_t first_ns, last_ns; /* of what is exported; both 0: nothing is */
	/* Of what is exported. */
	uint64_t records, calls, effects, alerts, anomalies, gaps;
	uint64_t severity[4]; /* alerts: low, medium, high, critical */
	uint64_t lost_bytes, lost_events;
	const struct mw_export_name *servers, *tools, *principals;
	size_t n_servers, n_tools, n_principals; /* at most MW_EXPORT_NAMES_MAX each; more_*: others */
	uint64_t more_servers, more_tools, more_principals;
	/* Why none of it is to be relied on: tampered, forged, or records missing. NULL: nothing is
	 * known against it. Every format says it where its reader looks first. */
	const char *wrong;
};

#define MW_EXPORT_NAMES_MAX 256

/* How an effect belongs to a call by what is known at the end: the call's record, or else its own. */
struct mw_export_tie {
	const char *call;	/* "" none */
	const char *link;	/* the contract's word */
	const char *confidence; /* likewise */
	bool settled;		/* the call's record says so */
};

/* One record. All of it is valid until item() returns. */
struct mw_export_item {
	const struct mw_logrec *rec;
	const char *host;
	struct mw_export_tie tie; /* of an `effect`; "" all of it of another record */
	/* Of a `call`: that of another host's log which is the same call seen there; "" none. */
	const char *joined;
};

struct mw_exporter;

struct mw_exporter_ops {
	int (*begin)(struct mw_exporter *e, const struct mw_export_about *about);
	int (*item)(struct mw_exporter *e, const struct mw_export_item *item);
	int (*end)(struct mw_exporter *e);
	/* Takes a half-made one; not NULL. */
	void (*free)(struct mw_exporter *e);
	/* Behind begin(): another one whose item() writes what that of `e` would, in another
	 * thread; neither begun nor ended. 0, -ENOMEM. NULL: what an item writes hangs on those
	 * before it. */
	int (*twin)(const struct mw_exporter *e, struct mw_exporter **ret);
};

/* All return 0 or a negative errno. */
struct mw_exporter {
	const struct mw_exporter_ops *ops;
	FILE *to; /* borrowed; may be a pipe: nothing seeks in it */
	struct mw_outbuf out;
};

/* Each makes one on the heap. 0, -ENOMEM. */
typedef int mw_exporter_new_fn(FILE *to, struct mw_exporter **ret);
mw_exporter_new_fn mw_export_html_new, mw_export_csv_new, mw_export_jsonl_new,
    mw_export_timesketch_new, mw_export_trace_new, mw_export_ocsf_new, mw_export_otlp_new;

static inline void mw_exporter_freep(struct mw_exporter **e)
{
	if (*e)
		(*e)->ops->free(*e);
}

#endif
