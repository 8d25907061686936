/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log.c
 *
 * Held by tests/unit/test_sink_log.c:
 *  1. A segment holds whole lines only, whatever write failed and whenever the process was killed,
 *     except for one torn last line after a kill, which the next start moves away.
 *  2. No byte of a whole line is ever changed.
 *  3. Line n of the log is leaf n and record n; what was refused has no number.
 *  4. The loop never waits for a disk but in write() itself.
 *  5. Records wait in memory from one ask to the next at most: until then what they say of stood in
 *     the ring, and went with this process as well.
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEAL_NS	       (1 * MW_LOG_SECOND)
#define SEAL_IDLE_NS   (30 * MW_LOG_SECOND)
#define SEAL_URGENT_NS 20000000u
#define RETRY_NS       (1 * MW_LOG_SECOND)
#define SEAL_RECORDS   16384u
#define SEGMENT_MAX    (64ull << 20)
#define DAY_NS	       (86400 * MW_LOG_SECOND)
#define RETENTION_NS   (90 * DAY_NS)
#define RETENTION_LEN  (10ull << 30)
#define KEEP_NS	       (7 * DAY_NS)
/* How long the end waits for a disk. */
#define END_NS (30 * MW_LOG_SECOND)
/* A seal that the core had no memory for is asked for again after this. */
#define AGAIN_NS 10000000u

/* --- leaves that wait --- */

static int leaves_room(struct mw_log_leaves *l)
{
	size_t cap = l->cap ? l->cap * 2 : 1024;
	void *p;

	if (l->n < l->cap)
		return 0;
	if (cap > MW_LOG_LEAVES_MAX)
		return -ENOBUFS;
	p = reallocarray(l->p, cap, sizeof(*l->p));
	if (!p)
		return -ENOMEM;
	l->p = p;
	l->cap = cap;
	return 0;
}

int mw_log_leaves_add(struct mw_log_leaves *l, const struct mw_hash *leaf)
{
	int r = leaves_room(l);

	if (r == 0)
		l->p[l->n++] = *leaf;
	return r;
}

/* --- records in --- */

static bool segment_is_over(const struct mw_log *s)
{
	return s->fd < 0 || (s->seal_last && s->end >= s->cfg.segment_max);
}

/* So many whole lines of what waits are in its first n bytes; *ret_len is theirs. */
static size_t whole_lines(const struct mw_log *s, size_t n, size_t *ret_len)
{
	const char *p = s->out, *nl;
	size_t lines = 0;

	while ((nl = memchr(p, '\n', n - (size_t)(p - s->out)))) {
		p = nl + 1;
		lines++;
	}
	*ret_len = (size_t)(p - s->out);
	return lines;
}

int mw_log_out(struct mw_log *s)
{
	const size_t all = s->out_len, n_all = s->n_out;
	size_t n = 0, len, lines;
	int r;

	if (all == 0)
		return 0;
	r = mw_file_write(s->fd, s->out, all, &n);
	s->out_len = s->n_out = 0;
	if (r == 0)
		return 0;
	/* what was not written was not taken: it has no number */
	lines = whole_lines(s, n, &len);
	s->end -= all - len;
	s->n_bytes -= all - len;
	s->leaves.n -= n_all - lines;
	s->next_seq -= n_all - lines;
	s->seal_last = false;
	if (n > len && mw_log_cut(s->fd, s->end, s->cfg.append_only) < 0)
		s->broken = true;
	mw_log_refuse(s, r);
	return r;
}

static void hand_over(struct mw_log *s)
{
	const struct mw_log_job job = { .leaves = s->leaves,
					.size = s->next_seq,
					.fd = s->sync_fd,
					.first = s->first,
					.from = s->from,
					.to = s->end,
					.new_name = s->new_name };

	mw_log_sealer_push(&s->seal, &job);
	s->leaves = s->spare;
	s->spare = (struct mw_log_leaves){ 0 };
	s->sync_fd = -1;
	s->new_name = s->asked = s->urgent = false;
	s->first_ns = 0;
	s->from = s->end;
}

static int append(struct mw_log *s, const struct mw_record *record)
{
	int r = 0;

	if (s->out_len + record->len + 1 > sizeof(s->out))
		r = mw_log_out(s);
	if (r == 0)
		r = leaves_room(&s->leaves);
	if (r == 0 && segment_is_over(s))
		r = mw_log_segment_next(s);
	if (r == 0)
		r = mw_log_segment_room(s, record->len + 1);
	if (r < 0)
		return r;
	memcpy(s->out + s->out_len, record->json, record->len);
	s->out_len += record->len;
	s->out[s->out_len++] = '\n';
	s->n_out++;
	s->end += record->len + 1;
	s->n_bytes += record->len + 1;
	mw_tlog_leaf(record->json, record->len, &s->leaves.p[s->leaves.n++]);
	return 0;
}

static int log_write(struct mw_sink *sink, const struct mw_record *record)
{
	struct mw_log *s = (struct mw_log *)sink;
	int r = 0;

	if (s->store == MW_LOG_REFUSED || s->store == MW_LOG_OFF)
		return s->store_error;
	if (record->len > MW_RECORD_MAX)
		r = -E2BIG;
	else if (record->seq != s->next_seq)
		r = -EINVAL;
	else if (memchr(record->json, '\n', record->len))
		r = -EINVAL;
	else if (s->broken)
		r = -EIO;
	else if (s->seal.full && s->store == MW_LOG_TAKES)
		r = -ENOSPC;
	else if (!s->begun)
		r = mw_log_sealer_begin(&s->seal);
	s->begun |= r == 0;
	/* of one segment there is nothing to compress or to delete */
	if (r == 0 && !s->keep.running && s->n_segments > 1)
		r = mw_log_keeper_begin(&s->keep);
	if (r == 0)
		r = append(s, record);
	if (r < 0) {
		mw_log_refuse(s, r);
		return r;
	}
	s->next_seq++;
	s->urgent |= record->urgent;
	s->seal_last = record->seal && s->asked;
	if (record->seal || s->store != MW_LOG_TAKES) {
		r = mw_log_out(s);
		if (r < 0)
			return r;
	}
	if (s->seal_last)
		hand_over(s);
	mw_log_store_taken(s);
	return 0;
}

/* --- what it asks of the core --- */

/* Without a time: the events in the ring may be behind the clock, and the core must not be before
 * them. */
const struct mw_event_hdr *mw_log_event(struct mw_log *s, uint16_t type, size_t len)
{
	s->ev.hdr = (struct mw_event_hdr){ .len = (uint32_t)len, .type = type, .cpu = MW_CPU_NONE };
	return &s->ev.hdr;
}

const struct mw_event_hdr *mw_log_ask_seal(struct mw_log *s, enum mw_seal_reason reason,
					   uint64_t now_ns)
{
	const size_t n = strlen(s->seal.next_vkey);

	/* the seal record goes into this segment, so that what is synced is known before */
	if (segment_is_over(s) && mw_log_segment_next(s) < 0)
		return NULL;
	s->sync_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (s->sync_fd < 0)
		return NULL;
	s->asked = true;
	s->seal_ns = now_ns;
	if (reason == MW_SEAL_URGENT)
		s->urgent_ns = now_ns;
	s->ev.seal = (struct mw_ev_seal){ .epoch = s->seal.next_epoch,
					  .reason = reason,
					  .vkey_len = (uint16_t)n };
	memcpy(s->ev.vkey, s->seal.next_vkey, n);
	return mw_log_event(s, MW_EV_SEAL, (sizeof(s->ev.seal) + n + 7) & ~(size_t)7);
}

static enum mw_seal_reason due(struct mw_log *s, uint64_t now_ns)
{
	const size_t n = s->leaves.n;

	if (!s->begun || now_ns < s->again_ns)
		return 0;
	if (n && !s->first_ns)
		s->first_ns = now_ns;
	if (s->start_due)
		return MW_SEAL_START;
	if (s->urgent && now_ns - s->urgent_ns >= s->cfg.seal_urgent_ns)
		return MW_SEAL_URGENT;
	if (n >= s->cfg.seal_records || (n && s->end >= s->cfg.segment_max))
		return MW_SEAL_COUNT;
	if (n && now_ns - s->first_ns >= s->cfg.seal_ns)
		return MW_SEAL_TIME;
	return now_ns - s->seal_ns >= s->cfg.seal_idle_ns ? MW_SEAL_IDLE : 0;
}

/* What the threads have done. */
static void look_at_threads(struct mw_log *s, uint64_t now_ns)
{
	const int state = atomic_load_explicit(&s->seal.state, memory_order_acquire);

	if (state == MW_LOG_FAILING)
		mw_log_refuse(s, s->seal.error);
	if (state != MW_LOG_DONE)
		return;
	s->n_seals++;
	s->n_sealed = s->seal.sealed;
	s->sealed_ns = now_ns;
	mw_log_keeper_sealed(&s->keep, s->seal.sealed, s->new_segment);
	s->new_segment = false;
	if (s->prune_to && s->seal.sealed > s->prune_seq) {
		mw_log_keeper_delete(&s->keep, s->prune_to);
		s->prune_to = 0;
	}
	if (s->damaged)
		mw_log_damaged_said(s->dir_fd);
	s->damaged = false;
	mw_log_sealer_take(&s->seal, &s->spare);
}

/* The range that is to be deleted goes into the log first. */
static const struct mw_event_hdr *ask_prune(struct mw_log *s)
{
	uint64_t from, to;

	if (s->prune_asked) {
		/* its record has been written since */
		s->prune_asked = false;
		s->prune_seq = s->next_seq - 1;
	}
	if (s->prune_to || !s->begun || !mw_log_keeper_ask(&s->keep, &from, &to))
		return NULL;
	s->prune_to = to;
	s->prune_seq = UINT64_MAX;
	s->prune_asked = true;
	s->ev.store = (struct mw_ev_store){ .state = MW_STORE_PRUNE, .first = from, .seq = to - 1 };
	return mw_log_event(s, MW_EV_STORE, sizeof(s->ev.store));
}

/* The end: a disk that took nothing gets one more chance, then the last seal. */
static const struct mw_event_hdr *ask_last(struct mw_log *s, uint64_t now_ns)
{
	const struct mw_event_hdr *h;

	if (!s->begun)
		return NULL;
	(void)mw_log_sealer_wait(&s->seal, END_NS); /* what it says is looked at next */
	look_at_threads(s, now_ns);
	h = mw_log_store_ask(s, now_ns);
	if (h || s->store != MW_LOG_TAKES || s->seal.state != MW_LOG_IDLE || s->stopped)
		return h;
	s->stopped = true;
	return mw_log_ask_seal(s, MW_SEAL_STOP, now_ns);
}

static const struct mw_event_hdr *log_ask(struct mw_sink *sink, uint64_t now_ns)
{
	struct mw_log *s = (struct mw_log *)sink;
	const struct mw_event_hdr *h;
	enum mw_seal_reason reason;

	(void)mw_log_out(s); /* what it says is looked at below */
	if (s->asked) {
		/* the core had no memory for it */
		s->asked = false;
		mw_close(&s->sync_fd);
		s->again_ns = now_ns + AGAIN_NS;
	}
	if (now_ns == UINT64_MAX)
		return ask_last(s, now_ns);
	look_at_threads(s, now_ns);
	h = mw_log_store_ask(s, now_ns);
	if (h || s->store != MW_LOG_TAKES)
		return h;
	h = ask_prune(s);
	if (h || s->seal.state != MW_LOG_IDLE)
		return h;
	reason = due(s, now_ns);
	h = reason ? mw_log_ask_seal(s, reason, now_ns) : NULL;
	if (h)
		s->start_due = false;
	return h;
}

