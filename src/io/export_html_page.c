/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>

#include "io/embed.h"
#include "io/export_html.h"
#include "io/export_out.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

MW_EMBED(mw_page_html, "src/dist/timeline/page.html");
MW_EMBED(mw_page_css, "src/dist/timeline/page.css");
MW_EMBED(mw_page_text, "src/dist/timeline/text.js");
MW_EMBED(mw_page_data, "src/dist/timeline/data.js");
MW_EMBED(mw_page_filter, "src/dist/timeline/filter.js");
MW_EMBED(mw_page_layout, "src/dist/timeline/layout.js");
MW_EMBED(mw_page_marks, "src/dist/timeline/marks.js");
MW_EMBED(mw_page_draw, "src/dist/timeline/draw.js");
MW_EMBED(mw_page_detail, "src/dist/timeline/detail.js");
MW_EMBED(mw_page_head, "src/dist/timeline/head.js");
MW_EMBED(mw_page_main, "src/dist/timeline/main.js");

struct part {
	const char *p, *end;
};

static const struct part style[] = { { mw_page_css, mw_page_css_end } };
static const struct part script[] = {
	{ mw_page_text, mw_page_text_end },	{ mw_page_data, mw_page_data_end },
	{ mw_page_filter, mw_page_filter_end }, { mw_page_layout, mw_page_layout_end },
	{ mw_page_marks, mw_page_marks_end },	{ mw_page_draw, mw_page_draw_end },
	{ mw_page_detail, mw_page_detail_end }, { mw_page_head, mw_page_head_end },
	{ mw_page_main, mw_page_main_end },
};
/* Names of one script are its own, not the window's. */
static const char script_begin[] = "(function () {\n\"use strict\";\n";
static const char script_end[] = "})();\n";

static struct mw_slice slice(const struct part *p)
{
	return mw_slice(p->p, (size_t)(p->end - p->p));
}

/* What a content security policy names one inline element by. */
static int digest(const char *before, const struct part *parts, size_t n, const char *after,
		  char ret[64])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char hash[32];
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(md, before, strlen(before));
	size_t i;

	for (i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(md, parts[i].p, slice(&parts[i]).n);
	ok = ok && EVP_DigestUpdate(md, after, strlen(after)) && EVP_DigestFinal_ex(md, hash, NULL);
	EVP_MD_CTX_free(md);
	if (!ok)
		return -EIO;
	EVP_EncodeBlock((unsigned char *)ret, hash, sizeof(hash));
	return 0;
}

/* Text in an element. */
static void put_html(struct mw_outbuf *o, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			mw_out_str(o, "&amp;");
			break;
		case '<':
			mw_out_str(o, "&lt;");
			break;
		case '>':
			mw_out_str(o, "&gt;");
			break;
		default:
			mw_out_char(o, *text);
		}
	}
}

/* --- the facts, as JSON --- */

static void put_key(struct mw_outbuf *o, const char *key)
{
	mw_out_str(o, ",\"");
	mw_out_str(o, key);
	mw_out_str(o, "\":");
}

static void put_str(struct mw_outbuf *o, const char *key, const char *value)
{
	put_key(o, key);
	mw_out_json_str(o, value ? value : "");
}

static void put_u64(struct mw_outbuf *o, const char *key, uint64_t v)
{
	put_key(o, key);
	mw_out_u64(o, v);
}

/* As a string: more digits than a number of the page holds. */
static void put_ns(struct mw_outbuf *o, const char *key, int64_t ns)
{
	put_key(o, key);
	mw_out_char(o, '"');
	mw_out_i64(o, ns);
	mw_out_char(o, '"');
}

static void put_bool(struct mw_outbuf *o, const char *key, bool v)
{
	put_key(o, key);
	mw_out_str(o, v ? "true" : "false");
}

static void put_names(struct mw_outbuf *o, const char *key, const struct mw_export_name *names,
		      size_t n)
{
	size_t i;

	put_key(o, key);
	mw_out_char(o, '[');
	for (i = 0; i < n; i++) {
		mw_out_str(o, i ? ",[" : "[");
		mw_out_json_str(o, names[i].name);
		mw_out_char(o, ',');
		mw_out_u64(o, names[i].calls);
		mw_out_char(o, ',');
		mw_out_u64(o, names[i].alerts);
		mw_out_char(o, ']');
	}
	mw_out_char(o, ']');
}

