# `make demo` and `make test` each set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# Two more than cores: many tests wait, for a browser or a clock. A file stays with one, for its tests share what is
# dear to make: a demonstration, a browser.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')

.PHONY: setup demo test lint bench drill schema lock clean

setup: $(READY)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # as pip would, on all cores; a few are templates
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/exam-service demo $(ARGS)

test: setup lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	$(BIN)/ruff check exam_service tests
	$(BIN)/ruff format --check exam_service tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup build/stock
	$(BIN)/python -m tests.bench.proctor --json
	$(BIN)/python -m tests.bench.answers --json

# The long faults; ARGS="--kills 20 --cut 30" for less of them.
drill: setup
	$(BIN)/python -m tests.faults.drill $(ARGS)

# What the benchmark measures against, apart from everything else: it needs an old setuptools.
build/stock: requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade \
	  --target $@ -r $<

# After a migration: storage/schema.sql is what all of them add up to.
schema: setup
	$(BIN)/python -m tests.migration.schema

# After a change of dependencies in pyproject.toml; uv is used for resolving only.
lock:
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -q -o requirements/runtime.txt
	build/lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -q -o requirements/dev.txt

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
