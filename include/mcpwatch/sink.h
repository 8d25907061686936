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

struct mw_sink;

struct mw_sink_ops {
	/*
	 * Takes one record: `json` is one line of `len` bytes without its newline, borrowed for the
	 * call. 0, or a negative errno (-ENOSPC, -EIO, -EPIPE, ...): the record was not taken.
	 */
	int (*write)(struct mw_sink *s, const char *json, size_t len);
	/* Durable when it returns 0. */
	int (*flush)(struct mw_sink *s);
	/* Flushes what it can, frees; takes NULL. */
	void (*free)(struct mw_sink *s);
};

struct mw_sink {
	const struct mw_sink_ops *ops;
};

static inline int mw_sink_write(struct mw_sink *s, const char *json, size_t len)
{
	return s->ops->write(s, json, len);
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
