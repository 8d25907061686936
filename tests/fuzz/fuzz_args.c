/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a target, a newline, the raw JSON of arguments. */
#include "fuzz.h"

#include <sys/socket.h>

#include "base/json.h"
#include "core/args.h"
#include "core/host.h"

#define MAX 4096

/* Whether a string outside nested JSON is the target, found the slow way. */
static bool stands_in(struct mw_slice json, struct mw_slice target)
{
	struct mw_json_item it;
	struct mw_json j;

	mw_json_init(&j, json, 256);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING && mw_json_str_eq_slice(it.raw, target))
			return true;
	return false;
}

static enum mw_args_hit ask(const struct mw_args *x, enum mw_effect_kind kind, struct mw_slice target)
{
	struct mw_action act = { .kind = kind, .target = target, .asked = target, .argv = target };
	struct mw_args_query q;
	enum mw_args_hit hit;

	mw_args_query_init(&q, &act);
	hit = mw_args_match(x, &q);
	FUZZ_CHECK(hit == mw_args_match(x, &q));
	return hit;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *nl = n ? memchr(data, '\n', n) : NULL;
	struct mw_action act = { .kind = MW_EFFECT_NET_CONNECT };
	struct mw_args_query q;
	struct mw_slice target, json;
	struct mw_args *x;

	if (!nl)
		return 0;
	target = mw_slice(data, (size_t)(nl - data));
	json = mw_slice(nl + 1, n - target.n - 1);
	FUZZ_CHECK(mw_args_new(&fuzz_alloc, json, MAX, &x) == 0);
	if (target.n && target.n < 1000 && mw_args_whole(x) && stands_in(json, target))
		FUZZ_CHECK(ask(x, MW_EFFECT_FILE_OPEN, target) == MW_ARGS_EXACT);
	ask(x, MW_EFFECT_PROC_EXEC, target);
	ask(x, MW_EFFECT_NET_CONNECT, target);
	if (mw_host_parse(target, 0, &act.peer) && act.peer.family != AF_UNSPEC) {
		mw_args_query_init(&q, &act);
		if (mw_args_whole(x) && act.peer.port && stands_in(json, target))
			FUZZ_CHECK(mw_args_match(x, &q) == MW_ARGS_EXACT);
	}
	(void)mw_host_url(target, &act.peer);
	mw_args_free(x);
	return 0;
}
