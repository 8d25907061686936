/* SPDX-License-Identifier: Apache-2.0 */
/* redact_num.c - numbers of cards (ISO/IEC 7812) and accounts (ISO 13616), and e-mail addresses */
#include "core/redact_num.h"

bool mw_num_alone(struct mw_slice t, size_t from, size_t to)
{
	/* not a piece of a word, nor the fraction of a number */
	if (from && (mw_is_alnum(t.p[from - 1]) || t.p[from - 1] == '_'))
		return false;
	if (from > 1 && t.p[from - 1] == '.' && mw_is_digit(t.p[from - 2]))
		return false;
	if (to < t.n && (mw_is_alnum(t.p[to]) || t.p[to] == '_'))
		return false;
	return !(to + 1 < t.n && t.p[to] == '.' && mw_is_digit(t.p[to + 1]));
}

static bool has_word(struct mw_slice s, struct mw_slice word)
{
	for (size_t i = 0; i + word.n <= s.n; i++) {
		size_t n = 0;

		while (n < word.n && mw_lower(s.p[i + n]) == word.p[n])
			n++;
		if (n < word.n)
			continue;
		/* "tel" is not in "hotel"; "homeTel" has it */
		if (word.n > 4 || i == 0 || !mw_is_letter(s.p[i - 1]) ||
		    (mw_is_upper(s.p[i]) && mw_is_lower(s.p[i - 1])))
			return true;
	}
	return false;
}

bool mw_num_near(const struct mw_look *k, size_t from, const char *const *words, size_t near)
{
	const size_t n = from < near ? from : near;
	const struct mw_slice before = mw_slice(k->text.p + from - n, n);

	for (; *words; words++)
		if (has_word(k->key, mw_slice_str(*words)) ||
		    has_word(before, mw_slice_str(*words)))
			return true;
	return false;
}

/* --- cards --------------------------------------------------------------------------------------
 */

/* What the issuers give out: the first digits, and how many there are. */
static const struct {
	uint32_t from, to;  /* of the first six */
	uint32_t lens;	    /* a bit each */
} issuers[] = {
	{ 400000, 499999, 1u << 13 | 1u << 16 | 1u << 19 }, /* Visa */
	{ 510000, 559999, 1u << 16 },			    /* Mastercard */
	{ 222100, 272099, 1u << 16 },
	{ 340000, 349999, 1u << 15 }, /* American Express */
	{ 370000, 379999, 1u << 15 },
	{ 601100, 601199, 1u << 16 | 1u << 19 }, /* Discover */
	{ 644000, 659999, 1u << 16 | 1u << 19 },
	{ 300000, 305999, 1u << 14 | 1u << 16 }, /* Diners Club */
	{ 309500, 309599, 1u << 14 | 1u << 16 },
	{ 360000, 369999, 1u << 14 | 1u << 16 },
	{ 380000, 399999, 1u << 14 | 1u << 16 },
	{ 352800, 358999, 1u << 16 | 1u << 19 },	      /* JCB */
	{ 620000, 629999, 1u << 16 | 1u << 17 | 1u << 18 | 1u << 19 }, /* UnionPay */
	{ 220000, 220499, 1u << 16 },			      /* Mir */
	{ 501800, 501899, 0xff000 }, /* Maestro: 12 to 19 */
	{ 502000, 502099, 0xff000 },
	{ 503800, 503899, 0xff000 },
	{ 589300, 589399, 0xff000 },
	{ 630400, 630499, 0xff000 },
	{ 675900, 675999, 0xff000 },
	{ 676100, 676399, 0xff000 },
};

static bool is_luhn(const uint8_t *d, unsigned int n)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int v = d[n - 1 - i];

		if (i % 2)
			v = 2 * v > 9 ? 2 * v - 9 : 2 * v;
		sum += v;
	}
	return sum % 10 == 0;
}

