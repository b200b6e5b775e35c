# Everything here needs Python 3.11 or newer and make; the rest is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Otherwise each process of the tests would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE
# In CI the drivers of the databases and the browser are installed, and a missing service is a failure.
IN_CI := $(filter true,$(CI))
SERVICES := $(VENV)/.services $(VENV)/.mariadb
COVERED := $(VENV)/covered.json

# mysqlclient and uWSGI are compiled while they are installed.
CAN_COMPILE = command -v cc >/dev/null && $(BIN)/python -c \
  'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
HAS_MARIADB_HEADERS = { pkg-config --exists libmariadb || pkg-config --exists mariadb || \
  pkg-config --exists mysqlclient; } 2>/dev/null
# Install a group, or say what is missing and go on; in CI that is an error. Arguments: group, condition, sentence.
install_if = @if $(2); then $(BIN)/pip install --quiet --group $(1) && touch $@; \
  else echo "$(3)" >&2; $(if $(IN_CI),exit 1,true); fi

.DEFAULT_GOAL := help
.PHONY: help demo test check chaos bench docs messages clean

help: ## Show these targets.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(VENV)/.demo ## Watch a bookshop tell Hellotext what its customers do (EXIT=1: verify, then end).
	@cd example_project && EXIT=$(EXIT) ../$(BIN)/python -m demo

test: $(VENV)/.test $(if $(IN_CI),$(SERVICES)) ## Run the whole suite on SQLite, and services' tests where they run (COVERAGE=1: fail under 97 %).
	$(if $(COVERAGE),$(BIN)/python -m slipcover --json --out $(COVERED) -m pytest,$(BIN)/pytest) -n auto $(ARGS)
	$(if $(COVERAGE),$(BIN)/python -m slipcover --merge $(COVERED) --out $(COVERED) --fail-under 97)

check: $(VENV)/.check ## Lint, types, import order, migrations.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/manage.py makemigrations --check --dry-run django_hellotext
	DEFAULT_AUTO_FIELD=django.db.models.AutoField $(BIN)/python tests/manage.py makemigrations --check --dry-run django_hellotext
	$(BIN)/python tests/manage.py check --fail-level WARNING

chaos: $(VENV)/.chaos $(VENV)/.mariadb $(if $(SHORT),,$(VENV)/.uwsgi) ## Kill, cut and stop what delivery needs; count what arrives (SHORT=1: two minutes).
	$(BIN)/python -m tests.chaos $(if $(SHORT),--short)

bench: $(VENV)/.chaos ## Measure it beside naive code (ONLY=recording,delivery: some of it, SHORT=1: a quick look).
	ONLY=$(ONLY) SHORT=$(SHORT) $(BIN)/python -m benchmarks

docs: $(VENV)/.docs ## Build the documentation into docs/_build/html; a warning is an error.
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

messages: $(VENV)/.test ## Collect the texts to translate, and compile the translations (needs gettext).
	@command -v msgfmt >/dev/null || { echo "GNU gettext is missing: apt-get install gettext" >&2; exit 1; }
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
	$(BIN)/pip install --quiet --editable '.[celery,rest]' --group test
	@touch $@

$(VENV)/.services: $(VENV)/.test
	$(BIN)/pip install --quiet --group services
	@touch $@

# Neither file is there while something is missing, so that the next run looks again.
$(VENV)/.mariadb: $(VENV)/.test
	$(call install_if,mariadb,$(CAN_COMPILE) && $(HAS_MARIADB_HEADERS),MariaDB is left out because its driver cannot be \
	built. Run: apt-get install libmariadb-dev pkg-config gcc python3-dev)

$(VENV)/.uwsgi: $(VENV)/.test
	$(call install_if,uwsgi,$(CAN_COMPILE),uWSGI is left out because it cannot be built. Run: apt-get install gcc \
	python3-dev)

$(VENV)/.check: $(VENV)/.test
	$(BIN)/pip install --quiet --group check
	@touch $@

$(VENV)/.chaos: $(VENV)/.test
	$(BIN)/pip install --quiet --group chaos
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/pip install --quiet --group docs
	@touch $@
