/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: its first line says what the rest is.
 *
 *	records	a log's records and a question to it: a line "?N VALUE" is the Nth option of a
 *filter, "%" begins a segment, others are the members of a record. The log answers the same with
 *its index and without. damage	bytes of a good index, five each: where, and what they are changed
 *by. The log answers the same: what is changed is noticed, or is of no account. forge	an index
 *whose sums are right: a line "FIRST COLUMN\n" has a column's new bytes behind it, up to the next
 *"\n@", and "FIRST -N" numbers of a row. Whatever it says, what is read are lines of the log, in
 *their order.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "fuzz.h"

#include "base/json.h"
#include "cli/filter.h"
#include "cli/join.h"
#include "cli/narrow.h"
#include "io/index.h"
#include "io/index_priv.h"
#include "io/logread.h"
#include "support_forge.h"

#define TIME_FMT "\"2026-11-21T10:00:%02u.%03u000000Z\""
#define SEGS	 8

/* the index waits until a file that was just changed would get another time: here none is changed
 */
int usleep(useconds_t us)
{
	(void)us;
	return 0;
}

static struct fx good; /* a sealed log, and its index */
static uint8_t *good_index;
static size_t good_len;
static char own[] = "/dev/shm/mw-fuzz-index-XXXXXX";

/* --- the log that is made once ------------------------------------------------------------------
 */

static bool equals(const void *arg, enum mw_index_field field, struct mw_slice value)
{
	(void)field;
	return mw_slice_eq_str(value, arg);
}

static const struct {
	enum mw_index_field field;
	const char *value;
} questions[] = {
	{ MW_INDEX_TARGET, "/a" },
	{ MW_INDEX_TOOL, "one" },
	{ MW_INDEX_CALL, "c30" },
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* Which records the index lets through, a bit each; false: they could not all be read. */
static bool ask(size_t which, bool *ret)
{
	const struct mw_index_query q = { .asked = 1u << questions[which].field,
					  .match = equals,
					  .arg = questions[which].value };
	const char *path = good.dir;
	struct mw_index_plan *plan = NULL;
	struct mw_logread *l;
	struct mw_logrec rec;
	char err[512] = "";
	int64_t last = -1;
	int r;

	memset(ret, 0, FX_LINES);
	r = mw_index_ask(good.dir, NULL, &q, err, sizeof(err), &plan);
	FUZZ_CHECK((r == 1) == (plan != NULL) && (r >= 0 || *err));
	FUZZ_CHECK(mw_logread_new(&path, 1, false, err, sizeof(err), &l) == 0);
	if (plan && mw_logread_narrow(l, 0, plan) < 0) {
		/* "the reader is of no use any more": the log is read without it */
		mw_logread_free(l);
		FUZZ_CHECK(mw_logread_new(&path, 1, false, err, sizeof(err), &l) == 0);
	}
	while ((r = mw_logread_next(l, &rec)) == 1) {
		FUZZ_CHECK(rec.seq < good.n && (int64_t)rec.seq > last);
		FUZZ_CHECK(strcmp(rec.line, good.line[rec.seq]) == 0);
		last = (int64_t)rec.seq;
		ret[rec.seq] = true;
	}
	FUZZ_CHECK(r == -ENODATA || *mw_logread_error(l));
	mw_logread_free(l);
	return r == -ENODATA;
}

static char *index_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/" MW_INDEX_NAME, good.dir);
	return path;
}

