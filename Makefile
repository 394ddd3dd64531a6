# Everything a newcomer types. Needs GNU make (3.81 or newer), git and a Python 3.11 or newer; installs nothing globally.
#
# How the set-up knows that it is done: a stamp in .venv whose name is a checksum of the lock file, of pyproject.toml and of
# the folder. Content counts, not file times, so a fresh clone, an older branch or a moved folder does the right thing, and
# the second run starts at once.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# -n 2: the suite is many small tests; two processes suit the smallest machines. TEST_PROCESSES=0 runs it in one.
TEST_PROCESSES ?= 2
# Extra arguments: make test ARGS='-k periods -x', make demo ARGS='--set faults.0.ppm=0'
ARGS ?=

checksum = $(shell { cat $(1) && printf '%s' '$(CURDIR) $(PYTHON)'; } | cksum | cut -d ' ' -f 1)
BASE := $(VENV)/.base-$(call checksum,requirements/base.lock pyproject.toml)
SERVE := $(VENV)/.serve-$(call checksum,requirements/serve.lock pyproject.toml)
DEV := $(VENV)/.dev-$(call checksum,requirements/dev.lock pyproject.toml)

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The package itself needs nothing from an index: what builds it stands in the lock files.
INSTALL_SPRINGTIDE := $(INSTALL) --no-index --no-deps --no-build-isolation --editable .

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(BASE) ## a firm's quiet week against misbehaving systems, with a verdict; report in out/demo
	$(BIN)/springtide simulate quiet_week --seed 1 --out out/demo $(ARGS)

.PHONY: serve
serve: $(SERVE) ## the runtime with mock systems beside it, a throw-away key, and what to try next
	$(BIN)/springtide serve --demo $(ARGS)

.PHONY: cluster-demo
cluster-demo: $(DEV) ## a Ray cluster of four nodes, PostgreSQL, 20,000 entries, three incidents, and the auditors
	$(BIN)/springtide cluster-demo $(ARGS)

.PHONY: load-demo
load-demo: $(DEV) ## a 50,000-consultant cut-off hour in three minutes on this machine, an ERP outage in it; report in out/load-demo
	@rm -rf out/load-demo
	$(BIN)/springtide load --demo --out out/load-demo $(ARGS)

.PHONY: real-demo
real-demo: $(DEV) ## a week from TimeTagger through the runtime into Tryton's invoices, all of it installed and started here
	$(BIN)/springtide real-demo $(ARGS)

.PHONY: certify
certify: $(DEV) ## everything that is tried before going live, and one ruling; report in out/certify
	$(BIN)/springtide certify go_live $(ARGS)

.PHONY: bench
bench: $(DEV) ## how fast the runtime is here, and what limits it
	$(BIN)/python scripts/bench_runtime.py $(ARGS)

.PHONY: swarm
swarm: $(BASE) ## three minutes of random months, others for each commit; findings made small, coverage in out/swarm
	$(BIN)/springtide swarm --first commit --minutes 3 --out out/swarm $(ARGS)

.PHONY: mutants
mutants: $(BASE) ## plants every bug there is, one at a time: which is caught, by whom, how soon
	$(BIN)/springtide mutants $(ARGS)

.PHONY: proof
proof: $(DEV) ## the long proofs: every crash of the golden months, determinism, the drivers' parity
	$(BIN)/python scripts/prove.py $(ARGS)

.PHONY: test
test: $(DEV) ## the whole test suite
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup $(ARGS)

.PHONY: check
check: format-check lint types imports ## format, lint, types and import contracts (make -k check: all of them, whatever fails)

.PHONY: format-check
format-check: $(DEV)
	$(BIN)/ruff format --check .

.PHONY: lint
lint: $(DEV)
	$(BIN)/ruff check .

.PHONY: types
types: $(DEV)
	$(BIN)/mypy

.PHONY: imports
imports: $(DEV)
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(DEV) ## rewrite the code in the house's format, with the safe fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: setup
setup: $(DEV) ## the development environment alone, for editors

# Renewing the lock files: `make lock` after a change of dependencies in pyproject.toml keeps every other version where it is;
# `make lock UPGRADE=--upgrade` takes the newest of everything. Universal: one file for Python 3.11 and newer on Linux and
# macOS, with the hashes of all published files. Simulated chance depends on faker, holidays, numpy and tzdata: they are
# pinned in pyproject.toml, and a new version of one changes digests and is a change of its own.
UV := uv==0.13.8
LOCK := out/lock-tool/bin/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --quiet $(UPGRADE)

.PHONY: lock
lock: ## renew requirements/*.lock (UPGRADE=--upgrade: newest versions)
	scripts/private_venv.sh out/lock-tool
	out/lock-tool/bin/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	$(LOCK) pyproject.toml requirements/build.in --output-file requirements/base.lock
	$(LOCK) pyproject.toml requirements/build.in --extra serve --constraints requirements/base.lock \
		--output-file requirements/serve.lock
	$(LOCK) pyproject.toml requirements/build.in --extra serve --extra postgres --extra ray --extra telemetry \
		--constraints requirements/serve.lock --output-file requirements/cluster.lock
	$(LOCK) pyproject.toml requirements/build.in --all-extras --constraints requirements/cluster.lock \
		--output-file requirements/dev.lock

.PHONY: clean
clean: ## remove the environment, caches and results
	rm -rf $(VENV) out dist .hypothesis .mypy_cache .ruff_cache .pytest_cache .pytest_tmp .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps of other contents go first: what they say is no longer true once this installation has begun.
$(BASE):
	@scripts/private_venv.sh $(VENV)
	@rm -f $(VENV)/.base-* $(VENV)/.serve-* $(VENV)/.dev-*
	$(INSTALL) --require-hashes --requirement requirements/base.lock
	$(INSTALL_SPRINGTIDE)
	@touch $@

$(SERVE):
	@scripts/private_venv.sh $(VENV)
	@rm -f $(VENV)/.base-* $(VENV)/.serve-* $(VENV)/.dev-*
	$(INSTALL) --require-hashes --requirement requirements/serve.lock
	$(INSTALL_SPRINGTIDE)
	@touch $@ $(BASE)

# dev.lock holds everything of the others at the same versions (a test says so), so this makes them true as well.
$(DEV):
	@scripts/private_venv.sh $(VENV)
	@rm -f $(VENV)/.base-* $(VENV)/.serve-* $(VENV)/.dev-*
	$(INSTALL) --require-hashes --requirement requirements/dev.lock
	$(INSTALL_SPRINGTIDE)
	@touch $@ $(BASE) $(SERVE)
