/* SPDX-License-Identifier: Apache-2.0 */
/* trail_match.c - who claims whom; what the two then say is trail_judge.c's */
#include "io/trail_match.h"

#include <errno.h>

#include "base/cleanup.h"
#include "io/heap.h"
#include "io/trail_args.h"
#include "io/trail_judge.h"

/* One line of the trail that claims a call. */
struct claim {
	uint64_t line;
	uint32_t call;
};

struct mw_match {
	struct mw_trail *t;
	struct mw_seen *s;
	struct mw_match_options o;
	void (*fn)(void *ctx, const struct mw_finding *f);
	void *ctx;
	struct mw_seen_call *calls;
	size_t n_calls;
	struct claim
	    *claims; /* of the passes before in the order of lines, behind them this one's */
	size_t n_claims, n_sorted;
	struct mw_buf scratch;
	uint64_t n_ids, n_ids_right; /* entries with an id; that matched by it */
	struct mw_match_sum sum;
};

enum need { NEED_ANY, NEED_NOT_UNLIKE, NEED_EQUAL };

struct want {
	const struct mw_trail_entry *e;
	enum mw_seen_key key;
	enum need need;
	int64_t window_ns;
	bool claimed; /* among those that are claimed already */
};

/* --- candidates --- */

/* How far an entry is from a call: 0 within. Before the call began counts double: a server does not
 * know of a call that it has not read. */
static int64_t distance(const struct mw_seen_call *c, int64_t t)
{
	return t < c->begin_ns ? 2 * (c->begin_ns - t) : t > c->end_ns ? t - c->end_ns : 0;
}

static int64_t off_by(const struct mw_seen_call *c, int64_t t)
{
	return t < c->begin_ns ? c->begin_ns - t : t > c->end_ns ? t - c->end_ns : 0;
}

static bool suits(struct mw_match *m, const struct want *w, const struct mw_seen_call *c,
		  unsigned int *n_compared)
{
	enum mw_trail_rel rel;

	if ((c->claimed != 0) != w->claimed)
		return false;
	if (w->need == NEED_ANY)
		return true;
	++*n_compared;
	rel = mw_trail_args(w->e->args, c->args, c->args_marked, &m->scratch);
	return rel == MW_REL_EQUAL || (w->need == NEED_NOT_UNLIKE && rel == MW_REL_UNKNOWN);
}

static struct mw_seen_call *pick(struct mw_match *m, const struct want *w)
{
	const struct mw_trail_entry *e = w->e;
	const uint64_t key = mw_seen_key(m->s, w->key, e->id, e->tool, e->args);
	const int64_t longest = mw_seen_longest_ns(m->s);
	const unsigned int compare_max =
	    w->window_ns < MW_MATCH_LATE_NS ? MW_MATCH_COMPARE : MW_MATCH_COMPARE_LATE;
	unsigned int n_compared = 0, scanned = 0;
	struct mw_seen_call *best = NULL, *c;
	int64_t best_at = INT64_MAX, at;
	size_t n, lo = 0, hi, i;
	const uint32_t *group = mw_seen_group(m->s, w->key, key, &n);

	if (!e->has_time) {
		for (i = 0; i < n && scanned++ < MW_MATCH_SCAN && n_compared < compare_max; i++)
			if (suits(m, w, &m->calls[group[i]], &n_compared))
				return &m->calls[group[i]];
		return NULL;
	}
	for (hi = n; lo < hi;) { /* the first that began behind it */
		i = lo + (hi - lo) / 2;
		if (m->calls[group[i]].begin_ns <= e->time_ns)
			lo = i + 1;
		else
			hi = i;
	}
	for (i = lo; i-- > 0 && scanned++ < MW_MATCH_SCAN && n_compared < compare_max;) {
		c = &m->calls[group[i]];
		at = distance(c, e->time_ns);
		/* none before it can be nearer, or near enough */
		if (e->time_ns - c->begin_ns - longest > (best ? best_at : w->window_ns))
			break;
		if (off_by(c, e->time_ns) <= w->window_ns && at <= best_at &&
		    suits(m, w, c, &n_compared)) {
			best = c;
			best_at = at;
		}
	}
	scanned = n_compared = 0;
	for (i = lo; i < n && scanned++ < MW_MATCH_SCAN && n_compared < compare_max; i++) {
		c = &m->calls[group[i]];
		at = distance(c, e->time_ns);
		if (at >= best_at || c->begin_ns - e->time_ns > w->window_ns)
			break;
		if (suits(m, w, c, &n_compared)) {
			best = c;
			best_at = at;
		}
	}
	return best;
}

/* --- passes --- */

/* Whether ids of the trail are those of the requests: of ids of its own hardly one names a call of the
 * same tool at the same time with no other arguments. */