static bool is_issued(const uint8_t *d, unsigned int n)
{
	uint32_t first = 0;

	for (unsigned int i = 0; i < 6; i++)
		first = 10 * first + d[i];
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (first >= issuers[i].from && first <= issuers[i].to && issuers[i].lens >> n & 1)
			return true;
	return false;
}

/* Groups as cards have them: four each, or 4-6-5 and 4-6-4; all with the same sign between. */
static bool is_card_form(const struct mw_num *x, unsigned int groups)
{
	if (groups == 1)
		return true;
	for (unsigned int i = 0; i + 1 < groups; i++)
		if ((x->sep[i] != ' ' && x->sep[i] != '-') || x->sep[i] != x->sep[0])
			return false;
	if (groups == 3)
		return x->len[0] == 4 && x->len[1] == 6 && (x->len[2] == 5 || x->len[2] == 4);
	for (unsigned int i = 0; i + 1 < groups; i++)
		if (x->len[i] != 4)
			return x->total[groups - 1] == 13 && i > 0 && x->len[i] == 3;
	return x->len[groups - 1] <= 4;
}

static bool is_card(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char *const words[] = { "card", "visa", "maestro", "credit", "debit",
					     "payment", "pan",	"ccn",	  NULL };

	for (unsigned int i = x->n_groups; i > 0; i--) {
		const unsigned int n = x->total[i - 1];

		if (n < 12 || n > 19 || (i == x->n_groups && x->more && x->n == MW_NUM_DIGITS))
			continue;
		if (!mw_num_alone(x->t, x->at, x->end[i - 1]) || !is_card_form(x, i) ||
		    !is_issued(x->d, n) || !is_luhn(x->d, n))
			continue;
		/* so short ones are seldom cards, and often goods (EAN-13) and times */
		if (n < 14 && i == 1 && !mw_num_near(x->k, x->at, words, MW_NUM_NEAR))
			continue;
		*ret = (struct mw_num_found){ x->at, x->end[i - 1], "card" };
		return true;
	}
	return false;
}

/* --- accounts -----------------------------------------------------------------------------------
 */

/* How long a country's IBAN is: SWIFT's registry of IBAN formats, release 99. */
static const char iban_lens[][5] = {
	"AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27", "BR29",
	"BY28", "CH21", "CR22", "CY28", "CZ24", "DE22", "DJ27", "DK18", "DO28", "EE20", "EG29",
	"ES24", "FI18", "FK18", "FO18", "FR27", "GB22", "GE22", "GI23", "GL18", "GR27", "GT28",
	"HN28", "HR21", "HU28", "IE22", "IL23", "IQ23", "IS26", "IT27", "JO30", "KW30", "KZ20",
	"LB28", "LC32", "LI21", "LT20", "LU20", "LV21", "LY25", "MC27", "MD24", "ME22", "MK19",
	"MN20", "MR27", "MT31", "MU30", "NI28", "NL18", "NO15", "OM23", "PK24", "PL28", "PS29",
	"PT25", "QA29", "RO24", "RS22", "RU33", "SA24", "SC31", "SD18", "SE24", "SI19", "SK24",
	"SM27", "SO23", "ST25", "SV28", "TL23", "TN24", "TR26", "UA29", "VA22", "VG24", "XK20",
	"YE30",
};

static size_t iban_len(uint8_t a, uint8_t b)
{
	for (size_t i = 0; i < sizeof(iban_lens) / sizeof(iban_lens[0]); i++)
		if (iban_lens[i][0] == (char)(a & ~0x20) && iban_lens[i][1] == (char)(b & ~0x20))
			return (size_t)(10 * (iban_lens[i][2] - '0') + iban_lens[i][3] - '0');
	return 0;
}

static unsigned int mod97(unsigned int sum, uint8_t c)
{
	if (mw_is_digit(c))
		return (10 * sum + (unsigned int)(c - '0')) % 97;
	return (100 * sum + (unsigned int)(mw_lower(c) - 'a' + 10)) % 97;
}

