/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_read.c - the archive, once from end to end: which files, how long, which hashes
 *
 * Names are a closed set in a fixed order, so that none is there twice and none leads elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/bundle_priv.h"
#include "io/file.h"
#include "io/heap.h"

#define BUF_LEN (64u << 10)
/* Three and the sums, and what a log has. */
#define FILES_MAX (4 + MW_BUNDLE_LOGS_MAX * (6 + MW_BUNDLE_COSIGNED_MAX))
#define SUM_MAX	  (2 * MW_SHA256_LEN + 3 + MW_TGZ_NAME_MAX)

static const struct {
	const char *name;
	enum mw_bundle_kind kind;
	bool of_log;
	uint64_t max;
	bool text; /* kept in memory */
} known[] = {
	{ "README.txt", MW_BUNDLE_README, false, 1u << 20, false },
	{ "manifest.json", MW_BUNDLE_MANIFEST, false, MW_BUNDLE_MANIFEST_MAX, true },
	{ "timeline.html", MW_BUNDLE_PAGE, false, 1ull << 32, false },
	{ "origin", MW_BUNDLE_ORIGIN, true, MW_NOTE_NAME_MAX, true },
	{ "vkeys", MW_BUNDLE_VKEYS, true, MW_NOTE_MAX, true },
	{ "checkpoint", MW_BUNDLE_CHECKPOINT, true, MW_NOTE_MAX, true },
	{ "cosigned/", MW_BUNDLE_COSIGNED, true, MW_NOTE_MAX, true },
	{ "seals.jsonl", MW_BUNDLE_SEALS, true, MW_TGZ_FILE_MAX, false },
	{ "tree", MW_BUNDLE_TREE, true, MW_TGZ_FILE_MAX, false },
	{ "records.jsonl", MW_BUNDLE_RECORDS, true, MW_TGZ_FILE_MAX, false },
	{ "SHA256SUMS", MW_BUNDLE_SUMS, false, FILES_MAX *SUM_MAX, true },
};

struct scan {
	struct mw_bundle_read *b;
	struct mw_tgz *tgz;
	struct mw_buf sums; /* as SHA256SUMS must be */
	char *err;
	size_t err_len;
};

const char *mw_bundle_name(const struct mw_bundle_file *f)
{
	return f->entry.name + sizeof(MW_BUNDLE_TOP) - 1;
}

const char *mw_bundle_name_in_log(const struct mw_bundle_file *f)
{
	return strchr(mw_bundle_name(f), '/') + 1;
}

static int fail(struct scan *s, int r, const char *why)
{
	snprintf(s->err, s->err_len, "cannot verify %s: %s", s->b->path, why);
	return r;
}

/* --- names --------------------------------------------------------------------------------------
 */

static bool is_key_id(const char *s)
{
	return strlen(s) == 8 && strspn(s, "0123456789abcdef") == 8;
}

/* "log-<n>/", n from 1. What follows it, or NULL. */
static const char *parse_log(const char *s, size_t *ret)
{
	size_t n = 0;

	if (strncmp(s, "log-", 4) != 0 || s[4] == '0')
		return NULL;
	for (s += 4; *s >= '0' && *s <= '9' && n <= MW_BUNDLE_LOGS_MAX; s++)
		n = 10 * n + (size_t)(*s - '0');
	if (*s != '/' || n == 0 || n > MW_BUNDLE_LOGS_MAX)
		return NULL;
	*ret = n - 1;
	return s + 1;
}

/* Index into `known`; -1: a file that no bundle has. */
static int parse_name(const char *name, size_t *ret_log)
{
	const size_t top = sizeof(MW_BUNDLE_TOP) - 1;
	const char *rest;
	bool of_log;
	int i;

	if (strncmp(name, MW_BUNDLE_TOP, top) != 0)
		return -1;
	*ret_log = 0;
	rest = parse_log(name + top, ret_log);
	of_log = rest != NULL;
	if (!of_log)
		rest = name + top;
	for (i = 0; i < (int)(sizeof(known) / sizeof(*known)); i++) {
		const size_t n = strlen(known[i].name);

		if (known[i].of_log != of_log)
			continue;
		if (known[i].kind == MW_BUNDLE_COSIGNED
			? strncmp(rest, known[i].name, n) == 0 && is_key_id(rest + n)
			: strcmp(rest, known[i].name) == 0)
			return i;
	}
	return -1;
}

