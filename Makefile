# SAU: two commands. `make run` starts everything at http://localhost:8000; `make test` proves it.
# PORT=9000 make run   moves the service to 9000 and the two portals to 9001 and 9002.

PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
HOME_FOLDER ?= var
# pytest's own options, e.g. TESTS="tests/kernel -x"
TESTS ?=
# options of the benchmark, e.g. BENCH="--quick --only jwks"
BENCH ?=
# how often each fault is repeated (`long`, or a number), and which, e.g. FAULTS="tests/faults/test_kill.py"
FAULT_ROUNDS ?= long
# how long each round loop goes at most, in minutes; empty: to its end
FAULT_MINUTES ?=
FAULTS ?= tests/faults

# A test, and a command, is a new process: without compiled files each would compile a thousand modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run install test coverage faults samples check format migration docs site man screenshots bench lock clean help
.DEFAULT_GOAL := help

help:
	@echo "make run     the service, the console and two portals, at http://localhost:$(PORT)"
	@echo "make install what a server needs, into $(VENV)/ (docs/operations.md)"
	@echo "make test    every gate and every test, real servers included"
	@echo "make coverage   the tests again, and which lines they reach (half as long again; htmlcov/index.html)"
	@echo "make faults  kills, failovers, full disks, races, each many times: docs/faults.md (an hour and more; FAULT_ROUNDS=5 to look)"
	@echo "make samples the sample code that is too heavy for every run: Spring Boot, which Maven builds (a few minutes at first)"
	@echo "make check   the gates alone: format, lint, types, import contracts, migrations"
	@echo "make format  put the code into form"
	@echo "make migration MESSAGE=\"what changes\"   write a migration from what changed in the mapped classes"
	@echo "make docs    write the pages that are made from the code: settings, commands, events, APIs, …"
	@echo "make site    build the documents as a site into build/site/, strictly: docs/decisions/0050-site.md"
	@echo "make man     write the manual page into build/sau.1, from the commands"
	@echo "make screenshots   take the pictures of README.md, from a demonstration of its own (needs chromium)"
	@echo "make bench   side by side with npm oidc-provider: docs/performance.md (needs wrk and nodejs; BENCH=--quick to look)"
	@echo "make lock    renew the locked requirements"
	@echo "make clean   remove what these commands made, but not $(HOME_FOLDER)/, which holds data and keys"

run: $(VENV)/.run
	@exec $(BIN)/python scripts/demo.py --port $(PORT) --home $(HOME_FOLDER)

# Compiled ahead, for the service's own user may not write here.
install: $(VENV)/.run
	@$(BIN)/python -m compileall -q *.py kernel keys outgoing audit web idp ca admin operations migrations
	@echo "Installed. Next: docs/operations.md"

# Debian's packages come while the gates run: one waits for the network, the other for the processor.
test:
	@scripts/test-packages & packages=$$!; $(MAKE) --no-print-directory check; checked=$$?; wait $$packages; exit $$checked
	@scripts/tests $(TESTS)

# Every test again, and which lines they reach; at least nine in ten, or it fails.
coverage: $(VENV)/.dev
	@scripts/test-packages
	@scripts/tests --coverage

# One process, one harness after the other: none disturbs another's figures.
faults: $(VENV)/.dev
	@scripts/test-packages
	@mkdir -p .cache
	@FAULT_ROUNDS=$(FAULT_ROUNDS) FAULT_MINUTES=$(FAULT_MINUTES) FAULT_PROGRESS=$(CURDIR)/.cache/faults.log $(BIN)/python -m pytest --timeout 10800 -p no:cacheprovider $(FAULTS)

# What Maven needs is fetched into .cache/maven, and is too much for every run. Without Maven the test says that it was skipped.
samples: $(VENV)/.dev
	@scripts/test-packages maven
	@FAULT_ROUNDS=1 $(BIN)/python -m pytest -p no:cacheprovider tests/flows/relying_parties/test_samples.py tests/flows/relying_parties/test_spring_sample.py tests/flows/relying_parties/test_samples_against_faults.py

check: $(VENV)/.dev
	@scripts/gates

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

migration: $(VENV)/.dev
	@[ -n "$(MESSAGE)" ] || { echo 'Say what changes: make migration MESSAGE="what changes"' >&2; exit 2; }
	@$(BIN)/python scripts/new-migration "$(MESSAGE)"

docs: $(VENV)/.dev
	@$(BIN)/python scripts/reference.py

site: $(VENV)/.dev
	@$(BIN)/python scripts/site.py

man: $(VENV)/.run
	@mkdir -p build && $(BIN)/sau man > build/sau.1 && echo "build/sau.1: man -l build/sau.1"

screenshots: $(VENV)/.dev
	@$(BIN)/python scripts/screenshots.py

bench: $(VENV)/.dev
	@$(BIN)/python -m bench $(BENCH)

lock: $(VENV)/.dev
	@scripts/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov .cache build sau.egg-info
	find . -name __pycache__ -type d -not -path './$(HOME_FOLDER)/*' -prune -exec rm -rf {} +

# What a stamp depends on is what it was made from: the second start takes no time, a changed lock is installed.
$(VENV)/.run: requirements.txt requirements-build.txt setup.cfg pyproject.toml
	@scripts/setup requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements-build.txt setup.cfg pyproject.toml
	@scripts/setup requirements-dev.txt
	@touch $@
