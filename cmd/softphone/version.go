package main

import (
	"runtime"
	"runtime/debug"
)

// build says what this program is.
type build struct {
	Type    string `json:"type"` // "result"
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func buildInfo() build {
	return build{"result", revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
}

// revision is what the linker was told, else what the go command wrote down.
func revision() string {
	if version != "dev" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return version + "-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return version
}
