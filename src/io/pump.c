/* SPDX-License-Identifier: Apache-2.0 */
#include "io/pump.h"

#include <errno.h>
#include <string.h>

#include <mcpwatch/event.h>

#include "io/bpf_facts.h"
#include "io/file.h"

#define BATCH 4096
/* Sinks are asked after so many events, if more are waiting. */
#define ASK_EVERY 64

static void note_failure(struct mw_pump *p, int r, size_t which)
{
	if (r == 0)
		return;
	p->unwritten++;
	if (p->sink_error)
		return;
	p->sink_error = r;
	p->failed = which;
}

static int write_raw(struct mw_pump *p, const struct mw_out *out)
{
	int r;

	if (p->raw_fd < 0)
		return 0;
	r = mw_file_write(p->raw_fd, out->bytes, out->len, NULL);
	return r < 0 ? r : mw_file_write(p->raw_fd, "\n", 1, NULL);
}

static void ask(struct mw_pump *p, const struct mw_control *c)
{
	if (p->control)
		p->control(p->scope_ctx, c);
	else
		/* an entry that is gone already needs no verdict */
		(void)mw_source_control(p->source, c);
}

static void ask_later(struct mw_pump *p, const struct mw_control *c)
{
	if (p->n_asked == p->asked_cap) {
		size_t cap = p->asked_cap ? p->asked_cap * 2 : 16;
		void *v = realloc(p->asked, cap * sizeof(*p->asked));

		if (!v) {
			/* the core is done with an event once its push is over; next() only lends
			 * what stands in the engine */
			ask(p, c);
			return;
		}
		p->asked = v;
		p->asked_cap = cap;
	}
	p->asked[p->n_asked++] = *c;
}

static void pull(struct mw_pump *p)
{
	struct mw_out out;
	size_t i;

	while (mw_engine_next(p->engine, &out) == 1) {
		switch (out.kind) {
		case MW_OUT_RECORD:
			for (i = 0; i < p->n_sinks; i++)
				note_failure(p, mw_sink_write(p->sinks[i], &out.record), i);
			break;
		case MW_OUT_RAW:
			note_failure(p, write_raw(p, &out), p->n_sinks);
			break;
		case MW_OUT_CONTROL:
			ask_later(p, &out.control);
			break;
		case MW_OUT_STATE:
			if (p->state)
				mw_state_dir_write(p->state, mw_slice(out.bytes, out.len));
			break;
		}
	}
}

/* What the sinks have to tell the core; at the end of all for the last time. */
static int ask_sinks(struct mw_pump *p, bool last)
{
	const struct mw_event_hdr *h;
	size_t i;
	int r;

	for (i = 0; i < p->n_sinks; i++)
		while ((h = mw_sink_ask(p->sinks[i], last ? UINT64_MAX : mw_boot_ns()))) {
			r = mw_engine_push(p->engine, h, h->len);
			if (r < 0)
				return r;
			pull(p);
		}
	return 0;
}

static int give(struct mw_pump *p, const struct mw_event_hdr *h)
{
	int r;

	if (p->capture)
		note_failure(p, mw_capture_write(p->capture, h, h->len), p->n_sinks);
	if (!p->engine)
		return 0;
	r = mw_engine_push(p->engine, h, h->len);
	pull(p);
	return r;
}

static int give_state(struct mw_pump *p)
{
	const struct mw_event_hdr *h;
	int r = 0;

	while (r == 0 && p->state && (h = mw_state_dir_next(p->state)))
		r = give(p, h);
	return r;
}

/* What scope held back and now lets through, and what the core asks because of it. */
static int give_held(struct mw_pump *p)
{
	const struct mw_event_hdr *h;
	size_t i;
	int r;

	do {
		while (p->held && (h = p->held(p->scope_ctx))) {
			r = give(p, h);
			if (r < 0)
				return r;
		}
		for (i = 0; i < p->n_asked; i++)
			ask(p, &p->asked[i]);
		p->n_asked = 0;
	} while (i);
	return 0;
}

static int take(struct mw_pump *p, const struct mw_event_hdr *h, size_t len)
{
	struct mw_event_hdr skip;
	int r = 0;

	if (len < sizeof(*h) || h->len != len)
		return -EBADMSG;
	if (h->type == MW_EV_FORK)
		p->n_procs++;
	else if (h->type == MW_EV_EXIT)
		p->n_procs--;
	if (p->scope) {
		if (!p->scope(p->scope_ctx, h)) {
			skip = *h;
			skip.type = MW_EV_SKIP;
			skip.len = sizeof(skip);
			h = &skip;
		}
		r = give_held(p);
	}
	if (r == 0)
		r = give(p, h);
	/* at first: all of it, behind META */
	if (r == 0)
		r = give_state(p);
	return r < 0 ? r : give_held(p);
}

int mw_pump_step(struct mw_pump *p, int timeout_ms)
{
	const void *ev;
	int n = 0, r;

	while (n < BATCH) {
		r = mw_source_next(p->source, n ? 0 : timeout_ms, &ev);
		if (r == 0)
			break;
		if (r > 0)
			r = take(p, ev, (size_t)r);
		if (r < 0) {
			p->cut |= r != -ENODATA && r != -EINTR;
			return r;
		}
		if (++n % ASK_EVERY == 0 && p->engine)
			r = ask_sinks(p, false);
		if (r < 0)
			return r;
	}
	if (p->engine) {
		r = ask_sinks(p, false);
		if (r < 0)
			return r;
	}
	return n;
}

void mw_pump_pull(struct mw_pump *p)
{
	pull(p);
}

int mw_pump_finish(struct mw_pump *p)
{
	size_t i;

	if (p->engine) {
		mw_engine_finish(p->engine);
		pull(p);
		/* -EBADMSG only: what a sink says is sound */
		(void)ask_sinks(p, true);
	}
	free(p->asked); /* nothing can be asked any more */
	p->asked = NULL;
	p->n_asked = p->asked_cap = 0;
	for (i = 0; i < p->n_sinks; i++)
		note_failure(p, mw_sink_flush(p->sinks[i]), i);
	if (p->capture)
		note_failure(p, p->cut ? mw_capture_flush(p->capture) : mw_capture_end(p->capture),
			     p->n_sinks);
	return p->sink_error;
}
