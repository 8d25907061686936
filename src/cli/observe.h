/* SPDX-License-Identifier: Apache-2.0 */
/* observe.h - a command under observation: what exec and record share */
#ifndef MW_CLI_OBSERVE_H
#define MW_CLI_OBSERVE_H

#include <stdint.h>

#include "io/pump.h"

/* How long processes the command left behind are still observed after it has ended. */
#define MW_OBSERVE_LINGER_MS 3000

struct mw_observe {
	struct mw_pump *pump; /* its source is set here */
	char *const *argv;    /* the command */
	const char *user;     /* or NULL */
	uint32_t simulate_loss, ring_len;
};

/*
 * Loads the probes, runs the command below them until it and what it started has ended, drains, and
 * flushes the sinks. Says on stderr what went wrong. The exit status for mcpwatch: the command's
 * (128 + signal if it was killed), 127 not found, 126 not executable, 1 if observing failed: then
 * the command was not started.
 */
int mw_observe_run(struct mw_observe *o);

/* Detaches the source and takes what it still has; between its parts `meanwhile` is called (may be
 * NULL). 0 or negative errno. */
int mw_observe_drain(struct mw_pump *p, void (*meanwhile)(void *ctx), void *ctx);

/* From here on before others, if that is allowed: what is observed may try to end us, and what led to
 * that is to be written first. */
void mw_observe_hurry(void);

/* Blocks the signals a loop takes from mw_signal_next; SIGPIPE is ignored. */
void mw_signals_take(void);
/* The next signal that is waiting, or 0. */
int mw_signal_next(void);

#endif
