// Package sheet reads and writes CSV as spreadsheets do: encodings without a
// name, separators that follow the country, and cells that would be run as
// formulas.
package sheet
