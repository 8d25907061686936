/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/sink_screen.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

int mw_pager_option(struct mw_pager *o, const char *verb, int option, const char *value)
{
	if (option == MW_PAGER_NO_PAGER)
		o->no_pager = true;
	else if (strcmp(value, "auto") == 0)
		o->when = MW_COLOUR_AUTO;
	else if (strcmp(value, "always") == 0)
		o->when = MW_COLOUR_ALWAYS;
	else if (strcmp(value, "never") == 0)
		o->when = MW_COLOUR_NEVER;
	else
		return mw_cli_usage(verb, "--color: '%s' is not auto, always or never", value);
	return 0;
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[4096];

	for (path = path ? path : "/usr/bin:/bin"; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *pager_command(void)
{
	const char *cmd = getenv("MCPWATCH_PAGER");

	if (!cmd)
		cmd = getenv("PAGER");
	if (!cmd)
		cmd = in_path("less") ? "less" : "";
	return *cmd && strcmp(cmd, "cat") != 0 ? cmd : NULL;
}

static void start_pager(struct mw_pager *o, const char *cmd)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	bool with_err = isatty(STDERR_FILENO);
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return; /* it is printed without one */
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	if (pid == 0) {
		setenv("LESS", "FRX", 0);
		setenv("LV", "-c", 0);
		dup2(fds[0], STDIN_FILENO);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	/* ^C is the pager's, but what is still being read for it ends */
	sigaction(SIGINT, &sa, NULL);
	close(fds[0]);
	o->saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	o->saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fds[1], STDOUT_FILENO);
	if (with_err)
		dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	o->pager = pid;
}

void mw_pager_open(struct mw_pager *o, bool paged)
{
	const bool terminal = isatty(STDOUT_FILENO);
	const char *cmd = pager_command();

	/* a reader that goes is seen when writing */
	signal(SIGPIPE, SIG_IGN);
	o->width = mw_screen_width(stdout);
	o->colour =
	    o->when == MW_COLOUR_ALWAYS || (o->when == MW_COLOUR_AUTO && mw_screen_colour(stdout));
	if (paged && terminal && !o->no_pager && cmd)
		start_pager(o, cmd);
}

bool mw_pager_gone(struct mw_pager *o)
{
	if (ferror(stdout) && !o->err)
		o->err = errno ? errno : EIO;
	return o->err || (o->pager && interrupted);
}

/* Whether what did not get out had a reader no more. */
static bool reader_went(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP);
}

void mw_pager_wait(struct mw_pager *o, int ms)
{
	/* errors and hang-ups are told unasked */
	struct pollfd p = { .fd = STDOUT_FILENO };
	const int n = poll(&p, 1, ms);

	if (n > 0 && p.revents & (POLLERR | POLLHUP) && !o->err)
		o->err = EPIPE;
	else if (n > 0)
		poll(NULL, 0, ms);
}

static void restore(int *saved, int fd)
{
	if (*saved < 0)
		return;
	dup2(*saved, fd);
	close(*saved);
	*saved = -1;
}

int mw_pager_done(struct mw_pager *o)
{
	int status = MW_EXIT_OK, wait_status = 0;

	errno = 0;
	if (fflush(stdout) != 0 && !o->err)
		o->err = errno;
	if (mw_pager_gone(o) && o->err && !o->pager && !reader_went())
		status = mw_cli_fail("cannot write the output: %s", strerror(o->err));
	if (!o->pager)
		return status;
	fflush(stderr);
	/* the pager sees the end once nobody holds its pipe */
	restore(&o->saved_out, STDOUT_FILENO);
	restore(&o->saved_err, STDERR_FILENO);
	while (waitpid(o->pager, &wait_status, 0) < 0 && errno == EINTR)
		;
	o->pager = 0;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
		status = mw_cli_fail("the pager '%s' could not be started; see --no-pager",
				     pager_command());
	return status;
}
