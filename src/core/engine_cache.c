/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_cache.c - parts of records that are the same in every record of a server
 *
 * Kept as they were written, redacted, until anything is learned about a process, user or server. A
 * part that does not fit, or was cut or lossy, is written anew each time: the cache changes no
 * byte.
 */
#include "core/engine_priv.h"

#define PARTS_MAX    512
#define PART_LEN_MAX 2048

struct part {
	struct mw_eng_part_key key;
	size_t n;
	uint8_t bytes[];
};

static void part_free(struct mw_engine *e, struct part *p)
{
	mw_alloc_free(e->a, p, sizeof(*p) + p->n);
}

void mw_eng_forget_parts(struct mw_engine *e)
{
	struct part *p;

	mw_eng_policy_stale(e);
	while ((p = mw_table_oldest(e->parts))) {
		(void)mw_table_remove(e->parts, &p->key);
		part_free(e, p);
	}
}

int mw_eng_parts_new(struct mw_engine *e)
{
	return mw_table_new(e->a, sizeof(struct mw_eng_part_key), PARTS_MAX, &e->parts);
}

void mw_eng_parts_free(struct mw_engine *e)
{
	if (e->parts)
		mw_eng_forget_parts(e);
	mw_table_free(e->parts);
}

bool mw_eng_part_again(struct mw_engine *e, struct mw_emit *r, const struct mw_eng_part_key *key)
{
	const struct part *p = mw_table_get(e->parts, key);

	if (!p)
		return false;
	mw_emit_again(r, mw_slice(p->bytes, p->n));
	return true;
}

void mw_eng_part_keep(struct mw_engine *e, const struct mw_emit *r,
		      const struct mw_eng_part_key *key, size_t at)
{
	struct mw_slice text;
	struct part *p;

	if (r->error || r->lossy || e->out.len <= at)
		return;
	text = mw_slice(e->out.p + at, e->out.len - at);
	if (text.p[0] == ',')
		text = mw_slice_from(text, 1);
	if (!text.n || text.n > PART_LEN_MAX)
		return;
	if (mw_table_count(e->parts) == PARTS_MAX)
		mw_eng_forget_parts(e);
	p = mw_alloc_zero(e->a, sizeof(*p) + text.n);
	if (!p)
		return;
	p->key = *key;
	p->n = text.n;
	memcpy(p->bytes, text.p, text.n);
	if (mw_table_put(e->parts, &p->key, p) < 0)
		part_free(e, p);
}
