/* SPDX-License-Identifier: Apache-2.0 */
/* web_sniff.c - what bytes begin */
#include "core/http.h"
#include "core/sse.h"
#include "core/web_priv.h"
#include "core/ws.h"

/* So much is read at most to find the first data of an event stream or the end of a frame. */
#define SNIFF_MAX 4096
/* The longest field name of an event stream, with its colon. */
#define FIELD_MAX 6

static bool has_end(struct mw_slice s)
{
	return memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n);
}

/* Lines of an event stream up to its first data, which must be JSON. */
static enum mw_web_start sniff_events(struct mw_slice s)
{
	static const struct mw_slice data = MW_SLICE_LIT("data:");
	size_t at = 0, n;

	while (at < s.n && at < SNIFF_MAX) {
		struct mw_slice line = behind(s, at);

		if (!mw_sse_looks(line))
			return line.n < FIELD_MAX && !has_end(line) ? MW_WEB_MORE : MW_WEB_NO;
		for (n = 0; n < line.n && line.p[n] != '\n' && line.p[n] != '\r';)
			n++;
		if (mw_slice_starts(line, data)) {
			size_t v = data.n + (n > data.n && line.p[data.n] == ' ');

			if (v < n)
				return is_json(line.p[v]) ? MW_WEB_EVENTS : MW_WEB_NO;
			return n < line.n ? MW_WEB_NO : MW_WEB_MORE;
		}
		for (at += n; at < s.n && (s.p[at] == '\n' || s.p[at] == '\r');)
			at++;
	}
	return at < SNIFF_MAX ? MW_WEB_MORE : MW_WEB_NO;
}

/* A chunk's size: hexadecimal digits, CRLF (RFC 9112 section 7.1). */
static enum mw_web_start sniff_chunk(struct mw_slice s)
{
	enum mw_web_start r;
	size_t n = 0;

	while (n < s.n && n < 8 &&
	       ((s.p[n] >= '0' && s.p[n] <= '9') ||
		((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'f')))
		n++;
	if (n == 0)
		return MW_WEB_NO;
	if (n == s.n)
		return MW_WEB_MORE;
	if (s.p[n] != '\r')
		return MW_WEB_NO;
	if (n + 1 == s.n)
		return MW_WEB_MORE;
	if (s.p[n + 1] != '\n')
		return MW_WEB_NO;
	r = sniff_events(behind(s, n + 2));
	return r == MW_WEB_EVENTS ? MW_WEB_CHUNKED : r;
}

/* A whole text message with JSON in it: FIN and opcode 1, no extension (RFC 6455 section 5.2). */
static enum mw_web_start sniff_ws(struct mw_slice s)
{
	size_t n = 2, n_len = 0, i;
	uint64_t len;
	bool masked;
	uint8_t c;

	if (s.p[0] != 0x81)
		return MW_WEB_NO;
	if (s.n < 2)
		return MW_WEB_MORE;
	masked = s.p[1] & 0x80;
	len = s.p[1] & 0x7f;
	if (len > 125)
		n_len = len == 126 ? 2 : 8;
	n += n_len + (masked ? 4 : 0);
	if (s.n <= n)
		return MW_WEB_MORE;
	for (i = 0; i < n_len; i++)
		len = (i ? len << 8 : 0) | s.p[2 + i];
	c = s.p[n];
	if (masked)
		c ^= s.p[n - 4];
	if (!is_json(c))
		return MW_WEB_NO;
	if (len > SNIFF_MAX)
		len = SNIFF_MAX;
	if (s.n - n < len)
		return MW_WEB_MORE;
	/* not of what is behind it: that may not be here yet */
	if (!mw_ws_looks(mw_slice(s.p, n + (size_t)len), masked))
		return MW_WEB_NO;
	return masked ? MW_WEB_WS_CLIENT : MW_WEB_WS_SERVER;
}

enum mw_web_start mw_web_sniff(struct mw_slice bytes, bool joined)
{
	enum mw_web_start all[4] = { MW_WEB_NO }, best = MW_WEB_NO;
	enum mw_sniff http;
	bool response;

	if (bytes.n == 0)
		return MW_WEB_MORE;
	if (is_json(*bytes.p) || is_white(*bytes.p))
		return MW_WEB_NO;
	http = mw_http_sniff(bytes, &response);
	all[0] = http == MW_SNIFF_YES	 ? MW_WEB_HTTP
		 : http == MW_SNIFF_MORE ? MW_WEB_MORE
					 : MW_WEB_NO;
	if (joined) {
		all[1] = sniff_chunk(bytes);
		all[2] = sniff_events(bytes);
		all[3] = sniff_ws(bytes);
	}
	for (size_t i = 0; i < 4; i++)
		if (all[i] > best)
			best = all[i];
	return best;
}
