/* SPDX-License-Identifier: Apache-2.0 */
/* test_logread.c - reading records back (logread.c), and times as people write them (when.c) */
#include "support.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "io/logread.h"
#include "io/logread_priv.h"
#include "io/when.h"

static char dir[] = "/tmp/mw-logread-XXXXXX";

static int setup(void **state)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_dir(const char *name)
{
	static char path[16][256];
	static unsigned int n;

	n = (n + 1) % 16;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static void put(const char *name, const char *text, size_t n)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void puts_to(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

#define REC(v, seq, time, type) \
	"{\"v\":" v ",\"seq\":" seq ",\"time\":\"2026-11-21T" time "Z\",\"type\":\"" type "\"}\n"

/* The records there are as "seq seq ...", with "|" where it said 0; and how it ended. */
static int read_all(const char *const *paths, size_t n, char out[512], char err[512], char hole[512])
{
	struct mw_logread *l;
	struct mw_logrec rec;
	size_t len = 0;
	int r;

	out[0] = err[0] = hole[0] = '\0';
	r = mw_logread_new(paths, n, false, err, 512, &l);
	if (r < 0)
		return r;
	while ((r = mw_logread_next(l, &rec)) == 1) {
		assert_int_equal(strlen(rec.line), rec.len);
		len += (size_t)snprintf(out + len, 512 - len, "%zu:%" PRIu64 " ", rec.input, rec.seq);
	}
	assert_int_equal(mw_logread_next(l, &rec), r);
	snprintf(err, 512, "%s", mw_logread_error(l));
	if (mw_logread_hole(l))
		snprintf(hole, 512, "%s", mw_logread_hole(l));
	mw_logread_free(l);
	return r;
}

static void test_merge(void **state)
{
	const char *paths[2] = { in_dir("a"), in_dir("b") };
	char out[512], err[512], hole[512];

	puts_to("a", REC("1", "0", "10:00:00.000000001", "call") REC("1", "1", "10:00:02", "effect")
		     /* time goes back: the order of the file is kept */
		     REC("1", "2", "10:00:00", "effect") REC("1", "3", "10:00:05", "call"));
	puts_to("b", REC("1", "7", "10:00:00", "call") REC("1", "8", "10:00:02", "call")
			REC("1", "9", "10:00:04", "call"));
	assert_int_equal(read_all(paths, 2, out, err, hole), -ENODATA);
	assert_string_equal(out, "1:7 0:0 0:1 0:2 1:8 1:9 0:3 ");
	assert_string_equal(hole, "");
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *line, *what;
	} cases[] = {
		{ "\n", "not valid JSON" },
		{ "what\n", "not valid JSON" },
		{ "[1]\n", "not a record" },
		{ "{}\n", "not a record" },
		{ "{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\"\n", "not valid JSON" },
		{ "{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\"} {}\n",
		  "not valid JSON" },
		{ "{\"v\":1,\"seq\":1,\"time\":\"yesterday\",\"type\":\"x\"}\n", "not a record" },
		{ "{\"v\":1,\"seq\":-1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\"}\n",
		  "not a record" },
		{ "{\"v\":1,\"seq\":1,\"seq\":2,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\"}\n",
		  "not a record" },
		{ "{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":7}\n", "not a record" },
		{ "{\"v\":0,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\"}\n",
		  "not a record" },
		{ REC("2", "1", "10:00:00", "call"), "newer mcpwatch" },
		{ "{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"\xff\"}\n",
		  "not UTF-8" },
		{ REC("1", "1", "10:00:00", "call") "{\"v\":1", "cut off" },
		{ "\x7f" "ELF\x02\x01\n", "not valid JSON" },
	};
	const char *path = in_dir("f");
	char out[512], err[512], hole[512], at[300];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool second = strstr(cases[i].what, "cut");

		unlink(path);
		puts_to("f", REC("1", "0", "10:00:00", "call"));
		puts_to("f", cases[i].line);
		assert_int_equal(read_all(&path, 1, out, err, hole), -EBADMSG);
		snprintf(at, sizeof(at), "%s: line %d: ", path, second ? 3 : 2);
		if (strncmp(err, at, strlen(at)) != 0 || !strstr(err, cases[i].what))
			fail_msg("'%s' for %s", err, cases[i].line);
		assert_null(strchr(err, '\n'));
	}
}

