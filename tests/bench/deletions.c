/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deletions.c DIR N RATE: an MCP client and its server, one call of which deletes N files of DIR,
 * RATE a second
 *
 * DIR/0 to DIR/N-1 must be there. On stdout at the end how long the call took, and by how much the
 * latest deletion was late.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "bench.h"

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("write");
}

static bool hear(int fd, char *line, size_t max)
{
	size_t n = 0;

	while (n + 1 < max && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n] = 0;
			return true;
		}
	return false;
}

static void delete_all(const char *dir, long n, long rate)
{
	const uint64_t begin = now_ns();
	uint64_t late = 0, at, now;
	char name[32];
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(dir);
	for (long i = 0; i < n; i++) {
		at = begin + (uint64_t)i * 1000000000u / (uint64_t)rate;
		now = now_ns();
		if (now < at) {
			struct timespec ts = { (time_t)((at - now) / 1000000000u),
					       (long)((at - now) % 1000000000u) };
			nanosleep(&ts, NULL);
		} else if (now - at > late) {
			late = now - at;
		}
		snprintf(name, sizeof(name), "%ld", i);
		if (unlinkat(fd, name, 0) < 0)
			die(name);
	}
	fprintf(stderr, "seconds %.3f late_ms %.1f\n", (double)(now_ns() - begin) / 1e9,
		(double)late / 1e6);
	close(fd);
}

static void serve(int in, int out, const char *dir, long n, long rate)
{
	char line[4096];

	while (hear(in, line, sizeof(line))) {
		if (strstr(line, "\"initialize\"")) {
			say(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"
				 "\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{"
				 "\"name\":\"deletions\",\"version\":\"1\"}}}\n");
			continue;
		}
		delete_all(dir, n, rate);
		say(out, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}\n");
	}
}

int main(int argc, char **argv)
{
	char line[4096];
	int up[2], down[2];
	pid_t child;

	if (argc != 4)
		return 2;
	if (pipe(up) < 0 || pipe(down) < 0)
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		close(up[1]);
		close(down[0]);
		serve(up[0], down[1], argv[1], number(argv[2]), number(argv[3]));
		return 0;
	}
	close(up[0]);
	close(down[1]);
	say(up[1],
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
	    "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":"
	    "\"c\",\"version\":\"1\"}}}\n");
	if (!hear(down[0], line, sizeof(line)))
		die("no answer");
	say(up[1], "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":"
		   "\"delete\",\"arguments\":{}}}\n");
	if (!hear(down[0], line, sizeof(line)))
		die("no answer");
	close(up[1]);
	waitpid(child, NULL, 0);
	return 0;
}
