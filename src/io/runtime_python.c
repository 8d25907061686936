/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_python.c - CPython: its program exports _PyRuntime, or needs a libpython that does
 *
 * Where things stand is taken from Include/internal of each version, and checked in each process:
 * the main thread's state must be found the way the kernel side goes (bpf/task_python.h), and say
 * that it is that thread's and the main interpreter's. Only glibc has its thread-specific data
 * where that is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "io/binary.h"
#include "io/file.h"
#include "io/runtime.h"
#include "io/runtime_maps.h"

/* struct pthread: `specific_1stblock`, of 32 slots of a sequence number and a value (glibc, amd64)
 */
#define TLS_BLOCK 0x310
#define TLS_SLOTS 32

/* One minor version; offsets in bytes. */
struct layout {
	uint32_t minor;
	/* _PyRuntimeState */
	uint16_t interpreter, main_thread, tss_key;
	/* PyThreadState */
	uint16_t thread_id, context;
	/* PyHeapTypeObject, PyASCIIObject */
	uint16_t cached_keys, str_data;
	const char *tested; /* its patch levels that tests have run */
};

static const struct layout layouts[] = {
	{ 10, 40, 72, 584, 176, 240, 872, 48, "13" },
	{ 11, 48, 80, 592, 152, 224, 872, 48, "2 7" },
	{ 12, 48, 64, 1544, 136, 208, 880, 40, "1" },
	{ 13, 640, 656, 2160, 152, 208, 880, 40, "0" },
};

#define THREAD_INTERPRETER 16 /* PyThreadState.interp, in all of them */

/* In all of them: PyObject.ob_type, PyTypeObject.tp_name. */
#define OBJECT_TYPE 8
#define TYPE_NAME   24

/* Most that is searched of the file, and of the process: Debian's has 5.5 and 1.3 MB, one that
 * holds all its libraries some 30 and 4. */
#define SEARCH_MAX (64u << 20)
#define CHUNK	   (64u << 10)
#define TRIES_MAX  64 /* words that look like a type's name, and are not */

/* struct _Py_DebugOffsets, which _PyRuntime begins with from 3.13 on */
struct debug_offsets {
	char cookie[8];
	uint64_t version, free_threaded;
	uint64_t runtime[3], interpreter[13];
	struct {
		uint64_t size, prev, next, interp, current_frame, thread_id, rest[3];
	} thread;
};

/* An interpreter in a process: its file, and how far from its own addresses it lies. */
struct python {
	uint32_t pid;
	struct mw_binary *file;
	uint64_t bias;
	__u64 runtime;
	const struct layout *at;
};

const char *mw_runtime_python_tested(void)
{
	return "3.10.13, 3.11.2, 3.11.7, 3.12.1, 3.13.0; glibc, amd64";
}

static int read_memory(uint32_t pid, uint64_t from, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)(uintptr_t)from, len };
	ssize_t n = process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

static int read_word(const struct python *py, uint64_t from, uint64_t *ret)
{
	return read_memory(py->pid, from, ret, sizeof(*ret));
}

/* The address in the process of what the file exports. 0, -ENOENT, or another errno. */
static int address_of(const struct python *py, const char *name, __u64 *ret)
{
	Elf64_Sym sym;
	int r = mw_binary_symbol(py->file, name, &sym);

	if (r < 0)
		return r;
	*ret = sym.st_value + py->bias;
	return 0;
}

static bool exports(const struct python *py, const char *name)
{
	Elf64_Sym sym;

	return mw_binary_symbol(py->file, name, &sym) == 0;
}

/* PY_VERSION_HEX as the file has it; 3.10 and older do not say it: 3.10 is told by what it has. */
static uint32_t version_of(const struct python *py)
{
	Elf64_Sym sym;
	uint64_t hex;

	if (mw_binary_symbol(py->file, "Py_Version", &sym) == 0 &&
	    mw_binary_read_addr(py->file, sym.st_value, &hex, sizeof(hex)) == 0)
		return (uint32_t)hex;
	return exports(py, "Py_NewRef") ? 0x030a0000 : 0;
}

static bool is_tested(const struct layout *l, uint32_t micro)
{
	char *end;

	if (l->minor == 10)
		return true; /* which one it is, it does not say */
	for (const char *p = l->tested; *p; p = end)
		if (strtoul(p, &end, 10) == micro)
			return true;
	return false;
}

