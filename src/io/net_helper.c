/* SPDX-License-Identifier: Apache-2.0 */
#include "io/net_helper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "io/helper.h"
#include "io/net_priv.h"
#include "io/sandbox.h"
#include "io/syslog.h"

void mw_net_say(struct mw_net_answer *answer, int error, const char *why)
{
	size_t i;

	answer->error = error;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
	for (i = 0; answer->why[i]; i++)
		if (answer->why[i] < ' ' || answer->why[i] > '~')
			answer->why[i] = '?';
}

ssize_t mw_net_next(char body[MW_NET_BODY_MAX + 1])
{
	ssize_t n = recv(MW_HELPER_FD, body, MW_NET_BODY_MAX + 1, 0);

	return n > MW_NET_BODY_MAX ? -1 : n;
}

bool mw_net_answer(const struct mw_net_answer *answer)
{
	return send(MW_HELPER_FD, answer, sizeof(*answer), MSG_NOSIGNAL) == sizeof(*answer);
}

CURL *mw_net_curl(const struct mw_net_hello *h, const char *url)
{
	CURL *c = curl_easy_init();

	if (c && (curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_PROXY, "") != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_USERAGENT, "mcpwatch/" MW_VERSION) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms) != CURLE_OK)) {
		curl_easy_cleanup(c);
		return NULL;
	}
	return c;
}

CURLcode mw_net_perform(CURL *c, struct curl_slist *headers, const char *body, size_t n,
			struct mw_net_answer *answer)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)n);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	code = curl_easy_perform(c);
	if (code != CURLE_OK)
		mw_net_say(answer, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO,
			   why[0] ? why : curl_easy_strerror(code));
	if (curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		answer->status = (uint32_t)status;
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	return code;
}

static int serve_syslog(const struct mw_net_hello *h)
{
	static char body[MW_NET_BODY_MAX + 1];
	struct mw_syslog_to to = { .fd = -1 };
	ssize_t n;
	int r;

	while ((n = mw_net_next(body)) > 0) {
		struct mw_net_answer answer = { 0 };

		r = mw_syslog_send(&to, h->address, (int)h->timeout_ms, body, (size_t)n);
		if (r < 0)
			mw_net_say(&answer, r, strerror(-r));
		if (!mw_net_answer(&answer))
			return 1;
	}
	return n < 0;
}

static bool is_sound(const struct mw_net_hello *h)
{
	return memchr(h->address, '\0', sizeof(h->address)) &&
	       memchr(h->name, '\0', sizeof(h->name)) &&
	       memchr(h->header, '\0', sizeof(h->header)) &&
	       memchr(h->ca_file, '\0', sizeof(h->ca_file)) &&
	       h->hmac_key_len <= sizeof(h->hmac_key);
}

int mw_net_helper(void)
{
	static struct mw_net_hello h;

	(void)prctl(PR_SET_NAME, "mcpwatch-net");
	signal(SIGPIPE, SIG_IGN);
	if (mw_sandbox_enter() < 0)
		return 1;
	if (recv(MW_HELPER_FD, &h, sizeof(h), MSG_TRUNC) != sizeof(h) || !is_sound(&h))
		return 1;
	switch (h.type) {
	case MW_NET_SYSLOG:
		return serve_syslog(&h);
	case MW_NET_WITNESS:
		return mw_net_serve_witness(&h);
	case MW_NET_WEBHOOK:
		return mw_net_serve_webhook(&h);
	}
	return 1;
}
