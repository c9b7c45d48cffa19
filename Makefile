# SPDX-License-Identifier: GPL-2.0-or-later
#
# xenvirtiod: one Makefile, no configure step. `make help` lists the targets.
#
# Honoured: DESTDIR prefix sbindir mandir ... CC CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG SOURCE_DATE_EPOCH
#   V=1         show the commands
#   NODEPS=1    do not look for missing packages
#   WARNINGS=, HARDENING=   replace our choice of compiler flags
#   CROSS=aarch64-linux-gnu-   build for another machine, into build/aarch64-linux-gnu, with
#               libraries from Debian's packages for it. With PKG_CONFIG=...-pkg-config
#               they are the host's own (multiarch).

VERSION := 0.1.0

CFLAGS     ?= -O2 -g
prefix     ?= /usr/local
sbindir    ?= $(prefix)/sbin
mandir     ?= $(prefix)/share/man
bashdir    ?= $(prefix)/share/bash-completion/completions
docdir     ?= $(prefix)/share/doc/xenvirtiod
libexecdir ?= $(prefix)/libexec
unitdir    ?= $(prefix)/lib/systemd/system
sysconfdir ?= /etc

BUILD     := build$(if $(CROSS),/$(CROSS:-=))
CHECK_DIR := $(BUILD)/check
BENCH_DIR := $(BUILD)/bench
Q         := $(if $(V),,@)
say        = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# All processors, unless this is a sub-make, which shares its parent's jobs.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc) --no-print-directory
endif
.DELETE_ON_ERROR:
.SUFFIXES:

# --- what there is -----------------------------------------------------------

