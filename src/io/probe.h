/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - what this kernel and this process allow: the facts behind `doctor`
 *
 * Every answer comes from an attempt (a tiny program is loaded and, where attaching is what may be
 * refused, attached), not from a version number: distributions move features and local policies take
 * them away. Nothing stays loaded.
 */
#ifndef MW_IO_PROBE_H
#define MW_IO_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#define MW_PROBE_MAX 24

struct mw_probe_item {
	const char *name;  /* short, fixed: "btf", "tp_btf", "fentry", ... */
	bool ok;	   /* it is there */
	bool needed;	   /* `run` and `exec` do not work without it */
	int err;	   /* not ok: the errno of the attempt, 0 if none */
	const char *means; /* what it is good for, or what stays unseen without it; static */
};

struct mw_probe_report {
	char kernel[65];      /* uname -r */
	char machine[65];     /* uname -m */
	unsigned long n_cpus; /* possible */
	struct mw_probe_item item[MW_PROBE_MAX];
	size_t n_items;
	bool can_run; /* all that is needed is there */
};

/* Always succeeds: what cannot be asked is not ok, with its errno. Takes some milliseconds. */
void mw_probe_run(struct mw_probe_report *ret);

/* Whether programs may be put in the kernel functions that bpf/hook.h names: 0 or an errno. */
int mw_probe_hooks(void);

#endif
