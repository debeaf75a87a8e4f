# mailsuite: `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The demo server's ports are this plus the standard ones.
PORT_BASE ?= 2000

# SEEDS=n: how many, of `make crash` and `make simulate`; FIRST=m: where those of `make simulate` begin, 0 if it is not
# given, so that a nightly run tries others each time: make simulate SEEDS=1000 FIRST=$(date +%s)
# How long `make fuzz` runs.
SECONDS ?= 30
# Where `make bench` keeps its figures, with page and chart beside them.
RESULTS ?= docs/benchmarks.json
# How long `make soak` runs.
MINUTES ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv run test crash simulate fuzz abuse soak bench audit check format clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): setup.cfg pyproject.toml
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test,dev]' --config-settings editable_mode=compat
	@touch $@

venv: $(STAMP) ## Make the environment in .venv

run: $(STAMP) ## Start a demo server on loopback; its files are in var/ (made at first use, kept after)
	@test -f var/mailsuite.toml || $(BIN)/mailsuite init var --demo --port-base $(PORT_BASE) >/dev/null
	@$(BIN)/mailsuite show --config var/mailsuite.toml
	@exec $(BIN)/twistd -n --pidfile var/twistd.pid mailsuite --config var/mailsuite.toml

check: $(STAMP) ## Format, lint, types and layer contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(STAMP) ## Run all tests
	$(BIN)/pytest -n auto -q

crash: $(STAMP) ## Power cuts and kills at more points: make crash SEEDS=20 (docs/durability.md)
	MAILSUITE_CRASH_SEEDS='$(or $(SEEDS),10)' MAILSUITE_KILLS=20 $(BIN)/pytest -q -n auto tests/simulation

simulate: $(STAMP) ## Whole servers in a simulated world, from 200 seeds: make simulate SEEDS=1000 FIRST=5000 (docs/simulation.md)
	MAILSUITE_WORLD_SEEDS='$(or $(SEEDS),200)' MAILSUITE_WORLD_FIRST='$(or $(FIRST),0)' $(BIN)/pytest -q -n auto tests/world/test_seeds.py

fuzz: fuzz-smtp fuzz-pop3 fuzz-imap ## Random input for the cores, each: make fuzz SECONDS=600 (docs/fuzzing.md)

fuzz-%: $(STAMP)
	@$(BIN)/pip install --quiet --editable '.[fuzz]' --config-settings editable_mode=compat || \
		{ echo 'make fuzz: atheris cannot be installed for this Python' >&2; exit 1; }
	$(BIN)/python tests/fuzz/fuzz_$*.py -max_total_time=$(SECONDS)

abuse: $(STAMP) ## Do to a real server what its users would not, and see what holds (bench/abuse)
	$(BIN)/python -m bench.abuse

soak: $(STAMP) ## Mixed traffic with kills, full disk and the like, then a balance: make soak MINUTES=20 (bench/soak)
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

bench: $(STAMP) ## Figures beside Postfix and Dovecot where they are installed, into docs/benchmarks.md (root for the peers; else RESULTS=FILE.json)
	@$(BIN)/pip install --quiet --editable '.[bench]' --config-settings editable_mode=compat || \
		echo 'make bench: no matplotlib, and so no chart' >&2
	$(BIN)/python -m bench.figures --page --results $(RESULTS) ingest relay imap logins idle push pop3 crowd memory queue waiting

audit: $(STAMP) ## Are weaknesses of the pinned dependencies known? (etc/requirements.txt, docs/security.md)
	@$(BIN)/pip install --quiet --editable '.[audit]' --config-settings editable_mode=compat || true
	$(BIN)/python -m bench.audit

clean: ## Remove build products (not var/, which holds mail)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz
