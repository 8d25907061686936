# SPDX-License-Identifier: Apache-2.0
#
# mcpwatch - `make help` lists the targets.
#
# The object lists come from the folders; every archive depends on its list, so that a deleted source
# does not stay in it. SAN=address,undefined builds in a folder of its own.

MAKEFLAGS += --no-builtin-rules
# V=1 shows the commands
ifneq ($(V),1)
.SILENT:
say = @printf '  %-7s %s\n' $(1) $(2)
endif
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

VERSION := 0.1.0
PREFIX  ?= /usr/local
SAN     ?=
comma   := ,
B       := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

CC      := gcc
CLANG   := $(firstword $(shell command -v clang-14 clang 2>/dev/null) clang)
BPFTOOL := $(firstword $(shell command -v bpftool 2>/dev/null) /usr/sbin/bpftool)
LLVM_STRIP := $(firstword $(shell command -v llvm-strip-14 llvm-strip 2>/dev/null) llvm-strip)
ARCH    := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror
WARN_PURE := -Wconversion
CPPFLAGS := -D_GNU_SOURCE -DMW_VERSION='"$(VERSION)"' -Iinclude -Isrc -I$(B)/gen
CFLAGS := -std=gnu11 -g -O2 -fno-omit-frame-pointer -fvisibility=hidden $(WARN)
LDFLAGS :=
ifeq ($(SAN),)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS += -pie -Wl,-z,relro,-z,now
else
# built in less than half the time
CFLAGS := $(CFLAGS:-O2=-O1)
CFLAGS := $(CFLAGS:-g=-g1)
HARDEN := -fsanitize=$(SAN) -fno-sanitize-recover=all -fPIE
LDFLAGS += -pie -fsanitize=$(SAN)
endif
# What the core archive leaves undefined is held against a list: so no fortify and no sanitizer in
# the objects that check reads.
PURE_CFLAGS := -U_FORTIFY_SOURCE -fno-stack-protector

PKGS    := libbpf libelf zlib libcjson libcyaml yaml-0.1 libcrypto libpcre2-8 libzstd libcurl libsystemd libdeflate sqlite3 ncursesw
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
LIBS = $(shell pkg-config --libs $(PKGS)) -lxxhash -lutf8proc

