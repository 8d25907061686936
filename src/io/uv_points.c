/* SPDX-License-Identifier: Apache-2.0 */
#include "io/uv_points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mcpwatch/loader.h>

/* Where struct uv__work stands in each request (include/uv.h and uv/unix.h of libuv 1.x). */
#define WORK_FS		 336
#define WORK_QUEUE	 88
#define WORK_GETADDRINFO 72
#define WORK_GETNAMEINFO 72
#define WORK_RANDOM	 104

/* All that submits to libuv's workers: fs, uv_queue_work, getaddrinfo, getnameinfo, random. */
#define N_WORKERS 5

#define NONE MW_UV_NONE

/* One exported function; arguments as in loader.h. */
struct function {
	const char *name;
	uint8_t object, written, callback, work, kind, begin, call;
	uint16_t work_off;
};

#define FS(name, callback)                                                                         \
	{                                                                                          \
		"uv_fs_" #name, 1, NONE, callback, NONE, MW_TASK_FS, MW_UV_DONE, MW_UV_SUBMIT,     \
		    WORK_FS                                                                        \
	}
#define REQ(name, object, written, callback, kind, off)                                            \
	{                                                                                          \
		"uv_" #name, object, written, callback, NONE, kind, MW_UV_DONE, MW_UV_SUBMIT, off  \
	}
#define HANDLE(name, object, callback, begin)                                                      \
	{                                                                                          \
		"uv_" #name, object, NONE, callback, NONE, 0, begin, MW_UV_REGISTER, 0             \
	}

static const struct function functions[] = {
	FS(access, 4),
	FS(chmod, 4),
	FS(chown, 5),
	FS(close, 3),
	FS(closedir, 3),
	FS(copyfile, 5),
	FS(fchmod, 4),
	FS(fchown, 5),
	FS(fdatasync, 3),
	FS(fstat, 3),
	FS(fsync, 3),
	FS(ftruncate, 4),
	FS(futime, 3), /* its times are no integers, and take no place among these */
	FS(lchown, 5),
	FS(link, 4),
	FS(lstat, 3),
	FS(lutime, 3),
	FS(mkdir, 4),
	FS(mkdtemp, 3),
	FS(mkstemp, 3),
	FS(open, 5),
	FS(opendir, 3),
	FS(read, 6),
	FS(readdir, 3),
	FS(readlink, 3),
	FS(realpath, 3),
	FS(rename, 4),
	FS(rmdir, 3),
	FS(scandir, 4),
	FS(sendfile, 6),
	FS(stat, 3),
	FS(statfs, 3),
	FS(symlink, 5),
	FS(unlink, 3),
	FS(utime, 3),
	FS(write, 6),
	{ "uv_queue_work", 1, NONE, 3, 2, MW_TASK_WORK, MW_UV_DONE, MW_UV_SUBMIT, 0 },
	REQ(getaddrinfo, 1, NONE, 2, MW_TASK_WORK, WORK_GETADDRINFO),
	REQ(getnameinfo, 1, NONE, 2, MW_TASK_WORK, WORK_GETNAMEINFO),
	REQ(random, 1, NONE, 5, MW_TASK_WORK, WORK_RANDOM),
	REQ(write, 0, 1, 4, MW_TASK_WRITE, 0),
	REQ(write2, 0, 1, 5, MW_TASK_WRITE, 0),
	REQ(tcp_connect, 0, 1, 3, MW_TASK_WRITE, 0),
	REQ(pipe_connect, 0, 1, 3, MW_TASK_WRITE, 0),
	REQ(pipe_connect2, 0, 1, 5, MW_TASK_WRITE, 0),
	REQ(shutdown, 0, NONE, 2, MW_TASK_WRITE, 0),
	REQ(udp_send, 0, 1, 5, MW_TASK_WRITE, 0),
	{ "uv_try_write", 0, 0, NONE, NONE, 0, 0, MW_UV_SUBMIT, 0 },
	{ "uv_try_write2", 0, 0, NONE, NONE, 0, 0, MW_UV_SUBMIT, 0 },
	{ "uv_udp_try_send", 0, 0, NONE, NONE, 0, 0, MW_UV_SUBMIT, 0 },
	HANDLE(read_start, 0, 2, MW_UV_READ),
	HANDLE(udp_recv_start, 0, 2, MW_UV_READ),
	HANDLE(listen, 0, 2, MW_UV_ACCEPT),
	HANDLE(spawn, 1, MW_UV_OPTIONS, MW_UV_EXIT),
	{ "uv_close", 0, NONE, 1, NONE, 0, MW_UV_CLOSED, MW_UV_CLOSING, 0 },
	{ "uv_accept", 1, NONE, NONE, NONE, 0, 0, MW_UV_OUTSIDE, 0 },
	/* given, not made: its standard streams, and what was passed on to it */
	{ "uv_pipe_open", 0, NONE, NONE, NONE, 0, 0, MW_UV_OUTSIDE, 0 },
	{ "uv_tcp_open", 0, NONE, NONE, NONE, 0, 0, MW_UV_OUTSIDE, 0 },
};

