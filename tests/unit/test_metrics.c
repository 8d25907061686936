/* SPDX-License-Identifier: Apache-2.0 */
/* the metrics' text, and the file they go to; tests/e2e holds the text against Prometheus' own
 * parser */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/heap.h"
#include "io/metrics.h"
#include "io/metrics_file.h"

static void fill(struct mw_health *h, struct mw_tally *t)
{
	*h = (struct mw_health){ .host = "h", .version = "0.1.0", .log_dir = "/l", .tally = t };
	h->n_tables = 2;
	h->tables[0] = (struct mw_engine_table){ "channels", 3, 10, 1 };
	h->tables[1] = (struct mw_engine_table){ "names", 0, 0, 2 };
	h->now_ns = 2000000000;
	h->boot_ns = 1000000000;
	h->log.sealed_ns = 500000000;
	h->engine.lost_events = 77;
}

static void add(struct mw_tally *t, const char *line)
{
	mw_tally_add(t, line, strlen(line));
}

/* For free(). */
static char *text_of(const struct mw_health *h)
{
	struct mw_buf b;

	mw_buf_init(&b, &mw_heap, MW_METRICS_MAX);
	assert_int_equal(mw_metrics_print(h, &b), 0);
	assert_int_equal(mw_buf_append_byte(&b, 0), 0);
	return (char *)b.p;
}

/* Each line is a comment or a sample of the family before it, and each family stands once. */
static void check_form(char *text)
{
	char seen[256][64], family[64] = "", *line, *save = NULL;
	size_t n = 0, i;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const size_t k = strcspn(line, " {");

		if (strncmp(line, "# HELP ", 7) == 0) {
			const size_t len = strcspn(line + 7, " ");

			assert_true(len < sizeof(family) && n < 256);
			memcpy(family, line + 7, len);
			family[len] = '\0';
			for (i = 0; i < n; i++)
				assert_string_not_equal(seen[i], family);
			memcpy(seen[n++], family, sizeof(family));
			continue;
		}
		if (strncmp(line, "# TYPE ", 7) == 0) {
			const size_t len = strlen(family);
			const bool counter = strcmp(line + 7 + len, " counter") == 0;
			const bool total = len > 6 && strcmp(family + len - 6, "_total") == 0;

			assert_memory_equal(line + 7, family, len);
			assert_int_equal(counter, total);
			continue;
		}
		if (strcmp(line, "# EOF") == 0)
			continue;
		assert_int_equal(strlen(family), k);
		assert_memory_equal(line, family, k);
		assert_int_equal(strncmp(line, "mcpwatch_", 9), 0);
	}
	assert_true(n > 80);
}

static void form(void **state)
{
	struct mw_tally *t = calloc(1, sizeof(*t));
	struct mw_health h;
	char *text;

	fill(&h, t);
	add(t, "{\"type\":\"call\",\"server\":{\"id\":\"s1\",\"name\":\"a\\\"b\\\\c\\nd\\u202ee\"},"
	       "\"method\":\"tools/call\",\"status\":\"ok\",\"elapsed_ms\":250}");
	add(t, "{\"type\":\"gap\",\"reason\":\"events_lost\",\"events\":9,\"bytes\":4}");
	text = text_of(&h);
	/* shown as a terminal would get it, then escaped for the format */
	assert_non_null(strstr(
	    text, "mcpwatch_server_calls_total{server=\"a\\\"b\\\\\\\\c\\\\nd\\\\u{202e}e\"} 1\n"));
	assert_non_null(strstr(text, "mcpwatch_server_call_seconds_total{server="
				     "\"a\\\"b\\\\\\\\c\\\\nd\\\\u{202e}e\"} 0.25\n"));
	assert_non_null(strstr(text, "mcpwatch_calls_total{status=\"ok\"} 1\n"));
	assert_non_null(strstr(text, "mcpwatch_gap_events_total{reason=\"events_lost\"} 9\n"));
	assert_non_null(strstr(text, "mcpwatch_gap_bytes_total{reason=\"events_lost\"} 4\n"));
	assert_non_null(strstr(text, "mcpwatch_lost_events_total 77\n"));
	assert_non_null(strstr(text, "mcpwatch_table_entries{table=\"channels\"} 3\n"));
	assert_null(strstr(text, "mcpwatch_table_entries{table=\"names\"}"));
	assert_non_null(strstr(text, "mcpwatch_table_evicted_total{table=\"names\"} 2\n"));
	assert_non_null(strstr(text, "mcpwatch_log_last_seal_timestamp_seconds 1.5\n"));
	check_form(text);
	free(text);
	free(t);
}

