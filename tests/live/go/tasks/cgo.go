// SPDX-License-Identifier: Apache-2.0

package main

/*
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// With something else in the register where Go keeps its g.
static long open_with(const char *path, const void *r14)
{
	register const void *g __asm__("r15") = r14;
	long r;

	__asm__ volatile("mov %4, %%r14\n\tsyscall"
			 : "=a"(r)
			 : "a"(2L), "D"(path), "S"((long)O_RDONLY), "r"(g), "d"(0L)
			 : "r14", "rcx", "r11", "memory");
	return r;
}

static void from_c(const char *dir, unsigned long id)
{
	// what the stack pointer is held against comes first in a g; whatever follows is the goid
	static unsigned long forged[64];
	char path[4200] = "";
	const void *wrong[] = { NULL, (void *)-1ul, (void *)0xffff888000000000, (void *)1, path };

	snprintf(path, sizeof(path), "%s/c%lu.0", dir, id);
	if (open(path, O_RDONLY) >= 0)
		abort();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(path, sizeof(path), "%s/n%lu.%zu", dir, id, i);
		open_with(path, wrong[i]);
	}
	for (size_t i = 2; i < 64; i++)
		forged[i] = 4242;
	forged[1] = -1ul;
	snprintf(path, sizeof(path), "%s/f%lu.0", dir, id);
	open_with(path, forged);
}
*/
import "C"

import "unsafe"

func foreign(dir string, id uint64) {
	s := C.CString(dir)
	C.from_c(s, C.ulong(id))
	C.free(unsafe.Pointer(s))
}
