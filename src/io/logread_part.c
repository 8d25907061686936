/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/cleanup.h"
#include "io/logread_priv.h"

static const char no_fit[] = "the index does not fit the log; remove it and try again";

static int restore(struct mw_lr_input *in, struct mw_slice state)
{
	if (!in->prove || !state.n)
		/* one that is sealed now and was not then, or the other way round */
		return in->prove || state.n ? -EBADMSG : 0;
	return mw_verify_restore(mw_lr_prove_wait(in->prove), state.p, state.n);
}

int mw_lr_build(struct mw_logread *l, uint64_t from, struct mw_slice state,
		const struct mw_lr_hook *hook)
{
	struct mw_lr_input *in = &l->inputs[0];

	l->hook = hook;
	if (!from)
		return 0;
	in->from = in->next_seq = from;
	in->any = true;
	return restore(in, state);
}

int mw_logread_narrow(struct mw_logread *l, size_t input, struct mw_index_plan *plan)
{
	struct mw_lr_input *in = &l->inputs[input];
	size_t i;

	in->plan = plan;
	in->from = mw_index_rest(plan);
	for (i = 0; i < in->n_segs; i++)
		if (in->segs[i].first == in->from)
			return restore(in, mw_index_state(plan));
	return -EBADMSG;
}

bool mw_logread_narrowed(const struct mw_logread *l, size_t input)
{
	return l->inputs[input].from > 0;
}

/* All of it is read: what follows is read as always. */
static int end_part(struct mw_lr_input *in)
{
	struct mw_lr_block *b = &in->block[in->cur];

	mw_index_plan_free(in->plan);
	in->plan = NULL;
	mw_segread_free(in->segment);
	in->segment = NULL;
	b->len = b->n_lines = in->next = 0;
	in->next_seq = in->from;
	in->any = true;
	return 0;
}

int mw_lr_part(struct mw_logread *l, struct mw_lr_input *in)
{
	struct mw_lr_block *b = &in->block[in->cur];
	struct mw_index_range range;
	ssize_t n = 1;
	int r;

	if (!mw_index_next(in->plan, MW_LR_BLOCK_LEN, &range))
		return end_part(in);
	if (!in->segment || in->first != range.first) {
		r = mw_lr_open_file(l, in, &(struct mw_segment){ .first = range.first });
		if (r < 0)
			return r;
	}
	b->len = b->n_lines = in->next = 0;
	r = range.len > MW_LR_BLOCK_LEN ? -EBADMSG : mw_segread_seek(in->segment, range.off);
	while (r == 0 && b->len < range.len && n > 0) {
		n = mw_segread_read(in->segment, b->buf + b->len, range.len - b->len);
		if (n < 0)
			r = (int)n;
		else
			b->len += (size_t)n;
	}
	if (r < 0 && r != -EBADMSG)
		return mw_lr_fail(l, r, in->file, 0, strerror(-r));
	if (r == 0)
		mw_lr_find_lines(b, 0);
	/* whole lines, and as many as it says */
	if (r < 0 || b->len != range.len || b->n_lines != range.n_lines || b->n_lines == 0 ||
	    b->end[b->n_lines - 1] + 1 != b->len)
		return mw_lr_fail(l, -ESTALE, in->file, 0, no_fit);
	in->seq = range.seq;
	in->line_no = range.seq - range.first;
	return 1;
}

bool mw_lr_part_skips(struct mw_lr_input *in)
{
	if (!in->plan || mw_index_wants(in->plan, in->seq))
		return false;
	in->next++;
	in->line_no++;
	in->seq++;
	return true;
}
