# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
PRESET ?= $(if $(QUICK),quick,full)
BIN := $(VENV)/bin
# Idle OpenMP threads of torch sleep instead of spinning. This costs nothing on an idle machine, and is several times
# faster when another program uses a core.
export GOMP_SPINCOUNT ?= 1000
# Test files run in parallel: many tests start processes and wait for them.
PARALLEL ?= -n 2 --dist loadfile
# Coverage cannot see into compiled kernels. `make coverage` runs these files again with interpreted ones.
INTERPRETED := $(addprefix tests/world/,kernels/test_interpreted.py creatures/test_creatures.py rules/test_vitals.py \
	rules/test_placing.py player/test_combat.py)
STAMP := $(VENV)/.installed
# The real MineDojo, installed as the README describes, in an environment that shares the packages of $(VENV).
MINEDOJO := $(VENV)-minedojo
MINEDOJO_STAMP := $(MINEDOJO)/.installed
# MineDojo with its own pins (gym 0.21, numpy 1), as its users have it. Old versions of pip and setuptools install it.
PINNED := $(VENV)-minedojo-pinned
PINNED_STAMP := $(PINNED)/.installed

# Other environments that a test runs, with the packages of $(VENV).
PEERS := $(VENV)-peers
PEERS_STAMP := $(PEERS)/.installed

# The oldest packages that pyproject.toml allows, and the newest that there are (no constraints.txt). The oldest have wheels
# for Python 3.10 and 3.11 only. `minari` and `onnx` are not among their extras: they require a newer numpy and PyTorch.
BOUNDS := $(VENV)-lowest/.installed $(VENV)-newest/.installed
EXTRAS := plot,train,wandb,play,hub,lerobot,ray,mineclip
PACKAGE_TESTS := $(addprefix tests/,test_spaces.py actions agents cli collect demos hub learning mineclip resilient system \
	world/test_env.py wrappers)

# Tools that look at the packages in $(VENV) from outside, so that these are not mixed with theirs.
TOOLS := $(VENV)-tools
TOOLS_STAMP := $(TOOLS)/.installed

.PHONY: install programs demo pretrain results test coverage test-long mutation lowest newest doctest lint format docs bench audit sbom clean

install: $(STAMP)  ## the package, its extras and the developer tools, into .venv

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing vpt-gym and its packages into $(VENV); this may take several minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

$(MINEDOJO_STAMP): $(STAMP)
	test -x $(MINEDOJO)/bin/python || $(PYTHON) -m venv $(MINEDOJO)
	$(MINEDOJO)/bin/python tests/support/share_packages.py $(BIN)/python
	$(MINEDOJO)/bin/python -m pip install --quiet --upgrade pip
	$(MINEDOJO)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[minedojo]"
	$(MINEDOJO)/bin/python -m pip install --quiet --no-deps minedojo==0.1
	# only for its action spaces: its dependencies take gigabytes
	$(MINEDOJO)/bin/python -m pip install --quiet --no-deps craftground==2.7.4 protobuf==7.36.2
	touch $(MINEDOJO_STAMP)

$(PINNED_STAMP): tests/integration/requirements-pinned.txt
	test -x $(PINNED)/bin/python || $(PYTHON) -m venv $(PINNED)
	$(PINNED)/bin/python -m pip install --quiet "pip<24.1" "setuptools<67" "wheel<0.39"
	$(PINNED)/bin/python -m pip install --quiet --no-build-isolation gym==0.21.0
	$(PINNED)/bin/python -m pip install --quiet --no-deps minedojo==0.1
	$(PINNED)/bin/python -m pip install --quiet --requirement tests/integration/requirements-pinned.txt
	touch $(PINNED_STAMP)

$(PEERS_STAMP): $(STAMP) Makefile
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python tests/support/share_packages.py $(BIN)/python
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet vizdoom==1.3.2 stable-baselines3==2.9.2
	$(PEERS)/bin/python -m pip install --quiet --no-deps minecraft-gym==0.3.2
	# beside the one in use; a test puts it in front
	$(PEERS)/bin/python -m pip install --quiet --no-deps --target $(PEERS)/gymnasium-oldest gymnasium==1.1.0
	touch $(PEERS_STAMP)

