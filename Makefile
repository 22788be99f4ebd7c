# Everything that this file needs besides Go, git and make comes from the Go module proxy.

GO ?= go

# The seed of the property tests, so that `make test` says the same twice. `make check-long` draws its own.
SEED ?= 1
PACKAGES = $(shell $(GO) list ./...)
PROPERTIES = $(shell $(GO) list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}' ./...)

.PHONY: build test lint bench golden mutants check-long oracle clean

# bin/fauxkube.
build:
	$(GO) build -o bin/ ./cmd/fauxkube

# What CI runs: the rules, then every test, then the comparisons with upstream's own code.
test: lint
	$(GO) test $(filter-out $(PROPERTIES),$(PACKAGES))
	$(GO) test $(PROPERTIES) -rapid.seed=$(SEED)
	$(MAKE) oracle

# The rules of our own (determinism, imports, tidiness), vet, staticcheck, and formatting; tests that run rarely included.
lint: export GOFLAGS += -tags=long
lint:
	@unformatted=$$(gofmt -l cmd sim cluster workloads scenarios reports 2>/dev/null); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run ./cmd/fauxlint ./...
	$(GO) tool staticcheck -checks inherit,-SA1019,-ST1005 ./...

# The speeds that the README names, on one core.
bench:
	$(GO) test -run '^$$' -bench . -benchtime 2s -benchmem -cpu 1 -timeout 30m ./...

# Upstream's own code beside ours, in modules of their own so that nothing else depends on them: our scheduler and
# kube-scheduler on 300 random clusters (its first build takes about five minutes of CPU, later ones seconds), our store and
# etcd v3.6 over 100 random sequences of 100 operations (half a minute).
oracle:
	cd cluster/etcd/oracle && $(GO) vet . && $(GO) test -count 1 . -rapid.seed=$(SEED)
	cd cluster/scheduler/oracle && $(GO) vet . && $(GO) test -count 1 . -rapid.checks=300

# The comparison with recordings of a real control plane: a table of what is equal, tolerated with a reason, different.
golden:
	$(GO) test -count 1 -v -run '^TestGolden' -timeout 30m ./scenarios/golden

# Bugs planted in the store, in watch caches and in informers, one after the other, and who finds each: a table. One that nobody finds fails.
mutants:
	$(GO) test -count 1 -v -tags long -run '^TestMutants$$' -timeout 30m ./scenarios/mutants

# What takes too long for every change: many seeds, every second of a story, 200 x 2 equal runs. Tests behind the
# build tag "long".
check-long:
	$(GO) test -count 1 -tags long -timeout 4h ./...
	cd cluster/etcd/oracle && $(GO) test -count 1 -tags long . -timeout 1h
	cd cluster/scheduler/oracle && $(GO) test -count 1 . -rapid.checks=10000 -speed -timeout 2h

clean:
	rm -rf bin
