/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/uv_points.h"
#include "io/uv_proc.h"

#include <mcpwatch/loader.h>

/* --- a program of a few symbols -------------------------------------------------------------- */

#define CODE	 0x1000 /* in the file; mapped at CODE_AT */
#define CODE_AT	 0x401000
#define CODE_LEN 0x1000
#define N_SYMS	 16

struct program {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	Elf64_Shdr sh[4]; /* none, .symtab, .strtab, .shstrtab */
	Elf64_Dyn dyn[4];
	uint32_t hash[4 + 2 + 1 + N_SYMS]; /* head, bloom, one bucket, chains */
	Elf64_Sym sym[N_SYMS], local[N_SYMS];
	char str[2048], shstr[64];
	size_t n_sym, n_local, str_len;
};

static char path[64];

static uint32_t add_string(struct program *p, const char *s)
{
	size_t at = p->str_len;

	assert_true(at + strlen(s) + 1 <= sizeof(p->str));
	memcpy(p->str + at, s, strlen(s) + 1);
	p->str_len += strlen(s) + 1;
	return (uint32_t)at;
}

static uint32_t gnu_hash(const char *s)
{
	uint32_t h = 5381;

	for (; *s; s++)
		h = h * 33 + (uint8_t)*s;
	return h;
}

static void add_exported(struct program *p, const char *name, uint64_t addr)
{
	p->hash[7 + p->n_sym - 1] = gnu_hash(name) & ~1u;
	p->sym[p->n_sym++] = (Elf64_Sym){ .st_name = add_string(p, name),
					  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					  .st_shndx = 1,
					  .st_value = addr };
}

static void add_local(struct program *p, const char *name, uint64_t addr)
{
	p->local[p->n_local++] = (Elf64_Sym){ .st_name = add_string(p, name),
					      .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
					      .st_shndx = 1,
					      .st_value = addr };
}

static struct program *program_new(void)
{
	struct program *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->n_sym = 1;
	p->str_len = 1;
	return p;
}

#define AT(field) offsetof(struct program, field)

/* Writes it, and reads its points. */
static int points_of(struct program *p, struct mw_uv_points *ret)
{
	static const char names[] = "\0.symtab\0.strtab";
	struct mw_binary b = { 0 };
	int fd, r;

	memcpy(p->eh.e_ident, ELFMAG, SELFMAG);
	p->eh.e_ident[EI_CLASS] = ELFCLASS64;
	p->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	p->eh.e_phoff = AT(ph);
	p->eh.e_phnum = 3;
	p->eh.e_phentsize = sizeof(p->ph[0]);
	p->eh.e_shoff = AT(sh);
	p->eh.e_shnum = 4;
	p->eh.e_shentsize = sizeof(p->sh[0]);
	p->eh.e_shstrndx = 3;
	/* the tables are mapped where they stand */
	p->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof(*p) };
	p->ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_flags = PF_R | PF_X,
				 .p_offset = CODE,
				 .p_vaddr = CODE_AT,
				 .p_filesz = CODE_LEN };
	p->ph[2] =
	    (Elf64_Phdr){ .p_type = PT_DYNAMIC, .p_offset = AT(dyn), .p_filesz = sizeof(p->dyn) };
	p->dyn[0] = (Elf64_Dyn){ .d_tag = DT_GNU_HASH, .d_un.d_val = AT(hash) };
	p->dyn[1] = (Elf64_Dyn){ .d_tag = DT_SYMTAB, .d_un.d_val = AT(sym) };
	p->dyn[2] = (Elf64_Dyn){ .d_tag = DT_STRTAB, .d_un.d_val = AT(str) };
	p->hash[0] = 1; /* buckets */
	p->hash[1] = 1; /* first symbol */
	p->hash[2] = 1; /* words of the bloom filter */
	p->hash[6] = p->n_sym > 1 ? 1 : 0;
	if (p->n_sym > 1)
		p->hash[7 + p->n_sym - 2] |= 1;
	memcpy(p->shstr, names, sizeof(names));
	if (!p->sh[1].sh_size)
		p->sh[1].sh_size = p->n_local * sizeof(Elf64_Sym);
	p->sh[1].sh_type = SHT_SYMTAB;
	p->sh[1].sh_name = 1;
	p->sh[1].sh_offset = AT(local);
	p->sh[2] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_name = 9, .sh_offset = AT(str), .sh_size = p->str_len
	};
	p->sh[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				 .sh_offset = AT(shstr),
				 .sh_size = sizeof(p->shstr) };

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, sizeof(*p)), sizeof(*p));
	assert_int_equal(ftruncate(fd, CODE + CODE_LEN), 0);
	close(fd);
	assert_int_equal(mw_binary_open_path(path, &b), 0);
	r = mw_uv_points_read(&b, ret);
	mw_binary_close(&b);
	free(p);
	return r;
}

