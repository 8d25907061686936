/* SPDX-License-Identifier: Apache-2.0 */
#include "io/control_ask.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"

#define CONNECT_MS 2000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A daemon whose queue of clients is full says EAGAIN until it has taken one. */
static int connect_in_time(int fd, const struct sockaddr_un *addr)
{
	const int64_t until = now_ms() + CONNECT_MS;

	for (;;) {
		if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (now_ms() > until)
			return -ETIMEDOUT;
		poll(NULL, 0, 10);
	}
}

static int refuse(int r, const char *path, char *err, size_t err_len)
{
	if (r == -ENOENT || r == -ECONNREFUSED)
		snprintf(err, err_len,
			 "mcpwatch is not running: nothing answers at %s: start it with 'systemctl "
			 "start mcpwatch' or 'mcpwatch run', or name its socket with --control",
			 path);
	else if (r == -EACCES || r == -EPERM)
		snprintf(err, err_len, "%s: only root may ask the daemon: run this with sudo",
			 path);
	else if (r == -ETIMEDOUT)
		snprintf(err, err_len,
			 "%s: the daemon does not answer: see 'systemctl status mcpwatch'", path);
	else
		snprintf(err, err_len, "cannot ask the daemon at %s: %s", path, strerror(-r));
	return r;
}

int mw_control_ask(const char *path, const char *request, char *err, size_t err_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_(mw_close) int fd = -1;
	char line[64];
	int r, n;

	if (strlen(path) >= sizeof(addr.sun_path))
		return refuse(-ENAMETOOLONG, path, err, err_len);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(-errno, path, err, err_len);
	r = connect_in_time(fd, &addr);
	n = snprintf(line, sizeof(line), "%s\n", request);
	/* a fresh socket has room for a line */
	if (r == 0 && send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		r = -errno;
	/* one it had no place for was told so and closed: its answer says it */
	if (r < 0 && r != -EPIPE)
		return refuse(r, path, err, err_len);
	r = fd;
	fd = -1;
	return r;
}

static int read_all(int fd, int timeout_ms, struct mw_buf *out)
{
	const int64_t until = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	ssize_t n;
	int r;

	for (;;) {
		left = until - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		r = mw_buf_reserve(out, 65536);
		if (r < 0)
			return r == -E2BIG ? -EFBIG : r;
		n = recv(fd, out->p + out->len, out->cap - out->len, 0);
		/* reset: it closed with something of ours unread, behind what it had to say */
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n > 0)
			out->len += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

int mw_control_answer(int fd, int timeout_ms, struct mw_buf *out, char *err, size_t err_len)
{
	static const char error[] = "error: ";
	const size_t k = sizeof(error) - 1;
	int r = read_all(fd, timeout_ms, out);

	if (r == 0 && out->len == 0)
		r = -ENODATA;
	if (r == 0 && out->len > k && memcmp(out->p, error, k) == 0) {
		snprintf(err, err_len, "the daemon says: %.*s",
			 (int)(out->len - k - (out->p[out->len - 1] == '\n')), out->p + k);
		return -EREMOTEIO;
	}
	if (r == -ETIMEDOUT)
		snprintf(err, err_len,
			 "the daemon does not answer: see 'systemctl status mcpwatch'");
	else if (r < 0)
		snprintf(err, err_len, "the daemon's answer: %s",
			 r == -ENODATA ? "it closed the connection" : strerror(-r));
	return r;
}
