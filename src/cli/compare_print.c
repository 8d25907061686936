/* SPDX-License-Identifier: Apache-2.0 */
/* compare_print.c - findings of `compare` as lines for people, or as JSON */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/compare.h"
#include "core/record.h"
#include "core/redact.h"
#include "io/escape.h"
#include "io/heap.h"
#include "io/sink_screen.h"

/* Of a text from the trail or the log, and of how many targets. */
#define TEXT_MAX    160u
#define TARGETS_MAX 3u
/* An entry is 1 MiB at most, and each of its bytes may be escaped. */
#define REDACTED_MAX (16u << 20)
/* Targets of a call in JSON; targets_n says how many there are. */
#define JSON_TARGETS_MAX 1000u

static const struct {
	const char *name, *json, *sgr;
} verdicts[MW_VERDICTS] = {
	[MW_VERDICT_AGREES] = { "agrees", "agrees", "32" },
	[MW_VERDICT_DIFFERS] = { "differs", "differs", "31" },
	[MW_VERDICT_CLAIMED_ONLY] = { "claimed but not seen", "claimed_not_seen", "31" },
	[MW_VERDICT_CLAIMED_AGAIN] = { "claimed again", "claimed_again", "31" },
	[MW_VERDICT_SEEN_ONLY] = { "seen but not claimed", "seen_not_claimed", "31" },
	[MW_VERDICT_UNDECIDED] = { "undecided", "undecided", "33" },
};

static const char *const abouts[] = {
	[MW_ABOUT_TOOL] = "tool",     [MW_ABOUT_ID] = "id",	      [MW_ABOUT_ARGS] = "arguments",
	[MW_ABOUT_TARGET] = "target", [MW_ABOUT_OUTCOME] = "outcome", [MW_ABOUT_TIME] = "time",
};

static const char *const outcomes[] = { NULL, "ok", "error" };

/* --- for people --- */

static void put_text(struct mw_line *l, struct mw_slice s)
{
	mw_line_put(l, NULL, (const char *)s.p, s.n < TEXT_MAX ? s.n : TEXT_MAX);
	if (s.n > TEXT_MAX)
		mw_line_puts(l, NULL, "...");
}

/* What a trail says, without the secrets that stand in it (core/redact.h). */
static void put_claim(struct mw_line *l, const struct mw_compare_out *o, struct mw_slice s,
		      bool json)
{
	_cleanup_(mw_buf_done) struct mw_buf b;
	bool lossy = false;
	int r;

	mw_buf_init(&b, &mw_heap, REDACTED_MAX);
	if (json)
		r = mw_redact_json(o->redact, &b, s, &lossy);
	else
		r = mw_redact_text(o->redact, &b, s, &lossy);
	if (r < 0)
		mw_line_puts(l, NULL, "(too long to show)");
	else
		put_text(l, mw_buf_slice(&b));
}

static void put_time(struct mw_line *l, int64_t ns)
{
	char text[MW_TIME_LEN + 1];

	mw_time_print(ns, text);
	mw_line_printf(l, NULL, " at %s", text);
}

static void put_who(struct mw_line *l, struct mw_slice tool, struct mw_slice id)
{
	mw_line_puts(l, NULL, " ");
	put_text(l, tool);
	if (id.n) {
		mw_line_puts(l, NULL, " id ");
		put_text(l, id);
	}
}

static void put_targets(struct mw_line *l, const struct mw_seen_call *c)
{
	uint32_t i, n = 0;

	for (i = 0; i < c->n_targets && n < TARGETS_MAX; i++) {
		/* a file is named by its opening and its closing */
		if (i > 0 && mw_slice_eq(c->target[i].text, c->target[i - 1].text))
			continue;
		mw_line_puts(l, NULL, n++ ? ", " : "; effects on ");
		put_text(l, c->target[i].text);
	}
	if (i < c->n_targets)
		mw_line_puts(l, NULL, " and others");
}

static void put_diff(struct mw_line *l, const struct mw_compare_out *o, const struct mw_diff *d)
{
	mw_line_printf(l, "1", "%s", abouts[d->about]);
	mw_line_puts(l, NULL, ": ");
	if (d->about == MW_ABOUT_TIME) {
		mw_line_printf(l, NULL, "the entry is %.3f s %s",
			       (double)d->late_ns / (d->late_ns < 0 ? -1e9 : 1e9),
			       d->late_ns < 0 ? "before the call's begin"
					      : "late, behind the call's end");
	} else {
		mw_line_puts(l, NULL, "the trail says ");
		put_claim(l, o, d->trail, d->about == MW_ABOUT_ARGS);
		mw_line_puts(l, NULL, ", the host saw ");
		if (d->host.n)
			put_text(l, d->host);
		else
			mw_line_puts(l, NULL, "none of that kind");
	}
	if (d->undecided)
		mw_line_printf(l, NULL, " (undecided: %s)", d->undecided);
}

