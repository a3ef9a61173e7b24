# The targets people use. What is more than a line lives in .ci/.

# Builds check SQL against .sqlx/, so none of them needs a database.
export SQLX_OFFLINE = true

ARGUMENTS ?=

.PHONY: help run test ci deep fmt lint doc openapi sbom secrets clean-data

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## Install what is missing, build, and start the demo (ARGUMENTS="--once" plays it once and ends)
	@.ci/install-missing
	cargo run --locked -- demo $(ARGUMENTS)

test: ## Install what is missing and run every test (ARGUMENTS="<name>" runs those whose name contains it)
	@.ci/install-missing
	@.ci/test $(ARGUMENTS)

ci: ## Everything a change has to pass
	@.ci/run

deep: ## The long tests
	@.ci/deep

fmt: ## Format the code
	cargo fmt

lint: ## Look for what the compiler lets pass
	CLIPPY_CONF_DIR=.ci cargo clippy --locked --all-targets -- -D warnings

doc: ## Build the documentation of the code
	cargo doc --locked --no-deps --document-private-items

openapi: ## Write docs/openapi.json anew, as the handlers describe it
	cargo run --locked --quiet -- openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json

sbom: ## Write what is inside, as CycloneDX, to target/nexus-gateway.cdx.json
	@.ci/sbom

secrets: ## Write what docker-compose.yml mounts into ./secrets, where it is missing
	@.ci/write-secrets

clean-data: ## Throw away what the demo stored
	rm -rf data
