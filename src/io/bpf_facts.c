/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/bpf_facts.h"
#include "io/cmdline.h"
#include "io/runtime.h"

#define NSEC 1000000000ll
/* Of the text of mountinfo: two of them and their event are shorter than MW_EVENT_MAX. */
#define MOUNTS_MAX 32000

/* --- queue and set --------------------------------------------------------------------------- */

void mw_evq_done(struct mw_evq *q)
{
	free(q->buf);
	memset(q, 0, sizeof(*q));
}

void *mw_evq_add(struct mw_evq *q, uint16_t type, size_t body, size_t n_data)
{
	size_t len = (body + n_data + 7) & ~(size_t)7;
	struct mw_event_hdr *h;

	if (q->head == q->tail)
		q->head = q->tail = 0;
	if (q->cap - q->tail < len) {
		size_t cap = q->cap ? q->cap : 4096;
		uint8_t *p;

		while (cap - q->tail < len)
			cap *= 2;
		p = realloc(q->buf, cap);
		if (!p)
			return NULL;
		q->buf = p;
		q->cap = cap;
	}
	h = (struct mw_event_hdr *)(void *)(q->buf + q->tail);
	memset(h, 0, len);
	h->len = (uint32_t)len;
	h->type = type;
	h->ts_ns = mw_boot_ns();
	h->cpu = MW_CPU_NONE;
	q->tail += len;
	return h;
}

const struct mw_event_hdr *mw_evq_peek(const struct mw_evq *q)
{
	if (q->head == q->tail)
		return NULL;
	return (const struct mw_event_hdr *)(const void *)(q->buf + q->head);
}

void mw_evq_pop(struct mw_evq *q)
{
	q->head += mw_evq_peek(q)->len;
}

int mw_u64set_init(struct mw_u64set *s, size_t cap)
{
	s->slot = calloc(cap, sizeof(*s->slot));
	s->cap = cap;
	s->n = 0;
	return s->slot ? 0 : -ENOMEM;
}

void mw_u64set_done(struct mw_u64set *s)
{
	free(s->slot);
	memset(s, 0, sizeof(*s));
}

bool mw_u64set_add(struct mw_u64set *s, uint64_t v)
{
	size_t i = (size_t)(v * 0x9e3779b97f4a7c15ull >> 20) & (s->cap - 1);

	while (s->slot[i]) {
		if (s->slot[i] == v)
			return false;
		i = (i + 1) & (s->cap - 1);
	}
	if (s->n >= s->cap / 2) {
		memset(s->slot, 0, s->cap * sizeof(*s->slot));
		s->n = 0;
		return mw_u64set_add(s, v);
	}
	s->slot[i] = v;
	s->n++;
	return true;
}

/* --- clock ----------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

uint64_t mw_boot_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

int64_t mw_realtime_offset(void)
{
	int64_t best = 0, best_width = INT64_MAX;

	/* the narrowest of a few readings: the others were interrupted */
	for (int i = 0; i < 5; i++) {
		int64_t a = clock_ns(CLOCK_BOOTTIME);
		int64_t real = clock_ns(CLOCK_REALTIME);
		int64_t b = clock_ns(CLOCK_BOOTTIME);

		if (b - a < best_width) {
			best_width = b - a;
			best = real - (a + (b - a) / 2);
		}
	}
	return best;
}

static struct mw_clock clock_now(void)
{
	struct timex t = { 0 };
	struct mw_clock c = { 0 };
	int r = adjtimex(&t); /* asks, and sets nothing */

	if (r < 0)
		return c;
	c.state = r == TIME_ERROR || t.status & STA_UNSYNC ? MW_CLOCK_FREE : MW_CLOCK_SYNCED;
	c.offset_ns = t.status & STA_NANO ? t.offset : t.offset * 1000;
	return c;
}

/* --- reading --------------------------------------------------------------------------------- */

/* As much of a file as fits; the number of bytes or negative errno. */
static ssize_t read_at(int dir, const char *name, char *buf, size_t len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;

	if (fd < 0)
		return -errno;
	while (n < len && (r = read(fd, buf + n, len - n)) > 0)
		n += (size_t)r;
	close(fd);
	return (ssize_t)n;
}

static size_t link_at(int dir, const char *name, char *buf, size_t len, uint8_t *state)
{
	static const char deleted[] = " (deleted)";
	ssize_t r = readlinkat(dir, name, buf, len);
	size_t n = r > 0 ? (size_t)r : 0;

	*state = MW_PATH_NONE;
	if (!n)
		return 0;
	*state = buf[0] == '/' ? MW_PATH_FULL : MW_PATH_NAME;
	if (n > sizeof(deleted) - 1 &&
	    !memcmp(buf + n - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1)) {
		n -= sizeof(deleted) - 1;
		*state = MW_PATH_DELETED;
	}
	return n;
}