static void test_huge_line(void **state)
{
	char out[512], err[512], hole[512], *big = malloc(MW_RECORD_MAX + 2);
	static const char head[] = "{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\",\"a\":\"";
	const char *path = in_dir("f");

	/* the longest there may be */
	memset(big, 'a', MW_RECORD_MAX + 2);
	memcpy(big, head, sizeof(head) - 1);
	memcpy(big + MW_RECORD_MAX - 2, "\"}\n", 3);
	put("f", big, MW_RECORD_MAX + 1);
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
	assert_string_equal(out, "0:1 ");
	/* one byte more */
	memcpy(big + MW_RECORD_MAX - 2, "a\"}\n", 4);
	put("f", big, MW_RECORD_MAX + 2);
	assert_int_equal(read_all(&path, 1, out, err, hole), -EBADMSG);
	assert_non_null(strstr(err, "line 2: longer than a record"));
	/* and one without an end */
	unlink(path);
	memset(big, 0, MW_RECORD_MAX + 2);
	put("f", big, MW_RECORD_MAX + 2);
	put("f", big, MW_RECORD_MAX + 2);
	assert_int_equal(read_all(&path, 1, out, err, hole), -EBADMSG);
	assert_non_null(strstr(err, "line 1: longer than a record"));
	free(big);
}

/* What the observed nested deeply must not make the log unreadable. */
static void test_deep(void **state)
{
	static const char head[] =
		"{\"v\":1,\"seq\":1,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"x\",\"args\":";
	char out[512], err[512], hole[512];
	const char *path = in_dir("f");
	size_t n;

	for (n = 900; n < 20000; n += 500) {
		char *p = malloc(n);

		unlink(path);
		puts_to("f", head);
		memset(p, '[', n);
		put("f", p, n);
		memset(p, ']', n);
		put("f", p, n);
		puts_to("f", "}\n");
		free(p);
		assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
		assert_string_equal(out, "0:1 ");
	}
}

static void test_holes(void **state)
{
	const char *path = in_dir("f");
	char out[512], err[512], hole[512];

	puts_to("f", REC("1", "3", "10:00:00", "call") REC("1", "4", "10:00:00", "call"));
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
	assert_string_equal(hole, "");
	puts_to("f", REC("1", "6", "10:00:00", "call") REC("1", "6", "10:00:00", "call"));
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
	assert_string_equal(out, "0:3 0:4 0:6 0:6 ");
	assert_non_null(strstr(hole, "line 3: record 6 where 5 must follow"));
}

/* n records more, a segment for every three. */
static void write_log(const char *name, uint64_t n)
{
	static uint64_t next;
	char seg[100], rec[160];
	uint64_t i;

	snprintf(seg, sizeof(seg), "%.40s/seg", name);
	mkdir(in_dir(name), 0700);
	if (mkdir(in_dir(seg), 0700) == 0)
		next = 0;
	for (i = next, next += n; i < next; i++) {
		snprintf(rec, sizeof(rec),
			 "{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T10:00:00.%09" PRIu64
			 "Z\",\"type\":\"call\"}\n",
			 i, i);
		snprintf(seg, sizeof(seg), "%.40s/seg/" MW_SEGMENT_NAME_FMT, name, i - i % 3);
		puts_to(seg, rec);
	}
}

static void test_folder(void **state)
{
	const char *path = in_dir("log");
	char out[512], err[512], hole[512];

	write_log("log", 8);
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
	assert_string_equal(out, "0:0 0:1 0:2 0:3 0:4 0:5 0:6 0:7 ");
	assert_string_equal(hole, "");
	/* a segment is gone */
	assert_int_equal(unlink(in_dir("log/seg/00000000000000000003.jsonl")), 0);
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
	assert_string_equal(out, "0:0 0:1 0:2 0:6 0:7 ");
	assert_non_null(strstr(hole, "begins with record 6 where 3 must follow"));
	/* a torn line in the middle */
	assert_int_equal(truncate(in_dir("log/seg/00000000000000000000.jsonl"), 100), 0);
	assert_int_equal(read_all(&path, 1, out, err, hole), -EBADMSG);
	assert_non_null(strstr(err, "00000000000000000000.jsonl: line 2: cut off"));
}

