/* SPDX-License-Identifier: Apache-2.0 */
/* opnames.h - what the kernel's headers call signals, requests, commands and flags */
#ifndef MW_CORE_OPNAMES_H
#define MW_CORE_OPNAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Each writes a name to out[0..size), which holds at least 48 bytes; a number (decimal, of ptrace
 * hexadecimal) where the headers of Linux 6.18 know none. x86's signals.
 */
void mw_signal_name(uint64_t n, char *out, size_t size);       /* "SIGTERM", "SIGRT_2" */
void mw_ptrace_name(uint64_t request, char *out, size_t size); /* "PTRACE_ATTACH" */
void mw_bpf_name(uint64_t cmd, char *out, size_t size);	       /* "BPF_PROG_LOAD" */
void mw_uring_name(uint64_t opcode, char *out, size_t size);   /* "IORING_OP_OPENAT" */

/* CLONE_NEW* behind `what` and a blank, in the order of their bits: "unshare
 * CLONE_NEWNS|CLONE_NEWPID"; `what` alone if there is none. 120 bytes hold all. */
void mw_ns_names(const char *what, uint64_t flags, char *out, size_t size);
/* "net" for CLONE_NEWNET, as the files of /proc/PID/ns; NULL if it is none of them. */
const char *mw_ns_type(uint64_t flag);
/* MFD_*, in the order of their bits; empty for none. 96 bytes hold all. */
void mw_memfd_names(uint32_t flags, char *out, size_t size);

/* A call that sets ids: by its number of x86-64 or (compat) i386; and its arguments' names, NULL
 * after the last. `is16`: ids of 16 bits. NULL: it is none. */
struct mw_setid_call {
	const char *name;
	const char *arg[3];
	uint16_t native, compat, compat16; /* 0: there is none */
	bool groups, caps;		   /* it is setgroups, capset */
};
const struct mw_setid_call *mw_setid_call(uint32_t sysno, bool compat, bool *ret_is16);

#endif