static void put_index(const uint8_t *p, size_t n)
{
	int fd = open(index_path(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static bool want[QUESTIONS][FX_LINES];

static void remove_all(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s %s", own, good.dir);
	if (system(cmd) != 0)
		fprintf(stderr, "cannot remove %s and %s\n", own, good.dir);
}

static void begin(void)
{
	struct mw_index_built built;
	char err[512] = "";
	FILE *f;

	FUZZ_CHECK(mkdtemp(own));
	fx_new(&good, 3);
	atexit(remove_all);
	fx_calls(&good, 40);
	fx_record(&good, "call",
		  ",\"call\":\"x1\",\"tool\":\"one\",\"effects\":[{\"kind\":\"file.open\","
		  "\"target\":\"/a\",\"seqs\":[7]}]");
	fx_seal(&good);
	fx_segment(&good);
	fx_calls(&good, 20);
	fx_record(&good, "effect", ",\"kind\":\"file.open\",\"target\":\"/a\",\"call\":\"x1\"");
	fx_seal(&good);
	fx_segment(&good);
	fx_calls(&good, 4);
	fx_seal(&good);
	fx_write(&good);
	FUZZ_CHECK(mw_index_build(good.dir, NULL, NULL, err, sizeof(err), &built) == 0);
	FUZZ_CHECK(built.segments == 2);
	good_len = built.size;
	good_index = malloc(good_len);
	f = fopen(index_path(), "re");
	FUZZ_CHECK(f && fread(good_index, 1, good_len, f) == good_len);
	fclose(f);
	for (size_t i = 0; i < QUESTIONS; i++)
		FUZZ_CHECK(ask(i, want[i]) && !want[i][1]);
}

/* --- damaged ------------------------------------------------------------------------------------
 */

static void damage(const uint8_t *p, size_t n)
{
	static bool have[FX_LINES];
	uint8_t *bytes = malloc(good_len);
	size_t i, k;

	memcpy(bytes, good_index, good_len);
	for (i = 0; i + 5 <= n; i += 5)
		bytes[((size_t)p[i] << 24 | (size_t)p[i + 1] << 16 | (size_t)p[i + 2] << 8 |
		       p[i + 3]) %
		      good_len] ^= p[i + 4];
	/* one that is cut off, too */
	put_index(bytes, n % 5 == 4 ? good_len * p[n - 1] / 256 : good_len);
	free(bytes);
	for (i = 0; i < QUESTIONS; i++) {
		FUZZ_CHECK(ask(i, have));
		for (k = 0; k < good.n; k++)
			FUZZ_CHECK(have[k] || !want[i][k]);
	}
}

/* --- forged -------------------------------------------------------------------------------------
 */

static void forge_column(sqlite3 *sql, int64_t first, int column, const uint8_t *p, size_t n)
{
	const size_t max = ZSTD_compressBound(n);
	void *z = malloc(max);
	const size_t len = ZSTD_compress(z, max, p, n, 1);
	sqlite3_stmt *s;

	FUZZ_CHECK(!ZSTD_isError(len));
	FUZZ_CHECK(sqlite3_prepare_v2(
		       sql, "UPDATE col SET data = ?, sum = ? WHERE first = ? AND field = ?", -1,
		       &s, NULL) == SQLITE_OK);
	sqlite3_bind_blob(s, 1, z, (int)len, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, mw_index_sum((uint64_t)first, (unsigned int)column, z, len));
	sqlite3_bind_int64(s, 3, first);
	sqlite3_bind_int(s, 4, column);
	FUZZ_CHECK(sqlite3_step(s) == SQLITE_DONE);
	sqlite3_finalize(s);
	free(z);
}

/* n, sealed, seals_len, and the state's bytes behind them. */
static void forge_row(sqlite3 *sql, int64_t first, const uint8_t *p, size_t n)
{
	struct mw_index_row row = { .first = (uint64_t)first };
	int64_t v[3] = { 0 };
	sqlite3_stmt *s;

	memcpy(v, p, n < sizeof(v) ? n : sizeof(v));
	p += n < sizeof(v) ? n : sizeof(v);
	n -= n < sizeof(v) ? n : sizeof(v);
	FUZZ_CHECK(
	    sqlite3_prepare_v2(sql,
			       "SELECT dev, ino, size, mtime_ns, ctime_ns, beside FROM segment"
			       " WHERE first = ?",
			       -1, &s, NULL) == SQLITE_OK);
	sqlite3_bind_int64(s, 1, first);
	if (sqlite3_step(s) == SQLITE_ROW) {
		row.stamp = (struct mw_index_stamp){ (uint64_t)sqlite3_column_int64(s, 0),
						     (uint64_t)sqlite3_column_int64(s, 1),
						     (uint64_t)sqlite3_column_int64(s, 2),
						     sqlite3_column_int64(s, 3),
						     sqlite3_column_int64(s, 4) };
		memcpy(row.beside, sqlite3_column_blob(s, 5), sizeof(row.beside));
	}
	sqlite3_finalize(s);
	row.n = (uint64_t)v[0];
	row.place = (struct mw_verify_place){ (uint64_t)v[1], (uint64_t)v[2] };
	row.state = (void *)(uintptr_t)p;
	row.n_state = n;
	FUZZ_CHECK(
	    sqlite3_prepare_v2(sql,
			       "UPDATE segment SET n = ?, sealed = ?, seals_len = ?, state = ?,"
			       " state_sum = ? WHERE first = ?",
			       -1, &s, NULL) == SQLITE_OK);
	for (int i = 0; i < 3; i++)
		sqlite3_bind_int64(s, i + 1, v[i]);
	sqlite3_bind_blob(s, 4, n ? (const void *)p : "", (int)n, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, mw_index_row_sum(&row));
	sqlite3_bind_int64(s, 6, first);
	FUZZ_CHECK(sqlite3_step(s) == SQLITE_DONE);
	sqlite3_finalize(s);
}

static void forge(const uint8_t *p, size_t n)
{
	static bool have[FX_LINES];
	const uint8_t *end = p + n, *nl, *next;
	sqlite3 *sql;

	put_index(good_index, good_len);
	FUZZ_CHECK(sqlite3_open(index_path(), &sql) == SQLITE_OK);
	FUZZ_CHECK(sqlite3_exec(sql, "PRAGMA synchronous = 0", NULL, NULL, NULL) == SQLITE_OK);
	for (; p < end; p = next) {
		char head[32];
		char *at;
		long first, column;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl || nl - p >= (ptrdiff_t)sizeof(head))
			break;
		memcpy(head, p, (size_t)(nl - p));
		head[nl - p] = '\0';
		next = memmem(nl + 1, (size_t)(end - nl - 1), "\n@", 2);
		first = strtol(head, &at, 10);
		column = strtol(at, NULL, 10);
		nl++;
		if (column >= 0)
			forge_column(sql, first, (int)column, nl,
				     (size_t)((next ? next : end) - nl));
		else
			forge_row(sql, first, nl, (size_t)((next ? next : end) - nl));
		next = next ? next + 2 : end;
	}
	sqlite3_close(sql);
	for (size_t i = 0; i < QUESTIONS; i++)
		(void)ask(i, have);
}

/* --- records and a question ---------------------------------------------------------------------
 */

static void put_record(FILE *f, const uint8_t *p, size_t n, unsigned int seq)
{
	static const char *const types[] = { "call",   "effect", "alert",  "gap",    "ties",
					     "server", "tool",	 "daemon", "request" };
	char *line = NULL;
	size_t len;
	FILE *mem = open_memstream(&line, &len);

	fprintf(mem,
		"{\"v\":1,\"seq\":%u,\"time\":" TIME_FMT
		",\"boot_ns\":1,\"host\":\"h\",\"type\":\"%s\"%s%.*s}",
		seq, seq / 10, seq % 10 * 100, types[*p % 9], n > 1 ? "," : "", (int)n - 1,
		(const char *)p + 1);
	fclose(mem);
	/* none that the reader would refuse */
	if (len < 60000 && mw_json_check(mw_slice(line, len), MW_JSON_DEPTH_MAX, NULL, NULL) == 0)
		fprintf(f, "%s\n", line);
	else
		fprintf(f,
			"{\"v\":1,\"seq\":%u,\"time\":" TIME_FMT
			",\"boot_ns\":1,\"host\":\"h\",\"type\":\"notice\"}\n",
			seq, seq / 10, seq % 10 * 100);
	free(line);
}

static FILE *begin_segment(unsigned int seq)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/seg/" MW_SEGMENT_NAME_FMT, own, (uint64_t)seq);
	return fopen(path, "we");
}

/* The filter borrows its values. */
static char values[16][128];
static size_t n_values;

static void add_option(struct mw_filter *f, const uint8_t *p, size_t n)
{
	char *value = values[n_values];

	if (n < 3 || n - 2 >= sizeof(values[0]) || memchr(p, 0, n) || n_values == 16)
		return;
	memcpy(value, p + 2, n - 2);
	value[n - 2] = '\0';
	n_values += mw_filter_option(f, "fuzz", MW_FILTER_SINCE + p[0] % 16, value) == 0;
}

/* What passes, by the numbers of the records and what is known of each. */
static void answer(const struct mw_filter *f, const char *index, FILE *out)
{
	static const char *const types[] = { "call", "effect", "alert", "gap", "server", NULL };
	const char *paths[] = { own };
	const struct mw_cli_list logs = { .p = paths, .n = 1 };
	const bool all = f->text.len % 2;
	struct mw_logread *l = mw_cli_open_filtered(&logs, false, f, all ? NULL : types, index);
	struct mw_joined item;
	struct mw_logrec rec;
	struct mw_join *j;
	int r;

	FUZZ_CHECK(l && mw_join_new(f, all ? NULL : types, &j) == 0);
	do {
		r = mw_logread_next(l, &rec);
		if (r == 1)
			FUZZ_CHECK(mw_join_push(j, &rec) == 0);
		else
			mw_join_flush(j);
		while (mw_join_next(j, &item) == 1)
			fprintf(out, "%" PRIu64 " %d %s %s %.*s\n", item.rec.seq, (int)item.tie,
				item.link, item.confidence, (int)item.facts.call.n,
				(const char *)item.facts.call.p);
	} while (r == 1);
	fprintf(out, "%d\n", r);
	mw_join_free(j);
	mw_logread_free(l);
}

static void records(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *nl;
	struct mw_filter filter = { 0 };
	struct mw_index_built built;
	unsigned int seq = 0, segs = 1;
	char cmd[64], *fast, *slow;
	size_t fast_len, slow_len;
	char err[512] = "";
	FILE *f, *mem;
	int r;

	n_values = 0;
	snprintf(cmd, sizeof(cmd), "%s/seg", own);
	mkdir(cmd, 0700);
	f = begin_segment(0);
	for (; p < end && seq < 200; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		if (nl == p)
			continue;
		if (*p == '?') {
			add_option(&filter, p + 1, (size_t)(nl - p - 1));
		} else if (*p == '%') {
			if (!seq || segs++ == SEGS)
				continue;
			fclose(f);
			f = begin_segment(seq);
		} else {
			put_record(f, p, (size_t)(nl - p), seq++);
		}
	}
	fclose(f);
	r = mw_index_build(own, NULL, NULL, err, sizeof(err), &built);
	if (r < 0)
		dprintf(2, "%s\n", err);
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	mem = open_memstream(&fast, &fast_len);
	answer(&filter, NULL, mem);
	fclose(mem);
	mem = open_memstream(&slow, &slow_len);
	answer(&filter, "none", mem);
	fclose(mem);
	if (fast_len != slow_len || memcmp(fast, slow, fast_len) != 0)
		dprintf(2, "%s\nwith:\n%swithout:\n%s", mw_filter_text(&filter), fast, slow);
	FUZZ_CHECK(fast_len == slow_len && memcmp(fast, slow, fast_len) == 0);
	free(fast);
	free(slow);
	mw_filter_done(&filter);
	snprintf(cmd, sizeof(cmd), "%s/" MW_INDEX_NAME, own);
	unlink(cmd);
	for (segs = 0; segs <= seq; segs++) {
		snprintf(err, sizeof(err), "%s/seg/" MW_SEGMENT_NAME_FMT, own, (uint64_t)segs);
		unlink(err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool begun;

	if (!begun) {
		fuzz_quiet();
		setenv("TZ", "UTC", 1);
		begin();
	}
	begun = true;
	if (n > 8 && memcmp(data, "records\n", 8) == 0)
		records(data + 8, n - 8);
	else if (n > 7 && memcmp(data, "damage\n", 7) == 0)
		damage(data + 7, n - 7);
	else if (n > 6 && memcmp(data, "forge\n", 6) == 0)
		forge(data + 6, n - 6);
	return 0;
}
