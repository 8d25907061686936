/* SPDX-License-Identifier: Apache-2.0 */
/* engine_content.c - how much of what was said stands in the records of a server */
#include "core/engine_priv.h"
#include "core/policy_priv.h"

#define GLOB_STEPS 65536

void mw_engine_content(struct mw_engine *e, const struct mw_content_rule *content, size_t n)
{
	e->cfg.content = content;
	e->cfg.n_content = n;
}

static bool fits(const char *glob, struct mw_slice name)
{
	uint64_t steps = GLOB_STEPS;

	return name.n && mw_glob(mw_slice_str(glob), name, &steps);
}

enum mw_content mw_eng_content(struct mw_engine *e, const struct mw_server *sv)
{
	enum mw_content keep = MW_CONTENT_FULL;
	struct mw_buf key;

	if (!sv || !e->cfg.n_content)
		return keep;
	mw_buf_init(&key, e->a, MW_ENG_KEY_MAX);
	mw_eng_note_error(e, mw_eng_server_key(e, sv, &key));
	for (size_t i = 0; i < e->cfg.n_content; i++) {
		const struct mw_content_rule *rule = &e->cfg.content[i];

		if (fits(rule->server, mw_eng_configured_name(e, sv)) ||
		    fits(rule->server, mw_buf_slice(&key))) {
			keep = rule->keep;
			break;
		}
	}
	mw_buf_done(&key);
	return keep;
}

void mw_eng_put_content_mark(struct mw_emit *r, enum mw_content keep)
{
	mw_emit_str(r, "content",
		    keep == MW_CONTENT_ARGS   ? "args"
		    : keep == MW_CONTENT_HASH ? "hash"
					      : NULL);
}

bool mw_eng_put_content(struct mw_emit *r, const char *key, struct mw_slice value, size_t max,
			bool keep)
{
	const size_t at = r->out->len;
	const bool lossy = r->lossy;
	/* what is not kept is still looked at for secrets, which rules ask for */
	const bool whole = mw_emit_json(r, key, value, max);

	if (!keep && !r->error) {
		r->out->len = at;
		r->lossy = lossy;
	}
	return whole;
}
