# Two commands do everything for a newcomer: make demo, make test.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
DAYS ?= 30
LANDING ?= data/landing
LAKE ?= data/lake
AGAINST ?= HEAD
PORT ?= 8000
MERMAID := 11.17.2
export PYTHONPATH := lib

.DEFAULT_GOAL := help
.PHONY: help setup quality contracts object-store demo sql notebook docs docs-serve test test-real coverage wheel test-fast test-docs test-notebooks test-cluster test-airflow lint format bench clean clean-all

help: ## what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | sort | expand -t 16

setup: .venv/.ready ## the environment: Python packages, Delta jars, class-data archive

object-store: .venv/.ready ## the jars with which Spark reads and writes s3a://
	@"$(BIN)/python" -m lakehouse.setup --s3

quality: .venv/.ready-quality ## what jobs/validate.py --docs needs: Great Expectations

contracts: .venv/.ready-quality ## lint conf/contracts, and say what breaks those of AGAINST
	@"$(BIN)/python" jobs/contracts.py --against "$(AGAINST)"

demo: .venv/.ready ## generate DAYS of a retailer, build every table, answer a few questions
	@"$(BIN)/python" jobs/demo.py --days "$(DAYS)" --landing "$(LANDING)" --lake "$(LAKE)"

sql: .venv/.ready ## a SQL shell over LAKE
	@"$(BIN)/python" jobs/query.py --lake "$(LAKE)"

notebook: .venv/.ready-notebooks ## open the notebooks in a browser, over LAKE
	@LAKEHOUSE_LAKE="$(abspath $(LAKE))" "$(BIN)/python" -m jupyter lab notebooks

docs: .venv/.ready-docs ## the documentation as a site in build/docs/site, with the figures of LAKE
	@"$(BIN)/python" jobs/docs.py --lake "$(LAKE)"

docs-serve: docs ## the same, served on PORT
	@"$(BIN)/python" -m http.server --bind 127.0.0.1 --directory build/docs/site $(PORT)

test: .venv/.ready-test ## all tests that need nothing else, by two workers with a session each
	@"$(BIN)/python" -m pytest -n 2 -m "not real"

test-real: .venv/.ready-test ## the tests that read real retailers' files, in the folder RETAIL_DATA
	@"$(BIN)/python" -m pytest -n 2 -m real

coverage: .venv/.ready-test ## make test with coverage of lib, in build/coverage.xml
	@"$(BIN)/python" -m pytest -n 2 -m "not real" --cov=lib --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml

wheel: .venv/.python ## the wheel, without Spark, in build/dist
	@"$(BIN)/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/dist .

test-fast: .venv/.ready-test ## the tests that need no JVM
	@"$(BIN)/python" -m pytest -n 2 -m "not spark"

test-docs: .venv/.ready-docs .venv/.ready-test ## build the site of the documentation, follow every link
	@"$(BIN)/python" -m pytest tests/extras/test_site.py

test-notebooks: .venv/.ready-notebooks .venv/.ready-test ## execute every notebook on a small lake
	@"$(BIN)/python" -m pytest tests/extras/test_notebooks.py

test-cluster: .venv/.ready-elsewhere object-store ## the sample on a standalone cluster that loses a worker, in S3, by catalogue names
	@"$(BIN)/python" -m pytest tests/elsewhere --ignore tests/elsewhere/test_airflow.py

test-airflow: .venv/.ready-test .venv/.ready-notebooks .venv-airflow/.ready ## the DAG over the sample, by Airflow in an environment of its own
	@"$(BIN)/python" -m pytest tests/elsewhere/test_airflow.py

lint: .venv/.ready-test ## style, types and architecture
	@"$(BIN)/ruff" check lib jobs tests notebooks conf
	@"$(BIN)/ruff" format --check lib jobs tests notebooks conf
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports"

format: .venv/.ready-test ## put the code in its usual form
	@"$(BIN)/ruff" format lib jobs tests notebooks conf
	@"$(BIN)/ruff" check --fix lib jobs tests notebooks conf

bench: .venv/.ready ## time the commands and histories, and write docs/benchmarks.md
	@"$(BIN)/python" jobs/benchmark.py --history

clean: ## remove generated landing files, lakes and caches
	rm -rf data/*landing data/*lake data/features build spark-warehouse notebooks/spark-warehouse metastore_db derby.log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

clean-all: clean ## remove the environment too
	rm -rf .venv .venv-airflow

.venv/.python: pyproject.toml
	@bash .ci/check-machine "$(PYTHON)"
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@echo "Installing the pinned packages into .venv (once)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local]"
	@touch $@

.venv/.ready: .venv/.python
	@bash .ci/check-machine "$(PYTHON)"
	@"$(BIN)/python" -m lakehouse.setup
	@touch $@

.venv/.ready-quality: .venv/.ready
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local,quality]"
	@touch $@

.venv/.ready-test: .venv/.ready
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local,test,quality]"
	@touch $@

.venv/.ready-notebooks: .venv/.ready
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local,notebooks]"
	@touch $@

# The diagrams of the site are drawn in the browser, by a script that the site brings along.
.venv/.ready-docs: .venv/.python
	@command -v npm > /dev/null || { echo "make docs needs npm, once, for the script that draws the diagrams: install it (on Debian: npm)." >&2; exit 2; }
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local,docs]"
	@cd .venv && npm pack --silent mermaid@$(MERMAID) > /dev/null && \
	    tar -xzf mermaid-$(MERMAID).tgz --strip-components=2 package/dist/mermaid.min.js && \
	    rm mermaid-$(MERMAID).tgz && touch mermaid.min.js
	@touch $@

.venv/.ready-elsewhere: .venv/.ready-test
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --editable ".[local,test,elsewhere]"
	@touch $@

.venv-airflow/.ready: conf/airflow/requirements.txt
	@echo "Installing Airflow into .venv-airflow (once, 1.1 GB)"
	@"$(PYTHON)" -m venv --clear .venv-airflow
	@env -u PYTHONPATH .venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