/* However many servers there are, the text stays small. */
static void bounded(void **state)
{
	struct mw_tally *t = calloc(1, sizeof(*t));
	struct mw_health h;
	char line[512], *text, *at;
	double sum = 0;
	size_t i, n = 0;

	fill(&h, t);
	for (i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line),
			 "{\"type\":\"call\",\"server\":{\"id\":\"s%zu\",\"name\":\"n%zu\"},"
			 "\"method\":\"m\",\"status\":\"ok\",\"elapsed_ms\":1}",
			 i, i);
		add(t, line);
	}
	text = text_of(&h);
	assert_true(strlen(text) < 200000);
	for (at = text; (at = strstr(at, "\nmcpwatch_server_calls_total{")); at++) {
		n++;
		sum += strtod(strchr(at + 1, '}') + 1, NULL);
	}
	assert_int_equal(n, MW_TALLY_NAMES_MAX);
	assert_true(sum == 1000);
	for (at = text, n = 0; (at = strstr(at, "\nmcpwatch_servers{")); at++)
		n++;
	assert_int_equal(n, MW_TALLY_NAMES_MAX);
	assert_non_null(strstr(text, "mcpwatch_servers{server=\"other\",io=\"\",link=\"\"} 193\n"));
	free(text);
	free(t);
}

/* How well a server is seen, in status and in metrics. */
static void seen(void **state)
{
	struct mw_tally *t = calloc(1, sizeof(*t));
	struct mw_health h;
	char *text;

	fill(&h, t);
	add(t, "{\"type\":\"server\",\"event\":\"seen\",\"server\":{\"id\":\"s1-1\",\"name\":\"n\"},"
	       "\"tier\":{\"io\":\"clear\",\"link\":[\"go\"]}}");
	text = mw_health_json(&h);
	assert_non_null(strstr(text, "\"seen\":\"clear go\""));
	assert_null(strstr(text, "\"opaque\""));
	assert_non_null(strstr(text, "\"stopping\":false"));
	free(text);
	add(t, "{\"type\":\"gap\",\"reason\":\"no_memory\",\"server\":{\"id\":\"s1-1\"}}");
	add(t, "{\"type\":\"effect\",\"kind\":\"file.open\",\"server\":{\"id\":\"s1-1\"},"
	       "\"confidence\":\"shared\"}");
	h.n_opaque = 2;
	h.opaque[0] = (struct mw_engine_opaque){ .id = "s1-11", .tls_in = 50 };
	h.opaque[1] =
	    (struct mw_engine_opaque){ .id = "s1-1", .http2_in = 1, .tls_out = 2, .http2_out = 3 };
	h.stopping = 1;
	text = mw_health_json(&h);
	assert_non_null(strstr(text, "\"seen\":\"clear go, 1 to it unread, asks by TLS 2, "
				     "by HTTP/2 3, gaps 1\""));
	assert_non_null(strstr(text, "\"ties\":{\"certain\":0,\"likely\":0,\"shared\":1,\"none\":0}"));
	assert_non_null(strstr(
	    text, "\"opaque\":{\"tls_in\":0,\"http2_in\":1,\"tls_out\":2,\"http2_out\":3}"));
	assert_non_null(strstr(text, "\"stopping\":true"));
	free(text);
	text = text_of(&h);
	assert_non_null(strstr(text, "mcpwatch_opaque_connections_total{begin=\"tls_in\"} 50\n"));
	assert_non_null(strstr(
	    text, "mcpwatch_server_effect_ties_total{server=\"n\",confidence=\"shared\"} 1\n"));
	assert_non_null(strstr(text, "mcpwatch_server_gaps_total{server=\"n\"} 1\n"));
	assert_non_null(strstr(text, "mcpwatch_stopping 1\n"));
	check_form(text);
	free(text);
	free(t);
}

