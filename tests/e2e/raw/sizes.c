/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sizes.c - messages of every size around every boundary, by every call that moves bytes
 *
 * sizes pipe|unix|tcp4|tcp6 OUT. Client and server of one conversation over the carrier. Each message is
 * written by one call of the kind that is due (write, writev, send, sendto, sendmsg, sendmmsg; 1, 7, 8 or
 * 1024 iovecs, empty ones among them), and read by calls of each kind in turn, with buffers of sizes
 * around the boundaries. OUT.c2s and OUT.s2c: what the client wrote and read.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE_MAX_ (1048576 + 2)
#define HEAD 120 /* room for the members around the filling */
#define N(a) (sizeof(a) / sizeof((a)[0]))

enum how { WRITE, WRITEV, SEND, SENDTO, SENDMSG, SENDMMSG };
static const int edges[] = { 4096, 8192, 32768, 65536, 1048576 };
static const int iovs[] = { 1, 7, 8, 1024 };

static int fd_in, fd_out, out_file = -1, in_file = -1, is_socket;
static char line[SIZE_MAX_ + 1], got[SIZE_MAX_ + 1], part[SIZE_MAX_ + 1];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void keep(int fd, const char *p, size_t n)
{
	if (fd >= 0 && write(fd, p, n) != (ssize_t)n)
		die("keep");
}

/* Cuts n bytes into k pieces, every third one empty where there are enough. */
static void cut(struct iovec *iov, int k, char *p, size_t n)
{
	for (int i = 0; i < k; i++) {
		size_t len = i == k - 1 ? n : i % 3 == 1 ? 0 : n / (size_t)(k - i);
		iov[i] = (struct iovec){ p, len };
		p += len;
		n -= len;
	}
}

/* One call; what it did not take is written by write(2). */
static void put(enum how how, int k, char *p, size_t n)
{
	static struct iovec iov[1024];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)k };
	ssize_t r = 0;

	keep(out_file, p, n);
	cut(iov, k, p, n);
	if (how == WRITE) {
		r = write(fd_out, p, n);
	} else if (how == WRITEV) {
		r = writev(fd_out, iov, k);
	} else if (how == SEND) {
		r = send(fd_out, p, n, 0);
	} else if (how == SENDTO) {
		r = sendto(fd_out, p, n, MSG_NOSIGNAL, NULL, 0);
	} else if (how == SENDMSG) {
		r = sendmsg(fd_out, &m, 0);
	} else {
		/* k messages of one iovec each; a stream socket joins them */
		struct mmsghdr mm[8];
		int done;
		memset(mm, 0, sizeof(mm));
		for (int i = 0; i < k; i++) {
			mm[i].msg_hdr.msg_iov = &iov[i];
			mm[i].msg_hdr.msg_iovlen = 1;
		}
		done = sendmmsg(fd_out, mm, (unsigned int)k, 0);
		if (done < 0)
			die("sendmmsg");
		for (int i = 0; i < done; i++) {
			r += mm[i].msg_len;
			if (mm[i].msg_len < iov[i].iov_len)
				break;
		}
	}
	if (r < 0)
		die("put");
	while ((size_t)r < n) {
		ssize_t w = write(fd_out, p + r, n - (size_t)r);
		if (w < 0)
			die("write");
		r += w;
	}
}

/* Some bytes, by the kind of call and the buffer size that are due. */
static ssize_t get(char *p, size_t room)
{
	static struct iovec iov[1024];
	static unsigned int turn;
	static const int sizes[] = { 1, 4095, 4096, 4097, 8191, 8192, 8193, 32767, 32768, 32769, 65535, 65536, 65537,
				     1048575, 1048576, 1048577 };
	unsigned int due = turn++;
	size_t n = (size_t)sizes[due % N(sizes)];
	int k = iovs[due / N(sizes) % N(iovs)];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)k };
	struct mmsghdr mm[2] = { { .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
				 { .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } } };
	unsigned int way = due % (is_socket ? 6 : 2);
	ssize_t r;

	if (n > room)
		n = room;
	cut(iov, k, p, n);
	if (way == 0)
		return read(fd_in, p, n);
	if (way == 1)
		return readv(fd_in, iov, k);
	if (way == 2)
		return recv(fd_in, p, n, 0);
	if (way == 3)
		return recvfrom(fd_in, p, n, 0, NULL, NULL);
	if (way == 4)
		return recvmsg(fd_in, &m, 0);
	/* the second only where the first was filled, else it would wait */
	iov[0] = (struct iovec){ p, n / 2 };
	iov[1] = (struct iovec){ p + n / 2, n - n / 2 };
	if (n / 2 == 0)
		return recv(fd_in, p, n, 0);
	if (recvmmsg(fd_in, mm, 1, 0, NULL) != 1)
		return -1;
	r = mm[0].msg_len;
	if ((size_t)r == n / 2) {
		int more = recvmmsg(fd_in, mm + 1, 1, MSG_DONTWAIT, NULL);
		r += more == 1 ? mm[1].msg_len : 0;
	}
	return r;
}

/* One line into got; its length with the newline, 0 at the end. */
static size_t get_line(void)
{
	static size_t have;
	char *end;

	for (;;) {
		end = memchr(part, '\n', have);
		if (end) {
			size_t n = (size_t)(end + 1 - part);
			memcpy(got, part, n);
			have -= n;
			memmove(part, part + n, have);
			keep(in_file, got, n);
			return n;
		}
		ssize_t r = get(part + have, sizeof(part) - have);
		if (r < 0)
			die("get");
		if (r == 0)
			return 0;
		have += (size_t)r;
	}
}

