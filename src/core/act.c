/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. A held connect is in `held` or, once it has its result, in the list `ready`, or lent; never
 *  two.
 *  2. An action that can be given at once is in `now`, its slices in the event or in `text`.
 */
#include "core/act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/table.h"
#include "core/event.h"

#define TEXT_MAX (4 * (size_t)MW_EVENT_MAX)
#define TEXT_KEEP 16384
#define RESULTS 64
/* A result and its connect are two events of one system call, or of the interrupt in its midst. */
#define RESULT_NEAR_NS 10000000000ull

struct sockkey {
	uint64_t chan, gen;
};

struct held {
	struct mw_action act;
	struct sockkey key;
	struct held *next; /* in ready */
	char text[64];
};

/* A result that came before its connect, or (told) that was given with it. */
struct result {
	struct sockkey key;
	uint64_t ts_ns;
	struct mw_addr peer;
	int err; /* >= 0 */
	bool used, told;
};

struct mw_act {
	const struct mw_alloc *a;
	struct mw_table *held;
	struct held *ready, *ready_tail, *lent;
	struct mw_action now;
	bool has_now;
	struct mw_buf text;
	struct result results[RESULTS];
	unsigned int result_at;
};

int mw_act_new(const struct mw_alloc *a, size_t connect_max, struct mw_act **ret)
{
	struct mw_act *x = mw_alloc_zero(a, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->a = a;
	mw_buf_init(&x->text, a, TEXT_MAX);
	r = mw_table_new(a, sizeof(struct sockkey), connect_max ? connect_max : 1, &x->held);
	if (r < 0) {
		mw_act_free(x);
		return r;
	}
	*ret = x;
	return 0;
}

static void held_free(struct mw_act *a, struct held *h)
{
	mw_alloc_free(a->a, h, sizeof(*h));
}

void mw_act_free(struct mw_act *a)
{
	struct held *h;
	size_t pos = 0;

	if (!a)
		return;
	while (a->held && (h = mw_table_next(a->held, &pos)))
		held_free(a, h);
	while ((h = a->ready)) {
		a->ready = h->next;
		held_free(a, h);
	}
	held_free(a, a->lent);
	mw_table_free(a->held);
	mw_buf_done(&a->text);
	mw_alloc_free(a->a, a, sizeof(*a));
}

/* --- paths --- */

static struct mw_action begin(enum mw_effect_kind kind, const struct mw_event_hdr *h)
{
	return (struct mw_action){
		.kind = kind,
		.ts_ns = h->ts_ns,
		.proc = mw_prockey_of(h),
		.tid = h->tid,
		.uid = h->uid,
		.candidate = h->flags & MW_EVF_CANDIDATE,
	};
}

static int give(struct mw_act *a, const struct mw_action *act)
{
	a->now = *act;
	a->has_now = true;
	return 0;
}

static bool usable_base(uint8_t state)
{
	/* a base that is only a name is no directory that a path could go on from */
	return state == MW_PATH_FULL || state == MW_PATH_CUT || state == MW_PATH_DELETED;
}

/* The target that a string argument means. Its offset in text: a later join may move it. */
static int join(struct mw_act *a, struct mw_slice base, uint8_t state, struct mw_slice asked,
		size_t *ret_off)
{
	*ret_off = a->text.len;
	if (asked.n == 0) /* not readable, or "", which names nothing */
		return 0;
	if (!usable_base(state))
		base.n = 0;
	return mw_path_join(&a->text, base, asked);
}

static struct mw_slice text_part(const struct mw_act *a, size_t from, size_t to)
{
	/* an empty text has no memory to point into */
	return to > from ? mw_slice(a->text.p + from, to - from) : mw_slice(NULL, 0);
}

static int strings_target(struct mw_act *a, const struct mw_ev_act *ev, struct mw_action *act)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	size_t off, off2;
	int r;

	mw_buf_reset(&a->text, TEXT_KEEP);
	r = join(a, s.base, ev->base_state, s.asked, &off);
	if (r < 0)
		return r;
	r = join(a, s.base2, ev->base2_state, s.asked2, &off2);
	if (r < 0)
		return r;
	act->target = text_part(a, off, off2);
	act->target2 = text_part(a, off2, a->text.len);
	if (!mw_slice_eq(s.asked, act->target))
		act->asked = s.asked;
	return 0;
}

static void mode_string(uint32_t flags, char *out, size_t size)
{
	static const char *const access[] = { "r", "w", "rw", "rw" };
	const char *base = access[flags & O_ACCMODE];

	if (flags & O_PATH) /* neither: only a place to stand on */
		return;
	if ((flags & O_APPEND) && (flags & O_ACCMODE) != O_RDONLY)
		base = "a";
	snprintf(out, size, "%s%s%s", base, flags & O_CREAT ? "+create" : "",
		 flags & O_TRUNC ? "+trunc" : "");
}

