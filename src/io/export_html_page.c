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
static void put_html(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			mw_out_str(f, "&amp;");
			break;
		case '<':
			mw_out_str(f, "&lt;");
			break;
		case '>':
			mw_out_str(f, "&gt;");
			break;
		default:
			mw_out_char(f, *text);
		}
	}
}

/* --- the facts, as JSON --- */

static void put_key(FILE *f, const char *key)
{
	mw_out_str(f, ",\"");
	mw_out_str(f, key);
	mw_out_str(f, "\":");
}

static void put_str(FILE *f, const char *key, const char *value)
{
	put_key(f, key);
	mw_out_json_str(f, value ? value : "");
}

static void put_u64(FILE *f, const char *key, uint64_t v)
{
	put_key(f, key);
	mw_out_u64(f, v);
}

/* As a string: more digits than a number of the page holds. */
static void put_ns(FILE *f, const char *key, int64_t ns)
{
	put_key(f, key);
	mw_out_char(f, '"');
	mw_out_i64(f, ns);
	mw_out_char(f, '"');
}

static void put_bool(FILE *f, const char *key, bool v)
{
	put_key(f, key);
	mw_out_str(f, v ? "true" : "false");
}

static void put_names(FILE *f, const char *key, const struct mw_export_name *names, size_t n)
{
	size_t i;

	put_key(f, key);
	mw_out_char(f, '[');
	for (i = 0; i < n; i++) {
		mw_out_str(f, i ? ",[" : "[");
		mw_out_json_str(f, names[i].name);
		mw_out_char(f, ',');
		mw_out_u64(f, names[i].calls);
		mw_out_char(f, ',');
		mw_out_u64(f, names[i].alerts);
		mw_out_char(f, ']');
	}
	mw_out_char(f, ']');
}

static void put_report(FILE *f, const struct mw_verify_report *r)
{
	static const char *const verdicts[] = { "whole", "short", "tampered" };
	unsigned int i;

	put_str(f, "verdict", r->verdict < COUNT(verdicts) ? verdicts[r->verdict] : "tampered");
	put_str(f, "finding", r->finding == MW_FOUND_NONE ? "" : mw_finding_name(r->finding));
	put_str(f, "text", r->text);
	if (r->has_seq)
		put_u64(f, "seq", r->seq);
	put_str(f, "file", r->file);
	put_u64(f, "line", r->line);
	put_str(f, "origin", r->origin);
	put_u64(f, "sealed", r->sealed);
	put_u64(f, "seals", r->seals);
	put_u64(f, "deleted", r->deleted);
	put_u64(f, "tail", r->tail);
	put_ns(f, "sealed_ns", r->sealed_ns);
	put_bool(f, "identity_enrolled", r->identity_enrolled);
	put_bool(f, "epoch_enrolled", r->epoch_enrolled);
	put_key(f, "notices");
	mw_out_char(f, '[');
	for (i = 0; i < r->n_notices; i++) {
		if (i)
			mw_out_char(f, ',');
		mw_out_json_str(f, r->notice[i]);
	}
	mw_out_char(f, ']');
	put_u64(f, "more_notices", r->more_notices);
}

static void put_input(FILE *f, const struct mw_export_input *in)
{
	mw_out_str(f, "{\"path\":");
	mw_out_json_str(f, in->path);
	put_str(f, "host", in->host);
	put_str(f, "version", in->version);
	put_u64(f, "n", in->n);
	put_ns(f, "first", in->first_ns);
	put_ns(f, "last", in->last_ns);
	if (in->checkpoint)
		put_str(f, "checkpoint", in->checkpoint);
	if (in->report)
		put_report(f, in->report);
	mw_out_char(f, '}');
}

static void put_about(FILE *f, const struct mw_export_about *a, int64_t base_ns)
{
	size_t i;

	mw_out_str(f, "{\"v\":1");
	put_str(f, "program", MW_VERSION);
	put_ns(f, "base", base_ns);
	put_ns(f, "made", a->made_ns);
	put_ns(f, "first", a->first_ns);
	put_ns(f, "last", a->last_ns);
	put_str(f, "filter", a->filter);
	if (a->wrong)
		put_str(f, "wrong", a->wrong);
	put_u64(f, "records", a->records);
	put_u64(f, "calls", a->calls);
	put_u64(f, "effects", a->effects);
	put_u64(f, "alerts", a->alerts);
	put_u64(f, "anomalies", a->anomalies);
	put_u64(f, "gaps", a->gaps);
	put_u64(f, "lost_bytes", a->lost_bytes);
	put_u64(f, "lost_events", a->lost_events);
	put_key(f, "severity");
	for (i = 0; i < COUNT(a->severity); i++) {
		mw_out_char(f, i ? ',' : '[');
		mw_out_u64(f, a->severity[i]);
	}
	mw_out_char(f, ']');
	put_names(f, "servers", a->servers, a->n_servers);
	put_names(f, "tools", a->tools, a->n_tools);
	put_names(f, "principals", a->principals, a->n_principals);
	put_u64(f, "more_servers", a->more_servers);
	put_u64(f, "more_tools", a->more_tools);
	put_u64(f, "more_principals", a->more_principals);
	put_key(f, "inputs");
	mw_out_char(f, '[');
	for (i = 0; i < a->n_inputs; i++) {
		if (i)
			mw_out_char(f, ',');
		put_input(f, &a->inputs[i]);
	}
	mw_out_str(f, "]}");
}

