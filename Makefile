# `make help` lists what there is to do. Everything is installed into .venv; the system stays as it is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --retries 10 --timeout 60 --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all:
PYTEST_ARGS ?=
PYTEST = $(PY) -m pytest -n logical --maxprocesses 12 $(PYTEST_ARGS)
.DEFAULT_GOAL := help
.PHONY: help install run test test-all lint bench browser reliability soak mutants
.DELETE_ON_ERROR:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.runtime ## make .venv with what the program needs

run: install ## serve the demo on http://localhost:8000 (PORT=, CODE_HOST_PORT=); Ctrl-C stops it
	@PYTHONDONTWRITEBYTECODE=1 exec $(PY) -m recoverydesk.demo

test: $(VENV)/.dev ## the tests, long loops by a sample, in minutes (PYTEST_ARGS=; tests/README.md)
	@exec $(PYTEST)

test-all: $(VENV)/.dev ## every test and whole loops (DB=postgres or DATABASE_URL= for PostgreSQL; PYTEST_ARGS=)
	@THOROUGH=1 exec $(PYTEST)

lint: $(VENV)/.dev ## ruff, djlint, mypy, import rules, migrations, a production check
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/djlint --lint templates
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tests.deploy_check

bench: $(VENV)/.dev ## run the benchmarks
	@exec $(PY) -m bench

reliability: $(VENV)/.dev ## kill, cut and crowd the real stack (about 45 minutes; docs/reliability.md)
	@set -e; for run in "kills broker=redis workers=1" "kills broker=filesystem each=3" "kills broker=rabbitmq each=3" \
	  "kills RECOVERY_TWO_PERSON=always each=3" crowds faults clock messages shortages versions \
	  "kills hurry=0 each=1 only=lease.request,lease.mail,lease.boundary,lease.codehost,lease.recoveryticket,lease.chore"; do \
	  echo "== $$run"; $(PY) -m tests.services $$run; done

soak: $(VENV)/.dev ## 20 minutes of mixed tickets with a fault every 30 s (MINUTES=)
	@exec $(PY) -m tests.services soak minutes=$(or $(MINUTES),20)

mutants: $(VENV)/.dev ## change the rules one thing at a time: do the tests notice? (ONLY=, SAMPLE=; docs/mutants.md)
	@exec $(PY) -m tests.mutants

browser: $(VENV)/.dev ## fetch a Chromium into .venv for the browser tests, where the system has none
	PLAYWRIGHT_BROWSERS_PATH=$(VENV)/browsers $(VENV)/bin/playwright install --only-shell chromium

# pip's stamps come last: a broken install is tried again.
$(VENV)/.runtime: requirements.txt | $(PY)
	@echo "Installing what the program needs into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what tests and lint need into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer, or choose one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is `$(PYTHON) -V`: choose another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
