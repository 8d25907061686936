/* SPDX-License-Identifier: Apache-2.0 */
/* wire_db.c - what the protocols of databases share: messages, prepared statements, actions */
#include <errno.h>
#include <stdio.h>

#include "core/wire_priv.h"

#define BASE_MAX 1024u
/* A database's name in a target. */
#define NAME_MAX 256u

void mw_wire_db_begin(struct mw_wire *w, struct wire_conn *c)
{
	for (int i = 0; i < 2; i++)
		mw_buf_init(&c->msg[i].buf, wire_mem(w), MW_WIRE_TEXT_MAX);
	mw_buf_init(&c->base, wire_mem(w), BASE_MAX);
}

static void stmt_free(struct mw_wire *w, struct wire_stmt *s)
{
	mw_alloc_free(wire_mem(w), s, sizeof(*s) + s->n);
}

void mw_wire_db_done(struct mw_wire *w, struct wire_conn *c)
{
	struct wire_stmt *s;

	while ((s = c->stmts)) {
		c->stmts = s->next;
		stmt_free(w, s);
	}
	c->n_stmts = 0;
	mw_buf_done(&c->msg[0].buf);
	mw_buf_done(&c->msg[1].buf);
	mw_buf_done(&c->base);
}

/* --- messages ----------------------------------------------------------------------------------
 */

int mw_wire_db_take(struct wire_msg *m, struct mw_slice *in, unsigned int n_head,
		    int64_t (*len)(const uint8_t *head))
{
	const size_t room = MW_WIRE_TEXT_MAX;
	size_t n;
	int64_t l;
	int r;

	while (!m->inside && m->n_head < n_head && in->n) {
		m->head[m->n_head++] = *in->p++;
		in->n--;
	}
	if (!m->inside) {
		if (m->n_head < n_head)
			return 0;
		l = len(m->head);
		if (l < 0)
			return -EPROTO;
		m->inside = true;
		m->len = (uint64_t)l;
		m->left = (uint32_t)l;
	}
	n = in->n < m->left ? in->n : m->left;
	if (m->buf.len < room && !m->partial) {
		r = mw_buf_append(&m->buf, in->p, n < room - m->buf.len ? n : room - m->buf.len);
		if (r < 0)
			return -ENOMEM;
	}
	*in = mw_slice_from(*in, n);
	m->left -= (uint32_t)n;
	return m->left == 0;
}

int mw_wire_db_gap(struct wire_msg *m, uint64_t n)
{
	if (!m->inside || n > m->left)
		return -EPROTO;
	m->left -= (uint32_t)n;
	m->partial = true;
	return 0;
}

void mw_wire_db_next(struct wire_msg *m)
{
	m->n_head = 0;
	m->inside = m->partial = false;
	m->len = m->left = 0;
	mw_buf_reset(&m->buf, 1024);
}

/* --- actions -----------------------------------------------------------------------------------
 */

int mw_wire_db_target(struct mw_wire *w, struct wire_conn *c, const char *scheme,
		      struct mw_slice database)
{
	int r;

	mw_buf_reset(&c->base, BASE_MAX);
	r = mw_buf_append_str(&c->base, scheme);
	if (r == 0)
		r = mw_wire_put_peer(w, c, &c->base);
	if (r == -ENOENT || r == -EINVAL)
		r = 0;
	if (r == 0)
		r = mw_buf_append_byte(&c->base, '/');
	if (database.n > NAME_MAX)
		database.n = NAME_MAX;
	return r == 0 ? mw_buf_append(&c->base, database.p, database.n) : r;
}

static enum mw_sql_dialect dialect(const struct wire_conn *c)
{
	return c->proto == WIRE_MYSQL ? MW_SQL_MYSQL : MW_SQL_POSTGRES;
}

static struct mw_slice put(struct wire_act *x, size_t *at, const void *p, size_t n)
{
	struct mw_slice s = mw_slice(x->text + *at, n);

	if (n)
		memcpy(x->text + *at, p, n);
	*at += n;
	return s;
}