static void put_report(struct mw_outbuf *o, const struct mw_verify_report *r)
{
	static const char *const verdicts[] = { "whole", "short", "tampered" };
	unsigned int i;

	put_str(o, "verdict", r->verdict < COUNT(verdicts) ? verdicts[r->verdict] : "tampered");
	put_str(o, "finding", r->finding == MW_FOUND_NONE ? "" : mw_finding_name(r->finding));
	put_str(o, "text", r->text);
	if (r->has_seq)
		put_u64(o, "seq", r->seq);
	put_str(o, "file", r->file);
	put_u64(o, "line", r->line);
	put_str(o, "origin", r->origin);
	put_u64(o, "sealed", r->sealed);
	put_u64(o, "seals", r->seals);
	put_u64(o, "deleted", r->deleted);
	put_u64(o, "tail", r->tail);
	put_ns(o, "sealed_ns", r->sealed_ns);
	put_bool(o, "identity_enrolled", r->identity_enrolled);
	put_bool(o, "epoch_enrolled", r->epoch_enrolled);
	put_key(o, "notices");
	mw_out_char(o, '[');
	for (i = 0; i < r->n_notices; i++) {
		if (i)
			mw_out_char(o, ',');
		mw_out_json_str(o, r->notice[i]);
	}
	mw_out_char(o, ']');
	put_u64(o, "more_notices", r->more_notices);
}

static void put_input(struct mw_outbuf *o, const struct mw_export_input *in)
{
	mw_out_str(o, "{\"path\":");
	mw_out_json_str(o, in->path);
	put_str(o, "host", in->host);
	put_str(o, "version", in->version);
	put_u64(o, "n", in->n);
	put_ns(o, "first", in->first_ns);
	put_ns(o, "last", in->last_ns);
	if (in->checkpoint)
		put_str(o, "checkpoint", in->checkpoint);
	if (in->report)
		put_report(o, in->report);
	mw_out_char(o, '}');
}

static void put_about(struct mw_outbuf *o, const struct mw_export_about *a, int64_t base_ns)
{
	size_t i;

	mw_out_str(o, "{\"v\":1");
	put_str(o, "program", MW_VERSION);
	put_ns(o, "base", base_ns);
	put_ns(o, "made", a->made_ns);
	put_ns(o, "first", a->first_ns);
	put_ns(o, "last", a->last_ns);
	put_str(o, "filter", a->filter);
	if (a->wrong)
		put_str(o, "wrong", a->wrong);
	put_u64(o, "records", a->records);
	put_u64(o, "calls", a->calls);
	put_u64(o, "effects", a->effects);
	put_u64(o, "alerts", a->alerts);
	put_u64(o, "anomalies", a->anomalies);
	put_u64(o, "gaps", a->gaps);
	put_u64(o, "lost_bytes", a->lost_bytes);
	put_u64(o, "lost_events", a->lost_events);
	put_key(o, "severity");
	for (i = 0; i < COUNT(a->severity); i++) {
		mw_out_char(o, i ? ',' : '[');
		mw_out_u64(o, a->severity[i]);
	}
	mw_out_char(o, ']');
	put_names(o, "servers", a->servers, a->n_servers);
	put_names(o, "tools", a->tools, a->n_tools);
	put_names(o, "principals", a->principals, a->n_principals);
	put_u64(o, "more_servers", a->more_servers);
	put_u64(o, "more_tools", a->more_tools);
	put_u64(o, "more_principals", a->more_principals);
	put_key(o, "inputs");
	mw_out_char(o, '[');
	for (i = 0; i < a->n_inputs; i++) {
		if (i)
			mw_out_char(o, ',');
		put_input(o, &a->inputs[i]);
	}
	mw_out_str(o, "]}");
}

/* --- the page --- */

