# punchlab. `make help` says what can be made.
#
#   make [TARGET] [CC=clang] [CFLAGS='-O0 -g'] [BUILD=build] [PREFIX=/usr/local]
#
# Source files are found by their place, so a new file needs no line here:
#   core/*/ nat/ nat/*/ proto/*/ scenarios/lab/   the library; scenarios/runner/ and its folders: the program
#   scenarios/runner/story/page/   the page of a run, built into the program
#   tests/unit/test_NAME.c    has suite_NAME()       tests/fuzz/fuzz_NAME.c   has LLVMFuzzerTestOneInput()
#   tests/bench/bench_NAME.c  has bench_NAME()       tests/scenario/*.sh, *.py  end with status 0 when they pass
#   tests/interop/NAME.c      a program of that name for tests/interop/*.py, which play with other people's programs
# Everything made stands under $(BUILD).

BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 60

# What the code needs whatever CFLAGS say. No contraction of a*b+c: results are the same on every machine. No vectors
# for pairs of words: addresses are such pairs, and one that is stored by halves and loaded as a whole stalls.
OUR_CFLAGS := -std=c11 -D_GNU_SOURCE -Wall -Wextra -ffp-contract=off -fno-tree-slp-vectorize -I.
# The runner looks here for the scenarios that come with it.
RUNNER_CFLAGS := -DPUNCHLAB_SCENARIOS='"$(PREFIX)/share/punchlab/scenarios"'

# As many jobs as processors; a -j of the user's own goes first.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:

