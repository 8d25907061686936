/* SPDX-License-Identifier: Apache-2.0 */
/* trail_seen_priv.h - shared inside the files of trail_seen, not for others */
#ifndef MW_IO_TRAIL_SEEN_PRIV_H
#define MW_IO_TRAIL_SEEN_PRIV_H

#include "base/alloc.h"
#include "io/trail_seen.h"

struct cJSON;
struct mw_table;

struct mw_seen_chunk {
	struct mw_seen_chunk *next;
	size_t used, len;
	uint8_t p[];
};

/* Times between which something holds, both included. */
struct mw_seen_span {
	int64_t from, to;
};

struct mw_seen_spans {
	struct mw_seen_span *p;
	size_t n, cap;
};

struct mw_seen_around {
	uint64_t hash, call; /* of the text; of the call's id, 0: none */
	int64_t ns;
};

/* One log among several: since when it was watched, up to its last record and the one before. */
struct mw_seen_input {
	int64_t from, last, prior;
	bool on;
};

struct mw_seen {
	struct mw_budget budget;
	struct mw_seen_chunk *chunk; /* the one being filled first */
	struct mw_buf scratch;
	uint64_t seed;
	const char *const *servers; /* borrowed */
	size_t n_servers;
	struct mw_seen_call *calls;
	size_t n_calls, cap_calls;
	struct mw_table *open;
	uint32_t *order[MW_SEEN_KEYS];
	int64_t longest;
	struct mw_seen_around *around;
	size_t n_around, cap_around;
	struct mw_seen_spans gaps, watched;
	struct mw_seen_input *inputs;
	size_t n_inputs, cap_inputs;
	uint64_t different[MW_SEEN_SERVERS];
	const char *names[MW_SEEN_SERVERS];
	size_t n_different;
	bool known, unread;
};

/* Zeroed, until all is freed; NULL: see mw_seen_no_memory. */
void *mw_seen_take(struct mw_seen *s, size_t n);
/* -E2BIG: the budget refused; -ENOMEM. */
int mw_seen_no_memory(const struct mw_seen *s);
/* Room for one more than n in an array (a pointer to it). 0, -E2BIG, -ENOMEM. */
int mw_seen_grow(struct mw_seen *s, void *array, size_t size, size_t n, size_t *cap);

int mw_seen_put_span(struct mw_seen *s, struct mw_seen_spans *l, int64_t from, int64_t to);
int mw_seen_put_around(struct mw_seen *s, struct mw_slice text, int64_t ns, uint64_t call);
/* A record of a log was read. */
int mw_seen_watch(struct mw_seen *s, size_t input, int64_t ns);
/* And it was the daemon's own. */
int mw_seen_daemon(struct mw_seen *s, size_t input, int64_t ns, const char *event);

void mw_seen_json_freep(struct cJSON **json);

#endif
