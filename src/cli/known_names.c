/* SPDX-License-Identifier: Apache-2.0 */
/* known_names.c - raw values, and words by how often they were seen */
#include <stdlib.h>

#include "base/json.h"
#include "cli/known_priv.h"
#include "io/heap.h"

void *mw_known_must(void *p)
{
	if (!p)
		exit(mw_cli_fail("not enough memory"));
	return p;
}

/* --- values -------------------------------------------------------------------------------------
 */

void mw_known_set(char **to, const char *s)
{
	if (!s)
		return;
	free(*to);
	*to = mw_known_must(strdup(s));
}

void mw_known_set_raw(char **to, struct mw_slice raw)
{
	if (!raw.n)
		return;
	free(*to);
	*to = mw_known_must(strndup((const char *)raw.p, raw.n));
}

struct mw_slice mw_known_member(struct mw_slice object, const char *name)
{
	struct mw_slice v = mw_slice(NULL, 0);

	if (object.n && object.p[0] == '{' && mw_json_member(object, name, &v, NULL) < 0)
		v = mw_slice(NULL, 0);
	return v;
}

/* A raw string's text on the heap; NULL: no string. */
char *mw_known_text(struct mw_slice raw)
{
	struct mw_buf b;
	char *s = NULL;

	if (raw.n < 2 || raw.p[0] != '"')
		return NULL;
	mw_buf_init(&b, &mw_heap, 1 << 20);
	if (mw_json_str_decode(raw, &b) == 0)
		s = mw_known_must(strndup((const char *)b.p, b.len));
	mw_buf_done(&b);
	return s;
}

double mw_known_number(struct mw_slice raw, double otherwise)
{
	char buf[32], *end;
	double v;

	if (raw.n == 0 || raw.n >= sizeof(buf))
		return otherwise;
	memcpy(buf, raw.p, raw.n);
	buf[raw.n] = '\0';
	v = strtod(buf, &end);
	return *end ? otherwise : v;
}

void mw_known_name_count(struct mw_known_names *l, struct mw_slice name, uint64_t n, bool certain)
{
	struct mw_known_name *e;

	if (!name.n)
		return;
	for (size_t i = 0; i < l->n; i++) {
		e = &l->p[i];
		if (strncmp(e->name, (const char *)name.p, name.n) == 0 && !e->name[name.n]) {
			e->n += n;
			e->certain += certain ? n : 0;
			return;
		}
	}
	if (l->n == MW_KNOWN_NAMES_MAX) {
		l->more += n;
		return;
	}
	if (!l->p)
		l->p = mw_known_must(calloc(MW_KNOWN_NAMES_MAX, sizeof(*l->p)));
	l->p[l->n++] = (struct mw_known_name){ mw_known_must(strndup((const char *)name.p, name.n)),
					       n, certain ? n : 0 };
}

void mw_known_raw_count(struct mw_known_names *l, struct mw_slice raw, uint64_t n, bool certain)
{
	char *s = mw_known_text(raw);

	if (s)
		mw_known_name_count(l, mw_slice_str(s), n, certain);
	free(s);
}

void mw_known_str_count(struct mw_known_names *l, const char *s)
{
	if (s)
		mw_known_name_count(l, mw_slice_str(s), 1, true);
}

void mw_known_names_done(struct mw_known_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i].name);
	free(l->p);
}

static int by_count(const void *pa, const void *pb)
{
	const struct mw_known_name *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n < b->n ? 1 : -1;
	return strcmp(a->name, b->name);
}

void mw_known_names_sort(struct mw_known_names *l)
{
	if (l->n)
		qsort(l->p, l->n, sizeof(*l->p), by_count);
}
