/* SPDX-License-Identifier: Apache-2.0 */
/* the frame: configuration, seq, META, raw, the order of keys */
#include "engine_fx.h"

/* --- the frame ------------------------------------------------------------------------------------ */

static void config_is_checked(void **state)
{
	struct mw_engine_config cfg = { .alloc = &test_alloc };
	struct mw_engine *e = NULL;

	assert_int_equal(mw_engine_new(&cfg, &e), -EINVAL);
	cfg = (struct mw_engine_config){ .sha256 = mw_sha256 };
	assert_int_equal(mw_engine_new(&cfg, &e), -EINVAL);
	assert_null(e);
	mw_engine_free(NULL);
}

static void new_without_memory(void **state)
{
	struct mw_engine_config cfg = { .alloc = &test_alloc_failing, .sha256 = mw_sha256 };
	struct mw_engine *e;

	TEST_EACH_FAILURE(n)
	{
		int r = mw_engine_new(&cfg, &e);

		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		if (r == 0)
			mw_engine_free(e);
	}
}

static void unsound_events_are_refused(void **state)
{
	uint64_t zero[8] = { 0 };
	struct mw_event_hdr *h;
	struct fx f;

	begin(&f);
	assert_int_equal(mw_engine_push(f.e, zero, sizeof(zero)), -EBADMSG);
	h = (struct mw_event_hdr *)(void *)f.t.p;
	assert_int_equal(mw_engine_push(f.e, h, h->len - 8), -EBADMSG);
	assert_int_equal(mw_engine_push(f.e, h, h->len + 8), -EBADMSG);
	((struct mw_ev_meta *)h)->version++;
	assert_int_equal(mw_engine_push(f.e, h, h->len), -EBADMSG);
	pull(&f);
	assert_int_equal(f.n, 0);
	((struct mw_ev_meta *)h)->version--;
	finish(&f);
	assert_count(&f, "\"event\":\"start\"", 1);
	end(&f);
}

static void seq_goes_on(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .first_seq = 1ull << 40 });
	world(&f);
	call(&f);
	result(&f);
	finish(&f);
	assert_true(f.n >= 4);
	end(&f);
}

static void without_meta(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	f.up = tape_chan(&f.t, MW_CHAN_PIPE);
	f.down = tape_chan(&f.t, MW_CHAN_PIPE);
	call(&f);
	result(&f);
	finish(&f);
	assert_count(&f, "\"status\":\"ok\"", 1);
	assert_count(&f, "\"host\"", 0);
	end(&f);
}

/* Who is only a candidate, or seen on its streams alone, is known but what it does is not told. */
static void unobserved_do_nothing(void **state)
{
	static const uint16_t flags[] = { 0, MW_EVF_CANDIDATE, MW_EVF_STREAM };
	struct fx f;

	for (size_t i = 0; i < 3; i++) {
		begin(&f);
		tape_fork(&f.t, SERVER, 301);
		tape_last(&f.t)->flags = flags[i];
		tape_proc(&f.t, MW_EV_EXEC, 301, (struct tape_exe){ .exe = "/bin/x", .parent = SERVER });
		tape_last(&f.t)->flags = flags[i];
		tape_unlink(&f.t, 301, "/gone", 0);
		tape_last(&f.t)->flags = flags[i];
		call(&f);
		result(&f);
		tape_exit(&f.t, SERVER, 0);
		tape_last(&f.t)->flags = flags[i];
		tape_wait(&f.t, 1000 * MS);
		finish(&f);
		assert_count(&f, "\"type\":\"effect\"", i ? 0 : 3);
		assert_true(count(&f, "\"exe\":\"/usr/bin/server\"") > 0);
		/* its end is known in any case */
		assert_count(&f, "\"event\":\"gone\"", 1);
		end(&f);
	}
}

static void nothing_at_all(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	finish(&f);
	assert_int_equal(f.n, 1);
	assert_count(&f, "\"event\":\"stop\"", 1);
	end(&f);
}

static void raw_messages_and_controls(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .raw = true });
	world(&f);
	call(&f);
	result(&f);
	finish(&f);
	assert_int_equal(f.n_raw, 2);
	assert_int_equal(f.n_control, 4); /* both channels, the server, its environment */
	end(&f);
}

static void clock_step(void **state)
{
	struct fx f;

	begin(&f);
	tape_clock(&f.t, 0);
	finish(&f);
	assert_count(&f, "\"time\":\"1970-01-01T00:01:40.0000", 2); /* the step itself, and the stop */
	assert_count(&f, "\"event\":\"clock\"", 1);
	end(&f);
}

static void sources_of_events(void **state)
{
	static const char list[] = "raw_tp sys_exit\0iter task, task_file";
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta_from(&f.t, 1, mw_slice(list, sizeof(list)));
	finish(&f);
	assert_count(&f, "\"sources\":[\"raw_tp sys_exit\",\"iter task, task_file\"]}\n", 1);
	assert_count(&f, "\"sources\"", 1); /* with the start alone */
	end(&f);
}

static void keys_in_order(void **state)
{
#define KEYS(...) (const char *const[]){ "v", "seq", "time", "boot_ns", "host", "type", __VA_ARGS__, NULL }
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
		"\"name\":\"t\",\"arguments\":{\"path\":\"/tmp/x\"},\"_meta\":{\"traceparent\":\"00-ab\"}}}");
	tape_open(&f.t, SERVER, "/tmp/x", O_RDONLY, 3);
	tape_rename(&f.t, SERVER, "/tmp/x", "/tmp/y");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"serverInfo\":1},\"error\":{\"code\":1,"
		   "\"message\":\"m\"}}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\","
		   "\"annotations\":{\"x\":1}}]}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}");
	tape_lost(&f.t, MW_LOST_MISSED_RUN, 1);
	finish(&f);
	assert_keys(&f, "\"event\":\"start\"", KEYS("event", "version", "boot_id", "kernel"));
	assert_keys(&f, "\"type\":\"server\"",
		    KEYS("event", "server", "id", "key", "pid", "start_ns", "exe", "uid",
			 "client", "principal", "transport", "tier"));
	assert_keys(&f, "\"type\":\"request\"",
		    KEYS("call", "dir", "server", "method", "tool", "args", "principal"));
	assert_keys(&f, "\"type\":\"call\"",
		    KEYS("call", "dir", "server", "client", "principal", "session", "transport", "rpc_id",
			 "method", "tool", "args", "args_bytes", "status", "error", "code", "message",
			 "result", "result_bytes", "begin", "end", "elapsed_ms", "effects", "kind",
			 "target", "seqs", "n", "link", "confidence", "basis", "why", "result",
			 "effects_n", "anomalies", "evidence", "trace"));
	assert_keys(&f, "\"kind\":\"file.rename\"",
		    KEYS("kind", "target", "target_from", "target2", "result", "pid", "tid", "exe", "server",
			 "call", "link", "confidence", "basis", "why"));
	assert_keys(&f, "\"kind\":\"file.open\"",
		    KEYS("kind", "target", "target_from", "mode", "result", "pid", "tid", "exe", "dev", "ino",
			 "server", "call", "link", "confidence", "basis", "why"));
	assert_keys(&f, "\"type\":\"tool\"",
		    KEYS("server", "tool", "definition", "hash", "annotations"));
	assert_keys(&f, "\"type\":\"notice\"", KEYS("server", "dir", "method", "params"));
	assert_keys(&f, "\"type\":\"anomaly\"",
		    KEYS("what", "where", "bytes_hash", "bytes_n", "server", "call"));
	assert_keys(&f, "\"type\":\"gap\"", KEYS("reason", "where", "events", "from", "to"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_is_checked),
		cmocka_unit_test(new_without_memory),
		cmocka_unit_test(unsound_events_are_refused),
		cmocka_unit_test(seq_goes_on),
		cmocka_unit_test(without_meta),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(unobserved_do_nothing),
		cmocka_unit_test(raw_messages_and_controls),
		cmocka_unit_test(clock_step),
		cmocka_unit_test(sources_of_events),
		cmocka_unit_test(keys_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
