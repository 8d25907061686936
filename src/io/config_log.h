/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_log.h - `log:` of the configuration file (config.h): from text to what the sealed log
 *takes
 *
 *	dir: DIR		the log folder
 *	keys: DIR		the keys folder
 *	segment_max: SIZE	1MiB to 1GiB: 64MiB
 *	compress: yes|no	finished segments: yes
 *	append_only: yes|no	chattr +a where the file system can: yes
 *	retention_days: N	7 to 36500: 90
 *	retention_size: SIZE	10GiB; but nothing younger than 7 days is deleted
 *	seal_time: TIME		10ms to 1h; most that a record waits: 1s
 *	seal_records: N		1 to 524288; so many are sealed at once: 16384
 *	seal_urgent: TIME	1ms to 1s; from one urgent seal to the next: 20ms
 *	seal_idle: TIME		1s to 24h; a sign of life: 30s
 *
 * TIME is a whole number with ms, s, m or h behind it.
 */
#ifndef MW_IO_CONFIG_LOG_H
#define MW_IO_CONFIG_LOG_H

#include <cyaml/cyaml.h>

#include "io/sink_log.h"

/* As the file has it; NULL: not given. */
struct mw_config_log {
	char *dir, *keys, *segment_max, *compress, *append_only, *retention_days, *retention_size;
	char *seal_time, *seal_records, *seal_urgent, *seal_idle;
};

extern const cyaml_schema_field_t mw_config_log_fields[];

/* What holds where nothing is given. */
void mw_config_log_default(struct mw_sink_log_config *ret);
/*
 * Sets what is given; takes dir and keys over into ret->dir and *ret_keys, each to be freed. 0;
 * -EINVAL: *ret_key is what is wrong, and err says what it must be; then nothing is taken.
 */
int mw_config_log_take(struct mw_config_log *f, char *err, size_t err_len, const char **ret_key,
		       struct mw_sink_log_config *ret, char **ret_keys);
/* Takes NULL. */
void mw_config_log_free(struct mw_config_log *f);

/* "20ms" and so on to ns. 0, -EINVAL. */
int mw_time_parse(const char *s, uint64_t *ret_ns);

#endif
