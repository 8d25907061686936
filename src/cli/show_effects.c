/* SPDX-License-Identifier: Apache-2.0 */
/* show_effects.c - the effects of a shown call, each with its tie and the evidence of it */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "io/escape.h"
#include "io/render.h"

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void text(const char *s)
{
	mw_escape_print(stdout, s, strlen(s));
}

/* The calls that its own record leaves open. */
static void candidates(const cJSON *json, const char *head)
{
	const cJSON *list = get(json, "candidates"), *e;

	if (!cJSON_GetArraySize(list))
		return;
	printf("        %s:", head);
	cJSON_ArrayForEach(e, list)
	{
		putchar(' ');
		text(cJSON_IsString(e) ? e->valuestring : "?");
	}
	putchar('\n');
}

/* What was known when it was written, where the call's end settled it otherwise. */
static void first_said(const cJSON *json, const char *settled)
{
	const char *link = mw_rec_str(json, "link"), *why = mw_rec_str(json, "why");

	if (!link || !settled || strcmp(link, settled) == 0)
		return;
	printf("        when it was done: ");
	text(link);
	if (why) {
		fputs(", ", stdout);
		text(why);
	}
	puts("; the call's answer settled it");
}

static void effect(const struct mw_shown *s, const struct mw_kept *k, bool why)
{
	static const char *const extra[][2] = {
		{ "asked", "asked for as" },
		{ "host_target", "on the host" },
		{ "exe", "done by" },
	};
	const cJSON *tie = mw_shown_tie(s, k->seq), *json = k->json, *from = tie ? tie : json;
	const char *target = mw_rec_str(json, "target"), *target2 = mw_rec_str(json, "target2");
	const char *link = mw_rec_str(from, "link"), *confidence = mw_rec_str(from, "confidence");
	const char *mode = mw_rec_str(json, "mode"), *result = mw_rec_str(json, "result");
	const char *basis = mw_rec_str(from, "basis"), *reason = mw_rec_str(from, "why");
	const char *kind = mw_rec_str(json, "kind"), *target_from = mw_rec_str(json, "target_from");
	size_t i;

	if (!json) {
		printf("    record %" PRIu64 " is too deep to show\n", k->seq);
		return;
	}
	fputs("    ", stdout);
	text(kind ? kind : "effect");
	if (target) {
		putchar(' ');
		text(target);
	}
	if (target2) {
		fputs(" -> ", stdout);
		text(target2);
	}
	if (mode) {
		fputs("  ", stdout);
		text(mode);
	}
	if (result) {
		fputs("  ", stdout);
		text(result);
	}
	printf("  %s", confidence ? confidence : "none");
	if (link && (!confidence || strcmp(link, confidence) != 0))
		printf(" (%s)", link);
	printf("  [%" PRIu64 "]\n", k->seq);
	if (!why)
		return;
	if (reason) {
		fputs("        why: ", stdout);
		text(reason);
		if (basis)
			printf(" (on the word of the %s)", basis);
		putchar('\n');
	}
	if (tie)
		first_said(json, link);
	candidates(json, "open then");
	if (cJSON_IsTrue(get(json, "after")))
		puts("        it was done after the call's answer");
	if (target_from && strcmp(target_from, "string") == 0)
		puts("        the target is what was asked for, not proof of the object");
	for (i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {
		const cJSON *pid = get(json, "pid");

		if (!mw_rec_str(json, extra[i][0]))
			continue;
		printf("        %s ", extra[i][1]);
		text(mw_rec_str(json, extra[i][0]));
		if (i == 2 && cJSON_IsNumber(pid))
			printf(", pid %.0f", pid->valuedouble);
		putchar('\n');
	}
}

void mw_shown_effects(const struct mw_shown *s, const struct mw_kept_list *l, const char *head,
		      bool why)
{
	size_t i;

	if (!l->n)
		return;
	printf("  %s\n", head);
	for (i = 0; i < l->n; i++)
		effect(s, &l->p[i], why);
}

void mw_shown_missing_effects(const struct mw_shown *s)
{
	const cJSON *n = s->call.n ? get(s->call.p[0].json, "effects_n") : NULL;

	if (cJSON_IsNumber(n) && n->valuedouble > (double)s->effects.n)
		printf("    and %.0f more that the call's record counts\n",
		       n->valuedouble - (double)s->effects.n);
}
