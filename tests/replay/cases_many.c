/* SPDX-License-Identifier: Apache-2.0 */
/* cases_many.c - two calls at once that do the same, more often than an entry names at first */
#include <fcntl.h>
#include <stdio.h>

#include "cases.h"

#define MS 1000000ull

enum { CLIENT = 200, SERVER = 300 };

static void by(struct tape *t, uint64_t id, uint64_t of)
{
	t->task = (struct mw_task){ id, of, 0 };
}

static void ask(struct tape *t, struct tape_chan *up, const char *text)
{
	by(t, 0, 0);
	tape_write(t, up, CLIENT, text);
	by(t, 18, 1);
	tape_read(t, up, SERVER, text);
	by(t, 0, 0);
}

static void answer(struct tape *t, struct tape_chan *down, uint64_t task, const char *text)
{
	by(t, task, 18);
	tape_write(t, down, SERVER, text);
	by(t, 0, 0);
	tape_read(t, down, CLIENT, text);
}

/* Each in a goroutine of its own, in turns: whose an effect is, its call's answer shows. */
static void two_calls(struct tape *t, unsigned int n)
{
	struct tape_chan up, down;

	tape_meta(t, 0x1122334455667788ull);
	tape_user(t, 1000, "alice");
	tape_proc(t, MW_EV_EXEC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent",
				     .argv = "agent",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = 1 });
	tape_fork(t, CLIENT, SERVER);
	tape_proc(t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/srv/files",
				     .argv = "files",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = CLIENT });
	up = tape_chan(t, MW_CHAN_PIPE);
	down = tape_chan(t, MW_CHAN_PIPE);
	tape_line(t, &up, CLIENT, SERVER,
		  "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		  "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
		  "\"clientInfo\":{\"name\":\"agent\",\"version\":\"1.2\"}}}");
	tape_line(t, &down, SERVER, CLIENT,
		  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
		  "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"files\","
		  "\"version\":\"0.9\"}}}");
	tape_runtime(t, SERVER, MW_RT_GO, "go1.26.8");
	ask(t, &up,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
	ask(t, &up,
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
	for (unsigned int i = 0; i < n; i++)
		for (uint64_t task = 20; task <= 21; task++) {
			by(t, task, 18);
			tape_open(t, SERVER, "/srv/one", O_RDONLY, 7);
		}
	answer(t, &down, 20, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}");
	answer(t, &down, 21, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}");
	tape_wait(t, 100 * MS);
}

void replay_many(struct tape *t)
{
	two_calls(t, 12);
}

#define N_REPEATED 3000

void replay_repeated(struct tape *t)
{
	two_calls(t, N_REPEATED);
}

/* All are named, each once and by one call; in the call's record, then behind it. */
const char *replay_repeated_check(const struct got *g)
{
	const char *p = g->json;
	size_t named = 0, n = 0, calls = 0;

	if (got_count(g, "\"type\":\"effect\",\"kind\":\"file.open\",\"target\":\"/srv/one\"") !=
	    2 * N_REPEATED)
		return "effects";
	if (!got_count(g, "\"type\":\"ties\""))
		return "nothing stands behind its call's record";
	while ((p = strstr(p, "\"target\":\"/srv/one\",\"seqs\":["))) {
		unsigned int part = 0;

		for (p = strchr(p, '['); *p != ']'; p++)
			named += *p == ',' || p[1] == ']';
		if (sscanf(p, "],\"n\":%u,\"link\":\"causal\",\"confidence\":\"certain\"", &part) !=
		    1)
			return "an entry that is not certain";
		n += part;
		calls++;
	}
	if (named != 2 * N_REPEATED || n != named)
		return "not all are named";
	return calls < 4 ? "parts of an entry" : NULL;
}
