/* SPDX-License-Identifier: Apache-2.0 */
/* survey_take.c - what the first reading learns of each record, and what follows from it */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "io/export_out.h"
#include "io/survey_priv.h"

const char *const mw_survey_links[] = { "causal", "lineage", "flow",   "argument", "response",
					"order",  "sole",    "shared", "none",	   NULL };
/* The stronger, the earlier. */
const char *const mw_survey_confidences[] = { "certain", "likely", "shared", "none", NULL };

/* 1 + the place of a raw string among words; 0: it is none of them. */
static uint8_t word(struct mw_slice raw, const char *const *words)
{
	for (uint8_t i = 0; raw.n >= 2 && words[i]; i++)
		if (mw_slice_eq_str(mw_slice_inside(raw), words[i]))
			return (uint8_t)(i + 1);
	return 0;
}

int mw_survey_grow(void *array, size_t n, size_t *cap, size_t size)
{
	const size_t more = *cap ? 2 * *cap : 64;
	void *p, **at = array;

	if (n < *cap)
		return 0;
	p = reallocarray(*at, more, size);
	if (!p)
		return -ENOMEM;
	*at = p;
	*cap = more;
	return 0;
}

int mw_survey_source(struct mw_survey *s, const struct mw_logrec *rec, bool make, uint32_t *ret)
{
	struct survey_input *in = &s->marks[rec->input];
	struct mw_slice host;
	uint32_t number;
	int r;

	r = mw_out_text(mw_logrec_get(rec, "host"), &s->tmp, &host);
	if (r < 0)
		return r;
	if (in->last && s->hosts.e[in->last - 1].len == host.n &&
	    (!host.n || memcmp(mw_intern_str(&s->hosts, in->last - 1), host.p, host.n) == 0)) {
		*ret = in->last - 1;
		return 0;
	}
	if (make && s->hosts.n < SURVEY_SOURCES_MAX)
		r = mw_intern_put(&s->hosts, (uint32_t)rec->input, host, &number);
	else
		r = mw_intern_find(&s->hosts, (uint32_t)rec->input, host, &number);
	if (r < 0)
		return r == -ENOENT && make ? -E2BIG : r;
	if (r == 1) {
		r = mw_survey_grow(&s->sources, number, &s->sources_cap, sizeof(*s->sources));
		if (r < 0)
			return r;
		s->sources[number] = (struct survey_source){ .input = rec->input };
	}
	in->last = number + 1;
	*ret = number;
	return 0;
}

/* 1 + the number of a call by its raw id; 0: none that can tie anything. Negative errno. */
static int64_t call_number(struct mw_survey *s, uint32_t source, struct mw_slice raw)
{
	uint32_t number;
	int r;

	if (raw.n < 3 || raw.p[0] != '"' || raw.n - 2 > MW_SURVEY_ID_MAX ||
	    memchr(raw.p, '\\', raw.n))
		return 0;
	r = mw_intern_put(&s->ids, source, mw_slice_inside(raw), &number);
	if (r == 1) {
		r = mw_survey_grow(&s->calls, number, &s->calls_cap, sizeof(*s->calls));
		if (r == 0)
			s->calls[number] = (struct survey_call){ 0 };
	}
	return r < 0 ? r : (int64_t)number + 1;
}

static int push_more(struct mw_survey *s, uint32_t source, uint64_t entry, int64_t call)
{
	int r = mw_survey_grow(&s->more, s->n_more, &s->more_cap, sizeof(*s->more));

	if (r == 0)
		s->more[s->n_more++] = (struct survey_more){ source, (uint32_t)call - 1, entry };
	return r;
}

/* The record names these calls: the first becomes its own. */
static int take_calls(struct mw_survey *s, uint32_t source, struct survey_entry *e,
		      struct mw_slice array)
{
	struct mw_json_array a;
	struct mw_slice id;
	int64_t call;
	int r = 0;

	if (!array.n)
		return 0;
	mw_json_array_init(&a, array);
	while (r == 0 && mw_json_array_next(&a, &id)) {
		call = call_number(s, source, id);
		if (call < 0)
			return (int)call;
		if (call && !e->call)
			e->call = (uint32_t)call;
		else if (call)
			r = push_more(s, source, s->sources[source].n, call);
	}
	return r;
}

/* --- ties that calls settle ----------------------------------------------------------------------
 */

/* The record of that number; they are in order, and what calls name is near the end. */
static struct survey_entry *find_seq(struct survey_source *src, uint64_t seq)
{
	size_t lo = src->n, hi = src->n, step = 1;

