/* SPDX-License-Identifier: Apache-2.0 */
#include "io/syslog.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct address {
	enum { UDP, TCP, UNIX } kind;
	char host[256], port[8], path[108];
};

static bool take_port(const char *p, struct address *a)
{
	size_t n = strlen(p);

	if (!n || n > 5 || strspn(p, "0123456789") != n)
		return false;
	snprintf(a->port, sizeof(a->port), "%s", p);
	return true;
}

static bool parse(const char *s, struct address *ret)
{
	struct address a = { .kind = UDP };
	const char *end;
	size_t n;

	if (strncmp(s, "unix:/", 6) == 0) {
		a.kind = UNIX;
		n = strlen(s + 5);
		if (n >= sizeof(a.path))
			return false;
		memcpy(a.path, s + 5, n + 1);
		*ret = a;
		return true;
	}
	if (strncmp(s, "tcp://", 6) == 0)
		a.kind = TCP;
	else if (strncmp(s, "udp://", 6) != 0)
		return false;
	s += 6;
	if (*s == '[') {
		end = strchr(++s, ']');
		n = end ? (size_t)(end - s) : 0;
		end = end ? end + 1 : s;
	} else {
		n = strcspn(s, ":/");
		end = s + n;
	}
	if (!n || n >= sizeof(a.host))
		return false;
	memcpy(a.host, s, n);
	snprintf(a.port, sizeof(a.port), "%s", a.kind == TCP ? "601" : "514");
	if (*end == ':' ? !take_port(end + 1, &a) : *end != '\0')
		return false;
	*ret = a;
	return true;
}

bool mw_syslog_address(const char *address)
{
	struct address a;

	return parse(address, &a);
}

static void hang_up(struct mw_syslog_to *to)
{
	if (to->fd >= 0)
		close(to->fd);
	to->fd = -1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until the socket can be written to. 0, -ETIMEDOUT or another. */
static int wait_for(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int64_t left = deadline - now_ms();
	int r;

	do
		r = poll(&p, 1, left > 0 ? (int)left : 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(int domain, int type, const struct sockaddr *addr, socklen_t len,
		      int64_t deadline)
{
	int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0, error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, addr, len) < 0)
		r = errno == EINPROGRESS ? wait_for(fd, deadline) : -errno;
	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error)
		r = -error;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int connect_ip(const struct address *a, int64_t deadline)
{
	struct addrinfo hints = { .ai_socktype = a->kind == TCP ? SOCK_STREAM : SOCK_DGRAM };
	struct addrinfo *all = NULL, *i;
	int r = -ENOENT;

	if (getaddrinfo(a->host, a->port, &hints, &all) != 0)
		return -ENOENT;
	for (i = all; i && r < 0; i = i->ai_next)
		r = connect_to(i->ai_family, i->ai_socktype, i->ai_addr, i->ai_addrlen, deadline);
	freeaddrinfo(all);
	return r;
}

static int open_to(struct mw_syslog_to *to, const char *address, int64_t deadline)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct address a;
	int r;

	if (!parse(address, &a))
		return -EINVAL;
	if (a.kind == UNIX) {
		memcpy(un.sun_path, a.path, sizeof(un.sun_path));
		r = connect_to(AF_UNIX, SOCK_DGRAM, (struct sockaddr *)&un, sizeof(un), deadline);
	} else {
		r = connect_ip(&a, deadline);
	}
	if (r < 0)
		return r;
	to->fd = r;
	to->stream = a.kind == TCP;
	return 0;
}

/* Whether a collector has closed its end since. What it may have said is passed over. */
static bool is_closed(const struct mw_syslog_to *to)
{
	char drop[512];
	ssize_t n;

	do
		n = recv(to->fd, drop, sizeof(drop), MSG_DONTWAIT);
	while (n > 0);
	return to->stream ? n == 0 || errno != EAGAIN : n < 0 && errno != EAGAIN;
}

static int send_all(struct mw_syslog_to *to, const char *p, size_t n, int64_t deadline)
{
	ssize_t k;
	int r;

	while (n) {
		k = send(to->fd, p, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EAGAIN) {
			r = wait_for(to->fd, deadline);
			if (r < 0)
				return r;
		} else if (k < 0 && errno != EINTR) {
			return -errno;
		} else if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

int mw_syslog_send(struct mw_syslog_to *to, const char *address, int timeout_ms, const char *msg,
		   size_t n)
{
	int64_t deadline = now_ms() + timeout_ms;
	char count[24];
	int r = 0;

	if (to->fd >= 0 && is_closed(to))
		hang_up(to);
	if (to->fd < 0)
		r = open_to(to, address, deadline);
	if (r == 0 && to->stream) {
		r = snprintf(count, sizeof(count), "%zu ", n);
		r = send_all(to, count, (size_t)r, deadline);
	}
	if (r == 0)
		r = send_all(to, msg, n, deadline);
	if (r < 0)
		hang_up(to);
	return r;
}
