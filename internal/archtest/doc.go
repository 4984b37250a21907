// Package archtest holds tests of the module's shape: who may import whom, and
// what no package does. It has no code of its own, so that the rules need no
// linter: they run with every `go test ./...`.
package archtest
