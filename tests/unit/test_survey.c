/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/export_out.h"
#include "io/survey.h"

static char dir[] = "/tmp/mw-survey-XXXXXX";

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
	static char path[8][128];
	static unsigned int n;

	n = (n + 1) % 8;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

/* A file of records: each item is the type and what follows it; host and seq of itself. */
struct made {
	FILE *f;
	const char *host;
	uint64_t seq;
	int second;
};

static struct made make_file(const char *name, const char *host)
{
	struct made m = { fopen(in_dir(name), "w"), host, 0, 0 };

	assert_non_null(m.f);
	return m;
}

static uint64_t rec(struct made *m, const char *type, const char *rest)
{
	fprintf(m->f,
		"{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T%02d:%02d:%02d.000000000Z\","
		"\"boot_ns\":1,\"host\":\"%s\",\"type\":\"%s\"%s%s}\n",
		m->seq, m->second / 3600, m->second / 60 % 60, m->second % 60, m->host, type,
		*rest ? "," : "", rest);
	m->second++;
	return m->seq++;
}

static void done(struct made *m)
{
	fclose(m->f);
}

/* An exporter that writes down what it gets: "seq:type[ call/link/confidence[!]] " */
struct noted {
	struct mw_exporter base;
	char text[4096];
	size_t len;
	unsigned int begun, ended;
	int fail_at;
};

static int noted_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	((struct noted *)e)->begun++;
	return 0;
}

static int noted_item(struct mw_exporter *e, const struct mw_export_item *it)
{
	struct noted *n = (struct noted *)e;

	if (n->fail_at && --n->fail_at == 0)
		return -ENOSPC;
	n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len, "%s%" PRIu64 ":%s",
				   n->len ? " " : "", it->rec->seq, it->rec->type);
	if (strcmp(it->rec->type, "effect") == 0)
		n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len,
					   "(%s,%s,%s%s)", it->tie.call, it->tie.link,
					   it->tie.confidence, it->tie.settled ? "!" : "");
	if (strcmp(it->rec->type, "call") == 0 && it->joined[0])
		n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len, "(=%s)",
					   it->joined);
	return 0;
}

static int noted_end(struct mw_exporter *e)
{
	((struct noted *)e)->ended++;
	return 0;
}

static const struct mw_exporter_ops noted_ops = { .begin = noted_begin,
						  .item = noted_item,
						  .end = noted_end };

static unsigned int all(void *arg, const struct mw_logrec *r)
{
	return MW_SURVEY_OWN | MW_SURVEY_WHO;
}

/* WHO: records that have `arg` as their tool; OWN: all. */
static unsigned int by_tool(void *arg, const struct mw_logrec *r)
{
	return MW_SURVEY_OWN | (mw_json_str_eq(mw_logrec_get(r, "tool"), arg) ? MW_SURVEY_WHO : 0);
}

/* OWN: effects of the kind `arg`, and calls that have one, by the effect's record. */
static unsigned int by_kind(void *arg, const struct mw_logrec *r)
{
	if (strcmp(r->type, "call") == 0)
		return MW_SURVEY_WHO | MW_SURVEY_BY_EFFECT;
	return MW_SURVEY_WHO | (mw_json_str_eq(mw_logrec_get(r, "kind"), arg) ? MW_SURVEY_OWN : 0);
}

static struct mw_survey *survey(const char *const *paths, size_t n,
				unsigned int (*match)(void *, const struct mw_logrec *), void *arg)
{
	const struct mw_survey_config config = {
		.paths = paths, .n_paths = n, .filter = "", .now_ns = 1, .match = match, .arg = arg
	};
	struct mw_survey *s = NULL;
	char err[1024] = "";

	assert_int_equal(mw_survey_new(&config, err, sizeof(err), &s), 0);
	return s;
}

static void check_items(struct mw_survey *s, const char *want)
{
	struct noted n = { .base = { .ops = &noted_ops, .to = stdout } };
	char err[1024] = "";

	assert_int_equal(mw_survey_export(s, &n.base, err, sizeof(err)), 0);
	assert_string_equal(n.text, want);
	assert_int_equal(n.begun, 1);
	assert_int_equal(n.ended, 1);
}

static void check_one(const char *name, unsigned int (*match)(void *, const struct mw_logrec *),
		      const char *arg, const char *want)
{
	const char *path = in_dir(name);
	struct mw_survey *s = survey(&path, 1, match, (void *)arg);

	check_items(s, want);
	mw_survey_free(s);
}

