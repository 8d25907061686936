/* SPDX-License-Identifier: Apache-2.0 */
/* redact_url.c - secrets in the target of an HTTP request: its path and its query */
#include "core/redact_priv.h"

#include "base/json.h"

/* What parts one name and value from the next: ';' is one for some servers. */
static bool is_part(uint8_t c)
{
	return c == '?' || c == '&' || c == ';' || c == '#';
}

/* A name and its value, or a piece of the path. */
static int put_part(struct mw_redact *x, struct mw_buf *out, struct mw_slice t, bool *lossy)
{
	const uint8_t *eq = t.n ? memchr(t.p, '=', t.n) : NULL;
	const struct mw_look k = mw_look(t);
	size_t n = eq ? (size_t)(eq - t.p) : 0;
	int r;

	if (!eq || n + 1 == t.n || !mw_redact_query_name(x, mw_slice(t.p, n)))
		return mw_redact_put_text(x, out, &k, lossy);
	r = mw_json_escape(out, mw_slice(t.p, n + 1), lossy);
	return r < 0 ? r : mw_redact_put_mark(x, out, "key", mw_slice(eq + 1, t.n - n - 1));
}

int mw_redact_target(struct mw_redact *x, struct mw_buf *out, struct mw_slice target, bool *lossy)
{
	size_t len = out->len, from = 0, i;
	bool bad = false;
	int r = 0;

	for (i = 0; i <= target.n && r == 0; i++) {
		if (i < target.n && !is_part(target.p[i]))
			continue;
		r = put_part(x, out, mw_slice(target.p + from, i - from), &bad);
		if (r == 0 && i < target.n)
			r = mw_buf_append_byte(out, target.p[i]);
		from = i + 1;
	}
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return 0;
}
