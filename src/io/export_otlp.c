/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_otlp.c - spans of OpenTelemetry, in OTLP's JSON: one TracesData a line
 *
 * (opentelemetry.io, "OTLP/JSON" and "OpenTelemetry Protocol File Exporter": ids are hex, 64-bit
 * numbers strings.) A server is a resource, a call a span, named as the conventions for MCP and
 * generative AI say; an effect is a child span of its call, of no length, so that a call with a
 * million of them streams like any other. Alerts are children of their first call and linked to the
 * others; gaps, anomalies and notifications are spans, too. What is said of servers, tools and the
 * daemon is no span and left out.
 *
 * Ids follow from the records, so exporting twice gives the same. A call whose request brought a
 * trace context (params._meta.traceparent) is in that trace, a child of that span, and so are its
 * effects. Its effects' records come before the call's: where only that one has the context (an
 * HTTP header), the call's span is linked to it instead.
 */
#include "io/export_otlp.h"

#include <stdlib.h>

#include "base/hash.h"
#include "io/heap.h"

#define TEXT_MAX     16384
#define SPANS_MAX    256	/* a line */
#define BYTES_MAX    (1u << 20) /* of records, a line */
#define CONTEXTS_MAX 65536

struct context {
	uint64_t key[2];
	struct mw_otlp_id id;
};

/* --- ids ----------------------------------------------------------------------------------------
 */

static void put_hash(uint8_t *to, uint64_t v)
{
	for (unsigned int i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> (56 - 8 * i));
}

static void make_id(struct mw_slice of, uint64_t seed, struct mw_otlp_id *ret)
{
	put_hash(ret->trace, mw_hash64(of, seed));
	/* zeros would be no id; one bit is enough */
	put_hash(ret->trace + 8, mw_hash64(of, seed + 1) | 1);
	put_hash(ret->span, mw_hash64(of, seed + 2) | 1);
}

static void context_key(struct mw_slice call, uint64_t key[2])
{
	key[0] = mw_hash64(call, 20);
	key[1] = mw_hash64(call, 21);
}

struct mw_slice mw_otlp_inside(struct mw_slice raw)
{
	return mw_out_is_str(raw) ? mw_slice_inside(raw) : mw_slice(NULL, 0);
}

static int hex(struct mw_slice s, size_t at, uint8_t *to, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < 2 * n; i++) {
		uint8_t c = s.p[at + i];
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (v < 0)
			return -EINVAL;
		to[i / 2] = (uint8_t)(to[i / 2] << 4 | v);
		any |= (uint8_t)v;
	}
	return any ? 0 : -EINVAL;
}

int mw_otlp_traceparent(struct mw_slice text, struct mw_otlp_id *ret)
{
	struct mw_otlp_id id = { 0 };

	/* version-trace-span-flags; later versions may append */
	if (text.n < 55 || text.p[2] != '-' || text.p[35] != '-' || text.p[52] != '-' ||
	    mw_slice_starts(text, MW_SLICE_LIT("ff")) ||
	    hex(text, 3, id.trace, sizeof(id.trace)) < 0 ||
	    hex(text, 36, id.span, sizeof(id.span)) < 0)
		return -EINVAL;
	*ret = id;
	return 0;
}

/* Keeps what a `request` record brings. 0, -ENOMEM. */
static int keep_request(struct mw_otlp *o, const struct mw_logrec *rec)
{
	struct mw_slice text, args = mw_logrec_get(rec, "args"),
			      call = mw_otlp_inside(mw_logrec_get(rec, "call"));
	struct context *c, *old;
	struct mw_otlp_id id;
	uint64_t key[2];
	int r;

	if (args.n == 0 || !memmem(args.p, args.n, "traceparent", 11) ||
	    mw_json_path(args, &text, "_meta", "traceparent", NULL) < 0 ||
	    mw_otlp_traceparent(mw_otlp_inside(text), &id) < 0)
		return 0;
	context_key(call, key);
	if (mw_table_get(o->contexts, key))
		return 0;
	if (mw_table_count(o->contexts) == CONTEXTS_MAX) {
		old = mw_table_oldest(o->contexts);
		mw_table_remove(o->contexts, old->key);
		free(old);
	}
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct context){ .key = { key[0], key[1] }, .id = id };
	r = mw_table_put(o->contexts, key, c);
	if (r < 0)
		free(c);
	return r;
}

bool mw_otlp_call_id(struct mw_otlp *o, struct mw_slice call, struct mw_otlp_id *ret,
		     struct mw_otlp_id *ret_parent)
{
	const struct context *c;
	uint64_t key[2];

