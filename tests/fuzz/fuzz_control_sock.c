/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket and those who come to it. Input: pairs of bytes, the first what happens and to
 *which of the clients, the second how much:
 *
 *	0 one comes	1 it sends the next bytes of a request	2 and those of no request
 *	3 it asks no more	4 it goes	5 the loop goes on	6 a record is written	7 it
 *reads
 *
 * Whatever they do, there are never more of them than there may be, who goes is forgotten, and each
 *line of an answer is whole.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"

#include "base/json.h"
#include "io/control_sock.h"

#define CLIENTS 12
#define GOT_MAX (4u << 20)

static char dir[] = "/dev/shm/mw-fuzz-control-XXXXXX";
static struct sockaddr_un addr = { .sun_family = AF_UNIX };

struct peer {
	int fd; /* -1: none */
	size_t sent;
	char *got;
	size_t n;
};
static struct peer peers[CLIENTS];
static const struct mw_tally tally;

static void health(void *ctx, struct mw_health *ret)
{
	*ret = (struct mw_health){ .host = "h", .version = "v", .log_dir = "/l", .tally = ctx };
}

static void remove_dir(void)
{
	unlink(addr.sun_path);
	rmdir(dir);
}

static void come(struct peer *p)
{
	if (p->fd >= 0)
		return;
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(p->fd >= 0);
	if (connect(p->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		/* its queue of those who wait is full */
		FUZZ_CHECK(errno == EAGAIN);
		close(p->fd);
		p->fd = -1;
		return;
	}
	p->sent = p->n = 0;
}

static void take(struct peer *p)
{
	ssize_t k;

	while (p->fd >= 0 && p->n < GOT_MAX &&
	       (k = recv(p->fd, p->got + p->n, GOT_MAX - p->n, MSG_DONTWAIT)) > 0)
		p->n += (size_t)k;
}

static void say(struct peer *p, unsigned int which, size_t n)
{
	static const char *const requests[] = { "status\n", "metrics\n", "watch\n" };
	const char *line = requests[which % 3];
	const size_t len = strlen(line);

	if (p->fd < 0)
		return;
	n = n % 9 + 1;
	if (p->sent + n > len)
		n = p->sent < len ? len - p->sent : 1;
	(void)!send(p->fd, line + (p->sent < len ? p->sent : 0), n, MSG_DONTWAIT | MSG_NOSIGNAL);
	p->sent += n;
}

/* What it was given: lines, all but the last whole. */
static void check(const struct peer *p)
{
	const char *at = p->got, *end = at + p->n, *nl;

	for (; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		if (*at == '{')
			FUZZ_CHECK(mw_json_check(mw_slice(at, (size_t)(nl - at)), MW_JSON_DEPTH_MAX,
						 NULL, NULL) == 0);
		else
			FUZZ_CHECK(memcmp(at, "error: ", 7) == 0 || *at == '#' ||
				   memcmp(at, "mcpwatch_", 9) == 0);
	}
}

static void leave(struct peer *p)
{
	if (p->fd < 0)
		return;
	take(p);
	check(p);
	close(p->fd);
	p->fd = -1;
}

static void begin(void)
{
	FUZZ_CHECK(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	atexit(remove_dir);
	for (struct peer *p = peers; p < peers + CLIENTS; p++) {
		p->fd = -1;
		p->got = malloc(GOT_MAX);
	}
}

static void act(struct mw_control_sock *c, uint8_t what, uint8_t much, uint64_t *now)
{
	static const char record[] = "{\"v\":1,\"seq\":1,\"type\":\"notice\",\"params\":\"%0*d\"}";
	struct peer *p = &peers[(what >> 3) % CLIENTS];
	static char line[40000];

	switch (what & 7) {
	case 0:
		come(p);
		break;
	case 1:
		say(p, much >> 4, much & 15);
		break;
	case 2:
		if (p->fd >= 0)
			(void)!send(p->fd, record, much % sizeof(record),
				    MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 3:
		if (p->fd >= 0)
			shutdown(p->fd, SHUT_WR);
		break;
	case 4:
		leave(p);
		break;
	case 5:
		*now += (uint64_t)much * much * 1000000;
		mw_control_sock_poll(c, *now);
		break;
	case 6:
		snprintf(line, sizeof(line),
			 "{\"v\":1,\"seq\":1,\"type\":\"notice\",\"params\":\"%0*d\"}",
			 much * 128 + 1, 0);
		for (unsigned int i = 0; i < much; i++)
			mw_control_sock_record(c, line, strlen(line));
		break;
	default:
		take(p);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct mw_control_ops ops = { .health = health, .ctx = (void *)(uintptr_t)&tally };
	struct mw_health_control stats;
	struct mw_control_sock *c;
	uint64_t now = 1000000000;
	static bool begun;
	char err[512];
	struct stat st;
	size_t i;

	if (!begun)
		begin();
	begun = true;
	FUZZ_CHECK(mw_control_sock_new(addr.sun_path, &ops, err, sizeof(err), &c) == 0);
	for (i = 0; i + 1 < n && i < 512; i += 2) {
		act(c, data[i], data[i + 1], &now);
		mw_control_sock_stats(c, &stats);
		FUZZ_CHECK(stats.clients <= MW_CONTROL_CLIENTS_MAX);
	}
	for (i = 0; i < CLIENTS; i++)
		leave(&peers[i]);
	/* who has gone is noticed: at most four come in a poll */
	for (i = 0; i < CLIENTS; i++)
		mw_control_sock_poll(c, ++now);
	mw_control_sock_stats(c, &stats);
	FUZZ_CHECK(stats.clients == 0);
	mw_control_sock_free(c);
	FUZZ_CHECK(stat(addr.sun_path, &st) < 0 && errno == ENOENT);
	return 0;
}
