# Python 3.11 or newer and make are all that has to be there; the rest goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough; say `make PYTHON=/path/to/python3` for another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
# Two processes of pytest, each with whole files: what a file sets up is set up once.
SPREAD ?= -n 2 --dist loadfile --no-loadscope-reorder
# Two processes on two processors: numeric libraries that start threads of their own only wait.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
ARGS ?=

.PHONY: help install demo test proof lint format bench tools constraints clean

help:
	@echo "make install      .venv with the gateway in it: .venv/bin/gateway runs"
	@echo "make demo         watch a story of inquiries, answered and routed"
	@echo "make test         lint, types, import rules and a bounded sample of every test"
	@echo "make proof        the full figures: benchmarks, demo, faults, kills (long)"
	@echo "make bench        benchmark ratios on this machine"
	@echo "make lint         ruff, mypy and import-linter only"
	@echo "make tools        system programs that some tests need (apt, as root)"
	@echo "make clean        remove .venv and everything that was generated"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "The venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "Installing the gateway into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing what tests and checks need ..."
	@$(PIP_INSTALL) --group dev
	@touch $@

demo: install
	@GATEWAY_ANSWERS__MODELS=$(abspath $(VENV))/models $(BIN)/gateway demo $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Ends with pytest's closing line: nothing may come after it. A missing system program does not end
# it: the tests that need one say so by name, and .ci/run fails on that.
test: lint
	@sh tests/tools.sh || true
	$(BIN)/python -m pytest $(SPREAD) $(ARGS)

proof: $(VENV)/.dev
	$(BIN)/python -m tests.proof $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

tools:
	@sh tests/tools.sh

# Versions only, no addresses: from what is installed, which should be a fresh environment.
constraints: $(VENV)/.dev
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip | grep -v ' @ ' > constraints.txt
	@touch -r constraints.txt $(VENV)/.installed $(VENV)/.dev

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