static void test_not_there(void **state)
{
	const char *path = in_dir("none");
	char out[512], err[512], hole[512];

	assert_int_equal(read_all(&path, 1, out, err, hole), -ENOENT);
	assert_non_null(strstr(err, "there is no such log"));
	path = dir;
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENOENT);
	assert_non_null(strstr(err, "holds no log"));
	path = in_dir("archive");
	puts_to("archive", "\x1f\x8b\x08");
	assert_int_equal(read_all(&path, 1, out, err, hole), -EBADMSG);
	assert_non_null(strstr(err, "a compressed archive, not a log; unpack a bundle"));
	path = in_dir("empty");
	puts_to("empty", "");
	assert_int_equal(read_all(&path, 1, out, err, hole), -ENODATA);
}

static void test_follow(void **state)
{
	const char *path = in_dir("log");
	struct mw_logread *l;
	struct mw_logrec rec;
	char err[512];
	uint64_t i;

	/* a log that has no record yet */
	write_log("log", 0);
	assert_int_equal(mw_logread_new(&path, 1, true, err, sizeof(err), &l), 0);
	assert_int_equal(mw_logread_next(l, &rec), 0);
	write_log("log", 1);
	assert_int_equal(mw_logread_next(l, &rec), 1);
	assert_int_equal(rec.seq, 0);
	assert_int_equal(mw_logread_next(l, &rec), 0);
	/* more in this segment, and in new ones */
	write_log("log", 8);
	for (i = 1; i < 9; i++) {
		assert_int_equal(mw_logread_next(l, &rec), 1);
		assert_int_equal(rec.seq, i);
	}
	assert_int_equal(mw_logread_next(l, &rec), 0);
	assert_null(mw_logread_hole(l));
	mw_logread_free(l);

	/* half a line is waited for */
	path = in_dir("f");
	puts_to("f", "{\"v\":1,\"seq\":0,\"time\":\"2026-");
	assert_int_equal(mw_logread_new(&path, 1, true, err, sizeof(err), &l), 0);
	assert_int_equal(mw_logread_next(l, &rec), 0);
	assert_int_equal(mw_logread_next(l, &rec), 0);
	puts_to("f", "11-21T10:00:00Z\",\"type\":\"call\"}\n");
	assert_int_equal(mw_logread_next(l, &rec), 1);
	assert_string_equal(rec.type, "call");
	mw_logread_free(l);
}

static void test_tree(void **state)
{
	const char *path = in_dir("f");
	struct mw_logread *l;
	struct mw_logrec rec;
	char err[512];
	cJSON *json;

	puts_to("f", REC("1", "5", "10:00:00.5", "call"));
	assert_int_equal(mw_logread_new(&path, 1, false, err, sizeof(err), &l), 0);
	assert_int_equal(mw_logread_next(l, &rec), 1);
	assert_int_equal(rec.line_no, 1);
	assert_string_equal(rec.file, path);
	assert_int_equal(rec.time_ns % 1000000000, 500000000);
	json = mw_logread_json(&rec);
	assert_int_equal(cJSON_GetObjectItem(json, "seq")->valueint, 5);
	cJSON_Delete(json);
	mw_logread_free(l);
}

#define NS 1000000000ll