/* Its version in words, and its layout; NULL with a note: not read. */
static const struct layout *layout_of(const struct python *py, struct mw_runtime_found *f)
{
	const uint32_t hex = version_of(py), minor = hex >> 16 & 0xff, micro = hex >> 8 & 0xff;
	const struct layout *l = NULL;

	if (!hex)
		snprintf(f->version, sizeof(f->version), "3.9 or older");
	else if (minor == 10)
		snprintf(f->version, sizeof(f->version), "3.10");
	else
		snprintf(f->version, sizeof(f->version), "%u.%u.%u%s", hex >> 24, minor, micro,
			 (hex & 0xf0) == 0xf0 ? "" : " (pre-release)");
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (hex >> 24 == 3 && layouts[i].minor == minor)
			l = &layouts[i];
	if (!l || (minor > 10 && (hex & 0xf0) != 0xf0)) {
		snprintf(f->note, sizeof(f->note), "tasks are read in 3.10 to 3.13");
		return NULL;
	}
	if (exports(py, "_Py_NegativeRefcount")) {
		snprintf(f->note, sizeof(f->note), "tasks are not read in debug builds");
		return NULL;
	}
	if (!is_tested(l, micro))
		snprintf(f->note, sizeof(f->note), "as 3.%u.%s, which is tested", minor, l->tested);
	return l;
}

/* What the interpreter says of itself is what the table says. 0, -ENOTSUP with a note, or errno. */
static int check_published(const struct python *py, struct mw_runtime_found *f)
{
	struct debug_offsets d;
	int r;

	if (py->at->minor < 13)
		return 0;
	r = read_memory(py->pid, py->runtime, &d, sizeof(d));
	if (r < 0)
		return r;
	if (memcmp(d.cookie, "xdebugpy", sizeof(d.cookie)) != 0 || d.free_threaded ||
	    d.thread.thread_id != py->at->thread_id || d.thread.interp != THREAD_INTERPRETER) {
		snprintf(f->note, sizeof(f->note), "tasks are not read in %s builds",
			 d.free_threaded ? "free-threaded" : "such");
		return -ENOTSUP;
	}
	return 0;
}

/*
 * Finds the slot of the thread states, and the main thread's by it. 0; -EAGAIN: not there yet;
 * -ENOTSUP with a note; or errno.
 */
static int find_threads(const struct python *py, uint32_t *ret_tls, struct mw_runtime_found *f)
{
	uint64_t thread, interpreter, state, of, id;
	struct {
		int32_t created;
		uint32_t key;
	} tss;
	uint32_t tls;
	int r;

	if ((r = read_memory(py->pid, py->runtime + py->at->tss_key, &tss, sizeof(tss))) < 0 ||
	    (r = read_word(py, py->runtime + py->at->main_thread, &thread)) < 0 ||
	    (r = read_word(py, py->runtime + py->at->interpreter, &interpreter)) < 0)
		return r;
	if (!tss.created || !thread || !interpreter)
		return -EAGAIN;
	if (tss.key >= TLS_SLOTS) {
		snprintf(f->note, sizeof(f->note),
			 "its thread states are beyond the first %u slots", TLS_SLOTS);
		return -ENOTSUP;
	}
	tls = TLS_BLOCK + 16 * tss.key + 8;
	r = read_word(py, thread + tls, &state);
	if (r == 0 && !state)
		return -EAGAIN;
	if (r < 0 || read_word(py, state + THREAD_INTERPRETER, &of) < 0 ||
	    read_word(py, state + py->at->thread_id, &id) < 0 || of != interpreter ||
	    id != thread) {
		snprintf(f->note, sizeof(f->note),
			 "its thread states are not where glibc and CPython have them");
		return -ENOTSUP;
	}
	*ret_tls = tls;
	return 0;
}

/*
 * The loader maps a library as a whole first, and its data over that later: until it has put the
 * data in order, what stands where the data is to be means nothing. 0, -EAGAIN, or errno.
 */
static int check_loaded(const struct python *py, uint64_t type)
{
	static const char name[] = "_contextvars.Context";
	char buf[sizeof(name)];
	uint64_t at;
	int r = read_word(py, type + TYPE_NAME, &at);

	if (r == 0)
		r = read_memory(py->pid, at, buf, sizeof(buf));
	if (r < 0)
		return r == -EFAULT ? -EAGAIN : r;
	return memcmp(buf, name, sizeof(name)) == 0 ? 0 : -EAGAIN;
}