_Static_assert(sizeof(struct program) <= CODE, "tables before the code");

static const struct mw_uv_point *at(const struct mw_uv_points *p, uint64_t off)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->p[i].off == off)
			return &p->p[i];
	fail_msg("no point at %llx", (unsigned long long)off);
	return NULL;
}

/* --- tests ----------------------------------------------------------------------------------- */

/* What is exported is enough; workers' functions are then to be learned. */
static void test_exported(void **state)
{
	struct program *p = program_new();
	struct mw_uv_points got;
	uint64_t c;

	add_exported(p, "uv_fs_read", CODE_AT + 0x10);
	add_exported(p, "uv_queue_work", CODE_AT + 0x20);
	add_exported(p, "uv_spawn", CODE_AT + 0x30);
	add_exported(p, "uv_accept", CODE_AT + 0x40);
	add_exported(p, "uv_version", CODE_AT + 0x50);
	assert_int_equal(points_of(p, &got), 0);
	assert_int_equal(got.n, 4);
	c = at(&got, CODE + 0x10)->cookie;
	assert_int_equal(at(&got, CODE + 0x10)->progs, MW_UV_P_CALL);
	assert_int_equal(c & 15, 1);		    /* the request */
	assert_int_equal(c >> 4 & 15, MW_UV_NONE);  /* writes to no handle */
	assert_int_equal(c >> 8 & 15, 6);	    /* the callback: on the stack */
	assert_int_equal(c >> 12 & 15, MW_UV_NONE); /* names no work */
	assert_int_equal(c >> 16 & 15, MW_TASK_FS);
	assert_int_equal(c >> 20 & 15, MW_UV_DONE);
	assert_int_equal(c >> 24 & 15, MW_UV_SUBMIT);
	assert_int_equal(c >> 32, 336);
	c = at(&got, CODE + 0x20)->cookie;
	assert_int_equal(c >> 8 & 15, 3);
	assert_int_equal(c >> 12 & 15, 2);
	c = at(&got, CODE + 0x30)->cookie;
	assert_int_equal(c >> 8 & 15, MW_UV_OPTIONS);
	assert_int_equal(c >> 20 & 15, MW_UV_EXIT);
	assert_int_equal(c >> 24 & 15, MW_UV_REGISTER);
	c = at(&got, CODE + 0x40)->cookie;
	assert_int_equal(c & 15, 1);
	assert_int_equal(c >> 24 & 15, MW_UV_OUTSIDE);
}

