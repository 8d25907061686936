/* SPDX-License-Identifier: Apache-2.0 */
/* net_webhook.c - an alert's JSON to a webhook by HTTP */
#include <errno.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/net_priv.h"

/* Of its answer only the status counts; so much of the rest is listened to. */
#define ANSWER_MAX 65536

#define SIGNATURE "X-Mcpwatch-Signature: sha256="

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	size_t *got = ctx;

	(void)p;
	n *= size;
	*got += n;
	return *got > ANSWER_MAX ? 0 : n; /* 0: curl takes it for a failure */
}

static bool sign(const struct mw_net_hello *h, const char *body, size_t n,
		 char ret[sizeof(SIGNATURE) + 64])
{
	unsigned int i, len = 0;
	uint8_t mac[32];

	if (!HMAC(EVP_sha256(), h->hmac_key, (int)h->hmac_key_len, (const uint8_t *)body, n, mac,
		  &len) ||
	    len != sizeof(mac))
		return false;
	memcpy(ret, SIGNATURE, sizeof(SIGNATURE));
	for (i = 0; i < len; i++)
		snprintf(ret + sizeof(SIGNATURE) - 1 + 2 * i, 3, "%02x", mac[i]);
	return true;
}

static bool append(struct curl_slist **list, const char *line)
{
	struct curl_slist *l = curl_slist_append(*list, line);

	if (l)
		*list = l;
	return l != NULL;
}

static void post(CURL *curl, const struct mw_net_hello *h, const char *body, size_t n,
		 struct mw_net_answer *answer)
{
	char signature[sizeof(SIGNATURE) + 64];
	struct curl_slist *headers = NULL;
	size_t got = 0;
	CURLcode code;

	if (!append(&headers, "Expect:") || !append(&headers, "Content-Type: application/json") ||
	    (h->header[0] && !append(&headers, h->header)) ||
	    (h->hmac_key_len && (!sign(h, body, n, signature) || !append(&headers, signature)))) {
		mw_net_say(answer, -ENOMEM, "not enough memory");
		curl_slist_free_all(headers);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	code = mw_net_perform(curl, headers, body, n, answer);
	/* it has said whether it takes the alert: what else it says is its own affair */
	if (code == CURLE_WRITE_ERROR && answer->status)
		mw_net_say(answer, 0, "");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
}

int mw_net_serve_webhook(const struct mw_net_hello *h)
{
	static char body[MW_NET_BODY_MAX + 1];
	CURL *curl = mw_net_curl(h, h->address);
	ssize_t n;

	if (!curl || curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    (h->ca_file[0] && curl_easy_setopt(curl, CURLOPT_CAINFO, h->ca_file) != CURLE_OK))
		return 1;
	while ((n = mw_net_next(body)) > 0) {
		struct mw_net_answer answer = { 0 };

		post(curl, h, body, (size_t)n, &answer);
		if (!mw_net_answer(&answer))
			return 1;
	}
	return n < 0;
}
