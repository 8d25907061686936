/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.h - the one loop's body: events from the source through the core into the sinks
 *
 * A sink that fails loses records; the first failure is kept and told, the others go on.
 */
#ifndef MW_IO_PUMP_H
#define MW_IO_PUMP_H

#include <stdbool.h>

#include <mcpwatch/engine.h>
#include <mcpwatch/sink.h>
#include <mcpwatch/source.h>

#include "io/capture.h"
#include "io/state.h"

#define MW_PUMP_SINKS 4

struct mw_event_hdr;

struct mw_pump {
	struct mw_source *source; /* borrowed, as all below */
	struct mw_engine *engine; /* NULL: only the capture */
	struct mw_sink *sinks[MW_PUMP_SINKS];
	size_t n_sinks;
	struct mw_capture *capture; /* NULL none */
	/* NULL none: tells what earlier runs learned behind META, keeps what this one does. */
	struct mw_state_dir *state;
	int raw_fd;		    /* -1 none: gets each message's exact bytes, a line each */
	/*
	 * Whether an event is in scope; NULL: all are. One that is not goes on as MW_EV_SKIP. May
	 * set tags on the source, but not read from it.
	 */
	bool (*scope)(void *ctx, const struct mw_event_hdr *ev);
	/* What the core asks; NULL: it goes to the source. Called when the event that led to it is
	 * used up: so it may ask the source for facts. */
	void (*control)(void *ctx, const struct mw_control *c);
	/*
	 * The next event that scope held back and that is now in scope, valid until the next call;
	 * NULL: none. It stands for one that went on as SKIP: its cpu is MW_CPU_NONE. Asked before
	 * an event goes on and after the core's wishes. NULL: scope holds nothing.
	 */
	const struct mw_event_hdr *(*held)(void *ctx);
	void *scope_ctx;
	/* told by the pump */
	long n_procs; /* watched processes alive, by FORK and EXIT; the caller sets the first */
	struct mw_control *asked; /* the core's wishes of this event; freed by finish */
	size_t n_asked, asked_cap;
	int sink_error;	    /* first failure of a sink or the capture, 0 none */
	size_t failed;	    /* which sink; n_sinks: the capture */
	uint64_t unwritten; /* records that a sink did not take */
	bool cut;	    /* the source failed before its end: so the capture has no end mark */
};

/*
 * Takes what the source has, waiting at most timeout_ms for the first event. How many events (at
 * most a few thousand, then it returns); -ENODATA: the source has ended; another negative errno:
 * the source failed, or -EBADMSG: it gave what is no event.
 */
int mw_pump_step(struct mw_pump *p, int timeout_ms);
/* What the core was made to say otherwise than by an event goes to the sinks. */
void mw_pump_pull(struct mw_pump *p);
/* The end: what the core still holds goes to the sinks, and they are flushed. 0 or the first
 * failure of a sink. */
int mw_pump_finish(struct mw_pump *p);

#endif
