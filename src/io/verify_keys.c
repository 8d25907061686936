/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_keys.c - the folder: whose log it says to be, and whose it must be
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/heap.h"
#include "io/verify_priv.h"

#define VKEYS_MAX 16384

int mw_vf_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_n)
{
	_cleanup_(mw_freep) char *buf = NULL;
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	size_t at = 0;
	ssize_t n;

	fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	buf = malloc(max + 1);
	if (!buf)
		return -ENOMEM;
	while (at < max) {
		n = read(fd, buf + at, max - at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	buf[at] = '\0';
	*ret = MW_TAKE(buf);
	*ret_n = at;
	return 0;
}

int mw_vf_text(const struct mw_verify *v, const char *name, size_t max, char **ret, size_t *ret_n)
{
	return v->store.file ? v->store.file(v->store.ctx, name, max, ret, ret_n)
			     : mw_vf_file(v->dir_fd, name, max, ret, ret_n);
}

static bool is_there(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool ends_in(const char *s, const char *tail)
{
	return mw_slice_ends(mw_slice_str(s), mw_slice_str(tail));
}

static bool same_key(const struct mw_vkey *a, const struct mw_vkey *b)
{
	return memcmp(a->public_key, b->public_key, MW_KEY_LEN) == 0;
}

/* The log's own word: the file `vkeys`. */
static int read_vkeys(struct mw_verify *v, struct mw_vkey *identity, struct mw_vkey *first,
		      bool *ret_identity, bool *ret_first)
{
	_cleanup_(mw_freep) char *text = NULL;
	char *line, *nl, name[MW_NOTE_NAME_MAX];
	struct mw_vkey k;
	size_t n;
	int r;

	*ret_identity = *ret_first = false;
	r = mw_vf_text(v, "vkeys", VKEYS_MAX, &text, &n);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	mw_epoch_name(v->origin, 0, name);
	for (line = text; (nl = memchr(line, '\n', n - (size_t)(line - text))); line = nl + 1) {
		if (mw_vkey_parse(line, (size_t)(nl - line), &k) < 0 || k.alg != MW_NOTE_ED25519)
			continue;
		if (strcmp(k.name, name) == 0 && !*ret_first) {
			*first = k;
			*ret_first = true;
		} else if (strcmp(k.name, v->origin) == 0 && !*ret_identity) {
			*identity = k;
			*ret_identity = true;
		}
	}
	return 0;
}

/*
 * Chooses between what the log says and what was enrolled elsewhere, which counts. What was
 * enrolled may be of several logs: those of this name first.
 */
static void choose(struct mw_verify *v, const struct mw_verify_config *config, bool first,
		   const struct mw_vkey *own, struct mw_vkey *ret, bool *ret_have,
		   bool *ret_enrolled)
{
	char name[MW_NOTE_NAME_MAX];
	bool any = false;
	size_t i;

	*ret_enrolled = false;
	*ret_have = own != NULL;
	if (own)
		*ret = *own;
	if (first)
		mw_epoch_name(v->origin, 0, name);
	else
		snprintf(name, sizeof(name), "%s", v->origin);
	for (i = 0; i < config->n_vkeys; i++) {
		const struct mw_vkey *k = &config->vkeys[i];

		if (k->alg != MW_NOTE_ED25519 || ends_in(k->name, "/fs/0") != first)
			continue;
		any = true;
		if (strcmp(k->name, name) != 0)
			continue;
		*ret = *k;
		*ret_have = *ret_enrolled = true;
		if (!own || same_key(own, k))
			return;
	}
	if (*ret_enrolled)
		mw_vf_found_in(v, MW_FOUND_REPLACED, UINT64_MAX, "vkeys", 0,
			       "the log says its %s is another than the enrolled one: another log "
			       "stands in its place",
			       first ? "first one-time key" : "identity");
	else if (any)
		mw_vf_found_in(
		    v, MW_FOUND_REPLACED, UINT64_MAX, "origin", 0,
		    "the log says it is '%s', and no enrolled key is of that name: another "
		    "log stands in its place, or these are keys of another",
		    v->origin);
}

static int read_origin(struct mw_verify *v)
{
	_cleanup_(mw_freep) char *text = NULL;
	size_t n;
	int r;

	r = mw_vf_text(v, "origin", MW_NOTE_NAME_MAX, &text, &n);
	if (r < 0 && r != -ENOENT && r != -EFBIG)
		return r;
	if (r < 0 || n < 2 || text[n - 1] != '\n' || memchr(text, '\0', n) ||
	    n >= sizeof(v->origin)) {
		mw_vf_found_in(v, MW_FOUND_REPLACED, UINT64_MAX, "origin", 0, "%s",
			       r == -ENOENT ? "the log's name is missing"
					    : "the log's name is damaged");
		return 0;
	}
	memcpy(v->origin, text, n - 1);
	memcpy(v->rep.origin, text, n - 1);
	return 0;
}

int mw_vf_keys(struct mw_verify *v, const struct mw_verify_config *config, char *err,
	       size_t err_len)
{
	bool have_identity, have_first, enrolled;
	struct mw_vkey identity, first;
	size_t i;
	int r;

	if (!v->store.file && !is_there(v->dir_fd, "origin") && !is_there(v->dir_fd, "vkeys") &&
	    !is_there(v->dir_fd, MW_VERIFY_SEALS) && !is_there(v->dir_fd, "checkpoint") &&
	    !is_there(v->dir_fd, "tile"))
		return 0;
	r = read_origin(v);
	if (r == 0)
		r = read_vkeys(v, &identity, &first, &have_identity, &have_first);
	if (r < 0) {
		snprintf(err, err_len, "cannot read the log's name and keys: %s", strerror(-r));
		return r;
	}
	v->witness = calloc(config->n_vkeys + 1, sizeof(*v->witness));
	if (!v->witness)
		return -ENOMEM;
	for (i = 0; i < config->n_vkeys; i++)
		if (config->vkeys[i].alg == MW_NOTE_COSIGNATURE)
			v->witness[v->n_witness++] = config->vkeys[i];
	choose(v, config, false, have_identity ? &identity : NULL, &v->identity, &have_identity,
	       &enrolled);
	v->rep.identity_enrolled = enrolled;
	choose(v, config, true, have_first ? &first : NULL, &v->key, &v->have_key, &enrolled);
	v->rep.epoch_enrolled = enrolled;
	if (!have_identity || !v->have_key)
		mw_vf_found_in(v, MW_FOUND_REPLACED, UINT64_MAX, "vkeys", 0,
			       "the log's keys are missing or damaged, and not both were enrolled");
	return 1;
}

/* --- anchors ------------------------------------------------------------------------------------
 */

static int compare_anchors(const void *pa, const void *pb)
{
	const struct mw_verify_anchor *a = pa, *b = pb;

	return (a->c.size > b->c.size) - (a->c.size < b->c.size);
}

/* One that was given. 0: it is of another log, whose name is in `other`; 1; -EINVAL. */
static int given_anchor(struct mw_verify *v, const char *text, struct mw_verify_anchor *a,
			char other[MW_NOTE_NAME_MAX], char *err, size_t err_len)
{
	struct mw_note note;
	uint64_t when;
	size_t k;

	if (mw_note_parse(text, strlen(text), &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &a->c) < 0) {
		snprintf(err, err_len, "%s is no signed checkpoint", a->name);
		return -EINVAL;
	}
	if (strcmp(a->c.origin, v->origin) != 0) {
		memcpy(other, a->c.origin, MW_NOTE_NAME_MAX);
		return 0;
	}
	if (mw_note_verify(&note, &v->identity, NULL) != 1) {
		snprintf(err, err_len,
			 "%s bears no good signature of the log's identity: it is none", a->name);
		if (v->rep.identity_enrolled)
			return -EINVAL;
		mw_vf_found_in(v, MW_FOUND_REPLACED, UINT64_MAX, "vkeys", 0,
			       "%s is not signed by the identity that the log says it has: another "
			       "log stands in its place",
			       a->name);
		return 0;
	}
	for (k = 0; k < v->n_witness; k++)
		if (mw_note_verify(&note, &v->witness[k], &when) == 1)
			mw_vf_notice(v, "%s: cosigned by %s at %" PRIu64 " s since 1970", a->name,
				     v->witness[k].name, when);
	return 1;
}

/* What a witness answered lies in the folder, where it proves itself by the witness's key. */
static int kept_cosignature(struct mw_verify *v, const struct mw_vkey *witness,
			    struct mw_verify_anchor *a)
{
	_cleanup_(mw_freep) char *text = NULL;
	struct mw_note note;
	char path[32];
	uint64_t when;
	size_t n;

	snprintf(path, sizeof(path), "cosigned/%08x", witness->id);
	if (mw_vf_text(v, path, MW_NOTE_MAX, &text, &n) < 0)
		return 0;
	if (mw_note_parse(text, n, &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &a->c) < 0 ||
	    strcmp(a->c.origin, v->origin) != 0 || mw_note_verify(&note, witness, &when) != 1) {
		mw_vf_notice(v, "%s is not what witness %s signs", path, witness->name);
		return 0;
	}
	snprintf(a->name, sizeof(a->name), "witness %s", witness->name);
	mw_vf_notice(v, "%s has seen %" PRIu64 " records, at %" PRIu64 " s since 1970", a->name,
		     a->c.size, when);
	return 1;
}

int mw_vf_anchors(struct mw_verify *v, const struct mw_verify_config *config, char *err,
		  size_t err_len)
{
	char other[MW_NOTE_NAME_MAX] = "";
	struct mw_verify_anchor *a;
	size_t i;
	int r;

	a = calloc(config->n_anchors + v->n_witness + 1, sizeof(*a));
	if (!a) {
		snprintf(err, err_len, "not enough memory for the anchors");
		return -ENOMEM;
	}
	v->anchor = a;
	for (i = 0; i < config->n_anchors && !v->stop; i++) {
		snprintf(a[v->n_anchors].name, sizeof(a->name), "anchor %zu", i + 1);
		r = given_anchor(v, config->anchors[i], &a[v->n_anchors], other, err, err_len);
		if (r < 0)
			return r;
		v->n_anchors += (size_t)r;
	}
	if (config->n_anchors && !v->n_anchors)
		mw_vf_found_in(v, MW_FOUND_REPLACED, UINT64_MAX, "origin", 0,
			       "the log says it is '%s', and the anchors are of '%s': another log "
			       "stands in its place, or these are anchors of another",
			       v->origin, other);
	for (i = 0; i < v->n_witness; i++)
		v->n_anchors += (size_t)kept_cosignature(v, &v->witness[i], &a[v->n_anchors]);
	qsort(a, v->n_anchors, sizeof(*a), compare_anchors);
	while (v->next_anchor < v->n_anchors && a[v->next_anchor].c.size == 0)
		v->next_anchor++;
	return 0;
}
