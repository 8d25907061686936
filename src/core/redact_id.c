/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_id.c - national identity numbers, each with its own check digits
 *
 * Where the check is weak (one of ten or eleven numbers passes) and nothing but digits is there, a
 * word near it must say what it is.
 */
#include "core/redact_num.h"

/* Letters before the number, and after it, as they stand. */
static uint8_t byte_at(struct mw_slice t, size_t i)
{
	return i < t.n ? t.p[i] : 0;
}

static bool found(const struct mw_num *x, size_t from, size_t to, const char *rule,
		  struct mw_num_found *ret)
{
	if (!mw_num_alone(x->t, from, to))
		return false;
	*ret = (struct mw_num_found){ from, to, rule };
	return true;
}

/* The number of groups that hold n digits in all, 0: no group ends there. */
static unsigned int groups_of(const struct mw_num *x, unsigned int n)
{
	for (unsigned int g = 0; g < x->n_groups; g++)
		if (x->total[g] == n)
			return g + 1;
	return 0;
}

static bool lens_are(const struct mw_num *x, unsigned int groups, const char *lens)
{
	if (strlen(lens) != groups)
		return false;
	for (unsigned int i = 0; i < groups; i++)
		if (x->len[i] != (uint8_t)(lens[i] - '0'))
			return false;
	return true;
}

static uint64_t value(const uint8_t *d, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++)
		v = 10 * v + d[i];
	return v;
}

/* --- United States: social security number ------------------------------------------------------
 */

static bool us_ssn(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char *const words[] = { "ssn", "social security", "socialsecurity", "taxpayer",
					     "social_security", NULL };
	const unsigned int g = groups_of(x, 9);
	const unsigned int area = (unsigned int)value(x->d, 3);

	if (!g || area == 0 || area == 666 || area >= 900 || value(x->d + 3, 2) == 0 ||
	    value(x->d + 5, 4) == 0)
		return false;
	if (!(g == 3 && lens_are(x, 3, "324") && x->sep[0] == '-' && x->sep[1] == '-') &&
	    !((g == 1 || (g == 3 && lens_are(x, 3, "324"))) &&
	      mw_num_near(x->k, x->at, words, MW_NUM_NEAR)))
		return false;
	return found(x, x->at, x->end[g - 1], "us-ssn", ret);
}

/* --- United Kingdom: NHS number (modulo 11), national insurance number --------------------------
 */

static bool gb_nhs(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char *const words[] = { "nhs", "patient", "national health", NULL };
	const unsigned int g = groups_of(x, 10);
	unsigned int sum = 0, check;

	if (!g || !(g == 1 || (g == 3 && lens_are(x, 3, "334"))))
		return false;
	for (unsigned int i = 0; i < 9; i++)
		sum += (10 - i) * x->d[i];
	check = (11 - sum % 11) % 11;
	if (check == 10 || check != x->d[9])
		return false;
	if (!(g == 3 && x->sep[0] == x->sep[1] && (x->sep[0] == ' ' || x->sep[0] == '-')) &&
	    !mw_num_near(x->k, x->at, words, MW_NUM_NEAR))
		return false;
	return found(x, x->at, x->end[g - 1], "gb-nhs", ret);
}

static bool gb_nino(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char none[][3] = { "BG", "GB", "NK", "KN", "TN", "NT", "ZZ" };
	const size_t blank = x->at && x->t.p[x->at - 1] == ' ';
	const unsigned int g = groups_of(x, 6);
	char two[3] = { 0 };
	size_t from, to;

	if (x->at < 2 + blank || !g || !(g == 1 || (g == 3 && lens_are(x, 3, "222"))))
		return false;
	from = x->at - blank - 2;
	memcpy(two, x->t.p + from, 2);
	to = x->end[g - 1];
	to += byte_at(x->t, to) == ' ';
	if (!mw_is_upper((uint8_t)two[0]) || !mw_is_upper((uint8_t)two[1]) ||
	    mw_is_in((uint8_t)two[0], "DFIQUV") || mw_is_in((uint8_t)two[1], "DFIQUVO"))
		return false;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (memcmp(two, none[i], 2) == 0)
			return false;
	if (byte_at(x->t, to) < 'A' || byte_at(x->t, to) > 'D')
		return false;
	return found(x, from, to + 1, "gb-nino", ret);
}

/* --- Germany: tax id (ISO/IEC 7064, MOD 11,10) --------------------------------------------------
 */

