/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_filter.c - what redaction makes of each line of stdin, for tests/redact/run
 *
 * A line is {"how": "json"|"head"|"text"|"target", "in": TEXT, "stop": bytes, "pii": bool} or
 * {"how": "argv", "in": [ARG, ...], ...}. Each gives one line: the JSON that a record would have,
 * of "head" its beginning, or an object with the one member "errno". pii: with the national ids of
 * every country.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/redact.h"
#include "io/rules.h"
#include "support.h"

#define OUT_MAX (64u << 20)

static void mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	const uint8_t *b = p;
	uint64_t h = 1469598103934665603u + (uint64_t)use;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 1099511628211u;
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(h >> (i % 8 * 8));
}

/* With the rules that are built in, and what a configuration adds; rules lives as long as it. */
static struct mw_redact *filter(struct mw_rules *rules, const char *more)
{
	struct mw_redact_error e = { 0 };
	struct mw_redact *x = NULL;
	char why[512] = "";
	struct mw_yaml_err err = { why, sizeof(why) };
	int r;

	r = mw_rules_add_default(rules, err);
	if (r == 0)
		r = mw_rules_add_text(rules, "more", more, strlen(more), err);
	if (r == 0)
		r = mw_rules_finish(rules, true, err);
	if (r == 0)
		r = mw_redact_new(&test_alloc, mw_rules_redact(rules), mac, NULL, &e, &x);
	if (r < 0) {
		fprintf(stderr, "redact_filter: %s%s: %s\n", why, e.why, strerror(-r));
		exit(1);
	}
	return x;
}

/* The arguments with a NUL after each. */
static int argv_of(const cJSON *in, struct mw_buf *ret)
{
	const cJSON *arg;
	int r = 0;

	cJSON_ArrayForEach(arg, in) if (r == 0) r =
	    mw_buf_append(ret, arg->valuestring, strlen(arg->valuestring) + 1);
	return r;
}

static int line(struct mw_redact *x, const cJSON *q, struct mw_buf *out)
{
	const char *how = cJSON_GetStringValue(cJSON_GetObjectItem(q, "how"));
	const cJSON *in = cJSON_GetObjectItem(q, "in");
	const char *text = cJSON_GetStringValue(in);
	bool lossy = false;
	int r;

	if (!how || (!text && !cJSON_IsArray(in)))
		return -EINVAL;
	if (cJSON_IsArray(in)) {
		struct mw_buf argv;

		mw_buf_init(&argv, &test_alloc, OUT_MAX);
		r = argv_of(in, &argv);
		if (r == 0)
			r = mw_redact_argv(x, out, mw_buf_slice(&argv), &lossy);
		mw_buf_done(&argv);
		return r;
	}
	if (strcmp(how, "json") == 0)
		return mw_redact_json(x, out, mw_slice_str(text), &lossy);
	if (strcmp(how, "head") == 0) {
		double stop = cJSON_GetNumberValue(cJSON_GetObjectItem(q, "stop"));

		r = mw_redact_json_head(x, out, mw_slice_str(text), (size_t)stop, &lossy);
		return r < 0 ? r : 0;
	}
	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = strcmp(how, "target") == 0
			? mw_redact_target(x, out, mw_slice_str(text), &lossy)
			: mw_redact_text(x, out, mw_slice_str(text), &lossy);
	return r < 0 ? r : mw_buf_append_byte(out, '"');
}

int main(void)
{
	struct mw_rules *rules[2] = { NULL, NULL };
	struct mw_redact *plain, *pii;
	struct mw_buf out;
	char *text = NULL;
	size_t cap = 0;

	if (mw_rules_new(&rules[0]) < 0 || mw_rules_new(&rules[1]) < 0)
		return 1;
	plain = filter(rules[0], "redact: {}");
	pii = filter(rules[1], "redact: {countries: [us, gb, de, fr, es, it, nl, pl, in, br]}");
	mw_buf_init(&out, &test_alloc, OUT_MAX);
	while (getline(&text, &cap, stdin) > 0) {
		cJSON *q = cJSON_Parse(text);
		int r;

		mw_buf_reset(&out, OUT_MAX);
		r = line(cJSON_IsTrue(cJSON_GetObjectItem(q, "pii")) ? pii : plain, q, &out);
		if (r < 0)
			printf("{\"errno\":%d}\n", -r);
		else
			printf("%.*s\n", (int)out.len, (const char *)out.p);
		cJSON_Delete(q);
	}
	free(text);
	mw_buf_done(&out);
	mw_redact_free(plain);
	mw_redact_free(pii);
	mw_rules_free(rules[0]);
	mw_rules_free(rules[1]);
	return 0;
}