/* Whether b may follow a. */
static bool in_order(const struct mw_bundle_file *a, const struct mw_bundle_file *b)
{
	const bool a_log = a->kind >= MW_BUNDLE_ORIGIN && a->kind <= MW_BUNDLE_RECORDS;
	const bool b_log = b->kind >= MW_BUNDLE_ORIGIN && b->kind <= MW_BUNDLE_RECORDS;

	if (a_log && b_log && a->log != b->log)
		return b->log == a->log + 1 && a->kind == MW_BUNDLE_RECORDS &&
		       b->kind == MW_BUNDLE_ORIGIN;
	if (a->kind == MW_BUNDLE_COSIGNED && b->kind == MW_BUNDLE_COSIGNED)
		return strcmp(a->entry.name, b->entry.name) < 0;
	if (b->kind <= a->kind)
		return false;
	/* what may be missing: the page, witnesses */
	switch (b->kind) {
	case MW_BUNDLE_ORIGIN:
		return a->kind >= MW_BUNDLE_MANIFEST && b->log == 0;
	case MW_BUNDLE_SEALS:
		return a->kind >= MW_BUNDLE_CHECKPOINT;
	default:
		return a->kind + 1 == b->kind;
	}
}

/* --- one file -----------------------------------------------------------------------------------
 */

static int read_whole(struct scan *s, struct mw_bundle_file *f)
{
	size_t at = 0;
	ssize_t n;

	f->text = malloc((size_t)f->entry.size + 1);
	if (!f->text)
		return fail(s, -ENOMEM, "not enough memory");
	while ((n = mw_tgz_read(s->tgz, f->text + at, (size_t)f->entry.size - at)) > 0)
		at += (size_t)n;
	f->text[at] = '\0';
	EVP_Digest(f->text, at, f->sha256, NULL, EVP_sha256(), NULL);
	return n < 0 ? fail(s, (int)n, mw_tgz_why(s->tgz)) : 0;
}

static int hash_whole(struct scan *s, struct mw_bundle_file *f)
{
	_cleanup_(mw_freep) char *buf = malloc(BUF_LEN);
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	ssize_t n = -ENOMEM;
	bool ok;

	ok = buf && sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	while (ok && (n = mw_tgz_read(s->tgz, buf, BUF_LEN)) > 0)
		ok = EVP_DigestUpdate(sha, buf, (size_t)n);
	ok = ok && EVP_DigestFinal_ex(sha, f->sha256, NULL);
	EVP_MD_CTX_free(sha);
	if (n < 0 && n != -ENOMEM)
		return fail(s, (int)n, mw_tgz_why(s->tgz));
	return ok ? 0 : fail(s, -ENOMEM, "not enough memory");
}

static int take_manifest(struct scan *s, const struct mw_bundle_file *f)
{
	int r = mw_bundle_manifest_parse(f->text, (size_t)f->entry.size, &s->b->manifest);

	if (r == -EPROTONOSUPPORT)
		return fail(s, r,
			    "the bundle was made by a newer mcpwatch; verify it with that one");
	return r < 0 ? fail(s, r, "its manifest is none") : 0;
}

/* What SHA256SUMS must say is known: the first file whose line is another. */
static void check_sums(struct mw_bundle_read *b, const struct mw_buf *want)
{
	const struct mw_bundle_file *sums = &b->files[b->n_files - 1];
	const size_t n = (size_t)sums->entry.size;
	size_t i, at = 0;

	if (n == want->len && memcmp(sums->text, want->p, n) == 0)
		return;
	for (i = 0; i + 1 < b->n_files; i++) {
		const uint8_t *line = want->p + at, *nl = memchr(line, '\n', want->len - at);
		const size_t len = (size_t)(nl - line) + 1;

		b->odd = &b->files[i];
		if (n - at < len || memcmp(sums->text + at, line, len) != 0)
			return;
		at += len;
	}
	b->odd = sums;
}

