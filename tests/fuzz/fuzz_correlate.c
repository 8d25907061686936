/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: steps of four bytes: what, who, who else, when. A few processes, calls and moments, so that
 * every kind of collision comes: pids used again, cycles of parents, calls out of order. Against a
 * record of what was said and some truths that hold whatever happens.
 */
#include "fuzz.h"

#include <errno.h>

#include "core/correlate.h"
#include "core/proc.h"

#define N_CALL 16

static struct mw_prockey who(uint8_t b)
{
	return (struct mw_prockey){ 1 + (b >> 4), 1 + (b & 15) };
}

static void event(struct mw_correlate *c, struct mw_procs *p, uint8_t what, uint8_t a, uint8_t b,
		  uint64_t ts)
{
	union {
		struct mw_event_hdr h;
		struct mw_ev_fork fork;
		struct mw_ev_proc proc;
		struct mw_ev_exit end;
	} e;

	memset(&e, 0, sizeof(e));
	e.h.ts_ns = ts;
	e.h.start_ns = who(a).start_ns;
	e.h.tgid = (uint32_t)who(a).tgid;
	if (what == 0) {
		e.h.type = MW_EV_FORK;
		e.h.len = sizeof(e.fork);
		e.h.task = b >> 4;
		e.h.flags = b & 8 ? MW_EVF_ID_INT : 0;
		e.h.task_of = 1;
		e.fork.child_start_ns = who(b).start_ns;
		e.fork.child_tgid = (uint32_t)who(b).tgid;
	} else if (what == 1) {
		e.h.type = MW_EV_EXIT;
		e.h.len = sizeof(e.end);
	} else {
		e.h.type = b & 1 ? MW_EV_EXEC : MW_EV_PROC;
		e.h.len = sizeof(e.proc);
		e.proc.parent_start_ns = who(b).start_ns;
		e.proc.parent_tgid = (uint32_t)who(b).tgid;
	}
	FUZZ_CHECK(mw_correlate_push(c, &e.h) == 0);
	FUZZ_CHECK(mw_procs_push(p, &e.h) == 0);
}

struct known {
	bool used, at[256]; /* by who */
};

static bool is_at(const struct known *k, struct mw_prockey server)
{
	return k->used && k->at[(server.start_ns - 1) << 4 | (server.tgid - 1)];
}

/* Tasks, few and so often met again; what a process says of them is what it likes. */
static struct mw_task task_of(uint8_t x)
{
	static const uint16_t flags[] = { 0, MW_EVF_ID_INT, MW_EVF_ID_STR, MW_EVF_NO_REQUEST };

	return (struct mw_task){ x >> 3 & 7, x >> 6, flags[x & 3] };
}

static struct mw_sight sight_of(uint8_t proc, uint8_t x, uint64_t ts)
{
	return (struct mw_sight){ .seen = true,
				  .begin_ns = ts,
				  .end_ns = ts,
				  .proc = who(proc),
				  .task = task_of(x),
				  .alone = x & 4 };
}

static void runtime(struct mw_correlate *c, uint8_t a, uint8_t b, uint64_t ts)
{
	struct mw_prockey k = who(a);
	struct mw_ev_runtime rt = { .hdr = { .len = sizeof(rt),
					     .type = MW_EV_RUNTIME,
					     .ts_ns = ts,
					     .start_ns = k.start_ns,
					     .tgid = (uint32_t)k.tgid },
				    .kind = b & 3,
				    .reads = b >> 2 & 1,
				    .exact = b >> 3 & 1 };

	FUZZ_CHECK(mw_correlate_push(c, &rt.hdr) == 0);
}

static void edge(struct mw_correlate *c, uint8_t a, uint8_t b, uint64_t ts)
{
	struct mw_prockey k = who(a);
	struct mw_ev_task t = { .hdr = { .len = sizeof(t),
					 .type = MW_EV_TASK,
					 .ts_ns = ts,
					 .start_ns = k.start_ns,
					 .tgid = (uint32_t)k.tgid,
					 .task = b & 15 },
				.child = b >> 4,
				.kind = b & 7 };

	FUZZ_CHECK(mw_correlate_push(c, &t.hdr) == 0);
}

