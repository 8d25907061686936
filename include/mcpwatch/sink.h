/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - where records go: a log, a file, the screen, memory
 *
 * One small table, because only sinks have several implementations. A sink never sees anything but
 * a finished, redacted record (record.h).
 */
#ifndef MCPWATCH_SINK_H
#define MCPWATCH_SINK_H

#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/event.h>
#include <mcpwatch/record.h>

struct mw_sink;

struct mw_sink_ops {
	/* Takes one record, borrowed for the call. 0, or a negative errno (-ENOSPC, -EIO, -EPIPE,
	 * ...): the record was not taken. */
	int (*write)(struct mw_sink *s, const struct mw_record *record);
	/*
	 * What the sink has to tell the core at this time (CLOCK_BOOTTIME): a sound event to be
	 * pushed, valid until the next call on the sink; NULL: nothing. To be asked when no more
	 * events wait, every few dozen of them while they do, and at least every 10 ms, until it
	 * says NULL. A sink may keep what it took back until then. At the
	 * end, when the core has given its last record, with UINT64_MAX: then it may wait for what
	 * is under way. May be NULL: this sink never has anything.
	 */
	const struct mw_event_hdr *(*ask)(struct mw_sink *s, uint64_t now_ns);
	/* Durable when it returns 0. */
	int (*flush)(struct mw_sink *s);
	/* Flushes what it can, frees; takes NULL. */
	void (*free)(struct mw_sink *s);
};

struct mw_sink {
	const struct mw_sink_ops *ops;
};

static inline int mw_sink_write(struct mw_sink *s, const struct mw_record *record)
{
	return s->ops->write(s, record);
}

static inline const struct mw_event_hdr *mw_sink_ask(struct mw_sink *s, uint64_t now_ns)
{
	return s->ops->ask ? s->ops->ask(s, now_ns) : NULL;
}

static inline int mw_sink_flush(struct mw_sink *s)
{
	return s->ops->flush(s);
}

static inline void mw_sink_free(struct mw_sink *s)
{
	if (s)
		s->ops->free(s);
}

static inline void mw_sink_freep(struct mw_sink **s)
{
	mw_sink_free(*s);
}

#endif
