/* SPDX-License-Identifier: Apache-2.0 */
/* wire_unix.c - what the other side of a unix socket is called, by its connect */
#include <errno.h>
#include <sys/socket.h>

#include "core/event.h"
#include "core/path.h"
#include "core/wire_priv.h"

#define UNIX_NAMES_MAX 1024u
#define UNIX_NAME_MAX  108u

struct unix_name {
	uint64_t chan, gen;
	size_t n;
	uint8_t s[UNIX_NAME_MAX];
};

int mw_wire_unix_new(struct mw_wire *w)
{
	return mw_table_new(w->under, sizeof(uint64_t), UNIX_NAMES_MAX, &w->unix_names);
}

void mw_wire_unix_free(struct mw_wire *w)
{
	struct unix_name *u;
	size_t pos = 0;

	while ((u = mw_table_next(w->unix_names, &pos)))
		mw_alloc_free(w->under, u, sizeof(*u));
	mw_table_free(w->unix_names);
}

int mw_wire_connect(struct mw_wire *w, const struct mw_ev_act *ev)
{
	struct mw_slice s = mw_event_act_strings(ev).asked;
	struct unix_name *u;
	int r;

	if (ev->op != MW_OP_CONNECT || ev->peer.family != AF_UNIX || ev->ret < 0 || !ev->chan ||
	    s.n == 0 || s.n > UNIX_NAME_MAX)
		return 0;
	u = mw_table_get(w->unix_names, &ev->chan);
	if (!u) {
		u = mw_alloc_zero(w->under, sizeof(*u));
		if (!u)
			return -ENOMEM;
		while ((r = mw_table_put(w->unix_names, &ev->chan, u)) == -ENOSPC) {
			struct unix_name *old = mw_table_oldest(w->unix_names);

			mw_table_remove(w->unix_names, &old->chan);
			mw_alloc_free(w->under, old, sizeof(*old));
		}
		if (r < 0) {
			mw_alloc_free(w->under, u, sizeof(*u));
			return r;
		}
	}
	u->chan = ev->chan;
	u->gen = ev->gen;
	u->n = s.n;
	memcpy(u->s, s.p, s.n);
	return 0;
}

int mw_wire_put_peer(struct mw_wire *w, const struct wire_conn *c, struct mw_buf *out)
{
	static const struct mw_addr unix_ = { .family = AF_UNIX };
	const struct unix_name *u;
	int r;

	if (c->peer.family)
		return mw_addr_print(out, &c->peer, mw_slice(NULL, 0));
	u = mw_table_get(w->unix_names, &c->sock);
	if (!u || u->gen != c->gen)
		return -ENOENT;
	r = mw_addr_print(out, &unix_, mw_slice(u->s, u->n));
	return r < 0 ? r : mw_buf_append_byte(out, ':');
}