	make_id(call, 22, ret);
	context_key(call, key);
	c = mw_table_get(o->contexts, key);
	if (!c)
		return false;
	memcpy(ret->trace, c->id.trace, sizeof(ret->trace));
	*ret_parent = c->id;
	return true;
}

void mw_otlp_record_id(struct mw_otlp *o, const struct mw_export_item *item, struct mw_slice call,
		       struct mw_otlp_id *ret, struct mw_otlp_id *ret_parent)
{
	uint64_t of[3] = { item->rec->seq, item->rec->input,
			   mw_hash64(mw_slice_str(item->host), 25) };
	struct mw_otlp_id unused;

	make_id(mw_slice(of, sizeof(of)), 26, ret);
	if (call.n == 0)
		return;
	mw_otlp_call_id(o, call, ret_parent, &unused);
	memcpy(ret->trace, ret_parent->trace, sizeof(ret->trace));
}

/* --- spans --------------------------------------------------------------------------------------
 */

static void put_hex(struct mw_ejson *j, const char *key, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	mw_ejson_key(j, key);
	mw_out_char(j->o, '"');
	for (size_t i = 0; i < n; i++) {
		mw_out_char(j->o, digits[p[i] >> 4]);
		mw_out_char(j->o, digits[p[i] & 15]);
	}
	mw_out_char(j->o, '"');
}

/* 64-bit numbers are strings in protobuf's JSON. */
static void put_u64(struct mw_ejson *j, const char *key, uint64_t v)
{
	mw_ejson_key(j, key);
	mw_out_char(j->o, '"');
	mw_out_u64(j->o, v);
	mw_out_char(j->o, '"');
}

void mw_otlp_span(struct mw_otlp *o, const struct mw_otlp_id *id, const struct mw_otlp_id *parent,
		  struct mw_slice name, enum mw_otlp_kind kind, int64_t begin, int64_t end)
{
	struct mw_ejson *j = &o->j;

	mw_ejson_open(j, NULL, '{');
	put_hex(j, "traceId", id->trace, sizeof(id->trace));
	put_hex(j, "spanId", id->span, sizeof(id->span));
	if (parent)
		put_hex(j, "parentSpanId", parent->span, sizeof(parent->span));
	mw_ejson_text(j, "name", name.n ? name : MW_SLICE_LIT("unknown"));
	mw_ejson_u64(j, "kind", kind);
	put_u64(j, "startTimeUnixNano", (uint64_t)begin);
	put_u64(j, "endTimeUnixNano", (uint64_t)end);
	mw_ejson_open(j, "attributes", '[');
}

static void attr_open(struct mw_ejson *j, const char *key)
{
	mw_ejson_open(j, NULL, '{');
	mw_ejson_str(j, "key", key);
	mw_ejson_open(j, "value", '{');
}

static void attr_close(struct mw_ejson *j)
{
	mw_ejson_close(j, '}');
	mw_ejson_close(j, '}');
}

void mw_otlp_attr_str(struct mw_otlp *o, const char *key, const char *ours)
{
	mw_otlp_attr_text(o, key, mw_slice_str(ours));
}

void mw_otlp_attr_text(struct mw_otlp *o, const char *key, struct mw_slice text)
{
	if (text.n == 0)
		return;
	attr_open(&o->j, key);
	mw_ejson_text(&o->j, "stringValue", text);
	attr_close(&o->j);
}

void mw_otlp_attr_raw(struct mw_otlp *o, const char *key, struct mw_slice raw)
{
	if (raw.n == 0)
		return;
	attr_open(&o->j, key);
	mw_ejson_raw_text(&o->j, "stringValue", raw);
	attr_close(&o->j);
}

void mw_otlp_attr_u64(struct mw_otlp *o, const char *key, uint64_t v)
{
	attr_open(&o->j, key);
	put_u64(&o->j, "intValue", v);
	attr_close(&o->j);
}

void mw_otlp_attr_int(struct mw_otlp *o, const char *key, struct mw_slice raw)
{
	uint64_t v;

	if (mw_out_number(raw, &v) == 0 && v <= INT64_MAX)
		mw_otlp_attr_u64(o, key, v);
}

