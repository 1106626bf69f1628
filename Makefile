# Every target but `clean` and `lock` runs `setup` first, which is cheap when nothing changed.
BIN := .venv/bin
PYTHON_SOURCES := proxy policy models tests benchmarks scripts

# Without root, network tests become root of a user namespace, which only a process without threads can: no helpers then.
PARALLEL := $(shell test "$$(id -u)" -eq 0 && echo "-n 3 --dist loadfile --no-loadscope-reorder")

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup node-wot demo demo-federation demo-wot run test check schemas benchmark format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with the alleyes command; as root on Debian install missing packages
	@scripts/setup

node-wot: setup ## install what the tests of the Web of Things talk to
	@scripts/install-node-wot

demo: setup ## a virtual IoT site is learnt, attacked and defended; needs root, or user namespaces
	@$(BIN)/python -m tests.site.demo

demo-federation: setup ## a new site is protected by what others have learnt; needs the same
	@$(BIN)/python -m tests.site.demo_federation

demo-wot: setup node-wot ## W3C Web of Things devices are learnt, attacked and defended; needs the same, and Node.js
	@$(BIN)/python -m tests.site.demo_wot

run: setup ## run the gateway with config/gateway.yaml
	@$(BIN)/alleyes run --config config/gateway.yaml

check: setup ## format, lint, types, architecture, tests about the repository
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/repository

test: check node-wot ## check, then every other test
	$(BIN)/pytest --ignore=tests/repository $(PARALLEL)

format: setup ## rewrite the sources the way `check` wants them
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

schemas: setup ## write config/*.schema.json from the models of the configuration documents
	@$(BIN)/python -m scripts.schemas

benchmark: setup ## measure; installs what is compared with (apart, as minutes: benchmarks.robustness, .ablation)
	@scripts/install-benchmark-packages
	@$(BIN)/python -m benchmarks

lock: ## resolve pyproject.toml into the locks again (needs uv); LOCK_FLAGS=--upgrade takes the newest versions
	@scripts/lock $(LOCK_FLAGS)

clean: ## remove .venv and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist tests/wot/node_modules
	find . -path ./.git -prune -o -type d -name __pycache__ -exec rm -rf {} +
