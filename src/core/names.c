/* SPDX-License-Identifier: Apache-2.0 */
/* What the records call kinds, links and confidences: act.h, correlate.h */
#include "core/correlate.h"

const char *mw_effect_kind_name(enum mw_effect_kind k)
{
	static const char *const names[] = {
		[MW_EFFECT_FILE_OPEN] = "file.open",
		[MW_EFFECT_FILE_CLOSE] = "file.close",
		[MW_EFFECT_FILE_DELETE] = "file.delete",
		[MW_EFFECT_FILE_RENAME] = "file.rename",
		[MW_EFFECT_FILE_TRUNCATE] = "file.truncate",
		[MW_EFFECT_FILE_CHMOD] = "file.chmod",
		[MW_EFFECT_FILE_CHOWN] = "file.chown",
		[MW_EFFECT_FILE_LINK] = "file.link",
		[MW_EFFECT_FILE_SYMLINK] = "file.symlink",
		[MW_EFFECT_FILE_MKDIR] = "file.mkdir",
		[MW_EFFECT_FILE_RMDIR] = "file.rmdir",
		[MW_EFFECT_FILE_MKNOD] = "file.mknod",
		[MW_EFFECT_FILE_UTIMES] = "file.utimes",
		[MW_EFFECT_FILE_XATTR] = "file.xattr",
		[MW_EFFECT_FILE_MOUNT] = "file.mount",
		[MW_EFFECT_FILE_UMOUNT] = "file.umount",
		[MW_EFFECT_PROC_EXEC] = "proc.exec",
		[MW_EFFECT_PROC_EXIT] = "proc.exit",
		[MW_EFFECT_PROC_KILL] = "proc.kill",
		[MW_EFFECT_PROC_PTRACE] = "proc.ptrace",
		[MW_EFFECT_PROC_VM_ACCESS] = "proc.vm_access",
		[MW_EFFECT_PROC_SETID] = "proc.setid",
		[MW_EFFECT_PROC_NS] = "proc.ns",
		[MW_EFFECT_PROC_MEMFD] = "proc.memfd",
		[MW_EFFECT_PROC_PIDFD_GETFD] = "proc.pidfd_getfd",
		[MW_EFFECT_NET_CONNECT] = "net.connect",
		[MW_EFFECT_NET_BIND] = "net.bind",
		[MW_EFFECT_NET_LISTEN] = "net.listen",
		[MW_EFFECT_NET_ACCEPT] = "net.accept",
		[MW_EFFECT_NET_SEND] = "net.send",
		[MW_EFFECT_NET_CLOSE] = "net.close",
		[MW_EFFECT_NET_DNS] = "net.dns",
		[MW_EFFECT_NET_HTTP] = "net.http",
		[MW_EFFECT_DB_STATEMENT] = "db.statement",
		[MW_EFFECT_KERNEL_BPF] = "kernel.bpf",
		[MW_EFFECT_KERNEL_IO_URING] = "kernel.io_uring",
		[MW_EFFECT_KERNEL_MODULE] = "kernel.module",
	};

	if (k >= 1 && k < sizeof(names) / sizeof(*names))
		return names[k];
	return "unknown";
}

const char *mw_link_name(enum mw_link l)
{
	switch (l) {
	case MW_LINK_NONE:
		return "none";
	case MW_LINK_SHARED:
		return "shared";
	case MW_LINK_SOLE:
		return "sole";
	case MW_LINK_ARGUMENT:
		return "argument";
	case MW_LINK_LINEAGE:
		return "lineage";
	case MW_LINK_CAUSAL:
		return "causal";
	case MW_LINK_FLOW:
		return "flow";
	case MW_LINK_RESPONSE:
		return "response";
	case MW_LINK_ORDER:
		return "order";
	}
	return "unknown";
}

const char *mw_confidence_name(enum mw_confidence c)
{
	switch (c) {
	case MW_CONF_NONE:
		return "none";
	case MW_CONF_SHARED:
		return "shared";
	case MW_CONF_LIKELY:
		return "likely";
	case MW_CONF_CERTAIN:
		return "certain";
	}
	return "unknown";
}