static void put_title(struct mw_outbuf *o, const struct mw_export_about *a)
{
	mw_out_str(o, a->wrong ? "NOT TO BE RELIED ON \xe2\x80\x93 mcpwatch timeline"
			       : "mcpwatch timeline");
	if (a->n_inputs > 0 && *a->inputs[0].host) {
		mw_out_str(o, " \xe2\x80\x93 ");
		put_html(o, a->inputs[0].host);
		if (a->n_inputs > 1)
			mw_out_str(o, " and others");
	}
}

/* Stands in the page itself, so that it is seen without its script, too. */
static void put_wrong(struct mw_outbuf *o, const struct mw_export_about *a)
{
	if (!a->wrong)
		return;
	mw_out_str(o, "<div id=\"wrong\" role=\"alert\"><strong>Do not rely on this "
		      "log.</strong> <bdi>");
	put_html(o, a->wrong);
	mw_out_str(o, "</bdi></div>");
}

static int put_policy(struct mw_outbuf *o)
{
	char of_style[64], of_script[64];
	int r = digest("", style, COUNT(style), "", of_style);

	r = r < 0 ? r : digest(script_begin, script, COUNT(script), script_end, of_script);
	if (r < 0)
		return r;
	mw_out_str(o, "default-src 'none'; script-src 'sha256-");
	mw_out_str(o, of_script);
	mw_out_str(o, "'; style-src 'sha256-");
	mw_out_str(o, of_style);
	mw_out_str(o, "'; base-uri 'none'; form-action 'none'; "
		      "require-trusted-types-for 'script'; trusted-types 'none'");
	return 0;
}

static int put_mark(struct mw_outbuf *o, struct mw_slice mark, const struct mw_export_about *a,
		    int64_t base_ns)
{
	size_t i;

	if (mw_slice_eq_str(mark, "policy"))
		return put_policy(o);
	if (mw_slice_eq_str(mark, "title"))
		put_title(o, a);
	else if (mw_slice_eq_str(mark, "wrong"))
		put_wrong(o, a);
	else if (mw_slice_eq_str(mark, "about"))
		put_about(o, a, base_ns);
	else if (mw_slice_eq_str(mark, "style"))
		for (i = 0; i < COUNT(style); i++)
			mw_out_slice(o, slice(&style[i]));
	else if (mw_slice_eq_str(mark, "script")) {
		mw_out_str(o, script_begin);
		for (i = 0; i < COUNT(script); i++)
			mw_out_slice(o, slice(&script[i]));
		mw_out_str(o, script_end);
	}
	return 0;
}

/* What stands before "@data@" in page.html, its other marks filled in; the blocks come next. */
int mw_html_page_begin(struct mw_outbuf *o, const struct mw_export_about *about, int64_t base_ns)
{
	const char *p = mw_page_html, *mark, *end;
	struct mw_slice name;
	int r = 0;

	while (r == 0 && (mark = memchr(p, '@', (size_t)(mw_page_html_end - p)))) {
		mw_out_slice(o, mw_slice(p, (size_t)(mark - p)));
		mark++;
		end = memchr(mark, '@', (size_t)(mw_page_html_end - mark));
		if (!end)
			return -EIO;
		name = mw_slice(mark, (size_t)(end - mark));
		if (mw_slice_eq_str(name, "data"))
			return mw_out_error(o);
		r = put_mark(o, name, about, base_ns);
		p = end + 1;
	}
	return r < 0 ? r : -EIO;
}

void mw_html_page_end(struct mw_outbuf *o, uint64_t rows, uint64_t dropped)
{
	static const char mark[] = "@data@";
	const char *p =
	    memmem(mw_page_html, (size_t)(mw_page_html_end - mw_page_html), mark, sizeof(mark) - 1);

	mw_out_str(o, "<script type=\"application/json\" id=\"end\">{\"rows\":");
	mw_out_u64(o, rows);
	put_u64(o, "dropped", dropped);
	mw_out_str(o, "}</script>\n");
	if (p)
		mw_out_slice(o, mw_slice(p + sizeof(mark) - 1,
					 (size_t)(mw_page_html_end - p) - (sizeof(mark) - 1)));
}
