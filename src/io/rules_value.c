/* SPDX-License-Identifier: Apache-2.0 */
/* rules_value.c - what a test compares with: numbers, durations, networks, hosts, paths */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "core/fact_field.h"
#include "core/power.h"
#include "io/rules_priv.h"

#define WEEK_NS (7ull * 24 * 3600 * 1000000000ull)

/* Digits, and what stands behind them. */
static int digits(struct mw_slice text, uint64_t *ret, struct mw_slice *ret_unit)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
			return -EINVAL;
	if (!i)
		return -EINVAL;
	*ret_unit = mw_slice_from(text, i);
	*ret = v;
	return 0;
}

int mw_rules_duration(struct mw_slice text, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ms", 1000000ull },
		{ "s", 1000000000ull },
		{ "m", 60 * 1000000000ull },
		{ "h", 3600 * 1000000000ull },
		{ "d", 24 * 3600 * 1000000000ull },
	};
	struct mw_slice unit;
	uint64_t v;
	size_t i;

	if (digits(text, &v, &unit) < 0)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (mw_slice_eq_str(unit, units[i].name)) {
			if (__builtin_mul_overflow(v, units[i].ns, &v) || v > WEEK_NS)
				return -EINVAL;
			*ret_ns = v;
			return 0;
		}
	return -EINVAL;
}

int mw_rules_size(struct mw_slice text, int64_t *ret)
{
	static const struct {
		const char *name;
		unsigned int shift;
	} sizes[] = { { "", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 } };
	struct mw_slice unit;
	uint64_t v;
	size_t i;

	if (digits(text, &v, &unit) < 0)
		return -EINVAL;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (mw_slice_eq_str(unit, sizes[i].name)) {
			if (v > (uint64_t)INT64_MAX >> sizes[i].shift)
				return -EINVAL;
			*ret = (int64_t)(v << sizes[i].shift);
			return 0;
		}
	return -EINVAL;
}

static int number(const struct mw_fact_field *field, struct mw_slice text, int64_t *ret)
{
	bool negative = text.n && text.p[0] == '-';
	struct mw_slice unit;
	uint64_t v;
	int64_t n;

	if (negative)
		text = mw_slice_from(text, 1);
	if (digits(text, &v, &unit) < 0)
		return -EINVAL;
	if (unit.n && mw_slice_ends(mw_slice_str(field->name), MW_SLICE_LIT("_ms"))) {
		if (mw_rules_duration(text, &v) < 0)
			return -EINVAL;
		n = (int64_t)(v / 1000000);
	} else if ((unit.n && !strstr(field->name, "bytes")) || mw_rules_size(text, &n) < 0) {
		return -EINVAL;
	}
	*ret = negative ? -n : n;
	return 0;
}

/* NULL, or why it is none. */
static const char *network(struct mw_slice text, struct mw_cond_value *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };
	const uint8_t *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	unsigned int most = 128, i;
	struct mw_slice rest;
	uint64_t bits = 128;
	char buf[64];

	if (n >= sizeof(buf))
		return "no network; one is 10.0.0.0/8 or fd00::/8";
	memcpy(buf, text.p, n);
	buf[n] = '\0';
	memset(ret->net, 0, sizeof(ret->net));
	if (inet_pton(AF_INET, buf, ret->net + 12) == 1) {
		memcpy(ret->net, mapped, sizeof(mapped));
		most = 32;
	} else if (inet_pton(AF_INET6, buf, ret->net) != 1) {
		return "no network; one is 10.0.0.0/8 or fd00::/8";
	}
	bits = most;
	if (slash && (digits(mw_slice(slash + 1, text.n - n - 1), &bits, &rest) < 0 || rest.n ||
		      bits > most))
		return most == 32 ? "a network whose length is not from 0 to 32"
				  : "a network whose length is not from 0 to 128";
	bits += 128 - most;
	for (i = (unsigned int)bits; i < 128; i++)
		if (ret->net[i / 8] & 0x80u >> i % 8)
			return "a network with bits set beyond its length";
	ret->net_bits = (uint8_t)bits;
	return NULL;
}

