/* SPDX-License-Identifier: Apache-2.0 */
/* what is done by those that start a server (engine_policy_wait.c) */
#include "engine_policy_fx.h"

#define RULE(id, when)                                                                             \
	"  - id: " id "\n    title: " id " happened\n    severity: medium\n    on: effect\n"       \
	"    when: effect.target endswith .key and " when "\n"
#define RULES                                                                                      \
	"rules:\n" RULE("launch", "effect.launch and effect.background and effect.startup")         \
		RULE("leads", "effect.leads") RULE("called", "call.method")                         \
			RULE("own", "not effect.launch")

enum { LAUNCHER = 250, BESIDE = 260, BROTHER = 270 };

static void proc(struct fx *f, uint16_t type, uint32_t pid, const char *exe, uint32_t parent)
{
	tape_proc(&f->t, type, pid, (struct tape_exe){ .exe = exe, .uid = 1000, .parent = parent });
}

/* agent -> sh -> server, and what sh runs beside it; what else the agent runs. */
static void launched_world(struct fx *f)
{
	tape_meta(&f->t, 0x1122334455667788ull);
	tape_user(&f->t, 1000, "alice");
	proc(f, MW_EV_PROC, SHELL, "/usr/bin/bash", 0);
	proc(f, MW_EV_PROC, CLIENT, "/usr/bin/agent", SHELL);
	f->up = tape_chan(&f->t, MW_CHAN_PIPE);
	f->down = tape_chan(&f->t, MW_CHAN_PIPE);
	proc(f, MW_EV_EXEC, LAUNCHER, "/usr/bin/dash", CLIENT);
	proc(f, MW_EV_EXEC, BESIDE, "/usr/bin/cp", LAUNCHER);
	proc(f, MW_EV_EXEC, SERVER, "/usr/bin/server", LAUNCHER);
	proc(f, MW_EV_EXEC, BROTHER, "/usr/bin/make", CLIENT);
}

static void key(struct fx *f, uint32_t pid, const char *path)
{
	tape_open(&f->t, pid, path, O_RDONLY, 3);
}

static void before_and_while_it_serves(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES);
	launched_world(&f);
	key(&f, LAUNCHER, "/srv/1.key");
	key(&f, BESIDE, "/srv/2.key");
	key(&f, BROTHER, "/srv/3.key");
	key(&f, CLIENT, "/srv/4.key");
	key(&f, SHELL, "/srv/5.key");
	go(&f);
	assert_count(&f, "\"type\":\"alert\"", 0);
	hello(&f);
	tape_wait(&f.t, 300 * MS);
	tape_tick(&f.t);
	go(&f);
	assert_count(&f, "\"rule\":\"launch\"", 2);
	assert_count(&f, "\"rule\":\"leads\"", 1);
	assert_count(&f, "\"targets\":[\"/srv/1.key\"]", 2);
	assert_count(&f, "\"targets\":[\"/srv/2.key\"]", 1);
	/* while a call is open: still none of its */
	ask_tool(&f, 1, "read", "{\"path\":\"/srv/6.key\"}");
	key(&f, BESIDE, "/srv/6.key");
	answer_tool(&f, 1, "x");
	key(&f, BROTHER, "/srv/7.key");
	finish(&f);
	assert_count(&f, "\"rule\":\"launch\"", 3);
	assert_count(&f, "\"rule\":\"called\"", 0);
	assert_count(&f, "\"rule\":\"own\"", 0);
	assert_count(&f, "\"targets\":[\"/srv/6.key\"]", 1);
	end_rules(&f, r);
}

/* Of its own children, and of what a server below another one does, nothing changes. */
static void another_server_is_none(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES);
	launched_world(&f);
	hello(&f);
	ask_tool(&f, 1, "read", "{}");
	key(&f, SERVER, "/srv/1.key");
	answer_tool(&f, 1, "x");
	finish(&f);
	assert_count(&f, "\"rule\":\"launch\"", 0);
	assert_count(&f, "\"rule\":\"called\"", 1);
	assert_count(&f, "\"rule\":\"own\"", 1);
	end_rules(&f, r);
}

/* A launcher that ends its server, and one that ends something else. */
static void ends_what_it_started(void **state)
{
	static const uint32_t whom[] = { SERVER, BESIDE, BROTHER, SHELL };
	const struct mw_slice none[5] = { { NULL, 0 } };
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, "rules:\n  - id: own\n    title: t\n    severity: low\n    on: effect\n"
			    "    when: effect.kind = proc.kill and effect.own_child\n"
			    "  - id: others\n    title: t\n    severity: low\n    on: effect\n"
			    "    when: effect.kind = proc.kill and not effect.own_child\n");
	launched_world(&f);
	hello(&f);
	tape_wait(&f.t, 300 * MS);
	tape_tick(&f.t);
	for (size_t i = 0; i < 4; i++)
		tape_act(&f.t, LAUNCHER,
			 (struct mw_ev_act){
			     .op = MW_OP_KILL,
			     .num = { whom[i], 15, whom[i], tape_pid(whom[i]).start_ns } },
			 none);
	finish(&f);
	assert_count(&f, "\"rule\":\"own\"", 2);
	assert_count(&f, "\"rule\":\"others\"", 2);
	end_rules(&f, r);
}

/* Started by an agent that is not watched: what was seen to be executed is its launcher. */
static void without_its_client(void **state)
{
	static const char ask_text[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
				       "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
				       "\"clientInfo\":{\"name\":\"agent\",\"version\":\"1.2\"}}}\n";
	static const char answer_text[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":"
					  "\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{"
					  "\"name\":\"files\",\"version\":\"0.9\"}}}\n";
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES);
	launched_world(&f);
	key(&f, LAUNCHER, "/srv/1.key");
	key(&f, BESIDE, "/srv/2.key");
	key(&f, BROTHER, "/srv/3.key");
	tape_read(&f.t, &f.up, SERVER, ask_text);
	tape_write(&f.t, &f.down, SERVER, answer_text);
	tape_wait(&f.t, 3000 * MS);
	tape_tick(&f.t);
	finish(&f);
	assert_count(&f, "\"rule\":\"launch\"", 2);
	assert_count(&f, "\"targets\":[\"/srv/3.key\"]", 0);
	end_rules(&f, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_and_while_it_serves),
		cmocka_unit_test(another_server_is_none),
		cmocka_unit_test(ends_what_it_started),
		cmocka_unit_test(without_its_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
