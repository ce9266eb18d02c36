# CastSlice: build, try, test. `make help` lists the targets; V=1 shows the commands.

.DEFAULT_GOAL := all
FLAVOUR ?= release
BUILD   ?= build/$(FLAVOUR)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PREFIX  ?= /usr/local
LUA     := /usr/bin/lua5.4
PYTHON  := /usr/bin/python3
Q       := $(if $(V),,@)
JOBS    := -j$(shell nproc) --output-sync=line

FUZZ_SECONDS ?= 60
TESTS        ?= tests/program
FUZZERS      := quantity json review policy

IMAGE_FILES  ?= build/image/files

# ---- what is needed, as Debian packages -------------------------------------

BUILD_PACKAGES := gcc libc6-dev make pkg-config git libmicrohttpd-dev libgnutls28-dev libssl-dev libcjson-dev \
                  liblua5.4-dev libyaml-dev
DEMO_PACKAGES  := $(BUILD_PACKAGES) curl jq
TEST_PACKAGES  := $(DEMO_PACKAGES) libcmocka-dev lua5.4 lua-busted prometheus openssl procps python3 python3-pytest \
                  python3-pytest-xdist python3-jsonpatch python3-yaml
LINT_PACKAGES  := $(BUILD_PACKAGES) libcmocka-dev clang-tidy lua-check python3
E2E_PACKAGES   := $(BUILD_PACKAGES) iproute2 util-linux procps openssl libc-bin python3 python3-pytest python3-yaml
FUZZ_PACKAGES  := $(BUILD_PACKAGES) clang libclang-rt-14-dev
BENCH_PACKAGES := $(BUILD_PACKAGES) nginx wrk procps python3
IMAGE_PACKAGES := $(BUILD_PACKAGES) buildah umoci python3 python3-pytest

# ---- flags -------------------------------------------------------------------