	while (lo > 0 && (lo == src->n || src->e[lo].seq > seq)) {
		hi = lo;
		lo = lo > step ? lo - step : 0;
		step *= 2;
	}
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (src->e[mid].seq > seq)
			hi = mid;
		else
			lo = mid;
	}
	return lo < src->n && src->e[lo].seq == seq ? &src->e[lo] : NULL;
}

struct claim {
	uint32_t source, call; /* call from 1 */
	uint8_t link, confidence;
};

static int settle(struct mw_survey *s, const struct claim *c, uint64_t seq)
{
	static const char shared[] = "shared";
	struct survey_source *src = &s->sources[c->source];
	struct survey_entry *e = find_seq(src, seq);
	bool between;

	if (!e || e->type != TYPE_EFFECT || !c->link || !c->confidence)
		return 0;
	between = strcmp(mw_survey_links[c->link - 1], shared) == 0;
	/* of two calls that both say it is theirs the surer one, else the one that ended last */
	if (!(e->flags & ENTRY_SETTLED) || c->confidence <= e->confidence) {
		e->flags |= ENTRY_SETTLED;
		e->link = c->link;
		e->confidence = c->confidence;
		e->call = between ? 0 : c->call;
	}
	return between ? push_more(s, c->source, (uint64_t)(e - src->e), c->call) : 0;
}

/* [1,2,3]; what is else in it is passed over. */
static int settle_seqs(struct mw_survey *s, const struct claim *c, struct mw_slice seqs)
{
	const uint8_t *p = seqs.p, *end = seqs.n ? p + seqs.n : p;
	uint64_t v;
	int r = 0;

	while (r == 0 && p < end) {
		const uint8_t *from = p;

		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p > from && mw_out_number(mw_slice(from, (size_t)(p - from)), &v) == 0)
			r = settle(s, c, v);
		if (p == from)
			p++;
	}
	return r;
}

/* The `effects` of a call, in one pass. */
static int take_ties(struct mw_survey *s, struct claim c, struct mw_slice effects)
{
	struct mw_slice v, seqs = mw_slice(NULL, 0);
	struct mw_json_item it;
	struct mw_json j;
	int r = 0;

	if (!effects.n || !c.call)
		return 0;
	mw_json_init(&j, effects, MW_JSON_DEPTH_MAX);
	while (r == 0 && mw_json_next(&j, &it) == 1) {
		if (it.tok == MW_JSON_OBJECT) {
			c.link = c.confidence = 0;
			seqs.n = 0;
		} else if (it.tok == MW_JSON_OBJECT_END) {
			r = settle_seqs(s, &c, seqs);
		} else if (it.tok == MW_JSON_KEY) {
			if (mw_json_skip(&j, &it, &v) < 0)
				break;
			if (mw_slice_eq_str(it.raw, "\"seqs\""))
				seqs = v;
			else if (mw_slice_eq_str(it.raw, "\"link\""))
				c.link = word(v, mw_survey_links);
			else if (mw_slice_eq_str(it.raw, "\"confidence\""))
				c.confidence = word(v, mw_survey_confidences);
		}
	}
	return r;
}

/* --- each type -----------------------------------------------------------------------------------
 */

/* The names of a call or alert: 1 + their numbers. */
static int take_names(struct mw_survey *s, const struct mw_logrec *rec, uint32_t ret[NAME_KINDS])
{
	const struct mw_slice raw[NAME_KINDS] = {
		[NAME_SERVER] = mw_out_server(mw_logrec_get(rec, "server")),
		[NAME_TOOL] = mw_logrec_get(rec, "tool"),
		[NAME_PRINCIPAL] = mw_logrec_get(rec, "principal"),
	};
	struct mw_slice text;
	int64_t number;
	unsigned int i;
	int r;

	for (i = 0; i < NAME_KINDS; i++) {
		if (i == NAME_PRINCIPAL)
			r = mw_out_principal(raw[i], &s->tmp, &text);
		else
			r = mw_out_text(raw[i], &s->tmp, &text);
		number = r < 0 ? r : mw_survey_name(s, i, text);
		if (number < 0)
			return (int)number;
		ret[i] = (uint32_t)number;
	}
	return 0;
}

static void count_names(struct mw_survey *s, const struct survey_side *side, bool call)
{
	unsigned int i;

	for (i = 0; i < NAME_KINDS; i++)
		if (side->names[i]) {
			struct survey_count *c = &s->names[i].counts[side->names[i] - 1];

			c->calls += call;
			c->alerts += !call;
		}
}

static int push_side(struct mw_survey *s, const struct survey_side *side)
{
	int r = mw_survey_grow(&s->sides, s->n_sides, &s->sides_cap, sizeof(*s->sides));

	if (r == 0)
		s->sides[s->n_sides++] = *side;
	return r;
}

