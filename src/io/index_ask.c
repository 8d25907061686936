/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_ask.c - which records may answer a question
 *
 * Held by tests/unit/test_index.c: what is left out does not answer, whatever the index's columns
 * say of the others. Sets of records are bits from the index's first record on; calls and servers
 * are known by a hash of their id, where two that are alike only widen.
 */
#include <errno.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/index_plan.h"

/* --- columns ------------------------------------------------------------------------------------
 */

/* Which terms of a column are meant: a byte each. */
static int mark(const struct mw_index_plan *p, const struct mw_index_part *part,
		const struct mw_index_column *c, const uint8_t *meant, struct mw_index_bits *out)
{
	struct mw_slice rows = c->rows;
	uint64_t i, k, id;

	for (i = 0; i < part->n; i++) {
		if (!mw_index_number(&rows, &k))
			return -EBADMSG;
		for (; k > 0; k--) {
			if (!mw_index_number(&rows, &id) || id >= c->n_terms)
				return -EBADMSG;
			if (meant[id])
				mw_index_bit_set(p, out, part->first + i);
		}
	}
	return 0;
}

static bool asked(const struct mw_index_query *q, unsigned int column, struct mw_slice value)
{
	char type[64];

	if (column < MW_INDEX_ASKED)
		return q->match(q->arg, (enum mw_index_field)column, value);
	if (value.n >= sizeof(type))
		return true;
	memcpy(type, value.p, value.n);
	type[value.n] = '\0';
	return q->type(q->arg, type);
}

/* The records with a value that is asked for (in == NULL), or one of these. */
static int find(struct mw_index_asking *a, unsigned int column, const struct mw_index_set *in,
		struct mw_index_bits *out)
{
	size_t i, k;
	int r = 0;

	for (i = 0; i < a->p->n_parts && r == 0; i++) {
		struct mw_index_column c;
		uint8_t *meant;
		bool any = false;

		r = mw_index_db_column(a->db, a->p->part[i].first, column, &c);
		if (r < 0)
			return r;
		meant = calloc(c.n_terms + 1, 1);
		if (!meant)
			r = -ENOMEM;
		for (k = 0; meant && k < c.n_terms; k++) {
			meant[k] = in ? mw_index_set_has(in, mw_index_hash(c.term[k]))
				      : asked(a->q, column, c.term[k]);
			any |= meant[k];
		}
		if (any)
			r = mark(a->p, &a->p->part[i], &c, meant, out);
		free(meant);
		mw_index_column_done(&c);
	}
	return r;
}

/* The values that these records have. */
static int values(struct mw_index_asking *a, unsigned int column, const struct mw_index_bits *of,
		  struct mw_index_set *ret)
{
	uint64_t n, j, k, id;
	int r = 0;

	for (size_t i = 0; i < a->p->n_parts && r == 0; i++) {
		struct mw_index_column c;
		struct mw_slice rows;

		r = mw_index_db_column(a->db, a->p->part[i].first, column, &c);
		if (r < 0)
			return r;
		rows = c.rows;
		n = a->p->part[i].n;
		for (j = 0; j < n && r == 0; j++) {
			if (!mw_index_number(&rows, &k))
				r = -EBADMSG;
			for (; r == 0 && k > 0; k--) {
				if (!mw_index_number(&rows, &id) || id >= c.n_terms)
					r = -EBADMSG;
				else if (mw_index_bit(a->p, of, a->p->part[i].first + j))
					r = mw_index_set_add(ret, mw_index_hash(c.term[id]));
			}
		}
		mw_index_column_done(&c);
	}
	return r;
}

/* Leaves out those that have any value. */
static int leave_out(struct mw_index_asking *a, unsigned int column, struct mw_index_bits *b)
{
	int r = 0;

	for (size_t i = 0; i < a->p->n_parts && r == 0; i++) {
		const struct mw_index_part *part = &a->p->part[i];
		struct mw_index_column c;
		uint64_t j, k, id;
		struct mw_slice rows;

		r = mw_index_db_column(a->db, part->first, column, &c);
		if (r < 0)
			return r;
		rows = c.rows;
		for (j = 0; j < part->n && r == 0; j++) {
			if (!mw_index_number(&rows, &k))
				r = -EBADMSG;
			if (r == 0 && k > 0)
				mw_index_bit_clear(a->p, b, part->first + j);
			for (; r == 0 && k > 0; k--)
				r = mw_index_number(&rows, &id) ? 0 : -EBADMSG;
		}
		mw_index_column_done(&c);
	}
	return r;
}