static const char *path(struct mw_slice text, struct mw_cond_value *ret)
{
	size_t i, k;

	if (text.p[0] != '/' && text.p[0] != '~')
		return "no absolute path; one begins with '/' or with '~/'";
	if (text.p[0] == '~' && text.n > 1 && text.p[1] != '/')
		return "no path: '~' is the home of the process's user, and a '/' follows it";
	while (text.n > 1 && text.p[text.n - 1] == '/')
		text.n--;
	for (i = 0; i < text.n; i = k + 1) {
		for (k = i; k < text.n && text.p[k] != '/'; k++)
			;
		if ((i && k == i && k < text.n) || (k - i == 1 && text.p[i] == '.') ||
		    (k - i == 2 && text.p[i] == '.' && text.p[i + 1] == '.'))
			return "a path with an empty, '.' or '..' part, which no target has";
	}
	ret->text = text;
	return NULL;
}

static const char *host(struct mw_yaml *y, struct mw_slice text, struct mw_cond_value *ret)
{
	uint8_t *low;
	size_t i;

	if (text.p[0] == '*' || text.p[0] == '.')
		return "no host name; 'example.com' is it and all below it";
	low = mw_yaml_alloc(y, text.n, 1);
	if (!low)
		return "too much for the memory";
	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '/' || c == ':' || c == '@' || c <= ' ' || c == '*')
			return "no host name";
		low[i] = mw_lower(c);
	}
	ret->text = mw_slice(low, text.n);
	return NULL;
}

/* Whether the text is one of those that the field can have. */
static bool one_of(uint32_t field, struct mw_slice text)
{
	bool power = mw_fact_field_at(field)->type == MW_FIELD_POWER;
	const char *name;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		name = power ? mw_power_name(i) : mw_fact_enum_name(field, i);
		if (name && mw_slice_eq_str(text, name))
			return true;
		if (power && !name)
			break;
	}
	return false;
}

int mw_rules_value(struct mw_yaml *y, uint32_t index, enum mw_cond_op op, struct mw_slice text,
		   struct mw_cond_value *ret, char *why, size_t len)
{
	const struct mw_fact_field *field = mw_fact_field_at(index);
	struct mw_cond_value v = { .text = text };
	const char *fault = NULL;

	if (!text.n)
		fault = "nothing, which no test is true of";
	else if (op == MW_COND_CIDR)
		fault = network(text, &v);
	else if (op == MW_COND_UNDER)
		fault = path(text, &v);
	else if (op == MW_COND_HOST)
		fault = host(y, text, &v);
	else if (field->type == MW_FIELD_NUMBER) {
		v.is_number = true;
		if (number(field, text, &v.number) < 0)
			fault = mw_slice_ends(mw_slice_str(field->name), MW_SLICE_LIT("_ms"))
				    ? "no number of milliseconds; 1500, 5s and 2m are"
				: strstr(field->name, "bytes")
				    ? "no number of bytes; 4096, 64KiB and 10MiB are"
				    : "no number";
	} else if ((op == MW_COND_EQ || op == MW_COND_IEQ) &&
		   (field->type == MW_FIELD_ENUM || field->type == MW_FIELD_POWER) &&
		   !one_of(index, text))
		fault = "never a value of it";
	if (fault) {
		snprintf(why, len, "'%.*s' is %s", (int)(text.n < 80 ? text.n : 80),
			 (const char *)text.p, fault);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* --- near names ---------------------------------------------------------------------------- */

/* How many letters differ (Levenshtein), up to 64 bytes. */
static size_t distance(struct mw_slice a, struct mw_slice b)
{
	size_t row[65], i, j, up, diagonal;

	if (a.n > 64 || b.n > 64)
		return SIZE_MAX;
	for (j = 0; j <= b.n; j++)
		row[j] = j;
	for (i = 0; i < a.n; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (j = 0; j < b.n; j++) {
			size_t best = diagonal + (a.p[i] != b.p[j]);

			up = row[j + 1];
			if (up + 1 < best)
				best = up + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			diagonal = up;
			row[j + 1] = best;
		}
	}
	return row[b.n];
}

void mw_rules_near_try(struct mw_rules_near *near, const char *known)
{
	size_t d = distance(near->name, mw_slice_str(known));

	/* a third of it mistyped is another word */
	if (d > 3 || d > near->name.n / 3 || (near->best && d >= near->distance))
		return;
	near->best = known;
	near->distance = d;
}

const char *mw_rules_near_say(const struct mw_rules_near *near, char *buf, size_t len)
{
	if (!near->best)
		return "";
	snprintf(buf, len, "; did you mean '%s'?", near->best);
	return buf;
}
