/* SPDX-License-Identifier: Apache-2.0 */
/* support_ends.h - the ends stage, fed and written down, for test_ends and test_ends_gap */
#ifndef MW_TEST_SUPPORT_ENDS_H
#define MW_TEST_SUPPORT_ENDS_H

#include "support.h"

#include <errno.h>

#include "core/ends.h"

#define MS 1000000ull
#define R MW_END_READ
#define W MW_END_WRITE

/*
 * Everything that comes out is written down as words:
 *	first W abc | settled WR abc | settled W abc one_sided | denied R abc | gap R 5 | broken R abc
 *	| evicted | http.cut (what is odd of the settled one before)
 * Of HTTP the frame is named before its bytes: head#1, body#1, sse#1, end#1 (or part#1). And the
 * slot of a message must be the one its FIRST had.
 */
struct fx {
	struct mw_ends *e;
	struct mw_chan chan, chan2;
	uint64_t off[2], off2[2];
	uint64_t now;
	char log[1 << 16];
	size_t len;
	size_t open; /* messages that are not settled */
	bool quiet;
};

static inline void say(struct fx *f, const char *fmt, ...)
{
	va_list ap;

	if (f->quiet)
		return;
	va_start(ap, fmt);
	f->len += (size_t)vsnprintf(f->log + f->len, sizeof(f->log) - f->len, fmt, ap);
	va_end(ap);
	assert_true(f->len < sizeof(f->log));
}

/* What the frame is, of a line nothing. */
static inline const char *word(const struct mw_msg *m)
{
	static const char *const carriers[] = { "", "body", "sse", "ws" };
	static char s[96];
	const char *kind = m->kind == MW_FRAME_IS_HEAD	? "head"
			   : m->kind == MW_FRAME_IS_END ? m->partial ? "part" : "end"
							: carriers[m->carrier];

	if (!*kind)
		return "";
	snprintf(s, sizeof(s), "%s#%llu%s%.*s ", kind, (unsigned long long)m->xchg,
		 m->event.n ? " " : "", (int)m->event.n,
		 m->event.n ? (const char *)m->event.p : "");
	return s;
}

static inline void pull(struct fx *f)
{
	static int slot;
	struct mw_msg m;

	while (mw_ends_next(f->e, &m) == 1) {
		const char *ends = m.seen[R].seen ? m.seen[W].seen ? "WR" : "R" : "W";
		int n = m.bytes.n > 20 ? 20 : (int)m.bytes.n;
		const char *p = n ? (const char *)m.bytes.p : "";

		if (m.kind == MW_FRAME_IS_HEAD)
			n = 0;

		switch (m.state) {
		case MW_MSG_FIRST:
			assert_null(*m.user);
			*m.user = &slot;
			f->open++;
			say(f, "first %s %s%.*s%s | ", ends, word(&m), n, p, m.cut ? " cut" : "");
			break;
		case MW_MSG_SETTLED:
			assert_true(*m.user == &slot || f->quiet);
			f->open--;
			say(f, "settled %s %s%.*s%s%s%s%s | ", ends, word(&m), n, p,
			    m.one_sided ? " one_sided" : "",
			    m.differs ? " differs" : "", m.incomplete ? " incomplete" : "",
			    m.cut ? " cut" : "");
			if (m.odd)
				say(f, "%s | ", m.odd);
			break;
		case MW_MSG_DENIED:
			assert_true(*m.user == &slot);
			f->open--;
			say(f, "denied %s %s%.*s | ", ends, word(&m), n, p);
			break;
		case MW_MSG_GAP:
			say(f, "gap %s %d | ", ends, (int)m.gap_bytes);
			break;
		case MW_MSG_BROKEN:
			say(f, "broken %s %s%.*s%s | ", ends, word(&m), n, p, m.odd ? m.odd : "");
			break;
		case MW_MSG_UNFINISHED:
			say(f, "unfinished %s %s%.*s | ", ends, word(&m), n, p);
			break;
		case MW_MSG_JUNK:
			say(f, "junk %d | ", (int)m.len);
			break;
		case MW_MSG_CLOSED:
			say(f, "closed %s | ", ends);
			break;
		case MW_MSG_EVICTED:
			say(f, "evicted | ");
			break;
		}
	}
}

static inline void begin(struct fx *f, const struct mw_alloc *a)
{
	memset(f, 0, sizeof(*f));
	f->chan.id = 1;
	f->chan2.id = 2;
	f->now = 1000 * MS;
	assert_int_equal(mw_ends_new(a, 1, 42, &f->e), 0);
}

static inline void end(struct fx *f)
{
	mw_ends_free(f->e);
	assert_int_equal(test_alloc_live(), 0);
}

/* On chan2, the way back. */
static inline void put2(struct fx *f, enum mw_end end, const char *s)
{
	struct mw_chunk c = { .chan = &f->chan2, .end = end, .off = f->off2[end],
			      .bytes = mw_slice(s, strlen(s)), .ts_ns = f->now, .tid = 9 };

	assert_int_equal(mw_ends_push(f->e, &c), 0);
	f->off2[end] += strlen(s);
	f->now += MS;
	pull(f);
}

static inline void closed(struct fx *f, enum mw_end end)
{
	struct mw_chunk c = { .chan = &f->chan, .end = end, .off = f->off[end], .closed = true,
			      .ts_ns = f->now };

	assert_int_equal(mw_ends_push(f->e, &c), 0);
	f->now += MS;
	pull(f);
}

static inline int put_n(struct fx *f, enum mw_end end, const void *p, size_t n)
{
	struct mw_chunk c = { .chan = &f->chan, .end = end, .off = f->off[end],
			      .bytes = mw_slice(p, n), .ts_ns = f->now, .tid = 9 };
	int r = mw_ends_push(f->e, &c);

	f->off[end] += n;
	f->now += MS;
	pull(f);
	return r;
}

static inline void put(struct fx *f, enum mw_end end, const char *s)
{
	put_n(f, end, s, strlen(s));
}

static inline void gap(struct fx *f, enum mw_end end, uint64_t n)
{
	struct mw_chunk c = { .chan = &f->chan, .end = end, .off = f->off[end], .gap = n,
			      .reason = MW_GAP_LOST, .ts_ns = f->now };

	assert_int_equal(mw_ends_push(f->e, &c), 0);
	f->off[end] += n;
	f->now += MS;
	pull(f);
}

static inline void wait_ns(struct fx *f, uint64_t ns)
{
	f->now += ns;
	mw_ends_tick(f->e, f->now);
	pull(f);
}

static inline void evict(struct fx *f)
{
	struct mw_chunk c = { .chan = &f->chan, .evicted = true };

	assert_int_equal(mw_ends_push(f->e, &c), 0);
	pull(f);
	assert_null(f->chan.ends);
	f->off[0] = f->off[1] = 0;
}

static inline void expect(struct fx *f, const char *want)
{
	if (strcmp(f->log, want) != 0)
		fail_msg("got  '%s'\n       want '%s'", f->log, want);
	f->len = 0;
	f->log[0] = '\0';
}

#endif
