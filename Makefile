# make demo      install, run the default study, say where its report is
# make test      install what the tests need, run them
# make help      list all targets

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DOCS := $(VENV)-docs
SITE ?= site
CORES ?= $(shell getconf _NPROCESSORS_ONLN)

# Left out of the lock: its builds differ by machine (CPU here, CUDA there), and so do their hashes.
TORCH := torch==2.13.0
# Byte code is compiled as modules are first used: most of these packages' modules never are.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# Jobs start by importing a few thousand modules; without byte code each takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

# A kill leaves Snakemake's own lock behind; that of disentangle.running goes with its process.
START := $(BIN)/python -m disentangle.running
# `make run VERBOSE=1` shows Snakemake's own lines instead of the progress display.
RUN := -- $(BIN)/snakemake --nolock --cores $(CORES) $(if $(VERBOSE),--quiet rules,--logger disentangle)

.DEFAULT_GOAL := help
.PHONY: help install demo run status check resume checkpoint publish figures published test test-cluster test-browser test-library test-paper lint docs lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

install: $(VENV)/.installed  ## make .venv from the lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v[:2] < (3, 13) else \
	  f"Python 3.11 or 3.12 is needed, and {sys.executable} is {v[0]}.{v[1]}. Say which: make PYTHON=python3.11")'
	@echo "Installing into $(VENV) (2 to 3 GB, a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-compile $(TORCH)
	@$(PIP) install --no-compile --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.lock
	@echo "Installing what the tests need into $(VENV)"
	@$(PIP) install --no-compile --require-hashes --no-deps -r requirements-test.lock
	@touch $@

demo: install  ## run the default study; ends by saying where the report is
	@$(START) $(RUN)
	@$(if $(VERBOSE),echo "The report: file://$(CURDIR)/results/demo/report.html",true)

run: install  ## run a study of your own: make run STUDY=studies/mine.yaml
	@test -n "$(STUDY)" || { echo "Say which: make run STUDY=studies/mine.yaml"; exit 2; }
	@$(START) $(STUDY) $(RUN) --configfile $(STUDY)

status: install  ## say what state a study is in: make status STUDY=studies/mine.yaml
	@$(BIN)/python -m disentangle.planning.status $(STUDY)

check: install  ## compare every file of a study with the hashes in it: make check STUDY=studies/mine.yaml
	@$(BIN)/python -m disentangle.audit $(STUDY)

resume: install  ## in an unpacked archive: run what is missing of its study, and compare
	@$(BIN)/python -m disentangle.archive.resume $(START) $(RUN)

checkpoint: install  ## add a model to a study: make checkpoint SOURCE=path/to/model NAME=my-model STUDY=studies/mine.yaml
	@$(BIN)/python -m disentangle.study.register "$(SOURCE)" "$(NAME)" "$(STUDY)"

publish: install  ## deposit an archive at Zenodo: make publish ARCHIVE=... FLAGS=--upload; without FLAGS, say what would be sent
	@$(BIN)/disentangle publish "$(ARCHIVE)" $(FLAGS)

figures: install  ## draw the pages' figures again from the tables in published/; nothing is trained
	@$(BIN)/python -m disentangle.published.redraw
	@$(BIN)/python docs/explanation/draw.py

published: install  ## put the tables of an archive into published/: make published ARCHIVE=...
	@$(BIN)/python -m disentangle.published.from_archive "$(ARCHIVE)"

test: $(VENV)/.installed-test  ## run the tests, two at a time
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-cluster: $(VENV)/.installed-test  ## run the tests that need a SLURM, on one of their own (as root, on Debian)
	@if ! command -v slurmctld >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing SLURM"; apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null; fi
	@$(BIN)/python -m pytest tests/cluster

test-browser: $(VENV)/.installed-test  ## try the report in a headless Chromium (installs it: as root, on Debian)
	@if ! command -v chromium google-chrome >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Chromium"; apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; fi
	@$(BIN)/python -m pytest tests/browser

test-library: $(VENV)/.installed-test  ## try the library alone, beside other versions of torch, numpy, pandas (6 GB for a minute)
	@$(BIN)/python -m pytest tests/library

test-paper: $(VENV)/.installed-test  ## train one step of each of the paper's sizes (3 minutes)
	@$(BIN)/python -m pytest tests/paper

lint: $(VENV)/.installed-test  ## check form: ruff, snakefmt, mypy, snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow/rules
	@$(BIN)/mypy
	@# its one remaining wish, a conda environment per rule, would break --archive without conda
	@! $(BIN)/snakemake --lint 2>&1 | grep -E '^    \* ' | grep -v 'Specify a conda environment or container'

$(DOCS)/.installed: requirements-docs.lock
	@echo "Installing what makes the site into $(DOCS)"
	@$(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --no-deps -r $<
	@touch $@

docs: $(DOCS)/.installed  ## build the site from docs/; a dead link or a missing page fails
	@# from nothing, since pages that are taken from an earlier build warn of nothing
	@rm -rf $(SITE)
	@$(DOCS)/bin/sphinx-build -q -W --keep-going docs $(SITE)
	@echo "The site: file://$(CURDIR)/$(SITE)/index.html"

# torch's own dependencies come with torch, in the builds that fit the machine
TORCH_BRINGS := nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 \
  nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 \
  nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton cuda-bindings cuda-pathfinder cuda-toolkit
LOCKED := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml --extra train --extra workflow $(LOCKED) \
  --no-emit-package torch $(addprefix --no-emit-package ,$(TORCH_BRINGS))

lock: install  ## resolve the dependencies anew into the three lock files
	@$(PIP) install uv==0.13.9
	@$(COMPILE) -o requirements.lock
	@$(COMPILE) --extra test -c requirements.lock -o requirements-test.lock
	@$(BIN)/uv pip compile --group docs -c requirements.lock $(LOCKED) -o requirements-docs.lock
	@{ printf '%s\n' '# The versions of requirements.lock, for those who use conda: written by make lock.' \
	    'channels: [conda-forge, nodefaults]' 'dependencies:' '  - python=3.11' '  - pip' '  - pip:' \
	    '      - "$(TORCH)"'; \
	  sed -nE 's/^([A-Za-z0-9._-]+==[^\]*[^ \]) *\\?$$/      - "\1"/p' requirements.lock; } > envs/disentangle.yaml

clean:  ## remove the environment and caches, not the results
	@rm -rf $(VENV) $(DOCS) $(SITE) .pytest_cache .mypy_cache .ruff_cache
