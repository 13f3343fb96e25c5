# Everything lives in .venv of this checkout; `make` on a fresh machine needs Python 3.11+ and nothing else.

PYTHON3 ?= python3
PYTHON := .venv/bin/python
SOURCES := src tests tools benchmarks
# Two at a time; the tests of one file stay together, since they share what is slow to start.
PYTEST := $(PYTHON) -m pytest -n 2 --dist loadfile
CLIENTS := awscli sagemaker2 sagemaker3
PEERS := sagemaker mlserver litserve bentoml mlflow ray

.DEFAULT_GOAL := setup
.PHONY: help setup setup-runtime clients programs demo test test-slow check format bench bench-inference bench-peers tables lock

help:  ## Say what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup:  ## Install what developing Clary needs
	@$(PYTHON3) tools/setup.py dev

setup-runtime:  ## Install what running Clary needs
	@$(PYTHON3) tools/setup.py runtime

demo: setup-runtime  ## Run the main job on an empty home: train, deploy, predict
	@env -u AWS_ENDPOINT_URL .venv/bin/clary demo

clients: setup
	@echo $(CLIENTS) | xargs -n 1 -P 2 $(PYTHON) tests/e2e/environments/install.py

# What tests use of the system, and Python packages do not bring.
programs:
	@command -v strace >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq strace >/dev/null; } \
		|| echo "strace is missing: tests that need it are skipped."

test: setup clients programs  ## Run the tests, but for the slow ones
	@$(PYTEST)

test-slow: setup clients programs  ## Run the slow tests
	@$(PYTEST) -m slow

check: setup  ## Check format, lint, types, floors and house rules
	@.venv/bin/ruff format --check $(SOURCES)
	@.venv/bin/ruff check $(SOURCES)
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PYTHON) tools/operations_table.py --check
	@$(PYTHON) -m pytest -q tests/house

format: setup  ## Format the code, and mend what ruff can mend
	@.venv/bin/ruff format $(SOURCES)
	@.venv/bin/ruff check --fix $(SOURCES)

bench: setup  ## Run the benchmarks, one after the other
	@for each in benchmarks/*.py; do echo "== $$each"; $(PYTHON) "$$each" || exit 1; done

bench-inference: setup .venv/clients/bench/.installed  ## Measure predictions beside bare servers and installed peers (needs wrk)
	@cd benchmarks && ../$(PYTHON) -m inference --write

bench-peers: setup  ## Install the peers that bench-inference knows, or one of them (PEER=litserve)
	@$(MAKE) --no-print-directory -k $(patsubst %,.venv/clients/bench-%/.installed,$(or $(PEER),$(PEERS)))

.venv/clients/%/.installed: requirements/%.lock
	@echo "Installing what $< pins ..."
	@$(PYTHON) -m venv --clear $(@D) && $(@D)/bin/pip install -q --no-deps -r $< && touch $@

tables: setup  ## Derive the generated tables anew
	@for each in tools/*_index.py tools/*_table.py; do $(PYTHON) "$$each" || exit 1; done

lock: setup  ## Pin the newest packages that pyproject.toml allows
	@$(PYTHON) tools/lock.py
