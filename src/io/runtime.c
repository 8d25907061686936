/* SPDX-License-Identifier: Apache-2.0 */
#include "io/runtime.h"

#include <errno.h>

#include "io/bpf_facts.h"

int mw_runtime_look(uint32_t pid, uint64_t start_ns, struct mw_runtime_found *ret)
{
	static int (*const look[])(uint32_t, struct mw_runtime_found *) = {
		mw_runtime_python,
		mw_runtime_node,
		mw_runtime_go,
	};
	struct mw_runtime_found f = { .rt = { .start_ns = start_ns } };

	for (size_t i = 0; i < sizeof(look) / sizeof(look[0]) && f.rt.kind == MW_RT_NONE; i++) {
		int r = look[i](pid, &f);

		if (r == -EAGAIN || r == -ESRCH)
			return r;
		/* a file that cannot be read, or is no ELF file, is none of this runtime */
	}
	/* what was looked at was this process only if it still is */
	if (!mw_facts_is_alive(pid, start_ns))
		return -ESRCH;
	*ret = f;
	return 0;
}
