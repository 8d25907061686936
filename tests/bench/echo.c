/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo.c CPU MS WINDOWS [-p PARAMS] SERVER [ARG...]: us a round trip with a JSON-RPC server over
 * its stdio, one request at a time; the median of each window. PARAMS are those of tools/call, in
 * JSON.
 */
#include <sys/wait.h>

#include "bench.h"

#define SAMPLES_MAX  (1 << 20)
#define LINE_MAX_LEN 4096

static uint64_t id;
static double *samples;

static void ask(int to, int from, const char *method, const char *params)
{
	static char line[LINE_MAX_LEN];
	size_t n =
	    (size_t)snprintf(line, sizeof(line),
			     "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":%s}\n",
			     (unsigned long long)++id, method, params);
	ssize_t k;

	write_all(to, line, n);
	for (n = 0; n == 0 || line[n - 1] != '\n'; n += (size_t)k) {
		k = n < sizeof(line) ? read(from, line + n, sizeof(line) - n) : 0;
		if (k <= 0) {
			fprintf(stderr, "echo: the server has ended\n");
			exit(1);
		}
	}
}

static const char *params =
    "{\"name\":\"echo\",\"arguments\":{\"path\":\"/home/user/src/main.c\",\"text\":"
    "\"the quick brown fox jumps over the lazy dog\"},\"_meta\":{\"progressToken\":17}}";

static void call(int to, int from)
{
	ask(to, from, "tools/call", params);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double window(int to, int from, uint64_t ns, size_t *ret_n)
{
	uint64_t t0 = now_ns(), before = t0, t;
	size_t n = 0;

	do {
		call(to, from);
		t = now_ns();
		samples[n++] = (double)(t - before) / 1e3;
		before = t;
	} while (t - t0 < ns && n < SAMPLES_MAX);
	*ret_n = n;
	qsort(samples, n, sizeof(*samples), compare);
	return samples[n / 2];
}

int main(int argc, char **argv)
{
	static const char begun[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	int to[2], from[2], server = 4;
	double p50;
	uint64_t ns;
	size_t n;
	pid_t pid;

	if (argc < 5)
		return 2;
	if (argc > 6 && strcmp(argv[4], "-p") == 0) {
		params = argv[5];
		server = 6;
	}
	pin(number(argv[1]));
	ns = (uint64_t)number(argv[2]) * NS_PER_MS;
	samples = calloc(SAMPLES_MAX, sizeof(*samples));
	if (!samples)
		die("calloc");
	memset(samples, 1, SAMPLES_MAX * sizeof(*samples)); /* no page faults later */
	pid = fork_pair(to, from);
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[0]);
		close(from[1]);
		execvp(argv[server], argv + server);
		die(argv[server]);
	}
	ask(to[1], from[0], "initialize",
	    "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}");
	write_all(to[1], begun, sizeof(begun) - 1);
	wait_go(pid);
	window(to[1], from[0], 4 * ns, &n); /* until the compiler of the server has settled */
	for (long i = number(argv[3]); i > 0; i--) {
		p50 = window(to[1], from[0], ns, &n);
		printf("cell echo %.3f %zu\n", p50, n);
	}
	close(to[1]);
	waitpid(pid, NULL, 0);
	return 0;
}