static bool ids_hold(const struct mw_match *m)
{
	return m->n_ids_right > 0 && 4 * m->n_ids_right >= m->n_ids;
}

#define PASSES 5

static struct mw_seen_call *find(struct mw_match *m, const struct mw_trail_entry *e, int pass)
{
	const int64_t near = m->o.tolerance_ns, late = MW_MATCH_LATE_NS;
	const bool id = e->id.n > 0, args = e->args.n > 0, own = !id || !ids_hold(m);
	struct mw_seen_call *c = NULL;

#define TRY(cond, ...)                                                                             \
	do {                                                                                       \
		if (!c && (cond))                                                                  \
			c = pick(m, &(struct want){ e, __VA_ARGS__, false });                      \
	} while (0)
	switch (pass) {
	case 0:
		TRY(id, MW_SEEN_BY_ID_TOOL, NEED_NOT_UNLIKE, near);
		break;
	case 1:
		TRY(args, MW_SEEN_BY_TOOL_ARGS, NEED_ANY, near);
		TRY(args, MW_SEEN_BY_TOOL, NEED_EQUAL, near);
		break;
	case 2:
		TRY(id, MW_SEEN_BY_ID_TOOL, NEED_ANY, near);
		TRY(own && args, MW_SEEN_BY_TOOL_VAGUE, NEED_NOT_UNLIKE, near);
		TRY(own && !args, MW_SEEN_BY_TOOL, NEED_ANY, near);
		TRY(id, MW_SEEN_BY_ID, NEED_ANY, near);
		break;
	case 3:
		TRY(id && e->has_time, MW_SEEN_BY_ID_TOOL, NEED_NOT_UNLIKE, late);
		TRY(args && e->has_time, MW_SEEN_BY_TOOL_ARGS, NEED_ANY, late);
		TRY(args && e->has_time, MW_SEEN_BY_TOOL, NEED_EQUAL, late);
		break;
	default:
		TRY(!id, MW_SEEN_BY_TOOL, NEED_ANY, near);
		break;
	}
#undef TRY
	return c;
}

static bool meant(const struct mw_match *m, const struct mw_trail_entry *e)
{
	return e->is_call &&
	       (!e->has_time || (e->time_ns >= m->o.since_ns && e->time_ns < m->o.until_ns));
}

static int cmp_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

/* The lines that no pass before has matched. */
static int one_pass(struct mw_match *m, int pass, uint64_t *ret_left)
{
	struct mw_trail_entry e;
	struct mw_seen_call *c;
	struct mw_slice line;
	size_t next = 0;
	uint64_t no;
	int r;

	*ret_left = 0;
	r = mw_trail_rewind(m->t);
	while (r == 0 && (r = mw_trail_line(m->t, &line, &no)) == 1) {
		if (pass == 0)
			m->sum.lines++;
		r = 0;
		if (next < m->n_sorted && m->claims[next].line == no) {
			next++;
			continue;
		}
		r = mw_trail_entry(m->t, &e);
		if (r < 0 || !meant(m, &e))
			continue;
		if (pass == 0) {
			m->sum.entries++;
			m->n_ids += e.id.n > 0;
		}
		c = find(m, &e, pass);
		if (!c) {
			++*ret_left;
			continue;
		}
		m->n_ids_right += pass == 0;
		c->claimed = no;
		c->outcome = (uint8_t)e.outcome;
		m->claims[m->n_claims++] = (struct claim){ no, (uint32_t)(c - m->calls) };
	}
	if (r < 0)
		return r;
	if (m->n_claims)
		qsort(m->claims, m->n_claims, sizeof(*m->claims), cmp_claim);
	m->n_sorted = m->n_claims;
	return 0;
}

/* --- what is said --- */

static void say(struct mw_match *m, struct mw_finding *f)
{
	m->sum.n[f->verdict]++;
	m->fn(m->ctx, f);
}

/* `goes_on`: another line has said the rest of it, and has been counted. */
static void say_pair(struct mw_match *m, const struct mw_trail_entry *e,
		     const struct mw_seen_call *c, bool goes_on)
{
	struct mw_judge j = { .seen = m->s,
			      .scratch = &m->scratch,
			      .tolerance_ns = m->o.tolerance_ns,
			      .ids_hold = ids_hold(m) };
	struct mw_finding f = { .entry = e, .call = c, .diff = j.diff };
	bool differs = false;

	mw_judge(&j, e, c);
	for (size_t i = 0; i < j.n; i++)
		differs |= !j.diff[i].undecided;
	f.n_diffs = j.n;
	f.verdict = differs ? MW_VERDICT_DIFFERS : j.n ? MW_VERDICT_UNDECIDED : MW_VERDICT_AGREES;
	m->sum.targets_no_word += j.no_word;
	if (!goes_on || f.verdict != MW_VERDICT_AGREES)
		say(m, &f);
}

