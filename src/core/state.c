/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - pins and shapes in two tables, and their lines
 *
 * Invariants:
 *  1. An entry's texts are in short form, so its line is never longer than MW_STATE_LINE_MAX.
 *  2. An owner has at least one entry; an entry is in its owner's list and in one table.
 */
#include "core/state_priv.h"

#include <errno.h>

#include "base/table.h"

struct owner {
	struct mw_state_id id;
	struct entry *first, *last; /* oldest first; pins and shapes together */
	size_t n[2];		    /* pins, shapes */
	int64_t since;		    /* of its first definition */
	size_t text_n;
	uint8_t text[];
};

struct entry {
	struct mw_state_id id;
	struct owner *owner;
	struct entry *prev, *next;
	struct entry *prev_due, *next_due;
	bool due;
	bool shapes; /* else a pin */
	int64_t first, since;
	uint8_t hash[32];
	uint64_t calls, n_set;
	uint64_t calls_said;
	uint64_t *set; /* MW_STATE_SHAPES_MAX of them */
	size_t what_n, name_n;
	uint8_t text[]; /* what, name */
};

struct mw_state {
	const struct mw_alloc *a;
	struct mw_table *owners, *table[2]; /* pins, shapes */
	struct entry *first_due, *last_due;
	struct mw_state_lines lines;
	struct mw_state_stats stats;
};

