/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey and the formats over records of any content: the input is members of records, a line each.
 *
 * A line that makes no record is left out. Whatever the rest says, each format exports it; a row of CSV
 * is a line, and every line of jsonl is JSON.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "base/json.h"
#include "io/exporter.h"
#include "io/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int match(void *arg, const struct mw_logrec *rec)
{
	(void)arg;
	/* all four there are, by a number that the record chooses */
	return (unsigned int)rec->len & (MW_SURVEY_OWN | MW_SURVEY_WHO | MW_SURVEY_BY_EFFECT);
}

static void put_line(FILE *f, const uint8_t *p, size_t n, unsigned int seq)
{
	static const char *const types[] = { "call", "effect", "alert", "gap",
					     "ties", "server", "tool",	"daemon" };
	char *line = NULL;
	size_t len;
	FILE *mem = open_memstream(&line, &len);

	fprintf(mem, "{\"v\":1,\"seq\":%u,\"time\":\"2026-11-21T10:00:00Z\",\"host\":\"h\",\"type\":\"%s\",%.*s}",
		seq, types[n % 8], (int)n, (const char *)p);
	fclose(mem);
	if (len < 60000 && mw_json_check(mw_slice(line, len), 64, NULL, NULL) == 0)
		fprintf(f, "%s\n", line);
	free(line);
}

static void check_lines(const char *text, size_t n)
{
	const char *p = text, *nl;

	for (; p < text + n; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(text + n - p));
		if (!nl || mw_json_check(mw_slice(p, (size_t)(nl - p)), MW_JSON_DEPTH_MAX, NULL, NULL) < 0)
			abort();
	}
}

static void check_csv(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' && !(text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') &&
		    !(text[i] == '\n' && i > 0 && text[i - 1] == '\r'))
			abort();
}

static void export(struct mw_survey *s, mw_exporter_new_fn *make,
		   void (*check)(const char *text, size_t n))
{
	struct mw_exporter *e;
	char *text = NULL, err[1024];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f || make(f, &e) < 0)
		abort();
	if (mw_survey_export(s, e, err, sizeof(err)) < 0 || fclose(f) != 0)
		abort();
	if (check)
		check(text, len);
	e->ops->free(e);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;
	const char *paths[] = { path };
	const struct mw_survey_config config = { .paths = paths, .n_paths = 1, .filter = "--tool x",
						 .now_ns = 1, .match = match };
	struct mw_survey *s;
	const uint8_t *p = data, *end = data + size, *nl;
	unsigned int seq = 0;
	char err[1024];
	FILE *f;

	if (fd < 0) {
		fd = memfd_create("log", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0)
		abort();
	f = fopen(path, "w");
	for (; p < end && seq < 64; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		put_line(f, p, (size_t)(nl - p), seq++);
	}
	fclose(f);
	if (mw_survey_new(&config, err, sizeof(err), &s) < 0)
		return 0; /* a member of the head twice */
	export(s, mw_export_jsonl_new, check_lines);
	export(s, mw_export_csv_new, check_csv);
	export(s, mw_export_timesketch_new, check_lines);
	export(s, mw_export_trace_new, NULL);
	export(s, mw_export_ocsf_new, check_lines);
	export(s, mw_export_otlp_new, check_lines);
	export(s, mw_export_html_new, NULL);
	mw_survey_free(s);
	return 0;
}