LIBS       := libmicrohttpd gnutls libcrypto libcjson lua5.4 yaml-0.1
# asked for once, when first used: before `packages` ran there is nothing to ask
LIB_CFLAGS  = $(eval LIB_CFLAGS := $$(shell pkg-config --cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LIBS    = $(eval LIB_LIBS := $$(shell pkg-config --libs $(LIBS)) -lm -lpthread)$(LIB_LIBS)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wconversion -Wno-sign-conversion -Wnull-dereference \
            -Wimplicit-fallthrough -Werror
HARDEN   := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-plt
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

OPT_release  := -O2 -g -D_FORTIFY_SOURCE=2
OPT_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz     := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

CPPFLAGS_ALL  = -std=c17 -D_GNU_SOURCE -DCASTSLICE_VERSION='"$(VERSION)"' -iquote host $(LIB_CFLAGS)
CFLAGS_ALL    = $(CPPFLAGS_ALL) $(WARNINGS) $(HARDEN) $(OPT_$(FLAVOUR)) $(CFLAGS)
LDFLAGS_ALL   = $(LDHARDEN) $(OPT_$(FLAVOUR)) $(LDFLAGS)

# ---- the program -------------------------------------------------------------

SOURCES := $(wildcard host/*.c)
OBJECTS := $(SOURCES:host/%.c=$(BUILD)/host/%.o)
ENGINE  := $(filter-out $(BUILD)/host/main.o,$(OBJECTS))
MODULES := $(addprefix $(BUILD)/lua/castslice/,text.so quantity.so)
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
BENCHES := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

.PHONY: all
all: $(BUILD)/castslice  ## build the program: build/release/castslice

$(BUILD)/castslice: $(OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIB_LIBS)

$(BUILD)/host/%.o: host/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# rewritten only when it changes, so that a new version rebuilds what prints it and nothing else
.PHONY: always
$(BUILD)/version: always
	@mkdir -p $(@D); echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(addprefix $(BUILD)/host/,cmd_serve.o cmd_version.o metrics.o standing.o): $(BUILD)/version

$(BUILD)/host/embedded.o: $(wildcard policies/default/*.lua lua/castslice/*.lua)

$(BUILD)/unit/%: tests/unit/%.c $(ENGINE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(ENGINE) $(LIB_LIBS) -lcmocka

# its stand-in for a C function that never comes back
$(BUILD)/unit/test_watchdog: LDHARDEN += -Wl,--wrap=quantity_parse

# a module for a plain Lua, so that busted can run what policies run; never with sanitizers, which Lua is built without
$(BUILD)/lua/castslice/text.so: $(addprefix host/,lua_text.c utf8.c lua_text.h utf8.h sandbox.h heap.h)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -DCASTSLICE_LUA_MODULE -iquote host $(WARNINGS) -O2 -g -fPIC -shared \
	    $(shell pkg-config --cflags lua5.4) -o $@ host/lua_text.c host/utf8.c

$(BUILD)/lua/castslice/quantity.so: $(addprefix host/,lua_quantity.c lua_quantity.h quantity.c quantity.h sandbox.h heap.h)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -DCASTSLICE_LUA_MODULE -iquote host $(WARNINGS) -O2 -g -fPIC -shared \
	    $(shell pkg-config --cflags lua5.4 libcjson) -o $@ host/lua_quantity.c \
	    $(addprefix host/,quantity.c json.c json_scan.c buf.c mem.c error.c utf8.c) -lcjson -lm

$(BUILD)/bench/%: tests/bench/%.c $(ENGINE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(ENGINE) $(LIB_LIBS)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(ENGINE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $< $(ENGINE) $(LIB_LIBS)

-include $(OBJECTS:.o=.d) $(UNITS:=.d) $(FUZZERS:%=$(BUILD)/fuzz_%.d)

# ---- packages ----------------------------------------------------------------

# $(call install-packages,NAMES): apt-get what is missing, as root or through sudo; silent when nothing is
define install-packages
	@missing=; for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "needed, and there is no apt-get to install them:$$missing" >&2; exit 2; }; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "  APT  $$missing"; export DEBIAN_FRONTEND=noninteractive; \
	$$sudo apt-get update -q && $$sudo apt-get install -y -q --no-install-recommends $$missing
endef

# ---- what people run ---------------------------------------------------------

.PHONY: demo
demo:  ## build, then watch one review go through TLS: Pod before and after
	$(call install-packages,$(DEMO_PACKAGES))
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)docs/demo.sh build/release/castslice

.PHONY: test
test:  ## every test without a cluster: unit (cmocka), spec (busted), the program over TLS (pytest)
	$(call install-packages,$(TEST_PACKAGES))
	$(Q)$(MAKE) --no-print-directory check

.PHONY: asan tsan
asan tsan: ## the same tests under AddressSanitizer and UBSan, or under ThreadSanitizer
	$(call install-packages,$(TEST_PACKAGES))
	$(Q)$(MAKE) --no-print-directory check FLAVOUR=$@

.PHONY: check built unit spec cases program
check:
	$(Q)$(MAKE) --no-print-directory $(JOBS) built
	$(Q)$(MAKE) --no-print-directory -j1 unit spec cases program

built: $(BUILD)/castslice $(MODULES) $(UNITS) $(BENCHES)

unit: $(UNITS)
	$(Q)set -e; for t in $(UNITS); do $$t; done

spec: $(MODULES)
	$(Q)LUA_CPATH='$(BUILD)/lua/?.so;;' busted --lua=$(LUA) --lpath='lua/?.lua' tests/spec

cases: $(BUILD)/castslice  ## the cases of the policies we ship
	$(Q)$< test policies
	$(Q)$< check policies

program: $(BUILD)/castslice
	$(Q)CASTSLICE=$(abspath $<) CASTSLICE_TEST_SLOWNESS=$(if $(filter release,$(FLAVOUR)),1,5) \
	$(PYTHON) -m pytest -q -p no:cacheprovider -n 4 --dist loadfile $(TESTS)

.PHONY: lint
lint:  ## clang-tidy, luacheck and the layer rules, each rule tried by breaking it
	$(call install-packages,$(LINT_PACKAGES))
	$(Q)tests/lint/layers.sh
	$(Q)tests/lint/layers.sh --self-test
	$(Q)luacheck --quiet policies lua tests
	$(Q)$(MAKE) --no-print-directory install-yaml-fresh
	$(Q)$(PYTHON) docs/make-api.py --check
	$(Q)$(MAKE) --no-print-directory $(JOBS) tidy

.PHONY: tidy
tidy: $(patsubst %.c,build/tidy/%,$(SOURCES) $(wildcard tests/*/*.c))

build/tidy/%: %.c $(wildcard host/*.h tests/*/*.h) .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $<"
	$(Q)found=$$(clang-tidy --quiet $< -- $(CPPFLAGS_ALL) -Itests/unit 2>&1) || { echo "$$found"; exit 1; }
	@touch $@

.PHONY: docs
docs:  ## make docs/api.md from the comments of the library
	$(call install-packages,python3)
	$(Q)$(PYTHON) docs/make-api.py

.PHONY: fuzz fuzz-built fuzz-run
fuzz:  ## libFuzzer on quantities, JSON, whole reviews and policies, FUZZ_SECONDS=60 each
	$(call install-packages,$(FUZZ_PACKAGES))
	$(Q)$(MAKE) --no-print-directory $(JOBS) FLAVOUR=fuzz CC=clang fuzz-built
	$(Q)$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang fuzz-run

fuzz-built: $(FUZZERS:%=$(BUILD)/fuzz_%)

# what it finds stays in build/fuzz/found
fuzz-run: fuzz-built
	$(Q)set -e; mkdir -p $(BUILD)/found; for f in $(FUZZERS); do \
	    mkdir -p $(BUILD)/corpus/$$f; \
	    seeds="tests/fuzz/seeds/$$f"; \
	    case $$f in json|review) seeds="$$seeds tests/reviews" ;; policy) seeds="$$seeds tests/escapes" ;; esac; \
	    echo "  FUZZ  $$f, $(FUZZ_SECONDS) s"; \
	    $(BUILD)/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=20000 \
	        -dict=tests/fuzz/review.dict -artifact_prefix=$(BUILD)/found/$$f- $(BUILD)/corpus/$$f $$seeds \
	        >$(BUILD)/found/$$f.log 2>&1 || { tail -n 60 $(BUILD)/found/$$f.log; exit 1; }; \
	    grep '^Done' $(BUILD)/found/$$f.log; \
	done

