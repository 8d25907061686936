/* SPDX-License-Identifier: Apache-2.0 */
/* going on where an earlier run ended (engine_resume.c); and tables of the core that are full */
#include "engine_fx.h"

#define META_NS	  100000000000ll /* of the tape's first event */
#define REALTIME  1795251600000000000ll
#define BOOT	  "00000000-0000-4000-8000-000000000000"

/* A second run that begins with what a first one left. */
static void again(struct fx *f, const struct mw_engine_resume *resume)
{
	begin_with(f, (struct mw_engine_config){ .first_seq = 900, .resume = resume });
	tape_meta(&f->t, 0x77);
	go(f);
}

/* The first request record of a text, without its newline. */
static struct mw_engine_open request_of(const struct fx *f)
{
	const char *line = strstr(f->text, "\"type\":\"request\""), *end;

	assert_non_null(line);
	end = strchr(line, '\n');
	while (line > f->text && line[-1] != '\n')
		line--;
	return (struct mw_engine_open){ line, (size_t)(end - line) };
}

#define KEYS(...) (const char *const[]){ "v", "seq", "time", "boot_ns", "host", "type", __VA_ARGS__, NULL }

static void a_call_in_flight_is_lost(void **state)
{
	struct mw_engine_resume resume = { .last_ns = REALTIME + META_NS - 5000000000ll, .boot_id = BOOT };
	struct mw_engine_open open;
	struct fx first, f;
	const char *id;
	char want[128];

	begin(&first);
	ask(&first, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"pay\","
		    "\"arguments\":{\"password\":\"hunter2\",\"x\":[1, 2]}}}");
	tape_wait(&first.t, 500 * MS);
	go(&first);
	open = request_of(&first);
	resume.open = &open;
	resume.n_open = 1;
	again(&f, &resume);
	assert_count(&f, "\n", 3);
	assert_keys(&f, "\"type\":\"gap\"", KEYS("reason", "where", "from", "to", "calls"));
	assert_count(&f, "\"reason\":\"restarted\",\"where\":\"mcpwatch\","
			 "\"from\":\"2026-11-21T09:01:35.000000000Z\",\"to\":\"2026-11-21T09:01:40.000000000Z\"",
		     1);
	assert_keys(&f, "\"type\":\"call\"",
		    KEYS("call", "dir", "server", "id", "key", "pid", "client", "principal", "parents",
			 "session", "transport", "rpc_id", "method", "tool", "args", "status", "begin",
			 "evidence"));
	assert_count(&f, "\"tool\":\"pay\",\"args\":{\"password\":\"[REDACTED:key:7]\",\"x\":[1,2]},"
			 "\"status\":\"lost\",\"begin\":\"2026-", 1);
	assert_count(&f, "\"evidence\":\"incomplete\"}", 1);
	/* its own number, in the call and in the gap */
	id = strstr(first.text, "\"call\":\"c") + 7;
	snprintf(want, sizeof(want), "\"call\":%.*s,", (int)(strchr(id, ',') - id), id);
	assert_count(&f, want, 1);
	snprintf(want, sizeof(want), "\"calls\":[%.*s]}", (int)(strchr(id, ',') - id), id);
	assert_count(&f, want, 1);
	/* and once only */
	tape_meta(&f.t, 0x78);
	finish(&f);
	assert_count(&f, "\"reason\":\"restarted\"", 1);
	mw_engine_free(f.e);
	tape_done(&f.t);
	free(f.text);
	end(&first);
}

static void nothing_in_flight(void **state)
{
	struct mw_engine_resume resume = { .last_ns = REALTIME + META_NS - 1, .stopped = true };
	struct fx f;

	again(&f, &resume);
	assert_count(&f, "\"reason\":\"restarted\",\"where\":\"mcpwatch\"", 1);
	assert_count(&f, "\"calls\"", 0);
	assert_count(&f, "\n", 2);
	end(&f);
	/* the host was started anew; and its clock was set back behind the log's end */
	resume.boot_id = "11111111-0000-4000-8000-000000000000";
	resume.last_ns = REALTIME + 7 * META_NS;
	again(&f, &resume);
	assert_count(&f, "\"reason\":\"restarted\",\"where\":\"host\","
			 "\"from\":\"2026-11-21T09:01:40.000000000Z\",\"to\":\"2026-11-21T09:01:40.000000000Z\"}",
		     1);
	end(&f);
	/* long before this boot */
	resume.last_ns = 1;
	resume.n_dropped = 12;
	again(&f, &resume);
	assert_count(&f, "\"from\":\"1970-01-01T00:00:00.000000001Z\"", 1);
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"calls in flight at the restart\","
			 "\"events\":12}", 1);
	assert_count(&f, "\n", 3);
	end(&f);
}