srcs = $(sort $(wildcard src/$(1)/*.c))
objs = $(patsubst src/%.c,$(B)/%.o,$(call srcs,$(1)))
BASE_O := $(call objs,base)
CORE_O := $(call objs,core)
IO_O   := $(call objs,io)
CLI_O  := $(call objs,cli)
LIB_PURE := $(B)/libmwcore.a $(B)/libmwbase.a
LIB_ALL  := $(B)/libmwio.a $(LIB_PURE)

all: $(B)/mcpwatch ## build build/mcpwatch (no root needed)

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9/%X-]*\).*:.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
		awk -F'\t' '{ if ($$2 ~ /^[^ ]+ ?(\[[^]]*\])?:/) { split($$2, a, ": "); n = a[1]; sub(/^[^:]*: /, "", $$2) } else n = $$1; printf "  %-22s %s\n", n, $$2 }'

# --- compile -------------------------------------------------------------------------------------

$(B)/base/%.o $(B)/core/%.o: CFLAGS += $(WARN_PURE)

# its header names a function that banned.h takes away: so it comes before
$(B)/cli/top_screen.o: CPPFLAGS += -include ncurses.h

$(B)/%.o: src/%.c | $(B)/gen/mcpwatch.skel.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(HARDEN) -include src/base/banned.h -MMD -MP -c $< -o $@

# compiled in
$(B)/io/rules.o: $(wildcard src/dist/rules/*.yaml)
$(B)/io/export_html_page.o: $(wildcard src/dist/timeline/*)

# a list file changes only when the set of objects does
define list
$(B)/$(1).list: FORCE
	@mkdir -p $(B); echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
$(B)/$(1).a: $(2) $(B)/$(1).list
	@rm -f $$@
	ar rcs $$@ $(2)
endef
$(eval $(call list,libmwbase,$(BASE_O)))
$(eval $(call list,libmwcore,$(CORE_O)))
$(eval $(call list,libmwio,$(IO_O)))
$(eval $(call list,mcpwatch-cli,$(CLI_O)))

$(B)/mcpwatch: $(B)/mcpwatch-cli.a $(CLI_O) $(LIB_ALL)
	$(call say,LINK,$@)
	$(CC) $(LDFLAGS) $(CLI_O) $(LIB_ALL) $(LIBS) -o $@

# --- the kernel side -----------------------------------------------------------------------------

BPF_SRCS := $(wildcard bpf/*.bpf.c)
BPF_HDRS := $(wildcard bpf/*.h) include/mcpwatch/event.h include/mcpwatch/loader.h vmlinux/$(ARCH)/vmlinux.h
BPF_O    := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(BPF_SRCS))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HDRS)
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Werror \
		-Ivmlinux/$(ARCH) -Iinclude -Ibpf -c $< -o $@
	$(LLVM_STRIP) -g $@

$(B)/gen/mcpwatch.bpf.o: $(BPF_O)
	@mkdir -p $(@D)
	$(BPFTOOL) gen object $@ $^

$(B)/gen/mcpwatch.skel.h: $(B)/gen/mcpwatch.bpf.o
	$(BPFTOOL) gen skeleton $< name mcpwatch_bpf > $@

# --- tests ---------------------------------------------------------------------------------------

TESTFLAGS := -Itests/unit -Wno-missing-prototypes -Wno-unused-parameter
UNIT := $(patsubst tests/unit/test_%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_SUPPORT := $(filter-out tests/unit/test_%,$(sort $(wildcard tests/unit/*.c)))
LIVE_SRCS := $(sort $(wildcard tests/live/*.c))

define test_binary
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(CC) $(CPPFLAGS) $(TESTFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP $(filter %.c,$^) \
		$(filter %/mcpwatch-cli.a,$^) $(LIB_ALL) $(LDFLAGS) -lcmocka -lpthread $(LIBS) -o $@
endef

$(B)/unit/test_%: tests/unit/test_%.c $(UNIT_SUPPORT) $(LIB_ALL)
	$(test_binary)

# those of what the verbs are made of
UNIT_CLI := filter filter_server join known pattern rows
$(UNIT_CLI:%=$(B)/unit/test_%): $(B)/mcpwatch-cli.a

GO_SRCS := $(wildcard tests/live/go/*/*.go tests/live/go/go.mod)
$(B)/live/go/.built: $(GO_SRCS) tests/live/go/build
	$(call say,GO,$(@D))
	tests/live/go/build $(@D)
	@touch $@

$(B)/live/test_live: $(LIVE_SRCS) $(LIB_ALL) | $(B)/live/go/.built
	$(test_binary)

$(B)/replay/replay_test: $(wildcard tests/replay/*.[ch]) tests/unit/support_tape.c $(LIB_ALL)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(CC) $(CPPFLAGS) $(TESTFLAGS) -Itests/replay $(PKG_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP $(filter %.c,$^) \
		$(LIB_ALL) $(LDFLAGS) $(LIBS) -o $@

$(B)/redact/redact_filter: tests/redact/redact_filter.c $(UNIT_SUPPORT) $(LIB_ALL)
	$(test_binary)

redact: $(B)/redact/redact_filter ## redact [ARGS="-n 200 --missed github"]: recall and precision of redaction
	tests/redact/run $< $(ARGS)

$(B)/poison/poison_rate: tests/poison/poison_rate.c $(UNIT_SUPPORT) $(LIB_ALL)
	$(test_binary)

poison: $(B)/poison/poison_rate ## poison [ARGS=-v]: poisoned and honest definitions, how many are found and how many quiet
	tests/poison/run $< $(ARGS)

replay-build: $(B)/replay/replay_test

unit-build: $(UNIT:%=$(B)/unit/test_%)

t/%: $(B)/unit/test_% ## t/X [K=case]: one unit test file, or one case of it
	cd tests/unit && $(if $(K),CMOCKA_TEST_FILTER='*$(K)*') $(abspath $<)

unit: unit-build ## all unit tests
	tests/unit/run $(B)/unit $(UNIT)

replay: $(B)/replay/replay_test ## golden tests: capture in, records out; UPDATE=1 takes the new ones
	UPDATE=$(UPDATE) tests/replay/run $<
replay/%: $(B)/replay/replay_test ## replay/X: one golden test
	UPDATE=$(UPDATE) tests/replay/run $< $*

live: $(B)/live/test_live ## one system call a test on the running kernel (root)
	$<
go-versions: $(B)/live/test_live ## go-versions [GO="1.25.0 ..."]: the live test of goroutines under each version of Go
	tests/live/go-versions $< $(GO)
live/%: $(B)/live/test_live ## live/X: the live tests whose name holds X
	CMOCKA_TEST_FILTER='*$**' $<

e2e: $(B)/mcpwatch ## real servers and clients (root)
	tests/e2e/run
matrix: $(B)/mcpwatch ## servers x transports x clients: calls made, recorded, bytes equal (root)
	tests/e2e/prepare
	tests/e2e/run-matrix
e2e/%: $(B)/mcpwatch ## e2e/X: the end-to-end cases that match X
	tests/e2e/run '$*'
hostile: $(B)/mcpwatch ## servers that attack, and the alerts that must come (root); hostile/X: those that match X
	tests/hostile/run
hostile/%: $(B)/mcpwatch
	tests/hostile/run --table --case '$*'

incident: $(B)/mcpwatch ## one real attack, its sealed log, and a reviewer's six questions (root)
	tests/incident/run $(ARGS)

quiet: $(B)/mcpwatch ## honest servers at work: calls, and alerts that should not be, by rule (root)
	tests/quiet/run
quiet/%: $(B)/mcpwatch ## quiet/X: its cases that match X
	tests/quiet/run --case '$*'

# --- tests of the sealed log ---------------------------------------------------------------------

$(B)/log/make_log: tests/log/make_log.c tests/unit/support_tape.c $(LIB_ALL)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(CC) $(CPPFLAGS) $(TESTFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP $(filter %.c,$^) \
		$(LIB_ALL) $(LDFLAGS) -lpthread $(LIBS) -o $@

$(B)/log/faults.so: tests/log/faults.c
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(CC) -D_GNU_SOURCE -std=gnu11 -g -O1 -Wall -Wextra -shared -fPIC $< -o $@ -lpthread

log-build: $(B)/log/make_log $(B)/log/faults.so

log: $(B)/mcpwatch log-build ## the sealed log: attacks, damage, crashes, full disks, other people's verifiers (root)
	tests/log/run
log-long: $(B)/mcpwatch log-build ## the same, long: 1,000 honest logs, 500 kills, every byte cut, every operation failed (root)
	tests/log/run --long
log/%: $(B)/mcpwatch log-build ## log/X: its cases that match X
	tests/log/run '$*'

page: $(B)/mcpwatch log-build ## the timeline's page in a real headless Chromium; page/X: its cases that match X
	tests/page/run
page/%: $(B)/mcpwatch log-build
	tests/page/run '$*'

index: $(B)/mcpwatch log-build ## a log answers the same with an index and without, whatever happened to either; index/X: one case
	tests/index/run
index/%: $(B)/mcpwatch log-build
	tests/index/run '$*'

check: ## check [SAN=address,undefined]: install what is missing, build, run every test that needs no other kernel (root)
	tools/setup all
	SAN=$(SAN) tests/check

include tests/bench/rules.mk

bench: $(B)/mcpwatch bench-build ## bench [TABLES=...]: the side-by-side figures, as tables with ratios (root)
	B=$(B) tests/bench/run $(TABLES)

bench/links: $(B)/mcpwatch ## bench/links [ARGS='--at 8 --server go-*']: effects tied to their calls, held against a known truth (root)
	tests/e2e/prepare
	tests/bench/links/run $(ARGS)

bench-core: $(B)/mcpwatch bench-build ## its tables that need no root: replay speed, memory, parsers
	B=$(B) tests/bench/run replay memory core

docs: $(B)/mcpwatch ## docs [CASE=X]: --help, man pages, completions, configuration and README say the same
	tests/docs/run --bin $(B)/mcpwatch $(CASE)

kernels: $(B)/live/test_live ## the live tests under 6.1 and 6.12, in a virtual machine
	tests/kernels/run

demo: ## a real FastMCP server and client, observed (root)
	tools/demo

# --- fuzzers -------------------------------------------------------------------------------------

N ?= 20000
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
T ?= 60
# what they test is compiled once, for all of them
FUZZ_FLAGS := -std=gnu11 -g -O1 -include stdio.h -include stdlib.h -include string.h -fno-sanitize-recover=all
FUZZ_O := $(patsubst src/%.c,build/fuzz/obj/%.o,$(filter-out src/cli/main.c,$(foreach d,base core io cli,$(call srcs,$(d)))))

build/fuzz/obj/%.o: src/%.c | $(B)/gen/mcpwatch.skel.h
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(CLANG) $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c $< -o $@

build/fuzz/all.list: FORCE
	@mkdir -p $(@D); echo '$(FUZZ_O)' | cmp -s - $@ || echo '$(FUZZ_O)' > $@
build/fuzz/all.a: $(FUZZ_O) build/fuzz/all.list
	@rm -f $@
	ar rcs $@ $(FUZZ_O)

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/fuzz/all.a $(wildcard tests/unit/support*.c tests/fuzz/*.h tests/unit/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(CLANG) $(CPPFLAGS) -Itests/fuzz -Itests/unit $(PKG_CFLAGS) $(FUZZ_FLAGS) \
		-fsanitize=fuzzer,address,undefined $< $(FUZZ_WITH) build/fuzz/all.a $(LIBS) -o $@

# it asks a sealed log, which the tests' forge makes
build/fuzz/fuzz_index: FUZZ_WITH := tests/unit/support_forge.c -lcmocka

fuzz-build: $(FUZZ:%=build/fuzz/fuzz_%)

fuzz/%: build/fuzz/fuzz_% ## fuzz/X [T=60]: one fuzzer for T seconds, its saved crashes first
	tests/fuzz/run $< $* $(T)

# the parser of HTTP against Debian's http-parser
$(B)/fuzz/diff_http: $(wildcard tests/fuzz/diff_http*.[ch] tests/fuzz/fuzz.h) $(B)/libmwcore.a $(B)/libmwbase.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(CC) $(CPPFLAGS) -Itests/fuzz $(CFLAGS) $(HARDEN) $(filter %.c,$^) $(filter %.a,$^) $(LDFLAGS) \
		-lz -lpcre2-8 -lhttp_parser -o $@

http-diff: $(B)/fuzz/diff_http ## the parser of HTTP against an independent one: N=streams
	$< $(N)

# --- the rest ------------------------------------------------------------------------------------

install: $(B)/mcpwatch ## install to $(DESTDIR)$(PREFIX); a configuration that is there stays
	install -D -m 755 $(B)/mcpwatch $(DESTDIR)$(PREFIX)/sbin/mcpwatch
# what somebody has written there stays
	test -e $(DESTDIR)/etc/mcpwatch/mcpwatch.yaml || install -D -m 644 src/dist/mcpwatch.yaml $(DESTDIR)/etc/mcpwatch/mcpwatch.yaml
	install -D -m 644 -t $(DESTDIR)/etc/mcpwatch/rules.d src/dist/rules.d/README
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/mcpwatch/rules src/dist/rules/*
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/mcpwatch|$(PREFIX)/sbin/mcpwatch|' src/dist/mcpwatch.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/mcpwatch.service
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 src/dist/man/mcpwatch.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 src/dist/man/mcpwatch.yaml.5
	install -D -m 644 src/dist/completions/mcpwatch.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mcpwatch
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions src/dist/completions/_mcpwatch
	install -D -m 644 src/dist/record.schema.json $(DESTDIR)$(PREFIX)/share/mcpwatch/record.schema.json

fmt: ## clang-format on the lines changed since HEAD
	git clang-format-14 --binary clang-format-14 --extensions c,h HEAD

clean: ## remove build/
	rm -rf build

.PHONY: all help index log-build log log-long unit-build replay-build unit replay redact poison live go-versions e2e hostile incident quiet matrix page check bench bench/links bench-core docs kernels demo fuzz-build http-diff install fmt clean FORCE
FORCE:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
