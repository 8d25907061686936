/* SPDX-License-Identifier: Apache-2.0 */
#include "io/trail_judge.h"

#include <mcpwatch/record.h>

#include "io/trail_args.h"

static struct mw_diff *add(struct mw_judge *j, enum mw_about about, struct mw_slice trail,
			   struct mw_slice host)
{
	struct mw_diff *d = &j->diff[j->n];

	if (j->n == MW_DIFFS_MAX)
		return NULL;
	*d = (struct mw_diff){ .about = about, .trail = trail, .host = host };
	j->n++;
	return d;
}

/* --- targets --- */

enum found { FOUND, ELSEWHERE, NOT_FOUND, NO_WORD };

struct look {
	struct mw_target want;
	struct mw_slice elsewhere; /* what the host saw of this sort instead */
	const char *undecided;
	bool of_sort;	 /* the call has effects of this sort */
	bool asked;	 /* its authority was connected to */
	bool same_place; /* and asked in clear text for another path */
	bool marked;	 /* one of them is redacted or cut */
	bool above;	 /* it is a folder that something was done in */
};

static bool same_place(const struct mw_target *a, const struct mw_target *b)
{
	return a->authority.n && b->authority.n &&
	       mw_target_same_authority(a->authority, b->authority);
}

/* Two URLs of one place: localhost is 127.0.0.1 in the rest of them too. */
static bool same_url(const struct mw_target *a, const struct mw_target *b)
{
	const size_t x = (size_t)(a->authority.p + a->authority.n - a->text.p),
		     y = (size_t)(b->authority.p + b->authority.n - b->text.p);

	return same_place(a, b) &&
	       mw_slice_eq(mw_slice_from(a->text, x), mw_slice_from(b->text, y));
}

static bool look_at_path(struct look *l, const struct mw_seen_target *t, const struct mw_target *is)
{
	if (t->what != MW_SEEN_FILE && is->form != MW_TARGET_PATH)
		return false;
	if (mw_slice_eq(is->text, l->want.text))
		return true;
	if (t->what != MW_SEEN_FILE)
		return false;
	l->above |= mw_target_within(is->text, l->want.text);
	if (!l->of_sort)
		l->elsewhere = t->text;
	l->of_sort = true;
	return false;
}

static bool look_at_place(struct look *l, const struct mw_seen_target *t,
			  const struct mw_target *is)
{
	const bool urls = is->form == MW_TARGET_URL && l->want.form == MW_TARGET_URL;

	if (t->what != MW_SEEN_NET)
		return false;
	if (urls && same_url(is, &l->want))
		return true;
	if (same_place(is, &l->want)) {
		l->asked = true;
		l->same_place |= urls;
	}
	if (urls && same_place(is, &l->want))
		l->elsewhere = t->text;
	if (!l->of_sort && is->authority.n)
		l->elsewhere = t->text;
	/* an address says nothing of a name that was asked for */
	l->of_sort |= is->authority.n && (l->want.numeric || !is->numeric);
	return false;
}

static bool look_at(struct mw_judge *j, struct look *l, const struct mw_seen_target *t)
{
	const size_t len = j->scratch->len;
	struct mw_target is;
	bool found = false;

	if (mw_trail_marked(t->text)) {
		l->marked = true;
		return mw_trail_fits(l->want.text, t->text);
	}
	if (mw_target_parse(t->text, j->scratch, &is) < 0)
		return false;
	if (l->want.form == MW_TARGET_NAME)
		found = mw_slice_eq(is.text, l->want.text) ||
			(t->what == MW_SEEN_FILE && mw_target_ends(is.text, l->want.text));
	else if (l->want.form == MW_TARGET_PATH)
		found = look_at_path(l, t, &is);
	else
		found = look_at_place(l, t, &is);
	j->scratch->len = len;
	return found;
}

/* What the names of addresses, and texts that were asked for, say. */
static int around(struct mw_judge *j, const struct look *l, const struct mw_seen_call *c)
{
	const struct mw_target *w = &l->want;
	const bool net = w->authority.n > 0;
	int a, b = 0;

	a = mw_seen_around(j->seen, w->text, net, c, j->tolerance_ns);
	if (net && a < 2) {
		b = mw_seen_around(j->seen, w->host, true, c, j->tolerance_ns);
		a = b > a ? b : a;
		b = mw_seen_around(j->seen, w->authority, true, c, j->tolerance_ns);
	}
	return b > a ? b : a;
}

