/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_seal.c - the sealing thread
 *
 * Held by tests/unit/test_sink_seal.c, with a crash before each step and with each step failing:
 *  1. Nothing is signed before it and all before it is on disk.
 *  2. An epoch signs one tree: from the plan on, that is the one in the epoch file.
 *  3. A step that failed is done again, with the same outcome; the one behind it only after it.
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* --- the steps --- */

/* Whether p[0..n) is the lines whose leaves end the job's. */
static bool are_leaves(const struct mw_log_job *job, const char *p, size_t n)
{
	const char *nl, *at;
	struct mw_hash leaf;
	size_t lines = 0, i;

	for (at = p; (nl = memchr(at, '\n', n - (size_t)(at - p))); at = nl + 1)
		lines++;
	if (lines > job->leaves.n || at != p + n)
		return false;
	for (at = p, i = job->leaves.n - lines; i < job->leaves.n; at = nl + 1, i++) {
		nl = memchr(at, '\n', n - (size_t)(at - p));
		mw_tlog_leaf(at, (size_t)(nl - at), &leaf);
		if (memcmp(&leaf, &job->leaves.p[i], sizeof(leaf)) != 0)
			return false;
	}
	return true;
}

/*
 * After a sync that failed the kernel takes what it could not write for written: the next one would
 * say yes. So the bytes are read back, held against their leaves, and written over themselves.
 */
static int write_again(struct mw_log_sealer *q)
{
	const size_t n = (size_t)(q->job.to - q->job.from);
	_cleanup_(mw_freep) char *buf = malloc(n + 1);
	_cleanup_(mw_close) int fd = -1;
	char name[MW_LOG_NAME_MAX];
	int r = 0;

	if (!buf)
		return -ENOMEM;
	mw_log_append_only(q->job.fd, false);
	mw_log_segment_name(q->job.first, name);
	fd = openat(q->seg_dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		r = -errno;
	else if (pread(fd, buf, n, (off_t)q->job.from) != (ssize_t)n ||
		 !are_leaves(&q->job, buf, n))
		r = -EIO;
	else if (pwrite(fd, buf, n, (off_t)q->job.from) != (ssize_t)n)
		r = -EIO;
	if (q->append_only)
		mw_log_append_only(q->job.fd, true);
	return r;
}

static int step_sync(struct mw_log_sealer *q)
{
	int r = 0;

	if (q->job.fd >= 0 && q->unsynced)
		r = write_again(q);
	if (r < 0)
		return r;
	q->unsynced = false;
	if (q->job.fd >= 0 && fdatasync(q->job.fd) < 0) {
		q->unsynced = true;
		return -errno;
	}
	if (q->job.new_name && fsync(q->seg_dir_fd) < 0)
		return -errno;
	if (!q->added) {
		r = mw_tiles_add(q->tiles, q->job.leaves.p, q->job.leaves.n);
		if (r < 0)
			return r;
		q->added = true;
	}
	return 0;
}

static int step_plan(struct mw_log_sealer *q)
{
	struct mw_hash root;

	mw_tiles_root(q->tiles, &root);
	if (mw_tiles_size(q->tiles) != q->job.size)
		return -EBADMSG;
	/* never another tree under this epoch */
	if (q->epoch.plan_size && (q->epoch.plan_size != q->job.size ||
				   memcmp(&q->epoch.plan_root, &root, sizeof(root)) != 0))
		return -EBADMSG;
	q->epoch.plan_size = q->job.size;
	q->epoch.plan_root = root;
	return mw_epoch_write(q->key_fd, &q->epoch);
}

static int step_sign(struct mw_log_sealer *q)
{
	struct mw_checkpoint c = { .size = q->epoch.plan_size, .root = q->epoch.plan_root };
	char name[MW_NOTE_NAME_MAX];
	struct mw_skey key;
	size_t body;
	int r;

	memcpy(c.origin, q->origin, sizeof(c.origin));
	r = mw_checkpoint_print(&c, q->note, sizeof(q->note), &body);
	if (r < 0)
		return r;
	q->note_len = body;
	r = mw_note_sign(q->note, sizeof(q->note), &q->note_len, body, &q->identity);
	if (r < 0)
		return r;
	mw_epoch_name(q->origin, q->epoch.epoch, name);
	r = mw_skey_of(name, q->epoch.seed, &key);
	if (r < 0)
		return r;
	r = mw_note_sign(q->note, sizeof(q->note), &q->note_len, body, &key);
	mw_skey_done(&key);
	return r;
}

/* The note is UTF-8 text without control characters but newlines (note.h). */
static size_t seals_line(struct mw_log_sealer *q)
{
	char *p = q->line;
	size_t i;

	p += snprintf(p, 64, "{\"epoch\":%" PRIu64 ",\"checkpoint\":\"", q->epoch.epoch);
	for (i = 0; i < q->note_len; i++) {
		const char c = q->note[i];

		if (c == '\n' || c == '"' || c == '\\')
			*p++ = '\\';
		*p++ = c == '\n' ? 'n' : c;
	}
	memcpy(p, "\"}\n", 3);
	return (size_t)(p + 3 - q->line);
}

/* Whether an earlier try, or an earlier run, came so far as to write it whole. */
static bool seals_has(struct mw_log_sealer *q, size_t n)
{
	_cleanup_(mw_freep) char *is = malloc(n + 1);

	return is && pread(q->seals_fd, is, n + 1, q->seals_end) == (ssize_t)n &&
	       memcmp(is, q->line, n) == 0;
}

static int step_seals(struct mw_log_sealer *q)
{
	const size_t n = seals_line(q);
	int r;

	if (q->unsynced || !seals_has(q, n)) {
		r = mw_log_cut(q->seals_fd, (uint64_t)q->seals_end, q->append_only);
		if (r == 0)
			r = mw_file_write(q->seals_fd, q->line, n, NULL);
		if (r < 0)
			return r;
	}
	q->unsynced = fdatasync(q->seals_fd) < 0;
	if (q->unsynced)
		return -errno;
	q->seals_end += (off_t)n;
	return 0;
}

static int step_checkpoint(struct mw_log_sealer *q)
{
	_cleanup_(mw_close) int fd = -1;
	int r;

	fd = openat(q->dir_fd, "checkpoint.new",
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, q->note, q->note_len, NULL);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(q->dir_fd, "checkpoint.new", q->dir_fd, "checkpoint") < 0)
		return -errno;
	return 0;
}