/* The claimed call that a line goes on with: one said it as it began, one says it as it ended. */
static bool goes_on(const struct mw_trail_entry *e, const struct mw_seen_call *c)
{
	return c && !c->again && (c->outcome == MW_TRAIL_UNSAID) != (e->outcome == MW_TRAIL_UNSAID);
}

/* A line that claims nothing by itself: it goes on with another, or claims again what that has
 * claimed, or a call that was not seen. */
static void say_alone(struct mw_match *m, const struct mw_trail_entry *e)
{
	struct want w = { e, MW_SEEN_BY_ID_TOOL, NEED_NOT_UNLIKE, m->o.tolerance_ns, true };
	struct mw_finding f = { .verdict = MW_VERDICT_CLAIMED_ONLY, .entry = e };
	struct mw_seen_call *c = e->id.n ? pick(m, &w) : NULL, *far = NULL;
	const int64_t slack = m->o.tolerance_ns;

	if (!c && e->id.n && ids_hold(m)) {
		w.window_ns = MW_MATCH_LATE_NS;
		far = pick(m, &w);
	}
	if (goes_on(e, c ? c : far)) {
		c = c ? c : far;
		c->again = true;
		say_pair(m, e, c, true);
		return;
	}
	if (c) {
		f.verdict = MW_VERDICT_CLAIMED_AGAIN;
		f.call = c;
	} else if (mw_seen_unread(m->s)) {
		f.why = "what passed this server could not be read";
	} else if (!e->has_time) {
		f.why = "the entry has no time, so it may be of one when the host was not watched";
	} else if (!mw_seen_watched(m->s, e->time_ns)) {
		f.why = "the log does not cover that time";
	} else if (mw_seen_gap(m->s, e->time_ns - slack, e->time_ns + slack)) {
		f.why = "evidence is missing at that time (a gap)";
	}
	if (f.why)
		f.verdict = MW_VERDICT_UNDECIDED;
	say(m, &f);
}

static int report(struct mw_match *m)
{
	struct mw_trail_entry e;
	struct mw_slice line;
	size_t next = 0;
	uint64_t no;
	int r;

	r = mw_trail_rewind(m->t);
	while (r == 0 && (r = mw_trail_line(m->t, &line, &no)) == 1) {
		r = mw_trail_entry(m->t, &e);
		if (r < 0)
			break;
		if (next < m->n_claims && m->claims[next].line == no)
			say_pair(m, &e, &m->calls[m->claims[next++].call], false);
		else if (meant(m, &e))
			say_alone(m, &e);
	}
	return r;
}

static void report_unclaimed(struct mw_match *m)
{
	struct mw_finding f;

	for (size_t i = 0; i < m->n_calls; i++) {
		struct mw_seen_call *c = &m->calls[i];

		if (c->begin_ns < m->o.since_ns || c->begin_ns >= m->o.until_ns)
			continue;
		m->sum.calls++;
		if (c->claimed)
			continue;
		f = (struct mw_finding){ .verdict = MW_VERDICT_SEEN_ONLY, .call = c };
		if (c->state == MW_SEEN_NO_END) {
			f.verdict = MW_VERDICT_UNDECIDED;
			f.why = "not claimed, but it got no answer: the server may not have taken "
				"it up";
		}
		say(m, &f);
	}
}

int mw_match_new(struct mw_trail *t, struct mw_seen *s, const struct mw_match_options *o,
		 struct mw_match **ret)
{
	_cleanup_(mw_match_freep) struct mw_match *m = calloc(1, sizeof(*m));
	uint64_t left = 1;
	int r = 0, pass;

	if (!m)
		return -ENOMEM;
	m->t = t;
	m->s = s;
	m->o = *o;
	m->calls = mw_seen_calls(s, &m->n_calls);
	m->claims = calloc(m->n_calls + 1, sizeof(*m->claims));
	mw_buf_init(&m->scratch, &mw_heap, 8u << 20);
	if (!m->claims)
		return -ENOMEM;
	for (pass = 0; pass < PASSES && r == 0 && left > 0; pass++)
		if (pass == 0 || m->n_claims < m->n_calls)
			r = one_pass(m, pass, &left);
	if (r == 0)
		*ret = MW_TAKE(m);
	return r;
}

int mw_match_report(struct mw_match *m, void (*fn)(void *ctx, const struct mw_finding *f),
		    void *ctx)
{
	int r;

	m->fn = fn;
	m->ctx = ctx;
	r = report(m);
	if (r == 0)
		report_unclaimed(m);
	return r;
}

const struct mw_match_sum *mw_match_sum(const struct mw_match *m)
{
	return &m->sum;
}

void mw_match_free(struct mw_match *m)
{
	if (!m)
		return;
	mw_buf_done(&m->scratch);
	free(m->claims);
	free(m);
}
