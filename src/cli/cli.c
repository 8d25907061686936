/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/escape.h"
#include "io/file.h"
#include "io/logread.h"

/* The observed world's text may be in a message: no control characters reach the terminal. */
static void say(const char *verb, const char *fmt, va_list ap, const char *tail)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "mcpwatch%s%s: ", verb ? " " : "", verb ? verb : "");
	mw_escape_print(stderr, text, strlen(text));
	fprintf(stderr, "%s\n", tail);
}

int mw_cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NULL, fmt, ap, "");
	va_end(ap);
	return MW_EXIT_FAIL;
}

void mw_cli_say(void *unused, const char *line)
{
	(void)unused;
	flockfile(stderr);
	fputs("mcpwatch: ", stderr);
	mw_escape_print(stderr, line, strlen(line));
	fputc('\n', stderr);
	funlockfile(stderr);
}

int mw_cli_usage(const char *verb, const char *fmt, ...)
{
	char tail[80];
	va_list ap;

	snprintf(tail, sizeof(tail), "; see 'mcpwatch %s --help'", verb);
	va_start(ap, fmt);
	say(verb, fmt, ap, tail);
	va_end(ap);
	return MW_EXIT_USAGE;
}

int mw_cli_stdout_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return MW_EXIT_OK;
	return mw_cli_fail("cannot write the output: %s", strerror(errno ? errno : EIO));
}

void mw_cli_list_add(struct mw_cli_list *l, const char *s)
{
	const char **p = reallocarray(l->p, l->n + 1, sizeof(*p));

	if (!p)
		exit(mw_cli_fail("not enough memory"));
	l->p = p;
	p[l->n++] = s;
}

void mw_cli_list_done(struct mw_cli_list *l)
{
	free(l->p);
	*l = (struct mw_cli_list){ 0 };
}

struct mw_logread *mw_cli_open_logs(const struct mw_cli_list *logs, bool follow)
{
	static const char *const fallback[] = { MW_DEFAULT_LOG };
	struct mw_logread *l;
	char err[MW_ERR_MAX];
	int r;

	r = mw_logread_new(logs->n ? logs->p : fallback, logs->n ? logs->n : 1, follow, err,
			   sizeof(err), &l);
	if (r < 0) {
		mw_cli_fail("%s", err);
		return NULL;
	}
	return l;
}

void mw_cli_watch_logs(struct mw_logread *l, bool *said)
{
	if (*said || !mw_logread_tampered(l))
		return;
	*said = true;
	fflush(stdout);
	mw_cli_fail("THE LOG IS TAMPERED OR FORGED: %s", mw_logread_tampered(l));
}

int mw_cli_close_logs(struct mw_logread *l, int r, bool said)
{
	const bool failed = r < 0 && r != -ENODATA;
	const char *tampered = mw_logread_tampered(l);
	int status = MW_EXIT_OK;

	fflush(stdout);
	if (tampered) {
		if (failed)
			mw_cli_fail("%s. THE LOG IS TAMPERED OR FORGED: %s", mw_logread_error(l),
				    tampered);
		else if (!said)
			mw_cli_fail(
			    "THE LOG IS TAMPERED OR FORGED, do not rely on what is shown: %s",
			    tampered);
		status = MW_EXIT_TAMPERED;
	} else if (failed) {
		status = mw_cli_fail("%s", mw_logread_error(l));
	} else if (mw_logread_hole(l)) {
		mw_cli_fail("the log is not whole, what is shown is incomplete: %s",
			    mw_logread_hole(l));
		status = MW_EXIT_TAMPERED;
	}
	mw_logread_free(l);
	return status;
}
