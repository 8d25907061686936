// SPDX-License-Identifier: Apache-2.0
#include "textflag.h"

// func getg() uintptr
TEXT ·getg(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET

// func unlinkAs(path *byte, task uintptr) int64
TEXT ·unlinkAs(SB), NOSPLIT, $0-24
	MOVQ $263, AX // unlinkat
	MOVQ $-100, DI // AT_FDCWD
	MOVQ path+0(FP), SI
	MOVQ $0, DX
	MOVQ task+8(FP), R14
	SYSCALL
	MOVQ (TLS), R14
	MOVQ AX, ret+16(FP)
	RET
