/* SPDX-License-Identifier: Apache-2.0 */
/* a trail against a log: who claims whom, and what is said of it */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "core/record.h"
#include "io/logread.h"
#include "io/trail_match.h"

/* Times are milliseconds from here: 2026-11-21T18:46:10Z. */
#define BASE 1795286770000000000
#define MS   1000000ll
#define DAY  86400000

#define SERVER "{\"id\":\"s1\",\"key\":\"/bin/s uid=0\",\"name\":\"one\"}"
#define OTHER  "{\"id\":\"s2\",\"key\":\"/bin/t uid=0\",\"name\":\"two\"}"

struct files {
	FILE *log, *trail;
	char log_path[64], trail_path[64];
	uint64_t seq;
	int n_calls;
};

static FILE *file_new(char path[64], const char *what)
{
	int fd;

	snprintf(path, 64, "/tmp/mcpwatch-test-%s-XXXXXX", what);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	return fdopen(fd, "w");
}

static void print_time(int64_t ms, char ret[MW_TIME_LEN + 1])
{
	mw_time_print(BASE + ms * MS, ret);
}

/* One record; fmt begins with its type and the quote behind it. */
static void __attribute__((format(printf, 3, 4)))
rec(struct files *f, int64_t ms, const char *fmt, ...)
{
	char time[MW_TIME_LEN + 1];
	va_list ap;

	print_time(ms, time);
	fprintf(f->log,
		"{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"%s\",\"boot_ns\":1,\"host\":\"h\",\"type\":\"",
		f->seq++, time);
	va_start(ap, fmt);
	vfprintf(f->log, fmt, ap);
	va_end(ap);
	fputs("}\n", f->log);
}

static void setup(struct files *f)
{
	*f = (struct files){ 0 };
	f->log = file_new(f->log_path, "log");
	f->trail = file_new(f->trail_path, "trail");
	rec(f, -10000, "daemon\",\"event\":\"start\"");
	rec(f, -9000, "server\",\"event\":\"seen\",\"server\":%s,\"tier\":{\"io\":\"clear\"}", SERVER);
}

/* Call cN (from 1), from..to; `more` is what else its record has. */
static void call_of(struct files *f, const char *server, const char *id, const char *tool,
		    const char *args, int64_t from, int64_t to, const char *more)
{
	char begin[MW_TIME_LEN + 1], end[MW_TIME_LEN + 1];

	print_time(from, begin);
	print_time(to, end);
	rec(f, to,
	    "call\",\"call\":\"c%d\",\"dir\":\"c2s\",\"server\":%s,\"rpc_id\":\"%s\",\"method\":"
	    "\"tools/call\",\"tool\":\"%s\",\"args\":%s,\"args_bytes\":9,\"begin\":\"%s\",\"end\":\"%s\",%s",
	    ++f->n_calls, server, id, tool, args, begin, end, more);
}

#define OK	 "\"status\":\"ok\",\"evidence\":\"complete\""
#define FAILED	 "\"status\":\"tool_error\",\"evidence\":\"complete\""
#define ON(kind, t) "{\"kind\":\"" kind "\",\"target\":\"" t "\",\"n\":1}"
#define EFFECTS(n, list) "\"effects\":[" list "],\"effects_n\":" #n "," OK

static void call(struct files *f, const char *id, const char *tool, const char *args, int64_t from,
		 int64_t to)
{
	call_of(f, SERVER, id, tool, args, from, to, OK);
}

static void did(struct files *f, const char *id, int64_t from, const char *more)
{
	call_of(f, SERVER, id, "t", "{}", from, from + 10, more);
}

/* A line of the trail with its time; fmt is what else it has. */
static void __attribute__((format(printf, 3, 4)))
say(struct files *f, int64_t ms, const char *fmt, ...)
{
	char time[MW_TIME_LEN + 1];
	va_list ap;

	print_time(ms, time);
	fprintf(f->trail, "{\"time\":\"%s\",", time);
	va_start(ap, fmt);
	vfprintf(f->trail, fmt, ap);
	va_end(ap);
	fputs("}\n", f->trail);
}

struct said {
	char text[4096];
	size_t n;
};