/* proc(5): field 22 of stat. The name in parentheses may hold spaces and parentheses itself. */
static int read_start_ticks(int dir, unsigned long long *ret)
{
	char buf[1024], *p, *end;
	ssize_t n = read_at(dir, "stat", buf, sizeof(buf) - 1);

	if (n <= 0)
		return -ESRCH;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EBADMSG;
	errno = 0;
	*ret = strtoull(p + 1, &end, 10);
	return end == p + 1 || errno ? -EBADMSG : 0;
}

static uint64_t ticks_of(uint64_t start_ns)
{
	return start_ns / (uint64_t)(NSEC / sysconf(_SC_CLK_TCK));
}

bool mw_facts_is_alive(uint32_t tgid, uint64_t start_ns)
{
	unsigned long long ticks;
	char path[32];
	int dir, r;

	snprintf(path, sizeof(path), "/proc/%u", tgid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	r = read_start_ticks(dir, &ticks);
	close(dir);
	return r == 0 && ticks == ticks_of(start_ns);
}

/* --- facts ----------------------------------------------------------------------------------- */

int mw_facts_meta(struct mw_evq *q, int64_t realtime_ns, const char *const *sources,
		  size_t n_sources)
{
	struct utsname u;
	struct mw_ev_meta *m;
	char boot_id[40], *p;
	ssize_t n_boot;
	uint64_t run_id;
	size_t n_host, n_kernel, n_version = sizeof(MW_VERSION) - 1, n_list = 0;

	if (getrandom(&run_id, sizeof(run_id), 0) != sizeof(run_id) || uname(&u) < 0)
		return -errno;
	n_boot = read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	while (n_boot > 0 && boot_id[n_boot - 1] == '\n')
		n_boot--;
	if (n_boot < 0)
		n_boot = 0;
	n_host = strlen(u.nodename);
	n_kernel = strlen(u.release);
	for (size_t i = 0; i < n_sources; i++)
		n_list += strlen(sources[i]) + 1;
	m = mw_evq_add(q, MW_EV_META, sizeof(*m),
		       n_host + n_kernel + (size_t)n_boot + n_version + n_list);
	if (!m)
		return -ENOMEM;
	m->run_id = run_id;
	m->realtime_ns = realtime_ns;
	m->clock = clock_now();
	m->version = MW_EVENT_VERSION;
	m->host_len = (uint16_t)n_host;
	m->kernel_len = (uint16_t)n_kernel;
	m->boot_id_len = (uint16_t)n_boot;
	m->mcpwatch_len = (uint16_t)n_version;
	m->sources_len = (uint16_t)n_list;
	p = (char *)(m + 1);
	p = mempcpy(p, u.nodename, n_host);
	p = mempcpy(p, u.release, n_kernel);
	p = mempcpy(p, boot_id, (size_t)n_boot);
	p = mempcpy(p, MW_VERSION, n_version);
	for (size_t i = 0; i < n_sources; i++)
		p = mempcpy(p, sources[i], strlen(sources[i]) + 1);
	return 0;
}

int mw_facts_clock(struct mw_evq *q, int64_t realtime_ns, int64_t *known_ns)
{
	const int64_t step = realtime_ns - *known_ns;
	struct mw_ev_clock *c;

	if (step <= MW_CLOCK_STEP_NS && step >= -MW_CLOCK_STEP_NS)
		return 0;
	c = mw_evq_add(q, MW_EV_CLOCK, sizeof(*c), 0);
	if (!c)
		return -ENOMEM;
	c->realtime_ns = realtime_ns;
	c->clock = clock_now();
	*known_ns = realtime_ns;
	return 0;
}

int mw_facts_user(struct mw_evq *q, uint32_t uid)
{
	struct mw_ev_user *u;
	struct passwd pw, *found = NULL;
	char buf[4096];
	size_t n, n_home;
	int r = getpwuid_r(uid, &pw, buf, sizeof(buf), &found);

	if (r)
		return -r;
	if (!found)
		return -ENOENT;
	n = strnlen(pw.pw_name, 255);
	n_home = strnlen(pw.pw_dir, sizeof(buf));
	u = mw_evq_add(q, MW_EV_USER, sizeof(*u), n + n_home);
	if (!u)
		return -ENOMEM;
	u->id = uid;
	u->name_len = (uint16_t)n;
	u->home_len = (uint16_t)n_home;
	memcpy(u + 1, pw.pw_name, n);
	memcpy((uint8_t *)(u + 1) + n, pw.pw_dir, n_home);
	return 0;
}

int mw_facts_lost(struct mw_evq *q, uint32_t reason, uint32_t cpu, uint64_t count)
{
	struct mw_ev_lost *l = mw_evq_add(q, MW_EV_LOST, sizeof(*l), 0);

	if (!l)
		return -ENOMEM;
	l->count = count;
	l->reason = reason;
	l->cpu = cpu;
	return 0;
}

int mw_facts_name(struct mw_evq *q, uint32_t tgid, uint64_t start_ns, const char *name,
		  const char *file)
{
	size_t n_name = strlen(name), n_file = strlen(file);
	struct mw_ev_name *e;

	if (n_name > MW_PATH_MAX || n_file > MW_PATH_MAX)
		return -E2BIG;
	e = mw_evq_add(q, MW_EV_NAME, sizeof(*e), n_name + n_file);
	if (!e)
		return -ENOMEM;
	e->hdr.tgid = tgid;
	e->hdr.tid = tgid;
	e->hdr.start_ns = start_ns;
	e->name_len = (uint16_t)n_name;
	e->file_len = (uint16_t)n_file;
	memcpy(mempcpy(e + 1, name, n_name), file, n_file);
	return 0;
}

int mw_facts_runtime(struct mw_evq *q, const struct mw_event_hdr *of,
		     const struct mw_runtime_found *found)
{
	size_t n_version = strlen(found->version), n_note = strlen(found->note);
	struct mw_ev_runtime *e = mw_evq_add(q, MW_EV_RUNTIME, sizeof(*e), n_version + n_note);

	if (!e)
		return -ENOMEM;
	e->hdr.ts_ns = of->ts_ns;
	e->hdr.start_ns = of->start_ns;
	e->hdr.tgid = of->tgid;
	e->hdr.tid = of->tgid;
	e->hdr.flags = of->flags;
	e->kind = found->rt.kind;
	e->reads = found->reads;
	e->exact = found->exact;
	e->version_len = (uint16_t)n_version;
	e->note_len = (uint16_t)n_note;
	memcpy(mempcpy(e + 1, found->version, n_version), found->note, n_note);
	return 0;
}

/* The cgroup v2 line of /proc/PID/cgroup, "0::/path", moved to the front of buf. */
static size_t cgroup_of(char *buf, size_t n)
{
	for (char *p = buf, *end = buf + n; p < end;) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);

		if (len > 3 && !memcmp(p, "0::", 3)) {
			memmove(buf, p + 3, len - 3);
			return len - 3;
		}
		p += len + 1;
	}
	return 0;
}

