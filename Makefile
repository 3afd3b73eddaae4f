# Two commands do everything on a fresh machine: `make run` and `make test`.
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, ...) are respected: pip reads them itself.

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8501
PIP     = $(VENV)/bin/python -m pip
# --no-compile: Python compiles what it imports and keeps it; compiling all that is installed takes half of the time.
# Without keeping it, each of the hundreds of processes of the tests would compile torch anew: 5 of its 8 seconds.
export PYTHONDONTWRITEBYTECODE =
PYTEST  = $(VENV)/bin/python -m pytest
# More processes than cores: tests of browsers and jobs mostly wait. A file's tests stay together, as they share what
# is slow to make; files are taken in the order of tests/conftest.py.
PARALLEL = -n 3 --dist loadfile --no-loadscope-reorder
# What the project ships is in English, whatever its maker reads.
schemes samples pictures: export CLPS_LANGUAGE = en
BENCHMARKS ?= $(filter-out benchmarks/driving.py benchmarks/report.py,$(wildcard benchmarks/*.py))

.PHONY: run test test-all check format bench soak words wheel pictures schemes samples clean help

help:            ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

run: $(VENV)/.run   ## set up and open the dashboard on http://127.0.0.1:8501
	$(VENV)/bin/clps dashboard --port $(PORT)

test: $(VENV)/.dev browser    ## set up, check style and types, and run the fast tests, the browser included
	@$(MAKE) --no-print-directory check >.check.log 2>&1 & check=$$!; \
	$(PYTEST) $(PARALLEL) -m "not slow" $(ARGS); tests=$$?; \
	wait $$check; checked=$$?; cat .check.log; exit $$((tests ? tests : checked))

test-all: check browser    ## the same with every test: before a release, and after changing jobs, store or engine
	CLPS_THOROUGH=1 $(PYTEST) $(PARALLEL) $(ARGS)

check: $(VENV)/.dev   ## style, types and the direction of imports; no tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev   ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.dev browser   ## measure; writes dated tables to benchmarks/results
	for script in $(BENCHMARKS); do echo "== $$script"; $(VENV)/bin/python $$script || exit 1; done

soak: $(VENV)/.dev   ## the long chaos tests
	CLPS_SOAK=1 $(PYTEST) tests/chaos --timeout 5400 -rP

words: $(VENV)/.dev   ## extract what people read into the catalogue, and bring every language's file up to date
	$(VENV)/bin/pybabel -q extract -k _ -k N_ -k ngettext:1,2 --no-location --sort-output --omit-header -o clps_core/locale/clps.pot clps_core app pages
	$(VENV)/bin/python -m docs.make_languages

pictures: $(VENV)/.dev browser   ## photograph the pages for the README
	$(VENV)/bin/python docs/make_pictures.py

schemes: $(VENV)/.dev   ## write docs/schemes.md and its pictures from the engine's cards
	$(VENV)/bin/python docs/make_schemes.py

samples: $(VENV)/.dev   ## train the runs that ship with the project anew
	$(VENV)/bin/python -m clps_core.samples.make

wheel: $(VENV)/.dev   ## build dist/*.whl
	$(VENV)/bin/python -m build --wheel

clean:           ## remove what these commands made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "CLPS Lab needs Python 3.11 or newer. Got $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --no-compile -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --no-compile -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.run

.PHONY: browser
browser: $(VENV)/.dev
	@bash tests/browser/install-chromium.sh