static int take_file(struct scan *s, const struct mw_tgz_entry *e)
{
	struct mw_bundle_read *b = s->b;
	struct mw_bundle_file *f = &b->files[b->n_files];
	int r, i;

	*f = (struct mw_bundle_file){ .entry = *e };
	i = b->n_files == FILES_MAX ? -1 : parse_name(e->name, &f->log);
	if (i >= 0)
		f->kind = known[i].kind;
	if (i < 0 || (b->n_files ? !in_order(f - 1, f) : f->kind != MW_BUNDLE_README))
		return fail(s, -EILSEQ,
			    "it is no bundle: a file in it is not one of a bundle's, or not in its "
			    "place");
	if (e->size > known[i].max)
		return fail(s, -EBADMSG, "a file in it is longer than any of a bundle");
	b->n_files++;
	r = known[i].text ? read_whole(s, f) : hash_whole(s, f);
	if (r == 0 && f->kind == MW_BUNDLE_MANIFEST)
		r = take_manifest(s, f);
	if (r == 0 && f->kind == MW_BUNDLE_PAGE)
		b->page = true;
	if (r == 0 && f->kind != MW_BUNDLE_SUMS &&
	    mw_bundle_sum_print(f->sha256, mw_bundle_name(f), &s->sums) < 0)
		r = fail(s, -ENOMEM, "not enough memory");
	return r;
}

static int scan(struct scan *s)
{
	struct mw_bundle_read *b = s->b;
	const struct mw_bundle_file *last;
	struct mw_tgz_entry e;
	int r;

	r = mw_tgz_open(b->fd, 0, &s->tgz);
	b->files = calloc(FILES_MAX + 1, sizeof(*b->files));
	if (r < 0 || !b->files)
		return fail(s, -ENOMEM, "not enough memory");
	while ((r = mw_tgz_next(s->tgz, &e)) == 1) {
		r = take_file(s, &e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return fail(s, r, mw_tgz_why(s->tgz));
	last = b->n_files > 1 ? &b->files[b->n_files - 1] : NULL;
	if (!last || last->kind != MW_BUNDLE_SUMS || last[-1].log + 1 != b->manifest.n_logs)
		return fail(s, -EILSEQ, "it is no bundle: files are missing in it");
	check_sums(b, &s->sums);
	return 0;
}

int mw_bundle_read(const char *path, char *err, size_t err_len, struct mw_bundle_read *ret)
{
	struct scan s = { .b = ret, .err = err, .err_len = err_len };
	struct stat st;
	int r;

	*ret = (struct mw_bundle_read){ .path = path };
	ret->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0) {
		r = -errno;
		return fail(&s, r, strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return fail(&s, -EINVAL, "it is no plain file");
	mw_buf_init(&s.sums, &mw_heap, FILES_MAX * SUM_MAX);
	r = scan(&s);
	mw_buf_done(&s.sums);
	mw_tgz_free(s.tgz);
	return r;
}

void mw_bundle_read_done(struct mw_bundle_read *b)
{
	size_t i;

	for (i = 0; i < b->n_files; i++)
		free(b->files[i].text);
	free(b->files);
	free(b->manifest.logs);
	mw_close(&b->fd);
}

const struct mw_bundle_file *mw_bundle_find(const struct mw_bundle_read *b, size_t log,
					    enum mw_bundle_kind kind)
{
	size_t i;

	for (i = 0; i < b->n_files; i++)
		if (b->files[i].kind == kind && b->files[i].log == log)
			return &b->files[i];
	return NULL;
}

bool mw_bundle_claims(const char *path)
{
	_cleanup_(mw_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	char name[MW_TGZ_NAME_MAX];

	return fd >= 0 && mw_tgz_first(fd, name) == 0 &&
	       strncmp(name, MW_BUNDLE_TOP, sizeof(MW_BUNDLE_TOP) - 1) == 0;
}

bool mw_bundle_is(const char *path)
{
	_cleanup_(mw_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	uint8_t head[2];

	/* gzip (RFC 1952); what else it must be is said when it is read */
	return fd >= 0 && pread(fd, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b;
}
