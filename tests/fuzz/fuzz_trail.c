/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte that says which format and what is tried, then a line of a trail; behind a NUL, if there is
 * one, a text of the host that it is held against.
 */
#include "fuzz.h"

#include "base/json.h"
#include "io/trail_args.h"
#include "io/trail_line.h"
#include "io/trail_target.h"

static const char *const formats[] = { "python-json", "pino", "logfmt", "mcpwatch" };

static void check_within(const struct mw_trail_entry *e)
{
	size_t i;
	unsigned int sum = 0;

	/* every byte may be read */
	for (i = 0; i < e->n_targets; i++)
		for (size_t k = 0; k < e->target[i].n; k++)
			sum += e->target[i].p[k];
	for (i = 0; i < e->tool.n; i++)
		sum += e->tool.p[i];
	for (i = 0; i < e->id.n; i++)
		sum += e->id.p[i];
	for (i = 0; i < e->user.n; i++)
		sum += e->user.p[i];
	FUZZ_CHECK(sum < UINT32_MAX);
	FUZZ_CHECK(e->n_targets <= MW_TRAIL_TARGETS);
	if (e->args.n)
		FUZZ_CHECK(mw_json_check(e->args, MW_JSON_DEPTH_MAX, NULL, NULL) == 0);
}

static void try_target(struct mw_slice text)
{
	struct mw_target t, again;
	struct mw_buf b, c;

	mw_buf_init(&b, &fuzz_alloc, 1 << 20);
	mw_buf_init(&c, &fuzz_alloc, 1 << 20);
	if (mw_target_parse(text, &b, &t) == 0) {
		/* what is in its form stays so */
		if (t.form == MW_TARGET_PATH) {
			FUZZ_CHECK(mw_target_parse(t.text, &c, &again) == 0);
			FUZZ_CHECK(mw_slice_eq(t.text, again.text));
			FUZZ_CHECK(again.form == MW_TARGET_PATH);
		}
		if (t.authority.n)
			FUZZ_CHECK(mw_target_same_authority(t.authority, t.authority));
	}
	mw_buf_done(&b);
	mw_buf_done(&c);
}

static void try_args(struct mw_slice trail, struct mw_slice host)
{
	struct mw_buf t, h, scratch;

	mw_buf_init(&t, &fuzz_alloc, 1 << 20);
	mw_buf_init(&h, &fuzz_alloc, 1 << 20);
	mw_buf_init(&scratch, &fuzz_alloc, 1 << 20);
	if (trail.n && trail.p[0] == '{' && mw_json_canonical(trail, &t) == 0 && host.n &&
	    host.p[0] == '{' && mw_json_canonical(host, &h) == 0) {
		const bool marked = mw_trail_marked(mw_buf_slice(&h));

		(void)mw_trail_args(mw_buf_slice(&t), mw_buf_slice(&h), marked, &scratch);
		/* nothing is unlike itself */
		FUZZ_CHECK(mw_trail_args(mw_buf_slice(&h), mw_buf_slice(&h), marked, &scratch) !=
			   MW_REL_UNLIKE);
	}
	(void)mw_trail_fits(trail, host);
	FUZZ_CHECK(mw_trail_fits(host, host) || mw_trail_marked(host));
	mw_buf_done(&t);
	mw_buf_done(&h);
	mw_buf_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct mw_trail_parser *parser[4];
	struct mw_trail_entry e;
	struct mw_slice line, host = { NULL, 0 };
	const uint8_t *nul;
	const char *why = NULL;
	size_t at = 0;
	int64_t ns;

	if (n < 1)
		return 0;
	for (int i = 0; i < 4 && !parser[i]; i++)
		FUZZ_CHECK(mw_trail_parser_new(mw_trail_preset(formats[i]), &parser[i]) == 0);
	line = mw_slice(data + 1, n - 1);
	nul = line.n ? memchr(line.p, '\0', line.n) : NULL;
	if (nul) {
		host = mw_slice(nul + 1, line.n - (size_t)(nul - line.p) - 1);
		line.n = (size_t)(nul - line.p);
	}
	if (mw_trail_parse(parser[data[0] & 3], line, &why, &at, &e) == 0)
		check_within(&e);
	else
		FUZZ_CHECK(why && at <= 8 * line.n + 2);
	(void)mw_trail_guess(line);
	(void)mw_trail_time(mw_trail_preset("json"), line, &ns);
	try_target(line);
	try_args(line, host);
	return 0;
}