static void no_memory(void **state)
{
	struct mw_tally *t = calloc(1, sizeof(*t));
	struct mw_health h;
	struct mw_buf b;
	int r;

	fill(&h, t);
	TEST_EACH_FAILURE(n)
	{
		mw_buf_init(&b, &test_alloc_failing, MW_METRICS_MAX);
		r = mw_metrics_print(&h, &b);
		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		mw_buf_done(&b);
	}
	mw_buf_init(&b, &test_alloc, 1000);
	assert_int_equal(mw_metrics_print(&h, &b), -E2BIG);
	mw_buf_done(&b);
	free(t);
}

static void problems(void **state)
{
	struct mw_health_problem p[MW_HEALTH_PROBLEMS_MAX];
	struct mw_tally *t = calloc(1, sizeof(*t));
	struct mw_health h;
	char *json;

	fill(&h, t);
	h.engine.lost_events = h.tables[0].lost = h.tables[1].lost = 0;
	assert_int_equal(mw_health_problems(&h, p), 0);
	h.engine.lost_events = 3;
	assert_int_equal(mw_health_problems(&h, p), 1);
	assert_false(p[0].bad);
	h.engine.lost_argv = 4;
	assert_int_equal(mw_health_problems(&h, p), 2);
	assert_non_null(strstr(p[1].what, "4 processes did not let their arguments be read"));
	json = mw_health_json(&h);
	assert_non_null(strstr(json, "\"arguments\":4,"));
	free(json);
	h.engine.lost_argv = 0;
	h.log.error = -ENOSPC;
	assert_int_equal(mw_health_problems(&h, p), 2);
	assert_true(p[0].bad);
	assert_non_null(strstr(p[0].what, "No space left"));
	json = mw_health_json(&h);
	assert_non_null(strstr(json, "\"healthy\":false"));
	free(json);
	/* records that wait for a seal for a minute */
	h.log.error = 0;
	h.log.records = 5;
	h.boot_ns = 61000000000;
	assert_int_equal(mw_health_problems(&h, p), 2);
	assert_true(p[0].bad);
	free(t);
}

static void wait_for(struct mw_metrics_file *f)
{
	int i;

	for (i = 0; i < 60000 && !mw_metrics_file_ready(f); i++)
		usleep(1000);
	assert_true(mw_metrics_file_ready(f));
}

static void put(struct mw_metrics_file *f, const char *s)
{
	struct mw_buf b;

	mw_buf_init(&b, &mw_heap, 1000);
	assert_int_equal(mw_buf_append_str(&b, s), 0);
	mw_metrics_file_write(f, &b);
	assert_int_equal(b.len, 0);
	wait_for(f);
}

static void file(void **state)
{
	char dir[] = "/tmp/test_metrics.XXXXXX", path[64], text[128] = "";
	struct mw_metrics_file *f;
	struct stat st;
	FILE *in;
	int error;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/m.prom", dir);
	assert_int_equal(mw_metrics_file_new(path, &f), 0);
	put(f, "one\n");
	put(f, "two\n");
	assert_int_equal(mw_metrics_file_failed(f, &error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	in = fopen(path, "re");
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "two\n");
	mw_metrics_file_free(f);
	assert_int_equal(stat(path, &st), -1);
	/* a link at its place is replaced, not followed; one where it writes is not written through
	 */
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	snprintf(text, sizeof(text), "%s.tmp", path);
	assert_int_equal(symlink("/nonexistent/y", text), 0);
	assert_int_equal(mw_metrics_file_new(path, &f), 0);
	put(f, "three\n");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	mw_metrics_file_free(f);
	assert_int_equal(rmdir(dir), 0);
	/* nowhere to write: counted; nothing is taken away */
	assert_int_equal(mw_metrics_file_new(path, &f), 0);
	put(f, "four\n");
	assert_int_equal(mw_metrics_file_failed(f, &error), 1);
	assert_int_equal(error, -ENOENT);
	mw_metrics_file_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form),	    cmocka_unit_test(bounded), cmocka_unit_test(seen),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(problems), cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
