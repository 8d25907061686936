/* SPDX-License-Identifier: Apache-2.0 */
#include "io/uprobes.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Of linux/bpf.h since 6.6; Debian 12's is older. */
#define TRACE_UPROBE_MULTI  48
#define UPROBE_MULTI_RETURN 1

struct link_create {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad;
};

unsigned int mw_uprobes_kernel(void)
{
	unsigned long major, minor;
	struct utsname u;
	char *end;

	if (uname(&u) < 0)
		return 0;
	major = strtoul(u.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major < 256 && minor < 256 ? (unsigned int)MW_UPROBES_KERNEL(major, minor) : 0;
}

/* Whether the kernel has links for many places. */
static bool has_multi(void)
{
	/* what was wrong before is not to be seen in the kernel's description of itself */
	return mw_uprobes_kernel() >= MW_UPROBES_KERNEL(6, 10);
}

void mw_uprobes_prepare(struct bpf_program *prog)
{
	if (has_multi())
		bpf_program__set_expected_attach_type(prog,
						      (enum bpf_attach_type)TRACE_UPROBE_MULTI);
}

static int add_multi(struct mw_uprobes *set, const struct bpf_program *prog, uint32_t pid,
		     const char *path, const unsigned long *off, const uint64_t *cookie, size_t n,
		     bool ret)
{
	struct link_create attr = {
		.prog_fd = (uint32_t)bpf_program__fd(prog),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)off,
		.cookies = (uintptr_t)cookie,
		.cnt = (uint32_t)n,
		.multi_flags = ret ? UPROBE_MULTI_RETURN : 0,
		.pid = pid,
	};
	int *fds = realloc(set->fd, (set->n_fd + 1) * sizeof(*fds)), fd;

	if (!fds)
		return -ENOMEM;
	set->fd = fds;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	set->fd[set->n_fd++] = fd;
	return 0;
}

static int add_each(struct mw_uprobes *set, struct bpf_program *prog, uint32_t pid,
		    const char *path, const unsigned long *off, const uint64_t *cookie, size_t n,
		    bool ret)
{
	struct bpf_link **links = realloc(set->link, (set->n_link + n) * sizeof(struct bpf_link *));
	size_t before = set->n_link;
	int r;

	if (!links)
		return -ENOMEM;
	set->link = links;
	for (size_t i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie[i], .retprobe = ret);
		struct bpf_link *l =
		    bpf_program__attach_uprobe_opts(prog, (pid_t)pid, path, off[i], &opts);

		if (l) {
			set->link[set->n_link++] = l;
			continue;
		}
		r = -errno;
		while (set->n_link > before)
			bpf_link__destroy(set->link[--set->n_link]);
		return r;
	}
	return 0;
}

int mw_uprobes_add(struct mw_uprobes *set, struct bpf_program *prog, uint32_t pid, int file,
		   const unsigned long *off, const uint64_t *cookie, size_t n, bool ret)
{
	char path[32];

	if (n == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return has_multi() ? add_multi(set, prog, pid, path, off, cookie, n, ret)
			   : add_each(set, prog, pid, path, off, cookie, n, ret);
}

size_t mw_uprobes_fds(const struct mw_uprobes *set, int *ret)
{
	for (size_t i = 0; i < set->n_link; i++)
		ret[i] = bpf_link__fd(set->link[i]);
	for (size_t i = 0; i < set->n_fd; i++)
		ret[set->n_link + i] = set->fd[i];
	return set->n_link + set->n_fd;
}

void mw_uprobes_done(struct mw_uprobes *set)
{
	while (set->n_link)
		bpf_link__destroy(set->link[--set->n_link]);
	while (set->n_fd)
		close(set->fd[--set->n_fd]);
	free(set->link);
	free(set->fd);
	*set = (struct mw_uprobes){ 0 };
}