/* The symbol table names callbacks, as both compilers do. */
static void test_symbols(void **state)
{
	static const struct {
		const char *name;
		uint64_t cookie;
		bool known;
	} names[] = {
		{ "_ZN4node24MakeLibuvRequestCallbackI7uv_fs_sPFvPS1_EE7WrapperES2_", MW_UV_DONE,
		  true },
		{ "_ZN4node24MakeLibuvRequestCallbackI7uv_fs_sPFvPS1_EE3ForEPNS_7ReqWrap", 0,
		  false },
		{ "_ZZN4node15LibuvStreamWrap9ReadStartEvENUlP11uv_stream_slPK8uv_buf_tE0_4_FUNES2_"
		  "lS5_",
		  MW_UV_READ, true },
		{ "_ZZN4node15LibuvStreamWrap9ReadStartEvENUlP11uv_handle_smP8uv_buf_tE_4_FUNES2_mS"
		  "4_",
		  0, false },
		{ "_ZZN4node15LibuvStreamWrap9ReadStartEvEN3$_18__invokeEP11uv_stream_slPK8uv_buf_"
		  "t",
		  MW_UV_READ, true },
		{ "_ZZN4node14ThreadPoolWork12ScheduleWorkEvENUlP9uv_work_siE0_4_FUNES2_i",
		  MW_UV_DONE, true },
		{ "_ZN4node10HandleWrap7OnCloseEP11uv_handle_s", MW_UV_CLOSED, true },
		{ "uv__fs_work", MW_UV_WORK | 336ull << 32, true },
		{ "uv__fs_work.cold", 0, false },
	};
	struct program *p = program_new();
	struct mw_uv_points got;
	size_t n = 1;

	add_exported(p, "uv_run", CODE_AT);
	add_exported(p, "uv_fs_open", CODE_AT + 8);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		add_local(p, names[i].name, CODE_AT + 0x100 + 16 * i);
	add_local(p, "uv__queue_work", CODE_AT + CODE_LEN); /* outside of all code */
	assert_int_equal(points_of(p, &got), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!names[i].known)
			continue;
		n++;
		assert_int_equal(at(&got, CODE + 0x100 + 16 * i)->cookie, names[i].cookie);
		assert_int_equal(at(&got, CODE + 0x100 + 16 * i)->progs, MW_UV_P_BOTH);
	}
	assert_int_equal(got.n, n);
	/* not all workers are known: the others are to be learned */
	assert_int_equal(at(&got, CODE + 8)->cookie >> 32, 336);
}

static void test_all_workers(void **state)
{
	struct program *p = program_new();
	struct mw_uv_points got;

	add_exported(p, "uv_fs_open", CODE_AT);
	add_exported(p, "uv_queue_work", CODE_AT + 8);
	add_local(p, "uv__fs_work", CODE_AT + 16);
	add_local(p, "uv__queue_work", CODE_AT + 32);
	add_local(p, "uv__getaddrinfo_work", CODE_AT + 48);
	add_local(p, "uv__getnameinfo_work", CODE_AT + 64);
	add_local(p, "uv__random_work", CODE_AT + 80);
	assert_int_equal(points_of(p, &got), 0);
	assert_int_equal(at(&got, CODE)->cookie >> 32, 0);
	assert_int_equal(at(&got, CODE + 8)->cookie >> 12 & 15, MW_UV_NONE);
	assert_int_equal(at(&got, CODE + 8)->cookie >> 8 & 15, 3);
	for (uint64_t off = 16; off <= 80; off += 16)
		assert_int_equal(at(&got, CODE + off)->progs, MW_UV_P_BEGIN);
}

static void test_broken(void **state)
{
	struct program *p = program_new();
	struct mw_uv_points got = { .n = 99 };

	assert_int_equal(points_of(p, &got), -ENOENT);
	p = program_new();
	add_exported(p, "uv_fs_open", CODE_AT + CODE_LEN);
	assert_int_equal(points_of(p, &got), -EBADMSG);
	assert_int_equal(got.n, 99);
	/* a symbol table that is none is no reason to do without what is exported */
	p = program_new();
	add_exported(p, "uv_fs_open", CODE_AT);
	p->sh[1].sh_size = ~0ull;
	assert_int_equal(points_of(p, &got), 0);
	assert_int_equal(got.n, 1);
	p = program_new();
	add_exported(p, "uv_fs_open", CODE_AT);
	p->sh[1].sh_size = MW_UV_SYMTAB_MAX;
	assert_int_equal(points_of(p, &got), 0);
	p = program_new();
	add_exported(p, "uv_fs_open", CODE_AT);
	add_local(p, "uv__fs_work", CODE_AT + 8);
	p->local[0].st_name = 0xffffffff;
	assert_int_equal(points_of(p, &got), 0);
	assert_int_equal(got.n, 1);
}