static int on_file(struct mw_act *a, enum mw_effect_kind kind, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(kind, &ev->hdr);
	int r;

	act.ret = ev->ret;
	act.dev = ev->dev;
	act.ino = ev->ino;
	if (kind == MW_EFFECT_FILE_OPEN) {
		mode_string(ev->flags, act.mode, sizeof(act.mode));
		act.is_dir = S_ISDIR(ev->mode);
	}
	if (kind == MW_EFFECT_FILE_OPEN && ev->path_state != MW_PATH_NONE && s.path.n) {
		act.from_kernel = true;
		act.target = s.path;
		if (!mw_slice_eq(s.asked, s.path))
			act.asked = s.asked;
		return give(a, &act);
	}
	r = strings_target(a, ev, &act);
	return r < 0 ? r : give(a, &act);
}

static int on_exec(struct mw_act *a, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings s = mw_event_proc_strings(ev);
	struct mw_action act = begin(MW_EFFECT_PROC_EXEC, &ev->hdr);

	act.target = s.exe;
	act.from_kernel = s.exe.n && ev->exe_state != MW_PATH_NONE;
	act.argv = s.argv;
	act.dev = ev->dev;
	act.ino = ev->ino;
	return give(a, &act);
}

/* --- connects --- */

static void make_ready(struct mw_act *a, struct held *h, int64_t ret)
{
	mw_table_remove(a->held, &h->key);
	h->act.ret = ret;
	h->next = NULL;
	if (a->ready)
		a->ready_tail->next = h;
	else
		a->ready = h;
	a->ready_tail = h;
}

static struct result *result_find(struct mw_act *a, struct sockkey key)
{
	for (size_t i = 0; i < RESULTS; i++) {
		struct result *r = &a->results[i];

		if (r->used && r->key.chan == key.chan && r->key.gen == key.gen)
			return r;
	}
	return NULL;
}

static void result_put(struct mw_act *a, struct result res)
{
	struct result *old = result_find(a, res.key);

	if (!old) {
		old = &a->results[a->result_at];
		a->result_at = (a->result_at + 1) % RESULTS;
	}
	*old = res;
}

/* Notes a result that is given now: asking for it again is no connect. */
static void tell(struct mw_act *a, struct sockkey key, const struct mw_action *act, int err)
{
	result_put(a, (struct result){ key, act->ts_ns, act->peer, err, true, true });
}

static bool is_near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= RESULT_NEAR_NS;
}

