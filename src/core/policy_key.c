/* SPDX-License-Identifier: Apache-2.0 */
/* policy_key.c - what counts, sequences and folds are kept by */
#include "base/hash.h"
#include "core/policy_state.h"

static uint64_t hash_more(uint64_t h, uint64_t v)
{
	return mw_hash64(mw_slice(&v, sizeof(v)), h);
}

static bool text_part(struct mw_slice s, uint64_t *ret)
{
	if (s.n == 0)
		return false;
	*ret = mw_hash64(s, s.n);
	return true;
}

static bool number_part(uint64_t n, uint64_t *ret)
{
	if (n == 0)
		return false;
	*ret = n;
	return true;
}

static bool server_part(const struct mw_fact *f, uint64_t *ret)
{
	if (!f->server)
		return false;
	return text_part(f->server->key, ret) || number_part(f->server->id, ret);
}

bool mw_policy_key_part(unsigned int bit, const struct mw_fact *f, uint64_t *ret)
{
	uint64_t server, tool;

	switch (bit) {
	case MW_KEY_SERVER:
		return server_part(f, ret);
	case MW_KEY_TOOL:
		if (!server_part(f, &server) || !((f->call && text_part(f->call->tool, &tool)) ||
						  (f->tool && text_part(f->tool->name, &tool))))
			return false;
		*ret = hash_more(server, tool);
		return true;
	case MW_KEY_PRINCIPAL:
		return f->principal && number_part(f->principal->id, ret);
	case MW_KEY_SESSION:
		return f->call && number_part(f->call->session, ret);
	case MW_KEY_CALL:
		return f->call && number_part(f->call->id, ret);
	case MW_KEY_CLIENT:
		return f->server && number_part(f->server->client, ret);
	case MW_KEY_TARGET:
		return f->effect && f->effect->act && text_part(f->effect->act->target, ret);
	case MW_KEY_HTTP_SESSION:
		return f->call && text_part(f->call->http_session, ret);
	default:
		return false;
	}
}

bool mw_policy_key(const struct mw_rule_of *rule, unsigned int by, const struct mw_look_at *x,
		   bool any, uint8_t ret[16])
{
	uint64_t a = rule->id, b = hash_more(rule->id, by), part;

	for (unsigned int bit = 1; bit <= MW_KEY_HTTP_SESSION; bit <<= 1) {
		if (!(by & bit))
			continue;
		part = 0;
		if (x->missing & bit || !mw_policy_key_part(bit, x->f, &part)) {
			if (!any)
				return false;
			part = 0;
		}
		a = hash_more(a, part);
		b = hash_more(b, part);
	}
	memcpy(ret, &a, 8);
	memcpy(ret + 8, &b, 8);
	return true;
}

bool mw_policy_value_hash(uint32_t field, const struct mw_look_at *x, uint64_t *ret)
{
	struct mw_value v;
	char buf[64];

	mw_fact_get(x->f, x->kind, field, &v);
	if (!v.known)
		return false;
	*ret = mw_hash64(mw_value_text(field, &v, buf), field);
	return true;
}
