/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - which language runtime a process has, and where in it the kernel side finds on whose
 * behalf a thread acts
 *
 * What is read here (ELF files and the memory of an observed process) is the suspect's own: every
 * offset is checked, every read bounded, and nothing of it is run. A runtime or version that no
 * test has run is recognised and not read: its note says so.
 *
 * These functions run in a thread of their own (looker.h), as reading may block; so they keep
 * nothing in static memory. Who asks them, and when: runtimes.h.
 */
#ifndef MW_IO_RUNTIME_H
#define MW_IO_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/loader.h>

struct mw_runtime_found {
	struct mw_runtime rt; /* rt.kind MW_RT_NONE: none that is known */
	bool reads, exact;    /* as in mw_ev_runtime */
	char version[64];
	char note[160];
};

/* Looks at a living process. 0; -EAGAIN: its runtime has not begun yet, ask again in some ms;
 * -ESRCH it is gone. */
int mw_runtime_look(uint32_t pid, uint64_t start_ns, struct mw_runtime_found *ret);

/* The single ones; each 0 with rt.kind left alone where the process has another runtime. */
int mw_runtime_go(uint32_t pid, struct mw_runtime_found *ret);
int mw_runtime_python(uint32_t pid, struct mw_runtime_found *ret);
int mw_runtime_node(uint32_t pid, struct mw_runtime_found *ret);

/* By its program alone. 0, or why it is none of Go: -ENOENT, -EBADMSG, another errno. */
struct mw_binary;
int mw_runtime_go_of(struct mw_binary *b, struct mw_runtime_found *ret);

/* What of each runtime is read here, for `doctor`: one line of versions; static. */
const char *mw_runtime_go_tested(void);
const char *mw_runtime_python_tested(void);
const char *mw_runtime_node_tested(void);

#endif
