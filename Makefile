# What can be done here; `make` alone prints it. Each target sets up what it needs.

.DEFAULT_GOAL := help
.PHONY: query-counts release-schema help run test check bench bench-limits bench-idempotency bench-lists bench-products bench-orders bench-outbox bench-webhooks bench-rollout schema lock test-uci test-browser test-faults test-hostile fuzz fuzz-artefacts sdk postman test-sdk clean format
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# Relative, so that the path of the checkout may hold spaces.
export PYTHONPATH := platform:.
VENV := .venv/bin/python
BOOTSTRAP = command -v python3 >/dev/null 2>&1 || { \
	echo "agora: python3 is not on PATH; Agora needs Python 3.11 or 3.12." >&2; exit 1; }; \
	python3 -I platform/embedded/bootstrap.py $(NAMED) --group
# Another Python: make PYTHON=/path/to/python3.12 run
NAMED = $(if $(filter command line,$(origin PYTHON)),--python "$(PYTHON)")
EMBEDDED := $(VENV) -m embedded
# Node is brought along only where none is installed.
SDK_GROUP = $(if $(shell command -v npm 2>/dev/null),test,sdk)

B :=

# Arguments for pytest, for example: make test T="tests/core -k outbox"
T := -n 2

LOCKED := base serving tensorflow production embedded dev bench browser sdk
LOCK := $(VENV) -m piptools compile --quiet --generate-hashes --no-emit-find-links \
	--no-emit-index-url --allow-unsafe --strip-extras --no-header

##@ First day

help:  ## Show what can be done
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: HOST, PORT, STATE_DIR, DATABASE_URL, REDIS_URL and more: see .env.example"

run:  ## Start the whole platform, prove that it works, watch it (Ctrl-C stops it)
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) run

test:  ## Run the tests on a PostgreSQL and a Redis of their own (T="..." for pytest)
	@$(BOOTSTRAP) test
	@exec $(EMBEDDED) test -- $(T)

##@ Every day

check:  ## Lint, format, types, import contracts, migrations, Django's checks
	@$(BOOTSTRAP) test
	@echo "> ruff check" && $(VENV) -m ruff check --quiet .
	@echo "> ruff format" && $(VENV) -m ruff format --check --quiet . || { \
		echo "agora: some files are not formatted; make format does it." >&2; exit 1; }
	@echo "> mypy" && $(VENV) -m mypy --no-error-summary
	@echo "> import contracts" && $(VENV) -c \
		"from importlinter.cli import lint_imports_command as lint; lint()"
	@echo "> migrations, Django's checks" && $(EMBEDDED) services -- sh -c \
		"$(VENV) manage.py makemigrations --check --dry-run && \
		$(VENV) manage.py check --fail-level WARNING"
	@echo "All checks pass."

format:  ## Let ruff put the code in order
	@$(BOOTSTRAP) test
	@$(VENV) -m ruff check --fix-only --quiet .
	@$(VENV) -m ruff format .

schema:  ## Renew tests/contracts/openapi_v1.json
	@$(BOOTSTRAP) test
	@UPDATE_OPENAPI=1 $(EMBEDDED) test -- -q tests/contracts/test_openapi.py
	@echo "tests/contracts/openapi_v1.json is renewed: read its diff before you commit it."

sdk:  ## Build the Python client and the TypeScript types into build/sdk
	@$(BOOTSTRAP) $(SDK_GROUP)
	@exec $(VENV) -m sdk python typescript

postman:  ## Build the Postman collection and its environment into build/sdk/postman
	@$(BOOTSTRAP) test
	@exec $(VENV) -m sdk postman

query-counts:  ## Renew tests/contracts/query_counts.json
	@$(BOOTSTRAP) test
	@UPDATE_QUERY_COUNTS=1 $(EMBEDDED) test -- -q tests/contracts/test_query_counts.py
	@echo "tests/contracts/query_counts.json is renewed: read its diff before you commit it."

release-schema:  ## Record the API's schema and the migrations as released (BREAK=yes insists)
	@$(BOOTSTRAP) test
	@RECORD_RELEASE=1 RECORD_ANYWAY="$(filter yes,$(BREAK))" $(EMBEDDED) test -- -q \
		tests/contracts/test_breaking_changes.py tests/contracts/test_migrations.py
	@echo "openapi_v1_released.json.gz, released_codes.json and released_migrations.json are recorded."

##@ Now and then

bench:  ## Measure predictions, by kind of credential, against Flask and FastAPI (B="--short")
	@$(BOOTSTRAP) bench
	@exec $(VENV) tests/performance/bench.py $(B)

