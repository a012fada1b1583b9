# `make` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help setup dev judge loop test test-all lint hashes docs bench ui

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
PYTEST := python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PINNED := --no-deps --require-hashes
JUDGE := qwen2.5-coder-1.5b
# Stages are started by DVC as `python -m tasks...`: the environment's python must be the first that is found.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Stages and tests are many processes: each would compile Hone's modules anew.
unexport PYTHONDONTWRITEBYTECODE
# For DVC (`make loop`); every program of Hone sets its switches itself, see hone/stage.py.
export DO_NOT_TRACK := 1

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

setup: $(BIN)/hone  ## .venv with the pinned dependencies

# Nothing is installed but what has a pinned hash; torch alone is not checked so, and brings what its build for a GPU needs.
$(BIN)/hone: requirements.txt requirements-build.txt requirements-torch.txt requirements-models.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info[:2] >= (3, 11) else "Hone needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) $(PINNED) --requirement requirements-build.txt
	$(PIP) $(PINNED) --no-build-isolation --requirement requirements.txt
	$(PIP) --requirement requirements-torch.txt
	$(BIN)/python -m hone.llm.gguf --fetch smollm2-135m
	$(PIP) --no-deps --no-build-isolation --editable .  # last: it makes the target
	@test -e .git || git init --quiet  # DVC keeps its graph in a git repository
	@touch $@

dev: .venv/dev  ## what tests and `make lint` need besides

.venv/dev: $(BIN)/hone requirements-dev.txt
	$(PIP) $(PINNED) --requirement requirements-dev.txt
	@touch $@

judge: setup  ## the LLM that judges on this machine (1.1 GB, once)
	@python -m hone.llm.gguf --fetch $(JUDGE)

loop: setup  ## the rounds of params.yaml; ends by saying what improved and where to look
	@$(MAKE) --no-print-directory judge || echo "The LLM that judges on this machine cannot be had; the loop goes on with the guide alone."
	@python -m hone.pipeline.repair
	@dvc repro

test: dev  ## the test suite, on WORKERS=2 processor cores
	@$(PYTEST) -m "not slow"

test-all: dev  ## the test suite with its slow tail, as CI runs it
	@$(PYTEST)

lint: dev  ## style, formatting, what may import what, and whether the pages that are made of docstrings are current
	@ruff check .
	@ruff format --check .
	@lint-imports --no-cache --no-logo
	@python -m commands.docs --check

hashes: dev  ## the SHA-256 of every file of every pin, after a pin has changed
	@python .ci/hashes.py requirements.txt requirements-build.txt requirements-dev.txt requirements-judge.txt requirements-models.txt

docs: setup  ## docs/recipes.md and docs/methods/, made of recipes and docstrings
	@python -m commands.docs

bench: dev  ## ratios against the usual ways (45 minutes; see docs/benchmarks.md)
	@python -m benchmarks

ui: setup  ## Prefect's and MLflow's pages on this machine; ends with Ctrl-C
	@python -m flows.pages