/* --- the question -------------------------------------------------------------------------------
 */

static int in_time(struct mw_index_asking *a, struct mw_index_bits *out)
{
	uint64_t i, z;
	int64_t t;

	for (size_t k = 0; k < a->p->n_parts; k++) {
		const struct mw_index_part *part = &a->p->part[k];
		struct mw_index_column c;
		bool good = true;
		int r;

		r = mw_index_db_column(a->db, part->first, MW_INDEX_TIME, &c);
		if (r < 0)
			return r;
		for (i = 0, t = 0; i < part->n && good; i++) {
			good = mw_index_number(&c.rows, &z);
			t = (int64_t)((uint64_t)t + ((z >> 1) ^ (0 - (z & 1))));
			if (good && !(a->q->have_since && t < a->q->since_ns) &&
			    !(a->q->have_until && t >= a->q->until_ns))
				mw_index_bit_set(a->p, out, part->first + i);
		}
		mw_index_column_done(&c);
		if (!good)
			return -EBADMSG;
	}
	return 0;
}

static bool is_request(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "request") == 0;
}

static bool is_end(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "call") == 0;
}

static bool is_ties(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "ties") == 0;
}

static bool is_server(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "server") == 0;
}

static bool is_effect(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "effect") == 0;
}

static int find_type(struct mw_index_asking *a, bool (*type)(const void *, const char *),
		     struct mw_index_bits *out)
{
	const struct mw_index_query q = { .type = type };
	struct mw_index_asking one = { a->p, a->db, &q };

	return find(&one, MW_INDEX_TYPE, NULL, out);
}

/* Adds what is of the servers of the records in b, and, of no server by its own word, what their
 * processes did. */
static int widen_servers(struct mw_index_asking *a, struct mw_index_bits *b)
{
	_cleanup_(mw_index_set_done) struct mw_index_set servers = { 0 }, pids = { 0 };
	_cleanup_(mw_index_bits_done) struct mw_index_bits said = { 0 }, did = { 0 };
	int r = values(a, MW_INDEX_SERVER_ID, b, &servers);

	if (r == 0)
		r = find(a, MW_INDEX_SERVER_ID, &servers, b);
	if (r == 0)
		r = mw_index_bits_new(a->p, &said);
	if (r == 0)
		r = find_type(a, is_server, &said);
	if (r == 0) {
		mw_index_bits_and(a->p, &said, b);
		r = values(a, MW_INDEX_PID, &said, &pids);
	}
	if (r == 0)
		r = mw_index_bits_new(a->p, &did);
	if (r == 0)
		r = find(a, MW_INDEX_PID, &pids, &did);
	if (r == 0)
		r = leave_out(a, MW_INDEX_SERVER_ID, &did);
	if (r == 0)
		mw_index_bits_or(a->p, b, &did);
	return r;
}

/* Adds what is tied to a server or call of the records in b. */
static int widen(struct mw_index_asking *a, unsigned int field, struct mw_index_bits *b)
{
	_cleanup_(mw_index_set_done) struct mw_index_set calls = { 0 };
	int r = field == MW_INDEX_SERVER ? widen_servers(a, b) : 0;

	if (r == 0)
		r = mw_index_calls_of(a, b, &calls);
	return r < 0 ? r : mw_index_tied_to(a, &calls, NULL, b);
}

/* Narrows what is wanted to the records that have such a value, or are tied to one that has. */
static int narrow(struct mw_index_asking *a, unsigned int field)
{
	_cleanup_(mw_index_bits_done) struct mw_index_bits b = { 0 };
	int r = mw_index_bits_new(a->p, &b);

	if (r == 0)
		r = find(a, field, NULL, &b);
	if (r == 0)
		r = widen(a, field, &b);
	if (r == 0)
		mw_index_bits_and(a->p, &a->p->want, &b);
	return r;
}