static bool same_peer(const struct mw_addr *a, const struct mw_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Holds it, or gives it as it is where there is no memory to hold it. */
static int hold(struct mw_act *a, struct mw_action *act, struct sockkey key)
{
	struct held *h = mw_alloc_zero(a->a, sizeof(*h));
	int r;

	if (!h)
		return give(a, act);
	h->key = key;
	while ((r = mw_table_put(a->held, &key, h)) == -ENOSPC)
		make_ready(a, mw_table_oldest(a->held), -EINPROGRESS);
	if (r < 0 || act->target.n > sizeof(h->text)) {
		if (r == 0)
			mw_table_remove(a->held, &key);
		held_free(a, h);
		return give(a, act);
	}
	h->act = *act;
	memcpy(h->text, act->target.p, act->target.n);
	h->act.target.p = (const uint8_t *)h->text;
	return 0;
}

/* What a connect call on a socket that can be followed means, given what is known of the socket. */
static int on_connect_stream(struct mw_act *a, const struct mw_ev_act *ev, struct mw_action *act)
{
	const struct sockkey key = { ev->chan, ev->gen };
	struct held *h = mw_table_get(a->held, &key);
	struct result *res = result_find(a, key);

	if (h && act->ret == -EALREADY)
		return 0;
	if (h && act->ret != -EINPROGRESS) {
		/* the same attempt, asked again: this is its end */
		int64_t end = act->ret == -EISCONN || act->ret > 0 ? 0 : act->ret;

		if (end >= -4095)
			tell(a, key, act, (int)-end);
		make_ready(a, h, end);
		return 0;
	}
	if (h) /* a new attempt: the end of the one before was not seen */
		make_ready(a, h, -EINPROGRESS);
	if (res) {
		const struct result was = *res;

		res->used = false;
		if (was.told) {
			if (act->ret != -EINPROGRESS && same_peer(&was.peer, &act->peer) &&
			    (act->ret == -was.err || (was.err == 0 && act->ret == -EISCONN)))
				return 0;
		} else if (act->ret == -EINPROGRESS && is_near(was.ts_ns, act->ts_ns)) {
			act->ret = -was.err;
			tell(a, key, act, was.err);
			return give(a, act);
		}
	}
	if (act->ret != -EINPROGRESS)
		return give(a, act);
	return hold(a, act, key);
}

static int on_connect(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(MW_EFFECT_NET_CONNECT, &ev->hdr);
	struct mw_slice name = s.asked;
	const uint8_t *nul;
	size_t off = 0;
	int r;

	act.ret = ev->ret;
	act.ino = ev->ino;
	act.peer = ev->peer;
	act.from_kernel = ev->peer_from ||
			  (ev->peer.family == AF_UNIX && ev->path_state == MW_PATH_FULL);
	mw_buf_reset(&a->text, TEXT_KEEP);
	if (ev->peer.family == AF_UNIX && name.n && name.p[0] != '\0') {
		/* sun_path of a file ends at its NUL; in an abstract name they count */
		nul = memchr(name.p, '\0', name.n);
		if (nul)
			name.n = (size_t)(nul - name.p);
		if (name.p[0] != '/' && usable_base(ev->base_state) && s.base.n) {
			act.asked = name;
			r = mw_path_join(&a->text, s.base, name);
			if (r < 0)
				return r;
			off = a->text.len;
			/* both stay in text: room first, so that the name does not move */
			r = mw_buf_reserve(&a->text, off + sizeof("unix:"));
			if (r < 0)
				return r;
			name = mw_slice(a->text.p, off);
		}
	}
	r = mw_addr_print(&a->text, &ev->peer, name);
	if (r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	act.target = text_part(a, off, a->text.len);
	if (ev->peer.family == AF_UNIX || (ev->chan == 0 && ev->gen == 0))
		return give(a, &act);
	return on_connect_stream(a, ev, &act);
}

static void on_sock(struct mw_act *a, const struct mw_ev_sock *ev)
{
	const struct sockkey key = { ev->chan, ev->gen };
	struct held *h = mw_table_get(a->held, &key);
	struct result res = { key, ev->hdr.ts_ns, ev->peer, ev->err, true, false };
	const struct result *old = h ? NULL : result_find(a, key);

	if (old && old->told && old->err == res.err && is_near(old->ts_ns, res.ts_ns))
		return;
	/* a hostile capture's: no result is negative */
	if (res.err < 0 || (ev->chan == 0 && ev->gen == 0))
		return;
	if (h) {
		res.told = true;
		res.peer = h->act.peer;
		make_ready(a, h, -(int64_t)ev->err);
	}
	result_put(a, res);
}

/* --- all together --- */

static int on_end(struct mw_act *a, const struct mw_ev_exit *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_EXIT, &ev->hdr);
	struct held *h;
	size_t pos = 0;

	if (mw_table_count(a->held))
		while ((h = mw_table_next(a->held, &pos)))
			if (mw_prockey_eq(h->act.proc, act.proc))
				make_ready(a, h, -EINPROGRESS);
	act.signal = ev->code & 0x7f;
	act.code = act.signal ? -1 : (ev->code >> 8) & 0xff;
	return give(a, &act);
}

static int on_act(struct mw_act *a, const struct mw_ev_act *ev)
{
	switch (ev->op) {
	case MW_OP_OPEN:
		return on_file(a, MW_EFFECT_FILE_OPEN, ev);
	case MW_OP_UNLINK:
		return on_file(a, MW_EFFECT_FILE_DELETE, ev);
	case MW_OP_RMDIR:
		return on_file(a, MW_EFFECT_FILE_RMDIR, ev);
	case MW_OP_RENAME:
		return on_file(a, MW_EFFECT_FILE_RENAME, ev);
	case MW_OP_EXEC:
		return on_file(a, MW_EFFECT_PROC_EXEC, ev);
	case MW_OP_CONNECT:
		return on_connect(a, ev);
	}
	return 0;
}

int mw_act_push(struct mw_act *a, const struct mw_event_hdr *ev)
{
	switch (ev->type) {
	case MW_EV_ACT:
		return on_act(a, (const struct mw_ev_act *)ev);
	case MW_EV_EXEC:
		return on_exec(a, (const struct mw_ev_proc *)ev);
	case MW_EV_EXIT:
		return on_end(a, (const struct mw_ev_exit *)ev);
	case MW_EV_SOCK:
		on_sock(a, (const struct mw_ev_sock *)ev);
		return 0;
	}
	return 0;
}

void mw_act_tick(struct mw_act *a, uint64_t now_ns)
{
	struct held *h;

	while ((h = mw_table_oldest(a->held)) && now_ns > h->act.ts_ns &&
	       now_ns - h->act.ts_ns > MW_ACT_CONNECT_WAIT_NS)
		make_ready(a, h, -EINPROGRESS);
}

void mw_act_finish(struct mw_act *a)
{
	struct held *h;

	while ((h = mw_table_oldest(a->held)))
		make_ready(a, h, -EINPROGRESS);
}

int mw_act_next(struct mw_act *a, struct mw_action *ret)
{
	struct held *h = a->ready;

	held_free(a, a->lent);
	a->lent = NULL;
	if (h) {
		a->ready = h->next;
		a->lent = h;
		*ret = h->act;
		return 1;
	}
	if (a->has_now) {
		a->has_now = false;
		*ret = a->now;
		return 1;
	}
	return 0;
}
