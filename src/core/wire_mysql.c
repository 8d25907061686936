/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_mysql.c - the protocol of MySQL and MariaDB, version 10
 *
 * Source: MySQL Internals, "Client/Server Protocol" (connection phase, command phase, text and
 * binary resultsets); MariaDB's "Clients & Utilities: Protocol" where it differs. A packet is 3
 * bytes of length, least first, a number, and the payload; a command begins with number 0. The
 * answers are followed packet by packet, so that each statement of a text, and each command that
 * was sent ahead, has its own; where an answer's form is not known here, until nothing is asked any
 * more.
 */
#include <errno.h>
#include <stdio.h>

#include "core/wire_priv.h"

#define PACKET_MAX 0xffffff

#define CAP_WITH_DB	0x00000008u
#define CAP_COMPRESS	0x00000020u
#define CAP_PROTOCOL_41 0x00000200u
#define CAP_SSL		0x00000800u
#define CAP_SECURE	0x00008000u
#define CAP_LENENC_AUTH 0x00200000u
#define CAP_NO_EOF	0x01000000u
#define CAP_ZSTD	0x04000000u
#define CAP_QUERY_ATTRS 0x08000000u

#define COM_QUIT	0x01
#define COM_INIT_DB	0x02
#define COM_QUERY	0x03
#define COM_CHANGE_USER 0x11
#define COM_PREPARE	0x16
#define COM_EXECUTE	0x17
#define COM_LONG_DATA	0x18
#define COM_CLOSE	0x19
#define COM_BULK	0xfa /* MariaDB */

#define MORE_RESULTS 0x0008

/* Texts that are being prepared, and those that have a number. */
enum { NUMBERED = false, UNNUMBERED = true };

static int64_t packet_len(const uint8_t *head)
{
	return (int64_t)((uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16);
}

enum mw_sniff mw_wire_mysql_sniff(struct mw_slice s)
{
	static const uint8_t want[] = { 0, 0, 10 };
	size_t i;

	if (s.n && s.p[0] < 32)
		return MW_SNIFF_NO;
	if (s.n > 1 && s.p[1] > 1)
		return MW_SNIFF_NO;
	for (i = 2; i < s.n && i < 5; i++)
		if (s.p[i] != want[i - 2])
			return MW_SNIFF_NO;
	/* its version is printable */
	for (; i < s.n && i < 5 + 32; i++) {
		if (s.p[i] == 0)
			return i > 7 ? MW_SNIFF_YES : MW_SNIFF_NO;
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return MW_SNIFF_NO;
	}
	return i == 5 + 32 ? MW_SNIFF_YES : MW_SNIFF_MORE;
}

/* A length-encoded integer at the front of *s; false: there is none. */
static bool lenenc(struct mw_slice *s, uint64_t *ret)
{
	size_t n;

	if (s->n == 0 || s->p[0] == 0xfb || s->p[0] == 0xff)
		return false;
	n = s->p[0] < 0xfb ? 0 : s->p[0] == 0xfc ? 2 : s->p[0] == 0xfd ? 3 : 8;
	if (s->n < 1 + n)
		return false;
	*ret = n ? 0 : s->p[0];
	for (size_t i = n; i; i--)
		*ret = *ret << 8 | s->p[i];
	*s = mw_slice_from(*s, 1 + n);
	return true;
}

static uint32_t le(const uint8_t *p, unsigned int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static bool cut(struct mw_slice *s, uint64_t n, struct mw_slice *ret)
{
	if (n > s->n)
		return false;
	*ret = mw_slice(s->p, (size_t)n);
	*s = mw_slice_from(*s, (size_t)n);
	return true;
}

static bool cstring(struct mw_slice *s, struct mw_slice *ret)
{
	const uint8_t *nul = s->n ? memchr(s->p, '\0', s->n) : NULL;

	return nul && cut(s, (uint64_t)(nul - s->p) + 1, ret);
}

/* --- the connection phase ----------------------------------------------------------------------
 */

/* Protocol::HandshakeV10: version, 13 bytes, and of the capabilities the lower and upper half. */
static int on_greeting(struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), v;

	if (m->partial || s.n < 2 || s.p[0] != 10)
		return -ENODATA;
	s = mw_slice_from(s, 1);
	if (!cstring(&s, &v) || s.n < 20)
		return -ENODATA;
	c->my.caps = le(s.p + 13, 2) | le(s.p + 18, 2) << 16;
	c->my.state = MY_LOGIN;
	return 0;
}

/* Protocol::HandshakeResponse41, or the SSL request that is its beginning. */
static int on_login(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf), v, database = { 0 };
	uint64_t n;
	uint32_t caps;

	if (m->partial || s.n < 32)
		return -ENODATA;
	caps = le(s.p, 4);
	if (!(caps & CAP_PROTOCOL_41) || caps & CAP_SSL)
		return -ENODATA;
	c->my.caps &= caps;
	s = mw_slice_from(s, 32);
	if (!cstring(&s, &v))
		return -ENODATA;
	if (caps & CAP_LENENC_AUTH) {
		if (!lenenc(&s, &n) || !cut(&s, n, &v))
			return -ENODATA;
	} else if (caps & CAP_SECURE) {
		if (s.n == 0 || !cut(&s, 1 + (uint64_t)s.p[0], &v))
			return -ENODATA;
	} else if (!cstring(&s, &v)) {
		return -ENODATA;
	}
	if (caps & CAP_WITH_DB && cstring(&s, &v))
		database = mw_slice(v.p, v.n - 1);
	c->my.state = MY_AUTH;
	return mw_wire_db_target(w, c, "mysql://", database);
}

