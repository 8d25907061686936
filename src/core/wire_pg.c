/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_pg.c - PostgreSQL's protocol, version 3
 *
 * Source: PostgreSQL 17, chapters 53.2 (message flow) and 53.7 (message formats). A statement is
 * run by Query, or by Execute of a portal that Bind made of a statement that Parse brought. Results
 * come in order: CommandComplete, EmptyQueryResponse or PortalSuspended for each; after an
 * ErrorResponse nothing is run up to the next Sync, or in the same Query. ReadyForQuery ends each
 * Query and Sync.
 */
#include <errno.h>

#include "base/hash.h"
#include "core/wire_priv.h"

#define STARTUP_MAX 10000 /* MAX_STARTUP_PACKET_LENGTH, pqcomm.h */
#define CODE_TLS    80877103u
#define CODE_GSS    80877104u
#define CODE_CANCEL 80877102u
#define MAJOR	    3u

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool code_ok(uint32_t len, uint32_t code)
{
	if (code == CODE_TLS || code == CODE_GSS)
		return len == 8;
	return code >> 16 == MAJOR && (code & 0xffff) < 100 && len > 8 && len <= STARTUP_MAX;
}

enum mw_sniff mw_wire_pg_sniff(struct mw_slice s)
{
	/* its length is below 64 KiB: */
	for (size_t i = 0; i < s.n && i < 2; i++)
		if (s.p[i])
			return MW_SNIFF_NO;
	if (s.n < 8)
		return MW_SNIFF_MORE;
	return code_ok(u32(s.p), u32(s.p + 4)) ? MW_SNIFF_YES : MW_SNIFF_NO;
}

static int64_t startup_len(const uint8_t *head)
{
	const uint32_t n = u32(head);

	return n >= 8 && n <= STARTUP_MAX ? (int64_t)n - 4 : -EPROTO;
}

static int64_t message_len(const uint8_t *head)
{
	const uint32_t n = u32(head + 1);

	return n >= 4 && n <= INT32_MAX ? (int64_t)n - 4 : -EPROTO;
}

/* The string at the front of *s, which goes on behind its NUL. False: there is none. */
static bool cstring(struct mw_slice *s, struct mw_slice *ret)
{
	const uint8_t *nul = s->n ? memchr(s->p, '\0', s->n) : NULL;

	if (!nul)
		return false;
	*ret = mw_slice(s->p, (size_t)(nul - s->p));
	*s = mw_slice(nul + 1, s->n - ret->n - 1);
	return true;
}

static uint64_t name_hash(struct mw_slice s)
{
	return mw_hash64(s, 0x7067);
}

/* --- what the client says ----------------------------------------------------------------------
 */

static int on_startup(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), key, value, user = { 0 }, database = { 0 };
	const uint32_t code = u32(s.p);

	if (m->partial || !code_ok((uint32_t)m->len + 4, code))
		return -ENODATA;
	if (code == CODE_TLS || code == CODE_GSS) {
		c->pg.state = PG_ASKED_TLS;
		return 0;
	}
	s = mw_slice_from(s, 4);
	while (cstring(&s, &key) && key.n) {
		if (!cstring(&s, &value))
			return -ENODATA;
		if (mw_slice_eq_str(key, "user"))
			user = value;
		else if (mw_slice_eq_str(key, "database"))
			database = value;
	}
	if (!user.n)
		return -ENODATA;
	c->pg.state = PG_AUTH;
	return mw_wire_db_target(w, c, "postgresql://", database.n ? database : user);
}

static int on_query(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		    const struct wire_msg *m)
{
	struct mw_slice text = mw_buf_slice(&m->buf);
	uint64_t len = m->len;
	int r;

	if (m->partial)
		text.n = 0;
	if (len && text.n == len) { /* whole: its NUL */
		if (text.p[--text.n])
			return -EPROTO;
		len--;
	}
	r = mw_wire_db_text(w, c, ch, text, m->partial ? 0 : len, m->partial);
	return r == 0 ? mw_wire_db_barrier(w, c) : r;
}

static int on_parse(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), name, text;
	uint64_t len;

	if (m->partial || !cstring(&s, &name))
		return -EPROTO; /* which one it is is not known: nor are later executions */
	len = m->len - name.n - 1;
	if (cstring(&s, &text))
		len = text.n;
	else
		text = s;
	return mw_wire_db_prepare(w, c, false, name_hash(name), text, len);
}

static int on_bind(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), portal, name;
	const struct wire_stmt *st;

	if (m->partial || !cstring(&s, &portal) || !cstring(&s, &name))
		return -EPROTO;
	st = mw_wire_db_stmt(c, false, name_hash(name));
	if (!st) {
		mw_wire_db_forget(w, c, true, name_hash(portal));
		return 0;
	}
	return mw_wire_db_prepare(w, c, true, name_hash(portal), mw_slice(st->text, st->n),
				  st->len);
}

static int on_execute(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		      const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), portal;
	const struct wire_stmt *st;

	if (m->partial || !cstring(&s, &portal))
		return -EPROTO;
	st = mw_wire_db_stmt(c, true, name_hash(portal));
	return mw_wire_db_text(w, c, ch, st ? mw_slice(st->text, st->n) : mw_slice(NULL, 0),
			       st ? st->len : 0, true);
}

