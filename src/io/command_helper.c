/* SPDX-License-Identifier: Apache-2.0 */
#include "io/command_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "io/helper.h"
#include "io/sandbox.h"

#define MIB (1ull << 20)
/* For what a command left behind to be gone. */
#define REAP_MS 1000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The message as a file: a command that does not read it holds nobody up. */
static int file_of(const char *body, size_t n)
{
	int fd = memfd_create("alert", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, body, n, NULL);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static bool limit(int what, rlim_t most)
{
	struct rlimit l = { most, most };

	return setrlimit(what, &l) == 0;
}

static void run_child(char *const args[], int in, int fail, unsigned int timeout_ms, pid_t helper)
{
	char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			      "LANG=C.UTF-8", "HOME=/", NULL };
	int error;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != helper)
		_exit(127);
	/* stdout and stderr are /dev/null already */
	if (setsid() < 0 || dup2(in, 0) < 0 || dup2(fail, MW_HELPER_FD) < 0 ||
	    fcntl(MW_HELPER_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    syscall(SYS_close_range, MW_HELPER_FD + 1, ~0u, 0) < 0 || chdir("/") < 0)
		goto failed;
	umask(077);
	if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_CPU, timeout_ms / 1000 + 1) ||
	    !limit(RLIMIT_DATA, 1024 * MIB) || !limit(RLIMIT_FSIZE, 64 * MIB) ||
	    !limit(RLIMIT_NOFILE, 256) || !limit(RLIMIT_NPROC, 512) || !limit(RLIMIT_MEMLOCK, 0))
		goto failed;
	execve(args[0], args, env);
failed:
	error = -errno;
	if (write(MW_HELPER_FD, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* Until the process ends, the time is over, or the daemon is gone: then we go too. */
static bool wait_for(int pidfd, int64_t deadline)
{
	struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = MW_HELPER_FD } };
	int64_t left;
	int r;

	for (;;) {
		left = deadline - now_ms();
		r = poll(p, 2, left > 0 ? (int)left : 0);
		if (r < 0 && errno == EINTR)
			continue;
		return r > 0 && (p[0].revents & POLLIN);
	}
}

/* What has left the command's session and lost its parents is ours: we are its subreaper. */
static void kill_children(void)
{
	char text[4096], *at, *end;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long pid;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	for (at = text; (pid = strtol(at, &end, 10)) > 0 && *end == ' '; at = end)
		kill((pid_t)pid, SIGKILL);
}

static void reap_rest(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int64_t deadline = now_ms() + REAP_MS;
	pid_t r;

	for (;;) {
		kill_children();
		do
			r = waitpid(-1, NULL, WNOHANG);
		while (r > 0);
		if (r < 0 || now_ms() > deadline)
			return;
		nanosleep(&ms, NULL);
	}
}

static int finish(pid_t pid, int fail, int64_t deadline, struct mw_command_answer *ret)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), error = 0, status = 0;
	bool ended = pidfd >= 0 && wait_for(pidfd, deadline);

	if (pidfd < 0)
		error = -errno;
	else
		close(pidfd);
	/* its number is its own until it is reaped */
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	reap_rest();
	if (error == 0 && read(fail, &error, sizeof(error)) == sizeof(error))
		return error;
	if (error < 0)
		return error;
	if (!ended)
		return -ETIMEDOUT;
	ret->status = status;
	return 0;
}

static int run(char *const args[], const char *body, size_t n, unsigned int timeout_ms,
	       struct mw_command_answer *ret)
{
	int64_t deadline = now_ms() + timeout_ms;
	pid_t pid, self = getpid();
	int in, fail[2], r;

	in = file_of(body, n);
	if (in < 0)
		return in;
	if (pipe2(fail, O_CLOEXEC | O_NONBLOCK) < 0) {
		r = -errno;
		close(in);
		return r;
	}
	pid = fork();
	if (pid == 0)
		run_child(args, in, fail[1], timeout_ms, self);
	r = pid < 0 ? -errno : 0;
	close(in);
	close(fail[1]);
	if (r == 0)
		r = finish(pid, fail[0], deadline, ret);
	close(fail[0]);
	return r;
}

/* The arguments where they lie. False: they are not what the header says. */
static bool take_args(struct mw_command_hello *h, char *args[MW_COMMAND_ARGS_MAX + 1])
{
	char *p = h->args, *end;
	uint32_t i;

	if (!h->n_args || h->n_args > MW_COMMAND_ARGS_MAX)
		return false;
	for (i = 0; i < h->n_args; i++) {
		end = memchr(p, '\0', (size_t)(h->args + sizeof(h->args) - p));
		if (!end)
			return false;
		args[i] = p;
		p = end + 1;
	}
	args[i] = NULL;
	return args[0][0] == '/';
}

int mw_command_helper(void)
{
	static char body[MW_COMMAND_BODY_MAX + 1];
	static struct mw_command_hello h;
	char *args[MW_COMMAND_ARGS_MAX + 1];
	ssize_t n;

	(void)prctl(PR_SET_NAME, "mcpwatch-cmd");
	if (recv(MW_HELPER_FD, &h, sizeof(h), MSG_TRUNC) != sizeof(h) || !take_args(&h, args) ||
	    !h.uid || mw_sandbox_drop(h.uid, h.gid) < 0)
		return 1;
	if (fcntl(MW_HELPER_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return 1;
	while ((n = recv(MW_HELPER_FD, body, sizeof(body), 0)) > 0) {
		struct mw_command_answer answer = { 0 };

		if (n > MW_COMMAND_BODY_MAX)
			return 1;
		answer.error = run(args, body, (size_t)n, h.timeout_ms, &answer);
		if (send(MW_HELPER_FD, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			return 1;
	}
	return n < 0;
}
