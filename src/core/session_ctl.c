/* SPDX-License-Identifier: Apache-2.0 */
/* session_ctl.c - what the session asks of the kernel side */
#include <errno.h>

#include "core/session_priv.h"

static int say(struct mw_session *s, const struct mw_control *ctl)
{
	struct mw_sess_event *ev = mw_sess_say(s, MW_SESS_CONTROL);

	if (!ev)
		return -ENOMEM;
	ev->control = *ctl;
	return 0;
}

static int say_chan(struct mw_session *s, enum mw_control_kind kind, uint64_t chan, uint64_t gen)
{
	struct mw_control ctl = { .kind = kind, .chan = chan, .gen = gen };

	return say(s, &ctl);
}

int mw_sess_keep(struct mw_session *s, struct sess_chan *sc)
{
	const struct mw_chan *c = sc->chan;
	int r = 0;

	/* of TCP each end is a socket of its own, and the second may be seen later */
	if (!sc->kept[0]) {
		r = say_chan(s, MW_CONTROL_CHAN_KEEP, c->chan, c->gen);
		sc->kept[0] = r == 0;
	}
	if (r == 0 && !sc->kept[1] && c->chan2) {
		r = say_chan(s, MW_CONTROL_CHAN_KEEP, c->chan2, c->gen2);
		sc->kept[1] = r == 0;
	}
	return r;
}

int mw_sess_say_drop(struct mw_session *s, const struct mw_chan *chan)
{
	int r = say_chan(s, MW_CONTROL_CHAN_DROP, chan->chan, chan->gen);

	if (r == 0 && chan->chan2)
		r = say_chan(s, MW_CONTROL_CHAN_DROP, chan->chan2, chan->gen2);
	return r;
}

static bool is_mcp(const struct mw_chan *chan)
{
	const struct sess_chan *sc = chan ? chan->session : NULL;

	return sc && (sc->conv || (sc->conn && sc->conn->mcp));
}

bool mw_session_is_mcp(const struct mw_chan *chan)
{
	return is_mcp(chan) || is_mcp(chan ? chan->back : NULL);
}

int mw_session_unwanted(struct mw_session *s, struct mw_chan *chan)
{
	struct mw_chan *all[2] = { chan, chan->back };
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		const struct sess_chan *sc = all[i] ? all[i]->session : NULL;

		if (sc && sc->no_mcp)
			r = mw_sess_say_drop(s, all[i]);
	}
	return r;
}

int mw_sess_control_server(struct mw_session *s, struct mw_server *sv)
{
	struct mw_control ctl = { .kind = MW_CONTROL_SERVER,
				  .start_ns = sv->proc.start_ns,
				  .tgid = (uint32_t)sv->proc.tgid,
				  .chan_kind = sv->chan_kind,
				  .addr = sv->addr };
	int r;

	if (mw_serv(sv)->controlled || mw_prockey_none(sv->proc))
		return 0;
	r = say(s, &ctl);
	mw_serv(sv)->controlled = r == 0;
	return r;
}

int mw_sess_control_client(struct mw_session *s, struct sess_chan *sc, const struct mw_server *sv)
{
	const struct mw_chan *c = sc->chan;
	struct mw_control ctl = { .kind = MW_CONTROL_CLIENT,
				  .chan = c->chan,
				  .gen = c->gen,
				  .ino = c->ino,
				  .chan_kind = c->kind,
				  .addr = c->dst };
	int r;

	if (sc->client_asked)
		return 0;
	if (sv) {
		ctl.start_ns = sv->proc.start_ns;
		ctl.tgid = (uint32_t)sv->proc.tgid;
	}
	r = say(s, &ctl);
	sc->client_asked = r == 0;
	return r;
}
