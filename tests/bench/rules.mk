# SPDX-License-Identifier: Apache-2.0
#
# rules.mk - the programs of `make bench`
#
# Included by the Makefile; tests/bench/run also calls it alone, then what it does not build itself
# (the archives) must be there.

B       ?= build
CC      ?= gcc
CLANG   ?= clang-14
ARCH    ?= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BENCH_SAY = $(if $(say),$(call say,BENCH,$@),@echo '  BENCH   $@')

BENCH_CFLAGS := -std=gnu11 -g -O2 -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef -Werror \
	-D_GNU_SOURCE -DMW_VERSION='"bench"' -Iinclude -Isrc -Itests/unit -Itests/bench
BENCH_PLAIN := calls pingpong echo burst deletions
BENCH_CORE  := bench_json bench_frame gen_capture
BENCH_LIBS  := $(B)/libmwcore.a $(B)/libmwbase.a

bench-build: $(addprefix $(B)/bench/,$(BENCH_PLAIN) $(BENCH_CORE) bench_log attach empty.bpf.o)

$(BENCH_PLAIN:%=$(B)/bench/%): $(B)/bench/%: tests/bench/%.c tests/bench/bench.h
	@mkdir -p $(@D)
	$(BENCH_SAY)
	@$(CC) $(BENCH_CFLAGS) $< -o $@

$(BENCH_CORE:%=$(B)/bench/%): $(B)/bench/%: tests/bench/%.c tests/bench/bench.h $(BENCH_LIBS)
	@mkdir -p $(@D)
	$(BENCH_SAY)
	@$(CC) $(BENCH_CFLAGS) $(filter %.c,$^) $(BENCH_LIBS) -lxxhash -lutf8proc -lz -lpcre2-8 -o $@

$(B)/bench/gen_capture: tests/unit/support_tape.c tests/unit/support_tape.h include/mcpwatch/event.h

$(B)/bench/bench_log: tests/bench/bench_log.c tests/bench/bench.h $(B)/libmwio.a $(BENCH_LIBS)
	@mkdir -p $(@D)
	$(BENCH_SAY)
	@$(CC) $(BENCH_CFLAGS) $< $(B)/libmwio.a $(BENCH_LIBS) -lpthread \
		$$(pkg-config --libs libbpf libelf zlib libcjson libcyaml yaml-0.1 libcrypto libpcre2-8 libzstd libcurl libsystemd) \
		-lxxhash -lutf8proc -o $@

$(B)/bench/attach: tests/bench/attach.c tests/bench/bench.h
	@mkdir -p $(@D)
	$(BENCH_SAY)
	@$(CC) $(BENCH_CFLAGS) $< -lbpf -o $@

$(B)/bench/empty.bpf.o: tests/bench/empty.bpf.c
	@mkdir -p $(@D)
	$(BENCH_SAY)
	@$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Ivmlinux/$(ARCH) -c $< -o $@

.PHONY: bench-build
