/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_trace.c - a trace that opens in Perfetto: a process a server, a slice a call, an instant
 * an effect, arrows from a call to its effects
 *
 * Perfetto's own format (protos/perfetto/trace of google/perfetto), as Chrome's JSON keeps no more
 * than microseconds and nests what overlaps. A track holds slices that nest, and calls of one
 * server overlap as they like: each call goes on the first of the server's lanes that is free
 * (export_lanes.h), and the page shows lanes of one name as one. Packets may stand in any order: a
 * call's slice is written when its record comes, behind its effects.
 *
 * Times are ns since 1970: a clock snapshot says that the trace's clock is the real one.
 *
 * A trace has slices for calls and gaps, instants for effects, alerts, anomalies, notices and what
 * is said of servers and tools. `request` and `body` are not in it (their call is), nor seals.
 */
#include "io/export_trace.h"

#include <stdlib.h>

#include "base/hash.h"
#include "io/heap.h"
#include "io/when.h"

#define UUID_ABOUT 1
/* Of an owner's tracks. */
#define UUID_SHIFT 16
enum {
	UUID_PROCESS,
	UUID_EFFECTS,
	UUID_ALONE,
	UUID_ALERTS,
	UUID_NOTES,
	UUID_CALLS = 256,
	UUID_GAPS = 512
};

#define FLOWS_MAX 8192 /* of a packet */

/* --- tracks -------------------------------------------------------------------------------------
 */

static uint64_t track_of(const struct mw_owner *w, unsigned int which)
{
	return ((uint64_t)w->index + 1) << UUID_SHIFT | which;
}

static int declare(struct mw_trace *t, uint64_t uuid, uint64_t parent, const char *name, int rank)
{
	size_t packet = mw_trace_packet(t), at = mw_pb_open(&t->pb, PACKET_TRACK_DESCRIPTOR);

	mw_pb_varint(&t->pb, TRACK_UUID, uuid);
	if (parent)
		mw_pb_varint(&t->pb, TRACK_PARENT, parent);
	mw_pb_str(&t->pb, TRACK_NAME, name);
	mw_pb_varint(&t->pb, TRACK_RANK, (uint64_t)(int64_t)rank);
	mw_pb_close(&t->pb, at);
	return mw_trace_packet_close(t, packet);
}

static int declare_process(struct mw_trace *t, const struct mw_owner *w, struct mw_slice name)
{
	size_t packet = mw_trace_packet(t), at = mw_pb_open(&t->pb, PACKET_TRACK_DESCRIPTOR), proc;

	mw_pb_varint(&t->pb, TRACK_UUID, track_of(w, UUID_PROCESS));
	proc = mw_pb_open(&t->pb, TRACK_PROCESS);
	mw_pb_varint(&t->pb, PROCESS_PID, w->pid);
	if (name.n)
		mw_pb_bytes(&t->pb, PROCESS_NAME, mw_ejson_head(name, MW_TRACE_NAME_MAX));
	mw_pb_close(&t->pb, proc);
	mw_pb_close(&t->pb, at);
	return mw_trace_packet_close(t, packet);
}

/* A track that an owner has one of. */
static int track_get(struct mw_trace *t, struct mw_owner *w, unsigned int which, uint64_t *ret)
{
	static const char *const names[] = {
		[UUID_EFFECTS] = "effects of calls",
		[UUID_ALONE] = "effects outside of calls",
		[UUID_ALERTS] = "alerts",
		[UUID_NOTES] = "notes",
	};
	int r = 0;

	if (!(w->declared & 1u << which))
		r = declare(t, track_of(w, which), track_of(w, UUID_PROCESS), names[which],
			    (int)which);
	if (r < 0)
		return r;
	w->declared |= 1u << which;
	*ret = track_of(w, which);
	return 0;
}

/* One of the lanes of a kind; all of them have one name, which the page shows as one. */
static int lane_get(struct mw_trace *t, struct mw_owner *w, bool gap, int64_t begin, int64_t end,
		    uint64_t id, uint64_t *ret)
{
	int lane = mw_lanes_take(gap ? &w->gaps : &w->calls, begin, end);
	unsigned int *n = gap ? &w->n_gap_lanes : &w->n_call_lanes;
	const char *name = gap ? "gaps: evidence is missing" : "calls";
	uint64_t uuid;
	int r = 0;

	if (lane == -ENOSPC) {
		/* a track of its own, which no owner can have */
		uuid = id | 1ull << 63;
		r = declare(t, uuid, track_of(w, UUID_PROCESS), name, 0);
	} else if (lane < 0) {
		return lane;
	} else {
		uuid = track_of(w, (gap ? UUID_GAPS : UUID_CALLS) + (unsigned int)lane);
		if ((unsigned int)lane == *n) {
			r = declare(t, uuid, track_of(w, UUID_PROCESS), name, 0);
			++*n;
		}
	}
	if (r < 0)
		return r;
	*ret = uuid;
	return 0;
}