int mw_facts_proc(struct mw_evq *q, const struct mw_ev_proc *from)
{
	char path[32], exe[MW_PATH_MAX], cwd[MW_PATH_MAX], argv[MW_ARGV_MAX + 1],
	    group[MW_PATH_MAX];
	unsigned long long ticks = 0;
	struct mw_ev_proc *e;
	size_t n_exe, n_cwd, n_argv, n_group;
	uint8_t exe_state, cwd_state;
	ssize_t n;
	uint8_t *p;
	int dir, r;

	snprintf(path, sizeof(path), "/proc/%u", from->hdr.tgid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -ESRCH;
	n_exe = link_at(dir, "exe", exe, sizeof(exe), &exe_state);
	n_cwd = link_at(dir, "cwd", cwd, sizeof(cwd), &cwd_state);
	n_argv = mw_cmdline_read(from->hdr.tgid, from->hdr.start_ns, argv, sizeof(argv));
	n = read_at(dir, "cgroup", group, sizeof(group));
	n_group = n > 0 ? cgroup_of(group, (size_t)n) : 0;
	/* the directory is of this one process; that it still lives and is the one meant comes last
	 */
	r = read_start_ticks(dir, &ticks);
	close(dir);
	if (r < 0)
		return r;
	if (ticks != ticks_of(from->hdr.start_ns))
		return -ESRCH;

	e = mw_evq_add(q, MW_EV_PROC, sizeof(*e),
		       n_exe + (n_argv > MW_ARGV_MAX ? MW_ARGV_MAX : n_argv) + n_cwd + n_group);
	if (!e)
		return -ENOMEM;
	e->hdr.start_ns = from->hdr.start_ns;
	e->hdr.cgroup = from->hdr.cgroup;
	e->hdr.tgid = from->hdr.tgid;
	e->hdr.tid = from->hdr.tgid;
	e->hdr.uid = from->hdr.uid;
	e->hdr.flags = from->hdr.flags;
	e->parent_start_ns = from->parent_start_ns;
	e->parent_tgid = from->parent_tgid;
	e->dev = from->dev;
	e->ino = from->ino;
	e->gid = from->gid;
	e->loginuid = from->loginuid;
	e->audit_session = from->audit_session;
	e->argv_cut = n_argv > MW_ARGV_MAX;
	if (e->argv_cut)
		n_argv = MW_ARGV_MAX;
	e->exe_len = (uint16_t)n_exe;
	e->argv_len = (uint16_t)n_argv;
	e->cwd_len = (uint16_t)n_cwd;
	e->cgroup_len = (uint16_t)n_group;
	e->exe_state = exe_state;
	e->cwd_state = cwd_state;
	p = (uint8_t *)(e + 1);
	p = mempcpy(p, exe, n_exe);
	p = mempcpy(p, argv, n_argv);
	p = mempcpy(p, cwd, n_cwd);
	memcpy(p, group, n_group);
	return 0;
}

int mw_facts_environ(uint32_t tgid, uint64_t start_ns, struct mw_environ *ret)
{
	unsigned long long ticks;
	char path[32], more;
	int dir, fd, r;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%u", tgid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -ESRCH;
	fd = openat(dir, "environ", O_RDONLY | O_CLOEXEC);
	ret->n = 0;
	while (fd >= 0 && ret->n < sizeof(ret->p) &&
	       (n = read(fd, ret->p + ret->n, sizeof(ret->p) - ret->n)) > 0)
		ret->n += (uint32_t)n;
	r = fd < 0 || n < 0 ? -errno : 0;
	ret->cut = r == 0 && ret->n == sizeof(ret->p) && read(fd, &more, 1) == 1;
	if (fd >= 0)
		close(fd);
	/* the directory is of this one process; that it is the one meant comes last */
	if (r == 0)
		r = read_start_ticks(dir, &ticks);
	close(dir);
	return r == 0 && ticks != ticks_of(start_ns) ? -ESRCH : r;
}

int mw_facts_env(struct mw_evq *q, uint32_t tgid, uint64_t start_ns, const struct mw_environ *env)
{
	struct mw_ev_env *e = mw_evq_add(q, MW_EV_ENV, sizeof(*e), env->n);

	if (!e)
		return -ENOMEM;
	e->hdr.start_ns = start_ns;
	e->hdr.tgid = tgid;
	e->hdr.tid = tgid;
	e->env_len = env->n;
	e->cut = env->cut;
	memcpy(e + 1, env->p, env->n);
	return 0;
}

/* mountinfo, cut at a line's end where it is longer than fits. */
static ssize_t read_mounts(int dir, char *buf)
{
	ssize_t n = read_at(dir, "mountinfo", buf, MOUNTS_MAX);

	while (n > 0 && buf[n - 1] != '\n')
		n--;
	return n;
}

int mw_facts_mounts(struct mw_evq *q, uint32_t tgid, struct mw_u64set *told)
{
	static __thread char host[MOUNTS_MAX], own[MOUNTS_MAX];
	ssize_t n_host, n_own = 0;
	struct mw_ev_mounts *e;
	struct stat ours, its;
	char path[32];
	uint64_t hash;
	int dir, self;

	snprintf(path, sizeof(path), "/proc/%u", tgid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (stat("/proc/self/ns/mnt", &ours) < 0 || fstatat(dir, "ns/mnt", &its, 0) < 0 ||
	    its.st_ino == ours.st_ino) {
		close(dir);
		return 0;
	}
	n_own = read_mounts(dir, own);
	close(dir);
	self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n_host = self < 0 ? -errno : read_mounts(self, host);
	if (self >= 0)
		close(self);
	if (n_own < 0 || n_host < 0)
		return (int)(n_own < 0 ? n_own : n_host);
	hash = mw_hash64(mw_slice(own, (size_t)n_own), its.st_ino);
	if (!mw_u64set_add(told, mw_hash64(mw_slice(host, (size_t)n_host), hash) | 1))
		return 0;
	e = mw_evq_add(q, MW_EV_MOUNTS, sizeof(*e), (size_t)(n_host + n_own));
	if (!e)
		return -ENOMEM;
	e->mntns = its.st_ino;
	e->host_len = (uint16_t)n_host;
	e->ns_len = (uint16_t)n_own;
	memcpy(mempcpy(e + 1, host, (size_t)n_host), own, (size_t)n_own);
	return 0;
}