/* Narrows it to a time, and to types. */
static int narrow_head(struct mw_index_asking *a)
{
	_cleanup_(mw_index_bits_done) struct mw_index_bits b = { 0 }, t = { 0 };
	const bool timed = a->q->have_since || a->q->have_until;
	int r = mw_index_bits_new(a->p, &b);

	if (r == 0)
		r = mw_index_bits_new(a->p, &t);
	if (r == 0 && timed)
		r = in_time(a, &t);
	if (r == 0 && a->q->type)
		r = find(a, MW_INDEX_TYPE, NULL, &b);
	if (r == 0 && timed && a->q->type)
		mw_index_bits_and(a->p, &b, &t);
	else if (r == 0 && timed)
		mw_index_bits_or(a->p, &b, &t);
	if (r == 0 && a->q->all_effects)
		r = find_type(a, is_effect, &b);
	if (r == 0)
		mw_index_bits_and(a->p, &a->p->want, &b);
	return r;
}

static bool is_known(const void *unused, const char *type)
{
	(void)unused;
	return strcmp(type, "tool") == 0 || strcmp(type, "daemon") == 0;
}

/* What says more of those that are wanted. */
static int add_facts(struct mw_index_asking *a)
{
	_cleanup_(mw_index_bits_done) struct mw_index_bits requests = { 0 }, ends = { 0 },
							   more = { 0 };
	_cleanup_(mw_index_set_done) struct mw_index_set calls = { 0 };
	uint64_t since = 0;
	int r = mw_index_bits_new(a->p, &requests);

	if (r == 0)
		r = mw_index_bits_new(a->p, &ends);
	if (r == 0)
		r = mw_index_bits_new(a->p, &more);
	if (r == 0)
		r = find_type(a, is_request, &requests);
	if (r == 0)
		r = find_type(a, is_end, &ends);
	if (r == 0)
		r = mw_index_long_calls(a, &requests, &ends, &calls, &since);
	for (; r == 0 && since < a->p->base + a->p->n; since++)
		mw_index_bit_set(a->p, &a->p->want, since);
	if (r == 0)
		r = mw_index_calls_of(a, &a->p->want, &calls);
	/* from here on all that speaks for a call */
	if (r == 0)
		r = find_type(a, is_ties, &requests);
	if (r == 0) {
		mw_index_bits_or(a->p, &requests, &ends);
		r = find_type(a, is_server, &more);
	}
	if (r == 0)
		memcpy(a->p->servers.w, more.w, (size_t)(a->p->n / 64 + 1) * sizeof(uint64_t));
	if (r == 0 && a->q->all_tools)
		r = find_type(a, is_known, &more);
	if (r == 0)
		r = mw_index_tied_to(a, &calls, &requests, &more);
	if (r == 0)
		mw_index_bits_or(a->p, &a->p->want, &more);
	return r;
}

/* Records by their numbers, and what calls say of them. */
static int plan_of_records(struct mw_index_asking *a)
{
	_cleanup_(mw_index_bits_done) struct mw_index_bits of_calls = { 0 };
	_cleanup_(mw_index_set_done) struct mw_index_set calls = { 0 };
	int r = mw_index_bits_new(a->p, &of_calls);

	for (size_t i = 0; i < a->q->n_seqs; i++)
		mw_index_bit_set(a->p, &a->p->want, a->q->seqs[i]);
	if (r == 0)
		r = mw_index_open_calls(a);
	if (r == 0)
		r = mw_index_calls_of(a, &a->p->want, &calls);
	if (r == 0)
		r = find_type(a, is_end, &of_calls);
	if (r == 0)
		r = find_type(a, is_ties, &of_calls);
	return r < 0 ? r : mw_index_tied_to(a, &calls, &of_calls, &a->p->want);
}

/* All records from q->from on. */
static void want_all(struct mw_index_asking *a)
{
	uint64_t seq;

	memset(a->p->want.w, 0xff, (size_t)(a->p->n / 64 + 1) * sizeof(uint64_t));
	for (seq = a->p->base; seq < a->q->from && seq < a->p->base + a->p->n; seq++)
		mw_index_bit_clear(a->p, &a->p->want, seq);
}

