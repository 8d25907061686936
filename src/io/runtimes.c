/* SPDX-License-Identifier: Apache-2.0 */
#include "io/runtimes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "io/heap.h"

#define WAIT_MS	 30
#define FIRST_NS 2000000ull
#define SWEEP_NS 1000000000ull

#define NO_ROOM	  "too many processes with a runtime: the tasks of this one are not read"
#define NOT_BEGUN "its runtime has not begun"
#define NO_ANSWER "looking at it took too long"

struct proc {
	uint32_t tgid;
	uint64_t start_ns;
	uint64_t since_ns; /* when it was told */
	uint64_t due_ns;   /* not 0: it has no answer yet and is asked again then */
	uint8_t tries;
	bool observed;
	bool begun;
	struct mw_runtime_found found;
};

struct mw_runtimes {
	const struct mw_runtimes_ops *ops;
	void *ctx;
	struct mw_looker *looker;
	struct mw_table *procs; /* by tgid */
	uint64_t next_due, swept_ns;
	struct mw_runtimes_stats stats;
};

int mw_runtimes_new(const struct mw_runtimes_ops *ops, void *ctx, struct mw_runtimes **ret)
{
	struct mw_runtimes *r = calloc(1, sizeof(*r));
	int n;

	if (!r)
		return -ENOMEM;
	r->ops = ops;
	r->ctx = ctx;
	n = mw_table_new(&mw_heap, sizeof(uint32_t), MW_RUNTIMES_MAX, &r->procs);
	if (n == 0)
		n = mw_looker_new(ops->look, sizeof(struct mw_runtime_found), &r->looker);
	if (n < 0) {
		mw_runtimes_free(r);
		return n;
	}
	*ret = r;
	return 0;
}

void mw_runtimes_free(struct mw_runtimes *r)
{
	struct proc *p;
	size_t pos = 0;

	if (!r)
		return;
	while (r->procs && (p = mw_table_next(r->procs, &pos)))
		free(p);
	mw_table_free(r->procs);
	mw_looker_free(r->looker);
	free(r);
}

void mw_runtimes_stats(const struct mw_runtimes *r, struct mw_runtimes_stats *ret)
{
	*ret = r->stats;
	ret->n = mw_table_count(r->procs);
}

/* --- the table ------------------------------------------------------------------------------- */

static struct proc *get(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns)
{
	struct proc *p = mw_table_get(r->procs, &tgid);

	return p && p->start_ns == start_ns ? p : NULL;
}

static void end(struct mw_runtimes *r, struct proc *p)
{
	if (p->begun && r->ops->end)
		r->ops->end(r->ctx, p->tgid, p->start_ns, &p->found);
	p->begun = false;
}

static void forget(struct mw_runtimes *r, struct proc *p)
{
	end(r, p);
	if (p->due_ns)
		r->stats.waiting--;
	mw_looker_forget(r->looker, p->tgid, p->start_ns);
	r->ops->drop(r->ctx, p->tgid);
	(void)mw_table_remove(r->procs, &p->tgid);
	free(p);
}

/* Processes whose end was lost, or was not told as they were let go before, leave here. */
static void sweep(struct mw_runtimes *r)
{
	uint64_t now = r->ops->now(r->ctx);
	struct proc *p;
	size_t pos = 0;

	if (now - r->swept_ns < SWEEP_NS)
		return;
	r->swept_ns = now;
	while ((p = mw_table_next(r->procs, &pos)))
		if (!r->ops->is_alive(r->ctx, p->tgid, p->start_ns))
			forget(r, p);
}

static struct proc *add(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns, bool observed)
{
	struct proc *p = mw_table_get(r->procs, &tgid);
	int n;

	if (p)
		forget(r, p);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->tgid = tgid;
	p->start_ns = start_ns;
	p->observed = observed;
	n = mw_table_put(r->procs, &p->tgid, p);
	if (n == -ENOSPC) {
		sweep(r);
		n = mw_table_put(r->procs, &p->tgid, p);
	}
	if (n < 0) {
		free(p);
		return NULL;
	}
	return p;
}

/* --- looking --------------------------------------------------------------------------------- */

static struct mw_event_hdr head_of(const struct proc *p, uint64_t ts_ns)
{
	return (struct mw_event_hdr){
		.ts_ns = ts_ns,
		.start_ns = p->start_ns,
		.tgid = p->tgid,
		.flags = p->observed ? 0 : MW_EVF_CANDIDATE,
	};
}

static void begin(struct mw_runtimes *r, struct proc *p)
{
	if (p->due_ns || !p->observed || p->begun || !r->ops->begin)
		return;
	p->begun = true;
	r->ops->begin(r->ctx, p->tgid, p->start_ns, &p->found);
}

static void refuse(struct mw_runtimes *r, struct mw_runtime_found *found, const char *why)
{
	r->stats.refused++;
	found->reads = false;
	snprintf(found->note, sizeof(found->note), "%s", why);
}

/* Tells of one that finds no room, or that there is nothing to be found out about. */
static void tell_refused(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns, bool observed,
			 struct mw_runtime_found found, const char *why)
{
	const struct proc p = { .tgid = tgid, .start_ns = start_ns, .observed = observed };
	struct mw_event_hdr h = head_of(&p, r->ops->now(r->ctx));

	refuse(r, &found, why);
	r->ops->tell(r->ctx, &h, &found);
}

