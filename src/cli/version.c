/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/libbpf.h>
#include <getopt.h>
#include <stdio.h>

#include <mcpwatch/event.h>
#include <mcpwatch/record.h>

#include "cli/cli.h"

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

static const char help[] =
    "Usage: mcpwatch version [--json]\n"
    "\n"
    "Prints the version, the versions of the formats it writes, and how it was built.\n"
    "\n"
    "  --json   as one JSON object\n"
    "  --help   this text\n";

int cmd_version(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return mw_cli_stdout_done();
		default:
			return mw_cli_bad_option(argv, c);
		}
	}
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (json)
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