#define IS_DECLARED 1u /* the process, in mw_owner.declared; the other tracks have higher bits */
#define IS_NAMED    (1u << 31)

/*
 * A server is seen before it has said its name, and Perfetto keeps the first name that a process
 * gets: so it gets one when the server has one, and those that never say one at the end.
 */
static int name_owner(struct mw_trace *t, struct mw_owner *w, struct mw_slice server,
		      const char *host)
{
	struct mw_slice raw = mw_out_get(server, "name"), text;
	bool sure = raw.n || server.n == 0;

	if (!sure && w->name)
		return 0;
	if (mw_out_text(raw.n ? raw : mw_etext_name(server), &t->tmp, &text) < 0 || text.n == 0)
		text = mw_slice_str(server.n ? "server" : host);
	if (sure) {
		w->declared |= IS_NAMED;
		return declare_process(t, w, text);
	}
	text = mw_ejson_head(text, MW_TRACE_NAME_MAX);
	w->name = strndup((const char *)text.p, text.n);
	return w->name ? 0 : -ENOMEM;
}

/* The server that a record is of; of none, the host. */
static int owner_get(struct mw_trace *t, const struct mw_export_item *item, struct mw_owner **ret)
{
	struct mw_slice server = mw_logrec_get(item->rec, "server"), id = mw_out_get(server, "id");
	struct mw_owner *w;
	uint64_t pid;
	int r;

	mw_buf_reset(&t->line, t->line.cap);
	r = mw_buf_append_u64(&t->line, item->rec->input);
	if (r == 0)
		r = mw_buf_append(&t->line, id.p, id.n);
	if (r < 0)
		return r;
	if (mw_out_number(mw_out_get(server, "pid"), &pid) < 0 || pid > UINT32_MAX)
		pid = 0;
	r = mw_owners_get(&t->owners, mw_buf_slice(&t->line), (uint32_t)pid, &w);
	if (r == 0 && !(w->declared & IS_DECLARED))
		r = declare_process(t, w, mw_slice(NULL, 0));
	if (r < 0)
		return r;
	w->declared |= IS_DECLARED;
	if (!(w->declared & IS_NAMED))
		r = name_owner(t, w, server, item->host);
	if (r < 0)
		return r;
	*ret = w;
	return 0;
}

/* --- records ------------------------------------------------------------------------------------
 */

/* Arrows: each effect has its own, that all who had a part in it begin. */
static uint64_t flow_of(const struct mw_logrec *rec, uint64_t seq)
{
	uint64_t key[2] = { rec->input, seq };

	return mw_hash64(mw_slice(key, sizeof(key)), 3);
}

static uint64_t call_id(const struct mw_logrec *rec, struct mw_slice call)
{
	return mw_hash64(call, 4 + rec->input);
}

static void begin_flows(struct mw_trace *t, const struct mw_logrec *rec)
{
	struct mw_json_array ties, seqs;
	struct mw_slice tie, seq;
	unsigned int n = 0;
	uint64_t v;

	mw_json_array_init(&ties, mw_logrec_get(rec, "effects"));
	while (mw_json_array_next(&ties, &tie)) {
		mw_json_array_init(&seqs, mw_out_get(tie, "seqs"));
		while (n < FLOWS_MAX && mw_json_array_next(&seqs, &seq)) {
			if (mw_out_number(seq, &v) < 0)
				continue;
			mw_pb_fixed64(&t->pb, EVENT_FLOWS, flow_of(rec, v));
			n++;
		}
	}
}

/* The same arrow from both sides, whichever comes first. */
static uint64_t joined_flow(struct mw_slice call, const char *joined)
{
	struct mw_slice inside = call;

	if (call.n >= 2)
		inside = mw_slice_inside(call);
	return mw_hash64(inside, 5) ^ mw_hash64(mw_slice_str(joined), 5);
}

static int64_t when_of(const struct mw_logrec *rec, const char *name, int64_t otherwise)
{
	struct mw_slice raw = mw_logrec_get(rec, name);
	int64_t ns;

	if (raw.n < 2 || mw_when_rfc3339((const char *)raw.p + 1, raw.n - 2, &ns) < 0)
		return otherwise;
	return ns;
}