bench-limits:  ## Microseconds of the limiter beside a bare INCR (B="--short")
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) services -- $(VENV) tests/performance/bench_limits.py $(B)

bench-idempotency:  ## What an Idempotency-Key adds to a call, beside the same without (B="--short")
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) services -- $(VENV) tests/performance/bench_idempotency.py $(B)

bench-lists:  ## Milliseconds of a page of a hundred rows, by how it is read (B="--short")
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) services -- $(VENV) tests/performance/bench_lists.py $(B)

bench-products:  ## A page of 20 of 100,000 products: filters, search, facets, page 500 (B="--short")
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) services -- $(VENV) tests/performance/bench_products.py $(B)

bench-orders:  ## Orders a second of one hot variant, beside a bare UPDATE and COMMIT (B="--short")
	@$(BOOTSTRAP) test
	@exec $(VENV) tests/performance/bench_orders.py $(B)

bench-outbox:  ## Events a second that one relay hands on, with webhooks and without (B="--short")
	@$(BOOTSTRAP) run
	@exec $(EMBEDDED) services -- $(VENV) tests/performance/bench_outbox.py $(B)

bench-rollout:  ## Promotions back and forth while eight clients predict (B="--short")
	@$(BOOTSTRAP) test
	@exec $(VENV) tests/performance/bench_rollout.py $(B)

bench-webhooks:  ## Deliveries a second of one process, beside a bare loop of POSTs (B="--short")
	@$(BOOTSTRAP) test
	@exec $(VENV) tests/performance/bench_webhooks.py $(B)

test-faults:  ## Kill every part under work, among hostile receivers: ten minutes (T="-k redis")
	@$(BOOTSTRAP) test
	@FAULTS=1 $(EMBEDDED) test -- -m faults $(if $(filter command line,$(origin T)),$(T),tests/faults tests/journeys tests/apps/ml_models/test_replay_faults.py tests/apps/orders/services/payments)

test-hostile:  ## All hostile, ordinary and a thousand changed models: half an hour (ARTEFACT_FUZZ_SEEDS=50)
	@$(BOOTSTRAP) test
	@HOSTILE=1 ARTEFACT_FUZZ_SEEDS="$${ARTEFACT_FUZZ_SEEDS:-1000}" $(EMBEDDED) test -- $(if $(filter command line,$(origin T)),$(T),-n 2 tests/hostile)

fuzz:  ## Call the whole schema with random data, as everybody (FUZZ_EXAMPLES=50 FUZZ_SEED=...)
	@$(BOOTSTRAP) test
	@FUZZ_EXAMPLES="$${FUZZ_EXAMPLES:-50}" $(EMBEDDED) test -- tests/fuzz $(T)

fuzz-artefacts:  ## Change bytes of a good model in a thousand ways: half an hour (ARTEFACT_FUZZ_SEEDS=50)
	@$(BOOTSTRAP) test
	@ARTEFACT_FUZZ_SEEDS="$${ARTEFACT_FUZZ_SEEDS:-1000}" $(EMBEDDED) test -- -s tests/hostile/test_fuzz.py $(if $(filter command line,$(origin T)),$(T))

test-uci:  ## Train on the UCI sessions and hold the figures (UCI_CSV=/path/to.csv)
	@test -n "$(UCI_CSV)" || { echo "agora: set UCI_CSV to the Online Shoppers CSV." >&2; exit 1; }
	@$(BOOTSTRAP) test
	@UCI_CSV="$(UCI_CSV)" $(EMBEDDED) test -- -m uci

test-sdk:  ## Build and try all kits, with nothing skipped; needs npm's registry once
	@$(BOOTSTRAP) $(SDK_GROUP)
	@NODE_REQUIRED=1 $(EMBEDDED) test -- tests/sdk $(T)

test-browser:  ## Open the pages in a headless Chromium that is installed (CHROMIUM=/path)
	@$(BOOTSTRAP) browser
	@$(EMBEDDED) test -- -m browser

lock:  ## Compile requirements/*.txt anew from *.in and constraints.txt
	@$(BOOTSTRAP) test
	@cd requirements && for name in $(LOCKED); do \
		echo "  requirements/$$name.txt"; \
		PYTHONPATH= ../$(LOCK) --output-file $$name.txt $$name.in || exit 1; done

clean:  ## Delete caches and .venv; your data in STATE_DIR (var/) stays
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
	@rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@echo "Caches and .venv are gone. Your data is still in $${STATE_DIR:-var}: delete it yourself if you mean to."