static void act(struct mw_correlate *c, const struct known *known, uint8_t how, uint8_t a,
		uint8_t b, uint64_t ts)
{
	static const char *const names[] = { "/srv/a", "/srv/b", "/srv/dir/x", "/y" };
	struct mw_action x = { .kind = MW_EFFECT_FILE_OPEN,
			       .proc = who(a),
			       .ts_ns = ts,
			       .target = mw_slice_str(names[b & 3]),
			       .task = task_of(b),
			       .file = how >> 3 & 3,
			       .mode = "w" };
	struct mw_tie tie;
	int r;

	FUZZ_CHECK(mw_correlate_act(c, &x, &tie) == 0);
	FUZZ_CHECK(tie.why != NULL);
	if (how & 64)
		x.kind = how & 128 ? MW_EFFECT_FILE_CLOSE : MW_EFFECT_FILE_RENAME;
	FUZZ_CHECK(mw_correlate_act(c, &x, &tie) == 0);
	FUZZ_CHECK((tie.call != 0) == (tie.link != MW_LINK_NONE && tie.link != MW_LINK_SHARED));
	/* nothing but a runtime's word, or what it vouched for, is certain */
	FUZZ_CHECK(tie.confidence != MW_CONF_CERTAIN || tie.by_runtime);
	FUZZ_CHECK((tie.n_candidates > 0) == (tie.link == MW_LINK_SHARED));
	FUZZ_CHECK(tie.n_candidates <= N_CALL);
	/* a tie never crosses servers */
	if (tie.call)
		FUZZ_CHECK(tie.call <= N_CALL && is_at(&known[tie.call - 1], tie.server));
	for (size_t i = 0; i < tie.n_candidates; i++)
		FUZZ_CHECK(is_at(&known[tie.candidates[i] - 1], tie.server));
	r = mw_correlate_note(c, &x, &tie, ts);
	FUZZ_CHECK(tie.call || tie.sent || tie.pending || r < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_correlate_config cfg = { &fuzz_alloc, 4, 256, 1024, 20 };
	static const char *const args[] = { "{\"p\":\"/srv/a\"}", "{\"p\":\"/srv/dir\"}",
					    "[\"/srv/a\",\"/srv/b\"]", "{\"p\":\"/srv/b\"" };
	struct known known[N_CALL] = { 0 };
	struct mw_call_effect ef;
	struct mw_correlate *c;
	struct mw_procs *p;
	size_t pos;
	int r;

	FUZZ_CHECK(mw_correlate_new(&cfg, &c) == 0);
	FUZZ_CHECK(mw_procs_new(&fuzz_alloc, 8, &p) == 0);
	for (; n >= 4; data += 4, n -= 4) {
		uint8_t what = data[0] & 7, a = data[1], b = data[2];
		uint64_t ts = data[3], call = 1 + b % N_CALL;

		switch (what) {
		case 0:
		case 1:
		case 2:
			event(c, p, what, a, b, ts);
			break;
		case 3:
			if (data[0] & 8) {
				r = data[0] & 16 ? mw_correlate_resend(c, call, who(a), ts)
				    : data[0] & 32
					? mw_correlate_move(c, call, who(a), ts)
					: mw_correlate_reopen(c, call, who(a), ts);
				FUZZ_CHECK(r == 0 || r == -ENOENT);
				known[call - 1].at[a] |= r == 0;
				break;
			}
			if (data[0] & 16)
				runtime(c, a, b, ts);
			else if (data[0] & 32)
				edge(c, a, b, ts);
			FUZZ_CHECK(mw_correlate_server(c, who(a), ts) == 0);
			break;
		case 4:
			/* a number is never given twice: not to another server either */
			if (known[call - 1].used)
				break;
			known[call - 1].used = known[call - 1].at[a] = true;
			FUZZ_CHECK(mw_correlate_open(c, call, who(a),
						     mw_slice_str(args[data[0] >> 6]), ts) == 0);
			break;
		case 5:
			if (data[0] & 8) {
				(void)mw_correlate_read(c, call, ts);
				break;
			}
			if (data[0] & 16) {
				struct mw_sight s = sight_of(a, b, ts);

				mw_correlate_moved(c, &s);
				if (data[0] & 32)
					mw_correlate_brought(c, call, &s, MW_SLICE_LIT("1"));
				else
					mw_correlate_wrote(c, call, &s);
				break;
			}
			mw_correlate_close(c, call, ts);
			break;
		case 6:
			if (data[0] & 8)
				mw_correlate_settle(c, call, MW_SLICE_LIT("/srv/dir/x "));
			for (pos = 0; mw_correlate_effects(c, call, &pos, &ef) == 1;)
				FUZZ_CHECK(ef.n > 0);
			mw_correlate_forget(c, call);
			break;
		case 7:
			act(c, known, data[0], a, b, ts);
			break;
		}
	}
	mw_correlate_free(c);
	mw_procs_free(p);
	return 0;
}
