/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_random.c - whether bytes look like chance
 *
 * A key or a token changes between capitals, small letters and digits at almost every byte; names,
 * paths and words do so seldom. What is random and no secret has forms of its own: digests and ids
 * of hex digits, UUIDs, checksums with their algorithm's name before them.
 */
#include "core/redact_priv.h"

#define RANDOM_MIN 20
#define RANDOM_MAX 512

/* log2(v) * 65536, v > 0. */
static uint32_t log2_of(uint32_t v)
{
	const unsigned int whole = 31 - (unsigned int)__builtin_clz(v);
	uint64_t m = ((uint64_t)v << 31) >> whole; /* 1..2, in 1/2^31 */
	uint32_t ret = whole << 16;

	for (uint32_t bit = 1u << 15; bit; bit >>= 1) {
		m = m * m >> 31;
		if (m >> 32) {
			m >>= 1;
			ret |= bit;
		}
	}
	return ret;
}

unsigned int mw_redact_entropy(struct mw_slice s)
{
	uint32_t count[256] = { 0 };
	uint64_t sum = 0;

	if (s.n == 0)
		return 0;
	if (s.n > 65536)
		s.n = 65536;
	for (size_t i = 0; i < s.n; i++)
		count[s.p[i]]++;
	for (size_t i = 0; i < 256; i++)
		if (count[i])
			sum += (uint64_t)count[i] * log2_of(count[i]);
	return (unsigned int)((((uint64_t)s.n * log2_of((uint32_t)s.n) - sum) / s.n * 1000) >> 16);
}

/* --- of what bytes ------------------------------------------------------------------------------
 */

struct mix {
	size_t lower, upper, digit, other; /* other: what stands between them */
	size_t changes;			   /* from one of the first three to another */
	size_t steps;			   /* to the next byte of the alphabet: "abc", "123" */
	size_t words;			   /* bytes in rows of four letters of one case and more */
	bool hex;			   /* hex digits and '-' alone */
};

static struct mix mix_of(struct mw_slice s)
{
	struct mix m = { .hex = true };
	unsigned int was = 0;
	size_t row = 0;

	for (size_t i = 0; i < s.n; i++) {
		const uint8_t c = s.p[i];
		const unsigned int is = mw_is_lower(c)	 ? 1
					: mw_is_upper(c) ? 2
					: mw_is_digit(c) ? 3
							 : 4;

		m.lower += is == 1;
		m.upper += is == 2;
		m.digit += is == 3;
		m.other += is == 4;
		m.hex &= c == '-' || mw_hex_value(c) >= 0;
		m.changes += i > 0 && is != was;
		m.steps += i > 0 && (c == s.p[i - 1] + 1 || c == s.p[i - 1]);
		row = is == was ? row + 1 : 1;
		if (is < 3 && row >= 4)
			m.words += row == 4 ? 4 : 1;
		was = is;
	}
	return m;
}

/* How long digests are, and ids that are made like them: hex digits. */
static bool is_digest_len(size_t n)
{
	return n <= 24 || n == 32 || n == 40 || n == 48 || n == 56 || n == 64 || n == 96 || n == 128;
}

/* Letters of one case, and digits: keys of base 32 and 36. */
static bool is_random_narrow(struct mw_slice s, const struct mix *m)
{
	if (s.n < 24 || m->other || m->digit < 3 || m->lower + m->upper < 6)
		return false;
	return m->changes * 100 >= s.n * 26 && m->steps * 8 < s.n && mw_redact_entropy(s) >= 3300;
}

static bool is_random_hex(struct mw_slice s, const struct mix *m)
{
	if (m->other || is_digest_len(s.n))
		return false;
	return m->digit > 0 && m->lower + m->upper > 0 && mw_redact_entropy(s) >= 3000;
}

