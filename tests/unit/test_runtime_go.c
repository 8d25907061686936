/* SPDX-License-Identifier: Apache-2.0 */
/* binary.h and runtime_go.c: programs as Go's linker makes them, and as nobody does */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/binary.h"
#include "io/runtime.h"

/* One writable segment at BASE; in it the section .go.buildinfo, and behind all the sections'
 * names. */
#define BASE	0x400000ull
#define INFO_AT 0x200
#define NAMES	"\0.go.buildinfo\0.shstrtab"

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[2];
	Elf64_Shdr sh[3];
	uint8_t pad[INFO_AT - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr) - 3 * sizeof(Elf64_Shdr)];
	uint8_t info[256];
	char names[32];
};

static struct image image_of(const char *version)
{
	struct image m = {
		.eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_machine = EM_X86_64,
			.e_phoff = offsetof(struct image, ph),
			.e_shoff = offsetof(struct image, sh),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
			.e_shstrndx = 2 },
		.ph = { { .p_type = PT_LOAD,
			  .p_flags = PF_R | PF_W,
			  .p_offset = INFO_AT,
			  .p_vaddr = BASE,
			  .p_filesz = sizeof(m.info) },
			{ .p_type = PT_TLS, .p_memsz = 8 } },
		.sh = { { 0 },
			{ .sh_name = 1,
			  .sh_type = SHT_PROGBITS,
			  .sh_offset = INFO_AT,
			  .sh_size = sizeof(m.info) },
			{ .sh_name = 15,
			  .sh_type = SHT_STRTAB,
			  .sh_offset = offsetof(struct image, names),
			  .sh_size = sizeof(NAMES) } },
	};

	memcpy(m.names, NAMES, sizeof(NAMES));
	memcpy(m.info, "\xff Go buildinf:\x08\x02", 16);
	m.info[32] = (uint8_t)strlen(version);
	memcpy(m.info + 33, version, strlen(version));
	return m;
}

/* As before 1.18: the addresses of the version and the modules' text. */
static struct image image_of_old(const char *version)
{
	struct image m = image_of("");
	const uint64_t at = BASE + 64, str[2] = { BASE + 96, strlen(version) };

	m.info[15] = 0;
	memcpy(m.info + 16, &at, sizeof(at));
	memcpy(m.info + 64, str, sizeof(str));
	memcpy(m.info + 96, version, strlen(version));
	return m;
}

