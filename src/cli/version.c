/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/libbpf.h>
#include <getopt.h>
#include <stdio.h>

#include <mcpwatch/event.h>
#include <mcpwatch/record.h>

#include "cli/cli.h"
#include "cli/options.h"

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "other"
#endif

#ifdef __SANITIZE_ADDRESS__
#define SANITIZE "true"
#else
#define SANITIZE "false"
#endif

struct version_opts {
	bool json;
};

static const struct mw_option table[] = {
	MW_OPTION_FLAG("json", 0, offsetof(struct version_opts, json), "as one JSON object"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "version [--json]",
	.what =
	    "Prints the version, the versions of the formats it writes, and how it was built.\n",
	.table = table,
};

int cmd_version(int argc, char **argv)
{
	struct version_opts o = { 0 };
	int r;

	r = mw_options_parse(&options, argc, argv, &o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (o.json)
		printf("{\"version\":\"%s\",\"record\":%d,\"event\":%d,\"libbpf\":\"%u.%u\","
		       "\"compiler\":\"gcc %d.%d\",\"arch\":\"%s\",\"sanitize\":%s}\n",
		       MW_VERSION, MW_RECORD_VERSION, MW_EVENT_VERSION, libbpf_major_version(),
		       libbpf_minor_version(), __GNUC__, __GNUC_MINOR__, ARCH, SANITIZE);
	else
		printf("mcpwatch %s\n"
		       "records version %d, captures version %d\n"
		       "libbpf %u.%u, built by gcc %d.%d for %s%s\n",
		       MW_VERSION, MW_RECORD_VERSION, MW_EVENT_VERSION, libbpf_major_version(),
		       libbpf_minor_version(), __GNUC__, __GNUC_MINOR__, ARCH,
		       SANITIZE[0] == 't' ? ", with sanitizers" : "");
	return mw_cli_stdout_done();
}
