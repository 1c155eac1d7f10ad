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
@printf '\n== %s\n' '$(1)'; $(1) || { printf '\nThis check failed. By itself: %s\n' '$(1)' >&2; exit 1; }
endef

# The settings of a production machine; nothing is connected to.
PRODUCTION := DATABASE_URL=postgres://tallydesk@db.example/tallydesk REDIS_URL=redis://cache.example/0 \
	ALLOWED_HOSTS=reports.example SECRET_KEY=$$(head -c 48 /dev/urandom | base64)

# Templates, scripts and styles; biome is given its folders, or it would search the environment as well.
TEMPLATES = $(shell find billing reports templates ui usage -name "*.html")
STATIC := reports/static ui/static usage/static

# Checks keep what they need in a home of their own, beside the demo's and the tests'.
WITH_CHECK_HOME := TALLYDESK_HOME=$(or $(TALLYDESK_HOME),.tallydesk)/checks

# What was compiled once is not compiled again by each process of a run, also where Python is told to write no bytecode.
test check soak tests static tests-in-process: export PYTHONDONTWRITEBYTECODE :=
TOGETHER := $(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target

.PHONY: help setup demo test tests static check tests-in-process bench schema fuzz soak durations format clean reset

help:
	@echo 'make demo    run everything on this machine with demo data; Ctrl-C stops it (PORT=$(PORT))'
	@echo 'make check   the checks, and the tests that start no processes: after each change'
	@echo 'make test    every check and every test: before each commit'
	@echo 'make soak    the long forms, over and over (HOURS=1)'
	@echo 'make bench   measure what is promised of speed, and write docs/benchmarks.md'
	@echo 'make schema  write docs/openapi.yaml anew, after a change of the API'
	@echo 'make fuzz    search the API for mistakes at length, with Schemathesis'
	@echo 'make durations   write tests/durations.json anew, by which tests are handed out'
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

# The checks beside the tests, which mostly wait for one of the two cores; all run to their end, also when one fails.
test: setup
	@$(TOGETHER) static tests

# Not held back until the end, as the output of the checks is.
tests:
	+$(call check,env -u MAKEFLAGS $(BIN)/pytest -n 3 --durations=30)

static:
	$(call check,$(BIN)/ruff format --check .)
	$(call check,$(BIN)/ruff check .)
	$(call check,$(BIN)/djade --check $(TEMPLATES))
	$(call check,$(BIN)/biome check --error-on-warnings $(STATIC))
	$(call check,$(BIN)/mypy .)
	$(call check,$(BIN)/lint-imports)
	$(call check,$(WITH_CHECK_HOME) $(MANAGE) makemigrations --check)
	$(call check,$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING)

# The inner loop: what needs no process but the shared servers, with fewer parameters (tests/profiles.py). The folders whose
# tests all start some are not even read.
STARTING := --ignore=tests/browser --ignore=tests/faults --ignore=tests/setup
check: setup
	@$(TOGETHER) static tests-in-process

tests-in-process:
	+$(call check,env -u MAKEFLAGS HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),quick) $(BIN)/pytest -n 3 -m "not processes and not soak" $(STARTING))

bench: setup
	@$(BIN)/python -m benchmarks --write

schema: setup
	@$(WITH_CHECK_HOME) $(MANAGE) spectacular --file docs/openapi.yaml --validate --fail-on-warn

fuzz: setup
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/pytest tests/api/test_schemathesis.py -n 2

soak: setup
	@$(BIN)/python -m tests.soak $(or $(HOURS),1)

durations: setup
	@$(BIN)/pytest -n 3 --record-durations

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djade $(TEMPLATES)
	@$(BIN)/biome check --write $(STATIC)

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset:
	@$(BIN)/python -m config.embedded.reset
