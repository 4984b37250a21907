# Run `make` to see what there is. Only Go is needed for build, demo and test.

GO            ?= go
E2E           ?= auto
RACE          ?=
FUZZTIME      ?= 10s
SOAKTIME      ?= 10m
LOADCALLS     ?= 1,100,500,1000
LOADTIME      ?= 20s
ATTEMPTS      ?= 200
ATTEMPTTIME   ?= 60s
GOLANGCI_LINT ?= v2.12.2

export CGO_ENABLED = 0

# Tools are installed here, outside the module, so that they never change go.mod.
TOOLS   := $(CURDIR)/bin/tools
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD   := $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

# The race detector wants cgo and a C compiler.
ifeq ($(RACE),1)
  TESTENV := CGO_ENABLED=1 RACE=1
  TESTARG := -race
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/softphone
	$(BUILD) -o bin/softphone ./cmd/softphone

.PHONY: demo
demo: build ## two phones and an exchange in one process: call, talk, dial digits, block
	./bin/softphone demo

.PHONY: test
test: ## run all tests; those against Asterisk, baresip, linphone and SIPp where these are found
	$(TESTENV) $(GO) test $(TESTARG) -shuffle=on -timeout 10m $$($(GO) list ./... | grep -vE '/(e2e|cmd/softphone|internal/demo)$$')
	$(TESTENV) $(GO) test $(TESTARG) -shuffle=on -timeout 10m -p 1 ./cmd/softphone ./internal/demo # in real time, so not beside others
	$(TESTENV) E2E=$(E2E) $(GO) test $(TESTARG) -shuffle=on -timeout 15m -parallel 6 -count=1 -v ./e2e

.PHONY: race
race: ## the same with the race detector (needs a C compiler)
	$(MAKE) test RACE=1

.PHONY: e2e
e2e: asterisk-image-if-missing ## run the tests against real Asterisk, baresip, linphone and SIPp; nothing may be missing
	$(TESTENV) E2E=required $(GO) test $(TESTARG) -shuffle=on -timeout 15m -parallel 6 -count=1 -v ./e2e

.PHONY: soak
soak: build ## what takes long: thousands of calls against Asterisk (SOAKTIME=10m)
	$(TESTENV) E2E=required SOAK=$(SOAKTIME) $(GO) test $(TESTARG) -timeout 0 -count=1 -v -run '^TestSoak_' ./e2e

.PHONY: fuzz
fuzz: ## run every fuzz target for a while (FUZZTIME=10s)
	@GO=$(GO) FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v '/e2e$$')

.PHONY: bench-load
bench-load: ## what calls cost beside a bare socket loop (Linux; LOADCALLS=1,100,500,1000 LOADTIME=20s)
	$(GO) run ./internal/mediaload/command --calls $(LOADCALLS) --for $(LOADTIME)

.PHONY: bench-attempts
bench-attempts: ## SIPp calls `softphone answer` again and again (ATTEMPTS=200 a second, ATTEMPTTIME=60s)
	E2E=auto ATTEMPTS=$(ATTEMPTS) ATTEMPTTIME=$(ATTEMPTTIME) $(GO) test -count=1 -timeout 15m -v -run '^TestAttempts_' ./e2e

.PHONY: replay-traces
replay-traces: ## what the playout engine makes of each packet trace: delay, concealment, time scaling, MOS
	@$(GO) test -count=1 -v -run '^TestTraces_' ./media/replay | sed -n -e 's/^ *bounds_test.go:[0-9]*: //p' -e '/^FAIL/p'

.PHONY: lint
lint: ## check format, vet, module file, import rules, and golangci-lint where it can be installed
	@GO=$(GO) TOOLS=$(TOOLS) GOLANGCI_LINT=$(GOLANGCI_LINT) scripts/lint.sh

.PHONY: cross
cross: ## build for linux amd64, arm64, arm, darwin arm64 and windows amd64 into dist/
	@set -e; for target in linux/amd64 linux/arm64 linux/arm darwin/arm64 windows/amd64; do \
		os=$${target%/*}; arch=$${target#*/}; out=dist/softphone-$$os-$$arch; \
		if [ $$os = windows ]; then out=$$out.exe; fi; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o $$out ./cmd/softphone; \
		ls -l $$out | awk '{ printf "%-34s %6.1f MiB\n", $$NF, $$5/1048576 }'; \
	done

.PHONY: asterisk-image
asterisk-image: ## build the test PBX's image; from Debian's packages where no image can be pulled
	scripts/asterisk-image.sh

.PHONY: asterisk-image-if-missing
asterisk-image-if-missing:
	@scripts/asterisk-image.sh --if-missing

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
