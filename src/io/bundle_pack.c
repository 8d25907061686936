/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_pack.c - the files of a bundle, into the archive */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/bundle_priv.h"
#include "io/heap.h"
#include "io/verify_priv.h"

static int fail_part(struct mw_bundle_make *m, const struct mw_bundle_part *p, int r)
{
	return mw_bundle_fail(m, r, "cannot bundle %s: %s", p->path, strerror(-r));
}

static int add_fd(struct mw_bundle_make *m, const char *name, int fd, uint64_t size)
{
	uint8_t sha256[MW_SHA256_LEN];
	char path[MW_TGZ_NAME_MAX];
	int r;

	snprintf(path, sizeof(path), MW_BUNDLE_TOP "%s", name);
	r = mw_tgz_add(m->fd, path, fd, size, sha256);
	if (r == 0)
		r = mw_bundle_sum_print(sha256, name, &m->sums);
	return r < 0 ? mw_bundle_fail(m, r, "cannot write %s to the bundle: %s", name, strerror(-r))
		     : 0;
}

static int add_file(struct mw_bundle_make *m, const char *name, FILE *f)
{
	struct stat st;

	if (fflush(f) != 0 || ferror(f) || fstat(fileno(f), &st) < 0)
		return mw_bundle_fail(m, -EIO, "cannot write %s: %s", name,
				      strerror(errno ? errno : EIO));
	return add_fd(m, name, fileno(f), (uint64_t)st.st_size);
}

static int add_text(struct mw_bundle_make *m, const char *name, const void *p, size_t n)
{
	FILE *f;
	int r = mw_bundle_file_new(m, &f);

	if (r < 0)
		return r;
	if (fwrite(p, 1, n, f) != n)
		r = mw_bundle_fail(m, -errno, "cannot write %s: %s", name, strerror(errno));
	if (r == 0)
		r = add_file(m, name, f);
	fclose(f);
	return r;
}

static int add_of_log(struct mw_bundle_make *m, size_t i, const char *name, const void *p, size_t n)
{
	char path[64];

	snprintf(path, sizeof(path), "log-%u/%s", (unsigned int)i + 1, name);
	return add_text(m, path, p, n);
}

/* Verifier keys and nothing else. */
static int add_vkeys(struct mw_bundle_make *m, size_t i)
{
	_cleanup_(mw_freep) char *text = NULL;
	struct mw_buf out;
	struct mw_vkey k;
	char *line, *nl;
	size_t n;
	int r;

	r = mw_vf_file(m->parts[i].dir_fd, "vkeys", MW_NOTE_MAX, &text, &n);
	if (r < 0)
		return fail_part(m, &m->parts[i], r);
	mw_buf_init(&out, &mw_heap, MW_NOTE_MAX);
	for (line = text; r == 0 && (nl = memchr(line, '\n', n - (size_t)(line - text)));
	     line = nl + 1)
		if (mw_vkey_parse(line, (size_t)(nl - line), &k) == 0)
			r = mw_buf_append(&out, line, (size_t)(nl - line) + 1);
	r = r < 0 ? fail_part(m, &m->parts[i], r) : add_of_log(m, i, "vkeys", out.p, out.len);
	mw_buf_done(&out);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, 9);
}

