/* SPDX-License-Identifier: Apache-2.0 */
#include "io/binary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

#define NAME_MAX_LEN 128

/* --- bytes ----------------------------------------------------------------------------------- */

int mw_binary_read(struct mw_binary *b, uint64_t off, void *buf, size_t len)
{
	uint64_t end;
	size_t done = 0;
	ssize_t n;

	if (__builtin_add_overflow(off, len, &end) || end > b->size)
		return -EBADMSG;
	if (len > b->left)
		return -EFBIG;
	b->left -= len;
	while (done < len) {
		n = pread(b->fd, (uint8_t *)buf + done, len - done, (off_t)(off + done));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EBADMSG; /* it was cut meanwhile */
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* Where in the file `addr` stands, and how much of its segment follows. */
static bool find_addr(const struct mw_binary *b, uint64_t addr, uint64_t *ret_off,
		      uint64_t *ret_left)
{
	for (size_t i = 0; i < b->n_ph; i++) {
		const Elf64_Phdr *p = &b->ph[i];
		uint64_t off;

		if (p->p_type != PT_LOAD || addr < p->p_vaddr || addr - p->p_vaddr >= p->p_filesz ||
		    __builtin_add_overflow(p->p_offset, addr - p->p_vaddr, &off))
			continue;
		*ret_off = off;
		*ret_left = p->p_filesz - (addr - p->p_vaddr);
		return true;
	}
	return false;
}

int mw_binary_read_addr(struct mw_binary *b, uint64_t addr, void *buf, size_t len)
{
	uint64_t off, left;

	if (!find_addr(b, addr, &off, &left) || len > left)
		return -EBADMSG;
	return mw_binary_read(b, off, buf, len);
}

/* How many bytes there are in the file from `addr` on to the end of its segment. */
static uint64_t left_at(const struct mw_binary *b, uint64_t addr)
{
	uint64_t off, left;

	if (!find_addr(b, addr, &off, &left) || off > b->size)
		return 0;
	return left < b->size - off ? left : b->size - off;
}

/* Compares a string of the file, with its terminator. 1, 0, or negative errno. */
static int equals_at(struct mw_binary *b, uint64_t addr, const char *s, size_t len)
{
	char buf[NAME_MAX_LEN];
	int r;

	if (len > sizeof(buf))
		return -EINVAL;
	if (left_at(b, addr) < len)
		return 0;
	r = mw_binary_read_addr(b, addr, buf, len);
	return r < 0 ? r : memcmp(buf, s, len) == 0;
}

/* --- the file -------------------------------------------------------------------------------- */

static int read_heads(struct mw_binary *b)
{
	int r;

	if (b->size < sizeof(b->eh))
		return -ENOEXEC;
	r = mw_binary_read(b, 0, &b->eh, sizeof(b->eh));
	if (r < 0)
		return r;
	if (memcmp(b->eh.e_ident, ELFMAG, SELFMAG) != 0 || b->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    b->eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (b->eh.e_phnum > MW_BINARY_SEGMENTS_MAX || b->eh.e_phentsize != sizeof(b->ph[0]))
		return -EBADMSG;
	r = mw_binary_read(b, b->eh.e_phoff, b->ph, b->eh.e_phnum * sizeof(b->ph[0]));
	if (r < 0)
		return r;
	b->n_ph = b->eh.e_phnum;
	return 0;
}

int mw_binary_open_path(const char *path, struct mw_binary *ret)
{
	struct mw_binary b = { .left = MW_BINARY_READ_MAX };
	struct stat st;
	int r;

	/* a FIFO or device must not be waited for: a path may be anything */
	b.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (b.fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (fstat(b.fd, &st) < 0) {
		r = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		r = -ENOEXEC;
	} else {
		b.size = (uint64_t)st.st_size;
		b.dev = st.st_dev;
		b.ino = st.st_ino;
		b.mtime_ns =
		    (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
		b.ctime_ns =
		    (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec;
		r = read_heads(&b);
	}
	if (r < 0) {
		close(b.fd);
		return r;
	}
	*ret = b;
	return 0;
}

int mw_binary_open(uint32_t pid, struct mw_binary *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	return mw_binary_open_path(path, ret);
}

void mw_binary_close(struct mw_binary *b)
{
	if (b->size) /* else it was never opened: one of no bytes is no ELF file */
		mw_close(&b->fd);
	memset(b, 0, sizeof(*b));
}

int mw_binary_section(struct mw_binary *b, const char *name, Elf64_Shdr *ret)
{
	Elf64_Shdr sh[MW_BINARY_SECTIONS_MAX], *names;
	const size_t n = b->eh.e_shnum, len = strlen(name) + 1;
	char buf[NAME_MAX_LEN];
	uint64_t at, end;
	int r;

	if (n == 0)
		return -ENOENT;
	if (len > sizeof(buf))
		return -EINVAL;
	if (n > MW_BINARY_SECTIONS_MAX || b->eh.e_shentsize != sizeof(sh[0]) ||
	    b->eh.e_shstrndx >= n)
		return -EBADMSG;
	r = mw_binary_read(b, b->eh.e_shoff, sh, n * sizeof(sh[0]));
	if (r < 0)
		return r;
	names = &sh[b->eh.e_shstrndx];
	if (__builtin_add_overflow(names->sh_offset, names->sh_size, &end) || end > b->size)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		if (sh[i].sh_type == SHT_NULL || sh[i].sh_name >= names->sh_size ||
		    len > names->sh_size - sh[i].sh_name)
			continue;
		at = names->sh_offset + sh[i].sh_name;
		r = mw_binary_read(b, at, buf, len);
		if (r < 0)
			return r;
		if (memcmp(buf, name, len) == 0) {
			*ret = sh[i];
			return 0;
		}
	}
	return -ENOENT;
}

/* --- the dynamic segment --------------------------------------------------------------------- */

struct dynamic {
	Elf64_Dyn d[MW_BINARY_DYNAMIC_MAX];
	size_t n;
};

static int read_dynamic(struct mw_binary *b, struct dynamic *ret)
{
	const Elf64_Phdr *p = NULL;
	uint64_t len;
	int r;

	for (size_t i = 0; i < b->n_ph; i++)
		if (b->ph[i].p_type == PT_DYNAMIC)
			p = &b->ph[i];
	if (!p)
		return -ENOENT;
	len = p->p_filesz < sizeof(ret->d) ? p->p_filesz : sizeof(ret->d);
	ret->n = len / sizeof(ret->d[0]);
	r = mw_binary_read(b, p->p_offset, ret->d, ret->n * sizeof(ret->d[0]));
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->d[i].d_tag == DT_NULL)
			ret->n = i;
	return 0;
}

static uint64_t dynamic_value(const struct dynamic *d, int64_t tag)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->d[i].d_tag == tag)
			return d->d[i].d_un.d_val;
	return 0;
}

static uint32_t gnu_hash(const char *s)
{
	uint32_t h = 5381;

	for (; *s; s++)
		h = h * 33 + (uint8_t)*s;
	return h;
}

#define CHAIN_MAX 4096

int mw_binary_symbol(struct mw_binary *b, const char *name, Elf64_Sym *ret)
{
	/* buckets, first symbol that is hashed, words of the bloom filter, its shift */
	uint32_t head[4], i, hash, want = gnu_hash(name);
	uint64_t table, symbols, strings, buckets, chains;
	struct dynamic d;
	Elf64_Sym sym;
	int r;

	r = read_dynamic(b, &d);
	if (r < 0)
		return r;
	table = dynamic_value(&d, DT_GNU_HASH);
	symbols = dynamic_value(&d, DT_SYMTAB);
	strings = dynamic_value(&d, DT_STRTAB);
	if (!table || !symbols || !strings)
		return -ENOENT;
	r = mw_binary_read_addr(b, table, head, sizeof(head));
	if (r < 0)
		return r;
	if (head[0] == 0)
		return -ENOENT;
	if (__builtin_add_overflow(table, sizeof(head) + 8ull * head[2], &buckets))
		return -EBADMSG;
	chains = buckets + 4ull * head[0];
	r = mw_binary_read_addr(b, buckets + 4ull * (want % head[0]), &i, sizeof(i));
	if (r < 0)
		return r;
	if (i < head[1])
		return -ENOENT;
	for (int n = 0; n < CHAIN_MAX; n++, i++) {
		r = mw_binary_read_addr(b, chains + 4ull * (i - head[1]), &hash, sizeof(hash));
		if (r < 0)
			return r;
		if ((hash | 1) == (want | 1)) {
			r = mw_binary_read_addr(b, symbols + 24ull * i, &sym, sizeof(sym));
			if (r < 0)
				return r;
			r = equals_at(b, strings + sym.st_name, name, strlen(name) + 1);
			if (r < 0)
				return r;
			if (r && sym.st_shndx != SHN_UNDEF) {
				*ret = sym;
				return 0;
			}
		}
		if (hash & 1)
			return -ENOENT;
	}
	return -EBADMSG;
}

int mw_binary_needs(struct mw_binary *b, const char *prefix)
{
	struct dynamic d;
	uint64_t strings;
	int r = read_dynamic(b, &d);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	strings = dynamic_value(&d, DT_STRTAB);
	for (size_t i = 0; i < d.n; i++) {
		if (d.d[i].d_tag != DT_NEEDED)
			continue;
		r = equals_at(b, strings + d.d[i].d_un.d_val, prefix, strlen(prefix));
		if (r)
			return r;
	}
	return 0;
}
