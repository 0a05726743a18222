# Each target sets up .venv from requirements.lock, anew when that has changed or an attempt was cut short;
# nothing else is needed but Python 3.11+.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: demo test run lint soak fuzz faults
demo: $(READY)
	$(PY) -m bot demo

run: $(READY)
	$(PY) -m bot run

# The faults and the calls take seconds each: who has ended takes over what another still has before it.
test: lint
	$(PY) -m pytest -n 4 --dist worksteal

# Half an hour of sixteen calls at once: see soak-out/.
soak: $(READY)
	$(PY) tests/soak/soak.py

# A million datagrams, a hundred thousand Live messages and more, in some five minutes; FUZZ_SCALE=0.1 gives a
# tenth of each.
fuzz: $(READY)
	$(PY) tests/fuzz/fuzz_run.py

# Plays every fault and prints what people notice of it; ends with an error if one is not survived.
faults: $(READY)
	$(PY) tests/faults/fault_run.py

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
