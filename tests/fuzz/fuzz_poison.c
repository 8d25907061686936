/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a raw JSON value, or any text, which becomes a string of one. */
#include "fuzz.h"

#include "base/json.h"
#include "core/poison_priv.h"

static struct mw_poison_scan *scanner(void)
{
	static struct mw_poison_scan *p;

	if (!p)
		FUZZ_CHECK(mw_poison_new(&fuzz_alloc, &p) == 0);
	return p;
}

static void scan(struct mw_slice json)
{
	const struct mw_slice others[] = { MW_SLICE_LIT("send_mail"), MW_SLICE_LIT("search") };
	struct mw_poison_found f, again;
	volatile uint8_t touched;

	FUZZ_CHECK(mw_poison_scan(scanner(), json, MW_SLICE_LIT("self"), others, 2, &f) == 0);
	FUZZ_CHECK(f.score <= 100 && f.bits < 256);
	/* the path lies in memory that is there */
	for (size_t i = 0; i < f.at.n; i++)
		touched = f.at.p[i];
	FUZZ_CHECK(mw_poison_scan(scanner(), json, MW_SLICE_LIT("self"), others, 2, &again) == 0);
	FUZZ_CHECK(f.score == again.score && f.bits == again.bits);
	FUZZ_CHECK(mw_poison_scan_data(scanner(), json, &f) == 0);
	/* what was remembered of strings changes nothing */
	FUZZ_CHECK(mw_poison_scan_data(scanner(), json, &again) == 0);
	FUZZ_CHECK(f.score == again.score && f.bits == again.bits &&
		   f.n_strings == again.n_strings);
	(void)touched;
}

/* What is passed over would have counted nothing. */
static void pass_over(struct mw_slice text, bool key)
{
	struct mw_poison_scan *p = scanner();
	struct mw_poison_text t;

	p->data = true;
	if (!mw_poison_is_quiet(p, text, key))
		return;
	FUZZ_CHECK(mw_poison_look(p, text, key, !key, &t) == 0);
	FUZZ_CHECK(t.score == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_buf b;

	scan(mw_slice(data, n));
	pass_over(mw_slice(data, n), false);
	pass_over(mw_slice(data, n), true);
	mw_buf_init(&b, &fuzz_alloc, 1 << 22);
	FUZZ_CHECK(mw_buf_append_str(&b, "{\"description\":\"") == 0);
	FUZZ_CHECK(mw_json_escape(&b, mw_slice(data, n), NULL) == 0);
	FUZZ_CHECK(mw_buf_append_str(&b, "\"}") == 0);
	scan(mw_buf_slice(&b));
	mw_buf_done(&b);
	return 0;
}
