/* SPDX-License-Identifier: Apache-2.0 */
/* Input: datagrams, each behind two bytes: its direction and process, its length. */
#include "fuzz.h"

#include <sys/socket.h>

#include "core/dns.h"
#include "core/resolve.h"

static union {
	struct mw_ev_dgram ev;
	uint8_t room[sizeof(struct mw_ev_dgram) + 256];
} u;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct mw_dns d;
	struct mw_slice names[MW_RESOLVE_GIVEN_MAX];
	struct mw_resolve *r;
	struct mw_action a;
	uint64_t ts = 1, n_in = 0, n_out = 0;

	FUZZ_CHECK(mw_resolve_new(&fuzz_alloc, &r) == 0);
	while (n >= 2) {
		size_t len = data[1] < n - 2 ? data[1] : n - 2;

		u.ev =
		    (struct mw_ev_dgram){ .hdr = { .tgid = 1 + (data[0] >> 1 & 3u), .ts_ns = ++ts },
					  .chan = 1,
					  .peer = { .family = AF_INET, .port = 53 },
					  .dir = data[0] & 1,
					  .len = (uint32_t)len,
					  .captured = (uint32_t)len };
		memcpy(u.room + sizeof(u.ev), data + 2, len);
		if (mw_dns_parse(mw_slice(data + 2, len), &d) == 0) {
			FUZZ_CHECK(d.name.n > 0 && d.name.n <= MW_DNS_NAME_MAX);
			for (size_t i = 0; i < d.name.n; i++)
				FUZZ_CHECK(d.name.s[i] > ' ' && d.name.s[i] < 0x7f);
			FUZZ_CHECK(d.n_answers <= MW_DNS_ANSWERS_MAX);
			for (size_t i = 0; i < d.n_answers; i++)
				FUZZ_CHECK(
				    d.answers[i].addr.family ||
				    (d.answers[i].target && d.answers[i].target <= d.n_names));
			n_in++;
		}
		FUZZ_CHECK(mw_resolve_push(r, &u.ev) == 0);
		while (mw_resolve_next(r, &a))
			n_out++;
		for (size_t i = 0; i < d.n_answers; i++)
			FUZZ_CHECK(mw_resolve_names(r, &d.answers[i].addr,
						    (struct mw_prockey){ 0, 1 }, ts, NULL, NULL,
						    names) <= MW_RESOLVE_GIVEN_MAX);
		data += 2 + len;
		n -= 2 + len;
	}
	mw_resolve_tick(r, ts + 2 * MW_RESOLVE_WAIT_NS);
	mw_resolve_finish(r);
	while (mw_resolve_next(r, &a))
		n_out++;
	FUZZ_CHECK(n_out <= n_in);
	mw_resolve_free(r);
	return 0;
}