#define EFFECT(kind, link, confidence)                                                             \
	"\"kind\":\"" kind "\",\"link\":\"" link "\",\"confidence\":\"" confidence "\""
#define TIE(seqs, link, confidence)                                                                \
	"{\"kind\":\"file.open\",\"seqs\":[" seqs "],\"n\":1,\"link\":\"" link                     \
	"\",\"confidence\":\"" confidence "\"}"

/* Where a call's record says otherwise, that settles it. */
static void test_ties(void **state)
{
	struct made m = make_file("ties", "a");

	rec(&m, "daemon", "\"event\":\"start\",\"version\":\"9.9\"");
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	rec(&m, "effect", "\"call\":\"c1\"," EFFECT("file.open", "sole", "likely"));
	rec(&m, "effect",
	    "\"candidates\":[\"c1\",\"c2\"]," EFFECT("file.open", "shared", "shared"));
	rec(&m, "effect",
	    "\"candidates\":[\"c1\",\"c2\"]," EFFECT("file.open", "shared", "shared"));
	rec(&m, "effect", "\"call\":\"c1\"," EFFECT("file.open", "sole", "likely"));
	rec(&m, "effect", "\"call\":\"c1\"," EFFECT("file.open", "odd", "odd"));
	rec(&m, "call",
	    "\"call\":\"c1\",\"effects\":[" TIE("3,99", "causal", "certain") "," TIE("4", "shared",
										     "shared") "]");
	rec(&m, "call",
	    "\"call\":\"c2\",\"effects\":[" TIE("4", "shared", "shared") "," TIE(
		"5", "causal", "certain") "," TIE("3", "sole", "likely") "]");
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	rec(&m, "ties",
	    "\"call\":\"c2\",\"part\":1,\"of\":1,\"effects\":[" TIE("9,1", "order",
								    "likely") ",7,{},\"x\"]");
	done(&m);
	check_one("ties", all, NULL,
		  "0:daemon 1:effect(c2,order,likely!) 2:effect(c1,sole,likely) "
		  "3:effect(c1,causal,certain!) 4:effect(,shared,shared!) "
		  "5:effect(c2,causal,certain!) 6:effect(c1,,) 7:call 8:call "
		  "9:effect(c2,order,likely!) 10:ties");
}

/* What belongs to a call that the filter means comes along, by what is known at the end. */
static void test_along(void **state)
{
	struct made m = make_file("along", "a");

	rec(&m, "effect", "\"call\":\"c1\"," EFFECT("file.open", "sole", "likely"));
	rec(&m, "effect",
	    "\"candidates\":[\"c1\",\"c2\"]," EFFECT("file.open", "shared", "shared"));
	rec(&m, "effect", "\"call\":\"c2\"," EFFECT("net.connect", "sole", "likely"));
	rec(&m, "alert",
	    "\"rule\":\"r\",\"severity\":\"high\",\"calls\":[\"c2\",\"c1\"],\"tool\":\"u\"");
	rec(&m, "gap", "\"reason\":\"x\",\"bytes\":5,\"events\":2,\"calls\":[\"c2\"]");
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	rec(&m, "effect", "\"call\":\"c2\"," EFFECT("file.open", "sole", "likely"));
	rec(&m, "call",
	    "\"call\":\"c1\",\"tool\":\"t\",\"effects\":[" TIE("6", "causal", "certain") "]");
	rec(&m, "call",
	    "\"call\":\"c2\",\"tool\":\"u\",\"effects\":[" TIE("0", "causal", "certain") "]");
	rec(&m, "body", "\"call\":\"c1\",\"what\":\"args\"");
	rec(&m, "anomaly", "\"what\":\"x\",\"call\":\"c2\"");
	done(&m);
	check_one("along", by_tool, "t",
		  "1:effect(,shared,shared) 3:alert 6:effect(c1,causal,certain!) 7:call 9:body");
	check_one("along", by_tool, "u",
		  "0:effect(c2,causal,certain!) 1:effect(,shared,shared) 2:effect(c2,sole,likely) "
		  "3:alert 4:gap 8:call 10:anomaly");
	check_one("along", by_tool, "none", "");
	check_one("along", by_kind, "net.connect", "2:effect(c2,sole,likely) 8:call");
}

