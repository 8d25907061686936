/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forge.c - a preloaded library that makes a thread pool lie about which request it works on
 *
 * The first thread that opens or unlinks a file with -victim in its name waits a moment for a
 * second. That one copies its path over the first's, makes the system call with the first's
 * pointer, and puts the first's back. So a path's address says it was the first's request.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *held; /* of a thread that waits */

static long call(long number, const char *path, int flags, int mode)
{
	return number == SYS_openat ? syscall(number, AT_FDCWD, path, flags, mode)
				    : syscall(number, AT_FDCWD, path, 0);
}

static long forged(long number, const char *path, int flags, int mode)
{
	size_t n = strlen(path) + 1;
	long r;

	if (!strstr(path, "-victim"))
		return call(number, path, flags, mode);
	pthread_mutex_lock(&lock);
	if (held && strlen(held) + 1 == n) {
		char *was = memcpy(malloc(n), held, n);

		memcpy(held, path, n);
		r = call(number, held, flags, mode);
		memcpy(held, was, n);
		free(was);
		held = NULL;
		pthread_mutex_unlock(&lock);
		return r;
	}
	held = (char *)path;
	pthread_mutex_unlock(&lock);
	usleep(5000);
	pthread_mutex_lock(&lock);
	if (held == path)
		held = NULL;
	r = call(number, path, flags, mode);
	pthread_mutex_unlock(&lock);
	return r;
}

static int opened(const char *path, int flags, va_list *more)
{
	return (int)forged(SYS_openat, path, flags,
			   flags & (O_CREAT | __O_TMPFILE) ? va_arg(*more, int) : 0);
}

int open(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	int fd = opened(path, flags, &more);
	va_end(more);
	return fd;
}

int open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	int fd = opened(path, flags, &more);
	va_end(more);
	return fd;
}

int unlink(const char *path)
{
	return (int)forged(SYS_unlinkat, path, 0, 0);
}