/* The lengths of the lines, of segments that have any that is wanted. */
static int open_lengths(struct mw_index_asking *a)
{
	struct mw_index_plan *p = a->p;
	uint64_t seq;
	int r;

	for (size_t i = 0; i < p->n_parts; i++) {
		struct mw_index_part *part = &p->part[i];

		for (seq = part->first; seq < part->first + part->n; seq++)
			if (mw_index_bit(p, &p->want, seq))
				break;
		if (seq == part->first + part->n || part->len.raw)
			continue;
		r = mw_index_db_column(a->db, part->first, MW_INDEX_LEN, &part->len);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan(struct mw_index_asking *a)
{
	unsigned int f;
	int r;

	r = mw_index_bits_new(a->p, &a->p->want);
	a->p->now = &a->p->want;
	if (r == 0)
		r = mw_index_bits_new(a->p, &a->p->servers);
	if (r == 0 && a->q->seqs)
		return plan_of_records(a);
	if (r == 0)
		want_all(a);
	if (r == 0)
		r = mw_index_open_calls(a);
	if (r == 0 && (a->q->have_since || a->q->have_until || a->q->type))
		r = narrow_head(a);
	for (f = 0; f < MW_INDEX_ASKED && r == 0; f++)
		if (a->q->asked & (1u << f))
			r = narrow(a, f);
	if (r == 0 && a->q->text.n) {
		r = open_lengths(a);
		if (r == 0)
			r = mw_index_grep(a);
	}
	return r < 0 ? r : add_facts(a);
}

static int take_rows(struct mw_index_plan *p, struct mw_index_row *rows, size_t n)
{
	size_t i;

	p->part = calloc(n, sizeof(*p->part));
	if (!p->part)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		p->part[i] = (struct mw_index_part){ .first = rows[i].first, .n = rows[i].n };
	p->n_parts = n;
	p->base = rows[0].first;
	p->n = rows[n - 1].first + rows[n - 1].n - p->base;
	p->state = MW_TAKE(rows[n - 1].state);
	p->n_state = rows[n - 1].n_state;
	return 0;
}

/* Where what was saved says. */
static int begin_at(struct mw_index_db *db, const struct mw_index_row *rows, size_t n,
		    struct mw_index_query *q)
{
	const struct mw_index_row *last = &rows[n - 1];
	struct mw_index_blob saved = { 0 };
	int r = mw_index_db_tally(db, last->first, &saved);

	if (r == 0)
		r = q->saved(q->arg, mw_slice(saved.p, saved.n), last->first + last->n, &q->from);
	free(saved.p);
	return r;
}

int mw_index_ask(const char *dir, const char *file, const struct mw_index_query *q, char *err,
		 size_t err_len, struct mw_index_plan **ret)
{
	_cleanup_(mw_index_db_closep) struct mw_index_db *db = NULL;
	_cleanup_(mw_index_plan_freep) struct mw_index_plan *p = NULL;
	struct mw_index_row *rows = NULL;
	struct mw_index_query more;
	struct mw_index_asking a;
	size_t n = 0, i;
	int r;

	r = mw_index_db_open(dir, file, false, NULL, err, err_len, &db);
	if (r == -ENOENT && !err[0])
		return 0;
	if (r == 0)
		r = mw_index_db_rows(db, &rows, &n);
	if (r < 0)
		return r;
	if (n == 0) {
		mw_index_rows_free(rows, n);
		if (!mw_index_db_empty(db))
			snprintf(err, err_len, "%s does not fit the log any more",
				 file ? file : "the index");
		return 0;
	}
	p = calloc(1, sizeof(*p));
	r = p ? take_rows(p, rows, n) : -ENOMEM;
	if (r == 0 && q->saved) {
		more = *q;
		r = begin_at(db, rows, n, &more);
	}
	mw_index_rows_free(rows, n);
	a = (struct mw_index_asking){ p, db, q->saved ? &more : q };
	if (r == 0)
		r = plan(&a);
	if (r == 0)
		r = open_lengths(&a);
	for (i = 0; p && i < p->n_parts; i++)
		mw_index_calls_done(&p->part[i]);
	/* nothing was saved with its last row that fits */
	if (r == -ENOENT && q->saved)
		return 0;
	if (r < 0) {
		if (!err[0])
			snprintf(err, err_len, "the index: %s",
				 r == -EBADMSG ? "it is damaged" : strerror(-r));
		return r;
	}
	*ret = MW_TAKE(p);
	return 1;
}