/* --- the end --- */

static int log_flush(struct mw_sink *sink)
{
	struct mw_log *s = (struct mw_log *)sink;
	int r = mw_log_out(s);

	if (r < 0)
		return r;
	if (s->fd >= 0 && fdatasync(s->fd) < 0)
		return -errno;
	if (s->new_name && fsync(s->seg_dir_fd) < 0)
		return -errno;
	return s->begun ? mw_log_sealer_wait(&s->seal, END_NS) : 0;
}

static void log_free(struct mw_sink *sink)
{
	struct mw_log *s = (struct mw_log *)sink;

	log_flush(sink);
	mw_log_keeper_done(&s->keep);
	mw_log_sealer_done(&s->seal);
	mw_log_segment_close(s);
	if (s->dir_fd >= 0)
		mw_log_reserve_free(s->dir_fd);
	mw_close(&s->sync_fd);
	mw_close(&s->seg_dir_fd);
	mw_close(&s->dir_fd);
	free(s->leaves.p);
	free(s->spare.p);
	free(s->dir);
	free(s);
}

static const struct mw_sink_ops log_ops = {
	.write = log_write,
	.ask = log_ask,
	.flush = log_flush,
	.free = log_free,
};

void mw_sink_log_stats(const struct mw_sink *sink, struct mw_sink_log_stats *ret)
{
	const struct mw_log *s = (const struct mw_log *)sink;

	*ret = (struct mw_sink_log_stats){
		.records = s->next_seq,
		.sealed = s->n_sealed,
		.sealed_ns = s->sealed_ns,
		.seals = s->n_seals,
		.bytes = s->n_bytes,
		.error = s->store == MW_LOG_TAKES ? 0 : s->store_error,
	};
}

static void set_default(uint64_t *v, uint64_t d)
{
	if (!*v)
		*v = d;
}

static struct mw_log *new_log(const struct mw_sink_log_config *cfg)
{
	struct mw_log *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sink.ops = &log_ops;
	s->cfg = *cfg;
	set_default(&s->cfg.segment_max, SEGMENT_MAX);
	set_default(&s->cfg.seal_ns, SEAL_NS);
	set_default(&s->cfg.seal_idle_ns, SEAL_IDLE_NS);
	set_default(&s->cfg.seal_urgent_ns, SEAL_URGENT_NS);
	set_default(&s->cfg.retry_ns, RETRY_NS);
	set_default(&s->cfg.seal_records, SEAL_RECORDS);
	set_default(&s->cfg.retention_ns, RETENTION_NS);
	set_default(&s->cfg.retention_len, RETENTION_LEN);
	set_default(&s->cfg.keep_ns, KEEP_NS);
	s->dir_fd = s->seg_dir_fd = s->fd = s->sync_fd = -1;
	s->start_due = true;
	mw_log_sealer_init(&s->seal, &s->cfg);
	mw_log_keeper_init(&s->keep, &s->cfg);
	s->dir = strdup(cfg->dir);
	if (s->dir)
		return s;
	log_free(&s->sink);
	return NULL;
}

int mw_sink_log_new(const struct mw_sink_log_config *cfg, char *err, size_t err_len,
		    struct mw_sink_log_found *ret_found, struct mw_sink **ret)
{
	struct mw_sink_log_found found = { 0 };
	struct mw_log *s = new_log(cfg);
	int r;

	if (!s) {
		snprintf(err, err_len, "cannot open log %s: not enough memory", cfg->dir);
		return -ENOMEM;
	}
	r = mw_log_open(s, &found, err, err_len);
	if (r < 0) {
		log_free(&s->sink);
		return r;
	}
	s->damaged = found.damaged;
	*ret_found = found;
	*ret = &s->sink;
	return 0;
}
