# All that a contributor runs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLUSTER ?= paramedic
CLUSTER_KUBECONFIG ?= $(CURDIR)/.localkind/kubeconfig
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test test-unit test-e2e bench lint format generate cluster cluster-down image lock clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment: made once, and again when the locked requirements change.
$(VENV)/.ready: requirements-dev.txt requirements.txt pyproject.toml dev/setup
	@dev/setup $(PYTHON) $(VENV)
	@touch $@

demo: $(VENV)/.ready ## Watch a broken Deployment heal, on a real API server
	@$(BIN)/python dev/demo

test: $(VENV)/.ready ## Run every test, on a real API server too
	@$(BIN)/python dev/localkind build --node
	@dev/monitoring
	@$(BIN)/pytest

test-unit: $(VENV)/.ready ## Run the tests that need no cluster
	@$(BIN)/pytest -q -m "not e2e and not monitoring"

test-e2e: $(VENV)/.ready ## Run the tests that need a cluster, but not the kills and the real node
	@$(BIN)/pytest -q -m "e2e and not crash and not realnode"

bench: $(VENV)/.ready ## Measure it beside programs that remember nothing (docs/performance.md); ARGS=--help
	@$(BIN)/python -m bench $(ARGS)

lint: $(VENV)/.ready ## Check style, types, layers, and that generated files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --config-file= --cache-dir=.mypy_cache/dev dev/cluster
	$(BIN)/lint-imports
	$(BIN)/python -m paramedic.codegen --check

format: $(VENV)/.ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(VENV)/.ready ## Write what is generated: CRDs, roles, docs
	$(BIN)/python -m paramedic.codegen

cluster: $(VENV)/.ready ## Start a throwaway cluster to try things on
	@mkdir -p $(dir $(CLUSTER_KUBECONFIG))
	@dev/localkind get clusters 2>/dev/null | grep -qx '$(CLUSTER)' || dev/localkind create cluster --name '$(CLUSTER)' --kubeconfig '$(CLUSTER_KUBECONFIG)'
	@kubectl --kubeconfig '$(CLUSTER_KUBECONFIG)' apply -f crds/incidents.yaml -f crds/playbooks.yaml -f manifests/base/action-roles.yaml
	@echo
	@echo "export KUBECONFIG=$(CLUSTER_KUBECONFIG)"
	@echo "export PATH=$(CURDIR)/$(BIN):\$$PATH"
	@echo "then: paramedic run; and at the end: make cluster-down"

cluster-down: ## Remove that cluster
	@dev/localkind delete cluster --name '$(CLUSTER)' --kubeconfig '$(CLUSTER_KUBECONFIG)'

image: $(VENV)/.ready ## Build the operator's image without a container engine
	@$(BIN)/python dev/image build --output dist/paramedic-image.tar

lock: $(VENV)/.ready ## Lock the dependencies again, with hashes
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements.txt
	uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -c requirements.txt -o requirements-dev.txt

clean: cluster-down ## Remove what was built here; the built control plane stays in the user's cache
	rm -rf $(VENV) dist build .localkind .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
