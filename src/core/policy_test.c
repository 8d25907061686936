/* SPDX-License-Identifier: Apache-2.0 */
/* policy_test.c - one test of a field, compiled */
#include <errno.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "core/host.h"
#include "core/policy_priv.h"
#include "core/power.h"
#include "core/redact_set.h"

int mw_refuse(const struct mw_compile *c, const char *why)
{
	c->error->why = why;
	return -EINVAL;
}

/* --- which test a field of a type may have ------------------------------------------------------
 */

#define OP(x) (1u << MW_COND_##x)
#define ORDER (OP(LT) | OP(LE) | OP(GT) | OP(GE))
#define WORDS                                                                                      \
	(OP(EQ) | OP(IEQ) | OP(CONTAINS) | OP(ICONTAINS) | OP(STARTSWITH) | OP(ENDSWITH) |         \
	 OP(GLOB) | OP(REGEX))

static unsigned int ops_of(enum mw_field_type type)
{
	switch (type) {
	case MW_FIELD_BOOL:
		return OP(EXISTS) | OP(EQ) | OP(SAME);
	case MW_FIELD_NUMBER:
		return OP(EXISTS) | OP(EQ) | ORDER | OP(SAME);
	case MW_FIELD_TEXT:
		return OP(EXISTS) | WORDS | OP(UNDER) | OP(CIDR) | OP(HOST) | OP(SAME);
	case MW_FIELD_TEXTS:
		return OP(EXISTS) | WORDS | OP(UNDER) | OP(CIDR) | OP(HOST);
	case MW_FIELD_ENUM:
		return OP(EXISTS) | WORDS | OP(SAME);
	case MW_FIELD_ADDR:
		return OP(EXISTS) | OP(EQ) | OP(CIDR) | OP(SAME);
	case MW_FIELD_POWER:
		return OP(EXISTS) | OP(EQ);
	}
	return 0;
}

/* --- values -------------------------------------------------------------------------------------
 */

static int lower_new(const struct mw_compile *c, struct mw_slice s, struct mw_slice *ret)
{
	uint8_t *p = mw_arena_zero(c->arena, s.n + 1);

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < s.n; i++)
		p[i] = mw_lower(s.p[i]);
	*ret = mw_slice(p, s.n);
	return 0;
}

/* A set of all values, in lower case if so wished. */
static int strs_of(const struct mw_compile *c, struct mw_test *t, bool lower)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct mw_slice s = t->v[i].text;

		if (lower)
			r = lower_new(c, s, &s);
		if (r == 0)
			r = mw_strs_add(c->a, &t->strs, s);
	}
	return r;
}

static int hosts_of(const struct mw_compile *c, struct mw_test *t)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct mw_slice s = t->v[i].text;

		if (s.n > 1 && s.p[0] == '*' && s.p[1] == '.')
			s = mw_slice_from(s, 1);
		if (s.n && s.p[0] == '.')
			s = mw_slice_from(s, 1);
		if (s.n && s.p[s.n - 1] == '.')
			s.n--;
		if (s.n == 0 || s.n > MW_HOST_MAX)
			return mw_refuse(c, "a host name is empty or longer than 253 bytes");
		r = lower_new(c, s, &s);
		if (r == 0)
			r = mw_strs_add(c->a, &t->strs, s);
	}
	return r;
}

void mw_net_key(const uint8_t addr[16], unsigned int bits, uint8_t ret[17])
{
	memset(ret, 0, 17);
	memcpy(ret, addr, bits / 8);
	if (bits % 8)
		ret[bits / 8] = (uint8_t)(addr[bits / 8] & 0xff00u >> bits % 8);
	ret[16] = (uint8_t)bits;
}

/* Networks as texts of their bytes; `len` has the numbers of their bits. */
static int nets_of(const struct mw_compile *c, struct mw_test *t)
{
	uint8_t *key;
	size_t k;
	int r;

	for (size_t i = 0; i < t->n; i++) {
		const struct mw_cond_value *v = &t->v[i];

		if (v->net_bits > 128)
			return mw_refuse(c, "a network has at most 128 bits");
		key = mw_arena_zero(c->arena, 17);
		if (!key)
			return -ENOMEM;
		mw_net_key(v->net, v->net_bits, key);
		r = mw_strs_add(c->a, &t->strs, mw_slice(key, 17));
		if (r == 0)
			r = mw_grow(c->a, &t->bits, &t->cap_bits, t->n_bits + 1, sizeof(*t->bits));
		if (r < 0)
			return r;
		for (k = 0; k < t->n_bits && t->bits[k] != v->net_bits; k++)
			;
		if (k == t->n_bits)
			t->bits[t->n_bits++] = v->net_bits;
	}
	return 0;
}

