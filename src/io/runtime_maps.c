/* SPDX-License-Identifier: Apache-2.0 */
#include "io/runtime_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"

#define PAGE 4096ull

/* A hexadecimal number that ends with `stop`; moves *p behind that. */
static bool take_hex(const char **p, char stop, uint64_t *ret)
{
	uint64_t v = 0;
	int n = 0;

	for (;; (*p)++, n++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (n == 0 || n > 16 || **p != stop)
		return false;
	(*p)++;
	*ret = v;
	return true;
}

/* "start-end perms offset dev inode path": 1 it is one wanted, 0 not, -EBADMSG. */
static int parse(const char *line, const char *prefix, uint64_t from, struct mw_mapping *ret)
{
	struct mw_mapping m;
	const char *p = line, *name;
	uint64_t offset;

	if (!take_hex(&p, '-', &m.start) || !take_hex(&p, ' ', &m.end) || m.end <= m.start)
		return -EBADMSG;
	p = strchr(p, ' ');
	if (!p)
		return -EBADMSG;
	p++;
	if (!take_hex(&p, ' ', &offset))
		return -EBADMSG;
	name = strrchr(p, '/');
	if (m.start < from || offset || !name || strncmp(name + 1, prefix, strlen(prefix)) != 0)
		return 0;
	*ret = m;
	return 1;
}

int mw_maps_find(uint32_t pid, const char *prefix, uint64_t from, struct mw_mapping *ret)
{
	_cleanup_(mw_close) int fd = -1;
	char buf[2 * PAGE + 512 + 1], *line, *end; /* a line holds a path, escaped at worst */
	size_t have = 0, all = 0;
	ssize_t n;
	int r;

	snprintf(buf, sizeof(buf), "/proc/%u/maps", pid);
	fd = open(buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (all < MW_MAPS_READ_MAX) {
		n = read(fd, buf + have, sizeof(buf) - 1 - have);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return have ? -EBADMSG : -ENOENT;
		if (n < 0)
			continue;
		have += (size_t)n;
		all += (size_t)n;
		buf[have] = 0;
		for (line = buf; (end = memchr(line, '\n', have)); line = end + 1) {
			*end = 0;
			have -= (size_t)(end + 1 - line);
			r = parse(line, prefix, from, ret);
			if (r)
				return r < 0 ? r : 0;
		}
		if (have == sizeof(buf) - 1)
			return -EBADMSG;
		memmove(buf, line, have);
	}
	return -ENOENT;
}

int mw_maps_open(uint32_t pid, const struct mw_mapping *m, struct mw_binary *ret)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	return mw_binary_open_path(path, ret);
}

int mw_maps_bias(const struct mw_mapping *m, const struct mw_binary *b, uint64_t *ret)
{
	for (size_t i = 0; i < b->n_ph; i++) {
		if (b->ph[i].p_type != PT_LOAD || b->ph[i].p_offset >= PAGE)
			continue;
		*ret = m->start - (b->ph[i].p_vaddr & ~(PAGE - 1));
		return 0;
	}
	return -EBADMSG;
}

int mw_maps_bias_exe(uint32_t pid, const struct mw_binary *exe, uint64_t *ret)
{
	_cleanup_(mw_close) int fd = -1;
	uint64_t aux[2], at = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	for (int i = 0; i < 64 && read(fd, aux, sizeof(aux)) == sizeof(aux) && aux[0]; i++)
		if (aux[0] == AT_PHDR)
			at = aux[1];
	if (!at)
		return -EBADMSG;
	for (size_t i = 0; i < exe->n_ph; i++) {
		const Elf64_Phdr *p = &exe->ph[i];

		if (p->p_type != PT_LOAD || exe->eh.e_phoff < p->p_offset ||
		    exe->eh.e_phoff - p->p_offset >= p->p_filesz)
			continue;
		*ret = at - (p->p_vaddr + (exe->eh.e_phoff - p->p_offset));
		return 0;
	}
	return -EBADMSG;
}