static void test_rfc3339(void **state)
{
	static const struct {
		const char *s;
		int64_t ns;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-21T10:00:00.123456789Z", 1795255200 * NS + 123456789 },
		{ "2026-11-21T12:00:00.5+02:00", 1795255200 * NS + 500000000 },
		{ "2026-11-21 10:00:00z", 1795255200 * NS },
		{ "2024-02-29T00:00:00Z", 1709164800 * NS },
	};
	static const char *const bad[] = { "",
					   "2026-11-21",
					   "2026-11-21T10:00:00",
					   "2026-11-21T10:00Z",
					   "2026-13-21T10:00:00Z",
					   "2026-11-32T10:00:00Z",
					   "2026-11-21T24:00:00Z",
					   "2026-11-21T10:60:00Z",
					   "2026-11-21T10:00:00.Z",
					   "2026-11-21T10:00:00ZZ",
					   "2026-11-21T10:00:00+0200",
					   "1969-12-31T23:59:59Z",
					   "2262-11-21T10:00:00Z",
					   "20261121T100000Z" };
	int64_t ns;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(mw_when_rfc3339(good[i].s, strlen(good[i].s), &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mw_when_rfc3339(bad[i], strlen(bad[i]), &ns) == 0)
			fail_msg("'%s' was taken", bad[i]);
}

static void test_when(void **state)
{
	const int64_t now = 1795255200 * NS + 250000000, midnight = 1795219200 * NS;
	struct {
		const char *s;
		int64_t ns;
	} good[] = {
		{ "now", now },
		{ "today", midnight },
		{ "yesterday", midnight - 86400 * NS },
		{ "tomorrow", midnight + 86400 * NS },
		{ "10:30", midnight + 37800 * NS },
		{ "10:30:15.5", midnight + 37815 * NS + 500000000 },
		{ "2026-11-20", midnight - 86400 * NS },
		{ "2026-11-21 10:30", midnight + 37800 * NS },
		{ "2026-11-21T10:30:00", midnight + 37800 * NS },
		{ "2 hours ago", now - 7200 * NS },
		{ "90s ago", now - 90 * NS },
		{ "1 day ago", now - 86400 * NS },
		{ "-15m", now - 900 * NS },
		{ "@1700000000", 1700000000 * NS },
		/* the 21st is a Saturday */
		{ "NOW", now },
		{ "noon", midnight + 43200 * NS },
		{ "midnight", midnight },
		{ "saturday", midnight },
		{ "last saturday", midnight - 7 * 86400 * NS },
		{ "monday", midnight - 5 * 86400 * NS },
		{ "Last Monday", midnight - 5 * 86400 * NS },
		{ "mon 10:30", midnight - 5 * 86400 * NS + 37800 * NS },
		{ "last monday at noon", midnight - 5 * 86400 * NS + 43200 * NS },
		{ "yesterday 14:00", midnight - 86400 * NS + 50400 * NS },
		{ "yesterday at 14:00:30", midnight - 86400 * NS + 50430 * NS },
		{ "today 10:30", midnight + 37800 * NS },
		{ "2026-11-20 noon", midnight - 43200 * NS },
		{ "an hour ago", now - 3600 * NS },
		{ "a week and 2 days ago", now - 9 * 86400 * NS },
		{ "1 day 6 hours ago", now - 30 * 3600 * NS },
		{ "1h30m ago", now - 5400 * NS },
		{ "-1h30m", now - 5400 * NS },
		{ "2 months ago", now - 61 * 86400 * NS },
		{ "1 year ago", now - 365 * 86400 * NS },
		{ "-5 years", now - (5 * 365 + 1) * 86400 * NS },
		{ "last hour", now - 3600 * NS },
		{ "last week", now - 7 * 86400 * NS },
	};
	static const char *const bad[] = { "",	      "soon", "2 hours",    "ago",  "-",    "25:00",
					   "10:30 x", "@",    "@x",	    "1x ago", "2026-11-21x",
					   "9999999999999 weeks ago", "@99999999999999999",
					   "last", "last x", "last m", "monday x", "at noon", "yesterday at",
					   "ago 2 hours", "2 ago", "an ago", "1h30 ago", "-x", "- 5m", "400 years ago",
					   "1 hour and ago", "saturdays", "mondayy", "now x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char buf[MW_WHEN_LEN];
	int64_t ns;
	size_t i;

	setenv("TZ", "UTC", 1);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (mw_when_parse(good[i].s, now, &ns) < 0)
			fail_msg("'%s' was refused", good[i].s);
		if (ns != good[i].ns)
			fail_msg("'%s' is %lld", good[i].s, (long long)ns);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mw_when_parse(bad[i], now, &ns) == 0)
			fail_msg("'%s' was taken", bad[i]);
	mw_when_format(now, true, buf);
	assert_string_equal(buf, "2026-11-21 10:00:00.250");
	mw_when_format(now, false, buf);
	assert_string_equal(buf, "10:00:00.250");
}

/* Members are the line's exact bytes; those nested are not among them. */
static void members(void **state)
{
	static const char line[] = "{\"v\":1,\"seq\":0,\"time\":\"2026-11-21T10:00:00Z\","
				   "\"type\":\"effect\",\"target\":\"/a\\\"b\",\"in\":{\"n\":1},"
				   "\"n\":2}\n";
	const char *path = in_dir("members");
	struct mw_logread *l;
	struct mw_logrec rec;
	char err[512];

	puts_to("members", line);
	assert_int_equal(mw_logread_new(&path, 1, false, err, sizeof(err), &l), 0);
	assert_int_equal(mw_logread_next(l, &rec), 1);
	assert_int_equal(rec.n_members, 7);
	assert_true(mw_slice_eq_str(mw_logrec_get(&rec, "target"), "\"/a\\\"b\""));
	assert_true(mw_slice_eq_str(mw_logrec_get(&rec, "in"), "{\"n\":1}"));
	assert_true(mw_slice_eq_str(mw_logrec_get(&rec, "n"), "2"));
	assert_int_equal(mw_logrec_get(&rec, "absent").n, 0);
	assert_null(mw_logread_report(l, 0));
	mw_logread_free(l);
}

#define HEAD "{\"v\":1,\"seq\":7,\"time\":\"2026-11-21T10:00:00Z\",\"type\":\"call\""

/* What is taken out of a line that is read again is what was taken out at first. */
static void test_known(void **state)
{
	static const char *const lines[] = {
		HEAD "}",
		HEAD ",\"a\":\"\\\\\",\"b\":\"\\\\\\\"\",\"c\":\"x\\\\\\\\\\\"}{,\"}",
		HEAD ",\"a\":{\"b\":[1,{\"c\":\"}]\\\"\"},[]],\"d\":null},\"e\":-1.5e3,\"f\":true}",
		HEAD ",\"a\":\"\xc3\xa9\xe2\x80\xa8\",\"\":\"\",\"b\":[]}",
		HEAD " }",
		" " HEAD ",\"a\":[1 ,2 ], \"b\" : 1 }",
		HEAD ",\"a\":1 }",
		HEAD ",\"a\":\t2}",
	};
	struct mw_lr_input *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	char deep[4096];
	size_t i, k, n;

	for (i = 0; i <= sizeof(lines) / sizeof(lines[0]); i++) {
		const char *line = i ? lines[i - 1] : deep;

		n = (size_t)snprintf(deep, sizeof(deep), HEAD ",\"a\":");
		memset(deep + n, '[', 100);
		memset(deep + n + 100, ']', 100);
		memcpy(deep + n + 200, ",\"b\":2}", 8);
		n = strlen(line);
		assert_null(mw_lr_check(a, line, n));
		assert_null(mw_lr_known(b, line, n));
		assert_int_equal(a->rec.n_members, b->rec.n_members);
		for (k = 0; k < a->rec.n_members; k++) {
			assert_true(mw_slice_eq(a->members[k].key, b->members[k].key));
			assert_true(mw_slice_eq(a->members[k].value, b->members[k].value));
		}
		assert_string_equal(a->type, b->type);
		assert_int_equal(a->rec.seq, b->rec.seq);
		assert_int_equal(a->rec.time_ns, b->rec.time_ns);
	}
	free(a);
	free(b);
}

/* Nor does it read beyond a line that never was one, wherever it is cut. */
static void test_known_cut(void **state)
{
	static const char line[] = HEAD ",\"a\":\"\\\\\\\"\",\"b\":{\"c\":[\"]\",{}]},\"d\":12}";
	struct mw_lr_input *in = calloc(1, sizeof(*in));
	size_t n;
	char *cut;

	for (n = 0; n + 1 < sizeof(line) - 1; n++) {
		cut = malloc(n + 1); /* for the sanitizers */
		memcpy(cut, line, n);
		cut[n] = '\0';
		assert_non_null(mw_lr_known(in, cut, n));
		free(cut);
	}
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_holes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_when),
		cmocka_unit_test_setup_teardown(members, setup, teardown),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
