/* SPDX-License-Identifier: Apache-2.0 */
#include "io/uv.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/uprobes.h"
#include "io/uv_points.h"
#include "io/uv_proc.h"

#define STOP_SECONDS 5

enum job_kind { JOB_BEGIN, JOB_END, JOB_LEARN };

struct job {
	enum job_kind kind;
	uint32_t pid;
	uint64_t start_ns;
	uint64_t addr, cookie;	/* JOB_LEARN */
	struct mw_rt_node node; /* JOB_BEGIN */
};

/* A file with code, as it was when it was read. */
struct file_id {
	uint64_t dev, ino, mtime_ns, ctime_ns;
};

/* What is known of a program: libuv's functions and node's callbacks. */
struct program {
	struct file_id id;
	struct mw_uv_points points;
	uint64_t used; /* the least recently used one makes room */
};

struct proc {
	uint32_t pid;
	uint64_t start_ns;
	struct file_id id;	 /* of its program */
	struct mw_uv_points has; /* in its program */
	size_t n_learned;
	struct mw_uprobes probes;
};

struct mw_uv {
	struct mw_uv_progs progs;
	pthread_t thread;
	bool running, stop, busy;
	pthread_mutex_t lock; /* of the queue, stop, busy and the counts */
	pthread_cond_t some, idle;
	struct job job[MW_UV_QUEUE_MAX];
	size_t head, n;
	struct mw_uv_stats stats;
	/* the thread's own */
	struct proc *proc[MW_UV_PROCS_MAX];
	size_t n_proc;
	struct program *program[MW_UV_PROGRAMS_MAX];
	size_t n_program;
	uint64_t clock;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void count(struct mw_uv *u, uint64_t *counter)
{
	pthread_mutex_lock(&u->lock);
	(*counter)++;
	pthread_mutex_unlock(&u->lock);
}

static void longest(struct mw_uv *u, uint64_t *most, uint64_t since_ns)
{
	uint64_t t = now_ns() - since_ns;

	pthread_mutex_lock(&u->lock);
	if (t > *most)
		*most = t;
	pthread_mutex_unlock(&u->lock);
}

/* --- programs -------------------------------------------------------------------------------- */

static struct file_id id_of(const struct mw_binary *b)
{
	return (struct file_id){ b->dev, b->ino, b->mtime_ns, b->ctime_ns };
}

static bool same_file(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

static struct program *find_program(struct mw_uv *u, const struct file_id *id)
{
	for (size_t i = 0; i < u->n_program; i++) {
		if (same_file(&u->program[i]->id, id)) {
			u->program[i]->used = ++u->clock;
			return u->program[i];
		}
	}
	return NULL;
}

static struct program *add_program(struct mw_uv *u, const struct file_id *id)
{
	struct program *p = NULL;

	if (u->n_program < MW_UV_PROGRAMS_MAX) {
		p = calloc(1, sizeof(*p));
		if (p)
			u->program[u->n_program++] = p;
	} else {
		p = u->program[0];
		for (size_t i = 1; i < u->n_program; i++)
			if (u->program[i]->used < p->used)
				p = u->program[i];
	}
	if (p) {
		p->id = *id;
		p->points.n = 0;
		p->used = ++u->clock;
	}
	return p;
}

/* --- probes ---------------------------------------------------------------------------------- */

/* Puts `prog` where the places' programs are from `least` on. */
static int add_some(struct proc *p, struct bpf_program *prog, int file,
		    const struct mw_uv_point *at, size_t n, unsigned int least, unsigned int most,
		    bool ret)
{
	unsigned long off[MW_UV_POINTS_MAX];
	uint64_t cookie[MW_UV_POINTS_MAX];
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (at[i].progs < least || at[i].progs > most)
			continue;
		off[m] = at[i].off;
		cookie[m++] = at[i].cookie;
	}
	return mw_uprobes_add(&p->probes, prog, p->pid, file, off, cookie, m, ret);
}

/*
 * Returns first: a begin without its end would last too long. Submissions last: they would wait for
 * a callback that is not seen.
 */
static int add_points(struct mw_uv *u, struct proc *p, int file, const struct mw_uv_point *at,
		      size_t n)
{
	uint64_t since = now_ns();
	int r = add_some(p, u->progs.end, file, at, n, MW_UV_P_BOTH, MW_UV_P_BOTH, true);

	if (!r)
		r = add_some(p, u->progs.begin, file, at, n, MW_UV_P_BEGIN, MW_UV_P_BOTH, false);
	if (!r)
		r = add_some(p, u->progs.call, file, at, n, MW_UV_P_CALL, MW_UV_P_CALL, false);
	if (r < 0 && r != -ESRCH)
		count(u, &u->stats.failed);
	longest(u, &u->stats.attach_ns, since);
	return r;
}

/* --- processes ------------------------------------------------------------------------------- */

static struct proc *find_proc(struct mw_uv *u, uint32_t pid, uint64_t start_ns, size_t *ret_i)
{
	for (size_t i = 0; i < u->n_proc; i++) {
		if (u->proc[i]->pid == pid && u->proc[i]->start_ns == start_ns) {
			*ret_i = i;
			return u->proc[i];
		}
	}
	return NULL;
}

static void do_end(struct mw_uv *u, uint32_t pid, uint64_t start_ns)
{
	uint64_t since = now_ns();
	struct proc *p;
	size_t i;

	p = find_proc(u, pid, start_ns, &i);
	if (!p)
		return;
	mw_uprobes_done(&p->probes);
	u->proc[i] = u->proc[--u->n_proc];
	free(p);
	longest(u, &u->stats.detach_ns, since);
}

static struct program *read_program(struct mw_uv *u, struct mw_binary *b)
{
	struct file_id id = id_of(b);
	struct program *g = find_program(u, &id);
	struct mw_uv_points points;

