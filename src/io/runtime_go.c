/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_go.c - Go: what its linker says of itself
 *
 * The format is that of debug/buildinfo: 16 bytes aligned, magic, at 14 the size of pointers, at 15
 * flags; where flag 2 is set (1.18 and later) the version stands at 32, its length before it as a
 * varint, else at 16 is the address of a string's pointer and length. It is in the section
 * .go.buildinfo, or near the start of the first writable segment.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/binary.h"
#include "io/runtime.h"

#define HEAD_LEN   32
#define ALIGN	   16
#define SEARCH_MAX (64u << 10)
#define VARINT_MAX 2 /* no version is longer than 16,383 bytes */

enum { FLAG_BIG_ENDIAN = 1, FLAG_INLINE = 2 };

static const char magic[14] = "\xff Go buildinf:";

/*
 * Where fields of runtime.g and runtime.m (src/runtime/runtime2.go) stand on amd64, by minor
 * version: what tests/live/go/layout reads in the DWARF of programs built by each, and
 * tests/live/go-versions has run. parentGoid is from 1.21 on.
 */
struct layout {
	uint32_t minor;
	uint32_t goid, parent, m; /* in g */
	uint32_t curg, incgo;	  /* in m */
};

static const struct layout layouts[] = {
	{ 18, 152, 0, 48, 192, 280 },	{ 19, 152, 0, 48, 192, 280 },
	{ 20, 152, 0, 48, 192, 280 },	{ 21, 152, 272, 48, 192, 280 },
	{ 22, 152, 272, 48, 192, 280 }, { 23, 160, 280, 48, 192, 280 },
	{ 24, 160, 280, 48, 192, 280 }, { 25, 152, 272, 48, 184, 272 },
	{ 26, 152, 280, 48, 184, 280 }, { 27, 152, 280, 48, 184, 280 },
};

/* Of a program in which nothing else is thread-local, g stands right below where fs points. */
#define TLS_OFFSET (-8)

const char *mw_runtime_go_tested(void)
{
	return "1.18 to 1.27";
}

static const struct layout *find_layout(uint32_t minor)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].minor == minor)
			return &layouts[i];
	return NULL;
}

static bool is_head(const uint8_t *p)
{
	return memcmp(p, magic, sizeof(magic)) == 0;
}

/* Searches the file from `off`. 0, -ENOENT, or an error of reading. */
static int find_head(struct mw_binary *b, uint64_t off, uint64_t len, uint64_t *ret)
{
	uint8_t buf[4096];
	uint64_t pad = -off & (ALIGN - 1);
	size_t n;
	int r;

	if (off > b->size || pad > len)
		return -ENOENT;
	if (len > b->size - off)
		len = b->size - off;
	off += pad;
	len -= len < pad ? len : pad;
	if (len > SEARCH_MAX)
		len = SEARCH_MAX;
	for (; len >= HEAD_LEN; off += n, len -= n) {
		n = (len < sizeof(buf) ? len : sizeof(buf)) & ~(size_t)(ALIGN - 1);
		r = mw_binary_read(b, off, buf, n);
		if (r < 0)
			return r;
		for (size_t i = 0; i + ALIGN <= n; i += ALIGN)
			if (is_head(buf + i)) {
				*ret = off + i;
				return 0;
			}
	}
	return -ENOENT;
}

static int find_info(struct mw_binary *b, uint64_t *ret)
{
	Elf64_Shdr sh;
	int r = mw_binary_section(b, ".go.buildinfo", &sh);

	if (r == 0 && sh.sh_type == SHT_PROGBITS)
		return find_head(b, sh.sh_offset, sh.sh_size, ret);
	for (size_t i = 0; i < b->n_ph; i++)
		if (b->ph[i].p_type == PT_LOAD && (b->ph[i].p_flags & (PF_X | PF_W)) == PF_W)
			return find_head(b, b->ph[i].p_offset, b->ph[i].p_filesz, ret);
	return -ENOENT;
}

