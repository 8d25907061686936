/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_html.h"

#include "base/hash.h"
#include "io/export_out.h"
#include "io/heap.h"
#include "io/when.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Requests that wait for their call's record, which tells all that they do. Where there are more,
 * the oldest go into the page as they are; the page knows the call if it comes later. */
#define OPEN_MAX   4096u
#define OPEN_BYTES ((size_t)8 << 20)
#define HEADS	   8192u /* a power of two */

struct open {
	uint64_t hash;
	uint32_t next; /* the next of its head, a number + 1 */
	char *line;    /* NULL: not used */
	size_t len;
	struct mw_html_row row;
};

struct html {
	struct mw_exporter e;
	struct mw_html_pack *pack;
	struct mw_html_rows *rows;
	int64_t base_ns;
	struct mw_buf text; /* of the row that is made */
	struct open open[OPEN_MAX];
	uint32_t heads[HEADS];
	uint32_t next; /* the oldest, and where the next one goes */
	size_t open_len;
};

static struct html *of(struct mw_exporter *e)
{
	return (struct html *)(void *)((char *)e - offsetof(struct html, e));
}

static void html_free(struct mw_exporter *e)
{
	struct html *h = of(e);
	size_t i;

	mw_html_pack_free(h->pack);
	mw_html_rows_free(h->rows);
	mw_buf_done(&h->text);
	for (i = 0; i < OPEN_MAX; i++)
		free(h->open[i].line);
	mw_out_done(&e->out);
	free(h);
}

static int html_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct html *h = of(e);

	h->base_ns = about->first_ns;
	return mw_html_page_begin(&e->out, about, h->base_ns);
}

/* --- the columns of a row --- */

static uint8_t word(struct mw_slice raw, const char *const *words, uint8_t n)
{
	uint8_t i;

	for (i = 0; i < n; i++)
		if (raw.n == strlen(words[i]) + 2 && memcmp(raw.p + 1, words[i], raw.n - 2) == 0)
			return (uint8_t)(i + 1);
	return 0;
}

