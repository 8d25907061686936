/* SPDX-License-Identifier: Apache-2.0 */
/* join_call.c - the calls that a join knows of, and what their records settle */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/join_priv.h"

/* --- small things -------------------------------------------------------------------------------
 */

static struct mw_slice inside(struct mw_slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"' ? mw_slice_inside(raw) : mw_slice(NULL, 0);
}

/* Ids are our own words, without escapes. One that is longer is not ours, and is known by nobody.
 */
static struct key key_of(struct mw_slice id, size_t input)
{
	struct key k = { .input = (uint32_t)input };

	if (id.n < ID_LEN && id.n)
		memcpy(k.id, id.p, id.n);
	return k;
}

struct key mw_join_call_key(const struct mw_logrec *rec)
{
	return key_of(inside(mw_logrec_get(rec, "call")), rec->input);
}

struct key mw_join_server_key(const struct mw_logrec *rec)
{
	struct mw_slice server = mw_logrec_get(rec, "server"), id = inside(server);

	if (server.n && server.p[0] == '{') {
		if (mw_json_member(server, "id", &id, NULL) < 0)
			id = mw_slice(NULL, 0);
		id = inside(id);
	}
	return key_of(id, rec->input);
}

void mw_join_word(char ret[WORD_LEN], struct mw_slice raw)
{
	raw = inside(raw);
	ret[0] = '\0';
	if (raw.n && raw.n < WORD_LEN && !memchr(raw.p, '\\', raw.n)) {
		memcpy(ret, raw.p, raw.n);
		ret[raw.n] = '\0';
	}
}

/* --- calls --------------------------------------------------------------------------------------
 */

void mw_join_call_free(struct call *c)
{
	free(c->mem);
	free(c);
}

static struct mw_slice put_fact(char **at, struct mw_slice v)
{
	struct mw_slice ret = mw_slice(*at, v.n);

	if (v.n)
		memcpy(*at, v.p, v.n);
	*at += v.n;
	return ret;
}

/* What its record says; what it leaves out stays. */
static int call_facts(struct call *c, const struct mw_logrec *rec)
{
	static const char *const names[] = { "tool", "principal", "session", "status" };
	struct mw_slice *const facts[] = { &c->tool, &c->principal, &c->session, &c->status };
	struct mw_slice v[4];
	size_t n = 0, i;
	char *mem, *at;

	for (i = 0; i < 4; i++) {
		v[i] = mw_logrec_get(rec, names[i]);
		if (v[i].n == 0 || v[i].n > FACTS_MAX)
			v[i] = *facts[i];
		n += v[i].n;
	}
	at = mem = malloc(n + 1);
	if (!mem)
		return -ENOMEM;
	for (i = 0; i < 4; i++)
		*facts[i] = put_fact(&at, v[i]);
	free(c->mem);
	c->mem = mem;
	return 0;
}

struct call *mw_join_call_get(const struct mw_join *j, const struct key *key, uint64_t seq)
{
	struct call *c;

	if (!key->id[0])
		return NULL;
	c = mw_table_get(j->open, key);
	if (!c)
		c = mw_table_get(j->ended, key);
	return c && c->has_ended && seq > c->ended && seq - c->ended > MW_JOIN_SPAN ? NULL : c;
}

int mw_join_call_put(struct mw_table *t, size_t max, struct call *c)
{
	struct call *oldest;

	if (mw_table_count(t) >= max) {
		oldest = mw_table_oldest(t);
		mw_table_remove(t, &oldest->key);
		mw_join_call_free(oldest);
	}
	return mw_table_put(t, &c->key, c);
}

/* That of a request's or call's record, with what it says; *ret NULL: it names none. */
int mw_join_call_at(struct mw_join *j, const struct mw_logrec *rec, struct call **ret)
{
	struct key key = mw_join_call_key(rec);
	struct call *c = mw_join_call_get(j, &key, rec->seq);
	int r;

	*ret = NULL;
	if (!key.id[0])
		return 0;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->key = key;
		c->no = j->no++;
		c->server = mw_join_server_key(rec);
		r = mw_join_call_put(j->open, MW_JOIN_OPEN_MAX, c);
		if (r < 0) {
			free(c);
			return r;
		}
	}
	*ret = c;
	return call_facts(c, rec);
}