static int on_auth_answer(struct wire_conn *c, const struct wire_msg *m)
{
	const struct mw_slice s = mw_buf_slice(&m->buf);

	if (s.n == 0 || s.p[0] == 0xff)
		return -ENODATA;
	if (s.p[0] != 0)
		return 0; /* more of it */
	if (c->my.caps & (CAP_COMPRESS | CAP_ZSTD))
		return -ENODATA;
	c->my.state = MY_READY;
	return 0;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static unsigned int asked(const struct wire_conn *c)
{
	return c->my.n_asked ? c->my.asked[c->my.first_asked] : 0;
}

static int ask(struct mw_wire *w, struct wire_conn *c, uint8_t command)
{
	const unsigned int max = sizeof(c->my.asked);

	if (c->my.n_asked == 0) /* whatever came before is over */
		c->my.answer = MY_FIRST;
	if (c->my.n_asked == max)
		return -EPROTO;
	c->my.asked[(c->my.first_asked + c->my.n_asked++) % max] = command;
	return mw_wire_db_barrier(w, c);
}

/* Behind COM_QUERY, if both sides have query attributes: how many, and their values. */
static bool skip_attrs(const struct wire_conn *c, struct mw_slice *s)
{
	uint64_t n, sets;

	if (!(c->my.caps & CAP_QUERY_ATTRS))
		return true;
	return lenenc(s, &n) && lenenc(s, &sets) && n == 0;
}

static int on_query(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		    const struct wire_msg *m, struct mw_slice s)
{
	const size_t before = s.n;
	uint64_t len = m->len - 1;
	int r;

	if (m->partial || !skip_attrs(c, &s)) {
		s.n = 0;
		len = 0;
	} else {
		len -= before - s.n;
	}
	r = mw_wire_db_text(w, c, ch, s, len, true);
	return r == 0 ? ask(w, c, COM_QUERY) : r;
}

static int on_prepare(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m,
		      struct mw_slice s)
{
	int r;

	if (m->partial)
		return -EPROTO;
	r = mw_wire_db_prepare(w, c, UNNUMBERED, c->my.prepared++, s, m->len - 1);
	return r == 0 ? ask(w, c, COM_PREPARE) : r;
}

static int on_execute(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		      struct mw_slice s)
{
	const struct wire_stmt *st = NULL;
	int r;

	if (s.n < 4)
		return -EPROTO;
	if (le(s.p, 4) != 0xffffffff)
		st = mw_wire_db_stmt(c, NUMBERED, le(s.p, 4));
	else if (c->my.prepared) /* MariaDB: the one that was prepared last */
		st = mw_wire_db_stmt(c, UNNUMBERED, c->my.prepared - 1);
	r = mw_wire_db_text(w, c, ch, st ? mw_slice(st->text, st->n) : mw_slice(NULL, 0),
			    st ? st->len : 0, true);
	return r == 0 ? ask(w, c, COM_EXECUTE) : r;
}

static int on_command(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		      const struct wire_msg *m)
{
	struct mw_slice s = mw_buf_slice(&m->buf);
	uint8_t command;

	if (s.n == 0)
		return -EPROTO;
	command = s.p[0];
	s = mw_slice_from(s, 1);
	switch (command) {
	case COM_QUERY:
		return on_query(w, c, ch, m, s);
	case COM_PREPARE:
		return on_prepare(w, c, m, s);
	case COM_EXECUTE:
	case COM_BULK:
		return on_execute(w, c, ch, s);
	case COM_INIT_DB:
		if (!m->partial && mw_wire_db_target(w, c, "mysql://", s) < 0)
			return -ENOMEM;
		return ask(w, c, command);
	case COM_CLOSE:
		if (s.n >= 4)
			mw_wire_db_forget(w, c, NUMBERED, le(s.p, 4));
		return 0; /* has no answer */
	case COM_QUIT:
	case COM_LONG_DATA:
		return 0;
	case COM_CHANGE_USER:
		return -ENODATA;
	}
	return ask(w, c, command);
}

static int from_client(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		       const struct wire_msg *m)
{
	const bool continues = c->my.continued[MW_END_WRITE];

	c->my.continued[MW_END_WRITE] = m->len == PACKET_MAX;
	switch (c->my.state) {
	case MY_GREETING:
		return -ENODATA;
	case MY_LOGIN:
		return on_login(w, c, m);
	case MY_AUTH:
		return 0;
	default:
		/* other numbers: data for LOAD DATA LOCAL */
		return continues || m->head[3] != 0 ? 0 : on_command(w, c, ch, m);
	}
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* The command's answer is whole: what it asked has no more results. */
static void answer_end(struct mw_wire *w, struct wire_conn *c, int64_t rest)
{
	mw_wire_db_rest(w, c, rest, true);
	c->my.first_asked = (c->my.first_asked + 1) % sizeof(c->my.asked);
	c->my.n_asked--;
	c->my.answer = MY_FIRST;
}

static void on_error(struct mw_wire *w, struct wire_conn *c, struct mw_slice s)
{
	char code[8] = "";

	if (s.n >= 3)
		snprintf(code, sizeof(code), "%u", le(s.p + 1, 2));
	if (asked(c) == COM_PREPARE)
		mw_wire_db_forget(w, c, UNNUMBERED, c->my.numbered++);
	else
		mw_wire_db_result(w, c, -EREMOTEIO, mw_slice_str(code));
	answer_end(w, c, -ECANCELED);
}

/* The status flags of an OK or EOF packet: whether there are more results. */
static bool has_more(const struct wire_conn *c, struct mw_slice s)
{
	const bool old_eof = s.p[0] == 0xfe && !(c->my.caps & CAP_NO_EOF);
	uint64_t v;

	s = mw_slice_from(s, 1);
	if (old_eof)
		return s.n >= 4 && le(s.p + 2, 2) & MORE_RESULTS;
	return lenenc(&s, &v) && lenenc(&s, &v) && s.n >= 2 && le(s.p, 2) & MORE_RESULTS;
}

static void result_end(struct mw_wire *w, struct wire_conn *c, struct mw_slice s)
{
	if (has_more(c, s))
		c->my.answer = MY_FIRST;
	else
		answer_end(w, c, -EINPROGRESS);
}

/* COM_STMT_PREPARE's OK: the number, how many columns and parameters. */
static int on_prepared(struct mw_wire *w, struct wire_conn *c, struct mw_slice s)
{
	struct wire_stmt *st;
	uint64_t cols, params;

	if (s.n < 12 || s.p[0] != 0)
		return -EPROTO;
	st = mw_wire_db_stmt(c, UNNUMBERED, c->my.numbered++);
	if (st) {
		mw_wire_db_forget(w, c, NUMBERED, le(s.p + 1, 4));
		st->portal = NUMBERED;
		st->name = le(s.p + 1, 4);
	}
	cols = le(s.p + 5, 2);
	params = le(s.p + 7, 2);
	if (!(c->my.caps & CAP_NO_EOF)) {
		cols += cols > 0;
		params += params > 0;
	}
	c->my.n_defs = cols + params;
	c->my.answer = MY_PARAMS;
	if (c->my.n_defs == 0)
		answer_end(w, c, 0);
	return 0;
}

static int on_first(struct mw_wire *w, struct wire_conn *c, struct mw_slice s)
{
	const struct mw_slice none = { 0 };
	const unsigned int command = asked(c);
	uint64_t n;

	if (s.p[0] == 0xff && s.n >= 3 && le(s.p + 1, 2) == 0xffff)
		return 0; /* MariaDB says how far it is */
	if (s.p[0] == 0xff) {
		on_error(w, c, s);
		return 0;
	}
	if (command == COM_PREPARE)
		return on_prepared(w, c, s);
	if (command != COM_QUERY && command != COM_EXECUTE) {
		if (s.p[0] == 0) /* most have an OK and no more */
			answer_end(w, c, 0);
		else
			c->my.answer = MY_UNKNOWN;
		return 0;
	}
	if (s.p[0] == 0xfb) /* the client sends a file first; the result comes then */
		return 0;
	mw_wire_db_result(w, c, 0, none);
	if (s.p[0] == 0) {
		result_end(w, c, s);
		return 0;
	}
	if (!lenenc(&s, &n) || s.n)
		c->my.answer = MY_UNKNOWN; /* MariaDB, without definitions; nothing else is known */
	else
		c->my.answer = MY_COLS;
	c->my.n_defs = n + !(c->my.caps & CAP_NO_EOF);
	return 0;
}

static void on_row(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m,
		   struct mw_slice s)
{
	if (s.p[0] == 0xff)
		answer_end(w, c, -ECANCELED); /* it had its result: rows were on the way */
	else if (s.p[0] == 0xfe && m->len < (c->my.caps & CAP_NO_EOF ? PACKET_MAX : 9))
		result_end(w, c, s);
}

static int from_server(struct mw_wire *w, struct wire_conn *c, const struct wire_msg *m)
{
	const struct mw_slice s = mw_buf_slice(&m->buf);
	const bool continues = c->my.continued[MW_END_READ];

	c->my.continued[MW_END_READ] = m->len == PACKET_MAX;
	if (c->my.state == MY_GREETING)
		return on_greeting(c, m);
	if (c->my.state == MY_LOGIN)
		return -ENODATA;
	if (c->my.state == MY_AUTH)
		return on_auth_answer(c, m);
	if (continues || s.n == 0 || c->my.n_asked == 0)
		return 0;
	switch (c->my.answer) {
	case MY_FIRST:
		return on_first(w, c, s);
	case MY_PARAMS:
		if (--c->my.n_defs == 0)
			answer_end(w, c, 0);
		return 0;
	case MY_COLS:
		if (--c->my.n_defs == 0)
			c->my.answer = MY_ROWS;
		return 0;
	case MY_ROWS:
		on_row(w, c, m, s);
		return 0;
	case MY_UNKNOWN:
		return 0;
	}
	return 0;
}

int mw_wire_mysql_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch)
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
		/* what was asked and is not known to be over: over when the next is asked */
		if (out && m->n_head == 0 && c->my.answer == MY_UNKNOWN) {
			while (c->my.n_asked)
				answer_end(w, c, -EINPROGRESS);
		}
		r = mw_wire_db_take(m, &in, 4, packet_len);
		if (r <= 0)
			break;
		r = out ? from_client(w, c, ch, m) : from_server(w, c, m);
		mw_wire_db_next(m);
	}
	return r;
}