/* "VERDICT[LINE][:CALL][ about...]": a, d, c, r (claimed again), s, u; a ? behind what is undecided */
static void on_finding(void *ctx, const struct mw_finding *f)
{
	static const char *const abouts[] = { "tool", "id", "args", "target", "outcome", "time" };
	static const char letters[] = "adcrsu";
	struct said *s = ctx;

#define PUT(...) (s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, __VA_ARGS__))
	PUT("%s%c", s->n ? ", " : "", letters[f->verdict]);
	if (f->entry)
		PUT("%" PRIu64, f->entry->line);
	if (f->call)
		PUT(":%s", f->call->call);
	for (size_t i = 0; i < f->n_diffs; i++)
		PUT(" %s%s", abouts[f->diff[i].about], f->diff[i].undecided ? "?" : "");
#undef PUT
	assert_true(s->n < sizeof(s->text));
	assert_true(!f->why || f->verdict == MW_VERDICT_UNDECIDED);
}

static struct mw_seen *index_of(struct files *f, const char *server)
{
	const char *path = f->log_path;
	struct mw_seen_options o = { &server, server != NULL };
	struct mw_logread *l;
	struct mw_logrec r;
	struct mw_seen *s;
	char err[512];
	int e;

	fclose(f->log);
	f->log = NULL;
	assert_int_equal(mw_seen_new(&o, &s), 0);
	assert_int_equal(mw_logread_new(&path, 1, false, err, sizeof(err), &l), 0);
	while ((e = mw_logread_next(l, &r)) == 1)
		assert_int_equal(mw_seen_add(s, &r), 0);
	if (e != -ENODATA)
		fail_msg("%s", mw_logread_error(l));
	mw_logread_free(l);
	assert_int_equal(mw_seen_finish(s), 0);
	return s;
}

static void done(struct files *f)
{
	unlink(f->log_path);
	unlink(f->trail_path);
}

/* Ends the log, compares, and holds what is said against want. */
static void check_with(struct files *f, const struct mw_match_options *o, const char *want)
{
	struct said said = { .n = 0 };
	struct mw_seen *s;
	struct mw_trail *t;
	struct mw_match *m;
	char err[512];

	fclose(f->trail);
	s = index_of(f, "one");
	assert_int_equal(mw_trail_open(f->trail_path, mw_trail_preset("json"), err, sizeof(err), &t), 0);
	assert_int_equal(mw_match_new(t, s, o, &m), 0);
	assert_int_equal(mw_match_report(m, on_finding, &said), 0);
	if (strcmp(said.text, want) != 0)
		fail_msg("said:     %s\nexpected: %s", said.text, want);
	mw_match_free(m);
	mw_trail_close(t);
	mw_seen_free(s);
	done(f);
}

static void check(struct files *f, int64_t end, const char *want)
{
	const struct mw_match_options o = { 5000 * MS, INT64_MIN, INT64_MAX };

	rec(f, end, "daemon\",\"event\":\"stop\"");
	check_with(f, &o, want);
}

/* --- who claims whom --- */

static void test_by_id(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{\"x\":1}", 0, 10);
	call(&f, "\\\"2\\\"", "a", "{\"x\":2}", 20, 30);
	call(&f, "1", "a", "{\"x\":1}", 40, 50); /* another client's */
	say(&f, 5, "\"id\":1,\"tool\":\"a\",\"args\":{\"x\":1}");
	say(&f, 25, "\"id\":\"2\",\"tool\":\"a\"");
	say(&f, 26, "\"msg\":\"no call\"");
	say(&f, 45, "\"id\":1,\"tool\":\"a\",\"args\":{\"x\":1}");
	check(&f, 100, "a1:c1, a2:c2, a4:c3");
}

static void test_omitted_of_many_alike(void **state)
{
	struct files f;

	/* ids begin anew, and the entry is written after each call, nearer to the next one */
	setup(&f);
	for (int i = 0; i < 6; i++) {
		call(&f, "1", "a", "{}", i * 1000, i * 1000 + 10);
		if (i != 3)
			say(&f, i * 1000 + 600, "\"id\":1,\"tool\":\"a\",\"args\":{}");
	}
	check(&f, 9000, "a1:c1, a2:c2, a3:c3, a4:c5, a5:c6, s:c4");
	/* and without ids, and without arguments */
	for (int with = 0; with < 2; with++) {
		setup(&f);
		for (int i = 0; i < 6; i++) {
			call(&f, "1", "a", "{}", i * 1000, i * 1000 + 10);
			if (i != 3)
				say(&f, i * 1000 + 600, "\"tool\":\"a\"%s", with ? ",\"args\":{}" : "");
		}
		check(&f, 9000, "a1:c1, a2:c2, a3:c3, a4:c5, a5:c6, s:c4");
	}
}

