/* SPDX-License-Identifier: Apache-2.0 */
/* redact_name.c - which names are a secret's */
#include "core/redact_priv.h"

/* Names are compared without separators and in lower case. */
enum match {
	NONE,	/* the end of the list */
	ENDING, /* of a name */
	WORD,	/* its last word is this ("db_pass", "dbPwd"; not "bypass") */
	WHOLE,	/* the name is this */
	EXEMPT, /* a name that ends in this is the protocol's own, and no secret: before all others
		 */
};

struct secret {
	struct mw_slice text;
	enum match match;
};

#define S(match, s)                                                                                \
	{                                                                                          \
		{ (const uint8_t *)(s), sizeof(s) - 1 }, match                                     \
	}

/* What names a secret, by the last letter. */
static const struct secret secrets[26][24] = {
	['d' - 'a'] = { S(ENDING, "password"), S(ENDING, "passwd"), S(ENDING, "mcpsessionid"),
			S(ENDING, "phpsessid"), S(ENDING, "jsessionid"), S(WORD, "pwd") },
	['e' - 'a'] = { S(ENDING, "passphrase"), S(ENDING, "passcode"), S(ENDING, "tokenvalue"),
			S(ENDING, "secretvalue"), S(ENDING, "cookie"), S(ENDING, "amzsignature"),
			S(ENDING, "googsignature") },
	['g' - 'a'] = { S(WHOLE, "sig") },
	['h' - 'a'] = { S(ENDING, "passwordhash"), S(WHOLE, "auth") },
	['l' - 'a'] = { S(ENDING, "credential") },
	['n' - 'a'] = { S(EXEMPT, "progresstoken"), S(ENDING, "token"),
			S(ENDING, "authorization") },
	['p' - 'a'] = { S(WORD, "otp") },
	['r' - 'a'] = { S(WORD, "bearer") },
	['s' -
	    'a'] = { S(ENDING, "passwords"),  S(ENDING, "authtokens"),	S(ENDING, "accesstokens"),
		     S(ENDING, "apitokens"),  S(ENDING, "secrets"),	S(ENDING, "apikeys"),
		     S(ENDING, "secretkeys"), S(ENDING, "privatekeys"), S(ENDING, "credentials"),
		     S(ENDING, "cookies"),    S(ENDING, "sqlpass"),	S(ENDING, "dbpass"),
		     S(ENDING, "userpass"),   S(ENDING, "rootpass"),	S(ENDING, "adminpass"),
		     S(ENDING, "smtppass"),   S(ENDING, "mailpass"),	S(ENDING, "loginpass"),
		     S(WORD, "pass"),	      S(WORD, "creds") },
	['t' - 'a'] = { S(ENDING, "secret"), S(WORD, "jwt") },
	['v' - 'a'] = { S(WHOLE, "cvv") },
	['w' - 'a'] = { S(WORD, "pw") },
	['y' - 'a'] = { S(ENDING, "apikey"), S(ENDING, "authkey"), S(ENDING, "accountkey"),
			S(ENDING, "accesskey"), S(ENDING, "secretkey"), S(ENDING, "privatekey"),
			S(ENDING, "signingkey"), S(ENDING, "encryptionkey"), S(ENDING, "masterkey"),
			S(ENDING, "hmackey"), S(ENDING, "sshkey"), S(ENDING, "passkey") },
};

static bool is_sep(uint8_t c)
{
	return c == '-' || c == '_' || c == '.' || c == ' ' || c == '[' || c == ']';
}

/* The last of a name, without separators and in lower case, at the end of `norm`. */
struct norm {
	uint8_t norm[MW_REDACT_NAME_N];
	struct mw_slice all, word;
};

/* "password2" is a password, "X-Token:" has no colon here */
static struct mw_slice strip(struct mw_slice name)
{
	while (name.n > 0 && (mw_is_digit(name.p[name.n - 1]) || is_sep(name.p[name.n - 1])))
		name.n--;
	return name;
}

