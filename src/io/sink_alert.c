/* SPDX-License-Identifier: Apache-2.0 */
/* sink_alert.c - the sink: records in, what was not delivered out */
#include "io/sink_alert.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "io/sink_alert_priv.h"

#define MS 1000000ll

struct sink_alert {
	struct mw_sink sink;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	struct mw_alert_set *now, *before; /* before: ending */
	struct mw_alert_set *next;	   /* prepared */
	struct mw_alert_stats ended;	   /* of those that have ended */
	union {
		struct mw_ev_outlet ev;
		char bytes[sizeof(struct mw_ev_outlet) + 512];
	} said;
};

static int alert_write(struct mw_sink *sink, const struct mw_record *record)
{
	struct sink_alert *s = (struct sink_alert *)sink;
	size_t i;

	for (i = 0; record->alert && i < s->now->n; i++)
		if (record->alert >= s->now->out[i].cfg->severity)
			mw_alert_out_push(&s->now->out[i], record);
	return 0;
}

static const struct mw_event_hdr *event_of(struct sink_alert *s, const char *name, uint64_t n,
					   int error)
{
	size_t len = strnlen(name, sizeof(s->said) - sizeof(s->said.ev) - 8);

	memset(&s->said, 0, sizeof(s->said));
	s->said.ev =
	    (struct mw_ev_outlet){ .alerts = n, .error = error, .name_len = (uint32_t)len };
	memcpy(&s->said.ev + 1, name, len);
	s->said.ev.hdr =
	    (struct mw_event_hdr){ .len = (uint32_t)((sizeof(s->said.ev) + len + 7) & ~(size_t)7),
				   .type = MW_EV_OUTLET,
				   .cpu = MW_CPU_NONE };
	return &s->said.ev.hdr;
}

/* What its outlets have not told. At the end each tells twice at most: that something was not
 * delivered may itself raise an alert, which is not delivered. */
static const struct mw_event_hdr *tell(struct sink_alert *s, struct mw_alert_set *set,
				       uint64_t now_ns, bool ended)
{
	struct mw_alert_out *o;
	uint64_t n;
	size_t i;
	int error;

	for (i = 0; i < set->n; i++) {
		o = &set->out[i];
		if (ended ? o->told_after_stop == 2
			  : o->told_ns && now_ns - o->told_ns < MW_ALERT_TELL_MS * MS)
			continue;
		pthread_mutex_lock(&o->lock);
		n = o->untold;
		error = o->error;
		o->untold = 0;
		pthread_mutex_unlock(&o->lock);
		if (!n)
			continue;
		o->told_ns = now_ns;
		o->told_after_stop += ended;
		return event_of(s, o->cfg->name, n, error);
	}
	return NULL;
}

static void add_stats(const struct mw_alert_set *set, struct mw_alert_stats *sum)
{
	struct mw_alert_out *o;
	size_t i;

	for (i = 0; i < set->n; i++) {
		o = (struct mw_alert_out *)&set->out[i]; /* the lock alone is changed */
		pthread_mutex_lock(&o->lock);
		sum->sent += o->stats.sent;
		sum->failed += o->stats.failed;
		sum->not_sent += o->stats.not_sent;
		sum->waiting += o->n + (o->held != NULL);
		pthread_mutex_unlock(&o->lock);
	}
}

/* Those before a change, once they have ended and told all. */
static const struct mw_event_hdr *ask_before(struct sink_alert *s, uint64_t now_ns, bool wait)
{
	const struct mw_event_hdr *h;

	if (!s->before || !mw_alert_set_done(s->before, wait))
		return NULL;
	h = tell(s, s->before, now_ns, true);
	if (h)
		return h;
	add_stats(s->before, &s->ended);
	mw_alert_set_free(s->before);
	s->before = NULL;
	return NULL;
}

static const struct mw_event_hdr *alert_ask(struct mw_sink *sink, uint64_t now_ns)
{
	struct sink_alert *s = (struct sink_alert *)sink;
	const bool last = now_ns == UINT64_MAX;
	const struct mw_event_hdr *h;

	if (last)
		mw_alert_set_stop(s->now, mw_alert_now_ns() / MS + MW_ALERT_STOP_MS);
	h = ask_before(s, now_ns, last);
	if (h)
		return h;
	if (last)
		(void)mw_alert_set_done(s->now, true);
	return tell(s, s->now, now_ns, last);
}

static int alert_flush(struct mw_sink *sink)
{
	(void)sink;
	return 0;
}

static void end(struct mw_alert_set *set)
{
	if (!set)
		return;
	mw_alert_set_stop(set, mw_alert_now_ns() / MS + MW_ALERT_STOP_MS);
	(void)mw_alert_set_done(set, true);
	mw_alert_set_free(set);
}

static void alert_free(struct mw_sink *sink)
{
	struct sink_alert *s = (struct sink_alert *)sink;

	if (!s)
		return;
	end(s->before);
	end(s->now);
	end(s->next);
	free(s);
}

static const struct mw_sink_ops alert_ops = {
	.write = alert_write,
	.ask = alert_ask,
	.flush = alert_flush,
	.free = alert_free,
};

int mw_sink_alert_new(struct mw_alert_list *list, void (*say)(void *ctx, const char *line),
		      void *ctx, struct mw_sink **ret)
{
	struct sink_alert *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->sink.ops = &alert_ops;
	s->say = say;
	s->say_ctx = ctx;
	r = mw_alert_set_new(list, say, ctx, &s->now);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = &s->sink;
	return 0;
}

int mw_sink_alert_prepare(struct mw_sink *sink, struct mw_alert_list *list)
{
	struct sink_alert *s = (struct sink_alert *)sink;

	if (s->before)
		return -EBUSY;
	mw_sink_alert_cancel(sink);
	return mw_alert_set_new(list, s->say, s->say_ctx, &s->next);
}

void mw_sink_alert_commit(struct mw_sink *sink)
{
	struct sink_alert *s = (struct sink_alert *)sink;

	if (!s->next)
		return;
	s->before = s->now;
	s->now = s->next;
	s->next = NULL;
	mw_alert_set_stop(s->before, mw_alert_now_ns() / MS + MW_ALERT_STOP_MS);
}

/* They have nothing to do, and end at once. */
void mw_sink_alert_cancel(struct mw_sink *sink)
{
	struct sink_alert *s = (struct sink_alert *)sink;

	end(s->next);
	s->next = NULL;
}

static bool same(const void *a, size_t n_a, const void *b, size_t n_b)
{
	return n_a == n_b && (!n_a || CRYPTO_memcmp(a, b, n_a) == 0);
}

bool mw_sink_alert_has(const struct mw_sink *sink, const struct mw_alert_list *list)
{
	const struct mw_alert_set *set = ((const struct sink_alert *)sink)->now;
	const struct mw_alert_outlet *a, *b;
	size_t i;

	for (i = 0; i < set->n && i < list->n; i++) {
		a = set->out[i].cfg;
		b = &list->outlet[i];
		if (!same(a->header, a->header ? strlen(a->header) : 0, b->header,
			  b->header ? strlen(b->header) : 0) ||
		    !same(a->hmac_key, a->hmac_key_len, b->hmac_key, b->hmac_key_len))
			return false;
	}
	return set->n == list->n;
}

void mw_sink_alert_stats(struct mw_sink *sink, struct mw_alert_stats *ret)
{
	struct sink_alert *s = (struct sink_alert *)sink;
	struct mw_alert_stats sum = s->ended;

	if (s->before)
		add_stats(s->before, &sum);
	add_stats(s->now, &sum);
	sum.outlets = s->now->n;
	*ret = sum;
}