static void print_line(const struct mw_compare_out *o, const struct mw_finding *f)
{
	struct mw_line l = { .colour = mw_screen_colour(stdout) };

	mw_line_puts(&l, verdicts[f->verdict].sgr, verdicts[f->verdict].name);
	mw_line_puts(&l, NULL, ":");
	if (f->entry) {
		mw_line_printf(&l, NULL, " line %" PRIu64, f->entry->line);
		put_who(&l, f->entry->tool, f->entry->id);
		if (f->entry->has_time && !f->call)
			put_time(&l, f->entry->time_ns);
		if (f->entry->user.n && !f->call) {
			mw_line_puts(&l, NULL, " by ");
			put_claim(&l, o, f->entry->user, false);
		}
	}
	if (f->call) {
		mw_line_printf(&l, NULL, "%s call %s", f->entry ? "," : "", f->call->call);
		if (!f->entry) {
			put_who(&l, f->call->tool, f->call->id);
			put_time(&l, f->call->begin_ns);
			mw_line_puts(&l, NULL, " ");
			put_text(&l, f->call->status);
			put_targets(&l, f->call);
		}
	}
	if (f->verdict == MW_VERDICT_CLAIMED_AGAIN)
		mw_line_printf(&l, NULL, ": line %" PRIu64 " has claimed it", f->call->claimed);
	for (size_t i = 0; i < f->n_diffs; i++) {
		mw_line_puts(&l, NULL, i ? "; " : ": ");
		put_diff(&l, o, &f->diff[i]);
	}
	if (f->why)
		mw_line_printf(&l, NULL, ": %s", f->why);
	puts(l.p ? l.p : o->trail);
	mw_line_done(&l);
}

/* --- as JSON --- */

struct json {
	struct mw_buf b;
	struct mw_redact *redact;
	bool failed; /* something did not fit: the line is not printed */
};

static void raw(struct json *j, struct mw_slice s)
{
	j->failed |= mw_buf_append(&j->b, s.p, s.n) < 0;
}

