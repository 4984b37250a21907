// Package api holds the documents of the local control API: what the server of
// package control writes and the client of package client reads. They are plain
// data; the tags beside the JSON names become the OpenAPI document.
//
// The package does nothing itself and imports nothing of the phone, so that a
// program which only steers one stays small.
package api
