/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known.h - what a log says of servers and tools, gathered in one reading (servers.c, tools.c)
 *
 * A server is one of its host and key, whatever the number of times it ran; a tool is one of its
 * server and name. What calls did counts for a tool only where its tie is certain or likely, as
 * the calls' records settle it (join.h): what is shared with another call is nobody's here.
 */
#ifndef MW_CLI_KNOWN_H
#define MW_CLI_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/filter.h"
#include "cli/join.h"

struct mw_index_tally;
struct mw_table;

/* Servers and runs of them, tools; others are counted only. */
#define MW_KNOWN_SERVERS_MAX 4096
#define MW_KNOWN_RUNS_MAX    16384
#define MW_KNOWN_TOOLS_MAX   16384
/* Names in a set; others are counted only. */
#define MW_KNOWN_NAMES_MAX 64
/* Times of which a median is taken; of more calls every second, then every fourth, and so on. */
#define MW_KNOWN_TIMES_MAX 32768

/* Words by how often they were seen. */
struct mw_known_names {
	struct mw_known_name {
		char *name;
		uint64_t n, certain; /* how often; of that, by ties that are certain */
	} *p;
	size_t n;
	uint64_t more; /* times that another name was seen */
};

enum mw_known_state {
	MW_KNOWN_RUNNING = 0, /* when the log ends */
	MW_KNOWN_GONE,
	MW_KNOWN_UNWATCHED, /* mcpwatch stopped before it ended */
};

struct mw_known_server {
	uint8_t id[32]; /* private */
	char *key, *name, *version, *host, *exe, *cwd, *addr, *container, *protocol;
	char *argv, *tier_raw; /* raw JSON */
	struct mw_known_names clients, principals, transports, tiers, statuses;
	uint64_t runs, running, unwatched;
	uint64_t calls, failed, effects, gaps, anomalies;
	uint64_t alerts[4]; /* low to critical */
	int64_t first_ns, last_ns;
	bool matched; /* a record of its passes the filter */
};

struct mw_known_tool {
	uint8_t id[32]; /* private */
	const struct mw_known_server *server;
	char *name, *hash, *was;
	char *definition, *annotations; /* raw JSON; NULL: not seen */
	bool pinned;
	uint64_t changes; /* of its definition */
	int64_t changed_ns; /* the last; 0: never */
	uint64_t calls, failed, alerts[4], n_effects;
	uint64_t exceeded; /* calls that did what the tool declares not to do */
	struct mw_known_names statuses, kinds, hosts, written, declared, observed;
	int64_t first_ns, last_ns;
	bool matched; /* a record of its passes the filter */
	/* ms */
	double *times;
	size_t n_times;
	uint64_t stride, n_timed;
	double max_ms;
};

struct mw_known {
	struct mw_known_server **servers;
	struct mw_known_tool **tools;
	size_t n_servers, n_tools;
	uint64_t more_servers, more_tools; /* records of those that found no room */
	/* private */
	struct mw_table *by_run, *by_server, *by_tool;
};

/* 0, -ENOMEM. */
int mw_known_new(struct mw_known **ret);
void mw_known_free(struct mw_known *s);
/* Every record, before any filter: who servers are, and which definitions there are. */
void mw_known_learn(struct mw_known *s, const struct mw_logrec *rec);
/* What passed the filter. */
void mw_known_count(struct mw_known *s, const struct mw_joined *item);
enum mw_known_state mw_known_state(const struct mw_known_server *s);
/* Of the times kept; false: there is none. */
bool mw_known_median(struct mw_known_tool *t, double *ret_ms);
/* Most first. */
void mw_known_names_sort(struct mw_known_names *l);

static inline void mw_known_freep(struct mw_known **s)
{
	mw_known_free(*s);
}

/*
 * The whole of it: reads the logs through the filter; `index` as mw_cli_open_filtered takes it. 0, or an exit status after a line;
 * *ret_whole: the status to end with, where what was read is to be shown and not to be relied on.
 */
int mw_known_read(struct mw_known *s, struct mw_filter *f, const struct mw_cli_list *logs,
		  const char *index, int *ret_whole);
/*
 * Counts while an index is made, for mw_known_read to go on from where nothing is filtered. `dir` and
 * `file` as for mw_index_build, borrowed. 0, -ENOMEM.
 */
struct mw_known_tally;
int mw_known_tally_new(const char *dir, const char *file, struct mw_known_tally **ret);
const struct mw_index_tally *mw_known_tally(struct mw_known_tally *t);
void mw_known_tally_free(struct mw_known_tally *t);

#endif