static void normalise(struct mw_slice name, struct norm *ret)
{
	size_t at = sizeof(ret->norm), word = 0, i;

	for (i = name.n; i > 0 && at > 0; i--) {
		uint8_t c = name.p[i - 1];

		if (is_sep(c)) {
			if (word == 0)
				word = at;
			continue;
		}
		ret->norm[--at] = mw_lower(c);
		if (word == 0 && mw_is_upper(c) && i > 1 && mw_is_lower(name.p[i - 2]))
			word = at;
	}
	if (word == 0)
		word = at;
	ret->all = mw_slice(ret->norm + at, sizeof(ret->norm) - at);
	ret->word = mw_slice(ret->norm + word, sizeof(ret->norm) - word);
}

bool mw_redact_name(struct mw_slice name)
{
	const struct secret *x;
	struct norm n;

	name = strip(name);
	if (name.n == 0 || !mw_is_letter(name.p[name.n - 1]))
		return false;
	x = secrets[mw_lower(name.p[name.n - 1]) - 'a'];
	while (x->match != NONE && x->text.n > name.n)
		x++;
	if (x->match == NONE)
		return false;
	normalise(name, &n);
	for (; x->match != NONE; x++)
		if (x->match == WORD	? mw_slice_eq(n.word, x->text)
		    : x->match == WHOLE ? mw_slice_eq(n.all, x->text)
					: mw_slice_ends(n.all, x->text))
			return x->match != EXEMPT;
	return false;
}

bool mw_redact_is_name(const struct mw_redact *x, struct mw_slice name)
{
	const struct mw_redact_rules *rules = x ? x->rules : NULL;
	struct norm n;

	if (mw_redact_name(name))
		return true;
	if (!rules || rules->n_names == 0)
		return false;
	name = strip(name);
	normalise(name, &n);
	for (size_t i = 0; i < rules->n_names; i++)
		if (n.all.n && mw_slice_ends(n.all, mw_slice_str(rules->names[i])))
			return true;
	return false;
}

/* The last bytes of a name as it stands in text, percent-decoded. How many. */
static size_t name_decode(struct mw_slice run, uint8_t dec[3 * MW_REDACT_NAME_N])
{
	const size_t max = 3 * MW_REDACT_NAME_N;
	size_t n = 0, i;

	if (run.n > max) {
		run.p += run.n - max;
		run.n = max;
	}
	/* "[token" of "[token=x]": a bracket that opens is not the name's */
	for (i = 0; i < run.n; i++) {
		int hi = -1, lo = -1;

		if (run.p[i] == '%' && i + 2 < run.n) {
			hi = mw_hex_value(run.p[i + 1]);
			lo = mw_hex_value(run.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			dec[n++] = (uint8_t)(hi << 4 | lo);
			i += 2;
		} else {
			dec[n++] = run.p[i];
		}
	}
	return n;
}

bool mw_redact_text_name(const struct mw_redact *x, struct mw_slice run)
{
	uint8_t dec[3 * MW_REDACT_NAME_N];

	if (run.n == 0 || !memchr(run.p, '%', run.n))
		return mw_redact_is_name(x, run);
	return mw_redact_is_name(x, mw_slice(dec, name_decode(run, dec)));
}

bool mw_redact_query_name(const struct mw_redact *x, struct mw_slice run)
{
	static const char want[] = "sessionid";
	uint8_t dec[3 * MW_REDACT_NAME_N];
	size_t n = name_decode(run, dec), k = sizeof(want) - 1;

	if (mw_redact_is_name(x, mw_slice(dec, n)))
		return true;
	while (n > 0 && k > 0) {
		uint8_t c = mw_lower(dec[--n]);

		if (c == '_' || c == '-' || c == '.')
			continue;
		if (c != (uint8_t)want[--k])
			return false;
	}
	return k == 0;
}
