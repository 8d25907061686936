/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* kernelops.h - calls on the kernel itself: bpf, io_uring_setup, modules */
#ifndef MW_BPF_KERNELOPS_H
#define MW_BPF_KERNELOPS_H

#include "file.h"

#define URING_PARAMS_FLAGS 8 /* struct io_uring_params: sq_entries, cq_entries, flags */

__noinline int mw_kernel_call(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	bool cut = false;
	__u32 off = 0;
	__s64 n;

	if (!s)
		return 0;
	if (class == MW_C_BPF) {
		e = mw_act_begin(s, MW_OP_BPF);
		e->num[0] = (__u32)s->call.arg[0];
	} else if (class == MW_C_URING_SETUP) {
		e = mw_act_begin(s, MW_OP_URING_SETUP);
		e->num[0] = (__u32)s->call.arg[0];
		bpf_probe_read_user(&e->flags, sizeof(e->flags),
				    (void *)s->call.arg[1] + URING_PARAMS_FLAGS);
		e->fd = s->call.ret >= 0 ? s->call.ret : -1;
	} else {
		e = mw_act_begin(s, MW_OP_MODULE);
		if (class == MW_C_MODULE_FINIT)
			off = mw_act_opened(s, (__s32)s->call.arg[0]);
		if (class == MW_C_MODULE_DELETE) {
			e->flags = 1;
			n = mw_str_load(s, s->call.arg[0], &cut);
			e->asked_cut = cut;
			if (n > 0)
				off = e->asked_len = mw_append_str(MW_ACT_BODY, 0, n, 0);
		}
	}
	return mw_send(MW_ACT_BODY + off);
}

#endif
