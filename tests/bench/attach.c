/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c OBJECT: loads and attaches all its programs, prints "ready", holds them until stdin ends
 */
#include <bpf/libbpf.h>

#include "bench.h"

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	char c;

	if (argc != 2)
		return 2;
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj))
		die(argv[1]);
	bpf_object__for_each_program(prog, obj) if (!bpf_program__attach(prog))
	    die(bpf_program__name(prog));
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
