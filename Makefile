# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
PRESET ?= full
BIN := $(VENV)/bin
# Threads of torch that wait for each other sleep soon instead of spinning: as fast on an idle machine, and several
# times faster when another program holds a core.
export GOMP_SPINCOUNT ?= 1000
STAMP := $(VENV)/.installed

.PHONY: demo test lint format bench clean

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

demo: $(STAMP)  ## record, clone, evaluate, improve with DAgger; results in runs/demo/ (PRESET=quick: minutes)
	$(BIN)/python examples/demo.py --preset $(PRESET)

test: $(STAMP)  ## the whole test suite, then the kernels interpreted, so that their coverage is seen
	$(BIN)/python -m pytest --cov --cov-report=
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest tests/world/test_kernels_interpreted.py \
		--cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90

lint: $(STAMP)  ## what a commit must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## speed, as ratios; writes benchmarks/results/*.json
	$(BIN)/python -m benchmarks

clean:  ## removes what was built and cached; your runs stay
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .coverage
