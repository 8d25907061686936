/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/anchors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/escape.h"
#include "io/file.h"

#define STOP_MS 5000

/* From the anchors' threads; what a witness answers may be in it. */
static void on_say(void *ctx, const char *line)
{
	(void)ctx;
	flockfile(stderr);
	fputs("mcpwatch: ", stderr);
	mw_escape_print(stderr, line, strlen(line));
	fputc('\n', stderr);
	funlockfile(stderr);
}

static void on_sealed(void *ctx, const char *checkpoint, size_t n, uint64_t size)
{
	mw_anchors_push(ctx, checkpoint, n, size);
}

int mw_cli_anchors_load(struct mw_cli_anchors *x, const char *config)
{
	char text[MW_ERR_MAX];
	int r;

	if (!config && access(MW_DEFAULT_CONFIG, F_OK) < 0)
		return 0;
	r = mw_anchor_list_load(config ? config : MW_DEFAULT_CONFIG,
				(struct mw_yaml_err){ text, sizeof(text) }, &x->list);
	if (r < 0)
		mw_cli_fail("%s", text);
	return r;
}

int mw_cli_anchors_start(struct mw_cli_anchors *x, struct mw_sink_log_config *log)
{
	int r;

	if (!x->list.n)
		return 0;
	r = mw_anchors_new(&x->list, log->dir, on_say, NULL, &x->running);
	if (r < 0) {
		mw_cli_fail("cannot start the anchors: %s", strerror(-r));
		return r;
	}
	log->sealed = on_sealed;
	log->sealed_ctx = x->running;
	return 0;
}

void mw_cli_anchors_done(struct mw_cli_anchors *x)
{
	size_t n = mw_anchors_stop(x->running, STOP_MS);

	if (n)
		fprintf(stderr, "mcpwatch: %zu of %zu anchors have not got the last checkpoint\n",
			n, x->list.n);
	mw_anchor_list_done(&x->list);
}