/* The version's text, with its end. 0, -EBADMSG. */
static int read_version(struct mw_binary *b, uint64_t at, char *ret, size_t max)
{
	uint8_t head[HEAD_LEN], varint[VARINT_MAX];
	uint64_t len, str[2], addr;
	int r = mw_binary_read(b, at, head, sizeof(head));

	if (r < 0)
		return r;
	if (head[15] & FLAG_INLINE) {
		r = mw_binary_read(b, at + HEAD_LEN, varint, sizeof(varint));
		if (r < 0)
			return r;
		len = varint[0] & 0x7f;
		at += HEAD_LEN + 1;
		if (varint[0] & 0x80) {
			if (varint[1] & 0x80)
				return -EBADMSG;
			len |= (uint64_t)varint[1] << 7;
			at++;
		}
	} else {
		if (head[14] != 8 || head[15] & FLAG_BIG_ENDIAN)
			return -EBADMSG;
		memcpy(&addr, head + 16, sizeof(addr));
		r = mw_binary_read_addr(b, addr, str, sizeof(str));
		if (r < 0)
			return r;
		len = str[1];
	}
	if (len == 0 || len >= max)
		return -EBADMSG;
	r = head[15] & FLAG_INLINE ? mw_binary_read(b, at, ret, len)
				   : mw_binary_read_addr(b, str[0], ret, len);
	if (r < 0)
		return r;
	ret[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (ret[i] < ' ' || ret[i] > '~')
			return -EBADMSG;
	return 0;
}

/* The minor version of "go1.N", "go1.N.P", with what follows a space; 0: another form. */
static uint32_t minor_of(const char *version)
{
	uint32_t n = 0;
	const char *p = version;

	if (strncmp(p, "go1.", 4) != 0)
		return 0;
	p += 4;
	while (*p >= '0' && *p <= '9' && n < 1000)
		n = n * 10 + (uint32_t)(*p++ - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9';)
			p++;
	return *p == '\0' || *p == ' ' ? n : 0;
}

static bool is_alone(const struct mw_binary *b)
{
	for (size_t i = 0; i < b->n_ph; i++)
		if (b->ph[i].p_type == PT_TLS)
			return b->ph[i].p_memsz == -TLS_OFFSET;
	return false;
}

int mw_runtime_go_of(struct mw_binary *b, struct mw_runtime_found *ret)
{
	char version[sizeof(ret->version)];
	const struct layout *l;
	uint64_t at;
	int r = find_info(b, &at);

	if (r < 0)
		return r;
	ret->rt.kind = MW_RT_GO;
	if (read_version(b, at, version, sizeof(version)) < 0) {
		snprintf(ret->note, sizeof(ret->note), "the version of Go cannot be read");
		return 0;
	}
	memcpy(ret->version, version, strlen(version) + 1);
	l = find_layout(minor_of(version));
	if (b->eh.e_machine != EM_X86_64)
		snprintf(ret->note, sizeof(ret->note), "goroutines are read on amd64 only");
	else if (!l)
		snprintf(ret->note, sizeof(ret->note),
			 "goroutines of this version of Go are not read: no test has run it");
	if (!l || ret->note[0])
		return 0;
	ret->rt.go = (struct mw_rt_go){ .goid = l->goid,
					.parent = l->parent,
					.tls = is_alone(b) ? TLS_OFFSET : 0,
					.m = l->m,
					.curg = l->curg,
					.incgo = l->incgo };
	ret->reads = ret->exact = true;
	return 0;
}

int mw_runtime_go(uint32_t pid, struct mw_runtime_found *ret)
{
	_cleanup_(mw_binary_close) struct mw_binary b = { 0 };
	int r = mw_binary_open(pid, &b);

	if (r == 0)
		r = mw_runtime_go_of(&b, ret);
	return r == -ESRCH ? r : 0;
}
