/* SPDX-License-Identifier: Apache-2.0 */
/* effects, tools, losses */
#include "engine_fx.h"

/* --- effects -------------------------------------------------------------------------------------- */

static void start_up_is_folded(void **state)
{
	struct fx f;
	int i;

	begin(&f);
	for (i = 0; i < 500; i++)
		tape_open(&f.t, SERVER, i % 2 ? "/usr/lib/python3/a.py" : "/usr/lib/b.so", O_RDONLY,
			  i % 5 ? 3 : -ENOENT);
	tape_open(&f.t, SERVER, "/home/alice/.ssh/id_rsa", O_RDONLY, 3); /* never folded */
	tape_open(&f.t, SERVER, "/usr/lib/c.so", O_RDWR, 3);		 /* nor a write */
	go(&f);
	assert_count(&f, "\"type\":\"effect\"", 2);
	call(&f);
	go(&f);
	assert_count(&f, "\"n\":500,\"summary\":", 1);
	finish(&f);
	assert_count(&f, "\"summary\"", 1);
	end(&f);
}

static void folds_of_the_others_come_at_the_end(void **state)
{
	struct fx f;

	begin(&f);
	tape_open(&f.t, SHELL, "/usr/lib/a.so", O_RDONLY, 3);
	tape_open(&f.t, CLIENT, "/usr/lib/a.so", O_RDONLY, 3);
	go(&f);
	assert_count(&f, "\"type\":\"effect\"", 0);
	tape_exit(&f.t, SHELL, 0);
	go(&f);
	assert_count(&f, "\"summary\"", 1);
	finish(&f);
	assert_count(&f, "\"summary\"", 2);
	end(&f);
}

/* A call with ten thousand different effects: its own record, then ties, all of them listed once. */
static void ties_records(void **state)
{
	char path[64], want[64];
	struct fx f;
	size_t of, i;
	const char *p;

	begin(&f);
	call(&f);
	for (i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/data/file-%05zu", i);
		tape_unlink(&f.t, SERVER, path, 0);
	}
	result(&f);
	finish(&f);
	p = strstr(f.text, "\"type\":\"call\"");
	assert_non_null(p);
	assert_non_null(strstr(p, "\"effects_n\":10000"));
	p = strstr(f.text, "\"of\":");
	assert_non_null(p);
	of = strtoul(p + 5, NULL, 10);
	assert_true(of > 10);
	assert_count(&f, "\"type\":\"ties\"", of);
	for (i = 1; i <= of; i++) {
		snprintf(want, sizeof(want), "\"part\":%zu,\"of\":%zu,\"effects\":[{", i, of);
		assert_count(&f, want, 1);
	}
	/* each effect's record, and once in a list; a call lists at most so many bytes of them */
	for (i = 0; i < 2000; i += 97) {
		snprintf(want, sizeof(want), "\"target\":\"/data/file-%05zu\"", i);
		assert_count(&f, want, 2);
	}
	assert_count(&f, "\"type\":\"gap\"", 0);
	end(&f);
}

/* Equal ones are one entry. */
static void effects_fold_in_the_list(void **state)
{
	struct fx f;
	int i;

	begin(&f);
	call(&f);
	for (i = 0; i < 100; i++)
		tape_unlink(&f.t, SERVER, "/data/same", -EACCES);
	result(&f);
	finish(&f);
	assert_count(&f, "\"n\":100,", 1);
	assert_count(&f, "\"effects_n\":100,", 1);
	assert_count(&f, "\"type\":\"ties\"", 0);
	end(&f);
}

