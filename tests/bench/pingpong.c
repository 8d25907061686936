/* SPDX-License-Identifier: Apache-2.0 */
/* pingpong.c CPU MS WINDOWS: ns a round trip of 256 B each way, JSON-RPC calls with ids of their
 * own */
#include <sys/wait.h>

#include "bench.h"

#define LEN    256
#define ID_AT  7 /* {"id":"00000000", */
#define ID_LEN 8
#define BATCH  64

static void fill(char *msg, const char *rest)
{
	int n = snprintf(msg, LEN, "{\"id\":\"00000000\",\"jsonrpc\":\"2.0\",%s", rest);

	memset(msg + n, ' ', (size_t)(LEN - n));
	msg[LEN - 1] = '\n';
}

static void serve(int in, int out)
{
	char req[LEN], answer[LEN];

	fill(answer, "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"pong\"}]}}");
	while (read_all(in, req, LEN)) {
		memcpy(answer + ID_AT, req + ID_AT, ID_LEN);
		write_all(out, answer, LEN);
	}
	_exit(0);
}

static void next_id(char *p)
{
	for (int i = ID_LEN - 1; i >= 0 && ++p[i] > '9'; i--)
		p[i] = '0';
}

static double window(int to, int from, char *req, uint64_t ns, uint64_t *ret_n)
{
	uint64_t n = 0, t0 = now_ns(), t;
	char answer[LEN];

	do {
		for (int i = 0; i < BATCH; i++) {
			next_id(req + ID_AT);
			write_all(to, req, LEN);
			if (!read_all(from, answer, LEN))
				die("pair");
		}
		n += BATCH;
		t = now_ns() - t0;
	} while (t < ns);
	*ret_n = n;
	return (double)t / (double)n;
}

int main(int argc, char **argv)
{
	int to[2], from[2];
	char req[LEN];
	uint64_t ns, n;
	double mean;
	pid_t pid;

	if (argc != 4)
		return 2;
	pin(number(argv[1]));
	ns = (uint64_t)number(argv[2]) * NS_PER_MS;
	pid = fork_pair(to, from);
	if (pid == 0)
		serve(to[0], from[1]);
	fill(req, "\"method\":\"tools/call\",\"params\":{\"name\":\"ping\",\"arguments\":{}}}");
	wait_go(pid);
	window(to[1], from[0], req, ns / 2, &n);
	for (long i = number(argv[3]); i > 0; i--) {
		mean = window(to[1], from[0], req, ns, &n);
		printf("cell pingpong %.3f %llu\n", mean, (unsigned long long)n);
	}
	close(to[1]);
	waitpid(pid, NULL, 0);
	return 0;
}
