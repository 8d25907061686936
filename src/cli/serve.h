/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h - what run tells of itself: the control socket and the metrics file */
#ifndef MW_CLI_SERVE_H
#define MW_CLI_SERVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/anchors.h"
#include "cli/settings.h"
#include "io/control_sock.h"
#include "io/metrics_file.h"
#include "io/pump.h"
#include "io/scope.h"

struct mw_serve {
	/* set by the caller before start, and borrowed */
	const struct mw_pump *pump;
	struct mw_settings *const *settings;
	struct mw_scope *const *scope;
	struct mw_cli_anchors *anchors;
	struct mw_sink *log, *outlets;
	const char *log_dir;
	const char *control; /* --control; NULL: not given */
	/* private */
	struct mw_tally *tally;
	struct mw_sink *sink;
	struct mw_control_ops ops;
	struct mw_control_sock *sock;
	struct mw_metrics_file *file;
	struct mw_buf text;
	const char *path; /* where the socket is to be; NULL: there is to be none */
	uint64_t written_ns, tried_ns, reloads, reloads_failed;
	int64_t started_ns;
	uint64_t started_boot_ns;
	char host[256];
	bool stopping;
	/* while the end is waited for, the socket is the thread's, under the lock */
	bool ending;
	atomic_bool ended;
	pthread_t thread;
	pthread_mutex_t lock;
	struct mw_health last;
};

/*
 * Makes the socket, and *ret, a sink that is to get each record behind the log (the caller's, to be
 * freed before done). A socket whose path was named must be had: else MW_EXIT_FAIL after a line. The
 * default one is tried again later, and the daemon does without meanwhile. 0.
 */
int mw_serve_start(struct mw_serve *s, struct mw_sink **ret);
/* In each turn of the loop. */
void mw_serve_step(struct mw_serve *s);
/* The daemon was told to end: from here on it says so. */
void mw_serve_stopping(struct mw_serve *s);
/*
 * Around what takes its time at the end (mw_pump_finish): a thread goes on serving the socket
 * meanwhile, with the counters as they were then, and with those of the records that still come.
 */
void mw_serve_end(struct mw_serve *s);
void mw_serve_ended(struct mw_serve *s);
/* A reload was taken, or refused. */
void mw_serve_reloaded(struct mw_serve *s, bool taken);
void mw_serve_done(struct mw_serve *s);

#endif
