# make demo   sets up and tags the sample tracks
# make test   sets up and passes lint, types and tests

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv==0.13.9

DEMO_OUTPUT ?= demo-output
MUSIC       ?= samples

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow bench lock clean

help:
	@grep -E '^# make' Makefile | sed 's/^# //'
	@echo 'make test-slow  the tests that take minutes: kills, long tracks, many tracks'
	@echo 'make bench      measures all that the README states and writes benchmarks/results'
	@echo 'make lock       resolves the dependencies anew into the two lock files'

setup: $(VENV)/.ready

# One environment for the command, the tests and the benchmarks, exactly as locked.
$(VENV)/.ready: requirements-dev.lock pyproject.toml setup.py
	@command -v $(PYTHON) >/dev/null || { echo 'Tonearm needs Python 3.11; name it with PYTHON=…'; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --requirement requirements-dev.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

# The BigQuery emulator's dependencies clash with ours, so it has an environment of its own.
$(VENV)-bigquery/.ready: tests/servers/bigquery-requirements.lock $(VENV)/.ready
	$(BIN)/python -m tests.servers.bigquery --install
	touch $@

demo: setup
	$(BIN)/tonearm ingest samples/manifest.csv --output $(DEMO_OUTPUT)
	$(BIN)/tonearm show $(DEMO_OUTPUT)
	@echo 'To tag music of your own:'
	@echo '  . $(BIN)/activate                        so that the shell finds tonearm'
	@echo '  tonearm ingest MUSIC_FOLDER --output tags'
	@echo '  tonearm show tags'

test: setup $(VENV)-bigquery/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m 'not slow' -n auto

test-slow: setup $(VENV)-bigquery/.ready
	$(BIN)/pytest -m slow

# MUSIC names files or folders with real songs; the samples are short, so a track's fixed costs weigh more.
bench: setup
	$(BIN)/python -m benchmarks $(MUSIC)

lock: setup
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --extra plot --output-file requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --all-extras --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) $(VENV)-bigquery $(VENV)-original $(DEMO_OUTPUT) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
