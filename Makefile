# make demo: render session-1 on the sample warehouse.   make test: lint, types, quick tests.
# make test-all: everything that CI runs; the first time it builds a BigQuery server.

VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/demo
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python
HAS_NEEDED := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := demo
.PHONY: demo test test-all engine-versions saves lint types emulator bench docs pictures wheel lock clean

# In a copy, as rendering records facts: the checkout stays clean.
demo: $(VENV)/installed
	@rm -rf $(DEMO) && mkdir $(DEMO) && cp -R handoff.yaml sessions sql templates docs $(DEMO)
	$(BIN)/handoff render session-1 --root $(DEMO)
	@echo
	@echo "The prompt for the next session, with warnings about blanks that are not filled yet:"
	@echo
	$(BIN)/handoff prompt session-1 --root $(DEMO)

# Builds and downloads no server or browser. Tests that need one run where there is one; else they
# are skipped, and the last lines say so.
test: lint types
	$(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

test-all: export HANDOFF_TEST_INSTALL = 1
test-all: emulator test engine-versions

# The engine's tests with the lowest and the newest versions of DuckDB and sqlglot that
# pyproject.toml allows: they have changed results before.
engine-versions: engine-versions-lowest engine-versions-newest

engine-versions-%: $(VENV)/installed-test
	@rm -rf $(VENV)/engine-$*
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/engine-$* \
	  $$($(BIN)/python -c 'from handoff.warehouse.duckdb import versions as v; print(*v.$*())')
	PYTHONPATH=$(VENV)/engine-$* timeout 300 $(BIN)/python -m pytest -n auto -p no:cacheprovider \
	  tests/test_engines.py tests/test_duckdb.py tests/test_engine_versions.py \
	  --deselect tests/test_engines.py::test_emulator_agrees_with_the_cases \
	  --deselect tests/test_engines.py::test_analyzer_of_the_emulator_agrees

# An editor that saves 1,000 times while edits are written.
saves: $(VENV)/installed-test
	HANDOFF_SAVES=1000 $(BIN)/python -m pytest tests/test_saving.py -k test_no_save_of_an_editor

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-test
	$(BIN)/mypy

# A BigQuery server for the tests, built once in the user's cache folder. If that fails, its tests
# are skipped; in CI they fail where there is Go.
emulator:
	-@tests/emulator/build.sh

bench: $(VENV)/installed
	$(BIN)/python benchmarks/render.py
	$(BIN)/python benchmarks/publish.py
	$(BIN)/python benchmarks/todo.py
	$(BIN)/python benchmarks/preview.py

# Writes the generated pages and tables, and the site into site/; a broken link or anchor fails.
docs: $(VENV)/installed-test
	$(BIN)/python docs/generate.py
	$(BIN)/python -m properdocs build --strict --quiet -f mkdocs.yml

# Screenshots of the preview and of charts, taken by their tests; the fonts are those of this machine.
pictures: $(VENV)/installed-test
	$(BIN)/python -m pytest tests/test_preview_browser.py tests/test_charts_browser.py
	$(BIN)/python docs/pictures.py

# The packages that the action installs, newest versions, each with its hashes.
LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11
LOCKED := --generate-hashes --no-annotate --custom-compile-command 'make lock'
lock:
	@test -x $(VENV)/lock/bin/uv || { python3 -m venv $(VENV)/lock && \
	  $(VENV)/lock/bin/pip install --quiet uv; }
	$(LOCK) $(LOCKED) --upgrade pyproject.toml -o action/requirements-render.txt
	grep -v '^ *--hash' action/requirements-render.txt | tr -d '\\' >$(VENV)/lock/versions.txt
	$(LOCK) $(LOCKED) --no-deps -c $(VENV)/lock/versions.txt action/requirements.in \
	  -o action/requirements.txt
	$(LOCK) $(LOCKED) action/requirements-build.in -c $(VENV)/lock/versions.txt \
	  -o action/requirements-build.txt

wheel: $(VENV)/installed
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed pyproject.toml
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

# The first suitable Python; dependency groups need pip 25.1.
$(VENV)/created:
	@for python in $(PYTHONS); do \
	  if $$python -c '$(HAS_NEEDED)' >/dev/null 2>&1; then \
	    echo "creating $(VENV) with $$($$python --version), installing"; \
	    $$python -m venv $(VENV) && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
	    touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "handoff needs Python 3.11 or newer with its venv module (Debian: apt install" \
	  "python3-venv); to choose one: make PYTHON=/path/to/python" >&2; \
	exit 1

clean:
	rm -rf $(VENV) dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
