/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen_capture.c N RESULT_LEN OPENS: a capture of N calls on stdout, each with a result of
 * RESULT_LEN bytes of text and OPENS files opened while it ran; on stderr how many bytes of
 * messages it holds
 */
#include <fcntl.h>

#include "bench.h"
#include "support_tape.h"

enum { CLIENT = 200, SERVER = 300 };

static struct tape tape;
static uint64_t message_bytes;

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

	if (tape.ts_ns < next_tick)
		return;
	tape_tick(&tape);
	next_tick = tape.ts_ns + 100000000;
	flush();
}

static void say(struct tape_chan *c, uint32_t from, uint32_t to, const char *text)
{
	tape_line(&tape, c, from, to, text);
	message_bytes += strlen(text) + 1;
}

static char *result_text(size_t len)
{
	char *s = malloc(len + 1);

	if (!s)
		die("malloc");
	for (size_t i = 0; i < len; i++)
		s[i] = i % 41 == 40 ? ' ' : (char)('a' + i % 26);
	for (size_t i = 60; i + 1 < len; i += 62) { /* lines of text */
		s[i] = '\\';
		s[i + 1] = 'n';
	}
	s[len] = 0;
	return s;
}

int main(int argc, char **argv)
{
	struct mw_capture_hdr hdr = { .version = MW_EVENT_VERSION };
	struct mw_event_hdr end = { .len = sizeof(end), .type = MW_EV_END, .cpu = MW_CPU_NONE };
	struct tape_chan up, down;
	char *text, *line, path[64];
	long n, opens;
	size_t room;

	if (argc != 4)
		return 2;
	n = number(argv[1]);
	opens = number(argv[3]);
	room = (size_t)number(argv[2]) + 1024;
	text = result_text((size_t)number(argv[2]));
	line = malloc(room);
	if (!line)
		die("malloc");
	memcpy(hdr.magic, MW_CAPTURE_MAGIC, sizeof(hdr.magic));
	fwrite(&hdr, sizeof(hdr), 1, stdout);

	tape_init(&tape);
	tape_meta(&tape, 0x1122334455667788ull);
	tape_user(&tape, 1000, "alice");
	tape_proc(&tape, MW_EV_EXEC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent",
				     .argv = "agent",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = 1 });
	tape_fork(&tape, CLIENT, SERVER);
	tape_proc(&tape, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/python3.11",
				     .argv = "python3 files.py",
				     .cwd = "/home/alice",
				     .uid = 1000,
				     .parent = CLIENT });
	up = tape_chan(&tape, MW_CHAN_PIPE);
	down = tape_chan(&tape, MW_CHAN_PIPE);
	say(&up, CLIENT, SERVER,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	    "\"protocolVersion\":"
	    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"agent\",\"version\":"
	    "\"1\"}}}");
	say(&down, SERVER, CLIENT,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"files\",\"version\":\"1\"}}"
	    "}");
	for (long i = 1; i <= n; i++) {
		snprintf(line, room,
			 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/"
			 "call\",\"params\":{\"name\":"
			 "\"read_file\",\"arguments\":{\"path\":\"/home/alice/src/file-%ld.c\"},"
			 "\"_meta\":{\"progressToken\":%ld}}}",
			 i, i, i);
		say(&up, CLIENT, SERVER, line);
		snprintf(path, sizeof(path), "/home/alice/src/file-%ld.c", i);
		for (long k = 0; k < opens; k++)
			tape_open(&tape, SERVER, path, O_RDONLY, 5);
		snprintf(
		    line, room,
		    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"%s\"}],\"isError\":false}}",
		    i, text);
		say(&down, SERVER, CLIENT, line);
		go_on();
	}
	tape_exit(&tape, SERVER, 0);
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