/* It is known what the process has. `ts_ns`: from when on the kernel side reads it; 0: from now. */
static void settle(struct mw_runtimes *r, struct proc *p, const struct mw_runtime_found *found,
		   uint64_t ts_ns)
{
	struct mw_event_hdr h;

	p->found = *found;
	p->found.rt.start_ns = p->start_ns;
	if (p->found.reads && r->ops->put(r->ctx, p->tgid, &p->found.rt) < 0)
		refuse(r, &p->found, NO_ROOM);
	p->since_ns = ts_ns ? ts_ns : r->ops->now(r->ctx);
	h = head_of(p, p->since_ns);
	r->ops->tell(r->ctx, &h, &p->found);
	begin(r, p);
}

static void wait_for(struct mw_runtimes *r, struct proc *p, uint8_t tries)
{
	if (!p->due_ns)
		r->stats.waiting++;
	p->tries = tries;
	p->due_ns = r->ops->now(r->ctx) + (FIRST_NS << tries);
	if (!r->next_due || p->due_ns < r->next_due)
		r->next_due = p->due_ns;
}

static bool is_later(int n)
{
	return n == -EAGAIN || n == -EINPROGRESS || n == -EBUSY;
}

static int ask(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns,
	       struct mw_runtime_found *ret)
{
	r->stats.looks++;
	return mw_looker_ask(r->looker, tgid, start_ns, WAIT_MS, ret);
}

static void look(struct mw_runtimes *r, const struct mw_event_hdr *h, bool observed)
{
	struct mw_runtime_found found = { 0 };
	struct proc *p;
	int n = ask(r, h->tgid, h->start_ns, &found);

	if (!is_later(n) && (n < 0 || found.rt.kind == MW_RT_NONE))
		return;
	p = add(r, h->tgid, h->start_ns, observed);
	if (p && n == 0) {
		settle(r, p, &found, 0);
	} else if (p) {
		wait_for(r, p, 0);
	} else {
		mw_looker_forget(r->looker, h->tgid, h->start_ns);
		tell_refused(r, h->tgid, h->start_ns, observed, found, NO_ROOM);
	}
}

uint64_t mw_runtimes_due(const struct mw_runtimes *r)
{
	return r->stats.waiting ? r->next_due : 0;
}

static void ask_again(struct mw_runtimes *r, struct proc *p)
{
	struct mw_runtime_found found = { 0 };
	int n = ask(r, p->tgid, p->start_ns, &found);

	if (is_later(n) && p->tries + 1 < MW_RUNTIMES_TRIES) {
		wait_for(r, p, (uint8_t)(p->tries + 1));
		return;
	}
	if (is_later(n))
		tell_refused(r, p->tgid, p->start_ns, p->observed, found,
			     n == -EAGAIN ? NOT_BEGUN : NO_ANSWER);
	if (n < 0 || found.rt.kind == MW_RT_NONE) {
		forget(r, p);
		return;
	}
	p->due_ns = 0;
	r->stats.waiting--;
	settle(r, p, &found, 0);
}

void mw_runtimes_poll(struct mw_runtimes *r)
{
	uint64_t due = mw_runtimes_due(r), now;
	struct proc *p;
	size_t pos = 0;

	if (!due)
		return;
	now = r->ops->now(r->ctx);
	if (now < due)
		return;
	r->next_due = 0;
	while ((p = mw_table_next(r->procs, &pos))) {
		if (!p->due_ns)
			continue;
		if (p->due_ns <= now)
			ask_again(r, p);
		else if (!r->next_due || p->due_ns < r->next_due)
			r->next_due = p->due_ns;
	}
}

/* --- what happens to processes --------------------------------------------------------------- */

void mw_runtimes_exec(struct mw_runtimes *r, const struct mw_event_hdr *h, bool observed)
{
	struct proc *p = mw_table_get(r->procs, &h->tgid);

	if (p)
		forget(r, p);
	look(r, h, observed);
}

void mw_runtimes_met(struct mw_runtimes *r, const struct mw_event_hdr *h, bool observed)
{
	if (!get(r, h->tgid, h->start_ns))
		look(r, h, observed);
}

void mw_runtimes_fork(struct mw_runtimes *r, const struct mw_ev_fork *e, bool observed)
{
	struct proc *p = get(r, e->hdr.tgid, e->hdr.start_ns), *c;
	struct proc of;

	if (!p)
		return;
	of = *p; /* to add may sweep it away */
	c = add(r, e->child_tgid, e->child_start_ns, observed);
	if (!c)
		tell_refused(r, e->child_tgid, e->child_start_ns, observed, of.found, NO_ROOM);
	else if (of.due_ns)
		wait_for(r, c, of.tries);
	else /* the kernel side had copied the entry, if there was one then */
		settle(r, c, &of.found, of.since_ns <= e->hdr.ts_ns ? e->hdr.ts_ns : 0);
}

void mw_runtimes_exit(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns)
{
	struct proc *p = get(r, tgid, start_ns);

	if (p)
		forget(r, p);
}

void mw_runtimes_tag(struct mw_runtimes *r, uint32_t tgid, bool watched, bool observed)
{
	struct proc *p = mw_table_get(r->procs, &tgid);

	if (!p)
		return;
	if (!watched) {
		forget(r, p);
		return;
	}
	p->observed = observed;
	if (observed)
		begin(r, p);
	else
		end(r, p);
}
