package agent

import (
	"embed"
	"io/fs"
)

//go:embed schema/*.json
var schemas embed.FS

// Schemas returns the JSON Schemas (draft 2020-12) of the directives, the
// events and the context: MakeCall.json, CallArrived.json, context.json and so
// on, and common.json, which they refer to. Unknown members are allowed
// everywhere.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemas, "schema")
	if err != nil {
		return schemas // the folder's name is valid
	}
	return sub
}