LIBRARY := $(wildcard core/*/*.c nat/*.c nat/*/*.c proto/*/*.c scenarios/lab/*.c scenarios/conformance/*.c)
RUNNER := $(wildcard scenarios/runner/*.c scenarios/runner/*/*.c)
PAGE := $(wildcard scenarios/runner/story/page/*)
UNIT := $(wildcard tests/unit/test_*.c)
UNIT_HELPERS := $(wildcard tests/unit/main.c tests/unit/support_*.c)
BENCH := $(wildcard tests/bench/bench_*.c)
BENCH_HELPERS := $(wildcard tests/bench/support_*.c)
INTEROP := $(wildcard tests/interop/*.c)
# Those on other people's libraries are made where these are; asked only when it matters.
ifneq ($(filter interop-programs,$(MAKECMDGOALS)),)
NICE_LIBS := $(shell pkg-config --libs nice 2>/dev/null)
NICE_CFLAGS := $(shell pkg-config --cflags nice 2>/dev/null)
endif
ifeq ($(NICE_LIBS),)
INTEROP := $(filter-out tests/interop/nice_%.c,$(INTEROP))
endif
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_HELPERS := $(wildcard tests/fuzz/support_*.c tests/unit/support_io.c tests/unit/support_io_tcp.c \
                          tests/unit/support_portmap.c)
# What runs a fuzz target: our driver for fixed inputs, or libFuzzer (`make fuzz` sets -fsanitize=fuzzer).
FUZZ_ENGINE ?= $(BUILD)/obj/tests/fuzz/driver.o

object = $(1:%.c=$(BUILD)/obj/%.o)
PAGE_OBJECT := $(BUILD)/obj/generated/page_files.o
UNIT_NAMES := $(UNIT:tests/unit/test_%.c=%)
BENCH_NAMES := $(filter-out main,$(BENCH:tests/bench/bench_%.c=%))
INTEROP_PROGRAMS := $(INTEROP:tests/interop/%.c=$(BUILD)/interop/%)
FUZZ_PROGRAMS := $(FUZZ:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/%)
PROGRAM := $(if $(RUNNER),$(BUILD)/punchlab)

# ---- what people ask for

.PHONY: all programs demo pictures test test-page interop interop-programs bench fuzz fuzz-run sanitize install clean
.PHONY: format help FORCE
all: $(BUILD)/libpunchlab.a $(PROGRAM)

# Everything that `make test` needs.
programs: all $(BUILD)/unit $(FUZZ_PROGRAMS)

demo: all
	@scripts/deps build
	@BUILD='$(BUILD)' scripts/demo

# Those of the documents; a test sees that they are current.
pictures: all
	@BUILD='$(BUILD)' scripts/pictures

test: programs
	@scripts/deps test
	@BUILD='$(BUILD)' CC='$(CC)' tests/run

# The page of a run in a real browser; see tests/page/run.
test-page: all
	@BUILD='$(BUILD)' tests/page/run

# Other people's programs against ours; what is missing is skipped, and says so.
interop: all
	@BUILD='$(BUILD)' MAKE='$(MAKE)' tests/interop/run

interop-programs: $(INTEROP_PROGRAMS)

bench: $(BUILD)/bench $(PROGRAM)
	$(BUILD)/bench

# The whole suite once more, under the address and the undefined-behaviour sanitizer, in a build of its own.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitize:
	@scripts/deps sanitizer '$(CC)'
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    G_SLICE=always-malloc SANITIZED=1 \
	    $(MAKE) --no-print-directory BUILD='$(BUILD)-sanitize' CFLAGS='-O1 -g $(SANITIZE)' test

# Each target under libFuzzer for FUZZ_SECONDS. Finds and new inputs go to $(BUILD)-fuzz, never into the tree.
fuzz:
	@scripts/deps fuzz
	@$(MAKE) --no-print-directory BUILD='$(BUILD)-fuzz' CC=clang FUZZ_ENGINE=-fsanitize=fuzzer \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)' fuzz-run

fuzz-run: $(FUZZ_PROGRAMS)
	@BUILD='$(BUILD)' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/fuzz/run

SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	@test -n '$(PROGRAM)' || { echo 'make install: there is no program to install' >&2; exit 1; }
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/punchlab'
	for file in $(wildcard $(foreach topic,situations nat stun turn ice sip,scenarios/$(topic)/*.lua)); do \
	    install -D -m 644 "$$file" '$(SHARE)'/punchlab/"$$file" || exit 1; done
	for file in README.md LICENSE $$(find docs -type f | LC_ALL=C sort); do \
	    install -D -m 644 "$$file" '$(SHARE)'/doc/punchlab/"$${file#docs/}" || exit 1; done

clean:
	rm -rf '$(BUILD)' '$(BUILD)-sanitize' '$(BUILD)-fuzz'

format:
	@command -v clang-format >/dev/null || { echo 'make format: needs clang-format' >&2; exit 1; }
	find core nat proto scenarios tests -name '*.[ch]' 2>/dev/null | sort | xargs clang-format -i

help:
	@echo 'make             $(BUILD)/punchlab and the library'
	@echo 'make demo        plays the situations, ends with a table of their outcomes'
	@echo 'make pictures    draws the pictures of the documents anew, docs/pictures'
	@echo 'make test        installs what tests need and runs all of them'
	@echo 'make test-page   the page of a run in a real browser, which it installs (NO_BROWSER=1: leaves it out)'
	@echo 'make sanitize    the same under ASan and UBSan, in $(BUILD)-sanitize'
	@echo 'make fuzz        libFuzzer over each decoder and engine, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make interop     other programs against ours, in network namespaces (as root); skips what it cannot do'
	@echo 'make bench       the figures, each beside the bound of this machine'
	@echo 'make install     into PREFIX=$(PREFIX) (DESTDIR is honoured)'
	@echo 'make format      clang-format over all sources'
	@echo 'make clean       removes $(BUILD), $(BUILD)-sanitize, $(BUILD)-fuzz'
	@echo 'Variables: CC=$(CC) CFLAGS="$(CFLAGS)" BUILD=$(BUILD) PREFIX=$(PREFIX)'

# ---- how it is made

# The flags of the libraries. Making this file installs what is missing; then make starts over and reads it.
ifneq ($(filter-out clean format help sanitize fuzz,$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/packages.mk
endif
$(BUILD)/packages.mk: scripts/deps
	@mkdir -p $(@D)
	@scripts/deps build
	@scripts/deps flags >$@

# Writes standard input to $@ unless it says that already: what depends on it is remade only when it changes.
keep = mkdir -p $(@D) && cat >$@.new && if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Changed flags remake every object, a changed PREFIX the runner's, a removed file the library.
$(BUILD)/flags: FORCE
	@echo "$(CC) $(CFLAGS) $(OUR_CFLAGS)" | { $(keep); }
$(BUILD)/prefix: FORCE
	@echo "$(PREFIX)" | { $(keep); }
$(BUILD)/sources: FORCE
	@echo $(LIBRARY) $(RUNNER) | { $(keep); }

compile = @mkdir -p $(@D) && echo "CC $<" && \
          $(CC) $(OUR_CFLAGS) $(PACKAGE_CFLAGS) $(CFLAGS) $(1) -MMD -MP -c -o $@ $<
link = @mkdir -p $(@D) && echo "LD $@" && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1) $(PACKAGE_LIBS)

$(BUILD)/obj/scenarios/runner/%.o: scenarios/runner/%.c $(BUILD)/flags $(BUILD)/prefix
	$(call compile,$(RUNNER_CFLAGS))
$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call compile)
$(BUILD)/obj/generated/%.o: $(BUILD)/generated/%.c $(BUILD)/flags
	$(call compile)

$(BUILD)/libpunchlab.a: $(call object,$(LIBRARY)) $(BUILD)/sources
	@rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
# For tests and benchmarks of the runner's modules; its main() is left where another one stands.
$(BUILD)/librunner.a: $(call object,$(RUNNER)) $(PAGE_OBJECT) $(BUILD)/sources
	@rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/punchlab: $(call object,$(RUNNER)) $(PAGE_OBJECT) $(BUILD)/libpunchlab.a
	$(call link)
$(BUILD)/unit: $(call object,$(UNIT) $(UNIT_HELPERS)) $(BUILD)/obj/generated/suites.o \
               $(BUILD)/librunner.a $(BUILD)/libpunchlab.a
	$(call link,$(PACKAGE_TEST_LIBS))
$(BUILD)/bench: $(call object,$(BENCH) $(BENCH_HELPERS)) $(BUILD)/obj/generated/benches.o \
                $(BUILD)/librunner.a $(BUILD)/libpunchlab.a
	$(call link)
$(INTEROP_PROGRAMS): $(BUILD)/interop/%: $(BUILD)/obj/tests/interop/%.o $(BUILD)/libpunchlab.a
	$(call link,$(NICE_LIBS))
$(BUILD)/obj/tests/interop/nice_%.o: PACKAGE_CFLAGS += $(NICE_CFLAGS)
$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(call object,$(FUZZ_HELPERS)) \
                  $(filter %.o,$(FUZZ_ENGINE)) $(BUILD)/librunner.a $(BUILD)/libpunchlab.a
	$(call link,$(filter-out %.o,$(FUZZ_ENGINE)))

# The frame, style and program of the page of a run, as C. Remade too when a file of theirs has gone.
$(BUILD)/generated/page_files.c: $(PAGE) scenarios/runner/story/page scripts/embed
	@mkdir -p $(@D)
	@scripts/embed scenarios/runner/story/page >$@

# The lists of suites and benchmarks, from the names of their files.
$(BUILD)/generated/suites.c: FORCE
	@{ echo '#include "tests/unit/support.h"'; \
	   for name in $(UNIT_NAMES); do echo "void suite_$$name(void);"; done; \
	   echo 'const struct unit_file unit_files[] = {'; \
	   for name in $(UNIT_NAMES); do echo "    { \"$$name\", suite_$$name },"; done; \
	   echo '    { NULL, NULL },'; echo '};'; } | { $(keep); }
$(BUILD)/generated/benches.c: FORCE
	@{ echo '#include "tests/bench/bench.h"'; \
	   for name in $(BENCH_NAMES); do echo "void bench_$$name(struct bench *bench);"; done; \
	   echo 'const struct bench_file bench_files[] = {'; \
	   for name in $(BENCH_NAMES); do echo "    { \"$$name\", bench_$$name },"; done; \
	   echo '    { NULL, NULL },'; echo '};'; } | { $(keep); }

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
