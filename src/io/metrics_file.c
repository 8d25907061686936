/* SPDX-License-Identifier: Apache-2.0 */
#include "io/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"

struct mw_metrics_file {
	char *path, *aside;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct mw_buf text; /* len 0: nothing is to be written */
	bool busy, quit, ended;
	uint64_t failed;
	int error;
};

static int write_file(struct mw_metrics_file *f, const struct mw_buf *text)
{
	_cleanup_(mw_close) int fd = -1;
	int r;

	(void)unlink(f->aside); /* of a run that was killed meanwhile */
	fd = open(f->aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, text->p, text->len, NULL);
	/* the umask is not to hide it from the collector */
	if (r == 0 && (fchmod(fd, 0644) < 0 || rename(f->aside, f->path) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(f->aside);
	return r;
}

static void done(struct mw_metrics_file *f)
{
	mw_buf_done(&f->text);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f->path);
	free(f->aside);
	free(f);
}

static void *work(void *ctx)
{
	struct mw_metrics_file *f = ctx;
	struct mw_buf text;
	bool written = false;
	int r;

	pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		if (!f->text.len) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		text = f->text;
		mw_buf_init(&f->text, text.a, text.max);
		f->busy = true;
		pthread_mutex_unlock(&f->lock);
		r = write_file(f, &text);
		mw_buf_done(&text);
		pthread_mutex_lock(&f->lock);
		written |= r == 0;
		f->busy = false;
		f->failed += r < 0;
		f->error = r;
	}
	/* what is not ours is not removed */
	if (written)
		(void)unlink(f->path);
	f->ended = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int mw_metrics_file_new(const char *path, struct mw_metrics_file **ret)
{
	struct mw_metrics_file *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;
	sigset_t all, was;
	int r;

	if (!f)
		return -ENOMEM;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, &attr);
	pthread_condattr_destroy(&attr);
	f->path = strdup(path);
	if (!f->path || asprintf(&f->aside, "%s.tmp", path) < 0) {
		f->aside = NULL;
		done(f);
		return -ENOMEM;
	}
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	r = -pthread_create(&f->thread, NULL, work, f);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (r < 0) {
		done(f);
		return r;
	}
	*ret = f;
	return 0;
}

void mw_metrics_file_free(struct mw_metrics_file *f)
{
	struct timespec until;
	int r = 0;

	if (!f)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_broadcast(&f->changed);
	while (!f->ended && r == 0)
		r = pthread_cond_timedwait(&f->changed, &f->lock, &until);
	pthread_mutex_unlock(&f->lock);
	if (r == 0) {
		pthread_join(f->thread, NULL);
		done(f);
	} else {
		/* it hangs at its disk: what it uses stays with it */
		pthread_detach(f->thread);
	}
}

const char *mw_metrics_file_path(const struct mw_metrics_file *f)
{
	return f->path;
}

bool mw_metrics_file_ready(struct mw_metrics_file *f)
{
	bool ready;

	pthread_mutex_lock(&f->lock);
	ready = !f->busy && !f->text.len;
	pthread_mutex_unlock(&f->lock);
	return ready;
}

void mw_metrics_file_write(struct mw_metrics_file *f, struct mw_buf *text)
{
	pthread_mutex_lock(&f->lock);
	if (!f->busy && !f->text.len) {
		mw_buf_done(&f->text);
		f->text = *text;
		mw_buf_init(text, f->text.a, f->text.max);
		pthread_cond_signal(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
}

uint64_t mw_metrics_file_failed(struct mw_metrics_file *f, int *ret_error)
{
	uint64_t n;

	pthread_mutex_lock(&f->lock);
	n = f->failed;
	*ret_error = f->error;
	pthread_mutex_unlock(&f->lock);
	return n;
}
