# make demo   sets up and tags the sample tracks
# make test   sets up and passes lint, types and tests
# make example-train  renders music, trains a tagger of instruments on it and judges it: half an hour of one core

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv==0.13.9

DEMO_OUTPUT ?= demo-output
MUSIC       ?= samples

# One more than there are cores: many tests wait for servers, processes and clocks.
TEST_WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

# Where the worked example goes; the sizes of it can be changed to try it in less time.
EXAMPLE         ?= example-output
EXAMPLE_CLIPS   ?=
EXAMPLE_EPOCHS  ?= 32

# The tests that have to pass on the older Beam and NumPy too: decoding, the steps before it and behind it.
BESIDE_TENSORFLOW := tests/transforms/audio tests/transforms/features tests/transforms/spectrograms \
	tests/pipelines/test_ingest.py tests/pipelines/test_decoder_choice.py

.DEFAULT_GOAL := help
.PHONY: help setup demo flink-demo example-train test test-again lint test-slow test-tfio container-test bench lock clean

help:
	@grep -E '^# make' Makefile | sed 's/^# //'
	@echo 'make test-again what failed in the last make test, one by one'
	@echo 'make test-slow  the tests that take minutes: kills, long tracks, many tracks'
	@echo 'make test-tfio  decoding and ingestion beside TensorFlow I/O, in an environment of its own'
	@echo 'make flink-demo tags the samples on a Flink cluster that it starts, and compares; needs Java 17 and Maven'
	@echo 'make container-test  builds and runs the images of deploy/; needs root, buildah, podman, runc, debootstrap, Go, 15 GB'
	@echo 'make bench      measures all that the README states and writes benchmarks/results'
	@echo 'make lock       resolves the dependencies anew into the three lock files'

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

# TensorFlow I/O goes with an older Beam and NumPy only. uv links files that both environments hold, so that
# the disk holds them once.
$(VENV)-tensorflow-io/.ready: requirements-tensorflow-io.lock $(VENV)/.ready
	test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	VIRTUAL_ENV=$(@D) $(BIN)/uv pip sync --quiet requirements-tensorflow-io.lock
	VIRTUAL_ENV=$(@D) $(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

demo: setup
	$(BIN)/tonearm ingest samples/manifest.csv --output $(DEMO_OUTPUT)
	$(BIN)/tonearm show $(DEMO_OUTPUT)
	@echo 'To tag music of your own:'
	@echo '  . $(BIN)/activate                        so that the shell finds tonearm'
	@echo '  tonearm ingest MUSIC_FOLDER --output tags'
	@echo '  tonearm show tags'

# One thread: several on cores that others use take many times the processor time (docs/learning.md).
example-train: export OMP_NUM_THREADS = 1
example-train: setup
	@test ! -e $(EXAMPLE) || { echo '$(EXAMPLE) is there already: remove it, or name another folder with EXAMPLE=…'; exit 2; }
	$(BIN)/python -m examples.instruments --output $(EXAMPLE) $(EXAMPLE_CLIPS)
	$(BIN)/tonearm dataset check $(EXAMPLE)/manifest.csv
	$(BIN)/tonearm dataset build $(EXAMPLE)/manifest.csv --output $(EXAMPLE)/dataset --front_end examples/instruments/front_end.json
	$(BIN)/tonearm train $(EXAMPLE)/dataset --output $(EXAMPLE)/bundle --facet instrument --name instruments \
		--epochs $(EXAMPLE_EPOCHS) --patches_per_track 1 --dropout 0.2 --mix 0.3
	$(BIN)/tonearm evaluate $(EXAMPLE)/bundle $(EXAMPLE)/dataset --output $(EXAMPLE)/report --by part --by part_by_polyphony --by font
	$(BIN)/tonearm dataset build $(EXAMPLE)/probe.csv --output $(EXAMPLE)/probe/dataset
	$(BIN)/tonearm train $(EXAMPLE)/probe/dataset --output $(EXAMPLE)/probe/bundle --facet instrument --from musicnn --network mtt --tune head
	$(BIN)/tonearm evaluate $(EXAMPLE)/probe/bundle $(EXAMPLE)/probe/dataset --output $(EXAMPLE)/probe/report --by part --by part_by_polyphony
	@if [ -e /usr/share/gcompris-qt/rcc/instruments.rcc ]; then \
		$(BIN)/python -m examples.instruments.recordings --output $(EXAMPLE)/recordings && \
		$(BIN)/tonearm evaluate $(EXAMPLE)/bundle $(EXAMPLE)/recordings/manifest.csv --output $(EXAMPLE)/recordings/report; \
	else echo 'No real recordings are looked at: apt-get install gcompris-qt-data'; fi
	$(BIN)/tonearm ingest samples/manifest.csv --output $(EXAMPLE)/samples --tagger $(EXAMPLE)/bundle
	$(BIN)/tonearm show $(EXAMPLE)/samples
	$(BIN)/python -m examples.instruments.curves $(EXAMPLE)/bundle $(EXAMPLE)/report/curves.png
	$(BIN)/python -m examples.instruments.summing_up $(EXAMPLE)/report --probe $(EXAMPLE)/probe/report

# Java 17 and Maven are looked for, and named if they are missing.
flink-demo: setup
	$(BIN)/python -m deploy.flink.demo "$(MUSIC)"

test: lint $(VENV)-bigquery/.ready
	$(BIN)/pytest -m 'not slow' -n $(TEST_WORKERS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile deploy/dataflow/Dockerfile

# What failed, once more and one by one: a machine that others use may stall a test beyond its patience.
test-again: setup
	$(BIN)/pytest -m 'not slow' --last-failed --last-failed-no-failures none

test-slow: setup $(VENV)-bigquery/.ready
	$(BIN)/pytest -m slow

test-tfio: $(VENV)-tensorflow-io/.ready
	$(VENV)-tensorflow-io/bin/pytest -m 'not slow' -n auto $(BESIDE_TENSORFLOW)

# Takes a quarter of an hour. What was made is deleted in the end, unless the folder is there already.
CONTAINERS ?= /var/tmp/tonearm-containers

container-test: setup
	@echo 'Needs root, 15 GB in $(CONTAINERS), PyPI, the Go module proxy and a mirror of Debian, and of Debian the packages'
	@echo 'buildah, podman, runc, debootstrap and golang-go.'
	TONEARM_CONTAINERS=$(CONTAINERS) $(BIN)/pytest -m slow -s tests/deploy/test_containers.py

# MUSIC names files or folders with real songs; the samples are short, so a track's fixed costs weigh more.
bench: setup
	$(BIN)/python -m benchmarks $(MUSIC)

lock: setup
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --extra plot --extra learn --output-file requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --extra plot --extra learn --extra tensorboard --extra example --extra dev --output-file requirements-dev.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --extra tensorflow-io --extra dev --output-file requirements-tensorflow-io.lock

clean:
	rm -rf $(EXAMPLE) $(VENV) $(VENV)-bigquery $(VENV)-tensorflow-io $(VENV)-original $(DEMO_OUTPUT) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