static int add(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
	       const struct mw_sql *q, uint64_t len)
{
	const size_t n_verb = strlen(q->verb), n_table = strlen(q->table);
	struct wire_act *x;
	size_t at = 0;
	int r;

	r = mw_wire_add(w, c, ch, MW_EFFECT_DB_STATEMENT,
			c->base.len + n_verb + n_table + q->text.n, &x);
	if (r < 0)
		return r;
	x->act.target = put(x, &at, c->base.p, c->base.len);
	x->act.verb = put(x, &at, q->verb, n_verb);
	x->act.object = put(x, &at, q->table, n_table);
	x->act.asked = put(x, &at, q->text.p, q->text.n);
	x->asked_n = len > q->text.n ? len : 0;
	return 0;
}

int mw_wire_db_text(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		    struct mw_slice text, uint64_t len, bool always)
{
	static const struct mw_sql none;
	size_t pos = 0, from = 0, n = 0;
	struct mw_sql q;
	int r = 0;

	while (r == 0 && mw_sql_next(text, dialect(c), &pos, &q) == 1) {
		const bool last = pos >= text.n && len > text.n;

		/* what was cut off may hold more statements: they are not known */
		r = add(w, c, ch, &q, last ? len - from : 0);
		from = pos;
		n++;
	}
	return r == 0 && n == 0 && always ? add(w, c, ch, &none, 0) : r;
}

void mw_wire_db_result(struct mw_wire *w, struct wire_conn *c, int64_t ret, struct mw_slice error)
{
	struct wire_act *x = c->first;

	if (!x || x->barrier)
		return;
	snprintf(x->act.mode, sizeof(x->act.mode), "%.*s",
		 (int)(error.n < sizeof(x->act.mode) ? error.n : 0), (const char *)error.p);
	mw_wire_done(w, c, ret);
}

void mw_wire_db_rest(struct mw_wire *w, struct wire_conn *c, int64_t ret, bool through)
{
	while (c->first && !c->first->barrier)
		mw_wire_done(w, c, ret);
	if (c->first && through)
		mw_wire_done(w, c, 0);
}

int mw_wire_db_barrier(struct mw_wire *w, struct wire_conn *c)
{
	const struct mw_chunk none = { .ts_ns = w->now_ns };
	struct wire_act *x;
	int r;

	r = mw_wire_add(w, c, &none, MW_EFFECT_DB_STATEMENT, 0, &x);
	if (r == 0)
		x->barrier = true;
	return r;
}

/* --- prepared statements -----------------------------------------------------------------------
 */

struct wire_stmt *mw_wire_db_stmt(const struct wire_conn *c, bool portal, uint64_t name)
{
	struct wire_stmt *s;

	for (s = c->stmts; s; s = s->next)
		if (s->portal == portal && s->name == name)
			return s;
	return NULL;
}

void mw_wire_db_forget(struct mw_wire *w, struct wire_conn *c, bool portal, uint64_t name)
{
	struct wire_stmt **at, *s;

	for (at = &c->stmts; (s = *at); at = &s->next) {
		if (s->portal != portal || s->name != name)
			continue;
		*at = s->next;
		c->n_stmts--;
		stmt_free(w, s);
		return;
	}
}

int mw_wire_db_prepare(struct mw_wire *w, struct wire_conn *c, bool portal, uint64_t name,
		       struct mw_slice text, uint64_t len)
{
	struct wire_stmt *s, **at;

	mw_wire_db_forget(w, c, portal, name);
	if (c->n_stmts >= WIRE_STMTS_MAX) { /* the oldest is the last */
		for (at = &c->stmts; (*at)->next;)
			at = &(*at)->next;
		stmt_free(w, *at);
		*at = NULL;
		c->n_stmts--;
	}
	s = mw_alloc_zero(wire_mem(w), sizeof(*s) + text.n);
	if (!s)
		return -ENOMEM;
	s->portal = portal;
	s->name = name;
	s->len = len;
	s->n = text.n;
	if (text.n)
		memcpy(s->text, text.p, text.n);
	s->next = c->stmts;
	c->stmts = s;
	c->n_stmts++;
	return 0;
}
