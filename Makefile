# `make` builds bin/fauxkube. Everything else that this file needs comes from the Go module proxy.

GO ?= go

.PHONY: build test lint bench golden check-long clean

build:
	$(GO) build -o bin/ ./cmd/fauxkube

# What CI runs: the rules, then every test.
test: lint
	$(GO) test ./...

# The determinism and import rules of our own, vet, staticcheck, and formatting.
lint:
	@unformatted=$$(gofmt -l cmd sim cluster workloads scenarios reports 2>/dev/null); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run ./cmd/fauxlint ./...
	$(GO) tool staticcheck ./...

# The speeds that the README names, on one core.
bench:
	$(GO) test -run '^$$' -bench . -benchtime 2s -cpu 1 ./sim/... ./cluster/... ./scenarios/... ./workloads/... ./reports/...

clean:
	rm -rf bin
