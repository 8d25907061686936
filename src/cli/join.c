/* SPDX-License-Identifier: Apache-2.0 */
/* join.c - the records that wait, in their order */
#include <errno.h>
#include <stdlib.h>

#include "cli/join_priv.h"

/* --- items --------------------------------------------------------------------------------------
 */

static void item_free(struct mw_join *j, struct item *it)
{
	if (!it)
		return;
	if (it->indexed)
		mw_table_remove(j->by_seq, &it->seq);
	free(it->members);
	free((char *)it->rec.line);
	free((char *)it->rec.type);
	free((char *)it->rec.file);
	free(it);
}

/* A record's copy, its members in it. */
static struct item *item_new(const struct mw_logrec *rec)
{
	struct item *it = calloc(1, sizeof(*it));
	char *line;

	if (!it)
		return NULL;
	it->rec = *rec;
	it->rec.line = line = malloc(rec->len + 1);
	it->rec.type = strdup(rec->type);
	it->rec.file = strdup(rec->file);
	it->members = calloc(rec->n_members + 1, sizeof(*it->members));
	if (!line || !it->rec.type || !it->rec.file || !it->members) {
		free(it->members);
		free(line);
		free((char *)it->rec.type);
		free((char *)it->rec.file);
		free(it);
		return NULL;
	}
	memcpy(line, rec->line, rec->len + 1);
	for (size_t i = 0; i < rec->n_members; i++) {
		const struct mw_logrec_member *m = &rec->members[i];
		const uint8_t *from = (const uint8_t *)rec->line, *to = (const uint8_t *)line;

		it->members[i].key = mw_slice(to + (m->key.p - from), m->key.n);
		it->members[i].value = mw_slice(to + (m->value.p - from), m->value.n);
	}
	it->rec.members = it->members;
	it->bytes = sizeof(*it) + rec->len + rec->n_members * sizeof(*it->members);
	it->seq = (struct seq_key){ rec->input, rec->seq };
	return it;
}

static void append(struct mw_join *j, struct item *it)
{
	*j->tail = it;
	j->tail = &it->next;
	j->n++;
	j->bytes += it->bytes;
}

/* Whether an open call may still settle it; of a call, whether its ties may follow. */
static bool is_blocked(struct mw_join *j, struct item *it)
{
	const struct call *c;
	size_t pos = 0;

	if (!it->waits || it->tie == MW_TIE_SETTLED)
		return false;
	if (!it->effect)
		return true;
	if (it->named.id[0] && mw_table_get(j->open, &it->named))
		return true;
	if (it->blocker.id[0] && mw_table_get(j->open, &it->blocker))
		return true;
	while ((c = mw_table_next(j->open, &pos)) && c->no < it->before)
		if (memcmp(&c->server, &it->server, sizeof(c->server)) == 0) {
			it->blocker = c->key;
			return true;
		}
	it->waits = false;
	return false;
}

/* Its ties have been read, or do not come. */
static int call_done(struct mw_join *j, size_t input)
{
	struct ending *e = &j->ending[input];
	struct call *c = mw_table_remove(j->open, &e->call);
	int r = 0;

	if (e->item)
		e->item->waits = false;
	*e = (struct ending){ 0 };
	if (c) {
		c->has_ended = true;
		c->ended = e->seq;
		r = mw_join_call_put(j->ended, MW_JOIN_ENDED_MAX, c);
		if (r < 0)
			mw_join_call_free(c);
	}
	return r;
}