/* --- types that are not exported ---------------------------------------------------------------
 *
 * The kernel side knows the nodes of a mapping by their types. Their names stand in the program's
 * constants, which the kernel may have taken out of memory by the time that one is looked at; here
 * they are fetched.
 */
enum node { NODE_BITMAP, NODE_ARRAY, N_NODES };

/* With the zero at the end. */
static const char *const node_names[N_NODES] = { "hamt_bitmap_node", "hamt_array_node" };

struct search {
	uint8_t *buf; /* CHUNK bytes */
	uint64_t left;
	uint64_t name[N_NODES], type[N_NODES]; /* 0 not found yet */
	unsigned int tries;
};

static bool is_found(const uint64_t at[N_NODES])
{
	return at[NODE_BITMAP] && at[NODE_ARRAY];
}

/* What a segment has that is searched: 0 nothing of it is. */
static uint64_t segment_len(const Elf64_Phdr *p, Elf64_Word flags, uint64_t left)
{
	if (p->p_type != PT_LOAD || (p->p_flags & (PF_W | PF_X)) != flags)
		return 0;
	return p->p_filesz < left ? p->p_filesz : left;
}

/* Looks for the names in a segment of the file; where they are in the process. 0, or errno. */
static int find_names(const struct python *py, const Elf64_Phdr *p, uint64_t len, struct search *s)
{
	/* one that lies over the end of a chunk is in the next one whole */
	const size_t over = strlen(node_names[NODE_BITMAP]);

	for (uint64_t off = 0; off < len && !is_found(s->name); off += CHUNK - over) {
		const size_t n = len - off < CHUNK ? (size_t)(len - off) : CHUNK;
		int r = mw_binary_read(py->file, p->p_offset + off, s->buf, n);

		if (r < 0)
			return r;
		for (size_t i = 0; i < N_NODES; i++) {
			const uint8_t *at =
			    memmem(s->buf, n, node_names[i], strlen(node_names[i]) + 1);

			if (at && !s->name[i])
				s->name[i] = p->p_vaddr + py->bias + off + (uint64_t)(at - s->buf);
		}
		if (n < CHUNK)
			break;
	}
	return 0;
}

/* A word that points to a name: whether a type is around it. */
static int try_type(const struct python *py, uint64_t at, uint64_t metatype, struct search *s,
		    size_t node)
{
	uint64_t of;
	int r;

	if (s->tries++ == TRIES_MAX)
		return -EBADMSG;
	r = read_word(py, at - TYPE_NAME + OBJECT_TYPE, &of);
	if (r == 0 && of == metatype)
		s->type[node] = at - TYPE_NAME;
	return r;
}

/* Looks for the types in a segment of the process. 0, or errno. */
static int find_types(const struct python *py, const Elf64_Phdr *p, uint64_t len, uint64_t metatype,
		      struct search *s)
{
	const uint64_t start = (p->p_vaddr + py->bias + 7) & ~7ull;

