# Every target works alone from a bare clone: it makes the virtual environment that it needs, then works in it.
PYTHON ?= python3
VENV   ?= .venv
LOWEST ?= .venv-lowest
DEMO   ?= demo
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
DOCS   := $(VENV)/.installed-docs
LOWEST_TESTS ?= tests/collect tests/encoders tests/explore tests/learn tests/media tests/models/test_families.py
export TOKENIZERS_PARALLELISM = false

.PHONY: help install demo test test-slow test-lowest lint types fmt docs bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         set up, make a synthetic world, run the whole job on it, forecast an unseen clip"
	@echo "make test         set up, lint, type-check and run the test suite"
	@echo "make test-slow    the tests marked slow"
	@echo "make test-lowest  the tests that need no cluster, with the lowest versions that pyproject.toml allows"
	@echo "make fmt          format the code, and mend what the linter can mend"
	@echo "make docs         build the documentation into docs/_build (no network once it is set up)"
	@echo "make bench        the benchmarks behind docs/benchmarks.md"
	@echo "make lock         resolve the three lock files anew"

install: $(RUN)
$(RUN): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "vvp needs Python 3.10 to 3.13; this is %d.%d (choose one: make PYTHON=python3.11)" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment: install python3-venv (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "installing what vvp needs to run into $(VENV) (the first time it is downloaded)"
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "installing linters and test tools into $(VENV)"
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -r requirements-dev.lock
	@touch $@

$(DOCS): $(RUN) requirements-docs.lock
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "the documentation is built with Python 3.11 or newer (make docs PYTHON=python3.12 VENV=.venv-docs)")'
	@echo "installing what builds the documentation into $(VENV)"
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -r requirements-docs.lock
	@touch $@

demo: $(RUN)
	$(BIN)/vvp demo --workspace $(DEMO)

test: lint types
	$(BIN)/python -m pytest -m "not slow" -n 2 --no-loadscope-reorder

test-slow: $(DEV)
	$(BIN)/python -m pytest -m slow --timeout 1800 --exitfirst

# Direct dependencies at their floors, the others as new as those allow. It downloads an old torch.
test-lowest: $(DEV)
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --resolution lowest-direct --extra offline --extra dev \
	  --no-header --no-annotate pyproject.toml -o $(VENV)/lowest.txt
	test -x $(LOWEST)/bin/python || $(BIN)/uv venv --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --python $(LOWEST)/bin/python -r $(VENV)/lowest.txt
	$(LOWEST)/bin/python -m pytest -m "not slow" --timeout 600 $(LOWEST_TESTS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/mypy

fmt: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# -W: a warning is an error; -n: so is a reference without a target.
docs: $(DOCS)
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build
	@echo "docs/_build/index.html"

bench: $(RUN)
	$(BIN)/python benchmarks/embed.py
	$(BIN)/python benchmarks/road.py
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python benchmarks/small.py
	$(BIN)/python benchmarks/world.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/explore.py
	$(BIN)/python benchmarks/scale.py

# Every supported Python in one file (markers choose). torch's CUDA libraries are left out: torch pins
# them itself, exactly, and a CPU build of torch wants none of them. One resolution gives all versions;
# requirements.lock holds what runs, the other two what they add to it.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --extra offline --extra xlsx
CPU     = grep -vE '^(nvidia-|cuda-|triton)'
lock: $(RUN)
	$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check uv
	echo "torch==2.13.0" > $(VENV)/torch.txt
	echo "setuptools>=70" > $(VENV)/build.txt
	$(COMPILE) --extra dev --extra docs --upgrade --constraint $(VENV)/torch.txt pyproject.toml $(VENV)/build.txt > $(VENV)/all.txt
	$(COMPILE) --constraint $(VENV)/all.txt pyproject.toml $(VENV)/build.txt > $(VENV)/run.txt
	$(COMPILE) --constraint $(VENV)/all.txt --extra dev pyproject.toml $(VENV)/build.txt > $(VENV)/dev.txt
	$(COMPILE) --constraint $(VENV)/all.txt --extra docs pyproject.toml $(VENV)/build.txt > $(VENV)/docs.txt
	$(CPU) $(VENV)/run.txt > requirements.lock
	(echo "-r requirements.lock"; $(CPU) $(VENV)/dev.txt | grep -vxFf requirements.lock) > requirements-dev.lock
	(echo "-r requirements.lock"; $(CPU) $(VENV)/docs.txt | grep -vxFf requirements.lock) > requirements-docs.lock

clean:
	rm -rf $(VENV) $(LOWEST) $(DEMO) build docs/_build docs/generated *.egg-info