static void test_about(void **state)
{
	struct made m = make_file("about", "a");
	const char *path = in_dir("about");
	const struct mw_export_about *a;
	struct mw_survey *s;

	rec(&m, "daemon", "\"event\":\"start\",\"version\":\"9.9\"");
	for (int i = 0; i < 3; i++)
		rec(&m, "call",
		    "\"call\":\"c1\",\"tool\":\"t\",\"server\":{\"id\":\"s1\",\"name\":\"one\"},"
		    "\"principal\":{\"uid\":7}");
	rec(&m, "call",
	    "\"call\":\"c2\",\"tool\":\"u\\u0000v\",\"server\":{\"id\":\"s2\"},\"principal\":"
	    "{\"uid\":7,\"user\":\"eve\",\"tokens\":[{\"kind\":\"jwt\",\"sub\":\"bob\"}]}");
	rec(&m, "alert",
	    "\"rule\":\"r\",\"severity\":\"high\",\"tool\":\"t\",\"server\":{\"name\":\"one\"}");
	rec(&m, "alert", "\"rule\":\"r\",\"severity\":\"low\"");
	rec(&m, "gap", "\"reason\":\"x\",\"bytes\":5,\"events\":2");
	rec(&m, "gap", "\"reason\":\"x\",\"bytes\":18446744073709551615");
	rec(&m, "anomaly", "\"what\":\"x\"");
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	done(&m);
	s = survey(&path, 1, all, NULL);
	a = mw_survey_about(s);
	assert_int_equal(a->records, 11);
	assert_int_equal(a->calls, 4);
	assert_int_equal(a->effects, 1);
	assert_int_equal(a->alerts, 2);
	assert_int_equal(a->gaps, 2);
	assert_int_equal(a->anomalies, 1);
	assert_int_equal(a->severity[0], 1);
	assert_int_equal(a->severity[2], 1);
	assert_true(a->lost_bytes == UINT64_MAX);
	assert_int_equal(a->lost_events, 2);
	assert_int_equal(a->n_servers, 2);
	assert_string_equal(a->servers[0].name, "one");
	assert_int_equal(a->servers[0].calls, 3);
	assert_int_equal(a->servers[0].alerts, 1);
	assert_string_equal(a->servers[1].name, "s2");
	assert_string_equal(a->tools[0].name, "t");
	assert_string_equal(a->tools[1].name, "u\x1av");
	assert_string_equal(a->principals[0].name, "uid 7");
	assert_string_equal(a->principals[1].name, "eve (claims bob)");
	assert_int_equal(a->more_servers, 0);
	assert_int_equal(a->n_inputs, 1);
	assert_string_equal(a->inputs[0].host, "a");
	assert_string_equal(a->inputs[0].version, "9.9");
	assert_int_equal(a->inputs[0].n, 11);
	assert_int_equal((a->last_ns - a->first_ns) / 1000000000, 10);
	assert_null(a->inputs[0].report);
	assert_null(a->wrong);
	mw_survey_free(s);
}

/* More names than are listed, and more than are told apart. */
static void test_names(void **state)
{
	struct made m = make_file("names", "a");
	const char *path = in_dir("names");
	const struct mw_export_about *a;
	struct mw_survey *s;
	char text[64];

	for (int i = 0; i < MW_SURVEY_NAMES_MAX + 5; i++) {
		snprintf(text, sizeof(text), "\"call\":\"c%d\",\"tool\":\"t%d\"", i, i);
		rec(&m, "call", text);
	}
	rec(&m, "call", "\"call\":\"x\",\"tool\":\"t300\"");
	done(&m);
	s = survey(&path, 1, all, NULL);
	a = mw_survey_about(s);
	assert_int_equal(a->n_tools, MW_EXPORT_NAMES_MAX);
	assert_string_equal(a->tools[0].name, "t300");
	assert_int_equal(a->tools[0].calls, 2);
	assert_int_equal(a->more_tools, MW_SURVEY_NAMES_MAX + 1 - MW_EXPORT_NAMES_MAX);
	mw_survey_free(s);
}

#define CLIENT_END "\"server\":{\"id\":\"s\",\"addr\":\"10.0.0.2:80\"},\"client\":{\"pid\":4"
#define SERVER_END "\"server\":{\"id\":\"s\",\"pid\":3,\"addr\":\"10.0.0.2:80\"},\"client\":{"
#define REQUEST	   "\"rpc_id\":\"1\",\"method\":\"tools/call\",\"tool\":\"t\",\"args_bytes\":2"

