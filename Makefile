# One command runs the main job, one passes the tests; each does its own set-up, once.
#
#   make finetune RECIPE=ner-bert [ARGS="train.epochs=5"] [PROCESSES=2]
#   make compare RECIPE=wnut17-ladder
#   make test
#
# PYTHON=python3.12     the Python that makes the virtual environment
# TORCH_INDEX=URL       where pip finds torch (PyTorch's CPU index spares gigabytes of CUDA)
# SYSTEM_TORCH=1        use the torch of the machine's Python (an image with a GPU build)

PYTHON ?= python3
VENV ?= .venv
RECIPE ?= ner-bert
PROCESSES ?= 1
ARGS ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready

ifdef SYSTEM_TORCH
VENV_OPTIONS := --system-site-packages
CONSTRAINTS := $(VENV)/constraints-without-torch.txt
else
CONSTRAINTS := constraints.txt
endif

# a cluster's job must run exactly what the recipe says: no stand-ins there
ifeq ($(WORLD_SIZE)$(SLURM_JOB_ID),)
STAND_IN := --stand-in
endif

ifeq ($(PROCESSES),1)
TOOLKIT := $(BIN)/toolkit
else
TOOLKIT := $(BIN)/torchrun --nproc_per_node $(PROCESSES) -m toolkit
endif

.DEFAULT_GOAL := help
.PHONY: help setup finetune compare test sweep torture check format lint types bench schema clean

help:  ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "  recipes: $(basename $(notdir $(wildcard recipes/*.yaml)))"
	@echo "  ladders: $(basename $(notdir $(wildcard recipes/ladders/*.yaml)))"

setup: $(READY)  ## Make the virtual environment (the other targets do it too, once)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed, this is %d.%d: name another with PYTHON=" % v)'
	@echo "setting up $(VENV) (once)"
	$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV)
ifdef SYSTEM_TORCH
	grep -v '^torch==' constraints.txt > $(CONSTRAINTS)
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev,offline]'
	@touch $@

finetune: $(READY)  ## Fine-tune by RECIPE=… (ner-bert), with stand-ins where no Hub can be reached
	@$(TOOLKIT) finetune $(RECIPE) $(STAND_IN) $(ARGS)

compare: $(READY)  ## Train the rungs of a ladder (RECIPE=wnut17-ladder), or a recipe's seeds, and compare them
	@$(BIN)/toolkit compare $(RECIPE) $(STAND_IN) $(ARGS)

test: $(READY)  ## Run the tests
	@$(BIN)/python -m pytest -n 2 $(ARGS)

sweep: $(READY)  ## Run the tests that take minutes: all of Unicode, all hostile files, all faults of processes
	@$(BIN)/python -m pytest -n 2 -m slow $(ARGS)

torture: $(READY)  ## Attack runs in every way: kills, power losses, full disks (MUTANTS=1: and the attacks)
	@$(BIN)/python -m torture $(if $(MUTANTS),--mutants) $(ARGS)

check: $(READY) format lint types test  ## Format, lint, types and tests: what CI runs

format: $(READY)  ## Is everything formatted?
	@$(BIN)/ruff format --check .

lint: $(READY)  ## Does ruff find fault?
	@$(BIN)/ruff check .

types: $(READY)  ## Does mypy --strict find fault?
	@$(BIN)/mypy

bench: $(READY)  ## Measure: what the README's figures come from
	@$(BIN)/python -m benchmarks $(ARGS)

schema: $(READY)  ## Write recipes/schema.json anew
	@$(BIN)/python -m toolkit.recipe.json_schema recipes/schema.json

clean:  ## Remove the virtual environment and caches (runs stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
