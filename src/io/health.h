/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - how a running daemon is: all counters in one struct, and as JSON
 *
 * Who runs the loop fills it (cli/serve.c); from it come `status` (JSON), `metrics` (metrics.h) and
 * what top shows in its head. Counters are since the start unless said otherwise.
 *
 * The JSON is one object on one line: "type":"status", "v":1, then what the members here are called;
 * "healthy", and "problems" [{"bad":bool, "what":text}]. Of each server "seen" says in a few words how
 * well: its tier, connections that are not read ("opaque", mw_engine_opaque), gaps. Times are RFC 3339, ages and lengths of time
 * in seconds. Text of the observed world (names) is as it stands in records: to be escaped by who
 * shows it.
 */
#ifndef MW_IO_HEALTH_H
#define MW_IO_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/engine.h>
#include <mcpwatch/source.h>

#include "io/anchor.h"
#include "io/scope.h"
#include "io/sink_alert.h"
#include "io/sink_log.h"
#include "io/source_bpf.h"
#include "io/tally.h"

/* The control socket's own. */
struct mw_health_control {
	uint64_t clients;  /* now */
	uint64_t requests; /* answered */
	uint64_t refused;  /* clients without room, without right, or with no request */
	uint64_t slow;	   /* clients let go because they did not read or write in time */
	uint64_t dropped;  /* records that a watching client did not get */
};

#define MW_HEALTH_OPAQUE_MAX 256

struct mw_health {
	const char *host, *version;
	int64_t now_ns, started_ns;	    /* since 1970 */
	uint64_t boot_ns, started_boot_ns;  /* CLOCK_BOOTTIME */
	uint8_t config_hash[32], rules_hash[32]; /* all zero: no file */
	uint32_t pid;
	uint64_t rss; /* bytes */
	double cpu_seconds;
	uint64_t reloads, reloads_failed;
	struct mw_source_stats source;
	struct mw_source_bpf_stats bpf;
	struct mw_scope_stats scope;
	struct mw_engine_stats engine;
	struct mw_engine_table tables[MW_ENGINE_TABLES];
	size_t n_tables;
	const char *log_dir;
	struct mw_sink_log_stats log;
	uint64_t n_anchors;
	struct mw_anchors_stats anchors;
	struct mw_alert_stats outlets;
	bool state_on;
	uint64_t state_unkept; /* lines */
	struct mw_health_control control;
	const char *metrics_file; /* NULL: none */
	uint64_t metrics_failed;  /* times that it could not be written */
	const struct mw_tally *tally;
	struct mw_engine_opaque opaque[MW_HEALTH_OPAQUE_MAX];
	size_t n_opaque;
	uint64_t stopping; /* 1: it was told to end, and finishes what it has begun */
};

/* Fills the times, and what /proc/self says. */
void mw_health_self(struct mw_health *h);

struct mw_health_problem {
	bool bad; /* it does not do its work; else: something is to be looked at */
	char what[192]; /* one line: what, and what to do */
};
#define MW_HEALTH_PROBLEMS_MAX 12

/* How many there are, bad ones first. */
size_t mw_health_problems(const struct mw_health *h,
			  struct mw_health_problem ret[MW_HEALTH_PROBLEMS_MAX]);
/* The JSON, without a newline, for free(); NULL: no memory. */
char *mw_health_json(const struct mw_health *h);

#endif