/* --- the page --- */

static void put_title(FILE *f, const struct mw_export_about *a)
{
	mw_out_str(f, a->wrong ? "NOT TO BE RELIED ON \xe2\x80\x93 mcpwatch timeline"
			       : "mcpwatch timeline");
	if (a->n_inputs > 0 && *a->inputs[0].host) {
		mw_out_str(f, " \xe2\x80\x93 ");
		put_html(f, a->inputs[0].host);
		if (a->n_inputs > 1)
			mw_out_str(f, " and others");
	}
}

/* Stands in the page itself, so that it is seen without its script, too. */
static void put_wrong(FILE *f, const struct mw_export_about *a)
{
	if (!a->wrong)
		return;
	mw_out_str(f, "<div id=\"wrong\" role=\"alert\"><strong>Do not rely on this "
		      "log.</strong> <bdi>");
	put_html(f, a->wrong);
	mw_out_str(f, "</bdi></div>");
}

static int put_policy(FILE *f)
{
	char of_style[64], of_script[64];
	int r = digest("", style, COUNT(style), "", of_style);

	r = r < 0 ? r : digest(script_begin, script, COUNT(script), script_end, of_script);
	if (r < 0)
		return r;
	mw_out_str(f, "default-src 'none'; script-src 'sha256-");
	mw_out_str(f, of_script);
	mw_out_str(f, "'; style-src 'sha256-");
	mw_out_str(f, of_style);
	mw_out_str(f, "'; base-uri 'none'; form-action 'none'; "
		      "require-trusted-types-for 'script'; trusted-types 'none'");
	return 0;
}

static int put_mark(FILE *f, struct mw_slice mark, const struct mw_export_about *a, int64_t base_ns)
{
	size_t i;

	if (mw_slice_eq_str(mark, "policy"))
		return put_policy(f);
	if (mw_slice_eq_str(mark, "title"))
		put_title(f, a);
	else if (mw_slice_eq_str(mark, "wrong"))
		put_wrong(f, a);
	else if (mw_slice_eq_str(mark, "about"))
		put_about(f, a, base_ns);
	else if (mw_slice_eq_str(mark, "style"))
		for (i = 0; i < COUNT(style); i++)
			mw_out_slice(f, slice(&style[i]));
	else if (mw_slice_eq_str(mark, "script")) {
		mw_out_str(f, script_begin);
		for (i = 0; i < COUNT(script); i++)
			mw_out_slice(f, slice(&script[i]));
		mw_out_str(f, script_end);
	}
	return 0;
}

/* What stands before "@data@" in page.html, its other marks filled in; the blocks come next. */
int mw_html_page_begin(FILE *f, const struct mw_export_about *about, int64_t base_ns)
{
	const char *p = mw_page_html, *mark, *end;
	struct mw_slice name;
	int r = 0;

	while (r == 0 && (mark = memchr(p, '@', (size_t)(mw_page_html_end - p)))) {
		mw_out_slice(f, mw_slice(p, (size_t)(mark - p)));
		mark++;
		end = memchr(mark, '@', (size_t)(mw_page_html_end - mark));
		if (!end)
			return -EIO;
		name = mw_slice(mark, (size_t)(end - mark));
		if (mw_slice_eq_str(name, "data"))
			return mw_out_error(f);
		r = put_mark(f, name, about, base_ns);
		p = end + 1;
	}
	return r < 0 ? r : -EIO;
}

void mw_html_page_end(FILE *f, uint64_t rows, uint64_t dropped)
{
	static const char mark[] = "@data@";
	const char *p =
	    memmem(mw_page_html, (size_t)(mw_page_html_end - mw_page_html), mark, sizeof(mark) - 1);

	mw_out_str(f, "<script type=\"application/json\" id=\"end\">{\"rows\":");
	mw_out_u64(f, rows);
	put_u64(f, "dropped", dropped);
	mw_out_str(f, "}</script>\n");
	if (p)
		mw_out_slice(f, mw_slice(p + sizeof(mark) - 1,
					 (size_t)(mw_page_html_end - p) - (sizeof(mark) - 1)));
}
