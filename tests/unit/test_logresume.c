/* SPDX-License-Identifier: Apache-2.0 */
/* test_logresume.c - what an earlier run left in a log folder (logresume.c) */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "io/logread.h"
#include "io/logresume.h"

static char dir[] = "/tmp/mw-logresume-XXXXXX";
static uint64_t seq;

static int setup(void **state)
{
	char seg[64];

	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	snprintf(seg, sizeof(seg), "%s/seg", dir);
	seq = 0;
	return mkdir(seg, 0700);
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* The segment that begins with this record, to be written to. */
static FILE *segment(uint64_t first)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/seg/" MW_SEGMENT_NAME_FMT, dir, first);
	f = fopen(path, "a");
	assert_non_null(f);
	return f;
}

/* One record: its time is its number, in seconds of one hour. */
static void rec(FILE *f, const char *type, const char *fields)
{
	fprintf(f,
		"{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T10:%02d:%02d.000000000Z\","
		"\"boot_ns\":5,\"host\":\"h\",\"type\":\"%s\"%s}\n",
		seq, (int)(seq / 60 % 60), (int)(seq % 60), type, fields);
	seq++;
}

static void call(FILE *f, const char *type, int id)
{
	char fields[128];

	snprintf(fields, sizeof(fields),
		 ",\"call\":\"c00112233-%d\",\"dir\":\"c2s\",\"args\":{\"call\":\"c00112233-7\"}", id);
	rec(f, type, fields);
}

static struct mw_log_resume *resume(void)
{
	struct mw_log_resume *r = NULL;
	char err[512] = "";

	assert_int_equal(mw_log_resume(dir, err, sizeof(err), &r), 0);
	return r;
}

/* The calls that are open, as "1 2 3". */
static void assert_open(const struct mw_log_resume *r, const char *want)
{
	const struct mw_engine_resume *e = mw_log_resume_engine(r);
	char got[256] = "";
	size_t i;

	for (i = 0; i < e->n_open; i++) {
		const struct mw_engine_open *o = &e->open[i];
		const char *id = memmem(o->record, o->n, "c00112233-", 10);

		assert_true(o->record[0] == '{' && o->record[o->n - 1] == '}');
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%d", i ? " " : "",
			 atoi(id + 10));
	}
	assert_string_equal(got, want);
}

static void test_nothing(void **state)
{
	const char *no = "/tmp/mw-logresume-there-is-none";
	struct mw_log_resume *r = NULL;
	char err[512];

	assert_null(resume());
	assert_null(mw_log_resume_engine(NULL));
	mw_log_resume_free(NULL);
	assert_int_equal(mw_log_resume(no, err, sizeof(err), &r), 0);
	assert_null(r);
	/* a segment without a record, and one with none of ours */
	fclose(segment(0));
	assert_null(resume());
	FILE *f = segment(3);
	fputs("hello\n\n{\"time\":\"x\",\"type\":\"y\"}\n", f);
	fclose(f);
	assert_null(resume());
}

static void test_open(void **state)
{
	const struct mw_engine_resume *e;
	struct mw_log_resume *r;
	FILE *f = segment(0);

	rec(f, "daemon", ",\"event\":\"start\",\"boot_id\":\"B-1\"");
	call(f, "request", 1);
	call(f, "request", 2);
	call(f, "effect", 2); /* no end of it */
	call(f, "call", 1);
	call(f, "request", 3);
	call(f, "call", 9); /* its request is not here */
	fclose(f);
	r = resume();
	e = mw_log_resume_engine(r);
	assert_open(r, "2 3");
	assert_string_equal(e->boot_id, "B-1");
	assert_false(e->stopped);
	assert_int_equal(e->n_dropped, 0);
	/* 2026-11-21T10:00:06Z */
	assert_int_equal(e->last_ns, 1795255206000000000ll);
	mw_log_resume_free(r);
}