/* --- what calls' records settle ------------------------------------------------------------------
 */

static uint64_t number(struct mw_slice v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v.p[i] - '0'), &n))
			return UINT64_MAX;
	}
	return v.n ? n : UINT64_MAX;
}

/* Whether it waits for that call, as is_blocked of join.c says: what only stands behind others that
 * wait is settled by nobody. */
static bool waits_for(const struct mw_join *j, const struct item *it, const struct key *call,
		      uint64_t seq)
{
	const struct call *c = mw_table_get(j->open, call);

	if (!it->effect || !it->waited || it->expired || seq < it->rec.seq ||
	    seq - it->rec.seq > MW_JOIN_SPAN)
		return false;
	return memcmp(&it->named, call, sizeof(*call)) == 0 ||
	       (c && c->no < it->before && memcmp(&c->server, &it->server, sizeof(c->server)) == 0);
}

static void take_tie(struct item *it, const struct key *call, struct mw_slice link,
		     struct mw_slice confidence)
{
	it->call = *call;
	it->tie = MW_TIE_SETTLED;
	mw_join_word(it->link, link);
	mw_join_word(it->confidence, confidence);
}

/* An entry that stands for more effects than it names: those of its kind and target whose own
 * record says that very tie. Of another that names the call its own word stands: where there was no
 * room to name it (effects.h), it may be of the entry. */
static void settle_folded(struct mw_join *j, const struct key *call, uint64_t seq,
			  struct mw_slice entry, struct mw_slice link, struct mw_slice confidence,
			  bool *matched)
{
	struct mw_slice kind = { 0 }, target = { 0 };

	(void)mw_json_member(entry, "kind", &kind, NULL);
	(void)mw_json_member(entry, "target", &target, NULL);
	for (struct item *it = j->head; it; it = it->next) {
		if (it->late || it->tie == MW_TIE_SETTLED || !waits_for(j, it, call, seq) ||
		    memcmp(&it->named, call, sizeof(*call)) != 0 ||
		    !mw_slice_eq(mw_logrec_get(&it->rec, "kind"), kind) ||
		    !mw_slice_eq(mw_logrec_get(&it->rec, "target"), target))
			continue;
		*matched = true;
		if (mw_slice_eq(mw_logrec_get(&it->rec, "link"), link) &&
		    mw_slice_eq(mw_logrec_get(&it->rec, "confidence"), confidence))
			take_tie(it, call, link, confidence);
		else
			it->folded = true;
	}
}

/* One entry of its effects: those of them that are still here take its mw_join_word. */
static void settle_entry(struct mw_join *j, const struct key *call, uint64_t seq,
			 struct mw_slice entry, bool *matched)
{
	struct mw_slice link, confidence, seqs, v, n;
	struct mw_json_array a;
	uint64_t named = 0;
	struct item *it;

	if (mw_json_member(entry, "seqs", &seqs, NULL) < 0 ||
	    mw_json_member(entry, "link", &link, NULL) < 0)
		return;
	if (mw_json_member(entry, "confidence", &confidence, NULL) < 0)
		confidence = mw_slice(NULL, 0);
	if (!seqs.n || seqs.p[0] != '[')
		return;
	mw_json_array_init(&a, seqs);
	for (; mw_json_array_next(&a, &v); named++) {
		const struct seq_key key = { call->input, number(v) };

		it = mw_table_get(j->by_seq, &key);
		if (!it || !waits_for(j, it, call, seq))
			continue;
		*matched = true;
		take_tie(it, call, link, confidence);
	}
	if (mw_json_member(entry, "n", &n, NULL) == 0 && number(n) != UINT64_MAX &&
	    number(n) > named)
		settle_folded(j, call, seq, entry, link, confidence, matched);
}

void mw_join_settle(struct mw_join *j, const struct key *call, uint64_t seq,
		    struct mw_slice effects, bool *matched)
{
	struct mw_json_array a;
	struct mw_slice entry;

	if (mw_table_count(j->by_seq) == 0)
		return;
	mw_json_array_init(&a, effects);
	while (mw_json_array_next(&a, &entry))
		settle_entry(j, call, seq, entry, matched);
}