void mw_otlp_attr_array(struct mw_otlp *o, const char *key, struct mw_slice raw)
{
	struct mw_json_array a;
	struct mw_slice v;
	unsigned int n = 0;

	if (raw.n == 0)
		return;
	attr_open(&o->j, key);
	mw_ejson_open(&o->j, "arrayValue", '{');
	mw_ejson_open(&o->j, "values", '[');
	mw_json_array_init(&a, raw);
	while (n++ < 64 && mw_json_array_next(&a, &v)) {
		mw_ejson_open(&o->j, NULL, '{');
		mw_ejson_raw_text(&o->j, "stringValue", v);
		mw_ejson_close(&o->j, '}');
	}
	mw_ejson_close(&o->j, ']');
	mw_ejson_close(&o->j, '}');
	attr_close(&o->j);
}

void mw_otlp_attr_addr(struct mw_otlp *o, const char *prefix, struct mw_slice raw)
{
	struct mw_slice text, ip;
	char key[64];
	uint64_t port;
	size_t colon;

	if (raw.n == 0 || mw_out_text(raw, &o->tmp, &text) < 0)
		return;
	for (colon = text.n; colon > 0 && text.p[colon - 1] != ':'; colon--)
		;
	ip = text;
	if (colon && mw_out_number(mw_slice_from(text, colon), &port) == 0 && port <= 65535) {
		ip.n = colon - 1;
		snprintf(key, sizeof(key), "%s.port", prefix);
		mw_otlp_attr_u64(o, key, port);
	}
	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = mw_slice_inside(ip);
	snprintf(key, sizeof(key), "%s.address", prefix);
	mw_otlp_attr_text(o, key, ip);
}

void mw_otlp_attrs_end(struct mw_otlp *o)
{
	mw_ejson_close(&o->j, ']');
}

void mw_otlp_links_open(struct mw_otlp *o)
{
	mw_ejson_open(&o->j, "links", '[');
}

void mw_otlp_link(struct mw_otlp *o, const struct mw_otlp_id *id, const char *what)
{
	struct mw_ejson *j = &o->j;

	mw_ejson_open(j, NULL, '{');
	put_hex(j, "traceId", id->trace, sizeof(id->trace));
	put_hex(j, "spanId", id->span, sizeof(id->span));
	mw_ejson_open(j, "attributes", '[');
	mw_otlp_attr_str(o, "mcpwatch.link.what", what);
	mw_ejson_close(j, ']');
	mw_ejson_close(j, '}');
}

void mw_otlp_links_close(struct mw_otlp *o)
{
	mw_ejson_close(&o->j, ']');
}

void mw_otlp_span_end(struct mw_otlp *o, bool failed, struct mw_slice error)
{
	if (failed) {
		mw_ejson_open(&o->j, "status", '{');
		mw_ejson_u64(&o->j, "code", MW_OTLP_ERROR);
		mw_ejson_raw_text(&o->j, "message", error);
		mw_ejson_close(&o->j, '}');
	}
	mw_ejson_close(&o->j, '}');
	o->n_spans++;
}

/* --- lines --------------------------------------------------------------------------------------
 */

static void resource_close(struct mw_otlp *o)
{
	mw_ejson_close(&o->j, ']');
	mw_ejson_close(&o->j, '}');
	mw_ejson_close(&o->j, ']');
	mw_ejson_close(&o->j, '}');
}

static void line_close(struct mw_otlp *o)
{
	if (!o->open)
		return;
	resource_close(o);
	mw_ejson_close(&o->j, ']');
	mw_ejson_close(&o->j, '}');
	mw_out_char(o->j.o, '\n');
	o->open = false;
	o->n_spans = o->bytes = 0;
}

/* A server, as a service; without one, the host. */
static void resource_open(struct mw_otlp *o, struct mw_slice server, const char *host)
{
	struct mw_ejson *j = &o->j;
	struct mw_slice name = mw_etext_name(server);

	mw_ejson_open(j, NULL, '{');
	mw_ejson_open(j, "resource", '{');
	mw_ejson_open(j, "attributes", '[');
	if (name.n)
		mw_otlp_attr_raw(o, "service.name", name);
	else
		mw_otlp_attr_str(o, "service.name", "mcpwatch");
	mw_otlp_attr_raw(o, "service.instance.id", mw_out_get(server, "id"));
	mw_otlp_attr_raw(o, "service.version", mw_out_get(server, "version"));
	mw_otlp_attr_int(o, "process.pid", mw_out_get(server, "pid"));
	mw_otlp_attr_str(o, "host.name", host);
	if (o->wrong)
		mw_otlp_attr_str(o, "mcpwatch.log.tampered", o->wrong);
	mw_ejson_close(j, ']');
	mw_ejson_close(j, '}');
	mw_ejson_open(j, "scopeSpans", '[');
	mw_ejson_open(j, NULL, '{');
	mw_ejson_open(j, "scope", '{');
	mw_ejson_str(j, "name", "mcpwatch");
	mw_ejson_str(j, "version", MW_VERSION);
	mw_ejson_close(j, '}');
	mw_ejson_open(j, "spans", '[');
}

