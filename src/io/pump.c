/* SPDX-License-Identifier: Apache-2.0 */
#include "io/pump.h"

#include <errno.h>
#include <string.h>

#include <mcpwatch/event.h>

#include "io/file.h"

#define BATCH 4096

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

static void pull(struct mw_pump *p)
{
	struct mw_out out;
	size_t i;

	while (mw_engine_next(p->engine, &out) == 1) {
		switch (out.kind) {
		case MW_OUT_RECORD:
			for (i = 0; i < p->n_sinks; i++)
				note_failure(p, mw_sink_write(p->sinks[i], out.bytes, out.len), i);
			break;
		case MW_OUT_RAW:
			note_failure(p, write_raw(p, &out), p->n_sinks);
			break;
		case MW_OUT_CONTROL:
			/* an entry that is gone already needs no verdict */
			(void)mw_source_control(p->source, &out.control);
			break;
		}
	}
}

static int take(struct mw_pump *p, const void *ev, size_t len)
{
	const struct mw_event_hdr *h = ev;
	struct mw_event_hdr skip;
	int r;

	if (h->type == MW_EV_FORK)
		p->n_procs++;
	else if (h->type == MW_EV_EXIT)
		p->n_procs--;
	if (p->scope && !p->scope(p->scope_ctx, h)) {
		skip = *h;
		skip.type = MW_EV_SKIP;
		skip.len = sizeof(skip);
		ev = &skip;
		len = sizeof(skip);
	}
	if (p->capture)
		note_failure(p, mw_capture_write(p->capture, ev, len), p->n_sinks);
	if (!p->engine)
		return 0;
	r = mw_engine_push(p->engine, ev, len);
	pull(p);
	return r;
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
		n++;
	}
	return n;
}

int mw_pump_finish(struct mw_pump *p)
{
	size_t i;

	if (p->engine) {
		mw_engine_finish(p->engine);
		pull(p);
	}
	for (i = 0; i < p->n_sinks; i++)
		note_failure(p, mw_sink_flush(p->sinks[i]), i);
	if (p->capture)
		note_failure(p, p->cut ? mw_capture_flush(p->capture) : mw_capture_end(p->capture),
			     p->n_sinks);
	return p->sink_error;
}