static int room_for_input(struct mw_join *j, size_t input)
{
	struct ending *p;

	if (input < j->n_inputs)
		return 0;
	p = reallocarray(j->ending, input + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	j->ending = p;
	while (j->n_inputs <= input)
		p[j->n_inputs++] = (struct ending){ 0 };
	return 0;
}

/* Those that have waited long enough when this record comes do so no more. */
static void expire(struct mw_join *j, const struct mw_logrec *rec)
{
	struct item *it;

	for (it = j->head; it && it->rec.input == rec->input && rec->seq > it->rec.seq &&
			   rec->seq - it->rec.seq > MW_JOIN_SPAN;
	     it = it->next)
		it->expired = it->tie != MW_TIE_SETTLED && is_blocked(j, it);
}

/* --- push ---------------------------------------------------------------------------------------
 */

static void facts_of(struct mw_join *j, const struct key *call, uint64_t seq,
		     struct mw_filter_facts *ret)
{
	const struct call *c = mw_join_call_get(j, call, seq);

	*ret = (struct mw_filter_facts){ 0 };
	if (call->id[0])
		ret->call = mw_slice_str(call->id);
	if (c) {
		ret->tool = c->tool;
		ret->principal = c->principal;
		ret->session = c->session;
		ret->status = c->status;
	}
}

static int push_effect(struct mw_join *j, const struct mw_logrec *rec, bool head)
{
	static const struct mw_filter_facts nothing;
	const struct call *c;
	struct item *it;
	int r;

	if (!head && !mw_filter_asks_effects(j->f))
		return 0;
	if (!mw_filter_own(j->f, rec, &nothing))
		return 0;
	it = item_new(rec);
	if (!it)
		return -ENOMEM;
	it->effect = true;
	it->hidden = !head;
	it->server = mw_join_server_key(rec);
	it->call = it->named = mw_join_call_key(rec);
	c = mw_join_call_get(j, &it->named, rec->seq);
	it->late = c && c->has_ended;
	it->before = j->no;
	mw_join_word(it->link, mw_logrec_get(rec, "link"));
	mw_join_word(it->confidence, mw_logrec_get(rec, "confidence"));
	/* what is certain does not change, but its call's end is asked for: its status, its record
	 */
	it->waits = !it->late && it->link[0] && strcmp(it->link, "none") != 0 &&
		    (strcmp(it->confidence, "certain") != 0 || j->f->statuses.n ||
		     mw_filter_asks_effects(j->f));
	it->waited = it->waits;
	r = mw_table_put(j->by_seq, &it->seq, it);
	if (r < 0 && r != -EEXIST) {
		item_free(j, it);
		return r;
	}
	it->indexed = r == 0;
	append(j, it);
	return 0;
}

/* A call's record passes by itself, or by an effect of its: that is known when its ties are. */
static int push_call(struct mw_join *j, const struct mw_logrec *rec, bool head)
{
	struct mw_filter_facts facts = { .matched = true };
	bool matched = false;
	struct item *it;
	struct call *c;
	int r;

	r = mw_join_call_at(j, rec, &c);
	if (r < 0)
		return r;
	if (c) {
		c->settles = mw_logrec_get(rec, "effects_n").n > 0;
		j->ending[rec->input].call = c->key;
		j->ending[rec->input].seq = rec->seq;
		mw_join_settle(j, &c->key, rec->seq, mw_logrec_get(rec, "effects"), &matched);
	}
	if (!head || !mw_filter_own(j->f, rec, &facts) || !mw_filter_call(j->f, rec, NULL))
		return 0;
	it = item_new(rec);
	if (!it)
		return -ENOMEM;
	it->call = it->named = mw_join_call_key(rec);
	it->waits = c != NULL;
	it->matched = matched;
	append(j, it);
	if (c)
		j->ending[rec->input].item = it;
	return 0;
}

static bool is_of_ending(const struct mw_join *j, const struct mw_logrec *rec)
{
	const struct ending *e = &j->ending[rec->input];
	struct key key;

	if (!e->call.id[0] || (strcmp(rec->type, "ties") != 0 && strcmp(rec->type, "body") != 0))
		return false;
	key = mw_join_call_key(rec);
	return memcmp(&key, &e->call, sizeof(key)) == 0;
}

static void push_ties(struct mw_join *j, const struct mw_logrec *rec)
{
	struct item *of = j->ending[rec->input].item;
	const struct key call = mw_join_call_key(rec);
	bool matched = false;

	if (!call.id[0])
		return;
	mw_join_settle(j, &call, rec->seq, mw_logrec_get(rec, "effects"), &matched);
	if (of) {
		of->matched |= matched;
		if (mw_filter_asks_effects(j->f) && mw_filter_own(j->f, rec, NULL))
			of->matched = true;
	}
}

static int push_other(struct mw_join *j, const struct mw_logrec *rec)
{
	struct item *it = item_new(rec);

	if (!it)
		return -ENOMEM;
	it->call = it->named = mw_join_call_key(rec);
	it->server = mw_join_server_key(rec);
	append(j, it);
	return 0;
}

int mw_join_push(struct mw_join *j, const struct mw_logrec *rec)
{
	const bool head = mw_filter_head(j->f, rec, j->types);
	struct call *c;
	int r;

	r = room_for_input(j, rec->input);
	if (r < 0)
		return r;
	j->flushed = false;
	expire(j, rec);
	if (j->ending[rec->input].call.id[0] && !is_of_ending(j, rec)) {
		r = call_done(j, rec->input);
		if (r < 0)
			return r;
	}
	if (strcmp(rec->type, "effect") == 0)
		return push_effect(j, rec, head);
	if (strcmp(rec->type, "call") == 0)
		return push_call(j, rec, head);
	if (strcmp(rec->type, "ties") == 0)
		push_ties(j, rec);
	if (strcmp(rec->type, "request") == 0) {
		r = mw_join_call_at(j, rec, &c);
		if (r < 0)
			return r;
	}
	/* what it says of itself does not change */
	if (head && mw_filter_own(j->f, rec, NULL))
		return push_other(j, rec);
	return 0;
}

/* --- next ---------------------------------------------------------------------------------------
 */

static void take_head(struct mw_join *j)
{
	struct item *it = j->head;

	j->head = it->next;
	if (!j->head)
		j->tail = &j->head;
	j->n--;
	j->bytes -= it->bytes;
	if (it->indexed)
		mw_table_remove(j->by_seq, &it->seq);
	it->indexed = false;
	for (size_t i = 0; i < j->n_inputs; i++)
		if (j->ending[i].item == it)
			j->ending[i].item = NULL;
	item_free(j, j->out);
	j->out = it;
}

/* An effect that no call's record has named: by its own mw_join_word, or not even that. */
static void judge(struct mw_join *j, struct item *it, bool blocked)
{
	const struct call *c;

	/* what is certain does not change, and need not have waited for its call's end */
	if (it->tie == MW_TIE_SETTLED || strcmp(it->confidence, "certain") == 0)
		return;
	if (blocked) {
		it->tie = MW_TIE_OPEN;
		return;
	}
	if (it->late)
		return;
	c = mw_join_call_get(j, &it->named, it->rec.seq);
	if (c && mw_table_get(j->open, &c->key))
		it->tie = MW_TIE_OPEN;
	else if (c && c->settles && !it->folded)
		it->tie = MW_TIE_UNDONE;
}

int mw_join_next(struct mw_join *j, struct mw_joined *ret)
{
	struct mw_joined out;
	struct item *it;

	while ((it = j->head)) {
		const bool blocked = it->expired || is_blocked(j, it);

		if (blocked && !it->expired && !j->flushed && j->bytes < MW_JOIN_BYTES)
			return 0;
		take_head(j);
		if (it->hidden)
			continue;
		if (it->effect)
			judge(j, it, blocked);
		if (it->tie == MW_TIE_UNDONE)
			it->call.id[0] = '\0';
		facts_of(j, &it->call, it->rec.seq, &out.facts);
		out.facts.matched = it->matched;
		if (!it->effect && !mw_filter_own(j->f, &it->rec, &out.facts))
			continue;
		if (!mw_filter_call(j->f, &it->rec, &out.facts))
			continue;
		out.rec = it->rec;
		out.tie = it->tie;
		out.link = it->link;
		out.confidence = it->confidence;
		*ret = out;
		return 1;
	}
	return 0;
}

uint64_t mw_join_waits(const struct mw_join *j)
{
	return j->head ? j->head->rec.seq : UINT64_MAX;
}

void mw_join_flush(struct mw_join *j)
{
	j->flushed = true;
}

int mw_join_new(const struct mw_filter *f, const char *const *types, struct mw_join **ret)
{
	struct mw_join *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->f = f;
	j->types = types;
	j->tail = &j->head;
	if (mw_table_new(&mw_heap, sizeof(struct key), MW_JOIN_OPEN_MAX, &j->open) < 0 ||
	    mw_table_new(&mw_heap, sizeof(struct key), MW_JOIN_ENDED_MAX, &j->ended) < 0 ||
	    mw_table_new(&mw_heap, sizeof(struct seq_key), 4 * MW_JOIN_SPAN, &j->by_seq) < 0) {
		mw_join_free(j);
		return -ENOMEM;
	}
	*ret = j;
	return 0;
}

void mw_join_free(struct mw_join *j)
{
	struct item *it;
	size_t pos = 0;
	void *v;

	if (!j)
		return;
	item_free(j, j->out);
	while ((it = j->head)) {
		j->head = it->next;
		item_free(j, it);
	}
	while (j->open && (v = mw_table_next(j->open, &pos)))
		mw_join_call_free(v);
	pos = 0;
	while (j->ended && (v = mw_table_next(j->ended, &pos)))
		mw_join_call_free(v);
	mw_table_free(j->open);
	mw_table_free(j->ended);
	mw_table_free(j->by_seq);
	free(j->ending);
	free(j);
}
