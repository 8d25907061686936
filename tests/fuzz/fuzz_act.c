/* SPDX-License-Identifier: Apache-2.0 */
/* Input: events, back to back; their lengths are made to fit, so that most are sound. */
#include "fuzz.h"

#include "core/act.h"
#include "core/event.h"
#include "core/proc.h"

static uint64_t aligned[MW_EVENT_MAX / 8];

static volatile uint8_t sink;

static void touch(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sink = s.p[i];
}

static void pull(struct mw_act *a, size_t *n_out)
{
	struct mw_action x;
	char name[16];

	while (mw_act_next(a, &x) == 1) {
		touch(x.target);
		touch(x.target2);
		touch(x.asked);
		touch(x.object);
		FUZZ_CHECK(memchr(x.mode, 0, sizeof(x.mode) - 1));
		touch(x.argv);
		FUZZ_CHECK(strcmp(mw_effect_kind_name(x.kind), "unknown") != 0);
		FUZZ_CHECK(strlen(mw_errno_name(x.ret, name)) < 20);
		/* a program's path is the kernel's, or not known: there is nothing to resolve */
		FUZZ_CHECK(x.target.n < 5 || memcmp(x.target.p, "/../", 4) != 0 || x.from_kernel ||
			   x.kind == MW_EFFECT_PROC_EXEC);
		(*n_out)++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_event_hdr *h = (struct mw_event_hdr *)(void *)aligned;
	size_t n_in = 0, n_out = 0;
	struct mw_procs *p;
	struct mw_act *a;

	FUZZ_CHECK(mw_act_new(&fuzz_alloc, 3, &a) == 0);
	FUZZ_CHECK(mw_procs_new(&fuzz_alloc, 4, &p) == 0);
	while (n >= sizeof(*h)) {
		size_t len;

		memcpy(h, data, sizeof(*h));
		len = (h->len & 0x3ff) / 8 * 8 + sizeof(*h);
		if (len > n)
			len = n / 8 * 8;
		memcpy(aligned, data, len);
		h->len = (uint32_t)len;
		data += len;
		n -= len;
		if (mw_event_check(h, len) != (int)len)
			continue;
		n_in++;
		FUZZ_CHECK(mw_procs_push(p, h) == 0);
		FUZZ_CHECK(mw_act_push(a, h) == 0);
		pull(a, &n_out);
		mw_act_tick(a, h->ts_ns);
		pull(a, &n_out);
	}
	mw_act_finish(a);
	pull(a, &n_out);
	FUZZ_CHECK(n_out <= 2 * n_in); /* never made twice; of a connection also its end */
	mw_act_free(a);
	mw_procs_free(p);
	return 0;
}