static void test_weak_takes_nothing_from_strong(void **state)
{
	struct files f;

	/* an invented entry that is like the call, before the true one */
	setup(&f);
	call(&f, "1", "a", "{\"x\":1}", 0, 10);
	call(&f, "2", "b", "{}", 20, 30);
	say(&f, 5, "\"tool\":\"a\"");
	say(&f, 6, "\"tool\":\"a\",\"args\":{\"x\":1}");
	say(&f, 7, "\"id\":1,\"tool\":\"a\",\"args\":{\"x\":1}");
	say(&f, 25, "\"id\":2,\"tool\":\"b\"");
	check(&f, 100, "c1, c2, a3:c1, a4:c2");
}

static void test_other_tool_other_args(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{\"x\":1}", 0, 10);
	call(&f, "2", "a", "{\"x\":2}", 20, 30);
	call(&f, "3", "a", "{\"x\":3,\"password\":\"[REDACTED:key:2]\"}", 40, 50);
	call(&f, "4", "a", "{\"x\":4}", 60, 70);
	say(&f, 5, "\"id\":1,\"tool\":\"b\",\"args\":{\"x\":1}");
	say(&f, 25, "\"id\":2,\"tool\":\"a\",\"args\":{\"x\":9}");
	say(&f, 45, "\"id\":3,\"tool\":\"a\",\"args\":{\"x\":3,\"password\":\"pw\",\"more\":true}");
	say(&f, 65, "\"id\":77,\"tool\":\"a\",\"args\":{\"x\":4}");
	check(&f, 100, "d1:c1 tool, d2:c2 args, a3:c3, d4:c4 id");
}

static void test_ids_of_the_requests(void **state)
{
	struct files f;

	/* where ids are right elsewhere, a wrong one is a difference, and one alone invents nothing */
	setup(&f);
	for (int i = 0; i < 4; i++) {
		char id[12], args[32];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(args, sizeof(args), "{\"x\":%d}", i);
		call(&f, id, "a", args, i * 10, i * 10 + 5);
		say(&f, i * 10 + 1, "\"id\":%d,\"tool\":\"a\",\"args\":{\"x\":%d}", i == 3 ? 99 : i, i);
	}
	check(&f, 100, "a1:c1, a2:c2, a3:c3, d4:c4 id");
	/* where they are the server's own, they say nothing */
	setup(&f);
	for (int i = 0; i < 4; i++) {
		char id[12], args[32];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(args, sizeof(args), "{\"x\":%d}", i);
		call(&f, id, "a", args, i * 10, i * 10 + 5);
		say(&f, i * 10 + 1, "\"id\":\"req-%d\",\"tool\":\"a\",\"args\":{\"x\":%d}", i, i);
	}
	check(&f, 100, "a1:c1, a2:c2, a3:c3, a4:c4");
}

static void test_without_time(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{\"x\":1}", 0, 10);
	call(&f, "2", "a", "{\"x\":1}", 20, 30);
	fputs("{\"tool\":\"a\",\"args\":{\"x\":1}}\n{\"id\":7,\"tool\":\"zzz\"}\n", f.trail);
	check(&f, 100, "a1:c1, u2, s:c2");
}

static void test_late(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{\"x\":1}", 100000, 100010);
	call(&f, "2", "a", "{\"x\":2}", 100020, 100030);
	call(&f, "3", "a", "{\"x\":3}", 100040, 100050);
	call(&f, "4", "a", "{\"x\":4}", 100060, 100070);
	say(&f, 105010, "\"id\":1,\"tool\":\"a\"");	 /* at the edge */
	say(&f, 105031, "\"id\":2,\"tool\":\"a\"");	 /* behind it */
	say(&f, 90000, "\"tool\":\"a\",\"args\":{\"x\":3}"); /* before it */
	say(&f, 2 * DAY, "\"id\":4,\"tool\":\"a\"");	 /* another day's */
	check(&f, 3 * DAY, "a1:c1, d2:c2 time, d3:c3 time, c4, s:c4");
}

static void test_again(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	call(&f, "2", "a", "{}", 20, 30);
	say(&f, 1, "\"id\":1,\"tool\":\"a\"");
	say(&f, 2, "\"id\":1,\"tool\":\"a\"");
	/* one as it begins, one as it ends: that is one claim */
	say(&f, 21, "\"id\":2,\"tool\":\"a\",\"msg\":\"begins\"");
	say(&f, 29, "\"id\":2,\"tool\":\"a\",\"msg\":\"ended\",\"outcome\":\"error\"");
	say(&f, 29, "\"id\":2,\"tool\":\"a\",\"msg\":\"ended\",\"outcome\":\"ok\"");
	check(&f, 100, "a1:c1, r2:c1, a3:c2, d4:c2 outcome, r5:c2");
}

