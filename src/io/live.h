/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - what top shows: a bounded picture of what happens, and its drawing into cells
 *
 * Fed with the lines that a daemon's `watch` gives (control_sock.h: status, records, dropped), or
 * with the records of a log. Nothing here asks the time, reads or prints: so any state can be drawn
 * in any size by a test. What is kept is bounded: the newest calls, alerts and calls in flight stay.
 *
 * Numbers come from the daemon's status where there is one, since it saw all; else from the records
 * that were read (tally.h).
 */
#ifndef MW_IO_LIVE_H
#define MW_IO_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/tally.h"

#define MW_LIVE_SERVERS_MAX MW_TALLY_SERVERS_MAX
#define MW_LIVE_OPEN_MAX    512 /* calls in flight */
#define MW_LIVE_LINES_MAX   256 /* newest calls; newest alerts */
#define MW_LIVE_TEXT_MAX    512

struct mw_live_server {
	char id[40], name[MW_TALLY_NAME_LEN], transport[16], io[8], link[32];
	char seen[160]; /* as a daemon says how well (health.h); "": of a log */
	uint64_t calls, in_flight, failed, effects, alerts;
	double rate, effects_rate; /* a second, between the last two looks */
	bool here;		   /* of the last look */
};

struct mw_live_open {
	char id[48]; /* "": free */
	char server[64], tool[64];
	int64_t begin_ns;
};

/* A line for people, escaped for a terminal (render.h). */
struct mw_live_line {
	char text[MW_LIVE_TEXT_MAX];
	char server[64], tool[64]; /* for the filter */
	bool bad;
};

struct mw_live_lines {
	struct mw_live_line line[MW_LIVE_LINES_MAX];
	size_t n, next; /* a ring: next is written next */
};

struct mw_live {
	char source[160]; /* what is looked at: a host, a log */
	bool is_log;	  /* read from a log: nothing of it is verified */
	/* of the daemon, as it said last; at_ns 0: nothing yet */
	int64_t at_ns;
	bool healthy;
	char problem[192]; /* the first one; "" none */
	double uptime, seal_age;
	uint64_t waiting; /* records without a seal */
	uint64_t lost_events, gaps, open;
	uint64_t hour[MW_TALLY_SEVERITIES];
	uint64_t dropped; /* records that did not reach us */
	/* counts, and what they were at the look before */
	uint64_t calls, effects, alerts, records;
	uint64_t last_calls, last_effects;
	int64_t looked_ns;
	double calls_rate, effects_rate;
	struct mw_tally *tally; /* of the records that were read; NULL until the first */
	struct mw_live_server server[MW_LIVE_SERVERS_MAX];
	size_t n_servers;
	struct mw_live_open in_flight[MW_LIVE_OPEN_MAX];
	struct mw_live_lines latest, alert_lines;
	uint64_t unread; /* lines that were none of ours */
};

/* A zeroed one is empty. 0, -ENOMEM, -EBADMSG: the line is none of ours (counted). */
int mw_live_feed(struct mw_live *l, const char *line, size_t n, int64_t now_ns);
/* Where there is no status: numbers and rates anew, from what was read. About once a second. */
void mw_live_look(struct mw_live *l, int64_t now_ns);
/* All there is as one JSON object, for free(); NULL: no memory. */
char *mw_live_json(const struct mw_live *l, int64_t now_ns);
void mw_live_done(struct mw_live *l);

enum mw_live_sort {
	MW_LIVE_BY_CALLS = 0,
	MW_LIVE_BY_RATE,
	MW_LIVE_BY_EFFECTS,
	MW_LIVE_BY_FAILED,
	MW_LIVE_BY_ALERTS,
	MW_LIVE_BY_NAME,
	MW_LIVE_SORTS,
};

/* How it is looked at. */
struct mw_live_view {
	enum mw_live_sort sort;
	char filter[64]; /* part of a server's or tool's name, in any case; "" all */
	bool typing;	 /* the filter is being typed */
	bool paused, help;
	bool plain;  /* no line that tells the keys */
	size_t skip; /* servers that are scrolled over */
};

enum mw_live_attr {
	MW_LIVE_PLAIN = 0,
	MW_LIVE_BOLD,
	MW_LIVE_DIM,
	MW_LIVE_RED,
	MW_LIVE_YELLOW,
	MW_LIVE_GREEN,
	MW_LIVE_TITLE, /* reverse */
};

/* One column of a line. */
struct mw_live_cell {
	char text[6]; /* UTF-8, NUL-terminated; "": blank, or the second column of what is before */
	bool second;
	uint8_t attr;
};

struct mw_live_grid {
	unsigned int rows, cols;
	struct mw_live_cell *cell; /* rows * cols */
};

/* Makes it that size, empty; an old one is freed. 0, -ENOMEM, -EINVAL (0, or above 4096). */
int mw_live_grid_size(struct mw_live_grid *g, unsigned int rows, unsigned int cols);
void mw_live_grid_done(struct mw_live_grid *g);
/* Draws into all of it. No control character is in any cell. */
void mw_live_draw(const struct mw_live *l, const struct mw_live_view *v, int64_t now_ns,
		  struct mw_live_grid *g);

#endif
