# `make` lists what there is. `make demo` and `make test` each do all set-up on a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
OUT ?= out
BIN := .venv/bin
# Nothing here talks to anybody: telemetry of every library is off, and models are read from disk.
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help install demo test lint types contracts lab mlflow notebooks benchmarks clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 2; }
	@echo "Installing into .venv through constraints.txt: two to four minutes, once."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[workbench]'
	@touch $@

install: $(BIN)/.installed ## create .venv and install everything

demo: $(BIN)/.installed ## the main job end to end on synthetic data, in about three minutes
	@$(BIN)/bh demo --out $(OUT)
	@echo "Notebooks: make lab      then open notebooks/00-tour.ipynb"

test: $(BIN)/.installed ## all tests, the notebooks among them
	@$(BIN)/python -m pytest -n 2 --dist loadfile
	@$(BIN)/python -m pytest -o addopts="" --nbval-lax --no-header -q notebooks

lint: $(BIN)/.installed ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(BIN)/.installed ## mypy, strict
	@$(BIN)/mypy

contracts: $(BIN)/.installed ## import-linter: which room may import which
	@$(BIN)/lint-imports

lab: $(BIN)/.installed ## JupyterLab on the notebooks
	@$(BIN)/jupyter labextension disable "@jupyterlab/apputils-extension:announcements" >/dev/null
	@$(BIN)/jupyter lab --notebook-dir=notebooks

mlflow: $(BIN)/.installed ## the MLflow UI over the demo's runs
	@$(BIN)/mlflow server --backend-store-uri sqlite:///$(OUT)/mlflow.db --port 5000

clean: ## remove what was generated; keeps .venv
	@rm -rf $(OUT) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis notebooks/out
