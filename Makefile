# Each target says what it does: make help.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the binary into ./bin, without cgo
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/typelog ./cmd/typelog

.PHONY: demo
demo: ## the main job in ten seconds, on a temporary directory
	$(GO) run ./cmd/typelog demo

.PHONY: test
test: ## all tests, as the README says
	$(GO) test ./...

.PHONY: race
race: ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: lint
lint: ## format, vet and staticcheck
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "gofmt would change:" $$files; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: generate
generate: ## write the generated code again
	$(GO) generate ./...

.PHONY: generated
generated: generate ## fail if the generated code in the tree is not what the generator writes
	git diff --exit-code

.PHONY: cross
cross: ## compile for every platform that is supported, without cgo
	@set -e; for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/typelog; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./... ; \
	done

.PHONY: tour
tour: build ## run every command of the README and of docs (needs kcat, curl, Python, Java and Maven)
	@set -e; for page in README.md $(wildcard docs/*.md); do .ci/tour $$page; done

.PHONY: accept
accept: build ## run examples/audit on real logs, and again with kill -9 in the middle: make accept DATA=DIR
	@if [ -z "$(DATA)" ]; then echo "make accept needs DATA=DIR, a directory with k8s-audit.jsonl, cloudtrail.jsonl and windows-events.jsonl.gz" >&2; exit 2; fi
	.ci/accept bin/typelog "$(DATA)"

.PHONY: interop
interop: build ## exchange data and records with Avro and Kafka libraries in Java, Python and JavaScript
	.ci/interop/run bin/typelog

.PHONY: accept-avro
accept-avro: ## run Avro's published vectors, and a registry's schemas if given: make accept-avro DATA=DIR [SCHEMAS=FILE]
	@if [ -z "$(DATA)" ]; then echo "make accept-avro needs DATA=DIR, a directory with schema-tests.txt, weather.avro and the other vectors of Apache Avro's share/test" >&2; exit 2; fi
	$(GO) run ./internal/acceptavro "$(DATA)" $(SCHEMAS)

.PHONY: bench
bench: build ## measure the broker, and in turns with it another: make bench KAFKA=HOST:PORT,PID
	.ci/bench bin/typelog

.PHONY: bench-registry
bench-registry: ## measure the registry against bare handlers, how fast it registers, and what many versions cost
	$(GO) run ./registry/internal/bench

.PHONY: bench-avro
bench-avro: ## measure generated Avro code against hamba, twmb/avro, goavro, gogen-avro and an encoder written by hand
	$(GO) run ./serde/avro/internal/bench
	cd serde/avro/internal/bench/others && $(GO) generate && $(GO) run .

.PHONY: scale
scale: ## generate from 5,000 fields in less than 2 s, and compile the result
	$(GO) test ./codegen -run '^TestScale$$' -count=1 -v -args -compiled=5000

.PHONY: torture
torture: build ## kill it, cut its disk's power, fill the disk: ROUNDS (50), SEED, SIZE (3, GiB retained), FORMS (Linux, root, xfsprogs: ext4 xfs full)
	@set -e; $(GO) build -o bin/torture ./internal/torture; for form in $${FORMS:-kill ext4 xfs full many retained}; do \
		rounds=$${ROUNDS:-50}; if [ $$form = full ] && [ $$rounds -gt 5 ]; then rounds=5; fi; \
		bin/torture -binary bin/typelog -form $$form -rounds $$rounds $${SEED:+-seed $$SEED} $${SIZE:+-gigabytes $$SIZE} -log bin/torture-$$form.log; done

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10s)
	@set -e; $(GO) list ./... | while read -r pkg; do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-10s} $$pkg; done; done