static uint8_t own_word(const char *s, const char *const *words, uint8_t n)
{
	uint8_t i;

	for (i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return (uint8_t)(i + 1);
	return 0;
}

static bool time_of(struct mw_slice raw, int64_t *ret)
{
	return mw_out_is_str(raw) && mw_when_rfc3339((const char *)raw.p + 1, raw.n - 2, ret) == 0;
}

static double since(const struct html *h, int64_t ns)
{
	return (double)(ns - h->base_ns);
}

/* From the member `from` to the member `to`, where the record has them. */
static void set_times(const struct html *h, const struct mw_logrec *rec, const char *from,
		      const char *to, struct mw_html_row *row)
{
	int64_t begin = rec->time_ns, end;

	if (time_of(mw_logrec_get(rec, from), &begin))
		row->t = since(h, begin);
	if (time_of(mw_logrec_get(rec, to), &end) && end > begin)
		row->d = (double)(end - begin);
}

static uint8_t type_of(const char *type)
{
	static const char *const types[] = { "call",   "effect", "alert",  "gap",    "anomaly",
					     "server", "tool",	 "notice", "daemon", "request",
					     "body",   "ties",	 "seal" };

	return own_word(type, types, COUNT(types));
}

/* --- texts: what a row has that is no name --- */

/* "key":raw, with a comma before it where something stands there. */
static int member(struct mw_buf *b, char key, struct mw_slice raw)
{
	char head[] = ",\"k\":";
	int r;

	if (raw.n == 0)
		return 0;
	head[2] = key;
	r = b->len == 0 ? mw_buf_append_byte(b, '{') : 0;
	if (r == 0)
		r = mw_buf_append_str(b, b->len == 1 ? head + 1 : head);
	return r < 0 ? r : mw_buf_append(b, raw.p, raw.n);
}

static int close_text(struct mw_buf *b)
{
	return b->len ? mw_buf_append_byte(b, '}') : 0;
}

static int effect_text(struct mw_buf *b, const struct mw_logrec *rec)
{
	static const char *const names[] = { "target2", "name", "asked", "host_target", "object" };
	struct mw_slice v, first = mw_logrec_get(rec, "target"),
			   candidates = mw_logrec_get(rec, "candidates");
	size_t i;
	int r;

	/* the most usual one, short */
	for (i = 0; i < COUNT(names); i++)
		if (mw_logrec_get(rec, names[i]).n)
			break;
	if (i == COUNT(names) && candidates.n == 0)
		return mw_buf_append(b, first.p, first.n);
	r = member(b, 't', first.n ? first : MW_SLICE_LIT("\"\""));
	if (r == 0 && i < COUNT(names)) {
		r = mw_buf_append_str(b, ",\"o\":[0");
		for (; r == 0 && i < COUNT(names); i++) {
			v = mw_logrec_get(rec, names[i]);
			if (v.n == 0)
				continue;
			r = mw_buf_append_byte(b, ',');
			r = r < 0 ? r : mw_buf_append(b, v.p, v.n);
		}
		r = r < 0 ? r : mw_buf_append_byte(b, ']');
	}
	r = r < 0 ? r : member(b, 'c', candidates);
	return r < 0 ? r : close_text(b);
}

static int members(struct mw_buf *b, const struct mw_logrec *rec, const char *keys,
		   const char *const *names)
{
	int r = 0;

	for (; r == 0 && *keys; keys++, names++)
		r = member(b, *keys, mw_logrec_get(rec, *names));
	return r;
}

static int server_text(struct mw_buf *b, const struct mw_logrec *rec)
{
	struct mw_slice server = mw_logrec_get(rec, "server");
	int r = member(b, 'v', mw_out_get(server, "version"));

	r = r < 0 ? r : member(b, 'p', mw_logrec_get(rec, "transport"));
	r = r < 0 ? r : member(b, 'n', mw_out_get(mw_logrec_get(rec, "client"), "name"));
	return r < 0 ? r : close_text(b);
}

/* --- one record --- */

/* Of a server's record, which tells much of it, what the other records have. */
static int server_name(struct html *h, struct mw_slice server, uint32_t *ret)
{
	static const char *const names[] = { "id", "key", "name", "configured_name", "pid" };
	struct mw_slice v;
	size_t i;
	int r = mw_buf_append_byte(&h->text, '{');

	for (i = 0; r == 0 && i < COUNT(names); i++) {
		v = mw_out_get(server, names[i]);
		if (v.n == 0)
			continue;
		if (h->text.len > 1)
			r = mw_buf_append_byte(&h->text, ',');
		r = r < 0 ? r : mw_buf_append_byte(&h->text, '"');
		r = r < 0 ? r : mw_buf_append_str(&h->text, names[i]);
		r = r < 0 ? r : mw_buf_append_str(&h->text, "\":");
		r = r < 0 ? r : mw_buf_append(&h->text, v.p, v.n);
	}
	r = r < 0 ? r : mw_buf_append_byte(&h->text, '}');
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_buf_slice(&h->text), ret);
	mw_buf_reset(&h->text, h->text.cap);
	return r;
}

static int fill_call(struct html *h, const struct mw_export_item *it, struct mw_html_row *row)
{
	static const char *const status[] = { "ok",	   "tool_error",  "rpc_error",
					      "cancelled", "no_response", "lost" };
	static const char *const evidence[] = { "incomplete", "one_sided" };
	static const char *const names[] = { "alerts" };
	const struct mw_logrec *rec = it->rec;
	uint8_t e = word(mw_logrec_get(rec, "evidence"), evidence, COUNT(evidence));
	int r;

	set_times(h, rec, "begin", "end", row);
	row->status = word(mw_logrec_get(rec, "status"), status, COUNT(status));
	row->flags |= (uint8_t)(e == 1 ? MW_HTML_INCOMPLETE : e == 2 ? MW_HTML_ONE_SIDED : 0);
	if (row->type == MW_HTML_REQUEST)
		return 0;
	r = members(&h->text, rec, "a", names);
	if (r == 0 && it->joined && *it->joined) {
		r = mw_buf_append_str(&h->text, h->text.len ? ",\"j\":\"" : "{\"j\":\"");
		r = r < 0 ? r : mw_json_escape(&h->text, mw_slice_str(it->joined), NULL);
		r = r < 0 ? r : mw_buf_append_byte(&h->text, '"');
	}
	return r < 0 ? r : close_text(&h->text);
}

