# Everything here needs Python 3.11 or newer and make; the rest is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# In CI the drivers of the databases and the browser come along, and a missing service is a failure.
TEST_GROUPS := --group test $(if $(filter true,$(CI)),--group services)

.DEFAULT_GOAL := help
.PHONY: help demo test check chaos bench docs messages clean

help: ## Show these targets.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(VENV)/.demo ## Watch a bookshop tell Hellotext what its customers do (EXIT=1: verify, then end).
	@cd example_project && EXIT=$(EXIT) ../$(BIN)/python -m demo

test: $(VENV)/.test ## Run the whole test-suite on SQLite; tests of services run where the services are.
	$(BIN)/pytest -n auto $(ARGS)

check: $(VENV)/.check ## Lint, types, import order, migrations.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/manage.py makemigrations --check --dry-run django_hellotext
	DEFAULT_AUTO_FIELD=django.db.models.AutoField $(BIN)/python tests/manage.py makemigrations --check --dry-run django_hellotext
	$(BIN)/python tests/manage.py check --fail-level WARNING

chaos: $(VENV)/.chaos ## Kill, cut and stop what delivery needs; count what arrives (SHORT=1: a minute).
	$(BIN)/python -m tests.chaos $(if $(SHORT),--short)

bench: $(VENV)/.chaos ## Measure it beside naive code (ONLY=recording,delivery: some of it, SHORT=1: a quick look).
	ONLY=$(ONLY) SHORT=$(SHORT) $(BIN)/python -m benchmarks

docs: $(VENV)/.docs ## Build the documentation into docs/_build/html; a warning is an error.
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

messages: $(VENV)/.test ## Collect what is to be translated, and compile what is (needs gettext).
	cd django_hellotext && ../$(BIN)/django-admin makemessages --locale es --no-obsolete --add-location file
	cd django_hellotext && ../$(BIN)/django-admin compilemessages

clean: ## Remove what was installed and built.
	rm -rf $(VENV) docs/_build example_project/var

$(VENV)/.base: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.base
	$(BIN)/pip install --quiet --editable '.[rest]' --group demo
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/pip install --quiet --editable '.[celery,rest]' $(TEST_GROUPS)
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/pip install --quiet --group check
	@touch $@

$(VENV)/.chaos: $(VENV)/.test
	$(BIN)/pip install --quiet --group services --group chaos
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/pip install --quiet --group docs
	@touch $@
