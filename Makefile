# Everything here works with a Rust toolchain and Python 3.11 or newer with pip.
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13; do $$p -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' 2>/dev/null && break; done)
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
VENV := .venv
BIN := $(VENV)/bin
UV := PYTHONPATH=.tools $(PYTHON) -m uv
STAMPS := build/stamps
UV_VERSION := 0.13.9
# One setting for cargo and for maturin, so that neither rebuilds what the other built.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export PYO3_BUILD_EXTENSION_MODULE := 1
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(abspath .tools/bin):$(abspath $(BIN)):$(PATH)
CARGO ?= cargo
NATIVE_SOURCES := Cargo.toml Cargo.lock $(shell find crates -type f -path '*/src/*' -o -name Cargo.toml -path 'crates/*' -o -type f -path '*/data/*')
WHEEL_LIMIT_MIB := 25
# Panic messages name source files: without the builder's folders.
CARGO_HOME ?= $(HOME)/.cargo
REMAP := --remap-path-prefix=$(CURDIR)=kruispunt $(foreach dir,$(wildcard $(CARGO_HOME)/registry/src/*),--remap-path-prefix=$(dir)=crates) --remap-path-prefix=$(HOME)=home

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python lint site wheel wheelhouse release bench pins clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(STAMPS)/native ## from registers to an effect: writes ./demo and says where the report is
	$(BIN)/python examples/notebooks/01_from_registers_to_effect.py demo
	@echo "The report is in $(abspath demo)"

test: test-rust test-python ## all tests: Rust, Python, doctests, notebooks

test-rust: $(STAMPS)/tools ## the tests of the crates
	$(CARGO) test --workspace --no-fail-fast

test-python: $(STAMPS)/native ## the tests of the Python door, doctests and notebooks
	$(BIN)/python -m pytest -q

lint: $(STAMPS)/native ## formatting, clippy, rustdoc, ruff, mypy, stubtest
	.ci/lint

site: $(STAMPS)/native ## the documentation as HTML that needs no network, in build/site
	$(BIN)/python docs/site/build.py build/site
	$(BIN)/python docs/site/look.py build/site

wheel: $(STAMPS)/tools ## an optimised wheel for any Linux with glibc 2.17, in dist/
	rm -rf dist
	$(BIN)/python .ci/notices.py
	RUSTFLAGS="$(REMAP)" $(BIN)/maturin build --release --zig --compatibility manylinux2014 --out dist
	$(BIN)/python .ci/wheel.py dist $(WHEEL_LIMIT_MIB)

wheelhouse: wheel ## what a locked room needs, in wheelhouse/, and a test that it is enough
	rm -rf wheelhouse build/locked-room
	mkdir -p wheelhouse
	cp dist/*.whl wheelhouse/
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --only-binary :all: --dest wheelhouse $$(grep -E '^(numpy|narwhals)==' requirements/dev.txt)
	$(UV) venv --quiet --python $(PYTHON) build/locked-room
	$(PYTHON) -m pip --python build/locked-room/bin/python install --quiet --disable-pip-version-check --root-user-action ignore --no-index --find-links wheelhouse kruispunt
	build/locked-room/bin/python -I .ci/locked_room.py
	@du -sh wheelhouse

release: wheelhouse site ## wheels, the documentation and their sums, in release/
	$(BIN)/python .ci/release.py release

bench: wheel ## side by side with the peers; writes benches/record/
	@test -x build/bench/bin/python || $(UV) venv --quiet --python $(PYTHON) build/bench
	$(UV) pip install --quiet --python build/bench/bin/python -r requirements/bench.txt
	$(UV) pip install --quiet --python build/bench/bin/python --no-deps -r requirements/data.txt
	$(UV) pip install --quiet --python build/bench/bin/python --no-deps --force-reinstall dist/*.whl
	for job in registers.py panel.py linkage.py "feols.py --suite" did.py "did.py --job cs-dr" "did.py --job imputation --runs 1" "did.py --job sa --runs 1" "did.py --job did2s" "did.py --job dose --runs 1" discontinuity.py "honest.py --kind smoothness" trajectory.py "trajectory.py --job lcs"; do \
		build/bench/bin/python benches/$$job || exit 1; done

pins: $(STAMPS)/uv ## write requirements/dev.txt anew from requirements/dev.in
	$(UV) pip compile --quiet --upgrade --python-version 3.11 --no-annotate --no-header requirements/dev.in -o requirements/dev.txt

clean: ## remove everything that was built
	rm -rf target build dist wheelhouse release demo .venv .tools .pytest_cache .mypy_cache .ruff_cache
	find python crates -name '__pycache__' -prune -exec rm -rf {} +
	find python -name '*.so' -delete

# Steps that are done once. ------------------------------------------------------------------

$(STAMPS)/uv:
	@mkdir -p $(STAMPS)
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .tools uv==$(UV_VERSION)
	@touch $@

$(STAMPS)/tools: requirements/dev.txt requirements/data.txt | $(STAMPS)/uv
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python -r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -r requirements/data.txt
	@touch $@

$(STAMPS)/native: $(STAMPS)/tools pyproject.toml $(NATIVE_SOURCES)
	$(BIN)/maturin develop --uv --quiet
	@touch $@
