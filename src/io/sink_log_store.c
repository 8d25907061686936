/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_store.c - a disk that takes nothing
 *
 *	TAKES -> REFUSED: a record was not taken, or the sealing thread cannot go on
 *	REFUSED -> OFF: the core is told (STOPPED): it counts from here on
 *	OFF -> TRIES: once the queue is idle and the reserve is freed, and again each retry_ns that
 *		the reserve can be made anew: the core is told (RESUMED), and gives a gap record
 *	TRIES -> LAST (the first time): it was taken out of the reserve; a seal of it, and then OFF
 *	TRIES -> TAKES: it was taken, and there is room
 *	TRIES -> REFUSED: not even that
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Room for a gap, a seal, its note and its tiles, many times over; tried from the first down. */
#define RESERVE_MAX (4u << 20)
#define RESERVE_MIN (256u << 10)

#define NAME "reserve"

int mw_log_reserve(int dir_fd)
{
	_cleanup_(mw_close) int fd = -1;
	off_t len;
	int r = 0;

	fd = openat(dir_fd, NAME, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (len = RESERVE_MAX; len >= RESERVE_MIN; len /= 2) {
		r = -posix_fallocate(fd, 0, len);
		if (r != -ENOSPC && r != -EDQUOT && r != -EFBIG)
			break;
	}
	if (r < 0)
		mw_log_reserve_free(dir_fd);
	return r;
}

void mw_log_reserve_free(int dir_fd)
{
	(void)!unlinkat(dir_fd, NAME, 0);
}

void mw_log_refuse(struct mw_log *s, int error)
{
	if (s->store != MW_LOG_TAKES && s->store != MW_LOG_TRIES && s->store != MW_LOG_LAST)
		return;
	/* the reserve is there for the first time only; freed, it must be made anew to go on */
	s->last_words = s->store == MW_LOG_TAKES;
	s->store = MW_LOG_REFUSED;
	s->store_error = error;
}

void mw_log_store_taken(struct mw_log *s)
{
	if (s->store == MW_LOG_TRIES)
		s->store = s->last_words ? MW_LOG_LAST : MW_LOG_TAKES;
}

static const struct mw_event_hdr *say(struct mw_log *s, enum mw_store_state state)
{
	s->ev.store =
	    (struct mw_ev_store){ .seq = s->next_seq,
				  .state = state,
				  .error = state == MW_STORE_STOPPED ? s->store_error : 0 };
	return mw_log_event(s, MW_EV_STORE, sizeof(s->ev.store));
}

static const struct mw_event_hdr *stop(struct mw_log *s, uint64_t now_ns)
{
	s->store = MW_LOG_OFF;
	s->retry_ns = now_ns == UINT64_MAX ? now_ns : now_ns + s->cfg.retry_ns;
	return say(s, MW_STORE_STOPPED);
}

static const struct mw_event_hdr *off(struct mw_log *s, uint64_t now_ns)
{
	if (s->seal.state != MW_LOG_IDLE || s->broken)
		return NULL;
	if (now_ns == UINT64_MAX) {
		if (s->last_try)
			return NULL;
		s->last_try = true;
	}
	if (s->last_words) {
		mw_log_reserve_free(s->dir_fd);
	} else {
		if (now_ns < s->retry_ns)
			return NULL;
		if (now_ns != UINT64_MAX)
			s->retry_ns = now_ns + s->cfg.retry_ns;
		if (mw_log_reserve(s->dir_fd) < 0)
			return NULL;
		s->seal.full = false;
	}
	s->store = MW_LOG_TRIES;
	return say(s, MW_STORE_RESUMED);
}

const struct mw_event_hdr *mw_log_store_ask(struct mw_log *s, uint64_t now_ns)
{
	switch (s->store) {
	case MW_LOG_TAKES:
		return NULL;
	case MW_LOG_REFUSED:
		return stop(s, now_ns);
	case MW_LOG_OFF:
		return off(s, now_ns);
	case MW_LOG_TRIES:
		/* the core had no memory for the gap record: another time */
		return stop(s, now_ns);
	case MW_LOG_LAST:
		if (s->last_words) {
			s->last_words = false;
			return mw_log_ask_seal(s, MW_SEAL_STORE, now_ns);
		}
		return stop(s, now_ns);
	}
	return NULL;
}
