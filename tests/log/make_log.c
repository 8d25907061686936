/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_log DIR KEYS CALLS SEED END SEGMENT: the log of a made-up run of CALLS calls, through the
 * engine and the log's own sink, as `run` writes one: an earlier run's log is gone on with
 *
 * END: `stop`; `open`: some calls are still open at the stop; `kill`: dies of SIGKILL with them
 * open. SEGMENT: bytes of a segment, 0 the default; finished ones are compressed if it is given.
 * Everything else is SEED's: lengths, effects, pauses. A record is sealed within 4 ms, so that
 * there is much to seal. On stdout at the end: how many records the log did not take.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "io/heap.h"
#include "io/keys.h"
#include "io/logresume.h"
#include "io/pump.h"
#include "io/sink_log.h"
#include "support_tape.h"

enum { CLIENT = 200, SERVER = 300, SERVERS = 3, CHILD = 1000, TEXT = 70000 };

struct made {
	struct mw_source source;
	struct tape tape;
	size_t pos;
	struct tape_chan up[SERVERS], down[SERVERS];
	uint64_t random;
	long calls, done;
	bool leave_open, begun, ended;
};

struct plan {
	const char *dir, *keys, *end;
	long calls, seed, segment;
};

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Below n. */
static uint32_t pick(struct made *m, uint32_t n)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % n;
}

static void begin(struct made *m)
{
	struct mw_ev_meta *meta;
	struct tape *t = &m->tape;

	tape_meta(t, m->random);
	meta = (struct mw_ev_meta *)(void *)tape_last(t);
	meta->realtime_ns = (int64_t)(now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME));
	tape_user(t, 1000, "alice");
	tape_proc(t, MW_EV_EXEC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent",
				     .argv = "agent",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = 1 });
	for (uint32_t i = 0; i < SERVERS; i++) {
		tape_fork(t, CLIENT, SERVER + i);
		tape_proc(t, MW_EV_EXEC, SERVER + i,
			  (struct tape_exe){ .exe = "/usr/bin/python3.11",
					     .argv = "python3 files.py",
					     .cwd = "/home/alice",
					     .uid = 1000,
					     .parent = CLIENT });
		m->up[i] = tape_chan(t, MW_CHAN_PIPE);
		m->down[i] = tape_chan(t, MW_CHAN_PIPE);
		tape_line(t, &m->up[i], CLIENT, SERVER + i,
			  "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"initialize\",\"params\":{"
			  "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{"
			  "\"name\":\"agent\",\"version\":\"1\"}}}");
		tape_line(t, &m->down[i], SERVER + i, CLIENT,
			  "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{\"protocolVersion\":"
			  "\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":"
			  "\"files\",\"version\":\"1\"}}}");
	}
}

static void act(struct made *m, uint32_t pid, long n)
{
	struct tape *t = &m->tape;
	char path[64];

	snprintf(path, sizeof(path), "/home/alice/src/file-%ld.c", n);
	switch (pick(m, 6)) {
	case 0:
		tape_unlink(t, pid, path, 0);
		break;
	case 1:
		tape_rename(t, pid, path, "/home/alice/src/other.c");
		break;
	case 2:
		tape_connect4(t, pid, "192.0.2.7", 443, 0);
		break;
	case 3:
		tape_fork(t, pid, CHILD + (uint32_t)n % 30000);
		tape_proc(t, MW_EV_EXEC, CHILD + (uint32_t)n % 30000,
			  (struct tape_exe){ .exe = "/usr/bin/git",
					     .argv = "git status",
					     .cwd = "/home/alice",
					     .uid = 1000,
					     .parent = pid });
		tape_exit(t, CHILD + (uint32_t)n % 30000, 0);
		break;
	default:
		tape_open(t, pid, path, O_RDONLY, 5);
	}
}

