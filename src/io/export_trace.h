/* SPDX-License-Identifier: Apache-2.0 */
/* export_trace.h - shared inside export_trace*.c, not for others: packets of Perfetto's trace, and
 * the values of an event */
#ifndef MW_IO_EXPORT_TRACE_H
#define MW_IO_EXPORT_TRACE_H

#include "io/export_json.h"
#include "io/export_lanes.h"
#include "io/export_out.h"
#include "io/export_pb.h"
#include "io/export_text.h"
#include "io/exporter.h"

/* Field numbers of protos/perfetto/trace: trace_packet.proto, clock_snapshot.proto, track_event/.
 */
enum { TRACE_PACKET = 1 };
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_TRACK_DESCRIPTOR = 60,
};
enum { SNAPSHOT_CLOCKS = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIMESTAMP = 2 };
enum { CLOCK_REALTIME_ID = 1, CLOCK_BOOTTIME_ID = 6 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5, TRACK_RANK = 12 };
enum { PROCESS_PID = 1, PROCESS_NAME = 6 };
enum {
	EVENT_ANNOTATIONS = 4,
	EVENT_TYPE = 9,
	EVENT_TRACK = 11,
	EVENT_CATEGORIES = 22,
	EVENT_NAME = 23,
	EVENT_FLOWS = 47,
	EVENT_FLOWS_END = 48,
};
enum { ARG_INT = 4, ARG_STRING = 6, ARG_JSON = 9, ARG_NAME = 10 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3 };

#define SEQUENCE_ID	 1
#define SEQUENCE_CLEARED 1

#define MW_TRACE_NAME_MAX 200

struct mw_trace {
	struct mw_exporter e;
	struct mw_pb pb;
	struct mw_buf tmp, line;
	struct mw_owners owners;
	bool wrong;
	/* The newest call: the records of its further ties come behind it. */
	struct {
		uint64_t id, track;
		int64_t begin;
	} call;
};

/* A packet that is being built, and the event in it. */
struct mw_trace_event {
	size_t packet, event;
};

/* Begins a packet; what it returns is for close, which writes it. close: 0, or what failed first.
 */
size_t mw_trace_packet(struct mw_trace *t);
int mw_trace_packet_close(struct mw_trace *t, size_t at);
/* Likewise one with an event on a track; `ns` since 1970. */
struct mw_trace_event mw_trace_event_open(struct mw_trace *t, unsigned int type, uint64_t track,
					  int64_t ns);
int mw_trace_event_close(struct mw_trace *t, struct mw_trace_event ev);
void mw_trace_name(struct mw_trace *t, const char *category, struct mw_slice name);
/* Values of the event; texts are UTF-8. */
void mw_trace_arg_text(struct mw_trace *t, struct mw_slice name, struct mw_slice text);
void mw_trace_arg_str(struct mw_trace *t, const char *name, const char *text); /* "": none */
/* All that a record says, but for what its place in the trace says. */
void mw_trace_args(struct mw_trace *t, const struct mw_export_item *item);

#endif
