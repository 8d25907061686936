/* SPDX-License-Identifier: Apache-2.0 */
/* correlate_list.c - what a call has done, as its record lists it */
#include "core/correlate_priv.h"

#include <errno.h>

static const char why_unread[] =
    "it was the only call sent to the server, which answered it and was not seen to read it";
static const char why_settled_later[] =
    "it was the only call open on the server, as settling its request showed";
static const char why_id[] = "done in the context of the request with this call's id";
static const char why_file[] = "done on the file that an effect of this call opened";
static const char why_argument[] = "named in the arguments of this call only";

static int note_sent(struct mw_corr_call *x, const struct mw_action *act, const struct mw_tie *tie,
		     uint64_t seq)
{
	struct mw_tie claim;

	if (x->doubted || (x->was_end_ns && !x->read))
		return 0;
	claim = *tie;
	claim.link = tie->later;
	claim.confidence =
	    tie->later == MW_LINK_CAUSAL && !x->server->given_up ? MW_CONF_CERTAIN : MW_CONF_LIKELY;
	claim.why = tie->later == MW_LINK_ARGUMENT ? why_argument
		    : tie->later == MW_LINK_CAUSAL ? why_id
		    : tie->later == MW_LINK_FLOW   ? why_file
		    : x->read			   ? why_settled_later
						   : why_unread;
	return mw_effects_add(&x->effects, act, &claim, seq, false);
}

int mw_correlate_note(struct mw_correlate *c, const struct mw_action *act, const struct mw_tie *tie,
		      uint64_t seq)
{
	uint64_t id = tie->call ? tie->call : tie->sent;
	struct mw_corr_call *x = id ? mw_corr_call(c, id) : NULL;
	struct mw_kin_node *n = mw_kin_get(c->kin, act->proc);
	int r = 0, flow;

	if (tie->pending && n && n->server && (x || !tie->call)) {
		r = mw_claim_add(c, n, act, tie, seq);
		if (r == 0 || !x)
			return r;
	}
	flow =
	    (id || tie->excluded) && n && n->server ? mw_corr_flow_note(c, n, act, tie, NULL) : 0;
	if (!x)
		return flow < 0 ? flow : -ENOENT;
	r = tie->call ? mw_effects_add(&x->effects, act, tie, seq, true)
		      : note_sent(x, act, tie, seq);
	return r < 0 ? r : flow;
}

int mw_correlate_effects(const struct mw_correlate *c, uint64_t call, size_t *pos,
			 struct mw_call_effect *ret)
{
	const struct mw_corr_call *x = mw_corr_call(c, call);
	const struct mw_call_effect *e = x ? mw_effects_at(&x->effects, *pos) : NULL;

	if (!e)
		return 0;
	*ret = *e;
	(*pos)++;
	return 1;
}

uint64_t mw_correlate_effects_n(const struct mw_correlate *c, uint64_t call)
{
	const struct mw_corr_call *x = mw_corr_call(c, call);

	return x ? x->effects.total : 0;
}

const struct mw_args *mw_correlate_args_of(const struct mw_correlate *c, uint64_t call)
{
	const struct mw_corr_call *x = mw_corr_call(c, call);

	return x ? x->args : NULL;
}

struct mw_args *mw_correlate_args_take(struct mw_correlate *c, uint64_t call)
{
	struct mw_corr_call *x = mw_corr_call(c, call);
	struct mw_args *args = x ? x->args : NULL;

	if (x)
		x->args = NULL;
	return args;
}

unsigned int mw_correlate_power(const struct mw_correlate *c, uint64_t call)
{
	const struct mw_corr_call *x = mw_corr_call(c, call);

	return x ? x->effects.power : 0;
}

void mw_correlate_stats(const struct mw_correlate *c, struct mw_correlate_stats *ret)
{
	*ret = c->stats;
	ret->procs_evicted = c->kin->evicted;
}