static void test_span(void **state)
{
	const struct mw_match_options o = { 5000 * MS, BASE + 15 * MS, BASE + 35 * MS };
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	call(&f, "2", "a", "{}", 20, 30);
	call(&f, "3", "a", "{}", 40, 50);
	say(&f, 5, "\"id\":9,\"tool\":\"a\"");
	say(&f, 45, "\"id\":9,\"tool\":\"a\"");
	rec(&f, 100, "daemon\",\"event\":\"stop\"");
	check_with(&f, &o, "s:c2");
}

/* --- what cannot be decided --- */

static void test_undecided_claims(void **state)
{
	struct files f;

	setup(&f);
	rec(&f, 20000, "daemon\",\"event\":\"stop\"");
	rec(&f, 40000, "daemon\",\"event\":\"start\"");
	rec(&f, 50000, "gap\",\"reason\":\"lost\",\"from\":\"2026-11-21T18:46:58Z\",\"to\":\"2026-11-21T18:47:00Z\"");
	rec(&f, 70000, "daemon\",\"event\":\"start\""); /* after a crash at 50000 */
	say(&f, 10000, "\"id\":1,\"tool\":\"a\"");
	say(&f, 30000, "\"id\":2,\"tool\":\"a\"");
	say(&f, 41000, "\"id\":3,\"tool\":\"a\"");
	say(&f, 46000, "\"id\":4,\"tool\":\"a\"");
	say(&f, 60000, "\"id\":5,\"tool\":\"a\"");
	say(&f, 71000, "\"id\":6,\"tool\":\"a\"");
	check(&f, 80000, "c1, u2, c3, u4, u5, c6");

	setup(&f);
	rec(&f, 0, "server\",\"event\":\"changed\",\"server\":%s,\"tier\":{\"io\":\"unread\"}", SERVER);
	say(&f, 10, "\"id\":1,\"tool\":\"a\"");
	check(&f, 100, "u1");
}

static void test_no_answer(void **state)
{
	struct files f;

	setup(&f);
	call_of(&f, SERVER, "1", "a", "{}", 0, 10, "\"status\":\"cancelled\",\"evidence\":\"complete\"");
	call_of(&f, SERVER, "2", "a", "{}", 20, 30, "\"status\":\"no_response\",\"evidence\":\"complete\"");
	rec(&f, 40,
	    "request\",\"call\":\"c9\",\"dir\":\"c2s\",\"server\":%s,\"rpc_id\":\"3\",\"method\":\"tools/call\","
	    "\"tool\":\"a\",\"args\":{\"x\":3}", SERVER);
	say(&f, 21, "\"id\":2,\"tool\":\"a\",\"outcome\":\"ok\"");
	say(&f, 41, "\"id\":3,\"tool\":\"a\",\"args\":{\"x\":3}");
	check(&f, 100, "u1:c2 outcome?, a2:c9, u:c1");
}

static void test_request_and_call_are_one(void **state)
{
	struct files f;

	setup(&f);
	rec(&f, 0,
	    "request\",\"call\":\"c1\",\"dir\":\"c2s\",\"server\":%s,\"rpc_id\":\"1\",\"method\":\"tools/call\","
	    "\"tool\":\"a\",\"args\":{\"x\":1}", SERVER);
	call(&f, "1", "a", "{\"x\":1}", 0, 10);
	/* other ways and other methods are none of it */
	rec(&f, 20, "call\",\"call\":\"c7\",\"dir\":\"s2c\",\"server\":%s,\"rpc_id\":\"1\",\"method\":\"tools/call\",\"tool\":\"a\"," OK, SERVER);
	rec(&f, 20, "call\",\"call\":\"c8\",\"dir\":\"c2s\",\"server\":%s,\"rpc_id\":\"1\",\"method\":\"tools/list\"," OK, SERVER);
	say(&f, 5, "\"id\":1,\"tool\":\"a\",\"args\":{\"x\":1}");
	check(&f, 100, "a1:c1");
}

