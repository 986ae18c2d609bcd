# `make demo` and `make test` need Python >= 3.10 and nothing else. Everything goes into .venv.
# The two-core figures of the documentation are from these settings.

PYTHON ?= python3
VENV   ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint types format runtime clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## Distil on drawn faces and print the comparison (6 minutes on 2 cores).
	$(BIN)/facedistill demo

test: lint types  ## Everything that must hold (10 minutes on 2 cores).
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS)

lint: $(VENV)/.dev  ## Style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## Types.
	$(BIN)/mypy

format: $(VENV)/.dev  ## Put the style right.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Checked against the digests in facedistill/serve/runtime.py whenever it is opened.
runtime: facedistill/serve/runtime  ## Put onnxruntime-web where wheels are built from, by npm.

facedistill/serve/runtime:
	scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT \
	  && npm pack --silent --pack-destination "$$scratch" onnxruntime-web@1.30.0 >/dev/null \
	  && tar -xzf "$$scratch"/onnxruntime-web-1.30.0.tgz -C "$$scratch" \
	  && mkdir "$$scratch/runtime" \
	  && mv "$$scratch"/package/dist/ort.wasm.bundle.min.mjs "$$scratch"/package/dist/ort-wasm-simd-threaded.wasm \
	    "$$scratch/runtime" \
	  && mv "$$scratch/runtime" $@

clean:  ## Remove the environment and what the tools keep.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "facedistill needs Python 3.10 or newer; try: make PYTHON=python3.12 demo" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Stamps: installed once, and again when the requirements change.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing facedistill into $(VENV) (a minute or two) ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing facedistill and its tools into $(VENV) (a minute or two) ..."
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.demo
