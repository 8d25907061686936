/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen_capture.c N RESULT_LEN OPENS [KIND [SERVERS]]: a capture of N calls on stdout, each with a
 * result of RESULT_LEN bytes and OPENS files opened while it ran; on stderr how many bytes of
 * messages it holds, each counted once, though the capture has both ends of each
 *
 * KIND: `text`, lines of it (the default); `rows`, an array of small objects; `mixed`, text of 1 to
 * RESULT_LEN bytes; `pieces`, text that is read as it is written, 64 KiB at a time. The calls go to
 * SERVERS servers in turn (1), each a process of its own.
 */
#include <fcntl.h>

#include "bench.h"
#include "support_tape.h"

enum { CLIENT = 200, SERVER = 300 };

struct server {
	uint32_t pid;
	struct tape_chan up, down;
};

#define PIECE (64u << 10)

static struct tape tape;
static uint64_t message_bytes;
static bool pieces;

static void flush(void)
{
	if (fwrite(tape.p, 1, tape.len, stdout) != tape.len)
		die("stdout");
	tape.len = 0;
}

/* Time as a source gives it: a tick every 100 ms. */
static void go_on(void)
{
	static uint64_t next_tick;

	if (tape.len > 1 << 20)
		flush();
	if (tape.ts_ns < next_tick)
		return;
	tape_tick(&tape);
	next_tick = tape.ts_ns + 100000000;
	flush();
}

/* `text` has room for a line feed. */
static void say_pieces(struct tape_chan *c, uint32_t from, uint32_t to, char *text, size_t n)
{
	text[n] = '\n';
	for (size_t at = 0; at <= n; at += PIECE) {
		size_t len = n + 1 - at < PIECE ? n + 1 - at : PIECE;

		tape_io(&tape, c, MW_END_WRITE, from, text + at, len);
		tape_io(&tape, c, MW_END_READ, to, text + at, len);
	}
	message_bytes += n + 1;
}

static void say(struct tape_chan *c, uint32_t from, uint32_t to, const char *text)
{
	tape_line(&tape, c, from, to, text);
	message_bytes += strlen(text) + 1;
}

static char *room_for(size_t n)
{
	char *p = malloc(n);

	if (!p)
		die("malloc");
	return p;
}

/* The inside of a JSON string: lines of text. */
static char *lines(size_t len)
{
	char *s = room_for(len + 1);

	for (size_t i = 0; i < len; i++)
		s[i] = i % 41 == 40 ? ' ' : (char)('a' + i % 26);
	for (size_t i = 60; i + 1 < len; i += 62) {
		s[i] = '\\';
		s[i + 1] = 'n';
	}
	s[len] = 0;
	return s;
}

/* The inside of an array. */
static char *rows(size_t len)
{
	char *s = room_for(len + 128);
	size_t n = 0;

	for (unsigned int i = 0; n < len; i++)
		n += (size_t)snprintf(
		    s + n, 128, "%s{\"id\":%u,\"name\":\"n%u\",\"ok\":true,\"v\":[1,2.5,null]}",
		    i ? "," : "", i, i);
	return s;
}

static void start_client(void)
{
	tape_proc(&tape, MW_EV_EXEC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent",
				     .argv = "agent",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = 1 });
}

static void start_server(struct server *sv, uint32_t pid)
{
	sv->pid = pid;
	tape_fork(&tape, CLIENT, pid);
	tape_proc(&tape, MW_EV_EXEC, pid,
		  (struct tape_exe){ .exe = "/usr/bin/python3.11",
				     .argv = "python3 files.py",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = CLIENT });
	sv->up = tape_chan(&tape, MW_CHAN_PIPE);
	sv->down = tape_chan(&tape, MW_CHAN_PIPE);
	say(&sv->up, CLIENT, pid,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	    "\"protocolVersion\":"
	    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"agent\",\"version\":"
	    "\"1\"}}}");
	say(&sv->down, pid, CLIENT,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"files\",\"version\":\"1\"}}"
	    "}");
}

struct plan {
	long n, opens, servers;
	size_t len;
	bool rows, mixed;
};

static void calls(const struct plan *p, struct server *servers)
{
	const char *text = p->rows ? rows(p->len) : lines(p->len);
	size_t room = strlen(text) + 1024;
	char path[64], *line = room_for(room);

	for (long i = 1; i <= p->n; i++) {
		struct server *sv = &servers[i % p->servers];
		/* a step that has no common divisor with most lengths */
		size_t len = p->mixed ? 1 + (size_t)i * 7919 % p->len : strlen(text);

		snprintf(line, room,
			 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/"
			 "call\",\"params\":{\"name\":"
			 "\"read_file\",\"arguments\":{\"path\":\"/home/alice/src/file-%ld.c\"},"
			 "\"_meta\":{\"progressToken\":%ld}}}",
			 i, i, i);
		say(&sv->up, CLIENT, sv->pid, line);
		snprintf(path, sizeof(path), "/home/alice/src/file-%ld.c", i);
		for (long k = 0; k < p->opens; k++)
			tape_open(&tape, sv->pid, path, O_RDONLY, 5);
		if (len < strlen(text) && text[len - 1] == '\\')
			len++; /* not half an escape */
		snprintf(line, room,
			 p->rows
			     ? "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[],"
			       "\"structuredContent\":{\"rows\":[%.*s]}}}"
			     : "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":"
			       "\"text\",\"text\":\"%.*s\"}],\"isError\":false}}",
			 i, (int)len, text);
		if (pieces)
			say_pieces(&sv->down, sv->pid, CLIENT, line, strlen(line));
		else
			say(&sv->down, sv->pid, CLIENT, line);
		go_on();
	}
}

int main(int argc, char **argv)
{
	struct mw_capture_hdr hdr = { .version = MW_EVENT_VERSION };
	struct mw_event_hdr end = { .len = sizeof(end), .type = MW_EV_END, .cpu = MW_CPU_NONE };
	struct plan p = { .servers = 1 };
	struct server *servers;

	if (argc < 4 || argc > 6)
		return 2;
	p.n = number(argv[1]);
	p.len = (size_t)number(argv[2]);
	p.opens = number(argv[3]);
	p.rows = argc > 4 && strcmp(argv[4], "rows") == 0;
	pieces = argc > 4 && strcmp(argv[4], "pieces") == 0;
	p.mixed = argc > 4 && strcmp(argv[4], "mixed") == 0;
	if (argc > 5)
		p.servers = number(argv[5]);
	servers = (struct server *)room_for((size_t)p.servers * sizeof(*servers));
	memcpy(hdr.magic, MW_CAPTURE_MAGIC, sizeof(hdr.magic));
	fwrite(&hdr, sizeof(hdr), 1, stdout);

	tape_init(&tape);
	tape_meta(&tape, 0x1122334455667788ull);
	tape_user(&tape, 1000, "alice");
	start_client();
	for (long i = 0; i < p.servers; i++)
		start_server(&servers[i], SERVER + (uint32_t)i);
	calls(&p, servers);
	for (long i = 0; i < p.servers; i++)
		tape_exit(&tape, SERVER + (uint32_t)i, 0);
	tape_exit(&tape, CLIENT, 0);
	tape_wait(&tape, 400000000);
	end.ts_ns = tape.ts_ns;
	tape_copy(&tape, &end);
	flush();
	if (fflush(stdout))
		die("stdout");
	fprintf(stderr, "%llu\n", (unsigned long long)message_bytes);
	return 0;
}
