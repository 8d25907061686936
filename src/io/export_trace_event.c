/* SPDX-License-Identifier: Apache-2.0 */
/* export_trace_event.c - packets of the trace, events in them, and what a record says as their
 * values */
#include "io/export_trace.h"

#define ARG_TEXT_MAX  4096
#define ARG_DEPTH_MAX 16

size_t mw_trace_packet(struct mw_trace *t)
{
	mw_pb_reset(&t->pb);
	return mw_pb_open(&t->pb, TRACE_PACKET);
}

int mw_trace_packet_close(struct mw_trace *t, size_t at)
{
	mw_pb_varint(&t->pb, PACKET_SEQUENCE_ID, SEQUENCE_ID);
	mw_pb_close(&t->pb, at);
	if (t->pb.r < 0)
		return t->pb.r;
	mw_out_slice(&t->e.out, mw_buf_slice(&t->pb.buf));
	return mw_out_error(&t->e.out);
}

struct mw_trace_event mw_trace_event_open(struct mw_trace *t, unsigned int type, uint64_t track,
					  int64_t ns)
{
	struct mw_trace_event ev = { .packet = mw_trace_packet(t) };

	mw_pb_varint(&t->pb, PACKET_TIMESTAMP, (uint64_t)ns);
	ev.event = mw_pb_open(&t->pb, PACKET_TRACK_EVENT);
	mw_pb_varint(&t->pb, EVENT_TYPE, type);
	mw_pb_varint(&t->pb, EVENT_TRACK, track);
	return ev;
}

void mw_trace_name(struct mw_trace *t, const char *category, struct mw_slice name)
{
	mw_pb_str(&t->pb, EVENT_CATEGORIES, category);
	mw_pb_bytes(&t->pb, EVENT_NAME, mw_ejson_head(name, MW_TRACE_NAME_MAX));
}

int mw_trace_event_close(struct mw_trace *t, struct mw_trace_event ev)
{
	mw_pb_close(&t->pb, ev.event);
	return mw_trace_packet_close(t, ev.packet);
}

void mw_trace_arg_text(struct mw_trace *t, struct mw_slice name, struct mw_slice text)
{
	size_t at = mw_pb_open(&t->pb, EVENT_ANNOTATIONS);

	mw_pb_bytes(&t->pb, ARG_NAME, name);
	mw_pb_bytes(&t->pb, ARG_STRING, mw_ejson_head(text, ARG_TEXT_MAX));
	mw_pb_close(&t->pb, at);
}

static bool is_ascii(struct mw_slice s)
{
	uint8_t all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= s.p[i];
	return all < 0x80;
}

/* What Perfetto takes apart into values of its own: JSON that no strict reader refuses. */
static bool is_json_arg(struct mw_slice raw)
{
	return raw.n <= ARG_TEXT_MAX && is_ascii(raw) && !memmem(raw.p, raw.n, "\\u", 2) &&
	       mw_ejson_depth(raw, ARG_DEPTH_MAX) < ARG_DEPTH_MAX;
}

static void arg_raw(struct mw_trace *t, struct mw_slice name, struct mw_slice raw)
{
	struct mw_slice text;
	uint64_t v;
	size_t at;

	if (raw.n == 0)
		return;
	if (mw_out_number(raw, &v) == 0 && v <= INT64_MAX) {
		at = mw_pb_open(&t->pb, EVENT_ANNOTATIONS);
		mw_pb_bytes(&t->pb, ARG_NAME, name);
		mw_pb_varint(&t->pb, ARG_INT, v);
		mw_pb_close(&t->pb, at);
		return;
	}
	if ((raw.p[0] == '{' || raw.p[0] == '[') && is_json_arg(raw)) {
		at = mw_pb_open(&t->pb, EVENT_ANNOTATIONS);
		mw_pb_bytes(&t->pb, ARG_NAME, name);
		mw_pb_bytes(&t->pb, ARG_JSON, raw);
		mw_pb_close(&t->pb, at);
		return;
	}
	mw_buf_reset(&t->tmp, t->tmp.cap);
	/* decoding makes what is not UTF-8 visible; what is no string has such bytes inside of one
	 */
	if (mw_out_is_str(raw) && mw_json_str_decode_head(raw, ARG_TEXT_MAX, &t->tmp) >= 0)
		text = mw_buf_slice(&t->tmp);
	else
		text = is_ascii(raw) ? raw : MW_SLICE_LIT("(not shown: not ASCII)");
	mw_trace_arg_text(t, name, text);
}

void mw_trace_arg_str(struct mw_trace *t, const char *name, const char *text)
{
	if (text[0])
		mw_trace_arg_text(t, mw_slice_str(name), mw_slice_str(text));
}

void mw_trace_args(struct mw_trace *t, const struct mw_export_item *item)
{
	static const char *const left_out[] = { "v",	  "time", "boot_ns", "host",	  "type",
						"server", "link", "effects", "confidence" };
	const struct mw_logrec *rec = item->rec;
	bool alert = strcmp(rec->type, "alert") == 0;

	for (size_t i = 0; i < rec->n_members; i++) {
		const struct mw_logrec_member *m = &rec->members[i];
		bool left = false;

		for (size_t k = 0; k < sizeof(left_out) / sizeof(*left_out) && !left; k++)
			left = mw_slice_eq_str(m->key, left_out[k]);
		if (mw_slice_eq_str(m->key, "principal"))
			arg_raw(t, MW_SLICE_LIT("user"), mw_out_get(m->value, "user"));
		else if (!left || (alert && mw_slice_eq_str(m->key, "effects")))
			arg_raw(t, m->key, m->value);
	}
	if (strcmp(rec->type, "effect") == 0) {
		mw_trace_arg_str(t, "tie", item->tie.link);
		mw_trace_arg_str(t, "confidence", item->tie.confidence);
		if (item->tie.settled)
			mw_trace_arg_str(t, "settled_call", item->tie.call);
	}
	mw_trace_arg_str(t, "joined", item->joined);
}