/* Of the epoch behind that of e. */
static int name_next(const struct mw_log_sealer *q, const struct mw_epoch *e, char ret[MW_VKEY_MAX])
{
	char name[MW_NOTE_NAME_MAX];
	struct mw_skey key;
	int r;

	mw_epoch_name(q->origin, e->epoch + 1, name);
	r = mw_skey_of(name, e->next, &key);
	if (r == 0)
		mw_vkey_print(&key.pub, ret);
	mw_skey_done(&key);
	return r;
}

int mw_log_sealer_name(struct mw_log_sealer *q)
{
	q->next_epoch = q->epoch.epoch;
	return name_next(q, &q->epoch, q->next_vkey);
}

static int step_advance(struct mw_log_sealer *q)
{
	struct mw_epoch next = q->epoch;
	char vkey[MW_VKEY_MAX];
	int r;

	r = mw_epoch_advance(&next);
	if (r == 0)
		r = name_next(q, &next, vkey);
	if (r == 0)
		r = mw_epoch_write(q->key_fd, &next);
	if (r == 0) {
		q->epoch = next;
		q->next_epoch = next.epoch;
		memcpy(q->next_vkey, vkey, sizeof(vkey));
	}
	mw_epoch_done(&next);
	return r;
}

static int run_step(struct mw_log_sealer *q)
{
	int r = q->cfg->before ? q->cfg->before(q->cfg->before_ctx, q->step) : 0;

	if (r < 0) {
		q->unsynced |= q->step == MW_LOG_SYNC || q->step == MW_LOG_SEALS;
		return r;
	}
	switch (q->step) {
	case MW_LOG_SYNC:
		return step_sync(q);
	case MW_LOG_PLAN:
		return step_plan(q);
	case MW_LOG_SIGN:
		return step_sign(q);
	case MW_LOG_TILES:
		return mw_tiles_write(q->tiles);
	case MW_LOG_SEALS:
		return step_seals(q);
	case MW_LOG_CHECKPOINT:
		return step_checkpoint(q);
	case MW_LOG_ADVANCE:
		return step_advance(q);
	case MW_LOG_SEALED:
		break;
	}
	return 0;
}

int mw_log_sealer_run(struct mw_log_sealer *q)
{
	int r;

	for (; q->step != MW_LOG_SEALED; q->step++) {
		r = run_step(q);
		if (r == -ENOSPC || r == -EDQUOT) {
			q->full = true;
			mw_log_reserve_free(q->dir_fd);
			r = run_step(q);
		}
		if (r < 0)
			return r;
	}
	mw_close(&q->job.fd);
	q->sealed = q->job.size;
	if (q->cfg->sealed)
		q->cfg->sealed(q->cfg->sealed_ctx, q->note, q->note_len, q->sealed);
	return 0;
}