.PHONY: e2e
e2e: all  ## scenarios in a real control plane (etcd, kube-apiserver, …): needs root and Go 1.26
	$(call install-packages,$(E2E_PACKAGES))
	$(Q)tests/e2e/run

# kustomize comes with the kubectl of the control plane
KUSTOMIZE = $$(tests/e2e/binaries kubectl)/kubectl kustomize

.PHONY: install-yaml install-yaml-fresh
install-yaml:  ## make deploy/install.yaml from deploy/base
	$(Q){ sed -n 's/^#! //p' deploy/base/kustomization.yaml; $(KUSTOMIZE) deploy/base; } >deploy/install.yaml.part
	$(Q)mv deploy/install.yaml.part deploy/install.yaml

install-yaml-fresh:
	$(Q){ sed -n 's/^#! //p' deploy/base/kustomization.yaml; $(KUSTOMIZE) deploy/base; } | cmp -s - deploy/install.yaml || \
	    { echo "deploy/install.yaml is not what deploy/base makes; run make install-yaml and commit it" >&2; exit 1; }

.PHONY: shape
shape:  ## how long our functions are, next to code that is admired
	$(Q)tests/lint/shape.sh host

.PHONY: bench-policy
bench-policy: $(BUILD)/bench/bench_vm  ## what one run of the policy costs, next to an empty function
	$(Q)$<

.PHONY: image image-files
image:  ## an OCI image with the program and its libraries alone: build/image/castslice.oci.tar
	$(call install-packages,$(IMAGE_PACKAGES))
	$(Q)$(MAKE) --no-print-directory image-files
	$(Q)deploy/image/build.sh build/image '$(VERSION)'
	$(Q)PYTHONPATH=tests/program CASTSLICE=$(abspath $(BUILD)/castslice) $(PYTHON) -m pytest -q -p no:cacheprovider tests/image

# what the image holds; the Containerfile runs this too
image-files:
	$(call install-packages,$(BUILD_PACKAGES))
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)deploy/image/files.sh $(BUILD)/castslice $(IMAGE_FILES)

.PHONY: bench-reload
bench-reload: $(BUILD)/bench/bench_reload  ## ten thousand reloads: what they leave behind, what they cost the reviews beside them
	$(Q)$<

.PHONY: bench-serve
bench-serve:  ## what a review costs the server, next to nginx that answers a constant
	$(call install-packages,$(BENCH_PACKAGES))
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)PYTHONPATH=tests/program PYTHONDONTWRITEBYTECODE=1 CASTSLICE=$(abspath $(BUILD)/castslice) $(PYTHON) tests/bench/bench_serve.py

.PHONY: install
install: all  ## copy the program to $(PREFIX)/bin (DESTDIR is honoured)
	install -D -m 755 $(BUILD)/castslice $(DESTDIR)$(PREFIX)/bin/castslice

.PHONY: clean
clean:  ## remove everything that was built
	rm -rf build

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z][a-z0-9 -]*:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | awk -F '\t' '{printf "  %-12s %s\n", $$1, $$2}'
