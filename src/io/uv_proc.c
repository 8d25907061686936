/* SPDX-License-Identifier: Apache-2.0 */
#include "io/uv_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/uprobes.h"

/* Of linux/sched.h: it has not run another program since its fork. */
#define PF_FORKNOEXEC 0x40

bool mw_uv_is_copy(uint32_t pid)
{
	char path[32], line[512];
	unsigned long flags = 0;
	FILE *f;
	char *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	/* "pid (name) state ppid pgrp session tty tpgid flags": the name may have anything */
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	for (int i = 0; p && i < 7; i++)
		p = strchr(p + 1, ' ');
	if (p)
		flags = strtoul(p, NULL, 10);
	fclose(f);
	return !p || flags & PF_FORKNOEXEC;
}

bool mw_uv_runs(uint32_t pid, const struct mw_rt_node *node)
{
	char path[32];
	struct statx st;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == node->dev && st.stx_ino == node->ino;
}

struct mapping {
	uint64_t from, to, off;
	bool is_code;
};

/* One line of /proc/PID/maps: "from-to perms offset ..." */
static bool parse_mapping(const char *line, struct mapping *ret)
{
	struct mapping m;
	char *p;

	m.from = strtoull(line, &p, 16);
	if (*p != '-')
		return false;
	m.to = strtoull(p + 1, &p, 16);
	if (*p != ' ' || strnlen(p, 6) < 6 || p[5] != ' ')
		return false;
	m.is_code = p[3] == 'x';
	m.off = strtoull(p + 6, &p, 16);
	if (*p != ' ')
		return false;
	*ret = m;
	return true;
}

/*
 * Opens the file behind a mapping. Its device is what statx says: /proc/PID/maps has another one
 * where a file system lies over others (overlayfs, btrfs), as the program's then is. What was asked
 * is what is opened, whatever is mapped there by now.
 */
static int open_mapped(uint32_t pid, uint64_t program_dev, const struct mapping *m)
{
	_cleanup_(mw_close) int at = -1;
	char path[80];
	struct statx st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid,
		 (unsigned long long)m->from, (unsigned long long)m->to);
	at = open(path, O_PATH | O_CLOEXEC);
	if (at < 0 || statx(at, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return -errno;
	if (!st.stx_dev_major && makedev(st.stx_dev_major, st.stx_dev_minor) != program_dev)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int mw_uv_code_at(uint32_t pid, uint64_t program_dev, uint64_t addr, uint64_t *ret_off)
{
	char path[32], line[512];
	struct mapping m;
	int fd = -ENOENT;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	/* what is left of a longer line has no such beginning, or what it says is no file's code */
	while (fgets(line, sizeof(line), f)) {
		if (!parse_mapping(line, &m) || !m.is_code || addr < m.from || addr >= m.to)
			continue;
		fd = open_mapped(pid, program_dev, &m);
		if (fd >= 0)
			*ret_off = addr - m.from + m.off;
		break;
	}
	fclose(f);
	return fd;
}

bool mw_uv_refused(uint32_t pid)
{
	unsigned int kernel = mw_uprobes_kernel();
	char path[32], line[128];
	bool filtered = true;
	FILE *f;

	if (kernel < MW_UPROBES_KERNEL(6, 11) || kernel >= MW_UPROBES_KERNEL(6, 14))
		return false;
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Seccomp:", 8) == 0)
			filtered = strtoul(line + 8, NULL, 10) != 0;
	if (f)
		fclose(f);
	return filtered;
}