/* A line of exactly n bytes with its newline, if n is enough for it. */
static size_t make(const char *head, const char *tail, size_t n)
{
	size_t h = strlen(head), t = strlen(tail);
	size_t fill = n > h + t ? n - h - t : 0;

	memcpy(line, head, h);
	for (size_t i = 0; i < fill; i++)
		line[h + i] = (char)('a' + i % 23);
	memcpy(line + h + fill, tail, t);
	return h + fill + t;
}

static void serve(void)
{
	char head[HEAD];

	while (get_line() > 0) {
		unsigned int id, how, k, n;
		got[100] = 0;
		char *at = strstr(got, "\"id\":");
		if (!at)
			continue;
		id = (unsigned int)atoi(at + 5);
		if (strstr(got, "\"initialize\"")) {
			size_t len = make("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\","
					  "\"capabilities\":{},\"serverInfo\":{\"name\":\"sizes\",\"version\":\"1\"}}}", "\n", 0);
			put(WRITE, 1, line, len);
			continue;
		}
		at = strstr(got, "\"size\":");
		if (!at || sscanf(at, "\"size\":\"%u %u %u\"", &how, &k, &n) != 3)
			exit(3);
		snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[{\"type\":\"text\","
			 "\"text\":\"", id);
		put((enum how)how, (int)k, line, make(head, "\"}]}}\n", n));
	}
}

static void call(enum how how, int k, size_t request, size_t answer)
{
	static unsigned int id = 1;
	char head[HEAD * 2];

	snprintf(head, sizeof(head), "{\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"arguments\":{\"size\":"
		 "\"%u %u %zu\",\"fill\":\"", id, how, (unsigned int)k, answer);
	id++;
	put(how, k, line, make(head, "\"}},\"jsonrpc\":\"2.0\"}\n", request));
	if (get_line() == 0)
		die("the server is gone");
}

static void ask(void)
{
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";

	put(WRITE, 1, line, make("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
				 "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"sizes\",\"version\":\"1\"}}}",
				 "\n", 0));
	get_line();
	for (size_t i = 0; i < sizeof(ready) - 1; i++) { /* byte by byte, with empty writes between */
		char c = ready[i];
		if (!is_socket && write(fd_out, &c, 0) != 0)
			die("an empty write");
		put(WRITE, 1, &c, 1);
	}
	for (int how = WRITE; how <= (is_socket ? SENDMMSG : WRITEV); how++) {
		for (size_t i = 0; i < N(iovs); i++) {
			int k = how == SENDMMSG && iovs[i] > 8 ? 8 : iovs[i];
			if ((how == WRITE || how == SEND || how == SENDTO) && i > 0)
				continue;
			call((enum how)how, k, 0, 0);
			for (size_t e = 0; e < N(edges); e++) {
				if (edges[e] > 65536 && (is_socket ? how != WRITE && !(how == SENDMSG && k == 7) : k == 8))
					continue; /* enough of those: 64 MiB in all */
				for (int d = -1; d <= 1; d++) {
					call((enum how)how, k, (size_t)(edges[e] + d), 0);
					call((enum how)how, k, 0, (size_t)(edges[e] + d));
				}
			}
		}
	}
}

static void tcp(int family, int fds[2])
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { .sa.sa_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(a.in) : sizeof(a.in6);
	int l = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	if (l < 0 || bind(l, &a.sa, len) < 0 || listen(l, 1) < 0 || getsockname(l, &a.sa, &len) < 0)
		die("listen");
	fds[0] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fds[0] < 0 || connect(fds[0], &a.sa, len) < 0)
		die("connect");
	fds[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(l);
}

static void keep_in(const char *out, const char *ext, int *ret)
{
	char name[4096];
	snprintf(name, sizeof(name), "%s.%s", out, ext);
	*ret = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (*ret < 0)
		die(name);
}

int main(int argc, char **argv)
{
	int a[2], b[2], server_in, server_out;
	pid_t pid;

	if (argc != 3)
		return 2;
	is_socket = !!strcmp(argv[1], "pipe");
	if (!strcmp(argv[2], "serve")) {
		fd_in = 0;
		fd_out = 1;
		serve();
		return 0;
	}
	if (!is_socket) {
		if (pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0)
			die("pipe");
		fd_out = a[1], server_in = a[0], fd_in = b[0], server_out = b[1];
	} else {
		if (!strcmp(argv[1], "unix")) {
			if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a) < 0)
				die("socketpair");
		} else {
			tcp(!strcmp(argv[1], "tcp6") ? AF_INET6 : AF_INET, a);
		}
		fd_in = fd_out = a[0];
		server_in = server_out = a[1];
	}
	pid = fork();
	if (pid == 0) {
		dup2(server_in, 0);
		dup2(server_out, 1);
		execl("/proc/self/exe", "sizes", argv[1], "serve", NULL);
		_exit(127);
	}
	close(server_in);
	if (!is_socket)
		close(server_out);
	keep_in(argv[2], "c2s", &out_file);
	keep_in(argv[2], "s2c", &in_file);
	ask();
	if (is_socket)
		shutdown(fd_out, SHUT_WR);
	else
		close(fd_out);
	waitpid(pid, NULL, 0);
	return 0;
}