SRC     := $(wildcard src/main.c src/*/*.c src/devices/*/*.c)
TEST    := $(wildcard tests/unit/test-*.c)
# The fake Xen layer, the model guest and what the unit tests share.
SUPPORT := $(wildcard tests/fake/*.c tests/guest/*.c) \
	   $(filter-out $(TEST),$(wildcard tests/unit/*.c))
BENCH   := $(wildcard tests/bench/*.c)
MAN     := $(wildcard man/*.[1-8])

# xenvirtioctl is src/ctl/ and a little of src/base/; the daemon is all the rest.
CTL     := $(wildcard src/ctl/*.c) $(addprefix src/base/,bdf.c complete.c log.c opener.c options.c \
	   pass-fds.c runtime.c setting.c spawn.c)
DAEMON  := $(filter-out src/ctl/%,$(SRC))

OBJ           := $(SRC:%.c=$(BUILD)/obj/%.o)
DAEMON_OBJ    := $(DAEMON:%.c=$(BUILD)/obj/%.o)
CTL_OBJ       := $(CTL:%.c=$(BUILD)/obj/%.o)
CHECK_OBJ     := $(SRC:%.c=$(CHECK_DIR)/%.o) $(SUPPORT:%.c=$(CHECK_DIR)/%.o)
TEST_OBJ      := $(TEST:%.c=$(CHECK_DIR)/%.o)
TEST_PROGRAMS := $(TEST:%.c=$(CHECK_DIR)/%)
BENCH_OBJ     := $(patsubst %.c,$(BENCH_DIR)/%.o,$(DAEMON) $(filter-out tests/unit/ctl.c,$(SUPPORT)))
CALLS_OBJ     := $(addprefix $(BENCH_DIR)/tests/bench/,calls.o idle.o trace.o)
BLK_OBJ       := $(filter-out $(CALLS_OBJ),$(BENCH:%.c=$(BENCH_DIR)/%.o))
# Tests that are scripts; the floors of src/ are one of them, budgets another.
TEST_SCRIPTS  := tests/bench/calls.sh $(wildcard tests/unit/*.sh) tools/check-floors.sh

# Package lists; the lab's only where the lab is wanted.
PACKAGES := tools/packages \
	    $(if $(filter deps demo check-xen% bench-xen bench-net,$(MAKECMDGOALS)),$(wildcard tests/xen/packages)) \
	    $(if $(filter check-xen-arm64%,$(MAKECMDGOALS)),tests/xen/packages-arm64) \
	    $(if $(filter deb check-xen-full,$(MAKECMDGOALS)),tools/packages-deb) \
	    $(if $(filter bench-blk,$(MAKECMDGOALS)),tools/packages-bench) \
	    $(if $(CROSS)$(filter check-xen-arm64%,$(MAKECMDGOALS)),tools/packages-cross)
DEPS     := $(if $(NODEPS),,deps)

# --- compiler ----------------------------------------------------------------

# Asked for once, when first needed: `deps` may have to install the tools before.
once = $(eval $(1) := $(2))$($(1))

ifdef CROSS
ifeq ($(origin CC),default)
CC = $(CROSS)gcc $(SYSROOT:%=--sysroot=%)
endif
ifndef PKG_CONFIG
SYSROOT    = $(call once,SYSROOT,$(shell tests/xen/sysroot.sh arm64))
PKG_CONFIG = PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	     PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS:-=)/pkgconfig pkg-config
endif
endif
PKG_CONFIG ?= pkg-config

# --- flags -------------------------------------------------------------------

XEN := xencall xendevicemodel xenforeignmemory xenevtchn xengnttab xenstore xentoolcore xentoollog

XEN_CFLAGS  = $(call once,XEN_CFLAGS,$(shell $(PKG_CONFIG) --cflags $(XEN) liburing libnbd))
XEN_LIBS    = $(call once,XEN_LIBS,$(shell $(PKG_CONFIG) --libs $(XEN)))
IO_LIBS     = $(call once,IO_LIBS,$(shell $(PKG_CONFIG) --libs liburing libnbd))
FDT_LIBS   := -lfdt
XENSTORE_LIBS = $(call once,XENSTORE_LIBS,$(shell $(PKG_CONFIG) --libs xenstore))
CHECK_LIBS  = $(call once,CHECK_LIBS,$(shell $(PKG_CONFIG) --libs check))
MACHINE     = $(call once,MACHINE,$(shell $(CC) -dumpmachine))

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wpointer-arith

HARDENING = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	    -fstack-clash-protection -fPIE \
	    $(if $(filter x86_64-%,$(MACHINE)),-fcf-protection) \
	    $(if $(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard) \
	    $(if $(findstring clang,$(CC)),,-ftrivial-auto-var-init=zero)
HARDENING_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack

INSTRUMENT := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

# The fake's gntdev is a device behind a descriptor, its kernel has a page size of its
# own: it sees these calls first.
FAKE_LINK := -Wl,--wrap=ioctl,--wrap=mmap,--wrap=munmap,--wrap=sysconf

# What the code needs, whoever compiles or checks it.
LANGUAGE = -std=gnu17 -D_GNU_SOURCE -DXENVIRTIOD_VERSION='"$(VERSION)"' -Isrc -pthread \
	   $(XEN_CFLAGS)

COMPILE       = $(CC) $(LANGUAGE) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP \
		-ffile-prefix-map=$(CURDIR)=.
CHECK_COMPILE = $(COMPILE) -Itests $(INSTRUMENT)

# --- the programs ------------------------------------------------------------

all: $(BUILD)/xenvirtiod $(BUILD)/xenvirtioctl ## build the daemon and its command, in build/

$(BUILD)/xenvirtiod: $(DAEMON_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENING_LINK) $(LDFLAGS) -pthread -o $@ $^ $(XEN_LIBS) $(IO_LIBS)

$(BUILD)/xenvirtioctl: $(CTL_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENING_LINK) $(LDFLAGS) -o $@ $^ $(FDT_LIBS) $(XENSTORE_LIBS)

$(BUILD)/obj/%.o: %.c Makefile | $(DEPS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(HARDENING) -c -o $@ $<

# Files that name others, by where these are installed: made anew each time.
PLACED := $(BUILD)/xenvirtiod@.service $(BUILD)/device-model

$(BUILD)/xenvirtiod@.service: systemd/xenvirtiod@.service.in
$(BUILD)/device-model: contrib/device-model.in
$(PLACED):
	$(Q)mkdir -p $(@D)
	$(Q)sed 's|@sbindir@|$(sbindir)|; s|@libexecdir@|$(libexecdir)|' $(filter %.in,$^) > $@

install: all $(PLACED) ## install programs, manual pages, unit, examples (DESTDIR, prefix)
	install -D -m 755 $(BUILD)/xenvirtiod $(DESTDIR)$(sbindir)/xenvirtiod
	install -D -m 755 $(BUILD)/xenvirtioctl $(DESTDIR)$(sbindir)/xenvirtioctl
	install -D -m 755 $(BUILD)/device-model $(DESTDIR)$(libexecdir)/xenvirtiod/device-model
	install -D -m 644 $(BUILD)/xenvirtiod@.service $(DESTDIR)$(unitdir)/xenvirtiod@.service
	install -D -m 644 completion/xenvirtiod.bash $(DESTDIR)$(bashdir)/xenvirtiod
	ln -sf xenvirtiod $(DESTDIR)$(bashdir)/xenvirtioctl
	install -D -m 644 -t $(DESTDIR)$(docdir) README.md doc/costs.md
	install -D -m 644 -t $(DESTDIR)$(docdir)/examples $(wildcard contrib/*.conf) contrib/virtio_be.te \
		contrib/linux-grant-dma-forget.patch
	install -d -m 755 $(DESTDIR)$(sysconfdir)/xenvirtiod
	$(foreach page,$(MAN),install -D -m 644 $(page) \
		$(DESTDIR)$(mandir)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page));)

deb: $(DEPS) ## the Debian packages, in build/deb (twice: the same bits; lintian)
	$(Q)tools/deb.sh $(BUILD)/deb $(VERSION)

clean: ## remove everything that was built
	rm -rf $(BUILD)

# --- packages ----------------------------------------------------------------

deps: ## install the Debian packages that are missing
	$(Q)tools/deps.sh $(PACKAGES)

# --- unit and model tests ----------------------------------------------------
# The real objects against tests/fake/ in place of the Xen libraries.

check: all $(TEST_PROGRAMS) $(BENCH_DIR)/calls ## unit and model tests, with ASan and UBSan
	$(Q)BUILD=$(BUILD) BENCH_DIR=$(BENCH_DIR) tools/run-tests.sh $(CHECK_DIR)/log $(TEST_PROGRAMS) $(TEST_SCRIPTS)

$(TEST_PROGRAMS): %: %.o $(CHECK_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(INSTRUMENT) $(LDFLAGS) $(FAKE_LINK) -pthread -o $@ $^ \
		$(IO_LIBS) $(FDT_LIBS) $(CHECK_LIBS)

$(CHECK_DIR)/%.o: %.c Makefile | $(DEPS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CHECK_COMPILE) $(RENAME_MAIN) -c -o $@ $<

$(CHECK_DIR)/src/main.o: RENAME_MAIN := -Dmain=xenvirtiod_main -Wno-missing-prototypes
$(CHECK_DIR)/src/ctl/main.o: RENAME_MAIN := -Dmain=xenvirtioctl_main -Wno-missing-prototypes

# --- counts ------------------------------------------------------------------
# The program's own flags: sanitizers would change what is counted.

bench-calls: $(BENCH_DIR)/calls ## what a request costs in calls and instructions (TOP=N: where)
	$(Q)tests/bench/calls.sh $(BENCH_DIR)

bench-blk: $(BENCH_DIR)/blk ## CPU time per block request, beside QEMU's (COUNT=N: runs of each)
	$(Q)tests/bench/blk.sh $(BENCH_DIR)

$(BENCH_DIR)/calls: $(CALLS_OBJ)
$(BENCH_DIR)/blk: $(BLK_OBJ)
$(BENCH_DIR)/calls $(BENCH_DIR)/blk: $(BENCH_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENING_LINK) $(LDFLAGS) $(FAKE_LINK) -pthread -o $@ $^ \
		$(IO_LIBS) $(CHECK_LIBS)

$(BENCH_DIR)/%.o: %.c Makefile | $(DEPS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(HARDENING) $(ALIASING) -Itests $(RENAME_MAIN) -c -o $@ $<

# The model guest looks at its rings in several ways.
$(BENCH_DIR)/tests/%.o: ALIASING := -fno-strict-aliasing
$(BENCH_DIR)/src/main.o: RENAME_MAIN := -Dmain=xenvirtiod_main -Wno-missing-prototypes

coverage: ## line and branch coverage of src/ by the unit tests
	$(Q)mkdir -p $(BUILD)/coverage
	$(Q)find $(BUILD)/coverage -name '*.gcda' -delete
	$(Q)$(MAKE) check CHECK_DIR=$(BUILD)/coverage INSTRUMENT='-O0 --coverage'
	$(Q)tools/coverage.sh $(BUILD)/coverage

# --- lint --------------------------------------------------------------------

lint: check-clang ## floors, format, cppcheck, clang-tidy, shellcheck, manual pages, unit
	$(Q)tools/lint.sh $(LANGUAGE) -Itests

check-clang: ## build the daemon with clang as well
	$(Q)$(MAKE) all CC=clang BUILD=$(BUILD)/clang

format: $(DEPS) ## put all C code into the project's format
	$(Q)clang-format -i $(shell find src tests -name '*.[ch]')

sizes: $(DEPS) ## lines per file and per function
	$(Q)tools/sizes.sh src tests

# --- real Xen ----------------------------------------------------------------

demo: all $(DEPS) ## boot a guest from a virtio disk on real Xen (GRANTS=1: through grants)
	$(Q)GRANTS=$(GRANTS) tests/xen/demo.sh

check-xen: all $(DEPS) ## scenarios on real Xen, smoke tier
	$(Q)tests/xen/run.sh smoke

check-xen-full: all deb $(DEPS) ## scenarios on real Xen, all of them
	$(Q)tests/xen/run.sh full

check-xen-arm64: arm64 $(DEPS) ## scenarios on real Xen on Arm, smoke tier
	$(Q)tests/xen/run.sh arm64 smoke

check-xen-arm64-full: arm64 $(DEPS) ## scenarios on real Xen on Arm, all of them
	$(Q)tests/xen/run.sh arm64 full

arm64: $(DEPS) ## build the daemon for Arm: build/aarch64-linux-gnu/xenvirtiod
	$(Q)$(MAKE) all CROSS=aarch64-linux-gnu-

bench-xen: all $(DEPS) ## dom0's instructions per request and packet, beside others'
	$(Q)tests/xen/bench.sh

bench-net: all $(DEPS) ## the network's part of it, with system calls, judged beside QEMU's
	$(Q)tests/xen/bench.sh net

# -----------------------------------------------------------------------------

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 22

.PHONY: $(PLACED) all install deb clean deps check bench-calls bench-blk coverage lint check-clang format \
	sizes demo check-xen check-xen-full check-xen-arm64 check-xen-arm64-full arm64 bench-xen \
	bench-net help

-include $(OBJ:.o=.d) $(CHECK_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(BENCH_OBJ:.o=.d) \
	$(CALLS_OBJ:.o=.d) $(BLK_OBJ:.o=.d)