	if (g)
		return g;
	if (mw_uv_points_read(b, &points) < 0)
		return NULL;
	g = add_program(u, &id);
	if (g)
		g->points = points;
	return g;
}

static void do_begin(struct mw_uv *u, uint32_t pid, uint64_t start_ns,
		     const struct mw_rt_node *node)
{
	struct mw_binary b = { 0 };
	struct program *g;
	struct proc *p;
	size_t i;

	if (find_proc(u, pid, start_ns, &i) || mw_uv_is_copy(pid) || !mw_uv_runs(pid, node) ||
	    mw_binary_open(pid, &b) < 0)
		return;
	g = read_program(u, &b);
	/* another program by now */
	if (!g) {
		mw_binary_close(&b);
		return;
	}
	p = u->n_proc < MW_UV_PROCS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		count(u, &u->stats.refused);
	} else {
		p->pid = pid;
		p->start_ns = start_ns;
		p->id = g->id;
		p->has = g->points;
		u->proc[u->n_proc++] = p;
		if (add_points(u, p, b.fd, g->points.p, g->points.n) < 0)
			do_end(u, pid, start_ns);
		else
			count(u, &u->stats.begun);
	}
	mw_binary_close(&b);
}

/* --- what is learned ------------------------------------------------------------------------- */

static void do_learn(struct mw_uv *u, const struct job *j)
{
	struct mw_uv_point at = { .cookie = j->cookie, .progs = MW_UV_P_BOTH };
	struct file_id id;
	struct program *g;
	struct stat st;
	struct proc *p;
	size_t i;
	int fd;

	p = find_proc(u, j->pid, j->start_ns, &i);
	if (!p)
		return;
	if (p->n_learned == MW_UV_LEARNED_MAX) {
		count(u, &u->stats.refused);
		return;
	}
	fd = mw_uv_code_at(j->pid, p->id.dev, j->addr, &at.off);
	if (fd < 0)
		return;
	p->n_learned++;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		id = (struct file_id){
			st.st_dev, st.st_ino,
			(uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
			(uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec
		};
		g = same_file(&id, &p->id) ? find_program(u, &id) : NULL;
		/* in another file, an addon, each process learns for itself, and once */
		if ((!g || mw_uv_points_add(&p->has, &at)) && add_points(u, p, fd, &at, 1) == 0) {
			count(u, &u->stats.learned);
			if (g)
				mw_uv_points_add(&g->points, &at);
		}
	}
	close(fd);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void do_job(struct mw_uv *u, const struct job *j)
{
	switch (j->kind) {
	case JOB_BEGIN:
		do_begin(u, j->pid, j->start_ns, &j->node);
		break;
	case JOB_END:
		do_end(u, j->pid, j->start_ns);
		break;
	case JOB_LEARN:
		do_learn(u, j);
		break;
	}
}

static void *run(void *arg)
{
	struct mw_uv *u = arg;
	struct job j;

	pthread_mutex_lock(&u->lock);
	while (!u->stop) {
		if (u->n == 0) {
			u->busy = false;
			pthread_cond_broadcast(&u->idle);
			pthread_cond_wait(&u->some, &u->lock);
			continue;
		}
		j = u->job[u->head];
		u->head = (u->head + 1) % MW_UV_QUEUE_MAX;
		u->n--;
		u->busy = true;
		pthread_mutex_unlock(&u->lock);
		do_job(u, &j);
		pthread_mutex_lock(&u->lock);
	}
	u->busy = false;
	pthread_cond_broadcast(&u->idle);
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* Signals are for who waits for them. */
static bool start(struct mw_uv *u)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&u->thread, NULL, run, u) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static void push(struct mw_uv *u, const struct job *j)
{
	pthread_mutex_lock(&u->lock);
	if (!u->running)
		u->running = start(u);
	/* the last places are for ends: one forgotten would keep its probes */
	if (!u->running || u->n == MW_UV_QUEUE_MAX ||
	    (j->kind != JOB_END && u->n >= MW_UV_QUEUE_MAX - MW_UV_PROCS_MAX)) {
		u->stats.refused++;
	} else {
		u->job[(u->head + u->n++) % MW_UV_QUEUE_MAX] = *j;
		pthread_cond_signal(&u->some);
	}
	pthread_mutex_unlock(&u->lock);
}

void mw_uv_begin(struct mw_uv *u, uint32_t pid, uint64_t start_ns, const struct mw_rt_node *node)
{
	push(u,
	     &(struct job){ .kind = JOB_BEGIN, .pid = pid, .start_ns = start_ns, .node = *node });
}

void mw_uv_end(struct mw_uv *u, uint32_t pid, uint64_t start_ns)
{
	push(u, &(struct job){ .kind = JOB_END, .pid = pid, .start_ns = start_ns });
}

void mw_uv_learn(struct mw_uv *u, const struct mw_uv_learn *l)
{
	push(u, &(struct job){ .kind = JOB_LEARN,
			       .pid = l->hdr.tgid,
			       .start_ns = l->hdr.start_ns,
			       .addr = l->addr,
			       .cookie = l->cookie });
}

void mw_uv_settle(struct mw_uv *u)
{
	pthread_mutex_lock(&u->lock);
	while (u->running && (u->n || u->busy))
		pthread_cond_wait(&u->idle, &u->lock);
	pthread_mutex_unlock(&u->lock);
}

void mw_uv_stats(struct mw_uv *u, struct mw_uv_stats *ret)
{
	pthread_mutex_lock(&u->lock);
	*ret = u->stats;
	pthread_mutex_unlock(&u->lock);
}

/* --- begin and end --------------------------------------------------------------------------- */

int mw_uv_new(const struct mw_uv_progs *progs, struct mw_uv **ret)
{
	struct mw_uv *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->progs = *progs;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->some, NULL);
	pthread_cond_init(&u->idle, NULL);
	*ret = u;
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * Our end shall not wait for a tenth of a second for each link. A child has all descriptors too, so
 * the links are taken away when it ends, where nobody looks; of all others, which may be locks, it
 * lets go.
 */
static void leave_behind(struct mw_uv *u)
{
	size_t n = 0, max = 0;
	unsigned int next = 0;
	int *fds;

	for (size_t i = 0; i < u->n_proc; i++)
		max += u->proc[i]->probes.n_link + u->proc[i]->probes.n_fd;
	if (max == 0)
		return;
	fds = malloc(max * sizeof(*fds));
	if (!fds)
		return;
	for (size_t i = 0; i < u->n_proc; i++)
		n += mw_uprobes_fds(&u->proc[i]->probes, fds + n);
	qsort(fds, n, sizeof(*fds), compare_fds);
	if (fork() == 0) {
		for (size_t i = 0; i < n; i++) {
			if ((unsigned int)fds[i] > next)
				close_range(next, (unsigned int)fds[i] - 1, 0);
			next = (unsigned int)fds[i] + 1;
		}
		close_range(next, ~0u, 0);
		setsid();
		sleep(1); /* until our parent has let go of them */
		_exit(0);
	}
	free(fds);
}

static int stop(struct mw_uv *u)
{
	struct timespec until;

	if (!u->running)
		return 0;
	pthread_mutex_lock(&u->lock);
	u->stop = true;
	pthread_cond_signal(&u->some);
	pthread_mutex_unlock(&u->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	return pthread_timedjoin_np(u->thread, NULL, &until);
}

void mw_uv_free(struct mw_uv *u)
{
	if (!u || stop(u) != 0)
		return;
	leave_behind(u);
	while (u->n_proc)
		do_end(u, u->proc[0]->pid, u->proc[0]->start_ns);
	while (u->n_program)
		free(u->program[--u->n_program]);
	pthread_cond_destroy(&u->idle);
	pthread_cond_destroy(&u->some);
	pthread_mutex_destroy(&u->lock);
	free(u);
}
