/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* calls.h - entries of filter.h's tables: calls on processes, sockets and the kernel */
#ifndef MW_BPF_CALLS_H
#define MW_BPF_CALLS_H

/* clang-format off */
#define MW_CALLS_OPS \
	[43] = MW_C_ACCEPT,          [49] = MW_C_BIND,            [50] = MW_C_LISTEN, \
	[56] = MW_C_CLONE,           [62] = MW_C_KILL,            [101] = MW_C_PTRACE, \
	[105] = MW_C_SETID,          [106] = MW_C_SETID,          [113] = MW_C_SETID, \
	[114] = MW_C_SETID,          [116] = MW_C_SETGROUPS,      [117] = MW_C_SETID, \
	[119] = MW_C_SETID,          [122] = MW_C_SETID,          [123] = MW_C_SETID, \
	[126] = MW_C_CAPSET,         [129] = MW_C_SIGQUEUE,       [157] = MW_C_PRCTL, \
	[175] = MW_C_MODULE_INIT,    [176] = MW_C_MODULE_DELETE,  [200] = MW_C_TKILL, \
	[234] = MW_C_TGKILL,         [272] = MW_C_UNSHARE,        [288] = MW_C_ACCEPT, \
	[297] = MW_C_TGSIGQUEUE,     [308] = MW_C_SETNS,          [310] = MW_C_VM_READ, \
	[311] = MW_C_VM_WRITE,       [313] = MW_C_MODULE_FINIT,   [319] = MW_C_MEMFD, \
	[321] = MW_C_BPF,            [424] = MW_C_PIDFD_SIGNAL,   [425] = MW_C_URING_SETUP, \
	[435] = MW_C_CLONE3,         [438] = MW_C_PIDFD_GETFD,    [521] = MW_C_PTRACE, \
	[524] = MW_C_SIGQUEUE,       [536] = MW_C_TGSIGQUEUE,     [539] = MW_C_VM_READ, \
	[540] = MW_C_VM_WRITE,

#define MW_CALLS_OPS_COMPAT \
	[23] = MW_C_SETID,           [26] = MW_C_PTRACE,          [37] = MW_C_KILL, \
	[46] = MW_C_SETID,           [70] = MW_C_SETID,           [71] = MW_C_SETID, \
	[81] = MW_C_SETGROUPS,       [120] = MW_C_CLONE,          [128] = MW_C_MODULE_INIT, \
	[129] = MW_C_MODULE_DELETE,  [138] = MW_C_SETID,          [139] = MW_C_SETID, \
	[164] = MW_C_SETID,          [170] = MW_C_SETID,          [172] = MW_C_PRCTL, \
	[178] = MW_C_SIGQUEUE,       [185] = MW_C_CAPSET,         [203] = MW_C_SETID, \
	[204] = MW_C_SETID,          [206] = MW_C_SETGROUPS,      [208] = MW_C_SETID, \
	[210] = MW_C_SETID,          [213] = MW_C_SETID,          [214] = MW_C_SETID, \
	[215] = MW_C_SETID,          [216] = MW_C_SETID,          [238] = MW_C_TKILL, \
	[270] = MW_C_TGKILL,         [310] = MW_C_UNSHARE,        [335] = MW_C_TGSIGQUEUE, \
	[346] = MW_C_SETNS,          [347] = MW_C_VM_READ,        [348] = MW_C_VM_WRITE, \
	[350] = MW_C_MODULE_FINIT,   [356] = MW_C_MEMFD,          [357] = MW_C_BPF, \
	[361] = MW_C_BIND,           [363] = MW_C_LISTEN,         [364] = MW_C_ACCEPT, \
	[424] = MW_C_PIDFD_SIGNAL,   [425] = MW_C_URING_SETUP,    [435] = MW_C_CLONE3, \
	[438] = MW_C_PIDFD_GETFD,
/* clang-format on */

#endif