static int file_of(const void *p, size_t len, struct mw_binary *ret)
{
	int fd = memfd_create("program", MFD_CLOEXEC), r;
	char path[64];

	assert_int_equal(write(fd, p, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = mw_binary_open_path(path, ret);
	close(fd);
	return r;
}

static int look(const void *p, size_t len, struct mw_runtime_found *ret)
{
	struct mw_binary b = { 0 };
	int r = file_of(p, len, &b);

	*ret = (struct mw_runtime_found){ 0 };
	if (r == 0)
		r = mw_runtime_go_of(&b, ret);
	mw_binary_close(&b);
	assert_true(r == 0 || ret->rt.kind == MW_RT_NONE);
	assert_true(ret->reads || ret->rt.go.goid == 0);
	return r;
}

static struct mw_runtime_found found_of(const struct image *m)
{
	struct mw_runtime_found f;

	assert_int_equal(look(m, sizeof(*m), &f), 0);
	assert_int_equal(f.rt.kind, MW_RT_GO);
	return f;
}

static void test_versions(void **state)
{
	static const struct {
		const char *version;
		uint32_t goid, parent; /* goid 0: not read */
	} want[] = {
		{ "go1.27.4", 152, 280 },
		{ "go1.26.8", 152, 280 },
		{ "go1.26", 152, 280 },
		{ "go1.25.3 (Red Hat 1.25.3-1.el9)", 152, 272 },
		{ "go1.24.13 X:nocoverageredesign", 160, 280 },
		{ "go1.21.0", 152, 272 },
		{ "go1.18.10", 152, 0 },
		{ "go1.17.13", 0, 0 },
		{ "go1.28.0", 0, 0 },
		{ "go1.26rc1", 0, 0 },
		{ "go1.26.8x", 0, 0 },
		{ "go1.4294967322", 0, 0 }, /* 26 in 32 bits */
		{ "go2.26.0", 0, 0 },
		{ "devel go1.26-abcdef0 Mon", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct image m = image_of(want[i].version);
		struct mw_runtime_found f = found_of(&m);

		assert_string_equal(f.version, want[i].version);
		assert_int_equal(f.reads, want[i].goid != 0);
		assert_int_equal(f.exact, f.reads);
		assert_int_equal(f.rt.go.goid, want[i].goid);
		assert_int_equal(f.rt.go.parent, want[i].parent);
		assert_int_equal(strlen(f.note) > 0, !f.reads);
	}
}

static void test_forms(void **state)
{
	struct image m = image_of_old("go1.16.5");
	struct mw_runtime_found f = found_of(&m);

	assert_string_equal(f.version, "go1.16.5");
	assert_false(f.reads);
	m = image_of_old("go1.26.8");
	assert_true(found_of(&m).reads);
	/* without sections: in the first writable segment */
	m = image_of("go1.26.8");
	m.eh.e_shnum = 0;
	f = found_of(&m);
	assert_true(f.reads);
	assert_int_equal(f.rt.go.tls, -8);
	assert_int_equal(f.rt.go.m, 48);
	/* other things are thread-local too: then it is not known where g is */
	m.ph[1].p_memsz = 16;
	f = found_of(&m);
	assert_true(f.reads);
	assert_int_equal(f.rt.go.tls, 0);
	m.eh.e_machine = EM_AARCH64;
	f = found_of(&m);
	assert_false(f.reads);
	assert_string_equal(f.version, "go1.26.8");
}

static void test_broken(void **state)
{
	struct image m;
	struct mw_runtime_found f;

	/* its version cannot be had: still Go, and not read */
	m = image_of("go1.26.8");
	m.info[32] = 0x80 | 8; /* goes on, longer than we take */
	m.info[33] = 0x80;
	assert_false(found_of(&m).reads);
	m = image_of("go1.26.8");
	m.info[32] = 200;
	assert_false(found_of(&m).reads);
	m = image_of("go1.\x1b[2J");
	f = found_of(&m);
	assert_false(f.reads);
	assert_string_equal(f.version, "");
	m = image_of_old("go1.26.8");
	memset(m.info + 64, 0xff, 8); /* of the string's bytes */
	assert_false(found_of(&m).reads);
	m = image_of_old("go1.26.8");
	memset(m.info + 72, 0xff, 8); /* its length */
	assert_false(found_of(&m).reads);
	m = image_of_old("go1.26.8");
	memset(m.info + 16, 0, 8);
	assert_false(found_of(&m).reads);

	/* no Go at all */
	m = image_of("go1.26.8");
	m.info[0] = 0;
	assert_int_equal(look(&m, sizeof(m), &f), -ENOENT);
	assert_int_equal(look("#!/bin/sh\n", 10, &f), -ENOEXEC);
	assert_int_equal(look("", 0, &f), -ENOEXEC);
	m = image_of("go1.26.8");
	m.eh.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(look(&m, sizeof(m), &f), -ENOEXEC);
	m = image_of("go1.26.8");
	m.eh.e_phoff = UINT64_MAX - 8;
	assert_int_equal(look(&m, sizeof(m), &f), -EBADMSG);
	m = image_of("go1.26.8");
	m.eh.e_phnum = 0xffff;
	assert_int_equal(look(&m, sizeof(m), &f), -EBADMSG);
	m = image_of("go1.26.8");
	m.sh[1].sh_offset = UINT64_MAX - 3;
	assert_true(look(&m, sizeof(m), &f) < 0);
	m = image_of("go1.26.8");
	m.sh[1].sh_size = UINT64_MAX;
	assert_true(found_of(&m).reads); /* it stands at its start */
	m = image_of("go1.26.8");
	m.sh[2].sh_size = UINT64_MAX;
	assert_true(found_of(&m).reads); /* by its segment */
}

/* A table that asks for more than is read of any file. */
static void test_bounded(void **state)
{
	static uint8_t big[MW_BINARY_READ_MAX];
	struct mw_binary b = { 0 };
	struct image m = image_of("go1.26.8");
	uint8_t *buf = malloc(MW_BINARY_READ_MAX);

	memcpy(big, &m, sizeof(m));
	assert_int_equal(file_of(big, sizeof(big), &b), 0);
	assert_int_equal(mw_binary_read(&b, 0, buf, sizeof(big)), -EFBIG);
	assert_int_equal(mw_binary_read(&b, 0, buf, sizeof(big) / 2), 0);
	assert_int_equal(mw_binary_read(&b, 0, buf, sizeof(big) / 2), -EFBIG);
	assert_int_equal(mw_binary_read(&b, sizeof(big) - 4, buf, 8), -EBADMSG);
	mw_binary_close(&b);
	mw_binary_close(&b);
	free(buf);
	assert_int_equal(mw_binary_open_path("/dev/zero", &b), -ENOEXEC);
	assert_int_equal(mw_binary_open_path("/proc/4194305/exe", &b), -ESRCH);
}

static void test_symbols(void **state)
{
	struct mw_binary b = { 0 };
	Elf64_Sym sym;

	assert_int_equal(mw_binary_open_path("/proc/self/exe", &b), 0);
	assert_int_equal(mw_binary_needs(&b, "libc.so."), 1);
	assert_int_equal(mw_binary_needs(&b, "libpython3."), 0);
	assert_int_equal(mw_binary_symbol(&b, "mw_no_such_symbol", &sym), -ENOENT);
	/* only what it takes from others */
	assert_int_equal(mw_binary_symbol(&b, "memfd_create", &sym), -ENOENT);
	mw_binary_close(&b);
	assert_int_equal(mw_binary_open_path("/lib64/ld-linux-x86-64.so.2", &b), 0);
	assert_int_equal(mw_binary_symbol(&b, "_r_debug", &sym), 0);
	assert_int_equal(sym.st_size >= 40, 1);
	mw_binary_close(&b);
}

/* Whatever the bytes: no crash, and nothing that is read beyond the file. */
static void test_random(void **state)
{
	static const uint8_t odd[] = { 0, 1, 2, 7, 8, 0x7f, 0x80, 0xff };
	uint64_t x = 88172645463325252ull;
	struct mw_runtime_found f;
	size_t n_read = 0;

	for (int i = 0; i < 20000; i++) {
		struct image m = i % 2 ? image_of("go1.26.8") : image_of_old("go1.26.8");
		size_t len = sizeof(m);

		for (int k = i % 7; k >= 0; k--) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			((uint8_t *)&m)[x % sizeof(m)] = odd[x >> 32 & 7];
		}
		if (i % 5 == 0)
			len = (x >> 20) % sizeof(m);
		if (look(&m, len, &f) == 0)
			n_read += f.reads;
	}
	assert_in_range(n_read, 5000, 19999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions), cmocka_unit_test(test_forms),
		cmocka_unit_test(test_broken),	 cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_symbols),	 cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