static void place(struct mw_otlp *o, struct mw_slice server, const char *host, size_t bytes)
{
	/* the same members in the same bytes; else it is said again, which costs nothing but room
	 */
	uint64_t resource = mw_hash64(server, 30) ^ mw_hash64(mw_slice_str(host), 31);

	if (o->open && (o->n_spans >= SPANS_MAX || o->bytes + bytes > BYTES_MAX))
		line_close(o);
	o->bytes += bytes;
	if (o->open && o->resource == resource)
		return;
	if (o->open) {
		resource_close(o);
	} else {
		o->j.comma = false;
		mw_ejson_open(&o->j, NULL, '{');
		mw_ejson_open(&o->j, "resourceSpans", '[');
	}
	resource_open(o, server, host);
	o->open = true;
	o->resource = resource;
}

static int otlp_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct mw_otlp *o = (struct mw_otlp *)e;
	int r = mw_etext_about(about, &o->line);
	struct mw_otlp_id id;

	if (r < 0)
		return r;
	o->wrong = about->wrong;
	place(o, mw_slice(NULL, 0), about->n_inputs ? about->inputs[0].host : "", 0);
	make_id(mw_buf_slice(&o->line), 32, &id);
	mw_otlp_span(o, &id, NULL,
		     about->wrong ? MW_SLICE_LIT("TAMPERED LOG: do not rely on these spans")
				  : MW_SLICE_LIT("mcpwatch export"),
		     MW_OTLP_INTERNAL, about->first_ns, about->last_ns);
	mw_otlp_attr_text(o, "mcpwatch.export", mw_buf_slice(&o->line));
	mw_otlp_attr_str(o, "mcpwatch.filter", about->filter);
	if (about->wrong)
		mw_otlp_attr_str(o, "error.type", "tampered");
	mw_otlp_attrs_end(o);
	mw_otlp_span_end(o, about->wrong != NULL, mw_slice_str(about->wrong));
	line_close(o);
	return mw_out_error(&e->out);
}

static int otlp_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	static const struct {
		const char *type;
		int (*put)(struct mw_otlp *o, const struct mw_export_item *item);
	} kinds[] = {
		{ "effect", mw_otlp_effect }, { "call", mw_otlp_call },
		{ "alert", mw_otlp_alert },   { "gap", mw_otlp_other },
		{ "anomaly", mw_otlp_other }, { "notice", mw_otlp_other },
	};
	struct mw_otlp *o = (struct mw_otlp *)e;
	const struct mw_logrec *rec = item->rec;
	int r;

	if (strcmp(rec->type, "request") == 0)
		return keep_request(o, rec);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].type, rec->type) != 0)
			continue;
		place(o, mw_logrec_get(rec, "server"), item->host, rec->len);
		r = kinds[i].put(o, item);
		if (r < 0)
			return r;
	}
	return mw_out_error(&e->out);
}

static int otlp_end(struct mw_exporter *e)
{
	line_close((struct mw_otlp *)e);
	return mw_out_error(&e->out);
}

static void otlp_free(struct mw_exporter *e)
{
	struct mw_otlp *o = (struct mw_otlp *)e;
	size_t pos = 0;
	void *c;

	while (o->contexts && (c = mw_table_next(o->contexts, &pos)) != NULL)
		free(c);
	mw_table_free(o->contexts);
	mw_buf_done(&o->line);
	mw_buf_done(&o->tmp);
	mw_out_done(&e->out);
	free(o);
}

static const struct mw_exporter_ops otlp_ops = {
	.begin = otlp_begin,
	.item = otlp_item,
	.end = otlp_end,
	.free = otlp_free,
};

int mw_export_otlp_new(FILE *to, struct mw_exporter **ret)
{
	struct mw_otlp *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->e = (struct mw_exporter){ .ops = &otlp_ops, .to = to };
	o->j = (struct mw_ejson){ .o = &o->e.out, .text_max = TEXT_MAX };
	mw_buf_init(&o->line, &mw_heap, 1u << 20);
	mw_buf_init(&o->tmp, &mw_heap, 1u << 20);
	r = mw_table_new(&mw_heap, 2 * sizeof(uint64_t), CONTEXTS_MAX, &o->contexts);
	if (r < 0) {
		otlp_free(&o->e);
		return r;
	}
	*ret = &o->e;
	return 0;
}