static int on_close(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), name;
	bool portal;

	if (m->partial || s.n < 2)
		return -EPROTO;
	portal = s.p[0] == 'P';
	s = mw_slice_from(s, 1);
	if (!cstring(&s, &name))
		return -EPROTO;
	mw_wire_db_forget(w, c, portal, name_hash(name));
	return 0;
}

static int from_client(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		       const struct wire_msg *m)
{
	if (c->pg.state == PG_STARTUP)
		return on_startup(w, c, m);
	if (c->pg.state == PG_ASKED_TLS)
		return -ENODATA; /* it did not wait for the answer: no client does */
	if (c->pg.state == PG_AUTH && m->head[0] != 'p' && m->head[0] != 'X')
		return -ENODATA;
	switch (m->head[0]) {
	case 'Q':
		return on_query(w, c, ch, m);
	case 'P':
		return on_parse(w, c, m);
	case 'B':
		return on_bind(w, c, m);
	case 'E':
		return on_execute(w, c, ch, m);
	case 'S':
		return mw_wire_db_barrier(w, c);
	case 'C':
		return on_close(w, c, m);
	case 'F': /* a function call ends with ReadyForQuery */
		return mw_wire_db_barrier(w, c);
	case 'p':
	case 'D':
	case 'H':
	case 'X':
	case 'd':
	case 'c':
	case 'f':
		return 0;
	}
	return -EPROTO;
}

/* --- what the server says ----------------------------------------------------------------------
 */

/* SQLSTATE: the field C of an ErrorResponse (53.8). */
static struct mw_slice sqlstate(const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), value;
	uint8_t field;

	while (s.n > 1 && s.p[0]) {
		field = s.p[0];
		s = mw_slice_from(s, 1);
		if (!cstring(&s, &value))
			break;
		if (field != 'C' || value.n != 5)
			continue;
		for (size_t i = 0; i < value.n; i++)
			if (value.p[i] < '0' || value.p[i] > 'Z' ||
			    (value.p[i] > '9' && value.p[i] < 'A'))
				return mw_slice(NULL, 0);
		return value;
	}
	return mw_slice(NULL, 0);
}

/* The tag of what was done, "DELETE 3": the verb of a statement whose text is not known. */
static void tag(struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf);
	struct wire_act *x = c->first;
	size_t n = 0;

	if (!x || x->barrier || x->act.verb.n || x->act.asked.n || m->partial)
		return;
	while (n < s.n && s.p[n] >= 'A' && s.p[n] <= 'Z')
		n++;
	if (n <= sizeof(x->verb)) {
		memcpy(x->verb, s.p, n);
		x->act.verb = mw_slice(x->verb, n);
	}
}

static int from_server(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	const struct mw_slice none = { 0 };
	struct mw_slice s = mw_buf_slice(&m->buf);

	switch (m->head[0]) {
	case 'R':
		if (c->pg.state == PG_AUTH && s.n >= 4 && u32(s.p) == 0)
			c->pg.state = PG_READY;
		return 0;
	case 'C':
		tag(c, m);
		mw_wire_db_result(w, c, 0, none);
		return 0;
	case 'I':
	case 's':
		mw_wire_db_result(w, c, 0, none);
		return 0;
	case 'E':
		if (c->pg.state != PG_READY)
			return -ENODATA;
		mw_wire_db_result(w, c, -EREMOTEIO, sqlstate(m));
		mw_wire_db_rest(w, c, -ECANCELED, false);
		c->pg.skipping = true;
		return 0;
	case 'Z': /* what has no result by now was not understood */
		mw_wire_db_rest(w, c, c->pg.skipping ? -ECANCELED : -EINPROGRESS, true);
		c->pg.skipping = false;
		return 0;
	case 'A':
	case 'D':
	case 'G':
	case 'H':
	case 'K':
	case 'N':
	case 'S':
	case 'T':
	case 'V':
	case 'W':
	case 'c':
	case 'd':
	case 'n':
	case 't':
	case 'v':
	case '1':
	case '2':
	case '3':
		return 0;
	}
	return -EPROTO;
}

/* --- both --------------------------------------------------------------------------------------
 */

/* One byte: S or G goes on encrypted; N in clear. */
static int on_tls_answer(struct wire_conn *c, struct mw_slice *in)
{
	const uint8_t a = in->p[0];

	*in = mw_slice_from(*in, 1);
	if (a != 'N')
		return -ENODATA;
	c->pg.state = PG_STARTUP;
	return 0;
}

int mw_wire_pg_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
{
	const bool out = ch->end == MW_END_WRITE;
	struct wire_msg *m = &c->msg[ch->end];
	struct mw_slice in = ch->bytes;
	int r = 0;

	if (ch->gap) {
		r = mw_wire_db_gap(m, ch->gap);
		if (r < 0 || m->left)
			return r;
	}
	while (r == 0 && (in.n || (m->inside && m->left == 0))) {
		const bool startup = out && c->pg.state < PG_AUTH;

		if (!out && c->pg.state == PG_ASKED_TLS) {
			r = on_tls_answer(c, &in);
			continue;
		}
		if (!out && c->pg.state == PG_STARTUP)
			return -ENODATA;
		r = mw_wire_db_take(m, &in, startup ? 4 : 5, startup ? startup_len : message_len);
		if (r <= 0)
			break;
		r = out ? from_client(w, c, ch, m) : from_server(w, c, m);
		mw_wire_db_next(m);
	}
	return r;
}