static enum found search(struct mw_judge *j, struct look *l, const struct mw_seen_call *c)
{
	for (uint32_t i = 0; i < c->n_targets; i++)
		if (look_at(j, l, &c->target[i]))
			return FOUND;
	/* the clear text of a request outweighs that its server was asked */
	if (l->asked)
		return l->same_place ? ELSEWHERE : FOUND;
	switch (around(j, l, c)) {
	case 2:
		return FOUND;
	case 1:
		l->undecided = "the host saw it then, but not for certain in this call";
		return ELSEWHERE;
	default:
		break;
	}
	if (l->want.form == MW_TARGET_NAME)
		return NO_WORD;
	if (l->above)
		l->undecided = "the host saw effects below it, none on it";
	else if (l->marked)
		l->undecided = "an effect's target is redacted or cut";
	else if (!l->of_sort)
		l->undecided =
		    l->want.form == MW_TARGET_PATH
			? "the host saw no action on a file in this call; a mere look at "
			  "one (stat) is not seen"
			: "the host saw no connection of this call to a place of that name; "
			  "it may have used one that was open";
	return l->of_sort ? ELSEWHERE : NOT_FOUND;
}

static void judge_target(struct mw_judge *j, struct mw_slice text, const struct mw_seen_call *c)
{
	struct look l = { .elsewhere = { NULL, 0 } };
	struct mw_diff *d;
	enum found found;

	/* the host cuts what is longer */
	if (text.n > MW_RECORD_MAX || mw_trail_hidden(text) || mw_trail_marked(text))
		return;
	j->scratch->len = 0;
	/* what it makes of the text stays in front, what comes after it moves nothing */
	if (mw_buf_reserve(j->scratch, 1u << 20) < 0 ||
	    mw_target_parse(text, j->scratch, &l.want) < 0)
		return;
	found = search(j, &l, c);
	if (found == NO_WORD)
		j->no_word++;
	if (found == FOUND || found == NO_WORD)
		return;
	d = add(j, MW_ABOUT_TARGET, text, l.elsewhere);
	if (!d)
		return;
	d->undecided = l.undecided ? l.undecided
		       : c->incomplete || c->effects_left
			   ? "the host's evidence of this call is not complete"
			   : NULL;
}

/* --- the rest --- */

static void judge_outcome(struct mw_judge *j, const struct mw_trail_entry *e,
			  const struct mw_seen_call *c)
{
	static const struct mw_slice words[] = { { (const uint8_t *)"", 0 },
						 { (const uint8_t *)"ok", 2 },
						 { (const uint8_t *)"error", 5 } };
	struct mw_diff *d;

	if (e->outcome == MW_TRAIL_UNSAID ||
	    (c->state != MW_SEEN_NO_END && (e->outcome == MW_TRAIL_OK) == (c->state == MW_SEEN_OK)))
		return;
	d = add(j, MW_ABOUT_OUTCOME, words[e->outcome], c->status);
	if (d && c->state == MW_SEEN_NO_END)
		d->undecided = "the host saw no answer";
}

static void judge_time(struct mw_judge *j, const struct mw_trail_entry *e,
		       const struct mw_seen_call *c)
{
	const int64_t late = e->time_ns - c->end_ns, early = e->time_ns - c->begin_ns;
	struct mw_diff *d;

	if (!e->has_time || (late <= j->tolerance_ns && early >= -j->tolerance_ns))
		return;
	d = add(j, MW_ABOUT_TIME, mw_slice(NULL, 0), mw_slice(NULL, 0));
	if (d)
		d->late_ns = early < 0 ? early : late;
}

void mw_judge(struct mw_judge *j, const struct mw_trail_entry *e, const struct mw_seen_call *c)
{
	const char *incomplete = mw_seen_gap(j->seen, c->begin_ns, c->end_ns) && c->incomplete
				     ? "evidence is missing at that time (a gap)"
				     : NULL;

	j->n = 0;
	j->no_word = 0;
	if (!mw_slice_eq(e->tool, c->tool))
		(void)add(j, MW_ABOUT_TOOL, e->tool, c->tool);
	if (j->ids_hold && e->id.n && !mw_slice_eq(e->id, c->id))
		(void)add(j, MW_ABOUT_ID, e->id, c->id);
	if (mw_trail_args(e->args, c->args, c->args_marked, j->scratch) == MW_REL_UNLIKE)
		(void)add(j, MW_ABOUT_ARGS, e->args, c->args);
	judge_outcome(j, e, c);
	judge_time(j, e, c);
	for (size_t i = 0; i < e->n_targets; i++)
		judge_target(j, e->target[i], c);
	for (size_t i = 0; i < j->n; i++)
		if (incomplete && j->diff[i].about != MW_ABOUT_TIME && !j->diff[i].undecided)
			j->diff[i].undecided = incomplete;
}
