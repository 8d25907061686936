/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. Every process is in `table` and in exactly one of the lists living (order of first sight) and
 *     ended (order of end).
 *  2. A string's refs is the number of processes that point to it; `bytes` is the sum over all
 *  strings.
 *  3. After a push `bytes` is at most bytes_max, or one process is left.
 */
#include "core/proc.h"

#include <errno.h>

#include "base/table.h"
#include "core/event.h"

#define STRINGS_PER_PROC 2048
#define USERS_MAX 4096
#define ANCESTORS_MAX	 64
#define USER_LEN_MAX 256

/* A forked process is its parent's copy: the text is shared until one of them runs a program. */
struct text {
	size_t refs, n;
	uint8_t p[];
};

/* The name is this process's own: all else is also its children's, until they run a program. */
enum { EXE, ARGV, CWD, CGROUP, INHERITED, NAME = INHERITED, N_TEXT };

struct node {
	struct mw_proc pub; /* its slices are text[] */
	struct text *text[N_TEXT];
	struct mw_slice name;
	struct node *prev, *next;
	bool exe_cut;
};

struct list {
	struct node *head, *tail;
};

struct user {
	uint32_t uid;
	uint32_t n, n_home;
	uint8_t text[]; /* name, home */
};

static size_t user_size(const struct user *u)
{
	return sizeof(*u) + u->n + u->n_home;
}

struct mw_procs {
	const struct mw_alloc *a;
	struct mw_table *table, *users;
	struct list living, ended;
	size_t max, bytes, bytes_max;
	uint64_t evicted;
};

static void list_add(struct list *l, struct node *n)
{
	n->prev = l->tail;
	n->next = NULL;
	if (l->tail)
		l->tail->next = n;
	else
		l->head = n;
	l->tail = n;
}

static void list_del(struct list *l, struct node *n)
{
	if (n->prev)
		n->prev->next = n->next;
	else
		l->head = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		l->tail = n->prev;
}

static struct mw_slice *node_slice(struct node *n, int i)
{
	struct mw_slice *const s[N_TEXT] = { &n->pub.exe, &n->pub.argv, &n->pub.cwd, &n->pub.cgroup,
					     &n->name };

	return s[i];
}

static void text_put(struct mw_procs *p, struct node *n, int i, struct text *t)
{
	struct text *old = n->text[i];

	n->text[i] = t;
	*node_slice(n, i) = t ? mw_slice(t->p, t->n) : mw_slice(NULL, 0);
	if (t)
		t->refs++;
	if (!old || --old->refs)
		return;
	p->bytes -= sizeof(*old) + old->n;
	mw_alloc_free(p->a, old, sizeof(*old) + old->n);
}

static int text_set(struct mw_procs *p, struct node *n, int i, struct mw_slice s)
{
	struct text *t;

	if (s.n == 0) {
		text_put(p, n, i, NULL);
		return 0;
	}
	if (mw_slice_eq(*node_slice(n, i), s))
		return 0;
	t = p->a->resize(p->a->ctx, NULL, 0, sizeof(*t) + s.n);
	if (!t) {
		text_put(p, n, i, NULL);
		return -ENOMEM;
	}
	t->refs = 0;
	t->n = s.n;
	memcpy(t->p, s.p, s.n);
	p->bytes += sizeof(*t) + s.n;
	text_put(p, n, i, t);
	return 0;
}

static void node_free(struct mw_procs *p, struct node *n)
{
	for (int i = 0; i < N_TEXT; i++)
		text_put(p, n, i, NULL);
	mw_alloc_free(p->a, n, sizeof(*n));
}

