# make demo   set up on a fresh machine, replay the bundled cases, make an authority that does not exist, and offer its pages
# make pages  the pages of that authority, in the browser
# make test   set up on a fresh machine, then run the whole test suite
# make check  lint, types, import contract and rule examples, as the gate runs them
# make bench  this engine and the alternatives side by side; fails when a target is missed
# make scale  millions of children and 100 million events: hours to make the data once, then half an hour; writes docs/performance.md
# make lock   resolve the dependencies anew

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# what installs packages into $(VENV); the gate names uv instead, which fetches and compiles several at once
INSTALL ?= $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo pages pictures ready test test-rest test-spark test-browser check check-style check-types check-imports check-rules bench lock clean

$(VENV)/run.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rrt needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/dev.ready: $(VENV)/run.ready requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@

# the second engine of the thresholds: it has no wheels, so it needs a C compiler, and there is none for Python 3.13
$(VENV)/durable.ready: $(VENV)/run.ready
	@$(INSTALL) "durable_rules==2.0.28; python_version < '3.13'" 2>/dev/null || true
	@$(BIN)/python -c "import durable_rules_engine" 2>/dev/null \
	|| { echo "durable_rules cannot be built here (it needs CPython below 3.13 and a C compiler): suggestions will be checked by one engine"; \
	test "$(RRT_REQUIRE_DURABLE)" != 1; }
	@touch $@

$(VENV)/bench.ready: $(VENV)/dev.ready
	$(INSTALL) "polars>=1.20,<3" "duckdb>=1.2,<3" "pandas>=2.2,<4" durable_rules==2.0.28 "zen-engine>=2.1,<3"
	@touch $@

# Spark for the tests of it, where RRT_REQUIRE_SPARK=1 asks for them: half a gigabyte, and it needs Java 17
$(VENV)/spark.ready: $(VENV)/dev.ready $(VENV)/durable.ready
	$(INSTALL) pyspark==4.3.0
	@touch $@

# a tool of process mining that we did not write, for the tests of exports, where RRT_REQUIRE_READER=1 asks for it. It is AGPL, so it
# is apart from everything else and no dependency; of what it asks for, only what reading needs
INSTALL_READER = $(subst $(BIN)/python,$(VENV)/reader/bin/python,$(INSTALL))
$(VENV)/reader.ready: $(VENV)/run.ready
	$(PYTHON) -m venv $(VENV)/reader
	$(INSTALL_READER) "pandas>=2.2,<4" "networkx>=3,<4" "lxml>=5.3,<7" "tqdm>=4,<5" "packaging>=24" pytz
	$(INSTALL_READER) --no-deps pm4py==2.7.23.11
	@touch $@

# axe-core, for the tests in a real browser where RRT_REQUIRE_BROWSER=1 asks for them: as tools/pages/package-lock.json pins it, by npm
$(VENV)/browser.ready: $(VENV)/dev.ready tools/pages/package-lock.json
	cd tools/pages && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# an authority that does not exist, and two runs over it a fortnight apart
demo/authority.parquet: $(VENV)/run.ready
	@mkdir -p demo
	$(BIN)/rrt synth --children 300 --to 2026-04-15 -o $@

demo/april/manifest.json: demo/authority.parquet
	rm -rf demo/march demo/april
	$(BIN)/rrt replay demo/authority.parquet --as-of 2026-03-31 -o demo/march --exit-zero > demo/march.txt
	$(BIN)/rrt replay demo/authority.parquet --as-of 2026-04-15 -o demo/april --exit-zero > demo/april.txt

demo: $(VENV)/durable.ready demo/april/manifest.json
	$(BIN)/rrt replay cases/training cases/sample --as-of 2026-04-15 --exit-zero
	$(BIN)/rrt check cases/training/conference_over_easter.yaml --as-of 2026-04-15 --explain full --exit-zero
	$(BIN)/rrt check cases/training/baby_who_cannot_roll.yaml --as-of 2026-04-15 --exit-zero
	@echo
	@echo "The same as pages, on this computer only: today's work, cases, training and rules, with an authority that does not exist."
	@echo "  make pages, or: $(BIN)/$(SERVE)"
	@if [ -t 0 ] && [ -t 1 ] && [ -z "$$CI" ]; then \
	printf 'Open them now? [y/N] '; read -r answer; case $$answer in [yY]*) exec $(BIN)/$(SERVE);; esac; fi

SERVE = rrt serve --data demo/authority.parquet --data cases/training --data cases/sample --run demo/march --run demo/april --as-of 2026-04-15
pages: $(VENV)/durable.ready demo/april/manifest.json
	$(BIN)/$(SERVE)

# the pictures of the documents, made from the demonstration with the browser that the tests use
pictures: $(VENV)/dev.ready demo/april/manifest.json
	$(BIN)/python tools/pictures.py

# all that the tests need
ready: $(VENV)/dev.ready $(VENV)/durable.ready $(if $(filter 1,$(RRT_REQUIRE_SPARK)),$(VENV)/spark.ready) \
$(if $(filter 1,$(RRT_REQUIRE_READER)),$(VENV)/reader.ready) $(if $(filter 1,$(RRT_REQUIRE_BROWSER)),$(VENV)/browser.ready)

# one after another, or side by side with -j3
test: test-rest test-spark test-browser

test-rest: ready
	$(BIN)/python -m pytest -n auto --dist worksteal --ignore tests/test_spark.py --ignore tests/test_browser.py

# by themselves: one Spark serves all its tests, and one server and one browser all of theirs
test-spark: ready
	$(BIN)/python -m pytest -rs tests/test_spark.py

test-browser: ready
	$(BIN)/python -m pytest -rs tests/test_browser.py

check: check-style check-types check-imports check-rules

check-style: $(VENV)/dev.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(VENV)/dev.ready
	$(BIN)/mypy

check-imports: $(VENV)/dev.ready
	$(BIN)/lint-imports

# the linter runs every example of every rule, and each again under every small change to its rule
check-rules: $(VENV)/dev.ready
	$(BIN)/rrt rules lint

$(VENV)/validator.ready: $(VENV)/run.ready
	$(PYTHON) -m venv $(VENV)/validator
	$(VENV)/validator/bin/python -m pip install --quiet --disable-pip-version-check csc-validator-be-cin==0.1.13 "numpy<1.25" pytest
	@touch $@

bench: $(VENV)/bench.ready $(VENV)/validator.ready
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/census.py --validator $(VENV)/validator/bin/python
	$(BIN)/python benchmarks/thresholds.py

scale: $(VENV)/dev.ready
	$(BIN)/python benchmarks/scale.py --all

lock:
	uv pip compile --universal --python-version 3.11 --no-header --extra dev --output-file requirements-dev.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --no-header --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
