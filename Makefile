# Thin front door of the Meson build. `make help` lists the targets.
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# Any Python of at least 3.9; the system's own first.
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && echo $$p && break; done)
MESON ?= meson

all: $(BUILD)/build.ninja ## release build in build/
	ninja -C $(BUILD) -j $(JOBS)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

bootstrap: ## install (or name) the packages that building and testing need
	tools/bootstrap

# Configures once; ninja reconfigures by itself afterwards.
$(BUILD)/build.ninja:
	tools/bootstrap
	$(MESON) setup $(BUILD)

demo: all ## build, run arm64 programs, then boot a Debian arm64 machine with a shell
	BUILD=$(BUILD) tools/demo

sysroot: ## arm64 and riscv64 programs for tests, in build/sysroot-*
	-$(PYTHON) tools/sysroot arm64 base --dir $(BUILD)
	-$(PYTHON) tools/sysroot riscv64 base --dir $(BUILD)
	-$(PYTHON) tools/guest arm64 kernel --dir $(BUILD)

check: all sysroot ## unit tests, checks of the tree, real programs
	$(PYTHON) tools/run-tests $(BUILD) --no-suite full

check-full: all ## check, the slow tests, sanitizer builds
	-$(PYTHON) tools/sysroot arm64 full --dir $(BUILD)
	-$(PYTHON) tools/sysroot riscv64 full --dir $(BUILD)
	tools/bootstrap guests
	-for kind in kernel netboot firmware; do $(PYTHON) tools/guest arm64 $$kind --dir $(BUILD); done
	-$(PYTHON) tools/guest-disk --dir $(BUILD)
	$(PYTHON) tools/check-full $(BUILD) $(JOBS)

bench: all ## speed beside native and beside the peer
	tools/bootstrap bench
	-$(PYTHON) tools/sysroot arm64 full --dir $(BUILD)
	$(PYTHON) bench/run.py --build $(BUILD)
	$(PYTHON) bench/machine.py --build $(BUILD)
	$(PYTHON) bench/io.py --build $(BUILD)

fmt: ## format every C file
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	$(MESON) install -C $(BUILD)

.PHONY: all help bootstrap demo sysroot check check-full bench fmt install
