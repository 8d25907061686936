/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/observe.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "io/file.h"
#include "io/source_bpf.h"

#define POLL_MS 10

static const int taken[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };

static void taken_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(set, taken[i]);
}

void mw_signals_take(void)
{
	sigset_t set;

	taken_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int mw_signal_next(void)
{
	const struct timespec now = { 0 };
	sigset_t set;
	int sig;

	taken_set(&set);
	sig = sigtimedwait(&set, NULL, &now);
	return sig > 0 ? sig : 0;
}

void mw_observe_hurry(void)
{
	(void)setpriority(PRIO_PROCESS, 0, -10);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * The terminal sends its signals to the command as well, which decides what they mean; a SIGTERM or
 * SIGHUP that is for us alone is passed on. A second one, or one after the command's end, stops the
 * waiting for what it left behind.
 */
static void pass_signal(int sig, pid_t child, bool *stop)
{
	if (!child)
		*stop = true;
	else if (sig == SIGTERM || sig == SIGHUP)
		kill(child, sig);
}

static int watch(struct mw_observe *o, pid_t child, int *ret_status)
{
	uint64_t ended = 0;
	bool stop = false;
	int r, sig;

	while (!stop) {
		r = mw_pump_step(o->pump, POLL_MS);
		if (r < 0 && r != -EINTR)
			return r;
		while ((sig = mw_signal_next()))
			pass_signal(sig, child, &stop);
		if (child && waitpid(child, ret_status, WNOHANG) == child) {
			child = 0;
			ended = now_ms();
		}
		if (!child && r <= 0 &&
		    (o->pump->n_procs <= 0 || now_ms() > ended + MW_OBSERVE_LINGER_MS))
			stop = true;
	}
	return 0;
}

int mw_observe_drain(struct mw_pump *p, void (*meanwhile)(void *ctx), void *ctx)
{
	int r = mw_source_bpf_finish(p->source);

	while (r >= 0) {
		r = mw_pump_step(p, 0);
		if (meanwhile)
			meanwhile(ctx);
	}
	return r == -ENODATA ? 0 : r;
}

int mw_observe_run(struct mw_observe *o)
{
	_cleanup_(mw_source_freep) struct mw_source *source = NULL;
	char err[MW_ERR_MAX];
	struct mw_source_bpf_config cfg = { .ring_len = o->ring_len,
					    /* nobody decides while only a capture is made */
					    .undecided_max = o->pump->capture ? UINT64_MAX : 0,
					    .simulate_loss = o->simulate_loss,
					    .err = err,
					    .err_len = sizeof(err) };
	struct mw_child child;
	int status = 0, r;

	r = mw_child_start(o->argv, o->user, err, sizeof(err), &child);
	if (r < 0) {
		fprintf(stderr, "mcpwatch: %s\n", err);
		return r == -ENOENT ? 127 : r == -EACCES ? 126 : 1;
	}
	mw_signals_take();
	r = mw_source_bpf_new(&cfg, &source);
	if (r < 0) {
		fprintf(stderr, "mcpwatch: %s\n", err);
		mw_child_cancel(&child);
		return 1;
	}
	mw_observe_hurry();
	o->pump->source = source;
	o->pump->n_procs = 1;
	r = mw_source_bpf_tag(source, (uint32_t)child.pid, MW_SOURCE_OBSERVED);
	if (r == 0)
		r = mw_source_bpf_snapshot(source, (uint32_t)child.pid);
	if (r < 0) {
		fprintf(stderr, "mcpwatch: cannot watch process %d: %s\n", child.pid, strerror(-r));
		mw_child_cancel(&child);
		return 1;
	}
	r = mw_child_go(&child);
	if (r < 0) {
		fprintf(stderr, "mcpwatch: %s: %s\n", o->argv[0], strerror(-r));
		status = r == -ENOENT			 ? 127 << 8
			 : r == -EACCES || r == -ENOEXEC ? 126 << 8
							 : 1 << 8;
		r = 0;
	} else {
		r = watch(o, child.pid, &status);
	}
	if (r == 0)
		r = mw_observe_drain(o->pump, NULL, NULL);
	if (r < 0) {
		o->pump->cut = true;
		fprintf(stderr, "mcpwatch: observing failed: %s: the records end early\n",
			strerror(-r));
	}
	/* the command's exit status is kept whatever became of the records */
	(void)mw_pump_finish(o->pump);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