static uint64_t cookie_of(const struct function *f)
{
	return f->object | (uint64_t)f->written << 4 | (uint64_t)f->callback << 8 |
	       (uint64_t)f->work << 12 | (uint64_t)f->kind << 16 | (uint64_t)f->begin << 20 |
	       (uint64_t)f->call << 24 | (uint64_t)f->work_off << 32;
}

/* Callbacks and workers' functions by their names in the symbol table: mangled, as compilers
 * differ. */
struct callback {
	const char *prefix, *has, *end; /* what the name begins with, holds, ends with */
	uint8_t begin;
	uint16_t off;
};

static const struct callback callbacks[] = {
	{ "uv__fs_work", "", "uv__fs_work", MW_UV_WORK, WORK_FS },
	{ "uv__queue_work", "", "uv__queue_work", MW_UV_WORK, WORK_QUEUE },
	{ "uv__getaddrinfo_work", "", "uv__getaddrinfo_work", MW_UV_WORK, WORK_GETADDRINFO },
	{ "uv__getnameinfo_work", "", "uv__getnameinfo_work", MW_UV_WORK, WORK_GETNAMEINFO },
	{ "uv__random_work", "", "uv__random_work", MW_UV_WORK, WORK_RANDOM },
	{ "_ZN4node24MakeLibuvRequestCallbackI", "E7WrapperE", "", MW_UV_DONE, 0 },
	/* the functions that lambdas decay to: gcc's name, clang's */
	{ "_ZZN4node14ThreadPoolWork12ScheduleWorkEvENUlP9uv_work_siE", "_FUN", "i", MW_UV_DONE,
	  0 },
	{ "_ZZN4node14ThreadPoolWork12ScheduleWorkEvENUlP9uv_work_siE", "__invoke", "i", MW_UV_DONE,
	  0 },
	{ "_ZZN4node15LibuvStreamWrap9ReadStartEvEN", "_FUNES", "lS5_", MW_UV_READ, 0 },
	{ "_ZZN4node15LibuvStreamWrap9ReadStartEvEN", "__invokeEP11uv_stream_s", "", MW_UV_READ,
	  0 },
	{ "_ZN4node7UDPWrap6OnRecvEP8uv_udp_s", "", "", MW_UV_READ, 0 },
	{ "_ZN4node12_GLOBAL__N_111ProcessWrap6OnExitEP12uv_process_s", "", "", MW_UV_EXIT, 0 },
	{ "_ZN4node10HandleWrap7OnCloseEP11uv_handle_s", "", "", MW_UV_CLOSED, 0 },
	{ "_ZN4node14ConnectionWrapI", "E12OnConnectionEP11uv_stream_s", "", MW_UV_ACCEPT, 0 },
};

bool mw_uv_points_add(struct mw_uv_points *p, const struct mw_uv_point *at)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->p[i].off == at->off)
			return false;
	if (p->n == MW_UV_POINTS_MAX)
		return false;
	p->p[p->n++] = *at;
	return true;
}

