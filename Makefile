# Two commands do all the set-up on a fresh machine: `make run` and `make test`.

# the interpreter to make the environment with, where it shall not be the distribution's
PYTHON ?=
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Tests wait more than they compute, so several files are under way at once, each from its first test to its last. Bytecode
# is written whatever the environment says: hundreds of servers are started.
TESTERS ?= 4

.PHONY: run test venv lint bench fuzz soak docs clean

run: venv
	@$(BIN)/python packaging/demo.py

test: venv
	@sh packaging/system-packages.sh test
	@sh packaging/install.sh $(VENV) test
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder

venv: $(STAMP)

$(STAMP): setup.cfg pyproject.toml packaging/install.sh packaging/system-packages.sh
	@sh packaging/system-packages.sh run
	@PYTHON=$(PYTHON) sh packaging/install.sh $(VENV)
	@touch $@

lint: venv
	@sh packaging/install.sh $(VENV) test
	@$(BIN)/ruff check .
	@$(BIN)/mypy .

bench: venv
	@sh packaging/system-packages.sh bench
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.bench

fuzz: venv
	@sh packaging/install.sh $(VENV) test
	@FUZZ_EXAMPLES=100000 $(BIN)/python -m pytest tests/fuzz

soak: venv
	@SOAK=1000 $(BIN)/python -m pytest tests/soak

docs: venv
	@$(BIN)/python -m pyproftpd.conf.describe > docs/directives.md
	@$(BIN)/python -m pyproftpd.conf.manual > etc/man/proftpd.conf.5

clean:
	rm -rf $(VENV) var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
