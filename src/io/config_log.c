/* SPDX-License-Identifier: Apache-2.0 */
#include "io/config_log.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "io/config.h"

#define SECOND 1000000000ull
#define DAY    (86400 * SECOND)

#define TEXT(name)                                                                                 \
	CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                    \
			       struct mw_config_log, name, 1, 4096)

const cyaml_schema_field_t mw_config_log_fields[] = {
	TEXT(dir),	    TEXT(keys),		  TEXT(segment_max),	TEXT(compress),
	TEXT(append_only),  TEXT(retention_days), TEXT(retention_size), TEXT(seal_time),
	TEXT(seal_records), TEXT(seal_urgent),	  TEXT(seal_idle),	CYAML_FIELD_END,
};

static int number(const char *s, uint64_t *ret, char **ret_end)
{
	unsigned long long v;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, ret_end, 10);
	if (errno)
		return -EINVAL;
	*ret = v;
	return 0;
}

int mw_time_parse(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ms", SECOND / 1000 },
		      { "s", SECOND },
		      { "m", 60 * SECOND },
		      { "h", 3600 * SECOND } };
	uint64_t v, ns;
	char *end;
	size_t i;

	if (number(s, &v, &end) < 0)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].name) == 0) {
			if (__builtin_mul_overflow(v, units[i].ns, &ns))
				return -EINVAL;
			*ret_ns = ns;
			return 0;
		}
	return -EINVAL;
}

static int count_parse(const char *s, uint64_t *ret)
{
	char *end;
	uint64_t v;

	if (number(s, &v, &end) < 0 || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int bool_parse(const char *s, bool *ret)
{
	const bool yes = strcasecmp(s, "yes") == 0 || strcasecmp(s, "true") == 0;

	if (!yes && strcasecmp(s, "no") != 0 && strcasecmp(s, "false") != 0)
		return -EINVAL;
	*ret = yes;
	return 0;
}

/* One that is a number in a range, times `unit`. */
struct ranged {
	const char *key;
	size_t from, to; /* in struct mw_config_log, in struct mw_sink_log_config */
	int (*parse)(const char *s, uint64_t *ret);
	uint64_t min, max, unit;
	const char *must;
};

#define AT(key, member)                                                                            \
	offsetof(struct mw_config_log, key), offsetof(struct mw_sink_log_config, member)
static const struct ranged ranges[] = {
	{ "segment_max", AT(segment_max, segment_max), mw_size_parse, 1 << 20, 1 << 30, 1,
	  "from 1MiB to 1GiB, as 64MiB" },
	{ "retention_days", AT(retention_days, retention_ns), count_parse, 7, 36500, DAY,
	  "a number of days from 7 to 36500" },
	{ "retention_size", AT(retention_size, retention_len), mw_size_parse, 1 << 20, 1ull << 50,
	  1, "1MiB or more, as 10GiB" },
	{ "seal_time", AT(seal_time, seal_ns), mw_time_parse, SECOND / 100, 3600 * SECOND, 1,
	  "from 10ms to 1h, as 1s" },
	{ "seal_records", AT(seal_records, seal_records), count_parse, 1, 524288, 1,
	  "a number from 1 to 524288" },
	{ "seal_urgent", AT(seal_urgent, seal_urgent_ns), mw_time_parse, SECOND / 1000, SECOND, 1,
	  "from 1ms to 1s, as 20ms" },
	{ "seal_idle", AT(seal_idle, seal_idle_ns), mw_time_parse, SECOND, 86400 * SECOND, 1,
	  "from 1s to 24h, as 30s" },
};

void mw_config_log_default(struct mw_sink_log_config *ret)
{
	*ret = (struct mw_sink_log_config){ .compress = true, .append_only = true };
}

static int refuse(const char *key, const char *must, char *err, size_t err_len,
		  const char **ret_key)
{
	snprintf(err, err_len, "'%s' must be %s", key, must);
	*ret_key = key;
	return -EINVAL;
}

int mw_config_log_take(struct mw_config_log *f, char *err, size_t err_len, const char **ret_key,
		       struct mw_sink_log_config *ret, char **ret_keys)
{
	struct mw_sink_log_config c = *ret;
	uint64_t v;
	size_t i;

	if (f->dir && f->dir[0] != '/')
		return refuse("dir", "a path from the root", err, err_len, ret_key);
	if (f->keys && f->keys[0] != '/')
		return refuse("keys", "a path from the root", err, err_len, ret_key);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct ranged *g = &ranges[i];
		const char *s = *(char **)(void *)((char *)f + g->from);

		if (s && (g->parse(s, &v) < 0 || v < g->min || v > g->max))
			return refuse(g->key, g->must, err, err_len, ret_key);
		if (s)
			*(uint64_t *)(void *)((char *)&c + g->to) = v * g->unit;
	}
	if (f->compress && bool_parse(f->compress, &c.compress) < 0)
		return refuse("compress", "yes or no", err, err_len, ret_key);
	if (f->append_only && bool_parse(f->append_only, &c.append_only) < 0)
		return refuse("append_only", "yes or no", err, err_len, ret_key);
	c.dir = MW_TAKE(f->dir);
	*ret_keys = MW_TAKE(f->keys);
	*ret = c;
	return 0;
}

void mw_config_log_free(struct mw_config_log *f)
{
	if (!f)
		return;
	free(f->dir);
	free(f->keys);
	free(f->segment_max);
	free(f->compress);
	free(f->append_only);
	free(f->retention_days);
	free(f->retention_size);
	free(f->seal_time);
	free(f->seal_records);
	free(f->seal_urgent);
	free(f->seal_idle);
	free(f);
}