static void test_joined(void **state)
{
	struct made a = make_file("a", "a"), b = make_file("b", "b");
	const char *paths[] = { in_dir("a"), in_dir("b") };
	struct mw_survey *s;

	/* 0: by traceparent */
	rec(&a, "call", "\"call\":\"a0\"," CLIENT_END "}," REQUEST ",\"trace\":\"00-1-1-01\"");
	rec(&b, "call",
	    "\"call\":\"b0\"," SERVER_END "\"addr\":\"10.0.0.9:5\"}," REQUEST
	    ",\"trace\":\"00-1-1-01\"");
	/* 1: another request of the same trace */
	rec(&a, "call",
	    "\"call\":\"a1\"," CLIENT_END "},\"rpc_id\":\"7\",\"method\":\"tools/call\","
	    "\"trace\":\"00-1-1-01\"");
	rec(&b, "call",
	    "\"call\":\"b1\"," SERVER_END "},\"rpc_id\":\"8\",\"method\":\"tools/call\","
	    "\"trace\":\"00-1-1-01\"");
	/* 2: by both ends of the connection, of several */
	rec(&a, "call", "\"call\":\"a2\"," CLIENT_END ",\"addr\":\"10.0.0.1:7\"},\"rpc_id\":\"2\"");
	rec(&b, "call", "\"call\":\"b2\"," SERVER_END "\"addr\":\"10.0.0.1:7\"},\"rpc_id\":\"2\"");
	rec(&a, "call", "\"call\":\"a3\"," CLIENT_END ",\"addr\":\"10.0.0.1:8\"},\"rpc_id\":\"2\"");
	rec(&b, "call", "\"call\":\"b3\"," SERVER_END "\"addr\":\"10.0.0.1:8\"},\"rpc_id\":\"2\"");
	/* 4: by the server's end alone, ambiguous: two of one side */
	rec(&a, "call", "\"call\":\"a4\"," CLIENT_END "},\"rpc_id\":\"4\"");
	rec(&b, "call", "\"call\":\"b4\"," SERVER_END "\"addr\":\"10.0.0.1:7\"},\"rpc_id\":\"4\"");
	rec(&b, "call", "\"call\":\"b5\"," SERVER_END "\"addr\":\"10.0.0.1:8\"},\"rpc_id\":\"4\"");
	rec(&a, "call", "\"call\":\"a5\",\"method\":\"m\"");
	/* 6: by the server's end alone */
	rec(&a, "call", "\"call\":\"a6\"," CLIENT_END "},\"rpc_id\":\"6\"");
	rec(&b, "call", "\"call\":\"b6\"," SERVER_END "\"addr\":\"10.0.0.1:8\"},\"rpc_id\":\"6\"");
	/* 7: too far apart, by what the record says of its begin */
	rec(&a, "call",
	    "\"call\":\"a7\"," CLIENT_END "},\"rpc_id\":\"9\",\"begin\":\"2026-11-21T09:00:00Z\"");
	rec(&b, "call",
	    "\"call\":\"b7\"," SERVER_END "},\"rpc_id\":\"9\",\"begin\":\"2026-11-21T09:06:00Z\"");
	/* 8: two client's ends are no call */
	rec(&a, "call", "\"call\":\"a8\"," CLIENT_END "},\"rpc_id\":\"10\"");
	rec(&b, "call", "\"call\":\"b8\"," CLIENT_END "},\"rpc_id\":\"10\"");
	/* 9: of the same server, but each log names another client */
	rec(&a, "call", "\"call\":\"a9\"," CLIENT_END ",\"addr\":\"10.0.0.1:9\"},\"rpc_id\":\"11\"");
	rec(&b, "call", "\"call\":\"b9\"," SERVER_END "\"addr\":\"10.0.0.3:9\"},\"rpc_id\":\"11\"");
	/* 10, 11: a relay's two calls of one traceparent, in one log; the other has nothing of it */
	rec(&a, "call", "\"call\":\"aa\"," CLIENT_END "}," REQUEST ",\"trace\":\"00-2-2-01\"");
	rec(&b, "notice", "\"method\":\"m\"");
	rec(&a, "call", "\"call\":\"ab\"," SERVER_END "}," REQUEST ",\"trace\":\"00-2-2-01\"");
	done(&a);
	done(&b);
	s = survey(paths, 2, all, NULL);
	check_items(s,
		    "0:call(=b0) 0:call(=a0) 1:call 1:call 2:call(=b2) 2:call(=a2) "
		    "3:call(=b3) 3:call(=a3) 4:call 4:call 5:call 5:call 6:call(=b6) 6:call(=a6) "
		    "7:call 7:call 8:call 8:call 9:call 9:call 10:call 10:notice 11:call");
	mw_survey_free(s);
	/* never two of one log */
	s = survey((const char *const[]){ paths[0], paths[0] }, 2, all, NULL);
	check_items(s, "0:call 0:call 1:call 1:call 2:call 2:call 3:call 3:call 4:call 4:call "
		       "5:call 5:call 6:call 6:call 7:call 7:call 8:call 8:call "
		       "9:call 9:call 10:call 10:call 11:call 11:call");
	mw_survey_free(s);
}