static bool is_iban(const struct mw_num *x, struct mw_num_found *ret)
{
	const struct mw_slice t = x->t;
	size_t want, from, at, n = 0;
	unsigned int sum = 0;
	uint8_t c[34];

	if (x->at < 2 || !mw_is_letter(t.p[x->at - 1]) || !mw_is_letter(t.p[x->at - 2]))
		return false;
	from = x->at - 2;
	want = iban_len(t.p[from], t.p[from + 1]);
	for (at = from; want && at < t.n && n < want; at++) {
		if (mw_is_alnum(t.p[at]))
			c[n++] = t.p[at];
		else if ((t.p[at] != ' ' && t.p[at] != '-') || n % 4 != 0)
			return false;
	}
	if (!want || n < want || !mw_num_alone(t, from, at) || !mw_is_digit(c[3]))
		return false;
	for (size_t i = 0; i < n; i++)
		sum = mod97(sum, c[(i + 4) % n]);
	*ret = (struct mw_num_found){ from, at, "iban" };
	return sum == 1;
}

/* --- all numbers --------------------------------------------------------------------------------
 */

static bool is_sep(uint8_t c)
{
	return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')';
}

static void parse(const struct mw_look *k, size_t at, struct mw_num *ret)
{
	const struct mw_slice t = k->text;
	unsigned int g = 0;

	*ret = (struct mw_num){ .k = k, .t = t, .at = at };
	while (g < MW_NUM_GROUPS) {
		const unsigned int n = ret->n;
		size_t next;

		for (; at < t.n && mw_is_digit(t.p[at]) && ret->n < MW_NUM_DIGITS; at++)
			ret->d[ret->n++] = (uint8_t)(t.p[at] - '0');
		ret->len[g] = (uint8_t)(ret->n - n);
		ret->total[g] = (uint8_t)ret->n;
		ret->end[g] = at;
		ret->n_groups = ++g;
		ret->more = at < t.n && mw_is_digit(t.p[at]);
		if (ret->more || at == t.n || !is_sep(t.p[at]))
			break;
		ret->sep[g - 1] = t.p[at];
		next = at + 1;
		if (next < t.n && is_sep(t.p[next]) && (t.p[next] == '(' || t.p[at] == ')'))
			next++;
		if (next >= t.n || !mw_is_digit(t.p[next])) {
			ret->sep[g - 1] = 0;
			break;
		}
		at = next;
		ret->more = true;
	}
}

/*
 * Whether what is looked for may begin with the digits t[at, end): none of it is a piece of a
 * longer word. Before them stand no letters or those of an account or an id; behind them, alone,
 * too. /
 */
static bool may_begin(struct mw_slice t, size_t at, size_t end)
{
	size_t from = at;

	while (from > 0 && at - from < 7 && mw_is_letter(t.p[from - 1]))
		from--;
	if (from && (mw_is_alnum(t.p[from - 1]) || t.p[from - 1] == '_'))
		return false;
	if (from == at)
		return end == t.n || !mw_is_letter(t.p[end]) || end - at == 8 || end - at == 6 ||
		       end - at == 7;
	return at - from == 1 || at - from == 2 || at - from == 6;
}

static bool find_one(const struct mw_redact *x, const struct mw_num *num, struct mw_num_found *ret)
{
	const size_t at = num->at;

	if (at && mw_is_letter(num->t.p[at - 1]) && is_iban(num, ret))
		return true;
	if (num->n >= 12 && is_card(num, ret))
		return true;
	if (x->rules->countries && mw_num_id(num, x->rules->countries, ret))
		return true;
	return num->n >= 7 && !num->k->number && mw_num_phone(num, ret);
}