int mw_procs_new(const struct mw_alloc *a, size_t max, struct mw_procs **ret)
{
	struct mw_procs *p;
	int r;

	if (max < 2)
		max = 2; /* a fork needs both */
	p = mw_alloc_zero(a, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->a = a;
	p->max = max;
	p->bytes_max = max * STRINGS_PER_PROC;
	if (p->bytes_max < 4 * (size_t)MW_EVENT_MAX)
		p->bytes_max = 4 * (size_t)MW_EVENT_MAX;
	r = mw_table_new(a, sizeof(struct mw_prockey), max, &p->table);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint32_t), USERS_MAX, &p->users);
	if (r < 0) {
		mw_procs_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void mw_procs_free(struct mw_procs *p)
{
	struct node *n;
	struct user *u;
	size_t pos = 0;

	if (!p)
		return;
	while (p->table && (n = mw_table_next(p->table, &pos)))
		node_free(p, n);
	pos = 0;
	while (p->users && (u = mw_table_next(p->users, &pos)))
		mw_alloc_free(p->a, u, user_size(u));
	mw_table_free(p->table);
	mw_table_free(p->users);
	mw_alloc_free(p->a, p, sizeof(*p));
}

/* Makes room, sparing `keep`. False: there is no other. */
static bool evict(struct mw_procs *p, const struct node *keep)
{
	struct list *l = &p->ended;
	struct node *n = l->head;

	if (n == keep && n)
		n = n->next;
	if (!n) {
		l = &p->living;
		n = l->head;
		if (n == keep && n)
			n = n->next;
		if (!n)
			return false;
		p->evicted++;
	}
	list_del(l, n);
	mw_table_remove(p->table, &n->pub.key);
	node_free(p, n);
	return true;
}

/* Finds or makes; a made one is empty. `keep` is not evicted for it. */
static int note(struct mw_procs *p, struct mw_prockey key, uint64_t ts_ns, const struct node *keep,
		struct node **ret)
{
	struct node *n = mw_table_get(p->table, &key);
	int r;

	if (n) {
		*ret = n;
		return 0;
	}
	n = mw_alloc_zero(p->a, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->pub.key = key;
	n->pub.since_ns = ts_ns;
	n->pub.uid = n->pub.gid = n->pub.loginuid = n->pub.audit_session = UINT32_MAX;
	while ((r = mw_table_put(p->table, &key, n)) == -ENOSPC)
		if (!evict(p, keep))
			break;
	if (r < 0) {
		mw_alloc_free(p->a, n, sizeof(*n));
		return r == -ENOSPC ? -ENOMEM : r;
	}
	list_add(&p->living, n);
	*ret = n;
	return 0;
}

static void parent_learn(struct node *n, struct mw_prockey parent)
{
	if (mw_prockey_none(n->pub.parent) && !mw_prockey_none(parent) &&
	    !mw_prockey_eq(n->pub.key, parent))
		n->pub.parent = parent;
}

static int on_fork(struct mw_procs *p, struct node *parent, const struct mw_ev_fork *ev)
{
	struct mw_prockey key = { ev->child_start_ns, ev->child_tgid };
	struct node *n;
	int r;

	if (mw_prockey_none(key) || mw_prockey_eq(key, parent->pub.key))
		return 0;
	r = note(p, key, ev->hdr.ts_ns, parent, &n);
	if (r < 0)
		return r;
	parent_learn(n, parent->pub.key);
	if (n->pub.known) /* it spoke for itself already */
		return 0;
	for (int i = 0; i < INHERITED; i++)
		text_put(p, n, i, parent->text[i]);
	n->exe_cut = parent->exe_cut;
	n->pub.argv_cut = parent->pub.argv_cut;
	n->pub.cgroup_id = parent->pub.cgroup_id;
	n->pub.dev = parent->pub.dev;
	n->pub.ino = parent->pub.ino;
	n->pub.uid = parent->pub.uid;
	n->pub.gid = parent->pub.gid;
	n->pub.loginuid = parent->pub.loginuid;
	n->pub.audit_session = parent->pub.audit_session;
	return 0;
}

static void credentials(struct node *n, const struct mw_ev_proc *ev)
{
	n->pub.gid = ev->gid;
	n->pub.loginuid = ev->loginuid;
	n->pub.audit_session = ev->audit_session;
	parent_learn(n, (struct mw_prockey){ ev->parent_start_ns, ev->parent_tgid });
}

static int first_error(int r, int r2)
{
	return r < 0 ? r : r2;
}

static int on_exec(struct mw_procs *p, struct node *n, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings s = mw_event_proc_strings(ev);
	int r;

	credentials(n, ev);
	n->pub.exec_ns = ev->hdr.ts_ns;
	n->pub.dev = ev->dev;
	n->pub.ino = ev->ino;
	n->pub.argv_cut = ev->argv_cut;
	n->exe_cut = ev->exe_state == MW_PATH_CUT;
	n->pub.known = true;
	/* the old program's are wrong now, also where the new one's are missing */
	r = text_set(p, n, EXE, s.exe);
	r = first_error(r, text_set(p, n, ARGV, s.argv));
	/* an exec changes neither of these */
	if (s.cwd.n)
		r = first_error(r, text_set(p, n, CWD, s.cwd));
	if (s.cgroup.n)
		r = first_error(r, text_set(p, n, CGROUP, s.cgroup));
	return r;
}

static int on_proc(struct mw_procs *p, struct node *n, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings s = mw_event_proc_strings(ev);
	bool stale = ev->hdr.ts_ns < n->pub.exec_ns, exec = n->pub.exec_ns != 0;
	int r = 0;

	if (!exec || n->pub.gid == UINT32_MAX)
		credentials(n, ev);
	else
		parent_learn(n, (struct mw_prockey){ ev->parent_start_ns, ev->parent_tgid });
	n->pub.known = true;
	if (s.exe.n && !stale &&
	    (!exec || !n->pub.exe.n || (n->exe_cut && ev->exe_state == MW_PATH_FULL))) {
		r = text_set(p, n, EXE, s.exe);
		n->exe_cut = ev->exe_state == MW_PATH_CUT;
	}
	if ((ev->dev || ev->ino) && !stale && (!exec || (!n->pub.dev && !n->pub.ino))) {
		n->pub.dev = ev->dev;
		n->pub.ino = ev->ino;
	}
	/* a process may write over its argv in /proc: as it was run is worth more */
	if (s.argv.n && !stale && (!exec || !n->pub.argv.n)) {
		r = first_error(r, text_set(p, n, ARGV, s.argv));
		n->pub.argv_cut = ev->argv_cut;
	}
	if (s.cwd.n && (!stale || !n->pub.cwd.n))
		r = first_error(r, text_set(p, n, CWD, s.cwd));
	if (s.cgroup.n && (!stale || !n->pub.cgroup.n))
		r = first_error(r, text_set(p, n, CGROUP, s.cgroup));
	return r;
}

static void on_end(struct mw_procs *p, struct node *n, const struct mw_ev_exit *ev)
{
	if (n->pub.exited)
		return;
	n->pub.exited = true;
	n->pub.code = ev->code;
	n->pub.exit_ns = ev->hdr.ts_ns;
	list_del(&p->living, n);
	list_add(&p->ended, n);
}

static int on_user(struct mw_procs *p, const struct mw_ev_user *ev)
{
	struct mw_slice home, name = mw_event_user(ev, &home);
	struct user *u, *old;
	int r;

	if (name.n == 0 || name.n > USER_LEN_MAX)
		return 0;
	if (home.n > MW_PATH_MAX)
		home.n = 0;
	u = p->a->resize(p->a->ctx, NULL, 0, sizeof(*u) + name.n + home.n);
	if (!u)
		return -ENOMEM;
	u->uid = ev->id;
	u->n = (uint32_t)name.n;
	u->n_home = (uint32_t)home.n;
	memcpy(u->text, name.p, name.n);
	memcpy(u->text + name.n, home.p, home.n);
	old = mw_table_remove(p->users, &u->uid);
	if (!old && mw_table_count(p->users) == USERS_MAX) {
		old = mw_table_oldest(p->users);
		mw_table_remove(p->users, &old->uid);
	}
	if (old)
		mw_alloc_free(p->a, old, user_size(old));
	r = mw_table_put(p->users, &u->uid, u);
	if (r < 0)
		mw_alloc_free(p->a, u, user_size(u));
	return r;
}

static int on_name(struct mw_procs *p, struct node *n, const struct mw_ev_name *ev)
{
	struct mw_slice file, name = mw_event_name(ev, &file);

	if (name.n > MW_PROC_NAME_MAX)
		name.n = MW_PROC_NAME_MAX;
	return text_set(p, n, NAME, name);
}

int mw_procs_push(struct mw_procs *p, const struct mw_event_hdr *ev)
{
	struct node *n;
	int r;

	if (ev->type == MW_EV_USER)
		return on_user(p, (const struct mw_ev_user *)ev);
	if (ev->tgid == 0)
		return 0;
	r = note(p, mw_prockey_of(ev), ev->ts_ns, NULL, &n);
	if (r < 0)
		return r;
	n->pub.uid = ev->uid;
	if (ev->cgroup)
		n->pub.cgroup_id = ev->cgroup;
	switch (ev->type) {
	case MW_EV_FORK:
		r = on_fork(p, n, (const struct mw_ev_fork *)ev);
		break;
	case MW_EV_EXEC:
		r = on_exec(p, n, (const struct mw_ev_proc *)ev);
		break;
	case MW_EV_PROC:
		r = on_proc(p, n, (const struct mw_ev_proc *)ev);
		break;
	case MW_EV_NAME:
		r = on_name(p, n, (const struct mw_ev_name *)ev);
		break;
	case MW_EV_EXIT:
		on_end(p, n, (const struct mw_ev_exit *)ev);
		break;
	}
	while (p->bytes > p->bytes_max && evict(p, n))
		;
	return r;
}

const struct mw_proc *mw_procs_get(const struct mw_procs *p, struct mw_prockey key)
{
	const struct node *n = mw_table_get(p->table, &key);

	return n ? &n->pub : NULL;
}

struct mw_slice mw_procs_user(const struct mw_procs *p, uint32_t uid)
{
	const struct user *u = mw_table_get(p->users, &uid);

	return u ? mw_slice(u->text, u->n) : mw_slice(NULL, 0);
}

struct mw_slice mw_procs_home(const struct mw_procs *p, uint32_t uid)
{
	const struct user *u = mw_table_get(p->users, &uid);

	return u ? mw_slice(u->text + u->n, u->n_home) : mw_slice(NULL, 0);
}

struct mw_slice mw_procs_name(const struct mw_procs *p, struct mw_prockey key)
{
	const struct node *n = mw_table_get(p->table, &key);

	return n ? n->name : mw_slice(NULL, 0);
}

struct mw_prockey mw_procs_named(const struct mw_procs *p, struct mw_prockey key,
				 struct mw_prockey stop)
{
	const struct node *n;
	int i;

	for (i = 0; i <= ANCESTORS_MAX; i++, key = n->pub.parent) {
		n = mw_table_get(p->table, &key);
		if (!n || mw_prockey_eq(key, stop))
			break;
		if (n->name.n)
			return key;
	}
	return (struct mw_prockey){ 0, 0 };
}

const struct mw_proc *mw_procs_next(const struct mw_procs *p, size_t *pos)
{
	const struct node *n = mw_table_next(p->table, pos);

	return n ? &n->pub : NULL;
}

struct mw_slice mw_argv_at(struct mw_slice argv, size_t i)
{
	while (argv.n) {
		const uint8_t *end = memchr(argv.p, '\0', argv.n);
		size_t n = end ? (size_t)(end - argv.p) : argv.n;

		if (i-- == 0)
			return mw_slice(argv.p, n);
		if (!end)
			break;
		argv = mw_slice(end + 1, argv.n - n - 1);
	}
	return mw_slice(NULL, 0);
}

uint64_t mw_procs_evicted(const struct mw_procs *p)
{
	return p->evicted;
}

size_t mw_procs_count(const struct mw_procs *p)
{
	return mw_table_count(p->table);
}
