/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/file.h"

int mw_cli_state_open(const char *dir, bool write, struct mw_state_dir **ret)
{
	char note[MW_ERR_MAX];
	/* who is not root will be told of what matters more; the gap stands in the records */
	const bool quiet = !dir && geteuid() != 0;
	int r;

	*ret = NULL;
	dir = dir ? dir : MW_DEFAULT_STATE;
	if (strcmp(dir, "none") == 0)
		return 0;
	r = mw_state_dir_open(dir, write, note, sizeof(note), ret);
	if (r < 0) {
		if (!quiet)
			fprintf(stderr,
				"mcpwatch: %s: what earlier runs learned is not known, and "
				"nothing is kept\n",
				note);
		r = mw_state_dir_none(note, ret);
		return r < 0 ? mw_cli_fail("no memory") : 0;
	}
	if (note[0])
		fprintf(stderr, "mcpwatch: %s\n", note);
	return 0;
}

void mw_cli_state_closep(struct mw_state_dir **d)
{
	uint64_t n;
	int error;

	if (!*d)
		return;
	n = mw_state_dir_unkept(*d, &error);
	if (n)
		fprintf(stderr, "mcpwatch: state: %s: %llu changes were not kept\n",
			strerror(-error), (unsigned long long)n);
	mw_state_dir_close(*d);
	*d = NULL;
}
