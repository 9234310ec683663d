# Everything a person types. Python 3.11 and pip are enough; no service needs to run.
#   make demo          start the console and run the main job in it (ONCE=1 stops by itself)
#   make up            start the console (PORT=8765 for a fixed port)
#   make doctor        what this machine can and cannot do
#   make test          the test suite          make lint    ruff, types, import rules
#   make bench         figures of this machine  make soak    long kills and loads

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/stamp
ASSETS := static/vendor/stamp.json
CATALOGS := $(wildcard locale/*/LC_MESSAGES/*.po)
ONCE_FLAG := $(if $(filter-out 0,$(ONCE)),--once)
PORT_FLAG := $(if $(PORT),--port $(PORT))

.DEFAULT_GOAL := help
.PHONY: help setup up demo doctor test lint bench soak
.DELETE_ON_ERROR:

help:
	@sed -n '2,6s/^# *//p' Makefile

setup: $(STAMP) $(ASSETS)

$(STAMP): requirements.txt requirements-ml.txt constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(PY) || "$(PYTHON)" -m venv $(VENV)
	@echo "Installing the Python packages into $(VENV) (once; some minutes)." >&2
	@$(PY) -m pip install --quiet --disable-pip-version-check \
	  -r requirements.txt -r requirements-ml.txt
	@touch $@

$(ASSETS): $(STAMP) package.json package-lock.json console/web/icons.py \
           console/embedded/assets.py $(CATALOGS)
	@$(PY) -m console.embedded assets
	@touch $@

up: setup
	@exec $(PY) -m console.embedded up $(PORT_FLAG) $(ONCE_FLAG)

demo: setup
	@exec $(PY) -m console.embedded demo $(PORT_FLAG) $(ONCE_FLAG)

doctor: setup
	@exec $(PY) -m console.embedded doctor

test: setup
	@$(PY) -m console.embedded browser
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/unit -m "not slow" -n 2 --dist loadfile -rs $(ARGS)
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/e2e -m "not slow" -n 4 --dist loadgroup -rs $(ARGS)
	GATEHOUSE_TEST_DB=postgres OMP_NUM_THREADS=1 $(PY) -m pytest tests/unit/console \
	  -m "not slow and not any_database" -n 2 --dist loadfile -rs $(ARGS)

lint: setup
	$(PY) -m ruff check .
	$(PY) -m mypy mlcore jobs
	$(VENV)/bin/lint-imports

bench: setup
	$(PY) -m pytest tests/bench -q -s --timeout=0 $(ARGS)

soak: setup
	$(PY) -m pytest tests/soak -q -s --timeout=0 $(ARGS)
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/unit tests/e2e -m slow -q --timeout=0 $(ARGS)
