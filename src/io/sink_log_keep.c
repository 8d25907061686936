/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_keep.c - a thread of low priority: finished segments are compressed, old ones deleted
 *
 * What is deleted was sealed, and its deletion was said in the log and sealed before. The tiles
 * stay: a copy of the segment still proves itself against them.
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "io/segment.h"

#define ROUND_NS (60 * MW_LOG_SECOND)
#define LEVEL	 3
#define BLOCK	 (256u << 10)
#define NEW_NAME "new" MW_LOG_ZST

/* ioprio_set(2): IOPRIO_WHO_PROCESS, class idle */
#define IO_IDLE (3 << 13)

static void zst_name(uint64_t first, char ret[MW_LOG_NAME_MAX])
{
	mw_log_segment_name(first, ret);
	memcpy(ret + MW_SEGMENT_NAME_LEN, MW_LOG_ZST, sizeof(MW_LOG_ZST));
}

static bool quits(struct mw_log_keeper *k)
{
	bool quit;

	pthread_mutex_lock(&k->lock);
	quit = k->quit;
	pthread_mutex_unlock(&k->lock);
	return quit;
}

/* --- compression --- */

static int write_out(ZSTD_CCtx *z, const char *in, size_t n, ZSTD_EndDirective mode, int fd)
{
	ZSTD_inBuffer src = { in, n, 0 };
	char buf[65536];
	size_t left;
	int r;

	do {
		ZSTD_outBuffer out = { buf, sizeof(buf), 0 };

		left = ZSTD_compressStream2(z, &out, &src, mode);
		if (ZSTD_isError(left))
			return -EIO;
		r = mw_file_write(fd, buf, out.pos, NULL);
		if (r < 0)
			return r;
	} while (mode == ZSTD_e_end ? left > 0 : src.pos < src.size);
	return 0;
}

static int copy(struct mw_log_keeper *k, ZSTD_CCtx *z, int in, int out)
{
	_cleanup_(mw_freep) char *buf = malloc(BLOCK);
	ssize_t n;
	int r = buf ? 0 : -ENOMEM;

	while (r == 0 && (n = read(in, buf, BLOCK)) != 0) {
		if (n < 0)
			return -errno;
		r = quits(k) ? -EINTR : write_out(z, buf, (size_t)n, ZSTD_e_continue, out);
	}
	return r < 0 ? r : write_out(z, NULL, 0, ZSTD_e_end, out);
}

