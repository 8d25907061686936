/* SPDX-License-Identifier: Apache-2.0 */
#include "io/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/cmdline.h"
#include "io/file.h"

static size_t read_file(uint32_t pid, const char *name, char *buf, size_t len)
{
	_cleanup_(mw_close) int fd = -1;
	size_t done = 0;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (done < len && (n = read(fd, buf + done, len - done)) > 0)
		done += (size_t)n;
	return done;
}

static struct mw_slice read_link(uint32_t pid, const char *name, char *buf)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	n = readlink(path, buf, MW_PATH_MAX);
	return n < 0 ? mw_slice(NULL, 0) : mw_slice(buf, (size_t)n);
}

/* The cgroup v2 path: the line that begins with "0::". */
static struct mw_slice cgroup_of(char *text, size_t n)
{
	char *at, *end;

	text[n] = 0;
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!at)
		return mw_slice(NULL, 0);
	at = strchr(at, ':') + 2;
	end = strchrnul(at, '\n');
	return mw_slice(at, (size_t)(end - at));
}

/* The number behind a name in status, `skip` fields further on. The name of the process stands in
 * its first line, with line ends escaped. */
static uint32_t status_number(const char *status, const char *name, int skip)
{
	const char *line = strstr(status, name);

	line = line ? strchr(line + 1, '\t') : NULL;
	while (line && skip--)
		line = strchr(line + 1, '\t');
	return line ? (uint32_t)strtoul(line + 1, NULL, 10) : UINT32_MAX;
}

/* The text of status, NUL-terminated. */
static void read_status(uint32_t pid, char status[2048])
{
	status[read_file(pid, "status", status, 2047)] = 0;
}

int mw_look(uint32_t pid, struct mw_look *ret)
{
	char status[2048], *p = ret->buf;
	size_t n;

	ret->pid = pid;
	snprintf(ret->root, sizeof(ret->root), "/proc/%u/root", pid);
	ret->exe = read_link(pid, "exe", p);
	if (!ret->exe.n)
		return -ESRCH;
	p += MW_PATH_MAX;
	ret->cwd = read_link(pid, "cwd", p);
	p += MW_PATH_MAX;
	ret->argv = mw_slice(p, mw_cmdline_read(pid, 0, p, MW_ARGV_MAX));
	p += MW_ARGV_MAX;
	n = read_file(pid, "cgroup", p, MW_PATH_MAX - 1);
	ret->cgroup = cgroup_of(p, n);
	read_status(pid, status);
	ret->uid = status_number(status, "\nUid:", 1);
	ret->ppid = status_number(status, "\nPPid:", 0);
	if (ret->ppid == UINT32_MAX)
		return -ESRCH;
	return 0;
}

uint32_t mw_look_parent(uint32_t pid)
{
	char status[2048];
	uint32_t parent;

	read_status(pid, status);
	parent = status_number(status, "\nPPid:", 0);
	return parent == UINT32_MAX ? 0 : parent;
}

int mw_look_pids(uint32_t **ret, size_t *ret_n)
{
	uint32_t *pids = NULL, *p;
	size_t n = 0, cap = 0;
	struct dirent *d;
	DIR *proc = opendir("/proc");

	if (!proc)
		return -errno;
	while ((d = readdir(proc))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 512;
			p = realloc(pids, cap * sizeof(*p));
			if (!p) {
				free(pids);
				closedir(proc);
				return -ENOMEM;
			}
			pids = p;
		}
		pids[n++] = (uint32_t)strtoul(d->d_name, NULL, 10);
	}
	closedir(proc);
	*ret = pids;
	*ret_n = n;
	return 0;
}