static int addrs_of(const struct mw_compile *c, struct mw_test *t)
{
	struct mw_addr a;
	uint8_t *key;
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		key = mw_arena_zero(c->arena, 16);
		if (!key)
			return -ENOMEM;
		if (!mw_host_parse(t->v[i].text, 0, &a) || !mw_fact_addr(&a, key))
			return mw_refuse(c, "a value is no address");
		r = mw_strs_add(c->a, &t->strs, mw_slice(key, 16));
	}
	return r;
}

static int numbers_of(const struct mw_compile *c, struct mw_test *t)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		if (!t->v[i].is_number)
			return mw_refuse(c, "a value is no number");
		r = mw_strs_add(c->a, &t->strs, mw_slice(&t->v[i].number, sizeof(int64_t)));
	}
	return r;
}

static int paths_of(const struct mw_compile *c, struct mw_test *t)
{
	int r = mw_paths_new(c->a, &t->paths);

	for (size_t i = 0; i < t->n && r == 0; i++)
		r = mw_paths_add(t->paths, t->v[i].text, 0);
	return r == -EINVAL ? mw_refuse(c, "a path begins with \"/\" or \"~/\", and is no longer "
					   "than 4096 bytes")
			    : r;
}

/* Many words in one pass; of few, or where some are too short for that, each is looked for. */
static int words_of(const struct mw_compile *c, struct mw_test *t)
{
	struct mw_slice s;
	int r = 0;

	if (t->n < MW_WORDS_MIN)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].text.n < 2 || t->v[i].text.n > MW_SET_WORD_MAX ||
		    memchr(t->v[i].text.p, 0, t->v[i].text.n))
			return 0;
	r = mw_words_new(c->a, &t->words);
	for (size_t i = 0; i < t->n && r == 0; i++) {
		r = lower_new(c, t->v[i].text, &s); /* with a NUL behind it */
		if (r == 0)
			r = mw_words_add(t->words, (const char *)s.p, (uint32_t)i);
	}
	return r == -EINVAL ? mw_refuse(c, "too many values") : r;
}

static int codes_of(const struct mw_compile *c, struct mw_test *t)
{
	const uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_SIZE offset;
	int err;

	t->code = mw_alloc_zero(c->a, t->n * sizeof(*t->code));
	if (!t->code)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		const struct mw_slice s = t->v[i].text;

		t->code[i] = s.n > MW_PATTERN_MAX
				 ? NULL
				 : pcre2_compile(s.p, s.n, options, &err, &offset, c->pcre);
		if (t->code[i])
			continue;
		if (s.n > MW_PATTERN_MAX)
			return mw_refuse(c, "a pattern is longer than 64 KiB");
		if (err == PCRE2_ERROR_HEAP_FAILED)
			return -ENOMEM;
		c->error->offset = offset;
		return mw_refuse(c, "a pattern does not compile");
	}
	return 0;
}

/* --- fields of few values: which of them hold ---------------------------------------------------
 */

static unsigned int enum_find(uint32_t field, struct mw_slice name)
{
	for (unsigned int i = 0; i < 64; i++) {
		const char *s = mw_fact_enum_name(field, i);

		if (s && mw_slice_lower_eq(name, s))
			return i;
	}
	return 64;
}

/* Tries a text's test on each name: what it then holds for is a mask, and the test that. */
static int mask_of_words(const struct mw_compile *c, struct mw_test *t, uint64_t *ret)
{
	struct mw_test as_text = { .op = t->op, .type = MW_FIELD_TEXT, .v = t->v, .n = t->n };
	int r = mw_test_init(c, &as_text);

	for (unsigned int i = 0; i < 64 && r == 0; i++) {
		const char *s = mw_fact_enum_name(t->field, i);

		if (s && mw_test_text(&as_text, NULL, mw_slice_str(s)))
			*ret |= 1ull << i;
	}
	mw_test_done(c->a, &as_text);
	return r;
}

