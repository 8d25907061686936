/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.c - the only place that wires the stages
 *
 * Invariants, each held by the replay properties (tests/replay):
 *  1. Every event is either used or counted: losses.* grows, and a gap record says so.
 *  2. Outputs of one push depend on the events so far and the configuration only.
 *  3. A borrowed slice is used before the stage it came from is called again: each stage is pulled
 *     empty before the one above it is pulled again.
 */
#include "engine_priv.h"

#include <errno.h>

#include "base/hash.h"

#define CPUS_MAX	  4096
#define CONNECTS_MAX	  4096
#define ARGS_MAX	  (1u << 20)
#define EFFECTS_BYTES_MAX (1u << 20)
#define OUT_MAX		  (256u << 20)
#define OUT_KEEP	  (2u << 20) /* a content of MW_EMIT_BODY_MAX, escaped */
#define MESSAGE_MAX	  (32u << 20)
#define MEMORY_MAX	  (64u << 20)
#define MEMORY_BESIDE	  (4u << 20) /* two messages of full length, one at each end, and this */
#define SCRATCH_MAX	  (256u << 20)
#define HOST_MAX	  256

int mw_engine_new(const struct mw_engine_config *cfg, struct mw_engine **ret)
{
	struct mw_redact_error bad_rule;
	struct mw_engine *e;
	size_t least;
	int r;

	if (!cfg->alloc || !cfg->sha256)
		return -EINVAL;
	e = mw_alloc_zero(cfg->alloc, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->cfg = *cfg;
	e->a = cfg->alloc;
	if (!e->cfg.message_max)
		e->cfg.message_max = MESSAGE_MAX;
	if (!e->cfg.memory_max)
		e->cfg.memory_max = MEMORY_MAX;
	if (__builtin_mul_overflow(e->cfg.message_max, (size_t)2, &least) ||
	    __builtin_add_overflow(least, (size_t)MEMORY_BESIDE, &least))
		least = SIZE_MAX;
	if (e->cfg.memory_max < least)
		e->cfg.memory_max = least;
	mw_budget_init(&e->bytes, e->a, e->cfg.memory_max);
	e->head.seq = cfg->first_seq;
	mw_buf_init(&e->out, e->a, OUT_MAX);
	mw_buf_init(&e->scratch, e->a, SCRATCH_MAX);
	mw_buf_init(&e->body, e->a, SCRATCH_MAX);
	mw_buf_init(&e->host, e->a, HOST_MAX);
	struct mw_correlate_config corr = { .alloc = e->a,
					    .calls_max = MW_ENG_CALLS_MAX,
					    .args_max = ARGS_MAX,
					    .effects_bytes_max = EFFECTS_BYTES_MAX };
	r = mw_seq_new(e->a, CPUS_MAX, &e->seq);
	if (r == 0)
		r = mw_stream_new(&e->bytes.alloc, MW_ENG_CHANS_MAX, &e->stream);
	if (r == 0)
		r = mw_procs_new(e->a, MW_ENG_PROCS_MAX, &e->procs);
	if (r == 0)
		r = mw_act_new(e->a, CONNECTS_MAX, &e->act);
	if (r == 0)
		r = mw_correlate_new(&corr, &e->correlate);
	if (r == 0)
		r = mw_mounts_new(e->a, &e->mounts);
	if (r == 0)
		r = mw_table_new(e->a, sizeof(struct fold_key), MW_ENG_FOLDS_MAX, &e->folds);
	if (r == 0)
		r = mw_table_new(e->a, sizeof(uint64_t[2]), MW_ENG_TOOLS_MAX, &e->tools);
	if (r == 0)
		r = mw_eng_parts_new(e);
	if (r == 0)
		r = mw_eng_tokens_new(e);
	if (r == 0)
		r = mw_state_new(e->a, &e->state);
	if (r == 0)
		r = mw_eng_wire_new(e);
	if (r == 0 && (cfg->redact || cfg->mac))
		r = mw_redact_new(e->a, cfg->redact, cfg->mac, cfg->mac_ctx, &bad_rule,
				  &e->head.redact);
	if (r == 0)
		r = mw_eng_policy_new(e);
	if (r < 0) {
		mw_engine_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

static void free_values(struct mw_engine *e, struct mw_table *t, size_t size)
{
	size_t pos = 0;
	void *v;

	while (t && (v = mw_table_next(t, &pos)))
		mw_alloc_free(e->a, v, size);
	mw_table_free(t);
}

void mw_engine_free(struct mw_engine *e)
{
	if (!e)
		return;
	mw_eng_policy_free(e);
	mw_eng_wire_free(e);
	mw_redact_free(e->head.redact);
	mw_session_free(e->session);
	mw_ends_free(e->ends);
	mw_stream_free(e->stream);
	mw_seq_free(e->seq);
	mw_correlate_free(e->correlate);
	mw_act_free(e->act);
	mw_mounts_free(e->mounts);
	mw_procs_free(e->procs);
	free_values(e, e->folds, sizeof(struct fold));
	free_values(e, e->tools, sizeof(struct tool));
	mw_eng_parts_free(e);
	mw_eng_tokens_free(e);
	mw_state_free(e->state);
	mw_buf_done(&e->out);
	mw_buf_done(&e->scratch);
	mw_buf_done(&e->body);
	mw_buf_done(&e->host);
	mw_alloc_free(e->a, e->outs, e->outs_cap * sizeof(*e->outs));
	mw_alloc_free(e->a, e, sizeof(*e));
}

void mw_eng_note_error(struct mw_engine *e, int r)
{
	if (r >= 0)
		return;
	e->losses.memory++;
	e->stats.alloc_failed++;
	if (!e->losses.since_ns)
		e->losses.since_ns = e->now_ns;
}

static int add_out(struct mw_engine *e, enum mw_out_kind kind, size_t at, size_t len,
		   const struct mw_control *control)
{
	if (e->n_outs == e->outs_cap) {
		size_t cap = e->outs_cap ? e->outs_cap * 2 : 64;
		void *p = e->a->resize(e->a->ctx, e->outs, e->outs_cap * sizeof(*e->outs),
				       cap * sizeof(*e->outs));

		if (!p)
			return -ENOMEM;
		e->outs = p;
		e->outs_cap = cap;
	}
	e->outs[e->n_outs].kind = kind;
	e->outs[e->n_outs].at = at;
	e->outs[e->n_outs].len = len;
	e->outs[e->n_outs].seq = 0;
	e->outs[e->n_outs].urgent = e->outs[e->n_outs].seal = false;
	e->outs[e->n_outs].alert = 0;
	if (control)
		e->outs[e->n_outs].control = *control;
	e->n_outs++;
	return 0;
}

void mw_eng_put_out(struct mw_engine *e, enum mw_out_kind kind, struct mw_slice bytes)
{
	const size_t at = e->out.len;
	int r = mw_buf_append(&e->out, bytes.p, bytes.n);

	if (r == 0)
		r = add_out(e, kind, at, bytes.n, NULL);
	mw_eng_note_error(e, r);
}

struct mw_emit mw_eng_begin(struct mw_engine *e, const char *type, uint64_t ts_ns)
{
	struct mw_emit r;

	mw_emit_begin(&r, &e->out, &e->scratch, &e->head, type, ts_ns);
	return r;
}

void mw_eng_end(struct mw_engine *e, struct mw_emit *rec)
{
	const uint64_t seq = e->head.seq;
	int r = mw_emit_end(rec, &e->head);

	if (r == 0 && e->unwritten.on) {
		e->out.len = rec->start;
		e->head.seq--;
		e->unwritten.records++;
		e->stats.unwritten++;
		return;
	}
	if (r == 0) {
		r = add_out(e, MW_OUT_RECORD, rec->start, e->out.len - rec->start, NULL);
		if (r < 0) {
			e->out.len = rec->start;
			e->head.seq--;
		}
	}
	if (r == 0) {
		e->outs[e->n_outs - 1].seq = seq;
		e->outs[e->n_outs - 1].urgent = rec->urgent;
		e->outs[e->n_outs - 1].seal = rec->seal;
		e->outs[e->n_outs - 1].alert = rec->alert;
		e->stats.records++;
		e->since_seal.records++;
	}
	mw_eng_note_error(e, r);
}

/* --- the byte lane -------------------------------------------------------------------------------
 */

void mw_eng_control(struct mw_engine *e, const struct mw_control *control)
{
	mw_eng_note_error(e, add_out(e, MW_OUT_CONTROL, 0, 0, control));
}

void mw_eng_pull_session(struct mw_engine *e)
{
	struct mw_sess_event ev;

	while (mw_session_next(e->session, &ev) == 1) {
		if (ev.kind == MW_SESS_RAW) {
			mw_eng_put_out(e, MW_OUT_RAW, ev.bytes);
		} else if (ev.kind == MW_SESS_CONTROL) {
			mw_eng_control(e, &ev.control);
			if (ev.control.kind == MW_CONTROL_SERVER)
				mw_eng_tokens_watch(
				    e, (struct mw_prockey){ ev.control.start_ns, ev.control.tgid });
		} else {
			mw_eng_on_session(e, &ev);
		}
	}
}

/* What correlate does without is counted by itself. */
static void note_correlate(struct mw_engine *e)
{
	struct mw_correlate_stats st;

	mw_correlate_stats(e->correlate, &st);
	for (; e->n_corr_nomem != st.nomem; e->n_corr_nomem++)
		mw_eng_note_error(e, -ENOMEM);
}

static void pull_ends(struct mw_engine *e)
{
	struct mw_msg m;

	while (mw_ends_next(e->ends, &m) == 1) {
		mw_eng_note_error(e, mw_session_push(e->session, &m));
		mw_eng_pull_session(e);
		/* not the answers that a tool gets to its own requests */
		if (m.seen[MW_END_READ].seen &&
		    (m.state == MW_MSG_FIRST || m.state == MW_MSG_SETTLED) &&
		    mw_session_is_mcp(m.chan))
			mw_correlate_moved(e->correlate, &m.seen[MW_END_READ]);
	}
	for (; e->n_nomem != mw_ends_nomem(e->ends); e->n_nomem++)
		mw_eng_note_error(e, -ENOMEM);
}

static void pull_stream(struct mw_engine *e)
{
	struct mw_chunk c;

	while (mw_stream_next(e->stream, &c) == 1) {
		/* the session must have judged what it may be before it is taken for another's; but
		 * it frees what it has of a channel that ends */
		if (c.evicted)
			mw_eng_wire_push(e, &c);
		mw_eng_note_error(e, mw_ends_push(e->ends, &c));
		pull_ends(e);
		if (!c.evicted)
			mw_eng_wire_push(e, &c);
	}
}

/* --- the action lane -----------------------------------------------------------------------------
 */

static void pull_act(struct mw_engine *e)
{
	struct mw_action act;

	while (mw_act_next(e->act, &act) == 1)
		mw_eng_on_action(e, &act);
}

/* The order matters: a process must be known when its action is tied, and its end must come after
 * its last action. */
static void on_proc_event(struct mw_engine *e, const struct mw_event_hdr *h)
{
	if (h->type == MW_EV_EXEC || h->type == MW_EV_PROC || h->type == MW_EV_USER ||
	    h->type == MW_EV_NAME)
		mw_eng_forget_parts(e);
	mw_eng_note_error(e, mw_procs_push(e->procs, h));
	if (h->type == MW_EV_ACT)
		mw_eng_wire_connect(e, (const struct mw_ev_act *)h);
	if (h->type == MW_EV_NAME)
		mw_eng_on_name(e, mw_prockey_of(h));
	const uint32_t runtime = mw_correlate_runtime(e->correlate, mw_prockey_of(h));

	if (h->type != MW_EV_EXIT)
		mw_eng_note_error(e, mw_correlate_push(e->correlate, h));
	if (h->type == MW_EV_RUNTIME &&
	    runtime != mw_correlate_runtime(e->correlate, mw_prockey_of(h)))
		mw_eng_say_again(e, mw_prockey_of(h));
	if (h->type == MW_EV_EXEC)
		mw_eng_tokens_exec(e, mw_prockey_of(h));
	/* of others it is only learned who they are */
	if (!(h->flags & (MW_EVF_CANDIDATE | MW_EVF_STREAM))) {
		mw_eng_note_error(e, mw_act_push(e->act, h));
		pull_act(e);
	}
	if (h->type == MW_EV_EXIT) {
		mw_eng_note_error(e, mw_correlate_push(e->correlate, h));
		mw_eng_unfold(e, mw_prockey_of(h));
		mw_session_exit(e->session, mw_prockey_of(h), h->ts_ns);
		mw_eng_tokens_exit(e, mw_prockey_of(h));
	}
}

static void on_tick(struct mw_engine *e)
{
	mw_stream_tick(e->stream, e->now_ns);
	pull_stream(e);
	mw_ends_tick(e->ends, e->now_ns);
	pull_ends(e);
	mw_act_tick(e->act, e->now_ns);
	pull_act(e);
	mw_eng_wire_tick(e);
	mw_eng_note_error(e, mw_session_tick(e->session, e->now_ns));
	mw_eng_pull_session(e);
	mw_eng_tokens_tick(e);
	mw_eng_policy_tick(e);
	mw_eng_state_losses(e);
	mw_eng_say_losses(e);
}

/* --- begin, push, end ----------------------------------------------------------------------------
 */

/* Ids and seeds come from META; a stream without one still works, with those of run 0. */
static void begin(struct mw_engine *e)
{
	uint64_t run = e->run_id;
	struct mw_session_config sc = { .alloc = e->a,
					.calls_max = MW_ENG_CALLS_MAX,
					.servers_max = MW_ENG_SERVERS_MAX,
					.seed = run,
					.raw = e->cfg.raw };
	int r;

	e->run = (uint32_t)mw_hash64(mw_slice(&run, sizeof(run)), 0);
	r = mw_ends_new(&e->bytes.alloc, e->cfg.message_max, run, &e->ends);
	if (r == 0) {
		sc.ends = e->ends;
		r = mw_session_new(&sc, &e->session);
	}
	if (r < 0) {
		mw_ends_free(e->ends);
		e->ends = NULL;
	}
	mw_eng_note_error(e, r);
	e->begun = r == 0;
}

static void on_meta(struct mw_engine *e, const struct mw_ev_meta *meta)
{
	struct mw_event_meta_strings s = mw_event_meta_strings(meta);

	e->head.realtime_ns = meta->realtime_ns;
	e->host.len = 0;
	mw_eng_note_error(e, mw_buf_append(&e->host, s.host.p, s.host.n));
	e->head.host = mw_buf_slice(&e->host);
	if (e->begun)
		return;
	e->run_id = meta->run_id;
	begin(e);
	mw_eng_say_daemon(e, "start", meta);
	mw_eng_resume(e, s.boot_id);
}

static void note_lost(struct mw_engine *e, const struct mw_ev_lost *ev)
{
	uint64_t lost;

	if (!e->losses.since_ns)
		e->losses.since_ns = e->now_ns;
	if (ev->reason == MW_LOST_MISSED_RUN) {
		e->losses.missed_runs += ev->count;
		e->stats.lost_runs += ev->count;
	} else if (ev->reason == MW_LOST_TABLE) {
		e->losses.table += ev->count;
		e->stats.lost_table += ev->count;
	} else if (ev->reason == MW_LOST_ARGV) {
		e->losses.argv += ev->count;
		e->stats.lost_argv += ev->count;
	} else if (ev->reason == MW_LOST_SEQ) {
		lost = mw_seq_finish(e->seq, ev->cpu, ev->count);
		e->losses.events += lost;
		e->stats.lost_events += lost;
	}
}

int mw_engine_push(struct mw_engine *e, const void *event, size_t len)
{
	const struct mw_event_hdr *h = event;
	uint64_t lost;
	int r;

	r = mw_event_check(event, len);
	if (r <= 0 || (size_t)r != len)
		return -EBADMSG;
	if (h->type == MW_EV_META &&
	    ((const struct mw_ev_meta *)event)->version != MW_EVENT_VERSION)
		return -EBADMSG;
	e->stats.events++;
	if (h->ts_ns > e->now_ns)
		e->now_ns = h->ts_ns;
	if (h->type == MW_EV_META)
		on_meta(e, event);
	if (!e->begun)
		begin(e);
	e->cfg.resume = NULL; /* borrowed no longer */
	e->cfg.found = NULL;
	if (!e->begun)
		return 0; /* no memory even for an empty session: counted */
	if (h->cpu != MW_CPU_NONE) {
		lost = mw_seq_push(e->seq, h->cpu, h->seq);
		if (lost && !e->losses.since_ns)
			e->losses.since_ns = e->now_ns;
		e->losses.events += lost;
		e->stats.lost_events += lost;
		/* a hole may yet close; until then less is claimed */
		if (lost || mw_seq_broken(e->seq, h->cpu))
			mw_correlate_doubt(e->correlate);
	}
	switch (h->type) {
	case MW_EV_IO:
		mw_eng_note_error(e, mw_procs_push(e->procs, h));
		mw_eng_note_error(e, mw_correlate_push(e->correlate, h));
		e->stats.stream_bytes += ((const struct mw_ev_io *)event)->moved;
		mw_eng_note_error(e, mw_stream_push(e->stream, event));
		pull_stream(e);
		break;
	case MW_EV_CLOSE:
		if (((const struct mw_ev_close *)event)->how <= MW_CLOSE_BOTH) {
			mw_eng_note_error(e, mw_stream_close(e->stream, event));
			pull_stream(e);
		}
		mw_eng_note_error(e, mw_act_push(e->act, h));
		pull_act(e);
		break;
	case MW_EV_DGRAM:
		mw_eng_on_dgram(e, event);
		break;
	case MW_EV_TICK:
		on_tick(e);
		break;
	case MW_EV_LOST:
		note_lost(e, event);
		break;
	case MW_EV_CLOCK:
		mw_eng_on_clock(e, event);
		break;
	case MW_EV_MOUNTS:
		mw_eng_note_error(e, mw_mounts_push(e->mounts, event));
		break;
	case MW_EV_ENV:
		mw_eng_on_env(e, event);
		mw_eng_policy_env(e, event);
		break;
	case MW_EV_SEAL:
		mw_eng_on_seal(e, event);
		break;
	case MW_EV_STORE:
		mw_eng_on_store(e, event);
		break;
	case MW_EV_STATE:
		mw_eng_on_state(e, event);
		break;
	case MW_EV_OUTLET:
		mw_eng_on_outlet(e, event);
		break;
	case MW_EV_META:
		break;
	default:
		on_proc_event(e, h);
	}
	note_correlate(e);
	mw_eng_state_pull(e);
	return 0;
}

void mw_engine_finish(struct mw_engine *e)
{
	if (e->ended)
		return;
	e->ended = true;
	if (e->begun) {
		mw_stream_finish(e->stream);
		pull_stream(e);
		mw_ends_finish(e->ends);
		pull_ends(e);
		mw_act_finish(e->act);
		pull_act(e);
		mw_eng_wire_finish(e);
		mw_eng_note_error(e, mw_session_finish(e->session, e->now_ns));
		mw_eng_pull_session(e);
		mw_eng_unfold_all(e);
		note_correlate(e);
	}
	mw_state_finish(e->state);
	mw_eng_state_pull(e);
	mw_eng_state_losses(e);
	mw_eng_say_losses(e);
	mw_eng_policy_finish(e);
	mw_eng_say_daemon(e, "stop", NULL);
	mw_eng_say_losses(e); /* what could not be said until now */
}

int mw_engine_next(struct mw_engine *e, struct mw_out *ret)
{
	if (e->outs_pos == e->n_outs) {
		e->outs_pos = e->n_outs = 0;
		mw_buf_reset(&e->out, OUT_KEEP);
		mw_buf_reset(&e->scratch, OUT_KEEP);
		mw_buf_reset(&e->body, OUT_KEEP);
		return 0;
	}
	*ret = (struct mw_out){ .kind = e->outs[e->outs_pos].kind,
				.len = e->outs[e->outs_pos].len,
				.control = e->outs[e->outs_pos].control };
	if (ret->kind != MW_OUT_CONTROL)
		ret->bytes = (const char *)e->out.p + e->outs[e->outs_pos].at;
	if (ret->kind == MW_OUT_RECORD)
		ret->record = (struct mw_record){ .json = ret->bytes,
						  .len = ret->len,
						  .seq = e->outs[e->outs_pos].seq,
						  .urgent = e->outs[e->outs_pos].urgent,
						  .seal = e->outs[e->outs_pos].seal,
						  .alert = e->outs[e->outs_pos].alert };
	e->outs_pos++;
	return 1;
}