static void key(struct json *j, const char *name)
{
	const struct mw_buf *b = &j->b;

	if (b->len && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[')
		raw(j, MW_SLICE_LIT(","));
	if (!name)
		return;
	raw(j, MW_SLICE_LIT("\""));
	raw(j, mw_slice_str(name));
	raw(j, MW_SLICE_LIT("\":"));
}

static void put_str(struct json *j, const char *name, struct mw_slice s)
{
	if (s.n == 0)
		return;
	key(j, name);
	raw(j, MW_SLICE_LIT("\""));
	j->failed |= mw_json_escape(&j->b, s, NULL) < 0;
	raw(j, MW_SLICE_LIT("\""));
}

/* As put_str, of a trail's text: without the secrets that stand in it. */
static void put_redacted(struct json *j, const char *name, struct mw_slice s)
{
	bool lossy = false;

	if (s.n == 0)
		return;
	key(j, name);
	raw(j, MW_SLICE_LIT("\""));
	j->failed |= mw_redact_text(j->redact, &j->b, s, &lossy) < 0;
	raw(j, MW_SLICE_LIT("\""));
}

static void put_args(struct json *j, const char *name, struct mw_slice args, bool claimed)
{
	bool lossy = false;

	if (args.n == 0)
		return;
	key(j, name);
	if (claimed)
		j->failed |= mw_redact_json(j->redact, &j->b, args, &lossy) < 0;
	else
		raw(j, args);
}

static void put_u64(struct json *j, const char *name, uint64_t v)
{
	key(j, name);
	j->failed |= mw_buf_append_u64(&j->b, v) < 0;
}

static void put_when(struct json *j, const char *name, int64_t ns)
{
	char text[MW_TIME_LEN + 1];

	mw_time_print(ns, text);
	put_str(j, name, mw_slice_str(text));
}

static void open_(struct json *j, const char *name, char bracket)
{
	key(j, name);
	raw(j, mw_slice(&bracket, 1));
}

static void close_(struct json *j, char bracket)
{
	raw(j, mw_slice(&bracket, 1));
}

static void put_entry(struct json *j, const struct mw_compare_out *o,
		      const struct mw_trail_entry *e)
{
	open_(j, "trail", '{');
	put_str(j, "file", mw_slice_str(o->trail));
	put_u64(j, "line", e->line);
	if (e->has_time)
		put_when(j, "time", e->time_ns);
	put_str(j, "tool", e->tool);
	put_str(j, "id", e->id);
	put_args(j, "args", e->args, true);
	put_redacted(j, "user", e->user);
	put_str(j, "outcome", mw_slice_str(outcomes[e->outcome]));
	if (e->n_targets) {
		open_(j, "targets", '[');
		for (size_t i = 0; i < e->n_targets; i++)
			put_redacted(j, NULL, e->target[i]);
		close_(j, ']');
	}
	close_(j, '}');
}

static void put_call(struct json *j, const struct mw_seen_call *c)
{
	open_(j, "host", '{');
	put_str(j, "call", mw_slice_str(c->call));
	put_str(j, "tool", c->tool);
	put_str(j, "id", c->id);
	put_args(j, "args", c->args, false);
	put_str(j, "status", c->status);
	put_when(j, "begin", c->begin_ns);
	put_when(j, "end", c->end_ns);
	if (c->n_targets) {
		open_(j, "targets", '[');
		for (uint32_t i = 0; i < c->n_targets && i < JSON_TARGETS_MAX; i++)
			put_str(j, NULL, c->target[i].text);
		close_(j, ']');
		put_u64(j, "targets_n", c->n_targets);
	}
	close_(j, '}');
}

static void put_diffs(struct json *j, const struct mw_finding *f)
{
	open_(j, "differs", '[');
	for (size_t i = 0; i < f->n_diffs; i++) {
		const struct mw_diff *d = &f->diff[i];

		open_(j, NULL, '{');
		put_str(j, "about", mw_slice_str(abouts[d->about]));
		if (d->about == MW_ABOUT_ARGS) {
			put_args(j, "trail", d->trail, true);
			put_args(j, "host", d->host, false);
		} else {
			put_redacted(j, "trail", d->trail);
			put_str(j, "host", d->host);
		}
		if (d->about == MW_ABOUT_TIME) {
			key(j, "late_ms");
			j->failed |= mw_buf_append_i64(&j->b, d->late_ns / 1000000) < 0;
		}
		if (d->undecided)
			put_str(j, "undecided", mw_slice_str(d->undecided));
		close_(j, '}');
	}
	close_(j, ']');
}

static void begin_json(const struct mw_compare_out *o, struct json *j, const char *finding)
{
	j->failed = false;
	j->redact = o->redact;
	mw_buf_init(&j->b, &mw_heap, 4 * REDACTED_MAX);
	close_(j, '{');
	put_str(j, "finding", mw_slice_str(finding));
}

static void end_json(struct mw_compare_out *o, struct json *j)
{
	raw(j, MW_SLICE_LIT("}\n"));
	if (!j->failed)
		fwrite(j->b.p, 1, j->b.len, stdout);
	o->failed |= j->failed;
	mw_buf_done(&j->b);
}

static void print_json(struct mw_compare_out *o, const struct mw_finding *f)
{
	struct json j;

	begin_json(o, &j, verdicts[f->verdict].json);
	if (f->entry)
		put_entry(&j, o, f->entry);
	if (f->call)
		put_call(&j, f->call);
	if (f->n_diffs)
		put_diffs(&j, f);
	if (f->why)
		put_str(&j, "why", mw_slice_str(f->why));
	end_json(o, &j);
}

void mw_compare_print(void *ctx, const struct mw_finding *f)
{
	struct mw_compare_out *o = ctx;

	if (f->verdict == MW_VERDICT_AGREES && !o->all)
		return;
	if (o->json)
		print_json(o, f);
	else
		print_line(o, f);
}

void mw_compare_print_sum(struct mw_compare_out *o, const struct mw_match_sum *sum)
{
	struct json j;
	int i;

	if (o->json) {
		begin_json(o, &j, "sum");
		put_u64(&j, "lines", sum->lines);
		put_u64(&j, "entries", sum->entries);
		put_u64(&j, "calls", sum->calls);
		for (i = 0; i < MW_VERDICTS; i++)
			put_u64(&j, verdicts[i].json, sum->n[i]);
		end_json(o, &j);
		return;
	}
	printf("%" PRIu64 " entries in %" PRIu64 " lines, %" PRIu64 " calls seen:", sum->entries,
	       sum->lines, sum->calls);
	for (i = 0; i < MW_VERDICTS; i++)
		if (sum->n[i] || i == MW_VERDICT_AGREES)
			printf("%s %" PRIu64 " %s", i ? "," : "", sum->n[i],
			       i == MW_VERDICT_AGREES ? "agree" : verdicts[i].name);
	putchar('\n');
	if (sum->targets_no_word)
		printf("%" PRIu64
		       " targets are bare names that no effect has; the host cannot tell "
		       "what they are\n",
		       sum->targets_no_word);
}