/* --- the thread and its queue --- */

static void set_state(struct mw_log_sealer *q, enum mw_log_queue state)
{
	atomic_store_explicit(&q->state, state, memory_order_release);
	pthread_cond_broadcast(&q->changed);
}

static struct timespec in(uint64_t ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns += (uint64_t)ts.tv_nsec;
	ts.tv_sec += (time_t)(ns / MW_LOG_SECOND);
	ts.tv_nsec = (long)(ns % MW_LOG_SECOND);
	return ts;
}

static void *seal(void *ctx)
{
	struct mw_log_sealer *q = ctx;
	struct timespec until;
	int r;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (!q->quit && q->state != MW_LOG_READY)
			pthread_cond_wait(&q->changed, &q->lock);
		if (q->state != MW_LOG_READY)
			break;
		pthread_mutex_unlock(&q->lock);
		r = mw_log_sealer_run(q);
		pthread_mutex_lock(&q->lock);
		if (r == 0) {
			set_state(q, MW_LOG_DONE);
			continue;
		}
		/* a second time after a while, until it goes or nobody waits for it any more */
		q->error = r;
		set_state(q, MW_LOG_FAILING);
		until = in(q->cfg->retry_ns);
		while (!q->quit &&
		       pthread_cond_timedwait(&q->changed, &q->lock, &until) != ETIMEDOUT)
			;
		if (q->quit)
			break;
		/* who looks at the state only must not take it for a new job: it says READY again,
		 * and FAILING once more if need be */
		set_state(q, MW_LOG_READY);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

void mw_log_sealer_init(struct mw_log_sealer *q, const struct mw_sink_log_config *cfg)
{
	pthread_condattr_t attr;

	*q = (struct mw_log_sealer){ .cfg = cfg,
				     .append_only = cfg->append_only,
				     .dir_fd = -1,
				     .seg_dir_fd = -1,
				     .key_fd = -1,
				     .seals_fd = -1,
				     .job.fd = -1,
				     .step = MW_LOG_SEALED };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int mw_log_thread(pthread_t *ret, void *(*fn)(void *), void *ctx)
{
	sigset_t all, was;
	int r;

	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	r = pthread_create(ret, NULL, fn, ctx);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return -r;
}

int mw_log_sealer_begin(struct mw_log_sealer *q)
{
	int r = mw_log_thread(&q->thread, seal, q);

	q->running = r == 0;
	return r;
}

void mw_log_sealer_push(struct mw_log_sealer *q, const struct mw_log_job *job)
{
	pthread_mutex_lock(&q->lock);
	q->job = *job;
	q->step = MW_LOG_SYNC;
	q->added = q->unsynced = false;
	set_state(q, MW_LOG_READY);
	pthread_mutex_unlock(&q->lock);
}

void mw_log_sealer_take(struct mw_log_sealer *q, struct mw_log_leaves *ret)
{
	pthread_mutex_lock(&q->lock);
	*ret = q->job.leaves;
	ret->n = 0;
	q->job.leaves = (struct mw_log_leaves){ 0 };
	set_state(q, MW_LOG_IDLE);
	pthread_mutex_unlock(&q->lock);
}

int mw_log_sealer_wait(struct mw_log_sealer *q, uint64_t timeout_ns)
{
	struct timespec until = in(timeout_ns);
	int r = 0;

	pthread_mutex_lock(&q->lock);
	while (q->state == MW_LOG_READY && r == 0)
		r = pthread_cond_timedwait(&q->changed, &q->lock, &until);
	r = q->state == MW_LOG_FAILING ? q->error : q->state == MW_LOG_READY ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&q->lock);
	return r;
}

void mw_log_sealer_done(struct mw_log_sealer *q)
{
	if (q->running) {
		pthread_mutex_lock(&q->lock);
		q->quit = true;
		pthread_cond_broadcast(&q->changed);
		pthread_mutex_unlock(&q->lock);
		pthread_join(q->thread, NULL);
	}
	mw_tiles_close(q->tiles);
	mw_close(&q->job.fd);
	mw_close(&q->key_fd);
	mw_close(&q->seals_fd);
	free(q->job.leaves.p);
	mw_epoch_done(&q->epoch);
	mw_skey_done(&q->identity);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
}
