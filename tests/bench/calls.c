/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c CPU MS: ns a system call, each of them for MS milliseconds */
#include <fcntl.h>
#include <sys/syscall.h>

#include "bench.h"

#define BATCH	 256
#define REST_MS	 100 /* between two cells: the observer's backlog is not to run into the next */
#define PIPE_LEN 300

static int zero, null, ends[2];
static char text[PIPE_LEN], binary[PIPE_LEN], mcp[PIPE_LEN];

static void one_getppid(void)
{
	syscall(SYS_getppid);
}

static void one_read(void)
{
	char c;

	if (read(zero, &c, 1) != 1)
		die("read");
}

static void one_write(void)
{
	if (write(null, "x", 1) != 1)
		die("write");
}

static void through_pipe(const char *p)
{
	char buf[PIPE_LEN];

	if (write(ends[1], p, PIPE_LEN) != PIPE_LEN || read(ends[0], buf, PIPE_LEN) != PIPE_LEN)
		die("pipe");
}

static void one_pipe_text(void)
{
	through_pipe(text);
}

static void one_pipe_binary(void)
{
	through_pipe(binary);
}

static void one_pipe_mcp(void)
{
	through_pipe(mcp);
}

static void one_open(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/etc/passwd");
	close(fd);
}

static const struct {
	const char *name;
	void (*one)(void);
} cells[] = {
	{ "getppid", one_getppid },
	{ "read-1", one_read },
	{ "write-1", one_write },
	{ "pipe-300-text", one_pipe_text },
	{ "pipe-300-binary", one_pipe_binary },
	{ "pipe-300-mcp", one_pipe_mcp },
	{ "open-close", one_open },
};

static double run(void (*one)(void), uint64_t ns, uint64_t *ret_n)
{
	uint64_t n = 0, t0, t;

	for (int i = 0; i < BATCH; i++)
		one();
	t0 = now_ns();
	do {
		for (int i = 0; i < BATCH; i++)
			one();
		n += BATCH;
		t = now_ns() - t0;
	} while (t < ns);
	*ret_n = n;
	return (double)t / (double)n;
}

int main(int argc, char **argv)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
				   "\"params\":{\"level\":\"info\",\"data\":\"";
	static const char tail[] = "\"}}\n";

	uint64_t n;
	double ns;

	if (argc != 3)
		return 2;
	pin(number(argv[1]));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	memset(binary, 1, sizeof(binary));
	memset(mcp, 'x', sizeof(mcp));
	memcpy(mcp, head, sizeof(head) - 1);
	memcpy(mcp + sizeof(mcp) - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (zero < 0 || null < 0)
		die("/dev");
	wait_go(0);
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		/* each pipe new: once a channel is judged, it is judged for good */
		if (pipe(ends) < 0)
			die("pipe");
		ns = run(cells[i].one, (uint64_t)number(argv[2]) * NS_PER_MS, &n);
		printf("cell %s %.3f %llu\n", cells[i].name, ns, (unsigned long long)n);
		fflush(stdout);
		close(ends[0]);
		close(ends[1]);
		pause_ms(REST_MS);
	}
	return 0;
}
