# Each target sets up .venv from requirements.lock, anew when that has changed or an attempt was cut short;
# nothing else is needed but Python 3.11+.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: demo test run lint
demo: $(READY)
	$(PY) -m bot demo

run: $(READY)
	$(PY) -m bot run

test: lint
	$(PY) -m pytest -n 3

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy bot cogs migrations tests

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Earshot needs Python 3.11 or newer; set PYTHON=/path/to/python3.11 and run make again."; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