int mw_state_new(const struct mw_alloc *a, struct mw_state **ret)
{
	struct mw_state *s = mw_alloc_zero(a, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->a = a;
	mw_state_lines_init(&s->lines, a);
	r = mw_table_new(a, sizeof(struct mw_state_id), MW_STATE_PINS_MAX + MW_STATE_TOOLS_MAX,
			 &s->owners);
	if (r == 0)
		r = mw_table_new(a, sizeof(struct mw_state_id), MW_STATE_PINS_MAX, &s->table[0]);
	if (r == 0)
		r = mw_table_new(a, sizeof(struct mw_state_id), MW_STATE_TOOLS_MAX, &s->table[1]);
	if (r < 0) {
		mw_state_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void free_entry(struct mw_state *s, struct entry *e)
{
	mw_alloc_free(s->a, e->set, e->set ? MW_STATE_SHAPES_MAX * sizeof(*e->set) : 0);
	mw_alloc_free(s->a, e, sizeof(*e) + e->what_n + e->name_n);
}

static void free_owner(struct mw_state *s, struct owner *o)
{
	mw_alloc_free(s->a, o, sizeof(*o) + o->text_n);
}

void mw_state_free(struct mw_state *s)
{
	size_t i, pos;
	void *p;

	if (!s)
		return;
	for (i = 0; i < 2; i++)
		for (pos = 0; s->table[i] && (p = mw_table_next(s->table[i], &pos));)
			free_entry(s, p);
	for (pos = 0; s->owners && (p = mw_table_next(s->owners, &pos));)
		free_owner(s, p);
	mw_table_free(s->table[0]);
	mw_table_free(s->table[1]);
	mw_table_free(s->owners);
	mw_state_lines_done(&s->lines);
	mw_alloc_free(s->a, s, sizeof(*s));
}

static struct mw_state_said said_of(const struct entry *e)
{
	struct mw_state_said x = { .shapes = e->shapes,
				   .server = mw_slice(e->owner->text, e->owner->text_n),
				   .what = mw_slice(e->text, e->what_n),
				   .name = mw_slice(e->text + e->what_n, e->name_n),
				   .first = e->first,
				   .since = e->since,
				   .calls = e->calls,
				   .n_set = e->n_set,
				   .set = e->set };

	memcpy(x.hash, e->hash, sizeof(x.hash));
	return x;
}

/* --- entries ------------------------------------------------------------------------------------
 */

static void due(struct mw_state *s, struct entry *e)
{
	if (e->due)
		return;
	e->due = true;
	e->prev_due = s->last_due;
	e->next_due = NULL;
	*(s->last_due ? &s->last_due->next_due : &s->first_due) = e;
	s->last_due = e;
}

static void not_due(struct mw_state *s, struct entry *e)
{
	if (!e->due)
		return;
	e->due = false;
	*(e->prev_due ? &e->prev_due->next_due : &s->first_due) = e->next_due;
	*(e->next_due ? &e->next_due->prev_due : &s->last_due) = e->prev_due;
}

static void drop(struct mw_state *s, struct entry *e)
{
	struct owner *o = e->owner;

	not_due(s, e);
	mw_table_remove(s->table[e->shapes], &e->id);
	*(e->prev ? &e->prev->next : &o->first) = e->next;
	*(e->next ? &e->next->prev : &o->last) = e->prev;
	o->n[e->shapes]--;
	if (!o->first) {
		mw_table_remove(s->owners, &o->id);
		free_owner(s, o);
	}
	free_entry(s, e);
}

static void evict(struct mw_state *s, struct entry *e)
{
	s->stats.evicted++;
	drop(s, e);
}

/* Names that only hash alike are not the same. XXH3 can be made to give equal ones: who does it
 * gets the older one forgotten, and that is counted. */
static struct owner *find_owner(struct mw_state *s, struct mw_slice server)
{
	const struct mw_slice none = { NULL, 0 };
	const struct mw_state_id id = mw_state_id(server, none, none);
	struct owner *o = mw_table_get(s->owners, &id);

	if (!o || mw_slice_eq(mw_slice(o->text, o->text_n), server))
		return o;
	while (o->first != o->last)
		evict(s, o->first);
	evict(s, o->first);
	return NULL;
}

static struct entry *find(struct mw_state *s, const struct mw_state_said *x)
{
	const struct mw_state_id id = mw_state_id(x->server, x->what, x->name);
	struct owner *o = find_owner(s, x->server);
	struct entry *e = mw_table_get(s->table[x->shapes], &id);

	if (!e)
		return NULL;
	if (e->owner == o && mw_slice_eq(mw_slice(e->text, e->what_n), x->what) &&
	    mw_slice_eq(mw_slice(e->text + e->what_n, e->name_n), x->name))
		return e;
	evict(s, e);
	return NULL;
}

static int make_owner(struct mw_state *s, const struct mw_state_said *x, struct owner **ret)
{
	const struct mw_slice none = { NULL, 0 };
	struct owner *o = mw_alloc_zero(s->a, sizeof(*o) + x->server.n);
	int r;

	if (!o)
		return -ENOMEM;
	o->id = mw_state_id(x->server, none, none);
	o->text_n = x->server.n;
	if (x->server.n)
		memcpy(o->text, x->server.p, x->server.n);
	o->since = INT64_MAX;
	r = mw_table_put(s->owners, &o->id, o);
	if (r < 0) {
		free_owner(s, o);
		return r;
	}
	*ret = o;
	return 0;
}

static struct entry *oldest_of(struct owner *o, bool shapes)
{
	struct entry *e = o->first;

	while (e->shapes != shapes)
		e = e->next;
	return e;
}

/* An empty one; x is in normal form and there is none of it. */
static int make(struct mw_state *s, const struct mw_state_said *x, struct entry **ret)
{
	struct mw_table *t = s->table[x->shapes];
	struct entry *e = mw_alloc_zero(s->a, sizeof(*e) + x->what.n + x->name.n);
	struct owner *o;
	int r = 0;

	if (!e)
		return -ENOMEM;
	e->id = mw_state_id(x->server, x->what, x->name);
	e->shapes = x->shapes;
	e->what_n = x->what.n;
	e->name_n = x->name.n;
	if (x->what.n)
		memcpy(e->text, x->what.p, x->what.n);
	if (x->name.n)
		memcpy(e->text + x->what.n, x->name.p, x->name.n);
	if (x->shapes) {
		e->set = mw_alloc_zero(s->a, MW_STATE_SHAPES_MAX * sizeof(*e->set));
		if (!e->set)
			r = -ENOMEM;
	}
	o = find_owner(s, x->server);
	if (r == 0 && o && o->n[x->shapes] >= MW_STATE_SERVER_MAX) {
		evict(s, oldest_of(o, x->shapes));
	} else if (r == 0 &&
		   mw_table_count(t) == (x->shapes ? MW_STATE_TOOLS_MAX : MW_STATE_PINS_MAX)) {
		evict(s, mw_table_oldest(t));
		o = find_owner(s, x->server); /* that may have been its last one */
	}
	if (r == 0 && !o)
		r = make_owner(s, x, &o);
	if (r == 0)
		r = mw_table_put(t, &e->id, e);
	if (r < 0) {
		if (o && !o->first) {
			mw_table_remove(s->owners, &o->id);
			free_owner(s, o);
		}
		free_entry(s, e);
		return r;
	}
	e->owner = o;
	e->prev = o->last;
	*(o->last ? &o->last->next : &o->first) = e;
	o->last = e;
	o->n[x->shapes]++;
	*ret = e;
	return 0;
}

static void owner_since(struct owner *o, int64_t first)
{
	if (first < o->since)
		o->since = first;
}

int mw_state_load(struct mw_state *s, struct mw_slice line)
{
	uint64_t set[MW_STATE_SHAPES_MAX];
	struct mw_state_said x = { 0 };
	struct entry *e;
	int r;

	r = mw_state_line_parse(&s->lines, line, set, &x);
	if (r < 0) {
		s->stats.refused += r == -EINVAL;
		return r;
	}
	e = find(s, &x);
	if (!e) {
		r = make(s, &x, &e);
		if (r < 0)
			return r;
	}
	not_due(s, e);
	e->first = x.first;
	e->since = x.since;
	e->calls = e->calls_said = x.calls;
	e->n_set = x.n_set;
	memcpy(e->hash, x.hash, sizeof(e->hash));
	if (x.n_set)
		memcpy(e->set, set, x.n_set * sizeof(*set));
	if (!e->shapes)
		owner_since(e->owner, e->first);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool line_of(struct mw_state *s, const struct entry *e, struct mw_slice *ret)
{
	const struct mw_state_said x = said_of(e);

	if (mw_state_line_put(&s->lines, &x) < 0)
		return false;
	*ret = mw_buf_slice(&s->lines.line);
	return true;
}

int mw_state_next(struct mw_state *s, struct mw_slice *ret)
{
	struct entry *e = s->first_due;

	/* without memory it stays due */
	if (!e || !line_of(s, e, ret))
		return 0;
	not_due(s, e);
	e->calls_said = e->calls;
	return 1;
}

void mw_state_finish(struct mw_state *s)
{
	struct entry *e;
	size_t pos = 0;

	while ((e = mw_table_next(s->table[1], &pos)))
		if (e->calls != e->calls_said)
			due(s, e);
}

int mw_state_all(struct mw_state *s, struct mw_state_walk *at, struct mw_slice *ret)
{
	const struct entry *e = mw_table_next(s->table[at->shapes], &at->pos);

	if (!e && !at->shapes) {
		*at = (struct mw_state_walk){ .shapes = true };
		e = mw_table_next(s->table[1], &at->pos);
	}
	if (!e)
		return 0;
	return line_of(s, e, ret) ? 1 : -ENOMEM;
}

/* --- learning -----------------------------------------------------------------------------------
 */

/* Clocks are set back, and captures lie. */
static bool elapsed(int64_t from, int64_t to, uint64_t ns)
{
	return to > from && (uint64_t)to - (uint64_t)from >= ns;
}

int mw_state_pin(struct mw_state *s, struct mw_slice server, struct mw_slice what,
		 struct mw_slice name, const uint8_t hash[32], int64_t now,
		 struct mw_state_pin *ret)
{
	struct mw_state_pin pin = { 0 };
	struct mw_state_said x = { 0 };
	const struct owner *o;
	struct entry *e;
	int r;

	r = mw_state_line_name(&s->lines, server, what, name, &x);
	if (r < 0)
		return r;
	e = find(s, &x);
	o = find_owner(s, x.server);
	pin.known = o && o->n[0] && elapsed(o->since, now, MW_STATE_LIST_NS);
	if (e) {
		pin.pinned = true;
		pin.since = e->since;
		memcpy(pin.was, e->hash, sizeof(pin.was));
		pin.changed = memcmp(e->hash, hash, sizeof(e->hash)) != 0;
	} else {
		r = make(s, &x, &e);
		if (r < 0)
			return r;
		e->first = now;
		owner_since(e->owner, now);
	}
	if (!pin.pinned || pin.changed) {
		e->since = now;
		memcpy(e->hash, hash, sizeof(e->hash));
		due(s, e);
	}
	*ret = pin;
	return 0;
}

static bool has_shape(const struct entry *e, uint64_t shape)
{
	uint64_t i;

	for (i = 0; i < e->n_set; i++)
		if (e->set[i] == shape)
			return true;
	return false;
}

int mw_state_shape(struct mw_state *s, struct mw_slice server, struct mw_slice tool, uint64_t shape,
		   int64_t now)
{
	const struct mw_slice none = { NULL, 0 };
	struct mw_state_said x = { .shapes = true };
	bool learning, fresh;
	struct entry *e;
	int r;

	r = mw_state_line_name(&s->lines, server, none, tool, &x);
	if (r < 0)
		return r;
	e = find(s, &x);
	if (!e) {
		r = make(s, &x, &e);
		if (r < 0)
			return r;
		e->first = now;
	}
	learning = e->calls < MW_STATE_LEARN_CALLS || !elapsed(e->first, now, MW_STATE_LEARN_NS);
	fresh = e->n_set < MW_STATE_SHAPES_MAX && !has_shape(e, shape);
	if (fresh) {
		e->set[e->n_set++] = shape;
		due(s, e);
	}
	if (e->calls < MW_STATE_LEARN_CALLS) {
		e->calls++;
		/* not a line for each call: what a crash takes is less than half of them */
		if ((e->calls & (e->calls - 1)) == 0 || e->calls == MW_STATE_LEARN_CALLS)
			due(s, e);
	}
	return fresh && !learning;
}

void mw_state_stats(const struct mw_state *s, struct mw_state_stats *ret)
{
	*ret = s->stats;
	ret->pins = mw_table_count(s->table[0]);
	ret->tools = mw_table_count(s->table[1]);
}