static void test_stopped(void **state)
{
	const struct mw_engine_resume *e;
	struct mw_log_resume *r;
	FILE *f = segment(0);

	rec(f, "daemon", ",\"event\":\"start\",\"boot_id\":\"B-1\"");
	call(f, "request", 1);
	rec(f, "daemon", ",\"event\":\"clock\"");
	call(f, "call", 1);
	rec(f, "daemon", ",\"event\":\"stop\"");
	fclose(f);
	r = resume();
	e = mw_log_resume_engine(r);
	assert_true(e->stopped);
	assert_open(r, "");
	assert_string_equal(e->boot_id, "B-1");
	mw_log_resume_free(r);
	/* started again and killed */
	f = segment(0);
	rec(f, "daemon", ",\"event\":\"start\",\"boot_id\":\"B-2\"");
	fclose(f);
	r = resume();
	assert_false(mw_log_resume_engine(r)->stopped);
	assert_string_equal(mw_log_resume_engine(r)->boot_id, "B-2");
	mw_log_resume_free(r);
}

/* Only the last two segments count, whatever the order of the folder. */
static void test_segments(void **state)
{
	struct mw_log_resume *r;
	FILE *f[4];
	int i;

	for (i = 3; i >= 0; i--)
		f[i] = segment((uint64_t)i * 2);
	for (i = 0; i < 8; i++)
		call(f[i / 2], i == 6 ? "call" : "request", i == 6 ? 4 : i);
	for (i = 0; i < 4; i++)
		fclose(f[i]);
	r = resume();
	assert_open(r, "5 7");
	mw_log_resume_free(r);
}

/* Damage is passed over: what stands around it counts. */
static void test_damage(void **state)
{
	struct mw_log_resume *r;
	FILE *f = segment(0);
	int i;

	call(f, "request", 1);
	fputs("\n{}\n\"type\":\"request\"\n{\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"request\n", f);
	for (i = 0; i < 1000000; i++) /* longer than any block */
		fputc(i % 7 ? 'x' : '"', f);
	fputc('\n', f);
	call(f, "request", 2);
	/* an id that is too long for one of ours */
	fputs("{\"v\":1,\"seq\":3,\"time\":\"2026-11-21T11:00:00Z\",\"type\":\"request\",\"call\":\"", f);
	for (i = 0; i < 48; i++)
		fputc('7', f);
	fputs("\"}\n", f);
	fprintf(f, "{\"v\":1,\"seq\":9,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"request\",\"call\":\"");
	fclose(f);
	r = resume();
	assert_open(r, "1 2");
	assert_int_equal(mw_log_resume_engine(r)->last_ns % 3600000000000ll, 0);
	mw_log_resume_free(r);
}

/* More than is given: the newest stay, the rest is counted; the text of all is bounded too. */
static void test_limits(void **state)
{
	const unsigned int n = MW_LOG_RESUME_OPEN + 10;
	const struct mw_engine_resume *e;
	struct mw_log_resume *r;
	FILE *f = segment(0);
	unsigned int i, k;
	char *text;

	for (i = 0; i < n; i++)
		call(f, "request", (int)i);
	fclose(f);
	r = resume();
	e = mw_log_resume_engine(r);
	assert_int_equal(e->n_open, MW_LOG_RESUME_OPEN);
	assert_int_equal(e->n_dropped, 10);
	assert_non_null(memmem(e->open[0].record, e->open[0].n, "-10\"", 4));
	mw_log_resume_free(r);

	text = malloc(60001);
	memset(text, 'x', 60000);
	text[60000] = '\0';
	f = segment(seq);
	for (k = 0; k < 300; k++) {
		fprintf(f,
			"{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T11:00:00Z\",\"type\":\"request\","
			"\"call\":\"c00112233-%u\",\"args\":\"%s\"}\n",
			seq++, n + k, text);
	}
	fclose(f);
	free(text);
	r = resume();
	e = mw_log_resume_engine(r);
	assert_true(e->n_open * 60000 <= MW_LOG_RESUME_TEXT && e->n_open > 270);
	assert_int_equal(e->n_open + e->n_dropped, n + 300);
	mw_log_resume_free(r);
}

/* Behind the window nothing is looked for, and a line that stands across its edge is none. */
static void test_window(void **state)
{
	struct mw_log_resume *r;
	FILE *f = segment(0);
	char fill[1024];

	call(f, "request", 1);
	memset(fill, 'x', sizeof(fill));
	fill[sizeof(fill) - 1] = '\n';
	for (size_t n = 0; n <= MW_LOG_RESUME_LEN; n += sizeof(fill))
		fwrite(fill, 1, sizeof(fill), f);
	call(f, "request", 2);
	fclose(f);
	r = resume();
	assert_open(r, "2");
	mw_log_resume_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