$(VENV)-lowest/.installed: CHOICE = --resolution lowest-direct --editable ".[$(EXTRAS)]"
$(VENV)-newest/.installed: CHOICE = --upgrade --editable ".[$(EXTRAS),minari,onnx]"
$(BOUNDS): $(VENV)-%/.installed: pyproject.toml
	test -x $(VENV)-$*/bin/python || $(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --upgrade pip uv
	$(VENV)-$*/bin/uv pip install --quiet --python $(VENV)-$*/bin/python --torch-backend cpu $(CHOICE)
	$(VENV)-$*/bin/uv pip install --quiet --python $(VENV)-$*/bin/python "pytest>=8" pytest-timeout pytest-xdist hypothesis moviepy
	$(VENV)-$*/bin/uv pip list --python $(VENV)-$*/bin/python
	touch $@

$(TOOLS_STAMP):
	test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet pip-audit==2.10.1 cyclonedx-bom==7.5.0
	touch $(TOOLS_STAMP)

programs:  ## the programs that tests run and that pip cannot install: Chromium, Xvfb, Java
	@PYTHON="$(PYTHON)" tests/install_programs.sh

demo: $(STAMP)  ## record, clone, evaluate, improve with DAgger; results in runs/demo/ (PRESET=quick: minutes)
	$(BIN)/python examples/end_to_end.py --preset $(PRESET)

pretrain: $(STAMP)  ## a foundation model from play without labels, in runs/pretrain/: a night (QUICK=1: 20 minutes)
	$(BIN)/python examples/pretrain.py --preset $(PRESET)

results: $(STAMP)  ## the trainings behind docs/results.md: hours, resumable (QUICK=1: 20 minutes, measures three claims)
	$(BIN)/python -m experiments $(if $(QUICK),--quick)

test: programs $(STAMP) $(MINEDOJO_STAMP) $(PINNED_STAMP) $(PEERS_STAMP)  ## all tests, those of other environments and of the real MineDojo too
	$(BIN)/python -m pytest $(PARALLEL) --durations 20 $(COV)
	$(PEERS)/bin/python -m pytest $(PARALLEL) tests/peers $(COV)
	$(MINEDOJO)/bin/python -m pytest $(PARALLEL) tests/integration $(COV)

coverage: $(STAMP)  ## all tests, some of them again with interpreted kernels, and how much of the package they run: at least 90 %
	$(BIN)/python -m coverage erase
	$(MAKE) test COV="--cov --cov-append --cov-report="
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest $(PARALLEL) $(INTERPRETED) \
		--cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90

test-long: $(MINEDOJO_STAMP) $(PINNED_STAMP)  ## the real MineDojo for longer: 50 cycles, 20 faults; 10,000 mutated files for each reader; trainers killed 20 times; hours of collecting (TICKS=1728000: a day)
	$(MINEDOJO)/bin/python -m pytest tests/integration --long
	$(BIN)/python -m pytest $(PARALLEL) tests/fuzz --long
	VPT_GYM_KILLS=20 $(BIN)/python -m pytest $(PARALLEL) tests/examples -k killed_at
	$(BIN)/python -m pytest -s tests/soak --long $(if $(TICKS),--ticks $(TICKS))

mutation: $(STAMP)  ## mutation testing of the actions, the checkpoint readers and the format of demos; not in CI
	nice -n 19 $(BIN)/python -m tests.mutation

lowest: $(VENV)-lowest/.installed  ## most tests, with the oldest packages that pyproject.toml allows (Python 3.10 or 3.11)
	$(VENV)-lowest/bin/python -m pytest $(PARALLEL) -m "not slow" $(PACKAGE_TESTS) \
		--ignore tests/demos/exchange/test_minari.py --ignore tests/agents/test_onnx_export.py

newest: $(VENV)-newest/.installed  ## the same tests, with the newest packages
	$(VENV)-newest/bin/python -m pytest $(PARALLEL) -m "not slow" $(PACKAGE_TESTS)

doctest: $(MINEDOJO_STAMP)  ## the examples in docstrings; one uses the real MineDojo
	$(MINEDOJO)/bin/python -m pytest $(PARALLEL) --doctest-modules vpt_gym

lint: $(STAMP)  ## what a commit must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## the documentation site, into site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

bench: $(MINEDOJO_STAMP)  ## all benchmarks; writes benchmarks/results/*.json
	$(MINEDOJO)/bin/python -m benchmarks

audit: $(STAMP) $(TOOLS_STAMP)  ## known vulnerabilities of the packages in .venv; asks pypi.org about each, and fails if it cannot
	$(BIN)/python -m tests.support.supply_chain audit $(TOOLS)/bin/pip-audit

sbom: $(STAMP) $(TOOLS_STAMP)  ## a bill of the packages in .venv (CycloneDX), in dist/sbom.cdx.json
	mkdir -p dist
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file dist/sbom.cdx.json $(BIN)/python
	$(BIN)/python -m tests.support.supply_chain complete dist/sbom.cdx.json

clean:  ## removes what was built and cached; your runs stay
	rm -rf .venv .venv-minedojo .venv-minedojo-pinned .venv-peers .venv-tools .venv-lowest .venv-newest dist build site .pytest_cache .mypy_cache .ruff_cache .coverage
