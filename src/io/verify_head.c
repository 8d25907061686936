/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_head.c - a record's head, by its place
 *
 * Keys have their order (record.h), so that no line is parsed as JSON but those that tell of the
 * log itself. What has another order is no record of ours and gets no more than it says.
 */
#include <errno.h>

#include "base/json.h"
#include "io/verify_priv.h"
#include "io/when.h"

static bool eat(struct mw_slice *s, const char *text, size_t n)
{
	if (s->n < n || memcmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}
#define EAT(s, text) eat(s, text, sizeof(text) - 1)

static bool eat_u64(struct mw_slice *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s->p[i] - '0'), &v))
			return false;
	if (i == 0)
		return false;
	s->p += i;
	s->n -= i;
	*ret = v;
	return true;
}

/* To the quote that ends a string. */
static bool eat_string(struct mw_slice *s, struct mw_slice *ret)
{
	size_t i;

	for (i = 0; i < s->n && s->p[i] != '"'; i++)
		if (s->p[i] == '\\')
			i++;
	if (i >= s->n)
		return false;
	*ret = mw_slice(s->p, i);
	s->p += i + 1;
	s->n -= i + 1;
	return true;
}

void mw_line_head(const char *line, size_t n, struct mw_line_head *ret)
{
	struct mw_slice s = mw_slice(line, n), str;
	uint64_t number;

	*ret = (struct mw_line_head){ 0 };
	if (!EAT(&s, "{\"v\":") || !eat_u64(&s, &number) || !EAT(&s, ",\"seq\":") ||
	    !eat_u64(&s, &ret->seq))
		return;
	ret->has_seq = true;
	if (!EAT(&s, ",\"time\":\"") || !eat_string(&s, &ret->time) || !EAT(&s, ",\"boot_ns\":") ||
	    !eat_u64(&s, &number) || !EAT(&s, ",\"host\":\"") || !eat_string(&s, &str) ||
	    !EAT(&s, ",\"type\":\""))
		return;
	if (EAT(&s, "seal\""))
		ret->kind = MW_LINE_SEAL;
	else if (EAT(&s, "daemon\""))
		ret->kind = MW_LINE_DAEMON;
}

static bool member_u64(struct mw_slice line, const char *name, uint64_t *ret)
{
	unsigned int same;
	struct mw_slice v;

	return mw_json_member(line, name, &v, &same) == 0 && same == 1 && eat_u64(&v, ret) &&
	       v.n == 0;
}

static bool member_is(struct mw_slice line, const char *name, const char *want)
{
	unsigned int same;
	struct mw_slice v;

	return mw_json_member(line, name, &v, &same) == 0 && same == 1 && mw_json_str_eq(v, want);
}

void mw_line_mark(const char *line, size_t n, const struct mw_line_head *head,
		  struct mw_line_mark *ret)
{
	struct mw_slice text = mw_slice(line, n), v;
	struct mw_line_mark m = { .seq = head->seq, .kind = head->kind };
	unsigned int same;

	if (head->time.n)
		(void)mw_when_rfc3339((const char *)head->time.p, head->time.n, &m.time_ns);
	switch (head->kind) {
	case MW_LINE_SEAL:
		/* a verifier key holds nothing that JSON escapes */
		m.good = member_u64(text, "epoch", &m.epoch) &&
			 mw_json_member(text, "next_vkey", &v, &same) == 0 && same == 1 &&
			 v.n > 2 && mw_vkey_parse((const char *)v.p + 1, v.n - 2, &m.next) == 0;
		break;
	case MW_LINE_DAEMON:
		m.stop = member_is(text, "event", "stop");
		m.damaged = mw_json_member(text, "damaged", &v, &same) == 0;
		if (member_is(text, "event", "prune") && member_u64(text, "to_seq", &m.prune_to) &&
		    m.prune_to < UINT64_MAX)
			m.prune_to++;
		break;
	default:
		break;
	}
	*ret = m;
}