static int take_call(struct mw_survey *s, const struct mw_logrec *rec, uint32_t source,
		     const struct survey_entry *e)
{
	struct survey_side side = { .source = source, .entry = s->sources[source].n };
	int r = 0;

	if (e->call) {
		s->calls[e->call - 1].who |= (e->flags & ENTRY_WHO) != 0;
		r = take_ties(s, (struct claim){ .source = source, .call = e->call },
			      mw_logrec_get(rec, "effects"));
		if (r == 0 && s->config.n_paths > 1)
			r = mw_pairs_add(&s->pairs, rec, source, e->call - 1);
	}
	/* of most it is known at once whether they are exported */
	if (r < 0 || !(e->flags & ENTRY_WHO) || !(e->flags & (ENTRY_OWN | ENTRY_BY_EFFECT)))
		return r;
	r = take_names(s, rec, side.names);
	if (r < 0)
		return r;
	if (!(e->flags & ENTRY_OWN))
		return push_side(s, &side);
	count_names(s, &side, true);
	return 0;
}

static int take_effect(struct mw_survey *s, const struct mw_logrec *rec, uint32_t source,
		       struct survey_entry *e)
{
	e->link = word(mw_logrec_get(rec, "link"), mw_survey_links);
	e->confidence = word(mw_logrec_get(rec, "confidence"), mw_survey_confidences);
	if (!e->call && mw_logrec_get(rec, "candidates").n) {
		int r = take_calls(s, source, e, mw_logrec_get(rec, "candidates"));

		/* one of several is not its call */
		if (r == 0 && e->call)
			r = push_more(s, source, s->sources[source].n, e->call);
		e->call = 0;
		return r;
	}
	return 0;
}

static uint8_t severity(struct mw_slice raw)
{
	static const char *const words[] = { "low", "medium", "high", "critical", NULL };

	return word(raw, words);
}

static int take_side(struct mw_survey *s, const struct mw_logrec *rec, uint32_t source,
		     struct survey_entry *e)
{
	struct survey_side side = { .source = source, .entry = s->sources[source].n };
	int r;

	r = take_calls(s, source, e, mw_logrec_get(rec, "calls"));
	if (r < 0)
		return r;
	if (e->type == TYPE_ALERT) {
		side.severity = severity(mw_logrec_get(rec, "severity"));
		r = take_names(s, rec, side.names);
	} else {
		mw_out_number(mw_logrec_get(rec, "bytes"), &side.bytes);
		mw_out_number(mw_logrec_get(rec, "events"), &side.events);
	}
	return r < 0 ? r : push_side(s, &side);
}

static enum survey_type type_of(const char *type)
{
	return strcmp(type, "call") == 0      ? TYPE_CALL
	       : strcmp(type, "effect") == 0  ? TYPE_EFFECT
	       : strcmp(type, "alert") == 0   ? TYPE_ALERT
	       : strcmp(type, "gap") == 0     ? TYPE_GAP
	       : strcmp(type, "anomaly") == 0 ? TYPE_ANOMALY
					      : TYPE_OTHER;
}

static int take_version(struct mw_survey *s, const struct mw_logrec *rec)
{
	struct mw_slice text;
	uint32_t number;
	int r;

	r = mw_out_text(mw_logrec_get(rec, "version"), &s->tmp, &text);
	if (r < 0 || !text.n)
		return r;
	r = mw_intern_put(&s->versions, 0, text, &number);
	if (r >= 0)
		s->marks[rec->input].version = number + 1;
	return r < 0 ? r : 0;
}

static int take_entry(struct mw_survey *s, const struct mw_logrec *rec, uint32_t source,
		      struct survey_entry *e)
{
	int64_t call = call_number(s, source, mw_logrec_get(rec, "call"));

	if (call < 0)
		return (int)call;
	e->call = (uint32_t)call;
	switch (e->type) {
	case TYPE_CALL:
		return take_call(s, rec, source, e);
	case TYPE_EFFECT:
		return take_effect(s, rec, source, e);
	case TYPE_ALERT:
	case TYPE_GAP:
		return take_side(s, rec, source, e);
	default:
		break;
	}
	if (strcmp(rec->type, "ties") == 0)
		return take_ties(s, (struct claim){ .source = source, .call = e->call },
				 mw_logrec_get(rec, "effects"));
	return strcmp(rec->type, "daemon") == 0 ? take_version(s, rec) : 0;
}

