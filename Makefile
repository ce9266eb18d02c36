# CastSlice - build, test and try. `make help` lists the targets; V=1 shows the commands.

.DEFAULT_GOAL := all
FLAVOUR ?= release
BUILD   := build/$(FLAVOUR)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LUA     ?= /usr/bin/lua5.4
Q       := $(if $(V),,@)

# What the program and its tests need, as Debian packages.
PACKAGES      := gcc libc6-dev make pkg-config git ca-certificates libmicrohttpd-dev libgnutls28-dev libssl-dev \
                 libcjson-dev liblua5.4-dev libyaml-dev
DEMO_PACKAGES := $(PACKAGES) curl openssl jq
TEST_PACKAGES := $(DEMO_PACKAGES) libcmocka-dev lua5.4 lua-busted prometheus python3 python3-pytest python3-jsonpatch \
                 python3-yaml iproute2 procps
LINT_PACKAGES := $(PACKAGES) clang-tidy clang lua-check libcmocka-dev
FUZZ_PACKAGES := $(PACKAGES) clang libclang-rt-14-dev

LIBS     := libmicrohttpd gnutls libcrypto libcjson lua5.4 yaml-0.1
# asked for when they are used, not before `make packages` could install them
LIB_CFLAGS = $(shell pkg-config --cflags $(LIBS))
LIB_LIBS   = $(shell pkg-config --libs $(LIBS)) -lm -lpthread

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wconversion -Wno-sign-conversion -Wnull-dereference \
            -Wimplicit-fallthrough -Werror
HARDEN   := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

CC_release   := gcc
OPT_release  := -O2 -g -D_FORTIFY_SOURCE=2
OPT_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
CC           := gcc
CFLAGS_ALL    = -std=c17 -D_GNU_SOURCE -DCASTSLICE_VERSION='"$(VERSION)"' -Ihost $(WARNINGS) $(HARDEN) $(OPT_$(FLAVOUR)) $(LIB_CFLAGS) $(CFLAGS)
LDFLAGS_ALL   = $(LDHARDEN) $(OPT_$(FLAVOUR)) $(LDFLAGS)

SOURCES := $(wildcard host/*.c)
OBJECTS := $(SOURCES:host/%.c=$(BUILD)/host/%.o)
ENGINE  := $(filter-out $(BUILD)/host/main.o,$(OBJECTS))
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: all
all: $(BUILD)/castslice  ## build the program (FLAVOUR=release, asan or tsan): build/release/castslice

$(BUILD)/castslice: $(OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIB_LIBS)

$(BUILD)/host/%.o: host/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/host/embedded.o: $(wildcard policies/default/*.lua lua/castslice/*.lua)

$(BUILD)/unit/%: tests/unit/%.c $(ENGINE)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(ENGINE) $(LIB_LIBS) -lcmocka

-include $(OBJECTS:.o=.d) $(UNITS:=.d)

.PHONY: unit
unit: $(UNITS)
	$(Q)set -e; for t in $(UNITS); do ./$$t; done

.PHONY: clean
clean:  ## remove everything that was built
	rm -rf build
