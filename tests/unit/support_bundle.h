/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_bundle.h - an archive as a list of files in memory: taken apart, changed, packed again
 *
 * For tests and fuzzers: what goes wrong ends the program.
 */
#ifndef MW_TESTS_SUPPORT_BUNDLE_H
#define MW_TESTS_SUPPORT_BUNDLE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "io/file.h"
#include "io/tgz.h"

#define ARC_FILES 32
#define ARC_TOP	  "mcpwatch-bundle/"
#define ARC_CHECK(x)                                                                               \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct arc {
	struct arc_file {
		char name[MW_TGZ_NAME_MAX];
		char *p;
		size_t n;
	} file[ARC_FILES];
	size_t n;
};

static inline void arc_done(struct arc *a)
{
	while (a->n > 0)
		free(a->file[--a->n].p);
}

static inline struct arc_file *arc_add(struct arc *a, const char *name, const void *p, size_t n)
{
	struct arc_file *f = &a->file[a->n++];

	ARC_CHECK(a->n <= ARC_FILES);
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->p = malloc(n + 1);
	ARC_CHECK(f->p);
	if (n)
		memcpy(f->p, p, n);
	f->p[n] = '\0';
	f->n = n;
	return f;
}

/* NULL: there is none. The name without the bundle's folder. */
static inline struct arc_file *arc_find(struct arc *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (strcmp(a->file[i].name + sizeof(ARC_TOP) - 1, name) == 0)
			return &a->file[i];
	return NULL;
}

static inline void arc_read(struct arc *a, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mw_tgz_entry e;
	struct mw_tgz *t;
	int r;

	a->n = 0;
	ARC_CHECK(fd >= 0 && mw_tgz_open(fd, 0, &t) == 0);
	while ((r = mw_tgz_next(t, &e)) == 1) {
		char *p = malloc(e.size + 1);
		size_t at = 0;

		while (at < e.size) {
			ssize_t k = mw_tgz_read(t, p + at, e.size - at);

			ARC_CHECK(k > 0);
			at += (size_t)k;
		}
		arc_add(a, e.name, p, at);
		free(p);
	}
	ARC_CHECK(r == 0);
	mw_tgz_free(t);
	close(fd);
}

/* Puts right what SHA256SUMS says. */
static inline void arc_sums(struct arc *a)
{
	struct arc_file *sums = arc_find(a, "SHA256SUMS");
	char *text = NULL;
	size_t len, i, k;
	FILE *f = open_memstream(&text, &len);
	uint8_t md[32];

	ARC_CHECK(sums && f);
	for (i = 0; i < a->n; i++) {
		if (&a->file[i] == sums)
			continue;
		EVP_Digest(a->file[i].p, a->file[i].n, md, NULL, EVP_sha256(), NULL);
		for (k = 0; k < sizeof(md); k++)
			fprintf(f, "%02x", md[k]);
		fprintf(f, "  %s\n", a->file[i].name + sizeof(ARC_TOP) - 1);
	}
	fclose(f);
	free(sums->p);
	sums->p = text;
	sums->n = len;
}

static inline void arc_write(const struct arc *a, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int mem = memfd_create("arc", MFD_CLOEXEC);
	uint8_t md[MW_SHA256_LEN];
	size_t i;

	ARC_CHECK(fd >= 0 && mem >= 0);
	for (i = 0; i < a->n; i++) {
		ARC_CHECK(ftruncate(mem, 0) == 0);
		ARC_CHECK(pwrite(mem, a->file[i].p, a->file[i].n, 0) == (ssize_t)a->file[i].n);
		ARC_CHECK(mw_tgz_add(fd, a->file[i].name, mem, a->file[i].n, md) == 0);
	}
	ARC_CHECK(mw_tgz_finish(fd) == 0);
	close(mem);
	close(fd);
}

#endif
