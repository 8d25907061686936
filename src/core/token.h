/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h - credentials in what passes by: found and decoded, never verified
 *
 * A JWT is known by its form alone (RFC 7519 in the compact form of RFC 7515): three parts of
 * base64url, the first of which is a JSON object. What it claims is said by whoever sent it: no key
 * is known here, and none is asked for. Other credentials are known by where they stand: behind a
 * scheme (RFC 9110, section 11), or under a name that is a secret's (mw_redact_name).
 *
 * Decoding is strict, so that no reader of it finds more in a token than was said: base64url
 * without padding and without stray bits (RFC 4648, section 3.5), JSON whole and of bounded depth,
 * no equal names, UTF-8, and each claim of the type that its specification gives it. Of what is not
 * so the kind remains, and no claim.
 */
#ifndef MW_CORE_TOKEN_H
#define MW_CORE_TOKEN_H

#include "base/buf.h"

enum mw_token_kind {
	MW_TOKEN_JWT = 1,
	MW_TOKEN_BEARER = 2,  /* behind that scheme, and no JWT (RFC 6750) */
	MW_TOKEN_BASIC = 3,   /* user and password (RFC 7617) */
	MW_TOKEN_API_KEY = 4, /* any other */
};

/* Longest header of a JWT, as decoded; what has a longer one is none. */
#define MW_JWT_HEADER_MAX 8192
/* Longest JWT whose claims are read, as it stands. */
#define MW_JWT_MAX 65536
/* Members nested in a claim are passed over, but not beyond this depth. */
#define MW_JWT_DEPTH_MAX 32

/* The name of a kind as records have it. */
const char *mw_token_kind_name(enum mw_token_kind kind);

/* Whether all of s is a JWT. */
bool mw_jwt_is(struct mw_slice s);
/* The next JWT in a text, from *pos (0 at first) on, which then stands behind it. What five parts
 * (a JWE, RFC 7516) or other bytes of base64url follow is none. Time linear in the text. */
bool mw_jwt_find(struct mw_slice text, size_t *pos, struct mw_slice *ret);

/* What a JWT claims; n == 0: nothing that is of the right type. */
struct mw_claims {
	/* raw JSON strings inside the decoded payload */
	struct mw_slice sub, iss, client_id, azp;
	struct mw_slice aud;   /* a raw string, or an array of strings alone */
	struct mw_slice scope; /* likewise; `scp` where there is no `scope` */
	bool has_exp;
	int64_t exp; /* seconds since 1970; a fraction is cut off */
};

/* Decodes the payload into `text`, which claims then point into. 0; -EBADMSG: no JWT, or nothing of
 * it is to be believed to mean one thing only; -E2BIG: longer than MW_JWT_MAX, or deeper; -ENOMEM.
 * Takes about 40 KiB of stack. */
int mw_jwt_claims(struct mw_slice jwt, struct mw_buf *text, struct mw_claims *ret);

/* The user-id of Basic credentials (without the scheme), appended to `text`, where it may be shown:
 * not where the password is empty or only marks the user-id as the key itself, as some services
 * have it. 1, 0 (not to be shown, or no Basic credentials), -ENOMEM. */
int mw_basic_user(struct mw_slice credentials, struct mw_buf *text);

struct mw_token {
	enum mw_token_kind kind;
	struct mw_slice bytes; /* the credential itself, without its scheme */
	/* http.authorization, http.cookie.sid, args.auth.token, args.list[2], env.API_KEY,
	 * argv.--token, argv[3]; names as they stand there, but long ones by their length alone */
	struct mw_slice where;
	size_t
	    where_n; /* its length; of more than MW_TOKEN_WHERE_MAX bytes only the first are here */
};
#define MW_TOKEN_WHERE_MAX 192

/* Who is told of what is found, in its order; `t` is borrowed for the call. Negative: stop. */
struct mw_token_scan {
	const struct mw_alloc *a;
	int (*found)(void *ctx, const struct mw_token *t);
	/* Told of each text in which nothing was found, with its place; NULL: nobody. */
	int (*other)(void *ctx, const struct mw_token *place, struct mw_slice text);
	void *ctx;
};

/* What a value that is a credential holds: "Bearer x", "Basic x", a JWT, a key. False: nothing, or,
 * if `known` (its scheme must be one of those whose credential can be used again), another. */
bool mw_token_of(struct mw_slice value, bool known, struct mw_token *ret);

/* All that follow: 0, -ENOMEM, or what found() returned. */
/* Field lines "name: value\r\n" of a request. Cookies are told apart by their names. Not
 * Mcp-Session-Id: it names a conversation and nobody. */
int mw_tokens_in_fields(const struct mw_token_scan *scan, struct mw_slice fields);
/* Whether a field may hold what mw_tokens_in_fields finds. */
bool mw_token_in_field(struct mw_slice name, struct mw_slice value);
/* A JSON text, to any depth, and up to four levels of JSON texts inside its strings. `where` begins
 * with `root`. A text that is no JSON is looked through until that shows. */
int mw_tokens_in_json(const struct mw_token_scan *scan, const char *root, struct mw_slice json);
/* Arguments (NUL after each); the first is the program's name. */
int mw_tokens_in_argv(const struct mw_token_scan *scan, struct mw_slice argv);
/* NAME=VALUE, NUL after each. */
int mw_tokens_in_env(const struct mw_token_scan *scan, struct mw_slice env);

#endif