static bool is_random_run(struct mw_slice s)
{
	const struct mix m = mix_of(s);
	const size_t inner = s.n - 1;

	if (m.hex)
		return is_random_hex(s, &m);
	if (!m.lower || !m.upper)
		return is_random_narrow(s, &m);
	/* '-' and '_' come once in 32 of a key's bytes, between words more often */
	if (m.other * 10 > s.n || m.steps * 6 > s.n || m.words * 5 > s.n * 2)
		return false;
	if (m.changes * 100 < inner * (m.digit ? 40 : 42) || (!m.digit && s.n < 24))
		return false;
	return mw_redact_entropy(s) >= (s.n < 28 ? 3300u : 3700u);
}

/* --- what is known ------------------------------------------------------------------------------
 */

/* ULID: 26 digits of base 32 without I, L, O and U, the time first. */
static bool is_ulid(struct mw_slice s)
{
	if (s.n != 26 || s.p[0] != '0' || s.p[1] != '1')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((!mw_is_digit(s.p[i]) && !mw_is_upper(s.p[i])) || mw_is_in(s.p[i], "ILOU"))
			return false;
	return true;
}

/* Ids of messages and requests as published interfaces give them out; public keys' beginnings. */
bool mw_redact_is_known(struct mw_slice s)
{
	static const char *const heads[] = {
		"req_",	     "msg_",	   "toolu_",	"call_",	 "chatcmpl-",
		"resp_",     "run_",	   "thread_",	"asst_",	 "file-",
		"sha1-",     "sha256-",	   "sha384-",	"sha512-",	 "AAAAB3NzaC1yc2E",
		"AAAAC3NzaC1lZDI1NTE5",	   "AAAAE2VjZHNhLXNoYTIt",	 "AAAAGnNrLXNzaC",
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (mw_slice_starts(s, mw_slice_str(heads[i])))
			return true;
	return is_ulid(s);
}

/* A name with a digest or a UUID in it: "app-3f2a...c9", "user_<uuid>". */
static bool is_named_digest(struct mw_slice s)
{
	size_t from = 0, i, hex = 0;
	bool other = false;

	for (i = 0; i <= s.n; i++) {
		struct mw_slice part;

		if (i < s.n && s.p[i] != '_' && s.p[i] != '-')
			continue;
		part = mw_slice(s.p + from, i - from);
		from = i + 1;
		if (part.n == 0)
			continue;
		if (mix_of(part).hex)
			hex += part.n;
		else
			other |= is_random_run(part) || mix_of(part).changes * 3 > part.n + 3;
	}
	return hex * 2 > s.n && !other;
}

/* Without what many keys begin with to say whose they are: "GOCSPX-", "dckr_pat_". */
static struct mw_slice without_prefix(struct mw_slice s)
{
	for (int i = 0; i < 3; i++) {
		size_t n = 0;

		while (n < s.n && n < 10 && mw_is_letter(s.p[n]))
			n++;
		if (n == 0 || n >= s.n || (s.p[n] != '-' && s.p[n] != '_') ||
		    s.n - n - 1 < RANDOM_MIN)
			break;
		s = mw_slice_from(s, n + 1);
	}
	return s;
}

bool mw_redact_is_random(struct mw_slice s)
{
	while (s.n && (s.p[0] == '-' || s.p[0] == '_' || s.p[0] == '/' || s.p[0] == '+'))
		s = mw_slice_from(s, 1);
	while (s.n && (s.p[s.n - 1] == '=' || s.p[s.n - 1] == '-'))
		s.n--;
	if (s.n < RANDOM_MIN || s.n > RANDOM_MAX)
		return false;
	return is_random_run(without_prefix(s)) && !mw_redact_is_known(s) && !is_named_digest(s);
}

bool mw_redact_is_data(struct mw_slice s)
{
	struct mix m;

	if (s.n <= RANDOM_MAX)
		return false;
	s.n = RANDOM_MAX;
	m = mix_of(s);
	return m.changes * 100 > s.n * 40 && m.lower && m.upper;
}
