/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. A question is in `asked` until its answer came or it was given up; then in `ready`, or lent.
 *  2. The names of one address are a list, the latest first, of at most ADDR_NAMES; a process has a
 *     name in it once.
 */
#include "core/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "base/table.h"
#include "core/dns.h"
#include "core/event.h"

/* Names that are kept of one address. */
#define ADDR_NAMES	 16u
#define ANSWERS_TEXT_MAX 1024u

/* No padding: it is a table key. */
struct asked_key {
	uint64_t chan;
	uint64_t what; /* hash of name, type and id */
};

struct asked {
	struct mw_action act;
	struct asked_key key;
	struct asked *next; /* in ready */
	size_t size;
	char type[16];
	struct mw_buf text; /* target, then object */
};

struct addr_name {
	struct addr_name *next;
	struct mw_prockey proc;
	uint64_t ts_ns;
	size_t n;
	uint8_t s[];
};

struct addr {
	uint8_t ip[16]; /* IPv4 as v4-mapped */
	struct addr_name *first;
	size_t n;
};

struct mw_resolve {
	const struct mw_alloc *a;
	struct mw_table *asked, *addrs;
	struct asked *ready, *ready_last, *lent;
	struct mw_resolve_stats stats;
	struct mw_dns dns;
};

int mw_resolve_new(const struct mw_alloc *a, struct mw_resolve **ret)
{
	struct mw_resolve *r = mw_alloc_zero(a, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->a = a;
	err = mw_table_new(a, sizeof(struct asked_key), MW_RESOLVE_ASKED_MAX, &r->asked);
	if (err == 0)
		err = mw_table_new(a, 16, MW_RESOLVE_NAMES_MAX, &r->addrs);
	if (err < 0) {
		mw_resolve_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

static void asked_free(struct mw_resolve *r, struct asked *q)
{
	if (!q)
		return;
	mw_buf_done(&q->text);
	mw_alloc_free(r->a, q, sizeof(*q));
}

static void name_free(struct mw_resolve *r, struct addr_name *n)
{
	mw_alloc_free(r->a, n, sizeof(*n) + n->n);
}

static void addr_free(struct mw_resolve *r, struct addr *a)
{
	struct addr_name *n;

	while ((n = a->first)) {
		a->first = n->next;
		name_free(r, n);
	}
	mw_alloc_free(r->a, a, sizeof(*a));
}

void mw_resolve_free(struct mw_resolve *r)
{
	struct asked *q;
	struct addr *a;
	size_t pos = 0;

	if (!r)
		return;
	while (r->asked && (q = mw_table_next(r->asked, &pos)))
		asked_free(r, q);
	pos = 0;
	while (r->addrs && (a = mw_table_next(r->addrs, &pos)))
		addr_free(r, a);
	while ((q = r->ready)) {
		r->ready = q->next;
		asked_free(r, q);
	}
	asked_free(r, r->lent);
	mw_table_free(r->asked);
	mw_table_free(r->addrs);
	mw_alloc_free(r->a, r, sizeof(*r));
}

/* --- questions ---------------------------------------------------------------------------------
 */

static struct asked_key key_of(const struct mw_resolve *r, const struct mw_ev_dgram *ev)
{
	uint8_t name[MW_DNS_NAME_MAX];
	const struct mw_dns *d = &r->dns;

	for (size_t i = 0; i < d->name.n; i++)
		name[i] = mw_lower((uint8_t)d->name.s[i]);
	return (struct asked_key){ ev->chan, mw_hash64(mw_slice(name, d->name.n),
						       (uint64_t)d->id << 16 | d->type) };
}

/* A question; its name stands in text. NULL: no memory. */
static struct asked *asked_new(struct mw_resolve *r, const struct mw_ev_dgram *ev,
			       struct asked_key key)
{
	struct asked *q = mw_alloc_zero(r->a, sizeof(*q));

	if (!q)
		return NULL;
	q->key = key;
	mw_buf_init(&q->text, r->a, MW_DNS_NAME_MAX + ANSWERS_TEXT_MAX + 1);
	q->act = (struct mw_action){ .kind = MW_EFFECT_NET_DNS,
				     .ts_ns = ev->hdr.ts_ns,
				     .proc = mw_prockey_of(&ev->hdr),
				     .tid = ev->hdr.tid,
				     .uid = ev->hdr.uid,
				     .candidate = ev->hdr.flags & MW_EVF_CANDIDATE,
				     .peer = ev->peer,
				     .chan = ev->chan,
				     .task = mw_task_of(&ev->hdr),
				     .n = 1 };
	snprintf(q->type, sizeof(q->type), "%s", mw_dns_type_name(r->dns.type, q->type));
	if (mw_buf_append(&q->text, r->dns.name.s, r->dns.name.n) < 0) {
		asked_free(r, q);
		return NULL;
	}
	q->size = r->dns.name.n;
	return q;
}

static void make_ready(struct mw_resolve *r, struct asked *q, int64_t ret)
{
	q->act.ret = ret;
	q->next = NULL;
	*(r->ready ? &r->ready_last->next : &r->ready) = q;
	r->ready_last = q;
}

static void give_up(struct mw_resolve *r, struct asked *q, int64_t ret)
{
	mw_table_remove(r->asked, &q->key);
	make_ready(r, q, ret);
}

static int on_question(struct mw_resolve *r, const struct mw_ev_dgram *ev)
{
	struct asked_key key = key_of(r, ev);
	struct asked *q = mw_table_get(r->asked, &key);
	int err;

	if (q) {
		q->act.n++;
		return 0;
	}
	q = asked_new(r, ev, key);
	if (!q)
		return -ENOMEM;
	while ((err = mw_table_put(r->asked, &key, q)) == -ENOSPC) {
		r->stats.asked_evicted++;
		give_up(r, mw_table_oldest(r->asked), -EINPROGRESS);
	}
	if (err < 0)
		make_ready(r, q, -EINPROGRESS);
	return err;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static int64_t code_result(unsigned int rcode)
{
	switch (rcode) {
	case 0:
		return 0;
	case 2:
		return -EAGAIN;
	case 3:
		return -ENOENT;
	case 5:
		return -ECONNREFUSED;
	default:
		return -EPROTO;
	}
}

/* "1.2.3.4", "2001:db8::1": as path.h has them, without the port. */
static int put_addr(struct mw_buf *out, const struct mw_addr *a)
{
	struct mw_addr bare = *a;
	const size_t at = out->len;
	int err;

	bare.port = 1;
	err = mw_addr_print(out, &bare, mw_slice(NULL, 0));
	if (err < 0)
		return err;
	out->len -= 2; /* ":1" */
	if (out->p[at] == '[') {
		out->len -= 2;
		memmove(out->p + at, out->p + at + 1, out->len - at);
	}
	return 0;
}

static int put_answers(struct asked *q, const struct mw_dns *d)
{
	struct mw_buf *b = &q->text;
	int err = 0;

	for (size_t i = 0; i < d->n_answers && err == 0; i++) {
		const struct mw_dns_answer *x = &d->answers[i];

		if (b->len > q->size)
			err = mw_buf_append_byte(b, ' ');
		if (err == 0 && x->addr.family)
			err = put_addr(b, &x->addr);
		else if (err == 0)
			err =
			    mw_buf_append(b, d->names[x->target - 1].s, d->names[x->target - 1].n);
	}
	if (err == 0 && d->cut)
		err = mw_buf_append_str(b, " ...");
	return err == -E2BIG ? 0 : err;
}

static void norm_ip(const struct mw_addr *a, uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	if (a->family == AF_INET) {
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + 12, a->ip, 4);
	} else {
		memcpy(ret, a->ip, 16);
	}
}

static struct addr *addr_get(struct mw_resolve *r, const struct mw_addr *addr)
{
	uint8_t ip[16];
	struct addr *a;
	int err;

	norm_ip(addr, ip);
	a = mw_table_get(r->addrs, ip);
	if (a)
		return a;
	a = mw_alloc_zero(r->a, sizeof(*a));
	if (!a)
		return NULL;
	memcpy(a->ip, ip, sizeof(ip));
	while ((err = mw_table_put(r->addrs, ip, a)) == -ENOSPC) {
		struct addr *old = mw_table_oldest(r->addrs);

		r->stats.names_evicted++;
		mw_table_remove(r->addrs, old->ip);
		addr_free(r, old);
	}
	if (err == 0)
		return a;
	mw_alloc_free(r->a, a, sizeof(*a));
	return NULL;
}

static int learn(struct mw_resolve *r, const struct mw_addr *addr, struct mw_prockey proc,
		 uint64_t ts_ns)
{
	const struct mw_dns_name *name = &r->dns.name;
	struct addr *a = addr_get(r, addr);
	struct addr_name *n, **at;
	size_t i = 0;

	if (!a)
		return -ENOMEM;
	for (at = &a->first; (n = *at); i++) {
		const bool same = mw_prockey_eq(n->proc, proc) &&
				  mw_slice_eq(mw_slice(n->s, n->n), mw_slice(name->s, name->n));

		if (same || i + 1 >= ADDR_NAMES) {
			*at = n->next;
			a->n--;
			name_free(r, n);
			if (same)
				break;
		} else {
			at = &n->next;
		}
	}
	n = mw_alloc_zero(r->a, sizeof(*n) + name->n);
	if (!n)
		return -ENOMEM;
	n->proc = proc;
	n->ts_ns = ts_ns;
	n->n = name->n;
	memcpy(n->s, name->s, name->n);
	n->next = a->first;
	a->first = n;
	a->n++;
	return 0;
}

static int on_answer(struct mw_resolve *r, const struct mw_ev_dgram *ev)
{
	const struct mw_dns *d = &r->dns;
	struct asked_key key = key_of(r, ev);
	struct asked *q = mw_table_remove(r->asked, &key);
	char code[16];
	int err = 0;

	if (!q)
		q = asked_new(r, ev, key);
	if (!q)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_answers && err == 0; i++)
		if (d->answers[i].addr.family)
			err = learn(r, &d->answers[i].addr, q->act.proc, ev->hdr.ts_ns);
	if (err == 0)
		err = put_answers(q, d);
	snprintf(q->act.mode, sizeof(q->act.mode), "%s", mw_dns_rcode_name(d->rcode, code));
	make_ready(r, q, code_result(d->rcode));
	return err;
}

int mw_resolve_push(struct mw_resolve *r, const struct mw_ev_dgram *ev)
{
	const struct mw_slice bytes = mw_slice(ev + 1, ev->captured);
	const bool out = ev->dir == MW_DIR_WRITE;

	if (ev->peer.port != 53) /* of a name server itself: what others ask it */
		return 0;
	if (mw_dns_parse(bytes, &r->dns) < 0 || r->dns.response == out) {
		r->stats.malformed++;
		return 0;
	}
	if (ev->len > ev->captured)
		r->dns.cut = true;
	return out ? on_question(r, ev) : on_answer(r, ev);
}

void mw_resolve_tick(struct mw_resolve *r, uint64_t now_ns)
{
	struct asked *q;

	while ((q = mw_table_oldest(r->asked)) && now_ns > q->act.ts_ns &&
	       now_ns - q->act.ts_ns > MW_RESOLVE_WAIT_NS)
		give_up(r, q, -ETIMEDOUT);
}

void mw_resolve_finish(struct mw_resolve *r)
{
	struct asked *q;

	while ((q = mw_table_oldest(r->asked)))
		give_up(r, q, -EINPROGRESS);
}

int mw_resolve_next(struct mw_resolve *r, struct mw_action *ret)
{
	struct asked *q = r->ready;

	asked_free(r, r->lent);
	r->lent = q;
	if (!q)
		return 0;
	r->ready = q->next;
	if (q->act.n == 1)
		q->act.n = 0;
	q->act.target = mw_slice(q->text.p, q->size);
	q->act.object = mw_slice(q->text.p + q->size, q->text.len - q->size);
	q->act.verb = mw_slice_str(q->type);
	*ret = q->act;
	return 1;
}

/* --- names -------------------------------------------------------------------------------------
 */

size_t mw_resolve_names(const struct mw_resolve *r, const struct mw_addr *addr,
			struct mw_prockey proc, uint64_t now_ns, mw_resolve_kin *kin,
			const void *ctx, struct mw_slice ret[MW_RESOLVE_GIVEN_MAX])
{
	const struct addr *a;
	uint8_t ip[16];
	size_t n = 0;

	if (addr->family != AF_INET && addr->family != AF_INET6)
		return 0;
	norm_ip(addr, ip);
	a = mw_table_get(r->addrs, ip);
	for (int pass = 0; a && n == 0 && pass < 2; pass++) {
		for (const struct addr_name *x = a->first; x && n < MW_RESOLVE_GIVEN_MAX;
		     x = x->next) {
			const bool own = mw_prockey_eq(x->proc, proc);

			if (x->ts_ns > now_ns || now_ns - x->ts_ns > MW_RESOLVE_KEEP_NS)
				continue;
			if (pass == 0 ? own : kin && !own && kin(ctx, x->proc, proc))
				ret[n++] = mw_slice(x->s, x->n);
		}
	}
	return n;
}

void mw_resolve_stats(const struct mw_resolve *r, struct mw_resolve_stats *ret)
{
	*ret = r->stats;
}