/* Paths of 4,095 bytes that need six each as written, everywhere a path can be. */
static void worst_paths(void **state)
{
	static const uint8_t fill[] = { 0x01, 0xff, '\\', '"' };
	char *path = malloc(4096), *name = malloc(8192);
	struct mw_slice s[5] = { { 0 } };
	struct mw_ev_act open = { .op = MW_OP_OPEN, .ret = 3, .flags = O_RDWR };
	struct mw_ev_act rename = { .op = MW_OP_RENAME };
	char *text;
	struct fx f;
	size_t i, k, n;

	for (i = 0; i < sizeof(fill); i++) {
		memset(path, fill[i], 4095);
		path[0] = '/';
		path[4095] = '\0';
		begin(&f);
		memset(name, fill[i], 8191);
		name[8191] = '\0';
		tape_proc(&f.t, MW_EV_EXEC, SERVER,
			  (struct tape_exe){ .exe = path, .cwd = path, .cgroup = path, .argv = name,
					     .uid = 1000, .parent = CLIENT });
		tape_proc(&f.t, MW_EV_EXEC, CLIENT,
			  (struct tape_exe){ .exe = path, .cwd = path, .cgroup = path, .argv = name,
					     .uid = 1000, .parent = SHELL });
		/* names as long as may be: of the server, the client, the method, the tool */
		text = malloc(60000);
		memset(name, 'n', 900);
		name[900] = '\0';
		snprintf(text, 60000, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
				      "\"clientInfo\":{\"name\":\"%s\"}}}", name);
		ask(&f, text);
		snprintf(text, 60000, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":"
				      "\"%s\",\"version\":\"%s\"}}}", name, name);
		answer(&f, text);
		n = (size_t)snprintf(text, 60000, "{\"jsonrpc\":\"2.0\",\"id\":\"");
		for (k = 0; k < 8000; k += 6)
			n += (size_t)snprintf(text + n, 60000 - n, "\\u0001");
		n += (size_t)snprintf(text + n, 60000 - n, "\",\"method\":\"tools/call\",\"params\":{"
							   "\"arguments\":{\"x\":\"");
		for (k = 0; k < 14000; k++)
			text[n++] = 'a';
		n += (size_t)snprintf(text + n, 60000 - n, "\"},\"name\":\"");
		for (k = 0; k < 12000; k++)
			text[n++] = 'b';
		snprintf(text + n, 60000 - n, "\"}}");
		ask(&f, text);
		for (k = 0; k < 40; k++) {
			path[4094] = (char)('a' + k);
			s[0] = s[1] = s[2] = s[3] = s[4] = mw_slice(path, 4095);
			tape_act(&f.t, SERVER, open, s);
			s[0] = mw_slice(NULL, 0);
			tape_act(&f.t, SERVER, rename, s);
		}
		n = (size_t)snprintf(text, 60000, "{\"jsonrpc\":\"2.0\",\"id\":\"");
		for (k = 0; k < 8000; k += 6)
			n += (size_t)snprintf(text + n, 60000 - n, "\\u0001");
		n += (size_t)snprintf(text + n, 60000 - n, "\",\"error\":{\"message\":\"");
		for (k = 0; k < 14000; k++)
			text[n++] = 'c';
		n += (size_t)snprintf(text + n, 60000 - n, "\"},\"result\":[\"");
		for (k = 0; k < 14000; k++)
			text[n++] = 'd';
		snprintf(text + n, 60000 - n, "\"]}");
		answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
		answer(&f, text);
		finish(&f);
		assert_count(&f, "\"reason\":\"no_memory\"", 0);
		assert_count(&f, "\"type\":\"call\"", 2);
		assert_count(&f, "\"type\":\"request\"", 2);
		assert_true(count(&f, "\"type\":\"effect\"") >= 82);
		free(text);
		end(&f);
	}
	free(path);
	free(name);
}

static void deep_ancestry(void **state)
{
	char path[4096];
	struct fx f;
	uint32_t i;

	memset(path, 0x01, sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	begin(&f);
	for (i = 0; i < 40; i++)
		tape_proc(&f.t, MW_EV_PROC, 1000 + i,
			  (struct tape_exe){ .exe = path, .uid = 1000, .parent = i ? 1000 + i - 1 : 1039 });
	tape_proc(&f.t, MW_EV_PROC, 2000, (struct tape_exe){ .exe = "/x", .parent = 1039 });
	tape_line(&f.t, &f.up, 2000, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	finish(&f);
	assert_count(&f, "\"type\":\"request\"", 1);
	end(&f);
}

/* --- tools ---------------------------------------------------------------------------------------- */

static void tools_once_and_when_they_change(void **state)
{
	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
	struct fx f;

	begin(&f);
	ask(&f, list);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\",\"d\":1},"
		   "{\"name\":\"b\",\"d\":1}]}}");
	ask(&f, list); /* as before, in other words */
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"d\":1.0,\"name\":\"b\"},"
		   "{\"d\": 1, \"name\":\"\\u0061\",\"d\":1}, 7, {}, {\"name\":\"a\",\"d\":1}]}}");
	go(&f);
	/* "a" with an equal key has no canonical form: another definition */
	assert_count(&f, "\"type\":\"tool\"", 3);
	assert_count(&f, "\"was\":", 1);
	ask(&f, list);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\",\"d\":2}]}}");
	finish(&f);
	assert_count(&f, "\"type\":\"tool\"", 4);
	assert_count(&f, "\"was\":", 2);
	end(&f);
}

static void long_definition(void **state)
{
	char *text = malloc(200000);
	struct fx f;
	int n;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	n = sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\",\"d\":\"");
	memset(text + n, 'x', 150000);
	strcpy(text + n + 150000, "\"}]}}");
	answer(&f, text);
	finish(&f);
	assert_count(&f, "\"type\":\"tool\"", 1);
	assert_count(&f, "\"what\":\"definition\",\"part\":", 3);
	assert_count(&f, "\"what\":\"result\",\"part\":", 3);
	free(text);
	end(&f);
}

