/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tls.h"

#include "base/ascii.h"

#define HEAD_LEN  5u  /* type, version, length */
#define HELLO_AT  43u /* its head, the record's, version and random before: what varies begins */
#define EXT_NAME  0u
#define NAME_HOST 0u

static size_t u16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

enum mw_sniff mw_tls_sniff(struct mw_slice s)
{
	if ((s.n > 0 && s.p[0] != 22) || (s.n > 1 && s.p[1] != 3) ||
	    (s.n > HEAD_LEN && s.p[HEAD_LEN] != 1))
		return MW_SNIFF_NO;
	return s.n > HEAD_LEN && s.n - HEAD_LEN >= u16(s.p + 3) ? MW_SNIFF_YES : MW_SNIFF_MORE;
}

/* What stands behind a length of `width` bytes at the front of *s, which goes on behind it. */
static bool cut(struct mw_slice *s, size_t width, struct mw_slice *ret)
{
	size_t n;

	if (s->n < width)
		return false;
	n = width == 1 ? s->p[0] : u16(s->p);
	if (s->n - width < n)
		return false;
	*ret = mw_slice(s->p + width, n);
	*s = mw_slice_from(*s, width + n);
	return true;
}

static bool is_name(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!mw_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= MW_TLS_NAME_MAX;
}

struct mw_slice mw_tls_name(struct mw_slice s)
{
	const struct mw_slice none = { NULL, 0 };
	struct mw_slice part, exts, one;
	size_t type;

	if (mw_tls_sniff(s) != MW_SNIFF_YES)
		return none;
	s = mw_slice(s.p, HEAD_LEN + u16(s.p + 3));
	if (s.n < HELLO_AT)
		return none;
	s = mw_slice_from(s, HELLO_AT);
	/* session, cipher suites, compression */
	if (!cut(&s, 1, &part) || !cut(&s, 2, &part) || !cut(&s, 1, &part) || !cut(&s, 2, &exts))
		return none;
	while (exts.n >= 2) {
		type = u16(exts.p);
		exts = mw_slice_from(exts, 2);
		if (!cut(&exts, 2, &one))
			return none;
		if (type != EXT_NAME)
			continue;
		/* a list, of which only one kind of entry was ever defined */
		if (!cut(&one, 2, &part) || !part.n || part.p[0] != NAME_HOST)
			return none;
		part = mw_slice_from(part, 1);
		return cut(&part, 2, &one) && is_name(one) ? one : none;
	}
	return none;
}
