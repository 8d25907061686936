/* SPDX-License-Identifier: Apache-2.0 */
/* net_witness.c - a checkpoint to a witness by HTTP, and its cosignature */
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/net_priv.h"

#define DASH	     "\xe2\x80\x94 "
#define ANSWER_MAX   16384 /* bytes that a witness may answer */
#define LINE_MAX_LEN 1024

/* --- the answer of a witness ---------------------------------------------------------------- */

/* "— NAME BASE64": the cosignature in it, if it is the one that is wanted. */
static bool take_cosignature(const struct mw_net_hello *h, const char *line, size_t n,
			     struct mw_net_answer *answer)
{
	uint8_t raw[(LINE_MAX_LEN / 4 + 1) * 3];
	size_t k = strlen(h->name), len;
	uint32_t id;
	int r;

	if (n > LINE_MAX_LEN || n < 4 + k + 1 || memcmp(line, DASH, 4) != 0 ||
	    memcmp(line + 4, h->name, k) != 0 || line[4 + k] != ' ')
		return false;
	line += 4 + k + 1;
	n -= 4 + k + 1;
	len = (MW_COSIGNATURE_LEN + 2) / 3 * 4;
	if (n != len)
		return false;
	r = EVP_DecodeBlock(raw, (const uint8_t *)line, (int)n);
	if (r < MW_COSIGNATURE_LEN)
		return false;
	id = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
	if (id != h->key_id)
		return false;
	memcpy(answer->cosignature, raw, MW_COSIGNATURE_LEN);
	return true;
}

/* A decimal number and a newline, nothing else. */
static bool take_size(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return false;
	if (!i || i + 1 != n || p[i] != '\n')
		return false;
	*ret = v;
	return true;
}

struct body {
	char p[ANSWER_MAX];
	size_t n;
};

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct body *b = ctx;

	n *= size;
	if (n > sizeof(b->p) - b->n)
		return 0; /* curl takes it for a failure */
	memcpy(b->p + b->n, p, n);
	b->n += n;
	return n;
}

static void take_answer(const struct mw_net_hello *h, const struct body *b,
			struct mw_net_answer *answer)
{
	const char *p = b->p, *end = b->p + b->n, *nl;

	if (answer->status == 409)
		answer->has_size = take_size(b->p, b->n, &answer->size);
	if (answer->status != 200)
		return;
	for (; p < end && !answer->has_cosignature; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			break;
		answer->has_cosignature = take_cosignature(h, p, (size_t)(nl - p), answer);
	}
}

/* --- asking it -------------------------------------------------------------------------------- */

static CURL *curl_of(const struct mw_net_hello *h)
{
	char url[MW_NET_ADDRESS_MAX + 32];
	size_t n = strnlen(h->address, sizeof(h->address));
	CURL *c;

	while (n && h->address[n - 1] == '/')
		n--;
	snprintf(url, sizeof(url), "%.*s/add-checkpoint", (int)n, h->address);
	c = mw_net_curl(h, url);
	if (c && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK)
		return c;
	curl_easy_cleanup(c);
	return NULL;
}

static void ask(CURL *curl, struct curl_slist *headers, const struct mw_net_hello *h,
		const char *body, size_t n, struct mw_net_answer *answer)
{
	static struct body got;
	CURLcode code;

	got.n = 0;
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	code = mw_net_perform(curl, headers, body, n, answer);
	if (code == CURLE_WRITE_ERROR)
		mw_net_say(answer, -EMSGSIZE, "its answer is too long");
	if (code == CURLE_OK)
		take_answer(h, &got, answer);
}

int mw_net_serve_witness(const struct mw_net_hello *h)
{
	static char body[MW_NET_BODY_MAX + 1];
	struct curl_slist *headers;
	CURL *curl = curl_of(h);
	ssize_t n;

	/* no "100-continue": one way there, one back */
	headers = curl_slist_append(NULL, "Expect:");
	if (!curl || !headers || !curl_slist_append(headers, "Content-Type: text/plain"))
		return 1;
	while ((n = mw_net_next(body)) > 0) {
		struct mw_net_answer answer = { 0 };

		ask(curl, headers, h, body, (size_t)n, &answer);
		if (!mw_net_answer(&answer))
			return 1;
	}
	return n < 0;
}
