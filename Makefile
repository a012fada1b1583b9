# `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup dev judge loop test test-all lint hashes docs docs-check bench ui

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
PYTEST := python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PINNED := --no-deps --require-hashes
JUDGE := qwen2.5-coder-1.5b
# DVC starts stages as `python -m tasks...`, so the environment's python must come first in PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Stages and tests start many processes. Cached bytecode saves each of them from compiling Hone's modules.
unexport PYTHONDONTWRITEBYTECODE
# For DVC. Hone's own programs set this in hone/stage.py.
export DO_NOT_TRACK := 1

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

setup: $(BIN)/hone  ## create .venv with the pinned dependencies

# Every package has a pinned hash, except torch and the packages that its GPU build needs.
$(BIN)/hone: requirements.txt requirements-build.txt requirements-torch.txt requirements-models.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info[:2] >= (3, 11) else "Hone needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) $(PINNED) --requirement requirements-build.txt
	$(PIP) $(PINNED) --no-build-isolation --requirement requirements.txt
	$(PIP) --requirement requirements-torch.txt
	$(BIN)/python -m hone.llm.gguf --fetch smollm2-135m
	$(PIP) --no-deps --no-build-isolation --editable .  # last, because it creates the target
	@test -e .git || git init --quiet  # DVC keeps its graph in a git repository
	@touch $@

dev: .venv/dev  ## install the dependencies of tests and `make lint`

.venv/dev: $(BIN)/hone requirements-dev.txt
	$(PIP) $(PINNED) --requirement requirements-dev.txt
	@touch $@

judge: setup  ## download the local LLM judge (1.1 GB, once)
	@python -m hone.llm.gguf --fetch $(JUDGE)

loop: setup  ## run the rounds of params.yaml, and print the result
	@$(MAKE) --no-print-directory judge || echo "The local LLM judge is not available. The loop continues with the judge 'guide' only."
	@hone run

test: dev  ## run the test suite on WORKERS=2 CPU cores
	@$(PYTEST) -m "not slow"

test-all: dev  ## run all tests, including the slow ones, as in CI
	@$(PYTEST)

lint: dev  ## check style, formatting, import layers, and that the generated pages are up to date
	@ruff check .
	@ruff format --check .
	@lint-imports --no-cache --no-logo
	@python .ci/prose.py
	@python -m commands.docs --check

hashes: dev  ## update the SHA-256 hashes of all pinned packages, after a change of a pin
	@python .ci/hashes.py requirements.txt requirements-build.txt requirements-dev.txt requirements-judge.txt requirements-models.txt

docs: setup  ## generate the reference pages below docs/reference/ from code, recipes and docstrings
	@python -m commands.docs

docs-check: dev  ## run the commands of README and the tutorials in a fresh clone (SLOW=--slow: the long ones, too)
	@python .ci/docs_check.py $(SLOW)

bench: dev  ## run the benchmarks (45 minutes; see docs/explanation/benchmarks.md)
	@python -m benchmarks

ui: setup  ## serve the Prefect and MLflow pages on this machine, until Ctrl-C
	@python -m flows.pages
