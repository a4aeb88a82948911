# edgepack: every target below sets up what it needs. `make help` lists them.
#
#   make deploy                                   the sample model "digits" on the default target
#   make deploy MODEL=image_classification TARGET=rpi DATA=cifar10.npz
#   make deploy MODEL=path/to/project TARGET=host ARGS="--set budget.accuracy_drop=0.02"

MODEL  ?= digits
TARGET ?= cortex-m4
DATA   ?=
DEVICE ?=
ARGS   ?=

PYTHON   ?= python3
VENV     := .venv
EDGEPACK := $(VENV)/bin/edgepack
STAMP    := $(VENV)/.installed

# A sample's name, or the path of a project of your own.
PROJECT := $(if $(wildcard sample_models/$(MODEL)/edgepack.toml),sample_models/$(MODEL),$(MODEL))
DATA_OPTION   := $(if $(DATA),--data "$(DATA)")
DEVICE_OPTION := $(if $(DEVICE),--device "$(DEVICE)")

.DEFAULT_GOAL := help
.PHONY: help setup deploy bench headers report test test-quick coverage lint format lock audit clean device-tools

help: ## what can be made
	@echo "make deploy [MODEL=digits] [TARGET=$(TARGET)] [DATA=file.npz] [DEVICE=user@host] [ARGS=...]"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with the edgepack command and all extras

$(STAMP): pyproject.toml requirements/all.txt scripts/setup.sh scripts/system-packages.sh
	@scripts/setup.sh "$(PYTHON)" $(VENV)
	@touch $@

# The Raspberry Pi target needs an ssh client, and without a Pi of yours an sshd to stand in for it; only QEMU has an M55 and M85.
device-tools:
	@if [ "$(TARGET)" = rpi ] || [ "$(TARGET)" = rpi-zero2 ]; then \
	  if [ -n "$(DEVICE)$$EDGEPACK_RPI" ]; then scripts/system-packages.sh ssh; \
	  else scripts/system-packages.sh ssh sshd; fi; fi
	@if [ "$(TARGET)" = cortex-m55 ] || [ "$(TARGET)" = cortex-m85 ]; then scripts/system-packages.sh qemu-system-arm; fi

deploy: $(STAMP) device-tools ## compress, convert, deploy to TARGET, measure there, judge
	@$(EDGEPACK) deploy "$(PROJECT)" --target "$(TARGET)" $(DATA_OPTION) $(DEVICE_OPTION) $(ARGS)

bench: $(STAMP) device-tools ## measure MODEL (a project or a .tflite) on TARGET
	@$(EDGEPACK) bench "$(PROJECT)" --target "$(TARGET)" $(DEVICE_OPTION) $(ARGS)

headers: $(STAMP) ## C headers of MODEL (a project that was deployed, or a .tflite) in build/headers
	@$(EDGEPACK) export "$(PROJECT)" --as c-array --out build/headers $(DATA_OPTION) $(ARGS)

report: $(STAMP) ## show the last report of MODEL on TARGET again
	@$(EDGEPACK) report "$(PROJECT)" --target "$(TARGET)" $(ARGS)

test: $(STAMP) ## every test, the slow ones too
	@scripts/system-packages.sh ssh sshd gcc g++
	@$(VENV)/bin/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

test-quick: $(STAMP) ## the tests that take less than ten seconds each
	@$(VENV)/bin/python -m pytest --numprocesses auto --dist worksteal -m "not slow" $(ARGS)

coverage: $(STAMP) ## every test, and the lines of edgepack that none of them runs
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term-missing:skip-covered $(ARGS)"

lint: $(STAMP) ## ruff, mypy, and that no room imports a later one
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(STAMP) ## put the Python code in shape
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: $(STAMP) ## choose versions anew (ARGS=--upgrade: the newest) and write their digests to requirements/
	@scripts/lock.sh $(VENV) $(ARGS)

audit: $(STAMP) ## look up the locked packages among the known vulnerabilities
	@scripts/audit.sh $(VENV)

clean: ## remove build results and caches (not .venv)
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .coverage
	@rm -rf sample_models/*/build sample_models/*/.edgepack