static int mask_of_enum(const struct mw_compile *c, struct mw_test *t)
{
	if (t->op == MW_COND_REGEX)
		return mw_refuse(c, "a field of few values takes no pattern: name them");
	if (t->op != MW_COND_EQ && t->op != MW_COND_IEQ)
		return mask_of_words(c, t, &t->mask);
	for (size_t i = 0; i < t->n; i++) {
		unsigned int v = enum_find(t->field, t->v[i].text);

		if (v == 64)
			return mw_refuse(c, "the field never has this value");
		t->mask |= 1ull << v;
	}
	return 0;
}

static int mask_of_power(const struct mw_compile *c, struct mw_test *t)
{
	for (size_t i = 0; i < t->n; i++) {
		unsigned int k = 0;

		while (k < MW_POWERS && !mw_slice_eq_str(t->v[i].text, mw_power_name(k)))
			k++;
		if (k == MW_POWERS)
			return mw_refuse(c, "there is no such power");
		t->mask |= 1u << k;
	}
	return 0;
}

static int truth_of(const struct mw_compile *c, struct mw_test *t)
{
	static const char *const yes[] = { "true", "yes", "1" }, *const no[] = { "false", "no",
										 "0" };

	for (size_t i = 0; i < t->n; i++) {
		unsigned int k = 0;

		for (; k < 3; k++)
			if (mw_slice_eq_str(t->v[i].text, yes[k]) ||
			    mw_slice_eq_str(t->v[i].text, no[k]))
				break;
		if (k == 3)
			return mw_refuse(c, "a value is neither true nor false");
		t->mask |= mw_slice_eq_str(t->v[i].text, yes[k]) ? 2u : 1u;
	}
	return 0;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static int text_init(const struct mw_compile *c, struct mw_test *t)
{
	switch (t->op) {
	case MW_COND_EQ:
		return strs_of(c, t, false);
	case MW_COND_IEQ:
		return t->longest > MW_IEQ_MAX ? mw_refuse(c, "a value is longer than 1024 bytes")
					       : strs_of(c, t, true);
	case MW_COND_STARTSWITH:
	case MW_COND_ENDSWITH:
		return t->n < MW_WORDS_MIN ? 0 : strs_of(c, t, false);
	case MW_COND_CONTAINS:
	case MW_COND_ICONTAINS:
		return words_of(c, t);
	case MW_COND_REGEX:
		return codes_of(c, t);
	case MW_COND_UNDER:
		return paths_of(c, t);
	case MW_COND_CIDR:
		return nets_of(c, t);
	case MW_COND_HOST:
		return hosts_of(c, t);
	default:
		return 0;
	}
}

int mw_test_init(const struct mw_compile *c, struct mw_test *t)
{
	if (!(ops_of(t->type) & 1u << t->op))
		return mw_refuse(c, "a field of this type has no such test");
	if (t->op == MW_COND_EXISTS || t->op == MW_COND_SAME)
		return t->n ? mw_refuse(c, "this test takes no value") : 0;
	if (t->n == 0)
		return mw_refuse(c, "a test without a value");
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].text.n > t->longest)
			t->longest = t->v[i].text.n;
	if (ORDER & 1u << t->op && t->n > 1)
		return mw_refuse(c, "this test takes one value");
	switch (t->type) {
	case MW_FIELD_BOOL:
		return truth_of(c, t);
	case MW_FIELD_NUMBER:
		return numbers_of(c, t);
	case MW_FIELD_ENUM:
		return mask_of_enum(c, t);
	case MW_FIELD_POWER:
		return mask_of_power(c, t);
	case MW_FIELD_ADDR:
		return t->op == MW_COND_CIDR ? nets_of(c, t) : addrs_of(c, t);
	default:
		return text_init(c, t);
	}
}

void mw_test_done(const struct mw_alloc *a, struct mw_test *t)
{
	for (size_t i = 0; t->code && i < t->n; i++)
		pcre2_code_free(t->code[i]);
	mw_alloc_free(a, t->code, t->n * sizeof(*t->code));
	mw_strs_done(a, &t->strs);
	mw_alloc_free(a, t->bits, t->cap_bits * sizeof(*t->bits));
	mw_paths_free(t->paths);
	mw_words_free(t->words);
}
