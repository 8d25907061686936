/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.c - what a client's own calls of libc moved over pipes and sockets, for LD_PRELOAD
 *
 * The truth of the matrix: taken inside the client, above the kernel, so that neither the topology nor
 * the SDK's code changes. The tapped process writes $MCPWATCH_TAP.<pid>, a row of
 *	u64 inode  u32 dir (0 written, 1 read)  u32 len  bytes
 * in the order of the calls' returns. Pipes and sockets only; children are not tapped.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct head {
	uint64_t ino;
	uint32_t dir, len;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char prefix[PATH_MAX];
static int out = -1;
static pid_t owner;

__attribute__((constructor)) static void begin(void)
{
	const char *p = getenv("MCPWATCH_TAP");
	char name[PATH_MAX + 32];

	unsetenv("LD_PRELOAD");
	unsetenv("MCPWATCH_TAP");
	if (!p || strlen(p) >= sizeof(prefix))
		return;
	strcpy(prefix, p);
	owner = getpid();
	snprintf(name, sizeof(name), "%s.%d", prefix, (int)owner);
	out = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *p, size_t n)
{
	while (n > 0) {
		long r = syscall(SYS_write, out, p, n);
		if (r <= 0)
			abort(); /* a truth with holes is none */
		p = (const char *)p + r;
		n -= (size_t)r;
	}
}

static void keep(int fd, uint32_t dir, const struct iovec *iov, size_t n_iov, ssize_t n)
{
	struct stat st;

	if (n <= 0 || out < 0 || getpid() != owner || fstat(fd, &st) < 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	struct head h = { st.st_ino, dir, (uint32_t)n };
	pthread_mutex_lock(&lock);
	put(&h, sizeof(h));
	for (size_t i = 0; i < n_iov && n > 0; i++) {
		size_t len = iov[i].iov_len < (size_t)n ? iov[i].iov_len : (size_t)n;
		put(iov[i].iov_base, len);
		n -= (ssize_t)len;
	}
	pthread_mutex_unlock(&lock);
}

static void keep1(int fd, uint32_t dir, const void *p, ssize_t n)
{
	struct iovec iov = { (void *)p, n > 0 ? (size_t)n : 0 };
	keep(fd, dir, &iov, 1, n);
}

#define REAL(ret, name, ...)                                  \
	static ret (*real)(__VA_ARGS__);                      \
	if (!real)                                            \
		real = (ret(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t read(int fd, void *p, size_t n)
{
	REAL(ssize_t, "read", int, void *, size_t);
	ssize_t r = real(fd, p, n);
	keep1(fd, 1, p, r);
	return r;
}

ssize_t __read_chk(int fd, void *p, size_t n, size_t max);
ssize_t __read_chk(int fd, void *p, size_t n, size_t max)
{
	if (n > max)
		abort();
	return read(fd, p, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	ssize_t r = real(fd, p, n);
	keep1(fd, 0, p, r);
	return r;
}

ssize_t readv(int fd, const struct iovec *iov, int n)
{
	REAL(ssize_t, "readv", int, const struct iovec *, int);
	ssize_t r = real(fd, iov, n);
	keep(fd, 1, iov, (size_t)n, r);
	return r;
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	REAL(ssize_t, "writev", int, const struct iovec *, int);
	ssize_t r = real(fd, iov, n);
	keep(fd, 0, iov, (size_t)n, r);
	return r;
}

ssize_t recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *a, socklen_t *len)
{
	REAL(ssize_t, "recvfrom", int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t r = real(fd, p, n, flags, a, len);
	if (!(flags & MSG_PEEK))
		keep1(fd, 1, p, r);
	return r;
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	return recvfrom(fd, p, n, flags, NULL, NULL);
}

ssize_t __recv_chk(int fd, void *p, size_t n, size_t max, int flags);
ssize_t __recv_chk(int fd, void *p, size_t n, size_t max, int flags)
{
	if (n > max)
		abort();
	return recv(fd, p, n, flags);
}

ssize_t sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t len)
{
	REAL(ssize_t, "sendto", int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	ssize_t r = real(fd, p, n, flags, a, len);
	keep1(fd, 0, p, r);
	return r;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	return sendto(fd, p, n, flags, NULL, 0);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	REAL(ssize_t, "recvmsg", int, struct msghdr *, int);
	ssize_t r = real(fd, m, flags);
	if (!(flags & MSG_PEEK))
		keep(fd, 1, m->msg_iov, m->msg_iovlen, r);
	return r;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
	ssize_t r = real(fd, m, flags);
	keep(fd, 0, m->msg_iov, m->msg_iovlen, r);
	return r;
}
