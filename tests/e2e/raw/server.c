/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - a raw MCP server on stdin and stdout, one line a message
 *
 * server [--bytewise] [--fork] [--delay MS]
 * Tools: delete {"path"}, echo, hang (never answers), error (JSON-RPC error). It looks for the members
 * it needs as strings, which is enough for the lines raw/client.py writes.
 *   --bytewise  answers with one write(2) for each byte
 *   --fork      each call is done by a child of its own, which exits before the answer
 *   --delay MS  sleeps before each answer
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int bytewise, fork_each, delay_ms;

static void put(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(1, p, bytewise ? 1 : n);
		if (w <= 0)
			exit(1);
		p += w;
		n -= (size_t)w;
	}
}

/* The JSON value of a member, raw, up to the next comma, brace or end of string. */
static int member(const char *line, const char *name, char *ret, size_t n)
{
	char key[32];
	snprintf(key, sizeof(key), "\"%s\":", name);
	const char *p = strstr(line, key);
	if (!p)
		return 0;
	p += strlen(key);
	size_t len = *p == '"' ? 1 + strcspn(p + 1, "\"") + 1 : strcspn(p, ",}");
	if (len >= n)
		return 0;
	memcpy(ret, p, len);
	ret[len] = 0;
	return 1;
}

static void act(const char *line, const char *tool)
{
	char path[4096];
	if (strcmp(tool, "\"delete\"") || !member(line, "path", path, sizeof(path)))
		return;
	path[strlen(path) - 1] = 0;
	unlink(path + 1);
}

static void serve(const char *line)
{
	char id[64], tool[64] = "", answer[512];
	if (*line != '{' || !member(line, "id", id, sizeof(id)))
		return;
	member(line, "name", tool, sizeof(tool));
	if (!strcmp(tool, "\"hang\""))
		return;
	if (fork_each) {
		pid_t pid = fork();
		if (pid == 0) {
			act(line, tool);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	} else {
		act(line, tool);
	}
	usleep((useconds_t)delay_ms * 1000);
	int n;
	if (strstr(line, "\"initialize\""))
		n = snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":"
			     "\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"e2e-raw\","
			     "\"version\":\"1\"}}}\n", id);
	else if (!strcmp(tool, "\"error\""))
		n = snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32602,"
			     "\"message\":\"no\"}}\n", id);
	else
		n = snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":"
			     "\"text\",\"text\":\"answer %s\"}]}}\n", id, id);
	put(answer, (size_t)n);
}

int main(int argc, char **argv)
{
	static char buf[1 << 20];
	size_t n = 0;

	for (int i = 1; i < argc; i++) {
		bytewise |= !strcmp(argv[i], "--bytewise");
		fork_each |= !strcmp(argv[i], "--fork");
		if (!strcmp(argv[i], "--delay") && i + 1 < argc)
			delay_ms = atoi(argv[++i]);
	}
	for (;;) {
		ssize_t r = read(0, buf + n, sizeof(buf) - 1 - n);
		if (r <= 0)
			return 0;
		n += (size_t)r;
		char *line = buf, *end;
		while ((end = memchr(line, '\n', n))) {
			*end = 0;
			serve(line);
			n -= (size_t)(end + 1 - line);
			line = end + 1;
		}
		memmove(buf, line, n);
	}
}
