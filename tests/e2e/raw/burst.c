/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst.c - many servers, many requests, none waited for
 *
 * burst SERVERS REQUESTS. The client starts SERVERS servers on pipes and writes REQUESTS requests to
 * each as fast as the pipe takes them, one write(2) each; a thread per server reads the answers.
 * The lines are the same in every run: e2e/capacity.py makes them again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	pthread_t writer, reader;
	int number, requests, in, out;
	pid_t pid;
};

static void put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w <= 0)
			exit(1);
		p += w;
		n -= (size_t)w;
	}
}

static void serve(int number)
{
	static char buf[65536];
	char line[256];
	size_t n = 0;
	int answered = 0;
	ssize_t r;

	while ((r = read(0, buf + n, sizeof(buf) - n)) > 0) {
		char *at = buf, *end;
		n += (size_t)r;
		while ((end = memchr(at, '\n', n))) {
			int len = 0;
			if (answered == 0)
				len = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{"
					       "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":"
					       "{\"name\":\"burst-%d\",\"version\":\"1\"}}}\n", number);
			else if (answered > 1) /* the second line is a notification */
				len = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{"
					       "\"content\":[{\"type\":\"text\",\"text\":\"%d of %d\"}]}}\n",
					       answered - 1, answered - 1, number);
			put(1, line, (size_t)len);
			answered++;
			n -= (size_t)(end + 1 - at);
			at = end + 1;
		}
		memmove(buf, at, n);
	}
}

static void *write_all(void *arg)
{
	struct server *s = arg;
	char line[256];

	for (int i = 1; i <= s->requests; i++)
		put(s->in, line, (size_t)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":"
		    "\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"server\":%d,\"n\":%d}}}\n",
		    i, s->number, i));
	return NULL;
}

static void *read_all(void *arg)
{
	struct server *s = arg;
	char buf[65536];
	int lines = 0;

	while (lines < s->requests) {
		ssize_t n = read(s->out, buf, sizeof(buf));
		if (n <= 0)
			exit(1);
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
	return NULL;
}

static void begin(struct server *s)
{
	static const char hello[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{},\"clientInfo\":{\"name\":\"burst\",\"version\":\"1\"}}}\n";
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	char number[16], c;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		exit(1);
	s->pid = fork();
	if (s->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		snprintf(number, sizeof(number), "%d", s->number);
		execl("/proc/self/exe", "burst", "serve", number, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s->in = in[1];
	s->out = out[0];
	put(s->in, hello, sizeof(hello) - 1);
	do {
		if (read(s->out, &c, 1) != 1)
			exit(1);
	} while (c != '\n');
	put(s->in, ready, sizeof(ready) - 1);
}

int main(int argc, char **argv)
{
	static struct server servers[64];
	int n;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "serve")) {
		serve(atoi(argv[2]));
		return 0;
	}
	n = atoi(argv[1]);
	if (n < 1 || n > 64)
		return 2;
	for (int i = 0; i < n; i++) {
		servers[i].number = i;
		servers[i].requests = atoi(argv[2]);
		begin(&servers[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_create(&servers[i].reader, NULL, read_all, &servers[i]);
		pthread_create(&servers[i].writer, NULL, write_all, &servers[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(servers[i].writer, NULL);
		pthread_join(servers[i].reader, NULL);
		close(servers[i].in);
		waitpid(servers[i].pid, NULL, 0);
	}
	return 0;
}
