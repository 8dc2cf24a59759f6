# run, test, check: each sets up what it needs on a machine that has Python 3.11 and make.
PYTHON ?= python3
V := .venv
BIN := $(V)/bin

.PHONY: run test check postgres browser soak lint types layers schema lock clean

run: $(V)/.run
	exec $(BIN)/aggregator run

test: $(V)/.dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal

# Everything that knows a database once more, on a PostgreSQL server that the tests start themselves.
postgres: $(V)/.dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "postgres and not soak"

check: $(V)/.dev lint types layers schema test postgres browser

lint: $(V)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(V)/.dev
	$(BIN)/mypy

layers: $(V)/.dev
	$(BIN)/lint-imports

# The tables in code and the migrations describe one schema; what is generated is up to date.
schema: $(V)/.dev
	$(BIN)/python -m tests.gates

# Pages and what attackers send, opened in headless Chromium; skipped with a reason where there is none, as are the
# checks by axe-core (MPL-2.0, used here alone and not shipped) where there is no npm to fetch it.
AXE := $(V)/npm/node_modules/axe-core/axe.min.js
browser: $(V)/.dev
	@test -f $(AXE) || npm install --silent --no-save --no-package-lock --prefix $(V)/npm axe-core@4.14.1 || true
	$(BIN)/python -m pytest -q -m browser

soak: $(V)/.dev
	$(BIN)/python -m pytest -q -n auto -m soak

# Fails with a sentence where Python is too old or cannot make virtual environments (Debian: python3-venv).
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip' || { echo "Python lacks ensurepip: install the package python3-venv"; exit 1; }
	$(PYTHON) -m venv $(V)

$(V)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what aggregator needs into $(V): a minute, the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(V)/.dev: requirements-dev.lock $(V)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

UV := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q
lock: $(V)/.dev
	$(UV) -o requirements.lock
	$(UV) --extra postgres -c requirements.lock -o requirements-postgres.lock
	$(UV) --extra postgres --extra dev -c requirements-postgres.lock -o requirements-dev.lock

clean:
	rm -rf $(V) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