static int put_call(struct mw_trace *t, struct mw_owner *w, const struct mw_export_item *item)
{
	const struct mw_logrec *rec = item->rec;
	int64_t end = when_of(rec, "end", rec->time_ns), begin = when_of(rec, "begin", end);
	struct mw_slice call = mw_logrec_get(rec, "call"), name = mw_logrec_get(rec, "tool");
	uint64_t id = call_id(rec, call), track;
	struct mw_trace_event ev;
	int r;

	if (end < begin)
		end = begin;
	r = lane_get(t, w, false, begin, end, id, &track);
	if (r < 0)
		return r;
	if (name.n == 0)
		name = mw_logrec_get(rec, "method");
	r = mw_out_text(name, &t->line, &name);
	if (r < 0)
		return r;
	ev = mw_trace_event_open(t, TYPE_BEGIN, track, begin);
	mw_trace_name(t, "call", name.n ? name : MW_SLICE_LIT("call"));
	mw_trace_args(t, item);
	begin_flows(t, rec);
	if (item->joined[0])
		mw_pb_fixed64(&t->pb, EVENT_FLOWS, joined_flow(call, item->joined));
	r = mw_trace_event_close(t, ev);
	if (r < 0)
		return r;
	t->call.id = id;
	t->call.track = track;
	t->call.begin = begin;
	return mw_trace_event_close(t, mw_trace_event_open(t, TYPE_END, track, end));
}

/* What a call's own record had no room for: arrows from a mark at its beginning. */
static int put_ties(struct mw_trace *t, const struct mw_export_item *item)
{
	struct mw_trace_event ev;

	if (!t->call.track || call_id(item->rec, mw_logrec_get(item->rec, "call")) != t->call.id)
		return 0;
	ev = mw_trace_event_open(t, TYPE_INSTANT, t->call.track, t->call.begin);
	mw_trace_name(t, "call", MW_SLICE_LIT("more effects"));
	begin_flows(t, item->rec);
	return mw_trace_event_close(t, ev);
}

static int put_gap(struct mw_trace *t, struct mw_owner *w, const struct mw_export_item *item)
{
	const struct mw_logrec *rec = item->rec;
	int64_t end = when_of(rec, "to", rec->time_ns), begin = when_of(rec, "from", end);
	uint64_t track;
	struct mw_trace_event ev;
	int r;

	if (end < begin)
		end = begin;
	r = lane_get(t, w, true, begin, end, flow_of(rec, rec->seq), &track);
	if (r == 0)
		r = mw_etext_line(item, &t->line);
	if (r < 0)
		return r;
	ev = mw_trace_event_open(t, TYPE_BEGIN, track, begin);
	mw_trace_name(t, "gap", mw_buf_slice(&t->line));
	mw_trace_args(t, item);
	r = mw_trace_event_close(t, ev);
	return r < 0 ? r : mw_trace_event_close(t, mw_trace_event_open(t, TYPE_END, track, end));
}

/* Short: the rest of it stands in the values beside. */
static int effect_name(struct mw_trace *t, const struct mw_logrec *rec)
{
	struct mw_slice kind = mw_logrec_get(rec, "kind"), target = mw_logrec_get(rec, "target");
	int r = 0;

	mw_buf_reset(&t->line, t->line.cap);
	if (mw_out_is_str(kind))
		r = mw_json_str_decode_head(kind, MW_TRACE_NAME_MAX / 2, &t->line);
	if (r >= 0 && mw_out_is_str(target)) {
		r = mw_buf_append_byte(&t->line, ' ');
		if (r == 0)
			r = mw_json_str_decode_head(target, MW_TRACE_NAME_MAX, &t->line);
	}
	return r < 0 ? r : 0;
}

static int put_instant(struct mw_trace *t, struct mw_owner *w, const struct mw_export_item *item,
		       unsigned int which)
{
	bool effect = which == UUID_EFFECTS || which == UUID_ALONE;
	struct mw_trace_event ev;
	uint64_t track;
	int r = track_get(t, w, which, &track);

	if (r == 0)
		r = effect ? effect_name(t, item->rec) : mw_etext_line(item, &t->line);
	if (r < 0)
		return r;
	ev = mw_trace_event_open(t, TYPE_INSTANT, track, item->rec->time_ns);
	mw_trace_name(t, item->rec->type, mw_buf_slice(&t->line));
	mw_trace_args(t, item);
	/* all that had a part in it begin this arrow; it comes to its end here */
	if (effect && which == UUID_EFFECTS)
		mw_pb_fixed64(&t->pb, EVENT_FLOWS_END, flow_of(item->rec, item->rec->seq));
	return mw_trace_event_close(t, ev);
}

