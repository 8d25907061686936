/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_lanes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "io/heap.h"

/* Above what a kernel gives (PID_MAX_LIMIT, 2^22). */
#define PID_MADE_UP 10000000

int mw_lanes_take(struct mw_lanes *l, int64_t begin, int64_t end)
{
	unsigned int i, best = l->n;

	for (i = 0; i < l->n; i++)
		if (l->end[i] <= begin && (best == l->n || l->end[i] > l->end[best]))
			best = i;
	if (best == MW_LANES_MAX)
		return -ENOSPC;
	if (best == l->cap) {
		unsigned int cap = l->cap ? l->cap * 2 : 4;
		int64_t *p = realloc(l->end, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->end = p;
		l->cap = cap;
	}
	l->n += best == l->n;
	l->end[best] = end;
	return (int)best;
}

int mw_owners_init(struct mw_owners *o)
{
	int r;

	*o = (struct mw_owners){ 0 };
	r = mw_table_new(&mw_heap, 2 * sizeof(uint64_t), MW_LANES_OWNERS_MAX, &o->table);
	if (r < 0)
		return r;
	return mw_table_new(&mw_heap, sizeof(uint32_t), MW_LANES_OWNERS_MAX, &o->pids);
}

void mw_owners_done(struct mw_owners *o)
{
	struct mw_owner *w;
	size_t pos = 0;

	while (o->table && (w = mw_table_next(o->table, &pos)) != NULL) {
		free(w->calls.end);
		free(w->gaps.end);
		free(w->name);
		free(w);
	}
	mw_table_free(o->table);
	mw_table_free(o->pids);
}

int mw_owners_get(struct mw_owners *o, struct mw_slice key, uint32_t pid, struct mw_owner **ret)
{
	uint64_t hash[2] = { mw_hash64(key, 1), mw_hash64(key, 2) };
	struct mw_owner *w = mw_table_get(o->table, hash);
	int r;

	if (!w && mw_table_count(o->table) == MW_LANES_OWNERS_MAX) {
		o->refused++;
		w = o->last;
	}
	if (w) {
		*ret = w;
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->index = mw_table_count(o->table);
	/* a server's pid may be another's later, or on another host */
	if (!pid || pid >= PID_MADE_UP || mw_table_get(o->pids, &pid))
		pid = PID_MADE_UP + (uint32_t)w->index;
	w->pid = pid;
	r = mw_table_put(o->pids, &pid, w);
	if (r == 0)
		r = mw_table_put(o->table, hash, w);
	if (r < 0) {
		mw_table_remove(o->pids, &pid);
		free(w);
		return r;
	}
	o->last = w;
	*ret = w;
	return 0;
}

struct mw_owner *mw_owners_next(const struct mw_owners *o, size_t *pos)
{
	return mw_table_next(o->table, pos);
}