static void call(struct made *m)
{
	static char text[TEXT + 1], line[TEXT + 1024];
	struct tape *t = &m->tape;
	uint32_t i = pick(m, SERVERS);
	long n = m->done++;
	size_t len = pick(m, 40) ? pick(m, 300) : pick(m, TEXT);

	for (size_t k = 0; k < len; k++)
		text[k] = k % 9 == 8 ? ' ' : (char)('a' + pick(m, 26));
	text[len] = 0;
	snprintf(
	    line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{\"name\":\"write"
	    "_file\",\"arguments\":{\"path\":\"/home/alice/src/file-%ld.c\",\"text\":\"%s\"}}}",
	    n, n, text);
	tape_line(t, &m->up[i], CLIENT, SERVER + i, line);
	for (uint32_t k = pick(m, 4); k; k--)
		act(m, SERVER + i, n);
	if (m->leave_open && m->calls - n <= 3)
		return;
	snprintf(
	    line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
	    "\"%.*s\"}],\"isError\":false}}",
	    n, (int)len / 2, text);
	tape_line(t, &m->down[i], SERVER + i, CLIENT, line);
}

static void finish(struct made *m)
{
	if (!m->leave_open)
		for (uint32_t i = 0; i < SERVERS; i++)
			tape_exit(&m->tape, SERVER + i, 0);
	m->ended = true;
}

static int made_next(struct mw_source *source, int timeout_ms, const void **ret)
{
	struct made *m = (struct made *)source;
	const struct mw_event_hdr *h;

	(void)timeout_ms;
	while (!(h = tape_next(&m->tape, &m->pos))) {
		if (m->ended)
			return -ENODATA;
		m->tape.len = m->pos = 0;
		if (!pick(m, 10))
			usleep(pick(m, 5000));
		if (m->tape.ts_ns < now(CLOCK_BOOTTIME))
			m->tape.ts_ns = now(CLOCK_BOOTTIME);
		if (m->begun)
			tape_tick(&m->tape);
		else
			begin(m);
		if (m->done < m->calls)
			call(m);
		else
			finish(m);
		m->begun = true;
	}
	*ret = h;
	return (int)h->len;
}

static const struct mw_source_ops made_ops = { .next = made_next };

static void die(const char *what)
{
	fprintf(stderr, "make_log: %s\n", what);
	exit(1);
}

static long number(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end == s || *end || n < 0)
		die("usage: make_log DIR KEYS CALLS SEED stop|open|kill SEGMENT");
	return n;
}

static int make(const struct plan *plan)
{
	struct made m = { .source.ops = &made_ops,
			  .calls = plan->calls,
			  .random = (uint64_t)plan->seed,
			  .leave_open = plan->end[0] != 's' };
	struct mw_sink_log_config cfg = { .dir = plan->dir,
					  .seal_ns = 4000000,
					  .seal_urgent_ns = 1000000,
					  .segment_max = (uint64_t)plan->segment,
					  .compress = plan->segment > 0 };
	struct mw_engine_config engine = { .alloc = &mw_heap,
					   .sha256 = mw_sha256,
					   .mac = mw_mac_run };
	struct mw_pump pump = { .source = &m.source, .raw_fd = -1 };
	struct mw_engine_found said = { 0 };
	struct mw_sink_log_found found;
	struct mw_log_resume *resume;
	char err[MW_ERR_MAX] = "";
	int r;

	if (mw_keys_open(plan->keys, err, sizeof(err), &cfg.keys) < 0 ||
	    mw_sink_log_new(&cfg, err, sizeof(err), &found, &pump.sinks[0]) < 0 ||
	    mw_log_resume(plan->dir, err, sizeof(err), &resume) < 0)
		die(err);
	pump.n_sinks = 1;
	engine.mac_ctx = mw_keys_mac(cfg.keys);
	engine.first_seq = found.next_seq;
	engine.resume = mw_log_resume_engine(resume);
	engine.found = &said;
	said.unsealed = found.unsealed;
	said.torn_n = found.torn_n;
	if (found.damaged) {
		said.damaged_why = found.damaged_why;
		said.damaged_origin = found.damaged_origin;
		said.damaged_root = found.damaged_root;
		said.damaged_size = found.damaged_size;
	}
	if (mw_engine_new(&engine, &pump.engine) < 0)
		die("no memory");
	tape_init(&m.tape);
	do
		r = mw_pump_step(&pump, 0);
	while (r >= 0);
	if (r != -ENODATA)
		die("the pump failed");
	if (plan->end[0] == 'k')
		raise(SIGKILL);
	r = mw_pump_finish(&pump);
	printf("%llu\n", (unsigned long long)pump.unwritten);
	mw_engine_free(pump.engine);
	mw_sink_free(pump.sinks[0]);
	mw_log_resume_free(resume);
	mw_keys_free(cfg.keys);
	tape_done(&m.tape);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct plan plan;

	if (argc != 7)
		die("usage: make_log DIR KEYS CALLS SEED stop|open|kill SEGMENT");
	plan = (struct plan){ .dir = argv[1],
			      .keys = argv[2],
			      .calls = number(argv[3]),
			      .seed = number(argv[4]),
			      .end = argv[5],
			      .segment = number(argv[6]) };
	mw_heap_init();
	return make(&plan);
}