static void lines_that_are_no_requests(void **state)
{
#define L(s) { s, sizeof(s) - 1 }
	static char huge[70000];
	struct mw_engine_open open[] = {
		L(""), L("[]"), L("{"), L("{\"call\":\"c1\",\"dir\":\"c2s\"}"), L("{\"call\":\"c2\",\"dir\":\"c2s\","
		"\"method\":\"m\"} x"), L("{\"call\":\"c3\",\"dir\":\"c2s\",\"method\":\"m\""),
		L("{\"method\":\"m\",\"dir\":\"s2c\",\"call\":\"c4\",\"later\":{\"status\":1},\"lossy\":true}"),
		{ huge, 0 },
	};
	struct mw_engine_resume resume = { .last_ns = 1, .open = open, .n_open = 8 };
	struct fx f;

	open[7].n = (size_t)snprintf(huge, sizeof(huge), "{\"call\":\"c5\",\"dir\":\"c2s\",\"method\":\"m\","
							 "\"args\":\"%065000d\",\"rpc_id\":\"1\"}", 7);
	again(&f, &resume);
	assert_count(&f, "\"type\":\"call\",\"call\":\"c4\",\"dir\":\"s2c\",\"method\":\"m\",\"status\":\"lost\","
			 "\"evidence\":\"incomplete\",\"lossy\":true}", 1);
	/* what finds no room is left out */
	assert_count(&f, "\"type\":\"call\",\"call\":\"c5\",\"dir\":\"c2s\",\"rpc_id\":\"1\",\"method\":\"m\","
			 "\"status\":\"lost\"", 1);
	assert_count(&f, "\"calls\":[\"c4\",\"c5\"]", 1);
	assert_count(&f, "\n", 4);
	end(&f);
}

static void many_calls(void **state)
{
	enum { N = 300 };
	struct mw_engine_open *open = calloc(N, sizeof(*open));
	struct mw_engine_resume resume = { .last_ns = 1, .open = open, .n_open = N };
	char (*text)[64] = calloc(N, sizeof(*text));
	struct fx f;

	for (size_t i = 0; i < N; i++) {
		open[i].record = text[i];
		open[i].n = (size_t)snprintf(text[i], 64, "{\"call\":\"c%zu\",\"dir\":\"c2s\",\"method\":\"m\"}", i);
	}
	again(&f, &resume);
	assert_count(&f, "\"status\":\"lost\"", N);
	assert_count(&f, "\"c62\",\"c63\"]", 1);
	end(&f);
	free(open);
	free(text);
}

/* What cannot be said for lack of memory is said to be missing. */
static void without_memory(void **state)
{
	struct mw_engine_open open = L("{\"call\":\"c1\",\"dir\":\"c2s\",\"method\":\"m\"}");
	struct mw_engine_resume resume = { .last_ns = 1, .open = &open, .n_open = 1 };

	TEST_EACH_FAILURE(n)
	{
		struct mw_engine_config cfg = { .alloc = &test_alloc_failing, .sha256 = mw_sha256,
						.resume = &resume };
		struct mw_engine *e;
		struct mw_out out;
		struct tape t;
		size_t pos = 0, said = 0;

		if (mw_engine_new(&cfg, &e) < 0)
			continue;
		tape_init(&t);
		tape_meta(&t, 1);
		tape_tick(&t);
		for (const struct mw_event_hdr *h; (h = tape_next(&t, &pos));) {
			assert_int_equal(mw_engine_push(e, h, h->len), 0);
			while (mw_engine_next(e, &out) == 1) {
				said += memmem(out.bytes, out.len, "\"lost\"", 6) != NULL;
				said += memmem(out.bytes, out.len, "restarted", 9) != NULL;
				said += 2 * (memmem(out.bytes, out.len, "no_memory", 9) != NULL);
			}
		}
		assert_true(said >= 2);
		mw_engine_free(e);
		tape_done(&t);
	}
}

/* --- tables of the core ---------------------------------------------------------------------------- */

static void full_tables_are_gaps(void **state)
{
	struct fx f;

	begin(&f);
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "table_full", 0);
	/* more channels than are followed */
	for (int i = 0; i < 4096 + 10; i++) {
		struct tape_chan c = tape_chan(&f.t, MW_CHAN_PIPE);

		tape_write(&f.t, &c, SERVER, "{");
	}
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"channels\",\"events\":10,\"from\":\"", 1);
	/* an event of a cpu that cannot be */
	tape_unlink(&f.t, SERVER, "/x", 0);
	tape_last(&f.t)->cpu = 5000;
	f.t.seq[0]--;
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"cpus\",\"events\":1,", 1);
	assert_count(&f, "\"target\":\"/x\"", 1);
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "table_full", 2);
	end(&f);
}

static void more_processes_than_are_kept(void **state)
{
	struct fx f;

	begin(&f);
	for (uint32_t i = 0; i < 65536; i++)
		tape_proc(&f.t, MW_EV_PROC, 1000 + i,
			  (struct tape_exe){ .exe = "/x", .parent = CLIENT });
	tape_tick(&f.t);
	go(&f);
	/* the three of before */
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"processes\",\"events\":3,", 1);
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"process tree\",\"events\":", 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_in_flight_is_lost),
		cmocka_unit_test(nothing_in_flight),
		cmocka_unit_test(lines_that_are_no_requests),
		cmocka_unit_test(many_calls),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(full_tables_are_gaps),
		cmocka_unit_test(more_processes_than_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
