# Two commands do everything on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo quick test test-systems lint fuzz bench scoreboard picture screenshots clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "naysayer needs Python 3.11 or newer: install it (Debian: apt-get install python3 python3-venv) or run make PYTHON=/path/to/python3.11"; exit 3; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)"; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## the healthy quorum store, then the one without read repair, ending on the violation report
	@$(BIN)/naysayer test quorum-kv --seed 1; code=$$?; [ $$code -eq 0 ] || { echo "expected valid (exit 0), got exit $$code"; exit 1; }
	@$(BIN)/naysayer test quorum-kv/no-read-repair --seed 1; code=$$?; [ $$code -eq 1 ] || { echo "expected a violation (exit 1), got exit $$code"; exit 1; }

quick: $(STAMP)  ## the unit tests that take no time: half a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not systems"

test: $(STAMP)  ## everything that needs no foreign server, compiler or browser: some minutes
	$(BIN)/python -m pytest -n 3 --dist worksteal -q -m "not systems"

test-systems: $(STAMP)  ## the rest: real servers, compilers, hosts over SSH; what the machine lacks is skipped with the reason
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m systems

lint: $(STAMP)  ## style, types, direction of imports, contents of the wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/wheel_contents.py
	@if [ -x node_modules/.bin/tsc ]; then node_modules/.bin/tsc && echo "tsc: the types of the pages' modules fit"; \
	  else echo "tsc: not run, since typescript is not installed (npm install --no-save typescript@5)"; fi

picture: $(STAMP)  ## docs/report.svg, the report that README.md shows
	$(BIN)/python -m naysayer.commands.picture docs/report.svg

screenshots: $(STAMP)  ## the pictures of pages in docs/, by Chromium
	$(BIN)/python -m tests.screenshots docs

fuzz: $(STAMP)  ## 200,000 small random histories per model, against brute force
	$(BIN)/python -m tests.checker.fuzz

bench: $(STAMP)  ## prints figures; judges nothing
	$(BIN)/python -m tests.benchmarks

scoreboard: $(STAMP)  ## results/scoreboard.md: every broken variant hunted, every healthy one cleared; takes hours, and continues
	$(BIN)/python -m naysayer.hunt.scoreboard $(if $(TARGETS),--only $(TARGETS)) $(if $(HUNTS),--hunts $(HUNTS)) \
	  $(if $(CPU),--cpu $(CPU)) $(if $(HEALTHY),--healthy $(HEALTHY)) $(if $(TIME),--time $(TIME))

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
