/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_node.c - node: a program that exports libuv's functions and its own
 *
 * The kernel side is told by probes (uv.h); here only whether they would be understood. They hold
 * to libuv's functions and to the layout of its requests, which are the same in all of libuv 1.x,
 * and to node's way of running all that a callback leads to before it returns.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "io/binary.h"
#include "io/runtime.h"
#include "io/uv_proc.h"

/* Where node says where its source is: at the beginning of .rodata in all builds seen. */
#define URL	    "https://nodejs.org/download/release/v"
#define RODATA_MAX  (2u << 20)
#define MAGIC_FUSE  0x65735546
#define VERSION_MAX 16
#define SYM_NODE    "napi_create_function"
#define SYM_LOOP    "uv_run"

/* Majors that the live tests have run. */
static const int tested[] = { 18, 20, 22, 24, 26 };

const char *mw_runtime_node_tested(void)
{
	return "18, 20, 22, 24, 26";
}

/* "20.20.2" */
static int read_version(struct mw_binary *b, char *ret, size_t ret_len)
{
	char version[VERSION_MAX];
	Elf64_Shdr sh;
	const char *p;
	size_t n, len;
	char *buf;
	int r = mw_binary_section(b, ".rodata", &sh);

	if (r < 0)
		return r;
	n = sh.sh_size < RODATA_MAX ? sh.sh_size : RODATA_MAX;
	buf = malloc(n + 1);
	if (!buf)
		return -ENOMEM;
	r = mw_binary_read(b, sh.sh_offset, buf, n);
	buf[n] = '\0';
	p = r < 0 ? NULL : memmem(buf, n, URL, sizeof(URL) - 1);
	if (p) {
		p += sizeof(URL) - 1;
		len = strspn(p, "0123456789.");
		snprintf(version, sizeof(version), "%.*s", (int)(len < VERSION_MAX ? len : 0), p);
	}
	free(buf);
	if (r < 0)
		return r;
	if (!p || !version[0])
		return -ENOENT;
	snprintf(ret, ret_len, "v%s", version);
	return 0;
}

static bool is_tested(const char *version)
{
	char *end;
	long major = strtol(version + 1, &end, 10);

	for (size_t i = 0; i < sizeof(tested) / sizeof(tested[0]); i++)
		if (*end == '.' && tested[i] == major)
			return true;
	return false;
}

/*
 * A program on FUSE may keep the kernel waiting for a page of it as long as it likes, when a probe
 * is put there.
 */
static bool may_block(const struct mw_binary *b)
{
	struct statfs fs;

	return fstatfs(b->fd, &fs) < 0 || fs.f_type == MAGIC_FUSE;
}

static void judge(struct mw_binary *b, uint32_t pid, struct mw_runtime_found *ret)
{
	const char *why = NULL;

	if (read_version(b, ret->version, sizeof(ret->version)) < 0)
		why = "its version is not known";
	else if (!is_tested(ret->version))
		why = "no test has run this version";
	else if (may_block(b))
		why = "its program lies on a file system of user space";
	else if (mw_uv_refused(pid))
		why = "this kernel would end a process with a seccomp filter at a return probe";
	ret->reads = !why;
	ret->rt.node = (struct mw_rt_node){ .dev = b->dev, .ino = b->ino };
	ret->exact = true;
	if (why)
		snprintf(ret->note, sizeof(ret->note), "the tasks of node are not read: %s", why);
}

int mw_runtime_node(uint32_t pid, struct mw_runtime_found *ret)
{
	struct mw_binary b = { 0 };
	Elf64_Sym sym;
	int r = mw_binary_open(pid, &b);

	if (r < 0)
		return r == -ESRCH ? r : 0;
	if (mw_binary_symbol(&b, SYM_NODE, &sym) == 0) {
		if (mw_binary_symbol(&b, SYM_LOOP, &sym) == 0) {
			ret->rt.kind = MW_RT_NODE;
			judge(&b, pid, ret);
		} else if (mw_binary_needs(&b, "libuv.so") == 1) {
			ret->rt.kind = MW_RT_NODE;
			snprintf(
			    ret->note, sizeof(ret->note),
			    "the tasks of node are not read: its libuv is a library of its own");
		}
	}
	mw_binary_close(&b);
	return 0;
}