static int fill_effect(struct html *h, const struct mw_export_item *it, struct mw_html_row *row)
{
	static const char *const links[] = { "causal",	 "lineage", "flow", "argument",
					     "response", "order",   "sole", "shared" };
	static const char *const confidences[] = { "certain", "likely", "shared" };
	const struct mw_logrec *rec = it->rec;
	struct mw_slice result = mw_logrec_get(rec, "result");
	char id[72];
	int n, r;

	row->status = own_word(it->tie.link, links, COUNT(links));
	row->conf = own_word(it->tie.confidence, confidences, COUNT(confidences));
	row->flags |= (uint8_t)((it->tie.settled ? MW_HTML_SETTLED : 0) |
				(mw_logrec_get(rec, "after").n ? MW_HTML_AFTER : 0) |
				(mw_logrec_get(rec, "summary").n ? MW_HTML_SUMMARY : 0));
	if (result.n && !mw_slice_eq_str(result, "\"ok\""))
		row->flags |= MW_HTML_FAILED;
	n = *it->tie.call ? snprintf(id, sizeof(id), "\"%s\"", it->tie.call) : 0;
	/* ids are our own and short; what is not is found in the record */
	row->callp = 0;
	row->calln = 0;
	r = n > 0 && (size_t)n < sizeof(id) && !strpbrk(it->tie.call, "\"\\")
		? mw_html_rows_call(h->rows, mw_slice(id, (size_t)n), row)
		: 0;
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_logrec_get(rec, "kind"), &row->name);
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_logrec_get(rec, "mode"), &row->aux);
	r = r < 0 ? r : mw_html_rows_name(h->rows, result, &row->session);
	return r < 0 ? r : effect_text(&h->text, rec);
}

static int fill_alert(struct html *h, const struct mw_logrec *rec, struct mw_html_row *row)
{
	static const char *const severities[] = { "low", "medium", "high", "critical" };
	static const char *const names[] = { "title", "calls", "effects", "targets" };
	int r;

	row->status = word(mw_logrec_get(rec, "severity"), severities, COUNT(severities));
	r = mw_html_rows_name(h->rows, mw_logrec_get(rec, "rule"), &row->name);
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_logrec_get(rec, "tool"), &row->aux);
	r = r < 0 ? r : members(&h->text, rec, "mcet", names);
	return r < 0 ? r : close_text(&h->text);
}

/* The rest: a name, and what it is about. */
static int fill_other(struct html *h, const struct mw_logrec *rec, struct mw_html_row *row)
{
	static const char *const named[] = {
		[MW_HTML_GAP] = "reason", [MW_HTML_ANOMALY] = "what",  [MW_HTML_SERVER] = "event",
		[MW_HTML_TOOL] = "tool",  [MW_HTML_NOTICE] = "method", [MW_HTML_DAEMON] = "event",
		[MW_HTML_BODY] = "what",
	};
	static const char *const gap[] = { "calls", "where" };
	int r = 0;

	if (row->type < COUNT(named) && named[row->type])
		r = mw_html_rows_name(h->rows, mw_logrec_get(rec, named[row->type]), &row->name);
	if (r == 0 && row->type == MW_HTML_GAP) {
		set_times(h, rec, "from", "to", row);
		r = members(&h->text, rec, "cw", gap);
		r = r < 0 ? r : close_text(&h->text);
	}
	if (r == 0 && row->type == MW_HTML_SERVER)
		r = server_text(&h->text, rec);
	return r;
}

static int fill(struct html *h, const struct mw_export_item *it, struct mw_html_row *row)
{
	const struct mw_logrec *rec = it->rec;
	struct mw_slice server = mw_logrec_get(rec, "server");
	int r;

	row->type = type_of(rec->type);
	row->input = rec->input < UINT8_MAX ? (uint8_t)rec->input : UINT8_MAX;
	row->seq = (double)rec->seq;
	row->t = since(h, rec->time_ns);
	r = row->type == MW_HTML_SERVER && server.n
		? server_name(h, server, &row->server)
		: mw_html_rows_name(h->rows, server, &row->server);
	if (r < 0 || row->type == MW_HTML_EFFECT)
		return r < 0 ? r : fill_effect(h, it, row);
	r = mw_html_rows_call(h->rows, mw_logrec_get(rec, "call"), row);
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_logrec_get(rec, "session"), &row->session);
	if (r < 0 || (row->type != MW_HTML_CALL && row->type != MW_HTML_REQUEST &&
		      row->type != MW_HTML_ALERT))
		return r < 0 ? r : fill_other(h, rec, row);
	r = mw_html_rows_name(h->rows, mw_logrec_get(rec, "principal"), &row->who);
	if (r < 0 || row->type == MW_HTML_ALERT)
		return r < 0 ? r : fill_alert(h, rec, row);
	r = mw_html_rows_name(h->rows, mw_logrec_get(rec, "tool"), &row->name);
	r = r < 0 ? r : mw_html_rows_name(h->rows, mw_logrec_get(rec, "method"), &row->aux);
	return r < 0 ? r : fill_call(h, it, row);
}

