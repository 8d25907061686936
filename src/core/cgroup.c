/* SPDX-License-Identifier: Apache-2.0 */
/* What a cgroup path tells: proc.h */
#include "core/proc.h"

#define ID_LEN 64

static bool ends(struct mw_slice s, const char *tail)
{
	size_t n = strlen(tail);

	return s.n > n && memcmp(s.p + s.n - n, tail, n) == 0;
}

/* Takes the last component off path; false if there is none. */
static bool last_component(struct mw_slice *path, struct mw_slice *ret)
{
	size_t to = path->n, i;

	while (to > 0 && path->p[to - 1] == '/')
		to--;
	for (i = to; i > 0 && path->p[i - 1] != '/';)
		i--;
	if (i == to)
		return false;
	*ret = mw_slice(path->p + i, to - i);
	path->n = i;
	return true;
}

static bool is_hex(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

struct mw_slice mw_cgroup_container(struct mw_slice cgroup)
{
	static const struct mw_slice lxc = MW_SLICE_LIT("lxc.payload.");
	struct mw_slice c, id;

	while (last_component(&cgroup, &c)) {
		if (c.n > lxc.n && mw_slice_starts(c, lxc))
			return mw_slice_from(c, lxc.n);
		if (ends(c, ".scope"))
			c.n -= sizeof(".scope") - 1;
		if (c.n < ID_LEN)
			continue;
		id = mw_slice(c.p + c.n - ID_LEN, ID_LEN);
		c.n -= ID_LEN;
		if (!is_hex(id) || (c.n && c.p[c.n - 1] != '-' && c.p[c.n - 1] != ':'))
			continue;
		/* podman's and cri-o's monitor stands beside the container, not in it */
		if (ends(c, "-conmon-"))
			continue;
		return id;
	}
	return mw_slice(NULL, 0);
}

struct mw_slice mw_cgroup_unit(struct mw_slice cgroup)
{
	struct mw_slice c;

	while (last_component(&cgroup, &c))
		if (ends(c, ".service") || ends(c, ".scope"))
			return c;
	return mw_slice(NULL, 0);
}
