/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - the replay cases: what each capture holds, as readable source
 *
 * A case is a function that puts events on a tape; tests/replay/NAME/records.jsonl is what the engine
 * makes of them. Where the records are too many to be read, a case has a check instead.
 */
#ifndef MW_TESTS_CASES_H
#define MW_TESTS_CASES_H

#include "support_tape.h"

struct got {
	char *json; /* all records, a line each */
	size_t len, cap;
	size_t n;
	uint64_t alloc_failed; /* as the engine counts */
};

struct replay_case {
	const char *name;
	const char *about;
	void (*make)(struct tape *t);
	const char *(*check)(const struct got *g); /* what is wrong, or NULL; no golden file then */
	const char *rules; /* YAML; NULL: none */
};

extern const struct replay_case replay_cases[];
extern const size_t n_replay_cases;

/* Cases in files of their own. */
void replay_principal(struct tape *t);
void replay_many(struct tape *t);
void replay_repeated(struct tape *t);
const char *replay_repeated_check(const struct got *g);
void replay_alerts(struct tape *t);
extern const char replay_alert_rules[];

/* How often a string stands in the records. */
size_t got_count(const struct got *g, const char *s);

#endif