static bool de_tax(const struct mw_num *x, struct mw_num_found *ret)
{
	const unsigned int g = groups_of(x, 11);
	unsigned int product = 10, count[10] = { 0 }, twice = 0, thrice = 0;

	if (!g || !(g == 1 || (g == 4 && lens_are(x, 4, "2333"))) || x->d[0] == 0)
		return false;
	/* of the first ten one comes twice or thrice, the others at most once */
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int sum = (x->d[i] + product) % 10;

		product = 2 * (sum ? sum : 10) % 11;
		count[x->d[i]]++;
	}
	for (unsigned int i = 0; i < 10; i++) {
		twice += count[i] == 2;
		thrice += count[i] == 3;
		if (count[i] > 3)
			return false;
	}
	if (twice + thrice != 1 || (11 - product) % 10 != x->d[10])
		return false;
	return found(x, x->at, x->end[g - 1], "de-steuer-id", ret);
}

/* --- France: NIR (key: 97 less the number modulo 97) --------------------------------------------
 */

static bool fr_nir(const struct mw_num *x, struct mw_num_found *ret)
{
	const struct mw_slice t = x->t;
	uint8_t d[15];
	uint64_t less = 0, month;
	size_t at = x->at, n = 0;

	if (x->d[0] == 0 || x->d[0] > 8 || x->d[0] == 5 || x->d[0] == 6)
		return false;
	for (; at < t.n && n < 15; at++) {
		if (mw_is_digit(t.p[at])) {
			d[n++] = (uint8_t)(t.p[at] - '0');
		} else if (n == 6 && d[5] == 2 && (t.p[at] == 'A' || t.p[at] == 'B')) {
			/* Corsica: 2A counts as 19, 2B as 18 */
			d[n - 1] = 1;
			d[n++] = t.p[at] == 'A' ? 9 : 8;
		} else if (t.p[at] != ' ' || n == 0 || t.p[at - 1] == ' ') {
			return false;
		}
	}
	if (n < 15)
		return false;
	month = value(d + 3, 2);
	if (month == 0 || (month > 12 && month < 20))
		return false;
	less = value(d, 13) % 97;
	return 97 - less == value(d + 13, 2) && found(x, x->at, at, "fr-nir", ret);
}

/* --- Spain: DNI, NIE (letter: the number modulo 23) ---------------------------------------------
 */

static bool es_dni(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
	const size_t dash = x->at && x->t.p[x->at - 1] == '-';
	size_t from = x->at, to;
	uint64_t v;

	if (x->len[0] == 7 && x->at > dash) {
		const uint8_t c = x->t.p[x->at - dash - 1];

		if (c < 'X' || c > 'Z')
			return false;
		from = x->at - dash - 1;
		v = value(x->d, 7) + (uint64_t)(c - 'X') * 10000000;
		to = x->end[0];
	} else if (x->len[0] == 8) {
		v = value(x->d, 8);
		to = x->end[0];
	} else if (x->n_groups >= 3 && lens_are(x, 3, "233") && x->n_groups == 3) {
		v = value(x->d, 8);
		to = x->end[2];
	} else {
		return false;
	}
	to += byte_at(x->t, to) == '-' || byte_at(x->t, to) == ' ';
	if (byte_at(x->t, to) != (uint8_t)letters[v % 23])
		return false;
	return found(x, from, to + 1, "es-dni", ret);
}

/* --- Italy: codice fiscale ----------------------------------------------------------------------
 */