	len -= len < 7 ? len : start - (p->p_vaddr + py->bias);
	for (uint64_t off = 0; off < len && !is_found(s->type); off += CHUNK) {
		const size_t n = len - off < CHUNK ? (size_t)(len - off) & ~(size_t)7 : CHUNK;
		int r = read_memory(py->pid, start + off, s->buf, n);

		for (size_t i = 0; r == 0 && i < n; i += sizeof(uint64_t)) {
			uint64_t w;

			memcpy(&w, s->buf + i, sizeof(w));
			for (size_t k = 0; r == 0 && k < N_NODES; k++)
				if (w == s->name[k] && !s->type[k])
					r = try_type(py, start + off + i, metatype, s, k);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* 0; -ENOTSUP with a note; or errno. */
static int find_nodes(const struct python *py, struct mw_rt_python *rt, struct mw_runtime_found *f)
{
	/* constants stand by themselves, or with the code */
	static const Elf64_Word where[] = { 0, PF_X };
	_cleanup_(mw_freep) uint8_t *buf = malloc(CHUNK);
	struct search s = { .buf = buf, .left = SEARCH_MAX };
	struct mw_binary *b = py->file;
	uint64_t metatype;
	int r = buf ? 0 : -ENOMEM;

	if (r == 0)
		r = read_word(py, rt->context_type + OBJECT_TYPE, &metatype);
	b->left = SEARCH_MAX;
	for (size_t k = 0; k < sizeof(where) / sizeof(where[0]); k++)
		for (size_t i = 0; r == 0 && !is_found(s.name) && i < b->n_ph; i++)
			r = find_names(py, &b->ph[i], segment_len(&b->ph[i], where[k], b->left),
				       &s);
	for (size_t i = 0; r == 0 && is_found(s.name) && !is_found(s.type) && i < b->n_ph; i++) {
		const uint64_t len = segment_len(&b->ph[i], PF_W, s.left);

		s.left -= len;
		r = find_types(py, &b->ph[i], len, metatype, &s);
	}
	if (r < 0)
		return r;
	if (!is_found(s.type)) {
		snprintf(f->note, sizeof(f->note), "its types of a context's nodes are not found");
		return -ENOTSUP;
	}
	rt->bitmap_type = s.type[NODE_BITMAP];
	rt->array_type = s.type[NODE_ARRAY];
	return 0;
}

static int fill(struct python *py, struct mw_runtime_found *f)
{
	struct mw_rt_python rt = { 0 };
	int r;

	py->at = layout_of(py, f);
	if (!py->at)
		return -ENOTSUP;
	if ((r = address_of(py, "PyContext_Type", &rt.context_type)) < 0 ||
	    (r = address_of(py, "PyContextVar_Type", &rt.var_type)) < 0 ||
	    (r = address_of(py, "PyLong_Type", &rt.int_type)) < 0 ||
	    (r = address_of(py, "PyUnicode_Type", &rt.str_type)) < 0 ||
	    (r = address_of(py, "_Py_NoneStruct", &rt.none)) < 0 ||
	    (r = check_loaded(py, rt.context_type)) < 0 || (r = check_published(py, f)) < 0 ||
	    (r = find_threads(py, &rt.tls, f)) < 0 || (r = find_nodes(py, &rt, f)) < 0)
		return r;
	rt.minor = py->at->minor;
	rt.thread_id = py->at->thread_id;
	rt.context = py->at->context;
	rt.cached_keys = py->at->cached_keys;
	rt.str_data = py->at->str_data;
	f->rt.python = rt;
	return 0;
}

/* The library that holds the interpreter, if it is mapped. 0, -EAGAIN not yet, or errno. */
static int open_library(uint32_t pid, struct mw_binary *b, uint64_t *ret_bias)
{
	struct mw_mapping m;
	Elf64_Sym sym;
	int r;

	for (uint64_t from = 0;; from = m.end) {
		r = mw_maps_find(pid, "libpython3.", from, &m);
		if (r < 0)
			return r == -ENOENT ? -EAGAIN : r;
		if (mw_maps_open(pid, &m, b) < 0)
			continue;
		/* libpython3.so is of that name too, and has nothing */
		if (mw_binary_symbol(b, "_PyRuntime", &sym) == 0)
			return mw_maps_bias(&m, b, ret_bias);
		mw_binary_close(b);
	}
}

int mw_runtime_python(uint32_t pid, struct mw_runtime_found *ret)
{
	_cleanup_(mw_binary_close) struct mw_binary exe = { 0 }, library = { 0 };
	struct python py = { .pid = pid, .file = &exe };
	struct mw_runtime_found f = *ret;
	Elf64_Sym sym;
	int r = mw_binary_open(pid, &exe);

	if (r < 0)
		return r == -ESRCH ? r : 0;
	if (mw_binary_symbol(&exe, "_PyRuntime", &sym) == 0) {
		r = mw_maps_bias_exe(pid, &exe, &py.bias);
	} else {
		if (mw_binary_needs(&exe, "libpython3.") <= 0)
			return 0;
		py.file = &library;
		r = open_library(pid, &library, &py.bias);
	}
	f.rt.kind = MW_RT_PYTHON;
	if (r == 0)
		r = address_of(&py, "_PyRuntime", &py.runtime);
	if (r == 0)
		r = exe.eh.e_machine == EM_X86_64 ? fill(&py, &f) : -ENOTSUP;
	if (r == -EAGAIN || r == -ESRCH)
		return r;
	f.reads = r == 0;
	if (r < 0 && !f.note[0])
		snprintf(f.note, sizeof(f.note), "it cannot be read: %s", strerrordesc_np(-r));
	*ret = f;
	return 0;
}
