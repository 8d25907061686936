/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_phone.c - telephone numbers: ITU-T E.164 with its '+', and as they are written at home
 *
 * Digits alone are everything else more often than a telephone number: without '+' they need the
 * form of one country's numbers, and where that says little, a word that says it.
 */
#include "core/redact_num.h"

static const char *const words[] = { "phone", "tel",	  "mobile", "mobil", "cell",
				     "fax",   "sms",	  "handy",  "movil", "m\xc3\xb3vil",
				     "msisdn", "whatsapp", "telefon", "contact", "dial",
				     "call me", "call us", "caller",  "t\xc3\xa9l", NULL };

/* Country codes of two digits (E.164, annex of country codes); 1 and 7 have one, others three. */
static bool is_code2(unsigned int code)
{
	static const uint8_t codes[] = { 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46,
					 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63,
					 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98 };

	return memchr(codes, (int)code, sizeof(codes)) != NULL;
}

static bool is_code3(unsigned int code)
{
	const unsigned int tens = code / 10;

	return tens == 21 || tens == 22 || tens == 23 || tens == 24 || tens == 25 || tens == 26 ||
	       tens == 29 || tens == 35 || tens == 37 || tens == 38 || tens == 42 || tens == 50 ||
	       tens == 59 || tens == 67 || tens == 68 || tens == 69 || tens == 80 || tens == 85 ||
	       tens == 88 || tens == 96 || tens == 97 || tens == 99 || code == 690;
}

/* North America: area and exchange begin with 2 to 9. */
static bool is_nanp(const uint8_t *d)
{
	return d[0] >= 2 && d[3] >= 2 && !(d[1] == 9 && d[2] == 9);
}

/* Whether n digits are a whole number behind a '+'. */
static bool is_e164(const uint8_t *d, unsigned int n)
{
	if (n < 9 || n > 15 || d[0] == 0)
		return false;
	if (d[0] == 1)
		return n == 11 && is_nanp(d + 1);
	if (d[0] == 7)
		return n == 11 && d[1] >= 3;
	return is_code2(10U * d[0] + d[1]) || is_code3(100U * d[0] + 10U * d[1] + d[2]);
}

static bool lens_are(const struct mw_num *x, unsigned int first, unsigned int groups,
		     const char *lens)
{
	for (unsigned int i = 0; i < groups; i++)
		if (x->len[first + i] != (uint8_t)(lens[i] - '0'))
			return false;
	return true;
}

/* All signs between the groups first..last are this one. */
static bool seps_are(const struct mw_num *x, unsigned int first, unsigned int last, uint8_t sep)
{
	for (unsigned int i = first; i < last; i++)
		if (x->sep[i] != sep)
			return false;
	return true;
}

static bool found(const struct mw_num *x, size_t from, unsigned int groups,
		  struct mw_num_found *ret)
{
	const size_t to = x->end[groups - 1];

	if (!mw_num_alone(x->t, from, to))
		return false;
	*ret = (struct mw_num_found){ from, to, "phone" };
	return true;
}

static bool international(const struct mw_num *x, struct mw_num_found *ret)
{
	const bool plus = x->at && x->t.p[x->at - 1] == '+';
	const bool zeros = !plus && x->n > 4 && x->d[0] == 0 && x->d[1] == 0;
	const unsigned int skip = zeros ? 2 : 0;

	if (!plus && !zeros)
		return false;
	for (unsigned int g = x->n_groups; g > 0; g--) {
		const unsigned int n = x->total[g - 1];

		if (n < skip || !is_e164(x->d + skip, n - skip) ||
		    (g == x->n_groups && x->more && x->n == MW_NUM_DIGITS))
			continue;
		if (zeros && !mw_num_near(x->k, x->at, words, MW_NUM_NEAR) &&
		    (g < 2 || n - skip < 10))
			continue;
		return found(x, x->at - plus, g, ret);
	}
	return false;
}

/* (415) 555-2671, 415-555-2671, 1-415-555-2671 */
static bool american(const struct mw_num *x, struct mw_num_found *ret)
{
	const bool one = x->n_groups >= 4 && x->len[0] == 1 && x->d[0] == 1;
	const unsigned int first = one, last = first + 2;
	const bool bracket = x->at && x->t.p[x->at - 1] == '(' && x->sep[0] == ')';
	const size_t from = x->at - bracket;

	if (x->n_groups < first + 3 || !lens_are(x, first, 3, "334") || !is_nanp(x->d + one))
		return false;
	if (!bracket && !seps_are(x, first, last, '-') && !seps_are(x, first, last, '.') &&
	    !(x->sep[first] == ')' && one) && !mw_num_near(x->k, x->at, words, MW_NUM_NEAR))
		return false;
	return found(x, from, last + 1, ret);
}

/* Numbers of a country that begin with 0, in groups: 020 7946 0958, 01 23 45 67 89,
 * 03-1234-5678. */
static bool with_zero(const struct mw_num *x, unsigned int g)
{
	const unsigned int n = x->total[g - 1];
	const bool bracket = x->at && x->t.p[x->at - 1] == '(' && x->sep[0] == ')';

	if (x->d[0] != 0 || x->d[1] == 0 || n < 9 || n > 12 || g < 2)
		return false;
	if (g == 5 && lens_are(x, 0, 5, "22222") &&
	    (seps_are(x, 0, 4, ' ') || seps_are(x, 0, 4, '.') || seps_are(x, 0, 4, '-')))
		return true;
	if (bracket && x->len[0] >= 2)
		return true;
	if (x->len[0] < 2 || x->len[0] > 5 || n < 10 || g > 4 ||
	    !(seps_are(x, 0, g - 1, ' ') || seps_are(x, 0, g - 1, '-') || x->sep[0] == '/'))
		return false;
	for (unsigned int i = 1; i < g; i++)
		if (x->len[i] < 3)
			return false;
	return true;
}

bool mw_num_phone(const struct mw_num *x, struct mw_num_found *ret)
{
	const bool bracket = x->at && x->t.p[x->at - 1] == '(' && x->sep[0] == ')';
	const size_t from = x->at - bracket;

	if (international(x, ret) || american(x, ret))
		return true;
	for (unsigned int g = x->n_groups; g > 0; g--) {
		const unsigned int n = x->total[g - 1];

		if (with_zero(x, g))
			return found(x, from, g, ret);
		/* (11) 91234-5678 */
		if (bracket && g == 3 && n >= 10 && n <= 11 && x->len[0] == 2 && x->len[2] == 4)
			return found(x, from, g, ret);
		if (n >= 8 && n <= 13 && g <= 6 && mw_num_near(x->k, from, words, MW_NUM_NEAR))
			return found(x, from, g, ret);
	}
	return false;
}
