/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - the pure core as a whole: events in, records out
 *
 * No file, socket, clock, environment, randomness, thread or global behind it: the same
 * configuration and the same events give the same records, byte for byte.
 *
 *	mw_engine_new(&cfg, &e);
 *	while ((n = mw_source_next(src, 10, &ev)) != -ENODATA)
 *		if (n > 0) {
 *			mw_engine_push(e, ev, n);
 *			while (mw_engine_next(e, &out) == 1)
 *				...
 *		}
 *	mw_engine_finish(e);  and pull again
 *	mw_engine_free(e);
 */
#ifndef MCPWATCH_ENGINE_H
#define MCPWATCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/record.h>
#include <mcpwatch/source.h>

struct mw_alloc;
struct mw_engine;
struct mw_redact_rules; /* core/redact.h */
struct mw_policy_rules; /* core/policy.h */

/* What a keyed hash is for: each use has a key of its own, so that one says nothing of another. */
enum mw_mac_use {
	MW_MAC_CONTENT = 1,	/* args_hmac, result_hmac: over the exact bytes */
	MW_MAC_FINGERPRINT = 2, /* of tokens and of what was redacted */
};

/* A request of an earlier run that has no call record. */
struct mw_engine_open {
	const char *record; /* its request record as it was written, without the newline */
	size_t n;
};

/* What the log of an earlier run ends with. All borrowed until the first push has returned. */
struct mw_engine_resume {
	int64_t last_ns;     /* the time of its last record, ns since 1970 */
	const char *boot_id; /* of its last daemon record that has one; NULL unknown */
	bool stopped;	     /* that run said it stopped: what was open then was closed by it */
	const struct mw_engine_open *open; /* oldest first */
	size_t n_open;
	uint64_t n_dropped; /* requests without a call record beside these, older ones */
};

/* What the log was found to have at its start, for the first records. All borrowed until the first
 * push has returned. */
struct mw_engine_found {
	uint64_t unsealed; /* records behind the last seal, which were kept */
	uint64_t torn_n;   /* bytes behind them that are no record, and were moved away */
	/* What was wrong with the log that this one follows; NULL: nothing. Its name and that of
	 * its last root may be "", where they are not known. */
	const char *damaged_why, *damaged_origin, *damaged_root;
	uint64_t damaged_size;
};

/* How much of what is said between a server and its clients stands in records. What does not is known
 * by its length and keyed hash, and rules still look at it. */
enum mw_content {
	MW_CONTENT_FULL = 0,
	MW_CONTENT_ARGS, /* arguments, but no results, and no notifications of the server */
	MW_CONTENT_HASH, /* neither */
};

struct mw_content_rule {
	/* A glob over the configured name or the key of a server; never what it says of itself, or a
	 * server could hide by its name. */
	const char *server;
	enum mw_content keep;
};

struct mw_engine_config {
	const struct mw_alloc *alloc; /* borrowed for the engine's life */
	/* SHA-256 of p[0..n): the core has no crypto of its own. Never fails. */
	void (*sha256)(const void *p, size_t n, uint8_t out[32]);
	/* HMAC-SHA-256 of p[0..n) with the key for `use`. Never fails. */
	void (*mac)(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32]);
	void *mac_ctx;
	/* What is a secret beside what its name says. Borrowed for the engine's life; NULL: nothing. */
	const struct mw_redact_rules *redact;
	/* What is worth an alert. Borrowed for the engine's life, or until mw_engine_rules. NULL: no
	 * alerts. */
	const struct mw_policy_rules *policy;
	/* Of all files of rules and of the configuration, for daemon records; all zero: none. */
	uint8_t rules_hash[32], config_hash[32];
	uint64_t first_seq;  /* the seq of the first record: goes on where a log ended */
	/* NULL: this log begins here. Else the first records after `daemon` are a gap for the time
	 * between (reason "restarted"), and a call with status lost for each that was open. */
	const struct mw_engine_resume *resume;
	const struct mw_engine_found *found; /* NULL: nothing of note */
	/* Most memory of all reassembly together; 0: 64 MiB. At least twice message_max and 4 MiB
	 * beside: less is taken as that. What finds none is a gap (no_memory). */
	size_t memory_max;
	/* The first one that fits a server holds; none: MW_CONTENT_FULL. Borrowed for the engine's
	 * life, or until mw_engine_content. */
	const struct mw_content_rule *content;
	size_t n_content;
	size_t message_max;  /* longest message kept whole, 0: 32 MiB */
	bool raw;	     /* also give each message's exact, unredacted bytes (tests) */
};