int mw_find_numbers(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	const struct mw_slice t = k->text;
	struct mw_num_found found;
	struct mw_num num;
	size_t at = 0, end;
	int r;

	if (x->rules->no_pii)
		return 0;
	while (at < t.n) {
		if (!mw_is_digit(t.p[at])) {
			at++;
			continue;
		}
		for (end = at + 1; end < t.n && mw_is_digit(t.p[end]); end++)
			;
		if (!may_begin(t, at, end)) {
			at = end;
			continue;
		}
		parse(k, at, &num);
		if (find_one(x, &num, &found)) {
			r = mw_cuts_add(ret, found.from, found.to, found.rule, MW_RANK_PII);
			if (r)
				return r;
			at = found.to > at ? found.to : at + 1;
			continue;
		}
		at = end;
	}
	return 0;
}

/* --- e-mail (RFC 5321) --------------------------------------------------------------------------
 */

static bool is_local(uint8_t c)
{
	return mw_is_alnum(c) || c == '.' || c == '_' || c == '+' || c == '-' || c == '\'' ||
	       c == '*' || c == '~' || c == '#' || c == '!' || c == '$' || c == '&' || c >= 0x80;
}

/* What stands behind a dot as no domain does: files, and units of systemd. */
static bool is_no_domain(struct mw_slice s)
{
	static const char *const ends[] = { "png",  "jpg",    "jpeg",	"gif",	 "svg",	   "webp",
					    "html", "css",    "json",	"js",	 "tgz",	   "whl",
					    "exe",  "service", "socket", "timer", "target", "mount",
					    "scope", "slice" };
	uint8_t low[8];

	if (s.n > sizeof(low))
		return false;
	for (size_t i = 0; i < s.n; i++)
		low[i] = mw_lower(s.p[i]);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (mw_slice_eq_str(mw_slice(low, s.n), ends[i]))
			return true;
	return false;
}

/* The end of the domain that begins at `at`, 0: none. */
static size_t domain_end(struct mw_slice t, size_t at)
{
	size_t end = at, label = at, dots = 0;

	for (; end < t.n && end - at < 254; end++) {
		if (mw_is_alnum(t.p[end]) || t.p[end] >= 0x80 || (t.p[end] == '-' && end > label))
			continue;
		if (t.p[end] != '.' || end == label || end + 1 == t.n ||
		    !(mw_is_alnum(t.p[end + 1]) || t.p[end + 1] >= 0x80))
			break;
		label = end + 1;
		dots++;
	}
	while (end > label && t.p[end - 1] == '-')
		end--;
	if (dots == 0 || end - label < 2 || is_no_domain(mw_slice(t.p + label, end - label)))
		return 0;
	for (size_t i = label; i < end; i++)
		if (mw_is_digit(t.p[i]) && !(end - label > 4 && t.p[label] == 'x'))
			return 0;
	return end;
}

static size_t local_begin(struct mw_slice t, size_t floor, size_t at)
{
	size_t from = at;

	while (from > floor && at - from < 64 && is_local(t.p[from - 1]))
		from--;
	while (from < at && !mw_is_alnum(t.p[from]) && t.p[from] < 0x80 && t.p[from] != '_')
		from++;
	return from;
}

int mw_find_emails(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	const struct mw_slice t = k->text;
	size_t at = 0, from, to, floor = 0;
	int r;

	(void)x;
	while (at < t.n) {
		const uint8_t *p = memchr(t.p + at, '@', t.n - at);

		if (!p)
			return 0;
		at = (size_t)(p - t.p);
		from = local_begin(t, floor, at);
		to = domain_end(t, at + 1);
		at++;
		if (from + 1 == at || !to)
			continue;
		/* git@host:path is how a host is named, not a person */
		if (at - 1 - from == 3 && memcmp(t.p + from, "git", 3) == 0)
			continue;
		r = mw_cuts_add(ret, from, to, "email", MW_RANK_PII);
		if (r)
			return r;
		floor = at = to;
	}
	return 0;
}
