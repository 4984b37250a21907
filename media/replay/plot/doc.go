// Package plot draws what a replay did as a picture for a report: the delay of
// each packet, the playout delay and its target over time, and beneath them
// what was lost, late, made up, stretched and compressed.
//
//	replay.Record -> figure (layout) -> canvas -> PNG or SVG
//
// The colours are told apart by people who see few of them, and every kind of
// mark has a shape and a place of its own, so that a print without colour says
// the same. A picture depends on nothing but its Figure: no clock, no file, no
// font of the system.
//
// It never judges: all figures come from replay.
package plot
