/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_pin.c - which server a definition is pinned for
 *
 * A server's key leaves out its arguments, but one program may be several servers by them (a
 * bridge to URLs, a folder of scripts). So a definition is pinned for the key with all arguments;
 * and one that these never had is held against the key's own pin, as arguments may change from
 * start to start too: unless another server of this key, with other arguments, is there now.
 */
#include <errno.h>

#include "base/hash.h"
#include "core/engine_priv.h"

/* The arguments, where the key does not say it all: empty else. */
static struct mw_slice arguments(const struct mw_engine *e, const struct mw_server *sv)
{
	const struct mw_proc *p = mw_procs_get(e->procs, sv->proc);

	if (!p || !p->exe.n || mw_eng_configured_name(e, sv).n)
		return mw_slice(NULL, 0);
	return p->argv;
}

static bool same_program(const struct mw_engine *e, const struct mw_server *a,
			 const struct mw_server *b)
{
	const struct mw_proc *p = mw_procs_get(e->procs, a->proc);
	const struct mw_proc *q = mw_procs_get(e->procs, b->proc);

	return p && q && p->uid == q->uid && mw_slice_eq(p->exe, q->exe) &&
	       mw_slice_eq(mw_eng_script_of(p), mw_eng_script_of(q));
}

/* Whether another such server, with other arguments, lives. Asked once for all of a list. */
static bool has_twin(struct mw_engine *e, const struct mw_server *sv, struct mw_slice argv)
{
	const struct mw_server *other;
	const struct mw_proc *p;
	size_t pos = 0;
	bool twin = false;

	if (e->pin_twin.server == sv->id && e->pin_twin.at_ns == e->now_ns)
		return e->pin_twin.found;
	while (!twin && (p = mw_procs_next(e->procs, &pos))) {
		other = mw_session_server(e->session, p->key);
		twin = other && other != sv && !p->exited && !mw_slice_eq(p->argv, argv) &&
		       same_program(e, sv, other);
	}
	e->pin_twin.server = sv->id;
	e->pin_twin.at_ns = e->now_ns;
	e->pin_twin.found = twin;
	return twin;
}

static int pin(struct mw_engine *e, const struct mw_server *sv, struct mw_buf *key,
	       struct mw_slice what, struct mw_slice name, const uint8_t hash[32],
	       struct mw_state_pin *ret)
{
	const struct mw_slice argv = arguments(e, sv);
	const uint64_t args = mw_hash64(argv, 0);
	const int64_t now = mw_eng_realtime(e);
	struct mw_state_pin exact, plain;
	size_t len;
	int r;

	r = mw_eng_server_key(e, sv, key);
	len = key->len;
	if (r < 0 || !len || !name.n)
		return r;
	if (!argv.n)
		return mw_state_pin(e->state, mw_buf_slice(key), what, name, hash, now, ret);
	r = mw_buf_append_str(key, " args=");
	if (r == 0)
		r = mw_buf_append_hex(key, &args, sizeof(args));
	if (r == 0)
		r = mw_state_pin(e->state, mw_buf_slice(key), what, name, hash, now, &exact);
	if (r < 0)
		return r;
	if (!exact.pinned && !has_twin(e, sv, argv)) {
		r = mw_state_pin(e->state, mw_slice(key->p, len), what, name, hash, now, &plain);
		if (r < 0)
			return r;
		plain.known |= exact.known;
		exact = plain;
	}
	*ret = exact;
	return 0;
}

void mw_eng_pin(struct mw_engine *e, const struct mw_server *sv, struct mw_slice what,
		struct mw_slice name, const uint8_t hash[32], struct mw_state_pin *ret)
{
	struct mw_buf key;

	mw_buf_init(&key, e->a, MW_ENG_KEY_MAX);
	mw_eng_note_error(e, pin(e, sv, &key, what, name, hash, ret));
	mw_buf_done(&key);
}