static void test_servers(void **state)
{
	const char *const *names;
	struct mw_seen *s;
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	call_of(&f, OTHER, "1", "a", "{}", 20, 30, OK);
	say(&f, 5, "\"id\":1,\"tool\":\"a\"");
	check(&f, 100, "a1:c1");
	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	call_of(&f, OTHER, "1", "a", "{}", 20, 30, OK);
	s = index_of(&f, NULL);
	assert_int_equal(mw_seen_servers(s, &names), 2);
	assert_string_equal(names[1], "two");
	assert_true(mw_seen_bytes(s) > 0 && mw_seen_bytes(s) < MW_SEEN_BYTES);
	mw_seen_free(s);
	fclose(f.trail);
	done(&f);
}

/* --- targets and outcomes --- */

static void test_file_targets(void **state)
{
	struct files f;

	setup(&f);
	did(&f, "1", 0, EFFECTS(2, ON("file.open", "/a/b") "," ON("file.rename", "/x")));
	did(&f, "2", 20, EFFECTS(1, ON("file.delete", "/a/b")));
	did(&f, "3", 40, EFFECTS(1, ON("file.open", "/a/b/c")));
	did(&f, "4", 60, OK);
	did(&f, "5", 80, EFFECTS(3, ON("file.open", "/a/b"))); /* two more in no record */
	did(&f, "6", 100, "\"effects\":[" ON("file.open", "/a/b") "],\"effects_n\":1,\"status\":\"ok\",\"evidence\":\"incomplete\"");
	did(&f, "7", 120, EFFECTS(1, ON("file.open", "/a/[REDACTED:x:3]")));
	did(&f, "8", 140, EFFECTS(1, ON("file.open", "/a/[REDACTED:x:3]")));
	did(&f, "9", 160, EFFECTS(1, ON("file.open", "/a/b")));
	say(&f, 5, "\"id\":1,\"tool\":\"t\",\"targets\":[\"/a/./b\",\"b\",\"file:///a/b\"]");
	say(&f, 25, "\"id\":2,\"tool\":\"t\",\"target\":\"/a/c\"");
	say(&f, 45, "\"id\":3,\"tool\":\"t\",\"target\":\"/a/b\"");
	say(&f, 65, "\"id\":4,\"tool\":\"t\",\"target\":\"/a/b\"");
	say(&f, 85, "\"id\":5,\"tool\":\"t\",\"target\":\"/a/c\"");
	say(&f, 105, "\"id\":6,\"tool\":\"t\",\"target\":\"/a/c\"");
	say(&f, 125, "\"id\":7,\"tool\":\"t\",\"target\":\"/a/key\"");
	say(&f, 145, "\"id\":8,\"tool\":\"t\",\"target\":\"/b/key\"");
	say(&f, 165, "\"id\":9,\"tool\":\"t\",\"targets\":[\"c\",\"user 4711\",\"***\"]");
	check(&f, 1000,
	      "a1:c1, d2:c2 target, u3:c3 target?, u4:c4 target?, u5:c5 target?, u6:c6 target?, "
	      "a7:c7, u8:c8 target?, a9:c9");
}

static void test_ties_and_asked(void **state)
{
	struct files f;

	setup(&f);
	did(&f, "1", 0, EFFECTS(3, ON("file.open", "/a/1")));
	rec(&f, 10, "ties\",\"call\":\"c1\",\"part\":1,\"of\":2,\"effects\":[" ON("file.open", "/a/2") "]");
	rec(&f, 10, "ties\",\"call\":\"c1\",\"part\":2,\"of\":2,\"effects\":[" ON("file.open", "/a/3") "]");
	did(&f, "2", 20, EFFECTS(1, ON("file.open", "/real")));
	rec(&f, 25, "effect\",\"kind\":\"file.open\",\"target\":\"/real\",\"asked\":\"/link\",\"call\":\"c2\",\"confidence\":\"certain\",\"server\":%s", SERVER);
	did(&f, "3", 40, EFFECTS(1, ON("file.open", "/real")));
	rec(&f, 45, "effect\",\"kind\":\"file.open\",\"target\":\"/whose\",\"confidence\":\"shared\",\"server\":%s", SERVER);
	say(&f, 5, "\"id\":1,\"tool\":\"t\",\"targets\":[\"/a/3\",\"/a/2\"]");
	say(&f, 5, "\"id\":2,\"tool\":\"t\",\"target\":\"/link\"");
	say(&f, 45, "\"id\":3,\"tool\":\"t\",\"target\":\"/whose\"");
	check(&f, 100, "a1:c1, a2:c2, u3:c3 target?");
}

