/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: lines. One that begins with a small letter is the value of that filter's option, with "@"
 * a time as people type it; others are the members of a record, held against the filter.
 *
 * A filter's three parts say together what the whole says; a time is one that there can be, and the
 * same in its own words.
 */
#include <inttypes.h>

#include "fuzz.h"

#include "base/json.h"
#include "cli/filter.h"
#include "io/logread.h"
#include "io/when.h"

#define NOW_NS	1795300000000000000ll
#define MEMBERS 32

static void when(const char *s)
{
	char text[MW_WHEN_LEN], typed[80];
	int64_t ns, again;

	if (mw_when_rfc3339(s, strlen(s), &ns) == 0) {
		/* with a zone, a day before and behind the years that there are */
		FUZZ_CHECK(ns >= -86400000000000ll && ns <= 9214646400000000000ll);
		FUZZ_CHECK(mw_when_parse(s, NOW_NS, &again) == 0 && again == ns);
	} else if (mw_when_parse(s, NOW_NS, &ns) < 0) {
		return;
	}
	mw_when_format(ns, true, text);
	if (ns < 0 || ns >= 9214560000000000000ll)
		return;
	/* TZ is UTC: as people see it, it is the same to the ms */
	FUZZ_CHECK(mw_when_parse(text, NOW_NS, &again) == 0 && again == ns / 1000000 * 1000000);
	snprintf(typed, sizeof(typed), "@%" PRId64, ns / 1000000000);
	FUZZ_CHECK(mw_when_parse(typed, NOW_NS, &again) == 0 &&
		   again == ns / 1000000000 * 1000000000);
}

/* Members as the reader has them; 0: it would not take such a line. */
static size_t members(struct mw_slice line, struct mw_logrec_member ret[MEMBERS])
{
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	if (mw_json_check(line, MW_JSON_DEPTH_MAX, NULL, NULL) < 0)
		return 0;
	mw_json_init(&j, line, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1 || it.tok != MW_JSON_OBJECT)
		return 0;
	while (n < MEMBERS && mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_KEY) {
		ret[n].key = mw_slice(it.raw.p + 1, it.raw.n - 2);
		if (mw_json_skip(&j, &it, &ret[n].value) < 0)
			return 0;
		n++;
	}
	return n;
}

static void record(const struct mw_filter *f, const char *p, size_t n)
{
	static const char *const types[] = { "call", "effect", "alert", "server", "daemon", "new" };
	struct mw_logrec_member m[MEMBERS];
	struct mw_logrec rec = {
		.type = types[n % 6], .time_ns = NOW_NS, .file = "f", .members = m
	};
	struct mw_filter_facts facts = { 0 };
	char *line = NULL;
	FILE *mem = open_memstream(&line, &rec.len);

	fprintf(mem, "{\"type\":\"%s\",%.*s}", rec.type, (int)n, p);
	fclose(mem);
	rec.line = line;
	rec.n_members = members(mw_slice(line, rec.len), m);
	for (int i = 0; i < 2 && rec.n_members; i++) {
		const struct mw_filter_facts *with = i ? &facts : NULL;
		const bool whole = mw_filter_match(f, &rec, NULL, with);

		FUZZ_CHECK(whole ==
			   (mw_filter_head(f, &rec, NULL) && mw_filter_own(f, &rec, with) &&
			    mw_filter_call(f, &rec, with)));
		/* what others say of it is what it says itself, of a type there is none */
		facts.tool = mw_logrec_get(&rec, "result");
		facts.principal = mw_logrec_get(&rec, "principal");
	}
	free(line);
}

/* The filter borrows its values. */
static char values[16][200];
static size_t n_values;

static void option(struct mw_filter *f, const char *p, size_t n)
{
	char *value = values[n_values];

	/* a pattern costs as many times as a name has bytes, by who typed it */
	if (n > sizeof(values[0]) || memchr(p, 0, n) || n_values == 16)
		return;
	memcpy(value, p + 1, n - 1);
	value[n - 1] = '\0';
	n_values += mw_filter_option(f, "fuzz", MW_FILTER_SINCE + (*p - 'a') % 16, value) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data, *end = p + n, *nl;
	struct mw_filter f = { 0 };
	static bool begun;
	char *text;

	if (!begun) {
		setenv("TZ", "UTC", 1);
		fuzz_quiet();
	}
	begun = true;
	n_values = 0;
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		if (nl == p)
			continue;
		if (*p == '@') {
			text = strndup(p + 1, (size_t)(nl - p - 1));
			when(text);
			free(text);
		} else if (*p >= 'a' && *p <= 'z') {
			option(&f, p, (size_t)(nl - p));
		} else {
			record(&f, p, (size_t)(nl - p));
		}
	}
	mw_filter_done(&f);
	return 0;
}
