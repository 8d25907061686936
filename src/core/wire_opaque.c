/* SPDX-License-Identifier: Apache-2.0 */
/* wire_opaque.c - connections that are not read: how they begin, and that the other side agrees */
#include "core/wire_priv.h"

enum mw_sniff mw_wire_sniff_opaque(struct mw_slice s, enum mw_opaque *ret)
{
	static const struct mw_slice preface = MW_SLICE_LIT("PRI * HTTP/2.0\r\n");
	const size_t n = s.n < preface.n ? s.n : preface.n;

	if (n && memcmp(s.p, preface.p, n) == 0) {
		*ret = MW_OPAQUE_HTTP2;
		return n < preface.n ? MW_SNIFF_MORE : MW_SNIFF_YES;
	}
	*ret = MW_OPAQUE_TLS;
	return mw_tls_sniff(s);
}

/* The other side answers likewise: a record of a handshake; the SETTINGS of HTTP/2, which are
 * shorter than 64 KiB. */
static bool answers(enum mw_opaque what, struct mw_slice s)
{
	return s.n && s.p[0] == (what == MW_OPAQUE_TLS ? 22 : 0);
}

void mw_wire_note_opaque(struct mw_wire *w, const struct wire_conn *c, const struct mw_chunk *ch)
{
	const struct mw_slice start = mw_buf_slice(&c->start);
	struct mw_slice name;
	enum mw_opaque what;
	enum mw_sniff r;

	if (!start.n)
		return;
	r = mw_wire_sniff_opaque(start, &what);
	/* of a hello that is cut off, its first six bytes say enough */
	if (r == MW_SNIFF_NO || (r == MW_SNIFF_MORE && (what != MW_OPAQUE_TLS || start.n < 6)))
		return;
	name = what == MW_OPAQUE_TLS ? mw_tls_name(start) : mw_slice(NULL, 0);
	if (name.n)
		memcpy(w->opaque_name, name.p, name.n);
	w->opaque = (struct mw_wire_event){
		.kind = MW_WIRE_OPAQUE,
		.chan = ch->chan,
		.opaque = what,
		.proc = c->start_proc,
		.end = c->start_end,
		.answered = ch->end != c->start_end && !ch->gap && answers(what, ch->bytes),
		.name = mw_slice(w->opaque_name, name.n),
	};
}
