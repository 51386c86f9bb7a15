# make run | test | check | bench. Everything lives in .venv; nothing is installed elsewhere, but for
# chromium (a browser for the tests) through apt where make runs as root on Debian.
PYTHON ?= python3
V := .venv/bin
RUNNER ?= -m pytest

.PHONY: run test check bench clean
.DELETE_ON_ERROR:

run: .venv/.core
	$(V)/python main.py run

test: .venv/.test
	@sh tests/browser.sh
	$(V)/python $(RUNNER) $(ARGS)

check: .venv/.check
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy

bench: .venv/.test
	$(V)/python main.py bench

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Vignette needs Python 3.11 or newer: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. Debian: apt install python3-venv; is there room on the disk?"; exit 1; }

# llama.cpp is compiled on the first install (three minutes on two cores) and tried; asked about at every start, for a
# folder may have moved to another CPU. The stamp keeps its date where nothing was to be done.
.venv/.llama: .venv/bin/python constraints.txt FORCE
	@$(V)/python -m door.install llama $@

.venv/.core: .venv/.llama pyproject.toml constraints.txt
	@$(V)/python -m door.install packages core $@

.venv/.test: .venv/.llama pyproject.toml constraints.txt
	@$(V)/python -m door.install packages test $@
	@touch .venv/.core

.venv/.check: .venv/.llama pyproject.toml constraints.txt
	@$(V)/python -m door.install packages test,check $@
	@touch .venv/.core .venv/.test

FORCE:

clean:
	rm -rf .venv data .mypy_cache .ruff_cache .pytest_cache .hypothesis
