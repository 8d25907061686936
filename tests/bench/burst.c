/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst.c CPU N LEN HELLO: N calls, each answered by one write of LEN bytes. CPU -1: not pinned;
 * HELLO 0: without the small handshake before, so that the first bytes of the channel are a burst
 */
#include <sys/wait.h>

#include "bench.h"

#define ASK                                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{\"name\":\"dump\","          \
	"\"arguments\":{}}}\n"
#define HELLO_LEN 4096

static void serve(int in, int out, size_t len)
{
	static const char tail[] = "\"}]}}\n";
	char *msg = malloc(len), line[256];
	size_t id, full = len;

	if (!msg)
		die("malloc");
	for (;;) {
		size_t n = 0;
		int k;

		do {
			if (n == sizeof(line) - 1 || read(in, line + n, 1) != 1)
				_exit(0);
		} while (line[n++] != '\n');
		line[n] = 0;
		if (sscanf(line, "{\"jsonrpc\":\"2.0\",\"id\":%zu", &id) != 1)
			_exit(1);
		len = id ? full : HELLO_LEN;
		memset(msg, 'a' + (int)(id % 26), len);
		k = snprintf(
		    line, sizeof(line),
		    "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"",
		    id);
		memcpy(msg, line, (size_t)k);
		memcpy(msg + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
		if (write(out, msg, len) != (ssize_t)len) /* one system call */
			die("write");
	}
}

int main(int argc, char **argv)
{
	int to[2], from[2];
	char line[256], *buf;
	size_t len;
	pid_t pid;
	int k;

	if (argc != 5)
		return 2;
	pin(number(argv[1]));
	len = (size_t)number(argv[3]);
	buf = malloc(len);
	if (!buf)
		die("malloc");
	memset(buf, 1, len);
	pid = fork_pair(to, from);
	if (pid == 0)
		serve(to[0], from[1], len);
	if (number(argv[4])) {
		k = snprintf(line, sizeof(line), ASK, 0, "initialize");
		write_all(to[1], line, (size_t)k);
		if (!read_all(from[0], buf, HELLO_LEN))
			die("pair");
	}
	wait_go(pid);
	for (long i = 1; i <= number(argv[2]); i++) {
		uint64_t t0 = now_ns();

		k = snprintf(line, sizeof(line), ASK, (int)i, "tools/call");
		write_all(to[1], line, (size_t)k);
		if (!read_all(from[0], buf, len))
			die("pair");
		printf("cell burst %.3f 1\n", (double)(now_ns() - t0) / 1e6);
		fflush(stdout);
		pause_ms(300);
	}
	close(to[1]);
	waitpid(pid, NULL, 0);
	return 0;
}
