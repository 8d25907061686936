/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where events come from: the kernel, a capture file, memory
 *
 * One small table, because only sources have several implementations. A source gives whole events
 * (event.h), already in one piece but not checked: the core checks them. The first one is
 * MW_EV_META; TICK, PROC, USER, CLOCK and LOST are made by the source, so that what the core learns
 * of the world is in the stream of events and nowhere else.
 */
#ifndef MCPWATCH_SOURCE_H
#define MCPWATCH_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/event.h>

/* What the core asks of the kernel side. Sources that cannot (replay, memory) ignore it. */
enum mw_control_kind {
	MW_CONTROL_CHAN_KEEP = 1, /* this channel is MCP: capture it without limit */
	MW_CONTROL_CHAN_DROP = 2, /* it is not: capture nothing of it any more */
	MW_CONTROL_SERVER = 3,	  /* this process is an MCP server: observe it and what it starts */
	MW_CONTROL_CLIENT = 4,	  /* who holds the other end of this server's channel is not seen:
				   * observe it on its streams, if it is on this host */
	MW_CONTROL_ENV = 5,	  /* this process's environment is wanted: MW_EV_ENV */
};

struct mw_control {
	enum mw_control_kind kind;
	uint64_t chan, gen; /* CHAN, CLIENT: of mw_ev_io; CHAN gen 0: whatever it is now */
	/* SERVER, ENV: the process. CLIENT: the server; its channel's kind and, of TCP, the server's
	 * address. SERVER over TCP: the address it serves at; else family 0. */
	uint64_t start_ns;
	uint32_t tgid;
	uint32_t chan_kind; /* enum mw_chan_kind */
	uint64_t ino;
	struct mw_addr addr;
};

struct mw_source_stats {
	uint64_t events, bytes;	 /* delivered */
	uint64_t lost_ring;	 /* failed reserves */
	uint64_t lost_run;	 /* programs that did not run (recursion) */
	uint64_t lost_table;	 /* kernel tables full */
	uint64_t faults;	 /* user bytes that could not be read */
	uint64_t task_faults;	 /* acts whose runtime's memory could not: not known for whom */
	uint64_t ring_len;	 /* size of the ring, 0 if there is none */
};

struct mw_source;

struct mw_source_ops {
	/*
	 * The next event, waiting at most `timeout_ms` (0: do not wait). *ret is owned by the source
	 * and valid until the next call. Returns its length, 0 on timeout, -ENODATA at the end,
	 * -EBADMSG on damaged input, -EINTR, or another negative errno.
	 */
	int (*next)(struct mw_source *s, int timeout_ms, const void **ret);
	/* Asks the kernel side for something; NULL where a source cannot. 0 or negative errno. */
	int (*control)(struct mw_source *s, const struct mw_control *c);
	/* Counters so far. */
	void (*stats)(struct mw_source *s, struct mw_source_stats *ret);
	/* A file descriptor that polls readable when there may be events, or -1. */
	int (*fd)(struct mw_source *s);
	/* Detaches and frees; takes NULL. */
	void (*free)(struct mw_source *s);
};

struct mw_source {
	const struct mw_source_ops *ops;
};

static inline int mw_source_next(struct mw_source *s, int timeout_ms, const void **ret)
{
	return s->ops->next(s, timeout_ms, ret);
}

static inline int mw_source_control(struct mw_source *s, const struct mw_control *c)
{
	return s->ops->control ? s->ops->control(s, c) : 0;
}

static inline void mw_source_stats(struct mw_source *s, struct mw_source_stats *ret)
{
	s->ops->stats(s, ret);
}

static inline int mw_source_fd(struct mw_source *s)
{
	return s->ops->fd ? s->ops->fd(s) : -1;
}

static inline void mw_source_free(struct mw_source *s)
{
	if (s)
		s->ops->free(s);
}

static inline void mw_source_freep(struct mw_source **s)
{
	mw_source_free(*s);
}

#endif
