/* SPDX-License-Identifier: Apache-2.0 */
/* which server a definition is pinned for (engine_pin.c) */
#include "engine_policy_fx.h"

#define RULE                                                                                       \
	"rules:\n  - id: changed\n    title: t\n    severity: low\n    on: tool\n    when: "       \
	"tool.changed\n"

enum { OTHER = 301 };

struct line {
	uint32_t server;
	struct tape_chan up, down;
};

static void say(struct fx *f, struct line *l, bool asks, const char *text)
{
	tape_line(&f->t, asks ? &l->up : &l->down, asks ? CLIENT : l->server,
		  asks ? l->server : CLIENT, text);
}

/* A bridge with one argument starts and lists its tool. */
static void serve(struct fx *f, uint32_t pid, const char *argument, const char *description)
{
	struct line l = { .server = pid };
	char argv[64], text[512];

	snprintf(argv, sizeof(argv), "node /opt/bridge.js %s", argument);
	tape_proc(&f->t, MW_EV_PROC, pid,
		  (struct tape_exe){
		      .exe = "/usr/bin/node", .argv = argv, .uid = 1000, .parent = CLIENT });
	l.up = tape_chan(&f->t, MW_CHAN_PIPE);
	l.down = tape_chan(&f->t, MW_CHAN_PIPE);
	say(f, &l, true,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	    "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}");
	say(f, &l, false,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"b\",\"version\":\"1\"}}}");
	say(f, &l, true, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"get\","
		 "\"description\":\"%s\"}]}}",
		 description);
	say(f, &l, false, text);
}

static struct mw_rules *start(struct fx *f)
{
	struct mw_rules *r = begin_rules(f, RULE);

	tape_meta(&f->t, 1);
	tape_proc(&f->t, MW_EV_PROC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent", .uid = 1000 });
	return r;
}

static void two_of_one_program(void **state)
{
	struct fx f;
	struct mw_rules *r = start(&f);

	serve(&f, SERVER, "https://a.example", "of a");
	serve(&f, OTHER, "https://b.example", "of b");
	finish(&f);
	assert_count(&f, "\"type\":\"tool\"", 2);
	assert_alerts(&f, "changed", 0);
	end_rules(&f, r);
}

static void another_start(void **state)
{
	struct fx f;
	struct mw_rules *r = start(&f);

	serve(&f, SERVER, "--port=1", "one");
	tape_exit(&f.t, SERVER, 0);
	serve(&f, OTHER, "--port=1", "one");
	tape_exit(&f.t, OTHER, 0);
	go(&f);
	assert_alerts(&f, "changed", 0);
	/* arguments change from start to start, and hide nothing by that */
	serve(&f, 302, "--port=2", "two");
	finish(&f);
	assert_alerts(&f, "changed", 1);
	end_rules(&f, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_of_one_program),
		cmocka_unit_test(another_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