enum mw_out_kind {
	MW_OUT_RECORD = 1,  /* record */
	MW_OUT_CONTROL = 2, /* control: something to ask of the source */
	MW_OUT_RAW = 3,	    /* bytes: one message, as its client's end saw it; only if cfg.raw */
	MW_OUT_STATE = 4,   /* bytes: one line of the state that lasts (core/state.h), to be kept and
			     * given back as MW_EV_STATE by the next run */
};

struct mw_out {
	enum mw_out_kind kind;
	struct mw_record record; /* RECORD */
	/* RECORD and RAW; borrowed, as all of it, until the next call of anything on this engine */
	const char *bytes;
	size_t len;
	struct mw_control control;
};

struct mw_engine_stats {
	uint64_t events, records, calls, calls_open, effects, gaps, anomalies, alloc_failed;
	uint64_t alerts;
	uint64_t stream_bytes;
	uint64_t unwritten; /* records that the log did not take (MW_EV_STORE): in no sink, said as
			       gaps */
	/* What never came, in all: events of the kernel, its programs that did not run, what found
	 * no room in its tables. */
	uint64_t lost_events, lost_runs, lost_table, lost_argv;
	/* Of channels' bytes: missing, come too late, without memory; and waiting now. */
	uint64_t gap_bytes, late_bytes, dropped_bytes, held_bytes;
	uint64_t places_lost;	   /* connections whose next message cannot be found */
	uint64_t effects_unlisted; /* counted in their call's record only */
	uint64_t effects_waiting;  /* now, for the proof of their tie */
	uint64_t facts, alerts_folded, regex_failed; /* of rules; folded: counted in another one */
	uint64_t redacted, unscanned; /* marks written; texts that went whole for a pattern's time */
	uint64_t bad_names;	      /* datagrams that were no DNS */
	uint64_t state_pins, state_tools, state_evicted, state_refused;
	uint64_t memory, memory_max, memory_refused; /* of reassembly: bytes, times */
};

/* A table of the core's: how full it is, and what found no room in it. */
struct mw_engine_table {
	const char *name; /* static; as `where` of a gap calls it */
	uint64_t n, max;  /* max 0: how full it is is not counted */
	uint64_t lost;
};
#define MW_ENGINE_TABLES 32

/* What a server's connections are that are not read, since it is known: how many began as TLS or
 * HTTP/2. in: others' to it; out: its own and those of what it started. */
struct mw_engine_opaque {
	char id[40]; /* of the server, as records have it */
	uint64_t tls_in, http2_in, tls_out, http2_out;
};

/* 0, -EINVAL, -ENOMEM. */
int mw_engine_new(const struct mw_engine_config *cfg, struct mw_engine **ret);
void mw_engine_free(struct mw_engine *e);
/*
 * Takes one event (8-aligned, borrowed for the call and until next has said 0). 0; -EBADMSG: it is
 * no sound event and nothing of it was used. A lack of memory is not an error here: what was lost by
 * it is counted and becomes a gap record.
 */
int mw_engine_push(struct mw_engine *e, const void *event, size_t len);
/* 1 an output, 0 none: push on. */
int mw_engine_next(struct mw_engine *e, struct mw_out *ret);
/* The end of events: holes become gaps, open calls get their end (no_response), folded effects are
 * written. Pull afterwards. */
void mw_engine_finish(struct mw_engine *e);
/*
 * Other rules from now on, in place of those of the configuration, all or none of them: 0, and a
 * daemon record "reload" with the new hashes comes out (NULL hashes: those of before go). -ENOMEM,
 * -EINVAL (a rule does not compile: see mw_redact_new, mw_policy_new, which say which): nothing is
 * changed. What was said to be borrowed for the engine's life may go once this has returned 0. The
 * counts of rules that are equal by id go on. Pull afterwards.
 */
int mw_engine_rules(struct mw_engine *e, const struct mw_redact_rules *redact,
		    const struct mw_policy_rules *policy, const uint8_t rules_hash[32],
		    const uint8_t config_hash[32]);
/* Other ones in place of cfg.content. */
void mw_engine_content(struct mw_engine *e, const struct mw_content_rule *content, size_t n);
/* Other rules were asked for and could not be had: a daemon record "reload_failed" that says why.
 * Pull afterwards. */
void mw_engine_rules_failed(struct mw_engine *e, const char *why);
void mw_engine_stats(const struct mw_engine *e, struct mw_engine_stats *ret);
/* Servers that have any, as many as there is room for in ret; how many that are. */
size_t mw_engine_opaque(const struct mw_engine *e, struct mw_engine_opaque *ret, size_t max);
/* How many were written to ret. Always the same ones in the same order. */
size_t mw_engine_tables(const struct mw_engine *e, struct mw_engine_table ret[MW_ENGINE_TABLES]);

#endif
