# Two commands for a fresh machine: `make demo` and `make test`. They need Python 3.11 or newer, git and make.

PYTHON ?= python3
PORT ?= 8000

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

export PORT
export UV_PYTHON_DOWNLOADS := never
export PYTHONUNBUFFERED := 1

# A check says what it is, and when it fails, what to run.
define check
@printf '\n== %s\n' '$(1)'
@$(1) || { printf '\nThis check failed. By itself: %s\n' '$(1)' >&2; exit 1; }
endef

# The settings of a production machine; nothing is connected to.
PRODUCTION := DATABASE_URL=postgres://tallydesk@db.example/tallydesk REDIS_URL=redis://cache.example/0 \
	ALLOWED_HOSTS=reports.example SECRET_KEY=$$(head -c 48 /dev/urandom | base64)

# Checks and tests keep what they need in a home of their own, beside the demo's.
TEST_HOME := $(or $(TALLYDESK_HOME),.tallydesk)/test
WITH_TEST_HOME := TALLYDESK_HOME=$(TEST_HOME)

.PHONY: help setup demo test bench schema fuzz format clean reset

help:
	@echo 'make demo    run everything on this machine with demo data; Ctrl-C stops it (PORT=$(PORT))'
	@echo 'make test    every check and every test'
	@echo 'make bench   what is measured, beside what it is measured against'
	@echo 'make schema  write docs/openapi.yaml anew, after a change of the API'
	@echo 'make fuzz    search the API for mistakes at length, with Schemathesis'
	@echo 'make setup   only the environment that the others use, in .venv'
	@echo 'make format  format the code and mend what can be mended by itself'
	@echo 'make clean   remove the environment and what tools leave behind; data stay'
	@echo 'make reset   remove the data of the demo, for a new beginning'

setup:
	@PYTHON='$(PYTHON)' sh config/setup.sh

demo:
	@! command -v '$(PYTHON)' >/dev/null || '$(PYTHON)' config/supervisor/ports.py '$(PORT)'
	@$(MAKE) --no-print-directory setup
	@exec $(MANAGE) demo

test: setup
	$(call check,$(BIN)/ruff format --check .)
	$(call check,$(BIN)/ruff check .)
	$(call check,$(BIN)/mypy .)
	$(call check,$(BIN)/lint-imports)
	$(call check,$(WITH_TEST_HOME) $(MANAGE) makemigrations --check)
	$(call check,$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING)
	$(call check,$(BIN)/pytest -n 2)

bench: setup
	@$(BIN)/python -m benchmarks

schema: setup
	@$(WITH_TEST_HOME) $(MANAGE) spectacular --file docs/openapi.yaml --validate --fail-on-warn

fuzz: setup
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/pytest tests/api/test_schemathesis.py -n 2

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset:
	@$(BIN)/python -m config.embedded.reset
