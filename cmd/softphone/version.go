package main

import "runtime"

// build says what this program is.
type build struct {
	Type    string `json:"type"` // "result"
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func buildInfo() build {
	return build{"result", version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
}