int mw_survey_take(struct mw_survey *s, const struct mw_logrec *rec)
{
	struct mw_export_input *in = &s->inputs[rec->input];
	struct survey_entry e = { .seq = rec->seq,
				  .time_ns = rec->time_ns,
				  .type = (uint8_t)type_of(rec->type) };
	struct survey_source *src;
	uint32_t source;
	int r;

	r = mw_survey_source(s, rec, true, &source);
	if (r < 0)
		return r;
	src = &s->sources[source];
	r = mw_survey_grow(&src->e, src->n, &src->cap, sizeof(*src->e));
	if (r < 0)
		return r;
	e.flags = (uint8_t)s->config.match(s->config.arg, rec);
	r = take_entry(s, rec, source, &e);
	if (r < 0)
		return r;
	src->e[src->n++] = e;
	if (!in->n++) {
		in->first_ns = in->last_ns = rec->time_ns;
		s->marks[rec->input].host = source + 1;
	}
	in->first_ns = rec->time_ns < in->first_ns ? rec->time_ns : in->first_ns;
	in->last_ns = rec->time_ns > in->last_ns ? rec->time_ns : in->last_ns;
	s->n_read++;
	return 0;
}

/* --- the end -------------------------------------------------------------------------------------
 */

static void pair(void *arg, uint32_t a, uint32_t b)
{
	struct mw_survey *s = arg;

	if (s->calls[a].peer || s->calls[b].peer)
		return;
	s->calls[a].peer = b + 1;
	s->calls[b].peer = a + 1;
}

static bool exported(const struct mw_survey *s, const struct survey_entry *e)
{
	if (!(e->flags & ENTRY_OWN))
		return false;
	if (e->call && (e->flags & ENTRY_SETTLED))
		return s->calls[e->call - 1].who;
	return (e->flags & ENTRY_WHO) || (e->call && s->calls[e->call - 1].who);
}

static void count_entry(struct mw_export_about *a, const struct survey_entry *e)
{
	if (!a->records++)
		a->first_ns = a->last_ns = e->time_ns;
	a->first_ns = e->time_ns < a->first_ns ? e->time_ns : a->first_ns;
	a->last_ns = e->time_ns > a->last_ns ? e->time_ns : a->last_ns;
	a->calls += e->type == TYPE_CALL;
	a->effects += e->type == TYPE_EFFECT;
	a->alerts += e->type == TYPE_ALERT;
	a->gaps += e->type == TYPE_GAP;
	a->anomalies += e->type == TYPE_ANOMALY;
}

static void count_side(struct mw_survey *s, const struct survey_side *side)
{
	const struct survey_entry *e = &s->sources[side->source].e[side->entry];

	if (!(e->flags & ENTRY_EXPORT))
		return;
	count_names(s, side, e->type == TYPE_CALL);
	if (side->severity)
		s->about.severity[side->severity - 1]++;
	/* hostile numbers end at the largest */
	if (__builtin_add_overflow(s->about.lost_bytes, side->bytes, &s->about.lost_bytes))
		s->about.lost_bytes = UINT64_MAX;
	if (__builtin_add_overflow(s->about.lost_events, side->events, &s->about.lost_events))
		s->about.lost_events = UINT64_MAX;
}

static void find_effects(struct mw_survey *s, const struct survey_source *src)
{
	size_t i;

	for (i = 0; i < src->n; i++)
		if (src->e[i].type == TYPE_EFFECT && src->e[i].call && src->e[i].flags & ENTRY_OWN)
			s->calls[src->e[i].call - 1].effect = true;
}

static void decide(struct mw_survey *s, struct survey_source *src)
{
	size_t i;

	for (i = 0; i < src->n; i++) {
		struct survey_entry *e = &src->e[i];

		if (e->flags & ENTRY_BY_EFFECT && e->call && s->calls[e->call - 1].effect)
			e->flags |= ENTRY_OWN;
		if (!exported(s, e))
			continue;
		e->flags |= ENTRY_EXPORT;
		count_entry(&s->about, e);
	}
}

int mw_survey_finish(struct mw_survey *s)
{
	size_t i;

	for (i = 0; i < s->n_more; i++)
		if (s->calls[s->more[i].call].who)
			s->sources[s->more[i].source].e[s->more[i].entry].flags |= ENTRY_WHO;
	free(s->more);
	s->more = NULL;
	s->n_more = s->more_cap = 0;
	for (i = 0; i < s->hosts.n; i++)
		find_effects(s, &s->sources[i]);
	for (i = 0; i < s->hosts.n; i++)
		decide(s, &s->sources[i]);
	for (i = 0; i < s->n_sides; i++)
		count_side(s, &s->sides[i]);
	mw_pairs_finish(&s->pairs, pair, s);
	mw_pairs_done(&s->pairs);
	return mw_survey_names_finish(s);
}