/* --- losses --------------------------------------------------------------------------------------- */

static void losses_become_gaps(void **state)
{
	struct fx f;

	begin(&f);
	tape_open(&f.t, SERVER, "/a", O_RDONLY, 3);
	tape_hole(&f.t, 7);
	tape_open(&f.t, SERVER, "/b", O_RDONLY, 3);
	tape_lost(&f.t, MW_LOST_MISSED_RUN, 3);
	tape_lost(&f.t, MW_LOST_MISSED_RUN, 2);
	tape_lost(&f.t, MW_LOST_TABLE, 4);
	tape_lost(&f.t, MW_LOST_ARGV, 2);
	tape_lost(&f.t, MW_LOST_RING, 9); /* seen as holes too: said once */
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "\"reason\":\"missed_run\",\"where\":\"kernel\",\"events\":5", 1);
	assert_count(&f, "\"reason\":\"table_full\",\"where\":\"kernel\",\"events\":4", 1);
	assert_count(&f, "\"argv_unread\",\"where\":\"processes\",\"events\":2", 1);
	assert_count(&f, "\"type\":\"gap\"", 3);
	tape_lost(&f.t, MW_LOST_SEQ, f.t.seq[0]);
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "\"reason\":\"events_lost\",\"where\":\"kernel\",\"events\":7", 1);
	tape_tick(&f.t);
	finish(&f);
	assert_count(&f, "\"type\":\"gap\"", 4); /* each once */
	end(&f);
}

/* The loss is said even if there was no memory to say it. */
static void nothing_is_lost_silently(void **state)
{
	struct mw_engine_config cfg = { .alloc = &test_alloc_failing };
	size_t records = 0;
	struct fx f;

	/* the events are made once, outside of the memory that is counted */
	TEST_EACH_FAILURE(n)
	{
		begin_with(&f, (struct mw_engine_config){ .alloc = &test_alloc });
		mw_engine_free(f.e);
		cfg.sha256 = mw_sha256;
		if (mw_engine_new(&cfg, &f.e) < 0) {
			tape_done(&f.t);
			free(f.text);
			continue;
		}
		world(&f);
		tape_fork(&f.t, SERVER, 400);
		tape_open(&f.t, SERVER, "/usr/lib/x.so", O_RDONLY, 3);
		call(&f);
		tape_open(&f.t, SERVER, "/b", O_RDWR, 3);
		tape_connect4(&f.t, 400, "192.0.2.1", 80, -EINPROGRESS);
		result(&f);
		tape_lost(&f.t, MW_LOST_MISSED_RUN, 1);
		tape_wait(&f.t, 30 * MS);
		finish(&f);
		if (!test_alloc_failed())
			records = f.n;
		else if (count(&f, "\"reason\":\"no_memory\"") == 0 && count(&f, "\"type\":\"gap\"") < 2)
			assert_true(f.n >= 9); /* something else had room to go on without */
		mw_engine_free(f.e);
		tape_done(&f.t);
		free(f.text);
	}
	assert_true(records >= 9);
}

static void stats(void **state)
{
	struct mw_engine_stats st;
	struct fx f;

	begin(&f);
	call(&f);
	tape_open(&f.t, SERVER, "/b", O_RDWR, 3);
	go(&f);
	mw_engine_stats(f.e, &st);
	assert_int_equal(st.calls_open, 1);
	assert_int_equal(st.calls, 0);
	result(&f);
	call(&f);
	ask(&f, "x");
	tape_lost(&f.t, MW_LOST_TABLE, 1);
	finish(&f);
	mw_engine_stats(f.e, &st);
	assert_int_equal(st.calls_open, 0);
	assert_int_equal(st.calls, 2);
	assert_int_equal(st.effects, 1);
	assert_int_equal(st.anomalies, 1);
	assert_int_equal(st.gaps, 1);
	assert_int_equal(st.records, f.n);
	assert_int_equal(st.events, f.t.n_events);
	assert_int_equal(st.alloc_failed, 0);
	assert_true(st.stream_bytes > 200);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_up_is_folded),
		cmocka_unit_test(folds_of_the_others_come_at_the_end),
		cmocka_unit_test(ties_records),
		cmocka_unit_test(effects_fold_in_the_list),
		cmocka_unit_test(worst_paths),
		cmocka_unit_test(deep_ancestry),
		cmocka_unit_test(tools_once_and_when_they_change),
		cmocka_unit_test(long_definition),
		cmocka_unit_test(losses_become_gaps),
		cmocka_unit_test(nothing_is_lost_silently),
		cmocka_unit_test(stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
