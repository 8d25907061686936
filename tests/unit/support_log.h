/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_log.h - a sealed log written without a core
 *
 * What the log asks of the core is answered as the core does (engine_store.c), with records of the
 * least there can be.
 */
#ifndef MW_TESTS_SUPPORT_LOG_H
#define MW_TESTS_SUPPORT_LOG_H

#include "support.h"

#include <inttypes.h>

#include "io/keys.h"
#include "io/sink_log.h"

struct logw {
	char dir[256], keys_dir[256];
	struct mw_sink_log_config cfg;
	struct mw_keys *keys;
	struct mw_sink *sink; /* NULL: not open */
	struct mw_sink_log_found found;
	char err[512];
	/* what a core knows */
	uint64_t seq, now_ns;
	bool stopped; /* the log takes nothing */
	uint64_t unwritten;
	/* counted */
	uint64_t seals, stops, gaps, prunes, missing, refused;
	enum mw_seal_reason last_reason;
};

/* Folders `base`/log and `base`/keys. */
void logw_init(struct logw *w, const char *base);
/* Likewise, below a fresh folder whose name is put into dir; in memory where there is such a file
 * system: these tests are of order, not of disks. 0 or -1. */
#define LOGW_TMP_LEN 32
int logw_init_tmp(struct logw *w, char dir[LOGW_TMP_LEN]);
/* What mw_sink_log_new or mw_keys_open answers; the err line is in w->err. */
int logw_open(struct logw *w);
/* One record of at least `len` bytes; its answer. Asks afterwards. */
int logw_write(struct logw *w, size_t len, bool urgent);
/* Answers all that the log asks at a time. */
void logw_ask(struct logw *w, uint64_t now_ns);
/* Lets ms pass, asking, until the queue has come so far as to have made `seals` seals, or fails the
 * test. */
void logw_until_sealed(struct logw *w, uint64_t seals);
/* The end of a run: the last seal, then closed. The flush's answer. */
int logw_stop(struct logw *w);
/* Closed without one, as after a crash, but for what threads had begun. */
void logw_close(struct logw *w);
void logw_done(struct logw *w);

/* Lines of a file; 0 where there is none. */
size_t logw_lines(const char *base, const char *name);
/* How many checkpoints seals.jsonl holds, whose signatures, epochs and roots are right over the
 * log's lines in plain segments: fails the test where one is not. Every seal record but one
 * unfinished must have one. */
size_t logw_check(const struct logw *w);

#endif