/* The place in the file of the code at `addr`. */
static bool place_of(const struct mw_binary *b, uint64_t addr, uint64_t *ret)
{
	for (size_t i = 0; i < b->n_ph; i++) {
		const Elf64_Phdr *p = &b->ph[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X && addr >= p->p_vaddr &&
		    addr - p->p_vaddr < p->p_filesz)
			return !__builtin_add_overflow(addr - p->p_vaddr, p->p_offset, ret);
	}
	return false;
}

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(s + len - n, end, n) == 0;
}

static void add_callback(const struct mw_binary *b, const char *name, const Elf64_Sym *sym,
			 struct mw_uv_points *ret)
{
	uint64_t off;
	size_t len;

	if (strncmp(name, "uv__", 4) != 0 && strncmp(name, "_Z", 2) != 0)
		return;
	len = strlen(name);
	for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
		const struct callback *c = &callbacks[i];

		if (strncmp(name, c->prefix, strlen(c->prefix)) == 0 && strstr(name, c->has) &&
		    ends_with(name, len, c->end) && place_of(b, sym->st_value, &off)) {
			mw_uv_points_add(
			    ret, &(struct mw_uv_point){ .off = off,
							.cookie = c->begin | (uint64_t)c->off << 32,
							.progs = MW_UV_P_BOTH });
			return;
		}
	}
}

static bool is_worker(const struct mw_uv_point *p)
{
	return p->progs != MW_UV_P_CALL && (p->cookie & 15) == MW_UV_WORK;
}

/*
 * Where every function that a worker runs has its probe, nothing is to be learned of them, and none
 * needs one at its return: what a worker does next is the next one's, and in between it touches
 * nothing.
 */
static void settle_workers(struct mw_uv_points *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += is_worker(&p->p[i]);
	if (n != N_WORKERS)
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (is_worker(&p->p[i]))
			p->p[i].progs = MW_UV_P_BEGIN;
		else if (p->p[i].progs == MW_UV_P_CALL)
			p->p[i].cookie = (p->p[i].cookie & 0xffffffff) | (uint64_t)NONE << 12;
	}
}

static int read_table(struct mw_binary *b, const Elf64_Shdr *symbols, const Elf64_Shdr *strings,
		      struct mw_uv_points *ret)
{
	size_t n = symbols->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym *sym;
	char *names;
	int r;

	if (symbols->sh_size > MW_UV_SYMTAB_MAX || strings->sh_size > MW_UV_SYMTAB_MAX)
		return -EFBIG;
	sym = malloc(n * sizeof(*sym) + 1);
	names = malloc(strings->sh_size + 1);
	r = sym && names ? 0 : -ENOMEM;
	if (!r)
		r = mw_binary_read(b, symbols->sh_offset, sym, n * sizeof(*sym));
	if (!r)
		r = mw_binary_read(b, strings->sh_offset, names, strings->sh_size);
	for (size_t i = 0; !r && i < n; i++) {
		names[strings->sh_size] = '\0';
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_name < strings->sh_size)
			add_callback(b, names + sym[i].st_name, &sym[i], ret);
	}
	free(sym);
	free(names);
	return r;
}

int mw_uv_points_read(struct mw_binary *b, struct mw_uv_points *ret)
{
	struct mw_uv_points p = { .n = 0 };
	Elf64_Shdr symbols, strings;
	Elf64_Sym sym;
	uint64_t off;
	int r;

	b->left = MW_UV_SYMTAB_MAX;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		r = mw_binary_symbol(b, functions[i].name, &sym);
		/* the newest are not in every version */
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		if (!place_of(b, sym.st_value, &off))
			return -EBADMSG;
		mw_uv_points_add(&p, &(struct mw_uv_point){ .off = off,
							    .cookie = cookie_of(&functions[i]),
							    .progs = MW_UV_P_CALL });
	}
	if (p.n == 0)
		return -ENOENT;
	/* without one, or with a broken one, all is learned */
	if (mw_binary_section(b, ".symtab", &symbols) == 0 &&
	    mw_binary_section(b, ".strtab", &strings) == 0)
		(void)read_table(b, &symbols, &strings, &p);
	settle_workers(&p);
	*ret = p;
	return 0;
}
