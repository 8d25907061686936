/* SPDX-License-Identifier: Apache-2.0 */
/* engine_daemon.c - records of the daemon itself: its start and stop, its clock */
#include "core/engine_priv.h"

/* A capture may have been made by anybody. */
#define SOURCES_MAX 32

/* step_ns: how far it was set, forward or back; 0: it was not. */
static void put_clock(struct mw_emit *r, const struct mw_clock *c, int64_t step_ns)
{
	if (c->state == MW_CLOCK_UNKNOWN && !step_ns)
		return;
	mw_emit_open(r, "clock", '{');
	if (c->state != MW_CLOCK_UNKNOWN) {
		mw_emit_bool(r, "synchronised", c->state == MW_CLOCK_SYNCED);
		mw_emit_i64(r, "offset_ns", c->offset_ns);
	}
	if (step_ns)
		mw_emit_i64(r, "step_ns", step_ns);
	mw_emit_close(r, '}');
}

void mw_eng_on_clock(struct mw_engine *e, const struct mw_ev_clock *ev)
{
	/* a hostile capture may name any time: it wraps */
	const int64_t step = (int64_t)((uint64_t)ev->realtime_ns - (uint64_t)e->head.realtime_ns);
	struct mw_emit r;

	e->head.realtime_ns = ev->realtime_ns;
	r = mw_eng_begin(e, "daemon", e->now_ns);
	mw_emit_str(&r, "event", "clock");
	put_clock(&r, &ev->clock, step);
	mw_eng_end(e, &r);
}

static void put_hash(struct mw_emit *r, const char *key, const uint8_t hash[32])
{
	static const uint8_t none[32];

	if (memcmp(hash, none, sizeof(none)) != 0)
		mw_emit_hex(r, key, hash, sizeof(none));
}

static void put_hashes(const struct mw_engine *e, struct mw_emit *r)
{
	put_hash(r, "config_hash", e->cfg.config_hash);
	put_hash(r, "rules_hash", e->cfg.rules_hash);
}

/* What the events come from. */
static void put_sources(struct mw_emit *r, struct mw_slice sources)
{
	struct mw_slice one;

	if (!sources.n)
		return;
	mw_emit_open(r, "sources", '[');
	for (size_t i = 0; i < SOURCES_MAX && (one = mw_argv_at(sources, i)).p; i++)
		mw_emit_text_max(r, NULL, one, MW_ENG_NAME_MAX);
	mw_emit_close(r, ']');
}

void mw_eng_say_daemon(struct mw_engine *e, const char *event, const struct mw_ev_meta *meta)
{
	struct mw_emit r = mw_eng_begin(e, "daemon", meta ? meta->hdr.ts_ns : e->now_ns);

	mw_emit_str(&r, "event", event);
	if (meta) {
		struct mw_event_meta_strings s = mw_event_meta_strings(meta);

		mw_emit_text(&r, "version", s.mcpwatch);
		mw_emit_text(&r, "boot_id", s.boot_id);
		mw_emit_text(&r, "kernel", s.kernel);
		put_hashes(e, &r);
		put_sources(&r, s.sources);
		put_clock(&r, &meta->clock, 0);
		mw_eng_found(e, &r);
	} else if (strcmp(event, "reload") == 0) {
		put_hashes(e, &r);
	}
	mw_eng_end(e, &r);
}

void mw_engine_rules_failed(struct mw_engine *e, const char *why)
{
	struct mw_emit r = mw_eng_begin(e, "daemon", e->now_ns);

	mw_emit_str(&r, "event", "reload_failed");
	mw_emit_text(&r, "error", mw_slice_str(why));
	mw_eng_end(e, &r);
}
