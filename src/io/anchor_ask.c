/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_ask.c - anchors over the network, through their helper */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/anchor_priv.h"
#include "io/anchor_text.h"
#include "io/file.h"
#include "io/net_helper.h"
#include "io/tlog.h"

/* Beyond the time that the helper gives its peer. */
#define HELPER_MORE_MS 2000
/* A witness may be behind, and be overtaken by another writer, but not for ever. */
#define TRIES 3
/* A note and a proof; as much as it can be. */
#define BODY_MAX 24576

/* --- the helper ---------------------------------------------------------------------------- */

static int helper_start(struct mw_anchor *a)
{
	struct mw_net_hello h = { .type = a->cfg->type == MW_ANCHOR_SYSLOG ? MW_NET_SYSLOG
									   : MW_NET_WITNESS,
				  .timeout_ms = a->cfg->timeout_ms,
				  .key_id = a->cfg->vkey.id };

	snprintf(h.address, sizeof(h.address), "%s", a->cfg->address);
	snprintf(h.name, sizeof(h.name), "%s", a->cfg->vkey.name);
	return mw_helper_start(&a->helper, MW_NET_VERB, &h, sizeof(h));
}

/* One message there and one answer back, within time; else the helper is ended. */
static int ask(struct mw_anchor *a, const char *body, size_t n, struct mw_net_answer *ret)
{
	int r = 0;

	if (a->helper.fd < 0)
		r = helper_start(a);
	if (r < 0)
		return mw_anchor_why(a, r, "its helper cannot be started: %s", strerror(-r));
	r = mw_helper_ask(&a->helper, body, n, ret, sizeof(*ret),
			  a->cfg->timeout_ms + HELPER_MORE_MS);
	if (r < 0)
		return mw_anchor_why(
		    a, r, "%s", r == -ETIMEDOUT ? "no answer in time" : "its helper has ended");
	ret->why[sizeof(ret->why) - 1] = '\0';
	if (ret->error < 0)
		return mw_anchor_why(a, ret->error, "%s", ret->why);
	return 0;
}

int mw_anchor_to_syslog(struct mw_anchor *a)
{
	char line[MW_ANCHOR_LINE_MAX], host[256] = "";
	struct mw_net_answer answer;
	struct timespec ts;
	size_t n;
	int r;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	r = mw_anchor_syslog(a->note, a->n, host, getpid(),
			     (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec, line, &n);
	if (r < 0)
		return mw_anchor_why(a, r, "no line can be made of it: %s", strerror(-r));
	return ask(a, line, n, &answer);
}

/* --- a witness ----------------------------------------------------------------------------- */

/* "old N", the proof, an empty line, the checkpoint. */
static int make_body(struct mw_anchor *a, char body[BODY_MAX], size_t *ret_n)
{
	struct mw_hash proof[MW_PROOF_MAX];
	uint8_t text[48];
	size_t i, n, n_proof = 0;
	int r = 0;

	/* nothing to prove of no records, nor of the same ones */
	if (a->known && a->known < a->size)
		r = mw_tiles_consistency(a->dir_fd, a->known, a->size, proof, &n_proof);
	if (r < 0)
		return mw_anchor_why(a, r,
				     "cannot prove from the tiles that %" PRIu64
				     " records go on from %" PRIu64 ": %s",
				     a->size, a->known, strerror(-r));
	n = (size_t)snprintf(body, BODY_MAX, "old %" PRIu64 "\n", a->known);
	for (i = 0; i < n_proof; i++) {
		EVP_EncodeBlock(text, proof[i].p, sizeof(proof[i].p));
		n += (size_t)snprintf(body + n, BODY_MAX - n, "%s\n", (char *)text);
	}
	n += (size_t)snprintf(body + n, BODY_MAX - n, "\n%s", a->note);
	if (n >= BODY_MAX)
		return mw_anchor_why(a, -EMSGSIZE, "the checkpoint is too long");
	*ret_n = n;
	return 0;
}

/* Beside, synced, renamed: there is always a whole one. */
static int keep(struct mw_anchor *a, const char *note, size_t n)
{
	_cleanup_(mw_close) int dir = -1, fd = -1;
	char name[16], beside[24];
	int r;

	snprintf(name, sizeof(name), "%08" PRIx32, a->cfg->vkey.id);
	snprintf(beside, sizeof(beside), "%s.new", name);
	if (mkdirat(a->dir_fd, "cosigned", 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = openat(a->dir_fd, "cosigned", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, note, n, NULL);
	if (r == 0 && (fsync(fd) < 0 || renameat(dir, beside, dir, name) < 0))
		r = -errno;
	return r;
}

/* The witness's line below ours, if it is its. */
static int take_cosignature(struct mw_anchor *a, const struct mw_net_answer *answer)
{
	char note[MW_NOTE_MAX + MW_NOTE_NAME_MAX + 256];
	uint8_t text[(MW_COSIGNATURE_LEN + 2) / 3 * 4 + 1];
	struct mw_note parts;
	size_t n;
	int r;

	if (!answer->has_cosignature)
		return mw_anchor_why(a, -EBADMSG, "it answers without a cosignature of its key");
	EVP_EncodeBlock(text, answer->cosignature, MW_COSIGNATURE_LEN);
	n = (size_t)snprintf(note, sizeof(note), "%s\xe2\x80\x94 %s %s\n", a->note,
			     a->cfg->vkey.name, (char *)text);
	if (n >= sizeof(note) || mw_note_parse(note, n, &parts) < 0 ||
	    mw_note_verify(&parts, &a->cfg->vkey, NULL) != 1)
		return mw_anchor_why(a, -EBADMSG, "its cosignature is not good");
	a->known = a->size;
	r = keep(a, note, n);
	return r < 0 ? mw_anchor_why(a, r, "its cosignature cannot be kept: %s", strerror(-r)) : 0;
}

static int refused(struct mw_anchor *a, const struct mw_net_answer *answer)
{
	switch (answer->status) {
	case 403:
		return mw_anchor_why(a, -EACCES, "it knows none of the log's keys (403)");
	case 404:
		return mw_anchor_why(a, -ENOENT, "it does not know this log (404)");
	case 409:
		return mw_anchor_why(a, -ESTALE,
				     "it has seen another log of %" PRIu64
				     " records under this name (409)",
				     a->known);
	case 422:
		return mw_anchor_why(a, -EBADMSG,
				     "to it this is not the log that it has seen (422)");
	default:
		return mw_anchor_why(a, -EIO, "it answers with %" PRIu32, answer->status);
	}
}

int mw_anchor_to_witness(struct mw_anchor *a)
{
	char body[BODY_MAX];
	struct mw_net_answer answer;
	int i, r = 0;
	size_t n = 0;

	/* it need not have been there when we were started; with a checkpoint it is */
	if (a->dir_fd < 0)
		a->dir_fd = open(a->all->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dir_fd < 0)
		return mw_anchor_why(a, -errno, "cannot open %s: %s", a->all->dir, strerror(errno));
	for (i = 0; i < TRIES; i++) {
		r = make_body(a, body, &n);
		if (r == 0)
			r = ask(a, body, n, &answer);
		if (r < 0)
			return r;
		if (answer.status == 200)
			return take_cosignature(a, &answer);
		if (answer.status != 409 || !answer.has_size || answer.size == a->known)
			break;
		if (answer.size > a->size)
			return mw_anchor_why(a, -ESTALE,
					     "it has seen %" PRIu64 " records of this log: was the "
					     "log set back? (409)",
					     answer.size);
		a->known = answer.size;
	}
	return refused(a, &answer);
}
