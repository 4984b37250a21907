#!/usr/bin/env bash
# Format, vet, module file, import rules, and golangci-lint in the version named
# by GOLANGCI_LINT, installed into TOOLS through the Go module proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "lint: run gofmt -w on:"
	echo "$unformatted"
	exit 1
fi
"$go" vet ./...
"$go" mod tidy -diff
"$go" test -count=1 ./internal/archtest

linter=$TOOLS/golangci-lint-$GOLANGCI_LINT
if [ ! -x "$linter" ]; then
	if GOBIN=$TOOLS "$go" install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$GOLANGCI_LINT" 2>"${TMPDIR:-/tmp}/golangci-install.log"; then
		mv "$TOOLS/golangci-lint" "$linter"
	else
		echo "lint: left out golangci-lint $GOLANGCI_LINT, which could not be installed: $(tail -n 1 "${TMPDIR:-/tmp}/golangci-install.log")"
		exit 0
	fi
fi
"$linter" run ./...
