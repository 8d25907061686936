/* SPDX-License-Identifier: Apache-2.0 */
/* known_print.h - what the verbs `servers` and `tools` share: options, fields, JSON */
#ifndef MW_CLI_KNOWN_PRINT_H
#define MW_CLI_KNOWN_PRINT_H

#include <inttypes.h>

#include "cli/known.h"
#include "cli/options.h"
#include "cli/pager.h"
#include "cli/rows.h"

struct cJSON;

struct mw_known_ask {
	struct mw_filter f;
	struct mw_cli_list logs;
	struct mw_patterns names; /* of those asked for; none: all */
	struct mw_pager out;
	const char *index;
	bool json;
};

/* What both verbs take, into a struct mw_known_ask. */
extern const struct mw_option mw_known_table[];

/* The verb: options, reading, printing by `print`, which says how many there were. `what`:
 * "server". */
int mw_known_verb(int argc, char **argv, const struct mw_options *options, const char *what,
		 uint64_t (*print)(struct mw_known *s, const struct mw_known_ask *ask));
/* Whether it is one of those asked for; `other` may be NULL. */
bool mw_known_named(const struct mw_known_ask *ask, const char *name, const char *other);
/* Its name, or what its key says it runs. Valid until the next call. */
const char *mw_known_server_name(const struct mw_known_server *v);

uint64_t mw_known_alerts(const uint64_t alerts[4]);
const char *mw_known_alerts_sgr(const uint64_t alerts[4]);
/* The next cell: on a terminal the first of these names, behind `lead`, and how many more; else
 * all. */
void mw_known_put_names(struct mw_rows *r, const char *sgr, const char *lead,
			const struct mw_known_names *l, const struct mw_pager *out);
/* Each writes into buf and returns it. */
const char *mw_known_time(int64_t ns, char *buf, size_t n);
const char *mw_known_u64(uint64_t v, char *buf, size_t n);
const char *mw_known_ms(double ms, char *buf, size_t n);

/* Lines for people; nothing for NULL or an empty set. */
void mw_known_heading(const char *name, const char *behind);
void mw_known_field(const char *label, const char *value);
void mw_known_raw(const char *label, const char *json);
/* One name a line, or all on one; each with its count where `counts`. */
void mw_known_set_of(const char *label, const struct mw_known_names *l, bool counts);
void mw_known_list_of(const char *label, const struct mw_known_names *l);
void mw_known_alerts_of(const uint64_t alerts[4]);

/* Members; nothing for NULL. */
void mw_known_json_str(struct cJSON *o, const char *name, const char *v);
void mw_known_json_raw(struct cJSON *o, const char *name, const char *json);
void mw_known_json_u64(struct cJSON *o, const char *name, uint64_t v);
void mw_known_json_time(struct cJSON *o, const char *name, int64_t ns);
/* ["a","b"]; {"a":3}; [{"name":"a","n":3,"certain":1}] and NAME_more. */
void mw_known_json_names(struct cJSON *o, const char *name, const struct mw_known_names *l);
void mw_known_json_counts(struct cJSON *o, const char *name, const struct mw_known_names *l);
void mw_known_json_tied(struct cJSON *o, const char *name, const struct mw_known_names *l);
void mw_known_json_alerts(struct cJSON *o, const uint64_t alerts[4]);
/* Prints it as one line and frees it. */
void mw_known_json_print(struct cJSON *o);

#endif
