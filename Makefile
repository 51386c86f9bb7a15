# make run | test | check | bench. Everything lives in .venv; nothing is installed elsewhere, but for
# chromium (a browser for the tests) through apt where make runs as root on Debian.
PYTHON ?= python3
V := .venv/bin
PIP := PYTHONWARNINGS=ignore $(V)/python -m pip --disable-pip-version-check

.PHONY: run test check bench clean
.DELETE_ON_ERROR:

run: .venv/.core
	$(V)/python main.py run

test: .venv/.test
	@sh tests/browser.sh
	$(V)/python -m pytest $(ARGS)

check: .venv/.check
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy

bench: .venv/.test
	$(V)/python main.py bench

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Vignette needs Python 3.11 or newer: make PYTHON=python3.12 run")'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --upgrade pip

# llama.cpp is compiled on the first install (4 to 10 minutes on 2 cores), with its progress shown.
.venv/.llama: .venv/bin/python constraints.txt
	@$(V)/python door/install_llama.py
	@touch $@

.venv/.core: .venv/.llama pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

.venv/.test: .venv/.llama pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	@touch .venv/.core $@

.venv/.check: .venv/.test
	$(PIP) install --constraint constraints.txt --editable '.[test,check]'
	@touch $@

clean:
	rm -rf .venv data .mypy_cache .ruff_cache .pytest_cache .hypothesis