static int trace_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	static const struct {
		const char *type;
		unsigned int which; /* 0: not in the trace */
	} kinds[] = {
		{ "request", 0 },
		{ "body", 0 },
		{ "seal", 0 },
		{ "alert", UUID_ALERTS },
	};
	struct mw_trace *t = (struct mw_trace *)e;
	const char *type = item->rec->type;
	unsigned int which = UUID_NOTES;
	struct mw_owner *w;
	int r;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			which = kinds[i].which;
	if (which == 0)
		return 0;
	if (strcmp(type, "ties") == 0)
		return put_ties(t, item);
	r = owner_get(t, item, &w);
	if (r < 0)
		return r;
	if (strcmp(type, "call") == 0)
		return put_call(t, w, item);
	if (strcmp(type, "gap") == 0)
		return put_gap(t, w, item);
	if (strcmp(type, "effect") == 0)
		which = item->tie.call[0] || mw_logrec_get(item->rec, "candidates").n ? UUID_EFFECTS
										      : UUID_ALONE;
	return put_instant(t, w, item, which);
}

static void put_clock(struct mw_pb *pb, unsigned int id, int64_t ns)
{
	size_t at = mw_pb_open(pb, SNAPSHOT_CLOCKS);

	mw_pb_varint(pb, CLOCK_ID, id);
	mw_pb_varint(pb, CLOCK_TIMESTAMP, (uint64_t)ns);
	mw_pb_close(pb, at);
}

static int trace_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct mw_trace *t = (struct mw_trace *)e;
	size_t packet = mw_trace_packet(t), at;
	struct mw_trace_event ev;
	int r;

	t->wrong = about->wrong;
	mw_pb_varint(&t->pb, PACKET_SEQUENCE_FLAGS, SEQUENCE_CLEARED);
	mw_pb_varint(&t->pb, PACKET_TIMESTAMP, (uint64_t)about->first_ns);
	at = mw_pb_open(&t->pb, PACKET_CLOCK_SNAPSHOT);
	put_clock(&t->pb, CLOCK_BOOTTIME_ID, about->first_ns);
	put_clock(&t->pb, CLOCK_REALTIME_ID, about->first_ns);
	mw_pb_varint(&t->pb, SNAPSHOT_PRIMARY, CLOCK_BOOTTIME_ID);
	mw_pb_close(&t->pb, at);
	r = mw_trace_packet_close(t, packet);
	/* the topmost track: what this is, and what is wrong with it */
	if (r == 0)
		r = declare(t, UUID_ABOUT, 0,
			    about->wrong ? "TAMPERED LOG: do not rely on it" : "mcpwatch", -1);
	if (r == 0)
		r = mw_etext_about(about, &t->line);
	if (r < 0)
		return r;
	ev = mw_trace_event_open(t, TYPE_BEGIN, UUID_ABOUT, about->first_ns);
	mw_trace_name(t, about->wrong ? "alert" : "about", mw_buf_slice(&t->line));
	if (about->wrong)
		mw_trace_arg_str(t, "wrong", about->wrong);
	mw_trace_arg_text(t, MW_SLICE_LIT("about"), mw_buf_slice(&t->line));
	mw_trace_arg_str(t, "filter", about->filter);
	r = mw_trace_event_close(t, ev);
	return r < 0 ? r
		     : mw_trace_event_close(
			   t, mw_trace_event_open(t, TYPE_END, UUID_ABOUT, about->last_ns));
}

static int trace_end(struct mw_exporter *e)
{
	struct mw_trace *t = (struct mw_trace *)e;
	struct mw_owner *w;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && (w = mw_owners_next(&t->owners, &pos)) != NULL)
		if (!(w->declared & IS_NAMED) && w->name)
			r = declare_process(t, w, mw_slice_str(w->name));
	return r < 0 ? r : mw_out_error(&e->out);
}

static void trace_free(struct mw_exporter *e)
{
	struct mw_trace *t = (struct mw_trace *)e;

	mw_owners_done(&t->owners);
	mw_pb_done(&t->pb);
	mw_buf_done(&t->tmp);
	mw_buf_done(&t->line);
	mw_out_done(&e->out);
	free(t);
}

static const struct mw_exporter_ops trace_ops = {
	.begin = trace_begin,
	.item = trace_item,
	.end = trace_end,
	.free = trace_free,
};

int mw_export_trace_new(FILE *to, struct mw_exporter **ret)
{
	struct mw_trace *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->e = (struct mw_exporter){ .ops = &trace_ops, .to = to };
	mw_pb_init(&t->pb, 1u << 22);
	mw_buf_init(&t->tmp, &mw_heap, 1u << 20);
	mw_buf_init(&t->line, &mw_heap, 1u << 20);
	r = mw_owners_init(&t->owners);
	if (r < 0) {
		trace_free(&t->e);
		return r;
	}
	*ret = &t->e;
	return 0;
}