static bool it_cf(const struct mw_num *x, struct mw_num_found *ret)
{
	static const uint8_t odd[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18,
				       20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
	/* letter or digit; a digit may be a letter where two people would have the same code */
	static const char form[] = "AAAAAA00A00A000A";
	unsigned int sum = 0;
	size_t from;

	if (x->at < 6 || x->t.n - (x->at - 6) < 16)
		return false;
	from = x->at - 6;
	for (size_t i = 0; i < 16; i++) {
		const uint8_t c = x->t.p[from + i] & (mw_is_letter(x->t.p[from + i]) ? 0xdf : 0xff);
		const unsigned int v = (unsigned int)(mw_is_digit(c) ? c - '0' : c - 'A');

		if (!mw_is_letter(c) && !(form[i] == '0' && mw_is_digit(c)))
			return false;
		if (form[i] == '0' && mw_is_letter(c) && !mw_is_in(c, "LMNPQRSTUV"))
			return false;
		if (i == 8 && !mw_is_in(c, "ABCDEHLMPRST"))
			return false;
		if (i == 15)
			return sum % 26 == v && found(x, from, from + 16, "it-codice-fiscale", ret);
		sum += i % 2 ? v : odd[v];
	}
	return false;
}

/* --- Netherlands: BSN (eleven test) -------------------------------------------------------------
 */

static bool nl_bsn(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char *const words[] = { "bsn", "burgerservice", "sofi", "citizen service", NULL };
	const unsigned int g = groups_of(x, 9);
	unsigned int sum = 0;

	if (!g || g > 3 || !mw_num_near(x->k, x->at, words, MW_NUM_NEAR))
		return false;
	for (unsigned int i = 0; i < 8; i++)
		sum += (9 - i) * x->d[i];
	if (sum == 0 || sum % 11 != x->d[8])
		return false;
	return found(x, x->at, x->end[g - 1], "nl-bsn", ret);
}

/* --- Poland: PESEL ------------------------------------------------------------------------------
 */

static bool pl_pesel(const struct mw_num *x, struct mw_num_found *ret)
{
	static const uint8_t weights[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3 };
	unsigned int sum = 0, month, day;

	if (x->len[0] != 11)
		return false;
	for (unsigned int i = 0; i < 10; i++)
		sum += weights[i] * x->d[i];
	month = (unsigned int)value(x->d + 2, 2) % 20; /* the century is added to it */
	day = (unsigned int)value(x->d + 4, 2);
	if ((10 - sum % 10) % 10 != x->d[10] || month == 0 || month > 12 || day == 0 || day > 31)
		return false;
	return found(x, x->at, x->end[0], "pl-pesel", ret);
}

/* --- India: Aadhaar (Verhoeff) ------------------------------------------------------------------
 */

/* The dihedral group of ten elements: Verhoeff, Error detecting decimal codes, 1969. */
static unsigned int dihedral(unsigned int a, unsigned int b)
{
	if (a < 5)
		return b < 5 ? (a + b) % 5 : 5 + (a + b - 5) % 5;
	return b < 5 ? 5 + (a - 5 + 5 - b) % 5 : (a - b + 5) % 5;
}

static bool is_verhoeff(const uint8_t *d, unsigned int n)
{
	static const uint8_t step[] = { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 };
	unsigned int check = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int v = d[n - 1 - i];

		for (unsigned int k = 0; k < i % 8; k++)
			v = step[v];
		check = dihedral(check, v);
	}
	return check == 0;
}

static bool in_aadhaar(const struct mw_num *x, struct mw_num_found *ret)
{
	static const char *const words[] = { "aadhaar", "aadhar", "uidai", NULL };
	const unsigned int g = groups_of(x, 12);

	if (!g || !(g == 1 || (g == 3 && lens_are(x, 3, "444"))) || x->d[0] < 2 ||
	    !is_verhoeff(x->d, 12))
		return false;
	if (g == 1 && !mw_num_near(x->k, x->at, words, MW_NUM_NEAR))
		return false;
	return found(x, x->at, x->end[g - 1], "in-aadhaar", ret);
}

/* --- Brazil: CPF --------------------------------------------------------------------------------
 */

static unsigned int cpf_digit(const uint8_t *d, unsigned int n)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += (n + 1 - i) * d[i];
	return sum % 11 < 2 ? 0 : 11 - sum % 11;
}

static bool br_cpf(const struct mw_num *x, struct mw_num_found *ret)
{
	const unsigned int g = groups_of(x, 11);
	bool same = true;

	if (!g || !(g == 1 || (g == 4 && lens_are(x, 4, "3332")) || (g == 2 && x->len[0] == 9)))
		return false;
	for (unsigned int i = 1; i < 11; i++)
		same &= x->d[i] == x->d[0];
	if (same || cpf_digit(x->d, 9) != x->d[9] || cpf_digit(x->d, 10) != x->d[10])
		return false;
	return found(x, x->at, x->end[g - 1], "br-cpf", ret);
}

bool mw_num_id(const struct mw_num *x, unsigned int countries, struct mw_num_found *ret)
{
	static const struct {
		unsigned int country;
		bool (*find)(const struct mw_num *x, struct mw_num_found *ret);
	} finders[] = {
		{ MW_COUNTRY_US, us_ssn },   { MW_COUNTRY_GB, gb_nhs }, { MW_COUNTRY_GB, gb_nino },
		{ MW_COUNTRY_DE, de_tax },   { MW_COUNTRY_FR, fr_nir }, { MW_COUNTRY_ES, es_dni },
		{ MW_COUNTRY_IT, it_cf },    { MW_COUNTRY_NL, nl_bsn }, { MW_COUNTRY_PL, pl_pesel },
		{ MW_COUNTRY_IN, in_aadhaar }, { MW_COUNTRY_BR, br_cpf },
	};

	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++)
		if (countries & finders[i].country && finders[i].find(x, ret))
			return true;
	return false;
}