static void test_net_targets(void **state)
{
	struct files f;

	setup(&f);
	did(&f, "1", 0, EFFECTS(2, ON("net.connect", "127.0.0.1:80") "," ON("net.http", "http://localhost/x")));
	did(&f, "2", 20, EFFECTS(2, ON("net.connect", "127.0.0.1:80") "," ON("net.http", "http://localhost/y")));
	did(&f, "3", 40, EFFECTS(1, ON("net.connect", "10.1.1.1:443")));
	rec(&f, 45, "effect\",\"kind\":\"net.connect\",\"target\":\"10.1.1.1:443\",\"name\":\"api.example.com\",\"call\":\"c3\",\"confidence\":\"certain\",\"server\":%s", SERVER);
	did(&f, "4", 60, EFFECTS(1, ON("net.connect", "10.1.1.2:443")));
	did(&f, "5", 80, EFFECTS(1, ON("net.connect", "10.1.1.2:443")));
	did(&f, "6", 100, OK);
	say(&f, 5, "\"id\":1,\"tool\":\"t\",\"url\":\"http://127.0.0.1/x?token=1\"");
	say(&f, 25, "\"id\":2,\"tool\":\"t\",\"url\":\"http://127.0.0.1/x\"");
	say(&f, 45, "\"id\":3,\"tool\":\"t\",\"url\":\"https://API.example.com/z\"");
	say(&f, 65, "\"id\":4,\"tool\":\"t\",\"url\":\"https://other.example.com/z\""); /* whose address? */
	say(&f, 85, "\"id\":5,\"tool\":\"t\",\"url\":\"https://10.9.9.9/z\"");
	say(&f, 105, "\"id\":6,\"tool\":\"t\",\"url\":\"https://10.9.9.9/z\""); /* an older connection? */
	check(&f, 1000, "a1:c1, d2:c2 target, a3:c3, u4:c4 target?, d5:c5 target, u6:c6 target?");
}

static void test_outcomes(void **state)
{
	struct files f;

	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	call_of(&f, SERVER, "2", "a", "{}", 20, 30, FAILED);
	call_of(&f, SERVER, "3", "a", "{}", 40, 50, FAILED);
	call(&f, "4", "a", "{}", 60, 70);
	say(&f, 5, "\"id\":1,\"tool\":\"a\",\"outcome\":\"error\"");
	say(&f, 25, "\"id\":2,\"tool\":\"a\",\"status\":200");
	say(&f, 45, "\"id\":3,\"tool\":\"a\",\"error\":{\"message\":\"x\"}");
	say(&f, 65, "\"id\":4,\"tool\":\"a\",\"outcome\":\"perhaps\",\"success\":true");
	check(&f, 100, "d1:c1 outcome, d2:c2 outcome, a3:c3, a4:c4");
}

/* --- the file --- */

static void test_changed_meanwhile(void **state)
{
	const struct mw_match_options o = { 5000 * MS, INT64_MIN, INT64_MAX };
	struct said said = { .n = 0 };
	struct mw_match *m;
	struct mw_trail *t;
	struct mw_seen *s;
	struct files f;
	char err[512];

	setup(&f);
	call(&f, "1", "a", "{}", 0, 10);
	say(&f, 5, "\"id\":1,\"tool\":\"a\"");
	fflush(f.trail);
	s = index_of(&f, "one");
	assert_int_equal(mw_trail_open(f.trail_path, NULL, err, sizeof(err), &t), 0);
	assert_int_equal(mw_match_new(t, s, &o, &m), 0);
	/* what is added is not read, what is changed is noticed */
	say(&f, 50, "\"id\":9,\"tool\":\"a\"");
	fflush(f.trail);
	rewind(f.trail);
	fputs("{\"time\":\"2026-11-21T18:46:11", f.trail);
	fclose(f.trail);
	assert_int_equal(mw_match_report(m, on_finding, &said), -ESTALE);
	assert_non_null(strstr(mw_trail_error(t), "changed"));
	mw_match_free(m);
	mw_trail_close(t);
	mw_seen_free(s);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_omitted_of_many_alike),
		cmocka_unit_test(test_weak_takes_nothing_from_strong),
		cmocka_unit_test(test_other_tool_other_args),
		cmocka_unit_test(test_ids_of_the_requests),
		cmocka_unit_test(test_without_time),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_undecided_claims),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_request_and_call_are_one),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_file_targets),
		cmocka_unit_test(test_ties_and_asked),
		cmocka_unit_test(test_net_targets),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_changed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