static void test_room(void **state)
{
	struct mw_uv_points p = { .n = 0 };
	struct mw_uv_point one = { .off = 7 };

	assert_true(mw_uv_points_add(&p, &one));
	assert_false(mw_uv_points_add(&p, &one));
	for (one.off = 100; p.n < MW_UV_POINTS_MAX; one.off++)
		assert_true(mw_uv_points_add(&p, &one));
	assert_false(mw_uv_points_add(&p, &one));
	assert_int_equal(p.n, MW_UV_POINTS_MAX);
}

/* Of this very program: where its code is mapped from. */
static void test_code_at(void **state)
{
	struct mw_rt_node node;
	struct mw_binary b = { 0 };
	struct stat st;
	uint64_t off = 0;
	int fd;

	assert_int_equal(mw_binary_open((uint32_t)getpid(), &b), 0);
	node = (struct mw_rt_node){ .dev = b.dev, .ino = b.ino };
	assert_true(mw_uv_runs((uint32_t)getpid(), &node));
	node.ino++;
	assert_false(mw_uv_runs((uint32_t)getpid(), &node));
	assert_false(mw_uv_is_copy((uint32_t)getpid()));
	fd = mw_uv_code_at((uint32_t)getpid(), b.dev, (uint64_t)(uintptr_t)test_code_at, &off);
	if (fd == -EPERM) { /* the kernel lets only root follow these */
		mw_binary_close(&b);
		skip();
	}
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, b.ino);
	assert_true(off > 0 && off < b.size);
	close(fd);
	/* data is no code, and nothing is nothing */
	assert_true(mw_uv_code_at((uint32_t)getpid(), b.dev, (uint64_t)(uintptr_t)path, &off) < 0);
	assert_true(mw_uv_code_at((uint32_t)getpid(), b.dev, 8, &off) < 0);
	mw_binary_close(&b);
}

/*
 * Over two file systems overlayfs says one device of a file and /proc another; so do btrfs, and
 * overlayfs of old. The mount ends with the child.
 */
static void test_code_overlaid(void **state)
{
	char dir[] = "/tmp/mcpwatch-uv-over-XXXXXX", name[80], opts[160], *code;
	struct stat st, got;
	uint64_t off = 0;
	pid_t child;
	int fd, r;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	child = fork();
	if (child == 0) {
		snprintf(opts, sizeof(opts), "lowerdir=/etc,upperdir=%s/u,workdir=%s/w", dir, dir);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", dir, "tmpfs", 0, NULL) || chdir(dir) || mkdir("u", 0700) ||
		    mkdir("w", 0700) || mkdir("m", 0700) || mount("none", "m", "overlay", 0, opts))
			_exit(77);
		snprintf(name, sizeof(name), "%s/m/code", dir);
		fd = open(name, O_RDWR | O_CREAT, 0700);
		if (fd < 0 || ftruncate(fd, 8192) < 0 || fstat(fd, &st) < 0)
			_exit(1);
		code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
		close(fd);
		fd = code == MAP_FAILED ? -1
					: mw_uv_code_at((uint32_t)getpid(), st.st_dev,
							(uint64_t)(uintptr_t)code + 8, &off);
		if (fd == -EPERM) /* as above */
			_exit(77);
		if (fd < 0 || fstat(fd, &got) < 0)
			_exit(2);
		if (got.st_dev != st.st_dev || got.st_ino != st.st_ino || off != 4096 + 8)
			_exit(3);
		/* of another file system that may answer when it likes */
		fd = mw_uv_code_at((uint32_t)getpid(), st.st_dev + 1000,
				   (uint64_t)(uintptr_t)code + 8, &off);
		_exit(fd == -ENOENT ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &r, 0), child);
	assert_int_equal(rmdir(dir), 0);
	assert_true(WIFEXITED(r));
	if (WEXITSTATUS(r) == 77)
		skip(); /* nothing can be mounted, or followed */
	assert_int_equal(WEXITSTATUS(r), 0);
}

static int set_up(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/mcpwatch-uv-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exported),      cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_all_workers),   cmocka_unit_test(test_broken),
		cmocka_unit_test(test_room),	      cmocka_unit_test(test_code_at),
		cmocka_unit_test(test_code_overlaid),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
