/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_helper.c - serving the socket; a witness over HTTP. Syslog is in anchor_syslog.c. */
#include "io/anchor_helper.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/anchor_syslog.h"
#include "io/sandbox.h"

#define DASH	     "\xe2\x80\x94 "
#define ANSWER_MAX   16384 /* bytes that a witness may answer */
#define LINE_MAX_LEN 1024

/* Only what is printable goes to the daemon. */
static void say(struct mw_anchor_answer *answer, int error, const char *why)
{
	size_t i;

	answer->error = error;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
	for (i = 0; answer->why[i]; i++)
		if (answer->why[i] < ' ' || answer->why[i] > '~')
			answer->why[i] = '?';
}

/* --- the answer of a witness ---------------------------------------------------------------- */

/* "— NAME BASE64": the cosignature in it, if it is the one that is wanted. */
static bool take_cosignature(const struct mw_anchor_hello *h, const char *line, size_t n,
			     struct mw_anchor_answer *answer)
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

static void take_answer(const struct mw_anchor_hello *h, const struct body *b,
			struct mw_anchor_answer *answer)
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

static CURL *curl_of(const struct mw_anchor_hello *h)
{
	char url[MW_ANCHOR_ADDRESS_MAX + 32];
	size_t n = strnlen(h->address, sizeof(h->address));
	CURL *c = curl_easy_init();

	while (n && h->address[n - 1] == '/')
		n--;
	snprintf(url, sizeof(url), "%.*s/add-checkpoint", (int)n, h->address);
	if (c && (curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_PROXY, "") != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_USERAGENT, "mcpwatch/" MW_VERSION) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms) != CURLE_OK ||
		  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK)) {
		curl_easy_cleanup(c);
		return NULL;
	}
	return c;
}

static void ask_witness(CURL *curl, struct curl_slist *headers, const struct mw_anchor_hello *h,
			const char *body, size_t n, struct mw_anchor_answer *answer)
{
	static struct body got;
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	got.n = 0;
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)n);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	code = curl_easy_perform(curl);
	if (code == CURLE_WRITE_ERROR)
		say(answer, -EMSGSIZE, "its answer is too long");
	else if (code != CURLE_OK)
		say(answer, -EIO, why[0] ? why : curl_easy_strerror(code));
	if (code != CURLE_OK)
		return;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (uint32_t)status;
	take_answer(h, &got, answer);
}

static int serve(const struct mw_anchor_hello *h)
{
	static char body[MW_ANCHOR_BODY_MAX + 1];
	struct mw_anchor_syslog_to to = { .fd = -1 };
	struct curl_slist *headers = NULL;
	CURL *curl = NULL;
	ssize_t n;

	if (h->type == MW_ANCHOR_WITNESS) {
		curl = curl_of(h);
		/* no "100-continue": one way there, one back */
		headers = curl_slist_append(headers, "Expect:");
		if (!curl || !headers || !curl_slist_append(headers, "Content-Type: text/plain"))
			return 1;
	}
	while ((n = recv(MW_ANCHOR_FD, body, sizeof(body), 0)) > 0) {
		struct mw_anchor_answer answer = { 0 };
		int r;

		if ((size_t)n > MW_ANCHOR_BODY_MAX)
			return 1;
		if (curl) {
			ask_witness(curl, headers, h, body, (size_t)n, &answer);
		} else {
			r = mw_anchor_syslog_send(&to, h->address, (int)h->timeout_ms, body,
						  (size_t)n);
			if (r < 0)
				say(&answer, r, strerror(-r));
		}
		if (send(MW_ANCHOR_FD, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			return 1;
	}
	return n < 0;
}

int mw_anchor_helper(void)
{
	struct mw_anchor_hello h;

	(void)prctl(PR_SET_NAME, "mcpwatch-anchor");
	signal(SIGPIPE, SIG_IGN);
	if (mw_sandbox_enter() < 0)
		return 1;
	if (recv(MW_ANCHOR_FD, &h, sizeof(h), MSG_TRUNC) != sizeof(h) ||
	    (h.type != MW_ANCHOR_SYSLOG && h.type != MW_ANCHOR_WITNESS) ||
	    !memchr(h.address, '\0', sizeof(h.address)) || !memchr(h.name, '\0', sizeof(h.name)))
		return 1;
	return serve(&h);
}