/* Whole and on disk under its name before the plain one goes. */
static int compress(struct mw_log_keeper *k, uint64_t first)
{
	_cleanup_(mw_close) int in = -1, out = -1;
	char plain[MW_LOG_NAME_MAX], zst[MW_LOG_NAME_MAX];
	struct stat st;
	ZSTD_CCtx *z;
	int r;

	mw_log_segment_name(first, plain);
	zst_name(first, zst);
	in = openat(k->seg_dir_fd, plain, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		return -errno;
	out = openat(k->seg_dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		     0600);
	if (out < 0)
		return -errno;
	z = ZSTD_createCCtx();
	if (!z)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	r = copy(k, z, in, out);
	ZSTD_freeCCtx(z);
	/* its age is that of its records */
	if (r == 0 &&
	    (futimens(out, (struct timespec[]){ st.st_mtim, st.st_mtim }) < 0 || fsync(out) < 0 ||
	     renameat(k->seg_dir_fd, NEW_NAME, k->seg_dir_fd, zst) < 0 || fsync(k->seg_dir_fd) < 0))
		r = -errno;
	if (r < 0) {
		(void)!unlinkat(k->seg_dir_fd, NEW_NAME, 0);
		return r;
	}
	if (k->cfg->append_only) {
		mw_log_append_only(in, false);
		mw_log_append_only(out, true);
	}
	return unlinkat(k->seg_dir_fd, plain, 0) < 0 ? -errno : 0;
}

/* --- deletion --- */

static int delete_segment(struct mw_log_keeper *k, const struct mw_segment *seg)
{
	const struct mw_segment whole = { .first = seg->first, .zst = seg->zst };
	_cleanup_(mw_close) int fd = -1;
	char name[MW_LOG_NAME_MAX];
	int r;

	/* the chain of keys goes through its seal records: without them it is not deleted */
	r = mw_segment_keep_seals(k->dir_fd, k->seg_dir_fd, &whole);
	if (r < 0)
		return r;
	mw_segment_file(seg, name);
	fd = openat(k->seg_dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		mw_log_append_only(fd, false);
	return unlinkat(k->seg_dir_fd, name, 0) < 0 ? -errno : 0;
}

static uint64_t age_ns(const struct stat *st)
{
	struct timespec now;
	int64_t s;

	clock_gettime(CLOCK_REALTIME, &now);
	s = now.tv_sec - st->st_mtim.tv_sec;
	return s > 0 ? (uint64_t)s * MW_LOG_SECOND : 0;
}

/* How far the log may be deleted by now; 0: not at all. n: finished segments, next the one behind.
 */
static uint64_t too_old(struct mw_log_keeper *k, const struct mw_segment *all, size_t n)
{
	uint64_t len = 0, to = 0, age;
	char name[MW_LOG_NAME_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i <= n; i++) {
		mw_segment_file(&all[i], name);
		if (fstatat(k->seg_dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			len += (uint64_t)st.st_size;
	}
	for (i = 0; i < n; i++) {
		mw_segment_file(&all[i], name);
		if (fstatat(k->seg_dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		age = age_ns(&st);
		if (age < k->cfg->keep_ns ||
		    (age < k->cfg->retention_ns && len <= k->cfg->retention_len))
			break;
		len -= (uint64_t)st.st_size < len ? (uint64_t)st.st_size : len;
		to = all[i + 1].first;
	}
	return to;
}

/* --- the thread --- */

static void work(struct mw_log_keeper *k, uint64_t sealed, uint64_t delete_to, bool wants)
{
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	size_t n = 0, i, done;
	uint64_t to;

	if (mw_segments_list(k->seg_dir_fd, &all, &n) < 0 || n < 2)
		return;
	for (done = 0; done + 1 < n && all[done + 1].first <= sealed; done++)
		;
	for (i = 0; i < done && all[i + 1].first <= delete_to; i++)
		if (delete_segment(k, &all[i]) < 0)
			break; /* no hole: those behind it stay too */
	if (i && fsync(k->seg_dir_fd) < 0)
		return;
	/* the last two stay plain: what a crash left open is looked for there (logresume.h) */
	for (; k->cfg->compress && i < done && i + 2 < n && !quits(k); i++)
		if (!all[i].zst && compress(k, all[i].first) == 0)
			all[i].zst = true;
	if (wants || delete_to)
		return; /* one after the other */
	to = too_old(k, all, done);
	if (!to)
		return;
	pthread_mutex_lock(&k->lock);
	k->from = all[0].first;
	k->to = to;
	pthread_mutex_unlock(&k->lock);
	atomic_store(&k->wants, true);
}

static void *keep(void *ctx)
{
	struct mw_log_keeper *k = ctx;
	struct timespec until;
	uint64_t sealed, delete_to;

	/* it may take as long as it likes */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	(void)syscall(SYS_ioprio_set, 1, 0, IO_IDLE);
	pthread_mutex_lock(&k->lock);
	while (!k->quit) {
		sealed = k->sealed;
		delete_to = k->delete_to;
		k->delete_to = 0;
		k->kicked = false;
		pthread_mutex_unlock(&k->lock);
		work(k, sealed, delete_to, atomic_load(&k->wants) || k->asked);
		pthread_mutex_lock(&k->lock);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (time_t)(ROUND_NS / MW_LOG_SECOND);
		while (!k->quit && !k->kicked &&
		       pthread_cond_timedwait(&k->changed, &k->lock, &until) != ETIMEDOUT)
			;
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

void mw_log_keeper_init(struct mw_log_keeper *k, const struct mw_sink_log_config *cfg)
{
	pthread_condattr_t attr;

	*k = (struct mw_log_keeper){ .cfg = cfg, .dir_fd = -1, .seg_dir_fd = -1 };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int mw_log_keeper_begin(struct mw_log_keeper *k)
{
	int r = mw_log_thread(&k->thread, keep, k);

	k->running = r == 0;
	return r;
}

static void kick(struct mw_log_keeper *k)
{
	k->kicked = true;
	pthread_cond_signal(&k->changed);
}

void mw_log_keeper_sealed(struct mw_log_keeper *k, uint64_t size, bool new_segment)
{
	pthread_mutex_lock(&k->lock);
	k->sealed = size;
	if (new_segment)
		kick(k);
	pthread_mutex_unlock(&k->lock);
}

bool mw_log_keeper_ask(struct mw_log_keeper *k, uint64_t *ret_from, uint64_t *ret_to)
{
	if (!atomic_load_explicit(&k->wants, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&k->lock);
	*ret_from = k->from;
	*ret_to = k->to;
	k->asked = true;
	pthread_mutex_unlock(&k->lock);
	atomic_store(&k->wants, false);
	return true;
}

void mw_log_keeper_delete(struct mw_log_keeper *k, uint64_t to)
{
	pthread_mutex_lock(&k->lock);
	k->delete_to = to;
	k->asked = false;
	kick(k);
	pthread_mutex_unlock(&k->lock);
}

void mw_log_keeper_done(struct mw_log_keeper *k)
{
	if (k->running) {
		pthread_mutex_lock(&k->lock);
		k->quit = true;
		pthread_cond_signal(&k->changed);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
	}
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
}
