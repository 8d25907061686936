/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_hold.c - servers and requests that are not said yet
 *
 * Whoever reads a request may only pass it on: a relay. So a server's record and the requests that
 * name it are kept back until it answers, or MW_SESSION_HOLD_NS have gone by, or the call ends. A
 * request that was passed on is said with the server it came to. Requests of a relay that is known
 * as one wait likewise, each for itself.
 */
#include <errno.h>

#include "core/session_priv.h"

static bool still_passing(const struct call *c)
{
	return c->conv->relay && !c->pub.answered && c->pub.server == c->conv->server;
}

static int say_now(struct mw_session *s, struct call *c, struct mw_slice args)
{
	int r;

	dl_del(&c->held);
	r = c->pub.server ? mw_sess_say_server(s, c->pub.server) : 0;
	if (r == 0)
		r = mw_sess_say_call(s, MW_SESS_REQUEST, c);
	if (r == 0 && args.n)
		s->queue[s->q_len - 1].args = args;
	return r;
}

int mw_sess_say_server(struct mw_session *s, struct mw_server *sv)
{
	struct mw_sess_event *ev;
	struct dl *l, *next;
	int r = 0;

	if (sv->said)
		return 0;
	ev = mw_sess_say(s, MW_SESS_SERVER);
	if (!ev)
		return -ENOMEM;
	sv->said = true;
	ev->server = sv;
	for (l = s->held.next; l != &s->held && r == 0; l = next) {
		struct call *c = MW_OF(l, struct call, held);

		next = l->next;
		if (c->pub.server == sv && !still_passing(c))
			r = say_now(s, c, mw_slice(NULL, 0));
	}
	return r;
}

int mw_sess_say_request(struct mw_session *s, struct call *c, struct mw_slice args)
{
	const struct mw_server *sv = c->pub.server;

	/* what cannot be kept is said at once */
	if (c->pub.s2c || c->pub.args.n != c->pub.args_bytes || c->pub.answered ||
	    (sv && sv->said && !still_passing(c)))
		return say_now(s, c, args);
	c->held_ns = s->now_ns;
	dl_add(&s->held, &c->held);
	return 0;
}

int mw_sess_release(struct mw_session *s, struct call *c)
{
	if (c->shadow || dl_empty(&c->held))
		return 0;
	/* the others of the server follow its record, in their order */
	if (c->pub.server && !c->pub.server->said) {
		int r = mw_sess_say_server(s, c->pub.server);

		if (r < 0 || dl_empty(&c->held))
			return r;
	}
	return say_now(s, c, mw_slice(NULL, 0));
}

int mw_sess_release_conv(struct mw_session *s, struct conv *cv)
{
	int r = 0;

	if (cv->server && !cv->relay)
		r = mw_sess_say_server(s, cv->server);
	return r;
}

int mw_sess_hold_tick(struct mw_session *s)
{
	int r = 0;

	while (!dl_empty(&s->held) && r == 0) {
		struct call *c = MW_OF(s->held.next, struct call, held);

		if (s->now_ns < c->held_ns + MW_SESSION_HOLD_NS)
			break;
		r = mw_sess_release(s, c);
	}
	return r;
}
