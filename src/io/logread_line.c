/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>

#include "base/json.h"
#include "io/known.h"
#include "io/logread_priv.h"
#include "io/when.h"

static int parse_u64(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (s.n == 0)
		return -EINVAL;
	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -EINVAL;
	*ret = v;
	return 0;
}

int mw_record_seq(const char *line, size_t n, uint64_t *ret)
{
	struct mw_slice v;
	unsigned int same;

	if (mw_json_member(mw_slice(line, n), "seq", &v, &same) < 0 || same != 1)
		return -EINVAL;
	return parse_u64(v, ret);
}

enum { HEAD_V = 1, HEAD_SEQ = 2, HEAD_TIME = 4, HEAD_TYPE = 8, HEAD_ALL = 15 };

static const char not_json[] = "not valid JSON; the file is damaged or no log";
static const char no_record[] = "not a record; the file is damaged or no log";

/* One member of the head. NULL, or what is wrong. */
static const char *head_member(struct mw_lr_input *in, struct mw_slice key, struct mw_slice v,
			       int *seen)
{
	uint64_t version;
	int bit;

	/* most are longer */
	if (key.n > sizeof("\"time\"") - 1)
		return NULL;
	if (mw_slice_eq_str(key, "\"v\""))
		bit = HEAD_V;
	else if (mw_slice_eq_str(key, "\"seq\""))
		bit = HEAD_SEQ;
	else if (mw_slice_eq_str(key, "\"time\""))
		bit = HEAD_TIME;
	else if (mw_slice_eq_str(key, "\"type\""))
		bit = HEAD_TYPE;
	else
		return NULL;
	if (*seen & bit)
		return no_record;
	*seen |= bit;
	switch (bit) {
	case HEAD_V:
		if (parse_u64(v, &version) < 0 || version == 0)
			return no_record;
		if (version > MW_RECORD_VERSION)
			return "written by a newer mcpwatch; read it with that one";
		return NULL;
	case HEAD_SEQ:
		return parse_u64(v, &in->rec.seq) < 0 ? no_record : NULL;
	case HEAD_TIME:
		if (v.n < 2 ||
		    mw_when_rfc3339((const char *)v.p + 1, v.n - 2, &in->rec.time_ns) < 0)
			return no_record;
		return NULL;
	default:
		if (v.n < 3 || v.p[0] != '"' || v.n - 2 >= sizeof(in->type) ||
		    memchr(v.p, '\\', v.n))
			return no_record;
		memcpy(in->type, v.p + 1, v.n - 2);
		in->type[v.n - 2] = '\0';
		return NULL;
	}
}

static void keep_member(struct mw_lr_input *in, struct mw_slice key, struct mw_slice value)
{
	if (in->rec.n_members < MW_LOGREC_MEMBERS_MAX)
		in->members[in->rec.n_members++] =
		    (struct mw_logrec_member){ mw_slice_inside(key), value };
}

const char *mw_lr_check(struct mw_lr_input *in, const char *line, size_t n)
{
	struct mw_json_item it;
	struct mw_slice v;
	const char *what;
	struct mw_json j;
	int seen = 0, r;

	in->rec.members = in->members;
	in->rec.n_members = 0;
	mw_json_init(&j, mw_slice(line, n), MW_JSON_DEPTH_MAX);
	r = mw_json_next(&j, &it);
	if (r == 1 && it.tok != MW_JSON_OBJECT)
		return no_record;
	while (r == 1) {
		r = mw_json_next(&j, &it);
		if (r != 1 || it.tok != MW_JSON_KEY)
			continue;
		r = mw_json_skip(&j, &it, &v);
		if (r < 0)
			break;
		r = 1;
		keep_member(in, it.raw, v);
		what = head_member(in, it.raw, v, &seen);
		if (what)
			return what;
	}
	/* What is nested beyond any sense was nested so by the observed: the record stands. */
	if (r < 0 && !(r == -E2BIG && seen == HEAD_ALL))
		return not_json;
	if (j.flags & MW_JSON_BAD_UTF8)
		return "not UTF-8; the file is damaged or no log";
	return seen == HEAD_ALL ? NULL : no_record;
}

/* --- a line that is known to be a record --------------------------------------------------------
 */

/* False: it is not laid out as records are, and has to be checked. */
static bool split(struct mw_lr_input *in, const char *line, size_t n)
{
	struct mw_known k = mw_known_members(mw_slice(line, n));
	struct mw_slice key, value;
	int seen = 0, r;

	in->rec.members = in->members;
	in->rec.n_members = 0;
	if (n < 2 || line[0] != '{' || line[1] == '}')
		return false;
	while ((r = mw_known_next(&k, &key, &value)) == 1) {
		keep_member(in, key, value);
		if (head_member(in, key, value, &seen))
			return false;
	}
	return r == 0 && seen == HEAD_ALL;
}

const char *mw_lr_known(struct mw_lr_input *in, const char *line, size_t n)
{
	return split(in, line, n) ? NULL : mw_lr_check(in, line, n);
}
