/* SPDX-License-Identifier: Apache-2.0 */
/* causal_fx.h - runtimes, their tasks, and effects as the engine has them */
#ifndef MW_TESTS_CAUSAL_FX_H
#define MW_TESTS_CAUSAL_FX_H

#include "support_correlate.h"

#include <stdio.h>

static inline void runtime(uint32_t pid, uint32_t kind, bool reads, bool exact)
{
	struct mw_prockey k = tp(pid);
	struct mw_ev_runtime ev = { .hdr = { .len = sizeof(ev),
					     .type = MW_EV_RUNTIME,
					     .start_ns = k.start_ns,
					     .tgid = (uint32_t)k.tgid,
					     .cpu = MW_CPU_NONE },
				    .kind = kind,
				    .reads = reads,
				    .exact = exact };

	assert_int_equal(mw_correlate_push(corr, &ev.hdr), 0);
}

static inline struct mw_task task(uint64_t id, uint64_t of)
{
	return (struct mw_task){ id, of, 0 };
}

static inline struct mw_task in_request(uint64_t object, uint64_t id)
{
	return (struct mw_task){ object, id, MW_EVF_ID_INT };
}

static inline struct mw_sight sight(uint32_t pid, struct mw_task t, uint64_t ts, bool alone)
{
	return (struct mw_sight){ .seen = true,
				  .begin_ns = T + ts,
				  .end_ns = T + ts,
				  .proc = tp(pid),
				  .task = t,
				  .alone = alone };
}

/* A call whose request a task read, at ts. */
static inline void call_by(uint64_t id, uint32_t pid, const char *rpc_id, const char *args,
			   struct mw_task t, bool alone, uint64_t ts)
{
	struct mw_sight s = sight(pid, t, ts, alone);

	call(id, pid, args, ts);
	mw_correlate_moved(corr, &s);
	mw_correlate_brought(corr, id, &s, mw_slice_str(rpc_id));
}

static inline void answer_by(uint64_t id, uint32_t pid, struct mw_task t, uint64_t ts)
{
	struct mw_sight s = sight(pid, t, ts, true);

	end(id, ts);
	mw_correlate_wrote(corr, id, &s);
}

static uint64_t last_seq;

/* An effect as the engine has it: tied, written under a number, noted. */
static inline struct mw_tie did_on(uint32_t pid, const char *target, struct mw_task t,
				   uint64_t file, enum mw_effect_kind kind, uint64_t ts)
{
	struct mw_action a = action(pid, target, ts);
	struct mw_tie tie;

	a.kind = kind;
	a.task = t;
	a.file = file;
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	last_seq++;
	if (tie.call || tie.sent || tie.pending)
		(void)mw_correlate_note(corr, &a, &tie, last_seq);
	return tie;
}

static inline struct mw_tie did(uint32_t pid, const char *target, struct mw_task t, uint64_t ts)
{
	return did_on(pid, target, t, 0, MW_EFFECT_FILE_OPEN, ts);
}

/* How the settled record of a call has this target: its link, or NULL. */
static inline const char *listed(uint64_t id, const char *target, enum mw_confidence *conf)
{
	struct mw_call_effect e;
	size_t pos = 0;

	while (mw_correlate_effects(corr, id, &pos, &e) == 1)
		if (mw_slice_eq_str(e.target, target)) {
			*conf = e.confidence;
			return mw_link_name(e.link);
		}
	return NULL;
}

#define expect_listed(id, target, link, conf)                                                      \
	do {                                                                                       \
		enum mw_confidence c_ = MW_CONF_NONE;                                              \
		const char *l_ = listed(id, target, &c_);                                          \
		assert_non_null(l_);                                                               \
		assert_string_equal(l_, link);                                                     \
		assert_int_equal(c_, conf);                                                        \
	} while (0)
#define expect_unlisted(id, target)                                                                \
	do {                                                                                       \
		enum mw_confidence c_;                                                             \
		assert_null(listed(id, target, &c_));                                              \
	} while (0)

static inline int setup_causal(void **state)
{
	last_seq = 0;
	return setup(state);
}

#endif
