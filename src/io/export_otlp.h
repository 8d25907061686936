/* SPDX-License-Identifier: Apache-2.0 */
/* export_otlp.h - shared inside export_otlp*.c, not for others: spans, their ids and attributes */
#ifndef MW_IO_EXPORT_OTLP_H
#define MW_IO_EXPORT_OTLP_H

#include "base/table.h"
#include "io/export_json.h"
#include "io/export_out.h"
#include "io/export_text.h"
#include "io/exporter.h"

#define MW_OTLP_TRACE_LEN 16
#define MW_OTLP_SPAN_LEN  8

/* opentelemetry/proto/trace/v1: Span.SpanKind, Status.StatusCode */
enum mw_otlp_kind { MW_OTLP_INTERNAL = 1, MW_OTLP_SERVER = 2 };
enum { MW_OTLP_ERROR = 2 };

struct mw_otlp_id {
	uint8_t trace[MW_OTLP_TRACE_LEN];
	uint8_t span[MW_OTLP_SPAN_LEN];
};

struct mw_otlp {
	struct mw_exporter e;
	struct mw_ejson j;
	struct mw_buf line, tmp;
	const char *wrong; /* of the survey */
	/* The line that is being written: spans one after the other, of one resource as long as
	 * that stays the same. */
	bool open;
	size_t n_spans, bytes;
	uint64_t resource;
	/* The trace contexts that requests brought with them, by call; the oldest goes when it is
	 * full. */
	struct mw_table *contexts;
};

/* Of a call: its own ids. They go by its id alone, so that another log's records can name it. True
 * and its parent's in *ret_parent: its request came with a trace context. */
bool mw_otlp_call_id(struct mw_otlp *o, struct mw_slice call, struct mw_otlp_id *ret,
		     struct mw_otlp_id *ret_parent);
/* Of another record: a span in the trace of that call, or in one of its own; n 0: none. */
void mw_otlp_record_id(struct mw_otlp *o, const struct mw_export_item *item, struct mw_slice call,
		       struct mw_otlp_id *ret, struct mw_otlp_id *ret_parent);
/* A traceparent (W3C Trace Context), decoded: 0, -EINVAL. */
int mw_otlp_traceparent(struct mw_slice text, struct mw_otlp_id *ret);
/* The inside of a raw string; n 0: it is none. */
struct mw_slice mw_otlp_inside(struct mw_slice raw);

/* Opens a span and its attributes; `parent` NULL: none. */
void mw_otlp_span(struct mw_otlp *o, const struct mw_otlp_id *id, const struct mw_otlp_id *parent,
		  struct mw_slice name, enum mw_otlp_kind kind, int64_t begin, int64_t end);
void mw_otlp_attr_str(struct mw_otlp *o, const char *key, const char *ours);
void mw_otlp_attr_text(struct mw_otlp *o, const char *key, struct mw_slice text);
void mw_otlp_attr_raw(struct mw_otlp *o, const char *key, struct mw_slice raw); /* as text */
void mw_otlp_attr_int(struct mw_otlp *o, const char *key, struct mw_slice raw);
void mw_otlp_attr_u64(struct mw_otlp *o, const char *key, uint64_t v);
/* An array of strings, at most 64 of them. */
void mw_otlp_attr_array(struct mw_otlp *o, const char *key, struct mw_slice raw);
/* "192.0.2.7:443", "[2001:db8::1]:443" as PREFIX.address and PREFIX.port; what has no port, as it
 * is. */
void mw_otlp_attr_addr(struct mw_otlp *o, const char *prefix, struct mw_slice raw);
/* Ends the attributes: links may follow, then the end. */
void mw_otlp_attrs_end(struct mw_otlp *o);
void mw_otlp_links_open(struct mw_otlp *o);
void mw_otlp_link(struct mw_otlp *o, const struct mw_otlp_id *id, const char *what);
void mw_otlp_links_close(struct mw_otlp *o);
/* `error`: what the span's status says; n 0 and not failed: it has none. */
void mw_otlp_span_end(struct mw_otlp *o, bool failed, struct mw_slice error);

/* Records as spans. 0, -ENOMEM. */
int mw_otlp_call(struct mw_otlp *o, const struct mw_export_item *item);
int mw_otlp_effect(struct mw_otlp *o, const struct mw_export_item *item);
int mw_otlp_alert(struct mw_otlp *o, const struct mw_export_item *item);
int mw_otlp_other(struct mw_otlp *o, const struct mw_export_item *item); /* gap, anomaly, notice */

#endif