/* What witnesses have cosigned of what is in here. */
static int add_cosigned(struct mw_bundle_make *m, size_t i)
{
	const struct mw_bundle_part *p = &m->parts[i];
	const int fd = openat(p->dir_fd, "cosigned", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char ids[MW_BUNDLE_COSIGNED_MAX][9], name[32];
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0, k;
	int r = 0;

	while (d && n < MW_BUNDLE_COSIGNED_MAX && (e = readdir(d)))
		if (strlen(e->d_name) == 8 && strspn(e->d_name, "0123456789abcdef") == 8)
			memcpy(ids[n++], e->d_name, 9);
	if (d)
		closedir(d);
	qsort(ids, n, sizeof(ids[0]), compare_names);
	for (k = 0; r == 0 && k < n; k++) {
		_cleanup_(mw_freep) char *text = NULL;
		struct mw_checkpoint c;
		struct mw_note note;
		size_t len;

		snprintf(name, sizeof(name), "cosigned/%.8s", ids[k]);
		if (mw_vf_file(p->dir_fd, name, MW_NOTE_MAX, &text, &len) == 0 &&
		    mw_note_parse(text, len, &note) == 0 &&
		    mw_checkpoint_parse(note.body, note.body_len, &c) == 0 &&
		    c.size <= p->report.sealed)
			r = add_of_log(m, i, name, text, len);
	}
	return r;
}

static int add_log(struct mw_bundle_make *m, size_t i)
{
	struct mw_bundle_part *p = &m->parts[i];
	char text[MW_NOTE_NAME_MAX + 1], name[64];
	const struct {
		const char *name;
		FILE *f;
	} files[] = { { "seals.jsonl", p->seals },
		      { "tree", p->tree },
		      { "records.jsonl", p->records } };
	size_t k;
	int r;

	r = add_of_log(m, i, "origin", text,
		       (size_t)snprintf(text, sizeof(text), "%s\n", p->said.origin));
	if (r == 0)
		r = add_vkeys(m, i);
	if (r == 0)
		r = add_of_log(m, i, "checkpoint", p->checkpoint.p, p->checkpoint.len);
	if (r == 0)
		r = add_cosigned(m, i);
	for (k = 0; r == 0 && k < sizeof(files) / sizeof(*files); k++) {
		snprintf(name, sizeof(name), "log-%u/%s", (unsigned int)i + 1, files[k].name);
		r = add_file(m, name, files[k].f);
	}
	return r;
}

static int add_said(struct mw_bundle_make *m)
{
	const struct mw_export_about *about = m->config->about;
	struct mw_bundle_manifest said = { .version = MW_VERSION,
					   .made_ns = about->made_ns,
					   .n_logs = about->n_inputs };
	struct mw_buf readme, manifest;
	size_t i;
	int r;

	snprintf(said.filter, sizeof(said.filter), "%s", about->filter);
	said.logs = calloc(about->n_inputs, sizeof(*said.logs));
	if (!said.logs)
		return mw_bundle_fail(m, -ENOMEM, "not enough memory");
	for (i = 0; i < about->n_inputs; i++)
		said.logs[i] = m->parts[i].said;
	mw_buf_init(&readme, &mw_heap, MW_BUNDLE_MANIFEST_MAX);
	mw_buf_init(&manifest, &mw_heap, MW_BUNDLE_MANIFEST_MAX);
	r = mw_bundle_readme_print(&said, m->config->page != NULL, &readme);
	if (r == 0)
		r = mw_bundle_manifest_print(&said, &manifest);
	if (r < 0)
		mw_bundle_fail(m, r, "cannot write the manifest: %s", strerror(-r));
	if (r == 0)
		r = add_text(m, "README.txt", readme.p, readme.len);
	if (r == 0)
		r = add_text(m, "manifest.json", manifest.p, manifest.len);
	mw_buf_done(&readme);
	mw_buf_done(&manifest);
	free(said.logs);
	return r;
}

int mw_bundle_pack(struct mw_bundle_make *m)
{
	size_t i;
	int r;

	r = add_said(m);
	if (r == 0 && m->config->page)
		r = add_file(m, "timeline.html", m->config->page);
	for (i = 0; r == 0 && i < m->config->about->n_inputs; i++)
		r = add_log(m, i);
	if (r == 0)
		r = add_text(m, "SHA256SUMS", m->sums.p, m->sums.len);
	if (r < 0)
		return r;
	r = mw_tgz_finish(m->fd);
	return r < 0 ? mw_bundle_fail(m, r, "cannot write the bundle: %s", strerror(-r)) : 0;
}
