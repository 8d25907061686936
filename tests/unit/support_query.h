/* SPDX-License-Identifier: Apache-2.0 */
/* support_query.h - filters and joins over records that a test writes down */
#ifndef MW_TESTS_SUPPORT_QUERY_H
#define MW_TESTS_SUPPORT_QUERY_H

#include "support.h"

#include <unistd.h>

#include "cli/filter.h"
#include "cli/join.h"
#include "io/logread.h"

/* Records without their head, which the reader checks: it is put before them. */
static inline struct mw_logread *query_open(const char *const *records, char path[32])
{
	struct mw_logread *l;
	char err[512];
	FILE *f;

	snprintf(path, 32, "/tmp/mw-query-XXXXXX");
	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	for (size_t i = 0; records[i]; i++)
		fprintf(f,
			"{\"v\":1,\"seq\":%zu,\"time\":\"2026-11-21T10:00:%02zu.000000000Z\","
			"\"boot_ns\":%zu,\"host\":\"h\",%s}\n",
			i, i % 60, i, records[i]);
	fclose(f);
	if (mw_logread_new((const char *const[]){ path }, 1, false, err, sizeof(err), &l) < 0)
		fail_msg("%s", err);
	return l;
}

/* Options as { MW_FILTER_TOOL, "x" }, ended by { 0 }. */
struct query_option {
	int option;
	const char *value;
};

static inline void query_filter(struct mw_filter *f, const struct query_option *options)
{
	for (; options->option; options++)
		if (mw_filter_option(f, "test", options->option, options->value) != 0)
			fail_msg("'%s' was refused", options->value);
}

#endif