/* --- requests that wait --- */

static uint64_t key_of(const struct mw_html_row *row)
{
	uint32_t key[3] = { row->callp, row->calln, row->input };

	return mw_hash64(mw_slice(key, sizeof(key)), 0);
}

static void drop_open(struct html *h, struct open *o)
{
	uint32_t *at = &h->heads[o->hash & (HEADS - 1)];

	while (*at != (uint32_t)(o - h->open) + 1)
		at = &h->open[*at - 1].next;
	*at = o->next;
	h->open_len -= o->len;
	free(o->line);
	o->line = NULL;
}

/* Writes the one that waits at `next`, if there is one, and goes on. */
static int push_oldest(struct html *h)
{
	struct open *o = &h->open[h->next];
	int r = 0;

	h->next = (h->next + 1) % OPEN_MAX;
	if (!o->line)
		return 0;
	r = mw_html_rows_push(h->rows, &o->row, mw_slice(NULL, 0), mw_slice(o->line, o->len));
	drop_open(h, o);
	return r;
}

static int keep_open(struct html *h, const struct mw_html_row *row, const struct mw_logrec *rec)
{
	uint32_t at, tries;
	struct open *o;
	int r = 0;

	for (tries = 0; r == 0 && tries < OPEN_MAX && h->open_len + rec->len > OPEN_BYTES; tries++)
		r = push_oldest(h);
	at = h->next;
	r = r < 0 ? r : push_oldest(h);
	if (r < 0)
		return r;
	o = &h->open[at];
	o->line = malloc(rec->len + 1);
	if (!o->line)
		return -ENOMEM;
	memcpy(o->line, rec->line, rec->len);
	o->len = rec->len;
	o->row = *row;
	o->hash = key_of(row);
	o->next = h->heads[o->hash & (HEADS - 1)];
	h->heads[o->hash & (HEADS - 1)] = at + 1;
	h->open_len += o->len;
	return 0;
}

static void forget_open(struct html *h, const struct mw_html_row *row)
{
	uint64_t hash = key_of(row);
	uint32_t at;
	struct open *o;

	for (at = h->heads[hash & (HEADS - 1)]; at; at = o->next) {
		o = &h->open[at - 1];
		if (o->hash == hash && o->row.callp == row->callp && o->row.calln == row->calln &&
		    o->row.input == row->input) {
			drop_open(h, o);
			return;
		}
	}
}

static int html_item(struct mw_exporter *e, const struct mw_export_item *it)
{
	struct html *h = of(e);
	struct mw_html_row row = { 0 };
	int r;

	mw_buf_reset(&h->text, h->text.cap);
	r = fill(h, it, &row);
	if (r < 0)
		return r;
	/* ids that found no room are not told apart */
	if (row.type == MW_HTML_REQUEST && row.callp > 1)
		return keep_open(h, &row, it->rec);
	if (row.type == MW_HTML_CALL && row.callp > 1)
		forget_open(h, &row);
	return mw_html_rows_push(h->rows, &row, mw_buf_slice(&h->text),
				 mw_slice(it->rec->line, it->rec->len));
}

static int html_end(struct mw_exporter *e)
{
	struct html *h = of(e);
	uint32_t i;
	int r = 0;

	for (i = 0; r == 0 && i < OPEN_MAX; i++)
		r = push_oldest(h);
	r = r < 0 ? r : mw_html_rows_end(h->rows);
	r = r < 0 ? r : mw_html_pack_end(h->pack);
	if (r < 0)
		return r;
	mw_html_page_end(&e->out, mw_html_rows_n(h->rows), mw_html_rows_dropped(h->rows));
	return mw_out_error(&e->out);
}

static const struct mw_exporter_ops html_ops = {
	.begin = html_begin,
	.item = html_item,
	.end = html_end,
	.free = html_free,
};

int mw_export_html_new(FILE *to, struct mw_exporter **ret)
{
	struct html *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->e.ops = &html_ops;
	h->e.to = to;
	mw_buf_init(&h->text, &mw_heap, MW_HTML_BLOCK_MAX);
	r = mw_html_pack_new(&h->e.out, &h->pack);
	r = r < 0 ? r : mw_html_rows_new(h->pack, &h->rows);
	if (r < 0) {
		html_free(&h->e);
		return r;
	}
	*ret = &h->e;
	return 0;
}
