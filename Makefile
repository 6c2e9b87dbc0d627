# `make demo` and `make test` do all the set-up: a virtual environment from requirements.lock, then the work.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
export TOKENIZERS_PARALLELISM = false

.PHONY: demo test test-slow lint types install lock bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       set up, make a synthetic world, run the whole job on it, forecast an unseen clip"
	@echo "make test       set up, lint, type-check and run the test suite"
	@echo "make test-slow  the tests marked slow"
	@echo "make bench      the benchmarks behind the README's tables"
	@echo "make lock       resolve requirements.lock anew"

install: $(STAMP)
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "vvp needs Python 3.10 to 3.13; this is %d.%d (choose one: make PYTHON=python3.11)" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment: install python3-venv (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	$(BIN)/vvp demo --workspace $(DEMO)

test: lint types
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadgroup

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow --timeout 1800

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/embed.py
	$(BIN)/python benchmarks/road.py
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python benchmarks/world.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/explore.py

# Every supported Python in one file (markers choose). torch's CUDA libraries are left out: torch pins
# them itself, exactly, and a CPU build of torch wants none of them.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	echo "torch==2.13.0" | $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra offline --extra dev \
	  --constraint - --no-header --no-annotate --upgrade pyproject.toml \
	  | grep -vE '^(nvidia-|cuda-|triton)' > requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info
