/* SPDX-License-Identifier: Apache-2.0 */
#include "io/anchor_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "io/note.h"
#include "io/syslog_text.h"

#define DASH	      "\xe2\x80\x94 "
#define SIGS_MAX      16

/* The number behind "<origin>/fs/" of a signature's name, or an empty slice. */
static struct mw_slice epoch_of(const char *origin, const char *sig, size_t n)
{
	static const char fs[] = "/fs/";
	size_t k = strlen(origin), end;

	if (n < k + 4 || memcmp(sig, origin, k) != 0 || memcmp(sig + k, fs, 4) != 0)
		return mw_slice(NULL, 0);
	for (end = k + 4; end < n && sig[end] != ' '; end++)
		;
	return mw_slice(sig + k + 4, end - k - 4);
}

/* The element: what stands between the brackets, and they. */
static int put_element(struct mw_syslog_text *t, const struct mw_note *note,
		       const struct mw_checkpoint *c)
{
	const char *line[3], *p = note->body, *end = note->sigs + note->sigs_len, *nl;
	struct mw_slice epoch = { NULL, 0 };
	size_t i, n;

	for (i = 0; i < 3; i++) {
		line[i] = p;
		p = memchr(p, '\n', (size_t)(note->body + note->body_len - p));
		if (!p)
			return -EBADMSG;
		p++;
	}
	mw_syslog_puts(t, MW_SYSLOG_SD);
	mw_syslog_param(t, "origin", c->origin, strlen(c->origin));
	mw_syslog_param(t, "size", line[1], (size_t)(line[2] - line[1]) - 1);
	mw_syslog_param(t, "root", line[2], (size_t)(p - line[2]) - 1);
	for (p = note->sigs; p < end && !epoch.n; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl || nl - p <= 4)
			return -EBADMSG;
		epoch = epoch_of(c->origin, p + 4, (size_t)(nl - p) - 4);
	}
	if (epoch.n)
		mw_syslog_param(t, "epoch", (const char *)epoch.p, epoch.n);
	for (p = note->sigs; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			return -EBADMSG;
		n = (size_t)(nl - p);
		if (n <= 4 || memcmp(p, DASH, 4) != 0)
			return -EBADMSG;
		mw_syslog_param(t, "sig", p + 4, n - 4);
	}
	mw_syslog_puts(t, "]");
	return 0;
}

int mw_anchor_syslog(const char *note, size_t n, const char *host, pid_t pid, int64_t time_ns,
		     char ret[MW_ANCHOR_LINE_MAX], size_t *ret_n)
{
	char line[MW_ANCHOR_LINE_MAX], head[64];
	struct mw_syslog_text t = { .p = line, .max = sizeof(line) };
	struct mw_checkpoint c;
	struct mw_note parts;
	size_t from, len;
	int r;

	r = mw_note_parse(note, n, &parts);
	if (r == 0)
		r = mw_checkpoint_parse(parts.body, parts.body_len, &c);
	if (r < 0)
		return r;
	mw_syslog_head(&t, 109, time_ns, host, pid, "checkpoint");
	from = t.n;
	r = put_element(&t, &parts, &c);
	if (r < 0)
		return r;
	len = t.n - from;
	snprintf(head, sizeof(head), " checkpoint of %" PRIu64 " records", c.size);
	mw_syslog_puts(&t, head);
	if (!t.full && t.n + 2 + len <= MW_SYSLOG_ALL_TAKE) {
		mw_syslog_puts(&t, ": ");
		mw_syslog_put(&t, line + from, len);
	}
	if (t.full)
		return -ENOBUFS;
	memcpy(ret, line, t.n + 1);
	*ret_n = t.n;
	return 0;
}

/* --- and back --------------------------------------------------------------------------------- */

struct params {
	char buf[MW_NOTE_MAX];
	size_t used;
	struct mw_slice origin, size, root, sig[SIGS_MAX];
	unsigned int n_sigs;
};

/* A value up to its closing quote, without its '\'. Bytes used, or 0: it has no end, or no room. */
static size_t take_value(struct params *x, const char *p, size_t n, struct mw_slice *ret)
{
	size_t i, from = x->used;

	for (i = 0; i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n && strchr("\"\\]", p[i + 1]))
			i++;
		if ((unsigned char)p[i] < ' ' || x->used == sizeof(x->buf))
			return 0;
		x->buf[x->used++] = p[i];
	}
	if (i == n)
		return 0;
	*ret = mw_slice(x->buf + from, x->used - from);
	return i + 1;
}

static int take_params(struct params *x, const char *p, size_t n)
{
	struct mw_slice name, value, *into;
	size_t i = 0, k;

	while (i < n && p[i] == ' ') {
		k = ++i;
		while (i < n && p[i] != '=' && p[i] != ' ' && p[i] != ']')
			i++;
		name = mw_slice(p + k, i - k);
		if (n - i < 2 || p[i] != '=' || p[i + 1] != '"')
			return -EBADMSG;
		i += 2;
		k = take_value(x, p + i, n - i, &value);
		if (!k)
			return -EBADMSG;
		i += k;
		into = NULL;
		if (mw_slice_eq_str(name, "origin"))
			into = &x->origin;
		else if (mw_slice_eq_str(name, "size"))
			into = &x->size;
		else if (mw_slice_eq_str(name, "root"))
			into = &x->root;
		else if (mw_slice_eq_str(name, "sig") && x->n_sigs == SIGS_MAX)
			return -EBADMSG;
		else if (mw_slice_eq_str(name, "sig"))
			into = &x->sig[x->n_sigs++];
		if (into && into->p)
			return -EBADMSG; /* there twice */
		if (into)
			*into = value;
	}
	return i < n && p[i] == ']' && x->origin.n && x->size.n && x->root.n && x->n_sigs
		   ? 0
		   : -EBADMSG;
}

int mw_anchor_syslog_read(const char *line, size_t n, char *ret, size_t *ret_n)
{
	const char *at = memmem(line, n, MW_SYSLOG_SD " ", sizeof(MW_SYSLOG_SD));
	struct mw_checkpoint c;
	struct mw_note note;
	struct params x;
	struct mw_syslog_text t;
	unsigned int i;

	if (!at)
		return 0;
	x.used = x.n_sigs = 0;
	memset(x.sig, 0, sizeof(x.sig));
	x.origin = x.size = x.root = mw_slice(NULL, 0);
	at += sizeof(MW_SYSLOG_SD) - 1;
	if (take_params(&x, at, n - (size_t)(at - line)) < 0)
		return -EBADMSG;
	t = (struct mw_syslog_text){ .p = ret, .max = MW_NOTE_MAX + 1 };
	mw_syslog_put(&t, (const char *)x.origin.p, x.origin.n);
	mw_syslog_puts(&t, "\n");
	mw_syslog_put(&t, (const char *)x.size.p, x.size.n);
	mw_syslog_puts(&t, "\n");
	mw_syslog_put(&t, (const char *)x.root.p, x.root.n);
	mw_syslog_puts(&t, "\n\n");
	for (i = 0; i < x.n_sigs; i++) {
		mw_syslog_puts(&t, DASH);
		mw_syslog_put(&t, (const char *)x.sig[i].p, x.sig[i].n);
		mw_syslog_puts(&t, "\n");
	}
	if (t.full || mw_note_parse(ret, t.n, &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &c) < 0)
		return -EBADMSG;
	*ret_n = t.n;
	return 1;
}
