/* SPDX-License-Identifier: Apache-2.0 */
#include "io/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void mw_helper_init(struct mw_helper *h)
{
	pthread_mutex_init(&h->lock, NULL);
	h->pid = 0;
	h->fd = -1;
}

void mw_helper_done(struct mw_helper *h)
{
	mw_helper_end(h);
	pthread_mutex_destroy(&h->lock);
}

void mw_helper_end(struct mw_helper *h)
{
	pid_t pid;

	/* not reaped while the lock holds the pid: another thread may still kill it */
	pthread_mutex_lock(&h->lock);
	pid = h->pid;
	h->pid = 0;
	pthread_mutex_unlock(&h->lock);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void mw_helper_kill(struct mw_helper *h)
{
	pthread_mutex_lock(&h->lock);
	if (h->pid > 0)
		kill(h->pid, SIGKILL);
	pthread_mutex_unlock(&h->lock);
}

static int spawn(const char *verb, int fd, pid_t *ret)
{
	char *const argv[] = { "mcpwatch", (char *)verb, NULL }, *const envp[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int i, r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	r = posix_spawn_file_actions_adddup2(&files, fd, MW_HELPER_FD);
	for (i = 0; i < 3 && !r; i++)
		r = posix_spawn_file_actions_addopen(&files, i, "/dev/null", O_RDWR, 0);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&files, MW_HELPER_FD + 1);
	if (!r)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (!r)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawn(ret, "/proc/self/exe", &files, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int mw_helper_start(struct mw_helper *h, const char *verb, const void *hello, size_t n)
{
	int fds[2], r;
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = spawn(verb, fds[1], &pid);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	h->fd = fds[0];
	pthread_mutex_lock(&h->lock);
	h->pid = pid;
	pthread_mutex_unlock(&h->lock);
	if (send(h->fd, hello, n, MSG_NOSIGNAL) != (ssize_t)n) {
		r = -errno;
		mw_helper_end(h);
	}
	return r;
}

int mw_helper_ask(struct mw_helper *h, const void *body, size_t n, void *answer, size_t n_answer,
		  unsigned int timeout_ms)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	ssize_t k;
	int r = 0;

	if (send(h->fd, body, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		r = -EPIPE;
	while (r == 0) {
		r = poll(&p, 1, (int)timeout_ms);
		if (r > 0)
			break;
		r = r == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
	}
	k = r > 0 ? recv(h->fd, answer, n_answer, MSG_TRUNC | MSG_DONTWAIT) : 0;
	if (r > 0)
		r = k == (ssize_t)n_answer ? 0 : -EPIPE;
	if (r < 0)
		mw_helper_end(h);
	return r;
}
