# Tessera: build, run, test. `make help` lists the targets; README.md explains the variables.

CROSS := i686-linux-gnu-
CC    := $(CROSS)gcc
LD    := $(CROSS)ld
NM    := $(CROSS)nm
STRIP := $(CROSS)strip

B := build

# What a user sets, handed to the tools as it was typed: `$` in CMD belongs to the guest's shell.
VARIABLES := CMD FILES MEM CPU SMP ACCEL APPEND GUI TIMEOUT QEMUEXTRA T J V DEMO ATTACH CRASH TRACE TRACE_BUF
$(foreach v,$(VARIABLES),$(eval override $(v) := $$(value $(v))))
export $(VARIABLES)

ifeq ($(filter -j%,$(MAKEFLAGS))$(filter-out 0,$(MAKELEVEL)),)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# Every target but these starts with the packages it needs.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),all)),)
packages := $(shell $(if $(filter 1,$(GUI)),GUI=1) tools/install-deps >&2 || echo missing)
ifneq ($(packages),)
$(error cannot go on without the packages named above)
endif
endif

# V=1 shows commands; otherwise one short line on stderr for each file made.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-7s %s\n' '$1' '$2' >&2)

# --- The kernel -------------------------------------------------------------------------------

SOURCES := $(sort $(wildcard $(foreach d,boot kernel kernel/* mm tests/kernel tests/unit, \
	$(d)/*.c $(d)/*.S)))
OBJECTS := $(SOURCES:%=$(B)/obj/%.o) $(B)/obj/font.o

WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes \
	-Wshadow -Wvla -Wundef
# Aligned for no cache: on a machine of 16 MiB the padding would be 40 KiB of it.
OPTIMISE := -O2 -falign-functions=4 -falign-jumps=1 -falign-loops=1 # `make debug` says -Og
STACK_GUARD := -fstack-protector-strong -mstack-protector-guard=global
CFLAGS := -std=gnu11 -m32 -march=i686 -mtune=generic $(OPTIMISE) -g -ffreestanding -fno-pic -fno-omit-frame-pointer \
	$(if $(DEBUG),$(STACK_GUARD),-fno-stack-protector) \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -fwrapv -mregparm=3 \
	-mpreferred-stack-boundary=2 -freg-struct-return -mgeneral-regs-only -fcf-protection=none \
	$(WARNINGS) -I. $(if $(DEBUG),-DDEBUG)
ASFLAGS := -m32 -march=i686 -g -fno-pic -Wa,--noexecstack -Wa,--fatal-warnings -Wundef -I.
LDFLAGS := -m elf_i386 -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none \
	--fatal-warnings --no-warn-rwx-segments -T linker.ld

.PHONY: all iso run run-iso trace screenshot test test-programs soak oracle oracle-programs mutants debug deps help clean FORCE

all: $(B)/tessera.elf $(B)/initramfs.cpio compile_commands.json ## the kernel and the guest's root

deps: ## only install the packages that are missing

# $(call remember,NAME,TEXT): a file that changes when TEXT does; what depends on it is made again.
define remember
$(B)/obj/$(1): export TEXT := $(2)
$(B)/obj/$(1): FORCE
	@mkdir -p $$(@D); printf '%s\n' "$$$$TEXT" | cmp -s - $$@ || printf '%s\n' "$$$$TEXT" >$$@
endef
$(eval $(call remember,cc.flags,$(CC) $(CFLAGS) $(ASFLAGS)))
$(eval $(call remember,ld.flags,$(LD) $(LDFLAGS) $(OBJECTS)))

$(B)/obj/%.c.o: %.c $(B)/obj/cc.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/obj/%.S.o: %.S $(B)/obj/cc.flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASFLAGS) -MMD -MP -c $< -o $@

# The text on the framebuffer is in GNU Unifont, as GRUB's package brings it.
$(B)/font.c: /usr/share/grub/ascii.pf2 tools/mkfont.py
	$(Q)mkdir -p $(@D); tools/mkfont.py $< >$@

$(B)/obj/font.o: $(B)/font.c $(B)/obj/cc.flags
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

# The vDSO is a shared library of its own (kernel/x86/vdso). The kernel has its image, and learns
# from the linker where in it things are.
VDSO_SOURCES := kernel/x86/vdso/time.c kernel/x86/vdso/vsyscall.S
VDSO_OBJECTS := $(VDSO_SOURCES:kernel/x86/%=$(B)/obj/%.o)
VDSO_CFLAGS  := -std=gnu11 -m32 -march=i686 -O2 -g -ffreestanding -fPIC -fvisibility=hidden -fwrapv \
	-fno-stack-protector -fasynchronous-unwind-tables -mgeneral-regs-only -fcf-protection=none \
	$(WARNINGS) -I.

$(VDSO_OBJECTS): $(B)/obj/vdso/%.o: kernel/x86/vdso/% $(B)/obj/cc.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter %.S,$<),$(ASFLAGS),$(VDSO_CFLAGS)) -MMD -MP -c $< -o $@

$(B)/obj/vdso/vdso.elf: $(VDSO_OBJECTS) kernel/x86/vdso/vdso.lds
	$(Q)$(LD) -m elf_i386 -shared -soname linux-gate.so.1 --hash-style=both --eh-frame-hdr \
		--build-id=none -Bsymbolic -z noexecstack -z max-page-size=4096 --no-undefined \
		--fatal-warnings -T kernel/x86/vdso/vdso.lds $(VDSO_OBJECTS) -o $@

$(B)/obj/vdso/vdso.so: $(B)/obj/vdso/vdso.elf
	$(Q)$(STRIP) -o $@ $<

$(B)/obj/vdso/places: $(B)/obj/vdso/vdso.elf
	$(Q)$(NM) $< | sed -nE 's/^(\w+) [tT] ((__kernel|vdso)_\w+)(@.*)?$$/--defsym=\2=0x\1/p' >$@

$(B)/obj/kernel/x86/vdso_image.S.o: $(B)/obj/vdso/vdso.so
$(B)/obj/kernel/x86/vdso_image.S.o: ASFLAGS += -Wa,-I$(B)/obj

# The symbol table inside the image names the image's own addresses: link, list, link again.
$(B)/obj/first.elf: $(OBJECTS) linker.ld $(B)/obj/ld.flags $(B)/obj/vdso/places
	$(Q)$(LD) $(LDFLAGS) @$(B)/obj/vdso/places $(OBJECTS) -o $@

$(B)/obj/ksyms.S: $(B)/obj/first.elf tools/ksyms.py
	$(Q)$(NM) -n $< | tools/ksyms.py >$@

$(B)/obj/ksyms.o: $(B)/obj/ksyms.S
	$(Q)$(CC) $(ASFLAGS) -c $< -o $@

$(B)/obj/allocsites.S: $(B)/obj/first.elf tools/allocsites.py
	$(Q)tools/allocsites.py $< >$@

$(B)/obj/allocsites.o: $(B)/obj/allocsites.S
	$(Q)$(CC) $(ASFLAGS) -c $< -o $@

$(B)/tessera.elf: $(B)/obj/first.elf $(B)/obj/ksyms.o $(B)/obj/allocsites.o
	$(call say,LD,$@)
	$(Q)$(LD) $(LDFLAGS) @$(B)/obj/vdso/places $(OBJECTS) $(B)/obj/ksyms.o $(B)/obj/allocsites.o -o $@

compile_commands.json: $(B)/obj/cc.flags $(B)/obj/ld.flags tools/compdb.py
	$(Q)tools/compdb.py "$(CC) $(CFLAGS)" "$(CC) $(ASFLAGS)" $(SOURCES) >$@

-include $(OBJECTS:.o=.d) $(VDSO_OBJECTS:.o=.d)

# --- The guest's root -------------------------------------------------------------------------

PACKAGES := $(B)/pkg

$(B)/pkg/.guest: tools/packages.i386 tools/guest-packages
	$(Q)tools/guest-packages $< $(PACKAGES)
	@touch $@

$(B)/pkg/.oracle: tools/packages.oracle tools/guest-packages
	$(Q)tools/guest-packages $< $(PACKAGES)
	@touch $@

$(B)/initramfs.cpio: $(B)/pkg/.guest tools/mkroot tools/mkinitramfs.py \
		$(shell find user/root user/busybox.applets) $(B)/malloc/malloc-tour
	$(call say,CPIO,$@)
	$(Q)tools/mkroot $(PACKAGES) $(B)/root
	$(Q)$(STRIP) -o $(B)/root/bin/malloc-tour $(B)/malloc/malloc-tour
	$(Q)tools/mkinitramfs.py --devices -o $@ $(B)/root

$(B)/tessera.iso: $(B)/tessera.elf $(B)/initramfs.cpio tools/mkiso
	$(call say,ISO,$@)
	$(Q)tools/mkiso $@ $(B)/tessera.elf $(B)/initramfs.cpio ""

# ROOT=debian: the root that tools/packages.debian names, for `make run` and the programs' tests.
ROOT  ?= busybox
ROOTS := busybox:$(B)/initramfs.cpio debian:$(B)/debian.cpio
ROOT_CPIO = $(or $(patsubst $(ROOT):%,%,$(filter $(ROOT):%,$(ROOTS))), \
	$(error ROOT=$(ROOT): one of $(foreach r,$(ROOTS),$(firstword $(subst :, ,$r)))))

$(B)/pkg/.debian: tools/packages.debian tools/guest-packages
	$(Q)tools/guest-packages --depends $< $(PACKAGES) >$@.new && mv $@.new $@

$(B)/debian.cpio: $(B)/pkg/.debian $(B)/initramfs.cpio tools/mkdebroot $(B)/malloc/libtmalloc32.so
	$(call say,CPIO,$@)
	$(Q)tools/mkdebroot $< $(PACKAGES) $(B)/root $(B)/debroot
	$(Q)$(STRIP) -o $(B)/debroot/usr/lib/libtmalloc32.so $(B)/malloc/libtmalloc32.so
	$(Q)tools/mkinitramfs.py --devices -o $@ $(B)/debroot

iso: $(B)/tessera.iso ## build/tessera.iso, started by GRUB

# --- Test programs ----------------------------------------------------------------------------

# tests/user/NAME.c: static, glibc; NAME_musl.c: static, musl; NAME.S: no library at all. They and
# the scripts are /tests in the guest.
USER_SOURCES  := $(sort $(wildcard tests/user/*.c tests/user/*.S))
USER_PROGRAMS := $(patsubst tests/user/%,$(B)/user/%,$(basename $(USER_SOURCES)))
USER_CFLAGS   := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -static -no-pie \
	-fno-pie -I.
MUSL          := $(PACKAGES)/musl-dev/usr
MUSL_CFLAGS   := -nostdinc -isystem $(MUSL)/include/i386-linux-musl -nostdlib
MUSL_LIB      := $(MUSL)/lib/i386-linux-musl
MUSL_LIBS      = $(MUSL_LIB)/crt1.o $(MUSL_LIB)/crti.o $< -L$(MUSL_LIB) \
	-Wl,--start-group -lc -lgcc -Wl,--end-group $(MUSL_LIB)/crtn.o
$(eval $(call remember,user.flags,$(CC) $(USER_CFLAGS) $(MUSL_CFLAGS) $(USER_PROGRAMS)))

$(B)/user/%_musl: tests/user/%_musl.c $(B)/obj/user.flags $(B)/pkg/.guest
	$(call say,CC,$< (musl))
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) $(MUSL_CFLAGS) -MMD -MP -MF $@.d $(MUSL_LIBS) -o $@

$(B)/user/%: tests/user/%.c $(B)/obj/user.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -MF $@.d $< -o $@

$(B)/user/%: tests/user/%.S $(B)/obj/user.flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -nostdlib -MMD -MP -MF $@.d $< -o $@

-include $(USER_PROGRAMS:=.d)

# The folder is for `make run FILES=build/testroot`; the archive is what the tests add.
TESTROOT := $(and $(filter build/testroot,$(FILES)),$(B)/tests.cpio)
$(B)/tests.cpio: $(USER_PROGRAMS) $(B)/obj/user.flags $(wildcard tests/scripts/*) \
		tools/mkinitramfs.py
	$(call say,CPIO,$@)
	@rm -rf $(B)/testroot; mkdir -p $(B)/testroot/tests/scripts
	$(Q)$(foreach p,$(USER_PROGRAMS),$(STRIP) -o $(B)/testroot/tests/$(notdir $p) $p &&) :
	$(Q)$(foreach s,$(wildcard tests/scripts/*.sh),cp $s $(B)/testroot/tests/scripts/ &&) :
	$(Q)tools/mkinitramfs.py -o $@ $(B)/testroot

# Unit cases and what they test, on the host, under sanitizers: the files that docs/order.txt marks
# as pure, and the allocators, whose locks and memory tests/host makes up. Symbols stay hidden from
# the sanitizers' libraries, which would call our 64-bit division.
HOST_ALSO    := page page_alloc page_alloc_boot page_alloc_check slab slab_mag slab_debug kmalloc
HOST_SOURCES := $(sort $(B)/font.c $(shell tools/check-deps.py --pure) $(wildcard tests/unit/*.c \
	tests/host/*.c $(HOST_ALSO:%=mm/%.c) $(HOST_ALSO:%=tests/kernel/test_%.c)))
HOST_CFLAGS  := -std=gnu11 -O1 -g -fno-pie -no-pie -fno-omit-frame-pointer -fno-strict-aliasing \
	-fno-common -fno-builtin -fvisibility=hidden -fsanitize=address,undefined \
	-fno-sanitize-recover=all -Wall -Wextra -Werror -Wno-unused-parameter -Wshadow -Wvla \
	-Wundef -DDEBUG -Itests/host/include -I.
HOST_CC_64 := gcc -m64
HOST_CC_32 := $(CC) -m32 -march=i686 -msse2 -mfpmath=sse
$(eval $(call remember,host.flags,$(HOST_CC_64) $(HOST_CC_32) $(HOST_CFLAGS) $(HOST_SOURCES)))

define host_rules
$(B)/host$(1)/%.o: %.c $(B)/obj/host.flags
	$$(call say,CC,$$< ($(1) bit host))
	@mkdir -p $$(@D)
	$$(Q)$$(HOST_CC_$(1)) $$(HOST_CFLAGS) -MMD -MP -c $$< -o $$@

$(B)/host$(1)/unit: $(HOST_SOURCES:%.c=$(B)/host$(1)/%.o)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC_$(1)) $$(HOST_CFLAGS) $$(filter %.o,$$^) -o $$@

-include $(HOST_SOURCES:%.c=$(B)/host$(1)/%.d)
endef
$(eval $(call host_rules,64))
$(eval $(call host_rules,32))

# --- The user's malloc ------------------------------------------------------------------------

TM_SOURCES := $(sort $(wildcard user/malloc/*.c))
TM_TESTED  := $(filter-out user/malloc/cxx.c,$(TM_SOURCES))
TM_HEADERS := $(wildcard user/malloc/*.h tests/malloc/*.h)
TM_WARN    := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-attributes
# Vectors would read together what was just written apart: the processor waits for the writes.
TM_CFLAGS  := -std=gnu11 -O2 -g -fvisibility=hidden -fno-builtin -fno-strict-aliasing -fexceptions \
	-fno-tree-vectorize $(TM_WARN) -I.
TM_TEST    := -std=gnu11 -O1 -g -fno-builtin -fno-strict-aliasing -Wall -Wextra -Wno-attributes \
	-DTMALLOC_PREFIX=tm_ -I.
TM_WRAP    := tests/malloc/world.c \
	-Wl,--wrap=os_map,--wrap=os_remap,--wrap=os_brk,--wrap=os_seconds,--wrap=os_huge,--wrap=heap_alloc_short
TM_SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all
TM_32      := $(CC) -m32 -march=i686
TM_64      := gcc -m64
T_M        := $(B)/malloc

.PHONY: libtmalloc test-malloc bench-malloc fuzz-malloc

libtmalloc: $(T_M)/libtmalloc.a $(T_M)/libtmalloc.so $(T_M)/libtmalloc32.so $(T_M)/malloc-tour ## the user's malloc

$(T_M)/obj/%.o: user/malloc/%.c $(TM_HEADERS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(TM_32) -mtune=generic $(TM_CFLAGS) -fno-pie -c $< -o $@

$(T_M)/libtmalloc.a: $(TM_SOURCES:user/malloc/%.c=$(T_M)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(CROSS)ar rcs $@ $^

$(T_M)/libtmalloc.so: $(TM_SOURCES) $(TM_HEADERS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(TM_64) $(TM_CFLAGS) -fPIC -shared -Wl,-z,now,-z,noseparate-code $(TM_SOURCES) -o $@

$(T_M)/libtmalloc32.so: $(TM_SOURCES) $(TM_HEADERS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(TM_32) -mtune=generic $(TM_CFLAGS) -fPIC -shared -Wl,-z,now,-z,noseparate-code $(TM_SOURCES) -o $@

# A small program for a small machine: musl's C library, our malloc in front of its own.
$(T_M)/malloc-tour: user/malloc/tour/malloc-tour.c $(T_M)/libtmalloc.a $(B)/pkg/.guest
	$(call say,CC,$< (musl))
	$(Q)$(TM_32) -std=gnu11 -O2 -g -static -no-pie -fno-pie $(TM_WARN) -fno-builtin $(MUSL_CFLAGS) \
		$(MUSL_LIB)/crt1.o $(MUSL_LIB)/crti.o $< $(T_M)/libtmalloc.a -L$(MUSL_LIB) \
		-Wl,--start-group -lc -lgcc -lgcc_eh -Wl,--end-group $(MUSL_LIB)/crtn.o -o $@

$(T_M)/%.test64: tests/malloc/%.c tests/malloc/world.c $(TM_TESTED) $(TM_HEADERS)
	$(call say,CC,$< (64 bit host))
	@mkdir -p $(@D)
	$(Q)$(TM_64) $(TM_TEST) $(TM_SAN) $< $(TM_TESTED) $(TM_WRAP) -o $@

$(T_M)/%.test32: tests/malloc/%.c tests/malloc/world.c $(TM_TESTED) $(TM_HEADERS)
	$(call say,CC,$< (32 bit host))
	@mkdir -p $(@D)
	$(Q)$(TM_32) $(TM_TEST) -static $< $(TM_TESTED) $(TM_WRAP) -o $@

$(T_M)/stress.tsan: tests/malloc/stress.c tests/malloc/world.c $(TM_TESTED) $(TM_HEADERS)
	$(call say,CC,$< (ThreadSanitizer))
	@mkdir -p $(@D)
	$(Q)$(TM_64) $(TM_TEST) -fsanitize=thread $< $(TM_TESTED) $(TM_WRAP) -o $@

# Ordinary programs: for the preloaded libraries, and with the static one (.linked). The host need
# not know where the cross compiler's C library lies, so the program says it.
TM_PROGRAMS := program interface
TM_PROGRAM  := -std=gnu11 -O1 -g -fno-builtin -w -I.
CROSS_LIB   := /usr/i686-linux-gnu/lib

$(TM_PROGRAMS:%=$(T_M)/%64): $(T_M)/%64: tests/malloc/%.c tests/malloc/check.h
	@mkdir -p $(@D)
	$(Q)$(TM_64) $(TM_PROGRAM) $< -o $@

$(TM_PROGRAMS:%=$(T_M)/%32): $(T_M)/%32: tests/malloc/%.c tests/malloc/check.h
	@mkdir -p $(@D)
	$(Q)$(TM_32) $(TM_PROGRAM) $< -o $@ \
		-Wl,--dynamic-linker=$(CROSS_LIB)/ld-linux.so.2,-rpath,$(CROSS_LIB)

$(TM_PROGRAMS:%=$(T_M)/%.linked): $(T_M)/%.linked: tests/malloc/%.c tests/malloc/check.h \
		$(T_M)/libtmalloc.a
	@mkdir -p $(@D)
	$(Q)$(TM_32) $(TM_PROGRAM) -static $< -Wl,--whole-archive $(T_M)/libtmalloc.a \
		-Wl,--no-whole-archive -o $@

TM_TESTS := $(foreach t,unit.test stress.test $(TM_PROGRAMS),$(T_M)/$t64 $(T_M)/$t32) \
	$(T_M)/stress.tsan $(TM_PROGRAMS:%=$(T_M)/%.linked)

test-malloc: $(TM_TESTS) libtmalloc ## the user's malloc: units, a shadow (STEPS= SEED=), programs
	@tests/malloc/run.sh $(T_M)

$(T_M)/bench: tools/bench-malloc.cc
	@mkdir -p $(@D)
	$(Q)g++ -O2 -std=c++17 -fno-builtin $< -o $@

$(T_M)/bench-run: tools/bench-malloc-run.c
	@mkdir -p $(@D)
	$(Q)gcc -O2 -static $< -o $@

# bench/malloc.c with one allocator or another: static, but for mimalloc.
PEER_LIB     = $(PACKAGES)/$(1)/usr/lib/$(or $(2),i386-linux-gnu)
GUEST_PEERS := glibc jemalloc tcmalloc mimalloc tmalloc
GUEST_BENCH := $(GUEST_PEERS:%=$(T_M)/guest/%)
$(T_M)/guest/jemalloc: peer := $(call PEER_LIB,libjemalloc-dev)/libjemalloc.a -lm
$(T_M)/guest/tcmalloc: peer := $(call PEER_LIB,libgoogle-perftools-dev)/libtcmalloc_minimal.a \
	$(call PEER_LIB,libstdc++-12-dev,gcc/i686-linux-gnu/12)/libstdc++.a -lm
$(T_M)/guest/mimalloc: drop := -static
$(T_M)/guest/mimalloc: peer := $(call PEER_LIB,libmimalloc2.0)/libmimalloc.so.2.0
$(T_M)/guest/tmalloc:  peer := $(T_M)/libtmalloc.a
$(T_M)/guest/tmalloc:  $(T_M)/libtmalloc.a

$(B)/pkg/.malloc: tools/packages.malloc tools/guest-packages
	$(Q)tools/guest-packages $< $(PACKAGES)
	@touch $@

$(GUEST_BENCH): bench/malloc.c $(B)/pkg/.malloc
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out $(drop),$(USER_CFLAGS)) -O2 -fno-builtin $< $(peer) -o $@

ifeq ($(GUEST),1)
bench-malloc: $(B)/tessera.elf $(GUEST_BENCH)
bench-malloc: guest_flag := --guest $(T_M)/guest
endif
bench-malloc: $(T_M)/bench $(T_M)/bench-run $(T_M)/libtmalloc.so ## beside other allocators; GUEST=1: on Tessera
	@tools/bench-malloc --ours $(T_M)/libtmalloc.so --bench $(T_M)/bench \
		--launcher $(T_M)/bench-run --svg $(T_M)/bench.svg $(guest_flag) $(BENCHFLAGS)

FUZZER_LIB := /usr/lib/clang/14/lib/linux/libclang_rt.fuzzer-x86_64.a

fuzz-malloc: ## the random calls driven by libFuzzer (clang), for FUZZTIME seconds
	@tools/install-deps clang clang $(FUZZER_LIB) libclang-rt-14-dev
	@mkdir -p $(T_M)/corpus
	$(Q)clang $(TM_TEST) -Wno-initializer-overrides -DFUZZ \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		tests/malloc/stress.c $(TM_TESTED) $(TM_WRAP) -o $(T_M)/fuzz
	@cd $(T_M) && ./fuzz -max_total_time=$(or $(FUZZTIME),60) -max_len=8192 corpus

# --- Debugging --------------------------------------------------------------------------------

# The kernel that gdb looks at: the same sources, but every local can be seen. Its own folder, so
# that neither kernel makes the other old. gdb loads the commands that lie beside it.
DEBUG_KERNEL  := $(B)/debug/tessera.elf
DEMO_PROGRAMS := $(patsubst user/%.c,$(B)/%,$(sort $(wildcard user/demo/*.c)))
DEMO_CFLAGS   := $(subst -O1,-O0,$(USER_CFLAGS)) -fno-omit-frame-pointer
DEBUG_FILES   := $(DEBUG_KERNEL) $(DEBUG_KERNEL)-gdb.py $(B)/initramfs.cpio $(DEMO_PROGRAMS)
$(eval $(call remember,demo.flags,$(CC) $(DEMO_CFLAGS)))

.PHONY: debug record replay

$(DEBUG_KERNEL): FORCE
	@$(MAKE) B=$(B)/debug OPTIMISE=-Og $@

$(DEBUG_KERNEL)-gdb.py: tools/gdb/autoload.py
	@mkdir -p $(@D); cp $< $@

$(B)/demo/%: user/demo/%.c $(B)/obj/demo.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEMO_CFLAGS) -MMD -MP -MF $(B)/obj/demo.$*.d $< -o $@

-include $(DEMO_PROGRAMS:$(B)/demo/%=$(B)/obj/demo.%.d)

debug: $(DEBUG_FILES) $(ROOT_CPIO) $(TESTROOT) ## gdb at process 1's first instruction; DEMO=, CMD=, T=, ATTACH=1, CRASH=1
	@INITRAMFS=$(ROOT_CPIO) tools/debug.py

record: $(DEBUG_FILES) $(TESTROOT) ## run CMD=, DEMO= or the self-tests T= so that it can be replayed
	@tools/record.py record

replay: ## gdb on what was recorded, forwards and backwards
	@tools/record.py replay

# --- The report -------------------------------------------------------------------------------

.PHONY: report test-report

report: $(DEBUG_FILES) $(ROOT_CPIO) $(TESTROOT) ## memory while CMD= or DEMO= ran, as pictures in one HTML file
	@tools/report.py --initramfs $(ROOT_CPIO)

test-report: $(DEBUG_FILES) ## the report's page in a headless Chromium (410 MB of packages)
	@tools/install-deps $$(cat tools/packages.report)
	@tests/report/pages.py

# --- Running ----------------------------------------------------------------------------------

run: $(B)/tessera.elf $(ROOT_CPIO) $(TESTROOT) ## a shell on this terminal (Ctrl-A x ends) or CMD='...'
	@tools/run.py --initramfs $(ROOT_CPIO); status=$$?; [ -n "$$CMD" ] || [ $$status = 125 ] || status=0; exit $$status

run-iso: $(B)/tessera.elf $(ROOT_CPIO) $(TESTROOT) ## the same, started by GRUB from a CD image
	@tools/run.py --iso --initramfs $(ROOT_CPIO)

trace: $(B)/tessera.elf $(ROOT_CPIO) $(TESTROOT) ## what the memory does for CMD=, as text and for Perfetto; TRACE=glob
	@INITRAMFS=$(ROOT_CPIO) tools/trace.py

screenshot: $(B)/tessera.elf $(ROOT_CPIO) $(TESTROOT) ## build/screenshot.png: the picture of memory when CMD= has run
	@tools/screenshot.py --initramfs $(ROOT_CPIO)

test: all $(B)/tests.cpio $(B)/host64/unit $(B)/host32/unit $(DEBUG_FILES) $(TM_TESTS) libtmalloc ## all tests, or T=glob; J=n at once
	@tools/test.py

test-programs: $(B)/tessera.elf $(B)/debian.cpio ## Debian's programs with real work, beside Linux
	@tools/programs.py

soak: $(B)/tessera.elf $(B)/debian.cpio ## those and stress-ng, shuffled, for MINUTES=30 in 256 MiB; SEED=
	@tools/soak.py

oracle-programs: $(B)/debian.cpio $(B)/pkg/.oracle ## record what Linux answers to them
	@tools/programs.py --oracle

oracle: $(B)/initramfs.cpio $(B)/tests.cpio $(B)/pkg/.oracle ## record what Debian's Linux answers
	@tools/oracle.py

# What of Linux's system calls is there: the host's compiler reads the kernel's lists.
$(B)/abi: tools/abi.c kernel/syscalls.h kernel/abi/syscall_nr.h
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -Wall -Wextra -Werror -I. $< -o $@

.PHONY: abi
test: $(B)/abi
abi: $(B)/abi ## the table of system calls: implemented, partial, not
	@$<

mutants: ## break the kernel on purpose, one line at a time; each must be caught
	@tools/mutants.py

# --- The benchmark ----------------------------------------------------------------------------

# bench/: the program (no libc), glibc's malloc rows, the limit, and what counts for profiles.
BENCH_VARIABLES := ROW PAIRS
$(foreach v,$(BENCH_VARIABLES),$(eval override $(v) := $$(value $(v))))
export $(BENCH_VARIABLES)

BENCH_CFLAGS := -std=gnu11 -m32 -march=i686 -O2 -g -ffreestanding -fno-pic -no-pie -static \
	-nostdlib -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fwrapv \
	-fno-strict-aliasing -Wall -Wextra -Werror -Wno-unused-parameter -I.
LIMIT_CFLAGS := -mregparm=3 -mgeneral-regs-only \
	-Wl,-T,bench/limit/limit.ld,--build-id=none,--no-warn-rwx-segments,-z,noexecstack
PLUGIN_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unused-parameter -shared -fPIC \
	-fvisibility=hidden

$(B)/bench/init: $(sort $(wildcard bench/main.c bench/rows_*.c)) bench/bench.h
$(B)/bench/malloc: bench/malloc.c
$(B)/bench/limit.elf: $(sort $(wildcard bench/limit/*))
$(B)/bench/plugin.so: bench/plugin.c
$(B)/bench/init:      bench_cc = $(CC) $(BENCH_CFLAGS) $(filter %.c,$^) -lgcc
$(B)/bench/malloc:    bench_cc = $(CC) $(USER_CFLAGS) -O2 $(filter %.c,$^)
$(B)/bench/limit.elf: bench_cc = $(CC) $(BENCH_CFLAGS) $(LIMIT_CFLAGS) $(filter %.c %.S,$^) -lgcc
$(B)/bench/plugin.so: bench_cc = gcc $(PLUGIN_CFLAGS) $(filter %.c,$^)

BENCH_BUILT := $(addprefix $(B)/bench/,init malloc limit.elf plugin.so)
$(BENCH_BUILT): $(firstword $(MAKEFILE_LIST))
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(bench_cc) -o $@

.PHONY: bench profile
bench: $(B)/tessera.elf $(B)/initramfs.cpio $(BENCH_BUILT) \
		$(B)/pkg/.oracle
bench: ## what things cost, beside Linux; ROW=glob
	@tools/bench.py

profile: $(B)/tessera.elf $(BENCH_BUILT) ## where ROW=name spends its instructions, by function
	@tools/profile.py

# --- The fuzzer -------------------------------------------------------------------------------

FUZZ_VARIABLES := SEED SEEDS STEPS
$(foreach v,$(FUZZ_VARIABLES),$(eval override $(v) := $$(value $(v))))
export $(FUZZ_VARIABLES)

$(B)/fuzzroot/tests/fuzz: tests/fuzz/fuzz.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -s $< -o $@

.PHONY: fuzz
fuzz: $(B)/tessera.elf $(B)/initramfs.cpio $(B)/fuzzroot/tests/fuzz \
		$(B)/pkg/.oracle
fuzz: ## random memory calls here and on Linux; SEED=, SEEDS=, STEPS=
	@tools/fuzz.py

clean: ## remove what was built, but not the downloaded packages
	rm -rf $(filter-out $(B)/pkg $(B)/apt,$(wildcard $(B)/*)) compile_commands.json

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 18
	@echo '  Variables: $(VARIABLES) ROOT DEBUG (README.md)'
