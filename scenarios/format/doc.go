// Package format is the scenario file: apiVersion fauxkube.dev/v1alpha1, kind Scenario, as values.
//
// Decoding is strict. An unknown field, a wrong type or an impossible time is an *Error that names file, line and
// field, and says what would be right. Schema is the same structure as a JSON Schema, for editors.
//
// Every step, fault and expectation has an ID, given by its name or derived from its content. Random draws, report
// rows and shrinking rest on it: taking one step away leaves the IDs, and so the draws, of all others as they were.
package format