/* Records of two hosts in one file, as an export has them: their numbers are each host's own. */
static void test_hosts(void **state)
{
	struct made m = make_file("hosts", "a");

	rec(&m, "export", "\"filter\":\"--tool t\"");
	m.seq = 5;
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	m.host = "b";
	m.seq = 5;
	rec(&m, "effect", EFFECT("file.open", "none", "none"));
	m.seq = 9;
	rec(&m, "call", "\"call\":\"c1\",\"effects\":[" TIE("5", "causal", "certain") "]");
	done(&m);
	check_one("hosts", all, NULL,
		  "0:export 5:effect(,none,none) 5:effect(c1,causal,certain!) 9:call");
}

static void test_wrong(void **state)
{
	const struct mw_survey_config config = { .filter = "", .now_ns = 1, .match = all };
	struct mw_survey_config c = config;
	struct made m = make_file("hole", "a");
	const char *path = in_dir("hole");
	struct mw_survey *s = NULL;
	char err[1024];
	struct noted n = { .base = { &noted_ops, stdout }, .fail_at = 2 };

	rec(&m, "call", "\"call\":\"c1\"");
	m.seq = 7;
	rec(&m, "call", "\"call\":\"c2\"");
	done(&m);
	s = survey(&path, 1, all, NULL);
	assert_non_null(strstr(mw_survey_about(s)->wrong, "line 2: record 7 where 1 must follow"));
	check_items(s, "0:call 7:call");
	/* an exporter's error is the export's */
	assert_int_equal(mw_survey_export(s, &n.base, err, sizeof(err)), -ENOSPC);
	assert_string_equal(err, strerror(ENOSPC));
	assert_int_equal(n.ended, 0);
	mw_survey_free(s);

	m = make_file("bad", "a");
	rec(&m, "call", "\"call\":\"c1\"");
	fprintf(m.f, "{\"v\":2,\"seq\":1}\n");
	done(&m);
	c.paths = (const char *const[]){ in_dir("bad") };
	c.n_paths = 1;
	assert_int_equal(mw_survey_new(&c, err, sizeof(err), &s), -EBADMSG);
	assert_non_null(strstr(err, "line 2: written by a newer mcpwatch"));

	c.paths = (const char *const[]){ in_dir("none") };
	assert_int_equal(mw_survey_new(&c, err, sizeof(err), &s), -ENOENT);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	c.paths = (const char *const[]){ in_dir("fifo") };
	assert_int_equal(mw_survey_new(&c, err, sizeof(err), &s), -ESPIPE);

	/* an excerpt of a log that was tampered with says so for ever */
	m = make_file("marked", "a");
	rec(&m, "export", "\"wrong\":\"record 3 was edited\"");
	m.seq = 3;
	rec(&m, "call", "\"call\":\"c1\"");
	done(&m);
	path = in_dir("marked");
	s = survey(&path, 1, all, NULL);
	assert_non_null(strstr(mw_survey_about(s)->wrong, "record 3 was edited"));
	mw_survey_free(s);
}

/* What changes between the readings ends the export; what is new behind them is left out. */
static void test_changed(void **state)
{
	struct made m = make_file("changed", "a");
	const char *path = in_dir("changed");
	struct noted n = { .base = { .ops = &noted_ops, .to = stdout } };
	struct mw_survey *s;
	char err[1024];
	FILE *f;

	for (int i = 0; i < 5; i++)
		rec(&m, "notice", "");
	done(&m);
	s = survey(&path, 1, all, NULL);
	f = fopen(path, "a");
	fprintf(f, "{\"v\":1,\"seq\":5,");
	fclose(f);
	check_items(s, "0:notice 1:notice 2:notice 3:notice 4:notice");
	f = fopen(path, "r+");
	fseek(f, 100, SEEK_SET);
	fputc('x', f);
	fclose(f);
	assert_int_equal(mw_survey_export(s, &n.base, err, sizeof(err)), -ESTALE);
	assert_int_equal(n.ended, 0);
	mw_survey_free(s);
}

static void test_empty(void **state)
{
	struct made m = make_file("empty", "a");

	done(&m);
	check_one("empty", all, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ties, setup, teardown),
		cmocka_unit_test_setup_teardown(test_along, setup, teardown),
		cmocka_unit_test_setup_teardown(test_about, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
